"""Registrations: which two entries are one approval, and which may be."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from appraisal.proposals.rules.registrations import Entry, entry_of, likeness

START = datetime(2010, 1, 1, tzinfo=UTC)
MOMENTS = st.none() | st.integers(0, 72).map(lambda hours: START + timedelta(hours=hours))
AMOUNTS = st.frozensets(st.tuples(st.sampled_from(["USD", "EUR"]), st.sampled_from([Decimal(5), Decimal(9)])))
ENTRIES = st.builds(
    Entry,
    number=st.just(""),
    title=st.sampled_from(["Mines", " mines ", "Ports", "\u0627\u0644\u0639\u0645\u0644"]),
    symbol=st.sampled_from(["", "A/1", "A/2"]),
    donors=st.frozensets(st.sampled_from(["norway", "japan"])),
    amounts=AMOUNTS,
    approved_at=MOMENTS,
    is_approved=st.booleans(),
)


@given(ENTRIES, ENTRIES)
def test_likeness_is_mutual_and_no_symbol_is_another(one: Entry, other: Entry) -> None:
    found = likeness(one, other)
    assert found == likeness(other, one)
    if one.symbol and other.symbol and one.symbol != other.symbol:
        assert found == ""
    if found == "same":
        assert one.is_approved
        assert other.is_approved


@given(ENTRIES)
def test_whatever_is_entered_twice_is_found(entry: Entry) -> None:
    tells = bool(entry.is_approved and (entry.donors or entry.amounts or entry.approved_at))
    assert likeness(entry, entry) == ("same" if tells else "alike")


def _entry(symbol: str = "RAF/10/55/USA", at: datetime | None = None, **row: Any) -> Entry:
    given = {"donor": "Norway", "currency": "usd", "amount": "1000", **row}
    content = {"identification": {"title": "Mines", "symbol": symbol, "contributions": [given]}}
    return entry_of("TC-2010-0001", content, at)


def test_spelling_makes_no_other_approval() -> None:
    assert likeness(_entry(), _entry("raf / 10/55/usa", donor="NORWAY ", amount="1")) == "same"
    assert likeness(_entry(), _entry(donor="Japan", amount="1000.00")) == "same"
    assert likeness(_entry(), _entry(donor="Japan", currency="EUR")) == "alike"


def test_what_a_list_does_not_say_tells_nothing() -> None:
    assert likeness(_entry(donor="–", amount="0"), _entry(donor="–", amount="0")) == "alike"
    assert likeness(_entry(donor="", amount=""), _entry(donor="", amount="much")) == "alike"


def test_a_day_is_that_of_geneva() -> None:
    late = datetime(2010, 1, 5, 22, 59, tzinfo=UTC)
    one, other = _entry(at=late), _entry(at=late + timedelta(minutes=1), donor="Japan", amount="5")
    assert likeness(one, other) == "alike"
    assert likeness(one, _entry(at=late - timedelta(hours=22), donor="Japan", amount="5")) == "same"
