"""Events of accounts, read from the site's chain, are put into the words of the reader."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from flask import Blueprint, abort
from sqlalchemy import Connection

from appraisal.accounts.services import accounts
from appraisal.language.texts import N_
from appraisal.people.store.people import load_people
from appraisal.trail.store import site as chain
from appraisal.trail.store.site import AccountEvent
from appraisal.web.context import actor, page, read, say, signed_in, with_role
from appraisal.web.formats import role_titles

bp = Blueprint("account_events", __name__, url_prefix="/people")

# So many events of accounts are shown at once.
MOST_EVENTS: Final = 100
EVENTS: Final[Mapping[str, str]] = {
    "create_person": N_("The account was created."),
    "change_person": N_("Name, duty station or language was changed."),
    "change_roles": N_("The roles were changed. Before: %(before)s. Now: %(after)s."),
    "ask_roles": N_("Roles were asked for: %(adds)s."),
    "ask_link": N_("A link to the account was asked for."),
    "confirm_request": N_("A request was confirmed on the command line."),
    "decline_request": N_("What was asked for was declined."),
    "withdraw_request": N_("What was asked for was taken back."),
    "void_request": N_("What was asked for is void: the account has changed since."),
    "close_account": N_("The account was closed."),
    "open_account": N_("The account was opened again."),
    "end_password": N_("The password was ended: one person alone had seen the link that set it."),
    "change_unit": N_("The unit was changed. Before: %(before)s. Now: %(after)s."),
    "name_substitute": N_("A substitute was named."),
    "end_substitution": N_("A substitution was ended."),
    "issue_link mail": N_("A link was sent to the address of the account."),
    "issue_link shown": N_("A link was made, and shown to who made it."),
    "issue_link confirmed": N_("A link was confirmed, and shown to who confirmed it."),
    "issue_link emergency": N_("A link was made on the command line."),
    "change_password link": N_("A password was set with a link."),
    "change_password own": N_("The password was changed by its owner."),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One event about an account as the page draws it; names are empty for the command line."""

    at: datetime
    by: str
    person: int
    name: str
    text: str
    asked_by: str
    confirmed_by: str
    is_emergency: bool


def lines_of(db: Connection, found: Sequence[AccountEvent]) -> list[Line]:
    """Put events about accounts into the words of the reader."""
    told = [(entry.event.facts, entry.name) for entry in found]
    acting = {id for event, _ in told for id in _acting(event)} - {0}
    people_by_id = load_people(db, acting) if acting else {}
    names = {id: person.name for id, person in people_by_id.items()}
    return [_line(event, name, names) for event, name in told]


def _acting(event: Mapping[str, Any]) -> tuple[int, int, int]:
    """Return who did something, who asked for it and who confirmed it; 0 for nobody and the command line."""
    said = event["facts"]
    return event["by"], said.get("asked_by") or 0, said.get("confirmed_by") or 0


def _line(event: Mapping[str, Any], name: str, names: Mapping[int, str]) -> Line:
    said = event["facts"]
    sentence = EVENTS.get(f"{event['action']} {said.get('how', '')}".strip())
    by, asked_by, confirmed_by = _acting(event)
    # Earlier versions of the product told of roles in every change of an account.
    if event["action"] == "change_person" and said.get("before") != said.get("roles"):
        said, sentence = {**said, "after": said.get("roles", [])}, EVENTS["change_roles"]
    values = {key: _written(said.get(key, "")) for key in ("before", "after", "adds")}
    return Line(
        at=datetime.fromisoformat(event["at"]),
        by=names.get(by, ""),
        person=said["person"],
        name=name,
        text=say(sentence or N_("Something else was noted."), **values),
        asked_by=names.get(asked_by, "") if asked_by != by else "",
        confirmed_by=names.get(confirmed_by, "") if confirmed_by != by else "",
        is_emergency=bool(said.get("emergency")),
    )


def _written(value: Any) -> str:
    titles = ", ".join(role_titles(value)) if isinstance(value, list) else str(value)
    return titles or "–"


@bp.get("/events")
@with_role("administrator", "auditor")
def index() -> str:
    """Show the newest events about everybody's account."""
    with read() as db:
        lines = lines_of(db, chain.events_of_people(db, MOST_EVENTS))
    return page("accounts/events.html", lines=lines, holder=None, most=MOST_EVENTS)


@bp.get("/<int:id>/events")
@signed_in
def show(id: int) -> str:
    """Show what happened to an account: to administrators, auditors, and its owner."""
    if id != actor().id and actor().roles.isdisjoint({"administrator", "auditor"}):
        abort(403)
    with read() as db:
        holder = accounts.find_person(db, id).person
        lines = lines_of(db, chain.events_of_person(db, id, MOST_EVENTS))
    return page("accounts/events.html", lines=lines, holder=holder, most=MOST_EVENTS)
