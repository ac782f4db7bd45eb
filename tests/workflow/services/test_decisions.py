"""Deciding: approval, override, rejection, rounds, escalation, annulment and what follows an approval."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, select

from appraisal.appraisals.rules.conditions import ConditionPut
from appraisal.appraisals.services import conditions, lead
from appraisal.clock import stamp
from appraisal.database import tables
from appraisal.errors import NotFound
from appraisal.proposals.facts import Case
from appraisal.proposals.rules.attempt import Agreement, ChangeAsked
from appraisal.proposals.rules.routes import Route, route
from appraisal.proposals.rules.rulebook import rulebook
from appraisal.proposals.store import lists
from appraisal.proposals.store.case import load_case
from appraisal.vocabulary.refusals import NotAllowed
from tests import casts
from tests.casts import Stage

CHANGES = (ChangeAsked("Say more.", "ALI-1"),)
DONOR = Agreement(casts.START.date(), "Agreement 1")


def _sent(stage: Stage) -> str:
    number = casts.approved(stage)
    casts.take(stage, "desk", number, "send_to_donor")
    return number


def _route(stage: Stage, number: str) -> Route | None:
    case = casts.load(stage, number)
    found = route(case, rulebook(stage.library, case.workflow, case.set))
    table = tables.proposals
    with stage.database.read() as db:
        row = db.execute(select(table).where(table.c.number == number)).one()
    assert (row.route, row.route_reason) == ((found.kind, found.reason) if found else ("", ""))
    assert row.approved_at == (case.approval.approved_at if case.approval else None)
    return found


def test_an_approval_by_the_mechanism(lite: Stage) -> None:
    number = casts.awaiting(lite)
    at = lite.now
    casts.take(lite, "chief", number, "approve")
    assert _route(lite, number) == Route("mechanism")
    approval = casts.load(lite, number).approval
    assert approval is not None
    assert (approval.approved_at, approval.by, approval.contradicts) == (at, lite.people["chief"].id, False)


def test_an_appraisal_of_the_same_moment_is_not_earlier(lite: Stage) -> None:
    number = casts.rated(lite)
    at = lite.now
    casts.take(lite, "lead", number, "finalise")
    lite.now = at
    assert casts.refused(lite, "chief", number, "approve") == ("appraisal_not_earlier",)


def test_nobody_approves_what_they_wrote_or_led(lite: Stage) -> None:
    written = casts.awaiting(lite, "all")
    assert casts.refused(lite, "all", written, "approve") == ("excluded_author",)


def test_approving_against_the_appraisal_is_refused(lite: Stage) -> None:
    number = casts.not_recommended(lite)
    assert casts.refused(lite, "chief", number, "approve") == ("recommendation_unfavourable",)


def test_an_override_takes_two_managers(stage: Stage) -> None:
    number = casts.not_recommended(stage)
    assert casts.refused(stage, "deputy", number, "countersign") == ("override_not_waiting",)
    case = casts.take(stage, "chief", number, "propose_override", note="Urgent.")
    assert (case.state, case.approval) == ("awaiting_decision", None)
    assert case.signature is not None
    assert case.finalised is not None
    assert case.signature.appraisal_id == case.finalised.id
    assert casts.refused(stage, "third", number, "propose_override", note="Me too.") == ("signature_waiting",)
    assert casts.refused(stage, "chief", number, "countersign") == ("excluded_signatory",)
    assert casts.refused(stage, "lead", number, "recall", note="Wait.") == ("signature_waiting",)
    casts.take(stage, "deputy", number, "countersign")
    case = casts.load(stage, number)
    assert (case.state, case.signature) == ("approved", None)
    assert case.approval is not None
    assert case.approval.contradicts
    assert _route(stage, number) == Route("override")


def test_an_override_is_closed_where_an_approval_is_open(lite: Stage) -> None:
    number = casts.awaiting(lite)
    assert casts.refused(lite, "chief", number, "propose_override", note="Urgent.") == ("approval_open",)


def test_a_first_signature_does_not_outlive_the_appraisal_it_is_bound_to(lite: Stage) -> None:
    number = casts.not_recommended(lite)
    casts.take(lite, "chief", number, "propose_override", note="Urgent.")
    casts.take(lite, "third", number, "return", changes=CHANGES)
    assert casts.load(lite, number).signature is None
    casts.resubmit(lite, number)
    casts.assign(lite, number)
    casts.rate(lite, number, TRI_1="1")
    casts.recommend(lite, number, chosen="NOT_RECOMMENDED")
    casts.take(lite, "lead", number, "finalise")
    assert casts.refused(lite, "deputy", number, "countersign") == ("override_not_waiting",)
    # The first signatory of then may give the second of now.
    casts.take(lite, "deputy", number, "propose_override", note="Urgent.")
    casts.take(lite, "chief", number, "countersign")


@pytest.mark.parametrize(("ratings", "contradicts"), [({}, True), ({"TRI_1": "1"}, False)])
def test_a_rejection_against_the_recommendation_is_marked(
    lite: Stage, ratings: dict[str, str], contradicts: bool
) -> None:
    number = casts.not_recommended(lite) if ratings else casts.awaiting(lite)
    case = casts.take(lite, "chief", number, "reject", note="No.")
    assert case.decisions[-1].contradicts is contradicts
    table = tables.proposals
    with lite.database.read() as db:
        assert db.execute(select(table.c.counts, table.c.due_on, table.c.holder_id)).one() == (
            False,
            None,
            None,
        )


def test_a_decision_is_asked_for_once_a_version(lite: Stage) -> None:
    number = casts.revision(lite)
    casts.save(lite, number, "gender", analysis="Not yet submitted.")
    casts.take(lite, "ana", number, "escalate", note="No more time.")
    case = casts.load(lite, number)
    assert case.version is not None
    assert case.version.content["gender"]["analysis"] == "Illustrative entry."
    assert casts.refused(lite, "chief", number, "approve") == ("recommendation_unfavourable",)
    casts.take(lite, "chief", number, "return", changes=CHANGES)
    assert casts.refused(lite, "ana", number, "escalate", note="Again.") == ("escalated_before",)
    # The next version may be escalated again.
    casts.resubmit(lite, number)
    casts.assign(lite, number)
    casts.rate(lite, number, TRI_1="1")
    casts.take(lite, "lead", number, "request_revision", changes=CHANGES)
    casts.take(lite, "ana", number, "escalate", note="Again.")
    casts.take(lite, "chief", number, "propose_override", note="Urgent.")
    casts.take(lite, "deputy", number, "countersign")
    assert _route(lite, number) == Route("override")


def test_what_a_manager_returned_is_not_escalated(lite: Stage) -> None:
    number = casts.awaiting(lite)
    casts.take(lite, "chief", number, "return", changes=CHANGES)
    assert casts.load(lite, number).decisions[-1].contradicts
    assert casts.refused(lite, "ana", number, "escalate", note="Now.") == ("not_recommended_revision",)


@pytest.mark.thorough
def test_after_three_rounds_a_manager_has_the_word(lite: Stage) -> None:
    number = casts.revision(lite)
    for turn in (2, 3):
        early = casts.refused(lite, "chief", number, "continue_rounds", note="Go on.")
        assert early == casts.refused(lite, "chief", number, "reject", note="Enough.") == ("rounds_remain",)
        casts.resubmit(lite, number)
        casts.assign(lite, number)
        casts.rate(lite, number, TRI_1="1")
        case = casts.take(lite, "lead", number, "request_revision", changes=CHANGES)
        assert max(change.round for change in case.changes) == turn
    casts.answer_changes(lite, number)
    assert casts.refused(lite, "ana", number, "submit") == ("rounds_spent",)
    casts.take(lite, "chief", number, "continue_rounds", note="Go on.")
    assert casts.refused(lite, "chief", number, "continue_rounds", note="Go on.") == (
        "further_round_allowed",
    )
    casts.take(lite, "ana", number, "submit")
    casts.assign(lite, number)
    casts.rate(lite, number, TRI_1="1")
    casts.take(lite, "lead", number, "request_revision", changes=CHANGES)
    casts.answer_changes(lite, number)
    assert casts.refused(lite, "ana", number, "submit") == ("rounds_spent",)
    casts.take(lite, "chief", number, "reject", note="Enough.")
    assert casts.load(lite, number).state == "rejected"


def test_an_annulment_takes_two_managers_and_leaves_the_indicator(lite: Stage) -> None:
    number = casts.approved(lite)
    assert casts.refused(lite, "deputy", number, "annul") == ("annulment_not_waiting",)
    casts.take(lite, "chief", number, "propose_annulment", note="A mistake.")
    assert _route(lite, number) == Route("mechanism")
    assert casts.refused(lite, "chief", number, "annul") == ("excluded_signatory",)
    casts.take(lite, "deputy", number, "annul")
    assert (casts.load(lite, number).state, _route(lite, number)) == ("annulled", None)


@pytest.mark.parametrize(
    ("build", "step", "given"),
    [
        (casts.approved, "send_to_donor", {}),
        (_sent, "fund", {"agreement": DONOR}),
        (_sent, "decline_funding", {"agreement": DONOR}),
        (casts.funded, "start", {}),
    ],
)
def test_nothing_goes_on_while_an_annulment_waits(
    lite: Stage, build: Callable[[Stage], str], step: str, given: dict[str, Any]
) -> None:
    number = build(lite)
    casts.take(lite, "chief", number, "propose_annulment", note="A mistake.")
    assert casts.refused(lite, "desk", number, step, **given) == ("annulment_pending",)
    casts.take(lite, "deputy", number, "decline_signature", note="It was none.")
    casts.take(lite, "desk", number, step, **given)


def _last_event(stage: Stage, number: str) -> tuple[str, Any]:
    with stage.database.read() as db:
        said = lists.chain_of(db, load_case(db, number).id)[-1].facts
    return said["action"], said["facts"]


@pytest.mark.parametrize("kind", ["propose_annulment", "propose_override"])
@pytest.mark.parametrize(("who", "step"), [("chief", "withdraw_signature"), ("deputy", "decline_signature")])
def test_a_first_signature_is_withdrawn_or_declined(lite: Stage, kind: str, who: str, step: str) -> None:
    number = casts.approved(lite) if kind == "propose_annulment" else casts.not_recommended(lite)
    second = "annul" if kind == "propose_annulment" else "countersign"
    state, signed_at = casts.load(lite, number).state, lite.now
    casts.take(lite, "chief", number, kind, note="Urgent.")
    case = casts.take(lite, who, number, step, note="A slip.")
    assert (case.state, case.signature, casts.load(lite, number).signature) == (state, None, None)
    action, said = _last_event(lite, number)
    chief = lite.people["chief"].id
    assert action == step
    assert said["signature"] == {"kind": kind, "by": chief, "for": None, "at": stamp(signed_at)}
    assert said["note"] == "A slip."
    # Another signs first by now, and whoever withdrew is free to give the second.
    assert casts.refused(lite, "chief", number, second) in (
        ("annulment_not_waiting",),
        ("override_not_waiting",),
    )
    casts.take(lite, "third", number, kind, note="Urgent after all.")
    casts.take(lite, "chief", number, second)
    assert casts.load(lite, number).state == ("annulled" if second == "annul" else "approved")


def test_what_voids_an_override_is_said_in_its_event(lite: Stage) -> None:
    number = casts.not_recommended(lite)
    casts.take(lite, "chief", number, "propose_override", note="Urgent.")
    casts.take(lite, "deputy", number, "reject", note="No.")
    action, said = _last_event(lite, number)
    assert (action, said["signature"]["kind"]) == ("reject", "propose_override")
    other = casts.not_recommended(lite)
    casts.take(lite, "chief", other, "propose_override", note="Urgent.")
    casts.take(lite, "deputy", other, "countersign")
    # The second signature uses it up, which is no end of its own.
    assert "signature" not in _last_event(lite, other)[1]


@pytest.mark.parametrize(("active", "roles"), [(False, ("manager",)), (True, ("auditor",))])
def test_the_first_signature_of_somebody_who_has_left_stays_valid(
    lite: Stage, active: bool, roles: tuple[str, ...]
) -> None:
    """Whoever signed was entitled to when signing; others may countersign it, or decline it."""
    numbers = [casts.approved(lite), casts.approved(lite)]
    for number in numbers:
        casts.take(lite, "chief", number, "propose_annulment", note="A mistake.")
    casts.change(lite, "chief", active=active, roles=roles)
    with pytest.raises((NotFound, NotAllowed)):
        casts.take(lite, "chief", numbers[0], "withdraw_signature", note="Mine.")
    casts.take(lite, "deputy", numbers[0], "annul")
    casts.take(lite, "deputy", numbers[1], "decline_signature", note="Nobody stands by it.")
    assert [casts.load(lite, number).state for number in numbers] == ["annulled", "approved"]


def _condition(stage: Stage, number: str) -> int:
    final = casts.load(stage, number).finalised
    assert final is not None
    return final.conditions[0].id


def _clear(stage: Stage, number: str, who: str, evidence: str = "The letter came.") -> Case:
    with stage.database.begin() as db:
        return conditions.clear_condition(
            db, stage.library, stage.people[who], stage.now, number, _condition_in(db, number), evidence
        )


def _waive(stage: Stage, number: str, who: str, reason: str = "Not needed.", place: int = 0) -> Case:
    with stage.database.begin() as db:
        return conditions.waive_condition(
            db, stage.library, stage.people[who], stage.now, number, _condition_in(db, number, place), reason
        )


def _condition_in(db: Connection, number: str, place: int = 0) -> int:
    final = load_case(db, number).finalised
    assert final is not None
    return final.conditions[place].id


CONDITIONAL = {"CAP_6": "1"}


@pytest.mark.thorough
def test_conditions_before_the_donor_hold_up_the_donor(stage: Stage) -> None:
    number = casts.approved(stage, ratings=CONDITIONAL)
    assert casts.refused(stage, "desk", number, "send_to_donor") == ("conditions_open",)
    assert casts.refusal(stage, lambda: _clear(stage, number, "chief")) == ("condition_owner_clears",)
    assert casts.refusal(stage, lambda: _clear(stage, number, "desk", " ")) == ("evidence_missing",)
    before = casts.load(stage, number)
    after = _clear(stage, number, "desk")
    assert after.sequence == before.sequence + 1
    assert casts.refusal(stage, lambda: _clear(stage, number, "desk")) == ("condition_closed",)
    casts.take(stage, "desk", number, "send_to_donor")
    assert _route(stage, number) == Route("mechanism")


def test_conditions_before_the_start_hold_up_the_start(lite: Stage) -> None:
    number = casts.rated(lite, ratings=CONDITIONAL)
    casts.recommend(lite, number, ["CAP-6"], gate="before_start")
    casts.take(lite, "lead", number, "finalise")
    casts.take(lite, "chief", number, "approve")
    casts.take(lite, "desk", number, "send_to_donor")
    casts.take(lite, "desk", number, "fund", agreement=DONOR)
    assert casts.refused(lite, "desk", number, "start") == ("conditions_open",)
    _clear(lite, number, "desk")
    casts.take(lite, "desk", number, "start")


def test_an_owner_or_author_does_not_close_a_condition(lite: Stage) -> None:
    number = casts.rated(lite, "all", ratings=CONDITIONAL)
    with lite.database.begin() as db:
        due = lite.now.date()
        put = ConditionPut("Mend.", "CAP-6", "Desk", due, "before_donor")
        lead.recommend(db, lite.library, lite.people["lead"], lite.now, number, conditions=[put])
    casts.take(lite, "lead", number, "finalise")
    assert casts.refusal(lite, lambda: _clear(lite, number, "all")) == ("condition_owner_clears",)
    assert casts.refusal(lite, lambda: _clear(lite, number, "desk")) == ("condition_owner_clears",)


def test_a_waiver_leaves_only_the_override(stage: Stage) -> None:
    number = casts.awaiting(stage, ratings=CONDITIONAL)
    assert casts.refusal(stage, lambda: _waive(stage, number, "desk")) == ("role_missing",)
    assert casts.refusal(stage, lambda: _waive(stage, number, "chief", " ")) == ("note_missing",)
    _waive(stage, number, "chief")
    assert casts.refused(stage, "third", number, "approve") == ("condition_waived",)
    casts.take(stage, "chief", number, "propose_override", note="Urgent.")
    casts.take(stage, "deputy", number, "countersign")
    casts.take(stage, "desk", number, "send_to_donor")
    assert _route(stage, number) == Route("override")


def test_nothing_is_waived_between_the_two_signatures_of_an_override(lite: Stage) -> None:
    number = casts.awaiting(lite, ratings={"TRI_4": "1", "CAP_6": "1"})
    _waive(lite, number, "third")
    casts.take(lite, "chief", number, "propose_override", note="Urgent.")
    assert casts.refusal(lite, lambda: _waive(lite, number, "third", place=1)) == ("signature_waiting",)
    casts.take(lite, "chief", number, "withdraw_signature", note="The other one too.")
    _waive(lite, number, "third", place=1)
    casts.take(lite, "chief", number, "propose_override", note="Urgent.")
    casts.take(lite, "deputy", number, "countersign")
    assert _route(lite, number) == Route("override")


def test_what_was_approved_on_conditions_is_not_freed_of_them_by_one_person(lite: Stage) -> None:
    number = casts.approved(lite, ratings=CONDITIONAL)
    assert casts.refusal(lite, lambda: _waive(lite, number, "chief")) == ("waiver_too_late",)


def test_conditions_of_another_proposal_are_not_found(lite: Stage) -> None:
    one, two = casts.awaiting(lite, ratings=CONDITIONAL), casts.awaiting(lite, ratings=CONDITIONAL)
    foreign = _condition(lite, two)
    with pytest.raises(NotFound), lite.database.begin() as db:
        conditions.clear_condition(db, lite.library, lite.people["desk"], lite.now, one, foreign, "Yes.")


def test_only_what_was_approved_here_goes_to_the_donor(lite: Stage) -> None:
    number = casts.outside(lite)
    assert casts.refused(lite, "desk", number, "send_to_donor") == ("approved_outside",)


def test_withdrawing_ends_the_appraisal_and_the_hold(stage: Stage) -> None:
    number = casts.rated(stage)
    casts.take(stage, "desk", number, "hold", until=stage.now.replace(month=6).date(), note="Elections.")
    with pytest.raises(NotAllowed):
        casts.take(stage, "lead", number, "finalise")
    casts.take(stage, "ana", number, "withdraw", note="No longer needed.")
    case = casts.load(stage, number)
    assert (case.state, case.appraisal, case.hold) == ("withdrawn", None, None)
    table = tables.proposals
    with stage.database.read() as db:
        assert db.execute(select(table.c.on_hold)).scalar_one() is False
