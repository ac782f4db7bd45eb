"""appraisal db: bringing the database up to date, and checking that it tells the truth."""

from collections.abc import Iterator

import click
from sqlalchemy import Connection, select

from appraisal.cli import sites
from appraisal.definitions.library import Library
from appraisal.domain import events
from appraisal.domain.indicators import Approval
from appraisal.services import indicators
from appraisal.storage import schema, site, tables
from appraisal.storage.databases import Database

PROPOSALS = tables.Proposal.__table__
EVENTS = tables.Event.__table__


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
        count, broken = check_chains(connection)
        return count, [*wrong, *broken, *check_columns(connection, library)]


def check_chains(connection: Connection) -> tuple[int, list[str]]:
    """Verify the site's chain and that of every proposal; return how many there are and what is broken."""
    wrong = []
    told = events.broken(site.chain(connection))
    if told:
        wrong.append(f"the site's chain: {told}")
    count = 1
    for number, head, chain in _chains(connection):
        count += 1
        if told := events.broken(chain, head):
            wrong.append(f"{number}: {told}")
    return count, wrong


def _chains(connection: Connection) -> Iterator[tuple[str, str, list[events.Event]]]:
    """Read every chain in one pass, in order of proposal."""
    rows = connection.execute(
        select(PROPOSALS.c.number, PROPOSALS.c.head, EVENTS.c.sequence, EVENTS.c.body, EVENTS.c.digest)
        .outerjoin(EVENTS, EVENTS.c.proposal_id == PROPOSALS.c.id)
        .order_by(PROPOSALS.c.id, EVENTS.c.sequence)
        .execution_options(yield_per=1000)
    )
    present: tuple[str, str, list[events.Event]] | None = None
    for row in rows:
        if present is None or present[0] != row.number:
            if present is not None:
                yield present
            present = (row.number, row.head, [])
        if row.sequence is not None:
            present[2].append(events.Event(row.sequence, row.body, row.digest))
    if present is not None:
        yield present


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
