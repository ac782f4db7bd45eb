"""Transactions: all or nothing, snapshots that write nothing, and one error for every lost race."""

from collections.abc import Callable
from contextlib import suppress
from threading import Barrier, Thread

import pytest
from sqlalchemy import Connection, insert, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from appraisal.accounts.services import accounts
from appraisal.database import seals, tables
from appraisal.database.engine import Database, reading_only
from appraisal.errors import StepConflict
from appraisal.people.facts import SYSTEM_ACTOR
from appraisal.proposals.store import writing
from appraisal.trail.rules.events import broken
from appraisal.trail.store import site
from tests import casts
from tests.casts import START, Stage
from tests.tampering import unwatched

PEOPLE = tables.people


def _add(db: Connection, name: str) -> None:
    # What is written is beside the point here, so that no event seals it.
    seals.end(db)
    db.execute(insert(PEOPLE).values(email=f"{name}@example.org", name=name, created_at=START))


def _names(database: Database) -> list[str]:
    with database.read() as db:
        return list(db.execute(select(PEOPLE.c.name).order_by(PEOPLE.c.id)).scalars())


def test_a_transaction_is_kept_whole(database: Database) -> None:
    with database.begin() as db:
        _add(db, "one")
        _add(db, "two")
    assert _names(database) == ["one", "two"]


def test_an_exception_leaves_nothing(database: Database) -> None:
    with suppress(ZeroDivisionError), database.begin() as db:
        _add(db, "one")
        raise ZeroDivisionError
    assert _names(database) == []


def test_a_view_stays_as_it_was(database: Database) -> None:
    with database.read() as view:
        assert view.execute(select(PEOPLE.c.id)).all() == []
        with database.begin() as db:
            _add(db, "one")
        assert view.execute(select(PEOPLE.c.id)).all() == []
    assert _names(database) == ["one"]


def test_what_a_view_writes_is_refused(database: Database) -> None:
    with pytest.raises(DBAPIError, match=_refusal(database)), database.read() as view:
        _add(view, "one")
    assert _names(database) == []


def _refusal(database: Database) -> str:
    return "readonly database" if database.is_sqlite else "read-only transaction"


def test_where_only_reading_is_done_every_transaction_is_a_view_but_for_notes(database: Database) -> None:
    with reading_only():
        with pytest.raises(DBAPIError, match=_refusal(database)), database.begin() as db:
            _add(db, "one")
        with database.begin() as db:
            assert db.execute(select(PEOPLE.c.id)).all() == []
        with database.begin_note() as db:
            _add(db, "noted")
    with database.begin() as db:
        _add(db, "two")
    assert _names(database) == ["noted", "two"]


def test_another_thread_goes_on_writing_while_this_one_only_reads(database: Database) -> None:
    def write() -> None:
        with database.begin() as db:
            _add(db, "one")

    with reading_only():
        beside = Thread(target=write)
        beside.start()
        beside.join()
    assert _names(database) == ["one"]


def test_a_connection_forgets_that_it_was_a_view(database: Database) -> None:
    with database.read() as view:
        view.execute(select(1))
    with database.begin() as db:
        _add(db, "one")
        if not database.is_sqlite:
            assert db.execute(text("SHOW transaction_isolation")).scalar() == "read committed"
    assert _names(database) == ["one"]


def test_sqlite_keeps_every_commit_and_its_foreign_keys(lite: Stage) -> None:
    database = Database(lite.database.url)
    with database.begin() as db:
        for pragma, value in (("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1)):
            assert db.exec_driver_sql(f"PRAGMA {pragma}").scalar() == value
    with pytest.raises(IntegrityError), database.begin() as db:
        writing.relate(db, 99, 99, "author", START)
    database.close()


def test_a_second_event_at_the_same_place_is_a_lost_race(stage: Stage) -> None:
    number = casts.draft(stage)
    case = casts.load(stage, number)
    table = tables.events
    with stage.database.read() as db:
        last = db.execute(select(table).where(table.c.proposal_id == case.id)).mappings().first()
    assert last is not None
    values = {name: value for name, value in last.items() if name not in ("id", "request")}
    with pytest.raises(StepConflict), stage.database.begin() as db:
        db.execute(insert(table).values(**values))


def test_another_broken_constraint_is_no_race(database: Database) -> None:
    with database.begin() as db:
        _add(db, "one")
    with pytest.raises(IntegrityError), database.begin() as db:
        _add(db, "one")


def test_a_row_version_that_moved_on_is_a_lost_race(stage: Stage) -> None:
    number = casts.draft(stage)
    case = casts.load(stage, number)
    with pytest.raises(StepConflict) as caught, stage.database.begin() as db:
        writing.update_proposal(db, case.id, case.row_version - 1, title="Lost")
    assert caught.value.seen == case.row_version - 1
    assert casts.load(stage, number) == case


def _at_once(count: int, act: Callable[[int], object]) -> list[BaseException]:
    """Run something in several threads that start together; return what they raised."""
    barrier = Barrier(count)
    raised: list[BaseException] = []

    def run(index: int) -> None:
        barrier.wait()
        try:
            act(index)
        except BaseException as error:
            raised.append(error)

    threads = [Thread(target=run, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def test_proposals_created_at_once_have_numbers_of_their_own(stage: Stage) -> None:
    assert _at_once(4, lambda index: casts.draft(stage, attach=(), title=f"No. {index}")) == []
    with stage.database.read() as db:
        numbers = db.execute(select(tables.proposals.c.number)).scalars().all()
    assert sorted(numbers) == [f"TC-2010-000{index}" for index in range(1, 5)]


def test_numbers_go_on_after_9999(stage: Stage) -> None:
    casts.draft(stage, attach=())
    table = tables.proposals
    with unwatched(stage.database) as db:
        db.execute(table.update().values(number="TC-2010-9999"))
        assert writing.next_number(db, 2010) == "TC-2010-10000"
        db.execute(table.update().values(number="TC-2010-10000"))
        assert writing.next_number(db, 2010) == "TC-2010-10001"
        assert writing.next_number(db, 2011) == "TC-2011-0001"


def test_the_site_chain_holds_when_written_at_once(database: Database) -> None:
    def note(index: int) -> None:
        with database.begin() as db:
            site.append(db, START, SYSTEM_ACTOR.id, "note", {"index": index})

    assert _at_once(4, note) == []
    with database.read() as db:
        chain = site.chain(db)
    assert [event.sequence for event in chain] == [1, 2, 3, 4]
    assert broken(chain) is None


def test_of_two_accounts_with_one_address_the_second_is_told(database: Database) -> None:
    def create(index: int) -> None:
        with database.begin() as db:
            accounts.create_person(
                db, SYSTEM_ACTOR, START, email="same@example.org", name=str(index), roles=["designer"]
            )

    raised = _at_once(2, create)
    assert [type(error) for error in raised] == [accounts.BadPerson]
    assert len(_names(database)) == 1


def test_whoever_would_wait_can_ask_first(database: Database) -> None:
    assert not database.is_writing()
    with database.read():
        assert not database.is_writing()
    with database.begin():
        # PostgreSQL lets many write at once.
        assert database.is_writing() is database.is_sqlite
    with suppress(ZeroDivisionError), database.begin():
        raise ZeroDivisionError
    assert not database.is_writing()
