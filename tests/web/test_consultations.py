"""Comments of the units: answering, on behalf, late, and who reads them."""

import pytest
from flask.testing import FlaskClient

from appraisal.domain.facts import Appraisal
from appraisal.web.context import Site
from tests.web import building
from tests.web.building import Cast, Clock
from tests.web.conftest import SignIn


def _running(site: Site, number: str) -> Appraisal:
    running = building.load(site, number).appraisal
    assert running is not None
    return running


def _url(number: str, rest: str = "") -> str:
    return f"/proposals/{number}/appraisal{rest}"


def _consultation(site: Site, number: str, unit: str) -> str:
    entry = next(entry for entry in _running(site, number).consultations if entry.unit == unit)
    return f"/proposals/{number}/consultations/{entry.id}"


def test_a_unit_answers_by_a_review_and_others_read_it_later(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.assigned_proposal(site, cast)
    url, review = _consultation(site, number, "ACT/EMP"), f"/proposals/{number}/review"
    sign_in(client, "actemp")
    for answer in (client.get(url), client.post(url, data={"text": "Employers were not asked."})):
        assert (answer.status_code, answer.location) == (303, review)
    assert client.post(review, data={"answer": "nothing"}).status_code == 303
    answer = client.get(url)
    assert (answer.status_code, answer.location) == (303, review)
    assert client.post(f"{review}/sign", data={"comment": "Employers were not asked."}).status_code == 303
    assert "Employers were not asked." in client.get(url).text
    assert client.post(url, data={"text": "Something else"}).status_code == 403
    for key, status in (("eval", 404), ("chief", 404), ("designer", 404), ("reader", 200), ("desk", 200)):
        sign_in(client, key)
        page = client.get(url)
        assert page.status_code == status
        assert ("Employers were not asked." in page.text) == (status == 200)


@pytest.mark.parametrize("key", ["designer", "chief"])
def test_authors_and_managers_read_what_units_said_once_the_appraisal_is_finalised(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn, key: str
) -> None:
    number = building.rated_proposal(site, cast)
    url = _consultation(site, number, "ACT/EMP")
    sign_in(client, key)
    pages = (_url(number), f"/proposals/{number}")
    assert "Units consulted" not in client.get(_url(number)).text
    for page in pages:
        assert "ACT/EMP" not in client.get(page).text
    assert client.get(url).status_code == 404
    building.take(site, cast["reader"], number, "finalise")
    assert "We agree." in client.get(url).text
    for page in pages:
        assert "ACT/EMP" in client.get(page).text


def test_a_coordinator_answers_on_behalf_and_late_is_marked(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn, clock: Clock
) -> None:
    number = building.assigned_proposal(site, cast)
    url = _consultation(site, number, "ACTRAV")
    clock.advance(days=20)
    sign_in(client, "desk")
    page = client.get(url)
    assert "The questions of this checklist" in page.text
    assert "on behalf of ACTRAV" in page.text
    assert client.post(url, data={"text": " "}).status_code == 422
    assert "marked late" in page.text
    given = {"text": "Late, but here."}
    assert client.post(url, data=given).status_code == 303
    assert client.post(url, data=given).status_code == 303
    assert client.post(url, data={"text": "Something else"}).status_code == 403
    assert "Answered late" in client.get(_url(number)).text
    assert building.load(site, number).related("reviewer") == frozenset()


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("designer", "Not found"),
        ("chief", "Not found"),
        ("auditor", "Not possible now:"),
        ("reader", "Not possible now:"),
    ],
)
def test_nobody_else_answers_for_a_unit(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn, key: str, reason: str
) -> None:
    number = building.assigned_proposal(site, cast)
    url = _consultation(site, number, "ACTRAV")
    sign_in(client, key)
    assert reason in client.get(url).text
    assert client.post(url, data={"text": "Mine"}).status_code == (404 if reason == "Not found" else 403)
