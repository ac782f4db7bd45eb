"""An installation with nothing in it but a coordinator and a designer."""

from pathlib import Path

import pytest

from appraisal import clock
from appraisal.accounts.services import accounts
from appraisal.database import schema
from appraisal.database.engine import Database
from appraisal.people.facts import SYSTEM_ACTOR


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The folder of the installation."""
    database = Database(f"sqlite:///{tmp_path / 'appraisal.sqlite3'}")
    schema.upgrade(database)
    with database.begin() as db:
        for email, role in (("desk@example.org", "coordinator"), ("designer@example.org", "designer")):
            accounts.create_person(db, SYSTEM_ACTOR, clock.now(), email=email, name=email, roles=[role])
    database.close()
    return tmp_path
