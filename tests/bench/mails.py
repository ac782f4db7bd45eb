"""Mail through one worker to a server on loopback, against bare smtplib sending the same messages.

The server runs in a process of its own. Ours leases, writes and finishes each message on SQLite as
it is set up for real; bare smtplib has the messages ready as bytes and one connection.
"""

import multiprocessing
import smtplib
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from email.policy import SMTP
from multiprocessing.connection import Connection
from pathlib import Path

from appraisal.accounts.services import accounts
from appraisal.app import worker
from appraisal.database.engine import Database
from appraisal.database.files import Files
from appraisal.notices.services import messages, notices
from appraisal.notices.services.smtp import Courier
from appraisal.notices.store import load_mails
from appraisal.people.facts import SYSTEM_ACTOR
from appraisal.settings import MailServer
from tests.bench.ratios import report, timed
from tests.bench.steps import NOW, fill
from tests.carriers import blank
from tests.mailboxes import Mailboxes

MAILS = 400
ROUNDS = 5


def bench() -> None:
    with tempfile.TemporaryDirectory(prefix="appraisal-bench-") as place, server() as taking:
        ratios, rates = [], []
        for turn in range(ROUNDS):
            database = Database(f"sqlite:///{place}/mails-{turn}.sqlite3")
            ready = _wait_for(database, taking)
            by_hand = timed(lambda given=ready: _send(taking, given))  # type: ignore[misc]
            spent = timed(lambda db=database: _work(db, Path(place), taking))  # type: ignore[misc]
            database.close()
            ratios.append(by_hand / spent)
            rates.append(MAILS / spent)
        middle = statistics.median(rates)
        report(
            "mail, SQLite (WAL, synchronous=FULL), rate of bare smtplib",
            ratios,
            "200 a second",
            f"{middle:.0f} a second",
        )


@contextmanager
def server() -> Iterator[MailServer]:
    """Run a mail server in a process of its own."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs,))
    process.start()
    try:
        yield Mailboxes(port=ours.recv()).server()
    finally:
        ours.send(None)
        process.join()


def _serve(pipe: Connection) -> None:
    with Mailboxes().opened() as boxes:
        pipe.send(boxes.port)
        pipe.recv()


def _wait_for(database: Database, taking: MailServer) -> list[tuple[str, bytes]]:
    """Let messages wait, each for a person of its own; return them as bytes, with their addresses."""
    fill(database, 1)
    with database.begin() as db:
        told = [
            accounts.create_person(
                db, SYSTEM_ACTOR, NOW, email=f"p{number}@example.org", name=f"Zoë {number}", roles=["manager"]
            ).id
            for number in range(MAILS)
        ]
        notices.tell(db, told, "overdue", NOW, proposal=1, facts={"due_on": NOW.date()})
        # The one of the proposal that was submitted.
        db.exec_driver_sql(
            "UPDATE jobs SET done_at = run_at WHERE id NOT IN (SELECT job_id FROM notices WHERE what = 'overdue')"
        )
        waiting = load_mails(db, range(10 * MAILS)).values()
    return [
        (entry.person.email, messages.message(entry, taking, NOW).as_bytes(policy=SMTP))
        for entry in waiting
        if entry.notices[0].what == "overdue"
    ]


def _work(database: Database, place: Path, taking: MailServer) -> None:
    done = worker.work(database, Files(place), blank, lambda: NOW, courier=Courier(taking))
    assert done == MAILS


def _send(taking: MailServer, ready: list[tuple[str, bytes]]) -> None:
    assert len(ready) == MAILS
    with smtplib.SMTP(taking.host, taking.port, "localhost") as smtp:
        for address, content in ready:
            smtp.sendmail(taking.sender, [address], content)
