"""Records: what they say of reviews, and what they leave to the reviewers."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from appraisal.definitions.library import Library
from appraisal.people.facts import Person
from appraisal.proposals.facts import Consultation, Decision, Hold
from appraisal.records.rules.value import is_same
from tests.printing.samples import Sample, Value, at, outcomes, sample_of


@pytest.fixture(scope="module")
def sample(library: Library) -> Sample:
    return sample_of(library)


def _review(value: Value, person: int) -> dict[str, Any]:
    name = f"Reviewer {person}"
    found: dict[str, Any] = next(
        entry for entry in value["appraisal"]["reviews"] if entry["person"]["name"] == name
    )
    return found


def _items(value: Value) -> dict[str, dict[str, Any]]:
    return {item["id"]: item for entry in value["appraisal"]["criteria"] for item in entry["items"]}


def test_every_review_is_recorded_with_what_became_of_it(sample: Sample) -> None:
    value = sample.reviewed()
    assert [entry["person"]["name"] for entry in value["appraisal"]["reviews"]] == [
        f"Reviewer {person}" for person in range(11, 20)
    ]
    assert _review(value, 11) == {
        "person": {"id": 11, "name": "Reviewer 11", "unit": "NORMES", "roles": ["appraiser"]},
        "for": None,
        "checklists": ["TRI", "ILS"],
        "asked_at": "2010-02-02T09:00:00.000000Z",
        "due_on": "2010-02-12",
        "declaration": "nothing",
        "declared_at": "2010-02-03T09:00:00.000000Z",
        "declined": False,
        "signed_at": "2010-02-10T09:00:00.000000Z",
        "late": False,
        "silent_at": None,
        "released_at": None,
        "withdrawn_at": None,
        "comment": "Sound on the whole.",
        "ratings": [
            {
                "id": "TRI-1",
                "rating": "3",
                "comment": "All three sides, twice.",
                "evidence": "Minutes, p. 3",
            },
            {"id": "TRI-2", "rating": "", "comment": "Nobody can say yet.", "evidence": ""},
        ],
    }
    assert _review(value, 19)["withdrawn_at"] == "2010-02-05T09:00:00.000000Z"
    said = {
        person: (entry["declaration"], entry["declined"], entry["late"], entry["silent_at"] is not None)
        for person in range(13, 19)
        for entry in [_review(value, person)]
    }
    assert said == {
        13: ("nothing", False, True, False),
        14: ("nothing", False, False, False),
        15: ("", False, False, True),
        16: ("nothing", True, False, False),
        17: ("declared", False, False, False),
        18: ("nothing", False, False, False),
    }


def test_what_was_not_signed_and_why_somebody_stood_back_stay_out(sample: Sample) -> None:
    value = sample.reviewed()
    for person in (15, 16, 17, 18, 19):
        assert (_review(value, person)["ratings"], _review(value, person)["comment"]) == ([], "")
    assert "No time." not in str(value)
    assert "My sister" not in str(value)


def test_a_reason_stands_where_the_final_rating_differs_and_nowhere_else(sample: Sample) -> None:
    items = _items(sample.reviewed())
    assert items["TRI-1"]["reason"] == "The minutes of the third meeting came later."
    assert [item for item, entry in items.items() if "reason" in entry] == ["TRI-1"]


def test_a_reason_that_is_no_longer_needed_is_not_recorded(sample: Sample) -> None:
    ratings = dict(sample.appraisal.ratings)
    ratings["TRI-1"] = replace(ratings["TRI-1"], reason="A reviewer differed once.")
    assert "reason" not in _items(sample.record(ratings=ratings))["TRI-1"]


def test_a_block_names_who_finalised_it(sample: Sample) -> None:
    criteria = {entry["code"]: entry for entry in sample.reviewed()["appraisal"]["criteria"]}
    assert criteria["EVA"]["finalised_by"] == {
        "unit": "EVAL",
        "person": {"id": 14, "name": "Reviewer 14", "unit": "X", "roles": ["appraiser"]},
        "signed_at": "2010-02-09T09:00:00.000000Z",
    }
    assert "finalised_by" not in criteria["TRI"]
    (eva,) = [entry for entry in sample.record(reviews=())["appraisal"]["criteria"] if entry["code"] == "EVA"]
    assert eva["finalised_by"] == {"unit": "EVAL", "person": None, "signed_at": None}


def test_what_is_only_proposed_is_not_recorded(sample: Sample) -> None:
    carried = {
        item: replace(given, proposed=item.startswith("EVA"))
        for item, given in sample.appraisal.ratings.items()
    }
    items = _items(sample.record(ratings=carried))
    for item, row in items.items():
        given = (
            ("", "", "") if item.startswith("EVA") else (carried[item].value, carried[item].comment, "p. 14")
        )
        assert (row["rating"], row["comment"], row["evidence"]) == given


def test_silence_is_recorded_and_days_on_hold_are_no_delay(sample: Sample) -> None:
    asked = Consultation(1, "NORMES", at(2), date(2010, 2, 9), silent_at=at(11))
    (entry,) = sample.record(consultations=(asked,))["appraisal"]["consultations"]
    assert (entry["due_on"], entry["silent_at"]) == ("2010-02-09", "2010-02-11T09:00:00.000000Z")
    held = replace(
        sample, case=replace(sample.case, holds=(Hold(at(3), date(2010, 2, 4), "Wait.", 2, at(5)),))
    )
    (entry,) = held.record(consultations=(asked,))["appraisal"]["consultations"]
    assert entry["due_on"] > "2010-02-09"


def test_a_decision_sheet_tells_of_a_review_that_came_after_the_record(sample: Sample) -> None:
    after = outcomes(sample.appraisal)[2]
    decision = Decision(1, "approve", at(22), 4, 1, 1, approved_at=at(22))
    people = {**sample.case.people, 13: Person(13, "Reviewer 13")}
    appraisal = replace(sample.appraisal, reviews=(replace(after, signed_at=at(18)),))
    value = sample.sheet(decision, appraisal=appraisal, people=people)
    entry = _review(value, 13)
    assert (entry["late"], entry["signed_at"]) == (True, "2010-02-18T09:00:00.000000Z")
    assert "reason" not in _items(value)["TRI-1"]


def test_a_condition_names_the_earlier_one_that_it_replaces_and_no_other(sample: Sample) -> None:
    first, second = sample.appraisal.conditions
    earlier = (
        replace(first, id=91, number=91, withdrawn_at=at(3)),
        replace(first, id=92, number=92, superseded_by=second.number),
    )
    value = sample.record(former_conditions=earlier)
    assert [entry["supersedes"] for entry in value["appraisal"]["conditions"]] == [None, 92]


def test_people_are_one_by_their_ids_or_else_by_their_names() -> None:
    ana = {"id": 1, "name": "Ana"}
    assert is_same(ana, {"id": 1, "name": "Ana B."})
    assert is_same(ana, {"name": "Ana"})
    assert not is_same(ana, {"id": 2, "name": "Ana"})
    assert not is_same(ana, None)
