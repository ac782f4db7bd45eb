"""One statement each counts how far proposals came, and what finalised appraisals say."""

from collections.abc import Mapping

from sqlalchemy import ColumnElement, Connection, and_, case, func, or_, select

from appraisal.database import tables
from appraisal.indicators.rules.pipeline import (
    ENTERING,
    FOLLOWING,
    STAGES,
    Marks,
    Rated,
    Reached,
    Recommended,
    Stage,
)
from appraisal.indicators.store.approvals import biennium_days
from appraisal.people.facts import Person
from appraisal.proposals.store.visible import blind, fully_visible
from appraisal.trail.rules.approvals import APPROVING, ENDING

EVENTS = tables.events
PROPOSALS = tables.proposals
APPRAISALS = tables.appraisals
RATINGS = tables.ratings


def reached(
    db: Connection, reader: Person | None, biennium: str, marks: Mapping[str, Mapping[Stage, Marks]]
) -> list[Reached]:
    """Count the proposals first submitted in a biennium by the stages that they reached until now.

    ``marks`` say for each workflow, by its key, what tells of a stage. From the approval on, a stage is
    reached where it came of the approval that stands, as ``trail.rules.approvals.standing`` says. What a
    reader does not read in full, or still has to review, is left out; None is the system, which is shown all.
    """
    first, after = biennium_days(biennium)
    entered = func.min(EVENTS.c.at)
    cohort = (
        select(EVENTS.c.proposal_id)
        .where(EVENTS.c.act == ENTERING)
        .group_by(EVENTS.c.proposal_id)
        .having(entered >= first, entered < after)
    )
    flags = [_reached(stage, marks).label(stage) for stage in STAGES]
    each = (
        select(PROPOSALS.c.illustrative, *flags)
        .join(EVENTS, EVENTS.c.proposal_id == PROPOSALS.c.id)
        .where(PROPOSALS.c.id.in_(cohort), *_readable(reader))
        .group_by(PROPOSALS.c.id, PROPOSALS.c.illustrative)
        .subquery()
    )
    rows = db.execute(select(*each.c, func.count().label("times")).group_by(*each.c))
    return [
        Reached(
            frozenset(stage for stage in STAGES if row._mapping[stage]),
            row.illustrative,
            row.times,
        )
        for row in rows
    ]


def _reached(stage: Stage, marks: Mapping[str, Mapping[Stage, Marks]]) -> ColumnElement[int]:
    """Return 1 where a proposal reached a stage, of its events together, and 0 where it did not."""
    told = _last(_tells(stage, marks))
    if stage == "appraised":
        # What was opened again and not finalised since says nothing of the proposal.
        return case((and_(told > 0, _is_appraised()), 1), else_=0)
    if stage not in FOLLOWING:
        return case((told > 0, 1), else_=0)
    approved = _last(EVENTS.c.act.in_(APPROVING))
    # Nothing approves what is approved, so the last approval is the one that stands, unless it was ended.
    return case((and_(approved > _last(EVENTS.c.act.in_(ENDING)), told >= approved), 1), else_=0)


def _is_appraised() -> ColumnElement[bool]:
    """Return the condition that some appraisal of a proposal is finalised and was not opened again."""
    finalised = select(APPRAISALS.c.id).where(
        APPRAISALS.c.proposal_id == PROPOSALS.c.id,
        APPRAISALS.c.finalised_at.is_not(None),
        APPRAISALS.c.superseded_at.is_(None),
    )
    return finalised.correlate(PROPOSALS).exists()


def _last(condition: ColumnElement[bool]) -> ColumnElement[int]:
    """Return the number of the last event of a proposal that meets a condition; 0 for none."""
    return func.max(case((condition, EVENTS.c.sequence), else_=0))


def _tells(stage: Stage, marks: Mapping[str, Mapping[Stage, Marks]]) -> ColumnElement[bool]:
    """Return the condition that an event tells of a stage, in the workflow that the proposal follows."""
    return or_(
        *(
            and_(
                PROPOSALS.c.workflow == key,
                or_(EVENTS.c.act.in_(found[stage].acts), EVENTS.c.to_state.in_(found[stage].states)),
            )
            for key, found in sorted(marks.items())
        )
    )


def first_recommendations(db: Connection, reader: Person | None, biennium: str) -> list[Recommended]:
    """Count the first appraisals of proposals that were finalised in a biennium, by their recommendation.

    One that was opened again stands aside until the one in its place is finalised.
    """
    columns = (PROPOSALS.c.definition_set, APPRAISALS.c.final, PROPOSALS.c.illustrative)
    earlier = APPRAISALS.alias("earlier")
    is_first = ~(
        select(earlier.c.id)
        .where(
            earlier.c.proposal_id == APPRAISALS.c.proposal_id,
            earlier.c.number < APPRAISALS.c.number,
            earlier.c.finalised_at.is_not(None),
            earlier.c.superseded_at.is_(None),
        )
        .exists()
    )
    rows = db.execute(
        select(*columns, func.count())
        .join(PROPOSALS, PROPOSALS.c.id == APPRAISALS.c.proposal_id)
        .where(is_first, *_finalised(biennium), *_readable(reader))
        .group_by(*columns)
        .order_by(*columns)
    )
    return [Recommended(*row) for row in rows]


def ratings(db: Connection, reader: Person | None, biennium: str) -> list[Rated]:
    """Count the ratings of the appraisals that were finalised in a biennium, by set, item and value.

    What was carried over and never confirmed is no rating.
    """
    columns = (PROPOSALS.c.definition_set, RATINGS.c.item, RATINGS.c.value, PROPOSALS.c.illustrative)
    rows = db.execute(
        select(*columns, func.count())
        .join(APPRAISALS, APPRAISALS.c.id == RATINGS.c.appraisal_id)
        .join(PROPOSALS, PROPOSALS.c.id == APPRAISALS.c.proposal_id)
        .where(RATINGS.c.value != "", ~RATINGS.c.proposed, *_finalised(biennium), *_readable(reader))
        .group_by(*columns)
        .order_by(*columns)
    )
    return [Rated(*row) for row in rows]


def _finalised(biennium: str) -> tuple[ColumnElement[bool], ...]:
    first, after = biennium_days(biennium)
    return (
        APPRAISALS.c.finalised_at >= first,
        APPRAISALS.c.finalised_at < after,
        APPRAISALS.c.superseded_at.is_(None),
        APPRAISALS.c.final != "",
    )


def _readable(reader: Person | None) -> tuple[ColumnElement[bool], ...]:
    return () if reader is None else (fully_visible(reader), ~blind(reader))
