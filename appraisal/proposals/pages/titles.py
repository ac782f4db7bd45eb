"""Events, decisions and records of a proposal have their titles here."""

from collections.abc import Mapping
from typing import Final

from appraisal.definitions.workflows import State, Workflow
from appraisal.language.texts import N_
from appraisal.proposals.facts import Decision
from appraisal.web.context import language, say

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


# Events that no transition names.
EVENT_TITLES: Final[Mapping[str, str]] = {
    "create": N_("Created"),
    "add_author": N_("An author was added"),
    "answer_consultation": N_("A consultation was answered"),
    "ask_review": N_("Somebody was asked to review, or given another day"),
    "withdraw_review": N_("A request to review was taken back"),
    "declare_review": N_("A reviewer declared whether there is a conflict of interest"),
    "decline_review": N_("A reviewer declined"),
    "sign_review": N_("A review was signed"),
    "lead_for": N_("A substitute of the lead began to work on the appraisal"),
    "note_silence": N_("The date for answers passed: not everybody had answered"),
    "write_conditions": N_("Conditions were written or changed"),
    "report_condition": N_("A condition was reported as met"),
    "clear_condition": N_("A condition was cleared"),
    "waive_condition": N_("A condition was waived"),
    "name_owner": N_("A condition was given another owner"),
    "raise_threshold": N_("A later country project of its umbrella programme took the sum over a threshold"),
}


RECORD_TITLES: Final[Mapping[str, str]] = {
    "appraisal": N_("Appraisal record"),
    "decision": N_("Decision sheet"),
}


def state_tone(state: State) -> str:
    """Return the tone in which a state is shown."""
    return {"positive": "good", "negative": "bad"}.get(state.outcome, "info" if state.open else "neutral")


def event_title(name: str, workflow: Workflow) -> str:
    """Return an event in words: the label of its transition, or that of an event that moves nothing."""
    if name in EVENT_TITLES:
        return say(EVENT_TITLES[name])
    return next((entry.label[language()] for entry in workflow.transitions if entry.name == name), name)


def decision_title(decision: Decision) -> str:
    """Return a decision in words."""
    return say(DECISION_TITLES[decision.kind])
