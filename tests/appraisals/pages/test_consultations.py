"""Comments of the units: answering, on behalf, late, and who reads them."""

from collections.abc import Mapping
from typing import Final

import pytest
from flask.testing import FlaskClient

from appraisal.appraisals.rules import responses
from appraisal.language.texts import LANGUAGES, Language, say
from appraisal.proposals.facts import Appraisal
from appraisal.web.context import Site
from tests.casts import Clock
from tests.web import building
from tests.web.building import Cast
from tests.web.sites import SignIn


def _running(site: Site, number: str) -> Appraisal:
    running = building.load(site, number).appraisal
    assert running is not None
    return running


def _url(number: str, rest: str = "") -> str:
    return f"/proposals/{number}/appraisal{rest}"


def _consultation(site: Site, number: str, unit: str) -> str:
    entry = next(
        entry for entry in building.load(site, number).appraisals[-1].consultations if entry.unit == unit
    )
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


_NO_LONGER: Final[Mapping[Language, str]] = {
    "en": "No longer awaited: the appraisal was closed on 1 February 2010",
    "fr": "N&#39;est plus attendu\u00a0: l&#39;appréciation a été close le 1er février 2010",
    "es": "Ya no se espera: la valoración se cerró el 1 de febrero de 2010",
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_pages_say_of_nobody_that_a_date_passed_which_lies_ahead(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn, clock: Clock, language: Language
) -> None:
    number = building.appraised_proposal(site, cast)
    sign_in(client, "desk")
    client.post("/language", data={"language": language})
    pages = (f"/proposals/{number}", _url(number), f"/proposals/{number}/reviews")
    for page in pages:
        assert client.get(page).text.count(_NO_LONGER[language]) == 4, page
    silent = say(language, responses.SENTENCES["silent"])
    assert not any(silent in client.get(page).text for page in pages)
    # A date that passes after the closing changes nothing of that.
    clock.advance(days=30)
    for page in pages:
        assert client.get(page).text.count(_NO_LONGER[language]) == 4, page


def test_a_comment_after_the_closing_is_said_to_be_late_only_after_its_date(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn, clock: Clock
) -> None:
    number = building.appraised_proposal(site, cast)
    sign_in(client, "desk")
    for unit, late in (("GENDER", False), ("NORMES", True)):
        if late:
            clock.advance(days=20)
        url = _consultation(site, number, unit)
        page = client.get(url).text
        assert "the comment will be kept, and changes nothing in it" in page
        assert ("marked late" in page) is late
        assert client.post(url, data={"text": "Here it is."}).status_code == 303
        page = client.get(url).text
        assert "The appraisal had been closed before" in page
        assert ("Answered late" in page) is late
        assert (client.get(_url(number)).text.count("Answered late") == 1) is late
