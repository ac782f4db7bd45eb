"""Indicators: what is counted, and the milestones it is held against."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from appraisal.definitions.documents import Amount, Count, Definition, Part
from appraisal.i18n import Text

Biennium = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}$")]


class Milestone(Part):
    """A percentage to be reached in a biennium."""

    biennium: Biennium
    percent: Amount


class Baseline(Part):
    """A value from before, which the Office enters; ``status`` says so while it has not."""

    biennium: Biennium
    status: Literal["not_entered", "entered"]
    value: Amount | None = None
    numerator: Count | None = None
    denominator: Count | None = None
    document: str | None = None
    paragraph: str | None = None
    candidates: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _status_agrees(self) -> Self:
        if (self.status == "entered") != (self.value is not None and self.document is not None):
            raise ValueError(
                "a baseline that is entered has a value and a document, one that is not has neither"
            )
        return self


class Indicator(Part):
    """One indicator of the strategy; ``funds`` is the scope of the headline figure."""

    code: Annotated[str, StringConstraints(pattern=r"^[0-9]+\.[0-9]+$")]
    title: Text
    definition: Text
    source: str
    numerator: Literal["approved_by_mechanism"]
    denominator: Literal["first_final_approvals"]
    funds: tuple[Literal["XBTC", "RBSA", "RBTC"], ...]
    target: Amount
    milestones: tuple[Milestone, ...]
    baseline: Baseline

    def milestone(self, biennium: str) -> Milestone | None:
        """Return the milestone of a biennium, or None where none was set."""
        return next((entry for entry in self.milestones if entry.biennium == biennium), None)


class Indicators(Definition):
    """The indicators that the product computes."""

    kind: Literal["indicators"]
    indicators: Annotated[tuple[Indicator, ...], Field(min_length=1)]

    def indicator(self, code: str) -> Indicator:
        """Return an indicator by its code; ``KeyError`` where there is none."""
        for entry in self.indicators:
            if entry.code == code:
                return entry
        raise KeyError(code)
