"""Reviewers fill in and sign their own review here, and see what stays of it afterwards."""

from flask import Blueprint, current_app, flash, redirect, request, url_for
from werkzeug.wrappers import Response
from wtforms import TextAreaField

from appraisal.appraisals.pages.checklist_form import Sheet, changed_ratings, sheet_form, shown_items
from appraisal.appraisals.pages.conflict_of_interest import (
    DeclarationForm,
    answer_declaration,
    decline,
    draw_declaration,
    ended,
)
from appraisal.appraisals.pages.own_review_view import Undertaken, Working, find_undertaken, today
from appraisal.appraisals.services import reviews
from appraisal.errors import StepConflict
from appraisal.language.texts import N_
from appraisal.vocabulary.refusals import SENTENCES, NotAllowed, Undeclared
from appraisal.web.context import (
    actor,
    begin,
    note_refusal,
    page,
    read,
    say,
    seen,
    sentences,
    signed_in,
    site,
)
from appraisal.web.fields import PROSE
from appraisal.web.forms import TranslatedForm, written

bp = Blueprint("reviews", __name__)
bp.add_url_rule("/proposals/<number>/review/decline", view_func=decline, methods=["GET", "POST"])

Answer = str | Response | tuple[str, int]


class SignForm(TranslatedForm):
    """What a reviewer says of the whole."""

    comment = TextAreaField(N_("Overall comment"), validators=[PROSE], render_kw={"kind": "prose", "rows": 8})


@bp.route("/proposals/<number>/review", methods=["GET", "POST"])
@signed_in
def show(number: str) -> Answer:
    """Ask for the declaration; then show how far the review is; then what was signed."""
    with read() as db:
        found = find_undertaken(db, number)
    if found.stage == "declare":
        if request.method == "POST":
            return answer_declaration(number, found)
        return draw_declaration(found, DeclarationForm())
    if request.method == "POST" or found.held is None or found.stage in ("declined", "conflict"):
        return ended(found)
    return _draw_overview(Working(found.held, actor()))


def _draw_overview(working: Working) -> str:
    items = working.proposed if working.may_rate else []
    return page(
        "appraisals/own_review.html",
        working=working,
        late=working.is_late(today()),
        progress=working.progress(),
        unchanged=[item for item in items if item not in working.changed],
        changed=[
            (item, working.page(item.partition("-")[0], item)) for item in items if item in working.changed
        ],
        side_by_side=_side_by_side(working.case.number),
    )


def _side_by_side(number: str) -> str:
    """Return the address of the page that shows all reviews side by side, where there is one."""
    endpoint = "reconciliations.show"
    return url_for(endpoint, number=number) if endpoint in current_app.view_functions else ""


def _find(number: str) -> Undertaken:
    with read() as db:
        return find_undertaken(db, number)


def _overtaken(again: Undertaken, form: SignForm | None = None) -> Answer | None:
    """Say how a review ended while a form was on its way; None where it goes on."""
    if again.held is not None and again.stage == "work":
        return None
    if form is not None and again.stage == "signed" and _signed_so(again, form):
        return redirect(url_for(".show", number=again.case.number), 303)
    return ended(again)


@bp.route("/proposals/<number>/review/<code>", methods=["GET", "POST"])
@signed_in
def checklist(number: str, code: str) -> Answer:
    """Show one checklist of the review; its reviewer rates it here, for nobody else to see before signing."""
    found = _find(number)
    if found.stage == "declare":
        raise Undeclared(number)
    if found.held is None or found.stage not in ("work", "signed"):
        return ended(found)
    working = Working(found.held, actor())
    sheet = working.sheet(code)
    if request.method == "GET":
        return _draw_sheet(working, sheet, sheet_form(sheet))
    if found.stage == "signed":
        return ended(found)
    form = sheet_form(sheet, request.form)
    if working.may_rate and not form.validate():
        return _draw_sheet(working, sheet, form), 422
    puts = changed_ratings(sheet, form)
    try:
        with begin() as db:
            reviews.rate(db, site().library, actor(), site().now(), number, puts, seen=seen())
    except NotAllowed:
        if (overtaken := _overtaken(_find(number))) is None:
            raise
        return overtaken
    except StepConflict:
        if puts:
            return _draw_conflict(number, code)
    flash(say(N_("Saved. Nobody else sees it before you sign.")), "success")
    return redirect(_next(working, code) if "next" in request.form else request.path, 303)


def _draw_sheet(working: Working, sheet: Sheet, form: TranslatedForm, conflict: bool = False) -> str:
    progress = working.progress()
    codes = [entry.checklist.code for entry in progress]
    return page(
        "appraisals/own_review_checklist.html",
        opened=working,
        may_rate=working.may_rate,
        checklist=sheet.checklist,
        form=form,
        items=shown_items(sheet, working.problems_by_item(), working.changed, form if conflict else None),
        progress=progress,
        place=codes.index(sheet.checklist.code) + 1,
        conflict=conflict,
    )


def _draw_conflict(number: str, code: str) -> Answer:
    """Show what was typed beside what was saved meanwhile, in another window."""
    found = _find(number)
    if found.held is None or found.stage != "work":
        return ended(found)
    working = Working(found.held, actor())
    sheet = working.sheet(code)
    return _draw_sheet(working, sheet, sheet_form(sheet, request.form), conflict=True), 409


def _next(working: Working, code: str) -> str:
    codes = [entry.checklist.code for entry in working.criteria]
    following = codes[codes.index(code) + 1 :]
    return working.page(following[0]) if following else url_for(".show", number=working.case.number)


@bp.post("/proposals/<number>/review/confirm")
@signed_in
def confirm(number: str) -> Answer:
    """Confirm the carried-over ratings whose evidence did not change."""
    found = _find(number)
    if found.stage == "declare":
        raise Undeclared(number)
    if found.held is None or found.stage != "work":
        return ended(found)
    before = Working(found.held, actor()).proposed
    with begin() as db:
        after = reviews.confirm_unchanged(db, site().library, actor(), site().now(), number, seen=seen())
    left = sum(after.ratings[item].proposed for item in before)
    flash(say(N_("Ratings confirmed: %(count)s."), count=len(before) - left), "success")
    return redirect(url_for(".show", number=number), 303)


@bp.route("/proposals/<number>/review/sign", methods=["GET", "POST"])
@signed_in
def sign(number: str) -> Answer:
    """Show what is still missing, take the overall comment, and sign."""
    found = _find(number)
    if found.stage == "declare":
        raise Undeclared(number)
    form = SignForm(request.form)
    if found.stage == "signed" and (request.method == "GET" or _signed_so(found, form)):
        return redirect(url_for(".show", number=number), 303)
    if found.held is None or found.stage != "work":
        return ended(found)
    working = Working(found.held, actor())
    if request.method == "GET":
        return _draw_sign(working, form)
    if not form.validate():
        return _draw_sign(working, form), 422
    try:
        with begin() as db:
            reviews.sign(
                db, site().library, actor(), site().now(), number, written(form.comment), seen=seen()
            )
    except NotAllowed as error:
        if (overtaken := _overtaken(_find(number), form)) is not None:
            return overtaken
        if error.codes != ("text_missing",):
            note_refusal(error.codes)
            return _draw_sign(working, form, refused=sentences(error)), 422
        form.complain("comment", SENTENCES["text_missing"])
        return _draw_sign(working, form), 422
    except StepConflict:
        again = _find(number)
        overtaken = _overtaken(again, form)
        if overtaken is not None or again.held is None:
            return overtaken or ended(again)
        return _draw_sign(Working(again.held, actor()), form, conflict=True), 409
    flash(say(N_("Your review is signed. It stays as it is.")), "success")
    return redirect(url_for(".show", number=number), 303)


def _signed_so(found: Undertaken, form: SignForm) -> bool:
    """Tell whether the review is signed with the comment that was sent: the form was sent twice."""
    return found.review is not None and found.review.comment == written(form.comment)


def _draw_sign(
    working: Working, form: SignForm, *, refused: list[str] | None = None, conflict: bool = False
) -> str:
    missing = working.missing(written(form.comment) or "–")
    return page(
        "appraisals/own_review_sign.html",
        working=working,
        form=form,
        progress=working.progress(),
        missing=missing,
        refused=refused or [],
        late=working.is_late(today()),
        conflict=conflict,
    )
