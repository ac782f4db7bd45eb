"""The approval of a proposal that stands is found in the events of many at once, now or as of a moment."""

from typing import Any

from sqlalchemy import ColumnElement, case, select

from appraisal.database import tables
from appraisal.database.as_of import Past
from appraisal.trail.rules.approvals import APPROVING, SETTLING

PROPOSALS = tables.proposals
EVENTS = tables.events


def approving(column: ColumnElement[Any], past: Past | None = None) -> ColumnElement[Any]:
    """Return what a column says of the event by which a proposal is approved; null where no approval stands.

    As ``trail.rules.approvals.standing`` has it: nothing approves what is approved, and what ends an approval
    ends the last one, so the last event that settles it tells.
    """
    said = case((EVENTS.c.act.in_(APPROVING), column))
    return last_event(said, past, EVENTS.c.act.in_(SETTLING))


def last_event(
    column: ColumnElement[Any], past: Past | None, *conditions: ColumnElement[bool]
) -> ColumnElement[Any]:
    """Return what a column says of the last event of a proposal, or of the last that meets conditions."""
    heard = [past.includes(EVENTS)] if past is not None else []
    statement = select(column).where(EVENTS.c.proposal_id == PROPOSALS.c.id, *conditions, *heard)
    return statement.order_by(EVENTS.c.sequence.desc()).limit(1).correlate(PROPOSALS).scalar_subquery()
