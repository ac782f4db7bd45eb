"""Sessions: signing in and out, the language of the pages, and the links that set a password."""

from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Flask, flash, redirect, request, session, url_for
from flask_limiter import Limiter
from flask_login import UserMixin, current_user, login_user, logout_user
from werkzeug.wrappers import Response
from wtforms import PasswordField, StringField

from appraisal.domain.facts import Person
from appraisal.i18n import LANGUAGES, N_
from appraisal.services import people
from appraisal.services.people import BadPerson, Purpose
from appraisal.storage.site import log_access
from appraisal.web import formats
from appraisal.web.context import actor, begin, page, read, say, site
from appraisal.web.forms import TranslatedForm

bp = Blueprint("sessions", __name__)
# Failed attempts from one address; many people may sit behind it, so that success does not count.
FAILURES = "10 per minute"

Answer = str | Response | tuple[str, int]


class Visitor(UserMixin):
    """A person in a session; the session ends when the person's epoch moves on."""

    def __init__(self, person: Person, epoch: int) -> None:
        self.person = person
        self.epoch = epoch

    def get_id(self) -> str:
        """Return what the session remembers."""
        return f"{self.person.id}.{self.epoch}"


class SignInForm(TranslatedForm):
    """E-mail address and password."""

    email = StringField(N_("E-mail address"), render_kw={"kind": "email", "autocomplete": "username"})
    password = PasswordField(N_("Password"))


class PasswordForm(TranslatedForm):
    """A new password, typed twice."""

    password = PasswordField(
        N_("Password"),
        description=N_("At least 12 characters. Several words that you can remember are best."),
        render_kw={"autocomplete": "new-password"},
    )
    again = PasswordField(N_("The same password again"), render_kw={"autocomplete": "new-password"})


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
    return page("sessions/sign_in.html", form=form, onward=_onward()), 429


@bp.route("/sign-in", methods=["GET", "POST"])
def sign_in() -> Answer:
    """Ask who is there, and let them in."""
    if current_user.is_authenticated:
        return redirect(_onward() or url_for("work.show"), 303)
    form = SignInForm(request.form)
    if request.method == "GET":
        return page("sessions/sign_in.html", form=form, onward=_onward())
    account = people.sign_in(
        site().database,
        site().hashing,
        site().now(),
        request.form.get("email", ""),
        request.form.get("password", ""),
    )
    if account is None:
        # One message for both, so that nobody learns which addresses have an account.
        form.form_errors = [say(N_("The e-mail address or the password is not right."))]
        return page("sessions/sign_in.html", form=form, onward=_onward()), 422
    onward = _onward()
    session.clear()
    login_user(Visitor(account.person, account.session_epoch))
    session.permanent = True
    _tell_of_links(account.person)
    return redirect(onward or url_for("work.show"), 303)


def _tell_of_links(person: Person) -> None:
    """Tell whoever signs in of the links with which the password was set lately."""
    with read() as db:
        links = people.links_spent(db, person.id, site().now())
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
    parts = urlsplit(given)
    plain = given.isprintable() and "\\" not in given and not given.startswith("//")
    return given if plain and given.startswith("/") and not parts.scheme and not parts.netloc else ""


@bp.route("/sign-out", methods=["POST"])
def sign_out() -> Response:
    """End the session; the language stays."""
    language = current_user.person.language if current_user.is_authenticated else session.get("language")
    if current_user.is_authenticated:
        with begin() as db:
            log_access(db, site().now(), actor().id, "sign_out")
    logout_user()
    session.clear()
    if language:
        session["language"] = language
    flash(say(N_("You are signed out.")), "success")
    return redirect(url_for("sessions.sign_in"), 303)


@bp.route("/language", methods=["POST"])
def language() -> Response:
    """Remember the language of the pages, for the visit and on the account."""
    chosen = request.form.get("language", "")
    if chosen in LANGUAGES:
        session["language"] = chosen
        if current_user.is_authenticated:
            with begin() as db:
                people.set_language(db, actor().id, chosen)
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
            invited = people.person_of_link(db, site().now(), token, purpose)
        if request.method == "POST" and _set_password(form, token, purpose):
            flash(say(N_("Your password is set. Sign in with it.")), "success")
            return redirect(url_for("sessions.sign_in"), 303)
    except BadPerson:
        return page("sessions/dead_link.html"), 404
    drawn = page("sessions/password.html", form=form, invited=invited, purpose=purpose)
    return (drawn, 422) if form.errors else drawn


def _set_password(form: PasswordForm, token: str, purpose: Purpose) -> bool:
    """Set the password given and tell whether that was done; raises ``BadPerson`` for a dead link."""
    given = form.password.data or ""
    if given != (form.again.data or ""):
        form.complain("again", N_("The two passwords differ."))
        return False
    try:
        with begin() as db:
            people.set_password_by_link(db, site().hashing, site().now(), token, purpose, given)
    except BadPerson as error:
        if error.codes[0] not in _PASSWORD_FAULTS:
            raise
        form.complain("password", _PASSWORD_FAULTS[error.codes[0]])
        return False
    return True


_PASSWORD_FAULTS = {
    "password_short": N_("Choose a password of at least 12 characters."),
    "password_long": N_("Choose a password of at most 200 characters."),
}


@bp.get("/password-reset")
def forgotten() -> str:
    """Say who issues a new link."""
    return page("sessions/forgotten.html", by_mail=site().settings.mail is not None)
