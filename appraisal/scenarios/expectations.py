"""Expectations of a scenario about reviews, ratings, consultations and days are checked here."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from appraisal.definitions.documents import Path_
from appraisal.proposals.rules import form
from appraisal.scenarios import givens
from appraisal.scenarios.plain_data import CONSULTATIONS, DECLARATIONS, NOT_COMPUTABLE, REVIEW

Complaint = tuple[Path_, str]
_NOTHING: Final = ("", "none", "null", "~")


@dataclass(frozen=True, slots=True)
class Known:
    """The names that a scenario may speak of; ``people`` None means any."""

    people: Collection[str] | None
    items: tuple[str, ...]
    units: Collection[str]
    states: Collection[str]


def complaints(known: Known, path: Path_, facts: Mapping[str, Any]) -> Iterator[Complaint]:
    """Yield what cannot be compared in what is expected of one proposal, each with its place."""
    for key, check in _CHECKS.items():
        if facts.get(key) is not None:
            yield from check(known, (*path, key), facts[key])


def _entries(given: Any, path: Path_) -> Iterator[Complaint]:
    if not isinstance(given, dict):
        yield path, f"‘{path[-1]}’ must hold named entries"


def _reviews(known: Known, path: Path_, given: Any) -> Iterator[Complaint]:
    yield from _entries(given, path)
    for key, facts in given.items() if isinstance(given, dict) else ():
        place = (*path, key)
        unit = key[1:-1] if key[:1] == "(" and key[-1:] == ")" else ""
        if known.people is not None and key not in known.people and unit not in known.units:
            yield place, f"‘{key}’ is not one of the people"
        if facts is None or str(facts) in _NOTHING:
            continue
        if not isinstance(facts, dict):
            yield place, f"‘{key}’ must hold named entries, or be none"
            continue
        yield from _review(known, place, facts)


def _review(known: Known, path: Path_, facts: Mapping[str, Any]) -> Iterator[Complaint]:
    for key, value in facts.items():
        place = (*path, key)
        if key not in REVIEW:
            yield place, f"the key ‘{key}’ is not known here"
        elif key == "declaration" and value not in DECLARATIONS.values():
            yield place, f"write {', '.join(DECLARATIONS.values())}, not ‘{value}’"
        elif key == "ratings":
            yield from _ratings(known, place, value)
        elif key == "unconfirmed":
            yield from _items(known, place, value)


def _items(known: Known, path: Path_, given: Any) -> Iterator[Complaint]:
    if not isinstance(given, list):
        yield path, f"‘{path[-1]}’ must be a list"
        return
    for index, item in enumerate(given):
        if item not in known.items:
            yield (*path, index), f"‘{item}’ is not an item of the checklists"


def _ratings(known: Known, path: Path_, given: Any) -> Iterator[Complaint]:
    yield from _named(path, given, known.items, "is not an item of the checklists")


def _agreement(known: Known, path: Path_, given: Any) -> Iterator[Complaint]:
    yield from _named(path, given, givens.codes_of(known.items), "is not a checklist")
    for key, value in given.items() if isinstance(given, dict) else ():
        text = str(value)
        digits = text.removeprefix("-").replace(".", "", 1)
        if text != NOT_COMPUTABLE and not (text[-4:-3] == "." and digits.isascii() and digits.isdigit()):
            yield (*path, key), f"write three decimals, like 0.512, or ‘{NOT_COMPUTABLE}’, not ‘{value}’"


def _consultations(known: Known, path: Path_, given: Any) -> Iterator[Complaint]:
    yield from _named(path, given, known.units, "is no unit that is consulted")
    for key, value in given.items() if isinstance(given, dict) else ():
        if value not in (*CONSULTATIONS, None, *_NOTHING):
            yield (*path, key), f"write one of {', '.join(CONSULTATIONS)}, not ‘{value}’"


def _told(known: Known, path: Path_, given: Any) -> Iterator[Complaint]:
    if known.people is not None:
        yield from _named(path, given, known.people, "is not one of the people")


def _paths(known: Known, path: Path_, given: Any) -> Iterator[Complaint]:
    if not isinstance(given, list):
        yield path, f"‘{path[-1]}’ must be a list"
        return
    for index, field in enumerate(given):
        if field not in form.paths():
            yield (*path, index), f"‘{field}’ is not a field of the form"


def _days(known: Known, path: Path_, given: Any) -> Iterator[Complaint]:
    yield from _named(path, given, known.states, "is not a state of the workflow")


def _named(path: Path_, given: Any, known: Collection[str], unknown: str) -> Iterator[Complaint]:
    yield from _entries(given, path)
    for key in given if isinstance(given, dict) else ():
        if key not in known:
            yield (*path, key), f"‘{key}’ {unknown}"


_CHECKS: Final[Mapping[str, Callable[[Known, Path_, Any], Iterator[Complaint]]]] = {
    "reviews": _reviews,
    "ratings": _ratings,
    "evidence": _ratings,
    "unexplained": _items,
    "unconfirmed": _items,
    "self_check": _ratings,
    "self_differs": _items,
    "changed": _paths,
    "told": _told,
    "agreement": _agreement,
    "consultations": _consultations,
    "days": _days,
}
