"""Activities: status, shares, yearly budgets, and what keeps a proposal from being one."""

import itertools
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appraisal.definitions.library import Library
from appraisal.iati.rules import activities
from appraisal.iati.rules.activities import Activity, Budget, LeftOut, Publishable
from appraisal.proposals.rules import track_and_money
from appraisal.scenarios.complete_proposal import neutral_content
from appraisal.settings import Publisher

ILO = Publisher()
AT = datetime(2010, 3, 1, 9, tzinfo=UTC)
MONEY = st.decimals(min_value=0, max_value=10**12, places=2)
CODES = st.lists(
    st.sampled_from(["ZM", "TZ", "KE", "UG", "ET", "MZ", "MW", "ZA", "NA", "BW", "LS", "SZ", "AO"]),
    min_size=1,
    unique=True,
)


def publishable(library: Library, state: str = "approved", **content: Any) -> Publishable:
    form = neutral_content(content)
    return Publishable(
        number="TC-2010-0007",
        state=library.newest_workflow().states[state],
        content=form,
        contributions=track_and_money.contributions(form, (), date(2010, 3, 1)),
        valued_at=AT,
        updated_at=AT,
    )


def mapped(given: Publishable) -> Activity:
    found = activities.activity(given, ILO, "en")
    assert isinstance(found, Activity)
    return found


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("submitted", "1"),
        ("incomplete", "1"),
        ("under_appraisal", "1"),
        ("revision_requested", "1"),
        ("awaiting_decision", "1"),
        ("approved", "1"),
        ("sent_to_donor", "1"),
        ("funded", "2"),
        ("started", "2"),
        ("not_funded", "5"),
        ("rejected", "5"),
        ("withdrawn", "5"),
        ("annulled", "5"),
        ("lapsed", "5"),
        ("void", "5"),
    ],
)
def test_the_status_follows_from_what_the_state_means(library: Library, state: str, status: str) -> None:
    found = library.newest_workflow().states[state]
    assert activities.status_of(found, held=False) == status
    assert activities.status_of(found, held=True) == ("6" if found.open else status)


def test_every_state_of_the_workflow_is_spoken_of(library: Library) -> None:
    spoken = test_the_status_follows_from_what_the_state_means.pytestmark[0].args[1]  # type: ignore[attr-defined]
    assert {state for state, _ in spoken} | {"draft"} == set(library.newest_workflow().states)


@given(CODES, st.data())
def test_shares_add_up_to_exactly_100(codes: list[str], data: st.DataObject) -> None:
    weights = {code: data.draw(st.decimals(min_value="0.01", max_value=10**9, places=2)) for code in codes}
    shares = dict(activities.percentages(codes, weights))
    assert sum(shares.values()) == 100
    assert list(shares) == codes
    whole = sum(weights.values())
    for code, share in shares.items():
        assert abs(share - weights[code] * 100 / whole) < Decimal("0.01")
        assert share.as_tuple().exponent == -2


def test_what_is_left_over_goes_to_the_largest_remainders_then_to_the_first() -> None:
    equal = activities.percentages(["ZM", "TZ", "KE"], dict.fromkeys(["ZM", "TZ", "KE"], Decimal(1)))
    assert equal == (("ZM", Decimal("33.34")), ("TZ", Decimal("33.33")), ("KE", Decimal("33.33")))
    weights = {"ZM": Decimal(1), "TZ": Decimal(5)}
    assert activities.percentages(["ZM", "TZ"], weights) == (
        ("ZM", Decimal("16.67")),
        ("TZ", Decimal("83.33")),
    )


def test_countries_share_by_the_budget_where_every_line_names_one(library: Library) -> None:
    def shares(*lines: tuple[str, str]) -> dict[str, Decimal]:
        rows = [{"output": "1", "text": "x", "country": code, "amount": amount} for code, amount in lines]
        made = publishable(library, countries=["ZM", "TZ"], content={"budget": {"lines": rows}})
        return dict(mapped(made).countries)

    assert shares(("ZM", "300"), (" tz ", "100")) == {"ZM": Decimal(75), "TZ": Decimal(25)}
    equal = {"ZM": Decimal(50), "TZ": Decimal(50)}
    assert shares(("ZM", "300"), ("Tanzania", "100")) == equal
    assert shares(("ZM", "300"), ("", "100")) == equal
    assert shares(("ZM", "300")) == equal
    assert shares(("ZM", "300"), ("TZ", "0")) == equal


@given(st.dates(date(1990, 1, 1), date(2060, 1, 1)), st.integers(0, 5000), MONEY)
def test_budgets_are_of_one_year_and_add_up(first: date, days: int, usd: Decimal) -> None:
    last = first + timedelta(days=days)
    budgets = activities.yearly(first, last, usd)
    assert sum(entry.usd for entry in budgets) == usd
    assert (budgets[0].first, budgets[-1].last) == (first, last)
    for entry in budgets:
        assert entry.first.year == entry.last.year
        assert entry.usd >= 0
    for before, after in itertools.pairwise(budgets):
        assert after.first == before.last + timedelta(days=1)


def test_a_budget_is_cut_by_days() -> None:
    assert activities.yearly(date(2010, 7, 1), date(2012, 6, 30), Decimal(900000)) == (
        Budget(date(2010, 7, 1), date(2010, 12, 31), Decimal("226538.99")),
        Budget(date(2011, 1, 1), date(2011, 12, 31), Decimal("449384.40")),
        Budget(date(2012, 1, 1), date(2012, 6, 30), Decimal("224076.61")),
    )


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"start": ""}, "there is no planned start"),
        ({"title": " "}, "there is no title"),
        ({"summary": ""}, "there is no summary"),
        ({"countries": []}, "there is neither a country nor a region"),
        ({"countries": ["global"], "region": ""}, "there is neither a country nor a region"),
        ({"content": {"alignment": {"outcome": ""}}}, "there is no programme and budget outcome"),
    ],
)
def test_what_lacks_something_mandatory_is_left_out_and_says_so(
    library: Library, fields: dict[str, Any], reason: str
) -> None:
    found = activities.activity(publishable(library, **fields), ILO, "en")
    assert found == LeftOut("TC-2010-0007", (reason,))


def test_everything_that_is_missing_is_said_at_once(library: Library) -> None:
    empty = replace(publishable(library), content={"identification": {"title": "Only a title"}})
    found = activities.activity(empty, ILO, "en")
    assert isinstance(found, LeftOut)
    assert len(found.reasons) == 4


def test_what_nobody_told_is_neither_a_funder_nor_a_budget_of_nought(library: Library) -> None:
    given = publishable(library)
    unknown = track_and_money.approved_outside({}, (), date(2010, 3, 1), "XBTC")
    found = mapped(replace(given, contributions=unknown))
    assert (found.funders, found.budgets) == ((), ())
    assert found.remarks == ("without a budget, since no contribution is named",)


def test_a_budget_without_an_end_or_a_rate_is_a_remark(library: Library) -> None:
    endless = mapped(publishable(library, end=""))
    assert (endless.budgets, endless.remarks) == ((), ("without a budget, since there is no planned end",))
    euros = mapped(publishable(library, budget={"amount": "100", "currency": "EUR"}))
    assert euros.remarks == ("without a budget, since no US$ rate was frozen with it",)
    nobody = mapped(publishable(library, contributions=[]))
    assert nobody.remarks == ("without a budget, since no contribution is named",)


@pytest.mark.parametrize(
    ("countries", "region", "scope", "shown"),
    [
        (["ZM"], "africa", "4", None),
        (["ZM", "TZ"], "africa", "3", None),
        (["global"], "africa", "2", ("africa", "Africa")),
        (["global"], "interregional", "1", ("interregional", "Interregional or global")),
    ],
)
def test_the_scope_is_one_country_several_a_region_or_the_world(
    library: Library, countries: list[str], region: str, scope: str, shown: tuple[str, str] | None
) -> None:
    found = mapped(publishable(library, countries=countries, region=region))
    assert (found.scope, found.region) == (scope, shown)


def test_a_next_phase_is_a_sibling_and_a_new_try_had_another_number(library: Library) -> None:
    phase = replace(publishable(library, kind="next_phase"), predecessor="TC-2009-0001")
    assert (mapped(phase).related, mapped(phase).previous) == ((("3", "XM-DAC-41302-TC-2009-0001"),), "")
    again = replace(publishable(library), predecessor="TC-2009-0001")
    assert (mapped(again).related, mapped(again).previous) == ((), "XM-DAC-41302-TC-2009-0001")


def test_a_country_project_is_below_its_umbrella(library: Library) -> None:
    child = mapped(replace(publishable(library, kind="child"), parent="TC-2010-0001"))
    assert (child.hierarchy, child.related) == (2, (("1", "XM-DAC-41302-TC-2010-0001"),))
    above = mapped(replace(publishable(library, kind="umbrella"), children=("TC-2010-0008",)))
    assert (above.hierarchy, above.related) == (1, (("2", "XM-DAC-41302-TC-2010-0008"),))


def test_demonstration_data_says_so_in_its_title(library: Library) -> None:
    made = replace(publishable(library, title="Decent work"), illustrative=True)
    assert mapped(made).title == "ILLUSTRATIVE, invented for demonstration: Decent work"


def test_a_donor_of_several_contributions_is_named_once(library: Library) -> None:
    rows = [
        {"donor": "Finland", "amount": "1"},
        {"donor": "A company", "private": True, "amount": "2"},
        {"donor": "Finland", "fund": "RBSA", "amount": "3"},
    ]
    assert mapped(publishable(library, contributions=rows)).funders == (
        ("Finland", False),
        ("A company", True),
    )
