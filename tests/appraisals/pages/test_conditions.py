"""Closing and waiving conditions: by whom, with what, and on which page."""

from datetime import UTC, datetime

import pytest
from flask.testing import FlaskClient

from appraisal.proposals.facts import Condition
from appraisal.web.context import Site
from tests.casts import Clock
from tests.web import building
from tests.web.building import Cast
from tests.web.sites import SignIn


def _condition(site: Site, number: str) -> Condition:
    finalised = building.load(site, number).finalised
    assert finalised is not None
    return finalised.conditions[0]


def _url(site: Site, number: str, act: str) -> str:
    return f"/proposals/{number}/conditions/{_condition(site, number).id}/{act}"


def test_a_coordinator_closes_a_condition_with_evidence(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.approved_proposal(site, cast, ratings={"TRI-3": "1"})
    url = _url(site, number, "clear")
    sign_in(client, "desk")
    page = client.get(url)
    for words in ("Make TRI-3 good.", "Ana Ruiz", "Before it is sent to the donor"):
        assert words in page.text
    assert client.post(url, data={"text": " "}).status_code == 422
    seen = str(building.load(site, number).row_version)
    answer = client.post(url, data={"text": "Letter of 3 March", "seen": seen})
    assert answer.status_code == 303
    assert _condition(site, number).evidence == "Letter of 3 March"
    assert "The condition is closed." in client.get(answer.location).text
    assert "The condition is closed already." in client.get(url).text
    assert client.post(url, data={"text": "Again"}).status_code == 403


def test_a_manager_waives_a_condition_before_the_decision(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.appraised_proposal(site, cast, ratings={"TRI-3": "1"})
    url = _url(site, number, "waive")
    sign_in(client, "chief")
    assert "only an override by two managers" in client.get(url).text
    page = client.post(url, data={"text": ""})
    assert page.status_code == 422
    assert 'href="#text"' in page.text
    assert client.post(url, data={"text": "It cannot be met"}).status_code == 303
    assert _condition(site, number).waived_at is not None
    assert "A condition was waived" in client.get(f"/proposals/{number}/steps/approve").text


def test_an_owner_reports_a_condition_without_reading_the_proposal(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.owned_condition(site, cast, "ADMIN@example.org", title="Not for everybody")
    url = _url(site, number, "report")
    sign_in(client, "admin")
    page = client.get(url)
    for words in ("Make TRI-3 good.", "Before it is sent to the donor", "3 March 2010"):
        assert words in page.text
    assert "Not for everybody" not in page.text
    assert f'href="/proposals/{number}"' not in page.text
    empty = client.post(url, data={"text": " "})
    assert empty.status_code == 422
    assert 'href="#text"' in empty.text
    seen = str(building.load(site, number).row_version)
    assert client.post(url, data={"text": "Too old", "seen": "1"}).status_code == 409
    answer = client.post(url, data={"text": "See minute 4", "seen": seen})
    assert (answer.status_code, answer.location) == (303, "/")
    work = client.get("/").text
    assert "A coordinator looks at it and closes it." in work
    assert "Reported as met on 1 February 2010" in work
    again = client.get(url).text
    assert "See minute 4" in again
    sign_in(client, "desk")
    assert "See minute 4" in client.get(f"/proposals/{number}").text
    assert "Jonas Meyer, 1 February 2010" in client.get(_url(site, number, "clear")).text
    client.post(_url(site, number, "clear"), data={"text": "Seen"})
    sign_in(client, "admin")
    assert "The condition is closed already." in client.get(url).text
    assert client.post(url, data={"text": "Again"}).status_code == 403


@pytest.mark.thorough
def test_an_owner_who_has_reported_is_not_late_any_more(
    site: Site, cast: Cast, clock: Clock, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.owned_condition(site, cast, "ADMIN@example.org")
    clock.set(datetime(2010, 3, 10, 9, tzinfo=UTC))
    sign_in(client, "admin")
    assert "Overdue by 5 working days" in client.get("/").text
    client.post(_url(site, number, "report"), data={"text": "See minute 4"})
    work = client.get("/").text
    assert "Reported as met on 10 March 2010" in work
    assert "Overdue" not in work
    sign_in(client, "desk")
    assert "Overdue by 5 working days" in client.get("/").text


def test_an_author_reports_a_condition_from_the_page_of_the_proposal(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.approved_proposal(site, cast, ratings={"TRI-3": "1"})
    url = _url(site, number, "report")
    sign_in(client, "designer")
    assert url in client.get(f"/proposals/{number}").text
    answer = client.post(url, data={"text": "See minute 4"})
    assert answer.location == f"/proposals/{number}"
    for key, status in (("designer2", 404), ("eval", 404), ("admin", 404)):
        sign_in(client, key)
        assert client.get(url).status_code == status
    sign_in(client, "chief")
    assert url not in client.get(f"/proposals/{number}").text
    assert "The owner of a condition or an author of the proposal reports it as met." in client.get(url).text
    assert client.post(url, data={"text": "Let me"}).status_code == 403


@pytest.mark.parametrize(
    ("key", "act", "reason"),
    [
        ("chief", "clear", "a coordinator who is neither its owner nor an author"),
        ("designer", "clear", "a coordinator who is neither its owner nor an author"),
        ("desk", "waive", "Only people with the role of manager"),
        ("reader", "waive", "You have led the appraisal"),
    ],
)
def test_nobody_else_closes_or_waives(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn, key: str, act: str, reason: str
) -> None:
    number = building.appraised_proposal(site, cast, ratings={"TRI-3": "1"})
    url = _url(site, number, act)
    sign_in(client, key)
    page = client.get(url)
    assert page.status_code == 200
    assert reason in page.text
    assert "<textarea" not in page.text
    refused = client.post(url, data={"text": "Let me"})
    assert refused.status_code == 403
    assert "Let me" in refused.text
    assert _condition(site, number).is_open


def test_a_page_out_of_date_closes_nothing(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.approved_proposal(site, cast, ratings={"TRI-3": "1"})
    sign_in(client, "desk")
    page = client.post(_url(site, number, "clear"), data={"text": "Letter", "seen": "1"})
    assert page.status_code == 409
    assert "Letter" in page.text
    assert _condition(site, number).is_open


def test_a_report_on_a_page_out_of_date_is_not_lost(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.approved_proposal(site, cast, ratings={"TRI-3": "1"})
    sign_in(client, "designer")
    page = client.post(_url(site, number, "report"), data={"text": "Minute 12", "seen": "1"})
    assert page.status_code == 409
    assert "Minute 12" in page.text
    assert _condition(site, number).reported_at is None


def test_conditions_of_others_are_not_found(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.approved_proposal(site, cast, ratings={"TRI-3": "1"})
    url = _url(site, number, "clear")
    other = building.approved_proposal(site, cast)
    sign_in(client, "desk")
    assert client.get(url.replace(number, other)).status_code == 404
    sign_in(client, "designer2")
    assert client.get(url).status_code == 404


@pytest.mark.thorough
def test_the_page_of_a_condition_and_the_history_tell_its_whole_life(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.appraised_proposal(site, cast, ratings={"TRI-3": "1"})
    condition = _condition(site, number)
    sign_in(client, "designer")
    client.post(_url(site, number, "report"), data={"text": "See minute 4"})
    sign_in(client, "chief")
    client.post(_url(site, number, "waive"), data={"text": "It cannot be met"})
    building.take(site, cast["reader"], number, "recall", note="Once more.")
    line = "1. (TRI-3) Make TRI-3 good. – Ana Ruiz, 3 March 2010, Before it is sent to the donor"
    sentences = (
        f"{cast['reader'].name} wrote a condition: {line}",
        "Ana Ruiz reported condition 1 as met: See minute 4",
        "waived condition 1: It cannot be met",
        "Carried over to the new appraisal as they are: conditions 1",
    )
    sign_in(client, "reader")
    url = f"/proposals/{number}/conditions/{condition.id}"
    for page in (client.get(url), client.get(f"/proposals/{number}/history")):
        assert page.status_code == 200
        for sentence in sentences:
            assert sentence in page.text
    assert "Waived by" in client.get(url).text
    # What is opened again is its lead's, coordinators' and auditors' alone, and what it carried over too.
    sign_in(client, "designer")
    assert client.get(url).status_code == 404
    history = client.get(f"/proposals/{number}/history").text
    assert sentences[0] in history
    assert sentences[3] not in history
    building.take(site, cast["reader"], number, "finalise")
    assert sentences[3] in client.get(url).text
    assert url in client.get(f"/proposals/{number}").text
    sign_in(client, "designer2")
    assert client.get(url).status_code == 404


def test_the_page_of_a_draft_names_what_was_written_before(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.rated_proposal(site, cast, ratings={"TRI-3": "1"})
    [before] = building.load(site, number).appraisals[0].conditions
    given = {
        "chosen": "",
        "shown": f"{before.id}:1",
        "low-0-item": "TRI-3",
        "low-0-condition": str(before.id),
        "low-0-version": "1",
        "low-0-text": "Name a role for each",
        "low-0-owner": "Ana Ruiz",
        "low-0-due_on": "2010-04-01",
        "low-0-gate": "before_start",
    }
    sign_in(client, "reader")
    assert client.post(f"/proposals/{number}/appraisal/recommendation", data=given).status_code == 303
    url = f"/proposals/{number}/conditions/{before.id}"
    page = client.get(url).text
    assert "changed a condition, now: 1. (TRI-3) Name a role for each – Ana Ruiz, 1 April 2010" in page
    assert "Before: 1. (TRI-3) Make TRI-3 good." in page
    sign_in(client, "designer")
    assert client.get(url).status_code == 404
    assert "Name a role" not in client.get(f"/proposals/{number}/history").text


def test_a_reason_typed_while_the_appraisal_was_opened_again_is_not_lost(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.appraised_proposal(site, cast, ratings={"TRI-3": "1"})
    seen = str(building.load(site, number).row_version)
    urls = {"chief": _url(site, number, "waive"), "designer": _url(site, number, "report")}
    building.take(site, cast["reader"], number, "recall", note="Once more.")
    for key, url in urls.items():
        sign_in(client, key)
        page = client.post(url, data={"text": "Typed for long", "seen": seen})
        assert page.status_code == 409
        assert "Typed for long" in page.text
        assert client.get(url).status_code == 404


def test_what_nothing_rests_on_is_shown_as_open_no_more(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.appraised_proposal(site, cast, ratings={"TRI-3": "1"})
    condition = _condition(site, number)
    url, words = f"/proposals/{number}/conditions/{condition.id}", "Not asked for any more"
    sign_in(client, "designer")
    for page in (client.get(url).text, client.get(f"/proposals/{number}").text):
        assert words not in page
    building.take(site, cast["chief"], number, "reject", note="Not now.")
    for page in (client.get(url).text, client.get(f"/proposals/{number}").text):
        assert words in page
        assert "Report it as met" not in page
    assert "Nothing rests on this condition any more." in client.get(_url(site, number, "report")).text
