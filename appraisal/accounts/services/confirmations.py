"""A second person confirms or refuses here what an administrator asked for about an account.

The second person is another administrator, or a manager, and not the owner of the account. A link that is
confirmed is shown to them, and not to who asked: whoever begins it never sees the link, and whoever sees it
could not begin it. So it is with roles for an account whose link one administrator saw alone: what was set
with it ends, and who confirms the roles gets another link to hand over.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from appraisal.accounts.rules import accounts
from appraisal.accounts.rules.accounts import AccountRequest
from appraisal.accounts.services import accounts as accounts_accounts
from appraisal.accounts.services.accounts import Purpose, Way
from appraisal.accounts.store import requests
from appraisal.notices.services import notices
from appraisal.people.facts import Person
from appraisal.trail.store import site
from appraisal.vocabulary.refusals import NotAllowed, refuse


@dataclass(frozen=True, slots=True)
class Confirmed:
    """What was confirmed; for a link, what it is for and its token, which is shown once."""

    request: AccountRequest
    purpose: Purpose = "invitation"
    token: str = ""


def list_for(db: Connection, actor: Person, now: datetime) -> list[AccountRequest]:
    """List what waits for an answer, or may be taken back, by somebody."""
    found = requests.list_open(db, now)
    return [
        request
        for request in found
        if accounts.may_confirm(actor, request) or request.asked_by.id == actor.id
    ]


def confirm(db: Connection, actor: Person, now: datetime, id: int, *, by_mail: bool = False) -> Confirmed:
    """Confirm a request and do what it asks for. Raises ``NotAllowed``; ``BadPerson`` for roles that clash.

    The system confirms on the command line; where somebody else could, that is an emergency. ``by_mail``
    tells whether links reach their owners by mail.
    """
    request = _answerable(db, actor, now, id)
    person, asker = request.person, request.asked_by.id
    requests.close(db, id, actor.id, "confirmed", now)
    if actor.id == 0 and others(db, request):
        facts = {"person": person.id, "request": id, "emergency": True}
        site.append(db, now, actor.id, "confirm_request", facts)
        accounts_accounts.tell_of_emergency(db, now, person.id)
    purpose: Purpose = "reset" if request.has_password else "invitation"
    if request.kind == "roles":
        after = accounts_accounts.add_roles(db, person, request.adds)
        said = {"asked_by": asker, "confirmed_by": actor.id, "request": id}
        accounts_accounts.note_roles(db, actor, now, person, after, said)
    notices.tell(db, [asker], "request_confirmed", now, by=actor.id)
    if request.kind == "roles" and not accounts_accounts.was_opened_alone(db, person.id):
        return Confirmed(request)
    if request.kind == "roles":
        purpose = "invitation"
        accounts_accounts.end_links(db, now, person.id)
        accounts_accounts.end_password(db, actor, now, person.id)
    how: Way = "mail" if by_mail else "confirmed"
    token = accounts_accounts.make_link(db, now, person.id, purpose, how, asker, actor.id)
    return Confirmed(request, purpose, "" if by_mail else token)


def decline(db: Connection, actor: Person, now: datetime, id: int) -> AccountRequest:
    """Decline a request; whoever may confirm it may. Raises ``NotAllowed``."""
    request = _answerable(db, actor, now, id)
    requests.close(db, id, actor.id, "declined", now)
    site.append(db, now, actor.id, "decline_request", {"person": request.person.id, "request": id})
    notices.tell(db, [request.asked_by.id], "request_declined", now, by=actor.id)
    return request


def withdraw(db: Connection, actor: Person, now: datetime, id: int) -> AccountRequest:
    """Take a request back; only who asked does. Raises ``NotAllowed``."""
    request = _open(db, now, id)
    if actor.id != request.asked_by.id:
        raise NotAllowed([refuse("request_not_yours")])
    requests.close(db, id, actor.id, "withdrawn", now)
    site.append(db, now, actor.id, "withdraw_request", {"person": request.person.id, "request": id})
    return request


def _answerable(db: Connection, actor: Person, now: datetime, id: int) -> AccountRequest:
    """Return a request that somebody may answer, in a turn of one's own: of two answers the first counts."""
    request = _open(db, now, id)
    # As the account is now: roles may have gone since the page was drawn.
    current = accounts_accounts.find_person(db, actor.id).person if actor.id else actor
    if refusals := accounts.confirmation_refusals(current, request):
        raise NotAllowed(refusals)
    return request


def _open(db: Connection, now: datetime, id: int) -> AccountRequest:
    site.lock(db)
    request = requests.find_open(db, now, id)
    if request is None:
        raise NotAllowed([refuse("request_closed")])
    return request


def others(db: Connection, request: AccountRequest) -> frozenset[int]:
    """Return who could confirm a request on the pages."""
    return accounts_accounts.holders(db, *accounts.CONFIRMING) - {request.asked_by.id, request.person.id}
