"""Indicator 2.1: the columns say what the facts say, and a published report stays as it was."""

import csv
import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import StringIO
from operator import attrgetter
from typing import Any

import pytest
from sqlalchemy import delete, func, select

from appraisal.canonical import digest, plain
from appraisal.database import tables
from appraisal.database.as_of import Past
from appraisal.definitions.library import Library
from appraisal.errors import NotFound
from appraisal.indicators.rules.appraised_share import Share
from appraisal.indicators.services import appraised_share, report_files
from appraisal.indicators.store import approvals as stored
from appraisal.language.words import Words
from appraisal.proposals.rules.approval import Approval, approval_of, is_counted
from appraisal.proposals.rules.attempt import ApprovalGiven
from appraisal.proposals.rules.rulebook import rulebook
from appraisal.proposals.rules.sums import Sum
from appraisal.proposals.store import tallies
from appraisal.proposals.store.case import load_cases, load_rates
from appraisal.scenarios.complete_proposal import neutral_content
from appraisal.trail.store import site
from appraisal.vocabulary.refusals import NotAllowed
from appraisal.workflow.services import outside_approvals
from tests import casts
from tests.casts import START, Stage
from tests.lists.files import import_text

TALLIES = tables.tallies


def _without_donors(found: Iterable[Approval]) -> list[Approval]:
    return sorted(
        (replace(entry, donors=(), decided="", decided_at=None) for entry in found), key=attrgetter("number")
    )


def every(stage: Stage) -> tuple[list[Approval], list[Approval], list[Approval]]:
    """Return what the indicator reads from columns, what the rules derive, and what the trail tells.

    No column says what each donor gives, or what was decided.
    """
    with stage.database.read() as db:
        rates = load_rates(db)
        derived = [
            approval_of(case, rulebook(stage.library, case.workflow, case.set, rates))
            for case in load_cases(db)
            if is_counted(case)
        ]
        told = sorted(appraised_share.told(db), key=attrgetter("number"))
        assert told == derived
        return _without_donors(stored.approvals(db)), _without_donors(derived), _without_donors(told)


def _outside(stage: Stage, approved_at: datetime | None, **given: object) -> None:
    given = {"title": f"Approved elsewhere on {approved_at}", **given}
    with stage.database.begin() as db:
        approval = ApprovalGiven("Minute 12", "Registry", approved_at)
        outside_approvals.register_outside(
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


@pytest.mark.thorough
def test_columns_and_facts_agree(stage: Stage) -> None:
    _everything(stage)
    from_columns, from_facts, from_trail = every(stage)
    assert from_columns == from_facts == from_trail
    # A draft, here the umbrella, is its authors' alone.
    assert len(from_columns) == 8
    with stage.database.read() as db:
        assert appraised_share.differences(db) == []


def test_the_share_is_that_of_2_1_alone(library: Library) -> None:
    assert appraised_share.definition(library, "2.1").code == "2.1"
    for code in ("3.1", "9.9", ""):
        with pytest.raises(NotFound):
            appraised_share.definition(library, code)


def test_columns_are_read_in_one_statement(stage: Stage) -> None:
    casts.draft(stage, attach=())
    casts.draft(stage, attach=())
    with stage.database.read() as db, casts.counted() as sent:
        list(stored.approvals(db))
    assert sum(statement.startswith("SELECT") for statement in sent) == 1


def test_a_registered_budget_is_worth_what_it_was_on_the_day_of_approval(lite: Stage) -> None:
    for day, per_usd in ((date(2009, 1, 1), "0.5"), (date(2010, 1, 1), "0.8")):
        casts.enter_rate(lite, "EUR", day, per_usd)
    _outside(lite, START - timedelta(days=200), budget={"amount": "100", "currency": "EUR"})
    _outside(lite, START, budget={"amount": "100", "currency": "EUR"})
    _outside(lite, None, budget={"amount": "100", "currency": "EUR"})
    # Frozen: neither a correction nor a rate entered later makes it worth anything else.
    casts.enter_rate(lite, "EUR", date(2010, 1, 1), "0.9", reason="A slip.")
    casts.enter_rate(lite, "EUR", date(2009, 7, 1), "0.6")
    casts.enter_rate(lite, "EUR", date(2010, 1, 15), "0.7")
    from_columns, from_facts, _ = every(lite)
    assert [entry.usd for entry in from_columns] == [Decimal(200), Decimal(125), Decimal(125)]
    assert from_columns == from_facts
    number = from_columns[-1].number
    casts.take(lite, "chief", number, "propose_annulment", note="A mistake.")
    casts.take(lite, "deputy", number, "annul")
    with lite.database.read() as db:
        assert appraised_share.differences(db) == []


@pytest.mark.thorough
def test_the_share_counts_first_approvals_of_the_biennium(lite: Stage) -> None:
    _everything(lite)
    with lite.database.read() as db:
        lists = appraised_share.report(db, lite.library, "2.1", "2010-11")
        found = lists.figures
        with pytest.raises(NotFound):
            appraised_share.report(db, lite.library, "9.9", "2010-11")
        with pytest.raises(ValueError, match="biennium"):
            appraised_share.report(db, lite.library, "2.1", "2011-12")
    assert (found.share.numerator, found.share.denominator, found.percent) == (1, 3, "33.3")
    assert (found.with_overrides.numerator, len(lists.undated), len(lists.other_funds)) == (2, 1, 1)
    assert not found.complete


def _annulled(stage: Stage, number: str) -> str:
    casts.take(stage, "chief", number, "propose_annulment", note="A mistake.")
    casts.take(stage, "deputy", number, "annul")
    return number


@pytest.mark.thorough
def test_the_approval_rate_knows_nothing_but_decisions_on_appraisals(stage: Stage) -> None:
    def rate() -> Share:
        every(stage)
        with stage.database.read() as db:
            assert appraised_share.differences(db) == []
            found = appraised_share.figures(db, stage.library, "2010-11", stage.now.date())["2010-11"]
            listed = appraised_share.report(db, stage.library, "2.1", "2010-11").figures
        assert found.approved_of_appraised == listed.approved_of_appraised
        return found.approved_of_appraised

    casts.approved(stage)
    _annulled(stage, casts.outside(stage))
    assert rate() == Share(1, 1)
    rejected = casts.awaiting(stage)
    casts.take(stage, "chief", rejected, "reject", note="No.")
    assert rate() == Share(1, 2)
    given = ApprovalGiven("Minute 12", "Registry", stage.now)
    casts.take(stage, "desk", rejected, "register_approval", approval=given)
    assert rate() == Share(1, 2)
    _annulled(stage, rejected)
    assert rate() == Share(1, 2)
    annulled = _annulled(stage, casts.approved(stage))
    assert rate() == Share(1, 3)
    casts.take(stage, "desk", annulled, "register_approval", approval=given)
    assert rate() == Share(1, 3)
    casts.overridden(stage)
    casts.submitted(stage)
    assert rate() == Share(2, 4)


def test_the_last_second_of_a_biennium_is_that_of_geneva(lite: Stage) -> None:
    lite.now = datetime(2012, 6, 1, tzinfo=UTC)
    _outside(lite, datetime(2011, 12, 31, 22, 59, 59, tzinfo=UTC))
    _outside(lite, datetime(2011, 12, 31, 23, 0, 0, tzinfo=UTC))
    with lite.database.read() as db:
        for biennium in ("2010-11", "2012-13"):
            assert appraised_share.report(db, lite.library, "2.1", biennium).figures.share.denominator == 1


def _publish(stage: Stage, who: str = "desk") -> tuple[str, bool]:
    return appraised_share.publish(
        stage.database, stage.library, stage.people[who], stage.now, "2.1", "2010-11"
    )


def test_a_published_report_stays(stage: Stage) -> None:
    number = casts.approved(stage)
    with pytest.raises(NotAllowed):
        _publish(stage, "chief")
    sealed, is_new = _publish(stage)
    assert is_new
    casts.take(stage, "chief", number, "propose_annulment", note="A mistake.")
    casts.take(stage, "deputy", number, "annul")
    later, _ = _publish(stage)
    with stage.database.read() as db:
        newest, first = appraised_share.published(db, "2.1", "2010-11")
        told = [entry.facts for entry in site.chain(db) if entry.facts["action"] == "publish_report"]
    assert (newest[0], first[0]) == (later, sealed)
    value = json.loads(first[2])
    assert digest(value) == sealed
    assert (value["numerator"], value["denominator"]) == (1, 1)
    assert [entry["number"] for entry in value["proposals"]["mechanism"]] == [number]
    assert (value["supersedes"], value["changes"]) == ("", [])
    assert value["definition"] == {
        "key": "indicators.v1",
        "digest": stage.library.digests["indicators.v1"],
    }
    after = json.loads(newest[2])
    assert (after["denominator"], after["supersedes"]) == (0, sealed)
    assert after["changes"] == [{"number": number, "was": "mechanism", "is": None}]
    assert [entry["facts"]["digest"] for entry in told] == [sealed, later]


def test_a_report_that_says_nothing_new_is_not_published_again(stage: Stage) -> None:
    casts.approved(stage)
    sealed, _ = _publish(stage)
    stage.wait(days=3)
    assert _publish(stage) == (sealed, False)
    with stage.database.read() as db:
        assert len(appraised_share.published(db, "2.1", "2010-11")) == 1


@pytest.mark.thorough
def test_a_published_report_is_computed_again_from_the_trail(stage: Stage) -> None:
    _everything(stage)
    _publish(stage)
    number = casts.approved(stage, title="Later")
    casts.overridden(stage)
    _outside(stage, stage.now)
    with stage.database.read() as db:
        sealed, _, text = appraised_share.published(db, "2.1", "2010-11")[0]
        value, again = json.loads(text), appraised_share.recomputed(db, stage.library, sealed)
    assert again == {key: entry for key, entry in value.items() if key in again}
    assert set(value) - set(again) == {"published_at", "supersedes", "changes"}
    assert number not in json.dumps(again)


def test_what_was_known_at_a_moment_is_what_is_counted_as_of_then(stage: Stage) -> None:
    number = casts.approved(stage)
    before = stage.now
    stage.wait(days=1)
    # Given long ago, and written down only now.
    _outside(stage, START - timedelta(days=10))
    casts.take(stage, "chief", number, "propose_annulment", note="A mistake.")
    casts.take(stage, "deputy", number, "annul")

    def share(past: Past | None) -> Share:
        with stage.database.read() as db:
            return appraised_share.report(db, stage.library, "2.1", "2010-11", past).figures.share

    assert share(Past(moment=before)) == Share(1, 1)
    assert share(Past(moment=START)) == Share(0, 0)
    assert share(None) == share(Past(moment=stage.now)) == Share(0, 1)


def test_sums_that_lie_are_found_and_counted_anew(stage: Stage) -> None:
    casts.approved(stage)
    with stage.database.begin() as db:
        db.execute(delete(TALLIES).where(TALLIES.c.dimension == "all"))
    with stage.database.begin() as db:
        told = "nothing, but the trail says 1 proposals and US$ 900000.00"
        assert appraised_share.differences(db) == [
            f"the sum over all, 2010-11, XBTC, mechanism, False is {told}"
        ]
        assert appraised_share.recount(db)
        assert appraised_share.differences(db) == []
        assert not appraised_share.recount(db)


def test_sums_stay_what_they_are_when_they_are_gathered(stage: Stage) -> None:
    casts.approved(stage)
    with stage.database.begin() as db:
        held = tallies.cells(db)
        some = next(iter(held))
        for _ in range(600):
            tallies.add(db, {some: Sum(1, Decimal("0.01"))})
            tallies.add(db, {some: Sum(-1, Decimal("-0.01"))})
        assert tallies.gather(db)
        assert db.execute(select(func.count()).select_from(TALLIES)).scalar_one() == len(held)
        assert not tallies.gather(db)
        assert tallies.cells(db) == held


def test_a_refused_step_leaves_the_sums_alone(stage: Stage) -> None:
    number = casts.awaiting(stage)
    with stage.database.read() as db:
        before = db.execute(select(func.count()).select_from(TALLIES)).scalar_one()
    with pytest.raises(NotAllowed):
        casts.take(stage, "ana", number, "approve")
    with stage.database.read() as db:
        assert db.execute(select(func.count()).select_from(TALLIES)).scalar_one() == before


def test_the_list_behind_a_line_is_what_the_line_counts(stage: Stage) -> None:
    for title, donor in (("One", "Norad"), ("Two", "NORAD"), ("Three", "Nor%d"), ("Four", "Norad Fund")):
        casts.outside(stage, title=title, donor=donor)
    with stage.database.read() as db:
        scope = frozenset({"XBTC", "RBSA"})
        lines = appraised_share.breakdowns(db, "2010-11", scope)["donor"]
        listed = {
            line.value: stored.behind(db, "2010-11", scope, "outside", {"donor": line.value}, 0, 9)
            for line in lines
        }
    assert {donor: [entry.title for entry in found] for donor, found in listed.items()} == {
        "NORAD": ["Two"],
        "Nor%d": ["Three"],
        "Norad": ["One"],
        "Norad Fund": ["Four"],
    }


@pytest.mark.thorough
def test_what_nobody_knows_is_named_beside_every_sum_of_dollars(stage: Stage) -> None:
    casts.approved(stage, budget="1000")
    yen = casts.outside(stage, budget={"amount": "300", "currency": "JPY"})
    text = "symbol,title,fund,amount,opened_on\nRAS/10/01/FIN,No amount,XBTC,,2010-01-30\n"
    import_text(stage, "projects", text)
    desk = stage.people["desk"]
    with stage.database.begin() as db:
        blank = outside_approvals.register_project(db, stage.library, desk, stage.now, "ras/10/01/fin").number
    other = casts.outside(stage, budget={"amount": "300", "currency": "JPY"}, funding="RBTC")
    undated = casts.outside(stage, budget={"amount": "300", "currency": "JPY"}, undated=True)
    then = stage.now
    sealed, _ = appraised_share.publish(stage.database, stage.library, desk, stage.now, "2.1", "2010-11")

    def value(past: Past | None = None) -> dict[str, Any]:
        with stage.database.read() as db:
            return appraised_share.value(db, stage.library, "2.1", "2010-11", past)

    found = value()
    assert (found["unvalued"], found["unvalued_beside"]) == ([yen, blank], sorted([other, undated]))
    assert (found["usd"], found["denominator"]) == ([Decimal("1000.00"), Decimal("1000.00")], 3)
    stage.wait(days=1)
    casts.take(stage, "chief", yen, "propose_annulment", note="A mistake.")
    casts.take(stage, "deputy", yen, "annul")
    assert value()["unvalued"] == [blank]
    assert value(Past(moment=then))["unvalued"] == [yen, blank]
    with stage.database.read() as db:
        assert json.loads(appraised_share.find_published(db, sealed) or "")["unvalued"] == [yen, blank]
        assert list(appraised_share.report_faults(db, stage.library)) == [None]
    # A row of an export has no amount where nobody knows it.
    report = plain(value())
    rows = {cells[1]: cells for cells in csv.reader(StringIO("".join(report_files.write_csv(report))))}
    for number in (blank, other, undated):
        assert rows[number][rows["number"].index("usd")] == ""
    assert Words("en").weighted([yen, blank, "X"]) == f"Weighted by US$, incomplete without {yen} +2"
