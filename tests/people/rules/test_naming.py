"""Naming: who may be named a substitute, with every reason why not, circles and chains among them."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from appraisal.people.facts import Person, Scope
from appraisal.people.rules import naming as people_naming
from appraisal.people.rules.naming import Naming
from appraisal.people.rules.substitutes import Substitution

ANN, BOB, CAT, DAN = (
    Person(id, name, frozenset({"appraiser"})) for id, name in enumerate(("Ann", "Bob", "Cat", "Dan"), 1)
)
ADMIN = Person(9, "Ida", frozenset({"administrator"}))
TODAY = date(2012, 3, 1)


def march(day: int) -> date:
    return date(2012, 3, day)


def given(person: Person, substitute: Person, first: int = 5, last: int = 16) -> Substitution:
    """Return a substitution that stands already; by default for two weeks of March."""
    scope: Scope = "appraisals"
    return Substitution(
        1, person.id, person.name, substitute.id, substitute.name, scope, march(first), march(last)
    )


def codes(naming: Naming, *standing: Substitution) -> list[str]:
    return [refusal.code for refusal in people_naming.refusals(naming, TODAY, standing)]


NAMING = Naming(ANN, BOB, "appraisals", march(5), march(16))


def test_a_sound_one_is_open() -> None:
    assert codes(NAMING) == []
    assert codes(replace(NAMING, first=TODAY, last=TODAY)) == []


def test_somebody_who_fell_ill_last_week_can_still_be_replaced() -> None:
    assert codes(replace(NAMING, first=TODAY - timedelta(days=7))) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"person": replace(ANN, roles=frozenset({"manager"}))}, ["person_lacks_role"]),
        ({"person": replace(ANN, active=False)}, ["person_inactive"]),
        ({"substitute": replace(BOB, roles=frozenset({"manager"}))}, ["substitute_lacks_role"]),
        ({"substitute": replace(BOB, active=False)}, ["substitute_inactive"]),
        ({"substitute": ANN}, ["substitute_is_self"]),
        ({"scope": "decisions"}, ["person_lacks_role", "substitute_lacks_role"]),
        ({"last": march(4)}, ["substitution_ends_first"]),
        ({"first": date(2012, 2, 1), "last": date(2012, 2, 29)}, ["substitution_past"]),
        ({"first": TODAY, "last": date(2013, 3, 2)}, ["substitution_too_long"]),
        ({"first": TODAY, "last": date(2013, 3, 1)}, []),
        ({"first": date(9999, 1, 1), "last": date.max}, ["day_late"]),
        (
            {"substitute": replace(BOB, active=False, roles=frozenset()), "last": date(2012, 2, 1)},
            ["substitute_inactive", "substitute_lacks_role", "substitution_ends_first", "substitution_past"],
        ),
    ],
)
def test_every_reason_is_given(changes: dict[str, Any], expected: list[str]) -> None:
    assert codes(replace(NAMING, **changes)) == expected


@pytest.mark.parametrize(("first", "last"), [(1, 5), (16, 20), (7, 8), (1, 30)])
def test_one_substitute_at_a_time(first: int, last: int) -> None:
    assert codes(NAMING, given(ANN, CAT, first, last)) == ["substitution_overlaps"]


@pytest.mark.parametrize(("first", "last"), [(1, 4), (17, 30)])
def test_other_days_do_not_matter(first: int, last: int) -> None:
    for standing in (
        given(ANN, CAT, first, last),
        given(BOB, ANN, first, last),
        given(BOB, CAT, first, last),
    ):
        assert codes(NAMING, standing) == []


def test_two_do_not_replace_each_other() -> None:
    (refusal,) = people_naming.refusals(NAMING, TODAY, [given(BOB, ANN, 16, 30)])
    assert refusal.code == "substitution_circular"
    assert refusal.say("en") == (
        "This would go in a circle: on some of these days Ann stands in for Bob, directly or through others."
    )


def test_a_circle_through_others_is_seen() -> None:
    found = codes(NAMING, given(BOB, CAT), given(CAT, DAN), given(DAN, ANN))
    assert found == ["substitution_circular"]
    # Links that have no day in common make no circle, only a chain.
    found = codes(NAMING, given(BOB, CAT, 5, 8), given(CAT, ANN, 9, 16))
    assert found == ["substitution_chained", "substitution_passed_on"]


def test_a_circle_of_others_is_looked_through_once() -> None:
    assert codes(NAMING, given(BOB, CAT), given(CAT, BOB)) == ["substitution_chained"]


def test_a_substitute_does_not_pass_the_task_on() -> None:
    (refusal,) = people_naming.refusals(NAMING, TODAY, [given(BOB, CAT, 16, 30)])
    assert refusal.say("en") == (
        "Bob is replaced from 16 March 2012 to 30 March 2012 by Cat, and a substitute does not pass the task on."
    )
    # Nor by going away: whoever counts on Ann has to look for somebody else first.
    assert codes(NAMING, given(CAT, ANN, 1, 5)) == ["substitution_passed_on"]


def test_one_may_stand_in_for_several() -> None:
    assert codes(NAMING, given(CAT, BOB), given(DAN, BOB)) == []


@pytest.mark.parametrize(
    ("actor", "allowed"),
    [
        (ANN, True),
        (ADMIN, True),
        (BOB, False),
        (replace(ANN, active=False), False),
        (replace(ADMIN, active=False), False),
        (replace(BOB, roles=frozenset({"coordinator", "manager", "auditor"})), False),
    ],
)
def test_one_names_for_oneself_and_an_administrator_for_anybody(actor: Person, allowed: bool) -> None:
    assert [refusal.code for refusal in people_naming.permission_refusals(actor, ANN)] == (
        [] if allowed else ["substitution_not_yours"]
    )


@pytest.mark.parametrize(("day", "stage"), [(4, "coming"), (5, "present"), (16, "present"), (17, "past")])
def test_a_substitution_comes_and_goes(day: int, stage: str) -> None:
    assert given(ANN, BOB).stage(march(day)) == stage
