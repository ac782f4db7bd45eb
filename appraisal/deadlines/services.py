"""Administrators enter and remove the holidays of a duty station."""

from datetime import date, datetime

from sqlalchemy import Connection, delete, insert, select

from appraisal.clock import geneva_date
from appraisal.database import tables
from appraisal.errors import AppraisalError
from appraisal.people.facts import Person
from appraisal.proposals.store import writing
from appraisal.trail.store import site
from appraisal.vocabulary import bounds
from appraisal.vocabulary.refusals import NotAllowed, refuse

HOLIDAYS = tables.holidays


class BadSettingGiven(AppraisalError):
    """A setting cannot be kept; ``code`` is *exists* or *name*."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


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
    writing.wake_open(db, geneva_date(now))
    site.append(db, now, actor.id, "enter_holiday", {"station": station, "day": day})


def remove_holiday(db: Connection, actor: Person, now: datetime, station: str, day: date) -> None:
    """Take a holiday out of a calendar; an administrator's act."""
    if actor.id != 0 and not actor.has("administrator"):
        raise NotAllowed([refuse("role_missing", role="administrator")])
    removed = db.execute(delete(HOLIDAYS).where(HOLIDAYS.c.station == station, HOLIDAYS.c.day == day))
    if removed.rowcount:
        writing.wake_open(db, geneva_date(now))
        site.append(db, now, actor.id, "remove_holiday", {"station": station, "day": day})
