"""The command ``bundle`` puts everything about some proposals into one ZIP, for an auditor."""

import hashlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import click
from sqlalchemy import Connection

from appraisal import clock
from appraisal.cli import site
from appraisal.database.engine import Database
from appraisal.language import texts
from appraisal.records.services.issuers import KeyMissing, end_expired
from appraisal.records.signing.signer import Unsignable
from appraisal.verification.rules.bundle_manifest import Asked
from appraisal.verification.services import bundles
from appraisal.verification.services.bundles import Altered, Incomplete, Nothing, Undrawn
from appraisal.vocabulary.biennium import first_year


def read_biennium(context: click.Context, parameter: click.Parameter, value: str | None) -> str:
    """Read the option that names a biennium; empty where it was not given."""
    try:
        return value if value and first_year(value) else ""
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.command()
@click.argument("numbers", metavar="[NUMBER]...", nargs=-1)
@click.option("--biennium", callback=read_biennium, help="Proposals approved in it, like 2010-11.")
@click.option("--unit", default="", help="Proposals of this unit.")
@click.option("--state", default="", help="Proposals in this state, like approved.")
@click.option("--all", "takes_all", is_flag=True, help="All proposals.")
@click.option(
    "--pdf",
    "pdfs",
    type=click.Choice(texts.LANGUAGES),
    multiple=True,
    help="Every record as PDF in this language; may be given several times. By default the PDFs that there are.",
)
@click.option(
    "--out", "-o", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The ZIP to write."
)
@click.option("--force", is_flag=True, help="Replace the file if it is there.")
@click.option(
    "--language", type=click.Choice(texts.LANGUAGES), help="Of its pages; that of the site by default."
)
def bundle(
    numbers: tuple[str, ...],
    biennium: str,
    unit: str,
    state: str,
    takes_all: bool,
    pdfs: tuple[texts.Language, ...],
    out: Path,
    force: bool,
    language: texts.Language | None,
) -> None:
    """Write everything about some proposals into one ZIP that opens and verifies offline.

    Records and their PDFs, versions, attached files, events, checkpoints, certificates, definitions, and
    pages that lead to them. Name the proposals, or say which ones. What was asked stands in its manifest.
    Anybody verifies it: sha256sum --check SHA256SUMS, or appraisal verify --trust CA.pem FILE.zip.
    """
    narrowed = bool(biennium or unit or state)
    if takes_all + bool(numbers) + narrowed != 1:
        raise click.UsageError(
            "Give one of three: numbers of proposals; --biennium, --unit or --state; or --all."
        )
    chosen = site.settings()
    asked = Asked(tuple(dict.fromkeys(numbers)), unit, state, biennium, tuple(dict.fromkeys(pdfs)))
    library = site.library()
    with (
        site.written(out, force=force) as file,
        site.opened(chosen) as (database, files),
        site.signer(chosen) as signer,
        _viewed(database, now := clock.now()) as db,
    ):
        told = language or chosen.language
        try:
            order = bundles.order(db, asked, now, signer)
            count = bundles.write(db, files, library, order, file, now, told, _progress)
        except Nothing as error:
            site.fail(f"{str(error)[0].upper()}{str(error)[1:]}.", 1)
        except Undrawn as error:
            site.fail(f"{error}. Have them prepared on the pages of the records, or leave out --pdf.", 1)
        except (Altered, Incomplete, KeyMissing, Unsignable) as error:
            site.fail(f"The bundle cannot be made: {error}.", 1)
    with out.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    click.echo(f"{count} proposal{'s' if count != 1 else ''} in {out}\nSHA-256 {digest}")
    if order.expired_on:
        click.echo(f"Unsigned: the key expired on {clock.geneva_date(order.expired_on)}.")


@contextmanager
def _viewed(database: Database, now: datetime) -> Iterator[Connection]:
    """Read the database after noting whether its key has expired."""
    with database.begin() as db:
        end_expired(db, now)
    with database.read() as db:
        yield db


def _progress(done: int, total: int) -> None:
    """Show how far it is while standard error is a terminal."""
    if sys.stderr.isatty():
        click.echo(f"\rProposals: {done} of {total} ", nl=done == total, err=True)
