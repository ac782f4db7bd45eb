"""The lead sees the signed reviews side by side here, and sets the final ratings from them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from flask import Blueprint, flash, redirect, request, url_for
from werkzeug.wrappers import Response

from appraisal.appraisals.pages import side_by_side
from appraisal.appraisals.pages.agreement import alpha_text
from appraisal.appraisals.pages.appraisal_view import Opened, difference_page, open_appraisal
from appraisal.appraisals.rules import reviews
from appraisal.appraisals.rules.agreement import Agreement
from appraisal.appraisals.rules.reviews import Row
from appraisal.appraisals.services import lead
from appraisal.appraisals.services.reviews import adopt_agreed
from appraisal.errors import StepConflict
from appraisal.language.texts import N_
from appraisal.proposals.rules import access
from appraisal.vocabulary.refusals import NotAllowed, refuse
from appraisal.web.context import actor, begin, language, page, read, say, seen, signed_in, site
from appraisal.web.forms import TranslatedForm

bp = Blueprint("reconciliations", __name__)

Answer = str | Response | tuple[str, int]
Only = Literal["", "differing", "unexplained"]
ONLY: Final[dict[Only, str]] = {
    "": N_("All reviewed items"),
    "differing": N_("Only where they differ"),
    "unexplained": N_("Only what still needs a reason"),
}
# Items on a page: with thirty reviewers each of them is long.
PAGE: Final = 20


@dataclass(frozen=True, slots=True)
class View:
    """What the page is narrowed to, and the rows that it shows; ``place`` counts pages from 1."""

    checklist: str
    only: Only
    place: int
    rows: tuple[Row, ...]
    pages: int

    def args(self, place: int = 1) -> dict[str, Any]:
        """Return what an address of this view carries."""
        given = {"checklist": self.checklist, "only": self.only, "page": place if place > 1 else None}
        return {name: value for name, value in given.items() if value}


def _open(number: str) -> Opened:
    """Open an appraisal whose ratings the reader may see; raises ``NotAllowed``."""
    with read() as db:
        opened = open_appraisal(db, number)
    if not opened.sees_ratings:
        blind = access.is_blind(opened.case, opened.reader)
        raise NotAllowed([refuse("review_owed" if blind else "not_visible")])
    return opened


def _view(opened: Opened) -> View:
    """Narrow the rows as the address asks; what it does not know narrows nothing."""
    codes = {entry.checklist.code for entry in opened.criteria}
    asked, only = request.args.get("checklist", ""), request.args.get("only", "")
    checklist = asked if asked in codes else ""
    chosen: Only = only if only in ONLY else ""
    rows = [row for row in opened.rows if checklist in ("", row.code) and _is_wanted(row, chosen)]
    pages = max(1, -(-len(rows) // PAGE))
    given = request.args.get("page", "")
    place = min(max(1, int(given)), pages) if given.isascii() and given.isdigit() and len(given) < 6 else 1
    return View(checklist, chosen, place, tuple(rows[(place - 1) * PAGE : place * PAGE]), pages)


def _is_wanted(row: Row, only: Only) -> bool:
    if only == "unexplained":
        return row.lacks_reason
    return only == "" or bool(row.spread or row.differs)


@bp.route("/proposals/<number>/reconciliation", methods=["GET", "POST"])
@signed_in
def show(number: str) -> Answer:
    """Show what reviewers signed side by side, disagreements first; the lead sets the final ratings."""
    opened = _open(number)
    view = _view(opened)
    if request.method == "GET":
        return _draw(opened, view, view.rows, side_by_side.comparison_form(opened, view.rows))
    rows = side_by_side.sent_rows(opened, opened.rows, request.form)
    form = side_by_side.comparison_form(opened, rows, request.form)
    if opened.may_rate and not form.validate():
        return _draw(opened, view, rows, form), 422
    puts = side_by_side.changed_ratings(opened, rows, form)
    try:
        with begin() as db:
            lead.rate(db, site().library, actor(), site().now(), number, puts, seen=seen())
    except StepConflict:
        if side_by_side.sent_items(request.form) - {row.item for row in rows}:
            # Not all that was typed has a row any more, so that all of it stands on the page of the conflict.
            raise
        if puts:
            return _draw_conflict(number)
    flash(say(N_("Saved.")), "success")
    return redirect(_onward(opened, view), 303)


def _onward(opened: Opened, view: View) -> str:
    """Return the next page where that was asked for; what needs a reason moves up once one is given."""
    ahead = "next" in request.form and view.place < view.pages
    place = 1 if view.only == "unexplained" else view.place + ahead
    return url_for("reconciliations.show", number=opened.case.number, **view.args(place))


def _draw_conflict(number: str) -> tuple[str, int]:
    """Show what was typed beside what was saved meanwhile."""
    opened = _open(number)
    rows = side_by_side.sent_rows(opened, opened.rows, request.form)
    form = side_by_side.comparison_form(opened, rows, request.form)
    return _draw(opened, _view(opened), rows, form, conflict=True), 409


def _draw(
    opened: Opened,
    view: View,
    rows: tuple[Row, ...] | list[Row],
    form: TranslatedForm,
    conflict: bool = False,
) -> str:
    adoptable = reviews.adoptable(opened.case, opened.book, opened.appraisal) if opened.may_rate else []
    return page(
        "appraisals/reconciliation.html",
        opened=opened,
        view=view,
        form=form,
        only={key: say(title) for key, title in ONLY.items()},
        compared=side_by_side.compare(opened, rows, form if conflict else None),
        missing=_missing(opened, rows),
        signed=[
            (entry, side_by_side.reviewer_name(opened, entry)) for entry in reviews.signed(opened.appraisal)
        ],
        waiting=sum(entry.is_open for entry in reviews.standing(opened.appraisal)),
        adoptable=len(adoptable),
        agreement=_agreement(opened),
        conflict=conflict,
    )


def _missing(opened: Opened, rows: Sequence[Row]) -> list[tuple[str, str]]:
    """Return every item that still needs a reason, linked to its field where that is on this page."""
    here = {row.item for row in rows if side_by_side.is_editable(opened, row)}
    return [
        (row.item, f"#{row.item}-reason" if row.item in here else difference_page(opened, row))
        for row in opened.rows
        if row.lacks_reason and opened.appraisal.is_running
    ]


def _agreement(opened: Opened) -> list[tuple[str, str, Agreement]]:
    """Return how far the reviewers agree on each checklist, for those who look after the mechanism."""
    if not (opened.reader.has("coordinator") or opened.reader.has("auditor")):
        return []
    found = reviews.agreement_by_checklist(opened.case, opened.book, opened.appraisal)
    return [
        (entry.checklist.title[language()], alpha_text(agreement), agreement)
        for entry in opened.criteria
        for agreement in [found[entry.checklist.code]]
    ]


@bp.post("/proposals/<number>/reconciliation/adopt")
@signed_in
def adopt(number: str) -> Response:
    """Take over, as the lead, the ratings on which all reviewers agree."""
    opened = _open(number)
    before = opened.appraisal.ratings
    with begin() as db:
        case = adopt_agreed(db, site().library, actor(), site().now(), number, seen=seen())
    after = case.appraisal.ratings if case.appraisal else {}
    count = sum(item not in before or not before[item].value for item in after if after[item].value)
    flash(say(N_("Ratings taken over: %(count)s."), count=count), "success")
    return redirect(url_for("reconciliations.show", number=number), 303)
