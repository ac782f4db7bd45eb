"""appraisal mail, and the workers that deliver it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from appraisal import clock
from appraisal.accounts.services import accounts
from appraisal.app.commands.serve import worker
from appraisal.cli import main
from appraisal.database.engine import Database
from appraisal.database.files import Files
from appraisal.definitions.library import Library
from appraisal.notices.services import notices
from appraisal.people.facts import SYSTEM_ACTOR
from appraisal.settings import Settings
from appraisal.web.context import Site
from tests.databases import write_migrated
from tests.mailboxes import ADDRESS, SENDER, Mailboxes

FACTS = {"first": "2010-02-01", "last": "2010-02-05"}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder with a database in which two messages wait."""
    write_migrated(tmp_path / "appraisal.sqlite3")
    database = Database(f"sqlite:///{tmp_path / 'appraisal.sqlite3'}")
    with database.begin() as db:
        told = [
            accounts.create_person(
                db, SYSTEM_ACTOR, clock.now(), email=f"{key}@example.org", name=key, roles=["manager"]
            ).id
            for key in ("ana", "ben")
        ]
        notices.tell(db, told, "substitute_named", clock.now(), facts=FACTS)
    database.close()
    return tmp_path


def run(data: Path, *arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(main, list(arguments), env={"APPRAISAL_DATA": str(data), **environment})


def configured(boxes: Mailboxes) -> dict[str, str]:
    return {
        "APPRAISAL_MAIL": f"smtp://127.0.0.1:{boxes.port}",
        "APPRAISAL_MAIL_FROM": SENDER,
        "APPRAISAL_ADDRESS": ADDRESS,
    }


def status(data: Path, **environment: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(run(data, "mail", "--json", **environment).stdout)
    return found


def test_mail_waits_without_a_server_and_is_delivered_with_one(data: Path) -> None:
    assert run(data, "work", "--once").stdout == "0 done, 2 waiting.\n"
    waiting = run(data, "mail")
    assert waiting.exit_code == 0
    assert waiting.stdout.startswith(
        "No mail server is set up (APPRAISAL_MAIL): messages wait.\n2 waiting, the oldest"
    )
    assert (status(data)["server"], status(data)["waiting"]) == (None, 2)
    with Mailboxes().opened() as boxes:
        assert run(data, "work", "--once", **configured(boxes)).stdout == "2 done, 0 waiting.\n"
        assert sorted(entry.to for entry in boxes.received) == ["ana@example.org", "ben@example.org"]
        found = run(data, "mail", **configured(boxes)).stdout
    assert found == (
        f"Mail goes to 127.0.0.1:{boxes.port}.\n"
        "0 waiting; 0 notices gather for the daily message.\n"
        "0 given up.\n"
    )


def test_what_was_given_up_is_told_and_tried_again(data: Path) -> None:
    with Mailboxes(answers={"ben@example.org": "550 5.1.1 Nobody"}).opened() as boxes:
        run(data, "work", "--once", **configured(boxes))
        told = run(data, "mail", **configured(boxes))
        assert told.exit_code == 1
        assert "1 given up.\n" in told.stdout
        assert "ben@example.org: 550 5.1.1 Nobody" in told.stdout
        as_json = run(data, "mail", "--json", **configured(boxes))
        assert as_json.exit_code == 1
        report = json.loads(as_json.stdout)
        assert (report["given_up"], report["last_given_up"][0]["error"]) == (1, "550 5.1.1 Nobody")
        boxes.answers.clear()
        assert run(data, "mail", "retry").stdout == "1 will be tried again.\n"
        assert json.loads(run(data, "mail", "retry", "--json").stdout) == {"again": 0}
        assert run(data, "work", "--once", **configured(boxes)).stdout == "1 done, 0 waiting.\n"


def test_a_server_that_is_down_is_told_and_nothing_is_lost(data: Path) -> None:
    boxes = Mailboxes()
    with boxes.opened():
        pass
    assert run(data, "work", "--once", **configured(boxes)).stdout == "0 done, 2 waiting.\n"
    told = run(data, "mail", **configured(boxes))
    assert told.exit_code == 0
    assert (
        f"What last went wrong with one that waits: 127.0.0.1:{boxes.port}: Connection refused" in told.stdout
    )
    assert status(data)["waiting"] == 2


def test_a_faulty_setting_is_told_without_its_password(data: Path) -> None:
    result = run(data, "work", "--once", APPRAISAL_MAIL="smtp://u:sesame@mail.example.org")
    assert result.exit_code == 2
    assert result.stderr.startswith("APPRAISAL_MAIL: the password would cross the network in the clear")
    assert "sesame" not in result.output


def test_the_worker_beside_the_server_delivers(data: Path, library: Library) -> None:
    database = Database(f"sqlite:///{data / 'appraisal.sqlite3'}")
    with Mailboxes().opened() as boxes:
        settings = Settings(data, database.url, "for tests only", mail=boxes.server())
        site = Site(settings, library, database, Files(data), accounts.hasher(quick=True), clock.now)
        with worker(site, None):
            assert all(boxes.taken.acquire(timeout=30) for _ in range(2))
    database.close()
    assert sorted(entry.to for entry in boxes.received) == ["ana@example.org", "ben@example.org"]
    assert status(data)["waiting"] == 0
