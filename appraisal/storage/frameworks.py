"""Frameworks: what proposals say to the indicators that are computed from lists."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, or_, select, tuple_

from appraisal.storage import tables

PROPOSALS = tables.Proposal.__table__
EVENTS = tables.Event.__table__
DECISIONS = tables.Decision.__table__
VERSIONS = tables.Version.__table__
_APPROVING: Final = ("approve", "countersign", "register_approval")


@dataclass(frozen=True, slots=True)
class Reached:
    """A proposal that reached a state, what its approved version says, and what the event said of it."""

    number: str
    content: Mapping[str, Mapping[str, Any]]
    at: datetime
    facts: Mapping[str, Any]
    illustrative: bool


def reached(
    db: Connection, states: Collection[tuple[str, str]], as_of: datetime | None = None
) -> list[Reached]:
    """Return the proposals whose approval stood at a moment and that had reached a state by then.

    ``states`` are pairs of a workflow and a state of it. Without a version, an approval given elsewhere
    is of what the form says. In order of numbers, each once, with its first event into such a state.
    """
    if not states:
        return []
    columns = (
        PROPOSALS.c.number,
        PROPOSALS.c.content,
        PROPOSALS.c.illustrative,
        VERSIONS.c.value,
        EVENTS.c.at,
        EVENTS.c.body,
    )
    statement = (
        select(*columns)
        .join(EVENTS, EVENTS.c.proposal_id == PROPOSALS.c.id)
        .join(DECISIONS, DECISIONS.c.proposal_id == PROPOSALS.c.id)
        .outerjoin(VERSIONS, VERSIONS.c.id == DECISIONS.c.version_id)
        .where(
            tuple_(PROPOSALS.c.workflow, EVENTS.c.to_state).in_(sorted(states)),
            EVENTS.c.from_state != EVENTS.c.to_state,
            DECISIONS.c.kind.in_(_APPROVING),
            *_stood(as_of),
        )
        .order_by(PROPOSALS.c.number, EVENTS.c.sequence)
    )
    found: dict[str, Reached] = {}
    for row in db.execute(statement):
        if row.number not in found:
            content = json.loads(row.value)["content"] if row.value else json.loads(row.content)
            facts = json.loads(row.body)["facts"]
            found[row.number] = Reached(row.number, content, row.at, facts, row.illustrative)
    return list(found.values())


def _stood(as_of: datetime | None) -> tuple[ColumnElement[bool], ...]:
    """Return what is true of events and decisions that stood at a moment."""
    if as_of is None:
        return (DECISIONS.c.voided_at.is_(None),)
    return (
        EVENTS.c.at <= as_of,
        DECISIONS.c.at <= as_of,
        or_(DECISIONS.c.voided_at.is_(None), DECISIONS.c.voided_at > as_of),
    )
