"""Reviews in scenarios: what each verb does, and what can be expected of reviews."""

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
  lead: [appraiser]
  one: [appraiser]
  two: [appraiser]
  gender: {roles: [appraiser], unit: GENDER}
  chief: [manager]
steps:
  - {at: 2010-02-01T09:00:00+01:00, by: designer, do: propose, as: P1, with: {title: One}}
  - {by: designer, do: submit, to: P1}
  - {by: desk, do: assign, to: P1, with: {lead: lead, consultations: false}}
"""
ALL = [f"ALI-{number}" for number in range(1, 9)]


def play(tmp_path: Path, text: str, *options: str) -> Result:
    """Play steps that stand from line 15 on."""
    file = tmp_path / "test.yaml"
    file.write_text(HEAD + text, encoding="utf-8")
    return CliRunner().invoke(main, ["play", str(file), *options])


def holds(tmp_path: Path, text: str) -> None:
    result = play(tmp_path, text)
    assert result.output.splitlines()[-1] == "All as expected.", result.output


def said(tmp_path: Path, text: str) -> list[str]:
    result = play(tmp_path, text)
    assert result.exit_code == 1, result.output
    return [line.strip() for line in result.output.splitlines() if "✗" in line]


@pytest.mark.thorough
def test_who_is_asked_without_more_reviews_every_checklist_within_the_days_of_the_track(
    tmp_path: Path,
) -> None:
    holds(
        tmp_path,
        """\
  - {by: desk, do: ask_review, to: P1, with: {reviewer: one}}
  - {by: desk, do: ask_review, to: P1, with: {reviewer: two, checklists: [TRI, ALI], due: '2010-02-03'}}
  - {by: desk, do: move_review, to: P1, with: {reviewer: two, due: '2010-02-05'}}
expect:
  P1:
    reviews:
      one: {declaration: never asked, signed: no, late: no, silent: no, due: '2010-02-08', ratings: {},
            checklists: [ALI, TRI, ILS, GEN, TUR, CAP, RBM]}
      two: {due: '2010-02-05', checklists: [ALI, TRI], withdrawn: no}
      gender: none
""",
    )


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("day", "silent", "released"), [("2010-02-05T23:30", "no", "yes"), ("2010-02-08T00:10", "yes", "no")]
)
def test_who_let_a_date_pass_is_told_from_who_is_no_longer_awaited(
    tmp_path: Path, day: str, silent: str, released: str
) -> None:
    holds(
        tmp_path,
        f"""\
  - {{by: desk, do: ask_review, to: P1, with: {{reviewer: one, due: '2010-02-05'}}}}
  - {{by: desk, do: ask_review, to: P1, with: {{reviewer: gender, due: '2010-02-05'}}}}
  - {{at: {day}:00+01:00, by: desk, do: return_incomplete, to: P1}}
expect:
  P1:
    reviews:
      one: {{silent: {silent}, released: {released}, signed: no}}
      gender: {{silent: {silent}, released: {released}, signed: no}}
""",
    )


@pytest.mark.thorough
def test_what_is_withdrawn_is_asked_no_more(tmp_path: Path) -> None:
    holds(
        tmp_path,
        """\
  - {by: desk, do: ask_review, to: P1, with: {reviewer: one}}
  - {by: desk, do: withdraw_review, to: P1, with: {reviewer: one}, then: {P1: {reviews: {one: {withdrawn: yes}}}}}
  - {by: one, do: rate, to: P1, with: {default: 2}, refused: [not_visible]}
  - {by: desk, do: ask_review, to: P1, with: {reviewer: one}, then: {P1: {reviews: {one: {withdrawn: no}}}}}
""",
    )


def test_rating_declares_that_there_is_nothing_unless_it_says_otherwise(tmp_path: Path) -> None:
    holds(
        tmp_path,
        """\
  - {by: desk, do: ask_review, to: P1, with: {reviewer: one, checklists: [ALI]}}
  - {by: one, do: rate, to: P1, with: {default: 2, declare: false}, refused: [declaration_missing]}
  - {by: one, do: rate, to: P1, with: {default: 2, ALI-2: 1}}
  - {by: one, do: rate, to: P1, with: {TRI-1: 1}, refused: [item_not_reviewed]}
  - {by: one, do: sign, to: P1, with: {comment: Well thought out}}
  - {by: one, do: rate, to: P1, with: {ALI-1: 1}, refused: [review_signed]}
expect: {P1: {reviews: {one: {declaration: nothing, signed: yes, ratings: {ALI-1: 2, ALI-2: 1, TRI-1: none}}}}}
""",
    )


def test_a_conflict_and_a_refusal_to_review_end_it(tmp_path: Path) -> None:
    holds(
        tmp_path,
        """\
  - {by: desk, do: ask_review, to: P1, with: {reviewer: one}}
  - {by: desk, do: ask_review, to: P1, with: {reviewer: two}}
  - {by: one, do: declare, to: P1, with: {conflict: ''}, refused: [conflict_missing]}
  - {by: one, do: declare, to: P1, with: {conflict: My sister wrote it}}
  - {by: two, do: decline, to: P1, with: {reason: ''}, refused: [note_missing]}
  - {by: two, do: decline, to: P1}
expect:
  P1:
    reviews:
      one: {declaration: declared, declined: no, signed: no}
      two: {declaration: never asked, declined: yes, signed: no}
""",
    )


@pytest.mark.thorough
def test_an_appraiser_of_a_unit_that_was_asked_takes_it_up_by_rating(tmp_path: Path) -> None:
    holds(
        tmp_path,
        """\
  - {by: gender, do: rate, to: P1, with: {GEN-1: 3}}
  - {by: gender, do: sign, to: P1}
expect: {P1: {reviews: {gender: {signed: yes, checklists: [GEN]}}, consultations: {GENDER: answered, NORMES: open}}}
""",
    )


@pytest.mark.thorough
def test_the_lead_adopts_what_all_agree_on_and_gives_reasons_for_the_rest(tmp_path: Path) -> None:
    holds(
        tmp_path,
        """\
  - {by: desk, do: ask_review, to: P1, with: {reviewer: one, checklists: [ALI]}}
  - {by: desk, do: ask_review, to: P1, with: {reviewer: two, checklists: [ALI]}}
  - {by: one, do: rate, to: P1, with: {default: 2}}
  - {by: one, do: sign, to: P1}
  - {by: two, do: rate, to: P1, with: {default: 2, ALI-3: 1}}
  - {by: two, do: sign, to: P1}
  - {by: lead, do: adopt, to: P1, then: {P1: {ratings: {ALI-1: 2, ALI-3: none}, unexplained: []}}}
  - {by: lead, do: rate, to: P1, with: {ALI-3: 1}, then: {P1: {unexplained: [ALI-3]}}}
  - {by: lead, do: rate, to: P1, with: {ALI-2: 3, reasons: {ALI-3: Two is right}}, then: {P1: {unexplained: [ALI-2]}}}
expect: {P1: {ratings: {ALI-2: 3, ALI-3: 1}, agreement: {ALI: '0.000', TRI: not computable}}}
""",
    )


@pytest.mark.thorough
def test_what_is_not_as_expected_of_reviews_is_said_with_its_place(tmp_path: Path) -> None:
    found = said(
        tmp_path,
        """\
  - {by: desk, do: ask_review, to: P1, with: {reviewer: one, checklists: [ALI]}}
  - {by: one, do: rate, to: P1, with: {default: 2}}
  - {by: one, do: sign, to: P1}
expect:
  P1:
    reviews: {one: {signed: no, declaration: declared, ratings: {ALI-1: 3, TRI-1: 1}}, two: {signed: yes}}
    ratings: {ALI-1: 2}
    unexplained: [ALI-1]
    agreement: {ALI: '0.500'}
    consultations: {GENDER: late}
    days: {under_appraisal: 3, submitted: 0}
    due: 2010-02-14
""",
    )

    assert found == [
        "✗ line 18: P1 reviews one: signed is true, not no",
        "✗ line 18: P1 reviews one: declaration is nothing, not declared",
        "✗ line 18: P1 reviews one ratings: ALI-1 is 2, not 3",
        "✗ line 18: P1 reviews one ratings: TRI-1 is none, not 1",
        "✗ line 18: P1 reviews: two is none, not {'signed': 'yes'}",
        "✗ line 18: P1 ratings: ALI-1 is none, not 2",
        "✗ line 18: P1: unexplained is [], not [ALI-1]",
        "✗ line 18: P1 agreement: ALI is not computable, not 0.500",
        "✗ line 18: P1 consultations: GENDER is open, not late",
        "✗ line 18: P1 days: under_appraisal is 0, not 3",
        "✗ line 18: P1: due is 2010-02-15, not 2010-02-14",
    ]


@pytest.mark.parametrize("verb", ["withdraw_review", "move_review"])
def test_a_review_that_nobody_was_asked_for_is_a_difference(tmp_path: Path, verb: str) -> None:
    due = ", due: '2010-02-09'" if verb == "move_review" else ""
    steps = f"  - {{by: desk, do: {verb}, to: P1, with: {{reviewer: one{due}}}}}\n"
    assert said(tmp_path, steps) == [f"✗ line 15: {verb}: one was never asked to review"]


@pytest.mark.thorough
def test_json_says_what_became_of_every_review(tmp_path: Path) -> None:
    result = play(
        tmp_path,
        """\
  - {by: desk, do: ask_review, to: P1, with: {reviewer: one, checklists: [ALI]}}
  - {at: 2010-02-10T09:00:00+01:00, by: one, do: rate, to: P1, with: {default: 2}}
  - {by: one, do: sign, to: P1}
""",
        "--json",
    )

    value = json.loads(result.stdout)["proposals"]["P1"]
    assert value["reviews"]["one"] == {
        "declaration": "nothing",
        "declined": False,
        "signed": True,
        "late": True,
        "silent": False,
        "released": False,
        "withdrawn": False,
        "due": "2010-02-08",
        "checklists": ["ALI"],
        "ratings": dict.fromkeys(ALL, "2"),
        "unconfirmed": [],
    }
    assert value["days"] == {"submitted": 0, "under_appraisal": 7}
    assert value["consultations"]["GENDER"] == "open"
