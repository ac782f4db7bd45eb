"""Readers see the lists that indicators are computed from and their rows; coordinators import them."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import PurePath
from typing import Any, Final

from flask import Blueprint, flash, redirect, request, url_for
from werkzeug.wrappers import Response
from wtforms import Form, SelectField

from appraisal.clock import geneva_date
from appraisal.errors import NotFound
from appraisal.language.texts import N_, translate_plural
from appraisal.lists.rules.kinds_of_list import BY_KEY, DATASETS, Column, Dataset
from appraisal.lists.services import imports
from appraisal.lists.services.imports import BadList, Changes, Preview, Source, Wrong
from appraisal.lists.store import lists as stored
from appraisal.proposals.pages.documents import sent_file
from appraisal.web import downloads, formats
from appraisal.web.context import actor, begin, language, page, read, say, site, with_role
from appraisal.web.forms import choice

bp = Blueprint("datasets", __name__, url_prefix="/datasets")

Answer = str | Response | tuple[str, int]
ACCEPT: Final = ".csv,.txt,.tsv,.xlsx,text/csv"
# So many things that are wrong stand on a page; of the others, how many of each kind there are.
_MOST_SHOWN: Final = 200
_LONGEST_NAME: Final = 200


def _dataset(key: str) -> Dataset:
    if key not in BY_KEY:
        raise NotFound("dataset", key)
    return BY_KEY[key]


@bp.get("")
@with_role("coordinator", "manager", "auditor")
def index() -> str:
    """List the datasets, with how much is in them and when it came."""
    with read() as db:
        return page(
            "lists/index.html",
            datasets=DATASETS,
            counts=stored.count_rows(db),
            last=stored.last_imports(db),
        )


@bp.get("/<dataset>")
@with_role("coordinator", "manager", "auditor")
def show(dataset: str) -> str:
    """Show the rows of a dataset, fifty a page, and the imports that brought them."""
    known, after = _dataset(dataset), request.args.get("after", "")
    with read() as db:
        rows, onward = stored.list_rows(db, known.key, after)
        return page(
            "lists/list.html",
            dataset=known,
            rows=[[written(column, row.value.get(column.key)) for column in known.columns] for row in rows],
            count=stored.count_rows(db).get(known.key, 0),
            imports=stored.list_imports(db, known.key),
            first=url_for(".show", dataset=known.key) if after else "",
            next=url_for(".show", dataset=known.key, after=onward) if onward else "",
        )


def written(column: Column, value: Any) -> str:
    """Write a value of a row as the reader's language does; empty for none."""
    if value is None:
        return ""
    match column.kind:
        case "date":
            return formats.day(date.fromisoformat(value))
        case "money":
            return formats.money(value)
        case "flag":
            return say(N_("Yes")) if value else say(N_("No"))
        case "country" | "countries":
            return formats.countries(value)
        case "choice":
            return say(next(entry.label for entry in column.choices if entry.value == value))
        case _:
            return str(value)


@bp.get("/<dataset>/imports/<int:id>/file")
@with_role("coordinator", "manager", "auditor")
def file(dataset: str, id: int) -> Response:
    """Hand out the file of an import, to be saved."""
    known = _dataset(dataset)
    with read() as db:
        made = stored.find_import(db, known.key, id)
    if made is None:
        raise NotFound("import", str(id))
    response = downloads.serve_stored(made.sha256, "application/octet-stream", made.filename)
    return downloads.note(response, known.key, f"import {id} {made.filename}")


@bp.route("/<dataset>/import", methods=["GET", "POST"])
@with_role("coordinator")
def upload(dataset: str) -> Answer:
    """Take a file, which waits beside the store until its columns are mapped; nothing is imported yet."""
    known = _dataset(dataset)
    if request.method == "GET":
        return page("lists/upload.html", dataset=known, faults=[], accept=ACCEPT)
    name, data = sent_file()
    if not data:
        faults = [say(N_("Choose a file that has something in it"))]
        return page("lists/upload.html", dataset=known, faults=faults, accept=ACCEPT), 422
    sha256 = site().files.waiting.keep(data)
    name = _base(name)
    try:
        with read() as db:
            imports.preview(db, known, _source(sha256, name))
    except BadList as error:
        return page("lists/upload.html", dataset=known, faults=_said(error.wrong), accept=ACCEPT), 422
    return redirect(url_for(".columns", dataset=known.key, sha256=sha256, name=name), 303)


def _base(name: str) -> str:
    return PurePath(name.replace("\\", "/")).name[:_LONGEST_NAME] or "list"


def _source(sha256: str, name: str) -> Source:
    path = site().files.waiting.whole(sha256)
    return Source(path, name, sha256, path.stat().st_size)


@bp.route("/<dataset>/import/<sha256>", methods=["GET", "POST"])
@with_role("coordinator")
def columns(dataset: str, sha256: str) -> Answer:
    """Show the beginning of a file and which column is which; check all of it, and import it."""
    known = _dataset(dataset)
    source = _source(sha256, _base(request.values.get("name", "")))
    try:
        with read() as db:
            seen = imports.preview(db, known, source)
    except BadList as error:
        return page("lists/upload.html", dataset=known, faults=_said(error.wrong), accept=ACCEPT), 422
    if request.method == "GET":
        return _draw(known, source, seen, seen.mapping)
    places, whole = _places(known, seen), bool(request.form.get("whole"))
    try:
        with imports.checked(known, source, places, geneva_date(site().now())) as found:
            if not request.form.get("import"):
                with read() as db:
                    changes = imports.compare(db, found, whole=whole)
                return _draw(known, source, seen, places, whole=whole, found=(changes, found.as_text))
            site().files.keep(source.path.read_bytes())
            with begin() as db:
                changes = imports.import_rows(db, actor(), site().now(), found, whole=whole)
    except BadList as error:
        return _draw(known, source, seen, places, whole=whole, wrong=error), 422
    flash(_counted(changes), "success" if changes.any else "info")
    return redirect(url_for(".show", dataset=known.key), 303)


def _places(dataset: Dataset, seen: Preview) -> dict[str, int]:
    """Return which column of the file was chosen for each column; what is no place is none."""
    found = {}
    for column in dataset.columns:
        given = request.form.get(f"column-{column.key}", "")
        if given.isascii() and given.isdigit() and len(given) < 6 and int(given) < len(seen.heading):
            found[column.key] = int(given)
    return found


def _draw(
    dataset: Dataset,
    source: Source,
    seen: Preview,
    places: Mapping[str, int],
    *,
    whole: bool = False,
    found: tuple[Changes, int] | None = None,
    wrong: BadList | None = None,
) -> str:
    told, further = _shown(wrong) if wrong else ([], [])
    return page(
        "lists/columns.html",
        dataset=dataset,
        source=source,
        seen=seen,
        form=_form(dataset, seen, places),
        whole=whole,
        counted=_counted(found[0]) if found else "",
        as_text=found[1] if found else 0,
        faults=told,
        further=further,
        any=found[0].any if found else False,
    )


def _form(dataset: Dataset, seen: Preview, places: Mapping[str, int]) -> Form:
    """Make the form that says which column of the file each column is taken from."""
    titles = [
        name or say(N_("Column %(number)s"), number=place) for place, name in enumerate(seen.heading, 1)
    ]
    offered = [choice(str(place), title) for place, title in enumerate(titles)]
    fields = {
        f"column-{column.key}": SelectField(
            say(column.label),
            description=say(column.hint) if column.hint else "",
            choices=[choice("", say(N_("Choose") if column.needed else N_("Not in this file"))), *offered],
            validate_choice=False,
            default=str(places.get(column.key, "")),
        )
        for column in dataset.columns
    }
    made: Form = type("ColumnsForm", (Form,), fields)()
    return made


def _shown(error: BadList) -> tuple[list[str], list[str]]:
    """Return what is wrong line by line as far as it fits a page, and how much more there is of what."""
    rest = Counter({(more.column, more.sentence): more.count for more in error.further})
    rest.update((entry.column, entry.sentence) for entry in error.wrong[_MOST_SHOWN:])
    further = [
        say(
            N_("%(count)s more like this: %(what)s"),
            count=count,
            what=formats.headed(column, _bare(sentence)) if column else _bare(sentence),
        )
        for (column, sentence), count in sorted(rest.items())
    ]
    return _said(error.wrong[:_MOST_SHOWN]), further


class _Dots(dict[str, str]):
    """Facts that are left open."""

    def __missing__(self, name: str) -> str:
        return "…"


def _bare(sentence: str) -> str:
    return say(sentence) % _Dots()


def _said(wrong: Iterable[Wrong]) -> list[str]:
    return [
        say(
            N_("Line %(line)s: %(fault)s"),
            line=entry.line,
            fault=formats.headed(entry.column, entry.said(language()))
            if entry.column
            else entry.said(language()),
        )
        for entry in wrong
    ]


def _counted(changes: Changes) -> str:
    if not changes.any:
        return say(N_("Every row of the list stands here already: nothing changes."))
    rows = translate_plural(language(), "%(num)s row", "%(num)s rows", changes.rows) % {"num": changes.rows}
    return say(
        N_("%(rows)s: %(added)s new, %(changed)s changed, %(removed)s no more."),
        rows=rows,
        added=changes.added,
        changed=changes.changed,
        removed=changes.removed,
    )
