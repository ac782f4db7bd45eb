"""Content: what is typed into a form as it is kept."""

from collections.abc import Iterable

import pytest

from appraisal.proposals.rules.content import country_codes


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("ke, TZ;ug", ["KE", "TZ", "UG"]),
        (" KE ke,\n", ["KE"]),
        ("Global", ["global"]),
        (["ke", "", "GLOBAL"], ["KE", "global"]),
        ("", []),
    ],
)
def test_country_codes_are_kept_once_and_in_capitals(given: str | Iterable[str], kept: list[str]) -> None:
    assert country_codes(given) == kept
