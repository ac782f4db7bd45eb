"""Attempts: steps taken on cases, now, and the facts that most of them need."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from appraisal.people.facts import Person
from appraisal.proposals.facts import Case, Condition, Decision, Hold, Step
from appraisal.proposals.rules.attempt import ApprovalGiven, ChangeAsked, Inputs
from appraisal.proposals.rules.rulebook import Rulebook
from appraisal.vocabulary.refusals import NotAllowed
from appraisal.workflow.rules import machine
from tests.builders import COORDINATOR, DAY, HOUR, MANAGER, NOW

CHANGES = Inputs(changes=(ChangeAsked("Say who pays.", "CAP-6"),))
NOTE = Inputs(note="Because.")
REGISTERED = Inputs(approval=ApprovalGiven("Minute 12", "Registry", NOW - 40 * DAY))
HELD = (Hold(NOW - DAY, NOW.date() + 5 * DAY, "Waiting.", COORDINATOR.id),)
# A case that is made once the definitions are there.
Make = Callable[[Rulebook], Case]
OPEN_STATES = (
    "draft",
    "submitted",
    "incomplete",
    "under_appraisal",
    "revision_requested",
    "awaiting_decision",
)


def fire(book: Rulebook, case: Case, actor: Person, name: str, given: Inputs | None = None) -> str:
    """Take a step now and return the state it leads to."""
    return machine.fire(book, case, actor, NOW, name, given or Inputs())[1]


def refused(book: Rulebook, case: Case, actor: Person, name: str, given: Inputs | None = None) -> list[str]:
    """Return the codes for which a step is refused."""
    with pytest.raises(NotAllowed) as error:
        machine.fire(book, case, actor, NOW, name, given or Inputs())
    return list(error.value.codes)


def override(case: Case, by: Person = MANAGER, **changes: Any) -> Case:
    """Return the case with the first signature of an override."""
    appraisal = case.finalised
    signature = Decision(41, "propose_override", NOW - HOUR, by.id, 11, appraisal.id if appraisal else None)
    return replace(case, decisions=(*case.decisions, replace(signature, **changes)))


def conditions(*entries: dict[str, Any]) -> tuple[Condition, ...]:
    """Return sound conditions, each with what is wrong with it."""
    whole: dict[str, Any] = {"owner": "Office", "due_on": date(2012, 9, 1), "gate": "before_donor"}
    return tuple(
        Condition(**{"id": number, "number": number, "item": "TRI-4", "text": "Do it.", **whole, **entry})
        for number, entry in enumerate(entries, 1)
    )


def rounds(count: int, *acts: str) -> tuple[Step, ...]:
    """Return so many requests for a revision, then steps of other acts."""
    names = ["request_revision"] * count + list(acts)
    return tuple(Step(n, act, act, "a", "b", NOW - DAY, 1) for n, act in enumerate(names, 1))
