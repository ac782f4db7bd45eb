"""Mail: what a message says and what it never says, and how it is handed to a real SMTP server."""

import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from datetime import timedelta
from email import message_from_bytes
from email.policy import SMTP
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult
from sqlalchemy import Row, select, update

from appraisal.accounts.services import accounts
from appraisal.app import worker as app_worker
from appraisal.app.daily import tick
from appraisal.database import tables
from appraisal.database.outbox import MAILS, Leased
from appraisal.notices.services import messages, notices
from appraisal.notices.services.smtp import Courier
from appraisal.notices.store import Mail, Notice, delivery, list_given_up
from appraisal.people.facts import Person
from appraisal.proposals.rules.attempt import ChangeAsked
from tests import casts
from tests.carriers import blank
from tests.casts import START, Stage
from tests.mailboxes import ADDRESS, Mailboxes, Received, encrypting, mute
from tests.tampering import by_hand

JOBS = tables.jobs
PEOPLE = tables.people
SECOND = timedelta(seconds=1)
CERTIFICATE = str(Path(__file__).parents[2] / "certificates" / "loopback.pem")
# Long enough for a busy machine, short enough to wait for.
IMPATIENT = 0.5


@pytest.fixture
def boxes() -> Iterator[Mailboxes]:
    """A mail server that takes everything."""
    with Mailboxes().opened() as found:
        yield found


def _tell(stage: Stage, *who: str, times: int = 1) -> str:
    """Tell people that a proposal is overdue; return its number."""
    with stage.database.read() as db:
        number = db.execute(select(tables.proposals.c.number)).scalar()
    number = number or casts.draft(stage)
    proposal = casts.load(stage, number).id
    with stage.database.begin() as db:
        for _ in range(times):
            ids = [stage.people[key].id for key in who]
            notices.tell(db, ids, "overdue", stage.now, proposal=proposal)
    return number


def _work(stage: Stage, boxes: Mailboxes, courier: Courier | None = None, **settings: Any) -> int:
    given = courier or Courier(boxes.server(**settings))
    return app_worker.work(stage.database, stage.files, blank, lambda: stage.now, courier=given)


def _rows(stage: Stage) -> list[Row[Any]]:
    with stage.database.read() as db:
        return list(db.execute(select(JOBS).where(JOBS.c.kind == "mail").order_by(JOBS.c.id)).all())


def _set(stage: Stage, who: str, **columns: Any) -> None:
    with by_hand(stage.database, stage.now) as db:
        db.execute(update(PEOPLE).where(PEOPLE.c.id == stage.people[who].id).values(**columns))


def _to(boxes: Mailboxes) -> list[str]:
    return [entry.to.split("@")[0] for entry in boxes.received]


def _one(boxes: Mailboxes, who: str) -> Received:
    (found,) = [entry for entry in boxes.received if entry.to == f"{who}@example.org"]
    return found


# What a message says ----------------------------------------------------------------------------------


def test_a_message_says_number_step_state_date_and_page_twice(stage: Stage, boxes: Mailboxes) -> None:
    number = casts.submitted(stage)
    _work(stage, boxes)
    found = _one(boxes, "desk")
    assert str(found.message["Subject"]) == f"{number}: Submit"
    assert str(found.message["From"]) == "Appraisal <appraisal@office.example>"
    assert str(found.message["To"]) == "desk@example.org"
    assert found.message["Date"].datetime == stage.now
    assert str(found.message["Auto-Submitted"]) == "auto-generated"
    assert found.message.get_content_type() == "multipart/alternative"
    kinds = [part.get_content_type() for part in found.message.iter_parts()]
    assert kinds == ["text/plain", "text/html"]
    for body in (found.body("plain"), found.body("html")):
        assert "Hello Desk," in body
        assert f"{number}: Submit" in body
        assert "The proposal now stands at “Submitted”." in body
        assert "Due on 3 February 2010" in body
        assert f"{ADDRESS}/proposals/{number}" in body
        assert f"{ADDRESS}/account" in body
    assert f'href="{ADDRESS}/proposals/{number}"' in found.body("html")
    assert 'lang="en"' in found.body("html")


SECRETS = (
    "Skills for the zebra crossing",
    "Ministry of Zebras",
    "A letter about zebras.",
    "Zebra reasons.",
    "Consult the zebras.",
)


@pytest.mark.thorough
def test_nothing_confidential_leaves_the_house(stage: Stage, boxes: Mailboxes) -> None:
    title, donor, missing, note, change = SECRETS
    number = casts.draft(stage, title=title, donor=donor)
    casts.take(stage, "ana", number, "submit", note=note)
    casts.take(stage, "desk", number, "return_incomplete", missing=missing, note=note)
    casts.take(stage, "ana", number, "submit")
    casts.assign(stage, number)
    casts.rate(stage, number, TRI_1="1")
    casts.take(stage, "lead", number, "request_revision", changes=(ChangeAsked(change, "TRI-1"),))
    casts.take(stage, "ana", number, "escalate", note=note)
    casts.take(stage, "chief", number, "reject", note=note)
    case = casts.load(stage, number)
    assert case.content["identification"]["title"] == title
    _work(stage, boxes)
    assert len(boxes.received) == 23
    for found in boxes.received:
        everything = f"{found.message.as_string()}\n{found.body('plain')}\n{found.body('html')}"
        assert "ebra" not in everything
        assert "Because." not in everything  # the comment on every rating
        assert "NOT_RECOMMENDED" not in everything
        assert "REVISE" not in everything


@pytest.mark.parametrize(
    ("language", "words", "day"),
    [
        ("en", "Assign a lead appraiser", "15 February 2010"),
        ("fr", "Désigner un responsable", "15 février 2010"),
        ("es", "Designar un responsable", "15 de febrero de 2010"),
    ],
)
def test_a_message_is_in_the_language_that_its_reader_has_when_it_is_sent(
    lite: Stage, boxes: Mailboxes, language: str, words: str, day: str
) -> None:
    number = casts.submitted(lite)
    casts.take(lite, "desk", number, "assign", lead="lead")
    with lite.database.begin() as db:
        accounts.choose(db, lite.people["lead"], language=language, delivery="at_once")
    _work(lite, boxes)
    found = _one(boxes, "lead")
    assert words in str(found.message["Subject"])
    assert str(found.message["Content-Language"]) == language
    for body in (found.body("plain"), found.body("html")):
        assert words in body
        assert day in body
    assert f'lang="{language}"' in found.body("html")


def test_a_daily_message_holds_everything_in_order(stage: Stage, boxes: Mailboxes) -> None:
    with stage.database.begin() as db:
        accounts.choose(db, stage.people["desk"], language="en", delivery="daily")
    first, second = casts.submitted(stage), casts.submitted(stage)
    _work(stage, boxes)
    assert "desk" not in _to(boxes)
    stage.wait(days=1)
    tick(stage.database, stage.library, stage.now)
    assert _work(stage, boxes) == 1
    found = _one(boxes, "desk")
    assert str(found.message["Subject"]) == "Appraisal: 2 messages"
    for body in (found.body("plain"), found.body("html")):
        assert 0 < body.index(f"{first}: Submit") < body.index(f"{second}: Submit")
        assert f"{ADDRESS}/proposals/{second}" in body


def _mail(stage: Stage, count: int = 1, **changes: Any) -> Mail:
    person = Person(**{"id": 7, "name": "Ana", "email": "ana@example.org", **changes})
    told = Notice("TC-2010-0001", "overdue", {}, START)
    return Mail(3, person, (told,) * count)


def test_a_very_long_day_is_cut(lite: Stage, boxes: Mailboxes) -> None:
    written = messages.letter(_mail(lite, 130), ADDRESS)
    assert len(written.entries) == 100
    assert written.more == "And 30 more, to be found on the site."
    assert messages.letter(_mail(lite, 100), ADDRESS).more == ""


@pytest.mark.parametrize(
    "name",
    [
        "Ana\r\nBcc: everybody@example.org",
        "Ana\n\nHello <b>",
        '"Ana, Ruiz" <x@example.org>; y',
        "Żółć 李 🦓 \u202eanA",
        "<script>alert(1)</script>",
        "n" * 200,
    ],
)
def test_no_name_gets_into_the_headers_or_the_markup(lite: Stage, boxes: Mailboxes, name: str) -> None:
    _set(lite, "desk", name=name)
    _tell(lite, "desk")
    assert _work(lite, boxes) == 1
    (found,) = boxes.received
    assert found.to == "desk@example.org"
    assert str(found.message["To"]) == "desk@example.org"
    assert found.message["Bcc"] is None
    assert " ".join(name.split()) in found.body("plain")
    html = found.body("html")
    assert "<script" not in html
    assert "<b>" not in html


def test_no_label_of_a_definition_gets_into_the_headers(lite: Stage) -> None:
    label = {"en": "Submit\r\nBcc: everybody@example.org\r\n\r\nHello", "fr": "x", "es": "x"}
    told = Notice("TC-2010-0001", "submit", {"step": label}, START)
    written = messages.message(Mail(3, _mail(lite).person, (told,)), Mailboxes(port=25).server(), START)
    parsed = message_from_bytes(written.as_bytes(policy=SMTP), policy=SMTP)
    assert parsed["Subject"] == "TC-2010-0001: Submit Bcc: everybody@example.org Hello"
    assert (parsed["Bcc"], parsed["To"]) == (None, "ana@example.org")


def test_a_sender_of_two_lines_is_refused(lite: Stage) -> None:
    server = Mailboxes(port=25).server(name="Office\r\nBcc: everybody@example.org")
    with pytest.raises(ValueError, match=r"CR or LF|carriage return"):
        messages.message(_mail(lite), server, START)


def test_a_header_of_two_lines_is_refused_though_messages_share_it() -> None:
    for _ in range(2):
        with pytest.raises(ValueError, match="carriage return"):
            messages.shared_header("Subject", "Submit\nBcc: everybody@example.org")


@pytest.mark.parametrize(
    "email", ["a\r\nb@example.org", "a,b@example.org", "a b@example.org", "a@b>@c.org", "@x.y"]
)
def test_an_address_that_cannot_be_written_is_given_up_in_words(
    lite: Stage, boxes: Mailboxes, email: str
) -> None:
    _set(lite, "desk", email=email)
    _tell(lite, "desk", "lead")
    assert _work(lite, boxes) == 1
    assert _to(boxes) == ["lead"]
    first, second = _rows(lite)
    assert first.dead_at == lite.now
    assert re.fullmatch(r"the address '.*' cannot be written on a message", first.error)
    assert second.done_at == lite.now


@pytest.mark.parametrize(
    ("email", "envelope"),
    [
        ("ana@bücher.example", "ana@xn--bcher-kva.example"),
        ("o'neil+x@example.org", "o'neil+x@example.org"),
        ("a..b@example.org", "a..b@example.org"),
    ],
)
def test_unusual_addresses_are_written_to(lite: Stage, boxes: Mailboxes, email: str, envelope: str) -> None:
    _set(lite, "desk", email=email)
    _tell(lite, "desk")
    assert _work(lite, boxes) == 1
    assert [entry.to for entry in boxes.received] == [envelope]
    assert envelope in str(boxes.received[0].message["To"])


def test_letters_beyond_ascii_in_an_address_need_a_server_that_takes_them(lite: Stage) -> None:
    _set(lite, "desk", email="zoë@example.org")
    _tell(lite, "desk", "lead")
    with Mailboxes().opened() as boxes:
        assert _work(lite, boxes) == 1
    assert _to(boxes) == ["lead"]
    assert _rows(lite)[0].error == "the mail server takes no addresses with letters beyond ASCII"
    with lite.database.begin() as db:
        assert app_worker.retry(db, lite.people["admin"], lite.now, MAILS) == 1
    with Mailboxes(options={"enable_SMTPUTF8": True}).opened() as boxes:
        assert _work(lite, boxes) == 1
    (found,) = boxes.received
    assert found.to == "zoë@example.org"
    assert str(found.message["To"]) == "zoë@example.org"


def test_the_same_message_has_the_same_id_and_no_other_has(lite: Stage) -> None:
    server = Mailboxes(port=25).server()
    first = messages.message(_mail(lite), server, START)
    later = messages.message(_mail(lite, name="Anna", language="fr"), server, START + SECOND)
    assert first["Message-ID"] == later["Message-ID"]
    assert re.fullmatch(r"<[0-9a-f]{40}@office\.example>", str(first["Message-ID"]))
    told = Notice("TC-2010-0001", "overdue", {}, START + SECOND)
    person = _mail(lite).person
    others = [
        Mail(4, person, (told,)),
        Mail(3, Person(8, "Ben", email="b@x.org"), (told,)),
        Mail(3, person, (told,)),
    ]
    ids = {str(messages.message(other, server, START)["Message-ID"]) for other in others}
    assert len(ids | {str(first["Message-ID"])}) == 4
    elsewhere = Mailboxes(port=25).server(address="https://other.example")
    assert messages.message(_mail(lite), elsewhere, START)["Message-ID"] != first["Message-ID"]


def test_every_line_of_a_message_is_one_that_servers_take(lite: Stage) -> None:
    written = messages.message(_mail(lite, 100, name="Ą" * 200), Mailboxes(port=25).server(), START)
    assert written.get_content_type() == "multipart/alternative"
    lines = written.as_bytes(policy=SMTP).split(b"\r\n")
    assert max(map(len, lines)) <= 998
    assert not any(b"\n" in line or b"\r" in line for line in lines)


# Handing it over --------------------------------------------------------------------------------------


@pytest.mark.thorough
def test_one_connection_carries_everything(stage: Stage, boxes: Mailboxes) -> None:
    _tell(stage, *stage.people, times=8)
    count = 8 * len(stage.people)
    assert count > 2 * MAILS.batch
    assert _work(stage, boxes) == count
    assert len(boxes.received) == len(boxes.ids()) == count
    assert boxes.connections == 1
    assert all(row.done_at == stage.now for row in _rows(stage))
    assert _work(stage, boxes) == 0
    assert len(boxes.received) == count


@pytest.mark.thorough
def test_records_and_mail_are_done_side_by_side(stage: Stage, boxes: Mailboxes) -> None:
    for _ in range(3):
        casts.awaiting(stage)
    _tell(stage, *stage.people, times=8)
    done: list[str] = []
    courier = Courier(boxes.server())
    app_worker.work(
        stage.database, stage.files, blank, lambda: stage.now, lambda job: done.append(job.kind), courier
    )
    renders = [place for place, kind in enumerate(done) if kind == "render"]
    # One record, one batch of mail, and so on: neither waits until the other is done with.
    assert renders == [0, 1 + MAILS.batch, 2 * (1 + MAILS.batch)]
    assert len(done) == len(boxes.received) + 3


def test_without_a_mail_server_mail_waits_and_records_are_drawn(stage: Stage, boxes: Mailboxes) -> None:
    casts.awaiting(stage)
    assert app_worker.work(stage.database, stage.files, blank, lambda: stage.now) == 1
    assert {(row.attempts, row.lease_until, row.done_at) for row in _rows(stage)} == {(0, None, None)}
    stage.wait(days=1)
    assert _work(stage, boxes) == len(_rows(stage)) == len(boxes.received)


def test_whoever_left_meanwhile_is_not_written_to(stage: Stage, boxes: Mailboxes) -> None:
    _tell(stage, "desk", "lead")
    _set(stage, "desk", active=False)
    assert _work(stage, boxes) == 2
    assert _to(boxes) == ["lead"]
    assert all(row.done_at is not None for row in _rows(stage))


def test_a_message_that_carries_nothing_is_done_with(lite: Stage, boxes: Mailboxes) -> None:
    with lite.database.begin() as db:
        db.execute(JOBS.insert().values(kind="mail", payload='{"person":1}', run_at=lite.now))
    assert _work(lite, boxes) == 1
    assert boxes.received == []


def test_a_refused_address_is_given_up_and_the_others_go_on(stage: Stage, boxes: Mailboxes) -> None:
    boxes.answers["desk@example.org"] = "550 5.1.1 No such user here"
    _tell(stage, "ana", "desk", "lead")
    assert _work(stage, boxes) == 2
    assert _to(boxes) == ["ana", "lead"]
    assert boxes.connections == 1
    _, refused, _ = _rows(stage)
    assert (refused.dead_at, refused.attempts) == (stage.now, 1)
    assert refused.error == "550 5.1.1 No such user here"
    with stage.database.read() as db:
        (lost,) = list_given_up(db, "mail")
        found = delivery(db, "mail")
    assert (lost.email, lost.at, lost.error) == ("desk@example.org", stage.now, refused.error)
    assert (found.waiting, found.given_up) == (0, 1)


def test_what_was_given_up_is_tried_again_when_told_to(stage: Stage, boxes: Mailboxes) -> None:
    boxes.answers["desk@example.org"] = "550 5.1.1 No such user here"
    _tell(stage, "desk", "lead")
    _work(stage, boxes)
    boxes.answers.clear()
    stage.wait(days=2)
    assert _work(stage, boxes) == 0
    with stage.database.begin() as db:
        assert app_worker.retry(db, stage.people["admin"], stage.now, MAILS) == 1
    assert _work(stage, boxes) == 1
    assert _to(boxes) == ["lead", "desk"]
    with stage.database.begin() as db:
        assert app_worker.retry(db, stage.people["admin"], stage.now, MAILS) == 0


def test_only_administrators_have_mail_tried_again(lite: Stage) -> None:
    def again() -> None:
        with lite.database.begin() as db:
            app_worker.retry(db, lite.people["desk"], lite.now, MAILS)

    assert casts.refusal(lite, again) == ("role_missing",)


def test_an_address_refused_for_now_is_tried_later_and_the_others_go_on(
    stage: Stage, boxes: Mailboxes
) -> None:
    boxes.answers["desk@example.org"] = "451 4.7.1 Come back later"
    _tell(stage, "ana", "desk", "lead")
    assert _work(stage, boxes) == 2
    _, later, _ = _rows(stage)
    assert (later.run_at, later.dead_at) == (stage.now + 30 * SECOND, None)
    assert later.error == "451 4.7.1 Come back later"
    boxes.answers.clear()
    assert _work(stage, boxes) == 0
    stage.now = later.run_at
    assert _work(stage, boxes) == 1
    assert _to(boxes) == ["ana", "lead", "desk"]


@pytest.mark.thorough
def test_an_address_refused_for_ever_so_long_is_given_up_after_a_day(lite: Stage, boxes: Mailboxes) -> None:
    boxes.answers["desk@example.org"] = "450 4.2.1 Mailbox busy"
    _tell(lite, "desk")
    began, waits = lite.now, []
    while (row := _rows(lite)[0]).dead_at is None:
        lite.now = row.run_at
        _work(lite, boxes)
        waits.append(_rows(lite)[0].run_at - lite.now)
    assert [wait.total_seconds() for wait in waits[:8]] == [30, 60, 120, 240, 480, 960, 1920, 3600]
    assert set(waits[8:-1]) == {timedelta(hours=1)}
    assert row.attempts == 30
    assert timedelta(hours=22) < lite.now - began < timedelta(hours=25)
    assert boxes.received == []


@pytest.mark.parametrize(
    ("said", "dead"), [("554 5.6.0 Message refused", True), ("452 4.3.1 No space left", False)]
)
def test_a_refused_message_counts_like_a_refused_address(
    lite: Stage, boxes: Mailboxes, said: str, dead: bool
) -> None:
    boxes.says["DATA"] = said
    _tell(lite, "desk")
    assert _work(lite, boxes) == 0
    (row,) = _rows(lite)
    assert (row.dead_at is not None, row.error) == (dead, said)


# A server that is down, slow or upside down --------------------------------------------------------------


@pytest.mark.thorough
def test_a_server_that_is_down_costs_no_attempt_and_loses_nothing(stage: Stage) -> None:
    boxes = Mailboxes()
    with boxes.opened():
        pass
    _tell(stage, *stage.people, times=5)
    courier, rests = Courier(boxes.server()), []
    for _ in range(7):
        assert _work(stage, boxes, courier) == 0
        assert courier.is_resting(stage.now)
        begun = stage.now
        while courier.is_resting(stage.now):
            stage.now += SECOND
        rests.append((stage.now - begun).total_seconds())
    assert rests == [30, 60, 120, 240, 480, 600, 600]
    rows = _rows(stage)
    assert {(row.attempts, row.lease_until, row.dead_at) for row in rows} == {(0, None, None)}
    told = [row for row in rows if row.error]
    assert MAILS.batch <= len(told)
    assert {row.error for row in told} == {f"127.0.0.1:{boxes.port}: Connection refused"}
    with stage.database.read() as db:
        found = delivery(db, "mail")
    assert (found.waiting, found.error) == (len(rows), told[0].error)
    stage.wait(minutes=15)
    with boxes.opened():
        assert _work(stage, boxes, courier) == len(rows)
    assert len(boxes.ids()) == len(boxes.received) == len(rows)
    assert not courier.is_resting(stage.now)


def test_while_the_server_is_left_alone_records_are_drawn(lite: Stage) -> None:
    boxes = Mailboxes()
    with boxes.opened():
        pass
    _tell(lite, "desk")
    courier = Courier(boxes.server())
    _work(lite, boxes, courier)
    casts.awaiting(lite)
    lite.now = START
    assert courier.is_resting(lite.now)
    lite.now += timedelta(minutes=10)
    courier.rest(lite.now)
    assert _work(lite, boxes, courier) == 1


def test_a_server_that_never_says_a_word_is_given_up_in_time(lite: Stage) -> None:
    _tell(lite, "desk", "lead")
    with mute() as port:
        assert _work(lite, Mailboxes(port=port), timeout=IMPATIENT) == 0
    assert {(row.attempts, row.error) for row in _rows(lite)} == {(0, f"127.0.0.1:{port}: timed out")}
    assert {row.run_at for row in _rows(lite)} == {lite.now + 30 * SECOND}


@pytest.mark.parametrize("command", ["RCPT", "DATA"])
def test_a_server_that_falls_silent_is_left_alone_after_two_messages(
    stage: Stage, boxes: Mailboxes, command: str
) -> None:
    boxes.silent.add(command)
    _tell(stage, "ana", "ben", "desk", "lead", "chief")
    assert _work(stage, boxes, timeout=IMPATIENT) == 0
    rows = _rows(stage)
    assert [row.attempts for row in rows] == [1, 1, 0, 0, 0]
    assert [row.error for row in rows[:2]] == [f"127.0.0.1:{boxes.port}: timed out"] * 2
    assert {row.run_at for row in rows} == {stage.now + 30 * SECOND}
    boxes.silent.clear()
    stage.wait(seconds=30)
    assert _work(stage, boxes) == 5
    assert sorted(_to(boxes)) == ["ana", "ben", "chief", "desk", "lead"]


def test_a_message_over_which_the_server_hangs_up_does_not_hold_up_the_others(
    lite: Stage, boxes: Mailboxes
) -> None:
    boxes.answers["ben@example.org"] = "421 4.3.2 Good night"
    _tell(lite, "ana", "ben", "desk", "lead")
    assert _work(lite, boxes) == 3
    assert _to(boxes) == ["ana", "desk", "lead"]
    assert [row.attempts for row in _rows(lite)] == [1, 1, 1, 1]
    assert _rows(lite)[1].run_at == lite.now + 30 * SECOND
    assert boxes.connections == 2


def test_a_server_that_takes_few_messages_a_connection_is_asked_again(lite: Stage, boxes: Mailboxes) -> None:
    # Two of each command, then the server ends the connection.
    boxes.options["command_call_limit"] = {"MAIL": 2, "*": 100}
    _tell(lite, "ana", "ben", "desk", "lead", "chief")
    assert _work(lite, boxes) == 5
    assert boxes.connections == 3
    assert {row.attempts for row in _rows(lite)} == {1}


@pytest.mark.parametrize("said", ["553 5.7.1 Not from you", "451 4.3.0 Not now", "530 5.7.0 Who are you?"])
def test_a_server_that_takes_nothing_from_us_costs_no_attempt(
    lite: Stage, boxes: Mailboxes, said: str
) -> None:
    boxes.says["MAIL"] = said
    _tell(lite, "desk", "lead")
    assert _work(lite, boxes) == 0
    assert {(row.attempts, row.dead_at, row.error) for row in _rows(lite)} == {(0, None, said)}


def test_a_worker_that_is_told_to_stop_gives_the_rest_back(lite: Stage, boxes: Mailboxes) -> None:
    _tell(lite, "ana", "ben", "desk", "lead")
    app_worker.work(
        lite.database,
        lite.files,
        blank,
        lambda: lite.now,
        courier=Courier(boxes.server()),
        is_stopped=lambda: len(boxes.received) == 2,
    )
    rows = _rows(lite)
    assert [row.done_at is not None for row in rows] == [True, True, False, False]
    assert [(row.attempts, row.lease_until) for row in rows[2:]] == [(0, None)] * 2
    assert _work(lite, boxes) == 2


def test_no_message_is_begun_when_the_lease_is_running_out(lite: Stage, boxes: Mailboxes) -> None:
    _tell(lite, "ana", "ben", "desk", "lead")

    def later(_: Leased) -> None:
        lite.wait(seconds=50)

    courier = Courier(boxes.server())
    leases: list[int] = []
    done = app_worker.work(lite.database, lite.files, blank, lambda: lite.now, later, courier)
    assert done == 4
    leases = [row.attempts for row in _rows(lite)]
    # Given back untried after the second, and taken again: nobody else has had the time to take it.
    assert leases == [1, 1, 1, 1]
    assert len(boxes.received) == 4


def _password_taken(expected: bytes, seen: list[bool]) -> Any:
    def judge(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        seen.append(session.ssl is not None)
        return AuthResult(success=data.password == expected, handled=False)

    return judge


@pytest.mark.filterwarnings("ignore:Session.login_data is deprecated")
@pytest.mark.parametrize(("password", "done"), [("open sesame", 1), ("shut sesame", 0)])
def test_the_password_goes_over_tls_and_into_no_error(
    lite: Stage, monkeypatch: pytest.MonkeyPatch, password: str, done: int
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", CERTIFICATE)
    seen: list[bool] = []
    options = {
        "tls_context": encrypting(CERTIFICATE, CERTIFICATE),
        "require_starttls": True,
        "auth_required": True,
        "authenticator": _password_taken(b"open sesame", seen),
    }
    _tell(lite, "desk")
    with Mailboxes(options=options).opened() as boxes:
        server = boxes.server(security="starttls", user="appraisal", password=password)
        assert password not in repr(server)
        assert _work(lite, boxes, Courier(server)) == done
    assert seen != []
    assert all(seen)
    (row,) = _rows(lite)
    assert "sesame" not in row.error
    assert (row.done_at is not None, row.attempts) == (bool(done), done)
    assert done or "535" in row.error


def test_a_server_without_tls_gets_no_password(lite: Stage, boxes: Mailboxes) -> None:
    _tell(lite, "desk")
    assert _work(lite, boxes, security="starttls", user="appraisal", password="open sesame") == 0
    (row,) = _rows(lite)
    assert row.error == f"127.0.0.1:{boxes.port}: STARTTLS extension not supported by server."
    assert "AUTH" not in boxes.counted


def test_a_certificate_that_nobody_vouches_for_is_not_trusted(lite: Stage) -> None:
    _tell(lite, "desk")
    options = {"tls_context": encrypting(CERTIFICATE, CERTIFICATE)}
    with Mailboxes(options=options).opened() as boxes:
        assert _work(lite, boxes, security="starttls") == 0
    (row,) = _rows(lite)
    assert "certificate verify failed" in row.error
    assert boxes.received == []


# Kills ------------------------------------------------------------------------------------------------


# A command and the how-manieth: before anything was said of a message, after its address, and when
# it is taken but not yet answered, so that the worker never learns of it.
KILLS = (("MAIL", 1), ("DATA", 4), ("RCPT", 9), ("DATA", 1), ("MAIL", 52), ("DATA", 20))


@pytest.mark.thorough
def test_whatever_kills_a_worker_every_message_arrives_and_none_as_two(
    stage: Stage, boxes: Mailboxes
) -> None:
    _tell(stage, *stage.people, times=8)
    casts.awaiting(stage)
    count = len(_rows(stage))
    for kill in KILLS:
        boxes.kill = kill
        boxes.counted.clear()
        assert _deliver(stage, boxes) == -9
        # What the dead one held is free when its lease has run out.
        assert _held(stage) > 0
        stage.now += MAILS.lease + SECOND
    boxes.kill = None
    assert _deliver(stage, boxes) == 0
    rows = _rows(stage)
    assert all(row.done_at is not None and row.dead_at is None for row in rows)
    assert len(boxes.ids()) == count
    # A message that was taken over a dying worker came twice, and says so by its id; no other did.
    twice = [id for id, times in boxes.ids().items() if times > 1]
    assert len(twice) == sum(command == "DATA" for command, _ in KILLS)
    assert set(boxes.ids().values()) == {1, 2}
    by_id: dict[str, set[tuple[str, str]]] = {}
    for entry in boxes.received:
        by_id.setdefault(entry.id, set()).add((entry.to, entry.body("plain")))
    assert all(len(said) == 1 for said in by_id.values())


def _deliver(stage: Stage, boxes: Mailboxes) -> int:
    arguments = [stage.database.url, str(boxes.port), stage.now.isoformat()]
    command = [sys.executable, "-m", "tests.carriers", *arguments]
    with subprocess.Popen(command) as worker:  # noqa: S603
        boxes.victim = worker.pid
        return worker.wait()


def _held(stage: Stage) -> int:
    held: Iterable[Row[Any]] = (row for row in _rows(stage) if row.done_at is None and row.lease_until)
    return len(list(held))
