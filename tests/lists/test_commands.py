"""appraisal import: whole or not at all, with everything that is wrong by line and column."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from appraisal.cli import main
from appraisal.database.engine import Database
from appraisal.lists.store import lists
from tests.lists.files import DELIVERIES, HEADING, write_xlsx

ONE = DELIVERIES + "RAS/09/01/FIN,2010,100,80\n"


def run(data: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["import", *arguments], env={"APPRAISAL_DATA": str(data)})


def import_text(data: Path, text: str, *more: str, dataset: str = "deliveries") -> Result:
    file = data / "list.csv"
    file.write_text(text)
    return run(data, dataset, str(file), *more)


def held(data: Path, dataset: str = "deliveries") -> list[str]:
    with Database(f"sqlite:///{data / 'appraisal.sqlite3'}").read() as db:
        return [row.key for row in lists.state(db, dataset)]


def test_a_list_is_imported_and_counted(data: Path) -> None:
    result = import_text(data, ONE + "=1+1,2010,1,1\n")
    assert (result.exit_code, result.stdout) == (0, "2 rows: 2 new, 0 changed, 0 no more, 0 as before.\n")
    again = import_text(data, ONE.replace("80", "90"), "--whole", "--json")
    assert json.loads(again.stdout) == {"rows": 1, "added": 0, "changed": 1, "removed": 1, "as_text": 0}
    assert held(data) == ["ras/09/01/fin\t2010"]


def test_a_spreadsheet_is_imported(data: Path) -> None:
    file = write_xlsx(data / "list.xlsx", [HEADING, ["RAS/09/01/FIN", 2010, 100, 80.5]])
    assert run(data, "deliveries", str(file)).stdout.startswith("1 rows: 1 new")


def test_what_would_come_can_be_seen_first(data: Path) -> None:
    result = import_text(data, ONE, "--check", "--json")
    assert json.loads(result.stdout)["added"] == 1
    assert held(data) == []
    assert not (data / "files").exists()


def test_text_that_looks_like_a_formula_is_kept_and_said(data: Path) -> None:
    result = import_text(data, "symbol,title\nRAS/1,=1+1\n", dataset="projects")
    assert (
        result.stdout.splitlines()[0] == "1 cells that look like formulas are kept as the text that they are."
    )
    assert held(data, "projects") == ["ras/1"]


def test_columns_are_mapped_by_their_headings(data: Path) -> None:
    text = "Code,Year,Given,Spent\nRAS/1,2010,5,5\n"
    pairs = ("--map", "symbol=code", "--map", "allocation=Given", "--map", "expenditure=Spent")
    assert import_text(data, text, *pairs).exit_code == 0
    assert held(data) == ["ras/1\t2010"]


@pytest.mark.parametrize(
    ("pairs", "told"),
    [
        (("symbol",), "“symbol” is not COLUMN=HEADING."),
        (("symbol=a", "symbol=b"), "The column symbol is mapped twice."),
        (
            ("symbole=a",),
            "list.csv: deliveries has no column symbole; it has: symbol, period, allocation, expenditure, fund",
        ),
        (
            ("symbol=b",),
            "list.csv: the file has no column “b”; it has: symbol, period, allocation, expenditure",
        ),
        (
            ("fund=period",),
            "list.csv:1: The column “period” of the file is chosen twice, for “Year” and “Fund”",
        ),
        (("symbol=",), "list.csv:1: No column of the file is chosen for “Project symbol”"),
    ],
)
def test_a_mapping_that_is_wrong_is_refused(data: Path, pairs: tuple[str, ...], told: str) -> None:
    result = import_text(data, ONE, *(part for pair in pairs for part in ("--map", pair)))
    assert (result.exit_code, result.stderr.splitlines()[0]) == (2, told)
    assert held(data) == []


def test_everything_wrong_is_said_and_nothing_is_written(data: Path) -> None:
    text = ONE + 'RAS/1,2010,"1,234",-5\nRAS/09/01/fin,2010,1,1\n'
    result = import_text(data, text)
    assert result.exit_code == 2
    assert result.stderr.splitlines() == [
        "list.csv:3: “allocation”: “1,234” can be read in two ways: write thousands without a sign between them",
        "list.csv:3: “expenditure”: “-5” is negative: an amount is 0 or more",
        "list.csv:4: “RAS/09/01/FIN · 2010” stands in line 2 already",
        "3 faults; nothing was done.",
    ]
    assert held(data) == []
    as_json = import_text(data, text, "--json")
    assert as_json.exit_code == 2
    assert [(entry["line"], entry["column"]) for entry in json.loads(as_json.stdout)["wrong"]] == [
        (3, "allocation"),
        (3, "expenditure"),
        (4, ""),
    ]


def test_only_coordinators_import(data: Path) -> None:
    result = import_text(data, ONE, "--by", "designer@example.org")
    assert result.exit_code == 2
    assert result.stderr == "Only people with the role of coordinator may do this.\n"
    assert import_text(data, ONE, "--by", "desk@example.org").exit_code == 0
