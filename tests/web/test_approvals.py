"""Registering an approval of a proposal that never came here."""

from datetime import UTC, datetime

import pytest
from flask.testing import FlaskClient

from appraisal.web.context import Site
from tests.web import building
from tests.web.building import Cast
from tests.web.conftest import SignIn

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


def test_an_approval_is_registered_once(site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn) -> None:
    sign_in(client, "desk")
    given = {**GIVEN, "request_key": KEY}
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
    given = {**GIVEN, "approved_on": "", "undated": "y"}
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
