"""A rate may have only some currencies, days and values; an unlikely one has to be looked at twice.

A rate is frozen into every version and approval that uses it, so one that was typed wrongly is worth more
care than most entries: what cannot be is refused, what is unlikely is asked again beside its neighbours.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Final

from babel.core import get_global

from appraisal.canonical import digest
from appraisal.proposals.rules.track_and_money import Rate
from appraisal.vocabulary.bounds import EARLIEST
from appraisal.vocabulary.refusals import Refusal, refuse

# Wider than any currency that technical cooperation was ever paid in.
SMALLEST, LARGEST = Decimal("0.001"), Decimal("1e12")
DIGITS: Final = 15
# Beyond this factor to a neighbour, a slip is likelier than a devaluation.
JUMP: Final = 2
# What a first rate is shown with, since it has no neighbour.
SAMPLE_USD: Final = Decimal(1_000_000)


@cache
def _tenders() -> Mapping[str, tuple[tuple[date, date], ...]]:
    """Return by code of ISO 4217 when it was legal tender somewhere; funds and metals never are."""
    found: dict[str, list[tuple[date, date]]] = {}
    for entries in get_global("territory_currencies").values():
        for code, first, last, is_tender in entries:
            if is_tender and first is not None:
                found.setdefault(code, []).append((date(*first), date(*last) if last else date.max))
    return {code: tuple(spans) for code, spans in found.items()}


def is_currency(code: str, day: date | None = None) -> bool:
    """Tell whether a code of ISO 4217 is that of money that is, or on a day was, in use somewhere."""
    spans = _tenders().get(code, ())
    return bool(spans) if day is None else any(first <= day <= last for first, last in spans)


def last_day(today: date) -> date:
    """Return the last day that a rate may be valid from: operational rates are set for a month."""
    return (today.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def refusal(rate: Rate, today: date) -> Refusal | None:
    """Return why a rate cannot be, whatever others there are; None where it can."""
    if rate.currency == "USD" or not is_currency(rate.currency):
        return refuse("rate_currency")
    if rate.on < EARLIEST:
        return refuse("rate_day_early", day=EARLIEST)
    if rate.on > last_day(today):
        return refuse("rate_day_late", day=last_day(today))
    if not is_currency(rate.currency, rate.on):
        return refuse("rate_unused", currency=rate.currency, day=rate.on)
    if not rate.per_usd.is_finite() or rate.per_usd <= 0:
        return refuse("rate_amount")
    if not SMALLEST <= rate.per_usd <= LARGEST:
        return refuse("rate_bounds", smallest=SMALLEST, largest=format(LARGEST, "f"))
    written = "".join(map(str, rate.per_usd.as_tuple().digits)).strip("0")
    return refuse("rate_digits", digits=DIGITS) if len(written) > DIGITS else None


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why somebody has to look at a rate again before it is entered, beside those that are known.

    ``former`` is the rate that it corrects; ``before`` and ``after`` are its nearest neighbours.
    """

    rate: Rate
    former: Rate | None = None
    before: Rate | None = None
    after: Rate | None = None

    @property
    def jumps(self) -> tuple[Rate, ...]:
        """Return the neighbours from which the rate differs by more than the factor."""
        return tuple(
            other
            for other in (self.before, self.after)
            if other is not None and _factor(self.rate, other) > JUMP
        )

    @property
    def is_first(self) -> bool:
        """Tell whether there is no rate of the currency on the same day or before."""
        return self.before is None and self.former is None

    @property
    def sample(self) -> Decimal:
        """Return what a million US dollars would be."""
        return SAMPLE_USD * self.rate.per_usd

    @property
    def key(self) -> str:
        """Return what a confirmation has to name: it is another one as soon as a rate beside it is."""
        shown = (self.rate, self.former, self.before, self.after)
        return digest([[entry.currency, entry.on, entry.per_usd] if entry else None for entry in shown])


def doubt(known: Sequence[Rate], rate: Rate) -> Doubt | None:
    """Return why a rate has to be confirmed: it corrects one, is the first, or is far from a neighbour.

    None where nothing speaks against it. ``known`` are the rates in force, of any currency.
    """
    own = [entry for entry in known if entry.currency == rate.currency]
    found = Doubt(
        rate,
        next((entry for entry in own if entry.on == rate.on), None),
        max((entry for entry in own if entry.on < rate.on), key=lambda entry: entry.on, default=None),
        min((entry for entry in own if entry.on > rate.on), key=lambda entry: entry.on, default=None),
    )
    return found if found.former or found.is_first or found.jumps else None


def _factor(one: Rate, other: Rate) -> Fraction:
    # What is stored already may be anything: a nought is as far away as can be.
    if not (one.per_usd > 0 and other.per_usd > 0):
        return Fraction(JUMP + 1)
    ratio = Fraction(one.per_usd) / Fraction(other.per_usd)
    return max(ratio, 1 / ratio)
