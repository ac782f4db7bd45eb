"""Matches: the finance list finds what is here, and names what is not."""

import json
from datetime import date

import pytest
from sqlalchemy import event, text

from appraisal.domain.indicators import Share
from appraisal.domain.refusals import NotAllowed
from appraisal.errors import NotFound
from appraisal.services import approvals, indicators, matches, ticks, trails
from appraisal.storage import matches as stored
from appraisal.storage import site
from appraisal.storage.databases import Database
from appraisal.storage.pasts import Past
from tests import casts
from tests.casts import Stage
from tests.lists import import_text
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


def test_what_is_submitted_later_is_matched_by_a_tick(stage: Stage) -> None:
    _listed(stage, "RER/09/05/FIN,Youth,AM,XBTC,1,,,")
    _known(stage, "RER/09/05/FIN")
    assert _symbols(stage) == ["RER/09/05/FIN"]
    ticks.tick(stage.database, stage.library, stage.now)
    assert _symbols(stage) == []


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
        assert [entry.number for entry in matches.suggestions(db, [project])[key]] == [number]
        with pytest.raises(NotAllowed):
            matches.confirm(db, stage.people["chief"], stage.now, key, number)
        with pytest.raises(NotFound):
            matches.confirm(db, stage.people["desk"], stage.now, key, "TC-2010-9999")
        matches.confirm(db, stage.people["desk"], stage.now, key, number)
        # Said twice it is said once; that it is another one is refused.
        matches.confirm(db, stage.people["all"], stage.now, key, number)
        with pytest.raises(NotAllowed) as caught:
            matches.confirm(db, stage.people["desk"], stage.now, key, other)
    assert [entry.code for entry in caught.value.refusals] == ["project_matched"]
    assert _symbols(stage) == []
    with stage.database.read() as db:
        told = [entry.facts for entry in site.chain(db) if entry.facts["action"] == "match_project"]
    assert [entry["facts"] for entry in told] == [
        {"match": 1, "project": "ZAM/10/01/NOR", "how": "confirmed", "proposal": number}
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
            "UPDATE matches SET id = 9 WHERE id = 2",
            "match 9: is not told of by the site's chain",
        ),
        ("DELETE FROM matches WHERE id = 2", "match 2: is missing, though the site's chain tells of it"),
        (
            "INSERT INTO matches SELECT 9, project, NULL, 'undone', at, \"by\" FROM matches WHERE id = 2",
            "match 9: is not told of by the site's chain",
        ),
        (
            "INSERT INTO matches SELECT 9, project, proposal_id, 'symbol', at, 0 FROM matches WHERE id = 2",
            "match 9: is not told of by the site's chain",
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
        matches.confirm(db, stage.people["desk"], stage.now, "zam/10/01/nor", number)
    report = trails.verify(stage.database, stage.library, None)
    assert (report.breaks, report.checked["matches"]) == ([], 2)
    with unguarded(stage.database) as db:
        db.execute(text(statement))
    first = trails.verify(stage.database, stage.library, None).breaks[0]
    assert str(first) == told


def test_what_people_do_with_a_project_stands_in_the_trail_in_its_order(stage: Stage) -> None:
    number = _known(stage, "RER/09/05/FIN")
    _listed(stage, "RER/09/05/FIN,Youth,AM,XBTC,1,,,", "ZAM/10/01/NOR,Mines,ZM,XBTC,100,,2010-01-20,")
    with stage.database.begin() as db:
        matches.undo(db, stage.people["desk"], stage.now, "rer/09/05/fin")
        matches.confirm(db, stage.people["desk"], stage.now, "rer/09/05/fin", number)
        approvals.register_project(db, stage.library, stage.people["desk"], stage.now, "zam/10/01/nor")
    report = trails.verify(stage.database, stage.library, None)
    assert (report.breaks, report.checked["matches"]) == ([], 4)


def test_what_was_undone_is_not_matched_again_by_itself(stage: Stage) -> None:
    _known(stage, "RER/09/05/FIN")
    _listed(stage, "RER/09/05/FIN,Youth,AM,XBTC,1,,,")
    before = stage.now
    stage.wait(days=1)
    with stage.database.begin() as db:
        matches.undo(db, stage.people["desk"], stage.now, "rer/09/05/fin")
        events = len(site.chain(db))
        # A second click on it is answered as done.
        matches.undo(db, stage.people["desk"], stage.now, "rer/09/05/fin")
        assert len(site.chain(db)) == events
        assert matches.match_symbols(db, stage.now) == 0
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
            return indicators.value(db, stage.library, "2.1", "2010-11")

    assert value()["finance_list"] == {
        "missing": 3,
        "symbols": ["ZAM/10/01/NOR", "ZAM/10/02/NOR", "ZAM/10/03/NOR"],
    }
    desk = stage.people["desk"]
    with stage.database.begin() as db:
        case = approvals.register_project(db, stage.library, desk, stage.now, "zam/10/01/nor")
        approvals.register_project(db, stage.library, desk, stage.now, "zam/10/03/nor")
    with pytest.raises(NotAllowed) as caught, stage.database.begin() as db:
        approvals.register_project(db, stage.library, desk, stage.now, "zam/10/02/nor")
    assert [entry.code for entry in caught.value.refusals] == ["fund_unknown"]
    assert case.approval is not None
    assert case.approval.approved_at is not None
    assert case.approval.approved_at.date() == date(2010, 1, 20)
    found = value()
    assert (found["numerator"], found["denominator"], found["complete"]) == (1, 2, False)
    assert found["finance_list"] == {"missing": 1, "symbols": ["ZAM/10/02/NOR"]}
    with stage.database.read() as db:
        assert indicators.differences(db) == []
        shares = indicators.figures(db, stage.library, "2010-11", stage.now.date())["2010-11"]
    assert shares.rbsa == Share(0, 1)


def test_a_published_report_keeps_what_was_missing_then(stage: Stage) -> None:
    _listed(stage, "ZAM/10/01/NOR,Bypass,ZM,RBSA,1000,USD,2010-01-20,Norway")
    indicators.publish(stage.database, stage.library, stage.people["desk"], stage.now, "2.1", "2010-11")
    with stage.database.begin() as db:
        approvals.register_project(db, stage.library, stage.people["desk"], stage.now, "zam/10/01/nor")
    _listed(stage, "ZAM/10/09/NOR,Another,ZM,RBSA,1000,USD,2010-01-20,Norway")
    with stage.database.read() as db:
        (report,) = indicators.published(db, "2.1", "2010-11")
        kept = json.loads(report[2])
        assert indicators.recomputed(db, stage.library, report[0])["finance_list"] == kept["finance_list"]
    assert kept["finance_list"] == {"missing": 1, "symbols": ["ZAM/10/01/NOR"]}


def test_a_report_has_all_of_what_is_registered_before_its_lock_or_nothing(stage: Stage) -> None:
    _listed(stage, "ZAM/10/01/NOR,Skills,ZM,XBTC,100,USD,2010-01-05,Norway")
    desk, other = stage.people["desk"], Database(stage.database.url)
    written: list[str] = []

    def register(connection: object, cursor: object, statement: str, *rest: object) -> None:
        # The last moment at which somebody else may still write.
        if not written and ("pg_advisory_xact_lock" in statement or statement == "BEGIN IMMEDIATE"):
            with other.begin() as db:
                case = approvals.register_project(db, stage.library, desk, stage.now, "zam/10/01/nor")
            written.append(case.number)

    event.listen(stage.database.engine, "before_cursor_execute", register)
    try:
        sealed, _ = indicators.publish(stage.database, stage.library, desk, stage.now, "2.1", "2010-11")
    finally:
        event.remove(stage.database.engine, "before_cursor_execute", register)
        other.close()
    with stage.database.read() as db:
        value = json.loads(indicators.find_published(db, sealed) or "")
        assert list(indicators.report_faults(db, stage.library)) == [None]
    assert value["finance_list"] == {"missing": 0, "symbols": []}
    assert [entry["number"] for entry in value["proposals"]["outside"]] == written
    assert len(written) == 1
