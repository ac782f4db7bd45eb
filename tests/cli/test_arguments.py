"""Whatever is wrong with a command or its database is said in words, with exit code 2 and no traceback."""

from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text

from appraisal.cli import main
from appraisal.database.engine import Database
from appraisal.paths import folder
from tests.databases import write_migrated

LESSONS = str(folder("workflows") / "scenarios" / "lessons.csv")
NAMED = ("people", "substitute", "lead@example.org", "deputy@example.org", "--for", "appraisals")
SUBSTITUTE = (*NAMED, "--first", "2999-01-01", "--last", "2999-01-09")
# Each command that asks for a database, with arguments that are right by themselves.
COMMANDS = [
    ("serve",),
    ("work",),
    ("indicator",),
    ("record", "TC-2010-0001"),
    ("bundle", "--all", "-o", "bundle.zip"),
    ("import", "deliveries", LESSONS),
    ("import-approvals", LESSONS),
    ("audit", "checkpoint"),
    ("keys", "retire"),
    ("db", "recount"),
    ("people", "add-administrator", "--email", "you@example.org", "--name", "You"),
    ("people", "invite", "you@example.org"),
    ("people", "reset", "you@example.org"),
    ("people", "list"),
    ("mail",),
    ("mail", "retry"),
    ("times",),
    ("agreement",),
    ("tick",),
    ("iati", "export"),
    ("iati", "import", LESSONS),
    ("import-lessons", LESSONS),
    ("audit", "verify"),
    ("audit", "export"),
    ("audit", "definitions"),
    ("drawings",),
    ("drawings", "retry"),
    ("people", "requests"),
    ("people", "confirm", "1"),
    ("keys", "show"),
    ("db", "check"),
    ("verify", "--register", LESSONS),
    SUBSTITUTE,
]
# Those that need none, or make their own.
OTHERS = {
    "demo",
    "check",
    "score",
    "play",
    "draw",
    "keys make-test-authority",
    "keys use",
    "db upgrade",
    "audit unsealed",
}
GROUPS = ("mail", "drawings", "people", "iati", "audit", "keys", "db")
names = [" ".join(command[:2]) if command[0] in GROUPS else command[0] for command in COMMANDS]


def _leaves(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[str]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from _leaves(command, (*path, name))
        else:
            yield " ".join((*path, name))


def test_every_command_that_asks_for_a_database_is_among_them() -> None:
    # A group that does something by itself has a name of its own.
    assert {*_leaves(main)} - OTHERS == {*names} - {"mail", "drawings"}


def run(data: Path, *arguments: str, **settings: str) -> Result:
    return CliRunner().invoke(main, list(arguments), env={"APPRAISAL_DATA": str(data), **settings})


def address(data: Path) -> str:
    return f"sqlite:///{data / 'appraisal.sqlite3'}"


def revise(data: Path, revision: str) -> None:
    """Have a database be of another revision than the code."""
    write_migrated(data / "appraisal.sqlite3", "0001" if revision == "0001" else "head")
    database = Database(address(data))
    with database.begin() as db:
        db.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})
    database.close()


def fails(result: Result, *lines: str) -> None:
    """Expect a refusal in these lines alone."""
    assert (result.stderr.splitlines(), result.stdout) == (list(lines), "")
    assert result.exit_code == 2


@pytest.mark.parametrize("command", COMMANDS, ids=names)
def test_a_database_that_is_not_there_is_told_and_nothing_is_made(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    fails(run(tmp_path / "nowhere", *command), "The database is not ready. Run: appraisal db upgrade")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_one_is_told(tmp_path: Path) -> None:
    result = run(tmp_path / ("n" * 300), "db", "check")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("The database cannot be used: ")


@pytest.mark.parametrize("command", COMMANDS, ids=names)
def test_a_database_of_an_older_revision_is_told(tmp_path: Path, command: tuple[str, ...]) -> None:
    revise(tmp_path, "0001")
    fails(run(tmp_path, *command), "The database is not ready. Run: appraisal db upgrade")


NEWER = "The database is of a newer version of the product, revision 9999, which this one does not know."


@pytest.mark.sampled(9)
@pytest.mark.parametrize("command", [*COMMANDS, ("db", "upgrade")], ids=[*names, "db upgrade"])
def test_a_database_of_a_newer_revision_is_told(tmp_path: Path, command: tuple[str, ...]) -> None:
    revise(tmp_path, "9999")
    fails(run(tmp_path, *command), NEWER)


@pytest.mark.sampled(12)
@pytest.mark.parametrize("command", COMMANDS, ids=names)
def test_a_file_that_is_no_database_is_told_and_left_alone(tmp_path: Path, command: tuple[str, ...]) -> None:
    file = tmp_path / "appraisal.sqlite3"
    file.write_text("This is a letter, and no database at all. " * 10, encoding="utf-8")
    fails(run(tmp_path, *command), "The database cannot be used: file is not a database")
    assert file.read_text(encoding="utf-8").startswith("This is a letter")


@pytest.mark.sampled(20)
@pytest.mark.parametrize("command", COMMANDS, ids=names)
@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://nobody@127.0.0.1:1/x", "Connection refused"),
        ("mysql://x/y", "mysql is not one of the databases: sqlite, postgresql"),
        ("no address", "Could not parse SQLAlchemy URL"),
    ],
)
def test_a_server_that_does_not_answer_is_told(
    tmp_path: Path, command: tuple[str, ...], url: str, words: str
) -> None:
    result = run(tmp_path, *command, APPRAISAL_DATABASE=url)
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith("The database cannot be used: ")
    assert words in line


@pytest.mark.sampled(12)
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("mail", "--nope"), "No such option '--nope'."),
        (("mail", "again"), "No such command 'again'."),
        (("mail", "retry", "all"), "Got unexpected extra argument (all)"),
        (("times", "--year", "last"), "Invalid value for '--year': 'last' is not a valid integer range."),
        (("times", "--year", "1"), "Invalid value for '--year': 1 is not in the range 1900<=x<=2999."),
        (("times", "2010"), "Got unexpected extra argument (2010)"),
        (("agreement", "ALI"), "Got unexpected extra argument (ALI)"),
        (("agreement", "--highest"), "No such option '--highest'."),
        (("import-lessons",), "Missing argument 'FILE'."),
        (("import-lessons", "missing.csv"), "Invalid value for 'FILE': File 'missing.csv' does not exist."),
        (("import-lessons", "."), "Invalid value for 'FILE': File '.' is a directory."),
        (("import-lessons", LESSONS, "--as"), "Option '--as' requires an argument."),
        (("people", "substitute", "lead@example.org"), "Missing argument 'SUBSTITUTE'."),
        ((*NAMED[:-1], "reviews"), "'reviews' is not one of 'appraisals', 'decisions'."),
        ((*NAMED, "--first", "2999-01-01"), "Missing option '--last'."),
        ((*NAMED, "--first", "soon"), "'soon' does not match the format '%Y-%m-%d'."),
        ((*NAMED, "--first", "2010-02-30"), "'2010-02-30' does not match the format '%Y-%m-%d'."),
        (("tick", "--at", "tomorrow"), "write a moment like 2010-02-01T09:00:00+01:00"),
        (("tick", "--at", ""), "write a moment like 2010-02-01T09:00:00+01:00"),
        (("tick", "--at", "2010-02-30T09:00:00+01:00"), "write a moment like 2010-02-01T09:00:00+01:00"),
        (("tick", "--at", "2010-02-01T09:00:00"), "the moment has no offset, like +01:00"),
        (("tick", "--at", "9999-12-31T23:59:59+00:00"), "the year lies between 1900 and 2999"),
        (("tick", "--at", "0001-01-01T00:00:00+00:00"), "the year lies between 1900 and 2999"),
        (("tick", "--at"), "Option '--at' requires an argument."),
        (("tick", "now"), "Got unexpected extra argument (now)"),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, tuple) else "",
)
def test_wrong_arguments_are_told_in_the_last_line(
    tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    run(tmp_path, "db", "upgrade")
    result = run(tmp_path, *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr.splitlines()[-1]
    assert isinstance(result.exception, SystemExit)
