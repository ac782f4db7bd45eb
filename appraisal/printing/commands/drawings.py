"""The command ``drawings`` tells which PDFs are still to be drawn, and tries again what was given up."""

from dataclasses import asdict

import click

from appraisal import clock
from appraisal.app import worker
from appraisal.canonical import plain
from appraisal.cli import site
from appraisal.database.outbox import RENDERING
from appraisal.people.facts import SYSTEM_ACTOR
from appraisal.records.services import issuers
from appraisal.records.store import drawings as stored

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
    with site.opened(site.settings()) as (database, _), database.read() as db:
        found, lost = stored.standing(db, worker.DRAWINGS), stored.list_given_up(db, worker.DRAWINGS)
        near = issuers.expiry(db, clock.now())
    if as_json:
        key = {"subject": near.subject, "expires": near.last} if near else None
        site.echo_json(
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
        site.warn_of_key(near)
    if found.given_up:
        raise SystemExit(1)


@drawings.command()
@as_json
def retry(as_json: bool) -> None:
    """Try every drawing again that was given up."""
    with site.opened(site.settings()) as (database, _), database.begin() as db:
        count = worker.retry(db, SYSTEM_ACTOR, clock.now(), RENDERING)
    if as_json:
        site.echo_json({"again": count})
    else:
        click.echo(f"{count} will be tried again.")
