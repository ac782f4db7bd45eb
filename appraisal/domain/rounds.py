"""Rounds: what a new version means for the appraisal of the one before it."""

from collections.abc import Iterable

from appraisal.definitions.library import Criterion
from appraisal.domain.facts import Case, RequiredChange, Version


def items_touched(criteria: Iterable[Criterion], changed: frozenset[str]) -> dict[str, tuple[str, ...]]:
    """Return the items whose evidence is among the paths that changed, each with those that it cites."""
    return {
        item.id: cited
        for criterion in criteria
        for item in criterion.checklist.items
        if (cited := tuple(path for path in item.evidence if path in changed))
    }


def version_carried_from(case: Case) -> Version | None:
    """Return the version that the ratings of the present appraisal were carried over from.

    That is the one finalised last before it; a superseded appraisal hands nothing on.
    """
    running = case.appraisal or case.finalised
    if running is None:
        return None
    earlier = {
        entry.version_id
        for entry in case.appraisals
        if entry.finalised_at and not entry.superseded_at and entry.id != running.id
    }
    return next((entry for entry in reversed(case.versions) if entry.id in earlier), None)


def changes_answered(case: Case, before: Version, after: Version) -> list[RequiredChange]:
    """Return the required changes whose answers came in after one version, up to another."""
    return [
        change
        for change in case.changes
        if change.answered_at is not None and before.at < change.answered_at <= after.at
    ]
