"""Definitions in force, and since when, are read from the site's chain here and noted in it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from appraisal.clock import geneva_date, parse_stamp
from appraisal.database.engine import Database
from appraisal.definitions.library import Library
from appraisal.people.facts import SYSTEM_ACTOR
from appraisal.proposals.store import lists
from appraisal.trail.store import site

ACTION: Final = "definition_in_force"


@dataclass(frozen=True, slots=True)
class InForce:
    """A definition that came into force at a moment, with the digest that it had."""

    key: str
    digest: str
    at: datetime


def list_in_force(db: Connection) -> list[InForce]:
    """Return every definition that came into force here, in the order in which they did."""
    found = []
    for event in site.events_of(db, ACTION):
        said = event.facts
        found.append(InForce(said["facts"]["definition"], said["facts"]["digest"], parse_stamp(said["at"])))
    return found


def find_stopped(db: Connection, library: Library) -> tuple[int, list[str]]:
    """Count the proposals, not at their end, that pinned other texts than the files of definitions hold now.

    Returns the keys of those definitions as well. None of the proposals moves until the texts are put back.
    """
    states = library.states(lambda state: not state.terminal)
    stopped, keys = 0, set()
    for pins, count in lists.pins_of(db, states):
        others = {key for key, digest in json.loads(pins).items() if library.digests.get(key) != digest}
        stopped += count if others else 0
        keys |= others
    return stopped, sorted(keys)


def note_in_force(database: Database, library: Library, now: datetime) -> list[str]:
    """Note in the site's chain which released definitions are in force from now on; return their keys.

    Each is noted once, by whichever process runs with it first.
    """
    with database.read() as db:
        if not _unnoted(db, library):
            return []
    with database.begin() as db:
        site.lock(db)
        found = _unnoted(db, library)
        for key, digest in found.items():
            facts = {"definition": key, "digest": digest, "on": geneva_date(now)}
            site.append(db, now, SYSTEM_ACTOR.id, ACTION, facts)
    return list(found)


def _unnoted(db: Connection, library: Library) -> Mapping[str, str]:
    noted = {entry.key: entry.digest for entry in list_in_force(db)}
    return {key: digest for key, digest in library.in_force().items() if noted.get(key) != digest}
