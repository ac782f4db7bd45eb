"""Acts are what each step does to the facts of a proposal, beside moving it.

One function for each act that a workflow may name. They write the rows that are theirs and
return the case as it is afterwards; the row of the proposal, the event and the outbox are
written for all of them by ``steps.settle``.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from appraisal.database import tables
from appraisal.database.rows import insert_row
from appraisal.definitions.library import Library
from appraisal.definitions.workflows import Act
from appraisal.people.facts import Person
from appraisal.proposals.facts import Case, Hold
from appraisal.proposals.rules.attempt import Inputs
from appraisal.proposals.services.taking import Outcome, Taking
from appraisal.proposals.store.case import load_case
from appraisal.trail.rules.approvals import CORRECTING, REGISTERING
from appraisal.workflow.services import (
    assignments,
    closing,
    corrections,
    decisions,
    siblings,
    steps,
    submissions,
)
from appraisal.workflow.services.closing import close_running, named


def take_step(
    db: Connection,
    library: Library,
    actor: Person,
    now: datetime,
    number: str,
    name: str,
    inputs: Inputs | None = None,
    *,
    seen: int | None = None,
    request: str | None = None,
) -> Case:
    """Take one step of the workflow and return the case after it; see ``steps.take``."""
    case = steps.take(ACTS, db, library, actor, now, number, name, inputs, seen=seen, request=request)
    act = case.steps[-1].act if case.steps else ""
    if act in ("submit", REGISTERING):
        siblings.follow(db, library, now, case)
    elif act in ("escalate", *CORRECTING):
        siblings.catch_up(db, library, now, number)
        return load_case(db, number)
    return case


def hold(taking: Taking) -> Outcome:
    """Stop the clock until a day."""
    until = taking.inputs.until
    assert until is not None
    entry = Hold(taking.now, until, taking.inputs.note, taking.actor.id)
    insert_row(taking.db, tables.holds, proposal_id=taking.case.id, **named(entry))
    return Outcome(replace(taking.case, holds=(*taking.case.holds, entry)), facts={"until": until})


def release(taking: Taking) -> Outcome:
    """Let the clock run again."""
    return Outcome(steps.end_hold(taking, taking.case))


def record_agreement(taking: Taking) -> Outcome:
    """Note what the donor answered."""
    agreement = taking.inputs.agreement
    assert agreement is not None
    return Outcome(taking.case, facts={"agreed_on": agreement.on, "reference": agreement.reference})


def only_move(taking: Taking) -> Outcome:
    """Change nothing but the state; a running appraisal is closed as it is."""
    return close_running(taking) if taking.to != taking.case.state else Outcome(taking.case)


ACTS: Final[Mapping[Act, Callable[[Taking], Outcome]]] = {
    "submit": submissions.submit,
    "return_incomplete": submissions.return_incomplete,
    "assign": assignments.assign,
    "reassign": assignments.reassign,
    "finalise": closing.finalise,
    "request_revision": closing.request_revision,
    "recall": assignments.recall,
    "approve": decisions.approve,
    "propose_override": decisions.propose_override,
    "countersign": decisions.countersign,
    "return": decisions.return_for_revision,
    "reject": decisions.reject,
    "continue_rounds": decisions.continue_rounds,
    "escalate": decisions.escalate,
    "withdraw": only_move,
    "lapse": only_move,
    "reopen": only_move,
    "register_approval": decisions.register_approval,
    "correct_registration": corrections.correct_registration,
    "propose_correction": decisions.propose_correction,
    "confirm_correction": corrections.confirm_correction,
    "propose_annulment": decisions.propose_annulment,
    "annul": decisions.annul,
    "withdraw_signature": decisions.end_signature,
    "decline_signature": decisions.end_signature,
    "lapse_signature": decisions.end_signature,
    "send_to_donor": only_move,
    "fund": record_agreement,
    "decline_funding": record_agreement,
    "start": only_move,
    "hold": hold,
    "release": release,
}
