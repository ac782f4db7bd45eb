"""Time: lapse on the right day in Geneva, reopening, holds that shift deadlines, and reminders once."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select, update

from appraisal.accounts.services import accounts
from appraisal.app.daily import tick
from appraisal.appraisals.services import lead
from appraisal.database import tables
from appraisal.database.rows import insert_row
from appraisal.deadlines import services as deadlines_services
from appraisal.proposals.facts import Consultation
from appraisal.proposals.rules.attempt import ChangeAsked
from appraisal.proposals.services import opening
from appraisal.proposals.store import lists
from appraisal.trail.rules import events
from appraisal.workflow.services import time_steps
from tests import casts
from tests.casts import Stage
from tests.tampering import by_hand

SECOND = timedelta(seconds=1)


def _tick(stage: Stage) -> time_steps.Ticked:
    return tick(stage.database, stage.library, stage.now)


def _incomplete(stage: Stage) -> str:
    number = casts.submitted(stage)
    casts.take(stage, "desk", number, "return_incomplete", missing="A letter.")
    return number


def _due_on(stage: Stage, number: str) -> date | None:
    table = tables.proposals
    with stage.database.read() as db:
        found: date | None = db.execute(select(table.c.due_on).where(table.c.number == number)).scalar_one()
    return found


@pytest.mark.parametrize(
    ("started", "midnight"),
    [
        # Summer time begins in between: the midnight that ends day 90 comes an hour earlier in UTC.
        (datetime(2010, 2, 1, 9, tzinfo=UTC), datetime(2010, 5, 2, 22, tzinfo=UTC)),
        # Summer time ends in between.
        (datetime(2010, 9, 1, 9, tzinfo=UTC), datetime(2010, 11, 30, 23, tzinfo=UTC)),
        # Sent back after midnight in Geneva, before midnight in UTC.
        (datetime(2010, 5, 31, 22, 30, tzinfo=UTC), datetime(2010, 8, 30, 22, tzinfo=UTC)),
    ],
)
def test_silence_ends_a_proposal_at_midnight_in_geneva(
    lite: Stage, started: datetime, midnight: datetime
) -> None:
    lite.now = started
    number = _incomplete(lite)
    lite.now = midnight - SECOND
    _tick(lite)
    before = casts.contents(lite)
    assert _tick(lite) == time_steps.Ticked()
    assert casts.contents(lite) == before
    assert casts.load(lite, number).state == "incomplete"
    lite.now = midnight
    assert _tick(lite).steps == ((number, "lapse"),)
    case = casts.load(lite, number)
    assert (case.state, case.steps[-1].by) == ("lapsed", 0)


def test_a_sign_of_life_starts_the_days_again(lite: Stage) -> None:
    number = _incomplete(lite)
    lite.wait(days=80)
    casts.save(lite, number, "gender", analysis="Still here.")
    lite.wait(days=80)
    assert _tick(lite).steps == ()
    lite.wait(days=11)
    assert _tick(lite).steps == ((number, "lapse"),)


def test_nobody_makes_a_proposal_lapse_by_hand(lite: Stage) -> None:
    number = _incomplete(lite)
    lite.wait(days=91)
    assert casts.refused(lite, "desk", number, "lapse") == ("not_system",)


def test_a_lapsed_proposal_is_reopened_twice_and_no_more(lite: Stage) -> None:
    number = casts.revision(lite)
    pins = casts.load(lite, number)
    for _ in range(2):
        lite.wait(days=92)
        assert _tick(lite).steps == ((number, "lapse"),)
        case = casts.take(lite, "desk", number, "reopen")
        assert case.state == "revision_requested"
        # The days start again with the reopening.
        lite.wait(days=89)
        assert _tick(lite).steps == ()
        lite.wait(days=-89)
    lite.wait(days=92)
    _tick(lite)
    assert casts.refused(lite, "desk", number, "reopen") == ("reopenings_spent",)
    case = casts.load(lite, number)
    assert (case.state, case.workflow, case.set) == ("lapsed", pins.workflow, pins.set)


def _hold(stage: Stage, number: str, until: date) -> None:
    casts.take(stage, "desk", number, "hold", until=until, note="Elections.")


def test_a_hold_shifts_the_due_date_and_ends_by_itself(stage: Stage) -> None:
    number = casts.submitted(stage)
    # Monday 1 February and two working days.
    assert _due_on(stage, number) == date(2010, 2, 3)
    stage.wait(days=1)
    _hold(stage, number, date(2010, 2, 9))
    assert _due_on(stage, number) == date(2010, 2, 11)
    stage.now = datetime(2010, 2, 9, 23, tzinfo=UTC) - SECOND
    assert _tick(stage) == time_steps.Ticked()
    stage.now += SECOND
    assert _tick(stage).steps == ((number, "end_hold"),)
    assert casts.load(stage, number).hold is None
    assert _due_on(stage, number) == date(2010, 2, 11)


def test_an_early_release_gives_back_only_the_days_held(lite: Stage) -> None:
    number = casts.submitted(lite)
    lite.wait(days=1)
    _hold(lite, number, date(2010, 2, 9))
    lite.wait(days=2)
    casts.take(lite, "desk", number, "release")
    assert _due_on(lite, number) == date(2010, 2, 5)
    assert casts.refused(lite, "desk", number, "release") == ("not_held",)


def test_a_hold_that_nobody_ended_in_time_gives_no_more_days(lite: Stage) -> None:
    number = casts.submitted(lite)
    lite.wait(days=1)
    _hold(lite, number, date(2010, 2, 9))
    lite.wait(days=60)
    _tick(lite)
    assert _due_on(lite, number) == date(2010, 2, 11)


def test_held_days_do_not_count_as_silence(lite: Stage) -> None:
    number = _incomplete(lite)
    lite.wait(days=10)
    _hold(lite, number, date(2010, 3, 3))
    # From 11 February to 3 March: 21 days, after which day 90 is 23 May instead of 2 May.
    lite.now = datetime(2010, 5, 23, 21, 59, tzinfo=UTC)
    assert _tick(lite).steps == ((number, "end_hold"),)
    lite.wait(minutes=1)
    assert _tick(lite).steps == ((number, "lapse"),)


def test_one_tick_ends_a_hold_and_what_was_due_behind_it(stage: Stage) -> None:
    number = _incomplete(stage)
    _hold(stage, number, date(2010, 2, 10))
    stage.wait(days=200)
    assert _tick(stage).steps == ((number, "end_hold"), (number, "lapse"))


@pytest.mark.parametrize("until", [date(2010, 1, 1), date(2010, 2, 1)])
def test_a_hold_ends_in_the_future(lite: Stage, until: date) -> None:
    number = casts.submitted(lite)
    assert casts.refused(lite, "desk", number, "hold", until=until, note="Elections.") == ("until_past",)


def test_on_hold_only_withdrawing_and_releasing_are_open(lite: Stage) -> None:
    number = casts.submitted(lite)
    _hold(lite, number, date(2010, 6, 1))
    assert casts.refused(lite, "desk", number, "assign", lead="lead") == ("on_hold",)
    assert casts.refused(lite, "desk", number, "return_incomplete", missing="A letter.") == ("on_hold",)
    assert casts.refused(lite, "desk", number, "hold", until=date(2010, 7, 1), note="More.") == ("on_hold",)
    casts.take(lite, "ana", number, "withdraw", note="No longer needed.")


def test_a_tick_does_nothing_twice(stage: Stage) -> None:
    casts.revision(stage)
    casts.awaiting(stage)
    stage.wait(days=30)
    first = _tick(stage)
    assert {kind for _, kind in first.marks} == {"reminder", "overdue"}
    before = casts.contents(stage)
    assert _tick(stage) == time_steps.Ticked()
    assert casts.contents(stage) == before


def test_marks_are_set_once_a_stay(stage: Stage) -> None:
    number = casts.revision(stage)
    stage.now = datetime(2010, 2, 22, 9, tzinfo=UTC)
    # Fifteen working days after Monday 1 February.
    assert _tick(stage).marks == ((number, "reminder"),)
    stage.now = datetime(2010, 2, 24, 22, 59, tzinfo=UTC)
    assert _tick(stage).marks == ()
    stage.wait(minutes=1)
    # Thursday: two working days before Monday 1 March.
    assert _tick(stage).marks == ((number, "due_soon"),)
    stage.now = datetime(2010, 3, 1, 22, 59, tzinfo=UTC)
    assert _tick(stage).marks == ()
    stage.wait(minutes=1)
    assert _tick(stage).marks == ((number, "overdue"),)
    casts.resubmit(stage, number)
    casts.assign(stage, number)
    casts.rate(stage, number, TRI_1="1")
    casts.take(stage, "lead", number, "request_revision", changes=(ChangeAsked("More."),))
    stage.wait(days=40)
    assert _tick(stage).marks == ((number, "reminder"), (number, "overdue"))


def _wake_on(stage: Stage, number: str) -> date | None:
    table = tables.proposals
    with stage.database.read() as db:
        found: date | None = db.execute(select(table.c.wake_on).where(table.c.number == number)).scalar_one()
    return found


def _holiday(stage: Stage, day: date, station: str = "Geneva") -> None:
    with stage.database.begin() as db:
        deadlines_services.enter_holiday(db, stage.people["admin"], stage.now, station, day, "Day off")


def _move(stage: Stage, who: str, station: str) -> None:
    """Let somebody work at another duty station."""
    person = stage.people[who]
    with stage.database.begin() as db:
        accounts.change_person(
            db,
            stage.people["admin"],
            stage.now,
            person.id,
            library=stage.library,
            name=person.name,
            roles=list(person.roles),
            unit=person.unit,
            duty_station=station,
            language=person.language,
            active=True,
        )
        moved = accounts.find_person(db, person.id).person
    stage.people = {**stage.people, who: moved}


def test_the_clock_of_an_appraisal_follows_its_lead(stage: Stage) -> None:
    for day in (date(2010, 2, 4), date(2010, 2, 5)):
        _holiday(stage, day, "Lusaka")
    _move(stage, "lead", "Lusaka")
    number = casts.submitted(stage)
    assert _due_on(stage, number) == date(2010, 2, 3)
    casts.take(stage, "desk", number, "assign", lead="lead")
    # Ten working days from Monday 1 February, and two days off in Lusaka.
    assert _due_on(stage, number) == date(2010, 2, 17)
    case = casts.load(stage, number)
    assert {entry.due_on for entry in case.appraisals[0].consultations} == {date(2010, 2, 8)}
    casts.take(stage, "desk", number, "reassign", lead="eval", note="Away.")
    # In Geneva it would be two days less; a running deadline never gets shorter.
    assert _due_on(stage, number) == date(2010, 2, 17)
    assert [step.lead for step in casts.load(stage, number).steps[-2:]] == [
        stage.people["lead"].id,
        stage.people["eval"].id,
    ]


def test_the_clock_of_an_author_follows_the_duty_station_of_the_form(lite: Stage) -> None:
    _holiday(lite, date(2010, 2, 5), "Lusaka")
    number = casts.submitted(lite, duty_station="Lusaka")
    casts.take(lite, "desk", number, "return_incomplete", missing="A letter.")
    assert _due_on(lite, number) == date(2010, 2, 16)
    other = casts.submitted(lite, duty_station="Nowhere")
    casts.take(lite, "desk", other, "return_incomplete", missing="A letter.")
    assert _due_on(lite, other) == date(2010, 2, 15)


def test_a_calendar_that_changes_wakes_what_is_open(stage: Stage) -> None:
    number, done = casts.submitted(stage), casts.submitted(stage)
    casts.take(stage, "ana", done, "withdraw", note="No longer needed.")
    assert (_wake_on(stage, number), _wake_on(stage, done)) == (date(2010, 2, 4), None)
    _holiday(stage, date(2010, 2, 3))
    assert (_wake_on(stage, number), _wake_on(stage, done)) == (date(2010, 2, 1), None)
    version = casts.load(stage, number).row_version
    assert _tick(stage) == time_steps.Ticked()
    # The list says the new day; nobody's page is out of date for it.
    assert (_due_on(stage, number), _wake_on(stage, number)) == (date(2010, 2, 4), date(2010, 2, 5))
    assert casts.load(stage, number).row_version == version
    with stage.database.begin() as db:
        deadlines_services.remove_holiday(db, stage.people["admin"], stage.now, "Geneva", date(2010, 2, 3))
    assert _wake_on(stage, number) == date(2010, 2, 1)
    _tick(stage)
    assert (_due_on(stage, number), _wake_on(stage, number)) == (date(2010, 2, 3), date(2010, 2, 4))


def test_a_lead_who_moves_wakes_what_he_leads(stage: Stage) -> None:
    _holiday(stage, date(2010, 2, 4), "Lusaka")
    mine, other = casts.submitted(stage), casts.submitted(stage)
    casts.take(stage, "desk", mine, "assign", lead="lead")
    casts.take(stage, "desk", other, "assign", lead="eval")
    before = _wake_on(stage, other)
    _move(stage, "lead", "Lusaka")
    assert (_wake_on(stage, mine), _wake_on(stage, other)) == (date(2010, 2, 1), before)
    _tick(stage)
    assert (_due_on(stage, mine), _due_on(stage, other)) == (date(2010, 2, 16), date(2010, 2, 15))
    _move(stage, "lead", "Lusaka")
    assert _wake_on(stage, mine) == date(2010, 2, 9)


def test_whoever_brings_a_date_nearer_says_so(lite: Stage) -> None:
    number = casts.submitted(lite)
    id = casts.load(lite, number).id

    def wake_by(day: date) -> date | None:
        with lite.database.begin() as db:
            opening.wake_by(db, id, day)
        return _wake_on(lite, number)

    assert wake_by(date(2010, 2, 9)) == date(2010, 2, 4)
    assert wake_by(date(2010, 2, 2)) == date(2010, 2, 2)
    casts.take(lite, "ana", number, "withdraw", note="No longer needed.")
    assert _wake_on(lite, number) is None
    assert wake_by(date(2010, 2, 2)) == date(2010, 2, 2)


def test_a_tick_looks_at_nothing_before_its_day(stage: Stage) -> None:
    casts.submitted(stage)
    casts.revision(stage)
    stage.now = datetime(2010, 2, 3, 22, 59, tzinfo=UTC)
    before = casts.contents(stage)
    with casts.counted() as sent:
        assert _tick(stage) == time_steps.Ticked()
    # On PostgreSQL the connection asks for its isolation level too.
    assert [text.split()[0] for text in sent if "proposals" in text] == ["SELECT"]
    assert casts.contents(stage) == before


def test_every_page_of_what_is_due_is_gone_through(lite: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time_steps, "PAGE", 2)
    numbers = [casts.submitted(lite) for _ in range(5)]
    lite.wait(days=3)
    with lite.database.read() as db:
        assert list(time_steps.due(db, lite.now)) == numbers
    assert _tick(lite).marks == tuple((number, "overdue") for number in numbers)
    assert _tick(lite) == time_steps.Ticked()


def test_one_that_fails_does_not_stop_the_others(stage: Stage) -> None:
    first, broken, last = (casts.submitted(stage) for _ in range(3))
    table = tables.proposals
    with stage.database.begin() as db:
        db.execute(update(table).where(table.c.number == broken).values(content="{"))
    stage.wait(days=3)
    done = _tick(stage)
    assert done.marks == ((first, "overdue"), (last, "overdue"))
    assert [number for number, _ in done.faults] == [broken]
    assert "JSONDecodeError" in done.faults[0][1]
    # It is tried again until somebody has mended it.
    again = _tick(stage)
    assert ([number for number, _ in again.faults], again.marks) == ([broken], ())
    with stage.database.begin() as db:
        db.execute(update(table).where(table.c.number == broken).values(content="{}"))
    assert _tick(stage).marks == ((broken, "overdue"),)


def _told(stage: Stage) -> dict[str, set[str]]:
    names = {person.id: key for key, person in stage.people.items()}
    told: dict[str, set[str]] = {}
    for _, kind, ids in _tick(stage).told:
        told.setdefault(kind, set()).update(names[id] for id in ids)
    return told


def test_whom_a_date_concerns_is_told(lite: Stage) -> None:
    casts.submitted(lite, "all")
    lite.now = datetime(2010, 2, 4, 9, tzinfo=UTC)
    # Coordinators, but for the one who wrote it.
    assert _told(lite) == {"overdue": {"desk"}}
    number = casts.submitted(lite)
    casts.take(lite, "desk", number, "assign", lead="lead")
    lite.now = datetime(2010, 2, 16, 9, tzinfo=UTC)
    # Ten working days from Thursday 4 February; the bureaux have people, the other units have none here.
    assert _told(lite) == {"due_soon": {"lead"}, "consult_overdue": {"actemp", "actrav"}}


def test_authors_and_managers_are_told_of_what_they_hold(lite: Stage) -> None:
    _incomplete(lite)
    lite.now = datetime(2010, 2, 11, 9, tzinfo=UTC)
    assert _told(lite) == {"due_soon": {"ana"}}
    lite.now = datetime(2010, 3, 1, 9, tzinfo=UTC)
    _tick(lite)
    casts.awaiting(lite, "ben")
    lite.now = datetime(2010, 3, 9, 9, tzinfo=UTC)
    assert _told(lite) == {"overdue": {"chief", "deputy", "third", "all"}}


def _consultations(stage: Stage, number: str) -> dict[str, Consultation]:
    return {entry.unit: entry for entry in casts.load(stage, number).appraisals[-1].consultations}


def test_silence_of_units_is_noted_once_and_together(stage: Stage) -> None:
    number = casts.submitted(stage)
    casts.assign(stage, number)
    stage.now = datetime(2010, 2, 8, 22, 59, tzinfo=UTC)
    assert _tick(stage).marks == ()
    stage.wait(minutes=1)
    done = _tick(stage)
    assert done.marks == ((number, "consult_overdue"),) * 4
    found = _consultations(stage, number)
    silent = {unit for unit, entry in found.items() if entry.silent_at == stage.now}
    assert silent == {"PROGRAM", "NORMES", "GENDER", "Turin Centre"}
    assert all(entry.silent_at is None for unit, entry in found.items() if unit not in silent)
    with stage.database.read() as db:
        case = casts.load(stage, number)
        chain = lists.chain_of(db, case.id)
    assert events.broken(chain, case.head) is None
    last = chain[-1].facts
    assert (last["action"], last["by"], last["facts"]) == (
        "note_silence",
        0,
        {"appraisal": 1, "reviews": [], "units": [entry.unit for entry in found.values() if entry.silent_at]},
    )
    assert _tick(stage) == time_steps.Ticked()
    # A late answer stays possible, and stays late.
    with stage.database.begin() as db:
        lead.answer_consultation(
            db,
            stage.library,
            stage.people["desk"],
            stage.now,
            number,
            found["GENDER"].id,
            "Late.",
        )
    answered = _consultations(stage, number)["GENDER"]
    assert (answered.late, answered.silent_at, answered.text) == (True, found["GENDER"].silent_at, "Late.")


def _ask_review(stage: Stage, number: str, who: str, due_on: date) -> int:
    """Write down that a review was asked for."""
    case = casts.load(stage, number)
    assert case.appraisal is not None
    with by_hand(stage.database, stage.now, number) as db:
        opening.wake_by(db, case.id, stage.now.date())
        return insert_row(
            db,
            tables.reviews,
            proposal_id=case.id,
            appraisal_id=case.appraisal.id,
            person_id=stage.people[who].id,
            checklists="ILS",
            asked_at=stage.now,
            asked_by=stage.people["desk"].id,
            due_on=due_on,
        )


def test_reviewers_are_reminded_each_for_themselves(stage: Stage) -> None:
    number = casts.submitted(stage)
    casts.assign(stage, number)
    first = _ask_review(stage, number, "eval", date(2010, 2, 5))
    second = _ask_review(stage, number, "all", date(2010, 2, 5))
    stage.now = datetime(2010, 2, 3, 9, tzinfo=UTC)
    assert _told(stage) == {"review_soon": {"eval", "all"}}
    with by_hand(stage.database, stage.now, number) as db:
        table = tables.reviews
        db.execute(update(table).where(table.c.id == first).values(signed_at=stage.now))
    stage.now = datetime(2010, 2, 6, 9, tzinfo=UTC)
    done = _tick(stage)
    assert done.told == ((number, "review_overdue", (stage.people["all"].id,)),)
    reviews = {entry.id: entry.silent_at for entry in casts.load(stage, number).appraisals[0].reviews}
    assert {id: reviews[id] for id in (first, second)} == {first: None, second: stage.now}
    assert set(reviews.values()) == {None, stage.now}
    with stage.database.read() as db:
        said = lists.chain_of(db, casts.load(stage, number).id)[-1].facts["facts"]
    assert said == {"appraisal": 1, "reviews": [second], "units": []}


@pytest.mark.parametrize("ending", ["finalise", "return_incomplete"])
def test_an_appraisal_that_ends_early_leaves_nobody_open(stage: Stage, ending: str) -> None:
    number = casts.rated(stage)
    review = _ask_review(stage, number, "eval", date(2010, 2, 2))
    # The date has passed, and nothing has looked at the proposal since.
    stage.wait(days=2)
    missing = "A letter." if ending == "return_incomplete" else ""
    at = stage.now
    who = "lead" if ending == "finalise" else "desk"
    returned = casts.take(stage, who, number, ending, missing=missing)
    case = casts.load(stage, number)
    assert returned.appraisals == case.appraisals
    # The dates of the units lie ahead, so that nobody awaits them any more.
    assert {entry.unit for entry in case.appraisals[0].consultations if entry.released_at == at} == {
        "PROGRAM",
        "NORMES",
        "GENDER",
        "Turin Centre",
    }
    assert not any(entry.silent_at for entry in case.appraisals[0].consultations)
    silent = [(entry.id, entry.silent_at) for entry in case.appraisals[0].reviews if entry.silent_at]
    assert silent == [(review, at)]


def test_a_recalled_appraisal_waits_for_units_whose_date_is_to_come(lite: Stage) -> None:
    number = casts.awaiting(lite)
    casts.take(lite, "lead", number, "recall", note="A slip.")
    found = _consultations(lite, number).values()
    assert {(entry.silent_at, entry.released_at) for entry in found} == {(None, None)}
    casts.take(lite, "lead", number, "finalise")
    lite.now = datetime(2010, 2, 9, 9, tzinfo=UTC)
    casts.take(lite, "lead", number, "recall", note="Another slip.")
    # Their date has passed meanwhile, while nobody awaited them: they have the days that were left.
    assert not any(entry.released_at for entry in _consultations(lite, number).values())
    assert _tick(lite).marks.count((number, "consult_overdue")) == 0
    lite.now = datetime(2010, 2, 18, 9, tzinfo=UTC)
    assert _tick(lite).marks.count((number, "consult_overdue")) == 4
    assert sum(entry.silent_at is not None for entry in _consultations(lite, number).values()) == 4


def test_a_condition_is_told_to_its_owner_and_coordinators_after_its_date(lite: Stage) -> None:
    number = casts.approved(lite, ratings={"TRI_4": "1"})
    table = tables.conditions
    with by_hand(lite.database, lite.now, number) as db:
        db.execute(update(table).values(owner_id=lite.people["ben"].id))
    lite.now = datetime(2010, 3, 3, 22, 59, tzinfo=UTC)
    assert _tick(lite) == time_steps.Ticked()
    lite.wait(minutes=1)
    assert _told(lite) == {"condition_overdue": {"ben", "desk", "all"}}
    lite.wait(days=400)
    assert _tick(lite) == time_steps.Ticked()
    assert _wake_on(lite, number) is None


def test_days_are_written_down_when_a_state_is_left(stage: Stage) -> None:
    number = casts.submitted(stage, budget="100000")
    stage.wait(days=3)
    case = casts.take(stage, "desk", number, "assign", lead="lead", track="standard")
    stage.wait(days=4)
    case = casts.take(stage, "desk", number, "return_incomplete", missing="A letter.")
    table = tables.events
    with stage.database.read() as db:
        rows = db.execute(
            select(table.c.name, table.c.track, table.c.days_used, table.c.days_limit)
            .where(table.c.proposal_id == case.id, table.c.act != "")
            .order_by(table.c.sequence)
        ).all()
    # Each on the track of its time: a coordinator made it stricter while assigning.
    assert [tuple(row) for row in rows] == [
        ("submit", "", None, None),
        ("assign", "fast", 3, 2),
        ("return_incomplete", "standard", 2, 10),
    ]


def test_holidays_of_geneva_give_another_day(stage: Stage) -> None:
    with stage.database.begin() as db:
        deadlines_services.enter_holiday(
            db, stage.people["admin"], stage.now, "Geneva", date(2010, 2, 3), "Day off"
        )
        deadlines_services.enter_holiday(
            db, stage.people["admin"], stage.now, "Lusaka", date(2010, 2, 4), "Day off"
        )
    assert _due_on(stage, casts.submitted(stage)) == date(2010, 2, 4)
