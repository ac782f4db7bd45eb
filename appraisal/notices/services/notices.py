"""People are told what happened or is asked, in the transaction in which it happens.

Each notice belongs to one person. Whoever takes mail at once gets a message of each: its job is
written along with it. Whoever takes mail daily gets one message of all that has gathered by seven
in the morning, Geneva, but at once what is about their own account.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, time, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, Update, bindparam, insert, select, update
from sqlalchemy.sql.dml import ReturningInsert

from appraisal.canonical import canonical
from appraisal.clock import GENEVA
from appraisal.database import tables
from appraisal.database.engine import take_turn
from appraisal.database.outbox import MAIL
from appraisal.definitions.workflows import Audience
from appraisal.notices import rules as notices_rules
from appraisal.notices.store import candidates
from appraisal.people.facts import Person
from appraisal.people.store.people import load_stand_ins
from appraisal.proposals.facts import Case, Consultation
from appraisal.proposals.rules import access
from appraisal.proposals.rules.rounds import awaits_manager
from appraisal.proposals.store import lists

if TYPE_CHECKING:
    from appraisal.proposals.services.taking import Taking

DIGEST: Final = time(7)
NOTICES = tables.notices
JOBS = tables.jobs
# Any fixed number will do as the name of a lock.
_LOCK = 7_219_048
# What the column takes; a step is told in the words of its label, not by this name.
_LONGEST = 40


def tell(
    db: Connection,
    people_ids: Collection[int],
    what: str,
    now: datetime,
    *,
    proposal: int | None = None,
    facts: Mapping[str, Any] | None = None,
    by: int = 0,
) -> None:
    """Tell people something of the closed list in ``notices.rules``; closed accounts are not told.

    ``by`` is whose act it is, who knows already. ``facts`` hold what the sentence says beside the
    number, ``due_on`` where there is a date; whoever may know of the proposal may read them.
    Raises ``ValueError`` for something that is not on the list, or lacks a fact of its sentence.
    """
    given = _complete(what, facts, proposal)
    others = sorted(set(people_ids) - {by, 0})
    if others:
        _write(db, dict.fromkeys(candidates(db, others), given), what, now, proposal)


def _complete(what: str, facts: Mapping[str, Any] | None, proposal: int | None) -> Mapping[str, Any]:
    """Return the facts of something that people are told; raises ``ValueError`` as :func:`tell` says."""
    given = dict(facts or {})
    kind = notices_rules.kind_of(what, given)
    if kind is None:
        raise ValueError(f"{what} is nothing that people are told")
    missing = kind.needs - given.keys() - ({"number"} if proposal is not None else set())
    if missing:
        raise ValueError(f"{what} lacks {', '.join(sorted(missing))}")
    return given


def stand_ins(db: Connection, case: Case, replaced: Collection[int], now: datetime) -> frozenset[int]:
    """Return who may do the work of some appraisers now, in their place.

    Without authors, and those who owe a review of their own or have a conflict of interest.
    """
    barred = case.related("author") | access.owing(case) | access.conflicted(case)
    return frozenset(entry.id for entry in load_stand_ins(db, replaced, "appraisals", now)) - barred


def tell_audiences(
    db: Connection,
    case: Case,
    audiences: tuple[Audience, ...],
    what: str,
    now: datetime,
    *,
    facts: Mapping[str, Any] | None = None,
    by: int = 0,
) -> None:
    """Tell audiences of a proposal something of the closed list, but nobody who still owes a review of it."""
    given = _complete(what, facts, case.id)
    told = [
        person
        for person in _audience(db, case, audiences, now)
        if person.id != by and not access.is_blind(case, person)
    ]
    _write(db, dict.fromkeys(told, given), what, now, case.id)


def tell_units(
    db: Connection, case: Case, asked: Sequence[Consultation], barred: Collection[int], now: datetime, by: int
) -> None:
    """Tell the appraisers of units that their comments are asked for, but for those who may not give any."""
    others = access.owing(case) | access.conflicted(case) | case.related("author") | {*barred, by}
    ids = set(lists.ids_with(db, "appraiser", [entry.unit for entry in asked])) - others
    if not ids:
        return
    facts = {entry.unit: {"consultation": entry.id, "due_on": entry.due_on} for entry in asked}
    told = {person: facts[person.unit] for person in candidates(db, sorted(ids))}
    _write(db, told, "consultation_asked", now, case.id)


def tell_of_step(taking: "Taking", after: Case, due_on: Any) -> None:
    """Tell those whom the definition of a step names, but for whoever took it.

    Nobody is told of a proposal that they may not read, nor a manager or coordinator of one that a
    relation keeps them from acting on. Whoever stands in for the lead is told with the lead. That a
    second signature is waited for is told at once, to those as well who take their mail daily.
    """
    audiences, transition = taking.transition.told, taking.transition
    if not audiences:
        return
    told = [
        person
        for person in _audience(taking.db, after, audiences, taking.now)
        if person.id != taking.actor.id
    ]
    facts: dict[str, Any] = {notices_rules.STEP: transition.label.model_dump(), "due_on": due_on}
    if taking.to != taking.case.state:
        facts[notices_rules.STATE] = taking.book.workflow.states[taking.to].title.model_dump()
    what, is_urgent = transition.name[:_LONGEST], transition.marks is not None
    _write(taking.db, dict.fromkeys(told, facts), what, taking.now, after.id, is_urgent=is_urgent)
    if awaits_manager(taking.book.workflow, after) and taking.to != taking.case.state:
        by = taking.actor.id
        tell_audiences(taking.db, after, ("managers",), "further_round_asked", taking.now, by=by)


def _audience(db: Connection, case: Case, audiences: tuple[Audience, ...], now: datetime) -> Sequence[Person]:
    """Return whoever is among some audiences, those who stand in for the lead with the lead.

    Where the authors or the lead have left, the coordinators are told in their place.
    """
    audiences = notices_rules.reached(case, audiences)
    related = notices_rules.related(case, audiences)
    leads = notices_rules.related(case, ("lead",)) if "lead" in audiences else frozenset()
    instead = stand_ins(db, case, leads, now)
    found = candidates(db, related | instead, notices_rules.roles(audiences))
    return [
        person for person in found if person.id in instead or notices_rules.is_told(case, audiences, person)
    ]


def _write(
    db: Connection,
    told: Mapping[Person, Mapping[str, Any]],
    what: str,
    now: datetime,
    proposal: int | None,
    *,
    is_urgent: bool = False,
) -> None:
    """Write a notice for each person with its facts, and a message for each who takes mail at once.

    Of what is urgent everybody gets a message.
    """
    if not told:
        return
    mailed = [who.id for who, facts in told.items() if is_urgent or _goes_at_once(who, what, facts)]
    jobs = _put_jobs(db, mailed, now)
    common = {"proposal_id": proposal, "what": what, "at": now}
    # Most are told the same.
    distinct = {id(facts): facts for facts in told.values()}
    texts = {key: canonical(facts).decode() for key, facts in distinct.items()}
    rows = [
        {"person_id": person.id, "job_id": jobs.get(person.id), "facts": texts[id(facts)], **common}
        for person, facts in told.items()
    ]
    db.execute(_telling(), rows).all()


def _goes_at_once(person: Person, what: str, facts: Mapping[str, Any]) -> bool:
    kind = notices_rules.kind_of(what, facts)
    return person.delivery == "at_once" or (kind is not None and kind.is_urgent)


def _put_jobs(db: Connection, people: Sequence[int], now: datetime) -> dict[int, int]:
    """Put a message for each person in the outbox; return the jobs by person."""
    if not people:
        return {}
    payloads = {canonical({"person": person}).decode(): person for person in people}
    rows = db.execute(_posting(), [{"kind": MAIL, "payload": payload, "run_at": now} for payload in payloads])
    return {payloads[row.payload]: row.id for row in rows}


@cache
def _posting() -> ReturningInsert[int, str]:
    return insert(JOBS).returning(JOBS.c.id, JOBS.c.payload)


@cache
def _telling() -> ReturningInsert[int]:
    # What is returned is not needed, but lets many rows go in one statement on both databases.
    return insert(NOTICES).returning(NOTICES.c.id)


def gather(db: Connection, now: datetime) -> int:
    """Put what waits for a daily message into one message a person; return how many.

    Due is every notice from before the last seven in the morning, Geneva, so that it may run as
    often as one likes: what was gathered is not gathered again.
    """
    due = last_digest(now)
    waiting = (NOTICES.c.job_id.is_(None), NOTICES.c.at < due)
    if db.execute(select(NOTICES.c.id).where(*waiting).limit(1)).first() is None:
        return 0
    # Two ticks at once would put the same notices into two messages, one of them empty.
    take_turn(db, _LOCK)
    people = db.execute(select(NOTICES.c.person_id).where(*waiting).distinct().order_by(NOTICES.c.person_id))
    jobs = _put_jobs(db, list(people.scalars()), now)
    if jobs:
        taken = [{"whose": person, "message": job, "due": due} for person, job in jobs.items()]
        db.execute(_gathering(), taken)
    return len(jobs)


@cache
def _gathering() -> Update:
    mine = (NOTICES.c.person_id == bindparam("whose"), NOTICES.c.job_id.is_(None))
    return update(NOTICES).where(*mine, NOTICES.c.at < bindparam("due")).values(job_id=bindparam("message"))


def last_digest(now: datetime) -> datetime:
    """Return the last seven in the morning, Geneva, that has come."""
    local = now.astimezone(GENEVA)
    today = datetime.combine(local.date(), DIGEST, GENEVA)
    if today <= local:
        return today
    return datetime.combine(local.date() - timedelta(days=1), DIGEST, GENEVA)
