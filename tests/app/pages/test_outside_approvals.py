"""Registering an approval of a proposal that never came here."""

import re
from datetime import UTC, datetime
from html import unescape

import pytest
from flask.testing import FlaskClient

from appraisal.proposals.store.case import load_cases
from appraisal.web.context import Site
from tests.web import building
from tests.web.building import Cast
from tests.web.sites import SignIn

KEY = "0123456789abcdef0123456789abcdef"
GIVEN = {
    "title": "Labour inspection in mining",
    "countries": "zm, TZ",
    "region": "africa",
    "unit": "LAB/ADMIN",
    "donor": "Government of Norway",
    "private": "no",
    "fund": "XBTC",
    "modality": "direct",
    "amount": "1 250 000",
    "currency": "usd",
    "document": "Minute 12",
    "source": "Registry",
    "approved_on": "2010-01-05",
    "note": "It went straight to the donor",
}


def _hidden(page: str) -> dict[str, str]:
    main = page[page.index("<main") :]
    found = re.findall(r'<input type="hidden" name="([\w-]+)" value="([^"]*)"', main)
    return {name: unescape(value) for name, value in found}


def test_what_will_be_stored_and_counted_is_shown_before(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    building.approved_proposal(site, cast)
    sign_in(client, "desk")
    page = client.post("/approvals/new", data={**GIVEN, "title": "Labour <b>inspection</b>"})
    assert page.status_code == 200
    for shown in (
        "Labour &lt;b&gt;inspection&lt;/b&gt;",
        "Government of Norway: USD 1,250,000 (US$ 1,250,000), XBTC",
        "5 January 2010",
        "Outside the mechanism: it will count as not appraised",
        "It went straight to the donor",
        "50.0%",
    ):
        assert shown in page.text, shown
    with site.database.read() as db:
        assert len(load_cases(db)) == 1
    # Going back to change loses nothing that was typed.
    carried = _hidden(page.text)
    form = client.post("/approvals/new", data={**carried, "change": "1"})
    assert (form.status_code, 'value="Labour &lt;b&gt;inspection&lt;/b&gt;"' in form.text) == (200, True)
    assert client.post("/approvals/new", data={**carried, "checked": "1"}).status_code == 303
    with site.database.read() as db:
        assert [case.state for case in load_cases(db)] == ["approved", "approved"]


@pytest.mark.parametrize(
    ("changes", "is_same"),
    [
        ({}, True),
        ({"symbol": "raf / 10/55/usa", "donor": "Japan", "amount": "5"}, True),  # the day
        ({"symbol": "RAF/10/55/USA", "approved_on": "2009-05-05", "amount": "5"}, True),  # the donor
        ({"symbol": "RAF/10/55/USA", "approved_on": "2009-05-05", "donor": "Japan"}, True),  # the amount
        ({"approved_on": "2009-05-05", "donor": "Japan", "amount": "5"}, False),
        ({"approved_on": "", "undated": "y", "donor": "Japan", "amount": "5"}, False),
    ],
)
def test_what_is_here_already_is_refused_and_what_may_be_is_asked(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn, changes: dict[str, str], is_same: bool
) -> None:
    sign_in(client, "desk")
    first = {**GIVEN, "symbol": "RAF/10/55/USA", "checked": "1"}
    number = client.post("/approvals/new", data=first).location.rpartition("/")[2]
    again = {**first, "title": "By another title", **changes}
    page = client.post("/approvals/new", data=again)
    assert page.status_code == 422
    assert f'href="/proposals/{number}"' in page.text
    assert ("It is here already, with the same donor, amount or day:" in page.text) == is_same
    answers = {"same": 422, "": 422, "phase": 422 if is_same else 303}
    for answer, status in answers.items():
        sent = client.post("/approvals/new", data={**again, f"likeness-{number}": answer})
        assert sent.status_code == status, answer
    with site.database.read() as db:
        assert len(load_cases(db)) == (1 if is_same else 2)


def test_the_same_title_with_another_symbol_is_another_project(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    sign_in(client, "desk")
    for symbol in ("RAF/10/55/USA", "RAF/10/56/USA"):
        sent = client.post("/approvals/new", data={**GIVEN, "symbol": symbol, "checked": "1"})
        assert sent.status_code == 303


def test_an_approval_is_registered_once(site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn) -> None:
    sign_in(client, "desk")
    given = {**GIVEN, "request_key": KEY, "checked": "1"}
    answer = client.post("/approvals/new", data=given)
    assert answer.status_code == 303
    assert client.post("/approvals/new", data=given).location == answer.location
    number = answer.location.rpartition("/")[2]
    case = building.load(site, number)
    assert (case.origin, case.state) == ("registered", "approved")
    assert case.content["identification"]["countries"] == ["ZM", "TZ"]
    assert case.content["identification"]["contributions"][0]["amount"] == "1250000"
    assert case.approval is not None
    assert case.approval.note == "It went straight to the donor"
    # A day without an hour counts as its end in Geneva.
    assert case.approval.approved_at == datetime(2010, 1, 5, 22, 59, 59, 999999, tzinfo=UTC)
    assert case.related("author") == frozenset()
    page = client.get(answer.location)
    assert f"The approval is registered as {number}." in page.text
    assert "Outside the mechanism" in page.text


def test_an_undated_approval_is_registered(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    sign_in(client, "desk")
    given = {**GIVEN, "approved_on": "", "undated": "y", "checked": "1"}
    answer = client.post("/approvals/new", data=given)
    approval = building.load(site, answer.location.rpartition("/")[2]).approval
    assert approval is not None
    assert approval.approved_at is None


@pytest.mark.parametrize(
    ("changed", "field", "words"),
    [
        ({"title": ""}, "title", "Give the title."),
        ({"countries": "Narnia"}, "countries", "Not a country code of ISO 3166"),
        ({"fund": ""}, "fund", "Choose the fund."),
        ({"fund": "GOLD"}, "fund", "Choose one of the values offered"),
        ({"amount": "much"}, "amount", "Write an amount in figures"),
        ({"currency": "euros"}, "currency", "three letters of ISO 4217"),
        ({"currency": "XTS"}, "currency", "three letters of ISO 4217"),
        ({"approved_on": ""}, "approved_on", "Give the date, or say that it is not known."),
        ({"approved_on": "2010-06-01"}, "approved_on", "An approval cannot lie in the future."),
        ({"document": ""}, "document", "Name the document."),
    ],
)
def test_what_is_wrong_is_said_at_its_field(
    site: Site,
    cast: Cast,
    client: FlaskClient,
    sign_in: SignIn,
    changed: dict[str, str],
    field: str,
    words: str,
) -> None:
    sign_in(client, "desk")
    page = client.post("/approvals/new", data={**GIVEN, **changed})
    assert page.status_code == 422
    assert words in page.text
    assert f'href="#{field}"' in page.text
    assert "It went straight to the donor" in page.text


@pytest.mark.parametrize("key", ["designer", "reader", "chief", "auditor", "admin"])
def test_only_coordinators_register(client: FlaskClient, sign_in: SignIn, key: str) -> None:
    sign_in(client, key)
    assert client.get("/approvals/new").status_code == 403
    assert client.post("/approvals/new", data=GIVEN).status_code == 403


def test_coordinators_find_the_page_from_the_list(client: FlaskClient, sign_in: SignIn) -> None:
    for key, found in (("desk", True), ("designer", False)):
        sign_in(client, key)
        assert ("/approvals/new" in client.get("/proposals").text) == found
