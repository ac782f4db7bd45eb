"""People are made of rows here, with those for whom they stand in."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from functools import cache
from typing import Any, cast

from sqlalchemy import Connection, Row, Select, bindparam

from appraisal.database import tables
from appraisal.database.types import LARGEST_ID
from appraisal.people.facts import Person, Scope, StandIn
from appraisal.people.rules.substitutes import covered, on_duty
from appraisal.people.store import substitutes
from appraisal.vocabulary.roles import Role

PEOPLE = tables.people


def load_people(db: Connection, ids: Iterable[int]) -> Mapping[int, Person]:
    """Load people by id, with those for whom they are named to stand in."""
    known = sorted(id for id in ids if 0 < id <= LARGEST_ID)
    rows = substitutes.gathered(db.execute(_people_by_id(), {"ids": known}))
    return {row.id: person(row, stands_in) for row, stands_in in rows}


@cache
def _people_by_id() -> Select[Any]:
    statement = substitutes.people_statement().where(PEOPLE.c.id.in_(bindparam("ids", expanding=True)))
    return statement.order_by(PEOPLE.c.id)


def load_stand_ins(db: Connection, replaced: Collection[int], scope: Scope, now: datetime) -> list[Person]:
    """Load whoever stands in for one of some people at a moment, on duty for those alone."""
    if not replaced:
        return []
    rows = substitutes.gathered(db.execute(substitutes.replacing(replaced)))
    found = (on_duty(person(row, stands_in), now) for row, stands_in in rows)
    return [entry for entry in found if covered(entry, scope) & set(replaced)]


def person(row: Row[Any], stands_in: tuple[StandIn, ...] = ()) -> Person:
    """Make a person of a row."""
    return Person(
        id=row.id,
        name=row.name,
        roles=frozenset(cast(list[Role], row.roles.split())),
        email=row.email,
        unit=row.unit,
        duty_station=row.duty_station,
        language=row.language,
        active=row.active,
        delivery=row.delivery,
        stands_in=stands_in,
    )
