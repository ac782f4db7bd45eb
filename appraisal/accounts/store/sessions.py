"""Sessions are found together with their person, listed, ended and removed here."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, delete, func, insert, select, update

from appraisal.accounts.rules.sessions import EndReason, Session, Visit
from appraisal.database import tables
from appraisal.database.types import LARGEST_ID
from appraisal.people.store import substitutes
from appraisal.people.store.people import person as person_of

PEOPLE = tables.people
SESSIONS = tables.sessions
_COLUMNS = {
    "id": SESSIONS.c.id,
    "person": SESSIONS.c.person_id,
    "created_at": SESSIONS.c.created_at,
    "last_used_at": SESSIONS.c.last_used_at,
    "browser": SESSIONS.c.browser,
    "previous_at": SESSIONS.c.previous_at,
    "ended_at": SESSIONS.c.ended_at,
}


def insert_session(
    db: Connection, *, person: int, digest: str, method: str, browser: str, now: datetime
) -> None:
    """Insert a session that begins, with when the person had signed in before."""
    before = select(func.max(SESSIONS.c.created_at)).where(SESSIONS.c.person_id == person)
    db.execute(
        insert(SESSIONS).values(
            person_id=person,
            digest=digest,
            method=method,
            browser=browser,
            created_at=now,
            last_used_at=now,
            previous_at=before.scalar_subquery(),
        )
    )


def find_visit(db: Connection, digest: str) -> Visit | None:
    """Return a session, ended or not, with its person, in one statement; None for an unknown digest."""
    found = substitutes.gathered(db.execute(_visits(), {"digest": digest}))
    if not found:
        return None
    row, stands_in = found[0]
    return Visit(person_of(row, stands_in), _session(row), row.password_set_at)


@cache
def _visits() -> Select[Any]:
    """Build the statement once: every request of somebody signed in sends it."""
    labelled = [column.label(f"session_{name}") for name, column in _COLUMNS.items()]
    return (
        substitutes.people_statement()
        .add_columns(*labelled)
        .where(PEOPLE.c.id == SESSIONS.c.person_id, SESSIONS.c.digest == bindparam("digest"))
    )


def _session(row: Row[Any]) -> Session:
    return Session(**{name: row._mapping[f"session_{name}"] for name in _COLUMNS})


def list_sessions(db: Connection, person: int, since: datetime) -> list[Session]:
    """List the sessions of a person that began after a moment and were not ended, the last used first."""
    rows = db.execute(
        select(*(column.label(name) for name, column in _COLUMNS.items()))
        .where(
            SESSIONS.c.person_id == person,
            SESSIONS.c.ended_at.is_(None),
            SESSIONS.c.created_at > since,
        )
        .order_by(SESSIONS.c.last_used_at.desc(), SESSIONS.c.id.desc())
    )
    return [Session(**row._mapping) for row in rows]


def end_session(db: Connection, now: datetime, person: int, id: int, reason: EndReason) -> bool:
    """End one session of a person; tell whether there was one that had not ended."""
    return _end(db, now, reason, SESSIONS.c.person_id == person, SESSIONS.c.id == min(id, LARGEST_ID)) == 1


def end_sessions(
    db: Connection, now: datetime, person: int, reason: EndReason, *, but: int | None = None
) -> int:
    """End all sessions of a person, but one where that is named; return how many had not ended."""
    others = [] if but is None else [SESSIONS.c.id != but]
    return _end(db, now, reason, SESSIONS.c.person_id == person, *others)


def _end(db: Connection, now: datetime, reason: EndReason, *where: Any) -> int:
    return db.execute(
        update(SESSIONS).where(*where, SESSIONS.c.ended_at.is_(None)).values(ended_at=now, end_reason=reason)
    ).rowcount


def change_digest(db: Connection, id: int, digest: str) -> None:
    """Give a session that has not ended another digest: whoever holds a copy of its cookie is out."""
    db.execute(
        update(SESSIONS).where(SESSIONS.c.id == id, SESSIONS.c.ended_at.is_(None)).values(digest=digest)
    )


def note_use(db: Connection, now: datetime, id: int) -> None:
    """Write down that a session was used, unless a later use is written already."""
    db.execute(
        update(SESSIONS)
        .where(SESSIONS.c.id == id, SESSIONS.c.ended_at.is_(None), SESSIONS.c.last_used_at < now)
        .values(last_used_at=now)
    )


def remove_unused(db: Connection, before: datetime) -> int:
    """Remove the sessions last used before a moment, but the newest of each person; return how many.

    The newest says when the person had signed in before, once they do it again.
    """
    newest: Sequence[Any] = [select(func.max(SESSIONS.c.id)).group_by(SESSIONS.c.person_id)]
    return db.execute(
        delete(SESSIONS).where(SESSIONS.c.last_used_at < before, SESSIONS.c.id.not_in(*newest))
    ).rowcount
