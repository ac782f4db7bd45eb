"""Conditions: finding the account of an owner, naming another one, and reporting a condition as met."""

from collections.abc import Callable, Iterable
from datetime import datetime

from sqlalchemy import Connection, update

from appraisal.domain import disclosure, forms, permissions
from appraisal.domain.facts import Case, Condition, Person
from appraisal.domain.refusals import refuse
from appraisal.errors import NotFound, StepConflict
from appraisal.services import notices, steps
from appraisal.services.proposals import note_event
from appraisal.storage import proposals, queries, tables
from appraisal.storage.facts import load_case, load_people

CONDITIONS = tables.Condition.__table__


def owners_by_name(db: Connection, written: Iterable[str]) -> Callable[[str], int | None]:
    """Return a function from an owner as written to the account that it means.

    That is the one person with an open account who has this name or e-mail address, whatever the
    case of its letters; nobody where there are several, or none.
    """
    accounts: dict[str, set[int]] = {}
    if any(text.strip() for text in written):
        for id, name, email in queries.accounts(db):
            for key in (name, email):
                accounts.setdefault(key.strip().casefold(), set()).add(id)

    def find(owner: str) -> int | None:
        found = accounts.get(owner.strip().casefold(), set())
        return next(iter(found)) if len(found) == 1 else None

    return find


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
    case, entry = find_condition(db, actor, number, condition, lock=True)
    steps.check_seen(case, seen)
    refusals = permissions.reporting_refusals(case, entry, actor)
    if not evidence.strip():
        refusals.append(refuse("evidence_missing"))
    if refusals:
        raise disclosure.not_allowed(case, actor, refusals)
    report = evidence.strip()[: forms.PROSE_LIMIT]
    db.execute(
        update(CONDITIONS)
        .where(CONDITIONS.c.id == condition)
        .values(reported_at=now, reported_by=actor.id, report=report)
    )
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
    return note_event(db, case, actor, now, "report_condition", said)


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
    if (done := proposals.request_done(db, request, actor.id)) is not None:
        if done != number:
            raise StepConflict(None, None)
        return case
    steps.check_seen(case, seen)
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
    db.execute(
        update(CONDITIONS).where(CONDITIONS.c.id == condition).values(owner=person.name, owner_id=person.id)
    )
    facts = {"condition": entry.number}
    notices.tell(db, [person.id], "condition_owned", now, proposal=case.id, facts=facts, by=actor.id)
    said = {
        **facts,
        "before": {"owner": entry.owner, "person": entry.owner_id},
        "after": {"owner": person.name, "person": person.id},
        "reason": reason.strip()[: forms.PROSE_LIMIT],
    }
    return note_event(db, case, actor, now, "name_owner", said, request)


def find_condition(
    db: Connection, actor: Person, number: str, condition: int, *, lock: bool = False
) -> tuple[Case, Condition]:
    """Load a proposal for the sake of one condition of the appraisal in force; raises ``NotFound``."""
    case = load_case(db, number, lock=lock)
    entries = case.finalised.conditions if case.finalised else ()
    entry = next((entry for entry in entries if entry.id == condition), None)
    if entry is None or not permissions.sees_condition(case, entry, actor):
        raise NotFound("condition", str(condition))
    return case, entry
