"""Tampering: what somebody with a database client could do, once the triggers are out of the way."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import Connection, create_engine, select, text, update

from appraisal.canonical import canonical
from appraisal.domain.events import GENESIS
from appraisal.domain.facts import SYSTEM_ACTOR
from appraisal.services.proposals import note_event
from appraisal.storage import seals, site, tables
from appraisal.storage.databases import Database
from appraisal.storage.facts import load_case


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
    proposals, events = tables.Proposal.__table__, tables.Event.__table__
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
