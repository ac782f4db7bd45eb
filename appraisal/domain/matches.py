"""Matches: whether a project of the finance list is a proposal that was appraised here.

The finance list says what was opened, and so what the indicator has to count (domain rules 5.3). A symbol
decides by itself; titles and countries only suggest, and a person confirms.
"""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final, Literal

from appraisal.domain.contents import GLOBAL
from appraisal.domain.forms import UNNAMED
from appraisal.domain.indicators import biennium_of
from appraisal.domain.tracks import Rate, cents, rate_on

How = Literal["symbol", "confirmed", "outside", "undone"]
SUGGESTED: Final = 3
# Of the words of both titles together, so many have to be in common.
_ALIKE: Final = Fraction(1, 2)
# Shorter words tell nothing apart in any of the three languages.
_SHORTEST: Final = 3
# Beyond this part of the approved amount, what was opened is said to be another one.
DIFFERENCE: Final = 10


@dataclass(frozen=True, slots=True)
class Project:
    """A project of the finance list; what the list leaves out is empty, ``amount`` and ``opened_on`` None."""

    key: str
    symbol: str
    title: str = ""
    countries: tuple[str, ...] = ()
    fund: str = ""
    amount: Decimal | None = None
    currency: str = "USD"
    opened_on: date | None = None
    donor: str = ""
    line: int = 0
    import_id: int = 0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A proposal that a project may be."""

    number: str
    title: str
    countries: tuple[str, ...]


def project_of(key: str, row: Mapping[str, Any], line: int = 0, import_id: int = 0) -> Project:
    """Make a project of a row of the dataset *projects*."""
    return Project(
        key=key,
        symbol=row["symbol"],
        title=row.get("title", ""),
        countries=tuple(row.get("countries", ())),
        fund=row.get("fund", ""),
        amount=Decimal(row["amount"]) if row.get("amount") else None,
        currency=row.get("currency") or "USD",
        opened_on=date.fromisoformat(row["opened_on"]) if row.get("opened_on") else None,
        donor=row.get("donor", ""),
        line=line,
        import_id=import_id,
    )


def suggested(project: Project, candidates: Iterable[Candidate]) -> list[Candidate]:
    """Return the proposals that a project may be, most alike first.

    At least half of the words of both titles are in common, and a country is: where either names none
    or the whole world, titles alone decide.
    """
    found = [
        (likeness, entry.number, entry)
        for entry in candidates
        if _meet(project.countries, entry.countries)
        and (likeness := alike(project.title, entry.title)) >= _ALIKE
    ]
    found.sort(key=lambda entry: (-entry[0], entry[1]))
    return [entry for *_, entry in found[:SUGGESTED]]


def alike(one: str, other: str) -> Fraction:
    """Return the share of the words of two titles that both have; accents and case make no difference."""
    mine, theirs = _words(one), _words(other)
    return Fraction(len(mine & theirs), len(mine | theirs)) if mine and theirs else Fraction(0)


def _words(title: str) -> frozenset[str]:
    plain = unicodedata.normalize("NFKD", title.casefold())
    letters = "".join(
        letter if letter.isalnum() else " " for letter in plain if not unicodedata.combining(letter)
    )
    return frozenset(word for word in letters.split() if len(word) >= _SHORTEST)


def _meet(one: Sequence[str], other: Sequence[str]) -> bool:
    named, others = set(one) - {GLOBAL}, set(other) - {GLOBAL}
    return not named or not others or bool(named & others)


def usd_of(project: Project, rates: Sequence[Rate], today: date) -> Decimal | None:
    """Return the amount of a project in US$ by the rate of the day it was opened; None where it has none."""
    rate = rate_on(rates, project.currency, project.opened_on or today)
    if project.amount is None or rate is None or rate.per_usd <= 0:
        return None
    return cents(project.amount / rate.per_usd)


def differs(opened: Decimal | None, approved: Decimal | None) -> bool:
    """Tell whether what was opened differs from what was approved by more than a tenth of the latter."""
    if opened is None or approved is None:
        return False
    return abs(opened - approved) > approved / DIFFERENCE


def is_in(project: Project, biennium: str, scope: frozenset[str]) -> bool:
    """Tell whether the indicator of a biennium has to count a project.

    By the day on which it was opened; one without a day or a fund is looked for in every biennium and scope.
    """
    opened = project.opened_on is None or biennium_of(project.opened_on) == biennium
    return opened and (not project.fund or project.fund in scope)


def content_of(project: Project) -> dict[str, dict[str, Any]]:
    """Return the form of a proposal that a project is registered as, with what the finance list says."""
    return {
        "identification": {
            "title": project.title or project.symbol,
            "symbol": project.symbol,
            **({"countries": list(project.countries)} if project.countries else {}),
            "contributions": [
                {
                    "donor": project.donor or UNNAMED,
                    "private": "no",
                    "fund": project.fund,
                    "modality": "direct",
                    "amount": format(project.amount or Decimal(0), "f"),
                    "currency": project.currency,
                }
            ],
        }
    }
