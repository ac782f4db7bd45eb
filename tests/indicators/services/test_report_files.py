"""Files of reports: JSON that keeps to its schema, CSV and workbooks, and nothing is a formula."""

import csv
import json
from datetime import UTC, datetime
from io import BytesIO, StringIO
from typing import Any

import openpyxl
import pytest

from appraisal.canonical import plain
from appraisal.indicators.rules.appraised_share import SCOPES
from appraisal.indicators.services import appraised_share, report_files
from appraisal.language.spreadsheet_csv import inert
from appraisal.language.texts import LANGUAGES, Language
from appraisal.schemas import departures
from tests import casts
from tests.casts import Stage

HOSTILE = "=cmd|'/c calc'!A1"


def report_of(stage: Stage, as_of: str | None = None, scope: str | None = None) -> dict[str, Any]:
    past = appraised_share.read_past(as_of) if as_of else None
    with stage.database.read() as db:
        funds = SCOPES[scope] if scope else None
        value: dict[str, Any] = plain(appraised_share.value(db, stage.library, "2.1", "2010-11", past, funds))
    return value


def sheets_of(stage: Stage, value: dict[str, Any], language: Language = "en") -> dict[str, list[list[Any]]]:
    """Return the cells of every sheet of a report's workbook, by its name."""
    file = BytesIO()
    report_files.write_workbook(file, value, stage.library, language, stage.now)
    book = openpyxl.load_workbook(file)
    kinds = {cell.data_type for sheet in book for row in sheet for cell in row}
    assert kinds <= {"s", "n", "b", "d", "inlineStr"}
    return {sheet.title: [[cell.value for cell in row] for row in sheet] for sheet in book}


def everything(stage: Stage) -> dict[str, str]:
    """Approve in every way there is; return the numbers by the group that each is counted in."""
    return {
        "mechanism": casts.approved(stage, title=HOSTILE, unit="+SKILLS", donor="@Donor"),
        "override": casts.overridden(stage, title="Against advice"),
        "outside": casts.outside(stage, title="By letter"),
        "undated": casts.outside(stage, title="Day unknown", undated=True),
        "other_funds": casts.approved(stage, title="Regular", funding="RBTC"),
    }


@pytest.mark.thorough
def test_a_report_keeps_to_its_schema_present_past_and_published(stage: Stage) -> None:
    assert departures(report_of(stage), "indicator") == []
    numbers = everything(stage)
    value = report_of(stage)
    assert departures(value, "indicator") == []
    assert [[e["number"] for e in value["proposals"][group]] for group in numbers] == [
        [number] for number in numbers.values()
    ]
    early = report_of(stage, "2010-01-31", "all")
    assert departures(early, "indicator") == []
    assert (early["as_of"], early["denominator"]) == ("2010-01-31T22:59:59.999999Z", 0)
    sealed, _ = appraised_share.publish(
        stage.database, stage.library, stage.people["desk"], stage.now, "2.1", "2010-11"
    )
    with stage.database.read() as db:
        found = appraised_share.find_published(db, sealed)
    assert found is not None
    assert departures(json.loads(found), "indicator") == []


@pytest.mark.parametrize(
    ("change", "departure"),
    [
        ({"percent": 75}, "$.percent: type"),
        ({"biennium": "2011-12"}, "$.biennium: pattern"),
        ({"rumour": 1}, "$: unknown rumour"),
        ({"changes": []}, "$: dependentRequired"),
    ],
)
def test_the_schema_says_where_a_value_departs(lite: Stage, change: dict[str, Any], departure: str) -> None:
    assert departures(report_of(lite) | change, "indicator")[0] == departure


@pytest.mark.thorough
def test_the_sheet_holds_a_row_a_proposal_and_no_formula(stage: Stage) -> None:
    numbers = everything(stage)
    text = "".join(report_files.write_csv(report_of(stage)))
    header, *rows = csv.reader(StringIO(text.removeprefix("\ufeff"), newline=""))
    assert tuple(header) == report_files.COLUMNS
    found = {row[0]: dict(zip(header, row, strict=True)) for row in rows}
    assert {group: row["number"] for group, row in found.items()} == numbers
    row = found["mechanism"]
    assert (row["title"], row["unit"], row["donors"]) == (inert(HOSTILE), "'+SKILLS", "'@Donor")
    assert (row["approved_on"], row["funds"], row["usd"]) == ("2010-02-01", "XBTC", "900000.00")
    assert (row["route"], row["reason"], row["illustrative"]) == ("mechanism", "", "false")
    assert (found["undated"]["approved_on"], found["undated"]["approved_at"]) == ("", "")
    assert found["outside"]["reason"] == "registered"


@pytest.mark.thorough
def test_the_workbook_holds_figures_breakdowns_and_proposals(stage: Stage) -> None:
    numbers = everything(stage)
    found = sheets_of(stage, report_of(stage))
    assert list(found) == ["Figures", "Breakdowns", "Proposals"]
    readings = {row[0]: row[1:] for row in found["Figures"]}
    assert readings["Biennium"][0] == "2010-11"
    assert (readings["Milestone"][0], readings["Milestone reached"][0]) == (75, False)
    assert readings["Every approval has a date"][0] is False
    assert readings["The indicator"][:2] == [1, 3]
    assert readings["The indicator"][2] == pytest.approx(100 / 3)
    assert readings["With overrides counted"][:2] == [2, 3]
    assert readings["RBSA only"] == [0, 0, None]
    assert readings["Weighted by US$"][:2] == [900000, 2700000]
    units = [row[1:5] for row in found["Breakdowns"] if row[0] == "By responsible unit"]
    assert ["+SKILLS", 1, 1, 100] in units
    listed = {row[1]: row for row in found["Proposals"][1:]}
    row = listed[numbers["mechanism"]]
    assert row[2] == HOSTILE
    assert (row[0], row[3], row[5]) == ("Through the mechanism", datetime(2010, 2, 1), 900000)  # noqa: DTZ001
    assert listed[numbers["undated"]][3] is None


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_workbook_is_the_same_for_the_same_report_in_every_language(
    lite: Stage, language: Language
) -> None:
    everything(lite)
    value = report_of(lite)
    files = [BytesIO(), BytesIO()]
    for file in files:
        report_files.write_workbook(file, value, lite.library, language, lite.now)
    assert files[0].getvalue() == files[1].getvalue()
    titles = {"en": "Proposals", "fr": "Propositions", "es": "Propuestas"}
    assert list(sheets_of(lite, value, language))[2] == titles[language]


def test_a_long_list_goes_on_on_a_further_sheet(lite: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_files, "MOST_ROWS", 2)
    everything(lite)
    found = sheets_of(lite, report_of(lite))
    assert [len(found[name]) for name in ("Proposals", "Proposals 2", "Proposals 3")] == [3, 3, 2]
    assert found["Proposals"][0] == found["Proposals 3"][0]


def test_a_text_longer_than_a_cell_is_cut(lite: Stage) -> None:
    value = report_of(lite)
    entry: dict[str, Any] = {
        "number": "1",
        "title": "x" * 40_000,
        "approved_at": None,
        "funds": [],
        "usd": "1",
        "reason": "",
    }
    entry |= {"route": "outside", "region": "", "unit": "", "track": "", "donors": [], "illustrative": True}
    value["proposals"]["undated"] = [plain(entry)]
    assert len(sheets_of(lite, value)["Proposals"][1][2]) == 32_767


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2010-01-31", datetime(2010, 1, 31, 22, 59, 59, 999999, UTC)),
        ("2010-07-01", datetime(2010, 7, 1, 21, 59, 59, 999999, UTC)),
        ("2011-03-01T12:00+01:00", datetime(2011, 3, 1, 11, 0, tzinfo=UTC)),
    ],
)
def test_a_day_is_all_of_it_at_headquarters(text: str, moment: datetime) -> None:
    assert appraised_share.read_past(text).moment == moment


@pytest.mark.parametrize("text", ["", "soon", "2011-02-30", "9999-12-31", "2011-03-01T12:00"])
def test_what_is_no_moment_is_told(text: str) -> None:
    with pytest.raises(ValueError, match=r"neither a day|its offset"):
        appraised_share.read_past(text)
