"""Reviews: who may be asked, what signing needs, and where lead and reviewers differ."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from fractions import Fraction
from typing import Any

import pytest

from appraisal.appraisals.rules import reviews
from appraisal.appraisals.rules.agreement import Agreement, alpha
from appraisal.appraisals.rules.reviews import Row
from appraisal.definitions.library import Library
from appraisal.people.facts import Person
from appraisal.proposals.facts import Appraisal, Case, Hold, RatingGiven, Review
from appraisal.proposals.rules.rulebook import Rulebook
from appraisal.scenarios.complete_proposal import neutral_content
from appraisal.vocabulary import bounds
from appraisal.vocabulary.refusals import Refusal
from tests.builders import (
    AUTHOR,
    COORDINATOR,
    DAY,
    HOUR,
    LEAD,
    NOW,
    OTHER_APPRAISER,
    book_of,
    under_appraisal,
    with_appraisal,
)
from tests.workflow.rules.attempts import HELD, fire, refused

LARGE = {"budget": "6000000"}
EVALUATOR = Person(21, "Eva", frozenset({"appraiser"}), unit="EVAL")
OTHER_EVALUATOR = replace(EVALUATOR, id=22, name="Evan")
TOMORROW = date(2012, 3, 2)


@pytest.fixture(scope="module")
def book(library: Library) -> Rulebook:
    return book_of(library)


def reviewer(number: int) -> Person:
    return Person(100 + number, f"Reviewer {number}", frozenset({"appraiser"}), unit="NORMES")


def given(values: Mapping[str, str]) -> dict[str, RatingGiven]:
    """Return ratings by item; items are named like ``TRI_4``."""
    found = {item.replace("_", "-"): value for item, value in values.items()}
    return {item: RatingGiven(item, value, "Because.") for item, value in found.items()}


def review(number: int, *codes: str, **changes: Any) -> Review:
    """Return a review that was asked ten days ago and is open, with nothing to declare."""
    whole = Review(
        id=number,
        person=reviewer(number).id,
        unit="NORMES",
        checklists=codes or ("TRI",),
        asked_at=NOW - 10 * DAY,
        due_on=date(2012, 3, 9),
        declaration="nothing",
        declared_at=NOW - 9 * DAY,
    )
    return replace(whole, **changes)


def signed(number: int, *, late: bool = False, **values: str) -> Review:
    """Return a signed review of all checklists; the order of signing is that of the numbers."""
    at = NOW - 5 * DAY + number * HOUR
    return review(number, "ALI", "TRI", "EVA", signed_at=at, late=late, ratings=given(values))


def reviewed(book: Rulebook, *entries: Review, large: bool = False, **single: str) -> Case:
    """Return a running appraisal, rated 2 unless told otherwise, with reviews."""
    case = under_appraisal(book, LARGE if large else None, **single)
    people = {**case.people, **{entry.person: reviewer(entry.id) for entry in entries}}
    return replace(with_appraisal(case, reviews=entries), people=people)


def running(case: Case) -> Appraisal:
    assert case.appraisal is not None
    return case.appraisal


def rows(book: Rulebook, case: Case) -> list[Row]:
    return reviews.side_by_side(case, book, running(case))


def row(book: Rulebook, case: Case, item: str) -> Row:
    return next(entry for entry in rows(book, case) if entry.item == item)


def without(case: Case, item: str) -> Case:
    ratings = {name: kept for name, kept in running(case).ratings.items() if name != item}
    return with_appraisal(case, ratings=ratings)


def explained(case: Case, item: str, reason: str) -> Case:
    ratings = running(case).ratings
    return with_appraisal(case, ratings={**ratings, item: replace(ratings[item], reason=reason)})


def codes(found: list[Refusal]) -> list[str]:
    return [refusal.code for refusal in found]


# Side by side.


def test_disagreements_come_first_then_the_order_of_the_set(book: Rulebook) -> None:
    one = signed(1, TRI_1="2", TRI_2="1", TRI_3="2", ALI_2="3", TRI_4="3", ALI_4="3")
    two = signed(2, TRI_1="2", TRI_2="3", TRI_3="3", ALI_2="3", TRI_4="X", ALI_4="2")
    found = rows(book, reviewed(book, one, two))
    assert [(entry.item, entry.spread) for entry in found] == [
        ("TRI-4", 3),
        ("TRI-2", 2),
        ("ALI-4", 1),
        ("TRI-3", 1),
        ("ALI-2", 0),
        ("TRI-1", 0),
    ]
    assert [entry.code for entry in found] == ["TRI", "TRI", "ALI", "TRI", "ALI", "TRI"]


@pytest.mark.parametrize(
    ("values", "spread", "agreed"),
    [
        (("2",), 0, "2"),
        (("2", "2", "2"), 0, "2"),
        (("1", "2"), 1, ""),
        (("3", "1", "2"), 2, ""),
        (("X", "1"), 3, ""),
        (("X", "1", "3"), 3, ""),
        (("X", "X"), 0, "X"),
    ],
)
def test_the_spread_counts_steps_of_the_scale(
    book: Rulebook, values: tuple[str, ...], spread: int, agreed: str
) -> None:
    case = reviewed(book, *(signed(number, TRI_4=value) for number, value in enumerate(values, 1)))
    found = row(book, case, "TRI-4")
    assert (found.spread, found.agreed) == (spread, agreed)


def test_only_signed_reviews_that_stand_are_shown(book: Rulebook) -> None:
    case = reviewed(
        book,
        signed(3, TRI_1="3"),
        signed(1, TRI_1="1"),
        review(4, ratings=given({"TRI_1": "2", "TRI_2": "2"})),
        replace(signed(5, TRI_3="2"), withdrawn_at=NOW),
        signed(6, TRI_2=""),
    )
    found = rows(book, case)
    assert [entry.item for entry in found] == ["TRI-1"]
    assert [(entry.id, rating.value) for entry, rating in found[0].given] == [(1, "1"), (3, "3")]


def test_ratings_of_items_that_no_longer_apply_are_left_out(book: Rulebook) -> None:
    assert rows(book, reviewed(book, signed(1, EVA_2="2"))) == []
    assert [entry.item for entry in rows(book, reviewed(book, signed(1, EVA_2="2"), large=True))] == ["EVA-2"]


def test_the_lead_differs_from_whoever_signed_in_time(book: Rulebook) -> None:
    case = reviewed(
        book, signed(1, TRI_1="2"), signed(2, TRI_1="3"), signed(3, late=True, TRI_1="1"), TRI_1="2"
    )
    found = row(book, case, "TRI-1")
    assert [entry.id for entry in found.differs] == [2]
    assert len(found.given) == 3
    assert found.lacks_reason
    assert codes(reviews.unexplained(case, book, running(case))) == ["difference_unexplained"]


def test_a_reason_settles_a_difference_and_blanks_do_not(book: Rulebook) -> None:
    case = reviewed(book, signed(1, TRI_1="3"))
    assert row(book, explained(case, "TRI-1", " \n"), "TRI-1").lacks_reason
    settled = explained(case, "TRI-1", "The letter came after the review.")
    assert not row(book, settled, "TRI-1").lacks_reason
    assert row(book, settled, "TRI-1").differs
    assert reviews.unexplained(settled, book, running(settled)) == []


def test_a_late_review_obliges_nobody(book: Rulebook) -> None:
    case = reviewed(book, signed(1, late=True, TRI_1="1"))
    assert row(book, case, "TRI-1").differs == ()
    assert reviews.unexplained(case, book, running(case)) == []
    assert fire(book, case, LEAD, "finalise") == "awaiting_decision"


def test_an_open_item_differs_from_nobody_yet(book: Rulebook) -> None:
    case = without(reviewed(book, signed(1, TRI_1="1")), "TRI-1")
    found = row(book, case, "TRI-1")
    assert (found.final, found.differs, found.lacks_reason) == (None, (), False)


def test_unexplained_differences_hold_up_both_ways_of_finishing(book: Rulebook) -> None:
    case = reviewed(book, signed(1, TRI_1="3", TRI_2="2"))
    assert [refusal.facts["item"] for refusal in reviews.unexplained(case, book, running(case))] == ["TRI-1"]
    assert refused(book, case, LEAD, "finalise") == ["appraisal_incomplete"]
    assert fire(book, explained(case, "TRI-1", "So."), LEAD, "finalise") == "awaiting_decision"
    revised = reviewed(book, signed(1, TRI_1="2"), TRI_1="1")
    assert "appraisal_incomplete" in refused(book, revised, LEAD, "request_revision")


def test_without_reviews_there_is_nothing_to_reconcile(book: Rulebook) -> None:
    case = reviewed(book)
    assert rows(book, case) == []
    assert reviews.unexplained(case, book, running(case)) == []
    assert {found.reason for found in _agreements(book, case).values()} == {"no_pairs"}


def _agreements(book: Rulebook, case: Case) -> dict[str, Agreement]:
    return reviews.agreement_by_checklist(case, book, running(case))


def test_agreement_takes_items_as_units_and_leaves_out_what_is_not_relevant(book: Rulebook) -> None:
    one = signed(1, TRI_1="1", TRI_2="3", TRI_3="2", TRI_4="X", ALI_2="2")
    two = signed(2, late=True, TRI_1="1", TRI_2="2", TRI_4="2", ALI_2="2")
    found = _agreements(book, reviewed(book, one, two))
    assert found["TRI"] == alpha([[Fraction(1), Fraction(1)], [Fraction(3), Fraction(2)]])
    assert (found["TRI"].units, found["TRI"].pairs) == (2, 2)
    assert (found["ALI"].alpha, found["ALI"].reason, found["ALI"].pairs) == (None, "no_variation", 1)
    assert found["RBM"].reason == "no_pairs"
    assert "EVA" not in found


# Asking.


def ask(
    book: Rulebook,
    case: Case,
    person: Person = OTHER_APPRAISER,
    checklists: tuple[str, ...] = ("TRI",),
    due_on: date = TOMORROW,
    actor: Person = COORDINATOR,
) -> list[str]:
    return codes(reviews.asking_refusals(case, book, person, checklists, due_on, actor, NOW))


def test_an_appraiser_who_has_no_part_in_it_may_be_asked(book: Rulebook) -> None:
    assert ask(book, reviewed(book)) == []


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"actor": LEAD}, ["role_missing"]),
        ({"actor": replace(COORDINATOR, active=False)}, ["role_missing"]),
        ({"actor": replace(AUTHOR, roles=frozenset({"coordinator"}))}, ["excluded_author"]),
        ({"person": COORDINATOR}, ["reviewer_not_appraiser"]),
        ({"person": replace(OTHER_APPRAISER, active=False)}, ["reviewer_not_appraiser"]),
        ({"person": replace(AUTHOR, roles=frozenset({"appraiser"}))}, ["reviewer_is_author"]),
        ({"person": LEAD}, ["reviewer_is_lead"]),
        ({"checklists": ()}, ["checklists_missing"]),
        ({"checklists": ("TRI", "FOO")}, ["checklist_unknown"]),
        ({"checklists": ("EVA",)}, ["checklist_unknown"]),
        ({"due_on": NOW.date()}, ["due_past"]),
        ({"due_on": NOW.date() - DAY}, ["due_past"]),
        ({"due_on": bounds.last_due(NOW.date())}, []),
        ({"due_on": bounds.last_due(NOW.date()) + DAY}, ["due_late"]),
        ({"due_on": date.max}, ["due_late"]),
    ],
)
def test_whoever_may_not_be_asked_is_told_why(
    book: Rulebook, given: dict[str, Any], found: list[str]
) -> None:
    assert ask(book, reviewed(book), **given) == found


def test_all_reasons_are_given_at_once(book: Rulebook) -> None:
    case = replace(reviewed(book), holds=HELD)
    assert ask(book, case, AUTHOR, ("FOO",), NOW.date(), AUTHOR) == [
        "role_missing",
        "excluded_author",
        "on_hold",
        "reviewer_not_appraiser",
        "reviewer_is_author",
        "checklist_unknown",
        "due_past",
    ]


def test_nobody_is_asked_without_a_running_appraisal(book: Rulebook) -> None:
    closed = with_appraisal(reviewed(book), finalised_at=NOW)
    assert ask(book, closed, actor=AUTHOR) == ["role_missing", "excluded_author", "no_appraisal"]


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, ["reviewer_asked"]),
        ({"signed_at": NOW}, ["reviewer_asked"]),
        ({"declined_at": NOW}, ["reviewer_asked"]),
        ({"declaration": "declared"}, ["reviewer_conflicted"]),
        ({"withdrawn_at": NOW}, []),
        ({"withdrawn_at": NOW, "declaration": "declared"}, ["reviewer_conflicted"]),
    ],
)
def test_who_was_asked_before_is_barred(book: Rulebook, changes: dict[str, Any], found: list[str]) -> None:
    case = reviewed(book, review(1, **changes))
    assert codes(reviews.barred(case, running(case), reviewer(1))) == found


def test_a_conflict_in_an_earlier_round_bars_in_this_one(book: Rulebook) -> None:
    case = reviewed(book)
    earlier = replace(running(case), id=20, finalised_at=NOW - 2 * DAY)
    declared = replace(earlier, reviews=(review(1, declaration="declared"),))
    case = replace(case, appraisals=(declared, *case.appraisals))
    assert codes(reviews.barred(case, running(case), reviewer(1))) == ["reviewer_conflicted"]


# Blocks.


def test_a_block_is_reviewed_by_its_unit_and_by_one_person(book: Rulebook) -> None:
    case = reviewed(book, large=True)
    assert ask(book, case, EVALUATOR, ("EVA", "TRI")) == []
    assert ask(book, case, OTHER_APPRAISER, ("EVA",)) == ["block_unit"]
    taken = reviewed(book, review(1, "EVA", person=OTHER_EVALUATOR.id, unit="EVAL"), large=True)
    assert ask(book, taken, EVALUATOR, ("EVA",)) == ["block_taken"]
    assert ask(book, taken, EVALUATOR, ("TRI",)) == []
    assert ask(book, taken, OTHER_APPRAISER, ("EVA",)) == ["block_unit", "block_taken"]


@pytest.mark.parametrize("gone", ["declined_at", "withdrawn_at", "declaration"])
def test_a_block_is_free_again_once_its_reviewer_is_out(book: Rulebook, gone: str) -> None:
    changes: dict[str, Any] = {gone: "declared" if gone == "declaration" else NOW}
    out = review(1, "EVA", person=OTHER_EVALUATOR.id, unit="EVAL", **changes)
    assert ask(book, reviewed(book, out, large=True), EVALUATOR, ("EVA",)) == []


def test_blocks_are_what_the_set_says(book: Rulebook) -> None:
    case = reviewed(book, large=True)
    criteria = reviews.criteria_of(case, book, running(case))
    assert reviews.blocks(criteria) == {"EVA": "EVAL"}
    assert set(reviews.block_items(criteria).values()) == {"EVAL"}
    assert all(item.startswith("EVA-") for item in reviews.block_items(criteria))
    small = reviewed(book)
    assert reviews.blocks(reviews.criteria_of(small, book, running(small))) == {}


def test_whoever_finalised_a_block_is_named_once_it_is_signed_in_time_for_it(book: Rulebook) -> None:
    block = replace(signed(1, EVA_2="2"), person=EVALUATOR.id, unit="EVAL")
    case = reviewed(book, signed(2, EVA_2="3"), block, large=True)
    found = reviews.finaliser(running(case), "EVA", "EVAL")
    assert found is not None
    assert found.person == EVALUATOR.id
    waiting = reviewed(book, replace(block, signed_at=None), large=True)
    assert reviews.finaliser(running(waiting), "EVA", "EVAL") is None
    after = with_appraisal(case, finalised_at=NOW - 6 * DAY)
    assert reviews.finaliser(after.appraisals[-1], "EVA", "EVAL") is None


# Signing.


def problems(book: Rulebook, case: Case, entry: Review, comment: str = "") -> list[str]:
    return codes(reviews.signing_problems(case, book, running(case), entry, comment))


def _all_of(book: Rulebook, code: str, value: str = "2") -> dict[str, RatingGiven]:
    checklist = next(entry.checklist for entry in book.criteria if entry.checklist.code == code)
    return {item.id: RatingGiven(item.id, value) for item in checklist.items}


def test_every_item_that_was_asked_is_rated(book: Rulebook) -> None:
    case = reviewed(book)
    entry = review(1, "TRI")
    assert problems(book, case, entry) == ["item_unrated"] * 8
    done = replace(entry, ratings=_all_of(book, "TRI"))
    assert problems(book, case, done) == []
    assert problems(book, case, replace(done, checklists=("TRI", "ALI"))) == ["item_unrated"] * 8


def test_comments_and_confirmations_are_asked_for_as_of_the_lead(book: Rulebook) -> None:
    ratings = _all_of(book, "TRI")
    ratings["TRI-3"] = RatingGiven("TRI-3", "1")
    ratings["TRI-4"] = RatingGiven("TRI-4", "2", proposed=True)
    ratings["TRI-1"] = RatingGiven("TRI-1", "X", "Why.")
    found = problems(book, reviewed(book), review(1, "TRI", ratings=ratings))
    assert sorted(found) == ["comment_missing", "item_unconfirmed", "x_on_gating"]


def test_the_version_that_is_appraised_says_what_may_be_irrelevant(book: Rulebook) -> None:
    case = reviewed(book)
    assert case.version is not None
    ratings = {**_all_of(book, "ALI"), "ALI-8": RatingGiven("ALI-8", "X", "No private partner.")}
    entry = review(1, "ALI", ratings=ratings)
    earlier = replace(case.version, id=10, content=neutral_content({"private": True}))
    assert problems(book, replace(case, versions=(earlier, case.version)), entry) == []
    private = replace(case.version, content=earlier.content)
    assert problems(book, replace(case, versions=(private,)), entry) == ["x_not_allowed"]


def test_a_unit_that_was_asked_may_give_its_comment_alone(book: Rulebook) -> None:
    case = reviewed(book)
    unit = running(case).consultations[0].unit
    entry = review(1, "TRI", unit=unit)
    assert problems(book, case, entry) == ["text_missing"]
    assert problems(book, case, entry, "We agree.") == []
    assert problems(book, case, replace(entry, ratings=given({"TRI_1": "2"}))) == []
    low = {"TRI-1": RatingGiven("TRI-1", "1")}
    assert problems(book, case, replace(entry, ratings=low), "We agree.") == ["comment_missing"]


def test_a_block_is_rated_in_full_though_its_unit_was_asked(book: Rulebook) -> None:
    case = reviewed(book, large=True)
    asked = replace(running(case).consultations[0], id=9, unit="EVAL", answered_at=None)
    case = with_appraisal(case, consultations=(*running(case).consultations, asked))
    entry = review(1, "EVA", unit="EVAL")
    assert set(problems(book, case, entry, "Fine.")) == {"item_unrated"}
    assert problems(book, case, replace(entry, ratings=_all_of(book, "EVA"))) == []


# Units.


def test_an_appraiser_of_a_unit_that_waits_may_speak_for_it(book: Rulebook) -> None:
    case = reviewed(book)
    asked = replace(running(case).consultations[0], answered_at=None, answered_by=None)
    case = with_appraisal(case, consultations=(asked,))
    speaker = replace(OTHER_APPRAISER, unit=asked.unit)
    assert reviews.waiting_for_unit(case, speaker) == asked
    assert reviews.waiting_for_unit(case, replace(speaker, unit="NORMES")) is None
    assert reviews.waiting_for_unit(case, replace(speaker, roles=frozenset())) is None
    assert reviews.waiting_for_unit(case, replace(LEAD, unit=asked.unit)) is None
    author = replace(AUTHOR, roles=frozenset({"appraiser"}), unit=asked.unit)
    assert reviews.waiting_for_unit(case, author) is None
    taken = with_appraisal(case, reviews=(review(1, person=speaker.id),))
    assert reviews.waiting_for_unit(taken, speaker) is None
    conflicted = with_appraisal(case, reviews=(review(1, person=speaker.id, declaration="declared"),))
    assert reviews.waiting_for_unit(conflicted, speaker) is None


def test_a_unit_is_asked_about_the_checklists_that_name_it(book: Rulebook) -> None:
    for criterion in book.criteria:
        for unit in criterion.checklist.consult:
            assert criterion.checklist.code in reviews.unit_checklists(book.criteria, unit)
    assert reviews.unit_checklists(book.criteria, "NOBODY") == ()


# Waiting for reviews.


def test_a_review_is_waited_for_until_its_date_and_never_longer(book: Rulebook) -> None:
    case = reviewed(book, review(1, due_on=NOW.date()))
    assert refused(book, case, LEAD, "finalise") == ["reviews_open"]
    assert fire(book, reviewed(book, review(1, due_on=NOW.date() - DAY)), LEAD, "finalise")
    for out in ({"declined_at": NOW}, {"declaration": "declared"}, {"withdrawn_at": NOW}):
        assert fire(book, reviewed(book, review(1, due_on=NOW.date(), **out)), LEAD, "finalise")


def test_a_hold_moves_the_date_of_a_review(book: Rulebook) -> None:
    case = reviewed(book, review(1, due_on=NOW.date() - DAY))
    held = Hold(NOW - 8 * DAY, NOW.date(), "Elections.", COORDINATOR.id, released_at=NOW - 3 * DAY)
    assert refused(book, replace(case, holds=(held,)), LEAD, "finalise") == ["reviews_open"]
