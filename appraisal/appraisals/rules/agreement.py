"""Agreement between reviewers is Krippendorff's alpha for ordinal ratings.

After K. Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), with the ordinal
difference and missing ratings. Exact arithmetic throughout: the number shown does not depend on the machine.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import permutations
from math import comb
from typing import Literal

from appraisal.definitions import percentages
from appraisal.definitions.checklists import Checklist, Item
from appraisal.definitions.library import Library
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
    # Most units were rated like many others: each such pattern is weighed once.
    patterns = Counter(tuple(sorted(unit)) for unit in units if len(unit) > 1)
    rated = patterns.total()
    pairs = sum(times * comb(len(pattern), 2) for pattern, times in patterns.items())
    if not rated:
        return Agreement(None, 0, 0, "no_pairs")
    totals = Counter[Fraction]()
    for pattern, times in patterns.items():
        for value, count in Counter(pattern).items():
            totals[value] += times * count
    if len(totals) == 1:
        return Agreement(None, pairs, rated, "no_variation")
    size, distances = totals.total(), _distances(totals)
    observed = sum((_disagreement(*entry, distances) for entry in patterns.items()), Fraction(0))
    expected = sum(totals[one] * totals[other] * distances[one, other] for one, other in distances)
    return Agreement(1 - observed * (size - 1) / expected, pairs, rated)


def _disagreement(
    pattern: Sequence[Fraction], times: int, distances: Mapping[tuple[Fraction, Fraction], Fraction]
) -> Fraction:
    """Return how far the pairs of ratings of a unit lie apart, for as many units as were rated like it."""
    counts = Counter(pattern)
    apart = sum(counts[one] * counts[other] * distances[one, other] for one, other in permutations(counts, 2))
    return Fraction(times, len(pattern) - 1) * apart


def _distances(totals: Mapping[Fraction, int]) -> dict[tuple[Fraction, Fraction], Fraction]:
    """Return the squared ordinal difference of each two values: how many ratings lie between them."""
    ranked = sorted(totals)
    found = {}
    for low in range(len(ranked)):
        for high in range(low + 1, len(ranked)):
            between = sum(totals[value] for value in ranked[low : high + 1])
            distance = (between - Fraction(totals[ranked[low]] + totals[ranked[high]], 2)) ** 2
            found[ranked[low], ranked[high]] = found[ranked[high], ranked[low]] = distance
    return found


def points(chosen: ChecklistSet, values: Iterable[str]) -> list[Fraction]:
    """Return ratings as points of the scale; *not relevant* is left out as missing."""
    scale = _scale(chosen)
    return [scale[value] for value in values if value in scale]


def _scale(chosen: ChecklistSet) -> Mapping[str, Fraction]:
    return {entry.value: Fraction(entry.points) for entry in chosen.scale if entry.points is not None}


def displayed(found: Agreement) -> str | None:
    """Write alpha with three decimals, half away from zero; None where it cannot be computed."""
    if found.alpha is None:
        return None
    text = percentages.displayed(abs(found.alpha), 3)
    return f"-{text}" if found.alpha < 0 and text != "0.000" else text


@dataclass(frozen=True, slots=True)
class Counted:
    """How many signed reviews of one appraisal gave an item a rating, under the set pinned there."""

    set: str
    item: str
    appraisal: int
    value: str
    times: int
    illustrative: bool = False


@dataclass(frozen=True, slots=True)
class Measured:
    """The agreement on one item over all appraisals that went by one set."""

    set: ChecklistSet
    checklist: Checklist
    item: Item
    agreement: Agreement


def by_item(library: Library, counted: Iterable[Counted]) -> list[Measured]:
    """Return the agreement on every item of every set that was reviewed by, with appraisals as units.

    Sets stand from the newest on, each by itself: the same item may ask something else in another
    one. Within a set stand all its items in their order.
    """
    given: dict[str, dict[str, list[Counted]]] = defaultdict(lambda: defaultdict(list))
    for entry in counted:
        given[entry.set][entry.item].append(entry)
    chosen = sorted((library.set(key) for key in given), key=lambda entry: (entry.id, -entry.version))
    return [
        Measured(entry, criterion.checklist, item, alpha(_units(scale, given[entry.key].get(item.id, ()))))
        for entry in chosen
        for scale in [_scale(entry)]
        for criterion in library.criteria(entry.key)
        for item in criterion.checklist.items
    ]


def _units(scale: Mapping[str, Fraction], counted: Iterable[Counted]) -> Iterable[list[Fraction]]:
    units: dict[int, list[Fraction]] = defaultdict(list)
    for entry in counted:
        if entry.value in scale:
            units[entry.appraisal] += [scale[entry.value]] * entry.times
    return units.values()


def lowest_first(measured: Iterable[Measured]) -> list[Measured]:
    """Return items by their agreement, the lowest first; what cannot be computed comes last."""
    return sorted(
        measured, key=lambda entry: (entry.agreement.alpha is None, entry.agreement.alpha or Fraction(0))
    )
