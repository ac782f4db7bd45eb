"""The adversary: whoever can write the database alters one value of the world that a walk ended with.

``audit verify`` or ``db check`` must name it, for every value that an event seals.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest
from sqlalchemy import Column, Connection, Table, select, update

from appraisal.definitions.library import Library
from appraisal.storage.files import Files
from appraisal.storage.tables import Base
from tests import casts
from tests.casts import Stage
from tests.databases import SqliteCopies
from tests.tampering import unguarded
from tests.walks import checks, moves, walking

# What is compared with the trail, by table. Whatever seals more widens this.
SEALED: Final[Mapping[str, tuple[str, ...]]] = {
    "events": ("body", "digest", "name", "act", "from_state", "to_state", "note", "by", "at", "sequence"),
    "site_events": ("body", "digest"),
    "versions": ("value", "digest"),
    "records": ("value", "digest"),
    "indicator_reports": ("value", "digest"),
    "imports": ("rows", "sha256", "whole"),
    "entries": ("value", "key"),
    "rates": ("per_usd", "day", "currency"),
    "checkpoints": ("body", "digest"),
    "proposals": ("head", "sequence", "route", "approved_at", "funds", "unit", "region", "state"),
    "tallies": ("count", "cents"),
}
ALTERATIONS: Final = 24


def _altered(value: Any, luck: Random) -> Any:
    """Return something else of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, datetime):
        return value + timedelta(days=1)
    if isinstance(value, str):
        place = luck.randrange(len(value)) if value else 0
        return f"{value[:place]}x{value[place + 1 :]}" if value[place : place + 1] != "x" else f"{value}y"
    return value + timedelta(days=1) if hasattr(value, "year") else value + 1000


def _one(db: Connection, table: Table, column: Column[Any], luck: Random) -> tuple[Any, Any] | None:
    """Choose one row in which the column holds something; return its key and that."""
    (key,) = table.primary_key.columns
    chosen = select(key, column).where(column.is_not(None)).order_by(key)
    if table.name == "proposals":
        # What is shown of a proposal is compared once it is approved.
        chosen = chosen.where(table.c.route != "")
    rows = db.execute(chosen).all()
    return tuple(luck.choice(rows)) if rows else None


def _write(stage: Stage, table: Table, column: Column[Any], key: Any, value: Any) -> None:
    (named,) = table.primary_key.columns
    with unguarded(stage.database) as db:
        db.execute(update(table).where(named == key).values({column.name: value}))


@pytest.mark.slow
def test_whatever_is_altered_behind_the_product_is_named(
    sqlite_copies: SqliteCopies, library: Library, tmp_path: Path
) -> None:
    luck = Random("adversary")
    with sqlite_copies.copied("walkers", moves.create_people) as database:
        stage = casts.opened_stage(database, library, Files(tmp_path))
        casts.approved(stage)
        walking.walk(stage, 7, walking.script(7, 30))
        assert list(checks.check_trail(stage)) == []
        places = [(table, name) for table, names in SEALED.items() for name in names]
        unseen = []
        for table_name, name in luck.sample(places, min(ALTERATIONS, len(places))):
            table = Base.metadata.tables[table_name]
            column = table.c[name]
            with stage.database.read() as db:
                found = _one(db, table, column, luck)
            if found is None:
                continue
            key, value = found
            _write(stage, table, column, key, _altered(value, luck))
            if not list(checks.check_trail(stage)):
                unseen.append(f"{table_name}.{name} of row {key}: {value!r}")
            _write(stage, table, column, key, value)
        assert unseen == []
        assert list(checks.check_trail(stage)) == []
