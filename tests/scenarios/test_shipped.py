import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from appraisal.cli import main
from appraisal.definitions.library import Library
from appraisal.paths import folder
from appraisal.verification.rules import record_file

SHIPPED = sorted((folder("workflows") / "scenarios").glob("*.yaml"))


@pytest.mark.sampled(2)
@pytest.mark.parametrize("scenario", SHIPPED, ids=lambda file: file.stem)
def test_every_shipped_scenario_holds_and_so_do_its_records(
    scenario: Path, tmp_path: Path, library: Library
) -> None:
    kept = tmp_path / "played.sqlite3"
    result = CliRunner().invoke(main, ["play", str(scenario), "--database", f"sqlite:///{kept}"])

    assert result.output.splitlines()[-1] == "All as expected."
    assert result.exit_code == 0

    with closing(sqlite3.connect(kept)) as database:
        records = [value for (value,) in database.execute("SELECT value FROM records")]
    found = [entry for value in records for entry in record_file.verify(value.encode(), library)]
    assert [entry.say("en") for entry in found if entry.outcome == "fails"] == []
