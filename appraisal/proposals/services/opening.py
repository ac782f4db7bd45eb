"""A proposal is opened here to read it or to act on it, by somebody who may."""

from dataclasses import replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection

from appraisal.definitions.library import Library
from appraisal.errors import NotFound, StepConflict
from appraisal.people.facts import Person
from appraisal.proposals.facts import Case
from appraisal.proposals.rules import access, rulebook
from appraisal.proposals.rules.rulebook import Rulebook
from appraisal.proposals.store import writing
from appraisal.proposals.store.case import load_case, load_rates
from appraisal.vocabulary.refusals import NotAllowed, Undeclared, refuse


def load(
    db: Connection, library: Library, number: str, actor: Person, *, lock: bool = False
) -> tuple[Case, Rulebook]:
    """Load a proposal and its rulebook for somebody who acts on it.

    Raises ``NotFound`` both for an unknown number and for one that is nobody's business,
    ``Undeclared`` for a reviewer who has to declare first, and ``NotAllowed`` for one who has still
    to sign: what may be done, and why not, would tell what others have said. To write (``lock``), the
    definitions have to be those that the proposal pinned.
    """
    case, book = load_readable(db, library, number, actor, lock=lock)
    if lock:
        rulebook.check_pins(book, case)
    if access.is_blind(case, actor):
        raise NotAllowed([refuse("review_owed")])
    return case, book


def load_readable(
    db: Connection, library: Library, number: str, actor: Person, *, lock: bool = False
) -> tuple[Case, Rulebook]:
    """Load a proposal that somebody reads in full.

    Raises ``Undeclared`` where a conflict of interest has to be declared first, else ``NotFound``.
    """
    case = load_case(db, number, lock=lock)
    level = "full" if actor.id == 0 else access.level(case, actor)
    if level == "declaration":
        raise Undeclared(number)
    if level != "full":
        raise NotFound("proposal", number)
    return case, rulebook.rulebook(library, case.workflow, case.set, load_rates(db), case.pins)


def view(db: Connection, library: Library, number: str, actor: Person) -> tuple[Case, Rulebook]:
    """Load a proposal as a person may see it: for every page and export.

    Raises ``NotFound`` and ``Undeclared`` as :func:`load` does.
    """
    case, book = load_readable(db, library, number, actor)
    return access.as_seen(case, actor), book


def check_seen(case: Case, seen: int | None) -> None:
    """Raise ``StepConflict`` when the proposal is no longer what the person saw."""
    if seen is not None and case.row_version != seen:
        raise StepConflict(seen, case.row_version)


def add_relation(db: Connection, case: Case, person: Person, relation: Any, now: datetime) -> Case:
    """Note a relation of a person to the proposal unless it stands already; it stays for ever."""
    if person.id in case.related(relation):
        return case
    writing.relate(db, case.id, person.id, relation, now)
    return replace(
        case,
        relations={**case.relations, relation: case.related(relation) | {person.id}},
        people={**case.people, person.id: person},
    )


def wake_by(db: Connection, proposal: int, day: date) -> None:
    """Have a tick look at a proposal on a day at the latest; to be called by whatever brings a date nearer.

    The present day is never wrong: the tick then finds out when to come back.
    """
    writing.wake(db, proposal, day)
