"""Due dates are what time demands of a proposal, and the first day on which it does.

What a tick does and when it has to come are read from the same list, so that a proposal is never
looked at too late. Looking too early is harmless.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from appraisal.clock import geneva_date
from appraisal.deadlines.rules import working_days
from appraisal.definitions.workflows import Transition
from appraisal.proposals.facts import Case, Consultation, Review
from appraisal.proposals.rules.rounds import awaits_manager
from appraisal.proposals.rules.rulebook import Rulebook
from appraisal.vocabulary import bounds

# Who still has something to do is reminded so many working days before the last one.
NOTICE: Final = 2

Kind = Literal[
    "due_soon",
    "reminder",
    "overdue",
    "review_soon",
    "review_overdue",
    "consult_overdue",
    "condition_overdue",
]


@dataclass(frozen=True, slots=True)
class Demand:
    """Something to be said once from a day on, and after ``last`` no more.

    ``subject`` is what it is about: the sequence number of the step that began the stay, or the id
    of a review, a consultation or a condition. ``due_on`` is the day that it speaks of.
    """

    kind: Kind
    subject: int
    first: date
    due_on: date
    last: date | None = None

    def falls_on(self, day: date) -> bool:
        """Tell whether it is to be said on a day, unless it was said before."""
        return self.first <= day and (self.last is None or day <= self.last)


def demands(book: Rulebook, case: Case) -> tuple[Demand, ...]:
    """Return everything that is to be said about the dates of a proposal; nothing while it is on hold."""
    if case.hold is not None:
        return ()
    return (*_of_state(book, case), *_of_appraisal(case), *_of_conditions(book, case))


def _of_state(book: Rulebook, case: Case) -> Iterator[Demand]:
    state = book.workflow.states[case.state]
    measured = working_days.present(book.workflow, case, case.state_since)
    if measured is None:
        return
    entered = case.arrival.sequence if case.arrival else 0
    due_on, began = measured.due_on, geneva_date(case.state_since)
    soon = working_days.before(case, due_on, NOTICE, measured.station)
    if soon > began:
        yield Demand("due_soon", entered, soon, due_on, due_on)
    if state.remind_after is not None:
        first = working_days.on_day(case, measured, case.state_since, state.remind_after)
        yield Demand("reminder", entered, first, due_on)
    yield Demand("overdue", entered, bounds.after(due_on), due_on)


def _of_appraisal(case: Case) -> Iterator[Demand]:
    """Yield what is to be said of those asked, to each for themselves, whatever the others did."""
    running = case.appraisal
    if running is None:
        return
    for consultation in running.consultations:
        if consultation.answered_at is None and consultation.silent_at is None:
            due_on = due_day(case, consultation)
            yield Demand("consult_overdue", consultation.id, bounds.after(due_on), due_on)
    for review in running.reviews:
        if review.is_open and review.silent_at is None:
            due_on = due_day(case, review)
            soon = working_days.before(case, due_on, NOTICE)
            if soon > geneva_date(review.asked_at):
                yield Demand("review_soon", review.id, soon, due_on, due_on)
            yield Demand("review_overdue", review.id, bounds.after(due_on), due_on)


def due_day(case: Case, asked: Consultation | Review) -> date:
    """Return the last day for an answer: the one that was set, and the days on hold since."""
    return working_days.shifted(case, asked.asked_at, asked.due_on)


def day_to_keep(case: Case, asked: Consultation | Review, wanted: date) -> date:
    """Return the day to keep for an answer so that its last day is the one wanted, holds counted out."""
    holidays = case.holidays.get(working_days.GENEVA, frozenset())
    start, held = geneva_date(asked.asked_at), [working_days.stretch_of(hold) for hold in case.holds]
    if not held:
        return wanted
    days = working_days.working_days_between(start, wanted, holidays, held)
    return working_days.add_working_days(start, days, holidays)


def _of_conditions(book: Rulebook, case: Case) -> Iterator[Demand]:
    """Yield the conditions that an approval relies on; where nothing more can come, none does."""
    relied_on = case.relied_on
    if relied_on is None or book.workflow.states[case.state].terminal:
        return
    for condition in relied_on.conditions:
        if condition.is_open and condition.due_on is not None:
            due_on = condition.due_on
            yield Demand("condition_overdue", condition.id, bounds.after(due_on), due_on)


def wake_on(book: Rulebook, case: Case, today: date, *, done: bool = False) -> date | None:
    """Return the first day on which time may demand something of a proposal; None where none is to come.

    What was demanded before today is due today, unless all that was demanded up to today is *done*.
    """
    open_still = [entry for entry in demands(book, case) if entry.last is None or entry.last >= today]
    said = [entry.first for entry in open_still if not done or entry.first > today]
    earliest = bounds.after(today) if done else today
    steps = [
        # A step that is closed for another reason than time is looked at again every day.
        max(day, earliest)
        for transition in book.workflow.leaving(case.state)
        if "system" in transition.by and (day := _opens_on(book, case, transition, today)) is not None
    ]
    return min((max(day, today) for day in (*said, *steps)), default=None)


def _opens_on(book: Rulebook, case: Case, transition: Transition, today: date) -> date | None:
    """Return the day on which time opens a step to the system; None while nothing waits for that day."""
    hold, silence = case.hold, book.workflow.states[case.state].lapses_after
    if ("held" if hold is None else "not_on_hold") in transition.when:
        return None
    days = [today]
    if "hold_expired" in transition.when and hold is not None:
        days.append(bounds.after(hold.until))
    if "silent_too_long" in transition.when and silence is not None:
        if awaits_manager(book.workflow, case):
            return None
        days.append(working_days.lapses_on(case, silence))
    if "annulment_expired" in transition.when:
        signature, limit = case.signature, book.workflow.limits.annulment_days
        if signature is None or signature.kind != "propose_annulment" or limit is None:
            return None
        days.append(bounds.after(working_days.signature_due(case, signature.at, limit)))
    return max(days)
