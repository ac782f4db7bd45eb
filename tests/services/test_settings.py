"""Rates and calendars: entered once, by those whose office it is, and told in the chain of the site."""

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import select

from appraisal.domain.facts import SYSTEM_ACTOR
from appraisal.services import settings
from appraisal.services.settings import BadSettingGiven
from appraisal.storage import site, tables
from appraisal.storage.facts import load_holidays, load_rates
from tests import casts
from tests.casts import Stage

DAY = date(2010, 1, 1)


def _rate(stage: Stage, currency: str = "EUR", per_usd: str = "0.7", who: str = "desk") -> None:
    actor = SYSTEM_ACTOR if who == "system" else stage.people[who]
    with stage.database.begin() as db:
        settings.enter_rate(db, actor, stage.now, currency, DAY, Decimal(per_usd), " UN ")


def _holiday(stage: Stage, station: str = "Geneva", name: str = "New Year", who: str = "admin") -> None:
    with stage.database.begin() as db:
        settings.enter_holiday(db, stage.people[who], stage.now, station, DAY, name)


def test_a_rate_is_entered_once(stage: Stage) -> None:
    _rate(stage)
    with pytest.raises(BadSettingGiven, match="exists"):
        _rate(stage, per_usd="0.8")
    with stage.database.read() as db:
        (rate,) = load_rates(db)
        assert (rate.currency, rate.on, rate.per_usd, rate.source) == ("EUR", DAY, Decimal("0.7"), "UN")
        assert site.chain(db)[-1].facts["facts"] == {"currency": "EUR", "day": "2010-01-01", "per_usd": "0.7"}


def test_the_system_enters_the_rates_of_a_scenario(stage: Stage) -> None:
    _rate(stage, who="system")


@pytest.mark.parametrize(
    ("currency", "per_usd", "code"),
    [
        ("EURO", "1", "currency"),
        ("eur", "1", "currency"),
        ("USD", "1", "currency"),
        ("EUR", "0", "amount"),
        ("EUR", "-1", "amount"),
        ("EUR", "NaN", "amount"),
        ("EUR", "Infinity", "amount"),
        ("EUR", "1e-30", "amount"),
        ("EUR", "1e30", "amount"),
    ],
)
def test_a_rate_that_cannot_be_is_refused(lite: Stage, currency: str, per_usd: str, code: str) -> None:
    with pytest.raises(BadSettingGiven, match=code):
        _rate(lite, currency, per_usd)


def test_each_setting_has_its_keeper(lite: Stage) -> None:
    assert casts.refusal(lite, lambda: _rate(lite, who="admin")) == ("role_missing",)
    assert casts.refusal(lite, lambda: _holiday(lite, who="desk")) == ("role_missing",)


def test_a_holiday_is_entered_once_and_taken_out(stage: Stage) -> None:
    _holiday(stage, " Geneva ")
    for station in ("Geneva", "  Geneva"):
        with pytest.raises(BadSettingGiven, match="exists"):
            _holiday(stage, station)
    with pytest.raises(BadSettingGiven, match="name"):
        _holiday(stage, "Lusaka", " ")
    with stage.database.begin() as db:
        assert load_holidays(db) == {"Geneva": {DAY}}
        settings.remove_holiday(db, stage.people["admin"], stage.now, "Geneva", DAY)
        events = len(site.chain(db))
        settings.remove_holiday(db, stage.people["admin"], stage.now, "Geneva", DAY)
        assert len(site.chain(db)) == events
        assert load_holidays(db) == {}
        assert db.execute(select(tables.Holiday.__table__)).all() == []
