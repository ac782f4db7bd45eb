"""Lists are imported whole or not at all, and what they said at any moment is known for ever."""

import tracemalloc
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from appraisal.database.as_of import Past
from appraisal.lists.rules.kinds_of_list import BY_KEY
from appraisal.lists.services import imports
from appraisal.lists.services.imports import BadList, Changes
from appraisal.lists.store import lists as stored
from appraisal.trail.rules.events import broken
from appraisal.trail.store import site
from appraisal.verification.services import database
from tests import casts
from tests.casts import Stage
from tests.lists.files import DELIVERIES, HEADING, import_file, import_text, write_xlsx
from tests.tampering import unguarded

TWO = DELIVERIES + "RAS/09/01/FIN,2010,100,80\nRAF/09/02/FIN,2010,50,10\n"


def said(stage: Stage, dataset: str = "deliveries", at: datetime | None = None) -> dict[str, str]:
    """Return what every row says is spent, by its symbol, now or at a moment."""
    with stage.database.read() as db:
        rows = stored.state(db, dataset, Past(moment=at) if at else None)
        return {row.value["symbol"]: row.value["expenditure"] for row in rows}


def _rows(stage: Stage, dataset: str) -> list[Mapping[str, Any]]:
    with stage.database.read() as db:
        return [row.value for row in stored.state(db, dataset)]


def wrong(stage: Stage, dataset: str, path: Path) -> list[str]:
    before = casts.contents(stage)
    with pytest.raises(BadList) as caught:
        import_file(stage, dataset, path)
    assert casts.contents(stage) == before
    return [f"{fault.line}: {fault.message}" for fault in caught.value.faults]


@pytest.mark.parametrize("who", ["ana", "lead", "chief", "auditor", "admin"])
def test_importing_is_a_coordinators_act(stage: Stage, who: str) -> None:
    assert casts.refusal(stage, lambda: import_text(stage, "deliveries", TWO, who)) == ("role_missing",)


def test_rows_are_known_as_they_stood_at_any_moment(stage: Stage) -> None:
    assert said(stage) == {}
    assert import_text(stage, "deliveries", TWO) == Changes(2, 2, 0, 0)
    first = stage.now
    stage.wait(days=1)
    later = TWO.replace("80", "90") + "RER/09/03/FIN,2011,5,5\n"
    stage.now = first + timedelta(days=365)
    assert import_text(stage, "deliveries", later) == Changes(3, 1, 1, 0)

    second = {"RAS/09/01/FIN": "90", "RAF/09/02/FIN": "10", "RER/09/03/FIN": "5"}
    assert said(stage) == second
    assert said(stage, at=first) == {"RAS/09/01/FIN": "80", "RAF/09/02/FIN": "10"}
    assert said(stage, at=first - timedelta(microseconds=1)) == {}
    assert said(stage, at=stage.now) == second
    with stage.database.read() as db:
        assert stored.count_rows(db) == {"deliveries": 3}


def test_what_stands_there_is_not_written_again(stage: Stage) -> None:
    import_text(stage, "deliveries", TWO)
    before = casts.contents(stage)
    stage.wait(days=1)
    assert import_text(stage, "deliveries", TWO.replace(",100,", ',"US$ 100.00",')) == Changes(2, 0, 0, 0)
    assert casts.contents(stage) == before
    import_text(stage, "deliveries", TWO.replace("80", "81"))
    assert len(casts.contents(stage)["entries"]) == 3


def test_what_a_file_has_no_column_for_stays_as_it_is(stage: Stage) -> None:
    heading = "country,cycle,assessed_on,reflects,government,employers,workers\n"
    import_text(stage, "undafs", heading + "KH,2010-2014,2010-01-31,yes,yes,yes,yes\n")
    said = "country,cycle,assessed_on,reflects\nKH,2010-2014,2010-01-31,no\nLA,2010-2014,2010-01-31,yes\n"
    for whole in (False, True):
        assert import_text(stage, "undafs", said, whole=whole).changed == (0 if whole else 1)
        rows = _rows(stage, "undafs")
        answers = dict.fromkeys(("government", "employers", "workers"), True)
        assert [{name: row.get(name) for name in ("reflects", *answers)} for row in rows] == [
            {"reflects": False, **answers},
            {"reflects": True, **dict.fromkeys(answers)},
        ]
    # A cell that is there and empty says that nobody knows.
    import_text(stage, "undafs", heading + "KH,2010-2014,2010-01-31,no,yes,yes,\n")
    assert "workers" not in _rows(stage, "undafs")[0]
    assert database.verify(stage.database, stage.library, None).breaks == []


def test_a_whole_list_ends_the_rows_that_it_does_not_hold_and_brings_them_back(stage: Stage) -> None:
    import_text(stage, "deliveries", TWO)
    one = DELIVERIES + "ras/09/01/fin,2010,100,80\n"
    assert import_text(stage, "deliveries", one) == Changes(1, 0, 0, 0)
    assert len(said(stage)) == 2
    assert import_text(stage, "deliveries", one, whole=True) == Changes(1, 0, 0, 1)
    assert said(stage) == {"RAS/09/01/FIN": "80"}
    assert import_text(stage, "deliveries", TWO, whole=True) == Changes(2, 1, 0, 0)
    assert len(said(stage)) == 2
    with stage.database.read() as db:
        assert stored.count_rows(db) == {"deliveries": 2}


def test_other_datasets_are_left_alone(stage: Stage) -> None:
    import_text(stage, "deliveries", TWO)
    import_text(stage, "projects", "symbol,title\nRAS/09/01/FIN,One\n", whole=True)
    assert len(said(stage)) == 2


def test_an_import_is_one_event_that_tells_of_every_row(stage: Stage) -> None:
    import_text(stage, "deliveries", TWO)
    with stage.database.read() as db:
        chain = site.chain(db)
    assert broken(chain) is None
    told = chain[-1].facts
    assert (told["action"], told["by"]) == ("import_dataset", stage.people["desk"].id)
    counts = {"rows": 2, "added": 2, "changed": 0, "removed": 0, "whole": False}
    assert told["facts"].items() >= {"dataset": "deliveries", "file": "list.csv", **counts}.items()
    report = database.verify(stage.database, stage.library, stage.files)
    assert (report.breaks, report.checked["imports"], report.checked["entries"]) == ([], 1, 2)


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        (
            "UPDATE entries SET value = replace(value, '80', '99')",
            "import 1: the rows that it brought are not those that the site's chain tells of",
        ),
        (
            "DELETE FROM entries WHERE line = 2",
            "import 1: the rows that it brought are not those that the site's chain tells of",
        ),
        (
            "UPDATE entries SET at = '2009-01-01T00:00:00.000000Z'",
            "import 1: the rows that it brought name another dataset or moment",
        ),
        (
            "UPDATE imports SET filename = 'x'",
            "import 1: its column filename is not what the site's chain tells",
        ),
        ("DELETE FROM imports", "import 1: is missing, though the site's chain tells of it"),
    ],
)
def test_rows_that_were_changed_behind_the_product_are_noticed(
    stage: Stage, statement: str, told: str
) -> None:
    import_text(stage, "deliveries", TWO)
    with unguarded(stage.database) as db:
        db.execute(text(statement))
    report = database.verify(stage.database, stage.library, None)
    assert told in [str(entry) for entry in report.breaks]


def test_every_bad_line_is_listed_and_nothing_is_imported(stage: Stage, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text(
        DELIVERIES + "RAS/09/01/FIN,2010,100,80\n"
        ',2010,"1,234",-5\n'
        "ras/09/01/fin , 2010,1,1\n"
        "RAF/09/02/FIN,31/12/2010,EUR 5,=1+1\n"
        "RAF/09/03/FIN,2010,5\n"
        "RAF/09/04/FIN,2010,5,\n"
        "RAF/09/04/FIN,2010,5,6\n"
    )
    assert wrong(stage, "deliveries", path) == [
        "3: “allocation”: “1,234” can be read in two ways: write thousands without a sign between them",
        "3: “expenditure”: “-5” is negative: an amount is 0 or more",
        "3: “symbol”: the cell is empty",
        "4: “RAS/09/01/FIN · 2010” stands in line 2 already",
        "5: “allocation”: the amount is in “EUR”, not in USD",
        "5: “expenditure”: “=1+1” is a formula: write the value in its place",
        "5: “period”: “31/12/2010” is no calendar year, like 2010",
        "6: 3 cells instead of 4",
        "7: “expenditure”: the cell is empty",
        "8: “RAF/09/04/FIN · 2010” stands in line 7 already",
    ]


def test_a_spreadsheet_is_read_by_what_its_cells_are(stage: Stage, tmp_path: Path) -> None:
    path = write_xlsx(
        tmp_path / "list.xlsx",
        [
            ["Deliveries", None, None, None],
            HEADING,
            ["RAS/09/01/FIN", 2010, 1234.56, 80],
            [],
            ["RAF/09/02/FIN", "2010", "US$ 1 234", 0],
        ],
        merge="A1:D1",
    )
    assert import_file(stage, "deliveries", path) == Changes(2, 2, 0, 0)
    assert said(stage) == {"RAS/09/01/FIN": "80", "RAF/09/02/FIN": "0"}
    path = write_xlsx(
        tmp_path / "list.xlsx",
        [HEADING, ["RAS/09/01/FIN", 2010, "=C3*2", 80], [None, 2010, 5, 5]],
        merge="A2:A3",
    )
    assert wrong(stage, "deliveries", path) == [
        "2: the cells A2:A3 are merged: write what they say into each of them",
        "2: “allocation”: “=C3*2” is a formula: write the value in its place",
        "3: “symbol”: the cell is empty",
    ]


def test_what_is_wrong_with_columns_is_said_before_any_line(stage: Stage, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("symbol,Year,year,allocation\n,,,x\n")
    assert wrong(stage, "deliveries", path) == [
        "1: No column of the file is chosen for “Expenditure (US$)”",
        "1: No column of the file is chosen for “Year”",
        "1: Several columns of the file may be “Year”: Year, year",
    ]
    path.write_text(DELIVERIES)
    assert wrong(stage, "deliveries", path) == ["1: there is no row under the heading"]


def test_faults_without_end_are_counted(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "MOST_TOLD", 3)
    path = tmp_path / "list.csv"
    path.write_text(DELIVERIES + "".join(f"RAS/{n},2010,x,1\n" for n in range(10)))
    with pytest.raises(BadList) as caught:
        import_file(stage, "deliveries", path)
    assert len(caught.value.wrong) == 3
    assert [(more.column, more.count) for more in caught.value.further] == [("allocation", 7)]


def test_what_looks_like_a_formula_is_kept_as_text_and_counted(stage: Stage, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("symbol,title,donor\nRAS/1,=1+1,@me\nRAS/2,Plain,-\n")
    with imports.checked(
        BY_KEY["projects"],
        imports.source_of(path, path.name),
        {"symbol": 0, "title": 1, "donor": 2},
        stage.now.date(),
    ) as found:
        assert found.as_text == 3


def test_a_mapping_is_remembered_for_the_same_heading(stage: Stage, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("Code;Year;Given;Spent\nRAS/1;2010;5;5\n")
    import_file(stage, "deliveries", path, symbol="code", allocation="Given", expenditure="Spent")
    with stage.database.read() as db:
        found = imports.preview(db, BY_KEY["deliveries"], imports.source_of(path, path.name))
        assert found.mapping == {"symbol": 0, "period": 1, "allocation": 2, "expenditure": 3}
        assert found.lines == ((2, ("RAS/1", "2010", "5", "5")),)
        assert imports.remembered(db, BY_KEY["deliveries"], ["Code", "Year", "Given"]) == {}


ROWS = st.dictionaries(st.sampled_from("ABCDEF"), st.integers(0, 3), min_size=1)


@pytest.mark.thorough
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lists=st.lists(st.tuples(ROWS, st.booleans()), max_size=5))
def test_the_state_at_every_moment_is_what_the_lists_said_until_then(
    stage: Stage, lists: list[tuple[dict[str, int], bool]]
) -> None:
    # What earlier examples left is ended by a whole list.
    import_text(stage, "deliveries", DELIVERIES + "Z/0,2010,1,1\n", whole=True)
    expected = {"Z/0": "1"}
    moments = [(stage.now, dict(expected))]
    for rows, whole in lists:
        stage.wait(days=1)
        lines = "".join(f"{key}/1,2010,5,{spent}\n" for key, spent in rows.items())
        import_text(stage, "deliveries", DELIVERIES + lines, whole=whole)
        given_now = {f"{key}/1": str(spent) for key, spent in rows.items()}
        expected = given_now if whole else {**expected, **given_now}
        moments.append((stage.now, dict(expected)))
    for moment, rows_then in moments:
        assert said(stage, at=moment) == rows_then
    assert said(stage) == expected
    stage.wait(days=1)


@pytest.mark.thorough
def test_what_is_kept_of_a_line_is_little(stage: Stage, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    with path.open("w") as file:
        file.write("symbol,title\n")
        for place in range(10_000):
            file.write(f"RAS/{place},{'A long title of a project ' * 10}\n")
    tracemalloc.start()
    with imports.checked(
        BY_KEY["projects"], imports.source_of(path, path.name), {"symbol": 0, "title": 1}, stage.now.date()
    ) as found:
        rows = sum(1 for _ in found.entries())
        _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert rows == 10_000
    # The key and the line of each row, and no more: the file has 2.7 MB.
    assert most < 2_500_000
