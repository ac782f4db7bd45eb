"""A project of the finance list is matched with the proposal here that it was approved as.

The finance list says what was opened, and so what the indicator has to count (domain rules 5.3). A symbol
decides by itself, for as long as it does; titles and countries only suggest, and a person confirms.

A person's link is kept with the facts that it was looked at with, its *basis*. When they change, it is shown
again, until somebody has looked at it once more.
"""

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final, Literal

from appraisal.canonical import digest
from appraisal.language.texts import N_
from appraisal.proposals.rules.content import GLOBAL
from appraisal.proposals.rules.form import UNNAMED
from appraisal.proposals.rules.track_and_money import Rate, cents, rate_on
from appraisal.vocabulary.biennium import biennium_of
from appraisal.vocabulary.project_symbols import normalised

How = Literal["symbol", "confirmed", "outside", "undone"]
SUGGESTED: Final = 3
# Of the words of both titles together, so many have to be in common.
_ALIKE: Final = Fraction(1, 2)
# Shorter words tell nothing apart in any of the three languages.
_SHORTEST: Final = 3
# Beyond this part of the approved amount, what was opened is said to be another one.
DIFFERENCE: Final = 10
# What a person looks at in a row before taking its project for a proposal.
_ROW: Final = ("amount", "currency", "fund", "opened_on")


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
    return opened < approved - approved / DIFFERENCE or exceeds(opened, approved)


def exceeds(opened: Decimal, approved: Decimal) -> bool:
    """Tell whether what was opened is beyond what was approved by more than a tenth of the latter."""
    return opened - approved > approved / DIFFERENCE


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


@dataclass(frozen=True, slots=True)
class Bearing:
    """What a link rests on in a proposal: its symbol, and by which event it is approved, 0 for by none."""

    symbol: str
    approval: int


@dataclass(frozen=True, slots=True)
class Link:
    """A project that a person took for a proposal, with its present row and what it was looked at with.

    ``project`` is None where the list has no such row any more, ``basis`` where it was not kept.
    """

    id: int
    key: str
    number: str
    how: How
    basis: Mapping[str, Any] | None
    project: Project | None
    bearing: Bearing

    @property
    def symbol(self) -> str:
        """Return the symbol of the project."""
        return self.project.symbol if self.project else self.key.upper()

    @property
    def reason(self) -> str:
        """Return why the approval has this project beside another one; empty where nobody said."""
        return self.basis["reason"] if self.basis else ""

    @property
    def seal(self) -> str:
        """Return the digest of what there is to look at now, by which a form says what was seen."""
        return digest([self.id, basis_of(self.project, self.bearing)])


@dataclass(frozen=True, slots=True)
class Difference:
    """A fact under a link that is not what it was looked at with."""

    name: str
    was: str
    now: str


@dataclass(frozen=True, slots=True)
class Changed:
    """A link that somebody has to look at again, and why."""

    link: Link
    differences: tuple[Difference, ...]


_SENTENCES: Final[Mapping[str, str]] = {
    "basis": N_("what it was linked with was not kept"),
    "listed no": N_("the row is not in the list any more"),
    "listed yes": N_("the row is in the list again"),
    "amount": N_("the amount was %(was)s and is %(now)s"),
    "currency": N_("the currency was %(was)s and is %(now)s"),
    "fund": N_("the fund was %(was)s and is %(now)s"),
    "opened_on": N_("the day of opening was %(was)s and is %(now)s"),
    "symbol": N_("the symbol in the proposal was %(was)s and is %(now)s"),
    "approval no": N_("the approval does not stand any more"),
    "approval other": N_("another approval stands than then"),
    "another": N_("nobody said why the approval has this project beside %(now)s"),
}


def each_in_words(
    differences: Iterable[Mapping[str, str]], money: Callable[[str], str], day: Callable[[str], str]
) -> list[tuple[str, dict[str, str]]]:
    """Return a sentence with its facts for each difference of a link, as reports keep them."""
    return [in_words(each["name"], each["was"], each["is"], money, day) for each in differences]


def in_words(
    name: str, was: str, now: str, money: Callable[[str], str], day: Callable[[str], str]
) -> tuple[str, dict[str, str]]:
    """Return the sentence of the catalogue that says a difference, with its facts as they are written."""
    sentence = _SENTENCES.get(name) or _SENTENCES[f"{name} {now}"]
    write = {"amount": money, "opened_on": day}.get(name, str)
    return sentence, {"was": write(was) if was else UNNAMED, "now": write(now) if now else UNNAMED}


def basis_of(project: Project | None, bearing: Bearing, reason: str = "") -> dict[str, Any]:
    """Return the facts that a link is looked at with, as they are kept and told."""
    amount = project.amount if project else None
    return {
        "listed": "yes" if project else "no",
        "amount": "" if amount is None else format(amount.normalize(), "f"),
        "currency": project.currency if project else "",
        "fund": project.fund if project else "",
        "opened_on": project.opened_on.isoformat() if project and project.opened_on else "",
        "symbol": bearing.symbol,
        "approval": bearing.approval,
        "reason": reason,
    }


def changed(links: Iterable[Link]) -> list[Changed]:
    """Return the links under which facts changed, and those beside another one without a reason."""
    listed = sorted(links, key=lambda link: link.id)
    first: dict[str, str] = {}
    others: dict[int, str] = {}
    for link in listed:
        if (
            link.project is not None
            and not link.reason
            and first.setdefault(link.number, link.key) != link.key
        ):
            others[link.id] = first[link.number].upper()
    found = [Changed(link, tuple(_differences(link, others.get(link.id, "")))) for link in listed]
    return sorted((entry for entry in found if entry.differences), key=lambda entry: entry.link.key)


def _differences(link: Link, other: str) -> Iterator[Difference]:
    bearing = link.bearing
    if link.project is None and not bearing.approval:
        # Neither opened nor approved any more: nothing counts by this link.
        return
    if link.basis is None:
        yield Difference("basis", "", "")
        return
    kept, now = link.basis, basis_of(link.project, bearing)
    if kept["listed"] != now["listed"]:
        yield Difference("listed", kept["listed"], now["listed"])
    else:
        yield from (Difference(name, kept[name], now[name]) for name in _ROW if kept[name] != now[name])
    # A symbol that agrees with the link by now speaks for it.
    borne = normalised(bearing.symbol)
    if borne not in map(normalised, (kept["symbol"], link.symbol)) and bearing.symbol.casefold() != link.key:
        yield Difference("symbol", kept["symbol"], bearing.symbol)
    if kept["approval"] and kept["approval"] != bearing.approval:
        yield Difference("approval", "yes", "other" if bearing.approval else "no")
    if other:
        yield Difference("another", "", other)


def touches(link: Link, biennium: str, scope: frozenset[str]) -> bool:
    """Tell whether the indicator of a biennium counts what a link is about, or did when it was looked at."""
    before = link.basis
    rows = [link.project] if link.project else []
    if before is not None and before["listed"] == "yes":
        opened = date.fromisoformat(before["opened_on"]) if before["opened_on"] else None
        rows.append(Project(link.key, link.symbol, fund=before["fund"], opened_on=opened))
    return not rows or any(is_in(row, biennium, scope) for row in rows)
