"""Contributions are the money of a proposal, as a version or a registered approval froze it."""

import json
from collections.abc import Collection, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, select

from appraisal.database import tables
from appraisal.proposals.facts import Contribution
from appraisal.proposals.rules import track_and_money
from appraisal.trail.rules.approvals import REGISTERING

DECISIONS = tables.decisions


def contribution(value: Mapping[str, Any]) -> Contribution:
    """Read a contribution as a version holds it."""

    def money(name: str) -> Decimal | None:
        return None if value[name] is None else Decimal(value[name])

    return Contribution(
        donor=value["donor"],
        private=value["private"],
        fund=value["fund"],
        modality=value["modality"],
        amount=Decimal(value["amount"]),
        currency=value["currency"],
        usd=money("usd"),
        rate=money("rate"),
        rate_on=None if value["rate_on"] is None else date.fromisoformat(value["rate_on"]),
    )


def unvalued_of(db: Connection, proposals: Collection[int]) -> set[int]:
    """Return of some proposals those whose approval was registered with US$ that nobody knows in full."""
    statement = select(DECISIONS.c.proposal_id, DECISIONS.c.contributions).where(
        DECISIONS.c.proposal_id.in_(proposals),
        DECISIONS.c.kind == REGISTERING,
        DECISIONS.c.voided_at.is_(None),
        DECISIONS.c.contributions != "",
    )
    return {row.proposal_id for row in db.execute(statement) if is_unvalued(row.contributions)}


def is_unvalued(contributions: str) -> bool:
    """Tell whether nobody knows the US$ of contributions as they were frozen."""
    return track_and_money.is_unvalued([contribution(entry) for entry in json.loads(contributions)])
