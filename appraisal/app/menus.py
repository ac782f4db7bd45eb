"""Menus list by role where every page leads: first what one works with, then what one looks up."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from flask import request, url_for

from appraisal.language.texts import N_
from appraisal.people.facts import Person
from appraisal.proposals.rules.access import READERS
from appraisal.vocabulary.roles import ROLES, Role
from appraisal.web.context import say

_EVERYBODY: Final[frozenset[Role]] = frozenset(ROLES)
_PROPOSAL_ROLES: Final = _EVERYBODY - {"administrator"}


@dataclass(frozen=True, slots=True)
class Entry:
    """A page of the menu, and whose it is."""

    title: str
    endpoint: str
    roles: frozenset[str]


@dataclass(frozen=True, slots=True)
class Link:
    """An entry as the page draws it."""

    text: str
    href: str
    current: bool


@dataclass(frozen=True, slots=True)
class Menu:
    """The two rows of a person's menu."""

    work: tuple[Link, ...]
    figures: tuple[Link, ...]


WORK: Final[tuple[Entry, ...]] = (
    Entry(N_("My work"), "work.show", _EVERYBODY),
    Entry(N_("Proposals"), "proposals.index", _PROPOSAL_ROLES),
    Entry(N_("Records"), "records.index", _PROPOSAL_ROLES),
    Entry(N_("Lessons"), "lessons.index", _PROPOSAL_ROLES),
    Entry(N_("Substitutes"), "substitutions.show", frozenset({"appraiser", "manager"})),
    Entry(N_("Rates"), "rates.index", frozenset({"coordinator"})),
    Entry(N_("People"), "people.index", frozenset({"administrator"})),
    Entry(N_("Holidays"), "settings.holidays", frozenset({"administrator"})),
    Entry(N_("Mail"), "settings.mail", frozenset({"administrator"})),
    Entry(N_("Drawings and key"), "settings.drawings", frozenset({"administrator"})),
)
FIGURES: Final[tuple[Entry, ...]] = (
    Entry(N_("Indicator 2.1"), "indicators.show", _EVERYBODY),
    Entry(N_("Results framework"), "frameworks.index", _EVERYBODY),
    Entry(N_("Imported lists"), "datasets.index", READERS),
    Entry(N_("Times"), "times.show", READERS),
    Entry(N_("Reviewer agreement"), "agreements.show", frozenset({"coordinator", "auditor"})),
    Entry(N_("Bundle for an auditor"), "bundles.show", frozenset({"auditor"})),
    Entry(N_("Workflow"), "workflow.show", _EVERYBODY),
)
_ENDPOINTS: Final = frozenset(entry.endpoint for entry in (*WORK, *FIGURES))


def menu_of(person: Person) -> Menu:
    """Return the menu of a person, with the page that is open marked in it."""
    return Menu(_links(person, WORK), _links(person, FIGURES))


def _links(person: Person, entries: Sequence[Entry]) -> tuple[Link, ...]:
    return tuple(
        Link(say(entry.title), url_for(entry.endpoint), _is_open(entry.endpoint))
        for entry in entries
        if person.roles & entry.roles
    )


def _is_open(endpoint: str) -> bool:
    """Tell whether a page is open; one beneath an entry of the menu counts for that of its blueprint.

    One blueprint may hold several entries; an entry never counts for another.
    """
    here = request.endpoint
    return endpoint == here or (here not in _ENDPOINTS and endpoint.partition(".")[0] == request.blueprint)
