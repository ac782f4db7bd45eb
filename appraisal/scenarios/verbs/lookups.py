"""These verbs find what is like a proposal, what changed in it, and who was told what."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from appraisal.appraisals.rules import self_checks
from appraisal.appraisals.store import self_checks as stored
from appraisal.definitions.checklists import LOOKED_UP
from appraisal.lessons.services import similar
from appraisal.notices import store as notices_store
from appraisal.people.facts import Person
from appraisal.proposals.facts import Case
from appraisal.proposals.rules import differences, form
from appraisal.proposals.rules.rulebook import Rulebook
from appraisal.scenarios.play import Play


def describe_found(
    db: Connection, playing: Play, case: Case, book: Rulebook, reader: Person
) -> dict[str, Any]:
    """Return what can be said of a proposal beside itself; ``reader`` is who looks for similar ones."""
    handles = {number: handle for handle, number in playing.numbers.items()}
    found = similar.find_proposals(db, playing.library, case, reader, case.content)
    lessons = similar.find_lessons(db, case.content)
    return {
        "similar": [handles.get(entry.number, entry.number) for entry in found],
        "lessons": [match.key.code for match in lessons],
        "overlap": form.value(case.content, LOOKED_UP["overlap"]),
        "cited": list(_cited(case)),
        "changed": _changed(case),
        **_checked(db, case, book),
        "told": told(db, case, playing.people, playing.now),
    }


def _cited(case: Case) -> Iterator[str]:
    """Yield the codes of the lessons that the form cites, which stand before their sources."""
    for row in form.rows(case.content, LOOKED_UP["lessons"]):
        yield str(row.get("reference", "")).partition(", ")[0]


def _changed(case: Case) -> list[str]:
    """Return the fields that differ between the last version and the one before it."""
    if len(case.versions) < 2:
        return []
    return sorted(differences.changed_paths(case.versions[-2], case.versions[-1]))


def _checked(db: Connection, case: Case, book: Rulebook) -> dict[str, Any]:
    """Return how the authors rated the version in hand, and where the appraiser differed on the last."""
    own = stored.load_ratings(db, case.id, _in_hand(case, book))
    differing: list[str] = []
    for version, appraisal in self_checks.comparable(case)[:1]:
        before = stored.load_ratings(db, case.id, version.number)
        criteria = book.criteria_for(version.threshold_usd)
        compared = self_checks.compare(book.set, criteria, before, appraisal.ratings)
        differing = [entry.item.id for entry in compared if entry.differs]
    return {
        "self_check": {item: own[item].value for item in sorted(own) if own[item].value},
        "self_differs": differing,
    }


def _in_hand(case: Case, book: Rulebook) -> int:
    if case.version is None or book.workflow.states[case.state].editable_by == "author":
        return self_checks.version_written(case)
    return case.version.number


def told(db: Connection, case: Case, people: Mapping[str, Person], at: datetime) -> dict[str, list[str]]:
    """Return what each person was told of a proposal at a moment, that of the step taken last."""
    keys = {person.id: key for key, person in people.items()}
    found: dict[str, list[str]] = {}
    for person, what in notices_store.list_told(db, case.id, at):
        found.setdefault(keys.get(person, str(person)), []).append(what)
    return found
