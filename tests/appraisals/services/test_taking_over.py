"""Taking over: a substitute reviews for whom they stand in for, in the own name and independently."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from appraisal.appraisals.services import reviews
from appraisal.appraisals.services.lead import RatingPut
from appraisal.clock import geneva_date
from appraisal.errors import NotFound
from appraisal.proposals.facts import Review
from appraisal.proposals.rules import access
from appraisal.workflow import store as workflow_store
from tests import casts
from tests.casts import Stage


def _ask(stage: Stage, number: str, who: str, *codes: str, days: int = 7) -> None:
    due = geneva_date(stage.now) + timedelta(days=days)
    with stage.database.begin() as db:
        reviews.ask(
            db,
            stage.library,
            stage.people["desk"],
            stage.now,
            number,
            stage.people[who],
            codes or ("GEN",),
            due,
        )
    stage.wait(minutes=1)


def _declare(stage: Stage, number: str, who: str, conflict: str | None = None) -> None:
    with stage.database.begin() as db:
        reviews.declare(db, stage.library, stage.people[who], stage.now, number, conflict=conflict)
    stage.wait(minutes=1)


def _reviews(stage: Stage, number: str, who: str) -> list[Review]:
    found = casts.load(stage, number).appraisals[-1].reviews
    return [entry for entry in found if entry.person == stage.people[who].id]


def _running(stage: Stage) -> str:
    number = casts.submitted(stage)
    casts.take(stage, "desk", number, "assign", lead="lead")
    return number


def _declaring(stage: Stage, number: str, who: str) -> Callable[[], object]:
    return lambda: _declare(stage, number, who)


def _waiting(stage: Stage, who: str) -> list[tuple[str, str]]:
    with stage.database.read() as db:
        return [
            (entry.number, entry.behalf)
            for entry in workflow_store.reviews_to_take_over(db, stage.people[who])
        ]


def test_who_is_asked_as_one_of_a_unit_answers_for_the_unit_first(stage: Stage) -> None:
    number = _running(stage)
    _ask(stage, number, "eval", "GEN", "TRI")
    casts.substitute(stage, "eval", "actemp")
    _declare(stage, number, "actemp")
    (taken,), (before,) = _reviews(stage, number, "actemp"), _reviews(stage, number, "eval")
    assert (taken.unit, taken.behalf) == ("ACT/EMP", None)
    assert before.is_open


def test_the_review_of_somebody_replaced_is_signed_in_the_own_name(stage: Stage) -> None:
    number = _running(stage)
    _ask(stage, number, "eval", "GEN", "TRI")
    casts.substitute(stage, "eval", "all")
    assert _waiting(stage, "all") == [(number, "Eval")]
    _declare(stage, number, "all")
    (taken,), (before,) = _reviews(stage, number, "all"), _reviews(stage, number, "eval")
    assert (taken.behalf, taken.checklists, taken.due_on) == (
        stage.people["eval"].id,
        ("TRI", "GEN"),
        date(2010, 2, 8),
    )
    assert before.withdrawn_at == taken.declared_at
    assert _waiting(stage, "all") == []
    items = [item for item in casts.items_of(stage, number) if item[:3] in ("GEN", "TRI")]
    puts = {item: RatingPut("3", "Because.") for item in items}
    with stage.database.begin() as db:
        reviews.rate(db, stage.library, stage.people["all"], stage.now, number, puts)
        reviews.sign(db, stage.library, stage.people["all"], stage.now, number)
    # Whoever was replaced is asked no more, and comes back to nothing.
    with pytest.raises(NotFound):
        _declare(stage, number, "eval")


def test_what_was_put_down_in_private_stays_with_whoever_did(stage: Stage) -> None:
    number = _running(stage)
    _ask(stage, number, "eval")
    _declare(stage, number, "eval")
    with stage.database.begin() as db:
        put = {"GEN-1": RatingPut("1", "A private draft.")}
        reviews.rate(db, stage.library, stage.people["eval"], stage.now, number, put)
    casts.substitute(stage, "eval", "all")
    _declare(stage, number, "all")
    (taken,), (before,) = _reviews(stage, number, "all"), _reviews(stage, number, "eval")
    assert taken.ratings == {}
    assert before.ratings["GEN-1"].comment == "A private draft."


def test_a_conflict_or_a_refusal_leaves_the_review_with_whoever_was_asked(stage: Stage) -> None:
    for conflict in (True, False):
        number = _running(stage)
        _ask(stage, number, "eval")
        casts.substitute(stage, "eval", "all", last=conflict)
        if conflict:
            _declare(stage, number, "all", "My sister runs it.")
        else:
            with stage.database.begin() as db:
                reviews.decline(db, stage.library, stage.people["all"], stage.now, number, "No time.")
        assert _reviews(stage, number, "eval")[0].is_open
        assert not _reviews(stage, number, "all")[0].is_open
        assert _waiting(stage, "all") == []
        stage.wait(days=3)
        casts.refresh(stage)


def test_it_lasts_as_long_as_the_substitution(stage: Stage) -> None:
    number = _running(stage)
    _ask(stage, number, "eval")
    assert access.replaced_review(casts.load(stage, number), stage.people["all"]) is None
    casts.substitute(stage, "eval", "all")
    assert access.replaced_review(casts.load(stage, number), stage.people["all"]) is not None
    stage.wait(days=11)
    casts.refresh(stage)
    assert access.replaced_review(casts.load(stage, number), stage.people["all"]) is None
    assert _waiting(stage, "all") == []


def test_before_the_declaration_a_substitute_sees_no_more_than_any_reviewer(stage: Stage) -> None:
    number = _running(stage)
    _ask(stage, number, "eval")
    casts.speak(stage, number, "actemp")
    other = casts.submitted(stage)
    casts.take(stage, "desk", other, "assign", lead="lead")
    _ask(stage, other, "eval")
    casts.substitute(stage, "eval", "actrav")
    casts.speak(stage, other, "actrav")
    assert access.level(casts.load(stage, number), stage.people["actrav"]) == "declaration"
    assert access.level(casts.load(stage, other), stage.people["actrav"]) == "full"


def test_who_may_not_review_takes_nothing_over(stage: Stage) -> None:
    mine = casts.submitted(stage, "all")
    casts.take(stage, "desk", mine, "assign", lead="lead")
    led = casts.submitted(stage)
    casts.take(stage, "desk", led, "assign", lead="all")
    own = _running(stage)
    for number in (mine, led, own):
        _ask(stage, number, "eval")
    _ask(stage, own, "all")
    casts.substitute(stage, "eval", "all")
    assert _waiting(stage, "all") == []
    for number in (mine, led, own):
        assert access.replaced_review(casts.load(stage, number), stage.people["all"]) is None
    assert casts.refusal(stage, _declaring(stage, mine, "all")) == ("review_missing",)


def test_whoever_stands_in_for_the_lead_as_well_takes_nothing_over(stage: Stage) -> None:
    number = _running(stage)
    _ask(stage, number, "eval")
    casts.substitute(stage, "eval", "all")
    casts.substitute(stage, "lead", "all")
    assert _waiting(stage, "all") == []
    assert casts.refusal(stage, _declaring(stage, number, "all")) == ("review_missing",)


def test_a_unit_answers_through_somebody_of_its_own(stage: Stage) -> None:
    number = _running(stage)
    _declare(stage, number, "actemp")
    casts.substitute(stage, "actemp", "all")
    before = casts.contents(stage)
    assert casts.refusal(stage, _declaring(stage, number, "all")) == ("unit_answers",)
    assert casts.contents(stage) == before


def test_a_block_is_finalised_by_its_unit_alone(stage: Stage) -> None:
    number = casts.submitted(stage, budget="6000000")
    casts.take(stage, "desk", number, "assign", lead="lead")
    _declare(stage, number, "eval")
    casts.substitute(stage, "eval", "all")
    assert casts.refusal(stage, _declaring(stage, number, "all")) == ("unit_answers",)


def test_a_unit_that_was_asked_keeps_its_day_however_long_the_hold_was(stage: Stage) -> None:
    number = _running(stage)
    stage.wait(days=1)
    casts.take(stage, "desk", number, "hold", until=date(2010, 2, 5), note="Waiting.")
    stage.wait(days=2)
    casts.take(stage, "desk", number, "release")
    stage.wait(days=1)
    asked = casts.load(stage, number).appraisals[-1].consultations[0]
    assert asked.due_on == date(2010, 2, 8)
    _declare(stage, number, "actemp")
    # Tuesday and Wednesday stood still.
    assert _reviews(stage, number, "actemp")[0].due_on == date(2010, 2, 10)
