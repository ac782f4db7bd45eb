"""Indicator 2.1 is the share of approved proposals that went through the mechanism, and its cases.

2.1 (biennium) = 100 x N / D. D: proposals whose first final approval falls in the biennium,
whatever the route, with a part from XBTC or RBSA. N: those of D approved by route *mechanism*.
Source: GB.306/TC/1, outcome 2, and the reading of it in ``workflows/indicators.v1.yaml``.

Every figure is a sum over :class:`Cell`: a database keeps those sums, whoever doubts them adds them up anew
from the approvals that the audit trail tells of, and both go through :func:`figures`.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from math import ceil
from typing import Final

from appraisal.definitions.indicators import Percentage
from appraisal.definitions.percentages import displayed_percent
from appraisal.proposals.rules.approval import CREATING, Approval, Told, heard, last_decision, unapproved
from appraisal.proposals.rules.routes import RouteKind
from appraisal.proposals.rules.sums import ALL, DECISION, STATE, Cell, Sum, Tally, added, tally
from appraisal.trail.rules import approvals
from appraisal.trail.rules.approvals import APPROVING
from appraisal.vocabulary.biennium import first_year

# By what the figure is broken down. A proposal with several donors stands in the line of each.
BREAKDOWNS: Final = ("region", "unit", "donor", "track")
# So many lines of a breakdown a picture holds.
DRAWN: Final = 12
SCOPES: Final[Mapping[str, frozenset[str]]] = {
    "XBTC": frozenset({"XBTC"}),
    "RBSA": frozenset({"RBSA"}),
    "RBTC": frozenset({"RBTC"}),
    "all": frozenset({"XBTC", "RBSA", "RBTC"}),
}
# The dimensions that the figures themselves are added up from.
FIGURES: Final = (ALL, STATE, DECISION)


@dataclass(frozen=True, slots=True)
class Share:
    """A numerator over a denominator; ``exact`` is None where there is nothing to divide by."""

    numerator: int
    denominator: int

    @property
    def exact(self) -> Fraction | None:
        """Return the percentage, unrounded."""
        return Fraction(100 * self.numerator, self.denominator) if self.denominator else None


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a breakdown; ``value`` is empty where the proposals do not say."""

    value: str
    share: Share
    usd: tuple[Decimal, Decimal]


@dataclass(frozen=True, slots=True)
class Figures:
    """Indicator 2.1 for one biennium, as numbers.

    ``percent`` is what is shown: one decimal, half up, two where that lies within 0.1 of the
    milestone without being it, None for *no data*. ``milestone`` and ``met`` are None for a biennium
    without one. ``scope`` are the funds that are counted; ``undated``, ``outside``, ``overrides`` and
    ``other_funds`` count proposals; ``usd`` is the US$ of numerator and denominator.
    ``approved_of_appraised`` counts what was decided in the biennium, ``states`` proposals by workflow and
    state.
    """

    biennium: str
    scope: frozenset[str]
    share: Share
    percent: str | None
    milestone: Decimal | None
    met: bool | None
    overrides: int
    outside: int
    undated: int
    other_funds: int
    with_overrides: Share
    xbtc: Share
    rbsa: Share
    usd: tuple[Decimal, Decimal]
    approved_of_appraised: Share
    states: tuple[tuple[str, str, int], ...]
    illustrative: bool

    @property
    def complete(self) -> bool:
        """Tell whether every approval has a date."""
        return not self.undated


@dataclass(frozen=True, slots=True)
class Report:
    """Indicator 2.1 for one biennium, with its breakdowns and the proposals behind every figure."""

    figures: Figures
    breakdowns: Mapping[str, tuple[Line, ...]]
    mechanism: tuple[Approval, ...]
    override: tuple[Approval, ...]
    outside: tuple[Approval, ...]
    undated: tuple[Approval, ...]
    other_funds: tuple[Approval, ...]


def replayed(events: Iterable[Told]) -> Approval | None:
    """Derive from the events of one proposal, in order, what the indicator needs; None for a mere draft."""
    listed = list(events)
    kept = approvals.uncorrected(listed)
    entering = [entry for entry in kept if entry.act == "submit" or entry.act in APPROVING]
    if not entering:
        return None
    last, newest = listed[-1], entering[-1]
    approval, decided = approvals.approval(kept), last_decision(kept)
    pinning = (entry.facts["workflow"] for entry in entering if "workflow" in entry.facts)
    workflow = next(pinning, last.workflow)
    if approval is not None:
        return replace(heard(last.number, workflow, last.state, approval.facts["approval"]), **decided)
    illustrative = next(
        (entry.facts["approval"]["illustrative"] for entry in reversed(entering) if entry.act in APPROVING),
        # That of an approval registered by an earlier version says it with the approval.
        next((entry.facts.get("illustrative", False) for entry in kept if entry.name == CREATING), False),
    )
    said = newest.facts if newest.act == "submit" else newest.facts["approval"]
    umbrella = said["kind"] == "umbrella" if newest.act == "submit" else said["umbrella"]
    return unapproved(
        last.number, last.state, umbrella=umbrella, illustrative=illustrative, workflow=workflow, **decided
    )


def figures(
    indicator: Percentage,
    biennium: str,
    cells: Tally,
    scope: frozenset[str] | None = None,
) -> Figures:
    """Compute the indicator for a biennium from the cells of all proposals.

    ``scope`` are funds to count instead of those of the headline. Other biennia are passed over here,
    so that what falls where is decided in one place. Raises ``ValueError`` for what is no biennium.
    """
    first_year(biennium)
    chosen = scope or frozenset(indicator.scope.funds)
    everything = [(cell, entry) for cell, entry in cells.items() if cell.dimension == ALL]
    falling = [(cell, entry) for cell, entry in everything if cell.biennium == biennium]
    within = [(cell, entry) for cell, entry in falling if _is_in(cell, chosen)]
    undated = [entry for cell, entry in everything if not cell.biennium and _is_in(cell, chosen)]
    share, overrides = _share(within), _counted(within, "override")
    milestone = indicator.milestone(biennium)
    bar = milestone.percent if milestone else None
    return Figures(
        biennium=biennium,
        scope=chosen,
        share=share,
        percent=displayed_percent(share.exact, bar, indicator.rounding),
        milestone=bar,
        met=None if bar is None or share.exact is None else share.exact >= Fraction(bar),
        overrides=overrides,
        outside=_counted(within, "outside"),
        undated=sum(entry.proposals for entry in undated),
        other_funds=sum(entry.proposals for cell, entry in falling if not _is_in(cell, chosen)),
        with_overrides=Share(share.numerator + overrides, share.denominator),
        xbtc=_share([pair for pair in falling if _is_in(pair[0], SCOPES["XBTC"])]),
        rbsa=_share([pair for pair in falling if _is_in(pair[0], SCOPES["RBSA"])]),
        usd=_usd(within),
        approved_of_appraised=approval_rate(biennium, cells),
        states=_states(cells),
        illustrative=any(
            cell.illustrative and entry.proposals
            for cell, entry in everything
            if cell.biennium in (biennium, "") and _is_in(cell, chosen)
        ),
    )


def approval_rate(biennium: str, cells: Tally) -> Share:
    """Return, of the proposals decided on after an appraisal in a biennium, those that are approved by it."""
    decided: dict[str, int] = defaultdict(int)
    for cell, entry in cells.items():
        if (cell.dimension, cell.biennium) == (DECISION, biennium):
            decided[cell.value] += entry.proposals
    return Share(decided["approved"], sum(decided.values()))


def _states(cells: Tally) -> tuple[tuple[str, str, int], ...]:
    """Count the proposals in each state of each workflow."""
    found: dict[tuple[str, str], int] = defaultdict(int)
    for cell, entry in cells.items():
        if cell.dimension == STATE:
            found[cell.workflow, cell.value] += entry.proposals
    return tuple((*key, count) for key, count in sorted(found.items()) if count)


def breakdown(dimension: str, biennium: str, cells: Tally, scope: frozenset[str]) -> tuple[Line, ...]:
    """Return the lines of a breakdown of the indicator for a biennium, in the order of their values."""
    found: dict[str, list[tuple[Cell, Sum]]] = defaultdict(list)
    for cell, entry in cells.items():
        if (cell.dimension, cell.biennium) == (dimension, biennium) and _is_in(cell, scope):
            found[cell.value].append((cell, entry))
    lines = (Line(value, _share(pairs), _usd(pairs)) for value, pairs in sorted(found.items()))
    return tuple(line for line in lines if line.share.denominator)


def largest(lines: Iterable[Line], most: int = DRAWN) -> tuple[tuple[Line, ...], tuple[Line, ...]]:
    """Return the lines with most approvals, so many at most, and those that one more line sums up.

    Of what is equal, the one that stands first comes first; a single line is never summed up.
    """
    ordered = sorted(lines, key=lambda line: -line.share.denominator)
    if len(ordered) <= most:
        return tuple(ordered), ()
    return tuple(ordered[: most - 1]), tuple(ordered[most - 1 :])


def summed(lines: Iterable[Line]) -> Line:
    """Add up lines of a breakdown; of donors, a proposal counts as often as it stands in them."""
    listed = tuple(lines)
    share = Share(
        sum(line.share.numerator for line in listed), sum(line.share.denominator for line in listed)
    )
    part, whole = (sum((line.usd[place] for line in listed), Decimal(0)) for place in (0, 1))
    return Line("", share, (part, whole))


def _is_in(cell: Cell, scope: frozenset[str]) -> bool:
    return not scope.isdisjoint(cell.funds.split())


def _counted(pairs: Iterable[tuple[Cell, Sum]], route: str = "") -> int:
    return sum(entry.proposals for cell, entry in pairs if not route or cell.route == route)


def _share(pairs: Iterable[tuple[Cell, Sum]]) -> Share:
    listed = list(pairs)
    return Share(_counted(listed, "mechanism"), _counted(listed))


def _usd(pairs: Iterable[tuple[Cell, Sum]]) -> tuple[Decimal, Decimal]:
    part, whole = Decimal(0), Decimal(0)
    for cell, entry in pairs:
        whole += entry.usd
        part += entry.usd if cell.route == "mechanism" else 0
    return part, whole


def report(
    indicator: Percentage,
    biennium: str,
    proposals: Iterable[Approval],
    scope: frozenset[str] | None = None,
) -> Report:
    """Compute the indicator for a biennium from all proposals, one by one, and list those behind it."""
    everything = [entry for entry in proposals if not entry.umbrella]
    cells = added(tally(entry) for entry in everything)
    found = figures(indicator, biennium, cells, scope)
    approved = [entry for entry in everything if entry.route is not None]
    falling = [entry for entry in approved if entry.biennium == biennium]
    within = [entry for entry in falling if entry.funds & found.scope]

    def by(route: RouteKind) -> tuple[Approval, ...]:
        return tuple(entry for entry in within if entry.route == route)

    return Report(
        figures=found,
        breakdowns={name: breakdown(name, biennium, cells, found.scope) for name in BREAKDOWNS},
        mechanism=by("mechanism"),
        override=by("override"),
        outside=by("outside"),
        undated=tuple(entry for entry in approved if not entry.approved_at and entry.funds & found.scope),
        other_funds=tuple(entry for entry in falling if not entry.funds & found.scope),
    )


def short_of(share: Share, milestone: Decimal) -> int:
    """Count the proposals of the denominator that would have had to be in the numerator as well."""
    return max(0, ceil(share.denominator * Fraction(milestone) / 100) - share.numerator)


def further_needed(share: Share, milestone: Decimal) -> int | None:
    """Count the approvals through the mechanism, with none outside it, that would reach a milestone.

    None where no number of them would: nothing makes up for one approval outside when all are asked for.
    """
    part = Fraction(milestone) / 100
    missing = share.denominator * part - share.numerator
    if missing <= 0:
        return 0
    return None if part >= 1 else ceil(missing / (1 - part))
