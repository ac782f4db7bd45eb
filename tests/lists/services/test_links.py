"""Links of the finance list: what was matched or registered follows the list, the symbol and the approval."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from appraisal.app.daily import tick
from appraisal.database.as_of import Past
from appraisal.errors import NotFound, StepConflict
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

HEADING = "symbol,title,fund,amount,currency,opened_on\n"
FIRST, SECOND, THIRD = "RAS/10/01/FIN", "RAS/10/02/FIN", "RAS/10/03/FIN"


def _listed(stage: Stage, *lines: str, whole: bool = False) -> None:
    import_text(stage, "projects", HEADING + "".join(f"{line}\n" for line in lines), whole=whole)


def _row(symbol: str, amount: str = "100", *, fund: str = "XBTC", day: str = "2010-01-30") -> str:
    return f"{symbol},Skills,{fund},{amount},USD,{day}"


def _confirm(stage: Stage, symbol: str, number: str, reason: str = "") -> None:
    with stage.database.begin() as db:
        matching.confirm(db, stage.people["desk"], stage.now, symbol.casefold(), number, reason)


def _register(stage: Stage, symbol: str) -> str:
    with stage.database.begin() as db:
        case = outside_approvals.register_project(
            db, stage.library, stage.people["desk"], stage.now, symbol.casefold()
        )
    return case.number


def _undo(stage: Stage, symbol: str) -> None:
    with stage.database.begin() as db:
        matching.undo(db, stage.people["desk"], stage.now, symbol.casefold())


def _look(stage: Stage, symbol: str, reason: str = "") -> None:
    """Look again at a link as it stands now, and say that it holds."""
    with stage.database.begin() as db:
        (found,) = (entry for entry in matching.changed_links(db) if entry.link.key == symbol.casefold())
        matching.look_again(db, stage.people["desk"], stage.now, found.link.key, found.link.seal, reason)


def _value(stage: Stage, past: Past | None = None) -> dict[str, Any]:
    with stage.database.read() as db:
        return appraised_share.value(db, stage.library, "2.1", "2010-11", past)


def _changed(stage: Stage, past: Past | None = None) -> dict[str, list[tuple[str, str, str]]]:
    """Return what differs under each link that somebody has to look at; the report is incomplete for it."""
    value = _value(stage, past)
    listed = value["finance_list"]
    assert not (listed["changed"] and value["complete"])
    return {
        entry["symbol"]: [(each["name"], each["was"], each["is"]) for each in entry["differences"]]
        for entry in listed["changed"]
    }


def _missing(stage: Stage, past: Past | None = None) -> list[str]:
    found: list[str] = _value(stage, past)["finance_list"]["symbols"]
    return found


def _correct_symbol(stage: Stage, number: str, symbol: str) -> None:
    casts.take(stage, "desk", number, "return_incomplete", missing="The symbol is wrong.")
    casts.save(stage, number, "identification", symbol=symbol)
    casts.take(stage, "ana", number, "submit")


def _annul(stage: Stage, number: str) -> None:
    casts.take(stage, "chief", number, "propose_annulment", note="A mistake.")
    casts.take(stage, "deputy", number, "annul")


def _sound(stage: Stage) -> None:
    """Assert that the chains tell of every link, and that every report is computed again as it was."""
    assert database.verify(stage.database, stage.library, None).breaks == []
    with stage.database.read() as db:
        assert set(appraised_share.report_faults(db, stage.library)) <= {None}
        assert appraised_share.differences(db) == []


def _publish(stage: Stage) -> str:
    desk = stage.people["desk"]
    return appraised_share.publish(stage.database, stage.library, desk, stage.now, "2.1", "2010-11")[0]


@pytest.mark.thorough
def test_a_link_by_symbol_goes_with_the_symbol(stage: Stage) -> None:
    number = casts.submitted(stage, symbol=FIRST)
    _listed(stage, _row(FIRST), _row(SECOND))
    assert _missing(stage) == [SECOND]
    before = stage.now
    _publish(stage)
    stage.wait(days=1)
    _correct_symbol(stage, number, "ras/10/02 /fin")
    # Neither a tick nor an import is needed for it.
    assert _missing(stage) == [FIRST]
    assert _missing(stage, Past(moment=before)) == [SECOND]
    _correct_symbol(stage, number, "RAS/10/09/FIN")
    assert _missing(stage) == [FIRST, SECOND]
    _correct_symbol(stage, number, FIRST)
    assert _missing(stage) == [SECOND]
    _publish(stage)
    _sound(stage)


@pytest.mark.thorough
def test_a_symbol_that_a_second_proposal_bears_decides_nothing_any_more(stage: Stage) -> None:
    casts.submitted(stage, symbol=FIRST)
    _listed(stage, _row(FIRST))
    assert _missing(stage) == []
    other = casts.submitted(stage, symbol=FIRST)
    assert _missing(stage) == [FIRST]
    _correct_symbol(stage, other, SECOND)
    assert _missing(stage) == []
    _sound(stage)


def test_a_registration_that_is_corrected_takes_the_link_by_its_symbol_along(stage: Stage) -> None:
    number = casts.draft(stage, symbol=FIRST)
    _listed(stage, _row(FIRST))
    given = ApprovalGiven("Minute 9", "Registry", stage.now)
    casts.take(stage, "desk", number, "register_approval", approval=given)
    assert _missing(stage) == []
    casts.take(stage, "desk", number, "correct_registration", note="Another one.")
    assert _missing(stage) == [FIRST]
    _sound(stage)
    # The decision sheet keeps the symbol that the draft bore.
    casts.save(stage, number, "identification", symbol=SECOND)
    _sound(stage)


def test_what_a_person_took_for_a_draft_again_is_open(stage: Stage) -> None:
    number = casts.draft(stage)
    _listed(stage, _row(FIRST))
    given = ApprovalGiven("Minute 9", "Registry", stage.now)
    casts.take(stage, "desk", number, "register_approval", approval=given)
    _confirm(stage, FIRST, number)
    casts.take(stage, "desk", number, "propose_correction", note="Another one.")
    casts.take(stage, "all", number, "confirm_correction")
    assert _missing(stage) == [FIRST]
    _sound(stage)


def test_what_a_person_undid_stays_undone_whatever_the_symbols_say(lite: Stage) -> None:
    number = casts.submitted(lite, symbol=FIRST)
    _listed(lite, _row(FIRST))
    _undo(lite, FIRST)
    _correct_symbol(lite, number, SECOND)
    _correct_symbol(lite, number, FIRST)
    tick(lite.database, lite.library, lite.now)
    assert _missing(lite) == [FIRST]


@pytest.mark.parametrize("way", ["confirmed", "registered"])
def test_a_row_that_is_corrected_shows_a_persons_link_again(stage: Stage, way: str) -> None:
    _listed(stage, _row(FIRST))
    if way == "confirmed":
        _confirm(stage, FIRST, casts.approved(stage))
    else:
        _register(stage, FIRST)
    assert _changed(stage) == {}
    assert _value(stage)["complete"]
    _publish(stage)
    then = stage.now
    stage.wait(days=1)
    _listed(stage, _row(FIRST, "300", fund="RBSA", day="2010-01-31"))
    differing = [
        ("amount", "100", "300"),
        ("fund", "XBTC", "RBSA"),
        ("opened_on", "2010-01-30", "2010-01-31"),
    ]
    assert _changed(stage) == {FIRST: differing}
    assert _changed(stage, Past(moment=then)) == {}
    sealed = _publish(stage)
    with stage.database.read() as db:
        value = json.loads(appraised_share.find_published(db, sealed) or "")
        assert appraised_share.recomputed(db, stage.library, sealed)["finance_list"] == value["finance_list"]
    assert [entry["symbol"] for entry in value["finance_list"]["changed"]] == [FIRST]
    shown = stage.now
    stage.wait(days=1)
    _look(stage, FIRST)
    assert _changed(stage) == {}
    assert _value(stage)["complete"]
    assert _changed(stage, Past(moment=shown)) == {FIRST: differing}
    with stage.database.read() as db:
        told = [entry for entry in site.chain(db) if entry.facts["action"] == "match_project"][-1]
    assert told.facts["by"] == stage.people["desk"].id
    assert told.facts["facts"]["basis"]["amount"] == "300"
    # What it was looked at with is kept, so a further change shows it again, and the way back is none.
    _listed(stage, _row(FIRST, "400", fund="RBSA", day="2010-01-31"))
    assert _changed(stage) == {FIRST: [("amount", "300", "400")]}
    _listed(stage, _row(FIRST, "300", fund="RBSA", day="2010-01-31"))
    assert _changed(stage) == {}
    _publish(stage)
    _sound(stage)


def test_a_title_that_is_written_otherwise_shows_nothing_again(lite: Stage) -> None:
    _listed(lite, _row(FIRST))
    _register(lite, FIRST)
    _listed(lite, _row(FIRST).replace("Skills", "Skills for all"))
    assert _changed(lite) == {}


def test_a_row_that_is_no_more_shows_a_persons_link_again(stage: Stage) -> None:
    _listed(stage, _row(FIRST))
    number = _register(stage, FIRST)
    _listed(stage, _row(SECOND), whole=True)
    assert _changed(stage) == {FIRST: [("listed", "yes", "no")]}
    _look(stage, FIRST)
    assert _changed(stage) == {}
    assert _value(stage)["denominator"] == 1
    # The row comes back, and somebody has to look again.
    _listed(stage, _row(FIRST))
    assert _changed(stage) == {FIRST: [("listed", "no", "yes")]}
    # Without an approval and without a row there is nothing left to look at.
    _annul(stage, number)
    _listed(stage, _row(SECOND), whole=True)
    assert _changed(stage) == {}
    _sound(stage)


def test_a_symbol_corrected_in_the_proposal_shows_a_persons_link_again(stage: Stage) -> None:
    number = casts.submitted(stage, symbol=SECOND)
    _listed(stage, _row(FIRST))
    _confirm(stage, FIRST, number)
    then = stage.now
    stage.wait(days=1)
    _correct_symbol(stage, number, THIRD)
    assert _changed(stage) == {FIRST: [("symbol", SECOND, THIRD)]}
    assert _changed(stage, Past(moment=then)) == {}
    sealed = _publish(stage)
    shown = stage.now
    stage.wait(days=1)
    # The symbol of the project itself agrees with the link.
    _correct_symbol(stage, number, FIRST)
    assert _changed(stage) == {}
    assert _changed(stage, Past(moment=shown)) == {FIRST: [("symbol", SECOND, THIRD)]}
    with stage.database.read() as db:
        assert appraised_share.recomputed(db, stage.library, sealed)["finance_list"]["changed"]
    _sound(stage)


def test_an_annulled_approval_shows_a_persons_link_again(stage: Stage) -> None:
    number = casts.approved(stage)
    _listed(stage, _row(FIRST))
    _confirm(stage, FIRST, number)
    then = stage.now
    stage.wait(days=1)
    _annul(stage, number)
    assert _changed(stage) == {FIRST: [("approval", "yes", "no")]}
    assert [entry["number"] for entry in _value(stage)["finance_list"]["unapproved"]] == [number]
    assert _changed(stage, Past(moment=then)) == {}
    # Approved again otherwise, it is another approval than the one that was looked at.
    given = ApprovalGiven("Minute 9", "Registry", stage.now)
    casts.take(stage, "desk", number, "register_approval", approval=given)
    assert _changed(stage) == {FIRST: [("approval", "yes", "other")]}
    _look(stage, FIRST)
    assert _changed(stage) == {}
    _sound(stage)


def test_an_approval_that_comes_later_changes_nothing_under_a_link(lite: Stage) -> None:
    number = casts.awaiting(lite)
    _listed(lite, _row(FIRST))
    _confirm(lite, FIRST, number)
    casts.take(lite, "chief", number, "approve")
    assert _changed(lite) == {}


def test_only_the_biennia_and_funds_that_a_link_touched_or_touches_are_incomplete(lite: Stage) -> None:
    _listed(lite, _row(FIRST, day="2009-01-30"), _row(SECOND, fund="RBTC"))
    for symbol in (FIRST, SECOND):
        _register(lite, symbol)
    _listed(lite, _row(FIRST, "200", day="2009-01-30"), _row(SECOND, "200", fund="RBTC"))
    assert _changed(lite) == {}
    _listed(lite, _row(FIRST, "200", day="2010-01-05"), _row(SECOND, "200", fund="XBTC"))
    assert set(_changed(lite)) == {FIRST, SECOND}
    with lite.database.read() as db:
        earlier = appraised_share.value(db, lite.library, "2.1", "2008-09")
    assert [entry["symbol"] for entry in earlier["finance_list"]["changed"]] == [FIRST]


def test_what_is_looked_at_is_what_stands(stage: Stage) -> None:
    _listed(stage, _row(FIRST))
    _register(stage, FIRST)
    _listed(stage, _row(FIRST, "200"))
    with stage.database.read() as db:
        (seen,) = matching.changed_links(db)
    _listed(stage, _row(FIRST, "300"))
    desk, key = stage.people["desk"], seen.link.key
    with pytest.raises(StepConflict), stage.database.begin() as db:
        matching.look_again(db, desk, stage.now, key, seen.link.seal, "")
    with pytest.raises(NotAllowed), stage.database.begin() as db:
        matching.look_again(db, stage.people["chief"], stage.now, key, seen.link.seal, "")
    with pytest.raises(NotFound), stage.database.begin() as db:
        matching.look_again(db, desk, stage.now, "nobody", seen.link.seal, "")
    _look(stage, FIRST)
    with stage.database.begin() as db:
        before = len(site.chain(db))
        (link,) = stored.links(db)
        # Said again, it is answered as done.
        matching.look_again(db, desk, stage.now, key, link.seal, "")
        assert len(site.chain(db)) == before


def test_what_a_link_was_made_with_is_unknown_until_somebody_looks(stage: Stage) -> None:
    _listed(stage, _row(FIRST))
    _register(stage, FIRST)
    with unguarded(stage.database) as db:
        # As links were kept before.
        db.execute(text("UPDATE matches SET basis = ''"))
    assert _changed(stage) == {FIRST: [("basis", "", "")]}
    _look(stage, FIRST)
    assert _changed(stage) == {}


def _refusals(act: Callable[[], object]) -> list[str]:
    with pytest.raises(NotAllowed) as caught:
        act()
    return [entry.code for entry in caught.value.refusals]


def test_a_second_project_of_one_approval_needs_a_reason_and_the_money(stage: Stage) -> None:
    number = casts.approved(stage, budget="1000")
    _listed(stage, _row(FIRST, "600"), _row(SECOND, "500"), _row(THIRD, "1"))
    _confirm(stage, FIRST, number)
    assert _refusals(lambda: _confirm(stage, SECOND, number)) == ["projects_reason"]
    assert _missing(stage) == [SECOND, THIRD]
    _confirm(stage, SECOND, number, "Two offices.")
    assert _refusals(lambda: _confirm(stage, THIRD, number, "Three offices.")) == ["projects_beyond"]
    assert (_missing(stage), _changed(stage)) == ([THIRD], {})
    _listed(stage, _row(SECOND, "900"))
    assert _changed(stage) == {SECOND: [("amount", "500", "900")]}
    assert _refusals(lambda: _look(stage, SECOND, "Two offices.")) == ["projects_beyond"]
    _listed(stage, _row(SECOND, "400"))
    assert _refusals(lambda: _look(stage, SECOND)) == ["projects_reason"]
    _look(stage, SECOND, "Two offices.")
    _sound(stage)


def test_without_an_approval_or_its_amounts_a_second_project_is_refused(lite: Stage) -> None:
    number = casts.awaiting(lite, budget="1000")
    _listed(lite, _row(FIRST), _row(SECOND), _row(THIRD, ""))
    _confirm(lite, FIRST, number)
    assert _refusals(lambda: _confirm(lite, SECOND, number, "Two offices.")) == ["proposal_matched"]
    casts.take(lite, "chief", number, "approve")
    assert _refusals(lambda: _confirm(lite, THIRD, number, "Two offices.")) == ["projects_unknown"]
    _confirm(lite, SECOND, number, "Two offices.")


@pytest.mark.parametrize("by_hand", [False, True])
def test_after_a_correction_the_symbol_of_the_project_decides(stage: Stage, by_hand: bool) -> None:
    number = "" if by_hand else casts.outside(stage, symbol=FIRST)
    _listed(stage, _row(FIRST))
    if by_hand:
        number = _register(stage, FIRST)
        stage.wait(minutes=1)
    casts.take(stage, "desk", number, "correct_registration", note="It was on its way here.")
    assert _missing(stage) == [FIRST]
    came = casts.submitted(stage, symbol=FIRST)
    assert _missing(stage) == []
    with stage.database.read() as db:
        assert [(entry.number, entry.how) for entry in stored.matched(db, 10)] == [(came, "symbol")]
    _sound(stage)


def test_a_link_of_a_row_that_is_gone_can_be_undone(stage: Stage) -> None:
    number = casts.approved(stage)
    _listed(stage, _row(FIRST), _row(SECOND))
    _confirm(stage, FIRST, number)
    _listed(stage, _row(SECOND), whole=True)
    assert _changed(stage) == {FIRST: [("listed", "yes", "no")]}
    for _ in range(2):
        _undo(stage, FIRST)
    assert (_changed(stage), _missing(stage)) == ({}, [SECOND])
    with pytest.raises(NotFound):
        _undo(stage, THIRD)
    _sound(stage)


@pytest.mark.thorough
def test_a_link_does_not_hide_a_project_that_other_funds_pay_for(stage: Stage) -> None:
    def opened(past: Past | None = None) -> list[tuple[str, str, str]]:
        value = _value(stage, past)
        listed = value["finance_list"]["unapproved"]
        assert value["complete"] == (not listed)
        return [(entry["symbol"], entry["state"], entry["state_title"]["en"]) for entry in listed]

    number = casts.approved(stage, symbol=FIRST, funding="RBTC")
    casts.approved(stage, symbol=SECOND)
    other = casts.outside(stage, title="By hand", funding="RBTC")
    _listed(stage, _row(FIRST), _row(SECOND), _row(THIRD, fund="RBSA"))
    _confirm(stage, THIRD, other)
    expected = [(FIRST, "approved", "Approved (RBTC)"), (THIRD, "approved", "Approved (RBTC)")]
    assert (opened(), _missing(stage)) == (expected, [])
    then = stage.now
    _publish(stage)
    stage.wait(days=1)
    # Annulled, nothing stands; the list corrected, the fund is the same.
    _annul(stage, other)
    _listed(stage, _row(FIRST, fund="RBTC"))
    assert opened() == [(THIRD, "annulled", "Approval annulled")]
    assert opened(Past(moment=then)) == expected
    with stage.database.read() as db:
        assert number in {entry.number for entry in stored.matched(db, 10)}
    _sound(stage)


def test_an_approval_whose_money_nobody_knows_is_compared_with_nothing(lite: Stage) -> None:
    number = casts.outside(lite, symbol=FIRST, budget={"amount": "300", "currency": "JPY"})
    _listed(lite, _row(FIRST, "5000"), _row(SECOND))
    with lite.database.read() as db:
        (found,) = stored.matched(db, 10)
    assert (found.number, found.usd) == (number, None)
    assert _refusals(lambda: _confirm(lite, SECOND, number, "Two offices.")) == ["approval_unknown"]


def test_a_symbol_makes_no_second_project_of_one_approval(stage: Stage) -> None:
    number = casts.approved(stage, symbol=FIRST)
    _listed(stage, _row(SECOND))
    _confirm(stage, SECOND, number)
    _listed(stage, _row(FIRST))
    assert _missing(stage) == [FIRST]
    tick(stage.database, stage.library, stage.now)
    assert _missing(stage) == [FIRST]
    # The other one is no more on the list: the symbol decides again.
    _undo(stage, SECOND)
    tick(stage.database, stage.library, stage.now)
    assert _missing(stage) == [SECOND]
    _sound(stage)


def test_a_second_project_that_nobody_gave_a_reason_for_is_named(lite: Stage) -> None:
    number = casts.approved(lite, budget="1000")
    _listed(lite, _row(FIRST), _row(SECOND))
    _confirm(lite, FIRST, number)
    _confirm(lite, SECOND, number, "Two offices.")
    with unguarded(lite.database) as db:
        basis = json.loads(db.execute(text("SELECT basis FROM matches WHERE id = 2")).scalar_one())
        basis["reason"] = ""
        db.execute(text("UPDATE matches SET basis = :basis WHERE id = 2"), {"basis": json.dumps(basis)})
    assert _changed(lite) == {SECOND: [("another", "", FIRST)]}


def test_a_report_keeps_the_symbol_that_a_registered_draft_bore(stage: Stage) -> None:
    number = casts.draft(stage)
    casts.save(stage, number, "identification", symbol="RAS/10/09/NOR")
    casts.take(
        stage, "desk", number, "register_approval", approval=ApprovalGiven("Minute 9", "Registry", stage.now)
    )
    _listed(stage, _row("RAS/10/77/NOR"))
    _confirm(stage, "RAS/10/77/NOR", number)
    _publish(stage)
    casts.take(stage, "desk", number, "propose_correction", note="A mistake.")
    casts.take(stage, "chief", number, "confirm_correction")
    casts.save(stage, number, "identification", symbol="RAS/10/10/NOR")
    _sound(stage)
