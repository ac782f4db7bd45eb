"""Upgrades: bringing a database up to date with all that is derived in it, or leaving it as it is."""

from appraisal.services import indicators
from appraisal.storage import schema
from appraisal.storage.databases import Database


def upgrade(database: Database) -> bool:
    """Apply every missing migration and count anew what the indicator adds up, in one transaction.

    Returns whether anything was missing. Whatever ends it early leaves the database as it was.
    """
    with schema.upgrading(database) as (db, was_older):
        if was_older:
            indicators.recount(db)
    return was_older
