"""Missing authors: a coordinator gives a proposal another author where all of its own have left."""

from collections.abc import Sequence

from flask import Blueprint, flash, redirect, request, url_for
from werkzeug.wrappers import Response
from wtforms import SelectField, TextAreaField

from appraisal.domain import access, forms, permissions
from appraisal.domain.facts import Case, Person
from appraisal.domain.refusals import SENTENCES, NotAllowed
from appraisal.domain.rulebooks import Rulebook
from appraisal.i18n import N_
from appraisal.services import proposals
from appraisal.storage import queries
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
from appraisal.web.forms import TranslatedForm
from appraisal.web.inputs import written

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
        case, book = proposals.load_to_name_author(db, site().library, actor(), number)
        designers = queries.holders(db, "designer")
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
            proposals.name_author(
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
        if person.id not in case.related("author") and not permissions.joining_refusals(case, book, person)
    ]


def _draw(case: Case, book: Rulebook, form: AuthorForm, refused: Sequence[str] = ()) -> str:
    reads = access.level(case, actor()) == "full"
    closed = [refusal.say(language()) for refusal in permissions.naming_refusals(case, book, actor())]
    return page(
        "proposals/missing_author.html",
        number=case.number,
        seen=case.row_version,
        # Of a draft, only its authors read more than the number.
        title=forms.value(case.version.content, "identification.title") if reads and case.version else "",
        reads=reads,
        authors=[case.name(id) for id in sorted(case.related("author"))] if reads else [],
        form=form,
        closed=closed,
        refused=refused,
    )
