"""Bundles: what they hold, and that nothing that was done to one goes unnoticed."""

import hashlib
import io
import json
import random
import re
import subprocess
import zipfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text, update

from appraisal import clock
from appraisal.app import upgrades
from appraisal.canonical import canonical
from appraisal.database import tables
from appraisal.database.files import Files
from appraisal.definitions.library import Library
from appraisal.printing.rendering import render
from appraisal.proposals.services import drafts as proposals
from appraisal.records.services import issuers, records
from appraisal.records.services.issuers import KeyMissing
from appraisal.trail.rules.checkpoints import Checkpoint
from appraisal.trail.store import site as site_chain
from appraisal.verification.rules import bundle_manifest as manifests
from appraisal.verification.rules.bundle_manifest import Asked, Entry
from appraisal.verification.services import bundle_check, bundles, checkpoints, known_here
from appraisal.verification.services.bundle_examination import NoBundle
from appraisal.verification.services.bundles import Altered, Incomplete, Nothing, Undrawn
from tests import casts, histories
from tests.casts import Stage
from tests.databases import SqliteCopies
from tests.histories import REVISIONS
from tests.keys import Keyring, make_keyring
from tests.tampering import by_hand, unguarded

RECORDS = tables.records
Contents = dict[str, bytes]


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    return make_keyring(tmp_path_factory.mktemp("keys"))


def written(stage: Stage, *numbers: str, ring: Keyring | None = None, **asked: Any) -> bytes:
    out = io.BytesIO()
    with stage.database.read() as db:
        order = bundles.order(db, Asked(numbers, **asked), stage.now, ring.signer() if ring else None)
        bundles.write(db, stage.files, stage.library, order, out, stage.now, "en")
    return out.getvalue()


def contents(data: bytes) -> Contents:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(files: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def relisted(files: Contents, change: Callable[[Any], object] = lambda _: None) -> Contents:
    """Return files with a manifest that fits them, as whoever altered one would write it.

    ``change`` changes what the manifest says besides.
    """
    held = {name: data for name, data in files.items() if name not in manifests.BESIDE}
    entries = [Entry(name, len(data), hashlib.sha256(data).hexdigest()) for name, data in held.items()]
    old = json.loads(files["manifest.json"])
    old["files"] = [
        {"path": entry.path, "size": entry.size, "sha256": entry.sha256} for entry in sorted(entries)
    ]
    change(old)
    manifest = canonical(old)
    return held | {"manifest.json": manifest, "SHA256SUMS": manifests.sums(entries, manifest)}


class Checked:
    """What was found out about a bundle, by check."""

    def __init__(
        self,
        data: bytes,
        place: Path,
        library: Library,
        ring: Keyring | None = None,
        kept: Sequence[Checkpoint] = (),
    ) -> None:
        file = place / "bundle.zip"
        file.write_bytes(data)
        grounds = (ring or Keyring(place, b"", b"")).grounds()
        given = grounds if ring else replace(grounds, trust=())
        self.checked = bundle_check.check(file, library, given, kept=kept)
        self.findings, self.outcome = self.checked.findings, self.checked.outcome
        self.fails = self.outcome == "fails"

    def said(self, check: str) -> list[tuple[str, str]]:
        return [(entry.outcome, entry.say("en")) for entry in self.findings if entry.check == check]


def sealed(stage: Stage, ring: Keyring, *, draws: bool = True) -> tuple[str, bytes]:
    """Write a bundle of one proposal, signed and covered by a checkpoint, with the PDF of its decision."""
    with stage.database.begin() as db:
        issuers.use_key(db, ring.signer(), stage.now)
    number = casts.approved(stage)
    casts.submitted(stage)
    if draws:
        with stage.database.begin() as db:
            row = db.execute(select(RECORDS).where(RECORDS.c.kind == "decision")).one()
            pdf = ring.signer().sign_pdf(render(json.loads(row.value), "fr"), stage.now)
            records.keep_rendering(db, stage.files, row.id, "fr", pdf, stage.now)
    checkpoints.checkpoint(stage.database, stage.now, ring.signer())
    return number, written(stage, number, ring=ring)


@pytest.fixture(scope="module")
def signed(
    sqlite_copies: SqliteCopies, library: Library, ring: Keyring, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, bytes]:
    """Such a bundle, made once."""
    with sqlite_copies.copied(casts.create_people) as opened:
        return sealed(casts.opened_stage(opened, library, Files(tmp_path_factory.mktemp("files"))), ring)


@pytest.fixture(scope="module")
def plain(
    sqlite_copies: SqliteCopies, library: Library, ring: Keyring, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, bytes]:
    """Such a bundle without the PDF."""
    with sqlite_copies.copied(casts.create_people) as opened:
        stage = casts.opened_stage(opened, library, Files(tmp_path_factory.mktemp("files")))
        return sealed(stage, ring, draws=False)


@dataclass(frozen=True)
class Site:
    """Bundles of one installation, an older and a newer one, each of all that there was.

    In the newer one, the approval of the first proposal is annulled, the second has gone on after the newest
    checkpoint, the third is covered by that one, and the fourth is newer than it.
    """

    numbers: tuple[str, ...]
    older: Contents
    newer: Contents
    kept: Checkpoint
    ring: Keyring | None


def _site(stage: Stage, ring: Keyring | None) -> Site:
    signer = ring.signer() if ring else None
    if ring is not None:
        with stage.database.begin() as db:
            issuers.use_key(db, ring.signer(), stage.now)
    first, second = casts.approved(stage), casts.submitted(stage)
    checkpoints.checkpoint(stage.database, stage.now, signer)
    older = contents(written(stage, ring=ring))
    stage.wait(days=1)
    casts.take(stage, "chief", first, "propose_annulment", note="Wrong fund.")
    casts.take(stage, "deputy", first, "annul", note="So it is.")
    third = casts.submitted(stage)
    kept = checkpoints.checkpoint(stage.database, stage.now, signer)
    assert kept is not None
    stage.wait(days=1)
    casts.take(stage, "desk", second, "assign", lead="lead")
    fourth = casts.submitted(stage)
    numbers = (first, second, third, fourth)
    return Site(numbers, older, contents(written(stage, *numbers, ring=ring)), kept, ring)


@pytest.fixture(scope="module")
def sites(
    sqlite_copies: SqliteCopies, library: Library, ring: Keyring, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, Site]:
    """Bundles of an installation that signs, and of one that does not, made once."""
    found = {}
    for name, key in (("signed", ring), ("unsigned", None)):
        with sqlite_copies.copied(casts.create_people) as opened:
            stage = casts.opened_stage(opened, library, Files(tmp_path_factory.mktemp("files")))
            found[name] = _site(stage, key)
    return found


@pytest.mark.thorough
def test_a_bundle_holds_all_about_a_proposal_and_verifies(
    stage: Stage, ring: Keyring, tmp_path: Path, library: Library
) -> None:
    number, data = sealed(stage, ring)
    files = contents(data)
    kinds = {name for name in files if not name.startswith(("definitions/", "attachments/", "certificates/"))}
    assert kinds == {
        f"versions/{number}/version-1.json",
        f"records/{number}/01-appraisal.json",
        f"records/{number}/02-decision.json",
        f"records/{number}/02-decision-fr.pdf",
        f"events/{number}.jsonl",
        "events/site.jsonl",
        f"proposals/{number}.html",
        f"proofs/{number}.json",
        "checkpoints/00001.json",
        "checkpoints/00001.json.p7s",
        "index.html",
        "manifest.json",
        "manifest.json.p7s",
        "record.schema.json",
        "SHA256SUMS",
    }
    documents = casts.load(stage, number).versions[0].documents
    assert {name for name in files if name.startswith("attachments/")} == {
        f"attachments/{document.sha256}.pdf" for document in documents
    }
    assert f"definitions/{library.newest_set().id}.v1.yaml" in files
    found = Checked(data, tmp_path, stage.library, ring)
    assert [entry.say("en") for entry in found.findings if entry.outcome != "holds"] == []
    assert [entry.check for entry in found.findings] == [
        "files",
        "signature",
        "asked",
        "asked",
        "events",
        "checkpoints",
        "proofs",
        "site",
        "versions",
        "records",
        "standing",
    ]
    assert found.outcome == "holds"
    assert found.checked.manifest.asked == Asked((number,))
    # Without anybody's word on who signed it, that cannot be known, nor what the signature vouches for.
    nobody = Checked(data, tmp_path, stage.library)
    assert nobody.outcome == "unknown"
    assert [outcome for outcome, _ in nobody.said("signature")] == ["unchecked"]


@pytest.mark.thorough
def test_a_third_party_needs_nothing_of_ours(signed: tuple[str, bytes], tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(signed[1])) as archive:
        archive.extractall(tmp_path)
    done = subprocess.run(
        ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"],  # noqa: S607 - a tool of the machine
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, b"")


def test_the_same_state_and_moment_give_the_same_bytes(lite: Stage) -> None:
    number = casts.approved(lite)
    assert written(lite, number) == written(lite, number)


@pytest.mark.thorough
def test_what_is_asked_for_is_taken_and_nothing_else(stage: Stage) -> None:
    first, second = casts.approved(stage), casts.approved(stage)
    third, draft = casts.submitted(stage), casts.draft(stage)

    def taken(*numbers: str, **asked: Any) -> list[str]:
        names = contents(written(stage, *numbers, **asked))
        return sorted(
            name.split("/")[1].removesuffix(".html") for name in names if name.startswith("proposals/")
        )

    assert taken(first, third) == [first, third]
    assert taken(biennium="2010-11") == [first, second]
    assert taken(state="approved", unit="Illustrative unit") == [first, second]
    # A draft is its authors' alone, in its title and its files as well.
    assert taken() == [first, second, third]
    with pytest.raises(Nothing, match=f"there is no proposal {draft}"):
        written(stage, first, draft)
    with pytest.raises(Nothing, match="no proposal fits"):
        written(stage, biennium="2012-13")


def test_files_of_a_draft_that_follows_a_version_stay_with_its_authors(lite: Stage) -> None:
    number = casts.revision(lite)
    before = {name for name in contents(written(lite, number)) if name.startswith("attachments/")}
    with lite.database.begin() as db:
        proposals.attach_document(
            db,
            lite.library,
            lite.files,
            lite.people["ana"],
            lite.now,
            number,
            "other",
            "secret.pdf",
            casts.PDF + b"% secret",
        )
    assert {name for name in contents(written(lite, number)) if name.startswith("attachments/")} == before


def test_a_file_that_is_not_as_it_was_stops_the_bundle(lite: Stage, ring: Keyring) -> None:
    number = casts.approved(lite)
    document = casts.load(lite, number).versions[0].documents[0]
    file = lite.files.whole(document.sha256)
    file.write_bytes(b"other")
    with pytest.raises(Incomplete, match=rf"attachments/{document.sha256}\.\w+: the file {document.sha256}"):
        written(lite, number)
    with lite.database.begin() as db:
        issuers.use_key(db, ring.signer(), lite.now)
    with pytest.raises(KeyMissing):
        written(lite, number)


@pytest.mark.parametrize(
    ("statement", "asked"),
    [
        ("UPDATE proposals SET state = 'rejected', title = 'Forged' WHERE id = 1", {"numbers": True}),
        ("UPDATE decisions SET note = 'Forged' WHERE proposal_id = 1", {"numbers": True}),
        # Whoever alters what proposals are chosen by leaves one out.
        ("UPDATE proposals SET unit = 'Another' WHERE id = 1", {"unit": "Illustrative unit"}),
        ("UPDATE proposals SET approved_at = NULL WHERE id = 1", {"biennium": "2010-11"}),
        ("UPDATE proposals SET state = 'rejected' WHERE id = 1", {"state": "approved"}),
    ],
)
def test_no_bundle_is_made_of_rows_that_the_trail_does_not_tell_of(
    lite: Stage, statement: str, asked: dict[str, Any]
) -> None:
    number = casts.approved(lite)
    casts.approved(lite)
    named = [number] if "numbers" in asked else []
    given = {key: value for key, value in asked.items() if key != "numbers"}
    assert written(lite, *named, **given)
    with unguarded(lite.database) as db:
        db.execute(text(statement))
    with pytest.raises(Altered) as caught:
        written(lite, *named, **given)
    assert caught.value.numbers == (number,)
    assert (
        str(caught.value) == f"what is stored of {number} is not what the audit trail says; see audit verify"
    )


def test_names_that_people_chose_are_text(lite: Stage) -> None:
    number = casts.draft(lite)
    casts.save(lite, number, "identification", title="<script>alert(1)</script> & ../../etc")
    casts.take(lite, "ana", number, "submit")
    files = contents(written(lite, number))
    for page in (files["index.html"], files[f"proposals/{number}.html"]):
        assert b"<script>" not in page
        assert b"&lt;script&gt;alert(1)&lt;/script&gt; &amp; ../../etc" in page
        assert b"http://" not in page
        assert b"https://" not in page


def test_the_trail_is_told_in_sentences_by_the_clock_of_geneva(lite: Stage) -> None:
    number = casts.approved(lite)
    page = contents(written(lite, number))[f"proposals/{number}.html"].decode()
    for words in (
        "<p>Desk named Lead lead appraiser.</p>",
        "<p>Asked for comments: PROGRAM, ACT/EMP, ACTRAV, NORMES, GENDER, Turin Centre.</p>",
        "<p>Chief approved the proposal.</p>",
        "When (Geneva)",
        # Nine in the morning by UTC.
        "<td>1 February 2010, 10:00</td>",
    ):
        assert words in page
    chief = lite.people["chief"]
    assert f"<tr><td>{chief.id}</td><td>{chief.name}</td></tr>" in page


def test_what_is_illustrative_is_marked_in_the_copy_that_leaves_the_house(lite: Stage) -> None:
    number, real = casts.approved(lite), casts.approved(lite)
    proposals = tables.proposals
    with by_hand(lite.database, lite.now, number) as db:
        db.execute(update(proposals).where(proposals.c.number == number).values(illustrative=True))
    files = contents(written(lite, number, real))
    pages = ("index.html", f"proposals/{number}.html", f"proposals/{real}.html")
    assert [files[page].count(b"<strong>Illustrative</strong>") for page in pages] == [1, 1, 0]


def _noticed(data: bytes, place: Path, library: Library, ring: Keyring) -> bool:
    try:
        return Checked(data, place, library, ring).fails
    except NoBundle:
        return True


def _same(data: bytes, files: Contents) -> bool:
    try:
        return contents(data) == files
    # What a damaged archive raises is of many kinds.
    except Exception:
        return False


@pytest.mark.thorough
def test_no_changed_byte_goes_unnoticed(
    signed: tuple[str, bytes], library: Library, tmp_path: Path, ring: Keyring
) -> None:
    files = contents(signed[1])
    dice = random.Random(6)  # noqa: S311 - the same places in each run
    # What is wrong with the signature is found after all the rest: one change of it is enough.
    names = sorted(files.keys() - {manifests.SIGNATURE})
    for name in [manifests.SIGNATURE, *dice.choices(names, k=150)]:
        changed = bytearray(files[name])
        changed[dice.randrange(len(changed))] ^= dice.randrange(1, 256)
        assert _noticed(zipped(files | {name: bytes(changed)}), tmp_path, library, ring), name
    # Of the archive itself: what does not change a file, such as the year of one, need not be noticed.
    for _ in range(150):
        raw = bytearray(signed[1])
        raw[dice.randrange(len(raw))] ^= dice.randrange(1, 256)
        assert _same(bytes(raw), files) or _noticed(bytes(raw), tmp_path, library, ring)


Alter = Callable[[Contents, str], None]


def _cut_event(files: Contents, number: str) -> None:
    path = f"events/{number}.jsonl"
    files[path] = b"".join(files[path].splitlines(keepends=True)[:-1])


def _forge_event(files: Contents, number: str) -> None:
    path = f"events/{number}.jsonl"
    lines = files[path].splitlines(keepends=True)
    held = json.loads(lines[2])
    held["body"] = held["body"].replace('"by":', '"by":1')
    held["digest"] = hashlib.sha256(held["body"].encode()).hexdigest()
    lines[2] = manifests.event_line(number, held["sequence"], held["digest"], held["body"])
    files[path] = b"".join(lines)


def _swap_versions(files: Contents, number: str) -> None:
    value = json.loads(files[f"versions/{number}/version-1.json"])
    value["usd"] = "1"
    files[f"versions/{number}/version-1.json"] = canonical(value)


def _rate_otherwise(files: Contents, number: str) -> None:
    path = f"records/{number}/01-appraisal.json"
    value = json.loads(files[path])
    value["appraisal"]["final"] = "NOT_RECOMMENDED"
    files[path] = canonical(value)


def _prove_another(files: Contents, number: str) -> None:
    value = json.loads(files[f"proofs/{number}.json"])
    value["path"] = ["0" * 64]
    files[f"proofs/{number}.json"] = canonical(value)


def _gone(path: str) -> Alter:
    def alter(files: Contents, number: str) -> None:
        del files[path.replace("NUMBER", number)]

    return alter


def _cut_pdf(files: Contents, number: str) -> None:
    files[f"records/{number}/02-decision-fr.pdf"] = files[f"records/{number}/02-decision-fr.pdf"][:-900]


def _swap_pdf(files: Contents, number: str) -> None:
    path = f"records/{number}/02-decision-fr.pdf"
    files[path.replace("02-decision", "01-appraisal")] = files.pop(path)


def _add_pdf(files: Contents, number: str) -> None:
    files[f"records/{number}/03-decision-fr.pdf"] = b"%PDF-1.7"


def _add_file(files: Contents, number: str) -> None:
    files[f"attachments/{hashlib.sha256(b'x').hexdigest()}.pdf"] = b"x"


def _swap_file(files: Contents, number: str) -> None:
    [path] = [name for name in files if name.startswith("attachments/")]
    files[path] = b"x"


def _add_page(files: Contents, number: str) -> None:
    files["README.html"] = b"<h1>Read this</h1>"


def _forge_site(files: Contents, number: str) -> None:
    files["events/site.jsonl"] = files["events/site.jsonl"].splitlines(keepends=True)[0]


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("alter", "check", "said"),
    [
        (_cut_event, "proofs", "its chain is not the one that checkpoint 1 covers"),
        (_cut_event, "records", "02-decision.json is not a record that the audit trail names"),
        (_forge_event, "events", "event 4 does not follow the one before"),
        (_swap_versions, "versions", "version-1.json is not the version that the audit trail names"),
        (_rate_otherwise, "records", "01-appraisal.json is not a record that the audit trail names"),
        (_prove_another, "proofs", "its chain does not stand in the tree of checkpoint 1"),
        (_gone("records/NUMBER/01-appraisal.json"), "records", "a record of TC-2010-0001 is missing"),
        (_gone("versions/NUMBER/version-1.json"), "versions", "version 1 of TC-2010-0001 is missing"),
        (_gone("events/NUMBER.jsonl"), "events", "TC-2010-0001: its events are missing"),
        (_gone("checkpoints/00001.json.p7s"), "checkpoints", "is not signed, though a key was in force"),
        (_gone("checkpoints/00001.json"), "checkpoints", "checkpoint 1 is missing"),
        (_gone("events/site.jsonl"), "site", "The chain of the installation is missing."),
        (_forge_site, "site", "The chain of the installation is not that of checkpoint 1."),
        (
            _cut_pdf,
            "records",
            "fr.pdf: The record says that its file is signed, but the signature is missing",
        ),
        (_swap_pdf, "records", "01-appraisal-fr.pdf embeds another record than the one beside it"),
        (_add_pdf, "records", "03-decision-fr.pdf is of no record in this bundle"),
        (_add_file, "versions", "is a file that no version names"),
        (_swap_file, "versions", "is not the file that its name says"),
        (_add_page, "asked", "README.html is no file that a bundle holds"),
    ],
)
def test_what_was_altered_together_with_the_manifest_is_named(
    signed: tuple[str, bytes],
    plain: tuple[str, bytes],
    library: Library,
    tmp_path: Path,
    ring: Keyring,
    alter: Alter,
    check: str,
    said: str,
) -> None:
    # Reading a PDF takes longer than all the rest.
    number, data = signed if "pdf" in alter.__name__ else plain
    files = contents(data)
    alter(files, number)
    found = Checked(zipped(relisted(files)), tmp_path, library, ring)
    told = [sentence for outcome, sentence in found.said(check) if outcome == "fails"]
    assert any(said in sentence for sentence in told), told
    # Whatever was done, the manifest is no longer the one that was signed, and a key is in force.
    if check != "site":
        assert found.said("signature") == [("fails", "The manifest is not signed, though a key is in force.")]


def test_a_manifest_that_another_signed_is_noticed(
    signed: tuple[str, bytes], library: Library, tmp_path: Path
) -> None:
    other = make_keyring(tmp_path / "other")
    files = relisted({name: held for name, held in contents(signed[1]).items() if "-fr.pdf" not in name})
    files["manifest.json.p7s"] = other.signer().sign_text(files["manifest.json"], casts.START)
    found = Checked(zipped(files), tmp_path, library, other)
    [(outcome, said)] = found.said("signature")
    assert (outcome, "whose key is not in force" in said) == ("fails", True)


def _info(name: str, **changes: Any) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    for key, value in changes.items():
        setattr(info, key, value)
    return info


@pytest.mark.parametrize(
    ("info", "said"),
    [
        (_info("../../etc/passwd"), "a name leads out of it: '../../etc/passwd'"),
        (_info("/etc/passwd"), "a name leads out of it: '/etc/passwd'"),
        (_info("records/../../x"), "a name leads out of it"),
        (_info("C:\\x"), "a name leads out of it"),
        (_info("index.html"), "a name stands in it twice: 'index.html'"),
        (_info("evil\u202egnp.html"), "a name is not one that a bundle holds"),
        (_info("link", external_attr=0o120777 << 16), "it holds what is no file: 'link'"),
        (_info("x.bin", compress_type=zipfile.ZIP_LZMA), "packed in a way that no bundle is"),
    ],
)
def test_archives_that_lead_elsewhere_are_refused(
    signed: tuple[str, bytes], tmp_path: Path, library: Library, info: zipfile.ZipInfo, said: str
) -> None:
    out = io.BytesIO(signed[1])
    warned = (
        pytest.warns(UserWarning, match="Duplicate name") if info.filename == "index.html" else nullcontext()
    )
    with warned, zipfile.ZipFile(out, "a") as archive:
        archive.writestr(info, b"x")
    with pytest.raises(NoBundle) as error:
        Checked(out.getvalue(), tmp_path, library)
    assert said in str(error.value)


def _files(**files: bytes) -> bytes:
    return zipped({name.replace("__", "/").replace("_json", ".json"): data for name, data in files.items()})


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"PK\x03\x04 and then nothing", "it cannot be read as a ZIP"),
        (_files(index=b"x"), "it has no manifest.json"),
        (_files(manifest_json=b"{}"), "manifest.json: it is not written as a manifest is"),
        (_files(manifest_json=b'{"schema": "appraisal-bundle/2"}'), "manifest.json: it is not"),
        (_files(manifest_json=b'{"schema":"appraisal-bundle/1"}'), "its schema is appraisal-bundle/1, not"),
        (
            _files(
                manifest_json=canonical(
                    {
                        "schema": "appraisal-bundle/2",
                        "made_at": "2010-02-01T09:00:00.000000Z",
                        "by": {"id": 0, "name": "system"},
                        "product": "1",
                        "asked": Asked().value(),
                        "proposals": [],
                        "files": [{"path": "../x", "size": 1, "sha256": "0" * 64}],
                    }
                )
            ),
            "manifest.json: it names a file that no bundle holds",
        ),
    ],
)
def test_what_is_no_bundle_is_named(data: bytes, said: str, tmp_path: Path, library: Library) -> None:
    with pytest.raises(NoBundle) as error:
        Checked(data, tmp_path, library)
    assert said in str(error.value)


@pytest.mark.thorough
def test_a_bomb_is_read_no_further_than_it_says(tmp_path: Path, library: Library) -> None:
    entry = Entry("records/x.json", 10, "0" * 64)
    manifest = manifests.manifest([entry], Asked(), (0, "system"), {}, casts.START, "1")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", manifest)
        archive.writestr("SHA256SUMS", manifests.sums([entry], manifest))
        archive.writestr("records/x.json", b"\0" * (200 << 20))
    found = Checked(out.getvalue(), tmp_path, library)
    assert found.said("files") == [("fails", "records/x.json is longer than 10 bytes")]


def test_nothing_is_made_up_where_there_is_no_checkpoint(lite: Stage, tmp_path: Path) -> None:
    found = Checked(written(lite, casts.approved(lite)), tmp_path, lite.library)
    assert not found.fails
    assert found.said("checkpoints") == [
        ("unchecked", "There is no checkpoint, so that none ties the chains to a moment.")
    ]
    assert found.said("site") == [
        ("unchecked", "The chain of the installation holds, but no checkpoint names it.")
    ]


@pytest.mark.thorough
def test_what_no_checkpoint_covers_yet_is_named_and_holds_by_the_signature_alone(
    sites: Mapping[str, Site], library: Library, tmp_path: Path, ring: Keyring
) -> None:
    first, second, _, fourth = sites["signed"].numbers
    newer = [
        f"{second}: event 3 is newer than checkpoint 2",
        f"{fourth}: its chain is newer than checkpoint 2",
    ]
    found = Checked(zipped(sites["signed"].newer), tmp_path, library, ring)
    assert found.outcome == "holds"
    assert found.said("proofs") == [
        *(("holds", f"{said}; the signed manifest vouches for it.") for said in newer),
        ("holds", "Proofs lead to the tree of the newest checkpoint, 2, for 3 of 4 chains."),
    ]
    for name, given in (("signed", None), ("unsigned", ring)):
        found = Checked(zipped(sites[name].newer), tmp_path, library, given)
        assert found.outcome == "unknown"
        assert [said for outcome, said in found.said("proofs") if outcome == "unchecked"] == [
            f"{said}." for said in newer
        ]
    # Whether each record was in force is said as its chain says.
    assert [(entry.number, entry.validity.code, entry.validity.at) for entry in found.checked.standings] == [
        (first, "valid", None),
        (first, "annulled", casts.START + timedelta(days=1, minutes=10)),
        (first, "valid", None),
    ]
    page = sites["signed"].newer[f"proposals/{first}.html"].decode()
    assert page.count("The record is in force") == 2
    assert page.count("No longer in force: the approval was annulled on 2010-02-02.") == 1
    [(outcome, said)] = [entry for entry in found.said("standing") if entry[0] != "holds"]
    assert (outcome, "02-decision.json: No longer in force: the approval was annulled on" in said) == (
        "ended",
        True,
    )


def _member(kind: str, site: Site) -> str:
    numbers = dict(zip(("FIRST", "SECOND", "THIRD", "FOURTH"), site.numbers, strict=True))
    for word, number in numbers.items():
        kind = kind.replace(word, number)
    [name] = [name for name in sorted(site.newer) if re.fullmatch(kind, name)][:1]
    return name


# Every kind of member, with the check that names its absence, and what that says.
MEMBERS = [
    (r"index\.html", "asked", "index.html is missing"),
    (r"record\.schema\.json", "asked", "record.schema.json is missing"),
    (r"definitions/DIGESTS", "asked", "definitions/DIGESTS is missing"),
    (r"definitions/.*\.yaml", "records", "is missing, which definitions/DIGESTS names"),
    (r"attachments/.*", "versions", "names a file that is missing"),
    (r"certificates/.*", "site", "is missing, though the site's chain tells of it"),
    (r"checkpoints/00001\.json", "checkpoints", "checkpoints/00002.json does not follow the one before"),
    (r"checkpoints/00002\.json", "checkpoints", "checkpoint 2 is missing, though the site's chain tells"),
    (r"checkpoints/00001\.json\.p7s", "checkpoints", "is not signed, though a key was in force"),
    (r"checkpoints/00002\.json\.p7s", "checkpoints", "is not signed, though a key was in force"),
    (r"events/site\.jsonl", "site", "The chain of the installation is missing."),
    (r"events/FIRST\.jsonl", "events", "its events are missing"),
    (r"events/FOURTH\.jsonl", "events", "its events are missing"),
    (r"proofs/FIRST\.json", "proofs", "no proof, though it began before checkpoint 2"),
    (r"proofs/SECOND\.json", "proofs", "no proof, though it began before checkpoint 2"),
    (r"proposals/THIRD\.html", "asked", ".html is missing"),
    (r"versions/THIRD/version-1\.json", "versions", "version 1 of"),
    (r"records/FIRST/01-.*", "records", "a record of"),
    (r"records/FIRST/03-.*", "records", "a record of"),
]


@pytest.mark.sampled(10)
@pytest.mark.parametrize("name", ["signed", "unsigned"])
@pytest.mark.parametrize(("kind", "check", "said"), MEMBERS)
def test_no_kind_of_member_can_be_left_out(
    sites: Mapping[str, Site], library: Library, tmp_path: Path, name: str, kind: str, check: str, said: str
) -> None:
    site = sites[name]
    if site.ring is None and ("certificates" in kind or "p7s" in kind):
        return
    path = _member(kind, site)
    files = {member: data for member, data in site.newer.items() if member != path}
    found = Checked(zipped(relisted(files)), tmp_path, library, site.ring)
    told = [sentence for outcome, sentence in found.said(check) if outcome == "fails"]
    assert any(said in sentence for sentence in told), found.findings


def test_every_kind_of_member_is_among_those_left_out(sites: Mapping[str, Site]) -> None:
    site = sites["signed"]
    known = {_member(kind, site).partition("/")[0] for kind, *_ in MEMBERS}
    assert {name.partition("/")[0] for name in site.newer} == known | set(manifests.BESIDE)


@pytest.mark.thorough
def test_whatever_is_left_out_nothing_holds(
    sites: Mapping[str, Site], library: Library, tmp_path: Path
) -> None:
    dice = random.Random(16)  # noqa: S311 - the same subsets in each run
    for site in sites.values():
        members = sorted(site.newer.keys() - set(manifests.BESIDE))
        for _ in range(8):
            gone = set(dice.sample(members, dice.randint(1, len(members))))

            def without(manifest: Any, gone: set[str] = gone) -> None:
                manifest["proposals"] = [
                    entry for entry in manifest["proposals"] if f"events/{entry['number']}.jsonl" not in gone
                ]

            files = {name: data for name, data in site.newer.items() if name not in gone}
            for change in (lambda _: None, without):
                found = Checked(zipped(relisted(files, change)), tmp_path, library, site.ring)
                assert found.outcome == "fails", gone


def _without(number: int) -> Callable[[Any], None]:
    return lambda manifest: manifest["proposals"].pop(number)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("change", "check", "said"),
    [
        (
            lambda held: held.update(made_at="2010-02-01T12:00:00.000000Z"),
            "events",
            "is newer than the bundle says",
        ),
        (lambda held: held["asked"].update(numbers=[]), "", ""),
        (lambda held: held["asked"]["numbers"].pop(), "asked", "was not asked for"),
        (
            lambda held: held["asked"]["numbers"].append("TC-2010-0099"),
            "asked",
            "TC-2010-0099 was asked for and is missing",
        ),
        (lambda held: held["asked"].update(state="approved"), "asked", "is in the state"),
        (
            lambda held: held["asked"].update(languages=["es"]),
            "asked",
            "has no PDF in es, which was asked for",
        ),
        (lambda held: held["by"].update(name="Nobody"), "", ""),
        (_without(0), "asked", "is a proposal of which the manifest says nothing"),
        (
            lambda held: held["proposals"][0].update(sequence=3),
            "asked",
            "by the manifest its chain ended with event 3",
        ),
        (lambda held: held["proposals"][0].update(head="0" * 64), "asked", "by the manifest its chain ended"),
        (lambda held: held["proposals"][0].update(versions=2), "asked", "its versions are not as many"),
        (lambda held: held["proposals"][0]["records"].pop(), "asked", "its records are not those"),
        (
            lambda held: held["proposals"][0]["records"][0].update(languages=["fr"]),
            "records",
            "01-appraisal-fr.pdf is missing",
        ),
    ],
)
def test_a_manifest_is_not_believed_about_its_bundle(
    sites: Mapping[str, Site],
    library: Library,
    tmp_path: Path,
    change: Callable[[Any], None],
    check: str,
    said: str,
) -> None:
    for name, site in sites.items():
        found = Checked(zipped(relisted(site.newer, change)), tmp_path, library, site.ring)
        told = [sentence for outcome, sentence in found.said(check) if outcome == "fails"]
        assert any(said in sentence for sentence in told) or not check, found.findings
        # What nothing but the manifest says, nobody can know but from its signature.
        assert found.outcome == ("fails" if check or name == "signed" else "unknown")
        # Nor is the signature of what it said before worth anything.
        if site.ring is not None:
            files = relisted(site.newer, change) | {"manifest.json.p7s": site.newer["manifest.json.p7s"]}
            found = Checked(zipped(files), tmp_path, library, site.ring)
            assert ("fails", "The signature of the manifest does not hold: altered.") in found.said(
                "signature"
            )


@pytest.mark.parametrize(
    ("asked", "which"),
    [
        ({}, "all proposals"),
        ({"unit": "Nowhere"}, "all proposals of Nowhere"),
        ({"biennium": "1998-99", "unit": "ILO"}, "all proposals of 1998-99, ILO"),
    ],
)
def test_that_all_which_fit_are_there_only_the_signature_says(
    sites: Mapping[str, Site], library: Library, tmp_path: Path, asked: dict[str, str], which: str
) -> None:
    def change(manifest: Any) -> None:
        manifest["asked"].update({"numbers": [], **asked})

    found = Checked(zipped(relisted(sites["unsigned"].newer, change)), tmp_path, library)
    said = f"Asked for were {which}: that these are they only the manifest says."
    assert ("unchecked", said) in found.said("asked")
    assert ("holds", "What the manifest names is there: 4 proposals.") in found.said("asked")


def test_a_signed_bundle_of_all_holds(lite: Stage, library: Library, ring: Keyring, tmp_path: Path) -> None:
    sealed(lite, ring)
    found = Checked(written(lite, ring=ring, languages=()), tmp_path, library, ring)
    said = "Asked for were all proposals: that these are they only the manifest says; the signed manifest vouches for it."
    assert ("holds", said) in found.said("asked")


def _mixed(site: Site, *kinds: str) -> Contents:
    """Return the newer bundle with members of the older one in the place of its own."""
    chosen = {_member(kind, site) for kind in kinds}
    return site.newer | {name: data for name, data in site.older.items() if name in chosen}


@pytest.mark.parametrize("name", ["signed", "unsigned"])
@pytest.mark.parametrize(
    ("kinds", "check", "said"),
    [
        (["events/FIRST.jsonl"], "proofs", "its chain is not the one that checkpoint 2 covers"),
        (["proofs/FIRST.json"], "proofs", "its proof is of checkpoint 1, not of the newest, 2"),
        (
            ["events/FIRST.jsonl", "proofs/FIRST.json"],
            "proofs",
            "its proof is of checkpoint 1, not of the newest",
        ),
        (["events/site.jsonl"], "checkpoints", "is not the one that the site's chain tells of"),
    ],
)
def test_two_honest_bundles_cannot_be_made_one(
    sites: Mapping[str, Site],
    library: Library,
    tmp_path: Path,
    name: str,
    kinds: list[str],
    check: str,
    said: str,
) -> None:
    site = sites[name]
    found = Checked(zipped(relisted(_mixed(site, *kinds))), tmp_path, library, site.ring)
    told = [sentence for outcome, sentence in found.said(check) if outcome == "fails"]
    assert any(said in sentence for sentence in told), found.findings


@pytest.mark.thorough
def test_nothing_of_another_installation_passes(
    sites: Mapping[str, Site], library: Library, tmp_path: Path
) -> None:
    ours, others = sites["signed"].newer, sites["unsigned"].newer
    folders = ("events", "proofs", "records", "versions", "checkpoints", "certificates")
    for kind in folders:
        own = {name for name in ours if name.startswith(f"{kind}/")}
        files = {name: data for name, data in ours.items() if name not in own}
        files |= {name: data for name, data in others.items() if name.startswith(f"{kind}/")}
        if files == ours:
            # The same facts give the same text.
            continue
        for ring in (sites["signed"].ring, None):
            assert Checked(zipped(relisted(files)), tmp_path, library, ring).outcome == "fails", kind


@pytest.mark.thorough
def test_an_older_bundle_holds_as_of_its_moment_and_fails_where_something_newer_was_kept(
    sites: Mapping[str, Site], library: Library, tmp_path: Path
) -> None:
    for name, outcome in (("signed", "holds"), ("unsigned", "unknown")):
        site = sites[name]
        older = zipped(site.older)
        assert Checked(older, tmp_path, library, site.ring).outcome == outcome
        found = Checked(older, tmp_path, library, site.ring, [site.kept])
        assert found.outcome == "fails"
        said = "Checkpoint 2, which was kept, is not in it: the bundle is older or was cut."
        assert ("fails", said) in found.said("checkpoints")
        found = Checked(zipped(site.newer), tmp_path, library, site.ring, [site.kept])
        assert found.outcome == outcome
        said = "Checkpoint 2, which was kept, is in it: the bundle is no older than that."
        assert ("holds", said) in found.said("checkpoints")
        other = sites["unsigned" if name == "signed" else "signed"].kept
        found = Checked(zipped(site.newer), tmp_path, library, site.ring, [other])
        assert ("fails", "Checkpoint 2 is not the one that was kept.") in found.said("checkpoints")


def test_a_chain_that_was_cut_where_the_checkpoint_stood_is_not_said_to_hold(
    sites: Mapping[str, Site], library: Library, tmp_path: Path
) -> None:
    for name, site in sites.items():
        second, fourth = site.numbers[1], site.numbers[3]
        files = {path: data for path, data in site.newer.items() if fourth not in path}
        lines = files[f"events/{second}.jsonl"].splitlines(keepends=True)
        files[f"events/{second}.jsonl"] = b"".join(lines[:-1])

        def cut(
            manifest: Any, second: str = second, fourth: str = fourth, lines: list[bytes] = lines
        ) -> None:
            manifest["asked"]["numbers"].remove(fourth)
            manifest["proposals"] = [held for held in manifest["proposals"] if held["number"] != fourth]
            [held] = [held for held in manifest["proposals"] if held["number"] == second]
            held.update(sequence=len(lines) - 1, head=json.loads(lines[-2])["digest"])

        found = Checked(zipped(relisted(files, cut)), tmp_path, library, site.ring)
        # Nothing in it is wrong; that nothing was left out of it nobody vouches for.
        wrong = {finding.check for finding in found.findings if finding.outcome == "fails"}
        assert wrong == ({"signature"} if name == "signed" else set())
        assert found.outcome == ("fails" if name == "signed" else "unknown")


@pytest.mark.thorough
def test_a_site_that_signed_once_is_expected_to_sign(
    lite: Stage, ring: Keyring, tmp_path: Path, library: Library
) -> None:
    with lite.database.begin() as db:
        issuers.use_key(db, ring.signer(), lite.now)
    number = casts.approved(lite)
    checkpoints.checkpoint(lite.database, lite.now, ring.signer())
    lite.wait(hours=1)
    with lite.database.begin() as db:
        issuers.retire_key(db, lite.now)
    lite.wait(hours=1)
    casts.take(lite, "desk", number, "send_to_donor")
    checkpoints.checkpoint(lite.database, lite.now)
    found = Checked(written(lite, number), tmp_path, library, ring)
    assert found.outcome == "unknown"
    assert found.said("checkpoints")[0] == (
        "unchecked",
        "Of the checkpoints, 2: not signed, though earlier ones are; why, only the site's own chain says.",
    )
    [(outcome, said)] = found.said("signature")
    assert (outcome, "This installation has signed before" in said) == ("unchecked", True)
    # Once it signs again, that vouches for what is before it.
    again = make_keyring(tmp_path / "again")
    with lite.database.begin() as db:
        issuers.use_key(db, again.signer(), lite.now)
    checkpoints.checkpoint(lite.database, lite.now, again.signer())
    found = Checked(written(lite, number, ring=again), tmp_path, library, again)
    assert [said for outcome, said in found.said("checkpoints") if outcome == "unchecked"] == []


@pytest.mark.thorough
def test_a_key_that_expired_is_no_fault_of_a_bundle(
    lite: Stage, ring: Keyring, tmp_path: Path, library: Library
) -> None:
    short = make_keyring(tmp_path / "short", since=2009, until=2011)
    with lite.database.begin() as db:
        issuers.use_key(db, short.signer(), lite.now)
    casts.approved(lite)
    checkpoints.checkpoint(lite.database, lite.now, short.signer())
    # Records are issued unsigned before anybody has noted that the key has expired.
    lite.now = datetime(2011, 1, 1, 5, tzinfo=UTC)
    number = casts.approved(lite)
    lite.wait(hours=3)
    checkpoints.checkpoint(lite.database, lite.now, short.signer())
    honest = written(lite, number)
    found = Checked(honest, tmp_path, library, short)
    assert (found.outcome, [entry for entry in found.findings if entry.outcome == "fails"]) == ("unknown", [])
    said = (
        "The manifest is not signed, as the key expired on 2011-01-01. That none has been in force since only"
    )
    assert found.said("signature") == [("unchecked", f"{said} the site's chain says.")]
    assert found.said("records") == [
        ("holds", "Records that the audit trail names: 2; PDFs that embed them: 0.")
    ]
    files = contents(honest)
    for change in (
        lambda manifest: manifest.pop("unsigned"),
        lambda manifest: manifest["unsigned"].update(key_expired="2010-06-01T00:00:00.000000Z"),
    ):
        assert Checked(zipped(relisted(files, change)), tmp_path, library, short).fails
    with pytest.raises(NoBundle, match="manifest is"):
        Checked(
            zipped(relisted(files, lambda manifest: manifest["unsigned"].update(key_expired="never"))),
            tmp_path,
            library,
        )


@pytest.mark.thorough
def test_nobody_makes_a_key_expire_that_has_not(
    lite: Stage, ring: Keyring, tmp_path: Path, library: Library
) -> None:
    """Neither in the manifest nor in the chain of the installation, to leave its signature out."""
    _, honest = sealed(lite, ring, draws=False)
    files = contents(honest)
    never = "2010-01-15T00:00:00.000000Z"

    def says(manifest: Any) -> None:
        manifest["unsigned"] = {"key_expired": never}

    found = Checked(zipped(relisted(files, says)), tmp_path, library, ring)
    assert ("fails", "The manifest is not signed, though a key is in force.") in found.said("signature")
    with lite.database.begin() as db:
        site_chain.lock(db)
        facts = {"address": "", "fingerprint": "", "subject": "", "expired": never}
        site_chain.append(db, lite.now, 0, "issuer", facts)
    with lite.database.read() as db:
        rows = [
            manifests.event_line("site", row.sequence, row.digest, row.body) for row in site_chain.chain(db)
        ]
    found = Checked(
        zipped(relisted({**files, "events/site.jsonl": b"".join(rows)}, says)), tmp_path, library, ring
    )
    told = [said for outcome, said in found.said("site") if outcome == "fails"]
    key = ring.signer().fingerprint
    assert told == [f"by the site's chain the key {key} expired on 2010-01-15, by its certificate it did not"]


def test_pdfs_that_were_asked_for_are_there_or_there_is_no_bundle(
    lite: Stage,
) -> None:
    number = casts.approved(lite)
    with pytest.raises(Undrawn, match="not drawn yet: 2 in en, 2 in fr"):
        written(lite, number, languages=("en", "fr"))
    with lite.database.begin() as db:
        for row in db.execute(select(RECORDS)).all():
            for language in ("en", "fr", "es"):
                records.keep_rendering(
                    db, lite.files, row.id, language, casts.PDF + language.encode(), lite.now
                )
    files = contents(written(lite, number, languages=("en", "es")))
    drawn = [name for name in files if name.startswith("records/") and name.endswith(".pdf")]
    assert sorted(name[-6:-4] for name in drawn) == ["en", "en", "es", "es"]
    held = json.loads(files["manifest.json"])
    assert held["asked"]["languages"] == ["en", "es"]
    [proposal] = held["proposals"]
    assert [record["languages"] for record in proposal["records"]] == [["en", "es"]] * 2


def test_a_register_names_what_another_installation_issued(
    sites: Mapping[str, Site], lite: Stage, library: Library, tmp_path: Path
) -> None:
    casts.approved(lite)
    checked = Checked(zipped(sites["unsigned"].newer), tmp_path, library).checked
    with lite.database.read() as db:
        found = known_here.bundle_findings(db, checked)
    said = [entry.say("en") for entry in found if entry.outcome == "fails"]
    first, second, *_ = sites["unsigned"].numbers
    assert f"The chain of {first} is not one that this installation has, or had." in said
    assert f"The chain of {second} is not one that this installation has, or had." in said
    assert "This installation has the chains" not in " ".join(entry.say("en") for entry in found)


@pytest.mark.thorough
@pytest.mark.parametrize("revision", REVISIONS)
def test_a_bundle_of_what_earlier_versions_wrote_does_not_fail(
    lite: Stage, revision: str, library: Library, tmp_path: Path
) -> None:
    histories.load(lite.database, revision, tmp_path)
    upgrades.upgrade(lite.database)
    lite.files.keep(casts.PDF)
    checkpoints.checkpoint(lite.database, lite.now)
    out = io.BytesIO()
    with lite.database.read() as db:
        order = bundles.order(db, Asked(), clock.now())
        bundles.write(db, lite.files, library, order, out, clock.now(), "en")
    found = Checked(out.getvalue(), tmp_path, library)
    failing = [entry for entry in found.findings if entry.outcome == "fails"]
    # Some wrote of units whom they let go that these had let their date pass.
    assert [
        entry.say("en")
        for entry in failing
        if entry.check != "records" or "but this was noted before that day had ended" not in entry.say("en")
    ] == []
