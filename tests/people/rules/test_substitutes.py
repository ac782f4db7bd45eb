"""Substitutes: whose place somebody may take, on which days, and who counts as one with whom."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from appraisal.appraisals.rules import permissions
from appraisal.definitions.library import Library
from appraisal.people.facts import Person, Scope, StandIn
from appraisal.people.rules import substitutes
from appraisal.proposals.facts import Case
from appraisal.proposals.rules import access, acting_for
from appraisal.proposals.rules.acting_for import places
from appraisal.proposals.rules.attempt import Inputs
from appraisal.proposals.rules.rulebook import Rulebook
from appraisal.vocabulary.roles import Relation
from appraisal.workflow.rules import machine
from tests.builders import (
    AUTHOR,
    COORDINATOR,
    LEAD,
    MANAGER,
    NOW,
    OTHER_APPRAISER,
    SECOND_MANAGER,
    approved,
    awaiting_decision,
    book_of,
    submitted,
    under_appraisal,
)
from tests.workflow.rules.attempts import CHANGES, NOTE, conditions, fire, override, refused

FIRST, LAST = date(2012, 2, 27), date(2012, 3, 9)
THIRD_MANAGER = Person(8, "Hal", frozenset({"manager"}))


@pytest.fixture(scope="module")
def book(library: Library) -> Rulebook:
    return book_of(library)


def standing_in(substitute: Person, *people: Person, scope: Scope = "appraisals") -> Person:
    """Return somebody who stands in for others in the weeks around now."""
    found = tuple(StandIn(person.id, person.name, scope, FIRST, LAST) for person in people)
    return replace(substitute, stands_in=(*substitute.stands_in, *found))


def knowing(case: Case, *people: Person) -> Case:
    """Return the case in which people stand as they do now."""
    return replace(case, people={**case.people, **{person.id: person for person in people}})


def related(case: Case, relation: Relation, person: Person) -> Case:
    """Return the case with a person in a relation."""
    people = case.related(relation) | {person.id}
    return knowing(replace(case, relations={**case.relations, relation: people}), person)


DEPUTY = standing_in(OTHER_APPRAISER, LEAD)


@pytest.mark.parametrize(
    ("moment", "there"),
    [
        # Days are those of Geneva: an hour ahead of UTC in winter.
        (datetime(2012, 2, 26, 22, 59, tzinfo=UTC), False),
        (datetime(2012, 2, 26, 23, 0, tzinfo=UTC), True),
        (datetime(2012, 3, 9, 22, 59, tzinfo=UTC), True),
        (datetime(2012, 3, 9, 23, 0, tzinfo=UTC), False),
    ],
)
def test_a_substitution_holds_from_its_first_day_to_its_last(moment: datetime, there: bool) -> None:
    assert (LEAD.id in substitutes.stands_in_for(DEPUTY, "appraisals", moment)) == there
    assert bool(substitutes.on_duty(DEPUTY, moment).covers) == there


@pytest.mark.parametrize("changes", [{"active": False}, {"roles": frozenset({"manager", "coordinator"})}])
def test_a_substitute_has_to_be_what_the_task_takes(changes: dict[str, Any]) -> None:
    assert not substitutes.in_force(replace(DEPUTY, **changes), NOW)


def test_one_scope_gives_nothing_of_the_other() -> None:
    both = replace(DEPUTY, roles=frozenset({"appraiser", "manager"}))
    assert substitutes.stands_in_for(both, "appraisals", NOW) == {LEAD.id}
    assert substitutes.stands_in_for(both, "decisions", NOW) == frozenset()


LEADS: list[tuple[str, Callable[[Rulebook], Case], Inputs]] = [
    ("finalise", under_appraisal, Inputs()),
    ("request_revision", lambda book: under_appraisal(book, TRI_1="1"), CHANGES),
    ("recall", awaiting_decision, NOTE),
]


@pytest.mark.parametrize(("name", "make", "given"), LEADS)
def test_the_leads_steps_are_open_to_whoever_stands_in(
    book: Rulebook, name: str, make: Callable[[Rulebook], Case], given: Inputs
) -> None:
    case = make(book)
    fire(book, case, DEPUTY, name, given)
    # The lead may act as well: nobody takes the place of somebody who is there.
    fire(book, case, LEAD, name, given)
    assert refused(book, case, OTHER_APPRAISER, name, given) == ["not_lead"]
    assert "not_lead" in refused(book, case, replace(DEPUTY, active=False), name, given)


@pytest.mark.parametrize(
    "days", [(date(2012, 2, 1), date(2012, 2, 29)), (date(2012, 3, 2), date(2012, 3, 9))]
)
def test_before_its_first_day_and_after_its_last_a_substitute_is_nobody(
    book: Rulebook, days: tuple[date, date]
) -> None:
    entry = StandIn(LEAD.id, LEAD.name, "appraisals", *days)
    away = replace(OTHER_APPRAISER, stands_in=(entry,))
    assert refused(book, under_appraisal(book), away, "finalise") == ["not_lead"]
    assert not access.may_rate(under_appraisal(book), away, NOW)


def test_standing_in_for_somebody_opens_nothing_but_that(book: Rulebook) -> None:
    """Not what the person replaced may do otherwise: as a coordinator, an author or a manager."""
    mighty = replace(LEAD, roles=frozenset({"appraiser", "coordinator", "manager", "designer"}))
    case = knowing(related(under_appraisal(book), "author", MANAGER), mighty)
    for step in ("reassign", "return_incomplete", "hold"):
        assert "role_missing" in refused(book, case, DEPUTY, step)
    assert "not_author" in refused(book, case, standing_in(OTHER_APPRAISER, MANAGER), "withdraw", NOTE)
    ready = awaiting_decision(book)
    deciding = standing_in(OTHER_APPRAISER, MANAGER, scope="decisions")
    assert "role_missing" in refused(book, ready, deciding, "approve")


def test_the_substitute_of_somebody_elses_lead_rates_nothing(book: Rulebook) -> None:
    other = standing_in(OTHER_APPRAISER, COORDINATOR)
    assert refused(book, under_appraisal(book), other, "finalise") == ["not_lead"]
    assert not access.may_rate(under_appraisal(book), other, NOW)


# Counted together.


def test_an_author_does_not_stand_in_for_the_lead(book: Rulebook) -> None:
    case = under_appraisal(book)
    writing = related(case, "author", DEPUTY)
    assert refused(book, writing, DEPUTY, "finalise") == ["excluded_author"]
    assert not access.may_rate(writing, DEPUTY, NOW)
    assert not access.sees_running_ratings(writing, substitutes.on_duty(DEPUTY, NOW))


def test_whoever_stands_in_for_an_author_too_is_bound_like_the_author(book: Rulebook) -> None:
    writer = replace(AUTHOR, roles=frozenset({"designer", "appraiser"}))
    both = standing_in(DEPUTY, writer)
    case = knowing(under_appraisal(book), writer)
    assert refused(book, case, both, "finalise") == ["excluded_stand_in"]
    assert not access.may_rate(case, both, NOW)
    assert not access.sees_running_ratings(case, substitutes.on_duty(both, NOW))


def test_a_lead_who_is_replaced_by_an_author_is_bound_while_that_lasts(book: Rulebook) -> None:
    writer = standing_in(replace(AUTHOR, roles=frozenset({"designer", "appraiser"})), LEAD)
    case = knowing(under_appraisal(book), writer)
    assert refused(book, case, LEAD, "finalise") == ["excluded_replaced"]
    assert not access.may_rate(case, LEAD, NOW)
    # Somebody who lost the role replaces nobody.
    assert fire(book, knowing(case, replace(writer, roles=frozenset({"designer"}))), LEAD, "finalise")


def test_a_decision_is_closed_to_whoever_stands_in_for_an_author_or_a_lead(book: Rulebook) -> None:
    boss = replace(MANAGER, roles=frozenset({"manager", "appraiser", "designer"}))
    relations: tuple[Relation, ...] = ("author", "lead")
    for relation in relations:
        case = related(awaiting_decision(book), relation, boss)
        deciding = standing_in(SECOND_MANAGER, boss, scope="decisions")
        assert refused(book, case, deciding, "approve") == ["excluded_stand_in"]
        replacing = knowing(case, standing_in(boss, SECOND_MANAGER, scope="decisions"))
        assert refused(book, replacing, SECOND_MANAGER, "approve") == ["excluded_replaced"]
        # In the other scope they do not count as one: nothing is decided for anybody.
        reading = standing_in(replace(SECOND_MANAGER, roles=boss.roles), boss)
        assert fire(book, case, reading, "approve") == "approved"


def test_both_signatures_are_never_given_by_two_who_count_as_one(book: Rulebook) -> None:
    case = awaiting_decision(book, "REVISE")
    deputy = standing_in(SECOND_MANAGER, MANAGER, scope="decisions")
    knows = knowing(case, deputy, THIRD_MANAGER)
    for signed, barred in (
        # The manager signed; then the deputy may not countersign, in whosever place.
        ({"by": MANAGER}, {deputy.id: "excluded_stand_in", MANAGER.id: "excluded_signatory"}),
        # The deputy signed in the own name.
        ({"by": deputy}, {deputy.id: "excluded_signatory", MANAGER.id: "excluded_replaced"}),
        # The deputy signed for the manager.
        (
            {"by": deputy, "behalf": MANAGER.id},
            {deputy.id: "excluded_signatory", MANAGER.id: "excluded_signatory"},
        ),
    ):
        waiting = override(knows, **signed)
        for person in (deputy, MANAGER):
            assert refused(book, waiting, person, "countersign") == [barred[person.id]]
        assert fire(book, waiting, THIRD_MANAGER, "countersign") == "approved"


def test_a_signature_given_for_somebody_binds_both_after_the_days_are_over(book: Rulebook) -> None:
    waiting = override(awaiting_decision(book, "REVISE"), SECOND_MANAGER, behalf=MANAGER.id)
    assert refused(book, waiting, MANAGER, "countersign") == ["excluded_signatory"]
    annulling = override(approved(book), SECOND_MANAGER, kind="propose_annulment", behalf=MANAGER.id)
    assert refused(book, annulling, MANAGER, "annul") == ["excluded_signatory"]


def test_a_condition_is_not_waived_for_its_lead(book: Rulebook) -> None:
    boss = replace(LEAD, roles=frozenset({"appraiser", "manager"}))
    case = awaiting_decision(book, conditions=conditions({}))
    assert case.finalised is not None
    (condition,) = case.finalised.conditions
    deputy = standing_in(MANAGER, boss, scope="decisions")
    judged = permissions.waiving_refusals(case, condition, deputy, NOW)
    assert [refusal.code for refusal in judged] == ["excluded_stand_in"]
    assert permissions.waiving_refusals(case, condition, MANAGER, NOW) == []


def test_the_reason_names_the_person_and_what_binds(book: Rulebook) -> None:
    boss = replace(LEAD, roles=frozenset({"appraiser", "manager"}))
    case = knowing(awaiting_decision(book), boss)
    found = machine.probe(book, case, standing_in(MANAGER, boss, scope="decisions"), NOW, "approve")
    assert found is not None
    assert [refusal.say("en") for refusal in found.refusals] == [
        "You stand in for Cleo, who has led its appraisal, so somebody else has to do this."
    ]


# In whose place.


def test_for_whom_a_step_is_taken(book: Rulebook) -> None:
    finalise, approve = book.workflow.transition("finalise"), book.workflow.transition("approve")
    running, ready = under_appraisal(book), awaiting_decision(book)
    deputy = standing_in(SECOND_MANAGER, MANAGER, scope="decisions")
    assert acting_for.behalf(running, DEPUTY, finalise, None, NOW) == LEAD.id
    assert acting_for.behalf(running, LEAD, finalise, None, NOW) is None
    assert acting_for.behalf(ready, deputy, approve, None, NOW) is None
    assert acting_for.behalf(ready, deputy, approve, MANAGER.id, NOW) == MANAGER.id
    assert places(ready, deputy, approve, NOW) == {MANAGER.id}
    assert places(ready, deputy, finalise, NOW) == frozenset()


@pytest.mark.parametrize("behalf", [MANAGER.id, LEAD.id, SECOND_MANAGER.id, 999, 0])
def test_nobody_acts_for_somebody_without_standing_in(book: Rulebook, behalf: int) -> None:
    case, given = awaiting_decision(book), Inputs(behalf=behalf)
    assert refused(book, case, SECOND_MANAGER, "approve", given) == ["behalf_not_in_force"]


def test_a_place_is_that_of_the_scope_alone(book: Rulebook) -> None:
    """Nor can a coordinator or an author act for anybody, nor the lead's substitute for somebody else."""
    mighty = replace(DEPUTY, roles=frozenset({"appraiser", "manager", "coordinator", "designer"}))
    for name, case, given in (
        ("approve", awaiting_decision(book), Inputs(behalf=LEAD.id)),
        ("assign", submitted(), Inputs(behalf=LEAD.id, lead=OTHER_APPRAISER)),
        ("finalise", under_appraisal(book), Inputs(behalf=MANAGER.id)),
    ):
        assert refused(book, case, mighty, name, given) == ["behalf_not_in_force"]
    assert fire(book, under_appraisal(book), DEPUTY, "finalise", Inputs(behalf=LEAD.id))


def test_nobody_is_made_lead_who_counts_as_one_with_an_author(book: Rulebook) -> None:
    writer = replace(AUTHOR, roles=frozenset({"designer", "appraiser"}))
    standing = standing_in(OTHER_APPRAISER, writer)
    assert refused(book, submitted(), COORDINATOR, "assign", Inputs(lead=standing)) == [
        "lead_counts_as_author"
    ]
    replaced = knowing(submitted(), standing_in(writer, OTHER_APPRAISER))
    assert refused(book, replaced, COORDINATOR, "assign", Inputs(lead=OTHER_APPRAISER)) == [
        "lead_counts_as_author"
    ]


# Reading.


def test_whoever_stands_in_for_the_lead_reads_what_there_is_to_appraise(book: Rulebook) -> None:
    on_duty = substitutes.on_duty(DEPUTY, NOW)
    for case in (under_appraisal(book), awaiting_decision(book)):
        assert access.level(case, on_duty) == "full"
        assert access.sees_running_ratings(case, on_duty)
        assert access.level(case, DEPUTY) == "nothing"
    assert access.level(submitted(), on_duty) == "nothing"
    # A former lead's substitute has nothing to do here.
    former = related(under_appraisal(book), "lead", MANAGER)
    assert access.level(former, substitutes.on_duty(standing_in(OTHER_APPRAISER, MANAGER), NOW)) == "nothing"
    deciding = standing_in(replace(OTHER_APPRAISER, roles=frozenset({"appraiser"})), LEAD, scope="decisions")
    assert access.level(under_appraisal(book), substitutes.on_duty(deciding, NOW)) == "nothing"
