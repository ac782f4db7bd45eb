"""Rulebooks: the definitions that one proposal goes by, found by what it pinned."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from pathlib import PurePath
from typing import Final, Generic, TypeVar

from appraisal.definitions.library import Criterion, Library
from appraisal.definitions.sets import ChecklistSet
from appraisal.definitions.workflows import Act, Workflow
from appraisal.domain import tracks
from appraisal.domain.facts import Appraisal, Case, Version
from appraisal.domain.refusals import NotAllowed, Refusal, refuse
from appraisal.domain.tracks import Rate
from appraisal.domain.verdicts import Assessment, applicable, assess

T = TypeVar("T")
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


def assess_appraisal(
    book: Rulebook, case: Case, appraisal: Appraisal, *, check_comments: bool = True
) -> Assessment:
    """Score an appraisal as it stands, against the version that it belongs to."""
    version = next(version for version in case.versions if version.id == appraisal.version_id)
    return _assess(book, version, appraisal, version.threshold_usd, check_comments)


def computed_recommendation(book: Rulebook, case: Case, appraisal: Appraisal) -> str | None:
    """Return the recommendation that follows from the ratings; None while none does.

    While a criterion that applies only above a threshold is open, it is what the others give: a
    revision may be asked for before the evaluability review is there.
    """
    version = next(version for version in case.versions if version.id == appraisal.version_id)
    whole = _assess(book, version, appraisal, version.threshold_usd)
    return whole.recommendation or _assess(book, version, appraisal, None).recommendation


def final_recommendation(book: Rulebook, case: Case, appraisal: Appraisal) -> str:
    """Return what the lead chose, or what was computed; an empty string while neither can be said."""
    return appraisal.chosen or computed_recommendation(book, case, appraisal) or ""


def _assess(
    book: Rulebook, version: Version, appraisal: Appraisal, usd: Decimal | None, check_comments: bool = True
) -> Assessment:
    return _assess_once(_Same(book), _Same(version), _Same(appraisal), usd, check_comments)


@dataclass(frozen=True, slots=True, eq=False)
class _Same(Generic[T]):
    """A thing that equals itself alone, so that what follows from it is found without comparing it."""

    value: T

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.value is other.value

    def __hash__(self) -> int:
        return id(self.value)


# Every guard of every step asks what follows from the ratings of one appraisal, which is frozen.
@lru_cache(maxsize=32)
def _assess_once(
    book: _Same[Rulebook],
    version: _Same[Version],
    appraisal: _Same[Appraisal],
    usd: Decimal | None,
    check_comments: bool,
) -> Assessment:
    return assess(
        book.value.set,
        book.value.criteria_for(usd),
        appraisal.value.ratings,
        tracks.checklist_facts(version.value.content),
        check_comments=check_comments,
    )
