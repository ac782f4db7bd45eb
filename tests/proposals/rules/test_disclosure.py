"""Disclosure: nobody is told more by a refusal, or by the history, than by the pages of an appraisal."""

import ast
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

import appraisal
from appraisal.definitions.library import Library
from appraisal.people.facts import Person
from appraisal.proposals.facts import Case, Review
from appraisal.proposals.rules import access, disclosure
from appraisal.proposals.rules.attempt import Inputs
from appraisal.proposals.rules.disclosure import Happened
from appraisal.proposals.rules.rulebook import Rulebook
from appraisal.vocabulary import refusals
from appraisal.vocabulary.refusals import BECAUSE, NotAllowed, Refusal, refuse
from appraisal.workflow.rules import machine
from tests.builders import (
    AUTHOR,
    COORDINATOR,
    DAY,
    HOUR,
    LEAD,
    MANAGER,
    NOW,
    OTHER_APPRAISER,
    OTHER_DESIGNER,
    awaiting_decision,
    book_of,
    under_appraisal,
    with_appraisal,
)
from tests.workflow.rules.attempts import HELD, refused

AUDITOR = Person(8, "Hal", frozenset({"auditor"}))
ADMINISTRATOR = Person(9, "Ida", frozenset({"administrator"}))
# Coordinates, and writes the proposal.
BOTH = replace(AUTHOR, roles=frozenset({"designer", "coordinator"}))
REVIEWER = Person(10, "Jo", frozenset({"appraiser"}), unit="NORMES")
SIGNED = Review(
    51, REVIEWER.id, "NORMES", ("TRI",), NOW - 9 * DAY, date(2012, 3, 20), "nothing", signed_at=NOW - DAY
)
OPEN = replace(SIGNED, id=52, person=OTHER_APPRAISER.id, signed_at=None)

# Who reads a running appraisal, and who does not.
READERS = {"lead": LEAD, "coordinator": COORDINATOR, "auditor": AUDITOR, "signed": REVIEWER}
OTHERS = {
    "author": AUTHOR,
    "author who coordinates": BOTH,
    "manager": MANAGER,
    "designer": OTHER_DESIGNER,
    "administrator": ADMINISTRATOR,
    "reviewer who owes": OTHER_APPRAISER,
}


@pytest.fixture(scope="module")
def book(library: Library) -> Rulebook:
    return book_of(library)


def _reviewed(case: Case) -> Case:
    """Return the case with one review that is signed and one that is owed."""
    people = {**case.people, REVIEWER.id: REVIEWER}
    relations = {**case.relations, "reviewer": frozenset({REVIEWER.id, OTHER_APPRAISER.id})}
    return with_appraisal(replace(case, people=people, relations=relations), reviews=(SIGNED, OPEN))


def _worlds(book: Rulebook) -> tuple[Case, Case]:
    """Return a running appraisal that nobody has rated, and one of which much speaks against finalising."""
    silent = _reviewed(with_appraisal(under_appraisal(book), ratings={}))
    told = _reviewed(under_appraisal(book, ALI_1="1", TRI_4="1"))
    waiting = tuple(
        replace(entry, answered_at=None, answered_by=None, text="", due_on=NOW.date() + 9 * DAY)
        for entry in told.appraisals[-1].consultations
    )
    return silent, with_appraisal(told, consultations=waiting)


# Every code is about one thing.


def test_every_code_stands_in_one_table_alone() -> None:
    tables = refusals._TABLES
    assert set(tables) == {"person", "proposal", "appraisal", "input"}
    assert sum(map(len, tables.values())) == len(refusals.SENTENCES)
    assert {refuse(code).about for code in refusals.SENTENCES} == set(tables)


def test_a_code_that_stands_in_no_table_cannot_be_made() -> None:
    with pytest.raises(KeyError):
        refuse("rumour")


@pytest.mark.parametrize(
    ("code", "about"),
    [
        ("not_lead", "person"),
        ("excluded_author", "person"),
        ("review_owed", "person"),
        ("on_hold", "proposal"),
        ("conditions_open", "proposal"),
        ("recommendation_not_decidable", "appraisal"),
        ("appraisal_incomplete", "appraisal"),
        ("consultations_open", "appraisal"),
        ("bureaux_not_asked", "appraisal"),
        ("reviews_open", "appraisal"),
        ("lead_conflicted", "appraisal"),
        ("author_is_lead", "appraisal"),
        ("note_missing", "input"),
    ],
)
def test_a_code_says_what_it_is_about(code: str, about: str) -> None:
    assert refuse(code).about == about


# Every refusal goes through one door.

ROOT = Path(appraisal.__file__).parent
# Substitutions, accounts, rates, other approvals and edited definitions are no part of any proposal; a step
# that is refused says what the machine has sorted out.
SORTED_OUT = {
    ("accounts/services/substitutes.py", "refusals"),
    ("accounts/services/substitutes.py", "not_theirs"),
} | {
    (
        "workflow/services/outside_approvals.py",
        "[refuse('approval_same', number=entry.number) for entry in same]",
    ),
    ("workflow/services/outside_approvals.py", "[refusal]"),
    ("accounts/services/confirmations.py", "refusals"),
    ("workflow/services/decisions.py", "[refuse('approval_same', number=number) for number in same]"),
    ("workflow/services/decisions.py", "[refuse('registered_elsewhere', number=number) for number in same]"),
    ("indicators/services/appraised_share.py", "[rulebook.edited(library, key)]"),
    ("proposals/services/exchange_rates.py", "[refusal]"),
    ("proposals/rules/rulebook.py", "book.refusals"),
    ("workflow/pages/steps.py", "possibility.refusals"),
    ("proposals/rules/disclosure.py", "refusals_for(case, reader, refusals)"),
}


def _raised(path: Path) -> Iterator[ast.expr]:
    """Yield what every ``NotAllowed`` in a module is made of."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "NotAllowed":
            yield node.args[0]


def _codes(made: ast.expr) -> list[str] | None:
    """Return the codes of a list of refusals that is written out; None for anything else."""
    if not isinstance(made, ast.List):
        return None
    found = []
    for entry in made.elts:
        if not (isinstance(entry, ast.Call) and getattr(entry.func, "id", "") == "refuse"):
            return None
        code = entry.args[0]
        choices = (code.body, code.orelse) if isinstance(code, ast.IfExp) else (code,)
        for choice in choices:
            if not isinstance(choice, ast.Constant):
                return None
            found.append(str(choice.value))
    return found


def test_no_refusal_that_tells_of_an_appraisal_goes_past_the_door() -> None:
    modules = sorted(ROOT.rglob("*.py"))
    past, sorted_out, seen = [], set(), 0
    for path in modules:
        place = path.relative_to(ROOT).as_posix()
        for made in _raised(path):
            seen += 1
            codes = _codes(made)
            if codes is None:
                sorted_out.add((place, ast.unparse(made)))
            else:
                past += [f"{place}: {code}" for code in codes if refuse(code).about == "appraisal"]
    assert seen > 40
    assert sorted_out == SORTED_OUT
    assert not past, "raise disclosure.not_allowed(case, actor, ...) instead: " + "; ".join(past)


# Why a step is closed.


@pytest.mark.parametrize("who", OTHERS)
@pytest.mark.parametrize("hold", [False, True])
def test_whoever_does_not_read_a_running_appraisal_is_told_the_same_whatever_it_says(
    book: Rulebook, who: str, hold: bool
) -> None:
    silent, told = (replace(case, holds=HELD if hold else ()) for case in _worlds(book))
    before, after = (machine.allowed(book, case, OTHERS[who], NOW) for case in (silent, told))
    assert after == before
    assert len(after) > 5
    assert not [reason for entry in after for reason in entry.refusals if reason.about == "appraisal"]


@pytest.mark.parametrize("who", OTHERS)
def test_a_step_that_is_taken_all_the_same_tells_no_more(book: Rulebook, who: str) -> None:
    silent, told = _worlds(book)
    for step in ("finalise", "request_revision"):
        assert refused(book, told, OTHERS[who], step) == refused(book, silent, OTHERS[who], step)


@pytest.mark.parametrize(
    ("who", "codes"),
    [
        ("author", ["excluded_author", "not_lead"]),
        ("author who coordinates", ["excluded_author", "not_lead"]),
        ("manager", ["not_lead"]),
        ("reviewer who owes", ["review_owed"]),
    ],
)
def test_whoever_is_not_the_lead_is_told_that_alone(book: Rulebook, who: str, codes: list[str]) -> None:
    assert refused(book, _worlds(book)[1], OTHERS[who], "finalise") == codes


def test_the_lead_is_told_every_reason(book: Rulebook) -> None:
    told = _worlds(book)[1]
    assert refused(book, replace(told, holds=HELD), LEAD, "finalise") == [
        "consultations_open",
        "on_hold",
        "recommendation_not_decidable",
        "reviews_open",
    ]


def test_whoever_reads_the_appraisal_but_is_not_the_person_learns_that_alone(book: Rulebook) -> None:
    told = _worlds(book)[1]
    assert refused(book, told, COORDINATOR, "finalise") == ["not_lead"]
    assert refused(book, told, REVIEWER, "finalise") == ["not_lead"]


def test_a_manager_reads_what_a_finalised_appraisal_recommends(book: Rulebook) -> None:
    case = awaiting_decision(book, "REVISE")
    assert refused(book, case, MANAGER, "approve") == ["recommendation_unfavourable"]


def test_an_administrator_is_not_told_who_declared_a_conflict(book: Rulebook) -> None:
    declared = replace(SIGNED, person=OTHER_APPRAISER.id, declaration="declared", signed_at=None)
    case = with_appraisal(under_appraisal(book), reviews=(declared,))
    given = Inputs(lead=OTHER_APPRAISER, note="Ill.")
    assert refused(book, case, ADMINISTRATOR, "reassign", given) == ["reason_withheld"]
    assert refused(book, case, COORDINATOR, "reassign", given) == ["lead_conflicted"]


def _told(case: Case, reader: Person, *given: Refusal) -> list[tuple[str, str]]:
    return [(entry.code, entry.say("en")) for entry in disclosure.refusals_for(case, reader, given)]


@pytest.mark.parametrize(
    "reason",
    [
        refuse("conflict_of_other", name="Gia"),
        refuse("block_finaliser_other", name="Gia"),
        refuse("excluded_stand_in", name="Gia", because=BECAUSE["reviewer"]),
        refuse("excluded_replaced", name="Gia", because=BECAUSE["reviewer"]),
    ],
    ids=lambda reason: reason.code,
)
def test_a_reason_names_a_reviewer_only_to_those_who_may_know(book: Rulebook, reason: Refusal) -> None:
    running, final = _worlds(book)[1], _reviewed(awaiting_decision(book))
    plain = [("somebody_else", "Somebody else has to do this.")]
    assert _told(running, MANAGER, reason, reason) == plain
    assert _told(running, AUTHOR, reason) == plain
    assert _told(running, LEAD, reason) == [(reason.code, reason.say("en"))]
    assert _told(final, MANAGER, reason) == [(reason.code, reason.say("en"))]


def test_a_reason_that_names_an_author_is_told_as_it_is(book: Rulebook) -> None:
    reason = refuse("excluded_stand_in", name="Ada", because=BECAUSE["author"])
    assert _told(_worlds(book)[1], MANAGER, reason) == [(reason.code, reason.say("en"))]


def test_what_is_open_stays_open(book: Rulebook) -> None:
    assert disclosure.refusals_for(_worlds(book)[1], MANAGER, []) == []


def test_the_error_carries_what_is_told(book: Rulebook) -> None:
    error = disclosure.not_allowed(_worlds(book)[1], MANAGER, [refuse("reviews_open", names=["Gia"])])
    assert isinstance(error, NotAllowed)
    assert error.codes == ("reason_withheld",)
    assert "Gia" not in str(error)


# What happened.


def _event(name: str, at: timedelta, act: str = "", note: str = "") -> Happened:
    """Return an event so long before now."""
    return Happened(0, name, act, "", "", NOW - at, 1, "Somebody", note, "d" * 64, "")


# The appraisal was opened ten days ago.
EVENTS = [
    replace(entry, sequence=place)
    for place, entry in enumerate(
        (
            _event("create", 30 * DAY),
            _event("add_author", 29 * DAY),
            _event("submit", 20 * DAY, "submit"),
            _event("assign", 10 * DAY, "assign"),
            _event("ask_review", 9 * DAY),
            _event("declare_review", 8 * DAY),
            _event("decline_review", 8 * DAY),
            _event("withdraw_review", 8 * DAY),
            _event("sign_review", 7 * DAY),
            _event("answer_consultation", 7 * DAY),
            _event("note_silence", 6 * DAY),
            _event("hold", 5 * DAY, "hold", "The donor waits."),
        ),
        1,
    )
]
STEPS = ["create", "add_author", "submit", "assign", "hold"]


@pytest.mark.parametrize("who", ["author", "author who coordinates", "manager", "reviewer who owes"])
def test_before_finalising_the_history_tells_that_it_is_appraised_and_no_more(
    book: Rulebook, who: str
) -> None:
    case = _worlds(book)[1]
    found = disclosure.history_for(case, OTHERS[who], EVENTS)
    assert [entry.name for entry in found] == STEPS
    assert [entry.sequence for entry in found] == [1, 2, 3, 4, 5]
    assert {entry.digest for entry in found} == {""}
    assert found[-1].note == ("" if who == "reviewer who owes" else "The donor waits.")
    assert not disclosure.reads_whole_history(case, OTHERS[who])


@pytest.mark.parametrize("who", READERS)
def test_whoever_reads_a_running_appraisal_reads_the_whole_history(book: Rulebook, who: str) -> None:
    assert disclosure.history_for(_worlds(book)[1], READERS[who], EVENTS) == EVENTS


@pytest.mark.parametrize("who", ["author", "author who coordinates", "manager"])
def test_from_finalising_on_everybody_who_reads_the_proposal_reads_the_whole_history(
    book: Rulebook, who: str
) -> None:
    assert disclosure.history_for(awaiting_decision(book), OTHERS[who], EVENTS) == EVENTS


def test_each_round_is_told_of_once_it_is_finalised(book: Rulebook) -> None:
    final = awaiting_decision(book)
    again = replace(final.appraisals[-1], id=22, number=2, opened_at=NOW - HOUR, finalised_at=None)
    case = replace(final, state="under_appraisal", appraisals=(*final.appraisals, again))
    later = replace(_event("sign_review", HOUR / 2), sequence=13)
    found = disclosure.history_for(case, AUTHOR, [*EVENTS, later])
    assert [entry.name for entry in found] == [entry.name for entry in EVENTS]
    assert {entry.digest for entry in found} == {""}
    assert disclosure.history_for(case, COORDINATOR, [*EVENTS, later])[-1] == later


def test_an_appraisal_that_was_closed_without_a_result_is_never_told_of(book: Rulebook) -> None:
    closed = replace(with_appraisal(_worlds(book)[1], closed_at=NOW), state="incomplete")
    assert [entry.name for entry in disclosure.history_for(closed, AUTHOR, EVENTS)] == STEPS


# What pages are given.


@pytest.mark.parametrize("who", ["author", "author who coordinates", "manager"])
def test_pages_are_given_nothing_of_what_is_said_before_finalising(book: Rulebook, who: str) -> None:
    silent, told = (access.as_seen(case, OTHERS[who]).appraisals for case in _worlds(book))
    assert told == silent
    assert (told[-1].ratings, told[-1].consultations, told[-1].reviews) == ({}, (), ())


def test_an_appraiser_of_a_unit_sees_that_it_was_asked_and_not_what_it_said(book: Rulebook) -> None:
    chief = replace(MANAGER, roles=frozenset({"manager", "appraiser"}), unit="ACTRAV")
    (asked,) = access.as_seen(_reviewed(under_appraisal(book)), chief).appraisals[-1].consultations
    assert (asked.unit, asked.text, asked.answered_at) == ("ACTRAV", "", NOW - 8 * DAY)


@pytest.mark.parametrize("who", READERS)
def test_whoever_reads_a_running_appraisal_is_given_all_of_it(book: Rulebook, who: str) -> None:
    told = _worlds(book)[1]
    assert access.as_seen(told, READERS[who]) == told


def test_everybody_who_reads_the_proposal_is_given_a_finalised_appraisal(book: Rulebook) -> None:
    final = _reviewed(awaiting_decision(book))
    assert access.as_seen(final, AUTHOR) == access.as_seen(final, MANAGER) == final


@pytest.mark.parametrize("who", [*READERS, *OTHERS])
def test_what_somebody_is_given_says_the_same_of_what_they_may_read(book: Rulebook, who: str) -> None:
    person = (READERS | OTHERS)[who]
    for case in (*_worlds(book), _reviewed(awaiting_decision(book))):
        seen = access.as_seen(case, person)
        assert access.as_seen(seen, person) == seen
        for rule in (
            access.level,
            access.is_blind,
            access.sees_running_ratings,
            access.sees_appraisal,
            disclosure.reads_whole_history,
        ):
            assert rule(seen, person) == rule(case, person)
