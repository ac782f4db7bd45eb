"""Working days: how long a step may take, how long it took, and when silence ends a proposal."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from appraisal.clock import geneva_date
from appraisal.domain.facts import Case, Hold

ONE_DAY = timedelta(days=1)
SATURDAY = 5


def is_working_day(day: date, holidays: Collection[date]) -> bool:
    """Tell whether a day is neither a Saturday or Sunday nor a holiday."""
    return day.weekday() < SATURDAY and day not in holidays


def add_working_days(
    start: date, days: int, holidays: Collection[date], held: Iterable["Stretch"] = ()
) -> date:
    """Return the day on which the ``days``-th working day after ``start`` falls; held days do not count."""
    stretches = tuple(held)
    day, left = start, days
    while left > 0:
        day += ONE_DAY
        if is_working_day(day, holidays) and not any(day in stretch for stretch in stretches):
            left -= 1
    return day


def working_days_between(
    start: date, end: date, holidays: Collection[date], held: Iterable["Stretch"] = ()
) -> int:
    """Count the working days after ``start`` up to and including ``end``; held days do not count."""
    stretches = tuple(held)
    count, day = 0, start
    while day < end:
        day += ONE_DAY
        if is_working_day(day, holidays) and not any(day in stretch for stretch in stretches):
            count += 1
    return count


@dataclass(frozen=True, slots=True)
class Stretch:
    """Days on which the clock stands: ``last`` is included, None while it goes on."""

    first: date
    last: date | None

    def __contains__(self, day: date) -> bool:
        return self.first <= day and (self.last is None or day <= self.last)

    def days(self, start: date, end: date) -> int:
        """Count its calendar days after ``start`` up to and including ``end``."""
        first = max(self.first, start + ONE_DAY)
        last = end if self.last is None else min(self.last, end)
        return max(0, (last - first).days + 1)


def stretch_of(hold: Hold) -> Stretch:
    """Return the days that a hold takes out: from its first to the day before its release, or its last."""
    first = geneva_date(hold.since)
    if hold.released_at is None:
        return Stretch(first, hold.until)
    return Stretch(first, min(geneva_date(hold.released_at) - ONE_DAY, hold.until))


@dataclass(frozen=True, slots=True)
class Clock:
    """The clock of a state: ``limit`` and ``used`` in working days, ``due_on`` its last day."""

    limit: int
    used: int
    due_on: date

    @property
    def is_overdue(self) -> bool:
        """Tell whether more days were used than the limit gives."""
        return self.used > self.limit


def clock(case: Case, limit: int, since: datetime, until: datetime, station: str = "Geneva") -> Clock:
    """Measure a stay in a state from ``since`` to ``until`` against a limit."""
    holidays = case.holidays.get(station, frozenset())
    held = tuple(stretch_of(hold) for hold in case.holds)
    start, end = geneva_date(since), geneva_date(until)
    return Clock(
        limit,
        working_days_between(start, end, holidays, held),
        add_working_days(start, limit, holidays, held),
    )


def shifted(case: Case, asked_at: datetime, due_on: date, station: str = "Geneva") -> date:
    """Return a due day with the days on hold since it was set added, working day by working day."""
    holidays = case.holidays.get(station, frozenset())
    held = tuple(stretch_of(hold) for hold in case.holds)
    start = geneva_date(asked_at)
    return add_working_days(start, working_days_between(start, due_on, holidays), holidays, held)


def lapses_on(case: Case, days: int) -> date:
    """Return the first day on which silence of ``days`` calendar days has ended a proposal.

    Day 1 is the day after the last sign of life; the proposal lapses after the midnight in Geneva
    that ends day ``days``. Days on hold do not count.
    """
    last_sign = case.state_since if case.edited_at is None else max(case.state_since, case.edited_at)
    start = geneva_date(last_sign)
    held = tuple(stretch_of(hold) for hold in case.holds)
    day, silent = start, 0
    while silent < days:
        day += ONE_DAY
        if not any(day in stretch for stretch in held):
            silent += 1
    return day + ONE_DAY
