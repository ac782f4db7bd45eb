"""Days in words, as every page, mail and refusal writes them."""

from datetime import date

import pytest

from appraisal.i18n import Language, write_day


@pytest.mark.parametrize(
    ("language", "day", "words"),
    [
        ("en", date(2010, 2, 1), "1 February 2010"),
        ("fr", date(2010, 2, 1), "1er février 2010"),
        ("fr", date(2010, 2, 11), "11 février 2010"),
        ("es", date(2010, 2, 1), "1 de febrero de 2010"),
    ],
)
def test_a_day_is_written_as_its_language_does(language: Language, day: date, words: str) -> None:
    assert write_day(language, day) == words
