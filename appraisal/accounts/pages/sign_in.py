"""People sign in and out here, choose the language of the pages, and set a password by a link."""

import logging
from typing import Any

from flask import Blueprint, Flask, flash, g, redirect, request, session, url_for
from flask_limiter import Limiter
from flask_login import UserMixin, current_user
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.wrappers import Response
from wtforms import PasswordField, StringField

from appraisal.accounts.pages.confirmations import goes_by_mail
from appraisal.accounts.rules.sessions import Visit, is_use_due
from appraisal.accounts.services import accounts, sessions
from appraisal.accounts.services.accounts import BadPerson, Purpose
from appraisal.accounts.store import sessions as stored
from appraisal.errors import StepConflict
from appraisal.language.texts import LANGUAGES, N_
from appraisal.web import formats
from appraisal.web.context import actor, begin, page, read, say, signed_in, site, visit
from appraisal.web.forms import TranslatedForm

bp = Blueprint("sessions", __name__)
# Failed attempts from one address; many people may sit behind it, so that success does not count.
FAILURES = "10 per minute"
# Where Flask-Login looks for what the cookie holds.
TOKEN = "_user_id"  # noqa: S105 - no secret

Answer = str | Response | tuple[str, int]


class Visitor(UserMixin):
    """A person in a session; the cookie holds its token and says nothing else of it."""

    def __init__(self, visit: Visit, token: str) -> None:
        self.visit = visit
        self.person = visit.person
        self.token = token

    def get_id(self) -> str:
        """Return what the cookie holds."""
        return self.token


class SignInForm(TranslatedForm):
    """E-mail address and password."""

    email = StringField(N_("E-mail address"), render_kw={"kind": "email", "autocomplete": "username"})
    password = PasswordField(N_("Password"))


class OwnPasswordForm(TranslatedForm):
    """The present password, and a new one, typed twice."""

    old = PasswordField(N_("Your present password"), render_kw={"autocomplete": "current-password"})
    password = PasswordField(
        N_("New password"),
        description=N_("At least 12 characters. Several words that you can remember are best."),
        render_kw={"autocomplete": "new-password"},
    )
    again = PasswordField(N_("The new password again"), render_kw={"autocomplete": "new-password"})

    def agrees(self) -> bool:
        """Tell whether the same password was typed twice, and complain where it was not."""
        agrees = (self.password.data or "") == (self.again.data or "")
        if not agrees:
            self.complain("again", N_("The two passwords differ."))
        return agrees


class PasswordForm(OwnPasswordForm):
    """A new password of somebody who came by a link, typed twice."""

    # So a field of the form above is left out.
    old = None  # type: ignore[assignment]


def limit(app: Flask, limiter: Limiter) -> None:
    """Limit the failed attempts to sign in that one address has; a process counts for itself."""
    view: Any = app.view_functions["sessions.sign_in"]
    limited = limiter.limit(
        FAILURES,
        methods=["POST"],
        deduct_when=lambda response: response.status_code != 303,
    )
    app.view_functions["sessions.sign_in"] = limited(view)


def too_many() -> Answer:
    """Say that there were too many attempts to sign in."""
    form = SignInForm(request.form)
    form.form_errors = [say(N_("Too many attempts. Wait a minute, then try again."))]
    return page("accounts/sign_in.html", form=form, onward=_onward()), 429


@bp.route("/sign-in", methods=["GET", "POST"])
def sign_in() -> Answer:
    """Ask who is there, and let them in."""
    if current_user.is_authenticated:
        return redirect(_onward() or url_for("work.show"), 303)
    form = SignInForm(request.form)
    if request.method == "GET":
        return page("accounts/sign_in.html", form=form, onward=_onward(), ended=TOKEN in session)
    token = accounts.sign_in(
        site().database,
        site().hashing,
        site().now(),
        request.form.get("email", ""),
        request.form.get("password", ""),
        request.user_agent.string,
    )
    if token is None:
        # One message for both, so that nobody learns which addresses have an account.
        form.form_errors = [say(N_("The e-mail address or the password is not right."))]
        return page("accounts/sign_in.html", form=form, onward=_onward()), 422
    onward = _onward()
    enter(token)
    _tell_of_links(token)
    return redirect(onward or url_for("work.show"), 303)


def enter(token: str) -> None:
    """Let the cookie hold the token of a session that begins, and nothing of what it held before."""
    session.clear()
    session[TOKEN] = token
    session.permanent = True


def leave(message: str) -> Response:
    """Empty the cookie, but for the language, and lead to the page of signing in."""
    language = current_user.person.language if current_user.is_authenticated else session.get("language")
    session.clear()
    if language:
        session["language"] = language
    flash(say(message), "success")
    return redirect(url_for("sessions.sign_in"), 303)


def note_use(response: Response) -> Response:
    """Write down now and then that the session of a request is used, in a transaction of its own.

    It comes after the page, which neither waits for others who write nor fails because this cannot be
    written: the next one will do.
    """
    # Nobody is looked for where the page did not ask who is there.
    user = g.get("_login_user")
    if isinstance(user, Visitor) and is_use_due(user.visit.session, site().settings.sessions, site().now()):
        database = site().database
        try:
            if not database.is_writing():
                with database.begin_note() as db:
                    stored.note_use(db, site().now(), user.visit.session.id)
        except (SQLAlchemyError, StepConflict):
            logging.exception("The use of a session was not written down")
    return response


def _tell_of_links(token: str) -> None:
    """Tell the person who signs in of the links with which the password was set lately."""
    now = site().now()
    with read() as db:
        entered = sessions.find_visit(db, site().settings.sessions, now, token)
        links = accounts.links_spent(db, entered.person.id, now) if entered is not None else []
    for link in links:
        names = {"asker": link.asked_by or say(_CONSOLE), "other": link.confirmed_by or say(_CONSOLE)}
        told = say(_BY_LINK[link.how], moment=formats.moment(link.at), **names)
        flash(f"{told} {say(_NOT_YOU)}", "warning")


_CONSOLE = N_("the command line")
_NOT_YOU = N_("If you know nothing of this, tell an administrator and your manager at once.")
_BY_LINK = {
    "mail": N_(
        "Your password was set on %(moment)s by a link that was sent to your address. Asked for by: %(asker)s."
    ),
    "shown": N_("Your password was set on %(moment)s by a link. Asked for by: %(asker)s."),
    "confirmed": N_(
        "Your password was set on %(moment)s by a link. Asked for by: %(asker)s. Confirmed by: %(other)s."
    ),
    "emergency": N_("Your password was set on %(moment)s by a link that was made on the command line."),
}


def _onward() -> str:
    """Return where to go afterwards; an empty text where the form or the address names no local path."""
    return local_path(request.values.get("next", ""))


def local_path(given: str) -> str:
    """Return a path of this site as it is, and nothing for any other address."""
    is_plain = given.isprintable() and "\\" not in given and not given.startswith("//")
    return given if is_plain and given.startswith("/") else ""


@bp.route("/sign-out", methods=["POST"])
def sign_out() -> Response:
    """End the session; the language stays."""
    if current_user.is_authenticated:
        with begin() as db:
            sessions.end_session(db, site().now(), actor().id, visit().session.id)
    return leave(N_("You are signed out."))


@bp.post("/sign-out/everywhere")
@signed_in
def sign_out_everywhere() -> Response:
    """End all sessions of the person."""
    with begin() as db:
        sessions.end_everywhere(db, site().now(), actor().id)
    return leave(N_("You are signed out everywhere."))


@bp.route("/language", methods=["POST"])
def language() -> Response:
    """Remember the language of the pages, for the visit and on the account."""
    chosen = request.form.get("language", "")
    if chosen in LANGUAGES:
        session["language"] = chosen
        if current_user.is_authenticated:
            with begin() as db:
                accounts.set_language(db, actor().id, chosen)
    return redirect(_onward() or url_for("work.show"), 303)


@bp.route("/invitation/<token>", methods=["GET", "POST"])
def invitation(token: str) -> Answer:
    """Let somebody who was invited choose a password."""
    return _by_link(token, "invitation")


@bp.route("/password-reset/<token>", methods=["GET", "POST"])
def reset(token: str) -> Answer:
    """Let somebody with a link choose a new password."""
    return _by_link(token, "reset")


def _by_link(token: str, purpose: Purpose) -> Answer:
    form = PasswordForm(request.form)
    try:
        with read() as db:
            invited = accounts.person_of_link(db, site().now(), token, purpose)
        if request.method == "POST" and _set_password(form, token, purpose):
            flash(say(N_("Your password is set. Sign in with it.")), "success")
            return redirect(url_for("sessions.sign_in"), 303)
    except BadPerson:
        return page("accounts/dead_link.html"), 404
    drawn = page("accounts/password_new.html", form=form, invited=invited, purpose=purpose)
    return (drawn, 422) if form.errors else drawn


def _set_password(form: PasswordForm, token: str, purpose: Purpose) -> bool:
    """Set the password given and tell whether that was done; raises ``BadPerson`` for a dead link."""
    if not form.agrees():
        return False
    try:
        with begin() as db:
            accounts.set_password_by_link(
                db, site().hashing, site().now(), token, purpose, form.password.data or ""
            )
    except BadPerson as error:
        if error.codes[0] not in PASSWORD_FAULTS:
            raise
        form.complain(*PASSWORD_FAULTS[error.codes[0]])
        return False
    return True


# Of what is wrong with a password: the field, and what is said there.
PASSWORD_FAULTS = {
    "password_short": ("password", N_("Choose a password of at least 12 characters.")),
    "password_long": ("password", N_("Choose a password of at most 200 characters.")),
    "password_wrong": ("old", N_("This is not your present password.")),
}


@bp.get("/password-reset")
def forgotten() -> str:
    """Say who issues a new link."""
    return page("accounts/password_forgotten.html", by_mail=goes_by_mail())
