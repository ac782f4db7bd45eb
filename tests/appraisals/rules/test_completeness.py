"""Completeness: what a running appraisal lacks before its lead may close it."""

from dataclasses import replace
from datetime import date

import pytest

from appraisal.appraisals.rules.assessment import computed_recommendation
from appraisal.definitions.library import Library
from appraisal.proposals.facts import Case, Consultation, RatingGiven
from appraisal.proposals.rules.attempt import Inputs
from appraisal.proposals.rules.rulebook import Rulebook
from appraisal.vocabulary import bounds
from tests.builders import DAY, LEAD, NOW, book_of, rated, under_appraisal, with_appraisal
from tests.workflow.rules.attempts import CHANGES, conditions, fire, refused


@pytest.fixture(scope="module")
def book(library: Library) -> Rulebook:
    return book_of(library)


# Finishing an appraisal.


def test_an_open_item_stops_both_ways_of_finishing(book: Rulebook) -> None:
    case = under_appraisal(book)
    assert case.appraisal is not None
    ratings = {item: given for item, given in case.appraisal.ratings.items() if item != "CAP-6"}
    unrated = with_appraisal(case, ratings=ratings)
    assert refused(book, unrated, LEAD, "finalise") == ["appraisal_incomplete"]
    assert refused(book, unrated, LEAD, "request_revision", CHANGES) == ["appraisal_incomplete"]


def test_the_recommendation_says_which_way(book: Rulebook) -> None:
    good, bad = under_appraisal(book), under_appraisal(book, TRI_1="1")
    assert refused(book, good, LEAD, "request_revision", CHANGES) == ["recommendation_not_revision"]
    assert refused(book, bad, LEAD, "finalise") == ["recommendation_not_decidable"]


def test_bureaux_are_asked_and_have_answered_or_let_their_date_pass(book: Rulebook) -> None:
    case = under_appraisal(book)
    assert refused(book, with_appraisal(case, consultations=()), LEAD, "finalise") == ["bureaux_not_asked"]
    asked = [Consultation(n, unit, NOW - 9 * DAY, NOW.date()) for n, unit in enumerate(book.set.awaits)]
    assert refused(book, with_appraisal(case, consultations=tuple(asked)), LEAD, "finalise") == [
        "consultations_open"
    ]
    overdue = [replace(entry, due_on=NOW.date() - DAY) for entry in asked]
    assert (
        fire(book, with_appraisal(case, consultations=tuple(overdue)), LEAD, "finalise")
        == "awaiting_decision"
    )


def test_a_unit_that_nothing_waits_for_may_be_silent(book: Rulebook) -> None:
    case = under_appraisal(book)
    assert case.appraisal is not None
    silent = Consultation(99, "NORMES", NOW - DAY, NOW.date() + 5 * DAY)
    asked = with_appraisal(case, consultations=(*case.appraisal.consultations, silent))
    assert fire(book, asked, LEAD, "finalise") == "awaiting_decision"


def test_every_condition_has_owner_date_and_gate(book: Rulebook) -> None:
    case = under_appraisal(book, TRI_4="1", CAP_6="1")
    one = with_appraisal(case, conditions=conditions({"item": "TRI-4"}))
    assert refused(book, one, LEAD, "finalise") == ["conditions_incomplete"]
    both = with_appraisal(case, conditions=conditions({"item": "TRI-4"}, {"item": "CAP-6"}))
    assert fire(book, both, LEAD, "finalise") == "awaiting_decision"
    for lacking in ({"owner": ""}, {"due_on": None}, {"gate": None}, {"text": ""}):
        entries = conditions({"item": "TRI-4"}, {"item": "CAP-6", **lacking})
        assert refused(book, with_appraisal(case, conditions=entries), LEAD, "finalise") == [
            "conditions_incomplete"
        ]


def test_a_condition_is_due_today_or_within_years(book: Rulebook) -> None:
    case = under_appraisal(book, TRI_4="1")

    def due(day: date, **changes: object) -> Case:
        entries = conditions({"item": "TRI-4", "due_on": day, **changes})
        return with_appraisal(case, conditions=entries)

    assert refused(book, due(NOW.date() - DAY), LEAD, "finalise") == ["conditions_due_past"]
    assert fire(book, due(NOW.date()), LEAD, "finalise") == "awaiting_decision"
    last = bounds.last_due(NOW.date())
    assert refused(book, due(last + DAY), LEAD, "finalise") == ["conditions_due_late"]
    assert fire(book, due(last), LEAD, "finalise") == "awaiting_decision"
    # One that was met before the appraisal was recalled is past and done.
    assert fire(book, due(NOW.date() - DAY, cleared_at=NOW), LEAD, "finalise") == "awaiting_decision"
    # What goes with another recommendation binds nobody.
    never = with_appraisal(
        under_appraisal(book, TRI_1="1"),
        chosen="NOT_RECOMMENDED",
        reason="Beyond repair.",
        conditions=conditions({"due_on": NOW.date() - DAY}),
    )
    assert refused(book, never, LEAD, "finalise") == ["conditions_not_kept"]
    confirmed = Inputs(withdrawn=frozenset({1}))
    assert fire(book, never, LEAD, "finalise", confirmed) == "awaiting_decision"


@pytest.mark.parametrize(
    ("single", "chosen", "reason", "code"),
    [
        ({}, "READY_WITH_CONDITIONS", "", "reason_missing"),
        ({}, "READY_WITH_CONDITIONS", "Thin.", "hand_written_missing"),
        ({}, "NOT_RECOMMENDED", "Never.", "recommendation_not_open"),
        ({}, "SPLENDID", "Yes.", "recommendation_unknown"),
        ({"TRI_1": "1"}, "READY", "Why not.", "recommendation_raised"),
        ({"TRI_1": "1"}, "READY_WITH_CONDITIONS", "Why not.", "recommendation_raised"),
        ({"TRI_1": "1"}, "NOT_RECOMMENDED", " ", "reason_missing"),
    ],
)
def test_the_lead_may_lower_but_never_raise(
    book: Rulebook, single: dict[str, str], chosen: str, reason: str, code: str
) -> None:
    case = with_appraisal(under_appraisal(book, None, **single), chosen=chosen, reason=reason)
    assert code in refused(book, case, LEAD, "finalise")


def test_lowering_as_it_should_be(book: Rulebook) -> None:
    by_hand = conditions({"by_hand": True})
    lowered = {"chosen": "READY_WITH_CONDITIONS", "reason": "Thin."}
    case = with_appraisal(under_appraisal(book), **lowered, conditions=by_hand)
    assert fire(book, case, LEAD, "finalise") == "awaiting_decision"
    revised = with_appraisal(under_appraisal(book), chosen="REVISE", reason="Too thin.")
    assert fire(book, revised, LEAD, "request_revision", CHANGES) == "revision_requested"
    never = with_appraisal(
        under_appraisal(book, TRI_1="1"), chosen="NOT_RECOMMENDED", reason="Beyond repair."
    )
    assert fire(book, never, LEAD, "finalise") == "awaiting_decision"


# The evaluability review.


def large(book: Rulebook) -> Case:
    return under_appraisal(book, {"budget": "5000000.01"})


def pending(book: Rulebook, **single: str) -> Case:
    """Return a large proposal whose evaluability review is not there yet."""
    return with_appraisal(large(book), ratings=rated(book, "2", None, **single))


def test_the_evaluability_review_is_part_of_a_finished_appraisal(book: Rulebook) -> None:
    assert fire(book, large(book), LEAD, "finalise") == "awaiting_decision"
    assert refused(book, pending(book), LEAD, "finalise") == ["evaluability_incomplete"]


def test_a_revision_may_be_asked_for_before_the_evaluability_review(book: Rulebook) -> None:
    case = pending(book, TRI_1="1")
    assert fire(book, case, LEAD, "request_revision", CHANGES) == "revision_requested"
    assert case.appraisal is not None
    assert computed_recommendation(book, case, case.appraisal) == "REVISE"


def test_but_not_where_nothing_calls_for_one(book: Rulebook) -> None:
    """What the seven criteria give stands in for the whole until the review is there."""
    assert refused(book, pending(book), LEAD, "request_revision", CHANGES) == ["recommendation_not_revision"]
    raised = with_appraisal(pending(book, TRI_1="1"), chosen="READY", reason="Why not.")
    assert "recommendation_raised" in refused(book, raised, LEAD, "request_revision", CHANGES)


def test_exactly_five_million_asks_for_none(book: Rulebook) -> None:
    case = under_appraisal(book, {"budget": "5000000.00"})
    assert fire(book, with_appraisal(case, ratings=rated(book)), LEAD, "finalise") == "awaiting_decision"


def test_proposed_ratings_wait_to_be_confirmed(book: Rulebook) -> None:
    case = under_appraisal(book)
    assert case.appraisal is not None
    carried = {**case.appraisal.ratings, "TRI-4": RatingGiven("TRI-4", "2", proposed=True)}
    assert refused(book, with_appraisal(case, ratings=carried), LEAD, "finalise") == ["appraisal_incomplete"]
