"""A task is one thing that waits for somebody, made of a proposal, a consultation or a condition."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from textwrap import shorten
from typing import Final

from flask import url_for
from sqlalchemy import Connection

from appraisal.appraisals.store.conditions import Bound
from appraisal.clock import geneva_date
from appraisal.deadlines.rules import working_days
from appraisal.deadlines.rules.working_days import GENEVA
from appraisal.deadlines.store import calendars as deadlines_calendars
from appraisal.definitions.workflows import State
from appraisal.language.texts import N_
from appraisal.proposals.facts import Hold
from appraisal.proposals.store.case import load_holidays
from appraisal.proposals.store.lists import Listed
from appraisal.web import formats
from appraisal.web.context import language, say
from appraisal.workflow.store import Asked, ToReview

# So many letters of a condition tell which one it is.
_MOST_LETTERS: Final = 160


@dataclass(frozen=True, slots=True)
class Task:
    """One thing that waits; ``left`` counts working days to its last day, negative after it.

    ``meta`` is what is said below its title; ``since`` is shown where it has no last day.
    """

    title: str
    href: str
    meta: str
    due_on: date | None
    left: int | None
    limit: int | None = None
    on_hold: bool = False
    since: datetime | None = None
    note: str = ""

    @property
    def used(self) -> int | None:
        """Return the working days used; unknown while the clock stands."""
        if self.limit is None or self.left is None or self.on_hold:
            return None
        return max(0, self.limit - self.left)


@dataclass(frozen=True, slots=True)
class Calendars:
    """The days off of every duty station, and where those work who hold the proposals of a page."""

    today: date
    holidays: Mapping[str, Collection[date]]
    holds: Mapping[int, Sequence[Hold]]
    written: Mapping[int, str]
    people: Mapping[int, str]

    def left(self, due: date, station: str = GENEVA) -> int:
        """Count the working days of a station to a day, as a negative number those since it."""
        off = self.holidays.get(station) or self.holidays.get(GENEVA, frozenset())
        if due >= self.today:
            return working_days.working_days_between(self.today, due, off)
        return -working_days.working_days_between(due, self.today, off)

    def station(self, state: State, listed: Listed) -> str:
        """Return whose calendar the clock of a proposal goes by, as ``working_days.station`` says."""
        if state.holder == "author":
            return self.written.get(listed.id, GENEVA)
        return self.people.get(listed.holder_id or 0, GENEVA)

    def shifted(self, asked: Asked | ToReview) -> date:
        """Return the last day for an answer: the one that was set, and the days on hold since."""
        held = tuple(working_days.stretch_of(hold) for hold in self.holds.get(asked.proposal, ()))
        return working_days.shift(asked.asked_at, asked.due_on, self.holidays.get(GENEVA, frozenset()), held)


def load_calendars(
    db: Connection, today: date, found: Sequence[tuple[str, Listed]], asked: Sequence[Asked | ToReview]
) -> Calendars:
    """Load what it takes to count the days of everything that waits."""
    return Calendars(
        today,
        load_holidays(db),
        deadlines_calendars.holds_of(db, {entry.proposal for entry in asked}),
        deadlines_calendars.stations_written(
            db, {listed.id for holder, listed in found if holder == "author"}
        ),
        deadlines_calendars.stations_of_people(
            db, {listed.holder_id for _, listed in found if listed.holder_id}
        ),
    )


def of_proposal(listed: Listed, state: State, counting: Calendars) -> Task:
    """Make a task of a proposal that somebody holds; a draft is gone on with where it is written."""
    is_draft = state.holder == "author" and not listed.workflow
    meta = [listed.number, state.title[language()]]
    meta += [formats.countries(listed.countries)] if listed.countries else []
    meta += [say(N_("Illustrative"))] if listed.illustrative else []
    due_on = listed.due_on
    return Task(
        listed.title or say(N_("Untitled")),
        url_for("drafts.overview" if is_draft else "proposals.show", number=listed.number),
        " · ".join(meta),
        due_on,
        None if due_on is None else counting.left(due_on, counting.station(state, listed)),
        state.clock.get(listed.track),
        listed.on_hold,
        listed.state_since,
    )


def of_signature(listed: Listed, what: str, days: int | None, counting: Calendars) -> Task:
    """Make a task of a first signature; ``days`` is how many working days it waits, if it lapses."""
    signed_on = geneva_date(listed.state_since)
    off = counting.holidays.get(GENEVA, frozenset())
    due_on = None if days is None else working_days.add_working_days(signed_on, days, off)
    return Task(
        listed.title or say(N_("Untitled")),
        url_for("proposals.show", number=listed.number),
        f"{listed.number} · {what}",
        due_on,
        None if due_on is None else counting.left(due_on),
        on_hold=listed.on_hold,
        since=listed.state_since,
    )


def of_authorless(listed: Listed, state: State, counting: Calendars) -> Task:
    """Make a task of a proposal whose authors have left; of one that is not theirs to read, its number."""
    href = url_for("missing_authors.show", number=listed.number)
    if not listed.full:
        return Task(listed.number, href, "", None, None)
    return replace(of_proposal(listed, state, counting), href=href)


def of_review(asked: ToReview, counting: Calendars) -> Task:
    """Make a task of a review that was asked of somebody and is not signed."""
    what = ", ".join(asked.checklists.split()) if asked.declared else say(N_("a declaration comes first"))
    if asked.left_by:
        what = say(N_("A review was asked of %(name)s"), name=asked.left_by)
        href = url_for("reviewers.show", number=asked.number, review=asked.id)
        return _of_asked(asked, what, counting, href)
    if asked.behalf:
        behalf = say(N_("A review for %(name)s"), name=asked.behalf)
        what = f"{behalf} · {what}"
    return _of_asked(asked, what, counting)


def of_consultation(asked: Asked, counting: Calendars) -> Task:
    """Make a task of a consultation that waits for somebody's unit to take it up."""
    what = say(N_("%(unit)s is asked for comments"), unit=asked.unit)
    if not asked.is_deserted:
        return _of_asked(asked, what, counting)
    href = url_for("appraisals.consultation", number=asked.number, consultation=asked.id)
    return _of_asked(asked, what, counting, href)


def _of_asked(asked: Asked | ToReview, what: str, counting: Calendars, href: str = "") -> Task:
    due_on = counting.shifted(asked)
    is_late = due_on < counting.today
    return Task(
        asked.title or say(N_("Untitled")),
        href or url_for("reviews.show", number=asked.number),
        f"{asked.number} · {what}",
        due_on,
        counting.left(due_on),
        on_hold=asked.on_hold,
        note=say(N_("A review is still kept, and marked late.")) if is_late else "",
    )


def of_condition(bound: Bound, counting: Calendars) -> Task:
    """Make a task of a condition: to be met by its owner, to be closed or asked after by a coordinator.

    Its owner is not pressed by a day any more once it is reported: a coordinator is, who closes it.
    """
    number, reported_at = bound.number, bound.reported_at
    due_on = None if bound.owned and reported_at else bound.due_on
    if bound.owned or reported_at or bound.is_ownerless:
        given_over = "conditions.clear" if reported_at else "condition_owners.show"
        endpoint = "conditions.report" if bound.owned else given_over
        href = url_for(endpoint, number=number, condition=bound.id)
    else:
        href = url_for("proposals.show", number=number)
    meta = [
        bound.title,
        shorten(bound.text, _MOST_LETTERS, placeholder=" …"),
        formats.gate(bound.gate),
        say(N_("You own this condition")) if bound.owned else "",
    ]
    return Task(
        say(N_("Condition %(number)s of %(proposal)s"), number=bound.condition, proposal=number),
        href,
        " · ".join(part for part in meta if part),
        due_on,
        None if due_on is None else counting.left(due_on),
        note=say(N_("Reported as met on %(day)s"), day=formats.day(geneva_date(reported_at)))
        if reported_at
        else "",
    )
