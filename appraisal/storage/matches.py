"""Matches as they are stored: which project of the finance list is which proposal, at any moment."""

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, and_, func, insert, or_, select

from appraisal.domain.approvals import APPROVING, ENDING
from appraisal.domain.matches import Candidate, How, Project, project_of
from appraisal.storage import tables
from appraisal.storage.datasets import ENTRIES, in_force, rows_of, stored
from appraisal.storage.pasts import Past
from appraisal.storage.proposals import entered

MATCHES = tables.Match.__table__
PROPOSALS = tables.Proposal.__table__
EVENTS = tables.Event.__table__
DATASET: Final = "projects"


@dataclass(frozen=True, slots=True)
class Matched:
    """A project with the proposal that it is, how that was found, when and by whom.

    ``usd`` is what the proposal was approved with; None while it is not approved.
    """

    project: Project
    number: str
    how: How
    at: datetime
    by: int
    usd: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Unapproved:
    """A project that was opened for a proposal without an approval here, and the state of that proposal."""

    project: Project
    number: str
    workflow: str
    state: str


def insert_match(db: Connection, project: str, proposal: int | None, how: How, now: datetime, by: int) -> int:
    """Write down what a project is from now on, None for nothing that is known; return the id of the row."""
    written = insert(MATCHES).values(project=project, proposal_id=proposal, how=how, at=now, by=by)
    found: int = db.execute(written.returning(MATCHES.c.id)).scalar_one()
    return found


def unmatched(db: Connection, past: Past | None = None) -> Iterator[Project]:
    """Yield the projects of the finance list that are no proposal here, in order of their keys."""
    held = select(MATCHES.c.id).where(
        MATCHES.c.project == ENTRIES.c.key, MATCHES.c.proposal_id.is_not(None), *newest(past)
    )
    return _projects(db, rows_of(DATASET, past).where(~held.exists()))


def unapproved(db: Connection, past: Past | None = None) -> Iterator[Unapproved]:
    """Yield the projects whose proposal is not approved, now or then, in order of their keys."""
    state, is_unapproved = _standing(past)
    rows = rows_of(DATASET, past).add_columns(
        PROPOSALS.c.number, PROPOSALS.c.workflow, state.label("proposal_state")
    )
    statement = (
        rows.join(MATCHES, MATCHES.c.project == ENTRIES.c.key)
        .join(PROPOSALS, PROPOSALS.c.id == MATCHES.c.proposal_id)
        .where(*newest(past), is_unapproved)
    )
    for row in db.execute(statement):
        project = project_of(row.key, stored(row).value, row.line, row.import_id)
        yield Unapproved(project, row.number, row.workflow, row.proposal_state)


def _standing(past: Past | None) -> tuple[ColumnElement[str], ColumnElement[bool]]:
    """Return the state of a proposal, and the condition that no approval of it stands, now or then."""
    if past is None:
        return PROPOSALS.c.state, PROPOSALS.c.route == ""

    def last(column: ColumnElement[str], *acts: str) -> ColumnElement[str]:
        narrowed = [EVENTS.c.act.in_(acts)] if acts else []
        statement = select(column).where(
            EVENTS.c.proposal_id == PROPOSALS.c.id, past.includes(EVENTS), *narrowed
        )
        return statement.order_by(EVENTS.c.sequence.desc()).limit(1).correlate(PROPOSALS).scalar_subquery()

    deciding = func.coalesce(last(EVENTS.c.act, *APPROVING, *ENDING), "")
    return last(EVENTS.c.to_state), deciding.not_in(APPROVING)


def find_project(db: Connection, key: str) -> Project | None:
    """Return a project of the finance list by its key."""
    return next(_projects(db, rows_of(DATASET).where(ENTRIES.c.key == key)), None)


def _projects(db: Connection, statement: Select[Any]) -> Iterator[Project]:
    for row in map(stored, db.execute(statement)):
        yield project_of(row.key, row.value, row.line, row.import_id)


def newest(past: Past | None = None) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions that a match is the newest of its project, now or then."""
    later = MATCHES.alias()
    newer = select(later.c.id).where(later.c.project == MATCHES.c.project, later.c.id > MATCHES.c.id)
    if past is None:
        return (~newer.exists(),)
    return past.includes(MATCHES), ~newer.where(past.includes(later)).exists()


def matched(db: Connection, most: int, after: str = "") -> list[Matched]:
    """List projects with their proposals in order of keys, from behind one on, so many at most."""
    rows = rows_of(DATASET).add_columns(
        PROPOSALS.c.number,
        PROPOSALS.c.usd,
        PROPOSALS.c.route,
        MATCHES.c.how,
        MATCHES.c.at.label("matched_at"),
        MATCHES.c.by,
    )
    statement = (
        rows.join(MATCHES, MATCHES.c.project == ENTRIES.c.key)
        .join(PROPOSALS, PROPOSALS.c.id == MATCHES.c.proposal_id)
        .where(*newest(), ENTRIES.c.key > after)
        .limit(most)
    )
    return [
        Matched(
            project_of(row.key, stored(row).value, row.line, row.import_id),
            row.number,
            row.how,
            row.matched_at,
            row.by,
            row.usd if row.route else None,
        )
        for row in db.execute(statement)
    ]


def matched_to(db: Connection, project: str) -> int | None:
    """Return the id of the proposal that a project is taken for; None for none."""
    held = select(MATCHES.c.proposal_id).where(MATCHES.c.project == project, *newest())
    found: int | None = db.execute(held).scalar()
    return found


def registered_for(db: Connection, project: str) -> str | None:
    """Return the number of the proposal that was last registered for a project and is still so approved."""
    statement = (
        select(PROPOSALS.c.number)
        .join(MATCHES, MATCHES.c.proposal_id == PROPOSALS.c.id)
        .where(MATCHES.c.project == project, MATCHES.c.how == "outside", PROPOSALS.c.route == "outside")
        .order_by(MATCHES.c.id.desc())
        .limit(1)
    )
    found: str | None = db.execute(statement).scalar()
    return found


def projects_of(db: Connection, proposal: int) -> dict[str, str]:
    """Return the projects that are taken for a proposal: their symbols by their keys."""
    statement = select(MATCHES.c.project, ENTRIES.c.value).select_from(
        MATCHES.outerjoin(ENTRIES, and_(ENTRIES.c.key == MATCHES.c.project, *in_force(DATASET)))
    )
    rows = db.execute(statement.where(MATCHES.c.proposal_id == proposal, *newest()))
    return {row.project: json.loads(row.value)["symbol"] if row.value else row.project for row in rows}


def undone(db: Connection) -> frozenset[str]:
    """Return the projects of which a person said that they are not what they were taken for."""
    statement = select(MATCHES.c.project).where(MATCHES.c.proposal_id.is_(None), *newest())
    return frozenset(db.execute(statement).scalars())


def count_projects(db: Connection) -> int:
    """Count the projects of the finance list."""
    statement = select(func.count()).select_from(ENTRIES).where(*in_force(DATASET), ENTRIES.c.value != "")
    found: int = db.execute(statement).scalar_one()
    return found


def by_symbol(db: Connection, symbols: Collection[str]) -> dict[str, list[int]]:
    """Return by symbol the ids of the proposals that bear it and were submitted or registered."""
    found: dict[str, list[int]] = {}
    statement = select(PROPOSALS.c.symbol, PROPOSALS.c.id).where(PROPOSALS.c.symbol.in_(symbols), *entered())
    for row in db.execute(statement):
        found.setdefault(row.symbol, []).append(row.id)
    return found


def candidates(db: Connection, countries: Collection[str]) -> list[Candidate]:
    """Return the proposals of some countries, or of none that is named, that were submitted or registered."""
    padded = " " + PROPOSALS.c.countries + " "
    named = [padded.contains(f" {code} ", autoescape=True) for code in sorted(countries)]
    statement = select(PROPOSALS.c.number, PROPOSALS.c.title, PROPOSALS.c.countries).where(
        *entered(), or_(PROPOSALS.c.countries.in_(("", "global")), *named)
    )
    return [
        Candidate(row.number, row.title, tuple(row.countries.split()))
        for row in db.execute(statement.order_by(PROPOSALS.c.number))
    ]
