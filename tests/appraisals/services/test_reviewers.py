"""Who reviews, over several rounds: nobody stays blind for what they no longer owe, nor asks while blind."""

from datetime import date
from functools import partial

import pytest

from appraisal.accounts.services import accounts as people
from appraisal.app.daily import tick
from appraisal.appraisals.rules import reviews as rules
from appraisal.appraisals.services import reviews
from appraisal.appraisals.services.lead import RatingPut
from appraisal.clock import geneva_date
from appraisal.deadlines.rules import due_dates
from appraisal.people.facts import SYSTEM_ACTOR, Person
from appraisal.proposals.facts import Case, Review
from appraisal.proposals.rules import access
from appraisal.proposals.store import lists
from appraisal.proposals.store.case import load_case
from appraisal.workflow import store as workflow_store
from tests import casts
from tests.casts import Stage

DUE = date(2010, 2, 12)


def _ask(stage: Stage, number: str, who: str, *checklists: str, by: str = "desk") -> Case:
    with stage.database.begin() as db:
        return reviews.ask(
            db,
            stage.library,
            stage.people[by],
            stage.now,
            number,
            stage.people[who],
            checklists or ("GEN",),
            max(DUE, stage.now.date().replace(day=28)),
        )


def _declare(stage: Stage, number: str, who: str) -> None:
    with stage.database.begin() as db:
        reviews.declare(db, stage.library, stage.people[who], stage.now, number, conflict=None)


def _rate(stage: Stage, number: str, who: str, value: str, prefix: str = "GEN") -> None:
    items = [item for item in casts.items_of(stage, number) if item.startswith(prefix)]
    with stage.database.begin() as db:
        reviews.rate(
            db,
            stage.library,
            stage.people[who],
            stage.now,
            number,
            {item: RatingPut(value, "Seen.") for item in items},
        )


def _sign(stage: Stage, number: str, who: str) -> None:
    with stage.database.begin() as db:
        reviews.sign(db, stage.library, stage.people[who], stage.now, number)


def _reviews(stage: Stage, number: str, who: str) -> list[Review]:
    case = casts.load(stage, number)
    mine = stage.people[who].id
    return [entry for found in case.appraisals for entry in found.reviews if entry.person == mine]


def _is_blind(stage: Stage, number: str, who: str) -> bool:
    return access.is_blind(casts.load(stage, number), stage.people[who])


def _second_version(stage: Stage, number: str) -> None:
    casts.take(stage, "desk", number, "return_incomplete", missing="The budget by country.")
    casts.save(stage, number, "identification", title="Labour inspection, revised")
    casts.take(stage, "ana", number, "submit")


def test_who_is_asked_again_owes_one_review_and_keeps_what_was_put_down(stage: Stage) -> None:
    number = casts.submitted(stage)
    casts.assign(stage, number)
    _ask(stage, number, "eval")
    _declare(stage, number, "eval")
    _rate(stage, number, "eval", "2")
    _second_version(stage, number)
    casts.assign(stage, number)
    _ask(stage, number, "eval")
    former, present = _reviews(stage, number, "eval")
    assert former.withdrawn_at is not None
    assert {given.value for given in present.ratings.values()} == {"2"}
    assert all(given.proposed for given in present.ratings.values())
    _declare(stage, number, "eval")
    _rate(stage, number, "eval", "3")
    _sign(stage, number, "eval")
    assert not _is_blind(stage, number, "eval")


def test_a_recalled_appraisal_has_each_open_review_once(stage: Stage) -> None:
    number = casts.rated(stage)
    _ask(stage, number, "eval")
    stage.wait(days=60)
    casts.take(stage, "lead", number, "finalise")
    casts.take(stage, "lead", number, "recall", note="One more look.")
    former, present = _reviews(stage, number, "eval")
    assert (former.withdrawn_at is None, present.is_open) == (False, True)
    _declare(stage, number, "eval")
    _rate(stage, number, "eval", "2")
    _sign(stage, number, "eval")
    assert not _is_blind(stage, number, "eval")


def test_whoever_becomes_lead_owes_no_review_of_an_earlier_round(stage: Stage) -> None:
    number = casts.submitted(stage)
    casts.assign(stage, number)
    _ask(stage, number, "eval")
    _second_version(stage, number)
    case = casts.take(stage, "desk", number, "assign", lead="eval")
    assert access.sees_running_ratings(case, stage.people["eval"])
    assert not _is_blind(stage, number, "eval")


def test_a_coordinator_who_owes_a_review_is_told_nothing_of_the_others(lite: Stage) -> None:
    number = casts.submitted(lite)
    casts.assign(lite, number)
    _ask(lite, number, "eval")
    _ask(lite, number, "all", "TRI")
    _declare(lite, number, "all")
    for who in ("eval", "lead", "actrav"):
        assert casts.refusal(lite, partial(_ask, lite, number, who, by="all")) == ("review_owed",)
    asked = _reviews(lite, number, "eval")[0].id

    def withdraw() -> None:
        with lite.database.begin() as db:
            reviews.withdraw(db, lite.library, lite.people["all"], lite.now, number, asked)

    assert casts.refusal(lite, withdraw) == ("review_owed",)
    _rate(lite, number, "all", "2", "TRI")
    _sign(lite, number, "all")
    withdraw()


def test_another_day_is_the_day_that_was_given_whatever_was_held_before(lite: Stage) -> None:
    number = casts.submitted(lite)
    casts.assign(lite, number)
    _ask(lite, number, "eval")
    casts.take(lite, "desk", number, "hold", until=date(2010, 2, 20), note="Wait.")
    lite.wait(days=4)
    casts.take(lite, "desk", number, "release")
    with lite.database.begin() as db:
        reviews.move_due(
            db,
            lite.library,
            lite.people["desk"],
            lite.now,
            number,
            _reviews(lite, number, "eval")[0].id,
            date(2010, 3, 10),
        )
    assert due_dates.due_day(casts.load(lite, number), _reviews(lite, number, "eval")[0]) == date(2010, 3, 10)


@pytest.mark.thorough
def test_a_reviewer_with_another_day_is_reminded_of_that_one_too(stage: Stage) -> None:
    number = casts.submitted(stage)
    casts.assign(stage, number)
    _ask(stage, number, "eval")
    (review,) = _reviews(stage, number, "eval")

    def told() -> list[str]:
        stage.wait(days=1)
        done = tick(stage.database, stage.library, stage.now)
        assert done.faults == ()
        return [kind for _, kind, people in done.told if people == (review.person,)]

    def days_told(count: int) -> list[tuple[date, str]]:
        return [(stage.now.date(), kind) for _ in range(count) for kind in told()]

    # A Sunday; the working day two before it is a Thursday.
    assert days_told(30) == [(date(2010, 2, 25), "review_soon"), (date(2010, 3, 1), "review_overdue")]
    with stage.database.begin() as db:
        given = (number, review.id, date(2010, 3, 12))
        reviews.move_due(db, stage.library, stage.people["desk"], stage.now, *given)
    assert days_told(30) == [(date(2010, 3, 10), "review_soon"), (date(2010, 3, 13), "review_overdue")]
    (review,) = _reviews(stage, number, "eval")
    assert review.silent_at is not None
    assert geneva_date(review.silent_at) == date(2010, 3, 13)


def test_an_appraiser_declines_for_a_unit_and_another_may_still_answer(stage: Stage) -> None:
    number = casts.submitted(stage)
    casts.take(stage, "desk", number, "assign", lead="lead")
    with stage.database.begin() as db:
        colleague = people.create_person(
            db,
            SYSTEM_ACTOR,
            stage.now,
            email="x@example.org",
            name="X",
            roles=["appraiser"],
            unit="ACTRAV",
        )
        reviews.decline(db, stage.library, stage.people["actrav"], stage.now, number, "On leave.")
    (declined,) = _reviews(stage, number, "actrav")
    assert (declined.declaration, declined.reason, declined.is_open) == ("", "On leave.", False)
    case = casts.load(stage, number)
    assert rules.waiting_for_unit(case, stage.people["actrav"]) is None
    asked = rules.waiting_for_unit(case, colleague)
    assert asked is not None
    assert asked.unit == "ACTRAV"


def test_a_blind_reviewer_reads_nothing_of_earlier_rounds(lite: Stage) -> None:
    number = casts.revision(lite)
    casts.resubmit(lite, number)
    casts.assign(lite, number)
    _ask(lite, number, "eval")
    _declare(lite, number, "eval")
    case = casts.load(lite, number)
    assert len(case.changes) == 1
    seen = access.as_seen(case, lite.people["eval"])
    assert seen.changes == ()
    assert all(not appraisal.ratings for appraisal in seen.appraisals)


def test_a_blind_reviewer_is_not_shown_what_a_colleague_of_the_unit_answered(lite: Stage) -> None:
    number = casts.submitted(lite)
    casts.take(lite, "desk", number, "assign", lead="lead")
    with lite.database.begin() as db:
        colleague = people.create_person(
            db,
            SYSTEM_ACTOR,
            lite.now,
            email="x@example.org",
            name="X",
            roles=["appraiser"],
            unit="ACTRAV",
        )
        reviews.ask(db, lite.library, lite.people["desk"], lite.now, number, colleague, ["GEN"], DUE)
        reviews.declare(db, lite.library, colleague, lite.now, number, conflict=None)

    def asked() -> list[tuple[str, int | None]]:
        seen = access.as_seen(casts.load(lite, number), colleague)
        return [(entry.unit, entry.answered_by) for entry in seen.appraisals[0].consultations]

    assert asked() == [("ACTRAV", None)]
    casts.speak(lite, number, "actrav")
    assert asked() == [("ACTRAV", None)]


def _designer_too(stage: Stage) -> Person:
    with stage.database.begin() as db:
        return people.create_person(
            db,
            SYSTEM_ACTOR,
            stage.now,
            email="both@example.org",
            name="Both",
            roles=["appraiser", "designer"],
            unit="SKILLS",
        )


def test_a_list_tells_no_state_to_who_has_yet_to_declare(stage: Stage) -> None:
    number = casts.submitted(stage)
    casts.assign(stage, number)
    both = _designer_too(stage)

    def listed() -> list[str]:
        with stage.database.read() as db:
            return [entry.number for entry in lists.list_proposals(db, both)[0]]

    assert listed() == [number]
    with stage.database.begin() as db:
        reviews.ask(db, stage.library, stage.people["desk"], stage.now, number, both, ["GEN"], DUE)
        assert access.level(load_case(db, number), both) == "declaration"
    assert listed() == []


def test_a_consultation_waits_for_nobody_once_somebody_of_the_unit_took_it_up(stage: Stage) -> None:
    number = casts.submitted(stage)
    casts.take(stage, "desk", number, "assign", lead="lead")
    with stage.database.begin() as db:
        colleague = people.create_person(
            db,
            SYSTEM_ACTOR,
            stage.now,
            email="x@example.org",
            name="X",
            roles=["appraiser"],
            unit="ACTRAV",
        )

    def waiting(person: Person) -> list[str]:
        with stage.database.read() as db:
            return [entry.number for entry in workflow_store.consultations_for(db, person)]

    assert waiting(colleague) == waiting(stage.people["actrav"]) == [number]
    _declare(stage, number, "actrav")
    assert waiting(colleague) == waiting(stage.people["actrav"]) == []
    with stage.database.begin() as db:
        reviews.decline(db, stage.library, stage.people["actrav"], stage.now, number, "On leave.")
    assert waiting(colleague) == [number]
