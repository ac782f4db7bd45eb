"""Standing situations: what builders bring about on a fresh database is kept, and copied when it is wanted.

A builder that is marked :func:`standing` does the same whenever it is called with the same arguments on the
same database at the same time. The second time that a worker sees such a call it keeps the database as it is
afterwards, with the files, the time and what was returned; from the third time on it copies that. Situations
build on one another: what follows on one that stands is kept as well.

A database of which anything was written by something else is left alone, as is one whose statements somebody
looks at, and every one on PostgreSQL: there each builder does what it says.
"""

import shutil
import sqlite3
import tempfile
import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import wraps
from inspect import signature
from itertools import count
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar

from sqlalchemy.engine import Engine, make_url

from appraisal.database.engine import Database
from appraisal.definitions.library import Library

P = ParamSpec("P")
R = TypeVar("R")

# Names what was called, on what and with what, from the template on.
Key = tuple[Any, ...]
# Of more, those that were not asked for the longest go: each takes about a megabyte of the disk.
_MOST: Final = 400
# Whom a site knows does not change what a builder does: it is created with the template.
_UNNAMED: Final = ("cast",)


@dataclass(frozen=True, slots=True)
class _Situation:
    """A database that was kept, the files that came with it, the time by then, and what was returned."""

    database: Path
    files: Path
    now: datetime
    returned: Any


@dataclass(slots=True)
class _Standing:
    """How a database came to be what it is, and by what one sees that nothing else has written since."""

    key: Key
    mark: object


@dataclass
class _Shelf:
    """The situations that one worker keeps."""

    seen: Counter[Key] = field(default_factory=Counter)
    # Those that were asked for last stand last.
    kept: dict[Key, _Situation] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=count)
    databases: "weakref.WeakKeyDictionary[Database, _Standing]" = field(
        default_factory=weakref.WeakKeyDictionary
    )
    # A library is named by its place, so that none may take the place of another.
    libraries: dict[int, Library] = field(default_factory=dict)
    holder: tempfile.TemporaryDirectory[str] | None = None

    def place(self) -> Path:
        """Return a new folder for a situation; all of them go with the process."""
        if self.holder is None:
            self.holder = tempfile.TemporaryDirectory(prefix="appraisal-standing-")
        place = Path(self.holder.name) / str(next(self.numbers))
        place.mkdir()
        return place

    def keep(self, key: Key, situation: _Situation) -> None:
        """Keep a situation, or note that it was asked for."""
        self.kept.pop(key, None)
        self.kept[key] = situation
        if len(self.kept) > _MOST:
            oldest = next(iter(self.kept))
            shutil.rmtree(self.kept.pop(oldest).database.parent)
            # As if it had been built once: it is kept anew the next time that it is.
            self.seen[oldest] = 1


_SHELF: Final = _Shelf()


def begin(database: Database, source: Path) -> None:
    """Note that a database has just been copied from a template."""
    _SHELF.databases[database] = _Standing((str(source),), _mark(database))


def standing(build: Callable[P, R]) -> Callable[P, R]:
    """Mark a builder, whose first argument is a stage or a site, as one that does the same each time."""
    parameters = signature(build)

    @wraps(build)
    def stand(*args: P.args, **kwargs: P.kwargs) -> R:
        place: Any = args[0]
        database: Database = place.database
        before = _SHELF.databases.get(database)
        if before is None or before.mark != _mark(database):
            _SHELF.databases.pop(database, None)
            return build(*args, **kwargs)
        bound = parameters.bind(*args, **kwargs)
        given = [(name, repr(it)) for name, it in list(bound.arguments.items())[1:] if name not in _UNNAMED]
        _SHELF.libraries[id(place.library)] = place.library
        called = (build, str(given), id(place.library), _now(place))
        key = (*before.key, called)
        if key in _SHELF.kept:
            copied: R = _copied(place, key)
            return copied
        there = _files(place)
        returned = build(*args, **kwargs)
        _SHELF.seen[key] += 1
        if _SHELF.seen[key] > 1:
            _keep(place, key, returned, _files(place) - there)
        _SHELF.databases[database] = _Standing(key, _mark(database))
        return returned

    return stand


def _copied(place: Any, key: Key) -> Any:
    kept = _SHELF.kept[key]
    _SHELF.keep(key, kept)
    file = _file(place.database)
    place.database.close()
    for left in (f"{file}-wal", f"{file}-shm"):
        Path(left).unlink(missing_ok=True)
    shutil.copyfile(kept.database, file)
    if kept.files.exists():
        shutil.copytree(kept.files, place.files.folder, dirs_exist_ok=True)
    _set_now(place, kept.now)
    _SHELF.databases[place.database] = _Standing(key, _mark(place.database))
    return kept.returned


def _keep(place: Any, key: Key, returned: Any, added: set[Path]) -> None:
    folder = _SHELF.place()
    source, target = sqlite3.connect(_file(place.database)), sqlite3.connect(folder / "database")
    with source, target:
        source.backup(target)
    source.close()
    target.close()
    for name in added:
        (folder / "files" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(place.files.folder / name, folder / "files" / name)
    _SHELF.keep(key, _Situation(folder / "database", folder / "files", _now(place), returned))


def _files(place: Any) -> set[Path]:
    folder: Path = place.files.folder
    return {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}


def _mark(database: Database) -> object:
    """Return what changes with every transaction that writes: the file, and the head of the index of its log.

    Source: https://sqlite.org/walformat.html, section 2.1. While a connection is in use, and on PostgreSQL,
    what is returned equals nothing: what is open must not be exchanged.
    """
    if not database.is_sqlite:
        return object()
    # Every engine here counts, though not every engine there is.
    engines = (database._writing, database._reading)
    if any(engine.pool.checkedout() or _is_listened_to(engine) for engine in engines):  # type: ignore[attr-defined]
        return object()
    file = _file(database)
    state = file.stat()
    index = Path(f"{file}-shm")
    header = index.read_bytes()[:48] if index.exists() else b""
    # Where the log has no frame nothing was written since the file was opened.
    written = header if any(header[16:20]) else b""
    return state.st_ino, state.st_size, state.st_mtime_ns, written


def _is_listened_to(engine: Engine) -> bool:
    """Say whether a test looks at what is sent: a copy sends nothing."""
    return bool(engine.dispatch.before_cursor_execute or engine.dispatch.after_cursor_execute)


def _file(database: Database) -> Path:
    return Path(str(make_url(database.url).database))


def _now(place: Any) -> datetime:
    now: datetime = place.now() if callable(place.now) else place.now
    return now


def _set_now(place: Any, now: datetime) -> None:
    if callable(place.now):
        place.now.set(now)
    else:
        place.now = now
