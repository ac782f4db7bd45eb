"""Consultations: each unit asked answers once, late or not, and its silence blocks until its date."""

from datetime import date

import pytest

from appraisal.appraisals.services import lead
from appraisal.errors import NotFound
from appraisal.proposals.facts import Case
from tests import casts
from tests.casts import Stage


def _on_behalf(stage: Stage, number: str, unit: str, who: str) -> Case:
    asked = next(
        entry for entry in casts.load(stage, number).appraisals[-1].consultations if entry.unit == unit
    )
    with stage.database.begin() as db:
        return lead.answer_consultation(
            db, stage.library, stage.people[who], stage.now, number, asked.id, "We agree."
        )


def test_silence_blocks_until_its_date_has_passed(lite: Stage) -> None:
    number = casts.submitted(lite)
    running = casts.take(lite, "desk", number, "assign", lead="lead").appraisal
    assert running is not None
    assert {entry.unit for entry in running.consultations} == {
        "PROGRAM",
        "ACT/EMP",
        "ACTRAV",
        "NORMES",
        "GENDER",
        "Turin Centre",
    }
    # Monday and five working days of the standard track.
    assert {entry.due_on for entry in running.consultations} == {date(2010, 2, 8)}
    casts.rate(lite, number)
    casts.speak(lite, number, "actemp")
    assert casts.refused(lite, "lead", number, "finalise") == ("consultations_open",)
    lite.wait(days=7)
    assert casts.refused(lite, "lead", number, "finalise") == ("consultations_open",)
    lite.wait(days=1)
    casts.take(lite, "lead", number, "finalise")
    case = casts.speak(lite, number, "actrav")
    late = {entry.unit: entry.late for entry in casts.load(lite, number).appraisals[-1].consultations}
    assert late["ACTRAV"] is True
    assert late["ACT/EMP"] is False
    assert case.related("reviewer") == {lite.people["actemp"].id, lite.people["actrav"].id}


def test_a_unit_answers_once_and_for_itself(stage: Stage) -> None:
    number = casts.submitted(stage)
    casts.take(stage, "desk", number, "assign", lead="lead")
    assert casts.refusal(stage, lambda: _on_behalf(stage, number, "ACTRAV", "chief")) == ("not_consulted",)
    assert casts.refusal(stage, lambda: _on_behalf(stage, number, "ACTRAV", "ana")) == ("excluded_author",)
    case = _on_behalf(stage, number, "ACTRAV", "desk")
    assert case.related("reviewer") == frozenset()
    assert casts.refusal(stage, lambda: _on_behalf(stage, number, "ACTRAV", "desk")) == (
        "consultation_answered",
    )
    # What the unit said otherwise stays, so that its appraiser has no business with the proposal.
    with pytest.raises(NotFound):
        casts.speak(stage, number, "actrav")


def test_an_answer_goes_to_the_appraisal_that_was_opened_again(stage: Stage) -> None:
    number = casts.rated(stage)
    asked = [entry for entry in casts.load(stage, number).appraisals[0].consultations if entry.is_open]
    first, second = asked[0], asked[1]
    for _ in range(2):
        casts.take(stage, "lead", number, "finalise")
        casts.take(stage, "lead", number, "recall", note="A slip.")
    # From a page, or by a link, of before the recalls.
    with stage.database.begin() as db:
        given = (number, first.id, "By letter.")
        lead.answer_consultation(db, stage.library, stage.people["desk"], stage.now, *given)
    found = [
        {
            entry.unit: entry.text
            for entry in appraisal.consultations
            if entry.unit in (first.unit, second.unit)
        }
        for appraisal in casts.load(stage, number).appraisals
    ]
    unanswered = {first.unit: "", second.unit: ""}
    assert found == [unanswered, unanswered, {first.unit: "By letter.", second.unit: ""}]
