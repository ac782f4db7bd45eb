"""The site's own chain of rare events, and the access log."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from appraisal.canonical import canonical
from appraisal.domain.events import GENESIS, Event, event
from appraisal.storage import tables
from appraisal.storage.databases import take_turn

SITE = tables.SiteEvent.__table__
_NOTE = insert(tables.Access.__table__)
# Any fixed number will do as the name of a lock.
_LOCK = 7_219_046


def lock(db: Connection) -> None:
    """Wait until nobody else is writing what the site's chain is about: people, rates, calendars.

    Taken before looking whether a thing exists already, it lets the second of two see the first.
    """
    take_turn(db, _LOCK)


def append(db: Connection, now: datetime, by: int, action: str, facts: Mapping[str, Any]) -> None:
    """Append an event to the site's chain."""
    lock(db)
    last = db.execute(
        select(SITE.c.sequence, SITE.c.digest).order_by(SITE.c.sequence.desc()).limit(1)
    ).first()
    sequence, previous = (last.sequence + 1, last.digest) if last else (1, GENESIS)
    made = event(
        proposal="site", sequence=sequence, previous=previous, at=now, by=by, action=action, facts=facts
    )
    db.execute(insert(SITE).values(sequence=sequence, body=made.body, digest=made.digest))


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
