"""Indicators define what is counted, and the baseline, milestones and target it is held against.

Two kinds that are never mixed: a *percentage* is a measure over another one; a *growth* is how far a
count stands above its baseline. Which measure reads which part of the scope is said in ``READS``.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Annotated, Final, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from appraisal.definitions.documents import Amount, Count, Definition, Part, Path_
from appraisal.errors import NotFound
from appraisal.language.texts import Text

Biennium = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}$")]
Fund = Literal["XBTC", "RBSA", "RBTC"]
Modality = Literal["rbsa", "partnership", "one_un", "direct"]
Constituent = Literal["government", "employers", "workers"]
Part_ = Literal["approved_by_mechanism", "gaps_adequately_filled", "funding_in_modalities", "expenditure"]
Whole = Literal["first_final_approvals", "resource_gaps", "voluntary_funding", "allocation"]
Counted = Literal["undafs_with_priorities", "dwcps_to_satisfaction", "undafs_to_satisfaction"]

# Measures, each with what it is divided by, where it is a part of something.
WHOLES: Final[Mapping[str, Whole]] = {
    "approved_by_mechanism": "first_final_approvals",
    "gaps_adequately_filled": "resource_gaps",
    "funding_in_modalities": "voluntary_funding",
    "expenditure": "allocation",
}
# Which part of a scope a measure reads; the others read none.
READS: Final[Mapping[str, str]] = {
    "approved_by_mechanism": "funds",
    "gaps_adequately_filled": "at_least",
    "funding_in_modalities": "modalities",
    "dwcps_to_satisfaction": "constituents",
    "undafs_to_satisfaction": "constituents",
}


class Milestone(Part):
    """What is to be reached in a biennium: a percentage, or a growth over the baseline in per cent."""

    biennium: Biennium
    percent: Amount
    note: Text | None = None


class Baseline(Part):
    """A value from before, which the Office enters; ``status`` says so while it has not.

    ``note`` is what the founding document promises. ``value`` is a percentage, or of a growth a count.
    """

    biennium: Biennium | None = None
    status: Literal["not_entered", "entered"]
    note: Text | None = None
    value: Amount | None = None
    numerator: Count | None = None
    denominator: Count | None = None
    document: str | None = None
    paragraph: str | None = None
    candidates: tuple[Text, ...] = ()

    @model_validator(mode="after")
    def _status_agrees(self) -> Self:
        if (self.status == "entered") != (self.value is not None and self.document is not None):
            raise ValueError(
                "a baseline that is entered has a value and a document, one that is not has neither"
            )
        return self


class Scope(Part):
    """What of the facts is counted.

    ``funds``: a proposal with money from any of them. ``at_least``: per cent of a gap from which it
    counts as adequately filled. ``modalities``: agreements of these. ``constituents``: whose answers must
    all be yes.
    """

    funds: tuple[Fund, ...] = ()
    at_least: Amount | None = None
    modalities: tuple[Modality, ...] = ()
    constituents: tuple[Constituent, ...] = ()

    def given(self) -> list[str]:
        """Return the parts that are said."""
        return sorted(self.model_fields_set)


class Rounding(Part):
    """How a figure is shown, half up; within ``near`` of its milestone, not on it, with ``near_decimals``.

    What is compared with the milestone is never rounded.
    """

    decimals: Count = 1
    near: Amount = Decimal("0.1")
    near_decimals: Count = 2


class _Indicator(Part):
    code: Annotated[str, StringConstraints(pattern=r"^[0-9]+\.[0-9]+$")]
    title: Text
    definition: Text
    unit: Text
    # Document and paragraph of the founding requirement.
    source: Text
    # What the document leaves open, and how it is read here.
    reading: Text | None = None
    scope: Scope = Scope()
    rounding: Rounding = Rounding()
    target: Amount
    target_note: Text | None = None
    milestones: Annotated[tuple[Milestone, ...], Field(min_length=1)]
    baseline: Baseline

    def milestone(self, biennium: str) -> Milestone | None:
        """Return the milestone of a biennium, or None where none was set."""
        return next((entry for entry in self.milestones if entry.biennium == biennium), None)


class Percentage(_Indicator):
    """A measure as a percentage of another one."""

    kind: Literal["percentage"]
    numerator: Part_
    denominator: Whole

    @property
    def measure(self) -> str:
        """Return the measure that the indicator is named for."""
        return self.numerator


class Growth(_Indicator):
    """How far a count stands above its baseline, in per cent of the baseline."""

    kind: Literal["growth"]
    count: Counted

    @property
    def measure(self) -> str:
        """Return the measure that the indicator is named for."""
        return self.count


Indicator = Annotated[Percentage | Growth, Field(discriminator="kind")]


class Outcome(Part):
    """An outcome of the strategy, under which its indicators stand."""

    number: Count
    title: Text
    source: Text


class Indicators(Definition):
    """The results framework: outcomes, and the indicators that the product computes."""

    kind: Literal["indicators"]
    outcomes: Annotated[tuple[Outcome, ...], Field(min_length=1)]
    indicators: Annotated[tuple[Indicator, ...], Field(min_length=1)]

    def indicator(self, code: str) -> Percentage | Growth:
        """Return an indicator by its code; raises ``NotFound``."""
        for entry in self.indicators:
            if entry.code == code:
                return entry
        raise NotFound("indicator", code)

    def of_outcome(self, number: int) -> tuple[Percentage | Growth, ...]:
        """Return the indicators of an outcome, whose codes begin with its number."""
        return tuple(entry for entry in self.indicators if entry.code.split(".")[0] == str(number))

    def complaints(self) -> Iterator[tuple[Path_, str]]:
        """Yield what is wrong between the parts of the definition, each with its path in the file."""
        outcomes = {str(entry.number) for entry in self.outcomes}
        codes: set[str] = set()
        for place, entry in enumerate(self.indicators):
            path: Path_ = ("indicators", place)
            if entry.code in codes:
                yield (*path, "code"), f"the indicator {entry.code} stands twice"
            codes.add(entry.code)
            if entry.code.split(".")[0] not in outcomes:
                yield (*path, "code"), f"{entry.code} belongs to no outcome of this file"
            for rest, message in _complaints(entry):
                yield (*path, *rest), message


def _complaints(entry: Percentage | Growth) -> Iterator[tuple[Path_, str]]:
    if isinstance(entry, Percentage) and entry.denominator != WHOLES[entry.numerator]:
        yield ("denominator",), f"{entry.numerator} is a part of {WHOLES[entry.numerator]}"
    wanted = [READS[entry.measure]] if entry.measure in READS else []
    if (given := entry.scope.given()) != wanted:
        said = f"reads {wanted[0]} of a scope, and nothing else" if wanted else "reads no scope"
        yield ("scope" if given else "code",), f"{entry.measure} {said}"
    biennia = [milestone.biennium for milestone in entry.milestones]
    if biennia != sorted(set(biennia)):
        yield ("milestones",), "milestones stand in the order of their biennia, each once"
    if isinstance(entry, Growth) and entry.baseline.value == 0:
        yield ("baseline",), "nothing grows by a percentage of nought"
