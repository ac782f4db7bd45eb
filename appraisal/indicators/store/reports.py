"""The PDFs of published reports that are there are listed here."""

from collections import defaultdict
from collections.abc import Collection, Mapping

from sqlalchemy import Connection, select

from appraisal.database import tables

REPORTS = tables.indicator_reports
RENDERINGS = tables.report_renderings


def languages_of(db: Connection, digests: Collection[str]) -> Mapping[str, frozenset[str]]:
    """Return by digest the languages in which published reports are drawn; nothing for the others."""
    found: dict[str, set[str]] = defaultdict(set)
    rows = db.execute(
        select(REPORTS.c.digest, RENDERINGS.c.language)
        .join(RENDERINGS, RENDERINGS.c.report_id == REPORTS.c.id)
        .where(REPORTS.c.digest.in_(sorted(digests)))
    )
    for row in rows:
        found[row.digest].add(row.language)
    return {digest: frozenset(languages) for digest, languages in found.items()}


def find_rendering(db: Connection, digest: str, language: str) -> str | None:
    """Return the SHA-256 of the PDF of a published report in a language; None where there is none."""
    found: str | None = db.execute(
        select(RENDERINGS.c.sha256)
        .join(REPORTS, REPORTS.c.id == RENDERINGS.c.report_id)
        .where(REPORTS.c.digest == digest, RENDERINGS.c.language == language)
    ).scalar_one_or_none()
    return found
