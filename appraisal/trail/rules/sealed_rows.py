"""Rows of events, versions and records are compared here with what their sealed texts say.

A digest seals the text of a row; the columns beside it are what pages read, so that each is compared
with the text.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain
from json.encoder import encode_basestring as quoted
from operator import itemgetter
from typing import Any, Final

from appraisal.trail.rules.events import GENESIS, written

# The columns of an event as they are read here, moments as the text that they are stored as.
EVENT: Final = (
    "proposal_id",
    "id",
    "sequence",
    "name",
    "at",
    "by",
    "act",
    "days_limit",
    "days_used",
    "for_id",
    "from_state",
    "note",
    "request",
    "to_state",
    "track",
    "body",
    "digest",
)
# Those that stand under "columns" in the text, in the order of their names.
COLUMNS: Final = EVENT[6:15]
EventRow = tuple[Any, ...]


@dataclass(slots=True)
class Walk:
    """What a chain was found to be: where it ends, what it speaks of, and the first thing that is wrong.

    ``unsealed`` counts the events of earlier versions of the product, whose texts do not hold every column.
    """

    count: int = 0
    unsealed: int = 0
    digests: list[str] = field(default_factory=list)
    versions: dict[int, tuple[str, str, int]] = field(default_factory=dict)
    records: dict[str, str] = field(default_factory=dict)
    # The definitions that the newest event of those that say so has the proposal go by.
    pins: Mapping[str, str] | None = None
    # What the newest event says of the rows that are stored, as it stands in its text; None for an earlier
    # version of the product.
    seals: str | None = None
    fault: str | None = None


# Of what a walk keeps something, as it stands in the text of an event.
_NOTED = ('"digest":', '"record":', '"definitions":')


def walk(number: str, rows: Iterable[EventRow]) -> Walk:
    """Follow the chain of a proposal from its first event to its last, or to the first that is wrong."""
    found = Walk()
    told = f'","proposal":{quoted(number)},'
    previous, last, expected = GENESIS, 0, 0
    rows = iter(rows)
    for row in rows:
        expected += 1
        id, sequence, body, digest = row[1], row[2], row[15], row[16]
        told_of, seals = body, None
        try:
            if sequence != expected:
                found.fault = f"event {expected} is missing"
            elif hashlib.sha256(body.encode()).hexdigest() != digest:
                found.fault = f"event {sequence} was altered"
            elif body.startswith(opening := _opening(row)) and (
                parted := _parted(body, f'}},"previous":"{previous}{told}', f'"sequence":{sequence}}}')
            ):
                told_of, seals = body[len(opening) : parted[0]], parted[1]
            else:
                found.fault = _difference(row, number, previous)
                # Nothing differs where an earlier version of the product wrote it.
                found.unsealed += found.fault is None
            if found.fault is None and id <= last:
                found.fault = f"event {sequence} has an id that is not after that of the one before"
            if found.fault is None and found.seals is not None and seals is None:
                found.fault = f"event {sequence} says nothing of what is stored"
            if found.fault is None and any(name in told_of for name in _NOTED):
                _note(found, json.loads(body), row)
        except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
            found.fault = f"event {expected} is not what the product writes"
        if found.fault is not None:
            expected += sum(1 for _ in rows)
            break
        previous, last, found.seals = digest, id, seals
        found.digests.append(digest)
    found.count = expected
    return found


def _parted(body: str, closing: str, end: str) -> tuple[int, str | None] | None:
    """Return where the facts of a text end, and what comes after about the rows that are stored."""
    place = body.rfind(closing)
    rest = body[place + len(closing) :]
    if place < 0 or not rest.endswith(end):
        return None
    if rest == end:
        return place, None
    sealed = rest[: -len(end)]
    if sealed.startswith('"seals":{') and sealed.endswith("},"):
        return place, sealed.removeprefix('"seals":').removesuffix(",")
    return None


def end_fault(found: Walk, sequence: int, head: str) -> str | None:
    """Return what is wrong with where a chain ends, which its proposal names."""
    if found.fault is not None:
        return found.fault
    # That there is a proposal is its first event.
    if (sequence, head, found.count) == (0, GENESIS, 0):
        return "no event tells of it"
    last = found.digests[-1] if found.digests else GENESIS
    if (sequence, head) == (found.count, last):
        return None
    if sequence < found.count and head == (found.digests[sequence - 1] if sequence else GENESIS):
        return f"event {sequence + 1} was appended after the head of the chain"
    if sequence == found.count or head == last:
        return f"the chain does not end in the head that its proposal names (after event {found.count})"
    return f"the chain ends before its head (after event {found.count})"


def _opening(row: EventRow) -> str:
    """Return what a text begins with whose columns are these; most texts are looked at no further."""
    (_, _, _, name, at, by, act, limit, used, behalf, origin, note, request, to, track, _, _) = row
    # The values of most columns come again and again.
    told = f'"note":{quoted(note)},' if note else ""
    asked = f'"request":{quoted(request)},' if request else ""
    before_note, after_request = _before_note(by, act, limit, used, behalf, origin), _after_request(to, track)
    held = f"{_before_moment(name)}{quoted(at)}{before_note}{told}{asked}{after_request}"
    return held.removesuffix(",") + '},"facts":{'


@lru_cache(maxsize=1024, typed=True)
def _before_moment(name: Any) -> str:
    return f'{{"action":{quoted(name)},"at":'


@lru_cache(maxsize=4096, typed=True)
def _before_note(by: Any, *values: Any) -> str:
    return f',"by":{by},"columns":{{{_held(COLUMNS[:5], values)}'


@lru_cache(maxsize=4096, typed=True)
def _after_request(*values: Any) -> str:
    return _held(COLUMNS[7:], values)


def _held(names: tuple[str, ...], values: tuple[Any, ...]) -> str:
    return "".join(
        [
            f'"{name}":{quoted(value) if type(value) is str else value},'
            for name, value in zip(names, values, strict=True)
            if value is not None and value != ""
        ]
    )


def _difference(row: EventRow, number: str, previous: str) -> str | None:
    """Say what a text and its columns differ in; None for one of before columns stood in the text."""
    given = dict(zip(EVENT, row, strict=True))
    said = json.loads(given["body"])
    sequence = given["sequence"]
    if (said["sequence"], said["previous"]) != (sequence, previous):
        return f"event {sequence} does not follow the one before"
    if said["proposal"] != number:
        return f"event {sequence} is of {said['proposal']}"
    told = {"name": said["action"], "at": said["at"], "by": said["by"]}
    beside = {name: given[name] for name in COLUMNS}
    if "columns" in said:
        told |= {**dict.fromkeys(COLUMNS), **said["columns"]}
        given |= {**dict.fromkeys(COLUMNS), **written(beside)}
    elif "from" in said["facts"]:
        facts = said["facts"]
        told |= {"from_state": facts["from"], "to_state": facts["to"], "note": facts["note"]}
        told["for_id"] = facts.get("for")
    for name, value in told.items():
        if given.get(name) != value:
            return f"event {sequence}: its column {name} is not what its text says"
    if "columns" in said:
        return f"event {sequence} is not what the product writes"
    return None


def _note(found: Walk, said: Mapping[str, Any], row: EventRow) -> None:
    """Keep which version, record or definitions an event speaks of; the first event of a version made it."""
    facts = said["facts"]
    if "digest" in facts and "version" in facts:
        found.versions.setdefault(facts["version"], (facts["digest"], row[4], row[5]))
    if facts.get("record"):
        found.records.setdefault(facts["record"], row[4])
    if "definitions" in facts:
        found.pins = facts["definitions"]


# The columns of a version, and of a record with those of the appraisal and of the decision that it is of.
VERSION: Final = ("proposal_id", "id", "number", "value", "digest", "at", "by")
RECORD: Final = (
    "proposal_id",
    "id",
    "kind",
    "digest",
    "value",
    "at",
    "appraisal_id",
    "decision_id",
    "appraisal_number",
    "appraisal_proposal",
    "decision_kind",
    "decision_at",
    "decision_proposal",
)


def is_sealed(value: Any, digest: str) -> bool:
    """Tell whether a text has the digest that stands beside it."""
    return isinstance(value, str) and hashlib.sha256(value.encode()).hexdigest() == digest


def version_fault(row: Mapping[str, Any], number: str, walked: Walk) -> str | None:
    """Return what is wrong with a version, whose digest is part of the chain."""
    name = f"version {row['number']}"
    if not is_sealed(row["value"], row["digest"]):
        return f"{name} was altered"
    value = json.loads(row["value"])
    if (value["proposal"], value["number"]) != (number, row["number"]):
        return f"{name}: its column number or proposal_id is not what its text says"
    told = walked.versions.get(row["number"])
    if walked.fault is None and told is None:
        return f"{name} is in no event"
    for column, said in zip(("digest", "at", "by"), told or (), strict=False):
        if row[column] != said:
            return f"{name}: its column {column} is not what the chain says"
    return None


def record_fault(row: Mapping[str, Any], number: str, walked: Walk) -> str | None:
    """Return what is wrong with a record, whose digest is part of the chain as the chain's is of it."""
    name = f"record {row['digest']}"
    if not is_sealed(row["value"], row["digest"]):
        return f"{name} was altered"
    value = json.loads(row["value"])
    told = {"kind": value["kind"], "at": value["issued_at"], "number": value["number"]}
    if value["kind"] == "appraisal":
        told |= {"appraisal_number": value["appraisal"]["number"], "decision_id": None}
        told["appraisal_proposal"] = row["proposal_id"]
    else:
        told |= {"decision_kind": value["decision"]["kind"], "decision_at": value["decision"]["at"]}
        told |= {"decision_proposal": row["proposal_id"], "appraisal_id": None}
    for column, said in told.items():
        if {**row, "number": number}[column] != said:
            return f"{name}: its column {_COLUMN.get(column, column)} is not what its text says"
    if walked.fault is not None:
        return None
    if walked.records.get(row["digest"]) != row["at"]:
        return f"{name} is in no event of its moment"
    place = value["chain"]
    head = walked.digests[place["sequence"] - 1] if 0 < place["sequence"] <= walked.count else GENESIS
    return None if head == place["head"] else f"{name} names a head that the chain does not have"


_COLUMN: Final = {
    "number": "proposal_id",
    "appraisal_number": "appraisal_id",
    "appraisal_proposal": "appraisal_id",
    "decision_kind": "decision_id",
    "decision_at": "decision_id",
    "decision_proposal": "decision_id",
}


def missing(walked: Walk, versions: Iterable[int], records: Iterable[str]) -> str | None:
    """Return which version or record a chain speaks of that is not there."""
    gone = chain(
        (f"version {number} is missing" for number in sorted(walked.versions.keys() - set(versions))),
        (f"record {digest} is missing" for digest in sorted(walked.records.keys() - set(records))),
    )
    return next(gone, None)


proposal_of = itemgetter(0)
