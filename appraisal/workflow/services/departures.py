"""Closing an account, or taking away a role or a unit, leaves duties to nobody, which are named here.

Every duty has to be confirmed by whoever changes the account, so that none is left unseen; those who
hand it over are told, and find it among their work for as long as it is there.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from appraisal.definitions.library import Library
from appraisal.notices.services import notices
from appraisal.people.facts import Person
from appraisal.proposals.rules.duties import HANDED_OVER_BY, DutiesLeft, Duty, left_by
from appraisal.proposals.store import lists
from appraisal.workflow import store as workflow_store


def list_duties(db: Connection, library: Library, person: Person) -> list[Duty]:
    """List what a person still has to do and nobody else can do instead."""
    open_states = library.states(lambda state: state.open)
    return workflow_store.duties_of(db, person, open_states, library.states(lambda state: state.terminal))


def check(
    db: Connection, library: Library, before: Person, after: Person, confirmed: Collection[str]
) -> tuple[Duty, ...]:
    """Return the duties that a change of an account leaves to nobody.

    Raises ``DutiesLeft`` with all of them unless the key of each is among those confirmed: one that
    came up since they were shown is shown as well.
    """
    left = left_by(list_duties(db, library, before), before, after)
    if not {duty.key for duty in left} <= set(confirmed):
        raise DutiesLeft(left)
    return left


def facts_of(left: Sequence[Duty]) -> dict[str, Any]:
    """Return what the event of a change says of the duties that it left: numbers and kinds."""
    return {"duties": [{"kind": duty.kind, "number": duty.number} for duty in left]} if left else {}


def tell(db: Connection, left: Sequence[Duty], now: datetime) -> None:
    """Tell each of those who hand duties over how many of them fell to their role, authors left out."""
    if not left:
        return
    authors = workflow_store.authors_of(db, {duty.proposal for duty in left})
    counted: Counter[int] = Counter()
    for role in sorted(set(HANDED_OVER_BY.values())):
        for person in lists.ids_with(db, role):
            counted[person] += sum(
                HANDED_OVER_BY[duty.kind] == role and person not in authors.get(duty.proposal, ())
                for duty in left
            )
    for count in sorted(set(counted.values()) - {0}):
        people = [person for person, number in counted.items() if number == count]
        notices.tell(db, people, "duties_left", now, facts={"count": count})
