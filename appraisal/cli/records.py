"""appraisal record: draw a record as PDF, or print its value."""

import json
import sys
from pathlib import Path
from typing import Any

import click
from sqlalchemy import Connection

from appraisal import clock, i18n
from appraisal.canonical import canonical
from appraisal.cli import sites
from appraisal.domain.records import is_signed
from appraisal.domain.schemas import schema_text
from appraisal.pdf.rendering import render
from appraisal.pdf.signings import Unsignable
from appraisal.services import jobs
from appraisal.services.issuers import KeyMissing
from appraisal.storage import records
from appraisal.storage.records import RecordFound


def _is_file(given: str) -> bool:
    return given == "-" or Path(given).suffix == ".json" or Path(given).is_file()


def _find(db: Connection, given: str) -> RecordFound:
    found = records.find_record(db, given) or records.newest_record(db, given)
    if found is None:
        sites.fail(f"There is no record {given}.", 1)
    return found


def _issued(given: str, language: i18n.Language, *, again: bool) -> tuple[dict[str, Any], bytes]:
    """Return a record of the database and its PDF: the one that was made before, else it is made and kept.

    So the register knows every file that is given out, and one that promises a signature has it.
    """
    chosen = sites.settings()
    with sites.opened(chosen) as (database, files), sites.signer(chosen) as signer:
        with database.read() as db:
            found = _find(db, given)
        try:
            pdf = jobs.drawn(database, files, _render, signer, found.id, language, clock.now(), again=again)
        except (KeyMissing, Unsignable) as error:
            sites.fail(f"The record is to be signed, and cannot be: {error}.", 1)
    return json.loads(found.value), pdf


def _render(value: bytes, language: i18n.Language) -> bytes:
    return render(json.loads(value), language)


def _value(given: str) -> bytes:
    """Find the canonical JSON of a record, in a file or in the database."""
    if _is_file(given):
        return _from_file(given)
    with sites.opened(sites.settings()) as (database, _), database.read() as db:
        return _find(db, given).value.encode()


def _from_file(given: str) -> bytes:
    try:
        text = sys.stdin.buffer.read() if given == "-" else Path(given).read_bytes()
        value: Any = json.loads(text)
    except OSError as error:
        sites.fail(f"{given}: {error.strerror}")
    except json.JSONDecodeError as error:
        sites.fail(f"{given}:{error.lineno}: not JSON: {error.msg}")
    except UnicodeDecodeError:
        sites.fail(f"{given}: not JSON: not UTF-8")
    if not isinstance(value, dict) or not str(value.get("schema", "")).startswith("appraisal-record/"):
        sites.fail(f"{given}: this is not the value of a record")
    return canonical(value)


def _print_schema(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        click.echo(schema_text(), nl=False)
        context.exit()


@click.command()
@click.argument("record", metavar="RECORD")
@click.option(
    "--schema",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_schema,
    help="Print the JSON Schema of records and exit.",
)
@click.option(
    "--output",
    "-o",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write; - for standard output.",
)
@click.option("--language", type=click.Choice(i18n.LANGUAGES), default="en", show_default=True)
@click.option(
    "--json", "as_json", is_flag=True, help="Print the record's canonical JSON instead of drawing it."
)
@click.option("--again", is_flag=True, help="Draw it anew, though its file is kept; the register knows both.")
def record(record: str, output: Path | None, language: i18n.Language, as_json: bool, again: bool) -> None:
    """Draw RECORD as a PDF.

    RECORD is the digest of a record, the number of a proposal (its newest record is taken), or a
    JSON file with a record's value. A record of the database is signed as it promises, and its file is
    kept; what is drawn of a JSON file is a preview, unsigned and in no register.
    """
    if as_json:
        sys.stdout.buffer.write(_value(record) + b"\n")
        return
    if _is_file(record):
        value: dict[str, Any] = json.loads(_from_file(record))
        pdf = render(value, language)
        if is_signed(value):
            click.echo(
                "The record says that its file is signed. This one is not, and “appraisal verify” will say so.",
                err=True,
            )
    else:
        value, pdf = _issued(record, language, again=again)
    if str(output) == "-":
        sys.stdout.buffer.write(pdf)
        return
    kind, number = value["kind"], value["number"]
    file = output or Path(f"{number}-{kind}-{language}.pdf")
    try:
        file.write_bytes(pdf)
    except OSError as error:
        sites.fail(f"{file}: {error.strerror}", 1)
    click.echo(f"{file} ({len(pdf) // 1024} kB)")
