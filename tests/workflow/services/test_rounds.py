"""Rounds that are spent: a manager is awaited, told and given the task, and the author's days stand still."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from appraisal.app.daily import tick
from appraisal.clock import geneva_date
from appraisal.database import tables
from appraisal.proposals.rules.attempt import ChangeAsked
from appraisal.verification.services import database
from appraisal.workflow import store as workflow_store
from appraisal.workflow.services import time_steps
from tests import casts
from tests.casts import Stage
from tests.tampering import age, by_hand, unguarded

NOTICES = tables.notices
PROPOSALS = tables.proposals


def spent(stage: Stage) -> str:
    """Bring a proposal to where its author can only go on with a manager's leave."""
    number = casts.revision(stage)
    for _ in range(2):
        casts.resubmit(stage, number)
        casts.assign(stage, number)
        casts.rate(stage, number)
        casts.rate(stage, number, TRI_1="1")
        asked = (ChangeAsked("Consult all three.", "TRI-1"),)
        casts.take(stage, "lead", number, "request_revision", changes=asked)
    return number


def told(stage: Stage, what: str) -> set[int]:
    with stage.database.read() as db:
        return set(db.scalars(select(NOTICES.c.person_id).where(NOTICES.c.what == what)))


def work(stage: Stage, who: str) -> list[tuple[str, str]]:
    with stage.database.read() as db:
        found = workflow_store.work_of(db, stage.people[who], stage.library.held_by(), geneva_date(stage.now))
    return [(holder, listed.number) for holder, listed in found]


def pass_days(stage: Stage, count: int) -> list[str]:
    """Let days go by with a tick each; return what was done and said."""
    found: list[str] = []
    for _ in range(count):
        stage.wait(days=1)
        done = tick(stage.database, stage.library, stage.now)
        assert done.faults == ()
        found += [name for _, name in (*done.steps, *done.marks)]
    return found


def test_managers_are_told_and_have_the_task_from_the_last_request_on(stage: Stage) -> None:
    number = spent(stage)
    managers = {person.id for person in stage.people.values() if person.has("manager")}
    assert told(stage, "further_round_asked") == managers
    assert work(stage, "chief") == [("manager", number)]
    assert work(stage, "ana") == [("author", number)]
    casts.take(stage, "chief", number, "continue_rounds", note="One more.")
    assert work(stage, "chief") == []
    assert work(stage, "ana") == [("author", number)]


@pytest.mark.thorough
def test_the_days_of_the_author_stand_still_while_a_manager_is_awaited(stage: Stage) -> None:
    number = spent(stage)
    assert pass_days(stage, 120) == []
    assert casts.load(stage, number).state == "revision_requested"
    with stage.database.read() as db:
        assert db.execute(select(PROPOSALS.c.due_on, PROPOSALS.c.wake_on)).one() == (None, None)
    casts.take(stage, "chief", number, "continue_rounds", note="One more.")
    began = geneva_date(stage.now)
    with stage.database.read() as db:
        due_on = db.execute(select(PROPOSALS.c.due_on)).scalar_one()
    # Twenty working days.
    assert began + timedelta(days=28) <= due_on <= began + timedelta(days=32)
    assert pass_days(stage, 90) == ["reminder", "due_soon", "overdue"]
    assert pass_days(stage, 1) == ["lapse"]


@pytest.mark.thorough
def test_a_wait_for_a_manager_is_no_time_of_the_author(stage: Stage) -> None:
    number = spent(stage)
    casts.answer_changes(stage, number)
    pass_days(stage, 30)
    casts.take(stage, "chief", number, "continue_rounds", note="One more.")
    pass_days(stage, 2)
    casts.take(stage, "ana", number, "submit")
    days = casts.load(stage, number).steps[-1].days_used
    assert days is not None
    assert days <= 3


def test_whoever_leaves_the_state_while_a_manager_is_awaited_has_no_clock(lite: Stage) -> None:
    number = spent(lite)
    pass_days(lite, 30)
    casts.take(lite, "ana", number, "withdraw", note="No more.")
    step = casts.load(lite, number).steps[-1]
    assert (step.days_used, step.days_limit) == (None, None)


def test_a_tick_notes_a_wait_that_an_upgrade_left_out(stage: Stage) -> None:
    number = spent(stage)
    with unguarded(stage.database) as db:
        age(db, number)
        db.execute(update(PROPOSALS).values(awaits_manager=False))
    # Something is noted of it before the first tick, which seals its row as it is.
    with by_hand(stage.database, stage.now, number):
        pass
    with stage.database.begin() as db:
        time_steps.tick_one(db, stage.library, stage.now, number)
    assert work(stage, "chief") == [("manager", number)]
    breaks = database.verify(stage.database, stage.library, None).breaks
    assert [entry for entry in breaks if entry.check == "stored"] == []


@pytest.mark.thorough
def test_an_appraisal_recalled_after_the_last_round_may_go_back_as_incomplete(lite: Stage) -> None:
    number = spent(lite)
    casts.take(lite, "ana", number, "escalate", note="The donor waits.")
    casts.take(lite, "lead", number, "recall", note="A letter came.")
    casts.take(lite, "desk", number, "return_incomplete", missing="The letter.")
    # No manager can be asked here, and nobody asked for a further round.
    assert work(lite, "chief") == []
    version = casts.resubmit(lite, number).version
    assert version is not None
    assert version.number == 4
    # The next one that is asked for waits for a manager as before.
    casts.assign(lite, number)
    casts.rate(lite, number)
    casts.rate(lite, number, TRI_1="1")
    casts.take(lite, "lead", number, "request_revision", changes=(ChangeAsked("Consult all.", "TRI-1"),))
    casts.answer_changes(lite, number)
    assert casts.refused(lite, "ana", number, "submit") == ("rounds_spent",)
    assert work(lite, "chief") == [("manager", number)]
