import json
import re
import sqlite3
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import delete, select, update

from appraisal.app.commands.db import findings
from appraisal.app.daily import tick
from appraisal.cli import main
from appraisal.database import tables
from appraisal.definitions.library import Library
from appraisal.indicators.services import appraised_share
from tests import casts, histories
from tests.casts import Stage
from tests.tampering import unguarded, unwatched

EVENTS = tables.events
PROPOSALS = tables.proposals
SITE = tables.site_events
REPORTS = tables.indicator_reports


def run(data: Path, *arguments: str, database: str = "") -> Result:
    return CliRunner().invoke(
        main, list(arguments), env={"APPRAISAL_DATA": str(data), "APPRAISAL_DATABASE": database}
    )


def test_upgrade_makes_a_database_and_does_nothing_the_second_time(tmp_path: Path) -> None:
    first, second = run(tmp_path, "db", "upgrade"), run(tmp_path, "db", "upgrade")

    assert (first.exit_code, first.stdout) == (0, "The database is up to date now.\n")
    assert (second.exit_code, second.stdout) == (0, "The database was up to date.\n")
    assert run(tmp_path, "db", "check").exit_code == 0


@pytest.mark.thorough
def test_an_upgrade_notes_once_which_definitions_are_in_force(tmp_path: Path, library: Library) -> None:
    assert run(tmp_path, "audit", "definitions").exit_code == 2
    for _ in range(2):
        run(tmp_path, "db", "upgrade")

        listed = json.loads(run(tmp_path, "audit", "definitions", "--json").stdout)

        assert {entry["key"]: entry["digest"] for entry in listed} == library.digests
        assert len(listed) == 11
    lines = run(tmp_path, "audit", "definitions").stdout.splitlines()
    assert re.fullmatch(rf"\d{{4}}-\d\d-\d\d  {library.digests['standard.v1']}  standard\.v1", lines[0])
    assert "11 events of the installation" in run(tmp_path, "audit", "verify").stdout


@pytest.mark.thorough
def test_data_of_an_earlier_version_is_upgraded(tmp_path: Path) -> None:
    histories.write("0003", tmp_path / "appraisal.sqlite3")
    asked = ("indicator", "2.1", "--biennium", "2010-11")
    assert run(tmp_path, *asked).stderr == "The database is not ready. Run: appraisal db upgrade\n"

    first, second = run(tmp_path, "db", "upgrade"), run(tmp_path, "db", "upgrade")

    assert (first.exit_code, first.stdout) == (0, "The database is up to date now.\n")
    assert (second.exit_code, second.stdout) == (0, "The database was up to date.\n")
    # Its definitions have other texts by now.
    stopped = "Proposals that do not move until the texts that they pinned are put back: 5 (alignment.v1, "
    assert first.stderr == second.stderr
    assert first.stderr.startswith(stopped)
    assert "33.3 %  (1 of 3), milestone 75 %, not met" in run(tmp_path, *asked).stdout


@pytest.mark.thorough
def test_an_upgrade_that_fails_says_so_and_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "appraisal.sqlite3"
    histories.write("0001", file)
    with sqlite3.connect(file) as db:
        db.execute("DELETE FROM records WHERE kind = 'decision'")
    db.close()

    for _ in range(2):
        result = run(tmp_path, "db", "upgrade")

        assert (result.exit_code, result.stdout) == (1, "")
        assert re.fullmatch(
            r"The upgrade failed, and the database is as it was: record [0-9a-f]{64} does not exist\n",
            result.stderr,
        )
        assert run(tmp_path, "db", "check").stderr == "The database is not ready. Run: appraisal db upgrade\n"


@pytest.mark.thorough
def test_a_database_with_every_route_is_right(stage: Stage) -> None:
    casts.draft(stage)
    casts.approved(stage)
    casts.overridden(stage)
    casts.outside(stage)
    casts.outside(stage, undated=True)

    assert findings(stage.database, stage.library, stage.now) == (6, 0, [])


def test_what_is_right_is_said(lite: Stage, tmp_path: Path) -> None:
    casts.approved(lite)

    result = run(tmp_path, "db", "check", "--json", database=lite.database.url)

    assert result.exit_code == 0
    assert json.loads(result.stdout) == {"chains": 2, "reports": 0, "wrong": []}


def test_an_event_that_was_altered_is_found(stage: Stage) -> None:
    casts.submitted(stage)
    number = casts.submitted(stage)
    found = casts.load(stage, number)
    with unguarded(stage.database) as db:
        db.execute(
            update(EVENTS).where(EVENTS.c.proposal_id == found.id, EVENTS.c.sequence == 2).values(body="{}")
        )

    assert findings(stage.database, stage.library, stage.now).wrong == [f"{number}: event 2 was altered"]


def test_a_tail_that_was_cut_off_is_found(stage: Stage) -> None:
    number = casts.submitted(stage)
    with unguarded(stage.database) as db:
        db.execute(delete(EVENTS).where(EVENTS.c.sequence == 2))

    assert findings(stage.database, stage.library, stage.now).wrong == [
        f"{number}: the chain ends before its head (after event 1)"
    ]


def test_a_chain_that_is_gone_is_found(stage: Stage) -> None:
    number = casts.draft(stage)
    with unguarded(stage.database) as db:
        db.execute(delete(EVENTS))

    assert findings(stage.database, stage.library, stage.now).wrong == [
        f"{number}: the chain ends before its head (after event 0)"
    ]


@pytest.mark.thorough
def test_what_a_tick_would_come_too_late_for_is_named(stage: Stage) -> None:
    number = casts.revision(stage)
    casts.approved(stage)
    tick(stage.database, stage.library, stage.now)
    assert findings(stage.database, stage.library, stage.now).wrong == []
    table, later = tables.proposals, date(2012, 1, 2)
    with unguarded(stage.database) as db:
        mine = update(table).where(table.c.number == number)
        db.execute(mine.values(wake_on=later, due_on=later, awaits_manager=True))

    assert findings(stage.database, stage.library, stage.now).wrong == [
        f"{number}: a tick looks at it not before 2012-01-02, but has to on 2010-02-22",
        f"{number}: its column due_on is 2012-01-02, but its calendar says 2010-03-01",
        f"{number}: its column awaits_manager is True, but its steps say False",
    ]
    # By then time demands something, and nobody was told.
    stage.wait(days=100)
    with unguarded(stage.database) as db:
        db.execute(mine.values(wake_on=None))
    assert findings(stage.database, stage.library, stage.now).wrong[0] == (
        f"{number}: a tick looks at it never again, but has to on 2010-05-12"
    )


def test_the_sites_own_chain_is_checked(stage: Stage) -> None:
    with unguarded(stage.database) as db:
        db.execute(update(SITE).where(SITE.c.sequence == 1).values(body="{}"))

    assert findings(stage.database, stage.library, stage.now).wrong == [
        "the site's chain: event 1 was altered"
    ]


@pytest.mark.parametrize(
    ("column", "value", "told"),
    [
        ("route", "mechanism", "route is mechanism, but the trail says outside"),
        ("approved_at", None, "approved_at is None, but the trail says 2010"),
        ("title", "Another", "title is Another, but the trail says Approved elsewhere"),
    ],
)
def test_a_column_that_lies_is_found(stage: Stage, column: str, value: str | None, told: str) -> None:
    number = casts.outside(stage)
    with unwatched(stage.database) as db:
        db.execute(update(PROPOSALS).values({column: value}))

    wrong = findings(stage.database, stage.library, stage.now).wrong

    assert [line for line in wrong if line.startswith(f"{number}: {told}")], wrong


def test_what_is_wrong_is_printed_line_by_line(lite: Stage, tmp_path: Path) -> None:
    number = casts.outside(lite)
    with unwatched(lite.database) as db:
        db.execute(update(PROPOSALS).values(route="mechanism", route_reason=""))

    result = run(tmp_path, "db", "check", database=lite.database.url)

    assert result.exit_code == 1
    assert f"{number}: route is mechanism, but the trail says outside\n" in result.stdout
    assert result.stdout.endswith("2 wrong.\n")


@pytest.mark.thorough
def test_a_published_report_is_computed_again_from_what_was_written_by_then(
    lite: Stage, tmp_path: Path
) -> None:
    casts.approved(lite)
    publish(lite)
    casts.overridden(lite)

    assert findings(lite.database, lite.library, lite.now)[1:] == (1, [])
    result = run(tmp_path, "db", "check", database=lite.database.url)
    assert "and every published report (1). Nothing is wrong.\n" in result.stdout


@pytest.mark.parametrize(
    ("altered", "told"),
    [
        (
            {"numerator": 7},
            "the report 2.1 2010-11 of 2010-02-{}: computed again, numerator would be otherwise",
        ),
        (
            {"definition": {"key": "indicators.v1", "digest": "0" * 64}},
            (
                "the report 2.1 2010-11 of 2010-02-{} was computed by indicators.v1, "
                "which is not among the definitions any more"
            ),
        ),
        ({"definition": None}, "the report {} is not what the product writes"),
    ],
)
def test_a_published_report_that_says_otherwise_is_found(
    stage: Stage, altered: Mapping[str, Any], told: str
) -> None:
    casts.approved(stage)
    digest = publish(stage)
    with unguarded(stage.database) as db:
        said = json.loads(db.execute(select(REPORTS.c.value)).scalar_one())
        db.execute(update(REPORTS).values(value=json.dumps(said | altered)))

    (wrong,) = findings(stage.database, stage.library, stage.now).wrong

    assert wrong == told.format(digest if "report {}" in told else said["published_at"][8:])


def publish(stage: Stage) -> str:
    """Publish indicator 2.1 as the desk does, and return the digest."""
    digest, _ = appraised_share.publish(
        stage.database, stage.library, stage.people["desk"], stage.now, "2.1", "2010-11"
    )
    return digest
