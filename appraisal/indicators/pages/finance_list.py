"""The finance list of newly opened projects is shown with the proposals that it was matched with or lacks."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from typing import Final

from flask import Blueprint, flash, redirect, request, url_for
from sqlalchemy import Connection
from werkzeug.wrappers import Response

from appraisal.app.pages.outside_approvals import check_page, is_duplicate, other_phases
from appraisal.clock import geneva_date
from appraisal.errors import NotFound, StepConflict
from appraisal.indicators.services import appraised_share
from appraisal.language.texts import N_
from appraisal.lists.rules import matching as rules_of_matches
from appraisal.lists.rules.matching import Candidate, Changed, Difference, Link, Project, content_of
from appraisal.lists.services import matching
from appraisal.lists.store import matching as stored
from appraisal.people.store.people import load_people
from appraisal.proposals.services.opening import load
from appraisal.proposals.store.case import load_rates
from appraisal.vocabulary.biennium import first_year
from appraisal.vocabulary.limits import LINE_LIMIT
from appraisal.vocabulary.refusals import NotAllowed, refuse
from appraisal.web import formats
from appraisal.web.context import (
    actor,
    begin,
    language,
    page,
    page_number,
    read,
    request_key,
    say,
    site,
    with_role,
)
from appraisal.web.formats import years
from appraisal.workflow.rules import machine
from appraisal.workflow.services import outside_approvals

bp = Blueprint("matches", __name__, url_prefix=f"/indicators/{appraised_share.CODE}/finance-list")
Answer = str | Response | tuple[str, int]

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
    """A project with its proposal, and how that was found, in words.

    ``opened`` and ``approved`` are their US$ where they differ by more than a tenth; ``reason`` is why the
    approval has another project as well.
    """

    project: Project
    number: str
    how: str
    at: datetime
    opened: Decimal | None = None
    approved: Decimal | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Again:
    """A link that somebody has to look at again, with what changed; ``several`` asks for a reason."""

    link: Link
    differences: Sequence[str]
    several: bool


@bp.get("")
@with_role("coordinator", "manager", "auditor")
def show() -> str:
    """Show the projects that are no proposal here, of a biennium where one is asked for, and the others."""
    biennium = request.args.get("biennium", "")
    if biennium:
        _check(biennium)
    start = page_number() - 1
    with read() as db:
        waiting = _missing(db, biennium)
        shown = list(islice(waiting, start * PAGE, start * PAGE + PAGE))
        rest = sum(1 for _ in waiting)
        suggested = matching.suggestions(db, shown)
        again = matching.changed(db, biennium, _scope()) if biennium else matching.changed_links(db)
        opened = _page_of(_unapproved(db, biennium), page_number("opened"))
        after = request.args.get("linked", "")[:LINE_LIMIT]
        linked = _matched(db, after)
        return page(
            "indicators/finance_list.html",
            biennium=biennium,
            years=years,
            lines=[Line(entry, suggested[entry.key]) for entry in shown],
            count=start * PAGE + len(shown) + rest,
            projects=stored.count_projects(db),
            opened=[
                (entry, matching.state_title(site().library, entry)[language()]) for entry in opened.shown
            ],
            unapproved=opened.count,
            opened_before=_opened_url(biennium, opened.place - 1) if opened.place > 1 else None,
            opened_after=_opened_url(biennium, opened.place + 1) if opened.has_more else None,
            again=_in_full(again[:PAGE]),
            changed=len(again),
            matched=linked[:PAGE],
            linked_first=url_for(".show", biennium=biennium or None, _anchor="linked") if after else None,
            linked_after=_linked_url(biennium, linked[PAGE - 1].project.key) if linked[PAGE:] else None,
            most=PAGE,
            previous=url_for(".show", biennium=biennium or None, page=start) if start else None,
            following=url_for(".show", biennium=biennium or None, page=start + 2) if rest else None,
        )


def _check(biennium: str) -> None:
    try:
        first_year(biennium)
    except ValueError:
        raise NotFound("biennium", biennium) from None


def _missing(db: Connection, biennium: str) -> Iterator[Project]:
    if not biennium:
        return stored.unmatched(db)
    return matching.missing(db, biennium, _scope())


@dataclass(frozen=True, slots=True)
class Opened:
    """A page of the projects that were opened without an approval here, and how many there are in all."""

    shown: Sequence[stored.Unapproved]
    count: int
    place: int
    has_more: bool


def _page_of(listed: Iterator[stored.Unapproved], place: int) -> Opened:
    passed = sum(1 for _ in islice(listed, (place - 1) * PAGE))
    shown = list(islice(listed, PAGE))
    rest = sum(1 for _ in listed)
    return Opened(shown, passed + len(shown) + rest, place, rest > 0)


def _opened_url(biennium: str, place: int) -> str:
    return url_for(".show", biennium=biennium or None, opened=place, _anchor="unapproved")


def _linked_url(biennium: str, after: str) -> str:
    return url_for(".show", biennium=biennium or None, linked=after, _anchor="linked")


def _unapproved(db: Connection, biennium: str) -> Iterator[stored.Unapproved]:
    if not biennium:
        return stored.unapproved(db, _scope())
    return matching.unapproved(db, biennium, _scope())


def _in_full(found: Iterable[Changed]) -> list[Again]:
    """Say of each link that is to be looked at again what changed under it."""
    return [
        Again(
            entry.link,
            [say(sentence, **facts) for sentence, facts in map(_in_words, entry.differences)],
            bool(entry.link.reason) or any(each.name == "another" for each in entry.differences),
        )
        for entry in found
    ]


def _in_words(entry: Difference) -> tuple[str, dict[str, str]]:
    def day(text: str) -> str:
        return formats.day(date.fromisoformat(text))

    return rules_of_matches.in_words(entry.name, entry.was, entry.now, formats.money, day)


def _scope() -> frozenset[str]:
    return frozenset(appraised_share.definition(site().library, appraised_share.CODE).scope.funds)


def _matched(db: Connection, after: str) -> list[Matched]:
    """Return a page of the projects with their proposals, from behind a key on, and one more if there is."""
    found = stored.matched(db, PAGE + 1, after)
    people = load_people(db, {entry.by for entry in found})
    rates, today = load_rates(db), geneva_date(site().now())
    lines = []
    for entry in found:
        how = say(_HOW[entry.how], name=people[entry.by].name if entry.by in people else "")
        opened = rules_of_matches.usd_of(entry.project, rates, today)
        amounts = (opened, entry.usd) if rules_of_matches.differs(opened, entry.usd) else (None, None)
        lines.append(Matched(entry.project, entry.number, how, entry.at, *amounts, entry.reason))
    return lines


@bp.post("/confirm")
@with_role("coordinator")
def confirm() -> Response:
    """Take a project for a proposal that a coordinator has looked at, suggested or typed by its number."""
    number = request.form.get("number", "").strip().upper()
    try:
        with begin() as db:
            matching.confirm(db, actor(), site().now(), _key(), number, _reason())
    except NotFound as error:
        if error.kind != "proposal":
            raise
        # Nobody is told of a draft, or of what they may not read.
        flash(say(N_("There is no proposal %(number)s that could be this project."), number=number), "error")
        return _back()
    flash(say(N_("The project is proposal %(number)s."), number=number), "success")
    return _back()


@bp.route("/register", methods=["GET", "POST"])
@with_role("coordinator")
def register() -> Answer:
    """Show what registering a project that never came here would store and count, and then do it."""
    if request.method == "GET":
        return _ask(request.args)
    try:
        with begin() as db:
            case = outside_approvals.register_project(
                db, site().library, actor(), site().now(), _key(), request_key(), other_phases()
            )
    except NotAllowed as error:
        if not is_duplicate(error):
            raise
        return _ask(request.form), 422
    flash(say(N_("The approval is registered as %(number)s."), number=case.number), "success")
    return _back()


def _ask(given: Mapping[str, str]) -> str:
    """Draw what would be stored of a project, and why it cannot be where that is so."""
    now, key, biennium = site().now(), given.get("project", ""), given.get("biennium", "")
    with read() as db:
        project = stored.find_project(db, key)
        if project is None:
            raise NotFound("project", key)
        if not project.fund:
            raise NotAllowed([refuse("fund_unknown")])
        approval = outside_approvals.approval_of(project, now)
        found = outside_approvals.examine(db, site().library, now, content_of(project), approval)
        is_matched = stored.matched_to(db, key) is not None
        return check_page(
            db,
            found,
            [("project", key), ("biennium", biennium)],
            url_for(".register"),
            url_for(".show", biennium=biennium or None),
            reasons=[refuse("project_matched").say(language())] if is_matched else [],
        )


@bp.post("/look")
@with_role("coordinator")
def look() -> Response:
    """Say that a link holds, which a coordinator has looked at again since the facts under it changed."""
    try:
        with begin() as db:
            seal = request.form.get("seal", "")
            matching.look_again(db, actor(), site().now(), _key(), seal, _reason())
    except StepConflict:
        flash(say(N_("Something else changed meanwhile: look at it once more.")), "error")
        return _back()
    flash(say(N_("The link stands, as it was looked at now.")), "success")
    return _back()


@bp.post("/undo")
@with_role("coordinator")
def undo() -> Response:
    """Take a project for no proposal any more; what the match had registered is corrected on its own page."""
    with begin() as db:
        registered = matching.undo(db, actor(), site().now(), _key())
        step = None if registered is None else _correcting(db, registered)
    flash(say(N_("The project is taken for no proposal any more.")), "success")
    if registered is None or step is None:
        return _back()
    sentence = N_("Its approval %(number)s is still registered, and counts. Correct the registration here.")
    flash(say(sentence, number=registered), "warning")
    return redirect(url_for("steps.take", number=registered, name=step), 303)


def _correcting(db: Connection, number: str) -> str | None:
    """Return the step by which the registration of a proposal can be taken back by whoever asks."""
    case, book = load(db, site().library, number, actor())
    found = {
        entry.transition.act: entry.transition.name
        for entry in machine.allowed(book, case, actor(), site().now())
        if entry.is_open
    }
    return next((found[act] for act in ("correct_registration", "propose_correction") if act in found), None)


def _key() -> str:
    return request.form.get("project", "")


def _reason() -> str:
    return request.form.get("reason", "")[:LINE_LIMIT]


def _back() -> Response:
    return redirect(url_for(".show", biennium=request.form.get("biennium") or None), 303)
