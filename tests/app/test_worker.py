"""The worker: a job is leased, finished by whoever holds the lease, put back, given up, done once."""

from contextlib import suppress
from datetime import timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from sqlalchemy import Row, select
from sqlalchemy.exc import OperationalError

from appraisal.app import worker
from appraisal.database import tables
from appraisal.database.engine import Database
from appraisal.database.outbox import RENDERING, Leased, enqueue, fail, finish, lease, waiting
from appraisal.language.texts import Language
from appraisal.printing.worker import RenderingFailed
from appraisal.records.services import records
from appraisal.vocabulary.refusals import NotAllowed
from appraisal.workflow.services import acts
from tests import casts
from tests.casts import START, Stage

JOBS = tables.jobs
LEASE, MOST_ATTEMPTS = RENDERING.lease, RENDERING.attempts
SECOND = timedelta(seconds=1)


def _enqueue(database: Database, count: int = 1, kind: str = "render") -> None:
    with database.begin() as db:
        for number in range(count):
            enqueue(db, kind, {"record": number, "language": "en"}, START)


def _rows(database: Database) -> list[Row[Any]]:
    with database.read() as db:
        # Steps tell people of themselves by mail, which is another lane.
        return list(db.execute(select(JOBS).where(JOBS.c.kind != "mail").order_by(JOBS.c.id)).all())


def test_a_job_is_in_one_pair_of_hands(database: Database) -> None:
    _enqueue(database, 3)
    assert lease(database, START - SECOND) == []
    first = lease(database, START, most=2)
    assert [job.payload["record"] for job in first] == [0, 1]
    assert [job.payload["record"] for job in lease(database, START, most=2)] == [2]
    assert lease(database, START + LEASE) == []
    (again,) = lease(database, START + LEASE + SECOND)
    assert (again.id, again.attempts) == (first[0].id, 2)


def test_whoever_lost_the_lease_finishes_nothing(database: Database) -> None:
    _enqueue(database)
    (slow,) = lease(database, START)
    (quick,) = lease(database, START + LEASE + SECOND)
    assert not finish(database, slow, START + LEASE + SECOND)
    assert not fail(database, slow, START + LEASE + SECOND, "too slow")
    assert finish(database, quick, START + LEASE + SECOND)
    assert not finish(database, quick, START + LEASE + 2 * SECOND)
    assert waiting(database) == 0


def test_a_job_that_fails_is_put_off_twice_as_long_each_time_and_then_given_up(database: Database) -> None:
    _enqueue(database)
    now, waits = START, []
    for _ in range(MOST_ATTEMPTS):
        (job,) = lease(database, now)
        assert fail(database, job, now, "x" * 5000)
        (row,) = _rows(database)
        if row.dead_at is None:
            waits.append((row.run_at - now).total_seconds())
            assert lease(database, row.run_at - SECOND) == []
            now = row.run_at
    assert waits[:5] == [10, 20, 40, 80, 160]
    assert set(waits[14:]) == {24 * 3600}
    assert timedelta(weeks=3) < timedelta(seconds=sum(waits)) < timedelta(weeks=4)
    (row,) = _rows(database)
    assert (row.dead_at, len(row.error)) == (now, 2000)
    assert lease(database, now + timedelta(days=365)) == []
    assert waiting(database) == 0


def test_a_job_that_kills_its_workers_makes_room_for_others_and_is_given_up_in_the_end(
    database: Database,
) -> None:
    _enqueue(database)
    now = START
    for time in range(MOST_ATTEMPTS):
        if time >= 6:
            assert lease(database, now) == []
            now += timedelta(hours=1)
        assert len(lease(database, now)) == 1
        now += LEASE + SECOND
    assert lease(database, now) == []
    (row,) = _rows(database)
    assert row.dead_at == now
    assert "died" in row.error


def test_workers_share_jobs_and_do_none_twice(database: Database) -> None:
    _enqueue(database, 12)
    barrier = Barrier(3)
    taken: list[int] = []

    def work() -> None:
        barrier.wait()
        while leased := lease(database, START, most=2):
            taken.extend(job.id for job in leased)
            for job in leased:
                finish(database, job, START)

    threads = [Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == [row.id for row in _rows(database)]


class Press:
    """Draws a record as a few bytes, and remembers what was asked of it."""

    def __init__(self, faults: int = 0, error: Exception | None = None) -> None:
        self.asked: list[tuple[bytes, str]] = []
        self.faults = faults
        self.error = error or RuntimeError("out of ink")

    def __call__(self, value: bytes, language: Language) -> bytes:
        self.asked.append((value, language))
        if len(self.asked) <= self.faults:
            raise self.error
        return b"%PDF " + language.encode() + value[:20]


def _renderings(database: Database) -> list[Row[Any]]:
    with database.read() as db:
        return list(db.execute(select(tables.renderings)).all())


def test_a_record_is_rendered_in_the_language_of_who_closed_it(stage: Stage) -> None:
    casts.awaiting(stage)
    press = Press()
    done: list[Leased] = []
    assert worker.work(stage.database, stage.files, press, lambda: stage.now, done.append) == 1
    ((value, language),) = press.asked
    (row,) = _renderings(stage.database)
    assert (language, row.language) == ("en", "en")
    assert stage.files.read(row.sha256) == b"%PDF en" + value[:20]
    assert [job.kind for job in done] == ["render"]
    assert worker.work(stage.database, stage.files, press, lambda: stage.now) == 0


def test_a_worker_that_dies_before_finishing_leaves_one_rendering(stage: Stage) -> None:
    casts.awaiting(stage)
    (job,) = lease(stage.database, stage.now)
    with stage.database.begin() as db:
        records.keep_rendering(db, stage.files, int(job.payload["record"]), "en", b"%PDF first", stage.now)
    stage.now += LEASE + SECOND
    assert worker.work(stage.database, stage.files, Press(), lambda: stage.now) == 1
    (row,) = _renderings(stage.database)
    assert stage.files.read(row.sha256) == b"%PDF first"


def test_a_fault_of_the_press_is_tried_again_later(stage: Stage) -> None:
    casts.awaiting(stage)
    press = Press(faults=1)
    assert worker.work(stage.database, stage.files, press, lambda: stage.now) == 0
    assert _renderings(stage.database) == []
    assert _rows(stage.database)[0].error == "RuntimeError: out of ink"
    stage.wait(seconds=10)
    assert worker.work(stage.database, stage.files, press, lambda: stage.now) == 1
    assert len(_renderings(stage.database)) == 1


_FULL = OSError(28, "No space left on device")
_BUSY = OperationalError("INSERT", {}, RuntimeError("database is locked"))
_KILLED = RenderingFailed("crash", "signal 9")


@pytest.mark.sampled(2)
@pytest.mark.parametrize("error", [_FULL, _BUSY, _KILLED, ImportError("libpango"), MemoryError()])
def test_waiting_for_the_installation_is_no_attempt_and_needs_no_hand(lite: Stage, error: Exception) -> None:
    casts.awaiting(lite)
    broken = Press(faults=10**6, error=error)
    for _ in range(60):
        worker.work(lite.database, lite.files, broken, lambda: lite.now)
        (row,) = _rows(lite.database)
        assert row.dead_at is None
        assert row.run_at - lite.now <= timedelta(hours=1)
        lite.now = row.run_at
    assert row.error == f"{type(error).__name__}: {error}"
    assert worker.work(lite.database, lite.files, Press(), lambda: lite.now) == 1
    assert len(_renderings(lite.database)) == 1


@pytest.mark.thorough
def test_waiting_does_not_use_up_the_attempts_of_a_job(lite: Stage) -> None:
    casts.awaiting(lite)
    for _ in range(2 * MOST_ATTEMPTS):
        worker.work(lite.database, lite.files, Press(faults=1, error=_FULL), lambda: lite.now)
        lite.now = _rows(lite.database)[0].run_at
    worker.work(lite.database, lite.files, Press(faults=1), lambda: lite.now)
    (row,) = _rows(lite.database)
    assert (row.dead_at, row.run_at - lite.now) == (None, timedelta(seconds=10))


def test_a_worker_that_starts_takes_up_what_waited(stage: Stage) -> None:
    casts.awaiting(stage)
    for _ in range(10):
        worker.work(stage.database, stage.files, Press(faults=1, error=_FULL), lambda: stage.now)
        stage.now = _rows(stage.database)[0].run_at
    worker.work(stage.database, stage.files, Press(faults=1, error=_FULL), lambda: stage.now)
    assert worker.work(stage.database, stage.files, Press(), lambda: stage.now) == 0
    with stage.database.begin() as db:
        assert worker.take_up(db, stage.now) == 1
    assert worker.work(stage.database, stage.files, Press(), lambda: stage.now) == 1


def test_what_can_never_succeed_is_given_up_at_once_until_somebody_takes_it_up(stage: Stage) -> None:
    casts.awaiting(stage)
    refusing = Press(faults=1, error=RenderingFailed("refused", "KeyError: 'title'"))
    worker.work(stage.database, stage.files, refusing, lambda: stage.now)
    (row,) = _rows(stage.database)
    assert row.dead_at == stage.now
    with pytest.raises(NotAllowed), stage.database.begin() as db:
        worker.retry(db, stage.people["desk"], stage.now, RENDERING)
    with stage.database.begin() as db:
        assert worker.retry(db, stage.people["admin"], stage.now, RENDERING) == 1
    assert worker.work(stage.database, stage.files, Press(), lambda: stage.now) == 1


def test_a_job_that_nobody_knows_fails_and_holds_up_no_other(stage: Stage) -> None:
    with stage.database.begin() as db:
        enqueue(db, "dance", {}, START)
        enqueue(db, "render", {"record": 999, "language": "en"}, START)
    casts.awaiting(stage)
    assert worker.work(stage.database, stage.files, Press(), lambda: stage.now) == 1
    errors = [row.error for row in _rows(stage.database)]
    assert errors == [
        "ValueError: there is no job of the kind dance",
        "NotFound: record 999 does not exist",
        "",
    ]


def test_a_job_is_written_with_its_step_or_not_at_all(stage: Stage) -> None:
    number = casts.rated(stage)
    with suppress(ZeroDivisionError), stage.database.begin() as db:
        acts.take_step(db, stage.library, stage.people["lead"], stage.now, number, "finalise")
        raise ZeroDivisionError
    assert _rows(stage.database) == []
    assert casts.load(stage, number).state == "under_appraisal"
