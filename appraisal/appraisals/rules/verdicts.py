"""Verdicts on each criterion, and the recommendation on the whole proposal, follow here from ratings.

Three verdict rules and three recommendation rules, as the set declares (``definitions.sets``).
All arithmetic is exact: weights and bounds are decimals, means are fractions, and a bound is
compared with the unrounded mean.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

from appraisal.definitions.checklists import Checklist, Fact, Item
from appraisal.definitions.library import Criterion
from appraisal.definitions.rules import Band, Clauses, Gate, Lowest, LowestVerdict, WeightedMean
from appraisal.definitions.sets import ChecklistSet
from appraisal.proposals.facts import RatingGiven
from appraisal.vocabulary.refusals import Refusal, refuse

Facts = Mapping[Fact, bool | None]


@dataclass(frozen=True, slots=True)
class Assessment:
    """What follows from ratings.

    ``verdicts`` holds every criterion that applies, by code, None where it cannot be given yet;
    ``scores`` the means behind them, None where nothing is rated; ``conditions`` the items that
    turn into conditions under the computed recommendation; ``problems`` all that would block
    finalising, ``by_criterion`` the same sorted by criterion.
    """

    verdicts: Mapping[str, str | None]
    scores: Mapping[str, Fraction | None]
    score: Fraction | None
    recommendation: str | None
    conditions: tuple[str, ...]
    problems: tuple[Refusal, ...]
    by_criterion: Mapping[str, tuple[Refusal, ...]]


def assess(
    chosen: ChecklistSet,
    criteria: Sequence[Criterion],
    ratings: Mapping[str, RatingGiven],
    facts: Facts,
    *,
    check_comments: bool = True,
) -> Assessment:
    """Score the criteria that apply by the ratings that count: proposed ones are as if not given.

    A fact that is None is not known, and forbids nothing.
    """
    verdicts: dict[str, str | None] = {}
    scores: dict[str, Fraction | None] = {}
    by_criterion: dict[str, tuple[Refusal, ...]] = {}
    blocked = False
    for criterion in criteria:
        checklist = criterion.checklist
        found = tuple(_problems(chosen, checklist, ratings, facts, check_comments))
        by_criterion[checklist.code] = found
        unscorable = any(problem.code != "comment_missing" for problem in found)
        rated = _rated(chosen, checklist, ratings)
        scores[checklist.code] = mean(
            (points, criterion.member.item_weights.get(item.id, Decimal(1))) for item, points in rated
        )
        verdicts[checklist.code] = None if unscorable else _verdict(chosen, rated, scores[checklist.code])
        blocked = blocked or unscorable
    weights = {criterion.checklist.code: criterion.member.weight for criterion in criteria}
    score = mean((points, weights[code]) for code, points in scores.items() if points is not None)
    recommendation = (
        None if blocked else _recommend(chosen, [code for code in verdicts.values() if code], score)
    )
    return Assessment(
        verdicts,
        scores,
        score,
        recommendation,
        conditions_of(chosen, criteria, ratings, recommendation),
        tuple(problem for problems in by_criterion.values() for problem in problems),
        by_criterion,
    )


def conditions_of(
    chosen: ChecklistSet,
    criteria: Sequence[Criterion],
    ratings: Mapping[str, RatingGiven],
    recommendation: str | None,
) -> tuple[str, ...]:
    """Return the items that turn into conditions under a recommendation; none unless it is conditional."""
    if recommendation is None or chosen.recommendation(recommendation).means != "conditional":
        return ()
    low = low_items(chosen, ratings)
    return tuple(item.id for criterion in criteria for item in criterion.checklist.items if item.id in low)


def low_items(chosen: ChecklistSet, ratings: Mapping[str, RatingGiven]) -> frozenset[str]:
    """Return the items that are rated so low that a condition may come of them."""
    return frozenset(
        item for item, given in ratings.items() if given.counts and given.value in chosen.conditions_from
    )


def mean(weighted: Iterable[tuple[Decimal | Fraction, Decimal]]) -> Fraction | None:
    """Return the weighted mean, its weights renormalised over what is there; None where nothing is."""
    pairs = [(_exact(value), _exact(weight)) for value, weight in weighted]
    total = sum((weight for _, weight in pairs), Fraction(0))
    return sum((value * weight for value, weight in pairs), Fraction(0)) / total if total else None


@lru_cache(maxsize=1024)
def _exact(value: Decimal | Fraction) -> Fraction:
    """Make a fraction of a number, once: points and weights are few, and each is met for every item."""
    return Fraction(value)


def band_of(bands: Sequence[Band], value: Fraction) -> Band:
    """Return the first band whose bound the unrounded value satisfies; the last has none."""
    return next(band for band in bands if band.holds(value))


def _rated(
    chosen: ChecklistSet, checklist: Checklist, ratings: Mapping[str, RatingGiven]
) -> list[tuple[Item, Decimal]]:
    found = []
    for item in checklist.items:
        given = ratings.get(item.id)
        rating = chosen.rating(given.value) if given and given.counts else None
        if rating is not None and rating.points is not None:
            found.append((item, rating.points))
    return found


def _verdict(
    chosen: ChecklistSet, rated: Sequence[tuple[Item, Decimal]], score: Fraction | None
) -> str | None:
    if score is None:
        return None
    rule = chosen.verdict_rule
    match rule:
        case Gate():
            low = chosen.rating(rule.low)
            assert low is not None and low.points is not None
            lows = [item for item, points in rated if points <= low.points]
            if any(item.gating for item in lows) or len(lows) >= rule.not_met_from:
                return rule.not_met
            return rule.partly if lows else rule.met
        case WeightedMean():
            return band_of(rule.bands, score).name
        case Lowest():
            lowest = min(points for _, points in rated)
            return next(rule.of[rating.value] for rating in chosen.scale if rating.points == lowest)


def _recommend(chosen: ChecklistSet, verdicts: Sequence[str], score: Fraction | None) -> str | None:
    rule = chosen.recommendation_rule
    if not verdicts:
        return None
    match rule:
        case Clauses():
            for clause in rule.clauses:
                if clause.verdict is None or verdicts.count(clause.verdict) >= clause.at_least:
                    return clause.recommend
            return None
        case WeightedMean():
            return None if score is None else band_of(rule.bands, score).name
        case LowestVerdict():
            order = [verdict.code for verdict in chosen.verdicts]
            return rule.of[max(verdicts, key=order.index)]


def _problems(
    chosen: ChecklistSet,
    checklist: Checklist,
    ratings: Mapping[str, RatingGiven],
    facts: Facts,
    check_comments: bool,
) -> Iterable[Refusal]:
    rated_or_open = 0
    for item in checklist.items:
        given = ratings.get(item.id)
        if given is None or not given.counts:
            rated_or_open += 1
            is_carried = given is not None and given.value != ""
            yield refuse("item_unconfirmed" if is_carried else "item_unrated", item=item.id)
            continue
        rating = chosen.rating(given.value)
        if rating is None:
            yield refuse("rating_unknown", item=item.id, value=given.value)
            continue
        if rating.points is not None:
            rated_or_open += 1
        elif item.gating:
            yield refuse("x_on_gating", item=item.id)
        elif not may_be_not_relevant(chosen, item, facts):
            yield refuse("x_not_allowed", item=item.id)
        if check_comments and rating.comment == "required" and not given.comment.strip():
            yield refuse("comment_missing", item=item.id, value=given.value)
    waived = checklist.rated_share_waived_when
    if waived is not None and facts.get(waived) is True:
        return
    if Fraction(rated_or_open, len(checklist.items)) < Fraction(chosen.rated_share):
        yield refuse("too_few_rated", criterion=checklist.title)


def may_be_not_relevant(chosen: ChecklistSet, item: Item, facts: Facts) -> bool:
    """Tell whether an item may be rated X.

    Only where the item declares when, and one of the facts it names holds or is not known. Under
    a rule without gates any item that is not gating may be: there, X cannot hide a failed gate.
    """
    if item.gating:
        return False
    if item.not_relevant is None:
        return not isinstance(chosen.verdict_rule, Gate)
    named = item.not_relevant.facts
    return not named or any(facts.get(fact) is not False for fact in named)


def unknown_items(criteria: Iterable[Criterion], ratings: Iterable[str]) -> list[Refusal]:
    """Return a problem for every rated item that no checklist of the set has."""
    known = {item.id for criterion in criteria for item in criterion.checklist.items}
    return [refuse("item_unknown", item=item) for item in ratings if item not in known]
