"""Definitions of rules say how ratings become verdicts, and verdicts a recommendation.

Three verdict rules and three recommendation rules are known. *gate* with *clauses* is ours
(``checklists/appraisal.v1.yaml``); *weighted_mean* with named bands and *lowest* are what other
agencies use, so that a set of theirs runs unchanged.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from appraisal.definitions.documents import Amount, Count, Part, Path_

Value = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{1,3}$")]
Code = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]*$")]
Complaints = Iterator[tuple[Path_, str]]
# The points of every rating that has any, by its value.
Points = Mapping[str, Decimal]


class Band(Part):
    """A named stretch of a mean: ``at_least`` includes its bound, ``above`` does not.

    Bands stand from best to worst, the last without a bound; the first that fits is taken.
    """

    name: Code
    at_least: Amount | None = None
    above: Amount | None = None

    @model_validator(mode="after")
    def _one_bound(self) -> Self:
        if self.at_least is not None and self.above is not None:
            raise ValueError(f"the band {self.name} has two bounds; keep one")
        return self

    @property
    def bound(self) -> Decimal | None:
        """Return the lower bound of the band, whichever way it is written."""
        return self.at_least if self.at_least is not None else self.above

    def holds(self, value: Fraction) -> bool:
        """Tell whether a value lies above the bound, or on it where the bound is included."""
        if self.at_least is not None:
            return value >= Fraction(self.at_least)
        return self.above is None or value > Fraction(self.above)


class Gate(Part):
    """A gating item rated ``low`` or lower fails the criterion, as do many such ratings; one weakens it."""

    name: Literal["gate"]
    low: Value
    not_met_from: Annotated[Count, Field(ge=1)]
    met: Code
    partly: Code
    not_met: Code

    @property
    def codes(self) -> tuple[str, ...]:
        """Return the verdicts that this rule can give."""
        return (self.met, self.partly, self.not_met)

    def ranked(self, order: Sequence[str]) -> tuple[str, ...]:
        """Return the verdicts from best to worst."""
        return self.codes

    def complaints(self, points: Points, verdicts: Sequence[str]) -> Complaints:
        """Yield a low rating that is none."""
        if self.low not in points:
            yield ("low",), f"‘{self.low}’ is not a rating with points"


class WeightedMean(Part):
    """The weighted mean of what was rated falls into a named band; X is left out, weights renormalised."""

    name: Literal["weighted_mean"]
    bands: Annotated[tuple[Band, ...], Field(min_length=1)]

    @property
    def codes(self) -> tuple[str, ...]:
        """Return the names of the bands."""
        return tuple(band.name for band in self.bands)

    def ranked(self, order: Sequence[str]) -> tuple[str, ...]:
        """Return the names of the bands from best to worst."""
        return self.codes

    def complaints(self, points: Points, verdicts: Sequence[str]) -> Complaints:
        """Yield bands without a bound, with one too many, and bands that no mean can fall into."""
        lowest, highest = min(points.values(), default=Decimal(0)), max(points.values(), default=Decimal(0))
        for index, band in enumerate(self.bands):
            path, before = ("bands", index), self.bands[index - 1] if index else None
            if (band.bound is None) != (index == len(self.bands) - 1):
                has = "has none" if band.bound is None else "has one"
                yield path, f"only the last band stands without a bound, but {band.name} {has}"
            elif before is not None and before.bound is not None and not _is_below(band, before):
                yield (
                    path,
                    f"the band {band.name} can never be reached: its bound is not below the one before",
                )
            elif not band.holds(Fraction(highest)):
                yield path, f"the band {band.name} can never be reached: no mean is above {highest}"
            elif band.bound is not None and band.holds(Fraction(lowest)):
                yield path, f"the bands after {band.name} can never be reached: no mean is below {lowest}"


def _is_below(band: Band, before: Band) -> bool:
    if band.bound is None or before.bound is None:
        return True
    # From “above 3” to “at least 3” there is exactly one value between.
    return band.bound < before.bound or (
        band.bound == before.bound and before.above is not None and band.at_least is not None
    )


class Lowest(Part):
    """The lowest rating given wins; ``of`` names the verdict of each value of the scale."""

    name: Literal["lowest"]
    of: dict[Value, Code]

    @property
    def codes(self) -> tuple[str, ...]:
        """Return the verdicts that this rule can give."""
        return tuple(self.of.values())

    def ranked(self, order: Sequence[str]) -> tuple[str, ...]:
        """Return the verdicts, that of the highest rating first."""
        return tuple(self.of[value] for value in order if value in self.of)

    def complaints(self, points: Points, verdicts: Sequence[str]) -> Complaints:
        """Yield a rating without a verdict, or a verdict for what is no rating."""
        if set(self.of) != set(points):
            yield ("of",), "name a verdict for every rating with points, and for no other"


class Clause(Part):
    """One line of a decision table: this many verdicts or more of this kind lead to ``recommend``."""

    recommend: Code
    verdict: Code | None = None
    at_least: Annotated[Count, Field(ge=1)] = 1


class Clauses(Part):
    """A decision table over verdicts; the first clause that holds is taken, the last always holds."""

    name: Literal["clauses"]
    clauses: Annotated[tuple[Clause, ...], Field(min_length=1)]

    @property
    def codes(self) -> tuple[str, ...]:
        """Return the recommendations that this rule can give."""
        return tuple(clause.recommend for clause in self.clauses)

    def ranked(self, order: Sequence[str]) -> tuple[str, ...]:
        """Return nothing: a table has no order of its own."""
        return ()

    def complaints(self, points: Points, verdicts: Sequence[str]) -> Complaints:
        """Yield clauses on unknown verdicts, clauses that are never read, and a table with an open end."""
        caught: dict[str, int] = {}
        for index, clause in enumerate(self.clauses):
            path = ("clauses", index)
            if (clause.verdict is None) != (index == len(self.clauses) - 1):
                yield path, "the last clause, and no other, stands without a verdict"
            elif clause.verdict is not None and clause.verdict not in verdicts:
                yield path, f"{clause.verdict} is not a verdict"
            elif clause.verdict is not None:
                if clause.at_least >= caught.get(clause.verdict, clause.at_least + 1):
                    yield path, f"this clause is never read: one before it takes every such {clause.verdict}"
                caught[clause.verdict] = min(clause.at_least, caught.get(clause.verdict, clause.at_least))


class LowestVerdict(Part):
    """The worst verdict decides; ``of`` names the recommendation for each verdict."""

    name: Literal["lowest"]
    of: dict[Code, Code]

    @property
    def codes(self) -> tuple[str, ...]:
        """Return the recommendations that this rule can give."""
        return tuple(self.of.values())

    def ranked(self, order: Sequence[str]) -> tuple[str, ...]:
        """Return the recommendations, that of the best verdict first."""
        return tuple(self.of[verdict] for verdict in order if verdict in self.of)

    def complaints(self, points: Points, verdicts: Sequence[str]) -> Complaints:
        """Yield a verdict without a recommendation, or a recommendation for what is no verdict."""
        if set(self.of) != set(verdicts):
            yield ("of",), "name a recommendation for every verdict, and for no other"


VerdictRule = Annotated[Gate | WeightedMean | Lowest, Field(discriminator="name")]
RecommendationRule = Annotated[Clauses | WeightedMean | LowestVerdict, Field(discriminator="name")]
