"""The trail: checkpoints over it, and whatever is bent in it by hand is named."""

import hashlib
import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Table, insert, literal_column, select, text, update

from appraisal.database import tables
from appraisal.deadlines import services as deadlines_services
from appraisal.errors import StepConflict
from appraisal.lists.services import matching
from appraisal.proposals.rules.attempt import ApprovalGiven
from appraisal.records.services import issuers
from appraisal.trail.rules import merkle
from appraisal.trail.rules.checkpoints import Checkpoint, head_entry, read_checkpoint
from appraisal.trail.rules.events import GENESIS, event
from appraisal.trail.store import site
from appraisal.trail.store import whole_trail as stored
from appraisal.verification.services import checkpoints, database
from appraisal.verification.services.database import Report
from tests import casts
from tests.casts import Stage
from tests.keys import make_keyring
from tests.lists.files import import_text
from tests.tampering import age, unguarded

EVENTS = tables.events
PROPOSALS = tables.proposals


def verified(stage: Stage) -> Report:
    return database.verify(stage.database, stage.library, stage.files)


def told(stage: Stage) -> list[str]:
    return [str(entry) for entry in verified(stage).breaks]


def made(stage: Stage) -> Checkpoint:
    found = checkpoints.checkpoint(stage.database, stage.now)
    assert found is not None
    stage.wait(days=1)
    return found


def sealed(stage: Stage) -> str:
    """Fill the trail between three checkpoints; return the number of the proposal that is approved."""
    made(stage)
    casts.draft(stage)
    number = casts.approved(stage)
    with stage.database.begin() as db:
        site.log_access(db, stage.now, None, "sign_in_failed")
        site.log_access(db, stage.now, stage.people["ana"].id, "download", number, "1 café.pdf")
    made(stage)
    casts.submitted(stage)
    made(stage)
    return number


def test_a_trail_holds(stage: Stage) -> None:
    sealed(stage)
    report = verified(stage)
    assert (report.wrong, report.breaks) == (0, [])
    assert report.checked["chains"] == 3
    assert report.checked["versions"] == 2
    assert report.checked["records"] == 2
    assert report.checked["checkpoints"] == 3
    assert report.checked["accesses"] == 2
    assert report.checked["older_events"] == 0
    assert report.checked["files"] == 12
    assert report.checked["definitions"] > 7


def test_a_match_by_the_symbol_of_a_registration_that_was_corrected_holds(lite: Stage) -> None:
    number = casts.draft(lite, symbol="X/1")
    approval = ApprovalGiven("Minute 12", "Registry", lite.now)
    casts.take(lite, "desk", number, "register_approval", approval=approval)
    import_text(lite, "projects", "symbol,fund\nX/1,XBTC\n")
    casts.take(lite, "desk", number, "correct_registration", note="A slip.")
    casts.save(lite, number, "identification", symbol="X/2")
    casts.take(lite, "ana", number, "submit")
    assert told(lite) == []


def test_a_checkpoint_says_where_everything_stood(stage: Stage) -> None:
    first = made(stage)
    number = casts.draft(stage)
    with stage.database.begin() as db:
        site.log_access(db, stage.now, None, "sign_in_failed")
    at = stage.now
    second = made(stage)
    case = casts.load(stage, number)
    facts = second.facts
    head = head_entry(number, 1, case.head)
    assert facts["chains"] == {"count": 1, "root": merkle.root_of([head]).hex()}
    assert facts["previous"] == first.digest
    assert first.facts["chains"] == {"count": 0, "root": merkle.EMPTY.hex()}
    assert (facts["events"]["count"], facts["accesses"]["count"]) == (1, 1)
    assert facts["at"] == at.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
    # What the first one left in the site's chain.
    assert facts["site"]["sequence"] == first.facts["site"]["sequence"] + 1
    assert read_checkpoint(second.body.encode() + b"\n") == second


def test_nothing_new_makes_no_checkpoint(stage: Stage) -> None:
    made(stage)
    assert checkpoints.checkpoint(stage.database, stage.now) is None
    with stage.database.begin() as db:
        deadlines_services.enter_holiday(
            db, stage.people["admin"], stage.now, "Geneva", (stage.now + timedelta(days=9)).date(), "Day"
        )
    assert made(stage).sequence == 2
    assert checkpoints.checkpoint(stage.database, stage.now) is None


def test_a_day_has_one_checkpoint_at_most(stage: Stage) -> None:
    assert checkpoints.daily_checkpoint(stage.database, stage.now) is not None
    casts.draft(stage)
    assert checkpoints.daily_checkpoint(stage.database, stage.now) is None
    stage.wait(days=1)
    found = checkpoints.daily_checkpoint(stage.database, stage.now)
    assert found is not None
    assert found.sequence == 2
    stage.wait(days=1)
    assert checkpoints.daily_checkpoint(stage.database, stage.now) is None


def test_a_checkpoint_that_was_kept_shows_a_trail_written_anew(stage: Stage) -> None:
    kept = made(stage)
    assert checkpoints.kept_in(stage.database, kept) is None
    with unguarded(stage.database) as db:
        db.execute(text("DELETE FROM checkpoints"))
    assert checkpoints.kept_in(stage.database, kept) == "checkpoint 1 is not in the trail"
    with stage.database.begin() as db:
        other = Checkpoint(1, kept.body.replace(kept.facts["at"], "2010-02-02T00:00:00.000000Z"), "0" * 64)
        stored.insert_checkpoint(db, other, None)
    assert checkpoints.kept_in(stage.database, kept) == (
        "checkpoint 1 of the trail is not the one that was kept"
    )


def _set(db: Connection, table: Table, column: str, value: str, where: str) -> None:
    """Give a column of one row another value, both as SQL."""
    statement = update(table).where(literal_column(where)).values({column: literal_column(value)})
    assert db.execute(statement).rowcount == 1


# Column of a table: another value for it, as SQL.
EVENT_COLUMNS = {
    "id": "id + 1000",
    "proposal_id": "(SELECT min(id) FROM proposals)",
    "sequence": "99",
    "name": "'hold'",
    "act": "'hold'",
    "from_state": "'draft'",
    "to_state": "'draft'",
    "at": "'2010-02-01T09:00:00.000001Z'",
    "by": "1",
    "note": "'Another.'",
    "for_id": "1",
    "track": "'reinforced'",
    "days_used": "33",
    "days_limit": "40",
    "request": "'another'",
    "body": "body || ' '",
    "digest": "'" + "0" * 64 + "'",
}


@pytest.mark.sampled(4)
@pytest.mark.parametrize("column", EVENT_COLUMNS)
def test_every_column_of_an_event_is_looked_at(lite: Stage, column: str) -> None:
    number = sealed(lite)
    assert set(EVENT_COLUMNS) == set(EVENTS.c.keys())
    case = casts.load(lite, number)
    with unguarded(lite.database) as db:
        place = db.execute(
            select(EVENTS.c.sequence).where(EVENTS.c.proposal_id == case.id, EVENTS.c.name == "finalise")
        ).scalar_one()
        _set(
            db, tables.events, column, EVENT_COLUMNS[column], f"proposal_id = {case.id} AND name = 'finalise'"
        )
    first = told(lite)[0]
    expected = {
        "id": f"{number}: event {place + 1} has an id that is not after that of the one before",
        "sequence": f"{number}: event {place} is missing",
        "body": f"{number}: event {place} was altered",
        "digest": f"{number}: event {place} was altered",
        # It now stands in the chain of the draft, which had one event.
        "proposal_id": "TC-2010-0001: event 2 is missing",
    }
    assert first == expected.get(
        column, f"{number}: event {place}: its column {column} is not what its text says"
    )


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("id", "id + 1000", "the database: decisions: row 1 names a row of versions that is not there"),
        (
            "proposal_id",
            "1",
            "TC-2010-0001: version 1: its column number or proposal_id is not what its text says",
        ),
        (
            "number",
            "7",
            "TC-2010-0002: version 7: its column number or proposal_id is not what its text says",
        ),
        ("value", "replace(value, '\"number\":1', '\"number\":2')", "TC-2010-0002: version 1 was altered"),
        ("digest", "'0'", "TC-2010-0002: version 1 was altered"),
        ("at", "'2010'", "TC-2010-0002: version 1: its column at is not what the chain says"),
        ("by", "2", "TC-2010-0002: version 1: its column by is not what the chain says"),
    ],
)
def test_every_column_of_a_version_is_looked_at(lite: Stage, column: str, value: str, expected: str) -> None:
    sealed(lite)
    with unguarded(lite.database) as db:
        _set(db, tables.versions, column, value, "id = (SELECT min(id) FROM versions)")
    assert expected == told(lite)[0]


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("proposal_id", "1"),
        ("kind", "'decision'"),
        ("value", "value || ' '"),
        ("digest", "'0'"),
        ("at", "'2010'"),
        ("appraisal_id", "NULL"),
        ("decision_id", "1"),
    ],
)
def test_every_column_of_a_record_is_looked_at(lite: Stage, column: str, value: str) -> None:
    sealed(lite)
    with unguarded(lite.database) as db:
        digest = db.execute(text("SELECT digest FROM records WHERE kind = 'appraisal'")).scalar_one()
        _set(db, tables.records, column, value, "kind = 'appraisal'")
    expected = {
        "value": f"TC-2010-0002: record {digest} was altered",
        "digest": "TC-2010-0002: record 0 was altered",
        "proposal_id": f"TC-2010-0001: record {digest}: its column proposal_id is not what its text says",
    }
    other = f"TC-2010-0002: record {digest}: its column {column} is not what its text says"
    assert told(lite)[0] == expected.get(column, other)


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("sequence", "9", "checkpoint 3: follows a gap: checkpoint 2 is missing"),
        ("body", "body || ' '", "checkpoint 2: was altered"),
        ("digest", "'0'", "checkpoint 2: was altered"),
        *(
            (column, value, f"checkpoint 2: its column {column} is not what its text says")
            for column, value in {
                "at": "'2010'",
                "root": "'0'",
                "chains": "7",
                "events_to": "1",
                "accesses_from": "0",
                "accesses_to": "0",
                "previous": "'0'",
            }.items()
        ),
    ],
)
def test_every_column_of_a_checkpoint_is_looked_at(
    lite: Stage, column: str, value: str, expected: str
) -> None:
    sealed(lite)
    with unguarded(lite.database) as db:
        _set(db, tables.checkpoints, column, value, "sequence = 2")
    assert told(lite)[0] == expected


# Every table that is sealed, with the row that is bent: whatever else a column means, it is looked at.
SEALED: Mapping[Table, str] = {
    tables.events: "name = 'finalise'",
    tables.versions: "id = (SELECT max(id) FROM versions)",
    tables.records: "kind = 'appraisal'",
    tables.checkpoints: "sequence = 1",
    tables.matches: "how = 'confirmed'",
}


def _another(column: Any, value: Any) -> Any:
    """Return a value of the same kind that a column may hold instead."""
    if isinstance(value, datetime):
        return value + timedelta(seconds=1)
    if isinstance(value, bytes):
        return value[:-1] + bytes([value[-1] ^ 1])
    if isinstance(value, str):
        return f"{value[:-1]}{'1' if value[-1:] != '1' else '2'}"
    if isinstance(value, int):
        return value + 1000
    kinds = {int: 1, str: "x", datetime: casts.START, bytes: b"x"}
    return kinds[column.type.python_type]


@pytest.mark.thorough
@pytest.mark.parametrize("table", SEALED, ids=lambda table: table.name)
def test_no_column_of_a_sealed_row_changes_unnoticed(stage: Stage, tmp_path: Path, table: Table) -> None:
    # Examining a signature takes longer than all the rest.
    signer = make_keyring(tmp_path / "keys").signer() if table is tables.checkpoints else None
    if signer is not None:
        with stage.database.begin() as db:
            issuers.use_key(db, signer, stage.now)
    casts.draft(stage)
    number = casts.approved(stage)
    import_text(stage, "projects", "symbol,title\nZAM/10/01/NOR,Mines\n")
    with stage.database.begin() as db:
        matching.confirm(db, stage.people["desk"], stage.now, "zam/10/01/nor", number)
    assert checkpoints.checkpoint(stage.database, stage.now, signer) is not None
    casts.submitted(stage)
    assert told(stage) == []
    unnoticed = []
    [key] = table.primary_key
    for column in table.c:
        with unguarded(stage.database) as db:
            row = db.execute(select(table).where(text(SEALED[table]))).mappings().one()
            value = _another(column, row[column.name])
            db.execute(update(table).where(key == row[key.name]).values({column.name: value}))
        if not told(stage):
            unnoticed.append(column.name)
        with unguarded(stage.database) as db:
            after = key == (value if column is key else row[key.name])
            back = update(table).where(after).values({column.name: row[column.name]})
            assert db.execute(back).rowcount == 1
    assert unnoticed == []
    assert told(stage) == []


def _forge_tail(db: Connection) -> None:
    """Take the last event of the last proposal away with its version, and let the proposal forget it."""
    db.execute(text("DELETE FROM versions WHERE id = (SELECT max(id) FROM versions)"))
    db.execute(text("DELETE FROM events WHERE id = (SELECT max(id) FROM events)"))
    db.execute(
        text(
            "UPDATE proposals SET sequence = 1, head = (SELECT digest FROM events e WHERE e.proposal_id = proposals.id)"
            " WHERE number = 'TC-2010-0003'"
        )
    )


def _append(db: Connection) -> None:
    row = dict(db.execute(select(EVENTS).order_by(EVENTS.c.id.desc()).limit(1)).mappings().one())
    added = event(
        proposal="TC-2010-0003",
        sequence=row["sequence"] + 1,
        previous=row["digest"],
        at=row["at"],
        by=row["by"],
        action="hold",
        facts={},
        columns={},
        seals=json.loads(row["body"])["seals"],
    )
    kept = {"proposal_id": row["proposal_id"], "at": row["at"], "by": row["by"], "name": "hold"}
    db.execute(insert(EVENTS).values(**kept, sequence=added.sequence, body=added.body, digest=added.digest))


def _swap(db: Connection) -> None:
    mine = "proposal_id = (SELECT id FROM proposals WHERE number = 'TC-2010-0002')"
    for before, after in ((2, 99), (3, 2), (99, 3)):
        _set(db, tables.events, "sequence", str(after), f"sequence = {before} AND {mine}")


def _gone(statement: str) -> Callable[[Connection], Any]:
    return lambda db: db.execute(text(statement))


@pytest.mark.sampled(5)
@pytest.mark.parametrize(
    ("bend", "expected"),
    [
        (_forge_tail, "checkpoint 3: the events from row 13 to 14 are not what they were then"),
        (_append, "TC-2010-0003: event 3 was appended after the head of the chain"),
        (_swap, "TC-2010-0002: event 2 does not follow the one before"),
        (
            _gone("DELETE FROM checkpoints WHERE sequence = 1"),
            "checkpoint 2: follows a gap: checkpoint 1 is missing",
        ),
        (
            _gone("DELETE FROM checkpoints WHERE sequence = 3"),
            "checkpoint 3: is missing, though the site's chain tells of it",
        ),
        (
            _gone(
                "DELETE FROM events WHERE sequence = 3 AND proposal_id = "
                "(SELECT id FROM proposals WHERE number = 'TC-2010-0002')"
            ),
            "TC-2010-0002: event 3 is missing",
        ),
        (_gone("DELETE FROM events"), "TC-2010-0001: the chain ends before its head (after event 0)"),
        (
            _gone("DELETE FROM accesses WHERE action = 'download'"),
            "checkpoint 2: the access log from row 1 to 2 is not what it was then",
        ),
        (
            _gone("UPDATE accesses SET person_id = 2 WHERE action = 'download'"),
            "checkpoint 2: the access log from row 1 to 2 is not what it was then",
        ),
        (
            _gone("DELETE FROM site_events WHERE sequence = (SELECT max(sequence) FROM site_events)"),
            "checkpoint 3: is not the one that the site's chain tells of",
        ),
        (_gone("DELETE FROM site_events"), "checkpoint 1: is not the one that the site's chain tells of"),
        (
            _gone("UPDATE site_events SET body = '[]' WHERE sequence = 2"),
            "the site's chain: event 2 was altered",
        ),
        (
            _gone("UPDATE site_events SET person_id = 1 WHERE sequence = 2"),
            "the site's chain: event 2: its columns are not what its text says",
        ),
        (
            _gone("UPDATE site_events SET emergency = (1 = 1) WHERE sequence = 3"),
            "the site's chain: event 3: its columns are not what its text says",
        ),
        (
            _gone("UPDATE documents SET sha256 = replace(sha256, 'a', 'b')"),
            "is missing from the store",
        ),
    ],
)
def test_rows_that_are_gone_added_or_moved_are_told(
    stage: Stage, bend: Callable[[Connection], Any], expected: str
) -> None:
    sealed(stage)
    with unguarded(stage.database) as db:
        bend(db)
    # A row that is no longer what the events seal may be named before.
    assert any(expected in entry for entry in told(stage))


def test_a_proposal_that_is_gone_with_all_that_hung_on_it_is_missed(stage: Stage) -> None:
    casts.submitted(stage)
    number = casts.draft(stage)
    casts.submitted(stage)
    id = casts.load(stage, number).id
    with unguarded(stage.database) as db:
        for name in ("events", "relations", "documents"):
            db.execute(text(f"DELETE FROM {name} WHERE proposal_id = {id}"))  # noqa: S608 - the test's own words
        db.execute(text(f"DELETE FROM proposals WHERE id = {id}"))  # noqa: S608 - the test's own words
    # PostgreSQL may leave out ids.
    ids = ["the database: events: 4 rows have ids from 1 to 5"] if stage.database.is_sqlite else []
    assert told(stage) == ["proposals of 2010: there are 2, though their numbers go up to 3", *ids]


def test_an_event_that_was_cut_off_before_later_ones_of_other_chains_is_missed(lite: Stage) -> None:
    number = casts.approved(lite)
    mine = PROPOSALS.c.number == number
    with lite.database.read() as db:
        before = dict(db.execute(select(PROPOSALS).where(mine)).mappings().one())
    casts.take(lite, "desk", number, "send_to_donor")
    casts.draft(lite)
    with unguarded(lite.database) as db:
        db.execute(EVENTS.delete().where(EVENTS.c.name == "send_to_donor"))
        db.execute(update(PROPOSALS).where(mine).values(**before))
    assert told(lite) == ["the database: events: 12 rows have ids from 1 to 13"]


def test_an_access_that_is_gone_is_missed_before_a_checkpoint(lite: Stage) -> None:
    with lite.database.begin() as db:
        for action in ("sign_in", "download", "sign_in"):
            site.log_access(db, lite.now, lite.people["ana"].id, action)
    with unguarded(lite.database) as db:
        db.execute(text("DELETE FROM accesses WHERE action = 'download'"))
    assert told(lite) == ["the database: accesses: 2 rows have ids from 1 to 3"]


def test_the_form_of_an_approval_without_a_version_is_that_of_its_sheet(stage: Stage) -> None:
    number = casts.outside(stage)
    casts.draft(stage)
    assert told(stage) == []
    with unguarded(stage.database) as db:
        db.execute(text("UPDATE proposals SET content = replace(content, 'Illustrative', 'Another')"))
    assert told(stage) == [f"{number}: its form is not the one with which its approval was registered"]


def test_a_registration_that_was_taken_back_leaves_the_form_to_its_authors(lite: Stage) -> None:
    number = casts.draft(lite)
    given = ApprovalGiven("Minute 12", "Registry", lite.now)
    casts.take(lite, "desk", number, "register_approval", approval=given)
    casts.take(lite, "desk", number, "correct_registration", note="A slip.")
    casts.save(lite, number, "identification", title="Another title")
    assert told(lite) == []


def test_a_proposal_without_any_event_is_none(stage: Stage) -> None:
    number = casts.outside(stage)
    table = tables.proposals
    with unguarded(stage.database) as db:
        row = dict(db.execute(select(table).where(table.c.number == number)).mappings().one())
        added = {"id": row["id"] + 1, "number": "TC-2010-0002", "sequence": 0, "head": GENESIS}
        db.execute(insert(table).values({**row, **added}))
    assert told(stage) == ["TC-2010-0002: no event tells of it"]


def test_a_version_or_record_that_is_gone_is_told(lite: Stage) -> None:
    number = sealed(lite)
    with unguarded(lite.database) as db:
        digest = db.execute(text("SELECT digest FROM records WHERE kind = 'decision'")).scalar_one()
        db.execute(text("DELETE FROM records WHERE kind = 'decision'"))
    assert f"{number}: record {digest} is missing" in told(lite)
    with unguarded(lite.database) as db:
        db.execute(text("DELETE FROM versions WHERE id = (SELECT min(id) FROM versions)"))
    assert f"{number}: version 1 is missing" in told(lite)


def test_a_file_that_was_altered_or_is_gone_is_told(lite: Stage) -> None:
    sealed(lite)
    (file,) = [path for path in lite.files.folder.rglob("*") if path.is_file()]
    data = file.read_bytes()
    file.write_bytes(data[:-1] + b"x")
    assert told(lite)[0] == f"TC-2010-0001: the file {file.name} (outline.pdf) was altered in the store"
    file.unlink()
    assert told(lite)[0] == f"TC-2010-0001: the file {file.name} (outline.pdf) is missing from the store"


def test_a_definition_that_changed_is_told(lite: Stage) -> None:
    number = sealed(lite)
    key = casts.load(lite, number).workflow
    bent = {**lite.library.digests, key: GENESIS}
    library = type(lite.library)(lite.library.definitions, bent, lite.library.released)
    report = database.verify(lite.database, library, lite.files)
    assert [entry.check for entry in report.breaks] == ["definitions"]
    assert f"was made by {key} with the digest" in report.breaks[0].what


@pytest.mark.parametrize("pins", ["{}", '{"gender.v1":"0"}', "no JSON"])
def test_pins_that_were_changed_are_told(lite: Stage, pins: str) -> None:
    number = sealed(lite)
    with lite.database.begin() as db:
        db.execute(
            text("UPDATE proposals SET pins = :pins WHERE number = :number"), {"pins": pins, "number": number}
        )
    assert told(lite) == [
        f"{number}: proposals: the row was altered",
        f"{number}: pins other definitions than it was submitted by",
    ]


def test_events_of_an_earlier_version_still_hold(lite: Stage) -> None:
    """Texts of before held no columns: what they do hold is compared, and they are counted."""
    number = casts.submitted(lite)
    with unguarded(lite.database) as db:
        age(db, number)
    report = verified(lite)
    assert (report.breaks, report.checked["older_events"]) == ([], 2)
    with unguarded(lite.database) as db:
        db.execute(update(EVENTS).where(EVENTS.c.sequence == 2).values(to_state="approved"))
    assert told(lite) == [f"{number}: event 2: its column to_state is not what its text says"]


def test_a_checkpoint_waits_for_whoever_is_writing(stage: Stage) -> None:
    """A row that has its id and is not to be seen yet belongs to the checkpoint all the same."""
    with ThreadPoolExecutor(1) as beside:
        with stage.database.begin() as db:
            site.log_access(db, stage.now, None, "sign_in_failed")
            written = beside.submit(made, stage)
            # On PostgreSQL it waits for the row, on SQLite for its turn to write.
            with pytest.raises(TimeoutError):
                written.result(timeout=0.3)
        assert written.result(timeout=10).facts["accesses"]["to"] == 1
    assert told(stage) == []


def test_of_two_who_write_a_checkpoint_at_once_one_does(stage: Stage) -> None:
    casts.draft(stage)

    def write(_: int) -> bool:
        try:
            return checkpoints.checkpoint(stage.database, stage.now) is not None
        except StepConflict:
            return False

    with ThreadPoolExecutor(4) as beside:
        done = list(beside.map(write, range(4)))
    assert done.count(True) == 1
    assert told(stage) == []


def test_a_head_can_be_proven_to_stand_in_a_checkpoint(lite: Stage) -> None:
    numbers = [casts.draft(lite) for _ in range(5)]
    root = bytes.fromhex(made(lite).facts["chains"]["root"])
    entries = [head_entry(number, 1, casts.load(lite, number).head) for number in numbers]
    tree = merkle.Tree()
    for index, entry in enumerate(entries):
        tree.put(index, entry)
    assert all(
        merkle.is_included(root, entry, index, 5, tree.proof(index)) for index, entry in enumerate(entries)
    )


def test_text_that_cannot_be_read_is_told(lite: Stage) -> None:
    number = sealed(lite)
    with unguarded(lite.database) as db:
        _set(db, tables.versions, "value", "'[]'", "id = (SELECT min(id) FROM versions)")
        _set(db, tables.records, "value", "x'ff'", "kind = 'decision'")
    assert told(lite)[0] == f"{number}: version 1 was altered"
    with unguarded(lite.database) as db:
        _set(db, tables.events, "body", "CAST(x'ff' AS TEXT)", "id = (SELECT max(id) FROM events)")
    lines = told(lite)
    assert any(line.startswith("chains: cannot be read: Could not decode") for line in lines)


@pytest.mark.parametrize("body", ["[]", "not JSON", '{"schema":"appraisal-checkpoint/1"}'])
def test_a_checkpoint_that_was_forged_with_its_digest_is_told(lite: Stage, body: str) -> None:
    sealed(lite)
    digest = hashlib.sha256(body.encode()).hexdigest()
    with unguarded(lite.database) as db:
        db.execute(update(tables.checkpoints).where(text("sequence = 2")).values(body=body, digest=digest))
    assert told(lite)[0] == "checkpoint 2: is not what the product writes"


@pytest.mark.parametrize("body", ["[]", "not JSON", "{}", '{"sequence":' + "[" * 5000])
def test_an_event_that_was_forged_with_its_digest_is_told(lite: Stage, body: str) -> None:
    number = sealed(lite)
    case = casts.load(lite, number)
    digest = hashlib.sha256(body.encode()).hexdigest()
    mine = (EVENTS.c.proposal_id == case.id) & (EVENTS.c.sequence == 3)
    with unguarded(lite.database) as db:
        db.execute(update(EVENTS).where(mine).values(body=body, digest=digest))
    assert told(lite)[0] == f"{number}: event 3 is not what the product writes"
