"""Exchange rates: what may be one, whatever is typed, and which is looked at twice."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appraisal.proposals.rules import exchange_rates
from appraisal.proposals.rules.track_and_money import Rate

TODAY = date(2010, 2, 15)
DAYS = st.dates(date(2009, 1, 1), date(2010, 2, 28))
VALUES = st.decimals("0.001", "1e12", places=3).filter(lambda value: len(value.as_tuple().digits) <= 15)
RATES = st.builds(Rate, st.sampled_from(["EUR", "CHF", "JPY"]), DAYS, VALUES)


def _in_force(given: list[Rate]) -> list[Rate]:
    return list({(rate.currency, rate.on): rate for rate in given}.values())


@given(st.lists(RATES, max_size=8), RATES)
def test_what_is_asked_follows_from_the_neighbours_alone(others: list[Rate], rate: Rate) -> None:
    known = _in_force(others)
    own = sorted((entry for entry in known if entry.currency == rate.currency), key=lambda entry: entry.on)
    before = [entry for entry in own if entry.on < rate.on][-1:]
    after = [entry for entry in own if entry.on > rate.on][:1]
    former = [entry for entry in own if entry.on == rate.on]
    far = [
        entry
        for entry in (*before, *after)
        if entry.per_usd > 2 * rate.per_usd or rate.per_usd > 2 * entry.per_usd
    ]
    found = exchange_rates.doubt(known, rate)
    assert (found is not None) == bool(former or far or not before)
    if found is not None:
        assert list(found.jumps) == far
        assert found.former == (former[0] if former else None)
        # Rates of other currencies change nothing about it.
        assert exchange_rates.doubt(own, rate) == found
        # Of any other rate, or beside any other, the confirmation is another one.
        other = Rate(rate.currency, rate.on, rate.per_usd + 1)
        again = exchange_rates.doubt(known, other)
        assert again is None or again.key != found.key


@given(st.text(max_size=4), st.dates(), st.decimals(allow_nan=True, allow_infinity=True))
def test_whatever_is_typed_is_judged_and_never_fails(currency: str, day: date, per_usd: Decimal) -> None:
    refusal = exchange_rates.refusal(Rate(currency, day, per_usd), TODAY)
    if refusal is None:
        assert exchange_rates.is_currency(currency, day)
        assert date(1950, 1, 1) <= day <= date(2010, 2, 28)
        assert Decimal("0.001") <= per_usd <= Decimal("1e12")
    else:
        assert refusal.say("fr")


@given(st.dates(date(1950, 1, 1), date(2999, 12, 1)))
def test_a_rate_is_valid_from_a_day_of_this_month_at_the_latest(today: date) -> None:
    last = exchange_rates.last_day(today)
    assert (last.year, last.month) == (today.year, today.month)
    assert (last + timedelta(days=1)).day == 1


@pytest.mark.parametrize("code", ["EUR", "CHF", "XOF", "XAF", "ZMK", "EEK"])
def test_money_of_the_day_is_money(code: str) -> None:
    assert exchange_rates.is_currency(code, TODAY)


@pytest.mark.parametrize("code", ["ZMW", "DEM", "XAU", "XDR", "XTS", "XXX", "CLF", "CHE", "ZZZ", "eur", ""])
def test_what_is_no_money_of_the_day_is_none(code: str) -> None:
    assert not exchange_rates.is_currency(code, TODAY)
