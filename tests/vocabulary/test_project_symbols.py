"""Symbols: two spellings of one are the same, and two symbols never are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appraisal.vocabulary.project_symbols import normalised

PART = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=1, max_size=4)
SYMBOLS = st.lists(PART, min_size=2, max_size=5).map("/".join)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("RAS/13/51M/JPN", "RAS/13/51M/JPN"),
        ("ras / 13/51m /jpn", "RAS/13/51M/JPN"),
        (" RER/09/05/FIN\n", "RER/09/05/FIN"),
        ("RER/09\u00a0/05\u202f/FIN\ufeff", "RER/09/05/FIN"),
        ("RER\u200b/09/0\u00ad5/FIN", "RER/09/05/FIN"),
        ("\uff32\uff25\uff32\uff0f09/05/FIN", "RER/09/05/FIN"),
        ("TC\u20102010\u20110001\u2013A\u2014B\u2212C\uff0dD", "TC-2010-0001-A-B-C-D"),
        ("RER\u2044\u00bd\u2215FIN", "RER/1/2/FIN"),
        ("", ""),
        (" \t", ""),
    ],
)
def test_a_symbol_has_one_spelling(written: str, kept: str) -> None:
    assert normalised(written) == kept


@pytest.mark.parametrize("other", ["RAS/13/51/JPN", "RAS/13/52M/JPN", "RAS-13-51M-JPN", "RAS1351MJPN"])
def test_other_symbols_stay_others(other: str) -> None:
    assert normalised(other) != normalised("RAS/13/51M/JPN")


@pytest.mark.thorough
@given(SYMBOLS, st.data())
def test_capitals_and_spaces_make_no_difference(symbol: str, data: st.DataObject) -> None:
    spaces = st.sampled_from(["", " ", "\u00a0", "\t", "\u200b"])
    written = "".join(
        data.draw(spaces) + (letter.lower() if data.draw(st.booleans()) else letter) for letter in symbol
    )
    assert normalised(written) == symbol == normalised(normalised(written))
