"""People: accounts, roles, invitations, passwords. Names and roles go into the site's own chain."""

import hashlib
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Literal

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import ColumnElement, Connection, Select, bindparam, func, select, update

from appraisal.clock import geneva_date
from appraisal.definitions.workflows import ROLES
from appraisal.domain.facts import DELIVERIES, Person, StandIn
from appraisal.domain.refusals import NotAllowed, refuse
from appraisal.errors import AppraisalError, NotFound
from appraisal.i18n import LANGUAGES
from appraisal.storage import site, substitutions, tables
from appraisal.storage.databases import Database
from appraisal.storage.facts import person as person_of
from appraisal.storage.proposals import insert_row, wake_open
from appraisal.storage.types import LARGEST_ID

PEOPLE = tables.Person.__table__
TOKENS = tables.Token.__table__
INVITATION = timedelta(days=7)
RESET = timedelta(hours=2)
SHORTEST = 12
LONGEST = 200
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")

Purpose = Literal["invitation", "reset"]
BadPersonCode = Literal[
    "email",
    "email_taken",
    "name",
    "roles",
    "language",
    "delivery",
    "password_short",
    "password_long",
    "link",
]


class BadPerson(AppraisalError):
    """Something given for an account cannot be used; ``codes`` say what."""

    def __init__(self, codes: Iterable[BadPersonCode]) -> None:
        self.codes = tuple(codes)
        super().__init__(", ".join(self.codes))


@dataclass(frozen=True, slots=True)
class Account:
    """A person with what sign-in needs to know."""

    person: Person
    session_epoch: int
    has_password: bool


def hasher(*, quick: bool = False) -> PasswordHasher:
    """Return the argon2id hasher; ``quick`` parameters are for tests and demonstrations only."""
    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1) if quick else PasswordHasher()


def create_person(
    db: Connection,
    actor: Person,
    now: datetime,
    *,
    email: str,
    name: str,
    roles: Sequence[str],
    unit: str = "",
    duty_station: str = "Geneva",
    language: str = "en",
) -> Person:
    """Create an account without a password; raises ``BadPerson`` or ``NotAllowed``.

    Administrators create accounts; the first one is created by the system, from the command line.
    """
    _check_administrator(actor)
    site.lock(db)
    codes = _faults(db, email, name, roles, language)
    if codes:
        raise BadPerson(codes)
    id = insert_row(
        db,
        tables.Person,
        email=email.strip().lower(),
        name=name.strip(),
        unit=unit.strip(),
        duty_station=duty_station.strip() or "Geneva",
        language=language,
        roles=_joined(roles),
        active=True,
        created_at=now,
    )
    site.append(db, now, actor.id, "create_person", {"person": id, "roles": _joined(roles).split()})
    return find_person(db, id).person


def _check_administrator(actor: Person) -> None:
    if actor.id != 0 and not (actor.has("administrator") and actor.active):
        raise NotAllowed([refuse("role_missing", role="administrator")])


def _faults(
    db: Connection, email: str, name: str, roles: Sequence[str], language: str
) -> list[BadPersonCode]:
    codes: list[BadPersonCode] = []
    if not _EMAIL.fullmatch(email.strip()) or len(email) > 254:
        codes.append("email")
    elif db.execute(select(PEOPLE.c.id).where(PEOPLE.c.email == email.strip().lower())).first():
        codes.append("email_taken")
    return codes + _other_faults(name, roles, language)


def _other_faults(name: str, roles: Sequence[str], language: str) -> list[BadPersonCode]:
    codes: list[BadPersonCode] = []
    if not name.strip() or len(name) > 200:
        codes.append("name")
    if not roles or not set(roles) <= set(ROLES):
        codes.append("roles")
    if language not in LANGUAGES:
        codes.append("language")
    return codes


def _joined(roles: Iterable[str]) -> str:
    given = set(roles)
    return " ".join(role for role in ROLES if role in given)


def change_person(
    db: Connection,
    actor: Person,
    now: datetime,
    id: int,
    *,
    name: str,
    roles: Sequence[str],
    unit: str,
    duty_station: str,
    language: str,
    active: bool,
) -> Person:
    """Change an account; closing it ends its sessions. Nobody can take their own last door away."""
    _check_administrator(actor)
    before = find_person(db, id)
    codes = _other_faults(name, roles, language)
    if codes:
        raise BadPerson(codes)
    if id == actor.id and (not active or "administrator" not in roles):
        raise NotAllowed([refuse("own_administration")])
    ends = before.person.active and not active
    db.execute(
        update(PEOPLE)
        .where(PEOPLE.c.id == id)
        .values(
            name=name.strip(),
            roles=_joined(roles),
            unit=unit.strip(),
            duty_station=duty_station.strip() or "Geneva",
            language=language,
            active=active,
            session_epoch=before.session_epoch + (1 if ends else 0),
        )
    )
    if (duty_station.strip() or "Geneva") != before.person.duty_station:
        # The clocks of what the person leads follow to the other calendar.
        wake_open(db, geneva_date(now), led_by=id)
    site.append(
        db,
        now,
        actor.id,
        "change_person",
        {
            "person": id,
            "before": sorted(before.person.roles),
            "roles": _joined(roles).split(),
            "active": active,
        },
    )
    return find_person(db, id).person


def set_language(db: Connection, person: int, language: str) -> None:
    """Remember the language that a person reads in."""
    if language in LANGUAGES:
        db.execute(update(PEOPLE).where(PEOPLE.c.id == person).values(language=language))


def choose(db: Connection, person: Person, *, language: str, delivery: str) -> None:
    """Change what is a person's own: the language, and whether mail comes at once or daily.

    Raises ``BadPerson``.
    """
    codes: list[BadPersonCode] = []
    if language not in LANGUAGES:
        codes.append("language")
    if delivery not in DELIVERIES:
        codes.append("delivery")
    if codes:
        raise BadPerson(codes)
    db.execute(update(PEOPLE).where(PEOPLE.c.id == person.id).values(language=language, delivery=delivery))


def issue_link(db: Connection, actor: Person, now: datetime, person: int, purpose: Purpose) -> str:
    """Make a link's token for an invitation or a new password; older ones of its kind end.

    Only the digest is kept. Administrators issue them; the system does for the first account.
    """
    _check_administrator(actor)
    find_person(db, person)
    token = secrets.token_urlsafe(32)
    db.execute(
        update(TOKENS)
        .where(TOKENS.c.person_id == person, TOKENS.c.purpose == purpose, TOKENS.c.used_at.is_(None))
        .values(used_at=now)
    )
    insert_row(
        db,
        tables.Token,
        person_id=person,
        digest=_digest(token),
        purpose=purpose,
        expires_at=now + (INVITATION if purpose == "invitation" else RESET),
    )
    return token


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def person_of_link(db: Connection, now: datetime, token: str, purpose: Purpose) -> Person:
    """Return whose link this is; raises ``BadPerson`` for one that is unknown, used or too old."""
    row = db.execute(
        select(TOKENS).where(TOKENS.c.digest == _digest(token), TOKENS.c.purpose == purpose)
    ).one_or_none()
    if row is None or row.used_at is not None or row.expires_at <= now:
        raise BadPerson(["link"])
    found = find_person(db, row.person_id).person
    if not found.active:
        raise BadPerson(["link"])
    return found


def set_password_by_link(
    db: Connection, hashing: PasswordHasher, now: datetime, token: str, purpose: Purpose, password: str
) -> Person:
    """Set a password with a link, once; all sessions of the person and all other links end."""
    found = person_of_link(db, now, token, purpose)
    unused = update(TOKENS).where(TOKENS.c.person_id == found.id, TOKENS.c.used_at.is_(None))
    # Of two who use a link at once, the second finds it used here.
    if db.execute(unused.where(TOKENS.c.digest == _digest(token)).values(used_at=now)).rowcount != 1:
        raise BadPerson(["link"])
    set_password(db, hashing, found.id, password)
    db.execute(unused.values(used_at=now))
    return found


def set_password(db: Connection, hashing: PasswordHasher, person: int, password: str) -> None:
    """Set a password; raises ``BadPerson`` for one under 12 or over 200 characters."""
    if len(password) < SHORTEST:
        raise BadPerson(["password_short"])
    if len(password) > LONGEST:
        raise BadPerson(["password_long"])
    db.execute(
        update(PEOPLE)
        .where(PEOPLE.c.id == person)
        .values(password=hashing.hash(password), session_epoch=PEOPLE.c.session_epoch + 1)
    )


def sign_in(
    database: Database, hashing: PasswordHasher, now: datetime, email: str, password: str
) -> Account | None:
    """Return the account that an address and a password open, else None; both are logged.

    An unknown address takes as long as a wrong password, so that neither can be told apart. The
    password is checked with no transaction open, since that is slow on purpose.
    """
    with database.read() as db:
        row = db.execute(select(PEOPLE).where(PEOPLE.c.email == email.strip().lower()[:254])).one_or_none()
    known = row.password if row is not None and row.active and row.password else _decoy(hashing)
    try:
        hashing.verify(known, password[:LONGEST])
        opened = row is not None and row.password == known
    except (VerificationError, InvalidHashError):
        opened = False
    with database.begin() as db:
        site.log_access(
            db, now, row.id if row is not None else None, "sign_in" if opened else "sign_in_failed"
        )
    return _account(row) if opened and row is not None else None


_DECOYS: dict[int, str] = {}


def _decoy(hashing: PasswordHasher) -> str:
    if hashing.memory_cost not in _DECOYS:
        _DECOYS[hashing.memory_cost] = hashing.hash(secrets.token_hex(16))
    return _DECOYS[hashing.memory_cost]


def find_person(db: Connection, id: int) -> Account:
    """Return an account by id; raises ``NotFound``."""
    found = substitutions.gathered(db.execute(_by_id(), {"id": min(id, LARGEST_ID)}))
    if not found:
        raise NotFound("person", str(id))
    return _account(*found[0])


@cache
def _by_id() -> Select[Any]:
    """Build the statement once: every request of somebody signed in sends it."""
    return substitutions.people_statement().where(PEOPLE.c.id == bindparam("id"))


def find_by_email(db: Connection, email: str) -> Account | None:
    """Return an account by its address."""
    return next(iter(_accounts(db, PEOPLE.c.email == email.strip().lower())), None)


def _accounts(db: Connection, *where: ColumnElement[bool]) -> list[Account]:
    """Read accounts by name, each with those for whom the person is named to stand in."""
    statement = substitutions.people_statement().where(*where).order_by(func.lower(PEOPLE.c.name))
    return [_account(row, stands_in) for row, stands_in in substitutions.gathered(db.execute(statement))]


def _account(row: Any, stands_in: tuple[StandIn, ...] = ()) -> Account:
    return Account(person_of(row, stands_in), row.session_epoch, row.password is not None)


def list_people(db: Connection) -> list[Account]:
    """Return every account, by name."""
    return _accounts(db)


def keep_hash(db: Connection, person: int, hashed: str) -> None:
    """Set a password that is hashed already; for demonstrations, where many accounts share one."""
    db.execute(update(PEOPLE).where(PEOPLE.c.id == person).values(password=hashed))
