"""Decisions: what opens and closes them, and what follows an approval or a long silence."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from appraisal.definitions.library import Library
from appraisal.people.facts import SYSTEM_ACTOR
from appraisal.proposals.facts import Case, Decision, Hold
from appraisal.proposals.rules.rulebook import Rulebook
from appraisal.workflow.rules import machine
from tests.builders import (
    AUTHOR,
    COORDINATOR,
    DAY,
    HOUR,
    LEAD,
    MANAGER,
    NOW,
    SECOND_MANAGER,
    approved,
    awaiting_decision,
    book_of,
    draft,
    revision_requested,
    submitted,
    under_appraisal,
    with_appraisal,
)
from tests.workflow.rules.attempts import HELD, NOTE, conditions, fire, override, refused, rounds


@pytest.fixture(scope="module")
def book(library: Library) -> Rulebook:
    return book_of(library)


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({"superseded_at": NOW - HOUR}, ["appraisal_missing"]),
        ({"version_id": 10}, ["appraisal_missing"]),
        ({"finalised_at": None}, ["appraisal_missing"]),
        ({"finalised_at": NOW}, ["appraisal_not_earlier"]),
        ({"final": "NOT_RECOMMENDED"}, ["recommendation_unfavourable"]),
        ({"final": "REVISE"}, ["recommendation_unfavourable"]),
        ({"conditions": conditions({"waived_at": NOW - HOUR})}, ["condition_waived"]),
    ],
)
def test_what_stops_an_approval(book: Rulebook, changes: dict[str, Any], codes: list[str]) -> None:
    case = with_appraisal(awaiting_decision(book), **changes)
    assert refused(book, case, MANAGER, "approve") == codes


def test_an_approval_above_five_million_needs_the_review(book: Rulebook) -> None:
    given = {"budget": "5000000.01"}
    bare = awaiting_decision(book, given=given, covers_evaluability=False)
    assert refused(book, bare, MANAGER, "approve") == ["evaluability_missing"]
    assert fire(book, awaiting_decision(book, given=given), MANAGER, "approve") == "approved"


def test_an_override_is_open_only_where_the_approval_is_closed(book: Rulebook) -> None:
    assert refused(book, awaiting_decision(book), MANAGER, "propose_override", NOTE) == ["approval_open"]
    waived = with_appraisal(awaiting_decision(book), conditions=conditions({"waived_at": NOW - HOUR}))
    assert fire(book, waived, MANAGER, "propose_override", NOTE) == "awaiting_decision"


def test_a_waiting_signature(book: Rulebook) -> None:
    case = override(awaiting_decision(book, "REVISE"))
    assert refused(book, case, SECOND_MANAGER, "propose_override", NOTE) == ["signature_waiting"]
    assert refused(book, case, LEAD, "recall", NOTE) == ["signature_waiting"]


@pytest.mark.parametrize("changes", [{"voided_at": NOW}, {"appraisal_id": 20}, {"kind": "propose_annulment"}])
def test_a_countersignature_needs_a_first_one_on_the_same_appraisal(
    book: Rulebook, changes: dict[str, Any]
) -> None:
    case = override(awaiting_decision(book, "REVISE"), **changes)
    assert refused(book, case, SECOND_MANAGER, "countersign") == ["override_not_waiting"]


def test_rejecting_a_revision_takes_three_rounds(book: Rulebook) -> None:
    case = revision_requested(book, steps=rounds(2))
    assert refused(book, case, MANAGER, "reject", NOTE) == ["rounds_remain"]
    assert refused(book, case, MANAGER, "continue_rounds", NOTE) == ["rounds_remain"]
    again = revision_requested(book, steps=rounds(3, "continue_rounds"))
    assert refused(book, again, MANAGER, "continue_rounds", NOTE) == ["further_round_allowed"]


def test_escalating_once_and_only_after_a_revision_was_recommended(book: Rulebook) -> None:
    returned = replace(awaiting_decision(book), state="revision_requested")
    assert refused(book, returned, AUTHOR, "escalate", NOTE) == ["not_recommended_revision"]
    asked = Decision(51, "escalate", NOW - DAY, AUTHOR.id, version_id=11)
    again = revision_requested(book, decisions=(asked,))
    assert refused(book, again, AUTHOR, "escalate", NOTE) == ["escalated_before"]
    earlier = revision_requested(book, decisions=(replace(asked, version_id=10),))
    assert fire(book, earlier, AUTHOR, "escalate", NOTE) == "awaiting_decision"


# After the approval, and time.


def test_what_was_approved_outside_is_not_sent_from_here(book: Rulebook) -> None:
    case = approved(book, "register_approval")
    assert refused(book, case, COORDINATOR, "send_to_donor") == ["approved_outside"]


@pytest.mark.parametrize(
    ("state", "name", "gate", "codes"),
    [
        ("approved", "send_to_donor", "before_donor", ["conditions_open"]),
        ("approved", "send_to_donor", "before_start", []),
        ("funded", "start", "before_start", ["conditions_open"]),
        ("funded", "start", "before_donor", ["conditions_open"]),
    ],
)
def test_conditions_close_their_gate(
    book: Rulebook, state: str, name: str, gate: str, codes: list[str]
) -> None:
    case = replace(approved(book, final="READY_WITH_CONDITIONS"), state=state)
    waiting = with_appraisal(case, conditions=conditions({"gate": gate}))
    cleared = with_appraisal(case, conditions=conditions({"gate": gate, "cleared_at": NOW}))
    if codes:
        assert refused(book, waiting, COORDINATOR, name) == codes
    else:
        assert fire(book, waiting, COORDINATOR, name)
    assert fire(book, cleared, COORDINATOR, name)


def test_an_override_above_five_million_waits_for_the_review_before_the_donor(book: Rulebook) -> None:
    case = with_appraisal(
        replace(approved(book, "countersign", "REVISE"), content={}), covers_evaluability=False
    )
    assert case.version is not None
    big = replace(case, versions=(replace(case.version, threshold_usd=Decimal("5000000.01")),))
    assert refused(book, big, COORDINATOR, "send_to_donor") == ["evaluability_missing"]


def test_an_override_above_five_million_needs_the_review_before_its_first_signature(book: Rulebook) -> None:
    """Approved without it, a proposal could go nowhere but to its annulment."""
    given = with_appraisal(awaiting_decision(book, "REVISE"), covers_evaluability=False)
    assert given.version is not None
    big = replace(given, versions=(replace(given.version, threshold_usd=Decimal("5000000.01")),))
    assert refused(book, big, MANAGER, "propose_override", NOTE) == ["evaluability_missing"]
    assert refused(book, override(big), SECOND_MANAGER, "countersign") == ["evaluability_missing"]
    reviewed = with_appraisal(big, covers_evaluability=True)
    assert fire(book, reviewed, MANAGER, "propose_override", NOTE) == "awaiting_decision"
    assert fire(book, override(reviewed), SECOND_MANAGER, "countersign") == "approved"
    # What stands in its way is the way back to the appraisal, not the end of the proposal.
    assert fire(book, big, MANAGER, "reject", NOTE) == "rejected"


def test_reopening_twice_at_most(book: Rulebook) -> None:
    once = submitted(state="lapsed", previous_state="incomplete", steps=rounds(0, "reopen"))
    assert fire(book, once, COORDINATOR, "reopen") == "incomplete"
    twice = replace(once, steps=rounds(0, "reopen", "reopen"))
    assert refused(book, twice, COORDINATOR, "reopen") == ["reopenings_spent"]


def test_silence_ends_a_proposal_after_ninety_days(book: Rulebook) -> None:
    def silent(days: int) -> Case:
        return submitted(state="incomplete", state_since=NOW - days * DAY)

    assert refused(book, silent(90), SYSTEM_ACTOR, "lapse") == ["not_silent_long_enough"]
    assert fire(book, silent(91), SYSTEM_ACTOR, "lapse") == "lapsed"
    held = replace(silent(91), holds=HELD)
    assert "on_hold" in refused(book, held, SYSTEM_ACTOR, "lapse")


def test_a_hold_ends_after_its_last_day(book: Rulebook) -> None:
    case = submitted(holds=(Hold(NOW - DAY, NOW.date(), "Wait.", 2),))
    assert refused(book, case, SYSTEM_ACTOR, "end_hold") == ["hold_not_expired"]
    assert refused(book, submitted(), COORDINATOR, "release") == ["not_held"]


def test_on_hold_only_withdrawing_releasing_and_registering_are_open(book: Rulebook) -> None:
    """An approval outside is a fact, which no hold here undoes."""
    actors = (AUTHOR, COORDINATOR, LEAD, MANAGER, SYSTEM_ACTOR)
    for case in (
        draft(),
        submitted(),
        under_appraisal(book),
        awaiting_decision(book),
        revision_requested(book),
    ):
        held = replace(case, holds=HELD)
        open_steps = {
            entry.transition.name
            for actor in actors
            for entry in machine.allowed(book, held, actor, NOW)
            if entry.is_open
        }
        assert open_steps == {"withdraw", "release", "register_approval"}
