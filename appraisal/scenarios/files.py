"""Scenario files: who does what when, and what must then be true. Read whole, or not at all."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from appraisal.clock import GENEVA
from appraisal.definitions.documents import Document, Flag, Part, Schema, Words, parse, read_document
from appraisal.definitions.workflows import SYSTEM, Role, Workflow
from appraisal.errors import FaultyInput

# A use case begins a proposal, is done to one, or concerns the site.
VerbKind = Literal["begins", "proposal", "site"]
# A scenario without a date begins on the first Monday of the first biennium.
FIRST = datetime(2010, 1, 4, 9, 0, tzinfo=GENEVA)
MINUTE = timedelta(minutes=1)


def _roles(given: Any) -> Any:
    return {"roles": given} if isinstance(given, list | str) else given


def _moment(given: Any) -> Any:
    if isinstance(given, datetime):
        return given
    try:
        found = datetime.fromisoformat(str(given))
    except ValueError:
        raise ValueError("write a moment with its offset, like 2010-02-01T09:00:00+01:00") from None
    if found.tzinfo is None:
        raise ValueError("the moment has no offset, like +01:00")
    return found


Moment = Annotated[datetime, BeforeValidator(_moment)]


class Acting(Part):
    """Somebody in a scenario: roles, and what a demonstration shows of the person."""

    roles: Annotated[
        tuple[Role, ...], BeforeValidator(lambda given: [given] if isinstance(given, str) else given)
    ]
    name: str = ""
    unit: str = ""
    language: Literal["en", "fr", "es"] = "en"


class RateGiven(Part):
    """A rate that stands in the table before the first step."""

    currency: str
    day: str
    per_usd: str
    source: str = ""


class HolidayGiven(Part):
    """A holiday that stands in a calendar before the first step."""

    day: str
    name: str
    station: str = "Geneva"


class Expected(Part):
    """What must be true of proposals and indicators; only what is said is compared."""

    proposals: dict[str, dict[str, Any]] = {}
    indicators: tuple[dict[str, Any], ...] = ()


class Step(Part):
    """One step: ``do`` names a use case or a transition, ``refused`` the exact codes it must meet."""

    at: Moment | None = None
    by: str
    do: str
    to: str | None = None
    as_: Annotated[str | None, Field(alias="as")] = None
    with_: Annotated[dict[str, Any], Field(alias="with")] = {}
    refused: Words | None = None
    then: dict[str, Any] = {}


class Scenario(Part):
    """A whole scenario. ``illustrative`` marks every proposal of it as invented."""

    schema_: Schema
    title: str
    workflow: str | None = None
    set: str | None = None
    illustrative: Flag = False
    people: dict[str, Annotated[Acting, BeforeValidator(_roles)]]
    rates: tuple[RateGiven, ...] = ()
    holidays: tuple[HolidayGiven, ...] = ()
    steps: Annotated[tuple[Step, ...], Field(min_length=1)]
    expect: dict[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Timed:
    """A step with its moment and the line it stands in."""

    step: Step
    at: datetime
    line: int


@dataclass(frozen=True, slots=True)
class Script:
    """A scenario that can be played: every name in it is known."""

    name: str
    scenario: Scenario
    steps: tuple[Timed, ...]
    expect_line: int


def expected(given: Mapping[str, Any]) -> Expected:
    """Sort an ``expect`` into proposals, by handle, and indicators."""
    proposals = {key: value for key, value in given.items() if key != "indicators"}
    return Expected(proposals=proposals, indicators=tuple(given.get("indicators", ())))


def read_scenario(file: Path, workflow_of: Mapping[str, Workflow], verbs: Mapping[str, VerbKind]) -> Script:
    """Read a scenario.

    ``verbs`` names the use cases beside transitions, and what each is done to. Raises
    ``FaultyInput`` with every fault and its line.
    """
    document = read_document(file)
    scenario = parse(document, Scenario)
    workflow = workflow_of.get(scenario.workflow or "")
    if workflow is None:
        document.fault(("workflow",), f"there is no workflow ‘{scenario.workflow}’")
        raise FaultyInput(document.faults)
    transitions = {entry.name for entry in workflow.transitions}
    for path, message in _complaints(scenario, transitions, verbs):
        document.fault(path, message)
    steps = tuple(_timed(document, scenario))
    if document.faults:
        raise FaultyInput(document.faults)
    return Script(file.name, scenario, steps, document.line(("expect",)))


def _timed(document: Document, scenario: Scenario) -> Iterator[Timed]:
    at = FIRST
    for index, step in enumerate(scenario.steps):
        line = document.line(("steps", index))
        given = step.at
        if given is not None and index and given < at:
            document.fault(("steps", index, "at"), "the clock runs backwards")
        if given is not None:
            at = given
        elif index:
            at += MINUTE
        yield Timed(step, at, line)


def _complaints(
    scenario: Scenario, transitions: set[str], verbs: Mapping[str, VerbKind]
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    handles: set[str] = set()
    for index, step in enumerate(scenario.steps):
        path = ("steps", index)
        if step.by not in scenario.people and step.by != SYSTEM:
            yield (*path, "by"), f"‘{step.by}’ is not one of the people"
        if step.to is not None and step.to not in handles:
            yield (*path, "to"), f"‘{step.to}’ is no proposal of an earlier step"
        kind = verbs.get(step.do, "proposal" if step.do in transitions else None)
        if kind is None:
            yield (*path, "do"), f"‘{step.do}’ is neither a use case nor a transition; see --verbs"
        elif kind == "proposal" and step.to is None:
            yield path, f"‘{step.do}’ needs ‘to’: the proposal it is done to"
        elif kind == "begins" and step.to is None and step.as_ is None and step.refused is None:
            yield path, f"‘{step.do}’ needs ‘as’: a name for the proposal it begins"
        if step.as_ is not None:
            if kind not in ("begins", None):
                yield (*path, "as"), f"‘{step.do}’ begins no proposal, so it needs no ‘as’"
            elif step.as_ in handles:
                yield (*path, "as"), f"‘{step.as_}’ stands for another proposal already"
            handles.add(step.as_)
        for handle in expected(step.then).proposals:
            if handle not in handles:
                yield (*path, "then", handle), f"‘{handle}’ is no proposal yet"
    for handle in expected(scenario.expect).proposals:
        if handle not in handles:
            yield ("expect", handle), f"‘{handle}’ is no proposal of this scenario"
