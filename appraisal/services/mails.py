"""Mails: writing the message that carries notices, and handing it to the mail server.

SMTP promises delivery at least once: a worker that dies between the server's word and its own note
of it sends the message again. Both times it carries the same Message-ID, made of what the message
is, so that servers and readers know the second for the first: one effect for each message.
"""

import hashlib
import re
import smtplib
import ssl
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from functools import cache
from typing import Final
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from appraisal.clock import stamp
from appraisal.domain import notices
from appraisal.errors import AppraisalError
from appraisal.i18n import N_, Language, language_or, say, translate_plural
from appraisal.paths import folder
from appraisal.settings import MailServer
from appraisal.storage.notices import Mail, Notice

# More would not be read, and a message has to stay one that every server takes.
MOST_TOLD: Final = 100
# How long a server that cannot be used is left alone: at first, and at most.
FIRST_REST, LONGEST_REST = timedelta(seconds=30), timedelta(minutes=10)
# What may stand in an address without quotes; the parts beyond ASCII are the server's matter.
_WRITABLE = re.compile(r'[^\x00-\x20\x7f-\xa0<>()\[\],;:"\\@]+@[^\x00-\x20\x7f-\xa0<>()\[\],;:"\\@]+')


class Refused(AppraisalError):
    """This message will never be taken."""


class Deferred(AppraisalError):
    """This message was not taken now; another may be."""


class Lost(Deferred):
    """The server fell silent or hung up over this message."""


class Unusable(AppraisalError):
    """The server takes no message at all at present."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One notice in the words of its reader."""

    headline: str
    details: Sequence[str]
    address: str


@dataclass(frozen=True, slots=True)
class Letter:
    """What a message says, in the language that its reader has now; the templates only arrange it."""

    language: Language
    subject: str
    greeting: str
    entries: Sequence[Entry]
    more: str
    closing: str
    account: str


def letter(mail: Mail, address: str) -> Letter:
    """Put a message into words; ``address`` is the public address of the site."""
    language = language_or(mail.person.language)
    entries = [_entry(language, notice, address) for notice in mail.notices[:MOST_TOLD]]
    count, left = len(mail.notices), len(mail.notices) - len(entries)
    several = translate_plural(
        language, "Appraisal: %(count)s message", "Appraisal: %(count)s messages", count
    )
    return Letter(
        language=language,
        # A header is one line.
        subject=" ".join((entries[0].headline if count == 1 else several % {"count": count}).split()),
        greeting=say(language, N_("Hello %(name)s,"), name=" ".join(mail.person.name.split())),
        entries=entries,
        more=say(language, N_("And %(count)s more, to be found on the site."), count=left) if left else "",
        closing=say(
            language,
            N_(
                "Sent by Appraisal. Nobody reads answers to this address. "
                "Choose the language, and whether mail comes at once or once a day:"
            ),
        ),
        account=f"{address}/account",
    )


def _entry(language: Language, notice: Notice, address: str) -> Entry:
    return Entry(
        notices.headline(language, notice.number, notice.what, notice.facts),
        notices.details(language, notice.facts),
        address + notices.page(notice.number, notice.what, notice.facts),
    )


@cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(folder("templates") / "mail"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def message(mail: Mail, server: MailServer, now: datetime) -> EmailMessage:
    """Write a message: plain text with HTML beside it; the same mail always has the same Message-ID.

    Raises ``Refused`` for a person whose address cannot be written.
    """
    written = letter(mail, server.address)
    found = EmailMessage()
    found["Subject"] = written.subject
    found["From"] = Address(server.name, addr_spec=server.sender)
    found["To"] = _recipient(mail.person.email)
    found["Date"] = now
    found["Message-ID"] = message_id(mail, server)
    found["Auto-Submitted"] = "auto-generated"
    found.set_content(_templates().get_template("notice.txt").render(letter=written))
    found.add_alternative(_templates().get_template("notice.html").render(letter=written), subtype="html")
    # Set last: setting the content takes every header that speaks of content away.
    found["Content-Language"] = written.language
    return found


def message_id(mail: Mail, server: MailServer) -> str:
    """Return what tells a message from all others, of this site and of others, and is the same every time."""
    whole = f"{server.address}\n{mail.job}\n{mail.person.id}\n{stamp(mail.notices[0].at)}"
    return f"<{hashlib.sha256(whole.encode()).hexdigest()[:40]}@{server.sender.rpartition('@')[2]}>"


def _recipient(email: str) -> Address:
    local, _, domain = email.rpartition("@")
    try:
        if not _WRITABLE.fullmatch(email):
            raise ValueError(email)
        # A domain has a form in ASCII that every server knows.
        return Address(username=local, domain=domain.encode("idna").decode("ascii"))
    except ValueError:
        raise Refused(f"the address {email!a} cannot be written on a message") from None


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
