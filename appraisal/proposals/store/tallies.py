"""Tallies are what the indicator adds up: written with each step, read as sums, and told by the trail."""

import json
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    Connection,
    Insert,
    Row,
    Select,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
)

from appraisal.canonical import plain
from appraisal.database import tables
from appraisal.database.as_of import Past
from appraisal.errors import NotFound
from appraisal.proposals.rules import form
from appraisal.proposals.rules.approval import CREATING, LISTENED, Told, told_by_sheet
from appraisal.proposals.rules.sums import Cell, Sum, added
from appraisal.proposals.store.case import load_rates
from appraisal.trail.rules.approvals import APPROVING

TALLIES = tables.tallies
PROPOSALS = tables.proposals
EVENTS = tables.events
VERSIONS = tables.versions
RECORDS = tables.records
_CELL: Final = [TALLIES.c[name] for name in Cell._fields]
_PAGE: Final = 2_000
# So many rows more than there are cells are worth being made fewer.
_WORTH: Final = 500


def add(db: Connection, change: Mapping[Cell, Sum]) -> None:
    """Note what a step adds to cells."""
    if change:
        db.execute(_adding(), [_row(cell, entry) for cell, entry in change.items()])


@cache
def _adding() -> Insert:
    return insert(TALLIES)


def _row(cell: Cell, entry: Sum) -> dict[str, Any]:
    return {**cell._asdict(), "count": entry.proposals, "cents": int(entry.usd.scaleb(2))}


def cells(db: Connection, dimensions: Sequence[str] = (), biennium: str | None = None) -> dict[Cell, Sum]:
    """Return the cells of some dimensions, or of all, and of a biennium where one is given."""
    # Of years before 1000 it was once written with fewer figures.
    written = sorted({biennium, biennium.lstrip("0")}) if biennium is not None else []
    given = {"dimensions": list(dimensions), "biennia": written}
    rows = db.execute(_summing(bool(dimensions), biennium is not None), given)
    return added(_sum(row) for row in rows)


def _sum(row: Sequence[Any]) -> Mapping[Cell, Sum]:
    """Return what one row adds to its cell."""
    cell = Cell(*row[:-2])
    if cell.biennium:
        cell = cell._replace(biennium=cell.biennium.rjust(len("2010-11"), "0"))
    return {cell: Sum(row[-2], Decimal(row[-1]).scaleb(-2))}


@cache
def _summing(by_dimension: bool, by_biennium: bool) -> Select[Any]:
    count, cents = func.sum(TALLIES.c["count"]), func.sum(TALLIES.c.cents)
    statement = select(*_CELL, count, cents).group_by(*_CELL).having(or_(count != 0, cents != 0))
    if by_dimension:
        statement = statement.where(TALLIES.c.dimension.in_(bindparam("dimensions", expanding=True)))
    if by_biennium:
        statement = statement.where(TALLIES.c.biennium.in_(bindparam("biennia", expanding=True)))
    return statement


def gather(db: Connection) -> bool:
    """Make one row a cell where steps have left many; tell whether anything was done."""
    count = db.execute(select(func.count()).select_from(TALLIES)).scalar_one()
    held = select(*_CELL).distinct().subquery()
    if count <= _WORTH + db.execute(select(func.count()).select_from(held)).scalar_one():
        return False
    # What is added meanwhile is not seen here, and stays.
    columns = (*_CELL, TALLIES.c["count"], TALLIES.c.cents)
    gone = db.execute(delete(TALLIES).returning(*columns))
    found = added(_sum(row) for row in gone)
    add(db, {cell: entry for cell, entry in found.items() if any(entry)})
    return True


def hold(db: Connection) -> None:
    """Let no step add anything until the transaction ends; SQLite writes one at a time anyway."""
    if db.dialect.name == "postgresql":
        db.exec_driver_sql(f"LOCK TABLE {TALLIES.name} IN SHARE ROW EXCLUSIVE MODE")


def replace(db: Connection, found: Mapping[Cell, Sum]) -> None:
    """Put cells that were counted anew in the place of all that stand there."""
    db.execute(delete(TALLIES))
    rows = [_row(cell, entry) for cell, entry in found.items()]
    for start in range(0, len(rows), _PAGE):
        db.execute(_adding(), rows[start : start + _PAGE])


def told(db: Connection, past: Past | None = None) -> Iterator[list[Told]]:
    """Yield for every proposal in turn the events that the indicator listens to, in their order.

    Each carries the state that the last event of all left the proposal in. Nothing but the trail is read.
    """
    heard = [past.includes(EVENTS)] if past else []
    ends = (
        select(EVENTS.c.proposal_id, func.max(EVENTS.c.sequence).label("sequence"))
        .where(*heard)
        .group_by(EVENTS.c.proposal_id)
        .subquery()
    )
    last = EVENTS.alias()
    statement = (
        select(
            PROPOSALS.c.id,
            PROPOSALS.c.number,
            PROPOSALS.c.workflow,
            EVENTS.c.name,
            EVENTS.c.act,
            EVENTS.c.at,
            last.c.to_state,
            EVENTS.c.body,
        )
        .join(PROPOSALS, PROPOSALS.c.id == EVENTS.c.proposal_id)
        .join(ends, ends.c.proposal_id == EVENTS.c.proposal_id)
        .join(last, (last.c.proposal_id == ends.c.proposal_id) & (last.c.sequence == ends.c.sequence))
        .where(or_(EVENTS.c.act.in_(LISTENED), EVENTS.c.name == CREATING), *heard)
        .order_by(EVENTS.c.proposal_id, EVENTS.c.sequence)
    )
    options = {"stream_results": True, "max_row_buffer": _PAGE}
    found: list[Told] = []
    with db.execute(statement, execution_options=options) as rows:
        for id, number, workflow, name, act, at, state, body in rows:
            if found and found[-1].number != number:
                yield found
                found = []
            found.append(Told(number, name, act, state, _facts(db, id, act, body), at, workflow))
    if found:
        yield found


def _facts(db: Connection, proposal: int, act: str, body: str) -> Mapping[str, Any]:
    """Return what an event says, in the form of today.

    Before version 0005 of the schema a submission did not say of which kind the proposal is, nor an approval
    what is approved. The version and the decision sheet did, and the event names their digests.
    """
    facts: Mapping[str, Any] = json.loads(body)["facts"]
    if act == "submit" and "kind" not in facts:
        content = json.loads(_sealed(db, VERSIONS, proposal, facts["digest"]).value)["content"]
        return {**facts, "kind": form.value(content, "identification.kind") or "new"}
    if act in APPROVING and "approval" not in facts:
        row = _sealed(db, RECORDS, proposal, facts["record"])
        sheet = json.loads(row.value)
        return {**facts, "approval": plain(told_by_sheet(sheet, load_rates(db), row.created_at))}
    return facts


def _sealed(db: Connection, table: Any, proposal: int, digest: str) -> Row[Any]:
    """Return the value that an event names by its digest; raises ``NotFound``."""
    statement = (
        select(table.c.value, PROPOSALS.c.created_at)
        .join(PROPOSALS, PROPOSALS.c.id == table.c.proposal_id)
        .where(table.c.proposal_id == proposal, table.c.digest == digest)
    )
    row = db.execute(statement).first()
    if row is None:
        raise NotFound(table.name.removesuffix("s"), digest)
    return row
