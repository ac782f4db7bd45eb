"""Matching: what a title and a country suggest, and which biennium has to count a project."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest

from appraisal.lists.rules import matching
from appraisal.lists.rules.matching import Candidate, Project, alike, is_in, suggested
from appraisal.proposals.rules.track_and_money import Rate

HEADLINE = frozenset({"XBTC", "RBSA"})


@pytest.mark.parametrize(
    ("one", "other", "share"),
    [
        ("Labour inspection in Zambia", "LABOUR INSPECTION, Zambia", Fraction(3, 3)),
        ("Formación profesional", "Formacion  profesional", Fraction(2, 2)),
        ("Labour inspection in Zambia", "Labour inspection in Malawi", Fraction(2, 4)),
        ("Skills", "Youth employment", Fraction(0)),
        ("", "", Fraction(0)),
        # Words of one and two letters tell nothing.
        ("A B", "A B", Fraction(0)),
    ],
)
def test_titles_are_alike_by_their_words(one: str, other: str, share: Fraction) -> None:
    said = alike(one, other)
    assert (said, alike(other, one)) == (share, share)


def test_a_country_in_common_is_needed_where_both_name_one() -> None:
    project = Project("k", "ZAM/13/01/FIN", "Labour inspection in the mines", ("ZM",))
    same = [
        Candidate("1", "Labour inspection in the mines", ("TZ",)),
        Candidate("2", "Labour inspection in the mines of copper", ("TZ", "ZM")),
        Candidate("3", "Labour inspection in the mines", ("global",)),
        Candidate("4", "Labour inspection in the mines", ("ZM",)),
        Candidate("5", "Mines", ("ZM",)),
    ]
    assert [entry.number for entry in suggested(project, same)] == ["3", "4", "2"]


@pytest.mark.parametrize(
    ("project", "counted"),
    [
        (Project("k", "S", fund="XBTC", opened_on=date(2010, 1, 1)), True),
        (Project("k", "S", fund="RBSA", opened_on=date(2011, 12, 31)), True),
        (Project("k", "S", fund="XBTC", opened_on=date(2012, 1, 1)), False),
        (Project("k", "S", fund="RBTC", opened_on=date(2010, 1, 1)), False),
        # What the list does not say is looked for everywhere.
        (Project("k", "S"), True),
    ],
)
def test_a_project_is_counted_in_the_biennium_of_its_opening(project: Project, counted: bool) -> None:
    assert is_in(project, "2010-11", HEADLINE) is counted


@pytest.mark.parametrize(
    ("opened", "approved", "said"),
    [
        ("110", "100", False),
        ("110.01", "100", True),
        ("90", "100", False),
        ("89.99", "100", True),
        ("0", "0", False),
        ("1", "0", True),
        (None, "100", False),
        ("100", None, False),
    ],
)
def test_more_than_a_tenth_is_said(opened: str | None, approved: str | None, said: bool) -> None:
    one, other = (None if given is None else Decimal(given) for given in (opened, approved))
    assert matching.differs(one, other) == said


def test_what_was_opened_is_worth_what_it_was_on_that_day() -> None:
    rates = [Rate("EUR", date(2010, 1, 1), Decimal("0.8")), Rate("EUR", date(2010, 3, 1), Decimal("0.5"))]
    today = date(2010, 4, 1)
    project = Project("a/1", "A/1", amount=Decimal(100), currency="EUR", opened_on=date(2010, 2, 1))
    assert matching.usd_of(project, rates, today) == Decimal("125.00")
    assert matching.usd_of(replace(project, opened_on=None), rates, today) == Decimal("200.00")
    assert matching.usd_of(replace(project, currency="CHF"), rates, today) is None
    assert matching.usd_of(replace(project, amount=None), rates, today) is None
    # A rate that is stored may be anything.
    assert matching.usd_of(project, [Rate("EUR", date(2010, 1, 1), Decimal(0))], today) is None
