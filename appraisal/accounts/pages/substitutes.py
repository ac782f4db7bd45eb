"""People see here who stands in for whom, name their substitutes, and end that early."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, cast

from flask import Blueprint, flash, redirect, request, url_for
from sqlalchemy import Connection
from werkzeug.wrappers import Response
from wtforms import RadioField, SelectField

from appraisal.accounts.services import accounts, substitutes
from appraisal.clock import geneva_date
from appraisal.language.texts import N_
from appraisal.people.facts import Person, Scope
from appraisal.people.rules.substitutes import ROLE_FOR, Substitution
from appraisal.people.store.substitutes import list_substitutions
from appraisal.vocabulary.refusals import SENTENCES, NotAllowed
from appraisal.web.context import actor, begin, language, page, read, say, site, with_role
from appraisal.web.fields import DayField, needed, one_of
from appraisal.web.formats import day, named
from appraisal.web.forms import TranslatedForm, choice

bp = Blueprint("substitutions", __name__)

Answer = str | Response | tuple[str, int]

SCOPES: Final[Mapping[Scope, str]] = {
    "appraisals": N_("appraisals led"),
    "decisions": N_("decisions as a manager"),
}
_HINTS: Final[Mapping[Scope, str]] = {
    "appraisals": N_("Rating, closing and recalling the appraisals that the person leads."),
    "decisions": N_("Approving, returning, rejecting and signing in the person's place."),
}
# The field that each reason against a substitution is about; any other is about the whole.
_ABOUT: Final[Mapping[str, str]] = {
    "person_inactive": "scope",
    "person_lacks_role": "scope",
    "substitute_missing": "substitute",
    "substitute_is_self": "substitute",
    "substitute_inactive": "substitute",
    "substitute_lacks_role": "substitute",
    "substitution_circular": "substitute",
    "substitution_chained": "substitute",
    "substitution_passed_on": "first",
    "substitution_overlaps": "first",
    "substitution_ends_first": "last",
    "substitution_past": "last",
    "day_late": "first",
    "substitution_too_long": "last",
}


class SubstituteForm(TranslatedForm):
    """Who stands in, of what, from which day to which."""

    substitute = SelectField(
        N_("Who stands in"),
        description=N_("Somebody who holds the same role. Nobody gains more by it than the person has."),
        validators=[needed(SENTENCES["substitute_missing"])],
        validate_choice=False,
    )
    scope = RadioField(
        N_("What for"), validators=[needed(N_("Choose what for.")), one_of(SCOPES)], validate_choice=False
    )
    first = DayField(N_("First day"), validators=[needed(N_("Give the first day."))])
    last = DayField(
        N_("Last day"),
        description=N_("This day is included."),
        validators=[needed(N_("Give the last day."))],
    )


@dataclass(frozen=True, slots=True)
class Opened:
    """The page of one person: everything that concerns who stands in for whom."""

    person: Person
    found: Sequence[Substitution]
    today: date
    colleagues: Sequence[Person]

    @property
    def scopes(self) -> list[Scope]:
        """Return what the person has to hand over."""
        return [scope for scope, role in ROLE_FOR.items() if self.person.has(role)]

    def rows(self, *, replaced: bool, past: bool) -> list[Substitution]:
        """Return those for the person, or those by the person; over, or in force and to come."""
        return [
            entry
            for entry in self.found
            if (entry.person == self.person.id) == replaced and (entry.stage(self.today) == "past") == past
        ]


def _open(db: Connection, person: Person) -> Opened:
    roles = set(ROLE_FOR.values())
    everybody = [account.person for account in accounts.list_people(db)]
    colleagues = [
        other for other in everybody if other.active and other.roles & roles and other.id != person.id
    ]
    found = list_substitutions(db, person.id)
    return Opened(person, found, geneva_date(site().now()), colleagues)


@bp.route("/account/substitutes", methods=["GET", "POST"])
@with_role("appraiser", "manager")
def show() -> Answer:
    """Show who stands in for the person who is signed in, and name somebody."""
    return _serve(actor().id, url_for(".show"))


@bp.route("/people/<int:id>/substitutes", methods=["GET", "POST"])
@with_role("administrator")
def of_person(id: int) -> Answer:
    """Show who stands in for anybody, and name somebody: for an absence that came suddenly."""
    return _serve(id, url_for(".of_person", id=id))


def _serve(id: int, here: str) -> Answer:
    with read() as db:
        opened = _open(db, accounts.find_person(db, id).person)
    form = _form(opened)
    if request.method == "GET":
        return _draw(opened, form)
    if not form.validate() or not _name(opened, form):
        return _draw(opened, form), 422
    sentence = N_("%(name)s stands in from %(first)s to %(last)s.")
    name = next(other.name for other in opened.colleagues if str(other.id) == form.substitute.data)
    flash(say(sentence, name=name, first=day(form.first.data), last=day(form.last.data)), "success")
    return redirect(here, 303)


def _form(opened: Opened) -> SubstituteForm:
    form = SubstituteForm(request.form)
    offered = [(str(other.id), named(other)) for other in opened.colleagues]
    form.substitute.choices = [("", say(N_("Choose"))), *offered]
    form.substitute.validators = [*form.substitute.validators, one_of([value for value, _ in offered])]
    form.scope.choices = [
        choice(scope, _sentence(SCOPES[scope]), say(_HINTS[scope])) for scope in opened.scopes
    ]
    if request.method == "GET" and len(opened.scopes) == 1:
        form.scope.data = opened.scopes[0]
    return form


def _sentence(title: str) -> str:
    words = say(title)
    return words[:1].upper() + words[1:]


def _name(opened: Opened, form: SubstituteForm) -> bool:
    """Name the substitute; write the reasons against it to their fields, and tell whether it was done."""
    assert form.first.data is not None
    assert form.last.data is not None
    try:
        with begin() as db:
            substitutes.name_substitute(
                db,
                actor(),
                site().now(),
                person=opened.person.id,
                substitute=int(form.substitute.data),
                scope=cast(Scope, form.scope.data),
                first=form.first.data,
                last=form.last.data,
            )
    except NotAllowed as error:
        for refusal in error.refusals:
            if refusal.code not in _ABOUT:
                raise
            form.complain(_ABOUT[refusal.code], refusal.say(language()))
        return False
    return True


def _draw(opened: Opened, form: SubstituteForm) -> str:
    return page(
        "accounts/substitutes.html",
        opened=opened,
        form=form,
        is_own=opened.person.id == actor().id,
        scopes={scope: say(title) for scope, title in SCOPES.items()},
    )


@bp.post("/account/substitutes/<int:id>/end")
@with_role("appraiser", "manager", "administrator")
def end(id: int) -> Response:
    """End a substitution today, or call off one that is to come."""
    with begin() as db:
        entry = substitutes.end_substitution(db, actor(), site().now(), id)
    flash(say(N_("%(name)s does not stand in any more."), name=entry.substitute_name), "success")
    if entry.person == actor().id:
        return redirect(url_for(".show"), 303)
    return redirect(url_for(".of_person", id=entry.person), 303)
