"""Working days, holds and lapse, by the calendar of Geneva."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appraisal.deadlines.rules.working_days import (
    Stretch,
    add_working_days,
    clock,
    is_working_day,
    lapses_on,
    leads,
    present,
    shift,
    shifted,
    station,
    stretch_of,
    subtract_working_days,
    working_days_between,
)
from appraisal.definitions.library import Library
from appraisal.people.facts import Person
from appraisal.proposals.facts import Case, Hold, Step
from appraisal.vocabulary import bounds
from tests.builders import AUTHOR, LEAD, OTHER_APPRAISER, book_of, submitted, under_appraisal

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


@given(days, st.integers(1, 60))
def test_subtracting_undoes_adding(start: date, count: int) -> None:
    end = add_working_days(start, count, EASTER)
    found = subtract_working_days(end, count, EASTER)
    # From a day off one comes back to the working day before it.
    assert found == (start if is_working_day(start, EASTER) else subtract_working_days(start, 1, EASTER))


def _led(case: Case, *named: tuple[Person, str], since: datetime) -> Case:
    """Return the case with leads named a day apart, each working at a duty station."""
    steps = tuple(
        Step(number, "name", "reassign", "a", "a", since + timedelta(days=number), 2, lead=person.id)
        for number, (person, _) in enumerate(named)
    )
    moved = {person.id: replace(person, duty_station=place) for person, place in named}
    return replace(case, steps=steps, state_since=since, people={**case.people, **moved})


def test_a_clock_follows_the_station_of_whoever_holds_the_proposal(library: Library) -> None:
    book = book_of(library)
    states = book.workflow.states
    calendars = {"Geneva": EASTER, "Lusaka": frozenset({date(2012, 3, 12)})}
    case = under_appraisal(book, {"duty_station": "Lusaka"})
    case = _led(replace(case, holidays=calendars), (LEAD, "Lusaka"), since=at(2012, 3, 1))
    assert station(case, states["under_appraisal"]) == "Lusaka"
    assert station(case, states["incomplete"]) == "Lusaka"
    assert station(case, states["submitted"]) == "Geneva"
    assert station(case, states["awaiting_decision"]) == "Geneva"
    # A station of which nobody has entered a holiday follows headquarters.
    assert station(replace(case, holidays={"Geneva": EASTER}), states["under_appraisal"]) == "Geneva"
    assert station(replace(case, holidays={}), states["incomplete"]) == "Geneva"


def test_what_an_author_is_still_writing_does_not_move_his_clock(library: Library) -> None:
    case = replace(
        submitted(holidays={"Geneva": EASTER, "Lusaka": EASTER}),
        content={"identification": {"duty_station": "Lusaka"}},
    )
    assert AUTHOR.id in case.related("author")
    assert station(case, book_of(library).workflow.states["incomplete"]) == "Geneva"


def test_a_new_lead_elsewhere_never_gets_less_time(library: Library) -> None:
    book = book_of(library)
    geneva, lusaka = frozenset({date(2012, 3, 8), date(2012, 3, 9)}), frozenset({date(2012, 3, 12)})
    case = replace(under_appraisal(book), holidays={"Geneva": geneva, "Lusaka": lusaka})
    here = _led(case, (LEAD, "Geneva"), since=at(2012, 3, 1))
    there = _led(case, (LEAD, "Geneva"), (OTHER_APPRAISER, "Lusaka"), since=at(2012, 3, 1))
    alone = _led(case, (LEAD, "Lusaka"), since=at(2012, 3, 1))
    found = {
        name: present(book.workflow, given, at(2012, 3, 13))
        for name, given in (("here", here), ("there", there), ("alone", alone))
    }
    # Ten working days from Thursday 1 March; two days off in Geneva, one in Lusaka.
    assert {name: (clock.due_on, clock.used, clock.station) for name, clock in found.items() if clock} == {
        "here": (date(2012, 3, 19), 6, "Geneva"),
        "there": (date(2012, 3, 19), 6, "Geneva"),
        "alone": (date(2012, 3, 16), 7, "Lusaka"),
    }
    assert leads(there, at(2012, 3, 1)) == [LEAD.id, OTHER_APPRAISER.id]
    # The next stay is the new lead's alone.
    assert leads(there, at(2012, 3, 5)) == [OTHER_APPRAISER.id]


def test_a_due_day_moves_with_holds_and_never_back() -> None:
    hold = Hold(at(2012, 3, 6), date(2012, 3, 7), "Wait.", 2, at(2012, 3, 8))
    case = submitted(holidays={"Geneva": EASTER})
    assert shifted(case, at(2012, 3, 1), date(2012, 3, 9)) == date(2012, 3, 9)
    assert shifted(replace(case, holds=(hold,)), at(2012, 3, 1), date(2012, 3, 9)) == date(2012, 3, 13)
    # Set on a Sunday, or on what became a holiday afterwards.
    assert shifted(case, at(2012, 3, 1), date(2012, 3, 11)) == date(2012, 3, 11)
    assert shifted(case, at(2012, 3, 26), date(2012, 4, 6)) == date(2012, 4, 6)


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


@pytest.mark.sampled(1)
@pytest.mark.parametrize("far", [date.min, date(201, 3, 4), date(9999, 12, 31)])
def test_a_day_out_of_all_bounds_is_counted_in_no_time_and_without_an_error(far: date) -> None:
    held = (Stretch(date(2012, 4, 1), far),)
    asked = at(2012, 4, 1)
    for start, end in ((far, date(2012, 4, 5)), (date(2012, 4, 5), far), (far, far)):
        assert 0 <= working_days_between(start, end, EASTER, held) < 260 * 150
    assert add_working_days(far, 5, EASTER, held) >= far
    assert subtract_working_days(far, 5, EASTER, held) <= far
    assert held[0].days(far, date.max) >= 0
    assert shift(asked, far, EASTER, held) == max(far, date(2012, 4, 1))
    # A hold that never ends lets nothing fall due while anybody looks.
    forever = (Stretch(date(2012, 4, 1), date.max),)
    assert add_working_days(date(2012, 4, 5), 5, EASTER, forever) == bounds.LATEST
    until = replace(submitted(), state_since=asked, holds=(Hold(asked, date.max, "Wait.", 2),))
    assert lapses_on(until, 30) > bounds.LATEST
