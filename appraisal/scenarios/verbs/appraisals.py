"""These verbs rate, recommend, answer for units, and close conditions."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from appraisal.appraisals.rules import reviews, verdicts
from appraisal.appraisals.rules.assessment import assess_appraisal
from appraisal.appraisals.rules.conditions import ConditionPut
from appraisal.appraisals.services import conditions, lead
from appraisal.clock import geneva_date
from appraisal.proposals.facts import Appraisal, Case
from appraisal.proposals.rules import access, rulebook
from appraisal.proposals.rules.rulebook import Rulebook
from appraisal.proposals.services.opening import load
from appraisal.proposals.store.case import load_case
from appraisal.scenarios.givens import listed
from appraisal.scenarios.play import NOTE, Doing, Unplayable
from appraisal.scenarios.verbs import reviews as scenarios_reviews
from appraisal.scenarios.verbs.reviews import put_down


def rate(doing: Doing) -> Case:
    """Rate every item that is the actor's with ``default``, and single items as given.

    A reviewer rates the own review, the lead everything else. Where nobody of a unit takes part in
    the scenario, a stand-in gives and signs the ratings that the unit finalises.
    """
    case = load_case(doing.db, doing.number)
    if scenarios_reviews.reviews_now(case, doing.actor):
        return scenarios_reviews.rate(doing)
    book, running = _book(doing, case), case.appraisal
    puts = put_down(doing, book, running.ratings if running else {}, _applicable(book, case))
    blocks = reviews.block_items(book.criteria)
    mine = {item: put for item, put in puts.items() if item not in blocks}
    for unit in dict.fromkeys(blocks.values()):
        theirs = {item: put for item, put in puts.items() if blocks.get(item) == unit}
        if running is None or not (theirs and access.may_rate(case, doing.actor, doing.now)):
            mine |= {item: put for item, put in theirs.items() if item in doing.given or running is None}
        elif not scenarios_reviews.by_stand_in(doing, unit, theirs):
            mine |= {item: put for item, put in theirs.items() if item in doing.given}
    return lead.rate(doing.db, doing.library, doing.actor, doing.now, doing.number, mine)


def _book(doing: Doing, case: Case) -> Rulebook:
    return rulebook.rulebook(doing.library, case.workflow, case.set)


def _applicable(book: Rulebook, case: Case) -> list[str]:
    criteria = book.criteria_for(case.version.threshold_usd if case.version else None)
    return sorted(item.id for criterion in criteria for item in criterion.checklist.items)


def confirm(doing: Doing) -> Case:
    """Confirm the ratings carried over whose evidence did not change, as lead or reviewer."""
    if scenarios_reviews.reviews_now(load_case(doing.db, doing.number), doing.actor):
        return scenarios_reviews.confirm(doing)
    return lead.confirm_unchanged(doing.db, doing.library, doing.actor, doing.now, doing.number)


def recommend(doing: Doing) -> Case:
    """Save the lead's choice and conditions; what was saved before stays unless it is given anew."""
    case = load_case(doing.db, doing.number)
    running = case.appraisal
    chosen = doing.text("recommendation", running.chosen if running else "")
    reason = doing.text("reason", running.reason if running else "")
    return lead.recommend(
        doing.db,
        doing.library,
        doing.actor,
        doing.now,
        doing.number,
        chosen=chosen,
        reason=reason,
        conditions=_conditions(doing, case, running, chosen) if running else (),
    )


def _conditions(doing: Doing, case: Case, running: Appraisal, chosen: str) -> list[ConditionPut]:
    """Return the conditions given, else those saved before, and those that a low rating asks for."""
    given = doing.given.get("conditions")
    if isinstance(given, str):
        return []
    book = _book(doing, case)
    if given is None:
        found = list(_saved(book, running))
    else:
        found = _matched(running, [_condition(entry, doing.now) for entry in listed(given)])
    computed = assess_appraisal(book, case, running)
    means = {entry.code: entry.means for entry in book.set.recommendations}
    if means.get(chosen or computed.recommendation or "") == "conditional":
        written = {put.item for put in found}
        found += [
            _condition({"item": item}, doing.now) for item in computed.conditions if item not in written
        ]
    return found


def _matched(running: Appraisal, puts: Iterable[ConditionPut]) -> list[ConditionPut]:
    """Let each condition given be the one that stands on its item, first by first, where there is one."""
    open_ones = [entry for entry in running.conditions if entry.is_open]
    found = []
    for put in puts:
        entry = next((entry for entry in open_ones if entry.item == put.item), None)
        if entry is not None:
            open_ones.remove(entry)
        found.append(replace(put, id=entry.id) if entry else put)
    return found


def _saved(book: Rulebook, running: Appraisal) -> Iterable[ConditionPut]:
    """Yield the conditions of the running appraisal; those born of a low rating go when it rises."""
    low = verdicts.low_items(book.set, running.ratings)
    for entry in running.conditions:
        if entry.by_hand or entry.item in low:
            yield ConditionPut(
                entry.text, entry.item, entry.owner, entry.due_on, entry.gate, entry.id, entry.row_version
            )


def _condition(said: Mapping[str, Any], now: datetime) -> ConditionPut:
    due, gate = said.get("due"), said.get("gate")
    return ConditionPut(
        text=str(said.get("text", NOTE)),
        item=str(said.get("item", "")),
        owner=str(said.get("owner", "Project manager")),
        due_on=(date.fromisoformat(due) if due else None)
        if "due" in said
        else geneva_date(now) + timedelta(days=30),
        gate=("before_donor" if gate == "before_donor" else "before_start") if gate != "" else None,
    )


def answer(doing: Doing) -> Case:
    """Answer for a unit, by default the actor's own: by signing a review, or as a coordinator."""
    case = load_case(doing.db, doing.number)
    unit = doing.text("unit", doing.actor.unit)
    asked = [
        entry
        for appraisal in reversed(case.appraisals)
        for entry in appraisal.consultations
        if not unit or entry.unit == unit
    ]
    # One that is answered already is tried only where no other waits, so that it is refused.
    entry = next((entry for entry in asked if entry.answered_at is None), asked[0] if asked else None)
    if entry is None:
        raise Unplayable(f"nobody was asked for {unit}" if unit else "nobody was asked")
    text = doing.text("text", NOTE)
    if doing.actor.has("appraiser") and doing.actor.unit == entry.unit and not entry.answered_at:
        return scenarios_reviews.speak(doing, doing.actor, text)
    return lead.answer_consultation(
        doing.db, doing.library, doing.actor, doing.now, doing.number, entry.id, text
    )


def report(doing: Doing) -> Case:
    """Report a condition as met, with evidence."""
    evidence = doing.text("evidence", NOTE)
    return conditions.report_condition(
        doing.db, doing.actor, doing.now, doing.number, _condition_of(doing), evidence
    )


def clear(doing: Doing) -> Case:
    """Close a condition with evidence."""
    evidence = doing.text("evidence", NOTE)
    return conditions.clear_condition(
        doing.db, doing.library, doing.actor, doing.now, doing.number, _condition_of(doing), evidence
    )


def waive(doing: Doing) -> Case:
    """Waive a condition with a reason."""
    reason = doing.text("reason", doing.text("note", NOTE))
    return conditions.waive_condition(
        doing.db, doing.library, doing.actor, doing.now, doing.number, _condition_of(doing), reason
    )


def _condition_of(doing: Doing) -> int:
    """Find a condition by its number or its item, by default the first; it is not hidden that none is there.

    Somebody who may not know of the proposal is told nothing of its conditions.
    """
    case, _ = load(doing.db, doing.library, doing.number, doing.actor)
    final = case.finalised
    wanted = doing.text("condition", doing.text("item", "1"))
    for entry in final.conditions if final else ():
        if wanted in (str(entry.number), entry.item):
            return entry.id
    raise Unplayable(f"there is no condition ‘{wanted}’")


def answer_all(doing: Doing, case: Case) -> Case:
    """Let stand-ins answer every consultation that waits, save where a unit finalises ratings."""
    running, finalising = case.appraisal, reviews.block_items(_book(doing, case).criteria).values()
    for entry in running.consultations if running else ():
        if entry.answered_at is None and entry.unit not in finalising:
            scenarios_reviews.speak(doing, doing.play.stand_in(doing.db, entry.unit, doing.now), NOTE)
    return load_case(doing.db, doing.number)
