"""Bounds limit how far back and ahead a day may lie, and how much a budget may be, wherever entered."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from appraisal.language.texts import N_
from appraisal.vocabulary.refusals import Refusal, refuse

# Technical cooperation, and the rates that it is valued by, go no further back.
EARLIEST: Final = date(1950, 1, 1)
# No plan reaches further, and no calendar is counted beyond.
LATEST: Final = date(2099, 12, 31)
# Whoever has to do something later than that has not been asked to do it.
MOST_YEARS_DUE: Final = 3
# No proposal costs more than all that is produced in the world in a week; sums of it stay countable.
MOST_USD: Final = Decimal(1_000_000_000_000)
ONE_DAY: Final = timedelta(days=1)
FAR_DAY: Final = N_("Check the year: a date lies between 1950 and 2099")


def is_sensible(day: date) -> bool:
    """Tell whether a day lies between the earliest and the latest that anything is about."""
    return EARLIEST <= day <= LATEST


def early(day: date) -> Refusal | None:
    """Refuse a day on which something happened where it lies before the earliest."""
    return refuse("day_early", day=EARLIEST) if day < EARLIEST else None


def last_due(today: date) -> date:
    """Return the last day on which something may be due that is asked for today."""
    # Of a 29 February the year in question has the 28th at least.
    return date(today.year + MOST_YEARS_DUE, today.month, min(today.day, 28))


def due_late(day: date, today: date) -> Refusal | None:
    """Refuse a due day that lies too far ahead."""
    last = last_due(today)
    return refuse("due_late", years=MOST_YEARS_DUE, day=last) if day > last else None


def usd_beyond(usd: Decimal) -> Refusal | None:
    """Refuse a budget that is more money than a proposal can cost."""
    return refuse("usd_beyond", usd=usd, most=MOST_USD) if usd > MOST_USD else None


def after(day: date) -> date:
    """Return the next day; after the last one that there is, that one again."""
    return day if day == date.max else day + ONE_DAY
