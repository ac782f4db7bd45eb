"""appraisal db: bringing the database up to date, and checking that it tells the truth."""

from collections.abc import Iterator

import click
from sqlalchemy import Connection

from appraisal.cli import sites
from appraisal.definitions.library import Library
from appraisal.domain.indicators import Approval
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
    finally:
        database.close()
    click.echo("The database was up to date." if before else "The database is up to date now.")


@db.command()
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def check(as_json: bool) -> None:
    """Check the schema, every chain of events, and the columns that the indicator reads.

    Exit code 1 when anything is wrong.
    """
    library = sites.library()
    database = sites.opened_database(sites.settings().database)
    try:
        if not schema.is_current(database):
            sites.fail(sites.NOT_READY, code=1)
        count, wrong = findings(database, library)
    finally:
        database.close()
    if as_json:
        sites.echo_json({"chains": count, "wrong": wrong})
    else:
        for line in wrong:
            click.echo(line)
        found = f"{len(wrong)} wrong." if wrong else "Nothing is wrong."
        click.echo(f"Checked the schema, {count} chains of events and the columns of the indicator. {found}")
    if wrong:
        raise SystemExit(1)


def findings(database: Database, library: Library) -> tuple[int, list[str]]:
    """Check everything; return how many chains there are and a line for each thing that is wrong."""
    wrong = schema.differences(database)
    with database.read() as connection:
        chains = list(trails.chain_faults(connection))
        broken = [told for told in chains if told is not None]
        return len(chains), [*wrong, *broken, *check_columns(connection, library)]


def check_columns(connection: Connection, library: Library) -> list[str]:
    """Compare what lists and the indicator read with what the facts of every proposal say."""
    read = {entry.number: entry for entry in indicators.approvals(connection)}
    derived = {entry.number: entry for entry in indicators.approvals_from_facts(connection, library)}
    return [
        f"{number}: {difference}"
        for number in sorted(read.keys() | derived.keys())
        for difference in _differences(read.get(number), derived.get(number))
    ]


def _differences(read: Approval | None, derived: Approval | None) -> Iterator[str]:
    if read is None or derived is None:
        yield "stands only in the columns" if derived is None else "is missing from the columns"
        return
    for name in Approval.__slots__:
        if getattr(read, name) != getattr(derived, name):
            yield f"{name} is {getattr(read, name)!s}, but the facts say {getattr(derived, name)!s}"
