"""The adversary: whoever can write the database alters one value of the world that a walk ended with.

``audit verify`` or ``db check`` must name it, for every value that an event seals.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest
from sqlalchemy import Column, Connection, Table, update
from sqlalchemy.exc import IntegrityError

from appraisal.database.files import Files
from appraisal.database.tables import METADATA
from appraisal.definitions.library import Library
from tests import casts
from tests.casts import Stage
from tests.databases import SqliteCopies
from tests.tampering import is_listed, others, sealed_rows, unguarded
from tests.walks import checks, moves, walking

ALTERATIONS: Final = int(os.environ.get("APPRAISAL_ALTERATIONS", "24"))
WORLDS: Final = (7, 8, 10)
# What is looked up is sealed from one checkpoint to the next, and not before.
LATER: Final = "accesses"


Place = tuple[Table, Column[Any]]


def _places() -> Iterator[Place]:
    """Yield whatever an event seals, or something else proves, by the product's own list."""
    for name, table in sorted(METADATA.tables.items()):
        if name != LATER and not is_listed(name, ""):
            yield from (
                (table, column)
                for column in table.c
                if not column.primary_key and not is_listed(name, column.name)
            )


def _one(db: Connection, table: Table, column: Column[Any], luck: Random) -> tuple[Any, Any, Any] | None:
    """Choose a row in which the column is sealed; return its key, what it holds, and what it might."""
    (key,) = table.primary_key.columns
    rows = sealed_rows(db, table, column.name)
    if not rows:
        return None
    row = luck.choice(rows)
    return row[key.name], row[column.name], others(db, column, row[column.name])[0]


def _write(stage: Stage, table: Table, column: Column[Any], key: Any, value: Any) -> bool:
    """Write one value, and tell whether the database holds it at all."""
    (named,) = table.primary_key.columns
    with unguarded(stage.database) as db:
        try:
            db.execute(update(table).where(named == key).values({column.name: value}))
        except IntegrityError:
            return False
    return True


def _tampered(stage: Stage, places: Sequence[Place], luck: Random) -> Iterator[tuple[Place, str]]:
    """Alter one value after the other and put it back; yield each place tried, with what went unseen."""
    for table, column in places:
        with stage.database.read() as db:
            found = _one(db, table, column, luck)
        if found is None:
            continue
        key, value, other = found
        # As the commands do, nothing is compared with a trail that is broken.
        is_unseen = _write(stage, table, column, key, other) and not any(checks.check_trail(stage))
        _write(stage, table, column, key, value)
        told = f"{table.name}.{column.name} of row {key}: {value!r} became {other!r}"
        yield (table, column), told if is_unseen else ""


@pytest.mark.thorough
def test_whatever_is_altered_behind_the_product_is_named(
    sqlite_copies: SqliteCopies, library: Library, tmp_path: Path
) -> None:
    luck = Random("adversary")
    unseen: list[str] = []
    every = list(_places())
    left = luck.sample(every, min(ALTERATIONS, len(every)))
    # One world has no hold, another no report: what cannot be tried in one is tried in the next.
    for seed in WORLDS:
        with sqlite_copies.copied(moves.create_people) as database:
            stage = casts.opened_stage(database, library, Files(tmp_path))
            casts.approved(stage)
            walking.walk(stage, seed, walking.script(seed, 60))
            assert list(checks.check_trail(stage)) == []
            tried = dict(_tampered(stage, left, luck))
            assert list(checks.check_trail(stage)) == []
        unseen += filter(None, tried.values())
        left = [place for place in left if place not in tried]
    assert unseen == []
