"""Authors rate their own draft here by the appraiser's checklists, for themselves alone.

Saving makes no event and no version of the proposal, and nothing of it is ever part of a case: who
is no author finds no such proposal here, whatever else they may read of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from appraisal.appraisals.rules import self_checks
from appraisal.appraisals.rules.self_checks import NOTHING
from appraisal.appraisals.store import self_checks as stored
from appraisal.definitions.library import Library
from appraisal.errors import NotFound, StepConflict
from appraisal.people.facts import Person
from appraisal.proposals.facts import Case, RatingGiven
from appraisal.proposals.rules import access, disclosure
from appraisal.proposals.rules.rulebook import Rulebook
from appraisal.proposals.services import drafts
from appraisal.proposals.services.opening import load
from appraisal.vocabulary.limits import PROSE_LIMIT
from appraisal.vocabulary.refusals import refuse


@dataclass(frozen=True, slots=True)
class SelfPut:
    """What an author puts down for an item; both empty takes it back."""

    value: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class SelfCheck:
    """A proposal with what its authors think of it, as they write ``version`` or as they submitted it."""

    case: Case
    book: Rulebook
    version: int
    own: Mapping[str, RatingGiven]


def open_check(
    db: Connection, library: Library, actor: Person, number: str, version: int | None = None
) -> SelfCheck:
    """Open the self-check for an author: of a version, else of the one that is being written.

    Where the form is closed that is the one submitted last. Raises ``NotFound`` for everybody else.
    """
    case, book = _load(db, library, actor, number)
    if version is None:
        version = self_checks.version_written(case)
        editable = book.workflow.states[case.state].editable_by == "author"
        if case.version is not None and not editable:
            version = case.version.number
    return SelfCheck(case, book, version, stored.load_ratings(db, case.id, version))


def save(
    db: Connection,
    library: Library,
    actor: Person,
    now: datetime,
    number: str,
    code: str,
    puts: Mapping[str, SelfPut],
    *,
    drawn: str | None = None,
) -> None:
    """Save what the authors think of items of one checklist, for the version that is being written.

    ``drawn`` is the fingerprint of the ratings that the form was drawn from. Raises ``NotFound``,
    ``NotAllowed`` for a form that is closed, an item or a value that the set does not have, or
    ``StepConflict`` where another author has saved meanwhile.
    """
    case, book = _load(db, library, actor, number, lock=True)
    drafts.check_editable(case, book, actor)
    items = next((entry.checklist.items for entry in book.criteria if entry.checklist.code == code), ())
    if not items:
        raise NotFound("checklist", code)
    known = {item.id for item in items}
    wrong = [refuse("item_unknown", item=item) for item in puts if item not in known]
    wrong += [
        refuse("rating_unknown", item=item, value=put.value)
        for item, put in puts.items()
        if put.value and book.set.rating(put.value) is None
    ]
    if wrong:
        raise disclosure.not_allowed(case, actor, wrong)
    version = self_checks.version_written(case)
    own = stored.load_ratings(db, case.id, version)
    if drawn is not None and drawn != self_checks.fingerprint(items, own):
        raise StepConflict(None, None)
    for item, put in puts.items():
        given = RatingGiven(item, put.value, put.note.strip()[:PROSE_LIMIT])
        before = own.get(item, NOTHING)
        if (given.value, given.comment) != (before.value, before.comment):
            stored.keep_rating(db, case.id, version, given, actor.id, now)


def _load(
    db: Connection, library: Library, actor: Person, number: str, *, lock: bool = False
) -> tuple[Case, Rulebook]:
    case, book = load(db, library, number, actor, lock=lock)
    if not access.sees_draft(case, actor):
        raise NotFound("proposal", number)
    return case, book
