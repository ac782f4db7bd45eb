"""The command ``iati`` writes proposals as activities of the IATI standard, and reads such into drafts."""

import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import IO, Any

import click

from appraisal import clock
from appraisal.accounts.commands import find_holder
from appraisal.cli import site
from appraisal.database.engine import Database
from appraisal.definitions.library import Library
from appraisal.errors import FaultyInput
from appraisal.iati import services as iati_services
from appraisal.iati.rules.activities import Activity
from appraisal.iati.rules.drafts import Remark
from appraisal.iati.services import Imported, Preview, Report
from appraisal.iati.xml import writing
from appraisal.proposals.rules import form
from appraisal.settings import Settings
from appraisal.verification.commands.bundle import read_biennium
from appraisal.vocabulary.refusals import NotAllowed


@click.group()
def iati() -> None:
    """Give proposals out as activities of IATI 2.03, or begin drafts from such activities."""


@iati.command("export")
@click.option(
    "--out",
    "-o",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write; standard output without it.",
)
@click.option(
    "--biennium",
    callback=read_biennium,
    help="Proposals approved in it, or submitted and not approved, like 2010-11.",
)
@click.option("--all", "takes_all", is_flag=True, help="All proposals, as without --biennium.")
@click.option("--illustrative", is_flag=True, help="Demonstration data as well, marked in its titles.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON; needs --out.")
def export(out: Path | None, biennium: str, takes_all: bool, illustrative: bool, as_json: bool) -> None:
    """Write every submitted or approved proposal as an activity of IATI 2.03.

    One that lacks what the standard demands is left out and named with the reasons. The file appears
    only once it is whole; where there is no activity at all, none is written.
    """
    if takes_all and biennium:
        raise click.UsageError("Say either --biennium or --all.")
    if as_json and out is None:
        raise click.UsageError("The report goes where the file does not: say --out as well.")
    chosen, report, library = site.settings(), Report(), site.library()
    with site.opened(chosen) as (database, _):
        found = _activities(database, library, chosen, report, biennium, illustrative)
        first = next(found, None)
        if first is not None:
            _write(out, first, found, chosen)
    if as_json:
        site.echo_json(_plain(report))
    else:
        _say(report)
    if first is None:
        site.fail("There is no activity to write.", 1)


def _activities(
    database: Database, library: Library, chosen: Settings, report: Report, biennium: str, illustrative: bool
) -> Iterator[Activity]:
    with database.read() as db:
        yield from iati_services.exported(
            db,
            library,
            chosen.publisher,
            chosen.language,
            report,
            biennium=biennium,
            illustrative=illustrative,
        )


def _write(out: Path | None, first: Activity, rest: Iterator[Activity], chosen: Settings) -> None:
    pieces = writing.pieces(chain([first], rest), chosen.publisher, clock.now())
    if out is None:
        _copy(pieces, sys.stdout.buffer)
        return
    with site.written(out, force=True) as file:
        _copy(pieces, file)


def _copy(pieces: Iterator[bytes], file: IO[bytes]) -> None:
    for piece in pieces:
        file.write(piece)


def _plain(report: Report) -> dict[str, Any]:
    return {
        "activities": report.count,
        "illustrative_left_out": report.illustrative,
        "left_out": [{"number": entry.number, "reasons": list(entry.reasons)} for entry in report.left_out],
        "remarks": [{"number": number, "remark": remark} for number, remark in report.remarks],
    }


def _say(report: Report) -> None:
    """Say on standard error what became of the proposals, since the file may go to standard output."""
    for entry in report.left_out:
        click.echo(f"{entry.number}  left out: {'; '.join(entry.reasons)}", err=True)
    for number, remark in report.remarks:
        click.echo(f"{number}  {remark}", err=True)
    if report.illustrative:
        click.echo(f"Illustrative, left out: {report.illustrative} (--illustrative takes them)", err=True)
    click.echo(f"Activities: {report.count}", err=True)


@iati.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--as",
    "email",
    metavar="EMAIL",
    help="The designer who becomes the author; needed where there are several.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be made, and make nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def import_(file: Path, email: str | None, dry_run: bool, as_json: bool) -> None:
    """Begin a draft from every activity of an IATI 2.03 FILE, all or none.

    What a form has no place for is named, element by element. An activity, or the symbol of one, that is
    here already is a fault; so is one without a start date.
    """
    chosen, library = site.settings(), site.library()
    with site.opened(chosen) as (database, _):
        try:
            with file.open("rb") as data:
                if dry_run:
                    with database.read() as db:
                        who = find_holder(db, email, "designer")
                        seen = iati_services.preview(
                            db, who, data, file.name, chosen.publisher, chosen.language
                        )
                    done = Imported((), seen)
                else:
                    with database.begin() as db:
                        who = find_holder(db, email, "designer")
                        done = iati_services.import_activities(
                            db, library, who, clock.now(), data, file.name, chosen.publisher, chosen.language
                        )
        except FaultyInput as error:
            site.fail_with(error)
        except NotAllowed as error:
            site.fail("\n".join(refusal.say("en") for refusal in error.refusals))
    assert done.preview is not None
    if as_json:
        site.echo_json(_result(done.numbers, done.preview))
    else:
        _tell(done.numbers, done.preview)


def _result(numbers: tuple[str, ...], seen: Preview) -> dict[str, Any]:
    return {
        "drafts": [
            {
                "number": number,
                "activity": entry.identifier,
                "symbol": entry.symbol,
                "content": entry.content,
                "illustrative": entry.illustrative,
                "not_mapped": [_remark(remark) for remark in entry.remarks],
            }
            for number, entry in zip(_or_none(numbers, seen), seen.intakes, strict=True)
        ],
        "ignored": [_remark(remark) for remark in seen.remarks],
    }


def _or_none(numbers: tuple[str, ...], seen: Preview) -> tuple[str | None, ...]:
    return numbers or (None,) * len(seen.intakes)


def _remark(remark: Remark) -> dict[str, Any]:
    said = remark.sentence % dict(remark.facts)
    return {"element": remark.path, "line": remark.line, "count": remark.count, "why": said}


def _tell(numbers: tuple[str, ...], seen: Preview) -> None:
    for number, entry in zip(_or_none(numbers, seen), seen.intakes, strict=True):
        title = str(form.value(entry.content, form.TITLE))
        click.echo(f"{number or 'would be made'}  {entry.identifier}  {title[:60]}")
        for remark in entry.remarks:
            _tell_remark(remark)
    for remark in seen.remarks:
        _tell_remark(remark)
    click.echo(f"{len(seen.intakes)} drafts {'made' if numbers else 'would be made'}.")


def _tell_remark(remark: Remark) -> None:
    times = f" ({remark.count} times)" if remark.count > 1 else ""
    click.echo(f"    line {remark.line}, {remark.path}{times}: {remark.sentence % dict(remark.facts)}")
