"""Reviews, ratings, consultations and days used are described here as plain data."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from appraisal.appraisals.rules import reviews
from appraisal.appraisals.rules.agreement import displayed
from appraisal.deadlines.rules import working_days
from appraisal.people.facts import Person
from appraisal.proposals.facts import Appraisal, Case, Consultation, RatingGiven, Review
from appraisal.proposals.rules.rulebook import Rulebook

# What may be expected of one review, and of one consultation.
REVIEW = (
    "declaration",
    "declined",
    "signed",
    "late",
    "silent",
    "released",
    "withdrawn",
    "due",
    "checklists",
    "ratings",
    "unconfirmed",
)
DECLARATIONS = {"": "never asked", "nothing": "nothing", "declared": "declared"}
CONSULTATIONS = ("answered", "late", "silent", "released", "open")
NOT_COMPUTABLE = "not computable"


def describe_appraisal(
    case: Case, book: Rulebook, people: Mapping[str, Person], appraisal: Appraisal | None
) -> dict[str, Any]:
    """Return what lead, reviewers and units have said in an appraisal; ``people`` are known by key."""
    if appraisal is None:
        return {
            "ratings": {},
            "evidence": {},
            "unconfirmed": [],
            "unexplained": [],
            "reviews": {},
            "consultations": {},
            "agreement": {},
        }
    lacking = {refusal.facts["item"] for refusal in reviews.unexplained(case, book, appraisal)}
    criteria = reviews.criteria_of(case, book, appraisal)
    return {
        "ratings": _values(appraisal.ratings),
        "evidence": {
            item: given.evidence for item, given in sorted(appraisal.ratings.items()) if given.evidence
        },
        "unconfirmed": sorted(given.item for given in appraisal.ratings.values() if given.proposed),
        "unexplained": [
            item.id for entry in criteria for item in entry.checklist.items if item.id in lacking
        ],
        "reviews": describe_reviews(case, people),
        "consultations": {entry.unit: _answered(entry) for entry in appraisal.consultations},
        "agreement": {
            code: displayed(found) or NOT_COMPUTABLE
            for code, found in reviews.agreement_by_checklist(case, book, appraisal).items()
        },
    }


def describe_reviews(case: Case, people: Mapping[str, Person]) -> dict[str, Any]:
    """Return what became of the review that each person was asked for last."""
    keys = {person.id: key for key, person in people.items()}
    return {
        keys[review.person]: _review(review)
        for appraisal in case.appraisals
        for review in appraisal.reviews
        if review.person in keys
    }


def _review(review: Review) -> dict[str, Any]:
    return {
        "declaration": DECLARATIONS[review.declaration],
        "declined": review.declined_at is not None,
        "signed": review.signed_at is not None,
        "late": review.late,
        "silent": review.silent_at is not None,
        "released": review.released_at is not None,
        "withdrawn": review.withdrawn_at is not None,
        "due": review.due_on.isoformat(),
        "checklists": list(review.checklists),
        "ratings": _values(review.ratings),
        "unconfirmed": sorted(given.item for given in review.ratings.values() if given.proposed),
    }


def _values(ratings: Mapping[str, RatingGiven]) -> dict[str, str]:
    return {item: ratings[item].value for item in sorted(ratings)}


def _answered(entry: Consultation) -> str:
    if entry.answered_at is not None:
        return "late" if entry.late else "answered"
    if entry.released_at is not None:
        return "released"
    return "silent" if entry.silent_at is not None else "open"


def days_used(case: Case, book: Rulebook, now: datetime) -> dict[str, int]:
    """Return the working days of the last stay in each state that has a limit, the present one so far."""
    found: dict[str, int] = {}
    arrived = [step for step in case.steps if step.from_state != step.to_state]
    left = [*(step.at for step in arrived), now][1:]
    for step, until in zip(arrived, left, strict=True):
        state = book.workflow.states[step.to_state]
        if (measured := working_days.measure(case, state, case.track, step.at, until)) is not None:
            found[step.to_state] = measured.used
    return found
