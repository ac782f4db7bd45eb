"""An administrator hands over the appraisals that somebody leads to another appraiser."""

from collections.abc import Sequence

from flask import Blueprint, flash, redirect, request, url_for
from werkzeug.wrappers import Response
from wtforms import SelectField, SelectMultipleField, TextAreaField

from appraisal.accounts.services import accounts
from appraisal.language.texts import N_
from appraisal.proposals.store import lists
from appraisal.vocabulary.refusals import SENTENCES
from appraisal.web.context import actor, language, note_refusal, number, page, read, say, site, with_role
from appraisal.web.fields import PROSE, needed
from appraisal.web.formats import named
from appraisal.web.forms import TranslatedForm, written
from appraisal.workflow import store as workflow_store
from appraisal.workflow.services import handovers
from appraisal.workflow.services.handovers import HandedOver

bp = Blueprint("handovers", __name__, url_prefix="/people")

Answer = str | Response | tuple[str, int]


class HandoverForm(TranslatedForm):
    """Which appraisals are handed over, to whom, and why."""

    numbers = SelectMultipleField(
        N_("Appraisals"),
        validators=[needed(N_("Choose at least one."))],
        validate_choice=False,
        render_kw={"kind": "checkboxes"},
    )
    lead = SelectField(
        N_("New lead appraiser"), validators=[needed(SENTENCES["lead_missing"])], validate_choice=False
    )
    reason = TextAreaField(
        N_("Reason"),
        description=N_("It stands in the history of each proposal."),
        validators=[needed(SENTENCES["note_missing"]), PROSE],
        render_kw={"kind": "prose"},
    )


@bp.route("/<int:id>/appraisals", methods=["GET", "POST"])
@with_role("administrator")
def show(id: int) -> Answer:
    """Show which appraisals wait for a person, by number alone, and hand them over."""
    if request.method == "GET":
        return _draw(id, None)
    form = HandoverForm(request.form)
    if not form.validate():
        return _draw(id, form), 422
    given = form.lead.data or ""
    done = handovers.hand_over(
        site().database,
        site().library,
        actor(),
        site().now(),
        form.numbers.data or (),
        person=id,
        lead=number(given) or 0,
        reason=written(form.reason),
    )
    if given_over := [entry.number for entry in done if not entry.refusals]:
        flash(say(N_("Handed over: %(numbers)s."), numbers=", ".join(given_over)), "success")
    if refused := [entry for entry in done if entry.refusals]:
        note_refusal(f"{entry.number}:{refusal.code}" for entry in refused for refusal in entry.refusals)
        return _draw(id, form, refused), 422
    return redirect(url_for("people.edit", id=id), 303)


def _draw(id: int, form: HandoverForm | None, refused: Sequence[HandedOver] = ()) -> str:
    with read() as db:
        holder = accounts.find_person(db, id).person
        led = [entry.number for entry in workflow_store.led_by(db, id)]
        appraisers = [person for person in lists.appraisers(db) if person.id != id]
    drawn = form or HandoverForm(data={"numbers": led})
    drawn.numbers.choices = [(number, number) for number in led]
    drawn.lead.choices = [
        ("", say(N_("Choose"))),
        *((str(person.id), named(person)) for person in appraisers),
    ]
    reasons = [
        f"{entry.number}: {refusal.say(language())}" for entry in refused for refusal in entry.refusals
    ]
    return page("workflow/handovers.html", holder=holder, form=drawn, led=led, refused=reasons)
