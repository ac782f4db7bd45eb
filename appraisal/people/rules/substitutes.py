"""Substitutes stand in for somebody at a moment, and count as one with them.

"A substitute must pass every test himself, and counts together with the person replaced as one"
(domain rules, section 2). Nobody acts *as* another person: whoever takes a step signs it, and the
step says for whom. So it stays true that an approval takes three people and an override four, each
person counted together with those for whom, or by whom, it was done. The definition alone is proved
for people who act for themselves (``definitions.proofs``); that holds for groups as well, because

- a step for the lead binds both for ever as leads, so that neither ever decides nor becomes an author;
- a first signature given for somebody binds both while it waits;
- what a step excludes, it excludes for everybody who counts as one with the actor at that moment,
  so that nobody in the group of a decision is an author, a lead or the first signatory.

Authors, the group of the lead, that of the first signature and that of the decision are therefore
disjoint, and each group taken for one person makes a walk of the proof.

Days are calendar days in Geneva, the first and the last included. A substitution is void while
either of the two has lost the role or the account; it is never passed on.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final, Literal

from appraisal.clock import geneva_date
from appraisal.people.facts import Person, Scope, StandIn
from appraisal.vocabulary.roles import Role

Stage = Literal["present", "coming", "past"]

# What somebody must be to hand a scope over, and to take it over.
ROLE_FOR: Final[Mapping[Scope, Role]] = {"appraisals": "appraiser", "decisions": "manager"}


@dataclass(frozen=True, slots=True)
class Substitution:
    """That somebody stands in for a person, as it was named; it stays after it has ended.

    It is void where either of the two has lost the account or the role that it takes.
    """

    id: int
    person: int
    person_name: str
    substitute: int
    substitute_name: str
    scope: Scope
    first: date
    last: date
    named_by: str = ""
    ended_at: datetime | None = None
    is_void: bool = False

    def stage(self, today: date) -> Stage:
        """Tell whether it is in force, still to come, or over."""
        if self.ended_at is not None or self.is_void or self.last < today:
            return "past"
        return "coming" if today < self.first else "present"

    def overlaps(self, first: date, last: date) -> bool:
        """Tell whether any of its days lies within others, both ends included."""
        return self.ended_at is None and not self.is_void and self.first <= last and first <= self.last


def in_force(person: Person, now: datetime) -> tuple[StandIn, ...]:
    """Return for whom a person stands in at a moment, being what a substitute has to be."""
    if not person.stands_in:
        return ()
    today = geneva_date(now)
    return tuple(
        entry
        for entry in person.stands_in
        if entry.first <= today <= entry.last and person.active and person.has(ROLE_FOR[entry.scope])
    )


def on_duty(person: Person, now: datetime) -> Person:
    """Return a person as somebody who acts at a moment, with those for whom that is under ``covers``.

    What may be read rests on that, so it is done at the door, once a request; without it nobody
    reads anything for anybody. Rules that let somebody act look at the days again.
    """
    return replace(person, covers=in_force(person, now))


def stands_in_for(person: Person, scope: Scope, now: datetime) -> frozenset[int]:
    """Return the people for whom somebody stands in at a moment, in one scope."""
    return frozenset(entry.person for entry in in_force(person, now) if entry.scope == scope)


def covered(person: Person, scope: Scope) -> frozenset[int]:
    """Return for whom a person on duty stands in, in one scope."""
    return frozenset(entry.person for entry in person.covers if entry.scope == scope)
