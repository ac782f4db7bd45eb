"""Rows are inserted here into any table, and their highest id is read."""

from functools import cache
from typing import Any

from sqlalchemy import Connection, Table, func, insert, select
from sqlalchemy.sql.dml import ReturningInsert

from appraisal.database.engine import Database


def insert_row(db: Connection, table: Table, **values: Any) -> int:
    """Insert one row and return its id."""
    key: int = db.execute(_inserting(table), values).scalar_one()
    return key


@cache
def _inserting(table: Table) -> ReturningInsert[int]:
    return insert(table).returning(table.c.id)


def highest(database: Database, table: Any) -> int:
    """Return the highest id of a table such that every row up to it is there already, and none comes later.

    PostgreSQL gives ids out before their rows are to be seen: whoever is writing is waited for, and
    nobody begins to meanwhile. One table at a time, so that nobody can wait for it crosswise.
    """
    statement = select(func.coalesce(func.max(table.c.id), 0))
    found: int
    if database.is_sqlite:
        with database.read() as db:
            found = db.execute(statement).scalar_one()
            return found
    with database.begin() as db:
        db.exec_driver_sql("SET LOCAL lock_timeout = '5s'")
        db.exec_driver_sql(f"LOCK TABLE {table.name} IN SHARE MODE")
        found = db.execute(statement).scalar_one()
        return found
