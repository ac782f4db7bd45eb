"""Proposals are listed and narrowed here, with their chains and histories, and who holds which role."""

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, exists, func, or_, select

from appraisal.database import tables
from appraisal.database.types import LARGEST_ID
from appraisal.people.facts import Person
from appraisal.people.store import substitutes
from appraisal.people.store.people import person as person_of
from appraisal.people.store.roles import holding
from appraisal.proposals.rules.disclosure import Happened
from appraisal.proposals.store.contributions import unvalued_of
from appraisal.proposals.store.visible import fully_visible, visible
from appraisal.proposals.store.writing import entered, in_states
from appraisal.trail.rules.events import Event
from appraisal.vocabulary.roles import Role

PROPOSALS = tables.proposals
EVENTS = tables.events
PAGE = 50


@dataclass(frozen=True, slots=True)
class Listed:
    """One proposal in a list. ``full`` is False where only the overlap may be shown."""

    id: int
    number: str
    title: str
    state: str
    workflow: str
    countries: str
    donors: str
    unit: str
    usd: Decimal | None
    track: str
    due_on: date | None
    on_hold: bool
    route: str
    illustrative: bool
    state_since: datetime
    holder_id: int | None
    full: bool


COLUMNS = tuple(PROPOSALS.c[name] for name in Listed.__slots__ if name != "full")


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list is narrowed to; empty strings narrow nothing. ``words`` are looked for in the title."""

    state: str = ""
    country: str = ""
    route: str = ""
    words: str = ""


def list_proposals(
    db: Connection, person: Person, filters: Filters | None = None, after: int | None = None, most: int = PAGE
) -> tuple[list[Listed], int | None]:
    """List proposals that a person may know of, newest first, and where the next page begins."""
    given = filters or Filters()
    statement = select(*COLUMNS, fully_visible(person).label("full")).where(
        visible(person), *_narrowed(given, person)
    )
    if after is not None:
        statement = statement.where(PROPOSALS.c.id < min(after, LARGEST_ID))
    rows = db.execute(statement.order_by(PROPOSALS.c.id.desc()).limit(most + 1)).all()
    listed = [listed_of(row) for row in rows[:most]]
    unknown = unvalued_of(db, {entry.id for entry in listed if entry.route == "outside"})
    shown = [replace(entry, usd=None) if entry.id in unknown else entry for entry in listed]
    return shown, listed[-1].id if len(rows) > most else None


def listed_of(row: Any) -> Listed:
    found = Listed(*row)
    if found.full:
        return found
    # Enough to look for overlap, and nothing else.
    return Listed(
        found.id,
        found.number,
        found.title,
        found.state,
        found.workflow,
        found.countries,
        found.donors,
        "",
        None,
        "",
        None,
        False,
        "",
        found.illustrative,
        found.state_since,
        None,
        False,
    )


def _narrowed(given: Filters, person: Person) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if given.state:
        found.append(PROPOSALS.c.state == given.state)
    if given.country:
        # Codes stand in one text, a space between them.
        found.append((" " + PROPOSALS.c.countries + " ").contains(f" {given.country} ", autoescape=True))
    if given.route:
        # Who may not read the route may not search by it either.
        found.append(and_(PROPOSALS.c.route == given.route, fully_visible(person)))
    for word in given.words.split()[:8]:
        escaped = word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        found.append(
            or_(
                PROPOSALS.c.title.ilike(f"%{escaped}%", escape="\\"),
                PROPOSALS.c.number.ilike(f"%{escaped}%", escape="\\"),
                PROPOSALS.c.donors.ilike(f"%{escaped}%", escape="\\"),
            )
        )
    return found


def known_to(db: Connection, person: Person, numbers: Collection[str]) -> dict[str, bool]:
    """Return those of some numbers that a person may know of, each with whether it may be read in full."""
    full = fully_visible(person).label("full")
    statement = select(PROPOSALS.c.number, full).where(visible(person), PROPOSALS.c.number.in_(numbers))
    return {row.number: bool(row.full) for row in db.execute(statement)}


def chain_of(db: Connection, proposal: int) -> list[Event]:
    """Return the chain of a proposal in order."""
    rows = db.execute(
        select(EVENTS.c.sequence, EVENTS.c.body, EVENTS.c.digest)
        .where(EVENTS.c.proposal_id == proposal)
        .order_by(EVENTS.c.sequence)
    )
    return [Event(*row) for row in rows]


def history_of(db: Connection, proposal: int) -> list[Happened]:
    """Return the whole history of a proposal with names, oldest first; ``disclosure`` says who reads what."""
    people = tables.people
    replaced = people.alias("replaced")
    columns: tuple[ColumnElement[Any], ...] = (
        EVENTS.c.sequence,
        EVENTS.c.name,
        EVENTS.c.act,
        EVENTS.c.from_state,
        EVENTS.c.to_state,
        EVENTS.c.at,
        EVENTS.c.by,
        func.coalesce(people.c.name, "system"),
        EVENTS.c.note,
        EVENTS.c.digest,
        func.coalesce(replaced.c.name, ""),
        EVENTS.c.body,
    )
    rows = db.execute(
        select(*columns)
        .outerjoin(people, people.c.id == EVENTS.c.by)
        .outerjoin(replaced, replaced.c.id == EVENTS.c.for_id)
        .where(EVENTS.c.proposal_id == proposal)
        .order_by(EVENTS.c.sequence)
    )
    return [replace(found := Happened(*row), facts=_facts(found, body)) for *row, body in rows]


def _facts(entry: Happened, body: str) -> dict[str, Any]:
    """Return what an event says; nothing where it was altered: whoever reads the history is told so."""
    if hashlib.sha256(body.encode()).hexdigest() != entry.digest:
        return {}
    found: dict[str, Any] = json.loads(body)["facts"]
    return found


def appraisers(db: Connection) -> list[Person]:
    """Return the people who may be named lead, by name."""
    return holders(db, "appraiser")


def holders(db: Connection, role: Role) -> list[Person]:
    """Return the people with an open account and a role, by name."""
    people = tables.people
    rows = db.execute(
        substitutes.people_statement().where(people.c.active.is_(True)).order_by(func.lower(people.c.name))
    )
    found = [person_of(row, stands_in) for row, stands_in in substitutes.gathered(rows)]
    return [person for person in found if person.has(role)]


def pins_of(db: Connection, states: Collection[tuple[str, str]]) -> list[tuple[str, int]]:
    """Count the proposals in some states of workflows by the definitions that they pin, as canonical JSON."""
    counted = select(PROPOSALS.c.pins, func.count()).where(in_states(states))
    return [(row[0], row[1]) for row in db.execute(counted.group_by(PROPOSALS.c.pins))]


def ids_with(db: Connection, role: Role, units: Collection[str] | None = None) -> list[int]:
    """Return the ids of the people with an open account and a role, of some units or of any."""
    people = tables.people
    statement = select(people.c.id).where(holding(role))
    if units is not None:
        statement = statement.where(people.c.unit.in_(sorted(units)))
    return list(db.execute(statement.order_by(people.c.id)).scalars())


def accounts(db: Connection) -> list[tuple[int, str, str]]:
    """Return id, name and e-mail address of everybody with an open account."""
    people = tables.people
    rows = db.execute(select(people.c.id, people.c.name, people.c.email).where(people.c.active.is_(True)))
    return [(row.id, row.name, row.email) for row in rows]


def kinds_to_name(db: Connection, numbers: Collection[str], reader: Person) -> dict[str, str]:
    """Return the kinds of those of some proposals that somebody may name in a form, by number.

    That is what is listed for them, and an umbrella programme that a submitted country project names: it
    is never submitted itself, and whoever reads the country project knows of it.
    """
    known = or_(visible(reader), and_(PROPOSALS.c.kind == "umbrella", _has_child()))
    statement = select(PROPOSALS.c.number, PROPOSALS.c.kind).where(
        PROPOSALS.c.number.in_(sorted(numbers)), PROPOSALS.c.voided_at.is_(None), known
    )
    return {row.number: row.kind for row in db.execute(statement)} if numbers else {}


def _has_child() -> ColumnElement[bool]:
    child = PROPOSALS.alias()
    return exists().where(
        child.c.parent == PROPOSALS.c.number, child.c.workflow != "", child.c.voided_at.is_(None)
    )


@dataclass(frozen=True, slots=True)
class Umbrella:
    """An umbrella programme that a form may name; its title is empty for whoever may not read it."""

    number: str
    title: str


def umbrellas_to_name(db: Connection, reader: Person, most: int = 200) -> list[Umbrella]:
    """List the umbrella programmes that somebody may name in a form, newest first, so many at most."""
    is_listed = visible(reader)
    statement = (
        select(PROPOSALS.c.number, case((is_listed, PROPOSALS.c.title), else_="").label("title"))
        .where(PROPOSALS.c.kind == "umbrella", PROPOSALS.c.voided_at.is_(None), or_(is_listed, _has_child()))
        .order_by(PROPOSALS.c.id.desc())
        .limit(most)
    )
    return [Umbrella(row.number, row.title) for row in db.execute(statement)]


def siblings(db: Connection, umbrella: str, own: int) -> list[str]:
    """Return the numbers of the submitted country projects of an umbrella programme but one, in order."""
    statement = select(PROPOSALS.c.number).where(
        PROPOSALS.c.parent == umbrella, PROPOSALS.c.id != own, *entered()
    )
    return list(db.execute(statement.order_by(PROPOSALS.c.number)).scalars())


def entered_id(db: Connection, number: str, reader: Person) -> int | None:
    """Return the id of a proposal that was submitted or registered, for somebody who reads it in full."""
    found: int | None = db.execute(
        select(PROPOSALS.c.id).where(PROPOSALS.c.number == number, *entered(), fully_visible(reader))
    ).scalar()
    return found
