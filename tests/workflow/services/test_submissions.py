"""Submitting: versions frozen and digested, definitions pinned, US$ at the rate of the day, and the track."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select, update

from appraisal.appraisals.services import lead
from appraisal.appraisals.services.lead import RatingPut
from appraisal.canonical import canonical, digest
from appraisal.database import tables
from appraisal.definitions.library import Library
from appraisal.indicators.services import appraised_share
from appraisal.proposals.facts import Version
from appraisal.proposals.rules.attempt import ApprovalGiven, ChangeAsked
from appraisal.proposals.rules.rulebook import rulebook
from appraisal.proposals.services import drafts as proposals
from appraisal.verification.rules.record_file import verify
from appraisal.verification.services import database
from tests import casts
from tests.casts import PDF, Stage
from tests.tampering import unguarded

VERSIONS = tables.versions


def _version(stage: Stage, number: str) -> Version:
    version = casts.load(stage, number).version
    assert version is not None
    return version


def _stored(stage: Stage) -> list[tuple[str, str]]:
    with stage.database.read() as db:
        rows = db.execute(select(VERSIONS.c.value, VERSIONS.c.digest).order_by(VERSIONS.c.id))
        return [(row.value, row.digest) for row in rows]


def test_a_version_is_frozen_under_its_digest(stage: Stage) -> None:
    number = casts.submitted(stage)
    version = _version(stage, number)
    ((value, sealed),) = _stored(stage)
    assert sealed == version.digest
    assert digest(_plain(value)) == sealed
    assert canonical(_plain(value)).decode() == value
    assert [entry.kind for entry in version.documents] == list(casts.ATTACHED)


def _plain(value: str) -> object:
    found: object = json.loads(value)
    return found


def test_versions_stay_as_they_were_submitted(lite: Stage) -> None:
    number = casts.revision(lite)
    first = _stored(lite)
    casts.save(lite, number, "identification", title="Another title")
    casts.resubmit(lite, number)
    assert _stored(lite)[:1] == first
    one, two = casts.load(lite, number).versions
    assert one.content["identification"]["title"] == "Illustrative proposal"
    assert two.content["identification"]["title"] == "Another title"
    assert one.digest != two.digest


def test_a_removed_document_stays_in_the_version_that_held_it(stage: Stage) -> None:
    number = casts.revision(stage)
    outline = casts.load(stage, number).documents[0]
    with stage.database.begin() as db:
        proposals.remove_document(db, stage.library, stage.people["ana"], stage.now, number, outline.id)
    assert "outline" not in {entry.kind for entry in casts.load(stage, number).documents}
    casts.answer_changes(stage, number)
    assert casts.refused(stage, "ana", number, "submit") == ("documents_missing",)
    with stage.database.begin() as db:
        proposals.attach_document(
            db, stage.library, stage.files, stage.people["ana"], stage.now, number, "outline", "new.pdf", PDF
        )
    case = casts.take(stage, "ana", number, "submit")
    assert outline in case.versions[0].documents
    assert outline not in case.versions[1].documents


def test_definitions_are_pinned_by_the_first_submission_and_kept(lite: Stage, library: Library) -> None:
    number = casts.draft(lite)
    case = casts.load(lite, number)
    assert (case.pinned, case.workflow, case.set) == (False, "", "")
    casts.take(lite, "ana", number, "submit")
    case = casts.load(lite, number)
    assert (case.pinned, case.workflow, case.set) == (True, "standard.v1", "appraisal.v1")

    workflow = library.workflow("standard.v1").model_copy(update={"version": 2})
    joined = library.set("appraisal.v1").model_copy(update={"version": 2})
    newer = replace(
        library,
        definitions={**library.definitions, workflow.key: workflow, joined.key: joined},
        digests={**library.digests, workflow.key: "2" * 64, joined.key: "2" * 64},
        released={workflow.key: "2" * 64, joined.key: "2" * 64},
    )
    lite.library = newer
    casts.take(lite, "desk", number, "return_incomplete", missing="A letter.")
    case = casts.take(lite, "ana", number, "submit")
    assert (case.workflow, case.set) == ("standard.v1", "appraisal.v1")
    assert rulebook(newer, case.workflow, case.set).workflow.version == 1
    fresh = casts.load(lite, casts.submitted(lite))
    assert (fresh.workflow, fresh.set) == ("standard.v2", "appraisal.v2")


def test_us_dollars_are_frozen_at_the_rate_of_the_day(stage: Stage) -> None:
    casts.enter_rate(stage, "EUR", date(2010, 1, 1), "0.8")
    number = casts.revision(stage, budget={"amount": "4000000", "currency": "EUR"})
    one = _version(stage, number)
    assert (one.usd, one.track) == (Decimal("5000000.00"), "standard")
    assert (one.contributions[0].rate, one.contributions[0].rate_on) == (Decimal("0.8"), date(2010, 1, 1))
    # Half past midnight in Geneva, where March has begun and UTC is still in February.
    stage.now = datetime(2010, 2, 28, 23, 30, tzinfo=UTC)
    casts.enter_rate(stage, "EUR", date(2010, 3, 1), "0.75")
    casts.resubmit(stage, number)
    first, second = casts.load(stage, number).versions
    assert first == one
    assert (second.usd, second.track) == (Decimal("5333333.33"), "reinforced")


def test_a_currency_without_a_rate_cannot_be_submitted(lite: Stage) -> None:
    number = casts.draft(lite, budget={"amount": "4000000", "currency": "EUR"})
    assert casts.refused(lite, "ana", number, "submit") == ("rate_missing",)
    casts.enter_rate(lite, "EUR", date(2010, 2, 2), "0.8")
    assert casts.refused(lite, "ana", number, "submit") == ("rate_missing",)
    lite.wait(days=1)
    casts.take(lite, "ana", number, "submit")


def _asked(stage: Stage, number: str) -> set[str]:
    return {entry.unit for entry in casts.load(stage, number).appraisals[-1].consultations}


def _again(stage: Stage, number: str, usd: str) -> None:
    casts.spend(stage, number, usd)
    casts.resubmit(stage, number)
    casts.assign(stage, number)


def test_the_evaluability_review_comes_and_goes_with_the_budget_of_each_version(lite: Stage) -> None:
    number = casts.submitted(lite, budget="5000000")
    casts.assign(lite, number)
    assert "EVAL" not in _asked(lite, number)
    casts.rate(lite, number, TRI_1="1")
    casts.take(lite, "lead", number, "request_revision", changes=(ChangeAsked("More."),))

    _again(lite, number, "5000000.01")
    assert _version(lite, number).track == "reinforced"
    assert "EVAL" in _asked(lite, number)
    case = casts.load(lite, number)
    assert case.appraisal is not None
    assert not any(item.startswith("EVA") for item in case.appraisal.ratings)
    # A revision may be asked for while the review is pending; what is carried over is confirmed first.
    casts.rate(lite, number, TRI_1="1")
    casts.take(lite, "lead", number, "request_revision", changes=(ChangeAsked("More."),))
    assert casts.load(lite, number).appraisals[-1].covers_evaluability

    _again(lite, number, "6000000")
    case = casts.load(lite, number)
    assert case.appraisal is not None
    carried = {
        item: given.proposed for item, given in case.appraisal.ratings.items() if item.startswith("EVA")
    }
    assert carried
    assert all(carried.values())
    casts.rate(lite, number, TRI_1="1")
    casts.take(lite, "lead", number, "request_revision", changes=(ChangeAsked("More."),))

    casts.take(lite, "chief", number, "continue_rounds", note="Once more.")
    _again(lite, number, "5000000.00")
    case = casts.load(lite, number)
    assert case.appraisal is not None
    assert "EVAL" not in _asked(lite, number)
    assert not any(item.startswith("EVA") for item in case.appraisal.ratings)
    casts.rate(lite, number)
    casts.take(lite, "lead", number, "finalise")
    assert "EVA" not in casts.load(lite, number).appraisals[-1].verdicts


def test_above_the_threshold_the_review_holds_up_finalising(lite: Stage) -> None:
    number = casts.submitted(lite, budget="6000000")
    casts.assign(lite, number)
    with lite.database.begin() as db:
        puts = {item: RatingPut("2") for item in casts.items_of(lite, number) if not item.startswith("EVA")}
        lead.rate(db, lite.library, lite.people["lead"], lite.now, number, puts)
    assert casts.refused(lite, "lead", number, "finalise") == ("evaluability_incomplete",)
    casts.rate(lite, number)
    casts.take(lite, "lead", number, "finalise")
    assert casts.load(lite, number).appraisals[-1].covers_evaluability


@pytest.mark.parametrize(
    ("given", "track"),
    [
        ({"budget": "500000"}, "fast"),
        ({"budget": "500000.01"}, "standard"),
        ({"budget": "500000", "countries": ["ZM", "TZ"]}, "standard"),
        ({"budget": "500000", "countries": ["global"]}, "standard"),
        ({"budget": "5000000"}, "standard"),
        ({"budget": "5000000.01"}, "reinforced"),
    ],
)
def test_the_track_follows_the_facts(lite: Stage, given: dict[str, Any], track: str) -> None:
    assert casts.load(lite, casts.submitted(lite, **given)).track == track


def test_country_projects_under_one_umbrella_reach_the_threshold_together(stage: Stage) -> None:
    umbrella = casts.draft(stage, attach=(), kind="umbrella")
    casts.submitted(stage, budget="3000000", kind="child", parent=umbrella)
    casts.draft(stage, budget="900000000", kind="child", parent=umbrella)
    number = casts.submitted(stage, budget="2000000.01", kind="child", parent=f" {umbrella.lower()}")
    version = _version(stage, number)
    assert (version.usd, version.threshold_usd) == (Decimal("2000000.01"), Decimal("5000000.01"))
    assert version.track == "reinforced"


def _told(stage: Stage, what: str) -> set[tuple[str, str]]:
    """Return who was told something, with the number of the proposal."""
    people, notices, proposals = tables.people, tables.notices, tables.proposals
    joined = notices.join(people, people.c.id == notices.c.person_id)
    statement = select(people.c.email, proposals.c.number).select_from(
        joined.join(proposals, proposals.c.id == notices.c.proposal_id)
    )
    with stage.database.read() as db:
        rows = db.execute(statement.where(notices.c.what == what)).all()
    return {(row.email.partition("@")[0], row.number) for row in rows}


@pytest.mark.thorough
def test_a_later_country_project_opens_the_evaluability_review_of_those_before(stage: Stage) -> None:
    umbrella = casts.draft(stage, attach=(), kind="umbrella")
    given: dict[str, Any] = {"kind": "child", "parent": umbrella}
    decided = casts.approved(stage, budget="1000000", **given)
    waiting = casts.awaiting(stage, budget="1000000", **given)
    running = casts.submitted(stage, budget="1000000", **given)
    casts.assign(stage, running)
    returned = casts.submitted(stage, budget="100000", **given)
    casts.take(stage, "desk", returned, "return_incomplete", missing="A paper.")
    waits = casts.submitted(stage, budget="1000000", **given)
    assert "EVAL" not in _asked(stage, running)
    before = _version(stage, waits)
    casts.submitted(stage, budget="2000000", **given)
    total = Decimal(6100000)
    for number in (waiting, running, waits):
        version = _version(stage, number)
        assert (version.threshold_usd, casts.load(stage, number).track) == (total, "reinforced")
        # The version is what was submitted.
        assert version.digest == (before.digest if number == waits else version.digest)
    # EVAL has its task: at once where an appraisal runs, and as soon as one does.
    assert "EVAL" in _asked(stage, running)
    casts.assign(stage, waits)
    assert "EVAL" in _asked(stage, waits)
    assert casts.refused(stage, "chief", waiting, "approve") == ("evaluability_missing",)
    casts.take(stage, "lead", waiting, "recall", note="EVAL has to be heard.")
    assert "EVAL" in _asked(stage, waiting)
    # What is decided stays as it was decided, and what its authors have in hand counts when it comes back.
    assert _version(stage, decided).threshold_usd == Decimal(1000000)
    assert casts.load(stage, decided).approval is not None
    assert _version(stage, returned).threshold_usd < total
    crossed = {("desk", number) for number in (running, waiting, waits)} | {
        ("lead", running),
        ("lead", waiting),
    }
    assert crossed <= _told(stage, "threshold_crossed")
    assert ("eval", running) in _told(stage, "consultation_asked")
    late = _told(stage, "threshold_crossed_late")
    assert {("desk", decided), ("eval", decided)} <= late
    assert {number for _, number in late} == {decided}
    # The next one crosses nothing any more, but the sum that counts grows.
    casts.submitted(stage, budget="100000", **given)
    assert _version(stage, running).threshold_usd == total
    assert database.verify(stage.database, stage.library, None).breaks == []
    # A further version is frozen with what counts by then.
    casts.take(stage, "desk", running, "return_incomplete", missing="A paper.")
    casts.take(stage, "ana", running, "submit")
    assert _version(stage, running).threshold_usd == Decimal(6200000)


@pytest.mark.thorough
def test_an_earlier_version_that_is_asked_a_decision_on_counts_with_what_siblings_added_since(
    stage: Stage,
) -> None:
    umbrella = casts.draft(stage, attach=(), kind="umbrella")
    given: dict[str, Any] = {"budget": "3000000", "kind": "child", "parent": umbrella}
    number = casts.revision(stage, **given)
    casts.submitted(stage, **given)
    # What the author has begun to write is set aside, the umbrella that it names included.
    casts.save(stage, number, "identification", kind="new", parent="")
    assert _version(stage, number).threshold_usd == Decimal(3000000)
    case = casts.take(stage, "ana", number, "escalate", note="The donor waits.")
    assert case == casts.load(stage, number)
    assert (_version(stage, number).threshold_usd, case.track) == (Decimal(6000000), "reinforced")
    assert {("desk", number), ("lead", number)} <= _told(stage, "threshold_crossed")
    assert casts.refused(stage, "chief", number, "propose_override", note="Now.") == ("evaluability_missing",)
    casts.take(stage, "lead", number, "recall", note="EVAL has to be heard.")
    assert "EVAL" in _asked(stage, number)
    assert database.verify(stage.database, stage.library, None).breaks == []


def test_an_appraisal_that_runs_again_after_a_correction_counts_with_what_siblings_added_since(
    stage: Stage,
) -> None:
    umbrella = casts.draft(stage, attach=(), kind="umbrella")
    given: dict[str, Any] = {"budget": "3000000", "kind": "child", "parent": umbrella}
    number = casts.submitted(stage, **given)
    casts.assign(stage, number)
    minute = ApprovalGiven("Minute 9", "Registry", stage.now)
    casts.take(stage, "desk", number, "register_approval", approval=minute)
    casts.submitted(stage, **given)
    assert _version(stage, number).threshold_usd == Decimal(3000000)
    case = casts.take(stage, "desk", number, "correct_registration", note="Another proposal.")
    assert case == casts.load(stage, number)
    assert (case.state, _version(stage, number).threshold_usd) == ("under_appraisal", Decimal(6000000))
    assert "EVAL" in _asked(stage, number)
    assert ("eval", number) in _told(stage, "consultation_asked")
    assert database.verify(stage.database, stage.library, None).breaks == []


def test_a_registered_version_counts_under_the_umbrella_that_it_names(lite: Stage) -> None:
    umbrella = casts.draft(lite, attach=(), kind="umbrella")
    given: dict[str, Any] = {"budget": "3000000", "kind": "child", "parent": umbrella}
    number = casts.revision(lite, **given)
    # Begun and never submitted.
    casts.save(lite, number, "identification", kind="new", parent="")
    casts.take(lite, "ana", number, "withdraw", note="No money.")
    other = casts.submitted(lite, **given)
    assert _version(lite, other).threshold_usd == Decimal(3000000)
    minute = ApprovalGiven("Minute 9", "Registry", lite.now)
    casts.take(lite, "desk", number, "register_approval", approval=minute)
    assert _version(lite, other).threshold_usd == Decimal(6000000)


@pytest.mark.parametrize("step", ["reject", "register_approval"])
def test_what_is_decided_on_a_raised_threshold_says_the_track_that_it_took(stage: Stage, step: str) -> None:
    umbrella = casts.draft(stage, attach=(), kind="umbrella")
    given: dict[str, Any] = {"budget": "3000000", "kind": "child", "parent": umbrella}
    raised = casts.awaiting(stage, **given)
    casts.submitted(stage, **given)
    version = _version(stage, raised)
    assert (version.track, casts.load(stage, raised).track) == ("standard", "reinforced")
    if step == "reject":
        casts.take(stage, "chief", raised, step, note="No.")
    else:
        casts.take(stage, "desk", raised, step, approval=ApprovalGiven("Minute 9", "Registry", stage.now))
    _agrees(stage, raised, "reinforced")


def test_what_is_approved_on_a_tightened_track_says_so_everywhere(stage: Stage) -> None:
    number = casts.submitted(stage)
    casts.assign(stage, number, track="reinforced")
    casts.rate(stage, number)
    casts.take(stage, "lead", number, "finalise")
    casts.take(stage, "chief", number, "approve")
    _agrees(stage, number, "reinforced")


def _agrees(stage: Stage, number: str, track: str) -> None:
    """Assert that the last record says a track and verifies, and that the sums and columns agree with it."""
    records = tables.records
    with stage.database.read() as db:
        assert appraised_share.differences(db) == []
        statement = select(records.c.value).order_by(records.c.id.desc()).limit(1)
        value = db.execute(statement).scalar_one()
    assert [json.loads(value)["number"], json.loads(value)["proposal"]["track"]] == [number, track]
    assert [found for found in verify(value.encode(), stage.library) if found.outcome == "fails"] == []


def test_an_umbrella_is_never_submitted(lite: Stage) -> None:
    number = casts.draft(lite, kind="umbrella")
    assert casts.refused(lite, "ana", number, "submit") == ("umbrella",)


def test_an_incomplete_form_is_not_submitted(lite: Stage) -> None:
    number = casts.draft(lite, attach=(), content={"gender": {"analysis": ""}})
    assert casts.refused(lite, "ana", number, "submit") == ("documents_missing", "fields_missing")


def test_a_tightened_track_asks_units_at_its_own_pace_and_stays(lite: Stage) -> None:
    number = casts.submitted(lite, budget="400000")
    assert casts.load(lite, number).track == "fast"
    # Monday: three working days end on Thursday, five on the Monday after.
    running = casts.take(lite, "desk", number, "assign", lead="lead", track="reinforced").appraisal
    assert running is not None
    assert {entry.due_on for entry in running.consultations} == {date(2010, 2, 8)}
    casts.take(lite, "desk", number, "return_incomplete", missing="A letter.")
    case = casts.take(lite, "ana", number, "submit")
    assert (case.track, case.tightened) == ("reinforced", "reinforced")
    assert casts.refused(lite, "desk", number, "assign", lead="lead", track="fast") == ("track_not_tighter",)


def test_the_answers_to_required_changes_come_in_with_the_version(stage: Stage) -> None:
    number = casts.revision(stage)
    assert casts.refused(stage, "ana", number, "submit") == ("changes_unanswered",)
    casts.resubmit(stage, number)
    with stage.database.read() as db:
        table = tables.events
        body = db.execute(
            select(table.c.body).where(table.c.name == "submit").order_by(table.c.id.desc())
        ).first()
    assert body is not None
    assert '"answers":[{"answer":"done","number":1,"round":1,"text":"Section 3."}]' in body[0]


def test_changing_a_version_in_the_database_does_not_keep_its_digest(lite: Stage) -> None:
    casts.submitted(lite)
    ((value, sealed),) = _stored(lite)
    with unguarded(lite.database) as db:
        db.execute(update(VERSIONS).values(value=value.replace("Illustrative proposal", "Another proposal")))
    ((altered, kept),) = _stored(lite)
    assert kept == sealed != digest(_plain(altered))
