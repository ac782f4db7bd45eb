"""Indicators: computing a report from what the database holds, and publishing it."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, cast

from sqlalchemy import Connection, select

from appraisal.canonical import canonical, digest
from appraisal.definitions.library import Library
from appraisal.domain import indicators
from appraisal.domain.facts import Person
from appraisal.domain.indicators import Approval, Report
from appraisal.domain.refusals import NotAllowed, refuse
from appraisal.domain.rulebooks import rulebook
from appraisal.storage import tables
from appraisal.storage.facts import load_cases, load_rates
from appraisal.storage.proposals import insert_row

PROPOSALS = tables.Proposal.__table__
REPORTS = tables.IndicatorReport.__table__


def approvals(db: Connection) -> list[Approval]:
    """Read what the indicator needs of every submitted or registered proposal, in one statement."""
    names = (
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
    )
    # Definitions are pinned by the first submission or by a registration; a draft is its authors' alone.
    pinned = PROPOSALS.c.workflow != ""
    rows = db.execute(
        select(*(PROPOSALS.c[name] for name in names)).where(pinned).order_by(PROPOSALS.c.number)
    )
    return [
        Approval(
            number=row.number,
            title=row.title,
            state=row.state,
            funds=frozenset(row.funds.split()),
            usd=row.usd if row.usd is not None else Decimal(0),
            route=cast(Any, row.route or None),
            reason=row.route_reason,
            approved_at=row.approved_at,
            umbrella=row.kind == "umbrella",
            illustrative=row.illustrative,
        )
        for row in rows
    ]


def approvals_from_facts(db: Connection, library: Library) -> list[Approval]:
    """Derive the same from the facts of every proposal: slow, and the proof that the columns are right."""
    rates = load_rates(db)
    return [
        indicators.approval_of(case, rulebook(library, case.workflow, case.set, rates))
        for case in load_cases(db)
        if case.pinned
    ]


def report(db: Connection, library: Library, code: str, biennium: str) -> Report:
    """Compute an indicator for a biennium.

    Raises ``KeyError`` for an unknown code, ``ValueError`` for what is no biennium.
    """
    indicator = library.indicators().indicator(code)
    return indicators.report(indicator, library.newest_workflow(), biennium, approvals(db))


def report_value(code: str, found: Report) -> dict[str, Any]:
    """Return a report as plain data: the figures, the definition's key and every proposal behind them."""

    def listed(proposals: Sequence[Approval]) -> list[dict[str, Any]]:
        return [
            {
                "number": entry.number,
                "title": entry.title,
                "approved_at": entry.approved_at,
                "funds": sorted(entry.funds),
                "usd": entry.usd,
                "route": entry.route,
                "reason": entry.reason,
                "illustrative": entry.illustrative,
            }
            for entry in proposals
        ]

    exact = found.share.exact
    return {
        "indicator": code,
        "biennium": found.biennium,
        "numerator": found.share.numerator,
        "denominator": found.share.denominator,
        "percent": found.percent,
        "exact": None if exact is None else f"{exact.numerator}/{exact.denominator}",
        "milestone": found.milestone,
        "milestone_met": found.met,
        "complete": found.complete,
        "with_overrides": [found.with_overrides.numerator, found.with_overrides.denominator],
        "xbtc": [found.xbtc.numerator, found.xbtc.denominator],
        "rbsa": [found.rbsa.numerator, found.rbsa.denominator],
        "usd": list(found.usd),
        "approved_of_appraised": [
            found.approved_of_appraised.numerator,
            found.approved_of_appraised.denominator,
        ],
        "states": dict(found.states),
        "illustrative": found.illustrative,
        "proposals": {
            "mechanism": listed(found.numerator),
            "override": listed(found.overrides),
            "outside": listed(found.outside),
            "undated": listed(found.undated),
            "other_funds": listed(found.other_funds),
        },
    }


def publish(db: Connection, library: Library, actor: Person, now: datetime, code: str, biennium: str) -> str:
    """Publish a report: its list and figures are kept under their digest, whatever is corrected later."""
    if not actor.has("coordinator"):
        raise NotAllowed([refuse("role_missing", role="coordinator")])
    value = {**report_value(code, report(db, library, code, biennium)), "published_at": now}
    sealed = digest(value)
    insert_row(
        db,
        tables.IndicatorReport,
        indicator=code,
        biennium=biennium,
        value=canonical(value).decode(),
        digest=sealed,
        at=now,
        by=actor.id,
    )
    return sealed


def published(db: Connection, code: str, biennium: str) -> list[tuple[str, datetime, str]]:
    """Return digest, moment and value of the reports published for a biennium, newest first."""
    rows = db.execute(
        select(REPORTS.c.digest, REPORTS.c.at, REPORTS.c.value)
        .where(REPORTS.c.indicator == code, REPORTS.c.biennium == biennium)
        .order_by(REPORTS.c.id.desc())
    )
    return [(row.digest, row.at, row.value) for row in rows]


def find_published(db: Connection, digest: str) -> str | None:
    """Return the value of a published report by its digest."""
    found: str | None = db.execute(
        select(REPORTS.c.value).where(REPORTS.c.digest == digest)
    ).scalar_one_or_none()
    return found
