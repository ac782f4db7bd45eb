"""Drafts: who writes them, what is kept of what was typed, who joins, and what is attached."""

import zipfile
from collections.abc import Mapping
from datetime import date
from functools import partial
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appraisal.appraisals.services import conditions, lead, reviews
from appraisal.errors import NotFound, StepConflict
from appraisal.proposals.facts import Case
from appraisal.proposals.rules.attempt import ChangeAsked
from appraisal.proposals.rules.file_types import file_type
from appraisal.proposals.rules.rulebook import rulebook
from appraisal.proposals.services import drafts
from appraisal.proposals.services.drafts import MOST_BYTES, BadContent, BadFile
from appraisal.scenarios.complete_proposal import neutral_content
from appraisal.vocabulary.refusals import NotAllowed
from appraisal.workflow.rules.authors import joining_refusals
from appraisal.workflow.services.authors import add_author
from tests import casts
from tests.casts import PDF, Stage


def _create(stage: Stage, who: str, content: Mapping[str, Any], request: str | None = None) -> Case:
    with stage.database.begin() as db:
        return drafts.create_proposal(
            db, stage.library, stage.people[who], stage.now, content, request=request
        )


def test_a_draft_is_its_authors_alone(stage: Stage) -> None:
    case = _create(stage, "ana", neutral_content({}))
    assert (case.number, case.state, case.sequence) == ("TC-2010-0001", "draft", 1)
    assert case.related("author") == {stage.people["ana"].id}
    assert casts.load(stage, case.number) == case


@pytest.mark.parametrize("who", ["desk", "lead", "chief", "auditor", "admin"])
def test_only_designers_create_proposals(lite: Stage, who: str) -> None:
    assert casts.refusal(lite, lambda: _create(lite, who, neutral_content({}))) == ("role_missing",)


def test_a_form_sent_twice_creates_one_proposal(stage: Stage) -> None:
    first = _create(stage, "ana", neutral_content({}), "request-1")
    assert _create(stage, "ana", neutral_content({}), "request-1") == first
    with pytest.raises(StepConflict):
        _create(stage, "ben", neutral_content({}), "request-1")
    assert _create(stage, "ben", neutral_content({}), "request-2").number == "TC-2010-0002"


def _complaints(act: Any) -> dict[str, str]:
    with pytest.raises(BadContent) as caught:
        act()
    return {entry.path: entry.sentence % dict(entry.facts) for entry in caught.value.complaints}


def test_everything_wrong_is_said_at_once(lite: Stage) -> None:
    content = {
        "identification": {
            "title": "x" * 301,
            "kind": "novel",
            "countries": ["ZM", "QQ"],
            "start": "1 July",
            "end": "9999-12-31",
            "contributions": [
                {"donor": "One", "private": "no", "fund": "XBTC", "amount": "-1", "currency": "Euro"}
            ],
            "colour": "red",
        },
        "extras": {},
    }
    before = casts.contents(lite)
    assert _complaints(lambda: _create(lite, "ana", content)) == {
        "identification.colour": "The form has no such field",
        "identification.title": "At most 300 characters; this has 301",
        "identification.kind": "Choose one of the values offered",
        "identification.countries": "Not a country code of ISO 3166: QQ",
        "identification.start": "Write a date as year-month-day, like 2010-06-30",
        "identification.end": "Check the year: a date lies between 1950 and 2099",
        "identification.contributions-0-modality": "Fill in “Modality”, or clear the row",
        "identification.contributions-0-amount": "Write an amount of 0 or more with at most two decimals",
        "identification.contributions-0-currency": "Write a currency as three letters of ISO 4217, like EUR",
        "extras": "The form has no such section",
    }
    assert casts.contents(lite) == before


def test_a_section_is_saved_and_lists_follow(stage: Stage) -> None:
    umbrella = casts.draft(stage, attach=(), kind="umbrella")
    number = casts.draft(stage, attach=())
    before = casts.load(stage, number)
    casts.save(
        stage,
        number,
        "identification",
        title="  Labour inspection  ",
        countries="zm, tz",
        parent=f" {umbrella[:4].lower()} {umbrella[4:]}",
    )
    case = casts.load(stage, number)
    assert case.content["identification"]["title"] == "Labour inspection"
    assert case.content["identification"]["countries"] == ["ZM", "TZ"]
    assert (case.parent, case.row_version) == (umbrella, before.row_version + 1)
    # Saving is private: no event tells of it.
    assert (case.sequence, case.head) == (before.sequence, before.head)
    assert case.content["alignment"] == before.content["alignment"]


NO_UMBRELLA = "No umbrella programme that you may name has this number"
NO_PROPOSAL = "No proposal that you may name has this number"


def test_a_reference_names_a_proposal_that_its_writer_may_know_of(stage: Stage) -> None:
    umbrella = casts.draft(stage, attach=(), kind="umbrella")
    draft, own = casts.draft(stage, attach=()), casts.draft(stage, "ben", attach=())
    listed, registered = casts.submitted(stage), casts.registered_umbrella(stage)
    before = casts.contents(stage)
    for key, number in (
        *(("parent", number) for number in ("NOWHERE", umbrella, draft, own, listed, "x" * 300)),
        *(("predecessor", number) for number in ("NOWHERE", "TC-1999-0001", draft, umbrella)),
    ):
        sentence = NO_UMBRELLA if key == "parent" else NO_PROPOSAL
        create = partial(_create, stage, "ben", neutral_content({key: number}))
        assert _complaints(create) == {f"identification.{key}": sentence}
        save = partial(casts.save, stage, own, "identification", "ben", **{key: number})
        assert _complaints(save) == {key: sentence}
    assert _complaints(lambda: casts.save(stage, own, "identification", "ben", predecessor=own)) == {
        "predecessor": NO_PROPOSAL
    }
    assert _complaints(lambda: casts.save(stage, umbrella, "identification", parent=umbrella)) == {
        "parent": NO_UMBRELLA
    }
    assert casts.contents(stage) == before
    casts.save(stage, own, "identification", "ben", parent=registered, predecessor=listed.lower())
    case = casts.load(stage, own)
    assert (case.parent, case.predecessor) == (registered, listed)


def test_an_umbrella_is_known_to_its_authors_and_once_a_submitted_country_project_names_it(
    stage: Stage,
) -> None:
    umbrella = casts.draft(stage, attach=(), kind="umbrella")
    child = casts.draft(stage, kind="child", parent=umbrella)
    other = casts.draft(stage, "ben", attach=())
    assert _complaints(lambda: casts.save(stage, other, "identification", "ben", parent=umbrella)) == {
        "parent": NO_UMBRELLA
    }
    # What one author named stays when another saves the section who does not know of it.
    _join(stage, child, "ben")
    casts.save(stage, child, "identification", "ben", title="Better")
    assert casts.load(stage, child).parent == umbrella
    casts.take(stage, "ana", child, "submit")
    casts.save(stage, other, "identification", "ben", parent=umbrella)
    assert casts.load(stage, other).parent == umbrella


def test_a_section_that_cannot_be_kept_leaves_the_draft(lite: Stage) -> None:
    number = casts.draft(lite, attach=())
    before = casts.contents(lite)
    assert _complaints(lambda: casts.save(lite, number, "identification", end="2009-01-01")) == {
        "end": "The end lies before the start"
    }
    with pytest.raises(NotFound):
        casts.save(lite, number, "extras", title="x")
    assert casts.contents(lite) == before


def test_what_others_saved_meanwhile_is_not_overwritten(stage: Stage) -> None:
    number = casts.draft(stage, attach=())
    seen = casts.load(stage, number).row_version
    casts.save(stage, number, "gender", analysis="First.")
    with pytest.raises(StepConflict) as caught, stage.database.begin() as db:
        drafts.save_section(
            db,
            stage.library,
            stage.people["ana"],
            stage.now,
            number,
            "gender",
            {"analysis": "Second."},
            seen=seen,
        )
    assert (caught.value.seen, caught.value.present) == (seen, seen + 1)
    assert casts.load(stage, number).content["gender"]["analysis"] == "First."


def test_what_is_submitted_cannot_be_edited(lite: Stage) -> None:
    number = casts.submitted(lite)
    assert casts.refusal(lite, lambda: casts.save(lite, number, "gender", analysis="New.")) == (
        "not_editable",
    )
    assert casts.refusal(lite, lambda: casts.save(lite, number, "gender", "desk", analysis="New.")) == (
        "not_author",
    )


def test_a_held_draft_cannot_be_edited(lite: Stage) -> None:
    number = casts.revision(lite)
    casts.take(lite, "desk", number, "hold", until=lite.now.replace(month=6).date(), note="Elections.")
    assert casts.refusal(lite, lambda: casts.save(lite, number, "gender", analysis="New.")) == ("on_hold",)


def _join(stage: Stage, number: str, who: str, by: str = "ana") -> Case:
    with stage.database.begin() as db:
        return add_author(db, stage.library, stage.people[by], stage.now, number, stage.people[who].id)


def test_another_designer_joins(stage: Stage) -> None:
    number = casts.draft(stage, attach=())
    with pytest.raises(NotFound):
        casts.save(stage, number, "gender", "ben", analysis="Mine.")
    case = _join(stage, number, "ben")
    assert case.related("author") == {stage.people["ana"].id, stage.people["ben"].id}
    assert _join(stage, number, "ben").sequence == case.sequence
    casts.save(stage, number, "gender", "ben", analysis="Mine.")


def test_only_designers_join(lite: Stage) -> None:
    number = casts.draft(lite, attach=())
    assert casts.refusal(lite, lambda: _join(lite, number, "chief")) == ("role_missing",)


def test_whoever_led_or_reviewed_never_becomes_an_author(lite: Stage) -> None:
    number = casts.submitted(lite)
    casts.assign(lite, number, "all")
    casts.rate(lite, number, who="all", TRI_1="1")
    casts.take(lite, "all", number, "request_revision", changes=(ChangeAsked("More."),))
    assert casts.refusal(lite, lambda: _join(lite, number, "all")) == ("author_is_lead",)


CHANGES = (ChangeAsked("More."),)


@pytest.mark.parametrize(
    ("step", "inputs"),
    [
        ("propose_override", {}),
        ("return", {"changes": CHANGES}),
        ("reject", {}),
        ("hold", {"until": date(2010, 3, 20)}),
    ],
)
def test_whoever_took_a_step_that_is_closed_to_authors_never_becomes_one(
    lite: Stage, step: str, inputs: dict[str, Any]
) -> None:
    number = casts.not_recommended(lite)
    case = casts.take(lite, "all", number, step, note="Because.", **inputs)
    book = rulebook(lite.library, case.workflow, case.set)
    codes = [entry.code for entry in joining_refusals(case, book, lite.people["all"])]
    assert codes == ["author_has_acted"]
    assert joining_refusals(case, book, lite.people["ben"]) == []


def test_whoever_signed_first_stays_out_after_the_signature_has_ended(lite: Stage) -> None:
    number = casts.not_recommended(lite)
    casts.take(lite, "all", number, "propose_override", note="Urgent.")
    case = casts.take(lite, "chief", number, "return", changes=CHANGES)
    assert case.signature is None
    assert casts.refusal(lite, lambda: _join(lite, number, "all")) == ("author_has_acted",)
    assert casts.load(lite, number).related("author") == {lite.people["ana"].id}
    assert len(_join(lite, number, "ben").related("author")) == 2


def test_a_manager_whose_place_was_taken_becomes_no_author_either(lite: Stage) -> None:
    number = casts.not_recommended(lite)
    casts.substitute(lite, "all", "deputy", "decisions", by="admin", last=20)
    behalf = lite.people["all"].id
    casts.take(lite, "deputy", number, "return", changes=CHANGES, behalf=behalf)
    assert casts.refusal(lite, lambda: _join(lite, number, "all")) == ("author_has_acted",)


def test_whoever_wrote_down_what_a_unit_says_becomes_no_author(lite: Stage) -> None:
    number = casts.rated(lite, ratings={"TRI_1": "1"})
    asked = next(entry for entry in casts.load(lite, number).appraisals[0].consultations if entry.is_open)
    with lite.database.begin() as db:
        given = (number, asked.id, "By letter.")
        lead.answer_consultation(db, lite.library, lite.people["all"], lite.now, *given)
    casts.take(lite, "lead", number, "request_revision", changes=CHANGES)
    assert casts.refusal(lite, lambda: _join(lite, number, "all")) == ("author_has_acted",)


def test_whoever_waived_a_condition_becomes_no_author(lite: Stage) -> None:
    number = casts.awaiting(lite, ratings={"CAP_6": "1"})
    final = casts.load(lite, number).finalised
    assert final is not None
    with lite.database.begin() as db:
        conditions.waive_condition(
            db, lite.library, lite.people["all"], lite.now, number, final.conditions[0].id, "Needless."
        )
    casts.take(lite, "chief", number, "return", changes=CHANGES)
    assert casts.refusal(lite, lambda: _join(lite, number, "all")) == ("author_has_acted",)


def test_an_author_is_not_told_who_reviewed_before_the_appraisal_is_finalised(lite: Stage) -> None:
    number = casts.rated(lite)
    with lite.database.begin() as db:
        desk, reviewer = lite.people["desk"], lite.people["all"]
        reviews.ask(db, lite.library, desk, lite.now, number, reviewer, ["GEN"], date(2010, 2, 8))
        reviews.declare(db, lite.library, reviewer, lite.now, number, conflict=None)
    casts.take(lite, "desk", number, "return_incomplete", missing="A letter.")
    assert casts.refusal(lite, lambda: _join(lite, number, "all")) == ("reason_withheld",)


def test_an_answer_that_came_in_stays(stage: Stage) -> None:
    number = casts.revision(stage)
    (change,) = casts.load(stage, number).changes

    def answer(text: str) -> None:
        with stage.database.begin() as db:
            drafts.answer_change(
                db, stage.library, stage.people["ana"], stage.now, number, change.id, "not_done", text
            )

    with pytest.raises(NotAllowed):
        answer("  ")
    answer("First thought.")
    answer("Second thought.")
    stage.wait(minutes=1)
    casts.take(stage, "ana", number, "submit")
    casts.take(stage, "desk", number, "return_incomplete", missing="A letter.")
    before = casts.contents(stage)
    with pytest.raises(NotFound):
        answer("Third thought.")
    assert casts.contents(stage) == before
    assert casts.load(stage, number).changes[0].answer_text == "Second thought."


def _zip(**parts: bytes) -> bytes:
    kept = BytesIO()
    with zipfile.ZipFile(kept, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return kept.getvalue()


WORD = _zip(**{"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<x/>"})
ODT = _zip(mimetype=b"application/vnd.oasis.opendocument.text", **{"content.xml": b"<x/>"})


@pytest.mark.parametrize(
    ("data", "suffix"),
    [
        (PDF, ".pdf"),
        (b"\x89PNG\r\n\x1a\n", ".png"),
        (b"\xff\xd8\xff\xe0", ".jpg"),
        (WORD, ".docx"),
        (_zip(**{"[Content_Types].xml": b"", "xl/workbook.xml": b""}), ".xlsx"),
        (_zip(**{"[Content_Types].xml": b"", "ppt/presentation.xml": b""}), ".pptx"),
        (ODT, ".odt"),
        (_zip(mimetype=b"application/vnd.oasis.opendocument.spreadsheet"), ".ods"),
        (_zip(mimetype=b"application/epub+zip"), None),
        (_zip(**{"[Content_Types].xml": b"", "word/x": b"", "word/vbaProject.bin": b""}), None),
        (_zip(**{"[Content_Types].xml": b"", "word/x": b"", "word/VBAPROJECT.BIN": b""}), None),
        (_zip(**{"word/document.xml": b""}), None),
        (_zip(**{"notes.txt": b""}), None),
        (b"PK\x05\x06" + bytes(18), None),
        (b"<html><script>", None),
        (b"MZ\x90", None),
        (b" %PDF-1.4", None),
        (b"", None),
    ],
)
def test_a_file_is_what_stands_in_it(data: bytes, suffix: str | None) -> None:
    found = file_type(data)
    assert (found.suffix if found else None) == suffix


@pytest.mark.thorough
@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(
    data=st.sampled_from([WORD, ODT]),
    places=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=8),
    cut=st.integers(0, 10**6),
)
def test_a_damaged_archive_is_told_and_never_fatal(
    data: bytes, places: list[tuple[int, int]], cut: int
) -> None:
    damaged = bytearray(data)
    for place, value in places:
        damaged[place % len(damaged)] = value
    file_type(bytes(damaged))
    file_type(bytes(damaged[: cut % len(damaged)]))


def _attach(stage: Stage, number: str, kind: str, filename: str, data: bytes, who: str = "ana") -> Case:
    with stage.database.begin() as db:
        return drafts.attach_document(
            db, stage.library, stage.files, stage.people[who], stage.now, number, kind, filename, data
        )


@pytest.mark.parametrize(
    ("filename", "kept"),
    [
        ("outline.pdf", "outline.pdf"),
        ("outline.exe", "outline.pdf"),
        ("outline", "outline.pdf"),
        ("..\\..\\secret/out line.PDF", "out line.pdf"),
        ("a\r\nb\x00\u202ec.pdf", "abc.pdf"),
        ("x" * 300 + ".pdf", "x" * 120 + ".pdf"),
        ("", "document.pdf"),
        ("...", "document.pdf"),
        ("Résumé d'été.pdf", "Résumé d'été.pdf"),
    ],
)
def test_a_name_is_kept_safely(lite: Stage, filename: str, kept: str) -> None:
    number = casts.draft(lite, attach=())
    (document,) = _attach(lite, number, "outline", filename, PDF).documents
    assert document.filename == kept


@pytest.mark.parametrize(
    ("kind", "data", "code"),
    [
        ("outline", b"", "empty"),
        ("outline", b"#!/bin/sh", "type"),
        ("novel", PDF, "kind"),
        ("outline", PDF + bytes(MOST_BYTES), "too_large"),
    ],
)
def test_a_file_that_may_not_be_attached_is_not(lite: Stage, kind: str, data: bytes, code: str) -> None:
    number = casts.draft(lite, attach=())
    before = casts.contents(lite)
    with pytest.raises(BadFile) as caught:
        _attach(lite, number, kind, "file.pdf", data)
    assert caught.value.code == code
    assert casts.contents(lite) == before


def test_a_file_is_read_by_those_who_may(stage: Stage) -> None:
    number = casts.draft(stage, attach=("outline", "prodoc", "monitoring_plan", "consultation"))
    casts.take(stage, "ana", number, "submit")
    casts.take(stage, "desk", number, "return_incomplete", missing="A letter.")
    case = _attach(stage, number, "other", "later.pdf", PDF)
    first, later = case.documents[0].id, case.documents[-1].id

    def read(who: str, document: int) -> bytes:
        with stage.database.read() as db:
            found = drafts.find_document(db, case, stage.people[who], document)
        return stage.files.read(found.sha256)

    assert read("ana", later) == read("desk", first) == PDF
    for document in (later, first + 10**12, 0):
        with pytest.raises(NotFound):
            read("desk", document)


def test_only_what_is_attached_is_removed(stage: Stage) -> None:
    number, other = casts.draft(stage), casts.draft(stage)
    theirs = casts.load(stage, other).documents[0].id
    before = casts.contents(stage)
    with pytest.raises(NotFound), stage.database.begin() as db:
        drafts.remove_document(db, stage.library, stage.people["ana"], stage.now, number, theirs)
    assert casts.contents(stage) == before
