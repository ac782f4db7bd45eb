"""The lead rates, confirms what was carried over, and recommends; units answer what they were asked."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, update

from appraisal.appraisals.rules import carried_over, permissions, responses, reviews, verdicts
from appraisal.appraisals.rules.conditions import ConditionPut
from appraisal.appraisals.services import conditions as services
from appraisal.database import tables
from appraisal.definitions.library import Criterion, Library
from appraisal.errors import NotFound, StepConflict
from appraisal.people.facts import Person, Scope
from appraisal.people.rules import substitutes
from appraisal.proposals.facts import Appraisal, Case, Consultation
from appraisal.proposals.rules import access, differences, disclosure, rulebook
from appraisal.proposals.services.drafts import note_event
from appraisal.proposals.services.opening import add_relation, load
from appraisal.proposals.store.case import load_case
from appraisal.vocabulary.limits import PROSE_LIMIT
from appraisal.vocabulary.refusals import NotAllowed, Refusal, refuse

RATINGS = tables.ratings
APPRAISALS = tables.appraisals


@dataclass(frozen=True, slots=True)
class RatingPut:
    """What the lead or a reviewer puts down for an item; an empty value takes the rating back.

    ``reason`` is the lead's: why the final rating differs from a reviewer's; None leaves it as it is.
    """

    value: str
    comment: str = ""
    evidence: str = ""
    reason: str | None = None


def _rateable(
    db: Connection, library: Library, actor: Person, now: datetime, number: str, seen: int | None
) -> tuple[Case, rulebook.Rulebook, Appraisal]:
    """Load for rating; ``seen`` is the row version of the appraisal, not of the proposal.

    Whoever rates for the lead has led from then on: neither of the two will ever decide.
    """
    actor = substitutes.on_duty(actor, now)
    case, book = load(db, library, number, actor, lock=True)
    running = case.appraisal
    if running is None or not access.may_rate(case, actor, now):
        raise disclosure.not_allowed(case, actor, rate_refusals(case, actor, now))
    if seen is not None and running.row_version != seen:
        raise StepConflict(seen, running.row_version)
    after = add_relation(db, case, actor, "lead", now)
    if after is not case:
        said = {"person": actor.id, "for": running.lead}
        after = note_event(db, after, actor, now, "lead_for", said, aside=True)
    return after, book, running


def rate_refusals(case: Case, actor: Person, now: datetime) -> list[Refusal]:
    """Return why a person who may not rate the running appraisal may not, as far as they are told."""
    if case.appraisal is None:
        return [refuse("not_open_for_rating")]
    leads = {actor.id} | substitutes.stands_in_for(actor, "appraisals", now)
    scopes: tuple[Scope, ...] = ("appraisals",) if case.appraisal.lead in leads else ()
    found = permissions.exclusions(case, actor, "author", case.related("author"), scopes, now)
    if scopes and (partial := permissions.partiality(case, actor, scopes, now)):
        found.append(partial)
    if not found and (case.hold is None or not (scopes and actor.has("appraiser"))):
        found.append(refuse("not_lead"))
    if case.hold is not None:
        found.append(refuse("on_hold", until=case.hold.until))
    return disclosure.refusals_for(case, actor, found)


def rate(
    db: Connection,
    library: Library,
    actor: Person,
    now: datetime,
    number: str,
    ratings: Mapping[str, RatingPut],
    *,
    seen: int | None = None,
) -> Case:
    """Save ratings of some items. Saving is private and makes no event; rating confirms what was proposed.

    An item or value that the set does not have is refused; what a rating still lacks (a comment)
    is said by the checklists and holds up finalising only.
    """
    case, book, running = _rateable(db, library, actor, now, number, seen)
    criteria = reviews.criteria_of(case, book, running)
    wrong = unusable(book, criteria, ratings)
    units = reviews.block_items(criteria)
    for unit in dict.fromkeys(units.values()):
        given = [item for item in ratings if units.get(item) == unit]
        if given:
            wrong.append(refuse("block_of_unit", items=given, unit=unit))
    if wrong:
        raise disclosure.not_allowed(case, actor, wrong)
    for item, put in ratings.items():
        _put_rating(db, running, item, put, actor, now)
    _touch(db, running)
    return load_case(db, number)


def unusable(
    book: rulebook.Rulebook, criteria: Iterable[Criterion], ratings: Mapping[str, RatingPut]
) -> list[Refusal]:
    """Return what is wrong with ratings that were put down: items and values that the set does not have."""
    known = {item.id for criterion in criteria for item in criterion.checklist.items}
    return [refuse("item_unknown", item=item) for item in ratings if item not in known] + [
        refuse("rating_unknown", item=item, value=put.value)
        for item, put in ratings.items()
        if put.value and book.set.rating(put.value) is None
    ]


def _items(case: Case, book: rulebook.Rulebook, running: Appraisal) -> frozenset[str]:
    """Return the items of the criteria that apply to the version being appraised."""
    criteria = reviews.criteria_of(case, book, running)
    return frozenset(item.id for criterion in criteria for item in criterion.checklist.items)


def _put_rating(
    db: Connection, running: Appraisal, item: str, put: RatingPut, actor: Person, now: datetime
) -> None:
    where = (RATINGS.c.appraisal_id == running.id, RATINGS.c.item == item)
    kept = running.ratings[item].reason if item in running.ratings else ""
    comment, evidence, reason = (
        text.strip()[:PROSE_LIMIT]
        for text in (put.comment, put.evidence, kept if put.reason is None else put.reason)
    )
    if not (put.value or comment or evidence or reason):
        db.execute(delete(RATINGS).where(*where))
        return
    values = {
        "value": put.value,
        "comment": comment,
        "evidence": evidence,
        "reason": reason,
        "proposed": False,
        "by": actor.id,
        "at": now,
    }
    if item in running.ratings:
        db.execute(update(RATINGS).where(*where).values(**values))
    else:
        db.execute(insert(RATINGS).values(appraisal_id=running.id, item=item, **values))


def _touch(db: Connection, running: Appraisal, **values: Any) -> None:
    changed = db.execute(
        update(APPRAISALS)
        .where(APPRAISALS.c.id == running.id, APPRAISALS.c.row_version == running.row_version)
        .values(row_version=running.row_version + 1, **values)
    )
    if changed.rowcount != 1:
        raise StepConflict(running.row_version, None)


def changed_evidence(case: Case, book: rulebook.Rulebook) -> frozenset[str]:
    """Return the items whose evidence fields differ between a version appraised before and the present one.

    That is any version on which a rating that was carried over may have been given. An item that cites
    a document changes when the files of that kind do.
    """
    running, earlier = case.appraisal or case.finalised, carried_over.versions_carried_from(case)
    if running is None:
        return frozenset()
    present = next(entry for entry in case.versions if entry.id == running.version_id)
    changed = frozenset[str]().union(*(differences.changed_paths(entry, present) for entry in earlier))
    return frozenset(carried_over.items_touched(book.criteria_for(present.threshold_usd), changed))


def confirm_unchanged(
    db: Connection, library: Library, actor: Person, now: datetime, number: str, *, seen: int | None = None
) -> Case:
    """Confirm all proposed ratings of items whose evidence did not change; the others stay proposed."""
    case, book, running = _rateable(db, library, actor, now, number, seen)
    changed = changed_evidence(case, book)
    blocked = reviews.block_items(book.criteria)
    items = [
        given.item
        for given in running.ratings.values()
        if given.proposed and given.item not in changed and given.item not in blocked
    ]
    if items:
        db.execute(
            update(RATINGS)
            .where(RATINGS.c.appraisal_id == running.id, RATINGS.c.item.in_(items))
            .values(proposed=False, by=actor.id, at=now)
        )
    _touch(db, running)
    return load_case(db, number)


def recommend(
    db: Connection,
    library: Library,
    actor: Person,
    now: datetime,
    number: str,
    *,
    chosen: str = "",
    reason: str = "",
    conditions: Sequence[ConditionPut] | None = None,
    known: Collection[int] | None = None,
    seen: int | None = None,
) -> Case:
    """Save the recommendation that the lead chooses, why, and the conditions; nothing is final yet.

    An empty choice follows what is computed. Whether the choice is open is judged by the step
    that makes it final; a recommendation that the set does not have is refused at once. Without
    ``conditions`` they stay as they are; ``known`` are the ids of those that the lead was shown (None for
    all), of which the ones left out are withdrawn.
    """
    case, book, running = _rateable(db, library, actor, now, number, seen)
    applying = _items(case, book, running)
    wrong = [
        refuse("item_unknown", item=put.item)
        for put in conditions or ()
        if put.item and put.item not in applying
    ]
    if wrong:
        raise disclosure.not_allowed(case, actor, wrong)
    if chosen and chosen not in {entry.code for entry in book.set.recommendations}:
        raise NotAllowed([refuse("recommendation_unknown", recommendation=chosen)])
    if conditions is not None:
        low = verdicts.low_items(book.set, running.ratings)
        case = services.save(db, case, running, actor, now, conditions, known, low)
    _touch(db, running, chosen=chosen, reason=reason.strip())
    return load_case(db, number)


def answer_consultation(
    db: Connection,
    library: Library,
    actor: Person,
    now: datetime,
    number: str,
    consultation: int,
    text: str,
) -> Case:
    """Write down, as a coordinator, a unit's comment that came by other means.

    After its date it is kept and marked late; once the appraisal is closed it is kept all the same. Where
    that was recalled, the one that was opened again is answered.
    """
    case, _ = load(db, library, number, actor, lock=True)
    asked = responses.consultation_of(case, consultation)
    if asked is None:
        raise NotFound("consultation", str(consultation))
    _, found = asked
    refusals = permissions.answering_refusals(case, found, actor)
    if not text.strip():
        refusals.append(refuse("text_missing"))
    if refusals:
        raise disclosure.not_allowed(case, actor, refusals)
    late = responses.is_late(case, found, now)
    keep_answer(db, found, actor, now, text, late)
    said = {"unit": found.unit, "late": late}
    return note_event(db, case, actor, now, "answer_consultation", said, aside=True)


def keep_answer(
    db: Connection, entry: Consultation, actor: Person, now: datetime, text: str, late: bool
) -> None:
    """Write down what a unit says; what was answered before stays."""
    table = tables.consultations
    db.execute(
        update(table)
        .where(table.c.id == entry.id, table.c.answered_at.is_(None))
        .values(answered_at=now, answered_by=actor.id, text=text.strip()[:PROSE_LIMIT], late=late)
    )
