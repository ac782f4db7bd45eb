"""appraisal import-lessons: all or none, and every bad line with its number and reason."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from appraisal import clock
from appraisal.accounts.services import accounts
from appraisal.cli import main
from appraisal.database import tables
from appraisal.database.engine import Database
from appraisal.paths import folder
from appraisal.people.facts import SYSTEM_ACTOR
from appraisal.trail.rules import events
from appraisal.trail.store import site

HEADING = "code,text,place,countries,theme,outcome,source\n"
ONE = "i-eval 1,Plan ahead.,Ghana,GH,Design,,https://example.org/1\n"


def run(data: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments), env={"APPRAISAL_DATA": str(data)})


def import_bytes(data: Path, text: bytes, *more: str) -> Result:
    file = data / "lessons.csv"
    file.write_bytes(text)
    return run(data, "import-lessons", str(file), *more)


def import_rows(data: Path, rows: str, *more: str) -> Result:
    return import_bytes(data, (HEADING + rows).encode(), *more)


def kept(data: Path) -> list[tuple[str, ...]]:
    database = Database(f"sqlite:///{data / 'appraisal.sqlite3'}")
    table = tables.lessons
    with database.read() as db:
        columns = [table.c[name] for name in HEADING.strip().split(",")]
        return [tuple(row) for row in db.execute(select(*columns).order_by(table.c.id))]


def chain(data: Path) -> list[events.Event]:
    with Database(f"sqlite:///{data / 'appraisal.sqlite3'}").read() as db:
        return site.chain(db)


def test_the_lessons_of_the_demonstration_are_imported(data: Path) -> None:
    file = folder("workflows") / "scenarios" / "lessons.csv"

    result = run(data, "import-lessons", str(file))

    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == "10 lessons imported, 0 there already."
    assert {row[3] for row in kept(data)} == {"", "MY", "MK", "CN", "GH", "BD"}
    assert all(row[6].startswith("https://webapps.ilo.org/ievaldiscovery/lessons/") for row in kept(data))


def test_an_import_is_an_event_of_the_site(data: Path) -> None:
    before = len(chain(data))

    import_rows(data, ONE)

    trail = chain(data)
    assert len(trail) == before + 1
    assert events.broken(trail) is None
    facts = trail[-1].facts
    assert facts["action"] == "import_lessons"
    assert facts["facts"]["codes"] == ["i-eval 1"]
    assert facts["facts"]["file"] == "lessons.csv"
    assert len(facts["facts"]["digest"]) == 64


def test_what_stands_there_word_for_word_is_skipped(data: Path) -> None:
    import_rows(data, ONE)
    before = len(chain(data))

    again = import_rows(data, ONE, "--json")
    more = import_rows(data, ONE + "i-eval 2,Ask.,,,,,Report 5\n", "--json")

    assert json.loads(again.stdout) == {"imported": [], "skipped": 1}
    assert json.loads(more.stdout) == {"imported": ["i-eval 2"], "skipped": 1}
    assert len(chain(data)) == before + 1
    assert [row[0] for row in kept(data)] == ["i-eval 1", "i-eval 2"]


def test_the_same_code_with_something_else_is_a_fault(data: Path) -> None:
    import_rows(data, ONE)

    result = import_rows(
        data, "i-eval 2,Ask.,,,,,Report\n" + ONE.replace("Plan ahead.", "Other").replace("GH", "KE")
    )

    assert result.exit_code == 2
    assert result.stderr.splitlines() == [
        "lessons.csv:3: i-eval 1 stands here already with something else in: text, countries",
        "1 fault; nothing was done.",
    ]
    assert [row[1] for row in kept(data)] == ["Plan ahead."]


def test_every_bad_line_is_said_and_nothing_is_written(data: Path) -> None:
    before = chain(data)

    result = import_rows(
        data,
        "good,Plan.,,,,,Report\n"
        ",Plan.,,,,,\n"
        "c,Plan.,,XX YY,,,Report\n"
        "d,Plan.,,,,,ftp://example.org\n"
        "e,Plan.\n"
        "\n"
        'f,"Two\nlines, which is good",,,,,Report\n'
        "good,Again.,,,,,Report\n"
        "g,Plan.,,global GH,,,Report\n",
    )

    assert result.exit_code == 2
    assert result.stderr.splitlines() == [
        "lessons.csv:3: “code” is empty",
        "lessons.csv:3: “source” is empty",
        "lessons.csv:4: not a country code of ISO 3166: XX, YY",
        "lessons.csv:5: the source is neither an address that begins with http:// or https:// nor a document",
        "lessons.csv:6: 2 cells instead of 7",
        "lessons.csv:10: the same code as in line 2",
        "lessons.csv:11: write either countries or “global”",
        "7 faults; nothing was done.",
    ]
    assert kept(data) == []
    assert chain(data) == before


def test_a_byte_order_mark_capitals_and_another_order_of_columns_do_no_harm(data: Path) -> None:
    text = "\ufeffSource, Code ,TEXT,place,countries,theme,outcome\r\nhttps://e.org,=1+1,@sum,,,,\r\n"

    result = import_bytes(data, text.encode())

    assert result.exit_code == 0
    assert kept(data) == [("=1+1", "@sum", "", "", "", "", "https://e.org")]


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        (
            b"",
            [
                "lessons.csv:1: the first line lacks the columns: code, text, place, countries, theme, outcome, source"
            ],
        ),
        (HEADING.encode(), ["lessons.csv:1: there is no lesson in this file"]),
        (
            b"code,text,text,place,countries,theme,link\n",
            [
                "lessons.csv:1: the first line lacks the columns: outcome, source",
                "lessons.csv:1: the first line names columns twice: text",
                "lessons.csv:1: the first line names unknown columns: link",
            ],
        ),
        (HEADING.encode() + b"a,\xff,,,,,b\n", ["lessons.csv:2: the file is not UTF-8"]),
        (
            (HEADING + ONE + 'b,"open,,,,,x\n').encode(),
            ["lessons.csv:3: not CSV: unexpected end of data"],
        ),
        ((HEADING + "a,b\0c,,,,,d\n").encode(), ["lessons.csv:2: there is a null character in it"]),
        # A file of a spreadsheet, a picture, and something else that happens to be UTF-8.
        (b"PK\x03\x04\x14\0\x06\0\x08\xe4\xfb", ["lessons.csv:1: the file is not UTF-8"]),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", ["lessons.csv:1: the file is not UTF-8"]),
        (b"\x1b[2J\0\0\0,a\n", ["lessons.csv:1: the first line is not text, so this is no list of lessons"]),
        # Saved in another encoding: the first line that shows it is named.
        ((HEADING + ONE + "b,Égalité.,,,,,x\n").encode("cp1252"), ["lessons.csv:3: the file is not UTF-8"]),
        ((HEADING + ONE).encode("utf-16"), ["lessons.csv:1: the file is not UTF-8"]),
        (
            (HEADING + ONE).replace(",", ";").encode(),
            [
                "lessons.csv:1: the first line lacks the columns: code, text, place, countries, theme, outcome, source",
                "lessons.csv:1: the first line names unknown columns: code;text;place;countries;theme;outcome…",
            ],
        ),
        (
            (HEADING + f"{'a' * 41},{'b' * 5001},,,,,Report\n").encode(),
            [
                "lessons.csv:2: “code” has more than 40 characters",
                "lessons.csv:2: “text” has more than 5000 characters",
            ],
        ),
        (
            (HEADING + f"a,{'b' * 200_000},,,,,Report\n").encode(),
            ["lessons.csv:2: not CSV: field larger than field limit (131072)"],
        ),
        (
            (HEADING + ",Plan.,,,,,Report\n" + 'b,"open,,,,,x\n' + ONE).encode(),
            ["lessons.csv:2: “code” is empty", "lessons.csv:3: not CSV: unexpected end of data"],
        ),
    ],
)
def test_a_malformed_file_is_refused(data: Path, text: bytes, faults: list[str]) -> None:
    result = import_bytes(data, text)

    assert result.exit_code == 2
    assert result.stderr.splitlines()[:-1] == faults
    assert kept(data) == []


def test_only_coordinators_import(data: Path) -> None:
    refused = import_rows(data, ONE, "--as", "designer@example.org")
    unknown = import_rows(data, ONE, "--as", "nobody@example.org")

    assert (refused.exit_code, unknown.exit_code) == (2, 2)
    assert refused.stderr == "Only people with the role of coordinator may do this.\n"
    assert unknown.stderr == "There is no account with the address nobody@example.org.\n"
    assert kept(data) == []


def test_with_two_coordinators_one_has_to_be_named(data: Path) -> None:
    with Database(f"sqlite:///{data / 'appraisal.sqlite3'}").begin() as db:
        accounts.create_person(
            db, SYSTEM_ACTOR, clock.now(), email="two@example.org", name="Two", roles=["coordinator"]
        )

    result = import_rows(data, ONE)

    assert result.exit_code == 2
    assert result.stderr == "There are 2 coordinators; name the one who acts with --as EMAIL.\n"
    assert import_rows(data, ONE, "--as", "two@example.org").exit_code == 0
