"""How long a session lasts, and what a browser is called."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appraisal.accounts.rules.sessions import CLOCK_TOLERANCE, Session, browser_of, is_open, is_use_due
from appraisal.settings import SessionLimits

BEGUN: Final = datetime(2010, 2, 1, 9, tzinfo=UTC)
LIMITS: Final = SessionLimits(timedelta(hours=12), timedelta(hours=2))
SECOND: Final = timedelta(seconds=1)


def used(after: timedelta) -> Session:
    """Return a session that was last used so long after its beginning."""
    return Session(1, 1, BEGUN, BEGUN + after)


@pytest.mark.parametrize(
    ("last_used", "now", "lasts"),
    [
        (timedelta(0), timedelta(0), True),
        (timedelta(0), LIMITS.idle - SECOND, True),
        (timedelta(0), LIMITS.idle, False),
        (timedelta(hours=11), LIMITS.lifetime - SECOND, True),
        (timedelta(hours=11), LIMITS.lifetime, False),
        # A clock that was ahead, by a little or by much.
        (timedelta(0), -CLOCK_TOLERANCE, True),
        (timedelta(0), -CLOCK_TOLERANCE - SECOND, False),
        (timedelta(hours=3), timedelta(hours=2), False),
    ],
)
def test_a_session_lasts_while_it_is_used_and_not_too_old(
    last_used: timedelta, now: timedelta, lasts: bool
) -> None:
    session = used(last_used)
    assert is_open(session, LIMITS, BEGUN + now) is lasts
    assert not is_open(replace(session, ended_at=BEGUN), LIMITS, BEGUN + now)


spans = st.timedeltas(timedelta(seconds=1), timedelta(days=7))


@given(lifetime=spans, idle=spans, steps=st.lists(st.timedeltas(timedelta(0), timedelta(days=2)), max_size=8))
def test_whoever_uses_a_session_often_enough_keeps_it_to_its_end_and_no_longer(
    lifetime: timedelta, idle: timedelta, steps: list[timedelta]
) -> None:
    limits = SessionLimits(lifetime, min(idle, lifetime))
    session, now = used(timedelta(0)), BEGUN
    for step in steps:
        before, now = now, now + step
        # Uses that are not written down shorten what is left by so much at most.
        surely = now - before < limits.idle * 23 / 24 and now - BEGUN < lifetime
        never = now - before >= limits.idle or now - BEGUN >= lifetime
        lasts = is_open(session, limits, now)
        assert lasts or not surely
        assert not (lasts and never)
        if not lasts:
            return
        if is_use_due(session, limits, now):
            session = replace(session, last_used_at=now)
        assert now - session.last_used_at < limits.idle / 24


WINDOWS: Final = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (f"{WINDOWS[:-1]}; rv:128.0) Gecko/20100101 Firefox/128.0", "Firefox, Windows"),
        (
            f"{WINDOWS} AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
            "Chrome, Windows",
        ),
        (f"{WINDOWS} AppleWebKit/537.36 Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0", "Edge, Windows"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) Version/17.5 Safari/605.1.15", "Safari, macOS"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) CriOS/126.0 Mobile Safari/604.1",
            "Chrome, iPhone",
        ),
        ("Mozilla/5.0 (Linux; Android 14; K) Chrome/126.0.0.0 Mobile Safari/537.36", "Chrome, Android"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Firefox/128.0", "Firefox, Linux"),
        ("Mozilla/5.0 (Windows NT 6.1; Trident/7.0; rv:11.0) like Gecko", "Windows"),
        ("curl/8.5.0", ""),
        ("", ""),
        ("<b>متصفح</b>" * 1000, ""),
    ],
)
def test_a_browser_is_called_what_people_call_it(agent: str, name: str) -> None:
    assert browser_of(agent) == name


@given(st.text())
def test_nothing_that_was_sent_is_kept(agent: str) -> None:
    assert len(browser_of(agent)) <= 60
    assert browser_of(agent + " Firefox/1 Windows " + agent).replace(",", "").isprintable()
