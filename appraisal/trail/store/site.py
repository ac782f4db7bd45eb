"""The site's own chain of rare events, and the access log, are written and read here."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, insert, select, true

from appraisal.canonical import canonical
from appraisal.database import seals, tables
from appraisal.database.engine import take_turn
from appraisal.trail.rules.events import GENESIS, Event, event

SITE = tables.site_events
PEOPLE = tables.people
_NOTE = insert(tables.accesses)
# Any fixed number will do as the name of a lock.
_LOCK = 7_219_046


def lock(db: Connection) -> None:
    """Wait until nobody else is writing what the site's chain is about: people, rates, calendars.

    Taken before looking whether a thing exists already, it lets the second of two see the first.
    """
    take_turn(db, _LOCK)


def append(db: Connection, now: datetime, by: int, action: str, facts: Mapping[str, Any]) -> None:
    """Append an event to the site's chain; the fact ``person`` is whose account it is about."""
    lock(db)
    last = db.execute(
        select(SITE.c.sequence, SITE.c.digest, SITE.c.body).order_by(SITE.c.sequence.desc()).limit(1)
    ).first()
    sequence, previous = (last.sequence + 1, last.digest) if last else (1, GENESIS)
    made = event(
        proposal="site",
        sequence=sequence,
        previous=previous,
        at=now,
        by=by,
        action=action,
        facts=facts,
        seals=seals.seal_site(db, is_first=last is None or '"seals":' not in last.body),
    )
    db.execute(
        insert(SITE).values(sequence=sequence, body=made.body, digest=made.digest, **event_columns(facts))
    )


def event_columns(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns by which an event is found: whose account it is about, and the emergency way."""
    return {"person_id": facts.get("person"), "emergency": bool(facts.get("emergency"))}


@dataclass(frozen=True, slots=True)
class AccountEvent:
    """An event about somebody's account, with the name that the account has now."""

    event: Event
    name: str


def columns(db: Connection) -> dict[int, dict[str, Any]]:
    """Return the columns of every event by its sequence."""
    rows = db.execute(select(SITE.c.sequence, SITE.c.person_id, SITE.c.emergency))
    return {row.sequence: {"person_id": row.person_id, "emergency": row.emergency} for row in rows}


def events_of_person(db: Connection, person: int, most: int) -> list[AccountEvent]:
    """Return the newest events about somebody's account, newest first."""
    return _events(db, SITE.c.person_id == person, most)


def events_of_people(db: Connection, most: int) -> list[AccountEvent]:
    """Return the newest events about accounts, newest first."""
    return _events(db, SITE.c.person_id.is_not(None), most)


def emergencies(db: Connection, most: int) -> list[AccountEvent]:
    """Return the newest events that went the emergency way, newest first."""
    return _events(db, SITE.c.emergency == true(), most)


def _events(db: Connection, where: ColumnElement[bool], most: int) -> list[AccountEvent]:
    rows = db.execute(
        select(SITE.c.sequence, SITE.c.body, SITE.c.digest, PEOPLE.c.name)
        .outerjoin(PEOPLE, PEOPLE.c.id == SITE.c.person_id)
        .where(where)
        .order_by(SITE.c.sequence.desc())
        .limit(most)
    )
    return [AccountEvent(Event(*row[:3]), row.name or "") for row in rows]


def chain(db: Connection) -> list[Event]:
    """Return the site's chain in order."""
    return [
        Event(*row)
        for row in db.execute(select(SITE.c.sequence, SITE.c.body, SITE.c.digest).order_by(SITE.c.sequence))
    ]


def events_of(db: Connection, action: str) -> list[Event]:
    """Return the events of an action, in order."""
    # The text is canonical JSON, in which nothing comes before the action.
    opening = f'{{"action":{canonical(action).decode()},'
    rows = db.execute(
        select(SITE.c.sequence, SITE.c.body, SITE.c.digest)
        .where(SITE.c.body.startswith(opening, autoescape=True))
        .order_by(SITE.c.sequence)
    )
    return [Event(*row) for row in rows]


def log_access(
    db: Connection, now: datetime, person: int | None, action: str, subject: str = "", detail: str = ""
) -> None:
    """Note a sign-in, a download or a refused step."""
    noted = {"at": now, "person_id": person, "action": action, "subject": subject, "detail": detail[:1000]}
    db.execute(_NOTE, noted)
