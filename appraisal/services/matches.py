"""Matches: holding the finance list of newly opened projects against the proposals that are here."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from appraisal.definitions.library import Library
from appraisal.domain import matches, symbols
from appraisal.domain.facts import SYSTEM_ACTOR, Person
from appraisal.domain.matches import Candidate, How, Project
from appraisal.domain.refusals import NotAllowed, refuse
from appraisal.errors import NotFound
from appraisal.i18n import Text
from appraisal.storage import matches as stored
from appraisal.storage import queries, site
from appraisal.storage.matches import Unapproved
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

    Said again, it is answered as done. Raises ``NotAllowed``, also for a project or proposal that is matched
    already, or ``NotFound`` for one that is not there; a draft, and what the actor may not read, is none.
    """
    project = find_project(db, actor, key)
    found = queries.entered_id(db, number, actor)
    matched = stored.matched_to(db, key)
    if found is not None and found == matched:
        return
    if matched is not None:
        raise NotAllowed([refuse("project_matched")])
    if found is None:
        raise NotFound("proposal", number)
    if others := stored.projects_of(db, found):
        raise NotAllowed([refuse("proposal_matched", number=number, symbol=min(others.values()))])
    write(db, actor, now, project.key, project.symbol, "confirmed", found, number)


def undo(db: Connection, actor: Person, now: datetime, key: str) -> str | None:
    """Say that a project is not the proposal that it was taken for; said again, it is answered as done.

    Returns the number of the proposal that the match had registered, None for any other. Raises
    ``NotAllowed``, or ``NotFound`` for what never was a match.
    """
    project = find_project(db, actor, key)
    registered = stored.registered_for(db, key)
    if stored.matched_to(db, key) is not None:
        write(db, actor, now, project.key, project.symbol, "undone", None, "")
    elif key not in stored.undone(db):
        raise NotFound("match", key)
    return registered


def release(db: Connection, actor: Person, now: datetime, proposal: int) -> list[str]:
    """Take every project for no proposal any more that was taken for one; return their symbols.

    The caller holds the site's lock.
    """
    found = stored.projects_of(db, proposal)
    for key, symbol in found.items():
        write(db, actor, now, key, symbol, "undone", None, "")
    return sorted(found.values())


def find_project(db: Connection, actor: Person, key: str) -> Project:
    """Return a project of the finance list, for a coordinator who writes something down of it."""
    if not (actor.has("coordinator") and actor.active):
        raise NotAllowed([refuse("role_missing", role="coordinator")])
    site.lock(db)
    project = stored.find_project(db, key)
    if project is None:
        raise NotFound("project", key)
    return project


def find_unmatched(db: Connection, actor: Person, key: str) -> Project:
    """Return a project that is no proposal here, for a coordinator; nobody else matches it meanwhile."""
    project = find_project(db, actor, key)
    if stored.matched_to(db, key) is not None:
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


def unapproved(
    db: Connection, biennium: str, scope: frozenset[str], past: Past | None = None
) -> Iterator[Unapproved]:
    """Yield the projects that the indicator would have to count and whose proposals are not approved here."""
    return (entry for entry in stored.unapproved(db, past) if matches.is_in(entry.project, biennium, scope))


def state_title(library: Library, entry: Unapproved) -> Text:
    """Return what the state of a proposal is called by the workflow that it pinned; a draft pins none."""
    workflow = library.workflow(entry.workflow) if entry.workflow else library.newest_workflow()
    return workflow.states[entry.state].title


def suggestions(db: Connection, projects: list[Project]) -> dict[str, list[Candidate]]:
    """Return by key the proposals that projects may be."""
    countries = {code for entry in projects for code in entry.countries}
    known = stored.candidates(db, countries)
    return {entry.key: matches.suggested(entry, known) for entry in projects}


def listed_value(
    db: Connection, library: Library, biennium: str, scope: frozenset[str], past: Past | None
) -> dict[str, Any]:
    """Return what a report says of the finance list.

    How many projects are not here, and which; and those that were opened without an approval here.
    """
    found = [entry.symbol for entry in missing(db, biennium, scope, past)]
    opened = [
        {
            "symbol": entry.project.symbol,
            "title": entry.project.title,
            "number": entry.number,
            "state": entry.state,
            "state_title": state_title(library, entry).model_dump(),
        }
        for entry in unapproved(db, biennium, scope, past)
    ]
    return {"missing": len(found), "symbols": found, "unapproved": opened}
