"""The value of a record is stored in the step that makes it, and rendered afterwards."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from appraisal.canonical import canonical
from appraisal.database import seals, tables
from appraisal.database.files import Files
from appraisal.database.outbox import enqueue
from appraisal.database.rows import insert_row
from appraisal.errors import NotFound
from appraisal.language.texts import Language
from appraisal.people.facts import SYSTEM_ACTOR, Person
from appraisal.proposals.facts import Case, Decision
from appraisal.records.rules import value as records_value
from appraisal.records.services.issuers import issuing
from appraisal.records.store import records as stored
from appraisal.records.store import renderings
from appraisal.trail.rules import sealed_rows
from appraisal.trail.store import whole_trail

if TYPE_CHECKING:
    from appraisal.proposals.services.taking import Taking

RENDER = "render"


@dataclass(frozen=True, slots=True)
class Stored:
    """A record as it lies in the database."""

    id: int
    kind: Literal["appraisal", "decision"]
    digest: str
    appraisal_id: int | None = None


def check_grounds(db: Connection, case: Case, actor: Person) -> None:
    """Make sure that all which a record of a proposal would rest on is what the trail says.

    That is its events, its versions, every row that the newest event seals, and the accounts of all who are
    named in it. Raises ``NotAllowed``.
    """
    seals.check(db, case.id)
    seals.check_site(db, "people", {actor.id, *case.people} - {SYSTEM_ACTOR.id})
    events, versions = whole_trail.events_and_versions(db, case.id)
    walked = sealed_rows.walk(case.number, events)
    if sealed_rows.end_fault(walked, case.sequence, case.head) is not None:
        raise seals.differs(case.id, "events")
    if not all(sealed_rows.is_sealed(*row) for row in versions):
        raise seals.differs(case.id, "versions")


def store(taking: "Taking", after: Case, decision: Decision | None) -> Stored:
    """Store the value of the record that a step makes, and put its rendering in the outbox."""
    kind: Literal["appraisal", "decision"]
    issuer = issuing(taking.db, taking.now)
    if decision is None:
        kind, appraisal = "appraisal", after.finalised
        assert appraisal is not None
        value = records_value.appraisal_record(after, taking.book, appraisal, taking.now, issuer)
        appraisal_id = appraisal.id
    else:
        kind, appraisal_id = "decision", None
        approval = taking.case.approval if decision.kind == "annul" else None
        annulled = stored.sheets_of(taking.db, approval) if approval is not None else ()
        value = records_value.decision_sheet(after, taking.book, decision, taking.now, issuer, annulled)
    text = canonical(value)
    sealed = hashlib.sha256(text).hexdigest()
    id = insert_row(
        taking.db,
        tables.records,
        proposal_id=after.id,
        kind=kind,
        digest=sealed,
        value=text.decode(),
        at=taking.now,
        appraisal_id=appraisal_id,
        decision_id=decision.id if decision else None,
    )
    enqueue(taking.db, RENDER, {"record": id, "language": taking.actor.language}, taking.now)
    return Stored(id, kind, sealed, appraisal_id)


def quote(db: Connection, case: Case, record: Stored) -> Case:
    """Note on the appraisal which record was drawn of it, so that a decision can quote it."""
    table = tables.appraisals
    db.execute(update(table).where(table.c.id == record.appraisal_id).values(record=record.digest))
    return replace(
        case,
        appraisals=tuple(
            replace(entry, record=record.digest) if entry.id == record.appraisal_id else entry
            for entry in case.appraisals
        ),
    )


def ask_rendering(db: Connection, record: int, language: Language, now: datetime) -> None:
    """Have a record rendered in a language, unless it is or will be."""
    done, jobs = tables.renderings, tables.jobs
    payload = canonical({"record": record, "language": language}).decode()
    exists = (
        db.execute(select(done.c.id).where(done.c.record_id == record, done.c.language == language)).first()
        or db.execute(
            select(jobs.c.id).where(
                jobs.c.kind == RENDER,
                jobs.c.payload == payload,
                jobs.c.done_at.is_(None),
                jobs.c.dead_at.is_(None),
            )
        ).first()
    )
    if exists is None:
        enqueue(db, RENDER, {"record": record, "language": language}, now)


def record_value(db: Connection, record: int) -> bytes:
    """Return the canonical JSON of a record, to be drawn; raises ``NotFound``.

    Raises ``NotAllowed`` for one that is not the text which an event of its proposal names.
    """
    table = tables.records
    columns = (table.c.value, table.c.digest, table.c.proposal_id)
    row = db.execute(select(*columns).where(table.c.id == record)).one_or_none()
    if row is None:
        raise NotFound("record", str(record))
    if not (
        sealed_rows.is_sealed(row.value, row.digest)
        and whole_trail.names_record(db, row.proposal_id, row.digest)
    ):
        raise seals.differs(row.proposal_id, "records")
    value: str = row.value
    return value.encode()


def rendering_of(db: Connection, record: int, language: str) -> str | None:
    """Return the SHA-256 of the PDF of a record in a language; None where there is none."""
    table = tables.renderings
    found: str | None = db.execute(
        select(table.c.sha256).where(table.c.record_id == record, table.c.language == language)
    ).scalar_one_or_none()
    return found


def keep_rendering(
    db: Connection,
    files: Files,
    record: int,
    language: str,
    pdf: bytes,
    now: datetime,
    *,
    again: bool = False,
) -> str:
    """Keep the PDF of a record; return its SHA-256. One that was made meanwhile is kept instead.

    Drawn ``again`` it takes the place of the one before, which the register knows as an earlier drawing.
    """
    sha256 = files.keep(pdf)
    table = tables.renderings
    try:
        with db.begin_nested():
            db.execute(
                insert(table).values(
                    record_id=record, language=language, sha256=sha256, size=len(pdf), at=now
                )
            )
    except IntegrityError:
        if not again:
            return rendering_of(db, record, language) or sha256
        renderings.replace_rendering(db, record, language, sha256, len(pdf), now)
    return sha256


Render = Callable[[bytes, Language], bytes]
