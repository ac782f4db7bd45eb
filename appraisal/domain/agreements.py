"""Agreement between reviewers: Krippendorff's alpha for ordinal ratings.

After K. Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), section E, with the
ordinal difference. Exact arithmetic throughout: the number shown does not depend on the machine.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import permutations
from typing import Literal

from appraisal.definitions.sets import ChecklistSet

Reason = Literal["", "no_pairs", "no_variation"]


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far ratings agree: 1 wholly, 0 as if by chance, below that less than by chance.

    ``alpha`` is None where it cannot be computed, and ``reason`` says why: no unit was rated twice,
    or every rating is the same, so that nothing tells agreement from chance. ``pairs`` counts the
    pairs of ratings of one unit, ``units`` the units rated at least twice.
    """

    alpha: Fraction | None
    pairs: int
    units: int
    reason: Reason = ""


def alpha(units: Iterable[Sequence[Fraction]]) -> Agreement:
    """Return the agreement over units, each with the ratings that it was given; order does not matter."""
    rated = [tuple(unit) for unit in units if len(unit) > 1]
    pairs = sum(len(unit) * (len(unit) - 1) // 2 for unit in rated)
    if not rated:
        return Agreement(None, 0, 0, "no_pairs")
    coincidences: dict[tuple[Fraction, Fraction], Fraction] = {}
    for unit in rated:
        share = Fraction(1, len(unit) - 1)
        for pair in permutations(unit, 2):
            coincidences[pair] = coincidences.get(pair, Fraction(0)) + share
    totals = Counter[Fraction]()
    for unit in rated:
        totals.update(unit)
    if len(totals) == 1:
        return Agreement(None, pairs, len(rated), "no_variation")
    size = sum(totals.values())
    distances = _distances(totals)
    observed = sum((share * distances[pair] for pair, share in coincidences.items()), Fraction(0)) / size
    expected = sum(
        (totals[one] * totals[other] * distances[one, other] for one in totals for other in totals),
        Fraction(0),
    ) / (size * (size - 1))
    return Agreement(1 - observed / expected, pairs, len(rated))


def _distances(totals: Mapping[Fraction, int]) -> dict[tuple[Fraction, Fraction], Fraction]:
    """Return the squared ordinal difference of each two values: how many ratings lie between them."""
    ranked = sorted(totals)
    found = {}
    for low in range(len(ranked)):
        for high in range(low, len(ranked)):
            between = sum(totals[value] for value in ranked[low : high + 1])
            distance = (between - Fraction(totals[ranked[low]] + totals[ranked[high]], 2)) ** 2
            found[ranked[low], ranked[high]] = found[ranked[high], ranked[low]] = distance
    return found


def points(chosen: ChecklistSet, values: Iterable[str]) -> list[Fraction]:
    """Return ratings as points of the scale; *not relevant* is left out as missing."""
    rated = (chosen.rating(value) for value in values)
    return [Fraction(rating.points) for rating in rated if rating is not None and rating.points is not None]
