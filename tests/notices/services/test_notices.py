"""Notices: written with the step that they tell of, for whom it concerns, at once or for a day together."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from sqlalchemy import Row, select, update

from appraisal.accounts.services import accounts
from appraisal.app.daily import tick
from appraisal.database import tables
from appraisal.notices.services import notices
from appraisal.people.facts import Person
from appraisal.workflow.services import acts
from tests import casts
from tests.casts import Stage
from tests.tampering import by_hand

NOTICES = tables.notices
JOBS = tables.jobs
PEOPLE = tables.people


def _notices(stage: Stage, what: str = "") -> list[Row[Any]]:
    with stage.database.read() as db:
        rows = db.execute(select(NOTICES).order_by(NOTICES.c.id)).all()
    return [row for row in rows if not what or row.what == what]


def _mails(stage: Stage) -> list[Row[Any]]:
    with stage.database.read() as db:
        return list(db.execute(select(JOBS).where(JOBS.c.kind == "mail").order_by(JOBS.c.id)).all())


def _told(stage: Stage, what: str) -> set[str]:
    names = {person.id: key for key, person in stage.people.items()}
    return {names[row.person_id] for row in _notices(stage, what)}


def _daily(stage: Stage, *who: str) -> None:
    with stage.database.begin() as db:
        for key in who:
            accounts.choose(db, stage.people[key], language="en", delivery="daily")


def _close(stage: Stage, who: str) -> None:
    with by_hand(stage.database, stage.now) as db:
        db.execute(update(PEOPLE).where(PEOPLE.c.id == stage.people[who].id).values(active=False))


def _tell(stage: Stage, who: Iterable[str], what: str = "overdue", **given: Any) -> None:
    number = given.pop("number", None)
    proposal = casts.load(stage, number).id if number else None
    with stage.database.begin() as db:
        ids = [stage.people[key].id for key in who]
        notices.tell(db, ids, what, stage.now, proposal=proposal, **given)


def test_a_step_tells_whom_its_definition_names(stage: Stage) -> None:
    number = casts.awaiting(stage)
    assert _told(stage, "submit") == {"desk", "all"}
    assert _told(stage, "assign") == {"lead"}
    assert _told(stage, "finalise") == {"ana", "chief", "deputy", "third", "all"}
    (row,) = _notices(stage, "assign")
    assert row.proposal_id == casts.load(stage, number).id
    assert '"en":"Assign a lead appraiser"' in row.facts
    assert '"en":"Under appraisal"' in row.facts
    assert '"due_on":"2010-02-15"' in row.facts


def test_whoever_takes_a_step_is_not_told_of_it(stage: Stage) -> None:
    number = casts.submitted(stage, "all")
    assert _told(stage, "submit") == {"desk"}
    casts.take(stage, "desk", number, "return_incomplete", missing="A letter.")
    assert _told(stage, "return_incomplete") == {"all"}


def test_managers_and_coordinators_who_may_not_act_are_not_told(stage: Stage) -> None:
    # The author is a manager as well, and so is the lead of the other proposal.
    casts.awaiting(stage, "all")
    assert _told(stage, "finalise") == {"all", "chief", "deputy", "third"}
    assert len([row for row in _notices(stage, "finalise") if row.person_id == stage.people["all"].id]) == 1
    number = casts.submitted(stage)
    casts.assign(stage, number, "all")
    casts.rate(stage, number, who="all")
    before = len(_notices(stage, "finalise"))
    casts.take(stage, "all", number, "finalise")
    later = {row.person_id for row in _notices(stage, "finalise")[before:]}
    assert later == {stage.people[key].id for key in ("ana", "chief", "deputy", "third")}


def test_a_draft_is_nobodys_business_but_its_authors(stage: Stage) -> None:
    number = casts.draft(stage)
    casts.take(stage, "ana", number, "withdraw", note="No longer needed.")
    assert _notices(stage) == []
    assert _mails(stage) == []


def test_closed_accounts_are_not_told(stage: Stage) -> None:
    _close(stage, "desk")
    casts.submitted(stage)
    assert _told(stage, "submit") == {"all"}
    _tell(stage, ["desk", "lead"], number="TC-2010-0001")
    assert _told(stage, "overdue") == {"lead"}


def test_a_step_of_time_tells_everybody_concerned(stage: Stage) -> None:
    number = casts.submitted(stage)
    casts.take(stage, "desk", number, "return_incomplete", missing="A letter.")
    stage.wait(days=91)
    assert tick(stage.database, stage.library, stage.now).steps == ((number, "lapse"),)
    assert _told(stage, "lapse") == {"ana", "desk", "all"}


def test_one_message_for_each_notice_of_who_takes_mail_at_once(stage: Stage) -> None:
    _daily(stage, "all")
    casts.submitted(stage)
    rows = {row.person_id: row for row in _notices(stage)}
    (mail,) = _mails(stage)
    assert rows[stage.people["desk"].id].job_id == mail.id
    assert rows[stage.people["all"].id].job_id is None
    assert mail.payload == f'{{"person":{stage.people["desk"].id}}}'
    assert (mail.attempts, mail.done_at, mail.dead_at) == (0, None, None)


@pytest.mark.parametrize(
    ("build", "step"), [(casts.approved, "propose_annulment"), (casts.not_recommended, "propose_override")]
)
def test_a_second_signature_is_asked_for_at_once(
    stage: Stage, build: Callable[[Stage], str], step: str
) -> None:
    """Every other manager who may give it gets a message on the same day, daily mail or not."""
    number = build(stage)
    _daily(stage, "deputy")
    casts.take(stage, "chief", number, step, note="Urgent.")
    assert _told(stage, step) == {"deputy", "third", "all"}
    assert all(row.job_id is not None for row in _notices(stage, step))
    casts.take(stage, "chief", number, "withdraw_signature", note="Too soon.")
    rows = {row.person_id: row for row in _notices(stage, "withdraw_signature")}
    assert rows[stage.people["deputy"].id].job_id is None


def test_a_refused_step_tells_nobody(stage: Stage) -> None:
    number = casts.submitted(stage)
    # Refused with reasons; that nothing at all was written is looked at there.
    assert casts.refused(stage, "desk", number, "assign", lead="ana") != ()


def test_a_step_and_its_notices_are_written_together_or_not_at_all(stage: Stage) -> None:
    number = casts.rated(stage)
    before = casts.contents(stage)
    with suppress(ZeroDivisionError), stage.database.begin() as db:
        acts.take_step(db, stage.library, stage.people["lead"], stage.now, number, "finalise")
        raise ZeroDivisionError
    assert casts.contents(stage) == before


def test_a_form_sent_twice_tells_once(stage: Stage) -> None:
    number = casts.draft(stage)
    for _ in range(2):
        casts.take(stage, "ana", number, "submit", request="a" * 32)
    assert len(_notices(stage, "submit")) == 2  # desk and all


@pytest.mark.parametrize(
    ("what", "facts", "message"),
    [
        ("danced", {}, "danced is nothing that people are told"),
        ("condition_overdue", {}, "condition_overdue lacks condition"),
        ("substitute_named", {"first": date(2010, 2, 1)}, "substitute_named lacks last"),
    ],
)
def test_only_what_is_on_the_list_is_told(
    stage: Stage, what: str, facts: dict[str, Any], message: str
) -> None:
    number = casts.submitted(stage)
    before = casts.contents(stage)
    with pytest.raises(ValueError, match=message):
        _tell(stage, ["ana"], what, number=number, facts=facts)
    assert casts.contents(stage) == before


def test_a_notice_about_a_proposal_names_it(stage: Stage) -> None:
    with pytest.raises(ValueError, match="overdue lacks number"):
        _tell(stage, ["ana"])


def test_who_did_it_and_the_system_are_left_out(stage: Stage) -> None:
    number = casts.submitted(stage)
    with stage.database.begin() as db:
        ids = [0, stage.people["ana"].id, stage.people["lead"].id, stage.people["lead"].id]
        at = casts.load(stage, number).id
        notices.tell(db, ids, "review_signed", stage.now, proposal=at, by=stage.people["ana"].id)
        notices.tell(db, [], "review_signed", stage.now, proposal=at)
    assert [row.person_id for row in _notices(stage, "review_signed")] == [stage.people["lead"].id]


def test_telling_takes_the_same_statements_however_many_are_told(stage: Stage) -> None:
    number = casts.submitted(stage)

    def sent(who: list[str]) -> list[str]:
        with casts.counted() as statements:
            _tell(stage, who, number=number)
        return [entry for entry in statements if "FROM proposals" not in entry and "notices" in entry]

    everybody = list(stage.people)
    assert len(sent(["desk"])) == len(sent(everybody)) == 1
    with casts.counted() as statements, stage.database.begin() as db:
        ids = [person.id for person in stage.people.values()]
        notices.tell(
            db, ids, "substitute_named", stage.now, facts={"first": "2010-01-01", "last": "2010-01-02"}
        )
    assert len([entry for entry in statements if entry.startswith(("SELECT", "INSERT", "UPDATE"))]) == 3


GENEVA_SEVEN = datetime(2010, 2, 2, 6, tzinfo=UTC)  # winter time


@pytest.mark.parametrize(
    ("now", "last"),
    [
        (GENEVA_SEVEN, GENEVA_SEVEN),
        (GENEVA_SEVEN - timedelta(microseconds=1), GENEVA_SEVEN - timedelta(days=1)),
        (datetime(2010, 2, 1, 23, 30, tzinfo=UTC), GENEVA_SEVEN - timedelta(days=1)),
        # Summer time has begun: seven is an hour earlier in UTC.
        (datetime(2010, 3, 28, 5, tzinfo=UTC), datetime(2010, 3, 28, 5, tzinfo=UTC)),
        (datetime(2010, 3, 28, 4, 59, tzinfo=UTC), datetime(2010, 3, 27, 6, tzinfo=UTC)),
    ],
)
def test_the_daily_message_is_made_of_what_came_before_seven_in_geneva(now: datetime, last: datetime) -> None:
    assert notices.last_digest(now) == last


def _tick(stage: Stage) -> None:
    tick(stage.database, stage.library, stage.now)


def test_what_gathers_for_a_day_is_one_message(stage: Stage) -> None:
    _daily(stage, "desk", "all")
    casts.submitted(stage)
    casts.submitted(stage)
    _tick(stage)
    assert _mails(stage) == []
    stage.now = GENEVA_SEVEN - timedelta(seconds=1)
    _tick(stage)
    assert _mails(stage) == []
    stage.now = GENEVA_SEVEN
    _tick(stage)
    mails = _mails(stage)
    assert [mail.payload for mail in mails] == [
        f'{{"person":{stage.people[key].id}}}' for key in ("desk", "all")
    ]
    assert [row.job_id for row in _notices(stage, "submit")] == [mails[0].id, mails[1].id] * 2


def test_gathering_twice_makes_nothing_twice(stage: Stage) -> None:
    _daily(stage, "desk", "all")
    casts.submitted(stage)
    stage.now = GENEVA_SEVEN
    _tick(stage)
    before = casts.contents(stage)
    _tick(stage)
    stage.wait(hours=20)
    with stage.database.begin() as db:
        assert notices.gather(db, stage.now) == 0
    assert casts.contents(stage)["notices"] == before["notices"]
    assert casts.contents(stage)["jobs"] == before["jobs"]


def test_what_comes_after_seven_waits_for_the_next_morning(stage: Stage) -> None:
    _daily(stage, "desk")
    casts.submitted(stage)
    stage.now = GENEVA_SEVEN
    casts.submitted(stage)
    with stage.database.begin() as db:
        assert notices.gather(db, stage.now) == 1
    assert [row.job_id is None for row in _notices(stage) if row.person_id == stage.people["desk"].id] == [
        False,
        True,
    ]
    # A tick that did not run for days makes one message, not one for each day.
    stage.wait(days=3)
    with stage.database.begin() as db:
        assert notices.gather(db, stage.now) == 1
        assert notices.gather(db, stage.now) == 0


def test_two_ticks_at_once_make_one_message_for_each(stage: Stage) -> None:
    everybody = list(stage.people)
    _daily(stage, *everybody)
    _tell(stage, everybody, number=casts.submitted(stage))
    stage.now = GENEVA_SEVEN
    barrier, made = Barrier(3), []

    def gather() -> None:
        barrier.wait()
        with stage.database.begin() as db:
            made.append(notices.gather(db, stage.now))

    threads = [Thread(target=gather) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == [0, 0, len(everybody)]
    assert len(_mails(stage)) == len(everybody)


def _reads_and_writes(stage: Stage) -> int:
    with casts.counted() as sent, stage.database.begin() as db:
        notices.gather(db, stage.now)
    return len([entry for entry in sent if entry.startswith(("SELECT", "INSERT", "UPDATE"))])


def test_gathering_takes_the_same_statements_for_one_person_and_for_all(stage: Stage) -> None:
    number = casts.submitted(stage)
    everybody = list(stage.people)
    _daily(stage, *everybody)
    _tell(stage, ["lead"], number=number)
    stage.now = GENEVA_SEVEN
    for_one = _reads_and_writes(stage)
    for _ in range(3):
        _tell(stage, everybody, number=number)
    stage.wait(days=1)
    assert _reads_and_writes(stage) == for_one


def test_nothing_is_gathered_where_nothing_waits(stage: Stage) -> None:
    with casts.counted() as sent, stage.database.begin() as db:
        assert notices.gather(db, stage.now) == 0
    assert len([entry for entry in sent if entry.startswith(("SELECT", "INSERT", "UPDATE"))]) == 1


def test_choosing_is_judged(stage: Stage) -> None:
    ana: Person = stage.people["ana"]
    before = casts.contents(stage)
    with pytest.raises(accounts.BadPerson) as caught, stage.database.begin() as db:
        accounts.choose(db, ana, language="de", delivery="weekly")
    assert caught.value.codes == ("language", "delivery")
    assert casts.contents(stage) == before
    with stage.database.begin() as db:
        accounts.choose(db, ana, language="fr", delivery="daily")
    with stage.database.read() as db:
        found = accounts.find_person(db, ana.id).person
    assert (found.language, found.delivery) == ("fr", "daily")
