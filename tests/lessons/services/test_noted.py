"""What was looked up goes into the form or into a rating, and overwrites nothing."""

from functools import partial
from typing import Any

import pytest

from appraisal.accounts.services import accounts
from appraisal.appraisals.services import lead
from appraisal.appraisals.services.lead import RatingPut
from appraisal.errors import NotFound, StepConflict
from appraisal.lessons.services import lessons, noted
from appraisal.proposals.facts import Case, RatingGiven
from appraisal.vocabulary.limits import PROSE_LIMIT, ROWS_LIMIT
from tests import casts
from tests.casts import Stage

LIST = b"""code,text,place,countries,theme,outcome,source
i-eval 1,Plan ahead.,Ghana,GH,Design,,https://example.org/1
i-eval 2,Ask first.,,,,,Report 5
"""
REFERENCE = "i-eval 1, https://example.org/1"


def import_list(stage: Stage) -> None:
    with stage.database.begin() as db:
        lessons.import_lessons(db, stage.people["desk"], stage.now, LIST, "lessons.csv")


def note(stage: Stage, who: str, number: str, *chosen: str, **given: Any) -> Case:
    """Note what was checked, authors in the form and others in the rating."""
    write = noted.note_overlap if who in ("ana", "ben") else noted.note_overlap_in_rating
    with stage.database.begin() as db:
        return write(db, stage.library, stage.people[who], stage.now, number, chosen, **given)


def cite(stage: Stage, who: str, number: str, code: str = "i-eval 1", **given: Any) -> Case:
    """Cite a lesson, authors in the form and others in the rating."""
    write = noted.cite_lesson if who in ("ana", "ben") else noted.cite_lesson_in_rating
    with stage.database.begin() as db:
        return write(db, stage.library, stage.people[who], stage.now, number, code, **given)


def rating(case: Case, item: str) -> RatingGiven:
    assert case.appraisal is not None
    return case.appraisal.ratings[item]


def assigned(stage: Stage, **given: Any) -> str:
    number = casts.submitted(stage, "ben", **given)
    casts.take(stage, "desk", number, "assign", lead="lead")
    return number


def test_an_author_notes_what_was_checked_after_what_stands_there(stage: Stage) -> None:
    other = casts.submitted(stage, theme="Labour migration")
    number = casts.draft(stage, "ben", theme="Labour migration")
    before = casts.load(stage, number)

    case = note(stage, "ben", number, other)

    assert case.content["alignment"]["overlap"] == (
        "Illustrative entry.\n"
        f"Checked for overlap on 1 February 2010: {other} (same country, same theme, same outcome)."
    )
    assert case.row_version == before.row_version + 1
    kept = {key: value for key, value in case.content["alignment"].items() if key != "overlap"}
    assert kept == {key: value for key, value in before.content["alignment"].items() if key != "overlap"}
    assert casts.load(stage, number).content == case.content
    # A draft is nobody else's, so saving it is no event either.
    assert casts.load(stage, number).sequence == before.sequence


def test_the_note_is_in_the_language_of_who_writes_it(stage: Stage) -> None:
    other = casts.submitted(stage)
    number = casts.draft(stage, "ben")
    with stage.database.begin() as db:
        accounts.set_language(db, stage.people["ben"].id, "es")
        stage.people = {**stage.people, "ben": accounts.find_person(db, stage.people["ben"].id).person}

    assert "1 de febrero de 2010" in note(stage, "ben", number, other).content["alignment"]["overlap"]


def test_that_nothing_was_found_is_noted_only_where_nothing_was(stage: Stage) -> None:
    number = casts.draft(stage, "ben", countries=["JO"])
    case = note(stage, "ben", number)
    assert case.content["alignment"]["overlap"].endswith("no similar proposal was found.")

    casts.submitted(stage, countries=["JO"])
    assert casts.refusal(stage, lambda: note(stage, "ben", number)) == ("nothing_ticked",)


def test_only_similar_proposals_can_be_noted(stage: Stage) -> None:
    alone = {"alignment": {"outcome": "Another"}}
    foreign = casts.submitted(stage, countries=["HT"], content=alone)
    hidden = casts.draft(stage, attach=())
    other = casts.submitted(stage)
    number = casts.draft(stage, "ben")

    for wrong in (foreign, hidden, number, "TC-1999-0001"):
        act = partial(note, stage, "ben", number, other, wrong)
        assert casts.refusal(stage, act) == ("not_similar",)


def test_a_stale_form_is_not_written_in(stage: Stage) -> None:
    import_list(stage)
    other = casts.submitted(stage)
    number = casts.draft(stage, "ben")
    seen = casts.load(stage, number).row_version
    casts.save(stage, number, "gender", "ben", analysis="Something else")
    before = casts.contents(stage)

    with pytest.raises(StepConflict):
        note(stage, "ben", number, other, seen=seen)
    with pytest.raises(StepConflict):
        cite(stage, "ben", number, seen=seen)
    assert casts.contents(stage) == before


def test_nothing_is_cut_off_for_want_of_room(stage: Stage) -> None:
    import_list(stage)
    other = casts.submitted(stage)
    number = casts.draft(stage, "ben")
    casts.save(stage, number, "alignment", "ben", overlap="x" * (PROSE_LIMIT - 10))
    rows = [{"reference": f"Lesson {place}"} for place in range(ROWS_LIMIT)]
    casts.save(stage, number, "lessons", "ben", used=rows)

    assert casts.refusal(stage, lambda: note(stage, "ben", number, other)) == ("no_room",)
    assert casts.refusal(stage, lambda: cite(stage, "ben", number)) == ("no_row_left",)


def test_an_author_cites_a_lesson_once(stage: Stage) -> None:
    import_list(stage)
    number = casts.draft(stage, "ben")

    case = cite(stage, "ben", number)

    assert case.content["lessons"]["used"] == [
        {"reference": "Illustrative lesson", "changed": "Illustrative entry."},
        {"reference": REFERENCE, "lesson": "Plan ahead."},
    ]
    assert casts.refusal(stage, lambda: cite(stage, "ben", number)) == ("lesson_cited",)
    assert len(cite(stage, "ben", number, "i-eval 2").content["lessons"]["used"]) == 3
    with pytest.raises(NotFound):
        cite(stage, "ben", number, "i-eval 3")


def test_authors_write_only_while_the_form_is_theirs(stage: Stage) -> None:
    import_list(stage)
    other = casts.submitted(stage)
    number = casts.submitted(stage, "ben")

    assert casts.refusal(stage, lambda: note(stage, "ben", number, other)) == ("not_editable",)
    assert casts.refusal(stage, lambda: cite(stage, "ben", number)) == ("not_editable",)
    with pytest.raises(NotFound):
        note(stage, "ana", number, other)


def test_the_lead_notes_what_was_checked_in_the_evidence(stage: Stage) -> None:
    import_list(stage)
    other = casts.approved(stage, theme="Labour migration")
    number = assigned(stage, theme="Labour migration")
    with stage.database.begin() as db:
        puts = {"ALI-6": RatingPut("2", "Well done.", "Section 2"), "RBM-8": RatingPut("", "To be read.")}
        lead.rate(db, stage.library, stage.people["lead"], stage.now, number, puts)
    before = casts.load(stage, number)

    note(stage, "lead", number, other)
    after = cite(stage, "lead", number)

    overlap, lesson = rating(after, "ALI-6"), rating(after, "RBM-8")
    assert (overlap.value, overlap.comment) == ("2", "Well done.")
    assert overlap.evidence == (
        f"Section 2\nChecked for overlap on 1 February 2010: {other} (same country, same theme, same outcome)."
    )
    assert (lesson.value, lesson.comment, lesson.evidence) == ("", "To be read.", REFERENCE)
    assert after.content == before.content
    assert after.sequence == before.sequence
    assert casts.refusal(stage, lambda: cite(stage, "lead", number)) == ("lesson_cited",)


def test_an_item_that_is_not_rated_keeps_the_note(stage: Stage) -> None:
    other = casts.approved(stage)
    number = assigned(stage)

    after = rating(note(stage, "lead", number, other), "ALI-6")

    assert (after.value, after.comment, after.proposed) == ("", "", False)
    assert other in after.evidence


def test_a_note_confirms_no_rating_that_was_carried_over(stage: Stage) -> None:
    import_list(stage)
    other = casts.approved(stage)
    number = casts.revision(stage, "ben")
    casts.resubmit(stage, number, "ben")
    casts.take(stage, "desk", number, "assign", lead="lead")
    assert rating(casts.load(stage, number), "ALI-6").proposed

    assert casts.refusal(stage, lambda: note(stage, "lead", number, other)) == ("item_unconfirmed",)
    assert casts.refusal(stage, lambda: cite(stage, "lead", number)) == ("item_unconfirmed",)


def test_nobody_but_the_lead_notes_in_a_rating(stage: Stage) -> None:
    import_list(stage)
    other = casts.approved(stage)
    number = assigned(stage)

    for who in ("desk", "auditor", "chief"):
        assert casts.refusal(stage, partial(note, stage, who, number, other)) == ("not_lead",)
        assert casts.refusal(stage, partial(cite, stage, who, number)) == ("not_lead",)
    with pytest.raises(NotFound):
        note(stage, "eval", number, other)


def test_on_hold_and_after_the_end_nothing_is_noted(stage: Stage) -> None:
    other = casts.approved(stage)
    number = casts.rated(stage, "ben")
    until = stage.now.date().replace(month=3)
    casts.take(stage, "desk", number, "hold", until=until, note="Wait.")
    assert casts.refusal(stage, lambda: note(stage, "lead", number, other)) == ("on_hold",)

    casts.take(stage, "desk", number, "release")
    casts.take(stage, "lead", number, "finalise")
    assert casts.refusal(stage, lambda: note(stage, "lead", number, other)) == ("not_open_for_rating",)


def test_a_stale_rating_is_not_written_in(stage: Stage) -> None:
    other = casts.approved(stage)
    number = assigned(stage)
    running = casts.load(stage, number).appraisal
    assert running is not None
    note(stage, "lead", number, other, seen=running.row_version)
    before = casts.contents(stage)

    with pytest.raises(StepConflict):
        note(stage, "lead", number, other, seen=running.row_version)
    assert casts.contents(stage) == before


def test_evidence_is_never_cut_off(stage: Stage) -> None:
    other = casts.approved(stage)
    number = assigned(stage)
    with stage.database.begin() as db:
        puts = {"ALI-6": RatingPut("2", "", "x" * (PROSE_LIMIT - 10))}
        lead.rate(db, stage.library, stage.people["lead"], stage.now, number, puts)

    assert casts.refusal(stage, lambda: note(stage, "lead", number, other)) == ("no_room",)
