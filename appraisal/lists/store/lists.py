"""Rows of lists are stored here as they were at any moment, with the imports that brought them."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, Select, func, insert, select

from appraisal.database import tables
from appraisal.database.as_of import Past
from appraisal.database.types import LARGEST_ID

IMPORTS = tables.imports
ENTRIES = tables.entries
PEOPLE = tables.people
PAGE: Final = 50
_BATCH: Final = 1000


@dataclass(frozen=True, slots=True)
class Stored:
    """A row of a dataset as it is in force, with the import and the line that it came from."""

    key: str
    value: Mapping[str, Any]
    import_id: int
    line: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Imported:
    """An import as lists show it."""

    id: int
    dataset: str
    filename: str
    sha256: str
    size: int
    mapping: Mapping[str, Any]
    whole: bool
    rows: int
    added: int
    changed: int
    removed: int
    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class Written:
    """An entry to be written: what its row says from now on, empty where it is no more."""

    key: str
    line: int
    value: str


def in_force(dataset: str, past: Past | None = None) -> tuple[ColumnElement[bool], ...]:
    """Return what is true of the entries that are in force: none of their key was written later."""
    later = ENTRIES.alias("later")
    newer = select(later.c.id).where(
        later.c.dataset == ENTRIES.c.dataset, later.c.key == ENTRIES.c.key, later.c.id > ENTRIES.c.id
    )
    if past is None:
        return ENTRIES.c.dataset == dataset, ~newer.exists()
    return (
        ENTRIES.c.dataset == dataset,
        past.includes(ENTRIES),
        ~newer.where(past.includes(later)).exists(),
    )


def stored(row: Row[Any]) -> Stored:
    """Make a row of a dataset of what :func:`rows_of` selects."""
    return Stored(row.key, json.loads(row.value), row.import_id, row.line, row.at)


def rows_of(dataset: str, past: Past | None = None) -> Select[Any]:
    """Select the rows of a dataset as they stood, now by default, in order of their keys."""
    return (
        select(ENTRIES.c.key, ENTRIES.c.value, ENTRIES.c.import_id, ENTRIES.c.line, ENTRIES.c.at)
        .where(*in_force(dataset, past), ENTRIES.c.value != "")
        .order_by(ENTRIES.c.key)
    )


def state(db: Connection, dataset: str, past: Past | None = None) -> Iterator[Stored]:
    """Yield the rows of a dataset as they stood, now by default, in order of their keys."""
    options = {"stream_results": True, "max_row_buffer": _BATCH}
    with db.execute(rows_of(dataset, past), execution_options=options) as result:
        for part in result.partitions(_BATCH):
            yield from (stored(row) for row in part)


def list_rows(
    db: Connection, dataset: str, after: str = "", most: int = PAGE
) -> tuple[list[Stored], str | None]:
    """List the rows of a dataset in order of their keys, and after which key the next page begins."""
    rows = db.execute(rows_of(dataset).where(ENTRIES.c.key > after).limit(most + 1)).all()
    return [stored(row) for row in rows[:most]], rows[most - 1].key if len(rows) > most else None


def values_of(db: Connection, dataset: str, keys: Collection[str]) -> dict[str, str]:
    """Return what the rows of some keys say now, as it is written; a row that is no more says nothing."""
    rows = db.execute(
        select(ENTRIES.c.key, ENTRIES.c.value).where(ENTRIES.c.key.in_(keys), *in_force(dataset))
    )
    return {row.key: row.value for row in rows}


def keys_in_force(db: Connection, dataset: str) -> list[str]:
    """Return the keys of the rows that are there now."""
    held = select(ENTRIES.c.key).where(*in_force(dataset), ENTRIES.c.value != "")
    return list(db.execute(held.order_by(ENTRIES.c.key)).scalars())


def count_rows(db: Connection) -> dict[str, int]:
    """Count the rows of each dataset that are there now, from the counts of the imports."""
    held = func.sum(IMPORTS.c.added - IMPORTS.c.removed)
    rows = db.execute(select(IMPORTS.c.dataset, held).group_by(IMPORTS.c.dataset))
    return {dataset: int(count) for dataset, count in rows}


def _imports() -> Select[Any]:
    columns = [column for column in IMPORTS.c if column.name != "by"]
    return select(*columns, func.coalesce(PEOPLE.c.name, "").label("by")).outerjoin(
        PEOPLE, PEOPLE.c.id == IMPORTS.c.by
    )


def _imported(row: Row[Any]) -> Imported:
    return Imported(**{**row._mapping, "mapping": json.loads(row.mapping)})


def list_imports(db: Connection, dataset: str, most: int = PAGE) -> list[Imported]:
    """List the newest imports of a dataset, newest first."""
    statement = _imports().where(IMPORTS.c.dataset == dataset).order_by(IMPORTS.c.id.desc()).limit(most)
    return [_imported(row) for row in db.execute(statement)]


def find_import(db: Connection, dataset: str, id: int) -> Imported | None:
    """Return an import of a dataset by its id."""
    statement = _imports().where(IMPORTS.c.dataset == dataset, IMPORTS.c.id == min(id, LARGEST_ID))
    row = db.execute(statement).one_or_none()
    return None if row is None else _imported(row)


def last_imports(db: Connection) -> dict[str, Imported]:
    """Return the newest import of each dataset."""
    newest = select(func.max(IMPORTS.c.id)).group_by(IMPORTS.c.dataset)
    rows = db.execute(_imports().where(IMPORTS.c.id.in_(newest)))
    return {row.dataset: _imported(row) for row in rows}


def insert_import(db: Connection, **values: Any) -> int:
    """Write an import and return its id."""
    made: int = db.execute(insert(IMPORTS).values(**values).returning(IMPORTS.c.id)).scalar_one()
    return made


def insert_entries(
    db: Connection, made: int, dataset: str, now: datetime, entries: Sequence[Written]
) -> None:
    """Write entries of an import, in their order."""
    if entries:
        db.execute(
            insert(ENTRIES),
            [
                {
                    "import_id": made,
                    "dataset": dataset,
                    "at": now,
                    "key": entry.key,
                    "line": entry.line,
                    "value": entry.value,
                }
                for entry in entries
            ],
        )
