"""A person's own review is opened for them here: where it stands, how far it is, what it lacks."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Literal

from flask import url_for
from sqlalchemy import Connection

from appraisal.appraisals.pages.appraisal_view import Problem, Progress, measure
from appraisal.appraisals.pages.checklist_form import Sheet
from appraisal.appraisals.rules import reviews
from appraisal.appraisals.rules.verdicts import Assessment
from appraisal.appraisals.services import reviews as services
from appraisal.appraisals.services.reviews import Held
from appraisal.clock import geneva_date
from appraisal.deadlines.rules import due_dates
from appraisal.definitions.checklists import Checklist
from appraisal.definitions.library import Criterion
from appraisal.errors import NotFound
from appraisal.people.facts import Person
from appraisal.proposals.facts import Appraisal, Case, Consultation, Review, Version
from appraisal.proposals.rules import access
from appraisal.proposals.rules.rulebook import rulebook
from appraisal.proposals.services.opening import load
from appraisal.proposals.store.case import load_case
from appraisal.vocabulary.refusals import NotAllowed, Refusal, refuse
from appraisal.web.context import actor, language, site

Stage = Literal["declare", "work", "signed", "declined", "conflict", "withdrawn"]


@dataclass(frozen=True, slots=True)
class Undertaken:
    """What a person was asked on a proposal, by name or as one of a unit, and how far they have come.

    ``review`` is None while only their unit is asked, or somebody for whom they stand in, ``behalf``
    by name; ``held`` also where the review was taken back. ``refusals`` say why they cannot take it
    up, ``taken_by`` who took it over from them. The case is whole: pages of a reviewer take
    nothing from it but what is theirs.
    """

    stage: Stage
    case: Case
    version: Version
    due_on: date
    unit: str
    review: Review | None = None
    held: Held | None = None
    refusals: tuple[Refusal, ...] = ()
    behalf: str = ""
    taken_by: str = ""


@dataclass(frozen=True)
class Working:
    """A review that its reviewer has declared on, as its own pages show it: nothing of anybody else's."""

    held: Held
    reader: Person

    @cached_property
    def case(self) -> Case:
        """Return the proposal as the reviewer may see it."""
        return access.as_seen(self.held.case, self.reader)

    @property
    def review(self) -> Review:
        """Return the review."""
        return self.held.review

    @cached_property
    def version(self) -> Version:
        """Return the version that it is about."""
        return next(entry for entry in self.case.versions if entry.id == self.held.appraisal.version_id)

    @cached_property
    def criteria(self) -> tuple[Criterion, ...]:
        """Return the criteria that it covers."""
        return reviews.reviewed(
            reviews.criteria_of(self.held.case, self.held.book, self.held.appraisal), self.review
        )

    @cached_property
    def assessment(self) -> Assessment:
        """Return what follows from its ratings by themselves."""
        return reviews.assess_review(self.held.case, self.held.book, self.held.appraisal, self.review)

    @property
    def is_open(self) -> bool:
        """Tell whether it is still to be signed."""
        return self.review.is_open

    @property
    def may_rate(self) -> bool:
        """Tell whether it may be worked on now."""
        return self.is_open and self.case.hold is None and self.reader.has("appraiser")

    @property
    def may_be_partial(self) -> bool:
        """Tell whether a comment alone is enough: a unit was asked, and finalises no block."""
        return not reviews.rates_all(self.criteria, self.held.appraisal, self.review)

    @cached_property
    def blocks(self) -> dict[str, str]:
        """Return the checklists whose ratings become final by the signature, each with its unit."""
        return dict(reviews.blocks(self.criteria))

    @cached_property
    def due_on(self) -> date:
        """Return the last day for it."""
        return due_dates.due_day(self.held.case, self.review)

    def is_late(self, today: date) -> bool:
        """Tell whether it would be marked late: after its date."""
        return self.due_on < today

    @property
    def closed_before(self) -> datetime | None:
        """Return when the appraisal was finalised or closed, where that was before any signature."""
        at, signed_at = self.held.appraisal.ended_at, self.review.signed_at
        return at if at and (signed_at is None or at < signed_at) else None

    @cached_property
    def changed(self) -> frozenset[str]:
        """Return the items whose evidence changed since the reviewer signed one of this proposal."""
        return services.changed_evidence(self.held, self.reader) if self.is_open else frozenset()

    @property
    def proposed(self) -> list[str]:
        """Return the items whose rating was carried over and waits to be confirmed, in their order."""
        given = self.review.ratings
        return [
            item.id
            for entry in self.criteria
            for item in entry.checklist.items
            if item.id in given and given[item.id].proposed
        ]

    def sheet(self, code: str) -> Sheet:
        """Return one of its checklists with its ratings; raises ``NotFound``."""
        checklist = next((entry.checklist for entry in self.criteria if entry.checklist.code == code), None)
        if checklist is None:
            raise NotFound("checklist", code)
        return Sheet(self.held.book, checklist, self.review.ratings, self.version)

    def problems_by_item(self) -> dict[str, list[Refusal]]:
        """Return what is wrong with ratings, by item, beside those to be rated or confirmed."""
        found: dict[str, list[Refusal]] = defaultdict(list)
        for problem in self.assessment.problems if self.is_open else ():
            if problem.code not in ("item_unrated", "item_unconfirmed") and "item" in problem.facts:
                found[problem.facts["item"]].append(problem)
        return found

    def progress(self) -> list[Progress]:
        """Return how far each of its checklists is."""
        return [self._progress(entry.checklist) for entry in self.criteria]

    def _progress(self, checklist: Checklist) -> Progress:
        code = checklist.code
        verdict = self.assessment.verdicts[code]
        return measure(
            checklist,
            self.review.ratings,
            self.assessment.by_criterion[code] if self.is_open else (),
            self.held.book.set.verdict(verdict) if verdict else None,
            self.page(code),
        )

    def page(self, code: str, item: str | None = None) -> str:
        """Return the address of one of its checklists, or of an item there."""
        return url_for("reviews.checklist", number=self.case.number, code=code, _anchor=item)

    def missing(self, comment: str) -> list[Problem]:
        """Return what it lacks before it can be signed, each with where it is put right."""
        found = reviews.signing_problems(
            self.held.case, self.held.book, self.held.appraisal, self.review, comment
        )
        return [Problem(problem.say(language()), self._place(problem)) for problem in found]

    def _place(self, problem: Refusal) -> str:
        """Return where a problem is put right: at its item, on its checklist, else in the comment."""
        item, criterion = problem.facts.get("item"), problem.facts.get("criterion")
        for entry in self.criteria:
            if criterion == entry.checklist.title or any(item == known.id for known in entry.checklist.items):
                return self.page(entry.checklist.code, item)
        return "#comment"


def find_undertaken(db: Connection, number: str) -> Undertaken:
    """Find what the person signed in was asked on a proposal; a unit's newer question comes first.

    Raises as :func:`opening.load` does for a proposal that is not theirs, and ``NotAllowed`` where
    nobody asked them anything.
    """
    held = services.held(db, site().library, actor(), number)
    case = held.case if held else load_case(db, number)
    asked, latest = reviews.waiting_for_unit(case, actor()), case.appraisal or case.finalised
    if asked is not None and latest is not None:
        return _of_unit(case, latest, asked)
    theirs = access.replaced_review(case, actor())
    if theirs is not None and case.appraisal is not None:
        return _of_replaced(case, case.appraisal, theirs)
    if held is not None:
        review = held.review
        due_on = due_dates.due_day(case, review)
        version = _version(case, held.appraisal.version_id)
        return Undertaken(stage_of(review), case, version, due_on, review.unit, review, held)
    for appraisal in reversed(case.appraisals):
        for entry in appraisal.reviews:
            if entry.person == actor().id:
                version = _version(case, appraisal.version_id)
                taken = next((other for other in appraisal.reviews if other.behalf == entry.person), None)
                by = case.name(taken.person) if taken else ""
                return Undertaken("withdrawn", case, version, entry.due_on, entry.unit, entry, taken_by=by)
    load(db, site().library, number, actor())
    raise NotAllowed([refuse("review_missing")])


def _of_unit(case: Case, latest: Appraisal, asked: Consultation) -> Undertaken:
    """Return what a unit was asked, unless somebody else of it finalises all that is left."""
    book = rulebook(site().library, case.workflow, case.set)
    criteria = reviews.criteria_of(case, book, latest)
    codes = reviews.unit_checklists(criteria, asked.unit)
    taken = () if reviews.left_for_unit(criteria, latest, asked.unit) else codes
    return Undertaken(
        "declare",
        case,
        _version(case, latest.version_id),
        due_dates.due_day(case, asked),
        asked.unit,
        refusals=tuple(refuse("block_taken", checklist=code) for code in taken),
    )


def _of_replaced(case: Case, running: Appraisal, theirs: Review) -> Undertaken:
    """Return what was asked of somebody for whom the reader stands in."""
    book = rulebook(site().library, case.workflow, case.set)
    return Undertaken(
        "declare",
        case,
        _version(case, running.version_id),
        due_dates.due_day(case, theirs),
        "",
        refusals=tuple(reviews.taking_over_refusals(case, book, running, theirs, actor())),
        behalf=case.name(theirs.person),
    )


def _version(case: Case, id: int) -> Version:
    return next(entry for entry in case.versions if entry.id == id)


def stage_of(review: Review) -> Stage:
    """Return how far a reviewer has come with a review."""
    if review.withdrawn_at:
        return "withdrawn"
    if review.declaration == "declared":
        return "conflict"
    if review.declined_at:
        return "declined"
    if review.signed_at:
        return "signed"
    return "work" if review.declaration else "declare"


def today() -> date:
    """Return the day in Geneva."""
    return geneva_date(site().now())
