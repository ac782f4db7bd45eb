"""Indicator 2.1: the share of approved proposals that went through the mechanism, and its cases.

2.1 (biennium) = 100 x N / D. D: proposals whose first final approval falls in the biennium,
whatever the route, with a part from XBTC or RBSA. N: those of D approved by route *mechanism*.
Source: GB.306/TC/1, outcome 2, and the reading of it in ``workflows/indicators.v1.yaml``.

Every figure is a sum over :class:`Cell`: a database keeps those sums, whoever doubts them adds them up anew
from the approvals that the audit trail tells of, and both go through :func:`figures`.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from math import ceil
from typing import Any, Final, Literal, NamedTuple

from appraisal.clock import geneva_date, parse_stamp
from appraisal.definitions.indicators import Percentage, Rounding
from appraisal.domain import approvals, forms, routes, tracks
from appraisal.domain.approvals import APPROVING
from appraisal.domain.facts import Case, Contribution, Decision
from appraisal.domain.routes import Reason, RouteKind
from appraisal.domain.rulebooks import Rulebook
from appraisal.domain.tracks import Rate
from appraisal.domain.verdicts import displayed

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
_ALL, _STATE, _DECISION = "all", "state", "decision"
# The dimensions that the figures themselves are added up from.
FIGURES: Final = (_ALL, _STATE, _DECISION)
# What the decision on an appraisal came to (empty: none was taken). An annulled one approves nothing.
Decided = Literal["", "approved", "not_approved"]
ROUNDING: Final = Rounding()


@dataclass(frozen=True, slots=True)
class Approval:
    """What the indicator needs to know of one proposal; not approved ones count by their state only.

    ``approved_at`` None with a route means that the date is not known. ``donors``: each with its part
    of ``usd``, in the order of the form. ``decided``: what the last decision on an appraisal came to,
    whatever was registered or corrected beside it, and ``decided_at`` when it was taken. ``workflow`` is the
    one that the proposal pinned, by which its state is to be read.
    """

    number: str
    title: str
    state: str
    funds: frozenset[str]
    usd: Decimal
    route: RouteKind | None = None
    reason: Reason = ""
    approved_at: datetime | None = None
    umbrella: bool = False
    illustrative: bool = False
    region: str = ""
    unit: str = ""
    track: str = ""
    donors: tuple[tuple[str, Decimal], ...] = ()
    decided: Decided = ""
    decided_at: datetime | None = None
    workflow: str = ""

    @property
    def biennium(self) -> str:
        """Return the biennium of the approval; empty for an undated one."""
        return _biennium_at(self.approved_at)


def _biennium_at(moment: datetime | None) -> str:
    return biennium_of(geneva_date(moment)) if moment else ""


@dataclass(frozen=True, slots=True)
class Share:
    """A numerator over a denominator; ``exact`` is None where there is nothing to divide by."""

    numerator: int
    denominator: int

    @property
    def exact(self) -> Fraction | None:
        """Return the percentage, unrounded."""
        return Fraction(100 * self.numerator, self.denominator) if self.denominator else None


class Cell(NamedTuple):
    """What proposals are counted under: one line of one breakdown, or a state.

    ``biennium`` is empty for undated approvals and for states; ``funds`` are sorted, with a space between.
    ``workflow`` is that of a state, which means nothing without it.
    """

    dimension: str
    value: str
    biennium: str
    funds: str
    route: str
    illustrative: bool
    workflow: str = ""


class Sum(NamedTuple):
    """How many proposals a cell counts, and their US$."""

    proposals: int
    usd: Decimal


Tally = Mapping[Cell, Sum]
_NOTHING: Final = Sum(0, Decimal(0))


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


def biennium_of(day: date) -> str:
    """Return the biennium of a day: an even year and the odd one after it, as ``2010-11``."""
    return biennium_from(day.year - day.year % 2)


def biennium_from(year: int) -> str:
    """Return the biennium that an even year begins."""
    return f"{year:04d}-{(year + 1) % 100:02d}"


def first_year(biennium: str) -> int:
    """Return the even year that a biennium begins with; ``ValueError`` when the text is not one."""
    first, _, second = biennium.partition("-")
    if (
        len(first) != 4
        or not (first.isascii() and first.isdecimal())
        or int(first) % 2
        or second != f"{(int(first) + 1) % 100:02d}"
    ):
        raise ValueError(f"“{biennium}” is not a biennium: write an even year and the next, like 2010-11")
    return int(first)


def is_counted(case: Case) -> bool:
    """Tell whether the indicator knows a proposal: once it was submitted, or its approval registered.

    One that came of a registration which was corrected counts nowhere.
    """
    return case.pinned and case.voided_at is None


def approval_of(case: Case, book: Rulebook) -> Approval:
    """Derive what the indicator needs from the facts of a proposal."""
    approval, found = case.approval, routes.route(case, book)
    if approval is None or found is None:
        umbrella = _is_umbrella(case.version.content if case.version else case.content)
        return unapproved(
            case.number,
            case.state,
            umbrella=umbrella,
            illustrative=case.illustrative,
            workflow=case.workflow,
            **_decided(case.decisions),
        )
    version = next((entry for entry in case.versions if entry.id == approval.version_id), case.version)
    content = version.content if version else case.content
    given = version.contributions if version else approval.contributions or ()
    entry = outside(case.number, case.state, content, given, approval.approved_at)
    return replace(
        entry,
        usd=version.usd if version else entry.usd,
        route=found.kind,
        reason=found.reason,
        illustrative=case.illustrative,
        # What a coordinator or a sibling made stricter since the version was frozen is the track it took.
        track=case.track,
        workflow=case.workflow,
        **_decided(case.decisions),
    )


def _decided(trail: Iterable["Told | Decision"]) -> dict[str, Any]:
    """Return what the last decision on an appraisal of a proposal came to, and when it was taken."""
    last, stands = approvals.decision(trail)
    if last is None:
        return {}
    return {"decided": "approved" if stands else "not_approved", "decided_at": last.at}


def outside(
    number: str,
    state: str,
    content: forms.Content,
    given: Sequence[Contribution],
    approved_at: datetime | None,
) -> Approval:
    """Return what the indicator needs of an approval given outside, by its form and its frozen money."""
    parts: dict[str, Decimal] = defaultdict(Decimal)
    for entry in given:
        parts[entry.donor] += entry.usd or 0
    return Approval(
        number=number,
        title=str(forms.value(content, "identification.title")),
        state=state,
        funds=tracks.funds(given),
        usd=tracks.total_usd(given),
        route="outside",
        reason="registered",
        approved_at=approved_at,
        umbrella=_is_umbrella(content),
        region=str(forms.value(content, "identification.region")),
        unit=str(forms.value(content, "identification.unit")),
        donors=tuple(parts.items()),
    )


def _is_umbrella(content: forms.Content) -> bool:
    return str(forms.value(content, "identification.kind")) == "umbrella"


def told(approval: Approval) -> dict[str, Any]:
    """Return what the event of an approval says of it, so that the trail alone gives the indicator."""
    return {
        "title": approval.title,
        "funds": approval.funds,
        "usd": approval.usd,
        "route": approval.route,
        "reason": approval.reason,
        "approved_at": approval.approved_at,
        "umbrella": approval.umbrella,
        "illustrative": approval.illustrative,
        "region": approval.region,
        "unit": approval.unit,
        "track": approval.track,
        "donors": [list(entry) for entry in approval.donors],
    }


def heard(number: str, workflow: str, state: str, said: Mapping[str, Any]) -> Approval:
    """Read back what :func:`told` said of a proposal that stands in a state of a workflow."""
    given = dict(said)
    at = given.pop("approved_at")
    return Approval(
        number=number,
        workflow=workflow,
        state=state,
        funds=frozenset(given.pop("funds")),
        usd=Decimal(given.pop("usd")),
        approved_at=parse_stamp(at) if at else None,
        donors=tuple((donor, Decimal(usd)) for donor, usd in given.pop("donors")),
        **given,
    )


def told_by_sheet(sheet: Mapping[str, Any], rates: Sequence[Rate], created_at: datetime) -> dict[str, Any]:
    """Return what the decision sheet of an approval says of it, in the form of :func:`told`.

    Before events said it themselves, the sheet alone did, whose digest they name. Without a version, the
    approval is worth what the form says at the rates of its day.
    """
    proposal, decision = sheet["proposal"], sheet["decision"]
    at, content = decision["approved_at"], proposal["content"]
    day = geneva_date(parse_stamp(at) if at else created_at)
    given = (
        [(entry["donor"], entry["fund"], Decimal(entry["usd"] or 0)) for entry in proposal["contributions"]]
        if proposal["version"]
        else [
            (entry.donor, entry.fund, entry.usd or Decimal(0))
            for entry in tracks.contributions(content, rates, day)
        ]
    )
    parts: dict[str, Decimal] = defaultdict(Decimal)
    for donor, _, usd in given:
        parts[donor] += usd
    return {
        "title": proposal["title"],
        "funds": {fund for _, fund, _ in given},
        "usd": proposal["usd"] if proposal["version"] else sum(parts.values(), Decimal(0)),
        "route": decision["route"],
        "reason": decision["route_reason"],
        "approved_at": at,
        "umbrella": _is_umbrella(content),
        "illustrative": sheet["illustrative"],
        "region": proposal["region"],
        "unit": proposal["unit"],
        "track": proposal["track"],
        "donors": list(parts.items()),
    }


class Told(NamedTuple):
    """An event of a proposal that the indicator listens to, with the state that the last one of all left.

    ``workflow`` is by which the proposal goes; what the events say of it themselves comes first.
    """

    number: str
    name: str
    act: str
    state: str
    facts: Mapping[str, Any]
    at: datetime
    workflow: str = ""


# The events whose facts the indicator listens to: by the name of one, by the acts of the others.
CREATING: Final = "create"
LISTENED: Final = ("submit", *approvals.DECIDING, *approvals.SETTLING)


def replayed(events: Iterable[Told]) -> Approval | None:
    """Derive from the events of one proposal, in order, what the indicator needs; None for a mere draft."""
    listed = list(events)
    kept = approvals.uncorrected(listed)
    entering = [entry for entry in kept if entry.act == "submit" or entry.act in APPROVING]
    if not entering:
        return None
    last, newest = listed[-1], entering[-1]
    approval, decided = approvals.approval(kept), _decided(kept)
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


def unapproved(
    number: str, state: str, *, umbrella: bool, illustrative: bool, workflow: str = "", **decided: Any
) -> Approval:
    """Return what the indicator needs of a proposal that is not approved: where it stands."""
    nothing = Decimal(0)
    return Approval(
        number,
        "",
        state,
        frozenset(),
        nothing,
        umbrella=umbrella,
        illustrative=illustrative,
        workflow=workflow,
        **decided,
    )


def tally(entry: Approval) -> dict[Cell, Sum]:
    """Return the cells that a proposal counts in, with what it adds to each. An umbrella counts in none."""
    if entry.umbrella:
        return {}
    one = Sum(1, Decimal(0))
    found = {Cell(_STATE, entry.state, "", "", "", entry.illustrative, entry.workflow): one}
    if entry.decided:
        decided_in = _biennium_at(entry.decided_at)
        found[Cell(_DECISION, entry.decided, decided_in, "", "", entry.illustrative)] = one
    if entry.route is None:
        return found
    lines = [(_ALL, "", entry.usd)]
    lines += [(name, getattr(entry, name), entry.usd) for name in ("region", "unit", "track")]
    lines += [("donor", donor, usd) for donor, usd in entry.donors or (("", entry.usd),)]
    funds = " ".join(sorted(entry.funds))
    for dimension, value, usd in lines:
        cell = Cell(dimension, value, entry.biennium, funds, entry.route, entry.illustrative)
        found[cell] = Sum(1, usd)
    return found


def added(tallies: Iterable[Tally]) -> dict[Cell, Sum]:
    """Add up what several proposals count."""
    found: dict[Cell, Sum] = {}
    for entry in tallies:
        for cell, (count, usd) in entry.items():
            before = found.get(cell, _NOTHING)
            found[cell] = Sum(before.proposals + count, before.usd + usd)
    return found


def moved(before: Tally, after: Tally) -> dict[Cell, Sum]:
    """Return what has to be added to each cell for a proposal that counted in some and now does in others."""
    if before == after:
        return {}
    found = added([after, {cell: Sum(-count, -usd) for cell, (count, usd) in before.items()}])
    return {cell: entry for cell, entry in found.items() if entry != _NOTHING}


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
    everything = [(cell, entry) for cell, entry in cells.items() if cell.dimension == _ALL]
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
        if (cell.dimension, cell.biennium) == (_DECISION, biennium):
            decided[cell.value] += entry.proposals
    return Share(decided["approved"], sum(decided.values()))


def _states(cells: Tally) -> tuple[tuple[str, str, int], ...]:
    """Count the proposals in each state of each workflow."""
    found: dict[tuple[str, str], int] = defaultdict(int)
    for cell, entry in cells.items():
        if cell.dimension == _STATE:
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


def displayed_percent(
    exact: Fraction | None, milestone: Decimal | None, rounding: Rounding = ROUNDING
) -> str | None:
    """Write a percentage: one decimal, half up; two within 0.1 of its milestone, unless it is just that.

    As many more as it takes not to look as if the milestone were reached when it is missed, or just met.
    """
    if exact is None:
        return None
    if milestone is None or not 0 < abs(exact - Fraction(milestone)) <= Fraction(rounding.near):
        return displayed(exact, rounding.decimals)
    decimals = rounding.near_decimals
    while Decimal(displayed(exact, decimals)) == milestone:
        decimals += 1
    return displayed(exact, decimals)


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
