"""The correction of a registration brings back the state and the appraisal before it.

A registration by mistake never was an approval, so nothing is annulled: the state before it comes back. What
a step cancels for good, a hold and a first signature, does not.
"""

from dataclasses import replace
from datetime import datetime

from appraisal.appraisals.rules import responses
from appraisal.appraisals.rules.responses import Asked
from appraisal.proposals.facts import Appraisal, Case, Decision
from appraisal.trail.rules import approvals


def closed_by(case: Case, registration: Decision) -> Appraisal | None:
    """Return the appraisal that was running until the registration closed it."""
    return next((entry for entry in case.appraisals if entry.closed_at == registration.at), None)


def running_again(case: Case, closed: Appraisal, registration: Decision, now: datetime) -> Appraisal:
    """Return an appraisal as it runs again: nobody is silent by what closed it, and all are awaited."""

    def again(asked: Asked) -> Asked:
        is_silent = asked.silent_at is not None and asked.silent_at != registration.at
        return responses.awaited_again(case, asked if is_silent else replace(asked, silent_at=None), now)

    return replace(
        closed,
        closed_at=None,
        consultations=tuple(again(entry) for entry in closed.consultations),
        reviews=tuple(again(entry) for entry in closed.reviews),
    )


def previous_before(case: Case) -> str:
    """Return which state counted as the one before, when the registration in force was made.

    A registration that was corrected before it never counted.
    """
    moves = [step for step in approvals.uncorrected(case.steps) if step.from_state != step.to_state]
    before = moves[: len(moves) - len(approvals.standing(moves))]
    return before[-1].from_state if before else ""


def hold_ended(case: Case, registration: Decision) -> bool:
    """Tell whether the registration ended a hold."""
    return any(entry.released_at == registration.at for entry in case.holds)


def signature_ended(case: Case, registration: Decision) -> Decision | None:
    """Return the first signature that was waiting until the registration voided it."""
    return next(
        (
            entry
            for entry in case.decisions
            if entry.kind in ("propose_override", "propose_annulment") and entry.voided_at == registration.at
        ),
        None,
    )
