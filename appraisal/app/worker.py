"""The worker takes jobs from the outbox and does them: mail, and drawings of records and reports.

Waiting for the installation (its key, its disk, its database, its libraries) is no attempt: such a job is
tried again without an end. Only what can never succeed, or did not in four weeks, is dead, until
:func:`retry` takes it up again.

A job may be done twice when a worker dies between its effect and its finish; every effect here
is kept by what it is about, so that the second time changes nothing. Mail and everything else are
two lanes, from which a worker takes in turn: neither waits for the other to be empty.
"""

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    update,
)
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection

from appraisal.accounts.services import accounts
from appraisal.database.engine import Database
from appraisal.database.files import Files
from appraisal.database.outbox import (
    JOBS,
    MAILS,
    PATIENCE,
    Lane,
    Leased,
    _doubled,
    _lane,
    _settle,
    fail,
    finish,
    give_up,
    lease,
    put_back,
)
from appraisal.errors import AppraisalError, NotFound
from appraisal.indicators.services import report_pdfs
from appraisal.language.texts import language_or
from appraisal.notices.services import messages, smtp
from appraisal.notices.services.smtp import Courier
from appraisal.notices.store import Mail, load_mails
from appraisal.people.facts import Person
from appraisal.printing.worker import RenderingFailed
from appraisal.records.rules.value import is_signed
from appraisal.records.services import issuers, records
from appraisal.records.signing.signer import Signer, Unsignable
from appraisal.vocabulary.refusals import NotAllowed, refuse

# The kinds of what is drawn.
DRAWINGS = (records.RENDER, report_pdfs.RENDER)


def put_off(database: Database, job: Leased, now: datetime, error: str) -> bool:
    """Put a job back that waits for the installation: that is no attempt, and has no end."""
    wait = min(_doubled(_lane(job).first, job.waits), PATIENCE)
    values: dict[str, Any] = {"lease_until": None, "run_at": now + wait, "waits": job.waits + 1}
    return _settle(database, job, error=error[:2000], **values)


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
            except smtp.Unusable as error:
                put_back(self.database, jobs[place:], courier.rest(self.now()), str(error))
                return
            except messages.Refused as error:
                give_up(self.database, job, self.now(), str(error))
            except smtp.Deferred as error:
                fail(self.database, job, self.now(), str(error))
                lost = lost + 1 if isinstance(error, smtp.Lost) else 0
            except Exception as error:
                settle(self.database, job, self.now(), error)
            else:
                lost = 0
                self._done(job)

    def _send(self, courier: Courier, mail: Mail | None) -> None:
        if mail is None or not messages.is_welcome(mail):
            return
        link = next((entry.facts["link"] for entry in mail.notices if "link" in entry.facts), None)
        if link is None:
            courier.send(messages.message(mail, courier.server, self.now()))
            return
        with self.database.begin() as db:
            token = accounts.posted_token(db, self.now(), link)
        if token is not None:
            _send_link(courier, messages.with_token(mail, token), token, self.now())

    def _done(self, job: Leased) -> None:
        self.count += finish(self.database, job, self.now())
        self.on_done(job)


def _send_link(courier: Courier, mail: Mail, token: str, now: datetime) -> None:
    """Send a message that carries a link; what the server says is kept, and must not repeat the token."""
    try:
        courier.send(messages.message(mail, courier.server, now))
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
    if job.kind == report_pdfs.RENDER:
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
        value = report_pdfs.report_value(db, report)
    pdf = render(value, language)
    with database.begin() as db:
        report_pdfs.keep_rendering(db, files, report, language, pdf, now)


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
