"""Two texts are compared word by word: what they share, what was removed, what was added."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final, Literal

Mark = Literal["kept", "removed", "added"]

# Equal words on both sides, counted as pairs: what difflib's time grows with. Above, nothing is matched.
MOST_PAIRS: Final = 60_000
# Where less than this part of the shorter text's words is shared, it was written anew, and is easier read so.
LEAST_SHARED: Final = 0.25
# A kept scrap of this many characters between two changes is read as part of the change.
SCRAP: Final = 3

# A grouped number, a word (combining marks belong to it), or any other sign; then the space after it.
# The last alternative takes the space that a text begins with.
_TOKEN: Final = re.compile(r"(?:\d+(?:[.,'’\u00a0\u202f]\d+)+|[\w\u0300-\u036f]+|[^\w\s]|^)\s*")
_SPACE: Final = re.compile(r"\s")


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of text (or a whole value) that is on both sides, or on one of them."""

    mark: Mark
    text: str


def compare(before: str, after: str) -> tuple[Run, ...]:
    """Compare two texts word by word.

    What is kept and removed, joined, is the text before; what is kept and added, the text after.
    Removed stands before added; no run is empty, and no two of a kind follow each other. The time
    is bounded: texts that have too much in common with themselves are replaced as a whole.
    """
    if before == after:
        return (Run("kept", before),) if before else ()
    start = _begun_alike(before, after)
    old, new = before[start:], after[start:]
    end = _begun_alike(old[::-1], new[::-1])
    middle = _middle(old[: len(old) - end], new[: len(new) - end])
    return tuple(_merged([Run("kept", before[:start]), *middle, Run("kept", old[len(old) - end :])]))


def replaced(before: str, after: str) -> tuple[Run, ...]:
    """Compare two values that are one thing each, such as a date."""
    if before == after:
        return (Run("kept", before),) if before else ()
    return tuple(_change(before, after))


def compare_sets(before: Sequence[str], after: Sequence[str]) -> tuple[Run, ...]:
    """Compare two sets, one run a member: those from before in their order, then those added."""
    left, came = dict.fromkeys(before), dict.fromkeys(after)
    stood = [Run("kept" if member in came else "removed", member) for member in left]
    return tuple(stood + [Run("added", member) for member in came if member not in left])


def text_before(runs: Iterable[Run]) -> str:
    """Return the text that the runs lead from."""
    return "".join(run.text for run in runs if run.mark != "added")


def text_after(runs: Iterable[Run]) -> str:
    """Return the text that the runs lead to."""
    return "".join(run.text for run in runs if run.mark != "removed")


def _begun_alike(one: str, other: str) -> int:
    """Return the length of what two texts begin with alike, up to and with its last space."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    space = _SPACE.search(one[:low][::-1])
    return low - space.start() if space else 0


def _middle(before: str, after: str) -> Iterable[Run]:
    whole = (Run("removed", before), Run("added", after))
    if not before or not after:
        return whole
    old: list[str] = _TOKEN.findall(before)
    new: list[str] = _TOKEN.findall(after)
    # Words are matched without the space after them, which may be a line's end on one side only.
    words, others = [token.rstrip() for token in old], [token.rstrip() for token in new]
    if _is_hopeless(Counter(words), Counter(others), min(len(words), len(others))):
        return whole
    # From two hundred words on difflib looks for no match of frequent words by themselves, which is as well.
    return _aligned(old, new, SequenceMatcher(None, words, others))


def _is_hopeless(old: Counter[str], new: Counter[str], shorter: int) -> bool:
    shared = pairs = 0
    for word, count in old.items():
        if word in new:
            shared += min(count, new[word])
            pairs += count * new[word]
    return shared < LEAST_SHARED * shorter or pairs > MOST_PAIRS


def _aligned(old: list[str], new: list[str], matcher: SequenceMatcher[str]) -> Iterator[Run]:
    for name, i, i_end, j, j_end in matcher.get_opcodes():
        left, right = "".join(old[i:i_end]), "".join(new[j:j_end])
        if left == right:
            yield Run("kept", left)
        elif name == "equal":
            # The same words with other space between them.
            for one, other in zip(old[i:i_end], new[j:j_end], strict=True):
                word = one.rstrip()
                yield Run("kept", word)
                yield from replaced(one[len(word) :], other[len(word) :])
        else:
            yield from _change(left, right)


def _merged(runs: Iterable[Run]) -> Iterator[Run]:
    """Join what belongs together: runs of a kind, and scraps with the changes around them."""
    joined = list(_stretches(runs))
    removed = added = ""
    for place, run in enumerate(joined):
        if run.mark == "removed":
            removed += run.text
        elif run.mark == "added":
            added += run.text
        elif (removed or added) and place + 1 < len(joined) and _is_scrap(run.text):
            removed, added = removed + run.text, added + run.text
        else:
            yield from _change(removed, added)
            yield run
            removed = added = ""
    yield from _change(removed, added)


def _is_scrap(text: str) -> bool:
    return len(text.strip()) <= SCRAP and "\n" not in text


def _stretches(runs: Iterable[Run]) -> Iterator[Run]:
    """Join kept runs that follow each other, and leave out empty ones."""
    kept: list[str] = []
    for run in runs:
        if run.mark == "kept":
            kept.append(run.text)
        elif run.text:
            if text := "".join(kept):
                yield Run("kept", text)
            kept = []
            yield run
    if text := "".join(kept):
        yield Run("kept", text)


def _change(removed: str, added: str) -> Iterator[Run]:
    if removed:
        yield Run("removed", removed)
    if added:
        yield Run("added", added)
