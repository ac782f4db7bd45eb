"""Races: of two who act at the same moment one wins, and the other leaves nothing."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from threading import Barrier, Event, Thread

import pytest
from sqlalchemy import Connection, func, select

from appraisal.accounts.services import accounts, confirmations
from appraisal.appraisals.services import reviews
from appraisal.appraisals.services.lead import RatingPut
from appraisal.clock import geneva_date
from appraisal.database import tables
from appraisal.database.engine import Database
from appraisal.errors import StepConflict
from appraisal.proposals.facts import Case
from appraisal.proposals.rules.attempt import Inputs
from appraisal.proposals.store import lists
from appraisal.trail.rules import events
from appraisal.trail.store import site
from appraisal.vocabulary.refusals import NotAllowed
from appraisal.workflow.services import acts
from tests import casts
from tests.casts import Stage

# What two do at the same moment is decided by the database.
pytestmark = pytest.mark.on_both

HASHING = accounts.hasher(quick=True)


def race(*runners: Callable[[], object]) -> list[object]:
    """Run functions in threads that start together; return what each gave or raised, in order."""
    barrier = Barrier(len(runners))
    found: list[object] = [None] * len(runners)

    def run(index: int) -> None:
        barrier.wait()
        try:
            found[index] = runners[index]()
        except Exception as error:
            found[index] = error

    threads = [Thread(target=run, args=(index,)) for index in range(len(runners))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def _taking(
    stage: Stage,
    who: str,
    number: str,
    step: str,
    note: str = "",
    seen: int | None = None,
    request: str | None = None,
) -> Callable[[], Case]:
    def run() -> Case:
        with stage.database.begin() as db:
            return acts.take_step(
                db,
                stage.library,
                stage.people[who],
                stage.now,
                number,
                step,
                Inputs(note=note),
                seen=seen,
                request=request,
            )

    return run


@pytest.fixture
def other(stage: Stage) -> Iterator[Stage]:
    """The same stage as another process opens it, with connections of its own."""
    database = Database(stage.database.url)
    yield replace(stage, database=database)
    database.close()


def _rated(stage: Stage, *keys: str) -> str:
    """Let appraisers be asked for tripartism and rate it, unsigned."""
    number = casts.submitted(stage)
    casts.assign(stage, number)
    items = [item for item in casts.items_of(stage, number) if item.startswith("TRI")]
    due = geneva_date(stage.now) + timedelta(days=7)
    for key in keys:
        person = stage.people[key]
        with stage.database.begin() as db:
            given = (db, stage.library)
            reviews.ask(*given, stage.people["desk"], stage.now, number, person, ["TRI"], due)
            reviews.declare(*given, person, stage.now, number, conflict=None)
            reviews.rate(*given, person, stage.now, number, dict.fromkeys(items, RatingPut("2")))
    return number


def _signing(stage: Stage, who: str, number: str, comment: str) -> Callable[[], Case]:
    def run() -> Case:
        with stage.database.begin() as db:
            return reviews.sign(db, stage.library, stage.people[who], stage.now, number, comment)

    return run


def _while_open(stage: Stage, first: Callable[[Connection], object], second: Callable[[], object]) -> object:
    """Start a second process before the first commits; return what the second gave or raised."""
    found: list[object] = []
    started = Event()

    def run() -> None:
        started.set()
        found.extend(race(second))

    thread = Thread(target=run)
    with stage.database.begin() as db:
        first(db)
        thread.start()
        started.wait()
    thread.join()
    return found[0]


def _events(stage: Stage, *names: str) -> int:
    table = tables.events
    with stage.database.read() as db:
        return db.execute(select(func.count()).where(table.c.name.in_(names))).scalar_one()


@pytest.mark.parametrize("with_seen", [True, False])
def test_of_an_approval_and_a_rejection_one_wins(stage: Stage, with_seen: bool) -> None:
    for _ in range(3):
        number = casts.awaiting(stage)
        before = _events(stage, "approve", "reject")
        seen = casts.load(stage, number).row_version if with_seen else None
        found = race(
            _taking(stage, "chief", number, "approve", seen=seen),
            _taking(stage, "deputy", number, "reject", "No.", seen=seen),
        )
        winners = [entry for entry in found if isinstance(entry, Case)]
        losers = [entry for entry in found if isinstance(entry, StepConflict | NotAllowed)]
        assert (len(winners), len(losers)) == (1, 1), found
        assert isinstance(losers[0], StepConflict) == with_seen
        case = casts.load(stage, number)
        assert case.state == winners[0].state
        assert len(case.decisions) == 1
        assert _events(stage, "approve", "reject") == before + 1
        with stage.database.read() as db:
            assert events.broken(lists.chain_of(db, case.id), case.head) is None


def test_both_signatures_are_not_given_by_one_click_of_two(stage: Stage) -> None:
    number = casts.not_recommended(stage)
    found = race(
        _taking(stage, "chief", number, "propose_override", "Urgent."),
        _taking(stage, "deputy", number, "propose_override", "Urgent."),
    )
    assert sorted(type(entry).__name__ for entry in found) == ["Case", "NotAllowed"]


def test_the_same_form_sent_twice_at_once_acts_once(stage: Stage) -> None:
    number = casts.awaiting(stage)
    seen = casts.load(stage, number).row_version
    one, two = race(*[_taking(stage, "chief", number, "approve", seen=seen, request="key-1")] * 2)
    assert isinstance(one, Case)
    assert isinstance(two, Case)
    assert one.row_version == two.row_version == seen + 1
    assert _events(stage, "approve") == 1
    # And once more later.
    assert casts.take(stage, "chief", number, "approve", seen=seen, request="key-1").row_version == seen + 1


def test_a_request_of_somebody_else_or_for_something_else_is_no_pass(stage: Stage) -> None:
    one, two = casts.awaiting(stage), casts.awaiting(stage)
    casts.take(stage, "chief", one, "approve", request="key-1")
    before = casts.contents(stage)
    for who, number in (("deputy", one), ("chief", two)):
        with pytest.raises(StepConflict):
            casts.take(stage, who, number, "approve", request="key-1")
    assert casts.contents(stage) == before


def test_a_page_of_yesterday_decides_nothing(stage: Stage) -> None:
    number = casts.awaiting(stage)
    seen = casts.load(stage, number).row_version
    casts.take(stage, "lead", number, "recall", note="A slip.")
    casts.take(stage, "lead", number, "finalise")
    before = casts.contents(stage)
    with pytest.raises(StepConflict) as caught:
        casts.take(stage, "chief", number, "approve", seen=seen)
    assert (caught.value.seen, caught.value.present) == (seen, seen + 2)
    assert casts.contents(stage) == before


def test_two_reviewers_sign_in_two_processes(stage: Stage, other: Stage) -> None:
    number = _rated(stage, "eval", "all")
    before = casts.load(stage, number)
    other.now = stage.now

    def first(db: Connection) -> None:
        reviews.sign(db, stage.library, stage.people["eval"], stage.now, number, "One")

    assert isinstance(_while_open(stage, first, _signing(other, "all", number, "Two")), Case)
    case = casts.load(stage, number)
    assert [entry.comment for entry in case.appraisals[-1].reviews[-2:]] == ["One", "Two"]
    assert all(entry.signed_at for entry in case.appraisals[-1].reviews[-2:])
    assert (case.sequence, case.row_version) == (before.sequence + 2, before.row_version)
    with stage.database.read() as db:
        assert events.broken(lists.chain_of(db, case.id), case.head) is None


def test_a_review_is_signed_once_by_two_processes(stage: Stage, other: Stage) -> None:
    for _ in range(3):
        number = _rated(stage, "eval")
        found = race(_signing(stage, "eval", number, "One"), _signing(other, "eval", number, "Two"))
        assert sorted(type(entry).__name__ for entry in found) == ["Case", "NotAllowed"], found
        (kept,) = [place for place, entry in enumerate(found) if isinstance(entry, Case)]
        review = casts.load(stage, number).appraisals[-1].reviews[-1]
        assert review.comment == ("One", "Two")[kept]


def test_a_review_signed_in_one_process_is_not_rated_in_another(stage: Stage, other: Stage) -> None:
    number = _rated(stage, "eval")

    def rating() -> object:
        with other.database.begin() as db:
            put = {"TRI-1": RatingPut("3", "Better.")}
            return reviews.rate(db, other.library, other.people["eval"], other.now, number, put)

    def first(db: Connection) -> None:
        reviews.sign(db, stage.library, stage.people["eval"], stage.now, number, "One")

    assert isinstance(_while_open(stage, first, rating), StepConflict | NotAllowed)
    review = casts.load(stage, number).appraisals[-1].reviews[-1]
    assert review.signed_at is not None
    assert review.ratings["TRI-1"].value == "2"


def test_a_review_signed_while_the_appraisal_is_closed_elsewhere_is_late(stage: Stage, other: Stage) -> None:
    number = _rated(stage, "eval")
    casts.rate(stage, number)
    stage.now = other.now = stage.now + timedelta(days=10)

    def first(db: Connection) -> None:
        acts.take_step(
            db, stage.library, stage.people["lead"], stage.now, number, "finalise", Inputs(), seen=None
        )

    assert isinstance(_while_open(stage, first, _signing(other, "eval", number, "Late.")), Case)
    case = casts.load(stage, number)
    assert case.state == "awaiting_decision"
    review = case.appraisals[-1].reviews[-1]
    assert (review.comment, review.late) == ("Late.", True)
    with stage.database.read() as db:
        assert events.broken(lists.chain_of(db, case.id), case.head) is None


def test_of_two_country_projects_submitted_at_once_the_second_counts_the_first(
    stage: Stage, other: Stage
) -> None:
    umbrella = casts.draft(stage, attach=(), kind="umbrella")
    one, two = (casts.draft(stage, kind="child", parent=umbrella, budget="3000000") for _ in range(2))

    def submit(db: Connection, number: str) -> None:
        acts.take_step(db, stage.library, stage.people["ana"], stage.now, number, "submit", Inputs())

    def submit_impatiently(number: str) -> None:
        with other.database.begin() as second:
            second.exec_driver_sql("SET LOCAL lock_timeout = '100ms'")
            submit(second, number)

    with stage.database.begin() as db:
        submit(db, one)
        # SQLite writes one at a time anyway.
        if not stage.database.is_sqlite:
            with casts.counted() as sent, pytest.raises(StepConflict):
                submit_impatiently(two)
            assert not [statement for statement in sent if statement.startswith("INSERT INTO versions")]
    with other.database.begin() as second:
        submit(second, two)
    cases = [casts.load(stage, number) for number in (one, two)]
    # What the first was submitted with is raised by the second.
    assert [(str(case.versions[0].threshold_usd), case.versions[0].track, case.track) for case in cases] == [
        ("6000000.00", "standard", "reinforced"),
        ("6000000.00", "reinforced", "reinforced"),
    ]


def test_one_link_sets_one_password(stage: Stage) -> None:
    with stage.database.begin() as db:
        token = accounts.issue_link(
            db, stage.people["admin"], stage.now, stage.people["ana"].id, "invitation"
        )

    def use(password: str) -> Callable[[], object]:
        def run() -> object:
            with stage.database.begin() as db:
                return accounts.set_password_by_link(db, HASHING, stage.now, token, "invitation", password)

        return run

    found = race(use("the first password"), use("the second password"))
    assert sorted(type(entry).__name__ for entry in found) == ["BadPerson", "Person"]


def test_one_request_about_an_account_is_answered_once(stage: Stage) -> None:
    with stage.database.begin() as db:
        id = accounts.ask_link(db, stage.people["admin"], stage.now, stage.people["lead"].id)

    def answer(who: str) -> Callable[[], object]:
        def run() -> object:
            with stage.database.begin() as db:
                return confirmations.confirm(db, stage.people[who], stage.now, id)

        return run

    found = race(answer("chief"), answer("deputy"))
    assert sorted(type(entry).__name__ for entry in found) == ["Confirmed", "NotAllowed"]
    with stage.database.read() as db:
        actions = [event.facts["action"] for event in site.chain(db)]
    assert actions.count("issue_link") == 1


def test_authors_may_save_side_by_side_without_a_seen_version(stage: Stage) -> None:
    number = casts.draft(stage, attach=())
    before = casts.load(stage, number).row_version
    found = race(
        lambda: casts.save(stage, number, "gender", analysis="One."),
        lambda: casts.save(stage, number, "capacity", exit="Two."),
    )
    assert all(isinstance(entry, Case) for entry in found), found
    case = casts.load(stage, number)
    assert (case.content["gender"]["analysis"], case.content["capacity"]["exit"]) == ("One.", "Two.")
    assert case.row_version == before + 2
