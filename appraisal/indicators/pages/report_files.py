"""Reports of indicator 2.1 are downloaded as JSON, CSV and XLSX, each noted in the access log."""

import json
from collections.abc import Mapping
from tempfile import TemporaryFile
from typing import Any, Final

from flask import Blueprint, Response, flash, redirect, request, send_file, url_for
from werkzeug.wrappers import Response as Answer

from appraisal.canonical import canonical, plain
from appraisal.clock import geneva_date
from appraisal.database.as_of import Past
from appraisal.errors import NotFound
from appraisal.indicators.rules.appraised_share import SCOPES
from appraisal.indicators.services import appraised_share, report_files, report_pdfs
from appraisal.indicators.services.appraised_share import CODE
from appraisal.indicators.store import reports as stored
from appraisal.language.texts import N_
from appraisal.schemas import schema_text
from appraisal.vocabulary.biennium import biennium_of
from appraisal.web import downloads
from appraisal.web.context import begin, language, read, say, site, with_role

bp = Blueprint("feeds", __name__, url_prefix="/indicators")
_WORKBOOK: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@bp.get("/report.schema.json")
def schema() -> Response:
    """Hand out the JSON Schema of reports, which is the same everywhere, to anybody."""
    return Response(schema_text("indicator"), mimetype="application/schema+json")


@bp.get("/figure.schema.json")
def figure_schema() -> Response:
    """Hand out the JSON Schema of the reports of the other indicators."""
    return Response(schema_text("figure"), mimetype="application/schema+json")


@bp.get("/<code>/report.<any(json, csv):ending>")
@with_role("coordinator", "manager", "auditor")
def figure(code: str, ending: str) -> Answer:
    """Hand out the report of an indicator other than 2.1, as it stands or as it was known."""
    biennium = request.args.get("biennium") or biennium_of(geneva_date(site().now()))
    given = request.args.get("as_of") or ""
    past = _past(given)
    try:
        with read() as db:
            value = plain(appraised_share.value(db, site().library, code, biennium, past))
    except ValueError:
        raise NotFound("biennium", biennium) from None
    name = "-".join(filter(None, ["indicator", code, biennium, given[:10]]))
    return _file(value, name, ending, biennium)


@bp.get(f"/{CODE}/report.<any(json, csv, xlsx):ending>")
@with_role("coordinator", "manager", "auditor")
def present(ending: str) -> Answer:
    """Hand out the report of a biennium as it stands, or as it was known at the end of a day."""
    biennium = request.args.get("biennium") or biennium_of(geneva_date(site().now()))
    scope = request.args.get("scope") or None
    if scope is not None and scope not in SCOPES:
        raise NotFound("scope", scope)
    given = request.args.get("as_of") or ""
    past = _past(given)
    try:
        with read() as db:
            funds = SCOPES[scope] if scope else None
            value = plain(appraised_share.value(db, site().library, CODE, biennium, past, funds))
    except ValueError:
        raise NotFound("biennium", biennium) from None
    parts = ["indicator", CODE, biennium, scope or "", given[:10]]
    return _file(value, "-".join(filter(None, parts)), ending, biennium)


def _past(given: str) -> Past | None:
    if not given:
        return None
    # A plus sign of an offset that was not encoded arrives as a blank.
    text = given.replace(" ", "+")
    try:
        return appraised_share.read_past(text)
    except ValueError:
        raise NotFound("moment", given) from None


@bp.get(f"/{CODE}/reports/<digest>.<any(csv, xlsx):ending>")
@with_role("coordinator", "manager", "auditor")
def published(digest: str, ending: str) -> Answer:
    """Hand out a published report as a sheet or as a workbook."""
    with read() as db:
        found = appraised_share.find_published(db, digest)
    if found is None:
        raise NotFound("report", digest)
    value = json.loads(found)
    name = f"indicator-{value['indicator']}-{value['biennium']}-{digest[:12]}"
    return _file(value, name, ending, digest)


@bp.get(f"/{CODE}/reports/<digest>/<any(en, fr, es):language>.pdf")
@with_role("coordinator", "manager", "auditor")
def pdf(digest: str, language: str) -> Answer:
    """Return the PDF of a published report; raises ``NotFound`` while it is not made."""
    with read() as db:
        sha256 = stored.find_rendering(db, digest, language)
    if sha256 is None:
        raise NotFound("report", f"{digest} ({language})")
    name = f"indicator-{CODE}-{digest[:12]}-{language}.pdf"
    response = downloads.serve_stored(sha256, "application/pdf", name, inline=True)
    return downloads.note(response, "report", f"{name} {digest}")


@bp.post(f"/{CODE}/reports/<digest>/render")
@with_role("coordinator")
def render(digest: str) -> Answer:
    """Have a published report drawn in the languages in which it is not."""
    with begin() as db:
        found = appraised_share.find_published(db, digest)
        report_pdfs.ask_renderings(db, digest, site().now())
    biennium = json.loads(found or "{}")["biennium"]
    flash(say(N_("The PDF is being prepared.")), "info")
    return redirect(url_for("indicators.show", biennium=biennium) + "#published", 303)


def _file(value: Mapping[str, Any], name: str, ending: str, subject: str) -> Answer:
    """Return a report as a file of some kind; a sheet is written as it is sent."""
    filename = f"{name}.{ending}"
    if ending == "xlsx":
        response = _workbook(value, filename)
    else:
        body = canonical(value) if ending == "json" else report_files.write_csv(value)
        response = Response(body, mimetype="application/json" if ending == "json" else "text/csv")
        response.headers["Content-Disposition"] = f'attachment; filename="{filename}"'
    return downloads.note(response, "report", f"{filename} {subject}")


def _workbook(value: Mapping[str, Any], filename: str) -> Answer:
    # Closed, and with that gone, once the response is.
    file = TemporaryFile()  # noqa: SIM115
    report_files.write_workbook(file, value, site().library, language(), site().now())
    file.seek(0)
    response = send_file(file, mimetype=_WORKBOOK, as_attachment=True, download_name=filename)
    downloads.keep_nowhere(response)
    return response
