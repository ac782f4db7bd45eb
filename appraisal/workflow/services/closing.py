"""An appraisal is closed here: finalised, ended in required changes, or closed as it was left."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Table, case, literal, update

from appraisal.appraisals.rules import conditions, responses
from appraisal.appraisals.rules.assessment import assess_appraisal, computed_recommendation
from appraisal.appraisals.store import conditions as stored
from appraisal.canonical import canonical
from appraisal.database import tables
from appraisal.database.rows import insert_row
from appraisal.proposals.facts import Appraisal, Case, RequiredChange
from appraisal.proposals.services.taking import Outcome, Taking


def finalise(taking: Taking) -> Outcome:
    """Lock the appraisal: verdicts, computed and final recommendation. Its record follows."""
    return _finalise(taking, {})


def request_revision(taking: Taking) -> Outcome:
    """Lock the appraisal and ask for a numbered list of changes."""
    outcome = _finalise(taking, {"changes": [named(change) for change in taking.inputs.changes]})
    return replace(outcome, case=ask_changes(taking, outcome.case))


def _finalise(taking: Taking, facts: Mapping[str, Any]) -> Outcome:
    running, version = taking.case.appraisal, taking.case.version
    assert running is not None
    assert version is not None
    assessment = assess_appraisal(taking.book, taking.case, running)
    verdicts_given = {code: verdict for code, verdict in assessment.verdicts.items() if verdict is not None}
    computed = computed_recommendation(taking.book, taking.case, running) or ""
    final = running.chosen or computed
    closed = _close_answers(taking, running)
    means = taking.book.set.recommendation(final).means if final else ""
    ending = conditions.closing(taking.case, running, means)
    stored.end(taking.db, ending, taking.actor.id, taking.now)
    finalised = replace(
        closed,
        finalised_at=taking.now,
        computed=computed,
        final=final,
        verdicts=verdicts_given,
        covers_evaluability=taking.book.needs_evaluability(version.threshold_usd)
        and all(verdict is not None for verdict in assessment.verdicts.values()),
    )
    update_appraisal(
        taking,
        running.id,
        finalised_at=taking.now,
        computed=finalised.computed,
        final=finalised.final,
        verdicts=canonical(verdicts_given).decode(),
        covers_evaluability=finalised.covers_evaluability,
    )
    said = {
        "appraisal": running.number,
        "version": version.digest,
        "verdicts": verdicts_given,
        "computed": finalised.computed,
        "final": finalised.final,
        "unanswered": responses.unanswered(closed),
        **conditions.ending_facts(ending),
        **facts,
    }
    after = with_appraisal(taking.case, finalised)
    return Outcome(ending.applied(after, taking.now, taking.actor.id), facts=said)


def ask_changes(taking: Taking, case: Case) -> Case:
    """Open a new round of required changes, numbered from one."""
    latest = max((change.round for change in case.changes), default=0) + 1
    asked = tuple(
        RequiredChange(
            insert_row(
                taking.db,
                tables.changes,
                proposal_id=case.id,
                round=latest,
                number=number,
                item=change.item,
                text=change.text,
            ),
            number,
            latest,
            change.item,
            change.text,
        )
        for number, change in enumerate(taking.inputs.changes, 1)
    )
    return replace(case, changes=(*case.changes, *asked))


def close_running(taking: Taking) -> Outcome:
    """Close the appraisal that is being worked on as it was left, where there is one."""
    running = taking.case.appraisal
    if running is None:
        return Outcome(taking.case)
    closed = replace(_close_answers(taking, running), closed_at=taking.now)
    update_appraisal(taking, running.id, closed_at=taking.now)
    return Outcome(with_appraisal(taking.case, closed), facts={"unanswered": responses.unanswered(closed)})


def _close_answers(taking: Taking, running: Appraisal) -> Appraisal:
    """Note of everybody who has not answered that the date has passed, or that they are no longer awaited.

    A late answer stays possible.
    """
    closed = replace(
        running,
        consultations=tuple(
            responses.at_closing(taking.case, entry, taking.now) for entry in running.consultations
        ),
        reviews=tuple(responses.at_closing(taking.case, entry, taking.now) for entry in running.reviews),
    )
    write_answers(taking, running, closed)
    return closed


def write_answers(taking: Taking, before: Appraisal, after: Appraisal) -> None:
    """Write what changed of how those who were asked stand to their answers."""
    consultations, reviews = tables.consultations, tables.reviews
    _write_changed(taking, consultations, before.consultations, after.consultations)
    _write_changed(taking, reviews, before.reviews, after.reviews)


def _write_changed(taking: Taking, table: Table, before: Sequence[Any], after: Sequence[Any]) -> None:
    """Write what was noted of those who have not answered, in one statement for a table."""
    changed = [entry for entry, old in zip(after, before, strict=True) if entry != old]
    if not changed:
        return
    columns = {
        name: case(
            {entry.id: literal(getattr(entry, name), table.c[name].type) for entry in changed},
            value=table.c.id,
        )
        for name in ("silent_at", "released_at", "due_on")
    }
    ids = [entry.id for entry in changed]
    taking.db.execute(update(table).where(table.c.id.in_(ids)).values(columns))


def update_appraisal(taking: Taking, id: int, **values: Any) -> None:
    table = tables.appraisals
    taking.db.execute(update(table).where(table.c.id == id).values(**values))


def with_appraisal(case: Case, changed: Appraisal) -> Case:
    return replace(
        case, appraisals=tuple(changed if entry.id == changed.id else entry for entry in case.appraisals)
    )


def named(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__slots__}
