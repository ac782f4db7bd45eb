"""The migrations make what the models say, on both databases."""

from datetime import date
from typing import Any

from sqlalchemy import Connection, MetaData, Table, func, inspect, select

from appraisal.services import ticks
from appraisal.storage import schema, site, tables
from appraisal.storage.databases import Database
from appraisal.storage.tables import Base
from tests import casts
from tests.casts import Stage


def test_migrations_equal_the_models(database: Database) -> None:
    assert schema.differences(database) == []


def test_every_index_of_the_models_is_there(database: Database) -> None:
    inspector = inspect(database.engine)
    for table in Base.metadata.sorted_tables:
        made = {index["name"] for index in inspector.get_indexes(table.name)}
        assert {index.name for index in table.indexes} <= made


def test_upgrading_twice_is_harmless(database: Database) -> None:
    schema.upgrade(database)
    assert schema.is_current(database)
    assert schema.differences(database) == []


def test_an_empty_database_is_not_current(tmp_path: object) -> None:
    database = Database(f"sqlite:///{tmp_path}/new/empty.sqlite3")
    try:
        assert not schema.is_current(database)
        schema.upgrade(database)
        assert schema.is_current(database)
    finally:
        database.close()


def _reflected(database: Database) -> MetaData:
    found = MetaData()
    found.reflect(database.engine)
    return found


def _rows(database: Database, metadata: MetaData) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of tables as they lie in a database, with the columns given."""
    with database.read() as db:
        return {
            table.name: [
                dict(row) for row in db.execute(select(table).order_by(*table.primary_key)).mappings()
            ]
            for table in metadata.sorted_tables
            if table.name != "alembic_version"
        }


def _count_on(db: Connection, table: Table) -> None:
    """Let PostgreSQL number new rows after those copied with theirs; SQLite does so anyway."""
    if db.dialect.name == "postgresql" and "id" in table.c:
        sequence = func.pg_get_serial_sequence(table.name, "id")
        db.execute(select(func.setval(sequence, select(func.max(table.c.id)).scalar_subquery())))


def test_a_database_of_the_first_revision_keeps_its_rows(stage: Stage, database: Database) -> None:
    numbers = {
        "approved": casts.approved(stage, ratings={"TRI_4": "1"}),
        "submitted": casts.submitted(stage),
        "draft": casts.draft(stage),
        "withdrawn": casts.submitted(stage),
    }
    casts.take(stage, "ana", numbers["withdrawn"], "withdraw", note="No longer needed.")
    _reflected(database).drop_all(database.engine)
    schema.upgrade(database, "0001")
    first = _reflected(database)
    kept = _rows(stage.database, first)
    with database.begin() as db:
        for table in first.sorted_tables:
            if kept.get(table.name):
                db.execute(table.insert(), kept[table.name])
                _count_on(db, table)

    schema.upgrade(database)

    assert _rows(database, first) == kept
    # Which also finds the triggers as they were.
    assert schema.differences(database) == []
    with database.read() as db:
        about = {
            person.name: [entry.event.facts["action"] for entry in site.events_of_person(db, person.id, 5)]
            for person in stage.people.values()
        }
        assert set(map(tuple, about.values())) == {("create_person",)}
        assert site.emergencies(db, 5) == []
    # Whatever is open is looked at by the next tick, and then when its day comes.
    asleep = {numbers["draft"]: None}
    assert _woken(database) == dict.fromkeys(numbers.values(), date(1970, 1, 1)) | asleep
    stage.database = database
    stage.wait(days=3)
    assert ticks.tick(database, stage.library, stage.now).marks == ((numbers["submitted"], "overdue"),)
    assert _woken(database) == {
        numbers["approved"]: date(2010, 3, 4),
        numbers["submitted"]: None,
        numbers["withdrawn"]: None,
        **asleep,
    }


def _woken(database: Database) -> dict[str, date | None]:
    table = tables.Proposal.__table__
    with database.read() as db:
        return {row.number: row.wake_on for row in db.execute(select(table.c.number, table.c.wake_on))}
