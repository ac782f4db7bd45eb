"""appraisal keys: a key is made, taken into force, and what it signed is verified by command."""

import json
import re
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from appraisal.cli import main
from appraisal.database.engine import Database
from appraisal.definitions.library import Library
from appraisal.printing.rendering import render
from appraisal.records.services import issuers
from appraisal.records.signing.signer import open_signer
from appraisal.settings import read_settings
from tests.keys import make_keyring
from tests.printing.samples import sample_of

SETTINGS = (
    "APPRAISAL_SIGNER",
    "APPRAISAL_SIGNER_PASSWORD",
    "APPRAISAL_TRUST",
    "APPRAISAL_REVOCATIONS",
    "APPRAISAL_TIMESTAMPS",
    "APPRAISAL_DATABASE",
    "APPRAISAL_ADDRESS",
)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("APPRAISAL_DATA", str(tmp_path / "data"))
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def exported(result: Result, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Set what a new authority says is to be set."""
    found = dict(re.findall(r"export (\w+)=(\S+)", result.output))
    for name, value in found.items():
        monkeypatch.setenv(name, value)
    return found


def test_a_key_is_made_taken_into_force_and_retired(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("db", "upgrade").exit_code == 0
    assert run("keys", "show").output == "No key was ever in force; nothing is signed.\n"
    made = run("keys", "make-test-authority", "keys", "--organisation", "Test office", "--password", "sesame")
    assert made.exit_code == 0, made.output
    assert sorted(exported(made, monkeypatch)) == [
        "APPRAISAL_REVOCATIONS",
        "APPRAISAL_SIGNER",
        "APPRAISAL_SIGNER_PASSWORD",
        "APPRAISAL_TRUST",
    ]
    assert (tmp_path / "keys" / "signer.p12").stat().st_mode & 0o777 == 0o600
    used = run("keys", "use")
    assert used.exit_code == 0, used.output
    assert used.output.startswith(
        "The key of TEST ONLY - Test office, Test office is in force from now on; its"
    )
    assert "is in force already" in run("keys", "use").output
    [entry] = json.loads(run("keys", "show", "--json").output)
    assert entry["subject"] == "TEST ONLY - Test office, Test office"
    checkpoint = run("audit", "checkpoint", "--out", "kept.json")
    assert checkpoint.exit_code == 0, checkpoint.output
    again = run("audit", "verify", "--against", "kept.json")
    assert (again.exit_code, again.output.splitlines()[-1]) == (0, "Nothing is wrong.")
    assert "1 signature of a checkpoint" in again.output
    assert run("keys", "retire").output == "Nothing is signed from now on.\n"
    assert run("keys", "retire").output == "No key is in force.\n"
    assert "not signed" in run("keys", "show").output


def test_a_key_is_shown_once_under_its_newest_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = datetime(2010, 1, 4, 8, tzinfo=UTC)
    ring = make_keyring(tmp_path / "ring")
    run("db", "upgrade")
    database = Database(f"sqlite:///{tmp_path / 'data' / 'appraisal.sqlite3'}")
    with database.begin() as db:
        issuers.use_key(db, ring.signer(), begun)
        issuers.note_address(db, "https://first.example.org", begun)
    signer = ring.signer()
    key = f"since 2010-01-04 08:00 UTC: {signer.subject} (SHA-256 {signer.fingerprint}); address: "
    expiry = "The certificate of the key in force expires on 2040-01-01.\n"
    assert run("keys", "show").output == f"{key}https://first.example.org\n{expiry}"

    with database.begin() as db:
        issuers.note_address(db, "https://second.example.org", begun + timedelta(days=1))
        issuers.retire_key(db, begun + timedelta(days=2))
    database.close()

    assert run("keys", "show").output.splitlines() == [
        f"{key}https://second.example.org since 2010-01-05 08:00 UTC",
        "since 2010-01-06 08:00 UTC: not signed; address: https://second.example.org",
    ]
    told = json.loads(run("keys", "show", "--json").output)
    assert [entry["address"] for entry in told] == [
        "",
        "https://first.example.org",
        "https://second.example.org",
        "https://second.example.org",
    ]


def test_a_third_party_verifies_a_checkpoint_with_openssl(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("db", "upgrade")
    exported(run("keys", "make-test-authority", "keys"), monkeypatch)
    run("keys", "use")
    assert run("audit", "checkpoint", "--out", "kept.json").exit_code == 0
    command = "openssl cms -verify -binary -inform DER -in kept.json.p7s -content kept.json -CAfile keys/authority.pem"
    done = subprocess.run(  # noqa: S603 - a tool of the machine
        [*command.split(), "-purpose", "any", "-out", "said.json"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "said.json").read_bytes() == (tmp_path / "kept.json").read_bytes()


@pytest.mark.thorough
def test_what_cannot_be_signed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("db", "upgrade")
    assert (run("keys", "use").exit_code, run("keys", "use").output) == (
        2,
        "APPRAISAL_SIGNER names no key.\n",
    )
    made = exported(run("keys", "make-test-authority", "keys"), monkeypatch)
    refused = run("keys", "make-test-authority", "keys")
    assert (refused.exit_code, refused.output) == (2, "keys: authority.pem is there already\n")
    run("keys", "use")
    monkeypatch.delenv("APPRAISAL_SIGNER")
    monkeypatch.delenv("APPRAISAL_REVOCATIONS")
    for command in (("audit", "checkpoint"), ("tick",)):
        result = run(*command)
        assert result.exit_code == 1
        assert (
            "The checkpoint cannot be signed: the key of TEST ONLY - Example organisation, Example "
            in result.output
        )
    monkeypatch.setenv("APPRAISAL_SIGNER", made["APPRAISAL_SIGNER"])
    monkeypatch.setenv("APPRAISAL_SIGNER_PASSWORD", "wrong")
    result = run("keys", "use")
    assert result.exit_code == 2
    assert "cannot be opened with the password given" in result.output
    expired = make_keyring(tmp_path / "old", since=2000, until=2005)
    monkeypatch.setenv("APPRAISAL_SIGNER", str(expired.folder / "signer.p12"))
    monkeypatch.setenv("APPRAISAL_SIGNER_PASSWORD", "sesame")
    result = run("keys", "use")
    assert (result.exit_code, result.output[:66]) == (
        2,
        "The key cannot be used: the certificate of TEST ONLY - Example, Ex",
    )


@pytest.mark.thorough
def test_a_signed_record_is_verified_and_a_signature_that_is_missing_is_seen(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = exported(run("keys", "make-test-authority", "keys"), monkeypatch)
    value = sample_of(library).record() | {"issuer": {"address": "", "signed": True}}
    key = read_settings(data=tmp_path / "data").signer
    assert key is not None
    plain = render(value, "fr")
    with open_signer(key) as signer:
        signed = signer.sign_pdf(plain, signer.not_before)
    (tmp_path / "signed.pdf").write_bytes(signed)
    (tmp_path / "cut.pdf").write_bytes(plain)
    (tmp_path / "more.pdf").write_bytes(signed + b"% more\n")
    monkeypatch.delenv("APPRAISAL_TRUST")
    monkeypatch.delenv("APPRAISAL_REVOCATIONS")

    def outcomes(*arguments: object) -> tuple[int, dict[str, str]]:
        result = run("verify", "--json", *arguments)
        [entry] = json.loads(result.output)
        return result.exit_code, {
            finding["check"]: f"{finding['outcome']}: {finding['sentence']}"
            for finding in entry["findings"]
            if finding["check"] in ("signature", "signer", "pages")
        }

    whole = "holds: The file carries one signature, which covers all of it and allows no change."
    code, found = outcomes("--trust", made["APPRAISAL_TRUST"], "signed.pdf")
    assert (code, found["signature"]) == (0, whole)
    assert found["signer"].startswith(
        "holds: Signed by TEST ONLY - Example organisation, Example organisation, whose"
    )
    assert found["pages"] == "holds: The signature vouches for what the pages say."
    code, found = outcomes("signed.pdf")
    assert (code, found["signature"]) == (0, whole)
    assert found["signer"].startswith("unchecked: The certificate names TEST ONLY")
    assert found["pages"].startswith("unchecked: ")
    assert outcomes("--render", "signed.pdf")[1]["pages"].startswith("holds: Drawn again here")
    code, found = outcomes("cut.pdf")
    assert (code, found["signature"]) == (
        1,
        "fails: The record says that its file is signed, but the signature is missing: it was cut off.",
    )
    code, found = outcomes("--trust", made["APPRAISAL_TRUST"], "more.pdf")
    assert (code, found["signature"]) == (1, "fails: Something was appended to the file after it was signed.")
    assert found["pages"] == "fails: The signature does not hold, so nothing vouches for the pages."
    other = make_keyring(tmp_path / "other").folder / "authority.pem"
    code, found = outcomes("--trust", other, "signed.pdf")
    assert (code, found["signer"][:60]) == (1, "fails: No authority that is trusted here issued the certific")
    result = run("verify", "--trust", "signed.pdf", "signed.pdf")
    assert (result.exit_code, result.output) == (2, "signed.pdf: this is no certificate in PEM or DER\n")


def test_a_key_that_expired_is_shown_as_such_and_one_that_was_retired_is_not(tmp_path: Path) -> None:
    """Whether or not that was noted yet."""
    assert run("db", "upgrade").exit_code == 0
    short = make_keyring(tmp_path, since=2009, until=2011).signer()
    said = "The certificate of the last key expired on 2011-01-01: nothing is signed.\n"
    database = Database(read_settings().database)
    with database.begin() as db:
        issuers.use_key(db, short, datetime(2010, 3, 1, tzinfo=UTC))
    assert run("keys", "show").stdout.endswith(said)
    with database.begin() as db:
        issuers.end_expired(db, datetime(2011, 2, 1, tzinfo=UTC))
    assert run("keys", "show").stdout.endswith(said)
    with database.begin() as db:
        issuers.use_key(db, short, datetime(2010, 3, 1, tzinfo=UTC))
        issuers.retire_key(db, datetime(2010, 4, 1, tzinfo=UTC))
    assert "expired" not in run("keys", "show").stdout
