import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import func, select

from appraisal.cli import main
from appraisal.database import tables
from appraisal.database.engine import Database

HEADING = "number,title,date,fund,document,source\n"


def run(data: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments), env={"APPRAISAL_DATA": str(data)})


def import_file(data: Path, text: str, email: str = "desk@example.org") -> Result:
    file = data / "approvals.csv"
    file.write_text(HEADING + text, encoding="utf-8")
    return run(data, "import-approvals", str(file), "--as", email)


def count_proposals(data: Path) -> int:
    database = Database(f"sqlite:///{data / 'appraisal.sqlite3'}")
    with database.read() as db:
        return db.execute(select(func.count()).select_from(tables.proposals)).scalar_one()


def test_every_line_becomes_an_approval_outside(data: Path) -> None:
    result = import_file(data, ",One,2010-09-20,XBTC,Minute 12,Registry\n,Two,,RBSA,Minute 13,Registry\n")

    report = json.loads(run(data, "indicator", "2.1", "--biennium", "2010-11", "--json").stdout)
    assert result.exit_code == 0
    assert [entry["title"] for entry in report["proposals"]["outside"]] == ["One"]
    assert [entry["title"] for entry in report["proposals"]["undated"]] == ["Two"]
    assert (report["numerator"], report["denominator"], report["complete"]) == (0, 1, False)


@pytest.mark.thorough
def test_a_day_without_an_hour_falls_on_that_day_in_geneva(data: Path) -> None:
    import_file(
        data, ",Last day,2011-12-31,XBTC,Minute 12,Registry\n,First day,2012-01-01,XBTC,Minute 13,Registry\n"
    )

    first = json.loads(run(data, "indicator", "2.1", "--biennium", "2010-11", "--json").stdout)
    second = json.loads(run(data, "indicator", "2.1", "--biennium", "2012-13", "--json").stdout)
    assert [entry["title"] for entry in first["proposals"]["outside"]] == ["Last day"]
    assert [entry["title"] for entry in second["proposals"]["outside"]] == ["First day"]


def test_every_bad_line_is_said_and_nothing_is_written(data: Path) -> None:
    result = import_file(
        data,
        ",Good,2010-09-20,XBTC,Minute 12,Registry\n"
        ",,2010-09-20,XBTC,Minute 12,Registry\n"
        ",Bad date,20 September,XBTC,Minute 12,Registry\n"
        ",Bad fund,2010-09-20,XXX,Minute 12,Registry\n"
        ",No document,2010-09-20,XBTC,,\n"
        ",Too short,2010-09-20\n"
        ",Later,2999-01-01,XBTC,Minute 12,Registry\n"
        ",Typed wrongly,0201-01-01,XBTC,Minute 12,Registry\n",
    )

    assert result.exit_code == 2
    assert result.stderr.splitlines() == [
        "approvals.csv:3: give the number of a proposal or a title",
        "approvals.csv:4: the date must be year-month-day, not “20 September”",
        "approvals.csv:5: the fund must be XBTC, RBSA or RBTC, not “XXX”",
        "approvals.csv:6: the document is empty",
        "approvals.csv:6: the source is empty",
        "approvals.csv:7: 3 cells instead of 6",
        "approvals.csv:8: the date 2999-01-01 lies in the future",
        "approvals.csv:9: the date 0201-01-01 lies before 1950-01-01",
        "8 faults; nothing was done.",
    ]
    assert count_proposals(data) == 0


def test_what_the_database_refuses_is_said_by_line_and_takes_back_the_others(data: Path) -> None:
    result = import_file(
        data,
        ",Good,2010-09-20,XBTC,Minute 12,Registry\n"
        "TC-2010-0999,,2010-09-20,XBTC,Minute 12,Registry\n"
        ",Good,2010-09-20,XBTC,Minute 12,Registry\n",
    )

    assert result.exit_code == 2
    assert "approvals.csv:3: there is no proposal TC-2010-0999" in result.stderr
    assert "approvals.csv:4: the same as line 2" in result.stderr
    assert count_proposals(data) == 0


def test_an_import_is_not_made_twice(data: Path) -> None:
    line = ",One,2010-09-20,XBTC,Minute 12,Registry\n"
    import_file(data, line)

    result = import_file(data, line)

    assert result.exit_code == 2
    assert "approvals.csv:2: This approval is here already, as TC-2010-0001" in result.stderr
    assert count_proposals(data) == 1


def test_only_coordinators_import(data: Path) -> None:
    line = ",One,2010-09-20,XBTC,Minute 12,Registry\n"

    refused = import_file(data, line, "designer@example.org")
    unknown = import_file(data, line, "nobody@example.org")

    assert (refused.exit_code, unknown.exit_code) == (2, 2)
    assert "Only people with the role of coordinator may do this." in refused.stderr
    assert unknown.stderr == "There is no account with the address nobody@example.org.\n"
    assert count_proposals(data) == 0


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("title,date\nOne,2010-01-01\n", "approvals.csv:1: the first line must name the columns"),
        (HEADING, "approvals.csv:1: there is no approval in this file"),
        (HEADING + ',"open,2010-01-01,XBTC,a,b\n', "not CSV: unexpected end of data"),
    ],
)
def test_a_malformed_file_is_refused(data: Path, text: str, fault: str) -> None:
    file = data / "approvals.csv"
    file.write_text(text, encoding="utf-8")

    result = run(data, "import-approvals", str(file), "--as", "desk@example.org")

    assert result.exit_code == 2
    assert fault in result.stderr


def test_a_database_that_is_not_there_is_said(tmp_path: Path) -> None:
    result = run(tmp_path, "indicator", "2.1")

    assert result.exit_code == 2
    assert result.stderr == "The database is not ready. Run: appraisal db upgrade\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["indicator", "9.9"], "There is no indicator 9.9; known: 1.1, 1.2, 2.1, 2.2, 3.1, 3.2, 3.3."),
        (["indicator", "2.1", "--biennium", "2011-12"], "“2011-12” is not a biennium"),
        (["tick", "--at", "tomorrow"], "write a moment like 2010-02-01T09:00:00+01:00"),
        (["record", "missing.json"], "missing.json: No such file or directory"),
    ],
)
def test_wrong_arguments_are_said(data: Path, arguments: list[str], message: str) -> None:
    result = run(data, *arguments)

    assert result.exit_code == 2
    assert message in result.stderr
