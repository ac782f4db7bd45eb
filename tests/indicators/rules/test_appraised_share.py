"""Indicator 2.1: what counts above the line, what below it, and how the figure is shown."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appraisal.canonical import canonical, plain
from appraisal.definitions.library import Library
from appraisal.definitions.percentages import displayed_percent
from appraisal.indicators.rules.appraised_share import (
    SCOPES,
    Figures,
    Line,
    Report,
    Share,
    approval_rate,
    breakdown,
    figures,
    largest,
    replayed,
    report,
    summed,
)
from appraisal.indicators.services.appraised_share import definition
from appraisal.proposals.facts import Case
from appraisal.proposals.rules.approval import Approval, Told, approval_of, heard, told
from appraisal.proposals.rules.sums import Cell, Sum, added, moved, tally
from appraisal.vocabulary.biennium import biennium_of, first_year
from tests.builders import DAY, NOW, annulled, approved, awaiting_decision, book_of, submitted, with_appraisal


def proposal(route: Any = "mechanism", **changes: Any) -> Approval:
    """Return a proposal approved in 2012 with money from XBTC."""
    approved_at = None if route is None else NOW
    entry = Approval("P", "T", "approved", frozenset({"XBTC"}), Decimal(100), route, approved_at=approved_at)
    return replace(entry, workflow="standard.v1", **changes)


def listed(library: Library, proposals: Sequence[Approval], biennium: str = "2012-13") -> Report:
    return report(definition(library, "2.1"), biennium, proposals)


def count(library: Library, proposals: Sequence[Approval], biennium: str = "2012-13") -> Figures:
    return listed(library, proposals, biennium).figures


def shares(found: Figures) -> tuple[int, int]:
    return found.share.numerator, found.share.denominator


@pytest.mark.parametrize(
    ("entry", "numerator", "denominator"),
    [
        (proposal("mechanism"), 1, 1),
        (proposal("override"), 0, 1),
        (proposal("outside"), 0, 1),
        (proposal(None, state="rejected"), 0, 0),
        (proposal(None, state="withdrawn"), 0, 0),
        (proposal(None, state="lapsed"), 0, 0),
        (proposal(None, state="under_appraisal"), 0, 0),
        (proposal("mechanism", state="not_funded"), 1, 1),
        (proposal("mechanism", umbrella=True), 0, 0),
        (proposal("mechanism", funds=frozenset({"RBSA"})), 1, 1),
        (proposal("mechanism", funds=frozenset({"RBTC"})), 0, 0),
        (proposal("mechanism", funds=frozenset({"RBTC", "RBSA"})), 1, 1),
        (proposal("mechanism", funds=frozenset()), 0, 0),
        (proposal("mechanism", approved_at=None), 0, 0),
    ],
)
def test_what_counts(library: Library, entry: Approval, numerator: int, denominator: int) -> None:
    assert shares(count(library, [entry])) == (numerator, denominator)


@pytest.mark.parametrize(
    ("moment", "biennium"),
    [
        # Midnight in Geneva, one hour before UTC.
        (datetime(2011, 12, 31, 22, 59, 59, tzinfo=UTC), "2010-11"),
        (datetime(2011, 12, 31, 23, 0, 0, tzinfo=UTC), "2012-13"),
        (datetime(2013, 12, 31, 22, 59, 59, tzinfo=UTC), "2012-13"),
        (datetime(2013, 12, 31, 23, 0, 0, tzinfo=UTC), "2014-15"),
    ],
)
def test_the_day_in_geneva_decides(library: Library, moment: datetime, biennium: str) -> None:
    entry = proposal(approved_at=moment)
    for candidate in ("2010-11", "2012-13", "2014-15"):
        assert shares(count(library, [entry], candidate)) == ((1, 1) if candidate == biennium else (0, 0))


def test_no_data_is_neither_nought_nor_a_hundred(library: Library) -> None:
    found = count(library, [])
    assert (found.percent, found.met, found.share.exact) == (None, None, None)
    assert found.milestone == 90


def test_a_biennium_without_a_milestone(library: Library) -> None:
    found = count(library, [proposal(approved_at=datetime(2016, 5, 1, tzinfo=UTC))], "2016-17")
    assert (found.percent, found.milestone, found.met) == ("100.0", None, None)


@pytest.mark.parametrize(
    ("numerator", "denominator", "percent", "met"),
    [
        (9, 10, "90.0", True),
        (899, 1000, "89.90", False),
        (8999, 10000, "89.99", False),
        (901, 1000, "90.10", True),
        (902, 1000, "90.2", True),
        (898, 1000, "89.8", False),
        (2, 3, "66.7", False),
        (1, 8, "12.5", False),
        (1, 16, "6.3", False),
        (0, 5, "0.0", False),
        (5, 5, "100.0", True),
    ],
)
def test_the_figure_is_compared_unrounded(
    library: Library, numerator: int, denominator: int, percent: str, met: bool
) -> None:
    proposals = [proposal("mechanism")] * numerator + [proposal("outside")] * (denominator - numerator)
    found = count(library, proposals)
    assert (found.percent, found.met) == (percent, met)


@pytest.mark.parametrize(
    ("exact", "milestone", "text"),
    [
        (None, Decimal(75), None),
        (Fraction(7496, 100), Decimal(75), "74.96"),
        (Fraction(75), Decimal(75), "75.0"),
        (Fraction(7510, 100), Decimal(75), "75.10"),
        (Fraction(100), Decimal(100), "100.0"),
        (Fraction(7495, 100), None, "75.0"),
        (Fraction(7494, 100), None, "74.9"),
        (Fraction(100, 3), Decimal(75), "33.3"),
        # What misses a milestone by little never looks like it, nor what is above it by little.
        (Fraction(7499996, 100000), Decimal(75), "74.99996"),
        (Fraction(75000001, 1000000), Decimal(75), "75.000001"),
        (Fraction(74996, 1000), Decimal(75), "74.996"),
    ],
)
def test_how_a_percentage_is_shown(
    exact: Fraction | None, milestone: Decimal | None, text: str | None
) -> None:
    assert displayed_percent(exact, milestone) == text


def test_lines_beside_the_headline(library: Library) -> None:
    lists = listed(
        library,
        [
            proposal("mechanism", number="1", usd=Decimal("100.10"), decided="approved", decided_at=NOW),
            proposal(
                "override",
                number="2",
                usd=Decimal("200.20"),
                funds=frozenset({"RBSA"}),
                decided="approved",
                decided_at=NOW,
            ),
            proposal("outside", number="3", usd=Decimal("50.05"), reason="registered"),
            proposal("outside", number="4", approved_at=None),
            proposal("outside", number="5", funds=frozenset({"RBTC"})),
            proposal(None, number="6", state="rejected", decided="not_approved", decided_at=NOW),
            proposal(
                "mechanism", number="7", funds=frozenset({"XBTC", "RBSA"}), decided="approved", decided_at=NOW
            ),
        ],
    )
    found = lists.figures
    assert [entry.number for entry in lists.mechanism] == ["1", "7"]
    assert [entry.number for entry in lists.override] == ["2"]
    assert [entry.number for entry in lists.outside] == ["3"]
    assert [entry.number for entry in lists.undated] == ["4"]
    assert [entry.number for entry in lists.other_funds] == ["5"]
    assert (found.share, found.overrides, found.outside) == (Share(2, 4), 1, 1)
    assert (found.undated, found.other_funds) == (1, 1)
    assert found.complete is False
    assert found.with_overrides == Share(3, 4)
    assert (found.xbtc, found.rbsa) == (Share(2, 3), Share(1, 2))
    assert found.usd == (Decimal("200.10"), Decimal("450.35"))
    assert found.approved_of_appraised == Share(3, 4)
    assert found.states == (("standard.v1", "approved", 6), ("standard.v1", "rejected", 1))


def _acts_open(done: Sequence[str]) -> list[str]:
    """Return the acts that may come next in the history of a proposal."""
    last = next((act for act in reversed(done) if act in (*DECISIONS, "register_approval", *ENDS)), "")
    if last in ("approve", "countersign"):
        return ["annul"]
    if last == "register_approval":
        return list(ENDS)
    decides = () if "reject" in done or "annul" in done else DECISIONS
    return ["submit", "register_approval", *(decides if "submit" in done else ())]


DECISIONS = ("approve", "countersign", "reject")
ENDS = ("annul", "confirm_correction")


@st.composite
def histories(draw: st.DrawFn) -> list[str]:
    """Draw the acts of a proposal, each one where it may come."""
    done: list[str] = []
    for _ in range(draw(st.integers(1, 8))):
        done.append(draw(st.sampled_from(_acts_open(done))))
    return done


@given(st.lists(histories(), max_size=6))
def test_the_approval_rate_counts_what_was_decided_on_an_appraisal(
    drawn: list[list[str]],
) -> None:
    """What was registered, annulled or corrected outside is no decision here, and takes none away."""
    said = {"kind": "new", "approval": plain(told(proposal("mechanism")))}
    found = []
    for number, acts in enumerate(drawn):
        entry = replayed(Told(str(number), "step", act, "anywhere", said, NOW) for act in acts)
        if entry is not None:
            found.append(entry)
    decided = [
        (acts, max(place for place, act in enumerate(acts) if act in DECISIONS))
        for acts in drawn
        if set(acts) & set(DECISIONS)
    ]
    approved_still = [
        acts for acts, place in decided if acts[place] != "reject" and "annul" not in acts[place + 1 :]
    ]
    cells = added(map(tally, found))
    assert approval_rate("2012-13", cells) == Share(len(approved_still), len(decided))


def test_the_same_proposal_twice_is_two(library: Library) -> None:
    """Proposals are told apart by being there, not by what is in them."""
    assert shares(count(library, [proposal(), proposal()])) == (2, 2)


@pytest.mark.parametrize(
    ("day", "biennium"),
    [
        (date(2010, 1, 1), "2010-11"),
        (date(2011, 12, 31), "2010-11"),
        (date(2012, 1, 1), "2012-13"),
        (date(1999, 6, 1), "1998-99"),
        (date(2000, 6, 1), "2000-01"),
    ],
)
def test_bienniums(day: date, biennium: str) -> None:
    assert biennium_of(day) == biennium
    assert first_year(biennium) in (day.year, day.year - 1)


@pytest.mark.parametrize(
    "text", ["", "2010", "2011-12", "2010-12", "2010-2011", "10-11", "2010/11", "2010-11 ", "abcd-ef"]
)
def test_what_is_no_biennium(text: str) -> None:
    with pytest.raises(ValueError, match="is not a biennium"):
        first_year(text)


# Sums, and what is broken down.


def test_another_scope_counts_other_proposals(library: Library) -> None:
    proposals = [
        proposal("mechanism", number="1"),
        proposal("outside", number="2", funds=frozenset({"RBSA"})),
        proposal("mechanism", number="3", funds=frozenset({"RBTC"})),
    ]
    cells = added(map(tally, proposals))
    indicator = definition(library, "2.1")
    found = {name: shares(figures(indicator, "2012-13", cells, funds)) for name, funds in SCOPES.items()}
    assert found == {"XBTC": (1, 1), "RBSA": (0, 1), "RBTC": (1, 1), "all": (2, 3)}


def test_a_proposal_of_two_donors_stands_in_the_line_of_each(library: Library) -> None:
    both = (("Norway", Decimal("60.10")), ("Japan", Decimal(40)))
    entry = proposal("mechanism", region="africa", usd=Decimal("100.10"), donors=both)
    other = proposal("outside", region="africa", usd=Decimal(50), donors=(("Japan", Decimal(50)),))
    found = listed(library, [entry, other]).breakdowns
    assert found["donor"] == (
        Line("Japan", Share(1, 2), (Decimal(40), Decimal(90))),
        Line("Norway", Share(1, 1), (Decimal("60.10"), Decimal("60.10"))),
    )
    assert found["region"] == (Line("africa", Share(1, 2), (Decimal("100.10"), Decimal("150.10"))),)
    assert found["unit"] == (Line("", Share(1, 2), (Decimal("100.10"), Decimal("150.10"))),)


ENTRIES = st.builds(
    proposal,
    st.sampled_from(["mechanism", "override", "outside", None]),
    number=st.sampled_from("abc"),
    state=st.sampled_from(["approved", "rejected", "submitted"]),
    funds=st.sets(st.sampled_from(["XBTC", "RBSA", "RBTC"])).map(frozenset),
    usd=st.integers(0, 10**9).map(lambda cents: Decimal(cents).scaleb(-2)),
    approved_at=st.sampled_from([None, NOW, datetime(2010, 5, 1, tzinfo=UTC)]),
    umbrella=st.booleans(),
    illustrative=st.booleans(),
    region=st.sampled_from(["", "africa", "americas"]),
    donors=st.lists(
        st.tuples(st.sampled_from(["Japan", "Norway"]), st.integers(0, 99).map(Decimal)),
        unique_by=lambda entry: entry[0],
    ).map(tuple),
)


@given(before=st.lists(ENTRIES, max_size=8), after=st.lists(ENTRIES, max_size=8))
def test_sums_that_are_moved_are_those_counted_anew(before: list[Approval], after: list[Approval]) -> None:
    old, new = added(map(tally, before)), added(map(tally, after))
    kept = added([old, moved(old, new)])
    assert {cell: entry for cell, entry in kept.items() if any(entry)} == {
        cell: entry for cell, entry in new.items() if any(entry)
    }


@given(proposals=st.lists(ENTRIES, max_size=12), name=st.sampled_from(["region", "unit", "track"]))
def test_the_lines_of_a_breakdown_add_up_to_the_figure(
    library: Library, proposals: list[Approval], name: str
) -> None:
    found = listed(library, proposals)
    lines = breakdown(name, "2012-13", added(map(tally, proposals)), found.figures.scope)
    assert sum(line.share.numerator for line in lines) == found.figures.share.numerator
    assert sum(line.share.denominator for line in lines) == found.figures.share.denominator
    assert (
        tuple(sum((line.usd[place] for line in lines), Decimal(0)) for place in (0, 1)) == found.figures.usd
    )


@given(entry=ENTRIES.filter(lambda entry: entry.route is not None))
def test_what_an_event_tells_of_an_approval_is_heard(entry: Approval) -> None:
    assert heard(entry.number, entry.workflow, entry.state, json.loads(canonical(told(entry)))) == entry


def test_a_cell_of_cents_is_exact() -> None:
    cells = added([tally(proposal(usd=Decimal("0.10")))] * 3)
    assert cells[Cell("all", "", "2012-13", "XBTC", "mechanism", False)] == Sum(3, Decimal("0.30"))


# From the facts of a proposal.


def derived(library: Library, case: Case) -> tuple[str | None, str]:
    entry = approval_of(case, book_of(library))
    return entry.route, entry.reason


def test_an_ordinary_approval(library: Library) -> None:
    book = book_of(library)
    for final in ("READY", "READY_WITH_CONDITIONS"):
        case = approved(book, final=final)
        assert derived(library, case) == ("mechanism", "")
        entry = approval_of(case, book)
        assert (entry.funds, entry.usd, entry.approved_at) == (frozenset({"XBTC"}), Decimal("900000.00"), NOW)


def test_not_approved_yet(library: Library) -> None:
    assert derived(library, awaiting_decision(book_of(library))) == (None, "")


def test_approved_outside(library: Library) -> None:
    assert derived(library, approved(book_of(library), "register_approval")) == ("outside", "registered")


def test_an_annulled_approval_counts_no_more(library: Library) -> None:
    case = approved(book_of(library))
    assert derived(library, annulled(case)) == (None, "")


def test_appraised_in_one_biennium_and_approved_in_the_next(library: Library) -> None:
    book = book_of(library)
    finished = datetime(2011, 12, 30, 12, tzinfo=UTC)
    decided = datetime(2012, 1, 3, 12, tzinfo=UTC)
    case = with_appraisal(approved(book, approved_at=decided), finalised_at=finished)
    entry = approval_of(case, book)
    assert shares(count(library, [entry], "2010-11")) == (0, 0)
    assert shares(count(library, [entry], "2012-13")) == (1, 1)


def test_the_approved_version_is_what_counts(library: Library) -> None:
    """Its money and funds, not those of a version that was never approved."""
    book = book_of(library)
    case = approved(book)
    newer = replace(submitted({"budget": "1", "funding": "RBTC"}).versions[0], id=12, number=2, at=NOW + DAY)
    entry = approval_of(replace(case, versions=(*case.versions, newer)), book)
    assert (entry.funds, entry.usd) == (frozenset({"XBTC"}), Decimal("900000.00"))


def test_an_umbrella_is_known_by_its_form(library: Library) -> None:
    book = book_of(library)
    assert approval_of(submitted({"kind": "umbrella"}), book).umbrella
    assert not approval_of(submitted({"kind": "child"}), book).umbrella


def _lines(*denominators: int) -> list[Line]:
    return [
        Line(str(place), Share(count // 2, count), (Decimal(count), Decimal(2 * count)))
        for place, count in enumerate(denominators)
    ]


@pytest.mark.parametrize(
    ("denominators", "most", "shown", "others"),
    [
        ((), 3, "", 0),
        ((1, 3, 2), 3, "120", 0),
        ((1, 3, 2, 3), 3, "13", 2),
        ((5, 5, 5, 5), 2, "0", 3),
    ],
)
def test_a_picture_holds_the_largest_lines(
    denominators: tuple[int, ...], most: int, shown: str, others: int
) -> None:
    found, rest = largest(_lines(*denominators), most)
    assert "".join(line.value for line in found) == shown
    assert len(rest) == others


@given(st.lists(st.integers(0, 9), max_size=30), st.integers(2, 12))
def test_nothing_is_lost_in_a_picture(denominators: list[int], most: int) -> None:
    lines = _lines(*denominators)
    shown, others = largest(lines, most)
    assert len(shown) + bool(others) <= most
    assert len(others) != 1
    assert summed([*shown, summed(others)]) == summed(lines)
