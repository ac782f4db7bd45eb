"""The migrations make what the models say, on both databases."""

from sqlalchemy import inspect

from appraisal.storage import schema
from appraisal.storage.databases import Database
from appraisal.storage.tables import Base


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
