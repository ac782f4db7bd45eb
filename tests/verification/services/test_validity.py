"""Validity: what a record says of itself stays; whether it counts, the register alone knows."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from appraisal.app import upgrades
from appraisal.canonical import canonical
from appraisal.definitions.library import Library
from appraisal.proposals.rules.attempt import ApprovalGiven
from appraisal.records.rules import validity as records_validity
from appraisal.records.rules.validity import Validity
from appraisal.records.store import records
from appraisal.trail.store import whole_trail
from appraisal.verification.rules.record_file import verify
from appraisal.verification.services import known_here
from appraisal.verification.services.record_file import Verification
from appraisal.vocabulary.findings import does_anything_fail
from tests import casts, histories
from tests.casts import Stage
from tests.histories import REVISIONS


def _all(stage: Stage, number: str) -> list[tuple[str, Validity]]:
    """Return the records of a proposal, oldest first, with their validity, the same wherever it is asked."""
    with stage.database.read() as db:
        listed, _ = records.list_records(db, stage.people["desk"], number)
        told = records_validity.along(json.loads(body) for _, _, body, _ in whole_trail.exported(db, number))
        # The chain says the same as the register.
        assert told == {entry.digest: entry.validity for entry in listed}
        for entry in listed:
            found = records.find_record(db, entry.digest)
            assert found is not None
            assert found.validity == entry.validity
            compared = known_here.compared(db, Verification(number, entry.digest, ()), "0" * 64)
            assert compared.validity == entry.validity
            assert compared.findings[0] == entry.validity.finding()
            assert compared.is_ended == (not entry.validity.is_valid)
    return [(entry.digest, entry.validity) for entry in reversed(listed)]


def test_an_annulled_approval_ends_its_sheet_and_no_other_record(stage: Stage) -> None:
    other, number = casts.approved(stage), casts.approved(stage)
    assert [validity for _, validity in _all(stage, number)] == [Validity(), Validity()]
    stage.wait(hours=1)
    casts.take(stage, "chief", number, "propose_annulment", note="Wrong fund.")
    assert [validity.code for _, validity in _all(stage, number)] == ["valid", "valid"]
    stage.wait(hours=1)
    annulled_at = stage.now
    casts.take(stage, "deputy", number, "annul", note="So it is.")
    found = [validity for _, validity in _all(stage, number)]
    assert found == [Validity(), Validity("annulled", annulled_at), Validity()]
    # The sheet of the annulment names what it annuls.
    _, (sheet, _), (annulment, _) = _all(stage, number)
    with stage.database.read() as db:
        values = {}
        for digest in (sheet, annulment):
            record = records.find_record(db, digest)
            assert record is not None
            values[digest] = json.loads(record.value)
    assert not does_anything_fail(verify(canonical(values[annulment]), stage.library))
    assert "annuls" not in values[sheet]["decision"]
    assert values[annulment]["decision"]["annuls"] == [
        {
            "number": number,
            "kind": "approve",
            "digest": sheet,
            "issued_at": values[sheet]["issued_at"],
        }
    ]
    assert [validity.code for _, validity in _all(stage, other)] == ["valid", "valid"]


def test_a_recalled_appraisal_is_superseded_by_the_newest_record_of_its_version(stage: Stage) -> None:
    number = casts.awaiting(stage)
    for _ in range(2):
        recalled_at = stage.now
        casts.take(stage, "lead", number, "recall", note="A slip.")
        assert _all(stage, number)[-1][1] == Validity("recalled", recalled_at)
        # Past the date of the units that were asked.
        stage.wait(days=30)
        finalised_at = stage.now
        casts.take(stage, "lead", number, "finalise")
    newest, last = _all(stage, number)[-1]
    assert last == Validity()
    assert [validity for _, validity in _all(stage, number)[:-1]] == [
        Validity("superseded", finalised_at, newest)
    ] * 2


def test_a_record_of_an_earlier_version_is_not_superseded_by_one_of_a_later(stage: Stage) -> None:
    number = casts.revision(stage)
    casts.resubmit(stage, number)
    casts.assign(stage, number)
    casts.rate(stage, number)
    casts.take(stage, "lead", number, "finalise")
    found = _all(stage, number)
    assert len(found) > 1
    assert {validity for _, validity in found} == {Validity()}


def test_a_corrected_registration_ends_its_sheet(stage: Stage) -> None:
    number = casts.awaiting(stage)
    given = ApprovalGiven("Minute 12", "Registry", datetime(2010, 1, 5, tzinfo=UTC))
    casts.take(stage, "desk", number, "register_approval", approval=given)
    assert [validity.code for _, validity in _all(stage, number)] == ["valid", "valid"]
    corrected_at = stage.now
    casts.take(stage, "desk", number, "correct_registration", note="Another proposal.")
    found = [validity for _, validity in _all(stage, number)]
    assert found == [Validity(), Validity("corrected", corrected_at)]


@pytest.mark.thorough
@pytest.mark.parametrize("revision", REVISIONS)
def test_chains_of_earlier_versions_say_what_the_register_says(
    lite: Stage, revision: str, tmp_path: Path
) -> None:
    histories.load(lite.database, revision, tmp_path)
    upgrades.upgrade(lite.database)
    found: dict[str, Validity] = {}
    with lite.database.read() as db:
        for row in whole_trail.proposals(db):
            held = (json.loads(body) for _, _, body, _ in whole_trail.exported(db, row.number))
            told = records_validity.along(held)
            for digest, validity in told.items():
                record = records.find_record(db, digest)
                assert record is not None
                assert record.validity == validity
                standing = known_here.standing_of(db, digest)
                assert standing is not None
                assert (standing.validity, standing.trail.outcome) == (validity, "holds")
            found |= told
    assert sorted(entry.code for entry in found.values() if not entry.is_valid) == ["annulled"]


def _reopening(library: Library) -> Library:
    """Return definitions by which what was rejected may be reopened, as what has lapsed may."""
    workflow = library.workflow("standard.v1")
    changed = workflow.model_copy(
        update={
            "states": {
                **workflow.states,
                "rejected": workflow.states["rejected"].model_copy(update={"terminal": False}),
            },
            "transitions": [
                entry.model_copy(update={"from_": (*entry.from_, "rejected")})
                if entry.act == "reopen"
                else entry
                for entry in workflow.transitions
            ],
        }
    )
    return replace(library, definitions={**library.definitions, workflow.key: changed})


def test_a_rejection_ends_when_the_proposal_is_reopened(stage: Stage) -> None:
    stage.library = _reopening(stage.library)
    number = casts.awaiting(stage)
    casts.take(stage, "chief", number, "reject", note="Not now.")
    assert [validity for _, validity in _all(stage, number)] == [Validity(), Validity()]
    reopened_at = stage.now
    casts.take(stage, "desk", number, "reopen")
    assert [validity for _, validity in _all(stage, number)] == [
        Validity(),
        Validity("reopened", reopened_at),
    ]
    # The next one is in force, and ends by itself; nothing else changes the first.
    casts.take(stage, "chief", number, "reject", note="Nor now.")
    again_at = stage.now
    found = [validity for _, validity in _all(stage, number)]
    assert found == [Validity(), Validity("reopened", reopened_at), Validity()]
    casts.take(stage, "desk", number, "reopen")
    found = [validity for _, validity in _all(stage, number)]
    assert found == [Validity(), Validity("reopened", reopened_at), Validity("reopened", again_at)]


@pytest.mark.thorough
def test_a_rejection_ends_when_an_approval_is_registered_and_stands_again_when_that_is_corrected(
    stage: Stage,
) -> None:
    number = casts.awaiting(stage)
    casts.take(stage, "chief", number, "reject", note="Not now.")
    given = ApprovalGiven("Minute 12", "Registry", datetime(2010, 1, 5, tzinfo=UTC))
    registered_at = stage.now
    casts.take(stage, "desk", number, "register_approval", approval=given)
    *earlier, (_, rejection), (sheet, registration) = _all(stage, number)
    assert [validity for _, validity in earlier] == [Validity()]
    assert (rejection, registration) == (Validity("superseded", registered_at, sheet), Validity())
    corrected_at = stage.now
    casts.take(stage, "desk", number, "correct_registration", note="Another proposal.")
    *_, (_, rejection), (_, registration) = _all(stage, number)
    assert (rejection, registration) == (Validity(), Validity("corrected", corrected_at))
    # An approval that was annulled had been one.
    again_at = stage.now
    casts.take(stage, "desk", number, "register_approval", approval=given)
    casts.take(stage, "chief", number, "propose_annulment", note="Wrong fund.")
    casts.take(stage, "deputy", number, "annul", note="So it is.")
    found = _all(stage, number)
    assert [validity.code for _, validity in found] == [
        "valid",
        "superseded",
        "corrected",
        "annulled",
        "valid",
    ]
    assert found[1][1] == Validity("superseded", again_at, found[3][0])
    # The newest registration counts, and once it is corrected the one before it again.
    newest_at = stage.now
    casts.take(stage, "desk", number, "register_approval", approval=given)
    found = _all(stage, number)
    assert found[1][1] == Validity("superseded", newest_at, found[5][0])
    casts.take(stage, "desk", number, "correct_registration", note="Another proposal.")
    found = _all(stage, number)
    assert found[1][1] == Validity("superseded", again_at, found[3][0])
    assert [validity.code for _, validity in found[2:]] == ["corrected", "annulled", "valid", "corrected"]


@pytest.mark.parametrize("digest", ["0" * 64, ""])
def test_of_a_record_that_is_not_here_nothing_is_said(lite: Stage, digest: str) -> None:
    casts.approved(lite)
    with lite.database.read() as db:
        assert known_here.standing_of(db, digest) is None
        found = known_here.compared(db, Verification("", digest, ()), "0" * 64)
    assert (found.validity, found.is_ended) == (None, False)
    assert [entry.check for entry in found.findings] == ["register"]
