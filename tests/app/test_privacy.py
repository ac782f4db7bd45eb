"""What an installation keeps is for its owner alone, whatever the umask and whatever it was before."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import insert

from appraisal.cli import main
from appraisal.clock import now
from appraisal.database import tables
from appraisal.database.engine import Database
from appraisal.database.files import Files
from appraisal.settings import read_settings
from tests.tampering import unwatched


@pytest.fixture(params=[0, 0o022, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    """Set what the system takes away from the modes of new files: nothing, what is usual, or more."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def _modes(folder: Path) -> set[tuple[bool, int]]:
    found = (folder, *folder.rglob("*"))
    return {(path.is_dir(), stat.S_IMODE(path.stat().st_mode)) for path in found}


def _write(database: Database) -> None:
    values = {"email": "a@example.org", "name": "A", "created_at": now()}
    with unwatched(database) as db:
        db.execute(insert(tables.people).values(**values))


def test_what_is_made_is_for_its_owner_alone(tmp_path: Path, umask: int) -> None:
    data = tmp_path / "srv" / "appraisal"
    environment = {"APPRAISAL_DATA": str(data)}

    assert CliRunner().invoke(main, ["db", "upgrade"], env=environment).exit_code == 0
    settings = read_settings(environment)
    settings.session_secret()
    files = Files(settings.files)
    files.keep(b"a record that was rendered")
    files.waiting.keep(b"a list that waits")
    database = Database(settings.database)
    _write(database)

    made = {path.name for path in data.iterdir()}
    assert made == {"appraisal.sqlite3", "appraisal.sqlite3-wal", "appraisal.sqlite3-shm", "files", "secret"}
    assert _modes(tmp_path / "srv") == {(True, 0o700), (False, 0o600)}
    database.close()


def test_what_others_could_read_is_closed_to_them_when_it_is_opened(tmp_path: Path) -> None:
    data = tmp_path / "data"
    environment = {"APPRAISAL_DATA": str(data)}
    assert CliRunner().invoke(main, ["db", "upgrade"], env=environment).exit_code == 0
    settings = read_settings(environment)
    settings.session_secret()
    Files(settings.files).keep(b"a record that was rendered")
    # Left open, so that what SQLite writes beside it is there.
    database = Database(settings.database)
    _write(database)
    for path in (data, *data.rglob("*")):
        path.chmod(0o777 if path.is_dir() else 0o666)

    assert CliRunner().invoke(main, ["mail"], env=environment).exit_code == 0
    settings.session_secret()

    # Nobody else comes past the folder that holds the files.
    inner = set(settings.files.rglob("*"))
    assert {path for path in (data, *data.rglob("*")) if path.stat().st_mode & 0o077} == inner
    database.close()


def test_a_folder_that_a_database_is_put_into_is_left_as_it_is(tmp_path: Path) -> None:
    """It may be anybody's, such as the one for temporary files."""
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o755)
    database = Database(f"sqlite:///{shared / 'own.sqlite3'}")
    with database.read() as db:
        db.exec_driver_sql("SELECT 1")
    database.close()
    assert stat.S_IMODE(shared.stat().st_mode) == 0o755
    assert stat.S_IMODE((shared / "own.sqlite3").stat().st_mode) == 0o600
