"""Ratings are carried over to a new version, but for items that the changed fields touch."""

from collections.abc import Iterable, Sequence

from appraisal.definitions.library import Criterion
from appraisal.proposals.facts import Appraisal, Case, Version


def items_touched(criteria: Iterable[Criterion], changed: frozenset[str]) -> dict[str, tuple[str, ...]]:
    """Return the items whose evidence is among the paths that changed, each with those that it cites."""
    return {
        item.id: cited
        for criterion in criteria
        for item in criterion.checklist.items
        if (cited := tuple(path for path in item.evidence if path in changed))
    }


def appraisals_carried_from(appraisals: Sequence[Appraisal]) -> tuple[Appraisal, ...]:
    """Return the appraisals that hand ratings on to the next one, the last at the end.

    That is the one that ended last; where it was closed with ratings that nobody had confirmed, it is
    preceded by those that had handed them to it. A superseded appraisal hands nothing on.
    """
    found: list[Appraisal] = []
    for entry in reversed(appraisals):
        if entry.is_running or entry.superseded_at:
            continue
        found.insert(0, entry)
        if entry.finalised_at or not any(given.proposed for given in entry.ratings.values()):
            break
    return tuple(found)


def versions_carried_from(case: Case) -> tuple[Version, ...]:
    """Return the versions that the ratings of the present appraisal may have been given on."""
    running = case.appraisal or case.finalised
    if running is None:
        return ()
    before = [entry for entry in case.appraisals if entry.number < running.number]
    earlier = {entry.version_id for entry in appraisals_carried_from(before)}
    return tuple(entry for entry in case.versions if entry.id in earlier)
