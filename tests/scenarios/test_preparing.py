"""Self-checks, similar proposals, lessons and notices in scenarios: what is done and what is expected."""

from pathlib import Path

import pytest

from tests.scenarios.scripts import APPRAISING, play

PROPOSED = "  - {at: 2010-02-01T09:00:00+01:00, by: designer, do: propose, as: P1, with: {title: One}}\n"
LESSON = "  - {by: desk, do: import_lessons, with: {lessons: [{code: L1, text: Ask., source: Report, countries: ZM}]}}\n"


def said(tmp_path: Path, text: str) -> list[str]:
    """Play steps that stand from line 9 on; return what is not as expected."""
    result = play(tmp_path, text)
    assert isinstance(result.exception, SystemExit), result.exception
    return [line.strip() for line in result.output.splitlines() if "✗" in line]


def faults(tmp_path: Path, text: str) -> list[str]:
    result = play(tmp_path, text)
    assert result.exit_code == 2, result.output
    return result.stderr.splitlines()[:-1]


@pytest.mark.thorough
def test_what_is_not_as_expected_of_a_self_check_is_said(tmp_path: Path) -> None:
    steps = """\
  - {by: designer, do: self_check, to: P1, with: {default: 2, comments: {ALI-1: Ask again}}}
  - {by: designer, do: self_check, to: P1, with: {comments: {ALI-1: Asked}}, then: {P1: {self_check: {ALI-1: 3, ALI-2: 2}}}}
expect: {P1: {self_differs: [ALI-1], changed: [gender.analysis]}}
"""
    assert said(tmp_path, PROPOSED + steps) == [
        "✗ line 11: P1 self_check: ALI-1 is 2, not 3",
        "✗ line 12: P1: self_differs is [], not [ALI-1]",
        "✗ line 12: P1: changed is [], not [gender.analysis]",
    ]


@pytest.mark.thorough
def test_what_was_told_is_what_the_last_step_told(tmp_path: Path) -> None:
    steps = """\
  - {by: reader, do: rate, to: P1, with: {default: 2}, then: {P1: {told: {reader: [assign]}}}}
  - {by: reader, do: finalise, to: P1, then: {P1: {told: {chief: [approve], designer: none, reader: none}}}}
"""
    assert said(tmp_path, APPRAISING + steps) == [
        "✗ line 12: P1 told: reader is none, not [assign]",
        "✗ line 13: P1 told: chief is [finalise], not [approve]",
        "✗ line 13: P1 told: designer is [finalise], not none",
    ]


@pytest.mark.thorough
def test_lessons_and_similar_proposals_that_are_not_there_are_refused(tmp_path: Path) -> None:
    steps = """\
  - {by: designer, do: cite_lesson, to: P1, with: {lesson: L2}, refused: [not_visible]}
  - {by: designer, do: note_overlap, to: P1, with: {similar: [P1]}, refused: [not_similar]}
  - {by: designer, do: note_overlap, to: P1}
  - {by: designer, do: cite_lesson, to: P1, with: {lesson: L1}}
expect: {P1: {lessons: [L1], similar: [], cited: [Illustrative lesson, L2]}}
"""
    assert said(tmp_path, LESSON + PROPOSED.replace("title: One", "title: One, countries: [ZM]") + steps) == [
        "✗ line 15: P1: cited is [Illustrative lesson, L1], not [Illustrative lesson, L2]",
    ]


@pytest.mark.thorough
def test_a_lesson_that_cannot_be_kept_is_a_difference_and_leaves_nothing(tmp_path: Path) -> None:
    steps = LESSON.replace("countries: ZM", "countries: XX") + PROPOSED
    assert said(tmp_path, steps + "expect: {P1: {lessons: []}}\n") == [
        "✗ line 9: import_lessons: lessons:2: not a country code of ISO 3166: XX"
    ]


def test_what_cannot_be_given_or_expected_is_a_fault_of_the_file(tmp_path: Path) -> None:
    steps = """\
  - {by: desk, do: import_lessons}
  - {by: desk, do: import_lessons, with: {lessons: [{code: L1, text: Ask.}]}}
  - {by: designer, do: cite_lesson, to: P1}
  - {by: designer, do: self_check, to: P1, with: {ALI-99: 2}}
expect: {P1: {told: {nobody: []}, evidence: {X-1: a}, changed: [nothing.here], unconfirmed: [X-1], self_check: {X-1: 1}}}
"""
    assert faults(tmp_path, PROPOSED + steps) == [
        "test.yaml:10: ‘lessons’ is missing",
        "test.yaml:11: ‘source’ is missing",
        "test.yaml:12: ‘lesson’ is missing",
        "test.yaml:13: the key ‘ALI-99’ is not known here",
        "test.yaml:14: ‘X-1’ is not an item of the checklists",
        "test.yaml:14: ‘X-1’ is not an item of the checklists",
        "test.yaml:14: ‘X-1’ is not an item of the checklists",
        "test.yaml:14: ‘nobody’ is not one of the people",
        "test.yaml:14: ‘nothing.here’ is not a field of the form",
    ]
