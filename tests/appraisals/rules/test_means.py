"""Means, bands and lowest ratings: sets of other agencies run unchanged, and exactly."""

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appraisal.appraisals.rules.verdicts import assess, band_of, mean
from appraisal.definitions.library import Criterion, Library, read_set
from appraisal.definitions.percentages import displayed
from appraisal.definitions.rules import Band
from appraisal.definitions.sets import ChecklistSet
from appraisal.proposals.facts import RatingGiven
from appraisal.workflow.rules.guards import names

SETS = Path(__file__).parents[2] / "sets"


def said(values: Mapping[str, str]) -> dict[str, RatingGiven]:
    return {item: RatingGiven(item, value, "Because.") for item, value in values.items()}


@pytest.fixture
def wells() -> tuple[ChecklistSet, tuple[Criterion, ...]]:
    library, chosen = read_set(SETS / "weighted", names())
    return chosen, library.criteria(chosen.key)


def test_weighted_means_are_exact(wells: tuple[ChecklistSet, tuple[Criterion, ...]]) -> None:
    chosen, criteria = wells
    values = {
        "NEE-1": "3",
        "NEE-2": "2",
        "NEE-3": "0",
        "DES-1": "3",
        "DES-2": "2",
        "UPK-1": "1",
        "UPK-2": "2",
    }
    assessment = assess(chosen, criteria, said(values), {})
    # Weights 2, 1 and 0.5; then 1 and 1; then 1 and 1.
    assert assessment.scores == {"NEE": Fraction(16, 7), "DES": Fraction(5, 2), "UPK": Fraction(3, 2)}
    # A mean of exactly 2.5 is in the band from 2.5 on; one of exactly 1.5 is not above 1.5.
    assert assessment.verdicts == {"NEE": "ADEQUATE", "DES": "STRONG", "UPK": "POOR"}
    assert assessment.score == Fraction(5, 10) * Fraction(16, 7) + Fraction(3, 10) * Fraction(
        5, 2
    ) + Fraction(3, 10)
    assert assessment.recommendation == "FUND_LATER"


def test_weights_are_renormalised_over_what_is_rated(
    wells: tuple[ChecklistSet, tuple[Criterion, ...]],
) -> None:
    chosen, criteria = wells
    values = {
        "NEE-1": "NA",
        "NEE-2": "3",
        "NEE-3": "1",
        "DES-1": "3",
        "DES-2": "NA",
        "UPK-1": "2",
        "UPK-2": "2",
    }
    assessment = assess(chosen, criteria, said(values), {})
    assert assessment.scores["NEE"] == Fraction(7, 3)
    assert assessment.scores["DES"] == 3
    # Without the whole criterion of upkeep, need and design weigh 5 to 3.
    two = assess(chosen, criteria[:2], said(values), {})
    assert two.score == (5 * Fraction(7, 3) + 3 * Fraction(3)) / 8


@settings(max_examples=50)
@given(st.data())
def test_weighted_mean_equals_fraction_arithmetic(data: st.DataObject) -> None:
    pairs = data.draw(
        st.lists(
            st.tuples(
                st.decimals(0, 5, places=3, allow_nan=False),
                st.decimals("0.001", 3, places=3, allow_nan=False),
            ),
            min_size=1,
            max_size=8,
        )
    )
    exact = mean(pairs)
    assert exact is not None
    total = sum(Fraction(weight) for _, weight in pairs)
    assert exact * total == sum(Fraction(value) * Fraction(weight) for value, weight in pairs)
    assert min(value for value, _ in pairs) <= exact <= max(value for value, _ in pairs)


def test_the_mean_of_nothing() -> None:
    assert mean([]) is None


@pytest.mark.parametrize(
    ("value", "band"),
    [
        (Fraction(5, 2), "A"),
        (Fraction(5, 2) - Fraction(1, 10**30), "B"),
        (Fraction(3, 2) + Fraction(1, 10**30), "B"),
        (Fraction(3, 2), "C"),
        (Fraction(0), "C"),
    ],
)
def test_bounds_are_compared_unrounded(value: Fraction, band: str) -> None:
    bands = [Band(name="A", at_least=Decimal("2.5")), Band(name="B", above=Decimal("1.5")), Band(name="C")]
    assert band_of(bands, value).name == band


@pytest.mark.parametrize(
    ("value", "places", "text"),
    [
        (Fraction(7, 3), 2, "2.33"),
        (Fraction(5, 1000), 2, "0.01"),
        (Fraction(4999, 1000000), 2, "0.00"),
        (Fraction(1999, 20), 1, "100.0"),
        (Fraction(1, 10**8), 8, "0.00000001"),
        (Fraction(3), 0, "3"),
    ],
)
def test_displayed_is_half_up(value: Fraction, places: int, text: str) -> None:
    assert displayed(value, places) == text


def test_at_least_half_of_the_items_must_be_rated() -> None:
    library, chosen = read_set(SETS / "weighted", names())
    criteria = library.criteria(chosen.key)
    values = {
        "NEE-1": "NA",
        "NEE-2": "NA",
        "NEE-3": "3",
        "DES-1": "3",
        "DES-2": "NA",
        "UPK-1": "3",
        "UPK-2": "3",
    }
    assessment = assess(chosen, criteria, said(values), {})
    assert [problem.code for problem in assessment.problems] == ["too_few_rated"]
    assert assessment.verdicts == {"NEE": None, "DES": "STRONG", "UPK": "STRONG"}
    half = assess(chosen, criteria[1:], said(values), {})
    assert half.problems == ()


# The lowest rating.


@pytest.mark.parametrize(
    ("values", "verdicts", "recommendation"),
    [
        ("AAAA", ["PASS", "PASS"], "BUILD"),
        ("ABAA", ["RESERVE", "PASS"], "BUILD_AFTER"),
        ("AABC", ["PASS", "FAIL"], "REDRAW"),
        ("XAXA", ["PASS", "PASS"], "BUILD"),
        ("AAXX", ["PASS", None], "BUILD"),
    ],
)
def test_the_lowest_rating_wins(values: str, verdicts: list[str | None], recommendation: str) -> None:
    library, chosen = read_set(SETS / "lowest", names())
    given_ratings = said(dict(zip(("SAF-1", "SAF-2", "ACC-1", "ACC-2"), values, strict=True)))
    assessment = assess(chosen, library.criteria(chosen.key), given_ratings, {})
    assert list(assessment.verdicts.values()) == verdicts
    assert assessment.recommendation == recommendation


def test_nothing_rated_recommends_nothing() -> None:
    library, chosen = read_set(SETS / "lowest", names())
    only = library.criteria(chosen.key)[1:]
    assessment = assess(chosen, only, said({"ACC-1": "X", "ACC-2": "X"}), {})
    assert (assessment.problems, assessment.recommendation) == ((), None)


def test_no_criteria_recommend_nothing(library: Library) -> None:
    assert assess(library.set("appraisal.v1"), (), {}, {}).recommendation is None
