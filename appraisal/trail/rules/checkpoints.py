"""A checkpoint is written down about the whole trail at a moment, so that a third party can keep it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from appraisal.canonical import canonical
from appraisal.trail.rules.events import GENESIS

SCHEMA: Final = "appraisal-checkpoint/1"
_PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "chains": ("count", "root"),
    "events": ("from", "to", "count", "digest"),
    "site": ("sequence", "head"),
    "accesses": ("from", "to", "count", "root"),
}


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint: its text and the digest of it."""

    sequence: int
    body: str
    digest: str

    @property
    def facts(self) -> Mapping[str, Any]:
        """Return what the checkpoint says."""
        found: Mapping[str, Any] = json.loads(self.body)
        return found


class BadCheckpoint(ValueError):
    """What is said to be a checkpoint is none."""


def checkpoint(
    previous: Checkpoint | None, at: datetime, parts: Mapping[str, Mapping[str, Any]]
) -> Checkpoint:
    """Make the checkpoint after another one of what was found.

    ``parts``: ``chains`` with their count and the Merkle root over their heads (:func:`head_entry`);
    ``events`` and ``accesses`` since the last one, from and to which id, with their count and a digest
    or Merkle root over them; ``site``, the head of the site's own chain.
    """
    sequence = previous.sequence + 1 if previous else 1
    body = canonical(
        {
            "schema": SCHEMA,
            "sequence": sequence,
            "at": at,
            "previous": previous.digest if previous else GENESIS,
            **{name: {key: parts[name][key] for key in keys} for name, keys in _PARTS.items()},
        }
    )
    return Checkpoint(sequence, body.decode(), hashlib.sha256(body).hexdigest())


def read_checkpoint(data: bytes) -> Checkpoint:
    """Read a checkpoint that was kept; raises ``BadCheckpoint`` for anything else."""
    try:
        text = data.decode().strip()
        facts = json.loads(text)
        if facts["schema"] != SCHEMA or canonical(facts).decode() != text:
            raise BadCheckpoint
        for name, keys in _PARTS.items():
            if set(facts[name]) != set(keys):
                raise BadCheckpoint
        sequence = int(facts["sequence"])
    except (ValueError, TypeError, KeyError, RecursionError):
        raise BadCheckpoint from None
    return Checkpoint(sequence, text, hashlib.sha256(text.encode()).hexdigest())


def head_entry(number: str, sequence: int, head: str) -> bytes:
    """Return the entry of a chain in the Merkle tree: where it stood."""
    return f"{number} {sequence} {head}".encode()


def event_entry(id: int, digest: str) -> bytes:
    """Return what the digest over the events since the last checkpoint is fed with, event by event."""
    return f"{id} {digest}\n".encode()


def access_entry(id: int, at: str, person: int | None, action: str, subject: str, detail: str) -> bytes:
    """Return the entry of a row of the access log in the Merkle tree."""
    return canonical([id, at, person, action, subject, detail])
