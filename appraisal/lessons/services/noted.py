"""Earlier work that was looked at is noted in the form, or in the rating that asks for it.

Authors note it in the form, in the field that ``definitions.checklists.LOOKED_UP`` names; the lead
in the evidence of the item that the checklists look it up for. Nothing that stands there is ever
overwritten: what is noted comes after it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from appraisal.appraisals.services import lead
from appraisal.appraisals.services.lead import RatingPut
from appraisal.clock import geneva_date
from appraisal.definitions.checklists import LOOKED_UP, Item, LooksUp
from appraisal.definitions.library import Library
from appraisal.errors import NotFound
from appraisal.language.texts import language_or
from appraisal.lessons.rules.lessons import Lesson
from appraisal.lessons.rules.similar import appended, item_for, overlap_note
from appraisal.lessons.services import similar
from appraisal.lessons.store import lessons as stored
from appraisal.people.facts import Person
from appraisal.proposals.facts import Appraisal, Case, RatingGiven, Version
from appraisal.proposals.rules import access, disclosure, form
from appraisal.proposals.rules.form import Content
from appraisal.proposals.rules.rulebook import Rulebook
from appraisal.proposals.services import drafts
from appraisal.proposals.services.opening import check_seen, load
from appraisal.vocabulary.limits import PROSE_LIMIT, ROWS_LIMIT
from appraisal.vocabulary.refusals import NotAllowed, Refusal, refuse

# How a lesson stands in a row of the field that lessons are cited in.
_REFERENCE: Final = "reference"
_LESSON: Final = "lesson"


def note_overlap(
    db: Connection,
    library: Library,
    actor: Person,
    now: datetime,
    number: str,
    chosen: Collection[str],
    *,
    seen: int | None = None,
) -> Case:
    """Add a dated sentence to the form about the similar proposals that its author has checked.

    None may be chosen where none was found; that is noted too. Raises ``NotAllowed``, for a number
    that is not among them as well, or ``StepConflict``.
    """
    case, book = load(db, library, number, actor, lock=True)
    check_seen(case, seen)
    drafts.check_editable(case, book, actor)
    note = _note(db, library, actor, now, case, case.content, chosen)
    section, _, key = LOOKED_UP["overlap"].partition(".")
    text = _with_room(str(form.value(case.content, LOOKED_UP["overlap"])), note)
    kept = {**case.content.get(section, {}), key: text}
    return drafts.save_section(db, library, actor, now, number, section, kept, seen=case.row_version)


def note_overlap_in_rating(
    db: Connection,
    library: Library,
    actor: Person,
    now: datetime,
    number: str,
    chosen: Collection[str],
    *,
    seen: int | None = None,
) -> Case:
    """Add the same sentence to the evidence of the item that asks for it, as the lead of the appraisal.

    ``seen`` is the row version of the appraisal.
    """
    noting = _rating(db, library, actor, now, number, "overlap")
    note = _note(db, library, actor, now, noting.case, noting.version.content, chosen)
    return _add_evidence(db, library, actor, now, noting, note, seen)


def cite_lesson(
    db: Connection,
    library: Library,
    actor: Person,
    now: datetime,
    number: str,
    code: str,
    *,
    seen: int | None = None,
) -> Case:
    """Add a lesson to those that the form says were used; what changed is for the author to say."""
    case, book = load(db, library, number, actor, lock=True)
    check_seen(case, seen)
    drafts.check_editable(case, book, actor)
    lesson = _lesson(db, code)
    path = LOOKED_UP["lessons"]
    rows = [dict(row) for row in form.rows(case.content, path)]
    if is_cited(case.content, lesson):
        raise NotAllowed([refuse("lesson_cited", lesson=code)])
    if len(rows) >= ROWS_LIMIT:
        raise NotAllowed([refuse("no_row_left", limit=ROWS_LIMIT)])
    rows.append({_REFERENCE: lesson.reference, _LESSON: lesson.text})
    section, _, key = path.partition(".")
    kept: dict[str, Any] = {**case.content.get(section, {}), key: rows}
    return drafts.save_section(db, library, actor, now, number, section, kept, seen=case.row_version)


def cite_lesson_in_rating(
    db: Connection,
    library: Library,
    actor: Person,
    now: datetime,
    number: str,
    code: str,
    *,
    seen: int | None = None,
) -> Case:
    """Add a lesson to the evidence of the item that asks for lessons, as the lead of the appraisal."""
    noting = _rating(db, library, actor, now, number, "lessons")
    lesson = _lesson(db, code)
    if is_evidence(noting.given, lesson):
        raise NotAllowed([refuse("lesson_cited", lesson=code)])
    return _add_evidence(db, library, actor, now, noting, lesson.reference, seen)


def is_cited(content: Content, lesson: Lesson) -> bool:
    """Tell whether a form cites a lesson."""
    rows = form.rows(content, LOOKED_UP["lessons"])
    return any(row.get(_REFERENCE) == lesson.reference for row in rows)


def is_evidence(given: RatingGiven, lesson: Lesson) -> bool:
    """Tell whether a rating cites a lesson."""
    return lesson.reference in given.evidence.splitlines()


def rating_refusals(case: Case, book: Rulebook, actor: Person, now: datetime, kind: LooksUp) -> list[Refusal]:
    """Return why nothing can be noted for the lead now.

    A rating that was carried over is confirmed where it can be read, not by a note.
    """
    if case.appraisal is None or not access.may_rate(case, actor, now):
        return lead.rate_refusals(case, actor, now)
    item = asking_item(case, book, kind)
    if item is None:
        return [refuse("nothing_asks")]
    given = case.appraisal.ratings.get(item.id)
    return [refuse("item_unconfirmed", item=item.id)] if given is not None and given.proposed else []


def asking_item(case: Case, book: Rulebook, kind: LooksUp) -> Item | None:
    """Return the item of the running appraisal that something is looked up for."""
    running = case.appraisal
    if running is None:
        return None
    version = _version(case, running)
    found = item_for(book.criteria_for(version.threshold_usd), kind)
    return found[1] if found else None


@dataclass(frozen=True, slots=True)
class _Noting:
    """A rating in whose evidence something is noted."""

    case: Case
    version: Version
    item: Item
    given: RatingGiven


def _rating(
    db: Connection, library: Library, actor: Person, now: datetime, number: str, kind: LooksUp
) -> _Noting:
    case, book = load(db, library, number, actor, lock=True)
    refusals = rating_refusals(case, book, actor, now, kind)
    if refusals:
        raise disclosure.not_allowed(case, actor, refusals)
    running, item = case.appraisal, asking_item(case, book, kind)
    assert running is not None
    assert item is not None
    given = running.ratings.get(item.id, RatingGiven(item.id, ""))
    return _Noting(case, _version(case, running), item, given)


def _version(case: Case, running: Appraisal) -> Version:
    return next(entry for entry in case.versions if entry.id == running.version_id)


def _add_evidence(
    db: Connection,
    library: Library,
    actor: Person,
    now: datetime,
    noting: _Noting,
    note: str,
    seen: int | None,
) -> Case:
    given = noting.given
    put = RatingPut(given.value, given.comment, _with_room(given.evidence, note))
    return lead.rate(db, library, actor, now, noting.case.number, {noting.item.id: put}, seen=seen)


def _note(
    db: Connection,
    library: Library,
    actor: Person,
    now: datetime,
    case: Case,
    content: Content,
    chosen: Collection[str],
) -> str:
    found = similar.find_proposals(db, library, case, actor, content)
    _check_chosen(chosen, [entry.number for entry in found])
    matches = [entry.match for entry in found if entry.number in chosen]
    return overlap_note(language_or(actor.language), geneva_date(now), matches)


def _check_chosen(chosen: Collection[str], found: Collection[str]) -> None:
    unknown = sorted(number for number in chosen if number not in found)
    if unknown:
        raise NotAllowed([refuse("not_similar", numbers=unknown)])
    if found and not chosen:
        raise NotAllowed([refuse("nothing_ticked")])


def _with_room(text: str, note: str) -> str:
    """Return a text with a note after it; raises ``NotAllowed`` rather than cut anything off."""
    longer = appended(text, note)
    if len(longer) > PROSE_LIMIT:
        raise NotAllowed([refuse("no_room", limit=PROSE_LIMIT)])
    return longer


def _lesson(db: Connection, code: str) -> Lesson:
    found = stored.find_lessons(db, [code]).get(code)
    if found is None:
        raise NotFound("lesson", code)
    return found
