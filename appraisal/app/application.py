"""The application is built here from a site, and from nothing read anywhere else."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import jinja2
from flask import Flask, Response, abort, request, url_for
from flask_limiter import Limiter, RateLimitExceeded
from flask_limiter.util import get_remote_address
from flask_login import LoginManager, current_user
from flask_wtf import CSRFProtect
from werkzeug.routing import IntegerConverter

from appraisal.accounts.pages import administration as people_pages
from appraisal.accounts.pages import confirmations, events, own_account, sign_in
from appraisal.accounts.pages import substitutes as substitution_pages
from appraisal.accounts.services import sessions as session_services
from appraisal.app import error_pages, menus
from appraisal.app.pages import outside_approvals, proposals, settings, work_list
from appraisal.appraisals.pages import (
    agreement,
    appraisal,
    condition_owner,
    conditions,
    own_review,
    reconciliation,
    reviewers,
    self_checks,
)
from appraisal.deadlines.pages import durations
from appraisal.iati import pages as iati_pages
from appraisal.indicators.pages import appraised_share, finance_list, other_indicators, pipeline, report_files
from appraisal.language import texts
from appraisal.lessons.pages import lessons, similar
from appraisal.lists.pages import lists
from appraisal.paths import folder
from appraisal.people.rules import substitutes
from appraisal.proposals.pages import differences, drafts, exchange_rates
from appraisal.proposals.rules import rulebook
from appraisal.records import pages as records_pages
from appraisal.verification.pages import bundles, record_file
from appraisal.web import formats, origins
from appraisal.web.context import Site, language, new_request_key, number
from appraisal.web.context import site as serving
from appraisal.web.methods import Methods
from appraisal.workflow.pages import definitions_in_force, handovers, missing_authors, steps

BLUEPRINTS = (
    sign_in.bp,
    work_list.bp,
    proposals.bp,
    differences.bp,
    drafts.bp,
    similar.bp,
    self_checks.bp,
    lessons.bp,
    lists.bp,
    steps.bp,
    appraisal.bp,
    reviewers.bp,
    own_review.bp,
    reconciliation.bp,
    agreement.bp,
    conditions.bp,
    condition_owner.bp,
    outside_approvals.bp,
    records_pages.bp,
    bundles.bp,
    appraised_share.bp,
    finance_list.bp,
    other_indicators.bp,
    iati_pages.bp,
    report_files.bp,
    pipeline.bp,
    durations.bp,
    people_pages.bp,
    confirmations.bp,
    events.bp,
    handovers.bp,
    missing_authors.bp,
    substitution_pages.bp,
    own_account.bp,
    exchange_rates.bp,
    settings.bp,
    definitions_in_force.bp,
    record_file.bp,
)
# Nothing may be loaded or sent to but from and to here; no inline script or style runs.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# No other site embeds, opens or reads what is here, and no page asks for what a device can do.
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
}
# A browser that came by TLS once comes by nothing else for a year.
SECURE_HEADERS = {"Strict-Transport-Security": "max-age=31536000"}
MOST_BYTES = 21 * 1024 * 1024


def create_app(site: Site, hosts: tuple[str, ...] | None = None) -> Flask:
    """Build the application, which answers to the names given, else to those that go with the settings.

    Raises ``BadSetting`` where the secret of its sessions cannot be kept.
    """
    app = Flask("appraisal", template_folder=str(folder("templates")), static_folder=str(folder("static")))
    app.config.update(
        SECRET_KEY=site.settings.session_secret(),
        SECRET_KEY_FALLBACKS=list(filter(None, [site.settings.former_secret])),
        MAX_CONTENT_LENGTH=MOST_BYTES,
        MAX_FORM_MEMORY_SIZE=5 * 1024 * 1024,
        MAX_FORM_PARTS=20_000,
        # By this name a browser takes it from this very host by TLS, and from no neighbour.
        SESSION_COOKIE_NAME="__Host-session" if site.settings.secure_cookies else "session",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=site.settings.secure_cookies,
        PERMANENT_SESSION_LIFETIME=site.settings.sessions.lifetime,
        # What ends a session stands in the database; the cookie only has to last as long.
        SESSION_REFRESH_EACH_REQUEST=False,
        WTF_CSRF_TIME_LIMIT=None,
        SEND_FILE_MAX_AGE_DEFAULT=timedelta(hours=1),
    )
    app.extensions["appraisal"] = site
    for fault in sorted(site.library.edited.values()):
        logging.error("%s. Nothing that goes by it moves.", fault)
    app.url_map.converters["int"] = _Id
    _set_up_templates(app)
    _set_up_sessions(app)
    app.before_request(origins.refuse_others(hosts or origins.hosts_of(site.settings)))
    app.before_request(_refuse_what_no_page_sends)
    CSRFProtect(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    error_pages.register(app)
    _limit(app)
    app.after_request(_harden(HEADERS | (SECURE_HEADERS if site.settings.secure_cookies else {})))
    app.after_request(origins.stay_here)
    app.context_processor(_common)
    app.wsgi_app = Methods(app.wsgi_app)  # type: ignore[method-assign]
    return app


def _set_up_templates(app: Flask) -> None:
    # The packaged macros import each other by this prefix.
    packaged = jinja2.PrefixLoader({"govuk_frontend_jinja": jinja2.PackageLoader("govuk_frontend_jinja")})
    app.jinja_loader = jinja2.ChoiceLoader([jinja2.FileSystemLoader(folder("templates")), packaged])
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]
        lambda message: texts.translate(language(), message),
        lambda one, many, count: texts.translate_plural(language(), one, many, count),
        newstyle=True,
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals["request_key"] = new_request_key
    app.jinja_env.filters.update(formats.FILTERS)


def _set_up_sessions(app: Flask) -> None:
    manager = LoginManager()
    manager.session_protection = None
    manager.init_app(app)

    @manager.user_loader
    def _load(token: str) -> sign_in.Visitor | None:
        here = serving()
        now = here.now()
        with here.database.read() as db:
            visit = session_services.find_visit(db, here.settings.sessions, now, token)
        if visit is None:
            return None
        # The door: for whom the person stands in is looked at once for the whole request.
        visit = replace(visit, person=substitutes.on_duty(visit.person, now))
        return sign_in.Visitor(visit, token)

    app.after_request(sign_in.note_use)


def _limit(app: Flask) -> None:
    """Limit what strangers may try again and again."""
    limiter = Limiter(get_remote_address, app=app, storage_uri="memory://")
    sign_in.limit(app, limiter)
    own_account.limit(app, limiter)
    record_file.limit(app, limiter)

    @app.errorhandler(RateLimitExceeded)
    def _too_many(_: RateLimitExceeded) -> Any:
        too_many = {
            "verifications.show": record_file.too_many,
            "accounts.password": own_account.too_many,
        }
        return too_many.get(request.endpoint or "", sign_in.too_many)()


def _refuse_what_no_page_sends() -> None:
    """Refuse characters that PostgreSQL cannot store, and rows of a form whose number is none."""
    fields = [
        *request.args.items(multi=True),
        *request.form.items(multi=True),
        *((name, file.filename or "") for name, file in request.files.items(multi=True)),
    ]
    if "\0" in request.path or any("\0" in name or "\0" in value for name, value in fields):
        abort(400)
    parts = (part for name in request.form for part in name.split("-"))
    if any(part.isdigit() and number(part) is None for part in parts):
        abort(400)


class _Id(IntegerConverter):
    """A number in an address that the database can hold; another is that of nothing."""

    regex = r"[0-9]{1,9}"


def _harden(headers: Mapping[str, str]) -> Callable[[Response], Response]:
    def harden(response: Response) -> Response:
        response.headers.setdefault("Content-Security-Policy", POLICY)
        response.headers.update(headers)
        if request.endpoint != "static":
            # Pages show what only this person may read; a shared machine must not keep them.
            response.headers.setdefault("Cache-Control", "no-store")
        return response

    return harden


def _edited(site: Site) -> list[str]:
    """Say which released definitions were edited, for those who look after the files."""
    return [rulebook.edited(site.library, key).say(language()) for key in sorted(site.library.edited)]


def _common() -> dict[str, Any]:
    here = serving()
    signed_in = current_user.is_authenticated
    person = current_user.person if signed_in else None
    return {
        "language": language(),
        "person": person,
        "roles": formats.role_titles(person.roles) if person else [],
        "menu": menus.menu_of(person) if person else None,
        "demonstration": here.settings.demonstration,
        "edited": _edited(here) if person and person.has("administrator") else [],
        "home": url_for("work.show") if signed_in else url_for("sessions.sign_in"),
    }
