"""Exchange rates: what cannot be is refused, what is unlikely is asked again, and what is frozen stays."""

import threading
from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import text

from appraisal.proposals.services.exchange_rates import RateDoubtful, RateGiven, enter_rate, examine_rate
from appraisal.proposals.store.case import load_rates
from appraisal.proposals.store.exchange_rates import frozen_with, list_rates, rate_history
from appraisal.trail.store import site
from appraisal.verification.services import database
from appraisal.vocabulary.refusals import NotAllowed
from tests import casts
from tests.casts import Stage
from tests.tampering import unguarded

DAY = date(2010, 1, 1)


def _in_force(stage: Stage) -> dict[tuple[str, date], Decimal]:
    with stage.database.read() as db:
        return {(rate.currency, rate.on): rate.per_usd for rate in load_rates(db)}


def _told(stage: Stage) -> list[tuple[str, dict[str, object]]]:
    with stage.database.read() as db:
        events = [entry.facts for entry in site.chain(db)]
    return [(entry["action"], entry["facts"]) for entry in events if entry["action"].endswith("_rate")]


def test_a_rate_is_entered_and_stands_in_the_chain(stage: Stage) -> None:
    assert casts.enter_rate(stage, "EUR", DAY, "0.7", " UN ")
    with stage.database.read() as db:
        (rate,) = load_rates(db)
    assert (rate.currency, rate.on, rate.per_usd, rate.source) == ("EUR", DAY, Decimal("0.7"), "UN")
    facts = {"rate": 1, "currency": "EUR", "day": "2010-01-01", "per_usd": "0.7", "source": "UN"}
    assert _told(stage) == [("enter_rate", facts)]


def test_the_same_rate_again_is_answered_as_done(stage: Stage) -> None:
    casts.enter_rate(stage, "EUR", DAY, "0.7")
    before = casts.contents(stage)
    assert not casts.enter_rate(stage, "EUR", DAY, "0.70")
    assert casts.contents(stage) == before


def test_the_system_enters_the_rates_of_a_scenario(lite: Stage) -> None:
    assert casts.enter_rate(lite, "EUR", DAY, "0.7", who="system")


# The clock stands at 1 February 2010.
@pytest.mark.parametrize(
    ("currency", "day", "per_usd", "code"),
    [
        *((code, "2010-01-01", "1", "rate_currency") for code in ("EURO", "eur", "USD", "ZZZ", "XXX", "XTS")),
        *(
            (code, "2010-01-01", "1", "rate_currency")
            for code in ("XAU", "XDR", "CHE", "CLF", "", "E\u0301U")
        ),
        # A currency that was not there yet, and one that was no longer.
        ("ZMW", "2010-01-01", "1", "rate_unused"),
        ("DEM", "2010-01-01", "1", "rate_unused"),
        ("EUR", "1998-12-31", "1", "rate_unused"),
        ("CHF", "1949-12-31", "4", "rate_day_early"),
        ("EUR", "2010-03-01", "1", "rate_day_late"),
        ("EUR", "2016-01-01", "1", "rate_day_late"),
        ("EUR", "9999-12-31", "1", "rate_day_late"),
        *(
            ("EUR", "2010-01-01", given, "rate_amount")
            for given in ("0", "-1", "NaN", "-Infinity", "Infinity")
        ),
        *(
            ("EUR", "2010-01-01", given, "rate_bounds")
            for given in ("1e-30", "0.0009", "1000000000001", "1e999999")
        ),
        ("EUR", "2010-01-01", "0.1234567890123456", "rate_digits"),
    ],
)
def test_a_rate_that_cannot_be_is_refused(
    lite: Stage, currency: str, day: str, per_usd: str, code: str
) -> None:
    before = casts.contents(lite)
    given = RateGiven(currency, date.fromisoformat(day), Decimal(per_usd))
    with pytest.raises(NotAllowed) as caught, lite.database.begin() as db:
        enter_rate(db, lite.people["desk"], lite.now, given)
    assert caught.value.codes == (code,)
    assert casts.contents(lite) == before
    for language in ("en", "fr", "es"):
        assert "%(" not in caught.value.refusals[0].say(language)


@pytest.mark.parametrize(
    ("day", "per_usd"), [("2010-02-28", "0.7"), ("1999-01-01", "0.001"), ("2010-02-01", "1e12")]
)
def test_the_ends_of_what_is_allowed_are_allowed(lite: Stage, day: str, per_usd: str) -> None:
    assert casts.enter_rate(lite, "EUR", date.fromisoformat(day), per_usd)


def test_a_slip_is_asked_again_beside_its_neighbours(lite: Stage) -> None:
    casts.enter_rate(lite, "EUR", DAY, "0.7")
    casts.enter_rate(lite, "EUR", date(2010, 2, 1), "0.8")
    desk, slip = lite.people["desk"], RateGiven("EUR", date(2010, 1, 15), Decimal(7))
    with pytest.raises(RateDoubtful) as caught, lite.database.begin() as db:
        enter_rate(db, desk, lite.now, slip)
    assert [rate.per_usd for rate in caught.value.doubt.jumps] == [Decimal("0.7"), Decimal("0.8")]
    # In another tab, the rate beside it is corrected meanwhile: what was looked at is no longer so.
    casts.enter_rate(lite, "EUR", DAY, "0.71", reason="Misread.")
    before = casts.contents(lite)
    with pytest.raises(RateDoubtful) as again, lite.database.begin() as db:
        enter_rate(db, desk, lite.now, slip, caught.value.doubt.key)
    assert casts.contents(lite) == before
    with lite.database.begin() as db:
        assert enter_rate(db, desk, lite.now, slip, again.value.doubt.key)
    # Neither the confirmation of another value nor none will do.
    other = RateGiven("EUR", date(2010, 1, 20), Decimal(70))
    with pytest.raises(RateDoubtful), lite.database.begin() as db:
        enter_rate(db, desk, lite.now, other, again.value.doubt.key)


def test_a_factor_of_two_is_not_asked_about(lite: Stage) -> None:
    casts.enter_rate(lite, "EUR", DAY, "0.7")
    with lite.database.begin() as db:
        for day, per_usd, asks in (
            (2, "1.4", False),
            (2, "0.35", False),
            (2, "1.4001", True),
            (2, "0.3499", True),
        ):
            given = RateGiven("EUR", date(2010, 1, day), Decimal(per_usd))
            assert (examine_rate(db, lite.now, given) is not None) == asks, per_usd


def test_a_correction_needs_a_reason_and_keeps_the_former(stage: Stage) -> None:
    casts.enter_rate(stage, "EUR", DAY, "7.2", "UN")
    before = casts.contents(stage)
    with pytest.raises(NotAllowed) as caught:
        casts.enter_rate(stage, "EUR", DAY, "0.72", "UN", reason=" ")
    assert caught.value.codes == ("rate_reason",)
    assert casts.contents(stage) == before
    casts.enter_rate(stage, "EUR", DAY, "0.72", "UN", reason="A point in the wrong place.")
    stage.wait(days=1)
    casts.enter_rate(stage, "EUR", DAY, "0.73", "UN", who="all", reason="Of the wrong month.")
    assert _in_force(stage) == {("EUR", DAY): Decimal("0.73")}
    with stage.database.read() as db:
        assert [row.per_usd for row in list_rates(db)] == [Decimal("0.73")]
        history = [(str(row.per_usd), row.reason, row.by) for row in rate_history(db, "EUR", DAY)]
    assert history == [
        ("0.73", "Of the wrong month.", "All"),
        ("0.72", "A point in the wrong place.", "Desk"),
        ("7.2", "", "Desk"),
    ]
    assert [(name, facts.get("former"), facts.get("reason")) for name, facts in _told(stage)] == [
        ("enter_rate", None, None),
        ("correct_rate", "7.2", "A point in the wrong place."),
        ("correct_rate", "0.72", "Of the wrong month."),
    ]
    assert database.verify(stage.database, stage.library, None).breaks == []


def test_of_two_who_correct_at_once_the_second_looks_again(stage: Stage) -> None:
    casts.enter_rate(stage, "EUR", DAY, "0.7")
    given = {"0.8": "desk", "0.9": "all"}
    with stage.database.read() as db:
        keys = {
            per_usd: doubt.key
            for per_usd in given
            if (
                doubt := examine_rate(
                    db, stage.now, RateGiven("EUR", DAY, Decimal(per_usd), reason="Misread.")
                )
            )
        }
    outcomes: list[str] = []
    barrier = threading.Barrier(2)

    def correct(per_usd: str) -> None:
        rate = RateGiven("EUR", DAY, Decimal(per_usd), reason="Misread.")
        barrier.wait()
        try:
            with stage.database.begin() as db:
                enter_rate(db, stage.people[given[per_usd]], stage.now, rate, keys[per_usd])
            outcomes.append("done")
        except RateDoubtful:
            outcomes.append("asked")

    threads = [threading.Thread(target=correct, args=(per_usd,)) for per_usd in given]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["asked", "done"]
    with stage.database.read() as db:
        assert len(rate_history(db, "EUR", DAY)) == 2


def test_what_was_frozen_by_a_wrong_rate_is_listed_and_stays(stage: Stage) -> None:
    casts.enter_rate(stage, "EUR", DAY, "7.5")
    casts.enter_rate(stage, "CHF", DAY, "1.1")
    version = casts.submitted(stage, title="By a version", budget={"amount": "75", "currency": "EUR"})
    outside = casts.outside(stage, title="Given outside", budget={"amount": "150", "currency": "EUR"})
    casts.submitted(stage, budget={"amount": "75", "currency": "CHF"})
    casts.draft(stage, title="Nothing is frozen", budget={"amount": "75", "currency": "EUR"})
    frozen = [(version, 1, Decimal(75), Decimal(10)), (outside, None, Decimal(150), Decimal(20))]

    def listed(who: str) -> list[tuple[object, ...]]:
        with stage.database.read() as db:
            found = frozen_with(db, stage.people[who], "EUR", DAY)
            return [(entry.number, entry.version, entry.amount, entry.usd) for entry in found]

    assert listed("desk") == frozen
    casts.enter_rate(stage, "EUR", DAY, "0.75", reason="A point in the wrong place.")
    assert listed("desk") == frozen
    approval = casts.load(stage, outside).approval
    assert approval is not None
    assert approval.contributions is not None
    assert [(entry.rate, entry.rate_on) for entry in approval.contributions] == [(Decimal("7.5"), DAY)]
    # Nobody is shown what they may not read.
    assert listed("ben") == []


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        (
            "UPDATE rates SET per_usd = '0.5' WHERE id = 2",
            "rate 2: its column per_usd is not what the site's chain tells",
        ),
        (
            "UPDATE rates SET source = 'me' WHERE id = 1",
            "rate 1: its column source is not what the site's chain tells",
        ),
        (
            "DELETE FROM rates WHERE id = 2",
            "the rate of EUR from 2010-01-01: is missing, though told of by the site's chain",
        ),
        (
            "INSERT INTO rates SELECT 9, currency, day, '9', source, entered_by, entered_at, reason FROM rates WHERE id = 1",
            "the rate of EUR from 2010-01-01: is not told of by the site's chain",
        ),
    ],
)
def test_rates_that_were_bent_behind_the_product_are_noticed(stage: Stage, statement: str, told: str) -> None:
    casts.enter_rate(stage, "EUR", DAY, "0.7")
    casts.enter_rate(stage, "EUR", DAY, "0.8", reason="Misread.")
    report = database.verify(stage.database, stage.library, None)
    assert (report.breaks, report.checked["rates"]) == ([], 2)
    columns = "id, currency, day, per_usd, source, entered_by, entered_at, reason"
    with unguarded(stage.database) as db:
        db.execute(text(statement.replace("INTO rates ", f"INTO rates ({columns}) ")))
    assert [str(entry) for entry in database.verify(stage.database, stage.library, None).breaks] == [told]
