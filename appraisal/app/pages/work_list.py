"""The start page lists what waits for the person who is signed in, by what is due first."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal

from flask import Blueprint
from sqlalchemy import Connection

from appraisal.accounts.pages import confirmations, events
from appraisal.accounts.pages.substitutes import SCOPES
from appraisal.appraisals.rules import reviews
from appraisal.appraisals.store import conditions
from appraisal.appraisals.store.conditions import Bound
from appraisal.clock import geneva_date
from appraisal.definitions.sets import ChecklistSet
from appraisal.definitions.workflows import State, Workflow
from appraisal.language.texts import N_
from appraisal.people.facts import Person
from appraisal.proposals.store.lists import Listed
from appraisal.trail.store import site as chain
from appraisal.web.context import actor, page, read, say, signed_in, site, workflows
from appraisal.workflow import store as workflow_store
from appraisal.workflow.pages import tasks
from appraisal.workflow.pages.tasks import Calendars, Task
from appraisal.workflow.store import Asked, ToReview

bp = Blueprint("work", __name__)


@dataclass(frozen=True, slots=True)
class Group:
    """Tasks of one kind, by what is due first."""

    key: str
    title: str
    tasks: tuple[Task, ...]


GROUPS: Final[Mapping[str, str]] = {
    "asked": N_("Asked of you"),
    "lead": N_("To appraise"),
    "substitute": N_("To appraise, for %(name)s"),
    "manager": N_("To decide"),
    "signature": N_("To give the second signature, or to decline it"),
    "orphaned": N_("To reassign: the lead appraiser has left, or is no appraiser any more"),
    "authorless": N_("To give another author: all who wrote it have left, or are no designers any more"),
    "unreviewed": N_("To ask somebody else: the reviewer has left, or is no appraiser any more"),
    "deserted": N_("To write down what a unit says: nobody in it can answer any more"),
    "coordinator": N_("To check for completeness and assign"),
    "reported": N_("Conditions to close: reported as met"),
    "overdue": N_("Conditions of approval that are overdue"),
    "ownerless": N_("Conditions of approval whose owner has left"),
    "author": N_("Sent back to you, to complete or revise"),
    "onward": N_("Approved: to send on, and to record what the donor answers"),
    "draft": N_("Your drafts"),
}
MOST_EMERGENCIES: Final = 20
Bucket = Literal["late", "today", "week"]
BUCKETS: Final[Mapping[Bucket, str]] = {
    "late": N_("Late"),
    "today": N_("Due today"),
    "week": N_("Due this week"),
}


@dataclass(frozen=True, slots=True)
class Total:
    """How many tasks are late, due today or due later this week, and in which groups they stand."""

    key: Bucket
    title: str
    count: int
    parts: tuple[tuple[Group, int], ...]


@bp.get("/")
@signed_in
def show() -> str:
    """Show what waits for the person, and what to do where nothing does."""
    person, today = actor(), geneva_date(site().now())
    flows = workflows()
    ended = site().library.states(lambda state: state.terminal)
    with read() as db:
        found = workflow_store.work_of(db, person, site().library.held_by(), today, _blocks())
        asked: list[Asked | ToReview] = [
            *workflow_store.reviews_for(db, person),
            *workflow_store.reviews_to_take_over(db, person),
            *workflow_store.consultations_for(db, person),
        ]
        bound = conditions.conditions_for(db, person, today, ended)
        counting = tasks.load_calendars(db, today, found, asked)
        waiting = confirmations.waiting_for(db, person, site().now())
        emergencies = _emergencies(db, person)
    groups = _groups(person, flows, found, asked, bound, counting)
    return page(
        "app/work_list.html",
        groups=groups,
        totals=_totals(groups, today),
        today=today,
        covers=[(entry, SCOPES[entry.scope]) for entry in person.covers],
        begins=person.has("designer") and bool(found),
        advice=_advice(person, found, asked),
        waiting=[entry for entry in waiting if entry.is_answered],
        emergencies=emergencies,
    )


def _emergencies(db: Connection, person: Person) -> list[events.Line]:
    """Return what happened the emergency way, for auditors."""
    return events.lines_of(db, chain.emergencies(db, MOST_EMERGENCIES)) if person.has("auditor") else []


def _titles(person: Person) -> dict[str, str]:
    """Return the groups of the page with their titles, one for each lead for whom the person stands in."""
    found: dict[str, str] = {}
    for key, title in GROUPS.items():
        if key == "substitute":
            replaced = [entry for entry in person.covers if entry.scope == "appraisals"]
            found |= {f"{key}-{entry.person}": say(title, name=entry.name) for entry in replaced}
        else:
            found[key] = say(title)
    return found


def _blocks() -> set[str]:
    """Return the checklists whose reviewer never decides, in whichever set."""
    library = site().library
    sets = (entry for entry in library.definitions.values() if isinstance(entry, ChecklistSet))
    return {code for entry in sets for code in reviews.blocks(library.criteria(entry.key))}


def _groups(
    person: Person,
    flows: Mapping[str, Workflow],
    found: Iterable[tuple[str, Listed]],
    asked: Iterable[Asked | ToReview],
    bound: Iterable[Bound],
    counting: Calendars,
) -> list[Group]:
    """Sort what waits into its groups, and each group by what is due first."""
    newest = site().library.newest_workflow()
    titles = _titles(person)
    sorted_out: dict[str, list[Task]] = {key: [] for key in titles}
    for holder, listed in found:
        flow = flows.get(listed.workflow, newest)
        state = flow.states[listed.state]
        if holder in _SIGNATURES:
            days = flow.limits.annulment_days if holder == "propose_annulment" else None
            sorted_out["signature"].append(
                tasks.of_signature(listed, say(_SIGNATURES[holder]), days, counting)
            )
        elif holder == "authorless":
            sorted_out[holder].append(tasks.of_authorless(listed, state, counting))
        else:
            sorted_out[_kind(holder, state, listed)].append(tasks.of_proposal(listed, state, counting))
    for entry in asked:
        if isinstance(entry, ToReview):
            sorted_out["unreviewed" if _is_left(entry) else "asked"].append(tasks.of_review(entry, counting))
        else:
            kind = "deserted" if _is_left(entry) else "asked"
            sorted_out[kind].append(tasks.of_consultation(entry, counting))
    for condition in bound:
        sorted_out[_place(condition)].append(tasks.of_condition(condition, counting))
    return [
        Group(key, title, tuple(sorted(sorted_out[key], key=_by_due)))
        for key, title in titles.items()
        if sorted_out[key]
    ]


# What waits for a second signature, by the kind of the first.
_SIGNATURES: Final[Mapping[str, str]] = {
    "propose_override": N_("an override waits for its second signature"),
    "propose_annulment": N_("an annulment waits for its second signature"),
    "propose_correction": N_("the correction of a registration waits for its second signature"),
}


def _by_due(task: Task) -> tuple[bool, date]:
    return task.due_on is None, task.due_on or date.max


def _kind(holder: str, state: State, listed: Listed) -> str:
    if holder == "author" and not listed.workflow:
        return "draft"
    if holder == "substitute":
        return f"{holder}-{listed.holder_id}"
    return "onward" if holder == "coordinator" and not state.open else holder


def _place(condition: Bound) -> str:
    if condition.owned:
        return "asked"
    if condition.reported_at:
        return "reported"
    return "ownerless" if condition.is_ownerless else "overdue"


def _totals(groups: Sequence[Group], today: date) -> list[Total]:
    """Count what is late, due today and due later this week, with the groups where it stands."""
    found = []
    for key, title in BUCKETS.items():
        parts = [(group, sum(_bucket(task, today) == key for task in group.tasks)) for group in groups]
        parts = [(group, count) for group, count in parts if count]
        found.append(Total(key, say(title), sum(count for _, count in parts), tuple(parts)))
    return found


def _bucket(task: Task, today: date) -> Bucket | None:
    """Tell when something is due; nothing is while its clock stands. A week ends on Sunday."""
    if task.due_on is None or task.on_hold:
        return None
    if task.due_on <= today:
        return "today" if task.due_on == today else "late"
    return "week" if task.due_on <= today + timedelta(days=6 - today.weekday()) else None


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
    "substitute": "appraiser",
    "coordinator": "coordinator",
    "orphaned": "coordinator",
    "authorless": "coordinator",
    "manager": "manager",
    "propose_override": "manager",
    "propose_annulment": "manager",
    "propose_correction": "manager",
}


def _is_left(entry: Asked | ToReview) -> bool:
    """Tell whether something was asked of somebody who cannot answer any more."""
    return bool(entry.left_by) if isinstance(entry, ToReview) else entry.is_deserted


def _advice(
    person: Person, found: list[tuple[str, Listed]], asked: list[Asked | ToReview]
) -> list[tuple[str, str, str]]:
    """Return what to do for each role that nothing waits for: text, text of the link, endpoint."""
    busy = {_HOLDER_ROLES.get(holder, "") for holder, _ in found}
    busy |= {"coordinator" if _is_left(entry) else "appraiser" for entry in asked}
    return [
        (say(text), say(link), endpoint)
        for role, (text, link, endpoint) in _ADVICE.items()
        if role in person.roles and role not in busy
    ]
