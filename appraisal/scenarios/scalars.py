"""Scalars are the single values that scenarios are written in; each error says how to write one."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, StringConstraints, ValidationInfo

from appraisal.clock import GENEVA
from appraisal.definitions.documents import Amount

# A scenario without a date begins on the first Monday of the first biennium.
FIRST: Final = datetime(2010, 1, 4, 9, 0, tzinfo=GENEVA)
# What a step takes that does not say when it is taken.
MINUTE: Final = timedelta(minutes=1)
# Farther away, a moment plus a few days would be no moment any more.
_YEARS: Final = range(1900, 2900)


def moment(given: Any) -> datetime:
    """Read a moment with its offset; ``ValueError`` says how to write one."""
    found = given if isinstance(given, datetime) else _date_and_time(given)
    if found.tzinfo is None:
        raise ValueError("the moment has no offset, like +01:00")
    return found


def _date_and_time(given: Any) -> datetime:
    try:
        found = datetime.fromisoformat(str(given))
    except ValueError:
        found = None
    if found is None or found.year not in _YEARS:
        raise ValueError("write a moment with its offset, like 2010-02-01T09:00:00+01:00")
    return found


def _day(given: Any) -> date:
    try:
        found = date.fromisoformat(str(given))
    except ValueError:
        found = None
    if found is None or found.year not in _YEARS:
        raise ValueError(f"write a day, like 2010-02-01, not ‘{given}’")
    return found


def _day_or_nothing(given: Any) -> Any:
    return _day(given) if given else None


def _approved_at(given: Any) -> Any:
    return None if not given or given == "undated" else _date_and_time(given)


def _switch(given: str) -> str:
    if given.lower() not in ("true", "false", "yes", "no"):
        raise ValueError(f"write true or false, not ‘{given}’")
    return given


def _per_usd(given: Decimal) -> Decimal:
    if given <= 0:
        raise ValueError(f"a rate lies above 0, not at {given}")
    return given


def _currency(given: str) -> str:
    if len(given) != 3 or not (given.isascii() and given.isalpha() and given.isupper()) or given == "USD":
        raise ValueError(
            f"write a currency other than the US dollar as three letters, like EUR, not ‘{given}’"
        )
    return given


def _person(given: str, info: ValidationInfo) -> str:
    if info.context is not None and given not in info.context:
        raise ValueError(f"‘{given}’ is not one of the people")
    return given


Moment = Annotated[datetime, BeforeValidator(moment)]
Day = Annotated[date, BeforeValidator(_day)]
PerUsd = Annotated[Amount, AfterValidator(_per_usd)]
Currency = Annotated[str, AfterValidator(_currency)]
Filled = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Written = Annotated[str, BeforeValidator(lambda given: "" if given is None else given)]
Switch = Annotated[str, AfterValidator(_switch)]
Somebody = Annotated[str, AfterValidator(_person)]
DayOrNothing = Annotated[date | None, BeforeValidator(_day_or_nothing)]


ApprovedAt = Annotated[datetime | None, BeforeValidator(_approved_at)]
