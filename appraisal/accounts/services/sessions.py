"""Sessions begin by signing in, are found by the cookie's token at each request, and end on the server.

A token is 256 random bits; only its digest is kept, so that reading the database opens no session.
"""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from appraisal.accounts.rules.sessions import EndReason, Session, Visit, browser_of, is_open
from appraisal.accounts.store import sessions
from appraisal.settings import SessionLimits
from appraisal.trail.store import site

# A session that was last used so long ago has ended, whatever the settings.
KEPT: Final = timedelta(days=30)


def open_session(
    db: Connection, now: datetime, person: int, agent: str = "", method: str = "password"
) -> str:
    """Begin a session and return its token; ``agent`` is what the browser says of itself."""
    token = secrets.token_urlsafe(32)
    sessions.insert_session(
        db, person=person, digest=digest(token), method=method, browser=browser_of(agent), now=now
    )
    return token


def digest(token: str) -> str:
    """Return what is kept of a token, of a session or of a link."""
    return hashlib.sha256(token.encode()).hexdigest()


def find_visit(db: Connection, limits: SessionLimits, now: datetime, token: str) -> Visit | None:
    """Return who uses the session of a token; None where it has ended or the account is closed."""
    visit = sessions.find_visit(db, digest(token))
    if visit is None or not visit.person.active or not is_open(visit.session, limits, now):
        return None
    return visit


def list_sessions(db: Connection, limits: SessionLimits, now: datetime, person: int) -> list[Session]:
    """List the sessions of a person that last, the last used first."""
    found = sessions.list_sessions(db, person, now - limits.lifetime)
    return [session for session in found if is_open(session, limits, now)]


def end_session(
    db: Connection, now: datetime, person: int, id: int, reason: EndReason = "signed_out"
) -> bool:
    """End one session of a person; tell whether it is theirs and had not ended, and log it only then."""
    is_ended = sessions.end_session(db, now, person, id, reason)
    if is_ended:
        site.log_access(db, now, person, "sign_out", "" if reason == "signed_out" else reason)
    return is_ended


def end_everywhere(db: Connection, now: datetime, person: int) -> None:
    """End all sessions of a person, as they ask for themselves."""
    sessions.end_sessions(db, now, person, "everywhere")
    site.log_access(db, now, person, "sign_out", "everywhere")


def renew_token(db: Connection, id: int) -> str:
    """Give a session a new token and return it: a copy of the cookie opens nothing any more."""
    token = secrets.token_urlsafe(32)
    sessions.change_digest(db, id, digest(token))
    return token


def forget(db: Connection, now: datetime) -> int:
    """Remove sessions that ended long ago; return how many."""
    return sessions.remove_unused(db, now - KEPT)
