"""Commands read the definitions and open the configured database here."""

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Final, NoReturn

import click
from sqlalchemy import inspect
from sqlalchemy.exc import SQLAlchemyError

from appraisal.database import schema
from appraisal.database.engine import Database, is_missing
from appraisal.database.files import Files
from appraisal.definitions.library import Library, read_library
from appraisal.errors import FaultyInput
from appraisal.paths import folder, make_private
from appraisal.records.services.issuers import Expiry
from appraisal.records.signing.signer import Signer, Unsignable, open_signer
from appraisal.settings import BadSetting, Settings, read_settings
from appraisal.trail.rules.checkpoints import BadCheckpoint, Checkpoint, read_checkpoint
from appraisal.verification.services import releases
from appraisal.workflow.rules.guards import names

BAD_INPUT = 2
# A checkpoint is a few hundred bytes long; what is much longer is none.
_LARGEST_CHECKPOINT: Final = 1_000_000
NOT_READY = "The database is not ready. Run: appraisal db upgrade"


def fail(message: str, code: int = BAD_INPUT) -> NoReturn:
    """Stop with a message on standard error."""
    click.echo(message, err=True)
    raise SystemExit(code)


def fail_with(error: FaultyInput) -> NoReturn:
    """Stop with every fault on a line of its own."""
    count = len(error.faults)
    fail("\n".join([*map(str, error.faults), f"{count} fault{'s' if count != 1 else ''}; nothing was done."]))


def library() -> Library:
    """Read the product's definitions; stops with every fault in them, and warns of what was edited."""
    try:
        found = read_library(folder("workflows"), folder("checklists"), names())
    except FaultyInput as error:
        fail_with(error)
    for fault in sorted(found.edited.values()):
        click.echo(f"{fault}. Nothing that goes by it moves.", err=True)
    return found


def read_kept(file: Path) -> Checkpoint:
    """Read a checkpoint that somebody kept; stops where the file is none."""
    try:
        with file.open("rb") as opened:
            return read_checkpoint(opened.read(_LARGEST_CHECKPOINT))
    except OSError as error:
        fail(f"{file}: {error.strerror}")
    except BadCheckpoint:
        fail(f"{file}: this is no checkpoint")


def settings() -> Settings:
    """Read the settings; stops with what is wrong in them."""
    try:
        return read_settings()
    except BadSetting as error:
        fail(str(error))


@contextmanager
def signer(chosen: Settings) -> Iterator[Signer | None]:
    """Open the key that the settings name, None where they name none; stops with what is wrong with it."""
    if chosen.signer is None:
        yield None
        return
    try:
        found = open_signer(chosen.signer)
    except Unsignable as error:
        fail(f"APPRAISAL_SIGNER: {error}")
    with found:
        yield found


def warn_of_key(near: Expiry | None) -> None:
    """Say on standard error that the key in force expires soon, if it does."""
    if near is None or not near.is_near:
        return
    when = "today" if near.days <= 0 else f"in {near.days} day{'s' if near.days > 1 else ''}"
    click.echo(
        f"Warning: the key of {near.subject} expires {when}, on {near.last:%Y-%m-%d %H:%M} UTC. "
        "From then on nothing is signed, until “appraisal keys use” puts another in force.",
        err=True,
    )


def opened_database(url: str) -> Database:
    """Open a database by its address, or begin one; stops with a sentence where it cannot be used."""
    try:
        database = Database(url)
        with database.read() as db:
            db.exec_driver_sql("SELECT 1")
            # SQLite looks at its file only when it is asked for something in it.
            inspect(db).get_table_names()
        revision = schema.unknown(database)
    except (SQLAlchemyError, OSError, ImportError) as error:
        reason = str(getattr(error, "orig", None) or error).splitlines()[0]
        fail(f"The database cannot be used: {reason}")
    if revision is not None:
        database.close()
        fail(
            f"The database is of a newer version of the product, revision {revision}, "
            "which this one does not know."
        )
    return database


@contextmanager
def opened(chosen: Settings) -> Iterator[tuple[Database, Files]]:
    """Open the database and the files of an installation; stops where the schema is not current.

    A database that is not there is not made. What others could read of the installation is closed to them.
    """
    if is_missing(chosen.database):
        fail(NOT_READY)
    make_private(chosen.data)
    database = opened_database(chosen.database)
    try:
        if not schema.is_current(database):
            fail(NOT_READY)
        yield database, Files(chosen.files)
    finally:
        database.close()


@contextmanager
def written(out: Path, *, force: bool) -> Iterator[BinaryIO]:
    """Write a file that is there only once it is whole; stops where one is there, but for ``force``."""
    if out.exists() and not force:
        fail(f"{out} is there already; --force replaces it.")
    place = _beside(out)
    try:
        with place.open("wb") as file:
            yield file
        place.replace(out)
    except OSError as error:
        fail(f"{out}: {error.strerror}")
    finally:
        place.unlink(missing_ok=True)


def _beside(out: Path) -> Path:
    """Return an empty file beside another, which takes its place when it is whole."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{out.name}.", dir=out.parent)
    except OSError as error:
        fail(f"{out}: {error.strerror}")
    with suppress(OSError):
        os.fchmod(handle, 0o644)
    os.close(handle)
    return Path(name)


def echo_json(value: Any) -> None:
    """Print a value as JSON that people can read too."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True))


@contextmanager
def progress_bar() -> Iterator[Callable[[str, int, int], None]]:
    """Show a bar on standard error while it is a terminal; otherwise nothing."""
    if not sys.stderr.isatty():
        yield lambda *_: None
        return
    drawn = 0.0

    def draw(label: str, done: int, total: int) -> None:
        nonlocal drawn
        if done < total and time.monotonic() - drawn < 0.1:
            return
        drawn = time.monotonic()
        part = done / total if total else 1.0
        click.echo(f"\r{label:<12} [{'#' * round(30 * part):<30}] {part:4.0%}", nl=False, err=True)

    yield draw
    click.echo("\r" + " " * 60 + "\r", nl=False, err=True)


def say_stopped(database: Database, library: Library) -> None:
    """Say on standard error how many proposals do not move, since their definitions have other texts now."""
    with database.read() as db:
        count, keys = releases.find_stopped(db, library)
    if count:
        click.echo(
            f"Proposals that do not move until the texts that they pinned are put back: {count} "
            f"({', '.join(keys)}).",
            err=True,
        )
