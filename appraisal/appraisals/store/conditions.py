"""Conditions are stored here, and found by whom they wait for and by dates that have passed.

No row is ever deleted. Whoever writes one appends an event to the chain of its proposal afterwards, in the
same transaction, that says what was written.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select, update

from appraisal.appraisals.rules import conditions as rules
from appraisal.appraisals.rules.conditions import Ending, Saving
from appraisal.database import tables
from appraisal.database.rows import insert_row
from appraisal.errors import StepConflict
from appraisal.people.facts import Person
from appraisal.people.store.roles import able
from appraisal.proposals.facts import Appraisal, Case, Condition
from appraisal.proposals.store.visible import blind, fully_visible, related
from appraisal.proposals.store.writing import in_states

PROPOSALS = tables.proposals
CONDITIONS = tables.conditions
APPRAISALS = tables.appraisals


@dataclass(frozen=True, slots=True)
class Overdue:
    """A condition of an approved proposal that is open after its date."""

    number: str
    condition: int
    due_on: date


def overdue_conditions(
    db: Connection,
    person: Person,
    today: date,
    ended: Collection[tuple[str, str]],
    *narrowed: ColumnElement[bool],
) -> list[Overdue]:
    """List the conditions that a person may know of and that are open after their date, oldest first.

    They are those that approvals rely on; ``narrowed`` says of which proposals. What is in one of the states
    ``ended``, each with its workflow, waits for nobody.
    """
    rows = db.execute(
        _binding(PROPOSALS.c.number, CONDITIONS.c.number, CONDITIONS.c.due_on).where(
            CONDITIONS.c.due_on < today,
            fully_visible(person),
            ~blind(person),
            ~in_states(ended),
            *narrowed,
        )
    )
    return [Overdue(*row) for row in rows]


def binding() -> tuple[ColumnElement[bool], ...]:
    """Return the conditions under which one of an appraisal is open, and an approval relies on it."""
    later = APPRAISALS.alias()
    # Conditions die with their version: only those of the last finished appraisal bind.
    last = (
        select(func.max(later.c.id))
        .where(
            later.c.proposal_id == PROPOSALS.c.id,
            later.c.finalised_at.is_not(None),
            later.c.superseded_at.is_(None),
        )
        .scalar_subquery()
    )
    return (
        APPRAISALS.c.id == last,
        PROPOSALS.c.route != "",
        # An approval given outside relies on no appraisal.
        PROPOSALS.c.route_reason != "registered",
        CONDITIONS.c.cleared_at.is_(None),
        CONDITIONS.c.waived_at.is_(None),
        *standing(),
    )


def standing() -> tuple[ColumnElement[bool], ...]:
    """Return the conditions under which one belongs to its appraisal, as ``facts.Condition.stands`` says."""
    return CONDITIONS.c.withdrawn_at.is_(None), CONDITIONS.c.superseded_by.is_(None)


def _binding(*columns: ColumnElement[Any]) -> Select[Any]:
    """Select open conditions that an approval relies on, by what is due first."""
    return (
        select(*columns)
        .join(APPRAISALS, APPRAISALS.c.id == CONDITIONS.c.appraisal_id)
        .join(PROPOSALS, PROPOSALS.c.id == APPRAISALS.c.proposal_id)
        .where(*binding())
        .order_by(CONDITIONS.c.due_on, PROPOSALS.c.number, CONDITIONS.c.number)
    )


@dataclass(frozen=True, slots=True)
class Bound:
    """An open condition that waits for somebody; its title is empty where they do not read the proposal."""

    id: int
    number: str
    title: str
    condition: int
    text: str
    due_on: date | None
    gate: str | None
    reported_at: datetime | None
    owned: bool
    is_ownerless: bool = False


def conditions_for(
    db: Connection, person: Person, today: date, ended: Collection[tuple[str, str]]
) -> list[Bound]:
    """List the open conditions that a person owns and, for coordinators, those reported or overdue.

    Those as well whose owner's account is closed (*ownerless*), since nobody is pressed to meet them.
    What is in one of the states ``ended``, each with its workflow, waits for nobody. An owner need not
    read the proposal to see the condition itself.
    """
    owned = CONDITIONS.c.owner_id == person.id
    ownerless = and_(CONDITIONS.c.owner_id.is_not(None), CONDITIONS.c.owner_id.not_in(able(None)))
    mine: list[ColumnElement[bool]] = [owned]
    if person.has("coordinator"):
        pressing = or_(CONDITIONS.c.reported_at.is_not(None), CONDITIONS.c.due_on < today)
        # What they reported themselves is for somebody else to close.
        others = or_(CONDITIONS.c.reported_by.is_(None), CONDITIONS.c.reported_by != person.id)
        mine.append(and_(or_(and_(pressing, others), ownerless), ~related(person, "author")))
    rows = db.execute(
        _binding(
            CONDITIONS.c.id,
            PROPOSALS.c.number,
            PROPOSALS.c.title,
            CONDITIONS.c.number.label("condition"),
            CONDITIONS.c.text,
            CONDITIONS.c.due_on,
            CONDITIONS.c.gate,
            CONDITIONS.c.reported_at,
            owned.label("owned"),
            ownerless.label("ownerless"),
            fully_visible(person).label("full"),
        ).where(or_(*mine), ~blind(person), ~in_states(ended))
    )
    return [
        Bound(
            row.id,
            row.number,
            row.title if row.full else "",
            row.condition,
            row.text,
            row.due_on,
            row.gate,
            row.reported_at,
            bool(row.owned),
            bool(row.ownerless),
        )
        for row in rows
    ]


def save(db: Connection, case: Case, running: Appraisal, plan: Saving, by: int, now: datetime) -> Saving:
    """Write the rows of a plan; return it with the ids of what is new."""
    places = {number: place for place, number in enumerate(plan.order, 1)}
    written = []
    for entry in plan.written:
        content = {name: getattr(entry, name) for name in rules.CONTENT}
        id = insert_row(
            db,
            tables.conditions,
            proposal_id=case.id,
            appraisal_id=running.id,
            number=entry.number,
            position=places[entry.number],
            written_at=now,
            written_by=by,
            **content,
        )
        written.append(replace(entry, id=id))
    for before, after in plan.changed:
        again = rules.rewritten(now, by) if rules.is_rewritten(before, after) else {}
        change(db, before, **{name: getattr(after, name) for name in rules.CONTENT}, **again)
    for entry in plan.withdrawn:
        change(db, entry, withdrawn_at=now, withdrawn_by=by)
    for entry in running.conditions:
        if places.get(entry.number, entry.position) != entry.position:
            place = places[entry.number]
            db.execute(update(CONDITIONS).where(CONDITIONS.c.id == entry.id).values(position=place))
    return replace(plan, written=tuple(written))


def change(db: Connection, entry: Condition, **values: Any) -> None:
    """Write what becomes of a condition, whose version grows.

    Raises ``StepConflict`` where it is not at the version that was loaded.
    """
    changed = db.execute(
        update(CONDITIONS)
        .where(CONDITIONS.c.id == entry.id, CONDITIONS.c.row_version == entry.row_version)
        .values(row_version=entry.row_version + 1, **values)
    )
    if changed.rowcount != 1:
        raise StepConflict(entry.row_version, None)


def end(db: Connection, ending: Ending, by: int, now: datetime) -> None:
    """Write what ends conditions; the event of the step that does it tells of them."""
    for entry in ending.withdrawn:
        change(db, entry, withdrawn_at=now, withdrawn_by=by)
    for entry, number in ending.superseded:
        change(db, entry, superseded_by=number)


def carry(db: Connection, appraisal: int, entries: Iterable[Condition]) -> None:
    """Let conditions belong to another appraisal from now on, as they are."""
    ids = [entry.id for entry in entries]
    if ids:
        db.execute(update(CONDITIONS).where(CONDITIONS.c.id.in_(ids)).values(appraisal_id=appraisal))
