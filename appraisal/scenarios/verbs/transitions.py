"""These verbs take transitions of the workflow, and fill in what they ask for unless given."""

from datetime import date, datetime, timedelta
from typing import Any

from appraisal.appraisals.rules import completeness
from appraisal.clock import GENEVA, geneva_date
from appraisal.definitions.workflows import FINALISING, Transition
from appraisal.proposals.facts import Case
from appraisal.proposals.rules import access, rulebook
from appraisal.proposals.rules.attempt import Agreement, ApprovalGiven, ChangeAsked, Inputs
from appraisal.proposals.rules.rulebook import Rulebook
from appraisal.proposals.services import drafts
from appraisal.proposals.store.case import load_case, load_rates
from appraisal.scenarios.givens import listed
from appraisal.scenarios.play import NOTE, Doing
from appraisal.scenarios.verbs import appraisals
from appraisal.vocabulary.refusals import NotAllowed, refuse
from appraisal.workflow.rules import machine
from appraisal.workflow.services import acts


def transition(doing: Doing) -> Case:
    """Take a transition as the web does, after what its person would have written before."""
    case = load_case(doing.db, doing.number)
    taken = _book(doing, case).workflow.transition(doing.do)
    if taken.act in FINALISING and access.may_rate(case, doing.actor, doing.now):
        appraisals.recommend(doing)
    if taken.act == "submit" and not doing.switched_off("answers"):
        _answer_changes(doing, case)
        case = load_case(doing.db, doing.number)
    after = acts.take_step(
        doing.db, doing.library, doing.actor, doing.now, doing.number, doing.do, _inputs(doing, case, taken)
    )
    if taken.act == "assign" and not doing.switched_off("consultations"):
        return appraisals.answer_all(doing, after)
    return after


def refusal_of_unseen(doing: Doing) -> NotAllowed:
    """Say why a transition is closed to somebody who may not even know of the proposal.

    What the state and the person's role forbid comes first; ``not_visible`` is left for a step
    that nothing but that stands against.
    """
    case = load_case(doing.db, doing.number)
    book = _book(doing, case)
    try:
        given = _inputs(doing, case, book.workflow.transition(doing.do))
        machine.fire(book, case, doing.actor, doing.now, doing.do, given)
    except NotAllowed as error:
        return error
    return NotAllowed([refuse("not_visible")])


def _book(doing: Doing, case: Case) -> Rulebook:
    return rulebook.rulebook(doing.library, case.workflow, case.set, load_rates(doing.db))


def _inputs(doing: Doing, case: Case, taken: Transition) -> Inputs:
    given, needs = doing.given, taken.needs
    note = doing.text("note", doing.text("reason", NOTE if taken.note == "required" else ""))
    values: dict[str, Any] = {"note": note, "track": doing.text("track")}
    if taken.act in FINALISING:
        dropped = completeness.not_kept(_book(doing, case), case)
        values["withdrawn"] = frozenset(entry.number for entry in dropped)
    if "lead" in needs and "lead" in given:
        values["lead"] = doing.person("lead")
    if "behalf" in given:
        values["behalf"] = doing.person("behalf").id
    if "missing" in needs:
        values["missing"] = doing.text("missing", NOTE)
    if "changes" in needs:
        values["changes"] = _changes(given.get("changes", [NOTE]))
    if "until" in needs:
        until = doing.text("until")
        values["until"] = date.fromisoformat(until) if until else geneva_date(doing.now) + timedelta(days=14)
    if "agreement" in needs:
        on = doing.text("date")
        values["agreement"] = Agreement(
            date.fromisoformat(on) if on else geneva_date(doing.now), doing.text("reference", NOTE)
        )
    if "approval" in needs:
        values["approval"] = approval(doing)
    return Inputs(**values)


def _changes(given: Any) -> tuple[ChangeAsked, ...]:
    return tuple(
        ChangeAsked(str(entry.get("text", NOTE)), str(entry.get("item", ""))) for entry in listed(given)
    )


def approval(doing: Doing) -> ApprovalGiven:
    """Return the outside approval that was given; without a moment it is undated."""
    at = doing.text("approved_at")
    moment = datetime.fromisoformat(at) if at and at != "undated" else None
    if moment is not None and moment.tzinfo is None:
        moment = moment.replace(tzinfo=GENEVA)
    return ApprovalGiven(doing.text("document", "Minute"), doing.text("source", NOTE), moment)


def _answer_changes(doing: Doing, case: Case) -> None:
    if doing.actor.id not in case.related("author"):
        return
    for change in case.changes:
        if change.answer is None:
            drafts.answer_change(
                doing.db, doing.library, doing.actor, doing.now, doing.number, change.id, "done", NOTE
            )
