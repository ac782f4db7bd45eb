"""Suggestions: what every appraiser has in hand, in one statement."""

from sqlalchemy import ColumnElement, Connection, func, select

from appraisal.domain.suggestions import Load
from appraisal.storage import tables
from appraisal.storage.facts import PEOPLE, person
from appraisal.storage.queries import OPEN_REVIEW, REVIEWS

APPRAISALS = tables.Appraisal.__table__


def _running() -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return APPRAISALS.c.finalised_at.is_(None), APPRAISALS.c.closed_at.is_(None)


def list_loads(db: Connection) -> list[Load]:
    """List the appraisers with an open account, by name, each with open reviews and appraisals led.

    Only running appraisals count: nobody is held up by what is over.
    """
    owed = (
        select(REVIEWS.c.person_id.label("person"), func.count().label("many"))
        .join(APPRAISALS, APPRAISALS.c.id == REVIEWS.c.appraisal_id)
        .where(REVIEWS.c.withdrawn_at.is_(None), *OPEN_REVIEW, *_running())
        .group_by(REVIEWS.c.person_id)
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
