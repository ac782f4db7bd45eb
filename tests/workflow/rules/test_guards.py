"""Guards and inputs: why a step is not open, one reason at a time and all of them together."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from appraisal.definitions.library import Library
from appraisal.people.facts import Person
from appraisal.proposals.facts import RequiredChange
from appraisal.proposals.rules.attempt import Agreement, ApprovalGiven, ChangeAsked, Inputs
from appraisal.proposals.rules.rulebook import Rulebook
from appraisal.workflow.rules import machine
from tests.builders import (
    AUTHOR,
    COORDINATOR,
    LEAD,
    MANAGER,
    NOW,
    OTHER_DESIGNER,
    approved,
    attached,
    awaiting_decision,
    book_of,
    draft,
    submitted,
    under_appraisal,
)
from tests.workflow.rules.attempts import HELD, Make, fire, refused, rounds


@pytest.fixture(scope="module")
def book(library: Library) -> Rulebook:
    return book_of(library)


# Submitting.


def test_all_reasons_come_together(book: Rulebook) -> None:
    empty = draft(content={}, documents=(), holds=HELD)
    assert refused(book, empty, AUTHOR, "submit") == ["documents_missing", "fields_missing", "on_hold"]


def test_whoever_a_step_is_not_for_learns_that_alone(book: Rulebook) -> None:
    empty = draft(content={}, documents=(), holds=HELD)
    assert refused(book, empty, OTHER_DESIGNER, "submit") == ["not_author"]


@pytest.mark.parametrize(
    ("given", "changes", "codes"),
    [
        ({"kind": "umbrella"}, {}, ["umbrella"]),
        ({"content": {"gender": {"analysis": ""}}}, {}, ["fields_missing"]),
        ({"budget": {"amount": "5", "currency": "CHF"}}, {}, ["rate_missing"]),
        ({}, {"documents": attached("outline")}, ["documents_missing"]),
        ({}, {"holds": HELD}, ["on_hold"]),
        ({}, {"umbrella_known": False}, ["umbrella_unknown"]),
        ({}, {"changes": (RequiredChange(1, 1, 1, "", "Do it."),)}, ["changes_unanswered"]),
        ({}, {"changes": (RequiredChange(1, 1, 1, "", "Do it.", "done", " "),)}, ["changes_unanswered"]),
        ({}, {"state": "revision_requested", "steps": rounds(3)}, ["rounds_spent"]),
        (
            {},
            {"state": "revision_requested", "steps": rounds(3, "continue_rounds", "return")},
            ["rounds_spent"],
        ),
    ],
)
def test_what_stops_a_submission(
    book: Rulebook, given: dict[str, Any], changes: dict[str, Any], codes: list[str]
) -> None:
    assert refused(book, draft(given, **changes), AUTHOR, "submit") == codes


@pytest.mark.parametrize(
    ("given", "changes"),
    [
        # Fast: fewer documents. What the form holds need not be attached.
        ({"budget": "500000"}, {"documents": attached("outline", "consultation")}),
        ({}, {"changes": (RequiredChange(1, 1, 1, "", "Do it.", "not_done", "No money."),)}),
        ({}, {"steps": rounds(2)}),
        ({}, {"steps": rounds(3, "continue_rounds")}),
    ],
)
def test_what_does_not_stop_a_submission(
    book: Rulebook, given: dict[str, Any], changes: dict[str, Any]
) -> None:
    assert fire(book, draft(given, **changes), AUTHOR, "submit") == "submitted"


def test_a_small_part_of_a_big_umbrella_needs_all_documents(book: Rulebook) -> None:
    case = draft({"budget": "500000"}, documents=attached("outline", "consultation"))
    assert refused(book, replace(case, siblings_usd=Decimal(4600000)), AUTHOR, "submit") == [
        "documents_missing"
    ]


# Naming a lead, and what else is given along with a step.


@pytest.mark.parametrize(
    ("lead", "code"),
    [
        (None, "lead_missing"),
        (COORDINATOR, "lead_not_appraiser"),
        (replace(LEAD, active=False), "lead_not_appraiser"),
        (replace(AUTHOR, roles=frozenset({"designer", "appraiser"})), "lead_is_author"),
    ],
)
def test_who_may_not_be_named_lead(book: Rulebook, lead: Person | None, code: str) -> None:
    assert refused(book, submitted(), COORDINATOR, "assign", Inputs(lead=lead)) == [code]
    assert code in refused(
        book, under_appraisal(book), COORDINATOR, "reassign", Inputs(lead=lead, note="Ill.")
    )


def test_the_same_lead_again(book: Rulebook) -> None:
    case = under_appraisal(book)
    assert refused(book, case, COORDINATOR, "reassign", Inputs(lead=LEAD, note="?")) == ["lead_unchanged"]


@pytest.mark.parametrize(
    ("track", "codes"),
    [
        ("fast", ["track_not_tighter"]),
        ("nowhere", ["track_not_tighter"]),
        ("standard", []),
        ("reinforced", []),
    ],
)
def test_a_track_is_only_tightened(book: Rulebook, track: str, codes: list[str]) -> None:
    given = Inputs(lead=LEAD, track=track)
    if codes:
        assert refused(book, submitted(), COORDINATOR, "assign", given) == codes
    else:
        assert fire(book, submitted(), COORDINATOR, "assign", given) == "under_appraisal"


@pytest.mark.parametrize(
    ("name", "make", "given", "codes"),
    [
        ("return_incomplete", lambda book: submitted(), Inputs(missing=" "), ["missing_missing"]),
        ("hold", lambda book: submitted(), Inputs(), ["note_missing", "until_missing"]),
        ("hold", lambda book: submitted(), Inputs(note="Wait.", until=date(2012, 3, 1)), ["until_past"]),
        ("register_approval", lambda book: draft(), Inputs(), ["approval_missing"]),
        (
            "register_approval",
            lambda book: draft(),
            Inputs(approval=ApprovalGiven(" ", "Registry")),
            ["approval_missing"],
        ),
        (
            "register_approval",
            lambda book: draft(),
            Inputs(approval=ApprovalGiven("Minute", "Registry", NOW + timedelta(seconds=1))),
            ["approval_in_future"],
        ),
        (
            "register_approval",
            lambda book: draft(),
            Inputs(approval=ApprovalGiven("Minute", "Registry", datetime(1949, 12, 31, 22, 59, tzinfo=UTC))),
            ["day_early"],
        ),
        (
            "fund",
            lambda book: replace(approved(book), state="sent_to_donor"),
            Inputs(),
            ["agreement_missing"],
        ),
        (
            "fund",
            lambda book: replace(approved(book), state="sent_to_donor"),
            Inputs(agreement=Agreement(date(2012, 2, 1), " ")),
            ["agreement_missing"],
        ),
        (
            "fund",
            lambda book: replace(approved(book), state="sent_to_donor"),
            Inputs(agreement=Agreement(date(1949, 12, 31), "Letter")),
            ["day_early"],
        ),
    ],
)
def test_what_must_be_given(book: Rulebook, name: str, make: Make, given: Inputs, codes: list[str]) -> None:
    assert refused(book, make(book), COORDINATOR, name, given) == codes


def test_an_undated_approval_may_be_registered(book: Rulebook) -> None:
    given = Inputs(approval=ApprovalGiven("Minute", "Registry"))
    assert fire(book, draft(), COORDINATOR, "register_approval", given) == "approved"


def test_what_is_given_is_not_judged_before_the_step_is_taken(book: Rulebook) -> None:
    open_steps = {
        entry.transition.name
        for entry in machine.allowed(book, submitted(), COORDINATOR, NOW)
        if entry.is_open
    }
    assert open_steps == {"assign", "return_incomplete", "hold", "register_approval"}


@pytest.mark.parametrize("name", ["request_revision", "return"])
@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ((), ["changes_missing"]),
        ((ChangeAsked(" "),), ["changes_missing"]),
        ((ChangeAsked("Do it.", "TRI-99"),), ["change_item_unknown"]),
    ],
)
def test_required_changes(
    book: Rulebook, name: str, changes: tuple[ChangeAsked, ...], codes: list[str]
) -> None:
    low = under_appraisal(book, TRI_1="1")
    case, actor = (low, LEAD) if name == "request_revision" else (awaiting_decision(book), MANAGER)
    assert refused(book, case, actor, name, Inputs(changes=changes)) == codes
