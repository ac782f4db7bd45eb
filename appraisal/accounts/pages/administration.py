"""Administrators see the accounts here, change them and their roles, and make links that let people in."""

from collections.abc import Iterable, Sequence
from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from sqlalchemy import Connection
from werkzeug.wrappers import Response
from wtforms import RadioField, SelectMultipleField, StringField

from appraisal.accounts.pages import departures
from appraisal.accounts.pages.confirmations import (
    ROLES_APART,
    address,
    goes_by_mail,
    show_link,
    shown_link,
    title_of,
)
from appraisal.accounts.rules import accounts
from appraisal.accounts.rules.accounts import AccountRequest
from appraisal.accounts.services import accounts as accounts_accounts
from appraisal.accounts.services import confirmations
from appraisal.accounts.services.accounts import Account, BadPerson
from appraisal.accounts.store import requests
from appraisal.language.texts import N_
from appraisal.people.facts import Person
from appraisal.proposals.rules.duties import DutiesLeft, Duty
from appraisal.vocabulary.refusals import NotAllowed
from appraisal.vocabulary.roles import ROLE_TITLES
from appraisal.web.context import (
    actor,
    begin,
    note_refusal,
    page,
    read,
    say,
    seen,
    sentences,
    site,
    with_role,
)
from appraisal.web.formats import role_titles
from appraisal.web.forms import TranslatedForm, choice
from appraisal.workflow.services import departures as services

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
    "roles_apart": ("roles", ROLES_APART),
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
        found = accounts_accounts.list_people(db)
    # Earlier versions of the product let one person hold roles that do not go together.
    clashing = {account.person.id for account in found if accounts.do_roles_clash(account.person.roles)}
    rows = [(account, role_titles(account.person.roles)) for account in found]
    return page("accounts/people.html", rows=rows, clashing=clashing)


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
            person = accounts_accounts.create_person(
                db,
                actor(),
                site().now(),
                email=form.email.data or "",
                name=form.name.data or "",
                roles=wanted,
                unit=form.unit.data or "",
                duty_station=form.duty_station.data or "",
                language=form.language.data or "",
                by_mail=goes_by_mail(),
            )
            # Who confirms the roles of an account that waits for some gets its link as well.
            waits = set(wanted) != person.roles and not goes_by_mail()
            link = "" if waits else _let_in(db, accounts_accounts.find_person(db, person.id))
    except BadPerson as error:
        _complain(form, error)
        return _draw_new(form), 422
    flash(say(N_("The account of %(name)s is there."), name=person.name), "success")
    _tell_waiting(wanted, person)
    return show_link(url_for("people.edit", id=person.id), person, link)


def _draw_new(form: PersonForm) -> str:
    return page("accounts/person_new.html", form=form, by_mail=goes_by_mail())


def _let_in(db: Connection, account: Account) -> str:
    """Send the link of an account or make it, as the site goes; return its address where it is to be shown.

    A link that needs a second person is asked for.
    """
    person, now = account.person, site().now()
    if goes_by_mail():
        accounts_accounts.post_link(db, actor(), now, person.id)
        flash(say(N_("The link is sent to %(email)s."), email=_masked(person.email)), "success")
        return ""
    if not accounts_accounts.is_link_shown(db, account):
        accounts_accounts.ask_link(db, actor(), now, person.id)
        flash(say(N_("The link waits for a second person, who confirms it and hands it over.")), "success")
        return ""
    return address(accounts_accounts.issue_link(db, actor(), now, person.id, "invitation"), "invitation")


def _masked(email: str) -> str:
    """Return an address without all of its name but the first letter."""
    local, _, domain = email.partition("@")
    return f"{local[:1]}…@{domain}"


def _tell_waiting(wanted: Iterable[str], person: Person) -> None:
    """Say which of the roles that were wanted wait for a second person."""
    waiting = [title for role, title in ROLE_TITLES.items() if role in set(wanted) - person.roles]
    if waiting:
        titles = ", ".join(say(title) for title in waiting)
        flash(say(N_("Waits for a second person: %(roles)s."), roles=titles), "info")


@bp.route("/<int:id>", methods=["GET", "POST"])
@with_role("administrator")
def edit(id: int) -> Answer:
    """Show an account and change it; *standing* closes it or opens it again."""
    with read() as db:
        account = accounts_accounts.find_person(db, id)
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


def _draw(account: Account, form: PersonForm, refused: Sequence[str] = (), left: Sequence[Duty] = ()) -> str:
    person = account.person
    with read() as db:
        found = services.list_duties(db, site().library, person)
        is_shown = accounts_accounts.is_link_shown(db, account)
        waiting = _waiting(db, person)
        lonely = [entry.id for entry in waiting if not confirmations.others(db, entry)]
    return page(
        "accounts/person.html",
        account=account,
        # What is drawn again with a fault is still about the account as it was read.
        seen=seen() or accounts.version_of(person),
        form=form,
        link=shown_link(person.id),
        duties=departures.rows(found),
        leads=any(duty.kind == "lead" for duty in found),
        left=departures.rows(left),
        refused=refused,
        waiting=[title_of(entry) for entry in waiting],
        lonely=lonely,
        by_mail=goes_by_mail(),
        is_shown=is_shown,
    )


def _waiting(db: Connection, person: Person) -> list[AccountRequest]:
    """Return what waits for a second person about an account."""
    return [entry for entry in requests.list_open(db, site().now()) if entry.person.id == person.id]


def _change(account: Account, form: PersonForm) -> Answer:
    standing = request.form.get("standing", "")
    changes: dict[str, Any] = {
        "name": form.name.data or "",
        "roles": form.roles.data or (),
        "unit": form.unit.data or "",
        "duty_station": form.duty_station.data or "",
        "language": form.language.data or "",
        "active": standing == "open" if standing else account.person.active,
        "library": site().library,
        "confirmed": departures.confirmed(),
        "by_mail": goes_by_mail(),
        "seen": seen(),
    }
    try:
        with begin() as db:
            asked = _waiting(db, account.person)
            after = accounts_accounts.change_person(db, actor(), site().now(), account.person.id, **changes)
            still = {entry.id for entry in _waiting(db, after)}
            voided = any(entry.id not in still for entry in asked)
    except BadPerson as error:
        _complain(form, error)
        return _draw(account, form), 422
    except DutiesLeft as error:
        note_refusal(error.codes)
        return _draw(account, form, sentences(error), error.duties), 422
    except NotAllowed as error:
        note_refusal(error.codes)
        return _draw(account, form, sentences(error)), 403
    flash(say(_STANDINGS.get(standing, N_("The account is saved."))), "success")
    if voided:
        flash(
            say(N_("What waited for a second person is void now, since the account has changed.")), "warning"
        )
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
        account = accounts_accounts.find_person(db, id)
    try:
        with begin() as db:
            shown = _let_in(db, account)
    except NotAllowed as error:
        note_refusal(error.codes)
        for sentence in sentences(error):
            flash(sentence, "error")
        return redirect(url_for("people.edit", id=id), 303)
    return show_link(url_for("people.edit", id=id), account.person, shown)
