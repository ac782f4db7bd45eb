"""Self-checks: only authors, only while they write, and carried on from version to version."""

from typing import Any

import pytest
from sqlalchemy import select

from appraisal.appraisals.rules import self_checks as domain
from appraisal.appraisals.services import self_checks
from appraisal.appraisals.services.self_checks import SelfPut
from appraisal.database import tables
from appraisal.errors import NotFound, StepConflict
from appraisal.proposals.rules.attempt import ChangeAsked
from appraisal.workflow.services.authors import add_author
from tests import casts
from tests.casts import Stage


def save(
    stage: Stage, number: str, who: str = "ana", code: str = "TRI", drawn: str | None = None, **values: Any
) -> None:
    """Save ratings; items are named like ``TRI_4``, a value stands alone or with its note."""
    puts = {
        name.replace("_", "-"): SelfPut(*((value,) if isinstance(value, str) else value))
        for name, value in values.items()
    }
    with stage.database.begin() as db:
        self_checks.save(db, stage.library, stage.people[who], stage.now, number, code, puts, drawn=drawn)
    stage.wait(minutes=1)


def own(
    stage: Stage, number: str, who: str = "ana", version: int | None = None
) -> dict[str, tuple[str, str]]:
    """Return value and note of every item that is rated."""
    with stage.database.read() as db:
        check = self_checks.open_check(db, stage.library, stage.people[who], number, version)
    return {item: (given.value, given.comment) for item, given in check.own.items()}


def rows(stage: Stage) -> list[tuple[int, str, str]]:
    table = tables.self_ratings
    with stage.database.read() as db:
        found = db.execute(select(table.c.version, table.c.item, table.c.value).order_by(table.c.id))
        return [(row.version, row.item, row.value) for row in found]


def test_all_authors_share_what_they_think(stage: Stage) -> None:
    number = casts.draft(stage)
    with stage.database.begin() as db:
        add_author(db, stage.library, stage.people["ana"], stage.now, number, stage.people["ben"].id)

    save(stage, number, TRI_1=("2", " Asked twice.\n"), TRI_4="1")
    save(stage, number, "ben", TRI_4="2", TRI_5="X")

    assert own(stage, number) == own(stage, number, "ben")
    assert own(stage, number) == {"TRI-1": ("2", "Asked twice."), "TRI-4": ("2", ""), "TRI-5": ("X", "")}


def test_saving_leaves_no_trace_on_the_proposal(stage: Stage) -> None:
    number = casts.draft(stage)
    before = casts.contents(stage)

    save(stage, number, TRI_1="2", TRI_2="X")

    after = casts.contents(stage)
    assert len(after.pop("self_ratings")) == 2
    before.pop("self_ratings")
    assert after == before


def test_what_did_not_change_is_not_written_again(stage: Stage) -> None:
    number = casts.draft(stage)
    save(stage, number, TRI_1="2")
    before = casts.contents(stage)

    save(stage, number, TRI_1="2", TRI_2="")

    assert casts.contents(stage) == before


@pytest.mark.parametrize("who", ["ben", "desk", "lead", "actemp", "chief", "auditor", "admin", "all"])
def test_nobody_but_an_author_finds_it(stage: Stage, who: str) -> None:
    number = casts.draft(stage)
    save(stage, number, TRI_1="2")
    casts.take(stage, "ana", number, "submit")
    casts.assign(stage, number)
    before = casts.contents(stage)

    with pytest.raises(NotFound) as hidden:
        own(stage, number, who)
    with pytest.raises(NotFound) as unknown:
        own(stage, "TC-1999-0001", who)
    with pytest.raises(NotFound):
        save(stage, number, who, TRI_1="3")

    assert str(hidden.value).replace(number, "TC-1999-0001") == str(unknown.value)
    assert casts.contents(stage) == before


def test_it_is_written_only_while_the_form_is(stage: Stage) -> None:
    number = casts.submitted(stage)
    assert casts.refusal(stage, lambda: save(stage, number, TRI_1="2")) == ("not_editable",)

    held = casts.revision(stage)
    until = stage.now.date().replace(month=3)
    casts.take(stage, "desk", held, "hold", until=until, note="Wait.")
    assert casts.refusal(stage, lambda: save(stage, held, TRI_1="2")) == ("on_hold",)


def test_items_and_values_are_those_of_the_set(stage: Stage) -> None:
    number = casts.draft(stage)
    assert casts.refusal(stage, lambda: save(stage, number, ALI_1="2", TRI_1="7", TRI_2="2")) == (
        "item_unknown",
        "rating_unknown",
    )
    with pytest.raises(NotFound):
        save(stage, number, code="XYZ", XYZ_1="2")
    # An X where an appraiser could give none is theirs to think over.
    save(stage, number, TRI_1="X")
    assert own(stage, number) == {"TRI-1": ("X", "")}


def test_another_authors_save_is_not_undone(stage: Stage) -> None:
    number = casts.draft(stage)
    items = next(
        entry.checklist.items
        for entry in stage.library.criteria(stage.library.newest_set().key)
        if entry.checklist.code == "TRI"
    )
    drawn = domain.fingerprint(items, {})
    save(stage, number, drawn=drawn, TRI_1="2")
    before = casts.contents(stage)

    with pytest.raises(StepConflict):
        save(stage, number, drawn=drawn, TRI_2="3")

    assert casts.contents(stage) == before
    # Another checklist is another page.
    save(stage, number, code="GEN", GEN_1="2")


def test_a_new_version_starts_from_the_one_before(stage: Stage) -> None:
    number = casts.draft(stage)
    save(stage, number, TRI_1=("3", "Sure."), TRI_2="2", TRI_3="2")
    casts.take(stage, "ana", number, "submit")
    assert own(stage, number) == {"TRI-1": ("3", "Sure."), "TRI-2": ("2", ""), "TRI-3": ("2", "")}
    casts.assign(stage, number)
    casts.rate(stage, number, TRI_1="1")
    casts.take(stage, "lead", number, "request_revision", changes=(ChangeAsked("Consult.", "TRI-1"),))

    save(stage, number, TRI_1="2", TRI_2="")

    assert own(stage, number) == {"TRI-1": ("2", ""), "TRI-2": ("", ""), "TRI-3": ("2", "")}
    assert own(stage, number, version=1) == {
        "TRI-1": ("3", "Sure."),
        "TRI-2": ("2", ""),
        "TRI-3": ("2", ""),
    }
    assert rows(stage)[3:] == [(2, "TRI-1", "2"), (2, "TRI-2", "")]


def test_what_is_compared_is_what_the_authors_may_read(stage: Stage) -> None:
    def versions(number: str) -> list[int]:
        return [version.number for version, _ in domain.comparable(casts.load(stage, number))]

    number = casts.rated(stage)
    assert versions(number) == []
    casts.take(stage, "lead", number, "finalise")
    assert versions(number) == [1]
    casts.take(stage, "lead", number, "recall", note="Seen anew.")
    assert versions(number) == []


def test_no_event_of_any_chain_speaks_of_it(stage: Stage) -> None:
    number = casts.draft(stage)
    save(stage, number, TRI_1=("2", "A note to ourselves."))
    casts.take(stage, "ana", number, "submit")

    others = {name: found for name, found in casts.contents(stage).items() if name != "self_ratings"}
    assert "A note to ourselves." not in repr(others)
