"""Authors fill in the form here section by section, see what it lacks, and answer required changes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from werkzeug.wrappers import Response

from appraisal.clock import geneva_date
from appraisal.definitions.checklists import LOOKED_UP, Checklist, Item
from appraisal.errors import NotFound
from appraisal.language.texts import N_
from appraisal.proposals.facts import Case
from appraisal.proposals.pages import answers, documents, required_changes
from appraisal.proposals.pages import form as form_pages
from appraisal.proposals.pages.authors_only import closed_because, load_own
from appraisal.proposals.rules import content as rules
from appraisal.proposals.rules import form as proposals_form
from appraisal.proposals.rules import track_and_money
from appraisal.proposals.rules.form import Section
from appraisal.proposals.rules.rulebook import Rulebook
from appraisal.proposals.rules.track_and_money import Missing
from appraisal.proposals.services import drafts
from appraisal.proposals.store import lists
from appraisal.web import formats
from appraisal.web.context import actor, begin, language, page, read, say, seen, signed_in, site
from appraisal.workflow.rules import machine
from appraisal.workflow.rules.machine import Possibility
from appraisal.workflow.services.authors import add_author

bp = Blueprint("drafts", __name__)

Answer = str | Response | tuple[str, int]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a section is."""

    section: Section
    missing: tuple[Missing, ...]
    begun: bool


@bp.get("/proposals/<number>/form")
@signed_in
def overview(number: str) -> str:
    """Show every section with what it lacks, the documents, the money, the track, and the way to submit."""
    with read() as db:
        case, book = load_own(db, number)
    given = track_and_money.contributions(case.content, book.rates, geneva_date(site().now()))
    usd = track_and_money.total_usd(given)
    track = track_and_money.derive(book.workflow, case.content, usd + case.siblings_usd, case.tightened)
    return page(
        "proposals/draft.html",
        case=case,
        title=proposals_form.value(case.content, "identification.title"),
        state=book.workflow.states[case.state],
        closed=closed_because(case, book),
        progress=[
            Progress(
                part, tuple(track_and_money.missing_in(part, case.content)), bool(case.content.get(part.key))
            )
            for part in proposals_form.SECTIONS
        ],
        contributions=answers.contribution_rows(given),
        total=track_and_money.known_usd(given),
        siblings=case.siblings_usd,
        unvalued=case.siblings_unvalued,
        track=book.workflow.tracks[track],
        because=_because(case, book, track),
        needed=_documents(case, book, track),
        submit=_submission(case, book),
    )


def _submission(case: Case, book: Rulebook) -> tuple[Possibility, list[str]] | None:
    """Return the step that submits, with the reasons why not yet; None where none leaves from here."""
    found = machine.allowed(book, case, actor(), site().now())
    step = next((entry for entry in found if entry.transition.act == "submit"), None)
    return (step, [refusal.say(language()) for refusal in step.refusals]) if step else None


def _because(case: Case, book: Rulebook, track: str) -> list[str]:
    """Return in sentences why the track is what it is."""
    when = book.workflow.tracks[track].when
    if track == case.tightened:
        return [say(N_("A coordinator chose it."))]
    if when is None:
        return [say(N_("It is the track of every proposal that belongs on no other."))]
    found = []
    if when.above_usd is not None:
        found.append(say(N_("The budget is above US$%(amount)s."), amount=formats.money(when.above_usd)))
    if when.up_to_usd is not None:
        found.append(say(N_("The budget is not above US$%(amount)s."), amount=formats.money(when.up_to_usd)))
    if when.one_country:
        found.append(say(N_("It names one country.")))
    if when.no_private_funder:
        found.append(say(N_("No private partner pays for it.")))
    return found


def _documents(case: Case, book: Rulebook, track: str) -> list[dict[str, Any]]:
    """Return the documents that the track needs, each with whether it is there or stands in the form."""
    missing = set(track_and_money.documents_missing(book.workflow, track, case.content, case.documents))
    needed = [
        *book.workflow.tracks[track].documents,
        *(["ppp_clearance"] if proposals_form.has_private_funder(case.content) else []),
    ]
    attached = {entry.kind for entry in case.documents}
    titles = answers.document_titles()
    return [
        {
            "title": titles[kind],
            "missing": kind in missing,
            "in_form": kind not in missing and kind not in attached,
        }
        for kind in needed
    ]


@bp.route("/proposals/<number>/form/<section>", methods=["GET", "POST"])
@signed_in
def edit(number: str, section: str) -> Answer:
    """Write one section; it may be saved at any point, but not with wrong values."""
    try:
        part = proposals_form.section(section)
    except KeyError:
        raise NotFound("section", section) from None
    with read() as db:
        case, book = load_own(db, number)
    drafts.check_editable(case, book, actor())
    if request.method == "GET":
        return _section_page(
            case, book, part, form_pages.draw(part, case.content, language()), case.row_version
        )
    form, only_rows = form_pages.read(part, case.content, language())
    drawn_from = seen() or case.row_version
    if only_rows:
        return _section_page(case, book, part, form, drawn_from)
    kept = rules.tidy(part, form_pages.typed(form, part))
    wrong = rules.complaints(part, kept)
    form_pages.complain(form, part, wrong, language())
    # Complaints about rows do not reach the errors of the form as a whole.
    if wrong or form.errors:
        return _section_page(case, book, part, form, drawn_from), 422
    try:
        with begin() as db:
            drafts.save_section(
                db, site().library, actor(), site().now(), number, section, kept, seen=drawn_from
            )
    except drafts.BadContent as error:
        form_pages.complain(form, part, error.complaints, language())
        return _section_page(case, book, part, form, drawn_from), 422
    flash(say(N_("“%(section)s” is saved."), section=say(part.title)), "success")
    return redirect(_onward(number, section), 303)


def _onward(number: str, section: str) -> str:
    following = [entry.key for entry in proposals_form.SECTIONS]
    place = following.index(section) + 1
    if "onward" in request.form and place < len(following):
        return url_for(".edit", number=number, section=following[place])
    return url_for(".overview", number=number)


def _section_page(case: Case, book: Rulebook, part: Section, form: Any, drawn_from: int) -> str:
    keys = [entry.key for entry in proposals_form.SECTIONS]
    place = keys.index(part.key)
    umbrellas: Sequence[lists.Umbrella] = ()
    if any(field.key == "parent" for field in part.fields):
        with read() as db:
            umbrellas = lists.umbrellas_to_name(db, actor())
    return page(
        "proposals/form.html",
        case=case,
        part=part,
        form=form,
        seen=drawn_from,
        sections=[
            {
                "title": say(entry.title),
                "href": url_for(".edit", number=case.number, section=entry.key),
                "status": _status(case, entry),
                "current": entry.key == part.key,
            }
            for entry in proposals_form.SECTIONS
        ],
        umbrellas=[entry for entry in umbrellas if entry.number != case.number],
        is_last=place == len(keys) - 1,
        asked=_asked(case, book, part),
        looked_up=[kind for kind, path in LOOKED_UP.items() if path.partition(".")[0] == part.key],
        empty={field.key: say(N_("Choose")) for field in part.fields if field.kind == "choice"},
    )


def _status(case: Case, part: Section) -> str:
    if not track_and_money.missing_in(part, case.content):
        return "done" if case.content.get(part.key) else "todo"
    return "started" if case.content.get(part.key) else "todo"


def _asked(case: Case, book: Rulebook, part: Section) -> list[tuple[Checklist, Item, list[str]]]:
    """Return the checklist items that a section answers, each with the fields that do."""
    usd = track_and_money.total_usd(
        track_and_money.contributions(case.content, book.rates, geneva_date(site().now()))
    )
    labels = {f"{part.key}.{field.key}": say(field.label) for field in part.fields}
    return [
        (criterion.checklist, item, [labels[path] for path in item.evidence if path in labels])
        for criterion in book.criteria_for(usd + case.siblings_usd)
        for item in criterion.checklist.items
        if any(path in labels for path in item.evidence)
    ]


@bp.route("/proposals/<number>/authors", methods=["GET", "POST"])
@signed_in
def authors(number: str) -> Answer:
    """Show who writes the proposal, and let another designer write along."""
    with read() as db:
        case, book = load_own(db, number)
        designers = lists.holders(db, "designer")
    others = [person for person in designers if person.id not in case.related("author")]
    closed = closed_because(case, book)
    if request.method == "POST":
        chosen = request.form.get("person", "")
        if chosen in {str(person.id) for person in others}:
            with begin() as db:
                add_author(db, site().library, actor(), site().now(), number, int(chosen), seen=seen())
            flash(say(N_("The author is added.")), "success")
            return redirect(url_for(".authors", number=number), 303)
        fault = say(N_("Choose one of the designers"))
        return page("proposals/authors.html", case=case, others=others, closed=closed, fault=fault), 422
    return page("proposals/authors.html", case=case, others=others, closed=closed, fault="")


bp.add_url_rule("/proposals/<number>/changes", "changes", required_changes.answer, methods=["GET", "POST"])
bp.add_url_rule("/proposals/<number>/documents", "documents", documents.attach, methods=["GET", "POST"])
bp.add_url_rule("/proposals/<number>/documents/<int:document>", "download", documents.download)
bp.add_url_rule(
    "/proposals/<number>/documents/<int:document>/remove",
    "remove_document",
    documents.remove,
    methods=["POST"],
)
