"""Authors of a proposal are named here, also where none is left."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from appraisal.definitions.library import Library
from appraisal.errors import StepConflict
from appraisal.notices.services import notices
from appraisal.people.facts import SYSTEM_ACTOR, Person
from appraisal.people.store.people import load_people
from appraisal.proposals.facts import Case
from appraisal.proposals.rules import disclosure
from appraisal.proposals.rules.rulebook import Rulebook
from appraisal.proposals.services.drafts import load_editable, note_event
from appraisal.proposals.services.opening import add_relation, check_seen, load
from appraisal.proposals.store import writing
from appraisal.vocabulary.limits import PROSE_LIMIT
from appraisal.vocabulary.refusals import NotAllowed, refuse
from appraisal.workflow.rules.authors import joining_refusals, naming_refusals


def add_author(
    db: Connection,
    library: Library,
    actor: Person,
    now: datetime,
    number: str,
    person_id: int,
    *,
    seen: int | None = None,
) -> Case:
    """Let another designer write along; somebody who has judged the proposal in any way cannot."""
    case, book = load_editable(db, library, actor, number, seen)
    if person_id in case.related("author"):
        return case
    return _join(db, case, book, actor, now, person_id, {})


def name_author(
    db: Connection,
    library: Library,
    actor: Person,
    now: datetime,
    number: str,
    person_id: int,
    reason: str,
    *,
    seen: int | None = None,
    request: str | None = None,
) -> Case:
    """Give a proposal another author where none of its own can act on it: a coordinator's act.

    Of a draft, which a coordinator does not read, nothing is told but its number. Raises ``NotFound``,
    ``StepConflict``, or ``NotAllowed`` with every reason.
    """
    case, book = load_to_name_author(db, library, actor, number, lock=True)
    if (done := writing.request_done(db, request, actor.id)) is not None:
        if done != number:
            raise StepConflict(None, None)
        return case
    check_seen(case, seen)
    refusals = naming_refusals(case, book, actor)
    if not reason.strip():
        refusals.append(refuse("note_missing"))
    if refusals:
        raise disclosure.not_allowed(case, actor, refusals)
    said = {"reason": reason.strip()[:PROSE_LIMIT]}
    after = _join(db, case, book, actor, now, person_id, said, request)
    notices.tell(db, [person_id], "author_named", now, proposal=case.id, by=actor.id)
    return after


def load_to_name_author(
    db: Connection, library: Library, actor: Person, number: str, *, lock: bool = False
) -> tuple[Case, Rulebook]:
    """Load a proposal for a coordinator who may give it another author; raises ``NotAllowed`` for others."""
    if not actor.has("coordinator") or not actor.active:
        raise NotAllowed([refuse("role_missing", role="coordinator")])
    return load(db, library, number, SYSTEM_ACTOR, lock=lock)


def _join(
    db: Connection,
    case: Case,
    book: Rulebook,
    actor: Person,
    now: datetime,
    person_id: int,
    said: Mapping[str, Any],
    request: str | None = None,
) -> Case:
    """Make somebody an author who may become one, and is none yet."""
    person = load_people(db, [person_id]).get(person_id)
    if person is None:
        raise NotAllowed([refuse("role_missing", role="designer")])
    if refusals := joining_refusals(case, book, person):
        raise disclosure.not_allowed(case, actor, refusals)
    after = add_relation(db, case, person, "author", now)
    return note_event(db, after, actor, now, "add_author", {"author": person.id, **said}, request)
