"""Proposals are listed, opened and begun here, and show their versions and their history."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, flash, redirect, request, url_for
from sqlalchemy import Connection
from werkzeug.wrappers import Response

from appraisal.app.pages import proposal
from appraisal.errors import NotFound
from appraisal.language.texts import N_
from appraisal.proposals.facts import Case
from appraisal.proposals.pages import answers
from appraisal.proposals.pages import form as form_pages
from appraisal.proposals.pages.titles import state_tone
from appraisal.proposals.rules import access, disclosure
from appraisal.proposals.rules import content as rules
from appraisal.proposals.rules import form as proposals_form
from appraisal.proposals.rules.form import Content, Section
from appraisal.proposals.services import drafts
from appraisal.proposals.services.opening import view
from appraisal.proposals.store import lists
from appraisal.proposals.store.case import load_case
from appraisal.proposals.store.lists import Filters
from appraisal.records.store import records
from appraisal.trail.rules import events
from appraisal.web import formats
from appraisal.web.context import (
    actor,
    begin,
    language,
    number,
    page,
    read,
    request_key,
    say,
    signed_in,
    site,
    with_role,
    workflows,
)

bp = Blueprint("proposals", __name__)


@bp.get("/proposals")
@with_role("designer", "coordinator", "appraiser", "manager", "auditor")
def index() -> str:
    """List the proposals that somebody may know of, fifty a page."""
    given = {name: request.args.get(name, "").strip() for name in ("state", "country", "words", "route")}
    country = formats.country_code(given["country"])
    after = request.args.get("after", "")
    filters = Filters(given["state"], country, given["route"], given["words"])
    with read() as db:
        listed, onward = lists.list_proposals(db, actor(), filters, number(after))
    narrowed = {name: value for name, value in given.items() if value}
    return page(
        "app/proposals.html",
        listed=listed,
        given=given,
        narrowed=narrowed,
        first=_page_from(narrowed) if after else "",
        next=_page_from({**narrowed, "after": str(onward)}) if onward else "",
        states=states_to_choose(),
        takes_bundles=bool(actor().roles & access.READERS),
        titles=_titles(),
    )


def _page_from(given: Mapping[str, str]) -> str:
    return f"{url_for('.index')}?{urlencode(given)}" if given else url_for(".index")


def states_to_choose() -> list[tuple[str, str]]:
    """Return the states to filter by, in the order of the newest workflow."""
    found = {
        name: state.title[language()] for flow in workflows().values() for name, state in flow.states.items()
    }
    newest = site().library.newest_workflow().states
    return sorted(
        found.items(), key=lambda entry: list(newest).index(entry[0]) if entry[0] in newest else len(newest)
    )


def _titles() -> dict[tuple[str, str], tuple[str, str]]:
    """Return title and tone of each state by workflow and name; drafts name no workflow yet."""
    newest = site().library.newest_workflow()
    return {
        (key, name): (state.title[language()], state_tone(state))
        for key, flow in {"": newest, **workflows()}.items()
        for name, state in flow.states.items()
    }


@bp.get("/proposals/<number>")
@signed_in
def show(number: str) -> str:
    """Show a proposal; to designers who look for overlap no more than that takes."""
    with read() as db:
        case = load_case(db, number)
        if access.level(case, actor()) == "overlap":
            return page("app/overlap.html", **proposal.overlap(case))
        case, book = view(db, site().library, number, actor())
        listed, _ = records.list_records(db, actor(), number)
    takes_bundles = bool(actor().roles & access.READERS) and case.pinned
    return page(
        "app/proposal.html",
        records=listed,
        takes_bundles=takes_bundles,
        **proposal.dossier(case, book),
    )


@bp.get("/proposals/<number>/versions/<int:version>")
@signed_in
def version(number: str, version: int) -> str:
    """Show what was submitted, frozen, section by section."""
    with read() as db:
        case, book = view(db, site().library, number, actor())
    found = next((entry for entry in case.versions if entry.number == version), None)
    if found is None:
        raise NotFound("version", f"{number}, {version}")
    approval = case.approval
    return page(
        "app/version.html",
        case=case,
        version=found,
        title=proposals_form.value(found.content, "identification.title"),
        parts=answers.parts(found.content),
        contributions_rows=answers.contribution_rows(found.contributions),
        track=book.workflow.tracks[found.track].title,
        kinds=answers.document_titles(),
        is_approved=approval is not None and approval.version_id == found.id,
    )


@bp.get("/proposals/<number>/history")
@signed_in
def history(number: str) -> str:
    """Show everything that happened, and whether its chain of digests holds."""
    with read() as db:
        case, book = view(db, site().library, number, actor())
        happened = disclosure.history_for(case, actor(), lists.history_of(db, case.id))
        blind = access.is_blind(case, actor())
        chain = [] if blind else lists.chain_of(db, case.id)
    states = book.workflow.states
    told = proposal.history_sentences(case, happened)
    entries = [
        {
            "event": entry,
            "lines": lines,
            "to": states[entry.to_state].title
            if entry.to_state != entry.from_state and entry.to_state in states
            else None,
        }
        for entry, lines in zip(happened, told, strict=True)
    ]
    content = proposal.seen_of(case, book, actor(), site().now()).content
    return page(
        "app/history.html",
        case=case,
        title=proposals_form.value(content, "identification.title"),
        entries=entries,
        blind=blind,
        is_whole=disclosure.reads_whole_history(case, actor()),
        fault=None if blind else events.broken(chain, case.head),
    )


def first_fields() -> Section:
    """Return the fields that a new proposal begins with."""
    whole = proposals_form.section("identification")
    keys = ("title", "kind", "predecessor", "parent", "countries", "region", "unit")
    return Section(whole.key, whole.title, tuple(field for field in whole.fields if field.key in keys))


@bp.route("/proposals/new", methods=["GET", "POST"])
@with_role("designer")
def new() -> str | Response | tuple[str, int]:
    """Start a proposal, of which the person becomes the first author."""
    fields = first_fields()
    if request.method == "GET":
        begun = {key: request.args[key] for key in ("kind", "predecessor", "parent") if key in request.args}
        form = form_pages.draw(fields, {fields.key: {"unit": actor().unit, **begun}}, language())
        return _new_page(form)
    form, _ = form_pages.read(fields, {}, language())
    kept = rules.tidy(fields, form_pages.typed(form, fields))
    wrong = rules.complaints(fields, kept)
    form_pages.complain(form, fields, wrong, language())
    if not kept.get("title"):
        form["title"].errors = [say(N_("Give the proposal a title"))]
    if wrong or form.errors:
        return _new_page(form), 422
    try:
        with begin() as db:
            case = _create(db, {fields.key: kept})
    except drafts.BadContent as error:
        form_pages.complain(form, fields, error.within(fields.key), language())
        return _new_page(form), 422
    flash(
        say(
            N_("%(number)s is begun. Nobody but its authors sees it before it is submitted."),
            number=case.number,
        ),
        "success",
    )
    return redirect(url_for("drafts.overview", number=case.number), 303)


def _new_page(form: Any) -> str:
    with read() as db:
        return page("app/proposal_new.html", form=form, umbrellas=lists.umbrellas_to_name(db, actor()))


def _create(db: Connection, content: Content) -> Case:
    return drafts.create_proposal(db, site().library, actor(), site().now(), content, request=request_key())
