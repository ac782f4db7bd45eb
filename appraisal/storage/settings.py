"""Settings as people read them: the table of rates and the calendars, newest first."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, select

from appraisal.storage import tables

RATES = tables.Rate.__table__
HOLIDAYS = tables.Holiday.__table__


def list_rates(db: Connection) -> Sequence[Any]:
    """List the rates: currency, day, per_usd, source, and the name of who entered them as ``by``."""
    people = tables.Person.__table__
    return db.execute(
        select(RATES.c.currency, RATES.c.day, RATES.c.per_usd, RATES.c.source, people.c.name.label("by"))
        .outerjoin(people, people.c.id == RATES.c.entered_by)
        .order_by(RATES.c.day.desc(), RATES.c.currency)
    ).all()


def list_holidays(db: Connection) -> Sequence[Row[Any]]:
    """List the holidays of all duty stations: id, station, day, name."""
    return db.execute(select(HOLIDAYS).order_by(HOLIDAYS.c.day.desc(), HOLIDAYS.c.station)).all()


def find_holiday(db: Connection, id: int) -> Row[Any] | None:
    """Return a holiday by its id."""
    return db.execute(select(HOLIDAYS).where(HOLIDAYS.c.id == id)).one_or_none()
