"""Lists: what they show, what they hide, and that no list asks once a row."""

from collections.abc import Callable

import pytest
from sqlalchemy import Connection

from appraisal.domain.facts import Person
from appraisal.storage import queries
from appraisal.storage.queries import Filters
from tests import casts
from tests.casts import Stage

HELD_BY = {
    "author": ["draft", "incomplete", "revision_requested"],
    "coordinator": ["submitted", "approved"],
    "lead": ["under_appraisal"],
    "manager": ["awaiting_decision"],
}
Page = Callable[[Connection, Person], object]
PAGES: dict[str, Page] = {
    "proposals": queries.list_proposals,
    "states": queries.count_states,
    "work": lambda db, person: queries.work_of(db, person, dict(HELD_BY)),
    "consultations": queries.consultations_for,
    "records": queries.list_records,
    "appraisers": lambda db, person: queries.appraisers(db),
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
        found = queries.history_of(db, case.id)
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


def _listed(stage: Stage, who: str, **filters: str) -> list[queries.Listed]:
    with stage.database.read() as db:
        return queries.list_proposals(db, stage.people[who], Filters(**filters))[0]


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
            page, after = queries.list_proposals(db, stage.people["ana"], after=after, most=2)
            found += [entry.number for entry in page]
            if after is None:
                break
        assert queries.list_proposals(db, stage.people["ana"], after=10**30)[1] is None
    assert found == numbers[::-1]


def test_work_waits_for_those_who_may_do_it(stage: Stage) -> None:
    casts.awaiting(stage)
    casts.rated(stage)
    casts.draft(stage, attach=())

    def work(who: str) -> list[str]:
        with stage.database.read() as db:
            return [holder for holder, _ in queries.work_of(db, stage.people[who], dict(HELD_BY))]

    assert work("chief") == ["manager"]
    assert work("lead") == ["lead"]
    assert work("ana") == ["author"]
    assert work("ben") == work("auditor") == work("admin") == []


def test_an_open_consultation_waits_for_its_unit(stage: Stage) -> None:
    number = casts.submitted(stage)
    casts.take(stage, "desk", number, "assign", lead="lead")
    with stage.database.read() as db:
        (asked,) = queries.consultations_for(db, stage.people["actemp"])
        assert (asked.number, asked.unit) == (number, "ACT/EMP")
        assert queries.consultations_for(db, stage.people["chief"]) == []
        assert queries.consultations_for(db, stage.people["eval"]) == []


def test_records_are_listed_for_who_reads_the_proposal(stage: Stage) -> None:
    casts.approved(stage)

    def kinds(who: str) -> list[str]:
        with stage.database.read() as db:
            return [entry.kind for entry in queries.list_records(db, stage.people[who])[0]]

    assert kinds("ana") == kinds("auditor") == ["decision", "appraisal"]
    assert kinds("ben") == kinds("admin") == []
