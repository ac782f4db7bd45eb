"""A block is a checklist that one unit finalises: its review becomes the rating of the appraisal."""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, delete, insert

from appraisal.appraisals.rules import reviews
from appraisal.database import tables
from appraisal.proposals.facts import Appraisal, Case, Review
from appraisal.proposals.rules.rulebook import Rulebook


def hand_over(
    db: Connection, case: Case, book: Rulebook, appraisal: Appraisal, review: Review, now: datetime
) -> Appraisal:
    """Make the ratings of a signed review's blocks final in an appraisal; return it with them."""
    table = tables.ratings
    criteria = reviews.reviewed(reviews.criteria_of(case, book, appraisal), review)
    items = [item.id for entry in criteria if entry.member.finalised_by for item in entry.checklist.items]
    if not items:
        return appraisal
    db.execute(delete(table).where(table.c.appraisal_id == appraisal.id, table.c.item.in_(items)))
    for item in items:
        given = review.ratings[item]
        columns = {name: getattr(given, name) for name in ("item", "value", "comment", "evidence")}
        db.execute(insert(table).values(appraisal_id=appraisal.id, by=review.person, at=now, **columns))
    return replace(appraisal, ratings={**appraisal.ratings, **{item: review.ratings[item] for item in items}})


def hand_over_late(
    db: Connection, case: Case, book: Rulebook, appraisal: Appraisal, since: datetime, now: datetime
) -> Appraisal:
    """Hand over the blocks that were signed while an appraisal was closed, now that it runs again."""
    for review in appraisal.reviews:
        if review.signed_at is not None and review.signed_at > since:
            appraisal = hand_over(db, case, book, appraisal, review, now)
    return appraisal
