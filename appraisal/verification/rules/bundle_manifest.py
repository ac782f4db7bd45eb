"""A manifest lists the files of a bundle, which an auditor takes away, with their digests.

A bundle is a ZIP whose ``manifest.json`` (canonical JSON, RFC 8785) says what was asked, when and by whom,
and what there was of each proposal, and names every other file with size and SHA-256; ``SHA256SUMS`` says the
same of the files for ``sha256sum --check``, the manifest included.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from appraisal.canonical import canonical
from appraisal.clock import parse_stamp
from appraisal.language.texts import LANGUAGES

SCHEMA: Final = "appraisal-bundle/2"
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
class Asked:
    """What was asked for: proposals by number, or all that fit, and languages for the PDFs.

    With languages, every record has its PDF in each; without, the PDFs are those that there were. Without
    anything else, all proposals.
    """

    numbers: tuple[str, ...] = ()
    unit: str = ""
    state: str = ""
    biennium: str = ""
    languages: tuple[str, ...] = ()

    def value(self) -> dict[str, Any]:
        """Return what stands in the manifest."""
        return {
            "numbers": list(self.numbers),
            "unit": self.unit,
            "state": self.state,
            "biennium": self.biennium,
            "languages": list(self.languages),
        }


@dataclass(frozen=True, slots=True)
class Held:
    """What there was of a proposal: how far its chain went, its versions, and its records.

    ``records`` are digests, each with the languages of the PDFs that are in the bundle.
    """

    sequence: int
    head: str
    versions: int
    records: Mapping[str, tuple[str, ...]]

    def value(self, number: str) -> dict[str, Any]:
        """Return what stands in the manifest."""
        return {
            "number": number,
            "sequence": self.sequence,
            "head": self.head,
            "versions": self.versions,
            "records": [
                {"digest": digest, "languages": list(languages)} for digest, languages in self.records.items()
            ],
        }


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a bundle says that it holds, what was asked for, when and by whom.

    ``by`` is the id and the name of a person, 0 for a command of the installation. ``key_expired`` is the
    last moment of the last key, where there is no signature because it has expired; else empty.
    """

    made_at: str
    by: tuple[int, str]
    asked: Asked
    proposals: Mapping[str, Held]
    entries: Mapping[str, Entry]
    key_expired: str = ""


def manifest(
    entries: Iterable[Entry],
    asked: Asked,
    by: tuple[int, str],
    proposals: Mapping[str, Held],
    now: datetime,
    product: str,
    key_expired: datetime | None = None,
) -> bytes:
    """Write the manifest of a bundle; ``key_expired`` says why it is not signed where that is expected."""
    files = [{"path": entry.path, "size": entry.size, "sha256": entry.sha256} for entry in sorted(entries)]
    why = {"unsigned": {"key_expired": key_expired}} if key_expired else {}
    return canonical(
        {
            "schema": SCHEMA,
            "made_at": now,
            "by": {"id": by[0], "name": by[1]},
            "product": product,
            "asked": asked.value(),
            "proposals": [held.value(number) for number, held in sorted(proposals.items())],
            "files": files,
            **why,
        }
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
        proposals = dict(map(_held, value["proposals"]))
        if list(proposals) != sorted(proposals) or len(proposals) != len(value["proposals"]):
            raise BadManifest("it names a proposal twice, or not in order")
        parse_stamp(value["made_at"])
        key_expired = value["unsigned"]["key_expired"] if "unsigned" in value else ""
        found = Manifest(
            value["made_at"],
            (value["by"]["id"], value["by"]["name"]),
            _asked(value["asked"]),
            proposals,
            {entry.path: entry for entry in entries},
            key_expired,
        )
        # Whatever else it says, or in another form, is not what the product writes.
        again = manifest(
            entries,
            found.asked,
            found.by,
            proposals,
            parse_stamp(found.made_at),
            value["product"],
            parse_stamp(key_expired) if key_expired else None,
        )
        if again != data:
            raise BadManifest("it is not written as a manifest is")
        return found
    except BadManifest:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise BadManifest("it is not written as a manifest is") from None


def _asked(value: Mapping[str, Any]) -> Asked:
    texts = (value["unit"], value["state"], value["biennium"])
    languages = tuple(value["languages"])
    if not all(isinstance(text, str) for text in (*value["numbers"], *texts)):
        raise BadManifest("what was asked is not written as it is")
    if not set(languages) <= set(LANGUAGES):
        raise BadManifest("it asks for a language in which no record is drawn")
    return Asked(tuple(value["numbers"]), *texts, languages)


def _held(value: Mapping[str, Any]) -> tuple[str, Held]:
    records = {entry["digest"]: tuple(entry["languages"]) for entry in value["records"]}
    digests = (value["head"], *records)
    counts = (value["sequence"], value["versions"])
    if not (all(map(_SHA256.fullmatch, digests)) and all(type(count) is int for count in counts)):
        raise BadManifest("what it says of a proposal is not written as it is")
    return value["number"], Held(value["sequence"], value["head"], value["versions"], records)


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
