"""Records: stored under the digest of their canonical form, quoted by what relies on them, never changed."""

import hashlib
import json
from datetime import date
from typing import Any

import pytest
from sqlalchemy import Row, select, update

from appraisal.canonical import canonical
from appraisal.database import tables
from appraisal.deadlines import services as deadlines_services
from appraisal.errors import NotFound
from appraisal.proposals.rules.attempt import ApprovalGiven, ChangeAsked
from appraisal.proposals.store import lists
from appraisal.records.services import records
from appraisal.records.store import records as stored_records
from appraisal.verification.rules.record_file import verify
from tests import casts
from tests.casts import Stage
from tests.tampering import age, unguarded

RECORDS = tables.records


def _stored(stage: Stage) -> list[Row[Any]]:
    with stage.database.read() as db:
        return list(db.execute(select(RECORDS).order_by(RECORDS.c.id)).all())


def test_a_record_is_its_canonical_form_under_its_digest(stage: Stage) -> None:
    number = casts.approved(stage)
    case, stored = casts.load(stage, number), _stored(stage)
    assert [row.kind for row in stored] == ["appraisal", "decision"]
    for row in stored:
        assert hashlib.sha256(row.value.encode()).hexdigest() == row.digest
        assert canonical(json.loads(row.value)).decode() == row.value
        with stage.database.read() as db:
            assert records.record_value(db, row.id) == row.value.encode()
    with stage.database.read() as db:
        chain = [event.facts for event in lists.chain_of(db, case.id)]
    said = {event["action"]: event["facts"].get("record") for event in chain}
    assert (said["finalise"], said["approve"]) == (stored[0].digest, stored[1].digest)


def test_a_decision_quotes_the_record_it_relies_on(lite: Stage) -> None:
    number = casts.approved(lite)
    (appraisal,) = casts.load(lite, number).appraisals
    made, decision = _stored(lite)
    value = json.loads(decision.value)
    assert value["appraisal_record"] == appraisal.record == made.digest
    assert value["appraisal"]["record"] == made.digest
    assert value["decision"]["route"] == "mechanism"
    assert json.loads(made.value)["appraisal"]["record"] == ""


def test_a_sheet_keeps_the_changes_that_the_appraisal_required_from_those_of_the_manager(lite: Stage) -> None:
    number = casts.revision(lite)
    casts.take(lite, "ana", number, "escalate", note="The donor waits.")
    casts.take(lite, "chief", number, "return", changes=(ChangeAsked("Plan the budget.", "RBM-6"),))
    made, returned = (json.loads(row.value) for row in _stored(lite))
    required = [{"number": 1, "item": "TRI-1", "text": "Consult all three."}]
    assert made["appraisal"]["changes"] == returned["appraisal"]["changes"] == required
    assert returned["decision"]["changes"] == [{"number": 1, "item": "RBM-6", "text": "Plan the budget."}]


def test_the_annulment_of_an_outside_approval_quotes_no_appraisal(lite: Stage) -> None:
    number = casts.awaiting(lite, ratings={"TRI_4": "1"})
    casts.take(
        lite, "desk", number, "register_approval", approval=ApprovalGiven("Minute 12", "Registry", lite.now)
    )
    casts.take(lite, "chief", number, "propose_annulment", note="A mistake.")
    case = casts.take(lite, "deputy", number, "annul")
    assert [entry.appraisal_id for entry in case.decisions] == [None] * 3
    *_, sheet = (json.loads(row.value) for row in _stored(lite))
    assert (sheet["decision"]["kind"], sheet["appraisal_record"], sheet["decision"]["conditions"]) == (
        "annul",
        "",
        [],
    )
    assert "appraisal" not in sheet


def test_a_record_says_who_when_and_by_which_definitions(lite: Stage) -> None:
    number = casts.overridden(lite)
    case = casts.load(lite, number)
    made, decision = (json.loads(row.value) for row in _stored(lite))
    assert made["proposal"]["authors"] == ["Ana"]
    assert case.version is not None
    assert made["proposal"]["version_digest"] == case.version.digest
    assert made["appraisal"]["lead"]["name"] == "Lead"
    assert made["definitions"]["digests"]["standard.v1"] == lite.library.digests["standard.v1"]
    assert [step["name"] for step in made["steps"]] == ["submit", "assign", "finalise"]
    first = decision["decision"]["first_signature"]
    assert (first["by"]["name"], first["note"]) == ("Chief", "The donor cannot wait.")
    assert (decision["decision"]["by"]["name"], decision["decision"]["contradicts"]) == ("Deputy", True)
    with lite.database.read() as db:
        chain = lists.chain_of(db, case.id)
    # The head that a record names is that of the event before its own.
    for value in (made, decision):
        assert chain[value["chain"]["sequence"] - 1].digest == value["chain"]["head"]


def test_nothing_that_follows_changes_a_record(stage: Stage) -> None:
    number = casts.awaiting(stage)
    (first,) = _stored(stage)
    casts.take(stage, "lead", number, "recall", note="A slip.")
    casts.take(stage, "lead", number, "finalise")
    casts.take(stage, "chief", number, "return", changes=(ChangeAsked("More."),))
    casts.save(stage, number, "identification", title="Another title")
    casts.resubmit(stage, number)
    casts.assign(stage, number)
    casts.rate(stage, number, "3")
    casts.take(stage, "lead", number, "finalise")
    casts.take(stage, "chief", number, "approve")
    casts.take(stage, "chief", number, "propose_annulment", note="A mistake.")
    casts.take(stage, "deputy", number, "annul")
    stored = _stored(stage)
    assert stored[0] == first
    assert [row.kind for row in stored] == [
        "appraisal",
        "appraisal",
        "decision",
        "appraisal",
        "decision",
        "decision",
    ]
    assert len({row.digest for row in stored}) == 6


@pytest.mark.parametrize(("who", "step"), [("chief", "withdraw_signature"), ("deputy", "decline_signature")])
def test_a_record_verifies_whose_signatory_signed_first_before(lite: Stage, who: str, step: str) -> None:
    """A first signature that ended binds nobody: its signatory may give the second one later."""
    number = casts.not_recommended(lite)
    casts.take(lite, "chief", number, "propose_override", note="Urgent.")
    casts.take(lite, who, number, step, note="Not so urgent.")
    casts.take(lite, "third", number, "propose_override", note="Urgent after all.")
    casts.take(lite, "chief", number, "countersign")
    casts.take(lite, "chief", number, "propose_annulment", note="A mistake.")
    lite.wait(days=10)
    casts.take(lite, "system", number, "lapse_signature")
    casts.take(lite, "deputy", number, "propose_annulment", note="A mistake all the same.")
    casts.take(lite, "chief", number, "annul")
    values = [row.value.encode() for row in _stored(lite)]
    assert [json.loads(value)["kind"] for value in values] == ["appraisal", "decision", "decision"]
    for value in values:
        assert [entry for entry in verify(value, lite.library) if entry.outcome == "fails"] == []
    signed = [json.loads(value)["decision"]["first_signature"] for value in values[1:]]
    names = [lite.people[key].name for key in ("third", "deputy")]
    assert [entry["by"]["name"] for entry in signed] == names


def test_a_decision_verifies_about_which_a_unit_speaks_after_the_closing(lite: Stage) -> None:
    """A unit that let its date pass may still be answered for: its review is taken up when it is."""
    number = casts.submitted(lite)
    casts.take(lite, "desk", number, "assign", lead="lead")
    casts.rate(lite, number)
    lite.wait(days=10)
    casts.take(lite, "lead", number, "finalise")
    casts.speak(lite, number, "actemp")
    lite.wait(minutes=1)
    casts.take(lite, "chief", number, "approve")
    sheet = _stored(lite)[-1].value.encode()
    assert [entry.say("en") for entry in verify(sheet, lite.library) if entry.outcome == "fails"] == []
    # What was asked after the decision cannot stand on its sheet.
    value = json.loads(sheet)
    value["appraisal"]["reviews"][0] |= {"asked_at": "2010-12-24T09:00:00.000000Z", "signed_at": None}
    failing = [entry.check for entry in verify(canonical(value), lite.library) if entry.outcome == "fails"]
    assert "times" in failing


def test_a_record_in_which_one_person_signed_twice_fails(lite: Stage) -> None:
    number = casts.overridden(lite)
    value = json.loads(_stored(lite)[-1].value)
    signed = next(step for step in value["steps"] if step["name"] == "countersign")
    signed["by"] = next(step for step in value["steps"] if step["name"] == "propose_override")["by"]
    value["decision"]["by"] = signed["by"]
    failing = [entry.check for entry in verify(canonical(value), lite.library) if entry.outcome == "fails"]
    assert failing != [], number


def test_a_registered_approval_quotes_no_appraisal(lite: Stage) -> None:
    number = casts.awaiting(lite)
    casts.take(lite, "desk", number, "register_approval", approval=ApprovalGiven("Minute 1", "Registry"))
    value = json.loads(_stored(lite)[-1].value)
    assert (value["appraisal_record"], value["decision"]["undated"], value["decision"]["route"]) == (
        "",
        True,
        "outside",
    )
    case = casts.load(lite, number)
    with lite.database.read() as db:
        assert lists.chain_of(db, case.id)[-1].facts["facts"]["appraisal_record"] == ""


def test_a_record_is_found_by_its_digest(stage: Stage) -> None:
    number = casts.awaiting(stage)
    (row,) = _stored(stage)
    with stage.database.read() as db:
        found = stored_records.find_record(db, row.digest)
        assert found is not None
        assert (found.number, found.value) == (number, row.value)
        assert stored_records.find_record(db, "0" * 64) is None
        with pytest.raises(NotFound):
            records.record_value(db, row.id + 1)


def test_a_rendering_is_asked_for_once(stage: Stage) -> None:
    casts.awaiting(stage)
    (row,) = _stored(stage)
    jobs = tables.jobs

    def ask(language: Any) -> int:
        with stage.database.begin() as db:
            records.ask_rendering(db, row.id, language, stage.now)
            return len(db.execute(select(jobs.c.id).where(jobs.c.kind == "render")).all())

    assert ask("en") == 1
    assert ask("fr") == ask("fr") == 2
    with stage.database.begin() as db:
        records.keep_rendering(db, stage.files, row.id, "es", b"%PDF", stage.now)
    assert ask("es") == 2


def test_the_first_rendering_is_kept(stage: Stage) -> None:
    casts.awaiting(stage)
    (row,) = _stored(stage)
    with stage.database.begin() as db:
        first = records.keep_rendering(db, stage.files, row.id, "en", b"%PDF one", stage.now)
        assert records.keep_rendering(db, stage.files, row.id, "en", b"%PDF two", stage.now) == first
    assert stage.files.read(first) == b"%PDF one"


def test_a_record_prints_the_days_that_were_written_down_with_each_step(stage: Stage) -> None:
    number = casts.submitted(stage, budget="100000")
    stage.wait(days=3)
    casts.assign(stage, number, track="standard")
    stage.wait(days=5)
    casts.rate(stage, number)
    casts.take(stage, "lead", number, "finalise")
    # A holiday that is entered afterwards changes nothing about what was measured.
    with stage.database.begin() as db:
        deadlines_services.enter_holiday(
            db, stage.people["admin"], stage.now, "Geneva", date(2010, 2, 3), "Day off"
        )
    stage.wait(days=1)
    casts.take(stage, "chief", number, "approve")
    table = tables.events
    with stage.database.read() as db:
        written = [
            tuple(row)
            for row in db.execute(
                select(table.c.name, table.c.track, table.c.days_used, table.c.days_limit)
                .where(table.c.act != "")
                .order_by(table.c.sequence)
            )
        ]
    assert written == [
        ("submit", "", None, None),
        ("assign", "fast", 3, 2),
        ("finalise", "standard", 3, 10),
        ("approve", "standard", 1, 5),
    ]
    steps = json.loads(_stored(stage)[-1].value)["steps"]
    assert [(step["name"], step["days_used"], step["days_limit"]) for step in steps] == [
        (name, used, limit) for name, _, used, limit in written
    ]


def test_days_of_steps_from_before_they_were_written_down_are_measured(lite: Stage) -> None:
    number = casts.submitted(lite)
    lite.wait(days=3)
    casts.assign(lite, number)
    lite.wait(days=5)
    casts.rate(lite, number)
    table = tables.events
    with unguarded(lite.database) as db:
        db.execute(update(table).values(track="", days_used=None, days_limit=None))
        age(db, number)
    casts.take(lite, "lead", number, "finalise")
    steps = json.loads(_stored(lite)[-1].value)["steps"]
    assert [(step["name"], step["days_used"], step["days_limit"]) for step in steps] == [
        ("submit", None, None),
        ("assign", 3, 2),
        ("finalise", 3, 10),
    ]
