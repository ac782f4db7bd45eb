"""appraisal audit, as an auditor calls it."""

import hashlib
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text

from appraisal.cli import main
from tests import casts
from tests.casts import Stage
from tests.tampering import unguarded


class Run:
    """The command line on the database of a stage."""

    def __init__(self, stage: Stage, data: Path) -> None:
        self.environment = {"APPRAISAL_DATA": str(data), "APPRAISAL_DATABASE": stage.database.url}

    def __call__(self, *arguments: str) -> Result:
        return CliRunner().invoke(main, ["audit", *arguments], env=self.environment)


@pytest.fixture
def run(lite: Stage, tmp_path: Path) -> Run:
    """Return a function that calls a command on the database and the files of the stage."""
    return Run(lite, tmp_path)


def test_a_trail_is_sealed_and_verified(lite: Stage, run: Run, tmp_path: Path) -> None:
    casts.approved(lite)
    kept = tmp_path / "kept.json"
    sealed = run("checkpoint", "--out", str(kept))
    assert sealed.exit_code == 0
    assert sealed.stderr.startswith("Checkpoint 1: 1 chains, ")
    assert sealed.stderr.endswith(f"Digest {hashlib.sha256(kept.read_bytes()).hexdigest()}\n")
    again = run("checkpoint", "--out", "-")
    assert again.stdout == kept.read_text()
    assert again.stderr == "Nothing has changed since checkpoint 1.\n"

    verified = run("verify", "--against", str(kept))

    assert verified.exit_code == 0
    assert "1 chain, " in verified.stdout
    assert "1 checkpoint, " in verified.stdout
    assert "1 checkpoint that was kept.\n" in verified.stdout
    assert verified.stdout.endswith("Nothing is wrong.\n")
    assert verified.stderr == ""


@pytest.mark.thorough
def test_the_first_thing_that_is_wrong_is_named(lite: Stage, run: Run) -> None:
    first, second = casts.submitted(lite), casts.submitted(lite)
    with unguarded(lite.database) as db:
        db.execute(text("UPDATE events SET note = 'Bent.' WHERE sequence = 2"))
    told = [f"{number}: event 2: its column note is not what its text says" for number in (first, second)]

    printed, given = run("verify"), run("verify", "--json")

    assert (printed.exit_code, given.exit_code) == (1, 1)
    assert printed.stdout.splitlines()[:2] == told
    assert printed.stdout.endswith(f"2 wrong; the first: {told[0]}\n")
    found = json.loads(given.stdout)
    assert found["first"] == {
        "check": "chains",
        "place": first,
        "what": "event 2: its column note is not what its text says",
    }
    assert found["wrong_count"] == len(found["wrong"]) == 2
    assert found["checked"]["events"] == 4


def test_a_trigger_that_is_gone_is_named(lite: Stage, run: Run) -> None:
    with lite.database.begin() as db:
        db.execute(text("DROP TRIGGER records_no_delete"))
    assert run("verify").stdout.startswith("the schema: the trigger records_no_delete is missing\n")


@pytest.mark.parametrize(
    "content", ["", "{}", "[1]", '{"schema":"appraisal-checkpoint/1"}', "\ufeff", "[" * 9999]
)
def test_what_is_no_checkpoint_is_refused(run: Run, tmp_path: Path, content: str) -> None:
    file = tmp_path / "kept.json"
    file.write_text(content, encoding="utf-8")
    refused = run("verify", "--against", str(file))
    assert (refused.exit_code, refused.stderr) == (2, f"{file}: this is no checkpoint\n")


def test_a_checkpoint_that_the_trail_does_not_hold_is_told(lite: Stage, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "kept.json"
    run("checkpoint", "--out", str(file))
    file.write_text(file.read_text().replace('"sequence":1', '"sequence":7'))
    told = run("verify", "--against", str(file))
    assert told.exit_code == 1
    assert told.stdout.startswith(f"{file}: checkpoint 7 is not in the trail\n")


def test_events_are_exported_line_by_line(lite: Stage, run: Run, tmp_path: Path) -> None:
    first, second = casts.submitted(lite), casts.draft(lite)
    lines = [json.loads(line) for line in run("export").stdout.splitlines()]
    assert [(line["proposal"], line["sequence"]) for line in lines] == [(first, 1), (first, 2), (second, 1)]
    assert all(hashlib.sha256(line["body"].encode()).hexdigest() == line["digest"] for line in lines)
    file = tmp_path / "events.jsonl"
    assert run("export", "--proposal", second, "--out", str(file)).exit_code == 0
    assert [json.loads(line) for line in file.read_text().splitlines()] == lines[2:]
    assert run("export", "--proposal", "TC-1999-0001").exit_code == 2


def test_events_replace_a_file_only_where_that_is_said(lite: Stage, run: Run, tmp_path: Path) -> None:
    casts.draft(lite)
    file = tmp_path / "events.jsonl"
    file.write_text("mine")
    refused = run("export", "--out", str(file))
    assert (refused.exit_code, refused.stderr) == (2, f"{file} is there already; --force replaces it.\n")
    # What fails on the way leaves it as it was, and nothing beside it.
    assert run("export", "--proposal", "TC-1999-0001", "--force", "--out", str(file)).exit_code == 2
    assert file.read_text() == "mine"
    assert [entry.name for entry in tmp_path.iterdir() if entry.name.endswith(file.name)] == [file.name]
    assert run("export", "--force", "--out", str(file)).exit_code == 0
    assert file.read_text() == run("export").stdout
    nowhere = run("export", "--out", str(tmp_path / "none" / "events.jsonl"))
    assert (nowhere.exit_code, "No such file or directory" in nowhere.stderr) == (2, True)


def test_a_database_that_is_not_ready_is_told(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["audit", "verify"], env={"APPRAISAL_DATA": str(tmp_path)})
    assert result.exit_code == 2
    assert "Run: appraisal db upgrade" in result.stderr


def test_what_no_event_seals_is_listed_with_the_reason(run: Run) -> None:
    listed = run("unsealed")
    assert listed.exit_code == 0
    assert "people.language: a preference of whoever reads\n" in listed.stdout
    assert "ratings: the lead's own until the appraisal is finalised or closed\n" in listed.stdout
    found = json.loads(run("unsealed", "--json").stdout)
    assert [entry for entry in found if not entry["why"]] == []
    assert len(found) == len(listed.stdout.splitlines())
