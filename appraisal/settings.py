"""Everything that an installation decides is read here from the environment, and nowhere else."""

import os
import re
import secrets
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from email.headerregistry import Address
from pathlib import Path
from typing import Literal
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from appraisal.errors import AppraisalError
from appraisal.language.texts import Language, language_or
from appraisal.paths import make_private, make_private_folder


class BadSetting(AppraisalError):
    """A setting cannot be used; the message names the variable."""


Security = Literal["none", "starttls", "tls"]


@dataclass(frozen=True, slots=True)
class MailServer:
    """The server that takes our mail, who the mail is from, and the public address that its links begin with.

    ``timeout`` is how many seconds the server may take for each answer.
    """

    host: str
    port: int
    sender: str
    address: str
    name: str = "Appraisal"
    security: Security = "none"
    user: str = ""
    password: str = field(default="", repr=False)
    timeout: float = 10.0


@dataclass(frozen=True, slots=True)
class Token:
    """A key on a PKCS#11 token: the library that speaks to it, and the labels of the token and of the key."""

    module: Path
    label: str
    object: str


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The organisation's key, in a PKCS#12 ``file`` or on a ``token``, and what goes with it.

    ``password`` opens the file, or is the PIN of the token; ``timestamps`` is the address of an RFC 3161
    authority; ``revocations`` are the lists that are embedded, and ``trust`` the authorities that issued all.
    """

    file: Path | None = None
    token: Token | None = None
    password: str = field(default="", repr=False)
    timestamps: str = ""
    revocations: tuple[Path, ...] = ()
    trust: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Publisher:
    """Who publishes activities: identifier, kind in IATI's list of organisation types, and name."""

    ref: str = "XM-DAC-41302"
    kind: str = "40"
    name: str = "International Labour Organization"


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """How long a session lasts: ``lifetime`` from signing in on, and ``idle`` while nobody uses it."""

    lifetime: timedelta = timedelta(hours=12)
    idle: timedelta = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class Settings:
    """One installation: where its data lies and how it presents itself.

    ``data`` holds attached files, rendered records, and the database where none is named; ``address`` is
    where it is to be found: mail, records and links say so, and it answers to no other name; ``trust`` are
    certificates of authorities, in PEM. ``secret`` is empty where none is set: ask ``session_secret``.
    ``former_secret`` is the one before, of which sessions are still read.
    """

    data: Path
    database: str
    secret: str = field(default="", repr=False)
    former_secret: str = field(default="", repr=False)
    language: Language = "en"
    demonstration: bool = False
    secure_cookies: bool = False
    mail: MailServer | None = None
    address: str = ""
    signer: SigningKey | None = None
    trust: tuple[Path, ...] = ()
    publisher: Publisher = Publisher()
    sessions: SessionLimits = SessionLimits()

    @property
    def files(self) -> Path:
        """Return the folder of attached files and rendered records, by their SHA-256."""
        return self.data / "files"

    def session_secret(self) -> str:
        """Return the secret that signs sessions.

        Where none is set, it is made when it is asked for first and kept in the data folder, so that it
        outlives a restart. Raises ``BadSetting``.
        """
        if self.secret:
            return _sound_secret("APPRAISAL_SECRET", self.secret)
        try:
            return _kept_secret(self.data / "secret")
        except OSError as error:
            raise BadSetting(f"APPRAISAL_DATA: {self.data} cannot be written ({error.strerror})") from error


def read_settings(environment: Mapping[str, str] | None = None, *, data: Path | None = None) -> Settings:
    """Read the settings; ``APPRAISAL_DATA``, ``APPRAISAL_DATABASE``, ``APPRAISAL_LANGUAGE`` and so on.

    Nothing is made by reading them. Raises ``BadSetting``.
    """
    given = os.environ if environment is None else environment
    folder = data or Path(given.get("APPRAISAL_DATA", "var")).absolute()
    return Settings(
        data=folder,
        database=given.get("APPRAISAL_DATABASE") or f"sqlite:///{folder / 'appraisal.sqlite3'}",
        secret=_secret(given, "APPRAISAL_SECRET"),
        former_secret=_secret(given, "APPRAISAL_FORMER_SECRET"),
        language=language_or(given.get("APPRAISAL_LANGUAGE")),
        demonstration=_flag(given, "APPRAISAL_DEMONSTRATION"),
        secure_cookies=_flag(given, "APPRAISAL_SECURE_COOKIES"),
        mail=_mail(given),
        address=_address(given["APPRAISAL_ADDRESS"]) if given.get("APPRAISAL_ADDRESS") else "",
        signer=_signer(given),
        trust=_files(given, "APPRAISAL_TRUST"),
        publisher=_publisher(given.get("APPRAISAL_PUBLISHER", "")),
        sessions=session_limits(given),
    )


# A week: longer, and whoever finds an open browser acts as its owner.
_MOST_HOURS = 168
_LEAST_MINUTES = 5


def session_limits(given: Mapping[str, str]) -> SessionLimits:
    """Read how long sessions last: ``APPRAISAL_SESSION_HOURS`` and ``APPRAISAL_SESSION_IDLE_MINUTES``.

    Raises ``BadSetting``.
    """
    usual = SessionLimits()
    hours = _whole(given, "APPRAISAL_SESSION_HOURS", 1, _MOST_HOURS)
    lifetime = usual.lifetime if hours is None else timedelta(hours=hours)
    most = int(lifetime.total_seconds()) // 60
    minutes = _whole(given, "APPRAISAL_SESSION_IDLE_MINUTES", _LEAST_MINUTES, most)
    idle = min(usual.idle, lifetime) if minutes is None else timedelta(minutes=minutes)
    return SessionLimits(lifetime, idle)


def _whole(given: Mapping[str, str], name: str, least: int, most: int) -> int | None:
    text = given.get(name, "")
    if not text:
        return None
    if not re.fullmatch(r"[0-9]{1,9}", text) or not least <= int(text) <= most:
        raise BadSetting(f"{name}: write a whole number from {least} to {most}, not “{text}”")
    return int(text)


# Of the standard: no character that means something in an address, and a registration agency in front.
_PUBLISHER = re.compile(r"([A-Za-z0-9]+-[^/&|?\s]+)\|([0-9]{2})\|([^|]+)")


def _publisher(text: str) -> Publisher:
    found = _PUBLISHER.fullmatch(text)
    if text and (found is None or not text.isprintable() or not found[3].strip()):
        raise BadSetting(
            "APPRAISAL_PUBLISHER: write identifier, kind and name of the organisation, like "
            "XM-DAC-41302|40|International Labour Organization"
        )
    return Publisher(found[1], found[2], found[3].strip()) if found else Publisher()


def _flag(given: Mapping[str, str], name: str) -> bool:
    text = given.get(name, "0").lower()
    if text not in ("0", "1", "true", "false", "yes", "no", ""):
        raise BadSetting(f"{name}: write 1 or 0, not “{text}”")
    return text in ("1", "true", "yes")


# So many bytes cannot be guessed by trying.
_SHORTEST_SECRET = 32
_NEW_SECRET = "python3 -c 'import secrets; print(secrets.token_hex(32))'"  # noqa: S105 - makes one


def _secret(given: Mapping[str, str], name: str) -> str:
    text = given.get(name, "")
    return _sound_secret(name, text) if text else ""


def _sound_secret(name: str, text: str) -> str:
    if len(text.encode(errors="surrogateescape")) < _SHORTEST_SECRET:
        raise BadSetting(f"{name}: write {_SHORTEST_SECRET} bytes or more; this makes some: {_NEW_SECRET}")
    return text


def _kept_secret(file: Path) -> str:
    """Read the secret that is kept, or make it; it is there only once it is whole."""
    make_private_folder(file.parent)
    if not file.exists():
        handle, new = tempfile.mkstemp(dir=file.parent)
        with os.fdopen(handle, "w", encoding="ascii") as written:
            written.write(secrets.token_hex(32))
        with suppress(FileExistsError):
            os.link(new, file)
        Path(new).unlink()
    make_private(file)
    text = file.read_text(encoding="ascii", errors="replace").strip()
    if len(text) < _SHORTEST_SECRET:
        raise BadSetting(
            f"APPRAISAL_DATA: {file} holds no secret of {_SHORTEST_SECRET} bytes or more; delete it, and another "
            "is made (everybody signs in again)"
        )
    return text


_TOKEN_FORM = "write a file, or pkcs11:token=…;object=…?module-path=…"  # noqa: S105 - no secret


def _signer(given: Mapping[str, str]) -> SigningKey | None:
    """Read the key that signs records: a file, or an address of the form of RFC 7512."""
    named = given.get("APPRAISAL_SIGNER", "")
    revocations = _files(given, "APPRAISAL_REVOCATIONS")
    if not named:
        if revocations or given.get("APPRAISAL_TIMESTAMPS"):
            raise BadSetting("APPRAISAL_SIGNER: name the key as well, or nothing is signed")
        return None
    trust = _files(given, "APPRAISAL_TRUST")
    if revocations and not trust:
        raise BadSetting("APPRAISAL_TRUST: name the authority that issued APPRAISAL_REVOCATIONS")
    is_token = named.startswith("pkcs11:")
    return SigningKey(
        file=None if is_token else Path(named),
        token=_token(named) if is_token else None,
        password=given.get("APPRAISAL_SIGNER_PASSWORD", ""),
        timestamps=_timestamps(given.get("APPRAISAL_TIMESTAMPS", "")),
        revocations=revocations,
        trust=trust,
    )


def _token(text: str) -> Token:
    path, _, query = text.removeprefix("pkcs11:").partition("?")
    pairs = [part.partition("=") for part in [*path.split(";"), *query.split("&")] if part]
    found = {name: unquote(value) for name, _, value in pairs}
    if set(found) != {"token", "object", "module-path"} or not all(found.values()):
        raise BadSetting(f"APPRAISAL_SIGNER: {_TOKEN_FORM}")
    return Token(Path(found["module-path"]), found["token"], found["object"])


def _timestamps(text: str) -> str:
    try:
        parts = urlsplit(text)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if text and not sound:
        raise BadSetting(
            "APPRAISAL_TIMESTAMPS: write the address of a time stamping authority, like https://tsa.example.org"
        )
    return text


def _files(given: Mapping[str, str], name: str) -> tuple[Path, ...]:
    """Read a list of files, separated as those of PATH are."""
    files = tuple(Path(part) for part in given.get(name, "").split(os.pathsep) if part)
    for file in files:
        if not file.is_file():
            raise BadSetting(f"{name}: there is no file {file}")
    return files


_MAIL_FORM = "write smtp://[user:password@]host[:port][?starttls=1] or smtps://[user:password@]host[:port]"
_PORTS: Mapping[Security, int] = {"none": 25, "starttls": 587, "tls": 465}
LOOPBACK = ("localhost", "127.0.0.1", "::1")
_SENDER = re.compile(
    r"(?:(?P<name>[^<>@,;:\"\\]*)<)?(?P<address>[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9.-]+)>?"
)


def _mail(given: Mapping[str, str]) -> MailServer | None:
    if not given.get("APPRAISAL_MAIL"):
        return None
    parts, security = _mail_parts(given["APPRAISAL_MAIL"])
    host, user, password = parts.hostname, unquote(parts.username or ""), unquote(parts.password or "")
    assert host is not None
    if password and security == "none" and host not in LOOPBACK:
        raise BadSetting(
            "APPRAISAL_MAIL: the password would cross the network in the clear; add ?starttls=1 or use smtps://"
        )
    if not (user + password).isascii():
        raise BadSetting("APPRAISAL_MAIL: only ASCII can be sent as user and password")
    name, sender = _sender(given.get("APPRAISAL_MAIL_FROM", ""))
    return MailServer(
        host=host,
        port=parts.port or _PORTS[security],
        sender=sender,
        address=_address(given.get("APPRAISAL_ADDRESS", "")),
        name=name,
        security=security,
        user=user,
        password=password,
    )


def _mail_parts(text: str) -> tuple[SplitResult, Security]:
    """Read the address of the mail server; a fault does not repeat it, for it may hold a password."""
    try:
        parts = urlsplit(text)
        options = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
        # Both are looked at here, since asking for a port that is none raises.
        known = parts.scheme in ("smtp", "smtps") and parts.hostname is not None and parts.port != 0
    except ValueError:
        raise BadSetting(f"APPRAISAL_MAIL: {_MAIL_FORM}") from None
    told = bool(parts.username) == bool(parts.password)
    if not known or not told or parts.path not in ("", "/") or parts.fragment or not text.isprintable():
        raise BadSetting(f"APPRAISAL_MAIL: {_MAIL_FORM}")
    starttls = options.pop("starttls", "0")
    if options or starttls not in ("0", "1") or (parts.scheme == "smtps" and starttls == "1"):
        raise BadSetting("APPRAISAL_MAIL: after ? only starttls=1 may stand, and only for smtp://")
    return parts, "tls" if parts.scheme == "smtps" else "starttls" if starttls == "1" else "none"


def _sender(text: str) -> tuple[str, str]:
    """Read who mail is from: a plain address, or a name and the address in angle brackets."""
    found = _SENDER.fullmatch(text.strip())
    if found and text.isprintable() and (found["name"] is not None) == text.rstrip().endswith(">"):
        with suppress(ValueError, IndexError):
            Address(addr_spec=found["address"])
            return (found["name"] or "").strip() or "Appraisal", found["address"]
    raise BadSetting(
        "APPRAISAL_MAIL_FROM: write the address that mail comes from, like Appraisal <appraisal@example.org>"
    )


def _address(text: str) -> str:
    try:
        parts = urlsplit(text)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound or parts.username or parts.query or parts.fragment or not re.fullmatch(r"[!-~]+", text):
        raise BadSetting(
            "APPRAISAL_ADDRESS: write the public address of the site, like https://appraisal.example.org; "
            "mail links to it"
        )
    return text.rstrip("/")
