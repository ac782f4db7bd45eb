"""Matches are stored here: which project of the finance list is which proposal, at any moment."""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, and_, func, insert, literal, or_, select

from appraisal.canonical import canonical
from appraisal.database import tables
from appraisal.database.as_of import Past, newest
from appraisal.lists.rules.matching import Bearing, Candidate, How, Link, Project, project_of
from appraisal.lists.store.lists import ENTRIES, in_force, rows_of, stored
from appraisal.people.facts import SYSTEM_ACTOR
from appraisal.proposals.rules import form
from appraisal.proposals.store.approvals_in_force import approving, last_event
from appraisal.proposals.store.contributions import unvalued_of
from appraisal.proposals.store.writing import entered
from appraisal.vocabulary.project_symbols import normalised

MATCHES = tables.matches
PROPOSALS = tables.proposals
EVENTS = tables.events
VERSIONS = tables.versions
RECORDS = tables.records
DATASET: Final = "projects"


@dataclass(frozen=True, slots=True)
class Matched:
    """A project with the proposal that it is, how that was found, when and by whom.

    ``usd`` is what the proposal was approved with; None while it is not approved, or nobody knows it in full.
    ``reason`` is why there is another project of the same approval.
    """

    project: Project
    number: str
    how: How
    at: datetime
    by: int
    usd: Decimal | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Unapproved:
    """A project that was opened for a proposal without an approval here, and the state of that proposal.

    ``funds`` are those of an approval that stands, and that is counted nowhere since they are others.
    """

    project: Project
    number: str
    workflow: str
    state: str
    funds: tuple[str, ...] = ()


def insert_match(
    db: Connection,
    project: str,
    proposal: int | None,
    how: How,
    now: datetime,
    by: int,
    basis: Mapping[str, Any] | None = None,
) -> int:
    """Write down what a project is from now on, None for nothing that is known; return the id of the row."""
    kept = canonical(basis).decode() if basis else ""
    written = insert(MATCHES).values(
        project=project, proposal_id=proposal, how=how, at=now, by=by, basis=kept
    )
    found: int = db.execute(written.returning(MATCHES.c.id)).scalar_one()
    return found


def unmatched(db: Connection, past: Past | None = None) -> Iterator[Project]:
    """Yield the projects of the finance list that are no proposal here, in order of their keys."""
    held = select(MATCHES.c.id).where(
        MATCHES.c.project == ENTRIES.c.key, MATCHES.c.proposal_id.is_not(None), *newest(past)
    )
    return _projects(db, rows_of(DATASET, past).where(~held.exists()))


def unapproved(db: Connection, scope: frozenset[str], past: Past | None = None) -> Iterator[Unapproved]:
    """Yield the projects whose proposal is not approved, now or then, in order of their keys.

    Also those of the funds of a scope whose proposal is approved with none of them: nothing counts them.
    """
    state, is_unapproved = _standing(past)
    approved = PROPOSALS.c.funds if past is None else approving(EVENTS.c.body, past)
    rows = rows_of(DATASET, past).add_columns(
        PROPOSALS.c.number,
        PROPOSALS.c.workflow,
        state.label("proposal_state"),
        is_unapproved.label("is_unapproved"),
        approved.label("approved"),
    )
    statement = (
        rows.join(MATCHES, MATCHES.c.project == ENTRIES.c.key)
        .join(PROPOSALS, PROPOSALS.c.id == MATCHES.c.proposal_id)
        .where(*newest(past), or_(is_unapproved, _is_counted_nowhere(approved, scope, past)))
    )
    for row in db.execute(statement):
        project = project_of(row.key, stored(row).value, row.line, row.import_id)
        funds = () if row.is_unapproved else _funds(row.approved, past)
        yield Unapproved(project, row.number, row.workflow, row.proposal_state, funds)


def _is_counted_nowhere(
    approved: ColumnElement[str], scope: frozenset[str], past: Past | None
) -> ColumnElement[bool]:
    """Return the condition that a project has a fund of a scope, and what is approved has none of it.

    ``approved`` are the funds as the row of a proposal has them, or what the event of its approval says.
    """
    is_known = approved != "" if past is None else approved.contains('"funds":["', autoescape=True)
    funds = sorted(scope)
    of_project = or_(*(ENTRIES.c.value.contains(f'"fund":"{fund}"', autoescape=True) for fund in funds))
    named = [fund if past is None else f'"{fund}"' for fund in funds]
    return and_(of_project, is_known, *(~approved.contains(text, autoescape=True) for text in named))


def _funds(approved: str, past: Past | None) -> tuple[str, ...]:
    if past is None:
        return tuple(approved.split())
    return tuple(json.loads(approved)["facts"]["approval"]["funds"])


def _standing(past: Past | None) -> tuple[ColumnElement[str], ColumnElement[bool]]:
    """Return the state of a proposal, and the condition that no approval of it stands, now or then."""
    if past is None:
        return PROPOSALS.c.state, PROPOSALS.c.route == ""
    return last_event(EVENTS.c.to_state, past), approving(EVENTS.c.sequence, past).is_(None)


def links(db: Connection, past: Past | None = None, key: str = "") -> Iterator[Link]:
    """Yield what people took for a proposal, now or then, whether the list still has the row or not."""
    statement = _links_now() if past is None else _links(past)
    if key:
        statement = statement.where(MATCHES.c.project == key)
    for row in db.execute(statement):
        said = json.loads(row.value) if row.value else None
        project = project_of(row.project, said, row.line, row.import_id) if said else None
        basis = json.loads(row.basis) if row.basis else None
        yield Link(row.id, row.project, row.number, row.how, basis, project, _read_bearing(row))


_BY_PEOPLE: Final = ("confirmed", "outside")


@cache
def _links_now() -> Select[Any]:
    return _links(None)


def _links(past: Past | None) -> Select[Any]:
    listed = and_(ENTRIES.c.key == MATCHES.c.project, *in_force(DATASET, past))
    columns = (MATCHES.c.id, MATCHES.c.project, MATCHES.c.how, MATCHES.c.basis, PROPOSALS.c.number)
    entry = (ENTRIES.c.value, ENTRIES.c.line, ENTRIES.c.import_id)
    return (
        select(*columns, *entry, *_bearing(past))
        .select_from(
            MATCHES.join(PROPOSALS, PROPOSALS.c.id == MATCHES.c.proposal_id).outerjoin(ENTRIES, listed)
        )
        .where(MATCHES.c.how.in_(_BY_PEOPLE), *newest(past))
    )


def bearing(db: Connection, proposal: int) -> Bearing:
    """Return what a link to a proposal rests on there."""
    return _read_bearing(db.execute(select(*_bearing(None)).where(PROPOSALS.c.id == proposal)).one())


def _bearing(past: Past | None) -> tuple[ColumnElement[Any], ...]:
    submitted: ColumnElement[Any] = literal(None)
    if past is not None:
        times = (
            select(func.count())
            .where(EVENTS.c.proposal_id == PROPOSALS.c.id, EVENTS.c.act == "submit", past.includes(EVENTS))
            .correlate(PROPOSALS)
            .scalar_subquery()
        )
        is_then = (VERSIONS.c.proposal_id == PROPOSALS.c.id, VERSIONS.c.number == times)
        version = select(VERSIONS.c.value).where(*is_then).correlate(PROPOSALS).scalar_subquery()
        # A draft that was registered is known as its decision sheet has it: its authors may have it back.
        of_approval = (
            RECORDS.c.proposal_id == PROPOSALS.c.id,
            RECORDS.c.kind == "decision",
            RECORDS.c.at == approving(EVENTS.c.at, past),
        )
        sheet = select(RECORDS.c.value).where(*of_approval).correlate(PROPOSALS).limit(1).scalar_subquery()
        submitted = func.coalesce(version, sheet)
    return (
        PROPOSALS.c.symbol.label("borne"),
        submitted.label("submitted"),
        approving(EVENTS.c.sequence, past).label("approval"),
    )


def _read_bearing(row: Any) -> Bearing:
    symbol = row.borne
    if row.submitted is not None:
        said = json.loads(row.submitted)
        content = said["content"] if "content" in said else said["proposal"]["content"]
        symbol = normalised(str(form.value(content, "identification.symbol")))
    return Bearing(symbol, row.approval or 0)


@dataclass(frozen=True, slots=True)
class Unsaid:
    """A project of which nobody said what it is; the product itself takes it for a proposal, or for none.

    ``is_new`` where nothing was ever written of it.
    """

    key: str
    symbol: str
    proposal: int | None
    is_new: bool


def unsaid(db: Connection, symbols: Collection[str] | None = None) -> Iterator[Unsaid]:
    """Yield the projects of which no person said what they are, of all the list or of some symbols."""
    rows = rows_of(DATASET).add_columns(MATCHES.c.id.label("match"), MATCHES.c.proposal_id)
    held = and_(MATCHES.c.project == ENTRIES.c.key, *newest())
    statement = rows.select_from(ENTRIES.outerjoin(MATCHES, held)).where(
        or_(MATCHES.c.id.is_(None), MATCHES.c.by == SYSTEM_ACTOR.id)
    )
    if symbols is not None:
        statement = statement.where(ENTRIES.c.key.in_([symbol.casefold() for symbol in symbols]))
    for row in db.execute(statement):
        symbol = normalised(stored(row).value["symbol"])
        yield Unsaid(row.key, symbol, row.proposal_id, row.match is None)


def taken(db: Connection) -> frozenset[int]:
    """Return the ids of proposals that a person took for a project of the list, as the only one."""
    statement = (
        select(MATCHES.c.proposal_id, MATCHES.c.basis)
        .select_from(MATCHES.join(ENTRIES, ENTRIES.c.key == MATCHES.c.project))
        .where(MATCHES.c.how.in_(_BY_PEOPLE), *newest(), *in_force(DATASET), ENTRIES.c.value != "")
    )
    rows = db.execute(statement)
    return frozenset(row.proposal_id for row in rows if not _reason(row.basis))


def listed_symbols(db: Connection, number: str) -> frozenset[str]:
    """Return the symbols of a proposal, as it bears it now and as its form has it, that the list has too."""
    row = db.execute(
        select(PROPOSALS.c.symbol, PROPOSALS.c.workflow, PROPOSALS.c.content).where(
            PROPOSALS.c.number == number
        )
    ).one_or_none()
    if row is None:
        return frozenset()
    written = normalised(str(form.value(json.loads(row.content), "identification.symbol")))
    found = {row.symbol, written} - {""}
    if not found:
        return frozenset()
    keys = {symbol.casefold(): symbol for symbol in found}
    held = select(ENTRIES.c.key).where(ENTRIES.c.dataset == DATASET, ENTRIES.c.key.in_(keys)).distinct()
    return frozenset(keys[key] for key in db.execute(held).scalars())


def find_project(db: Connection, key: str) -> Project | None:
    """Return a project of the finance list by its key."""
    return next(_projects(db, rows_of(DATASET).where(ENTRIES.c.key == key)), None)


def _projects(db: Connection, statement: Select[Any]) -> Iterator[Project]:
    for row in map(stored, db.execute(statement)):
        yield project_of(row.key, row.value, row.line, row.import_id)


def matched(db: Connection, most: int, after: str = "") -> list[Matched]:
    """List projects with their proposals in order of keys, from behind one on, so many at most."""
    rows = rows_of(DATASET).add_columns(
        PROPOSALS.c.id.label("proposal"),
        PROPOSALS.c.number,
        PROPOSALS.c.usd,
        PROPOSALS.c.route,
        MATCHES.c.how,
        MATCHES.c.at.label("matched_at"),
        MATCHES.c.by,
        MATCHES.c.basis,
    )
    statement = (
        rows.join(MATCHES, MATCHES.c.project == ENTRIES.c.key)
        .join(PROPOSALS, PROPOSALS.c.id == MATCHES.c.proposal_id)
        .where(*newest(), ENTRIES.c.key > after)
        .limit(most)
    )
    found = db.execute(statement).all()
    unknown = unvalued_of(db, {row.proposal for row in found if row.route == "outside"})
    return [
        Matched(
            project_of(row.key, stored(row).value, row.line, row.import_id),
            row.number,
            row.how,
            row.matched_at,
            row.by,
            row.usd if row.route and row.proposal not in unknown else None,
            _reason(row.basis),
        )
        for row in found
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


@dataclass(frozen=True, slots=True)
class Taken:
    """A project that is taken for a proposal; ``project`` is None where the list has no such row any more."""

    key: str
    how: How
    reason: str
    project: Project | None

    @property
    def symbol(self) -> str:
        """Return the symbol of the project."""
        return self.project.symbol if self.project else self.key.upper()


def _reason(basis: str) -> str:
    """Return why an approval has a project beside another one, from what its link was looked at with."""
    reason: str = json.loads(basis)["reason"] if basis else ""
    return reason


def projects_of(db: Connection, proposal: int) -> list[Taken]:
    """Return the projects that are taken for a proposal, in order of their keys."""
    columns = (MATCHES.c.project, MATCHES.c.how, MATCHES.c.basis, ENTRIES.c.value)
    statement = select(*columns).select_from(
        MATCHES.outerjoin(ENTRIES, and_(ENTRIES.c.key == MATCHES.c.project, *in_force(DATASET)))
    )
    rows = db.execute(statement.where(MATCHES.c.proposal_id == proposal, *newest()))
    found = [
        Taken(
            row.project,
            row.how,
            _reason(row.basis),
            project_of(row.project, json.loads(row.value)) if row.value else None,
        )
        for row in rows
    ]
    return sorted(found, key=lambda entry: entry.key)


def number_of(db: Connection, proposal: int) -> str:
    """Return the number of a proposal by its id."""
    found: str = db.execute(select(PROPOSALS.c.number).where(PROPOSALS.c.id == proposal)).scalar_one()
    return found


def is_approved(db: Connection, proposal: int) -> bool:
    """Tell whether an approval of a proposal stands."""
    statement = select(PROPOSALS.c.id).where(PROPOSALS.c.id == proposal, PROPOSALS.c.route != "")
    return db.execute(statement).first() is not None


def approved_usd(db: Connection, proposal: int) -> Decimal | None:
    """Return what a proposal was approved with; None where no approval stands, or nobody knows it in full."""
    statement = select(PROPOSALS.c.usd).where(PROPOSALS.c.id == proposal, PROPOSALS.c.route != "")
    found: Decimal | None = db.execute(statement).scalar()
    return None if unvalued_of(db, {proposal}) else found


def undone(db: Connection) -> frozenset[str]:
    """Return the projects of which it was said that they are not what they were taken for."""
    statement = select(MATCHES.c.project).where(MATCHES.c.proposal_id.is_(None), *newest())
    return frozenset(db.execute(statement).scalars())


def count_projects(db: Connection) -> int:
    """Count the projects of the finance list."""
    statement = select(func.count()).select_from(ENTRIES).where(*in_force(DATASET), ENTRIES.c.value != "")
    found: int = db.execute(statement).scalar_one()
    return found


def by_symbol(db: Connection, symbols: Collection[str]) -> dict[str, list[int]]:
    """Return by symbol, as it is compared, who bears it of the proposals that were submitted or registered.

    Rows of before bear it as it was compared then, so that a symbol may stand among ``symbols`` twice.
    """
    found: dict[str, list[int]] = {}
    statement = select(PROPOSALS.c.symbol, PROPOSALS.c.id).where(PROPOSALS.c.symbol.in_(symbols), *entered())
    for row in db.execute(statement):
        found.setdefault(normalised(row.symbol), []).append(row.id)
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
