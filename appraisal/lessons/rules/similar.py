"""Earlier proposals and lessons are similar when they are about the same thing, and are noted so.

ALI-6 of the checklists asks for a check of other projects in the same country or on the same
theme, RBM-8 for the lessons used (i-eval Discovery, lessons 221743, 229092 and 2344418). Three
criteria, each worth the same: a country in common, the same theme, the same outcome of the
programme and budget. There is no nearness within one: who reads the list judges what it is worth.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Generic, Literal, TypeVar

from appraisal.definitions.checklists import Item, LooksUp
from appraisal.definitions.library import Criterion
from appraisal.definitions.sets import ChecklistSet
from appraisal.language.texts import N_, Language, say, write_day
from appraisal.lessons.rules.lessons import Lesson
from appraisal.proposals.facts import RatingGiven
from appraisal.proposals.rules import form
from appraisal.proposals.rules.content import GLOBAL

K = TypeVar("K")
Shared = Literal["country", "theme", "outcome"]

MOST: Final = 10
SHARED_TITLES: Final[Mapping[Shared, str]] = {
    "country": N_("same country"),
    "theme": N_("same theme"),
    "outcome": N_("same outcome"),
}


def folded(text: str) -> str:
    """Return a text as it is compared: without regard to case and to how its words are spaced."""
    return " ".join(text.casefold().split())


@dataclass(frozen=True, slots=True)
class Profile:
    """What a proposal or a lesson is about, in the form in which it is compared.

    ``global`` stands for no country, so it is none in common either.
    """

    countries: frozenset[str] = frozenset()
    theme: str = ""
    outcome: str = ""


def profile(countries: Iterable[str], theme: str, outcome: str) -> Profile:
    """Make a profile of what was written."""
    return Profile(frozenset(countries) - {GLOBAL}, folded(theme), folded(outcome))


def profile_of(content: form.Content) -> Profile:
    """Make the profile of a proposal's form."""
    return profile(
        form.countries(content),
        str(form.value(content, "identification.theme")),
        str(form.value(content, "alignment.outcome")),
    )


def profile_of_lesson(lesson: Lesson) -> Profile:
    """Make the profile of a lesson."""
    return profile(lesson.countries.split(), lesson.theme, lesson.outcome)


def shared(one: Profile, other: Profile) -> tuple[Shared, ...]:
    """Return in which criteria two profiles agree; what is not said agrees with nothing."""
    found: list[Shared] = []
    if one.countries & other.countries:
        found.append("country")
    if one.theme and one.theme == other.theme:
        found.append("theme")
    if one.outcome and one.outcome == other.outcome:
        found.append("outcome")
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Candidate(Generic[K]):
    """Something that may be similar: its key, when it came, and what it is about."""

    key: K
    at: datetime
    profile: Profile


@dataclass(frozen=True, slots=True)
class Match(Generic[K]):
    """Something that is similar, with the criteria in which it agrees."""

    key: K
    shared: tuple[Shared, ...]


def ranked(
    mine: Profile, candidates: Iterable[Candidate[K]], own: K | None = None, most: int = MOST
) -> list[Match[K]]:
    """Return what agrees in at least one criterion, most criteria first, among equals the newest.

    ``own`` is the key of the proposal itself, which never counts. Keys decide where even the
    moment is the same, so that the order does not depend on how the candidates came.
    """
    found = [
        (len(same), entry.at, str(entry.key), Match(entry.key, same))
        for entry in candidates
        if entry.key != own and (same := shared(mine, entry.profile))
    ]
    found.sort(key=lambda entry: entry[:3], reverse=True)
    return [match for *_, match in found[:most]]


@dataclass(frozen=True, slots=True)
class Findings:
    """What became of an earlier proposal: the items that its last appraisal found weak, its conditions.

    ``weak`` has each item with its question where the definition still has it.
    """

    weak: tuple[Item, ...] = ()
    conditions: tuple[str, ...] = ()


def weak_items(
    chosen: ChecklistSet, criteria: Sequence[Criterion], ratings: Iterable[RatingGiven]
) -> tuple[Item, ...]:
    """Return the items rated lowest on the scale, or so that a condition comes of it, in their order."""
    points = [rating.points for rating in chosen.scale if rating.points is not None]
    lowest = {rating.value for rating in chosen.scale if rating.points == min(points)} if points else set()
    low = lowest | set(chosen.conditions_from)
    named = {given.item for given in ratings if given.value in low}
    return tuple(item for criterion in criteria for item in criterion.checklist.items if item.id in named)


def item_for(criteria: Iterable[Criterion], kind: LooksUp) -> tuple[Criterion, Item] | None:
    """Return the item that something is looked up for, with its criterion; None where none is."""
    for criterion in criteria:
        for item in criterion.checklist.items:
            if item.looks_up == kind:
                return criterion, item
    return None


def overlap_note(language: Language, day: date, found: Sequence[Match[str]]) -> str:
    """Write in a sentence which proposals were checked for overlap, and in what each is similar."""
    on = write_day(language, day)
    if not found:
        return say(language, N_("Checked for overlap on %(day)s: no similar proposal was found."), day=on)
    listed = [f"{match.key} ({', '.join(titles(language, match.shared))})" for match in found]
    return say(
        language, N_("Checked for overlap on %(day)s: %(proposals)s."), day=on, proposals="; ".join(listed)
    )


def titles(language: Language, same: Iterable[Shared]) -> list[str]:
    """Return criteria in words."""
    return [say(language, SHARED_TITLES[entry]) for entry in same]


def appended(text: str, more: str) -> str:
    """Return a text with a paragraph after what stands there."""
    return f"{text.rstrip()}\n{more}" if text.strip() else more
