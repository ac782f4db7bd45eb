"""Registrations: approvals given outside that were written down here, and what correcting one brings back.

A registration by mistake never was an approval, so nothing is annulled: the state before it comes back. What
a step cancels for good, a hold and a first signature, does not.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from appraisal.domain.facts import CORRECTING, Appraisal, Case, Decision


def closed_by(case: Case, registration: Decision) -> Appraisal | None:
    """Return the appraisal that was running until the registration closed it."""
    return next((entry for entry in case.appraisals if entry.closed_at == registration.at), None)


def running_again(closed: Appraisal, registration: Decision) -> Appraisal:
    """Return an appraisal as it was before a registration closed it."""
    return replace(
        closed,
        closed_at=None,
        consultations=tuple(
            replace(entry, silent_at=None) if entry.silent_at == registration.at else entry
            for entry in closed.consultations
        ),
        reviews=tuple(
            replace(entry, silent_at=None) if entry.silent_at == registration.at else entry
            for entry in closed.reviews
        ),
    )


def previous_before(case: Case) -> str:
    """Return which state counted as the one before, when the registration in force was made.

    Read from the steps: a correction gives back what the registration before it had covered.
    """
    covered: list[str] = []
    previous = ""
    for step in case.steps:
        if step.act in CORRECTING:
            previous = covered.pop() if covered else ""
        elif step.from_state != step.to_state:
            if step.act == "register_approval":
                covered.append(previous)
            previous = step.from_state
    return covered[-1] if covered else ""


def corrected(case: Case) -> Mapping[datetime, datetime]:
    """Return the moments of registrations that were corrected, each with the moment of its correction."""
    corrections = {entry.at for entry in case.decisions if entry.kind in CORRECTING}
    return {
        entry.at: entry.voided_at
        for entry in case.decisions
        if entry.kind == "register_approval" and entry.voided_at in corrections
    }


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
