"""Verifying the trail, against hashing the same texts alone; memory must not grow with the events."""

import hashlib
import statistics
import tempfile
import time
import tracemalloc
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select, update

from appraisal.database import schema, seals, tables
from appraisal.database.engine import Database
from appraisal.proposals.store.writing import insert_proposal
from appraisal.trail.rules.events import GENESIS, event
from appraisal.verification.services import checkpoints
from appraisal.verification.services import database as verification_database
from tests.bench.ratios import report, timed
from tests.bench.servers import postgres
from tests.bench.steps import NOW, library

CHAINS, LENGTH, ROUNDS = 5_000, 20, 7
EVENTS = tables.events
PROPOSALS = tables.proposals


def bench() -> None:
    with tempfile.TemporaryDirectory(prefix="appraisal-bench-") as place:
        _measure("SQLite", Database(f"sqlite:///{Path(place) / 'trails.sqlite3'}"))
    with postgres() as server:
        _measure("PostgreSQL", Database(server.create("trails")))


def _measure(name: str, database: Database) -> None:
    definitions = library()
    schema.upgrade(database)
    for part in range(3):
        _fill(database, part * CHAINS // 2, CHAINS // (2 if part < 2 else 1000))
        checkpoints.checkpoint(database, NOW)
    with database.read() as db:
        bodies = [row.body for row in db.execute(select(EVENTS.c.body))]
    count = len(bodies)
    ratios, walls, processors = [], [], []

    def verify() -> None:
        assert verification_database.verify(database, definitions, None).wrong == 0

    def hash_alone() -> None:
        for body in bodies:
            hashlib.sha256(body.encode()).hexdigest()

    for _ in range(ROUNDS):
        bare, begun = timed(hash_alone), time.process_time()
        walls.append(timed(verify))
        processors.append(time.process_time() - begun)
        ratios.append(bare / walls[-1])
    report(
        f"verifying the trail, {name}, {count:,} events, 3 checkpoints",
        ratios,
        "-",
        f"{count / statistics.median(walls):,.0f} events a second, "
        f"{count / statistics.median(processors):,.0f} a CPU second of this process (aim: 100,000)",
    )
    bodies.clear()
    tracemalloc.start()
    verify()
    print(f"{'':<58} at most {tracemalloc.get_traced_memory()[1] / 1e6:.1f} MB of memory", flush=True)
    tracemalloc.stop()
    database.close()


def _fill(database: Database, first: int, count: int) -> None:
    """Write chains of holds and releases; nothing else hangs on them."""
    # The engine alone: what is written here is no step of anybody, and watched by nobody.
    with database.engine.begin() as db:
        for index in range(first, first + count):
            number = f"TC-2010-{index + 1:05}"
            id = insert_proposal(
                db, number=number, state="submitted", state_since=NOW, created_at=NOW, content="{}"
            )
            sealed = seals.of_proposal(db, id, ["proposals"])
            rows: list[dict[str, Any]] = []
            previous = GENESIS
            for sequence in range(1, LENGTH + 1):
                columns = {
                    "act": "hold",
                    "from_state": "submitted",
                    "to_state": "submitted",
                    "note": "Waiting for the ministry to answer.",
                    "request": f"{index:016x}{sequence:016x}",
                    "track": "standard",
                    "days_used": 3,
                    "days_limit": 10,
                    "for_id": None,
                }
                facts = {"from": "submitted", "to": "submitted", "until": "2010-12-31"}
                made = event(
                    proposal=number,
                    sequence=sequence,
                    previous=previous,
                    at=NOW,
                    by=1,
                    action="hold",
                    facts=facts,
                    columns=columns,
                    seals=sealed,
                )
                previous = made.digest
                kept = {"proposal_id": id, "sequence": sequence, "name": "hold", "at": NOW, "by": 1}
                rows.append({**kept, **columns, "body": made.body, "digest": made.digest})
            db.execute(insert(EVENTS), rows)
            db.execute(update(PROPOSALS).where(PROPOSALS.c.id == id).values(sequence=LENGTH, head=previous))
