"""Proposals are read here for what they contribute to the indicators that are computed from lists."""

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, or_, select

from appraisal.database import tables
from appraisal.database.as_of import Past
from appraisal.proposals.rules.rulebook import PINNING
from appraisal.trail.rules.approvals import SETTLING, standing, uncorrected

PROPOSALS = tables.proposals
EVENTS = tables.events
VERSIONS = tables.versions


@dataclass(frozen=True, slots=True)
class Reached:
    """A proposal that reached a state, what its approved version says, and what the event said of it.

    ``usd`` is what the version brings in US$, frozen at its submission; None without a version.
    """

    number: str
    workflow: str
    content: Mapping[str, Mapping[str, Any]]
    usd: Decimal | None
    at: datetime
    facts: Mapping[str, Any]
    illustrative: bool


@dataclass(frozen=True, slots=True)
class _Event:
    """An event that moved a proposal, approved it, or ended its approval."""

    proposal: int
    act: str
    to_state: str
    at: datetime
    body: str

    @property
    def facts(self) -> Mapping[str, Any]:
        facts: Mapping[str, Any] = json.loads(self.body)["facts"]
        return facts


def reached(db: Connection, states: Collection[tuple[str, str]], past: Past | None = None) -> list[Reached]:
    """Return the proposals whose approval led them to a state, and stands, now or as it stood.

    ``states`` are pairs of a workflow and a state of it. Without a version, an approval given elsewhere
    is of what the form says. In order of numbers, each once, with its first event into such a state.
    """
    if not states:
        return []
    heard = [past.includes(EVENTS)] if past else []
    moving = EVENTS.c.from_state != EVENTS.c.to_state
    arrived = select(EVENTS.c.proposal_id).where(
        EVENTS.c.to_state.in_(sorted({name for _, name in states})), moving, *heard
    )
    statement = (
        select(EVENTS.c.proposal_id, EVENTS.c.act, EVENTS.c.to_state, EVENTS.c.at, EVENTS.c.body)
        .where(EVENTS.c.proposal_id.in_(arrived), or_(EVENTS.c.act.in_(SETTLING), moving), *heard)
        .order_by(EVENTS.c.proposal_id, EVENTS.c.sequence)
    )
    trails: dict[int, list[_Event]] = defaultdict(list)
    for row in db.execute(statement):
        trails[row.proposal_id].append(_Event(*row))
    columns = (PROPOSALS.c.id, PROPOSALS.c.number, PROPOSALS.c.workflow, PROPOSALS.c.content)
    proposals = db.execute(
        select(*columns, PROPOSALS.c.illustrative)
        .where(PROPOSALS.c.id.in_(arrived))
        .order_by(PROPOSALS.c.number)
    )
    found = []
    for row in proposals:
        followed = standing(trails[row.id])
        workflow = _workflow(trails[row.id], row.workflow)
        arrival = next((entry for entry in followed if (workflow, entry.to_state) in states), None)
        if arrival is not None:
            version = followed[0].facts["version"]
            if version:
                value = _value(db, row.id, version)
                content, usd = value["content"], Decimal(value["usd"])
            else:
                content, usd = json.loads(row.content), None
            found.append(
                Reached(row.number, workflow, content, usd, arrival.at, arrival.facts, row.illustrative)
            )
    return found


def _workflow(trail: Sequence[_Event], present: str) -> str:
    """Return the workflow that a proposal pinned by the end of a trail; the present one where none says."""
    pinning = (entry.facts.get("workflow") for entry in uncorrected(trail) if entry.act in PINNING)
    return next((name for name in pinning if name), present)


def _value(db: Connection, proposal: int, digest: str) -> Mapping[str, Any]:
    value = db.execute(
        select(VERSIONS.c.value).where(VERSIONS.c.proposal_id == proposal, VERSIONS.c.digest == digest)
    ).scalar_one()
    found: Mapping[str, Any] = json.loads(value)
    return found
