"""Which approval of a proposal stands, and what came of it: the same to every figure that asks."""

from collections.abc import Mapping
from typing import Any

import pytest

from appraisal.app.daily import tick
from appraisal.appraisals.store import conditions
from appraisal.errors import FaultyInput
from appraisal.indicators.rules import pipeline as rules
from appraisal.indicators.rules.appraised_share import Share
from appraisal.indicators.rules.other_indicators import Figure
from appraisal.indicators.services import appraised_share, other_indicators
from appraisal.indicators.store import pipeline
from appraisal.proposals.rules.attempt import Agreement, ApprovalGiven
from appraisal.vocabulary.refusals import NotAllowed
from appraisal.workflow.services import outside_approvals
from tests import casts
from tests.casts import Stage
from tests.lists.files import import_text

BIENNIUM = "2010-11"
GAP: Mapping[str, Any] = {"alignment": {"resource_gap": "OBW 12", "resource_gap_amount": "1000"}}
LIST = "number,title,date,fund,document,source\n"


def gaps_filled(stage: Stage) -> Figure:
    with stage.database.read() as db:
        return other_indicators.figure(db, stage.library, "1.1", BIENNIUM)


def funnel(stage: Stage) -> tuple[int, ...]:
    flow = stage.library.newest_workflow()
    with stage.database.read() as db:
        found = pipeline.reached(db, None, BIENNIUM, {flow.key: rules.marks(flow)})
    return tuple(rules.funnel(found).counts.values())


def value(stage: Stage) -> dict[str, Any]:
    with stage.database.read() as db:
        assert appraised_share.differences(db) == []
        return appraised_share.value(db, stage.library, "2.1", BIENNIUM)


def listed(stage: Stage) -> dict[str, list[str]]:
    return {
        group: [entry["number"] for entry in entries]
        for group, entries in value(stage)["proposals"].items()
        if entries
    }


def annul(stage: Stage, number: str) -> None:
    casts.take(stage, "chief", number, "propose_annulment", note="A mistake.")
    casts.take(stage, "deputy", number, "annul")


def register(stage: Stage, number: str, *, undated: bool = False, fund: str = "") -> None:
    given = ApprovalGiven("Minute 9", "Registry", None if undated else stage.now, fund)
    casts.take(stage, "desk", number, "register_approval", approval=given)


def import_line(stage: Stage, line: str) -> None:
    with stage.database.begin() as db:
        outside_approvals.import_approvals(
            db, stage.library, stage.people["desk"], stage.now, LIST + line, "a.csv"
        )


def fundless(stage: Stage) -> str:
    """Write a draft that says nothing yet of who pays."""
    number = casts.draft(stage)
    casts.save(stage, number, "identification", contributions=[])
    return number


def test_an_agreement_is_that_of_the_approval_before_it(stage: Stage) -> None:
    import_text(stage, "gaps", "gap,outcome,amount,recorded_on\nOBW 12,1,1000,2010-01-15\n")
    number = casts.funded(stage, content=GAP)
    assert (gaps_filled(stage).numerator, funnel(stage)) == (1, (1, 1, 1, 1, 1))
    annul(stage, number)
    assert (gaps_filled(stage).numerator, funnel(stage)) == (0, (1, 1, 0, 0, 0))
    register(stage, number)
    assert (gaps_filled(stage).numerator, funnel(stage)) == (0, (1, 1, 1, 0, 0))
    assert listed(stage) == {"outside": [number]}
    casts.take(stage, "desk", number, "correct_registration", note="A mistake.")
    assert (gaps_filled(stage).numerator, funnel(stage)) == (0, (1, 1, 0, 0, 0))
    assert listed(stage) == {}


def test_an_umbrella_is_never_approved_whichever_way_it_is_tried(stage: Stage) -> None:
    symbol = {"identification": {"symbol": "RAS/10/09/UMB"}}
    number = casts.draft(stage, content=symbol, kind="umbrella")
    with pytest.raises(NotAllowed) as refused:
        register(stage, number)
    assert [entry.code for entry in refused.value.refusals] == ["umbrella"]
    with pytest.raises(NotAllowed) as refused:
        casts.outside(stage, kind="umbrella")
    assert [entry.code for entry in refused.value.refusals] == ["umbrella"]
    with pytest.raises(FaultyInput, match="umbrella"):
        import_line(stage, f"{number},,2010-01-15,XBTC,Minute 12,Registry\n")
    import_text(
        stage,
        "projects",
        "symbol,title,fund,opened_on,amount\nRAS/10/09/UMB,One,XBTC,2010-01-30,6000000\n",
    )
    assert value(stage)["finance_list"]["symbols"] == ["RAS/10/09/UMB"]


def test_what_is_registered_is_what_was_submitted_whatever_its_form_became(lite: Stage) -> None:
    number = casts.submitted(lite)
    casts.take(lite, "desk", number, "return_incomplete", missing="A paper.")
    casts.save(lite, number, "identification", kind="umbrella")
    register(lite, number)
    assert listed(lite) == {"outside": [number]}


def test_whatever_is_signed_under_a_registration_counts_nowhere_once_it_is_corrected(stage: Stage) -> None:
    number = casts.submitted(stage)
    register(stage, number)
    casts.take(stage, "chief", number, "propose_annulment", note="A mistake?")
    casts.take(stage, "deputy", number, "decline_signature", note="No.")
    assert funnel(stage) == (1, 0, 1, 0, 0)
    stage.wait(days=2)
    casts.take(stage, "desk", number, "propose_correction", note="A mistake.")
    assert funnel(stage) == (1, 0, 1, 0, 0)
    casts.take(stage, "chief", number, "confirm_correction")
    assert funnel(stage) == (1, 0, 0, 0, 0)


def test_the_fund_of_an_approval_counts_where_the_draft_names_none(stage: Stage) -> None:
    number = fundless(stage)
    import_line(stage, f"{number},,2010-01-15,XBTC,Minute 12,Registry\n")
    assert listed(stage) == {"outside": [number]}
    undated = fundless(stage)
    register(stage, undated, undated=True, fund="RBSA")
    assert (listed(stage), value(stage)["complete"]) == ({"outside": [number], "undated": [undated]}, False)
    # As what the draft says of the money, it is so no more once the registration is corrected.
    casts.take(stage, "desk", undated, "correct_registration", note="A mistake.")
    assert (listed(stage), value(stage)["complete"]) == ({"outside": [number]}, True)


def test_an_approval_that_nobody_knows_the_fund_of_is_not_registered(lite: Stage) -> None:
    with pytest.raises(NotAllowed) as refused:
        register(lite, fundless(lite), undated=True)
    assert [entry.code for entry in refused.value.refusals] == ["approval_fund_missing"]


@pytest.mark.parametrize("is_submitted", [False, True])
def test_a_fund_that_contradicts_the_form_is_refused(lite: Stage, is_submitted: bool) -> None:
    number = (casts.submitted if is_submitted else casts.draft)(lite, funding="RBTC")
    with pytest.raises(FaultyInput, match="RBTC"):
        import_line(lite, f"{number},,2010-01-15,XBTC,Minute 12,Registry\n")
    import_line(lite, f"{number},,2010-01-15,RBTC,Minute 12,Registry\n")
    assert listed(lite) == {"other_funds": [number]}


@pytest.mark.thorough
def test_the_approval_rate_is_that_of_the_biennium_of_the_decision(stage: Stage) -> None:
    def rates() -> list[Share]:
        with stage.database.read() as db:
            assert appraised_share.differences(db) == []
            kept = appraised_share.figures(db, stage.library, BIENNIUM, stage.now.date())
            found = [kept[biennium].approved_of_appraised for biennium in (BIENNIUM, "2012-13")]
            again = [
                appraised_share.report(db, stage.library, "2.1", biennium).figures.approved_of_appraised
                for biennium in (BIENNIUM, "2012-13")
            ]
        assert found == again
        return found

    number = casts.approved(stage)
    rejected = casts.awaiting(stage)
    casts.take(stage, "chief", rejected, "reject", note="No.")
    assert rates() == [Share(1, 2), Share(0, 0)]
    stage.wait(days=730)
    # An annulment takes the decision back, which was taken when it was taken.
    annul(stage, number)
    assert rates() == [Share(0, 2), Share(0, 0)]
    casts.approved(stage, title="Of the next biennium")
    assert rates() == [Share(0, 2), Share(1, 1)]


@pytest.mark.thorough
def test_the_conditions_of_an_annulled_approval_bind_no_other(stage: Stage) -> None:
    """An approval given outside relies on no appraisal, so on no condition of one."""
    numbers = [casts.approved(stage, ratings={"ALI_4": "1"}), casts.awaiting(stage, ratings={"ALI_4": "1"})]
    annul(stage, numbers[0])
    ended = stage.library.states(lambda state: state.terminal)
    for number in numbers:
        register(stage, number)
    still = casts.approved(stage, ratings={"ALI_4": "1"}, title="Approved on its conditions")
    stage.wait(days=60)
    with stage.database.read() as db:
        found = conditions.conditions_for(db, stage.people["desk"], stage.now.date(), ended)
        late = conditions.overdue_conditions(db, stage.people["desk"], stage.now.date(), ended)
    assert [entry.number for entry in found] == [entry.number for entry in late] == [still]
    done = tick(stage.database, stage.library, stage.now)
    assert [number for number, kind in done.marks if kind == "condition_overdue"] == [still]


def test_a_condition_that_nobody_has_to_meet_any_more_is_not_overdue(lite: Stage) -> None:
    number = casts.rated(lite, ratings={"ALI_4": "1"})
    casts.recommend(lite, number, ["ALI-4"], gate="before_start")
    casts.take(lite, "lead", number, "finalise")
    casts.take(lite, "chief", number, "approve")
    casts.take(lite, "desk", number, "send_to_donor")
    lite.wait(days=60)
    ended = lite.library.states(lambda state: state.terminal)

    def overdue() -> list[str]:
        with lite.database.read() as db:
            found = conditions.overdue_conditions(db, lite.people["desk"], lite.now.date(), ended)
        return [entry.number for entry in found]

    assert overdue() == [number]
    casts.take(lite, "desk", number, "decline_funding", agreement=Agreement(lite.now.date(), "Letter 4"))
    assert overdue() == []


def test_what_nobody_could_value_stays_said_whatever_the_draft_became(stage: Stage) -> None:
    number = casts.draft(stage)
    blank = {"donor": "Norway", "private": "no", "fund": "XBTC", "modality": "direct", "amount": "0"}
    casts.save(stage, number, "identification", contributions=[{**blank, "currency": "USD"}])
    register(stage, number)
    assert value(stage)["unvalued"] == [number]
    desk = stage.people["desk"]
    appraised_share.publish(stage.database, stage.library, desk, stage.now, "2.1", BIENNIUM)
    casts.take(stage, "desk", number, "propose_correction", note="A mistake.")
    casts.take(stage, "chief", number, "confirm_correction")
    casts.save(stage, number, "identification", kind="umbrella")
    assert value(stage)["unvalued"] == []
    with stage.database.read() as db:
        assert list(appraised_share.report_faults(db, stage.library)) == [None]
