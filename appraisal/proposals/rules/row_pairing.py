"""Rows of a table before are paired here with the rows of the table after."""

from bisect import bisect_left
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

Row = tuple[str, ...]

# A word in more rows than this says nothing about which row is which.
MOST_ROWS: Final = 8
# How many rows after are looked at closely for one before.
CANDIDATES: Final = 3
# The part of their words that two rows share when they are one row, changed; less is enough for
# two rows that follow the same row.
ALIKE: Final = 0.5
ALIKE_IN_PLACE: Final = 0.3


def pair_rows(before: Sequence[Row], after: Sequence[Row], reference: int | None = None) -> dict[int, int]:
    """Return the place after of each row before that is still there, changed or not.

    ``reference`` is the column that names a row: equal references pair, where they are unique on
    both sides. Others pair when they are equal, in their order, then when their words are alike.
    The time grows with the words, not with the square of the rows.
    """
    pairs = _by_reference(before, after, reference) if reference is not None else {}
    pairs |= _equal(before, after, pairs)
    pairs |= _alike(before, after, pairs)
    return pairs | dict(_in_place(before, after, pairs))


def moved_rows(pairs: Mapping[int, int]) -> frozenset[int]:
    """Return the places before of the rows that moved: the fewest whose leaving keeps the others in order."""
    order = sorted(pairs)
    # The longest rising sequence: the last row of each length found so far, and what came before each row.
    ends: list[int] = []
    lasts: list[int] = []
    earlier: dict[int, int | None] = {}
    for place in order:
        length = bisect_left(ends, pairs[place])
        earlier[place] = lasts[length - 1] if length else None
        ends[length : length + 1] = [pairs[place]]
        lasts[length : length + 1] = [place]
    kept: set[int] = set()
    place_kept = lasts[-1] if lasts else None
    while place_kept is not None:
        kept.add(place_kept)
        place_kept = earlier[place_kept]
    return frozenset(pairs) - kept


def _by_reference(before: Sequence[Row], after: Sequence[Row], column: int) -> dict[int, int]:
    places = _unique(after, column)
    return {place: places[name] for name, place in _unique(before, column).items() if name in places}


def _unique(rows: Sequence[Row], column: int) -> dict[str, int]:
    """Return the place of each reference that stands once."""
    counted = Counter(row[column] for row in rows)
    return {row[column]: place for place, row in enumerate(rows) if row[column] and counted[row[column]] == 1}


def _equal(before: Sequence[Row], after: Sequence[Row], pairs: Mapping[int, int]) -> dict[int, int]:
    free: dict[Row, deque[int]] = defaultdict(deque)
    for place in _free(len(after), pairs.values()):
        free[after[place]].append(place)
    return {
        place: free[before[place]].popleft() for place in _free(len(before), pairs) if free[before[place]]
    }


def _alike(before: Sequence[Row], after: Sequence[Row], pairs: Mapping[int, int]) -> dict[int, int]:
    """Pair rows that share words which few rows have, the most alike first."""
    came = {place: _words(after[place]) for place in _free(len(after), pairs.values())}
    rare = _rare(came)
    found: list[tuple[float, int, int, int]] = []
    for place in _free(len(before), pairs) if came else ():
        words = _words(before[place])
        shared: dict[int, int] = defaultdict(int)
        for word in words:
            for other in rare.get(word, ()):
                shared[other] += 1
        closest = sorted(shared, key=lambda other: (-shared[other], other))
        for other in closest[:CANDIDATES]:
            likeness = _likeness(words, came[other])
            if likeness >= ALIKE:
                found.append((-likeness, abs(place - other), place, other))
    paired: dict[int, int] = {}
    taken: set[int] = set()
    for _, _, place, other in sorted(found):
        if place not in paired and other not in taken:
            paired[place] = other
            taken.add(other)
    return paired


def _rare(rows: Mapping[int, frozenset[str]]) -> dict[str, list[int]]:
    """Return the rows in which a word stands, for words that tell rows apart."""
    index: dict[str, list[int]] = defaultdict(list)
    for place, words in rows.items():
        for word in words:
            index[word].append(place)
    return {word: places for word, places in index.items() if len(places) <= MOST_ROWS}


def _in_place(
    before: Sequence[Row], after: Sequence[Row], pairs: Mapping[int, int]
) -> Iterator[tuple[int, int]]:
    """Pair what is left with the row after the same row, where the two are alike at all."""
    taken = set(pairs.values())
    last = -1
    for place, row in enumerate(before):
        other = pairs.get(place)
        here = last + 1
        if other is None and here < len(after) and here not in taken and _is_like(row, after[here]):
            other = here
            taken.add(here)
            yield place, here
        if other is not None:
            last = other


def _is_like(one: Row, other: Row) -> bool:
    return _likeness(_words(one), _words(other)) >= ALIKE_IN_PLACE


def _free(count: int, taken: Iterable[int]) -> list[int]:
    """Return the places that are not taken yet."""
    gone = set(taken)
    return [place for place in range(count) if place not in gone]


def _words(row: Row) -> frozenset[str]:
    return frozenset(" ".join(row).split())


def _likeness(one: frozenset[str], other: frozenset[str]) -> float:
    both = len(one) + len(other)
    return 2 * len(one & other) / both if both else 1.0
