"""Tampering: what somebody with a database client could do, once the triggers are out of the way."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Column, Connection, Table, create_engine, select, text, update

from appraisal.canonical import canonical
from appraisal.database import seals, tables
from appraisal.database.engine import Database
from appraisal.database.types import Day, Moment, Money
from appraisal.people.facts import SYSTEM_ACTOR
from appraisal.proposals.services.drafts import note_event
from appraisal.proposals.store.case import load_case
from appraisal.trail.rules.events import GENESIS
from appraisal.trail.store import site

# A moment for whatever has none.
_LATER = datetime(2012, 2, 1, 9, tzinfo=UTC)
# Rows that are of another moment than the last checkpoint, or only some of which are sealed.
CHOSEN = {
    "accesses": "accesses.id = 1",
    "matches": "matches.how = 'confirmed'",
    "account_requests": "account_requests.closed_at IS NOT NULL",
}


def sealed_rows(db: Connection, table: Table, column: str = "") -> list[dict[str, Any]]:
    """Return the rows of a table in which a column is sealed, or everything that ever is, the newest last."""
    seal = seals.SEALS.get(table.name)
    wanted = [CHOSEN[table.name]] if table.name in CHOSEN else []
    joined = ""
    if seal is not None:
        later = seal.sealed_when if not column or column in seal.later else ""
        wanted += [part.format(table.name) for part in (later, seal.rows_when) if part]
        joined = seal.joined.format(table.name)
    [key] = table.primary_key
    where = f"WHERE {' AND '.join(wanted)}" if wanted else ""
    named = f"SELECT {table.name}.{key.name} FROM {table.name} {joined} {where} ORDER BY 1"  # noqa: S608 - the words are the test's own
    ids = db.exec_driver_sql(named.replace("%", "%%") if db.dialect.name == "postgresql" else named)
    chosen = ids.scalars().all()
    rows = {row[key.name]: dict(row) for row in db.execute(select(table)).mappings()}
    return [rows[id] for id in chosen]


def others(db: Connection, column: Column[Any], value: Any) -> list[Any]:
    """Return other values that a column may hold, those first that name a row where it names one."""
    for key in column.foreign_keys:
        return [*db.execute(select(key.column).where(key.column != value).limit(9)).scalars(), 99_999]
    if value is None:
        kinds: dict[Any, Any] = {Moment: _LATER, Day: _LATER.date(), Money: Decimal(1)}
        plain = {int: 1, str: "x", bytes: b"x"}
        found = kinds.get(type(column.type))
        return [plain[column.type.python_type] if found is None else found]
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, datetime | date):
        return [value + timedelta(days=1)]
    if isinstance(value, int | Decimal):
        return [value + 1, value + 1000]
    if isinstance(value, bytes):
        return [value[:-1] + bytes([value[-1] ^ 1])]
    return [f"{value[:-1]}{'1' if value[-1:] != '1' else '2'}", f"{value}z"[-9:]]


PROVED = ("compared", "added up")
# Beyond what ``seals.unsealed`` lists.
NEVER_SEALED = {
    # Rows that nothing sums up by: a tick makes one of several.
    ("tallies", "id"),
    # What is logged since the last checkpoint, and what is attached to no version yet.
    ("accesses", "+ a row"),
    ("documents", "+ a row"),
}


def is_listed(table: str, column: str) -> bool:
    """Tell whether it is published, with the reason, that no event seals this."""
    seal = seals.SEALS.get(table)
    if seal is None:
        return not seals.BESIDE[table].startswith(PROVED) or (table, column) in NEVER_SEALED
    return column in seal.open or (table, column) in NEVER_SEALED


@contextmanager
def unguarded(database: Database) -> Iterator[Connection]:
    """Open a transaction in which neither triggers nor foreign keys hold anybody back; after it they do."""
    if not database.is_sqlite:
        with unwatched(database) as db:
            db.execute(text("SET LOCAL session_replication_role = replica"))
            yield db
        return
    # SQLite looks at foreign keys only where it is asked to, which the product does.
    engine = create_engine(database.url)
    with engine.begin() as db:
        made = db.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")).all()
        for row in made:
            db.execute(text(f"DROP TRIGGER {row.name}"))
        yield db
        for row in made:
            db.exec_driver_sql(row.sql)
    engine.dispose()


@contextmanager
def unwatched(database: Database) -> Iterator[Connection]:
    """Open a transaction that may leave rows behind which no event seals, for tests that only read them."""
    with database.begin() as db:
        seals.end(db)
        yield db


@contextmanager
def by_hand(database: Database, now: datetime, number: str = "") -> Iterator[Connection]:
    """Open a transaction for rows of a proposal, or of the site, as the product may have left them.

    An event of no name that the product knows seals them, so that steps can be taken from there.
    """
    with database.begin() as db:
        case = load_case(db, number, lock=True) if number else None
        yield db
        if case is None:
            site.append(db, now, SYSTEM_ACTOR.id, "by_hand", {})
        else:
            note_event(db, case, SYSTEM_ACTOR, now, "by_hand", {}, aside=True)


def age(db: Connection, number: str) -> None:
    """Write the chain of a proposal anew as an earlier version of the product would have written it.

    Its texts say nothing of the columns beside them, nor of the rows that are stored.
    """
    proposals, events = tables.proposals, tables.events
    id = db.execute(select(proposals.c.id).where(proposals.c.number == number)).scalar_one()
    mine = select(events.c.id, events.c.body).where(events.c.proposal_id == id)
    previous = GENESIS
    for row in db.execute(mine.order_by(events.c.sequence)).all():
        said = {**json.loads(row.body), "previous": previous}
        del said["columns"], said["seals"]
        body = canonical(said).decode()
        previous = hashlib.sha256(body.encode()).hexdigest()
        db.execute(update(events).where(events.c.id == row.id).values(body=body, digest=previous))
    db.execute(update(proposals).where(proposals.c.id == id).values(head=previous))
