"""A bundle of a thousand records: memory and time of the commands that write and verify it."""

import json
import re
import tempfile
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Table, insert, select, update

from appraisal.canonical import digest
from appraisal.clock import parse_stamp
from appraisal.database import schema, tables
from appraisal.database.engine import Database
from appraisal.database.files import Files
from appraisal.paths import folder
from appraisal.records.services import records
from appraisal.scenarios.files import read_scenario
from appraisal.scenarios.performance import play
from appraisal.scenarios.verbs.table import verbs
from appraisal.trail.rules.events import Event, event
from appraisal.verification.services import checkpoints
from tests.bench import processes
from tests.bench.steps import NOW, library

RECORDS: Final = 1000
# What is sent with each record where PDFs are: as large as that of a long one.
PDF: Final = bytes(range(256)) * 600
MOST: Final = 200.0
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


def bench() -> None:
    with tempfile.TemporaryDirectory(prefix="appraisal-bench-") as name:
        place = Path(name)
        database = Database(f"sqlite:///{place / 'appraisal.sqlite3'}")
        files = Files(place / "files")
        _fill(database, files)
        given: dict[str, Any] = {"APPRAISAL_DATA": name, "APPRAISAL_DATABASE": database.url}
        bare, whole = str(place / "bare.zip"), str(place / "whole.zip")
        _tell(
            "written, without PDFs", processes.run("-m", "appraisal", "bundle", "--all", "-o", bare, **given)
        )
        # Nobody signed it, so that not all can be known.
        spent = processes.run("-m", "appraisal", "verify", bare, code=4, **given)
        _tell("verified, without PDFs", spent)
        with database.begin() as db:
            for id in db.execute(select(tables.records.c.id)).scalars().all():
                records.keep_rendering(db, files, id, "en", PDF, NOW)
        spent = processes.run("-m", "appraisal", "bundle", "--all", "-o", whole, **given)
        size = Path(whole).stat().st_size / 1e6
        _tell(f"written, with PDFs: {size:,.0f} MB", spent)
        database.close()


def _tell(what: str, spent: processes.Spent) -> None:
    met = "met" if spent.memory < MOST else "NOT MET"
    print(
        f"{f'a bundle of {RECORDS:,} records, {what}':<58} {spent.memory:5.0f} MB at most, "
        f"{spent.seconds:.1f} CPU s   aim: under {MOST:.0f} MB: {met}",
        flush=True,
    )


def _fill(database: Database, files: Files) -> None:
    """Play a scenario, and write the chain that has the most records again and again under other numbers."""
    schema.upgrade(database)
    definitions = library()
    script = read_scenario(folder("workflows") / "scenarios" / "conditions.yaml", definitions, verbs())
    play(script, database, definitions, files)
    table = tables.records
    with database.begin() as db:
        held = db.execute(select(table.c.proposal_id)).scalars().all()
        most = max(set(held), key=held.count)
        missing = RECORDS - len(held)
        for index in range(-(-missing // held.count(most))):
            _copy(db, most, f"TC-2009-{index + 1:04}", min(held.count(most), missing))
            missing -= held.count(most)
    checkpoints.checkpoint(database, NOW)


def _rows(db: Connection, table: Table, proposal: int) -> list[dict[str, Any]]:
    found = db.execute(select(table).where(table.c.proposal_id == proposal).order_by(table.c.id))
    return [{key: value for key, value in row._mapping.items() if key != "id"} for row in found]


def _copy(db: Connection, proposal: int, number: str, most: int) -> None:
    """Write a proposal again under another number, with a chain that holds and at most so many records."""
    table = tables.proposals
    row = dict(db.execute(select(table).where(table.c.id == proposal)).mappings().one())
    old = row.pop("number")
    del row["id"]
    id = db.execute(insert(table).values(**row, number=number)).inserted_primary_key[0]  # type: ignore[index]
    known: dict[str, str] = {}

    def again(text: str) -> str:
        return _DIGEST.sub(lambda found: known.get(found[0], found[0]), text.replace(old, number))

    for version in _rows(db, tables.versions, proposal):
        value = again(version["value"])
        known[version["digest"]] = digest(json.loads(value))
        made = {"proposal_id": id, "value": value, "digest": known[version["digest"]]}
        db.execute(insert(tables.versions).values({**version, **made}))
    waiting = _rows(db, tables.records, proposal)[:most]
    last: Event | None = None
    for held in _rows(db, tables.events, proposal):
        for record in [entry for entry in waiting if f'"record":"{entry["digest"]}"' in held["body"]]:
            waiting.remove(record)
            value = again(record["value"])
            known[record["digest"]] = digest(json.loads(value))
            made = {"proposal_id": id, "value": value, "digest": known[record["digest"]]}
            db.execute(insert(tables.records).values({**record, **made}))
        said = json.loads(again(held["body"]))
        last = event(
            proposal=number,
            sequence=said["sequence"],
            previous=said["previous"],
            at=parse_stamp(said["at"]),
            by=said["by"],
            action=said["action"],
            facts=said["facts"],
            columns=said.get("columns"),
        )
        known[held["digest"]] = last.digest
        made = {"proposal_id": id, "body": last.body, "digest": last.digest, "request": None}
        db.execute(insert(tables.events).values({**held, **made}))
    assert last is not None
    db.execute(update(table).where(table.c.id == id).values(head=last.digest, sequence=last.sequence))
    for document in _rows(db, tables.documents, proposal):
        db.execute(insert(tables.documents).values({**document, "proposal_id": id}))
