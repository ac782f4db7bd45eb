"""appraisal import-approvals: register approvals that were given outside the mechanism."""

from pathlib import Path

import click

from appraisal import clock
from appraisal.cli import sites
from appraisal.domain.refusals import NotAllowed
from appraisal.errors import FaultyInput
from appraisal.services import approvals, people


@click.command("import-approvals")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--as", "email", required=True, metavar="EMAIL", help="The coordinator who registers them.")
@click.option("--json", "as_json", is_flag=True, help="Print what was registered as JSON.")
def import_approvals(file: Path, email: str, as_json: bool) -> None:
    """Register every approval of a CSV FILE, all or none.

    Columns: number, title, date, fund, document, source. A line with a number registers the
    approval of that proposal; one with a title only creates a proposal for it. An empty date means
    that the date is not known. Dates are days in Geneva; funds are XBTC, RBSA or RBTC.
    """
    library = sites.library()
    now = clock.now()
    try:
        lines = approvals.read_approvals(file.read_text(encoding="utf-8"), file.name, now)
    except UnicodeDecodeError:
        sites.fail(f"{file.name}: the file is not UTF-8")
    except FaultyInput as error:
        sites.fail_with(error)
    with sites.opened(sites.settings()) as (database, _):
        try:
            with database.begin() as db:
                account = people.find_by_email(db, email)
                if account is None:
                    sites.fail(f"There is no account with the address {email}.")
                done = approvals.import_approvals(db, library, account.person, now, lines, file.name)
        except FaultyInput as error:
            sites.fail_with(error)
        except NotAllowed as error:
            sites.fail(str(error))
    if as_json:
        sites.echo_json([{"number": case.number, "state": case.state} for case in done])
        return
    for line, case in zip(lines, done, strict=True):
        click.echo(f"{case.number}  {line.title or line.number}")
    click.echo(f"{len(done)} approvals registered, route outside.")
