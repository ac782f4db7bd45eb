"""Conditions: whose they are, and that their owner reports what a coordinator then closes."""

from collections.abc import Callable
from datetime import date

import pytest

from appraisal.accounts.services import accounts
from appraisal.appraisals.rules.conditions import ConditionPut
from appraisal.appraisals.services import conditions, lead
from appraisal.appraisals.store import conditions as stored
from appraisal.appraisals.store.conditions import Bound
from appraisal.errors import NotFound, StepConflict
from appraisal.proposals.facts import Case, Condition
from appraisal.proposals.rules.attempt import Agreement, ApprovalGiven
from appraisal.proposals.store import lists
from appraisal.trail.rules import events
from tests import casts
from tests.casts import Stage


def _approved(stage: Stage, owner: str, due_on: date = date(2010, 3, 3)) -> str:
    """Bring a proposal to *approved* with one condition that somebody owns."""
    number = casts.rated(stage)
    casts.rate(stage, number, TRI_4="1")
    put = ConditionPut("Mend this.", "TRI-4", owner, due_on, "before_donor")
    with stage.database.begin() as db:
        lead.recommend(db, stage.library, stage.people["lead"], stage.now, number, conditions=[put])
    casts.take(stage, "lead", number, "finalise")
    casts.take(stage, "chief", number, "approve")
    return number


def _condition(stage: Stage, number: str) -> Condition:
    finalised = casts.load(stage, number).finalised
    assert finalised is not None
    return finalised.conditions[0]


def _report(
    stage: Stage, who: str, number: str, text: str = "See minute 4.", seen: int | None = None
) -> Case:
    with stage.database.begin() as db:
        return conditions.report_condition(
            db, stage.people[who], stage.now, number, _condition(stage, number).id, text, seen=seen
        )


def _clear(stage: Stage, who: str, number: str) -> Case:
    with stage.database.begin() as db:
        return conditions.clear_condition(
            db, stage.library, stage.people[who], stage.now, number, _condition(stage, number).id, "Seen."
        )


@pytest.mark.parametrize(
    ("owner", "found"),
    [
        ("Ben", "ben"),
        (" bEN ", "ben"),
        ("ben@example.org", "ben"),
        ("BEN@EXAMPLE.ORG", "ben"),
        ("Be", None),
        ("Project manager", None),
    ],
)
def test_an_owner_is_found_by_name_or_address(stage: Stage, owner: str, found: str | None) -> None:
    condition = _condition(stage, _approved(stage, owner))
    assert condition.owner == owner.strip()
    assert condition.owner_id == (stage.people[found].id if found else None)


@pytest.mark.thorough
def test_an_owner_of_whom_there_are_two_is_nobody(lite: Stage) -> None:
    with lite.database.begin() as db:
        accounts.create_person(
            db, lite.people["admin"], lite.now, email="b@example.org", name="BEN", roles=["designer"]
        )
    assert _condition(lite, _approved(lite, "Ben")).owner_id is None
    assert _condition(lite, _approved(lite, "b@example.org")).owner_id is not None


def test_an_owner_whose_account_is_closed_is_nobody(lite: Stage) -> None:
    ben = lite.people["ben"]
    with lite.database.begin() as db:
        accounts.change_person(
            db,
            lite.people["admin"],
            lite.now,
            ben.id,
            library=lite.library,
            name=ben.name,
            roles=["designer"],
            unit=ben.unit,
            duty_station="Geneva",
            language="en",
            active=False,
        )
    assert _condition(lite, _approved(lite, "Ben")).owner_id is None


def test_the_owner_reports_and_a_coordinator_closes(stage: Stage) -> None:
    number = _approved(stage, "Ben")
    case = _report(stage, "ben", number, " See minute 4. ")
    found = _condition(stage, number)
    assert (found.reported_by, found.reported_at, found.report) == (
        stage.people["ben"].id,
        stage.now,
        "See minute 4.",
    )
    assert found.is_open
    assert casts.load(stage, number).name(found.reported_by) == "Ben"
    with stage.database.read() as db:
        chain = lists.chain_of(db, case.id)
    assert events.broken(chain, case.head) is None
    assert (chain[-1].facts["action"], chain[-1].facts["facts"]) == (
        "report_condition",
        {"condition": 1, "evidence": "See minute 4."},
    )
    assert casts.refused(stage, "desk", number, "send_to_donor") == ("conditions_open",)
    _clear(stage, "desk", number)
    assert not _condition(stage, number).is_open
    assert casts.refusal(stage, lambda: _report(stage, "ben", number)) == ("condition_closed",)


def test_an_author_reports_too_and_others_do_not(lite: Stage) -> None:
    number = _approved(lite, "Ben")
    for who in ("desk", "chief", "auditor", "lead"):
        assert casts.refusal(lite, lambda who=who: _report(lite, who, number)) == ("condition_not_owned",)  # type: ignore[misc]
    assert casts.refusal(lite, lambda: _report(lite, "ben", number, " ")) == ("evidence_missing",)
    _report(lite, "ana", number)
    assert _condition(lite, number).reported_by == lite.people["ana"].id


def test_a_report_on_what_has_changed_meanwhile_is_a_conflict(lite: Stage) -> None:
    number = _approved(lite, "Ben")
    with pytest.raises(StepConflict):
        _report(lite, "ben", number, seen=1)


def test_whoever_owns_a_condition_does_not_close_it(lite: Stage) -> None:
    by_address = _approved(lite, "desk@example.org")
    assert casts.refusal(lite, lambda: _clear(lite, "desk", by_address)) == ("condition_owner_clears",)
    by_name = _approved(lite, "DESK")
    assert casts.refusal(lite, lambda: _clear(lite, "desk", by_name)) == ("condition_owner_clears",)
    _clear(lite, "all", by_name)


def test_whoever_reported_a_condition_does_not_close_it_though_somebody_else_owns_it_now(lite: Stage) -> None:
    number = _approved(lite, "desk@example.org")
    _report(lite, "desk", number)
    with lite.database.begin() as db:
        given = (number, _condition(lite, number).id, lite.people["ben"].id, "On leave.")
        conditions.name_owner(db, lite.people["all"], lite.now, *given)
    assert casts.refusal(lite, lambda: _clear(lite, "desk", number)) == ("condition_reporter_clears",)
    with lite.database.read() as db:
        waiting = {
            who: len(stored.conditions_for(db, lite.people[who], lite.now.date(), ()))
            for who in ("desk", "all")
        }
    assert waiting == {"desk": 0, "all": 1}
    _clear(lite, "all", number)
    assert not _condition(lite, number).is_open


def test_an_owner_is_named_once_by_one_form_and_for_one_proposal(lite: Stage) -> None:
    first, second = (_approved(lite, "desk@example.org") for _ in range(2))

    def name(number: str) -> Case:
        given = (number, _condition(lite, number).id, lite.people["ben"].id, "On leave.")
        with lite.database.begin() as db:
            return conditions.name_owner(db, lite.people["all"], lite.now, *given, request="request-1")

    assert name(first).sequence == name(first).sequence
    with pytest.raises(StepConflict):
        name(second)
    assert _condition(lite, second).owner_id == lite.people["desk"].id


def _annul(stage: Stage, number: str) -> None:
    casts.take(stage, "chief", number, "approve")
    casts.take(stage, "chief", number, "propose_annulment", note="A mistake.")
    casts.take(stage, "deputy", number, "annul")


def _reject(stage: Stage, number: str) -> None:
    casts.take(stage, "chief", number, "reject", note="Not now.")


def _withdraw(stage: Stage, number: str) -> None:
    casts.take(stage, "ana", number, "withdraw", note="No money.")


def _register(stage: Stage, number: str) -> None:
    minute = ApprovalGiven("Minute 9", "Registry", stage.now)
    casts.take(stage, "desk", number, "register_approval", approval=minute)


@pytest.mark.parametrize("end", [_annul, _reject, _withdraw, _register])
def test_what_nothing_rests_on_is_neither_reported_nor_closed_nor_waived(
    lite: Stage, end: Callable[[Stage, str], None]
) -> None:
    number = casts.awaiting(lite, ratings={"TRI_4": "1"})
    end(lite, number)
    for who, act in (("ana", _report), ("desk", _clear), ("third", _waive)):
        codes = casts.refusal(lite, lambda who=who, act=act: act(lite, who, number))  # type: ignore[misc]
        assert codes[0] == "condition_moot"


def test_what_is_registered_by_mistake_leaves_the_conditions_as_they_were(lite: Stage) -> None:
    number = casts.awaiting(lite, ratings={"TRI_4": "1"})
    _register(lite, number)
    casts.take(lite, "desk", number, "correct_registration", note="Another proposal.")
    _report(lite, "ana", number)
    _clear(lite, "desk", number)
    assert not _condition(lite, number).is_open


def _waive(stage: Stage, who: str, number: str) -> Case:
    with stage.database.begin() as db:
        given = (number, _condition(stage, number).id, "No need.")
        return conditions.waive_condition(db, stage.library, stage.people[who], stage.now, *given)


def test_whoever_bears_the_name_of_the_owner_is_not_the_owner(lite: Stage) -> None:
    number = _approved(lite, "Ben")
    casts.change(lite, "desk", name="Ben")
    _clear(lite, "desk", number)
    assert not _condition(lite, number).is_open
    # Whom of two a name means, nobody knows: then neither closes what they may have to meet.
    either = _approved(lite, "Ben")
    assert casts.refusal(lite, lambda: _clear(lite, "desk", either)) == ("condition_owner_clears",)


def test_an_owner_learns_of_a_condition_once_it_binds(lite: Stage) -> None:
    number = casts.rated(lite, ratings={"TRI_4": "1"})
    put = ConditionPut("Mend this.", "TRI-4", "Admin", date(2010, 3, 3), "before_donor")
    with lite.database.begin() as db:
        lead.recommend(db, lite.library, lite.people["lead"], lite.now, number, conditions=[put])
    casts.take(lite, "lead", number, "finalise")
    with pytest.raises(NotFound):
        _report(lite, "admin", number)
    casts.take(lite, "chief", number, "approve")
    # An administrator reads no proposal; what they have to do they see and report.
    _report(lite, "admin", number)
    with pytest.raises(NotFound):
        _report(lite, "ben", number)


def _waiting(stage: Stage, who: str, today: date) -> list[Bound]:
    ended = stage.library.states(lambda state: state.terminal)
    with stage.database.read() as db:
        return stored.conditions_for(db, stage.people[who], today, ended)


def test_conditions_wait_for_their_owner_and_for_coordinators(stage: Stage) -> None:
    number = _approved(stage, "Ben")
    before, after = date(2010, 3, 3), date(2010, 3, 4)
    condition = _condition(stage, number)
    # Ben is no author: of the proposal he is shown no title.
    expected = Bound(condition.id, number, "", 1, "Mend this.", date(2010, 3, 3), "before_donor", None, True)
    assert _waiting(stage, "ben", before) == [expected]
    assert _waiting(stage, "desk", before) == []
    overdue = _waiting(stage, "desk", after)
    assert [(entry.owned, entry.reported_at, bool(entry.title)) for entry in overdue] == [(False, None, True)]
    assert _waiting(stage, "chief", after) == []
    _report(stage, "ben", number)
    assert [entry.reported_at for entry in _waiting(stage, "desk", before)] == [stage.now]
    assert [entry.reported_at for entry in _waiting(stage, "ben", before)] == [stage.now]
    _clear(stage, "desk", number)
    assert _waiting(stage, "ben", after) == _waiting(stage, "desk", after) == []


def test_conditions_of_what_has_ended_wait_for_nobody(lite: Stage) -> None:
    number = casts.rated(lite)
    casts.rate(lite, number, CAP_6="1")
    put = ConditionPut("Mend this.", "CAP-6", "Ben", date(2010, 3, 3), "before_start")
    with lite.database.begin() as db:
        lead.recommend(db, lite.library, lite.people["lead"], lite.now, number, conditions=[put])
    casts.take(lite, "lead", number, "finalise")
    assert _waiting(lite, "ben", date(2010, 3, 4)) == []
    casts.take(lite, "chief", number, "approve")
    casts.take(lite, "desk", number, "send_to_donor")
    assert len(_waiting(lite, "ben", date(2010, 3, 4))) == 1
    casts.take(lite, "desk", number, "decline_funding", agreement=Agreement(lite.now.date(), "No."))
    assert _waiting(lite, "ben", date(2010, 3, 4)) == _waiting(lite, "desk", date(2010, 3, 4)) == []
