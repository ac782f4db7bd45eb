"""Departures: whoever leaves, nothing stays with nobody; and what is left is named and confirmed before."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from appraisal.accounts.services import accounts as people
from appraisal.app.daily import tick
from appraisal.appraisals.rules import permissions, reviews
from appraisal.appraisals.rules.conditions import ConditionPut
from appraisal.appraisals.services import conditions as condition_services
from appraisal.appraisals.services import lead
from appraisal.appraisals.services import reviews as review_services
from appraisal.appraisals.store import conditions
from appraisal.clock import geneva_date
from appraisal.database import tables
from appraisal.errors import StepConflict
from appraisal.people.facts import SYSTEM_ACTOR, Person
from appraisal.proposals.facts import Case
from appraisal.proposals.rules import access, duties, rulebook
from appraisal.proposals.rules.attempt import ChangeAsked
from appraisal.proposals.rules.duties import DutiesLeft, Duty
from appraisal.proposals.rules.rulebook import Rulebook
from appraisal.proposals.store import lists
from appraisal.trail.rules.events import broken
from appraisal.trail.store import site
from appraisal.vocabulary.roles import ROLES
from appraisal.workflow import store as stored
from appraisal.workflow.rules import machine
from appraisal.workflow.rules.authors import naming_refusals
from appraisal.workflow.services import departures
from appraisal.workflow.services.authors import add_author, name_author
from tests import casts
from tests.casts import Stage
from tests.tampering import unwatched

CHANGES = (ChangeAsked("Say more.", "ALI-1"),)


def _incomplete(stage: Stage) -> str:
    number = casts.submitted(stage)
    casts.take(stage, "desk", number, "return_incomplete", missing="The letter.")
    return number


def _asked(stage: Stage) -> str:
    """Let two units be asked, and somebody to review."""
    number = casts.submitted(stage)
    casts.take(stage, "desk", number, "assign", lead="lead")
    with stage.database.begin() as db:
        due_on = geneva_date(stage.now) + timedelta(days=7)
        given = (stage.people["eval"], ["ALI"], due_on)
        review_services.ask(db, stage.library, stage.people["desk"], stage.now, number, *given)
    return number


def _overriding(stage: Stage) -> str:
    number = casts.not_recommended(stage)
    casts.take(stage, "chief", number, "propose_override", note="Urgent.")
    return number


def _annulling(stage: Stage) -> str:
    number = casts.approved(stage)
    casts.take(stage, "chief", number, "propose_annulment", note="A mistake.")
    return number


def _owned(stage: Stage) -> str:
    """Approve on a condition that somebody with an account owns."""
    number = casts.rated(stage, ratings={"TRI_4": "1"})
    due_on = geneva_date(stage.now) + timedelta(days=60)
    with stage.database.begin() as db:
        put = ConditionPut("Mend this.", "TRI-4", "Ben", due_on, "before_donor")
        lead.recommend(db, stage.library, stage.people["lead"], stage.now, number, conditions=[put])
    casts.take(stage, "lead", number, "finalise")
    casts.take(stage, "chief", number, "approve")
    return number


def _sent(stage: Stage) -> str:
    number = casts.approved(stage)
    casts.take(stage, "desk", number, "send_to_donor")
    return number


# Every state that is not final, and every relation that somebody can have in it.
SITUATIONS: dict[str, Callable[[Stage], str]] = {
    "draft": casts.draft,
    "submitted": casts.submitted,
    "incomplete": _incomplete,
    "asked": _asked,
    "rated": casts.rated,
    "revision": casts.revision,
    "awaiting": casts.awaiting,
    "overriding": _overriding,
    "owned": _owned,
    "annulling": _annulling,
    "sent": _sent,
    "funded": casts.funded,
}
# What each duty becomes, in the lists of those who hand it over.
TASKS = {
    "author": "authorless",
    "lead": "orphaned",
    "review": "unreviewed",
    "unit": "deserted",
    "condition": "ownerless",
    "signature": "signature",
}


def _tasks(stage: Stage, person: Person) -> Iterator[tuple[str, str, int]]:
    """Yield what stands on somebody's page *My work*: its kind, the number, and what it is about."""
    today = geneva_date(stage.now)
    with stage.database.read() as db:
        for kind, listed in stored.work_of(db, person, stage.library.held_by(), today, ("EVA",)):
            yield "signature" if kind.startswith("propose_") else kind, listed.number, 0
        for review in stored.reviews_for(db, person):
            yield "unreviewed" if review.left_by else "review", review.number, review.id
        for asked in stored.consultations_for(db, person):
            yield "deserted" if asked.is_deserted else "unit", asked.number, asked.id
        ended = stage.library.states(lambda state: state.terminal)
        for bound in conditions.conditions_for(db, person, today, ended):
            kind = "owned" if bound.owned else "ownerless" if bound.is_ownerless else "overdue"
            yield kind, bound.number, bound.id


def _may_take(stage: Stage, person: Person, kind: str, case: Case, book: Rulebook, subject: int) -> bool:
    """Tell whether a person may do what a task on their page is about."""
    steps = {
        entry.transition.act for entry in machine.allowed(book, case, person, stage.now) if entry.is_open
    }
    moving = {
        entry.act for entry in book.workflow.transitions if entry.act not in ("hold", "release", "withdraw")
    }
    running = case.appraisal
    match kind:
        case "author":
            return access.may_edit(case, person, True)
        case "lead" | "substitute":
            return access.may_rate(case, person, stage.now)
        case "coordinator" | "manager":
            theirs = [
                {refusal.code for refusal in entry.refusals}
                for entry in machine.allowed(book, case, person, stage.now)
                if entry.is_theirs and entry.transition.act in moving
            ]
            # A condition that is open keeps it from going on, until a coordinator has closed it.
            return bool(steps & moving) or {"conditions_open"} in theirs
        case "orphaned":
            return "reassign" in steps
        case "authorless":
            return naming_refusals(case, book, person) == []
        case "signature":
            return "decline_signature" in steps and bool(steps & {"countersign", "annul"})
        case "review":
            return person.active and person.has("appraiser")
        case "unreviewed":
            assert running is not None
            review = next(entry for entry in running.reviews if entry.id == subject)
            return reviews.withdrawing_refusals(case, review, person) == []
        case "unit":
            return reviews.waiting_for_unit(case, person) is not None
        case "deserted":
            assert running is not None
            asked = next(entry for entry in running.consultations if entry.id == subject)
            return permissions.answering_refusals(case, asked, person) == []
        case "owned" | "ownerless" | "overdue":
            if kind == "ownerless":
                assert case.finalised is not None
                bound = next(entry for entry in case.finalised.conditions if entry.id == subject)
                assert permissions.owner_naming_refusals(case, bound, person) == []
            assert case.finalised is not None
            bound = next(entry for entry in case.finalised.conditions if entry.id == subject)
            judge = permissions.reporting_refusals if kind == "owned" else permissions.clearing_refusals
            return judge(case, bound, person) == []
        case _:
            raise AssertionError(kind)


def _changes(person: Person) -> Iterator[dict[str, Any]]:
    """Yield the ways in which somebody may leave: the account, each role, all of them, the unit."""
    yield {"active": False}
    for role in sorted(person.roles):
        yield {"roles": [other for other in person.roles if other != role] or ["auditor"]}
    if person.has("appraiser"):
        yield {"unit": "ELSEWHERE"}


@pytest.mark.thorough
def test_whoever_leaves_there_is_somebody_whose_turn_it_is(lite: Stage) -> None:
    """Close each account and take away each role, one at a time, with a proposal in every situation."""
    numbers = {build(lite): key for key, build in SITUATIONS.items()}
    cases = {number: casts.load(lite, number) for number in numbers}
    seen: set[str] = set()
    for key in casts.CAST:
        if key == "admin":
            continue
        before = lite.people[key]
        for change in _changes(before):
            with lite.database.read() as db:
                found = departures.list_duties(db, lite.library, before)
            casts.change(lite, key, **change)
            left = duties.left_by(found, before, lite.people[key])
            present = {person.id: person for person in lite.people.values()}
            now = {
                number: replace(case, people={id: present[id] for id in case.people})
                for number, case in cases.items()
            }
            _check(lite, now, left, (key, change))
            seen |= {duty.kind for duty in left}
            casts.change(lite, key, active=True, roles=sorted(before.roles), unit=before.unit)
    assert seen == set(TASKS)


def _check(stage: Stage, cases: dict[str, Case], left: tuple[Duty, ...], what: Any) -> None:
    tasks: dict[str, set[str]] = {number: set() for number in cases}
    for person in stage.people.values():
        if not person.active:
            continue
        for kind, number, subject in _tasks(stage, person):
            case = cases[number]
            book = rulebook.rulebook(stage.library, case.workflow, case.set)
            # Nothing stands on anybody's page that they may not do.
            assert _may_take(stage, person, kind, case, book, subject), (what, case.state, person.name, kind)
            tasks[number].add(kind)
    for number, kinds in tasks.items():
        assert kinds, (what, number, cases[number].state)
    held = {
        name for name, state in stage.library.newest_workflow().states.items() if state.holder == "author"
    }
    for duty in left:
        # An author's turn comes with the state; until then it is others' turn.
        if duty.kind != "author" or cases[duty.number].state in held:
            assert TASKS[duty.kind] in tasks[duty.number], (what, duty)


def test_roles_of_the_walk_are_those_of_the_product() -> None:
    assert {role for roles, _ in casts.CAST.values() for role in roles} == set(ROLES)


def test_what_happened_before_is_found_as_well(lite: Stage) -> None:
    """Tasks follow from how things stand, not from the event that brought them about."""
    numbers = {key: SITUATIONS[key](lite) for key in ("incomplete", "rated")}
    table = tables.people
    with unwatched(lite.database) as db:
        gone = [lite.people[key].id for key in ("ana", "lead")]
        db.execute(table.update().where(table.c.id.in_(gone)).values(active=False))
    casts.refresh(lite)
    found = {(kind, number) for kind, number, _ in _tasks(lite, lite.people["desk"])}
    assert {("authorless", numbers["incomplete"]), ("orphaned", numbers["rated"])} <= found


def _left(stage: Stage, key: str) -> list[Duty]:
    with stage.database.read() as db:
        return departures.list_duties(db, stage.library, stage.people[key])


@pytest.mark.thorough
def test_every_kind_of_duty_is_listed_with_its_number_and_days(lite: Stage) -> None:
    draft, asked, owned, annulling = (
        SITUATIONS[key](lite) for key in ("draft", "asked", "owned", "annulling")
    )
    found = {(duty.kind, duty.number) for duty in _left(lite, "ana")}
    assert found == {("author", draft), ("author", asked)}
    assert [(duty.kind, duty.number) for duty in _left(lite, "lead")] == [("lead", asked)]
    (review,) = _left(lite, "eval")
    assert (review.kind, review.number, review.due_on) == (
        "review",
        asked,
        geneva_date(lite.now) + timedelta(days=7),
    )
    (unit,) = _left(lite, "actrav")
    assert (unit.kind, unit.number, unit.unit) == ("unit", asked, "ACTRAV")
    assert [(duty.kind, duty.number) for duty in _left(lite, "ben")] == [("condition", owned)]
    assert [(duty.kind, duty.number) for duty in _left(lite, "chief")] == [("signature", annulling)]
    # With a second author there is somebody else; what has ended leaves nothing.
    with lite.database.begin() as db:
        add_author(db, lite.library, lite.people["ana"], lite.now, draft, lite.people["all"].id)
    casts.take(lite, "ana", asked, "withdraw", note="No longer needed.")
    assert _left(lite, "ana") == _left(lite, "lead") == _left(lite, "eval") == _left(lite, "actrav") == []


def test_a_duty_that_was_not_confirmed_stops_the_change(stage: Stage) -> None:
    number = casts.draft(stage)
    (duty,) = _left(stage, "ana")
    other = casts.submitted(stage)
    before = casts.contents(stage)
    stale = ("lead:TC-2010-0001:1", "author:TC-2010-9999:9")
    for confirmed in ((), (duty.key,), stale):
        with pytest.raises(DutiesLeft) as caught:
            casts.change(stage, "ana", active=False, confirmed=confirmed)
        assert caught.value.codes == ("duties_left",)
        assert [entry.number for entry in caught.value.duties] == [number, other]
    assert casts.contents(stage) == before
    casts.change(stage, "ana", active=False, confirmed=[entry.key for entry in _left(stage, "ana")])
    with stage.database.read() as db:
        chain = site.chain(db)
    assert broken(chain) is None
    said = chain[-1].facts
    assert (said["action"], said["facts"]["duties"]) == (
        "close_account",
        [{"kind": "author", "number": entry} for entry in (number, other)],
    )
    # Opened again, nothing is left by that.
    casts.change(stage, "ana", active=True, confirmed=())
    with stage.database.read() as db:
        assert "duties" not in site.chain(db)[-1].facts["facts"]


def _told(stage: Stage, what: str) -> dict[str, str]:
    table, names = tables.notices, {person.id: key for key, person in stage.people.items()}
    with stage.database.read() as db:
        rows = db.execute(table.select().where(table.c.what == what).order_by(table.c.id)).all()
    return {names[row.person_id]: row.facts for row in rows}


def test_those_to_whom_it_falls_are_told_how_many(lite: Stage) -> None:
    casts.draft(lite)
    number = casts.draft(lite)
    with lite.database.begin() as db:
        add_author(db, lite.library, lite.people["ana"], lite.now, number, lite.people["all"].id)
    casts.change(lite, "all", roles=["coordinator", "manager"])
    assert _told(lite, "duties_left") == {}
    _annulling(lite)
    # A coordinator who is an author of one of the two hands over the other.
    casts.change(lite, "ana", active=False)
    assert _told(lite, "duties_left") == {"desk": '{"count":2}', "all": '{"count":1}'}
    casts.change(lite, "chief", roles=["auditor"])
    assert _told(lite, "duties_left") == {
        "desk": '{"count":2}',
        "all": '{"count":1}',
        "deputy": '{"count":1}',
        "third": '{"count":1}',
    }


def _name(
    stage: Stage, who: str, number: str, key: str = "ben", reason: str = "Ana has left.", **given: Any
) -> Case:
    with stage.database.begin() as db:
        person = stage.people[key].id
        return name_author(db, stage.library, stage.people[who], stage.now, number, person, reason, **given)


@pytest.mark.sampled(6)
@pytest.mark.parametrize("change", [{"active": False}, {"roles": ["auditor"]}])
@pytest.mark.parametrize("key", ["draft", "submitted", "incomplete", "rated", "revision", "awaiting"])
def test_a_coordinator_names_another_author(lite: Stage, key: str, change: dict[str, Any]) -> None:
    number = SITUATIONS[key](lite)
    assert casts.refusal(lite, lambda: _name(lite, "desk", number)) == ("author_remains",)
    casts.change(lite, "ana", **change)
    for who in ("ben", "chief", "auditor", "admin"):
        assert casts.refusal(lite, partial(_name, lite, who, number)) == ("role_missing",)
    assert casts.refusal(lite, lambda: _name(lite, "desk", number, reason=" ")) == ("note_missing",)
    assert casts.refusal(lite, lambda: _name(lite, "desk", number, "auditor")) == ("role_missing",)
    # The one who has left is none, and stays the author that they were.
    assert casts.refusal(lite, lambda: _name(lite, "desk", number, "ana")) == ("role_missing",)
    seen = casts.load(lite, number).row_version
    _name(lite, "desk", number, seen=seen, request="form-1")
    case = casts.load(lite, number)
    assert case.related("author") == {lite.people["ana"].id, lite.people["ben"].id}
    assert _told(lite, "author_named") == {"ben": "{}"}
    with lite.database.read() as db:
        event = lists.chain_of(db, case.id)[-1].facts
    assert (event["action"], event["by"]) == ("add_author", lite.people["desk"].id)
    assert event["facts"] == {"author": lite.people["ben"].id, "reason": "Ana has left."}
    # The same form again is answered as done; another one finds that somebody was named.
    assert _name(lite, "desk", number, seen=seen, request="form-1").row_version == case.row_version
    with pytest.raises(StepConflict):
        _name(lite, "desk", number, "all", seen=seen, request="form-2")
    assert casts.refusal(lite, lambda: _name(lite, "desk", number, "all")) == ("author_remains",)
    casts.take(lite, "ben", number, "withdraw", note="Nobody needs it any more.")


def test_an_author_is_named_on_nothing_that_is_over_held_or_ones_own(lite: Stage) -> None:
    over, held, own = casts.approved(lite), casts.submitted(lite), casts.submitted(lite, "all")
    casts.take(lite, "desk", held, "hold", until=geneva_date(lite.now) + timedelta(days=9), note="Wait.")
    casts.change(lite, "ana", active=False)
    casts.change(lite, "all", roles=["coordinator"])
    assert casts.refusal(lite, lambda: _name(lite, "desk", over)) == ("proposal_over",)
    assert casts.refusal(lite, lambda: _name(lite, "desk", held)) == ("on_hold",)
    assert casts.refusal(lite, lambda: _name(lite, "all", own)) == ("excluded_author",)
    _name(lite, "desk", own)


def test_whoever_has_led_becomes_no_author(lite: Stage) -> None:
    number = casts.rated(lite)
    casts.change(lite, "ana", active=False)
    casts.change(lite, "lead", roles=["designer"])
    assert casts.refusal(lite, lambda: _name(lite, "desk", number, "lead")) == ("author_is_lead",)


@pytest.mark.thorough
def test_silence_after_all_authors_have_left_is_told_to_coordinators(stage: Stage) -> None:
    number = casts.rated(stage, ratings={"TRI_1": "1"})
    casts.change(stage, "ana", active=False)
    assert set(_told(stage, "duties_left")) == {"desk", "all"}
    # The step that brings it to the authors, then its dates, then the end.
    casts.take(stage, "lead", number, "request_revision", changes=CHANGES)
    assert set(_told(stage, "request_revision")) == {"desk", "all"}
    said = []
    for _ in range(100):
        stage.wait(days=1)
        found = tick(stage.database, stage.library, stage.now)
        assert found.faults == ()
        said += [(kind, people) for _, kind, people in found.told]
        if found.steps:
            break
    coordinators = tuple(sorted(stage.people[key].id for key in ("desk", "all")))
    assert said == [(kind, coordinators) for kind in ("reminder", "due_soon", "overdue")]
    assert casts.load(stage, number).state == "lapsed"
    assert set(_told(stage, "lapse")) == {"desk", "all"}


def test_a_lead_who_is_no_appraiser_any_more_is_told_so_and_replaced(lite: Stage) -> None:
    number = casts.rated(lite)
    casts.change(lite, "lead", roles=["auditor"])
    assert list(_tasks(lite, lite.people["lead"])) == []
    assert casts.refused(lite, "lead", number, "finalise") == ("role_missing",)
    assert ("orphaned", number, 0) in list(_tasks(lite, lite.people["desk"]))
    casts.take(lite, "desk", number, "reassign", lead="eval", note="No appraiser any more.")
    assert [kind for kind, found, _ in _tasks(lite, lite.people["eval"]) if found == number] == ["lead"]
    assert ("orphaned", number, 0) not in list(_tasks(lite, lite.people["desk"]))


def test_a_review_of_somebody_who_has_left_is_taken_back_and_another_asked(lite: Stage) -> None:
    number = _asked(lite)
    casts.change(lite, "eval", active=False)
    (review,) = [subject for kind, _, subject in _tasks(lite, lite.people["desk"]) if kind == "unreviewed"]
    desk = lite.people["desk"]
    with lite.database.begin() as db:
        review_services.withdraw(db, lite.library, desk, lite.now, number, review)
        given = (lite.people["actemp"], ["ALI"], geneva_date(lite.now) + timedelta(days=7))
        review_services.ask(db, lite.library, desk, lite.now, number, *given)
    assert [kind for kind, _, _ in _tasks(lite, desk) if kind == "unreviewed"] == []
    assert "review" in {kind for kind, _, _ in _tasks(lite, lite.people["actemp"])}


def test_a_condition_whose_owner_has_left_is_given_to_somebody_else(lite: Stage) -> None:
    number, open_one = _owned(lite), casts.rated(lite, ratings={"TRI_4": "1"})
    condition = casts.load(lite, number).finalised
    assert condition is not None
    (entry,) = condition.conditions

    def name(who: str, key: str = "deputy", reason: str = "Ben has left.", **given: Any) -> Case:
        with lite.database.begin() as db:
            person = lite.people[key].id
            return condition_services.name_owner(
                db, lite.people[who], lite.now, number, entry.id, person, reason, **given
            )

    casts.change(lite, "ben", active=False)
    assert ("ownerless", number, entry.id) in list(_tasks(lite, lite.people["desk"]))
    assert casts.refusal(lite, lambda: name("chief")) == ("role_missing",)
    assert casts.refusal(lite, lambda: name("desk", reason=" ")) == ("note_missing",)
    assert casts.refusal(lite, lambda: name("desk", "ben")) == ("owner_missing",)
    seen = casts.load(lite, number).row_version
    name("desk", seen=seen, request="form-1")
    after = casts.load(lite, number)
    assert after.finalised is not None
    (given,) = after.finalised.conditions
    assert (given.owner, given.owner_id) == ("Deputy", lite.people["deputy"].id)
    assert replace(given, owner=entry.owner, owner_id=entry.owner_id, row_version=1) == entry
    with lite.database.read() as db:
        event = lists.chain_of(db, after.id)[-1].facts
    assert (event["action"], event["facts"]) == (
        "name_owner",
        {
            "condition": entry.number,
            "before": {"owner": "Ben", "person": lite.people["ben"].id},
            "after": {"owner": "Deputy", "person": lite.people["deputy"].id},
            "reason": "Ben has left.",
        },
    )
    assert _told(lite, "condition_owned") == {"deputy": f'{{"condition":{entry.number}}}'}
    # Sent twice, it is done once; another form finds it changed.
    assert name("desk", seen=seen, request="form-1").row_version == after.row_version
    with pytest.raises(StepConflict):
        name("desk", "third", seen=seen, request="form-2")
    assert casts.refusal(lite, lambda: name("desk")) == ("owner_unchanged",)
    assert ("owned", number, entry.id) in list(_tasks(lite, lite.people["deputy"]))
    assert "ownerless" not in {kind for kind, _, _ in _tasks(lite, lite.people["desk"])}
    # Before an approval relies on it the lead writes it.
    running = casts.load(lite, open_one).appraisal
    assert running is not None
    (waiting,) = running.conditions
    assert permissions.owner_naming_refusals(casts.load(lite, open_one), waiting, lite.people["desk"]) != []


@pytest.mark.thorough
@pytest.mark.parametrize("build", [_overriding, _annulling])
def test_a_first_signature_waits_for_every_manager_who_may_give_the_second(
    stage: Stage, build: Callable[[Stage], str]
) -> None:
    """Not for its signatory, an author, a former lead, one in conflict, nor who counts as one with them."""
    number = build(stage)

    def waits_for() -> set[str]:
        return {
            key
            for key, person in stage.people.items()
            if ("signature", number, 0) in list(_tasks(stage, person))
        }

    assert waits_for() == {"deputy", "third", "all"}
    # Whoever stands in for the signatory counts as one with him, and so does whom he stands in for.
    casts.substitute(stage, "chief", "deputy", "decisions", last=0)
    assert waits_for() == {"third", "all"}
    stage.wait(days=1)
    casts.substitute(stage, "third", "chief", "decisions")
    assert waits_for() == {"deputy", "all"}
    # After he has left it is a task still, and he stands in for nobody.
    casts.change(stage, "chief", active=False)
    assert waits_for() == {"deputy", "third", "all"}
    casts.take(stage, "deputy", number, "decline_signature", note="He has left.")
    assert waits_for() == set()


@pytest.mark.thorough
def test_an_author_lead_or_reviewer_in_conflict_is_not_asked_for_a_second_signature(lite: Stage) -> None:
    written = casts.approved(lite, "all")
    casts.take(lite, "chief", written, "propose_annulment", note="A mistake.")
    led = casts.submitted(lite)
    casts.assign(lite, led, lead="all")
    casts.rate(lite, led, who="all")
    casts.take(lite, "all", led, "finalise")
    casts.take(lite, "chief", led, "approve")
    casts.take(lite, "chief", led, "propose_annulment", note="A mistake.")
    casts.change(lite, "eval", roles=["appraiser", "manager"])
    block = casts.approved(lite, budget="6000000")
    casts.take(lite, "chief", block, "propose_annulment", note="A mistake.")
    conflict = casts.submitted(lite)
    casts.take(lite, "desk", conflict, "assign", lead="lead")
    with lite.database.begin() as db:
        due_on = geneva_date(lite.now) + timedelta(days=7)
        eval_ = lite.people["eval"]
        review_services.ask(db, lite.library, lite.people["desk"], lite.now, conflict, eval_, ["ALI"], due_on)
        review_services.declare(db, lite.library, eval_, lite.now, conflict, conflict="My sister wrote it.")
    for who in ("actemp", "actrav"):
        casts.speak(lite, conflict, who)
    lite.wait(minutes=1)
    casts.rate(lite, conflict)
    casts.take(lite, "lead", conflict, "finalise")
    casts.take(lite, "chief", conflict, "approve")
    casts.take(lite, "chief", conflict, "propose_annulment", note="A mistake.")
    signatures = {
        key: {number for kind, number, _ in _tasks(lite, lite.people[key]) if kind == "signature"}
        for key in ("all", "eval", "deputy")
    }
    assert signatures == {
        "all": {block, conflict},
        "eval": {led, written},
        "deputy": {led, written, block, conflict},
    }


def test_nobody_is_told_in_the_place_of_authors_whom_there_never_were(lite: Stage) -> None:
    casts.outside(lite)
    assert _told(lite, "register_approval") == {}


def test_a_deserted_unit_stays_a_task_when_the_appraisal_is_opened_again(stage: Stage) -> None:
    with stage.database.begin() as db:
        gender = people.create_person(
            db,
            SYSTEM_ACTOR,
            stage.now,
            email="gender@example.org",
            name="Gender",
            roles=("appraiser",),
            unit="GENDER",
        )
    casts.refresh(stage)
    number = casts.rated(stage)
    casts.change(stage, "gender", unit="PROGRAM")
    assert gender.unit == "GENDER"

    def deserted() -> list[str]:
        with stage.database.read() as db:
            found = stored.consultations_for(db, stage.people["desk"])
        return [entry.unit for entry in found if entry.is_deserted]

    assert deserted() == ["GENDER"]
    casts.take(stage, "lead", number, "finalise")
    casts.take(stage, "lead", number, "recall", note="A slip.")
    assert deserted() == ["GENDER"]
