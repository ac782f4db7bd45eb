"""Readers see what changed from one version of a proposal to another, and which items cite it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from flask import Blueprint, request, url_for

from appraisal.appraisals.rules import carried_over
from appraisal.definitions.checklists import Item
from appraisal.definitions.sets import Rating
from appraisal.errors import NotFound
from appraisal.language.texts import N_
from appraisal.proposals.facts import Appraisal, Case, RatingGiven, Version
from appraisal.proposals.pages import answers
from appraisal.proposals.rules import access, differences, form
from appraisal.proposals.rules.differences import Difference, FieldDifference
from appraisal.proposals.rules.field_differences import RowDifference
from appraisal.proposals.rules.form import Field
from appraisal.proposals.rules.rounds import changes_answered
from appraisal.proposals.rules.rulebook import Rulebook
from appraisal.proposals.rules.text_differences import Run
from appraisal.proposals.services.opening import view
from appraisal.web.context import actor, page, read, say, signed_in, site

bp = Blueprint("differences", __name__)


@dataclass(frozen=True, slots=True)
class ShownRow:
    """A row that differs: what it is called, what became of it in words, and its cells by their labels."""

    name: str
    status: str
    tone: str
    cells: tuple[tuple[str, tuple[Run, ...]], ...]


@dataclass(frozen=True, slots=True)
class Table:
    """The rows that differ under the columns that hold something; long rows are drawn as cards."""

    columns: tuple[str, ...]
    rows: tuple[ShownRow, ...]
    has_cards: bool
    same: int


@dataclass(frozen=True, slots=True)
class Shown:
    """A field that differs: ``runs`` of a text, ``members`` of a set, or a ``table``."""

    path: str
    label: str
    runs: tuple[Run, ...] = ()
    members: tuple[Run, ...] = ()
    table: Table | None = None


@dataclass(frozen=True, slots=True)
class Touched:
    """An item that cites what changed, and the rating that it has in the appraisal of the later version."""

    item: Item
    href: str
    cited: tuple[tuple[str, str], ...]
    given: RatingGiven | None
    rating: Rating | None


@bp.get("/proposals/<number>/versions/<int:version>/difference")
@signed_in
def show(number: str, version: int) -> str:
    """Show what changed against the version before, or against the earlier one that is asked for."""
    with read() as db:
        case, book = view(db, site().library, number, actor())
    before, after = _versions(case, version, request.args.get("against", ""))
    found = differences.difference(before, after)
    sees_ratings, touched = _touched(case, book, before, after)
    tracks = book.workflow.tracks
    return page(
        "proposals/differences.html",
        case=case,
        earlier=before,
        later=after,
        title=form.value(after.content, "identification.title"),
        difference=found,
        parts=_parts(found),
        kinds=answers.document_titles(),
        contributions=_table(differences.CONTRIBUTION, found.contributions),
        track=[tracks[key].title for key in (found.track.before, found.track.after)] if found.track else [],
        touched=touched,
        sees_ratings=sees_ratings,
        changes=changes_answered(case, before, after),
        others=[entry for entry in case.versions if entry.number < after.number and entry is not before],
    )


def _versions(case: Case, number: int, against: str) -> tuple[Version, Version]:
    """Return the version and the earlier one to compare it with; raises ``NotFound``."""
    by_number = {str(entry.number): entry for entry in case.versions}
    after, before = by_number.get(str(number)), by_number.get(against or str(number - 1))
    if after is None or before is None or before.number >= after.number:
        raise NotFound("version", f"{case.number}, {number}")
    return before, after


def _parts(found: Difference) -> list[tuple[str, str, list[Shown]]]:
    """Return the sections with something that differs: key, title and fields."""
    return [
        (section.key, say(section.title), [_shown(entry) for entry in entries])
        for section, entries in groupby(found.fields, key=lambda entry: entry.section)
    ]


def _shown(entry: FieldDifference) -> Shown:
    field, label = entry.field, say(entry.field.label)
    if field.kind == "rows":
        return Shown(entry.path, label, table=_table(field.columns, entry.rows))
    runs = _in_words(field, entry.runs)
    if field.kind in ("countries", "choices"):
        return Shown(entry.path, label, members=runs)
    return Shown(entry.path, label, runs)


def _in_words(field: Field, runs: Sequence[Run]) -> tuple[Run, ...]:
    """Write whole values as people read them; pieces of text stay as they are."""
    if field.kind in ("line", "prose"):
        return tuple(_visible(runs))
    return tuple(Run(run.mark, answers.shown(field, _value(field, run.text))) for run in runs)


def _value(field: Field, text: str) -> str | list[str]:
    return [text] if field.kind == "countries" else text


def _visible(runs: Sequence[Run]) -> Iterator[Run]:
    """Give space that alone came or went a sign: nobody sees it otherwise, and beside words need not."""
    for is_kept, beside in groupby(runs, key=lambda run: run.mark == "kept"):
        change = list(beside)
        if is_kept or not any(run.text.isspace() for run in change):
            yield from change
        elif all(run.text.isspace() for run in change):
            for run in change:
                yield Run(run.mark, "".join("¶\n" if sign == "\n" else "␣" for sign in run.text))
        else:
            yield from (run for run in change if not run.text.isspace())


def _table(columns: Sequence[Field], rows: Sequence[RowDifference]) -> Table:
    shown = [row for row in rows if row.is_touched]
    used = [column for column in columns if any(column.key in row.cells for row in shown)]
    return Table(
        tuple(say(column.label) for column in used),
        tuple(_row(used, row) for row in shown),
        answers.needs_cards(used),
        len(rows) - len(shown),
    )


def _row(columns: Sequence[Field], row: RowDifference) -> ShownRow:
    status, tone = _status(row)
    cells = tuple((say(column.label), _in_words(column, row.cells.get(column.key, ()))) for column in columns)
    return ShownRow(_place(row), status, tone, cells)


def _place(row: RowDifference) -> str:
    """Name a row by its place, and by the place that it had."""
    if row.after is None:
        return say(N_("Former row %(before)s"), before=(row.before or 0) + 1)
    if row.before is None or row.before == row.after:
        return say(N_("Row %(after)s"), after=row.after + 1)
    return say(N_("Row %(after)s, was %(before)s"), after=row.after + 1, before=row.before + 1)


def _status(row: RowDifference) -> tuple[str, str]:
    if row.status == "added":
        return say(N_("Added")), "good"
    if row.status == "removed":
        return say(N_("Removed")), "bad"
    if row.status == "changed":
        return say(N_("Changed and moved") if row.moved else N_("Changed")), "warn"
    return say(N_("Moved")), "info"


def _touched(case: Case, book: Rulebook, before: Version, after: Version) -> tuple[bool, list[Touched]]:
    """Return whether the reader sees ratings, and the items that cite what changed."""
    appraisal = next((entry for entry in reversed(case.appraisals) if entry.version_id == after.id), None)
    sees = appraisal is not None and (
        appraisal.finalised_at is not None or access.sees_running_ratings(case, actor())
    )
    criteria = book.criteria_for(after.threshold_usd)
    cited = carried_over.items_touched(criteria, differences.changed_paths(before, after))
    labels = _labels()
    return sees, [
        _item(
            case, book, item, [(path, labels[path]) for path in cited[item.id]], appraisal if sees else None
        )
        for criterion in criteria
        for item in criterion.checklist.items
        if item.id in cited
    ]


def _item(
    case: Case, book: Rulebook, item: Item, cited: Sequence[tuple[str, str]], appraisal: Appraisal | None
) -> Touched:
    """Put an item together; only the latest appraisal has pages to link to."""
    given = appraisal.ratings.get(item.id) if appraisal else None
    rating = book.set.rating(given.value) if given and given.value else None
    href = ""
    if appraisal is not None and appraisal.id == case.appraisals[-1].id:
        code = item.id.partition("-")[0]
        href = url_for("appraisals.checklist", number=case.number, code=code, _anchor=item.id)
    return Touched(item, href, tuple(cited), given, rating)


def _labels() -> Mapping[str, str]:
    """Return every field and kind of document by its path, in words."""
    fields = {path: say(field.label) for path, _, field in form.walk()}
    kinds = {f"{differences.DOCUMENTS}.{kind}": title for kind, title in answers.document_titles().items()}
    return {**fields, **kinds}
