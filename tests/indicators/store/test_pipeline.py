"""The pipeline: cohorts by first submission, first appraisals and ratings, the same on both databases."""

from collections import Counter
from datetime import UTC, date, datetime

from appraisal.database import tables
from appraisal.database.rows import insert_row
from appraisal.indicators.rules import pipeline as rules
from appraisal.indicators.rules.appraised_share import Share
from appraisal.indicators.rules.pipeline import Reached
from appraisal.indicators.store import pipeline
from appraisal.people.facts import Person
from appraisal.proposals.rules.attempt import ApprovalGiven
from appraisal.proposals.store.case import load_cases
from appraisal.trail.rules.approvals import standing
from tests import casts
from tests.casts import Stage
from tests.tampering import unwatched

BIENNIUM = "2010-11"


def reached(stage: Stage, biennium: str = BIENNIUM, reader: Person | None = None) -> list[Reached]:
    flow = stage.library.newest_workflow()
    with stage.database.read() as db:
        return pipeline.reached(db, reader, biennium, {flow.key: rules.marks(flow)})


def funnel(stage: Stage, biennium: str = BIENNIUM, reader: Person | None = None) -> tuple[int, ...]:
    return tuple(rules.funnel(reached(stage, biennium, reader)).counts.values())


def passed(stage: Stage, biennium: str = BIENNIUM, reader: Person | None = None) -> Share:
    with stage.database.read() as db:
        return rules.first_round(stage.library, pipeline.first_recommendations(db, reader, biennium))


def everything(stage: Stage) -> None:
    """Bring a proposal to every stage; one annulled, one approved elsewhere, one never submitted."""
    casts.draft(stage)
    casts.submitted(stage)
    casts.rated(stage)
    casts.revision(stage)
    casts.awaiting(stage)
    casts.approved(stage)
    casts.overridden(stage)
    casts.funded(stage)
    casts.outside(stage)
    number = casts.approved(stage)
    casts.take(stage, "chief", number, "propose_annulment", note="A mistake.")
    casts.take(stage, "deputy", number, "annul")


def test_stages_are_counted_as_the_cases_tell(stage: Stage) -> None:
    everything(stage)
    assert funnel(stage) == (8, 6, 3, 1, 1)
    assert rules.funnel(reached(stage)).unappraised == 0
    marks = rules.marks(stage.library.newest_workflow())
    with stage.database.read() as db:
        cases = load_cases(db)
        told = Counter(
            name
            for case in cases
            if any(step.act == "submit" for step in case.steps)
            for name, found in marks.items()
            if any(
                step.act in found.acts or step.to_state in found.states
                for step in (standing(case.steps) if name in rules.FOLLOWING else case.steps)
            )
        )
    counted = Counter(dict.fromkeys(rules.STAGES, 0))
    for entry in reached(stage):
        counted.update(dict.fromkeys(entry.stages, entry.count))
    assert counted == told


def test_an_appraisal_that_was_opened_again_and_never_finalised_is_none(stage: Stage) -> None:
    number = casts.awaiting(stage)
    assert funnel(stage) == (1, 1, 0, 0, 0)
    casts.take(stage, "lead", number, "recall", note="A slip.")
    assert funnel(stage) == (1, 0, 0, 0, 0)
    minute = ApprovalGiven("Minute 12", "Registry", stage.now)
    casts.take(stage, "desk", number, "register_approval", approval=minute)
    assert funnel(stage) == (1, 0, 1, 0, 0)
    assert rules.funnel(reached(stage)).unappraised == 1
    # An earlier version that was appraised stays so.
    other = casts.revision(stage)
    casts.resubmit(stage, other)
    casts.assign(stage, other)
    casts.rate(stage, other)
    casts.take(stage, "lead", other, "finalise")
    casts.take(stage, "lead", other, "recall", note="A slip.")
    assert funnel(stage) == (2, 1, 1, 0, 0)


def test_one_statement_counts_a_cohort(stage: Stage) -> None:
    casts.approved(stage)
    with casts.counted() as sent:
        reached(stage)
    assert len([text for text in sent if "events" in text]) == 1


def test_the_first_submission_decides_the_biennium_by_the_day_in_geneva(lite: Stage) -> None:
    lite.now = datetime(2011, 12, 31, 22, 0, tzinfo=UTC)
    number = casts.revision(lite)
    lite.now = datetime(2011, 12, 31, 23, 0, tzinfo=UTC)
    casts.answer_changes(lite, number)
    casts.resubmit(lite, number)
    casts.submitted(lite)
    assert funnel(lite) == (1, 1, 0, 0, 0)
    assert funnel(lite, "2012-13") == (1, 0, 0, 0, 0)


def test_the_first_finalised_appraisal_says_who_passes(stage: Stage) -> None:
    assert passed(stage) == Share(0, 0)
    casts.approved(stage)
    casts.not_recommended(stage)
    casts.awaiting(stage, ratings={"ALI-4": "1"})
    number = casts.revision(stage)
    assert passed(stage) == Share(2, 4)
    # The second round of a proposal changes nothing about its first.
    casts.answer_changes(stage, number)
    casts.resubmit(stage, number)
    casts.assign(stage, number)
    assert passed(stage) == Share(2, 4)
    assert passed(stage, "2012-13") == Share(0, 0)


def test_an_appraisal_that_is_opened_again_stands_aside(stage: Stage) -> None:
    number = casts.awaiting(stage)
    assert passed(stage) == Share(1, 1)
    casts.take(stage, "lead", number, "recall", note="A mistake.")
    assert passed(stage) == Share(0, 0)
    with stage.database.read() as db:
        assert pipeline.ratings(db, None, BIENNIUM) == []


def test_ratings_of_finalised_appraisals_are_counted_by_item_and_value(stage: Stage) -> None:
    casts.awaiting(stage, ratings={"ALI-4": "1"})
    casts.awaiting(stage)
    # Still running: nothing of it is told.
    casts.rated(stage, ratings={"ALI-4": "3"})
    with stage.database.read() as db:
        found = pipeline.ratings(db, None, BIENNIUM)
        assert pipeline.ratings(db, None, "2012-13") == []
    assert {entry.value: entry.count for entry in found if entry.item == "ALI-4"} == {"1": 1, "2": 1}
    assert {(entry.set, entry.illustrative) for entry in found} == {("appraisal.v1", False)}


def test_nobody_learns_how_it_went_before_signing_a_review(stage: Stage) -> None:
    number = casts.revision(stage)
    casts.approved(stage)
    casts.answer_changes(stage, number)
    casts.resubmit(stage, number)
    casts.assign(stage, number)
    case = casts.load(stage, number)
    assert case.appraisal is not None
    reader = stage.people["all"]
    assert (funnel(stage, reader=reader), passed(stage, reader=reader)) == ((2, 2, 1, 0, 0), Share(1, 2))
    with unwatched(stage.database) as db:
        insert_row(
            db,
            tables.reviews,
            proposal_id=case.id,
            appraisal_id=case.appraisal.id,
            person_id=reader.id,
            checklists="ILS",
            asked_at=stage.now,
            asked_by=stage.people["desk"].id,
            due_on=date(2010, 2, 5),
        )
    assert (funnel(stage, reader=reader), passed(stage, reader=reader)) == ((1, 1, 1, 0, 0), Share(1, 1))
    with stage.database.read() as db:
        assert {entry.count for entry in pipeline.ratings(db, reader, BIENNIUM)} == {1}
    assert funnel(stage, reader=stage.people["auditor"]) == (2, 2, 1, 0, 0)
