"""A second version of the workflow beside the first: each proposal is read by the one that it pinned."""

from dataclasses import replace
from typing import Any

from appraisal.appraisals.store import conditions
from appraisal.canonical import plain
from appraisal.definitions.library import Library
from appraisal.indicators.services import appraised_share, other_indicators
from appraisal.proposals.rules.attempt import ApprovalGiven
from appraisal.schemas import departures
from appraisal.workflow import store as workflow_store
from tests import casts
from tests.casts import Stage
from tests.lists.files import import_text

BIENNIUM = "2010-11"


def newer(library: Library, **changed: dict[str, Any]) -> Library:
    """Return a library in whose newer workflow states of the same names mean something else.

    Unless told otherwise, managers hold what is approved, what is with the donor is funded, and withdrawing
    is a negative end.
    """
    first = library.workflow("standard.v1")
    changed = changed or {
        "approved": {"holder": "manager"},
        "sent_to_donor": {"milestone": "funded"},
        "withdrawn": {"outcome": "negative"},
    }
    states = {key: state.model_copy(update=changed.get(key, {})) for key, state in first.states.items()}
    second = first.model_copy(update={"version": 2, "states": states})
    added = {second.key: "2" * 64}
    return replace(
        library,
        definitions={**library.definitions, second.key: second},
        digests={**library.digests, **added},
        released={**library.released, **added},
    )


def publish(stage: Stage, code: str) -> str:
    desk = stage.people["desk"]
    return appraised_share.publish(stage.database, stage.library, desk, stage.now, code, BIENNIUM)[0]


def faults(stage: Stage) -> list[str | None]:
    with stage.database.read() as db:
        return list(appraised_share.report_faults(db, stage.library))


def value(stage: Stage, code: str) -> dict[str, Any]:
    with stage.database.read() as db:
        assert appraised_share.differences(db) == []
        return appraised_share.value(db, stage.library, code, BIENNIUM)


def work(stage: Stage, who: str) -> set[str]:
    with stage.database.read() as db:
        found = workflow_store.work_of(db, stage.people[who], stage.library.held_by(), stage.now.date())
    return {listed.number for _, listed in found}


def test_an_earlier_report_is_what_it_was_and_names_all_that_it_was_computed_by(lite: Stage) -> None:
    casts.approved(lite)
    casts.take(lite, "ana", casts.submitted(lite), "withdraw", note="No more.")
    import_text(lite, "gaps", "gap,outcome,amount,recorded_on\nOBW 12,1,1000,2010-01-15\n")
    casts.funded(lite, content={"alignment": {"resource_gap": "OBW 12", "resource_gap_amount": "1000"}})
    for code in ("2.1", "1.1"):
        publish(lite, code)
    earlier = lite.library
    named = [{"key": "standard.v1", "digest": earlier.digests["standard.v1"]}]
    assert [value(lite, code)["workflows"] for code in ("2.1", "1.1", "2.2")] == [named, named, []]
    lite.library = newer(earlier)
    assert faults(lite) == [None, None]

    lite.library = replace(earlier, digests={**earlier.digests, "standard.v1": "9" * 64})
    assert all(fault is not None and "was computed by standard.v1" in fault for fault in faults(lite))


def test_states_of_one_name_are_told_apart_by_their_workflow(stage: Stage) -> None:
    first = casts.approved(stage)
    stage.library = newer(stage.library)
    second = casts.approved(stage, title="By the newer one")
    said = value(stage, "2.1")
    assert departures(plain(said), "indicator") == []
    assert said["states"] == [
        {"workflow": "standard.v1", "state": "approved", "proposals": 1},
        {"workflow": "standard.v2", "state": "approved", "proposals": 1},
    ]
    assert [entry["key"] for entry in said["workflows"]] == ["standard.v1", "standard.v2"]
    assert (work(stage, "desk"), work(stage, "third")) == ({first}, {second})


def test_a_proposal_is_funded_by_the_workflow_that_it_pinned(stage: Stage) -> None:
    given = {"alignment": {"resource_gap": "OBW 12", "resource_gap_amount": "1000"}}
    first = casts.approved(stage, content=given)
    stage.library = newer(stage.library)
    second = casts.approved(stage, content=given, title="By the newer one")
    for number in (first, second):
        casts.take(stage, "desk", number, "send_to_donor")
    with stage.database.read() as db:
        assert [entry.number for entry in other_indicators.funded(db, stage.library)] == [second]


def test_a_condition_waits_until_its_own_workflow_ends(stage: Stage) -> None:
    numbers = [casts.approved(stage, ratings={"ALI_4": "1"})]
    stage.library = newer(stage.library, approved={"terminal": True})
    numbers.append(casts.approved(stage, ratings={"ALI_4": "1"}, title="By the newer one"))
    ended = stage.library.states(lambda state: state.terminal)
    stage.wait(days=60)
    with stage.database.read() as db:
        found = conditions.conditions_for(db, stage.people["desk"], stage.now.date(), ended)
    assert [entry.number for entry in found] == numbers[:1]


def test_what_a_corrected_registration_had_pinned_is_what_an_earlier_report_reads(lite: Stage) -> None:
    number = casts.draft(lite)
    given = ApprovalGiven("Minute 9", "Registry", lite.now)
    casts.take(lite, "desk", number, "register_approval", approval=given)
    publish(lite, "2.1")
    lite.wait(days=1)
    casts.take(lite, "desk", number, "propose_correction", note="A slip.")
    casts.take(lite, "chief", number, "confirm_correction")
    lite.library = newer(lite.library)
    casts.take(lite, "ana", number, "submit")
    assert casts.load(lite, number).workflow == "standard.v2"
    assert [entry["workflow"] for entry in value(lite, "2.1")["states"]] == ["standard.v2"]
    assert faults(lite) == [None]
