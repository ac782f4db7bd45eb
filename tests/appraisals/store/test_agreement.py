"""Counting signed ratings: one statement, and no more than a reader may read."""

from datetime import date

from sqlalchemy import update

from appraisal.appraisals.rules.agreement import Counted
from appraisal.appraisals.services import reviews
from appraisal.appraisals.store.agreement import count_ratings
from appraisal.database import tables
from tests import casts
from tests.appraisals.services import test_reviews as acts
from tests.casts import Stage
from tests.tampering import unwatched


def count(stage: Stage, who: str | None = None) -> list[Counted]:
    with stage.database.read() as db, casts.counted() as sent:
        found = count_ratings(db, stage.people[who] if who else None)
    assert sum(statement.startswith("SELECT") for statement in sent) == 1
    return sorted(found, key=lambda entry: (entry.appraisal, entry.item, entry.value))


def times(found: list[Counted], item: str) -> list[tuple[str, int]]:
    return [(entry.value, entry.times) for entry in found if entry.item == item]


def test_ratings_of_signed_reviews_are_counted_by_appraisal(stage: Stage) -> None:
    one, two = acts.assigned(stage), acts.assigned(stage)
    acts.reviewed(stage, one, "nora", TRI_1="3")
    acts.reviewed(stage, one, "gus")
    acts.reviewed(stage, two, "nora")
    acts.ask(stage, two, "gus", "TRI")
    acts.declare(stage, two, "gus")
    acts.rate(stage, two, "gus")
    first, second = acts.latest(stage, one).id, acts.latest(stage, two).id
    found = count(stage)
    assert [entry for entry in found if entry.item in ("TRI-1", "TRI-2")] == [
        Counted("appraisal.v1", "TRI-1", first, "2", 1),
        Counted("appraisal.v1", "TRI-1", first, "3", 1),
        Counted("appraisal.v1", "TRI-2", first, "2", 2),
        Counted("appraisal.v1", "TRI-1", second, "2", 1),
        Counted("appraisal.v1", "TRI-2", second, "2", 1),
    ]
    for _ in range(3):
        acts.reviewed(stage, acts.assigned(stage), "pia")
    assert len(count(stage)) == len(found) + 3 * 8


def test_late_reviews_count_and_those_of_a_superseded_appraisal_do_not_count_twice(stage: Stage) -> None:
    number = acts.assigned(stage)
    acts.reviewed(stage, number, "nora")
    acts.ask(stage, number, "gus", "TRI", due_on=date(2010, 2, 2))
    acts.declare(stage, number, "gus")
    acts.rate(stage, number, "gus", value="3")
    stage.wait(days=2)
    acts.sign(stage, number, "gus")
    casts.rate(stage, number)
    casts.take(stage, "lead", number, "finalise")
    casts.take(stage, "lead", number, "recall", note="A slip.")
    assert times(count(stage), "TRI-1") == [("2", 1), ("3", 1)]
    assert {entry.appraisal for entry in count(stage)} == {acts.latest(stage, number).id}


def test_a_judgement_that_is_carried_over_and_confirmed_counts_once(stage: Stage) -> None:
    number = acts.assigned(stage)
    for who in ("nora", "gus"):
        acts.reviewed(stage, number, who, TRI_1="3" if who == "gus" else "2")
    first = count(stage)
    casts.take(stage, "desk", number, "return_incomplete", missing="A paper.")
    casts.take(stage, "ana", number, "submit")
    casts.assign(stage, number)
    for who in ("nora", "gus"):
        acts.ask(stage, number, who, "TRI")
        acts.declare(stage, number, who)
        acts.act(stage, reviews.confirm_unchanged, who, number)
        if who == "gus":
            acts.rate(stage, number, who, TRI_1="1")
        acts.sign(stage, number, who)
    # What was rated anew is another judgement; everything else is the one of before.
    assert [entry for entry in count(stage) if entry not in first] == [
        Counted("appraisal.v1", "TRI-1", acts.latest(stage, number).id, "1", 1)
    ]
    assert len(count(stage)) == len(first) + 1


def test_what_was_taken_back_or_not_rated_is_not_counted(lite: Stage) -> None:
    number = acts.assigned(lite)
    acts.ask(lite, number, "nora", "TRI")
    acts.declare(lite, number, "nora")
    acts.rate(lite, number, "nora", value="")
    acts.sign(lite, number, "nora", "A comment alone.")
    acts.reviewed(lite, number, "gus")
    table = tables.reviews
    review = acts.of(lite, number, "gus").id
    with unwatched(lite.database) as db:
        db.execute(update(table).where(table.c.id == review).values(withdrawn_at=lite.now))
    assert count(lite) == []


def test_illustrative_proposals_are_marked(lite: Stage) -> None:
    number = acts.assigned(lite)
    acts.reviewed(lite, number, "nora")
    table = tables.proposals
    with unwatched(lite.database) as db:
        db.execute(update(table).values(illustrative=True))
    assert {entry.illustrative for entry in count(lite)} == {True}


def test_nobody_reads_in_figures_what_they_may_not_read_otherwise(stage: Stage) -> None:
    acts.hire(stage, "both", "SKILLS", "coordinator", "appraiser", "designer")
    own, owed, free = acts.assigned(stage, who="both"), acts.assigned(stage), acts.assigned(stage)
    for number in (own, owed, free):
        acts.reviewed(stage, number, "nora")
    # Asked and not declared, declared and not signed: either way nothing of that proposal.
    acts.ask(stage, owed, "both", "TRI")
    seen = {entry.appraisal for entry in count(stage, "both")}
    assert seen == {acts.latest(stage, free).id}
    acts.declare(stage, owed, "both")
    assert {entry.appraisal for entry in count(stage, "both")} == seen
    acts.rate(stage, owed, "both")
    acts.sign(stage, owed, "both")
    assert acts.latest(stage, owed).id in {entry.appraisal for entry in count(stage, "both")}
    # One's own proposal from finalising on.
    casts.rate(stage, own)
    casts.take(stage, "lead", own, "finalise")
    assert {entry.appraisal for entry in count(stage, "both")} == {
        acts.latest(stage, number).id for number in (own, owed, free)
    }
    assert len(count(stage, "desk")) == len(count(stage, "auditor")) == len(count(stage))
    assert count(stage, "ben") == count(stage, "admin") == []


def test_a_declined_review_hides_nothing_any_more(lite: Stage) -> None:
    acts.hire(lite, "both", "SKILLS", "coordinator", "appraiser")
    number = acts.assigned(lite)
    acts.reviewed(lite, number, "nora")
    acts.ask(lite, number, "both", "TRI")
    assert count(lite, "both") == []
    acts.act(lite, reviews.decline, "both", number, "No time.")
    assert len(count(lite, "both")) == 8
