"""Conditions: what events of any age say of them, and what a save changes."""

from typing import Any

from appraisal.appraisals.rules import conditions as rules
from appraisal.appraisals.rules.conditions import ConditionPut
from appraisal.proposals.facts import Appraisal, Condition
from tests.builders import NOW, submitted

AT = "2010-02-01T09:00:00.000000Z"


def _event(action: str, **facts: Any) -> dict[str, Any]:
    return {"action": action, "at": AT, "by": 4, "facts": facts}


def test_events_of_conditions_that_no_event_wrote_are_read_and_say_nothing() -> None:
    """Older versions of the product wrote conditions without one, and said only what was done with them."""
    events = [
        _event("finalise", appraisal=1, final="READY_WITH_CONDITIONS"),
        _event("report_condition", condition=1, evidence="See minute 4."),
        _event("clear_condition", condition=1, evidence="Seen."),
        _event("waive_condition", condition=2, reason="Needless."),
        _event(
            "name_owner", condition=2, before={"owner": "A"}, after={"owner": "B", "person": 3}, reason="x"
        ),
        _event("recall", superseded=1, record="d" * 64, appraisal=2),
        _event("recall", superseded=2, record="d" * 64, appraisal=3, conditions={"carried": [1, 2]}),
        _event("finalise", appraisal=3, conditions={"withdrawn": [{"number": 1}]}),
    ]
    assert rules.replay(events) == {}


def test_what_says_the_very_same_is_the_same_whatever_its_place() -> None:
    standing = tuple(
        Condition(id, id, "TRI-4", text, "Office", position=id) for id, text in ((1, "One."), (2, "Two."))
    )
    running = Appraisal(1, 1, 1, 3, NOW, conditions=standing)
    case = submitted(appraisals=(running,))
    turned = [ConditionPut("Two.", "TRI-4", "Office"), ConditionPut("One.", "TRI-4", "Office")]
    plan = rules.saving(case, running, turned, None, ("TRI-4",), lambda _: None)
    assert (plan.written, plan.changed, plan.withdrawn, plan.order) == ((), (), (), (2, 1))
    assert rules.saving_facts(running, plan) == {"conditions": {"order": [2, 1]}}
    same = rules.saving(case, running, turned[::-1], None, ("TRI-4",), lambda _: None)
    assert rules.saving_facts(running, same) == {}
