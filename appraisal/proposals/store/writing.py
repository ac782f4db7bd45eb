"""Proposals are written here: the row with its version, the audit chain, and what hangs on both."""

from collections import defaultdict
from collections.abc import Collection
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Update,
    and_,
    bindparam,
    false,
    func,
    or_,
    select,
    update,
)

from appraisal.database import seals, tables
from appraisal.database.engine import take_turn
from appraisal.database.rows import insert_row
from appraisal.errors import StepConflict
from appraisal.proposals.facts import Case
from appraisal.trail.rules.events import GENESIS, Event
from appraisal.vocabulary.refusals import NotAllowed, refuse

PROPOSALS = tables.proposals
EVENTS = tables.events
RELATIONS = tables.relations
# Any fixed number will do as the name of a lock.
_LOCK = 7_219_047


def next_number(db: Connection, year: int) -> str:
    """Return the next free proposal number of a year, like ``TC-2010-0001``.

    Who asks next waits until this transaction has ended, so that no number is given twice.
    """
    take_turn(db, _LOCK)
    prefix = f"TC-{year}-"
    last = db.execute(
        select(PROPOSALS.c.number)
        .where(PROPOSALS.c.number.like(f"{prefix}%"))
        # After 9999 numbers grow longer, and text order alone would put 10000 before it.
        .order_by(func.length(PROPOSALS.c.number).desc(), PROPOSALS.c.number.desc())
        .limit(1)
    ).scalar()
    return f"{prefix}{int(last.removeprefix(prefix)) + 1 if last else 1:04d}"


def in_states(states: Collection[tuple[str, str]]) -> ColumnElement[bool]:
    """Return the condition that a proposal is in one of some states, each named with its workflow.

    The workflow of a draft is empty. Workflows that agree are asked for together, and the names first: they
    have an index.
    """
    named: dict[str, set[str]] = defaultdict(set)
    for workflow, name in states:
        named[workflow].add(name)
    alike: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for workflow in sorted(named):
        alike[tuple(sorted(named[workflow]))].append(workflow)
    each = [
        and_(PROPOSALS.c.workflow.in_(keys), PROPOSALS.c.state.in_(names)) for names, keys in alike.items()
    ]
    return and_(PROPOSALS.c.state.in_(sorted({name for _, name in states})), or_(false(), *each))


def entered() -> tuple[ColumnElement[bool], ...]:
    """Return the conditions that a proposal was submitted or registered, and that it is not void.

    Definitions are pinned by the first submission or by a registration; a draft is its authors' alone.
    """
    return PROPOSALS.c.workflow != "", PROPOSALS.c.voided_at.is_(None)


def is_known(db: Connection, number: str) -> bool:
    """Tell whether there is a proposal of a number."""
    return db.execute(select(PROPOSALS.c.id).where(PROPOSALS.c.number == number)).first() is not None


def insert_proposal(db: Connection, **values: Any) -> int:
    """Insert a proposal whose chain is still empty; return its id."""
    return insert_row(db, tables.proposals, head=GENESIS, **values)


def update_proposal(db: Connection, id: int, seen: int, *, aside: bool = False, **values: Any) -> None:
    """Update a proposal that still is at the row version seen; raises ``StepConflict`` where it is not.

    Written *aside*, it stays at that version; the caller holds the row.
    """
    version = seen if aside else seen + 1
    written = db.execute(_updating(), {"this": id, "seen": seen, "row_version": version, **values})
    if written.rowcount != 1:
        raise StepConflict(seen, None)


@cache
def _updating() -> Update:
    """Build the statement once; the columns that it sets are those that it is given."""
    return update(PROPOSALS).where(
        PROPOSALS.c.id == bindparam("this"), PROPOSALS.c.row_version == bindparam("seen")
    )


def check_order(db: Connection, case: Case, now: datetime, leeway: timedelta = timedelta()) -> None:
    """Raise ``NotAllowed`` where the newest event of a proposal is later than a moment by more than a leeway.

    Whoever waits for a row began before those who held it, and clocks differ: a record whose moments stand in
    another order than its events would be taken for a forged one for ever.
    """
    last = seals.newest_at(db, case.id)
    # When others did something is not for everybody to know.
    if last is not None and last > now + leeway:
        raise NotAllowed([refuse("clock_behind")])


def insert_event(db: Connection, proposal: int, event: Event, **columns: Any) -> None:
    """Append an event to the chain of a proposal, with what its row holds beside its text."""
    values = {**_NOTHING, **columns, "sequence": event.sequence, "body": event.body, "digest": event.digest}
    insert_row(db, tables.events, proposal_id=proposal, **values)


# What the row of an event holds where nothing is given.
_NOTHING: Final = {
    "act": "",
    "from_state": "",
    "to_state": "",
    "note": "",
    "for_id": None,
    "request": None,
    "track": "",
    "days_used": None,
    "days_limit": None,
}


def wake_all(db: Connection, day: date) -> None:
    """Have a tick look at every proposal that was submitted or registered on a day."""
    db.execute(update(PROPOSALS).where(PROPOSALS.c.workflow != "").values(wake_on=day))


def wake(db: Connection, proposal: int, day: date) -> None:
    """Have a tick look at a proposal on a day, or before where it was to come earlier."""
    later = or_(PROPOSALS.c.wake_on.is_(None), PROPOSALS.c.wake_on > day)
    db.execute(update(PROPOSALS).where(PROPOSALS.c.id == proposal, later).values(wake_on=day))


def wake_open(db: Connection, today: date, led_by: int | None = None) -> None:
    """Have the next tick look at everything that has a date still to come, or at what a person has led.

    Called when a calendar changes: dates may have come nearer.
    """
    waits = or_(
        PROPOSALS.c.wake_on > today, and_(PROPOSALS.c.wake_on.is_(None), PROPOSALS.c.due_on.is_not(None))
    )
    chosen = [waits]
    if led_by is not None:
        led = select(RELATIONS.c.proposal_id).where(
            RELATIONS.c.person_id == led_by, RELATIONS.c.relation == "lead"
        )
        chosen.append(PROPOSALS.c.id.in_(led))
    db.execute(update(PROPOSALS).where(*chosen).values(wake_on=today))


def relate(db: Connection, proposal: int, person: int, relation: str, now: datetime) -> None:
    """Note a relation; the caller has made sure that it is new."""
    insert_row(db, tables.relations, proposal_id=proposal, person_id=person, relation=relation, since=now)


def request_done(db: Connection, request: str | None, by: int) -> str | None:
    """Return the number of the proposal that a person's request has already acted on, None for none.

    Raises ``StepConflict`` for the request of somebody else: what it did is not this person's to see.
    """
    if request is None:
        return None
    row = db.execute(
        select(PROPOSALS.c.number, EVENTS.c.by)
        .join(EVENTS, EVENTS.c.proposal_id == PROPOSALS.c.id)
        .where(EVENTS.c.request == request)
    ).one_or_none()
    if row is not None and row.by != by:
        raise StepConflict(None, None)
    return None if row is None else row.number
