"""The table of rates and the calendars of duty stations."""

import re
from datetime import date
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient

from appraisal.database import tables
from appraisal.database.rows import insert_row
from appraisal.proposals.store import case
from appraisal.web.context import Site
from tests.casts import counted
from tests.web import building
from tests.web.building import Cast
from tests.web.sites import SignIn

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
    assert _enter(client, RATE).status_code == 303
    # A neighbour near by asks nothing.
    again = {**RATE, "day": "2010-01-15", "per_usd": "0.73000001"}
    _enter(client, again)
    assert client.post("/settings/rates", data=again).status_code == 303
    with site.database.read() as db:
        rates = {rate.on: rate.per_usd for rate in case.load_rates(db)}
    assert rates == {date(2010, 2, 1): Decimal("0.7214"), date(2010, 1, 15): Decimal("0.73000001")}
    with counted() as sent:
        page = client.get("/settings/rates").text
    assert page.index("0.7214<") < page.index("0.73000001")  # newest first
    assert "Chiara Weber" in page
    assert len(sent) < 6
    assert "0.7214" not in client.get("/settings/rates?currency=chf").text.partition("<h2")[0]


def _enter(client: FlaskClient, given: dict[str, Any]) -> Any:
    """Send a rate, and again as the page that asks for a second look would."""
    page = client.post("/settings/rates", data=given)
    if page.status_code != 200:
        return page
    return client.post("/settings/rates", data=_hidden(page.text))


def _hidden(page: str) -> dict[str, str]:
    main = page[page.index("<main") :]
    found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', main)
    return {name: unescape(value) for name, value in found}


def test_a_slip_is_shown_beside_the_rate_before_and_not_entered(
    client: FlaskClient, sign_in: SignIn, site: Site
) -> None:
    sign_in(client, "desk")
    page = client.post("/settings/rates", data=RATE)
    assert "Is this rate right?" in page.text
    assert "EUR 721,400" in page.text  # a million US dollars, as there is nothing to compare it with
    _enter(client, RATE)
    page = client.post("/settings/rates", data={**RATE, "day": "2010-02-03", "per_usd": "7.3"})
    assert "It is more than twice, or less than half, of the rate beside it." in page.text
    assert "0.7214 from 1 February 2010" in page.text
    with site.database.read() as db:
        assert len(case.load_rates(db)) == 1
    assert client.post("/settings/rates", data=_hidden(page.text)).status_code == 303
    with site.database.read() as db:
        assert len(case.load_rates(db)) == 2


def test_a_correction_shows_what_was_frozen_and_keeps_the_former(
    client: FlaskClient, sign_in: SignIn, site: Site, cast: Cast
) -> None:
    sign_in(client, "desk")
    wrong = {**RATE, "day": "2010-02-01", "per_usd": "7.5"}
    _enter(client, wrong)
    number = building.submitted_proposal(site, cast, budget={"amount": "750", "currency": "EUR"})
    page = client.post("/settings/rates", data={**wrong, "per_usd": "0.75"})
    assert page.status_code == 422
    assert "There is a rate for this currency and day already: 7.5." in page.text
    page = client.post("/settings/rates", data={**wrong, "per_usd": "0.75", "reason": "A <b>slip</b>"})
    assert "Correct this rate?" in page.text
    for shown in (number, "EUR 750", ">100<", ">1,000<", "A &lt;b&gt;slip&lt;/b&gt;"):
        assert shown in page.text, shown
    again = _hidden(page.text)
    # Two clicks correct once.
    assert client.post("/settings/rates", data=again).status_code == 303
    assert client.post("/settings/rates", data=again).status_code == 303
    page = client.get("/settings/rates/EUR/2010-02-01")
    assert page.text.index("0.75<") < page.text.index("7.5<")
    for shown in (number, ">100<", ">1,000<", "A &lt;b&gt;slip&lt;/b&gt;"):
        assert shown in page.text, shown
    for unknown in ("CHF/2010-02-01", "EUR/2010-02-02", "EUR/soon"):
        assert client.get(f"/settings/rates/{unknown}").status_code == 404
    sign_in(client, "chief")
    assert client.get("/settings/rates/EUR/2010-02-01").status_code == 403


@pytest.mark.parametrize("per_usd", ["1000000000000000000", "9" * 38, "0", "-1", "0." + "0" * 36 + "1"])
def test_no_page_fails_for_a_rate_that_is_stored(
    client: FlaskClient, sign_in: SignIn, site: Site, cast: Cast, per_usd: str
) -> None:
    """Rates of before may be anything that fits the column."""
    with site.database.begin() as db:
        insert_row(
            db,
            tables.rates,
            currency="ZZZ",
            day=date(2010, 1, 1),
            per_usd=Decimal(per_usd),
            source="",
            entered_by=0,
            entered_at=site.now(),
        )
        insert_row(
            db,
            tables.rates,
            currency="EUR",
            day=date(2016, 1, 1),
            per_usd=Decimal(per_usd),
            source="",
            entered_by=0,
            entered_at=site.now(),
        )
    sign_in(client, "desk")
    for path in ("", "/ZZZ/2010-01-01", "/EUR/2016-01-01"):
        assert client.get(f"/settings/rates{path}").status_code == 200, path
    page = client.post("/settings/rates", data=RATE)
    assert (page.status_code, "Is this rate right?" in page.text) == (200, True)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"currency": "USD"}, "Write the three letters of a currency"),
        ({"currency": "francs"}, "Write the three letters of a currency"),
        ({"currency": "XTS"}, "Write the three letters of a currency"),
        ({"currency": "ZMW"}, "ZMW was not in use on 1 February 2010."),
        ({"day": "1.2.2010"}, "Write a day as year-month-day"),
        ({"day": ""}, "Write a day as year-month-day"),
        ({"day": "2010-03-01"}, "A rate can be valid from 28 February 2010 at the latest"),
        ({"day": "0201-03-01"}, "A rate cannot be valid from before 1 January 1950."),
        ({"per_usd": "much"}, "Write a number above nought"),
        ({"per_usd": "0"}, "Write a number above nought"),
        ({"per_usd": "Infinity"}, "Write a number above nought"),
        ({"per_usd": "1e18"}, "A rate lies between 0.001 and 1000000000000 units"),
        ({"source": "x" * 301}, "At most 300 characters"),
        ({"day": "2010-01-01", "per_usd": "0.8"}, "There is a rate for this currency and day already"),
    ],
)
def test_a_faulty_rate_is_told_at_its_field(
    client: FlaskClient, sign_in: SignIn, changes: dict[str, Any], message: str
) -> None:
    sign_in(client, "desk")
    _enter(client, {**RATE, "day": "2010-01-01"})
    answer = client.post("/settings/rates", data={**RATE, **changes})
    assert answer.status_code == 422
    assert answer.text.count(message) == 2
    assert f'value="{changes.get("source", "UN operational rates")}"' in answer.text


def test_a_holiday_is_entered_and_taken_out(client: FlaskClient, sign_in: SignIn, site: Site) -> None:
    sign_in(client, "admin")
    assert client.post("/settings/holidays", data=HOLIDAY).status_code == 303
    client.post("/settings/holidays", data={**HOLIDAY, "day": "2010-01-01", "name": "New Year"})
    for far in ("0201-12-24", "9999-12-24"):
        assert client.post("/settings/holidays", data={**HOLIDAY, "day": far}).status_code == 422
    with site.database.read() as db:
        assert case.load_holidays(db) == {"Geneva": {date(2010, 12, 24), date(2010, 1, 1)}}
    page = client.get("/settings/holidays").text
    assert page.index("Christmas Eve") < page.index("Past holidays") < page.rindex("New Year")
    assert client.post("/settings/holidays/1/remove").status_code == 303
    assert client.post("/settings/holidays/1/remove").status_code == 404
    with site.database.read() as db:
        assert case.load_holidays(db) == {"Geneva": {date(2010, 1, 1)}}


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
