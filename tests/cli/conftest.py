"""An installation with nothing in it but a coordinator and a designer."""

from pathlib import Path

import pytest

from appraisal import clock
from appraisal.domain.facts import SYSTEM_ACTOR
from appraisal.services import people
from appraisal.storage import schema
from appraisal.storage.databases import Database


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The folder of the installation."""
    database = Database(f"sqlite:///{tmp_path / 'appraisal.sqlite3'}")
    schema.upgrade(database)
    with database.begin() as db:
        for email, role in (("desk@example.org", "coordinator"), ("designer@example.org", "designer")):
            people.create_person(db, SYSTEM_ACTOR, clock.now(), email=email, name=email, roles=[role])
    database.close()
    return tmp_path
