"""Holidays and rates: entered once, by those whose office it is, and told in the chain of the site."""

from datetime import date

import pytest
from sqlalchemy import select

from appraisal.database import tables
from appraisal.deadlines import services as deadlines_services
from appraisal.deadlines.services import BadSettingGiven
from appraisal.proposals.store.case import load_holidays
from appraisal.trail.store import site
from tests import casts
from tests.casts import Stage

DAY = date(2010, 1, 1)


def _holiday(stage: Stage, station: str = "Geneva", name: str = "New Year", who: str = "admin") -> None:
    with stage.database.begin() as db:
        deadlines_services.enter_holiday(db, stage.people[who], stage.now, station, DAY, name)


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
        deadlines_services.remove_holiday(db, stage.people["admin"], stage.now, "Geneva", DAY)
        events = len(site.chain(db))
        deadlines_services.remove_holiday(db, stage.people["admin"], stage.now, "Geneva", DAY)
        assert len(site.chain(db)) == events
        assert load_holidays(db) == {}
        assert db.execute(select(tables.holidays)).all() == []
