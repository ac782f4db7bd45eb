"""An administrator hands over the appraisals that somebody leads to another appraiser.

For a sudden absence that nobody named a substitute for. Each is the workflow's own step that
changes the lead, in a transaction of its own, so that one that is refused stops no other.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from appraisal.database.engine import Database
from appraisal.definitions.library import Library
from appraisal.errors import StepConflict
from appraisal.people.facts import Person
from appraisal.people.store.people import load_people
from appraisal.proposals.rules.attempt import Inputs
from appraisal.vocabulary.refusals import NotAllowed, Refusal, refuse
from appraisal.workflow import store as workflow_store
from appraisal.workflow.services import acts


@dataclass(frozen=True, slots=True)
class HandedOver:
    """What became of one appraisal: handed over, or why not."""

    number: str
    refusals: tuple[Refusal, ...] = ()


def hand_over(
    database: Database,
    library: Library,
    actor: Person,
    now: datetime,
    numbers: Collection[str],
    *,
    person: int,
    lead: int,
    reason: str,
) -> list[HandedOver]:
    """Give appraisals that a person leads to another lead; return what became of each, in their order.

    Raises ``NotAllowed`` for whoever is no administrator, and where no such lead is there.
    """
    if not (actor.has("administrator") and actor.active):
        raise NotAllowed([refuse("role_missing", role="administrator")])
    found = []
    for number in dict.fromkeys(numbers):
        try:
            with database.begin() as db:
                _hand_over(db, library, actor, now, number, person, lead, reason)
        except NotAllowed as error:
            found.append(HandedOver(number, error.refusals))
        except StepConflict:
            found.append(HandedOver(number, (refuse("lead_changed"),)))
        else:
            found.append(HandedOver(number))
    return found


def _hand_over(
    db: Connection,
    library: Library,
    actor: Person,
    now: datetime,
    number: str,
    person: int,
    lead: int,
    reason: str,
) -> None:
    people = load_people(db, (person, lead))
    if lead not in people:
        raise NotAllowed([refuse("lead_missing")])
    # Somebody may have handed it over meanwhile, or the appraisal is closed by now.
    led = next((entry for entry in workflow_store.led_by(db, person) if entry.number == number), None)
    if led is None:
        raise StepConflict(None, None)
    steps = library.workflow(led.workflow).transitions
    step = next((entry.name for entry in steps if entry.act == "reassign"), "reassign")
    given = Inputs(note=reason, lead=people[lead])
    acts.take_step(db, library, actor, now, number, step, given, seen=led.row_version)
