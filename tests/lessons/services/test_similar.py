"""Which similar proposals somebody is shown, and what of them."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, update

from appraisal.database import tables
from appraisal.definitions.library import Library
from appraisal.lessons.services import similar
from appraisal.lessons.services.similar import Similar
from appraisal.lessons.store import similar as stored
from tests import casts
from tests.casts import Stage
from tests.tampering import unwatched

OUTCOMES = {"content": {"alignment": {"outcome": "Outcome 7"}}}


def look(stage: Stage, number: str, who: str) -> list[Similar]:
    """Look for what is similar to a proposal, as it is written now."""
    case = casts.load(stage, number)
    with stage.database.read() as db:
        return similar.find_proposals(db, stage.library, case, stage.people[who], case.content)


def about(theme: str, *countries: str, outcome: str = "") -> dict[str, Any]:
    """Say what a proposal is about, with an outcome of its own where none is given."""
    return {
        "theme": theme,
        "countries": list(countries),
        "content": {"alignment": {"outcome": outcome or f"Outcome of {theme} in {countries}"}},
    }


def test_what_agrees_is_found_and_named_most_first(stage: Stage) -> None:
    both = casts.submitted(stage, **about("labour   MIGRATION", "ZM", "JO"))
    country = casts.submitted(stage, **about("Child labour", "TZ"))
    casts.submitted(stage, **about("Child labour", "JO"))
    theme = casts.outside(stage, theme="Labour migration", countries=["HT"])
    mine = casts.draft(stage, "ben", attach=(), **about("Labour migration", "ZM", "TZ", outcome="OUTCOME 7"))
    outcome = casts.submitted(stage, **about("Standards", "HT", outcome="Outcome 7"))

    found = look(stage, mine, "ben")

    assert [(entry.number, entry.shared) for entry in found] == [
        (both, ("country", "theme")),
        (outcome, ("outcome",)),
        (theme, ("theme",)),
        (country, ("country",)),
    ]


def test_drafts_are_nobodys_business(stage: Stage) -> None:
    casts.draft(stage, "ben", attach=(), **about("Labour migration", "ZM"))
    casts.draft(stage, attach=(), **about("Labour migration", "ZM"))
    mine = casts.draft(stage, attach=(), **about("Labour migration", "ZM"))

    assert look(stage, mine, "ana") == []


def test_what_authors_write_after_submitting_finds_nothing(stage: Stage) -> None:
    number = casts.revision(stage, **about("Child labour", "ZM"))
    casts.save(stage, number, "identification", theme="Labour migration")
    casts.save(stage, number, "alignment", outcome="Outcome 7")
    mine = casts.draft(stage, "ben", attach=(), **about("Labour migration", "JO", outcome="Outcome 7"))

    assert look(stage, mine, "ben") == []
    casts.resubmit(stage, number)
    assert [entry.shared for entry in look(stage, mine, "ben")] == [("theme", "outcome")]


def test_other_designers_see_the_overlap_and_what_a_decided_appraisal_found(stage: Stage) -> None:
    number = casts.approved(stage, ratings={"TRI_4": "1", "CAP_6": "1"}, **about("Labour migration", "ZM"))
    mine = casts.draft(stage, "ben", attach=(), **about("Labour migration", "ZM"))

    (found,) = look(stage, mine, "ben")

    assert (found.number, found.full, found.state.title.en) == (number, False, "Approved")
    assert (found.countries, found.donors) == ("ZM", "Illustrative donor")
    assert found.findings is not None
    assert [item.id for item in found.findings.weak] == ["TRI-4", "CAP-6"]
    assert found.findings.conditions == ("Mend this.", "Mend this.")
    # Nothing that is said of it is about money, people or comments.
    assert "Because." not in repr(found)
    assert "900000" not in repr(found)
    assert all(person.name not in repr(found) for person in (stage.people["lead"], stage.people["chief"]))


@pytest.mark.parametrize("build", [casts.submitted, casts.rated, casts.awaiting, casts.revision])
def test_before_the_decision_nothing_is_told_of_an_appraisal(stage: Stage, build: Any) -> None:
    number = build(stage, **about("Labour migration", "ZM"))
    mine = casts.submitted(stage, "ben", **about("Labour migration", "ZM"))

    for who in ("ben", "desk", "auditor", "chief"):
        (found,) = look(stage, mine, who)
        assert (found.number, found.findings, found.withheld) == (number, None, False)


def test_a_rejected_proposal_tells_what_was_weak(stage: Stage) -> None:
    number = casts.not_recommended(stage, **about("Labour migration", "ZM"))
    casts.take(stage, "chief", number, "reject", note="Designed for another purpose.")
    mine = casts.draft(stage, "ben", attach=(), **about("Labour migration", "ZM"))

    (found,) = look(stage, mine, "ben")

    assert found.findings is not None
    assert [item.id for item in found.findings.weak] == ["TRI-1"]


def test_a_withdrawn_proposal_was_never_decided(stage: Stage) -> None:
    number = casts.awaiting(stage, ratings={"TRI_4": "1"}, **about("Labour migration", "ZM"))
    casts.take(stage, "ana", number, "withdraw", note="The donor went away.")
    mine = casts.draft(stage, "ben", attach=(), **about("Labour migration", "ZM"))

    assert [entry.findings for entry in look(stage, mine, "ben")] == [None]


def test_an_appraisal_that_was_recalled_tells_nothing(stage: Stage) -> None:
    number = casts.awaiting(stage, ratings={"TRI_4": "1"}, **about("Labour migration", "ZM"))
    casts.take(stage, "lead", number, "recall", note="Seen anew.")
    casts.rate(stage, number, TRI_5="1")
    casts.recommend(stage, number, ["TRI-5"])
    casts.take(stage, "lead", number, "finalise")
    casts.take(stage, "chief", number, "approve")
    mine = casts.draft(stage, "ben", attach=(), **about("Labour migration", "ZM"))

    (found,) = look(stage, mine, "ben")

    assert found.findings is not None
    assert [item.id for item in found.findings.weak] == ["TRI-5"]
    assert found.findings.conditions == ("Mend this.",)


def review(stage: Stage, number: str, who: str, **values: Any) -> None:
    """Ask somebody to review the last appraisal of a proposal."""
    case = casts.load(stage, number)
    with unwatched(stage.database) as db:
        db.execute(
            insert(tables.reviews).values(
                proposal_id=case.id,
                appraisal_id=case.appraisals[-1].id,
                person_id=stage.people[who].id,
                checklists="TRI",
                asked_at=stage.now,
                asked_by=stage.people["desk"].id,
                due_on=stage.now.date(),
                **{"unit": "", "declaration": "nothing", "reason": "", "comment": "", "late": False}
                | {"row_version": 1, **values},
            )
        )


def test_who_still_has_to_review_a_proposal_is_not_told_what_others_found(stage: Stage) -> None:
    number = casts.approved(stage, ratings={"TRI_4": "1"}, **about("Labour migration", "ZM"))
    mine = casts.submitted(stage, "ben", **about("Labour migration", "ZM"))
    review(stage, number, "auditor")

    (withheld,) = look(stage, mine, "auditor")
    (told,) = look(stage, mine, "desk")

    assert (withheld.findings, withheld.withheld) == (None, True)
    assert told.findings is not None


@pytest.mark.parametrize("how", ["signed_at", "declined_at", "withdrawn_at", "declared"])
def test_a_review_that_is_no_longer_open_withholds_nothing(stage: Stage, how: str) -> None:
    number = casts.approved(stage, ratings={"TRI_4": "1"}, **about("Labour migration", "ZM"))
    mine = casts.submitted(stage, "ben", **about("Labour migration", "ZM"))
    review(
        stage, number, "auditor", **({"declaration": "declared"} if how == "declared" else {how: stage.now})
    )

    (found,) = look(stage, mine, "auditor")

    assert (found.findings is not None, found.withheld) == (True, False)


def test_a_lead_sees_what_was_decided_and_else_only_what_is_theirs_to_read(stage: Stage) -> None:
    decided = casts.approved(stage, **about("Labour migration", "ZM"))
    casts.submitted(stage, **about("Labour migration", "ZM"))
    mine = casts.submitted(stage, "ben", **about("Labour migration", "ZM"))
    casts.take(stage, "desk", mine, "assign", lead="eval")

    (found,) = look(stage, mine, "eval")

    assert (found.number, found.full) == (decided, False)
    assert len(look(stage, mine, "desk")) == 2


def test_those_near_are_examined_before_those_that_are_only_new(stage: Stage) -> None:
    near = casts.submitted(stage, **about("Labour migration", "ZM"))
    unit = casts.submitted(stage, unit="MIGRANT", **about("Labour migration", "JO"))
    far = [casts.submitted(stage, **about("Labour migration", "HT")) for _ in range(2)]
    case = casts.load(stage, casts.draft(stage, "ben", attach=(), **about("Labour migration", "ZM")))

    def examined(most: int) -> set[str]:
        with stage.database.read() as db:
            found = stored.candidates(db, stage.people["ben"], case.id, {"ZM"}, "MIGRANT", {}, most)
            return {entry.number for entry in found}

    assert examined(1) == {near}
    assert examined(2) == {near, unit}
    assert examined(3) == {near, unit, far[1]}


def test_a_code_is_looked_for_whole(stage: Stage) -> None:
    casts.submitted(stage, **about("Child labour", "ZM"))
    casts.submitted(stage, **about("Standards", "global"))

    for code in ("MZ", "global"):
        mine = casts.draft(stage, "ben", attach=(), **about("Labour migration", code))
        assert look(stage, mine, "ben") == []


def test_the_statements_do_not_grow_with_what_is_found(lite: Stage, library: Library) -> None:
    number = casts.approved(lite, ratings={"TRI_4": "1"}, **about("Labour migration", "ZM"))
    mine = casts.load(lite, casts.draft(lite, "ben", attach=(), **about("Labour migration", "ZM")))

    def statements() -> int:
        with lite.database.read() as db, casts.counted() as sent:
            similar.find_proposals(db, library, mine, lite.people["ben"], mine.content)
        return sum(statement.startswith("SELECT") for statement in sent)

    few = statements()
    _multiply(lite, number, 30)
    assert len(look(lite, mine.number, "ben")) == 10
    assert statements() == few == 3


def _multiply(stage: Stage, number: str, times: int) -> None:
    """Write copies of a decided proposal with its version and appraisal."""
    with unwatched(stage.database) as db:
        for table in (tables.proposals, tables.versions, tables.appraisals):
            key = table.c.number if table is tables.proposals else table.c.proposal_id
            wanted = number if table is tables.proposals else casts.load(stage, number).id
            row = dict(db.execute(table.select().where(key == wanted)).mappings().one())
            for copy in range(times):
                own = {"id": 1000 + copy}
                if table is tables.proposals:
                    own["number"] = f"TC-2009-{copy:04d}"  # type: ignore[assignment]
                    own["created_at"] = row["created_at"] - timedelta(days=copy)
                else:
                    own["proposal_id"] = 1000 + copy
                if table is tables.appraisals:
                    own["version_id"] = 1000 + copy
                db.execute(insert(table).values(**{**row, **own}))


def test_an_approval_that_was_annulled_was_decided_all_the_same(stage: Stage) -> None:
    number = casts.approved(stage, **about("Labour migration", "ZM"))
    mine = casts.draft(stage, "ben", attach=(), **about("Labour migration", "ZM"))
    table = tables.proposals
    with unwatched(stage.database) as db:
        db.execute(update(table).where(table.c.number == number).values(state="annulled", route=""))

    (found,) = look(stage, mine, "ben")

    assert found.state.title.en == "Approval annulled"
    assert found.findings is not None
