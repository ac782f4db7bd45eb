"""Engines for SQLite and PostgreSQL open the transactions in which everything is written.

Whoever only answers a question works under :func:`reading_only`, where the database refuses every write.
"""

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Connection, Engine, create_engine, event, func, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError

from appraisal.database import seals
from appraisal.errors import StepConflict
from appraisal.paths import make_private, make_private_folder

# SQLSTATE of a serialization failure, a deadlock and a lock that was not to be had.
_LOST_RACES = {"40001", "40P01", "55P03"}
_CHAIN = ("uq_events_chain", "events.proposal_id, events.sequence")
_is_reading_only: ContextVar[bool] = ContextVar("is_reading_only", default=False)


@contextmanager
def reading_only() -> Iterator[None]:
    """Let no transaction of this thread write within the block, on whichever database, but for notes."""
    token = _is_reading_only.set(True)
    try:
        yield
    finally:
        _is_reading_only.reset(token)


class Database:
    """One database: ``begin`` writes, and so does ``begin_note``; ``read`` does not.

    SQLite writes under ``BEGIN IMMEDIATE`` behind a lock of the process, since its own waiting is
    unfair; reads take a snapshot of their own and wait for nobody.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        backend = make_url(url).get_backend_name()
        if backend not in ("sqlite", "postgresql"):
            raise ArgumentError(f"{backend} is not one of the databases: sqlite, postgresql")
        self.is_sqlite = backend == "sqlite"
        self._turn = threading.Lock()
        if self.is_sqlite:
            self._writing = _sqlite_engine(url, _begin_writing)
            self._reading = _sqlite_engine(url, _begin_reading, "query_only=ON")
        else:
            self._writing = self._reading = create_engine(
                make_url(url).set(drivername="postgresql+psycopg"),
                pool_pre_ping=True,
                isolation_level="READ COMMITTED",
            )
        seals.watch(self._writing)

    @property
    def engine(self) -> Engine:
        """Return the engine that writes."""
        return self._writing

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """Open a transaction that is committed at the end, or rolled back on any exception.

        A lost race comes out as ``StepConflict``, whichever of the belts held. Under :func:`reading_only` it
        is one that the database refuses every write of.
        """
        with self.read() if _is_reading_only.get() else self.begin_note() as connection:
            yield connection

    @contextmanager
    def begin_note(self) -> Iterator[Connection]:
        """Open a transaction that writes even where only a question is answered.

        It is for what is noted of a visit, such as who got a file, and for no fact of anything.
        """
        if self.is_sqlite:
            with self._turn, _conflicts(), self._writing.begin() as connection, _watched(connection):
                yield connection
        else:
            with _conflicts(), self._writing.begin() as connection, _watched(connection):
                yield connection

    def is_writing(self) -> bool:
        """Tell whether somebody in this process writes, so that whoever begins to write now has to wait."""
        return self._turn.locked()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a consistent view that nothing is written in."""
        with self._reading.connect() as connection:
            if not self.is_sqlite:
                connection = connection.execution_options(
                    isolation_level="REPEATABLE READ", postgresql_readonly=True
                )
            try:
                yield connection
            finally:
                connection.rollback()

    def close(self) -> None:
        """Close all connections."""
        self._writing.dispose()
        self._reading.dispose()


def is_missing(url: str) -> bool:
    """Tell whether an address names a file that is not there.

    A server is only known once it is asked, and so is a file that may not be looked at.
    """
    try:
        given = make_url(url)
        path = given.database if given.get_backend_name() == "sqlite" else None
        return path is not None and path not in ("", ":memory:") and not Path(path).exists()
    except (ArgumentError, OSError):
        return False


def take_turn(db: Connection, lock: int) -> None:
    """Wait for a lock that the transaction holds to its end; SQLite writes one at a time anyway."""
    if db.dialect.name == "postgresql":
        db.execute(select(func.pg_advisory_xact_lock(lock)))


@contextmanager
def _watched(db: Connection) -> Iterator[None]:
    """Let nothing be committed that no event seals."""
    seals.begin(db)
    try:
        yield
        seals.settle(db)
    finally:
        seals.end(db)


@contextmanager
def _conflicts() -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        if any(name in str(error.orig) for name in _CHAIN):
            raise StepConflict(None, None) from error
        raise
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) in _LOST_RACES:
            raise StepConflict(None, None) from error
        raise


def _begin_writing(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin_reading(connection: Connection) -> None:
    # By the driver itself: on its way through SQLAlchemy the word takes as long as a small query does.
    # It locks nothing, so that nothing comes of it that would have to be told as an error of SQLAlchemy.
    cast(sqlite3.Connection, connection.connection.driver_connection).execute("BEGIN")


def _close_to_others(file: Path) -> None:
    """Make the file of a database, where it is missing, and close it and what lies beside it to others.

    What SQLite makes beside it takes after it. Where it cannot be made, SQLite says why.
    """
    if not file.exists():
        with suppress(OSError):
            os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    for name in ("", "-wal", "-shm"):
        make_private(file.with_name(file.name + name))


def _sqlite_engine(url: str, begin: Callable[[Connection], None], *pragmas: str) -> Engine:
    path = make_url(url).database
    file = Path(path) if path and path != ":memory:" else None
    if file and not file.parent.exists():
        make_private_folder(file.parent)
    engine = create_engine(url, connect_args={"check_same_thread": False, "timeout": 5.0})

    @event.listens_for(engine, "do_connect")
    def _(*_: Any) -> None:
        if file:
            _close_to_others(file)

    @event.listens_for(engine, "connect")
    def _(connection: Any, record: Any) -> None:
        # The driver's own transactions begin late and would break BEGIN IMMEDIATE.
        connection.isolation_level = None
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "busy_timeout=5000",
            *pragmas,
        ):
            connection.execute(f"PRAGMA {pragma}")

    event.listen(engine, "begin", begin)
    return engine
