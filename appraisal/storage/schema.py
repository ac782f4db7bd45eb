"""Schema: bringing a database to the state that the code expects, and telling whether it is there."""

from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from appraisal.storage import triggers
from appraisal.storage.databases import Database
from appraisal.storage.tables import Base

# Two processes that start together must not both migrate; any fixed number will do as the name of the lock.
_LOCK = 7_219_045


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def upgrade(database: Database, revision: str = "head") -> None:
    """Apply every migration that is missing, up to a revision; does nothing where none is."""
    with database.begin() as connection:
        if not database.is_sqlite:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        command.upgrade(_config(connection), revision)


def is_current(database: Database) -> bool:
    """Tell whether a database has every migration."""
    with database.read() as connection:
        return MigrationContext.configure(connection).get_current_revision() == head()


def unknown(database: Database) -> str | None:
    """Return the revision of a database that this code does not know; None where it knows it."""
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    with database.read() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    return found if found is not None and found not in known else None


def head() -> str | None:
    """Return the newest revision that the code knows."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def differences(database: Database) -> list[str]:
    """Return how a migrated database differs from the tables and triggers of the code."""
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        found = [str(entry) for entry in compare_metadata(context, Base.metadata)]
        return [*found, *triggers.faults(connection)]
