"""The pages of accounts: administrators alone, every fault at its field, links shown once."""

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from appraisal.services import people
from appraisal.services.people import Account
from appraisal.storage.site import chain
from appraisal.web.context import Site
from tests.casts import counted
from tests.web import building
from tests.web.building import Cast
from tests.web.conftest import SignIn

NEWCOMER = {
    "email": "Karim@Example.org",
    "name": "Karim Sow",
    "roles": ["designer", "appraiser"],
    "unit": "NORMES",
    "duty_station": "Dakar",
    "language": "fr",
}


@pytest.fixture
def admin(client: FlaskClient, sign_in: SignIn) -> FlaskClient:
    """Return a browser with the administrator signed in."""
    sign_in(client, "admin")
    return client


def account(site: Site, email: str) -> Account:
    with site.database.read() as db:
        found = people.find_by_email(db, email)
    assert found is not None
    return found


def form_of(person: Any, **changes: Any) -> dict[str, Any]:
    given = {"name": person.name, "roles": sorted(person.roles), "unit": person.unit}
    return {**given, "duty_station": person.duty_station, "language": person.language, **changes}


@pytest.mark.parametrize("path", ["/people", "/people/new", "/people/1"])
@pytest.mark.parametrize("key", ["designer", "desk", "reader", "chief", "auditor"])
def test_accounts_are_for_administrators(client: FlaskClient, sign_in: SignIn, path: str, key: str) -> None:
    sign_in(client, key)
    assert client.get(path).status_code == 403
    assert client.post("/people/1/link").status_code == 403
    assert client.post("/people/new", data=NEWCOMER).status_code == 403


def test_the_list_shows_everybody_in_a_fixed_number_of_statements(admin: FlaskClient, cast: Cast) -> None:
    with counted() as sent:
        page = admin.get("/people").text
    for person in cast.values():
        assert person.name in page
        assert person.email in page
    assert len(sent) < 8


def test_a_new_account_comes_with_an_invitation_that_is_shown_once(
    admin: FlaskClient, site: Site, app: Flask
) -> None:
    answer = admin.post("/people/new", data=NEWCOMER)
    assert answer.status_code == 303
    made = account(site, "karim@example.org")
    assert made.person.roles == {"designer", "appraiser"}
    assert (made.person.unit, made.person.duty_station, made.person.language) == ("NORMES", "Dakar", "fr")
    assert not made.has_password
    page = admin.get(answer.headers["Location"]).text
    link = re.search(r"http://localhost(/invitation/[\w-]+)", page)
    assert link is not None
    assert "/invitation/" not in admin.get(answer.headers["Location"]).text
    assert app.test_client().get(link[1]).status_code == 200


@pytest.mark.parametrize(
    ("changes", "messages"),
    [
        ({"email": "no address"}, ["Write an e-mail address, like name@example.org."]),
        ({"email": "DESK@example.org"}, ["There is an account with this address already."]),
        (
            {"name": " ", "roles": []},
            ["Write a name of at most 200 characters.", "Choose at least one role."],
        ),
        ({"roles": ["emperor"]}, ["Choose at least one role."]),
        ({"language": "de"}, ["Choose a language."]),
    ],
)
def test_faults_stand_at_their_fields_and_nothing_typed_is_lost(
    admin: FlaskClient, changes: dict[str, Any], messages: list[str]
) -> None:
    given = {**NEWCOMER, "unit": "A <unit>", **changes}
    answer = admin.post("/people/new", data=given)
    assert answer.status_code == 422
    for message in messages:
        assert answer.text.count(message) == 2  # in the summary and at the field
    assert 'value="A &lt;unit&gt;"' in answer.text
    assert f'value="{given["email"]}"' in answer.text


def test_an_account_is_changed(admin: FlaskClient, site: Site, cast: Cast) -> None:
    person = cast["reader"]
    given = form_of(person, name="David O.", roles=["manager"], unit="PROGRAM", language="es")
    assert admin.post(f"/people/{person.id}", data=given).status_code == 303
    after = account(site, person.email).person
    assert (after.name, sorted(after.roles), after.unit) == ("David O.", ["manager"], "PROGRAM")
    assert after.language == "es"
    assert after.active


def test_a_change_with_a_fault_loses_nothing(admin: FlaskClient, site: Site, cast: Cast) -> None:
    person = cast["reader"]
    answer = admin.post(f"/people/{person.id}", data=form_of(person, name="", unit="PROGRAM"))
    assert answer.status_code == 422
    assert 'value="PROGRAM"' in answer.text
    assert account(site, person.email).person.name == person.name


def test_closing_an_account_ends_its_sessions_and_opening_gives_it_back(
    admin: FlaskClient, app: Flask, site: Site, cast: Cast, sign_in: SignIn
) -> None:
    person, other = cast["reader"], app.test_client()
    sign_in(other, "reader")
    assert other.get("/workflow").status_code == 200
    admin.post(f"/people/{person.id}", data=form_of(person, standing="closed"))
    assert not account(site, person.email).person.active
    assert other.get("/workflow").status_code == 302
    assert "Closed" in admin.get("/people").text
    admin.post(f"/people/{person.id}", data=form_of(person, standing="open"))
    assert account(site, person.email).person.active


def test_an_administrator_cannot_lock_themselves_out(admin: FlaskClient, site: Site, cast: Cast) -> None:
    person = cast["admin"]
    for changes in ({"standing": "closed"}, {"roles": ["designer"]}):
        answer = admin.post(f"/people/{person.id}", data=form_of(person, **changes))
        assert answer.status_code == 403
        assert "You cannot close your own account or give up its administration." in answer.text
    assert account(site, person.email).person.active


def test_who_leads_an_appraisal_is_said_before_closing(admin: FlaskClient, site: Site, cast: Cast) -> None:
    number = building.assigned_proposal(site, cast, title="Nobody's business")
    page = admin.get(f"/people/{cast['reader'].id}").text
    # The number tells it from others; what it is about is not for administrators.
    assert f"{number}: Lead of the appraisal under way (Due on 15 February 2010)." in page
    assert "Nobody&#39;s business" not in page
    assert f'href="/people/{cast["reader"].id}/appraisals"' in page
    assert "still has to do" not in admin.get(f"/people/{cast['eval'].id}").text


LEAVING: tuple[dict[str, Any], ...] = ({"standing": "closed"}, {"roles": ["auditor"]})


@pytest.mark.parametrize("changes", LEAVING)
def test_what_is_left_is_confirmed_before_an_account_is_changed(
    admin: FlaskClient, site: Site, cast: Cast, changes: dict[str, Any]
) -> None:
    number = building.draft_proposal(site, cast, title="Nobody's business")
    person, before = cast["designer"], site_events(site)
    address, given = f"/people/{person.id}", form_of(person, unit="PROGRAM", **changes)
    answer = admin.post(address, data=given)
    assert answer.status_code == 422
    assert (
        f"{number}: The only author who can still write in it or withdraw it (since 1 February 2010)."
        in answer.text
    )
    assert "It falls to the coordinators." in answer.text
    assert "Nobody&#39;s business" not in answer.text
    # What was typed is there still, and nothing is written.
    assert 'value="PROGRAM"' in answer.text
    assert (account(site, person.email).person, site_events(site)) == (person, before)

    # Shown, but not confirmed; confirmed, but not as it was shown: a second draft came up meanwhile.
    keys = re.findall(r'name="duty" value="([^"]+)"', answer.text)
    assert len(keys) == 1
    assert admin.post(address, data={**given, "duty": keys}).status_code == 422
    other = building.draft_proposal(site, cast)
    again = admin.post(address, data={**given, "duty": keys, "confirm": "1"})
    assert again.status_code == 422
    assert other in again.text
    assert account(site, person.email).person == person

    keys = re.findall(r'name="duty" value="([^"]+)"', again.text)
    assert admin.post(address, data={**given, "duty": keys, "confirm": "1"}).status_code == 303
    after = account(site, person.email).person
    assert after.active == ("standing" not in changes)
    said = site_events(site)[-1]["facts"]
    assert said["duties"] == [{"kind": "author", "number": entry} for entry in sorted((number, other))]


def site_events(site: Site) -> list[Any]:
    with site.database.read() as db:
        return [event.facts for event in chain(db)]


def test_a_change_that_leaves_nothing_asks_for_nothing(admin: FlaskClient, site: Site, cast: Cast) -> None:
    building.draft_proposal(site, cast)
    for changes in ({"name": "Ana R."}, {"roles": ["designer", "auditor"]}, {"unit": "PROGRAM"}):
        answer = admin.post(f"/people/{cast['designer'].id}", data=form_of(cast["designer"], **changes))
        assert answer.status_code == 303
    assert "duties" not in site_events(site)[-1]["facts"]


def test_a_new_link_is_for_a_new_password_once_there_is_one(
    admin: FlaskClient, app: Flask, cast: Cast
) -> None:
    answer = admin.post(f"/people/{cast['reader'].id}/link")
    assert answer.status_code == 303
    link = re.search(r"http://localhost(/password-reset/[\w-]+)", admin.get(answer.headers["Location"]).text)
    assert link is not None
    assert app.test_client().get(link[1]).status_code == 200
    admin.post(f"/people/{cast['reader'].id}/link")
    assert app.test_client().get(link[1]).status_code == 404


def test_a_link_is_shown_on_its_own_page_only(admin: FlaskClient, cast: Cast) -> None:
    admin.post(f"/people/{cast['reader'].id}/link")
    assert "/password-reset/" not in admin.get(f"/people/{cast['eval'].id}").text


def test_an_unknown_account_is_not_found(admin: FlaskClient) -> None:
    assert admin.get("/people/999").status_code == 404
    assert admin.post("/people/999/link").status_code == 404
    assert admin.get(f"/people/{10**30}").status_code == 404
