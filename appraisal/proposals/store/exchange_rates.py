"""Rates of exchange are stored here, and the amounts found that were frozen with one."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, null, select

from appraisal.database import tables
from appraisal.people.facts import Person
from appraisal.proposals.store.contributions import contribution
from appraisal.proposals.store.visible import fully_visible

RATES = tables.rates


PROPOSALS = tables.proposals


VERSIONS = tables.versions


DECISIONS = tables.decisions


def _rates() -> Select[Any]:
    people = tables.people
    names = ("currency", "day", "per_usd", "source", "reason", "entered_at")
    return select(*(RATES.c[name] for name in names), people.c.name.label("by")).outerjoin(
        people, people.c.id == RATES.c.entered_by
    )


def list_rates(
    db: Connection, currency: str = "", *, first: int = 0, most: int | None = None
) -> Sequence[Any]:
    """List the rates in force, of one currency where it is named, from a place on, so many at most.

    Each with ``reason`` where it corrected one, and the name of who entered it as ``by``.
    """
    later = RATES.alias()
    corrected = (
        select(later.c.id)
        .where(later.c.currency == RATES.c.currency, later.c.day == RATES.c.day, later.c.id > RATES.c.id)
        .exists()
    )
    statement = _rates().where(~corrected).order_by(RATES.c.day.desc(), RATES.c.currency)
    if currency:
        statement = statement.where(RATES.c.currency == currency)
    return db.execute(statement.offset(first).limit(most)).all()


def rate_history(db: Connection, currency: str, day: date) -> Sequence[Any]:
    """List the rates of a currency and day, the one in force first, then those that it corrected."""
    mine = (RATES.c.currency == currency, RATES.c.day == day)
    return db.execute(_rates().where(*mine).order_by(RATES.c.id.desc())).all()


@dataclass(frozen=True, slots=True)
class Frozen:
    """An amount that was turned into US$ with a rate; ``version`` is None for an approval given outside."""

    number: str
    title: str
    version: int | None
    amount: Decimal
    rate: Decimal
    usd: Decimal


def frozen_with(db: Connection, reader: Person, currency: str, day: date) -> Iterator[Frozen]:
    """Yield every amount that versions and approvals keep by the rate of a currency and day, by number.

    Of the proposals that the reader reads in full.
    """
    shown = (PROPOSALS.c.number, PROPOSALS.c.title)
    versions = (
        select(*shown, VERSIONS.c.number.label("version"), VERSIONS.c.value)
        .join(VERSIONS, VERSIONS.c.proposal_id == PROPOSALS.c.id)
        .where(*_mentions(VERSIONS.c.value, currency, day), fully_visible(reader))
    )
    approvals = (
        select(*shown, null().label("version"), DECISIONS.c.contributions.label("value"))
        .join(DECISIONS, DECISIONS.c.proposal_id == PROPOSALS.c.id)
        .where(*_mentions(DECISIONS.c.contributions, currency, day), fully_visible(reader))
    )
    for statement, order in ((versions, VERSIONS.c.number), (approvals, DECISIONS.c.id)):
        for row in db.execute(statement.order_by(PROPOSALS.c.number, order)):
            value = json.loads(row.value)
            for given in map(contribution, value["contributions"] if row.version else value):
                if (
                    (given.currency, given.rate_on) == (currency, day)
                    and given.rate
                    and given.usd is not None
                ):
                    yield Frozen(row.number, row.title, row.version, given.amount, given.rate, given.usd)


def _mentions(column: ColumnElement[str], currency: str, day: date) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions that a canonical text names a currency and the day of a rate somewhere."""
    parts = (f'"currency":"{currency}"', f'"rate_on":"{day.isoformat()}"')
    return tuple(column.contains(part, autoescape=True) for part in parts)
