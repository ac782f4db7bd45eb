"""Settings that people keep: the table of rates and the calendars of duty stations."""

import re
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Connection, delete, insert, select

from appraisal.clock import geneva_date
from appraisal.domain.facts import Person
from appraisal.domain.refusals import NotAllowed, refuse
from appraisal.errors import AppraisalError
from appraisal.storage import proposals, site, tables

RATES = tables.Rate.__table__
HOLIDAYS = tables.Holiday.__table__
_CURRENCY = re.compile(r"[A-Z]{3}")
# Wider than any currency ever was; beyond, amounts would no longer be exact to the cent.
_SMALLEST, _LARGEST = Decimal("1e-6"), Decimal("1e18")


class BadSettingGiven(AppraisalError):
    """A rate or a holiday cannot be kept; ``code`` is one of *currency*, *amount*, *exists*, *name*."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


def enter_rate(
    db: Connection, actor: Person, now: datetime, currency: str, day: date, per_usd: Decimal, source: str = ""
) -> None:
    """Enter how many units of a currency one US$ buys from a day on; a coordinator's act.

    Rates are never changed, since versions were frozen with them: a correction is another day's.
    """
    if actor.id != 0 and not actor.has("coordinator"):
        raise NotAllowed([refuse("role_missing", role="coordinator")])
    if not _CURRENCY.fullmatch(currency) or currency == "USD":
        raise BadSettingGiven("currency")
    if not per_usd.is_finite() or not _SMALLEST <= per_usd <= _LARGEST:
        raise BadSettingGiven("amount")
    site.lock(db)
    if db.execute(select(RATES.c.id).where(RATES.c.currency == currency, RATES.c.day == day)).first():
        raise BadSettingGiven("exists")
    db.execute(
        insert(RATES).values(
            currency=currency,
            day=day,
            per_usd=per_usd,
            source=source.strip(),
            entered_by=actor.id,
            entered_at=now,
        )
    )
    site.append(db, now, actor.id, "enter_rate", {"currency": currency, "day": day, "per_usd": per_usd})


def enter_holiday(db: Connection, actor: Person, now: datetime, station: str, day: date, name: str) -> None:
    """Enter a day on which a duty station does not work; an administrator's act."""
    if actor.id != 0 and not actor.has("administrator"):
        raise NotAllowed([refuse("role_missing", role="administrator")])
    station, name = station.strip(), name.strip()
    if not station or not name:
        raise BadSettingGiven("name")
    site.lock(db)
    if db.execute(select(HOLIDAYS.c.id).where(HOLIDAYS.c.station == station, HOLIDAYS.c.day == day)).first():
        raise BadSettingGiven("exists")
    db.execute(insert(HOLIDAYS).values(station=station, day=day, name=name))
    proposals.wake_open(db, geneva_date(now))
    site.append(db, now, actor.id, "enter_holiday", {"station": station, "day": day})


def remove_holiday(db: Connection, actor: Person, now: datetime, station: str, day: date) -> None:
    """Take a holiday out of a calendar; an administrator's act."""
    if actor.id != 0 and not actor.has("administrator"):
        raise NotAllowed([refuse("role_missing", role="administrator")])
    removed = db.execute(delete(HOLIDAYS).where(HOLIDAYS.c.station == station, HOLIDAYS.c.day == day))
    if removed.rowcount:
        proposals.wake_open(db, geneva_date(now))
        site.append(db, now, actor.id, "remove_holiday", {"station": station, "day": day})
