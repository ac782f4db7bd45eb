"""Lessons are listed, searched, found by what a proposal is about, and added here."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, Select, insert, or_, select

from appraisal.database import tables
from appraisal.database.types import LARGEST_ID
from appraisal.lessons.rules.lessons import COLUMNS, Lesson
from appraisal.lessons.rules.similar import Candidate, Profile, folded, profile_of_lesson
from appraisal.lessons.store.similar import names_country

LESSONS = tables.lessons
PAGE: Final = 50
# How many lessons are compared with one proposal, and how many words are looked for.
EXAMINED: Final = 500
_MOST_WORDS: Final = 8
_SEARCHED: Final = ("code", "text", "place", "theme", "outcome", "source")


@dataclass(frozen=True, slots=True)
class Filters:
    """What the list is narrowed to; empty strings narrow nothing."""

    words: str = ""
    country: str = ""
    theme: str = ""


def _lessons() -> Select[Any]:
    return select(*(LESSONS.c[name] for name in COLUMNS), LESSONS.c.id, LESSONS.c.imported_at)


def _lesson(row: Row[Any]) -> Lesson:
    return Lesson(*row[: len(COLUMNS)])


def list_lessons(
    db: Connection, filters: Filters | None = None, after: int | None = None, most: int = PAGE
) -> tuple[list[Lesson], int | None]:
    """List lessons, those imported last first, and where the next page begins."""
    statement = _lessons().where(*_narrowed(filters or Filters()))
    if after is not None:
        statement = statement.where(LESSONS.c.id < min(after, LARGEST_ID))
    rows = db.execute(statement.order_by(LESSONS.c.id.desc()).limit(most + 1)).all()
    return [_lesson(row) for row in rows[:most]], rows[most - 1].id if len(rows) > most else None


def _narrowed(given: Filters) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if given.country:
        found.append(names_country(LESSONS.c.countries, [given.country]))
    if given.theme:
        found.append(LESSONS.c.theme == given.theme)
    for word in given.words.split()[:_MOST_WORDS]:
        found.append(or_(*(LESSONS.c[name].icontains(word, autoescape=True) for name in _SEARCHED)))
    return found


def list_themes(db: Connection) -> list[str]:
    """List the themes of all lessons as they are written."""
    rows = db.execute(select(LESSONS.c.theme).where(LESSONS.c.theme != "").distinct())
    return sorted((theme for (theme,) in rows), key=lambda theme: (theme.casefold(), theme))


def candidates(db: Connection, mine: Profile, most: int = EXAMINED) -> list[Candidate[Lesson]]:
    """Return the lessons that share a country, the theme or the outcome with a profile.

    Databases fold letters beyond ASCII in different ways, so what is written the same but for
    its case is found here, and then asked for as it is written.
    """
    written = db.execute(select(LESSONS.c.theme, LESSONS.c.outcome).distinct()).all()
    themes = sorted({row.theme for row in written if mine.theme and folded(row.theme) == mine.theme})
    outcomes = sorted(
        {row.outcome for row in written if mine.outcome and folded(row.outcome) == mine.outcome}
    )
    near: list[ColumnElement[bool]] = [LESSONS.c.theme.in_(themes), LESSONS.c.outcome.in_(outcomes)]
    if mine.countries:
        near.append(names_country(LESSONS.c.countries, mine.countries))
    rows = db.execute(_lessons().where(or_(*near)).order_by(LESSONS.c.id.desc()).limit(most))
    return [
        Candidate(lesson, row.imported_at, profile_of_lesson(lesson))
        for row in rows
        for lesson in [_lesson(row)]
    ]


def find_lessons(db: Connection, codes: Collection[str]) -> Mapping[str, Lesson]:
    """Return the lessons that stand under codes, by code."""
    rows = db.execute(_lessons().where(LESSONS.c.code.in_(sorted(codes))))
    return {row.code: _lesson(row) for row in rows}


def insert_lessons(db: Connection, lessons: Iterable[Lesson], now: datetime, by: int) -> None:
    """Write lessons that are new, in their order."""
    values = [
        {**{name: getattr(lesson, name) for name in COLUMNS}, "imported_at": now, "imported_by": by}
        for lesson in lessons
    ]
    if values:
        db.execute(insert(LESSONS), values)
