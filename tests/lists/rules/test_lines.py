"""What may stand in a line of a list, and how its columns are found."""

from collections.abc import Mapping
from datetime import date, datetime

import pytest

from appraisal.language.texts import LANGUAGES, translate
from appraisal.lists.rules import kinds_of_list, lines
from appraisal.lists.rules.kinds_of_list import BY_KEY, DATASETS
from appraisal.lists.rules.lines import Broken, Cell, Formula

TODAY = date(2011, 6, 30)
_IMPOSSIBLE = "“%s” begins or ends in a year that cannot be"
UNDAF: Mapping[str, Cell] = {"country": "kh", "cycle": "2010\u201314", "assessed_on": "2010-12-31"}
PROJECT: Mapping[str, Cell] = {"symbol": "ras/13/51m/jpn"}
DELIVERY: Mapping[str, Cell] = {
    "symbol": "RAS/13/51M/JPN",
    "period": 2010,
    "allocation": 100,
    "expenditure": 80.5,
}
AGREEMENT: Mapping[str, Cell] = {
    "reference": "A 1",
    "amount": 5,
    "signed_on": date(2010, 1, 1),
    "modality": "RBSA",
}


def sentences(dataset: str, cells: Mapping[str, Cell]) -> list[tuple[str, str]]:
    _, wrong = lines.read(BY_KEY[dataset], cells, TODAY)
    return [(entry.path, entry.sentence % entry.facts) for entry in wrong]


def row(dataset: str, cells: Mapping[str, Cell]) -> lines.Row:
    found, wrong = lines.read(BY_KEY[dataset], cells, TODAY)
    assert wrong == []
    return found


def test_cells_become_what_is_kept() -> None:
    assert row("undafs", {**UNDAF, "reflects": "OUI", "government": True, "employers": "no"}) == {
        "country": "KH",
        "cycle": "2010-2014",
        "reflects": True,
        "assessed_on": "2010-12-31",
        "government": True,
        "employers": False,
    }
    assert row("deliveries", DELIVERY) == {
        "symbol": "RAS/13/51M/JPN",
        "period": "2010",
        "allocation": "100",
        "expenditure": "80.50",
    }
    assert row("projects", {**PROJECT, "countries": "kh; LA", "fund": "xbtc", "title": 12.0}) == {
        "symbol": "RAS/13/51M/JPN",
        "title": "12",
        "countries": ["KH", "LA"],
        "fund": "XBTC",
    }
    day = datetime(2010, 3, 31, 14, 5)  # noqa: DTZ001
    assert row("agreements", {**AGREEMENT, "signed_on": day})["signed_on"] == "2010-03-31"


@pytest.mark.parametrize(
    ("cell", "sentence"),
    [
        ("31/12/2010", "“31/12/2010” is no day written as year-month-day, like 2010-12-31"),
        ("3 March 2010", "“3 March 2010” is no day written as year-month-day, like 2010-12-31"),
        ("20101231", "“20101231” is no day written as year-month-day, like 2010-12-31"),
        ("2010-02-30", "“2010-02-30” is no day written as year-month-day, like 2010-12-31"),
        (40543, "“40543” is a number: format the cell as a date"),
        ("2011-07-01", "2011-07-01 lies in the future"),
        ("0210-01-01", "0210-01-01 lies before 1950-01-01"),
        (Formula("=TODAY()"), "“=TODAY()” is a formula: write the value in its place"),
        (Broken("#N/A"), "“#N/A” is an error of the spreadsheet"),
        ("", "the cell is empty"),
    ],
)
def test_a_day_that_is_none(cell: Cell, sentence: str) -> None:
    assert sentences("undafs", {**UNDAF, "assessed_on": cell}) == [("assessed_on", sentence)]


@pytest.mark.parametrize(
    ("dataset", "cells", "path", "sentence"),
    [
        ("undafs", {**UNDAF, "country": "XX"}, "country", "“XX” is no code of a country in ISO 3166"),
        ("undafs", {**UNDAF, "cycle": "2010"}, "cycle", "“2010” is no first and last year, like 2010-2014"),
        ("undafs", {**UNDAF, "cycle": "2014-2010"}, "cycle", "“2014-2010” ends before it begins"),
        ("undafs", {**UNDAF, "cycle": "0201-2010"}, "cycle", _IMPOSSIBLE % "0201-2010"),
        ("undafs", {**UNDAF, "cycle": "2010-9999"}, "cycle", _IMPOSSIBLE % "2010-9999"),
        (
            "undafs",
            {**UNDAF, "cycle": date(2010, 1, 1)},
            "cycle",
            "“2010-01-01” is no text: format the cell as text",
        ),
        ("undafs", {**UNDAF, "workers": "perhaps"}, "workers", "“perhaps” is neither yes nor no"),
        ("deliveries", {**DELIVERY, "period": "2012"}, "period", "2012 lies in the future"),
        (
            "deliveries",
            {**DELIVERY, "period": "2010-11"},
            "period",
            "“2010-11” is no calendar year, like 2010",
        ),
        (
            "deliveries",
            {**DELIVERY, "allocation": "EUR 5"},
            "allocation",
            "the amount is in “EUR”, not in USD",
        ),
        ("deliveries", {**DELIVERY, "allocation": True}, "allocation", "“True” is not an amount in figures"),
        (
            "deliveries",
            {**DELIVERY, "allocation": "=1+1"},
            "allocation",
            "“=1+1” is a formula: write the value in its place",
        ),
        (
            "agreements",
            {**AGREEMENT, "modality": "gift"},
            "modality",
            "“gift” is none of: rbsa, partnership, one_un, direct, other",
        ),
        ("agreements", {**AGREEMENT, "donor": "x" * 301}, "donor", "more than 300 characters"),
        ("agreements", {**AGREEMENT, "donor": "one\ntwo"}, "donor", "there is more than one line in it"),
        ("agreements", {**AGREEMENT, "donor": "a\0b"}, "donor", "there are characters in it that are none"),
        ("agreements", {**AGREEMENT, "donor": "\ud800"}, "donor", "there are characters in it that are none"),
        ("projects", {"symbol": " / / "}, "symbol", "“ / / ” is no project symbol"),
        ("projects", {**PROJECT, "countries": "KH XX"}, "countries", "not a country code of ISO 3166: XX"),
        (
            "projects",
            {**PROJECT, "countries": "KH global"},
            "countries",
            "write either countries or “global”",
        ),
        (
            "projects",
            {**PROJECT, "currency": "Euro"},
            "currency",
            "“Euro” is no currency of three letters, like EUR",
        ),
        (
            "projects",
            {**PROJECT, "currency": "XTS"},
            "currency",
            "“XTS” is no currency of three letters, like EUR",
        ),
        (
            "projects",
            {**PROJECT, "amount": "US$ 5", "currency": "EUR"},
            "amount",
            "the amount is in “USD”, not in EUR",
        ),
    ],
)
def test_what_is_wrong_is_said_of_its_column(
    dataset: str, cells: Mapping[str, Cell], path: str, sentence: str
) -> None:
    assert sentences(dataset, cells) == [(path, sentence)]


def test_everything_that_is_wrong_in_a_line_is_said() -> None:
    assert [
        path for path, _ in sentences("deliveries", {"symbol": "", "period": "x", "allocation": "-1"})
    ] == [
        "symbol",
        "period",
        "allocation",
        "expenditure",
    ]


@pytest.mark.parametrize("cell", ["=1+1", "+41 22", "-2", "@here"])
def test_what_looks_like_a_formula_is_text_where_text_stands(cell: str) -> None:
    assert row("agreements", {**AGREEMENT, "donor": cell})["donor"] == cell
    assert lines.looks_like_formula(cell)


@pytest.mark.parametrize(
    ("dataset", "one", "other", "same"),
    [
        ("projects", {"symbol": "RAS/13/51M/JPN"}, {"symbol": " ras / 13/51m /jpn"}, True),
        ("gaps", {"gap": "OBW 12"}, {"gap": "obw12"}, True),
        ("agreements", {"reference": "Minute 1 12"}, {"reference": "minute  1 12"}, True),
        ("agreements", {"reference": "Minute 1 12"}, {"reference": "Minute 11 2"}, False),
        ("undafs", {"cycle": "2010-14"}, {"cycle": "2010-2014"}, True),
        ("undafs", {"cycle": "2010-14"}, {"cycle": "2010-15"}, False),
    ],
)
def test_rows_of_one_name_are_one_row(
    dataset: str, one: Mapping[str, Cell], other: Mapping[str, Cell], same: bool
) -> None:
    whole: Mapping[str, Mapping[str, Cell]] = {
        "projects": PROJECT,
        "gaps": {"gap": "1", "outcome": "1", "amount": 1, "recorded_on": "2010-01-01"},
        "agreements": AGREEMENT,
        "undafs": UNDAF,
    }
    keys = [
        lines.key_of(BY_KEY[dataset], row(dataset, {**whole[dataset], **changed})) for changed in (one, other)
    ]
    assert (keys[0] == keys[1]) == same


@pytest.mark.parametrize("dataset", DATASETS, ids=lambda dataset: dataset.key)
@pytest.mark.parametrize("language", LANGUAGES)
def test_columns_are_found_by_their_names_in_every_language(
    dataset: kinds_of_list.Dataset, language: str
) -> None:
    heading = [translate(language, column.label).upper() for column in dataset.columns]  # type: ignore[arg-type]
    found = kinds_of_list.proposed(dataset, heading)
    assert found == {column.key: place for place, column in enumerate(dataset.columns)}
    assert kinds_of_list.mapping_faults(dataset, heading, found) == []


def test_columns_that_are_missing_taken_twice_or_unclear_are_said() -> None:
    deliveries = BY_KEY["deliveries"]
    heading = ["Symbol", "Year", "year", "Money"]
    found = kinds_of_list.proposed(deliveries, heading)
    assert found == {"symbol": 0}
    faults = kinds_of_list.mapping_faults(deliveries, heading, {**found, "allocation": 3, "expenditure": 3})
    assert [fault.sentence % fault.facts for fault in faults] == [
        "No column of the file is chosen for “Year”",
        "The column “Money” of the file is chosen twice, for “Allocation (US$)” and “Expenditure (US$)”",
    ]
    assert [fault.sentence % fault.facts for fault in kinds_of_list.unclear(deliveries, heading, found)] == [
        "Several columns of the file may be “Year”: Year, year"
    ]
