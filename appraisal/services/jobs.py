"""Jobs: the outbox is the queue. Leases, a fenced finish, back-off and dead letters.

Waiting for the installation (its key, its disk, its database, its libraries) is no attempt: such a job is
tried again without an end. Only what can never succeed, or did not in four weeks, is dead, until
:func:`retry` takes it up again.

A job may be done twice when a worker dies between its effect and its finish; every effect here
is kept by what it is about, so that the second time changes nothing. Mail and everything else are
two lanes, from which a worker takes in turn: neither waits for the other to be empty.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Update,
    and_,
    bindparam,
    case,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection

from appraisal.domain.facts import Person
from appraisal.domain.records import is_signed
from appraisal.domain.refusals import NotAllowed, refuse
from appraisal.errors import AppraisalError, NotFound
from appraisal.i18n import language_or
from appraisal.pdf.signings import Signer, Unsignable
from appraisal.pdf.workers import RenderingFailed
from appraisal.services import couriers, issuers, mails, people, records, reports
from appraisal.services.couriers import Courier
from appraisal.services.notices import MAIL
from appraisal.storage import tables
from appraisal.storage.databases import Database
from appraisal.storage.files import Files
from appraisal.storage.notices import Mail, load_mails

JOBS = tables.Job.__table__


@dataclass(frozen=True, slots=True, eq=False)
class Lane:
    """How jobs of some kinds are taken: how many at once, for how long, and how often they are tried.

    The second attempt comes ``first`` after the one before, each later one after twice as long, but
    never after more than ``longest``. What waits for the installation is tried at least every ``PATIENCE``.
    """

    kinds: ColumnElement[bool]
    batch: int
    lease: timedelta
    attempts: int
    first: timedelta
    longest: timedelta


# The kinds of what is drawn.
DRAWINGS = (records.RENDER, reports.RENDER)
PATIENCE = timedelta(hours=1)
# So many workers may be lost over a job one after the other before it makes room for others.
_LOST = 6
# Attempts that count: what went wrong with the job itself, and not with the installation.
_COUNTED = JOBS.c.attempts - JOBS.c.waits

# About four weeks of attempts.
RENDERING = Lane(JOBS.c.kind != MAIL, 1, timedelta(minutes=2), 40, timedelta(seconds=10), timedelta(days=1))
# About a day of attempts. The lease holds for the batch, begun in its first third, at the slowest server.
MAILS = Lane(JOBS.c.kind == MAIL, 50, timedelta(minutes=3), 30, timedelta(seconds=30), timedelta(hours=1))


@dataclass(frozen=True, slots=True)
class Leased:
    """A job in this worker's hands; ``attempts`` is the fence, of which so many ``waits`` do not count."""

    id: int
    kind: str
    payload: Mapping[str, Any]
    attempts: int
    waits: int = 0


def lease(database: Database, now: datetime, lane: Lane = RENDERING, most: int = 0) -> list[Leased]:
    """Take jobs of a lane that are due and in nobody's hands, oldest first; a batch, or ``most``."""
    free = and_(
        lane.kinds,
        JOBS.c.done_at.is_(None),
        JOBS.c.dead_at.is_(None),
        JOBS.c.run_at <= now,
        or_(JOBS.c.lease_until.is_(None), JOBS.c.lease_until < now),
        lane.attempts > _COUNTED,
    )
    chosen = select(JOBS.c.id).where(free).order_by(JOBS.c.run_at, JOBS.c.id).limit(most or lane.batch)
    if not database.is_sqlite:
        chosen = chosen.with_for_update(skip_locked=True)
    with database.begin() as db:
        _bury(db, now, lane)
        rows = db.execute(
            update(JOBS)
            .where(JOBS.c.id.in_(chosen.scalar_subquery()))
            .values(lease_until=now + lane.lease, attempts=JOBS.c.attempts + 1)
            .returning(JOBS.c.id, JOBS.c.kind, JOBS.c.payload, JOBS.c.attempts, JOBS.c.waits)
        ).all()
    # Neither database returns rows in the order in which they were chosen.
    return [Leased(id, kind, json.loads(payload), *counts) for id, kind, payload, *counts in sorted(rows)]


def _bury(db: Connection, now: datetime, lane: Lane) -> None:
    """Put off jobs whose worker was never heard of again, time after time; in the end give them up."""
    is_last = lane.attempts <= _COUNTED
    db.execute(
        update(JOBS)
        .where(
            lane.kinds,
            JOBS.c.done_at.is_(None),
            JOBS.c.dead_at.is_(None),
            min(_LOST, lane.attempts) <= _COUNTED,
            JOBS.c.lease_until < now,
        )
        .values(
            lease_until=None,
            run_at=now + PATIENCE,
            dead_at=case((is_last, literal(now, JOBS.c.dead_at.type)), else_=JOBS.c.dead_at),
            error="every worker that took this job died over it",
        )
    )


def finish(database: Database, job: Leased, now: datetime) -> bool:
    """Mark a job done; False when another worker has it by now."""
    return _settle(database, job, done_at=now)


def fail(database: Database, job: Leased, now: datetime, error: str) -> bool:
    """Put a job back for later, twice as late each time; after the last attempt of its lane it is dead."""
    lane, counted = _lane(job), job.attempts - job.waits
    if counted >= lane.attempts:
        return give_up(database, job, now, error)
    wait = min(_doubled(lane.first, counted - 1), lane.longest)
    return _settle(database, job, lease_until=None, run_at=now + wait, error=error[:2000])


def put_off(database: Database, job: Leased, now: datetime, error: str) -> bool:
    """Put a job back that waits for the installation: that is no attempt, and has no end."""
    wait = min(_doubled(_lane(job).first, job.waits), PATIENCE)
    values: dict[str, Any] = {"lease_until": None, "run_at": now + wait, "waits": job.waits + 1}
    return _settle(database, job, error=error[:2000], **values)


def _lane(job: Leased) -> Lane:
    return MAILS if job.kind == MAIL else RENDERING


def _doubled(span: timedelta, times: int) -> timedelta:
    # Twice as long too often would be no span any more.
    return span * (1 << min(times, 20))


def give_up(database: Database, job: Leased, now: datetime, error: str) -> bool:
    """Leave a job dead at once: no later attempt could do better."""
    return _settle(database, job, dead_at=now, error=error[:2000])


def settle(database: Database, job: Leased, now: datetime, error: Exception) -> bool:
    """Put a job back after an error, or give it up where no later attempt could do better."""
    said = f"{type(error).__name__}: {error}"
    if _is_of_the_installation(error):
        return put_off(database, job, now, said)
    if isinstance(error, NotFound) or (isinstance(error, RenderingFailed) and error.reason == "refused"):
        return give_up(database, job, now, said)
    return fail(database, job, now, said)


# The key, the disk or the network, a library, the database, the memory of the machine.
_WAITING = (
    issuers.KeyMissing,
    Unsignable,
    OSError,
    ImportError,
    OperationalError,
    InterfaceError,
    NoConnection,
    MemoryError,
)


def _is_of_the_installation(error: Exception) -> bool:
    """Tell whether an error says nothing of the job, but that something is missing around it."""
    # A process that is killed, or ends before it draws, lacks memory or a library.
    is_lost = isinstance(error, RenderingFailed) and error.reason == "crash"
    return is_lost or isinstance(error, _WAITING)


def put_back(database: Database, jobs: Sequence[Leased], at: datetime, error: str = "") -> None:
    """Give jobs back that were not even tried: the attempt does not count. They are due at a moment."""
    if not jobs:
        return
    values: dict[str, Any] = {"lease_until": None, "attempts": JOBS.c.attempts - 1, "run_at": at}
    if error:
        values["error"] = error[:2000]
    with database.begin() as db:
        db.execute(_mine().values(**values), [{"this": job.id, "fence": job.attempts} for job in jobs])


def _settle(database: Database, job: Leased, **values: Any) -> bool:
    with database.begin() as db:
        return db.execute(_mine(), {"this": job.id, "fence": job.attempts, **values}).rowcount == 1


@cache
def _mine() -> Update:
    """Build the statement once: it changes a job that is not done, and still in the hands that leased it."""
    held = (JOBS.c.id == bindparam("this"), JOBS.c.attempts == bindparam("fence"))
    return update(JOBS).where(*held, JOBS.c.done_at.is_(None))


def work(
    database: Database,
    files: Files,
    render: records.Render,
    now: Callable[[], datetime],
    on_done: Callable[[Leased], None] = lambda job: None,
    courier: Courier | None = None,
    is_stopped: Callable[[], bool] = lambda: False,
    signer: Signer | None = None,
) -> int:
    """Do the jobs that are due until there is none, or until told to stop; return how many were done.

    Without a courier mail stays where it is, and so it does while its server is left alone. Without the key
    that is in force, records that are to be signed are tried again later.
    """
    worker = _Worker(database, files, render, now, on_done, is_stopped, signer)
    busy = True
    while busy and not is_stopped():
        drawing = lease(database, now())
        for job in drawing:
            worker.draw(job)
        carrying: list[Leased] = []
        if courier is not None and not courier.is_resting(now()):
            carrying = lease(database, now(), MAILS)
            worker.carry(courier, carrying)
        busy = bool(drawing or carrying)
    if courier is not None:
        courier.close()
    return worker.count


@dataclass(slots=True)
class _Worker:
    """What one worker works with, and how many jobs it has done."""

    database: Database
    files: Files
    render: records.Render
    now: Callable[[], datetime]
    on_done: Callable[[Leased], None]
    is_stopped: Callable[[], bool]
    signer: Signer | None
    count: int = field(default=0)

    def draw(self, job: Leased) -> None:
        """Render a record or a report; an error is settled."""
        try:
            _draw(self.database, self.files, self.render, self.signer, job, self.now())
        except Exception as error:
            settle(self.database, job, self.now(), error)
        else:
            self._done(job)

    def carry(self, courier: Courier, jobs: Sequence[Leased]) -> None:
        """Send messages one after the other, each finished as soon as the server has it.

        A refusal is about one message, and the others go on. What concerns the server itself ends
        the batch: the rest goes back untried.
        """
        begun, lost = self.now(), 0
        with self.database.read() as db:
            found = load_mails(db, [job.id for job in jobs])
        for place, job in enumerate(jobs):
            if lost == 2 or self.is_stopped() or self.now() - begun > MAILS.lease / 3:
                put_back(self.database, jobs[place:], courier.rest(self.now()) if lost else self.now())
                return
            try:
                self._send(courier, found.get(job.id))
            except couriers.Unusable as error:
                put_back(self.database, jobs[place:], courier.rest(self.now()), str(error))
                return
            except mails.Refused as error:
                give_up(self.database, job, self.now(), str(error))
            except couriers.Deferred as error:
                fail(self.database, job, self.now(), str(error))
                lost = lost + 1 if isinstance(error, couriers.Lost) else 0
            except Exception as error:
                settle(self.database, job, self.now(), error)
            else:
                lost = 0
                self._done(job)

    def _send(self, courier: Courier, mail: Mail | None) -> None:
        if mail is None or not mails.is_welcome(mail):
            return
        link = next((entry.facts["link"] for entry in mail.notices if "link" in entry.facts), None)
        if link is None:
            courier.send(mails.message(mail, courier.server, self.now()))
            return
        with self.database.begin() as db:
            token = people.posted_token(db, self.now(), link)
        if token is not None:
            _send_link(courier, mails.with_token(mail, token), token, self.now())

    def _done(self, job: Leased) -> None:
        self.count += finish(self.database, job, self.now())
        self.on_done(job)


def _send_link(courier: Courier, mail: Mail, token: str, now: datetime) -> None:
    """Send a message that carries a link; what the server says is kept, and must not repeat the token."""
    try:
        courier.send(mails.message(mail, courier.server, now))
    except AppraisalError as error:
        raise type(error)(str(error).replace(token, "…")) from None


def _draw(
    database: Database,
    files: Files,
    render: records.Render,
    signer: Signer | None,
    job: Leased,
    now: datetime,
) -> None:
    if job.kind == reports.RENDER:
        _draw_report(database, files, render, job, now)
        return
    if job.kind != records.RENDER:
        raise ValueError(f"there is no job of the kind {job.kind}")
    drawn(database, files, render, signer, int(job.payload["record"]), str(job.payload["language"]), now)


def drawn(
    database: Database,
    files: Files,
    render: records.Render,
    signer: Signer | None,
    record: int,
    language: str,
    now: datetime,
    *,
    again: bool = False,
) -> bytes:
    """Return the PDF of a record in a language: the one that is kept, else it is drawn, signed and kept.

    It is drawn anew where that is asked for, and where the file that was kept is lost or altered; the
    register knows the earlier one for good. Raises ``NotFound``, ``KeyMissing``, ``Unsignable`` and whatever
    drawing raises.
    """
    with database.read() as db:
        kept = records.rendering_of(db, record, language)
        if kept is not None and not again:
            with suppress(NotFound):
                return files.read(kept)
        value = records.record_value(db, record)
        # Before anything is drawn: waiting for a key costs next to nothing.
        key = issuers.promised_key(db, signer) if is_signed(json.loads(value)) else None
    # Nothing is held open while the page is drawn.
    pdf = render(value, language_or(language))
    if key is not None:
        pdf = key.sign_pdf(pdf, now)
    with database.begin() as db:
        anew = kept is not None
        return files.read(records.keep_rendering(db, files, record, language, pdf, now, again=anew))


def _draw_report(
    database: Database, files: Files, render: records.Render, job: Leased, now: datetime
) -> None:
    report, language = int(job.payload["report"]), language_or(str(job.payload["language"]))
    with database.read() as db:
        value = reports.report_value(db, report)
    pdf = render(value, language)
    with database.begin() as db:
        reports.keep_rendering(db, files, report, language, pdf, now)


def retry(db: Connection, actor: Person, now: datetime, lane: Lane) -> int:
    """Try everything of a lane again that was given up, from its first attempt on; return how many.

    An administrator's act; the system does it from the command line.
    """
    if actor.id != 0 and not (actor.has("administrator") and actor.active):
        raise NotAllowed([refuse("role_missing", role="administrator")])
    given_up = (lane.kinds, JOBS.c.done_at.is_(None), JOBS.c.dead_at.is_not(None))
    values = {"dead_at": None, "lease_until": None, "attempts": 0, "waits": 0, "run_at": now, "error": ""}
    return db.execute(update(JOBS).where(*given_up).values(**values)).rowcount


def take_up(db: Connection, now: datetime) -> int:
    """Make due at once what waits for the installation: whoever starts a worker has repaired it, perhaps."""
    waits = (JOBS.c.done_at.is_(None), JOBS.c.dead_at.is_(None), JOBS.c.waits > 0, JOBS.c.run_at > now)
    return db.execute(update(JOBS).where(*waits).values(run_at=now)).rowcount


def waiting(database: Database, lane: Lane | None = None) -> int:
    """Count the jobs, of a lane or of all, that are neither done nor dead."""
    open_ones = (
        select(func.count()).select_from(JOBS).where(JOBS.c.done_at.is_(None), JOBS.c.dead_at.is_(None))
    )
    with database.read() as db:
        return db.execute(open_ones if lane is None else open_ones.where(lane.kinds)).scalar_one()
