"""Accounts are opened, changed and closed here, and given their roles, links and passwords.

Every change goes into the site's own chain, and to its owner.
No administrator comes alone into somebody else's account, nor makes one that decides or administers: a link
goes to its owner's address, or a second person confirms it (``confirmations``), as with roles. The command
line is the way out; what it does is an emergency that administrators, auditors and the owner are told of.
"""

import re
import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import ColumnElement, Connection, Row, func, or_, select, update

from appraisal.accounts.rules import accounts
from appraisal.accounts.services import sessions
from appraisal.accounts.services.substitutes import end_void
from appraisal.accounts.store import requests
from appraisal.accounts.store import sessions as stored_sessions
from appraisal.clock import geneva_date
from appraisal.database import tables
from appraisal.database.engine import Database
from appraisal.database.rows import insert_row
from appraisal.database.types import LARGEST_ID
from appraisal.definitions.library import Library
from appraisal.errors import AppraisalError, NotFound, StepConflict
from appraisal.language.texts import LANGUAGES
from appraisal.notices.services import notices
from appraisal.notices.store import candidates
from appraisal.people.facts import DELIVERIES, Person, StandIn
from appraisal.people.store import substitutes
from appraisal.people.store.people import person as person_of
from appraisal.proposals.store.writing import wake_open
from appraisal.trail.store import site
from appraisal.vocabulary.refusals import NotAllowed, refuse
from appraisal.vocabulary.roles import ROLES, Role
from appraisal.workflow.services import departures

PEOPLE = tables.people
TOKENS = tables.tokens
INVITATION = timedelta(days=7)
RESET = timedelta(hours=2)
# A link by mail that could not be sent for so long is not sent any more.
POSTED_WITHIN = timedelta(days=1)
# For so long whoever signs in is told that the password was set by a link.
LINKS_REMEMBERED = timedelta(days=30)
SHORTEST = 12
LONGEST = 200
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")

Purpose = Literal["invitation", "reset"]
# How a link reaches its owner.
Way = Literal["mail", "shown", "confirmed", "emergency"]
BadPersonCode = Literal[
    "email",
    "email_taken",
    "name",
    "roles",
    "roles_apart",
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
    by_mail: bool = False,
    emergency: bool = False,
) -> Person:
    """Create an account without a password; raises ``BadPerson`` or ``NotAllowed``.

    Administrators create accounts; the first one is created by the system, from the command line. Roles that
    a second person has to confirm are asked for, and not given yet. ``by_mail`` tells whether links reach
    their owners by mail; ``emergency`` marks the event, of which people are told with the link that follows.
    """
    site.lock(db)
    _check_administrator(db, actor)
    codes = _faults(db, email, name, roles, language)
    if codes:
        raise BadPerson(codes)
    waiting = _to_confirm(actor, roles, by_mail)
    given = _joined(set(roles) - waiting)
    id = insert_row(
        db,
        tables.people,
        email=email.strip().lower(),
        name=name.strip(),
        unit=unit.strip(),
        duty_station=duty_station.strip() or "Geneva",
        language=language,
        roles=given,
        active=True,
        created_at=now,
    )
    facts: dict[str, Any] = {"person": id, "roles": given.split()}
    site.append(db, now, actor.id, "create_person", facts | _emergency(emergency))
    if waiting:
        _ask(db, actor, now, "roles", id, _joined(waiting))
    return find_person(db, id).person


def _emergency(is_one: bool) -> dict[str, bool]:
    return {"emergency": True} if is_one else {}


def _to_confirm(actor: Person, added: Iterable[str], by_mail: bool) -> frozenset[Role]:
    """Return which of some roles have to be confirmed first; the system gives them all."""
    if actor.id == 0:
        return frozenset()
    return accounts.roles_to_confirm([role for role in ROLES if role in set(added)], by_mail=by_mail)


def _ask(
    db: Connection, actor: Person, now: datetime, kind: accounts.RequestKind, person: int, adds: str = ""
) -> int:
    """Ask a second person to confirm something; raises ``NotAllowed`` where it is asked for already."""
    waiting = requests.list_open(db, now)
    if any(request.kind == kind and request.person.id == person for request in waiting):
        raise NotAllowed([refuse("request_waiting")])
    id = requests.insert_request(db, kind, person, adds, actor.id, now)
    site.append(db, now, actor.id, f"ask_{kind}", {"person": person, "request": id, "adds": adds.split()})
    others = holders(db, *accounts.CONFIRMING) - {person}
    notices.tell(db, others, "confirmation_asked", now, by=actor.id)
    notices.tell(db, [person], f"{kind}_asked", now)
    return id


def holders(db: Connection, *roles: Role) -> frozenset[int]:
    """Return the ids of everybody with an open account who holds one of some roles."""
    return frozenset(person.id for person in candidates(db, (), roles))


def tell_of_emergency(db: Connection, now: datetime, person: int) -> None:
    """Tell the owner of an account, and every administrator, that it was touched on the command line."""
    notices.tell(db, [person], "emergency", now)
    notices.tell(db, holders(db, "administrator") - {person}, "emergency_elsewhere", now)


def _check_administrator(db: Connection, actor: Person) -> None:
    """Raise ``NotAllowed`` for whoever is no administrator, or is none any more; called under the lock."""
    known = () if actor.id == 0 else (actor, find_person(db, actor.id).person)
    if not all(entry.has("administrator") and entry.active for entry in known):
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
    elif accounts.do_roles_clash(roles):
        codes.append("roles_apart")
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
    by_mail: bool = False,
    seen: int | None = None,
) -> Person:
    """Change an account; closing it ends its sessions. Nobody changes their own roles or closes the door.

    Roles that a second person has to confirm are asked for; all else is changed at once. ``by_mail`` is
    as with :func:`create_person`. ``confirmed`` names the duties that may be left to nobody by it, by their
    keys; raises ``DutiesLeft``, and writes nothing, where there are others. ``seen`` is the account's
    version as it was shown (``accounts.version_of``): raises ``StepConflict`` where it is another one, since
    all of an account is saved at once.
    """
    site.lock(db)
    _check_administrator(db, actor)
    before = find_person(db, id)
    held = before.person.roles
    codes = _other_faults(name, roles, language)
    if not active:
        # An account that has no role yet, or roles that do not go together, can be closed as well.
        codes = [code for code in codes if code not in ("roles", "roles_apart")]
    if codes:
        raise BadPerson(codes)
    if id == actor.id and not active:
        raise NotAllowed([refuse("own_administration")])
    if id == actor.id and set(roles) != held:
        raise NotAllowed([refuse("own_roles")])
    # Whoever opens an account again gives its roles again.
    waiting = _to_confirm(actor, set(roles) - held if before.person.active else roles, by_mail)
    asked = [entry.id for entry in requests.list_open(db, now) if entry.person.id == id]
    values: dict[str, Any] = {
        "name": name.strip(),
        "roles": _joined(set(roles) - waiting),
        "unit": unit.strip(),
        "duty_station": duty_station.strip() or "Geneva",
        "language": language,
        "active": active,
    }
    kept = frozenset(role for role in ROLES if role in values["roles"].split())
    after = replace(before.person, **{**values, "roles": kept})
    present = accounts.version_of(before.person)
    # The same form sent twice changes nothing, and is as good as before.
    if seen not in (None, present) and accounts.version_of(after) != present:
        raise StepConflict(seen, present)
    left = departures.check(db, library, before.person, after, confirmed)
    if before.person.active and not active:
        # Before it is closed: a closed account is told nothing but this.
        notices.tell(db, [id], "account_closed", now)
    db.execute(update(PEOPLE).where(PEOPLE.c.id == id).values(**values))
    if not active:
        # After the account: whoever signs in at this moment waits for it, and finds it closed.
        stored_sessions.end_sessions(db, now, id, "closed")
        end_links(db, now, id)
    if values["duty_station"] != before.person.duty_station:
        # The clocks of what the person leads follow to the other calendar.
        wake_open(db, geneva_date(now), led_by=id)
    _note_changes(db, actor, now, before.person, values, departures.facts_of(left))
    departures.tell(db, left, now)
    end_void(db, actor, now, id)
    _close_void(db, actor, now, id, asked)
    # Nothing is asked for an account that is closed.
    if waiting and active:
        _ask(db, actor, now, "roles", id, _joined(waiting))
    return find_person(db, id).person


def _close_void(db: Connection, actor: Person, now: datetime, person: int, asked: Sequence[int]) -> None:
    """Close the requests about an account that a change of it made void, so that none comes to life again."""
    still = {entry.id for entry in requests.list_open(db, now)}
    for id in asked:
        if id not in still:
            requests.close(db, id, actor.id, "void", now)
            site.append(db, now, actor.id, "void_request", {"person": person, "request": id})


def _note_changes(
    db: Connection,
    actor: Person,
    now: datetime,
    before: Person,
    after: Mapping[str, Any],
    left: Mapping[str, Any],
) -> None:
    """Append an event for each change of an account, and tell its owner of those that matter for access.

    ``left`` names the duties that are left to nobody, for the events that may have left them.
    """
    if set(after["roles"].split()) != before.roles:
        note_roles(db, actor, now, before, after["roles"], {"asked_by": actor.id, **left})
    if after["active"] != before.active:
        name = "open_account" if after["active"] else "close_account"
        site.append(db, now, actor.id, name, {"person": before.id, **left})
        if after["active"]:
            notices.tell(db, [before.id], "account_opened", now)
    if after["unit"] != before.unit:
        facts = {"person": before.id, "before": before.unit, "after": after["unit"], **left}
        site.append(db, now, actor.id, "change_unit", facts)
        notices.tell(db, [before.id], "unit_changed", now)
    others = [key for key in ("name", "duty_station", "language") if after[key] != getattr(before, key)]
    if others:
        # Not what was written: names stand in no event, so that they can be erased.
        site.append(db, now, actor.id, "change_person", {"person": before.id, "changed": others})


def note_roles(
    db: Connection, actor: Person, now: datetime, before: Person, after: str, facts: Mapping[str, Any]
) -> None:
    """Append the event of changed roles, and tell their owner; ``facts`` say who asked and who confirmed."""
    changed = {"person": before.id, "before": _joined(before.roles).split(), "after": after.split()}
    site.append(db, now, actor.id, "change_roles", {**changed, **facts})
    notices.tell(db, [before.id], "roles_changed", now)


def add_roles(db: Connection, person: Person, roles: Iterable[str]) -> str:
    """Give somebody roles beside those that they have; return all of them. Raises ``BadPerson``."""
    after = _joined({*person.roles, *roles})
    if accounts.do_roles_clash(after.split()):
        raise BadPerson(["roles_apart"])
    db.execute(update(PEOPLE).where(PEOPLE.c.id == person.id).values(roles=after))
    return after


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


def issue_link(
    db: Connection, actor: Person, now: datetime, person: int, purpose: Purpose, *, emergency: bool = False
) -> str:
    """Make a link's token that the actor sees; older links of its kind end, and only its digest is kept.

    An administrator alone sees no link but the invitation of a new account that may only write proposals;
    of any other the link goes by mail (:func:`post_link`) or is asked for (:func:`ask_link`). The system,
    on the command line, sees every one. Raises ``NotAllowed``.
    """
    account = _open_account(db, person)
    _check_administrator(db, actor)
    if actor.id != 0 and not (purpose == "invitation" and is_link_shown(db, account)):
        raise NotAllowed([refuse("second_person")])
    if emergency:
        tell_of_emergency(db, now, person)
    return make_link(db, now, person, purpose, "emergency" if emergency else "shown", actor.id)


def is_link_shown(db: Connection, account: Account) -> bool:
    """Tell whether an administrator sees a link alone: to an account never opened, that may do little."""
    if account.has_password or accounts.roles_to_confirm(account.person.roles, by_mail=False):
        return False
    opened = select(TOKENS.c.id).where(
        TOKENS.c.person_id == account.person.id, TOKENS.c.spent_at.is_not(None)
    )
    return db.execute(opened.limit(1)).first() is None


def _open_account(db: Connection, person: int) -> Account:
    site.lock(db)
    account = find_person(db, person)
    if not account.person.active:
        raise NotAllowed([refuse("inactive")])
    return account


def make_link(
    db: Connection,
    now: datetime,
    person: int,
    purpose: Purpose,
    how: Way,
    asked_by: int,
    confirmed_by: int | None = None,
) -> str:
    """Make a link's token, whoever may see it, with the event that says how it came about."""
    token = secrets.token_urlsafe(32)
    end_links(db, now, person, purpose)
    lasts = max(_lasts(purpose), POSTED_WITHIN) if how == "mail" else _lasts(purpose)
    made = {"person_id": person, "purpose": purpose, "how": how, "asked_by": asked_by}
    id = insert_row(
        db,
        tables.tokens,
        digest=sessions.digest(token),
        confirmed_by=confirmed_by,
        expires_at=now + lasts,
        **made,
    )
    facts: dict[str, Any] = {
        "person": person,
        "link": id,
        "purpose": purpose,
        "how": how,
        "asked_by": asked_by,
    }
    facts |= {} if confirmed_by is None else {"confirmed_by": confirmed_by}
    by = asked_by if confirmed_by is None else confirmed_by
    site.append(db, now, by, "issue_link", facts | _emergency(how == "emergency"))
    if how == "mail":
        notices.tell(db, [person], f"{purpose}_link", now, facts={"link": id})
    return token


def end_links(db: Connection, now: datetime, person: int, *purposes: Purpose) -> None:
    """End the links of some purposes that are still open, by default of all."""
    mine = (TOKENS.c.person_id == person, TOKENS.c.used_at.is_(None))
    db.execute(
        update(TOKENS)
        .where(*mine, TOKENS.c.purpose.in_(purposes or ("invitation", "reset")))
        .values(used_at=now)
    )


def _lasts(purpose: str) -> timedelta:
    return INVITATION if purpose == "invitation" else RESET


def post_link(db: Connection, actor: Person, now: datetime, person: int) -> Purpose:
    """Send a link to its owner's address, an invitation while there is no password; nobody else sees it.

    Its token is made by whoever sends the message, and never stored.
    """
    account = _open_account(db, person)
    _check_administrator(db, actor)
    purpose = purpose_of(account)
    make_link(db, now, person, purpose, "mail", actor.id)
    return purpose


def purpose_of(account: Account) -> Purpose:
    """Return what a link to an account is for."""
    return "reset" if account.has_password else "invitation"


def posted_token(db: Connection, now: datetime, link: int) -> str | None:
    """Make the token of a link that goes by mail, for one message; None where the link has ended meanwhile.

    A message that is sent again has another token, and both open the account until one of them is used: a
    mail server may keep either from its owner. It lasts from here on.
    """
    site.lock(db)
    still = (TOKENS.c.id == link, TOKENS.c.used_at.is_(None), TOKENS.c.expires_at > now)
    # Written without a change, so that nobody uses or ends the link meanwhile.
    row = db.execute(update(TOKENS).where(*still).values(how="mail").returning(*TOKENS.c)).one_or_none()
    if row is None or not find_person(db, row.person_id).person.active:
        return None
    token = secrets.token_urlsafe(32)
    made = {"person_id": row.person_id, "purpose": row.purpose, "how": row.how, "asked_by": row.asked_by}
    made |= {"confirmed_by": row.confirmed_by, "expires_at": now + _lasts(row.purpose)}
    insert_row(db, tables.tokens, digest=sessions.digest(token), **made)
    return token


def ask_link(db: Connection, actor: Person, now: datetime, person: int) -> int:
    """Ask that a second person confirm a link to an account; return the request. Raises ``NotAllowed``."""
    _open_account(db, person)
    _check_administrator(db, actor)
    return _ask(db, actor, now, "link", person)


def person_of_link(db: Connection, now: datetime, token: str, purpose: Purpose) -> Person:
    """Return whose link this is; raises ``BadPerson`` for one that is unknown, used or too old."""
    return _owner_of_link(db, _link(db, now, token, purpose))


def _link(db: Connection, now: datetime, token: str, purpose: Purpose) -> Row[Any]:
    row = db.execute(
        select(TOKENS).where(TOKENS.c.digest == sessions.digest(token), TOKENS.c.purpose == purpose)
    ).one_or_none()
    if row is None or row.used_at is not None or row.expires_at <= now:
        raise BadPerson(["link"])
    return row


def _owner_of_link(db: Connection, link: Row[Any]) -> Person:
    found = find_person(db, link.person_id).person
    if not found.active:
        raise BadPerson(["link"])
    return found


def set_password_by_link(
    db: Connection, hashing: PasswordHasher, now: datetime, token: str, purpose: Purpose, password: str
) -> Person:
    """Set a password with a link, once; all sessions of the person and all other links end.

    The owner is told by mail, and by :func:`links_spent` whenever somebody signs in.
    """
    # First, as whoever issues a link does: in another order the two would wait for each other.
    site.lock(db)
    link = _link(db, now, token, purpose)
    found = _owner_of_link(db, link)
    unused = update(TOKENS).where(TOKENS.c.person_id == found.id, TOKENS.c.used_at.is_(None))
    # Of two who use a link at once, the second finds it used here.
    spent = unused.where(TOKENS.c.id == link.id).values(used_at=now, spent_at=now)
    if db.execute(spent).rowcount != 1:
        raise BadPerson(["link"])
    set_password(db, hashing, now, found.id, password)
    facts = {"person": found.id, "how": "link", "link": link.id, "purpose": purpose, "sent": link.how}
    facts |= {"asked_by": link.asked_by}
    facts |= {} if link.confirmed_by is None else {"confirmed_by": link.confirmed_by}
    site.append(db, now, found.id, "change_password", facts)
    notices.tell(db, [found.id], "password_set", now)
    return found


@dataclass(frozen=True, slots=True)
class SpentLink:
    """A link with which a new password was set: when, and who asked for it and confirmed it.

    A name is empty for the command line, and for nobody.
    """

    at: datetime
    how: Way
    asked_by: str
    confirmed_by: str


def links_spent(db: Connection, person: int, now: datetime) -> list[SpentLink]:
    """List the links of the last thirty days that set a new password, newest first.

    Every one, not only the last: whoever set the password is the next to sign in, and may not be its owner.
    """
    asker, confirmer = PEOPLE.alias("asker"), PEOPLE.alias("confirmer")
    rows = db.execute(
        select(TOKENS.c.spent_at, TOKENS.c.how, asker.c.name, confirmer.c.name.label("confirmed"))
        .outerjoin(asker, asker.c.id == TOKENS.c.asked_by)
        .outerjoin(confirmer, confirmer.c.id == TOKENS.c.confirmed_by)
        .where(TOKENS.c.person_id == person, TOKENS.c.spent_at > now - LINKS_REMEMBERED)
        .where(or_(TOKENS.c.purpose == "reset", TOKENS.c.how.in_(("confirmed", "emergency"))))
        .order_by(TOKENS.c.id.desc())
    )
    return [SpentLink(row.spent_at, row.how, row.name or "", row.confirmed or "") for row in rows]


def has_begun(db: Connection) -> bool:
    """Tell whether anybody can sign in yet: until then the command line opens a site, and is no emergency."""
    return db.execute(select(PEOPLE.c.id).where(PEOPLE.c.password.is_not(None)).limit(1)).first() is not None


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
    end_links(db, now, person)


def was_opened_alone(db: Connection, person: int) -> bool:
    """Tell whether an account opens with a link that one administrator saw alone, or what it set.

    What the command line shows while a site is opened was seen by no administrator.
    """
    rows = db.execute(select(TOKENS).where(TOKENS.c.person_id == person).order_by(TOKENS.c.id)).all()
    alone = [row.how == "shown" and row.asked_by != 0 for row in rows]
    spent = [seen for row, seen in zip(rows, alone, strict=True) if row.spent_at is not None]
    return any(spent[-1:]) or any(seen and row.used_at is None for row, seen in zip(rows, alone, strict=True))


def end_password(db: Connection, actor: Person, now: datetime, person: int) -> None:
    """Take a password away and end all sessions: only another link opens the account then."""
    db.execute(update(PEOPLE).where(PEOPLE.c.id == person).values(password=None, password_set_at=None))
    stored_sessions.end_sessions(db, now, person, "password")
    site.append(db, now, actor.id, "end_password", {"person": person})


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
        # First, as with links: in another order the two would wait for each other.
        site.lock(db)
        if not codes and not _replace_password(db, now, person, known, hashed):
            codes = ["password_wrong"]
        if not codes:
            _end_doors(db, now, person, but=session)
            site.append(db, now, person, "change_password", {"person": person, "how": "own"})
            notices.tell(db, [person], "password_changed", now)
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
    statement = substitutes.people_statement().where(*where).order_by(func.lower(PEOPLE.c.name))
    return [_account(row, stands_in) for row, stands_in in substitutes.gathered(db.execute(statement))]


def _account(row: Any, stands_in: tuple[StandIn, ...] = ()) -> Account:
    return Account(person_of(row, stands_in), row.password is not None)


def list_people(db: Connection) -> list[Account]:
    """Return every account, by name."""
    return _accounts(db)


def keep_hash(db: Connection, now: datetime, person: int, hashed: str) -> None:
    """Set a password that is hashed already; for demonstrations, where many accounts share one."""
    db.execute(update(PEOPLE).where(PEOPLE.c.id == person).values(password=hashed, password_set_at=now))
