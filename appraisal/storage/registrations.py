"""Registrations: what was built on an approval given outside since it was registered here."""

from datetime import datetime

from sqlalchemy import Connection, exists, select

from appraisal.storage import tables
from appraisal.storage.matches import MATCHES, newest

REPORTS = tables.IndicatorReport.__table__


def rests_on(db: Connection, proposal: int, number: str, since: datetime) -> frozenset[str]:
    """Return what rests on a registration: a published *report* that counts it, a *match* that a person made.

    The match that registered it is part of it, and rests on nothing.
    """
    match = exists().where(MATCHES.c.proposal_id == proposal, MATCHES.c.how == "confirmed", *newest())
    report = exists().where(
        REPORTS.c.at >= since, REPORTS.c.value.contains(f'"number":"{number}"', autoescape=True)
    )
    row = db.execute(select(match.label("match"), report.label("report"))).one()
    return frozenset(name for name, is_there in row._mapping.items() if is_there)
