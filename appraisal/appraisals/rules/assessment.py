"""Verdicts and recommendation of one appraisal follow here from its ratings."""

from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Generic, TypeVar

from appraisal.appraisals.rules.verdicts import Assessment, assess
from appraisal.proposals.facts import Appraisal, Case, Version
from appraisal.proposals.rules import track_and_money
from appraisal.proposals.rules.rulebook import Rulebook

T = TypeVar("T")


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
        track_and_money.checklist_facts(version.value.content),
        check_comments=check_comments,
    )
