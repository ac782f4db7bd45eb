"""Moments, days and money are stored as the text that is digested."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from sqlalchemy import insert, select, text

from appraisal.database import tables
from appraisal.database.engine import Database
from tests.tampering import unwatched


@pytest.mark.parametrize(
    ("moment", "stored"),
    [
        (datetime(2010, 2, 1, 9, tzinfo=UTC), "2010-02-01T09:00:00.000000Z"),
        (datetime(2010, 2, 1, 9, 0, 0, 1, timezone(timedelta(hours=2))), "2010-02-01T07:00:00.000001Z"),
        (datetime(999, 12, 31, tzinfo=UTC), "0999-12-31T00:00:00.000000Z"),
    ],
)
def test_a_moment_is_stored_in_utc(database: Database, moment: datetime, stored: str) -> None:
    table = tables.accesses
    with database.begin() as db:
        db.execute(insert(table).values(at=moment, action="test"))
        assert db.execute(text("SELECT at FROM accesses")).scalar_one() == stored
        assert db.execute(select(table.c.at)).scalar_one() == moment


def test_days_and_money_come_back_exactly(database: Database) -> None:
    table = tables.rates
    amount = Decimal("1E+3") + Decimal("0.000001")
    with unwatched(database) as db:
        db.execute(
            insert(table).values(
                currency="CHF",
                day=date(2010, 2, 1),
                per_usd=amount,
                source="",
                entered_by=0,
                entered_at=datetime(2010, 2, 1, tzinfo=UTC),
            )
        )
        assert db.execute(text("SELECT day, per_usd FROM rates")).one() == ("2010-02-01", "1000.000001")
        assert db.execute(select(table.c.day, table.c.per_usd)).one() == (date(2010, 2, 1), amount)
