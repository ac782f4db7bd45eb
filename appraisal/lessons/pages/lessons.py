"""Everybody searches the lessons of evaluations here; coordinators import them."""

from collections.abc import Mapping
from pathlib import PurePath
from urllib.parse import urlencode

from flask import Blueprint, flash, redirect, request, url_for
from werkzeug.wrappers import Response
from wtforms import FileField

from appraisal.language.texts import N_, translate_plural
from appraisal.lessons.rules.lessons import COLUMNS
from appraisal.lessons.services import lessons
from appraisal.lessons.services.lessons import BadLessons
from appraisal.lessons.store import lessons as stored
from appraisal.lessons.store.lessons import Filters
from appraisal.proposals.pages.documents import sent_file
from appraisal.web import formats
from appraisal.web.context import actor, begin, language, number, page, read, say, site, with_role
from appraisal.web.forms import TranslatedForm

bp = Blueprint("lessons", __name__, url_prefix="/lessons")

Answer = str | Response | tuple[str, int]


class ImportForm(TranslatedForm):
    """The list to import."""

    file = FileField(
        N_("List of lessons"),
        description=N_("CSV in UTF-8, with commas between the cells"),
        render_kw={"kind": "file", "accept": ".csv,text/csv"},
    )


@bp.get("")
@with_role("designer", "coordinator", "appraiser", "manager", "auditor")
def index() -> str:
    """List the lessons, fifty a page, those imported last first."""
    given = {name: request.args.get(name, "").strip() for name in ("words", "country", "theme")}
    filters = Filters(given["words"], formats.country_code(given["country"]), given["theme"])
    after = request.args.get("after", "")
    with read() as db:
        listed, onward = stored.list_lessons(db, filters, number(after))
        themes = stored.list_themes(db)
    narrowed = {name: value for name, value in given.items() if value}
    return page(
        "lessons/index.html",
        listed=listed,
        themes=themes,
        given=given,
        narrowed=narrowed,
        first=_page_from(narrowed) if after else "",
        next=_page_from({**narrowed, "after": str(onward)}) if onward else "",
    )


def _page_from(given: Mapping[str, str]) -> str:
    return f"{url_for('.index')}?{urlencode(given)}" if given else url_for(".index")


@bp.route("/import", methods=["GET", "POST"])
@with_role("coordinator")
def import_list() -> Answer:
    """Import a list of lessons, all or none; every line that cannot be kept is named with the reason."""
    form = ImportForm(request.form)
    if request.method == "GET":
        return _draw(form)
    name, data = sent_file()
    if not data:
        form.complain("file", N_("Choose a file that has something in it"))
        return _draw(form), 422
    try:
        with begin() as db:
            done = lessons.import_lessons(db, actor(), site().now(), data, PurePath(name).name[:200])
    except BadLessons as error:
        faults = [
            say(N_("Line %(line)s: %(fault)s"), line=entry.line, fault=say(entry.sentence, **entry.facts))
            for entry in error.wrong
        ]
        return _draw(form, faults), 422
    flash(_said(len(done.lessons), done.skipped), "success")
    return redirect(url_for(".index"), 303)


def _said(new: int, skipped: int) -> str:
    count = translate_plural(language(), "%(num)s lesson is imported.", "%(num)s lessons are imported.", new)
    said = count % {"num": new}
    return f"{said} {say(N_('Here already: %(count)s.'), count=skipped)}" if skipped else said


def _draw(form: ImportForm, faults: list[str] | None = None) -> str:
    return page("lessons/import.html", form=form, faults=faults or [], columns=COLUMNS)
