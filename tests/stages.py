"""Fixtures of databases: empty, and with the cast on it, each on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from appraisal.database.engine import Database
from appraisal.database.files import Files
from appraisal.definitions.library import Library
from tests import casts
from tests.casts import Stage
from tests.databases import BACKENDS, PostgresCopies, SqliteCopies, leave_empty, started_postgres


@pytest.fixture(scope="session")
def sqlite_copies(tmp_path_factory: pytest.TempPathFactory) -> SqliteCopies:
    """Copies of SQLite templates."""
    return SqliteCopies(tmp_path_factory.mktemp("databases"))


@pytest.fixture(scope="session")
def postgres_copies() -> Iterator[PostgresCopies]:
    """Copies of PostgreSQL templates; a server that does not start fails the test."""
    with started_postgres() as copies:
        yield copies


@pytest.fixture(params=BACKENDS)
def copies(request: pytest.FixtureRequest) -> SqliteCopies | PostgresCopies:
    """Copies of templates, once on SQLite and once on PostgreSQL."""
    found: SqliteCopies | PostgresCopies = request.getfixturevalue(
        "sqlite_copies" if request.param == "sqlite" else "postgres_copies"
    )
    return found


@pytest.fixture
def database(copies: SqliteCopies | PostgresCopies) -> Iterator[Database]:
    """A migrated database with nothing in it, once on SQLite and once on PostgreSQL."""
    with copies.copied(leave_empty) as opened:
        yield opened


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """An empty store of files."""
    return Files(tmp_path / "files")


@pytest.fixture
def stage(copies: SqliteCopies | PostgresCopies, library: Library, files: Files) -> Iterator[Stage]:
    """A database with the cast and no proposal, once on SQLite and once on PostgreSQL."""
    with copies.copied(casts.create_people) as opened:
        yield casts.opened_stage(opened, library, files)


@pytest.fixture
def lite(sqlite_copies: SqliteCopies, library: Library, files: Files) -> Iterator[Stage]:
    """The same on SQLite alone, for what does not depend on the database."""
    with sqlite_copies.copied(casts.create_people) as opened:
        yield casts.opened_stage(opened, library, files)
