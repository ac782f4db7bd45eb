"""Queries: what lists and pages read, each in a fixed number of statements.

What a person may see is the same here as in ``domain.access``; a test holds the two together.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    exists,
    false,
    func,
    or_,
    select,
    true,
)

from appraisal.definitions.workflows import Role
from appraisal.domain.access import OPEN_EVENTS, READERS
from appraisal.domain.events import Event
from appraisal.domain.facts import Person
from appraisal.domain.substitutions import covered
from appraisal.storage import substitutions, tables
from appraisal.storage.facts import LARGEST_ID, review_open
from appraisal.storage.facts import person as person_of

PROPOSALS = tables.Proposal.__table__
RELATIONS = tables.Relation.__table__
CONSULTATIONS = tables.Consultation.__table__
REVIEWS = tables.Review.__table__
RECORDS = tables.Record.__table__
RENDERINGS = tables.Rendering.__table__
EVENTS = tables.Event.__table__
PAGE = 50


@dataclass(frozen=True, slots=True)
class Listed:
    """One proposal in a list. ``full`` is False where only the overlap may be shown."""

    id: int
    number: str
    title: str
    state: str
    workflow: str
    countries: str
    donors: str
    unit: str
    usd: Decimal | None
    track: str
    due_on: date | None
    on_hold: bool
    route: str
    illustrative: bool
    state_since: datetime
    holder_id: int | None
    full: bool


_COLUMNS = tuple(PROPOSALS.c[name] for name in Listed.__slots__ if name != "full")


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list is narrowed to; empty strings narrow nothing. ``words`` are looked for in the title."""

    state: str = ""
    country: str = ""
    route: str = ""
    words: str = ""


def related(person: Person, *relations: str) -> ColumnElement[bool]:
    """Return the condition that a person stands in one of the relations to a proposal."""
    return _any_related({person.id}, *relations)


def _any_related(people: Collection[int], *relations: str) -> ColumnElement[bool]:
    return exists().where(
        RELATIONS.c.proposal_id == PROPOSALS.c.id,
        RELATIONS.c.person_id.in_(sorted(people)),
        RELATIONS.c.relation.in_(relations),
    )


def reviewing(person: Person, *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the condition that a person has a review of a proposal, not taken back, of a kind."""
    mine = (REVIEWS.c.proposal_id == PROPOSALS.c.id, REVIEWS.c.person_id == person.id)
    return exists().where(*mine, REVIEWS.c.withdrawn_at.is_(None), *conditions)


def blind(person: Person) -> ColumnElement[bool]:
    """Return the condition under which a person may see nothing of what others said (``access.is_blind``)."""
    return reviewing(person, *review_open())


def fully_visible(person: Person) -> ColumnElement[bool]:
    """Return the condition under which a person reads a proposal in full."""
    if not person.active:
        return false()
    open_to, mine = submitted(person), related(person, "author")
    if person.roles & READERS:
        return or_(open_to, mine)
    reviewer = reviewing(person, REVIEWS.c.declaration == "nothing", REVIEWS.c.declined_at.is_(None))
    appraises = or_(related(person, "lead"), reviewer, substitutions.leads_instead(person))
    return or_(mine, and_(open_to, appraises))


def whole_to(person: Person) -> ColumnElement[bool]:
    """Return the condition under which a person may read all that a proposal's audit trail says.

    Signed reviews stand in it with their ratings, so while an appraisal runs that is coordinators and
    auditors alone, no author among them (``access.sees_running_ratings``), and nobody who owes a review.
    """
    seen = and_(fully_visible(person), ~blind(person))
    if person.roles & {"coordinator", "auditor"}:
        return and_(seen, or_(~appraised_now(), ~related(person, "author")))
    return and_(seen, ~appraised_now())


def appraised_now() -> ColumnElement[bool]:
    """Return the condition that an appraisal of a proposal is under way."""
    appraisals = tables.Appraisal.__table__
    return exists().where(
        appraisals.c.proposal_id == PROPOSALS.c.id,
        appraisals.c.finalised_at.is_(None),
        appraisals.c.closed_at.is_(None),
    )


def owes_review(db: Connection, person: Person) -> bool:
    """Tell whether somebody still owes a review of any proposal."""
    return bool(db.execute(select(exists().where(REVIEWS.c.person_id == person.id, *review_open()))).scalar())


def submitted(person: Person) -> ColumnElement[bool]:
    """Return the condition that a proposal was submitted, and that the person need not declare first."""
    # Definitions are pinned by the first submission or by a registration; before, it is a draft.
    undeclared = reviewing(person, *review_open(), REVIEWS.c.declaration == "")
    return and_(PROPOSALS.c.workflow != "", ~undeclared)


def consulted(person: Person) -> ColumnElement[bool]:
    """Return the condition that a person's unit still has something to say on a proposal's last appraisal."""
    if not person.has("appraiser") or not person.unit:
        return false()
    appraisals = tables.Appraisal.__table__
    last = (
        select(func.max(appraisals.c.id)).where(appraisals.c.proposal_id == PROPOSALS.c.id).scalar_subquery()
    )
    return exists().where(
        CONSULTATIONS.c.appraisal_id == last,
        CONSULTATIONS.c.unit == person.unit,
        CONSULTATIONS.c.answered_at.is_(None),
    )


def visible(person: Person) -> ColumnElement[bool]:
    """Return the condition under which a list names a proposal to a person.

    One that a reviewer has yet to declare on stands with their work alone: a list would tell its state.
    """
    if person.active and person.has("designer"):
        return or_(fully_visible(person), submitted(person))
    return fully_visible(person)


def list_proposals(
    db: Connection, person: Person, filters: Filters | None = None, after: int | None = None, most: int = PAGE
) -> tuple[list[Listed], int | None]:
    """List proposals that a person may know of, newest first, and where the next page begins."""
    given = filters or Filters()
    statement = select(*_COLUMNS, fully_visible(person).label("full")).where(
        visible(person), *_narrowed(given, person)
    )
    if after is not None:
        statement = statement.where(PROPOSALS.c.id < min(after, LARGEST_ID))
    rows = db.execute(statement.order_by(PROPOSALS.c.id.desc()).limit(most + 1)).all()
    listed = [_listed(row) for row in rows[:most]]
    return listed, listed[-1].id if len(rows) > most else None


def _listed(row: Any) -> Listed:
    found = Listed(*row)
    if found.full:
        return found
    # Enough to look for overlap, and nothing else.
    return Listed(
        found.id,
        found.number,
        found.title,
        found.state,
        found.workflow,
        found.countries,
        found.donors,
        "",
        None,
        "",
        None,
        False,
        "",
        found.illustrative,
        found.state_since,
        None,
        False,
    )


def _narrowed(given: Filters, person: Person) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if given.state:
        found.append(PROPOSALS.c.state == given.state)
    if given.country:
        # Codes stand in one text, a space between them.
        found.append((" " + PROPOSALS.c.countries + " ").contains(f" {given.country} ", autoescape=True))
    if given.route:
        # Who may not read the route may not search by it either.
        found.append(and_(PROPOSALS.c.route == given.route, fully_visible(person)))
    for word in given.words.split()[:8]:
        escaped = word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        found.append(
            or_(
                PROPOSALS.c.title.ilike(f"%{escaped}%", escape="\\"),
                PROPOSALS.c.number.ilike(f"%{escaped}%", escape="\\"),
                PROPOSALS.c.donors.ilike(f"%{escaped}%", escape="\\"),
            )
        )
    return found


def known_to(db: Connection, person: Person, numbers: Collection[str]) -> dict[str, bool]:
    """Return those of some numbers that a person may know of, each with whether it may be read in full."""
    full = fully_visible(person).label("full")
    statement = select(PROPOSALS.c.number, full).where(visible(person), PROPOSALS.c.number.in_(numbers))
    return {row.number: bool(row.full) for row in db.execute(statement)}


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
                    ~_any_related({person.id} | replaced, "author"),
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
                    ~_any_related({person.id} | counted, *barred),
                )
            )
    if person.has("coordinator") and person.active:
        mine.append(PROPOSALS.c.holder_id.in_(_closed_accounts()))
    if not mine:
        return []
    rows = db.execute(
        select(*_COLUMNS, fully_visible(person).label("full"))
        .where(or_(*mine), fully_visible(person))
        .order_by(PROPOSALS.c.due_on.is_(None), PROPOSALS.c.due_on, PROPOSALS.c.id)
        .limit(most)
    ).all()
    holders = {state: holder for holder, states in held_by.items() for state in states}
    return [(_whose(holders.get(row.state, ""), row.holder_id, person), _listed(row)) for row in rows]


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
class RecordListed:
    """One record with the languages that its PDF exists in."""

    id: int
    number: str
    title: str
    kind: str
    digest: str
    at: datetime
    languages: tuple[str, ...]


def list_records(
    db: Connection, person: Person, number: str | None = None, after: int | None = None, most: int = PAGE
) -> tuple[list[RecordListed], int | None]:
    """List the records that a person may read, newest first, of one proposal or of all."""
    columns = (
        RECORDS.c.id,
        PROPOSALS.c.number,
        PROPOSALS.c.title,
        RECORDS.c.kind,
        RECORDS.c.digest,
        RECORDS.c.at,
    )
    statement = (
        select(*columns)
        .join(PROPOSALS, PROPOSALS.c.id == RECORDS.c.proposal_id)
        .where(fully_visible(person), ~blind(person))
    )
    if number is not None:
        statement = statement.where(PROPOSALS.c.number == number)
    if after is not None:
        statement = statement.where(RECORDS.c.id < min(after, LARGEST_ID))
    rows = db.execute(statement.order_by(RECORDS.c.id.desc()).limit(most + 1)).all()
    shown = rows[:most]
    languages: dict[int, list[str]] = {}
    rendered = select(RENDERINGS.c.record_id, RENDERINGS.c.language).where(
        RENDERINGS.c.record_id.in_([row.id for row in shown])
    )
    for record, language in db.execute(rendered.order_by(RENDERINGS.c.language)):
        languages.setdefault(record, []).append(language)
    found = [RecordListed(*row, tuple(languages.get(row.id, ()))) for row in shown]
    return found, found[-1].id if len(rows) > most else None


@dataclass(frozen=True, slots=True)
class RecordFound:
    """A record by its digest, with what decides who may read it."""

    id: int
    number: str
    kind: str
    digest: str
    value: str


def find_record(db: Connection, digest: str) -> RecordFound | None:
    """Return a record by the digest of its value."""
    row = db.execute(
        select(RECORDS.c.id, PROPOSALS.c.number, RECORDS.c.kind, RECORDS.c.digest, RECORDS.c.value)
        .join(PROPOSALS, PROPOSALS.c.id == RECORDS.c.proposal_id)
        .where(RECORDS.c.digest == digest)
    ).one_or_none()
    return RecordFound(*row) if row is not None else None


@dataclass(frozen=True, slots=True)
class FileFound:
    """The PDF of a record in a language; ``ordinal`` is the how-manieth record of its kind it is of."""

    number: str
    kind: str
    ordinal: int
    sha256: str


def find_file(db: Connection, person: Person, digest: str, language: str) -> FileFound | None:
    """Return the PDF of a record that a person may read, as lists say; None where there is none to read."""
    row = db.execute(_file_for(person), {"digest": digest, "language": language}).one_or_none()
    return FileFound(*row) if row is not None else None


@lru_cache(maxsize=256)
def _file_for(person: Person) -> Select[Any]:
    """Build the statement once a person: viewers ask for the parts of a file one after the other.

    What it says of the person follows from the value alone, so that other roles or duties are another one.
    """
    before = RECORDS.alias()
    ordinal = (
        select(func.count())
        .where(
            before.c.proposal_id == RECORDS.c.proposal_id,
            before.c.kind == RECORDS.c.kind,
            before.c.id <= RECORDS.c.id,
        )
        .scalar_subquery()
    )
    return (
        select(PROPOSALS.c.number, RECORDS.c.kind, ordinal, RENDERINGS.c.sha256)
        .join(PROPOSALS, PROPOSALS.c.id == RECORDS.c.proposal_id)
        .join(RENDERINGS, RENDERINGS.c.record_id == RECORDS.c.id)
        .where(RECORDS.c.digest == bindparam("digest"), RENDERINGS.c.language == bindparam("language"))
        .where(fully_visible(person), ~blind(person))
    )


def chain_of(db: Connection, proposal: int) -> list[Event]:
    """Return the chain of a proposal in order."""
    rows = db.execute(
        select(EVENTS.c.sequence, EVENTS.c.body, EVENTS.c.digest)
        .where(EVENTS.c.proposal_id == proposal)
        .order_by(EVENTS.c.sequence)
    )
    return [Event(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class Happened:
    """One entry of a proposal's history."""

    sequence: int
    name: str
    from_state: str
    to_state: str
    at: datetime
    by: int
    by_name: str
    note: str
    digest: str
    for_name: str


# Steps carry an act; of the other events, those that are no secret to whoever reviews.
_TOLD_TO_ALL = or_(EVENTS.c.act != "", EVENTS.c.name.in_(OPEN_EVENTS))


def history_of(db: Connection, proposal: int, *, aside: bool = True) -> list[Happened]:
    """Return the history of a proposal with names, oldest first.

    Not *aside* means the steps of the workflow and who wrote it alone, numbered by themselves: whatever
    else is noted may tell of what others said in their reviews, or of what the lead made of it.
    """
    people = tables.Person.__table__
    replaced = people.alias("replaced")
    columns: tuple[ColumnElement[Any], ...] = (
        EVENTS.c.sequence,
        EVENTS.c.name,
        EVENTS.c.from_state,
        EVENTS.c.to_state,
        EVENTS.c.at,
        EVENTS.c.by,
        func.coalesce(people.c.name, "system"),
        EVENTS.c.note,
        EVENTS.c.digest,
        func.coalesce(replaced.c.name, ""),
    )
    rows = db.execute(
        select(*columns)
        .outerjoin(people, people.c.id == EVENTS.c.by)
        .outerjoin(replaced, replaced.c.id == EVENTS.c.for_id)
        .where(EVENTS.c.proposal_id == proposal, true() if aside else _TOLD_TO_ALL)
        .order_by(EVENTS.c.sequence)
    )
    if aside:
        return [Happened(*row) for row in rows]
    told = (Happened(*row) for row in rows)
    return [replace(entry, sequence=place, note="", digest="") for place, entry in enumerate(told, 1)]


def appraisers(db: Connection) -> list[Person]:
    """Return the people who may be named lead, by name."""
    return holders(db, "appraiser")


def holders(db: Connection, role: Role) -> list[Person]:
    """Return the people with an open account and a role, by name."""
    people = tables.Person.__table__
    rows = db.execute(
        substitutions.people_statement().where(people.c.active.is_(True)).order_by(func.lower(people.c.name))
    )
    found = [person_of(row, stands_in) for row, stands_in in substitutions.gathered(rows)]
    return [person for person in found if person.has(role)]


def ids_with(db: Connection, role: Role, units: Collection[str] | None = None) -> list[int]:
    """Return the ids of the people with an open account and a role, of some units or of any."""
    people = tables.Person.__table__
    # Roles stand in one text, a space between them.
    held = (" " + people.c.roles + " ").contains(f" {role} ")
    statement = select(people.c.id).where(people.c.active.is_(True), held)
    if units is not None:
        statement = statement.where(people.c.unit.in_(sorted(units)))
    return list(db.execute(statement.order_by(people.c.id)).scalars())


def accounts(db: Connection) -> list[tuple[int, str, str]]:
    """Return id, name and e-mail address of everybody with an open account."""
    people = tables.Person.__table__
    rows = db.execute(select(people.c.id, people.c.name, people.c.email).where(people.c.active.is_(True)))
    return [(row.id, row.name, row.email) for row in rows]


def newest_record(db: Connection, number: str) -> RecordFound | None:
    """Return the newest record of a proposal by its number."""
    row = db.execute(
        select(RECORDS.c.id, PROPOSALS.c.number, RECORDS.c.kind, RECORDS.c.digest, RECORDS.c.value)
        .join(PROPOSALS, PROPOSALS.c.id == RECORDS.c.proposal_id)
        .where(PROPOSALS.c.number == number)
        .order_by(RECORDS.c.id.desc())
        .limit(1)
    ).one_or_none()
    return RecordFound(*row) if row is not None else None


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
