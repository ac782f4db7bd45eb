"""Approvals given outside: registered for a proposal that is here or not, and imported all or none."""

import threading
import unicodedata
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select

from appraisal.clock import geneva_date
from appraisal.database import tables
from appraisal.errors import FaultyInput, StepConflict
from appraisal.indicators.services import appraised_share
from appraisal.proposals.facts import Case
from appraisal.proposals.rules.attempt import ApprovalGiven
from appraisal.proposals.rules.routes import Route, route
from appraisal.proposals.rules.rulebook import rulebook
from appraisal.proposals.services.drafts import BadContent
from appraisal.proposals.store.case import load_cases
from appraisal.scenarios.complete_proposal import neutral_content
from appraisal.vocabulary.refusals import NotAllowed
from appraisal.workflow.services import outside_approvals
from tests import casts
from tests.casts import START, Stage

HEADING = "number,title,date,fund,document,source\n"


def _register(
    stage: Stage, approval: ApprovalGiven, who: str = "desk", request: str | None = None, **given: Any
) -> Case:
    with stage.database.begin() as db:
        return outside_approvals.register_outside(
            db, stage.library, stage.people[who], stage.now, neutral_content(given), approval, request=request
        )


def _route(stage: Stage, number: str) -> Route | None:
    case = casts.load(stage, number)
    return route(case, rulebook(stage.library, case.workflow, case.set))


def test_a_proposal_that_never_came_here_is_created_approved(stage: Stage) -> None:
    at = START - timedelta(days=40)
    case = _register(stage, ApprovalGiven("Minute 12", "Registry", at), title="Outside one")
    assert (case.number, case.state, case.origin) == ("TC-2009-0001", "approved", "registered")
    assert case.relations == {}
    assert _route(stage, case.number) == Route("outside", "registered")
    approval = casts.load(stage, case.number).approval
    assert approval is not None
    assert (approval.approved_at, approval.document, approval.source) == (at, "Minute 12", "Registry")


def test_an_undated_approval_is_kept_as_such(stage: Stage) -> None:
    number = casts.outside(stage, undated=True)
    approval = casts.load(stage, number).approval
    assert approval is not None
    assert approval.approved_at is None
    assert _route(stage, number) == Route("outside", "registered")


def test_what_cannot_be_registered_leaves_nothing(lite: Stage) -> None:
    future = ApprovalGiven("Minute 12", "Registry", START + timedelta(seconds=1))
    assert casts.refusal(lite, lambda: _register(lite, future)) == ("approval_in_future",)
    assert casts.refusal(lite, lambda: _register(lite, ApprovalGiven(" ", "Registry"))) == (
        "approval_missing",
    )
    given = ApprovalGiven("Minute 12", "Registry")
    assert casts.refusal(lite, lambda: _register(lite, given, "chief")) == ("role_missing",)
    before = casts.contents(lite)
    with pytest.raises(BadContent):
        _register(lite, given, title="x" * 301)
    with pytest.raises(BadContent):
        _register(lite, given, kind="child", parent="NOWHERE")
    assert casts.contents(lite) == before


def test_a_form_sent_twice_registers_once(stage: Stage) -> None:
    given = ApprovalGiven("Minute 12", "Registry", START)
    first = _register(stage, given, request="request-1")
    assert _register(stage, given, request="request-1").number == first.number
    with pytest.raises(StepConflict):
        _register(stage, given, "all", request="request-1")


@pytest.mark.parametrize("build", [casts.submitted, casts.rated, casts.revision, casts.awaiting])
def test_an_approval_outside_overtakes_whatever_was_going_on(lite: Stage, build: object) -> None:
    assert callable(build)
    number = build(lite)
    before = casts.load(lite, number)
    casts.take(lite, "desk", number, "hold", until=lite.now.replace(month=6).date(), note="Elections.")
    casts.take(
        lite, "desk", number, "register_approval", approval=ApprovalGiven("Minute 12", "Registry", START)
    )
    case = casts.load(lite, number)
    assert (case.state, case.appraisal, case.hold) == ("approved", None, None)
    assert (case.workflow, case.set) == (before.workflow, before.set)
    assert case.approval is not None
    assert case.approval.appraisal_id is None
    assert _route(lite, number) == Route("outside", "registered")


def test_a_budget_beyond_all_money_is_refused_before_it_counts(lite: Stage) -> None:
    casts.enter_rate(lite, "EUR", date(2010, 1, 1), "0.001")
    given: list[dict[str, Any]] = [
        {"budget": {"amount": "1000000000.01", "currency": "EUR"}},
        {"budget": "1000000000000.01"},
    ]
    for short in given:
        approval = ApprovalGiven("Minute 12", "Registry", lite.now)
        assert casts.refusal(lite, partial(_register, lite, approval, **short)) == ("usd_beyond",)
        number = casts.draft(lite, **short)
        assert casts.refused(lite, "ana", number, "submit") == ("usd_beyond",)
        assert casts.refused(lite, "desk", number, "register_approval", approval=approval) == ("usd_beyond",)
        with lite.database.read() as db, pytest.raises(NotAllowed):
            outside_approvals.examine(db, lite.library, lite.now, neutral_content(short), approval)
    for title in ("One", "Two"):
        _register(lite, ApprovalGiven("Minute 12", "Registry", lite.now), title=title, budget="1000000000000")
    with lite.database.read() as db:
        found = appraised_share.figures(db, lite.library, "2010-11", lite.now.date())["2010-11"]
    assert found.usd == (Decimal(0), Decimal("2000000000000.00"))


def test_nobody_registers_an_approval_of_their_own_proposal(lite: Stage) -> None:
    number = casts.submitted(lite, "all")
    given = ApprovalGiven("Minute 12", "Registry", START)
    assert casts.refused(lite, "all", number, "register_approval", approval=given) == ("excluded_author",)


def test_what_is_approved_is_not_registered_again(lite: Stage) -> None:
    number = casts.approved(lite)
    given = ApprovalGiven("Minute 12", "Registry", START)
    assert casts.refused(lite, "desk", number, "register_approval", approval=given) == ("wrong_state",)


def _import(stage: Stage, text: str, who: str = "desk", phases: tuple[int, ...] = ()) -> list[Case]:
    with stage.database.begin() as db:
        actor = stage.people[who]
        done = outside_approvals.import_approvals(
            db, stage.library, actor, stage.now, text, "list.csv", phases
        )
    return [case for _, case in done]


def test_a_list_of_approvals_is_registered(stage: Stage) -> None:
    number = casts.submitted(stage)
    done = _import(
        stage,
        "\ufeff" + HEADING + f"{number},,2010-01-15,XBTC,Minute 1,Registry\n"
        "\n"
        ',"Skills, again",2009-06-30,RBSA,Minute 2,"Registry, box 3"\n'
        ",Undated one,,RBTC,Minute 3,Registry\n"
        ",Of today,2010-02-01,XBTC,Minute 4,Registry\n",
    )
    assert [case.state for case in done] == ["approved"] * 4
    found = [case.approval.approved_at if case.approval else START for case in done]
    # A day counts as its end in Geneva; today has not ended, and the approval was before this moment.
    assert found == [
        datetime(2010, 1, 15, 22, 59, 59, 999999, UTC),
        datetime(2009, 6, 30, 21, 59, 59, 999999, UTC),
        None,
        stage.now,
    ]
    assert [case.number for case in done[1:]] == ["TC-2009-0001", "TC-2010-0002", "TC-2010-0003"]
    table = tables.proposals
    with stage.database.read() as db:
        rows = db.execute(select(table.c.title, table.c.funds, table.c.route).order_by(table.c.id)).all()
    assert rows[1:] == [
        ("Skills, again", "RBSA", "outside"),
        ("Undated one", "RBTC", "outside"),
        ("Of today", "XBTC", "outside"),
    ]


def test_every_bad_line_is_named_and_nothing_is_registered(stage: Stage) -> None:
    approved = casts.approved(stage)
    _import(stage, HEADING + ",Known,2009-06-30,XBTC,Minute 1,Registry\n")
    text = (
        HEADING + ",Good,2010-01-15,XBTC,Minute 1,Registry\n"
        f"{approved},,2010-01-15,XBTC,Minute 1,Registry\n"
        "TC-1999-0001,,2010-01-15,XBTC,Minute 1,Registry\n"
        ",Known,2009-06-30,XBTC,Minute 1,Registry\n"
        ",GOOD,2010-01-15,XBTC,Minute 1,Registry\n"
        f",{'x' * 301},2010-01-15,XBTC,Minute 1,Registry\n"
    )
    before = casts.contents(stage)
    with pytest.raises(FaultyInput) as caught:
        _import(stage, text)
    assert [(fault.file, fault.line) for fault in caught.value.faults] == [
        ("list.csv", line) for line in range(3, 8)
    ]
    assert [fault.message for fault in caught.value.faults[1:4]] == [
        "there is no proposal TC-1999-0001",
        (
            "This approval is here already, as TC-2009-0001: the symbol or title is the same, "
            "and so is the donor, the amount or the day."
        ),
        "the same as line 2",
    ]
    assert casts.contents(stage) == before


def test_the_same_approval_is_registered_once(stage: Stage) -> None:
    given = ApprovalGiven("Minute 12", "Registry", START)
    first = _register(stage, given, title="Mines", content={"identification": {"symbol": "RAF/10/55/USA"}})
    before = casts.contents(stage)
    same: dict[str, Any] = {
        "title": "Otherwise",
        "content": {"identification": {"symbol": "raf / 10/55/usa"}},
    }
    with pytest.raises(NotAllowed) as caught:
        _register(stage, given, **same)
    assert [(entry.code, entry.facts["number"]) for entry in caught.value.refusals] == [
        ("approval_same", first.number)
    ]
    assert casts.contents(stage) == before
    # What was annulled is no approval that is here, and what is void is nothing at all.
    casts.take(stage, "desk", first.number, "correct_registration", note="A slip.")
    assert _register(stage, given, **same).state == "approved"


def test_what_was_registered_under_another_number_is_not_registered_again(lite: Stage) -> None:
    number = casts.draft(lite)
    casts.save(lite, number, "identification", symbol="RAF/10/55/USA")
    casts.take(lite, "ana", number, "submit")
    content = {"identification": {"symbol": "raf/10/55/usa"}}
    given = ApprovalGiven("Minute 12", "Registry", START)
    with lite.database.begin() as db:
        apart = [number]
        other = outside_approvals.register_outside(
            db,
            lite.library,
            lite.people["desk"],
            lite.now,
            neutral_content({"content": content}),
            given,
            apart=apart,
        ).number
    assert casts.refused(lite, "desk", number, "register_approval", approval=given) == ("approval_same",)
    casts.take(lite, "desk", other, "correct_registration", note="It was on the wrong number.")
    assert casts.take(lite, "desk", number, "register_approval", approval=given).state == "approved"


def test_another_phase_is_said_of_every_one_that_is_here(stage: Stage) -> None:
    def phase(at: datetime, donor: str, apart: tuple[str, ...] = ()) -> Case:
        row = {
            "donor": donor,
            "private": "no",
            "fund": "XBTC",
            "modality": "direct",
            "amount": "0",
            "currency": "USD",
        }
        content = {"identification": {"title": "Mines", "symbol": "A/1", "contributions": [row]}}
        given = ApprovalGiven("Minute", "Registry", at)
        with stage.database.begin() as db:
            return outside_approvals.register_outside(
                db, stage.library, stage.people["desk"], stage.now, content, given, apart=apart
            )

    first = phase(START, "Norway").number
    second = phase(START - timedelta(days=9), "Japan", (first,)).number
    for apart, unsaid in (((), [first, second]), ((first,), [second])):
        with pytest.raises(NotAllowed) as caught:
            phase(START - timedelta(days=99), "Finland", apart)
        assert [entry.facts["numbers"] for entry in caught.value.refusals] == [unsaid]
    phase(START - timedelta(days=99), "Finland", (second, first))


def test_of_two_who_register_the_same_at_once_one_is_refused(stage: Stage) -> None:
    outcomes: list[str] = []
    barrier = threading.Barrier(2)

    def register(who: str) -> None:
        barrier.wait()
        try:
            _register(stage, ApprovalGiven("Minute 12", "Registry", START), who, title="Mines")
            outcomes.append("done")
        except NotAllowed as error:
            outcomes.append(*error.codes)

    threads = [threading.Thread(target=register, args=(who,)) for who in ("desk", "all")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["approval_same", "done"]
    with stage.database.read() as db:
        assert len(load_cases(db)) == 1
        assert appraised_share.differences(db) == []


def test_two_projects_of_one_title_are_two_by_their_symbols(lite: Stage) -> None:
    done = _import(
        lite,
        HEADING
        + "A/1,Mines,2010-01-15,XBTC,Minute 1,Registry\nA/2,Mines,2010-01-15,XBTC,Minute 1,Registry\n",
    )
    assert len(done) == 2


def test_a_line_that_is_here_already_is_a_named_fault(lite: Stage) -> None:
    known = _import(lite, HEADING + "A/1,Mines,2010-01-15,XBTC,Minute 1,Registry\n")[0].number
    before = casts.contents(lite)
    text = (
        HEADING + "B/1,Ports,2010-01-15,XBTC,Minute 2,Registry\n"
        "b / 1,Ports again,2010-01-15,RBSA,Minute 3,Registry\n"
        "B/1,Ports later,2010-01-20,XBTC,Minute 4,Registry\n"
        "a/1,Other words,2010-01-15,XBTC,Minute 5,Registry\n"
        "A/1,Mines II,,XBTC,Minute 6,Registry\n"
    )
    with pytest.raises(FaultyInput) as caught:
        _import(lite, text)
    faults = [(fault.line, fault.message.partition(":")[0]) for fault in caught.value.faults]
    assert faults == [
        (3, "the same as line 2"),
        (4, "the symbol or title of line 2"),
        (5, f"This approval is here already, as {known}"),
        (6, f"the symbol or title of {known}"),
    ]
    assert casts.contents(lite) == before
    # Said to be other phases, lines 4 and 6 are; what is the same stays so whatever is said.
    with pytest.raises(FaultyInput) as again:
        _import(lite, text, phases=(3, 4, 5, 6))
    assert [fault.line for fault in again.value.faults] == [3, 5]


def test_only_coordinators_import(lite: Stage) -> None:
    before = casts.contents(lite)
    with pytest.raises(FaultyInput, match="role of coordinator"):
        _import(lite, HEADING + ",One,2009-06-30,XBTC,Minute 1,Registry\n", "chief")
    assert casts.contents(lite) == before


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("", [1]),
        ("a,b\n", [1]),
        (HEADING, [1]),
        (HEADING + ",,2010-01-15,XBTC,Minute,Registry\n", [2]),
        (HEADING + ",One,2010-01-15,GOLD,,\n", [2, 2, 2]),
        (HEADING + ",One,15.1.2010,XBTC,Minute,Registry\n", [2]),
        (HEADING + ",One,20100115,XBTC,Minute,Registry\n", [2]),
        (HEADING + ",One,2010-W02-5,XBTC,Minute,Registry\n", [2]),
        (HEADING + ",One,2010-02-30,XBTC,Minute,Registry\n", [2]),
        (HEADING + ",One,2010-02-02,XBTC,Minute,Registry\n", [2]),
        (HEADING + ",One,2010-01-15,XBTC,Minute\n", [2]),
        (HEADING + ',"One,2010-01-15,XBTC,Minute,Registry\n', [2]),
        (HEADING + ',"One\ntwo",bad,XBTC,Minute,Registry\n,Two,bad,XBTC,Minute,Registry\n', [3, 4]),
    ],
)
def test_a_list_that_cannot_be_read_names_its_lines(lite: Stage, text: str, faults: list[int]) -> None:
    with pytest.raises(FaultyInput) as caught:
        _import(lite, text)
    assert [fault.line for fault in caught.value.faults] == faults


def test_a_date_before_all_technical_cooperation_is_refused(lite: Stage) -> None:
    with pytest.raises(FaultyInput) as caught:
        _import(lite, HEADING + ",Ancient,0999-06-30,XBTC,Minute 1,Registry\n")
    assert [str(fault) for fault in caught.value.faults] == [
        "list.csv:2: the date 0999-06-30 lies before 1950-01-01"
    ]
    (case,) = _import(lite, HEADING + ",First,1950-01-01,XBTC,Minute 1,Registry\n")
    approval = casts.load(lite, case.number).approval
    assert approval is not None
    assert approval.approved_at is not None
    assert geneva_date(approval.approved_at) == date(1950, 1, 1)


def test_what_a_list_says_of_an_approval_has_the_bounds_of_the_form(stage: Stage) -> None:
    lines = [
        f",One,2010-01-15,XBTC,{'x' * 301},Registry",
        ',Two,2010-01-15,XBTC,Minute 1,"Registry\nBox 3"',
        ",Three,2010-01-15,XBTC,\0,Registry",
    ]
    with pytest.raises(FaultyInput) as caught:
        _import(stage, HEADING + "".join(f"{line}\n" for line in lines))
    assert [str(fault).partition(": ")[2] for fault in caught.value.faults] == [
        "the document has more than 300 characters",
        "the source is more than one line",
        "the document is empty",
    ]
    (case,) = _import(stage, HEADING + ",Four,2010-01-15,XBTC,Minute\0 1,Registry\n")
    assert case.approval is not None
    assert case.approval.document == "Minute 1"


def test_a_number_of_somebody_elses_is_a_project_symbol(lite: Stage) -> None:
    (case,) = _import(lite, HEADING + "RAF/10/55/USA,,2010-01-15,XBTC,Minute 1,Registry\n")
    assert (case.content["identification"]["title"], case.content["identification"]["symbol"]) == (
        "RAF/10/55/USA",
        "RAF/10/55/USA",
    )


@pytest.mark.parametrize("written", ["{lower}", "{dashes}", "{spaces}"])
def test_one_of_our_numbers_is_that_proposal_however_it_is_written(lite: Stage, written: str) -> None:
    number = casts.submitted(lite)
    spellings = {
        "lower": number.lower(),
        "dashes": number.replace("-", "\u2013"),
        "spaces": number.replace("-", " - "),
    }
    text = HEADING + f"{written.format(**spellings)},,2010-01-15,XBTC,Minute 1,Registry\n"
    (case,) = _import(lite, text)
    assert (case.number, case.state) == (number, "approved")
    with lite.database.read() as db:
        assert db.execute(select(tables.proposals.c.number)).scalars().all() == [number]
    # It is approved by now, and one that is not there is no symbol either.
    for wrong in (text, text.replace("1,,", "9,,")):
        with pytest.raises(FaultyInput):
            _import(lite, wrong)


def test_the_number_of_a_proposal_is_no_symbol_of_another_project(stage: Stage) -> None:
    number = casts.approved(stage, symbol="RAS/10/01/FIN", title="Skills")
    written = number.lower().replace("-", "\u2013")
    again = partial(casts.outside, stage, title="By another name", symbol=written)
    assert casts.refusal(stage, again) == ("approval_same",)
    waiting = casts.submitted(stage, symbol="RAS/10/02/FIN", title="Jobs")
    again = partial(casts.outside, stage, title="By another name", symbol=waiting)
    assert casts.refusal(stage, again) == ("approval_alike",)


@pytest.mark.thorough
def test_what_was_registered_as_approved_elsewhere_is_not_approved_here_once_more(stage: Stage) -> None:
    other = casts.outside(stage, symbol="RAS/10/01/FIN", title="Skills")
    number = casts.awaiting(stage, symbol="ras/10/01 /fin")
    assert casts.refused(stage, "chief", number, "approve") == ("registered_elsewhere",)
    disputed = casts.not_recommended(stage, symbol="RAS/10/01/FIN", title="Skills")
    refused = casts.refused(stage, "chief", disputed, "propose_override", note="It cannot wait.")
    assert refused == ("registered_elsewhere",)
    # What its authors name as the earlier phase is another one, and so is what was approved here.
    later = casts.awaiting(
        stage,
        symbol="RAS/10/01/FIN",
        content={"identification": {"kind": "next_phase", "predecessor": other}},
    )
    casts.take(stage, "chief", later, "approve")
    casts.take(stage, "desk", other, "correct_registration", note="It came here after all.")
    casts.take(stage, "chief", number, "approve")


def test_a_title_is_the_same_in_capitals_of_any_alphabet_and_with_other_spaces(stage: Stage) -> None:
    for title in ("Étude du travail, 2010-11", "\u0417\u0430\u043d\u044f\u0442\u043e\u0441\u0442\u044c"):
        casts.outside(stage, title=title)
        for again in (title.upper(), f"  {title.replace(' ', '  ')}", title.replace("-", "\u2013")):
            codes = casts.refusal(stage, partial(casts.outside, stage, title=again))
            assert codes == ("approval_same",)
        apart = unicodedata.normalize("NFD", title)
        assert casts.refusal(stage, partial(casts.outside, stage, title=apart)) == ("approval_same",)
    casts.outside(stage, title="Étude du travail, 2012-13")


def test_lines_that_cannot_be_read_and_lines_that_are_refused_are_said_together(lite: Stage) -> None:
    text = ",One,soon,XBTC,Minute 1,Registry\nTC-1999-0001,,2010-01-15,XBTC,Minute 1,Registry\n"
    with pytest.raises(FaultyInput) as caught:
        _import(lite, HEADING + text)
    assert [fault.line for fault in caught.value.faults] == [2, 3]
