"""The migrations make what the models say, on both databases."""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, inspect, select

from appraisal.app import upgrades
from appraisal.app.daily import tick
from appraisal.database import schema, tables
from appraisal.database.engine import Database
from appraisal.database.tables import METADATA
from appraisal.indicators.services import appraised_share
from appraisal.proposals.rules.attempt import ApprovalGiven, ChangeAsked
from appraisal.trail.store import site
from tests import casts, histories
from tests.casts import Stage


def test_the_tables_of_today_equal_the_models(database: Database) -> None:
    assert schema.differences(database) == []


def test_an_empty_database_is_given_what_all_migrations_make_of_one(database: Database) -> None:
    at_once = _described(database)
    histories.reflected(database).drop_all(database.engine)
    schema.upgrade(database, schema.revisions()[0])
    schema.upgrade(database)
    assert _described(database) == at_once
    assert schema.differences(database) == []


def _described(database: Database) -> dict[str, Any]:
    """Return all that is told of the tables of a database, but for the order of columns."""
    inspector = inspect(database.engine)
    read = (
        inspector.get_columns,
        inspector.get_foreign_keys,
        inspector.get_unique_constraints,
        inspector.get_check_constraints,
        inspector.get_indexes,
    )
    return {
        table: [inspector.get_pk_constraint(table)["constrained_columns"]]
        + [sorted(_plain(entry) for entry in get(table)) for get in read]
        for table in inspector.get_table_names()
    }


def _plain(given: Any) -> str:
    """Write out a part of a table, in which SQL and types are objects that equal nothing."""
    if isinstance(given, Mapping):
        return str(sorted((name, _plain(value)) for name, value in given.items()))
    return str(given)


def test_every_index_of_the_models_is_there(database: Database) -> None:
    inspector = inspect(database.engine)
    for table in METADATA.sorted_tables:
        made = {index["name"] for index in inspector.get_indexes(table.name)}
        assert {index.name for index in table.indexes} <= made


def test_upgrading_twice_is_harmless(database: Database) -> None:
    schema.upgrade(database)
    assert schema.is_current(database)
    assert schema.differences(database) == []


def test_the_known_revisions_are_those_that_follow_on_one_another() -> None:
    script = ScriptDirectory(str(Path(schema.__file__).with_name("migrations")))
    assert schema.revisions() == [entry.revision for entry in script.walk_revisions()][::-1]


def test_an_empty_database_is_not_current(tmp_path: object) -> None:
    database = Database(f"sqlite:///{tmp_path}/new/empty.sqlite3")
    try:
        assert not schema.is_current(database)
        schema.upgrade(database)
        assert schema.is_current(database)
    finally:
        database.close()


# What columns of older revisions held that are no more.
GONE: Final[Mapping[str, Mapping[str, Any]]] = {"people": {"session_epoch": 3}}


def _begin_anew(
    database: Database, revision: str, stage: Stage, **columns: dict[str, list[Any]]
) -> tuple[MetaData, dict[str, list[dict[str, Any]]]]:
    """Migrate an empty database to a revision, and fill it with the rows of a stage.

    ``columns`` are by table those that are other than the stage's, row by row. Return tables and rows.
    """
    histories.reflected(database).drop_all(database.engine)
    schema.upgrade(database, revision)
    metadata = histories.reflected(database)
    kept = histories.rows(stage.database, metadata, GONE)
    for name, given in columns.items():
        for column, values in given.items():
            for row, value in zip(kept[name], values, strict=True):
                row[column] = value
    histories.fill(
        database,
        {name: [{**row, **GONE.get(name, {})} for row in rows] for name, rows in kept.items()},
    )
    return metadata, kept


@pytest.mark.thorough
def test_a_database_of_the_first_revision_keeps_its_rows(stage: Stage, database: Database) -> None:
    numbers = {
        "approved": casts.approved(stage, ratings={"TRI_4": "1"}),
        "submitted": casts.submitted(stage),
        "draft": casts.draft(stage),
        "withdrawn": casts.submitted(stage),
    }
    casts.take(stage, "ana", numbers["withdrawn"], "withdraw", note="No longer needed.")
    first, kept = _begin_anew(database, "0001", stage)

    schema.upgrade(database)

    assert histories.rows(database, first, GONE) == kept
    # Which also finds the triggers as they were.
    assert schema.differences(database) == []
    with database.read() as db:
        about = {
            person.name: [entry.event.facts["action"] for entry in site.events_of_person(db, person.id, 5)]
            for person in stage.people.values()
        }
        assert set(map(tuple, about.values())) == {("create_person",)}
        assert site.emergencies(db, 5) == []
    # Whatever is open is looked at by the next tick, and then when its day comes.
    asleep = {numbers["draft"]: None}
    assert _woken(database) == dict.fromkeys(numbers.values(), date(1970, 1, 1)) | asleep
    stage.database = database
    stage.wait(days=3)
    assert tick(database, stage.library, stage.now).marks == ((numbers["submitted"], "overdue"),)
    assert _woken(database) == {
        numbers["approved"]: date(2010, 3, 4),
        numbers["submitted"]: None,
        numbers["withdrawn"]: None,
        **asleep,
    }


def _woken(database: Database) -> dict[str, date | None]:
    table = tables.proposals
    with database.read() as db:
        return {row.number: row.wake_on for row in db.execute(select(table.c.number, table.c.wake_on))}


@pytest.mark.thorough
def test_silence_of_earlier_revisions_is_told_apart_by_its_date(stage: Stage, database: Database) -> None:
    """Once a closing noted of everybody who had not answered that there was no answer by the date."""
    number = casts.submitted(stage)
    casts.assign(stage, number)
    casts.take(stage, "ana", number, "withdraw", note="No longer needed.")
    first, last = "2010-02-08T22:59:00.000000Z", "2010-02-08T23:00:00.000000Z"
    kept = casts.load(stage, number).appraisals[0].consultations
    assert [(entry.unit, entry.is_open) for entry in kept] == [
        ("PROGRAM", True),
        ("ACT/EMP", False),
        ("ACTRAV", False),
        ("NORMES", True),
        ("GENDER", True),
        ("Turin Centre", True),
    ]
    _begin_anew(
        database,
        "0009",
        stage,
        consultations={
            "due_on": ["2010-02-08"] * 6,
            "silent_at": [first, None, None, last, "2010-02-02T09:00:00.000000Z", None],
        },
        # Both bureaux answered by a review; what was noted of one before it was signed is told apart too.
        reviews={"due_on": ["2010-02-08"] * 2, "silent_at": [first, last]},
    )

    schema.upgrade(database)

    stage.database = database
    [appraisal] = casts.load(stage, number).appraisals
    minute = datetime(2010, 2, 8, 22, 59, tzinfo=UTC)
    assert [(entry.silent_at, entry.released_at) for entry in appraisal.consultations] == [
        (None, minute),
        (None, None),
        (None, None),
        (minute + timedelta(minutes=1), None),
        (None, datetime(2010, 2, 2, 9, tzinfo=UTC)),
        (None, None),
    ]
    assert [(entry.silent_at, entry.released_at) for entry in appraisal.reviews] == [
        (None, minute),
        (minute + timedelta(minutes=1), None),
    ]


@pytest.mark.thorough
def test_what_outside_approvals_were_worth_is_frozen_by_the_upgrade(stage: Stage, database: Database) -> None:
    """By the rates that were there when each was registered, whatever was entered since."""
    euros = {"amount": "300", "currency": "EUR"}
    casts.enter_rate(stage, "EUR", date(2009, 6, 1), "0.6")
    casts.outside(stage, budget=euros)
    casts.outside(stage, budget={"amount": "300", "currency": "JPY"})
    casts.outside(stage, undated=True)
    casts.enter_rate(stage, "EUR", date(2010, 1, 1), "0.75")
    casts.outside(stage, budget=euros)
    number = casts.submitted(stage)
    casts.take(stage, "desk", number, "register_approval", approval=ApprovalGiven("Minute 1", "Registry"))
    _begin_anew(database, "0009", stage)

    upgrades.upgrade(database)

    new = histories.reflected(database)
    assert histories.rows(database, new)["decisions"] == histories.rows(stage.database, new)["decisions"]
    frozen = [
        [entry["usd"] for entry in json.loads(row["contributions"])] if row["contributions"] else None
        for row in histories.rows(database, new)["decisions"]
    ]
    assert frozen == [["500.00"], [None], ["900000.00"], ["400.00"], None]
    with database.read() as db:
        assert appraised_share.differences(db) == []
    # From now on a rate of the same day is another row, in both databases.
    stage.database = database
    casts.enter_rate(stage, "EUR", date(2010, 1, 1), "0.8", reason="Misread.")


@pytest.mark.thorough
def test_conditions_of_earlier_revisions_are_numbered_within_their_proposal(
    stage: Stage, database: Database
) -> None:
    """Once each appraisal numbered its own from one, and one that was opened again held copies."""
    recalled = casts.awaiting(stage, ratings={"TRI_4": "1", "CAP_6": "1"})
    casts.take(stage, "lead", recalled, "recall", note="One more look.")
    casts.take(stage, "lead", recalled, "finalise")
    returned = casts.awaiting(stage, ratings={"TRI_4": "1"})
    changes = (ChangeAsked("Mend it.", "TRI-4"),)
    casts.take(stage, "chief", returned, "return", note="No.", changes=changes)
    casts.resubmit(stage, returned)
    casts.assign(stage, returned)
    casts.rate(stage, returned, CAP_6="1")
    casts.recommend(stage, returned, ["CAP-6"])
    casts.take(stage, "lead", returned, "finalise")
    old: dict[str, list[Any]] = {
        "appraisal_id": [1, 2, 3, 4],
        "number": [1, 1, 1, 1],
        "item": ["TRI-4", "TRI-4", "TRI-4", "CAP-6"],
    }
    _begin_anew(database, "0009", stage, conditions=old)

    schema.upgrade(database)

    stage.database = database
    first, second = casts.load(stage, recalled).appraisals
    assert first.conditions == second.former_conditions == ()
    [copied], [stands] = first.former_conditions, second.conditions
    assert (copied.number, copied.superseded_by, stands.number, stands.written_by) == (2, 1, 1, None)
    first, second = casts.load(stage, returned).appraisals
    [ended], [stands] = first.former_conditions, second.conditions
    assert (ended.number, ended.withdrawn_at, ended.withdrawn_by) == (2, second.finalised_at, None)
    assert (stands.number, stands.item, first.conditions) == (1, "CAP-6", ())
    assert schema.differences(database) == []


@pytest.mark.thorough
def test_references_are_written_as_they_are_compared_by_the_upgrade(stage: Stage, database: Database) -> None:
    umbrella = casts.draft(stage, attach=(), kind="umbrella")
    casts.submitted(stage, kind="child", parent=umbrella, budget="100")
    number = casts.draft(stage, kind="child", parent=umbrella)
    written = f" {umbrella.lower()} "
    _begin_anew(
        database,
        "0009",
        stage,
        proposals={"parent": ["", written, written], "predecessor": ["", written, ""]},
    )

    schema.upgrade(database)

    table = tables.proposals
    with database.read() as db:
        rows = db.execute(select(table.c.parent, table.c.predecessor).order_by(table.c.id)).all()
    assert [tuple(row) for row in rows] == [("", ""), (umbrella, umbrella), (umbrella, "")]
    stage.database = database
    assert casts.load(stage, number).siblings_usd == 100
