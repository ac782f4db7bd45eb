"""Bundles: what they hold, and that nothing that was done to one goes unnoticed."""

import hashlib
import io
import json
import random
import subprocess
import zipfile
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from appraisal.canonical import canonical
from appraisal.definitions.library import Library
from appraisal.domain import bundles as manifests
from appraisal.domain.bundles import Entry
from appraisal.domain.findings import does_anything_fail
from appraisal.pdf.rendering import render
from appraisal.services import audits, bundle_checks, bundles, issuers, proposals, records
from appraisal.services.bundle_checks import NoBundle
from appraisal.services.bundles import Incomplete, Nothing
from appraisal.services.issuers import KeyMissing
from appraisal.storage import tables
from appraisal.storage.bundles import Query
from appraisal.storage.files import Files
from tests import casts
from tests.casts import Stage
from tests.databases import SqliteCopies
from tests.keys import Keyring, make_keyring

RECORDS = tables.Record.__table__
Contents = dict[str, bytes]


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    return make_keyring(tmp_path_factory.mktemp("keys"))


def written(stage: Stage, *numbers: str, ring: Keyring | None = None, **asked: str) -> bytes:
    out = io.BytesIO()
    with stage.database.read() as db:
        order = bundles.order(db, Query(numbers, **asked), stage.now, ring.signer() if ring else None)
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


def relisted(files: Contents) -> Contents:
    """Return files with a manifest that fits them, as whoever altered one would write it."""
    held = {name: data for name, data in files.items() if name not in manifests.BESIDE}
    entries = [Entry(name, len(data), hashlib.sha256(data).hexdigest()) for name, data in held.items()]
    old = json.loads(files["manifest.json"])
    old["files"] = [
        {"path": entry.path, "size": entry.size, "sha256": entry.sha256} for entry in sorted(entries)
    ]
    manifest = canonical(old)
    return held | {"manifest.json": manifest, "SHA256SUMS": manifests.sums(entries, manifest)}


class Checked:
    """What was found out about a bundle, by check."""

    def __init__(self, data: bytes, place: Path, library: Library, ring: Keyring | None = None) -> None:
        file = place / "bundle.zip"
        file.write_bytes(data)
        grounds = (ring or Keyring(place, b"", b"")).grounds()
        given = grounds if ring else replace(grounds, trust=())
        _, self.findings = bundle_checks.check(file, library, given)
        self.fails = does_anything_fail(self.findings)

    def said(self, check: str) -> list[tuple[str, str]]:
        return [(entry.outcome, entry.say("en")) for entry in self.findings if entry.check == check]


def sealed(stage: Stage, ring: Keyring) -> tuple[str, bytes]:
    """Write a bundle of one proposal, signed and covered by a checkpoint, with the PDF of its decision."""
    with stage.database.begin() as db:
        issuers.use_key(db, ring.signer(), stage.now)
    number = casts.approved(stage)
    casts.submitted(stage)
    with stage.database.begin() as db:
        row = db.execute(select(RECORDS).where(RECORDS.c.kind == "decision")).one()
        pdf = ring.signer().sign_pdf(render(json.loads(row.value), "fr"), stage.now)
        records.keep_rendering(db, stage.files, row.id, "fr", pdf, stage.now)
    audits.checkpoint(stage.database, stage.now, ring.signer())
    return number, written(stage, number, ring=ring)


@pytest.fixture(scope="module")
def signed(
    sqlite_copies: SqliteCopies, library: Library, ring: Keyring, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, bytes]:
    """Such a bundle, made once."""
    with sqlite_copies.copied("staffed", casts.create_people) as opened:
        return sealed(casts.opened_stage(opened, library, Files(tmp_path_factory.mktemp("files"))), ring)


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
        "events",
        "checkpoints",
        "proofs",
        "site",
        "versions",
        "records",
    ]
    # Without anybody's word on who signed it, that is what cannot be checked.
    nobody = Checked(data, tmp_path, stage.library)
    assert not nobody.fails
    assert [outcome for outcome, _ in nobody.said("signature")] == ["unchecked"]


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


def test_what_is_illustrative_is_marked_in_the_copy_that_leaves_the_house(lite: Stage) -> None:
    number, real = casts.approved(lite), casts.approved(lite)
    proposals = tables.Proposal.__table__
    with lite.database.begin() as db:
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


def _forge_site(files: Contents, number: str) -> None:
    files["events/site.jsonl"] = files["events/site.jsonl"].splitlines(keepends=True)[0]


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
    ],
)
def test_what_was_altered_together_with_the_manifest_is_named(
    signed: tuple[str, bytes],
    library: Library,
    tmp_path: Path,
    ring: Keyring,
    alter: Alter,
    check: str,
    said: str,
) -> None:
    number, data = signed
    files = contents(data)
    alter(files, number)
    if "pdf" not in said:
        # Reading a PDF takes longer than all the rest.
        files = {
            name: held for name, held in files.items() if not name.startswith("records/") or "json" in name
        }
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
        (_files(manifest_json=b'{"schema": "appraisal-bundle/1"}'), "manifest.json: it is not"),
        (
            _files(
                manifest_json=canonical(
                    {
                        "schema": "appraisal-bundle/1",
                        "made_at": "",
                        "asked": {},
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


def test_a_bomb_is_read_no_further_than_it_says(tmp_path: Path, library: Library) -> None:
    entry = Entry("records/x.json", 10, "0" * 64)
    manifest = manifests.manifest([entry], {}, casts.START, "1")
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
        ("unchecked", "There is no checkpoint, so nothing ties the chains to a moment.")
    ]
    assert found.said("site") == [
        ("unchecked", "The chain of the installation holds, but no checkpoint names it.")
    ]
