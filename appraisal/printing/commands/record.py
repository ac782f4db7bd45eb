"""The command ``record`` draws a record as PDF, or prints its value."""

import json
import sys
from pathlib import Path
from typing import Any

import click
from sqlalchemy import Connection

from appraisal import clock
from appraisal.app import worker
from appraisal.canonical import canonical
from appraisal.cli import site
from appraisal.language import texts
from appraisal.printing.rendering import render
from appraisal.records.rules.value import is_signed
from appraisal.records.services.issuers import KeyMissing
from appraisal.records.signing.signer import Unsignable
from appraisal.records.store import records
from appraisal.records.store.records import RecordFound
from appraisal.schemas import schema_text


def _is_file(given: str) -> bool:
    return given == "-" or Path(given).suffix == ".json" or Path(given).is_file()


def _find(db: Connection, given: str) -> RecordFound:
    found = records.find_record(db, given) or records.newest_record(db, given)
    if found is None:
        site.fail(f"There is no record {given}.", 1)
    return found


def _issued(given: str, language: texts.Language, *, again: bool) -> tuple[dict[str, Any], bytes]:
    """Return a record of the database and its PDF: the one that was made before, else it is made and kept.

    So the register knows every file that is given out, and one that promises a signature has it.
    """
    chosen = site.settings()
    with site.opened(chosen) as (database, files), site.signer(chosen) as signer:
        with database.read() as db:
            found = _find(db, given)
        try:
            pdf = worker.drawn(database, files, _render, signer, found.id, language, clock.now(), again=again)
        except (KeyMissing, Unsignable) as error:
            site.fail(f"The record is to be signed, and cannot be: {error}.", 1)
    return json.loads(found.value), pdf


def _render(value: bytes, language: texts.Language) -> bytes:
    return render(json.loads(value), language)


def _value(given: str) -> bytes:
    """Find the canonical JSON of a record, in a file or in the database."""
    if _is_file(given):
        return _from_file(given)
    with site.opened(site.settings()) as (database, _), database.read() as db:
        return _find(db, given).value.encode()


def _from_file(given: str) -> bytes:
    try:
        text = sys.stdin.buffer.read() if given == "-" else Path(given).read_bytes()
        value: Any = json.loads(text)
    except OSError as error:
        site.fail(f"{given}: {error.strerror}")
    except json.JSONDecodeError as error:
        site.fail(f"{given}:{error.lineno}: not JSON: {error.msg}")
    except UnicodeDecodeError:
        site.fail(f"{given}: not JSON: not UTF-8")
    if not isinstance(value, dict) or not str(value.get("schema", "")).startswith("appraisal-record/"):
        site.fail(f"{given}: this is not the value of a record")
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
@click.option("--language", type=click.Choice(texts.LANGUAGES), default="en", show_default=True)
@click.option(
    "--json", "as_json", is_flag=True, help="Print the record's canonical JSON instead of drawing it."
)
@click.option("--again", is_flag=True, help="Draw it anew, though its file is kept; the register knows both.")
def record(record: str, output: Path | None, language: texts.Language, as_json: bool, again: bool) -> None:
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
        site.fail(f"{file}: {error.strerror}", 1)
    click.echo(f"{file} ({len(pdf) // 1024} kB)")
