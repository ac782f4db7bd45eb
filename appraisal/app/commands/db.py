"""The command ``db`` brings the database up to date, and checks that it tells the truth."""

from datetime import datetime
from typing import NamedTuple

import click
from sqlalchemy.exc import SQLAlchemyError

from appraisal import clock
from appraisal.app import upgrades
from appraisal.cli import site
from appraisal.database import schema
from appraisal.database.engine import Database
from appraisal.definitions.library import Library
from appraisal.errors import AppraisalError
from appraisal.indicators.services import appraised_share
from appraisal.records.services import issuers
from appraisal.verification.services import database as verification_database
from appraisal.verification.services import releases
from appraisal.workflow.services import time_steps


@click.group()
def db() -> None:
    """Bring the database up to date, or check it."""


@db.command()
def upgrade() -> None:
    """Create what is missing; does nothing where nothing is.

    All of it happens or nothing: an upgrade that fails or is interrupted leaves the database as it was, with
    exit code 1, and may be run again.
    """
    database = site.opened_database(site.settings().database)
    library = site.library()
    try:
        was_older = upgrades.upgrade(database)
        releases.note_in_force(database, library, clock.now())
    except (AppraisalError, SQLAlchemyError) as error:
        reason = str(getattr(error, "orig", None) or error).splitlines()[0]
        site.fail(f"The upgrade failed, and the database is as it was: {reason}", 1)
    else:
        click.echo("The database is up to date now." if was_older else "The database was up to date.")
        site.say_stopped(database, library)
    finally:
        database.close()


@db.command()
def recount() -> None:
    """Count anew what the indicator adds up, from the events of every proposal."""
    with site.opened(site.settings()) as (database, _), database.begin() as connection:
        changed = appraised_share.recount(connection)
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
    with site.opened(site.settings()) as (database, _):
        found = findings(database, site.library(), clock.now())
        with database.read() as connection:
            site.warn_of_key(issuers.expiry(connection, clock.now()))
    if as_json:
        site.echo_json(found._asdict())
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
        chains = list(verification_database.chain_faults(connection))
        broken = [told for told in chains if told is not None]
        reports = [] if broken else list(appraised_share.report_faults(connection, library))
        untold = [] if broken else appraised_share.differences(connection)
        late = [] if broken else list(time_steps.overlooked(connection, library, now))
    altered = [told for told in reports if told is not None]
    edited = map(str, sorted(library.edited.values()))
    return Findings(len(chains), len(reports), [*wrong, *edited, *broken, *untold, *late, *altered])
