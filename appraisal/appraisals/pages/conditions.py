"""Conditions are reported, closed and waived here, each with the reasons why somebody may not."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from werkzeug.wrappers import Response
from wtforms import TextAreaField

from appraisal.appraisals.pages import condition_history
from appraisal.appraisals.rules import permissions
from appraisal.appraisals.services import conditions as services
from appraisal.errors import NotFound
from appraisal.language.texts import N_
from appraisal.people.facts import Person
from appraisal.proposals.facts import Case, Condition
from appraisal.proposals.rules import access
from appraisal.proposals.services.opening import check_seen, view
from appraisal.vocabulary.refusals import SENTENCES, Refusal
from appraisal.web import formats
from appraisal.web.context import actor, begin, page, read, reasons, say, seen, signed_in, site
from appraisal.web.fields import PROSE, needed
from appraisal.web.forms import TranslatedForm, written

bp = Blueprint("conditions", __name__)
bp.add_url_rule(
    "/proposals/<number>/conditions/<int:condition>", view_func=condition_history.show, methods=["GET"]
)

Answer = str | Response | tuple[str, int]
Judge = Callable[[Case, Condition, Person], list[Refusal]]


class EvidenceForm(TranslatedForm):
    """What shows that a condition is met."""

    text = TextAreaField(
        N_("Evidence"),
        description=N_("The document, its date, and what it shows"),
        validators=[needed(SENTENCES["evidence_missing"]), PROSE],
        render_kw={"kind": "prose"},
    )


class WaiverForm(TranslatedForm):
    """Why a condition is waived."""

    text = TextAreaField(
        N_("Reason"),
        description=N_("Once a condition is waived, only an override by two managers can approve."),
        validators=[needed(SENTENCES["note_missing"]), PROSE],
        render_kw={"kind": "prose"},
    )


@bp.route("/proposals/<number>/conditions/<int:condition>/clear", methods=["GET", "POST"])
@signed_in
def clear(number: str, condition: int) -> Answer:
    """Close a condition with evidence."""
    return _close(
        number,
        condition,
        EvidenceForm(request.form),
        permissions.clearing_refusals,
        services.clear_condition,
        {
            "act": "clear",
            "label": say(N_("Close the condition")),
            "done": say(N_("The condition is closed.")),
        },
    )


@bp.route("/proposals/<number>/conditions/<int:condition>/waive", methods=["GET", "POST"])
@signed_in
def waive(number: str, condition: int) -> Answer:
    """Waive a condition with a reason."""
    return _close(
        number,
        condition,
        WaiverForm(request.form),
        partial(permissions.waiving_refusals, now=site().now()),
        services.waive_condition,
        {
            "act": "waive",
            "label": say(N_("Waive the condition")),
            "done": say(N_("The condition is waived.")),
        },
    )


@bp.route("/proposals/<number>/conditions/<int:condition>/report", methods=["GET", "POST"])
@signed_in
def report(number: str, condition: int) -> Answer:
    """Report a condition as met; its owner comes here without reading the rest of the proposal."""
    with read() as db:
        case, entry = services.find_condition(db, actor(), number, condition, seen=seen())
    form = EvidenceForm(request.form, data={"text": entry.report})
    refusals = permissions.reporting_refusals(case, entry, actor())
    reads_all = access.level(case, actor()) == "full"
    words = {
        "act": "report",
        "label": say(N_("Report the condition as met")),
        "back": url_for("proposals.show", number=number) if reads_all else url_for("work.show"),
    }
    if request.method == "GET":
        return _draw(case, entry, form, refusals, words)
    if not refusals and not form.validate():
        return _draw(case, entry, form, refusals, words), 422
    with begin() as db:
        services.report_condition(
            db, actor(), site().now(), number, condition, written(form.text), seen=seen()
        )
    flash(say(N_("The condition is reported as met. A coordinator looks at it and closes it.")), "success")
    return redirect(words["back"], 303)


def _close(
    number: str, condition: int, form: Any, judge: Judge, close: Callable[..., Case], words: dict[str, str]
) -> Answer:
    with read() as db:
        case, _ = view(db, site().library, number, actor())
    if request.method == "POST":
        # Before it is looked for: opened again by its lead, the appraisal has taken it along.
        check_seen(case, seen())
    entries = case.finalised.conditions if case.finalised else ()
    entry = next((entry for entry in entries if entry.id == condition), None)
    if entry is None:
        raise NotFound("condition", str(condition))
    refusals = judge(case, entry, actor())
    if request.method == "GET":
        return _draw(case, entry, form, refusals, words)
    if not refusals and not form.validate():
        return _draw(case, entry, form, refusals, words), 422
    with begin() as db:
        close(db, site().library, actor(), site().now(), number, condition, written(form.text), seen=seen())
    flash(words["done"], "success")
    return redirect(url_for("proposals.show", number=number), 303)


def _draw(case: Case, entry: Condition, form: Any, refusals: list[Refusal], words: Mapping[str, str]) -> str:
    rows: list[dict[str, Any]] = [
        {"key": say(N_("What has to be done")), "value": entry.text},
        {"key": say(N_("Item")), "value": entry.item or say(N_("The whole proposal"))},
        {"key": say(N_("Owner")), "value": entry.owner},
        {"key": say(N_("Due on")), "value": formats.day(entry.due_on)},
        {"key": say(N_("To be met")), "value": formats.gate(entry.gate)},
    ]
    if entry.reported_at is not None:
        said = [
            say(
                N_("%(name)s, %(at)s"),
                name=case.name(entry.reported_by),
                at=formats.moment(entry.reported_at),
            ),
            entry.report,
        ]
        rows.append({"key": say(N_("Reported as met")), "value": said})
    return page(
        "appraisals/condition_close.html",
        case=case,
        entry=entry,
        rows=rows,
        form=form,
        reasons=reasons(case, refusals),
        **{"back": url_for("proposals.show", number=case.number), **words},
    )
