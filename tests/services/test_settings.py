"""Calendars: entered once, by those whose office it is, and told in the chain of the site."""

from datetime import date

import pytest
from sqlalchemy import select

from appraisal.services import settings
from appraisal.services.settings import BadSettingGiven
from appraisal.storage import site, tables
from appraisal.storage.facts import load_holidays
from tests import casts
from tests.casts import Stage

DAY = date(2010, 1, 1)


def _holiday(stage: Stage, station: str = "Geneva", name: str = "New Year", who: str = "admin") -> None:
    with stage.database.begin() as db:
        settings.enter_holiday(db, stage.people[who], stage.now, station, DAY, name)


def test_each_setting_has_its_keeper(lite: Stage) -> None:
    assert casts.refusal(lite, lambda: casts.enter_rate(lite, "EUR", DAY, "0.7", who="admin")) == (
        "role_missing",
    )
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
