"""The table of rates and the calendars of duty stations."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from flask.testing import FlaskClient

from appraisal.storage import facts
from appraisal.web.context import Site
from tests.casts import counted
from tests.web.conftest import SignIn

RATE = {"currency": "eur", "day": "2010-02-01", "per_usd": "0.7214", "source": "UN operational rates"}
HOLIDAY = {"station": "Geneva", "day": "2010-12-24", "name": "Christmas Eve"}


@pytest.mark.parametrize(("path", "keeper"), [("/settings/rates", "desk"), ("/settings/holidays", "admin")])
def test_each_table_has_its_keeper(client: FlaskClient, sign_in: SignIn, path: str, keeper: str) -> None:
    for key in ("designer", "desk", "reader", "chief", "auditor", "admin"):
        sign_in(client, key)
        assert client.get(path).status_code == (200 if key == keeper else 403)
        if key != keeper:
            assert client.post(path, data={}).status_code == 403


def test_a_rate_is_entered_and_shown_as_it_is(client: FlaskClient, sign_in: SignIn, site: Site) -> None:
    sign_in(client, "desk")
    assert client.post("/settings/rates", data=RATE).status_code == 303
    client.post("/settings/rates", data={**RATE, "day": "2010-03-01", "per_usd": "0.73000001"})
    with site.database.read() as db:
        rates = {rate.on: rate.per_usd for rate in facts.load_rates(db)}
    assert rates == {date(2010, 2, 1): Decimal("0.7214"), date(2010, 3, 1): Decimal("0.73000001")}
    with counted() as sent:
        page = client.get("/settings/rates").text
    assert page.index("0.73000001") < page.index("0.7214")  # newest first
    assert "Chiara Weber" in page
    assert len(sent) < 6


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"currency": "USD"}, "Write the three letters of a currency"),
        ({"currency": "francs"}, "Write the three letters of a currency"),
        ({"day": "1.2.2010"}, "Write a day as year-month-day"),
        ({"day": ""}, "Write a day as year-month-day"),
        ({"per_usd": "much"}, "Write a number above nought"),
        ({"per_usd": "0"}, "Write a number above nought"),
        ({"per_usd": "Infinity"}, "Write a number above nought"),
        ({"day": "2010-01-01"}, "There is a rate for this currency and day already."),
    ],
)
def test_a_faulty_rate_is_told_at_its_field(
    client: FlaskClient, sign_in: SignIn, changes: dict[str, Any], message: str
) -> None:
    sign_in(client, "desk")
    client.post("/settings/rates", data={**RATE, "day": "2010-01-01"})
    answer = client.post("/settings/rates", data={**RATE, **changes})
    assert answer.status_code == 422
    assert answer.text.count(message) == 2
    assert 'value="UN operational rates"' in answer.text


def test_a_holiday_is_entered_and_taken_out(client: FlaskClient, sign_in: SignIn, site: Site) -> None:
    sign_in(client, "admin")
    assert client.post("/settings/holidays", data=HOLIDAY).status_code == 303
    client.post("/settings/holidays", data={**HOLIDAY, "day": "2010-01-01", "name": "New Year"})
    with site.database.read() as db:
        assert facts.load_holidays(db) == {"Geneva": {date(2010, 12, 24), date(2010, 1, 1)}}
    page = client.get("/settings/holidays").text
    assert page.index("Christmas Eve") < page.index("Past holidays") < page.rindex("New Year")
    assert client.post("/settings/holidays/1/remove").status_code == 303
    assert client.post("/settings/holidays/1/remove").status_code == 404
    with site.database.read() as db:
        assert facts.load_holidays(db) == {"Geneva": {date(2010, 1, 1)}}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"day": "tomorrow"}, "Write a day as year-month-day"),
        ({"name": " "}, "Write the duty station and the name of the holiday."),
        ({}, "This day is a holiday of the duty station already."),
    ],
)
def test_a_faulty_holiday_is_told_at_its_field(
    client: FlaskClient, sign_in: SignIn, changes: dict[str, str], message: str
) -> None:
    sign_in(client, "admin")
    client.post("/settings/holidays", data=HOLIDAY)
    answer = client.post("/settings/holidays", data={**HOLIDAY, **changes})
    assert answer.status_code == 422
    assert answer.text.count(message) == 2
    assert 'value="Geneva"' in answer.text
