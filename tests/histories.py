"""Histories: a small installation as each earlier version of the product left it.

A file holds the statements that make a SQLite database, packed. Each was written by the code with which its
revision of the schema came, which played the same proposals: one approved through the mechanism, one turned
down, one approved elsewhere, one under appraisal, one approved against the advice, one approved and annulled,
one whose approval is undated, and a draft. Revisions 0006 and 0007 came at once, so that the code of 0007
wrote that of 0006 as well.
"""

import lzma
import sqlite3
from collections.abc import Container, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import Connection, MetaData, Table, func, select

from appraisal.database import schema
from appraisal.database.engine import Database
from tests.tampering import unwatched

FOLDER: Final = Path(__file__).parent / "database" / "samples"
REVISIONS: Final = tuple(sorted(file.name.removesuffix(".sql.xz") for file in FOLDER.glob("*.sql.xz")))
MECHANISM: Final = "TC-2010-0001"
OUTSIDE: Final = "TC-2010-0003"
RUNNING: Final = "TC-2010-0004"
OVERRIDE: Final = "TC-2010-0005"
ANNULLED: Final = "TC-2010-0006"


def write(revision: str, file: Path) -> None:
    """Write a history as a file of SQLite."""
    connection = sqlite3.connect(file)
    with lzma.open(FOLDER / f"{revision}.sql.xz", "rt", encoding="utf-8") as script:
        connection.executescript(script.read())
    connection.close()


def load(database: Database, revision: str, folder: Path) -> None:
    """Put a history in the place of whatever a database holds."""
    reflected(database).drop_all(database.engine)
    schema.upgrade(database, revision)
    file = folder / f"{revision}.sqlite3"
    write(revision, file)
    source = Database(f"sqlite:///{file}")
    fill(database, rows(source, reflected(database)))
    source.close()


def reflected(database: Database) -> MetaData:
    """Return the tables of a database as they are."""
    found = MetaData()
    found.reflect(database.engine)
    return found


def rows(
    database: Database, metadata: MetaData, gone: Mapping[str, Container[str]] = MappingProxyType({})
) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of tables as they lie in a database, with the columns given but those that are gone."""

    def columns(table: Table) -> list[Any]:
        return [column for column in table.c if column.name not in gone.get(table.name, ())]

    with database.read() as db:
        return {
            table.name: [
                dict(row)
                for row in db.execute(
                    select(*columns(table)).select_from(table).order_by(*table.primary_key)
                ).mappings()
            ]
            for table in metadata.sorted_tables
            if table.name != "alembic_version"
        }


def fill(database: Database, kept: dict[str, list[dict[str, Any]]]) -> None:
    """Add rows to the tables of a database."""
    metadata = reflected(database)
    with unwatched(database) as db:
        for table in metadata.sorted_tables:
            if kept.get(table.name):
                db.execute(table.insert(), kept[table.name])
                _count_on(db, table)


def _count_on(db: Connection, table: Table) -> None:
    """Let PostgreSQL number new rows after those copied with theirs; SQLite does so anyway."""
    if db.dialect.name == "postgresql" and "id" in table.c:
        sequence = func.pg_get_serial_sequence(table.name, "id")
        db.execute(select(func.setval(sequence, select(func.max(table.c.id)).scalar_subquery())))
