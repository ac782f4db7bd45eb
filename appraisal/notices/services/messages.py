"""The message that carries notices is written here, as plain text with HTML beside it."""

import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Final

from appraisal.clock import stamp
from appraisal.errors import AppraisalError
from appraisal.language.texts import N_, Language, language_or, say, translate_plural
from appraisal.notices import rules as notices_rules
from appraisal.notices.store import Mail, Notice
from appraisal.paths import folder
from appraisal.settings import MailServer

if TYPE_CHECKING:
    from jinja2 import Environment

# More would not be read, and a message has to stay one that every server takes.
MOST_TOLD: Final = 100
# It cannot stand in the parts that it divides: in what is quoted-printable, = is followed by two digits.
_BOUNDARY: Final = "=_appraisal"
# What may stand in an address without quotes; the parts beyond ASCII are the server's matter.
_WRITABLE = re.compile(r'[^\x00-\x20\x7f-\xa0<>()\[\],;:"\\@]+@[^\x00-\x20\x7f-\xa0<>()\[\],;:"\\@]+')


class Refused(AppraisalError):
    """This message will never be taken."""


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


def is_welcome(mail: Mail) -> bool:
    """Tell whether a message is still for its reader: whose account was closed is told of that alone."""
    kinds = [notices_rules.kind_of(notice.what, notice.facts) for notice in mail.notices]
    return mail.person.active or any(kind is not None and kind.to_closed for kind in kinds)


def with_token(mail: Mail, token: str) -> Mail:
    """Return a message whose link carries a token, which is written nowhere else."""
    told = [
        replace(notice, facts={**notice.facts, "token": token}) if "link" in notice.facts else notice
        for notice in mail.notices
    ]
    return replace(mail, notices=tuple(told))


def _entry(language: Language, notice: Notice, address: str) -> Entry:
    return Entry(
        notices_rules.headline(language, notice.number, notice.what, notice.facts),
        notices_rules.details(language, notice.what, notice.facts),
        address + notices_rules.page(notice.number, notice.what, notice.facts),
    )


@cache
def _templates() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

    return Environment(
        loader=FileSystemLoader(folder("templates") / "notices"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


def message(mail: Mail, server: MailServer, now: datetime) -> EmailMessage:
    """Write a message; the same mail always has the same Message-ID, whenever it is sent.

    Raises ``Refused`` for a person whose address cannot be written.
    """
    written = letter(mail, server.address)
    found = EmailMessage()
    found["Subject"] = shared_header("Subject", written.subject)
    found["From"] = shared_header("From", str(Address(server.name, addr_spec=server.sender)))
    found["To"] = _recipient(mail.person.email)
    found["Date"] = shared_header("Date", format_datetime(now))
    found["Message-ID"] = f"<{_mark(mail, server)}@{server.sender.rpartition('@')[2]}>"
    found["Auto-Submitted"] = shared_header("Auto-Submitted", "auto-generated")
    found["MIME-Version"] = shared_header("MIME-Version", "1.0")
    found["Content-Language"] = shared_header("Content-Language", written.language)
    found["Content-Type"] = shared_header("Content-Type", f'multipart/alternative; boundary="{_BOUNDARY}"')
    parts = [_part(kind, name, written) for kind, name in (("plain", "notice.txt"), ("html", "notice.html"))]
    # Put together here: the library would parse and fold each header of each part for ten times as long.
    found.set_payload("".join(f"--{_BOUNDARY}\r\n{part}\r\n" for part in parts) + f"--{_BOUNDARY}--\r\n")
    return found


@lru_cache(maxsize=256)
def shared_header(name: str, value: str) -> Any:
    """Parse a header that the messages of a batch share, which costs more than all else."""
    # Put into a message, not only parsed: that is where a second line is refused.
    held = EmailMessage()
    held[name] = value
    return held[name]


def _part(kind: str, template: str, written: Letter) -> str:
    text = _templates().get_template(template).render(letter=written)
    content = binascii.b2a_qp(text.encode(), istext=True).decode("ascii").replace("\n", "\r\n")
    return (
        f'Content-Type: text/{kind}; charset="utf-8"\r\n'
        f"Content-Transfer-Encoding: quoted-printable\r\n\r\n{content}"
    )


def _mark(mail: Mail, server: MailServer) -> str:
    """Return what tells a message from all others, of this site and of others, and is the same every time."""
    whole = f"{server.address}\n{mail.job}\n{mail.person.id}\n{stamp(mail.notices[0].at)}"
    return hashlib.sha256(whole.encode()).hexdigest()[:40]


def _recipient(email: str) -> Address:
    local, _, domain = email.rpartition("@")
    try:
        if not _WRITABLE.fullmatch(email):
            raise ValueError(email)
        # A domain has a form in ASCII that every server knows.
        return Address(username=local, domain=domain.encode("idna").decode("ascii"))
    except ValueError:
        raise Refused(f"the address {email!a} cannot be written on a message") from None
