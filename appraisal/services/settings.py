"""Settings that people keep: the table of rates and the calendars of duty stations."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from sqlalchemy import Connection, delete, insert, select

from appraisal.clock import geneva_date
from appraisal.domain import bounds, rates
from appraisal.domain.facts import Person
from appraisal.domain.refusals import NotAllowed, refuse
from appraisal.domain.tracks import Rate
from appraisal.errors import AppraisalError
from appraisal.storage import proposals, site, tables
from appraisal.storage.facts import load_rates

RATES = tables.Rate.__table__
HOLIDAYS = tables.Holiday.__table__
ENTER_RATE: Final = "enter_rate"
CORRECT_RATE: Final = "correct_rate"


class BadSettingGiven(AppraisalError):
    """A setting cannot be kept; ``code`` is *exists* or *name*."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


class RateDoubtful(NotAllowed):
    """A rate has to be confirmed: ``doubt`` says beside which others it has to be looked at."""

    def __init__(self, doubt: rates.Doubt) -> None:
        self.doubt = doubt
        super().__init__([refuse("rate_doubtful")])


@dataclass(frozen=True, slots=True)
class RateGiven:
    """A rate to be entered; ``reason`` is why it corrects the one of the same day."""

    currency: str
    day: date
    per_usd: Decimal
    source: str = ""
    reason: str = ""

    @property
    def rate(self) -> Rate:
        """Return the rate as rules read it."""
        return Rate(self.currency, self.day, self.per_usd, self.source.strip())


def examine_rate(db: Connection, now: datetime, given: RateGiven) -> rates.Doubt | None:
    """Return what has to be confirmed before a rate is entered, None for nothing.

    Raises ``NotAllowed`` for a rate that cannot be, and for a correction without a reason.
    """
    if refusal := rates.refusal(given.rate, geneva_date(now)):
        raise NotAllowed([refusal])
    found = rates.doubt(load_rates(db), given.rate)
    if found is not None and found.former not in (None, given.rate) and not given.reason.strip():
        raise NotAllowed([refuse("rate_reason", per_usd=found.former.per_usd)])
    return found


def enter_rate(
    db: Connection, actor: Person, now: datetime, given: RateGiven, confirmed: str | None = None
) -> bool:
    """Enter how many units of a currency one US$ buys from a day on; a coordinator's act.

    Where the day has a rate already this corrects it: the former one is kept, and whatever was frozen
    with it stays. ``confirmed`` is the key of the doubt that somebody has looked at. Returns False, and
    writes nothing, where the very same rate is in force already. Raises ``NotAllowed``, of which
    ``RateDoubtful`` where there is another doubt than the one confirmed.
    """
    if actor.id != 0 and not (actor.has("coordinator") and actor.active):
        raise NotAllowed([refuse("role_missing", role="coordinator")])
    site.lock(db)
    doubt = examine_rate(db, now, given)
    if doubt is not None and doubt.former == given.rate:
        return False
    if doubt is not None and doubt.key != confirmed:
        raise RateDoubtful(doubt)
    former = doubt.former if doubt else None
    row = db.execute(
        insert(RATES)
        .values(
            currency=given.currency,
            day=given.day,
            per_usd=given.per_usd,
            source=given.source.strip(),
            reason=given.reason.strip() if former else "",
            entered_by=actor.id,
            entered_at=now,
        )
        .returning(RATES.c.id)
    ).scalar_one()
    facts = {
        "rate": row,
        "currency": given.currency,
        "day": given.day,
        "per_usd": given.per_usd,
        "source": given.source.strip(),
    }
    if former is None:
        site.append(db, now, actor.id, ENTER_RATE, facts)
    else:
        changed = {"former": former.per_usd, "reason": given.reason.strip()}
        site.append(db, now, actor.id, CORRECT_RATE, facts | changed)
    return True


def enter_holiday(db: Connection, actor: Person, now: datetime, station: str, day: date, name: str) -> None:
    """Enter a day on which a duty station does not work; an administrator's act."""
    if actor.id != 0 and not actor.has("administrator"):
        raise NotAllowed([refuse("role_missing", role="administrator")])
    station, name = station.strip(), name.strip()
    if not station or not name:
        raise BadSettingGiven("name")
    if not bounds.is_sensible(day):
        raise BadSettingGiven("day")
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
