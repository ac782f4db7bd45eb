"""Hostile requests: what no page sends is refused on both databases, and never by an error of ours."""

import re
from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import Any, Final

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import IntegerConverter

from tests.web import building, walks
from tests.web.conftest import Compiled, build_app
from tests.web.worlds import World

# Longer than Python turns into a number, than a database holds, and than a counter of rows does.
_LARGE: Final = ("9" * 5000, "9" * 30, str(2**63), str(2**31))
_ODD: Final = ("\N{SUPERSCRIPT TWO}", "\N{ARABIC-INDIC DIGIT TWO}", "-1", "1e3", "0x1")


@pytest.fixture(scope="module")
def app(world: World, compiled: Compiled) -> Flask:
    """Return the application, on either database."""
    return build_app(world.site, compiled)


@pytest.fixture
def client(app: Flask, world: World) -> FlaskClient:
    """Return the browser of somebody who may do everything that one person may."""
    client = app.test_client()
    building.sign_in_as(client, world.site, world.cast["roles"])
    return client


@pytest.fixture
def admin(app: Flask, world: World) -> FlaskClient:
    """Return the browser of an administrator."""
    client = app.test_client()
    building.sign_in_as(client, world.site, world.cast["admin"])
    return client


def _plan(app: Flask, world: World, method: str) -> Iterator[tuple[Any, str]]:
    """Yield one address of each rule."""
    found: dict[str, tuple[Any, str]] = {}
    for rule, address in walks.addresses(app, [world], method, ["first"]):
        found.setdefault(rule.rule, (rule, address))
    yield from found.values()


def test_a_number_that_no_database_holds_is_that_of_nothing(
    app: Flask, world: World, client: FlaskClient, admin: FlaskClient
) -> None:
    asked = 0
    for method in ("GET", "POST"):
        for rule, address in _plan(app, world, method):
            if any(isinstance(entry, IntegerConverter) for entry in rule._converters.values()):
                for large in _LARGE:
                    # It stands last but for words.
                    place = re.sub(r"/\d+(?=(/[a-z-]+)*$)", f"/{large}", address)
                    assert place != address
                    for browser in (client, admin):
                        assert browser.open(place, method=method).status_code == 404, (method, place[:90])
                        asked += 1
                largest = re.sub(r"/\d+(?=(/[a-z-]+)*$)", "/999999999", address)
                assert client.open(largest, method=method).status_code < 500
    assert asked > 100


@pytest.mark.parametrize("odd", [*_LARGE, *_ODD], ids=lambda odd: odd[:8])
def test_no_number_of_a_form_is_an_error_of_ours(
    app: Flask, world: World, client: FlaskClient, odd: str
) -> None:
    for rule, address in _plan(app, world, "POST"):
        for form in walks.forms_of(rule, world):
            changed = {name: odd if _is_number(value) else value for name, value in form.items()}
            if changed != form:
                assert client.post(address, data=changed).status_code < 500, (address, changed)


@pytest.mark.parametrize("seen", ["9" * 5000, "9" * 30, *_ODD], ids=lambda seen: seen[:8])
def test_a_form_of_a_row_version_that_none_has_is_refused(app: Flask, world: World, seen: str) -> None:
    client, number = app.test_client(), world.numbers["draft"]
    building.sign_in_as(client, world.site, world.cast["designer"])
    before = building.load(world.site, number)
    for place in ("form/identification", "steps/submit"):
        assert client.post(f"/proposals/{number}/{place}", data={"seen": seen}).status_code == 400, place
    assert building.load(world.site, number) == before


def _is_number(value: Any) -> bool:
    return isinstance(value, str) and value.isdigit()


def test_rows_of_a_form_are_numbered_by_numbers_alone(client: FlaskClient, world: World) -> None:
    address = f"/proposals/{world.numbers['draft']}/form/budget"
    building.sign_in_as(client, world.site, world.cast["designer"])
    for odd in (*_LARGE, *_ODD):
        for form in ({f"lines-{odd}-title": "x"}, {"remove": f"lines-{odd}"}, {"remove": f"{odd}-{odd}"}):
            assert client.post(address, data={"lines-0-item": "x", **form}).status_code < 500, form


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_a_character_that_no_keyboard_types_is_refused_wherever_it_stands(
    app: Flask, world: World, client: FlaskClient, method: str
) -> None:
    places: Mapping[str, Mapping[str, Any]] = {
        "/proposals/TC-2010-0001%00": {},
        "/%00": {},
        "/records?after=%00": {},
        "/records?%00=1": {},
        "/records?x=1&x=%00": {},
        "/verify": {"data": {"x": ["fine", "\0"]}},
        "/sign-in": {"data": {"\0": "x"}},
        "/language": {"data": {"file": (BytesIO(b"x"), "a\0.pdf")}},
    }
    for place, given in places.items():
        if given and method != "POST":
            continue
        assert client.open(place, method=method, **given).status_code == 400, place
    for _, address in _plan(app, world, "GET"):
        if method == "GET":
            assert client.get(address, query_string={"words": "a\0"}).status_code == 400, address


def test_no_text_that_is_asked_for_is_an_error_of_ours(app: Flask, world: World, client: FlaskClient) -> None:
    names = {name for given in walks.QUERIES.values() for query in given for name in query} | {"next", "x"}
    for rule, address in _plan(app, world, "GET"):
        for odd in ("9" * 5000, str(2**63), "\N{SUPERSCRIPT TWO}", "http://[", "-1"):
            answer = client.get(address, query_string=dict.fromkeys(names, odd))
            assert answer.status_code < 500, (rule.rule, odd[:9])
