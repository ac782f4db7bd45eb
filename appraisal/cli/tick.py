"""appraisal tick: do what time demands."""

from datetime import datetime

import click

from appraisal import clock
from appraisal.canonical import plain
from appraisal.cli import sites
from appraisal.services import ticks


def _moment(context: click.Context, parameter: click.Parameter, value: str | None) -> datetime | None:
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise click.BadParameter("write a moment like 2010-02-01T09:00:00+01:00") from None
    if moment.tzinfo is None:
        raise click.BadParameter("the moment has no offset, like +01:00")
    return moment


@click.command()
@click.option("--at", callback=_moment, help="Take this moment for the present one.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
def tick(at: datetime | None, as_json: bool) -> None:
    """Do what time demands: lapse, end holds, mark dates, gather daily mail. May be run at any time."""
    now = at or clock.now()
    library = sites.library()
    with sites.opened(sites.settings()) as (database, _):
        done = ticks.tick(database, library, now)
    if as_json:
        sites.echo_json(
            plain({"steps": [list(e) for e in done.steps], "marks": [list(e) for e in done.marks]})
        )
        return
    for number, name in done.steps:
        click.echo(f"{number}: {name}")
    for number, kind in done.marks:
        click.echo(f"{number}: {kind}")
    click.echo(f"{len(done.steps)} steps, {len(done.marks)} marks.")
