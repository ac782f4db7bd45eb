"""Indicator 2.1: the columns say what the facts say, and a published report stays as it was."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from appraisal.canonical import digest
from appraisal.domain.indicators import Approval
from appraisal.domain.refusals import NotAllowed
from appraisal.domain.steps import ApprovalGiven
from appraisal.scenarios.neutral import neutral_content
from appraisal.services import approvals, indicators, settings
from tests import casts
from tests.casts import START, Stage


def both(stage: Stage) -> tuple[list[Approval], list[Approval]]:
    """Return what the indicator reads from columns, and the same from facts.

    The budget of what is not approved enters no figure, and a draft's is not frozen: it is left out.
    """

    def read(found: list[Approval]) -> list[Approval]:
        return [entry if entry.route else replace(entry, usd=Decimal(0)) for entry in found]

    with stage.database.read() as db:
        return read(indicators.approvals(db)), read(indicators.approvals_from_facts(db, stage.library))


def _outside(stage: Stage, approved_at: datetime | None, **given: object) -> None:
    with stage.database.begin() as db:
        approval = ApprovalGiven("Minute 12", "Registry", approved_at)
        approvals.register_outside(
            db, stage.library, stage.people["desk"], stage.now, neutral_content(given), approval
        )


def _everything(stage: Stage) -> None:
    casts.approved(stage, funding="RBSA")
    casts.overridden(stage)
    casts.funded(stage, funding="RBTC")
    _outside(stage, stage.now)
    _outside(stage, None, title="Undated")
    casts.revision(stage)
    number = casts.approved(stage)
    casts.take(stage, "chief", number, "propose_annulment", note="A mistake.")
    casts.take(stage, "deputy", number, "annul")
    casts.draft(stage, kind="umbrella")
    number = casts.awaiting(stage)
    casts.take(stage, "chief", number, "reject", note="No.")


def test_columns_and_facts_agree(stage: Stage) -> None:
    _everything(stage)
    from_columns, from_facts = both(stage)
    assert from_columns == from_facts
    # A draft, here the umbrella, is its authors' alone.
    assert len(from_columns) == 8


def test_columns_are_read_in_one_statement(stage: Stage) -> None:
    casts.draft(stage, attach=())
    casts.draft(stage, attach=())
    with stage.database.read() as db, casts.counted() as sent:
        indicators.approvals(db)
    assert sum(statement.startswith("SELECT") for statement in sent) == 1


def test_a_registered_budget_is_worth_what_it_was_on_the_day_of_approval(lite: Stage) -> None:
    with lite.database.begin() as db:
        for day, per_usd in (
            (datetime(2009, 1, 1, tzinfo=UTC), "0.5"),
            (datetime(2010, 1, 1, tzinfo=UTC), "0.8"),
        ):
            settings.enter_rate(db, lite.people["desk"], lite.now, "EUR", day.date(), Decimal(per_usd))
    _outside(lite, START - timedelta(days=200), budget={"amount": "100", "currency": "EUR"})
    _outside(lite, START, budget={"amount": "100", "currency": "EUR"})
    _outside(lite, None, budget={"amount": "100", "currency": "EUR"})
    from_columns, from_facts = both(lite)
    assert [entry.usd for entry in from_columns] == [Decimal(200), Decimal(125), Decimal(125)]
    assert from_columns == from_facts


def test_the_share_counts_first_approvals_of_the_biennium(lite: Stage) -> None:
    _everything(lite)
    with lite.database.read() as db:
        found = indicators.report(db, lite.library, "2.1", "2010-11")
        with pytest.raises(KeyError):
            indicators.report(db, lite.library, "9.9", "2010-11")
        with pytest.raises(ValueError, match="biennium"):
            indicators.report(db, lite.library, "2.1", "2011-12")
    assert (found.share.numerator, found.share.denominator, found.percent) == (1, 3, "33.3")
    assert (found.with_overrides.numerator, len(found.undated), len(found.other_funds)) == (2, 1, 1)
    assert not found.complete


def test_the_last_second_of_a_biennium_is_that_of_geneva(lite: Stage) -> None:
    lite.now = datetime(2012, 6, 1, tzinfo=UTC)
    _outside(lite, datetime(2011, 12, 31, 22, 59, 59, tzinfo=UTC))
    _outside(lite, datetime(2011, 12, 31, 23, 0, 0, tzinfo=UTC))
    with lite.database.read() as db:
        for biennium in ("2010-11", "2012-13"):
            assert indicators.report(db, lite.library, "2.1", biennium).share.denominator == 1


def test_a_published_report_stays(stage: Stage) -> None:
    number = casts.approved(stage)
    with pytest.raises(NotAllowed), stage.database.begin() as db:
        indicators.publish(db, stage.library, stage.people["chief"], stage.now, "2.1", "2010-11")
    with stage.database.begin() as db:
        sealed = indicators.publish(db, stage.library, stage.people["desk"], stage.now, "2.1", "2010-11")
    casts.take(stage, "chief", number, "propose_annulment", note="A mistake.")
    casts.take(stage, "deputy", number, "annul")
    with stage.database.begin() as db:
        later = indicators.publish(db, stage.library, stage.people["desk"], stage.now, "2.1", "2010-11")
        newest, first = indicators.published(db, "2.1", "2010-11")
    assert (newest[0], first[0]) == (later, sealed)
    value = json.loads(first[2])
    assert digest(value) == sealed
    assert (value["numerator"], value["denominator"]) == (1, 1)
    assert [entry["number"] for entry in value["proposals"]["mechanism"]] == [number]
    assert json.loads(newest[2])["denominator"] == 0
