"""Percentages are rounded and written here, the same everywhere."""

from decimal import Decimal
from fractions import Fraction
from typing import Final

from appraisal.definitions.indicators import Rounding

ROUNDING: Final = Rounding()


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


def displayed(value: Fraction, places: int = 2) -> str:
    """Write a fraction of at least 0 as a decimal, half up, however long its exact digits are."""
    scaled = value * 10**places
    whole = (scaled.numerator * 2 + scaled.denominator) // (scaled.denominator * 2)
    return format(Decimal(whole).scaleb(-places), "f")
