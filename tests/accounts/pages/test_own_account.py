"""Your account: the language and how mail comes, which are a person's own to choose."""

from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient

from appraisal.accounts.services import accounts
from appraisal.app.application import create_app
from appraisal.people.facts import Person
from appraisal.web.context import Site
from tests.mailboxes import Mailboxes
from tests.web.building import CAST, Cast
from tests.web.sites import SignIn

CHOICE = {"language": "fr", "delivery": "daily"}


def _person(site: Site, id: int) -> Person:
    with site.database.read() as db:
        return accounts.find_person(db, id).person


@pytest.mark.parametrize("key", [entry[0] for entry in CAST])
def test_everybody_finds_their_account_from_every_page(
    client: FlaskClient, sign_in: SignIn, cast: Cast, key: str
) -> None:
    assert client.get("/account").status_code == 302
    sign_in(client, key)
    assert 'href="/account"' in client.get("/").text
    page = client.get("/account").text
    assert cast[key].email in page
    assert page.count("checked") == 2


def test_a_choice_is_kept_for_pages_and_mail(
    client: FlaskClient, sign_in: SignIn, site: Site, cast: Cast
) -> None:
    sign_in(client, "desk")
    answer = client.post("/account", data=CHOICE)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/account")
    found = _person(site, cast["desk"].id)
    assert (found.language, found.delivery) == ("fr", "daily")
    assert 'lang="fr"' in client.get("/account").text
    # Nobody else's, and nothing else of one's own.
    assert _person(site, cast["chief"].id).delivery == "at_once"
    assert replace(found, language="en", delivery="at_once") == cast["desk"]


def test_the_switch_at_the_top_and_the_account_are_one(
    client: FlaskClient, sign_in: SignIn, site: Site, cast: Cast
) -> None:
    sign_in(client, "desk")
    client.post("/account", data=CHOICE)
    client.post("/language", data={"language": "es"})
    found = _person(site, cast["desk"].id)
    assert (found.language, found.delivery) == ("es", "daily")
    page = client.get("/account").text
    assert 'value="es" checked' in page
    assert 'value="daily" checked' in page
    client.post("/account", data=CHOICE)
    client.post("/sign-out")
    assert 'lang="fr"' in client.get("/sign-in").text


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"language": "de"}, "Choose a language."),
        ({"language": ""}, "Choose a language."),
        ({"delivery": "weekly"}, "Choose how mail comes."),
        ({"delivery": ""}, "Choose how mail comes."),
    ],
)
def test_a_choice_that_is_none_is_told_at_its_field(
    client: FlaskClient, sign_in: SignIn, site: Site, cast: Cast, changes: dict[str, str], message: str
) -> None:
    sign_in(client, "desk")
    answer = client.post("/account", data={"language": "en", "delivery": "daily", **changes})
    assert answer.status_code == 422
    assert answer.text.count(message) == 2
    assert _person(site, cast["desk"].id).delivery == "at_once"


@pytest.mark.thorough
def test_the_page_says_whether_mail_is_sent_at_all(
    app: Flask, client: FlaskClient, sign_in: SignIn, site: Site
) -> None:
    words = "No mail is sent at present"
    sign_in(client, "desk")
    assert words in client.get("/account").text
    settings = replace(site.settings, mail=Mailboxes(port=25).server())
    sending = create_app(replace(site, settings=settings)).test_client()
    sign_in(sending, "desk")
    assert words not in sending.get("/account").text
