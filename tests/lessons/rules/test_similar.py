"""What counts as similar, in which order, and what is written down about it."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appraisal.definitions.library import Library
from appraisal.lessons.rules.lessons import Lesson
from appraisal.lessons.rules.similar import (
    Candidate,
    Match,
    Profile,
    appended,
    item_for,
    overlap_note,
    profile,
    profile_of,
    profile_of_lesson,
    ranked,
    shared,
    weak_items,
)
from appraisal.proposals.facts import RatingGiven
from appraisal.proposals.rules import form

EARLY = datetime(2010, 2, 1, 9, tzinfo=UTC)
MINE = profile(["ZM", "TZ"], "Labour migration", "Outcome 7")

PROFILES = st.builds(
    profile,
    st.lists(st.sampled_from(["ZM", "TZ", "JO", "global"]), max_size=3),
    st.sampled_from(["", "Labour migration", "LABOUR  migration ", "Child labour"]),
    st.sampled_from(["", "Outcome 7", "outcome 7", "Outcome 8"]),
)
CANDIDATES = st.lists(
    st.builds(
        Candidate,
        st.integers(1, 30).map(lambda number: f"TC-2010-{number:04d}"),
        st.integers(0, 3).map(lambda days: EARLY + timedelta(days=days)),
        PROFILES,
    ),
    max_size=30,
    unique_by=lambda entry: entry.key,
)


@given(PROFILES, PROFILES)
def test_being_similar_is_mutual(one: Profile, other: Profile) -> None:
    assert shared(one, other) == shared(other, one)


@given(PROFILES, CANDIDATES, st.randoms())
def test_the_order_does_not_depend_on_how_the_candidates_came(
    mine: Profile, candidates: list[Candidate[str]], chance: object
) -> None:
    shuffled = list(candidates)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert ranked(mine, shuffled) == ranked(mine, candidates)


@given(PROFILES, CANDIDATES)
def test_nothing_is_similar_to_itself(mine: Profile, candidates: list[Candidate[str]]) -> None:
    own = "TC-2010-0007"
    others = [entry for entry in candidates if entry.key != own]
    itself = Candidate(own, EARLY, mine)
    assert ranked(mine, [*others, itself], own) == ranked(mine, others)


@given(PROFILES, CANDIDATES)
def test_those_with_most_in_common_come_first_and_at_most_ten(
    mine: Profile, candidates: list[Candidate[str]]
) -> None:
    found = ranked(mine, candidates)
    at = {entry.key: entry.at for entry in candidates}
    keys = [(len(match.shared), at[match.key], match.key) for match in found]
    assert keys == sorted(keys, reverse=True)
    similar = [entry for entry in candidates if shared(mine, entry.profile)]
    assert len(found) == min(10, len(similar))
    left = {entry.key for entry in similar} - {match.key for match in found}
    assert all(
        (len(shared(mine, entry.profile)), entry.at, entry.key) < keys[-1]
        for entry in similar
        if entry.key in left
    )


@pytest.mark.parametrize(
    ("other", "named"),
    [
        (profile(["TZ"], "", ""), ("country",)),
        (profile([], "labour   MIGRATION", ""), ("theme",)),
        (profile([], "", " outcome 7 "), ("outcome",)),
        (profile(["ZM", "TZ"], "Labour migration", "Outcome 7"), ("country", "theme", "outcome")),
        (profile(["JO"], "Migration", "Outcome 70"), ()),
        (profile([], "", ""), ()),
    ],
)
def test_what_two_have_in_common_is_named(other: Profile, named: tuple[str, ...]) -> None:
    assert shared(MINE, other) == named


def test_a_global_proposal_names_no_country() -> None:
    assert shared(profile(["global"], "", ""), profile(["global"], "", "")) == ()


def test_letters_beyond_ascii_are_compared_without_regard_to_case() -> None:
    assert shared(profile([], "ÉGALITÉ DE RÉMUNÉRATION", ""), profile([], "Égalité de rémunération", ""))


def test_the_profile_is_read_from_the_form() -> None:
    content: form.Content = {
        "identification": {"countries": ["ZM", "global"], "theme": "Labour Inspection"},
        "alignment": {"outcome": "Outcome 11"},
    }
    assert profile_of(content) == Profile(frozenset({"ZM"}), "labour inspection", "outcome 11")
    assert profile_of({}) == Profile()


def test_the_profile_of_a_lesson_has_its_countries() -> None:
    lesson = Lesson("i-eval 1", "Plan.", "South Asia", "BD NP", "Design", "", "Report")
    assert profile_of_lesson(lesson) == Profile(frozenset({"BD", "NP"}), "design", "")


def test_weak_are_the_lowest_ratings_and_those_that_conditions_come_from(library: Library) -> None:
    chosen = library.newest_set()
    criteria = library.criteria(chosen.key)
    ratings = [
        RatingGiven("RBM-8", "1"),
        RatingGiven("ALI-6", "1"),
        RatingGiven("ALI-7", "2"),
        RatingGiven("ALI-8", "X"),
        RatingGiven("GONE-1", "1"),
    ]
    assert [item.id for item in weak_items(chosen, criteria, ratings)] == ["ALI-6", "RBM-8"]
    milder = chosen.model_copy(update={"conditions_from": ("2",)})
    assert [item.id for item in weak_items(milder, criteria, ratings)] == ["ALI-6", "ALI-7", "RBM-8"]


def test_the_definitions_say_what_is_looked_up(library: Library) -> None:
    criteria = library.criteria(library.newest_set().key)
    overlap, lessons = item_for(criteria, "overlap"), item_for(criteria, "lessons")
    assert overlap is not None
    assert lessons is not None
    assert (overlap[1].id, lessons[1].id) == ("ALI-6", "RBM-8")
    assert item_for(criteria[1:2], "overlap") is None


def test_what_was_checked_is_one_sentence_in_the_language_of_who_writes() -> None:
    day = date(2010, 2, 4)
    found = [Match("TC-2010-0003", ("country", "theme")), Match("TC-2010-0001", ("outcome",))]
    assert overlap_note("en", day, found) == (
        "Checked for overlap on 4 February 2010: "
        "TC-2010-0003 (same country, same theme); TC-2010-0001 (same outcome)."
    )
    assert overlap_note("en", day, []) == (
        "Checked for overlap on 4 February 2010: no similar proposal was found."
    )
    assert "4 février 2010" in overlap_note("fr", day, found)


def test_a_note_comes_after_what_stands_there() -> None:
    assert appended("", "Note.") == "Note."
    assert appended("  \n", "Note.") == "Note."
    assert appended("First.\nSecond. \n\n", "Note.") == "First.\nSecond.\nNote."
