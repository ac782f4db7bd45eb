"""Conditions are saved, given another owner, and reported as met here.

Every row that is written here is told by an event of its proposal's chain in the same transaction; none is
ever deleted.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from appraisal.appraisals.rules import conditions as rules
from appraisal.appraisals.rules import permissions
from appraisal.appraisals.rules.conditions import ConditionPut
from appraisal.appraisals.store import conditions as stored
from appraisal.definitions.library import Library
from appraisal.errors import NotFound, StepConflict
from appraisal.notices.services import notices
from appraisal.people.facts import Person
from appraisal.people.store.people import load_people
from appraisal.proposals.facts import Appraisal, Case, Condition
from appraisal.proposals.rules import access, disclosure
from appraisal.proposals.services.drafts import note_event
from appraisal.proposals.services.opening import check_seen, load
from appraisal.proposals.store import lists, writing
from appraisal.proposals.store.case import load_case
from appraisal.vocabulary.limits import PROSE_LIMIT
from appraisal.vocabulary.refusals import refuse


def owners_by_name(db: Connection, written: Iterable[str]) -> Callable[[str], int | None]:
    """Return a function from an owner as written to the account that it means.

    That is the one person with an open account who has this name or e-mail address, whatever the
    case of its letters; nobody where there are several, or none.
    """
    accounts: dict[str, set[int]] = {}
    if any(text.strip() for text in written):
        for id, name, email in lists.accounts(db):
            for key in (name, email):
                accounts.setdefault(key.strip().casefold(), set()).add(id)

    def find(owner: str) -> int | None:
        found = accounts.get(owner.strip().casefold(), set())
        return next(iter(found)) if len(found) == 1 else None

    return find


def save(
    db: Connection,
    case: Case,
    running: Appraisal,
    actor: Person,
    now: datetime,
    puts: Sequence[ConditionPut],
    known: Collection[int] | None,
    low: Collection[str],
) -> Case:
    """Save the conditions of a running appraisal, and tell by one event what changed; nothing where none did.

    The event is written aside: what the lead drafts collides with nobody's page, and none betrays it.
    Raises ``StepConflict`` where one of them is no longer what the lead saw, ``NotAllowed`` where
    it is closed.
    """
    if (stale := rules.conflict(running, puts)) is not None:
        raise StepConflict(stale.seen, None)
    if refusals := rules.closed_refusals(running, puts):
        raise disclosure.not_allowed(case, actor, refusals)
    plan = rules.saving(case, running, puts, known, low, owners_by_name(db, [put.owner for put in puts]))
    plan = stored.save(db, case, running, plan, actor.id, now)
    facts = rules.saving_facts(running, plan)
    if not facts:
        return case
    said = {"appraisal": running.number, **facts}
    return note_event(db, case, actor, now, rules.WRITE, said, aside=True)


def report_condition(
    db: Connection,
    actor: Person,
    now: datetime,
    number: str,
    condition: int,
    evidence: str,
    *,
    seen: int | None = None,
) -> Case:
    """Report a condition as met, with evidence: an act of its owner or of an author.

    It stays open until a coordinator has closed it. Raises ``NotFound`` for one that is not the
    actor's to see; an owner need not read the rest of the proposal.
    """
    case, entry = find_condition(db, actor, number, condition, seen=seen, lock=True)
    check_seen(case, seen)
    refusals = permissions.reporting_refusals(case, entry, actor)
    if not evidence.strip():
        refusals.append(refuse("evidence_missing"))
    if refusals:
        raise disclosure.not_allowed(case, actor, refusals)
    report = evidence.strip()[:PROSE_LIMIT]
    notices.tell_audiences(
        db,
        case,
        ("coordinators",),
        "condition_reported",
        now,
        facts={"condition": entry.number},
        by=actor.id,
    )
    said = {"condition": entry.number, "evidence": report}
    return _act(db, case, entry, actor, now, "report_condition", said)


def name_owner(
    db: Connection,
    actor: Person,
    now: datetime,
    number: str,
    condition: int,
    owner: int,
    reason: str,
    *,
    seen: int | None = None,
    request: str | None = None,
) -> Case:
    """Give a condition of an approval another owner, who is told: a coordinator's act.

    Raises ``NotFound`` for one that is not the actor's to see, ``StepConflict``, or ``NotAllowed``
    with every reason.
    """
    case, entry = find_condition(db, actor, number, condition, lock=True)
    if (done := writing.request_done(db, request, actor.id)) is not None:
        if done != number:
            raise StepConflict(None, None)
        return case
    check_seen(case, seen)
    refusals = permissions.owner_naming_refusals(case, entry, actor)
    if not reason.strip():
        refusals.append(refuse("note_missing"))
    person = load_people(db, [owner]).get(owner)
    if person is None or not person.active:
        refusals.append(refuse("owner_missing"))
    elif person.id == entry.owner_id:
        refusals.append(refuse("owner_unchanged", name=person.name))
    if refusals:
        raise disclosure.not_allowed(case, actor, refusals)
    assert person is not None
    facts = {"condition": entry.number}
    notices.tell(db, [person.id], "condition_owned", now, proposal=case.id, facts=facts, by=actor.id)
    said = {
        **facts,
        "before": {"owner": entry.owner, "person": entry.owner_id},
        "after": {"owner": person.name, "person": person.id},
        "reason": reason.strip()[:PROSE_LIMIT],
    }
    return _act(db, case, entry, actor, now, "name_owner", said, request)


def clear_condition(
    db: Connection,
    library: Library,
    actor: Person,
    now: datetime,
    number: str,
    condition: int,
    evidence: str,
    *,
    seen: int | None = None,
) -> Case:
    """Close a condition with evidence: a coordinator's act, never its owner's or an author's."""
    case, entry = _condition(db, library, actor, number, condition, seen)
    refusals = permissions.clearing_refusals(case, entry, actor)
    if not evidence.strip():
        refusals.append(refuse("evidence_missing"))
    if refusals:
        raise disclosure.not_allowed(case, actor, refusals)
    shown = evidence.strip()[:PROSE_LIMIT]
    said = {"condition": entry.number, "evidence": shown}
    return _act(db, case, entry, actor, now, "clear_condition", said)


def waive_condition(
    db: Connection,
    library: Library,
    actor: Person,
    now: datetime,
    number: str,
    condition: int,
    reason: str,
    *,
    seen: int | None = None,
) -> Case:
    """Waive a condition: a manager's act, after which only an override can approve."""
    case, entry = _condition(db, library, actor, number, condition, seen)
    refusals = permissions.waiving_refusals(case, entry, actor, now)
    if not reason.strip():
        refusals.append(refuse("note_missing"))
    if refusals:
        raise disclosure.not_allowed(case, actor, refusals)
    because = reason.strip()[:PROSE_LIMIT]
    said = {"condition": entry.number, "reason": because}
    return _act(db, case, entry, actor, now, "waive_condition", said)


def _act(
    db: Connection,
    case: Case,
    entry: Condition,
    actor: Person,
    now: datetime,
    action: str,
    said: Mapping[str, Any],
    request: str | None = None,
) -> Case:
    """Write what an act on a condition does, as its event says it, and the event."""
    stored.change(db, entry, **rules.ACTS[action](said, now, actor.id))
    return note_event(db, case, actor, now, action, said, request)


def _condition(
    db: Connection, library: Library, actor: Person, number: str, condition: int, seen: int | None
) -> tuple[Case, Condition]:
    case, _ = load(db, library, number, actor, lock=True)
    check_seen(case, seen)
    final = case.finalised
    entry = next((entry for entry in final.conditions if entry.id == condition), None) if final else None
    if entry is None:
        raise NotFound("condition", str(condition))
    return case, entry


def find_condition(
    db: Connection,
    actor: Person,
    number: str,
    condition: int,
    *,
    seen: int | None = None,
    lock: bool = False,
) -> tuple[Case, Condition]:
    """Load a proposal for the sake of one condition of the appraisal in force; raises ``NotFound``.

    Whoever reads the proposal, and saw it before the appraisal was opened again, is told that it changed.
    """
    case = load_case(db, number, lock=lock)
    if access.level(case, actor) == "full":
        check_seen(case, seen)
    entries = case.finalised.conditions if case.finalised else ()
    entry = next((entry for entry in entries if entry.id == condition), None)
    if entry is None or not permissions.sees_condition(case, entry, actor):
        raise NotFound("condition", str(condition))
    return case, entry
