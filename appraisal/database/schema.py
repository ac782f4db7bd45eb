"""The schema of a database is brought to the state that the code expects, or told to be elsewhere.

Every command asks whether it is; Alembic, which takes longer to import than the answer, only migrates.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import (
    Column,
    Connection,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    insert,
    inspect,
    select,
)

from appraisal.database import seals, triggers
from appraisal.database.engine import Database, take_turn
from appraisal.database.tables import METADATA

# Two processes that start together must not both migrate; any fixed number will do as the name of the lock.
_LOCK = 7_219_045
_MIGRATIONS: Final = Path(__file__).parent / "migrations"
# Where Alembic notes the revision of a database.
_VERSION: Final = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)


@contextmanager
def upgrading(database: Database, revision: str = "head") -> Iterator[tuple[Connection, bool]]:
    """Apply every migration that is missing, up to a revision, in a transaction that stays open.

    An empty database is given the tables of today at once. Yields the connection, and whether anything
    was missing. What is done on it belongs to the upgrade: all of it is committed together, or nothing.
    """
    with database.begin() as connection:
        take_turn(connection, _LOCK)
        before = _revision(connection)
        # What a migration makes of rows is no fact of anybody: events seal it from the next one on.
        seals.end(connection)
        if before is None and revision == "head":
            _create(connection)
        else:
            _migrate(connection, revision)
        yield connection, _revision(connection) != before


def _create(db: Connection) -> None:
    """Create what all migrations together make of an empty database, a third of a second sooner.

    Source: Alembic documentation, Cookbook, "Building an Up to Date Database from Scratch".
    """
    METADATA.create_all(db)
    triggers.create(db)
    _VERSION.create(db)
    db.execute(insert(_VERSION).values(version_num=head()))


def _migrate(db: Connection, revision: str) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = db
    command.upgrade(config, revision)


def upgrade(database: Database, revision: str = "head") -> None:
    """Apply every migration that is missing, up to a revision; does nothing where none is."""
    with upgrading(database, revision):
        pass


def is_current(database: Database) -> bool:
    """Tell whether a database has every migration."""
    return current(database) == head()


def current(database: Database) -> str | None:
    """Return the revision of a database; None for one that has no schema yet."""
    with database.read() as connection:
        return _revision(connection)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(_VERSION.name):
        return None
    revision: str | None = connection.execute(select(_VERSION.c.version_num)).scalar_one_or_none()
    return revision


def unknown(database: Database) -> str | None:
    """Return the revision of a database that this code does not know; None where it knows it."""
    found = current(database)
    return found if found is not None and found not in revisions() else None


def revisions() -> list[str]:
    """Return the revisions that the code knows, in their order: the numbers that the files begin with."""
    return sorted(file.name.partition("_")[0] for file in (_MIGRATIONS / "versions").glob("[0-9]*_*.py"))


def head() -> str:
    """Return the newest revision that the code knows."""
    return revisions()[-1]


def differences(database: Database) -> list[str]:
    """Return how a migrated database differs from the tables and triggers of the code."""
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        found = [str(entry) for entry in compare_metadata(context, METADATA)]
        return [*found, *triggers.faults(connection)]
