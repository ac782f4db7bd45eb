"""Somebody may be named an author of a proposal by some people, or is refused with reasons."""

from appraisal.people.facts import Person
from appraisal.proposals.facts import Case
from appraisal.proposals.rules import duties
from appraisal.proposals.rules.rulebook import Rulebook
from appraisal.vocabulary.refusals import Refusal, refuse


def naming_refusals(case: Case, book: Rulebook, actor: Person) -> list[Refusal]:
    """Judge whether a person may give a proposal another author: a coordinator, where none can act on it."""
    found = []
    if not actor.has("coordinator"):
        found.append(refuse("role_missing", role="coordinator"))
    if actor.id in case.related("author"):
        found.append(refuse("excluded_author"))
    if not duties.has_no_author(case):
        found.append(refuse("author_remains"))
    if not book.workflow.states[case.state].open:
        found.append(refuse("proposal_over"))
    if case.hold is not None:
        found.append(refuse("on_hold", until=case.hold.until))
    return found


def joining_refusals(case: Case, book: Rulebook, person: Person) -> list[Refusal]:
    """Judge whether a person may become an author: a designer who has done nothing that authors may not do.

    Whoever led or reviewed the appraisal, took a step that the workflow closes to authors, lifted a
    condition, or wrote down what a unit says would have judged what is then their own, however long ago.
    """
    if not person.has("designer") or not person.active:
        return [refuse("role_missing", role="designer")]
    if person.id in case.related("lead") | case.related("reviewer"):
        return [refuse("author_is_lead", name=person.name)]
    closed = {entry.name for entry in book.workflow.transitions if "author" in entry.excludes}
    acted = {id for step in case.steps if step.name in closed for id in (step.by, step.behalf)}
    acted |= {
        id
        for appraisal in case.appraisals
        for entry in (*appraisal.conditions, *appraisal.former_conditions)
        for id in (entry.cleared_by, entry.waived_by)
    }
    # What a coordinator wrote down for a unit is closed to authors too.
    acted |= {entry.answered_by for appraisal in case.appraisals for entry in appraisal.consultations}
    return [refuse("author_has_acted", name=person.name)] if person.id in acted else []
