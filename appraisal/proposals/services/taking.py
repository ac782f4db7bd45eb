"""A taking is a step under way with all that it needs; its outcome is what it did."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from appraisal.definitions.workflows import Transition
from appraisal.people.facts import Person
from appraisal.proposals.facts import Case, Decision
from appraisal.proposals.rules.attempt import Inputs
from appraisal.proposals.rules.rulebook import Rulebook


@dataclass(frozen=True, slots=True)
class Taking:
    """A step that is allowed and being taken: where it leads, what was given, and in whose place."""

    db: Connection
    case: Case
    book: Rulebook
    actor: Person
    now: datetime
    inputs: Inputs
    transition: Transition
    to: str
    behalf: Person | None = None

    @property
    def people(self) -> tuple[Person, ...]:
        """Return who takes the step, and in whose place."""
        return (self.actor, self.behalf) if self.behalf else (self.actor,)

    @property
    def for_id(self) -> int | None:
        """Return the id of the person in whose place the step is taken."""
        return self.behalf.id if self.behalf else None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an act did: the case as it is now, columns of its row, facts for the event, the decision made.

    ``previous`` is the state that counts as the one before, where it is not the one that was left.
    """

    case: Case
    columns: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    decision: Decision | None = None
    previous: str | None = None
