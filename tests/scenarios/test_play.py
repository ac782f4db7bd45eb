import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from appraisal.cli import main

HEAD = """\
schema: 1
title: A test
people:
  designer: [designer]
  desk: [coordinator]
  reader: [appraiser]
  chief: [manager]
steps:
"""


def play(tmp_path: Path, text: str, *options: str) -> Result:
    file = tmp_path / "test.yaml"
    file.write_text(HEAD + text, encoding="utf-8")
    return CliRunner().invoke(main, ["play", str(file), *options])


APPROVED = """\
  - {at: 2010-02-01T09:00:00+01:00, by: designer, do: propose, as: P1, with: {title: One}}
  - {by: designer, do: submit, to: P1}
  - {by: desk, do: assign, to: P1, with: {lead: reader}}
  - {by: reader, do: rate, to: P1, with: {default: 2, TRI-4: 1}}
  - {by: reader, do: finalise, to: P1}
  - {by: chief, do: approve, to: P1}
"""


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


def test_the_same_scenario_gives_the_same_records(tmp_path: Path) -> None:
    first, second = (json.loads(play(tmp_path, APPROVED, "--json").stdout) for _ in range(2))

    assert first["proposals"]["P1"]["records"] == second["proposals"]["P1"]["records"]


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
    assert "line 12: withdraw was refused (not_visible)" in result.output


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("  - {by: nobody, do: tick}\n", "test.yaml:9: ‘nobody’ is not one of the people"),
        (
            "  - {by: desk, do: dance}\n",
            "test.yaml:9: ‘dance’ is neither a use case nor a transition; see --verbs",
        ),
        ("  - {by: designer, do: submit}\n", "test.yaml:9: ‘submit’ needs ‘to’: the proposal it is done to"),
        (
            "  - {by: designer, do: propose}\n",
            "test.yaml:9: ‘propose’ needs ‘as’: a name for the proposal it begins",
        ),
        ("  - {by: designer, do: submit, to: P9}\n", "test.yaml:9: ‘P9’ is no proposal of an earlier step"),
        (
            "  - {at: 2010-02-01T09:00:00, by: designer, do: propose, as: P1}\n",
            "test.yaml:9: at: the moment has no offset, like +01:00 (‘2010-02-01T09:00:00’)",
        ),
        (
            """\
  - {at: 2010-02-01T09:00:00+01:00, by: desk, do: tick}
  - {at: 2010-01-01T09:00:00+01:00, by: desk, do: tick}
""",
            "test.yaml:10: the clock runs backwards",
        ),
        ("  - {by: desk, do: tick, colour: red}\n", "test.yaml:9: the key ‘colour’ is not known here"),
        (
            "  - {by: desk, do: tick}\nexpect: {P1: {state: draft}}\n",
            "test.yaml:10: ‘P1’ is no proposal of this scenario",
        ),
    ],
)
def test_a_file_with_faults_is_not_played(tmp_path: Path, text: str, fault: str) -> None:
    result = play(tmp_path, text)

    assert result.exit_code == 2
    assert fault in result.stderr.splitlines()


def test_all_faults_are_said_at_once(tmp_path: Path) -> None:
    result = play(tmp_path, "  - {by: nobody, do: dance}\n  - {by: desk, do: submit}\n")

    assert result.stderr.splitlines()[-1] == "3 faults; nothing was done."


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
