"""Rounds of revision are counted here, with whether one more is allowed and which changes wait."""

from datetime import datetime
from typing import Final

from appraisal.definitions.workflows import Act, Workflow
from appraisal.proposals.facts import Case, RequiredChange, Step, Version

# The acts that ask for a revision: the lead's, and a manager's.
_ASKING: Final[frozenset[Act]] = frozenset({"request_revision", "return"})


def count(case: Case) -> int:
    """Count the times that a revision was asked for, by the lead or by a manager."""
    return sum(step.act in _ASKING for step in case.steps)


def changes_asked(case: Case, at: datetime) -> list[RequiredChange]:
    """Return the changes of the round that was asked for last at a moment, later ones left out."""
    latest = sum(step.act in _ASKING and step.at <= at for step in case.steps)
    return [change for change in case.changes if change.round == latest]


def waits(case: Case) -> tuple[tuple[Step, Step], ...]:
    """Return each wait for a manager's leave that is over: the step that asked last, and the leave."""
    found, asked = [], None
    for step in case.steps:
        if step.act in _ASKING:
            asked = step
        elif step.act == "continue_rounds" and asked is not None:
            found.append((asked, step))
    return tuple(found)


def is_further_allowed(case: Case) -> bool:
    """Tell whether a manager allowed a further round since a revision was asked for last."""
    asked = [step.sequence for step in case.steps if step.act in _ASKING]
    given = waits(case)
    return bool(asked) and bool(given) and given[-1][1].sequence > asked[-1]


def awaits_manager(workflow: Workflow, case: Case) -> bool:
    """Tell whether the author can only go on when a manager allows a further round.

    Then it is the managers who are awaited: the author's clock and days of silence stand still.
    """
    if count(case) < workflow.limits.rounds or is_further_allowed(case):
        return False
    return any(entry.act == "continue_rounds" for entry in workflow.leaving(case.state))


def changes_to_answer(case: Case) -> list[RequiredChange]:
    """Return the required changes that may be answered: an answer that came in with a version stays."""
    last = case.version.at if case.version else None
    return [
        change
        for change in case.changes
        if change.answered_at is None or last is None or change.answered_at > last
    ]


def changes_answered(case: Case, before: Version, after: Version) -> list[RequiredChange]:
    """Return the required changes whose answers came in after one version, up to another."""
    return [
        change
        for change in case.changes
        if change.answered_at is not None and before.at < change.answered_at <= after.at
    ]
