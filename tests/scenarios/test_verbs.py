import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select

from appraisal.database import tables
from appraisal.database.engine import Database
from appraisal.scenarios.play import Doing
from appraisal.scenarios.verbs.table import VERBS, Verb
from appraisal.vocabulary.refusals import NotAllowed, refuse
from tests.scenarios.scripts import APPRAISING, play

OK = "All as expected."
PROPOSED = "  - {at: 2010-02-01T09:00:00+01:00, by: designer, do: propose, as: P1, with: {title: One}}\n"


def said(tmp_path: Path, text: str) -> str:
    """Play steps that stand from line 9 on and return all that is printed."""
    result = play(tmp_path, text)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.output


def kept(tmp_path: Path, text: str) -> Database:
    """Play steps that must hold, and open the database that they leave."""
    url = f"sqlite:///{tmp_path / 'kept.sqlite3'}"
    result = play(tmp_path, text, "--database", url)
    assert result.output.splitlines()[-1] == OK, result.output
    return Database(url)


def content(database: Database) -> dict[str, Any]:
    table = tables.proposals
    with database.read() as db:
        text = db.execute(select(table.c.content).order_by(table.c.id)).scalars().first()
    database.close()
    found: dict[str, Any] = json.loads(text or "")
    return found


def documents(database: Database) -> set[str]:
    table = tables.documents
    with database.read() as db:
        found = set(db.execute(select(table.c.kind)).scalars())
    database.close()
    return found


@pytest.mark.thorough
def test_a_step_from_another_state_is_refused_for_that_alone_whoever_tries(tmp_path: Path) -> None:
    steps = """\
  - {by: chief, do: approve, to: P1, refused: [wrong_state]}
  - {by: reader, do: finalise, to: P1, refused: [wrong_state]}
  - {by: reader, do: submit, to: P1, refused: [not_author]}
  - {by: reader, do: revise, to: P1, with: {title: Two}, refused: [not_visible]}
  - {by: reader, do: register_approval, to: P1, refused: [role_missing]}
"""
    assert OK in said(tmp_path, PROPOSED + steps)


@pytest.mark.thorough
def test_finalising_keeps_what_was_recommended_before(tmp_path: Path) -> None:
    steps = """\
  - {by: reader, do: rate, to: P1, with: {default: 2}}
  - by: reader
    do: recommend
    to: P1
    with:
      recommendation: READY_WITH_CONDITIONS
      reason: The powers are not clear
      conditions:
        - {item: TRI-4, text: Say what it decides, owner: Somebody, due: '2010-04-01', gate: before_donor}
        - {text: Add a map}
  - {by: reader, do: finalise, to: P1}
expect: {P1: {recommendation: READY_WITH_CONDITIONS, conditions: 2}}
"""
    database = kept(tmp_path, APPRAISING + steps)

    conditions, appraisals = tables.conditions, tables.appraisals
    with database.read() as db:
        rows = db.execute(select(conditions).order_by(conditions.c.number)).all()
        reason = db.execute(select(appraisals.c.reason)).scalar_one()
    database.close()
    assert (rows[0].item, rows[0].text, rows[0].owner) == ("TRI-4", "Say what it decides", "Somebody")
    assert (str(rows[0].due_on), rows[0].gate) == ("2010-04-01", "before_donor")
    assert [row.text for row in rows][1:] == ["Add a map"]
    assert reason == "The powers are not clear"


@pytest.mark.thorough
def test_finalising_fills_in_only_the_conditions_that_are_missing(tmp_path: Path) -> None:
    steps = """\
  - {by: reader, do: rate, to: P1, with: {default: 2, TRI-4: 1, CAP-6: 1}}
  - {by: reader, do: recommend, to: P1, with: {conditions: [{item: TRI-4, text: Mine, gate: before_donor}]}}
  - {by: reader, do: finalise, to: P1, then: {P1: {conditions: 2}}}
  - {by: reader, do: recall, to: P1}
  - {by: reader, do: rate, to: P1, with: {CAP-6: 2}}
  - {by: reader, do: finalise, to: P1, then: {P1: {conditions: 1, recommendation: READY_WITH_CONDITIONS}}}
  - {by: chief, do: approve, to: P1}
  - {by: desk, do: send_to_donor, to: P1, refused: [conditions_open]}
"""
    assert OK in said(tmp_path, APPRAISING + steps)


@pytest.mark.thorough
def test_requesting_a_revision_keeps_the_choice(tmp_path: Path) -> None:
    steps = """\
  - {by: reader, do: rate, to: P1, with: {default: 2}}
  - {by: reader, do: recommend, to: P1, with: {recommendation: REVISE, reason: The map is wrong}}
  - {by: reader, do: request_revision, to: P1, with: {changes: [{item: TRI-4, text: Mend it}]}}
expect: {P1: {state: revision_requested, computed: READY, recommendation: REVISE}}
"""
    assert OK in said(tmp_path, APPRAISING + steps)


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("{budget: '10'}", {"amount": "10", "currency": "USD", "donor": "Norway", "fund": "RBSA"}),
        ("{budget: {amount: '10', currency: EUR}}", {"amount": "10", "currency": "EUR", "donor": "Norway"}),
        ("{funding: XBTC}", {"fund": "XBTC", "modality": "direct", "amount": "700000", "donor": "Norway"}),
        ("{donor: Chile}", {"donor": "Chile", "fund": "RBSA", "modality": "rbsa", "amount": "700000"}),
        ("{private: true}", {"private": "yes", "donor": "Norway", "fund": "RBSA"}),
        ("{title: Two}", {"private": "no", "donor": "Norway", "fund": "RBSA", "amount": "700000"}),
    ],
)
def test_revising_changes_the_contribution_that_is_given(
    tmp_path: Path, given: str, found: dict[str, str]
) -> None:
    steps = f"""\
  - {{by: designer, do: propose, as: P1, with: {{donor: Norway, funding: RBSA, budget: '700000'}}}}
  - {{by: designer, do: revise, to: P1, with: {given}}}
"""
    rows = content(kept(tmp_path, steps))["identification"]["contributions"]

    assert len(rows) == 1
    assert {key: rows[0][key] for key in found} == found


@pytest.mark.thorough
@pytest.mark.parametrize(
    "steps",
    [
        "  - {by: designer, do: propose, as: P1, with: {private: true}}\n",
        """\
  - {by: designer, do: propose, as: P1}
  - {by: designer, do: revise, to: P1, with: {private: yes}}
""",
    ],
)
def test_what_a_private_donor_pays_for_can_be_submitted(tmp_path: Path, steps: str) -> None:
    submitted = "  - {by: designer, do: submit, to: P1}\nexpect: {P1: {state: submitted, track: standard}}\n"
    database = kept(tmp_path, steps + submitted)

    assert "ppp_clearance" in documents(database)
    assert content(database)["alignment"]["ppp_clearance"]


@pytest.mark.sampled(1)
@pytest.mark.parametrize(
    ("named", "kept_as"),
    [
        ("mixed", "mixed"),
        ("turin_centre", "turin_centre"),
        ("ITC-ILO Turin", "turin_centre"),
        ("Centro Internacional de Formación de la OIT, Turín", "turin_centre"),
        ("A university", "other"),
    ],
)
def test_a_provider_may_be_called_by_its_name(tmp_path: Path, named: str, kept_as: str) -> None:
    proposed = f"  - {{by: designer, do: propose, as: P1, with: {{provider: '{named}'}}}}\n"
    assert content(kept(tmp_path, proposed))["turin"]["provider"] == kept_as


def test_revising_the_provider_leaves_the_rest_of_the_section(tmp_path: Path) -> None:
    steps = """\
  - {by: designer, do: propose, as: P1, with: {content: {turin: {reason: A package, cost: Known}}}}
  - {by: designer, do: revise, to: P1, with: {provider: A university}}
"""
    found = content(kept(tmp_path, steps))["turin"]

    assert (found["reason"], found["cost"], found["provider"]) == ("A package", "Known", "other")


def test_a_later_rate_makes_no_document_missing(tmp_path: Path) -> None:
    steps = """\
  - {by: designer, do: propose, as: P1, with: {budget: {amount: '400000', currency: EUR}}}
  - {by: desk, do: enter_rate, with: {currency: EUR, day: '2010-01-01', per_usd: '0.05'}}
  - {by: designer, do: submit, to: P1, then: {P1: {track: reinforced}}}
"""
    assert OK in said(tmp_path, steps)


def test_an_incomplete_draft_holds_what_is_stated_alone(tmp_path: Path) -> None:
    steps = """\
  - {by: designer, do: propose, as: P1, with: {complete: false, countries: 'ZM, TZ', content: {gender: {marker: '2'}}}}
  - {by: designer, do: submit, to: P1, refused: [fields_missing, documents_missing]}
"""
    found = content(kept(tmp_path, steps))

    assert found == {"identification": {"countries": ["ZM", "TZ"]}, "gender": {"marker": "2"}}


def test_an_incomplete_draft_can_be_completed(tmp_path: Path) -> None:
    steps = """\
  - {by: designer, do: propose, as: P1, with: {complete: false, title: One}}
  - {by: designer, do: revise, to: P1, with: {complete: true}}
  - {by: designer, do: submit, to: P1}
"""
    assert content(kept(tmp_path, steps))["identification"]["title"] == "One"


@pytest.mark.thorough
def test_revising_is_refused_even_where_nothing_would_change(tmp_path: Path) -> None:
    steps = "  - {by: desk, do: revise, to: P1, with: {title: One}, refused: [not_author]}\n"
    assert OK in said(tmp_path, PROPOSED + "  - {by: designer, do: submit, to: P1}\n" + steps)


@pytest.mark.thorough
def test_authors_rate_their_own_draft(tmp_path: Path) -> None:
    steps = """\
  - {by: designer, do: self_check, to: P1, with: {default: 2, TRI-4: 1, comments: {TRI-4: No powers}}}
  - {by: reader, do: self_check, to: P1, with: {default: 2}, refused: [not_visible]}
  - {by: designer, do: submit, to: P1}
  - {by: designer, do: self_check, to: P1, with: {default: 3}, refused: [not_editable]}
"""
    database = kept(tmp_path, PROPOSED + steps)

    table = tables.self_ratings
    with database.read() as db:
        rows = {row.item: (row.version, row.value, row.note) for row in db.execute(select(table))}
    database.close()
    assert rows["TRI-4"] == (1, "1", "No powers")
    assert rows["ALI-1"] == (1, "2", "")
    # Above no threshold there is no evaluability review.
    assert "EVA-2" not in rows


@pytest.mark.thorough
def test_an_answer_that_nobody_asked_for_is_a_difference(tmp_path: Path) -> None:
    assert "line 10: answer: nobody was asked for PARDEV" in said(
        tmp_path, PROPOSED + "  - {by: reader, do: answer, to: P1, with: {unit: PARDEV}}\n"
    )


@pytest.mark.thorough
@pytest.mark.parametrize("verb", ["clear_condition", "waive_condition"])
def test_a_condition_that_is_not_there_is_a_difference(tmp_path: Path, verb: str) -> None:
    steps = f"""\
  - {{by: reader, do: rate, to: P1, with: {{default: 2, TRI-4: 1}}}}
  - {{by: reader, do: finalise, to: P1}}
  - {{by: desk, do: {verb}, to: P1, with: {{item: CAP-6}}}}
  - {{by: designer, do: {verb}, to: P1, with: {{condition: 7}}, refused: [not_visible]}}
"""
    output = said(tmp_path, APPRAISING + steps)

    assert f"line 14: {verb}: there is no condition ‘CAP-6’" in output
    assert f"line 15: {verb}: there is no condition ‘7’" in output


def test_a_step_on_what_was_never_begun_is_a_difference(tmp_path: Path) -> None:
    steps = """\
  - {by: reader, do: propose, as: P1, refused: [role_missing]}
  - {by: desk, do: register_approval, to: P1}
"""
    assert "line 10: register_approval: P1 was never begun" in said(tmp_path, steps)


@pytest.mark.thorough
def test_a_setting_that_a_kept_database_has_already_is_a_difference(tmp_path: Path) -> None:
    database, file = f"sqlite:///{tmp_path / 'kept.sqlite3'}", tmp_path / "test.yaml"
    rates = "rates: [{currency: EUR, day: '2010-01-01', per_usd: '0.8'}]\n"

    outputs = [play(tmp_path, PROPOSED + rates, "--database", database).output for _ in range(2)]

    assert file.exists()
    assert OK in outputs[0]
    assert "the rate of EUR on 2010-01-01 stands in the database already" in outputs[1]


@pytest.mark.thorough
def test_a_shape_that_nothing_has_is_a_difference(tmp_path: Path) -> None:
    output = said(tmp_path, PROPOSED + "expect: {P1: {state: {draft: true}}}\n")
    assert "line 10: P1: state is draft, not" in output


@pytest.mark.thorough
def test_a_rating_keeps_its_value_when_only_its_comment_is_given(tmp_path: Path) -> None:
    steps = """\
  - {by: reader, do: rate, to: P1, with: {default: 2, TRI-4: 1}}
  - {by: reader, do: rate, to: P1, with: {comments: {TRI-4: Too weak}}}
"""
    database = kept(tmp_path, APPRAISING + steps)

    table = tables.ratings
    with database.read() as db:
        row = db.execute(select(table).where(table.c.item == "TRI-4")).one()
    database.close()
    assert (row.value, row.comment) == ("1", "Too weak")


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("table", "changes"), [("events", {"sequence": 99}), ("jobs", {}), ("ratings", {"item": "TRI-99"})]
)
def test_whatever_a_refused_step_leaves_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: str, changes: dict[str, Any]
) -> None:
    def leave_something(doing: Doing) -> None:
        target = tables.METADATA.tables[table]
        row = dict(doing.db.execute(select(target)).mappings().first() or {})
        del row["id"]
        doing.db.execute(insert(target).values({**row, **changes}))
        doing.db.commit()
        raise NotAllowed([refuse("not_lead")])

    monkeypatch.setitem(VERBS, "confirm", Verb(leave_something, "", VERBS["confirm"].terms))
    steps = """\
  - {by: reader, do: rate, to: P1, with: {default: 2}}
  - {by: reader, do: finalise, to: P1}
  - {by: reader, do: confirm, to: P1, refused: [not_lead]}
"""
    assert "line 14: confirm was refused, but left something written" in said(tmp_path, APPRAISING + steps)
