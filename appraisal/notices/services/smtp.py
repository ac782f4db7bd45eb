"""Messages are handed to the mail server here, one connection for many.

SMTP promises delivery at least once: a worker that dies between the server's word and its own note
of it sends the message again. Both times it carries the same Message-ID, made of what the message
is, so that servers and readers know the second for the first: one effect for each message.
"""

import smtplib
import ssl
from contextlib import suppress
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from typing import Final
from urllib.parse import urlsplit

from appraisal.errors import AppraisalError
from appraisal.notices.services.messages import Refused
from appraisal.settings import MailServer

# How long a server that cannot be used is left alone: at first, and at most.
FIRST_REST: Final = timedelta(seconds=30)
LONGEST_REST: Final = timedelta(minutes=10)


class Deferred(AppraisalError):
    """This message was not taken now; another may be."""


class Lost(Deferred):
    """The server fell silent or hung up over this message."""


class Unusable(AppraisalError):
    """The server takes no message at all at present."""


class Courier:
    """A connection to the mail server, opened when it is needed and kept from one message to the next.

    Not for several threads at once.
    """

    def __init__(self, server: MailServer) -> None:
        self.server = server
        self._smtp: smtplib.SMTP | None = None
        self._failures = 0
        self._rests_until: datetime | None = None

    def is_resting(self, now: datetime) -> bool:
        """Tell whether the server is left alone for now, since it could not be used."""
        return self._rests_until is not None and now < self._rests_until

    def rest(self, now: datetime) -> datetime:
        """Leave a server alone that could not be used, twice as long each time; return until when."""
        self._rests_until = now + min(FIRST_REST * 2 ** min(self._failures, 20), LONGEST_REST)
        self._failures += 1
        return self._rests_until

    def close(self) -> None:
        """Say goodbye."""
        smtp, self._smtp = self._smtp, None
        if smtp is not None:
            with suppress(OSError):
                smtp.quit()

    def send(self, written: EmailMessage) -> None:
        """Hand over one message; when this returns, the server has taken it.

        Raises ``Refused``, ``Deferred`` or ``Unusable``, with the server's words.
        """
        to = written["To"].addresses[0].addr_spec
        beyond_ascii = not to.isascii()
        smtp = self._begin(beyond_ascii)
        try:
            answer = smtp.rcpt(to)
            if answer[0] in (250, 251):
                answer = _data(smtp, written.as_bytes(policy=SMTPUTF8 if beyond_ascii else SMTP))
        except OSError as error:
            self._hang_up()
            raise Lost(self._words(error)) from error
        self._failures = 0
        if answer[0] == 250:
            return
        self._forget_message(answer[0])
        words = self._clean(f"{answer[0]} {answer[1].decode(errors='replace')}")
        raise Refused(words) if 500 <= answer[0] < 600 else Deferred(words)

    def _begin(self, beyond_ascii: bool) -> smtplib.SMTP:
        """Begin a message. A server may end a connection after so many messages: then it is opened again."""
        while True:
            kept = self._smtp is not None
            try:
                smtp = self._connected()
                if beyond_ascii and not smtp.has_extn("smtputf8"):
                    raise Refused("the mail server takes no addresses with letters beyond ASCII")
                code, words = smtp.mail(self.server.sender, ["smtputf8"] if beyond_ascii else [])
            except OSError as error:
                self._hang_up()
                if not kept:
                    raise Unusable(self._words(error)) from error
                continue
            if code == 250:
                return smtp
            self._hang_up()
            if not kept:
                raise Unusable(self._clean(f"{code} {words.decode(errors='replace')}"))

    def _connected(self) -> smtplib.SMTP:
        if self._smtp is not None:
            return self._smtp
        server, here = self.server, urlsplit(self.server.address).hostname or "localhost"
        if server.security == "tls":
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(
                server.host, server.port, here, timeout=server.timeout, context=ssl.create_default_context()
            )
        else:
            smtp = smtplib.SMTP(server.host, server.port, here, timeout=server.timeout)
        self._smtp = smtp
        if server.security == "starttls":
            smtp.starttls(context=ssl.create_default_context())
        smtp.ehlo_or_helo_if_needed()
        if server.user:
            smtp.login(server.user, server.password)
        return smtp

    def _forget_message(self, code: int) -> None:
        """Make ready for the next message after one that was not taken."""
        try:
            if code == 421 or self._smtp is None or self._smtp.rset()[0] != 250:
                self._hang_up()
        except OSError:
            self._hang_up()

    def _hang_up(self) -> None:
        smtp, self._smtp = self._smtp, None
        if smtp is not None:
            smtp.close()

    def _words(self, error: OSError) -> str:
        place = f"{self.server.host}:{self.server.port}"
        if isinstance(error, smtplib.SMTPResponseException):
            said = error.smtp_error
            words = said.decode(errors="replace") if isinstance(said, bytes) else said
            return self._clean(f"{place}: {error.smtp_code} {words}")
        said = error.strerror or str(error) or type(error).__name__
        # What smtplib puts before every reason, be it that nothing was closed but nothing came.
        return self._clean(f"{place}: {said.removeprefix('Connection unexpectedly closed: ')}")

    def _clean(self, words: str) -> str:
        """A server might repeat what it was told; the password is nobody's to read."""
        return words.replace(self.server.password, "…") if self.server.password else words


def _data(smtp: smtplib.SMTP, content: bytes) -> tuple[int, bytes]:
    try:
        return smtp.data(content)
    except smtplib.SMTPDataError as error:
        said = error.smtp_error
        return error.smtp_code, said if isinstance(said, bytes) else said.encode()
