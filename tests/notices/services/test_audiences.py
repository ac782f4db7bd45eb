"""Audiences: who is told of reviews, consultations and reported conditions, and who must not be."""

import json
from datetime import date

from sqlalchemy import select

from appraisal.app.daily import tick
from appraisal.appraisals.services import conditions, reviews
from appraisal.database import tables
from tests import casts
from tests.casts import Stage

NOTICES = tables.notices
DUE = date(2010, 2, 10)


def _told(stage: Stage, what: str) -> list[tuple[str, dict[str, object]]]:
    names = {person.id: key for key, person in stage.people.items()}
    with stage.database.read() as db:
        rows = db.execute(select(NOTICES).where(NOTICES.c.what == what).order_by(NOTICES.c.id)).all()
    return [(names[row.person_id], json.loads(row.facts)) for row in rows]


def _who(stage: Stage, what: str) -> set[str]:
    return {name for name, _ in _told(stage, what)}


def _ask(stage: Stage, number: str, who: str, by: str = "desk") -> int:
    with stage.database.begin() as db:
        case = reviews.ask(
            db, stage.library, stage.people[by], stage.now, number, stage.people[who], ["GEN"], DUE
        )
    return max(entry.id for entry in casts.load(stage, case.number).appraisals[-1].reviews)


def _declare(stage: Stage, number: str, who: str, conflict: str | None = None) -> None:
    with stage.database.begin() as db:
        reviews.declare(db, stage.library, stage.people[who], stage.now, number, conflict=conflict)


def _running(stage: Stage) -> str:
    number = casts.submitted(stage)
    casts.take(stage, "desk", number, "assign", lead="lead")
    return number


def test_the_units_that_are_asked_are_told_each_of_its_own_consultation(stage: Stage) -> None:
    number = _running(stage)
    asked = {entry.unit: entry.id for entry in casts.load(stage, number).appraisals[0].consultations}
    assert _told(stage, "consultation_asked") == [
        ("actemp", {"consultation": asked["ACT/EMP"], "due_on": "2010-02-08"}),
        ("actrav", {"consultation": asked["ACTRAV"], "due_on": "2010-02-08"}),
    ]


def test_who_is_asked_to_review_is_told_with_the_date(stage: Stage) -> None:
    number = _running(stage)
    _ask(stage, number, "eval")
    assert _told(stage, "review_asked") == [("eval", {"due_on": "2010-02-10"})]


def test_another_date_and_taking_back_are_told_to_the_reviewer(stage: Stage) -> None:
    number = _running(stage)
    review = _ask(stage, number, "eval")
    with stage.database.begin() as db:
        reviews.move_due(
            db, stage.library, stage.people["desk"], stage.now, number, review, date(2010, 2, 12)
        )
        reviews.withdraw(db, stage.library, stage.people["desk"], stage.now, number, review)
    assert _told(stage, "review_moved") == [("eval", {"due_on": "2010-02-12"})]
    assert _told(stage, "review_withdrawn") == [("eval", {})]


def test_lead_and_coordinators_are_told_of_a_signature_and_of_a_refusal(stage: Stage) -> None:
    number = _running(stage)
    casts.speak(stage, number, "actemp")
    assert _told(stage, "review_signed") == [("desk", {}), ("lead", {}), ("all", {})]
    with stage.database.begin() as db:
        reviews.decline(db, stage.library, stage.people["actrav"], stage.now, number, "No time.")
    assert _who(stage, "review_declined") == {"desk", "lead", "all"}


def test_a_conflict_is_told_as_a_review_that_will_not_come(stage: Stage) -> None:
    number = _running(stage)
    _ask(stage, number, "eval")
    _declare(stage, number, "eval", "My sister runs it.")
    assert _told(stage, "review_declined") == [("desk", {}), ("lead", {}), ("all", {})]


def test_nothing_to_declare_is_told_to_nobody(stage: Stage) -> None:
    number = _running(stage)
    _ask(stage, number, "eval")
    _declare(stage, number, "eval")
    assert _told(stage, "review_declined") == []
    assert _told(stage, "review_signed") == []


def test_a_coordinator_who_owes_a_review_is_not_told_what_the_others_do(stage: Stage) -> None:
    number = _running(stage)
    _ask(stage, number, "all")
    casts.speak(stage, number, "actemp")
    assert _who(stage, "review_signed") == {"desk", "lead"}


def test_whoever_stands_in_for_the_lead_is_told_what_the_lead_is_told(stage: Stage) -> None:
    number = casts.submitted(stage)
    casts.substitute(stage, "lead", "eval", last=2)
    casts.take(stage, "desk", number, "assign", lead="lead")
    assert _who(stage, "assign") == {"lead", "eval"}
    casts.speak(stage, number, "actemp")
    assert _who(stage, "review_signed") == {"desk", "lead", "all", "eval"}
    # The appraisal is due on the 15th: two working days before, and the substitution was over on the 3rd.
    stage.wait(days=10, hours=1)
    tick(stage.database, stage.library, stage.now)
    assert _who(stage, "due_soon") == {"lead"}


def test_a_substitute_for_the_lead_is_reminded_with_the_lead(stage: Stage) -> None:
    _running(stage)
    casts.substitute(stage, "lead", "eval", last=20)
    stage.wait(days=10, hours=1)
    tick(stage.database, stage.library, stage.now)
    assert _who(stage, "due_soon") == {"lead", "eval"}


def test_a_substitute_who_reviews_is_not_told_what_the_lead_is_told(stage: Stage) -> None:
    number = _running(stage)
    _ask(stage, number, "eval")
    casts.substitute(stage, "lead", "eval")
    casts.speak(stage, number, "actemp")
    assert "eval" not in _who(stage, "review_signed")


def test_whoever_stands_in_for_a_reviewer_is_told_that_a_review_is_asked(stage: Stage) -> None:
    number = _running(stage)
    casts.substitute(stage, "eval", "all")
    _ask(stage, number, "eval")
    assert _who(stage, "review_asked") == {"eval", "all"}


def test_coordinators_are_told_of_a_report_on_a_condition(stage: Stage) -> None:
    number = casts.rated(stage, ratings={"TRI_4": "1"})
    casts.recommend(stage, number, ["TRI-4"])
    casts.take(stage, "lead", number, "finalise")
    casts.take(stage, "chief", number, "approve")
    final = casts.load(stage, number).finalised
    assert final is not None
    with stage.database.begin() as db:
        conditions.report_condition(
            db, stage.people["ana"], stage.now, number, final.conditions[0].id, "Minute 4"
        )
    assert _told(stage, "condition_reported") == [("desk", {"condition": 1}), ("all", {"condition": 1})]
