"""Conditions of SQL say here which proposals a person may see, as parts of statements.

They are the same as in ``proposals.rules.access``; a test holds the two together.
"""

from collections.abc import Collection

from sqlalchemy import ColumnElement, Connection, and_, exists, false, func, or_, select

from appraisal.database import tables
from appraisal.people.facts import Person
from appraisal.people.store import substitutes
from appraisal.people.store.roles import able
from appraisal.proposals.rules.access import READERS
from appraisal.proposals.store.case import review_open

PROPOSALS = tables.proposals
RELATIONS = tables.relations
CONSULTATIONS = tables.consultations
REVIEWS = tables.reviews


def related(person: Person, *relations: str) -> ColumnElement[bool]:
    """Return the condition that a person stands in one of the relations to a proposal."""
    return any_related({person.id}, *relations)


def any_related(people: Collection[int], *relations: str) -> ColumnElement[bool]:
    """Return the condition that any of some people stands in one of the relations to a proposal."""
    return exists().where(
        RELATIONS.c.proposal_id == PROPOSALS.c.id,
        RELATIONS.c.person_id.in_(sorted(people)),
        RELATIONS.c.relation.in_(relations),
    )


def without_author() -> ColumnElement[bool]:
    """Return the condition that no author of a proposal can act on it (``duties.has_no_author``)."""
    return ~exists().where(
        RELATIONS.c.proposal_id == PROPOSALS.c.id,
        RELATIONS.c.relation == "author",
        RELATIONS.c.person_id.in_(able("designer")),
    )


def reviewing(person: Person, *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the condition that a person has a review of a proposal, not taken back, of a kind."""
    mine = (REVIEWS.c.proposal_id == PROPOSALS.c.id, REVIEWS.c.person_id == person.id)
    return exists().where(*mine, REVIEWS.c.withdrawn_at.is_(None), *conditions)


def blind(person: Person) -> ColumnElement[bool]:
    """Return the condition under which a person may see nothing of what others said (``access.is_blind``)."""
    return reviewing(person, *review_open())


def fully_visible(person: Person) -> ColumnElement[bool]:
    """Return the condition under which a person reads a proposal in full."""
    if not person.active:
        return false()
    open_to, mine = submitted(person), related(person, "author")
    if person.roles & READERS:
        return or_(open_to, mine)
    reviewer = reviewing(person, REVIEWS.c.declaration == "nothing", REVIEWS.c.declined_at.is_(None))
    appraises = or_(related(person, "lead"), reviewer, substitutes.leads_instead(person))
    return or_(mine, and_(open_to, appraises))


def whole_to(person: Person) -> ColumnElement[bool]:
    """Return the condition under which a person may read all that a proposal's audit trail says.

    Signed reviews stand in it with their ratings, so where an appraisal is not finalised that is
    coordinators and auditors alone, no author among them, and nobody who owes a review: never more than
    those who read the whole history (``disclosure.reads_whole_history``).
    """
    seen = and_(fully_visible(person), ~blind(person))
    if person.roles & {"coordinator", "auditor"}:
        return and_(seen, or_(~has_unfinished(), ~related(person, "author")))
    return and_(seen, ~has_unfinished())


def has_unfinished() -> ColumnElement[bool]:
    """Return the condition that an appraisal of a proposal is under way, or was closed without a result."""
    appraisals = tables.appraisals
    return exists().where(appraisals.c.proposal_id == PROPOSALS.c.id, appraisals.c.finalised_at.is_(None))


def owes_review(db: Connection, person: Person) -> bool:
    """Tell whether somebody still owes a review of any proposal."""
    return bool(db.execute(select(exists().where(REVIEWS.c.person_id == person.id, *review_open()))).scalar())


def submitted(person: Person) -> ColumnElement[bool]:
    """Return the condition that a proposal was submitted, and that the person need not declare first."""
    # Definitions are pinned by the first submission or by a registration; before, it is a draft.
    undeclared = reviewing(person, *review_open(), REVIEWS.c.declaration == "")
    return and_(PROPOSALS.c.workflow != "", ~undeclared)


def consulted(person: Person) -> ColumnElement[bool]:
    """Return the condition that a person's unit still has something to say on a proposal's last appraisal."""
    if not person.has("appraiser") or not person.unit:
        return false()
    appraisals = tables.appraisals
    last = (
        select(func.max(appraisals.c.id)).where(appraisals.c.proposal_id == PROPOSALS.c.id).scalar_subquery()
    )
    return exists().where(
        CONSULTATIONS.c.appraisal_id == last,
        CONSULTATIONS.c.unit == person.unit,
        CONSULTATIONS.c.answered_at.is_(None),
    )


def visible(person: Person) -> ColumnElement[bool]:
    """Return the condition under which a list names a proposal to a person.

    One that a reviewer has yet to declare on stands with their work alone: a list would tell its state.
    """
    if person.active and person.has("designer"):
        return or_(fully_visible(person), submitted(person))
    return fully_visible(person)
