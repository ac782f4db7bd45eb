"""The schema of a database is brought to the state that the code expects, or told to be elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from appraisal.database import seals, triggers
from appraisal.database.engine import Database, take_turn
from appraisal.database.tables import Base

# Two processes that start together must not both migrate; any fixed number will do as the name of the lock.
_LOCK = 7_219_045


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


@contextmanager
def upgrading(database: Database, revision: str = "head") -> Iterator[tuple[Connection, bool]]:
    """Apply every migration that is missing, up to a revision, in a transaction that stays open.

    Yields the connection, and whether any was missing. What is done on it belongs to the upgrade: all
    of it is committed together, or nothing.
    """
    with database.begin() as connection:
        take_turn(connection, _LOCK)
        before = _revision(connection)
        # What a migration makes of rows is no fact of anybody: events seal it from the next one on.
        seals.end(connection)
        command.upgrade(_config(connection), revision)
        yield connection, _revision(connection) != before


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
    return MigrationContext.configure(connection).get_current_revision()


def unknown(database: Database) -> str | None:
    """Return the revision of a database that this code does not know; None where it knows it."""
    found = current(database)
    return found if found is not None and found not in revisions() else None


def revisions() -> list[str]:
    """Return the revisions that the code knows, in their order."""
    scripts = ScriptDirectory.from_config(_config()).walk_revisions()
    return [script.revision for script in scripts][::-1]


def head() -> str | None:
    """Return the newest revision that the code knows."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def differences(database: Database) -> list[str]:
    """Return how a migrated database differs from the tables and triggers of the code."""
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        found = [str(entry) for entry in compare_metadata(context, Base.metadata)]
        return [*found, *triggers.faults(connection)]
