"""Handovers: administrators give appraisals to another lead, one step and one transaction each."""

from typing import Any

import pytest

from appraisal.proposals.store import lists
from appraisal.vocabulary.refusals import NotAllowed
from appraisal.workflow import store as workflow_store
from appraisal.workflow.services import handovers
from tests import casts
from tests.casts import Stage


def _hand_over(stage: Stage, *numbers: str, to: str = "eval", who: str = "admin", **changes: Any) -> Any:
    given = {"person": stage.people["lead"].id, "lead": stage.people[to].id, "reason": "Ill.", **changes}
    return [
        (entry.number, [refusal.code for refusal in entry.refusals])
        for entry in handovers.hand_over(
            stage.database, stage.library, stage.people[who], stage.now, numbers, **given
        )
    ]


def test_each_is_the_workflows_own_step_with_its_reason(stage: Stage) -> None:
    one, two = casts.rated(stage), casts.rated(stage)
    assert _hand_over(stage, one, two, one) == [(one, []), (two, [])]
    for number in (one, two):
        case = casts.load(stage, number)
        assert case.appraisal is not None
        assert case.appraisal.lead == stage.people["eval"].id
        assert all(given.proposed for given in case.appraisal.ratings.values())
        step = case.steps[-1]
        assert (step.name, step.by, step.note) == ("reassign", stage.people["admin"].id, "Ill.")
        with stage.database.read() as db:
            assert lists.history_of(db, case.id)[-1].by_name == "Admin"
            assert workflow_store.led_by(db, stage.people["lead"].id) == []
    casts.rate(stage, one, who="eval")
    casts.take(stage, "eval", one, "finalise")


def test_one_that_is_refused_stops_no_other(stage: Stage) -> None:
    own, free = casts.submitted(stage, "all"), casts.rated(stage)
    casts.assign(stage, own)
    held = casts.rated(stage)
    casts.take(stage, "desk", held, "hold", note="Wait.", until=stage.now.date().replace(month=3))
    before = casts.load(stage, own)
    found = _hand_over(stage, own, held, free, "TC-2010-0099", to="all")
    assert found == [
        (own, ["lead_is_author"]),
        (held, ["on_hold"]),
        (free, []),
        ("TC-2010-0099", ["lead_changed"]),
    ]
    assert casts.load(stage, own) == before


def test_what_somebody_else_leads_is_not_handed_over(lite: Stage) -> None:
    number = casts.submitted(lite)
    casts.assign(lite, number, lead="all")
    assert _hand_over(lite, number) == [(number, ["lead_changed"])]
    done = casts.awaiting(lite)
    assert _hand_over(lite, done) == [(done, ["lead_changed"])]


def test_the_new_lead_must_be_an_appraiser_and_a_reason_be_given(lite: Stage) -> None:
    number = casts.rated(lite)
    assert _hand_over(lite, number, to="chief") == [(number, ["lead_not_appraiser"])]
    assert _hand_over(lite, number, to="lead") == [(number, ["lead_unchanged"])]
    assert _hand_over(lite, number, reason=" ") == [(number, ["note_missing"])]
    assert _hand_over(lite, number, lead=999) == [(number, ["lead_missing"])]


def test_an_administrator_who_is_an_author_is_excluded(lite: Stage) -> None:
    number = casts.rated(lite, "ana")
    author = lite.people["ana"]
    lite.people = {**lite.people, "boss": type(author)(author.id, "Ana", frozenset({"administrator"}))}
    assert _hand_over(lite, number, who="boss") == [(number, ["excluded_author"])]


@pytest.mark.parametrize("who", ["desk", "lead", "chief", "auditor"])
def test_nobody_else_hands_over(lite: Stage, who: str) -> None:
    number = casts.rated(lite)
    before = casts.contents(lite)
    with pytest.raises(NotAllowed) as caught:
        _hand_over(lite, number, who=who)
    assert caught.value.codes == ("role_missing",)
    assert casts.contents(lite) == before
