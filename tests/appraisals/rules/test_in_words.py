from typing import Any

import pytest

from appraisal.appraisals.rules import in_words
from appraisal.language.words import Words
from tests.printing.samples import Sample


def titles(*codes: str) -> dict[str, dict[str, str]]:
    return {code: dict.fromkeys(("en", "fr", "es"), code.title()) for code in codes}


def appraisal(verdict: dict[str, Any], recommendation: dict[str, Any]) -> dict[str, Any]:
    return {
        "scale": [{"value": "1", "title": {"en": "Weak", "fr": "Faible", "es": "Débil"}, "tone": "bad"}],
        "verdict_titles": titles("GOOD", "BAD"),
        "recommendation_titles": titles("GO", "STOP"),
        "rule": {"verdict": verdict, "recommendation": recommendation, "rated_share": "0.5"},
    }


def test_says_the_rules_of_the_record(sample: Sample) -> None:
    found = in_words.sentences(sample.record()["appraisal"], Words("en"))
    assert found["verdict"][0] == (
        "“Not met”: a gating item is rated “1 Unsatisfactory”, or 3 or more items of the criterion are."
    )
    assert found["verdict"][-1] == "At least 50% of the items of a criterion have to be rated."
    assert found["recommendation"][1] == "“To be revised”: criteria “Not met”: 1 or more."
    assert "“Ready for approval”: in every other case." in found["recommendation"]


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ({"name": "lowest", "of": {"1": "BAD"}}, "“Bad”: the lowest rating is “1 Weak”."),
        (
            {"name": "weighted_mean", "bands": [{"name": "GOOD", "at_least": "2.5"}]},
            "“Good”: a mean of 2.5 or more.",
        ),
        (
            {"name": "weighted_mean", "bands": [{"name": "GOOD", "above": "2.50"}]},
            "“Good”: a mean above 2.5.",
        ),
        ({"name": "weighted_mean", "bands": [{"name": "BAD"}]}, "“Bad”: in every other case."),
    ],
)
def test_says_other_rules_for_verdicts(rule: dict[str, Any], sentence: str) -> None:
    found = in_words.sentences(appraisal(rule, {"name": "lowest", "of": {"BAD": "STOP"}}), Words("en"))
    assert sentence in found["verdict"]
    assert "“Stop”: the worst verdict is “Bad”." in found["recommendation"]


def test_says_a_mean_of_criteria() -> None:
    mean = {"name": "weighted_mean", "bands": [{"name": "GO", "above": "1.5"}, {"name": "STOP"}]}
    found = in_words.sentences(appraisal({"name": "lowest", "of": {}}, mean), Words("en"))
    assert found["recommendation"][:3] == [
        "The weighted mean of the criteria decides.",
        "“Go”: a mean above 1.5.",
        "“Stop”: in every other case.",
    ]
