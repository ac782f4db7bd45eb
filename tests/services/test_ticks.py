"""Time: lapse on the right day in Geneva, reopening, holds that shift deadlines, and reminders once."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select

from appraisal.domain.steps import ChangeAsked
from appraisal.services import settings, ticks
from appraisal.storage import tables
from tests import casts
from tests.casts import Stage

SECOND = timedelta(seconds=1)


def _tick(stage: Stage) -> ticks.Ticked:
    return ticks.tick(stage.database, stage.library, stage.now)


def _incomplete(stage: Stage) -> str:
    number = casts.submitted(stage)
    casts.take(stage, "desk", number, "return_incomplete", missing="A letter.")
    return number


def _due_on(stage: Stage, number: str) -> date | None:
    table = tables.Proposal.__table__
    with stage.database.read() as db:
        found: date | None = db.execute(select(table.c.due_on).where(table.c.number == number)).scalar_one()
    return found


@pytest.mark.parametrize(
    ("started", "midnight"),
    [
        # Summer time begins in between: the midnight that ends day 90 comes an hour earlier in UTC.
        (datetime(2010, 2, 1, 9, tzinfo=UTC), datetime(2010, 5, 2, 22, tzinfo=UTC)),
        # Summer time ends in between.
        (datetime(2010, 9, 1, 9, tzinfo=UTC), datetime(2010, 11, 30, 23, tzinfo=UTC)),
        # Sent back after midnight in Geneva, before midnight in UTC.
        (datetime(2010, 5, 31, 22, 30, tzinfo=UTC), datetime(2010, 8, 30, 22, tzinfo=UTC)),
    ],
)
def test_silence_ends_a_proposal_at_midnight_in_geneva(
    lite: Stage, started: datetime, midnight: datetime
) -> None:
    lite.now = started
    number = _incomplete(lite)
    lite.now = midnight - SECOND
    before = casts.contents(lite)
    assert _tick(lite).steps == ()
    assert {name: rows for name, rows in casts.contents(lite).items() if name != "reminders"} == {
        name: rows for name, rows in before.items() if name != "reminders"
    }
    lite.now = midnight
    assert _tick(lite).steps == ((number, "lapse"),)
    case = casts.load(lite, number)
    assert (case.state, case.steps[-1].by) == ("lapsed", 0)


def test_a_sign_of_life_starts_the_days_again(lite: Stage) -> None:
    number = _incomplete(lite)
    lite.wait(days=80)
    casts.save(lite, number, "gender", analysis="Still here.")
    lite.wait(days=80)
    assert _tick(lite).steps == ()
    lite.wait(days=11)
    assert _tick(lite).steps == ((number, "lapse"),)


def test_nobody_makes_a_proposal_lapse_by_hand(lite: Stage) -> None:
    number = _incomplete(lite)
    lite.wait(days=91)
    assert casts.refused(lite, "desk", number, "lapse") == ("not_system",)


def test_a_lapsed_proposal_is_reopened_twice_and_no_more(lite: Stage) -> None:
    number = casts.revision(lite)
    pins = casts.load(lite, number)
    for _ in range(2):
        lite.wait(days=92)
        assert _tick(lite).steps == ((number, "lapse"),)
        case = casts.take(lite, "desk", number, "reopen")
        assert case.state == "revision_requested"
        # The days start again with the reopening.
        lite.wait(days=89)
        assert _tick(lite).steps == ()
        lite.wait(days=-89)
    lite.wait(days=92)
    _tick(lite)
    assert casts.refused(lite, "desk", number, "reopen") == ("reopenings_spent",)
    case = casts.load(lite, number)
    assert (case.state, case.workflow, case.set) == ("lapsed", pins.workflow, pins.set)


def _hold(stage: Stage, number: str, until: date) -> None:
    casts.take(stage, "desk", number, "hold", until=until, note="Elections.")


def test_a_hold_shifts_the_due_date_and_ends_by_itself(stage: Stage) -> None:
    number = casts.submitted(stage)
    # Monday 1 February and two working days.
    assert _due_on(stage, number) == date(2010, 2, 3)
    stage.wait(days=1)
    _hold(stage, number, date(2010, 2, 9))
    assert _due_on(stage, number) == date(2010, 2, 11)
    stage.now = datetime(2010, 2, 9, 23, tzinfo=UTC) - SECOND
    assert _tick(stage) == ticks.Ticked((), ())
    stage.now += SECOND
    assert _tick(stage).steps == ((number, "end_hold"),)
    assert casts.load(stage, number).hold is None
    assert _due_on(stage, number) == date(2010, 2, 11)


def test_an_early_release_gives_back_only_the_days_held(lite: Stage) -> None:
    number = casts.submitted(lite)
    lite.wait(days=1)
    _hold(lite, number, date(2010, 2, 9))
    lite.wait(days=2)
    casts.take(lite, "desk", number, "release")
    assert _due_on(lite, number) == date(2010, 2, 5)
    assert casts.refused(lite, "desk", number, "release") == ("not_held",)


def test_a_hold_that_nobody_ended_in_time_gives_no_more_days(lite: Stage) -> None:
    number = casts.submitted(lite)
    lite.wait(days=1)
    _hold(lite, number, date(2010, 2, 9))
    lite.wait(days=60)
    _tick(lite)
    assert _due_on(lite, number) == date(2010, 2, 11)


def test_held_days_do_not_count_as_silence(lite: Stage) -> None:
    number = _incomplete(lite)
    lite.wait(days=10)
    _hold(lite, number, date(2010, 3, 3))
    # From 11 February to 3 March: 21 days, after which day 90 is 23 May instead of 2 May.
    lite.now = datetime(2010, 5, 23, 21, 59, tzinfo=UTC)
    assert _tick(lite).steps == ((number, "end_hold"),)
    lite.wait(minutes=1)
    assert _tick(lite).steps == ((number, "lapse"),)


def test_one_tick_ends_a_hold_and_what_was_due_behind_it(stage: Stage) -> None:
    number = _incomplete(stage)
    _hold(stage, number, date(2010, 2, 10))
    stage.wait(days=200)
    assert _tick(stage).steps == ((number, "end_hold"), (number, "lapse"))


@pytest.mark.parametrize("until", [date(2010, 1, 1), date(2010, 2, 1)])
def test_a_hold_ends_in_the_future(lite: Stage, until: date) -> None:
    number = casts.submitted(lite)
    assert casts.refused(lite, "desk", number, "hold", until=until, note="Elections.") == ("until_past",)


def test_on_hold_only_withdrawing_and_releasing_are_open(lite: Stage) -> None:
    number = casts.submitted(lite)
    _hold(lite, number, date(2010, 6, 1))
    assert casts.refused(lite, "desk", number, "assign", lead="lead") == ("on_hold",)
    assert casts.refused(lite, "desk", number, "return_incomplete", missing="A letter.") == ("on_hold",)
    assert casts.refused(lite, "desk", number, "hold", until=date(2010, 7, 1), note="More.") == ("on_hold",)
    casts.take(lite, "ana", number, "withdraw", note="No longer needed.")


def test_a_tick_does_nothing_twice(stage: Stage) -> None:
    casts.revision(stage)
    casts.awaiting(stage)
    stage.wait(days=30)
    first = _tick(stage)
    assert {kind for _, kind in first.marks} == {"reminder", "overdue"}
    before = casts.contents(stage)
    assert _tick(stage) == ticks.Ticked((), ())
    assert casts.contents(stage) == before


def test_marks_are_set_once_a_stay(stage: Stage) -> None:
    number = casts.revision(stage)
    stage.now = datetime(2010, 2, 22, 9, tzinfo=UTC)
    # Fifteen working days after Monday 1 February.
    assert _tick(stage).marks == ((number, "reminder"),)
    stage.now = datetime(2010, 3, 1, 22, 59, tzinfo=UTC)
    assert _tick(stage).marks == ()
    stage.wait(minutes=1)
    assert _tick(stage).marks == ((number, "overdue"),)
    casts.resubmit(stage, number)
    casts.assign(stage, number)
    casts.rate(stage, number, TRI_1="1")
    casts.take(stage, "lead", number, "request_revision", changes=(ChangeAsked("More."),))
    stage.wait(days=40)
    assert _tick(stage).marks == ((number, "reminder"), (number, "overdue"))


def test_holidays_of_geneva_give_another_day(stage: Stage) -> None:
    with stage.database.begin() as db:
        settings.enter_holiday(db, stage.people["admin"], stage.now, "Geneva", date(2010, 2, 3), "Day off")
        settings.enter_holiday(db, stage.people["admin"], stage.now, "Lusaka", date(2010, 2, 4), "Day off")
    assert _due_on(stage, casts.submitted(stage)) == date(2010, 2, 4)
