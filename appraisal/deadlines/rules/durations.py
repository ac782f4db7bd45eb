"""Durations sum up the working days that stays in a state took, as a median and a 90th percentile."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Stays:
    """So many stays in a state that ended after the same number of working days, under the same limit."""

    state: str
    track: str
    unit: str
    used: int
    limit: int
    illustrative: bool
    count: int


@dataclass(frozen=True, slots=True)
class Spread:
    """How long stays took: ``limits`` are those that applied, ``within`` how many kept to them."""

    count: int
    median: int
    ninetieth: int
    within: int
    limits: tuple[int, ...]


Column = Literal["state", "track", "unit"]


def nearest_rank(histogram: Mapping[int, int], percent: int) -> int:
    """Return the smallest value that at least so many percent of all values do not exceed.

    ``histogram`` gives for each value how often it occurs; ``ValueError`` where it is empty.
    """
    total = sum(histogram.values())
    if not total:
        raise ValueError("there is nothing to take a percentile of")
    reached = 0
    for value in sorted(histogram):
        reached += histogram[value]
        if reached * 100 >= percent * total:
            return value
    raise AssertionError("the last value is never exceeded")


def spread(stays: Iterable[Stays]) -> Spread:
    """Sum up stays; ``ValueError`` where there are none."""
    found = tuple(stays)
    histogram: dict[int, int] = defaultdict(int)
    for entry in found:
        histogram[entry.used] += entry.count
    return Spread(
        sum(histogram.values()),
        nearest_rank(histogram, 50),
        nearest_rank(histogram, 90),
        sum(entry.count for entry in found if entry.used <= entry.limit),
        tuple(sorted({entry.limit for entry in found})),
    )


def spreads(stays: Iterable[Stays], *by: Column) -> Mapping[tuple[str, ...], Spread]:
    """Sum up stays for each value of some columns, in the order in which they come first."""
    groups: dict[tuple[str, ...], list[Stays]] = defaultdict(list)
    for entry in stays:
        groups[tuple(getattr(entry, column) for column in by)].append(entry)
    return {key: spread(group) for key, group in groups.items()}
