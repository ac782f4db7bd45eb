"""Facts: what is loaded is what was written, in a fixed number of statements."""

from decimal import Decimal

import pytest

from appraisal.domain.facts import Case
from appraisal.errors import NotFound
from appraisal.storage.facts import load_case, load_cases, load_people
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
    child = casts.draft(stage, attach=(), kind="child", parent="TC-2010-0009")
    assert _loading(stage, child) == _loading(stage, alone) + 1


def test_an_unknown_number_is_not_found(stage: Stage) -> None:
    with pytest.raises(NotFound):
        casts.load(stage, "TC-1999-0001")


def test_siblings_are_those_under_the_umbrella_that_the_form_names_now(stage: Stage) -> None:
    for usd, parent in (("100", "TC-2010-0901"), ("20", "TC-2010-0902"), ("3", "TC-2010-0902")):
        casts.draft(stage, attach=(), kind="child", parent=parent, budget=usd)
    number = casts.revision(stage, kind="child", parent="TC-2010-0901")
    assert casts.load(stage, number).siblings_usd == Decimal(100)
    casts.save(stage, number, "identification", parent="TC-2010-0902")
    assert casts.load(stage, number).siblings_usd == Decimal(23)
    version = casts.resubmit(stage, number).version
    assert version is not None
    assert version.threshold_usd == Decimal(900023)


def test_what_came_to_nothing_counts_for_no_umbrella(stage: Stage) -> None:
    sibling = casts.submitted(stage, kind="child", parent="TC-2010-0901", budget="100")
    number = casts.draft(stage, kind="child", parent="TC-2010-0901")
    assert casts.load(stage, number).siblings_usd == Decimal(100)
    casts.take(stage, "ana", sibling, "withdraw", note="No longer needed.")
    assert casts.load(stage, number).siblings_usd == Decimal(0)


def test_a_parent_of_any_length_is_kept(stage: Stage) -> None:
    number = casts.draft(stage, attach=(), kind="child", parent="The umbrella for the whole of Africa")
    assert casts.load(stage, number).parent == "The umbrella for the whole of Africa"


def test_people_beyond_every_id_are_nobody(stage: Stage) -> None:
    with stage.database.read() as db:
        assert load_people(db, [0, -1, 2**31, 10**30]) == {}


def test_all_proposals_are_loaded_in_order(stage: Stage) -> None:
    numbers = [casts.draft(stage, attach=()) for _ in range(3)]
    with stage.database.read() as db:
        cases: list[Case] = load_cases(db)
        assert [case.number for case in cases] == numbers
        assert cases == [load_case(db, number) for number in numbers]
