"""Duties: what waits for whom, each list in a fixed number of statements."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, exists, or_, select

from appraisal.domain.facts import Person
from appraisal.domain.substitutions import covered
from appraisal.storage import tables
from appraisal.storage.facts import review_open
from appraisal.storage.queries import COLUMNS, Listed, listed_of
from appraisal.storage.visibilities import any_related, fully_visible, related, reviewing

PROPOSALS = tables.Proposal.__table__
CONSULTATIONS = tables.Consultation.__table__
REVIEWS = tables.Review.__table__


def work_of(
    db: Connection, person: Person, held_by: dict[str, Sequence[str]], most: int = 200
) -> list[tuple[str, Listed]]:
    """List what waits for a person, by what is due first; each with the holder that makes it theirs.

    ``held_by`` gives for each holder (author, coordinator, lead, manager) the states it holds. What
    waits for a lead for whom the person stands in has the holder *substitute*. For coordinators,
    *orphaned* ones are added: their lead's account is closed.
    """
    mine: list[ColumnElement[bool]] = []
    if held_by.get("author"):
        mine.append(and_(PROPOSALS.c.state.in_(held_by["author"]), related(person, "author")))
    if held_by.get("lead"):
        mine.append(and_(PROPOSALS.c.state.in_(held_by["lead"]), PROPOSALS.c.holder_id == person.id))
        if replaced := covered(person, "appraisals"):
            mine.append(
                and_(
                    PROPOSALS.c.state.in_(held_by["lead"]),
                    PROPOSALS.c.holder_id.in_(sorted(replaced)),
                    ~any_related({person.id} | replaced, "author"),
                )
            )
    for role in ("coordinator", "manager"):
        if held_by.get(role) and person.has(role):
            barred = ("author", "lead") if role == "manager" else ("author",)
            # A manager is barred by those for whom he decides as well: they count as one.
            counted = covered(person, "decisions") if role == "manager" else frozenset()
            # What was approved outside is on record here and waits for nobody.
            mine.append(
                and_(
                    PROPOSALS.c.state.in_(held_by[role]),
                    PROPOSALS.c.route != "outside",
                    ~any_related({person.id} | counted, *barred),
                )
            )
    if person.has("coordinator") and person.active:
        mine.append(PROPOSALS.c.holder_id.in_(_closed_accounts()))
    if not mine:
        return []
    rows = db.execute(
        select(*COLUMNS, fully_visible(person).label("full"))
        .where(or_(*mine), fully_visible(person))
        .order_by(PROPOSALS.c.due_on.is_(None), PROPOSALS.c.due_on, PROPOSALS.c.id)
        .limit(most)
    ).all()
    holders = {state: holder for holder, states in held_by.items() for state in states}
    return [(_whose(holders.get(row.state, ""), row.holder_id, person), listed_of(row)) for row in rows]


def _closed_accounts() -> Select[tuple[int]]:
    people = tables.Person.__table__
    return select(people.c.id).where(people.c.active.is_(False))


def _whose(holder: str, lead: int | None, person: Person) -> str:
    """Tell an appraisal of one's own from that of somebody who is away, and from one whose lead has left."""
    if holder != "lead" or lead == person.id:
        return holder
    return "substitute" if lead in covered(person, "appraisals") else "orphaned"


@dataclass(frozen=True, slots=True)
class Asked:
    """A consultation that waits for a person's unit; ``due_on`` is the day that was set when it was asked."""

    id: int
    number: str
    title: str
    unit: str
    due_on: date
    asked_at: datetime
    proposal: int
    on_hold: bool


def consultations_for(db: Connection, person: Person) -> list[Asked]:
    """List the consultations that wait for somebody of a person's unit to take them up, by due date."""
    if not person.has("appraiser") or not person.unit:
        return []
    taken_up = exists().where(
        REVIEWS.c.appraisal_id == CONSULTATIONS.c.appraisal_id,
        REVIEWS.c.unit == person.unit,
        *review_open(),
    )
    rows = db.execute(
        select(
            CONSULTATIONS.c.id,
            PROPOSALS.c.number,
            PROPOSALS.c.title,
            CONSULTATIONS.c.unit,
            CONSULTATIONS.c.due_on,
            CONSULTATIONS.c.asked_at,
            CONSULTATIONS.c.proposal_id,
            PROPOSALS.c.on_hold,
        )
        .join(PROPOSALS, PROPOSALS.c.id == CONSULTATIONS.c.proposal_id)
        .join(tables.Appraisal.__table__, tables.Appraisal.__table__.c.id == CONSULTATIONS.c.appraisal_id)
        .where(
            CONSULTATIONS.c.unit == person.unit,
            CONSULTATIONS.c.answered_at.is_(None),
            tables.Appraisal.__table__.c.finalised_at.is_(None),
            tables.Appraisal.__table__.c.closed_at.is_(None),
            ~taken_up,
            ~related(person, "author"),
            ~reviewing(person, REVIEWS.c.appraisal_id == CONSULTATIONS.c.appraisal_id),
            ~reviewing(person, REVIEWS.c.declaration == "declared"),
            tables.Appraisal.__table__.c.lead_id != person.id,
        )
        .order_by(CONSULTATIONS.c.due_on, CONSULTATIONS.c.id)
    )
    return [Asked(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class ToReview:
    """A review that a person still has to sign; ``due_on`` is the day that was set when it was asked."""

    id: int
    number: str
    title: str
    checklists: str
    due_on: date
    declared: bool
    asked_at: datetime
    proposal: int
    on_hold: bool
    behalf: str = ""


def reviews_for(db: Connection, person: Person) -> list[ToReview]:
    """List the reviews of running appraisals that a person still has to sign, by due date."""
    rows = db.execute(_to_review().where(REVIEWS.c.person_id == person.id))
    return [_review_waiting(row) for row in rows]


def reviews_to_take_over(db: Connection, person: Person) -> list[ToReview]:
    """List the reviews that a person on duty may take over (``access.replaced_review``), by due date.

    Titles alone: a declaration comes before everything else.
    """
    replaced = covered(person, "appraisals")
    if not replaced or not person.has("appraiser"):
        return []
    appraisals, own = tables.Appraisal.__table__, REVIEWS.alias("own")
    has_own = exists().where(
        own.c.appraisal_id == appraisals.c.id, own.c.person_id == person.id, own.c.withdrawn_at.is_(None)
    )
    in_conflict = exists().where(
        own.c.proposal_id == PROPOSALS.c.id, own.c.person_id == person.id, own.c.declaration == "declared"
    )
    rows = db.execute(
        _to_review().where(
            REVIEWS.c.person_id.in_(sorted(replaced)),
            appraisals.c.lead_id.not_in(sorted(replaced)),
            ~related(person, "author", "lead"),
            ~has_own,
            ~in_conflict,
        )
    )
    names = {entry.person: entry.name for entry in person.covers}
    return [replace(_review_waiting(row), declared=False, behalf=names[row.person_id]) for row in rows]


def _to_review() -> Select[Any]:
    """Select what is to be reviewed still, whoever was asked, by due date."""
    appraisals = tables.Appraisal.__table__
    return (
        select(
            REVIEWS.c.id,
            PROPOSALS.c.number,
            PROPOSALS.c.title,
            REVIEWS.c.checklists,
            REVIEWS.c.due_on,
            (REVIEWS.c.declaration != "").label("declared"),
            REVIEWS.c.asked_at,
            REVIEWS.c.proposal_id,
            PROPOSALS.c.on_hold,
            REVIEWS.c.person_id,
        )
        .join(PROPOSALS, PROPOSALS.c.id == REVIEWS.c.proposal_id)
        .join(appraisals, appraisals.c.id == REVIEWS.c.appraisal_id)
        .where(
            *review_open(),
            appraisals.c.finalised_at.is_(None),
            appraisals.c.closed_at.is_(None),
        )
        .order_by(REVIEWS.c.due_on, REVIEWS.c.id)
    )


def _review_waiting(row: Any) -> ToReview:
    return ToReview(
        row.id,
        row.number,
        row.title,
        row.checklists,
        row.due_on,
        bool(row.declared),
        row.asked_at,
        row.proposal_id,
        row.on_hold,
    )


@dataclass(frozen=True, slots=True)
class Led:
    """A proposal whose running appraisal somebody leads: nothing of it but what tells it from others."""

    number: str
    workflow: str
    row_version: int


def led_by(db: Connection, person: int) -> list[Led]:
    """List the proposals whose running appraisal waits for a person as its lead, oldest first."""
    rows = db.execute(
        select(PROPOSALS.c.number, PROPOSALS.c.workflow, PROPOSALS.c.row_version)
        .where(PROPOSALS.c.holder_id == person)
        .order_by(PROPOSALS.c.id)
    )
    return [Led(*row) for row in rows]
