"""These verbs rate a draft for its authors, and look up earlier work and lessons."""

import csv
from io import StringIO
from pathlib import Path
from tempfile import NamedTemporaryFile

from appraisal.appraisals.services import self_checks
from appraisal.appraisals.services.self_checks import SelfPut
from appraisal.clock import geneva_date
from appraisal.lessons.rules.lessons import COLUMNS
from appraisal.lessons.services import lessons, noted
from appraisal.lists.rules.kinds_of_list import BY_KEY
from appraisal.lists.services import imports
from appraisal.proposals.facts import Case
from appraisal.proposals.rules import track_and_money
from appraisal.proposals.store.case import load_case
from appraisal.scenarios.play import Doing
from appraisal.scenarios.verbs.reviews import item_values


def self_check(doing: Doing) -> Case:
    """Rate the draft for its authors alone: ``default`` for every item that would apply, then single ones."""
    found = self_checks.open_check(doing.db, doing.library, doing.actor, doing.number)
    values, comments = item_values(doing.given), doing.given.get("comments", {})
    given = track_and_money.contributions(found.case.content, found.book.rates, geneva_date(doing.now))
    for criterion in found.book.criteria_for(track_and_money.total_usd(given) + found.case.siblings_usd):
        items = [item.id for item in criterion.checklist.items]
        if "default" in doing.given:
            values = {item: doing.text("default") for item in items} | values
        # A note on an item that was rated before leaves its rating as it is.
        kept = {item: found.own[item].value for item in items if item in comments and item in found.own}
        puts = {
            item: SelfPut(value, str(comments.get(item, "")))
            for item, value in (kept | values).items()
            if item in items
        }
        if puts:
            code = criterion.checklist.code
            self_checks.save(doing.db, doing.library, doing.actor, doing.now, doing.number, code, puts)
    return load_case(doing.db, doing.number)


def note_overlap(doing: Doing) -> Case:
    """Note which similar proposals were checked: in the form as author, else in the rating that asks."""
    numbers = [doing.play.numbers.get(handle, handle) for handle in doing.given.get("similar", ())]
    note = noted.note_overlap if _writes(doing) else noted.note_overlap_in_rating
    return note(doing.db, doing.library, doing.actor, doing.now, doing.number, numbers)


def cite_lesson(doing: Doing) -> Case:
    """Cite a lesson: in the form as author, else in the rating that asks for it."""
    cite = noted.cite_lesson if _writes(doing) else noted.cite_lesson_in_rating
    return cite(doing.db, doing.library, doing.actor, doing.now, doing.number, doing.text("lesson"))


def _writes(doing: Doing) -> bool:
    """Tell whether the actor wrote the proposal; everybody else is tried as its lead."""
    return doing.actor.id in load_case(doing.db, doing.number).related("author")


def import_list(doing: Doing) -> None:
    """Import rows of a dataset as from a file; of a *whole* list, what is not in it is no more."""
    dataset = BY_KEY[doing.text("list")]
    columns = [column.key for column in dataset.columns]
    with NamedTemporaryFile("w+", encoding="utf-8", newline="", suffix=".csv") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(doing.given["rows"])
        file.flush()
        source = imports.source_of(Path(file.name), f"{dataset.key}.csv")
        places = {key: place for place, key in enumerate(columns)}
        with imports.checked(dataset, source, places, geneva_date(doing.now)) as found:
            imports.import_rows(
                doing.db, doing.actor, doing.now, found, whole=doing.text("whole") in ("true", "yes")
            )


def import_lessons(doing: Doing) -> None:
    """Import lessons as from a list; a column that is left out is empty."""
    text = StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, restval="")
    writer.writeheader()
    writer.writerows(doing.given["lessons"])
    lessons.import_lessons(doing.db, doing.actor, doing.now, text.getvalue().encode(), "lessons")
