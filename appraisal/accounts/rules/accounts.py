"""Accounts have rules: which roles go together, and what a second person has to confirm."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal
from zlib import crc32

from appraisal.canonical import canonical
from appraisal.people.facts import Person
from appraisal.vocabulary.refusals import Refusal, refuse
from appraisal.vocabulary.roles import Role

RequestKind = Literal["roles", "link"]
Outcome = Literal["confirmed", "declined", "withdrawn", "void"]

REQUEST_LASTS: Final = timedelta(days=10)
# Who confirms what an administrator asks for.
CONFIRMING: Final[tuple[Role, ...]] = ("administrator", "manager")
# What a role never stands beside in one person.
_APART: Final[frozenset[Role]] = frozenset({"manager", "appraiser"})
_CONFIRMED: Final[frozenset[Role]] = frozenset({"manager", "administrator"})
_FREE: Final[frozenset[Role]] = frozenset({"designer"})


@dataclass(frozen=True, slots=True)
class AccountRequest:
    """Something about an account that a second person has to confirm.

    ``adds`` are the roles that it asks for, none for a link. It is void once the account is not any more
    what it was, or whoever asked is no administrator any more.
    """

    id: int
    kind: RequestKind
    person: Person
    has_password: bool
    adds: tuple[Role, ...]
    asked_by: Person
    asked_at: datetime
    expires_at: datetime
    is_void: bool


def version_of(person: Person) -> int:
    """Return a number that changes whenever something does that the page of an account saves."""
    kept = (
        person.name,
        sorted(person.roles),
        person.unit,
        person.duty_station,
        person.language,
        person.active,
    )
    return crc32(canonical(kept))


def do_roles_clash(roles: Collection[str]) -> bool:
    """Tell whether roles may not be held by one person: who keeps accounts neither rates nor decides."""
    return "administrator" in roles and not _APART.isdisjoint(roles)


def roles_to_confirm(roles: Collection[Role], *, by_mail: bool) -> frozenset[Role]:
    """Return which of some roles an administrator does not give alone.

    Without mail, whoever makes an account also hands over the link that opens it, and so could use it
    themselves: then every role but that of designer needs a second person.
    """
    return frozenset(roles) & _CONFIRMED if by_mail else frozenset(roles) - _FREE


def confirmation_refusals(actor: Person, request: AccountRequest) -> list[Refusal]:
    """Return every reason why somebody may not confirm or decline a request; the system may."""
    if actor.id == 0:
        return []
    found = []
    if not actor.active or actor.roles.isdisjoint(CONFIRMING):
        found.append(refuse("role_missing", role=CONFIRMING))
    if actor.id == request.asked_by.id:
        found.append(refuse("request_own"))
    if actor.id == request.person.id:
        found.append(refuse("request_for_you"))
    return found


def may_confirm(actor: Person, request: AccountRequest) -> bool:
    """Tell whether somebody may confirm a request."""
    return not confirmation_refusals(actor, request)
