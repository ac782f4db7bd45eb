"""Matches: the finance list of newly opened projects held against the proposals that are here."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Final

from flask import Blueprint, flash, redirect, request, url_for
from sqlalchemy import Connection
from werkzeug.wrappers import Response

from appraisal.domain import indicators as rules
from appraisal.domain.matches import Candidate, Project
from appraisal.errors import NotFound
from appraisal.i18n import N_
from appraisal.services import approvals, indicators, matches
from appraisal.storage import matches as stored
from appraisal.storage.facts import load_people
from appraisal.web.context import actor, begin, page, read, request_key, say, site, with_role
from appraisal.web.indicators import years

bp = Blueprint("matches", __name__, url_prefix=f"/indicators/{indicators.CODE}/finance-list")
# So many projects stand on a page.
PAGE: Final = 25
_HOW: Final = {
    "symbol": N_("by its symbol"),
    "confirmed": N_("confirmed by %(name)s"),
    "outside": N_("registered by %(name)s"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """A project that is no proposal here yet, with those that it may be."""

    project: Project
    suggested: Sequence[Candidate]


@dataclass(frozen=True, slots=True)
class Matched:
    """A project with its proposal, and how that was found, in words."""

    project: Project
    number: str
    how: str
    at: datetime


@bp.get("")
@with_role("coordinator", "manager", "auditor")
def show() -> str:
    """Show the projects that are no proposal here, of a biennium where one is asked for, and the others."""
    biennium = request.args.get("biennium", "")
    if biennium:
        _check(biennium)
    start = max(1, request.args.get("page", 1, int)) - 1
    with read() as db:
        waiting = _missing(db, biennium)
        shown = list(islice(waiting, start * PAGE, start * PAGE + PAGE))
        rest = sum(1 for _ in waiting)
        suggested = matches.suggestions(db, shown)
        return page(
            "matches/show.html",
            biennium=biennium,
            years=years,
            lines=[Line(entry, suggested[entry.key]) for entry in shown],
            count=start * PAGE + len(shown) + rest,
            projects=stored.count_projects(db),
            matched=_matched(db),
            most=PAGE,
            previous=url_for(".show", biennium=biennium or None, page=start) if start else None,
            following=url_for(".show", biennium=biennium or None, page=start + 2) if rest else None,
        )


def _check(biennium: str) -> None:
    try:
        rules.first_year(biennium)
    except ValueError:
        raise NotFound("biennium", biennium) from None


def _missing(db: Connection, biennium: str) -> Iterator[Project]:
    if not biennium:
        return stored.unmatched(db)
    scope = frozenset(indicators.definition(site().library, indicators.CODE).scope.funds)
    return matches.missing(db, biennium, scope)


def _matched(db: Connection) -> list[Matched]:
    """Return the projects that were matched last."""
    found = stored.matched(db, PAGE)
    people = load_people(db, {entry.by for entry in found})
    return [
        Matched(
            entry.project,
            entry.number,
            say(_HOW[entry.how], name=people[entry.by].name if entry.by in people else ""),
            entry.at,
        )
        for entry in found
    ]


@bp.post("/confirm")
@with_role("coordinator")
def confirm() -> Response:
    """Take a project for a proposal that a coordinator has looked at."""
    number = request.form.get("number", "").strip().upper()
    with begin() as db:
        matches.confirm(db, actor(), site().now(), _key(), number)
    flash(say(N_("The project is proposal %(number)s."), number=number), "success")
    return _back()


@bp.post("/register")
@with_role("coordinator")
def register() -> Response:
    """Register a project that never came here as an approval outside the mechanism."""
    with begin() as db:
        case = approvals.register_project(db, site().library, actor(), site().now(), _key(), request_key())
    flash(say(N_("The approval is registered as %(number)s."), number=case.number), "success")
    return _back()


@bp.post("/undo")
@with_role("coordinator")
def undo() -> Response:
    """Take a project for no proposal any more."""
    with begin() as db:
        matches.undo(db, actor(), site().now(), _key())
    flash(say(N_("The project is taken for no proposal any more.")), "success")
    return _back()


def _key() -> str:
    return request.form.get("project", "")


def _back() -> Response:
    return redirect(url_for(".show", biennium=request.form.get("biennium") or None), 303)
