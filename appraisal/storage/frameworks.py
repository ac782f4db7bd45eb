"""Frameworks: what proposals say to the indicators that are computed from lists."""

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, or_, select, tuple_

from appraisal.domain.facts import CORRECTING
from appraisal.domain.indicators import APPROVING
from appraisal.storage import tables
from appraisal.storage.pasts import Past

PROPOSALS = tables.Proposal.__table__
EVENTS = tables.Event.__table__
VERSIONS = tables.Version.__table__


@dataclass(frozen=True, slots=True)
class Reached:
    """A proposal that reached a state, what its approved version says, and what the event said of it.

    ``usd`` is what the version brings in US$, frozen at its submission; None without a version.
    """

    number: str
    content: Mapping[str, Mapping[str, Any]]
    usd: Decimal | None
    at: datetime
    facts: Mapping[str, Any]
    illustrative: bool


def reached(db: Connection, states: Collection[tuple[str, str]], past: Past | None = None) -> list[Reached]:
    """Return the proposals whose approval stands and that have reached a state, now or as it stood.

    ``states`` are pairs of a workflow and a state of it. Without a version, an approval given elsewhere
    is of what the form says. In order of numbers, each once, with its first event into such a state.
    """
    if not states:
        return []
    arriving = (
        tuple_(PROPOSALS.c.workflow, EVENTS.c.to_state).in_(sorted(states)),
        EVENTS.c.from_state != EVENTS.c.to_state,
    )
    heard = [past.includes(EVENTS)] if past else []
    arrived = (
        select(PROPOSALS.c.id)
        .join(EVENTS, EVENTS.c.proposal_id == PROPOSALS.c.id)
        .where(*arriving, *heard)
        .distinct()
    )
    statement = (
        select(
            PROPOSALS.c.id, EVENTS.c.act, EVENTS.c.from_state, EVENTS.c.to_state, EVENTS.c.at, EVENTS.c.body
        )
        .join(EVENTS, EVENTS.c.proposal_id == PROPOSALS.c.id)
        .where(PROPOSALS.c.id.in_(arrived), *heard)
        .where(
            or_(
                EVENTS.c.act.in_((*APPROVING, "annul", *CORRECTING)), EVENTS.c.from_state != EVENTS.c.to_state
            )
        )
        .order_by(PROPOSALS.c.id, EVENTS.c.sequence)
    )
    trails: dict[int, list[Any]] = defaultdict(list)
    for event in db.execute(statement):
        trails[event.id].append(event)
    columns = (PROPOSALS.c.id, PROPOSALS.c.number, PROPOSALS.c.workflow, PROPOSALS.c.content)
    proposals = db.execute(
        select(*columns, PROPOSALS.c.illustrative)
        .where(PROPOSALS.c.id.in_(arrived))
        .order_by(PROPOSALS.c.number)
    )
    found = []
    for row in proposals:
        entered = {state for workflow, state in states if workflow == row.workflow}
        version, arrival = _followed(trails[row.id], entered)
        if version is not None and arrival is not None:
            if version:
                value = _value(db, row.id, version)
                content, usd = value["content"], Decimal(value["usd"])
            else:
                content, usd = json.loads(row.content), None
            facts = json.loads(arrival.body)["facts"]
            found.append(Reached(row.number, content, usd, arrival.at, facts, row.illustrative))
    return found


def _followed(events: Sequence[Any], states: Collection[str]) -> tuple[str | None, Any]:
    """Return the digest of the version whose approval stands, None for none, and the first arrival."""
    version: str | None = None
    arrival = None
    for row in events:
        if row.act in APPROVING:
            version = json.loads(row.body)["facts"]["version"]
        elif row.act == "annul":
            version = None
        elif row.act in CORRECTING:
            # What followed the registration never came about either.
            version = arrival = None
        if arrival is None and row.to_state in states and row.from_state != row.to_state:
            arrival = row
    return version, arrival


def _value(db: Connection, proposal: int, digest: str) -> Mapping[str, Any]:
    value = db.execute(
        select(VERSIONS.c.value).where(VERSIONS.c.proposal_id == proposal, VERSIONS.c.digest == digest)
    ).scalar_one()
    found: Mapping[str, Any] = json.loads(value)
    return found
