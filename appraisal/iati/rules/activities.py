"""An activity is a proposal as other organisations read of it, in the terms of the IATI standard 2.03.

What is mapped, and why (the codes are those of the standard's own lists):

* Which: what was submitted, or registered as approved, and nothing that only its authors know. So an
  umbrella programme, which is never submitted, appears as the parent that its country projects name.
* Status: 1 (pipeline) from submission to the donor's agreement, 2 (implementation) from then on, 6
  (suspended) while on hold, 5 (cancelled) for whatever is no longer open and stands approved by nobody, or
  was not funded. A proposal that lapsed counts as cancelled until it is reopened.
* Countries: shares by the budget lines where every line names one of the countries by its code and each
  has some money, else equal ones; to a hundredth of a per cent, what is left over going to the largest
  remainders, then to the countries named first, so that they always add up to 100. Where no country is
  named: developing countries at large (998), or the region as the organisation calls it (vocabulary 99).
* Sector: the outcome of the programme and budget, as the organisation's own vocabulary (99). The form knows
  no purpose code of the DAC and no goal of the 2030 Agenda, and none is guessed.
* Budget: the US$ frozen with the version, in parts of one calendar year at most (the standard allows no
  longer one), each in proportion to its days; indicative before the agreement, committed after it.
  Without a rate or an end there is none, which is a remark.
* What each donor gives has no place in the standard before money moves: it stands in an extension of
  ours, with which an import has the contributions back as they were.
* A predecessor is another activity where this is its next phase (a sibling); a proposal that was tried
  anew was known by its former number (A3).

Left out on purpose: links to records, which nobody reads without signing in; conditions of an approval, which
are the Office's own tasks and not terms that a funder attached; contacts, who are people.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final, Literal

from appraisal.clock import geneva_date
from appraisal.definitions.workflows import State
from appraisal.language.texts import N_, Language, say
from appraisal.proposals.facts import Content, Contribution
from appraisal.proposals.rules import content as proposals_content
from appraisal.proposals.rules import form
from appraisal.proposals.rules.track_and_money import CENT, decimal, total_usd
from appraisal.settings import Publisher

Status = Literal["1", "2", "5", "6"]
ILLUSTRATIVE: Final = N_("ILLUSTRATIVE, invented for demonstration: %(title)s")
# Kinds of activity date, and of relation to another activity.
PLANNED_START, ACTUAL_START, PLANNED_END, ACTUAL_END = "1", "2", "3", "4"
PARENT, CHILD, SIBLING = "1", "2", "3"
_WHOLE: Final = 10_000


@dataclass(frozen=True, slots=True)
class Publishable:
    """What is known of one proposal that may be published.

    ``content`` is that of the latest version, or the registered one; ``parent`` and ``predecessor`` are
    numbers of proposals that exist, ``children`` those of country projects that were submitted.
    """

    number: str
    state: State
    content: Content
    contributions: tuple[Contribution, ...]
    valued_at: datetime
    updated_at: datetime
    held: bool = False
    illustrative: bool = False
    started_on: date | None = None
    parent: str = ""
    predecessor: str = ""
    children: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Budget:
    """The US$ of a stretch of at most one calendar year, both days included."""

    first: date
    last: date
    usd: Decimal


@dataclass(frozen=True, slots=True)
class Activity:
    """One activity; ``remarks`` are sentences about what it lacks though the standard would have it.

    ``countries`` are codes with percentages that add up to 100; ``related`` and ``dates`` are pairs of a kind
    and what it is. ``region`` is a code and a name, of the publisher's vocabulary.
    """

    number: str
    identifier: str
    language: Language
    updated_at: datetime
    title: str
    description: str
    objectives: str
    target_groups: str
    funders: tuple[tuple[str, bool], ...]
    symbol: str
    previous: str
    status: Status
    dates: tuple[tuple[str, date], ...]
    scope: str
    countries: tuple[tuple[str, Decimal], ...]
    region: tuple[str, str] | None
    sector: str
    marker: str
    budgets: tuple[Budget, ...]
    valued_on: date
    related: tuple[tuple[str, str], ...]
    hierarchy: int
    contributions: tuple[Contribution, ...]
    illustrative: bool
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A proposal that cannot be an activity, since something is missing that the standard demands."""

    number: str
    reasons: tuple[str, ...]


def identifier(publisher: Publisher, number: str) -> str:
    """Return the identifier of a proposal's activity."""
    return f"{publisher.ref}-{number}"


def number_in(publisher: Publisher, given: str) -> str:
    """Return the number of a proposal from the identifier of its activity; empty for somebody else's."""
    prefix = f"{publisher.ref}-"
    return given.removeprefix(prefix) if given.startswith(prefix) else ""


def activity(given: Publishable, publisher: Publisher, language: Language) -> Activity | LeftOut:
    """Map a proposal, or say all that it lacks."""
    missing = tuple(_missing(given.content))
    if missing:
        return LeftOut(given.number, missing)
    content = given.content
    countries = form.countries(content)
    named = [code for code in countries if code != proposals_content.GLOBAL]
    status = status_of(given.state, given.held)
    budgets, remarks = _budgets(given)
    title = _text(content, "identification.title")
    return Activity(
        number=given.number,
        identifier=identifier(publisher, given.number),
        language=language,
        updated_at=given.updated_at,
        title=say(language, ILLUSTRATIVE, title=title) if given.illustrative else title,
        description=_text(content, "identification.summary"),
        objectives=_text(content, "results.development_objective"),
        target_groups=_text(content, "identification.target_groups"),
        funders=_funders(given.contributions),
        symbol=_text(content, "identification.symbol"),
        previous=identifier(publisher, given.predecessor) if _tried_anew(given) else "",
        status=status,
        dates=tuple(_dates(given)),
        scope=_scope(content, named),
        countries=percentages(named, _weights(content, named)),
        region=None if named else _region(content, language),
        sector=_text(content, "alignment.outcome"),
        marker=_text(content, "gender.marker"),
        budgets=budgets,
        valued_on=geneva_date(given.valued_at),
        related=tuple(_related(given, publisher)),
        hierarchy=2 if given.parent else 1,
        contributions=given.contributions,
        illustrative=given.illustrative,
        remarks=remarks,
    )


def status_of(state: State, held: bool) -> Status:
    """Return the status from what a state declares of itself."""
    if state.outcome == "positive" and state.milestone in ("funded", "started"):
        return "2"
    if state.open:
        return "6" if held else "1"
    return "1" if state.outcome == "positive" and not state.terminal else "5"


def percentages(codes: Sequence[str], weights: Mapping[str, Decimal]) -> tuple[tuple[str, Decimal], ...]:
    """Share 100 out over codes by weight, exactly: in hundredths, by the largest remainders."""
    whole = sum((weights[code] for code in codes), Decimal(0))
    exact = {code: divmod(weights[code] * _WHOLE, whole) for code in codes}
    left = _WHOLE - sum(int(units) for units, _ in exact.values())
    favoured = sorted(codes, key=lambda code: -exact[code][1])[:left]
    return tuple((code, (exact[code][0] + (code in favoured)) * CENT) for code in codes)


def yearly(first: date, last: date, usd: Decimal) -> tuple[Budget, ...]:
    """Cut an amount into calendar years in proportion to their days; the parts add up to it."""
    days, elapsed, spent = (last - first).days + 1, 0, Decimal(0)
    found = []
    for year in range(first.year, last.year + 1):
        begins, ends = max(first, date(year, 1, 1)), min(last, date(year, 12, 31))
        elapsed += (ends - begins).days + 1
        until = (usd * elapsed / days).quantize(CENT, ROUND_HALF_UP)
        found.append(Budget(begins, ends, until - spent))
        spent = until
    return tuple(found)


_NEEDED: Final = (
    ("identification.title", N_("there is no title")),
    ("identification.summary", N_("there is no summary")),
    ("identification.start", N_("there is no planned start")),
    ("alignment.outcome", N_("there is no programme and budget outcome")),
)


def _missing(content: Content) -> Iterable[str]:
    for path, sentence in _NEEDED:
        if not _text(content, path):
            yield sentence
    countries = form.countries(content)
    if not countries or (
        countries == [proposals_content.GLOBAL] and not _text(content, "identification.region")
    ):
        yield N_("there is neither a country nor a region")


def _text(content: Content, path: str) -> str:
    return str(form.value(content, path)).strip()


def _funders(given: Iterable[Contribution]) -> tuple[tuple[str, bool], ...]:
    """Return each donor that is named once, and whether it is a private one."""
    found: dict[str, bool] = {}
    for entry in given:
        if entry.donor not in ("", form.UNNAMED):
            found[entry.donor] = found.get(entry.donor, False) or entry.private
    return tuple(found.items())


def _day(content: Content, key: str) -> date | None:
    text = _text(content, f"identification.{key}")
    return date.fromisoformat(text) if text else None


def _dates(given: Publishable) -> Iterable[tuple[str, date]]:
    for kind, day in (
        (PLANNED_START, _day(given.content, "start")),
        (ACTUAL_START, given.started_on),
        (PLANNED_END, _day(given.content, "end")),
    ):
        if day is not None:
            yield kind, day


def _scope(content: Content, named: Sequence[str]) -> str:
    """Return the scope: one country, several, a region, or the world."""
    if named:
        return "4" if len(named) == 1 else "3"
    return "1" if _text(content, "identification.region") == "interregional" else "2"


def _region(content: Content, language: Language) -> tuple[str, str]:
    key = _text(content, "identification.region")
    return key, say(language, next(choice.label for choice in form.REGIONS if choice.value == key))


def _weights(content: Content, named: Sequence[str]) -> Mapping[str, Decimal]:
    equal = {code: Decimal(1) for code in named}
    found: dict[str, Decimal] = defaultdict(Decimal)
    for row in form.rows(content, "budget.lines"):
        code, amount = str(row.get("country", "")).strip().upper(), decimal(row.get("amount"))
        if code not in equal or amount is None:
            return equal
        found[code] += amount
    return found if found and all(found[code] > 0 for code in named) else equal


def _budgets(given: Publishable) -> tuple[tuple[Budget, ...], tuple[str, ...]]:
    first, last = _day(given.content, "start"), _day(given.content, "end")
    if not any(entry.amount for entry in given.contributions):
        # An amount that nobody told is none of nought.
        return (), (N_("without a budget, since no contribution is named"),)
    if any(entry.usd is None for entry in given.contributions):
        return (), (N_("without a budget, since no US$ rate was frozen with it"),)
    if first is None or last is None or last < first:
        return (), (N_("without a budget, since there is no planned end"),)
    return yearly(first, last, total_usd(given.contributions)), ()


def _is_next_phase(given: Publishable) -> bool:
    return _text(given.content, "identification.kind") == "next_phase"


def _tried_anew(given: Publishable) -> bool:
    return given.predecessor != "" and not _is_next_phase(given)


def _related(given: Publishable, publisher: Publisher) -> Iterable[tuple[str, str]]:
    if given.parent:
        yield PARENT, identifier(publisher, given.parent)
    for number in given.children:
        yield CHILD, identifier(publisher, number)
    if given.predecessor and _is_next_phase(given):
        yield SIBLING, identifier(publisher, given.predecessor)


def contribution_facts(entry: Contribution) -> dict[str, Any]:
    """Return what our extension says of a contribution, as texts; what is unknown is left out."""
    found = {
        "donor": entry.donor,
        "private": "yes" if entry.private else "no",
        "fund": entry.fund,
        "modality": entry.modality,
        "amount": f"{entry.amount:f}",
        "currency": entry.currency,
        "usd": "" if entry.usd is None else f"{entry.usd:f}",
        "rate": "" if entry.rate is None else f"{entry.rate:f}",
        "rate-on": "" if entry.rate_on is None else entry.rate_on.isoformat(),
    }
    return {name: text for name, text in found.items() if text}
