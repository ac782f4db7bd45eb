"""Access decides who may read what of a proposal (domain rules, section 2).

The list of proposals asks the same questions in SQL (``proposals.store.visible``); a test holds the two
together.
"""

from dataclasses import replace
from datetime import datetime
from typing import Literal

from appraisal.people.facts import Person
from appraisal.people.rules import substitutes
from appraisal.proposals.facts import Appraisal, Case, Consultation, Review
from appraisal.proposals.rules.acting_for import covers_lead, identities

Level = Literal["full", "declaration", "overlap", "nothing"]


# Roles that read every proposal once it was submitted.
READERS = frozenset({"coordinator", "manager", "auditor"})


def level(case: Case, person: Person) -> Level:
    """Return how much of a proposal a person may read.

    *overlap* is number, title, countries, donors and state: enough for a designer to find that
    somebody else is working on the same thing; *declaration* is title, countries, donors and
    authors: what a reviewer needs to declare a conflict of interest, or that there is none.
    Administrators read no proposal as such. Whoever stands in for the lead reads what there is to
    appraise, while that lasts.
    """
    if not person.active:
        return "nothing"
    if person.id in case.related("author"):
        return "full"
    # Definitions are pinned by the first submission or by a registration; before, it is a draft.
    if not case.pinned:
        return "nothing"
    if must_declare(case, person):
        return "declaration"
    if person.roles & READERS or person.id in case.related("lead"):
        return "full"
    if any(review.declaration == "nothing" and not review.declined_at for review in reviews_of(case, person)):
        return "full"
    if covers_lead(case, person):
        return "full"
    if is_consulted(case, person) or replaced_review(case, person) is not None:
        return "declaration"
    return "overlap" if person.has("designer") else "nothing"


def is_consulted(case: Case, person: Person) -> bool:
    """Tell whether a person's unit was asked and has not answered; whoever of it does, even late, may."""
    running = case.appraisal or case.finalised
    return (
        running is not None
        and person.has("appraiser")
        and person.unit != ""
        and person.id not in conflicted(case)
        and not any(review.person == person.id and review.withdrawn_at is None for review in running.reviews)
        and any(entry.unit == person.unit and entry.answered_at is None for entry in running.consultations)
    )


def replaced_review(case: Case, person: Person) -> Review | None:
    """Return the open review that a person on duty may take over from whom they stand in for.

    Nobody takes one over who has a review of the running appraisal, leads or has led the proposal,
    is an author or has a conflict of interest, or stands in for its lead as well.
    """
    running, replaced = case.appraisal, substitutes.covered(person, "appraisals")
    if running is None or not replaced or not person.has("appraiser"):
        return None
    barred = case.related("author") | case.related("lead") | conflicted(case)
    barred |= {review.person for review in running.reviews if review.withdrawn_at is None}
    if person.id in barred or running.lead in replaced:
        return None
    open_ones = (review for review in running.reviews if review.is_open and review.person in replaced)
    return min(open_ones, key=lambda review: review.due_on, default=None)


def sees_draft(case: Case, person: Person) -> bool:
    """Tell whether a person sees edits made since the last submission; others see that version."""
    return person.id in case.related("author")


def sees_running_ratings(case: Case, person: Person) -> bool:
    """Tell whether a person sees ratings before the appraisal is finalised.

    Its lead, coordinators and auditors at once; a reviewer once the own review is signed.
    """
    if person.id in case.related("author") or level(case, person) != "full" or is_blind(case, person):
        return False
    if person.id in case.related("lead") or person.has("coordinator") or person.has("auditor"):
        return True
    running = case.appraisal
    return _appraises_instead(case, person) or (running is not None and has_signed(running, person))


def sees_appraisal(case: Case, person: Person) -> bool:
    """Tell whether a person reads what the last appraisal says: everybody does once it is finalised."""
    if level(case, person) != "full" or is_blind(case, person):
        return False
    last = case.appraisals[-1] if case.appraisals else None
    return last is None or last.finalised_at is not None or sees_running_ratings(case, person)


def has_signed(appraisal: Appraisal, person: Person) -> bool:
    """Tell whether a person's own review of an appraisal is signed."""
    return any(review.person == person.id and review.signed_at for review in appraisal.reviews)


def _appraises_instead(case: Case, person: Person) -> bool:
    """Tell whether a person stands in for the lead, and not for an author as well."""
    covered = substitutes.covered(person, "appraisals")
    return covers_lead(case, person) and not covered & case.related("author")


def may_rate(case: Case, person: Person, now: datetime) -> bool:
    """Tell whether a person rates the running appraisal now: its lead, or whoever stands in for the lead.

    Somebody who reviews it does not take the lead's place, nor anybody who counts as one with an
    author, or with somebody who has a conflict of interest.
    """
    running, barred = case.appraisal, case.related("author") | conflicted(case)
    if running is None or not person.has("appraiser") or not person.active or case.hold is not None:
        return False
    instead = running.lead in substitutes.stands_in_for(person, "appraisals", now)
    takes_it = instead and not is_blind(case, person) and not reviews_it(case, person)
    return (running.lead == person.id or takes_it) and not barred & identities(
        case, person, "appraisals", now
    )


def may_edit(case: Case, person: Person, editable_by_author: bool) -> bool:
    """Tell whether a person may edit the form now; ``editable_by_author`` is what the state declares."""
    return (
        editable_by_author
        and person.id in case.related("author")
        and person.has("designer")
        and person.active
        and case.hold is None
    )


def reviews_of(case: Case, person: Person) -> tuple[Review, ...]:
    """Return the reviews that were ever asked of a person, or taken up by them, and not taken back."""
    return tuple(
        review
        for appraisal in case.appraisals
        for review in appraisal.reviews
        if review.person == person.id and review.withdrawn_at is None
    )


def reviews_it(case: Case, person: Person) -> bool:
    """Tell whether a person reviews, or has reviewed, the appraisal under way or in force."""
    running = case.appraisal or case.finalised
    return running is not None and any(
        review.person == person.id
        and review.withdrawn_at is None
        and review.declined_at is None
        and review.declaration != "declared"
        for review in running.reviews
    )


def conflicted(case: Case) -> frozenset[int]:
    """Return everyone who ever declared a conflict of interest over a proposal."""
    return frozenset(
        review.person
        for appraisal in case.appraisals
        for review in appraisal.reviews
        if review.declaration == "declared"
    )


def is_blind(case: Case, person: Person) -> bool:
    """Tell whether a person still owes an independent review, and so sees nobody else's.

    Whatever other roles somebody holds: a review that its author might have copied is worth nothing.
    """
    return person.id in owing(case)


def owing(case: Case) -> frozenset[int]:
    """Return everyone who still owes a review of a proposal."""
    return frozenset(
        review.person for appraisal in case.appraisals for review in appraisal.reviews if review.is_open
    )


def must_declare(case: Case, person: Person) -> bool:
    """Tell whether a person must say first whether there is a conflict of interest."""
    return any(review.is_open and not review.declaration for review in reviews_of(case, person))


def as_seen(case: Case, person: Person) -> Case:
    """Return the case as a person may see it, so that no page can leak what is gone from it.

    A case that an author or a manager reads is without what is said in an appraisal that is not finalised.
    That of a reviewer who has still to sign is without all that others have said: ratings, comments,
    consultations of other units, the other reviewers and their number, notes and required changes of
    earlier rounds, and every count that would betray them.
    """
    if not is_blind(case, person):
        return case if sees_running_ratings(case, person) else _without_unfinished(case, person)
    stripped = replace(
        case,
        appraisals=tuple(_as_seen(appraisal, person) for appraisal in case.appraisals),
        steps=tuple(replace(step, note="", sequence=0) for step in case.steps),
        decisions=tuple(replace(entry, note="", contradicts=False) for entry in case.decisions),
        # What a round required tells what was rated low in it.
        changes=(),
        relations={**case.relations, "reviewer": frozenset({person.id})},
        sequence=0,
        head="",
    )
    named = _named(stripped)
    return replace(stripped, people={id: known for id, known in case.people.items() if id in named})


def _without_unfinished(case: Case, person: Person) -> Case:
    """Strip a case of what is said in appraisals that are not finalised."""
    if all(appraisal.finalised_at for appraisal in case.appraisals):
        return case
    return replace(
        case,
        appraisals=tuple(
            appraisal
            if appraisal.finalised_at
            else replace(_as_seen(appraisal, person), consultations=_of_own_unit(case, appraisal, person))
            for appraisal in case.appraisals
        ),
    )


def _of_own_unit(case: Case, appraisal: Appraisal, person: Person) -> tuple[Consultation, ...]:
    """Return what an appraiser's own unit was asked, without what it said; nothing for an author."""
    if not person.has("appraiser") or person.id in case.related("author"):
        return ()
    asked = (entry for entry in appraisal.consultations if entry.unit == person.unit)
    return tuple(replace(entry, text="") for entry in asked)


def _named(case: Case) -> frozenset[int | None]:
    """Return everybody whom a case that was stripped still names."""
    found: set[int | None] = {id for people in case.relations.values() for id in people}
    found |= {id for step in case.steps for id in (step.by, step.behalf)}
    found |= {id for decision in case.decisions for id in (decision.by, decision.behalf)}
    for appraisal in case.appraisals:
        found |= {appraisal.lead, *(review.behalf for review in appraisal.reviews)}
    return frozenset(found)


def _as_seen(appraisal: Appraisal, person: Person) -> Appraisal:
    """Strip an appraisal to what a reviewer may know: finalised or not, it reads as one that is over."""
    return replace(
        appraisal,
        ratings={},
        conditions=(),
        former_conditions=(),
        # Of the own unit only that it was asked: a colleague may have answered for it.
        consultations=tuple(
            Consultation(entry.id, entry.unit, entry.asked_at, entry.due_on)
            for entry in appraisal.consultations
            if entry.unit == person.unit
        ),
        reviews=tuple(entry for entry in appraisal.reviews if entry.person == person.id),
        chosen="",
        reason="",
        finalised_at=None,
        computed="",
        final="",
        verdicts={},
        covers_evaluability=False,
        closed_at=appraisal.closed_at or appraisal.finalised_at,
        superseded_at=None,
        record="",
        row_version=0,
    )
