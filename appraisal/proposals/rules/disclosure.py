"""Disclosure decides what of refusals and of events a reader is told (domain rules, section 2).

Every reason why something is closed, and every entry of a history, goes through here, so that neither says
more of an appraisal than its pages do.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from appraisal.people.facts import SYSTEM_ACTOR, Person
from appraisal.proposals.facts import Case
from appraisal.proposals.rules import access
from appraisal.vocabulary.refusals import BECAUSE, NotAllowed, Refusal, refuse

# Reasons that lie in the reader, but name somebody else who reviews the proposal.
_NAMING: Final = frozenset({"conflict_of_other", "block_finaliser_other"})
# Events beside the steps of the workflow that tell nothing of what anybody thinks of the proposal.
OPEN_EVENTS: Final = frozenset({"create", "add_author"})
# What events say of the proposal and not of its appraisal.
OPEN_FACTS: Final = frozenset(
    {
        "version",
        "author",
        "missing",
        "until",
        "agreed_on",
        "reference",
        "approval",
        "signature",
    }
)


def refusals_for(case: Case, reader: Person, refusals: Iterable[Refusal]) -> list[Refusal]:
    """Return those of some refusals that a reader is told; where there are any, at least one.

    Whoever is not the person for something learns that alone, and whoever owes a review that it is owed.
    Reasons that lie in the appraisal go to those who may read it now. Where nothing else remains, one
    reason says that the others are withheld.
    """
    found = list(refusals)
    if reader.id == SYSTEM_ACTOR.id:
        return found
    owed = [entry for entry in found if entry.code == "review_owed"]
    if owed:
        return owed[:1]
    personal = [_without_names(case, reader, entry) for entry in found if entry.about == "person"]
    if personal:
        return list(dict.fromkeys(personal))
    reads = access.sees_appraisal(case, reader)
    told = [entry for entry in found if reads or entry.about != "appraisal"]
    if found and not told:
        return [refuse("reason_withheld")]
    return told


def not_allowed(case: Case, reader: Person, refusals: Iterable[Refusal]) -> NotAllowed:
    """Return the error that refuses something of a proposal, with the reasons that the reader is told."""
    return NotAllowed(refusals_for(case, reader, refusals))


def _without_names(case: Case, reader: Person, refusal: Refusal) -> Refusal:
    """Return a reason without the name of a reviewer whom the reader may not know of."""
    names = refusal.code in _NAMING or refusal.facts.get("because") == BECAUSE["reviewer"]
    return refuse("somebody_else") if names and not reads_whole_history(case, reader) else refusal


@dataclass(frozen=True, slots=True)
class Happened:
    """One entry of a proposal's history; ``act`` is empty for what is no step of the workflow.

    ``facts`` are what the event says.
    """

    sequence: int
    name: str
    act: str
    from_state: str
    to_state: str
    at: datetime
    by: int
    by_name: str
    note: str
    digest: str
    for_name: str
    facts: Mapping[str, Any] = field(default_factory=dict, hash=False)


def reads_event(case: Case, reader: Person, event: Happened) -> bool:
    """Tell whether somebody who reads a proposal in full reads one entry of its history.

    Steps of the workflow are everybody's. What reviewers and units did belongs to the appraisal that was
    opened last before: it is for those who see its ratings, and for the others once it is finalised.
    """
    return bool(event.act) or event.name in OPEN_EVENTS or reads_facts(case, reader, event)


def reads_facts(case: Case, reader: Person, event: Happened) -> bool:
    """Tell whether somebody who reads a proposal in full reads what an event says of the appraisal.

    A step says in its facts which conditions it carried over or withdrew: that is the appraisal's as well.
    """
    if access.is_blind(case, reader):
        return False
    if access.sees_running_ratings(case, reader):
        return True
    opened = [entry for entry in case.appraisals if entry.opened_at <= event.at]
    return not opened or opened[-1].finalised_at is not None


def reads_whole_history(case: Case, reader: Person) -> bool:
    """Tell whether somebody who reads a proposal in full reads everything that happened to it."""
    if access.is_blind(case, reader):
        return False
    return access.sees_running_ratings(case, reader) or all(entry.finalised_at for entry in case.appraisals)


def history_for(case: Case, reader: Person, happened: Sequence[Happened]) -> list[Happened]:
    """Return the entries of a history that a reader is told of, oldest first.

    Who does not read all of it is given neither digests nor the places of the entries in the chain:
    gaps would count what is left out. Who still owes a review reads no notes either.
    """
    if reads_whole_history(case, reader):
        return list(happened)
    blind = access.is_blind(case, reader)
    told = [entry for entry in happened if reads_event(case, reader, entry)]
    return [
        replace(
            entry,
            sequence=place,
            digest="",
            note="" if blind else entry.note,
            facts=entry.facts if reads_facts(case, reader, entry) else {} if blind else _open(entry.facts),
        )
        for place, entry in enumerate(told, 1)
    ]


def _open(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if name in OPEN_FACTS}
