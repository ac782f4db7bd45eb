"""Projects of the finance list are matched here with proposals, by their symbol or by a person."""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Connection

from appraisal.clock import geneva_date
from appraisal.database.as_of import Past
from appraisal.definitions.library import Library
from appraisal.errors import NotFound, StepConflict
from appraisal.language.texts import Text
from appraisal.lists.rules import matching
from appraisal.lists.rules.matching import Candidate, Changed, How, Project
from appraisal.lists.store import matching as stored
from appraisal.lists.store.matching import Unapproved, Unsaid
from appraisal.people.facts import SYSTEM_ACTOR, Person
from appraisal.proposals.store import lists
from appraisal.proposals.store.case import load_rates
from appraisal.trail.store import site
from appraisal.vocabulary.refusals import NotAllowed, refuse

ACTION: Final = "match_project"
_BATCH: Final = 500


def match_symbols(db: Connection, now: datetime, symbols: Collection[str] | None = None) -> int:
    """Match every project whose symbol one proposal bears, and no other any longer; return what that changed.

    ``symbols``: those to look at, all by default. A symbol that several proposals bear decides nothing, nor
    does one of which a person has said something, nor one whose proposal a person took for another project.
    """
    site.lock(db)
    unsaid, count = list(stored.unsaid(db, symbols)), 0
    taken = stored.taken(db) if unsaid else frozenset()
    for start in range(0, len(unsaid), _BATCH):
        part = unsaid[start : start + _BATCH]
        bearers = stored.by_symbol(db, {name for entry in part for name in (entry.symbol, entry.key.upper())})
        for entry in part:
            ids = bearers.get(entry.symbol, [])
            found = ids[0] if len(ids) == 1 and ids[0] not in taken else None
            if found != entry.proposal:
                _follow(db, now, entry, found)
                count += 1
    return count


def _follow(db: Connection, now: datetime, entry: Unsaid, proposal: int | None) -> None:
    """Write down what a symbol decides; the site's chain tells of whatever takes an earlier match back."""
    if entry.is_new:
        stored.insert_match(db, entry.key, proposal, "symbol", now, SYSTEM_ACTOR.id)
        return
    number = "" if proposal is None else stored.number_of(db, proposal)
    write(db, SYSTEM_ACTOR, now, entry.key, entry.symbol, "symbol" if number else "undone", proposal, number)


def confirm(db: Connection, actor: Person, now: datetime, key: str, number: str, reason: str = "") -> None:
    """Say that a project is a proposal, which a coordinator has looked at.

    ``reason``: why one approval has this project beside another. Said again, it is answered as done. Raises
    ``NotAllowed``, also for a project that is matched already, and for a further project without a reason,
    or beyond what was approved; or ``NotFound`` for one that is not there; a draft, and what the actor may
    not read, is none.
    """
    project = find_project(db, actor, key)
    found = lists.entered_id(db, number, actor)
    matched = stored.matched_to(db, key)
    if found is not None and found == matched:
        return
    if matched is not None:
        raise NotAllowed([refuse("project_matched")])
    if found is None:
        raise NotFound("proposal", number)
    kept = _reason_beside(db, now, project, found, number, reason)
    basis = matching.basis_of(project, stored.bearing(db, found), kept)
    write(db, actor, now, project.key, project.symbol, "confirmed", found, number, basis)


def _reason_beside(
    db: Connection, now: datetime, project: Project, proposal: int, number: str, reason: str
) -> str:
    """Return the reason for a further project of one approval, empty for the only one.

    Raises ``NotAllowed`` without a reason or an approval, and where the projects together were opened with
    more than a tenth above what was approved, or nobody can tell.
    """
    others = [entry for entry in stored.projects_of(db, proposal) if entry.key != project.key]
    listed = [entry.project for entry in others if entry.project is not None]
    if not listed:
        return ""
    if not stored.is_approved(db, proposal):
        raise NotAllowed([refuse("proposal_matched", number=number, symbol=listed[0].symbol)])
    needed = any(entry.project is not None and not entry.reason for entry in others)
    if needed and not reason.strip():
        raise NotAllowed([refuse("projects_reason", number=number, symbol=listed[0].symbol)])
    rates, today = load_rates(db), geneva_date(now)
    opened = [matching.usd_of(entry, rates, today) for entry in (project, *listed)]
    known = [entry for entry in opened if entry is not None]
    if len(known) < len(opened):
        raise NotAllowed([refuse("projects_unknown", number=number)])
    approved = stored.approved_usd(db, proposal)
    if approved is None:
        raise NotAllowed([refuse("approval_unknown", number=number)])
    total = sum(known, Decimal(0))
    if matching.exceeds(total, approved):
        raise NotAllowed([refuse("projects_beyond", number=number, opened=total, approved=approved)])
    return reason.strip() if needed else ""


def look_again(db: Connection, actor: Person, now: datetime, key: str, seal: str, reason: str = "") -> None:
    """Say that a link still holds, which a coordinator has looked at again as it stands now.

    ``seal`` is that of the link that was seen; ``reason`` as for :func:`confirm`. Where nothing changed, it
    is answered as done. Raises ``NotAllowed`` as :func:`confirm` does, ``NotFound``, or ``StepConflict``
    where something else changed meanwhile.
    """
    check_coordinator(actor)
    site.lock(db)
    link = next(stored.links(db, key=key), None)
    if link is None:
        raise NotFound("match", key)
    if link.seal != seal:
        raise StepConflict(None, None)
    if all(entry.link.key != key for entry in changed_links(db)):
        return
    proposal = stored.matched_to(db, key)
    assert proposal is not None
    if link.project is not None:
        kept = _reason_beside(db, now, link.project, proposal, link.number, reason)
    else:
        kept = link.reason
    basis = matching.basis_of(link.project, link.bearing, kept)
    write(db, actor, now, key, link.symbol, link.how, proposal, link.number, basis)


def changed_links(db: Connection, past: Past | None = None) -> list[Changed]:
    """Return what people took for a proposal and have to look at again, now or then, in order of keys."""
    return matching.changed(stored.links(db, past))


def changed(db: Connection, biennium: str, scope: frozenset[str], past: Past | None = None) -> list[Changed]:
    """Return the links that somebody has to look at again before the indicator of a biennium is whole."""
    return [entry for entry in changed_links(db, past) if matching.touches(entry.link, biennium, scope)]


def are_settled(db: Connection, biennium: str, scope: frozenset[str]) -> bool:
    """Tell whether every project opened is approved here as far as it is here, and every link looked at."""
    return next(unapproved(db, biennium, scope), None) is None and not changed(db, biennium, scope)


def undo(db: Connection, actor: Person, now: datetime, key: str) -> str | None:
    """Say that a project is not the proposal that it was taken for; said again, it is answered as done.

    Also of one that is not on the list any more. Returns the number of the proposal that the match had
    registered, None for any other. Raises ``NotAllowed``, or ``NotFound`` for what never was a match.
    """
    check_coordinator(actor)
    site.lock(db)
    registered, proposal = stored.registered_for(db, key), stored.matched_to(db, key)
    if proposal is not None:
        taken = next(entry for entry in stored.projects_of(db, proposal) if entry.key == key)
        write(db, actor, now, key, taken.symbol, "undone", None, "")
    elif key not in stored.undone(db):
        raise NotFound("match", key)
    return registered


def release(db: Connection, now: datetime, proposal: int, hows: Collection[How]) -> list[str]:
    """Take every project for no proposal any more that was taken for one in some way; return their symbols.

    Nobody looked at the projects for that: from then on their symbols decide, as of what nobody spoke of. The
    caller holds the site's lock.
    """
    found = [entry for entry in stored.projects_of(db, proposal) if entry.how in hows]
    for entry in found:
        write(db, SYSTEM_ACTOR, now, entry.key, entry.symbol, "undone", None, "")
    return sorted(entry.symbol for entry in found)


def check_coordinator(actor: Person) -> None:
    """Raise ``NotAllowed`` for anybody but a coordinator."""
    if not (actor.has("coordinator") and actor.active):
        raise NotAllowed([refuse("role_missing", role="coordinator")])


def find_project(db: Connection, actor: Person, key: str) -> Project:
    """Return a project of the finance list, for a coordinator who writes something down of it."""
    check_coordinator(actor)
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
    basis: Mapping[str, Any] | None = None,
) -> None:
    """Write down what somebody found of a project, and tell of the row in the site's chain."""
    row = stored.insert_match(db, key, proposal, how, now, actor.id, basis)
    facts = {"match": row, "project": symbol, "how": how, "proposal": number}
    if basis is not None:
        facts["basis"] = basis
    site.append(db, now, actor.id, ACTION, facts)


def missing(
    db: Connection, biennium: str, scope: frozenset[str], past: Past | None = None
) -> Iterator[Project]:
    """Yield the projects that the indicator of a biennium would have to count and that are not here."""
    return (entry for entry in stored.unmatched(db, past) if matching.is_in(entry, biennium, scope))


def unapproved(
    db: Connection, biennium: str, scope: frozenset[str], past: Past | None = None
) -> Iterator[Unapproved]:
    """Yield the projects that the indicator would have to count and whose proposals are not approved here.

    An approval with other funds only, which the indicator does not count, is none here.
    """
    return (
        entry
        for entry in stored.unapproved(db, scope, past)
        if matching.is_in(entry.project, biennium, scope)
    )


def state_title(library: Library, entry: Unapproved) -> Text:
    """Return what the state of a proposal is called by the workflow that it pinned; a draft pins none.

    With the funds of an approval that is counted nowhere for them.
    """
    workflow = library.workflow(entry.workflow) if entry.workflow else library.newest_workflow()
    title = workflow.states[entry.state].title
    if not entry.funds:
        return title
    return Text(**{name: f"{said} ({', '.join(entry.funds)})" for name, said in title.model_dump().items()})


def suggestions(db: Connection, projects: list[Project]) -> dict[str, list[Candidate]]:
    """Return by key the proposals that projects may be."""
    countries = {code for entry in projects for code in entry.countries}
    known = stored.candidates(db, countries)
    return {entry.key: matching.suggested(entry, known) for entry in projects}


def listed_value(
    db: Connection, library: Library, biennium: str, scope: frozenset[str], past: Past | None
) -> dict[str, Any]:
    """Return what a report says of the finance list.

    How many projects are not here, and which; those that were opened without an approval here; and those that
    somebody has to look at again, since the facts under what they were taken for changed.
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
    again = [
        {
            "symbol": entry.link.symbol,
            "title": entry.link.project.title if entry.link.project else "",
            "number": entry.link.number,
            "how": entry.link.how,
            "differences": [
                {"name": each.name, "was": each.was, "is": each.now} for each in entry.differences
            ],
        }
        for entry in changed(db, biennium, scope, past)
    ]
    return {"missing": len(found), "symbols": found, "unapproved": opened, "changed": again}
