"""The command ``score``."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from appraisal.cli import main
from appraisal.definitions.library import Library

SETS = Path(__file__).parents[2] / "sets"


def run(answers: Any, *arguments: str | Path) -> Result:
    """Score answers from standard input; a string is taken as it stands."""
    text = answers if isinstance(answers, str | bytes) else json.dumps(answers)
    return CliRunner().invoke(main, ["score", "-", *map(str, arguments)], input=text)


def scored(answers: Any, *arguments: str | Path) -> Any:
    return json.loads(run(answers, "--json", *arguments).stdout)


@pytest.fixture
def ratings(library: Library) -> dict[str, Any]:
    """Return a 2 for every item of the seven criteria that always apply."""
    criteria = library.criteria("appraisal.v1")[:7]
    return {item.id: 2 for criterion in criteria for item in criterion.checklist.items}


def test_all_satisfactory(ratings: dict[str, Any]) -> None:
    result = run({"ratings": ratings}, "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {
        "set": "appraisal.v1",
        "verdicts": dict.fromkeys(("ALI", "TRI", "ILS", "GEN", "TUR", "CAP", "RBM"), "MET"),
        "recommendation": "READY",
        "conditions": [],
        "problems": [],
        "ignored": [],
    }


def test_conditions_quote_their_questions(ratings: dict[str, Any], library: Library) -> None:
    found = scored({"ratings": ratings | {"TRI-4": "1", "CAP-6": 1}})
    assert found["recommendation"] == "READY_WITH_CONDITIONS"
    assert [entry["item"] for entry in found["conditions"]] == ["TRI-4", "CAP-6"]
    assert found["conditions"][0]["ask"] == library.checklist("tripartism.v1").item("TRI-4").ask.en


def test_numbers_and_words_are_the_same(ratings: dict[str, Any]) -> None:
    words = {item: str(value) for item, value in ratings.items()}
    assert scored({"ratings": words}) == scored({"ratings": ratings})


def test_comments_are_checked_only_where_some_are_given(ratings: dict[str, Any]) -> None:
    low = ratings | {"TRI-4": 1}
    assert run({"ratings": low}).exit_code == 0
    result = run({"ratings": low, "comments": {}}, "--json")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert [(entry["code"], entry["item"]) for entry in found["problems"]] == [("comment_missing", "TRI-4")]
    assert found["recommendation"] == "READY_WITH_CONDITIONS"
    assert run({"ratings": low, "comments": {"TRI-4": "None."}}).exit_code == 0


@pytest.mark.parametrize(
    ("budget", "applies"),
    [(None, False), ("5000000", False), ("5000000.00", False), ("5000000.01", True), (5000001, True)],
)
def test_the_budget_decides_on_the_evaluability_review(
    ratings: dict[str, Any], budget: Any, applies: bool
) -> None:
    answers = {"ratings": ratings | {"EVA-7": 1}, "budget_usd": budget}
    found = scored(answers)
    assert ("EVA" in found["verdicts"]) is applies
    assert found["ignored"] == ([] if applies else ["EVA-7"])
    assert (found["recommendation"] is None) is applies


@pytest.mark.parametrize(
    ("said", "items", "allowed"),
    [
        ({}, ["TUR-2"], False),
        ({"learning_component": True}, ["TUR-2"], False),
        ({"learning_component": None}, ["TUR-2"], False),
        ({"learning_component": False}, ["TUR-2", "TUR-3", "TUR-4", "TUR-5", "TUR-6"], True),
        ({}, ["TUR-4"], False),
        ({"provider": "other"}, ["TUR-4"], False),
        ({"provider": "mixed"}, ["TUR-4"], False),
        ({"provider": "The Turin Centre together with another provider"}, ["TUR-4"], False),
        ({"provider": "University of Turin"}, ["TUR-4"], False),
        ({"provider": "turin_centre"}, ["TUR-4"], True),
        ({"provider": "Turin Centre"}, ["TUR-4"], True),
        ({"provider": "the TURIN centre (ITC-ILO)"}, ["TUR-4"], True),
        ({"provider": "ITC-ILO"}, ["TUR-4"], True),
        ({"provider": "Centro de Turín"}, ["TUR-4"], True),
        ({"provider": "turin_centre"}, ["TUR-2"], False),
        # Whether a private partner pays is not known from answers.
        ({}, ["ALI-8"], True),
        ({}, ["TRI-4"], False),
        ({}, ["TRI-1"], False),
    ],
)
def test_where_x_is_a_problem(
    ratings: dict[str, Any], said: dict[str, Any], items: list[str], allowed: bool
) -> None:
    result = run({"ratings": ratings | dict.fromkeys(items, "X"), **said}, "--json")
    assert result.exit_code == (0 if allowed else 1)
    problems = json.loads(result.stdout)["problems"]
    assert [entry["item"] for entry in problems] == ([] if allowed else items)


def test_problems_name_code_item_and_sentence(ratings: dict[str, Any]) -> None:
    del ratings["GEN-5"]
    answers = {"ratings": ratings | {"TRI-1": "X", "TRI-4": 4, "TRI-44": 2}, "comments": {"ZZZ-1": "?"}}
    problems = scored(answers)["problems"]
    assert problems == [
        {"code": "item_unknown", "item": "TRI-44", "message": "TRI-44 is not an item of this set."},
        {"code": "item_unknown", "item": "ZZZ-1", "message": "ZZZ-1 is not an item of this set."},
        {"code": "x_on_gating", "item": "TRI-1", "message": "TRI-1 is a gating item and cannot be rated X."},
        {"code": "comment_missing", "item": "TRI-1", "message": "TRI-1 is rated X and needs a comment."},
        {"code": "rating_unknown", "item": "TRI-4", "message": "TRI-4: “4” is not on the scale."},
        {"code": "item_unrated", "item": "GEN-5", "message": "GEN-5 is not rated."},
    ]


def test_nothing_rated() -> None:
    found = scored({"ratings": {}})
    assert set(found["verdicts"].values()) == {None}
    assert len(found["problems"]) == 54


def test_for_people(ratings: dict[str, Any]) -> None:
    result = run({"ratings": ratings | {"TRI-4": 1, "EVA-7": 2, "CAP-8": "X"}})
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "Appraisal of technical cooperation proposals (appraisal.v1)",
        "",
        "  ALI    Alignment                                          Met",
        "  TRI    Tripartism                                         Partly met",
        "  ILS    International labour standards                     Met",
        "  GEN    Gender equality and non-discrimination             Met",
        "  TUR    Use of the Turin Centre                            Met",
        "  CAP    Capacity building and empowerment of constituents  Met",
        "  RBM    Results-based management                           Met",
        "",
        "Recommendation: Ready with conditions (READY_WITH_CONDITIONS)",
        "Conditions:",
        result.stdout.splitlines()[12],
        "Ignored, since the criterion does not apply:",
        "  EVA-7",
    ]
    assert result.stdout.splitlines()[12].startswith("  TRI-4  Is there ")


def test_a_weighted_set_of_another_agency() -> None:
    values = {"NEE-1": 3, "NEE-2": 2, "NEE-3": 0, "DES-1": 3, "DES-2": 2, "UPK-1": 1, "UPK-2": "NA"}
    found = scored({"ratings": values}, "--checklists", SETS / "weighted")
    assert found["verdicts"] == {"NEE": "ADEQUATE", "DES": "STRONG", "UPK": "POOR"}
    assert found["scores"] == {
        "NEE": {"exact": "16/7", "displayed": "2.29"},
        "DES": {"exact": "5/2", "displayed": "2.50"},
        "UPK": {"exact": "1", "displayed": "1.00"},
    }
    assert found["score"] == {"exact": "293/140", "displayed": "2.09"}
    assert found["recommendation"] == "FUND_LATER"
    assert [entry["item"] for entry in found["conditions"]] == ["NEE-3", "UPK-1"]


def test_a_set_where_the_lowest_rating_wins() -> None:
    answers = {"ratings": {"SAF-1": "A", "SAF-2": "B", "ACC-1": "C", "ACC-2": "A"}}
    found = scored(answers, "--checklists", SETS / "lowest")
    assert (found["verdicts"], found["recommendation"]) == ({"SAF": "RESERVE"}, "BUILD_AFTER")
    assert found["ignored"] == ["ACC-1", "ACC-2"]
    assert "scores" not in found
    large = scored(answers | {"budget_usd": "1000.01"}, "--checklists", SETS / "lowest")
    assert large["recommendation"] == "REDRAW"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 1, "not JSON: "),
        ('{\n  "ratings": {\n    "TRI-1": 2,\n  }\n}', 4, "not JSON: "),
        ("[1, 2]", 1, "the file must hold named entries"),
        ("{}", 1, "‘ratings’ is missing"),
        ('{"ratings": {}, "ratings": {}}', 1, "the key ‘ratings’ stands twice"),
        ('{\n"ratings": {\n"A": 1,\n"A": 2}}', 4, "the key ‘A’ stands twice (first in line 3)"),
        ('{"ratings": {}}}', 1, "not JSON: "),
        ('{\n"ratings": []}', 2, "‘ratings’ must hold named entries"),
        ('{"ratings": {},\n"rating": {}}', 2, "the key ‘rating’ is not known here"),
        (
            '{"ratings": {"A": 1,\n"TRI-1": true}}',
            2,
            'a rating is a value of the scale, like 2 or "X", not true',
        ),
        (
            '{"ratings": {"A": 1,\n"TRI-1": 2.0}}',
            2,
            'a rating is a value of the scale, like 2 or "X", not 2.0',
        ),
        ('{"ratings": {"A": 1,\n"TRI-1": null}}', 2, "not null"),
        ('{"ratings": {"A": 1,\n"TRI-1": [1]}}', 2, "not [1]"),
        ('{"ratings": {},\n"comments": []}', 2, "‘comments’ must hold named entries"),
        ('{"ratings": {},\n"comments": {\n"A": 1}}', 3, "write a text, not 1"),
        ('{"ratings": {},\n"budget_usd": "a lot"}', 2, 'like "5000000.01", not "a lot"'),
        ('{"ratings": {},\n"budget_usd": "5,000,000"}', 2, "write an amount in US$"),
        ('{"ratings": {},\n"budget_usd": "5e6"}', 2, "write an amount in US$"),
        ('{"ratings": {},\n"budget_usd": "5_000"}', 2, "write an amount in US$"),
        ('{"ratings": {},\n"budget_usd": true}', 2, "write an amount in US$"),
        ('{"ratings": {},\n"budget_usd": "-1"}', 2, "an amount is not below 0"),
        ('{"ratings": {},\n"budget_usd": NaN}', 1, "not JSON: NaN is not a value"),
        ('{"ratings": {},\n"learning_component": "no"}', 2, 'write true or false, not "no"'),
        ('{"ratings": {},\n"provider": 7}', 2, "write a text, not 7"),
        ('{"ratings": {"\\ud800": 1}}', 1, "an escape stands for half a character"),
        ("[" * 100_000 + "]" * 100_000, 1, "nested too deeply"),
        (b'{"ratings": {},\n"provider": "\xe9"}', 2, "not in UTF-8"),
    ],
)
def test_malformed_answers(text: str | bytes, line: int, words: str) -> None:
    result = run(text)
    assert result.exit_code == 2
    assert result.stdout == ""
    (fault,) = result.stderr.splitlines()
    assert fault.startswith(f"<stdin>:{line}: ")
    assert words in fault


def test_all_faults_come_together() -> None:
    result = run('{"rating": 1,\n"ratings": {"A": true,\n"B": 1.5},\n"budget_usd": "much",\n"provider": 1}')
    assert [fault.split(":")[1] for fault in result.stderr.splitlines()] == ["1", "2", "3", "4", "5"]


def test_an_amount_may_be_a_number_and_stays_exact(ratings: dict[str, Any]) -> None:
    text = json.dumps({"ratings": ratings})[:-1] + ', "budget_usd": 5000000.000000000000000001}'
    assert "EVA" in scored(text)["verdicts"]


def test_from_a_file(tmp_path: Path, ratings: dict[str, Any]) -> None:
    file = tmp_path / "answers.json"
    file.write_text(json.dumps({"ratings": ratings}, indent=1), encoding="utf-8-sig")
    assert CliRunner().invoke(main, ["score", str(file)]).exit_code == 0
    file.write_text("{", encoding="utf-8")
    result = CliRunner().invoke(main, ["score", str(file)])
    assert result.exit_code == 2
    assert result.stderr.startswith(f"{file}:1: not JSON: ")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert CliRunner().invoke(main, ["score", str(tmp_path / "none.json")]).exit_code == 2


def test_a_faulty_set(tmp_path: Path) -> None:
    result = run({"ratings": {}}, "--checklists", tmp_path)
    assert result.exit_code == 2
    assert "there is no set in this folder" in result.stderr
