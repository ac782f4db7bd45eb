"""Jobs: the outbox is the queue. Leases, a fenced finish, back-off and dead letters.

A job may be done twice when a worker dies between its effect and its finish; every effect here
is kept by what it is about, so that the second time changes nothing.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, func, or_, select, update

from appraisal.i18n import language_or
from appraisal.services import records
from appraisal.storage import tables
from appraisal.storage.databases import Database
from appraisal.storage.files import Files

JOBS = tables.Job.__table__
LEASE = timedelta(minutes=2)
MOST_ATTEMPTS = 6


@dataclass(frozen=True, slots=True)
class Leased:
    """A job in this worker's hands; ``attempts`` is the fence."""

    id: int
    kind: str
    payload: Mapping[str, Any]
    attempts: int


def lease(database: Database, now: datetime, most: int = 1) -> list[Leased]:
    """Take jobs that are due and in nobody's hands."""
    free = and_(
        JOBS.c.done_at.is_(None),
        JOBS.c.dead_at.is_(None),
        JOBS.c.run_at <= now,
        or_(JOBS.c.lease_until.is_(None), JOBS.c.lease_until < now),
        JOBS.c.attempts < MOST_ATTEMPTS,
    )
    chosen = select(JOBS.c.id).where(free).order_by(JOBS.c.run_at, JOBS.c.id).limit(most)
    if not database.is_sqlite:
        chosen = chosen.with_for_update(skip_locked=True)
    with database.begin() as db:
        _bury(db, now)
        rows = db.execute(
            update(JOBS)
            .where(JOBS.c.id.in_(chosen.scalar_subquery()))
            .values(lease_until=now + LEASE, attempts=JOBS.c.attempts + 1)
            .returning(JOBS.c.id, JOBS.c.kind, JOBS.c.payload, JOBS.c.attempts)
        ).all()
    return [Leased(row.id, row.kind, json.loads(row.payload), row.attempts) for row in rows]


def _bury(db: Connection, now: datetime) -> None:
    """Give up jobs whose worker was never heard of again, as often as a job is tried."""
    db.execute(
        update(JOBS)
        .where(
            JOBS.c.done_at.is_(None),
            JOBS.c.dead_at.is_(None),
            JOBS.c.attempts >= MOST_ATTEMPTS,
            JOBS.c.lease_until < now,
        )
        .values(dead_at=now, error="every worker that took this job died over it")
    )


def finish(database: Database, job: Leased, now: datetime) -> bool:
    """Mark a job done; False when another worker has it by now."""
    return _settle(database, job, done_at=now)


def fail(database: Database, job: Leased, now: datetime, error: str) -> bool:
    """Put a job back for later, twice as late each time; after six attempts it is dead."""
    error = error[:2000]
    if job.attempts >= MOST_ATTEMPTS:
        return _settle(database, job, dead_at=now, error=error)
    return _settle(
        database, job, lease_until=None, run_at=now + timedelta(seconds=5 * 2**job.attempts), error=error
    )


def _settle(database: Database, job: Leased, **values: Any) -> bool:
    with database.begin() as db:
        changed = db.execute(
            update(JOBS)
            .where(JOBS.c.id == job.id, JOBS.c.attempts == job.attempts, JOBS.c.done_at.is_(None))
            .values(**values)
        )
        return changed.rowcount == 1


def work(
    database: Database,
    files: Files,
    render: records.Render,
    now: Callable[[], datetime],
    on_done: Callable[[Leased], None] = lambda job: None,
) -> int:
    """Do the jobs that are due, one after the other, until there is none; return how many were done."""
    count = 0
    while leased := lease(database, now()):
        for job in leased:
            try:
                _do(database, files, render, job, now())
            except Exception as error:
                fail(database, job, now(), f"{type(error).__name__}: {error}")
            else:
                count += finish(database, job, now())
                on_done(job)
    return count


def _do(database: Database, files: Files, render: records.Render, job: Leased, now: datetime) -> None:
    if job.kind != records.RENDER:
        raise ValueError(f"there is no job of the kind {job.kind}")
    record, language = int(job.payload["record"]), language_or(str(job.payload["language"]))
    with database.read() as db:
        value = records.record_value(db, record)
    # Nothing is held open while the page is drawn.
    pdf = render(value, language)
    with database.begin() as db:
        records.keep_rendering(db, files, record, language, pdf, now)


def waiting(database: Database) -> int:
    """Count the jobs that are neither done nor dead."""
    with database.read() as db:
        return db.execute(
            select(func.count()).select_from(JOBS).where(JOBS.c.done_at.is_(None), JOBS.c.dead_at.is_(None))
        ).scalar_one()
