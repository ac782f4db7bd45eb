"""Due dates: what time demands of a proposal and from which day on, and when a tick has to come."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from appraisal.deadlines.rules.due_dates import demands, wake_on
from appraisal.definitions.library import Library
from appraisal.proposals.facts import Case, Consultation, Hold, Review, Step
from appraisal.proposals.rules.rulebook import Rulebook
from tests.builders import (
    COORDINATOR,
    LEAD,
    OTHER_APPRAISER,
    approved,
    awaiting_decision,
    book_of,
    revision_requested,
    submitted,
    under_appraisal,
    with_appraisal,
)
from tests.workflow.rules.attempts import conditions, override

# A Thursday.
SINCE = datetime(2012, 3, 1, 9, tzinfo=UTC)
ONE_DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def book(library: Library) -> Rulebook:
    return book_of(library)


def arrived(case: Case, sequence: int = 7) -> Case:
    """Return a case that came into its state on 1 March 2012."""
    step = Step(sequence, "move", "submit", "elsewhere", case.state, SINCE, 1)
    return replace(case, state_since=SINCE, steps=(step,), edited_at=None)


def found(book: Rulebook, case: Case) -> dict[tuple[str, int], tuple[date, date | None]]:
    """Return what is demanded by kind and subject: from which day on, and until which."""
    return {(entry.kind, entry.subject): (entry.first, entry.last) for entry in demands(book, case)}


def test_dates_of_a_state_are_said_before_and_after(book: Rulebook) -> None:
    case = arrived(revision_requested(book))
    assert found(book, case) == {
        # Twenty working days end on Thursday 29 March; two before is Tuesday.
        ("due_soon", 7): (date(2012, 3, 27), date(2012, 3, 29)),
        ("reminder", 7): (date(2012, 3, 22), None),
        ("overdue", 7): (date(2012, 3, 30), None),
    }


def test_two_days_are_too_few_to_be_warned_of(book: Rulebook) -> None:
    assert found(book, arrived(submitted())) == {("overdue", 7): (date(2012, 3, 6), None)}


def test_warnings_come_on_working_days(book: Rulebook) -> None:
    case = replace(arrived(awaiting_decision(book)), holidays={"Geneva": frozenset({date(2012, 3, 7)})})
    # Five working days from Thursday end on Friday 9 March; Thursday and Tuesday lie before it.
    assert found(book, case)[("due_soon", 7)] == (date(2012, 3, 6), date(2012, 3, 9))


def asked(number: int, due_on: date, **changes: object) -> Consultation:
    return replace(Consultation(number, "NORMES", SINCE, due_on), **changes)  # type: ignore[arg-type]


def review(number: int, due_on: date, **changes: object) -> Review:
    made = Review(number, OTHER_APPRAISER.id, "NORMES", ("ILS",), SINCE, due_on)
    return replace(made, **changes)  # type: ignore[arg-type]


def test_each_of_those_asked_is_reminded_whatever_the_others_did(book: Rulebook) -> None:
    case = with_appraisal(
        arrived(under_appraisal(book)),
        consultations=(
            asked(1, date(2012, 3, 8)),
            asked(2, date(2012, 3, 8), answered_at=SINCE),
            asked(3, date(2012, 3, 8), silent_at=SINCE),
        ),
        reviews=(
            review(1, date(2012, 3, 8)),
            review(2, date(2012, 3, 8), signed_at=SINCE),
            review(3, date(2012, 3, 8), declined_at=SINCE),
            review(4, date(2012, 3, 8), withdrawn_at=SINCE),
            review(5, date(2012, 3, 8), declaration="declared"),
            review(6, date(2012, 3, 8), silent_at=SINCE),
            review(7, date(2012, 3, 9), declaration="nothing"),
        ),
    )
    named = {key: days for key, days in found(book, case).items() if key[0] not in ("due_soon", "overdue")}
    assert named == {
        ("consult_overdue", 1): (date(2012, 3, 9), None),
        ("review_soon", 1): (date(2012, 3, 6), date(2012, 3, 8)),
        ("review_overdue", 1): (date(2012, 3, 9), None),
        ("review_soon", 7): (date(2012, 3, 7), date(2012, 3, 9)),
        ("review_overdue", 7): (date(2012, 3, 10), None),
    }


def test_nobody_is_asked_any_more_once_an_appraisal_is_closed(book: Rulebook) -> None:
    case = with_appraisal(
        arrived(awaiting_decision(book)),
        consultations=(asked(1, date(2012, 3, 8)),),
        reviews=(review(1, date(2012, 3, 8)),),
    )
    assert {kind for kind, _ in found(book, case)} == {"due_soon", "overdue"}


def test_open_conditions_of_an_approval_are_said_after_their_date(book: Rulebook) -> None:
    bound = conditions({}, {"cleared_at": SINCE}, {"waived_at": SINCE}, {"due_on": date(2012, 10, 1)})
    case = with_appraisal(approved(book), conditions=bound)
    expected = {
        ("condition_overdue", 1): (date(2012, 9, 2), None),
        ("condition_overdue", 4): (date(2012, 10, 2), None),
    }
    assert found(book, case) == expected
    assert found(book, replace(case, state="sent_to_donor")) == expected
    assert found(book, replace(case, state="not_funded")) == {}
    waiting = with_appraisal(arrived(awaiting_decision(book)), conditions=bound)
    assert {kind for kind, _ in found(book, waiting)} == {"due_soon", "overdue"}


def test_an_annulment_is_looked_at_on_the_day_after_its_last(book: Rulebook) -> None:
    case = approved(book)
    assert wake_on(book, case, SINCE.date()) is None
    waiting = override(case, kind="propose_annulment", at=SINCE)
    assert wake_on(book, waiting, SINCE.date()) == date(2012, 3, 9)
    off = replace(waiting, holidays={"Geneva": frozenset({date(2012, 3, 5)})})
    assert wake_on(book, off, SINCE.date()) == date(2012, 3, 10)
    # An override waits until the proposal moves.
    decided = arrived(awaiting_decision(book, "REVISE"))
    assert wake_on(book, override(decided, at=SINCE), SINCE.date()) == wake_on(book, decided, SINCE.date())


def test_a_hold_shifts_what_is_said_and_ends_first(book: Rulebook) -> None:
    hold = Hold(SINCE + 3 * ONE_DAY, date(2012, 3, 11), "Wait.", COORDINATOR.id)
    case = replace(
        with_appraisal(arrived(under_appraisal(book)), consultations=(asked(1, date(2012, 3, 8)),))
    )
    held = replace(case, holds=(hold,))
    assert found(book, held) == {}
    assert wake_on(book, held, SINCE.date()) == date(2012, 3, 12)
    released = replace(held, holds=(replace(hold, released_at=datetime(2012, 3, 12, tzinfo=UTC)),))
    # From Sunday 4 to Sunday 11 March: five working days.
    assert found(book, released)[("consult_overdue", 1)] == (date(2012, 3, 16), None)
    assert found(book, released)[("overdue", 7)] == (date(2012, 3, 23), None)


def test_the_first_of_all_days_wakes(book: Rulebook) -> None:
    case = arrived(revision_requested(book))
    days = [SINCE.date()]
    while (following := wake_on(book, case, days[-1], done=True)) is not None and following < date(
        2013, 1, 1
    ):
        assert following > days[-1]
        days.append(following)
        if following >= date(2012, 5, 30):
            break
    # Reminder, due soon, overdue; day 90 of silence is 30 May.
    assert days[1:] == [date(2012, 3, 22), date(2012, 3, 27), date(2012, 3, 30), date(2012, 5, 31)]


def test_what_was_demanded_before_is_due_now_unless_it_is_done(book: Rulebook) -> None:
    case = arrived(submitted())
    assert wake_on(book, case, date(2012, 3, 1)) == date(2012, 3, 6)
    assert wake_on(book, case, date(2012, 3, 20)) == date(2012, 3, 20)
    assert wake_on(book, case, date(2012, 3, 20), done=True) is None
    silent = arrived(replace(submitted(), state="incomplete"))
    # A lapse that is open and was not taken is tried again every day.
    assert wake_on(book, silent, date(2012, 7, 1)) == date(2012, 7, 1)
    assert wake_on(book, silent, date(2012, 7, 1), done=True) == date(2012, 7, 2)


@pytest.mark.parametrize("state", ["withdrawn", "rejected", "started", "lapsed"])
def test_nothing_is_to_come_at_an_end(book: Rulebook, state: str) -> None:
    assert wake_on(book, arrived(replace(submitted(), state=state)), SINCE.date()) is None


def test_a_warning_whose_day_has_gone_wakes_nobody(book: Rulebook) -> None:
    case = with_appraisal(
        arrived(under_appraisal(book)), consultations=(), reviews=(review(1, date(2012, 3, 8)),), lead=LEAD.id
    )
    kinds = [entry.kind for entry in demands(book, case) if entry.falls_on(date(2012, 4, 2))]
    assert kinds == ["overdue", "review_overdue"]
