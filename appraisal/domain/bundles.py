"""Bundles: what an auditor takes away, as one list of files with their digests.

A bundle is a ZIP whose ``manifest.json`` (canonical JSON, RFC 8785) names every other file with size and
SHA-256; ``SHA256SUMS`` says the same for ``sha256sum --check``, the manifest included.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from appraisal.canonical import canonical

SCHEMA: Final = "appraisal-bundle/1"
MANIFEST: Final = "manifest.json"
SIGNATURE: Final = "manifest.json.p7s"
SUMS: Final = "SHA256SUMS"
# What is not named in the manifest, since it is about the manifest.
BESIDE: Final = (MANIFEST, SIGNATURE, SUMS)
_SHA256: Final = re.compile("[0-9a-f]{64}")
# Every name that is ever written; what is not of this form was not made here.
_PATH: Final = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9._-]*/)*[A-Za-z0-9_-][A-Za-z0-9._-]*")


class BadManifest(ValueError):
    """What is said to be the manifest of a bundle is none; the message says why."""


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """One file of a bundle."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a bundle says that it holds, and what was asked for."""

    made_at: str
    asked: Mapping[str, Any]
    entries: Mapping[str, Entry]
    unsigned: Mapping[str, Any] = field(default_factory=dict, hash=False)


def manifest(
    entries: Iterable[Entry],
    asked: Mapping[str, Any],
    now: datetime,
    product: str,
    unsigned: Mapping[str, Any] | None = None,
) -> bytes:
    """Write the manifest of a bundle; ``unsigned`` says why there is no signature where one is expected."""
    files = [{"path": entry.path, "size": entry.size, "sha256": entry.sha256} for entry in sorted(entries)]
    why = {"unsigned": dict(unsigned)} if unsigned else {}
    return canonical(
        {"schema": SCHEMA, "made_at": now, "product": product, "asked": dict(asked), "files": files, **why}
    )


def sums(entries: Iterable[Entry], manifest_json: bytes) -> bytes:
    """Write the same list for ``sha256sum --check``."""
    lines = [(entry.path, entry.sha256) for entry in entries]
    lines.append((MANIFEST, hashlib.sha256(manifest_json).hexdigest()))
    return "".join(f"{digest}  {path}\n" for path, digest in sorted(lines)).encode()


def read_manifest(data: bytes) -> Manifest:
    """Read a manifest; raises ``BadManifest`` for anything that is not written as one is."""
    try:
        value = json.loads(data)
        if value["schema"] != SCHEMA:
            raise BadManifest(f"its schema is {value['schema']}, not {SCHEMA}")
        if canonical(value) != data:
            raise BadManifest("it is not canonical JSON (RFC 8785)")
        entries = [_entry(file) for file in value["files"]]
        if [entry.path for entry in entries] != sorted({entry.path for entry in entries}):
            raise BadManifest("it names a file twice, or not in order")
        files = {entry.path: entry for entry in entries}
        why = dict(value.get("unsigned", {}))
        return Manifest(str(value["made_at"]), dict(value["asked"]), files, why)
    except BadManifest:
        raise
    except (ValueError, TypeError, KeyError, RecursionError):
        raise BadManifest("it is not written as a manifest is") from None


def _entry(file: Mapping[str, Any]) -> Entry:
    path, size, sha256 = file["path"], file["size"], file["sha256"]
    named = is_path(path) and path not in BESIDE
    if not (named and type(size) is int and size >= 0 and _SHA256.fullmatch(sha256)):
        raise BadManifest("it names a file that no bundle holds")
    return Entry(path, size, sha256)


def is_path(path: Any) -> bool:
    """Tell whether a path is one that a bundle may hold: below its root, in plain letters."""
    return isinstance(path, str) and len(path) < 200 and bool(_PATH.fullmatch(path))


def event_line(number: str, sequence: int, digest: str, body: str) -> bytes:
    """Write an event as a line of JSON: its text as it was digested, and the digest."""
    line = {"proposal": number, "sequence": sequence, "digest": digest, "body": body}
    return json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def proof(
    checkpoint: int,
    root: str,
    number: str,
    sequence: int,
    head: str,
    index: int,
    size: int,
    path: Sequence[bytes],
) -> dict[str, Any]:
    """Return the proof of where a chain stood when a checkpoint was made (RFC 9162, section 2.1.3)."""
    return {
        "schema": "appraisal-proof/1",
        "checkpoint": checkpoint,
        "root": root,
        "proposal": number,
        "sequence": sequence,
        "head": head,
        "index": index,
        "size": size,
        "path": [entry.hex() for entry in path],
    }
