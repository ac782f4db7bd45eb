"""A play is a scenario being played, and takes one step of it in its transaction."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from appraisal.accounts.services import accounts as people
from appraisal.database.engine import Database
from appraisal.database.files import Files
from appraisal.definitions.library import Library
from appraisal.definitions.workflows import SYSTEM
from appraisal.errors import AppraisalError
from appraisal.people.facts import SYSTEM_ACTOR, Person
from appraisal.people.rules import substitutes
from appraisal.scenarios.files import Script
from appraisal.scenarios.scalars import FIRST

# What stands wherever a text is needed that a scenario leaves out.
NOTE: Final = "Illustrative note."


class Unplayable(AppraisalError):
    """A step names something that is not there when it is taken; the message says what."""


@dataclass
class Play:
    """A scenario being played: who its people are in the database, and which proposals its handles mean.

    ``now`` is the moment of the step taken last.
    """

    database: Database
    library: Library
    files: Files
    script: Script
    people: dict[str, Person] = field(default_factory=dict)
    numbers: dict[str, str] = field(default_factory=dict)
    now: datetime = FIRST
    differences: list[str] = field(default_factory=list)

    def actor(self, db: Connection, key: str, now: datetime) -> Person:
        """Return a person of the scenario, with those for whom the person stands in by now."""
        if key == SYSTEM:
            return SYSTEM_ACTOR
        return substitutes.on_duty(people.find_person(db, self.people[key].id).person, now)

    def stand_in(self, db: Connection, unit: str, now: datetime) -> Person:
        """Return an appraiser of a unit, who answers for it."""
        key = f"({unit})"
        if key not in self.people:
            email = f"{''.join(filter(str.isalnum, unit)).lower()}@stand-in.example.org"
            found = people.find_by_email(db, email)
            self.people[key] = (
                found.person
                if found
                else people.create_person(
                    db,
                    SYSTEM_ACTOR,
                    now,
                    email=email,
                    name=f"{unit} (stand-in)",
                    roles=["appraiser"],
                    unit=unit,
                )
            )
        return self.people[key]


@dataclass(frozen=True, slots=True)
class Doing:
    """One step being played, in its transaction; ``given`` is what stands under ``with``."""

    play: Play
    db: Connection
    actor: Person
    now: datetime
    do: str
    number: str
    given: Mapping[str, Any]

    @property
    def library(self) -> Library:
        """Return the library that the scenario goes by."""
        return self.play.library

    def person(self, key: str) -> Person:
        """Return the person that a key names, as of this moment; the actor where it names nobody."""
        return self.play.actor(self.db, self.given[key], self.now) if key in self.given else self.actor

    def text(self, key: str, default: str = "") -> str:
        """Return what was given as a text; what was given empty stays empty."""
        return str(self.given.get(key, default))

    def switched_off(self, key: str) -> bool:
        """Tell whether a key says no; a key that is not given says yes."""
        return self.text(key, "true").lower() in ("false", "no")
