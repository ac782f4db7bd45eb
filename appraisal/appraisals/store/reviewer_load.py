"""One statement counts what every appraiser has in hand."""

from sqlalchemy import ColumnElement, Connection, func, select

from appraisal.appraisals.rules.suggested_reviewers import Load
from appraisal.database import tables
from appraisal.people.facts import Person
from appraisal.people.store.people import PEOPLE, person
from appraisal.proposals.store.lists import PROPOSALS
from appraisal.proposals.store.visible import blind

APPRAISALS = tables.appraisals
# By another name, since the condition on what the reader owes looks among the reviews as well.
ASKED = tables.reviews.alias("asked")


def _running() -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return APPRAISALS.c.finalised_at.is_(None), APPRAISALS.c.closed_at.is_(None)


def list_loads(db: Connection, reader: Person) -> list[Load]:
    """List the appraisers with an open account, by name, each with open reviews and appraisals led.

    Only running appraisals count: nobody is held up by what is over. Where the reader owes a review,
    who else reviews is left out of the count, since that would tell.
    """
    owed = (
        select(ASKED.c.person_id.label("person"), func.count().label("many"))
        .join(APPRAISALS, APPRAISALS.c.id == ASKED.c.appraisal_id)
        .join(PROPOSALS, PROPOSALS.c.id == ASKED.c.proposal_id)
        .where(
            ASKED.c.withdrawn_at.is_(None),
            ASKED.c.signed_at.is_(None),
            ASKED.c.declined_at.is_(None),
            ASKED.c.declaration != "declared",
            *_running(),
            ~blind(reader),
        )
        .group_by(ASKED.c.person_id)
        .subquery()
    )
    led = (
        select(APPRAISALS.c.lead_id.label("person"), func.count().label("many"))
        .where(*_running())
        .group_by(APPRAISALS.c.lead_id)
        .subquery()
    )
    rows = db.execute(
        select(
            PEOPLE,
            func.coalesce(owed.c.many, 0).label("reviews"),
            func.coalesce(led.c.many, 0).label("leads"),
        )
        .outerjoin(owed, owed.c.person == PEOPLE.c.id)
        .outerjoin(led, led.c.person == PEOPLE.c.id)
        .where(PEOPLE.c.active.is_(True))
        .order_by(func.lower(PEOPLE.c.name))
    )
    found = (Load(person(row), row.reviews, row.leads) for row in rows)
    return [load for load in found if load.person.has("appraiser")]
