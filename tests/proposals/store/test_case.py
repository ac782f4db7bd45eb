"""The case: what is loaded is what was written, in a fixed number of statements."""

from decimal import Decimal

import pytest
from sqlalchemy import update

from appraisal.canonical import canonical
from appraisal.database import tables
from appraisal.errors import NotFound
from appraisal.people.store.people import load_people
from appraisal.proposals.facts import Case
from appraisal.proposals.store.case import load_case, load_cases
from tests import casts
from tests.casts import Stage


def _loading(stage: Stage, number: str) -> int:
    with casts.counted() as sent:
        casts.load(stage, number)
    return sum(not statement.startswith("BEGIN") for statement in sent)


def test_loading_takes_the_same_statements_whatever_hangs_on_a_proposal(stage: Stage) -> None:
    empty = casts.draft(stage, attach=())
    full = casts.revision(stage)
    casts.resubmit(stage, full)
    casts.assign(stage, full)
    casts.rate(stage, full)
    casts.take(stage, "lead", full, "finalise")
    assert _loading(stage, empty) == _loading(stage, full) <= 15


def test_a_country_project_takes_one_statement_more(stage: Stage) -> None:
    alone = casts.draft(stage, attach=())
    umbrella = casts.draft(stage, attach=(), kind="umbrella")
    child = casts.draft(stage, attach=(), kind="child", parent=umbrella)
    assert _loading(stage, child) == _loading(stage, alone) + 1


def test_an_unknown_number_is_not_found(stage: Stage) -> None:
    with pytest.raises(NotFound):
        casts.load(stage, "TC-1999-0001")


def test_siblings_are_those_under_the_umbrella_that_the_form_names_now(stage: Stage) -> None:
    first, second = (casts.draft(stage, attach=(), kind="umbrella") for _ in range(2))
    for usd, parent in (("100", first), ("20", second), ("3", second)):
        casts.submitted(stage, kind="child", parent=parent, budget=usd)
    number = casts.revision(stage, kind="child", parent=first)
    assert casts.load(stage, number).siblings_usd == Decimal(100)
    casts.save(stage, number, "identification", parent=second)
    assert casts.load(stage, number).siblings_usd == Decimal(23)
    version = casts.resubmit(stage, number).version
    assert version is not None
    assert version.threshold_usd == Decimal(900023)


def test_what_came_to_nothing_counts_for_no_umbrella(stage: Stage) -> None:
    umbrella = casts.draft(stage, attach=(), kind="umbrella")
    sibling = casts.submitted(stage, kind="child", parent=umbrella, budget="100")
    number = casts.draft(stage, kind="child", parent=umbrella)
    assert casts.load(stage, number).siblings_usd == Decimal(100)
    casts.take(stage, "ana", sibling, "withdraw", note="No longer needed.")
    assert casts.load(stage, number).siblings_usd == Decimal(0)


def test_a_draft_counts_for_no_umbrella_before_it_is_submitted(stage: Stage) -> None:
    umbrella = casts.draft(stage, attach=(), kind="umbrella", budget="70")
    secret = casts.draft(stage, kind="child", parent=umbrella, budget="900000000")
    number = casts.draft(stage, kind="child", parent=umbrella, budget="200000")
    before = casts.load(stage, number)
    assert (before.siblings_usd, before.umbrella_known) == (Decimal(0), True)
    casts.take(stage, "ana", secret, "submit")
    assert casts.load(stage, number).siblings_usd == Decimal(900000000)


def test_what_was_written_before_numbers_were_checked_names_an_umbrella_or_not(stage: Stage) -> None:
    umbrella = casts.draft(stage, attach=(), kind="umbrella")
    for usd in ("100", "20"):
        casts.submitted(stage, kind="child", parent=umbrella, budget=usd)
    number, table = casts.draft(stage, kind="child", parent=umbrella), tables.proposals
    content = casts.load(stage, number).content
    for text, found in (
        (f" {umbrella.lower()} ", (Decimal(120), True)),
        ("NOWHERE", (Decimal(0), False)),
        (number, (Decimal(0), False)),
        ("The umbrella for the whole of Africa", (Decimal(0), False)),
    ):
        named = {**content, "identification": {**content["identification"], "parent": text}}
        with stage.database.begin() as db:
            db.execute(
                update(table).where(table.c.number == number).values(content=canonical(named).decode())
            )
        case = casts.load(stage, number)
        assert (case.siblings_usd, case.umbrella_known) == found
        if not case.umbrella_known:
            assert casts.refused(stage, "ana", number, "submit") == ("umbrella_unknown",)


def test_people_beyond_every_id_are_nobody(stage: Stage) -> None:
    with stage.database.read() as db:
        assert load_people(db, [0, -1, 2**31, 10**30]) == {}


def test_all_proposals_are_loaded_in_order(stage: Stage) -> None:
    numbers = [casts.draft(stage, attach=()) for _ in range(3)]
    with stage.database.read() as db:
        cases: list[Case] = load_cases(db)
        assert [case.number for case in cases] == numbers
        assert cases == [load_case(db, number) for number in numbers]


def test_a_sibling_whose_worth_nobody_knows_is_named_beside_the_sum(lite: Stage) -> None:
    umbrella = casts.draft(lite, attach=(), kind="umbrella")
    casts.submitted(lite, kind="child", parent=umbrella, budget="100")
    yen = casts.outside(lite, kind="child", parent=umbrella, budget={"amount": "9", "currency": "JPY"})
    case = casts.load(lite, casts.draft(lite, kind="child", parent=umbrella))
    assert (case.siblings_usd, case.siblings_unvalued) == (Decimal(100), (yen,))
