"""Working days, holds and lapse, by the calendar of Geneva."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appraisal.domain.calendars import (
    Stretch,
    add_working_days,
    clock,
    is_working_day,
    lapses_on,
    stretch_of,
    working_days_between,
)
from appraisal.domain.facts import Hold
from tests.builders import submitted

# In 2012, 5 April is a Thursday; Good Friday and Easter Monday follow.
EASTER = frozenset({date(2012, 4, 6), date(2012, 4, 9)})
days = st.dates(date(2009, 1, 1), date(2016, 12, 31))


def at(year: int, month: int, day: int, hour: int = 12, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "working"),
    [
        (date(2012, 4, 5), True),
        (date(2012, 4, 6), False),
        (date(2012, 4, 7), False),
        (date(2012, 4, 8), False),
    ],
)
def test_working_days(day: date, working: bool) -> None:
    assert is_working_day(day, EASTER) is working


@pytest.mark.parametrize(
    ("start", "count", "end"),
    [
        (date(2012, 4, 5), 0, date(2012, 4, 5)),
        (date(2012, 4, 5), 1, date(2012, 4, 10)),
        (date(2012, 4, 4), 2, date(2012, 4, 10)),
        (date(2012, 4, 7), 1, date(2012, 4, 10)),
        (date(2012, 12, 28), 2, date(2013, 1, 1)),
    ],
)
def test_adding_working_days(start: date, count: int, end: date) -> None:
    assert add_working_days(start, count, EASTER) == end


def test_held_days_do_not_count() -> None:
    held = [Stretch(date(2012, 4, 10), date(2012, 4, 11))]
    assert add_working_days(date(2012, 4, 5), 1, EASTER, held) == date(2012, 4, 12)
    assert working_days_between(date(2012, 4, 5), date(2012, 4, 12), EASTER, held) == 1


@given(days, st.integers(0, 60))
def test_counting_undoes_adding(start: date, count: int) -> None:
    end = add_working_days(start, count, EASTER)
    assert working_days_between(start, end, EASTER) == count


@given(days, st.integers(0, 40), st.integers(0, 40))
def test_stretches_of_time_add_up(start: date, first: int, second: int) -> None:
    middle = start + timedelta(days=first)
    end = middle + timedelta(days=second)
    whole = working_days_between(start, end, EASTER)
    assert whole == working_days_between(start, middle, EASTER) + working_days_between(middle, end, EASTER)


def test_days_of_a_stretch() -> None:
    stretch = Stretch(date(2012, 4, 3), date(2012, 4, 5))
    assert stretch.days(date(2012, 4, 1), date(2012, 4, 30)) == 3
    assert stretch.days(date(2012, 4, 3), date(2012, 4, 4)) == 1
    assert stretch.days(date(2012, 4, 5), date(2012, 4, 30)) == 0
    assert Stretch(date(2012, 4, 3), None).days(date(2012, 4, 1), date(2012, 4, 30)) == 28


@pytest.mark.parametrize(
    ("released", "last"),
    [
        (None, date(2012, 4, 20)),
        (at(2012, 4, 12), date(2012, 4, 11)),
        (at(2012, 4, 10), date(2012, 4, 9)),
        # The tick that ends a hold may come late; the clock runs again all the same.
        (at(2012, 4, 25), date(2012, 4, 20)),
    ],
)
def test_a_hold_stops_the_clock_until_it_is_released(released: datetime | None, last: date) -> None:
    hold = Hold(at(2012, 4, 10), date(2012, 4, 20), "Wait.", 2, released)
    assert stretch_of(hold) == Stretch(date(2012, 4, 10), last)


def test_the_clock_of_a_state() -> None:
    case = submitted(holidays={"Geneva": EASTER})
    # Half past ten in the evening, UTC, is the next day in Geneva.
    measured = clock(case, 2, at(2012, 4, 4, 22, 30), at(2012, 4, 11))
    assert (measured.used, measured.due_on, measured.is_overdue) == (2, date(2012, 4, 11), False)
    later = clock(case, 2, at(2012, 4, 4, 22, 30), at(2012, 4, 11, 22, 30))
    assert (later.used, later.is_overdue) == (3, True)


def test_each_duty_station_has_its_own_holidays() -> None:
    case = submitted(holidays={"Geneva": EASTER, "Lusaka": frozenset()})
    measured = clock(case, 5, at(2012, 4, 5), at(2012, 4, 9), "Lusaka")
    assert (measured.used, measured.due_on) == (2, date(2012, 4, 12))


def test_lapse_counts_from_the_last_sign_of_life() -> None:
    case = submitted(state="incomplete", state_since=at(2012, 1, 1))
    assert lapses_on(case, 90) == date(2012, 4, 1)
    edited = submitted(state="incomplete", state_since=at(2012, 1, 1), edited_at=at(2012, 1, 31, 23, 30))
    assert lapses_on(edited, 90) == date(2012, 5, 2)
    older = submitted(state="incomplete", state_since=at(2012, 1, 1), edited_at=at(2011, 6, 1))
    assert lapses_on(older, 90) == date(2012, 4, 1)


def test_lapse_does_not_count_days_on_hold() -> None:
    hold = Hold(at(2012, 1, 10), date(2012, 1, 19), "Wait.", 2, at(2012, 1, 30))
    case = submitted(state="incomplete", state_since=at(2012, 1, 1), holds=(hold,))
    assert lapses_on(case, 90) == date(2012, 4, 11)
