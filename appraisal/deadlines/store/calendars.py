"""Calendars and holds of many proposals are loaded at once, in one statement each, to count their days."""

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Connection, func, select

from appraisal.database import tables
from appraisal.proposals.facts import Hold
from appraisal.proposals.rules import form

HOLDS = tables.holds
PEOPLE = tables.people
VERSIONS = tables.versions


def holds_of(db: Connection, proposals: Collection[int]) -> Mapping[int, Sequence[Hold]]:
    """Return the holds of proposals, by proposal."""
    found: dict[int, list[Hold]] = defaultdict(list)
    rows = db.execute(select(HOLDS).where(HOLDS.c.proposal_id.in_(sorted(proposals))).order_by(HOLDS.c.id))
    for row in rows:
        found[row.proposal_id].append(Hold(row.since, row.until, row.reason, row.by, row.released_at))
    return found


def stations_written(db: Connection, proposals: Collection[int]) -> Mapping[int, str]:
    """Return the duty station that the version submitted last names, by proposal."""
    later = VERSIONS.alias()
    last = (
        select(func.max(later.c.number))
        .where(later.c.proposal_id == VERSIONS.c.proposal_id)
        .scalar_subquery()
    )
    rows = db.execute(
        select(VERSIONS.c.proposal_id, VERSIONS.c.value).where(
            VERSIONS.c.proposal_id.in_(sorted(proposals)), VERSIONS.c.number == last
        )
    )
    contents = {row.proposal_id: json.loads(row.value)["content"] for row in rows}
    return {
        proposal: str(form.value(content, "identification.duty_station"))
        for proposal, content in contents.items()
    }


def stations_of_people(db: Connection, people: Collection[int]) -> Mapping[int, str]:
    """Return the duty stations of people."""
    rows = db.execute(select(PEOPLE.c.id, PEOPLE.c.duty_station).where(PEOPLE.c.id.in_(sorted(people))))
    return {row.id: row.duty_station for row in rows}
