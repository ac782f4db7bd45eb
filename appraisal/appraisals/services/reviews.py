"""Reviews are asked for, declared, rated in private and signed here, and adopted by the lead.

Saving is private and touches nothing but the review. What enters the proposal's chain is written
aside, so that reviewers collide with nobody and no page betrays what they do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, update

from appraisal.appraisals.rules import carried_over, responses, reviews
from appraisal.appraisals.services import blocks, lead
from appraisal.appraisals.services.lead import RatingPut
from appraisal.clock import geneva_date
from appraisal.database import tables
from appraisal.database.rows import insert_row
from appraisal.deadlines.rules import due_dates
from appraisal.definitions.library import Library
from appraisal.errors import NotFound, StepConflict
from appraisal.notices.services import notices
from appraisal.people.facts import Person
from appraisal.people.rules import substitutes
from appraisal.proposals.facts import Appraisal, Case, RatingGiven, Review
from appraisal.proposals.rules import access, differences, disclosure
from appraisal.proposals.rules.rulebook import Rulebook, check_pins, rulebook
from appraisal.proposals.services.drafts import note_event
from appraisal.proposals.services.opening import add_relation, load, wake_by
from appraisal.proposals.store.case import load_case
from appraisal.vocabulary.limits import PROSE_LIMIT
from appraisal.vocabulary.refusals import NotAllowed, Refusal, refuse

REVIEWS = tables.reviews
RATINGS = tables.review_ratings


@dataclass(frozen=True, slots=True)
class Held:
    """A review in its reviewer's hands, with the appraisal that it belongs to."""

    case: Case
    book: Rulebook
    appraisal: Appraisal
    review: Review


def ask(
    db: Connection,
    library: Library,
    actor: Person,
    now: datetime,
    number: str,
    person: Person,
    checklists: Sequence[str],
    due_on: date,
    *,
    behalf: int | None = None,
) -> Case:
    """Ask somebody to review checklists of the running appraisal by a day: a coordinator's act.

    What the person put down before on this proposal, signed or not, comes along as proposed, to be
    confirmed.
    """
    case, book = load(db, library, number, actor, lock=True)
    refusals = reviews.asking_refusals(case, book, person, checklists, due_on, actor, now)
    if refusals:
        raise disclosure.not_allowed(case, actor, refusals)
    assert case.appraisal is not None
    told = {person.id} | notices.stand_ins(db, case, {person.id}, now)
    notices.tell(db, told, "review_asked", now, proposal=case.id, facts={"due_on": due_on}, by=actor.id)
    return _open(db, case, book, case.appraisal, actor, now, person, checklists, due_on, behalf=behalf)


def _open(
    db: Connection,
    case: Case,
    book: Rulebook,
    running: Appraisal,
    actor: Person,
    now: datetime,
    person: Person,
    checklists: Sequence[str],
    due_on: date,
    **values: Any,
) -> Case:
    order = [entry.checklist.code for entry in reviews.criteria_of(case, book, running)]
    codes = sorted(set(checklists), key=order.index)
    id = insert_row(
        db,
        tables.reviews,
        proposal_id=case.id,
        appraisal_id=running.id,
        person_id=person.id,
        unit=person.unit,
        checklists=" ".join(codes),
        asked_at=now,
        asked_by=actor.id,
        due_on=due_on,
        row_version=_beyond(case, person),
        **_named(values),
    )
    for given in _carried(case, book, running, person, codes).values():
        db.execute(insert(RATINGS).values(review_id=id, at=now, **_columns(given), proposed=True))
    case = add_relation(db, case, person, "reviewer", now)
    wake_by(db, case.id, geneva_date(now))
    said: dict[str, Any] = {"review": id, "person": person.id, "checklists": codes, "due_on": due_on}
    if values.get("behalf"):
        said["for"] = values["behalf"]
    return note_event(db, case, actor, now, "ask_review", said, aside=True)


def _beyond(case: Case, person: Person) -> int:
    """Return a row version that no page of an earlier review of the person can have been drawn from."""
    mine = (
        entry for appraisal in case.appraisals for entry in appraisal.reviews if entry.person == person.id
    )
    return 1 + max((entry.row_version for entry in mine), default=0)


def _named(values: Mapping[str, Any]) -> dict[str, Any]:
    return {"for_id" if name == "behalf" else name: value for name, value in values.items()}


def _columns(given: RatingGiven) -> dict[str, Any]:
    return {name: getattr(given, name) for name in ("item", "value", "comment", "evidence")}


def _carried(
    case: Case, book: Rulebook, running: Appraisal, person: Person, codes: Sequence[str]
) -> Mapping[str, RatingGiven]:
    """Return what the person put down last on this proposal, else the ratings of a block handed on."""
    items = {
        item.id: entry
        for entry in reviews.criteria_of(case, book, running)
        if entry.checklist.code in codes
        for item in entry.checklist.items
    }
    last = next(
        (
            entry
            for appraisal in reversed(case.appraisals)
            for entry in reversed(appraisal.reviews)
            if entry.person == person.id and entry.ratings and not entry.declined_at
        ),
        None,
    )
    found = {} if last is None else {item: given for item, given in last.ratings.items() if item in items}
    block = {
        item: given
        for item, given in running.ratings.items()
        if item in items and items[item].member.finalised_by
    }
    return {**block, **found}


def withdraw(
    db: Connection, library: Library, actor: Person, now: datetime, number: str, review: int
) -> Case:
    """Take back what was asked, unless it is signed: a coordinator's act."""
    case, _ = load(db, library, number, actor, lock=True)
    _, found = _find(case, review)
    refusals = reviews.withdrawing_refusals(case, found, actor)
    if refusals:
        raise disclosure.not_allowed(case, actor, refusals)
    _write(db, found, withdrawn_at=now)
    notices.tell(db, [found.person], "review_withdrawn", now, proposal=case.id, by=actor.id)
    return note_event(db, case, actor, now, "withdraw_review", {"review": review}, aside=True)


def move_due(
    db: Connection, library: Library, actor: Person, now: datetime, number: str, review: int, due_on: date
) -> Case:
    """Give a reviewer another day: a coordinator's act."""
    case, _ = load(db, library, number, actor, lock=True)
    _, found = _find(case, review)
    refusals = reviews.moving_refusals(case, found, actor)
    refusals += reviews.due_refusals(due_on, now)
    if refusals:
        raise disclosure.not_allowed(case, actor, refusals)
    _write(db, found, due_on=due_dates.day_to_keep(case, found, due_on), silent_at=None, released_at=None)
    wake_by(db, case.id, geneva_date(now))
    notices.tell(
        db, [found.person], "review_moved", now, proposal=case.id, facts={"due_on": due_on}, by=actor.id
    )
    said = {"review": review, "due_on": due_on}
    return note_event(db, case, actor, now, "ask_review", said, aside=True)


def _find(case: Case, review: int) -> tuple[Appraisal, Review]:
    for appraisal in case.appraisals:
        for entry in appraisal.reviews:
            if entry.id == review:
                return appraisal, entry
    raise NotFound("review", str(review))


def _write(db: Connection, review: Review, **values: Any) -> None:
    changed = db.execute(
        update(REVIEWS)
        .where(REVIEWS.c.id == review.id, REVIEWS.c.row_version == review.row_version)
        .values(row_version=review.row_version + 1, **values)
    )
    if changed.rowcount != 1:
        raise StepConflict(review.row_version, None)


def held(db: Connection, library: Library, actor: Person, number: str, *, lock: bool = False) -> Held | None:
    """Load the review that a person has in hand on a proposal; None where there is none.

    An unsigned one comes first, whichever round it is of, then the newest. Raises ``NotFound`` for an
    unknown proposal; what else a reader may see of it is for the caller to ask.
    """
    case = load_case(db, number, lock=lock)
    book = rulebook(library, case.workflow, case.set, pins=case.pins)
    mine = [
        Held(case, book, appraisal, review)
        for appraisal in case.appraisals
        for review in appraisal.reviews
        if review.person == actor.id and review.withdrawn_at is None
    ]
    return max(mine, key=lambda entry: (entry.review.is_open, entry.review.id), default=None)


def _hold(db: Connection, library: Library, actor: Person, number: str, *, lock: bool) -> Held:
    """Load a review that is open and declared; raises with what speaks against working on it."""
    found = held(db, library, actor, number, lock=lock)
    if found is None or access.level(found.case, actor) == "nothing":
        _refuse_stranger(found, db, library, actor, number)
    assert found is not None
    check_pins(found.book, found.case)
    if not found.review.is_open:
        code = "review_signed" if found.review.signed_at else "review_closed"
        raise disclosure.not_allowed(found.case, actor, [refuse(code)])
    if not actor.has("appraiser"):
        raise NotAllowed([refuse("role_missing", role="appraiser")])
    return found


def _refuse_stranger(
    found: Held | None, db: Connection, library: Library, actor: Person, number: str
) -> None:
    load(db, library, number, actor)
    raise NotAllowed([refuse("review_missing")])


def declare(
    db: Connection, library: Library, actor: Person, now: datetime, number: str, *, conflict: str | None
) -> Case:
    """Say whether there is a conflict of interest: ``None`` is nothing to declare, a text is the conflict.

    An appraiser of a unit that was asked takes the consultation up by declaring, and a substitute
    the review of whom they stand in for, who is then asked no more. A conflict ends the review; the
    person then neither leads, reviews nor decides on this proposal.
    """
    found = _declaring(db, library, actor, now, number)
    if conflict is not None and not conflict.strip():
        raise NotAllowed([refuse("conflict_missing")])
    word = "nothing" if conflict is None else "declared"
    said = (conflict or "").strip()[:PROSE_LIMIT]
    _write(db, found.review, declaration=word, declared_at=now, reason=said)
    if conflict is not None:
        _tell_watchers(db, found.case, "review_declined", now, actor)
    elif found.review.behalf is not None:
        _relieve(db, found, now)
    return note_event(
        db,
        found.case,
        actor,
        now,
        "declare_review",
        {"review": found.review.id, "declaration": word},
        aside=True,
    )


def _relieve(db: Connection, found: Held, now: datetime) -> None:
    """Take back what was asked of whom a substitute reviews for; what they put down stays theirs."""
    for entry in found.appraisal.reviews:
        if entry.person == found.review.behalf and entry.is_open:
            _write(db, entry, withdrawn_at=now)


def _declaring(db: Connection, library: Library, actor: Person, now: datetime, number: str) -> Held:
    """Return the review to declare on."""
    found = _taken_up(db, library, actor, now, number)
    if found.review.declaration:
        raise NotAllowed([refuse("review_closed")])
    return found


def _taken_up(db: Connection, library: Library, actor: Person, now: datetime, number: str) -> Held:
    """Return the review in hand; one that the unit was asked for, or somebody replaced, is opened."""
    actor = substitutes.on_duty(actor, now)
    case = load_case(db, number, lock=True)
    book = rulebook(library, case.workflow, case.set, pins=case.pins)
    check_pins(book, case)
    asked, latest = reviews.waiting_for_unit(case, actor), case.appraisal or case.finalised
    if asked is not None and latest is not None:
        criteria = reviews.criteria_of(case, book, latest)
        left = reviews.left_for_unit(criteria, latest, asked.unit)
        if not left:
            codes = reviews.unit_checklists(criteria, asked.unit)
            taken = [refuse("block_taken", checklist=code) for code in codes]
            raise disclosure.not_allowed(case, actor, taken)
        _open(db, case, book, latest, actor, now, actor, left, due_dates.due_day(case, asked))
    elif (theirs := access.replaced_review(case, actor)) is not None and case.appraisal is not None:
        refusals = reviews.taking_over_refusals(case, book, case.appraisal, theirs, actor)
        if refusals:
            raise disclosure.not_allowed(case, actor, refusals)
        given = (actor, now, actor, theirs.checklists, due_dates.due_day(case, theirs))
        _open(db, case, book, case.appraisal, *given, behalf=theirs.person)
    return _hold(db, library, actor, number, lock=True)


def decline(db: Connection, library: Library, actor: Person, now: datetime, number: str, reason: str) -> Case:
    """Decline to review, with a reason; what was declared before stays.

    An appraiser declines for a unit that was asked in the same way; its others may still answer.
    """
    found = _taken_up(db, library, actor, now, number)
    if not reason.strip():
        raise NotAllowed([refuse("note_missing")])
    _write(db, found.review, declined_at=now, reason=reason.strip()[:PROSE_LIMIT])
    _tell_watchers(db, found.case, "review_declined", now, actor)
    return note_event(db, found.case, actor, now, "decline_review", {"review": found.review.id}, aside=True)


def _tell_watchers(db: Connection, case: Case, what: str, now: datetime, actor: Person) -> None:
    """Tell those who wait for reviews: the lead, and the coordinators."""
    notices.tell_audiences(db, case, ("lead", "coordinators"), what, now, by=actor.id)


def _working(
    db: Connection, library: Library, actor: Person, number: str, seen: int | None, *, lock: bool
) -> Held:
    found = _hold(db, library, actor, number, lock=lock)
    refusals: list[Refusal] = []
    if not found.review.declaration:
        refusals.append(refuse("declaration_missing"))
    if found.case.hold is not None:
        refusals.append(refuse("on_hold", until=found.case.hold.until))
    if refusals:
        raise disclosure.not_allowed(found.case, actor, refusals)
    if seen is not None and found.review.row_version != seen:
        raise StepConflict(seen, found.review.row_version)
    return found


def rate(
    db: Connection,
    library: Library,
    actor: Person,
    now: datetime,
    number: str,
    ratings: Mapping[str, RatingPut],
    *,
    seen: int | None = None,
) -> Review:
    """Save ratings of a review. Private: no event, and nothing of the proposal is touched.

    ``seen`` is the row version of the review. Rating confirms what was proposed.
    """
    found = _working(db, library, actor, number, seen, lock=False)
    criteria = reviews.criteria_of(found.case, found.book, found.appraisal)
    wrong = lead.unusable(found.book, criteria, ratings)
    mine = {item.id for entry in reviews.reviewed(criteria, found.review) for item in entry.checklist.items}
    known = {item.id for entry in criteria for item in entry.checklist.items}
    foreign = [item for item in ratings if item in known - mine]
    if foreign:
        wrong.append(refuse("item_not_reviewed", items=foreign))
    if wrong:
        raise disclosure.not_allowed(found.case, actor, wrong)
    _write(db, found.review)
    for item, put in ratings.items():
        _put(db, found.review, item, put, now)
    return _again(db, library, actor, number)


def _put(db: Connection, review: Review, item: str, put: RatingPut, now: datetime) -> None:
    where = (RATINGS.c.review_id == review.id, RATINGS.c.item == item)
    comment, evidence = put.comment.strip()[:PROSE_LIMIT], put.evidence.strip()[:PROSE_LIMIT]
    if not (put.value or comment or evidence):
        db.execute(delete(RATINGS).where(*where))
        return
    values = {"value": put.value, "comment": comment, "evidence": evidence, "proposed": False, "at": now}
    if item in review.ratings:
        db.execute(update(RATINGS).where(*where).values(**values))
    else:
        db.execute(insert(RATINGS).values(review_id=review.id, item=item, **values))


def _again(db: Connection, library: Library, actor: Person, number: str) -> Review:
    found = held(db, library, actor, number)
    assert found is not None
    return found.review


def changed_evidence(found: Held, person: Person) -> frozenset[str]:
    """Return the items that a person cannot confirm at once with others.

    Those are they whose evidence changed since the person signed a review of this proposal, and those that
    somebody else of the unit rated.
    """
    case = found.case
    before = [
        (entry.version_id, frozenset(review.ratings))
        for entry in case.appraisals
        if entry.id != found.appraisal.id
        for review in entry.reviews
        if review.person == person.id and review.signed_at
    ]
    signed_on = {version for version, _ in before}
    earlier = next((version for version in reversed(case.versions) if version.id in signed_on), None)
    present = next(version for version in case.versions if version.id == found.appraisal.version_id)
    if earlier is None:
        return frozenset(found.review.ratings)
    own = frozenset[str]().union(*(items for version, items in before if version == earlier.id))
    changed = differences.changed_paths(earlier, present)
    touched = carried_over.items_touched(found.book.criteria_for(present.threshold_usd), changed)
    return frozenset(touched) | (frozenset(found.review.ratings) - own)


def confirm_unchanged(
    db: Connection, library: Library, actor: Person, now: datetime, number: str, *, seen: int | None = None
) -> Review:
    """Confirm at once what was carried over on items whose evidence did not change."""
    found = _working(db, library, actor, number, seen, lock=False)
    changed = changed_evidence(found, actor)
    items = [given.item for given in found.review.ratings.values() if given.proposed]
    _write(db, found.review)
    db.execute(
        update(RATINGS)
        .where(
            RATINGS.c.review_id == found.review.id,
            RATINGS.c.item.in_([item for item in items if item not in changed]),
        )
        .values(proposed=False, at=now)
    )
    return _again(db, library, actor, number)


def sign(
    db: Connection,
    library: Library,
    actor: Person,
    now: datetime,
    number: str,
    comment: str = "",
    *,
    seen: int | None = None,
) -> Case:
    """Sign a review: from now on it stays as it is, and its reviewer sees the others'.

    It answers for the unit where that was asked, and hands the ratings of a block to the appraisal.
    After its date it is kept and marked late; once the appraisal is closed it is kept and changes nothing.
    """
    found = _working(db, library, actor, number, seen, lock=True)
    case, review, appraisal = found.case, found.review, found.appraisal
    problems = reviews.signing_problems(case, found.book, appraisal, review, comment)
    if problems:
        raise disclosure.not_allowed(case, actor, problems)
    late = responses.is_late(case, review, now)
    _write(db, review, signed_at=now, late=late, comment=comment.strip()[:PROSE_LIMIT])
    asked = reviews.asked_of(appraisal, review)
    if asked is not None and asked.answered_at is None:
        lead.keep_answer(db, asked, actor, now, comment, responses.is_late(case, asked, now))
    if appraisal.is_running:
        blocks.hand_over(db, case, found.book, appraisal, review, now)
    _tell_watchers(db, case, "review_signed", now, actor)
    said = {
        "review": review.id,
        "late": late,
        "comment": comment.strip()[:PROSE_LIMIT],
        "ratings": {item: given.value for item, given in review.ratings.items() if given.value},
    }
    return note_event(db, case, actor, now, "sign_review", said, aside=True)


def adopt_agreed(
    db: Connection, library: Library, actor: Person, now: datetime, number: str, *, seen: int | None = None
) -> Case:
    """Take over, as the lead, every rating on which all signed reviews agree and that is still open.

    The comments of the reviewers come along, each under its name, after what the lead has noted.
    """
    case, book = load(db, library, number, actor)
    running = case.appraisal
    agreed = {}
    for row in reviews.adoptable(case, book, running) if running else ():
        said = [f"{case.name(entry.person)}: {given.comment}" for entry, given in row.given if given.comment]
        shown = dict.fromkeys(given.evidence for _, given in row.given if given.evidence)
        if row.final is not None and not row.final.proposed:
            # What the lead has noted so far, without a rating.
            said.insert(0, row.final.comment)
            shown = {row.final.evidence: None, **shown}
        agreed[row.item] = RatingPut(
            row.agreed, "\n".join(filter(None, said)), "\n".join(filter(None, shown))
        )
    return lead.rate(db, library, actor, now, number, agreed, seen=seen)
