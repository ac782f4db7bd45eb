"""A rulebook holds the definitions that one proposal goes by, found by what it pinned."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import PurePath
from typing import Final

from appraisal.definitions.library import Criterion, Library
from appraisal.definitions.sets import ChecklistSet
from appraisal.definitions.workflows import Act, Workflow
from appraisal.proposals.facts import Case
from appraisal.proposals.rules.track_and_money import Rate
from appraisal.vocabulary.refusals import NotAllowed, Refusal, refuse

# Acts by which a proposal pins definitions, if it has not done so.
PINNING: Final[frozenset[Act]] = frozenset({"submit", "register_approval"})


@dataclass(frozen=True, slots=True)
class Rulebook:
    """A workflow, a set with its checklists, their digests, and the table of rates.

    ``refusals`` say which of them are not what was pinned or released: nothing moves by those.
    """

    workflow: Workflow
    set: ChecklistSet
    criteria: tuple[Criterion, ...]
    digests: Mapping[str, str] = field(default_factory=dict)
    rates: tuple[Rate, ...] = ()
    refusals: tuple[Refusal, ...] = ()

    def criteria_for(self, usd: Decimal | None) -> tuple[Criterion, ...]:
        """Return the criteria that apply to a budget."""
        return applicable(self.criteria, usd)

    def needs_evaluability(self, usd: Decimal) -> bool:
        """Tell whether a budget calls for a criterion that applies only above a threshold."""
        return len(self.criteria_for(usd)) > len(self.criteria_for(None))


def rulebook(
    library: Library,
    workflow: str,
    chosen: str,
    rates: tuple[Rate, ...] = (),
    pins: Mapping[str, str] | None = None,
) -> Rulebook:
    """Find the rulebook of a proposal by the keys it pinned; empty keys mean the newest released ones.

    ``pins`` are the digests that it pinned. A definition without one is compared with the lock alone.
    """
    found = library.workflow(workflow) if workflow else library.newest_workflow()
    joined = library.set(chosen) if chosen else library.newest_set()
    criteria = library.criteria(joined.key)
    keys = [found.key, joined.key, *(criterion.checklist.key for criterion in criteria)]
    digests = {key: library.digests[key] for key in keys}
    refusals = tuple(_refusals(library, digests, pins or {}))
    return Rulebook(found, joined, criteria, digests, rates, refusals)


def _refusals(library: Library, digests: Mapping[str, str], pins: Mapping[str, str]) -> Iterator[Refusal]:
    for key, digest in digests.items():
        if key in library.edited and digest != pins.get(key):
            yield edited(library, key)
        elif digest != pins.get(key, digest):
            yield refuse("definition_replaced", definition=key, file=f"{key}.yaml")


def edited(library: Library, key: str) -> Refusal:
    """Say where a released definition was edited afterwards."""
    fault = library.edited[key]
    return refuse("definition_edited", definition=key, file=PurePath(fault.file).name, line=fault.line)


def check_pins(book: Rulebook, case: Case) -> None:
    """Raise ``NotAllowed`` where a proposal has pinned definitions that are not what they were."""
    if case.pinned and book.refusals:
        raise NotAllowed(book.refusals)


def applicable(criteria: Iterable[Criterion], usd: Decimal | None) -> tuple[Criterion, ...]:
    """Return the criteria that apply to a budget; *above* is strict, and no budget triggers nothing."""
    return tuple(
        criterion
        for criterion in criteria
        if criterion.member.applies is None or (usd is not None and usd > criterion.member.applies.above_usd)
    )
