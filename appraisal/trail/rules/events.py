"""Audit events tell of one step each, and carry the digest of the one before.

An event is stored as the text of its canonical JSON, since databases reorder keys and return
moments in different ways; its digest is the SHA-256 of that text.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from appraisal.canonical import canonical

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class Event:
    """One event as it is stored: its place in the chain, its text and its digest."""

    sequence: int
    body: str
    digest: str

    @property
    def facts(self) -> Mapping[str, Any]:
        """Return what the event says."""
        found: Mapping[str, Any] = json.loads(self.body)
        return found


def event(
    *,
    proposal: str,
    sequence: int,
    previous: str,
    at: datetime,
    by: int,
    action: str,
    facts: Mapping[str, Any],
    columns: Mapping[str, Any] | None = None,
    seals: Mapping[str, str] | None = None,
) -> Event:
    """Make the next event of a chain. People stand in it by id, so that a name can be erased.

    ``columns`` are those that its row has beside, which could be changed unseen were they not in it;
    empty ones are left out. ``seals`` are digests over the rows that are stored once it is written.
    """
    body = canonical(
        {
            **({} if columns is None else {"columns": written(columns)}),
            **({} if seals is None else {"seals": seals}),
            "proposal": proposal,
            "sequence": sequence,
            "previous": previous,
            "at": at,
            "by": by,
            "action": action,
            "facts": facts,
        }
    )
    return Event(sequence, body.decode(), hashlib.sha256(body).hexdigest())


def written(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of an event's row that hold something."""
    return {name: value for name, value in columns.items() if value is not None and value != ""}


def broken(events: Iterable[Event], head: str | None = None) -> str | None:
    """Return what is wrong with a chain, in order of sequence; None when it holds.

    ``head`` is the digest that the chain is known to end with: it shows a tail that was cut off.
    """
    previous, expected = GENESIS, 1
    for entry in events:
        if entry.sequence != expected:
            return f"event {expected} is missing"
        if hashlib.sha256(entry.body.encode()).hexdigest() != entry.digest:
            return f"event {entry.sequence} was altered"
        if not _follows(entry, previous):
            return f"event {entry.sequence} does not follow the one before"
        previous, expected = entry.digest, expected + 1
    if head is not None and head != previous:
        return f"the chain ends before its head (after event {expected - 1})"
    return None


def _follows(entry: Event, previous: str) -> bool:
    """Tell whether an event names its own place and the digest before it; a forged text may be no JSON."""
    try:
        facts: Any = json.loads(entry.body)
    except ValueError:
        return False
    return isinstance(facts, dict) and (facts.get("sequence"), facts.get("previous")) == (
        entry.sequence,
        previous,
    )
