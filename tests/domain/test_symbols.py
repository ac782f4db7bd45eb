"""Spellings of project symbols that are one symbol."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appraisal.domain.symbols import normalised


@pytest.mark.parametrize(
    ("written", "symbol"),
    [
        ("RAS/13/51M/JPN", "RAS/13/51M/JPN"),
        (" ras / 13 / 51m\u00a0/ jpn ", "RAS/13/51M/JPN"),
        ("RER\\09\\05\\FIN", "RER/09/05/FIN"),
        ("RER\u221509\u204405/FIN", "RER/09/05/FIN"),
        ("TC\u20132010\u20110001", "TC-2010-0001"),
    ],
)
def test_one_symbol_in_several_spellings(written: str, symbol: str) -> None:
    assert normalised(written) == symbol


def test_other_symbols_stay_apart() -> None:
    assert normalised("RAS/13/51M/JPN") != normalised("RAS/13/51/MJPN")
    assert normalised("RAS-13-51M-JPN") != normalised("RAS/13/51M/JPN")


@given(st.text())
def test_what_is_normal_stays_as_it_is(text: str) -> None:
    assert normalised(normalised(text)) == normalised(text)
