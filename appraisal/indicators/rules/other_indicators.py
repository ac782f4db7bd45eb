"""The indicators other than 2.1 are each computed here from the rows of a list.

They are those of GB.306/TC/1, paras 26 to 40. One function a measure, over rows as they stood at one
moment. A *percentage* is a part of a whole; a *growth* is a count above its baseline. The two are never
mixed: each says its kind, and a growth without a baseline has no percentage at all.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final, Literal

from appraisal.definitions.indicators import Growth, Percentage, Scope
from appraisal.definitions.percentages import displayed_percent
from appraisal.lists.rules.kinds_of_list import BY_KEY, Column
from appraisal.lists.rules.lines import Row, key_of, named
from appraisal.vocabulary.biennium import first_year

# A count, or an amount in US$.
Measured = int | Decimal
_ZERO: Final = Decimal(0)
_GAP: Final[Column] = BY_KEY["gaps"].column("gap")
# The group of the rows of which nobody knows how much they are about.
_UNMEASURED: Final = "unmeasured"
# The groups that hold proposals, each by its number, and not rows of a list.
OF_PROPOSALS: Final = ("unpriced", "unmatched")
_LINKS: Final = ("linked_outcome", "linked_dwcp")
# Measure to the list that it is computed from.
SOURCES: Final[Mapping[str, str]] = {
    "gaps_adequately_filled": "gaps",
    "funding_in_modalities": "agreements",
    "expenditure": "deliveries",
    "undafs_with_priorities": "undafs",
    "dwcps_to_satisfaction": "dwcps",
    "undafs_to_satisfaction": "undafs",
}


@dataclass(frozen=True, slots=True)
class Funded:
    """A proposal that reached the milestone *funded*, and the gap that its approved version names.

    ``gap`` is as it was written; ``usd`` what it gives, no more than the version brings, and None where no
    amount was written; ``on`` is the day of the funding, and ``workflow`` what the proposal pinned, by which
    it is funded.
    """

    number: str
    gap: str
    usd: Decimal | None
    on: date
    illustrative: bool = False
    workflow: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a measure reads: the rows of its list, and for resource gaps the proposals that were funded."""

    rows: Sequence[Row]
    funded: Sequence[Funded] = ()


@dataclass(frozen=True, slots=True)
class Tally:
    """What a measure found: the part and the whole, or a count alone, with every row behind them.

    ``whole`` is None for a count. ``groups``: *counted* are the rows of the part or the count, *others*
    the rest of the whole; every further group is counted nowhere. ``missing`` names those whose rows
    would count if more were known, so that the figure is incomplete.
    """

    part: Measured
    whole: Measured | None
    groups: Mapping[str, tuple[Row, ...]]
    missing: tuple[str, ...] = ()
    illustrative: bool = False


@dataclass(frozen=True, slots=True)
class Figure:
    """An indicator for a biennium, with the rows behind it.

    Of a percentage, ``numerator`` and ``denominator`` are the part and the whole; of a growth, the count
    and the baseline, None while there is none. ``exact`` is the percentage, or growth in per cent,
    unrounded, ``percent`` as it is shown; both None for *no data* and for *no baseline*. A growth has no data
    either where no row of the biennium says yes or no.
    ``met`` is None where there is nothing to compare. ``complete`` is false where an answer is missing.
    ``workflows`` are those by which the proposals behind it are read.
    """

    indicator: str
    biennium: str
    # The list that it is computed from.
    source: str
    kind: Literal["percentage", "growth"]
    numerator: Measured
    denominator: Measured | None
    exact: Fraction | None
    percent: str | None
    milestone: Decimal | None
    met: bool | None
    complete: bool
    groups: Mapping[str, tuple[Row, ...]] = field(default_factory=dict)
    illustrative: bool = False
    workflows: frozenset[str] = frozenset()


def figure(indicator: Percentage | Growth, biennium: str, facts: Facts) -> Figure:
    """Compute an indicator for a biennium; ``ValueError`` for what is no biennium.

    Raises ``KeyError`` for an indicator whose measure is not one of :data:`SOURCES`.
    """
    first = first_year(biennium)
    tally = _MEASURES[indicator.measure](indicator.scope, (f"{first:04d}", f"{first + 1:04d}"), facts)
    whole, exact = _compared(indicator, tally)
    milestone = indicator.milestone(biennium)
    bar = milestone.percent if milestone else None
    return Figure(
        indicator=indicator.code,
        biennium=biennium,
        source=SOURCES[indicator.measure],
        kind=indicator.kind,
        numerator=tally.part,
        denominator=whole,
        exact=exact,
        percent=displayed_percent(exact, bar, indicator.rounding),
        milestone=bar,
        met=None if bar is None or exact is None else exact >= Fraction(bar),
        complete=not any(tally.groups.get(name) for name in tally.missing),
        groups=tally.groups,
        illustrative=tally.illustrative,
        workflows=frozenset(entry.workflow for entry in facts.funded if entry.workflow),
    )


def _compared(indicator: Percentage | Growth, tally: Tally) -> tuple[Measured | None, Fraction | None]:
    """Return what the part or the count is compared with, and the percentage or growth that this gives."""
    if isinstance(indicator, Percentage):
        assert tally.whole is not None
        return tally.whole, 100 * Fraction(tally.part) / Fraction(tally.whole) if tally.whole else None
    assert tally.whole is None
    baseline = indicator.baseline.value
    if not baseline:
        return None, None
    if not any(tally.groups[name] for name in ("counted", "others")):
        # Of a biennium about which no list says anything, nobody knows that there is none.
        return int(baseline), None
    return int(baseline), 100 * (Fraction(tally.part) - Fraction(baseline)) / Fraction(baseline)


Years = tuple[str, str]


def gaps_adequately_filled(scope: Scope, years: Years, facts: Facts) -> Tally:
    """Count the gaps recorded in the biennium, and those that funded proposals fill adequately.

    A gap is filled by what the proposals that name it and were funded by the end of the biennium give to
    it; adequately, from so many per cent of its amount on as the scope says. A gap of nought is one whose
    amount nobody knows: nothing tells whether it is filled.
    """
    assert scope.at_least is not None
    gaps = {named(_GAP, row["gap"]): row for row in facts.rows}
    filling: dict[str, list[Funded]] = defaultdict(list)
    for entry in facts.funded:
        if entry.gap and f"{entry.on.year:04d}" <= years[1]:
            filling[named(_GAP, entry.gap)].append(entry)
    filled: list[Row] = []
    short: list[Row] = []
    unmeasured: list[Row] = []
    for key, row in gaps.items():
        if row["recorded_on"][:4] not in years:
            continue
        given = sum((entry.usd or _ZERO for entry in filling[key]), _ZERO)
        needed = Decimal(row["amount"]) * scope.at_least / 100
        behind = {**row, "filled": given, "proposals": [entry.number for entry in filling[key]]}
        (unmeasured if not needed else filled if given >= needed else short).append(behind)
    mine = {named(_GAP, row["gap"]) for row in (*filled, *short)}
    unpriced = [entry for key in mine for entry in filling[key] if entry.usd is None]
    unmatched = [entry for key, entries in filling.items() if key not in gaps for entry in entries]
    return Tally(
        len(filled),
        len(filled) + len(short),
        {
            "counted": tuple(filled),
            "others": tuple(short),
            "unpriced": _proposals(unpriced),
            "unmatched": _proposals(unmatched),
            **_unmeasured(unmeasured),
        },
        ("unpriced", _UNMEASURED),
        any(entry.illustrative for key in mine for entry in filling[key]),
    )


def _unmeasured(rows: Sequence[Row]) -> dict[str, tuple[Row, ...]]:
    """Return the group of the rows that lack an amount; a figure without any has no such group."""
    return {_UNMEASURED: tuple(rows)} if rows else {}


def _proposals(funded: Iterable[Funded]) -> tuple[Row, ...]:
    ordered = sorted(funded, key=lambda entry: entry.number)
    return tuple(
        {"number": entry.number, "gap": entry.gap, "usd": entry.usd, "on": entry.on} for entry in ordered
    )


def funding_in_modalities(scope: Scope, years: Years, facts: Facts) -> Tally:
    """Add up the agreements signed in the biennium, and those in the modalities of the scope, in US$.

    Direct project support counts only where it is linked to an outcome or a Decent Work Country Programme.
    An agreement over nought is one whose amount nobody knows.
    """
    mine = [row for row in facts.rows if row["signed_on"][:4] in years]
    signed = [row for row in mine if Decimal(row["amount"])]
    within = [row for row in signed if row["modality"] in scope.modalities]
    counted = tuple(row for row in within if _is_aligned(row))
    return Tally(
        _usd(counted, "amount"),
        _usd(signed, "amount"),
        {
            "counted": counted,
            "unlinked": tuple(row for row in within if not _is_aligned(row)),
            "others": tuple(row for row in signed if row["modality"] not in scope.modalities),
            **_unmeasured([row for row in mine if not Decimal(row["amount"])]),
        },
        (_UNMEASURED,),
    )


def _is_aligned(row: Row) -> bool:
    return row["modality"] != "direct" or any(row.get(name) for name in _LINKS)


def expenditure(scope: Scope, years: Years, facts: Facts) -> Tally:
    """Add up what was spent and what was allocated in the two years of the biennium, in US$.

    What was spent of an allocation of nought is a part of something that nobody knows.
    """
    counted: list[Row] = []
    unmeasured: list[Row] = []
    for row in facts.rows:
        if row["period"] in years:
            is_part = Decimal(row["expenditure"]) and not Decimal(row["allocation"])
            (unmeasured if is_part else counted).append(row)
    return Tally(
        _usd(counted, "expenditure"),
        _usd(counted, "allocation"),
        {"counted": tuple(counted), **_unmeasured(unmeasured)},
        (_UNMEASURED,),
    )


def _usd(rows: Iterable[Row], column: str) -> Decimal:
    return sum((Decimal(row[column]) for row in rows), _ZERO)


def undafs_with_priorities(scope: Scope, years: Years, facts: Facts) -> Tally:
    """Count the UNDAFs assessed in the biennium that reflect decent work priorities."""
    return _answered("assessed_on", ("reflects",), years, facts)


def undafs_to_satisfaction(scope: Scope, years: Years, facts: Facts) -> Tally:
    """Count the UNDAFs assessed in the biennium in which every constituent of the scope was satisfied."""
    return _answered("assessed_on", scope.constituents, years, facts)


def dwcps_to_satisfaction(scope: Scope, years: Years, facts: Facts) -> Tally:
    """Count the programmes surveyed in the biennium in which every constituent of the scope was satisfied."""
    return _answered("surveyed_on", scope.constituents, years, facts)


def _answered(day: str, columns: Sequence[str], years: Years, facts: Facts) -> Tally:
    """Count the rows of the biennium in which every answer is yes.

    Of several about one country and cycle, the last one counts; where it does not answer, what was answered
    before in the biennium does. One no settles a row; otherwise a missing answer leaves it open.
    """
    last: dict[tuple[str, str], Row] = {}
    answers: dict[tuple[str, str], dict[str, Any]] = defaultdict(dict)
    earlier = []
    for row in sorted(facts.rows, key=lambda row: (row["country"], row["cycle"], row[day])):
        if row[day][:4] not in years:
            continue
        key = (row["country"], row["cycle"])
        if key in last:
            earlier.append(last[key])
        last[key] = row
        answers[key] |= {name: row[name] for name in columns if row.get(name) is not None}
    groups: dict[str, list[Row]] = {"counted": [], "others": [], "unanswered": []}
    for key, row in last.items():
        said = [answers[key].get(name) for name in columns]
        name = "others" if False in said else "unanswered" if None in said else "counted"
        groups[name].append({**row, **answers[key]})
    behind = {name: tuple(rows) for name, rows in groups.items()} | {"earlier": tuple(earlier)}
    return Tally(len(groups["counted"]), None, behind, ("unanswered",))


_MEASURES: Final[Mapping[str, Callable[[Scope, Years, Facts], Tally]]] = {
    "gaps_adequately_filled": gaps_adequately_filled,
    "funding_in_modalities": funding_in_modalities,
    "expenditure": expenditure,
    "undafs_with_priorities": undafs_with_priorities,
    "dwcps_to_satisfaction": dwcps_to_satisfaction,
    "undafs_to_satisfaction": undafs_to_satisfaction,
}


def told(found: Figure) -> dict[str, Any]:
    """Return a figure as plain data: what is computed, and every row behind it."""
    exact = found.exact
    return {
        "indicator": found.indicator,
        "biennium": found.biennium,
        "source": found.source,
        "kind": found.kind,
        "numerator": found.numerator,
        "denominator": found.denominator,
        "exact": None if exact is None else f"{exact.numerator}/{exact.denominator}",
        "percent": found.percent,
        "milestone": found.milestone,
        "milestone_met": found.met,
        "complete": found.complete,
        "illustrative": found.illustrative,
        "groups": {
            name: [{**row, "number": _number(found.source, row)} for row in rows]
            for name, rows in found.groups.items()
        },
    }


def _number(source: str, row: Row) -> str:
    """Return what names a row among all of a report: a proposal's number, or what its list names it by."""
    return str(row["number"]) if "number" in row else key_of(BY_KEY[source], row)
