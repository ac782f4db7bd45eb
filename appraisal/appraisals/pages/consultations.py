"""Units read here what they were asked, and answer it, each seeing what they may."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from flask import flash, redirect, request, url_for
from werkzeug.wrappers import Response
from wtforms import TextAreaField

from appraisal.appraisals.pages.appraisal_view import Opened, open_appraisal
from appraisal.appraisals.rules import permissions, responses, reviews
from appraisal.appraisals.rules.responses import Status
from appraisal.appraisals.services import lead
from appraisal.clock import geneva_date
from appraisal.deadlines.rules import due_dates
from appraisal.errors import NotFound
from appraisal.language.texts import N_
from appraisal.people.facts import Person
from appraisal.proposals.facts import Appraisal, Case, Consultation
from appraisal.proposals.rules import access
from appraisal.web import formats
from appraisal.web.context import actor, begin, page, read, reasons, say, signed_in, site
from appraisal.web.fields import PROSE, needed
from appraisal.web.forms import TranslatedForm, written

Answer = str | Response | tuple[str, int]


_TONES: Final[Mapping[Status, str]] = {
    "answered": "good",
    "answered_late": "warn",
    "released": "",
    "silent": "warn",
    "overdue": "warn",
    "awaited": "neutral",
}


@dataclass(frozen=True, slots=True)
class Comment:
    """One consultation as a page shows it; ``may_read`` is about its text, ``may_answer`` about giving it.

    ``due_on`` is the day that was set, and the days on hold since. ``status`` says in words how the
    unit stands to its answer; one without a ``tone`` is a sentence.
    """

    entry: Consultation
    answered_by: str
    due_on: date
    is_late: bool
    status: str
    tone: str
    may_read: bool
    may_answer: bool


class CommentForm(TranslatedForm):
    """The comment of a unit."""

    text = TextAreaField(
        N_("Comment"),
        validators=[needed(N_("Write the comment.")), PROSE],
        render_kw={"kind": "prose", "rows": 10},
    )


def comments_of(case: Case, appraisal: Appraisal, reader: Person) -> list[Comment]:
    """Return the units that were asked, and what the reader may do about each."""
    return [_comment(case, appraisal, entry, reader) for entry in appraisal.consultations]


def _comment(case: Case, appraisal: Appraisal, entry: Consultation, reader: Person) -> Comment:
    now = site().now()
    status = responses.status(case, entry, geneva_date(now))
    return Comment(
        entry,
        case.name(entry.answered_by),
        due_dates.due_day(case, entry),
        responses.is_late(case, entry, now),
        say(responses.SENTENCES[status], day=formats.day_of(entry.released_at)),
        _TONES[status],
        permissions.sees_answer(case, appraisal, entry, reader),
        not permissions.answering_refusals(case, entry, reader),
    )


@signed_in
def consultation(number: str, consultation: int) -> Answer:
    """Show what a unit was asked; a coordinator answers here on its behalf, and it by a review."""
    opened, comment = _find_comment(number, consultation)
    if access.is_blind(opened.case, actor()):
        return redirect(url_for("reviews.show", number=number), 303)
    form = CommentForm(request.form)
    if request.method == "GET":
        return _draw_comment(opened, comment, form)
    if comment.may_answer and not form.validate():
        return _draw_comment(opened, comment, form), 422
    text = written(form.text)
    if not (comment.entry.answered_by == actor().id and comment.entry.text == text):
        # The same form sent twice says the same thing once.
        with begin() as db:
            lead.answer_consultation(
                db,
                site().library,
                actor(),
                site().now(),
                number,
                consultation,
                text,
            )
    flash(say(N_("The comment of %(unit)s is kept."), unit=comment.entry.unit), "success")
    return redirect(url_for("appraisals.consultation", number=number, consultation=consultation), 303)


def _find_comment(number: str, consultation: int) -> tuple[Opened, Comment]:
    """Find a consultation of any appraisal of the proposal; an earlier one may still be answered."""
    with read() as db:
        opened = open_appraisal(db, number)
    asked = responses.consultation_of(opened.case, consultation)
    if asked is None:
        raise NotFound("consultation", str(consultation))
    appraisal, entry = asked
    version = next(entry for entry in opened.case.versions if entry.id == appraisal.version_id)
    about = Opened(opened.case, opened.book, appraisal, version, opened.reader)
    return about, _comment(about.case, appraisal, entry, about.reader)


def _draw_comment(opened: Opened, comment: Comment, form: CommentForm) -> str:
    refusals = permissions.answering_refusals(opened.case, comment.entry, actor())
    asked = [entry.checklist for entry in opened.criteria if comment.entry.unit in entry.checklist.consult]
    return page(
        "appraisals/consultation.html",
        opened=opened,
        comment=comment,
        form=form,
        reasons=reasons(opened.case, refusals),
        asked=asked,
        reviews_it=reviews.waiting_for_unit(opened.case, actor()) == comment.entry,
    )
