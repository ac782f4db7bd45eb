"""Self-checks hold what authors think of their own proposal, to compare with an appraiser's ratings.

Nothing here is part of a case: what authors put down for themselves reaches no guard, no record,
and nobody else.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from appraisal.appraisals.rules.verdicts import Assessment, assess
from appraisal.canonical import digest
from appraisal.definitions.checklists import Item
from appraisal.definitions.library import Criterion
from appraisal.definitions.sets import ChecklistSet
from appraisal.proposals.facts import Appraisal, Case, RatingGiven, Version
from appraisal.proposals.rules import track_and_money
from appraisal.proposals.rules.rulebook import Rulebook

NOTHING = RatingGiven("", "")
Direction = Literal["same", "higher", "lower", "other", "unrated"]


def version_written(case: Case) -> int:
    """Return the number of the version that is being written: one more than the last submitted."""
    return case.version.number + 1 if case.version else 1


def estimate(
    book: Rulebook, criteria: tuple[Criterion, ...], case: Case, own: Mapping[str, RatingGiven]
) -> Assessment:
    """Return what would follow if an appraiser rated the draft as its authors do."""
    return assess(
        book.set, criteria, own, track_and_money.checklist_facts(case.content), check_comments=False
    )


def fingerprint(items: Iterable[Item], own: Mapping[str, RatingGiven]) -> str:
    """Return what tells whether the ratings of some items are still those that a form was drawn from."""
    return digest([[own.get(item.id, NOTHING).value, own.get(item.id, NOTHING).comment] for item in items])


@dataclass(frozen=True, slots=True)
class Compared:
    """One item as its authors and as the appraiser rated it; ``direction`` is how the authors' lies."""

    item: Item
    own: RatingGiven
    given: RatingGiven
    direction: Direction

    @property
    def differs(self) -> bool:
        """Tell whether both rated it, and not alike."""
        return self.direction not in ("same", "unrated")


def compare(
    chosen: ChecklistSet,
    criteria: Iterable[Criterion],
    own: Mapping[str, RatingGiven],
    ratings: Mapping[str, RatingGiven],
) -> list[Compared]:
    """Compare item by item: those that differ first, then those alike, then those that one left out."""
    found = [
        Compared(item, mine, given, _direction(chosen, mine.value, given.value))
        for criterion in criteria
        for item in criterion.checklist.items
        for mine, theirs in [(own.get(item.id, NOTHING), ratings.get(item.id, NOTHING))]
        for given in [theirs if theirs.counts else NOTHING]
    ]
    return sorted(found, key=lambda entry: (not entry.differs, entry.direction == "unrated"))


def _direction(chosen: ChecklistSet, own: str, given: str) -> Direction:
    if not own or not given:
        return "unrated"
    if own == given:
        return "same"
    mine, theirs = _points(chosen, own), _points(chosen, given)
    if mine is None or theirs is None or mine == theirs:
        return "other"
    return "higher" if mine > theirs else "lower"


def _points(chosen: ChecklistSet, value: str) -> Decimal | None:
    rating = chosen.rating(value)
    return rating.points if rating else None


def comparable(case: Case) -> list[tuple[Version, Appraisal]]:
    """Return the versions whose appraisal the authors may read, newest first.

    They read it from finalising on; one that was taken back is no longer the appraiser's word.
    """
    versions = {version.id: version for version in case.versions}
    return [
        (versions[appraisal.version_id], appraisal)
        for appraisal in reversed(case.appraisals)
        if appraisal.finalised_at is not None and appraisal.superseded_at is None
    ]
