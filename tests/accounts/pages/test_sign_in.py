"""Signing in and out, the language of the pages, and the links that set a password."""

import re
from collections.abc import Mapping
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from appraisal.accounts.pages.sign_in import local_path
from appraisal.accounts.services import accounts
from appraisal.accounts.services.accounts import Purpose
from appraisal.database import tables
from appraisal.people.facts import SYSTEM_ACTOR
from appraisal.web.context import Site
from tests.casts import Clock
from tests.web.building import PASSWORD, SECRET, Cast
from tests.web.sites import Compiled, SignIn, build_app

NEW = "four words on paper"


def link_for(site: Site, person: int, purpose: Purpose) -> str:
    with site.database.begin() as db:
        token = accounts.issue_link(db, SYSTEM_ACTOR, site.now(), person, purpose)
    return ("/invitation/" if purpose == "invitation" else "/password-reset/") + token


def credentials(key: str, password: str = PASSWORD) -> Mapping[str, str]:
    return {"email": f"{key}@example.org", "password": password}


def test_the_right_password_opens_the_page_that_was_asked_for(client: FlaskClient) -> None:
    refused = client.get("/workflow?x=1")
    assert refused.status_code == 302
    answer = client.post(refused.headers["Location"], data=credentials("desk"))
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/workflow?x=1"
    assert "Chiara Weber" in client.get("/workflow").text


@pytest.mark.parametrize(
    "given",
    [credentials("desk", "wrong"), credentials("nobody"), {}, {"email": "x" * 3000, "password": "y" * 3000}],
)
def test_unknown_address_and_wrong_password_read_the_same(
    client: FlaskClient, given: Mapping[str, str]
) -> None:
    answer = client.post("/sign-in", data=given)
    assert answer.status_code == 422
    assert "The e-mail address or the password is not right." in answer.text
    assert given.get("password", PASSWORD) not in answer.text
    assert given.get("email", "") in answer.text


def test_ten_failures_a_minute_are_enough(client: FlaskClient) -> None:
    for _ in range(10):
        assert client.post("/sign-in", data=credentials("desk", "wrong")).status_code == 422
    answer = client.post("/sign-in", data=credentials("desk"))
    assert answer.status_code == 429
    assert "Too many attempts" in answer.text
    assert 'value="desk@example.org"' in answer.text


def test_success_does_not_use_attempts_up(app: Flask) -> None:
    for _ in range(15):
        assert app.test_client().post("/sign-in", data=credentials("desk")).status_code == 303


@pytest.mark.parametrize(
    "given",
    [
        "//evil.example",
        "https://evil.example/",
        "/\\evil.example",
        "\\/evil",
        "javascript:alert(1)",
        "work",
        "/a\nb",
        "http://[",
        "//[",
        "",
    ],
)
def test_only_local_paths_are_followed(client: FlaskClient, given: str) -> None:
    assert local_path(given) == ""
    answer = client.post("/sign-in", data={**credentials("desk"), "next": given})
    assert answer.headers["Location"] == "/"


def test_a_form_without_its_token_is_refused(app: Flask) -> None:
    app.config["WTF_CSRF_ENABLED"] = True
    client = app.test_client()
    assert client.post("/sign-in", data=credentials("desk")).status_code == 400
    page = client.get("/sign-in").text
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token is not None
    answer = client.post("/sign-in", data={**credentials("desk"), "csrf_token": token[1]})
    assert answer.status_code == 303


def test_signing_out_ends_the_session_and_keeps_the_language(client: FlaskClient, sign_in: SignIn) -> None:
    sign_in(client, "desk")
    client.post("/language", data={"language": "fr", "next": "/workflow"})
    assert client.get("/sign-out").status_code == 405
    client.post("/sign-out")
    assert client.get("/workflow").status_code == 302
    assert 'lang="fr"' in client.get("/sign-in").text


def test_a_language_is_kept_for_the_visit_and_on_the_account(
    client: FlaskClient, site: Site, cast: Cast, sign_in: SignIn
) -> None:
    answer = client.post("/language", data={"language": "es", "next": "/sign-in"})
    assert answer.headers["Location"] == "/sign-in"
    assert '<html lang="es"' in client.get("/sign-in").text
    sign_in(client, "desk")
    client.post("/language", data={"language": "fr", "next": "//evil.example"})
    with site.database.read() as db:
        assert accounts.find_person(db, cast["desk"].id).person.language == "fr"
    assert "Désigner un responsable" in client.get("/workflow").text
    client.post("/language", data={"language": "de"})
    with site.database.read() as db:
        assert accounts.find_person(db, cast["desk"].id).person.language == "fr"


@pytest.mark.parametrize("purpose", ["invitation", "reset"])
def test_a_link_sets_a_password_once(client: FlaskClient, site: Site, cast: Cast, purpose: Purpose) -> None:
    path = link_for(site, cast["desk"].id, purpose)
    assert "desk@example.org" in client.get(path).text
    answer = client.post(path, data={"password": NEW, "again": NEW})
    assert answer.status_code == 303
    assert client.get(path).status_code == 404
    assert client.post(path, data={"password": NEW, "again": NEW}).status_code == 404
    assert client.post("/sign-in", data=credentials("desk")).status_code == 422
    assert client.post("/sign-in", data=credentials("desk", NEW)).status_code == 303


@pytest.mark.parametrize(
    ("password", "again", "message"),
    [
        ("short", "short", "at least 12 characters."),
        ("x" * 201, "x" * 201, "at most 200 characters."),
        (NEW, NEW + "!", "The two passwords differ."),
    ],
)
def test_a_password_that_will_not_do_leaves_the_link_good(
    client: FlaskClient, site: Site, cast: Cast, password: str, again: str, message: str
) -> None:
    path = link_for(site, cast["desk"].id, "reset")
    answer = client.post(path, data={"password": password, "again": again})
    assert answer.status_code == 422
    assert message in answer.text
    assert password not in answer.text
    assert client.post(path, data={"password": NEW, "again": NEW}).status_code == 303


def test_links_die_of_age_and_are_not_interchangeable(
    client: FlaskClient, site: Site, cast: Cast, clock: Clock
) -> None:
    path = link_for(site, cast["desk"].id, "reset")
    assert client.get(path.replace("/password-reset/", "/invitation/")).status_code == 404
    clock.advance(hours=2)
    answer = client.get(path)
    assert answer.status_code == 404
    assert "This link cannot be used" in answer.text


def test_a_new_password_ends_the_sessions_there_are(
    client: FlaskClient, site: Site, cast: Cast, sign_in: SignIn, app: Flask
) -> None:
    sign_in(client, "desk")
    assert client.get("/workflow").status_code == 200
    app.test_client().post(link_for(site, cast["desk"].id, "reset"), data={"password": NEW, "again": NEW})
    assert client.get("/workflow").status_code == 302


def test_forgotten_password_says_who_helps(client: FlaskClient) -> None:
    assert "administrator" in client.get("/password-reset").text


def test_attempts_are_logged(client: FlaskClient, site: Site, cast: Cast) -> None:
    client.post("/sign-in", data=credentials("desk", "wrong"))
    client.post("/sign-in", data=credentials("nobody", "wrong"))
    client.post("/sign-in", data=credentials("desk"))
    client.get("/workflow")
    client.post("/sign-out")
    client.post("/sign-out")
    log = tables.accesses
    desk = cast["desk"].id
    with site.database.read() as db:
        rows = db.execute(
            select(log.c.action, log.c.person_id, log.c.subject, log.c.detail).order_by(log.c.id)
        ).all()
    # Whose address it is that is nobody's stays untold.
    assert [tuple(row) for row in rows] == [
        ("sign_in_failed", desk, "", ""),
        ("sign_in_failed", None, "", ""),
        ("sign_in", desk, "", ""),
        ("sign_out", desk, "", ""),
    ]


def test_sessions_outlive_a_change_of_the_secret_while_the_former_one_is_named(
    client: FlaskClient, sign_in: SignIn, site: Site, compiled: Compiled
) -> None:
    sign_in(client, "desk")
    kept = client.get_cookie("session")
    assert kept is not None
    new = "another secret, which is as long as the first"

    def opened(secret: str, former: str = "") -> int:
        changed = replace(site, settings=replace(site.settings, secret=secret, former_secret=former))
        browser = build_app(changed, compiled).test_client()
        browser.set_cookie("session", kept.value)
        return browser.get("/records").status_code

    assert opened(SECRET) == 200
    assert opened(new, former=SECRET) == 200
    assert opened(new) == 302
    assert opened(new, former=new[::-1]) == 302


def test_null_characters_are_refused(client: FlaskClient) -> None:
    assert client.post("/sign-in", data={"email": "desk@example.org", "password": "\0"}).status_code == 400
