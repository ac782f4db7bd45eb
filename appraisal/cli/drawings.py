"""appraisal drawings: how the PDFs stand that are still to be drawn, and trying again what was given up."""

from dataclasses import asdict

import click

from appraisal import clock
from appraisal.canonical import plain
from appraisal.cli import sites
from appraisal.domain.facts import SYSTEM_ACTOR
from appraisal.services import issuers, jobs
from appraisal.storage import drawings as stored

as_json = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


@click.group(invoke_without_command=True)
@as_json
@click.pass_context
def drawings(context: click.Context, as_json: bool) -> None:
    """Tell how many PDFs of records and reports are still to be drawn, and which were given up.

    What waits for the key, the disk, the database or a library is tried again by itself, without an end.
    Exit code 1 when something was given up.
    """
    if context.invoked_subcommand is not None:
        return
    with sites.opened(sites.settings()) as (database, _), database.read() as db:
        found, lost = stored.standing(db, jobs.DRAWINGS), stored.list_given_up(db, jobs.DRAWINGS)
        near = issuers.expiry(db, clock.now())
    if as_json:
        key = {"subject": near.subject, "expires": near.last} if near else None
        sites.echo_json(
            plain({**asdict(found), "last_given_up": [asdict(entry) for entry in lost], "key": key})
        )
    else:
        click.echo(f"{found.waiting} waiting.")
        if found.error:
            click.echo(f"What last went wrong with one that waits: {found.error}")
        click.echo(f"{found.given_up} given up.")
        for entry in lost:
            click.echo(f"  {clock.stamp(entry.at)}  {entry.subject} ({entry.language}): {entry.error}")
        if found.given_up > len(lost):
            click.echo(f"  … and {found.given_up - len(lost)} earlier ones")
        sites.warn_of_key(near)
    if found.given_up:
        raise SystemExit(1)


@drawings.command()
@as_json
def retry(as_json: bool) -> None:
    """Try every drawing again that was given up."""
    with sites.opened(sites.settings()) as (database, _), database.begin() as db:
        count = jobs.retry(db, SYSTEM_ACTOR, clock.now(), jobs.RENDERING)
    if as_json:
        sites.echo_json({"again": count})
    else:
        click.echo(f"{count} will be tried again.")
