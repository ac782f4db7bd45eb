"""Agreement: the published figures, what must hold of every table of ratings, and a slow reference."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appraisal.appraisals.rules.agreement import (
    Agreement,
    Counted,
    alpha,
    by_item,
    displayed,
    lowest_first,
    points,
)
from appraisal.definitions.library import Library
from appraisal.errors import NotFound

Units = list[list[Fraction]]
Difference = Callable[[Fraction, Fraction, Sequence[Fraction]], Fraction]

# Four observers and twelve units: K. Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011).
PUBLISHED = """
A 1 2 3 3 2 1 4 1 2 . . .
B 1 2 3 3 2 2 4 1 2 5 . 3
C . 3 3 3 2 3 4 2 2 5 1 .
D 1 2 3 3 2 4 4 1 2 5 1 .
"""


def published() -> Units:
    rows = [line.split()[1:] for line in PUBLISHED.strip().splitlines()]
    return [[Fraction(value) for value in column if value != "."] for column in zip(*rows, strict=True)]


def nominal(one: Fraction, other: Fraction, everything: Sequence[Fraction]) -> Fraction:
    return Fraction(one != other)


def interval(one: Fraction, other: Fraction, everything: Sequence[Fraction]) -> Fraction:
    return (one - other) ** 2


def ordinal(one: Fraction, other: Fraction, everything: Sequence[Fraction]) -> Fraction:
    low, high = sorted((one, other))
    between = sum(low <= value <= high for value in everything)
    ends = everything.count(low) + everything.count(high)
    return Fraction(0) if one == other else (between - Fraction(ends, 2)) ** 2


def by_pairs(units: Units, difference: Difference) -> Fraction | None:
    """Compute alpha by its definition: every pair of ratings is looked at, within units and of all."""
    pairable = [unit for unit in units if len(unit) > 1]
    everything = [value for unit in pairable for value in unit]

    def apart(values: Sequence[Fraction]) -> Fraction:
        places = range(len(values))
        pairs = ((values[i], values[j]) for i in places for j in places if i != j)
        return sum((difference(one, other, everything) for one, other in pairs), Fraction(0))

    size = len(everything)
    expected = apart(everything)
    if not expected:
        return None
    observed = sum((apart(unit) / (len(unit) - 1) for unit in pairable), Fraction(0)) / size
    return 1 - observed / (expected / (size * (size - 1)))


RATINGS = st.integers(1, 4).map(Fraction)
TABLES = st.lists(st.lists(RATINGS, max_size=5), max_size=8)


def test_the_published_example() -> None:
    found = alpha(published())
    assert found == Agreement(Fraction(108577, 133160), pairs=55, units=11)
    assert displayed(found) == "0.815"


@pytest.mark.parametrize(
    ("difference", "figure"), [(nominal, "0.743"), (ordinal, "0.815"), (interval, "0.849")]
)
def test_the_slow_reference_gives_the_published_figures(difference: Difference, figure: str) -> None:
    assert displayed(Agreement(by_pairs(published(), difference), 1, 1)) == figure


@given(TABLES)
def test_alpha_is_what_its_definition_says(units: Units) -> None:
    assert alpha(units).alpha == by_pairs(units, ordinal)


@given(TABLES, st.randoms(use_true_random=False))
def test_the_order_of_raters_and_units_does_not_matter(units: Units, dice: Random) -> None:
    shuffled = [dice.sample(unit, len(unit)) for unit in dice.sample(units, len(units))]
    assert alpha(shuffled) == alpha(units)


@given(TABLES, st.lists(st.fractions(), min_size=4, max_size=4, unique=True).map(sorted))
def test_only_the_order_of_the_scale_matters(units: Units, scale: list[Fraction]) -> None:
    assert alpha([[scale[int(value) - 1] for value in unit] for unit in units]) == alpha(units)


@given(st.lists(st.tuples(RATINGS, st.integers(2, 5)), min_size=2).filter(lambda rows: len(dict(rows)) > 1))
def test_perfect_agreement_with_variation_is_one(rows: list[tuple[Fraction, int]]) -> None:
    assert alpha([[value] * raters for value, raters in rows]).alpha == 1


@given(TABLES)
def test_alpha_is_never_above_one_and_counts_its_pairs(units: Units) -> None:
    found = alpha(units)
    assert found.alpha is None or found.alpha <= 1
    pairs = [(unit, i, j) for unit in units for i in range(len(unit)) for j in range(i)]
    assert (found.pairs, found.units) == (len(pairs), sum(len(unit) > 1 for unit in units))
    assert (found.alpha is None) == (found.reason != "")


@given(TABLES, st.lists(RATINGS.map(lambda value: [value])))
def test_what_only_one_person_rated_changes_nothing(units: Units, single: Units) -> None:
    assert alpha(units + single) == alpha(units)


@pytest.mark.parametrize(
    ("units", "reason", "pairs", "rated"),
    [
        ([], "no_pairs", 0, 0),
        ([[], [1]], "no_pairs", 0, 0),
        ([[1], [2], [3]], "no_pairs", 0, 0),
        ([[2, 2]], "no_variation", 1, 1),
        ([[2, 2], [2, 2, 2], [3]], "no_variation", 4, 2),
    ],
)
def test_what_cannot_be_computed_says_why(
    units: list[list[int]], reason: str, pairs: int, rated: int
) -> None:
    found = alpha([[Fraction(value) for value in unit] for unit in units])
    assert (found.alpha, found.reason, found.pairs, found.units) == (None, reason, pairs, rated)
    assert displayed(found) is None


def test_disagreement_as_if_on_purpose_lies_below_chance() -> None:
    found = alpha([[Fraction(1), Fraction(3)], [Fraction(3), Fraction(1)]])
    assert found.alpha == Fraction(-1, 2)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1", "1.000"),
        ("0", "0.000"),
        ("1/2000", "0.001"),
        ("-1/2000", "-0.001"),
        ("-1/2001", "0.000"),
        ("-1/2", "-0.500"),
        ("-13/12", "-1.083"),
        ("1999/2000", "1.000"),
        ("1998/2000", "0.999"),
    ],
)
def test_three_decimals_are_shown_and_signs_kept(value: str, text: str) -> None:
    assert displayed(Agreement(Fraction(value), 1, 1)) == text


def test_not_relevant_is_missing(library: Library) -> None:
    chosen = library.newest_set()
    assert points(chosen, ["1", "X", "3", "", "7"]) == [Fraction(1), Fraction(3)]
    with_x = [points(chosen, values) for values in (["1", "1", "X"], ["3", "X"], ["2", "3"])]
    assert alpha(with_x) == alpha([points(chosen, values) for values in (["1", "1"], ["2", "3"])])


def counted(*rows: tuple[str, int, str, int]) -> list[Counted]:
    return [Counted("appraisal.v1", item, unit, value, times) for item, unit, value, times in rows]


def test_items_are_measured_over_appraisals(library: Library) -> None:
    rows = counted(
        *(("TRI-1", 1, "1", 2), ("TRI-1", 2, "3", 1), ("TRI-1", 2, "2", 1), ("TRI-1", 3, "2", 1)),
        *(("TRI-2", 1, "2", 2), ("TRI-3", 1, "1", 1), ("TRI-3", 1, "3", 1), ("TRI-3", 2, "X", 2)),
    )
    found = {entry.item.id: entry.agreement for entry in by_item(library, rows)}
    assert list(found) == [
        item.id for criterion in library.criteria("appraisal.v1") for item in criterion.checklist.items
    ]
    one, two, three = Fraction(1), Fraction(2), Fraction(3)
    assert found["TRI-1"] == alpha([[one, one], [three, two], [two]])
    assert found["TRI-2"].reason == "no_variation"
    assert found["TRI-3"] == alpha([[one, three]])
    assert found["ALI-1"].reason == "no_pairs"


def test_nothing_reviewed_is_nothing_measured(library: Library) -> None:
    assert by_item(library, []) == []


def test_the_lowest_agreement_comes_first_and_what_is_not_computable_last(library: Library) -> None:
    rows = counted(
        *(("ALI-1", 1, "2", 2), ("ALI-1", 2, "3", 2)),
        *(("TRI-1", 1, "1", 1), ("TRI-1", 1, "3", 1), ("TRI-1", 2, "1", 1), ("TRI-1", 2, "3", 1)),
        *(("RBM-1", 1, "1", 1), ("RBM-1", 1, "3", 1), ("RBM-1", 2, "1", 2)),
    )
    found = lowest_first(by_item(library, rows))
    assert [entry.item.id for entry in found[:3]] == ["TRI-1", "RBM-1", "ALI-1"]
    assert all(entry.agreement.alpha is None for entry in found[3:])
    assert [entry.item.id for entry in found[3:5]] == ["ALI-2", "ALI-3"]


def test_a_set_never_pinned_here_is_an_error(library: Library) -> None:
    with pytest.raises(NotFound):
        by_item(library, [Counted("other.v1", "TRI-1", 1, "1", 2)])
