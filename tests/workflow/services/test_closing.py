"""Closing: what is noted of those who have not answered when an appraisal ends, and what they still may."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any

import pytest

from appraisal.app.daily import tick
from appraisal.appraisals.services import lead, reviews
from appraisal.canonical import canonical
from appraisal.clock import geneva_date
from appraisal.proposals.facts import Consultation, Review
from appraisal.proposals.rules.attempt import ApprovalGiven, ChangeAsked
from appraisal.proposals.store import lists
from appraisal.records.store import records as stored
from appraisal.verification.rules import record_file
from tests import casts
from tests.casts import Stage

# Asked on Monday 1 February 2010, on the standard track, units have until Monday 8 February.
LAST_DAY = date(2010, 2, 8)
OTHERS = ["PROGRAM", "NORMES", "GENDER", "Turin Centre"]
IN_TIME, AFTERWARDS = datetime(2010, 2, 8, 22, 59, tzinfo=UTC), datetime(2010, 2, 8, 23, 0, tzinfo=UTC)


def waiting(stage: Stage) -> str:
    """Bring a proposal to where its lead can close it, while four units have not answered."""
    number = casts.rated(stage)
    found = _units(stage, number)
    assert {unit: entry.due_on for unit, entry in found.items() if entry.is_open} == dict.fromkeys(
        OTHERS, LAST_DAY
    )
    return number


def _units(stage: Stage, number: str) -> dict[str, Consultation]:
    return {entry.unit: entry for entry in casts.load(stage, number).appraisals[-1].consultations}


def _last_event(stage: Stage, number: str) -> Mapping[str, Any]:
    with stage.database.read() as db:
        return lists.chain_of(db, casts.load(stage, number).id)[-1].facts


def _records(stage: Stage, number: str) -> list[dict[str, Any]]:
    """Return the values of the records of a proposal, the oldest first."""
    with stage.database.read() as db:
        listed, _ = stored.list_records(db, stage.people["desk"], number)
        found = [stored.find_record(db, entry.digest) for entry in reversed(listed)]
    return [json.loads(entry.value) for entry in found if entry is not None]


def _ask(stage: Stage, number: str, due_on: date, *codes: str) -> Review:
    with stage.database.begin() as db:
        given = (stage.people["eval"], codes, due_on)
        reviews.ask(db, stage.library, stage.people["desk"], stage.now, number, *given)
        reviews.declare(db, stage.library, stage.people["eval"], stage.now, number, conflict=None)
    return casts.load(stage, number).appraisals[-1].reviews[-1]


def _review(stage: Stage, number: str) -> Review:
    [found] = [
        entry
        for entry in casts.load(stage, number).appraisals[-1].reviews
        if entry.person == stage.people["eval"].id
    ]
    return found


@pytest.mark.parametrize(
    ("moment", "silent"), [(datetime(2010, 2, 2, 9, tzinfo=UTC), False), (IN_TIME, False), (AFTERWARDS, True)]
)
def test_nobody_lets_a_date_pass_that_lies_ahead(stage: Stage, moment: datetime, silent: bool) -> None:
    number = waiting(stage)
    stage.now = moment
    casts.take(stage, "lead", number, "finalise")

    noted = (moment, None) if silent else (None, moment)
    found = _units(stage, number)
    assert {unit: (found[unit].silent_at, found[unit].released_at) for unit in OTHERS} == dict.fromkeys(
        OTHERS, noted
    )
    assert all(
        (entry.silent_at, entry.released_at) == (None, None)
        for unit, entry in found.items()
        if unit not in OTHERS
    )
    fact, other = ("silent", "released") if silent else ("released", "silent")
    assert _last_event(stage, number)["facts"]["unanswered"] == {
        fact: {"units": OTHERS, "reviews": []},
        other: {"units": [], "reviews": []},
    }
    [value] = _records(stage, number)
    said = {entry["unit"]: entry for entry in value["appraisal"]["consultations"]}
    stamp = value["appraisal"]["finalised_at"]
    assert {unit: (said[unit]["silent_at"], said[unit]["released_at"]) for unit in OTHERS} == dict.fromkeys(
        OTHERS, (stamp, None) if silent else (None, stamp)
    )
    _verify(stage, value)


def _verify(stage: Stage, value: dict[str, Any]) -> None:
    found = record_file.verify(canonical(value), stage.library)
    fails = [entry.say("en") for entry in found if entry.outcome == "fails"]
    assert fails == []


def test_silence_that_was_noted_before_stays_of_its_moment(lite: Stage) -> None:
    number = waiting(lite)
    lite.now = datetime(2010, 2, 9, 4, tzinfo=UTC)
    tick(lite.database, lite.library, lite.now)
    noted = lite.now
    lite.wait(hours=5)
    casts.take(lite, "lead", number, "finalise")
    assert {_units(lite, number)[unit].silent_at for unit in OTHERS} == {noted}
    # Nothing is demanded of a closed appraisal any more.
    lite.wait(days=2)
    assert tick(lite.database, lite.library, lite.now).marks == ()


@pytest.mark.parametrize(
    ("who", "step", "given"),
    [
        ("desk", "return_incomplete", {"missing": "A letter."}),
        ("ana", "withdraw", {"note": "No money."}),
        ("desk", "register_approval", {"approval": ApprovalGiven("Minute 12", "Registry")}),
        ("lead", "request_revision", {"changes": (ChangeAsked("Consult all.", "TRI-1"),)}),
    ],
)
def test_however_an_appraisal_ends_units_and_reviewers_are_told_apart(
    lite: Stage, who: str, step: str, given: dict[str, Any]
) -> None:
    number = casts.submitted(lite)
    casts.assign(lite, number)
    casts.rate(lite, number, TRI_1="1")
    # A review of which the date lies ahead holds up what its lead does, and nothing else.
    ahead = _ask(lite, number, date(2010, 3, 1), "ALI")
    if step == "request_revision":
        with lite.database.begin() as db:
            reviews.move_due(
                db, lite.library, lite.people["desk"], lite.now, number, ahead.id, date(2010, 2, 9)
            )
        lite.now = datetime(2010, 2, 10, 9, tzinfo=UTC)
    casts.take(lite, who, number, step, **given)
    unanswered = _last_event(lite, number)["facts"]["unanswered"]
    passed = step == "request_revision"
    fact, other = ("silent", "released") if passed else ("released", "silent")
    assert unanswered == {
        fact: {"units": OTHERS, "reviews": [ahead.id]},
        other: {"units": [], "reviews": []},
    }
    found = _review(lite, number)
    assert (found.silent_at is not None, found.released_at is not None) == (passed, not passed)


def test_an_answer_after_the_closing_is_late_only_after_its_own_date(stage: Stage) -> None:
    number = waiting(stage)
    stage.wait(hours=1)
    casts.take(stage, "lead", number, "finalise")
    closed_at = _units(stage, number)["GENDER"].released_at
    assert closed_at is not None
    for unit, moment, late in (("GENDER", IN_TIME, False), ("NORMES", AFTERWARDS, True)):
        stage.now = moment
        with stage.database.begin() as db:
            given = (number, _units(stage, number)[unit].id, "Our comment.")
            lead.answer_consultation(db, stage.library, stage.people["desk"], stage.now, *given)
        entry = _units(stage, number)[unit]
        assert (entry.answered_at, entry.late, entry.released_at) == (moment, late, closed_at)
        assert _last_event(stage, number)["facts"] == {"unit": unit, "late": late}
    # The sheet of the decision tells of both, and of those who were not awaited any more.
    stage.wait(hours=10)
    casts.take(stage, "chief", number, "approve")
    record, sheet = _records(stage, number)
    assert record["kind"] == "appraisal"
    said = {entry["unit"]: entry for entry in sheet["appraisal"]["consultations"]}
    assert {unit: (said[unit]["answered_at"] is not None, said[unit]["late"]) for unit in OTHERS} == {
        "PROGRAM": (False, False),
        "NORMES": (True, True),
        "GENDER": (True, False),
        "Turin Centre": (False, False),
    }
    assert said["PROGRAM"]["released_at"] == record["appraisal"]["finalised_at"]
    for value in (record, sheet):
        _verify(stage, value)


def test_a_review_signed_in_time_after_the_closing_changes_nothing_in_it(lite: Stage) -> None:
    number = casts.rated(lite)
    review = _ask(lite, number, date(2010, 2, 10), "GEN")
    # The date of the review has passed, and then its reviewer is given another one.
    lite.now = datetime(2010, 2, 11, 9, tzinfo=UTC)
    casts.take(lite, "lead", number, "finalise")
    assert _review(lite, number).silent_at is not None
    with lite.database.begin() as db:
        reviews.move_due(
            db, lite.library, lite.people["desk"], lite.now, number, review.id, date(2010, 2, 19)
        )
    assert (_review(lite, number).silent_at, _review(lite, number).released_at) == (None, None)
    lite.wait(hours=1)
    items = [item for item in casts.items_of(lite, number) if item.startswith("GEN-")]
    with lite.database.begin() as db:
        puts = dict.fromkeys(items, lead.RatingPut("3", "Very good."))
        reviews.rate(db, lite.library, lite.people["eval"], lite.now, number, puts)
        reviews.sign(db, lite.library, lite.people["eval"], lite.now, number)
    signed = _review(lite, number)
    assert (signed.late, casts.load(lite, number).appraisals[-1].counts(signed)) == (False, False)
    lite.wait(hours=1)
    casts.take(lite, "chief", number, "approve")
    for value in _records(lite, number):
        _verify(lite, value)


def _recalled(stage: Stage, number: str) -> None:
    casts.take(stage, "lead", number, "recall", note="One more look.")


def _moved(stage: Stage, number: str) -> None:
    with stage.database.begin() as db:
        given = (number, _review(stage, number).id, date(2010, 3, 8))
        reviews.move_due(db, stage.library, stage.people["desk"], stage.now, *given)


@pytest.mark.parametrize("again", [_recalled, _moved])
def test_whoever_is_asked_again_is_awaited_again(lite: Stage, again: Callable[[Stage, str], None]) -> None:
    number = casts.rated(lite)
    _ask(lite, number, date(2010, 3, 1), "ALI")
    lite.now = datetime(2010, 3, 2, 9, tzinfo=UTC)
    with lite.database.begin() as db:
        given = (number, _review(lite, number).id, date(2010, 3, 3))
        reviews.move_due(db, lite.library, lite.people["desk"], lite.now, *given)
    lite.now = datetime(2010, 3, 4, 9, tzinfo=UTC)
    casts.take(lite, "lead", number, "finalise")
    again(lite, number)
    units, review = _units(lite, number), _review(lite, number)
    if again is _recalled:
        # Their dates have passed: they stay silent, and none of them is released from anything.
        assert all(units[unit].silent_at and not units[unit].released_at for unit in OTHERS)
        assert (review.silent_at is not None, review.released_at) == (True, None)
    else:
        assert (review.due_on, review.silent_at, review.released_at) == (date(2010, 3, 8), None, None)


def test_units_that_were_released_are_awaited_again_after_a_recall(stage: Stage) -> None:
    number = waiting(stage)
    stage.wait(hours=1)
    casts.take(stage, "lead", number, "finalise")
    assert all(_units(stage, number)[unit].released_at for unit in OTHERS)
    _recalled(stage, number)
    found = _units(stage, number)
    assert {(found[unit].silent_at, found[unit].released_at) for unit in OTHERS} == {(None, None)}
    stage.now = AFTERWARDS
    assert geneva_date(stage.now) > LAST_DAY
    marks = tick(stage.database, stage.library, stage.now).marks
    assert marks.count((number, "consult_overdue")) == 4


def test_closing_takes_one_statement_for_units_and_one_for_reviews(lite: Stage) -> None:
    number = waiting(lite)
    with casts.counted() as sent:
        casts.take(lite, "lead", number, "finalise")
    asked = [entry for entry in sent if entry.startswith(("UPDATE consultations", "UPDATE reviews"))]
    assert [entry.split()[1] for entry in asked] == ["consultations"]
