"""The application: built from a site, with nothing read from anywhere else."""

from datetime import timedelta
from typing import Any

import jinja2
from flask import Flask, Response, abort, request, url_for
from flask_limiter import Limiter, RateLimitExceeded
from flask_limiter.util import get_remote_address
from flask_login import LoginManager, current_user
from flask_wtf import CSRFProtect

from appraisal import i18n
from appraisal.domain import substitutions
from appraisal.errors import NotFound
from appraisal.paths import folder
from appraisal.services import people
from appraisal.web import (
    account_events,
    accounts,
    activities,
    agreements,
    appraisals,
    approvals,
    bundles,
    conditions,
    confirmations,
    cookies,
    datasets,
    differences,
    drafts,
    errors,
    feeds,
    formats,
    frameworks,
    handovers,
    indicators,
    lessons,
    matches,
    menus,
    pipelines,
    proposals,
    reconciliations,
    records,
    reviewers,
    reviews,
    selfchecks,
    sessions,
    settings,
    similarities,
    steps,
    times,
    verifications,
    work,
    workflow,
)
from appraisal.web import (
    people as people_pages,
)
from appraisal.web import (
    substitutions as substitution_pages,
)
from appraisal.web.context import Site, language, new_request_key

BLUEPRINTS = (
    sessions.bp,
    work.bp,
    proposals.bp,
    differences.bp,
    drafts.bp,
    similarities.bp,
    selfchecks.bp,
    lessons.bp,
    datasets.bp,
    steps.bp,
    appraisals.bp,
    reviewers.bp,
    reviews.bp,
    reconciliations.bp,
    agreements.bp,
    conditions.bp,
    approvals.bp,
    records.bp,
    bundles.bp,
    indicators.bp,
    matches.bp,
    frameworks.bp,
    activities.bp,
    feeds.bp,
    pipelines.bp,
    times.bp,
    people_pages.bp,
    confirmations.bp,
    account_events.bp,
    handovers.bp,
    substitution_pages.bp,
    accounts.bp,
    settings.bp,
    workflow.bp,
    verifications.bp,
)
# Nothing may be loaded or sent to but from and to here; no inline script or style runs.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
MOST_BYTES = 21 * 1024 * 1024


def create_app(site: Site) -> Flask:
    """Build the application; raises ``BadSetting`` where the secret of its sessions cannot be kept."""
    app = Flask("appraisal", template_folder=str(folder("templates")), static_folder=str(folder("static")))
    app.config.update(
        SECRET_KEY=site.settings.session_secret(),
        MAX_CONTENT_LENGTH=MOST_BYTES,
        MAX_FORM_MEMORY_SIZE=5 * 1024 * 1024,
        MAX_FORM_PARTS=20_000,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=site.settings.secure_cookies,
        PERMANENT_SESSION_LIFETIME=timedelta(hours=12),
        WTF_CSRF_TIME_LIMIT=None,
        SEND_FILE_MAX_AGE_DEFAULT=timedelta(hours=1),
    )
    app.extensions["appraisal"] = site
    app.session_interface = cookies.Sessions()
    _set_up_templates(app)
    _set_up_sessions(app, site)
    app.before_request(_refuse_null_characters)
    CSRFProtect(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    errors.register(app)
    _limit(app)
    app.after_request(_harden)
    app.context_processor(lambda: _common(site))
    return app


def _set_up_templates(app: Flask) -> None:
    # The packaged macros import each other by this prefix.
    packaged = jinja2.PrefixLoader({"govuk_frontend_jinja": jinja2.PackageLoader("govuk_frontend_jinja")})
    app.jinja_loader = jinja2.ChoiceLoader([jinja2.FileSystemLoader(folder("templates")), packaged])
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]
        lambda message: i18n.translate(language(), message),
        lambda one, many, count: i18n.translate_plural(language(), one, many, count),
        newstyle=True,
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals["request_key"] = new_request_key
    app.jinja_env.filters.update(formats.FILTERS)


def _set_up_sessions(app: Flask, site: Site) -> None:
    manager = LoginManager()
    manager.session_protection = None
    manager.init_app(app)

    @manager.user_loader
    def _load(remembered: str) -> sessions.Visitor | None:
        id, _, epoch = remembered.partition(".")
        if not id.isdigit():
            return None
        try:
            with site.database.read() as db:
                account = people.find_person(db, int(id))
        except NotFound:
            return None
        if not account.person.active or str(account.session_epoch) != epoch:
            return None
        # The door: for whom the person stands in is looked at once for the whole request.
        person = substitutions.on_duty(account.person, site.now())
        return sessions.Visitor(person, account.session_epoch)


def _limit(app: Flask) -> None:
    """Limit what strangers may try again and again."""
    limiter = Limiter(get_remote_address, app=app, storage_uri="memory://")
    sessions.limit(app, limiter)
    verifications.limit(app, limiter)

    @app.errorhandler(RateLimitExceeded)
    def _too_many(_: RateLimitExceeded) -> Any:
        is_file = request.endpoint == "verifications.show"
        return verifications.too_many() if is_file else sessions.too_many()


def _refuse_null_characters() -> None:
    """Refuse what no keyboard types and PostgreSQL cannot store."""
    if any("\0" in text for text in request.form.values()):
        abort(400)


def _harden(response: Response) -> Response:
    response.headers.setdefault("Content-Security-Policy", POLICY)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["X-Frame-Options"] = "DENY"
    if request.endpoint != "static":
        # Pages show what only this person may read; a shared machine must not keep them.
        response.headers.setdefault("Cache-Control", "no-store")
    return response


def _common(site: Site) -> dict[str, Any]:
    signed_in = current_user.is_authenticated
    person = current_user.person if signed_in else None
    return {
        "language": language(),
        "person": person,
        "roles": formats.role_titles(person.roles) if person else [],
        "menu": menus.menu_of(person) if person else None,
        "demonstration": site.settings.demonstration,
        "home": url_for("work.show") if signed_in else url_for("sessions.sign_in"),
    }
