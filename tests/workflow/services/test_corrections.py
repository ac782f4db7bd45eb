"""Corrections: what was registered by mistake is taken back, from whatever it was registered on."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import select

from appraisal.app.daily import tick
from appraisal.appraisals.services import lead, reviews
from appraisal.appraisals.services.lead import RatingPut
from appraisal.database import tables
from appraisal.database.as_of import Past
from appraisal.deadlines.rules import working_days
from appraisal.errors import StepConflict
from appraisal.indicators.rules.appraised_share import Figures
from appraisal.indicators.services import appraised_share
from appraisal.lists.services import matching
from appraisal.lists.store import matching as stored
from appraisal.proposals.facts import Appraisal, Case, Consultation
from appraisal.proposals.rules import registrations
from appraisal.proposals.rules.attempt import ApprovalGiven, ChangeAsked
from appraisal.proposals.rules.duties import DutiesLeft
from appraisal.proposals.store import lists
from appraisal.proposals.store.registrations import find_named
from appraisal.scenarios.complete_proposal import neutral_content
from appraisal.verification.services import database
from appraisal.verification.services.database import Break
from appraisal.workflow.services import departures, outside_approvals
from tests import casts
from tests.casts import Stage
from tests.lists.files import import_text

GIVEN = ApprovalGiven("Minute 12", "Registry", datetime(2010, 1, 5, tzinfo=UTC))
HEADING = "symbol,title,countries,fund,amount,currency,opened_on,donor\n"
PROJECT = "ZAM/10/01/NOR,Mines,ZM,RBSA,1000,USD,2010-01-20,Norway\n"


def _held(stage: Stage) -> str:
    number = casts.submitted(stage)
    casts.take(stage, "desk", number, "hold", until=stage.now.replace(month=6).date(), note="Elections.")
    return number


def _asked(stage: Stage) -> str:
    """Bring a proposal under appraisal, where nobody who was asked has answered yet."""
    number = casts.submitted(stage)
    casts.take(stage, "desk", number, "assign", lead="lead")
    with stage.database.begin() as db:
        reviews.ask(
            db,
            stage.library,
            stage.people["desk"],
            stage.now,
            number,
            stage.people["eval"],
            ["ALI"],
            stage.now.replace(day=20).date(),
        )
    return number


def _incomplete(stage: Stage) -> str:
    number = casts.submitted(stage)
    casts.take(stage, "desk", number, "return_incomplete", missing="A letter.")
    return number


def _lapsed(stage: Stage) -> str:
    number = _incomplete(stage)
    stage.wait(days=100)
    tick(stage.database, stage.library, stage.now)
    return number


def _withdrawn(stage: Stage) -> str:
    number = casts.submitted(stage)
    casts.take(stage, "ana", number, "withdraw", note="No longer needed.")
    return number


def _rejected(stage: Stage) -> str:
    number = casts.awaiting(stage)
    casts.take(stage, "chief", number, "reject", note="No.")
    return number


def _annulled(stage: Stage) -> str:
    number = casts.approved(stage)
    casts.take(stage, "chief", number, "propose_annulment", note="A mistake.")
    casts.take(stage, "deputy", number, "annul")
    return number


def _annulled_outside(stage: Stage) -> str:
    """Annul an approval of a draft that was given elsewhere: no version was ever submitted."""
    number = casts.draft(stage)
    _register(stage, number)
    casts.take(stage, "chief", number, "propose_annulment", note="A mistake.")
    casts.take(stage, "deputy", number, "annul")
    return number


BEFORE: dict[str, Callable[[Stage], str]] = {
    "draft": casts.draft,
    "submitted": casts.submitted,
    "on_hold": _held,
    "incomplete": _incomplete,
    "asked": _asked,
    "rated": casts.rated,
    "revision": casts.revision,
    "awaiting": casts.awaiting,
    "not_recommended": casts.not_recommended,
    "rejected": _rejected,
    "withdrawn": _withdrawn,
    "annulled": _annulled,
    "annulled_outside": _annulled_outside,
    "lapsed": _lapsed,
}


def _register(stage: Stage, number: str) -> Case:
    return casts.take(stage, "desk", number, "register_approval", approval=GIVEN)


def _alone(stage: Stage, number: str) -> Case:
    return casts.take(stage, "desk", number, "correct_registration", note="A slip.")


def _by_two(stage: Stage, number: str) -> Case:
    stage.wait(days=1)
    casts.take(stage, "desk", number, "propose_correction", note="A slip.")
    return casts.take(stage, "chief", number, "confirm_correction")


WAYS = {"alone": _alone, "by_two": _by_two}


def _lasting(case: Case) -> Case:
    """Return a case without what goes on with every step, and without the hold that a registration ends."""
    return replace(
        case,
        appraisals=tuple(_undated(entry) for entry in case.appraisals),
        row_version=0,
        sequence=0,
        head="",
        state_since=case.created_at,
        steps=(),
        decisions=tuple(
            entry
            for entry in case.decisions
            if "correct" not in entry.kind and entry.kind != "register_approval"
        ),
        holds=(),
        people={},
        relations={name: found for name, found in case.relations.items() if name != "signatory"},
    )


def _undated(appraisal: Appraisal) -> Appraisal:
    """Leave out until when answers are awaited: those who were let go get the days back that were left."""
    return replace(
        appraisal,
        consultations=tuple(replace(entry, due_on=date.max) for entry in appraisal.consultations),
        reviews=tuple(replace(entry, due_on=date.max) for entry in appraisal.reviews),
    )


def _figures(stage: Stage) -> tuple[Figures, list[str], list[Break]]:
    with stage.database.read() as db:
        found = appraised_share.figures(db, stage.library, "2010-11", stage.now.date())["2010-11"]
        return (
            found,
            appraised_share.differences(db),
            database.verify(stage.database, stage.library, None).breaks,
        )


@pytest.mark.sampled(12)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("build", BEFORE)
def test_the_state_before_comes_back(lite: Stage, build: str, way: str) -> None:
    number = BEFORE[build](lite)
    before, counted = casts.load(lite, number), _figures(lite)
    _register(lite, number)
    while_registered = lite.now
    assert _figures(lite)[0].outside == 1
    lite.wait(minutes=5)
    after = WAYS[way](lite, number)
    assert _lasting(after) == _lasting(casts.load(lite, number)) == _lasting(before)
    assert casts.load(lite, number).approval is None
    assert _figures(lite) == counted
    # As it was known then.
    with lite.database.read() as db:
        then = appraised_share.report(db, lite.library, "2.1", "2010-11", Past(moment=while_registered))
    assert [entry.number for entry in then.outside] == [number]
    # What time demands is looked at again.
    tick(lite.database, lite.library, lite.now)


@pytest.mark.parametrize("way", WAYS)
def test_what_the_registration_created_is_void(stage: Stage, way: str) -> None:
    counted = _figures(stage)
    number = casts.outside(stage, title="A slip")
    assert _figures(stage)[0].outside == 1
    after = WAYS[way](stage, number)
    assert (after.state, after.number, after.voided_at is not None) == ("void", number, True)
    assert _figures(stage) == counted
    assert casts.refused(stage, "desk", number, "register_approval", approval=GIVEN) == ("wrong_state",)


def test_both_databases_agree_on_what_comes_back(stage: Stage) -> None:
    number = casts.rated(stage)
    before = _lasting(casts.load(stage, number))
    for way in (_alone, _by_two):
        _register(stage, number)
        assert _lasting(way(stage, number)) == before
    casts.take(stage, "lead", number, "finalise")
    casts.take(stage, "chief", number, "approve")
    found, differences, breaks = _figures(stage)
    assert ((found.share.numerator, found.share.denominator), differences, breaks) == ((1, 1), [], [])


def test_a_hold_and_a_first_signature_do_not_come_back(lite: Stage) -> None:
    number = casts.not_recommended(lite)
    casts.take(lite, "chief", number, "propose_override", note="The donor cannot wait.")
    _register(lite, number)
    assert _alone(lite, number).signature is None
    casts.take(lite, "chief", number, "propose_override", note="The donor cannot wait.")
    held = _held(lite)
    _register(lite, held)
    assert _alone(lite, held).hold is None


def test_whoever_registered_it_takes_it_back_alone_on_the_same_day(lite: Stage) -> None:
    # Ten minutes before midnight in Geneva, when it is eleven at night in UTC.
    lite.now = datetime(2010, 2, 1, 22, 50, tzinfo=UTC)
    number = casts.outside(lite)
    assert casts.refused(lite, "all", number, "correct_registration", note="A slip.") == (
        "correction_not_own",
    )
    assert casts.refused(lite, "desk", number, "correct_registration") == ("note_missing",)
    lite.now = datetime(2010, 2, 1, 23, 0, tzinfo=UTC)
    assert casts.refused(lite, "desk", number, "correct_registration", note="A slip.") == (
        "correction_not_own",
    )
    lite.now = datetime(2010, 2, 1, 22, 59, 59, tzinfo=UTC)
    _alone(lite, number)


def test_two_people_confirm_a_correction(lite: Stage) -> None:
    number = casts.outside(lite)
    assert casts.refused(lite, "chief", number, "propose_correction", note="A slip.") == ("role_missing",)
    assert casts.refused(lite, "all", number, "confirm_correction") == ("correction_not_waiting",)
    casts.take(lite, "all", number, "propose_correction", note="A slip.")
    # Whoever holds both roles is one person all the same.
    assert casts.refused(lite, "all", number, "confirm_correction") == ("excluded_signatory",)
    assert casts.refused(lite, "desk", number, "propose_correction", note="Me too.") == ("signature_waiting",)
    assert casts.refused(lite, "chief", number, "propose_annulment", note="No.") == ("signature_waiting",)
    assert casts.refused(lite, "chief", number, "annul") == ("annulment_not_waiting",)
    casts.take(lite, "chief", number, "confirm_correction")


@pytest.mark.parametrize("build", [casts.approved, casts.overridden])
def test_an_approval_that_was_given_here_is_not_corrected(lite: Stage, build: Callable[[Stage], str]) -> None:
    number = build(lite)
    assert casts.refused(lite, "desk", number, "correct_registration", note="A slip.") == ("not_registered",)
    assert casts.refused(lite, "desk", number, "propose_correction", note="A slip.") == ("not_registered",)


def _publish(stage: Stage, number: str) -> None:
    appraised_share.publish(stage.database, stage.library, stage.people["desk"], stage.now, "2.1", "2010-11")


def _match(stage: Stage, number: str) -> None:
    import_text(stage, "projects", HEADING + PROJECT)
    with stage.database.begin() as db:
        matching.confirm(db, stage.people["all"], stage.now, "zam/10/01/nor", number)


def _propose(stage: Stage, number: str) -> None:
    casts.take(stage, "chief", number, "propose_annulment", note="No.")


@pytest.mark.parametrize("build_on", [_publish, _match, _propose])
def test_nobody_takes_back_alone_what_something_rests_on(
    stage: Stage, build_on: Callable[[Stage, str], None]
) -> None:
    number = casts.outside(stage)
    # A report of another biennium, and one of before, rest on nothing of this.
    appraised_share.publish(stage.database, stage.library, stage.people["desk"], stage.now, "2.1", "2014-15")
    assert casts.load(stage, number).rests == frozenset()
    build_on(stage, number)
    refused = casts.refused(stage, "desk", number, "correct_registration", note="A slip.")
    waits = ("annulment_pending",) if build_on is _propose else ()
    assert refused == (*waits, "registration_relied_on")
    if build_on is not _propose:
        _by_two(stage, number)
        assert _figures(stage)[1:] == ([], [])


def test_a_project_that_was_registered_by_mistake_is_missing_again(stage: Stage) -> None:
    import_text(stage, "projects", HEADING + PROJECT)
    with stage.database.begin() as db:
        case = outside_approvals.register_project(
            db, stage.library, stage.people["desk"], stage.now, "zam/10/01/nor"
        )
    stage.wait(minutes=1)
    _alone(stage, case.number)

    def waiting() -> list[str]:
        with stage.database.read() as db:
            return [entry.symbol for entry in stored.unmatched(db)]

    assert waiting() == ["ZAM/10/01/NOR"]
    with stage.database.begin() as db:
        # The void proposal bears the symbol, and is nothing to match.
        assert matching.match_symbols(db, stage.now) == 0
        assert lists.entered_id(db, case.number, stage.people["desk"]) is None
        assert stored.candidates(db, ["ZM"]) == []
    assert _figures(stage)[1:] == ([], [])
    with stage.database.begin() as db:
        again = outside_approvals.register_project(
            db, stage.library, stage.people["desk"], stage.now, "zam/10/01/nor"
        )
    assert (again.state, again.number) == ("approved", "TC-2010-0002")
    assert waiting() == []
    assert _figures(stage)[0].outside == 1


def test_a_correction_sent_twice_is_done_once(stage: Stage) -> None:
    number = casts.outside(stage)
    for _ in range(2):
        case = casts.take(stage, "desk", number, "correct_registration", note="A slip.", request="request-1")
    assert [entry.kind for entry in case.decisions] == ["register_approval", "correct_registration"]
    with pytest.raises(StepConflict):
        casts.take(stage, "all", number, "correct_registration", note="A slip.", request="request-1")


def test_the_event_says_what_was_taken_back(lite: Stage) -> None:
    number = casts.outside(lite)
    registered_at = casts.load(lite, number).decisions[0].at
    _alone(lite, number)
    table = tables.events
    with lite.database.read() as db:
        body = db.execute(select(table.c.body).where(table.c.act == "correct_registration")).scalar_one()
    facts = json.loads(body)["facts"]
    assert {name: facts[name] for name in ("document", "source", "void", "projects", "note")} == {
        "document": "Minute 12",
        "source": "Registry",
        "void": True,
        "projects": [],
        "note": "A slip.",
    }
    assert facts["registered_by"] == lite.people["desk"].id
    assert facts["registered_at"].startswith(registered_at.strftime("%Y-%m-%dT%H:%M:%S"))


def _block_rated(stage: Stage) -> tuple[str, dict[str, RatingPut]]:
    """Bring a proposal above the threshold to where all is rated but EVAL's block, which is not signed."""
    number = casts.draft(stage)
    casts.spend(stage, number, "6000000")
    casts.take(stage, "ana", number, "submit")
    casts.assign(stage, number)
    given = {item: RatingPut("2", "Sound.") for item in casts.items_of(stage, number)}
    block = {item: put for item, put in given.items() if item.startswith("EVA-")}
    with stage.database.begin() as db:
        reviews.declare(db, stage.library, stage.people["eval"], stage.now, number, conflict=None)
        reviews.rate(db, stage.library, stage.people["eval"], stage.now, number, block)
    stage.wait(minutes=1)
    return number, {item: put for item, put in given.items() if item not in block}


def _rate_and_sign(
    stage: Stage, number: str, given: Mapping[str, RatingPut], close: Callable[[], Any]
) -> None:
    """Rate what is the lead's, close the appraisal, and have EVAL sign after that."""
    with stage.database.begin() as db:
        lead.rate(db, stage.library, stage.people["lead"], stage.now, number, given)
    stage.wait(minutes=1)
    close()
    with stage.database.begin() as db:
        reviews.sign(db, stage.library, stage.people["eval"], stage.now, number, "Sound.")
    stage.wait(minutes=1)


def test_a_block_that_was_signed_meanwhile_is_handed_over_by_the_correction(lite: Stage) -> None:
    number, given = _block_rated(lite)
    _rate_and_sign(lite, number, given, lambda: _register(lite, number))
    casts.take(lite, "desk", number, "correct_registration", note="A slip.")
    assert casts.take(lite, "lead", number, "finalise").state == "awaiting_decision"


def test_a_block_that_was_signed_meanwhile_is_handed_over_by_a_recall(lite: Stage) -> None:
    number, given = _block_rated(lite)
    changes = (ChangeAsked("Ask the employers.", "TRI-1"),)

    def revise() -> None:
        casts.recommend(lite, number, ["TRI-1"])
        casts.take(lite, "lead", number, "request_revision", changes=changes)

    _rate_and_sign(lite, number, given | {"TRI-1": RatingPut("1", "Not asked.")}, revise)
    casts.take(lite, "ana", number, "escalate", note="It will not get better.")
    casts.take(lite, "lead", number, "recall", note="A slip.")
    with lite.database.begin() as db:
        better = {"TRI-1": RatingPut("2", "Asked.")}
        lead.rate(db, lite.library, lite.people["lead"], lite.now, number, better)
    casts.recommend(lite, number, [])
    lite.wait(minutes=1)
    assert casts.take(lite, "lead", number, "finalise").state == "awaiting_decision"


def test_the_same_is_told_by_what_was_submitted_and_not_by_what_is_being_written(lite: Stage) -> None:
    number = casts.draft(lite)
    casts.save(lite, number, "identification", symbol="RAF/10/01/USA")
    casts.take(lite, "ana", number, "submit")
    casts.take(lite, "desk", number, "return_incomplete", missing="The budget.")
    casts.save(lite, number, "identification", symbol="RAF/99/99/XXX", title="A title that is a secret")
    content = neutral_content({"title": "Another"})
    content = {**content, "identification": {**content["identification"], "symbol": "RAF/10/01/USA"}}
    with lite.database.read() as db:
        found = find_named(db, registrations.entry_of("", content))
    assert [(entry.number, entry.symbol) for entry in found] == [(number, "RAF/10/01/USA")]
    assert found[0].title == casts.load(lite, number).version.title  # type: ignore[union-attr]


def test_a_coordinator_who_leaves_leaves_a_correction_that_waits(lite: Stage) -> None:
    number = casts.outside(lite)
    casts.take(lite, "desk", number, "propose_correction", note="A slip.")
    desk = lite.people["desk"]
    with lite.database.read() as db, pytest.raises(DutiesLeft) as caught:
        departures.check(db, lite.library, desk, replace(desk, active=False), ())
    assert [(duty.kind, duty.number) for duty in caught.value.duties] == [("correction", number)]
    casts.take(lite, "chief", number, "decline_signature", note="It was given.")
    notices = tables.notices
    with lite.database.read() as db:
        told = select(notices.c.person_id).where(notices.c.what == "decline_signature")
        assert desk.id in set(db.execute(told).scalars())


@pytest.mark.parametrize("way", ["correction", "recall"])
def test_whoever_was_let_go_has_the_days_that_were_left(lite: Stage, way: str) -> None:
    number = casts.submitted(lite)
    casts.assign(lite, number)
    asked = [entry for entry in casts.load(lite, number).appraisals[-1].consultations if entry.is_open]
    holidays = casts.load(lite, number).holidays.get(working_days.GENEVA, frozenset())
    (left,) = {working_days.working_days_between(lite.now.date(), entry.due_on, holidays) for entry in asked}
    assert left > 0
    if way == "correction":
        _register(lite, number)
    else:
        casts.rate(lite, number)
        casts.take(lite, "lead", number, "finalise")
    lite.wait(days=20)
    if way == "correction":
        _by_two(lite, number)
    else:
        casts.take(lite, "lead", number, "recall", note="One more look.")
    units = {entry.unit for entry in asked}

    def now() -> list[Consultation]:
        found = casts.load(lite, number).appraisals[-1].consultations
        return [entry for entry in found if entry.unit in units]

    last = working_days.add_working_days(lite.now.date(), left, holidays)
    assert [(entry.due_on, entry.silent_at, entry.released_at) for entry in now()] == [
        (last, None, None)
    ] * len(units)
    tick(lite.database, lite.library, lite.now)
    assert not any(entry.silent_at for entry in now())
    lite.now = datetime(last.year, last.month, last.day, 23, 30, tzinfo=UTC)
    tick(lite.database, lite.library, lite.now)
    assert all(entry.silent_at for entry in now())
