"""Proofs of the standard workflow, and what each line of it holds up."""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from appraisal.definitions.documents import parse, read_document
from appraisal.definitions.library import Library
from appraisal.definitions.proofs import fewest_people, prove
from appraisal.definitions.workflows import Naming, Workflow
from appraisal.workflow.rules.guards import names

NAMES = names()


@pytest.fixture
def standard(library: Library) -> Workflow:
    return library.workflow("standard.v1")


@pytest.fixture
def small() -> Workflow:
    file = Path(__file__).parent / "small" / "small.v1.yaml"
    return parse(read_document(file), Workflow, NAMES)


def changed(workflow: Workflow, name: str, **changes: Any) -> Workflow:
    """Return the workflow with one transition changed."""
    transitions = tuple(
        entry.model_copy(update=changes) if entry.name == name else entry for entry in workflow.transitions
    )
    return workflow.model_copy(update={"transitions": transitions})


def without(workflow: Workflow, *dropped: str) -> Workflow:
    """Return the workflow without some transitions."""
    kept = tuple(entry for entry in workflow.transitions if entry.name not in dropped)
    return workflow.model_copy(update={"transitions": kept})


def findings(workflow: Workflow) -> Sequence[str]:
    return [message for _, message in prove(workflow, NAMES)]


def test_the_standard_workflow_holds(standard: Workflow) -> None:
    assert prove(standard, NAMES) == []


def test_it_takes_three_people_to_approve_and_four_to_override(standard: Workflow) -> None:
    assert fewest_people(standard, NAMES) == {"approve": 3, "countersign": 4}


def test_the_proof_is_quick(standard: Workflow) -> None:
    began = time.process_time()
    prove(standard, NAMES)
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("approve", {"excludes": ("lead",)}),
        ("approve", {"excludes": ("author",)}),
        ("approve", {"by": "lead", "excludes": ("author",)}),
        ("approve", {"by": "system", "excludes": ()}),
        ("countersign", {"excludes": ("author", "lead")}),
        ("countersign", {"excludes": ("lead", "signatory")}),
        ("countersign", {"excludes": ("author", "signatory")}),
        ("propose_override", {"excludes": ("lead",)}),
        ("propose_override", {"excludes": ("author",)}),
        ("propose_override", {"marks": None}),
    ],
)
def test_every_exclusion_carries_weight(standard: Workflow, name: str, changes: dict[str, Any]) -> None:
    assert any("which takes" in message for message in findings(changed(standard, name, **changes)))


@pytest.mark.thorough
def test_an_author_is_kept_from_leading_twice_over(standard: Workflow) -> None:
    """By who may be named, and by who may finish an appraisal: both would have to go."""
    careless = changed(standard, "assign", names={"lead": Naming(role="appraiser")})
    assert prove(careless, NAMES) == []
    assert any("which takes" in message for message in findings(changed(careless, "finalise", excludes=())))


def test_a_former_lead_stays_bound(small: Workflow) -> None:
    """Handing the appraisal on does not make its first lead free to decide."""
    reassign = small.transition("assign").model_copy(
        update={"name": "reassign", "from_": ("under_appraisal",), "to": "internal", "act": "reassign"}
    )
    both = small.model_copy(update={"transitions": (*small.transitions, reassign)})
    assert prove(both, NAMES) == []
    assert fewest_people(both, NAMES) == {"approve": 3}


def test_the_path_that_breaks_the_rule_is_told_in_words(standard: Workflow) -> None:
    (message,) = findings(changed(standard, "approve", excludes=("lead",)))
    assert message == (
        "two people can bring a proposal to ‘approve’, which takes 3: person 1 writes the draft; "
        "person 1: submit; person 2: assign (lead: person 2); person 2: finalise; person 1: approve"
    )


def test_the_shortest_path_of_one_person(standard: Workflow) -> None:
    alone = standard
    for name in ("assign", "finalise", "approve"):
        alone = changed(alone, name, excludes=())
    alone = changed(alone, "assign", names={"lead": Naming(role="appraiser")})
    (message,) = [entry for entry in findings(alone) if "‘approve’" in entry]
    assert message.startswith("one person can bring a proposal to ‘approve’, which takes 3: ")
    assert message.count("person 1") == 6
    assert "person 2" not in message


def test_an_approval_needs_the_appraisal_of_the_present_version(standard: Workflow) -> None:
    """With the way from a revision straight to the decision, the guard alone would not hold it up."""
    straight = standard.transition("submit").model_copy(update={"name": "hurry", "to": "awaiting_decision"})
    hurried = standard.model_copy(update={"transitions": (*standard.transitions, straight)})
    assert prove(hurried, NAMES) == []
    unguarded = changed(hurried, "approve", when=("recommendation_favourable",))
    (message,) = findings(unguarded)
    # Two people even suffice then, and that is what is said first.
    assert message.startswith("two people can bring a proposal to ‘approve’, which takes 3: ")


def test_a_recalled_appraisal_is_none(small: Workflow) -> None:
    recall = small.transition("finalise").model_copy(
        update={
            "name": "recall",
            "from_": ("awaiting_decision",),
            "to": "internal",
            "act": "recall",
            "when": (),
        }
    )
    loose = small.model_copy(update={"transitions": (*small.transitions, recall)})
    assert prove(loose, NAMES) == []
    (message,) = findings(changed(loose, "approve", when=()))
    assert message.startswith("‘approve’ can be taken without a finished appraisal of the present version: ")


def test_a_second_signature_needs_a_first(standard: Workflow) -> None:
    """And that of an override is void once the proposal is approved: it serves no annulment."""
    assert findings(without(standard, "propose_annulment")) == [
        f"‘{name}’ can never be taken: what it asks for never comes together"
        for name in ("annul", "lapse_signature")
    ]


def test_a_lapsed_proposal_is_no_dead_end_since_it_can_be_reopened(standard: Workflow) -> None:
    stuck = without(standard, "reopen", "register_approval")
    assert findings(stuck) == [
        "the state ‘lapsed’ is a dead end: nothing leads out of it, and it is not terminal"
    ]


def test_findings_point_at_the_transition(standard: Workflow) -> None:
    ((path, _),) = prove(changed(standard, "approve", excludes=("lead",)), NAMES)
    index = [entry.name for entry in standard.transitions].index("approve")
    assert path == ("transitions", index)


def test_requirements_of_guards_are_read(standard: Workflow) -> None:
    """Without knowing that a countersignature waits for a first signature, two managers are not proved."""
    ignorant = replace(NAMES, guards=dict.fromkeys(NAMES.guards, ""))
    assert any("‘countersign’" in message for _, message in prove(standard, ignorant))


def test_whoever_else_a_step_names_changes_no_count(standard: Workflow) -> None:
    """Administrators change the lead as well; nobody becomes free to decide by that."""
    assert standard.transition("reassign").by == ("coordinator", "administrator")
    assert fewest_people(standard, NAMES) == fewest_people(
        changed(standard, "reassign", by=("coordinator",)), NAMES
    )


def test_every_actor_of_a_step_is_looked_at(standard: Workflow) -> None:
    """With the lead among those who approve, the exclusion of leads is all that holds the lead up."""
    both = changed(standard, "approve", by=("lead", "manager"))
    assert prove(both, NAMES) == []
    loose = changed(standard, "approve", by=("manager", "lead"), excludes=("author",))
    assert any("two people can bring a proposal to ‘approve’" in message for message in findings(loose))
    late = changed(standard, "lapse", by=("coordinator", "author"))
    assert prove(late, NAMES) == []
