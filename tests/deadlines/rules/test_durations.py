"""Durations: nearest-rank percentiles, and stays summed up by step, track and unit."""

from collections import Counter
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appraisal.deadlines.rules.durations import Spread, Stays, nearest_rank, spread, spreads


@pytest.mark.parametrize(
    ("values", "median", "ninetieth"),
    [
        ([7], 7, 7),
        ([1, 2], 1, 2),
        ([1, 2, 3], 2, 3),
        ([1, 2, 3, 4], 2, 4),
        ([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 5, 9),
        ([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], 6, 10),
        ([0] * 9 + [50], 0, 0),
        ([0] * 8 + [50] * 2, 0, 50),
    ],
)
def test_percentiles_by_hand(values: list[int], median: int, ninetieth: int) -> None:
    assert (nearest_rank(Counter(values), 50), nearest_rank(Counter(values), 90)) == (median, ninetieth)


@given(st.lists(st.integers(0, 40), min_size=1, max_size=80), st.integers(1, 100))
def test_a_percentile_is_the_value_at_its_rank(values: list[int], percent: int) -> None:
    assert nearest_rank(Counter(values), percent) == sorted(values)[ceil(percent * len(values) / 100) - 1]


def test_there_is_no_percentile_of_nothing() -> None:
    with pytest.raises(ValueError, match="nothing"):
        nearest_rank({}, 50)
    assert spreads([], "state") == {}


def test_stays_are_summed_up_by_what_is_asked_for() -> None:
    stays = [
        Stays("submitted", "fast", "SKILLS", 1, 2, False, 3),
        Stays("submitted", "fast", "MIGRANT", 4, 2, False, 1),
        Stays("awaiting", "fast", "SKILLS", 3, 3, False, 1),
        Stays("awaiting", "standard", "SKILLS", 6, 5, False, 1),
    ]
    assert spreads(stays, "state") == {
        ("submitted",): Spread(4, 1, 4, 3, (2,)),
        ("awaiting",): Spread(2, 3, 6, 1, (3, 5)),
    }
    assert list(spreads(stays, "state", "unit")) == [
        ("submitted", "SKILLS"),
        ("submitted", "MIGRANT"),
        ("awaiting", "SKILLS"),
    ]
    assert spread(stays) == Spread(6, 1, 6, 4, (2, 3, 5))
