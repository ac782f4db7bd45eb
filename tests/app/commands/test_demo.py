import os
import socket
import subprocess
import sys
import urllib.request
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from appraisal import clock
from appraisal.cli import main
from appraisal.database import schema
from appraisal.database.engine import Database
from appraisal.lessons.store import lessons
from appraisal.records.commands import write_test_authority
from appraisal.records.store import issuers


@pytest.mark.thorough
def test_the_demonstration_leaves_records_and_the_indicator(tmp_path: Path) -> None:
    data = tmp_path / "demonstration"

    result = CliRunner().invoke(main, ["demo", "--no-serve", "--data", str(data), "--port", "8123"])

    written = sorted(file.name for file in (data / "records").glob("*.pdf"))
    assert result.exit_code == 0
    assert len(written) >= 12
    assert "Indicator 2.1, 2010-11" in result.stdout
    assert "71.4 %  (5 of 7), milestone 75 %, not met" in result.stdout
    assert "ILLUSTRATIVE" in result.stdout
    with Database(f"sqlite:///{data / 'appraisal.sqlite3'}").read() as db:
        assert len(lessons.list_lessons(db)[0]) == 10
        assert issuers.current(db).address == "http://127.0.0.1:8123"
    assert all("illustrative" in line for line in result.stdout.splitlines() if line.startswith("    TC-"))
    assert "Sign in with the password illustrative-2010 as one of:\n" in result.stdout
    assert f"appraisal demo --serve-only --data {data} --port 8123\n" in result.stdout
    [exported] = [line.split()[1:] for line in result.stdout.splitlines() if line.startswith("  export ")]
    signing = dict(setting.split("=", 1) for setting in exported)
    assert CliRunner().invoke(main, ["audit", "checkpoint"], env=signing).exit_code == 0
    verified = CliRunner().invoke(main, ["audit", "verify"], env=signing)
    assert (verified.exit_code, "1 signature of a checkpoint" in verified.stdout) == (0, True)


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work", encoding="utf-8")

    result = CliRunner().invoke(main, ["demo", "--no-serve", "--data", str(tmp_path)])

    assert result.exit_code == 2
    assert "holds something that is no demonstration" in result.stderr
    assert (tmp_path / "thesis.txt").read_text(encoding="utf-8") == "years of work"


def test_a_setting_of_sessions_that_cannot_be_used_is_told_before_anything_is_replaced(
    tmp_path: Path,
) -> None:
    (tmp_path / "demonstration").touch()

    arguments = ["demo", "--no-serve", "--data", str(tmp_path)]
    result = CliRunner().invoke(main, arguments, env={"APPRAISAL_SESSION_HOURS": "0"})

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "APPRAISAL_SESSION_HOURS: write a whole number from 1 to 168, not “0”\n"
    assert [file.name for file in tmp_path.iterdir()] == ["demonstration"]


@pytest.mark.thorough
def test_a_port_that_is_taken_is_told_before_anything_is_played(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        arguments = ["demo", "--serve", "--port", str(port), "--data", str(tmp_path / "demonstration")]
        result = CliRunner().invoke(main, arguments)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"Cannot listen on 127.0.0.1:{port}: Address already in use\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.thorough
def test_what_was_played_is_served_again_as_it_was(tmp_path: Path) -> None:
    now = clock.now()
    write_test_authority(tmp_path / "keys", "Test office", "", now, now + timedelta(days=1))
    (tmp_path / "demonstration").touch()
    database = Database(f"sqlite:///{tmp_path / 'appraisal.sqlite3'}")
    schema.upgrade(database)
    database.close()
    arguments = ["demo", "--serve-only", "--port", "0", "--data", str(tmp_path)]
    command = [sys.executable, "-m", "appraisal", *arguments]

    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as serving:  # noqa: S603
        assert serving.stdout is not None
        said = ""
        while not said.startswith("Serving on ") and (line := serving.stdout.readline()):
            said = line
        address = said.split()[2]
        with urllib.request.urlopen(f"{address}/sign-in") as page:  # noqa: S310 - on this machine
            shown = page.read().decode()
        serving.terminate()

    assert "Demonstration data: people, proposals and figures are illustrative." in shown
    with database.read() as db:
        assert issuers.current(db).address == address
    database.close()


def test_where_nothing_was_played_nothing_is_served(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["demo", "--serve-only", "--data", str(tmp_path)])

    assert result.exit_code == 2
    assert result.stderr == f"{tmp_path} holds no demonstration; leave --serve-only out to play it.\n"
    assert list(tmp_path.iterdir()) == []
