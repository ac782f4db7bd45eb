"""Amounts are read where there is one reading, and refused by name where there are two."""

import contextlib
from decimal import Decimal

import pytest
from babel.numbers import format_decimal
from hypothesis import given
from hypothesis import strategies as st

from appraisal.lists.rules.amounts import BadCell, read_amount


@pytest.mark.parametrize(
    ("written", "value", "currency"),
    [
        ("1234567", "1234567", ""),
        ("1234567.5", "1234567.5", ""),
        ("1234,50", "1234.5", ""),
        ("0,5", "0.5", ""),
        ("1 234 567", "1234567", ""),
        ("1\u00a0234\u2009567,50", "1234567.5", ""),
        ("1\u202f234", "1234", ""),
        ("1'234'567.05", "1234567.05", ""),
        ("1’234", "1234", ""),
        ("1,234,567", "1234567", ""),
        ("1.234.567", "1234567", ""),
        ("1,234.50", "1234.5", ""),
        ("1.234,50", "1234.5", ""),
        ("US$ 1,234,567", "1234567", "USD"),
        ("$5000", "5000", "USD"),
        ("usd 5000", "5000", "USD"),
        ("5 000 USD", "5000", "USD"),
        ("EUR 5000", "5000", "EUR"),
        ("5000 €", "5000", "€"),
        ("A$5000", "5000", "A$"),
    ],
)
def test_an_amount_with_one_reading(written: str, value: str, currency: str) -> None:
    found = read_amount(written)
    assert (found.value, found.currency) == (Decimal(value), currency)


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("1,234", "“1,234” can be read in two ways: write thousands without a sign between them"),
        ("1.234", "“1.234” can be read in two ways: write thousands without a sign between them"),
        ("US$ 12,345", "“US$ 12,345” can be read in two ways: write thousands without a sign between them"),
        ("0.125", "“0.125” has more than two decimals"),
        ("1,234.567", "“1,234.567” has more than two decimals"),
        ("1234,567", "“1234,567” has more than two decimals"),
        ("-5", "“-5” is negative: an amount is 0 or more"),
        ("US$ \u22125", "“US$ \u22125” is negative: an amount is 0 or more"),
        ("(500)", "“(500)” is negative: an amount is 0 or more"),
        ("500-", "“500-” is negative: an amount is 0 or more"),
        ("US$ 5 EUR", "“US$ 5 EUR” names two currencies"),
        ("12,34,567", "“12,34,567” is not an amount in figures"),
        ("1 23", "“1 23” is not an amount in figures"),
        ("1,234 567", "“1,234 567” is not an amount in figures"),
        ("1'234,567.00", "“1'234,567.00” is not an amount in figures"),
        ("1.5 million", "“1.5 million” is not an amount in figures"),
        ("1e6", "“1e6” is not an amount in figures"),
        ("٣٠٠", "“٣٠٠” is not an amount in figures"),
        ("5²", "“5²” is not an amount in figures"),
        ("n/a", "“n/a” is not an amount in figures"),
        ("2010-03-31", "“2010-03-31” is not an amount in figures"),
        ("9999999999999999", "“9999999999999999” is more money than there is"),
        ("US$", "“US$” is not an amount in figures"),
    ],
)
def test_what_is_no_amount_is_refused_by_name(written: str, sentence: str) -> None:
    with pytest.raises(BadCell) as caught:
        read_amount(written)
    assert str(caught.value) == sentence


def test_numbers_of_a_spreadsheet_keep_fifteen_digits() -> None:
    assert read_amount(1234.5600000000001).text == "1234.56"
    assert read_amount(0.1 + 0.2).text == "0.30"
    assert read_amount(5).text == "5"
    for number in (-1, -0.5, 0.125):
        with pytest.raises(BadCell):
            read_amount(number)


MONEY = st.decimals(min_value=0, max_value=10**12, places=2)


@given(MONEY, st.sampled_from(["en", "fr", "es", "de", "de_CH"]))
def test_an_amount_as_a_language_writes_it_is_read_or_refused_but_never_misread(
    value: Decimal, language: str
) -> None:
    written = format_decimal(value, "#,##0.00", locale=language)
    assert read_amount(written).value == value
    whole = value.to_integral()
    with contextlib.suppress(BadCell):
        assert read_amount(format_decimal(whole, "#,##0", locale=language)).value == whole


@given(MONEY)
def test_an_amount_is_read_as_it_is_kept(value: Decimal) -> None:
    assert read_amount(read_amount(format(value, "f")).text).value == value


@given(st.text(alphabet="0123456789., '$-()E€", max_size=12))
def test_whatever_is_written_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(BadCell):
        assert read_amount(text).value >= 0
