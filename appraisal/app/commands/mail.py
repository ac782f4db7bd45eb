"""The command ``mail`` tells how the mail stands, and tries again what was given up."""

import click

from appraisal import clock
from appraisal.app import worker
from appraisal.canonical import plain
from appraisal.cli import site
from appraisal.database.outbox import MAIL, MAILS
from appraisal.notices import store as notices_store
from appraisal.notices.store import Delivery, GivenUp
from appraisal.people.facts import SYSTEM_ACTOR
from appraisal.settings import MailServer

as_json = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


@click.group(invoke_without_command=True)
@as_json
@click.pass_context
def mail(context: click.Context, as_json: bool) -> None:
    """Tell how the mail stands: what waits, and what was given up, with the server's words.

    Exit code 1 when something was given up.
    """
    if context.invoked_subcommand is not None:
        return
    chosen = site.settings()
    with site.opened(chosen) as (database, _), database.read() as db:
        found, lost = notices_store.delivery(db, MAIL), notices_store.list_given_up(db, MAIL)
    if as_json:
        site.echo_json(_value(chosen.mail, found, lost))
    else:
        _print(chosen.mail, found, lost)
    if found.given_up:
        raise SystemExit(1)


def _value(server: MailServer | None, found: Delivery, lost: list[GivenUp]) -> object:
    return plain(
        {
            "server": f"{server.host}:{server.port}" if server else None,
            "waiting": found.waiting,
            "since": found.since,
            "error": found.error,
            "gathering": found.gathering,
            "given_up": found.given_up,
            "last_given_up": [{"email": entry.email, "at": entry.at, "error": entry.error} for entry in lost],
        }
    )


def _print(server: MailServer | None, found: Delivery, lost: list[GivenUp]) -> None:
    if server is None:
        click.echo("No mail server is set up (APPRAISAL_MAIL): messages wait.")
    else:
        click.echo(f"Mail goes to {server.host}:{server.port}.")
    since = f", the oldest since {clock.stamp(found.since)}" if found.since else ""
    click.echo(f"{found.waiting} waiting{since}; {found.gathering} notices gather for the daily message.")
    if found.error:
        click.echo(f"What last went wrong with one that waits: {found.error}")
    click.echo(f"{found.given_up} given up.")
    for entry in lost:
        click.echo(f"  {clock.stamp(entry.at)}  {entry.email}: {entry.error}")
    if found.given_up > len(lost):
        click.echo(f"  … and {found.given_up - len(lost)} earlier ones")


@mail.command()
@as_json
def retry(as_json: bool) -> None:
    """Try every message again that was given up."""
    with site.opened(site.settings()) as (database, _), database.begin() as db:
        count = worker.retry(db, SYSTEM_ACTOR, clock.now(), MAILS)
    if as_json:
        site.echo_json({"again": count})
    else:
        click.echo(f"{count} will be tried again.")
