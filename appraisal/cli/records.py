"""appraisal record: draw a record as PDF, or print its value."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from appraisal import i18n
from appraisal.canonical import canonical
from appraisal.cli import sites
from appraisal.domain.schemas import schema_text
from appraisal.pdf.rendering import render
from appraisal.storage import records


def _value(given: str) -> bytes:
    """Find the canonical JSON of a record, in a file or in the database."""
    file = Path(given)
    if given == "-" or file.suffix == ".json" or file.is_file():
        return _from_file(given)
    with sites.opened(sites.settings()) as (database, _), database.read() as db:
        found = records.find_record(db, given) or records.newest_record(db, given)
    if found is None:
        sites.fail(f"There is no record {given}.", 1)
    return found.value.encode()


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
def record(record: str, output: Path | None, language: i18n.Language, as_json: bool) -> None:
    """Draw RECORD as a PDF.

    RECORD is the digest of a record, the number of a proposal (its newest record is taken), or a
    JSON file with a record's value.
    """
    value = _value(record)
    if as_json:
        sys.stdout.buffer.write(value + b"\n")
        return
    pdf = render(json.loads(value), language)
    if str(output) == "-":
        sys.stdout.buffer.write(pdf)
        return
    kind, number = json.loads(value)["kind"], json.loads(value)["number"]
    file = output or Path(f"{number}-{kind}-{language}.pdf")
    try:
        file.write_bytes(pdf)
    except OSError as error:
        sites.fail(f"{file}: {error.strerror}", 1)
    click.echo(f"{file} ({len(pdf) // 1024} kB)")
