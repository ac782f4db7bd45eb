"""A site that was written in bulk is as sound as one that was written step by step."""

import json
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from appraisal.app import daily
from appraisal.app.commands.db import findings
from appraisal.database import tables
from appraisal.database.engine import Database
from appraisal.database.files import Files
from appraisal.definitions.library import Library
from appraisal.indicators.services import appraised_share
from appraisal.verification.rules import record_file
from appraisal.verification.services.database import verify
from tests.bench.site import Pattern, make_patterns, write_site

NOW = datetime(2013, 6, 4, 12, tzinfo=UTC)
MANY = 60


@pytest.fixture(scope="module")
def patterns(library: Library) -> list[Pattern]:
    return make_patterns(library)


@pytest.mark.thorough
def test_whatever_is_written_in_bulk_verifies(
    database: Database, files: Files, library: Library, patterns: list[Pattern]
) -> None:
    write_site(database, files, library, patterns, MANY, NOW, seed=1)
    found = findings(database, library, NOW)
    assert (found.chains, found.wrong) == (MANY + 1, [])
    verified = verify(database, library, files)
    assert (verified.breaks, verified.checked["chains"]) == ([], MANY)
    with database.begin() as db:
        assert not appraised_share.recount(db)
        records = db.execute(select(tables.records.c.value)).scalars().all()
    assert {json.loads(value)["kind"] for value in records} == {"appraisal", "decision"}
    for value in records:
        assert all(entry.outcome != "fails" for entry in record_file.verify(value.encode(), library))


@pytest.mark.thorough
def test_what_is_due_in_a_site_written_in_bulk_is_done_by_a_tick(
    database: Database, files: Files, library: Library, patterns: list[Pattern]
) -> None:
    write_site(database, files, library, patterns, MANY, NOW, seed=2)
    done = daily.tick(database, library, NOW)
    assert done.marks
    assert done.faults == ()
    assert findings(database, library, NOW).wrong == []
    assert verify(database, library, files).breaks == []
