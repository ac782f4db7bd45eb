"""Matching: the finance list finds what is here, and names what is not."""

import json
from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import event, text

from appraisal.app.daily import tick
from appraisal.database.as_of import Past
from appraisal.database.engine import Database
from appraisal.errors import NotFound
from appraisal.indicators.rules.appraised_share import Share
from appraisal.indicators.services import appraised_share
from appraisal.lists.services import matching
from appraisal.lists.store import matching as stored
from appraisal.proposals.rules.attempt import ApprovalGiven
from appraisal.trail.store import site
from appraisal.verification.services import database
from appraisal.vocabulary.refusals import NotAllowed
from appraisal.workflow.services import outside_approvals
from tests import casts
from tests.casts import Stage
from tests.lists.files import import_text
from tests.tampering import unguarded

HEADLINE = frozenset({"XBTC", "RBSA"})
HEADING = "symbol,title,countries,fund,amount,currency,opened_on,donor\n"


def _listed(stage: Stage, *lines: str) -> None:
    import_text(stage, "projects", HEADING + "".join(f"{line}\n" for line in lines))


def _symbols(stage: Stage, past: Past | None = None) -> list[str]:
    with stage.database.read() as db:
        return [entry.symbol for entry in stored.unmatched(db, past)]


def _known(stage: Stage, symbol: str, **given: str) -> str:
    number = casts.draft(stage, **given)
    casts.save(stage, number, "identification", symbol=symbol)
    casts.take(stage, "ana", number, "submit")
    return number


def test_a_symbol_matches_in_whichever_spelling(stage: Stage) -> None:
    number = _known(stage, "ras / 13/51m /jpn")
    _listed(
        stage, "RAS/13/51M/JPN,Skills,TH,XBTC,100,USD,2010-01-05,Japan", "RER/09/05/FIN,Youth,AM,XBTC,1,,,"
    )
    assert _symbols(stage) == ["RER/09/05/FIN"]
    with stage.database.read() as db:
        (found,) = stored.matched(db, 10)
    assert (found.number, found.how, found.project.symbol) == (number, "symbol", "RAS/13/51M/JPN")


def test_a_symbol_matches_with_whichever_dash(stage: Stage) -> None:
    number = _known(stage, "RLA\u201110\u201301")
    _listed(stage, "rla-10\u201401,Jobs,PE,XBTC,100,USD,2010-01-05,Japan")
    assert _symbols(stage) == []
    # The same project in another spelling is the same row.
    _listed(stage, "RLA-10-01,Jobs,PE,XBTC,200,USD,2010-01-05,Japan")
    with stage.database.read() as db:
        (found,) = stored.matched(db, 10)
    assert (found.number, found.project.symbol, found.project.amount) == (number, "RLA-10-01", Decimal(200))


def test_what_was_kept_with_another_dash_stays_matched_and_is_one_row(lite: Stage) -> None:
    number = _known(lite, "RLA-10-01")
    _listed(lite, "RLA-10-01,Jobs,PE,XBTC,100,USD,2010-01-05,Japan")
    with unguarded(lite.database) as db:
        # As a site of before has it.
        db.execute(text("UPDATE proposals SET symbol = replace(symbol, '-', '\u2013')"))
        db.execute(text("UPDATE matches SET project = replace(project, '-', '\u2013')"))
        db.execute(text("UPDATE entries SET key = replace(key, '-', '\u2013')"))
        db.execute(text("UPDATE entries SET value = replace(value, 'RLA-10-01', 'RLA\u201310\u201301')"))
    with lite.database.begin() as db:
        assert matching.match_symbols(db, lite.now) == 0
        assert [entry.number for entry in stored.matched(db, 10)] == [number]
    _listed(lite, "RLA-10-01,Jobs,PE,XBTC,200,USD,2010-01-05,Japan")
    with lite.database.read() as db:
        assert stored.count_projects(db) == 1


def test_what_is_submitted_later_is_matched_at_once_or_by_a_tick(stage: Stage) -> None:
    _listed(stage, "RER/09/05/FIN,Youth,AM,XBTC,1,,,")
    number = _known(stage, "RER/09/05/FIN")
    assert _symbols(stage) == []
    with unguarded(stage.database) as db:
        # As a site of before has it.
        db.execute(text("DELETE FROM matches"))
    assert _symbols(stage) == ["RER/09/05/FIN"]
    tick(stage.database, stage.library, stage.now)
    with stage.database.read() as db:
        assert [entry.number for entry in stored.matched(db, 10)] == [number]


def test_a_symbol_of_two_proposals_and_one_of_a_draft_decide_nothing(stage: Stage) -> None:
    for _ in range(2):
        _known(stage, "RER/09/05/FIN")
    draft = casts.draft(stage)
    casts.save(stage, draft, "identification", symbol="RAS/13/51M/JPN")
    _listed(stage, "RER/09/05/FIN,Youth,AM,XBTC,1,,,", "RAS/13/51M/JPN,Skills,TH,XBTC,1,,,")
    assert _symbols(stage) == ["RAS/13/51M/JPN", "RER/09/05/FIN"]


def test_a_person_confirms_what_title_and_country_suggest(stage: Stage) -> None:
    number = _known(stage, "", title="Labour inspection in the mines")
    other = casts.submitted(stage, title="Something else")
    _listed(stage, "ZAM/10/01/NOR,Labour inspection in mines,ZM,XBTC,1,,2010-01-20,")
    key = "zam/10/01/nor"
    with stage.database.begin() as db:
        project = stored.find_project(db, key)
        assert project is not None
        assert [entry.number for entry in matching.suggestions(db, [project])[key]] == [number]
        with pytest.raises(NotAllowed):
            matching.confirm(db, stage.people["chief"], stage.now, key, number)
        with pytest.raises(NotFound):
            matching.confirm(db, stage.people["desk"], stage.now, key, "TC-2010-9999")
        matching.confirm(db, stage.people["desk"], stage.now, key, number)
        # Said twice it is said once; that it is another one is refused.
        matching.confirm(db, stage.people["all"], stage.now, key, number)
        with pytest.raises(NotAllowed) as caught:
            matching.confirm(db, stage.people["desk"], stage.now, key, other)
    assert [entry.code for entry in caught.value.refusals] == ["project_matched"]
    assert _symbols(stage) == []
    with stage.database.read() as db:
        told = [entry.facts for entry in site.chain(db) if entry.facts["action"] == "match_project"]
    basis = {
        "listed": "yes",
        "amount": "1",
        "currency": "USD",
        "fund": "XBTC",
        "opened_on": "2010-01-20",
        "symbol": "",
        "approval": 0,
        "reason": "",
    }
    assert [entry["facts"] for entry in told] == [
        {"match": 1, "project": "ZAM/10/01/NOR", "how": "confirmed", "proposal": number, "basis": basis}
    ]


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        (
            "UPDATE matches SET project = 'rer/09/05/fin' WHERE id = 2",
            "match 2: its column project is not what the site's chain tells",
        ),
        (
            "UPDATE matches SET proposal_id = (SELECT min(id) FROM proposals) WHERE id = 2",
            "match 2: its column proposal_id is not what the site's chain tells",
        ),
        (
            "UPDATE matches SET how = 'symbol', \"by\" = 0 WHERE id = 2",
            "match 2: its column how is not what the site's chain tells",
        ),
        (
            "UPDATE matches SET basis = '' WHERE id = 2",
            "match 2: its column basis is not what the site's chain tells",
        ),
        (
            "UPDATE matches SET id = 9 WHERE id = 2",
            "match 9: is not told of by the site's chain",
        ),
        ("DELETE FROM matches WHERE id = 2", "match 2: is missing, though the site's chain tells of it"),
        (
            "INSERT INTO matches SELECT 9, project, NULL, 'undone', at, \"by\", '' FROM matches WHERE id = 2",
            "match 9: is not told of by the site's chain",
        ),
        (
            "INSERT INTO matches SELECT 9, project, proposal_id, 'symbol', at, 0, '' FROM matches WHERE id = 2",
            "match 9: is not told of by the site's chain",
        ),
        (
            "UPDATE matches SET proposal_id = (SELECT max(id) FROM proposals) WHERE id = 1",
            "match 1: its proposal never bore the symbol of the project",
        ),
        (
            "INSERT INTO matches SELECT 9, 'lao/1', proposal_id, 'symbol', at, 0, '' FROM matches WHERE id = 2",
            "match 9: its proposal never bore the symbol of the project",
        ),
    ],
)
def test_matches_that_were_bent_behind_the_product_are_noticed(
    stage: Stage, statement: str, told: str
) -> None:
    _known(stage, "RER/09/05/FIN")
    number = _known(stage, "")
    _listed(stage, "RER/09/05/FIN,Youth,AM,XBTC,1,,,", "ZAM/10/01/NOR,Mines,ZM,XBTC,100,,2010-01-20,")
    with stage.database.begin() as db:
        matching.confirm(db, stage.people["desk"], stage.now, "zam/10/01/nor", number)
    report = database.verify(stage.database, stage.library, None)
    assert (report.breaks, report.checked["matches"]) == ([], 2)
    with unguarded(stage.database) as db:
        db.execute(text(statement))
    first = database.verify(stage.database, stage.library, None).breaks[0]
    assert str(first) == told


def test_a_match_by_a_symbol_that_was_corrected_since_is_no_forgery(stage: Stage) -> None:
    number = casts.revision(stage, symbol="RER/09/05/FIN")
    _listed(stage, "RER/09/05/FIN,Youth,AM,XBTC,1,,,")
    casts.save(stage, number, "identification", symbol="RER/09/06/FIN")
    casts.resubmit(stage, number)
    # As earlier versions of the product left it, which followed no correction.
    with unguarded(stage.database) as db:
        db.execute(text("DELETE FROM matches WHERE id > 1"))
    breaks = database.verify(stage.database, stage.library, None).breaks
    assert [entry.place for entry in breaks] == ["match 2"]


def test_what_people_do_with_a_project_stands_in_the_trail_in_its_order(stage: Stage) -> None:
    number = _known(stage, "RER/09/05/FIN")
    _listed(stage, "RER/09/05/FIN,Youth,AM,XBTC,1,,,", "ZAM/10/01/NOR,Mines,ZM,XBTC,100,,2010-01-20,")
    with stage.database.begin() as db:
        matching.undo(db, stage.people["desk"], stage.now, "rer/09/05/fin")
        matching.confirm(db, stage.people["desk"], stage.now, "rer/09/05/fin", number)
        outside_approvals.register_project(
            db, stage.library, stage.people["desk"], stage.now, "zam/10/01/nor"
        )
    report = database.verify(stage.database, stage.library, None)
    assert (report.breaks, report.checked["matches"]) == ([], 5)


def test_what_was_undone_is_not_matched_again_by_itself(stage: Stage) -> None:
    _known(stage, "RER/09/05/FIN")
    _listed(stage, "RER/09/05/FIN,Youth,AM,XBTC,1,,,")
    before = stage.now
    stage.wait(days=1)
    with stage.database.begin() as db:
        matching.undo(db, stage.people["desk"], stage.now, "rer/09/05/fin")
        events = len(site.chain(db))
        # A second click on it is answered as done.
        matching.undo(db, stage.people["desk"], stage.now, "rer/09/05/fin")
        assert len(site.chain(db)) == events
        assert matching.match_symbols(db, stage.now) == 0
    assert _symbols(stage) == ["RER/09/05/FIN"]
    assert _symbols(stage, Past(moment=before)) == []


def test_a_project_that_never_came_here_counts_in_the_denominator(stage: Stage) -> None:
    casts.approved(stage)
    _listed(
        stage,
        "ZAM/10/01/NOR,Bypass,ZM,RBSA,1000,USD,2010-01-20,Norway",
        "ZAM/10/02/NOR,No fund,ZM,,1000,USD,2010-01-20,Norway",
        "ZAM/10/03/NOR,No day,ZM,XBTC,1000,USD,,Norway",
        "ZAM/08/03/NOR,Before,ZM,XBTC,1000,USD,2009-05-05,Norway",
    )

    def value() -> dict[str, object]:
        with stage.database.read() as db:
            return appraised_share.value(db, stage.library, "2.1", "2010-11")

    assert value()["finance_list"] == {
        "missing": 3,
        "symbols": ["ZAM/10/01/NOR", "ZAM/10/02/NOR", "ZAM/10/03/NOR"],
        "unapproved": [],
        "changed": [],
    }
    desk = stage.people["desk"]
    with stage.database.begin() as db:
        case = outside_approvals.register_project(db, stage.library, desk, stage.now, "zam/10/01/nor")
        outside_approvals.register_project(db, stage.library, desk, stage.now, "zam/10/03/nor")
    with pytest.raises(NotAllowed) as caught, stage.database.begin() as db:
        outside_approvals.register_project(db, stage.library, desk, stage.now, "zam/10/02/nor")
    assert [entry.code for entry in caught.value.refusals] == ["fund_unknown"]
    assert case.approval is not None
    assert case.approval.approved_at is not None
    assert case.approval.approved_at.date() == date(2010, 1, 20)
    found = value()
    assert (found["numerator"], found["denominator"], found["complete"]) == (1, 2, False)
    assert found["finance_list"] == {
        "missing": 1,
        "symbols": ["ZAM/10/02/NOR"],
        "unapproved": [],
        "changed": [],
    }
    with stage.database.read() as db:
        assert appraised_share.differences(db) == []
        shares = appraised_share.figures(db, stage.library, "2010-11", stage.now.date())["2010-11"]
    assert shares.rbsa == Share(0, 1)


def test_a_published_report_keeps_what_was_missing_then(stage: Stage) -> None:
    _listed(stage, "ZAM/10/01/NOR,Bypass,ZM,RBSA,1000,USD,2010-01-20,Norway")
    appraised_share.publish(stage.database, stage.library, stage.people["desk"], stage.now, "2.1", "2010-11")
    with stage.database.begin() as db:
        outside_approvals.register_project(
            db, stage.library, stage.people["desk"], stage.now, "zam/10/01/nor"
        )
    _listed(stage, "ZAM/10/09/NOR,Another,ZM,RBSA,1000,USD,2010-01-20,Norway")
    with stage.database.read() as db:
        (report,) = appraised_share.published(db, "2.1", "2010-11")
        kept = json.loads(report[2])
        assert (
            appraised_share.recomputed(db, stage.library, report[0])["finance_list"] == kept["finance_list"]
        )
    assert kept["finance_list"] == {
        "missing": 1,
        "symbols": ["ZAM/10/01/NOR"],
        "unapproved": [],
        "changed": [],
    }


def _annul(stage: Stage, number: str) -> None:
    casts.take(stage, "chief", number, "propose_annulment", note="A mistake.")
    casts.take(stage, "deputy", number, "annul")


@pytest.mark.thorough
def test_projects_opened_without_an_approval_are_named_in_every_state_now_and_then(stage: Stage) -> None:
    symbols = [f"ZAM/10/0{place}/NOR" for place in range(1, 8)]
    casts.submitted(stage, symbol=symbols[0])
    withdrawn = casts.submitted(stage, symbol=symbols[1])
    casts.take(stage, "ana", withdrawn, "withdraw", note="No more.")
    rejected = casts.awaiting(stage, symbol=symbols[2])
    annulled = casts.approved(stage, symbol=symbols[3])
    outside = casts.outside(stage, symbol=symbols[4])
    casts.approved(stage, symbol=symbols[5])
    casts.submitted(stage, symbol=symbols[6])
    lines = [f"{symbol},Bypass,ZM,XBTC,1000,USD,2010-01-20,Norway" for symbol in symbols[:6]]
    # What no biennium in question has to count is no bypass in it.
    _listed(stage, *lines, f"{symbols[6]},Before,ZM,XBTC,1000,USD,2009-01-20,Norway")

    def report(past: Past | None = None) -> tuple[bool, dict[str, str]]:
        with stage.database.read() as db:
            value = appraised_share.value(db, stage.library, "2.1", "2010-11", past)
        listed = value["finance_list"]
        assert listed["missing"] == 0
        titles = stage.library.newest_workflow().states
        for entry in listed["unapproved"]:
            assert entry["title"] == "Bypass"
            assert entry["state_title"] == titles[entry["state"]].title.model_dump()
        return value["complete"], {entry["symbol"]: entry["state"] for entry in listed["unapproved"]}

    first = {symbols[0]: "submitted", symbols[1]: "withdrawn", symbols[2]: "awaiting_decision"}
    assert report() == (False, first)
    then = stage.now
    sealed, _ = appraised_share.publish(
        stage.database, stage.library, stage.people["desk"], stage.now, "2.1", "2010-11"
    )
    stage.wait(days=1)
    casts.take(stage, "chief", rejected, "reject", note="No.")
    _annul(stage, annulled)
    _annul(stage, outside)
    given = {symbols[2]: "rejected", symbols[3]: "annulled", symbols[4]: "annulled"}
    assert report() == report(Past(moment=stage.now)) == (False, first | given)
    assert report(Past(moment=then)) == (False, first)
    with stage.database.read() as db:
        again = appraised_share.recomputed(db, stage.library, sealed)["finance_list"]["unapproved"]
        assert [entry["symbol"] for entry in again] == symbols[:3]
        assert list(appraised_share.report_faults(db, stage.library)) == [None]


def test_a_list_of_approved_projects_leaves_the_report_whole(lite: Stage) -> None:
    casts.approved(lite, symbol="ZAM/10/01/NOR")
    number = casts.submitted(lite, symbol="ZAM/10/02/NOR")
    _listed(
        lite,
        "ZAM/10/01/NOR,Here,ZM,XBTC,1000,USD,2010-01-20,Norway",
        "ZAM/10/02/NOR,Later,ZM,XBTC,1000,USD,2010-01-20,Norway",
    )
    with lite.database.read() as db:
        assert [entry.number for entry in stored.unapproved(db, HEADLINE)] == [number]
    given = ApprovalGiven("Minute 12", "Registry", lite.now)
    casts.take(lite, "desk", number, "register_approval", approval=given)
    with lite.database.read() as db:
        value = appraised_share.value(db, lite.library, "2.1", "2010-11")
    assert (value["finance_list"]["unapproved"], value["complete"]) == ([], True)


def test_an_earlier_report_is_not_compared_in_what_was_reckoned_otherwise(lite: Stage) -> None:
    casts.approved(lite)
    appraised_share.publish(lite.database, lite.library, lite.people["desk"], lite.now, "2.1", "2010-11")

    def faults(**changed: object) -> list[str | None]:
        with unguarded(lite.database) as db:
            (kept,) = appraised_share.published(db, "2.1", "2010-11")
            value = json.dumps(json.loads(kept[2]) | changed)
            db.execute(text("UPDATE indicator_reports SET value = :value"), {"value": value})
        with lite.database.read() as db:
            return list(appraised_share.report_faults(db, lite.library))

    earlier = {"missing": 0, "symbols": []}
    assert faults(finance_list=earlier, approved_of_appraised=[1, 2]) == [None]
    (fault,) = faults(numerator=7)
    assert fault is not None
    assert fault.endswith("computed again, numerator would be otherwise")
    (fault,) = faults(numerator=1, finance_list=earlier | {"unapproved": []})
    assert fault is not None
    assert fault.endswith("computed again, approved_of_appraised would be otherwise")
    named = {"approved_of_appraised": [1, 1], "finance_list": earlier | {"unapproved": []}}
    assert faults(**named, unvalued=["TC-2009-0001"]) == [None]
    (fault,) = faults(
        approved_of_appraised=[1, 1], finance_list=earlier | {"unapproved": [], "changed": []}, unvalued=[]
    )
    assert fault is None


def test_a_report_has_all_of_what_is_registered_before_its_lock_or_nothing(stage: Stage) -> None:
    _listed(stage, "ZAM/10/01/NOR,Skills,ZM,XBTC,100,USD,2010-01-05,Norway")
    desk, other = stage.people["desk"], Database(stage.database.url)
    written: list[str] = []

    def register(connection: object, cursor: object, statement: str, *rest: object) -> None:
        # The last moment at which somebody else may still write.
        if not written and ("pg_advisory_xact_lock" in statement or statement == "BEGIN IMMEDIATE"):
            with other.begin() as db:
                case = outside_approvals.register_project(db, stage.library, desk, stage.now, "zam/10/01/nor")
            written.append(case.number)

    event.listen(stage.database.engine, "before_cursor_execute", register)
    try:
        sealed, _ = appraised_share.publish(stage.database, stage.library, desk, stage.now, "2.1", "2010-11")
    finally:
        event.remove(stage.database.engine, "before_cursor_execute", register)
        other.close()
    with stage.database.read() as db:
        value = json.loads(appraised_share.find_published(db, sealed) or "")
        assert list(appraised_share.report_faults(db, stage.library)) == [None]
    assert value["finance_list"] == {"missing": 0, "symbols": [], "unapproved": [], "changed": []}
    assert [entry["number"] for entry in value["proposals"]["outside"]] == written
    assert len(written) == 1


def test_a_draft_whose_registration_is_corrected_leaves_the_report_readable(lite: Stage) -> None:
    number = casts.draft(lite, content={"identification": {"symbol": "ZAM/10/01/NOR"}})
    approval = ApprovalGiven("Minute 12", "Registry", lite.now)
    casts.take(lite, "desk", number, "register_approval", approval=approval)
    _listed(lite, "ZAM/10/01/NOR,Skills,ZM,XBTC,100,USD,2010-01-05,Norway")
    casts.take(lite, "desk", number, "correct_registration", note="A slip.")
    with lite.database.read() as db:
        value = appraised_share.value(db, lite.library, "2.1", "2010-11")
    # No project is a draft: it is missing here again.
    listed = {"missing": 1, "symbols": ["ZAM/10/01/NOR"], "unapproved": [], "changed": []}
    assert value["finance_list"] == listed
