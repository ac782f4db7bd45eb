"""An appraisal is opened here for a reader: what they may see, how far it is, what it comes to."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from flask import url_for
from sqlalchemy import Connection

from appraisal.appraisals.rules import reviews
from appraisal.appraisals.rules.assessment import assess_appraisal, computed_recommendation
from appraisal.appraisals.rules.reviews import Row
from appraisal.appraisals.rules.verdicts import Assessment
from appraisal.appraisals.services.lead import changed_evidence
from appraisal.definitions.checklists import Checklist
from appraisal.definitions.library import Criterion
from appraisal.definitions.sets import Recommendation, Verdict
from appraisal.errors import NotFound
from appraisal.language.texts import N_
from appraisal.people.facts import Person
from appraisal.proposals.facts import Appraisal, Case, RatingGiven, Version
from appraisal.proposals.pages.offers import Offer
from appraisal.proposals.rules import access
from appraisal.proposals.rules.acting_for import covers_lead
from appraisal.proposals.rules.rulebook import Rulebook
from appraisal.proposals.services.opening import view
from appraisal.vocabulary.refusals import Refusal, refuse
from appraisal.web.context import actor, language, say, site
from appraisal.workflow.rules import machine

STATUS_DONE, STATUS_STARTED, STATUS_TODO = "done", "started", "todo"
# Items that nobody has rated are counted, and carried-over ratings are listed by themselves.
_SAID_ELSEWHERE: Final = frozenset({"item_unrated", "item_unconfirmed"})


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one checklist is, and what it comes to so far; ``done`` counts what needs nothing more.

    ``unit`` is who finalises it in place of the lead.
    """

    checklist: Checklist
    title: str
    done: int
    rated: int
    total: int
    verdict: str
    tone: str
    open: int
    status: str
    href: str
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that holds up closing the appraisal, and where it is put right."""

    text: str
    href: str


@dataclass(frozen=True, slots=True)
class Tally:
    """How many reviews are signed, and how many items reviewers or the lead rate differently.

    ``unexplained`` are those of them for which the lead still has to say why.
    """

    signed: int
    differing: int
    unexplained: int


@dataclass(frozen=True)
class Opened:
    """An appraisal with the version it is about, as one reader may see it."""

    case: Case
    book: Rulebook
    appraisal: Appraisal
    version: Version
    reader: Person

    @cached_property
    def sees_ratings(self) -> bool:
        """Tell whether the reader sees ratings: everybody does once the appraisal is finalised."""
        return self.appraisal.finalised_at is not None or access.sees_running_ratings(self.case, self.reader)

    @cached_property
    def may_rate(self) -> bool:
        """Tell whether the reader rates this appraisal now."""
        return self.appraisal.is_running and access.may_rate(self.case, self.reader, site().now())

    @property
    def replaced(self) -> str:
        """Return the name of the lead for whom the reader stands in; empty for everybody else."""
        is_substitute = covers_lead(self.case, self.reader)
        return self.case.name(self.appraisal.lead) if is_substitute else ""

    @cached_property
    def blocks(self) -> Mapping[str, str]:
        """Return the checklists that one unit finalises in place of the lead, each with that unit."""
        return reviews.blocks(self.criteria)

    def rates(self, code: str) -> bool:
        """Tell whether the reader rates a checklist now."""
        return self.may_rate and code not in self.blocks

    @cached_property
    def criteria(self) -> tuple[Criterion, ...]:
        """Return the criteria that apply to the version."""
        return self.book.criteria_for(self.version.threshold_usd)

    @cached_property
    def assessment(self) -> Assessment:
        """Return what follows from the ratings as they stand."""
        return assess_appraisal(self.book, self.case, self.appraisal)

    @cached_property
    def changed(self) -> frozenset[str]:
        """Return the items whose evidence changed since they were rated last."""
        return changed_evidence(self.case, self.book) if self.appraisal.is_running else frozenset()

    @property
    def proposed(self) -> list[str]:
        """Return the items whose rating was carried over and waits for the lead, in their order."""
        ratings = self.appraisal.ratings
        return [
            item.id
            for criterion in self.criteria
            if criterion.checklist.code not in self.blocks
            for item in criterion.checklist.items
            if item.id in ratings and ratings[item.id].proposed
        ]

    def checklist(self, code: str) -> Checklist:
        """Return a checklist that applies, by its code; raises ``NotFound``."""
        for criterion in self.criteria:
            if criterion.checklist.code == code:
                return criterion.checklist
        raise NotFound("checklist", code)

    def recommendation(self) -> Recommendation | None:
        """Return what follows from the ratings, or followed from them when the appraisal was finalised."""
        code = self.appraisal.computed or computed_recommendation(self.book, self.case, self.appraisal)
        return self.book.set.recommendation(code) if code else None

    def final(self) -> Recommendation | None:
        """Return what the appraisal recommends: what the lead chose, or what was computed."""
        code = self.appraisal.final or self.appraisal.chosen
        return self.book.set.recommendation(code) if code else self.recommendation()

    def problems_by_item(self) -> dict[str, list[Refusal]]:
        """Return what is wrong with ratings, by item, beside those to be confirmed; nothing once closed."""
        found: dict[str, list[Refusal]] = defaultdict(list)
        if self.appraisal.is_running:
            for problem in self.assessment.problems:
                if problem.code not in _SAID_ELSEWHERE and "item" in problem.facts:
                    found[problem.facts["item"]].append(problem)
        return found

    @cached_property
    def rows(self) -> list[Row]:
        """Return the items side by side, as far as the reader sees what reviewers signed."""
        return reviews.side_by_side(self.case, self.book, self.appraisal) if self.sees_ratings else []

    def tally(self, code: str = "") -> Tally:
        """Count signed reviews and differences, on the whole or on one checklist."""
        rows = [row for row in self.rows if not code or row.code == code]
        signed = reviews.signed(self.appraisal) if self.sees_ratings else ()
        return Tally(
            sum(not code or code in review.checklists for review in signed),
            sum(bool(row.spread or row.differs) for row in rows),
            sum(row.lacks_reason for row in rows) if self.appraisal.is_running else 0,
        )


def open_appraisal(db: Connection, number: str) -> Opened:
    """Open the appraisal that pages show: the running one, else the last that was finalised, else the last.

    Raises ``NotFound`` where there is none, or where the proposal is not the reader's to read.
    """
    case, book = view(db, site().library, number, actor())
    final = (entry for entry in reversed(case.appraisals) if entry.finalised_at and not entry.superseded_at)
    last = case.appraisals[-1] if case.appraisals else None
    appraisal = case.appraisal or next(final, last)
    if appraisal is None:
        raise NotFound("appraisal", number)
    version = next(entry for entry in case.versions if entry.id == appraisal.version_id)
    return Opened(case, book, appraisal, version, actor())


def progress_of(opened: Opened) -> list[Progress]:
    """Return how far every checklist is."""
    return [_progress(opened, criterion.checklist) for criterion in opened.criteria]


def _progress(opened: Opened, checklist: Checklist) -> Progress:
    code = checklist.code
    found = opened.assessment.by_criterion[code] if opened.appraisal.is_running else ()
    verdict = opened.appraisal.verdicts.get(code) or opened.assessment.verdicts[code]
    return measure(
        checklist,
        opened.appraisal.ratings,
        found,
        opened.book.set.verdict(verdict) if verdict else None,
        url_for("appraisals.checklist", number=opened.case.number, code=code),
        opened.blocks.get(code, ""),
    )


def measure(
    checklist: Checklist,
    ratings: Mapping[str, RatingGiven],
    found: Sequence[Refusal],
    verdict: Verdict | None,
    href: str,
    unit: str = "",
) -> Progress:
    """Measure how far ratings of a checklist are, by what is still wrong with them."""
    rated = sum(item.id in ratings and ratings[item.id].counts for item in checklist.items)
    hindered = {problem.facts.get("item") for problem in found}
    status = STATUS_STARTED if rated else STATUS_TODO
    return Progress(
        checklist,
        checklist.title[language()],
        sum(item.id in ratings and item.id not in hindered for item in checklist.items),
        rated,
        len(checklist.items),
        verdict.title[language()] if verdict else say(N_("No verdict yet")),
        verdict.tone if verdict else "neutral",
        # What a unit finalises is not the lead's to put right.
        0 if unit else sum(problem.code != "item_unrated" for problem in found),
        STATUS_DONE if rated == len(checklist.items) and not found else status,
        href,
        unit,
    )


def problems_of(opened: Opened) -> list[Problem]:
    """Return what the lead has to put right before closing, beside items still to be rated or confirmed."""
    if not opened.appraisal.is_running:
        return []
    found = []
    for criterion in opened.criteria:
        code = criterion.checklist.code
        page = url_for("appraisals.checklist", number=opened.case.number, code=code)
        for problem in opened.assessment.by_criterion[code]:
            if problem.code not in _SAID_ELSEWHERE and code not in opened.blocks:
                item = problem.facts.get("item")
                found.append(Problem(problem.say(language()), f"{page}#{item}" if item else page))
    return [*found, *_unexplained(opened)]


def _unexplained(opened: Opened) -> list[Problem]:
    """Return the items for which the lead still has to say why the final rating differs."""
    return [
        Problem(refuse("difference_unexplained", item=row.item).say(language()), difference_page(opened, row))
        for row in opened.rows
        if row.lacks_reason
    ]


def difference_page(opened: Opened, row: Row) -> str:
    """Return where an item stands side by side."""
    number = opened.case.number
    return url_for("reconciliations.show", number=number, checklist=row.code, _anchor=row.item)


def closing_steps(opened: Opened) -> list[Offer]:
    """Return the steps that are the lead's from here, with what speaks against each.

    They are shown to the lead and to whoever stands in for the lead, to nobody else.
    """
    if opened.appraisal.lead != opened.reader.id and not opened.replaced:
        return []
    return [
        Offer(
            entry.transition.name,
            entry.transition.label[language()],
            tuple(refusal.say(language()) for refusal in entry.refusals),
        )
        for entry in machine.allowed(opened.book, opened.case, opened.reader, site().now())
        if "lead" in entry.transition.by
    ]
