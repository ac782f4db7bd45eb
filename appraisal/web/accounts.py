"""Accounts: what a person chooses for themselves: the language, and how mail comes."""

from flask import Blueprint, flash, redirect, request, session, url_for
from werkzeug.wrappers import Response
from wtforms import RadioField

from appraisal.i18n import N_
from appraisal.services import people
from appraisal.services.people import BadPerson
from appraisal.web.context import actor, begin, page, say, signed_in, site
from appraisal.web.forms import TranslatedForm, choice
from appraisal.web.people import LANGUAGES

bp = Blueprint("accounts", __name__, url_prefix="/account")

Answer = str | Response | tuple[str, int]


class AccountForm(TranslatedForm):
    """The language of pages and mail, and how often mail comes."""

    language = RadioField(
        N_("Language"),
        description=N_("Of these pages, and of the mail that you get."),
        choices=[choice(code, name) for code, name in LANGUAGES],
    )
    delivery = RadioField(
        N_("Mail"),
        choices=[
            choice("at_once", N_("At once"), N_("One message for each thing that you are told.")),
            choice(
                "daily",
                N_("Once a day"),
                N_("One message after seven in the morning, Geneva, with all that has gathered."),
            ),
        ],
    )


_FAULTS = {
    "language": ("language", N_("Choose a language.")),
    "delivery": ("delivery", N_("Choose how mail comes.")),
}


@bp.route("", methods=["GET", "POST"])
@signed_in
def edit() -> Answer:
    """Show what a person has chosen, and change it."""
    person = actor()
    if request.method == "GET":
        form = AccountForm(data={"language": person.language, "delivery": person.delivery})
        return _draw(form)
    form = AccountForm(request.form)
    chosen = form.language.data or ""
    try:
        with begin() as db:
            people.choose(db, person, language=chosen, delivery=form.delivery.data or "")
    except BadPerson as error:
        for code in error.codes:
            form.complain(*_FAULTS[code])
        return _draw(form), 422
    # Kept for the visit too, as the switch at the top of each page does.
    session["language"] = chosen
    flash(say(N_("Your choice is saved.")), "success")
    return redirect(url_for("accounts.edit"), 303)


def _draw(form: AccountForm) -> str:
    return page("accounts/edit.html", form=form, sends=site().settings.mail is not None)
