"""People change here what is their own: language, how mail comes, password, sessions."""

from typing import Any

from flask import Blueprint, Flask, flash, redirect, request, session, url_for
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import current_user
from werkzeug.wrappers import Response
from wtforms import RadioField

from appraisal.accounts.pages.administration import LANGUAGES
from appraisal.accounts.pages.confirmations import goes_by_mail
from appraisal.accounts.pages.sign_in import FAILURES, PASSWORD_FAULTS, TOKEN, OwnPasswordForm, leave
from appraisal.accounts.rules.sessions import EndReason
from appraisal.accounts.services import accounts, sessions
from appraisal.accounts.services.accounts import BadPerson
from appraisal.language.texts import N_
from appraisal.web.context import actor, begin, page, read, say, signed_in, site, visit
from appraisal.web.forms import TranslatedForm, choice

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
            accounts.choose(db, person, language=chosen, delivery=form.delivery.data or "")
    except BadPerson as error:
        for code in error.codes:
            form.complain(*_FAULTS[code])
        return _draw(form), 422
    # Kept for the visit too, as the switch at the top of each page does.
    session["language"] = chosen
    flash(say(N_("Your choice is saved.")), "success")
    return redirect(url_for("accounts.edit"), 303)


def _draw(form: AccountForm) -> str:
    with read() as db:
        lasting = sessions.list_sessions(db, site().settings.sessions, site().now(), actor().id)
    return page(
        "accounts/own_account.html",
        form=form,
        sends=goes_by_mail(),
        visit=visit(),
        sessions=lasting,
    )


@bp.post("/sessions/<int:id>/end")
@signed_in
def end_session(id: int) -> Response:
    """End one session of the person; the present one as the button at the top of each page does."""
    is_present = id == visit().session.id
    with begin() as db:
        reason: EndReason = "signed_out" if is_present else "listed"
        is_ended = sessions.end_session(db, site().now(), actor().id, id, reason)
    if is_present:
        return leave(N_("You are signed out."))
    if is_ended:
        flash(say(N_("The session is ended.")), "success")
    return redirect(url_for("accounts.edit"), 303)


def limit(app: Flask, limiter: Limiter) -> None:
    """Limit the failed attempts that a person has at the password, whatever the address they come from."""
    view: Any = app.view_functions["accounts.password"]
    limited = limiter.limit(
        FAILURES,
        key_func=lambda: str(actor().id) if current_user.is_authenticated else get_remote_address(),
        methods=["POST"],
        deduct_when=lambda response: response.status_code == 422,
    )
    app.view_functions["accounts.password"] = limited(view)


def too_many() -> Answer:
    """Say that there were too many attempts to change a password."""
    form = OwnPasswordForm(request.form)
    form.complain("old", N_("Too many attempts. Wait a minute, then try again."))
    return page("accounts/change_password.html", form=form), 429


@bp.route("/password", methods=["GET", "POST"])
@signed_in
def password() -> Answer:
    """Let a person change their password; their other sessions end."""
    form = OwnPasswordForm(request.form)
    if request.method == "GET":
        return page("accounts/change_password.html", form=form)
    if not form.agrees() or not _change_password(form):
        return page("accounts/change_password.html", form=form), 422
    flash(say(N_("Your password is changed. Your other sessions have ended.")), "success")
    return redirect(url_for("accounts.edit"), 303)


def _change_password(form: OwnPasswordForm) -> bool:
    """Change the password and tell whether that was done; the cookie holds a new token from then on."""
    try:
        session[TOKEN] = accounts.change_own_password(
            site().database,
            site().hashing,
            site().now(),
            actor().id,
            visit().session.id,
            old=form.old.data or "",
            new=form.password.data or "",
        )
    except BadPerson as error:
        for code in error.codes:
            form.complain(*PASSWORD_FAULTS[code])
        return False
    return True
