"""Bundle checks: whether a bundle holds what its manifest says, and whether that holds together.

A bundle comes from anywhere: names are looked at before anything is read, and nothing is read beyond the size
that the manifest gives, so that no archive takes more time or memory than what it says to hold.
"""

import hashlib
import json
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from appraisal.definitions.library import Library
from appraisal.domain import bundles, events, merkles, verifications
from appraisal.domain.bundles import MANIFEST, SIGNATURE, SUMS, BadManifest, Entry, Manifest
from appraisal.domain.checkpoints import BadCheckpoint, Checkpoint, head_entry, read_checkpoint
from appraisal.domain.events import GENESIS, Event
from appraisal.domain.findings import Finding, Outcome
from appraisal.errors import AppraisalError
from appraisal.pdf.openings import open_pdf
from appraisal.pdf.readings import LARGEST_FILE, SENTENCES, Unreadable
from appraisal.pdf.signatures import Grounds, examine_text
from appraisal.services.verifications import Render, verify

_PIECE: Final = 1 << 20
# What a bundle may hold at most; beyond that it is not opened.
MOST_FILES: Final = 500_000
LARGEST_LIST: Final = 256 << 20
LARGEST_TEXT: Final = 64 << 20
NAMED: Final = 100
# What damaged archives raise, each library in its own way.
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, OSError, RuntimeError)
Progress = Callable[[int, int], None]


class NoBundle(AppraisalError):
    """A file is no bundle, or one that is not opened; the message says why."""


@dataclass(slots=True)
class Checking:
    """A bundle that is being checked, and what was found so far, problem by problem."""

    archive: zipfile.ZipFile
    manifest: Manifest
    grounds: Grounds
    library: Library
    render: Render | None
    progress: Progress
    found: list[Finding] = field(default_factory=list)
    # What could not be checked of how many PDFs.
    open: Counter[str] = field(default_factory=Counter)

    def tell(self, check: str, outcome: Outcome, sentence: str) -> None:
        """Note something; of one check, so many are kept."""
        if sum(entry.check == check for entry in self.found) < NAMED:
            # What a file says may hold a percent sign; here it fills a place.
            self.found.append(Finding(check, outcome, "%(said)s", {"said": sentence}))

    def close(self, check: str, sentence: str) -> None:
        """Say that a check holds, unless something about it was told."""
        if not any(entry.check == check and entry.outcome == "fails" for entry in self.found):
            self.tell(check, "holds", sentence)

    def paths(self, start: str) -> list[str]:
        """Return the files of the manifest below a folder, in order."""
        return [path for path in self.manifest.entries if path.startswith(start)]

    def read(self, path: str) -> bytes:
        """Return a file, whose size was checked before."""
        return _read(self.archive, path, min(self.manifest.entries[path].size, LARGEST_TEXT))


def check(
    file: Path,
    library: Library,
    grounds: Grounds,
    render: Render | None = None,
    progress: Progress = lambda *_: None,
) -> tuple[Manifest, list[Finding]]:
    """Examine a bundle: files, records, chains, checkpoints, versions; raises ``NoBundle``.

    Every PDF in it is examined as ``verify`` does; with ``render`` drawn again as well.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            _refuse(archive.infolist())
            manifest, data = _manifest(archive)
            run = Checking(archive, manifest, grounds, library, render, progress)
            if _check_files(run, data):
                _check_signature(run, data)
                chains = _check_events(run)
                _check_checkpoints(run, chains)
                _check_versions(run, chains)
                _check_records(run, chains)
            return manifest, run.found
    except NoBundle:
        raise
    except _DAMAGED as error:
        raise NoBundle(f"it cannot be read as a ZIP: {error}") from error


def _refuse(infos: Sequence[zipfile.ZipInfo]) -> None:
    """Refuse archives that would write or read elsewhere, or that hide something; raises ``NoBundle``."""
    if len(infos) > MOST_FILES:
        raise NoBundle(f"it holds more than {MOST_FILES:,} files")
    seen: set[str] = set()
    for info in infos:
        name = info.filename
        shown = ascii(name)
        if name.startswith(("/", "\\")) or ".." in name.split("/") or "\\" in name or ":" in name:
            raise NoBundle(f"a name leads out of it: {shown}")
        if not bundles.is_path(name):
            raise NoBundle(f"a name is not one that a bundle holds: {shown}")
        if name in seen:
            raise NoBundle(f"a name stands in it twice: {shown}")
        seen.add(name)
        if (info.external_attr >> 16) & 0o170000 not in (0, 0o100000):
            raise NoBundle(f"it holds what is no file: {shown}")
        if info.flag_bits & 0x1:
            raise NoBundle(f"a file in it is encrypted: {shown}")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise NoBundle(f"a file in it is packed in a way that no bundle is: {shown}")


def _manifest(archive: zipfile.ZipFile) -> tuple[Manifest, bytes]:
    if MANIFEST not in archive.namelist():
        raise NoBundle("it has no manifest.json, so it is no bundle")
    data = _read(archive, MANIFEST, LARGEST_LIST)
    try:
        return bundles.read_manifest(data), data
    except BadManifest as error:
        raise NoBundle(f"manifest.json: {error}") from error


def _read(archive: zipfile.ZipFile, path: str, most: int) -> bytes:
    """Return a file of at most so many bytes; raises ``NoBundle`` for a larger one."""
    with archive.open(path) as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise NoBundle(f"{path} is larger than it may be")
    return data


def _check_files(run: Checking, manifest_json: bytes) -> bool:
    """Compare every file with the manifest; tell whether it is worth looking any further."""
    named, there = run.manifest.entries, set(run.archive.namelist())
    for path in sorted(there - named.keys() - set(bundles.BESIDE)):
        run.tell("files", "fails", f"{path} is not in the manifest")
    for path in sorted(named.keys() - there):
        run.tell("files", "fails", f"{path} is missing")
    for count, (path, entry) in enumerate(named.items()):
        run.progress(count, len(named))
        if path in there and (fault := _fault(run.archive, entry)):
            run.tell("files", "fails", f"{path} {fault}")
    expected = bundles.sums(named.values(), manifest_json)
    if SUMS not in there:
        run.tell("files", "fails", f"{SUMS} is missing")
    elif _read(run.archive, SUMS, LARGEST_LIST) != expected:
        run.tell("files", "fails", f"{SUMS} is not what the manifest says")
    digest = hashlib.sha256(manifest_json).hexdigest()
    run.close("files", f"All {len(named)} files are as the manifest says; its SHA-256 is {digest}.")
    return run.found[-1].outcome == "holds"


def _fault(archive: zipfile.ZipFile, entry: Entry) -> str | None:
    """Return what is wrong with a file, of which no more is read than it should hold."""
    digest, length = hashlib.sha256(), 0
    try:
        with archive.open(entry.path) as file:
            while length <= entry.size and (piece := file.read(min(_PIECE, entry.size + 1 - length))):
                digest.update(piece)
                length += len(piece)
    except _DAMAGED as error:
        return f"is damaged: {error}"
    if length != entry.size:
        return f"is {'longer' if length > entry.size else 'shorter'} than {entry.size} bytes"
    return None if digest.hexdigest() == entry.sha256 else "was altered"


def _check_signature(run: Checking, manifest_json: bytes) -> None:
    """Say of the manifest who signed it; checkpoints and records have signatures of their own."""
    if SIGNATURE not in run.archive.namelist():
        run.tell("signature", "unchecked", "The manifest is not signed.")
        return
    made = examine_text(manifest_json, _read(run.archive, SIGNATURE, _PIECE), run.grounds)
    if made.problems:
        run.tell(
            "signature", "fails", f"The signature of the manifest does not hold: {', '.join(made.problems)}."
        )
    elif made.trust == "trusted":
        run.tell(
            "signature", "holds", f"The manifest is signed by {made.subject} (SHA-256 {made.fingerprint})."
        )
    elif made.trust in ("unasked", "expired_since"):
        run.tell(
            "signature",
            "unchecked",
            f"The signature of the manifest is whole; whether it is that of {made.subject} (SHA-256 "
            f"{made.fingerprint}) could not be checked: "
            + (
                "no authority is trusted here (--trust)."
                if made.trust == "unasked"
                else "the certificate expired since."
            ),
        )
    else:
        run.tell(
            "signature", "fails", f"The certificate of {made.subject} is not to be trusted: {made.trust}."
        )


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain of events that holds: their digests, and the digests of versions and records that they name."""

    digests: Sequence[str]
    versions: Mapping[int, str]
    records: frozenset[str]


def _check_events(run: Checking) -> dict[str, Chain]:
    """Follow every chain; return those that hold by the number of their proposal."""
    found: dict[str, Chain] = {}
    count = 0
    for path in run.paths("events/"):
        number = path.removeprefix("events/").removesuffix(".jsonl")
        try:
            rows = [_event(line, number) for line in run.read(path).splitlines()]
        except (ValueError, TypeError, KeyError, RecursionError):
            run.tell("events", "fails", f"{path} is not written as events are")
            continue
        if fault := events.broken(rows):
            run.tell("events", "fails", f"{number}: {fault}")
            continue
        found[number] = _chain(rows)
        count += len(rows)
    run.close("events", f"{len(found)} chains with {count} events hold from end to end.")
    return found


def _event(line: bytes, number: str) -> Event:
    held = json.loads(line)
    if held["proposal"] != number or json.loads(held["body"])["proposal"] != number:
        raise ValueError(number)
    return Event(held["sequence"], held["body"], held["digest"])


def _chain(rows: Sequence[Event]) -> Chain:
    versions: dict[int, str] = {}
    records: set[str] = set()
    for row in rows:
        if '"digest":' not in row.body and '"record":' not in row.body:
            continue
        facts = row.facts["facts"]
        if "version" in facts and "digest" in facts:
            versions.setdefault(facts["version"], facts["digest"])
        if facts.get("record"):
            records.add(facts["record"])
    return Chain([row.digest for row in rows], versions, frozenset(records))


def _check_checkpoints(run: Checking, chains: Mapping[str, Chain]) -> None:
    """Follow the checkpoints, look at their signatures, and tie every chain to the last one."""
    made: list[Checkpoint] = []
    signed = 0
    for path in [path for path in run.paths("checkpoints/") if path.endswith(".json")]:
        try:
            found = read_checkpoint(run.read(path))
        except BadCheckpoint:
            run.tell("checkpoints", "fails", f"{path} is no checkpoint")
            return
        if (found.sequence, found.facts["previous"]) != (len(made) + 1, made[-1].digest if made else GENESIS):
            run.tell("checkpoints", "fails", f"{path} does not follow the one before")
            return
        if f"{path}.p7s" in run.manifest.entries:
            examined = examine_text(found.body.encode(), run.read(f"{path}.p7s"), run.grounds)
            if examined.problems or examined.trust not in ("trusted", "unasked", "expired_since"):
                named = ", ".join(examined.problems) or examined.trust
                run.tell("checkpoints", "fails", f"{path} has a signature that does not hold: {named}")
            signed += 1
        made.append(found)
    if not made:
        run.tell(
            "checkpoints", "unchecked", "There is no checkpoint, so nothing ties the chains to a moment."
        )
        return
    run.close("checkpoints", f"{len(made)} checkpoints follow each other, {signed} of them signed.")
    for number, chain in chains.items():
        if number != "site":
            _check_proof(run, number, chain, made)
    run.close("proofs", f"The chains stand in the tree of checkpoint {made[-1].sequence}.")
    _check_site(run, chains.get("site"), made)


def _check_proof(run: Checking, number: str, chain: Chain, made: Sequence[Checkpoint]) -> None:
    path = f"proofs/{number}.json"
    if path not in run.manifest.entries:
        run.tell("proofs", "unchecked", f"{number}: no checkpoint covers its chain yet")
        return
    if fault := proof_fault(run.read(path), number, chain.digests, made):
        run.tell("proofs", "fails", f"{number}: {fault}")


def proof_fault(data: bytes, number: str, digests: Sequence[str], made: Sequence[Checkpoint]) -> str | None:
    """Return what is wrong with the proof that a chain stands in the tree of a checkpoint."""
    try:
        held = json.loads(data)
        sequence, checkpoint = held["sequence"], made[held["checkpoint"] - 1]
        if held["proposal"] != number or checkpoint.sequence != held["checkpoint"]:
            return "its proof is of something else"
        if not 1 <= sequence <= len(digests) or digests[sequence - 1] != held["head"]:
            return f"its chain is not the one that checkpoint {checkpoint.sequence} covers"
        trees, entry = checkpoint.facts["chains"], head_entry(number, sequence, held["head"])
        path = [bytes.fromhex(part) for part in held["path"]]
        if not merkles.is_included(bytes.fromhex(trees["root"]), entry, held["index"], trees["count"], path):
            return f"its chain does not stand in the tree of checkpoint {checkpoint.sequence}"
    except (ValueError, TypeError, KeyError, IndexError, RecursionError):
        return "its proof is not written as one is"
    return None


def _check_site(run: Checking, chain: Chain | None, made: Sequence[Checkpoint]) -> None:
    """Compare where the site's own chain stood at each checkpoint."""
    if chain is None:
        run.tell("site", "fails", "The chain of the installation is missing or does not hold.")
        return
    for checkpoint in made:
        place = checkpoint.facts["site"]
        sequence = place["sequence"]
        if sequence and (sequence > len(chain.digests) or chain.digests[sequence - 1] != place["head"]):
            run.tell(
                "site",
                "fails",
                f"The chain of the installation is not that of checkpoint {checkpoint.sequence}.",
            )
            return
    run.tell("site", "holds", "The chain of the installation is the one that the checkpoints name.")


def _check_versions(run: Checking, chains: Mapping[str, Chain]) -> None:
    """Compare versions with the events that speak of them, and with the files that they name."""
    attached = {path.split("/")[1][:64] for path in run.paths("attachments/")}
    seen: dict[str, set[int]] = {number: set() for number in chains}
    for path in run.paths("versions/"):
        _, number, name = path.split("/")
        text = run.read(path)
        try:
            value = json.loads(text)
            place, documents = value["number"], [entry["sha256"] for entry in value.get("documents", [])]
            told = chains[number].versions.get(place)
        except (ValueError, TypeError, KeyError, RecursionError):
            run.tell(
                "versions", "fails", f"{path} is not written as a version is, or its chain does not hold"
            )
            continue
        seen[number].add(place)
        if told != hashlib.sha256(text).hexdigest() or name != f"version-{place}.json":
            run.tell("versions", "fails", f"{path} is not the version that the audit trail names")
        for sha256 in documents:
            if sha256 not in attached:
                run.tell("versions", "fails", f"{path} names a file that is missing: {sha256}")
    for number, chain in chains.items():
        for place in sorted(chain.versions.keys() - seen[number]):
            run.tell("versions", "fails", f"version {place} of {number} is missing")
    for path in run.paths("attachments/"):
        if run.manifest.entries[path].sha256 != path.split("/")[1][:64]:
            run.tell("versions", "fails", f"{path} is not the file that its name says")
    run.close("versions", "Versions and attached files are those that the audit trail names.")


def _check_records(run: Checking, chains: Mapping[str, Chain]) -> None:
    """Examine every record and every PDF of one, and look for those that the audit trail names."""
    texts = [path for path in run.paths("records/") if path.endswith(".json")]
    seen: dict[str, set[str]] = {number: set() for number in chains}
    pdfs = 0
    for count, path in enumerate(texts):
        run.progress(count, len(texts))
        number = path.split("/")[1]
        text = run.read(path)
        digest = verifications.digest_of(text)
        if number not in chains or digest not in chains[number].records:
            run.tell("records", "fails", f"{path} is not a record that the audit trail names")
        else:
            seen[number].add(digest)
        # What a record cannot say, such as the route before a decision, is no news of the bundle.
        for finding in verifications.verify(text, run.library):
            if finding.outcome == "fails":
                run.tell("records", "fails", f"{path}: {finding.say('en')}")
        drawn = [pdf for pdf in run.paths(path.removesuffix(".json")) if pdf.endswith(".pdf")]
        pdfs += len(drawn)
        for pdf in drawn:
            _check_pdf(run, pdf, text)
    for number, chain in chains.items():
        for digest in sorted(chain.records - seen[number]):
            run.tell("records", "fails", f"a record of {number} is missing: {digest}")
    run.progress(len(texts), len(texts))
    for sentence, count in run.open.items():
        run.tell("records", "unchecked", f"{count} PDF{'s' if count > 1 else ''}: {sentence}")
    run.close("records", f"{len(texts)} records hold, and the {pdfs} PDFs of them.")


def _check_pdf(run: Checking, path: str, record: bytes) -> None:
    """Examine a PDF as ``verify`` does, and compare what is embedded with the record beside it."""
    data = _read(run.archive, path, LARGEST_FILE)
    try:
        reading = open_pdf(data, run.grounds)
    except Unreadable as error:
        run.tell("records", "fails", f"{path}: {SENTENCES[error.reason]}")
        return
    if reading.record != record:
        run.tell("records", "fails", f"{path} embeds another record than the one beside it")
    for finding in verify(data, reading, run.library, run.render).findings:
        if finding.outcome == "fails" and finding.check in _OF_FILES:
            run.tell("records", "fails", f"{path}: {finding.say('en')}")
        elif finding.outcome == "unchecked" and finding.check in _OF_FILES:
            run.open[finding.say("en")] += 1


# What is found out about a PDF and not about its record, which is looked at once.
_OF_FILES: Final = frozenset({"file", "signature", "signer", "printed", "pages"})
