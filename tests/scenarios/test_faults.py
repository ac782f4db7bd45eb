from pathlib import Path

import pytest
from click.testing import CliRunner

from appraisal.cli import main
from tests.scenarios.scripts import play


@pytest.mark.sampled(4)
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


PROPOSED = "  - {by: designer, do: propose, as: P1}\n"


def faults(tmp_path: Path, text: str) -> list[str]:
    """Return the faults of steps that stand from line 9 on, without the file's name."""
    result = play(tmp_path, text)
    assert result.exit_code == 2
    assert result.stdout == ""
    return [line.removeprefix("test.yaml:") for line in result.stderr.splitlines()[:-1]]


@pytest.mark.sampled(8)
@pytest.mark.parametrize(
    ("do", "given", "fault"),
    [
        ("hold", "until: soon", "write a day, like 2010-02-01, not ‘soon’"),
        ("hold", "untill: 2010-03-01", "the key ‘untill’ is not known here"),
        ("approve", "conditions: []", "the key ‘conditions’ is not known here"),
        ("register_approval", "approved_at: garbage", "approved_at: write a moment"),
        ("finalise", "conditions: [{item: TRI-4, due: x}]", "write a day, like 2010-02-01, not ‘x’"),
        ("finalise", "conditions: [{item: TRI-4, gate: later}]", "gate: "),
        ("finalise", "conditions: [{colour: red}]", "the key ‘colour’ is not known here"),
        ("finalise", "conditions: some", "write a list of conditions, or false for none, not ‘some’"),
        ("revise", "budget: {currency: EUR}", "‘amount’ is missing"),
        ("revise", "budget: much", "write a decimal number, not ‘much’"),
        ("revise", "budget: {amount: [1]}", "write a decimal number"),
        ("revise", "budgett: '1'", "the key ‘budgett’ is not known here"),
        ("revise", "title: {en: One}", "‘title’ must be a text"),
        ("revise", "private: perhaps", "write true or false, not ‘perhaps’"),
        ("revise", "content: {attic: {}}", "the key ‘attic’ is not known here"),
        ("revise", "content: {gender: {mark: '1'}}", "the key ‘mark’ is not known here"),
        ("revise", "content: {gender: 1}", "‘gender’ must hold named entries"),
        ("revise", "content: {results: {outputs: none}}", "‘outputs’ must be a list"),
        ("revise", "content: {results: {outputs: [{name: x}]}}", "the key ‘name’ is not known here"),
        ("revise", "contributions: [{funding: XBTC}]", "the key ‘funding’ is not known here"),
        ("add_author", "{}", "‘author’ is missing"),
        ("add_author", "author: nobody", "‘nobody’ is not one of the people"),
        ("assign", "lead: nobody", "‘nobody’ is not one of the people"),
        ("rate", "comments: none", "‘comments’ must hold named entries"),
        ("rate", "comments: {TRI-99: why}", "the key ‘TRI-99’ is not known here"),
        ("rate", "TRI-99: 2", "the key ‘TRI-99’ is not known here"),
        ("request_revision", "changes: [{words: x}]", "the key ‘words’ is not known here"),
        ("clear_condition", "number: 1", "the key ‘number’ is not known here"),
        ("rate", "reasons: none", "‘reasons’ must hold named entries"),
        ("rate", "reasons: {TRI-99: why}", "the key ‘TRI-99’ is not known here"),
        ("rate", "declare: perhaps", "write true or false, not ‘perhaps’"),
        ("confirm", "default: 2", "the key ‘default’ is not known here"),
        ("ask_review", "{}", "‘reviewer’ is missing"),
        ("ask_review", "reviewer: nobody", "‘nobody’ is not one of the people"),
        ("ask_review", "reviewer: reader, due: soon", "write a day, like 2010-02-01, not ‘soon’"),
        ("ask_review", "reviewer: reader, checklists: [ALI, ABC]", "‘ABC’ is no checklist; there are ALI, "),
        ("ask_review", "reviewer: reader, checklists: {ALI: 1}", "‘checklists’ must be a list"),
        ("ask_review", "reviewer: reader, checklist: ALI", "the key ‘checklist’ is not known here"),
        ("withdraw_review", "{}", "‘reviewer’ is missing"),
        ("move_review", "reviewer: reader", "‘due’ is missing"),
        ("declare", "conflicts: none", "the key ‘conflicts’ is not known here"),
        ("decline", "note: none", "the key ‘note’ is not known here"),
        ("sign", "text: none", "the key ‘text’ is not known here"),
        ("adopt", "default: 2", "the key ‘default’ is not known here"),
    ],
)
def test_what_stands_under_with_is_known(tmp_path: Path, do: str, given: str, fault: str) -> None:
    given = given if given == "{}" else f"{{{given}}}"
    found = faults(tmp_path, f"{PROPOSED}  - by: desk\n    do: {do}\n    to: P1\n    with: {given}\n")

    assert len(found) == 1
    assert found[0].startswith("13: ")
    assert fault in found[0]


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("", ["‘currency’ is missing", "‘day’ is missing", "‘per_usd’ is missing"]),
        (
            "currency: EUR, day: '2010-01-01', per_usd: cheap",
            ["per_usd: write a decimal number, not ‘cheap’"],
        ),
        (
            "currency: Euro, day: yesterday, per_usd: '0'",
            ["currency: write a currency", "day: write a day", "per_usd: a rate lies above 0"],
        ),
    ],
)
def test_a_rate_that_is_entered_is_whole(tmp_path: Path, given: str, found: list[str]) -> None:
    said = faults(tmp_path, f"  - {{by: desk, do: enter_rate, with: {{{given}}}}}\n")

    assert len(said) == len(found)
    assert all(line.startswith(f"9: {start}") for line, start in zip(said, found, strict=True))


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("", ["‘list’ is missing", "‘rows’ is missing"]),
        ("list: donors, rows: []", ["‘donors’ is no list; there are projects, deliveries"]),
        ("list: gaps, rows: [{colour: red}]", ["the key ‘colour’ is not known here"]),
    ],
)
def test_a_list_that_is_imported_is_known(tmp_path: Path, given: str, found: list[str]) -> None:
    said = faults(tmp_path, f"  - {{by: desk, do: import_list, with: {{{given}}}}}\n")

    assert len(said) == len(found)
    assert all(words in line for words, line in zip(found, said, strict=True))


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("expected", "fault"),
    [
        ("{P1: draft}", "‘P1’ must hold named entries"),
        ("{indicators: {indicator: '2.1', biennium: 2010-11}}", "‘indicators’ must be a list"),
        ("{indicators: [percent]}", "an indicator must hold named entries"),
        ("{indicators: [{indicator: '2.1', numerator: 1}]}", "‘biennium’ is missing"),
        ("{indicators: [{indicator: '9.9', biennium: 2010-11}]}", "there is no indicator ‘9.9’"),
        ("{indicators: [{biennium: 2011-12}]}", "“2011-12” is not a biennium"),
        ("{indicators: [{biennium: 2010-11, scope: GOLD}]}", "‘scope’ must be one of XBTC, RBSA, RBTC, all"),
        ("{indicators: [{biennium: 2010-11, as_of: soon}]}", "‘as_of’ must be a day"),
    ],
)
def test_what_is_expected_can_be_compared(tmp_path: Path, expected: str, fault: str) -> None:
    at_the_end = faults(tmp_path, f"{PROPOSED}expect: {expected}\n")
    on_a_step = faults(tmp_path, f"{PROPOSED}  - {{by: desk, do: tick, then: {expected}}}\n")

    assert [line.startswith(f"10: {fault}") for line in (*at_the_end, *on_a_step)] == [True, True]


@pytest.mark.sampled(5)
@pytest.mark.parametrize(
    ("expected", "fault"),
    [
        ("reviews: none of them", "‘reviews’ must hold named entries"),
        ("reviews: {nobody: {signed: true}}", "‘nobody’ is not one of the people"),
        ("reviews: {(NOBODY): {signed: true}}", "‘(NOBODY)’ is not one of the people"),
        ("reviews: {reader: signed}", "‘reader’ must hold named entries, or be none"),
        ("reviews: {reader: {sealed: true}}", "the key ‘sealed’ is not known here"),
        ("reviews: {reader: {declaration: none}}", "write never asked, nothing, declared, not ‘none’"),
        ("reviews: {reader: {ratings: {ALI-99: 1}}}", "‘ALI-99’ is not an item of the checklists"),
        ("reviews: {reader: {unconfirmed: [ALI-99]}}", "‘ALI-99’ is not an item of the checklists"),
        ("ratings: {ALI-99: 1}", "‘ALI-99’ is not an item of the checklists"),
        ("ratings: [ALI-1]", "‘ratings’ must hold named entries"),
        ("unexplained: ALI-1", "‘unexplained’ must be a list"),
        ("unexplained: [ALI-1, ALI-99]", "‘ALI-99’ is not an item of the checklists"),
        ("agreement: {ABC: '0.512'}", "‘ABC’ is not a checklist"),
        ("agreement: {ALI: '0.5'}", "write three decimals, like 0.512, or ‘not computable’, not ‘0.5’"),
        ("agreement: {ALI: high}", "write three decimals, like 0.512, or ‘not computable’, not ‘high’"),
        ("consultations: {FINANCE: open}", "‘FINANCE’ is no unit that is consulted"),
        (
            "consultations: {EVAL: waiting}",
            "write one of answered, late, silent, released, open, not ‘waiting’",
        ),
        ("days: {resting: 1}", "‘resting’ is not a state of the workflow"),
    ],
)
def test_what_is_expected_of_reviews_can_be_compared(tmp_path: Path, expected: str, fault: str) -> None:
    found = faults(
        tmp_path,
        f"""\
{PROPOSED}  - {{by: desk, do: tick, then: {{P1: {{{expected}}}}}}}
expect:
  P1:
    {expected}
""",
    )

    assert [line.startswith(f"10: {fault}") for line in found] == [True, False]
    assert found[1].startswith(f"13: {fault}")


def test_one_bad_moment_hides_no_other_fault(tmp_path: Path) -> None:
    found = faults(
        tmp_path,
        """\
  - {at: now, by: nobody, do: propose, as: P1, with: {budgett: '1'}}
  - {at: 2010-02-01T09:00:00+01:00, by: designer, do: dance}
  - {at: 2010-01-01T09:00:00+01:00, by: designer, do: submit, to: P2}
expect: {P1: draft}
""",
    )

    assert [line.partition(":")[0] for line in found] == ["9", "9", "9", "10", "11", "11", "12"]
    assert any("at: write a moment" in line for line in found)
    assert any("the clock runs backwards" in line for line in found)


def test_the_top_of_the_file_is_checked(tmp_path: Path) -> None:
    file = tmp_path / "test.yaml"
    file.write_text(
        """\
schema: 1
title: A test
workflow: standard.v99
set: nothing
people:
  a b: [designer]
  system: [designer]
  idle: []
rates:
  - {currency: euro, day: '2010-01-01', per_usd: '1'}
  - {currency: EUR, day: today, per_usd: '1'}
  - {currency: EUR, day: '2010-01-01', per_usd: '-1'}
  - {currency: EUR, day: '2010-01-01', per_usd: x}
holidays:
  - {day: tomorrow, name: New Year}
  - {day: '2010-01-01', name: ''}
steps:
  - {by: idle, do: tick}
""",
        encoding="utf-8",
    )

    result = CliRunner().invoke(main, ["play", str(file)])

    assert result.exit_code == 2
    lines = [line.split(":")[1] for line in result.stderr.splitlines()[:-1]]
    assert lines == ["3", "4", "6", "7", "8", "10", "11", "12", "13", "13", "15", "16"]


@pytest.mark.parametrize("other", ["manager", "appraiser"])
def test_nobody_in_a_file_keeps_accounts_and_rates_or_decides(tmp_path: Path, other: str) -> None:
    file = tmp_path / "test.yaml"
    file.write_text(
        f"schema: 1\ntitle: A test\npeople:\n  ann: [administrator, {other}]\nsteps:\n  - {{by: ann, do: tick}}\n",
        encoding="utf-8",
    )

    result = CliRunner().invoke(main, ["play", str(file)])

    assert result.exit_code == 2
    assert "test.yaml:4: roles: an administrator is neither appraiser nor manager" in result.stderr


@pytest.mark.parametrize(
    "text", ["steps: 3", "steps: []", "steps: [x]", "people: x\nsteps: [{by: 1}]", "- 1"]
)
def test_a_file_of_another_shape_is_faulty(tmp_path: Path, text: str) -> None:
    file = tmp_path / "test.yaml"
    file.write_text(f"schema: 1\ntitle: A test\n{text}\n" if text != "- 1" else text, encoding="utf-8")

    result = CliRunner().invoke(main, ["play", str(file)])

    assert result.exit_code == 2
    assert result.stderr.startswith("test.yaml:")


def test_what_is_left_empty_is_no_fault(tmp_path: Path) -> None:
    result = play(
        tmp_path,
        """\
  - {by: designer, do: propose, as: P1, with: {}, then: }
  - {by: designer, do: propose, as: P2, with: , refused: []}
  - {by: designer, do: propose, as: P3, with: {complete: False, private: No, theme: }}
  - {by: desk, do: register_approval, to: P1, with: {title: Known already, approved_at: , reason: }}
expect:
  P1: {state: approved, on_hold: No, track: ~}
  indicators:
""",
    )

    assert result.stdout.splitlines()[-1] == "All as expected."
