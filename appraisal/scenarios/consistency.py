"""Parts of a scenario, read as plain data, are checked here against each other.

Whatever does not have the shape that it must have is passed over here: the models say so.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from appraisal.definitions.checklists import Checklist
from appraisal.definitions.documents import Document, Path_
from appraisal.definitions.library import Library
from appraisal.definitions.sets import ChecklistSet
from appraisal.definitions.workflows import SYSTEM, Workflow
from appraisal.errors import Fault
from appraisal.indicators.rules import appraised_share
from appraisal.indicators.services.appraised_share import read_past
from appraisal.scenarios import expectations, givens, scalars
from appraisal.scenarios.givens import Terms
from appraisal.scenarios.scalars import FIRST, MINUTE
from appraisal.vocabulary.biennium import first_year

Complaint = tuple[Path_, str]
# The key of a person begins an address.
_KEY: Final = re.compile(r"[^@\s]{1,200}")


@dataclass
class _Checking:
    """A scenario being checked; ``handles`` are the proposals of the steps so far."""

    document: Document
    library: Library
    terms: Mapping[str, Terms]
    people: frozenset[str] | None
    items: tuple[str, ...]
    units: frozenset[str]
    states: frozenset[str]
    handles: set[str] = field(default_factory=set)
    at: datetime | None = None


def faults(document: Document, library: Library, verbs: Mapping[str, Terms]) -> list[Fault]:
    """Return everything wrong between the parts of a scenario, each with its line."""
    data = document.data if isinstance(document.data, dict) else {}
    workflow = library.definitions.get(str(data.get("workflow")))
    found = list(_names(data, library))
    flow = workflow if isinstance(workflow, Workflow) else library.newest_workflow()
    people = _mapping(data.get("people"))
    checking = _Checking(
        document,
        library,
        {**{entry.name: givens.transition_terms(entry) for entry in flow.transitions}, **verbs},
        None if people is None else frozenset(map(str, people)),
        tuple(sorted(item.id for entry in _checklists(library) for item in entry.items)),
        frozenset(unit for entry in _checklists(library) for unit in entry.consult),
        frozenset(flow.states),
    )
    inside: list[Fault] = []
    for index, step in enumerate(_list(data.get("steps"))):
        if isinstance(step, dict):
            found += _step(checking, ("steps", index), step)
            inside += _with(checking, ("steps", index), step)
    found += _expected(checking, ("expect",), data.get("expect"), "is no proposal of this scenario")
    return [*inside, *(Fault(document.name, document.line(path), message) for path, message in found)]


def _checklists(library: Library) -> list[Checklist]:
    return [entry for entry in library.definitions.values() if isinstance(entry, Checklist)]


def _names(data: Mapping[str, Any], library: Library) -> Iterator[Complaint]:
    for key, model in (("workflow", Workflow), ("set", ChecklistSet)):
        given = data.get(key)
        if isinstance(given, str) and not isinstance(library.definitions.get(given), model):
            yield (key,), f"there is no {key} ‘{given}’"
    for key in _mapping(data.get("people")) or {}:
        if not _KEY.fullmatch(key):
            yield ("people", key), f"‘{key}’ cannot begin an address; write one short word"
        elif key == SYSTEM:
            yield ("people", key), f"‘{SYSTEM}’ stands for what time demands; call the person otherwise"
    for key, columns in (("rates", ("currency", "day")), ("holidays", ("station", "day"))):
        seen = set()
        for index, row in enumerate(_list(data.get(key))):
            named = tuple(str(row.get(column)) for column in columns) if isinstance(row, dict) else (index,)
            if named in seen:
                yield (key, index), f"{' '.join(map(str, named))} stands twice under ‘{key}’"
            seen.add(named)


def _step(checking: _Checking, path: Path_, step: Mapping[str, Any]) -> Iterator[Complaint]:
    by, do = step.get("by"), step.get("do")
    if isinstance(by, str) and by != SYSTEM and checking.people is not None and by not in checking.people:
        yield (*path, "by"), f"‘{by}’ is not one of the people"
    if isinstance(do, str) and do not in checking.terms:
        yield (*path, "do"), f"‘{do}’ is neither a use case nor a transition; see --verbs"
    yield from _clock(checking, path, step.get("at"))
    yield from _handles(checking, path, step)
    yield from _expected(checking, (*path, "then"), step.get("then"), "is no proposal yet")


def _clock(checking: _Checking, path: Path_, given: Any) -> Iterator[Complaint]:
    """Let the clock go on as the steps do; a moment that cannot be read leaves it where it stands."""
    if given is None:
        checking.at = FIRST if checking.at is None else checking.at + MINUTE
        return
    try:
        at = scalars.moment(given)
    except ValueError:
        return
    if checking.at is not None and at < checking.at:
        yield (*path, "at"), "the clock runs backwards"
    checking.at = at


def _handles(checking: _Checking, path: Path_, step: Mapping[str, Any]) -> Iterator[Complaint]:
    do, to, as_ = step.get("do"), step.get("to"), step.get("as")
    terms = checking.terms.get(str(do))
    kind = terms.kind if terms else None
    if isinstance(to, str) and to not in checking.handles:
        yield (*path, "to"), f"‘{to}’ is no proposal of an earlier step"
    if kind == "proposal" and to is None:
        yield path, f"‘{do}’ needs ‘to’: the proposal it is done to"
    elif kind == "begins" and to is None and as_ is None and not step.get("refused"):
        yield path, f"‘{do}’ needs ‘as’: a name for the proposal it begins"
    if isinstance(as_, str):
        if kind not in ("begins", None):
            yield (*path, "as"), f"‘{do}’ begins no proposal, so it needs no ‘as’"
        elif as_ in checking.handles:
            yield (*path, "as"), f"‘{as_}’ stands for another proposal already"
        checking.handles.add(as_)


def _with(checking: _Checking, path: Path_, step: Mapping[str, Any]) -> list[Fault]:
    terms, given = checking.terms.get(str(step.get("do"))), step.get("with", {})
    given = {} if given is None else given
    if terms is None or not isinstance(given, dict):
        return []
    return givens.faults(checking.document, (*path, "with"), given, terms, checking.people, checking.items)


def _expected(checking: _Checking, path: Path_, given: Any, unknown: str) -> Iterator[Complaint]:
    for key, facts in (_mapping(given) or {}).items():
        if key == "indicators":
            yield from _indicators(checking, (*path, key), facts)
            continue
        if key not in checking.handles:
            yield (*path, key), f"‘{key}’ {unknown}"
        if not isinstance(facts, dict):
            yield (*path, key), f"‘{key}’ must hold named entries"
            continue
        yield from expectations.complaints(_known(checking), (*path, key), facts)


def _known(checking: _Checking) -> expectations.Known:
    return expectations.Known(checking.people, checking.items, checking.units, checking.states)


def _indicators(checking: _Checking, path: Path_, given: Any) -> Iterator[Complaint]:
    if given is not None and not isinstance(given, list):
        yield path, "‘indicators’ must be a list"
    known = {entry.code for entry in checking.library.indicators().indicators}
    for index, entry in enumerate(_list(given)):
        place = (*path, index)
        if not isinstance(entry, dict):
            yield place, "an indicator must hold named entries"
            continue
        code, biennium = entry.get("indicator", "2.1"), entry.get("biennium")
        if str(code) not in known:
            yield (*place, "indicator"), f"there is no indicator ‘{code}’"
        if biennium is None:
            yield place, "‘biennium’ is missing"
            continue
        try:
            first_year(str(biennium))
        except ValueError as error:
            yield (*place, "biennium"), str(error)
        if (scope := entry.get("scope")) is not None and scope not in appraised_share.SCOPES:
            yield (*place, "scope"), f"‘scope’ must be one of {', '.join(appraised_share.SCOPES)}"
        if (as_of := entry.get("as_of")) is not None and not _is_past(str(as_of)):
            yield (*place, "as_of"), "‘as_of’ must be a day, or a moment with its offset"


def _is_past(text: str) -> bool:
    try:
        read_past(text)
    except (ValueError, OverflowError):
        return False
    return True


def _list(given: Any) -> list[Any]:
    return given if isinstance(given, list) else []


def _mapping(given: Any) -> dict[str, Any] | None:
    return given if isinstance(given, dict) else None
