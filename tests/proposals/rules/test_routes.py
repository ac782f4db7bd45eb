"""Routes: derived from the facts, so that the order of two moments decides, and nothing typed in."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from appraisal.definitions.library import Library
from appraisal.proposals.facts import Condition
from appraisal.proposals.rules.routes import Route, route
from appraisal.proposals.rules.rulebook import Rulebook
from tests.builders import HOUR, NOW, annulled, approved, awaiting_decision, book_of, with_appraisal

TICK = timedelta(microseconds=1)
AFTER = Route("outside", "appraisal_after_approval")


@pytest.fixture(scope="module")
def book(library: Library) -> Rulebook:
    return book_of(library)


def waived(moment: Any) -> tuple[Condition, ...]:
    return (Condition(1, 1, "TRI-4", "Do it.", waived_at=moment),)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, Route("mechanism")),
        ({"final": "READY_WITH_CONDITIONS"}, Route("mechanism")),
        ({"finalised_at": NOW - TICK}, Route("mechanism")),
        ({"finalised_at": NOW}, AFTER),
        ({"finalised_at": NOW + HOUR}, AFTER),
        ({"finalised_at": None}, AFTER),
        ({"version_id": 10}, Route("outside", "other_version")),
        ({"superseded_at": NOW - HOUR}, Route("outside", "other_version")),
        ({"conditions": waived(NOW + HOUR)}, Route("mechanism")),
        # One signature alone against the appraisal: neither the mechanism nor an override.
        ({"conditions": waived(NOW - HOUR)}, Route("outside")),
        ({"final": "REVISE"}, Route("outside")),
        ({"final": "NOT_RECOMMENDED"}, Route("outside")),
    ],
)
def test_route_of_an_approval(book: Rulebook, changes: dict[str, Any], expected: Route) -> None:
    assert route(with_appraisal(approved(book), **changes), book) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"final": "REVISE"}, Route("override")),
        ({"final": "NOT_RECOMMENDED"}, Route("override")),
        ({"conditions": waived(NOW - HOUR)}, Route("override")),
        ({"final": "REVISE", "version_id": 10}, Route("outside", "other_version")),
        ({"final": "REVISE", "finalised_at": NOW}, AFTER),
    ],
)
def test_route_of_a_second_signature(book: Rulebook, changes: dict[str, Any], expected: Route) -> None:
    assert route(with_appraisal(approved(book, "countersign"), **changes), book) == expected


@pytest.mark.parametrize(
    ("usd", "covers", "expected"),
    [
        ("5000000.00", False, Route("mechanism")),
        ("5000000.01", True, Route("mechanism")),
        ("5000000.01", False, Route("outside", "evaluability_missing")),
    ],
)
def test_above_five_million_the_review_is_part_of_it(
    book: Rulebook, usd: str, covers: bool, expected: Route
) -> None:
    case = with_appraisal(approved(book), covers_evaluability=covers)
    assert case.version is not None
    sized = replace(case, versions=(replace(case.version, threshold_usd=Decimal(usd)),))
    assert route(sized, book) == expected


def test_registered_is_outside_whatever_was_appraised(book: Rulebook) -> None:
    case = approved(book, "register_approval", approved_at=NOW + HOUR)
    assert route(case, book) == Route("outside", "registered")
    assert route(approved(book, "register_approval", approved_at=None), book) == Route(
        "outside", "registered"
    )


def test_an_approval_without_an_appraisal(book: Rulebook) -> None:
    assert route(replace(approved(book), appraisals=()), book) == Route("outside", "other_version")


def test_no_route_without_an_approval(book: Rulebook) -> None:
    assert route(awaiting_decision(book), book) is None
    assert route(annulled(approved(book)), book) is None
