"""A coordinator gives a proposal another author here where all of its own have left."""

from collections.abc import Sequence

from flask import Blueprint, flash, redirect, request, url_for
from werkzeug.wrappers import Response
from wtforms import SelectField, TextAreaField

from appraisal.language.texts import N_
from appraisal.people.facts import Person
from appraisal.proposals.facts import Case
from appraisal.proposals.rules import access
from appraisal.proposals.rules import form as proposals_form
from appraisal.proposals.rules.rulebook import Rulebook
from appraisal.proposals.store import lists
from appraisal.vocabulary.refusals import SENTENCES, NotAllowed
from appraisal.web.context import (
    actor,
    begin,
    language,
    note_refusal,
    page,
    read,
    request_key,
    say,
    seen,
    sentences,
    site,
    with_role,
)
from appraisal.web.fields import PROSE, needed
from appraisal.web.formats import named
from appraisal.web.forms import TranslatedForm, written
from appraisal.workflow.rules.authors import joining_refusals, naming_refusals
from appraisal.workflow.services.authors import load_to_name_author, name_author

bp = Blueprint("missing_authors", __name__)

Answer = str | Response | tuple[str, int]


class AuthorForm(TranslatedForm):
    """Who becomes an author, and why."""

    person = SelectField(
        N_("New author"),
        description=N_("Designers who have neither led nor reviewed the appraisal of this proposal."),
        validators=[needed(N_("Choose one of the designers"))],
        validate_choice=False,
    )
    reason = TextAreaField(
        N_("Reason"),
        description=N_("It stands in the history of each proposal."),
        validators=[needed(SENTENCES["note_missing"]), PROSE],
        render_kw={"kind": "prose"},
    )


@bp.route("/proposals/<number>/missing-author", methods=["GET", "POST"])
@with_role("coordinator")
def show(number: str) -> Answer:
    """Show that nobody can act on a proposal as its author, and let somebody be named."""
    with read() as db:
        case, book = load_to_name_author(db, site().library, actor(), number)
        designers = lists.holders(db, "designer")
    offered = _offered(case, book, designers)
    form = AuthorForm(request.form)
    form.person.choices = [("", say(N_("Choose"))), *((str(entry.id), named(entry)) for entry in offered)]
    if request.method == "GET":
        return _draw(case, book, form)
    if not form.validate():
        return _draw(case, book, form), 422
    # Of all, not of those offered: the same form sent again finds its person an author already.
    person = next((entry for entry in designers if str(entry.id) == form.person.data), None)
    if person is None:
        form.complain("person", N_("Choose one of the designers"))
        return _draw(case, book, form), 422
    try:
        with begin() as db:
            name_author(
                db,
                site().library,
                actor(),
                site().now(),
                number,
                person.id,
                written(form.reason),
                seen=seen(),
                request=request_key(),
            )
    except NotAllowed as error:
        note_refusal(error.codes)
        return _draw(case, book, form, sentences(error)), 403
    flash(say(N_("%(name)s is now an author of %(number)s."), name=person.name, number=number), "success")
    return redirect(url_for("work.show"), 303)


def _offered(case: Case, book: Rulebook, designers: Sequence[Person]) -> list[Person]:
    """Return the designers who may become an author, and are none."""
    return [
        person
        for person in designers
        if person.id not in case.related("author") and not joining_refusals(case, book, person)
    ]


def _draw(case: Case, book: Rulebook, form: AuthorForm, refused: Sequence[str] = ()) -> str:
    reads = access.level(case, actor()) == "full"
    closed = [refusal.say(language()) for refusal in naming_refusals(case, book, actor())]
    return page(
        "workflow/missing_author.html",
        number=case.number,
        seen=case.row_version,
        # Of a draft, only its authors read more than the number.
        title=proposals_form.value(case.version.content, "identification.title")
        if reads and case.version
        else "",
        reads=reads,
        authors=[case.name(id) for id in sorted(case.related("author"))] if reads else [],
        form=form,
        closed=closed,
        refused=refused,
    )
