"""One statement counts, by the days that they took, the stays in states that ended."""

from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Connection, func, select

from appraisal.clock import GENEVA, geneva_date
from appraisal.database import tables
from appraisal.deadlines.rules.durations import Stays
from appraisal.people.facts import Person
from appraisal.proposals.store.visible import blind, fully_visible

EVENTS = tables.events
PROPOSALS = tables.proposals


def stays(db: Connection, reader: Person | None, year: int | None = None) -> list[Stays]:
    """Count the stays that ended in a year of Geneva's, or ever, by state, track, unit, days and limit.

    A reader is shown what they read in full, without proposals of which they still have to sign a
    review, since how it went so far must not reach them; None is the system, which is shown all.
    """
    columns = (
        EVENTS.c.from_state,
        EVENTS.c.track,
        PROPOSALS.c.unit,
        EVENTS.c.days_used,
        EVENTS.c.days_limit,
        PROPOSALS.c.illustrative,
    )
    rows = db.execute(
        select(*columns, func.count())
        .join(PROPOSALS, PROPOSALS.c.id == EVENTS.c.proposal_id)
        .where(*_counted(reader), *_within(year))
        .group_by(*columns)
        .order_by(*columns)
    )
    return [Stays(*row) for row in rows]


def years(db: Connection, reader: Person | None) -> range:
    """Return the years from the first stay that a reader is shown to the last."""
    first, last = db.execute(
        select(func.min(EVENTS.c.at), func.max(EVENTS.c.at))
        .join(PROPOSALS, PROPOSALS.c.id == EVENTS.c.proposal_id)
        .where(*_counted(reader))
    ).one()
    if first is None:
        return range(0)
    return range(geneva_date(first).year, geneva_date(last).year + 1)


def _counted(reader: Person | None) -> list[ColumnElement[bool]]:
    measured = EVENTS.c.days_limit.is_not(None)
    if reader is None:
        return [measured]
    return [measured, fully_visible(reader), ~blind(reader)]


def _within(year: int | None) -> list[ColumnElement[bool]]:
    if year is None:
        return []
    begins, ends = (datetime(entry, 1, 1, tzinfo=GENEVA).astimezone(UTC) for entry in (year, year + 1))
    return [EVENTS.c.at >= begins, EVENTS.c.at < ends]
