"""appraisal db: bringing the database up to date, and checking that it tells the truth."""

from datetime import datetime
from typing import NamedTuple

import click
from sqlalchemy.exc import SQLAlchemyError

from appraisal import clock
from appraisal.cli import sites
from appraisal.definitions.library import Library
from appraisal.errors import AppraisalError
from appraisal.services import indicators, issuers, releases, ticks, trails, upgrades
from appraisal.storage import schema
from appraisal.storage.databases import Database


@click.group()
def db() -> None:
    """Bring the database up to date, or check it."""


@db.command()
def upgrade() -> None:
    """Create what is missing; does nothing where nothing is.

    All of it happens or nothing: an upgrade that fails or is interrupted leaves the database as it was, with
    exit code 1, and may be run again.
    """
    database = sites.opened_database(sites.settings().database)
    library = sites.library()
    try:
        was_older = upgrades.upgrade(database)
        releases.note_in_force(database, library, clock.now())
    except (AppraisalError, SQLAlchemyError) as error:
        reason = str(getattr(error, "orig", None) or error).splitlines()[0]
        sites.fail(f"The upgrade failed, and the database is as it was: {reason}", 1)
    else:
        click.echo("The database is up to date now." if was_older else "The database was up to date.")
        sites.say_stopped(database, library)
    finally:
        database.close()


@db.command()
def recount() -> None:
    """Count anew what the indicator adds up, from the events of every proposal."""
    with sites.opened(sites.settings()) as (database, _), database.begin() as connection:
        changed = indicators.recount(connection)
    click.echo("The sums were wrong, and are right now." if changed else "The sums were right.")


@db.command()
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def check(as_json: bool) -> None:
    """Check the schema, every chain of events, and all that is kept for the indicators.

    The columns and sums that they read are compared with the events, every published report is computed
    again from what was written by then, and released definitions are compared with their lock. Days on which
    ticks look at proposals, and lists call them due, are worked out again.

    Exit code 1 when anything is wrong, and 2 when it could not be looked at.
    """
    with sites.opened(sites.settings()) as (database, _):
        found = findings(database, sites.library(), clock.now())
        with database.read() as connection:
            sites.warn_of_key(issuers.expiry(connection, clock.now()))
    if as_json:
        sites.echo_json(found._asdict())
    else:
        for line in found.wrong:
            click.echo(line)
        click.echo(
            f"Checked the schema, {found.chains} chains of events, the columns and sums of the indicator, and "
            f"every published report ({found.reports}). "
            + (f"{len(found.wrong)} wrong." if found.wrong else "Nothing is wrong.")
        )
    if found.wrong:
        raise SystemExit(1)


class Findings(NamedTuple):
    """How many chains and published reports there are, and a line for each thing that is wrong."""

    chains: int
    reports: int
    wrong: list[str]


def findings(database: Database, library: Library, now: datetime) -> Findings:
    """Check everything as of a moment, and that no released definition was edited.

    Beside a trail that is broken, nothing is compared with it: it proves nothing.
    """
    wrong = schema.differences(database)
    with database.read() as connection:
        chains = list(trails.chain_faults(connection))
        broken = [told for told in chains if told is not None]
        reports = [] if broken else list(indicators.report_faults(connection, library))
        untold = [] if broken else indicators.differences(connection)
        late = [] if broken else list(ticks.overlooked(connection, library, now))
    altered = [told for told in reports if told is not None]
    edited = map(str, sorted(library.edited.values()))
    return Findings(len(chains), len(reports), [*wrong, *edited, *broken, *untold, *late, *altered])
