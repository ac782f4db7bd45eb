"""A site with a released definition that was edited: all is read, and nothing that goes by it moves."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from appraisal.app.application import create_app
from appraisal.database import schema
from appraisal.database.engine import Database
from appraisal.database.tables import METADATA
from appraisal.definitions.library import Library
from appraisal.errors import Fault
from tests.app.pages import walks, worlds
from tests.app.pages.walks import Visit
from tests.app.pages.worlds import World
from tests.casts import Clock
from tests.databases import hurried
from tests.web import building
from tests.web.sites import Compiled, ReadingClient

EDITED: Final = "gender.v1"
# Each may do something to the running proposals that others may not.
PEOPLE: Final = ("desk", "reader", "designer", "declared", "undeclared", "consulted")
SENTENCE: Final = (
    "gender.v1.yaml was edited after its release, first in line 30. "
    "Nothing that goes by gender.v1 moves until the file is put back."
)


def edited(library: Library) -> Library:
    """Return a library in which one checklist was edited after its release."""
    fault = Fault(f"/srv/checklists/{EDITED}.yaml", 30, "is released and may not change")
    return replace(library, edited={EDITED: fault}, digests={**library.digests, EDITED: "0" * 64})


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, library: Library) -> Iterator[World]:
    """Two running proposals with everybody asked, on a site whose definitions are edited afterwards."""
    folder = tmp_path_factory.mktemp("edited")
    database = hurried(Database(f"sqlite:///{folder / 'appraisal.sqlite3'}"))
    schema.upgrade(database)
    cast = worlds.create_people(database)
    before = World(building.open_site(folder, library, Clock(), database), cast, told=False)
    worlds.begin(before)
    site = replace(before.site, library=edited(library))
    yield World(site, cast, told=False, numbers=before.numbers)
    database.close()


@pytest.fixture
def app(world: World, compiled: Compiled) -> Flask:
    """Return the application of the site."""
    built = create_app(world.site)
    compiled.share(built)
    built.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    built.test_client_class = ReadingClient
    return built


def _of_proposals(world: World) -> dict[str, list[tuple[Any, ...]]]:
    """Return all that is written of the proposals: their rows and whatever hangs on them."""
    hanging = {"proposals", "ratings", "conditions", "review_ratings"}
    with world.site.database.read() as db:
        return {
            table.name: [tuple(row) for row in db.execute(select(table).order_by(*table.primary_key))]
            for table in METADATA.sorted_tables
            if table.name in hanging
            or ("proposal_id" in table.c and table.name not in ("notices", "matches"))
        }


@pytest.mark.thorough
def test_no_form_that_anybody_sends_moves_what_goes_by_it(world: World, app: Flask) -> None:
    plan = list(walks.addresses(app, [world], "POST", ("first",)))
    before = _of_proposals(world)
    assert len(before) > 12
    changed = []
    for who in PEOPLE:
        client = app.test_client()
        building.sign_in_as(client, world.site, world.cast[who])
        visit = Visit(app, client, world)
        for rule, address in plan:
            if world.numbers["first"] in address:
                for form in walks.forms_of(rule, world):
                    visit.post(address, form)
        after = _of_proposals(world)
        changed += [f"{who}: {name}" for name in before if before[name] != after[name]]
        before = after

    assert changed == []


@pytest.mark.thorough
def test_every_page_can_be_read(world: World, app: Flask) -> None:
    client = app.test_client()
    building.sign_in_as(client, world.site, world.cast["desk"])
    plan = list(walks.addresses(app, [world], "GET", ("first",)))
    assert len(plan) > 50
    assert [address for _, address in plan if client.get(address).status_code >= 500] == []


@pytest.mark.thorough
def test_everything_can_be_read(world: World, app: Flask) -> None:
    client = app.test_client()
    building.sign_in_as(client, world.site, world.cast["desk"])
    number = world.numbers["first"]

    shown = client.get(f"/proposals/{number}")

    assert shown.status_code == 200
    assert client.get(f"/proposals/{number}/appraisal").status_code == 200
    assert client.get("/workflow").status_code == 200
    refused = client.post(f"/proposals/{number}/steps/return_incomplete", data={"missing": "The budget"})
    assert refused.status_code == 403
    assert SENTENCE in refused.text


def test_administrators_are_told_on_every_page_and_nobody_else(world: World, app: Flask) -> None:
    for who, is_told in (("admin", True), ("desk", False), ("auditor", False)):
        client = app.test_client()
        building.sign_in_as(client, world.site, world.cast[who])
        assert (SENTENCE in client.get("/workflow").text) is is_told


def test_the_log_names_file_and_line_when_the_site_starts(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    create_app(world.site)

    assert caplog.messages == [
        "/srv/checklists/gender.v1.yaml:30: is released and may not change. Nothing that goes by it moves."
    ]


def test_a_draft_is_written_but_not_submitted(world: World, app: Flask) -> None:
    site = world.site
    number = building.draft_proposal(site, world.cast)
    client: FlaskClient = app.test_client()
    building.sign_in_as(client, site, world.cast["designer"])

    refused = client.post(f"/proposals/{number}/steps/submit", data={})

    assert SENTENCE in refused.text
    assert building.load(site, number).state == "draft"
    assert building.load(site, number).pins == {}
