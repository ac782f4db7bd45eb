"""Rules tell here for whom somebody acts on a proposal, and who counts together as one there."""

from datetime import datetime

from appraisal.definitions.workflows import Transition
from appraisal.people.facts import Person, Scope
from appraisal.people.rules.substitutes import covered, stands_in_for
from appraisal.proposals.facts import Case
from appraisal.vocabulary.roles import ROLES


def identities(case: Case, person: Person, scope: Scope, now: datetime) -> frozenset[int]:
    """Return who counts as one with a person at a moment, the person included.

    These are the people for whom the person stands in, and those of the case who stand in for the person.
    """
    replaced_by = {
        other.id for other in case.people.values() if person.id in stands_in_for(other, scope, now)
    }
    return frozenset({person.id}) | stands_in_for(person, scope, now) | replaced_by


def lead_of(case: Case) -> int | None:
    """Return who leads the appraisal that is under way or in force; None where there is none."""
    appraisal = case.appraisal or case.finalised
    return appraisal.lead if appraisal else None


def covers_lead(case: Case, person: Person) -> bool:
    """Tell whether a person on duty stands in for the lead."""
    return lead_of(case) in covered(person, "appraisals")


def scopes_of(transition: Transition) -> tuple[Scope, ...]:
    """Return in which scopes a step can be taken for somebody else: the lead's and the managers' own."""
    found: list[Scope] = ["appraisals"] if "lead" in transition.by else []
    return (*found, "decisions") if "manager" in transition.by else tuple(found)


def places(case: Case, actor: Person, transition: Transition, now: datetime) -> frozenset[int]:
    """Return in whose place somebody may take a step at a moment, beside the own."""
    found = frozenset[int]()
    for scope in scopes_of(transition):
        replaced = stands_in_for(actor, scope, now)
        found |= replaced & {lead_of(case)} if scope == "appraisals" else replaced
    return found


def behalf(
    case: Case, actor: Person, transition: Transition, chosen: int | None, now: datetime
) -> int | None:
    """Return for whom a step is taken: for the lead where only that opens it, else for whom was chosen."""
    lead = lead_of(case)
    has_own_place = any(role in transition.by and actor.has(role) for role in ROLES)
    if "lead" in transition.by and not has_own_place and lead in places(case, actor, transition, now):
        return lead
    return chosen
