"""The command ``import-approvals`` registers approvals that were given outside the mechanism."""

from pathlib import Path

import click

from appraisal import clock
from appraisal.accounts.commands import find_coordinator
from appraisal.cli import site
from appraisal.errors import FaultyInput
from appraisal.vocabulary.refusals import NotAllowed
from appraisal.workflow.services import outside_approvals


@click.command("import-approvals")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--as",
    "email",
    metavar="EMAIL",
    help="The coordinator who registers them; needed where there are several.",
)
@click.option(
    "--other-phase",
    "phases",
    metavar="LINE",
    type=int,
    multiple=True,
    help="Say of a line that it is another phase of what bears the same symbol or title; may be repeated.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was registered as JSON.")
def import_approvals(file: Path, email: str | None, phases: tuple[int, ...], as_json: bool) -> None:
    """Register every approval of a CSV FILE, all or none.

    Columns: number, title, date, fund, document, source. A line with the number of a proposal here
    registers its approval; any other creates a proposal for it, with the number as project symbol.
    What is here already, with the same symbol or title and the same donor, amount or day, is refused; where
    only the symbol or title is the same, --other-phase says that it is another phase.
    An empty date means that the date is not known. Dates are days in Geneva; funds are XBTC, RBSA
    or RBTC.
    """
    library = site.library()
    now = clock.now()
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        site.fail(f"{file.name}: the file is not UTF-8")
    with site.opened(site.settings()) as (database, _):
        try:
            with database.begin() as db:
                done = outside_approvals.import_approvals(
                    db, library, find_coordinator(db, email), now, text, file.name, phases
                )
        except FaultyInput as error:
            site.fail_with(error)
        except NotAllowed as error:
            site.fail(str(error))
    if as_json:
        site.echo_json([{"number": case.number, "state": case.state} for _, case in done])
        return
    for line, case in done:
        click.echo(f"{case.number}  {line.title or line.number}")
    click.echo(f"{len(done)} approvals registered, route outside.")
