"""Conditions over time: each keeps its number whatever becomes of it, and events alone tell all of it."""

import json
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from appraisal.appraisals.rules import conditions as rules
from appraisal.appraisals.rules.conditions import ConditionPut
from appraisal.appraisals.services import conditions, lead
from appraisal.canonical import canonical
from appraisal.errors import StepConflict
from appraisal.proposals.facts import Appraisal, Condition
from appraisal.proposals.rules import disclosure
from appraisal.proposals.rules.attempt import ChangeAsked
from appraisal.proposals.store import lists
from appraisal.records.store import records as stored
from appraisal.verification.rules import record_file
from appraisal.verification.services import database
from appraisal.vocabulary.refusals import NotAllowed
from tests import casts
from tests.casts import Stage

DUE = date(2010, 4, 1)


def _bodies(stage: Stage, number: str) -> list[Mapping[str, Any]]:
    with stage.database.read() as db:
        return [event.facts for event in lists.chain_of(db, casts.load(stage, number).id)]


def _events(stage: Stage, number: str) -> list[str]:
    return [body["action"] for body in _bodies(stage, number)]


def _told(stage: Stage, number: str) -> Mapping[str, Any]:
    """Return what the last event says of conditions."""
    found: Mapping[str, Any] = _bodies(stage, number)[-1]["facts"].get(rules.FACTS, {})
    return found


def _last(stage: Stage, number: str) -> Appraisal:
    return casts.load(stage, number).appraisals[-1]


def _save(
    stage: Stage, number: str, puts: Sequence[ConditionPut] | None, who: str = "lead", **given: Any
) -> tuple[Condition, ...]:
    with stage.database.begin() as db:
        lead.recommend(db, stage.library, stage.people[who], stage.now, number, conditions=puts, **given)
    stage.wait(minutes=1)
    return _last(stage, number).conditions


def _put(entry: Condition, **changes: Any) -> ConditionPut:
    kept = ConditionPut(
        entry.text, entry.item, entry.owner, entry.due_on, entry.gate, entry.id, entry.row_version
    )
    return replace(kept, **changes)


def _new(text: str, item: str = "", **given: Any) -> ConditionPut:
    whole: dict[str, Any] = {"owner": "Office", "due_on": DUE, "gate": "before_donor", **given}
    return ConditionPut(text, item, **whole)


def _waive(stage: Stage, number: str, condition: int, who: str = "chief") -> None:
    with stage.database.begin() as db:
        conditions.waive_condition(
            db, stage.library, stage.people[who], stage.now, number, condition, "No need."
        )
    stage.wait(minutes=1)


def _clear(stage: Stage, number: str, condition: int) -> None:
    with stage.database.begin() as db:
        conditions.clear_condition(
            db, stage.library, stage.people["desk"], stage.now, number, condition, "The letter came."
        )
    stage.wait(minutes=1)


def _shown(entries: Iterable[Condition]) -> list[tuple[int, str, str]]:
    return [(entry.number, entry.item, entry.text) for entry in entries]


def _agree(stage: Stage, number: str) -> None:
    """Compare the rows with what the events say, and see that each is of one appraisal."""
    case = casts.load(stage, number)
    told = rules.replay(_bodies(stage, number))
    rows = {
        entry.number: rules.Stood(entry, appraisal.number)
        for appraisal in case.appraisals
        for entry in (*appraisal.conditions, *appraisal.former_conditions)
    }
    assert rows == told


def test_a_waived_condition_stays_waived_through_a_recall_and_whatever_the_lead_saves(stage: Stage) -> None:
    number = casts.awaiting(stage, ratings={"TRI_4": "1", "CAP_6": "1"})
    first, second = _last(stage, number).conditions
    _waive(stage, number, first.id)
    casts.take(stage, "lead", number, "recall", note="One more look.")
    carried = _last(stage, number).conditions
    assert [(entry.id, entry.number) for entry in carried] == [(first.id, 1), (second.id, 2)]
    casts.recommend(stage, number, ["TRI-4", "CAP-6"])
    assert casts.refusal(stage, lambda: _save(stage, number, [_put(carried[0], text="Else.")])) == (
        "condition_closed",
    )
    _save(stage, number, [])
    found = {entry.number: entry for entry in _last(stage, number).conditions}
    assert found[1].waived_by == stage.people["chief"].id
    casts.recommend(stage, number, ["CAP-6"])
    casts.take(stage, "lead", number, "finalise")
    assert casts.refused(stage, "chief", number, "approve") == ("condition_waived",)
    # Waived again: what is waived cannot be, what took the place of the other can.
    with pytest.raises(NotAllowed):
        _waive(stage, number, first.id, "deputy")
    newer = next(entry for entry in _last(stage, number).conditions if entry.is_open)
    _waive(stage, number, newer.id, "deputy")
    _agree(stage, number)


def test_a_report_is_about_what_was_asked_for_then(stage: Stage) -> None:
    number = casts.awaiting(stage, ratings={"TRI_4": "1", "CAP_6": "1"})
    for entry in _last(stage, number).conditions:
        with stage.database.begin() as db:
            given = (number, entry.id, "A letter of May.")
            conditions.report_condition(db, stage.people["ana"], stage.now, *given)
    casts.take(stage, "lead", number, "recall", note="One more look.")
    first, second = _last(stage, number).conditions
    # Another day asks for the same, other words do not.
    _save(stage, number, [_put(first, text="A committee of three sides."), _put(second, due_on=DUE)])
    assert [entry.get("unreported") for entry in _told(stage, number)["changed"]] == [True, None]
    found = [
        (entry.reported_by, entry.reported_at is not None, entry.report)
        for entry in _last(stage, number).conditions
    ]
    assert found == [(None, False, ""), (stage.people["ana"].id, True, "A letter of May.")]
    _agree(stage, number)
    casts.take(stage, "lead", number, "finalise")
    assert [entry["reported"] is not None for entry in _conditions_of_record(stage, number)] == [False, True]
    assert database.verify(stage.database, stage.library, None).breaks == []


def test_a_condition_is_of_whoever_wrote_what_it_asks_for(lite: Stage) -> None:
    number = casts.rated(lite, ratings={"TRI_4": "1", "CAP_6": "1"})
    casts.take(lite, "desk", number, "reassign", lead="all", note="On leave.")
    casts.rate(lite, number, who="all", TRI_4="1", CAP_6="1")
    first, second = _last(lite, number).conditions
    rewritten_at = lite.now
    _save(lite, number, [_put(first, text="A committee."), _put(second, owner="Office")], "all")
    found = [(entry.written_by, entry.written_at) for entry in _last(lite, number).conditions]
    assert found == [(lite.people["all"].id, rewritten_at), (lite.people["lead"].id, second.written_at)]
    _agree(lite, number)
    casts.take(lite, "all", number, "finalise")
    names = [entry["written"]["by"]["name"] for entry in _conditions_of_record(lite, number)]
    assert names == ["All", "Lead"]


def _conditions_of_record(stage: Stage, number: str) -> list[dict[str, Any]]:
    with stage.database.read() as db:
        newest = stored.newest_record(db, number)
    assert newest is not None
    found: list[dict[str, Any]] = json.loads(newest.value)["appraisal"]["conditions"]
    return found


def test_waived_stays_waived_where_the_appraisal_turns_out_favourable_without_conditions(lite: Stage) -> None:
    number = casts.awaiting(lite, ratings={"TRI_4": "1"})
    _waive(lite, number, _last(lite, number).conditions[0].id)
    casts.take(lite, "lead", number, "recall", note="One more look.")
    casts.rate(lite, number, TRI_4="2")
    casts.take(lite, "lead", number, "finalise")
    assert _last(lite, number).final == "READY"
    assert casts.refused(lite, "chief", number, "approve") == ("condition_waived",)
    casts.take(lite, "chief", number, "propose_override", note="Because.")
    casts.take(lite, "deputy", number, "countersign")
    assert casts.load(lite, number).approval is not None
    _agree(lite, number)


def test_a_cleared_condition_keeps_its_evidence_through_a_recall(lite: Stage) -> None:
    number = casts.awaiting(lite, ratings={"TRI_4": "1", "CAP_6": "1"})
    before = _last(lite, number).conditions[0]
    _clear(lite, number, before.id)
    casts.take(lite, "lead", number, "recall", note="One more look.")
    casts.recommend(lite, number, ["TRI-4", "CAP-6"])
    found = next(entry for entry in _last(lite, number).conditions if entry.id == before.id)
    assert (found.number, found.evidence, found.cleared_by) == (
        before.number,
        "The letter came.",
        lite.people["desk"].id,
    )
    _agree(lite, number)


def test_a_recommendation_that_is_revise_for_a_moment_loses_no_text(lite: Stage) -> None:
    number = casts.rated(lite, ratings={"TRI_4": "1"})
    _save(lite, number, [_new("One."), _new("Two.", "TRI-4"), _new("Three.")])
    casts.rate(lite, number, TRI_1="1")
    _save(lite, number, None, chosen="REVISE", reason="Too weak.")
    casts.rate(lite, number, TRI_4="1")
    assert _shown(_save(lite, number, None)) == [(2, "", "One."), (3, "TRI-4", "Two."), (4, "", "Three.")]
    _agree(lite, number)


def test_what_closing_does_not_keep_is_confirmed_by_number_and_withdrawn_by_an_event(stage: Stage) -> None:
    number = casts.rated(stage)
    entries = _save(stage, number, [_new("One."), _new("Two.", "CAP-6")])
    for confirmed in (frozenset(), frozenset({1}), frozenset({1, 2, 3})):
        assert casts.refused(stage, "lead", number, "finalise", withdrawn=confirmed) == (
            "conditions_not_kept",
        )
    casts.take(stage, "lead", number, "finalise", withdrawn=frozenset({1, 2}))
    assert _told(stage, number) == {
        "withdrawn": [{**rules.said(entry), "due_on": "2010-04-01"} for entry in entries]
    }
    final = _last(stage, number)
    assert (final.final, final.conditions, _shown(final.former_conditions)) == ("READY", (), _shown(entries))
    _agree(stage, number)


def test_asking_for_a_revision_names_the_conditions_that_it_withdraws(lite: Stage) -> None:
    number = casts.rated(lite, ratings={"TRI_1": "1"})
    given: dict[str, Any] = {"changes": (ChangeAsked("Consult all three.", "TRI-1"),)}
    assert casts.refused(lite, "lead", number, "request_revision", withdrawn=frozenset(), **given) == (
        "conditions_not_kept",
    )
    casts.take(lite, "lead", number, "request_revision", **given)
    assert [entry["number"] for entry in _told(lite, number)["withdrawn"]] == [1]
    _agree(lite, number)


def test_two_conditions_on_one_item_keep_their_numbers_when_they_change_places(lite: Stage) -> None:
    number = casts.rated(lite)
    one, two = _save(lite, number, [_new("One.", "TRI-4"), _new("Two.", "TRI-4")])
    turned = _save(lite, number, [_put(two), _put(one)])
    assert _shown(turned) == [(2, "TRI-4", "Two."), (1, "TRI-4", "One.")]
    assert _told(lite, number) == {"order": [2, 1]}
    changed = _save(lite, number, [_put(two, text="Two, better."), _put(one)])
    assert [(entry.number, entry.id) for entry in changed] == [(2, two.id), (1, one.id)]
    [told] = _told(lite, number)["changed"]
    assert (told["number"], told["before"]["text"], told["after"]["text"]) == (2, "Two.", "Two, better.")
    _agree(lite, number)


def test_a_number_is_never_given_twice(lite: Stage) -> None:
    number = casts.rated(lite)
    _save(lite, number, [_new("One."), _new("Two.")])
    _save(lite, number, [])
    assert _shown(_save(lite, number, [_new("Three.")])) == [(3, "", "Three.")]
    # What was typed again is another condition; the old one stays withdrawn.
    assert _shown(_save(lite, number, [_new("One.")])) == [(4, "", "One.")]
    assert sorted(entry.number for entry in _last(lite, number).former_conditions) == [1, 2, 3]
    _agree(lite, number)


def test_saving_the_same_again_writes_no_event(lite: Stage) -> None:
    number = casts.rated(lite)
    one, two = _save(lite, number, [_new("One."), _new("Two.")])
    before = _events(lite, number)
    assert before.count("write_conditions") == 1
    _save(lite, number, [_put(one), _put(two)])
    # The same page sent once more, from before they had ids.
    _save(lite, number, [_new("One."), _new("Two.")])
    _save(lite, number, None, reason="Just so.")
    assert _events(lite, number) == before
    assert _last(lite, number).conditions == (one, two)


def test_a_condition_that_somebody_else_changed_is_a_conflict_of_its_own(stage: Stage) -> None:
    number = casts.rated(stage)
    one, two = _save(stage, number, [_new("One."), _new("Two.")])
    casts.substitute(stage, "lead", "eval")
    _save(stage, number, [_put(one, text="One, by Eval."), _put(two)], "eval")
    with pytest.raises(StepConflict):
        _save(stage, number, [_put(one, text="One, by the lead."), _put(two)])
    _save(stage, number, [_put(one, text="One, by Eval.", seen=2)], known=[one.id, two.id])
    with pytest.raises(StepConflict):
        _save(stage, number, [_put(two, text="Two, withdrawn meanwhile.")])
    # Nothing that the page did not show is withdrawn by it.
    kept = _save(stage, number, [_new("Three.")], known=[])
    assert _shown(kept) == [(3, "", "Three."), (1, "", "One, by Eval.")]
    _agree(stage, number)


def test_drafts_go_on_in_the_appraisal_after_one_that_was_sent_back(stage: Stage) -> None:
    number = casts.rated(stage)
    one, two = _save(stage, number, [_new("One.", "TRI-4"), _new("Two.")])
    casts.take(stage, "desk", number, "return_incomplete", missing="A letter.")
    assert _last(stage, number).conditions == (one, two)
    casts.take(stage, "ana", number, "submit")
    casts.assign(stage, number, "eval")
    assert _last(stage, number).number == 2
    assert _last(stage, number).conditions == (one, two)
    [_, told] = [
        body["facts"].get(rules.FACTS) for body in _bodies(stage, number) if body["action"] == "assign"
    ]
    assert told == {"carried": [1, 2]}
    _agree(stage, number)


def test_what_does_not_apply_to_the_next_version_is_withdrawn_by_name(lite: Stage) -> None:
    number = casts.submitted(lite)
    casts.take(lite, "desk", number, "return_incomplete", missing="The budget.")
    casts.spend(lite, number, "6000000")
    casts.take(lite, "ana", number, "submit")
    casts.assign(lite, number)
    casts.rate(lite, number)
    _save(lite, number, [_new("One.", "EVA-1a"), _new("Two.")])
    casts.take(lite, "desk", number, "return_incomplete", missing="The budget again.")
    casts.spend(lite, number, "600000")
    casts.take(lite, "ana", number, "submit")
    casts.assign(lite, number)
    assert _shown(_last(lite, number).conditions) == [(2, "", "Two.")]
    _agree(lite, number)


def _returned(stage: Stage, number: str) -> None:
    casts.take(
        stage,
        "chief",
        number,
        "return",
        note="Not like this.",
        changes=(ChangeAsked("Mend it.", "TRI-4"),),
    )
    casts.resubmit(stage, number)
    casts.assign(stage, number)


def test_a_condition_of_an_earlier_version_is_superseded_or_withdrawn_when_the_next_is_closed(
    stage: Stage,
) -> None:
    number = casts.awaiting(stage, ratings={"TRI_4": "1", "CAP_6": "1", "TRI_5": "1"})
    _clear(stage, number, _last(stage, number).conditions[2].id)
    _returned(stage, number)
    before = casts.load(stage, number).appraisals[0]
    # While the next appraisal runs, what was written on the version before stays as it was.
    casts.rate(stage, number, TRI_4="1")
    [heir] = _save(stage, number, [_new("Mend it at last.", "TRI-4")])
    assert (heir.number, heir.follows) == (4, 1)
    assert casts.load(stage, number).appraisals[0] == before
    casts.take(stage, "lead", number, "finalise")
    told = _told(stage, number)
    assert [(entry["number"], entry["by"]) for entry in told["superseded"]] == [(1, 4)]
    assert [(entry["number"], entry["text"]) for entry in told["withdrawn"]] == [(2, "Mend this.")]
    first, second = casts.load(stage, number).appraisals
    assert _shown(first.conditions) == [(3, "TRI-5", "Mend this.")]
    assert first.conditions[0].evidence == "The letter came."
    assert {entry.number: entry.superseded_by for entry in first.former_conditions} == {1: 4, 2: None}
    assert _shown(second.conditions) == [(4, "TRI-4", "Mend it at last.")]
    _agree(stage, number)


def test_drafts_are_told_to_those_who_read_the_appraisal_until_it_is_finalised(lite: Stage) -> None:
    number = casts.rated(lite)
    _save(lite, number, [_new("One.")])

    def told(who: str) -> list[str]:
        with lite.database.read() as db:
            case = casts.load(lite, number)
            happened = lists.history_of(db, case.id)
        return [entry.name for entry in disclosure.history_for(case, lite.people[who], happened)]

    assert [
        who for who in ("ana", "chief", "lead", "desk", "auditor") if "write_conditions" in told(who)
    ] == [
        "lead",
        "desk",
        "auditor",
    ]
    # Nor does the version of the proposal, which every page of it carries.
    before = casts.load(lite, number).row_version
    _save(lite, number, [_new("Two.")])
    assert casts.load(lite, number).row_version == before
    casts.take(lite, "lead", number, "finalise")
    assert "write_conditions" in told("ana")


def _sheets(stage: Stage, number: str) -> list[dict[str, Any]]:
    """Return the values of the records of a proposal, the oldest first, each of which holds."""
    with stage.database.read() as db:
        listed, _ = stored.list_records(db, stage.people["desk"], number)
        found = [stored.find_record(db, entry.digest) for entry in reversed(listed)]
    values = [json.loads(entry.value) for entry in found if entry is not None]
    for value in values:
        fails = [
            entry.say("en")
            for entry in record_file.verify(canonical(value), stage.library)
            if entry.outcome == "fails"
        ]
        assert fails == []
    return values


def test_records_say_by_whom_a_condition_was_written_reported_met_and_waived(stage: Stage) -> None:
    number = casts.awaiting(stage, ratings={"TRI_4": "1", "CAP_6": "1"})
    one, two = _last(stage, number).conditions
    with stage.database.begin() as db:
        conditions.report_condition(db, stage.people["ana"], stage.now, number, one.id, "See minute 4.")
    stage.wait(minutes=1)
    _clear(stage, number, one.id)
    _waive(stage, number, two.id)
    casts.take(stage, "lead", number, "recall", note="One more look.")
    casts.take(stage, "lead", number, "finalise")
    casts.take(stage, "chief", number, "propose_override", note="Because.")
    casts.take(stage, "deputy", number, "countersign")
    first, second, sheet = _sheets(stage, number)
    [before, _] = first["appraisal"]["conditions"]
    assert (before["written"]["by"]["name"], before["cleared"], before["waived"]) == ("Lead", None, False)
    for said in (second["appraisal"]["conditions"], sheet["decision"]["conditions"]):
        met, waived = said
        assert (met["number"], met["cleared"]["by"]["name"], met["cleared"]["text"]) == (
            1,
            "Desk",
            "The letter came.",
        )
        assert (met["reported"]["by"]["name"], met["reported"]["text"]) == ("Ana", "See minute 4.")
        assert (waived["number"], waived["waiver"]["by"]["name"], waived["waiver"]["text"]) == (
            2,
            "Chief",
            "No need.",
        )
        assert met["cleared_at"] == met["cleared"]["at"]
    _agree(stage, number)


@pytest.mark.thorough
def test_the_record_of_the_next_version_says_which_condition_took_whose_place(lite: Stage) -> None:
    number = casts.awaiting(lite, ratings={"TRI_4": "1"})
    _returned(lite, number)
    casts.rate(lite, number, TRI_4="1")
    casts.recommend(lite, number, ["TRI-4"])
    casts.take(lite, "lead", number, "finalise")
    [said] = _sheets(lite, number)[-1]["appraisal"]["conditions"]
    assert (said["number"], said["supersedes"]) == (2, 1)


ITEMS = ("TRI-4", "CAP-6", "TRI-4", "")


def _step(stage: Stage, number: str, dice: random.Random) -> str:
    """Do one thing that may be possible now; say what it was."""
    case = casts.load(stage, number)
    last = case.appraisals[-1] if case.appraisals else None
    entries = list(last.conditions) if last else []
    some = dice.choice(entries) if entries else None
    match case.state:
        case "submitted":
            casts.assign(stage, number)
            casts.rate(stage, number, TRI_4="1")
            return "assign"
        case "incomplete":
            casts.take(stage, "ana", number, "submit")
            return "submit"
        case "revision_requested":
            casts.resubmit(stage, number)
            return "resubmit"
        case "under_appraisal" if dice.random() < 0.8:
            dice.shuffle(entries)
            kept = [_put(entry) for entry in entries if not entry.is_open or dice.random() < 0.8]
            kept = [
                put
                if dice.random() < 0.6 or not next(e for e in entries if e.id == put.id).is_open
                else replace(put, text=f"Changed {dice.randrange(9)}", item=dice.choice(ITEMS))
                for put in kept
            ]
            new = [_new(f"New {dice.randrange(99)}", dice.choice(ITEMS)) for _ in range(dice.randrange(3))]
            known = None if dice.random() < 0.7 else [entry.id for entry in entries[:1]]
            _save(stage, number, [*kept, *new], known=known)
            return "save"
        case "under_appraisal" if dice.random() < 0.2:
            casts.take(stage, "desk", number, "return_incomplete", missing="A letter.")
            return "return_incomplete"
        case "under_appraisal":
            written = {entry.item for entry in entries}
            if "TRI-4" not in written:
                _save(stage, number, [*map(_put, entries), _new("Needed.", "TRI-4")])
            casts.take(stage, "lead", number, "finalise")
            return "finalise"
        case "awaiting_decision":
            roll = dice.random()
            if some is not None and some.is_open and roll < 0.25:
                _waive(stage, number, some.id)
                return "waive"
            if some is not None and some.is_open and roll < 0.5:
                _clear(stage, number, some.id)
                return "clear"
            if some is not None and some.is_open and roll < 0.6:
                with stage.database.begin() as db:
                    conditions.report_condition(db, stage.people["ana"], stage.now, number, some.id, "Done.")
                return "report"
            if roll < 0.64:
                if any(entry.waived_at for entry in entries):
                    casts.take(stage, "chief", number, "propose_override", note="Because.")
                    casts.take(stage, "deputy", number, "countersign")
                else:
                    casts.take(stage, "chief", number, "approve")
                return "approve"
            if roll < 0.85:
                casts.take(stage, "lead", number, "recall", note="Again.")
                return "recall"
            asked = (ChangeAsked("Mend it.", "TRI-4"),)
            casts.take(stage, "chief", number, "return", note="No.", changes=asked)
            return "return"
        case "approved":
            if some is None or not some.is_open:
                casts.take(stage, "chief", number, "propose_annulment", note="Never right.")
                casts.take(stage, "deputy", number, "annul")
                return "annul"
            if dice.random() < 0.5:
                _clear(stage, number, some.id)
                return "clear"
            owner = next(who for who in ("ben", "ana") if stage.people[who].id != some.owner_id)
            with stage.database.begin() as db:
                conditions.name_owner(
                    db, stage.people["desk"], stage.now, number, some.id, stage.people[owner].id, "Gone."
                )
            return "name_owner"
        case other:
            raise AssertionError(other)


@pytest.mark.thorough
@pytest.mark.parametrize("seed", range(4))
def test_rows_are_what_the_events_say_after_every_step_of_any_history(lite: Stage, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - the same steps in each run
    number = casts.submitted(lite)
    before: dict[int, Condition] = {}
    taken: list[str] = []
    with casts.counted() as sent:
        while len(taken) < 30 and casts.load(lite, number).state != "annulled":
            taken.append(_step(lite, number, dice))
            _agree(lite, number)
            found = {entry.id: entry for entry in rules.every(casts.load(lite, number))}
            assert len({entry.number for entry in found.values()}) == len(found), taken
            for id, entry in before.items():
                assert found[id].number == entry.number, taken
                # What was waived, cleared or withdrawn once is so for ever.
                assert entry.is_open or replace(found[id], position=entry.position) == entry, taken
            before = found
    assert "finalise" in taken
    assert not [statement for statement in sent if statement.startswith("DELETE FROM conditions")]


def test_a_waiver_typed_while_the_lead_opens_the_appraisal_again_is_a_conflict(stage: Stage) -> None:
    number = casts.awaiting(stage, ratings={"TRI_4": "1"})
    seen = casts.load(stage, number).row_version
    [entry] = _last(stage, number).conditions
    casts.take(stage, "lead", number, "recall", note="One more look.")
    for act, who in (
        (conditions.waive_condition, "chief"),
        (conditions.clear_condition, "desk"),
    ):
        with pytest.raises(StepConflict), stage.database.begin() as db:
            act(db, stage.library, stage.people[who], stage.now, number, entry.id, "Because.", seen=seen)
    with pytest.raises(StepConflict), stage.database.begin() as db:
        conditions.report_condition(
            db, stage.people["ana"], stage.now, number, entry.id, "Because.", seen=seen
        )
    assert _last(stage, number).conditions == (entry,)


def test_of_two_on_one_item_each_goes_on_with_its_own_of_the_version_before(lite: Stage) -> None:
    number = casts.submitted(lite)
    casts.assign(lite, number)
    casts.rate(lite, number, TRI_4="1")
    before = [_new("A letter.", "TRI-4"), _new("A committee.", "TRI-4"), _new("A budget."), _new("A plan.")]
    _save(lite, number, before)
    casts.take(lite, "lead", number, "finalise")
    casts.take(lite, "chief", number, "return", changes=(ChangeAsked("Consult all three.", "TRI-1"),))
    casts.resubmit(lite, number)
    casts.assign(lite, number)
    casts.rate(lite, number, TRI_4="1")
    running = _last(lite, number)
    suggested = rules.suggested(casts.load(lite, number), running)
    left = casts.load(lite, number).appraisals[0].conditions
    first, second, third, fourth = (entry.number for entry in left)
    assert {item: entry.number for item, entry in suggested.items()} == {"TRI-4": first}
    # Written in another order and in part in other words; that on the whole is known by its words alone.
    after = [
        _new("A committee.", "TRI-4"),
        _new("Two letters.", "TRI-4"),
        _new("A budget."),
        _new("Three plans."),
    ]
    found = _save(lite, number, after)
    assert [entry.follows for entry in found] == [second, first, third, None]
    casts.take(lite, "lead", number, "finalise")
    former = casts.load(lite, number).appraisals[0].former_conditions
    assert {entry.number: entry.superseded_by for entry in former} == {
        second: found[0].number,
        first: found[1].number,
        third: found[2].number,
        fourth: None,
    }
    _agree(lite, number)
