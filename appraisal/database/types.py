"""Columns keep moments, days and money as canonical text, the same on both databases."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Dialect, String, TypeDecorator

from appraisal.clock import parse_stamp, stamp

# An address may ask for any number; beyond this one PostgreSQL has no row and no patience.
LARGEST_ID: Final = 2**31 - 1


class Moment(TypeDecorator[datetime]):
    """A moment as :func:`appraisal.clock.stamp` writes it; text order is time order."""

    impl = String(27)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        """Write the moment in UTC."""
        return None if value is None else stamp(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        """Read the moment back."""
        return None if value is None else parse_stamp(value)


class Day(TypeDecorator[date]):
    """A calendar day in ISO 8601."""

    impl = String(10)
    cache_ok = True

    def process_bind_param(self, value: date | None, dialect: Dialect) -> str | None:
        """Write the day."""
        return None if value is None else value.isoformat()

    def process_result_value(self, value: Any | None, dialect: Dialect) -> date | None:
        """Read the day back."""
        return None if value is None else date.fromisoformat(value)


class Money(TypeDecorator[Decimal]):
    """An exact decimal as text."""

    impl = String(40)
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:
        """Write the amount without an exponent."""
        return None if value is None else format(value, "f")

    def process_result_value(self, value: Any | None, dialect: Dialect) -> Decimal | None:
        """Read the amount back."""
        return None if value is None else Decimal(value)
