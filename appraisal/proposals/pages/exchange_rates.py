"""Coordinators enter rates here, look twice at unlikely ones, and see what was frozen with each."""

from datetime import date
from decimal import Decimal
from typing import Any, Final

from babel import Locale
from flask import Blueprint, flash, redirect, request, url_for
from sqlalchemy import Connection
from werkzeug.wrappers import Response
from wtforms import HiddenField, StringField

from appraisal.errors import NotFound
from appraisal.language.texts import N_
from appraisal.proposals.rules import track_and_money
from appraisal.proposals.rules.exchange_rates import SAMPLE_USD, Doubt
from appraisal.proposals.rules.track_and_money import Rate
from appraisal.proposals.services.exchange_rates import RateDoubtful, RateGiven, enter_rate
from appraisal.proposals.store.exchange_rates import frozen_with, list_rates, rate_history
from appraisal.vocabulary.refusals import NotAllowed, refuse
from appraisal.web import formats
from appraisal.web.context import actor, begin, language, page, page_number, read, say, site, with_role
from appraisal.web.fields import LINE
from appraisal.web.forms import TranslatedForm

bp = Blueprint("rates", __name__, url_prefix="/settings/rates")

Answer = str | Response | tuple[str, int]

NO_DAY: Final = N_("Write a day as year-month-day, for example 2010-03-31.")
# So many rates stand on a page, and so many amounts that were frozen with one.
PAGE: Final = 100
# The field that a reason of the rules is about.
_ABOUT: Final = {
    "rate_currency": "currency",
    "rate_unused": "currency",
    "rate_day_early": "day",
    "rate_day_late": "day",
    "rate_reason": "reason",
}


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
    source = StringField(N_("Source"), description=N_("Where the rate was taken from."), validators=[LINE])
    reason = StringField(
        N_("Reason for a correction"),
        description=N_("Only where the day has a rate already: why that one is wrong."),
        validators=[LINE],
    )
    confirmed = HiddenField()


@bp.get("")
@with_role("coordinator")
def index() -> str:
    """List the rates, newest first, with a form for one more."""
    return _draw(RateForm())


@bp.post("")
@with_role("coordinator")
def enter() -> Answer:
    """Enter a rate, or correct one; what is unlikely is shown beside its neighbours first."""
    form = RateForm(request.form)
    given = _given(form)
    if given is None:
        return _draw(form), 422
    try:
        with begin() as db:
            enter_rate(db, actor(), site().now(), given, form.confirmed.data or None)
    except RateDoubtful as error:
        return _ask(form, given, error.doubt)
    except NotAllowed as error:
        for refusal in error.refusals:
            form.complain(_ABOUT.get(refusal.code, "per_usd"), refusal.say(language()))
        return _draw(form), 422
    sentence = N_("The rate of %(currency)s from %(day)s is entered.")
    flash(say(sentence, currency=given.currency, day=formats.day(given.day)), "success")
    return redirect(url_for(".index"), 303)


def _given(form: RateForm) -> RateGiven | None:
    """Return the rate that was typed; None, with complaints in the form, where it cannot be read."""
    form.validate()
    day, per_usd = read_day(form.day.data), track_and_money.decimal((form.per_usd.data or "").strip())
    if day is None:
        form.complain("day", NO_DAY)
    if per_usd is None:
        form.complain("per_usd", refuse("rate_amount").say(language()))
    if day is None or per_usd is None or form.errors:
        return None
    currency = (form.currency.data or "").strip().upper()
    return RateGiven(currency, day, per_usd, form.source.data or "", form.reason.data or "")


def read_day(text: str | None) -> date | None:
    """Read a day that was typed; None where it is none."""
    try:
        return date.fromisoformat((text or "").strip())
    except ValueError:
        return None


def _ask(form: RateForm, given: RateGiven, doubt: Doubt) -> str:
    """Show a rate beside its neighbours, with what the one that it corrects was frozen into."""
    with read() as db:
        frozen, rest = _frozen(db, given.currency, given.day, given.per_usd) if doubt.former else ([], 0)
    rows = [
        _row(N_("Currency"), _currency(given.currency)),
        _row(N_("Valid from"), formats.day(given.day)),
        _row(N_("Units for one US$"), formats.factor(given.per_usd)),
        _row(N_("US$ %(sample)s would be"), _sample(doubt.rate), sample=formats.money(SAMPLE_USD)),
        *([_row(N_("The rate that it corrects"), _named(doubt.former))] if doubt.former else []),
        *([_row(N_("Reason for the correction"), given.reason)] if doubt.former else []),
        _row(N_("The rate before"), _named(doubt.before)),
        *([_row(N_("The rate after"), _named(doubt.after))] if doubt.after else []),
    ]
    form.confirmed.data = doubt.key
    return page(
        "proposals/exchange_rate_again.html", form=form, rows=rows, doubt=doubt, frozen=frozen, rest=rest
    )


def _row(key: str, value: Any, **facts: Any) -> dict[str, Any]:
    return {"key": say(key, **facts), "value": value}


def _currency(code: str) -> str:
    name = Locale(language()).currencies.get(code, "")
    return f"{code} ({name})" if name else code


def _named(rate: Rate | None) -> str:
    if rate is None:
        return say(N_("None"))
    return say(N_("%(per_usd)s from %(day)s"), per_usd=formats.factor(rate.per_usd), day=formats.day(rate.on))


def _sample(rate: Rate) -> str:
    return f"{rate.currency} {formats.money(track_and_money.cents(SAMPLE_USD * rate.per_usd))}"


@bp.get("/<currency>/<day>")
@with_role("coordinator")
def show(currency: str, day: str) -> str:
    """Show a rate with those that it corrected, and every amount that was frozen with any of them."""
    on = read_day(day)
    with read() as db:
        history = rate_history(db, currency, on) if on else []
        if on is None or not history:
            raise NotFound("rate", f"{currency} {day}")
        frozen, rest = _frozen(db, currency, on, history[0].per_usd)
    return page(
        "proposals/exchange_rate.html",
        title=say(N_("Rate of %(currency)s from %(day)s"), currency=currency, day=formats.day(on)),
        history=[(row, formats.factor(row.per_usd)) for row in history],
        frozen=frozen,
        rest=rest,
    )


def _frozen(db: Connection, currency: str, day: date, per_usd: Decimal) -> tuple[list[dict[str, Any]], int]:
    """Return what was frozen with a rate of a day beside what it would be by another, and how many more."""
    lines: list[dict[str, Any]] = []
    rest = 0
    for entry in frozen_with(db, actor(), currency, day):
        if len(lines) == PAGE:
            rest += 1
            continue
        would_be = entry.amount / per_usd if per_usd > 0 else None
        lines.append(
            {
                "number": entry.number,
                "title": entry.title,
                "what": say(N_("Version %(number)s"), number=entry.version)
                if entry.version
                else say(N_("Approval given outside")),
                "amount": f"{currency} {formats.money(entry.amount)}",
                "rate": formats.factor(entry.rate),
                "usd": formats.money(entry.usd),
                "would_be": "" if would_be is None else formats.money(track_and_money.cents(would_be)),
            }
        )
    return lines, rest


def _draw(form: RateForm) -> str:
    currency, start = (
        request.args.get("currency", "").strip().upper(),
        page_number(),
    )
    with read() as db:
        rows = list_rates(db, currency, first=(start - 1) * PAGE, most=PAGE + 1)
    return page(
        "proposals/exchange_rates.html",
        form=form,
        # A rate is shown as it was entered, never rounded.
        rows=[(row, formats.factor(row.per_usd)) for row in rows[:PAGE]],
        chosen=currency,
        currencies=Locale(language()).currencies,
        previous=url_for(".index", currency=currency or None, page=start - 1) if start > 1 else None,
        following=url_for(".index", currency=currency or None, page=start + 1) if len(rows) > PAGE else None,
    )
