"""The daily round does what time demands of every proposal, and sends, sums up and matches what is due."""

from collections.abc import Iterator
from datetime import datetime

from appraisal.accounts.services import sessions
from appraisal.database.engine import Database
from appraisal.definitions.library import Library
from appraisal.lists.services import matching
from appraisal.notices.services import notices
from appraisal.proposals.store import tallies
from appraisal.records.services import issuers
from appraisal.workflow.services import time_steps
from appraisal.workflow.services.time_steps import Place, Ticked, joined, list_due, tick_proposal


def tick(database: Database, library: Library, now: datetime) -> Ticked:
    """Do what time demands of every proposal, each in a transaction of its own, of mail and of sessions."""
    return joined(ticking(database, library, now))


def ticking(database: Database, library: Library, now: datetime) -> Iterator[Ticked]:
    """Do what :func:`tick` does and yield what was done, proposal by proposal."""
    after: Place | None = None
    while True:
        with database.read() as db:
            page = list_due(db, now, after)
        for place in page:
            yield tick_proposal(database, library, now, place[2])
        if len(page) < time_steps.PAGE:
            break
        after = page[-1]
    with database.begin() as db:
        notices.gather(db, now)
    with database.begin() as db:
        tallies.gather(db)
    with database.begin() as db:
        matching.match_symbols(db, now)
    with database.begin() as db:
        sessions.forget(db, now)
    with database.begin() as db:
        issuers.warn(db, now)
