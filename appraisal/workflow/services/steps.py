"""A step is taken here: load, ask the machine, write the row, one event and the outbox, all or nothing."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, update

from appraisal.appraisals.rules import completeness
from appraisal.canonical import canonical
from appraisal.clock import geneva_date
from appraisal.database import seals, tables
from appraisal.deadlines.rules import due_dates, working_days
from appraisal.definitions.library import Library
from appraisal.definitions.workflows import FINALISING, Act, Workflow
from appraisal.errors import NotFound, StepConflict
from appraisal.lists.services import matching
from appraisal.lists.store.matching import listed_symbols
from appraisal.notices.services import notices
from appraisal.people.facts import SYSTEM_ACTOR, Person
from appraisal.people.rules import substitutes
from appraisal.people.store.people import load_people
from appraisal.proposals.facts import Case, Decision, Step
from appraisal.proposals.rules import access, acting_for, routes, sums
from appraisal.proposals.rules import approval as approval_rules
from appraisal.proposals.rules.acting_for import lead_of
from appraisal.proposals.rules.approval import approval_of, is_counted
from appraisal.proposals.rules.attempt import Inputs
from appraisal.proposals.rules.rounds import awaits_manager
from appraisal.proposals.rules.rulebook import Rulebook
from appraisal.proposals.rules.sums import Tally, tally
from appraisal.proposals.services.opening import add_relation, check_seen, load_readable
from appraisal.proposals.services.taking import Outcome, Taking
from appraisal.proposals.store import tallies, writing
from appraisal.records.services import records
from appraisal.trail.rules import events
from appraisal.trail.rules.approvals import APPROVING, CORRECTING
from appraisal.trail.store import site
from appraisal.workflow.rules import machine


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
    an approval given outside is registered whatever became of the draft. Administrators, who read
    none, take the steps that name them.
    """
    actor = substitutes.on_duty(actor, now)
    # The projects of the finance list that go by what the proposal is called.
    symbols: Collection[str] = ()
    if (touches := _touches_site(library, name)) or _submits(library, name):
        symbols = listed_symbols(db, number)
    if touches or symbols:
        # Before the row, as everybody does who needs both.
        site.lock(db)
    case, book = _load_to_act(db, library, number, actor, name)
    # Asked once the row is held: the same form sent twice at once waits for the first here.
    if (done := writing.request_done(db, request, actor.id)) is not None:
        if done != number:
            raise StepConflict(None, None)
        return case
    check_seen(case, seen)
    given = inputs or Inputs()
    transition, to = machine.fire(book, case, actor, now, name, given)
    if transition.act in FINALISING and given.closing not in ("", completeness.closing_seal(book, case)):
        # A rating was changed since, or EVAL has signed: the record would say what nobody has read.
        raise StepConflict(seen, case.row_version)
    writing.check_order(db, case, now)
    if transition.records:
        records.check_grounds(db, case, actor)
    behalf = _replaced(db, acting_for.behalf(case, actor, transition, given.behalf, now))
    taking = Taking(db, case, book, actor, now, given, transition, to, behalf)
    after = settle(taking, acts[transition.act](taking), request)
    if symbols:
        matching.match_symbols(db, now, symbols)
    return after


def _touches_site(library: Library, name: str) -> bool:
    """Tell whether a step has to look at other proposals, or at what the site's chain tells of."""
    return _is(library, name, *APPROVING, *CORRECTING)


def _submits(library: Library, name: str) -> bool:
    """Tell whether a step may give a proposal another symbol."""
    return _is(library, name, "submit")


def _is(library: Library, name: str, *acts: Act) -> bool:
    return any(
        entry.name == name and entry.act in acts
        for workflow in library.definitions.values()
        if isinstance(workflow, Workflow)
        for entry in workflow.transitions
    )


def _load_to_act(
    db: Connection, library: Library, number: str, actor: Person, name: str
) -> tuple[Case, Rulebook]:
    if actor.has("coordinator") or not actor.has("administrator"):
        return load_readable(
            db, library, number, SYSTEM_ACTOR if actor.has("coordinator") else actor, lock=True
        )
    case, book = load_readable(db, library, number, SYSTEM_ACTOR, lock=True)
    is_theirs = any(entry.name == name and "administrator" in entry.by for entry in book.workflow.transitions)
    if not is_theirs and access.level(case, actor) != "full":
        raise NotFound("proposal", number)
    return case, book


def _replaced(db: Connection, behalf: int | None) -> Person | None:
    return None if behalf is None else load_people(db, [behalf])[behalf]


def settle(taking: Taking, outcome: Outcome, request: str | None) -> Case:
    """Write the row, the event and the outbox of a step whose act is done."""
    db, case, now = taking.db, taking.case, taking.now
    moved = taking.to != case.state
    spent = working_days.present(taking.book.workflow, case, now) if moved else None
    after = replace(
        outcome.case,
        state=taking.to,
        state_since=now if moved or taking.transition.act == "reopen" else case.state_since,
        previous_state=_previous(taking, outcome),
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
                taking.for_id,
                track=case.track if spent else "",
                days_used=spent.used if spent else None,
                days_limit=spent.limit if spent else None,
                lead=outcome.facts.get("lead"),
            ),
        ),
    )
    ended = case.signature if moved and taking.transition.act not in SECOND_SIGNATURES else None
    if moved:
        after = void_signature(taking, after)
        if not taking.book.workflow.states[taking.to].open:
            # A hold stops the clock of a proposal that is on its way; this one has arrived.
            after = end_hold(taking, after)
    after = _bind(taking, after)
    record = records.store(taking, after, outcome.decision) if taking.transition.records else None
    if record is not None and record.kind == "appraisal":
        after = records.quote(db, after, record)
    stands = standing(taking.book, after)
    told = approval_rules.told(approval_of(after, taking.book)) if _approves(taking) else None
    final = append(
        taking,
        after,
        {**stands, **_waking(taking, after), **outcome.columns},
        {
            "from": case.state,
            "to": taking.to,
            "note": taking.inputs.remark,
            **({"for": taking.for_id} if taking.behalf else {}),
            **outcome.facts,
            **(signature_facts(ended) if ended else {}),
            **({"record": record.digest} if record else {}),
            **({"approval": told} if told else {}),
        },
        request,
    )
    tallies.add(db, sums.moved(_tally(taking, case), _tally(taking, final)))
    notices.tell_of_step(taking, final, stands["due_on"])
    return final


def pin(taking: Taking, case: Case) -> tuple[Case, dict[str, str]]:
    """Have a case go by the definitions of its rulebook from now on; return it with the columns that say so.

    What it pinned before, it keeps.
    """
    book = taking.book
    pins = case.pins or dict(book.digests)
    after = replace(case, workflow=book.workflow.key, set=book.set.key, pinned=True, pins=pins)
    columns = {"workflow": after.workflow, "definition_set": after.set, "pins": canonical(pins).decode()}
    return after, columns


def pinning(before: Case, after: Case) -> dict[str, Any]:
    """Return what the event of a step says of the definitions that it pins; nothing where they were."""
    return {} if before.pinned else {"definitions": after.pins, "workflow": after.workflow}


def _previous(taking: Taking, outcome: Outcome) -> str:
    if outcome.previous is not None:
        return outcome.previous
    return taking.case.state if taking.to != taking.case.state else taking.case.previous_state


def _approves(taking: Taking) -> bool:
    return taking.transition.act in APPROVING


def _tally(taking: Taking, case: Case) -> Tally:
    """Return what a proposal counts in the indicator; a draft that was never submitted counts nowhere."""
    if not is_counted(case):
        return {}
    return tally(approval_of(case, taking.book))


def _bind(taking: Taking, after: Case) -> Case:
    """Note what a step makes of whoever takes it and in whose place: both count as one from then on."""
    if taking.transition.marks is not None:
        for person in taking.people:
            after = add_relation(taking.db, after, person, taking.transition.marks, taking.now)
    if taking.behalf is None:
        return after
    if taking.behalf.id == lead_of(taking.case) and "lead" in taking.transition.by:
        after = add_relation(taking.db, after, taking.actor, "lead", taking.now)
    return replace(after, people={**after.people, **{person.id: person for person in taking.people}})


def append(
    taking: Taking, after: Case, columns: Mapping[str, Any], said: Mapping[str, Any], request: str | None
) -> Case:
    """Write the proposal's row and its next event; return the case at its new head."""
    case = taking.case
    row = {
        "act": taking.transition.act,
        "from_state": case.state,
        "to_state": after.state,
        "note": taking.inputs.remark,
        "for_id": taking.for_id,
        "request": request,
        "track": after.steps[-1].track,
        "days_used": after.steps[-1].days_used,
        "days_limit": after.steps[-1].days_limit,
    }
    changed = {
        "state": after.state,
        "state_since": after.state_since,
        "previous_state": after.previous_state,
        **columns,
    }
    event = events.event(
        proposal=case.number,
        sequence=case.sequence + 1,
        previous=case.head,
        at=taking.now,
        by=taking.actor.id,
        action=taking.transition.name,
        facts=said,
        columns=row,
        seals=seals.seal(taking.db, case.id, changed),
    )
    writing.update_proposal(
        taking.db, case.id, case.row_version, sequence=event.sequence, head=event.digest, **changed
    )
    writing.insert_event(
        taking.db,
        case.id,
        event,
        name=taking.transition.name,
        at=taking.now,
        by=taking.actor.id,
        **row,
    )
    return replace(after, row_version=case.row_version + 1, sequence=event.sequence, head=event.digest)


def standing(book: Rulebook, case: Case) -> dict[str, Any]:
    """Return the columns that lists and the indicator read, derived from the case."""
    found, approval = routes.route(case, book), case.approval
    state = book.workflow.states[case.state]
    clock = working_days.present(book.workflow, case, case.state_since)
    return {
        "holder_id": case.appraisal.lead if state.holder == "lead" and case.appraisal else None,
        "due_on": clock.due_on if clock else None,
        "on_hold": case.hold is not None,
        "awaits_manager": awaits_manager(book.workflow, case),
        "counts": not (state.terminal and state.outcome != "positive"),
        "route": found.kind if found else "",
        "route_reason": found.reason if found else "",
        "approved_at": approval.approved_at if approval else None,
    }


def _waking(taking: Taking, after: Case) -> dict[str, Any]:
    """Return the column by which a tick finds the proposal when its day has come."""
    return {"wake_on": due_dates.wake_on(taking.book, after, geneva_date(taking.now))}


# The acts that use up a first signature.
SECOND_SIGNATURES: Final[frozenset[Act]] = frozenset({"countersign", "annul", "confirm_correction"})


def signature_facts(ended: Decision) -> dict[str, Any]:
    """Return what the event says of a first signature that ends without the second."""
    return {"signature": {"kind": ended.kind, "by": ended.by, "for": ended.behalf, "at": ended.at}}


def void_signature(taking: Taking, after: Case) -> Case:
    """Void the first signature that waits, if any; the second one has used it up."""
    waiting = taking.case.signature
    if waiting is None:
        return after
    table = tables.decisions
    taking.db.execute(update(table).where(table.c.id == waiting.id).values(voided_at=taking.now))
    decisions = tuple(
        replace(entry, voided_at=taking.now) if entry.id == waiting.id else entry for entry in after.decisions
    )
    return replace(after, decisions=decisions)


def end_hold(taking: Taking, case: Case) -> Case:
    """Let the clock run again from now on, where it stands."""
    if case.hold is None:
        return case
    table = tables.holds
    taking.db.execute(
        update(table)
        .where(table.c.proposal_id == case.id, table.c.released_at.is_(None))
        .values(released_at=taking.now)
    )
    holds = tuple(
        entry if entry.released_at else replace(entry, released_at=taking.now) for entry in case.holds
    )
    return replace(case, holds=holds)
