"""Working days measure how long a step may take and took, and when silence ends a proposal.

Days are counted between the earliest and the latest that anything is about (``bounds``), so that a day that
was entered far outside of them costs neither an error nor thousands of years of counting.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from appraisal.clock import geneva_date
from appraisal.definitions.workflows import State, Workflow
from appraisal.proposals.facts import Case, Hold
from appraisal.proposals.rules import form
from appraisal.proposals.rules.rounds import awaits_manager, waits
from appraisal.vocabulary import bounds
from appraisal.vocabulary.bounds import ONE_DAY

SATURDAY = 5
# Headquarters: the calendar of coordinators and managers, and of any station that keeps none of its own.
GENEVA: Final = "Geneva"


def is_working_day(day: date, holidays: Collection[date]) -> bool:
    """Tell whether a day is neither a Saturday or Sunday nor a holiday."""
    return day.weekday() < SATURDAY and day not in holidays


def add_working_days(
    start: date, days: int, holidays: Collection[date], held: Iterable["Stretch"] = ()
) -> date:
    """Return the day on which the ``days``-th working day after ``start`` falls; held days do not count."""
    stretches = tuple(held)
    day, left = start, days
    while left > 0 and day < bounds.LATEST:
        day += ONE_DAY
        if is_working_day(day, holidays) and not any(day in stretch for stretch in stretches):
            left -= 1
    return day


def subtract_working_days(
    end: date, days: int, holidays: Collection[date], held: Iterable["Stretch"] = ()
) -> date:
    """Return the working day that lies ``days`` working days before ``end``; held days do not count."""
    stretches = tuple(held)
    day, left = end, days
    while left > 0 and day > bounds.EARLIEST:
        day -= ONE_DAY
        if is_working_day(day, holidays) and not any(day in stretch for stretch in stretches):
            left -= 1
    return day


def working_days_between(
    start: date, end: date, holidays: Collection[date], held: Iterable["Stretch"] = ()
) -> int:
    """Count the working days after ``start`` up to and including ``end``; held days do not count."""
    stretches = tuple(held)
    count, day, last = 0, max(start, bounds.EARLIEST - ONE_DAY), min(end, bounds.LATEST)
    while day < last:
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
        first = max(self.first, bounds.after(start))
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
    """The clock of a state: ``limit`` and ``used`` in working days, ``due_on`` its last day.

    ``station`` is whose calendar the days were counted by.
    """

    limit: int
    used: int
    due_on: date
    station: str = GENEVA

    @property
    def is_overdue(self) -> bool:
        """Tell whether more days were used than the limit gives."""
        return self.used > self.limit


def clock(case: Case, limit: int, since: datetime, until: datetime, station: str = GENEVA) -> Clock:
    """Measure a stay in a state from ``since`` to ``until`` against a limit."""
    holidays, held = _days_off(case, station)
    start, end = geneva_date(since), geneva_date(until)
    return Clock(
        limit,
        working_days_between(start, end, holidays, held),
        add_working_days(start, limit, holidays, held),
        station,
    )


def _days_off(case: Case, station: str) -> tuple[Collection[date], tuple[Stretch, ...]]:
    """Return the days of a station that do not count for a proposal: holidays, and when its clock stood."""
    return case.holidays.get(station, frozenset()), _standstills(case)


def _standstills(case: Case) -> tuple[Stretch, ...]:
    """Return when the clock of a proposal stood: on hold, or while a manager's leave was awaited."""
    awaited = (Stretch(geneva_date(asked.at), geneva_date(given.at)) for asked, given in waits(case))
    return (*(stretch_of(hold) for hold in case.holds), *awaited)


def station(case: Case, state: State, lead: int | None = None) -> str:
    """Return the duty station by whose calendar the clock of a state goes: that of whoever holds it.

    An author works where the version submitted last says; a lead where their account says, the
    present one unless another is given. Who holds it elsewhere is at headquarters, and a station
    without a calendar follows that of headquarters.
    """
    name = GENEVA
    if state.holder == "author":
        content = case.version.content if case.version else case.content
        name = str(form.value(content, "identification.duty_station"))
    elif state.holder == "lead":
        holder = case.people.get(lead or leads(case, case.state_since)[-1])
        name = holder.duty_station if holder else GENEVA
    return name if case.holidays.get(name) else GENEVA


def leads(case: Case, since: datetime, until: datetime | None = None) -> Sequence[int]:
    """Return those who led during a stay that began at ``since``, one after the other; 0 for nobody."""
    named = [step for step in case.steps if step.lead is not None and (until is None or step.at <= until)]
    before = [step.lead for step in named if step.at <= since]
    found = [*before[-1:], *(step.lead for step in named if step.at > since)]
    running = case.appraisal or case.finalised
    return [lead for lead in found if lead is not None] or [running.lead if running else 0]


def measure(case: Case, state: State, track: str, since: datetime, until: datetime) -> Clock | None:
    """Measure a stay in a state that has a limit for a track; None for one that has none.

    Everything that says how long something took or may take asks here. Of several leads of one
    stay the calendar that gives the latest day counts, since a running deadline never gets
    shorter (domain rules, section 3.4).
    """
    limit = state.clock.get(track)
    if limit is None:
        return None
    held_by = leads(case, since, until) if state.holder == "lead" else (None,)
    stations = dict.fromkeys(station(case, state, lead) for lead in reversed(held_by))
    clocks = [clock(case, limit, since, until, name) for name in stations]
    return max(clocks, key=lambda found: found.due_on)


def present(workflow: Workflow, case: Case, until: datetime) -> Clock | None:
    """Measure the stay in the present state; None where it has no limit, or while a manager is awaited."""
    if awaits_manager(workflow, case):
        return None
    return measure(case, workflow.states[case.state], case.track, case.state_since, until)


def on_day(case: Case, measured: Clock, since: datetime, days: int) -> date:
    """Return the day on which so many working days of a stay that was measured are used."""
    holidays, held = _days_off(case, measured.station)
    return add_working_days(geneva_date(since), days, holidays, held)


def before(case: Case, due_on: date, days: int, station: str = GENEVA) -> date:
    """Return the working day that lies so many working days before a due day."""
    holidays, held = _days_off(case, station)
    return subtract_working_days(due_on, days, holidays, held)


def shifted(case: Case, asked_at: datetime, due_on: date, station: str = GENEVA) -> date:
    """Return a due day with the days on hold since it was set added; see :func:`shift`."""
    holidays, held = _days_off(case, station)
    return shift(asked_at, due_on, holidays, held)


def shift(asked_at: datetime, due_on: date, holidays: Collection[date], held: Sequence[Stretch]) -> date:
    """Return a due day with the days on hold since it was set added, working day by working day.

    It never moves to an earlier day, not even one that was set on a day off.
    """
    if due_on > bounds.LATEST:
        return due_on
    start = geneva_date(asked_at)
    days = working_days_between(start, due_on, holidays)
    return max(due_on, add_working_days(start, days, holidays, held))


def signature_due(case: Case, signed_at: datetime, days: int) -> date:
    """Return the last day for a second signature, so many working days at headquarters after the first."""
    return add_working_days(geneva_date(signed_at), days, case.holidays.get(GENEVA, frozenset()))


def lapses_on(case: Case, days: int) -> date:
    """Return the first day on which silence of ``days`` calendar days has ended a proposal.

    Day 1 is the day after the last sign of life; the proposal lapses after the midnight in Geneva
    that ends day ``days``. Days on hold, or on which a manager was awaited, do not count.
    """
    last_sign = case.state_since if case.edited_at is None else max(case.state_since, case.edited_at)
    start = geneva_date(last_sign)
    held = _standstills(case)
    day, silent = start, 0
    while silent < days and day < bounds.LATEST:
        day += ONE_DAY
        if not any(day in stretch for stretch in held):
            silent += 1
    return day + ONE_DAY
