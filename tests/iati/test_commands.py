"""appraisal iati: a file that is valid or none, and drafts that are made all or not at all."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from appraisal import clock
from appraisal.accounts.services import accounts
from appraisal.cli import main
from appraisal.database.engine import Database
from appraisal.database.files import Files
from appraisal.definitions.library import Library
from appraisal.people.facts import SYSTEM_ACTOR
from appraisal.proposals.store.case import load_case
from tests import casts
from tests.casts import Stage
from tests.databases import write_migrated
from tests.iati.activities import element, wrapped
from tests.iati.schemas import validated


@pytest.fixture
def stage(tmp_path: Path, library: Library) -> Iterator[Stage]:
    write_migrated(tmp_path / "appraisal.sqlite3")
    database = Database(f"sqlite:///{tmp_path / 'appraisal.sqlite3'}")
    casts.create_people(database)
    yield casts.opened_stage(database, library, Files(tmp_path / "files"))
    database.close()


def run(folder: Path, *arguments: str, **settings: str) -> Result:
    return CliRunner().invoke(main, ["iati", *arguments], env={"APPRAISAL_DATA": str(folder), **settings})


def identifiers(file: bytes) -> list[str | None]:
    return [part.text for part in validated(file).iter("iati-identifier")]


@pytest.mark.thorough
def test_an_export_is_written_whole_with_a_report(stage: Stage, tmp_path: Path) -> None:
    number = casts.approved(stage)
    without = casts.outside(stage, start="")
    out = tmp_path / "out.xml"
    done = run(tmp_path, "export", "--out", str(out), "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) == {
        "activities": 1,
        "illustrative_left_out": 0,
        "left_out": [{"number": without, "reasons": ["there is no planned start"]}],
        "remarks": [],
    }
    assert identifiers(out.read_bytes()) == [f"XM-DAC-41302-{number}"]
    assert [file.name for file in tmp_path.glob(".out.xml*")] == []


def test_an_export_to_standard_output_says_the_rest_beside_it(stage: Stage, tmp_path: Path) -> None:
    casts.submitted(stage)
    without = casts.outside(stage, start="", end="")
    done = run(tmp_path, "export", "--all")
    assert identifiers(done.stdout_bytes) == ["XM-DAC-41302-TC-2010-0001"]
    assert done.stderr == f"{without}  left out: there is no planned start\nActivities: 1\n"


def test_the_publisher_is_a_setting(stage: Stage, tmp_path: Path) -> None:
    casts.submitted(stage)
    done = run(tmp_path, "export", APPRAISAL_PUBLISHER="XM-DAC-41301|40|Food and Agriculture Organization")
    root = validated(done.stdout_bytes)
    assert root.findtext("iati-activity/iati-identifier") == "XM-DAC-41301-TC-2010-0001"
    assert root.findtext("iati-activity/reporting-org/narrative") == "Food and Agriculture Organization"


@pytest.mark.thorough
def test_where_there_is_no_activity_no_file_is_written(stage: Stage, tmp_path: Path) -> None:
    casts.submitted(stage)
    out = tmp_path / "out.xml"
    done = run(tmp_path, "export", "--biennium", "2008-09", "--out", str(out))
    assert (done.exit_code, done.stderr) == (1, "Activities: 0\nThere is no activity to write.\n")
    assert not out.exists()
    assert run(tmp_path, "export", "--biennium", "2010-11", "--out", str(out)).exit_code == 0
    assert out.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--json",), "say --out as well"),
        (("--all", "--biennium", "2010-11"), "Say either --biennium or --all."),
        (("--biennium", "2011-12"), "is not a biennium"),
    ],
)
def test_options_that_do_not_go_together_are_told(
    stage: Stage, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    done = run(tmp_path, "export", *arguments)
    assert done.exit_code == 2
    assert said in done.stderr


def import_bytes(folder: Path, data: bytes, *more: str) -> Result:
    file = folder / "in.xml"
    file.write_bytes(data)
    return run(folder, "import", str(file), *more)


def test_an_import_makes_drafts_and_names_what_is_lost(stage: Stage, tmp_path: Path) -> None:
    file = wrapped(element("<transaction/>", "<transaction/>", identifier="A-1"))
    done = import_bytes(tmp_path, file, "--as", "ana@example.org")
    assert done.exit_code == 0, done.output
    number = done.stdout.split()[0]
    assert done.stdout.splitlines() == [
        f"{number}  A-1  Decent work",
        "    line 1, transaction (2 times): the form has no place for it",
        "1 drafts made.",
    ]
    with stage.database.read() as db:
        assert load_case(db, number).source == "IATI A-1"
    again = import_bytes(tmp_path, file, "--as", "ana@example.org")
    assert (again.exit_code, again.stdout) == (2, "")
    assert again.stderr.splitlines() == [
        "in.xml:1: A-1, iati-identifier: this activity is here already",
        "1 fault; nothing was done.",
    ]


def test_a_dry_run_says_the_same_and_makes_nothing(stage: Stage, tmp_path: Path) -> None:
    before = casts.contents(stage)
    done = import_bytes(tmp_path, wrapped(element()), "--as", "ana@example.org", "--dry-run", "--json")
    value = json.loads(done.stdout)
    assert value["drafts"][0]["number"] is None
    assert value["drafts"][0]["content"]["identification"]["title"] == "Decent work"
    assert casts.contents(stage) == before


@pytest.mark.thorough
def test_whoever_imports_is_a_designer_and_named_where_there_are_several(
    stage: Stage, tmp_path: Path
) -> None:
    unnamed = import_bytes(tmp_path, wrapped(element()))
    assert (unnamed.exit_code, unnamed.stderr) == (
        2,
        "There are 3 designers; name the one who acts with --as EMAIL.\n",
    )
    unknown = import_bytes(tmp_path, wrapped(element()), "--as", "nobody@example.org")
    assert unknown.exit_code == 2
    other = import_bytes(tmp_path, wrapped(element()), "--as", "desk@example.org")
    assert (other.exit_code, "Only people with the role of" in other.stderr) == (2, True)


@pytest.mark.thorough
def test_what_was_exported_comes_in_elsewhere(stage: Stage, tmp_path: Path) -> None:
    casts.approved(stage, symbol="RER/09/05/FIN", title="Decent work & more")
    out, elsewhere = tmp_path / "out.xml", tmp_path / "elsewhere"
    run(tmp_path, "export", "--out", str(out))
    elsewhere.mkdir()
    write_migrated(elsewhere / "appraisal.sqlite3")
    database = Database(f"sqlite:///{elsewhere / 'appraisal.sqlite3'}")
    with database.begin() as db:
        accounts.create_person(
            db, SYSTEM_ACTOR, clock.now(), email="ana@example.org", name="Ana", roles=["designer"]
        )
    done = run(elsewhere, "import", str(out), "--json")
    assert done.exit_code == 0, done.output
    number = json.loads(done.stdout)["drafts"][0]["number"]
    with database.read() as db:
        case = load_case(db, number)
    database.close()
    here = casts.load(stage, "TC-2010-0001").content["identification"]
    there = case.content["identification"]
    for key in ("title", "symbol", "countries", "start", "end", "contributions", "summary"):
        assert there[key] == here[key], key
    assert case.state == "draft"
