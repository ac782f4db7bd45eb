"""Tracks, US dollars and what a submission must hold."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from appraisal.definitions.library import Library
from appraisal.definitions.workflows import Workflow
from appraisal.proposals.rules import track_and_money
from appraisal.proposals.rules.track_and_money import Rate
from appraisal.scenarios.complete_proposal import neutral_content
from tests.builders import DOCUMENTS, attached

DAY = date(2012, 3, 1)
RATES = (
    Rate("CHF", date(2012, 1, 1), Decimal("0.9")),
    Rate("CHF", date(2012, 3, 1), Decimal("0.8")),
    Rate("CHF", date(2012, 3, 2), Decimal("0.1")),
    Rate("JPY", date(2012, 1, 1), Decimal(3)),
)


@pytest.fixture
def workflow(library: Library) -> Workflow:
    return library.newest_workflow()


def row(amount: str, currency: str = "USD", **changes: str) -> dict[str, str]:
    return {
        "donor": "D",
        "private": "no",
        "fund": "XBTC",
        "modality": "direct",
        "amount": amount,
        "currency": currency,
    } | changes


def usd_of(*rows: dict[str, str]) -> list[str | None]:
    given = track_and_money.contributions(neutral_content({"contributions": rows}), RATES, DAY)
    return [None if entry.usd is None else str(entry.usd) for entry in given]


def test_the_newest_rate_that_is_not_later() -> None:
    assert usd_of(row("8", "CHF")) == ["10.00"]
    assert track_and_money.rate_on(RATES, "CHF", date(2012, 2, 29)) == RATES[0]
    assert track_and_money.rate_on(RATES, "CHF", date(2011, 12, 31)) is None


def test_us_dollars_need_no_rate() -> None:
    assert usd_of(row("5000000.01")) == ["5000000.01"]


def test_cents_are_rounded_half_up() -> None:
    assert usd_of(row("0.01", "JPY"), row("0.015", "JPY"), row("1", "JPY")) == ["0.00", "0.01", "0.33"]


def test_a_currency_without_a_rate() -> None:
    assert usd_of(row("1", "XOF")) == [None]


def test_several_donors_count_together() -> None:
    content = neutral_content(
        {"contributions": [row("3000000"), row("1600000", "CHF"), row("0.01"), row("x")]}
    )
    given = track_and_money.contributions(content, RATES, DAY)
    assert track_and_money.total_usd(given) == Decimal("5000000.01")
    assert track_and_money.funds(given) == {"XBTC"}


@pytest.mark.parametrize(
    ("given", "usd", "track"),
    [
        ({}, "500000", "fast"),
        ({}, "500000.01", "standard"),
        ({}, "5000000", "standard"),
        ({}, "5000000.01", "reinforced"),
        ({"countries": ["ZM", "TZ"]}, "1000", "standard"),
        ({"countries": ["global"]}, "1000", "standard"),
        ({"countries": []}, "1000", "standard"),
        ({"private": True}, "1000", "standard"),
    ],
)
def test_tracks(workflow: Workflow, given: dict[str, Any], usd: str, track: str) -> None:
    assert track_and_money.derive(workflow, neutral_content(given), Decimal(usd)) == track


@pytest.mark.parametrize(
    ("usd", "tightened", "track"),
    [
        ("1000", "standard", "standard"),
        ("1000", "reinforced", "reinforced"),
        ("1000000", "fast", "standard"),
        ("9000000", "standard", "reinforced"),
        ("1000", "nowhere", "fast"),
    ],
)
def test_a_coordinator_only_tightens(workflow: Workflow, usd: str, tightened: str, track: str) -> None:
    assert track_and_money.derive(workflow, neutral_content({}), Decimal(usd), tightened) == track


@pytest.mark.parametrize(
    ("track", "kinds", "missing"),
    [
        ("fast", (), ["outline", "consultation"]),
        ("fast", ("outline", "consultation"), []),
        ("standard", ("outline", "consultation"), ["prodoc", "monitoring_plan"]),
        ("reinforced", ("outline", "consultation", "prodoc", "monitoring_plan"), []),
    ],
)
def test_documents_of_a_track(
    workflow: Workflow, track: str, kinds: tuple[str, ...], missing: list[str]
) -> None:
    """Logframe, budget, work plan and risk register stand in the form already."""
    assert (
        track_and_money.documents_missing(workflow, track, neutral_content({}), attached(*kinds)) == missing
    )


def test_a_document_takes_the_place_of_an_empty_section(workflow: Workflow) -> None:
    content = neutral_content({}) | {"risks": {}}
    assert track_and_money.documents_missing(workflow, "standard", content, DOCUMENTS) == ["risk_register"]
    with_file = (*DOCUMENTS, *attached("risk_register"))
    assert track_and_money.documents_missing(workflow, "standard", content, with_file) == []


def test_a_private_funder_needs_a_clearance(workflow: Workflow) -> None:
    content = neutral_content({"private": True})
    assert track_and_money.documents_missing(workflow, "standard", content, DOCUMENTS) == ["ppp_clearance"]
    assert "Reference of the public-private partnership clearance" in track_and_money.fields_missing(content)


def test_fields_that_a_submission_needs() -> None:
    assert track_and_money.fields_missing(neutral_content({})) == []
    assert "Title" in track_and_money.fields_missing({})
    assert track_and_money.fields_missing(neutral_content({"kind": "next_phase"})) == [
        "Number of the earlier proposal"
    ]
    unfinished = neutral_content({"contributions": [row("")]})
    assert track_and_money.fields_missing(unfinished) == ["Amount"]


def test_what_the_form_says_about_items_that_are_not_relevant() -> None:
    assert track_and_money.checklist_facts(neutral_content({})) == {
        "no_private_funder": True,
        "no_learning_component": False,
        "centre_is_provider": True,
    }
    assert track_and_money.checklist_facts(
        neutral_content({"learning_component": False, "private": True})
    ) == {
        "no_private_funder": False,
        "no_learning_component": True,
        "centre_is_provider": False,
    }
    # Unsaid counts as training by somebody else.
    assert track_and_money.checklist_facts({})["no_learning_component"] is False


@pytest.mark.parametrize("text", ["", "x", "NaN", "Infinity", None, "1,5"])
def test_what_is_no_amount(text: Any) -> None:
    assert track_and_money.decimal(text) is None
