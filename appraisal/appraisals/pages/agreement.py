"""Readers see how far reviewers agree on each item, over all proposals that they may read."""

from collections.abc import Iterable
from decimal import Decimal
from itertools import groupby
from typing import Any, Final

from babel.numbers import format_decimal
from flask import Blueprint, Response, request, url_for

from appraisal.appraisals.rules import agreement
from appraisal.appraisals.rules.agreement import Agreement, Measured, Reason
from appraisal.appraisals.store.agreement import count_ratings
from appraisal.language.texts import N_
from appraisal.web import csv_tables
from appraisal.web.context import actor, language, page, read, say, site, with_role

bp = Blueprint("agreements", __name__)

REASONS: Final[dict[Reason, str]] = {
    "no_pairs": N_("not computable: nothing was rated by two people"),
    "no_variation": N_("not computable: all ratings are the same"),
}


def alpha_text(found: Agreement) -> str:
    """Write alpha as the language does, or why there is none."""
    shown = agreement.displayed(found)
    if shown is None:
        return say(REASONS[found.reason])
    return format_decimal(Decimal(shown), "0.000", locale=language())


@bp.get("/agreement")
@with_role("coordinator", "auditor")
def show() -> str:
    """Show the agreement on each item by set and checklist, or the lowest first."""
    lowest = request.args.get("sort") == "lowest"
    measured, illustrative = _measure()
    return page(
        "appraisals/agreement.html",
        sets=[_of_set(rows, lowest) for rows in _by_set(measured)],
        lowest=lowest,
        illustrative=illustrative,
        sorts=[
            (say(N_("By checklist")), url_for(".show"), not lowest),
            (say(N_("Lowest agreement first")), url_for(".show", sort="lowest"), lowest),
        ],
    )


def _measure() -> tuple[list[Measured], bool]:
    with read() as db:
        counted = count_ratings(db, actor())
    illustrative = any(entry.illustrative for entry in counted)
    return agreement.by_item(site().library, counted), illustrative


def _by_set(measured: Iterable[Measured]) -> list[list[Measured]]:
    return [list(rows) for _, rows in groupby(measured, key=lambda entry: entry.set.key)]


def _of_set(measured: list[Measured], lowest: bool) -> dict[str, Any]:
    """Return the tables of one set, each with its title and its rows."""
    chosen = measured[0].set
    if lowest:
        tables = [("", [_row(entry) for entry in agreement.lowest_first(measured)])]
    else:
        tables = [
            (entries[0].checklist.title[language()], [_row(entry) for entry in entries])
            for _, rows in groupby(measured, key=lambda entry: entry.checklist.code)
            for entries in [list(rows)]
        ]
    return {"title": chosen.title[language()], "key": chosen.key, "tables": tables}


def _row(entry: Measured) -> dict[str, Any]:
    return {
        "item": entry.item.id,
        "ask": entry.item.ask[language()],
        "alpha": alpha_text(entry.agreement),
        "units": entry.agreement.units,
        "pairs": entry.agreement.pairs,
    }


@bp.get("/agreement.csv")
@with_role("coordinator", "auditor")
def sheet() -> Response:
    """Hand out the same figures as a sheet, the numbers as numbers."""
    measured, _ = _measure()
    titles = (
        N_("Set"),
        N_("Checklist"),
        N_("Item"),
        N_("Question"),
        N_("Alpha"),
        N_("Appraisals"),
        N_("Pairs"),
        N_("Remark"),
    )
    return csv_tables.sheet("agreement", [say(title) for title in titles], map(_cells, measured))


def _cells(entry: Measured) -> tuple[object, ...]:
    found, shown = entry.agreement, agreement.displayed(entry.agreement)
    return (
        entry.set.key,
        entry.checklist.title[language()],
        entry.item.id,
        entry.item.ask[language()],
        "" if shown is None else Decimal(shown),
        found.units,
        found.pairs,
        say(REASONS[found.reason]) if found.reason else "",
    )
