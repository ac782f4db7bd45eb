"""Every step of the standard workflow: what each writes, and that a refused one writes nothing."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from appraisal.app.daily import tick
from appraisal.database import tables
from appraisal.definitions.library import Library
from appraisal.definitions.workflows import Transition
from appraisal.errors import NotFound
from appraisal.people.facts import Person
from appraisal.proposals.facts import Case
from appraisal.proposals.rules import rulebook
from appraisal.proposals.rules.attempt import Agreement, ApprovalGiven, ChangeAsked, Inputs
from appraisal.proposals.services import drafts
from appraisal.proposals.services.opening import load
from appraisal.proposals.store import lists
from appraisal.proposals.store.case import load_case
from appraisal.trail.rules import events
from appraisal.vocabulary.refusals import NotAllowed
from appraisal.workflow.rules import machine
from appraisal.workflow.services import acts, steps, time_steps
from tests import casts
from tests.casts import START, Stage
from tests.tampering import by_hand

AGREEMENT = Agreement(START.date(), "Agreement 1")
APPROVAL = ApprovalGiven("Minute 12", "Registry", START)
CHANGES = (ChangeAsked("Say more.", "ALI-1"),)
UNTIL = START.replace(year=2011).date()


def _incomplete(stage: Stage) -> str:
    number = casts.submitted(stage)
    casts.take(stage, "desk", number, "return_incomplete", missing="The letter.")
    return number


def _escalated(stage: Stage) -> str:
    number = casts.revision(stage)
    casts.take(stage, "ana", number, "escalate", note="No more time.")
    return number


def _overriding(stage: Stage) -> str:
    number = casts.not_recommended(stage)
    casts.take(stage, "chief", number, "propose_override", note="Urgent.")
    return number


def _lapsed(stage: Stage) -> str:
    number = _incomplete(stage)
    stage.wait(days=91)
    tick(stage.database, stage.library, stage.now)
    return number


def _annulling(stage: Stage) -> str:
    number = casts.approved(stage)
    casts.take(stage, "chief", number, "propose_annulment", note="A mistake.")
    return number


def _waited(stage: Stage) -> str:
    number = _annulling(stage)
    stage.wait(days=8)
    return number


def _registered(stage: Stage) -> str:
    number = casts.submitted(stage)
    casts.take(stage, "desk", number, "register_approval", approval=APPROVAL)
    return number


def _correcting(stage: Stage) -> str:
    number = _registered(stage)
    casts.take(stage, "desk", number, "propose_correction", note="A slip.")
    return number


def _void(stage: Stage) -> str:
    number = casts.outside(stage)
    casts.take(stage, "desk", number, "correct_registration", note="A slip.")
    return number


def _sent(stage: Stage) -> str:
    number = casts.approved(stage)
    casts.take(stage, "desk", number, "send_to_donor")
    return number


def _spent(stage: Stage) -> str:
    number = casts.revision(stage)
    for _ in range(2):
        casts.resubmit(stage, number)
        casts.assign(stage, number)
        casts.rate(stage, number, TRI_1="1")
        casts.take(stage, "lead", number, "request_revision", changes=CHANGES)
    return number


def _held(stage: Stage) -> str:
    number = casts.submitted(stage)
    casts.take(stage, "desk", number, "hold", until=stage.now.replace(month=3).date(), note="Elections.")
    return number


def _expired(stage: Stage) -> str:
    number = _held(stage)
    stage.wait(days=60)
    return number


def _silent(stage: Stage) -> str:
    number = _incomplete(stage)
    stage.wait(days=91)
    return number


def _revising(stage: Stage) -> str:
    return casts.rated(stage, ratings={"TRI_1": "1"})


# Name of the step: where from, who takes it, what is given, where it leads.
STEPS: dict[str, tuple[Callable[[Stage], str], str, dict[str, Any], str]] = {
    "submit": (casts.draft, "ana", {}, "submitted"),
    "return_incomplete": (casts.submitted, "desk", {"missing": "A letter."}, "incomplete"),
    "assign": (casts.submitted, "desk", {"lead": "lead"}, "under_appraisal"),
    "reassign": (casts.rated, "desk", {"lead": "eval", "note": "Ill."}, "under_appraisal"),
    "finalise": (casts.rated, "lead", {}, "awaiting_decision"),
    "request_revision": (_revising, "lead", {"changes": CHANGES}, "revision_requested"),
    "recall": (casts.awaiting, "lead", {"note": "A slip."}, "under_appraisal"),
    "approve": (casts.awaiting, "chief", {}, "approved"),
    "propose_override": (casts.not_recommended, "chief", {"note": "Urgent."}, "awaiting_decision"),
    "countersign": (_overriding, "deputy", {}, "approved"),
    "return": (casts.awaiting, "chief", {"changes": CHANGES}, "revision_requested"),
    "reject": (casts.awaiting, "chief", {"note": "No."}, "rejected"),
    "continue_rounds": (_spent, "chief", {"note": "Nearly there."}, "revision_requested"),
    "escalate": (casts.revision, "ana", {"note": "No more time."}, "awaiting_decision"),
    "withdraw": (casts.rated, "ana", {"note": "No longer needed."}, "withdrawn"),
    "lapse": (_silent, "system", {}, "lapsed"),
    "reopen": (_lapsed, "desk", {}, "incomplete"),
    "register_approval": (casts.submitted, "desk", {"approval": APPROVAL}, "approved"),
    "correct_registration": (_registered, "desk", {"note": "A slip."}, "submitted"),
    "propose_correction": (_registered, "desk", {"note": "A slip."}, "approved"),
    "confirm_correction": (_correcting, "chief", {}, "submitted"),
    "propose_annulment": (casts.approved, "chief", {"note": "A mistake."}, "approved"),
    "annul": (_annulling, "deputy", {}, "annulled"),
    "withdraw_signature": (_annulling, "chief", {"note": "A slip."}, "approved"),
    "decline_signature": (_overriding, "deputy", {"note": "No."}, "awaiting_decision"),
    "lapse_signature": (_waited, "system", {}, "approved"),
    "send_to_donor": (casts.approved, "desk", {}, "sent_to_donor"),
    "fund": (_sent, "desk", {"agreement": AGREEMENT}, "funded"),
    "decline_funding": (_sent, "desk", {"agreement": AGREEMENT}, "not_funded"),
    "start": (casts.funded, "desk", {}, "started"),
    "hold": (casts.submitted, "desk", {"until": UNTIL, "note": "Elections."}, "submitted"),
    "release": (_held, "desk", {}, "submitted"),
    "end_hold": (_expired, "system", {}, "submitted"),
}


def test_every_step_of_the_workflow_stands_above(library: Library) -> None:
    assert set(STEPS) == {transition.name for transition in library.newest_workflow().transitions}


def _jobs(stage: Stage) -> int:
    with stage.database.read() as db:
        jobs = tables.jobs
        return db.execute(select(func.count()).select_from(jobs).where(jobs.c.kind == "render")).scalar_one()


def _row(stage: Stage, number: str) -> dict[str, Any]:
    table = tables.proposals
    with stage.database.read() as db:
        return dict(db.execute(select(table).where(table.c.number == number)).mappings().one())


def _chain(stage: Stage, case: Case) -> list[events.Event]:
    with stage.database.read() as db:
        return lists.chain_of(db, case.id)


@pytest.mark.parametrize("step", STEPS)
def test_a_step_writes_its_row_one_event_and_the_outbox(stage: Stage, step: str) -> None:
    build, who, given, to = STEPS[step]
    number = build(stage)
    before, jobs, at = casts.load(stage, number), _jobs(stage), stage.now
    returned = casts.take(stage, who, number, step, **given)

    after, row = casts.load(stage, number), _row(stage, number)
    transition = stage.library.newest_workflow().transition(step)
    assert after.state == to
    assert after.row_version == before.row_version + 1
    assert _jobs(stage) - jobs == len(transition.records)
    # What the step returns is what is stored, but for the names of people, which it loads no more of.
    assert replace(returned, people={}) == replace(after, people={})
    assert set(returned.people) - {0} <= set(after.people) | {p.id for p in stage.people.values()}

    taken = after.steps[-1]
    assert (taken.name, taken.act, taken.from_state, taken.to_state) == (
        step,
        transition.act,
        before.state,
        to,
    )
    assert (taken.at, taken.note) == (at, Inputs(**given).remark)
    assert taken.by == (0 if who == "system" else stage.people[who].id)
    assert len(after.steps) == len(before.steps) + 1

    chain = _chain(stage, after)
    assert events.broken(chain, after.head) is None
    facts = chain[-1].facts
    assert (facts["action"], facts["facts"]["from"], facts["facts"]["to"]) == (step, before.state, to)
    assert after.sequence == before.sequence + 1 == len(chain)

    if to != before.state:
        # Whoever corrects a registration gives back what counted as the state before it.
        previous = "draft" if "correct" in step else before.state
        assert (after.state_since, after.previous_state) == (at, previous)
    else:
        assert (after.state_since, after.previous_state) == (before.state_since, before.previous_state)
    book = rulebook.rulebook(stage.library, after.workflow, after.set)
    standing = steps.standing(book, after)
    assert {name: row[name] for name in standing} == standing


NEEDED = {name: given for name, (_, _, given, _) in STEPS.items() if given}


@pytest.mark.parametrize("step", NEEDED)
def test_a_step_without_what_it_asks_for_writes_nothing(lite: Stage, step: str) -> None:
    build, who, given, _ = STEPS[step]
    number = build(lite)
    for name in given:
        others = {key: value for key, value in given.items() if key != name}
        assert casts.refused(lite, who, number, step, **others) == (f"{name}_missing",)


STATES: dict[str, Callable[[Stage], str]] = {
    "draft": casts.draft,
    "submitted": casts.submitted,
    "incomplete": _incomplete,
    "under_appraisal": casts.rated,
    "revision_requested": casts.revision,
    "awaiting_decision": casts.awaiting,
    "approved": casts.approved,
    "sent_to_donor": _sent,
    "funded": casts.funded,
    "void": _void,
}


def _end(stage: Stage, name: str) -> str:
    build, who, given, _ = STEPS[name]
    number = build(stage)
    casts.take(stage, who, number, name, **given)
    return number


ENDS = {
    "started": "start",
    "not_funded": "decline_funding",
    "rejected": "reject",
    "withdrawn": "withdraw",
    "annulled": "annul",
    "lapsed": "lapse",
}


def test_every_state_of_the_workflow_is_reached_here(library: Library) -> None:
    assert set(STATES) | set(ENDS) == set(library.newest_workflow().states)


@pytest.mark.parametrize("state", [*STATES, *ENDS])
def test_nobody_does_what_is_not_theirs(lite: Stage, state: str) -> None:
    """Judge every step for everybody: whoever lacks the role or is excluded is refused."""
    number = STATES[state](lite) if state in STATES else _end(lite, ENDS[state])
    case, before = casts.load(lite, number), casts.contents(lite)
    assert case.state == state
    book = rulebook.rulebook(lite.library, case.workflow, case.set)
    for transition in book.workflow.transitions:
        given = _inputs(lite, STEPS[transition.name][2])
        leaves = state in transition.from_
        for who, person in lite.people.items():
            if leaves and _is_entitled(case, transition, person):
                continue
            with pytest.raises(NotAllowed) as caught:
                machine.fire(book, case, person, lite.now, transition.name, given)
            assert leaves or caught.value.codes == ("wrong_state",), who
        if leaves:
            # Auditors read everything that was submitted, and do nothing.
            with pytest.raises((NotAllowed, NotFound)):
                casts.take(lite, "auditor", number, transition.name, **STEPS[transition.name][2])
    assert casts.contents(lite) == before


def _inputs(stage: Stage, given: dict[str, Any]) -> Inputs:
    named: dict[str, Any] = {**given, "lead": stage.people[given["lead"]]} if "lead" in given else given
    return Inputs(**named)


def _is_entitled(case: Case, transition: Transition, person: Person) -> bool:
    """Tell whether role and relations open a step, as the domain rules say it in words."""
    if any(person.id in case.related(relation) for relation in transition.excludes):
        return False
    return any(
        person.id in case.related(by) if by in ("author", "lead") else by in person.roles
        for by in transition.by
    )


def test_an_unknown_step_is_refused(lite: Stage) -> None:
    number = casts.draft(lite)
    assert casts.refused(lite, "ana", number, "to_approved") == ("unknown_step",)


def test_no_step_is_older_than_what_it_follows(stage: Stage) -> None:
    number = casts.submitted(stage)
    casts.assign(stage, number)
    newest = stage.now - timedelta(minutes=1)
    stage.now = newest - timedelta(microseconds=1)
    assert casts.refused(stage, "desk", number, "reassign", lead="eval", note="Ill.") == ("clock_behind",)
    with pytest.raises(NotAllowed, match="What was last done with this proposal is newer than this"):
        casts.take(stage, "desk", number, "hold", until=UNTIL, note="Elections.")
    # What moves nothing may be a little older, since it waits for whoever writes.
    for behind, is_kept in ((60.5, False), (60, True)):
        stage.now = newest - timedelta(seconds=behind)
        with stage.database.begin() as db, nullcontext() if is_kept else pytest.raises(NotAllowed):
            drafts.note_event(
                db, load_case(db, number, lock=True), stage.people["desk"], stage.now, "noted", {}, aside=True
            )


def test_a_tick_leaves_what_is_newer_to_the_next(lite: Stage) -> None:
    number = casts.submitted(lite)
    casts.take(lite, "desk", number, "hold", until=lite.now.date() + timedelta(days=1), note="Elections.")
    lite.wait(days=3)
    with by_hand(lite.database, lite.now, number):
        pass
    assert tick(lite.database, lite.library, lite.now - timedelta(hours=1)) == time_steps.Ticked()
    assert tick(lite.database, lite.library, lite.now).steps == ((number, "end_hold"),)


def test_a_closed_account_takes_no_step(lite: Stage) -> None:
    number = casts.awaiting(lite)
    closed = replace(lite.people["chief"], active=False)
    with pytest.raises(NotFound), lite.database.begin() as db:
        acts.take_step(db, lite.library, closed, lite.now, number, "approve", Inputs())


def test_a_step_of_nobodys_proposal_is_not_found(lite: Stage) -> None:
    number = casts.draft(lite)
    for who in ("ben", "chief", "admin"):
        with pytest.raises(NotFound):
            casts.take(lite, who, number, "submit")


def test_coordinators_act_on_drafts_that_they_do_not_read(lite: Stage) -> None:
    number = casts.draft(lite)
    assert casts.refused(lite, "desk", number, "submit") == ("not_author",)
    approval = ApprovalGiven("Minute 1", "Registry", lite.now)
    case = casts.take(lite, "desk", number, "register_approval", approval=approval)
    assert (case.state, case.versions, case.workflow) == ("approved", (), "standard.v1")
    with lite.database.read() as db:
        assert load(db, lite.library, number, lite.people["desk"])[0].number == number


def test_what_is_said_along_with_a_step_stands_in_the_trail(lite: Stage) -> None:
    number = casts.submitted(lite)
    case = casts.take(lite, "desk", number, "return_incomplete", missing="The annex.", note="Soon, please.")
    assert case.arrival is not None
    assert case.arrival.note == "The annex.\nSoon, please."
