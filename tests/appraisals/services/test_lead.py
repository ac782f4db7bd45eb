"""The lead: rating, carrying over, confirming, recommending, consulting, finalising and recalling."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from appraisal.appraisals.rules.conditions import ConditionPut
from appraisal.appraisals.services import lead as appraisals_lead
from appraisal.appraisals.services.lead import RatingPut, changed_evidence
from appraisal.database import tables
from appraisal.errors import NotFound, StepConflict
from appraisal.indicators.store import pipeline
from appraisal.lessons.store import similar
from appraisal.proposals.facts import Appraisal, Case
from appraisal.proposals.rules.attempt import ChangeAsked
from appraisal.proposals.rules.rulebook import rulebook
from appraisal.proposals.services import drafts
from tests import casts
from tests.casts import Stage

CHANGES = (ChangeAsked("Consult all three.", "TRI-1"),)


def _rate(stage: Stage, number: str, who: str = "lead", seen: int | None = None, **puts: Any) -> Case:
    given: dict[str, RatingPut] = {name.replace("_", "-"): put for name, put in puts.items()}
    with stage.database.begin() as db:
        return appraisals_lead.rate(db, stage.library, stage.people[who], stage.now, number, given, seen=seen)


def _confirm(stage: Stage, number: str, who: str = "lead") -> Case:
    with stage.database.begin() as db:
        return appraisals_lead.confirm_unchanged(db, stage.library, stage.people[who], stage.now, number)


def _running(stage: Stage, number: str) -> Appraisal:
    running = casts.load(stage, number).appraisal
    assert running is not None
    return running


def _assigned(stage: Stage) -> str:
    number = casts.submitted(stage)
    casts.assign(stage, number)
    return number


def test_a_rating_is_saved_changed_and_taken_back(stage: Stage) -> None:
    number = _assigned(stage)
    before = casts.load(stage, number)
    _rate(stage, number, ALI_1=RatingPut("1", "  No outcome.  ", "Section 2"), ALI_2=RatingPut("2"))
    given = _running(stage, number).ratings["ALI-1"]
    assert (given.value, given.comment, given.evidence, given.proposed) == (
        "1",
        "No outcome.",
        "Section 2",
        False,
    )
    _rate(stage, number, ALI_1=RatingPut("3"), ALI_2=RatingPut(""))
    assert {item: entry.value for item, entry in _running(stage, number).ratings.items()} == {"ALI-1": "3"}
    # Saving is private: only the appraisal's own row version tells of it.
    after = casts.load(stage, number)
    assert (after.sequence, after.head, after.row_version) == (
        before.sequence,
        before.head,
        before.row_version,
    )
    assert _running(stage, number).row_version == 3


def test_everything_wrong_with_ratings_is_said(lite: Stage) -> None:
    number = _assigned(lite)
    wrong: dict[str, Any] = {
        "ALI_1": RatingPut("7"),
        "FOO_1": RatingPut("2"),
        "EVA_2": RatingPut("2"),
        "ALI_2": RatingPut("2"),
    }
    assert casts.refusal(lite, lambda: _rate(lite, number, **wrong)) == ("item_unknown", "rating_unknown")


@pytest.mark.parametrize(
    ("who", "code"), [("desk", "not_lead"), ("eval", None), ("chief", "not_lead"), ("ana", "excluded_author")]
)
def test_only_the_lead_rates(lite: Stage, who: str, code: str | None) -> None:
    number = _assigned(lite)
    if code is None:
        with pytest.raises(NotFound):
            _rate(lite, number, who, ALI_1=RatingPut("2"))
    else:
        assert casts.refusal(lite, lambda: _rate(lite, number, who, ALI_1=RatingPut("2"))) == (code,)


def test_what_was_rated_elsewhere_meanwhile_is_not_overwritten(stage: Stage) -> None:
    number = _assigned(stage)
    seen = _running(stage, number).row_version
    _rate(stage, number, seen=seen, ALI_1=RatingPut("2"))
    before = casts.contents(stage)
    with pytest.raises(StepConflict):
        _rate(stage, number, seen=seen, ALI_1=RatingPut("1", "No."))
    assert casts.contents(stage) == before


def test_nothing_is_rated_once_it_is_closed_or_held(lite: Stage) -> None:
    number = casts.rated(lite)
    casts.take(lite, "desk", number, "hold", until=date(2010, 6, 1), note="Elections.")
    assert casts.refusal(lite, lambda: _rate(lite, number, ALI_1=RatingPut("2"))) == ("on_hold",)
    casts.take(lite, "desk", number, "release")
    casts.take(lite, "lead", number, "finalise")
    assert casts.refusal(lite, lambda: _rate(lite, number, ALI_1=RatingPut("2"))) == ("not_open_for_rating",)


def test_ratings_of_the_last_record_come_over_as_proposed(stage: Stage) -> None:
    number = casts.revision(stage)
    casts.save(stage, number, "gender", analysis="Women earn less.")
    casts.resubmit(stage, number)
    casts.assign(stage, number)
    running = _running(stage, number)
    assert {item: (given.value, given.comment) for item, given in running.ratings.items()} == {
        item: ("1" if item == "TRI-1" else "2", "Because.") for item in casts.items_of(stage, number)
    }
    assert all(given.proposed for given in running.ratings.values())
    assert casts.refused(stage, "lead", number, "finalise") == ("appraisal_incomplete",)

    case = casts.load(stage, number)
    changed = changed_evidence(case, rulebook(stage.library, case.workflow, case.set))
    assert "GEN-1" in changed
    assert "ALI-1" not in changed
    _confirm(stage, number)
    waiting = {item for item, given in _running(stage, number).ratings.items() if given.proposed}
    assert waiting == changed
    again: dict[str, Any] = {item.replace("-", "_"): RatingPut("2") for item in ("TRI-1", *changed)}
    _rate(stage, number, **again)
    casts.take(stage, "lead", number, "finalise")


@pytest.mark.thorough
def test_a_block_that_was_carried_over_counts_nowhere_until_its_unit_signs_again(stage: Stage) -> None:
    number = casts.revision(stage, budget="6000000.00")
    casts.resubmit(stage, number)
    casts.assign(stage, number)
    block = {item for item in casts.items_of(stage, number) if item.startswith("EVA")}
    assert len(block) == 9
    again: dict[str, Any] = {
        item.replace("-", "_"): RatingPut("1" if item == "TRI-1" else "2", "Because.")
        for item in casts.items_of(stage, number)
        if item not in block
    }
    _rate(stage, number, **again)
    assert "evaluability_incomplete" in casts.refused(stage, "lead", number, "finalise")
    case = casts.take(stage, "lead", number, "request_revision", changes=(ChangeAsked("More."),))
    final = case.finalised
    assert final is not None
    assert {item for item, given in final.ratings.items() if given.proposed} == block
    assert "EVA" not in final.verdicts
    assert not final.covers_evaluability
    with stage.database.read() as db:
        counted = pipeline.ratings(db, None, "2010-11")
        last = similar.final_ratings(db, [case.id])[case.id]
    # The first appraisal counts the block once, the second does not.
    assert {entry.item: entry.count for entry in counted} == {
        item: 1 if item in block else 2 for item in final.ratings
    }
    assert {given.item for given in last} == set(final.ratings) - block


def test_a_changed_document_touches_the_items_that_cite_its_kind(lite: Stage) -> None:
    number = casts.revision(lite)
    kept = next(entry for entry in casts.load(lite, number).documents if entry.kind == "consultation")
    with lite.database.begin() as db:
        ana, now, new = lite.people["ana"], lite.now, b"%PDF-1.7 new"
        drafts.remove_document(db, lite.library, ana, now, number, kept.id)
        drafts.attach_document(db, lite.library, lite.files, ana, now, number, "consultation", "new.pdf", new)
    casts.resubmit(lite, number)
    casts.assign(lite, number)
    case = casts.load(lite, number)
    book = rulebook(lite.library, case.workflow, case.set)
    cited = {
        item.id
        for criterion in book.criteria
        for item in criterion.checklist.items
        if "documents.consultation" in item.evidence
    }
    assert changed_evidence(case, book) == cited


def test_what_was_recalled_and_sent_back_hands_on_what_its_lead_had_rated(lite: Stage) -> None:
    """Version 2 was appraised, recalled and sent back: its record is superseded, the ratings are not."""
    number = casts.revision(lite)
    casts.save(lite, number, "gender", analysis="Changed in version 2.")
    casts.resubmit(lite, number)
    casts.assign(lite, number)
    casts.rate(lite, number, "3")
    casts.take(lite, "lead", number, "finalise")
    casts.take(lite, "lead", number, "recall", note="A slip.")
    casts.take(lite, "desk", number, "return_incomplete", missing="A letter.")
    casts.take(lite, "ana", number, "submit")
    casts.assign(lite, number)
    given = _running(lite, number).ratings["GEN-1"]
    assert (given.value, given.proposed) == ("3", True)
    case = casts.load(lite, number)
    # They were given on version 2, and version 3 is the same.
    assert changed_evidence(case, rulebook(lite.library, case.workflow, case.set)) == frozenset()


def test_a_new_lead_confirms_every_rating(stage: Stage) -> None:
    number = casts.rated(stage)
    before = _running(stage, number)
    casts.take(stage, "desk", number, "reassign", lead="all", note="Ill.")
    running = _running(stage, number)
    assert running.lead == stage.people["all"].id
    assert all(given.proposed for given in running.ratings.values())
    assert running.row_version == before.row_version + 1
    assert casts.refused(stage, "all", number, "finalise") == ("appraisal_incomplete",)
    assert casts.refused(stage, "lead", number, "finalise") == ("not_lead",)
    _confirm(stage, number, "all")
    case = casts.take(stage, "all", number, "finalise")
    # Whoever led once never decides; both are kept.
    assert case.related("lead") == {stage.people["lead"].id, stage.people["all"].id}
    assert casts.refused(stage, "all", number, "approve") == ("excluded_lead",)


@pytest.mark.parametrize(
    ("lead", "codes"),
    [
        ("chief", ("lead_not_appraiser",)),
        ("lead", ("lead_unchanged",)),
        ("ana", ("lead_is_author", "lead_not_appraiser")),
    ],
)
def test_who_may_not_be_named_lead(lite: Stage, lead: str, codes: tuple[str, ...]) -> None:
    number = casts.rated(lite)
    assert casts.refused(lite, "desk", number, "reassign", lead=lead, note="Ill.") == codes


def test_an_author_never_leads_or_coordinates(lite: Stage) -> None:
    number = casts.submitted(lite, "all")
    assert casts.refused(lite, "desk", number, "assign", lead="all") == ("lead_is_author",)
    assert casts.refused(lite, "all", number, "assign", lead="lead") == ("excluded_author",)


def test_a_recommendation_and_its_conditions_are_notes_until_final(lite: Stage) -> None:
    number = casts.rated(lite)
    casts.recommend(lite, number, ["ALI-2", ""], chosen="READY_WITH_CONDITIONS")
    casts.recommend(lite, number, ["ALI-3"], chosen="READY_WITH_CONDITIONS")
    running = _running(lite, number)
    assert [(entry.number, entry.item, entry.by_hand) for entry in running.conditions] == [(3, "ALI-3", True)]
    assert (running.chosen, running.reason) == ("READY_WITH_CONDITIONS", "Because.")


def test_a_recommendation_that_the_set_does_not_have_is_refused(lite: Stage) -> None:
    number = casts.rated(lite)
    assert casts.refusal(lite, lambda: casts.recommend(lite, number, chosen="PERFECT")) == (
        "recommendation_unknown",
    )
    strange = ["A condition on something that is no item"]
    assert casts.refusal(lite, lambda: casts.recommend(lite, number, strange)) == ("item_unknown",)


def test_the_lead_may_lower_and_never_raise(lite: Stage) -> None:
    number = casts.rated(lite)
    casts.recommend(lite, number, chosen="READY_WITH_CONDITIONS")
    assert casts.refused(lite, "lead", number, "finalise") == ("hand_written_missing",)
    casts.recommend(lite, number, chosen="NOT_RECOMMENDED")
    assert casts.refused(lite, "lead", number, "finalise") == ("recommendation_not_open",)
    casts.recommend(lite, number, ["ALI-2"], chosen="READY_WITH_CONDITIONS")
    case = casts.take(lite, "lead", number, "finalise")
    assert case.finalised is not None
    assert (case.finalised.computed, case.finalised.final) == ("READY", "READY_WITH_CONDITIONS")

    other = casts.rated(lite, ratings={"TRI_1": "1"})
    casts.recommend(lite, other, chosen="READY")
    assert casts.refused(lite, "lead", other, "finalise") == ("recommendation_raised",)


def test_a_condition_due_in_the_past_is_a_note_and_holds_up_closing(stage: Stage) -> None:
    number = casts.rated(stage, ratings={"TRI_4": "1"})
    past = ConditionPut("Mend this.", "TRI-4", "Project manager", date(2010, 1, 31), "before_donor")
    with stage.database.begin() as db:
        appraisals_lead.recommend(
            db,
            stage.library,
            stage.people["lead"],
            stage.now,
            number,
            chosen="",
            reason="",
            conditions=[past],
        )
    assert casts.refused(stage, "lead", number, "finalise") == ("conditions_due_past",)


def test_conditions_need_owner_date_and_gate(lite: Stage) -> None:
    number = casts.rated(lite, ratings={"CAP_6": "1"})
    with lite.database.begin() as db:
        appraisals_lead.recommend(
            db,
            lite.library,
            lite.people["lead"],
            lite.now,
            number,
            conditions=[ConditionPut("Mend.", "CAP-6")],
        )
    assert casts.refused(lite, "lead", number, "finalise") == ("conditions_incomplete",)
    casts.recommend(lite, number)
    assert casts.refused(lite, "lead", number, "finalise") == ("conditions_incomplete",)
    casts.recommend(lite, number, ["CAP-6"])
    case = casts.take(lite, "lead", number, "finalise")
    assert case.finalised is not None
    assert (case.finalised.final, case.finalised.verdicts["CAP"]) == ("READY_WITH_CONDITIONS", "PARTLY_MET")


def test_recalling_opens_a_new_appraisal_and_keeps_the_record(stage: Stage) -> None:
    number = casts.awaiting(stage, ratings={"CAP_6": "1"})
    record = tables.records
    with stage.database.read() as db:
        kept = db.execute(select(record)).all()
    (before,) = casts.load(stage, number).appraisals
    casts.take(stage, "lead", number, "recall", note="A slip.")
    case = casts.load(stage, number)
    first, second = case.appraisals
    assert case.finalised is None
    assert (first.superseded_at is not None, first.record) == (True, before.record)
    assert (second.is_running, second.ratings, second.record) == (True, before.ratings, "")
    assert [entry.text for entry in second.conditions] == [entry.text for entry in before.conditions]
    assert [(e.unit, e.answered_at) for e in second.consultations] == [
        (e.unit, e.answered_at) for e in before.consultations
    ]
    casts.rate(stage, number, CAP_6="1", CAP_7="1")
    casts.recommend(stage, number, ["CAP-6", "CAP-7"])
    casts.take(stage, "lead", number, "finalise")
    with stage.database.read() as db:
        after = db.execute(select(record).order_by(record.c.id)).all()
    assert after[:1] == kept
    assert len(after) == 2
    case = casts.load(stage, number)
    assert case.finalised is not None
    assert (case.finalised.number, case.finalised.record) == (2, after[1].digest)


def test_an_appraisal_sent_back_is_kept_as_it_was_left(lite: Stage) -> None:
    number = casts.rated(lite)
    running = _running(lite, number)
    casts.take(lite, "desk", number, "return_incomplete", missing="A letter.")
    (closed,) = casts.load(lite, number).appraisals
    assert (closed.is_running, closed.finalised_at, closed.ratings) == (False, None, running.ratings)
    casts.take(lite, "ana", number, "submit")
    casts.take(lite, "desk", number, "assign", lead="lead")
    carried = {item: replace(given, proposed=True) for item, given in running.ratings.items()}
    assert _running(lite, number).ratings == carried
    # The closed one is as it was left, whatever becomes of the ratings that it handed on.
    _rate(lite, number, ALI_1=RatingPut("1", "Looked at again."))
    assert casts.load(lite, number).appraisals[0].ratings == running.ratings


def test_ratings_sent_back_twice_are_compared_with_the_version_that_they_were_given_on(lite: Stage) -> None:
    number = casts.rated(lite)
    casts.take(lite, "desk", number, "return_incomplete", missing="A letter.")
    casts.save(lite, number, "gender", analysis="Changed in version 2.")
    casts.take(lite, "ana", number, "submit")
    casts.assign(lite, number)
    _rate(lite, number, ALI_1=RatingPut("3", "Seen on version 2."))
    casts.take(lite, "desk", number, "return_incomplete", missing="Another letter.")
    casts.take(lite, "ana", number, "submit")
    casts.assign(lite, number)
    _confirm(lite, number)
    ratings = _running(lite, number).ratings
    assert ratings["ALI-1"].value == "3"
    assert ratings["GEN-1"].proposed
    assert not ratings["ALI-2"].proposed


def test_a_revision_needs_changes_on_items_that_exist(lite: Stage) -> None:
    number = casts.rated(lite, ratings={"TRI_1": "1"})
    unknown = (ChangeAsked("More.", "FOO-1"),)
    assert casts.refused(lite, "lead", number, "request_revision", changes=unknown) == (
        "change_item_unknown",
    )
    assert casts.refused(lite, "lead", number, "request_revision", changes=(ChangeAsked(" "),)) == (
        "changes_missing",
    )
    assert casts.refused(lite, "lead", number, "finalise") == ("recommendation_not_decidable",)
    two = (ChangeAsked("One.", "TRI-1"), ChangeAsked("Two."))
    case = casts.take(lite, "lead", number, "request_revision", changes=two)
    assert [(entry.round, entry.number, entry.text) for entry in case.changes] == [
        (1, 1, "One."),
        (1, 2, "Two."),
    ]


def test_a_sound_proposal_is_not_sent_back_by_its_lead(lite: Stage) -> None:
    number = casts.rated(lite)
    assert casts.refused(lite, "lead", number, "request_revision", changes=CHANGES) == (
        "recommendation_not_revision",
    )


def test_the_appraisal_has_the_days_of_its_track(lite: Stage) -> None:
    number = casts.submitted(lite)
    casts.take(lite, "desk", number, "assign", lead="lead")
    table = tables.proposals
    with lite.database.read() as db:
        row = db.execute(select(table.c.due_on, table.c.holder_id)).one()
    assert row == (lite.now.date() + timedelta(days=14), lite.people["lead"].id)
