"""The outbox is the queue of jobs: leases, a fenced finish, back-off and dead letters."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Update,
    and_,
    bindparam,
    case,
    func,
    literal,
    or_,
    select,
    update,
)

from appraisal.canonical import canonical
from appraisal.database import tables
from appraisal.database.engine import Database
from appraisal.database.rows import insert_row


def enqueue(db: Connection, kind: str, payload: Mapping[str, Any], now: datetime) -> None:
    """Put a job in the outbox."""
    insert_row(db, tables.jobs, kind=kind, payload=canonical(payload).decode(), run_at=now)


MAIL: Final = "mail"


JOBS = tables.jobs


@dataclass(frozen=True, slots=True, eq=False)
class Lane:
    """How jobs of some kinds are taken: how many at once, for how long, and how often they are tried.

    The second attempt comes ``first`` after the one before, each later one after twice as long, but
    never after more than ``longest``. What waits for the installation is tried at least every ``PATIENCE``.
    """

    kinds: ColumnElement[bool]
    batch: int
    lease: timedelta
    attempts: int
    first: timedelta
    longest: timedelta


PATIENCE = timedelta(hours=1)


# So many workers may be lost over a job one after the other before it makes room for others.
_LOST = 6


# Attempts that count: what went wrong with the job itself, and not with the installation.
_COUNTED = JOBS.c.attempts - JOBS.c.waits


# About four weeks of attempts.
RENDERING = Lane(JOBS.c.kind != MAIL, 1, timedelta(minutes=2), 40, timedelta(seconds=10), timedelta(days=1))


# About a day of attempts. The lease holds for the batch, begun in its first third, at the slowest server.
MAILS = Lane(JOBS.c.kind == MAIL, 50, timedelta(minutes=3), 30, timedelta(seconds=30), timedelta(hours=1))


@dataclass(frozen=True, slots=True)
class Leased:
    """A job in this worker's hands; ``attempts`` is the fence, of which so many ``waits`` do not count."""

    id: int
    kind: str
    payload: Mapping[str, Any]
    attempts: int
    waits: int = 0


def lease(database: Database, now: datetime, lane: Lane = RENDERING, most: int = 0) -> list[Leased]:
    """Take jobs of a lane that are due and in nobody's hands, oldest first; a batch, or ``most``."""
    free = and_(
        lane.kinds,
        JOBS.c.done_at.is_(None),
        JOBS.c.dead_at.is_(None),
        JOBS.c.run_at <= now,
        or_(JOBS.c.lease_until.is_(None), JOBS.c.lease_until < now),
        lane.attempts > _COUNTED,
    )
    chosen = select(JOBS.c.id).where(free).order_by(JOBS.c.run_at, JOBS.c.id).limit(most or lane.batch)
    if not database.is_sqlite:
        chosen = chosen.with_for_update(skip_locked=True)
    with database.begin() as db:
        _bury(db, now, lane)
        rows = db.execute(
            update(JOBS)
            .where(JOBS.c.id.in_(chosen.scalar_subquery()))
            .values(lease_until=now + lane.lease, attempts=JOBS.c.attempts + 1)
            .returning(JOBS.c.id, JOBS.c.kind, JOBS.c.payload, JOBS.c.attempts, JOBS.c.waits)
        ).all()
    # Neither database returns rows in the order in which they were chosen.
    return [Leased(id, kind, json.loads(payload), *counts) for id, kind, payload, *counts in sorted(rows)]


def _bury(db: Connection, now: datetime, lane: Lane) -> None:
    """Put off jobs whose worker was never heard of again, time after time; in the end give them up."""
    is_last = lane.attempts <= _COUNTED
    db.execute(
        update(JOBS)
        .where(
            lane.kinds,
            JOBS.c.done_at.is_(None),
            JOBS.c.dead_at.is_(None),
            min(_LOST, lane.attempts) <= _COUNTED,
            JOBS.c.lease_until < now,
        )
        .values(
            lease_until=None,
            run_at=now + PATIENCE,
            dead_at=case((is_last, literal(now, JOBS.c.dead_at.type)), else_=JOBS.c.dead_at),
            error="every worker that took this job died over it",
        )
    )


def finish(database: Database, job: Leased, now: datetime) -> bool:
    """Mark a job done; False when another worker has it by now."""
    return _settle(database, job, done_at=now)


def fail(database: Database, job: Leased, now: datetime, error: str) -> bool:
    """Put a job back for later, twice as late each time; after the last attempt of its lane it is dead."""
    lane, counted = _lane(job), job.attempts - job.waits
    if counted >= lane.attempts:
        return give_up(database, job, now, error)
    wait = min(_doubled(lane.first, counted - 1), lane.longest)
    return _settle(database, job, lease_until=None, run_at=now + wait, error=error[:2000])


def _lane(job: Leased) -> Lane:
    return MAILS if job.kind == MAIL else RENDERING


def _doubled(span: timedelta, times: int) -> timedelta:
    # Twice as long too often would be no span any more.
    return span * (1 << min(times, 20))


def give_up(database: Database, job: Leased, now: datetime, error: str) -> bool:
    """Leave a job dead at once: no later attempt could do better."""
    return _settle(database, job, dead_at=now, error=error[:2000])


def put_back(database: Database, jobs: Sequence[Leased], at: datetime, error: str = "") -> None:
    """Give jobs back that were not even tried: the attempt does not count. They are due at a moment."""
    if not jobs:
        return
    values: dict[str, Any] = {"lease_until": None, "attempts": JOBS.c.attempts - 1, "run_at": at}
    if error:
        values["error"] = error[:2000]
    with database.begin() as db:
        db.execute(_mine().values(**values), [{"this": job.id, "fence": job.attempts} for job in jobs])


def _settle(database: Database, job: Leased, **values: Any) -> bool:
    with database.begin() as db:
        return db.execute(_mine(), {"this": job.id, "fence": job.attempts, **values}).rowcount == 1


@cache
def _mine() -> Update:
    """Build the statement once: it changes a job that is not done, and still in the hands that leased it."""
    held = (JOBS.c.id == bindparam("this"), JOBS.c.attempts == bindparam("fence"))
    return update(JOBS).where(*held, JOBS.c.done_at.is_(None))


def waiting(database: Database, lane: Lane | None = None) -> int:
    """Count the jobs, of a lane or of all, that are neither done nor dead."""
    open_ones = (
        select(func.count()).select_from(JOBS).where(JOBS.c.done_at.is_(None), JOBS.c.dead_at.is_(None))
    )
    with database.read() as db:
        return db.execute(open_ones if lane is None else open_ones.where(lane.kinds)).scalar_one()
