"""People: accounts, roles, invitations, passwords. Names and roles go into the site's own chain."""

import re
import secrets
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import ColumnElement, Connection, func, select, update

from appraisal.clock import geneva_date
from appraisal.definitions.library import Library
from appraisal.definitions.workflows import ROLES
from appraisal.domain.facts import DELIVERIES, Person, StandIn
from appraisal.domain.refusals import NotAllowed, refuse
from appraisal.errors import AppraisalError, NotFound
from appraisal.i18n import LANGUAGES
from appraisal.services import departures, sessions
from appraisal.storage import sessions as stored_sessions
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
    "password_wrong",
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
    library: Library,
    confirmed: Collection[str] = (),
) -> Person:
    """Change an account; closing it ends its sessions. Nobody can take their own last door away.

    ``confirmed`` names the duties that may be left to nobody by it, by their keys; raises
    ``DutiesLeft``, and writes nothing, where there are others.
    """
    _check_administrator(actor)
    before = find_person(db, id)
    codes = _other_faults(name, roles, language)
    if codes:
        raise BadPerson(codes)
    if id == actor.id and (not active or "administrator" not in roles):
        raise NotAllowed([refuse("own_administration")])
    kept = frozenset(role for role in ROLES if role in roles)
    after = replace(before.person, roles=kept, unit=unit.strip(), active=active)
    left = departures.check(db, library, before.person, after, confirmed)
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
        )
    )
    if not active:
        # After the account: whoever signs in at this moment waits for it, and finds it closed.
        stored_sessions.end_sessions(db, now, id, "closed")
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
            **departures.facts_of(left),
        },
    )
    departures.tell(db, left, now)
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
        digest=sessions.digest(token),
        purpose=purpose,
        expires_at=now + (INVITATION if purpose == "invitation" else RESET),
    )
    return token


def person_of_link(db: Connection, now: datetime, token: str, purpose: Purpose) -> Person:
    """Return whose link this is; raises ``BadPerson`` for one that is unknown, used or too old."""
    row = db.execute(
        select(TOKENS).where(TOKENS.c.digest == sessions.digest(token), TOKENS.c.purpose == purpose)
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
    if db.execute(unused.where(TOKENS.c.digest == sessions.digest(token)).values(used_at=now)).rowcount != 1:
        raise BadPerson(["link"])
    set_password(db, hashing, now, found.id, password)
    return found


def set_password(db: Connection, hashing: PasswordHasher, now: datetime, person: int, password: str) -> None:
    """Set a password; all sessions and all links of the person end.

    Raises ``BadPerson`` for a password under 12 or over 200 characters.
    """
    if codes := _password_faults(password):
        raise BadPerson(codes)
    db.execute(
        update(PEOPLE)
        .where(PEOPLE.c.id == person)
        .values(password=hashing.hash(password), password_set_at=now)
    )
    _end_doors(db, now, person)


def _password_faults(password: str) -> list[BadPersonCode]:
    if len(password) < SHORTEST:
        return ["password_short"]
    return ["password_long"] if len(password) > LONGEST else []


def _end_doors(db: Connection, now: datetime, person: int, *, but: int | None = None) -> None:
    """End what the old password or a link opened: all sessions but one, and the links themselves."""
    stored_sessions.end_sessions(db, now, person, "password", but=but)
    db.execute(
        update(TOKENS).where(TOKENS.c.person_id == person, TOKENS.c.used_at.is_(None)).values(used_at=now)
    )


def change_own_password(
    database: Database,
    hashing: PasswordHasher,
    now: datetime,
    person: int,
    session: int,
    *,
    old: str,
    new: str,
) -> str:
    """Change the password of somebody who knows the old one; return a new token for the session given.

    The other sessions and all links of the person end, copies of the session's cookie with them.
    Raises ``BadPerson`` with everything that is wrong; a wrong old password is logged.
    """
    with database.read() as db:
        known = db.execute(
            select(PEOPLE.c.password).where(PEOPLE.c.id == person, PEOPLE.c.active.is_(True))
        ).scalar_one_or_none()
    codes = _password_faults(new)
    if not _is_password(hashing, known, old):
        codes = ["password_wrong", *codes]
    hashed = hashing.hash(new) if not codes else ""
    with database.begin() as db:
        if not codes and not _replace_password(db, now, person, known, hashed):
            codes = ["password_wrong"]
        if not codes:
            _end_doors(db, now, person, but=session)
            site.append(db, now, person, "change_password", {"person": person, "how": "own"})
            return sessions.renew_token(db, session)
        if "password_wrong" in codes:
            site.log_access(db, now, person, "password_failed")
    raise BadPerson(codes)


def _replace_password(db: Connection, now: datetime, person: int, known: str | None, hashed: str) -> bool:
    """Set a hash where the known one is in force; false where the password was changed meanwhile."""
    same = update(PEOPLE).where(PEOPLE.c.id == person, PEOPLE.c.active.is_(True), PEOPLE.c.password == known)
    return db.execute(same.values(password=hashed, password_set_at=now)).rowcount == 1


def sign_in(
    database: Database,
    hashing: PasswordHasher,
    now: datetime,
    email: str,
    password: str,
    agent: str = "",
) -> str | None:
    """Begin a session where an address and a password are right, and return its token, else None.

    Both are logged. An unknown address takes as long as a wrong password, so that neither can be told
    apart. The password is checked with no transaction open, since that is slow on purpose. ``agent`` is
    what the browser says of itself.
    """
    with database.read() as db:
        row = db.execute(select(PEOPLE).where(PEOPLE.c.email == email.strip().lower()[:254])).one_or_none()
    is_right = _is_password(hashing, row.password if row is not None and row.active else None, password)
    with database.begin() as db:
        if row is None or not is_right or not _lock_door(db, row.id, row.password):
            site.log_access(db, now, row.id if row is not None else None, "sign_in_failed")
            return None
        site.log_access(db, now, row.id, "sign_in")
        return sessions.open_session(db, now, row.id, agent)


def _lock_door(db: Connection, person: int, known: str) -> bool:
    """Tell whether an account is still open with a password; it stays so to the end of the transaction.

    Else a session that begins while the account is closed, or the password changed, would outlast that.
    """
    statement = select(PEOPLE.c.id).where(
        PEOPLE.c.id == person, PEOPLE.c.active.is_(True), PEOPLE.c.password == known
    )
    return db.execute(statement.with_for_update()).first() is not None


def _is_password(hashing: PasswordHasher, known: str | None, password: str) -> bool:
    """Tell whether a password is that of a hash; takes as long where there is none."""
    try:
        hashing.verify(known or _decoy(hashing), password[:LONGEST])
    except (VerificationError, InvalidHashError):
        return False
    return bool(known)


_DECOYS: dict[int, str] = {}


def _decoy(hashing: PasswordHasher) -> str:
    if hashing.memory_cost not in _DECOYS:
        _DECOYS[hashing.memory_cost] = hashing.hash(secrets.token_hex(16))
    return _DECOYS[hashing.memory_cost]


def find_person(db: Connection, id: int) -> Account:
    """Return an account by id; raises ``NotFound``."""
    found = _accounts(db, PEOPLE.c.id == min(id, LARGEST_ID))
    if not found:
        raise NotFound("person", str(id))
    return found[0]


def find_by_email(db: Connection, email: str) -> Account | None:
    """Return an account by its address."""
    return next(iter(_accounts(db, PEOPLE.c.email == email.strip().lower())), None)


def _accounts(db: Connection, *where: ColumnElement[bool]) -> list[Account]:
    """Read accounts by name, each with those for whom the person is named to stand in."""
    statement = substitutions.people_statement().where(*where).order_by(func.lower(PEOPLE.c.name))
    return [_account(row, stands_in) for row, stands_in in substitutions.gathered(db.execute(statement))]


def _account(row: Any, stands_in: tuple[StandIn, ...] = ()) -> Account:
    return Account(person_of(row, stands_in), row.password is not None)


def list_people(db: Connection) -> list[Account]:
    """Return every account, by name."""
    return _accounts(db)


def keep_hash(db: Connection, now: datetime, person: int, hashed: str) -> None:
    """Set a password that is hashed already; for demonstrations, where many accounts share one."""
    db.execute(update(PEOPLE).where(PEOPLE.c.id == person).values(password=hashed, password_set_at=now))
