"""Records as they are listed, found and handed out to those who may read them."""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Select, bindparam, func, select

from appraisal.domain.facts import Person
from appraisal.storage import tables
from appraisal.storage.queries import PAGE
from appraisal.storage.types import LARGEST_ID
from appraisal.storage.visibilities import blind, fully_visible

PROPOSALS = tables.Proposal.__table__
RECORDS = tables.Record.__table__
RENDERINGS = tables.Rendering.__table__


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
