"""Builders of facts: one proposal in each state of the standard workflow, sound unless told otherwise."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from appraisal.definitions.library import Library
from appraisal.people.facts import Person
from appraisal.proposals.facts import Appraisal, Case, Consultation, Decision, Document, RatingGiven, Version
from appraisal.proposals.rules import track_and_money
from appraisal.proposals.rules.rulebook import Rulebook, rulebook
from appraisal.scenarios.complete_proposal import neutral_content

# A Thursday, ten in the morning in Geneva.
NOW = datetime(2012, 3, 1, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

AUTHOR = Person(1, "Ada", frozenset({"designer"}))
COORDINATOR = Person(2, "Bo", frozenset({"coordinator"}))
LEAD = Person(3, "Cleo", frozenset({"appraiser"}))
MANAGER = Person(4, "Dina", frozenset({"manager"}))
SECOND_MANAGER = Person(5, "Emil", frozenset({"manager"}))
OTHER_DESIGNER = Person(6, "Fritz", frozenset({"designer"}))
OTHER_APPRAISER = Person(7, "Gia", frozenset({"appraiser"}))
EVERYONE = (AUTHOR, COORDINATOR, LEAD, MANAGER, SECOND_MANAGER, OTHER_DESIGNER, OTHER_APPRAISER)


def book_of(library: Library) -> Rulebook:
    """Return the rulebook of the newest definitions."""
    return rulebook(library, "", "")


def attached(*kinds: str) -> tuple[Document, ...]:
    """Return one document of each kind."""
    return tuple(
        Document(number, kind, f"{kind}.pdf", "0" * 64, 1, NOW) for number, kind in enumerate(kinds, 1)
    )


DOCUMENTS = attached("outline", "prodoc", "monitoring_plan", "consultation")


def draft(given: Mapping[str, Any] | None = None, **changes: Any) -> Case:
    """Return a complete draft; ``given`` are the short names of ``neutral_content``."""
    case = Case(
        id=1,
        number="TC-2012-0001",
        workflow="standard.v1",
        set="appraisal.v1",
        pinned=False,
        state="draft",
        state_since=NOW - DAY,
        origin="native",
        created_at=NOW - 30 * DAY,
        content=neutral_content(given or {}),
        row_version=1,
        sequence=1,
        head="0" * 64,
        documents=DOCUMENTS,
        relations={"author": frozenset({AUTHOR.id})},
        people={person.id: person for person in EVERYONE},
    )
    return replace(case, **changes)


def submitted(given: Mapping[str, Any] | None = None, **changes: Any) -> Case:
    """Return a proposal with one frozen version."""
    case = draft(given)
    contributions = track_and_money.contributions(case.content, (), date(2012, 2, 1))
    usd = track_and_money.total_usd(contributions)
    version = Version(
        id=11,
        number=1,
        content=case.content,
        documents=case.documents,
        contributions=contributions,
        usd=usd,
        threshold_usd=usd,
        track="reinforced" if usd > 5_000_000 else "standard",
        digest="a" * 64,
        at=NOW - 20 * DAY,
        by=AUTHOR.id,
    )
    case = replace(case, state="submitted", pinned=True, track=version.track, versions=(version,))
    return replace(case, **changes)


def rated(
    book: Rulebook, value: str = "2", usd: Decimal | None = None, **single: str
) -> dict[str, RatingGiven]:
    """Rate every item that applies to a budget; single ones are named like ``TRI_4``."""
    values = {item.id: value for criterion in book.criteria_for(usd) for item in criterion.checklist.items}
    values |= {name.replace("_", "-"): given for name, given in single.items()}
    return {item: RatingGiven(item, given, "Because.") for item, given in values.items()}


def heard(book: Rulebook) -> tuple[Consultation, ...]:
    """Return the consultations that the set awaits, all answered."""
    asked, answered = NOW - 10 * DAY, NOW - 8 * DAY
    return tuple(
        Consultation(number, unit, asked, date(2012, 2, 27), answered, OTHER_APPRAISER.id, "Fine.")
        for number, unit in enumerate(book.set.awaits, 1)
    )


def under_appraisal(
    book: Rulebook, given: Mapping[str, Any] | None = None, *, value: str = "2", **single: str
) -> Case:
    """Return a proposal whose running appraisal is rated and consulted upon."""
    case = submitted(given)
    assert case.version is not None
    running = Appraisal(
        id=21,
        number=1,
        version_id=case.version.id,
        lead=LEAD.id,
        opened_at=NOW - 10 * DAY,
        ratings=rated(book, value, case.version.threshold_usd, **single),
        consultations=heard(book),
    )
    relations = {**case.relations, "lead": frozenset({LEAD.id})}
    return replace(case, state="under_appraisal", appraisals=(running,), relations=relations)


def with_appraisal(case: Case, **changes: Any) -> Case:
    """Return the case with its last appraisal changed."""
    *before, last = case.appraisals
    return replace(case, appraisals=(*before, replace(last, **changes)))


def awaiting_decision(
    book: Rulebook, final: str = "READY", given: Mapping[str, Any] | None = None, **changes: Any
) -> Case:
    """Return a proposal whose appraisal was finished an hour ago with a recommendation."""
    case = replace(under_appraisal(book, given), state="awaiting_decision", state_since=NOW - HOUR)
    covers = case.version is not None and book.needs_evaluability(case.version.threshold_usd)
    done = {"finalised_at": NOW - HOUR, "computed": final, "final": final, "covers_evaluability": covers}
    return with_appraisal(case, **(done | changes))


def revision_requested(book: Rulebook, **changes: Any) -> Case:
    """Return a proposal that was appraised and has to be revised, with nothing left to answer."""
    case = awaiting_decision(book, "REVISE")
    return replace(case, state="revision_requested", **changes)


def approved(book: Rulebook, kind: Any = "approve", final: str = "READY", **changes: Any) -> Case:
    """Return a proposal that was approved just now, on its appraisal unless told otherwise."""
    case = awaiting_decision(book, final)
    assert case.version is not None
    decision = Decision(
        id=31,
        kind=kind,
        at=NOW,
        by=MANAGER.id,
        version_id=case.version.id,
        appraisal_id=case.appraisals[-1].id,
        approved_at=NOW,
    )
    return replace(case, state="approved", state_since=NOW, decisions=(replace(decision, **changes),))


def annulled(case: Case) -> Case:
    """Return a proposal whose approval was annulled an hour later."""
    at = NOW + HOUR
    decisions = tuple(replace(entry, voided_at=at) for entry in case.decisions)
    ending = Decision(id=32, kind="annul", at=at, by=SECOND_MANAGER.id)
    return replace(case, state="annulled", state_since=at, decisions=(*decisions, ending))
