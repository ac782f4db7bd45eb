"""A running appraisal is complete when its lead may close it; everything that it lacks is named here.

Guards for the steps that close an appraisal (``guards`` lists them with all others), and the
recommendation that it would be closed with.
"""

from collections.abc import Sequence

from appraisal.appraisals.rules import conditions, reviews
from appraisal.appraisals.rules.assessment import (
    assess_appraisal,
    computed_recommendation,
    final_recommendation,
)
from appraisal.canonical import digest
from appraisal.clock import geneva_date
from appraisal.deadlines.rules import due_dates
from appraisal.proposals.facts import Appraisal, Case, Condition
from appraisal.proposals.rules.attempt import Attempt
from appraisal.proposals.rules.rulebook import Rulebook
from appraisal.vocabulary import bounds
from appraisal.vocabulary.refusals import Refusal, refuse


def _problems(attempt: Attempt, appraisal: Appraisal, *, conditional: bool) -> Sequence[Refusal]:
    assessment = assess_appraisal(attempt.book, attempt.case, appraisal)
    codes = {
        criterion.checklist.code
        for criterion in attempt.book.criteria
        if (criterion.member.applies is not None) == conditional
    }
    return [problem for code, found in assessment.by_criterion.items() if code in codes for problem in found]


def checklists_complete(attempt: Attempt) -> Refusal | None:
    """Refuse while an item of the criteria that always apply is open (domain rules, section 4.9)."""
    appraisal = attempt.case.appraisal
    if appraisal is None:
        return refuse("no_appraisal")
    problems = [
        *_problems(attempt, appraisal, conditional=False),
        *reviews.unexplained(attempt.case, attempt.book, appraisal),
    ]
    return refuse("appraisal_incomplete", problems=_items(problems)) if problems else None


def evaluability_complete(attempt: Attempt) -> Refusal | None:
    """Refuse while the evaluability review is required and open."""
    appraisal = attempt.case.appraisal
    problems = _problems(attempt, appraisal, conditional=True) if appraisal else ()
    return refuse("evaluability_incomplete", problems=_items(problems)) if problems else None


def _items(problems: Sequence[Refusal]) -> list[object]:
    """Name the items with a problem, the first of many; the page of each checklist says what is wrong."""
    named = list(
        dict.fromkeys(problem.facts.get("item") or problem.facts["criterion"] for problem in problems)
    )
    return named if len(named) <= 8 else [*named[:8], f"… (+{len(named) - 8})"]


def bureaux_heard(attempt: Attempt) -> Refusal | None:
    """Refuse until each unit that the set awaits was asked and has answered or let its date pass."""
    appraisal = attempt.case.appraisal
    if appraisal is None:
        return None
    awaits = attempt.book.set.awaits
    asked = [entry for entry in appraisal.consultations if entry.unit in awaits]
    unasked = [unit for unit in awaits if unit not in {entry.unit for entry in asked}]
    if unasked:
        return refuse("bureaux_not_asked", units=unasked)
    today = geneva_date(attempt.now)
    waiting = [
        entry.unit
        for entry in asked
        if entry.answered_at is None and due_dates.due_day(attempt.case, entry) >= today
    ]
    return refuse("consultations_open", units=waiting) if waiting else None


def reviews_heard(attempt: Attempt) -> Refusal | None:
    """Refuse while somebody asked to review has not answered and the date has not passed.

    Silence never blocks: after the date the appraisal goes on without.
    """
    appraisal, case = attempt.case.appraisal, attempt.case
    if appraisal is None:
        return None
    today = geneva_date(attempt.now)
    blocks = reviews.blocks(attempt.book.criteria)
    waiting = [
        case.name(entry.person)
        for entry in reviews.standing(appraisal)
        # A block that a unit finalises is waited for anyway, by the guard on evaluability.
        if entry.is_open
        and not set(entry.checklists) <= set(blocks)
        and due_dates.due_day(case, entry) >= today
    ]
    return refuse("reviews_open", names=waiting) if waiting else None


def not_kept(book: Rulebook, case: Case) -> tuple[Condition, ...]:
    """Return the conditions that closing the running appraisal now would withdraw."""
    running = case.appraisal
    if running is None:
        return ()
    final = final_recommendation(book, case, running)
    entry = next((entry for entry in book.set.recommendations if entry.code == final), None)
    return conditions.not_kept(running, entry.means) if entry else ()


def closing_seal(book: Rulebook, case: Case) -> str:
    """Return a digest of what closing the running appraisal now would say; empty where none is running.

    Whoever closes it has read that, and ratings are saved without an event of the proposal.
    """
    running = case.appraisal
    if running is None:
        return ""
    return digest(
        {
            "verdicts": assess_appraisal(book, case, running).verdicts,
            "computed": computed_recommendation(book, case, running),
            "final": final_recommendation(book, case, running),
            "reason": running.reason,
            "conditions": [(entry.number, entry.row_version) for entry in running.conditions],
        }
    )


def choice_refusal(attempt: Attempt, appraisal: Appraisal) -> Refusal | None:
    """Refuse a recommendation that was raised, chosen where it is not open, or not explained."""
    chosen = appraisal.chosen
    computed = computed_recommendation(attempt.book, attempt.case, appraisal)
    if not chosen or chosen == computed or computed is None:
        return None
    entries = {entry.code: entry for entry in attempt.book.set.recommendations}
    if chosen not in entries:
        return refuse("recommendation_unknown", recommendation=chosen)
    source = entries[chosen].chosen_from
    if source is not None:
        if computed != source:
            return refuse(
                "recommendation_not_open",
                recommendation=entries[chosen].title,
                computed=entries[source].title,
            )
    else:
        ladder = [entry.code for entry in attempt.book.set.ladder]
        if ladder.index(chosen) < ladder.index(computed):
            return refuse("recommendation_raised")
    if not appraisal.reason.strip():
        return refuse("reason_missing")
    return (
        None
        if _written_by_hand(attempt, appraisal, entries[chosen].means)
        else refuse("hand_written_missing")
    )


def _written_by_hand(attempt: Attempt, appraisal: Appraisal, means: str) -> bool:
    """Tell whether a lowered recommendation says, tied to an item, what has to be mended.

    Required changes are given with the step, so that they cannot be judged before it is taken.
    """
    if means == "conditional":
        return any(entry.by_hand and entry.item for entry in appraisal.conditions)
    changes = attempt.inputs.changes
    return means != "revise" or not changes or any(change.item for change in changes)


def _goes_to(attempt: Attempt, revision: bool) -> Refusal | None:
    appraisal = attempt.case.appraisal
    if appraisal is None:
        return None
    refused = choice_refusal(attempt, appraisal)
    if refused:
        return refused
    final = final_recommendation(attempt.book, attempt.case, appraisal)
    if not final:
        # What is open is said by the guards on completeness.
        return None
    entry = attempt.book.set.recommendation(final)
    if (entry.means == "revise") == revision:
        return None
    code = "recommendation_not_revision" if revision else "recommendation_not_decidable"
    return refuse(code, recommendation=entry.title)


def recommendation_goes_to_decision(attempt: Attempt) -> Refusal | None:
    """Refuse to finalise when the recommendation asks for a revision."""
    return _goes_to(attempt, revision=False)


def recommendation_is_revision(attempt: Attempt) -> Refusal | None:
    """Refuse to ask for a revision when the recommendation does not."""
    return _goes_to(attempt, revision=True)


def conditions_complete(attempt: Attempt) -> Refusal | None:
    """Refuse while a condition lacks its owner, date or gate, or is due in the past or too far ahead."""
    appraisal = attempt.case.appraisal
    if appraisal is None:
        return None
    final = final_recommendation(attempt.book, attempt.case, appraisal)
    conditional = {entry.code for entry in attempt.book.set.recommendations if entry.means == "conditional"}
    if final not in conditional:
        return None
    open_ended = [
        entry.item or str(entry.number)
        for entry in appraisal.conditions
        if not (entry.owner and entry.due_on and entry.gate and entry.text)
    ]
    written = {entry.item for entry in appraisal.conditions}
    open_ended += [
        item
        for item in assess_appraisal(attempt.book, attempt.case, appraisal).conditions
        if item not in written
    ]
    if open_ended:
        return refuse("conditions_incomplete", numbers=open_ended)
    today = geneva_date(attempt.now)
    past = [
        entry.item or str(entry.number)
        for entry in appraisal.conditions
        if entry.is_open and entry.due_on is not None and entry.due_on < today
    ]
    if past:
        return refuse("conditions_due_past", numbers=past)
    late = [
        entry.item or str(entry.number)
        for entry in appraisal.conditions
        if entry.is_open and entry.due_on is not None and bounds.due_late(entry.due_on, today)
    ]
    return refuse("conditions_due_late", numbers=late, years=bounds.MOST_YEARS_DUE) if late else None
