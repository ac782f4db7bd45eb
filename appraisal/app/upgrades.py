"""An upgrade brings a database up to date with all that is derived in it, or leaves it as it is."""

from datetime import date
from typing import Final

from appraisal.database import schema
from appraisal.database.engine import Database
from appraisal.indicators.services import appraised_share
from appraisal.proposals.store import writing

# Before any day that a tick is of.
EARLIEST: Final = date(1970, 1, 1)


def upgrade(database: Database) -> bool:
    """Apply every missing migration and count anew what the indicator adds up, in one transaction.

    What time demands of a proposal, an earlier version may not have known: the next tick looks at every one.
    Returns whether anything was missing. Whatever ends it early leaves the database as it was.
    """
    with schema.upgrading(database) as (db, was_older):
        if was_older:
            appraised_share.recount(db)
            writing.wake_all(db, EARLIEST)
    return was_older
