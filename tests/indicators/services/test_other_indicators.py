"""The indicators other than 2.1 from lists and proposals, as of any moment, on both databases."""

import csv
import json
from datetime import date, datetime
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appraisal.canonical import plain
from appraisal.database.as_of import Past
from appraisal.errors import NotFound
from appraisal.indicators.rules.other_indicators import Figure
from appraisal.indicators.services import appraised_share, other_indicators, report_files
from appraisal.proposals.rules.attempt import Agreement
from appraisal.schemas import departures
from tests import casts
from tests.casts import Stage
from tests.lists.files import import_text

GAPS = "gap,outcome,amount,recorded_on\n"


def compute(stage: Stage, code: str, at: datetime | None = None) -> Figure:
    past = Past(moment=at) if at else None
    with stage.database.read() as db:
        return other_indicators.figure(db, stage.library, code, "2010-11", past)


def alignment(gap: str, amount: str) -> dict[str, Any]:
    return {"alignment": {"resource_gap": gap, "resource_gap_amount": amount}}


def test_a_gap_is_filled_once_the_proposal_that_names_it_is_funded(stage: Stage) -> None:
    import_text(stage, "gaps", GAPS + "OBW 12,1,1000,2010-01-15\nOBW 13,1,1000,2010-01-15\n")
    number = casts.approved(stage, content=alignment("obw12", "800"))
    casts.take(stage, "desk", number, "send_to_donor")
    before = stage.now
    assert (compute(stage, "1.1").numerator, compute(stage, "1.1").denominator) == (0, 2)
    stage.wait(days=1)
    casts.take(stage, "desk", number, "fund", agreement=Agreement(date(2010, 2, 1), "Agreement 1"))

    found = compute(stage, "1.1")
    assert (found.numerator, found.percent) == (1, "50.0")
    (row,) = found.groups["counted"]
    assert (row["gap"], row["filled"], row["proposals"]) == ("OBW 12", Decimal(800), [number])
    assert compute(stage, "1.1", before).numerator == 0
    assert compute(stage, "1.1", stage.now) == found


def test_what_the_approved_version_says_counts_and_not_what_another_gap_gets(stage: Stage) -> None:
    import_text(stage, "gaps", GAPS + "OBW 12,1,1000,2010-01-15\n")
    casts.funded(stage, content=alignment("OBW 13", "1000"))
    number = casts.funded(stage, content=alignment("OBW 12", "799.99"))
    found = compute(stage, "1.1")
    assert (found.numerator, found.groups["others"][0]["proposals"]) == (0, [number])
    assert [row["gap"] for row in found.groups["unmatched"]] == ["OBW 13"]


def test_a_gap_is_filled_by_no_more_than_the_proposal_brings(lite: Stage) -> None:
    import_text(lite, "gaps", GAPS + "G1,O1,5000000,2010-02-01\n")
    casts.funded(lite, budget="100000", content=alignment("G1", "5000000"))
    found = compute(lite, "1.1")
    assert (found.numerator, found.denominator) == (0, 1)
    assert found.groups["others"][0]["filled"] == Decimal(100_000)


@pytest.mark.thorough
def test_an_export_names_the_proposals_that_stand_beside_the_gaps(lite: Stage) -> None:
    import_text(lite, "gaps", GAPS + "G\u20111,O1,100,2010-02-01\n")
    priced = casts.funded(lite, content=alignment("g-1", "90"))
    unpriced = casts.funded(lite, content=alignment("G\u20131", ""))
    unmatched = casts.funded(lite, content=alignment("G9", "90"))
    with lite.database.read() as db:
        report = plain(appraised_share.value(db, lite.library, "1.1", "2010-11"))
    rows = list(csv.DictReader(StringIO("".join(report_files.write_csv(report)).removeprefix("\ufeff"))))
    assert [(row["group"], row["gap"], row["proposals"]) for row in rows] == [
        ("counted", "G\u20111", f"{priced} {unpriced}"),
        ("unpriced", "G\u20131", unpriced),
        ("unmatched", "G9", unmatched),
    ]


def test_a_correction_changes_todays_figure_and_not_that_of_the_past(stage: Stage) -> None:
    text = "symbol,period,allocation,expenditure\nRAS/1,2010,100,50\n"
    import_text(stage, "deliveries", text)
    then = stage.now
    stage.wait(days=30)
    import_text(stage, "deliveries", text.replace("50", "75"))
    assert (compute(stage, "2.2").percent, compute(stage, "2.2").met) == ("75.0", True)
    assert (compute(stage, "2.2", then).percent, compute(stage, "2.2", then).met) == (
        "50.0",
        False,
    )


def test_a_list_that_was_never_imported_is_no_data(stage: Stage) -> None:
    for code in ("1.1", "1.2", "2.2"):
        found = compute(stage, code)
        assert (found.percent, found.met, found.milestone is None) == (None, None, False)


def test_codes_that_are_not_computed_here_are_unknown(stage: Stage) -> None:
    for code in ("2.1", "9.9"):
        with pytest.raises(NotFound):
            compute(stage, code)


def test_every_indicator_is_published_and_computed_again(stage: Stage) -> None:
    heading = "symbol,period,allocation,expenditure\n"
    import_text(stage, "deliveries", heading + "RAS/09/01/FIN,2010,100,80\nRAF/09/02/FIN,2010,100,60\n")
    desk = stage.people["desk"]

    def publish(code: str) -> tuple[str, bool]:
        return appraised_share.publish(stage.database, stage.library, desk, stage.now, code, "2010-11")

    codes = [entry.code for entry in stage.library.indicators().indicators]
    sealed = {code: publish(code) for code in codes}
    assert len(codes) == 7
    assert {is_new for _, is_new in sealed.values()} == {True}
    assert publish("2.2") == (sealed["2.2"][0], False)
    stage.wait(days=1)
    import_text(stage, "deliveries", heading + "RAS/09/01/FIN,2010,100,100\nRAS/10/07/FIN,2010,100,0\n")
    later, is_new = publish("2.2")
    assert is_new
    with stage.database.read() as db:
        newest, first = appraised_share.published(db, "2.2", "2010-11")
        kept = [json.loads(entry[2]) for entry in (newest, first)]
        assert [
            departures(json.loads(appraised_share.published(db, code, "2010-11")[0][2]), "figure")
            for code in codes
            if code != "2.1"
        ] == [[]] * 6
        again = [appraised_share.recomputed(db, stage.library, entry[0]) for entry in (newest, first)]
    assert [value["percent"] for value in kept] == ["53.3", "70.0"]
    assert again == [{key: value[key] for key in found} for value, found in zip(kept, again, strict=True)]
    assert (kept[0]["supersedes"], newest[0]) == (sealed["2.2"][0], later)
    spent = {"name": "expenditure", "was": "80", "is": "100"}
    assert kept[0]["changes"] == [
        {"number": "ras/09/01/fin\t2010", "was": "counted", "is": "counted", "values": [spent]},
        {"number": "ras/10/07/fin\t2010", "was": None, "is": "counted"},
    ]


ROWS = st.dictionaries(
    st.sampled_from("ABCD"),
    st.tuples(
        st.sampled_from(["counted", "others"]), st.dictionaries(st.sampled_from("xyz"), st.integers(0, 2))
    ),
)


@given(before=ROWS, after=ROWS)
def test_every_row_that_says_something_else_is_among_the_changes(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    def report(rows: dict[str, Any]) -> dict[str, Any]:
        groups: dict[str, list[Any]] = {"counted": [], "others": []}
        for number, (group, cells) in rows.items():
            groups[group].append({"number": number, **cells})
        return {"groups": groups}

    found = appraised_share.changes(report(before), report(after))
    differing = [name for name in "ABCD" if before.get(name) != after.get(name)]
    assert [entry["number"] for entry in found] == differing
    for entry in found:
        was, now = (rows.get(entry["number"], (None, {})) for rows in (before, after))
        assert (entry["was"], entry["is"]) == (was[0], now[0])
        told = {value["name"]: (value["was"], value["is"]) for value in entry.get("values", ())}
        names = was[1].keys() | now[1].keys() if was[0] and now[0] else ()
        assert told == {
            name: (was[1].get(name), now[1].get(name))
            for name in names
            if was[1].get(name) != now[1].get(name)
        }
