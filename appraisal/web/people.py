"""People: the accounts, their roles, and the links that let somebody in."""

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, flash, redirect, request, session, url_for
from werkzeug.wrappers import Response
from wtforms import RadioField, SelectMultipleField, StringField

from appraisal.domain.access import ROLE_TITLES
from appraisal.domain.duties import DutiesLeft, Duty
from appraisal.domain.refusals import NotAllowed
from appraisal.i18n import N_
from appraisal.services import departures as services
from appraisal.services import people
from appraisal.services.people import Account, BadPerson
from appraisal.web import departures
from appraisal.web.context import actor, begin, note_refusal, page, read, say, sentences, site, with_role
from appraisal.web.formats import role_titles
from appraisal.web.forms import TranslatedForm, choice
from appraisal.web.origins import link_to

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
    """Create an account and show its invitation link."""
    form = PersonForm(request.form)
    if request.method == "GET":
        return page("people/new.html", form=form)
    try:
        with begin() as db:
            person = people.create_person(
                db,
                actor(),
                site().now(),
                email=form.email.data or "",
                name=form.name.data or "",
                roles=form.roles.data or (),
                unit=form.unit.data or "",
                duty_station=form.duty_station.data or "",
                language=form.language.data or "",
            )
            token = people.issue_link(db, actor(), site().now(), person.id, "invitation")
    except BadPerson as error:
        _complain(form, error)
        return page("people/new.html", form=form), 422
    flash(say(N_("The account of %(name)s is there."), name=person.name), "success")
    return _show_link(person.id, link_to("sessions.invitation", token=token))


def _show_link(id: int, address: str) -> Response:
    """Show a link once: the session carries it to the next page, and no further."""
    session["link"] = [id, address]
    return redirect(url_for("people.edit", id=id), 303)


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


def _draw(account: Account, form: PersonForm, refused: Sequence[str] = (), left: Sequence[Duty] = ()) -> str:
    with read() as db:
        found = services.list_duties(db, site().library, account.person)
    link = session.pop("link", None)
    shown = link[1] if link and link[0] == account.person.id else ""
    return page(
        "people/edit.html",
        account=account,
        form=form,
        link=shown,
        duties=departures.rows(found),
        leads=any(duty.kind == "lead" for duty in found),
        left=departures.rows(left),
        refused=refused,
    )


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
    }
    try:
        with begin() as db:
            people.change_person(db, actor(), site().now(), account.person.id, **changes)
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
    return redirect(url_for("people.edit", id=account.person.id), 303)


_STANDINGS = {
    "closed": N_("The account is closed. Its sessions have ended."),
    "open": N_("The account is open again."),
}


@bp.post("/<int:id>/link")
@with_role("administrator")
def link(id: int) -> Response:
    """Issue a link: an invitation while there is no password, else one for a new password."""
    with begin() as db:
        invited = not people.find_person(db, id).has_password
        token = people.issue_link(db, actor(), site().now(), id, "invitation" if invited else "reset")
    endpoint = "sessions.invitation" if invited else "sessions.reset"
    return _show_link(id, link_to(endpoint, token=token))
