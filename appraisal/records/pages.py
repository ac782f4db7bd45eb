"""Records are listed, opened and downloaded here, each download noted in the access log."""

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from flask import Blueprint, flash, make_response, redirect, request, url_for
from sqlalchemy import Connection
from werkzeug.wrappers import Response

from appraisal.clock import parse_stamp
from appraisal.errors import NotFound
from appraisal.language.texts import LANGUAGES, N_, language_or
from appraisal.proposals.facts import Case
from appraisal.proposals.pages.titles import DECISION_TITLES, RECORD_TITLES
from appraisal.proposals.rules import access
from appraisal.proposals.rules.rulebook import Rulebook
from appraisal.proposals.services.opening import view
from appraisal.records.services import records
from appraisal.records.store import records as stored
from appraisal.records.store import renderings
from appraisal.records.store.records import RecordFound
from appraisal.vocabulary.refusals import Undeclared
from appraisal.web import downloads, formats
from appraisal.web.context import actor, begin, language, number, page, read, say, signed_in, site, with_role

bp = Blueprint("records", __name__)

# The page asks again by itself only for so long: a worker that stands still needs a person.
PATIENCE: Final = timedelta(minutes=2)
LANGUAGE_TITLES: Final = {"en": "English", "fr": "Français", "es": "Español"}


@dataclass(frozen=True, slots=True)
class Opened:
    """A record that the reader may read, with the proposal and the number that its files carry."""

    found: RecordFound
    case: Case
    book: Rulebook
    ordinal: int

    @property
    def stem(self) -> str:
        """Return what the names of its files begin with, like ``TC-2010-0001-appraisal-1``."""
        return f"{self.found.number}-{self.found.kind}-{self.ordinal}"


def _open(db: Connection, digest: str) -> Opened:
    """Find a record; whoever may read its proposal in full may read it. Raises ``NotFound``."""
    found = stored.find_record(db, digest)
    if found is None:
        raise NotFound("record", digest)
    try:
        case, book = view(db, site().library, found.number, actor())
    except (NotFound, Undeclared):
        # To whoever has to declare first, a record says not even which proposal it is about.
        raise NotFound("record", digest) from None
    if access.is_blind(case, actor()):
        raise NotFound("record", digest)
    return Opened(found, case, book, renderings.ordinal_of(db, found.id))


@bp.get("/records")
@with_role("designer", "coordinator", "appraiser", "manager", "auditor")
def index() -> str:
    """List the records that somebody may read, fifty a page."""
    after = request.args.get("after", "")
    with read() as db:
        listed, onward = stored.list_records(db, actor(), after=number(after))
    return page(
        "records/index.html",
        listed=listed,
        titles={kind: say(title) for kind, title in RECORD_TITLES.items()},
        languages=LANGUAGE_TITLES,
        first=url_for(".index") if after else "",
        next=url_for(".index", after=onward) if onward else "",
    )


@bp.get("/records/<digest>")
@signed_in
def show(digest: str) -> Response:
    """Show what a record is, and where its files are."""
    with read() as db:
        opened = _open(db, digest)
        standings = renderings.standings_of(db, opened.found.id, records.RENDER)
    mine = standings.get(language())
    # One that is put off, or waits for the key, is not there in a moment.
    asks_again = mine is not None and mine.state == "waiting" and abs(site().now() - mine.since) < PATIENCE
    value = json.loads(opened.found.value)
    response = make_response(
        page(
            "records/record.html",
            opened=opened,
            case=opened.case,
            kind=say(RECORD_TITLES[opened.found.kind]),
            title=value["proposal"]["title"],
            rows=_rows(opened, value),
            files=[(code, LANGUAGE_TITLES[code], standings.get(code)) for code in LANGUAGES],
            validity=opened.found.validity,
            asks_again=asks_again,
        )
    )
    if asks_again:
        # A page without scripts asks again by this header.
        response.headers["Refresh"] = "5"
    return response


def _rows(opened: Opened, value: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the facts of a record that tell it from others."""
    version = value["proposal"]["version"]
    href = url_for("proposals.show", number=opened.found.number)
    found: list[dict[str, Any]] = [
        {"key": say(N_("Proposal")), "value": opened.found.number, "href": href, "action": say(N_("Read"))},
        {"key": say(N_("Version")), "value": version or say(N_("None: it was never submitted here"))},
        {"key": say(N_("Issued (Geneva)")), "value": parse_stamp(value["issued_at"])},
    ]
    if opened.found.kind == "decision":
        found += _decision_rows(value)
    elif "appraisal" in value:
        found += _appraisal_rows(value["appraisal"])
    return [*found, {"key": say(N_("Digest (SHA-256)")), "value": opened.found.digest, "code": True}]


def _appraisal_rows(appraisal: dict[str, Any]) -> list[dict[str, Any]]:
    titles = appraisal["recommendation_titles"]
    closed = [{"key": say(N_("Closed by")), "value": _signed(appraisal)}] if appraisal.get("for") else []
    return [
        {"key": say(N_("Lead appraiser")), "value": appraisal["lead"]["name"]},
        *closed,
        {"key": say(N_("Recommendation")), "value": titles[appraisal["final"]][language()]},
    ]


def _signed(given: dict[str, Any]) -> str:
    """Return who signed, and for whom; records of earlier versions of the product say nothing of that."""
    other = given.get("for")
    return formats.signed(given["by"]["name"], other["name"] if other else "")


def _decision_rows(value: dict[str, Any]) -> list[dict[str, Any]]:
    decision, relied_on = value["decision"], value["appraisal_record"]
    found: list[dict[str, Any]] = [
        {"key": say(N_("Decision")), "value": say(DECISION_TITLES[decision["kind"]])},
        {"key": say(N_("By")), "value": _signed(decision)},
    ]
    if relied_on:
        href = url_for("records.show", digest=relied_on)
        row = {"key": say(N_("Relies on the appraisal record")), "value": relied_on, "code": True}
        found.append(row | {"href": href, "action": say(N_("Read"))})
    for sheet in decision.get("annuls", ()):
        href = url_for("records.show", digest=sheet["digest"])
        row = {"key": say(N_("Annuls the decision sheet")), "value": sheet["digest"], "code": True}
        found.append(row | {"href": href, "action": say(N_("Read"))})
    return found


@bp.post("/records/<digest>/render")
@signed_in
def render(digest: str) -> Response:
    """Have the PDF prepared in a language."""
    wanted = language_or(request.form.get("language"), language())
    with begin() as db:
        records.ask_rendering(db, _open(db, digest).found.id, wanted, site().now())
    flash(say(N_("The PDF is being prepared.")), "info")
    return redirect(url_for("records.show", digest=digest), 303)


@bp.get("/records/<digest>/<any(en, fr, es):language>.pdf")
@signed_in
def pdf(digest: str, language: str) -> Response:
    """Return the PDF of a record in a language; raises ``NotFound`` while it is not made."""
    with read() as db:
        found = stored.find_file(db, actor(), digest, language)
    if found is None:
        raise NotFound("record", f"{digest} ({language})")
    name = f"{found.number}-{found.kind}-{found.ordinal}-{language}.pdf"
    response = downloads.serve_stored(found.sha256, "application/pdf", name, inline=True)
    return downloads.note(response, found.number, f"{name} {digest}")


@bp.get("/records/<digest>.json")
@signed_in
def value(digest: str) -> Response:
    """Return the value of a record: the very bytes that its digest is of."""
    with read() as db:
        opened = _open(db, digest)
    name = f"{opened.stem}.json"
    response = downloads.serve_bytes(opened.found.value.encode(), digest, "application/json", name)
    return downloads.note(response, opened.found.number, f"{name} {digest}")
