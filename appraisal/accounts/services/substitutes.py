"""People name a substitute here, or end that early; both go into the site's own chain."""

from datetime import date, datetime

from sqlalchemy import Connection, update

from appraisal.clock import geneva_date
from appraisal.database import tables
from appraisal.database.rows import insert_row
from appraisal.errors import NotFound
from appraisal.notices.services import notices
from appraisal.people.facts import Person, Scope
from appraisal.people.rules import naming as people_naming
from appraisal.people.rules.naming import Naming
from appraisal.people.rules.substitutes import Substitution
from appraisal.people.store import substitutes
from appraisal.people.store.people import load_people
from appraisal.trail.store import site
from appraisal.vocabulary.refusals import NotAllowed, refuse

SUBSTITUTIONS = tables.substitutions


def name_substitute(
    db: Connection,
    actor: Person,
    now: datetime,
    *,
    person: int,
    substitute: int,
    scope: Scope,
    first: date,
    last: date,
) -> Substitution:
    """Name who stands in for a person, of what, from which day to which, both included.

    People name for themselves, administrators for anybody. Raises ``NotFound`` for a person who
    is not there, and ``NotAllowed`` with every reason. Naming takes turns: of two people who name
    each other at once, the second is told of the circle.
    """
    site.lock(db)
    found = load_people(db, (person, substitute))
    if person not in found:
        raise NotFound("person", str(person))
    if not_theirs := people_naming.permission_refusals(actor, found[person]):
        raise NotAllowed(not_theirs)
    if substitute not in found:
        raise NotAllowed([refuse("substitute_missing")])
    naming = Naming(found[person], found[substitute], scope, first, last)
    if refusals := people_naming.refusals(naming, geneva_date(now), substitutes.standing(db, scope)):
        raise NotAllowed(refusals)
    id = insert_row(
        db,
        tables.substitutions,
        person_id=person,
        substitute_id=substitute,
        scope=scope,
        first=first,
        last=last,
        entered_at=now,
        entered_by=actor.id,
    )
    said = {"substitution": id, "person": person, "substitute": substitute, "scope": scope}
    site.append(db, now, actor.id, "name_substitute", {**said, "first": first, "last": last})
    days = {"first": first.isoformat(), "last": last.isoformat()}
    notices.tell(db, [substitute], "substitute_named", now, facts=days, by=actor.id)
    return find(db, id)


def end_substitution(db: Connection, actor: Person, now: datetime, id: int) -> Substitution:
    """End a substitution early, or call off one that is to come; it stays on record.

    Raises ``NotFound`` for one that is not the actor's to see, ``NotAllowed`` for one that is over.
    """
    site.lock(db)
    entry = find(db, id)
    if people_naming.permission_refusals(actor, load_people(db, [entry.person])[entry.person]):
        raise NotFound("substitution", str(id))
    if entry.stage(geneva_date(now)) == "past":
        raise NotAllowed([refuse("substitution_over")])
    _end(db, actor, now, entry)
    return find(db, id)


def end_void(db: Connection, actor: Person, now: datetime, person: int) -> None:
    """End the substitutions for and by a person that a change of the account made void, so that none revives.

    Whoever was to be replaced by somebody who has left is told. The caller holds the site's lock.
    """
    for entry in substitutes.list_substitutions(db, person):
        if entry.ended_at is not None or not entry.is_void or entry.last < geneva_date(now):
            continue
        _end(db, actor, now, entry)
        if entry.substitute == person:
            days = {"first": entry.first.isoformat(), "last": entry.last.isoformat()}
            notices.tell(db, [entry.person], "substitute_lost", now, facts=days, by=actor.id)


def _end(db: Connection, actor: Person, now: datetime, entry: Substitution) -> None:
    db.execute(update(SUBSTITUTIONS).where(SUBSTITUTIONS.c.id == entry.id).values(ended_at=now))
    site.append(db, now, actor.id, "end_substitution", {"substitution": entry.id, "person": entry.person})


def find(db: Connection, id: int) -> Substitution:
    """Return a substitution by its id; raises ``NotFound``."""
    found = substitutes.find_substitution(db, id)
    if found is None:
        raise NotFound("substitution", str(id))
    return found
