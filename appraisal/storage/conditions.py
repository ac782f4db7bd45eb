"""Conditions that approvals rely on: those that wait for somebody, and those whose date has passed."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select

from appraisal.domain.facts import Person
from appraisal.storage import tables
from appraisal.storage.proposals import in_states
from appraisal.storage.roles import able
from appraisal.storage.visibilities import blind, fully_visible, related

PROPOSALS = tables.Proposal.__table__
CONDITIONS = tables.Condition.__table__
APPRAISALS = tables.Appraisal.__table__


@dataclass(frozen=True, slots=True)
class Overdue:
    """A condition of an approved proposal that is open after its date."""

    number: str
    condition: int
    due_on: date


def overdue_conditions(
    db: Connection, person: Person, today: date, *narrowed: ColumnElement[bool]
) -> list[Overdue]:
    """List the conditions that a person may know of and that are open after their date, oldest first.

    They are those that approvals rely on; ``narrowed`` says of which proposals.
    """
    rows = db.execute(
        _binding(PROPOSALS.c.number, CONDITIONS.c.number, CONDITIONS.c.due_on).where(
            CONDITIONS.c.due_on < today, fully_visible(person), ~blind(person), *narrowed
        )
    )
    return [Overdue(*row) for row in rows]


def binding() -> tuple[ColumnElement[bool], ...]:
    """Return the conditions under which one of an appraisal is open, and an approval relies on it."""
    later = APPRAISALS.alias()
    # Conditions die with their version: only those of the last finished appraisal bind.
    last = (
        select(func.max(later.c.id))
        .where(
            later.c.proposal_id == PROPOSALS.c.id,
            later.c.finalised_at.is_not(None),
            later.c.superseded_at.is_(None),
        )
        .scalar_subquery()
    )
    return (
        APPRAISALS.c.id == last,
        PROPOSALS.c.route != "",
        # An approval given outside relies on no appraisal.
        PROPOSALS.c.route_reason != "registered",
        CONDITIONS.c.cleared_at.is_(None),
        CONDITIONS.c.waived_at.is_(None),
    )


def _binding(*columns: ColumnElement[Any]) -> Select[Any]:
    """Select open conditions that an approval relies on, by what is due first."""
    return (
        select(*columns)
        .join(APPRAISALS, APPRAISALS.c.id == CONDITIONS.c.appraisal_id)
        .join(PROPOSALS, PROPOSALS.c.id == APPRAISALS.c.proposal_id)
        .where(*binding())
        .order_by(CONDITIONS.c.due_on, PROPOSALS.c.number, CONDITIONS.c.number)
    )


@dataclass(frozen=True, slots=True)
class Bound:
    """An open condition that waits for somebody; its title is empty where they do not read the proposal."""

    id: int
    number: str
    title: str
    condition: int
    text: str
    due_on: date | None
    gate: str | None
    reported_at: datetime | None
    owned: bool
    is_ownerless: bool = False


def conditions_for(
    db: Connection, person: Person, today: date, ended: Collection[tuple[str, str]]
) -> list[Bound]:
    """List the open conditions that a person owns and, for coordinators, those reported or overdue.

    Those as well whose owner's account is closed (*ownerless*), since nobody is pressed to meet them.
    What is in one of the states ``ended``, each with its workflow, waits for nobody. An owner need not
    read the proposal to see the condition itself.
    """
    owned = CONDITIONS.c.owner_id == person.id
    ownerless = and_(CONDITIONS.c.owner_id.is_not(None), CONDITIONS.c.owner_id.not_in(able(None)))
    mine: list[ColumnElement[bool]] = [owned]
    if person.has("coordinator"):
        waits = or_(CONDITIONS.c.reported_at.is_not(None), CONDITIONS.c.due_on < today, ownerless)
        mine.append(and_(waits, ~related(person, "author")))
    rows = db.execute(
        _binding(
            CONDITIONS.c.id,
            PROPOSALS.c.number,
            PROPOSALS.c.title,
            CONDITIONS.c.number.label("condition"),
            CONDITIONS.c.text,
            CONDITIONS.c.due_on,
            CONDITIONS.c.gate,
            CONDITIONS.c.reported_at,
            owned.label("owned"),
            ownerless.label("ownerless"),
            fully_visible(person).label("full"),
        ).where(or_(*mine), ~blind(person), ~in_states(ended))
    )
    return [
        Bound(
            row.id,
            row.number,
            row.title if row.full else "",
            row.condition,
            row.text,
            row.due_on,
            row.gate,
            row.reported_at,
            bool(row.owned),
            bool(row.ownerless),
        )
        for row in rows
    ]
