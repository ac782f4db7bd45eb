"""Cookies: the session in one that is signed, and sent anew only once it has aged."""

from datetime import timedelta
from typing import Final

from flask import Flask, Request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from itsdangerous import BadSignature

from appraisal.clock import now

# So long a cookie is good as it is; a session that is used ends so much earlier than its time, at most.
RENEWED_AFTER: Final = timedelta(minutes=10)


class Session(SecureCookieSession):
    """A session that knows whether its cookie has aged."""

    aged = False


class Sessions(SecureCookieSessionInterface):
    """Sessions that last for a while after they were last used.

    Flask's own way renews the cookie with every answer, each part of a file included.
    """

    session_class = Session

    def open_session(self, app: Flask, request: Request) -> Session | None:
        """Read the session of a request; one that is too old or not signed here is a new one."""
        serializer = self.get_signing_serializer(app)
        if serializer is None:
            return None
        lifetime = int(app.permanent_session_lifetime.total_seconds())
        try:
            kept, signed = serializer.loads(
                request.cookies.get(self.get_cookie_name(app), ""), max_age=lifetime, return_timestamp=True
            )
        except BadSignature:
            return Session()
        session = Session(kept)
        # The seal is made and read by the machine's clock.
        session.aged = now() - signed >= RENEWED_AFTER
        return session

    def should_set_cookie(self, app: Flask, session: SessionMixin) -> bool:
        """Tell whether the answer has to carry the cookie."""
        return session.modified or (session.permanent and isinstance(session, Session) and session.aged)
