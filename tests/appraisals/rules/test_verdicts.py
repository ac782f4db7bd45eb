"""Verdicts and recommendations: exact values, and what no rating may ever bring about."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appraisal.appraisals.rules.verdicts import Assessment, Facts, assess, conditions_of, unknown_items
from appraisal.definitions.library import Criterion, read_library, read_set
from appraisal.definitions.sets import ChecklistSet
from appraisal.paths import folder
from appraisal.proposals.facts import RatingGiven
from appraisal.proposals.rules.rulebook import applicable
from appraisal.workflow.rules.guards import names

SETS = Path(__file__).parents[2] / "sets"
LIBRARY = read_library(folder("workflows"), folder("checklists"), names())
OURS = LIBRARY.set("appraisal.v1")
EIGHT = LIBRARY.criteria("appraisal.v1")
SEVEN = applicable(EIGHT, None)
ITEMS = [item.id for criterion in SEVEN for item in criterion.checklist.items]
GATING = [item.id for criterion in EIGHT for item in criterion.checklist.items if item.gating]
FREE = [item for item in ITEMS if item not in GATING]
KNOWN: Facts = {"no_private_funder": False, "no_learning_component": False, "centre_is_provider": False}

ratings = st.fixed_dictionaries({item: st.sampled_from("123") for item in ITEMS})


def said(values: Mapping[str, str]) -> dict[str, RatingGiven]:
    return {item: RatingGiven(item, value, "Because.") for item, value in values.items()}


def every(value: str = "2", **single: str) -> dict[str, str]:
    """Rate all items of the seven criteria; single ones are named like ``TRI_4``."""
    return {
        **dict.fromkeys(ITEMS, value),
        **{name.replace("_", "-"): given for name, given in single.items()},
    }


def ours(values: Mapping[str, str], facts: Facts = KNOWN) -> Assessment:
    return assess(OURS, SEVEN, said(values), facts)


def codes(assessment: Assessment) -> list[tuple[str, str]]:
    return [(problem.code, str(problem.facts.get("item", ""))) for problem in assessment.problems]


# Our rule: a gate for each criterion, a table for the whole.


@pytest.mark.parametrize(
    ("single", "verdict"),
    [
        ({}, "MET"),
        ({"TRI_4": "1"}, "PARTLY_MET"),
        ({"TRI_4": "1", "TRI_5": "1"}, "PARTLY_MET"),
        ({"TRI_4": "1", "TRI_5": "1", "TRI_6": "1"}, "NOT_MET"),
        ({"TRI_1": "1"}, "NOT_MET"),
        ({"TRI_2": "1", "TRI_3": "3"}, "NOT_MET"),
    ],
)
def test_verdict_of_a_criterion(single: dict[str, str], verdict: str) -> None:
    assessment = ours(every(**single))
    assert assessment.verdicts["TRI"] == verdict
    assert {code for name, code in assessment.verdicts.items() if name != "TRI"} == {"MET"}


@pytest.mark.parametrize(
    ("single", "recommendation"),
    [
        ({}, "READY"),
        ({"TRI_4": "1"}, "READY_WITH_CONDITIONS"),
        ({"TRI_4": "1", "CAP_6": "1"}, "READY_WITH_CONDITIONS"),
        ({"TRI_4": "1", "CAP_6": "1", "ALI_2": "1"}, "REVISE"),
        ({"TRI_1": "1"}, "REVISE"),
        ({"TRI_4": "1", "TRI_5": "1", "TRI_6": "1"}, "REVISE"),
    ],
)
def test_recommendation(single: dict[str, str], recommendation: str) -> None:
    assert ours(every(**single)).recommendation == recommendation


def test_each_item_rated_low_becomes_a_condition() -> None:
    assert ours(every(TRI_4="1", TRI_5="1", CAP_6="1")).conditions == ("TRI-4", "TRI-5", "CAP-6")


@pytest.mark.parametrize("single", [{}, {"TRI_1": "1"}])
def test_no_conditions_unless_the_recommendation_is_conditional(single: dict[str, str]) -> None:
    assert ours(every(**single)).conditions == ()


def test_not_recommended_is_never_computed() -> None:
    assert ours(every("1")).recommendation == "REVISE"


def test_evaluability_is_an_eighth_criterion_under_the_same_rules() -> None:
    values = every() | {item.id: "2" for item in EIGHT[-1].checklist.items}
    assert assess(OURS, EIGHT, said(values), KNOWN).recommendation == "READY"
    low = assess(OURS, EIGHT, said(values | {"EVA-7": "1"}), KNOWN)
    assert (low.verdicts["EVA"], low.recommendation) == ("NOT_MET", "REVISE")
    assert assess(OURS, EIGHT, said(values | {"EVA-8": "1"}), KNOWN).conditions == ("EVA-8",)


@pytest.mark.parametrize(
    ("usd", "count"),
    [
        (None, 7),
        ("0", 7),
        ("4999999.99", 7),
        ("5000000", 7),
        ("5000000.00", 7),
        ("5000000.01", 8),
        ("1e9", 8),
    ],
)
def test_above_five_million_is_strict(usd: str | None, count: int) -> None:
    assert len(applicable(EIGHT, None if usd is None else Decimal(usd))) == count


# What is missing or not allowed.


def test_an_unrated_item_leaves_its_criterion_without_a_verdict() -> None:
    values = every()
    del values["GEN-5"]
    assessment = ours(values)
    assert codes(assessment) == [("item_unrated", "GEN-5")]
    assert assessment.verdicts["GEN"] is None
    assert assessment.verdicts["ALI"] == "MET"
    assert assessment.recommendation is None


def test_what_is_not_on_the_scale() -> None:
    for value in ("0", "4", "x", "2.0"):
        assert codes(ours(every(GEN_5=value))) == [("rating_unknown", "GEN-5")]


@pytest.mark.parametrize("item", GATING)
def test_x_is_never_accepted_on_a_gating_item(item: str) -> None:
    values = every() | {entry.id: "2" for entry in EIGHT[-1].checklist.items} | {item: "X"}
    everything: Facts = dict.fromkeys(KNOWN, True)
    assessment = assess(OURS, EIGHT, said(values), everything)
    assert codes(assessment) == [("x_on_gating", item)]
    assert assessment.recommendation is None


@pytest.mark.parametrize(
    ("item", "facts", "allowed"),
    [
        ("ALI-8", {"no_private_funder": True}, True),
        ("ALI-8", {"no_private_funder": None}, True),
        ("ALI-8", {"no_private_funder": False}, False),
        ("ALI-2", {"no_private_funder": True}, False),
        ("TUR-2", {"no_learning_component": True}, True),
        ("TUR-2", {"no_learning_component": False, "centre_is_provider": True}, False),
        ("TUR-4", {"no_learning_component": False, "centre_is_provider": True}, True),
        ("TUR-4", {"no_learning_component": True}, True),
        ("TUR-4", {"no_learning_component": False, "centre_is_provider": False}, False),
        ("CAP-8", {}, True),
        ("ILS-6", {}, True),
        ("TRI-4", {}, False),
    ],
)
def test_where_x_is_allowed(item: str, facts: Facts, allowed: bool) -> None:
    assessment = ours(every() | {item: "X"}, {**KNOWN, **facts})
    assert codes(assessment) == ([] if allowed else [("x_not_allowed", item)])


def test_turin_without_a_learning_component_needs_no_share() -> None:
    values = every(TUR_2="X", TUR_3="X", TUR_4="X", TUR_5="X", TUR_6="X")
    assessment = ours(values, {**KNOWN, "no_learning_component": True})
    assert assessment.problems == ()
    assert assessment.verdicts["TUR"] == "MET"


@pytest.mark.parametrize(("value", "problems"), [("1", 1), ("2", 0), ("3", 0)])
def test_comments_are_mandatory_for_low_ratings(value: str, problems: int) -> None:
    given = said(every()) | {"TRI-4": RatingGiven("TRI-4", value, "  ")}
    found = assess(OURS, SEVEN, given, KNOWN)
    assert codes(found) == [("comment_missing", "TRI-4")] * problems
    assert found.recommendation is not None
    assert assess(OURS, SEVEN, given, KNOWN, check_comments=False).problems == ()


def test_a_comment_is_mandatory_for_x() -> None:
    given = said(every()) | {"CAP-8": RatingGiven("CAP-8", "X")}
    assert codes(assess(OURS, SEVEN, given, KNOWN)) == [("comment_missing", "CAP-8")]


def test_a_carried_over_rating_waits_to_be_confirmed() -> None:
    given = said(every()) | {"TRI-4": RatingGiven("TRI-4", "2", proposed=True)}
    found = assess(OURS, SEVEN, given, KNOWN)
    assert codes(found) == [("item_unconfirmed", "TRI-4")]
    assert found.verdicts["TRI"] is None
    assert found.recommendation is None


def _own_set(name: str) -> tuple[ChecklistSet, tuple[Criterion, ...]]:
    library, chosen = read_set(SETS / name, names())
    return chosen, library.criteria(chosen.key)


@given(
    st.sampled_from([(OURS, EIGHT), *(_own_set(name) for name in ("weighted", "lowest"))]),
    st.lists(st.sampled_from(["1", "2", "3", "X", "0"]), min_size=70, max_size=70),
    st.lists(st.booleans(), min_size=70, max_size=70),
)
def test_nothing_follows_from_what_is_only_proposed(
    known: tuple[ChecklistSet, tuple[Criterion, ...]], values: list[str], proposed: list[bool]
) -> None:
    chosen, criteria = known
    items = [item.id for criterion in criteria for item in criterion.checklist.items]
    carried = {
        item: RatingGiven(item, value, "Because.", proposed=waits)
        for item, value, waits in zip(items, values, proposed, strict=False)
    }
    confirmed = {item: given for item, given in carried.items() if not given.proposed}
    found, without = assess(chosen, criteria, carried, KNOWN), assess(chosen, criteria, confirmed, KNOWN)
    assert replace(found, problems=(), by_criterion={}) == replace(without, problems=(), by_criterion={})
    # Nobody is told to look again at what is not a rating yet, only to confirm it.
    as_unrated = [(code.replace("item_unconfirmed", "item_unrated"), item) for code, item in codes(found)]
    assert as_unrated == codes(without)
    for code in ("READY_WITH_CONDITIONS", found.recommendation):
        if code in {entry.code for entry in chosen.recommendations}:
            assert conditions_of(chosen, criteria, carried, code) == conditions_of(
                chosen, criteria, confirmed, code
            )


def test_items_that_no_checklist_has() -> None:
    found = unknown_items(EIGHT, ["TRI-4", "TRI-44", "EVA-1a"])
    assert [problem.facts["item"] for problem in found] == ["TRI-44"]


# What no rating may ever bring about.


@given(ratings, st.sampled_from(ITEMS))
def test_raising_a_rating_never_worsens_anything(values: dict[str, str], item: str) -> None:
    raised = values | {item: str(min(3, int(values[item]) + 1))}
    before, after = ours(values), ours(raised)
    order = [verdict.code for verdict in OURS.verdicts]
    for code in before.verdicts:
        assert order.index(str(after.verdicts[code])) <= order.index(str(before.verdicts[code]))
    ladder = [entry.code for entry in OURS.ladder]
    assert ladder.index(str(after.recommendation)) <= ladder.index(str(before.recommendation))


@given(ratings)
def test_a_three_never_offsets_a_one(values: dict[str, str]) -> None:
    plain = {item: "2" if value == "3" else value for item, value in values.items()}
    assert ours(values).verdicts == ours(plain).verdicts
    assert ours(values).recommendation == ours(plain).recommendation


@given(ratings, st.sampled_from(FREE))
def test_x_never_lifts_a_verdict_where_the_item_does_not_allow_it(values: dict[str, str], item: str) -> None:
    """An X in place of a 1 would; so it is a problem, and leaves the criterion without a verdict."""
    assessment = ours(values | {item: "X"})
    if item not in ("CAP-8", "ILS-6"):
        assert ("x_not_allowed", item) in codes(assessment)
        assert assessment.recommendation is None


@given(ratings, st.permutations(SEVEN))
def test_the_order_of_criteria_makes_no_difference(values: dict[str, str], order: list[Criterion]) -> None:
    other = assess(OURS, order, said(values), KNOWN)
    assert other.verdicts == ours(values).verdicts
    assert other.recommendation == ours(values).recommendation
    assert other.score == ours(values).score


@given(ratings)
def test_the_rule_said_in_another_way(values: dict[str, str]) -> None:
    """Counted by hand, without the product's own rule."""
    verdicts = []
    for criterion in SEVEN:
        lows = [item for item in criterion.checklist.items if values[item.id] == "1"]
        failed = len(lows) >= 3 or any(item.id in GATING for item in lows)
        verdicts.append("no" if failed else "partly" if lows else "yes")
    partly = verdicts.count("partly")
    expected = "READY" if partly == 0 else "READY_WITH_CONDITIONS" if partly <= 2 else "REVISE"
    assert ours(values).recommendation == ("REVISE" if "no" in verdicts else expected)
