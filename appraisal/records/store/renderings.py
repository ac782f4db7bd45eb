"""Renderings are the PDFs of a record: those there, those on their way, and how files are numbered."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, func, insert, select, update

from appraisal.canonical import canonical
from appraisal.database import tables
from appraisal.language.texts import LANGUAGES

RECORDS = tables.records
RENDERINGS = tables.renderings
EARLIER = tables.earlier_renderings
JOBS = tables.jobs


@dataclass(frozen=True, slots=True)
class Standing:
    """How far the PDF of a record in a language is; ``since`` when it was made or asked for."""

    state: Literal["ready", "waiting", "failed"]
    since: datetime
    size: int = 0


def standings_of(db: Connection, record: int, kind: str) -> Mapping[str, Standing]:
    """Return the PDFs of a record by language, those asked for included; ``kind`` is that of their jobs."""
    payloads = [canonical({"record": record, "language": language}).decode() for language in LANGUAGES]
    asked = select(JOBS.c.payload, JOBS.c.run_at, JOBS.c.dead_at).where(
        JOBS.c.kind == kind, JOBS.c.payload.in_(payloads), JOBS.c.done_at.is_(None)
    )
    found = {
        json.loads(row.payload)["language"]: Standing("failed" if row.dead_at else "waiting", row.run_at)
        for row in db.execute(asked.order_by(JOBS.c.id))
    }
    made = select(RENDERINGS.c.language, RENDERINGS.c.at, RENDERINGS.c.size).where(
        RENDERINGS.c.record_id == record
    )
    return found | {row.language: Standing("ready", row.at, row.size) for row in db.execute(made)}


def ordinal_of(db: Connection, record: int) -> int:
    """Return the how-manieth record of its kind and proposal a record is, from 1."""
    this = select(RECORDS.c.proposal_id, RECORDS.c.kind).where(RECORDS.c.id == record).subquery()
    counted = (
        select(func.count())
        .select_from(RECORDS)
        .join(this, (this.c.proposal_id == RECORDS.c.proposal_id) & (this.c.kind == RECORDS.c.kind))
    )
    number: int = db.execute(counted.where(RECORDS.c.id <= record)).scalar_one()
    return number


def earlier_copy(db: Connection, digest: str, sha256: str) -> datetime | None:
    """Return when a PDF of the record with a digest was made that was drawn again since; None for no such."""
    made: datetime | None = db.execute(
        select(EARLIER.c.at)
        .join(RECORDS, RECORDS.c.id == EARLIER.c.record_id)
        .where(RECORDS.c.digest == digest, EARLIER.c.sha256 == sha256)
    ).scalar_one_or_none()
    return made


def replace_rendering(
    db: Connection, record: int, language: str, sha256: str, size: int, at: datetime
) -> None:
    """Put a PDF in the place of the one that a record has in a language, which stays known as earlier."""
    this = (RENDERINGS.c.record_id == record, RENDERINGS.c.language == language)
    old = db.execute(select(RENDERINGS.c.sha256, RENDERINGS.c.at).where(*this).with_for_update()).one()
    if old.sha256 == sha256:
        return
    known = select(EARLIER.c.id).where(EARLIER.c.record_id == record, EARLIER.c.sha256 == old.sha256)
    if db.execute(known).first() is None:
        db.execute(insert(EARLIER).values(record_id=record, language=language, sha256=old.sha256, at=old.at))
    db.execute(update(RENDERINGS).where(*this).values(sha256=sha256, size=size, at=at))


def copies_of(db: Connection, digest: str) -> frozenset[str] | None:
    """Return the SHA-256 of every PDF of the record with a digest; None where there is no such record.

    Those that were drawn again since are not among them: see :func:`earlier_copy`.
    """
    rows = db.execute(
        select(RENDERINGS.c.sha256)
        .select_from(RECORDS.outerjoin(RENDERINGS, RENDERINGS.c.record_id == RECORDS.c.id))
        .where(RECORDS.c.digest == digest)
    ).all()
    return frozenset(row.sha256 for row in rows if row.sha256) if rows else None


@dataclass(frozen=True, slots=True)
class Drawn:
    """One PDF that is there, with what names its file."""

    number: str
    record: int
    kind: str
    language: str
    sha256: str


def list_renderings(db: Connection) -> list[Drawn]:
    """List every PDF that is there, in the order of the records."""
    proposals = tables.proposals
    rows = db.execute(
        select(proposals.c.number, RECORDS.c.id, RECORDS.c.kind, RENDERINGS.c.language, RENDERINGS.c.sha256)
        .join(RECORDS, RECORDS.c.proposal_id == proposals.c.id)
        .join(RENDERINGS, RENDERINGS.c.record_id == RECORDS.c.id)
        .order_by(RECORDS.c.id, RENDERINGS.c.language)
    )
    return [Drawn(*row) for row in rows]
