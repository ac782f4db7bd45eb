"""Sets say which checklists belong together, with the scale, the weights and the rules that join them."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from appraisal.definitions.documents import Amount, Definition, Part, Path_
from appraisal.definitions.rules import Code, RecommendationRule, Value, VerdictRule
from appraisal.language.texts import Text

Tone = Literal["good", "info", "warn", "bad", "neutral"]


class Rating(Part):
    """One value of the scale; ``points`` enter means and decide which of two ratings is lower.

    A value without points is *not relevant*: it is left out of every rule.
    """

    value: Value
    title: Text
    points: Amount | None = None
    comment: Literal["required", "recommended", "optional"] = "optional"
    tone: Tone = "neutral"


class Verdict(Part):
    """One word that can be said of a criterion; verdicts stand from best to worst."""

    code: Code
    title: Text
    tone: Tone


class Recommendation(Part):
    """One recommendation; those on the ladder stand from best to worst.

    ``means`` is what the workflow reads. One that is ``chosen_from`` another is never computed:
    the lead may choose it where the other was computed.
    """

    code: Code
    title: Text
    means: Literal["favourable", "conditional", "revise", "unfavourable"]
    tone: Tone
    chosen_from: Code | None = None


class Applies(Part):
    """When a checklist of the set applies to a proposal."""

    above_usd: Amount


class Member(Part):
    """One checklist of the set with its weights; an item that is not named weighs 1.

    Where a unit is named under ``finalised_by``, its reviewer gives the final ratings, not the lead.
    """

    checklist: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*\.v[0-9]+$")]
    applies: Applies | None = None
    finalised_by: str = ""
    weight: Amount = Decimal(1)
    item_weights: dict[str, Amount] = {}


def _twice(part: str, names: Sequence[str | Decimal | None]) -> Iterator[tuple[Path_, str]]:
    for index, name in enumerate(names):
        if name is not None and name in names[:index]:
            yield (part, index), f"‘{name}’ stands twice"


def _rule_complaints(
    part: str, rule: VerdictRule | RecommendationRule, given: Sequence[str], declared: Sequence[str]
) -> Iterator[tuple[Path_, str]]:
    """Yield what a rule names that is not declared, and where it gives the worse for the better."""
    kind = "verdict" if part == "verdict_rule" else "recommendation"
    for code in dict.fromkeys(rule.codes):
        if code not in declared:
            yield (part,), f"the rule names {code}, which is not a {kind}"
    ranked = [code for code in rule.ranked(given) if code in declared]
    for better, worse in pairwise(ranked):
        if declared.index(better) > declared.index(worse):
            yield (part,), f"the rule ranks {better} above {worse}, but ‘{kind}s’ stand from best to worst"


class ChecklistSet(Definition):
    """A set: scale, members, verdict rule and recommendation rule.

    ``conditions_from`` are the ratings that turn into conditions under a conditional
    recommendation. ``rated_share`` is the part of a criterion's items that must be rated.
    ``awaits`` are the consulted units whose answer, or whose date, an appraisal waits for.
    """

    kind: Literal["set"]
    scale: Annotated[tuple[Rating, ...], Field(min_length=2)]
    checklists: Annotated[tuple[Member, ...], Field(min_length=1)]
    rated_share: Amount = Decimal(0)
    verdicts: Annotated[tuple[Verdict, ...], Field(min_length=1)]
    verdict_rule: VerdictRule
    recommendations: Annotated[tuple[Recommendation, ...], Field(min_length=1)]
    recommendation_rule: RecommendationRule
    conditions_from: tuple[Value, ...] = ()
    awaits: tuple[str, ...] = ()

    def complaints(self) -> Iterator[tuple[Path_, str]]:
        """Yield codes that stand nowhere or twice, rules that leave a case open, and weights of nothing."""
        values = [rating.value for rating in self.scale]
        verdicts = [verdict.code for verdict in self.verdicts]
        recommendations = [entry.code for entry in self.recommendations]
        keys = [member.checklist for member in self.checklists]
        yield from _twice("scale", values)
        yield from _twice("scale", [rating.points for rating in self.scale])
        yield from _twice("verdicts", verdicts)
        yield from _twice("recommendations", recommendations)
        yield from _twice("checklists", keys)
        rated = {rating.value: rating.points for rating in self.scale if rating.points is not None}
        best_first = sorted(rated, key=rated.__getitem__, reverse=True)
        yield from _rule_complaints("verdict_rule", self.verdict_rule, best_first, verdicts)
        yield from _rule_complaints(
            "recommendation_rule", self.recommendation_rule, verdicts, recommendations
        )
        for part, rule in (
            ("verdict_rule", self.verdict_rule),
            ("recommendation_rule", self.recommendation_rule),
        ):
            for path, message in rule.complaints(rated, verdicts):
                yield (part, *path), message
        yield from self._member_complaints(values, recommendations)

    def _member_complaints(
        self, values: Sequence[str], recommendations: Sequence[str]
    ) -> Iterator[tuple[Path_, str]]:
        for index, entry in enumerate(self.recommendations):
            if entry.chosen_from is not None and entry.chosen_from not in recommendations:
                yield (
                    ("recommendations", index, "chosen_from"),
                    f"{entry.chosen_from} is not a recommendation",
                )
            if entry.chosen_from is not None and entry.code in self.recommendation_rule.codes:
                message = f"{entry.code} is chosen by the lead, so the rule may not give it"
                yield ("recommendations", index, "chosen_from"), message
        for index, value in enumerate(self.conditions_from):
            if value not in values:
                yield ("conditions_from", index), f"conditions come from ‘{value}’, which is not a rating"
        if not 0 <= self.rated_share <= 1:
            yield ("rated_share",), "rated_share lies between 0 and 1"
        for index, member in enumerate(self.checklists):
            if member.weight <= 0 or any(weight <= 0 for weight in member.item_weights.values()):
                yield ("checklists", index), f"a weight of {member.checklist} is not above 0"

    def rating(self, value: str) -> Rating | None:
        """Return a value of the scale, or None where it is not on it."""
        return next((rating for rating in self.scale if rating.value == value), None)

    def verdict(self, code: str) -> Verdict:
        """Return a verdict by its code; ``KeyError`` where there is none."""
        for verdict in self.verdicts:
            if verdict.code == code:
                return verdict
        raise KeyError(code)

    def recommendation(self, code: str) -> Recommendation:
        """Return a recommendation by its code; ``KeyError`` where there is none."""
        for entry in self.recommendations:
            if entry.code == code:
                return entry
        raise KeyError(code)

    @property
    def ladder(self) -> tuple[Recommendation, ...]:
        """Return the recommendations that can be computed, from best to worst."""
        return tuple(entry for entry in self.recommendations if entry.chosen_from is None)
