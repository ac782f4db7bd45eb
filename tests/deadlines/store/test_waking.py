"""Due dates as stored: nothing that time demands is found later than by looking at everything."""

from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from appraisal.accounts.services import accounts
from appraisal.app.daily import tick
from appraisal.clock import geneva_date
from appraisal.database import tables
from appraisal.database.files import Files
from appraisal.database.rows import insert_row
from appraisal.deadlines import services as site_settings
from appraisal.deadlines.rules import due_dates, working_days
from appraisal.definitions.library import Library
from appraisal.people.facts import SYSTEM_ACTOR
from appraisal.proposals.rules import rulebook
from appraisal.proposals.services.opening import wake_by
from appraisal.proposals.store.case import load_case
from appraisal.workflow.rules import machine
from appraisal.workflow.services import time_steps
from tests import casts
from tests.casts import Stage
from tests.databases import SqliteCopies
from tests.tampering import by_hand
from tests.trail.store.test_chains import PATIENT
from tests.walks import moves
from tests.walks.moves import Move, World

LENGTH: Final = 32
STATIONS: Final = ("Geneva", "Lusaka", "Lima")
PROPOSALS = tables.proposals
REMINDERS = tables.reminders


def change_calendar(walk: World, luck: Random) -> None:
    """Enter a holiday of the coming days where the clock of a proposal runs, or take one out."""
    number, dice = luck.choice(walk.numbers), luck.getrandbits(20)
    stage, case = walk.stage, casts.load(walk.stage, number)
    book = rulebook.rulebook(stage.library, case.workflow, case.set)
    station = working_days.station(case, book.workflow.states[case.state])
    day = geneva_date(stage.now) + timedelta(days=1 + dice % 6)
    admin, holidays = stage.people["admin"], tables.holidays
    with stage.database.begin() as db:
        kept = db.execute(select(holidays.c.station, holidays.c.day)).all()
        if len(kept) > 4 and dice % 3:
            gone = kept[-1 - dice % 3]
            site_settings.remove_holiday(db, admin, stage.now, gone.station, gone.day)
        elif (station, day) not in {(row.station, row.day) for row in kept}:
            site_settings.enter_holiday(db, admin, stage.now, station, day, "Day off")


def move_house(walk: World, luck: Random) -> None:
    """Let somebody work at another duty station."""
    stage, dice = walk.stage, luck.getrandbits(20)
    with stage.database.begin() as db:
        person = accounts.find_person(db, stage.people[("lead", "eval", "all")[dice % 3]].id).person
        accounts.change_person(
            db,
            stage.people["admin"],
            stage.now,
            person.id,
            library=stage.library,
            name=person.name,
            roles=list(person.roles),
            unit=person.unit,
            duty_station=STATIONS[dice // 3 % 3],
            language=person.language,
            active=True,
        )


def ask_review(walk: World, luck: Random) -> None:
    """Write down that a review is asked of somebody who has none yet."""
    number, dice = luck.choice(walk.numbers), luck.getrandbits(20)
    stage, case = walk.stage, casts.load(walk.stage, number)
    person = stage.people[("eval", "actemp", "actrav")[dice % 3]].id
    if case.appraisal is None or person in {entry.person for entry in case.appraisal.reviews}:
        return
    with by_hand(stage.database, stage.now, number) as db:
        insert_row(
            db,
            tables.reviews,
            proposal_id=case.id,
            appraisal_id=case.appraisal.id,
            person_id=person,
            checklists="ILS",
            asked_at=stage.now,
            asked_by=stage.people["desk"].id,
            due_on=geneva_date(stage.now) + timedelta(days=dice % 12),
        )
        wake_by(db, case.id, geneva_date(stage.now))


def hold(walk: World, luck: Random) -> object:
    """Stop the clock for some days, or let it run again."""
    number, dice = luck.choice(walk.numbers), luck.getrandbits(20)
    stage = walk.stage
    if casts.load(stage, number).hold is not None:
        return casts.take(stage, "desk", number, "release")
    until = geneva_date(stage.now) + timedelta(days=1 + dice % 12)
    return casts.take(stage, "desk", number, "hold", until=until, note="Because.")


def miss_ticks(walk: World, luck: Random) -> None:
    """Let days pass without a tick."""
    dice = luck.getrandbits(20)
    walk.stage.wait(days=(1, 2, 6, 15, 95)[dice % 5])


def let_days_pass(walk: World, luck: Random) -> None:
    """Let days pass; on each, what looking at everything would find is found by looking at what is due."""
    stage, dice = walk.stage, luck.getrandbits(20)
    for _ in range((1, 2, 3, 5, 8, 25)[dice % 6]):
        morning = datetime.combine(stage.now.date() + timedelta(days=1), time(5), UTC)
        stage.now = max(stage.now, morning)
        waiting = {number for number in walk.numbers if _waits(stage, number)}
        with stage.database.read() as db:
            due = set(time_steps.due(db, stage.now))
        assert waiting <= due
        done = tick(stage.database, stage.library, stage.now)
        assert done.faults == ()
        assert {number for number, _ in (*done.steps, *done.marks)} == waiting
        assert not any(_waits(stage, number) for number in walk.numbers)
        with stage.database.read() as db:
            assert list(time_steps.overlooked(db, stage.library, stage.now)) == []


def _waits(stage: Stage, number: str) -> bool:
    """Tell whether time demands something of a proposal that was not done, or its due day is another one."""
    with stage.database.read() as db:
        case = load_case(db, number)
        row = db.execute(select(PROPOSALS.c.due_on).where(PROPOSALS.c.id == case.id)).one()
        rows = db.execute(select(REMINDERS).where(REMINDERS.c.proposal_id == case.id))
        said = {(entry.kind, entry.sequence): geneva_date(entry.at) for entry in rows}
    book = rulebook.rulebook(stage.library, case.workflow, case.set)
    clock = working_days.present(book.workflow, case, stage.now)
    today = geneva_date(stage.now)
    unsaid = [
        entry
        for entry in due_dates.demands(book, case)
        if entry.falls_on(today) and said.get((entry.kind, entry.subject), date.min) < entry.first
    ]
    steps = [
        entry
        for entry in machine.allowed(book, case, SYSTEM_ACTOR, stage.now)
        if entry.is_open and "system" in entry.transition.by
    ]
    if not unsaid and not steps:
        # A calendar that changed today is found by today's tick.
        assert number in _due(stage) or row.due_on == (clock.due_on if clock else None)
    return bool(unsaid or steps)


def _due(stage: Stage) -> set[str]:
    with stage.database.read() as db:
        return set(time_steps.due(db, stage.now))


MOVES: Final[tuple[Move, ...]] = (
    *[moves.go_on] * 10,
    *[moves.rate] * 4,
    *[let_days_pass] * 7,
    *[miss_ticks] * 2,
    *[hold] * 3,
    moves.change,
    moves.answer_for_unit,
    *[change_calendar] * 4,
    *[move_house] * 2,
    *[ask_review] * 3,
)


@pytest.mark.thorough
@settings(PATIENT, max_examples=6)
@given(luck=st.randoms(use_true_random=True))
def test_nothing_is_found_too_late(
    sqlite_copies: SqliteCopies, library: Library, tmp_path_factory: pytest.TempPathFactory, luck: Random
) -> None:
    with sqlite_copies.copied(moves.create_people) as database:
        stage = casts.opened_stage(database, library, Files(tmp_path_factory.mktemp("files")))
        with database.begin() as db:
            for station in STATIONS:
                site_settings.enter_holiday(
                    db, stage.people["admin"], stage.now, station, date(2010, 2, 3), "Day off"
                )
        walk = World(
            stage, [casts.submitted(stage, "ana", duty_station="Lima"), casts.revision(stage, "ben")]
        )
        for _ in range(LENGTH):
            with suppress(moves.RAISED, moves.Nothing):
                luck.choice(MOVES)(walk, luck)
            stage.wait(minutes=1)
            with stage.database.read() as db:
                assert list(time_steps.overlooked(db, stage.library, stage.now)) == []
