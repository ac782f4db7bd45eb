"""Second persons see here what waits for them, and the links that are shown once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from flask import Blueprint, abort, flash, redirect, request, session, url_for
from sqlalchemy import Connection
from werkzeug.wrappers import Response

from appraisal.accounts.rules import accounts
from appraisal.accounts.rules.accounts import AccountRequest
from appraisal.accounts.services import confirmations
from appraisal.accounts.services.accounts import BadPerson, Purpose
from appraisal.language.texts import N_
from appraisal.people.facts import Person
from appraisal.vocabulary.refusals import NotAllowed
from appraisal.web.context import actor, begin, note_refusal, page, read, say, sentences, site, with_role
from appraisal.web.formats import role_titles
from appraisal.web.methods import is_head
from appraisal.web.origins import link_to

bp = Blueprint("confirmations", __name__, url_prefix="/people/requests")

Answer = str | Response | tuple[str, int]

ROLES_APART: Final = N_("An administrator is neither appraiser nor manager.")


def goes_by_mail() -> bool:
    """Tell whether links reach their owners by mail."""
    return site().settings.mail is not None


def address(token: str, purpose: Purpose) -> str:
    """Return the whole address of a link."""
    return link_to(f"sessions.{purpose}", token=token)


def show_link(onward: str, person: Person, address: str) -> Response:
    """Show a link once: the session carries it to the next page, and no further."""
    if address:
        session["link"] = [person.id, person.name, address]
    return redirect(onward, 303)


def shown_link(person: int | None = None) -> Sequence[Any] | None:
    """Return the link to show on this page, as person, name and address, and forget it once it is shown."""
    link = session.get("link")
    if not link or person not in (None, link[0]) or is_head(request):
        return None
    session.pop("link")
    found: Sequence[Any] = link
    return found


# What was asked for, by kind of request; a link for somebody without a password is an invitation.
_ASKED: Final[Mapping[str, str]] = {
    "roles": N_("Give %(name)s the roles: %(roles)s"),
    "invitation": N_("A first link to the account of %(name)s"),
    "reset": N_("A link for a new password of %(name)s"),
}


def title_of(entry: AccountRequest) -> str:
    """Say in one line what a request asks for."""
    kind = entry.kind if entry.kind == "roles" else "reset" if entry.has_password else "invitation"
    return say(_ASKED[kind], name=entry.person.name, roles=", ".join(role_titles(entry.adds)))


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request as the page draws it, and whether the reader answers it or may take it back."""

    request: AccountRequest
    title: str
    roles: Sequence[str]
    is_answered: bool


def waiting_for(db: Connection, person: Person, now: datetime) -> list[Waiting]:
    """List what waits for somebody's answer, or was asked for by them."""
    if person.roles.isdisjoint(accounts.CONFIRMING):
        return []
    return [
        Waiting(entry, title_of(entry), role_titles(entry.person.roles), accounts.may_confirm(person, entry))
        for entry in confirmations.list_for(db, person, now)
    ]


@bp.get("")
@with_role("administrator", "manager")
def index() -> str:
    """Show what waits for a second person."""
    return _draw()


def _draw(refused: Sequence[str] = ()) -> str:
    with read() as db:
        waiting = waiting_for(db, actor(), site().now())
    return page("accounts/confirmations.html", waiting=waiting, refused=refused, link=shown_link())


@bp.post("/<int:id>")
@with_role("administrator", "manager")
def answer(id: int) -> Answer:
    """Confirm or decline a request, or take back one's own."""
    given = request.form.get("answer", "")
    if given not in _ANSWERS:
        abort(400)
    confirmed = None
    try:
        with begin() as db:
            if given == "confirm":
                confirmed = confirmations.confirm(db, actor(), site().now(), id, by_mail=goes_by_mail())
            elif given == "decline":
                confirmations.decline(db, actor(), site().now(), id)
            else:
                confirmations.withdraw(db, actor(), site().now(), id)
    except NotAllowed as error:
        note_refusal(error.codes)
        return _draw(sentences(error)), 403
    except BadPerson:
        # Nothing else is asked for that could turn out to be none.
        return _draw([say(ROLES_APART)]), 422
    flash(say(_ANSWERS[given]), "success")
    onward = url_for("confirmations.index")
    if confirmed is None or not confirmed.token:
        return redirect(onward, 303)
    return show_link(onward, confirmed.request.person, address(confirmed.token, confirmed.purpose))


_ANSWERS = {
    "confirm": N_("It is confirmed."),
    "decline": N_("It is declined."),
    "withdraw": N_("It is taken back."),
}
