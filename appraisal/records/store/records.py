"""Records are listed, found and handed out to those who may read them."""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Connection, FromClause, Select, bindparam, exists, func, select

from appraisal.database import tables
from appraisal.database.types import LARGEST_ID
from appraisal.people.facts import Person
from appraisal.proposals.facts import Decision
from appraisal.proposals.store.lists import PAGE
from appraisal.proposals.store.visible import blind, fully_visible
from appraisal.records.rules.validity import Validity, validity
from appraisal.records.rules.value import Issued
from appraisal.trail.rules.approvals import CORRECTING, ENDING

PROPOSALS = tables.proposals
RECORDS = tables.records
RENDERINGS = tables.renderings
APPRAISALS = tables.appraisals
DECISIONS = tables.decisions
LATER = APPRAISALS.alias("later")
VOIDING = DECISIONS.alias("voiding")
EVENTS = tables.events
REGISTERED = DECISIONS.alias("registered")
SHEET = RECORDS.alias("sheet")
_REOPENED_AT = (
    select(func.min(EVENTS.c.at))
    .where(
        DECISIONS.c.kind == "reject",
        EVENTS.c.proposal_id == DECISIONS.c.proposal_id,
        EVENTS.c.act == "reopen",
        EVENTS.c.at > DECISIONS.c.at,
    )
    .correlate(DECISIONS)
    .scalar_subquery()
    .label("reopened_at")
)
# What decides whether a record counts, in the order in which ``validity`` takes it.
_FATE = (
    APPRAISALS.c.superseded_at,
    LATER.c.record,
    LATER.c.finalised_at,
    DECISIONS.c.voided_at,
    VOIDING.c.kind,
    _REOPENED_AT,
    SHEET.c.digest,
    SHEET.c.at,
)


def _with_fate() -> FromClause:
    """Join records to their proposals and to what became of the appraisal or decision that each is of."""
    after, ending = APPRAISALS.alias(), DECISIONS.alias()
    newest = select(func.max(after.c.id)).where(
        after.c.proposal_id == APPRAISALS.c.proposal_id,
        after.c.version_id == APPRAISALS.c.version_id,
        after.c.number > APPRAISALS.c.number,
        after.c.record != "",
    )
    voided_by = select(func.max(ending.c.id)).where(
        ending.c.proposal_id == DECISIONS.c.proposal_id,
        ending.c.at == DECISIONS.c.voided_at,
        ending.c.kind.in_(ENDING),
    )
    registered, correcting = DECISIONS.alias(), DECISIONS.alias()
    is_corrected = exists().where(
        correcting.c.proposal_id == registered.c.proposal_id,
        correcting.c.at == registered.c.voided_at,
        correcting.c.kind.in_(CORRECTING),
    )
    overtaken_by = select(func.max(registered.c.id)).where(
        DECISIONS.c.kind == "reject",
        registered.c.proposal_id == DECISIONS.c.proposal_id,
        registered.c.id > DECISIONS.c.id,
        registered.c.kind == "register_approval",
        ~is_corrected,
    )
    return (
        RECORDS.join(PROPOSALS, PROPOSALS.c.id == RECORDS.c.proposal_id)
        .outerjoin(APPRAISALS, APPRAISALS.c.id == RECORDS.c.appraisal_id)
        .outerjoin(LATER, LATER.c.id == newest.correlate(APPRAISALS).scalar_subquery())
        .outerjoin(DECISIONS, DECISIONS.c.id == RECORDS.c.decision_id)
        .outerjoin(VOIDING, VOIDING.c.id == voided_by.correlate(DECISIONS).scalar_subquery())
        .outerjoin(REGISTERED, REGISTERED.c.id == overtaken_by.correlate(DECISIONS).scalar_subquery())
        .outerjoin(SHEET, SHEET.c.decision_id == REGISTERED.c.id)
    )


# Built once: every page of a proposal asks.
_FATED: Final = _with_fate()
_LISTED: Final = select(
    RECORDS.c.id,
    PROPOSALS.c.number,
    PROPOSALS.c.title,
    RECORDS.c.kind,
    RECORDS.c.digest,
    RECORDS.c.at,
    *_FATE,
).select_from(_FATED)
_FOUND: Final = select(
    RECORDS.c.id, PROPOSALS.c.number, RECORDS.c.kind, RECORDS.c.digest, RECORDS.c.value, *_FATE
).select_from(_FATED)


@dataclass(frozen=True, slots=True)
class RecordListed:
    """One record with whether it counts, and the languages that its PDF exists in."""

    id: int
    number: str
    title: str
    kind: str
    digest: str
    at: datetime
    validity: Validity
    languages: tuple[str, ...]


def list_records(
    db: Connection, person: Person, number: str | None = None, after: int | None = None, most: int = PAGE
) -> tuple[list[RecordListed], int | None]:
    """List the records that a person may read, newest first, of one proposal or of all."""
    statement = _LISTED.where(fully_visible(person), ~blind(person))
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
    found = [RecordListed(*row[:6], validity(*row[6:]), tuple(languages.get(row.id, ()))) for row in shown]
    return found, found[-1].id if len(rows) > most else None


@dataclass(frozen=True, slots=True)
class RecordFound:
    """A record by its digest, with what decides who may read it, and whether it counts."""

    id: int
    number: str
    kind: str
    digest: str
    value: str
    validity: Validity


def find_record(db: Connection, digest: str) -> RecordFound | None:
    """Return a record by the digest of its value."""
    return _first(db, _FOUND.where(RECORDS.c.digest == digest))


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


def sheets_of(db: Connection, decision: Decision) -> tuple[Issued, ...]:
    """Return the sheets of a decision, oldest first."""
    statement = select(RECORDS.c.digest, RECORDS.c.at).where(RECORDS.c.decision_id == decision.id)
    rows = db.execute(statement.order_by(RECORDS.c.id))
    return tuple(Issued(decision.kind, *row) for row in rows)


def newest_record(db: Connection, number: str) -> RecordFound | None:
    """Return the newest record of a proposal by its number."""
    mine = _FOUND.where(PROPOSALS.c.number == number)
    return _first(db, mine.order_by(RECORDS.c.id.desc()).limit(1))


def _first(db: Connection, statement: Select[Any]) -> RecordFound | None:
    row = db.execute(statement).one_or_none()
    if row is None:
        return None
    id, number, kind, sealed, value, *fate = row
    return RecordFound(id, number, kind, sealed, value, validity(*fate))
