"""Every indicator but 2.1 has a page here, beside the founding document's tables with figures."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from flask import Blueprint, request
from sqlalchemy import Connection

from appraisal.canonical import plain
from appraisal.clock import geneva_date
from appraisal.definitions.indicators import Growth, Percentage
from appraisal.errors import NotFound
from appraisal.indicators.pages.appraised_share import definitions
from appraisal.indicators.rules import other_indicators
from appraisal.indicators.rules.other_indicators import OF_PROPOSALS, SOURCES, Figure
from appraisal.indicators.services import appraised_share
from appraisal.indicators.services import other_indicators as indicators_other_indicators
from appraisal.indicators.services.appraised_share import CODE as APPRAISED
from appraisal.language.texts import N_
from appraisal.lists.pages import lists
from appraisal.lists.rules.kinds_of_list import BY_KEY, Dataset
from appraisal.lists.rules.lines import Row
from appraisal.lists.services import matching
from appraisal.proposals.rules.access import READERS
from appraisal.vocabulary.biennium import biennium_of, first_year
from appraisal.web import formats
from appraisal.web.context import actor, page, page_number, read, say, signed_in, site, with_role
from appraisal.web.formats import percent, years

bp = Blueprint("frameworks", __name__, url_prefix="/indicators")

PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an indicator stands, in words: the figure, what is behind it, and how it is judged."""

    figure: str
    behind: str
    met: bool | None
    complete: bool
    illustrative: bool


@bp.get("/")
@signed_in
def index() -> str:
    """Show the results framework as the founding document does, with the figures of a biennium beside it."""
    framework, biennium = site().library.indicators(), _biennium()
    with read() as db:
        standings = {entry.code: _standing(db, entry, biennium) for entry in framework.indicators}
    return page(
        "indicators/index.html",
        framework=framework,
        biennium=biennium,
        biennia=_biennia(framework.indicators, biennium),
        milestones=sorted(
            {milestone.biennium for entry in framework.indicators for milestone in entry.milestones}
        ),
        standings=standings,
        **_WORDS,
    )


def _biennium() -> str:
    chosen = request.args.get("biennium") or biennium_of(geneva_date(site().now()))
    try:
        first_year(chosen)
    except ValueError:
        raise NotFound("biennium", chosen) from None
    return chosen


def _biennia(entries: Sequence[Percentage | Growth], chosen: str) -> list[str]:
    """Return the biennia with a milestone, that of today and the one chosen, in order."""
    found = {milestone.biennium for entry in entries for milestone in entry.milestones}
    return sorted(found | {chosen, biennium_of(geneva_date(site().now()))})


def _standing(db: Connection, indicator: Percentage | Growth, biennium: str) -> Standing:
    if indicator.code != APPRAISED:
        return standing(indicators_other_indicators.figure(db, site().library, indicator.code, biennium))
    today = geneva_date(site().now())
    found = appraised_share.figures(db, site().library, biennium, today)[biennium]
    behind = say(N_("%(part)s of %(whole)s"), part=found.share.numerator, whole=found.share.denominator)
    complete = found.complete and matching.are_settled(db, biennium, found.scope)
    return Standing(percent(found.percent), behind, found.met, complete, found.illustrative)


def standing(found: Figure) -> Standing:
    """Put a figure into words."""
    return in_words(
        found.kind,
        found.numerator,
        found.denominator,
        found.percent,
        found.met,
        found.complete,
        found.illustrative,
    )


def in_words(
    kind: str,
    numerator: Any,
    denominator: Any,
    shown: str | None,
    met: bool | None,
    complete: bool,
    illustrative: bool,
) -> Standing:
    """Put the parts of a figure into words; a growth without a baseline is a count."""
    part, whole = formats.money(numerator), formats.money(denominator)
    if kind == "percentage":
        figure = percent(shown)
        behind = say(N_("%(part)s of %(whole)s"), part=part, whole=whole)
    elif denominator is None:
        figure, behind = part, say(N_("no baseline to compare the count with"))
    else:
        figure = percent(None) if shown is None else signed(shown)
        behind = say(N_("%(count)s, against a baseline of %(baseline)s"), count=part, baseline=whole)
    return Standing(figure, behind, met, complete, illustrative)


def signed(value: str) -> str:
    """Write a growth with its sign."""
    return percent(value) if Decimal(value) <= 0 else f"+{percent(value)}"


def aimed(indicator: Percentage | Growth, value: Decimal) -> str:
    """Write what is to be reached, as the founding document does: a percentage, or an increase."""
    if indicator.kind == "percentage":
        return percent(value)
    return say(N_("%(percent)s increase"), percent=percent(value))


def baseline(indicator: Percentage | Growth) -> str:
    """Say what the baseline is or, while nobody has entered it, that it is not entered."""
    given = indicator.baseline
    if given.value is None:
        note, missing = formats.localise(given.note), say(N_("not entered"))
        return f"{note} ({missing})" if note else say(N_("Not entered"))
    written = percent(given.value) if indicator.kind == "percentage" else formats.money(given.value)
    source = ", ".join(part for part in (given.document, given.paragraph) if part)
    return f"{written} ({source})"


_WORDS: Final = {
    "years": years,
    "percent": percent,
    "aimed": aimed,
    "baseline": baseline,
    "standing": standing,
}


def _indicator(code: str) -> Percentage | Growth:
    found = site().library.indicators().indicator(code)
    if found.measure not in SOURCES:
        raise NotFound("indicator", code)
    return found


@bp.get("/<code>")
@signed_in
def show(code: str) -> str:
    """Show an indicator for a biennium; the rows behind it to those who read them."""
    indicator, biennium = _indicator(code), _biennium()
    framework, dataset = site().library.indicators(), BY_KEY[SOURCES[indicator.measure]]
    with read() as db:
        facts = indicators_other_indicators.facts_of(db, site().library, indicator.measure)
        reports = appraised_share.published(db, code, biennium)
    figures = {
        entry: other_indicators.figure(indicator, entry, facts) for entry in _biennia([indicator], biennium)
    }
    found = figures[biennium]
    return page(
        "indicators/other_indicator.html",
        indicator=indicator,
        outcome=next(
            entry for entry in framework.outcomes if indicator in framework.of_outcome(entry.number)
        ),
        biennium=biennium,
        by_biennium=figures,
        figure=found,
        dataset=dataset,
        groups=[
            (name, group_title(indicator, name), len(rows), table(dataset, name, rows[:PAGE]))
            for name, rows in found.groups.items()
        ]
        if _reads_rows()
        else [],
        sizes=[(group_title(indicator, name), len(rows)) for name, rows in found.groups.items()],
        reads_rows=_reads_rows(),
        page_size=PAGE,
        scope=_scope(indicator),
        definitions=definitions(found.workflows),
        published=_published(reports, found),
        **_WORDS,
    )


@dataclass(frozen=True, slots=True)
class Published:
    """A published report in words; ``changed`` are the rows that are counted otherwise today."""

    digest: str
    at: datetime
    figure: str
    behind: str
    changed: tuple[str, ...]


def _published(reports: Sequence[tuple[str, datetime, str]], found: Figure) -> list[Published]:
    """Return the published reports of a biennium, newest first, compared with what is counted today."""
    today: dict[str, Any] = plain(other_indicators.told(found))
    listed = []
    for digest, at, text in reports:
        value = json.loads(text)
        said = _said(value)
        changed = tuple(entry["number"] for entry in appraised_share.changes(value, today))
        listed.append(Published(digest, at, said.figure, said.behind, changed))
    return listed


def _said(value: Mapping[str, Any]) -> Standing:
    """Put a published figure into words."""
    return in_words(
        value["kind"],
        value["numerator"],
        value["denominator"],
        value["percent"],
        value["milestone_met"],
        value["complete"],
        value["illustrative"],
    )


def _reads_rows() -> bool:
    return bool(actor().roles & READERS)


@bp.get("/<code>/rows/<group>")
@with_role("coordinator", "manager", "auditor")
def rows(code: str, group: str) -> str:
    """List the rows of a group behind a figure, fifty a page."""
    indicator, biennium = _indicator(code), _biennium()
    with read() as db:
        found = indicators_other_indicators.figure(db, site().library, code, biennium)
    if group not in found.groups:
        raise NotFound("group", group)
    number, listed = page_number(), found.groups[group]
    start = (number - 1) * PAGE
    return page(
        "indicators/rows.html",
        indicator=indicator,
        biennium=biennium,
        group=group,
        title=group_title(indicator, group),
        count=len(listed),
        table=table(BY_KEY[SOURCES[indicator.measure]], group, listed[start : start + PAGE]),
        before=number - 1 if start else 0,
        after=number + 1 if start + PAGE < len(listed) else 0,
        **_WORDS,
    )


_TITLES: Final = {
    "gaps_adequately_filled": {
        "counted": N_("Gaps that are adequately filled"),
        "others": N_("Gaps that are not"),
        "unpriced": N_("Funded proposals that name one of these gaps without an amount"),
        "unmatched": N_("Funded proposals that name a gap which no list holds"),
    },
    "funding_in_modalities": {
        "counted": N_("Agreements that count"),
        "unlinked": N_("Direct project support without a link to an outcome or programme"),
        "others": N_("Agreements of other modalities"),
    },
    "expenditure": {
        "counted": N_("Projects in the two years of the biennium"),
        "unmeasured": N_("Spent without an allocation, counted nowhere"),
    },
    "undafs_with_priorities": {
        "counted": N_("UNDAFs that reflect such priorities"),
        "others": N_("UNDAFs that do not"),
    },
    "dwcps_to_satisfaction": {
        "counted": N_("Programmes in which all take part to their satisfaction"),
        "others": N_("Programmes in which somebody does not"),
    },
    "undafs_to_satisfaction": {
        "counted": N_("UNDAFs in which all take part to their satisfaction"),
        "others": N_("UNDAFs in which somebody does not"),
    },
}
_FURTHER_TITLES: Final = {
    "unanswered": N_("Without an answer, counted nowhere"),
    "unmeasured": N_("Without an amount, counted nowhere"),
    "earlier": N_("Assessed again later in the biennium, counted nowhere"),
}


def group_title(indicator: Percentage | Growth, name: str) -> str:
    """Return what the rows of a group behind a figure are."""
    return say(_TITLES[indicator.measure].get(name) or _FURTHER_TITLES[name])


@dataclass(frozen=True, slots=True)
class Table:
    """Rows as a page draws them: the columns, and the cells of each row as text.

    ``numbers`` are the proposals that the last column of each row names.
    """

    columns: tuple[dict[str, Any], ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: tuple[tuple[str, ...], ...] | None = None


def table(dataset: Dataset, group: str, listed: Sequence[Row]) -> Table:
    """Lay the rows of a group out in columns."""
    if group in OF_PROPOSALS:
        return _proposals(listed)
    heads = [{"text": say(column.label), "number": column.kind == "money"} for column in dataset.columns]
    cells = [
        tuple(lists.written(column, row.get(column.key)) for column in dataset.columns) for row in listed
    ]
    if dataset.key != "gaps":
        return Table(tuple(heads), tuple(cells))
    heads += [{"text": say(N_("Filled (US$)")), "number": True}, {"text": say(N_("Funded proposals"))}]
    return Table(
        tuple(heads),
        tuple((*line, formats.money(row["filled"])) for line, row in zip(cells, listed, strict=True)),
        tuple(tuple(row["proposals"]) for row in listed),
    )


def _proposals(listed: Sequence[Row]) -> Table:
    heads = (N_("Gap"), N_("Funded on"), N_("Amount (US$)"), N_("Funded proposals"))
    return Table(
        tuple({"text": say(head), "number": head == "Amount (US$)"} for head in heads),
        tuple((row["gap"], formats.day(row["on"]), formats.money(row["usd"])) for row in listed),
        tuple((row["number"],) for row in listed),
    )


def _scope(indicator: Percentage | Growth) -> list[str]:
    """Say what of the facts is counted."""
    scope = indicator.scope
    dataset = BY_KEY[SOURCES[indicator.measure]]
    if scope.at_least is not None:
        sentence = N_("A gap is adequately filled from %(percent)s of its amount on.")
        return [say(sentence, percent=percent(scope.at_least))]
    if scope.modalities:
        labels = {choice.value: choice.label for choice in dataset.column("modality").choices}
        return [say(labels[name]) for name in scope.modalities]
    return [say(dataset.column(name).label) for name in scope.constituents]
