"""An appraisal is given to a lead here, handed to another one, or opened again."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, update

from appraisal.appraisals.rules import carried_over, responses, reviews
from appraisal.appraisals.rules import conditions as rules
from appraisal.appraisals.rules.conditions import Ending
from appraisal.appraisals.services import blocks
from appraisal.appraisals.store import conditions as stored
from appraisal.clock import geneva_date
from appraisal.database import tables
from appraisal.database.rows import insert_row
from appraisal.deadlines.rules import working_days
from appraisal.notices.services import notices
from appraisal.people.facts import Person
from appraisal.proposals.facts import Appraisal, Case, Condition, Consultation, RatingGiven, Review
from appraisal.proposals.rules import access
from appraisal.proposals.rules.rulebook import Rulebook
from appraisal.proposals.services.opening import add_relation
from appraisal.proposals.services.taking import Outcome, Taking
from appraisal.workflow.services.closing import named, update_appraisal, with_appraisal


def assign(taking: Taking) -> Outcome:
    """Name the lead, open the appraisal of this version, carry earlier ratings over, ask the units."""
    lead, version = taking.inputs.lead, taking.case.version
    assert lead is not None
    assert version is not None
    case = _retired(taking, _tightened(taking))
    number = len(case.appraisals) + 1
    id = insert_row(
        taking.db,
        tables.appraisals,
        proposal_id=case.id,
        version_id=version.id,
        number=number,
        lead_id=lead.id,
        opened_at=taking.now,
        row_version=_beyond(case),
    )
    case, carried, left = _conditions_carried(taking, case, id)
    appraisal = Appraisal(
        id,
        number,
        version.id,
        lead.id,
        taking.now,
        ratings=_carry_over(taking, id, lead),
        conditions=carried,
        consultations=ask_units(taking.db, case, taking.book, taking.now, id),
        row_version=_beyond(case),
    )
    after = add_relation(
        taking.db, replace(case, appraisals=(*case.appraisals, appraisal)), lead, "lead", taking.now
    )
    notices.tell_units(taking.db, after, appraisal.consultations, {lead.id}, taking.now, by=taking.actor.id)
    facts = {
        "lead": lead.id,
        "appraisal": number,
        "track": case.track,
        "asked": [entry.unit for entry in appraisal.consultations],
        **rules.carrying_facts(carried, left),
    }
    return Outcome(after, {"track": case.track, "tightened": case.tightened}, facts)


def _beyond(case: Case) -> int:
    """Return a row version that no page of an earlier appraisal can have been drawn from."""
    return 1 + max((entry.row_version for entry in case.appraisals), default=0)


def _tightened(taking: Taking) -> Case:
    track = taking.inputs.track
    return replace(taking.case, track=track, tightened=track) if track else taking.case


def _retired(taking: Taking, case: Case) -> Case:
    """Take back what is still to be signed about an earlier version: nobody waits for it any more."""
    left = {entry.id for appraisal in case.appraisals for entry in appraisal.reviews if entry.is_open}
    return _taken_back(taking, case, left)


def _carry_over(taking: Taking, appraisal: int, lead: Person) -> Mapping[str, RatingGiven]:
    """Propose the ratings of the last appraisal, for the criteria that apply to this version.

    One that was closed as it was left hands on what its lead had rated so far.
    """
    earlier = carried_over.appraisals_carried_from(taking.case.appraisals)
    if not earlier or taking.case.version is None:
        return {}
    last = earlier[-1]
    criteria = taking.book.criteria_for(taking.case.version.threshold_usd)
    items = [
        item.id for criterion in criteria for item in criterion.checklist.items if item.id in last.ratings
    ]
    carried = {item: replace(last.ratings[item], proposed=True, by=lead.id, reason="") for item in items}
    for given in carried.values():
        insert_rating(taking, appraisal, given)
    return carried


def _conditions_carried(
    taking: Taking, case: Case, appraisal: int
) -> tuple[Case, tuple[Condition, ...], tuple[Condition, ...]]:
    """Let the new appraisal go on with the open conditions of one that was closed as it was left.

    Those on items that do not apply to the present version are withdrawn; what is waived or cleared stays
    with the version that it was about. Those of a finalised appraisal stay with it, until the new one is
    closed. Return the case, what was carried over, and what was withdrawn.
    """
    last = case.appraisals[-1] if case.appraisals else None
    if last is None or last.finalised_at is not None or case.version is None:
        return case, (), ()
    criteria = taking.book.criteria_for(case.version.threshold_usd)
    items = {item.id for criterion in criteria for item in criterion.checklist.items} | {""}
    open_ones = [entry for entry in last.conditions if entry.is_open]
    carried = tuple(entry for entry in open_ones if entry.item in items)
    left = tuple(entry for entry in open_ones if entry.item not in items)
    ending = Ending(left)
    stored.end(taking.db, ending, taking.actor.id, taking.now)
    stored.carry(taking.db, appraisal, carried)
    after = ending.applied(case, taking.now, taking.actor.id)
    kept = tuple(entry for entry in last.conditions if not entry.is_open)
    before = next(entry for entry in after.appraisals if entry.id == last.id)
    return with_appraisal(after, replace(before, conditions=kept)), carried, left


def insert_rating(taking: Taking, appraisal: int, given: RatingGiven) -> None:
    insert_row(
        taking.db,
        tables.ratings,
        appraisal_id=appraisal,
        item=given.item,
        value=given.value,
        comment=given.comment,
        evidence=given.evidence,
        reason=given.reason,
        proposed=given.proposed,
        by=given.by,
        at=taking.now,
    )


def ask_units(
    db: Connection,
    case: Case,
    book: Rulebook,
    now: datetime,
    appraisal: int,
    asked: Sequence[Consultation] = (),
) -> tuple[Consultation, ...]:
    """Open a consultation for each unit that the applicable checklists name and that is not asked yet.

    They are due by the track; those opened are returned.
    """
    version = case.version
    assert version is not None
    days = book.workflow.tracks[case.track].consultation_days
    holidays = case.holidays.get(working_days.GENEVA, frozenset())
    due = working_days.add_working_days(geneva_date(now), days, holidays)
    known = {entry.unit for entry in asked}
    units = dict.fromkeys(
        unit
        for criterion in book.criteria_for(version.threshold_usd)
        for unit in criterion.checklist.consult
        if unit not in known
    )
    return tuple(
        Consultation(
            insert_row(
                db,
                tables.consultations,
                proposal_id=case.id,
                appraisal_id=appraisal,
                unit=unit,
                asked_at=now,
                due_on=due,
            ),
            unit,
            now,
            due,
        )
        for unit in units
    )


def reassign(taking: Taking) -> Outcome:
    """Hand the running appraisal to another lead, who has to confirm every rating."""
    lead, running = taking.inputs.lead, taking.case.appraisal
    assert lead is not None
    assert running is not None
    seen = running.row_version
    update_appraisal(taking, running.id, lead_id=lead.id, row_version=seen + 1)
    blocked = reviews.block_items(taking.book.criteria)
    table = tables.ratings
    taking.db.execute(
        update(table)
        .where(table.c.appraisal_id == running.id, table.c.item.not_in(blocked))
        .values(proposed=True)
    )
    ratings = {
        item: given if item in blocked else replace(given, proposed=True)
        for item, given in running.ratings.items()
    }
    changed = replace(running, lead=lead.id, ratings=ratings, row_version=seen + 1)
    after = _without_reviews_of(taking, with_appraisal(taking.case, changed), lead)
    after = add_relation(taking.db, after, lead, "lead", taking.now)
    return Outcome(after, {"holder_id": lead.id}, {"lead": lead.id, "before": running.lead})


def _without_reviews_of(taking: Taking, case: Case, lead: Person) -> Case:
    """Take back the open reviews of whoever becomes lead: nobody reconciles what is still to be written."""
    return _taken_back(taking, case, {entry.id for entry in access.reviews_of(case, lead) if entry.is_open})


def _taken_back(taking: Taking, case: Case, ids: set[int]) -> Case:
    if not ids:
        return case
    table = tables.reviews
    # Whoever saves at this moment is told so: the rating would stay behind in what is taken back.
    taking.db.execute(
        update(table)
        .where(table.c.id.in_(ids))
        .values(withdrawn_at=taking.now, row_version=table.c.row_version + 1)
    )
    return replace(
        case,
        appraisals=tuple(
            replace(
                appraisal,
                reviews=tuple(
                    replace(entry, withdrawn_at=taking.now, row_version=entry.row_version + 1)
                    if entry.id in ids
                    else entry
                    for entry in appraisal.reviews
                ),
            )
            for appraisal in case.appraisals
        ),
    )


def recall(taking: Taking) -> Outcome:
    """Open a finalised appraisal again as a new one with the same ratings; the record stays, superseded.

    Its conditions belong to the new one as they are: what is waived stays waived, what is cleared cleared.
    """
    case, finalised = taking.case, taking.case.finalised
    assert finalised is not None
    update_appraisal(taking, finalised.id, superseded_at=taking.now)
    superseded = with_appraisal(case, replace(finalised, superseded_at=taking.now, conditions=()))
    opened = _open_again(taking, finalised)
    # What is still to be signed is signed once, in the appraisal that is opened again.
    superseded = _taken_back(taking, superseded, {entry.id for entry in finalised.reviews if entry.is_open})
    return Outcome(
        replace(superseded, appraisals=(*superseded.appraisals, opened)),
        facts={
            "superseded": finalised.number,
            "record": finalised.record,
            "appraisal": opened.number,
            **rules.carrying_facts(finalised.conditions, ()),
            **({"asked": asked} if (asked := _asked_since(finalised, opened)) else {}),
        },
    )


def _asked_since(finalised: Appraisal, opened: Appraisal) -> list[str]:
    known = {entry.unit for entry in finalised.consultations}
    return [entry.unit for entry in opened.consultations if entry.unit not in known]


def _open_again(taking: Taking, finalised: Appraisal) -> Appraisal:
    number = len(taking.case.appraisals) + 1
    id = insert_row(
        taking.db,
        tables.appraisals,
        proposal_id=taking.case.id,
        version_id=finalised.version_id,
        number=number,
        lead_id=finalised.lead,
        opened_at=taking.now,
        chosen=finalised.chosen,
        reason=finalised.reason,
        row_version=_beyond(taking.case),
    )
    for given in finalised.ratings.values():
        insert_rating(taking, id, given)
    stored.carry(taking.db, id, finalised.conditions)
    assert finalised.finalised_at is not None
    # A threshold that was crossed meanwhile calls for somebody who was not asked before.
    new = ask_units(taking.db, taking.case, taking.book, taking.now, id, finalised.consultations)
    notices.tell_units(taking.db, taking.case, new, {finalised.lead}, taking.now, by=taking.actor.id)
    opened = replace(
        finalised,
        reviews=tuple(
            _copied_review(taking, id, responses.awaited_again(taking.case, entry, taking.now))
            for entry in finalised.reviews
        ),
        id=id,
        number=number,
        opened_at=taking.now,
        finalised_at=None,
        computed="",
        final="",
        verdicts={},
        covers_evaluability=False,
        record="",
        row_version=_beyond(taking.case),
        former_conditions=(),
        consultations=(
            *(
                _copied(taking, id, responses.awaited_again(taking.case, entry, taking.now))
                for entry in finalised.consultations
            ),
            *new,
        ),
    )
    return blocks.hand_over_late(
        taking.db, taking.case, taking.book, opened, finalised.finalised_at, taking.now
    )


def _copied(taking: Taking, appraisal: int, entry: Consultation) -> Consultation:
    """Write a consultation once more, for another appraisal."""
    fields = {name: value for name, value in named(entry).items() if name != "id"}
    fields |= {"appraisal_id": appraisal, "proposal_id": taking.case.id}
    return replace(entry, id=insert_row(taking.db, tables.consultations, **fields))


def _copied_review(taking: Taking, appraisal: int, review: Review) -> Review:
    """Write a review once more with its ratings, for the appraisal that is opened again."""
    other = ("id", "ratings", "person", "behalf", "checklists")
    same = {name: value for name, value in named(review).items() if name not in other}
    id = insert_row(
        taking.db,
        tables.reviews,
        proposal_id=taking.case.id,
        appraisal_id=appraisal,
        person_id=review.person,
        for_id=review.behalf,
        checklists=" ".join(review.checklists),
        asked_by=taking.actor.id,
        **same,
    )
    for given in review.ratings.values():
        kept = {name: getattr(given, name) for name in ("item", "value", "comment", "evidence", "proposed")}
        insert_row(taking.db, tables.review_ratings, review_id=id, at=taking.now, **kept)
    return replace(review, id=id)
