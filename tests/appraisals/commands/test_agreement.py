"""The command ``agreement``: the same figures on the command line."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from appraisal.cli import main
from appraisal.definitions.library import Library
from tests.casts import Clock
from tests.databases import write_migrated
from tests.web import building, panels


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation with an empty database."""
    monkeypatch.setenv("APPRAISAL_DATA", str(tmp_path))
    monkeypatch.delenv("APPRAISAL_DATABASE", raising=False)
    write_migrated(tmp_path / "appraisal.sqlite3")
    return tmp_path


def test_nothing_signed_is_said(installation: Path) -> None:
    found = CliRunner().invoke(main, ["agreement"])
    assert found.exit_code == 0, found.output
    assert "No review is signed yet." in found.output
    found = CliRunner().invoke(main, ["agreement", "--json"])
    assert json.loads(found.output) == {"illustrative": False, "sets": []}


def test_every_item_is_printed_with_what_is_behind_it(installation: Path, library: Library) -> None:
    site = building.open_site(installation, library, Clock())
    cast = building.create_cast(site.database)
    for high in ("3", "1"):
        number = building.assigned_proposal(site, cast)
        values = {(1, "TRI-4"): "3", (2, "TRI-4"): "1", (1, "TRI-1"): high, (2, "TRI-1"): high}
        panels.reviewed_by(site, cast, number, 2, rate=panels.rating(values))
    site.database.close()

    value = json.loads(CliRunner().invoke(main, ["agreement", "--json"]).output)
    (only,) = value["sets"]
    found = {entry["item"]: entry for entry in only["items"]}
    assert only["set"] == "appraisal.v1"
    assert found["TRI-4"] == {
        "checklist": "TRI",
        "item": "TRI-4",
        "alpha": "-0.500",
        "reason": "",
        "appraisals": 2,
        "pairs": 2,
    }
    assert (found["TRI-2"]["alpha"], found["TRI-2"]["reason"]) == (None, "no_variation")
    lines = CliRunner().invoke(main, ["agreement", "--lowest"]).output.splitlines()
    assert [line.split()[0] for line in lines if line.startswith("  ")][:2] == ["TRI-4", "TRI-1"]
    assert lines[3].split() == ["TRI-4", "-0.500", "2", "2"]
    assert any("all ratings are the same" in line for line in lines)
