"""Tampering: what somebody with a database client could do, once the triggers are out of the way."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, create_engine, text

from appraisal.storage.databases import Database


@contextmanager
def unguarded(database: Database) -> Iterator[Connection]:
    """Open a transaction in which neither triggers nor foreign keys hold anybody back; after it they do."""
    if not database.is_sqlite:
        with database.begin() as db:
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
