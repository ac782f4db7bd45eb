"""Verdicts and recommendation are computed here from answers alone, without a proposal behind them."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from appraisal.appraisals.rules.answers_file import Answers
from appraisal.appraisals.rules.verdicts import Assessment, assess, unknown_items
from appraisal.definitions.library import Criterion
from appraisal.definitions.percentages import displayed
from appraisal.definitions.rules import WeightedMean
from appraisal.definitions.sets import ChecklistSet
from appraisal.proposals.facts import RatingGiven
from appraisal.proposals.rules.rulebook import applicable
from appraisal.vocabulary.refusals import Refusal


@dataclass(frozen=True, slots=True)
class Scoring:
    """What follows from answers: ``criteria`` are those that apply.

    ``problems`` are all that would block finalising and can be seen from the answers; ``ignored``
    the rated items of criteria that do not apply.
    """

    chosen: ChecklistSet
    criteria: tuple[Criterion, ...]
    assessment: Assessment
    problems: tuple[Refusal, ...]
    ignored: tuple[str, ...]

    @property
    def is_complete(self) -> bool:
        """Tell whether there is a recommendation, and nothing left to do."""
        return self.assessment.recommendation is not None and not self.problems


def score(chosen: ChecklistSet, criteria: Sequence[Criterion], answers: Answers) -> Scoring:
    """Score answers by a set. Whether a private partner pays is not asked, so it forbids no X."""
    applying = applicable(criteria, answers.budget_usd)
    comments = answers.comments or {}
    given = {
        item: RatingGiven(item, value, comments.get(item, "")) for item, value in answers.ratings.items()
    }
    assessment = assess(
        chosen,
        applying,
        given,
        {
            "no_learning_component": answers.learning_component is False,
            "centre_is_provider": answers.centre_is_provider,
            "no_private_funder": None,
        },
        check_comments=answers.comments is not None,
    )
    named = dict.fromkeys([*answers.ratings, *comments])
    asked = {item.id for criterion in applying for item in criterion.checklist.items}
    every = [item.id for criterion in criteria for item in criterion.checklist.items]
    return Scoring(
        chosen,
        applying,
        assessment,
        (*unknown_items(criteria, named), *assessment.problems),
        tuple(item for item in every if item in given and item not in asked),
    )


def summary(scoring: Scoring) -> dict[str, Any]:
    """Return a scoring as what JSON knows, its sentences in English; means are fractions and decimals."""
    assessment, chosen = scoring.assessment, scoring.chosen
    value: dict[str, Any] = {
        "set": chosen.key,
        "verdicts": dict(assessment.verdicts),
        "recommendation": assessment.recommendation,
        "conditions": [{"item": item.id, "ask": item.ask.en} for item in _conditions(scoring)],
        "problems": [_problem(problem) for problem in scoring.problems],
        "ignored": list(scoring.ignored),
    }
    if isinstance(chosen.verdict_rule, WeightedMean) or isinstance(chosen.recommendation_rule, WeightedMean):
        value["scores"] = {code: mean_shown(mean) for code, mean in assessment.scores.items()}
        value["score"] = mean_shown(assessment.score)
    return value


def mean_shown(mean: Fraction | None) -> dict[str, str] | None:
    """Write a mean exactly, as a whole number or a fraction, and as a decimal of two places."""
    return None if mean is None else {"exact": str(mean), "displayed": displayed(mean)}


def _conditions(scoring: Scoring) -> list[Any]:
    wanted = set(scoring.assessment.conditions)
    return [item for criterion in scoring.criteria for item in criterion.checklist.items if item.id in wanted]


def _problem(problem: Refusal) -> dict[str, str]:
    item = {"item": str(problem.facts["item"])} if "item" in problem.facts else {}
    return {"code": problem.code, **item, "message": problem.say("en")}
