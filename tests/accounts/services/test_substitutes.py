"""Substitutes: named and ended on the site's chain, and what is written when a substitute acts."""

import json
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select, update

from appraisal.accounts.services import accounts, substitutes
from appraisal.appraisals.services import conditions
from appraisal.appraisals.services import lead as appraisals_lead
from appraisal.appraisals.services.lead import RatingPut
from appraisal.clock import geneva_date
from appraisal.database import tables
from appraisal.errors import NotFound
from appraisal.people.facts import Scope
from appraisal.people.store.substitutes import list_substitutions, standing
from appraisal.proposals.facts import Case
from appraisal.proposals.rules.attempt import ChangeAsked, Inputs
from appraisal.proposals.services.opening import load
from appraisal.proposals.store import lists
from appraisal.trail.rules.events import broken
from appraisal.trail.store import site
from appraisal.workflow.services import acts
from tests import casts
from tests.app.test_races import race
from tests.casts import Stage
from tests.tampering import by_hand


def _last_event(stage: Stage, number: str) -> dict[str, Any]:
    case = casts.load(stage, number)
    with stage.database.read() as db:
        chain = lists.chain_of(db, case.id)
    assert broken(chain, case.head) is None
    return dict(chain[-1].facts)


def _rows(stage: Stage, table: Any) -> list[dict[str, Any]]:
    with stage.database.read() as db:
        return [dict(row) for row in db.execute(select(table).order_by(table.c.id)).mappings()]


# Naming.


def test_naming_and_ending_stand_in_the_chain_of_the_site(stage: Stage) -> None:
    named = casts.substitute(stage, "lead", "eval", last=4)
    ids = stage.people["lead"].id, stage.people["eval"].id
    assert (named.person, named.substitute, named.scope, named.named_by) == (*ids, "appraisals", "Lead")
    stage.wait(days=1)
    with stage.database.begin() as db:
        ended = substitutes.end_substitution(db, stage.people["lead"], stage.now, named.id)
    assert ended == replace(named, ended_at=stage.now)
    with stage.database.read() as db:
        chain = site.chain(db)
        assert list_substitutions(db, ids[0]) == list_substitutions(db, ids[1]) == [ended]
    assert broken(chain) is None
    first, last = named.first.isoformat(), named.last.isoformat()
    assert [(event.facts["action"], event.facts["by"], event.facts["facts"]) for event in chain[-2:]] == [
        (
            "name_substitute",
            ids[0],
            {
                "substitution": named.id,
                "person": ids[0],
                "substitute": ids[1],
                "scope": "appraisals",
                "first": first,
                "last": last,
            },
        ),
        ("end_substitution", ids[0], {"substitution": named.id, "person": ids[0]}),
    ]


def test_whoever_is_to_stand_in_is_told(stage: Stage) -> None:
    named = casts.substitute(stage, "lead", "eval")
    (row,) = _rows(stage, tables.notices)
    assert (row["person_id"], row["what"]) == (stage.people["eval"].id, "substitute_named")
    assert json.loads(row["facts"]) == {"first": named.first.isoformat(), "last": named.last.isoformat()}


def test_an_administrator_names_for_somebody_who_fell_ill(stage: Stage) -> None:
    named = casts.substitute(stage, "chief", "deputy", "decisions", by="admin")
    assert (named.person_name, named.substitute_name, named.named_by) == ("Chief", "Deputy", "Admin")


@pytest.mark.parametrize(
    ("who", "expected"),
    [("eval", ("substitution_not_yours",)), ("desk", ("substitution_not_yours",))],
)
def test_nobody_else_names(lite: Stage, who: str, expected: tuple[str, ...]) -> None:
    assert casts.refusal(lite, lambda: casts.substitute(lite, "lead", "eval", by=who)) == expected


def test_a_refused_naming_says_everything_and_writes_nothing(stage: Stage) -> None:
    found = casts.refusal(stage, lambda: casts.substitute(stage, "lead", "chief", first=3, last=-1))
    assert found == ("substitute_lacks_role", "substitution_ends_first", "substitution_past")
    casts.substitute(stage, "lead", "eval")
    assert casts.refusal(stage, lambda: casts.substitute(stage, "eval", "lead", first=5, last=20)) == (
        "substitution_circular",
    )
    assert casts.refusal(stage, lambda: casts.substitute(stage, "lead", "actrav", first=10, last=11)) == (
        "substitution_overlaps",
    )


def test_of_an_unknown_person(lite: Stage) -> None:
    def name(person: int, substitute: int) -> None:
        with lite.database.begin() as db:
            substitutes.name_substitute(
                db,
                lite.people["admin"],
                lite.now,
                person=person,
                substitute=substitute,
                scope="appraisals",
                first=lite.now.date(),
                last=lite.now.date(),
            )

    with pytest.raises(NotFound):
        name(999, lite.people["lead"].id)
    assert casts.refusal(lite, lambda: name(lite.people["lead"].id, 10**30)) == ("substitute_missing",)


def test_an_ended_one_leaves_room_for_another(stage: Stage) -> None:
    named = casts.substitute(stage, "lead", "eval")
    with stage.database.begin() as db:
        substitutes.end_substitution(db, stage.people["admin"], stage.now, named.id)
    assert casts.substitute(stage, "eval", "lead").substitute_name == "Lead"
    assert stage.people["eval"].stands_in == ()


@pytest.mark.parametrize("change", [{"active": False}, {"roles": ["coordinator"]}])
@pytest.mark.parametrize("who", ["all", "lead"])
def test_a_substitution_ends_with_the_account_or_the_role_of_either(
    stage: Stage, who: str, change: dict[str, Any]
) -> None:
    named = casts.substitute(stage, "lead", "all")
    casts.change(stage, who, **change)
    with stage.database.read() as db:
        (entry,) = list_substitutions(db, named.person)
        ended = [event for event in site.chain(db) if '"action":"end_substitution"' in event.body]
        assert standing(db, "appraisals") == []
    assert (entry.stage(geneva_date(stage.now)), len(ended)) == ("past", 1)
    # Whoever comes back starts anew.
    casts.change(stage, who, active=True, roles=["appraiser"])
    assert stage.people["all"].stands_in == ()
    assert casts.substitute(stage, "lead", "all").ended_at is None


@pytest.mark.parametrize("who", ["all", "lead"])
def test_a_substitution_stays_while_both_may_still_do_it(lite: Stage, who: str) -> None:
    named = casts.substitute(lite, "lead", "all")
    casts.change(lite, who, unit="PARDEV", duty_station="Turin")
    with lite.database.read() as db:
        assert list_substitutions(db, named.person) == [named]


def test_a_substitution_of_a_closed_account_blocks_no_other(lite: Stage) -> None:
    """Also one that was closed before its substitutions ended with it."""
    named = casts.substitute(lite, "lead", "all")
    table = tables.people
    with by_hand(lite.database, lite.now) as db:
        db.execute(update(table).where(table.c.id == named.substitute).values(active=False))
    with lite.database.read() as db:
        (entry,) = list_substitutions(db, named.person)
    assert (entry.ended_at, entry.stage(geneva_date(lite.now))) == (None, "past")
    assert casts.substitute(lite, "lead", "eval").stage(geneva_date(lite.now)) == "present"


def test_only_who_may_name_may_end_and_only_once(lite: Stage) -> None:
    named = casts.substitute(lite, "lead", "eval")

    def end(who: str, id: int = named.id) -> None:
        with lite.database.begin() as db:
            substitutes.end_substitution(db, lite.people[who], lite.now, id)

    for who in ("eval", "chief"):
        with pytest.raises(NotFound):
            end(who)
    with pytest.raises(NotFound):
        end("lead", 999)
    end("lead")
    assert casts.refusal(lite, lambda: end("lead")) == ("substitution_over",)
    later = casts.substitute(lite, "lead", "eval", last=1)
    lite.wait(days=2)
    assert casts.refusal(lite, lambda: end("lead", later.id)) == ("substitution_over",)


def test_two_who_name_each_other_at_once_make_no_circle(stage: Stage) -> None:
    def naming(person: str, deputy: str) -> Any:
        return lambda: casts.substitute(stage, person, deputy)

    for _ in range(3):
        found = race(naming("lead", "eval"), naming("eval", "lead"))
        assert sorted(type(entry).__name__ for entry in found) == ["NotAllowed", "Substitution"], found
        rows = [row for row in _rows(stage, tables.substitutions) if row["ended_at"] is None]
        assert len(rows) == 1
        with stage.database.begin() as db:
            substitutes.end_substitution(db, stage.people["admin"], stage.now, rows[0]["id"])


def test_whoever_is_loaded_knows_for_whom_they_stand_in(stage: Stage) -> None:
    """Of an account that is closed, or a role that was taken away, nobody takes the place."""
    casts.substitute(stage, "lead", "eval")
    casts.substitute(stage, "actrav", "eval")

    def stands_in() -> list[str]:
        with stage.database.read() as db, casts.counted() as sent:
            found = accounts.find_person(db, stage.people["eval"].id).person.stands_in
        assert sum(statement.startswith("SELECT") for statement in sent) == 1
        return [entry.name for entry in found]

    assert stands_in() == ["Lead", "Actrav"]
    for key, changes in (("lead", {"active": False}), ("actrav", {"roles": ["auditor"]})):
        person = stage.people[key]
        given: dict[str, Any] = {"roles": sorted(person.roles), "active": True, **changes}
        with stage.database.begin() as db:
            accounts.change_person(
                db,
                stage.people["admin"],
                stage.now,
                person.id,
                library=stage.library,
                name=person.name,
                unit=person.unit,
                duty_station="",
                language="en",
                **given,
            )
        assert key.title() not in stands_in()


# For the lead.


def test_a_substitute_rates_and_finalises_for_the_lead(stage: Stage) -> None:
    number = casts.submitted(stage)
    casts.assign(stage, number)
    casts.rate(stage, number, ALI_1="3")
    casts.substitute(stage, "lead", "eval")
    lead, eval_ = stage.people["lead"].id, stage.people["eval"].id
    assert casts.load(stage, number).related("lead") == {lead}
    with stage.database.begin() as db:
        appraisals_lead.rate(
            db, stage.library, stage.people["eval"], stage.now, number, {"TRI-1": RatingPut("2", "Good.")}
        )
    # Whoever rates has led from then on.
    assert casts.load(stage, number).related("lead") == {lead, eval_}
    case = casts.take(stage, "eval", number, "finalise")
    step = case.steps[-1]
    assert (step.name, step.by, step.behalf) == ("finalise", eval_, lead)
    assert casts.load(stage, number).steps == case.steps
    event = _last_event(stage, number)
    assert (event["by"], event["facts"]["for"]) == (eval_, lead)
    assert _rows(stage, tables.events)[-1]["for_id"] == lead
    (appraisal,) = case.appraisals
    assert (appraisal.lead, appraisal.ratings["TRI-1"].by, appraisal.ratings["ALI-1"].by) == (
        lead,
        eval_,
        lead,
    )
    _check_the_record(stage, case)


def _check_the_record(stage: Stage, case: Case) -> None:
    value = json.loads(_rows(stage, tables.records)[-1]["value"])
    appraisal = value["appraisal"]
    assert (appraisal["lead"]["name"], appraisal["by"]["name"], appraisal["for"]["name"]) == (
        "Lead",
        "Eval",
        "Lead",
    )
    assert [(entry["name"], entry["items"]) for entry in appraisal["rated_for_lead"]] == [("Eval", ["TRI-1"])]
    by_name = {step["name"]: (step["by"]["name"], step["for"]) for step in value["steps"]}
    assert by_name["assign"] == ("Desk", None)
    lead = {"id": stage.people["lead"].id, "name": "Lead", "unit": "PARDEV", "roles": ["appraiser"]}
    assert by_name["finalise"] == ("Eval", lead)


def test_the_lead_signs_alone_where_the_lead_acts(stage: Stage) -> None:
    number = casts.rated(stage)
    casts.substitute(stage, "lead", "eval")
    case = casts.take(stage, "lead", number, "finalise")
    assert case.steps[-1].behalf is None
    assert case.related("lead") == {stage.people["lead"].id}
    assert "for" not in _last_event(stage, number)["facts"]
    assert case.finalised is not None
    value = json.loads(_rows(stage, tables.records)[-1]["value"])
    assert (value["appraisal"]["by"]["name"], value["appraisal"]["for"]) == ("Lead", None)
    assert value["appraisal"]["rated_for_lead"] == []


def test_a_recalled_appraisal_still_says_who_gave_its_ratings(lite: Stage) -> None:
    number = casts.submitted(lite)
    casts.assign(lite, number)
    casts.substitute(lite, "lead", "eval")
    casts.rate(lite, number, who="eval")
    casts.take(lite, "lead", number, "finalise")
    casts.take(lite, "eval", number, "recall", note="A slip.")
    case = casts.take(lite, "lead", number, "finalise")
    assert {given.by for given in case.appraisals[-1].ratings.values()} == {lite.people["eval"].id}


def test_a_block_of_a_unit_is_not_rated_for_the_lead_though_its_reviewer_led_before(lite: Stage) -> None:
    number = casts.submitted(lite, budget="6000000")
    casts.assign(lite, number, "eval")
    rated = {
        item: RatingPut("2", "Because.")
        for item in casts.items_of(lite, number)
        if not item.startswith("EVA-")
    }
    with lite.database.begin() as db:
        appraisals_lead.rate(db, lite.library, lite.people["eval"], lite.now, number, rated)
    casts.take(lite, "desk", number, "reassign", lead="lead", note="For balance.")
    # The present lead confirms each, and EVAL's reviewer signs the block.
    casts.rate(lite, number)
    casts.take(lite, "lead", number, "finalise")
    value = json.loads(_rows(lite, tables.records)[-1]["value"])["appraisal"]
    assert value["rated_for_lead"] == []
    (block,) = (entry["finalised_by"] for entry in value["criteria"] if "finalised_by" in entry)
    assert (block["unit"], block["person"]["name"]) == ("EVAL", "Eval")


def test_neither_decides_once_one_appraised_for_the_other(stage: Stage) -> None:
    number = casts.submitted(stage)
    casts.assign(stage, number)
    casts.rate(stage, number)
    casts.substitute(stage, "lead", "all")
    change = ChangeAsked("Consult all three.", "TRI-1")
    casts.rate(stage, number, who="all", TRI_1="1")
    casts.take(stage, "all", number, "request_revision", changes=(change,))
    casts.resubmit(stage, number)
    stage.wait(days=30)
    casts.assign(stage, number, lead="eval")
    casts.rate(stage, number, who="eval")
    casts.take(stage, "eval", number, "finalise")
    # The days are over, and it was another round: the relation stays.
    assert casts.refused(stage, "all", number, "approve") == ("excluded_lead",)
    with stage.database.read() as db:
        assert load(db, stage.library, number, stage.people["all"])[0].number == number


def test_before_and_after_the_days_nothing_is_open(stage: Stage) -> None:
    number = casts.submitted(stage)
    casts.assign(stage, number)
    casts.substitute(stage, "lead", "eval", first=1, last=2)
    # Asked for its comments, EVAL's appraiser reads the proposal anyway; others do not even know of it.
    casts.substitute(stage, "lead", "all", first=3, last=3)

    def rate(who: str) -> Any:
        return lambda: casts.rate(stage, number, who=who)

    assert casts.refusal(stage, rate("all")) == ("not_lead",)
    assert casts.refused(stage, "all", number, "finalise") == ("not_lead",)
    stage.wait(days=1)
    casts.refresh(stage)
    casts.rate(stage, number, who="eval")
    stage.wait(days=2)
    # Whoever was loaded while it was in force gains nothing by that.
    assert stage.people["eval"].covers
    assert casts.refusal(stage, rate("eval")) == ("not_lead",)
    assert casts.refused(stage, "eval", number, "finalise") == ("not_lead",)
    casts.refresh(stage)
    casts.rate(stage, number, who="all")
    stage.wait(days=1)
    assert casts.refused(stage, "all", number, "finalise") == ("not_lead",)


def test_an_author_rates_nothing_for_the_lead(lite: Stage) -> None:
    number = casts.submitted(lite, "all")
    casts.assign(lite, number)
    casts.rate(lite, number)
    casts.substitute(lite, "lead", "all")
    assert casts.refusal(lite, lambda: casts.rate(lite, number, who="all")) == ("excluded_author",)
    assert casts.refused(lite, "all", number, "finalise") == ("excluded_author",)
    assert casts.refusal(lite, lambda: casts.rate(lite, number)) == ("excluded_replaced",)
    assert casts.refused(lite, "lead", number, "finalise") == ("excluded_replaced",)


def test_a_colleague_who_neither_leads_nor_stands_in_is_told_so(lite: Stage) -> None:
    number = casts.submitted(lite, "all")
    casts.assign(lite, number)
    casts.substitute(lite, "all", "actrav")
    assert casts.refusal(lite, lambda: casts.rate(lite, number, who="actrav")) == ("not_lead",)


# For a manager.


def test_a_manager_decides_for_another_and_signs_alone(stage: Stage) -> None:
    number = casts.awaiting(stage)
    casts.substitute(stage, "chief", "deputy", "decisions")
    chief, deputy = stage.people["chief"].id, stage.people["deputy"].id
    case = casts.take(stage, "deputy", number, "approve", behalf=chief)
    (decision,) = case.decisions
    assert (decision.by, decision.behalf) == (deputy, chief)
    assert casts.load(stage, number).decisions == case.decisions
    assert (case.steps[-1].by, case.steps[-1].behalf) == (deputy, chief)
    event = _last_event(stage, number)
    assert (event["by"], event["facts"]["for"]) == (deputy, chief)
    (row,) = _rows(stage, tables.decisions)
    assert (row["by"], row["for_id"]) == (deputy, chief)
    value = json.loads(_rows(stage, tables.records)[-1]["value"])
    assert (value["decision"]["by"]["name"], value["decision"]["for"]["name"]) == ("Deputy", "Chief")
    assert (value["steps"][-1]["by"]["name"], value["steps"][-1]["for"]["name"]) == ("Deputy", "Chief")


def test_in_the_own_name_nobody_else_is_written(stage: Stage) -> None:
    number = casts.awaiting(stage)
    casts.substitute(stage, "chief", "deputy", "decisions")
    case = casts.take(stage, "deputy", number, "approve")
    assert (case.decisions[0].behalf, case.steps[-1].behalf) == (None, None)
    assert "for" not in _last_event(stage, number)["facts"]


def test_both_signatures_of_two_who_count_as_one_are_refused(stage: Stage) -> None:
    number = casts.not_recommended(stage)
    casts.substitute(stage, "chief", "deputy", "decisions")
    chief, deputy = stage.people["chief"].id, stage.people["deputy"].id
    casts.take(stage, "deputy", number, "propose_override", note="Urgent.", behalf=chief)
    assert casts.load(stage, number).related("signatory") == {chief, deputy}
    for behalf in (None, chief):
        assert casts.refused(stage, "deputy", number, "countersign", behalf=behalf) == ("excluded_signatory",)
    assert casts.refused(stage, "chief", number, "countersign") == ("excluded_signatory",)
    case = casts.take(stage, "third", number, "countersign")
    value = json.loads(_rows(stage, tables.records)[-1]["value"])
    first = value["decision"]["first_signature"]
    assert (first["by"]["name"], first["for"]["name"], value["decision"]["for"]) == ("Deputy", "Chief", None)
    assert case.state == "approved"


@pytest.mark.parametrize(
    ("person", "scope", "days"),
    [
        ("chief", "decisions", (1, 5)),
        ("third", "decisions", (0, 5)),
        ("lead", "appraisals", (0, 5)),
    ],
)
def test_nobody_acts_for_somebody_by_saying_so(
    stage: Stage, person: str, scope: Scope, days: tuple[int, int]
) -> None:
    """Not yet in force, of somebody else, or of another scope."""
    number = casts.awaiting(stage)
    substitute = "all" if scope == "appraisals" else "deputy"
    casts.substitute(stage, person, substitute, scope, first=days[0], last=days[1])
    chief = stage.people["chief"].id
    assert casts.refused(stage, substitute, number, "approve", behalf=chief) == ("behalf_not_in_force",)
    after = casts.take(stage, substitute, number, "approve")
    assert after.steps[-1].by == stage.people[substitute].id


def test_naming_gives_nothing_beyond_its_scope(lite: Stage) -> None:
    """The substitute of a coordinator who also leads is no coordinator, and reads no other proposal."""
    other, own = casts.submitted(lite), casts.submitted(lite)
    casts.assign(lite, own, lead="all")
    casts.substitute(lite, "all", "lead")
    for step, given in (
        ("return_incomplete", {"missing": "A letter."}),
        ("hold", {"note": "Wait.", "until": lite.now.date().replace(year=2011)}),
    ):
        assert casts.refused(lite, "lead", own, step, **given) == ("role_missing",)
    with pytest.raises(NotFound):
        casts.take(lite, "lead", other, "assign", lead="eval")
    with lite.database.read() as db:
        assert [entry.number for entry in lists.list_proposals(db, lite.people["lead"])[0]] == [own]


def test_a_condition_is_not_waived_for_its_lead(lite: Stage) -> None:
    number = casts.submitted(lite)
    casts.assign(lite, number, lead="all")
    casts.rate(lite, number, who="all", TRI_4="1")
    casts.recommend(lite, number, ["TRI-4"], "all")
    final = casts.take(lite, "all", number, "finalise").finalised
    assert final is not None
    casts.substitute(lite, "all", "deputy", "decisions")

    def waive(who: str) -> Any:
        def act() -> None:
            with lite.database.begin() as db:
                conditions.waive_condition(
                    db, lite.library, lite.people[who], lite.now, number, final.conditions[0].id, "Because."
                )

        return act

    assert casts.refusal(lite, waive("deputy")) == ("excluded_stand_in",)
    waive("third")()


def test_an_administrator_reads_and_does_nothing_else(lite: Stage) -> None:
    number = casts.rated(lite)
    for step in ("finalise", "hold", "no_such_step"):
        with pytest.raises(NotFound), lite.database.begin() as db:
            acts.take_step(
                db, lite.library, lite.people["admin"], lite.now, number, step, Inputs(note="Because.")
            )
    with pytest.raises(NotFound), lite.database.read() as db:
        load(db, lite.library, number, lite.people["admin"])
