"""PDFs of records and reports that are still to be drawn are found here, and how each stands."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from appraisal.database import tables

JOBS = tables.jobs
RECORDS = tables.records
PROPOSALS = tables.proposals
REPORTS = tables.indicator_reports


@dataclass(frozen=True, slots=True)
class Standing:
    """How many drawings wait, what last went wrong with one of them, and how many were given up."""

    waiting: int
    error: str
    given_up: int


@dataclass(frozen=True, slots=True)
class GivenUp:
    """A drawing that is not tried any more: of which record or report, in which language, and why."""

    subject: str
    language: str
    at: datetime
    error: str


def standing(db: Connection, kinds: Collection[str]) -> Standing:
    """Tell how drawings stand; ``kinds`` are those of their jobs."""
    ours = (JOBS.c.kind.in_(kinds), JOBS.c.done_at.is_(None))
    open_ones = (*ours, JOBS.c.dead_at.is_(None))
    counted = select(func.count()).select_from(JOBS)
    failing = select(JOBS.c.error).where(*open_ones, JOBS.c.error != "")
    return Standing(
        db.execute(counted.where(*open_ones)).scalar_one(),
        db.execute(failing.order_by(JOBS.c.run_at.desc(), JOBS.c.id.desc()).limit(1)).scalar() or "",
        db.execute(counted.where(*ours, JOBS.c.dead_at.is_not(None))).scalar_one(),
    )


def list_given_up(db: Connection, kinds: Collection[str], most: int = 50) -> list[GivenUp]:
    """List drawings that were given up, newest first; ``kinds`` are those of their jobs."""
    rows = db.execute(
        select(JOBS.c.payload, JOBS.c.dead_at, JOBS.c.error)
        .where(JOBS.c.kind.in_(kinds), JOBS.c.done_at.is_(None), JOBS.c.dead_at.is_not(None))
        .order_by(JOBS.c.dead_at.desc(), JOBS.c.id.desc())
        .limit(most)
    ).all()
    told = [(json.loads(row.payload), row.dead_at, row.error) for row in rows]
    named = _named(db, [payload for payload, _, _ in told])
    return [
        GivenUp(named.get(_key(payload), "?"), str(payload.get("language", "")), at, error)
        for payload, at, error in told
    ]


def _key(payload: dict[str, Any]) -> tuple[str, int]:
    return ("record", payload["record"]) if "record" in payload else ("report", payload.get("report", 0))


def _named(db: Connection, payloads: list[dict[str, Any]]) -> dict[tuple[str, int], str]:
    """Return what records and reports are called by their ids."""
    ids = {kind: {id for found, id in map(_key, payloads) if found == kind} for kind in ("record", "report")}
    records = (
        select(RECORDS.c.id, PROPOSALS.c.number, RECORDS.c.kind)
        .join(PROPOSALS, PROPOSALS.c.id == RECORDS.c.proposal_id)
        .where(RECORDS.c.id.in_(ids["record"]))
    )
    reports = select(REPORTS.c.id, REPORTS.c.indicator, REPORTS.c.biennium).where(
        REPORTS.c.id.in_(ids["report"])
    )
    return {
        (kind, row[0]): f"{row[1]} {row[2]}"
        for kind, statement in (("record", records), ("report", reports))
        for row in db.execute(statement)
    }
