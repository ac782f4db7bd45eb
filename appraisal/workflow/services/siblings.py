"""Siblings are country projects of one umbrella programme, which reach EVAL's threshold together.

A version is frozen with what its siblings added by then. A later one may take the sum over the threshold:
those that are being appraised are then held to it too, and of what was decided somebody is told.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Connection

from appraisal.definitions.library import Library
from appraisal.definitions.workflows import Audience
from appraisal.notices.services import notices
from appraisal.people.facts import SYSTEM_ACTOR
from appraisal.proposals.facts import Appraisal, Case, Consultation
from appraisal.proposals.rules import form, rulebook, track_and_money
from appraisal.proposals.rules.rulebook import Rulebook
from appraisal.proposals.rules.track_and_money import Rate
from appraisal.proposals.services.drafts import note_event
from appraisal.proposals.store import lists
from appraisal.proposals.store.case import load_case, load_rates, siblings_usd
from appraisal.vocabulary.project_symbols import normalised
from appraisal.workflow.services import assignments, steps
from appraisal.workflow.services.closing import with_appraisal

ACTION = "raise_threshold"
_TOLD: tuple[Audience, ...] = ("authors", "lead", "coordinators")


def follow(db: Connection, library: Library, now: datetime, case: Case) -> None:
    """Hold the country projects beside one that came in to the threshold that they reach together now."""
    content = case.version.content if case.version else case.content
    umbrella = normalised(str(form.value(content, "identification.parent")))
    numbers = lists.siblings(db, umbrella, case.id) if umbrella else []
    rates = load_rates(db) if numbers else ()
    for number in numbers:
        _look_at(db, library, rates, now, number)


def catch_up(db: Connection, library: Library, now: datetime, number: str) -> None:
    """Hold a country project to the threshold that those beside it reached while it could not be held to it.

    Its authors had it in hand, or it was taken for decided; now it goes on with the version of before.
    """
    _look_at(db, library, load_rates(db), now, number)


def _look_at(db: Connection, library: Library, rates: tuple[Rate, ...], now: datetime, number: str) -> None:
    case = load_case(db, number, lock=True)
    version, umbrella = case.version, case.parent
    if version is None or not umbrella:
        return
    book = rulebook.rulebook(library, case.workflow, case.set, rates, case.pins)
    # By the umbrella of that version: its authors may have begun to write another.
    total, state = version.usd + siblings_usd(db, umbrella, case.id), book.workflow.states[case.state]
    if book.needs_evaluability(version.threshold_usd) or not book.needs_evaluability(total):
        return
    if case.approval is not None or state.terminal:
        units = _units(book, version.threshold_usd, total)
        told = [*lists.ids_with(db, "appraiser", units), *lists.ids_with(db, "coordinator")]
        notices.tell(db, told, "threshold_crossed_late", now, proposal=case.id)
    elif state.editable_by != "author":
        _raise(db, now, case, book, umbrella, total)
    # What its authors have in hand is frozen with the whole sum when it comes back.


def _raise(db: Connection, now: datetime, case: Case, book: Rulebook, umbrella: str, total: Decimal) -> None:
    """Have the last version count with the sum of all, and ask whoever has to review it now."""
    version, running = case.version, case.appraisal
    assert version is not None
    track = track_and_money.derive(book.workflow, version.content, total, case.tightened)
    raised = replace(version, threshold_usd=total)
    after = replace(case, track=track, versions=(*case.versions[:-1], raised))
    asked: Appraisal | None = None
    new: Sequence[Consultation] = ()
    if running is not None:
        new = assignments.ask_units(db, after, book, now, running.id, running.consultations)
        asked = replace(running, consultations=(*running.consultations, *new))
        after = with_appraisal(after, asked)
    said = {"umbrella": umbrella, "usd": total, "track": track, "asked": [entry.unit for entry in new]}
    columns = {**steps.standing(book, after), "track": track, "raised_usd": total}
    noted = note_event(db, after, SYSTEM_ACTOR, now, ACTION, said, **columns)
    notices.tell_audiences(db, noted, _TOLD, "threshold_crossed", now)
    if asked is not None:
        notices.tell_units(db, noted, new, {asked.lead}, now, by=SYSTEM_ACTOR.id)


def _units(book: Rulebook, before: Decimal, after: Decimal) -> Sequence[str]:
    """Return the units that a budget calls for, and a smaller one did not."""
    known = {unit for entry in book.criteria_for(before) for unit in entry.checklist.consult}
    wanted = dict.fromkeys(unit for entry in book.criteria_for(after) for unit in entry.checklist.consult)
    return [unit for unit in wanted if unit not in known]
