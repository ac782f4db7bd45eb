"""Authors answer here the changes that a revision requires."""

from collections.abc import Sequence
from typing import Any

from flask import flash, redirect, request, url_for
from sqlalchemy import Connection
from werkzeug.wrappers import Response
from wtforms import Form, RadioField, TextAreaField, ValidationError

from appraisal.language.texts import N_
from appraisal.proposals.facts import Case, RequiredChange
from appraisal.proposals.pages.authors_only import closed_because, load_own
from appraisal.proposals.rules.rounds import changes_to_answer
from appraisal.proposals.services import drafts
from appraisal.web.context import actor, begin, page, read, say, seen, signed_in, site
from appraisal.web.fields import PROSE
from appraisal.web.forms import choice


@signed_in
def answer(number: str) -> str | Response | tuple[str, int]:
    """Answer each required change: done, saying where, or not done, saying why; some may stay open.

    What was answered with a version that was submitted stays as it is, and is only shown.
    """
    with read() as db:
        case, book = load_own(db, number)
    closed, asked = closed_because(case, book), changes_to_answer(case)
    if request.method == "GET":
        return _page(case, asked, _draw(asked), closed, case.row_version)
    form = _form(asked)(request.form)
    drawn_from = seen() or case.row_version
    if not form.validate():
        return _page(case, asked, form, closed, drawn_from), 422
    with begin() as db:
        _save(db, case, asked, form, drawn_from)
    flash(say(N_("Your answers are saved.")), "success")
    return redirect(url_for("drafts.overview", number=number), 303)


def _form(asked: Sequence[RequiredChange]) -> type[Form]:
    """Build the form: for each change an answer and a text, which only go together."""
    choices = [choice("done", say(N_("Done"))), choice("not_done", say(N_("Not done")))]
    built: dict[str, Any] = {}
    for change in asked:
        built[f"answer_{change.id}"] = RadioField(
            say(N_("Answer to change %(number)s"), number=change.number),
            choices=choices,
            # Nothing at all is an answer that is still to come.
            validate_choice=False,
            validators=[_answered_with(f"text_{change.id}")],
            render_kw={"kind": "radios", "inline": True},
        )
        built[f"text_{change.id}"] = TextAreaField(
            say(N_("Where it is done, or why not")),
            validators=[_explains(f"answer_{change.id}"), PROSE],
            render_kw={"kind": "prose", "rows": 3},
        )
    return type("AnswersForm", (Form,), built)


def _answered_with(text: str) -> Any:
    def check(form: Any, field: Any) -> None:
        if (form[text].data or "").strip() and field.data not in ("done", "not_done"):
            raise ValidationError(say(N_("Choose whether it is done or not")))

    return check


def _explains(answer: str) -> Any:
    def check(form: Any, field: Any) -> None:
        if form[answer].data and not (field.data or "").strip():
            raise ValidationError(say(N_("Say where it is done, or why not")))

    return check


def _draw(asked: Sequence[RequiredChange]) -> Form:
    data = {f"answer_{change.id}": change.answer for change in asked}
    return _form(asked)(data={**data, **{f"text_{change.id}": change.answer_text for change in asked}})


def _save(db: Connection, case: Case, asked: Sequence[RequiredChange], form: Form, drawn_from: int) -> None:
    expected: int | None = drawn_from
    for change in asked:
        given, text = form[f"answer_{change.id}"].data, form[f"text_{change.id}"].data or ""
        if not given or (given, text.strip()) == (change.answer, change.answer_text):
            continue
        drafts.answer_change(
            db, site().library, actor(), site().now(), case.number, change.id, given, text, seen=expected
        )
        # The first answer moves the proposal on; it stays locked until all are written.
        expected = None


def _page(case: Case, asked: Sequence[RequiredChange], form: Form, closed: list[str], drawn_from: int) -> str:
    return page(
        "proposals/required_changes.html",
        case=case,
        form=form,
        seen=drawn_from,
        closed=closed,
        entries=[(change, form[f"answer_{change.id}"], form[f"text_{change.id}"]) for change in asked],
        earlier=[change for change in case.changes if change not in asked],
    )
