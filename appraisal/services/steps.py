"""Taking a step: load, ask the machine, write the row, one event and the outbox, all or nothing."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, update

from appraisal.canonical import canonical
from appraisal.clock import geneva_date
from appraisal.definitions.library import Library
from appraisal.definitions.workflows import FINALISING, Act, Transition, Workflow
from appraisal.domain import (
    access,
    calendars,
    completeness,
    events,
    indicators,
    machine,
    rounds,
    routes,
    rulebooks,
    substitutions,
    wakings,
)
from appraisal.domain.approvals import APPROVING, CORRECTING
from appraisal.domain.facts import SYSTEM_ACTOR, Case, Decision, Person, Step
from appraisal.domain.refusals import NotAllowed, Undeclared, refuse
from appraisal.domain.rulebooks import Rulebook
from appraisal.domain.steps import Inputs
from appraisal.errors import NotFound, StepConflict
from appraisal.services import matches, notices, records
from appraisal.storage import proposals, seals, site, tables, tallies
from appraisal.storage.facts import load_case, load_people, load_rates
from appraisal.storage.matches import listed_symbols


@dataclass(frozen=True, slots=True)
class Taking:
    """A step that is allowed and being taken: where it leads, what was given, and in whose place."""

    db: Connection
    case: Case
    book: Rulebook
    actor: Person
    now: datetime
    inputs: Inputs
    transition: Transition
    to: str
    behalf: Person | None = None

    @property
    def people(self) -> tuple[Person, ...]:
        """Return who takes the step, and in whose place."""
        return (self.actor, self.behalf) if self.behalf else (self.actor,)

    @property
    def for_id(self) -> int | None:
        """Return the id of the person in whose place the step is taken."""
        return self.behalf.id if self.behalf else None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an act did: the case as it is now, columns of its row, facts for the event, the decision made.

    ``previous`` is the state that counts as the one before, where it is not the one that was left.
    """

    case: Case
    columns: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    decision: Decision | None = None
    previous: str | None = None


def load(
    db: Connection, library: Library, number: str, actor: Person, *, lock: bool = False
) -> tuple[Case, Rulebook]:
    """Load a proposal and its rulebook for somebody who acts on it.

    Raises ``NotFound`` both for an unknown number and for one that is nobody's business,
    ``Undeclared`` for a reviewer who has to declare first, and ``NotAllowed`` for one who has still
    to sign: what may be done, and why not, would tell what others have said. To write (``lock``), the
    definitions have to be those that the proposal pinned.
    """
    case, book = _readable(db, library, number, actor, lock=lock)
    if lock:
        rulebooks.check_pins(book, case)
    if access.is_blind(case, actor):
        raise NotAllowed([refuse("review_owed")])
    return case, book


def _readable(
    db: Connection, library: Library, number: str, actor: Person, *, lock: bool = False
) -> tuple[Case, Rulebook]:
    case = load_case(db, number, lock=lock)
    level = "full" if actor.id == 0 else access.level(case, actor)
    if level == "declaration":
        raise Undeclared(number)
    if level != "full":
        raise NotFound("proposal", number)
    return case, rulebooks.rulebook(library, case.workflow, case.set, load_rates(db), case.pins)


def view(db: Connection, library: Library, number: str, actor: Person) -> tuple[Case, Rulebook]:
    """Load a proposal as a person may see it: for every page and export.

    Raises ``NotFound`` and ``Undeclared`` as :func:`load` does.
    """
    case, book = _readable(db, library, number, actor)
    return access.as_seen(case, actor), book


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
    an approval given outside is registered whatever became of the draft. Administrators, who read
    none, take the steps that name them.
    """
    actor = substitutions.on_duty(actor, now)
    # The projects of the finance list that go by what the proposal is called.
    symbols: Collection[str] = ()
    if (touches := _touches_site(library, name)) or _submits(library, name):
        symbols = listed_symbols(db, number)
    if touches or symbols:
        # Before the row, as everybody does who needs both.
        site.lock(db)
    case, book = _load_to_act(db, library, number, actor, name)
    # Asked once the row is held: the same form sent twice at once waits for the first here.
    if (done := proposals.request_done(db, request, actor.id)) is not None:
        if done != number:
            raise StepConflict(None, None)
        return case
    check_seen(case, seen)
    given = inputs or Inputs()
    transition, to = machine.fire(book, case, actor, now, name, given)
    if transition.act in FINALISING and given.closing not in ("", completeness.closing_seal(book, case)):
        # A rating was changed since, or EVAL has signed: the record would say what nobody has read.
        raise StepConflict(seen, case.row_version)
    proposals.check_order(db, case, now)
    if transition.records:
        records.check_grounds(db, case, actor)
    behalf = _replaced(db, substitutions.behalf(case, actor, transition, given.behalf, now))
    taking = Taking(db, case, book, actor, now, given, transition, to, behalf)
    after = settle(taking, acts[transition.act](taking), request)
    if symbols:
        matches.match_symbols(db, now, symbols)
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
        return _readable(db, library, number, SYSTEM_ACTOR if actor.has("coordinator") else actor, lock=True)
    case, book = _readable(db, library, number, SYSTEM_ACTOR, lock=True)
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
    spent = calendars.present(taking.book.workflow, case, now) if moved else None
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
    told = indicators.told(indicators.approval_of(after, taking.book)) if _approves(taking) else None
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
    tallies.add(db, indicators.moved(_tally(taking, case), _tally(taking, final)))
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


def _tally(taking: Taking, case: Case) -> indicators.Tally:
    """Return what a proposal counts in the indicator; a draft that was never submitted counts nowhere."""
    if not indicators.is_counted(case):
        return {}
    return indicators.tally(indicators.approval_of(case, taking.book))


def _bind(taking: Taking, after: Case) -> Case:
    """Note what a step makes of whoever takes it and in whose place: both count as one from then on."""
    if taking.transition.marks is not None:
        for person in taking.people:
            after = add_relation(taking.db, after, person, taking.transition.marks, taking.now)
    if taking.behalf is None:
        return after
    if taking.behalf.id == substitutions.lead_of(taking.case) and "lead" in taking.transition.by:
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
    proposals.update_proposal(
        taking.db, case.id, case.row_version, sequence=event.sequence, head=event.digest, **changed
    )
    proposals.insert_event(
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
    clock = calendars.present(book.workflow, case, case.state_since)
    return {
        "holder_id": case.appraisal.lead if state.holder == "lead" and case.appraisal else None,
        "due_on": clock.due_on if clock else None,
        "on_hold": case.hold is not None,
        "awaits_manager": rounds.awaits_manager(book.workflow, case),
        "counts": not (state.terminal and state.outcome != "positive"),
        "route": found.kind if found else "",
        "route_reason": found.reason if found else "",
        "approved_at": approval.approved_at if approval else None,
    }


def _waking(taking: Taking, after: Case) -> dict[str, Any]:
    """Return the column by which a tick finds the proposal when its day has come."""
    return {"wake_on": wakings.wake_on(taking.book, after, geneva_date(taking.now))}


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
