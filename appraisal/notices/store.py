"""Notices are stored here, with who may be told, what each message carries, and how delivery stands."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, bindparam, func, or_, select

from appraisal.canonical import canonical
from appraisal.database import tables
from appraisal.people.facts import Person
from appraisal.people.store.people import person as person_of
from appraisal.vocabulary.roles import Role

PEOPLE = tables.people
NOTICES = tables.notices
JOBS = tables.jobs
PROPOSALS = tables.proposals


def candidates(db: Connection, ids: Collection[int], roles: tuple[Role, ...] = ()) -> list[Person]:
    """Return everybody with an open account who is named by id or holds one of the roles, by id."""
    return [person_of(row) for row in db.execute(_finding(roles), {"named": sorted(ids)})]


@cache
def _finding(roles: tuple[Role, ...]) -> Select[Any]:
    """Build the statement once for each choice of roles, which stand in one text, a space between them."""
    holding = [(" " + PEOPLE.c.roles + " ").like(f"% {role} %") for role in roles]
    named = PEOPLE.c.id.in_(bindparam("named", expanding=True))
    return select(PEOPLE).where(PEOPLE.c.active.is_(True), or_(named, *holding)).order_by(PEOPLE.c.id)


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing that a message tells; the number is empty where it is about no proposal."""

    number: str
    what: str
    facts: Mapping[str, Any]
    at: datetime


@dataclass(frozen=True, slots=True)
class Mail:
    """One message: the job that delivers it, to whom, and what it tells, oldest first."""

    job: int
    person: Person
    notices: tuple[Notice, ...]


def load_mails(db: Connection, jobs: Collection[int]) -> Mapping[int, Mail]:
    """Load the messages of some jobs in one statement; a job that carries nothing is left out."""
    rows: dict[int, list[Any]] = {}
    for row in db.execute(_carried(), {"jobs": sorted(jobs)}):
        rows.setdefault(row.job_id, []).append(row)
    return {
        job: Mail(
            job,
            person_of(found[0]),
            tuple(Notice(row.number or "", row.what, json.loads(row.facts), row.at) for row in found),
        )
        for job, found in rows.items()
    }


@cache
def _carried() -> Select[Any]:
    told = (NOTICES.c.job_id, NOTICES.c.what, NOTICES.c.facts, NOTICES.c.at)
    return (
        select(*told, PROPOSALS.c.number, PEOPLE)
        .join(PEOPLE, PEOPLE.c.id == NOTICES.c.person_id)
        .outerjoin(PROPOSALS, PROPOSALS.c.id == NOTICES.c.proposal_id)
        .where(NOTICES.c.job_id.in_(bindparam("jobs", expanding=True)))
        .order_by(NOTICES.c.id)
    )


def list_told(db: Connection, proposal: int, at: datetime) -> list[tuple[int, str]]:
    """List who was told what of a proposal at a moment, in the order in which it was written."""
    rows = db.execute(
        select(NOTICES.c.person_id, NOTICES.c.what)
        .where(NOTICES.c.proposal_id == proposal, NOTICES.c.at == at)
        .order_by(NOTICES.c.id)
    )
    return [(row.person_id, row.what) for row in rows]


def was_told(db: Connection, what: str, facts: Mapping[str, Any]) -> bool:
    """Tell whether anybody was ever told something with the very same facts."""
    same = (NOTICES.c.what == what, NOTICES.c.facts == canonical(facts).decode())
    return db.execute(select(NOTICES.c.id).where(*same).limit(1)).first() is not None


@dataclass(frozen=True, slots=True)
class Delivery:
    """How the mail stands: messages that wait and since when, what last went wrong, those given up.

    ``gathering`` counts what waits for the next daily message.
    """

    waiting: int
    since: datetime | None
    error: str
    given_up: int
    gathering: int


def delivery(db: Connection, kind: str) -> Delivery:
    """Tell how the mail stands; ``kind`` is that of its jobs."""
    ours = (JOBS.c.kind == kind, JOBS.c.done_at.is_(None))
    open_ones = (*ours, JOBS.c.dead_at.is_(None))
    waiting = db.execute(select(func.count()).select_from(JOBS).where(*open_ones)).scalar_one()
    since = db.execute(
        select(func.min(NOTICES.c.at)).join(JOBS, JOBS.c.id == NOTICES.c.job_id).where(*open_ones)
    ).scalar_one()
    failing = select(JOBS.c.error).where(*open_ones, JOBS.c.error != "")
    error = db.execute(failing.order_by(JOBS.c.run_at.desc(), JOBS.c.id.desc()).limit(1)).scalar()
    given_up = db.execute(
        select(func.count()).select_from(JOBS).where(*ours, JOBS.c.dead_at.is_not(None))
    ).scalar_one()
    gathering = db.execute(
        select(func.count()).select_from(NOTICES).where(NOTICES.c.job_id.is_(None))
    ).scalar_one()
    return Delivery(waiting, since, error or "", given_up, gathering)


@dataclass(frozen=True, slots=True)
class GivenUp:
    """A message that is not tried any more: to which address, since when, and what the server said."""

    job: int
    email: str
    at: datetime
    error: str


def list_given_up(db: Connection, kind: str, most: int = 50) -> list[GivenUp]:
    """List messages that were given up, newest first; ``kind`` is that of their jobs."""
    # Every notice of a message is for the same person: any of them names the address.
    whose = (
        select(func.max(PEOPLE.c.email))
        .join(NOTICES, NOTICES.c.person_id == PEOPLE.c.id)
        .where(NOTICES.c.job_id == JOBS.c.id)
        .scalar_subquery()
    )
    rows = db.execute(
        select(JOBS.c.id, whose, JOBS.c.dead_at, JOBS.c.error)
        .where(JOBS.c.kind == kind, JOBS.c.done_at.is_(None), JOBS.c.dead_at.is_not(None))
        .order_by(JOBS.c.dead_at.desc(), JOBS.c.id.desc())
        .limit(most)
    )
    return [GivenUp(row[0], row[1] or "", row[2], row[3]) for row in rows]
