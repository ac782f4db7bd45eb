"""Spreadsheets: no cell of a table runs anything, and nothing else is changed."""

import csv
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appraisal.language.spreadsheet_csv import csv_lines, inert


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1"])
def test_what_looks_like_a_formula_is_marked(text: str) -> None:
    assert inert(text) == f"'{text}"


@pytest.mark.parametrize("value", ["SKILLS", "", "a=b", "1 / 2", 3, -3])
def test_everything_else_stays_as_it_is(value: object) -> None:
    assert inert(value) == value


@given(st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=2, max_size=2)))
def test_a_table_is_read_back_as_it_was_written_but_for_the_marks(rows: list[list[str]]) -> None:
    text = "".join(csv_lines(("one", "two"), rows))
    assert text.startswith("\ufeffone,two\r\n")
    found = list(csv.reader(StringIO(text.removeprefix("\ufeff"), newline="")))
    assert found[1:] == [[inert(cell) for cell in row] for row in rows]
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for row in found for cell in row)
