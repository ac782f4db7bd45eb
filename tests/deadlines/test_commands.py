"""appraisal times and appraisal tick, as an operator calls them."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import update

from appraisal.cli import main
from appraisal.database import tables
from tests import casts
from tests.casts import Stage

SEALED = "Checkpoint 1 of the audit trail is written.\n"


@pytest.fixture
def run(lite: Stage, tmp_path: Path) -> "Run":
    """Return a function that calls a command on the database of the stage."""
    return Run(lite, tmp_path)


class Run:
    """The command line on the database of a stage."""

    def __init__(self, stage: Stage, data: Path) -> None:
        self.environment = {"APPRAISAL_DATA": str(data), "APPRAISAL_DATABASE": stage.database.url}

    def __call__(self, *arguments: str) -> Result:
        return CliRunner().invoke(main, list(arguments), env=self.environment)


def _assigned(stage: Stage) -> str:
    number = casts.submitted(stage, unit="SKILLS")
    stage.wait(days=3)
    casts.take(stage, "desk", number, "assign", lead="lead")
    return number


def test_times_are_printed_as_a_table(lite: Stage, run: Run) -> None:
    assert run("times").stdout == "No step with a limit ended in this time yet.\n"
    _assigned(lite)
    printed = run("times")
    assert printed.exit_code == 0
    assert printed.stdout.splitlines() == [
        "step       track     unit    stays  median  90th  limit  within",
        "submitted  standard  SKILLS      1       3     3      2       0",
    ]
    assert run("times", "--year", "2009").stdout == "No step with a limit ended in this time yet.\n"
    assert run("times", "--year", "9").exit_code == 2


def test_times_are_printed_as_json(lite: Stage, run: Run) -> None:
    _assigned(lite)
    assert json.loads(run("times", "--json", "--year", "2010").stdout) == {
        "year": 2010,
        "illustrative": False,
        "times": [
            {
                "step": "submitted",
                "track": "standard",
                "unit": "SKILLS",
                "stays": 1,
                "median": 3,
                "90th": 3,
                "limit": [2],
                "within": 0,
            }
        ],
    }


def test_a_tick_says_what_it_did_once(lite: Stage, run: Run) -> None:
    number = casts.submitted(lite)
    at = "2010-02-04T09:00:00+01:00"
    first, second = run("tick", "--at", at), run("tick", "--at", at)
    assert (first.exit_code, first.stdout) == (0, f"{number}: overdue\n0 steps, 1 marks.\n{SEALED}")
    assert (second.exit_code, second.stdout) == (0, "0 steps, 0 marks.\n")


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_tick_that_fails_somewhere_says_where(lite: Stage, run: Run, options: tuple[str, ...]) -> None:
    broken, sound = casts.submitted(lite), casts.submitted(lite)
    table = tables.proposals
    with lite.database.begin() as db:
        db.execute(update(table).where(table.c.number == broken).values(content="{"))
    done = run("tick", "--at", "2010-02-04T09:00:00+01:00", *options)
    assert done.exit_code == 1
    if options:
        said = json.loads(done.stdout)
        assert (said["marks"], [entry[0] for entry in said["faults"]]) == ([[sound, "overdue"]], [broken])
    else:
        assert done.stdout == f"{sound}: overdue\n0 steps, 1 marks, 1 failed.\n{SEALED}"
        assert done.stderr.startswith(f"{broken}: failed, JSONDecodeError: ")
