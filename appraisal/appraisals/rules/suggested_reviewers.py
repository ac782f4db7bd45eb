"""Reviewers are suggested here, in order and with reasons, and so is who cannot be asked."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from appraisal.appraisals.rules import reviews
from appraisal.people.facts import Person
from appraisal.proposals.facts import Appraisal, Case
from appraisal.proposals.rules.rulebook import Rulebook
from appraisal.vocabulary.refusals import Refusal, refuse

# As many as one looks through at a glance; everybody else can still be chosen.
MOST = 8


@dataclass(frozen=True, slots=True)
class Load:
    """What an appraiser has in hand at present, over all proposals."""

    person: Person
    reviews: int
    leads: int

    @property
    def total(self) -> int:
        """Return how many reviews and appraisals are theirs to finish."""
        return self.reviews + self.leads


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who may be asked, and what speaks for them.

    ``before`` is the number of the last version they reviewed; ``named`` the checklists that want
    their unit heard.
    """

    person: Person
    load: Load
    named: tuple[str, ...]
    before: int | None


@dataclass(frozen=True, slots=True)
class Suggestions:
    """Whom to ask first, who else may be asked, and who cannot be, with every reason."""

    suggested: tuple[Candidate, ...]
    others: tuple[Candidate, ...]
    barred: tuple[tuple[Person, tuple[Refusal, ...]], ...]


def suggest(
    case: Case, book: Rulebook, running: Appraisal, loads: Sequence[Load], checklists: Collection[str]
) -> Suggestions:
    """Sort the appraisers for a review of some checklists; none chosen yet means any that apply.

    Who reviewed an earlier version comes first, then who belongs to a unit that the checklists
    name, then who has the least in hand.
    """
    criteria = reviews.criteria_of(case, book, running)
    wanted = [entry for entry in criteria if not checklists or entry.checklist.code in checklists]
    one_unit = {code: unit for code, unit in reviews.blocks(wanted).items() if code in checklists}
    before = _reviewed_before(case, running)
    candidates, barred = [], []
    for load in loads:
        person = load.person
        refusals = reviews.barred(case, running, person)
        refusals += [
            refuse("block_unit", checklist=code, unit=unit)
            for code, unit in one_unit.items()
            if person.unit != unit
        ]
        if refusals:
            barred.append((person, tuple(refusals)))
            continue
        named = tuple(entry.checklist.code for entry in wanted if person.unit in entry.checklist.consult)
        candidates.append(Candidate(person, load, named, before.get(person.id)))
    candidates.sort(key=_order)
    barred.sort(key=lambda entry: entry[0].name.casefold())
    return Suggestions(tuple(candidates[:MOST]), tuple(candidates[MOST:]), tuple(barred))


def _order(candidate: Candidate) -> tuple[bool, bool, int, str]:
    return (
        candidate.before is None,
        not candidate.named,
        candidate.load.total,
        candidate.person.name.casefold(),
    )


def _reviewed_before(case: Case, running: Appraisal) -> dict[int, int]:
    """Return the number of the version that people reviewed last before this one."""
    numbers = {version.id: version.number for version in case.versions}
    return {
        review.person: numbers[appraisal.version_id]
        for appraisal in case.appraisals
        if appraisal.version_id != running.version_id
        for review in reviews.signed(appraisal)
    }
