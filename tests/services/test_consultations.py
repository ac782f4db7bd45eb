"""Consultations: each unit asked answers once, late or not, and its silence blocks until its date."""

from datetime import date

from appraisal.domain.facts import Case
from appraisal.services import appraisals
from tests import casts
from tests.casts import Stage


def _answer(stage: Stage, number: str, unit: str, who: str, on_behalf: bool = False) -> Case:
    asked = next(
        entry for entry in casts.load(stage, number).appraisals[-1].consultations if entry.unit == unit
    )
    with stage.database.begin() as db:
        return appraisals.answer_consultation(
            db,
            stage.library,
            stage.people[who],
            stage.now,
            number,
            asked.id,
            "We agree.",
            on_behalf=on_behalf,
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
    _answer(lite, number, "ACT/EMP", "actemp")
    assert casts.refused(lite, "lead", number, "finalise") == ("consultations_open",)
    lite.wait(days=7)
    assert casts.refused(lite, "lead", number, "finalise") == ("consultations_open",)
    lite.wait(days=1)
    casts.take(lite, "lead", number, "finalise")
    case = _answer(lite, number, "ACTRAV", "actrav")
    late = {entry.unit: entry.late for entry in casts.load(lite, number).appraisals[-1].consultations}
    assert late["ACTRAV"] is True
    assert late["ACT/EMP"] is False
    assert case.related("reviewer") == {lite.people["actemp"].id, lite.people["actrav"].id}


def test_a_unit_answers_once_and_for_itself(stage: Stage) -> None:
    number = casts.submitted(stage)
    casts.take(stage, "desk", number, "assign", lead="lead")
    assert casts.refusal(stage, lambda: _answer(stage, number, "ACTRAV", "actemp")) == ("not_consulted",)
    assert casts.refusal(stage, lambda: _answer(stage, number, "ACTRAV", "ana")) == ("excluded_author",)
    case = _answer(stage, number, "ACTRAV", "desk", on_behalf=True)
    assert case.related("reviewer") == frozenset()
    assert casts.refusal(stage, lambda: _answer(stage, number, "ACTRAV", "actrav")) == (
        "consultation_answered",
    )
