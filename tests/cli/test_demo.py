from pathlib import Path

import pytest
from click.testing import CliRunner

from appraisal.cli import main
from appraisal.storage import lessons
from appraisal.storage.databases import Database


@pytest.mark.slow
def test_the_demonstration_leaves_records_and_the_indicator(tmp_path: Path) -> None:
    data = tmp_path / "demonstration"

    result = CliRunner().invoke(main, ["demo", "--no-serve", "--data", str(data)])

    written = sorted(file.name for file in (data / "records").glob("*.pdf"))
    assert result.exit_code == 0
    assert len(written) >= 12
    assert "Indicator 2.1, 2010-11" in result.stdout
    assert "71.4 %  (5 of 7), milestone 75 %, not met" in result.stdout
    assert "ILLUSTRATIVE" in result.stdout
    with Database(f"sqlite:///{data / 'appraisal.sqlite3'}").read() as db:
        assert len(lessons.list_lessons(db)[0]) == 10
    assert all("illustrative" in line for line in result.stdout.splitlines() if line.startswith("    TC-"))


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work", encoding="utf-8")

    result = CliRunner().invoke(main, ["demo", "--no-serve", "--data", str(tmp_path)])

    assert result.exit_code == 2
    assert "holds something that is no demonstration" in result.stderr
    assert (tmp_path / "thesis.txt").read_text(encoding="utf-8") == "years of work"
