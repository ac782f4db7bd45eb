"""Lessons of evaluations are imported from a list, all or none."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from io import StringIO
from typing import Any, Final

from sqlalchemy import Connection

from appraisal.canonical import digest
from appraisal.errors import Fault, FaultyInput
from appraisal.language.texts import N_
from appraisal.lessons.rules import lessons
from appraisal.lessons.rules.lessons import COLUMNS, Lesson
from appraisal.lessons.store import lessons as stored
from appraisal.people.facts import SYSTEM_ACTOR, Person
from appraisal.trail.store import site
from appraisal.vocabulary.refusals import NotAllowed, refuse

MOST_AT_ONCE: Final = 5000
# How much is said of the name of a column that is not known.
_LONGEST: Final = 40


@dataclass(frozen=True, slots=True, order=True)
class Wrong:
    """Something wrong in a line of a list, as a sentence of the catalogue with its facts."""

    line: int
    sentence: str
    facts: Mapping[str, Any] = field(default_factory=dict, compare=False)


class BadLessons(FaultyInput):
    """A list of lessons cannot be imported; carries everything wrong in it, by line, nothing left out."""

    def __init__(self, name: str, wrong: Sequence[Wrong]) -> None:
        self.wrong = tuple(sorted(wrong))
        super().__init__([Fault(name, entry.line, entry.sentence % dict(entry.facts)) for entry in wrong])


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did: the lessons that are new, and how many stood here already, word for word."""

    lessons: tuple[Lesson, ...]
    skipped: int


def import_lessons(db: Connection, actor: Person, now: datetime, data: bytes, name: str) -> Imported:
    """Import every lesson of a CSV list, all or none; a coordinator's act and an event of the site.

    A lesson that stands here word for word is skipped; one that says something else under the same
    code is a fault, since forms and ratings may cite it. Raises ``NotAllowed``, or ``BadLessons``
    with every fault of every line.
    """
    if actor.id != SYSTEM_ACTOR.id and not (actor.has("coordinator") and actor.active):
        raise NotAllowed([refuse("role_missing", role="coordinator")])
    lines, wrong = read_lessons(data)
    site.lock(db)
    known = stored.find_lessons(db, {lesson.code for lesson in lines.values()})
    for line, lesson in lines.items():
        there = known.get(lesson.code)
        if there is not None and there != lesson:
            wrong.append(_says_something_else(line, there, lesson))
    if wrong:
        raise BadLessons(name, wrong)
    new = [lesson for lesson in lines.values() if lesson.code not in known]
    if new:
        stored.insert_lessons(db, new, now, actor.id)
        rows = [{key: getattr(lesson, key) for key in COLUMNS} for lesson in new]
        said = {"file": name, "codes": [lesson.code for lesson in new], "digest": digest(rows)}
        site.append(db, now, actor.id, "import_lessons", said)
    return Imported(tuple(new), len(lines) - len(new))


def _says_something_else(line: int, there: Lesson, lesson: Lesson) -> Wrong:
    columns = [key for key in COLUMNS if getattr(there, key) != getattr(lesson, key)]
    sentence = N_("%(code)s stands here already with something else in: %(columns)s")
    return Wrong(line, sentence, {"code": lesson.code, "columns": ", ".join(columns)})


def read_lessons(data: bytes) -> tuple[dict[int, Lesson], list[Wrong]]:
    """Read a CSV list with a heading line: the good lessons by line, and everything wrong in the others.

    Cells are text, whatever they look like: nothing in them is a formula or a number.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return {}, [Wrong(data.count(b"\n", 0, error.start) + 1, N_("the file is not UTF-8"))]
    found: dict[int, Lesson] = {}
    wrong: list[Wrong] = []
    lines: dict[str, int] = {}
    rows = _rows(text, wrong)
    heading = [cell.strip().lower() for cell in next(rows, (1, []))[1]]
    wrong += [] if wrong else _heading_faults(heading)
    if wrong:
        return {}, wrong
    for count, (line, cells) in enumerate(rows, 1):
        if count > MOST_AT_ONCE:
            # Said alone: nobody mends a list of that length line by line.
            return {}, [Wrong(1, N_("more than %(limit)s lessons in one file"), {"limit": MOST_AT_ONCE})]
        lesson, faults = _lesson(line, heading, cells)
        wrong += faults
        if lesson is None:
            continue
        first = lines.setdefault(lesson.code, line)
        if lesson.code and first != line:
            wrong.append(Wrong(line, N_("the same code as in line %(line)s"), {"line": first}))
        elif not faults:
            found[line] = lesson
    if not found and not wrong:
        wrong.append(Wrong(1, N_("there is no lesson in this file")))
    return found, wrong


def _rows(text: str, wrong: list[Wrong]) -> Iterator[tuple[int, list[str]]]:
    """Go through the rows that have anything in them, each with the line it begins in."""
    reader = csv.reader(StringIO(text, newline=""), strict=True)
    begun = 1
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                yield begun, row
            begun = reader.line_num + 1
    except csv.Error as error:
        wrong.append(Wrong(begun, N_("not CSV: %(reason)s"), {"reason": error}))


def _heading_faults(heading: Sequence[str]) -> Iterator[Wrong]:
    if not all(cell.isprintable() for cell in heading):
        yield Wrong(1, N_("the first line is not text, so this is no list of lessons"))
        return
    for sentence, names in (
        (N_("the first line lacks the columns: %(columns)s"), [key for key in COLUMNS if key not in heading]),
        (
            N_("the first line names unknown columns: %(columns)s"),
            [_shown(key) for key in heading if key not in COLUMNS],
        ),
        (
            N_("the first line names columns twice: %(columns)s"),
            [key for key in COLUMNS if heading.count(key) > 1],
        ),
    ):
        if names:
            yield Wrong(1, sentence, {"columns": ", ".join(names)})


def _shown(column: str) -> str:
    if len(column) > _LONGEST:
        return f"{column[: _LONGEST - 1]}…"
    return column or "–"


def _lesson(line: int, heading: Sequence[str], cells: Sequence[str]) -> tuple[Lesson | None, list[Wrong]]:
    if len(cells) != len(heading):
        sentence = N_("%(found)s cells instead of %(wanted)s")
        return None, [Wrong(line, sentence, {"found": len(cells), "wanted": len(heading)})]
    lesson, complaints = lessons.read(dict(zip(heading, cells, strict=True)))
    return lesson, [Wrong(line, entry.sentence, entry.facts) for entry in complaints]
