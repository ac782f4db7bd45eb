"""Permissions to report, close or waive a condition, or to answer for a unit, are refused with reasons.

What a step of the workflow excludes, its definition says; these acts are no steps.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from appraisal.appraisals.rules import conditions
from appraisal.people.facts import Person, Scope
from appraisal.people.rules import substitutes
from appraisal.proposals.facts import Appraisal, Case, Condition, Consultation
from appraisal.proposals.rules import access
from appraisal.proposals.rules.acting_for import identities, lead_of
from appraisal.vocabulary.refusals import BECAUSE, Refusal, refuse
from appraisal.vocabulary.roles import Relation

_BARRED: tuple[Relation, ...] = ("author", "lead")


def clearing_refusals(case: Case, condition: Condition, actor: Person) -> list[Refusal]:
    """Judge whether a person may close a condition: a coordinator, but no owner, reporter or author."""
    found = _ended(case, condition)
    if not actor.has("coordinator") or actor.id in case.related("author") or owns(condition, actor):
        found.append(refuse("condition_owner_clears"))
    elif condition.reported_by == actor.id:
        # As its owner, who may be another by now.
        found.append(refuse("condition_reporter_clears"))
    return found


def _ended(case: Case, condition: Condition) -> list[Refusal]:
    """Refuse to do anything with a condition that is met or waived, or that nothing rests on any more."""
    if not condition.is_open:
        return [refuse("condition_closed")]
    return [refuse("condition_moot")] if conditions.is_moot(case) else []


def owner_naming_refusals(case: Case, condition: Condition, actor: Person) -> list[Refusal]:
    """Judge whether a person may give a condition another owner: a coordinator who is no author.

    Once an approval relies on it; until then the lead writes conditions, owners among them.
    """
    found = []
    if not condition.is_open:
        found.append(refuse("condition_closed"))
    if not actor.has("coordinator"):
        found.append(refuse("role_missing", role="coordinator"))
    if actor.id in case.related("author"):
        found.append(refuse("excluded_author"))
    if case.relied_on is None:
        found.append(refuse("condition_not_binding"))
    return found


def owns(condition: Condition, person: Person) -> bool:
    """Tell whether a condition is a person's to meet: by their account, or else by the name written down."""
    if condition.owner_id is not None:
        return condition.owner_id == person.id
    return condition.owner.casefold() == person.name.casefold()


def reporting_refusals(case: Case, condition: Condition, actor: Person) -> list[Refusal]:
    """Judge whether a person may report a condition as met: its owner, or an author."""
    found = _ended(case, condition)
    if condition.owner_id != actor.id and actor.id not in case.related("author"):
        found.append(refuse("condition_not_owned"))
    return found


def sees_condition(case: Case, condition: Condition, person: Person) -> bool:
    """Tell whether a person may be shown a condition: who reads the proposal, and its owner once it binds."""
    if access.is_blind(case, person):
        return False
    if access.level(case, person) == "full":
        return True
    return person.active and condition.owner_id == person.id and case.relied_on is not None


def waiving_refusals(case: Case, condition: Condition, actor: Person, now: datetime) -> list[Refusal]:
    """Judge whether a person may waive a condition: a manager who is neither an author nor ever led."""
    found = _ended(case, condition)
    if not actor.has("manager"):
        found.append(refuse("role_missing", role="manager"))
    if case.approval is not None:
        # One person could otherwise approve on conditions and lift them afterwards.
        found.append(refuse("waiver_too_late"))
    if case.signature is not None:
        # Whoever gave it read the conditions as they were.
        found.append(refuse("signature_waiting"))
    if case.hold is not None:
        found.append(refuse("on_hold", until=case.hold.until))
    for relation in _BARRED:
        found += exclusions(case, actor, relation, case.related(relation), ("decisions",), now)
    if partial := partiality(case, actor, ("decisions",), now):
        found.append(partial)
    return found


def exclusions(
    case: Case,
    actor: Person,
    relation: Relation,
    bound: frozenset[int],
    scopes: Iterable[Scope],
    now: datetime,
) -> list[Refusal]:
    """Judge whether a relation bars a person: the own, or that of whoever counts as one with the person.

    ``bound`` are the people who stand in the relation, ``scopes`` those in which a substitute could do this.
    """
    if actor.id in bound:
        return [refuse(f"excluded_{relation}")]
    for scope in scopes:
        for other in sorted(identities(case, actor, scope, now) & bound):
            replaced = other in substitutes.stands_in_for(actor, scope, now)
            code = "excluded_stand_in" if replaced else "excluded_replaced"
            return [refuse(code, name=case.name(other), because=BECAUSE[relation])]
    return []


def partners(case: Case, actor: Person, scopes: Iterable[Scope], now: datetime) -> frozenset[int]:
    """Return who else counts as one with a person, in any of some scopes."""
    found = (identities(case, actor, scope, now) for scope in scopes)
    return frozenset[int]().union(*found) - {actor.id}


def partiality(case: Case, actor: Person, scopes: Sequence[Scope], now: datetime) -> Refusal | None:
    """Judge whether a conflict of interest or a review of one's own keeps a person from acting.

    A conflict binds whoever counts as one with the person as well, and nobody takes the lead's
    place who reviews the appraisal.
    """
    conflicted = access.conflicted(case)
    if actor.id in conflicted:
        return refuse("conflict_declared")
    if others := conflicted & partners(case, actor, scopes, now):
        return refuse("conflict_of_other", name=case.name(min(others)))
    if access.is_blind(case, actor):
        return refuse("review_owed")
    covered = substitutes.stands_in_for(actor, "appraisals", now) if "appraisals" in scopes else ()
    instead = lead_of(case) in covered
    return refuse("excluded_reviewer") if instead and access.reviews_it(case, actor) else None


def answering_refusals(case: Case, consultation: Consultation, actor: Person) -> list[Refusal]:
    """Judge whether a person may write down what a unit says without a review of their own.

    That is a coordinator, for a unit that answered by other means. An appraiser of the unit signs
    a review instead, since a declaration comes first.
    """
    found = []
    if actor.id in case.related("author"):
        found.append(refuse("excluded_author"))
    elif not actor.has("coordinator"):
        found.append(refuse("not_consulted"))
    if consultation.answered_at is not None:
        found.append(refuse("consultation_answered"))
    return found


def sees_answer(case: Case, appraisal: Appraisal, consultation: Consultation, person: Person) -> bool:
    """Tell whether a person reads a unit's comment (domain rules, section 2).

    Everybody who reads the proposal does once the appraisal is finalised; before, those who see
    its ratings, and reviewers once their own review is signed.
    """
    if access.level(case, person) != "full" or access.is_blind(case, person):
        return False
    if appraisal.finalised_at is not None or access.sees_running_ratings(case, person):
        return True
    return person.id not in case.related("author") and access.has_signed(appraisal, person)
