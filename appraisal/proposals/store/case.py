"""Rows of one proposal become the frozen case here that the rules read.

The number of statements is the same for every proposal, whatever hangs on it; one more for a
country project, whose siblings count.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any, cast
from zlib import crc32

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Row,
    ScalarSelect,
    Select,
    and_,
    bindparam,
    case,
    or_,
    select,
)

from appraisal.clock import parse_stamp
from appraisal.database import seals, tables
from appraisal.database.engine import take_turn
from appraisal.errors import NotFound
from appraisal.people.store.people import load_people
from appraisal.proposals import facts
from appraisal.proposals.rules import form
from appraisal.proposals.rules.track_and_money import Rate
from appraisal.proposals.store.contributions import contribution, unvalued_of
from appraisal.proposals.store.registrations import rests_on
from appraisal.proposals.store.writing import entered
from appraisal.vocabulary.project_symbols import normalised
from appraisal.vocabulary.roles import Relation

# Core tables: rows without identity, and statements that SQLAlchemy compiles once.
PROPOSALS = tables.proposals


def load_case(db: Connection, number: str, *, lock: bool = False) -> facts.Case:
    """Load a proposal; with ``lock`` its row is held until the transaction ends.

    Raises ``NotFound``.
    """
    row = db.execute(_by_number(lock), {"number": number}).one_or_none()
    if row is None:
        raise NotFound("proposal", number)
    seals.note(db, row.id, held=lock)
    return _case(db, row, lock=lock)


@cache
def _by_number(lock: bool) -> Select[Any]:
    statement = select(PROPOSALS).where(PROPOSALS.c.number == bindparam("number"))
    # SQLite ignores the clause: there, BEGIN IMMEDIATE holds the whole database.
    return statement.with_for_update() if lock else statement


def load_cases(db: Connection) -> list[facts.Case]:
    """Load every proposal, in order of number; for checks that compare facts with columns."""
    return [_case(db, row) for row in db.execute(select(PROPOSALS).order_by(PROPOSALS.c.number)).all()]


def _case(db: Connection, row: Row[Any], *, lock: bool = False) -> facts.Case:
    id, content = row.id, json.loads(row.content)
    relations, related = _relations(db, id)
    steps = _steps(db, id)
    siblings_usd, unvalued, umbrella_known = _umbrella(
        db, str(form.value(content, "identification.parent")), id, lock=lock
    )
    versions, documents = _raised(_versions(db, id), row.raised_usd), _documents(db, id)
    appraisals = _appraisals(db, id)
    decisions = _rows(db, tables.decisions, id, "id")
    mentioned = related | {id for step in steps for id in (step.by, step.behalf) if id}
    mentioned |= {id for entry in decisions for id in (entry.by, entry.for_id) if id}
    mentioned |= {
        person
        for appraisal in appraisals
        for person in (
            appraisal.lead,
            *(entry.answered_by for entry in appraisal.consultations),
            *(value for entry in appraisal.reviews for value in (entry.person, entry.behalf)),
            *(
                value
                for entry in (*appraisal.conditions, *appraisal.former_conditions)
                for value in (
                    entry.written_by,
                    entry.cleared_by,
                    entry.waived_by,
                    entry.reported_by,
                    entry.withdrawn_by,
                )
            ),
        )
        if person
    }
    return facts.Case(
        id=id,
        number=row.number,
        workflow=row.workflow,
        set=row.definition_set,
        pinned=bool(row.workflow),
        pins=json.loads(row.pins),
        state=row.state,
        state_since=row.state_since,
        origin=row.origin,
        created_at=row.created_at,
        content=content,
        row_version=row.row_version,
        sequence=row.sequence,
        head=row.head,
        track=row.track,
        tightened=row.tightened,
        previous_state=row.previous_state,
        edited_at=row.edited_at,
        illustrative=row.illustrative,
        source=row.source,
        parent=row.parent,
        predecessor=row.predecessor,
        siblings_usd=siblings_usd,
        siblings_unvalued=unvalued,
        umbrella_known=umbrella_known,
        documents=documents,
        versions=versions,
        appraisals=appraisals,
        changes=tuple(_change(entry) for entry in _rows(db, tables.changes, id, "id")),
        decisions=tuple(_decision(entry) for entry in decisions),
        voided_at=row.voided_at,
        rests=_rests(db, row, decisions),
        holds=tuple(
            facts.Hold(entry.since, entry.until, entry.reason, entry.by, entry.released_at)
            for entry in _rows(db, tables.holds, id, "id")
        ),
        steps=steps,
        relations=relations,
        people=load_people(db, mentioned),
        holidays=load_holidays(db),
    )


def _rows(db: Connection, table: Any, proposal: int, order: str) -> Sequence[Row[Any]]:
    return db.execute(_of_proposal(table, order), {"proposal": proposal}).all()


@cache
def _of_proposal(table: Any, order: str) -> Select[Any]:
    """Build a statement once: putting one together costs more than sending it."""
    return select(table).where(table.c.proposal_id == bindparam("proposal")).order_by(table.c[order])


def _relations(db: Connection, proposal: int) -> tuple[Mapping[Relation, frozenset[int]], set[int]]:
    found: dict[str, set[int]] = defaultdict(set)
    for row in _rows(db, tables.relations, proposal, "id"):
        found[row.relation].add(row.person_id)
    frozen = {cast(Relation, name): frozenset(people) for name, people in found.items()}
    return frozen, {person for people in found.values() for person in people}


def _steps(db: Connection, proposal: int) -> tuple[facts.Step, ...]:
    rows = db.execute(_steps_of(), {"proposal": proposal})
    found = []
    for *columns, naming in rows:
        columns.append(_lead_named(naming))
        found.append(facts.Step(*columns))
    return tuple(found)


def _lead_named(body: str | None) -> int | None:
    """Return the lead that a step names; the trail alone remembers earlier ones."""
    found: int | None = json.loads(body)["facts"].get("lead") if body else None
    return found


@cache
def _steps_of() -> Select[Any]:
    table = tables.events
    names = (
        "sequence",
        "name",
        "act",
        "from_state",
        "to_state",
        "at",
        "by",
        "note",
        "for_id",
        "track",
        "days_used",
        "days_limit",
    )
    naming = case((table.c.act.in_(("assign", "reassign")), table.c.body)).label("naming")
    mine = (table.c.proposal_id == bindparam("proposal"), table.c.act != "")
    return select(*(table.c[name] for name in names), naming).where(*mine).order_by(table.c.sequence)


def _versions(db: Connection, proposal: int) -> tuple[facts.Version, ...]:
    found = []
    for row in _rows(db, tables.versions, proposal, "number"):
        value = json.loads(row.value)
        found.append(
            facts.Version(
                id=row.id,
                number=row.number,
                content=value["content"],
                documents=tuple(_document_value(entry) for entry in value["documents"]),
                contributions=tuple(contribution(entry) for entry in value["contributions"]),
                usd=Decimal(value["usd"]),
                threshold_usd=Decimal(value["threshold_usd"]),
                track=value["track"],
                digest=row.digest,
                at=row.at,
                by=row.by,
            )
        )
    return tuple(found)


def _raised(versions: tuple[facts.Version, ...], usd: Decimal | None) -> tuple[facts.Version, ...]:
    """Have the last version count with what its siblings added since it was frozen, where that was noted."""
    if usd is None or not versions:
        return versions
    return (*versions[:-1], replace(versions[-1], threshold_usd=usd))


def _document_value(value: Mapping[str, Any]) -> facts.Document:
    return facts.Document(**{**value, "at": parse_stamp(value["at"])})


def _documents(db: Connection, proposal: int) -> tuple[facts.Document, ...]:
    return tuple(
        facts.Document(row.id, row.kind, row.filename, row.sha256, row.size, row.at)
        for row in _rows(db, tables.documents, proposal, "id")
        if row.removed_at is None
    )


def _appraisals(db: Connection, proposal: int) -> tuple[facts.Appraisal, ...]:
    table = tables.appraisals
    rows = _rows(db, table, proposal, "number")
    ratings: dict[int, dict[str, facts.RatingGiven]] = defaultdict(dict)
    conditions: dict[int, list[facts.Condition]] = defaultdict(list)
    former: dict[int, list[facts.Condition]] = defaultdict(list)
    consultations: dict[int, list[facts.Consultation]] = defaultdict(list)
    for row in db.execute(_ratings_of(), {"proposal": proposal}):
        ratings[row[0]][row[1]] = facts.RatingGiven(*row[1:])
    for row in db.execute(_conditions_of(), {"proposal": proposal}):
        condition = _condition(row)
        (conditions if condition.stands else former)[row.appraisal_id].append(condition)
    for row in _rows(db, tables.consultations, proposal, "id"):
        consultations[row.appraisal_id].append(
            facts.Consultation(
                row.id,
                row.unit,
                row.asked_at,
                row.due_on,
                row.answered_at,
                row.answered_by,
                row.text,
                row.late,
                row.silent_at,
                row.released_at,
            )
        )
    reviews = _reviews(db, proposal)
    return tuple(
        facts.Appraisal(
            id=row.id,
            number=row.number,
            version_id=row.version_id,
            lead=row.lead_id,
            opened_at=row.opened_at,
            ratings=ratings[row.id],
            conditions=tuple(conditions[row.id]),
            former_conditions=tuple(former[row.id]),
            consultations=tuple(consultations[row.id]),
            reviews=tuple(reviews[row.id]),
            chosen=row.chosen,
            reason=row.reason,
            finalised_at=row.finalised_at,
            computed=row.computed,
            final=row.final,
            verdicts=json.loads(row.verdicts),
            covers_evaluability=row.covers_evaluability,
            closed_at=row.closed_at,
            superseded_at=row.superseded_at,
            record=row.record,
            row_version=row.row_version,
        )
        for row in rows
    )


@cache
def _ratings_of() -> Select[Any]:
    given = tables.ratings
    columns = [
        given.c[name]
        for name in ("appraisal_id", "item", "value", "comment", "evidence", "proposed", "reason", "by")
    ]
    return select(*columns).where(given.c.appraisal_id.in_(_appraisals_of())).order_by(given.c.id)


@cache
def _conditions_of() -> Select[Any]:
    asked = tables.conditions
    mine = asked.c.proposal_id == bindparam("proposal")
    return select(asked).where(mine).order_by(asked.c.position, asked.c.number)


def _reviews(db: Connection, proposal: int) -> Mapping[int, list[facts.Review]]:
    rows, ratings = {}, defaultdict[int, dict[str, facts.RatingGiven]](dict)
    for row in db.execute(_reviews_of(), {"proposal": proposal}):
        rows[row.id] = row
        if row.item is not None:
            ratings[row.id][row.item] = facts.RatingGiven(*row[-5:])
    found: dict[int, list[facts.Review]] = defaultdict(list)
    for row in rows.values():
        found[row.appraisal_id].append(_review(row, ratings[row.id]))
    return found


@cache
def _reviews_of() -> Select[Any]:
    """Read reviews and their ratings at once: most proposals have few of either."""
    reviews, given = tables.reviews, tables.review_ratings
    mine = [column for column in reviews.c if column.name != "proposal_id"]
    theirs = [
        given.c.item,
        given.c.value,
        given.c.comment.label("remark"),
        given.c.evidence,
        given.c.proposed,
    ]
    return (
        select(*mine, *theirs)
        .outerjoin(given, given.c.review_id == reviews.c.id)
        .where(reviews.c.proposal_id == bindparam("proposal"))
        .order_by(reviews.c.id, given.c.id)
    )


def review_open(table: FromClause = tables.reviews) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions under which a review is still to be signed, as ``facts.Review.is_open`` says.

    ``table`` is an alias where the statement reads reviews otherwise as well.
    """
    columns = table.c
    return (
        columns.declaration != "declared",
        columns.signed_at.is_(None),
        columns.declined_at.is_(None),
        columns.withdrawn_at.is_(None),
    )


def _review(row: Row[Any], ratings: Mapping[str, facts.RatingGiven]) -> facts.Review:
    return facts.Review(
        id=row.id,
        person=row.person_id,
        unit=row.unit,
        checklists=tuple(row.checklists.split()),
        asked_at=row.asked_at,
        due_on=row.due_on,
        declaration=row.declaration,
        declared_at=row.declared_at,
        declined_at=row.declined_at,
        reason=row.reason,
        signed_at=row.signed_at,
        comment=row.comment,
        late=row.late,
        silent_at=row.silent_at,
        released_at=row.released_at,
        withdrawn_at=row.withdrawn_at,
        behalf=row.for_id,
        row_version=row.row_version,
        ratings=ratings,
    )


def _appraisals_of() -> ScalarSelect[Any]:
    table = tables.appraisals
    return select(table.c.id).where(table.c.proposal_id == bindparam("proposal")).scalar_subquery()


def _condition(row: Row[Any]) -> facts.Condition:
    return facts.Condition(
        id=row.id,
        number=row.number,
        item=row.item,
        text=row.text,
        owner=row.owner,
        due_on=row.due_on,
        gate=row.gate,
        by_hand=row.by_hand,
        cleared_at=row.cleared_at,
        cleared_by=row.cleared_by,
        evidence=row.evidence,
        waived_at=row.waived_at,
        waived_by=row.waived_by,
        owner_id=row.owner_id,
        reported_at=row.reported_at,
        reported_by=row.reported_by,
        report=row.report,
        position=row.position,
        written_at=row.written_at,
        written_by=row.written_by,
        follows=row.follows,
        withdrawn_at=row.withdrawn_at,
        withdrawn_by=row.withdrawn_by,
        superseded_by=row.superseded_by,
        row_version=row.row_version,
    )


def _change(row: Row[Any]) -> facts.RequiredChange:
    return facts.RequiredChange(
        row.id, row.number, row.round, row.item, row.text, row.answer, row.answer_text, row.answered_at
    )


def _decision(row: Row[Any]) -> facts.Decision:
    return facts.Decision(
        id=row.id,
        kind=row.kind,
        at=row.at,
        by=row.by,
        version_id=row.version_id,
        appraisal_id=row.appraisal_id,
        note=row.note,
        approved_at=row.approved_at,
        document=row.document,
        source=row.source,
        voided_at=row.voided_at,
        contradicts=row.contradicts,
        behalf=row.for_id,
        contributions=tuple(map(contribution, json.loads(row.contributions))) if row.contributions else None,
    )


def _rests(db: Connection, row: Row[Any], decisions: Sequence[Row[Any]]) -> frozenset[str]:
    registered = [entry for entry in decisions if entry.kind == "register_approval" and not entry.voided_at]
    return rests_on(db, row.id, row.number, registered[-1].at) if registered else frozenset()


def _umbrella(db: Connection, parent: str, id: int, *, lock: bool) -> tuple[Decimal, tuple[str, ...], bool]:
    """Return what the other country projects under a form's umbrella add, and whether it is one here.

    Those whose US$ nobody knows are named between: an amount that has no rate is none of nought.

    Only what was submitted or registered counts: a draft is its authors' alone, and binds nobody else.
    With ``lock`` the country projects of one umbrella are acted on one after the other: of two submitted at
    once, the second sees what the first adds.
    """
    number = normalised(parent)
    if not number:
        return Decimal(0), (), True
    if lock:
        # Below zero, where no lock of the product lies.
        take_turn(db, -1 - crc32(number.encode()))
    is_sibling = and_(PROPOSALS.c.parent == number, PROPOSALS.c.counts.is_(True), *entered())
    is_umbrella = and_(PROPOSALS.c.number == number, PROPOSALS.c.kind == "umbrella")
    rows = db.execute(
        select(PROPOSALS.c.id, PROPOSALS.c.number, PROPOSALS.c.usd, PROPOSALS.c.route).where(
            PROPOSALS.c.id != id, PROPOSALS.c.voided_at.is_(None), or_(is_sibling, is_umbrella)
        )
    ).all()
    siblings = [row for row in rows if row.number != number]
    # Only what was registered without a version may be worth what nobody knows.
    registered = {row.id: row.number for row in siblings if row.route == "outside"}
    known = (row.usd for row in siblings if row.usd is not None)
    unvalued = tuple(sorted(registered[id] for id in unvalued_of(db, registered))) if registered else ()
    return sum(known, Decimal(0)), unvalued, any(row.number == number for row in rows)


def siblings_usd(db: Connection, umbrella: str, id: int) -> Decimal:
    """Return what the country projects beside one add up to under an umbrella, to be acted on."""
    return _umbrella(db, umbrella, id, lock=True)[0]


def load_holidays(db: Connection) -> Mapping[str, frozenset[date]]:
    """Load the calendars of all duty stations."""
    found: dict[str, set[date]] = defaultdict(set)
    for station, day in db.execute(_holidays()):
        found[station].add(day)
    return {station: frozenset(days) for station, days in found.items()}


@cache
def _holidays() -> Select[Any]:
    table = tables.holidays
    return select(table.c.station, table.c.day)


def load_rates(db: Connection) -> tuple[Rate, ...]:
    """Load the rates in force: of each currency and day the one that was entered last."""
    table = tables.rates
    statement = select(table.c.currency, table.c.day, table.c.per_usd, table.c.source).order_by(table.c.id)
    return tuple({row[:2]: Rate(*row) for row in db.execute(statement)}.values())
