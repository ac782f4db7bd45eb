"""Conditions limit append-only tables to what was written by a moment, so that all is computed as of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, func, select

from appraisal.database import tables


@dataclass(frozen=True, slots=True)
class Past:
    """Up to where facts are heard: what was written by a moment, or up to a row of each table by its id.

    A moment is what people ask by. Ids are what a published report keeps: whoever wrote at the same time
    may have taken an earlier moment and been seen later, but never an earlier row.
    """

    moment: datetime | None = None
    rows: Mapping[str, int] = field(default_factory=dict)

    def includes(self, table: Any) -> ColumnElement[bool]:
        """Return the condition that a row of a table, or of an alias of one, had been written."""
        if self.moment is not None:
            condition: ColumnElement[bool] = table.c.at <= self.moment
        else:
            # A table that is not named did not exist yet.
            condition = table.c.id <= self.rows.get(getattr(table, "element", table).name, 0)
        return condition


def highest(db: Connection, *named: Table) -> dict[str, int]:
    """Return the highest id of some tables by their names; the caller keeps others from writing."""
    found = {}
    for table in named:
        found[table.name] = db.execute(select(func.coalesce(func.max(table.c.id), 0))).scalar_one()
    return found


def newest(past: Past | None = None) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions that a match is the newest of its project, now or then."""
    match = tables.matches
    later = match.alias()
    newer = select(later.c.id).where(later.c.project == match.c.project, later.c.id > match.c.id)
    if past is None:
        return (~newer.exists(),)
    return past.includes(match), ~newer.where(past.includes(later)).exists()
