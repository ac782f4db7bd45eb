"""Decisions and records of a proposal have their titles here."""

from collections.abc import Mapping
from typing import Final

from appraisal.definitions.workflows import State
from appraisal.language.texts import N_
from appraisal.proposals.facts import Decision
from appraisal.web.context import say

DECISION_TITLES: Final[Mapping[str, str]] = {
    "approve": N_("Approved"),
    "propose_override": N_("First signature of an override"),
    "countersign": N_("Second signature of an override: approved"),
    "return": N_("Returned for revision"),
    "reject": N_("Rejected"),
    "escalate": N_("A decision was asked for"),
    "continue_rounds": N_("A further round was allowed"),
    "register_approval": N_("An approval given outside was registered"),
    "correct_registration": N_("The registration was corrected: it never was an approval"),
    "propose_correction": N_("A correction of the registration was proposed"),
    "confirm_correction": N_("The correction was confirmed: the registration never was an approval"),
    "propose_annulment": N_("First signature of an annulment"),
    "annul": N_("Second signature: the approval is annulled"),
}


RECORD_TITLES: Final[Mapping[str, str]] = {
    "appraisal": N_("Appraisal record"),
    "decision": N_("Decision sheet"),
}


def state_tone(state: State) -> str:
    """Return the tone in which a state is shown."""
    return {"positive": "good", "negative": "bad"}.get(state.outcome, "info" if state.open else "neutral")


def decision_title(decision: Decision) -> str:
    """Return a decision in words."""
    return say(DECISION_TITLES[decision.kind])
