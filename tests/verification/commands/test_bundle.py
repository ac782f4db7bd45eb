"""appraisal bundle, and appraisal verify of what it writes."""

import hashlib
import json
import re
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text

from appraisal.cli import main
from appraisal.records.services import issuers
from appraisal.verification.services import checkpoints
from tests import casts
from tests.casts import Stage
from tests.keys import PASSWORD, make_keyring
from tests.tampering import unguarded


@pytest.fixture
def number(lite: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An approved proposal, beside one that was submitted, in the database that the settings name."""
    for name in ("APPRAISAL_SIGNER", "APPRAISAL_TRUST", "APPRAISAL_LANGUAGE"):
        monkeypatch.delenv(name, raising=False)
    # The store of the stage lies where that of an installation with this folder does.
    monkeypatch.setenv("APPRAISAL_DATA", str(tmp_path))
    monkeypatch.setenv("APPRAISAL_DATABASE", lite.database.url)
    found = casts.approved(lite)
    casts.submitted(lite)
    checkpoints.checkpoint(lite.database, lite.now)
    return found


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, list(map(str, arguments)))


def proposals(file: Path) -> list[str]:
    with zipfile.ZipFile(file) as archive:
        return sorted(name for name in archive.namelist() if name.startswith("proposals/"))


def test_a_bundle_is_written_and_verified(number: str, tmp_path: Path) -> None:
    out = tmp_path / "bundle.zip"
    result = run("bundle", number, "-o", out)
    assert result.exit_code == 0, result.output
    assert result.output == f"1 proposal in {out}\nSHA-256 {hashlib.sha256(out.read_bytes()).hexdigest()}\n"
    assert proposals(out) == [f"proposals/{number}.html"]
    # Nothing is left beside it.
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []

    # Nobody signed it: nothing is wrong, and that nothing was left out cannot be known.
    result = run("verify", out)
    assert result.exit_code == 4, result.output
    assert re.search(
        r"holds +Records +Records that the audit trail names: 2; PDFs that embed them: 0\.", result.output
    )
    assert re.search(r"NOT KNOWN +Signature +The manifest is not signed: what was asked", result.output)
    assert result.output.splitlines()[-1] == "  Nothing fails; 4 cannot be known here."
    said = " ".join(result.output.split())
    assert f"asked for on the command line: {number}, the PDFs that there were." in said
    [entry] = json.loads(run("verify", "--json", out).output)
    assert (entry["outcome"], entry["asked"]["numbers"]) == ("unknown", [number])
    assert [(record["number"], record["validity"]["status"]) for record in entry["records"]] == [
        (number, "valid")
    ] * 2
    assert entry["digest"] == hashlib.sha256(zipfile.ZipFile(out).read("manifest.json")).hexdigest()
    assert {finding["check"] for finding in entry["findings"]} >= {"files", "events", "proofs", "records"}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [(["--all"], 2), (["--biennium", "2010-11"], 1), (["--state", "submitted"], 1)],
)
def test_what_is_asked_for_is_taken(number: str, tmp_path: Path, arguments: list[str], expected: int) -> None:
    out = tmp_path / "bundle.zip"
    assert run("bundle", *arguments, "-o", out).exit_code == 0
    assert len(proposals(out)) == expected


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 2, "Give one of three"),
        (["TC-2010-0001", "--all"], 2, "Give one of three"),
        (["--all", "--unit", "SKILLS"], 2, "Give one of three"),
        (["--biennium", "2011-12"], 2, "Invalid value for '--biennium'"),
        (["--language", "de", "--all"], 2, "Invalid value for '--language'"),
        (["--pdf", "de", "--all"], 2, "Invalid value for '--pdf'"),
        (["--pdf", "en", "--all"], 1, "PDFs that were asked for are not drawn yet: 2 in en."),
        (["TC-2010-0001", "TC-1999-0001"], 1, "There is no proposal TC-1999-0001."),
        (["--state", "funded"], 1, "No proposal fits what was asked."),
    ],
)
def test_what_cannot_be_asked_is_named_and_nothing_is_written(
    number: str, tmp_path: Path, arguments: list[str], code: int, said: str
) -> None:
    result = run("bundle", *arguments, "-o", tmp_path / "bundle.zip")
    assert (result.exit_code, said in result.output) == (code, True), result.output
    assert {path.name for path in tmp_path.iterdir()} <= {"files", "secret"}


@pytest.mark.thorough
def test_a_file_is_replaced_only_where_that_is_said(number: str, tmp_path: Path) -> None:
    out = tmp_path / "bundle.zip"
    out.write_text("mine")
    assert run("bundle", "--all", "-o", out).exit_code == 2
    # What fails on the way leaves it as it was.
    assert run("bundle", "TC-1999-0001", "--force", "-o", out).exit_code == 1
    assert out.read_text() == "mine"
    assert run("bundle", "--all", "--force", "-o", out).exit_code == 0
    assert zipfile.is_zipfile(out)
    assert run("bundle", "--all", "-o", tmp_path / "none" / "bundle.zip").exit_code == 2


def test_what_is_not_stored_as_the_trail_says_is_written_nowhere(
    lite: Stage, number: str, tmp_path: Path
) -> None:
    with unguarded(lite.database) as db:
        db.execute(text("UPDATE proposals SET state = 'rejected'"))
    result = run("bundle", number, "-o", tmp_path / "bundle.zip")
    said = f"what is stored of {number} is not what the audit trail says; see audit verify."
    assert (result.exit_code, result.output) == (1, f"The bundle cannot be made: {said}\n")
    assert not (tmp_path / "bundle.zip").exists()


@pytest.mark.thorough
def test_a_key_in_force_signs_it_and_is_asked_for(
    lite: Stage, number: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring = make_keyring(tmp_path / "keys")
    with lite.database.begin() as db:
        issuers.use_key(db, ring.signer(), lite.now)
    out = tmp_path / "bundle.zip"
    result = run("bundle", number, "-o", out)
    assert (result.exit_code, "APPRAISAL_SIGNER names none" in result.output) == (1, True)
    assert not out.exists()
    monkeypatch.setenv("APPRAISAL_SIGNER", str(ring.folder / "signer.p12"))
    monkeypatch.setenv("APPRAISAL_SIGNER_PASSWORD", PASSWORD)
    assert run("bundle", number, "-o", out).exit_code == 0
    result = run("verify", "--trust", ring.folder / "authority.pem", out)
    assert (result.exit_code, "The manifest is signed by TEST ONLY" in result.output) == (0, True)


@pytest.mark.thorough
def test_a_checkpoint_that_was_kept_shows_how_new_a_bundle_is(
    lite: Stage, number: str, tmp_path: Path
) -> None:
    out, kept, other = (tmp_path / name for name in ("bundle.zip", "kept.json", "other.txt"))
    assert run("bundle", number, "-o", out).exit_code == 0
    assert run("audit", "checkpoint", "--out", kept).exit_code == 0
    result = run("verify", "--checkpoint", kept, out)
    assert (result.exit_code, "no older than that" in " ".join(result.output.split())) == (4, True)
    # Whoever kept it knows it, signed or not.
    assert "so nothing says who made them" in " ".join(run("verify", out).output.split())
    assert "so nothing says who made them" not in " ".join(result.output.split())
    casts.submitted(lite)
    checkpoints.checkpoint(lite.database, lite.now)
    assert run("audit", "checkpoint", "--out", kept).exit_code == 0
    result = run("verify", "--checkpoint", kept, out)
    said = "Checkpoint 2, which was kept, is not in it: the bundle is older or was cut."
    assert (result.exit_code, said in " ".join(result.output.split())) == (1, True)
    other.write_text("Hello.")
    result = run("verify", "--checkpoint", other, out)
    assert (result.exit_code, "this is no checkpoint" in result.output) == (2, True)


@pytest.mark.thorough
def test_the_register_says_what_ended_since_the_bundle_was_made(
    lite: Stage, number: str, tmp_path: Path
) -> None:
    out = tmp_path / "bundle.zip"
    assert run("bundle", number, "-o", out).exit_code == 0
    result = run("verify", "--register", out)
    said = " ".join(result.output.split())
    assert (result.exit_code, "has issued its records (2)" in said) == (4, True)
    casts.take(lite, "chief", number, "propose_annulment", note="Wrong fund.")
    casts.take(lite, "deputy", number, "annul", note="So it is.")
    [entry] = json.loads(run("verify", "--register", "--json", out).output)
    first, second = entry["findings"][:2]
    assert (first["check"], first["outcome"]) == ("register", "ended")
    assert "02-decision.json: No longer in force: the approval was annulled on" in first["sentence"]
    assert (second["check"], second["outcome"]) == ("register", "holds")


@pytest.mark.thorough
def test_what_fails_and_what_is_no_bundle_have_codes_of_their_own(number: str, tmp_path: Path) -> None:
    out, cut, other = (tmp_path / name for name in ("bundle.zip", "cut.zip", "other.zip"))
    assert run("bundle", number, "-o", out).exit_code == 0
    cut.write_bytes(out.read_bytes()[:-100])
    with zipfile.ZipFile(out) as archive, zipfile.ZipFile(other, "w") as copy:
        for name in archive.namelist():
            copy.writestr(name, archive.read(name) + (b" " if name == "index.html" else b""))
    result = run("verify", other)
    assert result.exit_code == 1
    assert re.search(r"FAILS +Files +index\.html is longer than \d+ bytes", result.output)
    result = run("verify", "--json", cut, out)
    assert result.exit_code == 2
    first, second = json.loads(result.output)
    assert (first["outcome"], second["outcome"]) == ("unreadable", "unknown")
    assert first["reason"].startswith("it cannot be read as a ZIP")


@pytest.mark.thorough
def test_progress_is_shown_to_a_terminal_alone(
    number: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "bundle.zip"
    assert "of 2" not in run("bundle", "--all", "-o", out).stderr
    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda _: True)
    result = run("bundle", "--all", "--force", "-o", out)
    assert "\rProposals: 2 of 2 \n" in result.stderr
    assert "\r2 of 2 \n" in run("verify", out).stderr
