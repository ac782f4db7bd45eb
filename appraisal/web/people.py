"""People: the accounts, their roles, the links that let somebody in, and what a second person confirms."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from flask import Blueprint, abort, flash, redirect, request, session, url_for
from sqlalchemy import Connection
from werkzeug.wrappers import Response
from wtforms import RadioField, SelectMultipleField, StringField

from appraisal.domain import accounts
from appraisal.domain.access import ROLE_TITLES
from appraisal.domain.accounts import AccountRequest
from appraisal.domain.facts import Person
from appraisal.domain.refusals import NotAllowed
from appraisal.i18n import N_
from appraisal.services import confirmations, people
from appraisal.services.people import Account, BadPerson
from appraisal.storage import account_requests, duties, facts
from appraisal.storage import site as chain
from appraisal.storage.site import AccountEvent
from appraisal.web.context import (
    actor,
    begin,
    note_refusal,
    page,
    read,
    say,
    sentences,
    signed_in,
    site,
    with_role,
)
from appraisal.web.formats import role_titles
from appraisal.web.forms import TranslatedForm, choice

bp = Blueprint("people", __name__, url_prefix="/people")

Answer = str | Response | tuple[str, int]

_DUTIES = {
    "designer": N_("Writes and submits proposals."),
    "coordinator": N_("Checks completeness, assigns lead appraisers, deals with donors, keeps the rates."),
    "appraiser": N_("Appraises proposals as lead, or comments for the unit."),
    "manager": N_("Decides on appraised proposals."),
    "auditor": N_("Reads everything, changes nothing."),
    "administrator": N_("Keeps accounts and holidays; reads no proposal."),
}
# Each language in its own words, so that whoever reads only one finds it.
LANGUAGES = (("en", "English"), ("fr", "Français"), ("es", "Español"))


class PersonForm(TranslatedForm):
    """What an account says of a person."""

    email = StringField(N_("E-mail address"), render_kw={"kind": "email", "autocomplete": "off"})
    name = StringField(N_("Name"), render_kw={"autocomplete": "off"})
    roles = SelectMultipleField(
        N_("Roles"),
        choices=[choice(role, title, _DUTIES[role]) for role, title in ROLE_TITLES.items()],
        render_kw={"kind": "checkboxes"},
    )
    unit = StringField(
        N_("Unit"),
        description=N_(
            "An appraiser is asked to comment for the unit: write it as the checklists do, like ACTRAV."
        ),
        render_kw={"width": "20"},
    )
    duty_station = StringField(N_("Duty station"), default="Geneva", render_kw={"width": "20"})
    language = RadioField(
        N_("Language"), choices=[choice(code, name) for code, name in LANGUAGES], default="en"
    )


_FAULTS = {
    "email": ("email", N_("Write an e-mail address, like name@example.org.")),
    "email_taken": ("email", N_("There is an account with this address already.")),
    "name": ("name", N_("Write a name of at most 200 characters.")),
    "roles": ("roles", N_("Choose at least one role.")),
    "roles_apart": (
        "roles",
        N_("An administrator is neither appraiser nor manager."),
    ),
    "language": ("language", N_("Choose a language.")),
}


def _complain(form: PersonForm, error: BadPerson) -> None:
    for code in error.codes:
        field, message = _FAULTS[code]
        form.complain(field, message)


@bp.get("")
@with_role("administrator")
def index() -> str:
    """List all accounts."""
    with read() as db:
        accounts = people.list_people(db)
    rows = [(account, role_titles(account.person.roles)) for account in accounts]
    return page("people/index.html", rows=rows)


@bp.route("/new", methods=["GET", "POST"])
@with_role("administrator")
def new() -> Answer:
    """Create an account; its invitation goes by mail, or is shown where there is none."""
    form = PersonForm(request.form)
    if request.method == "GET":
        return _draw_new(form)
    wanted = form.roles.data or ()
    try:
        with begin() as db:
            person = people.create_person(
                db,
                actor(),
                site().now(),
                email=form.email.data or "",
                name=form.name.data or "",
                roles=wanted,
                unit=form.unit.data or "",
                duty_station=form.duty_station.data or "",
                language=form.language.data or "",
                by_mail=_by_mail(),
            )
            # Who confirms the roles of an account that waits for some gets its link as well.
            waits = set(wanted) != person.roles and not _by_mail()
            link = "" if waits else _let_in(db, people.find_person(db, person.id))
    except BadPerson as error:
        _complain(form, error)
        return _draw_new(form), 422
    flash(say(N_("The account of %(name)s is there."), name=person.name), "success")
    _tell_waiting(wanted, person)
    return _show_link(url_for("people.edit", id=person.id), person, link)


def _draw_new(form: PersonForm) -> str:
    return page("people/new.html", form=form, by_mail=_by_mail())


def _by_mail() -> bool:
    """Tell whether links reach their owners by mail."""
    return site().settings.mail is not None


def _let_in(db: Connection, account: Account) -> str:
    """Send the link of an account or make it, as the site goes; return its address where it is to be shown.

    A link that needs a second person is asked for.
    """
    person, now = account.person, site().now()
    if _by_mail():
        people.post_link(db, actor(), now, person.id)
        flash(say(N_("The link is sent to %(email)s."), email=_masked(person.email)), "success")
        return ""
    if not people.is_link_shown(db, account):
        people.ask_link(db, actor(), now, person.id)
        flash(say(N_("The link waits for a second person, who confirms it and hands it over.")), "success")
        return ""
    return _address(people.issue_link(db, actor(), now, person.id, "invitation"), "invitation")


def _masked(email: str) -> str:
    """Return an address without all of its name but the first letter."""
    local, _, domain = email.partition("@")
    return f"{local[:1]}…@{domain}"


def _address(token: str, purpose: people.Purpose) -> str:
    return url_for(f"sessions.{purpose}", token=token, _external=True)


def _tell_waiting(wanted: Iterable[str], person: Person) -> None:
    """Say which of the roles that were wanted wait for a second person."""
    waiting = [title for role, title in ROLE_TITLES.items() if role in set(wanted) - person.roles]
    if waiting:
        titles = ", ".join(say(title) for title in waiting)
        flash(say(N_("Waits for a second person: %(roles)s."), roles=titles), "info")


def _show_link(onward: str, person: Person, address: str) -> Response:
    """Show a link once: the session carries it to the next page, and no further."""
    if address:
        session["link"] = [person.id, person.name, address]
    return redirect(onward, 303)


@bp.route("/<int:id>", methods=["GET", "POST"])
@with_role("administrator")
def edit(id: int) -> Answer:
    """Show an account and change it; *standing* closes it or opens it again."""
    with read() as db:
        account = people.find_person(db, id)
    person = account.person
    given = PersonForm(
        request.form if "name" in request.form else None,
        data={
            "email": person.email,
            "name": person.name,
            "roles": sorted(person.roles),
            "unit": person.unit,
            "duty_station": person.duty_station,
            "language": person.language,
        },
    )
    if request.method == "GET":
        return _draw(account, given)
    return _change(account, given)


def _draw(account: Account, form: PersonForm, refused: Sequence[str] = ()) -> str:
    person = account.person
    with read() as db:
        led = duties.led_by(db, person.id)
        is_shown = people.is_link_shown(db, account)
        waiting = [
            entry for entry in account_requests.list_open(db, site().now()) if entry.person.id == person.id
        ]
    return page(
        "people/edit.html",
        account=account,
        form=form,
        link=_shown_link(person.id),
        led=led,
        refused=refused,
        waiting=[_asked(entry) for entry in waiting],
        by_mail=_by_mail(),
        is_shown=is_shown,
    )


def _shown_link(person: int | None = None) -> Sequence[Any] | None:
    """Return the link to show on this page, as person, name and address, and forget it."""
    link = session.pop("link", None)
    return link if link and person in (None, link[0]) else None


def _change(account: Account, form: PersonForm) -> Answer:
    standing = request.form.get("standing", "")
    changes: dict[str, Any] = {
        "name": form.name.data or "",
        "roles": form.roles.data or (),
        "unit": form.unit.data or "",
        "duty_station": form.duty_station.data or "",
        "language": form.language.data or "",
        "active": standing == "open" if standing else account.person.active,
        "by_mail": _by_mail(),
    }
    try:
        with begin() as db:
            after = people.change_person(db, actor(), site().now(), account.person.id, **changes)
    except BadPerson as error:
        _complain(form, error)
        return _draw(account, form), 422
    except NotAllowed as error:
        note_refusal(error.codes)
        return _draw(account, form, sentences(error)), 403
    flash(say(_STANDINGS.get(standing, N_("The account is saved."))), "success")
    _tell_waiting(changes["roles"], after)
    return redirect(url_for("people.edit", id=account.person.id), 303)


_STANDINGS = {
    "closed": N_("The account is closed. Its sessions have ended."),
    "open": N_("The account is open again."),
}


@bp.post("/<int:id>/link")
@with_role("administrator")
def link(id: int) -> Answer:
    """Let somebody in: an invitation while there is no password, else a link for a new password."""
    with read() as db:
        account = people.find_person(db, id)
    try:
        with begin() as db:
            shown = _let_in(db, account)
    except NotAllowed as error:
        note_refusal(error.codes)
        for sentence in sentences(error):
            flash(sentence, "error")
        return redirect(url_for("people.edit", id=id), 303)
    return _show_link(url_for("people.edit", id=id), account.person, shown)


# What was asked for, by kind of request; a link for somebody without a password is an invitation.
_ASKED: Final[Mapping[str, str]] = {
    "roles": N_("Give %(name)s the roles: %(roles)s"),
    "invitation": N_("A first link to the account of %(name)s"),
    "reset": N_("A link for a new password of %(name)s"),
}


def _asked(entry: AccountRequest) -> str:
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
        Waiting(entry, _asked(entry), role_titles(entry.person.roles), accounts.may_confirm(person, entry))
        for entry in confirmations.list_for(db, person, now)
    ]


@bp.get("/requests")
@with_role("administrator", "manager")
def requests() -> str:
    """Show what waits for a second person."""
    return _draw_requests()


def _draw_requests(refused: Sequence[str] = ()) -> str:
    with read() as db:
        waiting = waiting_for(db, actor(), site().now())
    return page("people/requests.html", waiting=waiting, refused=refused, link=_shown_link())


@bp.post("/requests/<int:id>")
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
                confirmed = confirmations.confirm(db, actor(), site().now(), id, by_mail=_by_mail())
            elif given == "decline":
                confirmations.decline(db, actor(), site().now(), id)
            else:
                confirmations.withdraw(db, actor(), site().now(), id)
    except NotAllowed as error:
        note_refusal(error.codes)
        return _draw_requests(sentences(error)), 403
    except BadPerson as error:
        return _draw_requests([say(_FAULTS[code][1]) for code in error.codes]), 422
    flash(say(_ANSWERS[given]), "success")
    onward = url_for("people.requests")
    if confirmed is None or not confirmed.token:
        return redirect(onward, 303)
    return _show_link(onward, confirmed.request.person, _address(confirmed.token, confirmed.purpose))


_ANSWERS = {
    "confirm": N_("It is confirmed."),
    "decline": N_("It is declined."),
    "withdraw": N_("It is taken back."),
}

# So many events of accounts are shown at once.
MOST_EVENTS: Final = 100
_EVENTS: Final[Mapping[str, str]] = {
    "create_person": N_("The account was created."),
    "change_person": N_("Name, duty station or language was changed."),
    "change_roles": N_("The roles were changed. Before: %(before)s. Now: %(after)s."),
    "ask_roles": N_("Roles were asked for: %(adds)s."),
    "ask_link": N_("A link to the account was asked for."),
    "confirm_request": N_("A request was confirmed on the command line."),
    "decline_request": N_("What was asked for was declined."),
    "withdraw_request": N_("What was asked for was taken back."),
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
    people_by_id = facts.load_people(db, acting) if acting else {}
    names = {id: person.name for id, person in people_by_id.items()}
    return [_line(event, name, names) for event, name in told]


def _acting(event: Mapping[str, Any]) -> tuple[int, int, int]:
    """Return who did something, who asked for it and who confirmed it; 0 for nobody and the command line."""
    said = event["facts"]
    return event["by"], said.get("asked_by") or 0, said.get("confirmed_by") or 0


def _line(event: Mapping[str, Any], name: str, names: Mapping[int, str]) -> Line:
    said = event["facts"]
    sentence = _EVENTS.get(f"{event['action']} {said.get('how', '')}".strip())
    by, asked_by, confirmed_by = _acting(event)
    # Earlier versions of the product told of roles in every change of an account.
    if event["action"] == "change_person" and said.get("before") != said.get("roles"):
        said, sentence = {**said, "after": said.get("roles", [])}, _EVENTS["change_roles"]
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
def events() -> str:
    """Show the newest events about everybody's account."""
    with read() as db:
        lines = lines_of(db, chain.events_of_people(db, MOST_EVENTS))
    return page("people/events.html", lines=lines, holder=None, most=MOST_EVENTS)


@bp.get("/<int:id>/events")
@signed_in
def history(id: int) -> str:
    """Show what happened to an account: to administrators, auditors, and its owner."""
    if id != actor().id and actor().roles.isdisjoint({"administrator", "auditor"}):
        abort(403)
    with read() as db:
        holder = people.find_person(db, id).person
        lines = lines_of(db, chain.events_of_person(db, id, MOST_EVENTS))
    return page("people/events.html", lines=lines, holder=holder, most=MOST_EVENTS)
