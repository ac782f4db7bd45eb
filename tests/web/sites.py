"""A site on a database of its own, with people, a clock, the application and a browser without a screen."""

from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import BaseLoader, Template
from werkzeug.routing import Rule

from appraisal.app.application import create_app
from appraisal.database import schema
from appraisal.database.engine import Database
from appraisal.definitions.library import Library
from appraisal.people.facts import Person
from appraisal.web.context import Site
from tests.app.pages import worlds
from tests.app.pages.worlds import World
from tests.casts import Clock
from tests.databases import BACKENDS, PostgresCopies, SqliteCopies
from tests.web import building
from tests.web.building import Cast


class ReadingClient(FlaskClient):
    """Reads every answer to its end, as a browser does, so that no file stays open."""

    def open(self, *args: Any, **kwargs: Any) -> Any:
        """Send a request."""
        return super().open(*args, **{"buffered": True, **kwargs})


_COPIES = {"sqlite": "sqlite", "postgresql": "postgres"}

SignIn = Callable[[FlaskClient, str], Person]


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Cast]:
    """Migrate a database and create the cast once; every test gets a copy of the file."""
    file = tmp_path_factory.mktemp("template") / "appraisal.sqlite3"
    database = Database(f"sqlite:///{file}")
    schema.upgrade(database)
    cast = building.create_cast(database)
    # The last connection to close writes everything into the one file.
    database.close()
    return file, cast


@pytest.fixture
def cast(template: tuple[Path, Cast]) -> Cast:
    """Return the people by key: designer(2), desk, reader, eval, actemp, chief(2), auditor, admin."""
    return template[1]


@pytest.fixture
def clock() -> Clock:
    """Return the clock of the site; it starts on 1 February 2010 at 09:00 UTC."""
    return Clock()


@pytest.fixture
def site(
    tmp_path: Path,
    template: tuple[Path, Cast],
    sqlite_copies: SqliteCopies,
    library: Library,
    clock: Clock,
) -> Iterator[Site]:
    """Return a site with the cast and no proposal."""
    with sqlite_copies.opened(template[0]) as database:
        yield building.open_site(tmp_path, library, clock, database)


class Compiled:
    """Templates loaded so far: that takes most of the time of a first page.

    An application that takes part reads them by the same loader and keeps them in the same store.
    """

    def __init__(self) -> None:
        self.loader: BaseLoader | None = None
        self.kept: MutableMapping[Any, Template] | None = None

    def share(self, app: Flask) -> None:
        """Let an application draw with the templates that others have loaded."""
        environment = app.jinja_env
        if self.loader is None:
            self.loader, self.kept = app.jinja_loader, environment.cache
        environment.loader, environment.cache = self.loader, self.kept


@pytest.fixture(scope="session")
def compiled() -> Compiled:
    """Return the templates that earlier tests have loaded."""
    return Compiled()


@pytest.fixture(scope="session", autouse=True)
def _addresses_compiled_once() -> Iterator[None]:
    """Compile what builds an address once: that takes most of the time of building an application.

    Werkzeug compiles it anew for each application; it hangs on nothing but the words of the rule.
    """
    compiling: Any = Rule._compile_builder
    kept: dict[tuple[str, ...], Any] = {}

    def compile_once(rule: Rule, append_unknown: bool = True) -> Any:
        key = (rule.rule, repr(rule._trace), repr(rule.defaults), str(append_unknown))
        if key not in kept:
            kept[key] = compiling(rule, append_unknown)
        return kept[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rule, "_compile_builder", compile_once)
        yield


def build_app(site: Site, compiled: Compiled) -> Flask:
    """Build an application; forms need no token, which tests of the token turn on again."""
    built = create_app(site)
    compiled.share(built)
    built.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    built.test_client_class = ReadingClient
    return built


class Shared:
    """An application that test after test is given, each with its own site: one takes long to build."""

    def __init__(self, compiled: Compiled) -> None:
        self.compiled = compiled
        self.kept: dict[Any, tuple[Flask, dict[str, Any]]] = {}

    def app(self, site: Site) -> Flask:
        """Return the application on a site, as if it were built for it."""
        # Of two sites that differ in where they lie alone it is the same.
        key = (replace(site.settings, data=Path(), database=""), id(site.library))
        if key not in self.kept:
            built = build_app(site, self.compiled)
            self.kept[key] = built, dict(built.config)
        app, config = self.kept[key]
        app.config.clear()
        app.config.update(config)
        app.extensions["appraisal"] = site
        for limiter in app.extensions["limiter"]:
            limiter.reset()
        return app


@pytest.fixture(scope="session")
def shared(compiled: Compiled) -> Shared:
    """Return the applications that tests share."""
    return Shared(compiled)


@pytest.fixture
def app(site: Site, shared: Shared) -> Flask:
    """Return the application, to be asked and not to be changed but for its configuration."""
    return shared.app(site)


@pytest.fixture(scope="module", params=BACKENDS)
def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, library: Library
) -> Iterator[World]:
    """Return a site with proposals in several states, and everybody who walks, on either database."""
    copies: SqliteCopies | PostgresCopies = request.getfixturevalue(f"{_COPIES[request.param]}_copies")
    with copies.copied(worlds.create_people) as database:
        yield worlds.build(building.open_site(tmp_path_factory.mktemp("walked"), library, Clock(), database))


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Return a browser that nobody has signed in with."""
    return app.test_client()


@pytest.fixture
def sign_in(site: Site, cast: Cast) -> SignIn:
    """Return a function that signs one of the cast in: ``sign_in(client, "desk")``."""

    def enter(client: FlaskClient, key: str) -> Person:
        building.sign_in_as(client, site, cast[key])
        return cast[key]

    return enter
