"""The pipeline: what marks a stage, how stages add up, who passes first, and which items fail most."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appraisal.definitions.library import Library
from appraisal.indicators.rules.appraised_share import Share
from appraisal.indicators.rules.pipeline import (
    STAGES,
    Marks,
    Rated,
    Reached,
    Recommended,
    Stage,
    failing,
    first_round,
    funnel,
    marks,
)

SET = "appraisal.v1"


def came(*stages: Stage, count: int = 1, illustrative: bool = False) -> Reached:
    return Reached(frozenset(stages), illustrative, count)


def test_stages_are_marked_by_acts_and_by_what_states_declare(library: Library) -> None:
    found = marks(library.newest_workflow())
    assert found["submitted"] == Marks(acts=("submit",))
    assert found["appraised"] == Marks(("finalise", "request_revision"), ("awaiting_decision",))
    # A decision against the proposal is a decision as well.
    assert found["approved"] == Marks(states=("approved",))
    assert found["with_donor"] == Marks(states=("sent_to_donor",))
    assert found["funded"] == Marks(states=("funded", "started"))


def test_a_funnel_adds_up_who_reached_what() -> None:
    found = funnel(
        [
            came("submitted", count=4),
            came("submitted", "appraised", count=3),
            came("submitted", "approved", count=2),
            came("submitted", "appraised", "approved", "with_donor", "funded"),
            came("submitted", "appraised"),
        ]
    )
    assert tuple(found.counts.values()) == (11, 5, 3, 1, 1)
    assert tuple(found.counts) == STAGES
    assert (found.unappraised, found.illustrative) == (2, False)
    assert funnel([came("submitted", illustrative=True)]).illustrative
    assert set(funnel([]).counts.values()) == {0}


@given(
    st.lists(
        st.builds(
            Reached,
            st.frozensets(st.sampled_from(STAGES)),
            st.booleans(),
            st.integers(1, 9),
        )
    )
)
def test_a_funnel_of_parts_is_the_sum_of_their_funnels(entries: list[Reached]) -> None:
    found = funnel(entries)
    parts = [funnel([entry]) for entry in entries]
    for stage in STAGES:
        assert found.counts[stage] == sum(part.counts[stage] for part in parts)
    assert found.unappraised == sum(part.unappraised for part in parts)


@pytest.mark.parametrize(
    ("finals", "share"),
    [
        ({}, Share(0, 0)),
        ({"READY": 3}, Share(3, 3)),
        ({"READY": 2, "READY_WITH_CONDITIONS": 1, "REVISE": 4, "NOT_RECOMMENDED": 1}, Share(3, 8)),
    ],
)
def test_a_first_appraisal_passes_by_what_its_recommendation_means(
    library: Library, finals: dict[str, int], share: Share
) -> None:
    counted = [Recommended(SET, final, False, count) for final, count in finals.items()]
    assert first_round(library, counted) == share


def rated(item: str, **counts: int) -> list[Rated]:
    return [Rated(SET, item, value.removeprefix("r"), False, count) for value, count in counts.items()]


def test_items_that_fail_most_come_first(library: Library) -> None:
    found = failing(
        library,
        [
            *rated("ALI-1", r1=2, r3=8, X=5),
            *rated("TRI-4", r1=5, r2=5),
            # As many as ALI-1, of fewer.
            *rated("GEN-1", r1=2, r2=1),
            *rated("RBM-1", r2=9),
        ],
    )
    assert [(entry.item.id, entry.share) for entry in found] == [
        ("TRI-4", Share(5, 10)),
        ("GEN-1", Share(2, 3)),
        ("ALI-1", Share(2, 10)),
    ]
    assert (found[0].set, found[0].checklist) == (SET, "tripartism.v1")
    assert found[0].item == library.checklist("tripartism.v1").item("TRI-4")
    assert [entry.item.id for entry in failing(library, rated("TRI-4", r1=1) + rated("ALI-1", r1=2), 1)] == [
        "ALI-1"
    ]
