"""The migrations make what the models say, on both databases."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from sqlalchemy import inspect, select

from appraisal.services import ticks
from appraisal.storage import schema, tables
from appraisal.storage.databases import Database
from appraisal.storage.tables import Base
from tests import casts, histories
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


# What columns of older revisions held that are no more.
GONE: Final[Mapping[str, Mapping[str, Any]]] = {"people": {"session_epoch": 3}}


def test_a_database_of_the_first_revision_keeps_its_rows(stage: Stage, database: Database) -> None:
    numbers = {
        "approved": casts.approved(stage, ratings={"TRI_4": "1"}),
        "submitted": casts.submitted(stage),
        "draft": casts.draft(stage),
        "withdrawn": casts.submitted(stage),
    }
    casts.take(stage, "ana", numbers["withdrawn"], "withdraw", note="No longer needed.")
    histories.reflected(database).drop_all(database.engine)
    schema.upgrade(database, "0001")
    first = histories.reflected(database)
    kept = histories.rows(stage.database, first, GONE)
    histories.fill(
        database,
        {name: [{**row, **GONE.get(name, {})} for row in rows] for name, rows in kept.items()},
    )

    schema.upgrade(database)

    assert histories.rows(database, first, GONE) == kept
    assert schema.differences(database) == []
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
