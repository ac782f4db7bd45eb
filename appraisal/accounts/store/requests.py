"""Requests about accounts are stored, found and closed here; those that are void are told apart."""

import hashlib
from datetime import datetime
from functools import cache
from typing import Any, cast

from sqlalchemy import ColumnElement, Connection, Row, Select, bindparam, select, update

from appraisal.accounts.rules.accounts import REQUEST_LASTS, AccountRequest, Outcome, RequestKind
from appraisal.canonical import digest
from appraisal.database import tables
from appraisal.database.rows import insert_row
from appraisal.people.facts import Person
from appraisal.people.store.people import person as person_of
from appraisal.vocabulary.roles import Role

REQUESTS = tables.account_requests
PEOPLE = tables.people
_ASKER = PEOPLE.alias("asker")


def insert_request(
    db: Connection, kind: RequestKind, person: int, adds: str, asked_by: int, now: datetime
) -> int:
    """Insert a request about an account as it is now; return its id."""
    row = db.execute(select(PEOPLE).where(PEOPLE.c.id == person)).one()
    return insert_row(
        db,
        tables.account_requests,
        kind=kind,
        person_id=person,
        adds=adds,
        account=_account(kind, row),
        asked_by=asked_by,
        asked_at=now,
        expires_at=now + REQUEST_LASTS,
    )


def _account(kind: str, row: Row[Any]) -> str:
    """Return a digest of what a request hangs on; a link hangs on the password as well."""
    password = hashlib.sha256((row.password or "").encode()).hexdigest() if kind == "link" else ""
    return digest([row.email, row.name, row.roles, row.unit, row.active, password])


def list_open(db: Connection, now: datetime) -> list[AccountRequest]:
    """List the requests that wait for a second person, oldest first."""
    found = [_request(row) for row in db.execute(_open(), {"now": now})]
    return [request for request in found if not request.is_void]


def find_open(db: Connection, now: datetime, id: int) -> AccountRequest | None:
    """Return a request that waits for a second person; None for one that is closed, void or unknown."""
    return next((request for request in list_open(db, now) if request.id == id), None)


def close(db: Connection, id: int, by: int, outcome: Outcome, now: datetime) -> None:
    """Close a request."""
    db.execute(
        update(REQUESTS).where(REQUESTS.c.id == id).values(closed_at=now, closed_by=by, outcome=outcome)
    )


@cache
def _open() -> Select[Any]:
    mine: list[ColumnElement[Any]] = [REQUESTS.c[name].label(f"of_{name}") for name in _OWN]
    asking: list[ColumnElement[Any]] = [
        _ASKER.c[name].label(f"asker_{name}") for name in ("name", "roles", "active")
    ]
    return (
        select(PEOPLE, *mine, *asking)
        .join(REQUESTS, REQUESTS.c.person_id == PEOPLE.c.id)
        .join(_ASKER, _ASKER.c.id == REQUESTS.c.asked_by)
        .where(REQUESTS.c.closed_at.is_(None), REQUESTS.c.expires_at > bindparam("now", type_=_MOMENT))
        .order_by(REQUESTS.c.id)
    )


_OWN = ("id", "kind", "adds", "account", "asked_by", "asked_at", "expires_at")
_MOMENT = REQUESTS.c.expires_at.type


def _request(row: Row[Any]) -> AccountRequest:
    roles = frozenset(cast(list[Role], row.asker_roles.split()))
    asker = Person(row.of_asked_by, row.asker_name, roles, active=row.asker_active)
    asks_still = asker.active and asker.has("administrator")
    return AccountRequest(
        id=row.of_id,
        kind=row.of_kind,
        person=person_of(row),
        has_password=row.password is not None,
        adds=tuple(cast(list[Role], row.of_adds.split())),
        asked_by=asker,
        asked_at=row.of_asked_at,
        expires_at=row.of_expires_at,
        is_void=not asks_still or row.of_account != _account(row.of_kind, row),
    )
