"""The work list says what waits for whom, each kind of duty in a fixed number of statements."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    String,
    and_,
    case,
    cast,
    exists,
    false,
    literal,
    or_,
    select,
    union_all,
)

from appraisal.appraisals.store.conditions import binding
from appraisal.database import tables
from appraisal.people.facts import Person
from appraisal.people.rules.substitutes import covered
from appraisal.people.store.roles import able, holding
from appraisal.people.store.substitutes import deputies_of
from appraisal.proposals.rules.duties import TITLES, Duty, Kind
from appraisal.proposals.store.case import review_open
from appraisal.proposals.store.lists import COLUMNS, Listed, listed_of
from appraisal.proposals.store.visible import (
    any_related,
    blind,
    fully_visible,
    related,
    reviewing,
    without_author,
)
from appraisal.proposals.store.writing import in_states

PEOPLE = tables.people
PROPOSALS = tables.proposals
RELATIONS = tables.relations
CONSULTATIONS = tables.consultations
REVIEWS = tables.reviews
CONDITIONS = tables.conditions
NOTICES = tables.notices
DECISIONS = tables.decisions


def work_of(
    db: Connection,
    person: Person,
    held_by: Mapping[str, Collection[tuple[str, str]]],
    today: date,
    blocks: Collection[str] = (),
    most: int = 200,
) -> list[tuple[str, Listed]]:
    """List what waits for a person, by what is due first; each with what makes it theirs.

    ``held_by`` gives for each holder (author, coordinator, lead, manager) the states it holds, each with its
    workflow, ``blocks`` the checklists whose reviewer never decides. What waits for a lead for whom the
    person stands in has the holder *substitute*. For coordinators, *orphaned* ones are added, whose lead
    cannot go on, and *authorless* ones, whose authors cannot: of one that they do not read, the number
    alone. A first signature that the person may give the second to is listed under its own kind
    (*propose_override*, *propose_annulment*, *propose_correction*), by when it was given.
    """
    by_holder = tuple(sorted((holder, frozenset(states)) for holder, states in held_by.items()))
    statement = _work_for(person, by_holder, today, tuple(sorted(blocks)), most)
    rows = db.execute(statement).all() if statement is not None else []
    holders = {state: holder for holder, states in held_by.items() for state in states}
    return [_work(holders, person, row) for row in rows]


# Each takes a third of a megabyte.
@lru_cache(maxsize=32)
def _work_for(
    person: Person,
    holders: tuple[tuple[str, frozenset[tuple[str, str]]], ...],
    today: date,
    blocks: tuple[str, ...],
    most: int,
) -> Select[Any] | None:
    """Build the statement once a person and day, which takes longer than asking; None where nothing waits.

    What it says of the person follows from the value alone, so that other roles or duties are another one.
    """
    held_by = dict(holders)
    mine: list[ColumnElement[bool]] = []
    orphaned: ColumnElement[bool] = false()
    authorless: ColumnElement[bool] = false()
    signed: ColumnElement[bool] = false()
    if held_by.get("author") and person.has("designer"):
        mine.append(and_(in_states(held_by["author"]), related(person, "author")))
    if held_by.get("lead"):
        if person.has("appraiser"):
            mine.append(and_(in_states(held_by["lead"]), PROPOSALS.c.holder_id == person.id))
        if replaced := covered(person, "appraisals"):
            mine.append(
                and_(
                    in_states(held_by["lead"]),
                    PROPOSALS.c.holder_id.in_(sorted(replaced)),
                    ~any_related({person.id} | replaced, "author"),
                )
            )
    if held_by.get("author") and person.has("manager"):
        # The rounds are spent: whether there is a further one is a manager's to say.
        awaiting = (in_states(held_by["author"]), PROPOSALS.c.awaits_manager)
        mine.append(
            and_(*awaiting, ~_deciding_bars(person, today), ~_barred_by_review(person, today, blocks))
        )
    for role in ("coordinator", "manager"):
        if held_by.get(role) and person.has(role):
            barred = related(person, "author")
            if role == "manager":
                barred = or_(_deciding_bars(person, today), _barred_by_review(person, today, blocks))
            # What was approved outside is on record here and waits for nobody.
            mine.append(
                and_(
                    in_states(held_by[role]),
                    PROPOSALS.c.route != "outside",
                    ~barred,
                    # While an annulment waits it is the managers' turn, who find it under its own kind.
                    PROPOSALS.c.id.not_in(_signed("propose_annulment")),
                )
            )
    if person.has("coordinator") and person.active:
        others = ~related(person, "author")
        orphaned = and_(
            in_states(held_by.get("lead", ())),
            PROPOSALS.c.holder_id.not_in(able("appraiser")),
            others,
        )
        authorless = and_(in_states(held_by.get("author", ())), without_author(), others)
        mine.append(orphaned)
    if person.has("manager") and person.active:
        signed = _second_signature(person, today, blocks)
        mine.append(signed)
    if (person.has("coordinator") or person.has("manager")) and person.active:
        correcting = _second_of_correction(person, today)
        # Each by itself: of conditions that are nested, SQLite finds none by an index.
        mine.append(correcting)
        signed = or_(signed, correcting)
    if not mine:
        return None
    full, first = fully_visible(person), DECISIONS.alias("first")
    return (
        select(
            *COLUMNS,
            full.label("full"),
            case(
                (signed, first.c.kind),
                (orphaned, "orphaned"),
                (authorless, "authorless"),
                (and_(PROPOSALS.c.awaits_manager, ~related(person, "author")), "manager"),
                else_="",
            ),
            first.c.at,
        )
        .outerjoin(first, and_(first.c.proposal_id == PROPOSALS.c.id, *_waiting(first)))
        # Each by itself, so that each finds its own by an index.
        .where(or_(*(and_(entry, full) for entry in mine), authorless))
        .order_by(PROPOSALS.c.due_on.is_(None), PROPOSALS.c.due_on, PROPOSALS.c.id)
        .limit(most)
    )


# First signatures of managers, and all of them.
_DECIDING: Final = ("propose_override", "propose_annulment")
_CORRECTING: Final = ("propose_correction",)
_FIRST: Final = (*_DECIDING, *_CORRECTING)
_SIGNATURES: Final[Mapping[Kind, Sequence[str]]] = {"signature": _DECIDING, "correction": _CORRECTING}


def _waiting(table: FromClause = DECISIONS, kinds: Sequence[str] = _FIRST) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions that a decision is a first signature that waits (``Case.signature``)."""
    return table.c.kind.in_(kinds), table.c.voided_at.is_(None)


def _signed(kind: str) -> Select[tuple[int]]:
    """Return the statement that reads the proposals on which a first signature of a kind waits."""
    return select(DECISIONS.c.proposal_id).where(DECISIONS.c.kind == kind, DECISIONS.c.voided_at.is_(None))


def _deciding_bars(person: Person, today: date) -> ColumnElement[bool]:
    """Return the condition that a relation bars a manager, or whoever counts as one with the manager."""
    own = {person.id} | covered(person, "decisions")
    return exists().where(
        RELATIONS.c.proposal_id == PROPOSALS.c.id,
        RELATIONS.c.relation.in_(("author", "lead")),
        or_(
            RELATIONS.c.person_id.in_(sorted(own)),
            RELATIONS.c.person_id.in_(deputies_of(person.id, "decisions", today)),
        ),
    )


def _barred_by_review(person: Person, today: date, blocks: Collection[str]) -> ColumnElement[bool]:
    """Return the condition that a manager never decides though no relation bars them.

    They, or whoever counts as one with them, declared a conflict of interest or finalised a block.
    """
    own = sorted({person.id} | covered(person, "decisions"))
    deputies = deputies_of(person.id, "decisions", today)
    reviewer = REVIEWS.c.person_id
    listed = " " + REVIEWS.c.checklists + " "
    finalised = [listed.contains(f" {code} ") for code in sorted(blocks)]
    return exists().where(
        REVIEWS.c.proposal_id == PROPOSALS.c.id,
        or_(reviewer.in_(own), reviewer.in_(deputies)),
        or_(
            REVIEWS.c.declaration == "declared",
            and_(REVIEWS.c.signed_at.is_not(None), or_(false(), *finalised)),
        ),
    )


def _second_signature(person: Person, today: date, blocks: Collection[str]) -> ColumnElement[bool]:
    """Return the condition that a manager may give the second signature to a first one that waits.

    Not a first signatory, an author, a former lead, somebody in conflict or who owes a review, one
    who finalised a block, nor anybody who counts as one with them.
    """
    signatures = _signed_by_others(person, today, _DECIDING)
    barred = or_(_deciding_bars(person, today), _barred_by_review(person, today, blocks), blind(person))
    return and_(PROPOSALS.c.id.in_(signatures), ~barred)


def _second_of_correction(person: Person, today: date) -> ColumnElement[bool]:
    """Return the condition that a coordinator or manager may confirm the correction of a registration."""
    own = {person.id} | covered(person, "decisions")
    return and_(
        PROPOSALS.c.id.in_(_signed_by_others(person, today, _CORRECTING)),
        ~any_related(own, "author"),
    )


def _signed_by_others(person: Person, today: date, kinds: Sequence[str]) -> Select[tuple[int]]:
    """Return the statement that reads where a first signature waits of nobody who counts as one with them."""
    own = sorted({person.id} | covered(person, "decisions"))
    deputies = deputies_of(person.id, "decisions", today)
    by, behalf = DECISIONS.c.by, DECISIONS.c.for_id
    return select(DECISIONS.c.proposal_id).where(
        *_waiting(kinds=kinds),
        by.not_in(own),
        by.not_in(deputies),
        or_(behalf.is_(None), and_(behalf.not_in(own), behalf.not_in(deputies))),
    )


def _work(holders: Mapping[tuple[str, str], str], person: Person, row: Any) -> tuple[str, Listed]:
    """Return one thing that waits, with what makes it the person's."""
    *columns, special, signed_at = row
    found = Listed(*columns)
    if special == "authorless" and not found.full:
        # A draft, which only its authors read.
        hidden = replace(listed_of(columns), title="", countries="", donors="")
        return special, hidden
    if special in ("", "orphaned", "authorless", "manager"):
        return special or _whose(
            holders.get((found.workflow, found.state), ""), found.holder_id, person
        ), found
    return special, replace(found, state_since=signed_at, due_on=None)


def _whose(holder: str, lead: int | None, person: Person) -> str:
    """Tell an appraisal of one's own from that of somebody who is away."""
    return "substitute" if holder == "lead" and lead != person.id else holder


def duties_of(
    db: Connection,
    person: Person,
    open_states: Collection[tuple[str, str]],
    ended: Collection[tuple[str, str]],
) -> list[Duty]:
    """List what a person still has to do and nobody else can do instead, in one statement.

    ``open_states`` are those of proposals on their way, ``ended`` those in which nothing more is to come,
    each with its workflow.
    """
    appraisals = tables.appraisals
    others_write = exists().where(
        RELATIONS.c.proposal_id == PROPOSALS.c.id,
        RELATIONS.c.relation == "author",
        RELATIONS.c.person_id != person.id,
        RELATIONS.c.person_id.in_(able("designer")),
    )
    colleagues = select(PEOPLE.c.id).where(
        holding("appraiser"), PEOPLE.c.unit == person.unit, PEOPLE.c.id != person.id
    )
    running = (appraisals.c.finalised_at.is_(None), appraisals.c.closed_at.is_(None))
    of_proposal = (PROPOSALS.c.id, PROPOSALS.c.state_since, PROPOSALS.c.due_on)
    found: list[Select[Any]] = [
        _duties("author", *of_proposal).where(
            in_states(open_states), related(person, "author"), ~others_write
        ),
        _duties("lead", *of_proposal).where(PROPOSALS.c.holder_id == person.id),
        _duties("review", REVIEWS.c.id, REVIEWS.c.asked_at, REVIEWS.c.due_on)
        .join(REVIEWS, REVIEWS.c.proposal_id == PROPOSALS.c.id)
        .join(appraisals, appraisals.c.id == REVIEWS.c.appraisal_id)
        .where(REVIEWS.c.person_id == person.id, *review_open(), *running),
        _duties("condition", CONDITIONS.c.id, PROPOSALS.c.state_since, CONDITIONS.c.due_on)
        .join(appraisals, appraisals.c.proposal_id == PROPOSALS.c.id)
        .join(CONDITIONS, CONDITIONS.c.appraisal_id == appraisals.c.id)
        .where(CONDITIONS.c.owner_id == person.id, *binding(), ~in_states(ended)),
        *(
            _duties(kind, DECISIONS.c.id, DECISIONS.c.at, literal(None, PROPOSALS.c.due_on.type))
            .join(DECISIONS, DECISIONS.c.proposal_id == PROPOSALS.c.id)
            .where(or_(DECISIONS.c.by == person.id, DECISIONS.c.for_id == person.id), *_waiting(kinds=acts))
            for kind, acts in _SIGNATURES.items()
        ),
    ]
    if person.unit:
        found.append(
            _duties("unit", CONSULTATIONS.c.id, CONSULTATIONS.c.asked_at, CONSULTATIONS.c.due_on, person.unit)
            .join(CONSULTATIONS, CONSULTATIONS.c.proposal_id == PROPOSALS.c.id)
            .join(appraisals, appraisals.c.id == CONSULTATIONS.c.appraisal_id)
            .where(
                CONSULTATIONS.c.unit == person.unit,
                CONSULTATIONS.c.answered_at.is_(None),
                *running,
                ~colleagues.exists(),
            )
        )
    rows = db.execute(union_all(*found))
    order = list(TITLES)
    duties = [Duty(*row) for row in rows]
    return sorted(duties, key=lambda duty: (order.index(duty.kind), duty.number, duty.subject))


def authors_of(db: Connection, proposals: Collection[int]) -> dict[int, set[int]]:
    """Return the authors of some proposals."""
    rows = db.execute(
        select(RELATIONS.c.proposal_id, RELATIONS.c.person_id).where(
            RELATIONS.c.proposal_id.in_(sorted(proposals)), RELATIONS.c.relation == "author"
        )
    )
    found: dict[int, set[int]] = {}
    for row in rows:
        found.setdefault(row.proposal_id, set()).add(row.person_id)
    return found


def _duties(kind: Kind, subject: Any, since: Any, due_on: Any, unit: str = "") -> Select[Any]:
    """Select duties of a kind, in the order of the fields of ``Duty``."""
    return select(
        literal(kind).label("kind"),
        PROPOSALS.c.number,
        PROPOSALS.c.id.label("proposal"),
        subject.label("subject"),
        since.label("since"),
        due_on.label("due_on"),
        literal(unit).label("unit"),
    ).select_from(PROPOSALS)


@dataclass(frozen=True, slots=True)
class Asked:
    """A consultation that waits for a person's unit; ``due_on`` is the day that was set when it was asked."""

    id: int
    number: str
    title: str
    unit: str
    due_on: date
    asked_at: datetime
    proposal: int
    on_hold: bool
    is_deserted: bool = False


def consultations_for(db: Connection, person: Person) -> list[Asked]:
    """List the consultations that wait for somebody of a person's unit to take them up, by due date.

    For coordinators, who write down what a unit says by other means, those of units that are
    *deserted*: somebody was there, or was told of it, but nobody in the unit can answer any more.
    """
    appraisals = tables.appraisals
    taken_up = exists().where(
        REVIEWS.c.appraisal_id == CONSULTATIONS.c.appraisal_id,
        REVIEWS.c.unit == CONSULTATIONS.c.unit,
        REVIEWS.c.person_id.in_(able("appraiser")),
        *review_open(),
    )
    # Of one that was opened again, the unit was told when it was asked first.
    first = CONSULTATIONS.alias("first")
    was_told = exists().where(
        first.c.proposal_id == CONSULTATIONS.c.proposal_id,
        first.c.unit == CONSULTATIONS.c.unit,
        NOTICES.c.proposal_id == CONSULTATIONS.c.proposal_id,
        NOTICES.c.what == "consultation_asked",
        NOTICES.c.facts.like(literal('{"consultation":') + cast(first.c.id, String) + ",%"),
    )
    deserted = and_(
        CONSULTATIONS.c.unit.not_in(select(PEOPLE.c.unit).where(holding("appraiser"))),
        or_(CONSULTATIONS.c.unit.in_(select(PEOPLE.c.unit)), was_told),
    )
    mine: list[ColumnElement[bool]] = []
    if person.has("appraiser") and person.unit:
        mine.append(
            and_(
                CONSULTATIONS.c.unit == person.unit,
                ~reviewing(person, REVIEWS.c.appraisal_id == CONSULTATIONS.c.appraisal_id),
                ~reviewing(person, REVIEWS.c.declaration == "declared"),
                appraisals.c.lead_id != person.id,
            )
        )
    if person.has("coordinator"):
        mine.append(and_(deserted, fully_visible(person), ~blind(person)))
    if not mine:
        return []
    rows = db.execute(
        select(
            CONSULTATIONS.c.id,
            PROPOSALS.c.number,
            PROPOSALS.c.title,
            CONSULTATIONS.c.unit,
            CONSULTATIONS.c.due_on,
            CONSULTATIONS.c.asked_at,
            CONSULTATIONS.c.proposal_id,
            PROPOSALS.c.on_hold,
            deserted.label("deserted"),
        )
        .join(PROPOSALS, PROPOSALS.c.id == CONSULTATIONS.c.proposal_id)
        .join(appraisals, appraisals.c.id == CONSULTATIONS.c.appraisal_id)
        .where(
            CONSULTATIONS.c.answered_at.is_(None),
            appraisals.c.finalised_at.is_(None),
            appraisals.c.closed_at.is_(None),
            ~taken_up,
            ~related(person, "author"),
            or_(*mine),
        )
        .order_by(CONSULTATIONS.c.due_on, CONSULTATIONS.c.id)
    )
    return [Asked(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class ToReview:
    """A review that a person still has to sign; ``due_on`` is the day that was set when it was asked."""

    id: int
    number: str
    title: str
    checklists: str
    due_on: date
    declared: bool
    asked_at: datetime
    proposal: int
    on_hold: bool
    behalf: str = ""
    left_by: str = ""


def reviews_for(db: Connection, person: Person) -> list[ToReview]:
    """List the reviews of running appraisals that a person still has to sign, by due date.

    For coordinators, those whose reviewer cannot sign any more (``left_by`` names them): they are to
    be taken back, and somebody else is asked.
    """
    own = REVIEWS.c.person_id == person.id
    mine: list[ColumnElement[bool]] = [own] if person.has("appraiser") else []
    if person.has("coordinator"):
        owed = REVIEWS.alias("owed")
        owes = exists().where(
            owed.c.proposal_id == PROPOSALS.c.id, owed.c.person_id == person.id, *review_open(owed)
        )
        # A coordinator reads whatever is appraised, but for what they owe a review of.
        gone = REVIEWS.c.person_id.not_in(able("appraiser"))
        mine.append(and_(gone, ~related(person, "author"), ~owes))
    if not mine:
        return []
    rows = db.execute(
        _to_review()
        .add_columns(PEOPLE.c.name)
        .join(PEOPLE, PEOPLE.c.id == REVIEWS.c.person_id)
        .where(or_(*mine))
    )
    return [
        replace(_review_waiting(row), left_by="" if row.person_id == person.id else row.name) for row in rows
    ]


def reviews_to_take_over(db: Connection, person: Person) -> list[ToReview]:
    """List the reviews that a person on duty may take over (``access.replaced_review``), by due date.

    Titles alone: a declaration comes before everything else.
    """
    replaced = covered(person, "appraisals")
    if not replaced or not person.has("appraiser"):
        return []
    appraisals, own = tables.appraisals, REVIEWS.alias("own")
    has_own = exists().where(
        own.c.appraisal_id == appraisals.c.id, own.c.person_id == person.id, own.c.withdrawn_at.is_(None)
    )
    in_conflict = exists().where(
        own.c.proposal_id == PROPOSALS.c.id, own.c.person_id == person.id, own.c.declaration == "declared"
    )
    rows = db.execute(
        _to_review().where(
            REVIEWS.c.person_id.in_(sorted(replaced)),
            appraisals.c.lead_id.not_in(sorted(replaced)),
            ~related(person, "author", "lead"),
            ~has_own,
            ~in_conflict,
        )
    )
    names = {entry.person: entry.name for entry in person.covers}
    return [replace(_review_waiting(row), declared=False, behalf=names[row.person_id]) for row in rows]


def _to_review() -> Select[Any]:
    """Select what is to be reviewed still, whoever was asked, by due date."""
    appraisals = tables.appraisals
    return (
        select(
            REVIEWS.c.id,
            PROPOSALS.c.number,
            PROPOSALS.c.title,
            REVIEWS.c.checklists,
            REVIEWS.c.due_on,
            (REVIEWS.c.declaration != "").label("declared"),
            REVIEWS.c.asked_at,
            REVIEWS.c.proposal_id,
            PROPOSALS.c.on_hold,
            REVIEWS.c.person_id,
        )
        .join(PROPOSALS, PROPOSALS.c.id == REVIEWS.c.proposal_id)
        .join(appraisals, appraisals.c.id == REVIEWS.c.appraisal_id)
        .where(
            *review_open(),
            appraisals.c.finalised_at.is_(None),
            appraisals.c.closed_at.is_(None),
        )
        .order_by(REVIEWS.c.due_on, REVIEWS.c.id)
    )


def _review_waiting(row: Any) -> ToReview:
    return ToReview(
        row.id,
        row.number,
        row.title,
        row.checklists,
        row.due_on,
        bool(row.declared),
        row.asked_at,
        row.proposal_id,
        row.on_hold,
    )


@dataclass(frozen=True, slots=True)
class Led:
    """A proposal whose running appraisal somebody leads: nothing of it but what tells it from others."""

    number: str
    workflow: str
    row_version: int


def led_by(db: Connection, person: int) -> list[Led]:
    """List the proposals whose running appraisal waits for a person as its lead, oldest first."""
    rows = db.execute(
        select(PROPOSALS.c.number, PROPOSALS.c.workflow, PROPOSALS.c.row_version)
        .where(PROPOSALS.c.holder_id == person)
        .order_by(PROPOSALS.c.id)
    )
    return [Led(*row) for row in rows]
