"""Lists: what they show, what they hide, and that no list asks once a row."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

import pytest
from sqlalchemy import Connection, event

from appraisal.accounts.services import accounts
from appraisal.appraisals.services import reviews
from appraisal.clock import geneva_date
from appraisal.people.facts import SYSTEM_ACTOR, Person
from appraisal.people.store.substitutes import list_substitutions
from appraisal.proposals.rules import access
from appraisal.proposals.store import lists
from appraisal.proposals.store.case import load_cases
from appraisal.proposals.store.lists import Filters
from appraisal.records.store import records
from appraisal.workflow import store as workflow_store
from tests import casts
from tests.casts import Stage

HELD_BY: Mapping[str, Collection[tuple[str, str]]] = {
    "author": [("", "draft"), ("standard.v1", "incomplete"), ("standard.v1", "revision_requested")],
    "coordinator": [("standard.v1", "submitted"), ("standard.v1", "approved")],
    "lead": [("standard.v1", "under_appraisal")],
    "manager": [("standard.v1", "awaiting_decision")],
}
TODAY = geneva_date(casts.START)
Page = Callable[[Connection, Person], object]
PAGES: dict[str, Page] = {
    "proposals": lists.list_proposals,
    "work": lambda db, person: workflow_store.work_of(db, person, HELD_BY, TODAY),
    "consultations": workflow_store.consultations_for,
    "records": records.list_records,
    "appraisers": lambda db, person: lists.appraisers(db),
    "led": lambda db, person: workflow_store.led_by(db, person.id),
    "substitutions": lambda db, person: list_substitutions(db, person.id),
}


@pytest.mark.parametrize("page", PAGES)
def test_a_list_takes_the_same_statements_however_long_it_is(lite: Stage, page: str) -> None:
    def statements() -> list[int]:
        found = []
        for key in ("ana", "desk", "actemp", "chief"):
            with lite.database.read() as db, casts.counted() as sent:
                PAGES[page](db, lite.people[key])
            found.append(sum(statement.startswith("SELECT") for statement in sent))
        return found

    casts.awaiting(lite)
    casts.rated(lite)
    few = statements()
    for _ in range(3):
        casts.awaiting(lite)
        casts.rated(lite)
    assert statements() == few
    assert max(few) <= 2


def test_the_history_names_everybody_in_one_statement(stage: Stage) -> None:
    number = casts.approved(stage)
    case = casts.load(stage, number)
    with stage.database.read() as db, casts.counted() as sent:
        found = lists.history_of(db, case.id)
    assert sum(statement.startswith("SELECT") for statement in sent) == 1
    assert [entry.name for entry in found] == [
        "create",
        "submit",
        "assign",
        *["ask_review", "declare_review", "sign_review"] * 2,
        "finalise",
        "approve",
    ]
    assert [entry.by_name for entry in found] == [
        *("Ana", "Ana", "Desk"),
        *["Actemp"] * 3,
        *["Actrav"] * 3,
        *("Lead", "Chief"),
    ]


def _listed(stage: Stage, who: str, **filters: str) -> list[lists.Listed]:
    with stage.database.read() as db:
        return lists.list_proposals(db, stage.people[who], Filters(**filters))[0]


def test_another_designer_sees_the_overlap_only(stage: Stage) -> None:
    number = casts.approved(stage, title="Labour inspection")
    casts.draft(stage, attach=(), title="Not yet anybody's business")
    (seen,) = _listed(stage, "ben")
    assert (seen.number, seen.title, seen.state, seen.full) == (
        number,
        "Labour inspection",
        "approved",
        False,
    )
    assert (seen.usd, seen.route, seen.unit, seen.track, seen.holder_id) == (None, "", "", "", None)
    (own,) = _listed(stage, "desk")
    assert (own.full, own.route) == (True, "mechanism")


def test_nobody_learns_by_searching_what_a_list_hides(stage: Stage) -> None:
    casts.approved(stage)
    assert len(_listed(stage, "desk", route="mechanism")) == 1
    assert _listed(stage, "ben", route="mechanism") == []


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("labour", 1),
        ("LABOUR zambia", 1),
        ("100%", 1),
        ("_", 0),
        ("%", 1),
        ("0001", 1),
        ("\\", 0),
        ("nothing", 0),
    ],
)
def test_words_are_looked_for_as_they_stand(lite: Stage, words: str, found: int) -> None:
    casts.submitted(lite, title="Labour inspection in Zambia, 100% public")
    assert len(_listed(lite, "desk", words=words)) == found


def test_lists_are_narrowed_by_state_and_country(stage: Stage) -> None:
    casts.submitted(stage, countries=["ZM", "TZ"])
    casts.draft(stage, attach=(), countries=["ZW"])
    assert len(_listed(stage, "ana", country="TZ")) == 1
    assert len(_listed(stage, "ana", country="Z")) == 0
    assert len(_listed(stage, "ana", state="draft")) == 1


def test_pages_join_without_gap_or_overlap(stage: Stage) -> None:
    numbers = [casts.draft(stage, attach=()) for _ in range(5)]
    found: list[str] = []
    after: int | None = None
    with stage.database.read() as db:
        while True:
            page, after = lists.list_proposals(db, stage.people["ana"], after=after, most=2)
            found += [entry.number for entry in page]
            if after is None:
                break
        assert lists.list_proposals(db, stage.people["ana"], after=10**30)[1] is None
    assert found == numbers[::-1]


def test_work_waits_for_those_who_may_do_it(stage: Stage) -> None:
    casts.awaiting(stage)
    casts.rated(stage)
    casts.draft(stage, attach=())

    def work(who: str) -> list[str]:
        with stage.database.read() as db:
            return [holder for holder, _ in workflow_store.work_of(db, stage.people[who], HELD_BY, TODAY)]

    assert work("chief") == ["manager"]
    assert work("lead") == ["lead"]
    assert work("ana") == ["author"]
    assert work("ben") == work("auditor") == work("admin") == []


@pytest.mark.parametrize("who", ["ana", "desk", "lead", "chief", "all"])
def test_work_is_found_by_an_index_however_many_proposals_there_are(lite: Stage, who: str) -> None:
    sent: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, statement: str, given: Any, *rest: Any) -> None:
        sent.append((statement, given))

    with lite.database.read() as db:
        event.listen(db, "before_cursor_execute", note)
        workflow_store.work_of(db, lite.people[who], HELD_BY, TODAY, ("EVA",))
        statement, given = sent[-1]
        plan = [row[3] for row in db.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given)]
    assert any("ix_proposals_state_due_id" in line for line in plan), plan
    assert not any(line.startswith(("SCAN proposals", "SCAN decisions", "SCAN relations")) for line in plan)


def test_an_open_consultation_waits_for_its_unit(stage: Stage) -> None:
    number = casts.submitted(stage)
    casts.take(stage, "desk", number, "assign", lead="lead")
    with stage.database.read() as db:
        (asked,) = workflow_store.consultations_for(db, stage.people["actemp"])
        assert (asked.number, asked.unit) == (number, "ACT/EMP")
        assert workflow_store.consultations_for(db, stage.people["chief"]) == []
        assert workflow_store.consultations_for(db, stage.people["eval"]) == []


def test_records_are_listed_for_who_reads_the_proposal(stage: Stage) -> None:
    casts.approved(stage)

    def kinds(who: str) -> list[str]:
        with stage.database.read() as db:
            return [entry.kind for entry in records.list_records(db, stage.people[who])[0]]

    assert kinds("ana") == kinds("auditor") == ["decision", "appraisal"]
    assert kinds("ben") == kinds("admin") == []


def test_work_of_somebody_away_waits_for_the_substitute_too(stage: Stage) -> None:
    number, own = casts.rated(stage), casts.submitted(stage)
    casts.assign(stage, own, lead="eval")
    casts.submitted(stage)

    def work(who: str) -> list[tuple[str, str, int | None]]:
        with stage.database.read() as db:
            found = workflow_store.work_of(db, stage.people[who], HELD_BY, TODAY)
        return [(holder, listed.number, listed.holder_id) for holder, listed in found]

    lead, eval_ = stage.people["lead"].id, stage.people["eval"].id
    assert work("eval") == [("lead", own, eval_)]
    casts.substitute(stage, "lead", "eval")
    assert work("eval") == [("substitute", number, lead), ("lead", own, eval_)]
    assert work("lead") == [("lead", number, lead)]
    # To come is not yet.
    casts.substitute(stage, "actrav", "actemp", first=2)
    assert work("actemp") == []


def test_an_author_finds_no_work_of_a_lead_for_whom_she_stands_in(lite: Stage) -> None:
    number = casts.submitted(lite, "all")
    casts.assign(lite, number)
    casts.substitute(lite, "lead", "all")
    with lite.database.read() as db:
        found = workflow_store.work_of(db, lite.people["all"], {"lead": HELD_BY["lead"]}, TODAY)
    assert found == []


def test_what_a_manager_may_not_decide_for_anybody_waits_for_nobody_there(lite: Stage) -> None:
    casts.submitted(lite)
    number = casts.submitted(lite)
    casts.assign(lite, number, lead="all")
    casts.rate(lite, number, who="all")
    casts.take(lite, "all", number, "finalise")

    def work(who: str) -> list[str]:
        with lite.database.read() as db:
            return [holder for holder, _ in workflow_store.work_of(db, lite.people[who], HELD_BY, TODAY)]

    assert work("deputy") == ["manager"]
    casts.substitute(lite, "all", "deputy", "decisions")
    assert (work("deputy"), work("third")) == ([], ["manager"])


def test_a_decision_waits_for_no_manager_who_finalised_a_block_or_declared_a_conflict(stage: Stage) -> None:
    for who in ("eval", "actemp"):
        casts.change(stage, who, roles=["appraiser", "manager"])
    number = casts.submitted(stage, budget="6000000")
    casts.take(stage, "desk", number, "assign", lead="lead")
    with stage.database.begin() as db:
        given = (stage.people["actemp"], stage.now, number)
        reviews.declare(db, stage.library, *given, conflict="The donor is a relative.")
    # Past the date of the bureaux.
    stage.wait(days=10)
    casts.rate(stage, number)
    casts.take(stage, "lead", number, "finalise")

    def work(who: str) -> list[str]:
        with stage.database.read() as db:
            return [
                holder
                for holder, _ in workflow_store.work_of(db, stage.people[who], HELD_BY, TODAY, ("EVA",))
            ]

    assert [work(who) for who in ("chief", "eval", "actemp")] == [["manager"], [], []]
    assert casts.refused(stage, "eval", number, "approve") == ("block_finaliser",)
    assert casts.refused(stage, "actemp", number, "approve") == ("conflict_declared",)


def test_a_substitute_is_shown_what_the_rules_show(stage: Stage) -> None:
    """In every state: what the lead of the present appraisal leads, and nothing that was led before."""
    numbers = [casts.draft(stage), casts.submitted(stage), casts.rated(stage), casts.awaiting(stage)]
    numbers += [casts.revision(stage), casts.approved(stage), casts.outside(stage)]
    sent_back, handed_over, resubmitted, recalled = (
        casts.rated(stage),
        casts.rated(stage),
        casts.revision(stage),
        casts.awaiting(stage),
    )
    casts.take(stage, "desk", sent_back, "return_incomplete", missing="A letter.")
    casts.take(stage, "desk", handed_over, "reassign", lead="actemp", note="Ill.")
    casts.resubmit(stage, resubmitted)
    casts.take(stage, "lead", recalled, "recall", note="A slip.")
    # No unit asks this appraiser for anything.
    with stage.database.begin() as db:
        accounts.create_person(
            db, SYSTEM_ACTOR, stage.now, email="new@example.org", name="New", roles=["appraiser"]
        )
    casts.refresh(stage)

    def shown() -> dict[str, bool]:
        with stage.database.read() as db:
            listed = {entry.number: entry.full for entry in lists.list_proposals(db, stage.people["new"])[0]}
            levels = {case.number: access.level(case, stage.people["new"]) for case in load_cases(db)}
            known = lists.known_to(db, stage.people["new"], list(levels))
        assert listed == known == {number: True for number, level in levels.items() if level == "full"}
        return listed

    assert shown() == {}
    casts.substitute(stage, "lead", "new", last=1)
    assert set(shown()) == {*numbers[2:6], recalled}
    stage.wait(days=2)
    casts.refresh(stage)
    assert shown() == {}


def test_the_history_says_for_whom(stage: Stage) -> None:
    number = casts.awaiting(stage)
    casts.substitute(stage, "chief", "deputy", "decisions")
    case = casts.take(stage, "deputy", number, "approve", behalf=stage.people["chief"].id)
    with stage.database.read() as db:
        *before, last = lists.history_of(db, case.id)
    assert (last.by_name, last.for_name) == ("Deputy", "Chief")
    assert {entry.for_name for entry in before} == {""}
