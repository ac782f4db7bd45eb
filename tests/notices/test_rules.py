"""What people are told: who is among the audiences of a step, in which words, with which page."""

from dataclasses import replace

import pytest

from appraisal.definitions.library import Library
from appraisal.definitions.workflows import AUDIENCES, Audience
from appraisal.language.texts import LANGUAGES, Language
from appraisal.notices import rules as notices_rules
from appraisal.notices.rules import KINDS
from appraisal.people.facts import Person
from appraisal.proposals.facts import Case, Review
from tests.builders import (
    AUTHOR,
    COORDINATOR,
    DAY,
    EVERYONE,
    LEAD,
    MANAGER,
    NOW,
    OTHER_APPRAISER,
    OTHER_DESIGNER,
    SECOND_MANAGER,
    awaiting_decision,
    book_of,
    draft,
    submitted,
)

LABEL = {"en": "Finalise", "fr": "Clore", "es": "Cerrar"}
STATE = {"en": "Awaiting decision", "fr": "En attente", "es": "Pendiente"}
# Every fact that some sentence asks for.
FACTS = {"condition": 3, "count": 2, "consultation": 7, "first": "2012-03-05", "last": "2012-03-09"}


def _told(case: Case, *audiences: Audience) -> set[str]:
    return {person.name for person in EVERYONE if notices_rules.is_told(case, audiences, person)}


def test_each_audience_is_who_it_says(library: Library) -> None:
    case = awaiting_decision(book_of(library))
    assert _told(case, "authors") == {AUTHOR.name}
    assert _told(case, "lead") == {LEAD.name}
    assert _told(case, "coordinators") == {COORDINATOR.name}
    assert _told(case, "managers") == {MANAGER.name, SECOND_MANAGER.name}
    assert _told(case, "authors", "managers") == {AUTHOR.name, MANAGER.name, SECOND_MANAGER.name}
    assert _told(case, "signatories") == set()
    signed = replace(case, relations={**case.relations, "signatory": frozenset({MANAGER.id})})
    assert _told(signed, "signatories") == {MANAGER.name}


def test_whom_a_relation_keeps_from_acting_is_not_told_by_role(library: Library) -> None:
    case = awaiting_decision(book_of(library))
    led = replace(case, relations={**case.relations, "lead": frozenset({LEAD.id, MANAGER.id})})
    assert _told(led, "managers") == {SECOND_MANAGER.name}
    wrote = replace(case, relations={**case.relations, "author": frozenset({AUTHOR.id, COORDINATOR.id})})
    assert _told(wrote, "coordinators") == set()
    assert _told(wrote, "authors") == {AUTHOR.name, COORDINATOR.name}


def test_reviewers_are_those_who_review_the_last_appraisal(library: Library) -> None:
    case = awaiting_decision(book_of(library))
    asked = Review(1, OTHER_APPRAISER.id, "EVAL", ("GEN",), NOW, (NOW + DAY).date())
    related = {**case.relations, "reviewer": frozenset({OTHER_APPRAISER.id})}

    def with_review(review: Review) -> Case:
        (last,) = case.appraisals
        return replace(case, appraisals=(replace(last, reviews=(review,)),), relations=related)

    # Until the declaration the proposal is not theirs to read, steps included.
    assert _told(with_review(asked), "reviewers") == set()
    declared = replace(asked, declaration="nothing")
    assert _told(with_review(declared), "reviewers") == {OTHER_APPRAISER.name}
    assert _told(with_review(replace(declared, signed_at=NOW)), "reviewers") == {OTHER_APPRAISER.name}
    assert _told(with_review(replace(declared, declined_at=NOW)), "reviewers") == set()
    assert _told(with_review(replace(asked, withdrawn_at=NOW)), "reviewers") == set()


def test_nobody_is_told_of_what_they_may_not_read() -> None:
    assert _told(draft(), *AUDIENCES) == {AUTHOR.name}
    assert OTHER_DESIGNER.name not in _told(submitted(), *AUDIENCES)
    closed = replace(COORDINATOR, active=False)
    assert not notices_rules.is_told(submitted(), ("coordinators",), closed)
    administrator = Person(9, "Adm", frozenset({"administrator"}))
    assert not notices_rules.is_told(submitted(), AUDIENCES, administrator)


def test_a_step_is_told_by_number_label_state_and_date() -> None:
    facts = {"step": LABEL, "state": STATE, "due_on": "2012-03-08"}
    assert notices_rules.headline("en", "TC-2012-0001", "finalise", facts) == "TC-2012-0001: Finalise"
    # Word order and signs between them are the catalogue's.
    assert "Clore" in notices_rules.headline("fr", "TC-2012-0001", "finalise", facts)
    assert notices_rules.details("en", "finalise", facts) == [
        "This step was taken. The proposal now stands at “Awaiting decision”.",
        "Due on 8 March 2012",
    ]
    assert notices_rules.details("en", "finalise", {"step": LABEL, "due_on": None}) == []
    assert notices_rules.page("TC-2012-0001", "finalise", facts) == "/proposals/TC-2012-0001"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("what", KINDS)
def test_every_notice_has_a_sentence_and_a_page(what: str, language: Language) -> None:
    said = notices_rules.headline(language, "TC-2012-0001", what, FACTS)
    assert "%" not in said
    assert ("TC-2012-0001" in said) == ("number" in KINDS[what].needs)
    assert notices_rules.page("TC-2012-0001", what, FACTS).startswith("/")


def test_facts_stand_in_the_sentences() -> None:
    assert notices_rules.headline("en", "N", "condition_overdue", FACTS) == "N: condition 3 is overdue"
    assert (
        notices_rules.headline("en", "", "substitute_named", FACTS)
        == "You stand in for somebody from 5 March 2012 to 9 March 2012"
    )
    assert "5 mars 2012" in notices_rules.headline("fr", "", "substitute_named", FACTS)
    assert notices_rules.page("N", "consultation_asked", FACTS) == "/proposals/N/consultations/7"
    assert notices_rules.page("N", "consultation_asked", {}) == "/proposals/N"
    assert notices_rules.page("", "substitute_named", FACTS) == "/"


def test_a_notice_of_another_version_of_the_product_still_names_the_proposal() -> None:
    assert notices_rules.headline("en", "TC-2012-0001", "danced", {}) == "TC-2012-0001"
    assert notices_rules.headline("en", "TC-2012-0001", "condition_overdue", {}) == "TC-2012-0001"
    assert notices_rules.page("TC-2012-0001", "danced", {}) == "/proposals/TC-2012-0001"


def test_a_moment_is_told_by_its_day() -> None:
    assert notices_rules.details("en", "overdue", {"due_on": "2012-03-08T09:00:00.000000Z"}) == [
        "Due on 8 March 2012"
    ]


def test_what_is_about_an_account_names_nobody_and_leads_to_a_page_without_a_number() -> None:
    urgent = {what for what, kind in KINDS.items() if kind.is_urgent}
    assert urgent == {
        *(
            "invitation_link",
            "reset_link",
            "password_set",
            "password_changed",
            "roles_changed",
            "roles_asked",
        ),
        *("link_asked", "unit_changed", "account_closed", "account_opened", "emergency"),
        *("emergency_elsewhere", "confirmation_asked"),
        # Of the installation's key, which says nothing of anybody.
        *("key_expires", "key_expired"),
    }
    for what in urgent - {"invitation_link", "reset_link", "key_expires", "key_expired"}:
        assert KINDS[what].needs == frozenset()
        assert notices_rules.page("", what, {}) == KINDS[what].page
    assert notices_rules.page("", "reset_link", {"link": 3, "token": "abc"}) == "/password-reset/abc"
    # Before there is a token, the page is the first one of the site.
    assert notices_rules.page("", "reset_link", {"link": 3}) == "/"
    assert notices_rules.details("en", "roles_changed", {}) == [
        "If you know nothing of this, tell an administrator and your manager at once."
    ]
