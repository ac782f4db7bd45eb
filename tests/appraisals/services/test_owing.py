"""Owing: whoever still owes a review learns nothing of the others by acting, nor by being refused."""

from datetime import date
from functools import partial

import pytest

from appraisal.accounts.services import substitutes
from appraisal.appraisals.services import conditions as services
from appraisal.appraisals.services import lead as appraisals_lead
from appraisal.appraisals.services import reviews
from appraisal.appraisals.store import conditions
from appraisal.people.rules.substitutes import on_duty
from appraisal.people.store.people import load_people
from appraisal.proposals.facts import Case
from appraisal.proposals.rules import access
from appraisal.proposals.rules.disclosure import history_for
from appraisal.proposals.services.opening import view
from appraisal.proposals.store import lists
from appraisal.vocabulary.refusals import NotAllowed
from tests import casts
from tests.casts import Stage


def _owing(stage: Stage, number: str, *, declared: bool = True) -> None:
    """Ask somebody with every role to review, and let the day go by without a signature."""
    with stage.database.begin() as db:
        desk, person = stage.people["desk"], stage.people["all"]
        due = stage.now.date().replace(day=stage.now.day + 3)
        reviews.ask(db, stage.library, desk, stage.now, number, person, ["GEN"], due)
        if declared:
            reviews.declare(db, stage.library, person, stage.now, number, conflict=None)
    stage.wait(days=20)


def _decided(stage: Stage) -> str:
    """Bring a proposal to a decision against it, while a manager still owes a review."""
    number = casts.rated(stage, ratings={"TRI_1": "1"})
    _owing(stage, number)
    casts.recommend(stage, number, chosen="NOT_RECOMMENDED")
    casts.take(stage, "lead", number, "finalise")
    return number


@pytest.mark.parametrize("step", ["approve", "propose_override", "return", "reject", "countersign"])
def test_a_manager_who_owes_a_review_decides_nothing_and_is_not_told_why(lite: Stage, step: str) -> None:
    number = _decided(lite)
    assert casts.refused(lite, "all", number, step, note="Because.") == ("review_owed",)


def test_what_rests_on_nobodys_ratings_is_open_to_a_coordinator_who_owes_a_review(lite: Stage) -> None:
    number = casts.rated(lite)
    _owing(lite, number)
    assert casts.refused(lite, "all", number, "reassign", lead="eval", note="Ill.") == ("review_owed",)
    casts.take(lite, "all", number, "hold", until=date(2010, 3, 31), note="The donor waits.")
    casts.take(lite, "all", number, "release")
    casts.take(lite, "all", number, "return_incomplete", missing="A letter.")


def test_whoever_must_declare_first_takes_no_step(lite: Stage) -> None:
    number = casts.rated(lite)
    _owing(lite, number, declared=False)
    until = date(2010, 3, 31)
    assert casts.refused(lite, "all", number, "hold", until=until, note="The donor waits.") == (
        "review_owed",
    )


def test_conditions_and_consultations_are_closed_to_whoever_owes_a_review(lite: Stage) -> None:
    number = casts.rated(lite, ratings={"TRI_4": "1"})
    _owing(lite, number)
    casts.take(lite, "lead", number, "finalise")
    appraisal = casts.load(lite, number).appraisals[-1]
    everything, condition = lite.people["all"], appraisal.conditions[0].id

    def act(what: object, id: int) -> None:
        with lite.database.begin() as db:
            what(db, lite.library, everything, lite.now, number, id, "Because.")  # type: ignore[operator]

    asked = [entry.id for entry in appraisal.consultations]
    for what, ids in (
        (services.clear_condition, [condition, 999]),
        (services.waive_condition, [condition, 999]),
        (appraisals_lead.answer_consultation, [*asked, 999]),
    ):
        for id in ids:
            assert casts.refusal(lite, partial(act, what, id)) == ("review_owed",)


def test_signing_opens_what_was_closed(lite: Stage) -> None:
    number = _decided(lite)
    with lite.database.begin() as db:
        reviews.decline(db, lite.library, lite.people["all"], lite.now, number, "No time.")
    assert casts.refused(lite, "all", number, "approve") == ("recommendation_unfavourable",)


def _seen(stage: Stage, number: str, who: str) -> Case:
    with stage.database.read() as db:
        return view(db, stage.library, number, stage.people[who])[0]


def test_what_a_coordinator_wrote_down_for_the_unit_stays_hidden_from_its_reviewer(lite: Stage) -> None:
    number = casts.submitted(lite)
    running = casts.take(lite, "desk", number, "assign", lead="lead").appraisals[-1]
    with lite.database.begin() as db:
        desk, actrav = lite.people["desk"], lite.people["actrav"]
        reviews.ask(db, lite.library, desk, lite.now, number, actrav, ["GEN"], date(2010, 2, 8))
        reviews.declare(db, lite.library, actrav, lite.now, number, conflict=None)
        asked = next(entry.id for entry in running.consultations if entry.unit == "ACTRAV")
        appraisals_lead.answer_consultation(db, lite.library, desk, lite.now, number, asked, "We agree.")
    (entry,) = _seen(lite, number, "actrav").appraisals[-1].consultations
    assert (entry.unit, entry.answered_at, entry.answered_by, entry.text) == ("ACTRAV", None, None, "")


def test_a_decision_does_not_tell_a_reviewer_whether_it_contradicts_the_appraisal(lite: Stage) -> None:
    number = _decided(lite)
    casts.take(lite, "chief", number, "propose_override", note="The donor cannot wait.")
    casts.take(lite, "deputy", number, "countersign")
    assert [entry.contradicts for entry in casts.load(lite, number).decisions] == [False, True]
    seen = _seen(lite, number, "all").decisions
    assert [(entry.contradicts, entry.note) for entry in seen] == [(False, ""), (False, "")]


def test_the_history_of_a_reviewer_has_the_steps_alone(stage: Stage) -> None:
    number = casts.rated(stage, ratings={"TRI_4": "1"})
    _owing(stage, number)
    casts.take(stage, "lead", number, "finalise")
    condition = casts.load(stage, number).appraisals[-1].conditions[0].id
    with stage.database.begin() as db:
        services.clear_condition(
            db, stage.library, stage.people["desk"], stage.now, number, condition, "Minute 12"
        )
    case = casts.load(stage, number)
    with stage.database.read() as db:
        whole = lists.history_of(db, case.id)
    told = history_for(case, stage.people["all"], whole)
    assert {"ask_review", "sign_review", "clear_condition"} <= {entry.name for entry in whole}
    assert [(entry.sequence, entry.name) for entry in told] == [
        (1, "create"),
        (2, "submit"),
        (3, "assign"),
        (4, "finalise"),
    ]
    assert {(entry.note, entry.digest) for entry in told} == {("", "")}


def test_overdue_conditions_are_told_to_those_who_may_read_them(stage: Stage) -> None:
    number = casts.rated(stage, ratings={"TRI_4": "1"})
    _owing(stage, number)
    casts.take(stage, "lead", number, "finalise")
    casts.take(stage, "chief", number, "approve")
    stage.wait(days=60)

    def overdue(who: str) -> list[str]:
        with stage.database.read() as db:
            found = conditions.overdue_conditions(db, stage.people[who], stage.now.date(), ())
        return [entry.number for entry in found]

    assert overdue("desk") == overdue("ana") == overdue("chief") == [number]
    assert overdue("all") == overdue("ben") == overdue("admin") == overdue("eval") == []
    assert access.is_blind(casts.load(stage, number), stage.people["all"])


def test_a_refusal_told_to_whoever_owes_a_review_is_one_sentence(lite: Stage) -> None:
    number = _decided(lite)
    with pytest.raises(NotAllowed) as caught:
        casts.take(lite, "all", number, "approve")
    assert str(caught.value).startswith("Sign or decline your own review first.")


def test_a_substitute_of_the_lead_is_told_of_overdue_conditions(lite: Stage) -> None:
    number = casts.rated(lite, ratings={"TRI_4": "1"})
    casts.take(lite, "lead", number, "finalise")
    casts.take(lite, "chief", number, "approve")
    lite.wait(days=60)
    today, lead, other = lite.now.date(), lite.people["lead"], lite.people["eval"]
    with lite.database.begin() as db:
        substitutes.name_substitute(
            db,
            lead,
            lite.now,
            person=lead.id,
            substitute=other.id,
            scope="appraisals",
            first=today,
            last=today,
        )
        standing_in = on_duty(load_people(db, [other.id])[other.id], lite.now)
        assert [entry.number for entry in conditions.overdue_conditions(db, standing_in, today, ())] == [
            number
        ]
