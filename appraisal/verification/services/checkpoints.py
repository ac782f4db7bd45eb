"""Checkpoints over the whole trail are written here, and the trail verified from end to end."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from appraisal.clock import geneva_date, parse_stamp
from appraisal.database.engine import Database
from appraisal.database.rows import highest
from appraisal.errors import StepConflict
from appraisal.records.services.issuers import end_expired, key_of
from appraisal.records.signing.signer import Signer
from appraisal.records.store import issuers
from appraisal.trail.rules import checkpoints, merkle
from appraisal.trail.rules.checkpoints import Checkpoint
from appraisal.trail.rules.events import GENESIS
from appraisal.trail.store import site, whole_trail

SYSTEM = 0
ACTION = "checkpoint"


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a checkpoint reaches: the last event and row of the access log, and the site's head."""

    events: int
    accesses: int
    site: int
    head: str


def checkpoint(database: Database, now: datetime, signer: Signer | None = None) -> Checkpoint | None:
    """Append a checkpoint where anything has changed since the last one; return it, else None.

    It is signed where a key is in force; raises ``KeyMissing`` where that one is not at hand. A key whose
    certificate has expired is in force no more: that is noted first, and the checkpoint is not signed.

    Nothing is held while the heads are read: what is written meanwhile belongs to the next one. That
    there is a checkpoint is itself an event of the site, so that the last one cannot be taken away alone.
    """
    with database.begin() as db:
        end_expired(db, now)
    with database.read() as db:
        last = whole_trail.last_checkpoint(db)
        issuer = issuers.current(db)
    key = key_of(issuer, signer)
    reach = _reach(database)
    if not _is_news(last, reach):
        return None
    with database.read() as db:
        made = checkpoints.checkpoint(last, now, _parts(db, last, reach))
    signature = key.sign_text(made.body.encode(), now) if key else None
    try:
        with database.begin() as db:
            site.lock(db)
            if issuers.current(db) != issuer:
                raise StepConflict(None, None)
            whole_trail.insert_checkpoint(db, made, signature)
            site.append(db, now, SYSTEM, ACTION, {"sequence": made.sequence, "digest": made.digest})
    except IntegrityError as error:
        # Somebody else has just written this one.
        raise StepConflict(None, None) from error
    return made


def daily_checkpoint(database: Database, now: datetime, signer: Signer | None = None) -> Checkpoint | None:
    """Append a checkpoint unless there is one of the present day, or nothing has changed since.

    Where somebody else is at it, or writing will not pause, it is left to the next time.
    """
    with database.read() as db:
        last = whole_trail.last_checkpoint(db)
    if last is not None and geneva_date(parse_stamp(last.facts["at"])) >= geneva_date(now):
        return None
    try:
        return checkpoint(database, now, signer)
    except StepConflict:
        return None


def _reach(database: Database) -> Reach:
    events, accesses = highest(database, whole_trail.EVENTS), highest(database, whole_trail.ACCESSES)
    with database.read() as db:
        head = whole_trail.site_head(db)
    return Reach(events, accesses, head.sequence if head else 0, head.digest if head else GENESIS)


def _is_news(last: Checkpoint | None, reach: Reach) -> bool:
    """Tell whether anything happened but that the last checkpoint was written, an event of the site."""
    if last is None:
        return bool(reach.events or reach.accesses or reach.site)
    facts = last.facts
    before: tuple[int, int, int] = (facts["events"]["to"], facts["accesses"]["to"], facts["site"]["sequence"])
    return reach.events > before[0] or reach.accesses > before[1] or reach.site > before[2] + 1


def _parts(db: Connection, last: Checkpoint | None, reach: Reach) -> dict[str, dict[str, Any]]:
    facts = last.facts if last else None
    event, access = (facts["events"]["to"], facts["accesses"]["to"]) if facts else (0, 0)
    return {
        "chains": _rooted(whole_trail.heads(db, reach.events)),
        "events": {
            "from": event + 1,
            "to": reach.events,
            **_digested(whole_trail.event_entries(db, event, reach.events)),
        },
        "site": {"sequence": reach.site, "head": reach.head},
        "accesses": {
            "from": access + 1,
            "to": reach.accesses,
            **_rooted(whole_trail.access_entries(db, access, reach.accesses)),
        },
    }


class Counted:
    """Entries that are counted as they go by."""

    def __init__(self, entries: Iterable[bytes]) -> None:
        self._entries = iter(entries)
        self.count = 0

    def __iter__(self) -> "Counted":
        return self

    def __next__(self) -> bytes:
        entry = next(self._entries)
        self.count += 1
        return entry


def _rooted(entries: Iterable[bytes]) -> dict[str, Any]:
    """Return how many entries there are, and the Merkle root over them."""
    counted = Counted(entries)
    root = merkle.root_of(counted).hex()
    return {"count": counted.count, "root": root}


def _digested(entries: Iterable[bytes]) -> dict[str, Any]:
    """Return how many entries there are, and the digest over all of them."""
    counted, sealed = Counted(entries), hashlib.sha256()
    for entry in counted:
        sealed.update(entry)
    return {"count": counted.count, "digest": sealed.hexdigest()}


def kept_in(database: Database, kept: Checkpoint) -> str | None:
    """Return why the present trail does not hold a checkpoint that somebody kept; None where it does."""
    with database.read() as db:
        found = whole_trail.find_checkpoint(db, kept.sequence)
    if found is None:
        return f"checkpoint {kept.sequence} is not in the trail"
    if (found.body, found.digest) != (kept.body, kept.digest):
        return f"checkpoint {kept.sequence} of the trail is not the one that was kept"
    return None
