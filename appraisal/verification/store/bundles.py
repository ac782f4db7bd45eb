"""Everything that hangs on proposals is read here piece by piece for those who take it away."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, exists, or_, select, true

from appraisal.clock import geneva_date
from appraisal.database import tables
from appraisal.people.facts import Person
from appraisal.proposals.store import visible
from appraisal.verification.rules.bundle_manifest import Asked
from appraisal.vocabulary.biennium import biennium_of

PROPOSALS = tables.proposals
VERSIONS = tables.versions
RECORDS = tables.records
RENDERINGS = tables.renderings
DOCUMENTS = tables.documents
CHECKPOINTS = tables.checkpoints


def chosen(db: Connection, query: Asked, reader: Person | None = None) -> list[Any]:
    """Return id, number, title, state, unit, workflow, moment of approval and chain's end of proposals.

    They come by number; where a biennium is asked for, it is that of their approval. ``is_whole`` tells
    whether a reader may have all of it; without one, everything is. What was never submitted and is of no
    record is its authors' alone.
    """
    names = (
        "id",
        "number",
        "title",
        "state",
        "unit",
        "workflow",
        "definition_set",
        "approved_at",
        "illustrative",
        "sequence",
        "head",
    )
    whole = (true() if reader is None else visible.whole_to(reader)).label("is_whole")
    submitted = exists().where(VERSIONS.c.proposal_id == PROPOSALS.c.id)
    recorded = exists().where(RECORDS.c.proposal_id == PROPOSALS.c.id)
    statement = select(*(PROPOSALS.c[name] for name in names), whole).where(or_(submitted, recorded))
    if query.numbers:
        statement = statement.where(PROPOSALS.c.number.in_(query.numbers))
    for column in ("unit", "state"):
        if wanted := getattr(query, column):
            statement = statement.where(PROPOSALS.c[column] == wanted)
    if query.biennium:
        statement = statement.where(PROPOSALS.c.approved_at.is_not(None))
    rows = db.execute(statement.order_by(PROPOSALS.c.number)).all()
    return [
        row
        for row in rows
        if not query.biennium or biennium_of(geneva_date(row.approved_at)) == query.biennium
    ]


def biennia_of_approvals(db: Connection) -> list[str]:
    """Return the biennia in which proposals were approved, newest first."""
    moments = db.execute(
        select(PROPOSALS.c.approved_at).where(PROPOSALS.c.approved_at.is_not(None))
    ).scalars()
    return sorted({biennium_of(geneva_date(moment)) for moment in moments}, reverse=True)


def versions_of(db: Connection, proposal: int) -> Iterator[Any]:
    """Yield number, text, digest and moment of the versions of a proposal."""
    columns = (VERSIONS.c.number, VERSIONS.c.value, VERSIONS.c.digest, VERSIONS.c.at)
    return iter(
        db.execute(select(*columns).where(VERSIONS.c.proposal_id == proposal).order_by(VERSIONS.c.number))
    )


def records_of(db: Connection, proposal: int) -> Iterator[Any]:
    """Yield id, kind, text, digest and moment of the records of a proposal."""
    names = ("id", "kind", "value", "digest", "at")
    statement = select(*(RECORDS.c[name] for name in names)).where(RECORDS.c.proposal_id == proposal)
    return iter(db.execute(statement.order_by(RECORDS.c.id)))


def renderings_of(db: Connection, proposal: int) -> Mapping[int, list[Any]]:
    """Return language, SHA-256 and size of the PDFs of a proposal's records, by the record's id."""
    columns = (RENDERINGS.c.record_id, RENDERINGS.c.language, RENDERINGS.c.sha256, RENDERINGS.c.size)
    statement = select(*columns).join(RECORDS, RECORDS.c.id == RENDERINGS.c.record_id)
    found: dict[int, list[Any]] = {}
    for row in db.execute(statement.where(RECORDS.c.proposal_id == proposal).order_by(RENDERINGS.c.language)):
        found.setdefault(row.record_id, []).append(row)
    return found


def undrawn(db: Connection, proposals: Sequence[int], languages: Sequence[str]) -> list[tuple[str, int]]:
    """Return language and id of the records of proposals of which there is no PDF in a language."""
    found: list[tuple[str, int]] = []
    for language in languages:
        is_drawn = exists().where(RENDERINGS.c.record_id == RECORDS.c.id, RENDERINGS.c.language == language)
        for first in range(0, len(proposals), 500):
            part = RECORDS.c.proposal_id.in_(proposals[first : first + 500])
            statement = select(RECORDS.c.id).where(part, ~is_drawn)
            found += [(language, id) for id in db.execute(statement.order_by(RECORDS.c.id)).scalars()]
    return found


def documents_of(db: Connection, proposal: int) -> Sequence[Any]:
    """Return kind, filename, SHA-256, size and moment of the files of a proposal, drafts' included."""
    names = ("kind", "filename", "sha256", "size", "at")
    statement = select(*(DOCUMENTS.c[name] for name in names)).where(DOCUMENTS.c.proposal_id == proposal)
    return db.execute(statement.order_by(DOCUMENTS.c.id)).all()


def checkpoints(db: Connection) -> Iterator[Any]:
    """Yield sequence, text, digest and signature of all checkpoints."""
    names = ("sequence", "body", "digest", "signature")
    return iter(db.execute(select(*(CHECKPOINTS.c[name] for name in names)).order_by(CHECKPOINTS.c.sequence)))
