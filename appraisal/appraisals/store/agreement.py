"""Signed ratings of all proposals are counted here for the agreement between reviewers."""

from sqlalchemy import ColumnElement, Connection, exists, func, or_, select

from appraisal.appraisals.rules.agreement import Counted
from appraisal.database import tables
from appraisal.people.facts import Person
from appraisal.proposals.store.visible import blind, fully_visible, related

PROPOSALS = tables.proposals
APPRAISALS = tables.appraisals
# By another name, since the conditions on what a person may read look among the reviews as well.
_ALL = tables.reviews
REVIEWS = _ALL.alias("signed")
GIVEN = tables.review_ratings


def _given_before() -> ColumnElement[bool]:
    """Return the condition that the reviewer gave the same rating in an earlier appraisal, which counts."""
    rating, review, appraisal = GIVEN.alias("before"), _ALL.alias("then"), APPRAISALS.alias("earlier")
    same = (rating.c[name] == GIVEN.c[name] for name in ("item", "value", "comment", "evidence"))
    return exists(
        select(rating.c.id)
        .join(review, review.c.id == rating.c.review_id)
        .join(appraisal, appraisal.c.id == review.c.appraisal_id)
        .where(
            *same,
            ~rating.c.proposed,
            review.c.proposal_id == REVIEWS.c.proposal_id,
            review.c.person_id == REVIEWS.c.person_id,
            review.c.signed_at.is_not(None),
            review.c.withdrawn_at.is_(None),
            appraisal.c.number < APPRAISALS.c.number,
            appraisal.c.superseded_at.is_(None),
        )
    )


def count_ratings(db: Connection, person: Person | None = None) -> list[Counted]:
    """Count the ratings of signed reviews by set, item, appraisal and value, in one statement.

    A superseded appraisal is left out: its reviews stand once more in the one that was opened in its
    place. So is a rating that its reviewer gave in an earlier appraisal already, word for word: carried
    over and confirmed it is the same judgement, not a second one.

    With a person only what they may read: no proposal on which they owe a review, nor one of their own
    before its appraisal is finalised.
    """
    columns = (
        PROPOSALS.c.definition_set,
        GIVEN.c.item,
        REVIEWS.c.appraisal_id,
        GIVEN.c.value,
        PROPOSALS.c.illustrative,
    )
    statement = (
        select(*columns, func.count().label("times"))
        .join(REVIEWS, REVIEWS.c.id == GIVEN.c.review_id)
        .join(APPRAISALS, APPRAISALS.c.id == REVIEWS.c.appraisal_id)
        .join(PROPOSALS, PROPOSALS.c.id == APPRAISALS.c.proposal_id)
        .where(
            REVIEWS.c.signed_at.is_not(None),
            REVIEWS.c.withdrawn_at.is_(None),
            APPRAISALS.c.superseded_at.is_(None),
            GIVEN.c.value != "",
            ~GIVEN.c.proposed,
            # Most have but one appraisal, where there is nothing to look for.
            or_(APPRAISALS.c.number == 1, ~_given_before()),
        )
        .group_by(*columns)
    )
    if person is not None:
        readable = or_(APPRAISALS.c.finalised_at.is_not(None), ~related(person, "author"))
        statement = statement.where(fully_visible(person), ~blind(person), readable)
    return [
        Counted(row.definition_set, row.item, row.appraisal_id, row.value, row.times, row.illustrative)
        for row in db.execute(statement)
    ]
