"""The command ``check``."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from appraisal.cli import main
from appraisal.definitions.releases import seal_of

TESTS = Path(__file__).parents[2]
SMALL = TESTS / "definitions" / "small"
BROKEN = TESTS / "definitions" / "broken"


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["check", *map(str, arguments)])


@pytest.fixture
def folders(tmp_path: Path) -> tuple[str, Path, str, Path]:
    """Return options that name copies of sound folders, which a test may change."""
    workflows = shutil.copytree(SMALL, tmp_path / "workflows")
    checklists = shutil.copytree(TESTS / "sets" / "lowest", tmp_path / "checklists")
    return ("--workflows", workflows, "--checklists", checklists)


def test_the_shipped_definitions() -> None:
    result = run()
    assert result.exit_code == 0
    assert "16 states, 33 transitions" in result.stdout
    assert "8 checklists, 63 items" in result.stdout
    assert "each in en, fr, es" in result.stdout
    assert "‘approve’ takes at least 3 people, ‘countersign’ takes at least 4 people" in result.stdout


def test_as_json() -> None:
    found = json.loads(run("--json").stdout)
    assert found["faults"] == []
    assert found["definitions"]["standard.v1"]["people"] == {"approve": 3, "countersign": 4}
    assert found["definitions"]["tripartism.v1"]["items"] == 8
    assert len(found["definitions"]["appraisal.v1"]["digest"]) == 64


def test_faults_are_printed_with_file_and_line() -> None:
    sample = BROKEN / "two_people"
    result = run("--workflows", sample)
    assert result.exit_code == 2
    line = next(
        number
        for number, text in enumerate((sample / "small.v1.yaml").read_text(encoding="utf-8").splitlines(), 1)
        if "name: approve" in text
    )
    assert result.stdout.startswith(
        f"{sample / 'small.v1.yaml'}:{line}: two people can bring a proposal to ‘approve’"
    )
    assert result.stderr == "1 fault; nothing was loaded.\n"


def test_faults_as_json() -> None:
    result = run("--json", "--workflows", BROKEN / "syntax_error")
    assert result.exit_code == 2
    (fault,) = json.loads(result.stdout)["faults"]
    assert fault["line"] > 1
    assert fault["message"].startswith("not YAML: ")


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    result = run("--checklists", tmp_path / "none")
    assert result.exit_code == 2
    assert "this folder does not exist" in result.stdout


def test_releasing(folders: tuple[str, Path, str, Path]) -> None:
    result = run(*folders, "--release", "small.v1")
    assert result.exit_code == 0
    lock = json.loads((folders[1] / "released.json").read_text())
    digest = json.loads(run(*folders, "--json").stdout)["definitions"]["small.v1"]["digest"]
    assert {key: entry["digest"] for key, entry in lock.items()} == {"small.v1": digest}
    assert not (folders[3] / "released.json").exists()
    assert run(*folders, "--release", "small.v1").exit_code == 0


def test_a_set_is_released_with_its_checklists(folders: tuple[str, Path, str, Path]) -> None:
    result = run(*folders, "--release", "bridges.v1")
    assert result.exit_code == 2
    assert "Release safety.v1 before bridges.v1, or together with it." in result.stderr
    assert run(*folders, "--release", "all").exit_code == 0
    assert list(json.loads((folders[3] / "released.json").read_text())) == [
        "access.v1",
        "bridges.v1",
        "safety.v1",
    ]


def test_an_unknown_key_is_not_released(folders: tuple[str, Path, str, Path]) -> None:
    result = run(*folders, "--release", "small.v2")
    assert result.exit_code == 2
    assert "There is no definition small.v2" in result.stderr


def test_nothing_is_released_from_faulty_folders(folders: tuple[str, Path, str, Path]) -> None:
    shutil.copy(BROKEN / "two_people" / "small.v1.yaml", folders[1])
    assert run(*folders, "--release", "safety.v1").exit_code == 2
    assert not (folders[3] / "released.json").exists()


def test_a_released_file_that_changed(folders: tuple[str, Path, str, Path]) -> None:
    run(*folders, "--release", "all")
    file = folders[1] / "small.v1.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("en: Small", "en: Smaller"), encoding="utf-8")
    for asked in ((), ("--quiet",), ("--release", "small.v1")):
        result = run(*folders, *asked)
        assert (result.exit_code, result.stderr) == (1, "1 fault; nothing was loaded.\n")
        assert result.stdout == (
            f"{file}:5: ‘small.v1’ is released and may not change; correct it in the next version\n"
        )


def test_locking_anew(folders: tuple[str, Path, str, Path]) -> None:
    run(*folders, "--release", "all")
    file = folders[1] / "small.v1.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("en: Small", "en: Smaller"), encoding="utf-8")
    newer = text.replace("version: 1", "version: 2")
    (folders[1] / "small.v2.yaml").write_text(newer, encoding="utf-8")

    result = run(*folders, "--lock", "--json")

    assert result.exit_code == 0
    found = json.loads(result.stdout)["definitions"]
    assert (found["small.v1"]["released"], found["small.v2"]["released"]) == (True, False)
    released = {key: entry["digest"] for key, entry in found.items() if entry["released"]}
    assert result.stderr == f"Name it in CHANGELOG.md: definitions {seal_of(released)}\n"
    # After a merge, say.
    (folders[1] / "released.json").write_text("<<<<<<< ours\n", encoding="utf-8")
    assert run(*folders).exit_code == 2
    assert run(*folders, "--lock", "--json").stderr == result.stderr
    assert (run(*folders, "--quiet").exit_code, run(*folders, "--quiet").stdout) == (0, "")
