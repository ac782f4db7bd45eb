import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from appraisal.cli import main
from tests.scenarios.scripts import APPROVED, play


@pytest.mark.thorough
def test_json_says_everything_about_proposals_and_indicators(tmp_path: Path) -> None:
    expect = """\
expect:
  P1: {state: approved}
  indicators: [{indicator: "2.1", biennium: 2010-11, numerator: 1}]
"""

    result = play(tmp_path, APPROVED + expect, "--json")

    value = json.loads(result.stdout)
    proposal = value["proposals"]["P1"]
    assert result.exit_code == 0
    assert value["differences"] == []
    assert proposal["state"] == "approved"
    assert proposal["route"] == "mechanism"
    assert proposal["version"] == 1
    assert proposal["computed"] == proposal["recommendation"] == "READY_WITH_CONDITIONS"
    assert proposal["verdicts"]["TRI"] == "PARTLY_MET"
    assert proposal["conditions"] == 1
    assert [len(digest) for digest in proposal["records"]] == [64, 64]
    indicator = value["indicators"][0]
    assert (indicator["numerator"], indicator["denominator"], indicator["percent"]) == (1, 1, "100.0")
    assert (indicator["exact"], indicator["milestone"], indicator["milestone_met"]) == ("100/1", "75", True)


@pytest.mark.thorough
def test_the_same_scenario_gives_the_same_records(tmp_path: Path) -> None:
    first, second = (json.loads(play(tmp_path, APPROVED, "--json").stdout) for _ in range(2))

    assert first["proposals"]["P1"]["records"] == second["proposals"]["P1"]["records"]


@pytest.mark.thorough
def test_what_is_not_as_expected_is_said_and_exits_with_1(tmp_path: Path) -> None:
    expect = "expect:\n  P1: {state: rejected, conditions: 4, height: 3}\n"

    result = play(tmp_path, APPROVED + expect)

    assert result.exit_code == 1
    assert "line 15: P1: state is approved, not rejected" in result.output
    assert "line 15: P1: conditions is 1, not 4" in result.output
    assert "line 15: P1: nothing is known of ‘height’" in result.output


def test_a_refusal_must_come_and_for_exactly_these_reasons(tmp_path: Path) -> None:
    steps = """\
  - {at: 2010-02-01T09:00:00+01:00, by: designer, do: propose, as: P1}
  - {by: designer, do: submit, to: P1, refused: [on_hold]}
  - {by: desk, do: assign, to: P1, with: {lead: designer}, refused: [lead_is_author]}
  - {by: reader, do: withdraw, to: P1}
"""

    result = play(tmp_path, steps)

    assert result.exit_code == 1
    assert "line 10: submit was to be refused (on_hold), but was done" in result.output
    assert (
        "line 11: assign was refused for lead_is_author, lead_not_appraiser, not for lead_is_author"
        in result.output
    )
    assert "line 12: withdraw was refused (not_author)" in result.output


@pytest.mark.thorough
def test_the_result_can_be_kept_in_a_database(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'kept.sqlite3'}"

    result = play(tmp_path, APPROVED, "--database", url)

    report = CliRunner().invoke(
        main,
        ["indicator", "2.1", "--biennium", "2010-11", "--json"],
        env={"APPRAISAL_DATABASE": url, "APPRAISAL_DATA": str(tmp_path)},
    )
    assert result.exit_code == 0
    assert json.loads(report.stdout)["proposals"]["mechanism"][0]["title"] == "One"


def test_verbs_are_listed() -> None:
    result = CliRunner().invoke(main, ["play", "--verbs"])

    assert result.exit_code == 0
    assert "propose " in result.output
    assert "countersign " in result.output
