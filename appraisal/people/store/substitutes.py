"""Substitutes are read along with people, listed, and asked about in other queries."""

from collections.abc import Collection, Iterable
from datetime import date
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Row,
    Select,
    and_,
    exists,
    false,
    func,
    or_,
    select,
)

from appraisal.database import tables
from appraisal.people.facts import Person, Scope, StandIn
from appraisal.people.rules.substitutes import ROLE_FOR, Substitution, covered
from appraisal.people.store.roles import holding

PEOPLE = tables.people
SUBSTITUTIONS = tables.substitutions
PROPOSALS = tables.proposals
APPRAISALS = tables.appraisals
VERSIONS = tables.versions
# Whom the person of a row stands in for; outer-joined to people, so that one statement reads both.
_REPLACED = PEOPLE.alias("replaced")


@cache
def people_statement() -> Select[Any]:
    """Return the statement that reads people with those for whom they are named to stand in.

    A person has as many rows as substitutions, and at least one. Ended ones are left out, and those
    for somebody whose account is closed.
    """
    named = SUBSTITUTIONS.join(_REPLACED, _REPLACED.c.id == SUBSTITUTIONS.c.person_id)
    is_theirs = and_(
        SUBSTITUTIONS.c.substitute_id == PEOPLE.c.id,
        SUBSTITUTIONS.c.ended_at.is_(None),
        _REPLACED.c.active.is_(True),
    )
    return select(
        PEOPLE,
        SUBSTITUTIONS.c.scope.label("for_scope"),
        SUBSTITUTIONS.c.first.label("for_first"),
        SUBSTITUTIONS.c.last.label("for_last"),
        _REPLACED.c.id.label("for_person"),
        _REPLACED.c.name.label("for_name"),
        _REPLACED.c.roles.label("for_roles"),
    ).select_from(PEOPLE.outerjoin(named, is_theirs))


def replacing(people: Collection[int]) -> Select[Any]:
    """Return the statement that reads who is named to stand in for one of some people, on any day."""
    return people_statement().where(_REPLACED.c.id.in_(sorted(people))).order_by(PEOPLE.c.id)


def gathered(rows: Iterable[Row[Any]]) -> list[tuple[Row[Any], tuple[StandIn, ...]]]:
    """Return the rows of :func:`people_statement` by person, in the order in which they came."""
    found: dict[int, tuple[Row[Any], list[StandIn]]] = {}
    for row in rows:
        _, stands_in = found.setdefault(row.id, (row, []))
        # Void while the person replaced does not hold the role any more.
        if row.for_scope is not None and ROLE_FOR[row.for_scope] in row.for_roles.split():
            stands_in.append(
                StandIn(row.for_person, row.for_name, row.for_scope, row.for_first, row.for_last)
            )
    return [(row, tuple(stands_in)) for row, stands_in in found.values()]


def leads_instead(person: Person) -> ColumnElement[bool]:
    """Return the condition that a person on duty stands in for the lead of a proposal.

    The same as ``proposals.rules.acting_for.covers_lead``: the lead is that of the latest version's
    appraisal.
    """
    replaced = covered(person, "appraisals")
    if not replaced:
        return false()
    latest = (
        select(func.max(VERSIONS.c.id))
        .where(VERSIONS.c.proposal_id == APPRAISALS.c.proposal_id)
        .correlate(APPRAISALS)
        .scalar_subquery()
    )
    leads = exists().where(
        APPRAISALS.c.proposal_id == PROPOSALS.c.id,
        APPRAISALS.c.lead_id.in_(sorted(replaced)),
        APPRAISALS.c.closed_at.is_(None),
        APPRAISALS.c.superseded_at.is_(None),
        APPRAISALS.c.version_id == latest,
    )
    # A statement that looks among appraisals itself means others than these.
    return leads.correlate(PROPOSALS)


def deputies_of(person: int, scope: Scope, today: date) -> Select[tuple[int]]:
    """Return the statement that reads the ids of those who stand in for a person on a day.

    The same as ``people.rules.substitutes.in_force``, from the other side.
    """
    return (
        select(SUBSTITUTIONS.c.substitute_id)
        .join(PEOPLE, PEOPLE.c.id == SUBSTITUTIONS.c.substitute_id)
        .where(
            SUBSTITUTIONS.c.person_id == person,
            SUBSTITUTIONS.c.scope == scope,
            SUBSTITUTIONS.c.ended_at.is_(None),
            SUBSTITUTIONS.c.first <= today,
            SUBSTITUTIONS.c.last >= today,
            holding(ROLE_FOR[scope]),
        )
    )


def list_substitutions(db: Connection, person: int) -> list[Substitution]:
    """List every substitution for a person and by a person, past ones too, by its first day."""
    mine = or_(SUBSTITUTIONS.c.person_id == person, SUBSTITUTIONS.c.substitute_id == person)
    return _found(db, mine)


def standing(db: Connection, scope: Scope) -> list[Substitution]:
    """List the substitutions of a scope that were not ended and are not void, whatever their days."""
    found = _found(db, SUBSTITUTIONS.c.scope == scope, SUBSTITUTIONS.c.ended_at.is_(None))
    return [entry for entry in found if not entry.is_void]


def find_substitution(db: Connection, id: int) -> Substitution | None:
    """Return a substitution by its id."""
    return next(iter(_found(db, SUBSTITUTIONS.c.id == id)), None)


def _may_take(person: FromClause) -> ColumnElement[bool]:
    """Return the condition that somebody has an open account and the role that the scope of a row takes."""
    roles = " " + person.c.roles + " "
    holds = (
        and_(SUBSTITUTIONS.c.scope == scope, roles.like(f"% {role} %")) for scope, role in ROLE_FOR.items()
    )
    return and_(person.c.active, or_(*holds))


def _found(db: Connection, *where: ColumnElement[bool]) -> list[Substitution]:
    person, substitute, named_by = (PEOPLE.alias(name) for name in ("person", "substitute", "named_by"))
    columns: tuple[ColumnElement[Any], ...] = (
        SUBSTITUTIONS.c.id,
        person.c.id,
        person.c.name,
        substitute.c.id,
        substitute.c.name,
        SUBSTITUTIONS.c.scope,
        SUBSTITUTIONS.c.first,
        SUBSTITUTIONS.c.last,
        named_by.c.name,
        SUBSTITUTIONS.c.ended_at,
        ~and_(_may_take(person), _may_take(substitute)),
    )
    rows = db.execute(
        select(*columns)
        .join(person, person.c.id == SUBSTITUTIONS.c.person_id)
        .join(substitute, substitute.c.id == SUBSTITUTIONS.c.substitute_id)
        .join(named_by, named_by.c.id == SUBSTITUTIONS.c.entered_by)
        .where(*where)
        .order_by(SUBSTITUTIONS.c.first, SUBSTITUTIONS.c.id)
    )
    return [Substitution(*row) for row in rows]
