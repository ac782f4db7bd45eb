"""A coordinator gives a condition of an approval here to somebody else to meet."""

from flask import Blueprint, flash, redirect, request, url_for
from werkzeug.wrappers import Response
from wtforms import SelectField, TextAreaField

from appraisal.appraisals.rules import permissions
from appraisal.appraisals.services import conditions
from appraisal.language.texts import N_
from appraisal.proposals.store import lists
from appraisal.vocabulary.refusals import SENTENCES, NotAllowed
from appraisal.web import formats
from appraisal.web.context import actor, begin, language, page, read, request_key, say, seen, site, with_role
from appraisal.web.fields import PROSE, needed
from appraisal.web.forms import TranslatedForm, written

bp = Blueprint("condition_owners", __name__)

Answer = str | Response | tuple[str, int]


class OwnerForm(TranslatedForm):
    """Who is to meet a condition, and why somebody else is."""

    owner = SelectField(
        N_("New owner"), validators=[needed(SENTENCES["owner_missing"])], validate_choice=False
    )
    reason = TextAreaField(
        N_("Reason"),
        description=N_("It stands in the history of each proposal."),
        validators=[needed(SENTENCES["note_missing"]), PROSE],
        render_kw={"kind": "prose"},
    )


@bp.route("/proposals/<number>/conditions/<int:condition>/owner", methods=["GET", "POST"])
@with_role("coordinator")
def show(number: str, condition: int) -> Answer:
    """Show a condition with its owner, and let another be named."""
    with read() as db:
        case, entry = conditions.find_condition(db, actor(), number, condition)
        people = sorted(lists.accounts(db), key=lambda account: account[1].casefold())
    names = {str(id): name for id, name, _ in people if id != entry.owner_id}
    form = OwnerForm(request.form)
    form.owner.choices = [("", say(N_("Choose"))), *names.items()]
    reasons = permissions.owner_naming_refusals(case, entry, actor())

    def draw() -> str:
        return page(
            "appraisals/condition_owner.html",
            case=case,
            entry=entry,
            rows=[
                {"key": say(N_("What has to be done")), "value": entry.text},
                {"key": say(N_("Owner")), "value": entry.owner},
                {"key": say(N_("Due on")), "value": formats.day(entry.due_on)},
            ],
            form=form,
            reasons=[refusal.say(language()) for refusal in reasons],
        )

    if request.method == "GET":
        return draw()
    given = form.owner.data or ""
    if not reasons and not form.validate():
        return draw(), 422
    try:
        with begin() as db:
            conditions.name_owner(
                db,
                actor(),
                site().now(),
                number,
                condition,
                int(given) if given in names else 0,
                written(form.reason),
                seen=seen(),
                request=request_key(),
            )
    except NotAllowed as error:
        if reasons or not {"owner_missing", "owner_unchanged"} & set(error.codes):
            raise
        form.complain("owner", SENTENCES["owner_missing"])
        return draw(), 422
    flash(say(N_("The condition has another owner.")), "success")
    return redirect(url_for("proposals.show", number=number), 303)
