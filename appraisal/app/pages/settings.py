"""Administrators see the holidays of duty stations here, and how mail, drawings and the key stand."""

from datetime import datetime

from flask import Blueprint, flash, redirect, request, url_for
from sqlalchemy import Connection
from werkzeug.wrappers import Response
from wtforms import StringField

from appraisal.app import worker
from appraisal.clock import geneva_date, parse_stamp
from appraisal.database.outbox import MAIL, MAILS, RENDERING
from appraisal.deadlines import services as deadlines_services
from appraisal.deadlines.services import BadSettingGiven
from appraisal.deadlines.store import holidays as stored
from appraisal.errors import NotFound
from appraisal.language.texts import N_, translate_plural
from appraisal.notices import store as notices_store
from appraisal.proposals.pages.exchange_rates import NO_DAY, read_day
from appraisal.records.services import issuers
from appraisal.records.store import drawings as stored_drawings
from appraisal.trail.store import whole_trail
from appraisal.vocabulary.bounds import FAR_DAY
from appraisal.web.context import actor, begin, language, page, read, say, site, with_role
from appraisal.web.forms import TranslatedForm

bp = Blueprint("settings", __name__, url_prefix="/settings")

Answer = str | Response | tuple[str, int]


class HolidayForm(TranslatedForm):
    """One day on which a duty station does not work."""

    station = StringField(
        N_("Duty station"),
        description=N_("As it stands on the accounts of its people."),
        default="Geneva",
        render_kw={"width": "20"},
    )
    day = StringField(N_("Day"), render_kw={"kind": "date"})
    name = StringField(N_("Name of the holiday"))


_HOLIDAY_FAULTS = {
    "name": ("name", N_("Write the duty station and the name of the holiday.")),
    "day": ("day", FAR_DAY),
    "exists": ("day", N_("This day is a holiday of the duty station already.")),
}


@bp.route("/holidays", methods=["GET", "POST"])
@with_role("administrator")
def holidays() -> Answer:
    """List the holidays, those to come first, and enter one."""
    form = HolidayForm(request.form)
    if request.method == "GET":
        return _draw_holidays(form)
    day = read_day(form.day.data)
    if day is None:
        form.complain("day", NO_DAY)
    else:
        try:
            with begin() as db:
                deadlines_services.enter_holiday(
                    db, actor(), site().now(), (form.station.data or "").strip(), day, form.name.data or ""
                )
        except BadSettingGiven as error:
            form.complain(*_HOLIDAY_FAULTS[error.code])
    if form.errors:
        return _draw_holidays(form), 422
    flash(say(N_("%(name)s is entered."), name=(form.name.data or "").strip()), "success")
    return redirect(url_for("settings.holidays"), 303)


def _draw_holidays(form: HolidayForm) -> str:
    with read() as db:
        rows = stored.list_holidays(db)
    today = geneva_date(site().now())
    return page(
        "app/settings_holidays.html",
        form=form,
        coming=sorted((row for row in rows if row.day >= today), key=lambda row: (row.day, row.station)),
        past=[row for row in rows if row.day < today],
    )


@bp.post("/holidays/<int:id>/remove")
@with_role("administrator")
def remove_holiday(id: int) -> Response:
    """Take a holiday out of its calendar."""
    with begin() as db:
        row = stored.find_holiday(db, id)
        if row is None:
            raise NotFound("holiday", str(id))
        deadlines_services.remove_holiday(db, actor(), site().now(), row.station, row.day)
    flash(say(N_("%(name)s is taken out."), name=row.name), "success")
    return redirect(url_for("settings.holidays"), 303)


@bp.get("/mail")
@with_role("administrator")
def mail() -> str:
    """Show how the mail stands: what waits, and what was given up."""
    with read() as db:
        delivery, given_up = notices_store.delivery(db, MAIL), notices_store.list_given_up(db, MAIL)
    return page("app/settings_mail.html", server=site().settings.mail, delivery=delivery, given_up=given_up)


@bp.post("/mail/retry")
@with_role("administrator")
def retry_mail() -> Response:
    """Try every message again that was given up."""
    with begin() as db:
        count = worker.retry(db, actor(), site().now(), MAILS)
    told = translate_plural(
        language(), "%(count)s message will be tried again.", "%(count)s messages will be tried again.", count
    )
    flash(told % {"count": count}, "success")
    return redirect(url_for("settings.mail"), 303)


@bp.get("/drawings")
@with_role("administrator")
def drawings() -> str:
    """Show how the drawing of PDFs stands, and the key with which they are signed."""
    now = site().now()
    with read() as db:
        return page(
            "app/settings_drawings.html",
            standing=stored_drawings.standing(db, worker.DRAWINGS),
            given_up=stored_drawings.list_given_up(db, worker.DRAWINGS),
            near=issuers.expiry(db, now),
            expired=issuers.expired_on(db, now),
            sealed_at=_sealed_at(db),
        )


def _sealed_at(db: Connection) -> datetime | None:
    """Return when the trail was sealed last."""
    last = whole_trail.last_checkpoint(db)
    return parse_stamp(last.facts["at"]) if last else None


@bp.post("/drawings/retry")
@with_role("administrator")
def retry_drawings() -> Response:
    """Try every drawing again that was given up."""
    with begin() as db:
        count = worker.retry(db, actor(), site().now(), RENDERING)
    told = translate_plural(
        language(), "%(count)s drawing will be tried again.", "%(count)s drawings will be tried again.", count
    )
    flash(told % {"count": count}, "success")
    return redirect(url_for("settings.drawings"), 303)
