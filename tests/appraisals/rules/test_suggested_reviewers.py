"""Suggested reviewers: who comes first and why, and why others cannot be asked. No database."""

from dataclasses import replace
from datetime import date

import pytest

from appraisal.appraisals.rules.suggested_reviewers import MOST, Load, Suggestions, suggest
from appraisal.definitions.library import Library
from appraisal.people.facts import Person
from appraisal.proposals.facts import Appraisal, Case, Review
from appraisal.proposals.rules.rulebook import Rulebook
from tests import builders
from tests.builders import AUTHOR, DAY, HOUR, LEAD, NOW


@pytest.fixture(scope="module")
def book(library: Library) -> Rulebook:
    """The rulebook of the newest definitions."""
    return builders.book_of(library)


def _appraiser(id: int, name: str, unit: str) -> Person:
    return Person(id, name, frozenset({"appraiser"}), unit=unit)


ACTEMP = _appraiser(11, "Hana", "ACT/EMP")
GENDER = _appraiser(12, "Ivo", "GENDER")
EVAL = _appraiser(13, "Jana", "EVAL")
IDLE = _appraiser(14, "Karl", "SKILLS")
BUSY = _appraiser(15, "Lena", "SKILLS")
LOADS = (
    Load(ACTEMP, 3, 1),
    Load(GENDER, 0, 1),
    Load(EVAL, 1, 0),
    Load(IDLE, 0, 0),
    Load(BUSY, 2, 2),
)


def _review(person: Person, **changes: object) -> Review:
    given = Review(
        person.id,
        person.id,
        person.unit,
        ("TRI",),
        NOW - 5 * DAY,
        date(2012, 3, 8),
        declaration="nothing",
    )
    return replace(given, **changes)  # type: ignore[arg-type]


def _suggest(book: Rulebook, case: Case, *checklists: str, loads: tuple[Load, ...] = LOADS) -> Suggestions:
    running = case.appraisal
    assert running is not None
    return suggest(case, book, running, loads, checklists)


def _names(found: Suggestions) -> list[str]:
    return [entry.person.name for entry in found.suggested]


def test_units_that_the_checklists_name_come_first_then_who_has_least_in_hand(book: Rulebook) -> None:
    found = _suggest(book, builders.under_appraisal(book), "TRI")
    assert _names(found) == ["Hana", "Karl", "Ivo", "Jana", "Lena"]
    first = found.suggested[0]
    assert (first.named, first.before, first.load.total) == (("TRI",), None, 4)
    assert _names(_suggest(book, builders.under_appraisal(book), "GEN"))[0] == "Ivo"
    assert _names(_suggest(book, builders.under_appraisal(book), "RBM")) == [
        "Karl",
        "Ivo",
        "Jana",
        "Hana",
        "Lena",
    ]


def test_with_no_checklist_chosen_every_one_that_applies_counts(book: Rulebook) -> None:
    below = _suggest(book, builders.under_appraisal(book))
    assert _names(below) == ["Ivo", "Hana", "Karl", "Jana", "Lena"]
    assert below.suggested[1].named == ("TRI", "CAP")
    above = _suggest(book, builders.under_appraisal(book, {"budget": "6000000"}))
    assert _names(above)[:3] == ["Ivo", "Jana", "Hana"]
    assert above.suggested[1].named == ("EVA",)


def test_who_reviewed_the_version_before_comes_first_and_is_marked(book: Rulebook) -> None:
    case = builders.under_appraisal(book)
    former = replace(case.versions[0], id=10, number=1)
    case = replace(
        case,
        versions=(former, replace(case.versions[0], number=2)),
        appraisals=(
            Appraisal(
                20,
                1,
                former.id,
                LEAD.id,
                NOW - 40 * DAY,
                reviews=(
                    _review(BUSY, signed_at=NOW - 30 * DAY),
                    _review(IDLE, withdrawn_at=NOW - 30 * DAY),
                ),
                closed_at=NOW - 30 * DAY,
            ),
            *case.appraisals,
        ),
    )
    found = _suggest(book, case, "TRI")
    assert [(entry.person.name, entry.before) for entry in found.suggested[:3]] == [
        ("Lena", 1),
        ("Hana", None),
        ("Karl", None),
    ]


def test_everybody_who_cannot_be_asked_is_named_with_the_reason(book: Rulebook) -> None:
    case = builders.under_appraisal(book)
    case = builders.with_appraisal(
        case,
        reviews=(
            _review(ACTEMP, signed_at=NOW - HOUR),
            _review(GENDER, declaration="declared"),
            _review(IDLE, withdrawn_at=NOW - HOUR),
        ),
    )
    both = replace(AUTHOR, roles=frozenset({"designer", "appraiser"}))
    found = _suggest(book, case, "TRI", loads=(*LOADS, Load(both, 0, 0), Load(LEAD, 0, 1)))
    assert [(person.name, [refusal.code for refusal in why]) for person, why in found.barred] == [
        ("Ada", ["reviewer_is_author"]),
        ("Cleo", ["reviewer_is_lead"]),
        ("Hana", ["reviewer_asked"]),
        ("Ivo", ["reviewer_conflicted"]),
    ]
    # What was taken back may be asked anew.
    assert "Karl" in _names(found)


def test_a_block_is_reviewed_by_its_unit_alone(book: Rulebook) -> None:
    case = builders.under_appraisal(book, {"budget": "6000000"})
    found = _suggest(book, case, "EVA", "TRI")
    assert _names(found) == ["Jana"]
    assert {why[0].code for _, why in found.barred} == {"block_unit"}


def test_beyond_a_glance_the_others_follow_in_the_same_order(book: Rulebook) -> None:
    many = tuple(Load(_appraiser(100 + place, f"N{place:02}", "SKILLS"), place, 0) for place in range(12))
    found = _suggest(book, builders.under_appraisal(book), "TRI", loads=many[::-1])
    assert len(found.suggested) == MOST
    assert [entry.load.total for entry in (*found.suggested, *found.others)] == list(range(12))
