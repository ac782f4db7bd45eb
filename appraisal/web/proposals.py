"""Proposals: the list, the page of one proposal, its versions and history, and starting a new one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, flash, redirect, request, url_for
from sqlalchemy import Connection
from werkzeug.wrappers import Response

from appraisal.clock import geneva_date
from appraisal.definitions.workflows import Workflow
from appraisal.domain import access, calendars, events, forms, routes, tracks
from appraisal.domain import contents as rules
from appraisal.domain.facts import Appraisal, Case, Contribution, Person, Version
from appraisal.domain.forms import Content, Section
from appraisal.domain.rulebooks import Rulebook
from appraisal.errors import NotFound
from appraisal.i18n import N_
from appraisal.services import proposals, steps
from appraisal.storage import queries
from appraisal.storage.facts import load_case
from appraisal.storage.queries import Filters
from appraisal.web import contents, formats, sections, standings
from appraisal.web.context import (
    actor,
    begin,
    language,
    page,
    read,
    request_key,
    say,
    signed_in,
    site,
    with_role,
)

bp = Blueprint("proposals", __name__)


def workflows() -> dict[str, Workflow]:
    """Return every workflow of the library by its key."""
    return {key: entry for key, entry in site().library.definitions.items() if isinstance(entry, Workflow)}


@bp.get("/proposals")
@with_role("designer", "coordinator", "appraiser", "manager", "auditor")
def index() -> str:
    """List the proposals that somebody may know of, fifty a page."""
    given = {name: request.args.get(name, "").strip() for name in ("state", "country", "words", "route")}
    country = formats.country_code(given["country"])
    after = request.args.get("after", "")
    filters = Filters(given["state"], country, given["route"], given["words"])
    with read() as db:
        listed, onward = queries.list_proposals(db, actor(), filters, int(after) if _is_id(after) else None)
    narrowed = {name: value for name, value in given.items() if value}
    return page(
        "proposals/index.html",
        listed=listed,
        given=given,
        narrowed=narrowed,
        first=_page_from(narrowed) if after else "",
        next=_page_from({**narrowed, "after": str(onward)}) if onward else "",
        states=_states(),
        titles=_titles(),
    )


def _page_from(given: Mapping[str, str]) -> str:
    return f"{url_for('.index')}?{urlencode(given)}" if given else url_for(".index")


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19


def _states() -> list[tuple[str, str]]:
    """Return the states to filter by, in the order of the newest workflow."""
    found = {name: state.title[language()] for flow in workflows().values() for name, state in flow.states.items()}
    newest = site().library.newest_workflow().states
    return sorted(found.items(), key=lambda entry: list(newest).index(entry[0]) if entry[0] in newest else len(newest))


def _titles() -> dict[tuple[str, str], tuple[str, str]]:
    """Return title and tone of each state by workflow and name; drafts name no workflow yet."""
    newest = site().library.newest_workflow()
    return {
        (key, name): (state.title[language()], standings.state_tone(state))
        for key, flow in {"": newest, **workflows()}.items()
        for name, state in flow.states.items()
    }


@dataclass(frozen=True, slots=True)
class Seen:
    """What of a proposal a person sees: the draft where it is theirs, else the version submitted last."""

    content: Content
    contributions: tuple[Contribution, ...]
    version: Version | None
    is_draft: bool


def seen_of(case: Case, book: Rulebook, person: Person, now: datetime) -> Seen:
    """Return what a person sees of a proposal that is theirs to read in full."""
    version = case.version
    edited = version is None or (case.edited_at is not None and case.edited_at > version.at)
    state = book.workflow.states[case.state]
    if version is None or (access.sees_draft(case, person) and edited and state.editable_by is not None):
        given = tracks.contributions(case.content, book.rates, geneva_date(now))
        return Seen(case.content, given, version, True)
    return Seen(version.content, version.contributions, version, False)


@bp.get("/proposals/<number>")
@signed_in
def show(number: str) -> str:
    """Show a proposal; to designers who look for overlap no more than that takes."""
    with read() as db:
        case = load_case(db, number)
        if access.level(case, actor()) == "overlap":
            return page("proposals/overlap.html", **_overlap(case))
        case, book = steps.load(db, site().library, number, actor())
        records, _ = queries.list_records(db, actor(), number)
    return page("proposals/show.html", records=records, **_shown(case, book))


def _overlap(case: Case) -> dict[str, Any]:
    flow = site().library.workflow(case.workflow)
    content = case.version.content if case.version else case.content
    given = case.version.contributions if case.version else tracks.contributions(content, (), geneva_date(case.created_at))
    return {
        "case": case,
        "state": flow.states[case.state],
        "title": forms.value(content, "identification.title"),
        "countries": forms.value(content, "identification.countries") or (),
        "donors": "; ".join(dict.fromkeys(entry.donor for entry in given)),
        "tone": standings.state_tone(flow.states[case.state]),
    }


def _shown(case: Case, book: Rulebook) -> dict[str, Any]:
    now, person = site().now(), actor()
    state = book.workflow.states[case.state]
    seen = seen_of(case, book, person, now)
    author = person.id in case.related("author")
    return {
        "case": case,
        "book": book,
        "state": state,
        "tone": standings.state_tone(state),
        "title": forms.value(seen.content, "identification.title"),
        "seen": seen,
        "facts": _facts(seen.content),
        "contributions": contents.contribution_rows(seen.contributions),
        "total": tracks.total_usd(seen.contributions),
        "stages": standings.stages(case, book.workflow),
        "holder": standings.holder(case, state),
        "clock": standings.clock(case, book, now),
        "lapses_on": calendars.lapses_on(case, state.lapses_after) if state.lapses_after else None,
        "track": book.workflow.tracks[case.track].title if case.track else None,
        "route": routes.route(case, book),
        "offers": standings.offers(case, book, person, now),
        "is_author": author,
        "may_write": author and access.may_edit(case, person, state.editable_by == "author"),
        "sees_ratings": access.sees_running_ratings(case, person),
        "documents": case.documents if seen.is_draft else seen.version.documents if seen.version else (),
        "kinds": contents.document_titles(),
        "decisions": _decisions(case),
        "changes": _rounds(case),
        "today": geneva_date(now),
        "record_titles": {kind: say(title) for kind, title in standings.RECORD_TITLES.items()},
        **_appraised(case, book),
    }


def _facts(content: Content) -> list[dict[str, str]]:
    """Return what sums a proposal up, as rows of a summary."""
    keys = ("kind", "predecessor", "parent", "countries", "region", "theme", "unit", "duty_station", "contact", "symbol")
    rows = [
        {"key": say(field.label), "value": contents.value(content, f"identification.{field.key}")}
        for key in keys
        for field in forms.section("identification").fields
        if field.key == key
    ]
    period = [contents.value(content, f"identification.{key}") for key in ("start", "end")]
    rows.append({"key": say(N_("Period")), "value": " – ".join(day for day in period if day)})
    return [row for row in rows if row["value"]]


def _appraised(case: Case, book: Rulebook) -> dict[str, Any]:
    """Return what the last finalised appraisal found."""
    appraisal = standings.last_appraisal(case)
    running = case.appraisal
    found: dict[str, Any] = {"appraisal": appraisal, "running": running, "verdicts": [], "recommendation": None}
    latest = running or appraisal
    found["consultations"] = latest.consultations if latest else ()
    if appraisal is not None:
        found["verdicts"] = _verdicts(case, book, appraisal)
        found["recommendation"] = book.set.recommendation(appraisal.final) if appraisal.final else None
        found["appraised_version"] = next(entry for entry in case.versions if entry.id == appraisal.version_id)
    return found


def _verdicts(case: Case, book: Rulebook, appraisal: Appraisal) -> list[dict[str, str]]:
    return [
        {
            "code": criterion.checklist.code,
            "title": criterion.checklist.title[language()],
            "verdict_title": verdict.title[language()],
            "tone": verdict.tone,
            "href": url_for("appraisals.checklist", number=case.number, code=criterion.checklist.code),
        }
        for criterion in book.criteria
        if criterion.checklist.code in appraisal.verdicts
        for verdict in [book.set.verdict(appraisal.verdicts[criterion.checklist.code])]
    ]


def _decisions(case: Case) -> list[dict[str, Any]]:
    versions = {version.id: version for version in case.versions}
    return [
        {
            "title": standings.decision_title(entry),
            "decision": entry,
            "name": case.name(entry.by),
            "version": versions.get(entry.version_id) if entry.version_id else None,
        }
        for entry in case.decisions
    ]


def _rounds(case: Case) -> Mapping[int, list[Any]]:
    """Return the required changes by round, the newest first."""
    rounds = sorted({change.round for change in case.changes}, reverse=True)
    return {number: [change for change in case.changes if change.round == number] for number in rounds}


@bp.get("/proposals/<number>/versions/<int:version>")
@signed_in
def version(number: str, version: int) -> str:
    """Show what was submitted, frozen, section by section."""
    with read() as db:
        case, book = steps.load(db, site().library, number, actor())
    found = next((entry for entry in case.versions if entry.number == version), None)
    if found is None:
        raise NotFound("version", f"{number}, {version}")
    approval = case.approval
    return page(
        "proposals/version.html",
        case=case,
        version=found,
        title=forms.value(found.content, "identification.title"),
        parts=contents.parts(found.content),
        contributions_rows=contents.contribution_rows(found.contributions),
        track=book.workflow.tracks[found.track].title,
        kinds=contents.document_titles(),
        is_approved=approval is not None and approval.version_id == found.id,
    )


@bp.get("/proposals/<number>/history")
@signed_in
def history(number: str) -> str:
    """Show everything that happened, and whether its chain of digests holds."""
    with read() as db:
        case, book = steps.load(db, site().library, number, actor())
        happened = queries.history_of(db, case.id)
        chain = queries.chain_of(db, case.id)
    states = book.workflow.states
    entries = [
        {
            "event": entry,
            "title": standings.event_title(entry.name, book.workflow),
            "to": states[entry.to_state].title if entry.to_state != entry.from_state and entry.to_state in states else None,
        }
        for entry in happened
    ]
    content = seen_of(case, book, actor(), site().now()).content
    return page(
        "proposals/history.html",
        case=case,
        title=forms.value(content, "identification.title"),
        entries=entries,
        fault=events.broken(chain, case.head),
    )


def first_fields() -> Section:
    """Return the fields that a new proposal begins with."""
    whole = forms.section("identification")
    keys = ("title", "kind", "predecessor", "parent", "countries", "region", "unit")
    return Section(whole.key, whole.title, tuple(field for field in whole.fields if field.key in keys))


@bp.route("/proposals/new", methods=["GET", "POST"])
@with_role("designer")
def new() -> str | Response | tuple[str, int]:
    """Start a proposal, of which the person becomes the first author."""
    fields = first_fields()
    if request.method == "GET":
        begun = {key: request.args[key] for key in ("kind", "predecessor", "parent") if key in request.args}
        form = sections.draw(fields, {fields.key: {"unit": actor().unit, **begun}}, language())
        return page("proposals/new.html", form=form)
    form, _ = sections.read(fields, {}, language())
    kept = rules.tidy(fields, sections.typed(form, fields))
    wrong = rules.complaints(fields, kept)
    sections.complain(form, fields, wrong, language())
    if not kept.get("title"):
        form["title"].errors = [say(N_("Give the proposal a title"))]
    if form.errors:
        return page("proposals/new.html", form=form), 422
    with begin() as db:
        case = _create(db, {fields.key: kept})
    flash(say(N_("%(number)s is begun. Nobody but its authors sees it before it is submitted."), number=case.number), "success")
    return redirect(url_for("drafts.overview", number=case.number), 303)


def _create(db: Connection, content: Content) -> Case:
    return proposals.create_proposal(db, site().library, actor(), site().now(), content, request=request_key())
