"""Reviews have rules: who may be asked, what one still lacks, and where lead and reviewers differ.

Reviewers rate independently of each other (domain rules, section 2); what they may see before they
sign is ``access.as_seen``. The lead reconciles: the originals stay, and a final rating that
differs from a review signed in time needs a reason.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from appraisal.appraisals.rules import agreement
from appraisal.appraisals.rules.agreement import Agreement
from appraisal.appraisals.rules.verdicts import Assessment, assess
from appraisal.clock import geneva_date
from appraisal.deadlines.rules import due_dates
from appraisal.definitions.library import Criterion
from appraisal.definitions.sets import ChecklistSet
from appraisal.people.facts import Person
from appraisal.people.rules import substitutes
from appraisal.proposals.facts import Appraisal, Case, Consultation, RatingGiven, Review
from appraisal.proposals.rules import access, track_and_money
from appraisal.proposals.rules.acting_for import covers_lead
from appraisal.proposals.rules.rulebook import Rulebook
from appraisal.vocabulary import bounds
from appraisal.vocabulary.refusals import Refusal, refuse

# How a review stands: over in five ways, no longer awaited, or open: to be declared on, to be signed, or
# past its date.
Status = Literal[
    "withdrawn",
    "conflict",
    "declined",
    "signed",
    "signed_late",
    "released",
    "silent",
    "overdue",
    "undeclared",
    "open",
]


def criteria_of(case: Case, book: Rulebook, appraisal: Appraisal) -> tuple[Criterion, ...]:
    """Return the criteria that apply to the version that an appraisal is about."""
    return book.criteria_for(_threshold(case, appraisal))


def _threshold(case: Case, appraisal: Appraisal) -> Decimal:
    return next(entry.threshold_usd for entry in case.versions if entry.id == appraisal.version_id)


def blocks(criteria: Iterable[Criterion]) -> Mapping[str, str]:
    """Return the checklists whose ratings one unit finalises, by code, each with that unit."""
    return {
        entry.checklist.code: entry.member.finalised_by for entry in criteria if entry.member.finalised_by
    }


def block_items(criteria: Iterable[Criterion]) -> Mapping[str, str]:
    """Return the items whose final rating one unit gives, each with that unit."""
    return {
        item.id: entry.member.finalised_by
        for entry in criteria
        if entry.member.finalised_by
        for item in entry.checklist.items
    }


def finaliser(appraisal: Appraisal, code: str, unit: str) -> Review | None:
    """Return the review that gave a block its final ratings: its unit's, signed while the appraisal ran."""
    ended = appraisal.ended_at
    found = (
        entry
        for entry in reversed(signed(appraisal))
        if code in entry.checklists and entry.unit == unit and entry.signed_at is not None
        if ended is None or entry.signed_at <= ended
    )
    return next(found, None)


def reviewed(criteria: Iterable[Criterion], review: Review) -> tuple[Criterion, ...]:
    """Return the criteria that a review covers, in their order."""
    return tuple(entry for entry in criteria if entry.checklist.code in review.checklists)


def asked_of(appraisal: Appraisal, review: Review) -> Consultation | None:
    """Return the consultation that a review speaks for: its unit was asked."""
    return next((entry for entry in appraisal.consultations if entry.unit == review.unit), None)


def standing(appraisal: Appraisal) -> tuple[Review, ...]:
    """Return the reviews that were not taken back."""
    return tuple(entry for entry in appraisal.reviews if entry.withdrawn_at is None)


def undertaken(appraisal: Appraisal) -> tuple[Review, ...]:
    """Return the reviews that stand and were neither declined nor ended by a conflict of interest."""
    return tuple(
        entry for entry in standing(appraisal) if not entry.declined_at and entry.declaration != "declared"
    )


def signed(appraisal: Appraisal) -> tuple[Review, ...]:
    """Return the signed reviews, in the order in which they were signed."""
    found = [entry for entry in standing(appraisal) if entry.signed_at is not None]
    return tuple(sorted(found, key=lambda entry: (entry.signed_at, entry.id)))


def status(case: Case, review: Review, today: date) -> Status:
    """Tell how a review stands on a day."""
    if review.withdrawn_at:
        return "withdrawn"
    if review.declaration == "declared":
        return "conflict"
    if review.declined_at:
        return "declined"
    if review.signed_at:
        return "signed_late" if review.late else "signed"
    if review.released_at:
        return "released"
    if review.silent_at:
        return "silent"
    if due_dates.due_day(case, review) < today:
        return "overdue"
    return "open" if review.declaration else "undeclared"


def asking_refusals(
    case: Case,
    book: Rulebook,
    person: Person,
    checklists: Sequence[str],
    due_on: date,
    actor: Person,
    now: datetime,
) -> list[Refusal]:
    """Judge whether a coordinator may ask a person to review checklists of the running appraisal."""
    found = coordinating_refusals(case, actor)
    if access.is_blind(case, actor):
        # Whatever else speaks against it would tell who is asked already.
        return found
    running = case.appraisal
    if running is None:
        return [*found, refuse("no_appraisal")]
    found += barred(case, running, person)
    if running.lead in substitutes.stands_in_for(person, "appraisals", now):
        found.append(refuse("reviewer_stands_in", name=person.name))
    criteria = criteria_of(case, book, running)
    known = {entry.checklist.code for entry in criteria}
    unknown = [code for code in checklists if code not in known]
    if unknown:
        found.append(refuse("checklist_unknown", codes=unknown))
    if not checklists:
        found.append(refuse("checklists_missing"))
    for code, unit in blocks(criteria).items():
        if code in checklists:
            found += _block_refusals(running, code, unit, person)
    return [*found, *due_refusals(due_on, now)]


def due_refusals(due_on: date, now: datetime) -> list[Refusal]:
    """Judge the day by which somebody is asked to review: a day to come, and no more than years ahead."""
    today = geneva_date(now)
    if due_on <= today:
        return [refuse("due_past")]
    late = bounds.due_late(due_on, today)
    return [late] if late else []


def coordinating_refusals(case: Case, actor: Person) -> list[Refusal]:
    """Judge whether a person looks after the reviews of a proposal: a coordinator who is no author.

    Nor one who still owes a review of it, and so may not know of the others.
    """
    found = [] if actor.has("coordinator") and actor.active else [refuse("role_missing", role="coordinator")]
    if actor.id in case.related("author"):
        found.append(refuse("excluded_author"))
    if access.is_blind(case, actor):
        found.append(refuse("review_owed"))
    if case.hold is not None:
        found.append(refuse("on_hold", until=case.hold.until))
    return found


def withdrawing_refusals(case: Case, review: Review, actor: Person) -> list[Refusal]:
    """Judge whether a person may take back that somebody was asked: not once it is signed."""
    found = coordinating_refusals(case, actor)
    if review.signed_at is not None:
        found.append(refuse("review_signed"))
    elif review.withdrawn_at is not None:
        found.append(refuse("review_closed"))
    return found


def moving_refusals(case: Case, review: Review, actor: Person) -> list[Refusal]:
    """Judge whether a person may give a reviewer another day: while the review is open."""
    found = coordinating_refusals(case, actor)
    return found if review.is_open else [*found, refuse("review_closed")]


def barred(case: Case, running: Appraisal, person: Person) -> list[Refusal]:
    """Return why a person may not review: role, authorship, the lead, a conflict, or asked already."""
    found = []
    if not person.has("appraiser") or not person.active:
        found.append(refuse("reviewer_not_appraiser", name=person.name))
    if person.id in case.related("author"):
        found.append(refuse("reviewer_is_author", name=person.name))
    if person.id == running.lead:
        found.append(refuse("reviewer_is_lead", name=person.name))
    elif has_led(case, running, person):
        found.append(refuse("reviewer_rated", name=person.name))
    if person.id in access.conflicted(case):
        found.append(refuse("reviewer_conflicted", name=person.name))
    elif any(entry.person == person.id for entry in standing(running)):
        found.append(refuse("reviewer_asked", name=person.name))
    return found


def has_led(case: Case, running: Appraisal, person: Person) -> bool:
    """Tell whether a person gave ratings of this appraisal in its lead's place."""
    given = running.ratings.values()
    return person.id in case.related("lead") and any(
        entry.by == person.id and not entry.proposed for entry in given
    )


def _block_refusals(running: Appraisal, code: str, unit: str, person: Person) -> list[Refusal]:
    found = [] if person.unit == unit else [refuse("block_unit", checklist=code, unit=unit)]
    return [*found, refuse("block_taken", checklist=code)] if is_taken(running, code) else found


def is_taken(running: Appraisal, code: str) -> bool:
    """Tell whether somebody reviews a checklist, or has: neither declined nor in conflict."""
    return any(code in entry.checklists for entry in undertaken(running))


def own(appraisal: Appraisal, person: Person) -> Review | None:
    """Return the review that stands in a person's name."""
    return next((entry for entry in standing(appraisal) if entry.person == person.id), None)


def waiting_for_unit(case: Case, person: Person) -> Consultation | None:
    """Return the consultation that a person may take up for the unit: it waits to be answered."""
    running = case.appraisal or case.finalised
    if running is None or not access.is_consulted(case, person):
        return None
    if person.id in case.related("author") | {running.lead}:
        return None
    if covers_lead(case, person) or has_led(case, running, person):
        return None
    return next((entry for entry in running.consultations if entry.unit == person.unit), None)


def taking_over_refusals(
    case: Case, book: Rulebook, running: Appraisal, review: Review, person: Person
) -> list[Refusal]:
    """Judge whether a person may take a review over: what one unit says, somebody of that unit says."""
    criteria = criteria_of(case, book, running)
    units = {unit for code, unit in blocks(criteria).items() if code in review.checklists}
    if asked_of(running, review) is not None:
        units.add(review.unit)
    return [refuse("unit_answers", unit=unit) for unit in sorted(units - {person.unit})]


def owed(case: Case, person: Person) -> date | None:
    """Return by when a person still owes a review, or somebody of their unit its comments; None if not."""
    found = next((entry for entry in access.reviews_of(case, person) if entry.is_open), None)
    asked = found or waiting_for_unit(case, person)
    return due_dates.due_day(case, asked) if asked else None


def unit_checklists(criteria: Iterable[Criterion], unit: str) -> tuple[str, ...]:
    """Return the checklists that a unit is asked about."""
    return tuple(entry.checklist.code for entry in criteria if unit in entry.checklist.consult)


def left_for_unit(criteria: Sequence[Criterion], running: Appraisal, unit: str) -> tuple[str, ...]:
    """Return the checklists that somebody of a unit may take up; a block has one reviewer."""
    one_only = blocks(criteria)
    return tuple(
        code
        for code in unit_checklists(criteria, unit)
        if code not in one_only or not is_taken(running, code)
    )


def assess_review(case: Case, book: Rulebook, appraisal: Appraisal, review: Review) -> Assessment:
    """Score the ratings of one review by themselves, as far as its checklists go."""
    version = next(entry for entry in case.versions if entry.id == appraisal.version_id)
    return assess(
        book.set,
        reviewed(criteria_of(case, book, appraisal), review),
        review.ratings,
        track_and_money.checklist_facts(version.content),
    )


def rates_all(criteria: Iterable[Criterion], appraisal: Appraisal, review: Review) -> bool:
    """Tell whether every item has to be rated before signing.

    A unit that was asked for its comments may give them alone, except on a block that it finalises.
    """
    finalises = any(code in review.checklists for code in blocks(criteria))
    return finalises or asked_of(appraisal, review) is None


def signing_problems(
    case: Case, book: Rulebook, appraisal: Appraisal, review: Review, comment: str
) -> list[Refusal]:
    """Return what a review lacks before it can be signed."""
    criteria = criteria_of(case, book, appraisal)
    problems = assess_review(case, book, appraisal, review).problems
    if not rates_all(criteria, appraisal, review):
        problems = tuple(problem for problem in problems if problem.code != "item_unrated")
        if not comment.strip() and not any(given.value for given in review.ratings.values()):
            return [refuse("text_missing")]
    return list(problems)


@dataclass(frozen=True, slots=True)
class Row:
    """One item side by side: what each signed review says of it, and what the lead does.

    ``spread`` is how far the highest rating lies above the lowest, in steps of the scale; it is
    larger than any step where a reviewer finds irrelevant what another rates. ``has_counting`` tells
    whether any of the reviews has to be answered by the lead.
    """

    item: str
    code: str
    given: tuple[tuple[Review, RatingGiven], ...]
    final: RatingGiven | None
    spread: int
    agreed: str
    differs: tuple[Review, ...]
    has_counting: bool = False

    @property
    def lacks_reason(self) -> bool:
        """Tell whether the lead still has to say why the final rating differs."""
        return bool(self.differs) and not (self.final and self.final.reason.strip())


def side_by_side(case: Case, book: Rulebook, appraisal: Appraisal) -> list[Row]:
    """Return every item that somebody reviewed, disagreements first, else in the order of the set."""
    found = []
    given = signed(appraisal)
    for criterion in criteria_of(case, book, appraisal) if given else ():
        for item in criterion.checklist.items:
            row = _row(book.set, appraisal, given, criterion.checklist.code, item.id)
            if row.given:
                found.append(row)
    return sorted(found, key=lambda row: -row.spread)


def _row(chosen: ChecklistSet, appraisal: Appraisal, reviewed: Iterable[Review], code: str, item: str) -> Row:
    given = tuple(
        (review, review.ratings[item])
        for review in reviewed
        if item in review.ratings and review.ratings[item].counts
    )
    values = [rating.value for _, rating in given]
    final = appraisal.ratings.get(item)
    differs = tuple(
        review
        for review, rating in given
        if final and final.counts and appraisal.counts(review) and rating.value != final.value
    )
    agreed = values[0] if values and len(set(values)) == 1 else ""
    has_counting = any(appraisal.counts(review) for review, _ in given)
    return Row(item, code, given, final, _spread(chosen, values), agreed, differs, has_counting)


def _spread(chosen: ChecklistSet, values: Sequence[str]) -> int:
    if len(set(values)) < 2:
        return 0
    ranked = sorted({entry.points for entry in chosen.scale if entry.points is not None})
    ranks = [
        ranked.index(entry.points)
        for value in values
        if (entry := chosen.rating(value)) is not None and entry.points is not None
    ]
    return len(ranked) if len(ranks) < len(values) else max(ranks) - min(ranks)


def adoptable(case: Case, book: Rulebook, appraisal: Appraisal) -> list[Row]:
    """Return the items on which all signed reviews agree and that the lead has still to rate."""
    blocked = blocks(criteria_of(case, book, appraisal))
    return [
        row
        for row in side_by_side(case, book, appraisal)
        if row.agreed and row.code not in blocked and not (row.final and row.final.counts)
    ]


def unexplained(case: Case, book: Rulebook, appraisal: Appraisal) -> list[Refusal]:
    """Return the items whose final rating differs from a review signed in time, without a reason."""
    if not any(appraisal.counts(review) for review in appraisal.reviews):
        return []
    return [
        refuse("difference_unexplained", item=row.item)
        for row in side_by_side(case, book, appraisal)
        if row.lacks_reason
    ]


def agreement_by_checklist(case: Case, book: Rulebook, appraisal: Appraisal) -> dict[str, Agreement]:
    """Return the agreement of the signed reviews on each checklist, its items as units."""
    rows = side_by_side(case, book, appraisal)
    return {
        criterion.checklist.code: agreement.alpha(
            agreement.points(book.set, (rating.value for _, rating in row.given))
            for row in rows
            if row.code == criterion.checklist.code
        )
        for criterion in criteria_of(case, book, appraisal)
    }
