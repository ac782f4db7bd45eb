"""Permissions: who may close or report a condition or answer a consultation, with every reason why not.

What a step of the workflow excludes, its definition says; these acts are no steps.
"""

from appraisal.definitions.workflows import Relation
from appraisal.domain import access
from appraisal.domain.facts import Appraisal, Case, Condition, Consultation, Person
from appraisal.domain.refusals import Refusal, refuse

_BARRED: tuple[Relation, ...] = ("author", "lead")


def clearing_refusals(case: Case, condition: Condition, actor: Person) -> list[Refusal]:
    """Judge whether a person may close a condition: a coordinator, never its owner or an author."""
    found = []
    if not condition.is_open:
        found.append(refuse("condition_closed"))
    if not actor.has("coordinator") or actor.id in case.related("author") or owns(condition, actor):
        found.append(refuse("condition_owner_clears"))
    return found


def owns(condition: Condition, person: Person) -> bool:
    """Tell whether a condition is a person's to meet: by their account, or by the name written down."""
    return condition.owner_id == person.id or condition.owner.casefold() == person.name.casefold()


def reporting_refusals(case: Case, condition: Condition, actor: Person) -> list[Refusal]:
    """Judge whether a person may report a condition as met: its owner, or an author."""
    found = []
    if not condition.is_open:
        found.append(refuse("condition_closed"))
    if condition.owner_id != actor.id and actor.id not in case.related("author"):
        found.append(refuse("condition_not_owned"))
    return found


def sees_condition(case: Case, condition: Condition, person: Person) -> bool:
    """Tell whether a person may be shown a condition: who reads the proposal, and its owner once it binds."""
    if access.level(case, person) == "full":
        return True
    return person.active and condition.owner_id == person.id and case.approval is not None


def waiving_refusals(case: Case, condition: Condition, actor: Person) -> list[Refusal]:
    """Judge whether a person may waive a condition: a manager who is neither an author nor ever led."""
    found = []
    if not condition.is_open:
        found.append(refuse("condition_closed"))
    if not actor.has("manager"):
        found.append(refuse("role_missing", role="manager"))
    if case.approval is not None:
        # One person could otherwise approve on conditions and lift them afterwards.
        found.append(refuse("waiver_too_late"))
    if case.hold is not None:
        found.append(refuse("on_hold", until=case.hold.until))
    found += [refuse(f"excluded_{relation}") for relation in _BARRED if actor.id in case.related(relation)]
    return found


def answering_refusals(case: Case, consultation: Consultation, actor: Person) -> list[Refusal]:
    """Judge whether a person may answer for a unit: an appraiser of it, or a coordinator; no author."""
    found = []
    if actor.id in case.related("author"):
        found.append(refuse("excluded_author"))
    elif not actor.has("coordinator") and not (actor.has("appraiser") and actor.unit == consultation.unit):
        found.append(refuse("not_consulted"))
    if consultation.answered_at is not None:
        found.append(refuse("consultation_answered"))
    return found


def sees_answer(case: Case, appraisal: Appraisal, consultation: Consultation, person: Person) -> bool:
    """Tell whether a person reads a unit's comment (domain rules, section 2).

    Everybody who reads the proposal does once the appraisal is finalised; before, those who see
    its ratings, and the unit itself, which sees the others' once it has given its own.
    """
    if appraisal.finalised_at is not None or access.sees_running_ratings(case, person):
        return access.level(case, person) == "full"
    if not person.has("appraiser") or person.id in case.related("author"):
        return False
    answered = {entry.unit for entry in appraisal.consultations if entry.answered_at is not None}
    return person.unit == consultation.unit or person.unit in answered
