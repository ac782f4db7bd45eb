"""An examination is a bundle that is being checked, with the results so far.

There are three results: something *holds*, it *fails*, or it *cannot be known here*, which is never said to
hold. A manifest whose signature is trusted vouches for what it names as of its moment; without one, nothing
but what follows from the contents themselves is known.
"""

import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from appraisal.clock import parse_stamp
from appraisal.definitions.library import Library
from appraisal.errors import AppraisalError
from appraisal.verification.reading.isolated import Opener
from appraisal.verification.reading.signatures import Grounds
from appraisal.verification.rules.bundle_manifest import Manifest
from appraisal.verification.services.record_file import Render
from appraisal.vocabulary.findings import Finding, Outcome

LARGEST_TEXT: Final = 64 << 20
NAMED: Final = 100
# A moment is that at which a step began; what was read meanwhile may be older by as much as a step takes.
LEEWAY: Final = timedelta(minutes=10)
Progress = Callable[[int, int], None]


class NoBundle(AppraisalError):
    """A file is no bundle, or one that is not opened; the message says why."""


@dataclass(slots=True)
class Checking:
    """A bundle that is being checked, and what was found so far, problem by problem."""

    archive: zipfile.ZipFile
    manifest: Manifest
    grounds: Grounds
    library: Library
    opener: Opener
    render: Render | None
    progress: Progress
    # Whether a signature that is trusted vouches for the manifest, and so for every file as of its moment.
    is_vouched: bool = False
    found: list[Finding] = field(default_factory=list)
    told: Counter[tuple[str, Outcome]] = field(default_factory=Counter)
    # How much of what was looked at, for the sentences that say that it holds.
    counted: Counter[str] = field(default_factory=Counter)
    # What could not be checked of how many PDFs, and of how many records.
    open: Counter[str] = field(default_factory=Counter)
    open_records: Counter[str] = field(default_factory=Counter)

    def tell(self, check: str, outcome: Outcome, sentence: str) -> None:
        """Note something; of one check and outcome, so many are kept."""
        self.told[check, outcome] += 1
        if self.told[check, outcome] <= NAMED:
            # What a file says may hold a percent sign; here it fills a place.
            self.found.append(Finding(check, outcome, "%(said)s", {"said": sentence}))

    def leave(self, check: str, sentence: str, vouched: str = "the signed manifest vouches for it") -> None:
        """Note what nothing in the bundle proves: it cannot be known, unless the signed manifest vouches."""
        if self.is_vouched:
            self.tell(check, "holds", f"{sentence}; {vouched}.")
        else:
            self.tell(check, "unchecked", f"{sentence}.")

    def close(self, check: str, sentence: str) -> None:
        """Say that a check holds, unless it fails; or how many more of the same were found."""
        if not self.told[check, "fails"]:
            self.found.append(Finding(check, "holds", "%(said)s", {"said": sentence}))
        for outcome in ("fails", "unchecked", "ended", "holds"):
            if (more := self.told[check, outcome] - NAMED) > 0:
                self.found.append(Finding(check, outcome, "%(said)s", {"said": f"… and {more} more"}))

    def read(self, path: str, most: int = LARGEST_TEXT) -> bytes:
        """Return a file, whose size was checked before; raises ``NoBundle`` for one that no bundle holds."""
        return read(self.archive, path, most)

    def check_time(self, check: str, at: str, what: str) -> bool:
        """Name what is newer than the bundle, which cannot know of it; tell whether it is not.

        A signature that vouches for both leaves no more than clocks that differ.
        """
        if moment(at) <= moment(self.manifest.made_at) + LEEWAY:
            return True
        said = f"{what} is newer than the bundle says that it is itself"
        if self.is_vouched:
            self.leave(check, said)
        else:
            self.tell(check, "fails", said)
        return False


def moment(text: str) -> datetime:
    """Read a moment that a file says; raises ``ValueError``."""
    found = parse_stamp(text)
    if found.tzinfo is None:
        raise ValueError(text)
    return found


def read(archive: zipfile.ZipFile, path: str, most: int) -> bytes:
    """Return a file of at most so many bytes; raises ``NoBundle`` for a larger one."""
    with archive.open(path) as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise NoBundle(f"{path} is larger than it may be")
    return data


def several(count: int, word: str) -> str:
    """Write how many there are of something."""
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def ranged(numbers: Sequence[int]) -> str:
    """Write numbers in ascending order, those that follow each other as a range: 1 to 3, 5."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][-1] + 1:
            parts[-1][1:] = [number]
        else:
            parts.append([number])
    return ", ".join(" to ".join(map(str, part)) for part in parts)
