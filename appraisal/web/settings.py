"""Settings: the coordinators' table of rates, the holidays of duty stations, and how the mail stands."""

from datetime import date

from babel import Locale
from flask import Blueprint, flash, redirect, request, url_for
from werkzeug.wrappers import Response
from wtforms import StringField

from appraisal.clock import geneva_date
from appraisal.domain import tracks
from appraisal.errors import NotFound
from appraisal.i18n import N_, translate_plural
from appraisal.services import jobs, settings
from appraisal.services.notices import MAIL
from appraisal.services.settings import BadSettingGiven
from appraisal.storage import notices
from appraisal.storage import settings as stored
from appraisal.web import formats
from appraisal.web.context import actor, begin, language, page, read, say, site, with_role
from appraisal.web.forms import TranslatedForm

bp = Blueprint("settings", __name__, url_prefix="/settings")

Answer = str | Response | tuple[str, int]

_NO_DAY = N_("Write a day as year-month-day, for example 2010-03-31.")


class RateForm(TranslatedForm):
    """One rate: how many units of a currency one US$ buys from a day on."""

    currency = StringField(
        N_("Currency"),
        description=N_("Three letters, for example EUR."),
        render_kw={"width": "3", "autocomplete": "off"},
    )
    day = StringField(N_("Valid from"), render_kw={"kind": "date"})
    per_usd = StringField(
        N_("Units for one US$"),
        description=N_("With a decimal point, for example 0.7214."),
        render_kw={"kind": "number", "width": "10"},
    )
    source = StringField(N_("Source"), description=N_("Where the rate was taken from."))


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


_RATE_FAULTS = {
    "currency": (
        "currency",
        N_("Write the three letters of a currency other than US dollars, for example EUR."),
    ),
    "amount": ("per_usd", N_("Write a number above nought, for example 0.7214.")),
    "exists": (
        "day",
        N_("There is a rate for this currency and day already. A correction is the rate of another day."),
    ),
}
_HOLIDAY_FAULTS = {
    "name": ("name", N_("Write the duty station and the name of the holiday.")),
    "exists": ("day", N_("This day is a holiday of the duty station already.")),
}


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat((text or "").strip())
    except ValueError:
        return None


@bp.route("/rates", methods=["GET", "POST"])
@with_role("coordinator")
def rates() -> Answer:
    """List the rates, newest first, and enter one."""
    form = RateForm(request.form)
    if request.method == "GET":
        return _draw_rates(form)
    day, per_usd = _day(form.day.data), tracks.decimal((form.per_usd.data or "").strip())
    currency = (form.currency.data or "").strip().upper()
    if day is None:
        form.complain("day", _NO_DAY)
    if per_usd is None:
        form.complain(*_RATE_FAULTS["amount"])
    if day is not None and per_usd is not None:
        try:
            with begin() as db:
                settings.enter_rate(db, actor(), site().now(), currency, day, per_usd, form.source.data or "")
        except BadSettingGiven as error:
            form.complain(*_RATE_FAULTS[error.code])
    if form.errors:
        return _draw_rates(form), 422
    flash(
        say(N_("The rate of %(currency)s from %(day)s is entered."), currency=currency, day=formats.day(day)),
        "success",
    )
    return redirect(url_for("settings.rates"), 303)


def _draw_rates(form: RateForm) -> str:
    with read() as db:
        rows = stored.list_rates(db)
    # A rate is shown as it was entered, never rounded.
    shown = [(row, formats.factor(row.per_usd)) for row in rows]
    return page("settings/rates.html", form=form, rows=shown, currencies=Locale(language()).currencies)


@bp.route("/holidays", methods=["GET", "POST"])
@with_role("administrator")
def holidays() -> Answer:
    """List the holidays, those to come first, and enter one."""
    form = HolidayForm(request.form)
    if request.method == "GET":
        return _draw_holidays(form)
    day = _day(form.day.data)
    if day is None:
        form.complain("day", _NO_DAY)
    else:
        try:
            with begin() as db:
                settings.enter_holiday(
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
        "settings/holidays.html",
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
        settings.remove_holiday(db, actor(), site().now(), row.station, row.day)
    flash(say(N_("%(name)s is taken out."), name=row.name), "success")
    return redirect(url_for("settings.holidays"), 303)


@bp.get("/mail")
@with_role("administrator")
def mail() -> str:
    """Show how the mail stands: what waits, and what was given up."""
    with read() as db:
        delivery, given_up = notices.delivery(db, MAIL), notices.list_given_up(db, MAIL)
    return page("settings/mail.html", server=site().settings.mail, delivery=delivery, given_up=given_up)


@bp.post("/mail/retry")
@with_role("administrator")
def retry_mail() -> Response:
    """Try every message again that was given up."""
    with begin() as db:
        count = jobs.retry_mails(db, actor(), site().now())
    told = translate_plural(
        language(), "%(count)s message will be tried again.", "%(count)s messages will be tried again.", count
    )
    flash(told % {"count": count}, "success")
    return redirect(url_for("settings.mail"), 303)
