"""Somebody may be named a substitute here, or is refused with every reason why not."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from appraisal.people.facts import Person, Scope
from appraisal.people.rules.substitutes import ROLE_FOR, Substitution
from appraisal.vocabulary import bounds
from appraisal.vocabulary.refusals import Refusal, refuse

# The longest absence that nobody has to confirm anew.
MOST_DAYS: Final = 366


@dataclass(frozen=True, slots=True)
class Naming:
    """Who is to stand in for whom, of what, from which day to which, both included."""

    person: Person
    substitute: Person
    scope: Scope
    first: date
    last: date


def permission_refusals(actor: Person, person: Person) -> list[Refusal]:
    """Judge whether somebody may say who stands in for a person: that person, or an administrator."""
    if actor.active and (actor.id == person.id or actor.has("administrator")):
        return []
    return [refuse("substitution_not_yours", name=person.name)]


def refusals(naming: Naming, today: date, standing: Sequence[Substitution]) -> list[Refusal]:
    """Judge a substitution; ``standing`` are those of its scope that have not ended."""
    return [*_people(naming), *_days(naming, today), *_others(naming, standing)]


def _people(naming: Naming) -> Iterable[Refusal]:
    person, substitute, role = naming.person, naming.substitute, ROLE_FOR[naming.scope]
    if not person.active:
        yield refuse("person_inactive", name=person.name)
    if not person.has(role):
        yield refuse("person_lacks_role", name=person.name, role=role)
    if substitute.id == person.id:
        yield refuse("substitute_is_self")
        return
    if not substitute.active:
        yield refuse("substitute_inactive", name=substitute.name)
    if not substitute.has(role):
        yield refuse("substitute_lacks_role", name=substitute.name, role=role)


def _days(naming: Naming, today: date) -> Iterable[Refusal]:
    if naming.last < naming.first:
        yield refuse("substitution_ends_first")
    elif (naming.last - naming.first).days >= MOST_DAYS:
        yield refuse("substitution_too_long")
    if naming.last < today:
        yield refuse("substitution_past")
    if (late := bounds.due_late(naming.first, today)) is not None:
        yield refuse("day_late", day=late.facts["day"])


def _others(naming: Naming, standing: Sequence[Substitution]) -> Iterable[Refusal]:
    """Yield what stands against a substitution in others of the same days: double ones, circles, chains.

    A chain is refused from either end, since a substitute does not pass the task on.
    """
    person, substitute = naming.person, naming.substitute
    is_circular = person.id != substitute.id and _comes_back(naming, substitute.id, standing, frozenset())
    for entry in standing:
        if not entry.overlaps(naming.first, naming.last):
            continue
        if entry.person == person.id:
            yield _refuse("substitution_overlaps", entry, other=entry.substitute_name)
        elif entry.person == substitute.id and not is_circular:
            yield _refuse("substitution_chained", entry, name=substitute.name, other=entry.substitute_name)
        elif entry.substitute == person.id and not is_circular:
            yield _refuse("substitution_passed_on", entry, name=person.name, other=entry.person_name)
    if is_circular:
        yield refuse("substitution_circular", name=person.name, other=substitute.name)


def _refuse(code: str, entry: Substitution, **names: str) -> Refusal:
    return refuse(code, first=entry.first, last=entry.last, **names)


def _comes_back(naming: Naming, here: int, standing: Sequence[Substitution], passed: frozenset[int]) -> bool:
    """Tell whether somebody is replaced by the person, directly or through others, on days of the naming."""
    for entry in standing:
        if entry.person != here or not entry.overlaps(naming.first, naming.last):
            continue
        if entry.substitute == naming.person.id:
            return True
        # Further links count only on the days that all links before have in common.
        shared = replace(naming, first=max(naming.first, entry.first), last=min(naming.last, entry.last))
        if entry.substitute not in passed and _comes_back(
            shared, entry.substitute, standing, passed | {here}
        ):
            return True
    return False
