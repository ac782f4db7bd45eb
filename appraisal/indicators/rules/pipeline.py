"""The pipeline tells how far proposals of a biennium came, and what appraisals say of them.

Three figures beside indicator 2.1, none of which is called by its number: a funnel from submission to
funding, how many first appraisals find a proposal fit to be approved, and which items are rated lowest.
All of them speak of appraisals that are finalised, none of what is still being written.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal, get_args

from appraisal.definitions.checklists import Item
from appraisal.definitions.library import Library
from appraisal.definitions.sets import ChecklistSet
from appraisal.definitions.workflows import FINALISING, Act, Workflow
from appraisal.indicators.rules.appraised_share import Share

Stage = Literal["submitted", "appraised", "approved", "with_donor", "funded"]
STAGES: Final[tuple[Stage, ...]] = get_args(Stage)
# The first submission puts a proposal into the funnel.
ENTERING: Final[Act] = "submit"
# What comes of the approval that stands, and is given back with it.
FOLLOWING: Final[tuple[Stage, ...]] = ("approved", "with_donor", "funded")
PASSING: Final = frozenset({"favourable", "conditional"})
MOST_ITEMS: Final = 10


@dataclass(frozen=True, slots=True)
class Marks:
    """What tells in the trail of a workflow that a stage was reached: an act, or a state led into."""

    acts: tuple[Act, ...] = ()
    states: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reached:
    """So many proposals that reached the same stages: of those from the approval on, by what stands."""

    stages: frozenset[Stage]
    illustrative: bool
    count: int


@dataclass(frozen=True, slots=True)
class Funnel:
    """How many proposals of a biennium reached each stage, in the order of ``STAGES``.

    ``unappraised`` are those among the approved whose approval no appraisal came before: it was
    registered while they waited.
    """

    counts: Mapping[Stage, int]
    unappraised: int
    illustrative: bool


@dataclass(frozen=True, slots=True)
class Recommended:
    """So many first appraisals by a set that ended with the same recommendation."""

    set: str
    final: str
    illustrative: bool
    count: int


@dataclass(frozen=True, slots=True)
class Rated:
    """So many ratings of an item of a set with the same value."""

    set: str
    item: str
    value: str
    illustrative: bool
    count: int


@dataclass(frozen=True, slots=True)
class Failing:
    """An item that appraisals rated with the lowest value of the scale: ``share`` of those that rated it.

    ``checklist`` is the key of the checklist that it stands in.
    """

    set: str
    checklist: str
    item: Item
    share: Share


def marks(workflow: Workflow) -> Mapping[Stage, Marks]:
    """Return by what each stage is told in the trail of a workflow, from what its states declare."""

    def leading(milestone: str, outcome: str | None = None) -> tuple[str, ...]:
        return tuple(
            key
            for key, state in workflow.states.items()
            if state.milestone == milestone and outcome in (None, state.outcome)
        )

    return {
        "submitted": Marks(acts=(ENTERING,)),
        "appraised": Marks(FINALISING, leading("appraised")),
        "approved": Marks(states=leading("decided", "positive")),
        "with_donor": Marks(states=leading("with_donor")),
        # What has started was funded, whether or not somebody wrote that down.
        "funded": Marks(states=(*leading("funded"), *leading("started"))),
    }


def funnel(found: Iterable[Reached]) -> Funnel:
    """Add up how far proposals came."""
    counts: dict[Stage, int] = dict.fromkeys(STAGES, 0)
    unappraised, illustrative = 0, False
    for entry in found:
        for stage in entry.stages:
            counts[stage] += entry.count
        if "approved" in entry.stages and "appraised" not in entry.stages:
            unappraised += entry.count
        illustrative = illustrative or entry.illustrative
    return Funnel(counts, unappraised, illustrative)


def first_round(library: Library, found: Iterable[Recommended]) -> Share:
    """Return of the first appraisals those whose recommendation is to approve, with conditions or without."""
    passed = total = 0
    for entry in found:
        total += entry.count
        if library.set(entry.set).recommendation(entry.final).means in PASSING:
            passed += entry.count
    return Share(passed, total)


def failing(library: Library, found: Iterable[Rated], most: int = MOST_ITEMS) -> tuple[Failing, ...]:
    """Return the items that most appraisals rated with the lowest value, the most frequent first.

    *Not relevant* is no rating. Of what is equally frequent, the larger share of those rated comes first.
    """
    counts: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for entry in found:
        points = _points(library.set(entry.set))
        if entry.value in points:
            cell = counts[entry.set, entry.item]
            cell[0] += entry.count if points[entry.value] == min(points.values()) else 0
            cell[1] += entry.count
    lines = [
        Failing(key, checklist, item, Share(*counts[key, item.id]))
        for key in sorted({key for key, _ in counts})
        for checklist, item in _items(library, key)
        if counts[key, item.id][0]
    ]
    return tuple(sorted(lines, key=lambda line: (-line.share.numerator, line.share.denominator))[:most])


def _points(chosen: ChecklistSet) -> dict[str, Decimal]:
    return {entry.value: entry.points for entry in chosen.scale if entry.points is not None}


def _items(library: Library, key: str) -> Iterable[tuple[str, Item]]:
    return ((entry.checklist.key, item) for entry in library.criteria(key) for item in entry.checklist.items)
