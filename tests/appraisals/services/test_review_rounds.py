"""Reviews over rounds: what was never signed is taken back, and what was comes along as proposed."""

from datetime import timedelta

from appraisal.appraisals.services import reviews
from appraisal.appraisals.services.lead import RatingPut
from appraisal.proposals.facts import Review
from appraisal.proposals.rules.attempt import ChangeAsked
from tests import casts
from tests.casts import Stage


def _ask(stage: Stage, number: str, who: str, *checklists: str) -> None:
    due = (stage.now + timedelta(days=3)).date()
    with stage.database.begin() as db:
        reviews.ask(
            db, stage.library, stage.people["desk"], stage.now, number, stage.people[who], checklists, due
        )


def _gender(stage: Stage, number: str, value: str) -> dict[str, RatingPut]:
    items = (item for item in casts.items_of(stage, number) if item.startswith("GEN-"))
    return {item: RatingPut(value, "Because.") for item in items}


def _sign(stage: Stage, number: str, who: str) -> None:
    with stage.database.begin() as db:
        reviews.sign(db, stage.library, stage.people[who], stage.now, number)


def _own(stage: Stage, number: str, who: str) -> list[Review]:
    person = stage.people[who].id
    return [
        entry
        for found in casts.load(stage, number).appraisals
        for entry in found.reviews
        if entry.person == person
    ]


def test_a_new_version_takes_back_what_was_never_signed(stage: Stage) -> None:
    number = casts.submitted(stage)
    casts.assign(stage, number)
    _ask(stage, number, "eval", "GEN")
    casts.rate(stage, number, TRI_1="1")
    asked = (ChangeAsked("Consult all three.", "TRI-1"),)
    casts.take(stage, "lead", number, "request_revision", changes=asked)
    assert [entry.is_open for entry in _own(stage, number, "eval")] == [True]
    casts.resubmit(stage, number)
    casts.assign(stage, number)
    assert [entry.withdrawn_at is not None for entry in _own(stage, number, "eval")] == [True]


def test_what_a_reviewer_signed_comes_along_to_be_confirmed(stage: Stage) -> None:
    number = casts.submitted(stage)
    casts.assign(stage, number)
    _ask(stage, number, "eval", "GEN")
    person = stage.people["eval"]
    with stage.database.begin() as db:
        reviews.declare(db, stage.library, person, stage.now, number, conflict=None)
        reviews.rate(db, stage.library, person, stage.now, number, _gender(stage, number, "3"))
        reviews.sign(db, stage.library, person, stage.now, number)
    stage.wait(minutes=1)
    casts.rate(stage, number, "3", TRI_1="1")
    asked = (ChangeAsked("Consult all three.", "TRI-1"),)
    casts.take(stage, "lead", number, "request_revision", changes=asked)
    casts.resubmit(stage, number)
    casts.assign(stage, number)
    _ask(stage, number, "eval", "GEN")
    signed, carried = _own(stage, number, "eval")
    assert {given.proposed for given in carried.ratings.values()} == {True}
    assert {item: given.value for item, given in carried.ratings.items()} == {
        item: given.value for item, given in signed.ratings.items()
    }
    with stage.database.begin() as db:
        reviews.declare(db, stage.library, person, stage.now, number, conflict=None)
    assert casts.refusal(stage, lambda: _sign(stage, number, "eval")) == ("item_unconfirmed",)
    with stage.database.begin() as db:
        reviews.confirm_unchanged(db, stage.library, person, stage.now, number)
        reviews.sign(db, stage.library, person, stage.now, number)
    assert _own(stage, number, "eval")[1].signed_at == stage.now
    assert {given.value for given in signed.ratings.values()} == {"3"}


def test_nobody_confirms_at_once_what_somebody_else_of_the_unit_rated(lite: Stage) -> None:
    casts.change(lite, "all", unit="EVAL")
    number = casts.submitted(lite, budget="6000000")
    casts.assign(lite, number)
    _ask(lite, number, "eval", "EVA")
    _ask(lite, number, "all", "GEN")
    for who in ("eval", "all"):
        with lite.database.begin() as db:
            reviews.declare(db, lite.library, lite.people[who], lite.now, number, conflict=None)
    with lite.database.begin() as db:
        reviews.rate(db, lite.library, lite.people["all"], lite.now, number, _gender(lite, number, "2"))
    _sign(lite, number, "all")
    casts.rate(lite, number, TRI_1="1")
    asked = (ChangeAsked("Consult all three.", "TRI-1"),)
    casts.take(lite, "lead", number, "request_revision", changes=asked)
    casts.resubmit(lite, number)
    casts.assign(lite, number)
    # The one who had reviewed something else takes the block over.
    _ask(lite, number, "all", "EVA")
    with lite.database.begin() as db:
        reviews.declare(db, lite.library, lite.people["all"], lite.now, number, conflict=None)
        reviews.confirm_unchanged(db, lite.library, lite.people["all"], lite.now, number)
    carried = _own(lite, number, "all")[1].ratings
    assert len(carried) == 9
    assert {given.proposed for given in carried.values()} == {True}


def test_whoever_owes_a_review_decides_nothing_before(lite: Stage) -> None:
    number = casts.rated(lite)
    due = (lite.now + timedelta(days=1)).date()
    with lite.database.begin() as db:
        reviews.ask(db, lite.library, lite.people["desk"], lite.now, number, lite.people["all"], ["GEN"], due)
    lite.wait(days=3)
    casts.take(lite, "lead", number, "finalise")
    assert casts.refused(lite, "all", number, "approve") == ("review_owed",)
    with lite.database.begin() as db:
        reviews.declare(db, lite.library, lite.people["all"], lite.now, number, conflict=None)
        reviews.decline(db, lite.library, lite.people["all"], lite.now, number, "No time.")
    lite.wait(minutes=1)
    assert casts.take(lite, "all", number, "approve").state == "approved"


def test_whoever_declared_a_conflict_neither_leads_nor_decides(lite: Stage) -> None:
    number = casts.rated(lite)
    due = (lite.now + timedelta(days=1)).date()
    with lite.database.begin() as db:
        reviews.ask(db, lite.library, lite.people["desk"], lite.now, number, lite.people["all"], ["GEN"], due)
        reviews.declare(db, lite.library, lite.people["all"], lite.now, number, conflict="My sister runs it.")
    assert casts.refused(lite, "desk", number, "reassign", lead="all", note="Ill.") == ("lead_conflicted",)
    casts.take(lite, "lead", number, "finalise")
    assert casts.refused(lite, "all", number, "approve") == ("conflict_declared",)
