import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Connection, select

from appraisal import clock
from appraisal.accounts.services import accounts
from appraisal.cli import main
from appraisal.database import tables
from appraisal.database.engine import Database
from appraisal.definitions.library import read_library
from appraisal.paths import folder
from appraisal.people.facts import SYSTEM_ACTOR
from appraisal.trail.store import site
from appraisal.workflow.rules.guards import names
from tests.databases import write_migrated

# A year that has not begun, and whose first days are near enough to be planned.
YEAR = clock.now().year + 2
FIRST = ("people", "add-administrator", "--email", "Mia@example.org", "--name", "Mia Stone")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    write_migrated(tmp_path / "appraisal.sqlite3")
    return tmp_path


def run(data: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments), env={"APPRAISAL_DATA": str(data)})


def set_password(data: Path, token: str) -> None:
    database = Database(f"sqlite:///{data / 'appraisal.sqlite3'}")
    with database.begin() as db:
        hashing = accounts.hasher(quick=True)
        accounts.set_password_by_link(db, hashing, clock.now(), token, "invitation", "four words on paper")
    database.close()


def close_account(data: Path) -> None:
    database = Database(f"sqlite:///{data / 'appraisal.sqlite3'}")
    with database.begin() as db:
        found = accounts.find_by_email(db, "mia@example.org")
        assert found is not None
        person = found.person
        accounts.change_person(
            db,
            SYSTEM_ACTOR,
            clock.now(),
            person.id,
            name=person.name,
            roles=["designer"],
            unit="",
            duty_station="",
            language="en",
            active=False,
            library=read_library(folder("workflows"), folder("checklists"), names()),
        )
    database.close()


def test_the_first_administrator_gets_a_link(data: Path) -> None:
    result = run(data, *FIRST, "--language", "fr", "--json")

    value = json.loads(result.stdout)
    assert result.exit_code == 0
    assert value["email"] == "mia@example.org"
    set_password(data, value["path"].removeprefix("/invitation/"))
    listed = json.loads(run(data, "people", "list", "--json").stdout)
    assert listed == [
        {
            "id": value["id"],
            "email": "mia@example.org",
            "name": "Mia Stone",
            "roles": ["administrator"],
            "unit": "",
            "duty_station": "Geneva",
            "language": "fr",
            "active": True,
            "has_password": True,
        }
    ]


def test_the_link_is_printed_for_people(data: Path) -> None:
    result = run(data, *FIRST)

    assert result.exit_code == 0
    assert "Mia Stone <mia@example.org>: open this path of the site once, within 7 days:" in result.stdout
    assert "    /invitation/" in result.stdout
    assert "invited" in run(data, "people", "list").stdout


@pytest.mark.parametrize(
    ("email", "name", "message"),
    [
        ("mia", "Mia", "Write an e-mail address"),
        ("mia@example.org", " ", "Write a name"),
        ("mia@example.org", "Mia", "There is an account with this address already."),
    ],
)
def test_a_faulty_account_is_refused(data: Path, email: str, name: str, message: str) -> None:
    if "already" in message:
        run(data, *FIRST)

    result = run(data, "people", "add-administrator", "--email", email, "--name", name)

    assert result.exit_code == 2
    assert message in result.stderr


def test_an_invitation_is_issued_again_until_there_is_a_password(data: Path) -> None:
    run(data, *FIRST)
    result = run(data, "people", "invite", "MIA@example.org", "--json")
    set_password(data, json.loads(result.stdout)["path"].removeprefix("/invitation/"))

    again = run(data, "people", "invite", "1")

    assert again.exit_code == 1
    assert "has a password already" in again.stderr
    reset = run(data, "people", "reset", "1")
    assert reset.exit_code == 0
    assert "within 2 hours" in reset.stdout
    assert "    /password-reset/" in reset.stdout


@pytest.mark.parametrize("command", ["invite", "reset"])
def test_an_unknown_account_is_told(data: Path, command: str) -> None:
    result = run(data, "people", command, "nobody@example.org")

    assert result.exit_code == 2
    assert "There is no account nobody@example.org." in result.stderr


def test_a_closed_account_gets_no_link(data: Path) -> None:
    run(data, *FIRST)
    close_account(data)

    result = run(data, "people", "reset", "mia@example.org")

    assert result.exit_code == 1
    assert "is closed" in result.stderr


@pytest.mark.parametrize("arguments", [FIRST, ("people", "list"), ("people", "reset", "1")])
def test_a_database_that_is_not_ready_is_told(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    result = run(tmp_path, *arguments)

    assert result.exit_code == 2
    assert "Run: appraisal db upgrade" in result.stderr


def named(data: Path, *options: str) -> Result:
    arguments = ("people", "substitute", "lead@example.org", "eval@example.org", "--for", "appraisals")
    return run(data, *arguments, "--first", f"{YEAR}-01-01", "--last", f"{YEAR}-01-09", *options)


def add_appraisers(data: Path) -> None:
    database = Database(f"sqlite:///{data / 'appraisal.sqlite3'}")
    with database.begin() as db:
        for key in ("lead", "eval"):
            accounts.create_person(
                db,
                SYSTEM_ACTOR,
                clock.now(),
                email=f"{key}@example.org",
                name=key.title(),
                roles=["appraiser"],
            )
    database.close()


def test_an_administrator_names_a_substitute(data: Path) -> None:
    run(data, *FIRST)
    add_appraisers(data)
    result = named(data)
    assert result.stdout == f"Eval stands in for Lead (appraisals) from {YEAR}-01-01 to {YEAR}-01-09.\n"
    assert result.exit_code == 0
    again = named(data)
    assert again.exit_code == 1
    assert f"From 1 January {YEAR} to 9 January {YEAR} Eval stands in already" in again.stderr
    value = json.loads(named(data, "--first", f"{YEAR}-02-01", "--last", f"{YEAR}-02-02", "--json").stdout)
    assert (value["first"], value["last"]) == (f"{YEAR}-02-01", f"{YEAR}-02-02")
    far = named(data, "--first", "2999-01-01", "--last", "2999-01-09")
    assert far.exit_code == 1
    assert "Check the date: nothing here lies after" in far.stderr


def test_only_an_administrator_names_from_here(data: Path) -> None:
    add_appraisers(data)
    assert "There are 0 administrators" in named(data).stderr
    refused = named(data, "--as", "eval@example.org")
    assert refused.exit_code == 1
    assert "Only Lead or an administrator says who stands in." in refused.stderr
    assert "There is no account nobody@example.org." in named(data, "--as", "nobody@example.org").stderr


# Emergencies ---------------------------------------------------------------------------------------------


@contextmanager
def opened(data: Path) -> Iterator[Connection]:
    """Open a transaction on the database of the site."""
    database = Database(f"sqlite:///{data / 'appraisal.sqlite3'}")
    try:
        with database.begin() as db:
            yield db
    finally:
        database.close()


def emergencies(data: Path) -> list[tuple[str, str]]:
    with opened(data) as db:
        return [(entry.event.facts["action"], entry.name) for entry in site.emergencies(db, 20)]


def told(data: Path) -> list[tuple[str, str]]:
    table, whom = tables.notices, tables.people
    with opened(data) as db:
        rows = db.execute(
            select(whom.c.email, table.c.what).join(whom, whom.c.id == table.c.person_id).order_by(table.c.id)
        )
        return [(row.email, row.what) for row in rows]


def begun(data: Path) -> None:
    """Let the first administrator choose a password: from then on the site is in use."""
    path = json.loads(run(data, *FIRST, "--json").stdout)["path"]
    set_password(data, path.removeprefix("/invitation/"))


def test_opening_a_site_is_no_emergency(data: Path) -> None:
    run(data, *FIRST)
    run(data, "people", "invite", "1")
    run(data, "people", "add-administrator", "--email", "leo@example.org", "--name", "Leo")
    assert emergencies(data) == []
    assert told(data) == []


@pytest.mark.thorough
def test_whatever_opens_an_account_of_a_site_in_use_is_an_emergency(data: Path) -> None:
    begun(data)
    assert emergencies(data) == []
    second = run(data, "people", "add-administrator", "--email", "leo@example.org", "--name", "Leo")
    assert second.exit_code == 0
    assert "    /invitation/" in second.stdout
    run(data, "people", "invite", "leo@example.org")
    run(data, "people", "reset", "mia@example.org")
    assert emergencies(data) == [
        ("issue_link", "Mia Stone"),
        ("issue_link", "Leo"),
        ("issue_link", "Leo"),
        ("create_person", "Leo"),
    ]
    assert told(data) == [
        ("mia@example.org", "password_set"),
        ("leo@example.org", "emergency"),
        ("mia@example.org", "emergency_elsewhere"),
        ("leo@example.org", "emergency"),
        ("mia@example.org", "emergency_elsewhere"),
        ("mia@example.org", "emergency"),
        ("leo@example.org", "emergency_elsewhere"),
    ]
    verified = run(data, "audit", "verify")
    assert verified.stdout.count("Emergency on the command line at ") == 4
    assert "issue_link, account 1." in verified.stdout
    assert verified.stdout.endswith("Nothing is wrong.\n")
    value = json.loads(run(data, "audit", "verify", "--json").stdout)
    assert [(entry["action"], entry["person"]) for entry in value["emergencies"]] == [
        ("create_person", 2),
        ("issue_link", 2),
        ("issue_link", 2),
        ("issue_link", 1),
    ]


def test_the_first_manager_is_confirmed_on_the_command_line(data: Path) -> None:
    begun(data)
    with opened(data) as db:
        mia = accounts.find_person(db, 1).person
        for email in ("ida@example.org", "ole@example.org"):
            accounts.create_person(
                db, mia, clock.now(), email=email, name=email[:3].title(), roles=["manager"]
            )
    assert [entry["adds"] for entry in json.loads(run(data, "people", "requests", "--json").stdout)] == [
        ["manager"],
        ["manager"],
    ]
    assert "ida@example.org" in run(data, "people", "requests").stdout
    first = run(data, "people", "confirm", "1")
    assert (first.exit_code, first.stdout) == (0, "Ida <ida@example.org> now holds: manager.\n")
    assert emergencies(data) == []
    # Now Ida could.
    assert run(data, "people", "confirm", "2", "--json").exit_code == 0
    assert emergencies(data) == [("confirm_request", "Ole")]
    again = run(data, "people", "confirm", "2")
    assert again.exit_code == 1
    assert "This is answered, has run out, or the account has changed" in again.stderr
    listed = json.loads(run(data, "people", "list", "--json").stdout)
    assert [entry["roles"] for entry in listed] == [["manager"], ["administrator"], ["manager"]]
    assert run(data, "people", "requests").stdout == ""


def test_a_confirmed_link_is_printed(data: Path) -> None:
    begun(data)
    with opened(data) as db:
        mia = accounts.find_person(db, 1).person
        ida = accounts.create_person(
            db, SYSTEM_ACTOR, clock.now(), email="ida@example.org", name="Ida", roles=["coordinator"]
        )
        accounts.ask_link(db, mia, clock.now(), ida.id)
    result = run(data, "people", "confirm", "1", "--json")
    set_password(data, json.loads(result.stdout)["path"].removeprefix("/invitation/"))
    assert emergencies(data) == []
