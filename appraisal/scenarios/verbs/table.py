"""The table of verbs lists the use cases that a scenario may name beside its workflow's transitions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from appraisal.accounts.services import substitutes
from appraisal.proposals.facts import Case
from appraisal.proposals.services.exchange_rates import RateGiven, enter_rate, examine_rate
from appraisal.scenarios.complete_proposal import SHORT_NAMES
from appraisal.scenarios.givens import APPROVAL, Terms
from appraisal.scenarios.play import Doing
from appraisal.scenarios.verbs import appraisals, drafts, preparations, reviews
from appraisal.workflow.services import time_steps


@dataclass(frozen=True, slots=True)
class Verb:
    """A use case: what does it, a line about it, and what it is done to and with."""

    do: Callable[[Doing], Case | None]
    about: str
    terms: Terms


def _enter_rate(doing: Doing) -> None:
    given = RateGiven(
        doing.text("currency"),
        date.fromisoformat(doing.text("day")),
        Decimal(doing.text("per_usd")),
        doing.text("source"),
        doing.text("reason"),
    )
    doubt = examine_rate(doing.db, doing.now, given)
    confirmed = doubt.key if doubt and not doing.switched_off("confirm") else None
    enter_rate(doing.db, doing.actor, doing.now, given, confirmed)


def _substitute(doing: Doing) -> None:
    substitutes.name_substitute(
        doing.db,
        doing.actor,
        doing.now,
        person=doing.person("person").id,
        substitute=doing.person("substitute").id,
        scope=doing.given["scope"],
        first=date.fromisoformat(doing.text("first")),
        last=date.fromisoformat(doing.text("last")),
    )


def _tick(doing: Doing) -> None:
    for number in time_steps.due(doing.db, doing.now):
        time_steps.tick_one(doing.db, doing.library, doing.now, number)


_FORM: Final = (*SHORT_NAMES, "complete", "documents")

VERBS: Final[Mapping[str, Verb]] = {
    "propose": Verb(
        drafts.propose,
        "write a draft; with: title, funding, budget, countries, content, …",
        Terms("begins", (*_FORM, "source")),
    ),
    "revise": Verb(drafts.revise, "write into the draft; with: as for propose", Terms("proposal", (*_FORM,))),
    "add_author": Verb(
        drafts.add_author,
        "let another designer write along; with: author",
        Terms("proposal", ("author",), required=("author",)),
    ),
    "self_check": Verb(
        preparations.self_check,
        "rate the draft for its authors alone; with: default, single items, comments",
        Terms("proposal", ("default", "comments"), items=True),
    ),
    "note_overlap": Verb(
        preparations.note_overlap,
        "note which similar proposals were checked, as author or lead; with: similar",
        Terms("proposal", ("similar",)),
    ),
    "cite_lesson": Verb(
        preparations.cite_lesson,
        "cite a lesson of an evaluation, as author or lead; with: lesson",
        Terms("proposal", ("lesson",), required=("lesson",)),
    ),
    "rate": Verb(
        appraisals.rate,
        "rate items, as lead or reviewer; with: default, single items, comments, reasons, declare",
        Terms("proposal", ("default", "comments", "reasons", "declare"), items=True),
    ),
    "confirm": Verb(
        appraisals.confirm,
        "confirm carried-over ratings whose evidence did not change, as lead or reviewer",
        Terms("proposal", ("declare",)),
    ),
    "adopt": Verb(
        reviews.adopt, "take over as lead the ratings that all signed reviews agree on", Terms("proposal")
    ),
    "ask_review": Verb(
        reviews.ask,
        "ask somebody to review; with: reviewer, checklists, due",
        Terms("proposal", ("reviewer", "checklists", "due"), required=("reviewer",)),
    ),
    "withdraw_review": Verb(
        reviews.withdraw,
        "take back what somebody was asked to review; with: reviewer",
        Terms("proposal", ("reviewer",), required=("reviewer",)),
    ),
    "move_review": Verb(
        reviews.move,
        "give a reviewer another day; with: reviewer, due",
        Terms("proposal", ("reviewer", "due"), required=("reviewer", "due")),
    ),
    "declare": Verb(
        reviews.declare,
        "say before reviewing that there is nothing to declare; with: conflict, where there is one",
        Terms("proposal", ("conflict",)),
    ),
    "decline": Verb(reviews.decline, "decline to review; with: reason", Terms("proposal", ("reason",))),
    "sign": Verb(reviews.sign, "sign the own review; with: comment", Terms("proposal", ("comment",))),
    "recommend": Verb(
        appraisals.recommend,
        "choose a recommendation; with: recommendation, reason, conditions",
        Terms("proposal", ("recommendation", "reason", "conditions")),
    ),
    "answer": Verb(
        appraisals.answer, "answer a consultation; with: unit, text", Terms("proposal", ("unit", "text"))
    ),
    "report_condition": Verb(
        appraisals.report,
        "report a condition as met; with: condition or item, evidence",
        Terms("proposal", ("condition", "item", "evidence")),
    ),
    "clear_condition": Verb(
        appraisals.clear,
        "close a condition; with: condition or item, evidence",
        Terms("proposal", ("condition", "item", "evidence")),
    ),
    "waive_condition": Verb(
        appraisals.waive,
        "waive a condition; with: condition or item, reason",
        Terms("proposal", ("condition", "item", "reason", "note")),
    ),
    "register_approval": Verb(
        drafts.register,
        "register an outside approval; with: document, source, approved_at (or undated), other_phase",
        Terms("begins", (*SHORT_NAMES, *APPROVAL, "note", "reason", "other_phase")),
    ),
    "import_lessons": Verb(
        preparations.import_lessons,
        "import lessons of evaluations; with: lessons (code, text, source, countries, theme, …)",
        Terms("site", ("lessons",), required=("lessons",)),
    ),
    "import_list": Verb(
        preparations.import_list,
        "import a list that an indicator is computed from; with: list, rows (by column), whole",
        Terms("site", ("list", "rows", "whole"), required=("list", "rows")),
    ),
    "enter_rate": Verb(
        _enter_rate,
        "enter a rate, or correct one of the same day; with: currency, day, per_usd, source, reason, confirm",
        Terms(
            "site",
            ("currency", "day", "per_usd", "source", "reason", "confirm"),
            required=("currency", "day", "per_usd"),
        ),
    ),
    "substitute": Verb(
        _substitute,
        "name who stands in; with: person (the actor unless named), substitute, scope, first, last",
        Terms(
            "site",
            ("person", "substitute", "scope", "first", "last"),
            required=("substitute", "scope", "first", "last"),
        ),
    ),
    "tick": Verb(_tick, "do what time demands, as the actor system", Terms("site")),
}


def verbs() -> Mapping[str, Terms]:
    """Return the use cases that a scenario may name, each with its terms."""
    return {name: verb.terms for name, verb in VERBS.items()}
