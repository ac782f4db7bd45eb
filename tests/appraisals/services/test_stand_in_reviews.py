"""Substitutes and reviews: nobody does both on one appraisal, and a conflict binds whoever counts as one."""

from collections.abc import Callable
from datetime import timedelta

from appraisal.accounts.services import accounts
from appraisal.appraisals.services import conditions, reviews
from appraisal.appraisals.services.lead import RatingPut
from appraisal.people.facts import SYSTEM_ACTOR
from appraisal.proposals.rules import access
from appraisal.records.store import records
from tests import casts
from tests.casts import Stage


def _ask(stage: Stage, number: str, who: str) -> None:
    due = (stage.now + timedelta(days=3)).date()
    with stage.database.begin() as db:
        reviews.ask(
            db, stage.library, stage.people["desk"], stage.now, number, stage.people[who], ["GEN"], due
        )


def _declare(stage: Stage, number: str, who: str, conflict: str | None = None) -> None:
    with stage.database.begin() as db:
        reviews.declare(db, stage.library, stage.people[who], stage.now, number, conflict=conflict)


def _sign(stage: Stage, number: str, who: str) -> None:
    items = (item for item in casts.items_of(stage, number) if item.startswith("GEN-"))
    puts = {item: RatingPut("3", "Because.") for item in items}
    with stage.database.begin() as db:
        reviews.rate(db, stage.library, stage.people[who], stage.now, number, puts)
        reviews.sign(db, stage.library, stage.people[who], stage.now, number)


def _running(stage: Stage) -> str:
    number = casts.submitted(stage)
    casts.assign(stage, number)
    casts.rate(stage, number)
    return number


def _rating(stage: Stage, number: str, who: str) -> Callable[[], object]:
    return lambda: casts.rate(stage, number, who=who)


def test_whoever_reviews_does_not_rate_for_the_lead(stage: Stage) -> None:
    number = _running(stage)
    _ask(stage, number, "all")
    casts.substitute(stage, "lead", "all")
    # What is owed has to be seen by nobody else's light.
    assert not access.sees_running_ratings(casts.load(stage, number), stage.people["all"])
    _declare(stage, number, "all")
    assert casts.refusal(stage, _rating(stage, number, "all")) == ("review_owed",)
    assert casts.refused(stage, "all", number, "finalise") == ("review_owed",)
    _sign(stage, number, "all")
    assert casts.refusal(stage, _rating(stage, number, "all")) == ("excluded_reviewer",)
    assert "excluded_reviewer" in casts.refused(stage, "all", number, "finalise")
    # The lead is not bound by that, and reconciles what was signed.
    casts.rate(stage, number)


def test_one_who_declined_is_free_to_stand_in(lite: Stage) -> None:
    number = _running(lite)
    _ask(lite, number, "all")
    _declare(lite, number, "all")
    with lite.database.begin() as db:
        reviews.decline(db, lite.library, lite.people["all"], lite.now, number, "No time.")
    casts.substitute(lite, "lead", "all")
    casts.rate(lite, number, who="all")


def test_whoever_stands_in_for_the_lead_is_not_asked_to_review(lite: Stage) -> None:
    number = _running(lite)
    named = casts.substitute(lite, "lead", "all", last=2)
    assert casts.refusal(lite, lambda: _ask(lite, number, "all")) == ("reviewer_stands_in",)
    casts.rate(lite, number, who="all")
    lite.wait(days=4)
    casts.refresh(lite)
    assert named.stage(lite.now.date()) == "past"
    assert casts.refusal(lite, lambda: _ask(lite, number, "all")) == ("reviewer_rated",)


def test_a_unit_answers_through_somebody_else_than_the_leads_substitute(lite: Stage) -> None:
    number = casts.submitted(lite)
    casts.take(lite, "desk", number, "assign", lead="lead")
    casts.substitute(lite, "lead", "actrav")
    assert casts.refusal(lite, lambda: casts.speak(lite, number, "actrav")) == ("review_missing",)
    casts.speak(lite, number, "actemp")


def test_nobody_decides_for_somebody_with_a_conflict(stage: Stage) -> None:
    number = _running(stage)
    _ask(stage, number, "all")
    _declare(stage, number, "all", "My sister runs it.")
    casts.substitute(stage, "all", "deputy", "decisions")
    casts.take(stage, "lead", number, "finalise")
    assert casts.refused(stage, "deputy", number, "approve") == ("conflict_of_other",)
    assert casts.take(stage, "third", number, "approve").state == "approved"


def test_a_lead_replaced_by_somebody_with_a_conflict_waits_till_that_is_over(stage: Stage) -> None:
    number = _running(stage)
    _ask(stage, number, "all")
    _declare(stage, number, "all", "My sister runs it.")
    casts.substitute(stage, "lead", "all")
    assert casts.refusal(stage, _rating(stage, number, "all")) == ("conflict_declared",)
    assert casts.refused(stage, "all", number, "finalise") == ("conflict_declared",)
    assert casts.refusal(stage, _rating(stage, number, "lead")) == ("conflict_of_other",)
    assert casts.refused(stage, "lead", number, "finalise") == ("conflict_of_other",)
    stage.wait(days=20)
    assert casts.take(stage, "lead", number, "finalise").state == "awaiting_decision"


def test_a_condition_is_not_waived_by_or_for_somebody_with_a_conflict(lite: Stage) -> None:
    number = casts.submitted(lite)
    casts.assign(lite, number)
    casts.rate(lite, number, TRI_4="1")
    casts.recommend(lite, number, ["TRI-4"])
    _ask(lite, number, "all")
    _declare(lite, number, "all", "My sister runs it.")
    final = casts.take(lite, "lead", number, "finalise").finalised
    assert final is not None
    casts.substitute(lite, "all", "deputy", "decisions")

    def waive(who: str) -> Callable[[], object]:
        def act() -> None:
            with lite.database.begin() as db:
                conditions.waive_condition(
                    db, lite.library, lite.people[who], lite.now, number, final.conditions[0].id, "Because."
                )

        return act

    assert casts.refusal(lite, waive("all")) == ("conflict_declared",)
    assert casts.refusal(lite, waive("deputy")) == ("conflict_of_other",)
    waive("third")()


def test_nobody_decides_for_whoever_finalised_a_block(lite: Stage) -> None:
    """EVAL's reviewer never decides (domain rules, section 2), nor does anybody in that person's place."""
    number = casts.awaiting(lite, budget="6000000")
    case = casts.load(lite, number)
    reviewer = next(
        entry.person for found in case.appraisals for entry in found.reviews if "EVA" in entry.checklists
    )
    key = next(key for key, person in lite.people.items() if person.id == reviewer)
    with lite.database.begin() as db:
        # The person is made a manager as well.
        person = lite.people[key]
        accounts.change_person(
            db,
            SYSTEM_ACTOR,
            lite.now,
            person.id,
            library=lite.library,
            name=person.name,
            roles=["appraiser", "manager"],
            unit=person.unit,
            duty_station="",
            language="en",
            active=True,
        )
    casts.substitute(lite, key, "deputy", "decisions")
    assert casts.refused(lite, "deputy", number, "approve") == ("block_finaliser_other",)
    assert casts.refused(lite, key, number, "approve") == ("block_finaliser",)
    assert casts.take(lite, "third", number, "approve").state == "approved"


def test_a_units_own_block_is_not_rated_for_the_lead(lite: Stage) -> None:
    number = casts.awaiting(lite, budget="6000000")
    (appraisal,) = casts.load(lite, number).appraisals
    assert {given.by for given in appraisal.ratings.values()} != {appraisal.lead}
    with lite.database.read() as db:
        found = records.newest_record(db, number)
    assert found is not None
    assert '"rated_for_lead":[]' in found.value
