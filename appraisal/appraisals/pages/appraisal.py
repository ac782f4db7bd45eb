"""The page of an appraisal shows how far it is, its checklists, and its recommendation."""

from flask import Blueprint, flash, redirect, request, url_for
from werkzeug.wrappers import Response

from appraisal.appraisals.pages.appraisal_view import (
    Opened,
    closing_steps,
    open_appraisal,
    problems_of,
    progress_of,
)
from appraisal.appraisals.pages.checklist_form import Sheet, changed_ratings, sheet_form, shown_items
from appraisal.appraisals.pages.consultations import comments_of, consultation
from appraisal.appraisals.pages.recommendation import (
    RecommendationForm,
    conditions_in,
    has_place,
    low_items,
    offer_items,
    recommendation_form,
    reconcile,
    shown_in,
    takes_conditions,
)
from appraisal.appraisals.pages.reviewers import asked_of, sees_reviewers
from appraisal.appraisals.rules import reviews
from appraisal.appraisals.services import lead
from appraisal.errors import StepConflict
from appraisal.language.texts import N_
from appraisal.proposals.rules import access, disclosure
from appraisal.records.store import records
from appraisal.vocabulary.refusals import NotAllowed, refuse
from appraisal.web.context import actor, begin, language, page, read, say, seen, signed_in, site
from appraisal.web.fields import changes_rows, sent
from appraisal.web.forms import TranslatedForm

bp = Blueprint("appraisals", __name__)
bp.add_url_rule(
    "/proposals/<number>/consultations/<int:consultation>",
    view_func=consultation,
    methods=["GET", "POST"],
)

Answer = str | Response | tuple[str, int]


@bp.get("/proposals/<number>/appraisal")
@signed_in
def overview(number: str) -> Answer:
    """Show how far the appraisal is and what it comes to."""
    with read() as db:
        opened = open_appraisal(db, number)
        listed, _ = records.list_records(db, actor(), number)
    case, reader = opened.case, actor()
    if access.is_blind(case, reader):
        # A reviewer who has not signed sees nothing here but the way to the own review.
        return page("appraisals/blind.html", opened=opened, owes_by=reviews.owed(case, reader))
    items = opened.proposed if opened.may_rate else []
    return page(
        "appraisals/overview.html",
        opened=opened,
        progress=progress_of(opened) if opened.sees_ratings else [],
        problems=problems_of(opened) if opened.sees_ratings else [],
        comments=comments_of(case, opened.appraisal, reader),
        asked=asked_of(opened) if access.sees_running_ratings(case, reader) else [],
        sees_reviewers=sees_reviewers(case, reader),
        owes_by=reviews.owed(case, reader),
        has_signed=access.has_signed(opened.appraisal, reader),
        unchanged=[item for item in items if item not in opened.changed],
        changed=[(item, _item_page(opened, item)) for item in items if item in opened.changed],
        closing=closing_steps(opened),
        records=[entry for entry in listed if entry.kind == "appraisal"],
    )


def _item_page(opened: Opened, item: str) -> str:
    code = item.partition("-")[0]
    return url_for("appraisals.checklist", number=opened.case.number, code=code, _anchor=item)


def _open_ratings(number: str) -> Opened:
    """Open an appraisal whose ratings the reader may see; raises ``NotAllowed``."""
    with read() as db:
        opened = open_appraisal(db, number)
    if not opened.sees_ratings:
        # An author who stands in for the lead is told what stands against rating, not only reading.
        if request.method == "POST" and actor().id in opened.case.related("author"):
            refusals = lead.rate_refusals(opened.case, actor(), site().now())
            raise disclosure.not_allowed(opened.case, actor(), refusals)
        raise NotAllowed([refuse("not_visible")])
    return opened


@bp.route("/proposals/<number>/appraisal/<code>", methods=["GET", "POST"])
@signed_in
def checklist(number: str, code: str) -> Answer:
    """Show one checklist; its lead rates it here."""
    opened = _open_ratings(number)
    sheet = _sheet(opened, code)
    if request.method == "GET":
        return _draw_sheet(opened, sheet, sheet_form(sheet))
    form = sheet_form(sheet, request.form)
    if opened.rates(code) and not form.validate():
        return _draw_sheet(opened, sheet, form), 422
    puts = changed_ratings(sheet, form)
    try:
        with begin() as db:
            lead.rate(db, site().library, actor(), site().now(), number, puts, seen=seen())
    except StepConflict:
        if puts:
            return _draw_conflict(number, code)
    flash(say(N_("Saved.")), "success")
    return redirect(_next(opened, code) if "next" in request.form else request.path, 303)


def _sheet(opened: Opened, code: str) -> Sheet:
    return Sheet(opened.book, opened.checklist(code), opened.appraisal.ratings, opened.version)


def _draw_sheet(opened: Opened, sheet: Sheet, form: TranslatedForm, conflict: bool = False) -> str:
    progress = progress_of(opened)
    codes = [entry.checklist.code for entry in progress]
    return page(
        "appraisals/checklist.html",
        opened=opened,
        may_rate=opened.rates(sheet.checklist.code),
        unit=opened.blocks.get(sheet.checklist.code, ""),
        checklist=sheet.checklist,
        form=form,
        items=shown_items(sheet, opened.problems_by_item(), opened.changed, form if conflict else None),
        progress=progress,
        place=codes.index(sheet.checklist.code) + 1,
        conflict=conflict,
    )


def _draw_conflict(number: str, code: str) -> tuple[str, int]:
    """Show what was typed beside what was saved meanwhile."""
    opened = _open_ratings(number)
    sheet = _sheet(opened, code)
    return _draw_sheet(opened, sheet, sheet_form(sheet, request.form), conflict=True), 409


def _next(opened: Opened, code: str) -> str:
    codes = [criterion.checklist.code for criterion in opened.criteria]
    following = codes[codes.index(code) + 1 :]
    if following:
        return url_for("appraisals.checklist", number=opened.case.number, code=following[0])
    return url_for("appraisals.overview", number=opened.case.number)


@bp.post("/proposals/<number>/appraisal/confirm")
@signed_in
def confirm(number: str) -> Answer:
    """Confirm the carried-over ratings whose evidence did not change."""
    opened = _open_ratings(number)
    with begin() as db:
        case = lead.confirm_unchanged(db, site().library, actor(), site().now(), number, seen=seen())
    ratings = case.appraisal.ratings if case.appraisal else {}
    left = sum(item in ratings and ratings[item].proposed for item in opened.proposed)
    flash(say(N_("Ratings confirmed: %(count)s."), count=len(opened.proposed) - left), "success")
    return redirect(url_for("appraisals.overview", number=number), 303)


@bp.route("/proposals/<number>/appraisal/recommendation", methods=["GET", "POST"])
@signed_in
def recommendation(number: str) -> Answer:
    """Show what the appraisal comes to; its lead follows or lowers it here, and writes conditions."""
    opened = _open_ratings(number)
    if request.method == "GET":
        return _draw_recommendation(opened, recommendation_form(opened))
    form = recommendation_form(opened, sent())
    if opened.may_rate:
        if not has_place(opened, form):
            raise StepConflict(seen(), opened.appraisal.row_version)
        if changes_rows(form.own):
            offer_items(opened, form)
            return _draw_recommendation(opened, form)
        if not form.validate():
            return _draw_recommendation(opened, form), 422
    try:
        _save_recommendation(opened, form)
    except StepConflict:
        opened = _open_ratings(number)
        if not has_place(opened, form):
            raise
        form = recommendation_form(opened, request.form)
        reconcile(opened, form)
        return _draw_recommendation(opened, form, conflict=True), 409
    flash(say(N_("Saved.")), "success")
    return redirect(request.path, 303)


def _save_recommendation(opened: Opened, form: RecommendationForm) -> None:
    with begin() as db:
        lead.recommend(
            db,
            site().library,
            actor(),
            site().now(),
            opened.case.number,
            chosen=form.chosen.data or "",
            reason=(form.reason.data or "").replace("\r\n", "\n"),
            # Where the page has no place for them they stay as they are.
            conditions=conditions_in(form, low_items(opened)) if takes_conditions(opened) else None,
            known=set(shown_in(form)),
            seen=seen(),
        )


def _draw_recommendation(opened: Opened, form: RecommendationForm, conflict: bool = False) -> str:
    questions = {item.id: item.ask[language()] for entry in opened.criteria for item in entry.checklist.items}
    return page(
        "appraisals/recommendation.html",
        opened=opened,
        form=form,
        progress=progress_of(opened),
        takes_conditions=takes_conditions(opened),
        closed=[entry for entry in opened.appraisal.conditions if not entry.is_open],
        questions=questions,
        closing=closing_steps(opened),
        conflict=conflict,
    )
