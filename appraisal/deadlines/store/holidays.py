"""Holidays of duty stations are listed and found here."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, select

from appraisal.database import tables

HOLIDAYS = tables.holidays


def list_holidays(db: Connection) -> Sequence[Row[Any]]:
    """List the holidays of all duty stations: id, station, day, name."""
    return db.execute(select(HOLIDAYS).order_by(HOLIDAYS.c.day.desc(), HOLIDAYS.c.station)).all()


def find_holiday(db: Connection, id: int) -> Row[Any] | None:
    """Return a holiday by its id."""
    return db.execute(select(HOLIDAYS).where(HOLIDAYS.c.id == id)).one_or_none()
