"""Indicators: indicator 2.1 of a biennium, the proposals behind every figure, and published reports."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from babel.numbers import format_decimal
from flask import Blueprint, flash, redirect, request, url_for
from sqlalchemy import Connection
from werkzeug.wrappers import Response

from appraisal.clock import geneva_date
from appraisal.definitions.indicators import Percentage
from appraisal.domain import forms
from appraisal.domain import indicators as rules
from appraisal.domain.indicators import Approval, Report, Share
from appraisal.errors import NotFound
from appraisal.i18n import N_
from appraisal.services import indicators
from appraisal.storage import conditions, queries
from appraisal.storage.site import log_access
from appraisal.web.context import actor, begin, language, page, read, say, signed_in, site, with_role

bp = Blueprint("indicators", __name__, url_prefix="/indicators")
CODE = "2.1"


@dataclass(frozen=True, slots=True)
class Listed:
    """A proposal behind a figure, with no more of it than the reader may see."""

    number: str
    title: str
    approved_on: date | None
    funds: str
    usd: Decimal | None
    reason: str
    is_open: bool


@dataclass(frozen=True, slots=True)
class Published:
    """A published report; ``changed`` are the proposals that are counted otherwise today."""

    digest: str
    at: datetime
    percent: str
    share: str
    changed: tuple[str, ...]


@bp.get(f"/{CODE}")
@signed_in
def show() -> str:
    """Show the indicator for a biennium, that of today unless another is asked for."""
    today = geneva_date(site().now())
    biennium = request.args.get("biennium") or rules.biennium_of(today)
    indicator, workflow = site().library.indicators().indicator(CODE), site().library.newest_workflow()
    _check(biennium)
    with read() as db:
        proposals = indicators.approvals(db)
        reports = {
            entry: rules.report(indicator, workflow, entry, proposals)
            for entry in _biennia(indicator, proposals, biennium, today)
        }
        report = reports[biennium]
        counted = {entry.number for entry in report.denominator}
        return page(
            "indicators/show.html",
            indicator=indicator,
            biennium=biennium,
            report=report,
            reports=reports,
            years=years,
            percent=percent,
            share_percent=share_percent,
            lists=_lists(db, report),
            readings=_readings(report),
            standing=_standing(indicator, report, today),
            overdue=[
                entry
                for entry in conditions.overdue_conditions(db, actor(), today)
                if entry.number in counted
            ],
            states=[
                (workflow.states[key].title, count) for key, count in report.states if key in workflow.states
            ],
            published=_published(db, report),
            reads_reports=_reads_reports(),
            funds=[choice.label for choice in forms.FUNDS if choice.value in indicator.scope.funds],
            illustrative=any(entry.illustrative for entry in proposals),
        )


def _check(biennium: str) -> None:
    try:
        rules.first_year(biennium)
    except ValueError:
        raise NotFound("biennium", biennium) from None


def _biennia(indicator: Percentage, proposals: Iterable[Approval], chosen: str, today: date) -> list[str]:
    """Return the biennia with a milestone or an approval, that of today and the one chosen, in order."""
    found = {entry.biennium for entry in indicator.milestones} | {chosen, rules.biennium_of(today)}
    found |= {rules.biennium_of(geneva_date(entry.approved_at)) for entry in proposals if entry.approved_at}
    return sorted(found)


def years(biennium: str) -> str:
    """Write a biennium with the dash of a range."""
    return biennium.replace("-", "–")


def percent(value: str | Decimal | None) -> str:
    """Write a percentage as the language does; *no data* where there is none."""
    if value is None:
        return say(N_("no data"))
    number = Decimal(value)
    digits = max(0, -int(number.as_tuple().exponent))
    text = format_decimal(number, "0." + "0" * digits if digits else "0", locale=language())
    return f"{text}%" if language() == "en" else f"{text}\N{NO-BREAK SPACE}%"


def share_percent(share: Share) -> str:
    """Write a share as a percentage with one decimal."""
    return percent(rules.displayed_percent(share.exact, None))


def _standing(indicator: Percentage, report: Report, today: date) -> list[str]:
    """Say how the figure stands against the milestone of its biennium, or the next one."""
    running = rules.first_year(report.biennium) + 1 >= today.year
    ahead = [
        entry
        for entry in sorted(indicator.milestones, key=lambda entry: entry.biennium)
        if entry.biennium >= report.biennium
        and (report.share.exact is None or report.share.exact < Fraction(entry.percent))
    ]
    if not ahead or report.share.exact is None:
        return []
    short = rules.short_of(report.share, ahead[0].percent)
    found = [
        say(
            N_("Proposals short of the milestone of %(percent)s (%(biennium)s): %(count)s."),
            percent=percent(ahead[0].percent),
            biennium=years(ahead[0].biennium),
            count=short,
        )
    ]
    if running and ahead[0].biennium == report.biennium:
        found.append(_remaining(rules.further_needed(report.share, ahead[0].percent)))
    return found


def _remaining(further: int | None) -> str:
    if further is None:
        return say(
            N_(
                "It cannot be reached any more in this biennium, since an approval outside the mechanism stays counted."
            )
        )
    sentence = N_(
        "Further approvals through the mechanism, with none outside it, that would reach it: %(count)s."
    )
    return say(sentence, count=further)


def _readings(report: Report) -> list[tuple[str, str, str, str]]:
    """Return the sensitivity lines: what they read, numerator, denominator and percentage."""
    shares = (
        (N_("With overrides counted"), report.with_overrides),
        (N_("XBTC only"), report.xbtc),
        (N_("RBSA only"), report.rbsa),
    )
    found = [
        (say(title), str(share.numerator), str(share.denominator), share_percent(share))
        for title, share in shares
    ]
    part, whole = report.usd
    exact = Fraction(part) / Fraction(whole) * 100 if whole else None
    weighted = percent(rules.displayed_percent(exact, None))
    return [*found, (say(N_("Weighted by US$")), _dollars(part), _dollars(whole), weighted)]


def _dollars(amount: Decimal) -> str:
    return format_decimal(amount.quantize(Decimal(1)), "#,##0", locale=language())


def _lists(db: Connection, report: Report) -> Mapping[str, list[Listed]]:
    """Return the proposals behind the figures, with titles for those who may know of them."""
    known = queries.known_to(db, actor())
    groups = {
        "mechanism": report.numerator,
        "override": report.overrides,
        "outside": report.outside,
        "undated": report.undated,
        "other_funds": report.other_funds,
    }
    return {key: [_listed(entry, known) for entry in group] for key, group in groups.items()}


def _listed(entry: Approval, known: Mapping[str, bool]) -> Listed:
    full = known.get(entry.number, False)
    return Listed(
        number=entry.number,
        title=entry.title if entry.number in known else "",
        approved_on=geneva_date(entry.approved_at) if entry.approved_at else None,
        funds=", ".join(sorted(entry.funds)),
        usd=entry.usd if full else None,
        reason=entry.reason,
        is_open=full,
    )


def _published(db: Connection, report: Report) -> list[Published]:
    """Return the published reports of the biennium, newest first, compared with today's figure."""
    now = _counted(indicators.report_value(CODE, report))
    found = []
    for digest, at, text in indicators.published(db, CODE, report.biennium):
        value = json.loads(text)
        then = _counted(value)
        changed = sorted(number for number in now.keys() | then.keys() if now.get(number) != then.get(number))
        share = f"{value['numerator']} / {value['denominator']}"
        found.append(Published(digest, at, percent(value["percent"]), share, tuple(changed)))
    return found


def _counted(value: Mapping[str, Any]) -> dict[str, str]:
    groups: Mapping[str, Sequence[Mapping[str, Any]]] = value["proposals"]
    return {entry["number"]: group for group, entries in groups.items() for entry in entries}


def _reads_reports() -> bool:
    # A report names every proposal with its title: for those who read them all.
    return bool(actor().roles & {"coordinator", "manager", "auditor"})


@bp.post(f"/{CODE}/publish")
@with_role("coordinator")
def publish() -> Response:
    """Publish the report of a biennium as it stands now."""
    biennium = request.form.get("biennium", "")
    _check(biennium)
    with begin() as db:
        indicators.publish(db, site().library, actor(), site().now(), CODE, biennium)
    flash(say(N_("The report for %(biennium)s is published."), biennium=years(biennium)), "success")
    return redirect(url_for("indicators.show", biennium=biennium) + "#published", 303)


@bp.get(f"/{CODE}/reports/<digest>.json")
@with_role("coordinator", "manager", "auditor")
def report_file(digest: str) -> Response:
    """Hand out a published report; the SHA-256 of the file is its digest."""
    with begin() as db:
        value = indicators.find_published(db, digest)
        if value is None:
            raise NotFound("report", digest)
        log_access(db, site().now(), actor().id, "download", "report", digest)
    return Response(value, mimetype="application/json")
