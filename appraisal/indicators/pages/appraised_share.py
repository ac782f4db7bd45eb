"""Readers see indicator 2.1 of a biennium, the proposals behind every figure, and published reports."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from babel.numbers import format_decimal
from flask import Blueprint, flash, redirect, request, url_for
from sqlalchemy import Connection
from werkzeug.wrappers import Response

from appraisal.appraisals.store import conditions
from appraisal.clock import geneva_date
from appraisal.definitions.indicators import Percentage
from appraisal.definitions.percentages import displayed_percent
from appraisal.errors import NotFound
from appraisal.indicators.rules import appraised_share as rules
from appraisal.indicators.rules.appraised_share import Figures, Line, Share
from appraisal.indicators.rules.titles import BREAKDOWNS
from appraisal.indicators.rules.titles import GROUPS as GROUP_TITLES
from appraisal.indicators.services import appraised_share
from appraisal.indicators.services.appraised_share import CODE, GROUPS
from appraisal.indicators.store import approvals
from appraisal.indicators.store.reports import languages_of
from appraisal.language.texts import N_
from appraisal.lists.services import matching
from appraisal.lists.store import lists
from appraisal.lists.store import matching as stored_matches
from appraisal.proposals.rules import form as proposals_form
from appraisal.proposals.rules.approval import Approval
from appraisal.proposals.store import lists as proposals_lists
from appraisal.vocabulary.biennium import biennium_of, first_year
from appraisal.web import downloads
from appraisal.web.context import (
    actor,
    language,
    page,
    page_number,
    read,
    say,
    signed_in,
    site,
    with_role,
    workflows,
)
from appraisal.web.fields import DayField
from appraisal.web.formats import percent, years
from appraisal.web.forms import TranslatedForm

bp = Blueprint("indicators", __name__, url_prefix="/indicators")
# So many proposals of a group stand on the page itself; its own list holds all, in pages.
SHOWN: Final = 25
PAGE: Final = 100


class AsOfForm(TranslatedForm):
    """A day of the past."""

    as_of = DayField(N_("As it was known at the end of"))


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
class Group:
    """Proposals that are counted in one way: how many there are, and the first of them."""

    key: str
    title: str
    count: int
    listed: tuple[Listed, ...]


@dataclass(frozen=True, slots=True)
class Breakdown:
    """A breakdown of the figure: ``lines`` as (title, value, figures), ``bars`` as a picture draws them."""

    name: str
    lines: tuple[tuple[str, str, Line], ...]
    bars: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Published:
    """A published report; ``changed`` are the proposals that are counted otherwise today."""

    digest: str
    at: datetime
    percent: str
    share: str
    changed: tuple[str, ...]
    # In which languages its PDF is there.
    languages: frozenset[str]


@bp.get(f"/{CODE}")
@signed_in
def show() -> str:
    """Show the indicator for a biennium, that of today unless another is asked for, now or as of a day."""
    today = geneva_date(site().now())
    biennium, form = _biennium(), AsOfForm(request.args)
    # Today is not over yet: what is known is what is known now.
    as_of = form.as_of.data if form.validate() and form.as_of.data and form.as_of.data < today else None
    if form.as_of.data and form.as_of.data > today:
        form.complain("as_of", N_("This day is still to come: the figure is that of today"))
    library = site().library
    indicator = appraised_share.definition(library, CODE)
    with read() as db:
        view = _then(db, biennium, as_of) if as_of else _now(db, biennium, today)
        report = view.reports[biennium]
        return page(
            "indicators/appraised_share.html",
            indicator=indicator,
            biennium=biennium,
            as_of=as_of,
            form=form,
            report=report,
            reports=view.reports,
            years=years,
            percent=percent,
            share_percent=share_percent,
            groups=view.groups,
            breakdowns=_titled(view.breakdowns) if _reads_reports() else (),
            readings=_readings(report),
            unvalued=view.unvalued,
            standing=_standing(indicator, report, today),
            overdue=view.overdue,
            missing=view.missing if _reads_reports() else None,
            unapproved=view.unapproved,
            changed=view.changed,
            has_list=bool(lists.count_rows(db).get(stored_matches.DATASET)),
            states=_states(report),
            definitions=definitions({workflow for workflow, *_ in report.states}),
            published=_published(db, report),
            reads_reports=_reads_reports(),
            funds=[choice.label for choice in proposals_form.FUNDS if choice.value in indicator.scope.funds],
            illustrative=any(entry.illustrative for entry in view.reports.values()),
        )


def definitions(used: Iterable[str]) -> list[str]:
    """Return the definitions that a figure is computed by, its workflows among them, with their digests."""
    library = site().library
    named = [appraised_share.definition_value(library), *appraised_share.workflow_values(library, used)]
    return [f"{entry['key']} ({entry['digest']})" for entry in named]


def _states(report: Figures) -> list[tuple[str, int]]:
    """Return how many proposals stand in each state, as the workflow calls it that they pinned.

    Where several workflows call one by the same name, each line says of which it is.
    """
    found = []
    several = len({workflow for workflow, *_ in report.states}) > 1
    for key, state, count in report.states:
        flow = workflows().get(key)
        title = flow.states[state].title[language()] if flow and state in flow.states else state
        found.append((f"{title} ({key})" if several else title, count))
    return found


@dataclass(frozen=True, slots=True)
class View:
    """What the page shows of the indicator: figures by biennium, breakdowns, and what is behind them."""

    reports: Mapping[str, Figures]
    breakdowns: Mapping[str, Sequence[Line]]
    groups: list[Group]
    missing: int = 0
    unapproved: int = 0
    changed: int = 0
    unvalued: Sequence[str] = ()
    overdue: Sequence[conditions.Overdue] = ()


def _now(db: Connection, biennium: str, today: date) -> View:
    """Look at the sums that steps keep."""
    reports = appraised_share.figures(db, site().library, biennium, today)
    report = reports[biennium]
    unvalued = approvals.unvalued(db, biennium, report.scope)
    beside = approvals.unvalued_beside(db, biennium, report.scope)
    behind = {
        # Where nobody is counted, nobody is looked for.
        key: approvals.behind(db, biennium, report.scope, key, {}, 0, SHOWN) if count else []
        for key, count in _counts(report).items()
    }
    counted = approvals.counted(biennium, report.scope)
    ended = site().library.states(lambda state: state.terminal)
    return View(
        reports,
        appraised_share.breakdowns(db, biennium, report.scope),
        _groups(db, _counts(report), behind, [*unvalued, *beside]),
        sum(1 for _ in matching.missing(db, biennium, report.scope)),
        sum(1 for _ in matching.unapproved(db, biennium, report.scope)),
        len(matching.changed(db, biennium, report.scope)),
        unvalued,
        conditions.overdue_conditions(db, actor(), today, ended, *counted),
    )


def _then(db: Connection, biennium: str, as_of: date) -> View:
    """Compute everything from the trail, as it was known at the end of a day."""
    past = appraised_share.read_past(as_of.isoformat())
    found = appraised_share.report(db, site().library, CODE, biennium, past)
    behind = {key: getattr(found, key) for key in GROUPS}
    unvalued = approvals.unvalued(db, biennium, found.figures.scope, past)
    beside = approvals.unvalued_beside(db, biennium, found.figures.scope, past)
    groups = _groups(db, _counts(found.figures), behind, [*unvalued, *beside])
    missing = sum(1 for _ in matching.missing(db, biennium, found.figures.scope, past))
    unapproved = sum(1 for _ in matching.unapproved(db, biennium, found.figures.scope, past))
    changed = len(matching.changed(db, biennium, found.figures.scope, past))
    return View({biennium: found.figures}, found.breakdowns, groups, missing, unapproved, changed, unvalued)


@bp.get(f"/{CODE}/proposals")
@signed_in
def behind() -> str:
    """List the proposals behind a figure: a group, narrowed to a line of a breakdown where one is named."""
    biennium, group = _biennium(), request.args.get("group", "")
    if group not in GROUPS:
        raise NotFound("group", group)
    narrowed = {name: request.args[name] for name in rules.BREAKDOWNS if name in request.args}
    if narrowed and not _reads_reports():
        # Which unit or donor a number is of would be told by where it stands.
        raise NotFound("breakdown", next(iter(narrowed)))
    number = page_number()
    scope = frozenset(appraised_share.definition(site().library, CODE).scope.funds)
    with read() as db:
        found = approvals.behind(db, biennium, scope, group, narrowed, (number - 1) * PAGE, PAGE + 1)
        known = proposals_lists.known_to(db, actor(), [entry.number for entry in found])
        ask = approvals.unvalued_beside if group in ("undated", "other_funds") else approvals.unvalued
        unvalued = ask(db, biennium, scope)
    here: dict[str, Any] = {"biennium": biennium, "group": group, **narrowed}
    return page(
        "indicators/proposals_counted.html",
        title=say(GROUP_TITLES[group]),
        lines=[_line_title(name, value) for name, value in narrowed.items()],
        biennium=biennium,
        years=years,
        listed=_listed(found[:PAGE], known, unvalued),
        with_reason=group in ("outside", "undated"),
        previous=url_for("indicators.behind", **here, page=number - 1) if number > 1 else None,
        following=url_for("indicators.behind", **here, page=number + 1) if len(found) > PAGE else None,
    )


def _biennium() -> str:
    """Return the biennium that is asked for, that of today by default."""
    asked = request.args.get("biennium") or biennium_of(geneva_date(site().now()))
    _check(asked)
    return asked


def _check(biennium: str) -> None:
    try:
        first_year(biennium)
    except ValueError:
        raise NotFound("biennium", biennium) from None


def share_percent(share: Share) -> str:
    """Write a share as a percentage with one decimal."""
    return percent(displayed_percent(share.exact, None))


def _standing(indicator: Percentage, report: Figures, today: date) -> list[str]:
    """Say how the figure stands against the milestone of its biennium, or the next one."""
    running = first_year(report.biennium) + 1 >= today.year
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


def _readings(report: Figures) -> list[tuple[str, str, str, str]]:
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
    weighted = percent(displayed_percent(exact, None))
    return [*found, (say(N_("Weighted by US$")), _dollars(part), _dollars(whole), weighted)]


def _dollars(amount: Decimal) -> str:
    return format_decimal(amount.quantize(Decimal(1)), "#,##0", locale=language())


def _counts(report: Figures) -> dict[str, int]:
    """Return how many proposals each group holds."""
    return {
        "mechanism": report.share.numerator,
        "override": report.overrides,
        "outside": report.outside,
        "undated": report.undated,
        "other_funds": report.other_funds,
    }


def _groups(
    db: Connection,
    counts: Mapping[str, int],
    behind: Mapping[str, Sequence[Approval]],
    unvalued: Collection[str],
) -> list[Group]:
    """Return the groups of proposals behind the figures."""
    known = proposals_lists.known_to(
        db, actor(), [entry.number for entries in behind.values() for entry in entries]
    )
    return [
        Group(key, title, counts[key], _listed(behind[key], known, unvalued))
        for key, title in GROUP_TITLES.items()
    ]


def _listed(
    found: Sequence[Approval], known: Mapping[str, bool], unvalued: Collection[str]
) -> tuple[Listed, ...]:
    """Return proposals with titles for those who may know of them; what nobody knows is no amount."""
    return tuple(
        Listed(
            number=entry.number,
            title=entry.title if entry.number in known else "",
            approved_on=geneva_date(entry.approved_at) if entry.approved_at else None,
            funds=", ".join(sorted(entry.funds)),
            usd=entry.usd if known.get(entry.number) and entry.number not in unvalued else None,
            reason=entry.reason,
            is_open=known.get(entry.number, False),
        )
        for entry in found
    )


def _titled(found: Mapping[str, Sequence[Line]]) -> list[Breakdown]:
    """Return the breakdowns, each with its lines as a table and as a picture holds them."""
    return [
        Breakdown(
            name,
            tuple((_line_title(name, line.value), line.value, line) for line in found[name]),
            tuple(_bars(name, found[name])),
        )
        for name in BREAKDOWNS
    ]


def _bars(name: str, lines: Sequence[Line]) -> Iterator[dict[str, Any]]:
    """Yield what a picture of a breakdown draws: the largest lines, and one that sums up the others."""
    shown, others = rules.largest(lines)
    for line in shown:
        yield _bar(_line_title(name, line.value), line)
    if others:
        yield _bar(say(N_("%(count)s others"), count=len(others)), rules.summed(others))


def _bar(label: str, line: Line) -> dict[str, Any]:
    share = line.share
    said = say(
        N_("%(part)s of %(whole)s (%(percent)s)"),
        part=share.numerator,
        whole=share.denominator,
        percent=share_percent(share),
    )
    return {"label": label, "part": share.numerator, "whole": share.denominator, "text": said}


def _line_title(name: str, value: str) -> str:
    """Return how a line of a breakdown is called; units and donors bear the names that people gave them."""
    if not value:
        return say(N_("Not stated"))
    if name == "region":
        return next((say(entry.label) for entry in proposals_form.REGIONS if entry.value == value), value)
    if name == "track":
        tracks = site().library.tracks()
        return tracks[value].title[language()] if value in tracks else value
    return value


def _published(db: Connection, report: Figures) -> list[Published]:
    """Return the published reports of the biennium, newest first, compared with what is counted today."""
    reports = appraised_share.published(db, CODE, report.biennium)
    now = approvals.routes_of(db, report.biennium, report.scope) if reports else {}
    drawn = languages_of(db, [digest for digest, _, _ in reports]) if reports else {}
    found = []
    for digest, at, text in reports:
        value = json.loads(text)
        then = {
            entry["number"]: (group, Decimal(entry["usd"]))
            for group in _COUNTED
            for entry in value["proposals"][group]
        }
        changed = sorted(number for number in now.keys() | then.keys() if now.get(number) != then.get(number))
        share = f"{value['numerator']} / {value['denominator']}"
        languages = drawn.get(digest, frozenset())
        found.append(Published(digest, at, percent(value["percent"]), share, tuple(changed), languages))
    return found


# The groups of the denominator, which bear the names of routes.
_COUNTED: Final = ("mechanism", "override", "outside")


def _reads_reports() -> bool:
    # A report names every proposal with its title: for those who read them all.
    return bool(actor().roles & {"coordinator", "manager", "auditor"})


@bp.post("/<code>/publish")
@with_role("coordinator")
def publish(code: str) -> Response:
    """Publish the report of a biennium as it stands now."""
    biennium = request.form.get("biennium", "")
    _check(biennium)
    found = appraised_share.publish(site().database, site().library, actor(), site().now(), code, biennium)
    if found[1]:
        flash(say(N_("The report for %(biennium)s is published."), biennium=years(biennium)), "success")
    else:
        flash(
            say(N_("Nothing has changed since the last report for %(biennium)s."), biennium=years(biennium))
        )
    shown = (
        url_for("indicators.show", biennium=biennium)
        if code == CODE
        else url_for("frameworks.show", code=code, biennium=biennium)
    )
    return redirect(f"{shown}#published", 303)


@bp.get("/<code>/reports/<digest>.json")
@with_role("coordinator", "manager", "auditor")
def report_file(code: str, digest: str) -> Response:
    """Hand out a published report; the SHA-256 of the file is its digest."""
    with read() as db:
        value = appraised_share.find_published(db, digest)
    if value is None or json.loads(value)["indicator"] != code:
        raise NotFound("report", digest)
    return downloads.note(Response(value, mimetype="application/json"), "report", digest)
