"""Proposals are given out here in the terms of IATI, and drafts begun from a file of activities."""

import zlib
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from itertools import chain
from pathlib import PurePath
from typing import Any, Final

from flask import Blueprint, Response, flash, redirect, request, url_for
from sqlalchemy import Connection
from werkzeug.wrappers import Response as AnyResponse
from wtforms import FileField

from appraisal.clock import geneva_date
from appraisal.errors import NotFound
from appraisal.iati import services as iati_services
from appraisal.iati.rules.activities import Activity
from appraisal.iati.rules.drafts import Intake, Remark, Wrong
from appraisal.iati.services import BadActivities, Report
from appraisal.iati.xml import writing
from appraisal.language.texts import N_, translate_plural
from appraisal.proposals.pages.documents import sent_file
from appraisal.proposals.rules import form as proposals_form
from appraisal.vocabulary.biennium import biennium_of, first_year
from appraisal.web import downloads, formats
from appraisal.web.context import actor, begin, language, page, read, request_key, say, site, with_role
from appraisal.web.formats import years
from appraisal.web.forms import TranslatedForm

bp = Blueprint("activities", __name__, url_prefix="/iati")

Answer = str | AnyResponse | tuple[str, int]
# A file on its way to being confirmed is carried by the form itself, so that none is kept for nobody.
MOST_CARRIED: Final = 4 * 1024 * 1024
_MOST_BYTES: Final = 20 * 1024 * 1024
_MOST_LISTED: Final = 200


@bp.get("")
@with_role("coordinator", "manager", "auditor")
def show() -> str:
    """Say what a download of a biennium would hold, what is left out of it, and why."""
    biennium = _biennium() or biennium_of(geneva_date(site().now()))
    report = Report()
    with read() as db:
        for _ in _exported(db, report, biennium, illustrative=False):
            pass
    return page(
        "iati/activity.html",
        biennium=biennium,
        biennia=_around(biennium),
        years=years,
        report=report,
        left_out=report.left_out[:_MOST_LISTED],
        remarks=report.remarks[:_MOST_LISTED],
        publisher=site().settings.publisher,
    )


def _biennium() -> str:
    given = request.args.get("biennium", "")
    try:
        return given if given and first_year(given) else ""
    except ValueError:
        raise NotFound("biennium", given) from None


def _around(biennium: str) -> list[str]:
    """Return the biennium chosen, its neighbours and that of today."""
    year, today = first_year(biennium), biennium_of(geneva_date(site().now()))
    found = {_named(entry) for entry in (year - 2, year, year + 2) if 1000 <= entry <= 9998} | {today}
    return sorted(found)


def _named(year: int) -> str:
    return f"{year}-{(year + 1) % 100:02d}"


def _exported(db: Connection, report: Report, biennium: str, *, illustrative: bool) -> Iterator[Activity]:
    settings, library = site().settings, site().library
    return iati_services.exported(
        db,
        library,
        settings.publisher,
        settings.language,
        report,
        biennium=biennium,
        illustrative=illustrative,
    )


@bp.get("/activities.xml")
@with_role("coordinator", "manager", "auditor")
def download() -> AnyResponse:
    """Hand out the activities, of a biennium where one is named, as they are read; who took them is noted.

    Demonstration data is among them, and marked, where ``illustrative=1`` asks for it.
    """
    biennium, illustrative = _biennium(), request.args.get("illustrative") == "1"
    now, publisher, report = site().now(), site().settings.publisher, Report()
    with ExitStack() as view:
        db = view.enter_context(read())
        found = _exported(db, report, biennium, illustrative=illustrative)
        first = next(found, None)
        if first is None:
            flash(say(N_("There is no activity to give out.")), "error")
            return redirect(url_for(".show", biennium=biennium or None))
        response = Response(writing.pieces(chain([first], found), publisher, now), mimetype="application/xml")
        # What is read is read while it is sent: the view is open for as long.
        response.call_on_close(view.pop_all().close)
    name = f"activities-{biennium}.xml" if biennium else "activities.xml"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return downloads.note(response, "iati", biennium)


class ImportForm(TranslatedForm):
    """The file to begin proposals from."""

    file = FileField(
        N_("File of activities"),
        description=N_("XML of the IATI standard, version 2.03, 20 MB at most"),
        render_kw={"kind": "file", "accept": ".xml,application/xml,text/xml"},
    )


@dataclass(frozen=True, slots=True)
class Drafted:
    """A draft to be made, as the page shows it; ``lost`` says what of the activity is not in it."""

    identifier: str
    title: str
    symbol: str
    countries: list[str]
    start: date | None
    end: date | None
    contributions: list[str]
    illustrative: bool
    lost: list[str]


@bp.route("/import", methods=["GET", "POST"])
@with_role("designer")
def import_file() -> Answer:
    """Begin proposals from a file, all or none; first say what would be made and what is lost."""
    form = ImportForm(request.form)
    if request.method == "GET":
        return page("iati/import.html", form=form, faults=[])
    confirmed = "carried" in request.form
    name, data = _carried() if confirmed else sent_file()
    name = PurePath(name).name[:200]
    if not data:
        form.complain("file", N_("Choose a file that has something in it"))
        return page("iati/import.html", form=form, faults=[]), 422
    try:
        return _make(name, data) if confirmed else _preview(form, name, data)
    except BadActivities as error:
        faults = [_fault(entry) for entry in error.wrong]
        return page("iati/import.html", form=form, faults=faults), 422


def _carried() -> tuple[str, bytes]:
    """Return name and bytes of the file that the form carries; no bytes where it was tampered with."""
    try:
        packed = b64decode(request.form["carried"], validate=True)
        unpacking = zlib.decompressobj()
        data = unpacking.decompress(packed, _MOST_BYTES)
        return request.form.get("name", ""), data if unpacking.eof else b""
    except (Error, ValueError, zlib.error):
        return "", b""


def _preview(form: ImportForm, name: str, data: bytes) -> Answer:
    with read() as db:
        seen = iati_services.preview(db, actor(), BytesIO(data), name, site().settings.publisher, language())
    packed = b64encode(zlib.compress(data, 9)).decode()
    if len(packed) > MOST_CARRIED or len(data) > _MOST_BYTES:
        form.complain(
            "file",
            N_("The file is too large to be carried to the next page: divide it, or use the command line"),
        )
        return page("iati/import.html", form=form, faults=[]), 422
    return page(
        "iati/preview.html",
        name=name,
        carried=packed,
        drafts=[_drafted(entry) for entry in seen.intakes],
        ignored=[_lost(entry) for entry in seen.remarks],
    )


def _make(name: str, data: bytes) -> Answer:
    with begin() as db:
        done = iati_services.import_activities(
            db,
            site().library,
            actor(),
            site().now(),
            BytesIO(data),
            name,
            site().settings.publisher,
            language(),
            request=request_key(),
        )
    count = len(done.numbers)
    if done.preview is not None:
        said = translate_plural(
            language(), "%(num)s proposal is begun.", "%(num)s proposals are begun.", count
        )
        flash(said % {"num": count}, "success")
    return redirect(url_for("proposals.index", state=site().library.newest_workflow().initial), 303)


def _drafted(entry: Intake) -> Drafted:
    def get(key: str) -> Any:
        return proposals_form.value(entry.content, f"identification.{key}")

    return Drafted(
        identifier=entry.identifier,
        title=get("title"),
        symbol=entry.symbol,
        countries=list(get("countries")),
        start=_day(get("start")),
        end=_day(get("end")),
        contributions=[
            f"{row['donor']}: {row['currency']} {formats.money(row['amount'])}"
            for row in proposals_form.rows(entry.content, "identification.contributions")
        ],
        illustrative=entry.illustrative,
        lost=[_lost(remark) for remark in entry.remarks],
    )


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def _lost(remark: Remark) -> str:
    why = say(remark.sentence, **remark.facts)
    if remark.count == 1:
        return say(N_("%(element)s (line %(line)s): %(why)s"), element=remark.path, line=remark.line, why=why)
    sentence = N_("%(element)s (%(count)s times, first in line %(line)s): %(why)s")
    return say(sentence, element=remark.path, count=remark.count, line=remark.line, why=why)


def _fault(entry: Wrong) -> str:
    facts = {key: say(value) if key == "field" else value for key, value in entry.facts.items()}
    place = ", ".join(filter(None, (entry.activity, entry.path)))
    said = say(entry.sentence, **facts)
    fault = say(N_("%(name)s: %(said)s"), name=place, said=said) if place else said
    return say(N_("Line %(line)s: %(fault)s"), line=entry.line, fault=fault)
