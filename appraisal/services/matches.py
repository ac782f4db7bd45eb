"""Matches: holding the finance list of newly opened projects against the proposals that are here."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from appraisal.domain import matches, symbols
from appraisal.domain.facts import SYSTEM_ACTOR, Person
from appraisal.domain.matches import Candidate, How, Project
from appraisal.domain.refusals import NotAllowed, refuse
from appraisal.errors import NotFound
from appraisal.storage import matches as stored
from appraisal.storage import site
from appraisal.storage.pasts import Past

ACTION: Final = "match_project"
_BATCH: Final = 500


def match_symbols(db: Connection, now: datetime) -> int:
    """Match every project whose symbol one proposal bears, in whichever spelling; return how many.

    A symbol that several proposals bear decides nothing, and nor does one that a person has undone.
    """
    site.lock(db)
    undone = stored.undone(db)
    waiting = [entry for entry in stored.unmatched(db) if entry.key not in undone]
    count = 0
    for start in range(0, len(waiting), _BATCH):
        part = {symbols.normalised(entry.symbol): entry for entry in waiting[start : start + _BATCH]}
        for symbol, ids in stored.by_symbol(db, part).items():
            if len(ids) == 1:
                stored.insert_match(db, part[symbol].key, ids[0], "symbol", now, SYSTEM_ACTOR.id)
                count += 1
    return count


def confirm(db: Connection, actor: Person, now: datetime, key: str, number: str) -> None:
    """Say that a project is a proposal, which a coordinator has looked at.

    Raises ``NotAllowed``, or ``NotFound`` for a project or proposal that is not there.
    """
    project = find_unmatched(db, actor, key)
    found = stored.proposal_id(db, number)
    if found is None:
        raise NotFound("proposal", number)
    write(db, actor, now, project.key, project.symbol, "confirmed", found, number)


def undo(db: Connection, actor: Person, now: datetime, key: str) -> None:
    """Say that a project is not the proposal that it was taken for. Raises as :func:`confirm` does."""
    project = _project(db, actor, key)
    if not stored.is_matched(db, key):
        raise NotFound("match", key)
    write(db, actor, now, project.key, project.symbol, "undone", None, "")


def release(db: Connection, actor: Person, now: datetime, proposal: int) -> list[str]:
    """Take every project for no proposal any more that was taken for one; return their symbols.

    The caller holds the site's lock.
    """
    found = stored.projects_of(db, proposal)
    for key, symbol in found.items():
        write(db, actor, now, key, symbol, "undone", None, "")
    return sorted(found.values())


def _project(db: Connection, actor: Person, key: str) -> Project:
    if not (actor.has("coordinator") and actor.active):
        raise NotAllowed([refuse("role_missing", role="coordinator")])
    site.lock(db)
    project = stored.find_project(db, key)
    if project is None:
        raise NotFound("project", key)
    return project


def find_unmatched(db: Connection, actor: Person, key: str) -> Project:
    """Return a project that is no proposal here, for a coordinator; nobody else matches it meanwhile."""
    project = _project(db, actor, key)
    if stored.is_matched(db, key):
        raise NotAllowed([refuse("project_matched")])
    return project


def write(
    db: Connection,
    actor: Person,
    now: datetime,
    key: str,
    symbol: str,
    how: How,
    proposal: int | None,
    number: str,
) -> None:
    """Write down what somebody found of a project, and tell of the row in the site's chain."""
    row = stored.insert_match(db, key, proposal, how, now, actor.id)
    facts = {"match": row, "project": symbol, "how": how, "proposal": number}
    site.append(db, now, actor.id, ACTION, facts)


def missing(
    db: Connection, biennium: str, scope: frozenset[str], past: Past | None = None
) -> Iterator[Project]:
    """Yield the projects that the indicator of a biennium would have to count and that are not here."""
    return (entry for entry in stored.unmatched(db, past) if matches.is_in(entry, biennium, scope))


def suggestions(db: Connection, projects: list[Project]) -> dict[str, list[Candidate]]:
    """Return by key the proposals that projects may be."""
    countries = {code for entry in projects for code in entry.countries}
    known = stored.candidates(db, countries)
    return {entry.key: matches.suggested(entry, known) for entry in projects}


def listed_value(db: Connection, biennium: str, scope: frozenset[str], past: Past | None) -> dict[str, Any]:
    """Return what a report says of the finance list: how many projects are not here, and which."""
    found = [entry.symbol for entry in missing(db, biennium, scope, past)]
    return {"missing": len(found), "symbols": found}
