"""appraisal indicator: the report as a file of each kind, and what is wrong with arguments in one line."""

import csv
import json
from pathlib import Path

import openpyxl
import pytest
from click.testing import CliRunner, Result

from appraisal.cli import main
from appraisal.schemas import departures, schema_text
from appraisal.workflow.services.outside_approvals import register_project
from tests import casts
from tests.casts import Stage
from tests.lists.files import import_text


@pytest.fixture
def stage(lite: Stage) -> Stage:
    """Return a stage with one approved proposal."""
    casts.approved(lite, title="=Skills")
    return lite


def run(stage: Stage, *arguments: str) -> Result:
    given = ["indicator", "2.1", "--biennium", "2010-11", *arguments]
    return CliRunner().invoke(main, given, env={"APPRAISAL_DATABASE": stage.database.url})


def test_the_report_is_written_as_the_ending_says(stage: Stage, tmp_path: Path) -> None:
    for ending in ("json", "csv", "xlsx"):
        file = tmp_path / f"report.{ending}"
        result = run(stage, "--out", str(file))
        assert (result.exit_code, result.stdout) == (0, f"{file} (1 proposals)\n")
    value = json.loads((tmp_path / "report.json").read_bytes())
    assert departures(value, "indicator") == []
    assert value == json.loads(run(stage, "--json").stdout)
    with (tmp_path / "report.csv").open(encoding="utf-8-sig", newline="") as opened:
        assert [row[2] for row in csv.reader(opened)] == ["title", "'=Skills"]
    assert openpyxl.load_workbook(tmp_path / "report.xlsx")["Proposals"]["C2"].value == "=Skills"


def test_a_workbook_is_written_in_a_language_and_as_of_a_day(stage: Stage, tmp_path: Path) -> None:
    file = tmp_path / "report.xlsx"
    assert run(stage, "-o", str(file), "--language", "fr", "--as-of", "2010-01-31").exit_code == 0
    book = openpyxl.load_workbook(file)
    assert book.sheetnames[2] == "Propositions"
    assert book["Propositions"].max_row == 1


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (
            ("--out", "report.doc"),
            2,
            "report.doc: a report is written to a file that ends in .json, .csv, .xlsx",
        ),
        (("--out", "report"), 2, "report: a report is written to a file that ends in .json, .csv, .xlsx"),
        (("--out", "nowhere/report.csv"), 1, "nowhere/report.csv: No such file or directory"),
        (("--json", "--out", "report.csv"), 2, "Give --json or --out, not both."),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    stage: Stage, arguments: tuple[str, ...], code: int, message: str
) -> None:
    result = run(stage, *arguments)
    assert (result.exit_code, result.stdout, result.stderr) == (code, "", f"{message}\n")


def test_the_schema_needs_no_database(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["indicator", "--schema"], env={"APPRAISAL_DATA": str(tmp_path / "x")})
    assert (result.exit_code, result.stdout) == (0, schema_text("indicator"))


def test_a_day_that_is_still_to_come_is_refused(stage: Stage) -> None:
    result = run(stage, "--as-of", "2999-01-01")
    assert (result.exit_code, "“2999-01-01” is still to come" in result.stderr) == (2, True)


@pytest.mark.thorough
def test_projects_opened_without_an_approval_are_named_by_the_command_and_in_the_workbook(
    stage: Stage, tmp_path: Path
) -> None:
    number = casts.awaiting(stage, symbol="RAF/10/01/FRA")
    casts.take(stage, "chief", number, "reject", note="No.")
    text = "symbol,title,fund,opened_on\nRAF/10/01/FRA,=Bypass,XBTC,2010-01-20\n"
    import_text(stage, "projects", text)
    printed = run(stage).stdout
    assert "  Incomplete: projects that were opened without an approval here: 1\n" in printed
    said = f"opened without an approval here: {number}, Rejected"
    assert f"    RAF/10/01/FRA  =Bypass  {said}\n" in printed
    assert "approvals without a date" not in printed
    file = tmp_path / "report.xlsx"
    run(stage, "-o", str(file))
    book = openpyxl.load_workbook(file)
    assert [[cell.value for cell in row] for row in book["Finance list"].rows] == [
        ["Project symbol", "Project title", "Proposal", "State"],
        ["RAF/10/01/FRA", "=Bypass", number, "Rejected"],
    ]
    figures = {row[0].value: row[1].value for row in book["Figures"].rows}
    assert figures["Every approval has a date"] is True
    assert figures["Projects opened without an approval here"] == 1
    assert figures["Projects in the finance list without a proposal here"] == 0


def test_links_to_look_at_again_are_named_by_the_command_and_in_the_workbook(
    stage: Stage, tmp_path: Path
) -> None:
    heading = "symbol,title,fund,amount,opened_on\n"
    import_text(stage, "projects", heading + "RAF/10/01/FRA,=Youth,XBTC,100,2010-01-20\n")
    with stage.database.begin() as db:
        desk = stage.people["desk"]
        number = register_project(db, stage.library, desk, stage.now, "raf/10/01/fra").number
    import_text(stage, "projects", heading + "RAF/10/01/FRA,=Youth,RBSA,,2010-01-20\n")
    printed = run(stage).stdout
    assert "  Incomplete: links of the finance list to look at again: 1\n" in printed
    said = "the amount was 100 and is –; the fund was XBTC and is RBSA"
    assert f"    RAF/10/01/FRA  {number}: {said}\n" in printed
    file = tmp_path / "report.xlsx"
    run(stage, "-o", str(file))
    book = openpyxl.load_workbook(file)
    assert [[cell.value for cell in row] for row in book["Links to look at again"].rows] == [
        ["Project symbol", "Project title", "Proposal", "What changed"],
        ["RAF/10/01/FRA", "=Youth", number, said],
    ]
    figures = {row[0].value: row[1].value for row in book["Figures"].rows}
    assert figures["Links to look at again"] == 1
