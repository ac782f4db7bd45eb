"""A year, day by day: holds, reminders, silence, lapse and reopening, each on its exact date."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from appraisal.app.daily import tick
from appraisal.appraisals.rules.conditions import ConditionPut
from appraisal.appraisals.services import lead
from appraisal.database import tables
from appraisal.deadlines import services as deadlines_services
from appraisal.proposals.rules.attempt import ChangeAsked
from appraisal.workflow.services import time_steps
from tests import casts
from tests.casts import Stage

ONE_DAY = timedelta(days=1)
HOLIDAYS = {
    "Geneva": (
        date(2010, 4, 2),
        date(2010, 4, 5),
        date(2010, 5, 13),
        date(2010, 5, 24),
        date(2010, 12, 24),
        date(2010, 12, 31),
        date(2011, 1, 3),
    ),
    "Lusaka": (date(2010, 3, 8), date(2010, 3, 12), date(2010, 5, 25)),
}
Diary = list[tuple[date, str, str]]


def _enter_holidays(stage: Stage) -> None:
    with stage.database.begin() as db:
        for station, days in HOLIDAYS.items():
            for day in days:
                deadlines_services.enter_holiday(
                    db, stage.people["admin"], stage.now, station, day, "Day off"
                )


def _live(
    stage: Stage, until: date, acts: Mapping[date, Callable[[], object]], names: dict[str, str]
) -> Diary:
    """Let every day begin with a tick, and bring what people do at ten in the morning; keep a diary."""
    diary: Diary = []
    day = stage.now.date()
    while day < until:
        day += ONE_DAY
        stage.now = datetime(day.year, day.month, day.day, 0, tzinfo=UTC)
        done = tick(stage.database, stage.library, stage.now)
        assert done.faults == ()
        diary += [(day, names[number], what) for number, what in (*done.steps, *done.marks)]
        if day in acts:
            stage.now = datetime(day.year, day.month, day.day, 9, tzinfo=UTC)
            acts[day]()
    return diary


def _answer_bureaux(stage: Stage, number: str) -> None:
    for who in ("actemp", "actrav"):
        casts.speak(stage, number, who)


def _finalise_with_condition(stage: Stage, number: str, due_on: date) -> None:
    casts.rate(stage, number, TRI_4="1")
    put = ConditionPut("Mend this.", "TRI-4", "Project manager", due_on, "before_start")
    with stage.database.begin() as db:
        lead.recommend(db, stage.library, stage.people["lead"], stage.now, number, conditions=[put])
    casts.take(stage, "lead", number, "finalise")


@pytest.mark.thorough
def test_a_year_goes_by(stage: Stage) -> None:
    _enter_holidays(stage)
    silent = casts.submitted(stage, duty_station="Lusaka")
    revised, held, bound = (casts.submitted(stage) for _ in range(3))
    names = {silent: "silent", revised: "revised", held: "held", bound: "bound"}

    def take(who: str, number: str, step: str, **given: Any) -> Callable[[], object]:
        return lambda: casts.take(stage, who, number, step, **given)

    def request_revision() -> None:
        casts.rate(stage, revised, TRI_1="1")
        casts.take(stage, "lead", revised, "request_revision", changes=(ChangeAsked("More.", "TRI-1"),))

    def open_two() -> None:
        casts.take(stage, "desk", silent, "return_incomplete", missing="Everything.")
        casts.take(stage, "desk", bound, "assign", lead="lead")
        _answer_bureaux(stage, bound)

    acts = {
        date(2010, 2, 2): open_two,
        date(2010, 2, 3): take("desk", revised, "assign", lead="lead"),
        date(2010, 2, 8): lambda: _finalise_with_condition(stage, bound, date(2010, 6, 30)),
        date(2010, 2, 12): take("chief", bound, "approve"),
        date(2010, 2, 15): request_revision,
        date(2010, 4, 1): lambda: casts.resubmit(stage, revised),
        date(2010, 4, 12): take("ana", revised, "withdraw", note="Enough."),
        date(2010, 5, 10): take("desk", silent, "reopen"),
        date(2010, 12, 15): take("desk", held, "assign", lead="lead"),
        date(2010, 12, 20): take("desk", held, "hold", until=date(2011, 1, 9), note="Elections."),
        date(2011, 2, 1): take("ana", held, "withdraw", note="Enough."),
    }
    diary = _live(stage, date(2011, 2, 28), acts, names)

    assert sorted(diary) == sorted(
        [
            # Two working days from Monday 1 February; nobody assigned it for months.
            (date(2010, 2, 4), "held", "overdue"),
            # Five working days from Monday 8 February end on the 15th; approved before.
            (date(2010, 2, 11), "bound", "due_soon"),
            # Five working days from Wednesday 3 February end on the 10th: six units are silent.
            *[(date(2010, 2, 11), "revised", "consult_overdue")] * 6,
            # Ten working days from Tuesday 2 February end on the 16th.
            (date(2010, 2, 12), "silent", "due_soon"),
            # Ten working days from Wednesday 3 February end on the 17th; a revision is asked for that day.
            (date(2010, 2, 15), "revised", "due_soon"),
            (date(2010, 2, 17), "silent", "overdue"),
            # Fifteen working days from Monday 15 February; twenty end on 15 March.
            (date(2010, 3, 8), "revised", "reminder"),
            (date(2010, 3, 11), "revised", "due_soon"),
            (date(2010, 3, 16), "revised", "overdue"),
            # Submitted on Maundy Thursday: the two working days are Tuesday and Wednesday.
            (date(2010, 4, 8), "revised", "overdue"),
            # The midnight that ends day 90 after 2 February.
            (date(2010, 5, 4), "silent", "lapse"),
            # Reopened on Monday 10 May; in Lusaka Whit Monday is day ten, and in Geneva a holiday.
            (date(2010, 5, 20), "silent", "due_soon"),
            (date(2010, 5, 25), "silent", "overdue"),
            (date(2010, 7, 1), "bound", "condition_overdue"),
            (date(2010, 8, 9), "silent", "lapse"),
            # Two days before the hold, which ends on Sunday 9 January; three and eight after it.
            (date(2011, 1, 10), "held", "end_hold"),
            *[(date(2011, 1, 13), "held", "consult_overdue")] * 6,
            (date(2011, 1, 17), "held", "due_soon"),
            (date(2011, 1, 20), "held", "overdue"),
        ]
    )
    last = casts.load(stage, held).steps[-1]
    assert (last.name, last.track, last.days_used, last.days_limit) == ("withdraw", "standard", 19, 10)
    # Whoever had not answered when the appraisal was finalised is no longer awaited: the date lay ahead.
    asked = casts.load(stage, bound).appraisals[0].consultations
    released = [entry.unit for entry in asked if entry.released_at]
    assert released == ["PROGRAM", "NORMES", "GENDER", "Turin Centre"]
    assert not any(entry.silent_at for entry in asked)
    table = tables.proposals
    with stage.database.read() as db:
        assert list(db.execute(select(table.c.wake_on)).scalars()) == [None] * 4
    before = casts.contents(stage)
    assert tick(stage.database, stage.library, stage.now) == time_steps.Ticked()
    assert casts.contents(stage) == before
