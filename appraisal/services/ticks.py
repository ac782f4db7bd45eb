"""Ticks: what time demands. May be run as often as one likes; what is done is not done again."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, or_, select

from appraisal.clock import geneva_date
from appraisal.definitions.library import Library
from appraisal.definitions.workflows import Workflow
from appraisal.domain import calendars, machine
from appraisal.domain.facts import SYSTEM_ACTOR, Case
from appraisal.domain.rulebooks import Rulebook
from appraisal.services import acts, notices, steps
from appraisal.storage import tables
from appraisal.storage.databases import Database

PROPOSALS = tables.Proposal.__table__
REMINDERS = tables.Reminder.__table__


@dataclass(frozen=True, slots=True)
class Ticked:
    """What one tick did: steps of the system by proposal, and marks set."""

    steps: tuple[tuple[str, str], ...]
    marks: tuple[tuple[str, str], ...]


def tick(database: Database, library: Library, now: datetime) -> Ticked:
    """Do what time demands of every proposal, each in a transaction of its own, and of the daily mail."""
    with database.read() as db:
        numbers = due(db, library)
    done: list[tuple[str, str]] = []
    marked: list[tuple[str, str]] = []
    for number in numbers:
        with database.begin() as db:
            ticked = tick_one(db, library, now, number)
        done += ticked.steps
        marked += ticked.marks
    with database.begin() as db:
        notices.gather(db, now)
    return Ticked(tuple(done), tuple(marked))


def tick_one(db: Connection, library: Library, now: datetime, number: str) -> Ticked:
    """Do what time demands of one proposal, in the transaction given."""
    return Ticked(
        tuple((number, name) for name in _take_steps(db, library, now, number)),
        tuple((number, kind) for kind in _mark(db, library, now, number)),
    )


def due(db: Connection, library: Library) -> list[str]:
    """Return the proposals that time may demand something of."""
    states = {
        name
        for definition in library.definitions.values()
        if isinstance(definition, Workflow)
        for name, state in definition.states.items()
        if state.clock or state.lapses_after or state.remind_after
    }
    rows = db.execute(
        select(PROPOSALS.c.number)
        .where(or_(PROPOSALS.c.on_hold.is_(True), PROPOSALS.c.state.in_(sorted(states))))
        .order_by(PROPOSALS.c.id)
    )
    return list(rows.scalars())


def _take_steps(db: Connection, library: Library, now: datetime, number: str) -> list[str]:
    """Take every step of the system that is open, one after the other: a hold may end before a lapse."""
    taken: list[str] = []
    while True:
        case, book = steps.load(db, library, number, SYSTEM_ACTOR, lock=True)
        name = next(
            (
                entry.transition.name
                for entry in machine.allowed(book, case, SYSTEM_ACTOR, now)
                if entry.is_open and entry.transition.by == "system"
            ),
            None,
        )
        if name is None:
            return taken
        acts.take_step(db, library, SYSTEM_ACTOR, now, number, name)
        taken.append(name)


def _mark(db: Connection, library: Library, now: datetime, number: str) -> list[str]:
    """Note once that a reminder's day or the last day of a limit has passed."""
    case, book = steps.load(db, library, number, SYSTEM_ACTOR)
    kinds = [kind for kind in _marks_due(case, book, now) if not _is_marked(db, case, kind)]
    entered = _entered(case)
    for kind in kinds:
        db.execute(insert(REMINDERS).values(proposal_id=case.id, sequence=entered, kind=kind, at=now))
    return kinds


def _marks_due(case: Case, book: Rulebook, now: datetime) -> list[str]:
    state = book.workflow.states[case.state]
    limit = state.clock.get(case.track)
    if limit is None or case.hold is not None:
        return []
    measured = calendars.clock(case, limit, case.state_since, now)
    found = []
    if state.remind_after is not None and measured.used >= state.remind_after:
        found.append("reminder")
    if geneva_date(now) > measured.due_on:
        found.append("overdue")
    return found


def _entered(case: Case) -> int:
    """Return the sequence number of the step by which the proposal entered its state."""
    return next((step.sequence for step in reversed(case.steps) if step.from_state != step.to_state), 0)


def _is_marked(db: Connection, case: Case, kind: str) -> bool:
    return (
        db.execute(
            select(REMINDERS.c.id).where(
                REMINDERS.c.proposal_id == case.id,
                REMINDERS.c.sequence == _entered(case),
                REMINDERS.c.kind == kind,
            )
        ).first()
        is not None
    )
