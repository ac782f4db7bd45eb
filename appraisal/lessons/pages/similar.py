"""Authors and leads see here which earlier work is about the same thing, and note that they looked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from flask import Blueprint, flash, redirect, request, url_for
from sqlalchemy import Connection
from werkzeug.wrappers import Response
from wtforms import Form, SelectMultipleField, StringField
from wtforms.widgets import CheckboxInput, ListWidget

from appraisal.app.pages import proposal
from appraisal.definitions.checklists import LOOKED_UP, LooksUp
from appraisal.language.texts import N_
from appraisal.lessons.rules.lessons import Lesson
from appraisal.lessons.rules.similar import Match, Profile, profile_of, titles
from appraisal.lessons.services import noted, similar
from appraisal.lessons.services.similar import Similar
from appraisal.lessons.store import lessons as stored
from appraisal.lessons.store.lessons import Filters
from appraisal.proposals.facts import Case, RatingGiven
from appraisal.proposals.pages import answers
from appraisal.proposals.pages.authors_only import closed_because
from appraisal.proposals.pages.titles import state_tone
from appraisal.proposals.rules import access
from appraisal.proposals.rules import form as proposals_form
from appraisal.proposals.rules.form import Content
from appraisal.proposals.rules.rulebook import Rulebook
from appraisal.proposals.services.opening import load, view
from appraisal.vocabulary.refusals import NotAllowed
from appraisal.web.context import (
    actor,
    begin,
    language,
    page,
    read,
    reasons,
    say,
    seen,
    sentences,
    signed_in,
    site,
)
from appraisal.web.forms import TranslatedForm, choice

bp = Blueprint("similarities", __name__)

Answer = str | Response | tuple[str, int]

# What the person can put right on the page itself.
_TO_MEND: Final = frozenset({"nothing_ticked", "not_similar", "lesson_cited", "no_room", "no_row_left"})
_CRITERIA: Final = ("identification.countries", "identification.theme", "alignment.outcome")


@dataclass(frozen=True, slots=True)
class Noting:
    """Where the reader may note what was looked up, and why it is not possible now.

    ``place`` names the field of the form, or the item whose evidence it goes into.
    """

    in_form: bool
    place: str
    href: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LessonShown:
    """A lesson with what it shares with the proposal, and whether it is cited already."""

    lesson: Lesson
    shared: tuple[str, ...]
    is_cited: bool


@dataclass(frozen=True)
class Looked:
    """What was found for a proposal, as one reader may see it."""

    case: Case
    book: Rulebook
    content: Content
    proposals: list[Similar]
    lessons: list[Match[Lesson]]
    searched: list[Lesson]
    more: bool

    @property
    def is_author(self) -> bool:
        """Tell whether the reader notes in the form."""
        return actor().id in self.case.related("author")

    @property
    def seen(self) -> int:
        """Return the row version of what is noted in."""
        running = self.case.appraisal
        return self.case.row_version if self.is_author or running is None else running.row_version


class SearchForm(TranslatedForm):
    """Words that lessons are looked for by."""

    words = StringField(N_("Words in lesson, place, theme or outcome"), render_kw={"kind": "search"})


@bp.route("/proposals/<number>/similar", methods=["GET", "POST"])
@signed_in
def show(number: str) -> Answer:
    """Show similar proposals and lessons; authors note them in the form, the lead in the ratings."""
    if request.method == "GET":
        return _draw(_look(number))
    lesson = request.form.get("lesson", "")
    try:
        with begin() as db:
            case, _ = load(db, site().library, number, actor())
            if lesson:
                _cite(db, case, lesson)
            else:
                _note(db, case, request.form.getlist("proposals"))
    except NotAllowed as error:
        if not set(error.codes) <= _TO_MEND:
            raise
        return _draw(_look(number), sentences(error), about_lesson=bool(lesson)), 422
    anchor = "lessons" if lesson else "similar"
    return redirect(url_for(".show", number=number, words=_words() or None, _anchor=anchor), 303)


def _words() -> str:
    return request.args.get("words", "").strip()


def _look(number: str) -> Looked:
    words = _words()
    with read() as db:
        case, book = view(db, site().library, number, actor())
        content = proposal.seen_of(case, book, actor(), site().now()).content
        searched, onward = stored.list_lessons(db, Filters(words)) if words else ([], None)
        return Looked(
            case,
            book,
            content,
            similar.find_proposals(db, site().library, case, actor(), content),
            similar.find_lessons(db, content),
            searched,
            onward is not None,
        )


def _note(db: Connection, case: Case, chosen: list[str]) -> None:
    in_form = actor().id in case.related("author")
    note = noted.note_overlap if in_form else noted.note_overlap_in_rating
    note(db, site().library, actor(), site().now(), case.number, chosen, seen=seen())
    flash(say(N_("It is noted after what stood there.")), "success")


def _cite(db: Connection, case: Case, code: str) -> None:
    in_form = actor().id in case.related("author")
    cite = noted.cite_lesson if in_form else noted.cite_lesson_in_rating
    cite(db, site().library, actor(), site().now(), case.number, code, seen=seen())
    message = (
        N_("%(lesson)s is cited in the form. Say there what changed because of it.")
        if in_form
        else N_("%(lesson)s is cited in the evidence.")
    )
    flash(say(message, lesson=code), "success")


def _draw(looked: Looked, faults: Sequence[str] = (), *, about_lesson: bool = False) -> str:
    case, content = looked.case, looked.content
    form = _tick_form(looked)
    if not about_lesson:
        form["proposals"].errors = faults
    overlap, lessons = _noting(looked, "overlap"), _noting(looked, "lessons")
    return page(
        "lessons/similar.html",
        looked=looked,
        case=case,
        title=proposals_form.value(content, "identification.title"),
        about=_about(looked),
        is_empty=profile_of(content) == Profile(),
        form=form,
        search=SearchForm(data={"words": _words()}),
        faults=faults if about_lesson else (),
        overlap=overlap,
        citing=lessons,
        shared=lambda entry: titles(language(), entry.shared),
        tone=state_tone,
        lessons=[_shown(looked, match.key, titles(language(), match.shared)) for match in looked.lessons],
        searched=[_shown(looked, lesson, []) for lesson in looked.searched],
    )


def _about(looked: Looked) -> list[dict[str, str]]:
    """Return what is compared, as rows of a summary; who may write may change it."""
    may_write = looked.is_author and not closed_because(looked.case, looked.book)
    fields = {path: field for path, _, field in proposals_form.walk()}
    rows = []
    for path in _CRITERIA:
        row = {"key": say(fields[path].label), "value": answers.value(looked.content, path)}
        if may_write:
            section, _, key = path.partition(".")
            row["href"] = url_for("drafts.edit", number=looked.case.number, section=section, _anchor=key)
            row["action"] = say(N_("Write in the form"))
        rows.append(row)
    return rows


def _tick_form(looked: Looked) -> Form:
    """Build the form in which the proposals that were checked are ticked."""
    field = SelectMultipleField(
        say(N_("Which of them did you check?")),
        choices=[
            choice(entry.number, f"{entry.number} {entry.title}", ", ".join(titles(language(), entry.shared)))
            for entry in looked.proposals
        ],
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
        validate_choice=False,
    )
    form: Form = type("TickForm", (Form,), {"proposals": field})(request.form)
    return form


def _noting(looked: Looked, kind: LooksUp) -> Noting | None:
    """Return where the reader notes what was found: authors in the form, the lead in a rating, others not."""
    case, book = looked.case, looked.book
    if looked.is_author:
        section, _, key = LOOKED_UP[kind].partition(".")
        field = next(entry for entry in proposals_form.section(section).fields if entry.key == key)
        href = url_for("drafts.edit", number=case.number, section=section, _anchor=key)
        return Noting(True, say(field.label), href, tuple(closed_because(case, book)))
    if not _appraises(case):
        return None
    refusals = noted.rating_refusals(case, book, actor(), site().now(), kind)
    item = noted.asking_item(case, book, kind)
    href = ""
    if item is not None:
        code = item.id.partition("-")[0]
        href = url_for("appraisals.checklist", number=case.number, code=code, _anchor=item.id)
    return Noting(False, item.id if item else "", href, tuple(reasons(case, refusals)))


def _appraises(case: Case) -> bool:
    """Tell whether the reader is the lead of the running appraisal, or rates in the lead's place."""
    leads = case.appraisal is not None and case.appraisal.lead == actor().id
    return leads or access.may_rate(case, actor(), site().now())


def _shown(looked: Looked, lesson: Lesson, shared: list[str]) -> LessonShown:
    return LessonShown(lesson, tuple(shared), _is_cited(looked, lesson))


def _is_cited(looked: Looked, lesson: Lesson) -> bool:
    if looked.is_author:
        return noted.is_cited(looked.content, lesson)
    item = noted.asking_item(looked.case, looked.book, "lessons")
    running = looked.case.appraisal
    if item is None or running is None or not _appraises(looked.case):
        return False
    return noted.is_evidence(running.ratings.get(item.id, RatingGiven(item.id, "")), lesson)
