"""Durations: the stays that ended are counted in one statement, the same as one by one."""

from collections import Counter
from datetime import UTC, date, datetime

from appraisal.database import tables
from appraisal.database.rows import insert_row
from appraisal.deadlines.store import durations
from appraisal.proposals.store.case import load_cases
from tests import casts
from tests.casts import Stage
from tests.tampering import unwatched


def _some(stage: Stage) -> list[str]:
    """Bring proposals through several states on two tracks, some slowly."""
    numbers = [casts.approved(stage, unit="SKILLS"), casts.submitted(stage, budget="100000", unit="MIGRANT")]
    stage.wait(days=3)
    casts.take(stage, "desk", numbers[1], "return_incomplete", missing="A letter.")
    numbers.append(casts.submitted(stage, unit="SKILLS"))
    stage.wait(days=4)
    casts.take(stage, "desk", numbers[2], "assign", lead="lead")
    return numbers


def test_stays_are_counted_in_one_statement(stage: Stage) -> None:
    _some(stage)
    with stage.database.read() as db, casts.counted() as sent:
        found = durations.stays(db, stage.people["auditor"])
    assert len([text for text in sent if "events" in text]) == 1
    with stage.database.read() as db:
        cases = load_cases(db)
        counted = Counter(
            (
                step.from_state,
                step.track,
                case.content["identification"]["unit"],
                step.days_used,
                step.days_limit,
            )
            for case in cases
            for step in case.steps
            if step.days_limit is not None
        )
        assert durations.stays(db, None) == found
    assert {(e.state, e.track, e.unit, e.used, e.limit): e.count for e in found} == counted
    assert sum(counted.values()) == 5


def test_a_stay_belongs_to_the_year_in_which_it_ended_in_geneva(stage: Stage) -> None:
    number = casts.submitted(stage)
    stage.now = datetime(2010, 12, 31, 22, 59, tzinfo=UTC)
    casts.take(stage, "desk", number, "assign", lead="lead")
    stage.now = datetime(2010, 12, 31, 23, 0, tzinfo=UTC)
    casts.take(stage, "desk", number, "return_incomplete", missing="A letter.")
    with stage.database.read() as db:
        found = {
            year: [entry.state for entry in durations.stays(db, None, year)]
            for year in (2009, 2010, 2011, 2012)
        }
        assert durations.years(db, None) == range(2010, 2012)
    assert found == {2009: [], 2010: ["submitted"], 2011: ["under_appraisal"], 2012: []}


def test_nobody_learns_how_it_goes_before_signing_a_review(stage: Stage) -> None:
    number, other = casts.submitted(stage), casts.submitted(stage)
    for each in (number, other):
        casts.take(stage, "desk", each, "assign", lead="lead")
    case = casts.load(stage, number)
    assert case.appraisal is not None
    reader = stage.people["all"]
    table = tables.reviews
    with unwatched(stage.database) as db:
        review = insert_row(
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

    def shown() -> int:
        with stage.database.read() as db:
            return sum(entry.count for entry in durations.stays(db, reader))

    assert shown() == 1
    for values in (
        {"signed_at": stage.now},
        {"signed_at": None, "declined_at": stage.now},
        {"declined_at": None, "withdrawn_at": stage.now},
        {"withdrawn_at": None, "declaration": "declared"},
    ):
        with unwatched(stage.database) as db:
            db.execute(table.update().where(table.c.id == review).values(**values))
        assert shown() == 2, values
    with unwatched(stage.database) as db:
        db.execute(table.update().where(table.c.id == review).values(declaration="nothing"))
    assert shown() == 1
    with stage.database.read() as db:
        assert durations.years(db, reader) == range(2010, 2011)
