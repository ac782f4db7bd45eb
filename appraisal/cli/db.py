"""appraisal db: bringing the database up to date, and checking that it tells the truth."""

import click
from sqlalchemy import Connection

from appraisal.cli import sites
from appraisal.services import indicators, trails
from appraisal.storage import schema
from appraisal.storage.databases import Database


@click.group()
def db() -> None:
    """Bring the database up to date, or check it."""


@db.command()
def upgrade() -> None:
    """Create what is missing; does nothing where nothing is."""
    database = sites.opened_database(sites.settings().database)
    try:
        before = schema.is_current(database)
        schema.upgrade(database)
        if not before:
            with database.begin() as connection:
                indicators.recount(connection)
    finally:
        database.close()
    click.echo("The database was up to date." if before else "The database is up to date now.")


@db.command()
def recount() -> None:
    """Count anew what the indicator adds up, from the events of every proposal."""
    with sites.opened(sites.settings()) as (database, _), database.begin() as connection:
        changed = indicators.recount(connection)
    click.echo("The sums were wrong, and are right now." if changed else "The sums were right.")


@db.command()
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def check(as_json: bool) -> None:
    """Check the schema, every chain of events, and the columns and sums that the indicator reads.

    Exit code 1 when anything is wrong.
    """
    database = sites.opened_database(sites.settings().database)
    try:
        if not schema.is_current(database):
            sites.fail(sites.NOT_READY, code=1)
        count, wrong = findings(database)
    finally:
        database.close()
    if as_json:
        sites.echo_json({"chains": count, "wrong": wrong})
    else:
        for line in wrong:
            click.echo(line)
        found = f"{len(wrong)} wrong." if wrong else "Nothing is wrong."
        click.echo(
            f"Checked the schema, {count} chains of events, and the columns and sums of the indicator. {found}"
        )
    if wrong:
        raise SystemExit(1)


def findings(database: Database) -> tuple[int, list[str]]:
    """Check everything; return how many chains there are and a line for each thing that is wrong."""
    wrong = schema.differences(database)
    with database.read() as connection:
        chains = list(trails.chain_faults(connection))
        broken = [told for told in chains if told is not None]
        return len(chains), [*wrong, *broken, *_untold(connection, broken)]


def _untold(connection: Connection, broken: list[str]) -> list[str]:
    """Compare what the indicator reads with the trail; one that is broken proves nothing."""
    return [] if broken else indicators.differences(connection)
