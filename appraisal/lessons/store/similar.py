"""Proposals that may be about the same thing are found here, with what their appraisals say.

Three statements, whatever there is: candidates, ratings and conditions. Theme and outcome stand in
no column, so they are read from the newest version of at most ``EXAMINED`` proposals: those with a
country in common first, then those of the same unit, then the newest of the others.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import JSON, ColumnElement, Connection, Select, and_, case, cast, func, or_, select
from sqlalchemy import type_coerce as as_type

from appraisal.appraisals.store.conditions import standing
from appraisal.database import tables
from appraisal.people.facts import Person
from appraisal.proposals.facts import RatingGiven
from appraisal.proposals.store.lists import PROPOSALS
from appraisal.proposals.store.visible import blind, consulted, fully_visible, submitted, visible

VERSIONS = tables.versions
APPRAISALS = tables.appraisals
RATINGS = tables.ratings
CONDITIONS = tables.conditions
EXAMINED: Final = 500


@dataclass(frozen=True, slots=True)
class Found:
    """A proposal that may be similar, with no more of it than designers may read of other people's.

    ``full`` tells whether the reader reads all of it, ``asked`` whether the reader, or the
    reader's unit, still has to say what they think of it; theme and outcome are there to be
    compared, never to be shown.
    """

    id: int
    number: str
    title: str
    state: str
    workflow: str
    definition_set: str
    route: str
    countries: str
    donors: str
    illustrative: bool
    created_at: datetime
    theme: str
    outcome: str
    full: bool
    asked: bool


_SHOWN: Final = (
    "id",
    "number",
    "title",
    "state",
    "workflow",
    "definition_set",
    "route",
    "countries",
    "donors",
    "illustrative",
    "created_at",
)


def names_country(column: ColumnElement[str], codes: Collection[str]) -> ColumnElement[bool]:
    """Return the condition that a text of codes with spaces between holds one of some codes."""
    padded = " " + column + " "
    return or_(*(padded.contains(f" {code} ", autoescape=True) for code in sorted(codes)))


def candidates(
    db: Connection,
    person: Person,
    own: int,
    countries: Collection[str],
    unit: str,
    decided: Mapping[str, Collection[str]],
    most: int = EXAMINED,
) -> list[Found]:
    """Return submitted proposals to compare one with: those the person may know of, and those decided.

    ``decided`` names, for each workflow, the states that say how it ended.
    """
    nearest = _nearest(person, own, countries, unit, decided).limit(most).subquery()
    newest = select(func.max(VERSIONS.c.number)).where(VERSIONS.c.proposal_id == PROPOSALS.c.id)
    this = and_(
        VERSIONS.c.proposal_id == PROPOSALS.c.id,
        VERSIONS.c.number == newest.correlate(PROPOSALS).scalar_subquery(),
    )
    rows = db.execute(
        select(
            *(PROPOSALS.c[name] for name in _SHOWN),
            _submitted(db, "identification", "theme"),
            _submitted(db, "alignment", "outcome"),
            fully_visible(person),
            or_(blind(person), and_(consulted(person), ~fully_visible(person))),
        )
        .join(nearest, nearest.c.id == PROPOSALS.c.id)
        .outerjoin(VERSIONS, this)
    )
    return [_found(row) for row in rows]


def _found(row: Any) -> Found:
    return Found(*row)


def _nearest(
    person: Person,
    own: int,
    countries: Collection[str],
    unit: str,
    decided: Mapping[str, Collection[str]],
) -> Select[tuple[int]]:
    ended = [
        and_(PROPOSALS.c.workflow == workflow, PROPOSALS.c.state.in_(sorted(states)))
        for workflow, states in decided.items()
    ]
    nearness: list[ColumnElement[Any]] = []
    if countries:
        nearness.append(case((names_country(PROPOSALS.c.countries, countries), 0), else_=1))
    if unit:
        nearness.append(case((PROPOSALS.c.unit == unit, 0), else_=1))
    return (
        select(PROPOSALS.c.id)
        .where(
            PROPOSALS.c.id != own,
            submitted(person),
            or_(visible(person), PROPOSALS.c.route != "", *ended),
        )
        .order_by(*nearness, PROPOSALS.c.id.desc())
    )


def _submitted(db: Connection, section: str, field: str) -> ColumnElement[str]:
    """Return what was submitted last at a field of the form; what its authors write since is theirs.

    A proposal without a version was registered, and its content is what was registered.
    """
    frozen = _text_at(db, VERSIONS.c.value, "content", section, field)
    registered = _text_at(db, PROPOSALS.c.content, section, field)
    return func.coalesce(case((VERSIONS.c.id.is_not(None), frozen), else_=registered), "")


def _text_at(db: Connection, column: ColumnElement[str], *path: str) -> ColumnElement[str]:
    """Return the text at a path of a column of JSON, which is stored as text."""
    # PostgreSQL has to be told that it is JSON; to SQLite such a cast would mean a number.
    found = cast(column, JSON) if db.dialect.name == "postgresql" else as_type(column, JSON)
    text: ColumnElement[str] = found[path].as_string()
    return text


def _last_appraisals(proposals: Iterable[int]) -> Select[tuple[int]]:
    """Return the last finalised appraisal of each proposal; one that was superseded is none."""
    return (
        select(func.max(APPRAISALS.c.id))
        .where(
            APPRAISALS.c.proposal_id.in_(sorted(proposals)),
            APPRAISALS.c.finalised_at.is_not(None),
            APPRAISALS.c.superseded_at.is_(None),
        )
        .group_by(APPRAISALS.c.proposal_id)
    )


def final_ratings(db: Connection, proposals: Collection[int]) -> Mapping[int, list[RatingGiven]]:
    """Return the values of the ratings of each proposal's last appraisal, without what was said with them."""
    found: dict[int, list[RatingGiven]] = defaultdict(list)
    rows = db.execute(
        select(APPRAISALS.c.proposal_id, RATINGS.c.item, RATINGS.c.value)
        .join(APPRAISALS, APPRAISALS.c.id == RATINGS.c.appraisal_id)
        .where(RATINGS.c.appraisal_id.in_(_last_appraisals(proposals)), ~RATINGS.c.proposed)
        .order_by(RATINGS.c.id)
    )
    for proposal, item, value in rows:
        found[proposal].append(RatingGiven(item, value))
    return found


def final_conditions(db: Connection, proposals: Collection[int]) -> Mapping[int, list[str]]:
    """Return the texts of the conditions of each proposal's last appraisal."""
    found: dict[int, list[str]] = defaultdict(list)
    rows = db.execute(
        select(APPRAISALS.c.proposal_id, CONDITIONS.c.text)
        .join(APPRAISALS, APPRAISALS.c.id == CONDITIONS.c.appraisal_id)
        .where(CONDITIONS.c.appraisal_id.in_(_last_appraisals(proposals)), *standing())
        .order_by(APPRAISALS.c.proposal_id, CONDITIONS.c.position)
    )
    for proposal, text in rows:
        found[proposal].append(text)
    return found
