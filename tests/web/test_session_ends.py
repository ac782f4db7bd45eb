"""Ends of sessions: on the server, for every browser that holds the cookie, on both databases."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from appraisal.definitions.library import Library
from appraisal.settings import SessionLimits
from appraisal.web.context import Site
from tests.databases import PostgresCopies, SqliteCopies
from tests.web import building
from tests.web.building import PASSWORD, Clock


@pytest.fixture
def site(
    tmp_path: Path, copies: SqliteCopies | PostgresCopies, library: Library, clock: Clock
) -> Iterator[Site]:
    """Return a site with the cast, once on SQLite and once on PostgreSQL."""
    with copies.copied("web_cast", building.create_cast) as database:
        yield building.open_site(tmp_path, library, clock, database, SessionLimits())


def browser(app: Flask, key: str) -> FlaskClient:
    """Return a browser in which somebody has signed in with the form."""
    client = app.test_client()
    given = {"email": f"{key}@example.org", "password": PASSWORD}
    assert client.post("/sign-in", data=given).status_code == 303
    return client


def copied(app: Flask, client: FlaskClient) -> FlaskClient:
    """Return another browser with the same cookie."""
    cookie = client.get_cookie("session")
    assert cookie is not None
    other = app.test_client()
    other.set_cookie("session", cookie.value)
    return other


def test_signing_out_ends_the_session_in_every_browser_with_its_cookie(app: Flask) -> None:
    mine = browser(app, "desk")
    other = copied(app, mine)
    assert other.get("/workflow").status_code == 200
    mine.post("/sign-out")
    answer = other.get("/workflow?x=1")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/sign-in?next=/workflow?x%3D1")
    assert other.post("/account", data={"language": "fr", "delivery": "daily"}).status_code == 302
    given = {"email": "desk@example.org", "password": PASSWORD}
    assert other.post(answer.headers["Location"], data=given).headers["Location"] == "/workflow?x=1"
