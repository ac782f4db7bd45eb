"""Self-checks are stored here, apart from everything that a case is loaded from."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, select, update

from appraisal.database import tables
from appraisal.database.rows import insert_row
from appraisal.proposals.facts import RatingGiven

SELF_RATINGS = tables.self_ratings


def load_ratings(db: Connection, proposal: int, version: int) -> Mapping[str, RatingGiven]:
    """Load what the authors think of each item as they write a version; the note is the comment.

    A version begins with what they thought of the one before, so the newest up to it counts.
    """
    rows = db.execute(
        select(SELF_RATINGS.c.item, SELF_RATINGS.c.value, SELF_RATINGS.c.note)
        .where(SELF_RATINGS.c.proposal_id == proposal, SELF_RATINGS.c.version <= version)
        .order_by(SELF_RATINGS.c.version)
    )
    return {row.item: RatingGiven(row.item, row.value, row.note) for row in rows}


def keep_rating(
    db: Connection, proposal: int, version: int, given: RatingGiven, by: int, now: datetime
) -> None:
    """Write what the authors think of an item of a version; the caller holds the proposal.

    What they take back is kept empty, so that the version before does not come through again.
    """
    values = {"value": given.value, "note": given.comment, "by": by, "at": now}
    written = db.execute(
        update(SELF_RATINGS)
        .where(
            SELF_RATINGS.c.proposal_id == proposal,
            SELF_RATINGS.c.version == version,
            SELF_RATINGS.c.item == given.item,
        )
        .values(**values)
    )
    if not written.rowcount:
        insert_row(db, tables.self_ratings, proposal_id=proposal, version=version, item=given.item, **values)
