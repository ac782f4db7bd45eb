"""Data of every earlier version: upgraded whole or not at all, and read as what it was."""

import signal
import sqlite3
import subprocess
import sys
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import delete, event

from appraisal import clock
from appraisal.app import upgrades
from appraisal.app.commands.db import findings
from appraisal.database import schema, tables
from appraisal.database.engine import Database
from appraisal.database.files import Files
from appraisal.definitions.library import Library
from appraisal.errors import NotFound
from appraisal.indicators.services import appraised_share
from appraisal.indicators.services.appraised_share import read_past
from appraisal.verification.services import database as verification_database
from appraisal.workflow.services import time_steps
from tests import casts, histories
from tests.databases import SqliteCopies, hurried
from tests.histories import ANNULLED, MECHANISM, OUTSIDE, OVERRIDE, REVISIONS
from tests.tampering import unguarded

DAY: Final = date(2010, 2, 2)


def test_no_revision_is_missing_among_the_histories() -> None:
    assert len(REVISIONS) >= 9
    assert list(REVISIONS) == schema.revisions()[: len(REVISIONS)]


@pytest.mark.sampled(2)
@pytest.mark.parametrize("revision", REVISIONS)
def test_every_history_is_upgraded_and_read_as_what_it_was(
    database: Database, revision: str, library: Library, tmp_path: Path
) -> None:
    histories.load(database, revision, tmp_path)
    files = Files(tmp_path / "files")
    files.keep(casts.PDF)

    assert upgrades.upgrade(database) == (revision != schema.head())

    assert schema.differences(database) == []
    with database.read() as db:
        # What time demanded then, no tick of then need have known.
        assert revision == schema.head() or histories.RUNNING in time_steps.due(db, clock.now())
    assert upgrades.upgrade(database) is False
    undated = "TC-2010-0008" if revision == "0001" else "TC-2010-0007"
    with database.read() as db:
        report = appraised_share.report(db, library, "2.1", "2010-11")
        assert [entry.number for entry in report.mechanism] == [MECHANISM]
        assert [entry.number for entry in report.override] == [OVERRIDE]
        assert [(entry.number, entry.reason) for entry in report.outside] == [(OUTSIDE, "registered")]
        assert [entry.number for entry in report.undated] == [undated]
        found = appraised_share.figures(db, library, "2010-11", DAY)["2010-11"]
        assert found == report.figures
        assert (found.percent, found.share.numerator, found.share.denominator) == ("33.3", 1, 3)
        assert found.usd == (Decimal("900000.00"), Decimal("2700000.00"))
        assert found.states == tuple(
            ("standard.v1", state, count)
            for state, count in (("annulled", 1), ("approved", 4), ("rejected", 1), ("under_appraisal", 1))
        )
        past = read_past("2010-02-01T09:37+00:00")
        known = appraised_share.report(db, library, "2.1", "2010-11", past)
        assert [entry.number for entry in known.mechanism] == [MECHANISM, ANNULLED]
        for entry in library.indicators().indicators:
            assert appraised_share.value(db, library, entry.code, "2010-11")["biennium"] == "2010-11"
    _nothing_but_older_definitions(findings(database, library, clock.now()).wrong)
    verified = verification_database.verify(database, library, files)
    _nothing_but_older_definitions([str(entry) for entry in verified.breaks])
    assert verified.checked["chains"] == (9 if revision == "0001" else 8)


@pytest.mark.thorough
def test_a_proposal_of_an_earlier_version_goes_by_the_definitions_that_it_was_submitted_by(
    sqlite_copies: SqliteCopies, library: Library, tmp_path: Path
) -> None:
    histories.write("0001", tmp_path / "history.sqlite3")
    with sqlite_copies.opened(tmp_path / "history.sqlite3") as database:
        upgrades.upgrade(database)
        stage = casts.opened_stage(database, library, Files(tmp_path / "files"))
        stage.wait(days=1)
        case = casts.load(stage, histories.RUNNING)
        outside = casts.load(stage, OUTSIDE)
        # Those of then were edited since, before anything was released.
        assert case.pins == outside.pins
        assert case.pins.keys() == {"standard.v1", "appraisal.v1", *_checklists(library)}
        before = casts.contents(stage)
        assert casts.refused(stage, "ana", case.number, "withdraw", note="No.") == ("definition_replaced",)
        assert casts.contents(stage) == before
        stage.library = replace(library, digests={**library.digests, **case.pins})
        assert casts.take(stage, "ana", case.number, "withdraw", note="No more.").state == "withdrawn"
        with database.read() as db:
            found = appraised_share.figures(db, library, "2010-11", DAY)["2010-11"]
            assert ("standard.v1", "withdrawn", 1) in found.states
            assert appraised_share.differences(db) == []


def _checklists(library: Library) -> set[str]:
    return {entry.checklist.key for entry in library.criteria("appraisal.v1")}


def _nothing_but_older_definitions(wrong: list[str]) -> None:
    """Expect that nothing is found but what the definitions of today say otherwise than those of then."""
    assert [line for line in wrong if " was made by " not in line and " was computed by " not in line] == []


def _revision(file: Path) -> tuple[Any, ...]:
    """Return the revision of a file of SQLite, with its schema and what its tables hold."""
    connection = sqlite3.connect(file)
    names = connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
    tables_ = [name for name, text in names if text and text.startswith("CREATE TABLE")]
    held = [connection.execute(f"SELECT * FROM {name}").fetchall() for name in tables_]  # noqa: S608 - the words are the test's own
    connection.close()
    return names, held


@pytest.mark.thorough
@pytest.mark.parametrize("revision", ["0001", "0004"])
def test_an_upgrade_that_ends_at_any_statement_leaves_the_database_as_it_was(
    revision: str, tmp_path: Path
) -> None:
    """What lies on the disk before each statement is what a process that is killed there leaves behind."""
    file, left = tmp_path / "site.sqlite3", tmp_path / "left.sqlite3"
    histories.write(revision, file)
    before = _revision(file)
    database = hurried(Database(f"sqlite:///{file}"))
    statements: list[str] = []
    others: list[str] = []

    def look(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)
        for ending in ("", "-wal"):
            source = file.with_name(file.name + ending)
            target = left.with_name(left.name + ending)
            target.write_bytes(source.read_bytes() if source.exists() else b"")
        if _revision(left) != before:
            others.append(statement)

    event.listen(database.engine, "before_cursor_execute", look)
    assert upgrades.upgrade(database) is True
    database.close()

    assert len(statements) > 50
    assert others == []
    assert _revision(file) != before


_KILLED: Final = """
import os, signal, sys
from sqlalchemy import event
from appraisal.app import upgrades
from appraisal.database.engine import Database

database, left = Database(sys.argv[1]), int(sys.argv[2])

def count(*_):
    global left
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)

event.listen(database.engine, "after_cursor_execute", count)
upgrades.upgrade(database)
"""


@pytest.mark.thorough
@pytest.mark.parametrize("statement", [12, 60])
def test_an_upgrade_that_is_killed_is_run_again(
    database: Database, library: Library, tmp_path: Path, statement: int
) -> None:
    histories.load(database, "0003", tmp_path)
    before = histories.rows(database, histories.reflected(database))
    database.close()

    program = [sys.executable, "-c", _KILLED, database.url, str(statement)]
    ended = subprocess.run(program, check=False)  # noqa: S603

    assert ended.returncode == -signal.SIGKILL
    assert schema.current(database) == "0003"
    assert histories.rows(database, histories.reflected(database)) == before
    assert upgrades.upgrade(database) is True
    with database.read() as db:
        assert appraised_share.figures(db, library, "2010-11", DAY)["2010-11"].percent == "33.3"


@pytest.mark.thorough
def test_an_upgrade_that_fails_while_counting_changes_nothing(database: Database, tmp_path: Path) -> None:
    histories.load(database, "0004", tmp_path)
    records = histories.reflected(database).tables["records"]
    with unguarded(database) as db:
        db.execute(delete(tables.renderings))
        db.execute(records.delete().where(records.c.kind == "decision"))
    before = histories.rows(database, histories.reflected(database))

    with pytest.raises(NotFound, match=r"^record [0-9a-f]{64} does not exist$"):
        upgrades.upgrade(database)

    assert schema.current(database) == "0004"
    assert histories.rows(database, histories.reflected(database)) == before
