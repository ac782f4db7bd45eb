"""Far values: no page and no tick fails for a day or an amount that was stored before there were bounds."""

import json
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import pytest
from flask import Flask
from sqlalchemy import select, update

from appraisal.app.daily import tick
from appraisal.canonical import canonical
from appraisal.database import tables
from appraisal.database.tables import METADATA
from appraisal.database.types import Day
from tests import casts
from tests.app.pages import walks
from tests.app.pages.worlds import World
from tests.tampering import unguarded, unwatched
from tests.web import building
from tests.web.sites import Compiled, build_app

# A day that lies in the past by all rules of a calendar, and one after which there is none.
_FAR: Final = (date(201, 3, 4), date.max)
_DAY: Final = re.compile(r"(?<=\")[12][0-9]{3}-[0-9]{2}-[0-9]{2}(?=\")")
_AMOUNT: Final = re.compile(r'("amount": ?")[^"]*')
_MOMENT: Final = re.compile(r'("approved_at": ?")[^"]*')
_READERS: Final = ("admin", "roles")


@pytest.fixture(scope="module", params=_FAR, ids=str)
def far(request: pytest.FixtureRequest, world: World) -> World:
    """Return a site where every day that anybody entered is a far one, and every amount a large one."""
    day: date = request.param
    if world.load("first").hold is None:
        until = (world.site.now() + timedelta(days=300)).date()
        building.take(
            world.site, world.cast["desk"], world.numbers["first"], "hold", until=until, note="Wait."
        )
    with unwatched(world.site.database) as db:
        for table in METADATA.sorted_tables:
            for column in table.c:
                if isinstance(column.type, Day):
                    # A calendar has a day once.
                    ids = [*db.execute(select(table.c.id).where(column.is_not(None))).scalars()]
                    first = table.name == tables.holidays.name
                    for id in ids[:1] if first else ids:
                        db.execute(update(table).where(table.c.id == id).values({column.name: day}))
        moment = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
        for table in (tables.proposals, tables.decisions):
            given = update(table).where(table.c.approved_at.is_not(None))
            db.execute(given.values(approved_at=moment))
        proposals = tables.proposals
        for row in db.execute(select(proposals.c.id, proposals.c.content)).all():
            text = _AMOUNT.sub(rf"\g<1>{10**18}", _DAY.sub(day.isoformat(), row.content))
            json.loads(text)
            db.execute(update(proposals).where(proposals.c.id == row.id).values(content=text))
        rates = tables.rates
        db.execute(update(rates).values(per_usd=Decimal(10**18)))
        # As it was written before years had four figures.
        biennium = f"{day.year - day.year % 2}-{(day.year - day.year % 2 + 1) % 100:02d}"
        tallies = tables.tallies
        db.execute(update(tallies).where(tallies.c.biennium != "").values(biennium=biennium))
    events = tables.events
    with unguarded(world.site.database) as db:
        for row in db.execute(select(events.c.id, events.c.body)).all():
            text = _MOMENT.sub(rf"\g<1>{moment.isoformat()}", _DAY.sub(day.isoformat(), row.body))
            # Of that time, events did not seal what was stored.
            said = {key: value for key, value in json.loads(text).items() if key != "seals"}
            db.execute(update(events).where(events.c.id == row.id).values(body=canonical(said).decode()))
    return world


def _readers(world: World) -> tuple[str, ...]:
    return _READERS if world.site.database.engine.dialect.name == "sqlite" else ("roles",)


@pytest.mark.thorough
def test_no_page_fails_for_a_far_value(far: World, compiled: Compiled) -> None:
    app: Flask = build_app(far.site, compiled)
    # As on a site: what goes wrong is a page of its own, and the next one is asked.
    app.config["PROPAGATE_EXCEPTIONS"] = False
    failed: list[Any] = []
    asked = 0
    for key in _readers(far):
        client = app.test_client()
        building.sign_in_as(client, far.site, far.cast[key])
        for rule, address in walks.addresses(app, [far], "GET", ["first", "approved"]):
            if not walks.is_telling(rule, address):
                continue
            for place in walks.questions(rule, address):
                asked += 1
                if (status := client.get(place).status_code) >= 500:
                    failed.append((key, place, status))
    assert not failed
    assert asked > 200


@pytest.mark.thorough
def test_no_tick_fails_for_a_far_value(far: World) -> None:
    clock = far.site.now
    assert isinstance(clock, casts.Clock)
    proposals = tables.proposals
    for days in (1, 40, 360):
        clock.advance(days=days)
        # Whatever day was written down to look at a proposal again: every one is looked at.
        with far.site.database.begin() as db:
            db.execute(update(proposals).values(wake_on=clock().date()))
        ticked = tick(far.site.database, far.site.library, clock())
        assert ticked.faults == ()
