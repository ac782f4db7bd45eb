"""Published reports become PDFs here, drawn from the outbox as those of records are."""

from datetime import datetime
from typing import Final

from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import IntegrityError

from appraisal.canonical import canonical
from appraisal.database import seals, tables
from appraisal.database.files import Files
from appraisal.database.outbox import enqueue
from appraisal.errors import NotFound
from appraisal.language.texts import LANGUAGES
from appraisal.trail.rules import sealed_rows

RENDER: Final = "render_report"
REPORTS = tables.indicator_reports
RENDERINGS = tables.report_renderings
JOBS = tables.jobs


def ask_renderings(db: Connection, digest: str, now: datetime) -> None:
    """Have a published report drawn in every language in which it is not, and is not about to be.

    Raises ``NotFound`` where no report has the digest.
    """
    report = db.execute(select(REPORTS.c.id).where(REPORTS.c.digest == digest)).scalar_one_or_none()
    if report is None:
        raise NotFound("report", digest)
    made = set(db.scalars(select(RENDERINGS.c.language).where(RENDERINGS.c.report_id == report)))
    waiting = set(
        db.scalars(
            select(JOBS.c.payload).where(
                JOBS.c.kind == RENDER, JOBS.c.done_at.is_(None), JOBS.c.dead_at.is_(None)
            )
        )
    )
    for language in LANGUAGES:
        payload = {"report": report, "language": language}
        if language not in made and canonical(payload).decode() not in waiting:
            enqueue(db, RENDER, payload, now)


def report_value(db: Connection, report: int) -> bytes:
    """Return the canonical JSON of a published report, to be drawn; raises ``NotFound``.

    Raises ``NotAllowed`` for one that is not what the site's chain tells of.
    """
    row = db.execute(select(REPORTS.c.value, REPORTS.c.digest).where(REPORTS.c.id == report)).one_or_none()
    if row is None:
        raise NotFound("report", str(report))
    seals.check_site(db, REPORTS.name, [report])
    if not sealed_rows.is_sealed(row.value, row.digest):
        raise seals.differs_here(REPORTS.name, report)
    value: str = row.value
    return value.encode()


def keep_rendering(
    db: Connection, files: Files, report: int, language: str, pdf: bytes, now: datetime
) -> None:
    """Keep the PDF of a report; one that was made meanwhile is kept instead."""
    sha256 = files.keep(pdf)
    values = {"report_id": report, "language": language, "sha256": sha256, "size": len(pdf), "at": now}
    try:
        with db.begin_nested():
            db.execute(insert(RENDERINGS).values(**values))
    except IntegrityError:
        return
