"""Indicator 2.1: the share of approved proposals that went through the mechanism, and its cases.

2.1 (biennium) = 100 x N / D. D: proposals whose first final approval falls in the biennium,
whatever the route, with a part from XBTC or RBSA. N: those of D approved by route *mechanism*.
Source: GB.306/TC/1, outcome 2, and the reading of it in ``workflows/indicators.v1.yaml``.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from math import ceil

from appraisal.clock import geneva_date
from appraisal.definitions.indicators import Percentage
from appraisal.definitions.workflows import Workflow
from appraisal.domain import forms, routes, tracks
from appraisal.domain.facts import Case
from appraisal.domain.routes import Reason, RouteKind
from appraisal.domain.rulebooks import Rulebook
from appraisal.domain.verdicts import displayed


@dataclass(frozen=True, slots=True)
class Approval:
    """What the indicator needs to know of one proposal; not approved ones count in ``outcomes`` only.

    ``approved_at`` None with a route means that the date is not known.
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
class Report:
    """Indicator 2.1 for one biennium, with the proposals behind every figure.

    ``percent`` is what is shown: one decimal, half up, two where that lies within 0.1 of the
    milestone, None for *no data*. ``milestone`` and ``met`` are None for a biennium without one.
    """

    biennium: str
    share: Share
    percent: str | None
    milestone: Decimal | None
    met: bool | None
    numerator: tuple[Approval, ...]
    denominator: tuple[Approval, ...]
    overrides: tuple[Approval, ...]
    outside: tuple[Approval, ...]
    undated: tuple[Approval, ...]
    other_funds: tuple[Approval, ...]
    with_overrides: Share
    xbtc: Share
    rbsa: Share
    usd: tuple[Decimal, Decimal]
    approved_of_appraised: Share
    states: tuple[tuple[str, int], ...]
    illustrative: bool

    @property
    def complete(self) -> bool:
        """Tell whether every approval has a date."""
        return not self.undated


def biennium_of(day: date) -> str:
    """Return the biennium of a day: an even year and the odd one after it, as ``2010-11``."""
    first = day.year - day.year % 2
    return f"{first}-{(first + 1) % 100:02d}"


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


def approval_of(case: Case, book: Rulebook) -> Approval:
    """Derive what the indicator needs from the facts of a proposal."""
    approval, found = case.approval, routes.route(case, book)
    version = next(
        (entry for entry in case.versions if approval is not None and entry.id == approval.version_id),
        case.version,
    )
    content = version.content if version else case.content
    # Without a version, an approval given elsewhere is worth what it was on its day.
    at = (approval.approved_at if approval else None) or case.created_at
    given = (
        version.contributions if version else tracks.contributions(case.content, book.rates, geneva_date(at))
    )
    return Approval(
        number=case.number,
        title=str(forms.value(content, "identification.title")),
        state=case.state,
        funds=tracks.funds(given),
        usd=version.usd if version else tracks.total_usd(given),
        route=found.kind if found else None,
        reason=found.reason if found else "",
        approved_at=approval.approved_at if approval else None,
        umbrella=forms.value(content, "identification.kind") == "umbrella",
        illustrative=case.illustrative,
    )


def report(indicator: Percentage, workflow: Workflow, biennium: str, proposals: Iterable[Approval]) -> Report:
    """Compute the indicator for a biennium.

    ``proposals`` are all that the database holds; those of other years are passed over here, so
    that what falls where is decided in one place.
    """
    first = first_year(biennium)
    everything = [entry for entry in proposals if not entry.umbrella]
    approved = [entry for entry in everything if entry.route is not None]
    scope = frozenset(indicator.scope.funds)
    falling = [
        entry
        for entry in approved
        if entry.approved_at and first <= geneva_date(entry.approved_at).year <= first + 1
    ]
    denominator = tuple(entry for entry in falling if entry.funds & scope)
    numerator = _by(denominator, "mechanism")
    milestone = indicator.milestone(biennium)
    share = Share(len(numerator), len(denominator))
    overrides, outside = _by(denominator, "override"), _by(denominator, "outside")
    negative = sum(
        workflow.states[entry.state].outcome == "negative"
        for entry in everything
        if entry.state in workflow.states
    )
    undated = tuple(entry for entry in approved if entry.approved_at is None and entry.funds & scope)
    passed = sum(entry.route in ("mechanism", "override") for entry in approved)
    return Report(
        biennium=biennium,
        share=share,
        percent=displayed_percent(share.exact, milestone.percent if milestone else None),
        milestone=milestone.percent if milestone else None,
        met=None if milestone is None or share.exact is None else share.exact >= Fraction(milestone.percent),
        numerator=numerator,
        denominator=denominator,
        overrides=overrides,
        outside=outside,
        undated=undated,
        other_funds=tuple(entry for entry in falling if not entry.funds & scope),
        with_overrides=Share(len(numerator) + len(overrides), len(denominator)),
        xbtc=_fund_share(falling, "XBTC"),
        rbsa=_fund_share(falling, "RBSA"),
        usd=(
            sum((entry.usd for entry in numerator), Decimal(0)),
            sum((entry.usd for entry in denominator), Decimal(0)),
        ),
        approved_of_appraised=Share(passed, passed + negative),
        states=tuple(sorted(Counter(entry.state for entry in everything).items())),
        illustrative=any(entry.illustrative for entry in (*denominator, *undated)),
    )


def _by(proposals: Sequence[Approval], route: RouteKind) -> tuple[Approval, ...]:
    return tuple(entry for entry in proposals if entry.route == route)


def _fund_share(falling: Sequence[Approval], fund: str) -> Share:
    chosen = [entry for entry in falling if fund in entry.funds]
    return Share(len(_by(chosen, "mechanism")), len(chosen))


def displayed_percent(exact: Fraction | None, milestone: Decimal | None) -> str | None:
    """Write a percentage: one decimal, half up; two where it lies within 0.1 of its milestone."""
    if exact is None:
        return None
    near = milestone is not None and abs(exact - Fraction(milestone)) <= Fraction(1, 10)
    return displayed(exact, 2 if near else 1)


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
