"""The machine: every transition of the standard workflow, from every state, for everybody."""

import ast
import inspect
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from appraisal.appraisals.rules import completeness
from appraisal.definitions.library import Library
from appraisal.definitions.workflows import ACTS, INTERNAL, Workflow
from appraisal.language.texts import LANGUAGES
from appraisal.people.facts import SYSTEM_ACTOR, Person
from appraisal.proposals.facts import Case, Hold, Step
from appraisal.proposals.rules.attempt import INPUTS, Agreement, Inputs
from appraisal.proposals.rules.rulebook import Rulebook
from appraisal.vocabulary.refusals import SENTENCES, NotAllowed, refuse
from appraisal.vocabulary.roles import ROLES
from appraisal.workflow.rules import guards, machine
from tests.builders import (
    AUTHOR,
    COORDINATOR,
    DAY,
    LEAD,
    MANAGER,
    NOW,
    OTHER_APPRAISER,
    OTHER_DESIGNER,
    SECOND_MANAGER,
    approved,
    awaiting_decision,
    book_of,
    draft,
    revision_requested,
    submitted,
    under_appraisal,
    with_appraisal,
)
from tests.workflow.rules.attempts import (
    CHANGES,
    HELD,
    NOTE,
    OPEN_STATES,
    REGISTERED,
    Make,
    fire,
    override,
    refused,
    rounds,
)


@pytest.fixture(scope="module")
def book(library: Library) -> Rulebook:
    return book_of(library)


# Every transition is open to the right person at the right time.


def registered(book: Rulebook, state: str, by: Person = SECOND_MANAGER) -> Case:
    """Return a proposal whose approval was registered just now, while it was in a state."""
    case = approved(book, "register_approval", by=by.id)
    step = Step(1, "register_approval", "register_approval", state, "approved", NOW, by.id)
    return replace(case, previous_state=state, steps=(step,))


def created(book: Rulebook, by: Person = SECOND_MANAGER) -> Case:
    """Return a proposal that came into being with the registration of its approval."""
    return replace(registered(book, "draft", by), origin="registered", versions=())


WAYS: list[tuple[str, Make, Person, Inputs, str]] = [
    ("submit", lambda book: draft(), AUTHOR, Inputs(), "submitted"),
    ("submit", lambda book: replace(submitted(), state="incomplete"), AUTHOR, Inputs(), "submitted"),
    ("submit", revision_requested, AUTHOR, Inputs(), "submitted"),
    ("return_incomplete", lambda book: submitted(), COORDINATOR, Inputs(missing="Budget"), "incomplete"),
    ("return_incomplete", under_appraisal, COORDINATOR, Inputs(missing="Budget"), "incomplete"),
    ("assign", lambda book: submitted(), COORDINATOR, Inputs(lead=LEAD), "under_appraisal"),
    ("reassign", under_appraisal, COORDINATOR, Inputs(lead=OTHER_APPRAISER, note="Ill."), "under_appraisal"),
    ("finalise", under_appraisal, LEAD, Inputs(), "awaiting_decision"),
    ("request_revision", lambda book: under_appraisal(book, TRI_1="1"), LEAD, CHANGES, "revision_requested"),
    ("recall", awaiting_decision, LEAD, NOTE, "under_appraisal"),
    ("approve", awaiting_decision, MANAGER, Inputs(), "approved"),
    ("approve", lambda book: awaiting_decision(book, "READY_WITH_CONDITIONS"), MANAGER, Inputs(), "approved"),
    ("propose_override", lambda book: awaiting_decision(book, "REVISE"), MANAGER, NOTE, "awaiting_decision"),
    (
        "countersign",
        lambda book: override(awaiting_decision(book, "REVISE")),
        SECOND_MANAGER,
        Inputs(),
        "approved",
    ),
    ("return", awaiting_decision, MANAGER, CHANGES, "revision_requested"),
    ("reject", awaiting_decision, MANAGER, NOTE, "rejected"),
    ("reject", lambda book: revision_requested(book, steps=rounds(3)), MANAGER, NOTE, "rejected"),
    (
        "continue_rounds",
        lambda book: revision_requested(book, steps=rounds(3)),
        MANAGER,
        NOTE,
        "revision_requested",
    ),
    ("escalate", revision_requested, AUTHOR, NOTE, "awaiting_decision"),
    *[
        ("withdraw", lambda book, s=state: submitted(state=s), AUTHOR, NOTE, "withdrawn")
        for state in OPEN_STATES
    ],
    (
        "lapse",
        lambda book: submitted(state="incomplete", state_since=NOW - 91 * DAY),
        SYSTEM_ACTOR,
        Inputs(),
        "lapsed",
    ),
    (
        "reopen",
        lambda book: submitted(state="lapsed", previous_state="incomplete"),
        COORDINATOR,
        Inputs(),
        "incomplete",
    ),
    (
        "reopen",
        lambda book: submitted(state="lapsed", previous_state="revision_requested"),
        COORDINATOR,
        Inputs(),
        "revision_requested",
    ),
    *[
        ("register_approval", lambda book, s=state: submitted(state=s), COORDINATOR, REGISTERED, "approved")
        for state in (*OPEN_STATES, "rejected", "withdrawn", "lapsed", "annulled")
    ],
    *[
        (
            "correct_registration",
            lambda book, s=state: registered(book, s, by=COORDINATOR),
            COORDINATOR,
            NOTE,
            state,
        )
        for state in (*OPEN_STATES, "rejected", "withdrawn", "lapsed", "annulled")
    ],
    ("correct_registration", lambda book: created(book, by=COORDINATOR), COORDINATOR, NOTE, "void"),
    ("propose_correction", lambda book: registered(book, "lapsed"), COORDINATOR, NOTE, "approved"),
    *[
        (
            "confirm_correction",
            lambda book, m=make: override(m(book), COORDINATOR, kind="propose_correction"),
            MANAGER,
            Inputs(),
            leads_to,
        )
        for make, leads_to in ((created, "void"), (lambda book: registered(book, "rejected"), "rejected"))
    ],
    ("propose_annulment", approved, MANAGER, NOTE, "approved"),
    (
        "annul",
        lambda book: override(approved(book), kind="propose_annulment"),
        SECOND_MANAGER,
        Inputs(),
        "annulled",
    ),
    *[
        (
            name,
            lambda book, s=state: override(replace(approved(book), state=s), kind="propose_annulment"),
            actor,
            NOTE,
            state,
        )
        for state in ("approved", "sent_to_donor", "funded")
        for name, actor in (("withdraw_signature", MANAGER), ("decline_signature", SECOND_MANAGER))
    ],
    *[
        (name, lambda book: override(awaiting_decision(book, "REVISE")), actor, NOTE, "awaiting_decision")
        for name, actor in (("withdraw_signature", MANAGER), ("decline_signature", SECOND_MANAGER))
    ],
    *[
        (
            "lapse_signature",
            lambda book, s=state: override(
                replace(approved(book), state=s), kind="propose_annulment", at=NOW - 8 * DAY
            ),
            SYSTEM_ACTOR,
            Inputs(),
            state,
        )
        for state in ("approved", "sent_to_donor", "funded")
    ],
    ("send_to_donor", approved, COORDINATOR, Inputs(), "sent_to_donor"),
    (
        "fund",
        lambda book: replace(approved(book), state="sent_to_donor"),
        COORDINATOR,
        Inputs(agreement=Agreement(date(2012, 2, 1), "A 1")),
        "funded",
    ),
    (
        "decline_funding",
        lambda book: replace(approved(book), state="sent_to_donor"),
        COORDINATOR,
        Inputs(agreement=Agreement(date(2012, 2, 1), "Letter")),
        "not_funded",
    ),
    ("start", lambda book: replace(approved(book), state="funded"), COORDINATOR, Inputs(), "started"),
    *[
        (
            "hold",
            lambda book, s=state: submitted(state=s),
            COORDINATOR,
            Inputs(note="Wait.", until=date(2012, 3, 2)),
            state,
        )
        for state in OPEN_STATES
    ],
    *[
        ("release", lambda book, s=state: submitted(state=s, holds=HELD), COORDINATOR, Inputs(), state)
        for state in OPEN_STATES
    ],
    (
        "end_hold",
        lambda book: submitted(holds=(Hold(NOW - 9 * DAY, date(2012, 2, 29), "Wait.", 2),)),
        SYSTEM_ACTOR,
        Inputs(),
        "submitted",
    ),
]


@pytest.mark.parametrize(("name", "make", "actor", "given", "leads_to"), WAYS)
def test_open_to_the_right_person(
    book: Rulebook, name: str, make: Make, actor: Person, given: Inputs, leads_to: str
) -> None:
    case = make(book)
    assert fire(book, case, actor, name, given) == leads_to
    offered = machine.probe(book, case, actor, NOW, name)
    assert offered is not None
    assert offered.is_open


def test_every_transition_was_taken_from_every_state_it_leaves(book: Rulebook) -> None:
    taken = {(name, make(book).state) for name, make, *_ in WAYS}
    declared = {(entry.name, state) for entry in book.workflow.transitions for state in entry.from_}
    untried = {("propose_annulment", "sent_to_donor"), ("propose_annulment", "funded")}
    untried |= {("annul", "sent_to_donor"), ("annul", "funded"), ("lapse", "revision_requested")}
    untried |= {("end_hold", state) for state in OPEN_STATES if state != "submitted"}
    assert declared - taken == untried


# And to nobody else.

NAMED = {
    "author": ({AUTHOR}, "not_author"),
    "lead": ({LEAD}, "not_lead"),
    "coordinator": ({COORDINATOR}, "role_missing"),
    "manager": ({MANAGER, SECOND_MANAGER}, "role_missing"),
    "signatory": ({MANAGER}, "not_signatory"),
    "system": (set(), "not_system"),
}


@pytest.mark.parametrize(("name", "make", "actor", "given", "leads_to"), WAYS)
def test_closed_to_everybody_else(
    book: Rulebook, name: str, make: Make, actor: Person, given: Inputs, leads_to: str
) -> None:
    case = make(book)
    by = book.workflow.transition(name).by
    allowed = set().union(*(NAMED.get(actor, (set(), ""))[0] for actor in by))
    code = NAMED[by[0]][1]
    for other in {AUTHOR, COORDINATOR, LEAD, MANAGER, OTHER_DESIGNER, OTHER_APPRAISER} - allowed:
        assert code in refused(book, case, other, name, given)
    if actor is not SYSTEM_ACTOR:
        assert refused(book, case, replace(actor, active=False), name, given) == ["inactive"]
        # Whose registration it is lies in the person as well, and is judged with the proposal.
        found = refused(book, case, SYSTEM_ACTOR, name, given)
        assert [entry for entry in found if entry != "correction_not_own"] == [code]


@pytest.mark.parametrize(("name", "make", "actor", "given", "leads_to"), WAYS)
def test_wrong_state_stands_alone(
    book: Rulebook, name: str, make: Make, actor: Person, given: Inputs, leads_to: str
) -> None:
    """Whatever else is wrong: nobody, with nothing given, on hold."""
    left = book.workflow.transition(name).from_
    for state in set(book.workflow.states) - set(left):
        case = replace(make(book), state=state, holds=HELD)
        assert refused(book, case, replace(OTHER_DESIGNER, active=False), name) == ["wrong_state"]
        assert machine.probe(book, case, actor, NOW, name) is None


@pytest.mark.parametrize(
    ("name", "make"),
    [(name, make) for name, make, *_ in WAYS if name not in ("withdraw", "release", "end_hold", "lapse")],
)
def test_whoever_holds_every_role_is_still_bound_by_relations(book: Rulebook, name: str, make: Make) -> None:
    case, excludes = make(book), book.workflow.transition(name).excludes
    for relation in ("author", "lead"):
        mighty = Person(99, "Zoe", frozenset(ROLES))
        bound = replace(case, relations={**case.relations, relation: case.related(relation) | {99}})
        probed = machine.probe(book, bound, mighty, NOW, name)
        assert probed is not None
        codes = {refusal.code for refusal in probed.refusals}
        assert (f"excluded_{relation}" in codes) == (relation in excludes)


def test_the_first_signatory_may_not_give_the_second_signature(book: Rulebook) -> None:
    case = override(awaiting_decision(book, "REVISE"))
    assert refused(book, case, MANAGER, "countersign") == ["excluded_signatory"]
    annulling = override(approved(book), kind="propose_annulment")
    assert refused(book, annulling, MANAGER, "annul") == ["excluded_signatory"]


@pytest.mark.parametrize(
    ("name", "make", "actor", "code", "role"),
    [
        ("submit", lambda book: submitted(state="draft"), AUTHOR, "not_author", "designer"),
        ("finalise", under_appraisal, LEAD, "not_lead", "appraiser"),
        (
            "withdraw_signature",
            lambda book: override(awaiting_decision(book, "REVISE")),
            MANAGER,
            "not_signatory",
            "manager",
        ),
    ],
)
def test_whoever_has_lost_the_role_is_told_that(
    book: Rulebook, name: str, make: Make, actor: Person, code: str, role: str
) -> None:
    """Not that it is somebody else's: then nobody would look further."""
    case = make(book)
    without = replace(actor, roles=frozenset({"auditor"}))
    probed = machine.probe(book, case, without, NOW, name)
    assert probed is not None
    (first, *_) = probed.refusals
    assert (first.code, first.facts) == ("role_missing", {"role": (role,)})
    other = machine.probe(book, case, OTHER_APPRAISER, NOW, name)
    assert other is not None
    assert other.refusals[0].code == code


def _annulment_waits(workflow: Workflow) -> set[str]:
    """Return the states in which an annulment may wait for its second signature."""
    return {
        state for entry in workflow.transitions if entry.act == "propose_annulment" for state in entry.from_
    }


def test_no_step_ends_an_annulment_that_waits_by_moving_on(book: Rulebook) -> None:
    """Whatever leaves a state in which one may wait is its second signature, or is refused meanwhile."""
    onward = [
        (transition, state)
        for state in _annulment_waits(book.workflow)
        for transition in book.workflow.leaving(state)
        if transition.to != INTERNAL and transition.act != "annul"
    ]
    assert {transition.name for transition, _ in onward} >= {"send_to_donor", "fund", "start"}
    for transition, state in onward:
        waiting = override(replace(approved(book), state=state), kind="propose_annulment")
        probed = machine.probe(book, waiting, COORDINATOR, NOW, transition.name)
        assert probed is not None
        assert "annulment_pending" in {entry.code for entry in probed.refusals}, (transition.name, state)


def test_a_first_signature_can_always_be_ended(book: Rulebook) -> None:
    """Wherever one may be given it can be withdrawn and declined, and that of an annulment lapses."""
    for entry in book.workflow.transitions:
        if entry.marks != "signatory":
            continue
        ending = {"withdraw_signature", "decline_signature"}
        ending |= {"lapse_signature"} if entry.act == "propose_annulment" else set()
        for state in entry.from_:
            assert ending <= {step.act for step in book.workflow.leaving(state)}, (entry.name, state)


def test_an_annulment_lapses_after_its_last_day(book: Rulebook) -> None:
    """Signed on a Thursday: the fifth working day is the Thursday after, to its last minute in Geneva."""
    signed = datetime(2012, 3, 1, 9, tzinfo=UTC)
    case = override(approved(book), kind="propose_annulment", at=signed)
    last = datetime(2012, 3, 8, 22, 59, tzinfo=UTC)
    off = replace(case, holidays={"Geneva": frozenset({date(2012, 3, 5)})})
    for waiting, minute in ((case, last), (off, last + DAY)):
        with pytest.raises(NotAllowed) as error:
            machine.fire(book, waiting, SYSTEM_ACTOR, minute, "lapse_signature", Inputs())
        assert error.value.codes == ("annulment_not_expired",)
        assert (
            machine.fire(
                book, waiting, SYSTEM_ACTOR, minute + timedelta(minutes=1), "lapse_signature", Inputs()
            )[1]
            == "approved"
        )


def test_an_unknown_step(book: Rulebook) -> None:
    for name in ("to_approved", "approve; drop", "__class__", ""):
        assert refused(book, awaiting_decision(book), MANAGER, name) == ["unknown_step"]


# The machine itself.


def test_the_machine_holds_nothing_and_knows_no_short_cuts(book: Rulebook) -> None:
    built = machine.machine(book.workflow)
    assert built is machine.machine(book.workflow)
    fire(book, awaiting_decision(book), MANAGER, "approve")
    assert built.models == []
    assert set(built.events) == {entry.name for entry in book.workflow.transitions}


def test_previous_leads_back_wherever_one_may_have_come_from(small_lapse: Workflow, book: Rulebook) -> None:
    other = replace(book, workflow=small_lapse)
    case = submitted(state="lapsed", previous_state="submitted")
    assert fire(other, case, COORDINATOR, "reopen") == "submitted"
    assert refused(other, replace(case, previous_state="approved"), COORDINATOR, "reopen") == ["wrong_state"]


@pytest.fixture
def small_lapse(library: Library) -> Workflow:
    """The standard workflow, with a way into *lapsed* that is no lapse."""
    standard = library.workflow("standard.v1")
    shelve = standard.transition("withdraw").model_copy(
        update={"name": "shelve", "from_": ("submitted",), "to": "lapsed"}
    )
    return standard.model_copy(update={"transitions": (*standard.transitions, shelve)})


def test_a_refused_step_leaves_the_case_as_it_was(book: Rulebook) -> None:
    case = awaiting_decision(book, "REVISE")
    before = replace(case)
    refused(book, case, MANAGER, "approve")
    assert case == before


# Words.


def _literals(module: Any, *functions: str) -> set[str]:
    """Return the codes that a module passes to ``refuse``."""
    return {
        part.value
        for call in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in functions
        for part in call.args[:1]
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
    }


def test_every_refusal_has_a_sentence(book: Rulebook) -> None:
    codes = set().union(*(_literals(module, "refuse") for module in (guards, completeness, machine)))
    codes |= {f"{need}_missing" for need in INPUTS}
    codes |= {f"excluded_{relation}" for relation in ("author", "lead", "reviewer", "signatory")}
    assert len(codes) > 50
    assert codes <= set(SENTENCES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_reasons_are_said_in_each_language(book: Rulebook, language: Any) -> None:
    case = with_appraisal(replace(under_appraisal(book), holds=HELD), consultations=(), ratings={})
    with pytest.raises(NotAllowed) as error:
        machine.fire(book, case, AUTHOR, NOW, "finalise", Inputs())
    for refusal in error.value.refusals:
        assert "%(" not in refusal.say(language)


def test_every_act_of_the_workflow_is_known(book: Rulebook) -> None:
    assert {entry.act for entry in book.workflow.transitions} == set(ACTS)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (("Title", "Country"), "The form is not complete: Title, Country."),
        (
            ("Plan: milestones, means", "Country"),
            "The form is not complete: Plan: milestones, means; Country.",
        ),
    ],
)
def test_what_is_missing_is_told_apart_though_labels_hold_commas(fields: tuple[str, ...], said: str) -> None:
    assert refuse("fields_missing", fields=fields).say("en") == said
