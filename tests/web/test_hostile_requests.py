"""Hostile requests: what no page sends is refused on both databases, and never by an error of ours."""

import re
from collections.abc import Iterator, Mapping
from io import BytesIO
from itertools import product
from typing import Any, ClassVar, Final

import pytest
from flask import Flask, Request
from flask.testing import FlaskClient
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.routing import IntegerConverter
from werkzeug.utils import cached_property

from tests.app.pages import walks
from tests.app.pages.worlds import World
from tests.web import building
from tests.web.sites import Compiled, build_app

# Longer than Python turns into a number, than a database holds, and than a counter of rows does.
_LARGE: Final = ("9" * 5000, "9" * 30, str(2**63), str(2**31))
_ODD: Final = ("\N{SUPERSCRIPT TWO}", "\N{ARABIC-INDIC DIGIT TWO}", "-1", "1e3", "0x1")


# Days, biennia and numbers at the edges of what a calendar, a database and a page of a list hold.
_EDGES: Final = (
    *_LARGE,
    *_ODD,
    "",
    "0",
    "NaN",
    "http://[",
    "2010",
    "0000-01",
    "0002-03",
    "9998-99",
    "0001-01-01",
    "9999-12-31",
    "9999-12-31T23:59:59Z",
    "9999-12-31T23:59:59-12:00",
    "0001-01-01T00:00:00+12:00",
    "2010-02-30",
)


# What no field of a form takes: a text longer than any, over many lines; rows where one value is awaited.
_SENT: Final[tuple[str | list[str], ...]] = (
    "9" * 30,
    "-1",
    "",
    "0001-01-01",
    "9999-12-31",
    "1e999",
    "a line\r\n" * 800,
    "\N{RIGHT-TO-LEFT OVERRIDE}\N{BABY}\u0301\ufffe",
    '{"a": [1]}',
    ["2", "3", "2"],
)


class Asked(ImmutableMultiDict[str, str]):
    """What an address or a form carries; keeps the names that a page looks for."""

    names: ClassVar[set[str]] = set()

    def __getitem__(self, key: str) -> str:
        self.names.add(key)
        return super().__getitem__(key)

    def __contains__(self, key: object) -> bool:
        self.names.add(str(key))
        return super().__contains__(key)

    def get(self, key: str, *rest: Any, **more: Any) -> Any:
        """Return the value of a name."""
        self.names.add(key)
        return super().get(key, *rest, **more)

    def getlist(self, key: str, *rest: Any, **more: Any) -> Any:
        """Return the values of a name."""
        self.names.add(key)
        return super().getlist(key, *rest, **more)


class AskedRequest(Request):
    """A request that keeps the names that a page looks for."""

    @cached_property
    def args(self) -> Any:
        """Return what follows the question mark."""
        return Asked(super().args)

    @cached_property
    def form(self) -> Any:
        """Return what was sent."""
        return Asked(super().form)


@pytest.fixture(scope="module")
def app(world: World, compiled: Compiled) -> Flask:
    """Return the application, on either database."""
    built = build_app(world.site, compiled)
    built.request_class = AskedRequest
    return built


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


def _kind_of(name: str) -> str:
    """Return the kind of a name of a form: rows and items have one for all."""
    return re.sub(r"[A-Z]{3}-[0-9]+[a-z]?|[0-9]+", "*", name)


def _plan(app: Flask, world: World, method: str) -> Iterator[tuple[Any, str]]:
    """Yield one address of each rule."""
    found: dict[str, tuple[Any, str]] = {}
    for rule, address in walks.addresses(app, [world], method, ["first"]):
        found.setdefault(rule.rule, (rule, address))
    yield from found.values()


@pytest.mark.thorough
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


@pytest.mark.thorough
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


@pytest.mark.thorough
def test_no_text_that_is_asked_for_is_an_error_of_ours(
    app: Flask, world: World, client: FlaskClient, admin: FlaskClient
) -> None:
    asked: dict[str, set[str]] = {}
    for rule, address in _plan(app, world, "GET"):
        left: set[str] = set()
        Asked.names = left
        browser = admin if client.get(address).status_code == 403 else client
        browser.get(address)
        known = set(left)
        while left:
            name = left.pop()
            Asked.names = set()
            for odd in _EDGES:
                answer = browser.get(address, query_string={name: odd})
                assert answer.status_code < 500, (rule.rule, name, odd[:40])
            left |= Asked.names - known
            known |= Asked.names
        if {"as_of", "biennium"} <= known:
            for as_of, biennium in product(("0001-01-01", "2010-05-01"), ("0000-01", "9998-99")):
                answer = browser.get(address, query_string={"as_of": as_of, "biennium": biennium})
                assert answer.status_code < 500, (rule.rule, as_of, biennium)
        asked[rule.endpoint] = known
    assert {"as_of", "scope", "biennium"} <= asked["feeds.present"]
    assert {"words", "after", "state"} <= asked["proposals.index"]
    assert {"biennium"} <= asked["activities.show"]
    assert {"page"} <= asked["rates.index"]


@pytest.mark.thorough
@pytest.mark.parametrize("browsing", ["designer", "admin", "roles"])
def test_no_field_of_a_form_is_an_error_of_ours(app: Flask, world: World, browsing: str) -> None:
    """Every name that a page looks for in what is sent, by itself and with all others, in every odd way."""
    client = app.test_client()
    failed: list[Any] = []
    asked: dict[str, set[str]] = {}

    def send(address: str, form: Mapping[str, Any]) -> int:
        try:
            status = client.post(address, data=form).status_code
        except Exception as error:
            failed.append((address, {name: str(value)[:40] for name, value in form.items()}, repr(error)))
            return 500
        if status >= 500:
            failed.append((address, {name: str(value)[:40] for name, value in form.items()}, status))
        return status

    for rule, address in _plan(app, world, "POST"):
        for form in walks.forms_of(rule, world)[-1:]:
            building.sign_in_as(client, world.site, world.cast[browsing])
            Asked.names = set()
            if send(address, {"x": "y", **form}) in (403, 404):
                continue
            names = {_kind_of(name): name for name in sorted({*Asked.names, *form} - {"csrf_token"})}
            asked[rule.endpoint] = set(names)
            for odd in _SENT:
                # Whoever ended their own session, or changed their own account, comes again.
                building.sign_in_as(client, world.site, world.cast[browsing])
                send(address, {**form, **dict.fromkeys(names.values(), odd)} | _same(form, "seen"))
                for name in names.values():
                    send(address, {**form, name: odd})
    assert not failed, failed[:20]
    assert sum(map(len, asked.values())) > 20


def _same(form: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: form[name] for name in names if name in form}


@pytest.mark.thorough
def test_bytes_that_are_no_text_are_no_error_of_ours(app: Flask, world: World, client: FlaskClient) -> None:
    for rule, address in _plan(app, world, "POST"):
        for form in walks.forms_of(rule, world)[-1:]:
            body = (
                b"&".join(name.encode() + b"=%ED%A0%80%FF&a[b][]=1&%C3%28=%E2%82" for name in form)
                or b"%FF=%FF"
            )
            answer = client.post(address, data=body, content_type="application/x-www-form-urlencoded")
            assert answer.status_code < 500, address
