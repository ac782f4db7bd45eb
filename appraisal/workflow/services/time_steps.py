"""Steps that time demands are taken here, as often as one likes: nothing is done twice.

A tick looks only at proposals whose day has come (``wake_on``), and writes down on each when to
look again.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Connection, and_, insert, or_, select, update

from appraisal.clock import geneva_date
from appraisal.database import tables
from appraisal.database.engine import Database
from appraisal.deadlines.rules import due_dates, working_days
from appraisal.deadlines.rules.due_dates import Demand
from appraisal.definitions.library import Library
from appraisal.errors import NotFound
from appraisal.notices.services import notices
from appraisal.people.facts import SYSTEM_ACTOR
from appraisal.proposals.facts import Appraisal, Case
from appraisal.proposals.rules import access, duties
from appraisal.proposals.rules.rounds import awaits_manager
from appraisal.proposals.rules.rulebook import Rulebook
from appraisal.proposals.services.drafts import note_event
from appraisal.proposals.services.opening import load
from appraisal.proposals.store import lists, writing
from appraisal.vocabulary.refusals import NotAllowed
from appraisal.workflow.rules import machine
from appraisal.workflow.services import acts
from appraisal.workflow.services.closing import with_appraisal

PROPOSALS = tables.proposals
REMINDERS = tables.reminders
PAGE: Final = 200
# The tables of those asked, by the demand that says that they have not answered in time.
_SILENT: Final = {"consult_overdue": tables.consultations, "review_overdue": tables.reviews}


@dataclass(frozen=True, slots=True)
class Ticked:
    """What a tick did, each entry with the number of its proposal.

    ``steps`` of the system, ``marks`` set, ``told``: the mark and whom it is for. ``faults`` are
    the proposals at which it failed, with the reason; nothing was written for them.
    """

    steps: tuple[tuple[str, str], ...] = ()
    marks: tuple[tuple[str, str], ...] = ()
    told: tuple[tuple[str, str, tuple[int, ...]], ...] = ()
    faults: tuple[tuple[str, str], ...] = ()


def joined(found: Iterable[Ticked]) -> Ticked:
    """Put together what was done of several proposals."""
    entries = tuple(found)
    return Ticked(
        tuple(entry for ticked in entries for entry in ticked.steps),
        tuple(entry for ticked in entries for entry in ticked.marks),
        tuple(entry for ticked in entries for entry in ticked.told),
        tuple(entry for ticked in entries for entry in ticked.faults),
    )


def overlooked(db: Connection, library: Library, now: datetime) -> Iterator[str]:
    """Yield a line for each proposal that a tick would look at too late, or that lists tell wrongly of.

    No event seals when time looks at a proposal next, or the day that lists name: both follow from what is
    sealed. What a tick is to look at today it writes anew, whatever stands there.
    """
    today = geneva_date(now)
    waiting = or_(PROPOSALS.c.wake_on.is_(None), PROPOSALS.c.wake_on > today)
    is_going_on = writing.in_states(library.states(lambda state: not state.terminal))
    names = ("number", "wake_on", "due_on", "awaits_manager")
    columns = (PROPOSALS.c[name] for name in names)
    statement = select(*columns).where(waiting, is_going_on, PROPOSALS.c.workflow != "")
    for row in db.execute(statement.order_by(PROPOSALS.c.number)).all():
        try:
            case, book = load(db, library, row.number, SYSTEM_ACTOR)
        except NotFound:
            # That its definitions are gone is named by whoever compares them.
            continue
        first = (
            today if _is_waited_for(db, book, case, now) else due_dates.wake_on(book, case, today, done=True)
        )
        if first is not None and (row.wake_on is None or row.wake_on > first):
            looked = f"not before {row.wake_on}" if row.wake_on else "never again"
            yield f"{row.number}: a tick looks at it {looked}, but has to on {first}"
        clock = working_days.present(book.workflow, case, now)
        due_on = clock.due_on if clock else None
        if row.due_on != due_on:
            yield f"{row.number}: its column due_on is {row.due_on}, but its calendar says {due_on}"
        awaits = awaits_manager(book.workflow, case)
        if row.awaits_manager != awaits:
            yield f"{row.number}: its column awaits_manager is {row.awaits_manager}, but its steps say {awaits}"


def _is_waited_for(db: Connection, book: Rulebook, case: Case, now: datetime) -> bool:
    """Tell whether time demands something of a proposal by now that was not done."""
    today = geneva_date(now)
    if _unsaid(db, case, [entry for entry in due_dates.demands(book, case) if entry.falls_on(today)]):
        return True
    return any(
        entry.is_open and entry.transition.is_automatic
        for entry in machine.allowed(book, case, SYSTEM_ACTOR, now)
    )


def tick_proposal(database: Database, library: Library, now: datetime, number: str) -> Ticked:
    """Do what is due of one proposal in a transaction of its own; whatever goes wrong is told, not raised."""
    try:
        with database.begin() as db:
            return tick_one(db, library, now, number)
    except NotAllowed as refused:
        # A clock that is behind catches up; the next tick does what is due.
        if refused.codes == ("clock_behind",):
            return Ticked()
        return Ticked(faults=((number, f"{type(refused).__name__}: {refused}"),))
    # Whatever is wrong with one proposal, the others have to be looked at.
    except Exception as error:
        return Ticked(faults=((number, f"{type(error).__name__}: {error}"),))


# When it was to be looked at, its id and its number.
Place = tuple[date, int, str]


def list_due(db: Connection, now: datetime, after: Place | None) -> list[Place]:
    """Return the next proposals whose day has come.

    By that day first, not by id: each page is then read from the index on it, however many
    proposals there are that nothing is due of.
    """
    place = (PROPOSALS.c.wake_on, PROPOSALS.c.id)
    statement = select(*place, PROPOSALS.c.number).where(PROPOSALS.c.wake_on <= geneva_date(now))
    if after is not None:
        day, id, _ = after
        same_day = and_(PROPOSALS.c.wake_on == day, PROPOSALS.c.id > id)
        statement = statement.where(PROPOSALS.c.wake_on >= day, or_(PROPOSALS.c.wake_on > day, same_day))
    rows = db.execute(statement.order_by(*place).limit(PAGE))
    return [(row.wake_on, row.id, row.number) for row in rows]


def due(db: Connection, now: datetime) -> Iterator[str]:
    """Yield the numbers of the proposals that time may demand something of, those due first first."""
    after: Place | None = None
    while page := list_due(db, now, after):
        yield from (place[2] for place in page)
        after = page[-1]


def tick_one(db: Connection, library: Library, now: datetime, number: str) -> Ticked:
    """Do what time demands of one proposal, in the transaction given, and note when to look again."""
    today = geneva_date(now)
    case, book, taken = _take_steps(db, library, now, number)
    unsaid = _unsaid(db, case, [entry for entry in due_dates.demands(book, case) if entry.falls_on(today)])
    told = [_tell(db, case, book, entry, now) for entry in unsaid]
    if unsaid:
        _mark(db, case, unsaid, now)
        case = _note_silence(db, case, unsaid, now)
    clock = working_days.present(book.workflow, case, now)
    # No event, so the proposal stays at its row version: nobody's open page is out of date by this.
    db.execute(
        update(PROPOSALS)
        .where(PROPOSALS.c.id == case.id)
        .values(
            due_on=clock.due_on if clock else None,
            awaits_manager=awaits_manager(book.workflow, case),
            wake_on=due_dates.wake_on(book, case, today, done=True),
        )
    )
    return Ticked(
        tuple((number, name) for name in taken),
        tuple((number, entry.kind) for entry in unsaid),
        tuple((number, entry.kind, people) for entry, people in zip(unsaid, told, strict=True)),
    )


def _take_steps(
    db: Connection, library: Library, now: datetime, number: str
) -> tuple[Case, Rulebook, Sequence[str]]:
    """Take every step of the system that is open, one after the other: a hold may end before a lapse."""
    taken: list[str] = []
    while True:
        case, book = load(db, library, number, SYSTEM_ACTOR, lock=True)
        name = next(
            (
                entry.transition.name
                for entry in machine.allowed(book, case, SYSTEM_ACTOR, now)
                if entry.is_open and entry.transition.is_automatic
            ),
            None,
        )
        if name is None:
            return case, book, taken
        acts.take_step(db, library, SYSTEM_ACTOR, now, number, name)
        taken.append(name)


def _unsaid(db: Connection, case: Case, found: Sequence[Demand]) -> Sequence[Demand]:
    """Return what was not said before of the day that it speaks of.

    A day that was moved is another one: what was said before the new one had come does not tell of it.
    """
    if not found:
        return ()
    columns = (REMINDERS.c.kind, REMINDERS.c.sequence, REMINDERS.c.at)
    rows = db.execute(select(*columns).where(REMINDERS.c.proposal_id == case.id))
    said = {(row.kind, row.sequence): geneva_date(row.at) for row in rows}
    return [entry for entry in found if said.get((entry.kind, entry.subject), date.min) < entry.first]


def _mark(db: Connection, case: Case, found: Sequence[Demand], now: datetime) -> None:
    """Write down what is said now, so that it is said once."""
    for entry in found:
        mark = {"proposal_id": case.id, "sequence": entry.subject, "kind": entry.kind}
        same = and_(*(REMINDERS.c[name] == value for name, value in mark.items()))
        if db.execute(update(REMINDERS).where(same).values(at=now)).rowcount == 0:
            db.execute(insert(REMINDERS).values(**mark, at=now))


def _note_silence(db: Connection, case: Case, found: Sequence[Demand], now: datetime) -> Case:
    """Note who has not answered by the date that was set, in one event for all of them."""
    silent = {
        kind: [entry.subject for entry in found if entry.kind == kind]
        for kind in _SILENT
        if any(entry.kind == kind for entry in found)
    }
    if not silent or case.appraisal is None:
        return case
    for kind, ids in silent.items():
        table = _SILENT[kind]
        db.execute(update(table).where(table.c.id.in_(ids)).values(silent_at=now))
    running = _silenced(case.appraisal, silent, now)
    reviews = silent.get("review_overdue", [])
    units = [entry.unit for entry in running.consultations if entry.id in silent.get("consult_overdue", [])]
    said = {"appraisal": running.number, "units": units, "reviews": reviews}
    return note_event(db, with_appraisal(case, running), SYSTEM_ACTOR, now, "note_silence", said, aside=True)


def _silenced(running: Appraisal, silent: Mapping[str, Sequence[int]], now: datetime) -> Appraisal:
    units, reviews = silent.get("consult_overdue", ()), silent.get("review_overdue", ())
    return replace(
        running,
        consultations=tuple(
            replace(entry, silent_at=now) if entry.id in units else entry for entry in running.consultations
        ),
        reviews=tuple(
            replace(entry, silent_at=now) if entry.id in reviews else entry for entry in running.reviews
        ),
    )


# What people are told of each demand (``notices.rules``).
_NOTICES: Final[Mapping[str, str]] = {
    "due_soon": "due_soon",
    "reminder": "due_soon",
    "overdue": "overdue",
    "review_soon": "review_due_soon",
    "review_overdue": "review_overdue",
    "consult_overdue": "consultation_overdue",
    "condition_overdue": "condition_overdue",
}


def _tell(db: Connection, case: Case, book: Rulebook, said: Demand, now: datetime) -> tuple[int, ...]:
    """Tell everybody whom a date concerns; return who that is."""
    concerned = tuple(sorted(_concerned(db, case, book, said, now)))
    facts: dict[str, Any] = {"due_on": said.due_on}
    if said.kind == "consult_overdue":
        facts["consultation"] = said.subject
    if said.kind == "condition_overdue":
        conditions = case.finalised.conditions if case.finalised else ()
        facts["condition"] = next(entry.number for entry in conditions if entry.id == said.subject)
    notices.tell(db, concerned, _NOTICES[said.kind], now, proposal=case.id, facts=facts)
    return concerned


def _concerned(db: Connection, case: Case, book: Rulebook, said: Demand, now: datetime) -> Collection[int]:
    """Return whom a date concerns: who was asked, who owns the condition, or who holds the proposal.

    Whoever owes a review is told of it alone: that a unit is silent, or a condition open, says what others
    have done.
    """
    running, authors = case.appraisal, case.related("author")
    if said.kind in ("review_soon", "review_overdue"):
        reviews = running.reviews if running else ()
        asked = {entry.person for entry in reviews if entry.id == said.subject}
        return asked | notices.stand_ins(db, case, asked, now)
    if said.kind == "consult_overdue":
        consultations = running.consultations if running else ()
        units = {entry.unit for entry in consultations if entry.id == said.subject}
        return set(lists.ids_with(db, "appraiser", units)) - authors - access.owing(case)
    if said.kind == "condition_overdue":
        conditions = case.finalised.conditions if case.finalised else ()
        owners = {entry.owner_id for entry in conditions if entry.id == said.subject and entry.owner_id}
        return (owners | (set(lists.ids_with(db, "coordinator")) - authors)) - access.owing(case)
    return _holders(db, case, book, now)


def _holders(db: Connection, case: Case, book: Rulebook, now: datetime) -> Collection[int]:
    """Return who holds the present state, without those whom their relation to the proposal bars.

    What waits for authors or a lead who have left waits for the coordinators, who hand it over.
    """
    match book.workflow.states[case.state].holder:
        case "author" if not duties.has_no_author(case):
            return case.related("author")
        case "lead" if not duties.has_no_lead(case):
            lead = {case.appraisal.lead} if case.appraisal else set()
            return lead | notices.stand_ins(db, case, lead, now)
        case "author" | "lead" | "coordinator":
            return set(lists.ids_with(db, "coordinator")) - case.related("author")
        case "manager":
            barred = case.related("author") | case.related("lead")
            return set(lists.ids_with(db, "manager")) - barred
        case _:
            return ()
