"""The present moment and the Office's calendar day are read here and nowhere else."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

GENEVA = ZoneInfo("Europe/Zurich")


def now() -> datetime:
    """Return the present moment in UTC."""
    return datetime.now(UTC)


def geneva_date(moment: datetime) -> date:
    """Return the calendar day at headquarters, which decides biennium, due dates and lapse."""
    return moment.astimezone(GENEVA).date()


def stamp(moment: datetime) -> str:
    """Write a moment as it stands in digests: UTC, microseconds, ``Z`` (RFC 3339)."""
    # Not strftime, which writes years before 1000 with fewer digits where the C library does.
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def parse_stamp(text: str) -> datetime:
    """Read back what :func:`stamp` wrote."""
    return datetime.fromisoformat(text)
