"""Taking a step: load, ask the machine, write the row, one event and the outbox, all or nothing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, update

from appraisal.definitions.library import Library
from appraisal.definitions.workflows import Act, Transition
from appraisal.domain import access, calendars, events, machine, routes, rulebooks
from appraisal.domain.facts import SYSTEM_ACTOR, Case, Decision, Person, Step
from appraisal.domain.rulebooks import Rulebook
from appraisal.domain.steps import Inputs
from appraisal.errors import NotFound, StepConflict
from appraisal.services import notices, records
from appraisal.storage import proposals, tables
from appraisal.storage.facts import load_case, load_rates


@dataclass(frozen=True, slots=True)
class Taking:
    """A step that is allowed and being taken: where it leads and what was given."""

    db: Connection
    case: Case
    book: Rulebook
    actor: Person
    now: datetime
    inputs: Inputs
    transition: Transition
    to: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an act did: the case as it is now, columns of its row, facts for the event, the decision made."""

    case: Case
    columns: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    decision: Decision | None = None


def load(
    db: Connection, library: Library, number: str, actor: Person, *, lock: bool = False
) -> tuple[Case, Rulebook]:
    """Load a proposal and its rulebook for somebody who may know of it.

    Raises ``NotFound`` both for an unknown number and for one that is nobody's business.
    """
    case = load_case(db, number, lock=lock)
    if actor.id != 0 and access.level(case, actor) != "full":
        raise NotFound("proposal", number)
    return case, rulebooks.rulebook(library, case.workflow, case.set, load_rates(db))


def check_seen(case: Case, seen: int | None) -> None:
    """Raise ``StepConflict`` when the proposal is no longer what the person saw."""
    if seen is not None and case.row_version != seen:
        raise StepConflict(seen, case.row_version)


def take(
    acts: Mapping[Act, Callable[[Taking], Outcome]],
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
    """Take one step of the workflow with the acts given, and return the case after it.

    ``seen`` is the row version that the person saw; ``request`` the unique id of the form, so
    that a form sent twice acts once. Raises ``NotFound``, ``NotAllowed`` with every reason, or
    ``StepConflict``; then nothing is written.

    Coordinators act on any proposal that they can name, drafts that they may not read included:
    an approval given outside is registered whatever became of the draft.
    """
    case, book = load(db, library, number, SYSTEM_ACTOR if actor.has("coordinator") else actor, lock=True)
    # Asked once the row is held: the same form sent twice at once waits for the first here.
    if (done := proposals.request_done(db, request, actor.id)) is not None:
        if done != number:
            raise StepConflict(None, None)
        return case
    check_seen(case, seen)
    given = inputs or Inputs()
    transition, to = machine.fire(book, case, actor, now, name, given)
    taking = Taking(db, case, book, actor, now, given, transition, to)
    return settle(taking, acts[transition.act](taking), request)


def settle(taking: Taking, outcome: Outcome, request: str | None) -> Case:
    """Write the row, the event and the outbox of a step whose act is done."""
    db, case, now = taking.db, taking.case, taking.now
    moved = taking.to != case.state
    after = replace(
        outcome.case,
        state=taking.to,
        state_since=now if moved or taking.transition.act == "reopen" else case.state_since,
        previous_state=case.state if moved else case.previous_state,
        steps=(
            *case.steps,
            Step(
                case.sequence + 1,
                taking.transition.name,
                taking.transition.act,
                case.state,
                taking.to,
                now,
                taking.actor.id,
                taking.inputs.remark,
            ),
        ),
    )
    if moved:
        after = _void_signatures(taking, after)
        if not taking.book.workflow.states[taking.to].open:
            # A hold stops the clock of a proposal that is on its way; this one has arrived.
            after = end_hold(taking, after)
    if taking.transition.marks is not None and taking.actor.id not in after.related(taking.transition.marks):
        after = add_relation(db, after, taking.actor, taking.transition.marks, now)
    record = records.store(taking, after, outcome.decision) if taking.transition.records else None
    if record is not None and record.kind == "appraisal":
        after = records.quote(db, after, record)
    stands = standing(taking.book, after)
    final = append(
        taking,
        after,
        {**stands, **outcome.columns},
        {
            "from": case.state,
            "to": taking.to,
            "note": taking.inputs.remark,
            **outcome.facts,
            **({"record": record.digest} if record else {}),
        },
        request,
    )
    notices.tell_of_step(taking, final, stands["due_on"])
    return final


def append(
    taking: Taking, after: Case, columns: Mapping[str, Any], said: Mapping[str, Any], request: str | None
) -> Case:
    """Write the proposal's row and its next event; return the case at its new head."""
    case = taking.case
    event = events.event(
        proposal=case.number,
        sequence=case.sequence + 1,
        previous=case.head,
        at=taking.now,
        by=taking.actor.id,
        action=taking.transition.name,
        facts=said,
    )
    proposals.update_proposal(
        taking.db,
        case.id,
        case.row_version,
        state=after.state,
        state_since=after.state_since,
        previous_state=after.previous_state,
        sequence=event.sequence,
        head=event.digest,
        **columns,
    )
    proposals.insert_event(
        taking.db,
        case.id,
        event,
        name=taking.transition.name,
        act=taking.transition.act,
        from_state=case.state,
        to_state=after.state,
        at=taking.now,
        by=taking.actor.id,
        note=taking.inputs.remark,
        request=request,
    )
    return replace(after, row_version=case.row_version + 1, sequence=event.sequence, head=event.digest)


def standing(book: Rulebook, case: Case) -> dict[str, Any]:
    """Return the columns that lists and the indicator read, derived from the case."""
    found, approval = routes.route(case, book), case.approval
    state = book.workflow.states[case.state]
    return {
        "holder_id": case.appraisal.lead if state.holder == "lead" and case.appraisal else None,
        "due_on": due_on(book, case),
        "on_hold": case.hold is not None,
        "counts": not (state.terminal and state.outcome != "positive"),
        "route": found.kind if found else "",
        "route_reason": found.reason if found else "",
        "approved_at": approval.approved_at if approval else None,
    }


def due_on(book: Rulebook, case: Case) -> date | None:
    """Return the last day that the present state gives, holds taken into account."""
    limit = book.workflow.states[case.state].clock.get(case.track)
    if limit is None:
        return None
    return calendars.clock(case, limit, case.state_since, case.state_since).due_on


def _void_signatures(taking: Taking, after: Case) -> Case:
    """A step to another state voids a first signature; the second one has used it up."""
    waiting = taking.case.signature
    if waiting is None:
        return after
    table = tables.Decision.__table__
    taking.db.execute(update(table).where(table.c.id == waiting.id).values(voided_at=taking.now))
    decisions = tuple(
        replace(entry, voided_at=taking.now) if entry.id == waiting.id else entry for entry in after.decisions
    )
    return replace(after, decisions=decisions)


def end_hold(taking: Taking, case: Case) -> Case:
    """Let the clock run again from now on, where it stands."""
    if case.hold is None:
        return case
    table = tables.Hold.__table__
    taking.db.execute(
        update(table)
        .where(table.c.proposal_id == case.id, table.c.released_at.is_(None))
        .values(released_at=taking.now)
    )
    holds = tuple(
        entry if entry.released_at else replace(entry, released_at=taking.now) for entry in case.holds
    )
    return replace(case, holds=holds)


def add_relation(db: Connection, case: Case, person: Person, relation: Any, now: datetime) -> Case:
    """Note a relation of a person to the proposal unless it stands already; it stays for ever."""
    if person.id in case.related(relation):
        return case
    proposals.relate(db, case.id, person.id, relation, now)
    return replace(
        case,
        relations={**case.relations, relation: case.related(relation) | {person.id}},
        people={**case.people, person.id: person},
    )
