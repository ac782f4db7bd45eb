"""Progress shows where a proposal stands, who has to act until when, and what a person may do with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from appraisal.clock import geneva_date
from appraisal.deadlines.rules import working_days
from appraisal.deadlines.rules.working_days import Clock
from appraisal.definitions.workflows import Workflow
from appraisal.language.texts import N_
from appraisal.people.facts import Person
from appraisal.proposals.facts import Appraisal, Case
from appraisal.proposals.pages.offers import Offer
from appraisal.proposals.rules import access
from appraisal.proposals.rules.rounds import awaits_manager
from appraisal.proposals.rules.rulebook import Rulebook
from appraisal.trail.rules import approvals
from appraisal.web import formats
from appraisal.web.context import language, say
from appraisal.workflow.rules import machine

# The way of a proposal, by the milestones that states declare.
MILESTONES: Final[Mapping[str, str]] = {
    "submitted": N_("Submitted"),
    "appraised": N_("Appraised"),
    "decided": N_("Decided"),
    "with_donor": N_("With the donor"),
    "funded": N_("Funded"),
    "started": N_("Started"),
}
ORDER: Final = tuple(MILESTONES)


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of the way of a proposal."""

    title: str
    status: Literal["done", "current", "todo"]
    note: str = ""


def stages(case: Case, workflow: Workflow) -> list[Stage]:
    """Return the way of a proposal: what it has reached, where it is, and what is still to come."""
    state = workflow.states[case.state]
    reached = _reached(case, workflow)
    done = [_stage_done(workflow, name, reached[name]) for name in ORDER if name in reached]
    ahead = _ahead(workflow, case.state)
    if state.terminal or ahead is None:
        own = (
            ()
            if state.milestone in reached
            else (Stage(state.title[language()], "current", formats.day(geneva_date(case.state_since))),)
        )
        return [*done, *own]
    note = "" if state.milestone else state.title[language()]
    coming = [name for name in ORDER if ORDER.index(name) >= ORDER.index(ahead)]
    first, *later = coming
    return [
        *done,
        Stage(say(MILESTONES[first]), "current", note),
        *(Stage(say(MILESTONES[name]), "todo") for name in later),
    ]


def _reached(case: Case, workflow: Workflow) -> dict[str, tuple[str, datetime]]:
    """Return the milestones reached and not given back, each with the state and the moment."""
    reached: dict[str, tuple[str, datetime]] = {}
    steps = approvals.uncorrected(case.steps)
    before = len(steps) - len(approvals.standing(steps))
    for place, step in enumerate(steps):
        if step.from_state == step.to_state or step.to_state not in workflow.states:
            continue
        if workflow.states[step.to_state].outcome == "positive" and place < before:
            # It came of an approval that was annulled since.
            continue
        own = workflow.states[step.to_state].milestone
        ahead = _ahead(workflow, step.to_state)
        if ahead is not None:
            reached = {
                name: found for name, found in reached.items() if ORDER.index(name) < ORDER.index(ahead)
            }
        if own is not None:
            reached[own] = (step.to_state, step.at)
    return reached


def _ahead(workflow: Workflow, name: str) -> str | None:
    """Return the milestone that a proposal in a state goes towards; None where it goes nowhere by itself."""
    state = workflow.states[name]
    if state.milestone is not None:
        following = ORDER[ORDER.index(state.milestone) + 1 :]
        return following[0] if following and not state.terminal else None
    if not state.open:
        return None
    next_states = (workflow.states.get(entry.to) for entry in workflow.leaving(name))
    found = [entry.milestone for entry in next_states if entry is not None and entry.milestone is not None]
    return min(found, key=ORDER.index, default=None)


def _stage_done(workflow: Workflow, name: str, found: tuple[str, datetime]) -> Stage:
    state, at = found
    several = sum(entry.milestone == name for entry in workflow.states.values()) > 1
    title = workflow.states[state].title[language()] if several else say(MILESTONES[name])
    return Stage(title, "done", formats.day(geneva_date(at)))


def holder(case: Case, book: Rulebook) -> str:
    """Return who has to act, by name where it is somebody in particular."""
    running, state = case.appraisal or case.finalised, book.workflow.states[case.state]
    first = case.signature
    if awaits_manager(book.workflow, case) or (first and first.kind == "propose_annulment"):
        return say(N_("the managers"))
    match state.holder:
        case "author":
            return ", ".join(sorted(case.name(id) for id in case.related("author")))
        case "lead":
            return case.name(running.lead) if running else ""
        case "coordinator":
            return say(N_("the coordinators"))
        case "manager":
            return say(N_("the managers"))
        case _:
            return ""


def clock(case: Case, book: Rulebook, now: datetime) -> Clock | None:
    """Return the clock of the present state; None where it has no limit."""
    return working_days.present(book.workflow, case, now)


@dataclass(frozen=True, slots=True)
class Offers:
    """The steps from here: those to take, those closed for now, and those that are other people's."""

    open: tuple[Offer, ...]
    closed: tuple[Offer, ...]
    others: tuple[Offer, ...]


def _has_nothing_to_end(case: Case, act: str) -> bool:
    """Tell whether a step would end what is not there: nobody expects to release what is not held."""
    if act == "release":
        return case.hold is None
    return act in ("withdraw_signature", "decline_signature") and case.signature is None


def offers(case: Case, book: Rulebook, actor: Person, now: datetime) -> Offers:
    """Return what a person may do now, and what not and why; steps that time takes are left out.

    To whoever still owes a review, steps of other people are not listed: each would say so again.
    """
    found = [entry for entry in machine.allowed(book, case, actor, now) if not entry.transition.is_automatic]
    kinds: dict[str, list[Offer]] = {"open": [], "closed": [], "others": []}
    blind = access.is_blind(case, actor)
    for entry in found:
        transition = entry.transition
        if _has_nothing_to_end(case, entry.transition.act):
            continue
        is_theirs = actor.active and entry.is_theirs
        kind = "open" if entry.is_open else "closed" if is_theirs else "others"
        reasons = tuple(refusal.say(language()) for refusal in entry.refusals)
        kinds[kind].append(Offer(transition.name, transition.label[language()], reasons))
    return Offers(tuple(kinds["open"]), tuple(kinds["closed"]), () if blind else tuple(kinds["others"]))


def last_appraisal(case: Case) -> Appraisal | None:
    """Return the finalised appraisal of the latest version, else that of the version before it."""
    kept = (entry for entry in reversed(case.appraisals) if entry.finalised_at and not entry.superseded_at)
    return case.finalised or next(kept, None)
