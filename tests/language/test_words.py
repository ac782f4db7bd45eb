import pytest

from appraisal.language.texts import Language
from appraisal.language.words import Words
from appraisal.printing import words


@pytest.mark.parametrize(
    ("language", "amount", "currency", "written"),
    [
        ("en", "9400000.00", "USD", "US$9,400,000"),
        ("en", "2750000.50", "EUR", "€2,750,000.50"),
        ("en", "400000", "CHF", "CHF\u00a0400,000"),
        ("fr", "9400000.00", "USD", "9\u202f400\u202f000\u00a0$\u00a0US"),
        ("es", "9400000.5", "USD", "9.400.000,50\u00a0US$"),
        ("en", None, "USD", ""),
    ],
)
def test_writes_money(language: Language, amount: str | None, currency: str, written: str) -> None:
    assert Words(language).money(amount, currency) == written


def test_writes_days_in_geneva_and_moments_in_utc() -> None:
    late = "2010-02-22T23:30:00.000000Z"
    assert Words("en").day_of(late) == "23 February 2010"
    assert Words("en").utc(late) == "22 Feb 2010 23:30:00 UTC"
    assert Words("fr").day_of(late) == "23 février 2010"
    assert Words("es").day_of(late) == "23 de febrero de 2010"


@pytest.mark.parametrize(
    ("start", "end", "written"),
    [
        ("2010-07-01", "2012-06-30", "24 months"),
        ("2010-07-15", "2010-08-14", "1 month"),
        ("2010-07-15", "2010-08-15", "2 months"),
        ("", "2012-06-30", ""),
    ],
)
def test_counts_months(start: str, end: str, written: str) -> None:
    assert Words("en").months(start, end) == written


def test_names_countries_and_shows_unknown_codes() -> None:
    assert Words("fr").countries(["KH", "ZZZ"]) == "Cambodge, ZZZ"
    assert Words("en").countries(["global"]) == "global"
    assert Words("en").label(words.TRACKS, "glacial") == "glacial"


def test_ties_french_signs_to_their_words() -> None:
    assert (
        Words("fr").text({"en": "", "fr": "Quoi : « rien » ?", "es": ""})
        == "Quoi\u00a0: «\u00a0rien\u00a0»\u00a0?"
    )
