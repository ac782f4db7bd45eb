"""An installation with nothing in it but a coordinator and a designer."""

import shutil
from pathlib import Path

import pytest

from appraisal import clock
from appraisal.accounts.services import accounts
from appraisal.database.engine import Database
from appraisal.people.facts import SYSTEM_ACTOR
from tests.databases import write_migrated

_FILE = "appraisal.sqlite3"


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database of an installation, made once."""
    file = tmp_path_factory.mktemp("installed") / _FILE
    write_migrated(file)
    database = Database(f"sqlite:///{file}")
    with database.begin() as db:
        for email, role in (("desk@example.org", "coordinator"), ("designer@example.org", "designer")):
            accounts.create_person(db, SYSTEM_ACTOR, clock.now(), email=email, name=email, roles=[role])
    database.close()
    return file


@pytest.fixture
def data(tmp_path: Path, installed: Path) -> Path:
    """The folder of the installation."""
    shutil.copyfile(installed, tmp_path / _FILE)
    return tmp_path
