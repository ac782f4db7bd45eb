"""Days in words, as every page, mail and refusal writes them."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from appraisal.clock import GENEVA, geneva_date
from appraisal.deadlines.rules import working_days
from appraisal.indicators.services import appraised_share
from appraisal.language.texts import Language, write_day
from appraisal.notices import rules as notices_rules
from appraisal.proposals.rules.attempt import ApprovalGiven
from appraisal.verification.services import checkpoints
from appraisal.vocabulary.biennium import biennium_of
from appraisal.vocabulary.refusals import refuse
from appraisal.web import formats
from tests import casts
from tests.casts import Stage


@pytest.mark.parametrize(
    ("language", "day", "words"),
    [
        ("en", date(2010, 2, 1), "1 February 2010"),
        ("fr", date(2010, 2, 1), "1er février 2010"),
        ("fr", date(2010, 2, 11), "11 février 2010"),
        ("es", date(2010, 2, 1), "1 de febrero de 2010"),
    ],
)
def test_a_day_is_written_as_its_language_does(language: Language, day: date, words: str) -> None:
    assert write_day(language, day) == words


# The last moment of a biennium at headquarters, and the first of the next, an hour before UTC has either.
LAST = datetime(2011, 12, 31, 23, 59, 59, 999999, tzinfo=GENEVA).astimezone(UTC)
FIRST = LAST + timedelta(microseconds=1)


def test_the_first_moment_of_a_year_is_written_as_a_day_of_that_year_everywhere() -> None:
    assert (LAST.year, FIRST.year) == (2011, 2011)
    assert write_day("en", FIRST) == "1 January 2012"
    assert formats._day(FIRST, "en") == "1 January 2012"
    assert refuse("day_early", day=FIRST).say("en").endswith("1 January 2012.")
    facts: Mapping[str, Any] = {"first": FIRST.isoformat(), "last": LAST.isoformat()}
    said = notices_rules.headline("en", "", "substitute_named", facts)
    assert said == "You stand in for somebody from 1 January 2012 to 31 December 2011"


def test_the_last_and_the_first_moment_of_a_biennium_count_where_headquarters_has_them(stage: Stage) -> None:
    """By the rules that see an approval, and by the statement that finds it, the same."""
    for moment in (LAST, FIRST):
        stage.now = datetime(2012, 3, 1, 9, tzinfo=UTC)
        number = casts.draft(stage, funding="XBTC")
        given = ApprovalGiven("Minute 9", "Registry", moment)
        casts.take(stage, "desk", number, "register_approval", approval=given)
    assert [biennium_of(geneva_date(moment)) for moment in (LAST, FIRST)] == ["2010-11", "2012-13"]
    with stage.database.read() as db:
        for biennium in ("2010-11", "2012-13"):
            figures = appraised_share.report(db, stage.library, "2.1", biennium).figures
            assert (figures.share.denominator, figures.outside) == (1, 1)


def test_a_checkpoint_is_that_of_the_day_at_headquarters(lite: Stage) -> None:
    casts.submitted(lite)
    assert checkpoints.daily_checkpoint(lite.database, LAST) is not None
    casts.draft(lite)
    assert checkpoints.daily_checkpoint(lite.database, LAST) is None
    assert checkpoints.daily_checkpoint(lite.database, FIRST) is not None


@pytest.mark.parametrize(
    ("before", "after"),
    [(date(2010, 3, 26), date(2010, 3, 29)), (date(2010, 10, 29), date(2010, 11, 1))],
)
@pytest.mark.parametrize("minute", [(0, 0), (0, 1), (2, 30), (23, 59)])
def test_working_days_are_the_same_over_the_nights_on_which_the_clocks_change(
    before: date, after: date, minute: tuple[int, int]
) -> None:
    """The clocks change between the Friday and the Monday; half past two is there never, or twice."""
    for fold in (0, 1):
        started = datetime(before.year, before.month, before.day, *minute, tzinfo=GENEVA, fold=fold)
        assert geneva_date(started.astimezone(UTC)) == before
        assert working_days.add_working_days(before, 1, ()) == after
        assert working_days.working_days_between(before, after, ()) == 1
        night = before + timedelta(days=2)
        turned = datetime(night.year, night.month, night.day, *minute, tzinfo=GENEVA, fold=fold)
        assert geneva_date(turned.astimezone(UTC)) == night
