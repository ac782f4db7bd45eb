"""A bundle is checked here for what was asked, what its manifest says, and what all of it proves.

A bundle comes from anywhere: names are looked at before anything is read, and nothing is read beyond the size
that the manifest gives, so that no archive takes more time or memory than what it says to hold. It is never
believed about itself: what it says of a record, a chain or a proposal is compared with what is proved.
"""

import hashlib
import json
import re
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from appraisal.clock import parse_stamp
from appraisal.definitions.library import Library
from appraisal.paths import folder
from appraisal.records.rules.validity import Validity
from appraisal.records.rules.value import is_signed
from appraisal.schemas import schema_text
from appraisal.trail.rules.checkpoints import Checkpoint
from appraisal.verification.reading.isolated import Opener
from appraisal.verification.reading.record_pdf import LARGEST_FILE, SENTENCES, Unreadable
from appraisal.verification.reading.signatures import Grounds
from appraisal.verification.rules import bundle_manifest, record_file
from appraisal.verification.rules.bundle_manifest import MANIFEST, SUMS, BadManifest, Entry, Manifest
from appraisal.verification.services.bundle_examination import (
    LEEWAY,
    Checking,
    NoBundle,
    Progress,
    moment,
    read,
    several,
)
from appraisal.verification.services.bundle_seals import (
    SITE,
    Chain,
    Site,
    check_chain,
    check_checkpoints,
    check_proof,
    check_signature,
    check_site_chain,
)
from appraisal.verification.services.record_file import Render, verify
from appraisal.vocabulary.findings import Finding, does_anything_fail

_PIECE: Final = 1 << 20
# What a bundle may hold at most; beyond that it is not opened.
MOST_FILES: Final = 200_000
LARGEST_LIST: Final = 64 << 20
# In which order findings are listed, whatever was looked at first.
CHECKS: Final = (
    "files",
    "signature",
    "asked",
    "events",
    "checkpoints",
    "proofs",
    "site",
    "versions",
    "records",
    "standing",
)
# What is found out about a PDF and not about its record, which is looked at once.
_OF_PDFS: Final = frozenset({"file", "signature", "signer", "printed", "pages"})
# What every bundle holds.
_FIXED: Final = ("index.html", "record.schema.json", "definitions/DIGESTS")
# Every name that is written, beside those fixed, by the folder.
_NAMES: Final[Mapping[str, str]] = {
    "attachments": r"[0-9a-f]{64}(\.[a-z0-9]{1,5})?",
    "certificates": r"[0-9a-f]{64}\.der",
    "checkpoints": r"[0-9]{5,}\.json(\.p7s)?",
    "definitions": r"[A-Za-z0-9._-]+\.yaml",
    "events": r"[A-Za-z0-9-]+\.jsonl",
    "proofs": r"[A-Za-z0-9-]+\.json",
    "proposals": r"[A-Za-z0-9-]+\.html",
    "versions": r"[A-Za-z0-9-]+/version-[0-9]+\.json",
    "records": r"[A-Za-z0-9-]+/[0-9]{2,}-(appraisal|decision)(\.json|-(en|fr|es)\.pdf)",
}
# What damaged archives raise, each library in its own way.
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, OSError, RuntimeError)
# What is met where a forged text holds something of another kind than the product writes.
_FORGED = (TypeError, KeyError, IndexError, AttributeError, RecursionError)


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether a record of a bundle counted at its moment, as the chain in the bundle says."""

    number: str
    path: str
    digest: str
    validity: Validity


@dataclass(slots=True)
class Dossier:
    """The files of one proposal, by their paths."""

    events: str = ""
    proof: str = ""
    page: str = ""
    versions: list[str] = field(default_factory=list)
    records: list[str] = field(default_factory=list)
    pdfs: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found out about a bundle; ``digest`` is the SHA-256 of its manifest."""

    manifest: Manifest
    digest: str
    findings: tuple[Finding, ...]
    standings: tuple[Standing, ...] = ()

    @property
    def outcome(self) -> Literal["holds", "fails", "unknown"]:
        """Return the worst of the three results: nothing holds as a whole of which a part is not known."""
        if does_anything_fail(self.findings):
            return "fails"
        unknown = any(finding.outcome == "unchecked" for finding in self.findings)
        return "unknown" if unknown else "holds"


def check(
    file: Path,
    library: Library,
    grounds: Grounds,
    render: Render | None = None,
    progress: Progress = lambda *_: None,
    kept: Sequence[Checkpoint] = (),
) -> Checked:
    """Examine a bundle: what was asked, files, records, chains, checkpoints, versions; raises ``NoBundle``.

    Every PDF in it is examined as ``verify`` does; with ``render`` drawn again as well. ``kept`` are
    checkpoints that somebody else kept, which it has to hold. One proposal is looked at after the other, so
    that memory grows with the lists of files and records and with nothing else.
    """
    try:
        with zipfile.ZipFile(file) as archive, Opener() as opener:
            _refuse(archive.infolist())
            manifest, data = _manifest(archive)
            run = Checking(archive, manifest, grounds, library, opener, render, progress)
            standings = _check_contents(run, data, kept) if _check_files(run, data) else []
            found = sorted(run.found, key=lambda entry: CHECKS.index(entry.check))
            return Checked(manifest, hashlib.sha256(data).hexdigest(), tuple(found), tuple(standings))
    except NoBundle:
        raise
    except _DAMAGED as error:
        raise NoBundle(f"it cannot be read as a ZIP: {error}") from error
    except _FORGED as error:
        raise NoBundle(f"something in it is not what the product writes: {error!r}") from error


def _check_contents(run: Checking, manifest_json: bytes, kept: Sequence[Checkpoint]) -> list[Standing]:
    """Look at what the files say, proposal by proposal, against checkpoints and the site's own chain."""
    site = check_site_chain(run)
    check_signature(run, manifest_json, site)
    made = check_checkpoints(run, site, kept)
    attached = _check_named(run)
    dossiers = _dossiers(run)
    _check_asked(run, dossiers)
    pinned: set[tuple[str, str]] = set()
    named: set[str] = set()
    standings: list[Standing] = []
    for count, (number, dossier) in enumerate(sorted(dossiers.items())):
        run.progress(count, len(dossiers))
        chain = check_chain(run, number, dossier.events)
        if chain is not None:
            _check_held(run, number, chain)
            check_proof(run, number, dossier.proof, chain, made)
        named |= _check_versions(run, number, dossier.versions, chain, attached)
        standings += _check_records(run, number, dossier, chain, site, pinned)
    run.progress(len(dossiers), len(dossiers))
    for sha256 in sorted(attached.keys() - named):
        run.tell("versions", "fails", f"{attached[sha256]} is a file that no version names")
    _check_definitions(run, pinned)
    _close(run, made, standings)
    return standings


def _close(run: Checking, made: Sequence[Checkpoint], standings: Sequence[Standing]) -> None:
    """Say of each check what holds, where nothing fails."""
    counted = run.counted
    for sentence, count in run.open.items():
        run.leave("records", f"{several(count, 'PDF')}: {sentence.removesuffix('.')}")
    for sentence, count in run.open_records.items():
        run.tell("records", "unchecked", f"{several(count, 'record')}: {sentence}")
    proposals = several(len(run.manifest.proposals), "proposal")
    if run.manifest.asked.numbers:
        run.close("asked", f"What the manifest says that was asked is there: {proposals}.")
    else:
        run.close("asked", f"What the manifest names is there: {proposals}.")
    run.close(
        "events",
        f"From end to end: {several(counted['chains'], 'chain')} with {several(counted['events'], 'event')}.",
    )
    if made:
        said = f"Proofs lead to the tree of the newest checkpoint, {made[-1].sequence}"
        run.close("proofs", f"{said}, for {counted['proven']} of {several(counted['chains'], 'chain')}.")
    run.close("versions", "Versions and attached files are those that the audit trail names.")
    run.close(
        "records",
        f"Records that the audit trail names: {counted['records']:,}; PDFs that embed them: {counted['pdfs']:,}.",
    )
    for entry in standings:
        if not entry.validity.is_valid:
            run.tell("standing", "ended", f"{entry.path}: {entry.validity.finding().say('en')}")
    standing = sum(entry.validity.is_valid for entry in standings)
    run.close("standing", f"In force at the end of their chains: {several(standing, 'record')}.")


def _dossiers(run: Checking) -> dict[str, Dossier]:
    """Sort the files by the proposal whose they are; name those that no bundle holds."""
    found: defaultdict[str, Dossier] = defaultdict(Dossier)
    for path in run.manifest.entries:
        kind, _, rest = path.partition("/")
        number = rest.partition("/")[0]
        is_named = kind in _NAMES and re.fullmatch(_NAMES[kind], rest)
        if path not in (*_FIXED, SITE) and not is_named:
            run.tell("asked", "fails", f"{path} is no file that a bundle holds")
        elif kind == "events" and path != SITE:
            found[rest.removesuffix(".jsonl")].events = path
        elif kind == "proofs":
            found[rest.removesuffix(".json")].proof = path
        elif kind == "proposals":
            found[rest.removesuffix(".html")].page = path
        elif kind == "versions":
            found[number].versions.append(path)
        elif kind == "records":
            (found[number].pdfs if path.endswith(".pdf") else found[number].records).append(path)
    return found


def _check_asked(run: Checking, dossiers: Mapping[str, Dossier]) -> None:
    """Compare what was asked, what the manifest says that there was, and what there is."""
    manifest, asked = run.manifest, run.manifest.asked
    for path in _FIXED:
        if path not in manifest.entries:
            run.tell("asked", "fails", f"{path} is missing, which every bundle holds")
    if asked.numbers:
        for number in sorted(set(asked.numbers) - manifest.proposals.keys()):
            run.tell("asked", "fails", f"{number} was asked for and is missing")
        for number in sorted(manifest.proposals.keys() - set(asked.numbers)):
            run.tell("asked", "fails", f"{number} was not asked for")
    else:
        which = ", ".join(filter(None, (asked.biennium, asked.unit, asked.state)))
        said = f"Asked for were all proposals{f' of {which}' if which else ''}"
        run.leave("asked", f"{said}: that these are they only the manifest says")
    for number in sorted(manifest.proposals.keys() - dossiers.keys()):
        run.tell("asked", "fails", f"{number} is missing, though the manifest says what there was of it")
    for number in sorted(dossiers.keys() - manifest.proposals.keys()):
        run.tell("asked", "fails", f"{number} is a proposal of which the manifest says nothing")
    if not manifest.proposals:
        run.tell("asked", "fails", "there is no proposal in it")
    for number, dossier in sorted(dossiers.items()):
        if not dossier.page:
            run.tell("asked", "fails", f"proposals/{number}.html is missing")


def _check_held(run: Checking, number: str, chain: Chain) -> None:
    """Compare a proposal with what the manifest says that there was of it, and with what was asked."""
    asked, held = run.manifest.asked, run.manifest.proposals.get(number)
    if held is None:
        return
    if (held.sequence, held.head) != (len(chain.digests), chain.digests[-1]):
        said = f"its chain ended with event {held.sequence}, not with {len(chain.digests)}"
        run.tell("asked", "fails", f"{number}: by the manifest {said}")
    if held.records.keys() != chain.validities.keys():
        run.tell("asked", "fails", f"{number}: its records are not those of the manifest")
    if held.versions != len(chain.versions):
        run.tell("asked", "fails", f"{number}: its versions are not as many as those of the manifest")
    if asked.state and chain.state != asked.state:
        run.tell("asked", "fails", f"{number} is in the state {chain.state}, not {asked.state}")
    for digest, languages in held.records.items():
        missing = sorted(set(asked.languages) - set(languages))
        if missing:
            said = f"has no PDF in {', '.join(missing)}, which was asked for"
            run.tell("asked", "fails", f"{number}: record {digest} {said}")
        elif not languages:
            run.leave("asked", f"{number}: no PDF was made of record {digest} by then")


def _check_definitions(run: Checking, pinned: Set[tuple[str, str]]) -> None:
    """Look for the definitions that records name by key and digest, and compare those that are known here."""
    entries = run.manifest.entries
    listed: dict[str, str] = {}
    if "definitions/DIGESTS" in entries:
        for line in run.read("definitions/DIGESTS").decode().splitlines():
            digest, _, key = line.partition("  ")
            listed[key] = digest
    for key in sorted(listed):
        if f"definitions/{key}.yaml" not in entries:
            run.tell(
                "records", "fails", f"definitions/{key}.yaml is missing, which definitions/DIGESTS names"
            )
    if others := sorted({key for key, digest in pinned if listed.get(key) != digest}):
        said = f"Records name definitions that are not in it as they were then ({', '.join(others[:8])}"
        run.leave("records", f"{said}{' …' if len(others) > 8 else ''})")
    unknown = []
    for path, entry in entries.items():
        if path.startswith("definitions/") and path.endswith(".yaml"):
            key = path.removeprefix("definitions/").removesuffix(".yaml")
            own = next(
                (
                    file
                    for name in ("workflows", "checklists")
                    if (file := folder(name) / f"{key}.yaml").exists()
                ),
                None,
            )
            if own is None or hashlib.sha256(own.read_bytes()).hexdigest() != entry.sha256:
                unknown.append(key)
    if unknown:
        are = "is not one" if len(unknown) == 1 else "are not those"
        said = f"{several(len(unknown), 'definition')} {are} that this product ships"
        run.leave("records", f"{said} ({', '.join(unknown[:8])}{' …' if len(unknown) > 8 else ''})")
    if "record.schema.json" in entries and run.read("record.schema.json") != schema_text().encode():
        run.leave("records", "record.schema.json is not the schema by which records were examined here")


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
        if not bundle_manifest.is_path(name):
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
    data = read(archive, MANIFEST, LARGEST_LIST)
    try:
        return bundle_manifest.read_manifest(data), data
    except BadManifest as error:
        raise NoBundle(f"manifest.json: {error}") from error


def _check_files(run: Checking, manifest_json: bytes) -> bool:
    """Compare every file with the manifest; tell whether it is worth looking any further."""
    named, there = run.manifest.entries, set(run.archive.namelist())
    for path in sorted(there - named.keys() - set(bundle_manifest.BESIDE)):
        run.tell("files", "fails", f"{path} is not in the manifest")
    for path in sorted(named.keys() - there):
        run.tell("files", "fails", f"{path} is missing")
    for count, (path, entry) in enumerate(named.items()):
        run.progress(count, len(named))
        if path in there and (fault := _fault(run.archive, entry)):
            run.tell("files", "fails", f"{path} {fault}")
    expected = bundle_manifest.sums(named.values(), manifest_json)
    if SUMS not in there:
        run.tell("files", "fails", f"{SUMS} is missing")
    elif run.read(SUMS, LARGEST_LIST) != expected:
        run.tell("files", "fails", f"{SUMS} is not what the manifest says")
    digest = hashlib.sha256(manifest_json).hexdigest()
    run.close(
        "files", f"All {several(len(named), 'file')} are as the manifest says; its SHA-256 is {digest}."
    )
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


def _check_named(run: Checking) -> dict[str, str]:
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


def _check_records(
    run: Checking,
    number: str,
    dossier: Dossier,
    chain: Chain | None,
    site: Site | None,
    pinned: set[tuple[str, str]],
) -> list[Standing]:
    """Examine the records of a proposal and every PDF of one, and look for those that its events name."""
    held = run.manifest.proposals.get(number)
    drawn: defaultdict[str, set[str]] = defaultdict(set)
    for pdf in dossier.pdfs:
        stem, _, language = pdf.removesuffix(".pdf").rpartition("-")
        drawn[stem].add(language)
    found: list[Standing] = []
    seen: set[str] = set()
    for place, path in enumerate(dossier.records, 1):
        text = run.read(path)
        digest = record_file.digest_of(text)
        run.counted["records"] += 1
        if chain is None or digest not in chain.validities:
            run.tell("records", "fails", f"{path} is not a record that the audit trail names")
        else:
            found.append(Standing(number, path, digest, chain.validities[digest]))
        seen.add(digest)
        _check_record(run, path, place, text, chain, site, pinned)
        stem = path.removesuffix(".json")
        there = drawn.pop(stem, set())
        expected = set(held.records.get(digest, ())) if held else there
        for language in sorted(expected - there):
            run.tell("records", "fails", f"{stem}-{language}.pdf is missing")
        for language in sorted(there - expected):
            run.tell("records", "fails", f"{stem}-{language}.pdf is not one that the manifest speaks of")
        for language in sorted(there):
            _check_pdf(run, f"{stem}-{language}.pdf", language, text, site)
    for stem, languages in sorted(drawn.items()):
        for language in sorted(languages):
            run.tell("records", "fails", f"{stem}-{language}.pdf is of no record in this bundle")
    for digest in sorted(chain.validities.keys() - seen) if chain else ():
        run.tell("records", "fails", f"a record of {number} is missing: {digest}")
    return found


def _check_record(
    run: Checking,
    path: str,
    place: int,
    text: bytes,
    chain: Chain | None,
    site: Site | None,
    pinned: set[tuple[str, str]],
) -> None:
    """Examine a record as ``verify`` does, and what it says of other records, its kind, place and issuer."""
    departs = False
    for finding in record_file.verify(text, run.library):
        if finding.outcome == "fails":
            departs |= finding.check in ("form", "schema")
            run.tell("records", "fails", f"{path}: {finding.say('en')}")
        # What a record cannot say, such as the route before a decision, is no news of the bundle.
        elif finding.outcome == "unchecked" and finding.sentence not in record_file.INHERENT:
            run.open_records[finding.say("en")] += 1
    if departs:
        return
    value: Mapping[str, Any] = json.loads(text)
    pinned |= set(value["definitions"]["digests"].items())
    if not path.endswith(f"/{place:02d}-{value['kind']}.json"):
        run.tell("records", "fails", f"{path} bears the name of another record")
    run.check_time("records", value["issued_at"], path)
    if site is not None:
        _check_issuer(run, path, value, site)
    decision = value.get("decision", {})
    if chain is not None and "annuls" in decision:
        at = parse_stamp(decision["at"])
        ended = {key for key, entry in chain.validities.items() if (entry.code, entry.at) == ("annulled", at)}
        if {entry["digest"] for entry in decision["annuls"]} != ended:
            run.tell("records", "fails", f"{path} annuls other sheets than the audit trail says")


def _check_issuer(run: Checking, path: str, value: Mapping[str, Any], site: Site) -> None:
    """Compare whether a record says that it is signed with the keys that the site's chain tells of."""
    if is_signed(value) and not site.signers:
        said = "says that its files are signed, but the site's chain tells of no key"
        run.tell("records", "fails", f"{path} {said}")
        return
    issued = moment(value["issued_at"])
    before = [key for at, key in site.keys if moment(at) <= issued - LEEWAY]
    about = [key for at, key in site.keys if issued - LEEWAY < moment(at) <= issued + LEEWAY]
    possible = {bool(key) for key in (*(before[-1:] or [""]), *about)}
    # Records of earlier versions say nothing of it.
    if "issuer" in value and is_signed(value) not in possible:
        run.leave("records", f"{path} says otherwise than the site's chain whether a key was in force")


def _check_pdf(run: Checking, path: str, language: str, record: bytes, site: Site | None) -> None:
    """Examine a PDF as ``verify`` does, and compare what is embedded with the record beside it."""
    run.counted["pdfs"] += 1
    data = run.read(path, LARGEST_FILE)
    try:
        reading = run.opener.open(data, run.grounds)
    except Unreadable as error:
        run.tell("records", "fails", f"{path}: {SENTENCES[error.reason]}")
        return
    if reading.record != record:
        run.tell("records", "fails", f"{path} embeds another record than the one beside it")
    if reading.language != language:
        run.tell("records", "fails", f"{path} is not in the language that its name says")
    key = reading.signature.fingerprint if reading.signature else ""
    if key and site is not None and key not in site.signers:
        run.tell("records", "fails", f"{path} is signed with a key that the site's chain does not tell of")
    for finding in verify(data, reading, run.library, run.render).findings:
        if finding.check not in _OF_PDFS:
            continue
        if finding.outcome == "fails":
            run.tell("records", "fails", f"{path}: {finding.say('en')}")
        elif finding.outcome == "unchecked":
            run.open[finding.say("en")] += 1
