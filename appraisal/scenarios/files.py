"""A scenario file says who does what when, and what must then be true; it is read whole or not at all."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from appraisal.accounts.rules.accounts import do_roles_clash
from appraisal.definitions.documents import Document, Flag, Part, Schema, Words, parse, read_document
from appraisal.definitions.library import Library
from appraisal.errors import FaultyInput
from appraisal.scenarios import consistency
from appraisal.scenarios.givens import Terms
from appraisal.scenarios.scalars import FIRST, MINUTE, Currency, Day, Filled, Moment, PerUsd
from appraisal.vocabulary.roles import Role


def _roles(given: Any) -> Any:
    return {"roles": given} if isinstance(given, list | str) else given


def _named(given: Any) -> Any:
    return {} if given is None else given


def _given(given: Any) -> Any:
    """Let a key without a value stand for an empty text."""
    if isinstance(given, dict):
        return {key: "" if value is None else value for key, value in given.items()}
    return _named(given)


def _together(roles: tuple[Role, ...]) -> tuple[Role, ...]:
    if do_roles_clash(roles):
        raise ValueError("an administrator is neither appraiser nor manager")
    return roles


Named = Annotated[dict[str, Any], BeforeValidator(_named)]
Given = Annotated[dict[str, Any], BeforeValidator(_given)]


class Acting(Part):
    """Somebody in a scenario: roles, and what a demonstration shows of the person."""

    roles: Annotated[
        tuple[Role, ...],
        BeforeValidator(lambda given: [given] if isinstance(given, str) else given),
        Field(min_length=1),
        AfterValidator(_together),
    ]
    name: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)] = ""
    unit: str = ""
    language: Literal["en", "fr", "es"] = "en"


class RateGiven(Part):
    """A rate that stands in the table before the first step."""

    currency: Currency
    day: Day
    per_usd: PerUsd
    source: str = ""


class HolidayGiven(Part):
    """A holiday that stands in a calendar before the first step."""

    day: Day
    name: Filled
    station: Filled = "Geneva"


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
    with_: Annotated[Given, Field(alias="with")] = {}
    refused: Words | None = None
    then: Named = {}


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
    expect: Named = {}


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
    return Expected(proposals=proposals, indicators=tuple(given.get("indicators") or ()))


def read_scenario(file: Path, library: Library, verbs: Mapping[str, Terms]) -> Script:
    """Read a scenario against a library.

    ``verbs`` names the use cases beside transitions, with what each is done to and with. Raises
    ``FaultyInput`` with every fault and its line: one that hides no other.
    """
    document = read_document(file)
    try:
        scenario = parse(document, Scenario)
    except FaultyInput as error:
        raise FaultyInput([*error.faults, *consistency.faults(document, library, verbs)]) from None
    if found := consistency.faults(document, library, verbs):
        raise FaultyInput(found)
    return Script(file.name, scenario, tuple(_timed(document, scenario)), document.line(("expect",)))


def _timed(document: Document, scenario: Scenario) -> Iterator[Timed]:
    at = FIRST
    for index, step in enumerate(scenario.steps):
        if step.at is not None:
            at = step.at
        elif index:
            at += MINUTE
        yield Timed(step, at, document.line(("steps", index)))
