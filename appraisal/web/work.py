"""Work: what waits for the person who is signed in, by what is due first."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from flask import Blueprint

from appraisal.clock import geneva_date
from appraisal.definitions.workflows import State, Workflow
from appraisal.domain import calendars
from appraisal.domain.facts import Person
from appraisal.i18n import N_
from appraisal.storage import queries
from appraisal.storage.facts import load_holidays
from appraisal.storage.queries import Asked, Listed, ToReview
from appraisal.web.context import actor, language, page, read, say, signed_in, site
from appraisal.web.proposals import workflows

bp = Blueprint("work", __name__)


@dataclass(frozen=True, slots=True)
class Task:
    """One proposal that waits; ``left`` counts working days to its last day, negative after it."""

    listed: Listed
    state: str
    limit: int | None
    left: int | None

    @property
    def used(self) -> int | None:
        """Return the working days used; unknown while the clock stands."""
        if self.limit is None or self.left is None or self.listed.on_hold:
            return None
        return max(0, self.limit - self.left)


@dataclass(frozen=True, slots=True)
class Group:
    """Tasks of one kind."""

    key: str
    title: str
    tasks: tuple[Task, ...]


GROUPS: Final[Mapping[str, str]] = {
    "lead": N_("To appraise"),
    "manager": N_("To decide"),
    "orphaned": N_("To reassign: the lead appraiser's account is closed"),
    "coordinator": N_("To check for completeness and assign"),
    "author": N_("Sent back to you, to complete or revise"),
    "onward": N_("Approved: to send on, and to record what the donor answers"),
    "draft": N_("Your drafts"),
}


@bp.get("/")
@signed_in
def show() -> str:
    """Show what waits for the person, and what to do where nothing does."""
    person, today = actor(), geneva_date(site().now())
    flows = workflows()
    with read() as db:
        found = queries.work_of(db, person, _held_by(flows))
        asked: list[Asked | ToReview] = [
            *queries.reviews_for(db, person),
            *queries.consultations_for(db, person),
        ]
        overdue = queries.overdue_conditions(db, today) if person.has("coordinator") else []
        holidays = load_holidays(db).get("Geneva", frozenset())
    newest = site().library.newest_workflow()
    sorted_out: dict[str, list[Task]] = {key: [] for key in GROUPS}
    for holder, listed in found:
        state = flows.get(listed.workflow, newest).states[listed.state]
        sorted_out[_kind(holder, state, listed)].append(_task(listed, state, today, holidays))
    return page(
        "work/show.html",
        groups=[
            Group(key, say(title), tuple(sorted_out[key])) for key, title in GROUPS.items() if sorted_out[key]
        ],
        today=today,
        overdue=[(entry, _left(entry.due_on, today, holidays)) for entry in overdue],
        to_review=[
            (entry, _left(entry.due_on, today, holidays))
            for entry in sorted(asked, key=lambda entry: entry.due_on)
        ],
        begins=person.has("designer") and bool(found),
        advice=_advice(person, found, asked),
    )


def _held_by(flows: Mapping[str, Workflow]) -> dict[str, Sequence[str]]:
    """Return the states that each holder holds, in whichever workflow."""
    held: dict[str, list[str]] = {}
    for flow in flows.values():
        for name, state in flow.states.items():
            if state.holder != "nobody" and name not in held.setdefault(state.holder, []):
                held[state.holder].append(name)
    return dict(held)


def _kind(holder: str, state: State, listed: Listed) -> str:
    if holder == "author" and not listed.workflow:
        return "draft"
    return "onward" if holder == "coordinator" and not state.open else holder


def _task(listed: Listed, state: State, today: date, holidays: Collection[date]) -> Task:
    limit = state.clock.get(listed.track)
    left = None if listed.due_on is None else _left(listed.due_on, today, holidays)
    return Task(listed, state.title[language()], limit, left)


def _left(due: date, today: date, holidays: Collection[date]) -> int:
    if due >= today:
        return calendars.working_days_between(today, due, holidays)
    return -calendars.working_days_between(due, today, holidays)


# What somebody does for whom nothing waits, by role, in the order of the page.
_ADVICE: Final[Mapping[str, tuple[str, str, str]]] = {
    "designer": (
        N_(
            "You are writing nothing at present. Look first whether somebody else is working on the same thing."
        ),
        N_("Begin a new proposal"),
        "proposals.new",
    ),
    "coordinator": (
        N_("No proposal waits for a completeness check, for an appraiser or to be sent on."),
        N_("Look at all proposals"),
        "proposals.index",
    ),
    "appraiser": (
        N_(
            "No appraisal is yours at present, and your unit is not asked for comments. A coordinator assigns the next one."
        ),
        N_("Read the checklists"),
        "workflow.show",
    ),
    "manager": (
        N_("No proposal waits for your decision. Those whose appraisal is finished will stand here."),
        N_("Look at all proposals"),
        "proposals.index",
    ),
    "auditor": (
        N_("Nothing waits for auditors. You read every proposal, its history and its records."),
        N_("Read the records"),
        "records.index",
    ),
    "administrator": (
        N_("You look after people and holidays; proposals are not yours to read."),
        N_("Look after people"),
        "people.index",
    ),
}
_HOLDER_ROLES: Final = {
    "author": "designer",
    "lead": "appraiser",
    "coordinator": "coordinator",
    "orphaned": "coordinator",
    "manager": "manager",
}


def _advice(
    person: Person, found: list[tuple[str, Listed]], asked: list[Asked | ToReview]
) -> list[tuple[str, str, str]]:
    """Return what to do for each role that nothing waits for: text, text of the link, endpoint."""
    busy = {_HOLDER_ROLES.get(holder, "") for holder, _ in found} | ({"appraiser"} if asked else set())
    return [
        (say(text), say(link), endpoint)
        for role, (text, link, endpoint) in _ADVICE.items()
        if role in person.roles and role not in busy
    ]
