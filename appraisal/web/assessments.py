"""Assessments: an appraisal opened for a reader: what they may see of it, how far it is, what it comes to."""

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from flask import url_for
from sqlalchemy import Connection

from appraisal.definitions.checklists import Checklist
from appraisal.definitions.library import Criterion
from appraisal.definitions.sets import Recommendation
from appraisal.domain import access, machine, rulebooks, substitutions
from appraisal.domain.facts import Appraisal, Case, Person, Version
from appraisal.domain.refusals import Refusal
from appraisal.domain.rulebooks import Rulebook
from appraisal.domain.verdicts import Assessment
from appraisal.errors import NotFound
from appraisal.i18n import N_
from appraisal.services import steps
from appraisal.services.appraisals import changed_evidence
from appraisal.web.context import actor, language, say, site
from appraisal.web.standings import Offer

STATUS_DONE, STATUS_STARTED, STATUS_TODO = "done", "started", "todo"
# Items that nobody has rated are counted, and carried-over ratings are listed by themselves.
_SAID_ELSEWHERE: Final = frozenset({"item_unrated", "item_unconfirmed"})


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one checklist is, and what it comes to so far; ``done`` counts what needs nothing more."""

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


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that holds up closing the appraisal, and where it is put right."""

    text: str
    href: str


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
        is_substitute = substitutions.covers_lead(self.case, self.reader)
        return self.case.name(self.appraisal.lead) if is_substitute else ""

    @cached_property
    def criteria(self) -> tuple[Criterion, ...]:
        """Return the criteria that apply to the version."""
        return self.book.criteria_for(self.version.threshold_usd)

    @cached_property
    def assessment(self) -> Assessment:
        """Return what follows from the ratings as they stand."""
        return rulebooks.assess_appraisal(self.book, self.case, self.appraisal)

    @cached_property
    def changed(self) -> frozenset[str]:
        """Return the items whose evidence changed since they were rated last."""
        return changed_evidence(self.case, self.book) if self.appraisal.is_running else frozenset()

    @property
    def proposed(self) -> list[str]:
        """Return the items whose rating was carried over and waits to be confirmed, in their order."""
        ratings = self.appraisal.ratings
        return [
            item.id
            for criterion in self.criteria
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
        code = self.appraisal.computed or rulebooks.computed_recommendation(
            self.book, self.case, self.appraisal
        )
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


def open_appraisal(db: Connection, number: str) -> Opened:
    """Open the appraisal that pages show: the running one, else the last that was finalised, else the last.

    Raises ``NotFound`` where there is none, or where the proposal is not the reader's to read.
    """
    case, book = steps.view(db, site().library, number, actor())
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
    ratings = opened.appraisal.ratings
    rated = sum(item.id in ratings and ratings[item.id].value != "" for item in checklist.items)
    found = opened.assessment.by_criterion[checklist.code] if opened.appraisal.is_running else ()
    hindered = {problem.facts.get("item") for problem in found}
    code = opened.appraisal.verdicts.get(checklist.code) or opened.assessment.verdicts[checklist.code]
    verdict = opened.book.set.verdict(code) if code else None
    status = STATUS_STARTED if rated else STATUS_TODO
    return Progress(
        checklist,
        checklist.title[language()],
        sum(item.id in ratings and item.id not in hindered for item in checklist.items),
        rated,
        len(checklist.items),
        verdict.title[language()] if verdict else say(N_("No verdict yet")),
        verdict.tone if verdict else "neutral",
        sum(problem.code != "item_unrated" for problem in found),
        STATUS_DONE if rated == len(checklist.items) and not found else status,
        url_for("appraisals.checklist", number=opened.case.number, code=checklist.code),
    )


def problems_of(opened: Opened) -> list[Problem]:
    """Return what holds up closing a running appraisal, beside items still to be rated or confirmed."""
    if not opened.appraisal.is_running:
        return []
    found = []
    for criterion in opened.criteria:
        code = criterion.checklist.code
        page = url_for("appraisals.checklist", number=opened.case.number, code=code)
        for problem in opened.assessment.by_criterion[code]:
            if problem.code not in _SAID_ELSEWHERE:
                item = problem.facts.get("item")
                found.append(Problem(problem.say(language()), f"{page}#{item}" if item else page))
    return found


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
