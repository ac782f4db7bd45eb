"""A tick over many open proposals of which few are due: statements and time go with what is due alone."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event, insert, select, update

from appraisal.app.daily import tick
from appraisal.clock import geneva_date
from appraisal.database import tables
from appraisal.database.engine import Database
from appraisal.workflow.services import time_steps
from tests.bench.ratios import timed
from tests.bench.servers import postgres
from tests.bench.steps import NOW, fill, library

OPEN = 100_000
DUE = (10, 100, 1_000)
CHUNK = 2_000
FAR = date(2099, 12, 31)
PROPOSALS = tables.proposals
# What a tick reads of a proposal that is due; the others are not looked at.
HANGING = (tables.relations, tables.versions, tables.events)


def bench() -> None:
    with tempfile.TemporaryDirectory(prefix="appraisal-bench-") as place:
        _measure("SQLite", Database(f"sqlite:///{Path(place) / 'ticks.sqlite3'}"))
    with postgres() as server:
        _measure("PostgreSQL", Database(server.create("ticks")))


def _measure(name: str, database: Database) -> None:
    definitions = library()
    _, (number,) = fill(database, 1)
    ids = _multiply(database, number, OPEN)
    now = NOW + timedelta(days=30)
    # The first tick of a process compiles its statements; the mark of the original is set by it.
    tick(database, definitions, now)
    begun = 0
    for due in (0, *DUE):
        with database.begin() as db:
            chosen = PROPOSALS.c.id.in_(ids[begun : begun + due])
            db.execute(update(PROPOSALS).where(chosen).values(wake_on=geneva_date(now)))
        begun += due
        with _counted() as sent:
            found: list[time_steps.Ticked] = []
            spent = timed(lambda: found.append(tick(database, definitions, now)))  # noqa: B023
        assert len(found[0].marks) == due
        assert not found[0].faults
        each = f", {len(sent) / due:.1f} for each" if due else ""
        _print(name, due, f"{len(sent):6} statements{each}", spent)
    database.close()


def _print(name: str, due: int, statements: str, spent: float) -> None:
    print(f"{f'a tick, {name}, {OPEN:,} open, {due:,} due':<58} {spent:7.3f} s   {statements}", flush=True)


def _multiply(database: Database, number: str, count: int) -> list[int]:
    """Write so many copies of a proposal, and of what hangs on it for those that will be due."""
    with database.read() as db:
        original = dict(db.execute(select(PROPOSALS).where(PROPOSALS.c.number == number)).mappings().one())
        hanging = [
            [
                dict(row)
                for row in db.execute(select(table).where(table.c.proposal_id == original["id"])).mappings()
            ]
            for table in HANGING
        ]
    first = original.pop("id") + 1
    ids = list(range(first, first + count))
    for begin in range(0, count, CHUNK):
        with database.begin() as db:
            rows = [
                {**original, "id": id, "number": f"TC-2010-{id:07}", "wake_on": FAR}
                for id in ids[begin : begin + CHUNK]
            ]
            db.execute(insert(PROPOSALS), rows)
    with database.begin() as db:
        for table, rows in zip(HANGING, hanging, strict=True):
            copied = [_copy(row, id) for id in ids[: sum(DUE)] for row in rows]
            db.execute(insert(table), copied)
            if db.dialect.name == "postgresql":
                # Ids were given out by hand: the sequence goes on behind them.
                db.exec_driver_sql(
                    f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), (SELECT max(id) FROM {table.name}))"
                )
    return ids


def _copy(row: dict[str, Any], proposal: int) -> dict[str, Any]:
    kept = {name: value for name, value in row.items() if name != "id"}
    return {**kept, "proposal_id": proposal, **({"request": None} if "request" in kept else {})}


@contextmanager
def _counted() -> Iterator[list[str]]:
    sent: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        sent.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    yield sent
    event.remove(Engine, "before_cursor_execute", note)
