"""Sessions have limits: how long somebody stays signed in; and browsers have names that people know."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from appraisal.people.facts import Person
from appraisal.settings import SessionLimits

# Signed out with its own button; ended from a list of sessions; all ended at once; the password was
# changed; the account was closed.
EndReason = Literal["signed_out", "listed", "everywhere", "password", "closed"]
# So much may the clocks of two machines differ that serve one site.
CLOCK_TOLERANCE: Final = timedelta(minutes=5)
# The use of a session is written down once in such a part of its idle time: five minutes of two hours.
_PART: Final = 24


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody signed in with one browser; ``previous_at`` is when they had signed in before."""

    id: int
    person: int
    created_at: datetime
    last_used_at: datetime
    browser: str = ""
    previous_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody who uses a session, and since when they have had their password, where that is known."""

    person: Person
    session: Session
    password_set_at: datetime | None = None


def is_open(session: Session, limits: SessionLimits, now: datetime) -> bool:
    """Tell whether a session lasts: not ended, not too old, and used not too long ago.

    One that was used in the future was so by a clock that was wrong, and would last too long.
    """
    return (
        session.ended_at is None
        and now - session.created_at < limits.lifetime
        and -CLOCK_TOLERANCE <= now - session.last_used_at < limits.idle
    )


def is_use_due(session: Session, limits: SessionLimits, now: datetime) -> bool:
    """Tell whether it is time to write down that a session is used; what is not shortens it a little."""
    return now - session.last_used_at >= limits.idle / _PART


# What names a browser or a system in what browsers send, and what people call it; most also send the
# names of those that come later.
_BROWSERS: Final = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS: Final = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Macintosh", "macOS"),
    ("Linux", "Linux"),
)


def browser_of(agent: str) -> str:
    """Return a short name of a browser for its User-Agent, like ``Firefox, Windows``; empty if unknown.

    Nothing that was sent is kept as it is: no version, nothing that tells one machine from another.
    """
    names = (next((name for mark, name in marks if mark in agent), None) for marks in (_BROWSERS, _SYSTEMS))
    return ", ".join(name for name in names if name)
