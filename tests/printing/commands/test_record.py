"""appraisal record and drawings: what is given out verifies, what was given up is taken up again."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import update

from appraisal import clock
from appraisal.cli import main
from appraisal.database import tables
from appraisal.records.services import issuers
from tests import casts
from tests.casts import Stage
from tests.keys import Keyring, make_keyring

JOBS = tables.jobs


@pytest.fixture
def ring(tmp_path: Path) -> Keyring:
    return make_keyring(tmp_path / "keys")


@pytest.fixture
def place(lite: Stage, ring: Keyring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A site with a signed record, as commands see it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("APPRAISAL_DATABASE", lite.database.url)
    monkeypatch.setenv("APPRAISAL_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("APPRAISAL_SIGNER_PASSWORD", "sesame")
    monkeypatch.setattr(clock, "now", lambda: lite.now)
    with lite.database.begin() as db:
        issuers.use_key(db, ring.signer(), lite.now)
    casts.awaiting(lite)
    return lite


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.mark.thorough
def test_a_record_that_is_given_out_is_signed_as_it_promises_and_in_the_register(
    place: Stage, ring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = run("record", "TC-2010-0001", "-o", "one.pdf")
    assert result.exit_code == 1
    assert "The record is to be signed, and cannot be: the key of" in result.output
    monkeypatch.setenv("APPRAISAL_SIGNER", str(ring.folder / "signer.p12"))
    for name, more in (("one.pdf", []), ("same.pdf", []), ("again.pdf", ["--again"])):
        result = run("record", "TC-2010-0001", "-o", name, *more)
        assert result.exit_code == 0, result.output
    first, same, again = (Path(name).read_bytes() for name in ("one.pdf", "same.pdf", "again.pdf"))
    assert first == same != again
    for name in ("one.pdf", "again.pdf"):
        result = run("verify", "--register", "--trust", ring.folder / "authority.pem", name)
        assert result.exit_code == 0, result.output
    assert "an earlier drawing of it" in " ".join(run("verify", "--register", "one.pdf").output.split())


@pytest.mark.thorough
def test_what_is_drawn_of_a_file_says_that_it_is_not_signed(place: Stage) -> None:
    Path("value.json").write_text(run("record", "TC-2010-0001", "--json").output)
    result = run("record", "value.json", "-o", "preview.pdf")
    assert result.exit_code == 0
    assert "This one is not, and “appraisal verify” will say so." in result.stderr


def test_drawings_that_were_given_up_are_named_and_tried_again(place: Stage) -> None:
    assert run("drawings").output == "1 waiting.\n0 given up.\n"
    with place.database.begin() as db:
        drawings = update(JOBS).where(JOBS.c.kind == "render")
        db.execute(drawings.values(dead_at=place.now, error="RenderingFailed: refused"))
    result = run("drawings")
    assert result.exit_code == 1
    assert result.output.splitlines()[-1].endswith("TC-2010-0001 appraisal (en): RenderingFailed: refused")
    found = json.loads(run("drawings", "--json").output)
    assert (found["given_up"], found["key"]["expires"][:10]) == (1, "2040-01-01")
    assert run("drawings", "retry").output == "1 will be tried again.\n"
    assert run("drawings").exit_code == 0


@pytest.mark.thorough
@pytest.mark.parametrize("command", [("drawings",), ("keys", "show"), ("db", "check")])
def test_commands_warn_of_a_key_that_expires_soon(
    place: Stage, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    assert "Warning" not in run(*command).stderr
    place.now = datetime(2039, 12, 31, 22, 30, tzinfo=UTC)
    assert "expires in 1 day, on 2040-01-01 00:00 UTC. From then on nothing is signed" in run(*command).stderr
    place.now = datetime(2039, 12, 31, 23, 30, tzinfo=UTC)
    assert "expires today, on 2040-01-01 00:00 UTC." in run(*command).stderr
