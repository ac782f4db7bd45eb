"""Conditions of SQL say here that an account is open and holds a role."""

from sqlalchemy import ColumnElement, Select, and_, select

from appraisal.database import tables
from appraisal.vocabulary.roles import Role

PEOPLE = tables.people


def holding(role: Role) -> ColumnElement[bool]:
    """Return the condition that an account is open and has a role."""
    # Roles stand in one text, a space between them.
    return and_(PEOPLE.c.active.is_(True), (" " + PEOPLE.c.roles + " ").contains(f" {role} "))


def able(role: Role | None) -> Select[tuple[int]]:
    """Return the statement that reads the ids of all with an open account and a role, if one is named."""
    return select(PEOPLE.c.id).where(PEOPLE.c.active.is_(True) if role is None else holding(role))
