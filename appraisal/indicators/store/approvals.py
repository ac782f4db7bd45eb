"""The proposals behind indicator 2.1 are read here, as the columns of their rows tell of them."""

import json
from collections.abc import Iterator, Mapping
from datetime import MAXYEAR, MINYEAR, UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, NamedTuple, cast

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select

from appraisal.clock import GENEVA
from appraisal.database import tables
from appraisal.database.as_of import Past
from appraisal.proposals.rules import track_and_money
from appraisal.proposals.rules.approval import Approval, unapproved
from appraisal.proposals.store.approvals_in_force import approving
from appraisal.proposals.store.contributions import contribution, is_unvalued
from appraisal.proposals.store.writing import entered
from appraisal.trail.rules.approvals import REGISTERING
from appraisal.vocabulary.biennium import first_year

PROPOSALS = tables.proposals
DECISIONS = tables.decisions
EVENTS = tables.events
_NAMES: Final = (
    "number",
    "title",
    "state",
    "funds",
    "usd",
    "route",
    "route_reason",
    "approved_at",
    "kind",
    "illustrative",
    "region",
    "unit",
    "track",
    "workflow",
)
_COLUMNS: Final = [PROPOSALS.c[name] for name in _NAMES]


def approvals(db: Connection) -> Iterator[Approval]:
    """Yield every proposal that was submitted or registered and is not void, by number."""
    return map(_approval, db.execute(select(*_COLUMNS).where(*entered()).order_by(PROPOSALS.c.number)))


def behind(
    db: Connection,
    biennium: str,
    scope: frozenset[str],
    group: str,
    narrowed: Mapping[str, str],
    first: int,
    most: int,
) -> list[Approval]:
    """List proposals behind a figure, by the moment of their approval, from a place on, so many at most.

    ``group``: a route, *undated* or *other_funds*. ``narrowed``: a breakdown, and the line of it.
    """
    conditions = [PROPOSALS.c.route != "", PROPOSALS.c.kind != "umbrella", *_grouped(group, biennium, scope)]
    conditions += [_is(name, value) for name, value in narrowed.items()]
    ordered = select(*_COLUMNS).where(*conditions).order_by(PROPOSALS.c.approved_at, PROPOSALS.c.number)
    return [_approval(row) for row in db.execute(ordered.offset(first).limit(most))]


def routes_of(db: Connection, biennium: str, scope: frozenset[str]) -> dict[str, tuple[str, Decimal]]:
    """Return by number the route and the US$ of every proposal that the figure of a biennium counts."""
    columns = (PROPOSALS.c.number, PROPOSALS.c.route, PROPOSALS.c.usd)
    statement = select(*columns).where(*counted(biennium, scope))
    return {row.number: (row.route, row.usd or Decimal(0)) for row in db.execute(statement)}


def counted(biennium: str, scope: frozenset[str]) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions under which the figure of a biennium counts a proposal."""
    return PROPOSALS.c.route != "", PROPOSALS.c.kind != "umbrella", _in(scope), *_within(biennium)


def unvalued(db: Connection, biennium: str, scope: frozenset[str], past: Past | None = None) -> list[str]:
    """Return the numbers of the approvals that a biennium counts and whose US$ nobody knows, in order.

    They were registered without a version, with an amount for which there was no rate, or with none at all.
    """
    return [entry.number for entry in _unvalued(db, past, biennium) if entry.funds & scope]


def unvalued_beside(
    db: Connection, biennium: str, scope: frozenset[str], past: Past | None = None
) -> list[str]:
    """Return those whose US$ nobody knows of the approvals that stand beside the figure, in order.

    They are paid for by other funds, or nobody knows their date.
    """
    listed = _unvalued(db, past, biennium, is_wide=True)
    return [entry.number for entry in listed if entry.is_dated != bool(entry.funds & scope)]


def _registered_in(biennium: str) -> ColumnElement[bool]:
    first, after = biennium_days(biennium)
    return and_(DECISIONS.c.approved_at >= first, DECISIONS.c.approved_at < after)


class _Unvalued(NamedTuple):
    """A registration that stands and whose US$ nobody knows."""

    number: str
    funds: frozenset[str]
    is_dated: bool


def _unvalued(
    db: Connection, past: Past | None, biennium: str, *, is_wide: bool = False
) -> Iterator[_Unvalued]:
    """Yield those of a biennium; *wide* also those that nobody knows the date of."""
    now = _registered_now(biennium, is_wide) if past is None else None
    for row in db.execute(now if now is not None else _registered(past, biennium, is_wide)):
        given = [contribution(entry) for entry in json.loads(row.contributions)]
        # What its event says stays, whatever the form became since; those of earlier versions do not say.
        said = json.loads(row.body)["facts"].get("approval", {"umbrella": row.kind == "umbrella"})
        if is_unvalued(row.contributions) and not said["umbrella"]:
            yield _Unvalued(row.number, track_and_money.funds(given), row.approved_at is not None)


@lru_cache(maxsize=64)
def _registered_now(biennium: str, is_wide: bool) -> Select[Any]:
    return _registered(None, biennium, is_wide)


def _registered(past: Past | None, biennium: str, is_wide: bool) -> Select[Any]:
    within = _registered_in(biennium)
    condition = or_(DECISIONS.c.approved_at.is_(None), within) if is_wide else within
    return (
        select(
            PROPOSALS.c.number,
            PROPOSALS.c.kind,
            DECISIONS.c.approved_at,
            DECISIONS.c.contributions,
            approving(EVENTS.c.body, past).label("body"),
        )
        .join(DECISIONS, DECISIONS.c.proposal_id == PROPOSALS.c.id)
        .where(
            DECISIONS.c.kind == REGISTERING,
            condition,
            or_(*(DECISIONS.c.contributions.contains(text, autoescape=True) for text in _UNKNOWN)),
            approving(EVENTS.c.at, past) == DECISIONS.c.at,
        )
        .order_by(PROPOSALS.c.number)
    )


# What contributions say of an amount that has no US$, and may say of one that is nought.
_UNKNOWN: Final = ('"usd":null', '"amount":"0', '"amount":null')


def biennium_days(biennium: str) -> tuple[datetime, datetime]:
    """Return the first moment of a biennium at headquarters, and the first after it."""
    year = first_year(biennium)
    return _begin(year), _begin(year + 2)


def _begin(year: int) -> datetime:
    """Return the first moment of a year at headquarters, or the first or last that there is."""
    if year <= MINYEAR:
        return datetime.min.replace(tzinfo=UTC)
    if year > MAXYEAR:
        return datetime.max.replace(tzinfo=UTC)
    return datetime(year, 1, 1, tzinfo=GENEVA).astimezone(UTC)


def _within(biennium: str) -> tuple[ColumnElement[bool], ...]:
    first, after = biennium_days(biennium)
    return PROPOSALS.c.approved_at >= first, PROPOSALS.c.approved_at < after


def _in(scope: frozenset[str]) -> ColumnElement[bool]:
    padded = " " + PROPOSALS.c.funds + " "
    return or_(*(padded.contains(f" {fund} ", autoescape=True) for fund in sorted(scope)))


def _grouped(group: str, biennium: str, scope: frozenset[str]) -> tuple[ColumnElement[bool], ...]:
    if group == "undated":
        return PROPOSALS.c.approved_at.is_(None), _in(scope)
    if group == "other_funds":
        return *_within(biennium), ~_in(scope)
    return *_within(biennium), _in(scope), PROPOSALS.c.route == group


def _is(name: str, value: str) -> ColumnElement[bool]:
    if name != "donor":
        return PROPOSALS.c[name] == value
    if not value:
        return PROPOSALS.c.donors == ""
    padded = "; " + PROPOSALS.c.donors + "; "
    # Not LIKE, by which SQLite finds “NORAD” in the line of “Norad”.
    return func.replace(padded, f"; {value}; ", "") != padded


def _approval(row: Any) -> Approval:
    umbrella = row.kind == "umbrella"
    if not row.route:
        return unapproved(
            row.number,
            row.state,
            umbrella=umbrella,
            illustrative=row.illustrative,
            workflow=row.workflow,
        )
    return Approval(
        number=row.number,
        title=row.title,
        state=row.state,
        funds=frozenset(row.funds.split()),
        usd=row.usd if row.usd is not None else Decimal(0),
        route=cast(Any, row.route),
        reason=row.route_reason,
        approved_at=row.approved_at,
        umbrella=umbrella,
        illustrative=row.illustrative,
        region=row.region,
        unit=row.unit,
        track=row.track,
        workflow=row.workflow,
    )
