"""Methods: HEAD is GET, and nothing but a form that is sent writes anything, whoever asks and where."""

import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final

import pytest
from flask import Flask, Response
from flask.testing import FlaskClient
from sqlalchemy import Connection, select, text, update
from sqlalchemy.exc import DBAPIError
from werkzeug.routing import Rule

from appraisal.database import tables
from appraisal.database.engine import reading_only
from appraisal.web import context
from tests.app.pages import walks
from tests.app.pages.worlds import World
from tests.web import building
from tests.web.sites import Compiled, build_app

# Everybody who may do something, somebody who may do everything that one person may, and a stranger.
ROLES: Final = ("designer", "desk", "reader", "chief", "auditor", "admin", "roles", None)
# The proposal with which somebody has most to do.
_OWN: Final = {"designer": "changes", "desk": "first", "reader": "first", "chief": "awaiting"}
OTHER_METHODS: Final = ("PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "JUMP")
# What is noted of a visit: who got a file, and when a session was last used.
NOTED: Final = frozenset({"accesses", "sessions"})


@pytest.fixture(scope="module")
def app(world: World, compiled: Compiled) -> Flask:
    """Return the application."""
    return build_app(world.site, compiled)


Rows = Mapping[str, list[Any]]


def _rows(world: World) -> Rows:
    """Return every row of every table but those in which visits are noted."""
    with world.site.database.read() as db:
        return {
            table.name: sorted(map(tuple, db.execute(select(table))), key=repr)
            for table in tables.METADATA.sorted_tables
            if table.name not in NOTED
        }


@contextmanager
def _nothing_written(world: World) -> Iterator[None]:
    before = _rows(world)
    yield
    after = _rows(world)
    assert [name for name in before if after[name] != before[name]] == []


def _client(app: Flask, world: World, who: str | None) -> FlaskClient:
    client = app.test_client()
    if who:
        building.sign_in_as(client, world.site, world.cast[who])
    return client


def _plan(app: Flask, world: World, method: str, who: str | None) -> list[tuple[Rule, str]]:
    """Return the addresses to ask for, of the proposals with which somebody may have to do."""
    keys = ("draft", "first", "approved") if who == "roles" else (_OWN.get(who or "", "approved"),)
    found = walks.addresses(app, [world], method, keys)
    return [(rule, address) for rule, address in found if walks.is_telling(rule, address)]


def _first_of_each_rule(plan: list[tuple[Rule, str]]) -> dict[str, str]:
    return {rule.rule: address for rule, address in reversed(plan)}


def _whole(rule: Rule, world: World) -> walks.Form:
    """Return the form of an address that holds most."""
    return max(walks.forms_of(rule, world), key=len, default={})


# Some frameworks believe it.
_OVERRIDE: Final = {"X-HTTP-Method-Override": "POST", "X-Method-Override": "POST"}


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("world", "who"),
    [*(("sqlite", who) for who in ROLES), ("postgresql", "desk")],
    indirect=["world"],
)
def test_a_question_writes_nothing_whatever_comes_with_it(app: Flask, world: World, who: str | None) -> None:
    client = _client(app, world, who)

    with _nothing_written(world):
        for _, address in _plan(app, world, "GET", who):
            answer = client.head(address, headers=_OVERRIDE)
            assert (answer.data, answer.status_code < 500) == (b"", True), address
        for rule, address in _plan(app, world, "POST", who):
            form = _whole(rule, world)
            client.head(address, data=form, query_string=form, headers=_OVERRIDE)
            if who == "roles":
                client.get(address, data=form, query_string=form, headers=_OVERRIDE)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("world", "who"),
    [("sqlite", "roles"), ("sqlite", None), ("postgresql", "admin")],
    indirect=["world"],
)
def test_no_other_method_is_taken(app: Flask, world: World, who: str | None) -> None:
    client = _client(app, world, who)
    plan = [*_plan(app, world, "GET", who), *_plan(app, world, "POST", who)]

    with _nothing_written(world):
        for address in _first_of_each_rule(plan).values():
            for method in OTHER_METHODS:
                answer = client.open(address, method=method, data={"note": "Because."}, headers=_OVERRIDE)
                assert answer.status_code == (200 if method == "OPTIONS" else 405), (method, address)
                assert "OPTIONS" in answer.headers["Allow"], (method, address)


@pytest.mark.thorough
@pytest.mark.parametrize("world", ["sqlite"], indirect=True)
@pytest.mark.parametrize("who", ["roles", "admin", None])
def test_no_form_is_taken_without_its_token_nor_from_elsewhere(
    world: World, compiled: Compiled, who: str | None
) -> None:
    app = build_app(world.site, compiled)
    app.config["WTF_CSRF_ENABLED"] = True
    client = _client(app, world, who)
    page = client.get("/sign-in" if who is None else "/account").text
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token is not None

    with _nothing_written(world):
        for rule, address in _first_of_each_rule(_plan(app, world, "POST", who)).items():
            form = {"email": "desk@example.org", "password": building.PASSWORD, "language": "es"}
            assert client.post(address, data=form, headers=_OVERRIDE).status_code == 400, rule
            form["csrf_token"] = token[1]
            elsewhere = {"Sec-Fetch-Site": "same-site"}
            assert client.post(address, data=form, headers=elsewhere).status_code == 400, rule


_STAMPS: Final = frozenset({"Date", "Set-Cookie"})


def _headers(client: FlaskClient, method: str, address: str) -> tuple[int, dict[str, str]]:
    answer = client.open(address, method=method)
    found = {name: value for name, value in answer.headers if name not in _STAMPS}
    # What is sent while it is made has no length before; a question about it is told the one that it has.
    return answer.status_code, {"Content-Length": str(len(answer.data)), **found}


@pytest.mark.thorough
@pytest.mark.parametrize("world", ["sqlite"], indirect=True)
def test_head_is_answered_with_the_headers_of_get(app: Flask, world: World) -> None:
    client = _client(app, world, "roles")
    for address in _first_of_each_rule(_plan(app, world, "GET", "roles")).values():
        assert _headers(client, "HEAD", address) == _headers(client, "GET", address), address
    # Somebody who is not signed in is led to come back, as by GET.
    assert _client(app, world, None).head("/records?after=2").location == "/sign-in?next=/records?after%3D2"


_CHOICE: Final = {"language": "en", "delivery": "daily"}


@pytest.mark.parametrize("world", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("spelt", "status"), [("head", 200), ("HeAd", 200), ("get", 200), ("pOsT", 303)])
def test_a_method_is_the_same_however_it_is_spelt(app: Flask, world: World, spelt: str, status: int) -> None:
    client = _client(app, world, "admin")
    answer = client.open("/account", environ_overrides={"REQUEST_METHOD": spelt}, data=_CHOICE)
    assert (answer.status_code, bool(answer.data)) == (status, spelt.upper() != "HEAD")


@pytest.mark.parametrize("world", ["sqlite"], indirect=True)
def test_a_method_that_is_not_taken_has_a_page_in_the_language_of_the_reader(
    app: Flask, world: World
) -> None:
    client = _client(app, world, None)
    answer = client.delete("/sign-in", headers={"Accept-Language": "fr"})
    assert answer.status_code == 405
    assert "La demande n'a pas pu être comprise" in answer.text
    allowed = {method.strip() for method in answer.headers["Allow"].split(",")}
    assert allowed == {"GET", "HEAD", "OPTIONS", "POST"}
    assert client.head("/sign-out").headers["Allow"] in ("POST, OPTIONS", "OPTIONS, POST")


def _write(db: Connection) -> None:
    """Change the language that somebody reads in."""
    db.execute(update(tables.people).values(language="fr").where(text("id = 1")))


def _language(world: World) -> str:
    with world.site.database.read() as db:
        return str(db.execute(select(tables.people.c.language).where(text("id = 1"))).scalar_one())


@pytest.fixture
def sly(world: World, compiled: Compiled) -> FlaskClient:
    """Return a browser on a site with pages that write where they should not."""
    app = build_app(world.site, compiled)

    def through_the_page() -> str:
        with context.begin() as db:
            _write(db)
        return "done"

    def past_it() -> str:
        with world.site.database.begin() as db:
            _write(db)
        return "done"

    def by_reading() -> str:
        with context.read() as db:
            _write(db)
            db.commit()
        return "done"

    def while_it_is_sent() -> Response:
        def pieces() -> Iterator[str]:
            yield "one"
            yield past_it()

        return Response(pieces())

    for view in (through_the_page, past_it, by_reading, while_it_is_sent):
        app.add_url_rule(f"/{view.__name__}", view.__name__, view, methods=["GET", "POST", "OPTIONS", "JUMP"])
    return app.test_client()


@pytest.mark.parametrize("place", ["through_the_page", "past_it", "by_reading", "while_it_is_sent"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "JUMP"])
def test_the_database_itself_refuses_what_a_question_writes(
    sly: FlaskClient, world: World, place: str, method: str
) -> None:
    before = _language(world)
    refusal = "readonly database" if world.site.database.is_sqlite else "read-only transaction"
    with pytest.raises(DBAPIError, match=refusal):
        sly.open(f"/{place}", method=method)
    assert _language(world) == before


def test_what_follows_a_question_in_the_same_thread_or_beside_it_writes(
    sly: FlaskClient, world: World
) -> None:
    """The thread goes on to other requests, and what it has started writes as it did."""
    database, before = world.site.database, _language(world)
    with pytest.raises(DBAPIError):
        sly.get("/past_it")
    assert sly.post("/past_it").text == "done"
    assert _language(world) == "fr"

    def put_back() -> None:
        with database.begin() as db:
            db.execute(update(tables.people).values(language=before).where(text("id = 1")))

    with reading_only(), ThreadPoolExecutor(1) as pool:
        pool.submit(put_back).result()
    assert _language(world) == before


def test_a_note_of_a_visit_is_kept_by_a_question(sly: FlaskClient, world: World) -> None:
    table = tables.accesses

    def look() -> str:
        context.note_access("looked", "here")
        return "done"

    sly.application.add_url_rule("/look", "look", look)
    building.sign_in_as(sly, world.site, world.cast["admin"])
    assert sly.get("/look").text == "done"
    with world.site.database.read() as db:
        kept = db.execute(select(table.c.person_id, table.c.subject).where(table.c.action == "looked")).all()
    assert [tuple(row) for row in kept] == [(world.cast["admin"].id, "here")]
