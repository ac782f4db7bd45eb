"""Bundle checks: whether a bundle holds what its manifest says, and whether that holds together.

A bundle comes from anywhere: names are looked at before anything is read, and nothing is read beyond the size
that the manifest gives, so that no archive takes more time or memory than what it says to hold.
"""

import hashlib
import json
import zipfile
import zlib
from collections import Counter, defaultdict
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
from appraisal.domain.issuers import ACTION as ISSUER
from appraisal.errors import AppraisalError
from appraisal.pdf.openings import Opener
from appraisal.pdf.readings import LARGEST_FILE, SENTENCES, Unreadable
from appraisal.pdf.signatures import Grounds, examine_text
from appraisal.services.audits import ACTION as CHECKPOINT
from appraisal.services.verifications import Render, verify

_PIECE: Final = 1 << 20
# What a bundle may hold at most; beyond that it is not opened.
MOST_FILES: Final = 200_000
LARGEST_LIST: Final = 64 << 20
LARGEST_TEXT: Final = 64 << 20
NAMED: Final = 100
# In which order findings are listed, whatever was looked at first.
CHECKS: Final = ("files", "signature", "events", "checkpoints", "proofs", "site", "versions", "records")
# What is found out about a PDF and not about its record, which is looked at once.
_OF_PDFS: Final = frozenset({"file", "signature", "signer", "printed", "pages"})
# What damaged archives raise, each library in its own way.
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, OSError, RuntimeError)
# What is met where a forged text holds something of another kind than the product writes.
_FORGED = (TypeError, KeyError, IndexError, AttributeError, RecursionError)
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
    opener: Opener
    render: Render | None
    progress: Progress
    found: list[Finding] = field(default_factory=list)
    told: Counter[tuple[str, Outcome]] = field(default_factory=Counter)
    # How much of what was looked at, for the sentences that say that it holds.
    counted: Counter[str] = field(default_factory=Counter)
    # What could not be checked of how many PDFs.
    open: Counter[str] = field(default_factory=Counter)

    def tell(self, check: str, outcome: Outcome, sentence: str) -> None:
        """Note something; of one check and outcome, so many are kept."""
        self.told[check, outcome] += 1
        if self.told[check, outcome] <= NAMED:
            # What a file says may hold a percent sign; here it fills a place.
            self.found.append(Finding(check, outcome, "%(said)s", {"said": sentence}))

    def close(self, check: str, sentence: str) -> None:
        """Say that a check holds, unless it fails; or how many more of the same were found."""
        if not self.told[check, "fails"]:
            self.tell(check, "holds", sentence)
        for outcome in ("fails", "unchecked"):
            if (more := self.told[check, outcome] - NAMED) > 0:
                self.found.append(Finding(check, outcome, "%(said)s", {"said": f"… and {more} more"}))

    def read(self, path: str) -> bytes:
        """Return a file, whose size was checked before; raises ``NoBundle`` for one that no bundle holds."""
        return _read(self.archive, path, LARGEST_TEXT)


@dataclass(slots=True)
class Dossier:
    """The files of one proposal, by their paths."""

    events: str = ""
    proof: str = ""
    versions: list[str] = field(default_factory=list)
    records: list[str] = field(default_factory=list)
    pdfs: list[str] = field(default_factory=list)


def check(
    file: Path,
    library: Library,
    grounds: Grounds,
    render: Render | None = None,
    progress: Progress = lambda *_: None,
) -> tuple[Manifest, list[Finding]]:
    """Examine a bundle: files, records, chains, checkpoints, versions; raises ``NoBundle``.

    Every PDF in it is examined as ``verify`` does; with ``render`` drawn again as well. One proposal is
    looked at after the other, so that memory grows with the list of files and with nothing else.
    """
    try:
        with zipfile.ZipFile(file) as archive, Opener() as opener:
            _refuse(archive.infolist())
            manifest, data = _manifest(archive)
            run = Checking(archive, manifest, grounds, library, opener, render, progress)
            if _check_files(run, data):
                _check_contents(run, data)
            return manifest, sorted(run.found, key=lambda entry: CHECKS.index(entry.check))
    except NoBundle:
        raise
    except _DAMAGED as error:
        raise NoBundle(f"it cannot be read as a ZIP: {error}") from error
    except _FORGED as error:
        raise NoBundle(f"something in it is not what the product writes: {error!r}") from error


def _check_contents(run: Checking, manifest_json: bytes) -> None:
    """Look at what the files say, proposal by proposal, against checkpoints and the site's own chain."""
    site = _check_site_chain(run)
    made = _check_checkpoints(run, site)
    _check_signature(run, manifest_json, site)
    attached = _check_attached(run)
    dossiers = _dossiers(run)
    named: set[str] = set()
    for count, (number, dossier) in enumerate(sorted(dossiers.items())):
        run.progress(count, len(dossiers))
        chain = _check_events(run, number, dossier.events)
        if chain is not None and made:
            _check_proof(run, number, dossier.proof, chain, made)
        named |= _check_versions(run, number, dossier.versions, chain, attached)
        _check_records(run, number, dossier, chain)
    run.progress(len(dossiers), len(dossiers))
    for sha256 in sorted(attached.keys() - named):
        run.tell("versions", "fails", f"{attached[sha256]} is a file that no version names")
    for sentence, count in run.open.items():
        run.tell("records", "unchecked", f"{_several(count, 'PDF')}: {sentence}")
    counted = run.counted
    run.close(
        "events",
        f"From end to end: {_several(counted['chains'], 'chain')} with {_several(counted['events'], 'event')}.",
    )
    if made:
        run.close("proofs", f"What proofs there are lead to the tree of checkpoint {made[-1].sequence}.")
    run.close("versions", "Versions and attached files are those that the audit trail names.")
    run.close(
        "records",
        f"As they were issued: {_several(counted['records'], 'record')} and {_several(counted['pdfs'], 'PDF')}.",
    )


def _several(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def _dossiers(run: Checking) -> dict[str, Dossier]:
    """Sort the files by the proposal whose they are."""
    found: defaultdict[str, Dossier] = defaultdict(Dossier)
    for path in run.manifest.entries:
        folder, _, rest = path.partition("/")
        number = rest.partition("/")[0]
        if folder == "events" and path != SITE:
            found[rest.removesuffix(".jsonl")].events = path
        elif folder == "proofs":
            found[rest.removesuffix(".json")].proof = path
        elif folder == "versions":
            found[number].versions.append(path)
        elif folder == "records":
            (found[number].pdfs if path.endswith(".pdf") else found[number].records).append(path)
    return found


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
    return not run.told["files", "fails"]


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


def _check_signature(run: Checking, manifest_json: bytes, site: "Site | None") -> None:
    """Say of the manifest who signed it; checkpoints and records have signatures of their own."""
    expected = site.in_force if site else ""
    if SIGNATURE not in run.archive.namelist():
        if expected:
            run.tell("signature", "fails", "The manifest is not signed, though a key is in force.")
        else:
            day = str(run.manifest.unsigned.get("key_expired", ""))[:10]
            why = f": it says that the key expired on {day}" if day else ""
            said = f"The manifest is not signed{why}, so nothing vouches for its HTML pages."
            run.tell("signature", "unchecked", said)
        return
    made = examine_text(manifest_json, _read(run.archive, SIGNATURE, _PIECE), run.grounds)
    signer = f"{made.subject} (SHA-256 {made.fingerprint})"
    if made.problems:
        said = f"The signature of the manifest does not hold: {', '.join(made.problems)}."
        run.tell("signature", "fails", said)
    elif site is not None and made.fingerprint != expected:
        run.tell("signature", "fails", f"The manifest is signed by {signer}, whose key is not in force.")
    elif made.trust == "trusted":
        run.tell("signature", "holds", f"The manifest is signed by {signer}.")
    elif made.trust in _OPEN:
        said = f"The signature of the manifest is whole; whether it is that of {signer} could not be checked"
        run.tell("signature", "unchecked", f"{said}: {_OPEN[made.trust]}.")
    else:
        run.tell("signature", "fails", f"The certificate of {signer} is not to be trusted: {made.trust}.")


# Why a signature that is whole says nothing yet of who made it.
_OPEN: Final[Mapping[str, str]] = {
    "unasked": "no authority is trusted here (--trust)",
    "expired_since": "the certificate expired since",
}


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain of events that holds: their digests, and the digests of versions and records that they name."""

    digests: Sequence[str]
    versions: Mapping[int, str]
    records: frozenset[str]


@dataclass(frozen=True, slots=True)
class Site:
    """The installation's own chain: its digests, the checkpoints that it tells of, and whose key signs.

    ``told`` gives by the sequence of a checkpoint its digest and the SHA-256 of the certificate in force.
    """

    digests: Sequence[str]
    told: Mapping[int, tuple[str, str]]
    in_force: str


def _check_events(run: Checking, number: str, path: str) -> Chain | None:
    """Follow the chain of a proposal; None where it does not hold."""
    if not path:
        run.tell("events", "fails", f"{number}: its events are missing")
        return None
    rows = _followed(run, number, path, "events")
    if rows is None:
        return None
    run.counted["chains"] += 1
    run.counted["events"] += len(rows)
    versions: dict[int, str] = {}
    records: set[str] = set()
    for facts in (row.facts["facts"] for row in rows):
        if "version" in facts and "digest" in facts:
            versions.setdefault(facts["version"], facts["digest"])
        if facts.get("record"):
            records.add(facts["record"])
    return Chain([row.digest for row in rows], versions, frozenset(records))


def _followed(run: Checking, name: str, path: str, check: str) -> list[Event] | None:
    """Return the events of a chain where they follow each other and belong to it, else None."""
    try:
        rows = [_event(line, name) for line in run.read(path).splitlines()]
    except (ValueError, TypeError, KeyError, RecursionError):
        run.tell(check, "fails", f"{path} is not written as events are")
        return None
    if fault := events.broken(rows):
        run.tell(check, "fails", f"{name}: {fault}")
        return None
    return rows


def _event(line: bytes, name: str) -> Event:
    held = json.loads(line)
    body = json.loads(held["body"])
    if held["proposal"] != name or body["proposal"] != name or not isinstance(body["facts"], dict):
        raise ValueError(name)
    return Event(held["sequence"], held["body"], held["digest"])


SITE: Final = "events/site.jsonl"


def _check_site_chain(run: Checking) -> Site | None:
    """Follow the installation's own chain, and hear what it tells of checkpoints and keys."""
    if SITE not in run.manifest.entries:
        run.tell("site", "fails", "The chain of the installation is missing.")
        return None
    rows = _followed(run, "site", SITE, "site")
    if rows is None:
        return None
    in_force, told = "", {}
    try:
        for entry in (row.facts for row in rows):
            if entry["action"] == ISSUER:
                in_force = entry["facts"]["fingerprint"]
            elif entry["action"] == CHECKPOINT:
                told[entry["facts"]["sequence"]] = (entry["facts"]["digest"], in_force)
    except (KeyError, TypeError):
        run.tell("site", "fails", f"{SITE} is not written as events are")
        return None
    return Site([row.digest for row in rows], told, in_force)


def _check_checkpoints(run: Checking, site: Site | None) -> list[Checkpoint]:
    """Follow the checkpoints, with their signatures and the site's chain; return those in their place."""
    made: list[Checkpoint] = []
    for path in run.manifest.entries:
        if not (path.startswith("checkpoints/") and path.endswith(".json")):
            continue
        try:
            found = read_checkpoint(run.read(path))
        except BadCheckpoint:
            run.tell("checkpoints", "fails", f"{path} is no checkpoint")
            return made
        if (found.sequence, found.facts["previous"]) != (len(made) + 1, made[-1].digest if made else GENESIS):
            run.tell("checkpoints", "fails", f"{path} does not follow the one before")
            return made
        if fault := _checkpoint_fault(run, path, found, site):
            run.tell("checkpoints", "fails", f"{path} {fault}")
        made.append(found)
    if site is not None:
        for sequence in sorted(site.told.keys() - {entry.sequence for entry in made}):
            run.tell(
                "checkpoints",
                "fails",
                f"checkpoint {sequence} is missing, though the site's chain tells of it",
            )
        if made:
            run.close("site", "The chain of the installation is the one that the checkpoints name.")
        elif not run.told["site", "fails"]:
            run.tell("site", "unchecked", "The chain of the installation holds, but no checkpoint names it.")
    if made:
        said = f"In order: {_several(len(made), 'checkpoint')}, {run.counted['signed']} of them signed."
        run.close("checkpoints", said)
    elif not run.told["checkpoints", "fails"]:
        run.tell(
            "checkpoints", "unchecked", "There is no checkpoint, so nothing ties the chains to a moment."
        )
    return made


def _checkpoint_fault(run: Checking, path: str, made: Checkpoint, site: Site | None) -> str | None:
    """Return what is wrong with a checkpoint in its place; tell where the site's chain is another."""
    place = made.facts["site"]
    digest, expected = site.told.get(made.sequence, ("", "")) if site else (made.digest, None)
    if site is not None:
        sequence = place["sequence"]
        if sequence and (sequence > len(site.digests) or site.digests[sequence - 1] != place["head"]):
            run.tell(
                "site", "fails", f"The chain of the installation is not that of checkpoint {made.sequence}."
            )
    if digest != made.digest:
        return "is not the one that the site's chain tells of"
    if f"{path}.p7s" not in run.manifest.entries:
        return "is not signed, though a key was in force" if expected else None
    found = examine_text(made.body.encode(), run.read(f"{path}.p7s"), run.grounds)
    if found.problems or found.trust not in ("trusted", *_OPEN):
        return f"has a signature that does not hold: {', '.join(found.problems) or found.trust}"
    run.counted["signed"] += 1
    if expected is not None and found.fingerprint != expected:
        return "is signed with a key that was not in force"
    return None


def _check_proof(run: Checking, number: str, path: str, chain: Chain, made: Sequence[Checkpoint]) -> None:
    if not path:
        run.tell("proofs", "unchecked", f"{number}: no proof says that a checkpoint covers its chain")
    elif fault := proof_fault(run.read(path), number, chain.digests, made):
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


def _check_attached(run: Checking) -> dict[str, str]:
    """Compare the files that are named by their SHA-256 with it; return the attached ones by it."""
    found: dict[str, str] = {}
    for path, entry in run.manifest.entries.items():
        folder, _, name = path.partition("/")
        if folder in ("attachments", "certificates") and entry.sha256 != name.partition(".")[0]:
            run.tell("versions", "fails", f"{path} is not the file that its name says")
        elif folder == "attachments":
            found[entry.sha256] = path
    return found


def _check_versions(
    run: Checking, number: str, paths: Sequence[str], chain: Chain | None, attached: Mapping[str, str]
) -> set[str]:
    """Compare the versions of a proposal with its events; return the attached files that they name."""
    seen: set[int] = set()
    named: set[str] = set()
    for path in paths:
        text = run.read(path)
        try:
            value = json.loads(text)
            place, documents = value["number"], {entry["sha256"] for entry in value.get("documents", [])}
            told = chain.versions.get(place) if chain else None
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            run.tell("versions", "fails", f"{path} is not written as a version is")
            continue
        seen.add(place)
        named |= documents
        if told != hashlib.sha256(text).hexdigest() or path != f"versions/{number}/version-{place}.json":
            run.tell("versions", "fails", f"{path} is not the version that the audit trail names")
        for sha256 in sorted(documents - attached.keys()):
            run.tell("versions", "fails", f"{path} names a file that is missing: {sha256}")
    for place in sorted(chain.versions.keys() - seen) if chain else ():
        run.tell("versions", "fails", f"version {place} of {number} is missing")
    return named


def _check_records(run: Checking, number: str, dossier: Dossier, chain: Chain | None) -> None:
    """Examine the records of a proposal and every PDF of one, and look for those that its events name."""
    drawn = defaultdict(list)
    for pdf in dossier.pdfs:
        drawn[pdf.rpartition("-")[0]].append(pdf)
    seen: set[str] = set()
    for path in dossier.records:
        text = run.read(path)
        digest = verifications.digest_of(text)
        run.counted["records"] += 1
        if chain is None or digest not in chain.records:
            run.tell("records", "fails", f"{path} is not a record that the audit trail names")
        seen.add(digest)
        # What a record cannot say, such as the route before a decision, is no news of the bundle.
        for finding in verifications.verify(text, run.library):
            if finding.outcome == "fails":
                run.tell("records", "fails", f"{path}: {finding.say('en')}")
        for pdf in drawn.pop(path.removesuffix(".json"), ()):
            _check_pdf(run, pdf, text)
    for pdf in sorted(pdf for left in drawn.values() for pdf in left):
        run.tell("records", "fails", f"{pdf} is of no record in this bundle")
    for digest in sorted(chain.records - seen) if chain else ():
        run.tell("records", "fails", f"a record of {number} is missing: {digest}")


def _check_pdf(run: Checking, path: str, record: bytes) -> None:
    """Examine a PDF as ``verify`` does, and compare what is embedded with the record beside it."""
    run.counted["pdfs"] += 1
    data = _read(run.archive, path, LARGEST_FILE)
    try:
        reading = run.opener.open(data, run.grounds)
    except Unreadable as error:
        run.tell("records", "fails", f"{path}: {SENTENCES[error.reason]}")
        return
    if reading.record != record:
        run.tell("records", "fails", f"{path} embeds another record than the one beside it")
    for finding in verify(data, reading, run.library, run.render).findings:
        if finding.check not in _OF_PDFS:
            continue
        if finding.outcome == "fails":
            run.tell("records", "fails", f"{path}: {finding.say('en')}")
        elif finding.outcome == "unchecked":
            run.open[finding.say("en")] += 1
