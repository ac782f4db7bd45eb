"""Closings: an appraisal is finalised, ends in required changes, or is closed as it was left."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import delete, update

from appraisal.canonical import canonical
from appraisal.domain import rulebooks
from appraisal.domain.facts import Appraisal, Case, Condition, RequiredChange
from appraisal.services.steps import Outcome, Taking
from appraisal.storage import proposals, tables
from appraisal.storage.facts import review_open


def finalise(taking: Taking) -> Outcome:
    """Lock the appraisal: verdicts, computed and final recommendation. Its record follows."""
    return _finalise(taking, {})


def request_revision(taking: Taking) -> Outcome:
    """Lock the appraisal and ask for a numbered list of changes."""
    outcome = _finalise(taking, {"changes": [named(change) for change in taking.inputs.changes]})
    return replace(outcome, case=ask_changes(taking, outcome.case))


def _finalise(taking: Taking, facts: Mapping[str, Any]) -> Outcome:
    case, running, version = taking.case, taking.case.appraisal, taking.case.version
    assert running is not None
    assert version is not None
    assessment = rulebooks.assess_appraisal(taking.book, case, running)
    verdicts_given = {code: verdict for code, verdict in assessment.verdicts.items() if verdict is not None}
    computed = rulebooks.computed_recommendation(taking.book, case, running) or ""
    final = running.chosen or computed
    close_silent(taking, running.id)
    finalised = replace(
        running,
        **_silent(running, taking.now),
        conditions=_binding(taking, running, final),
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
        **facts,
    }
    return Outcome(with_appraisal(case, finalised), facts=said)


def _binding(taking: Taking, running: Appraisal, final: str) -> tuple[Condition, ...]:
    """Return the conditions that bind from now on; notes for another recommendation are struck out."""
    if final and taking.book.set.recommendation(final).means == "conditional":
        return running.conditions
    table = tables.Condition.__table__
    taking.db.execute(delete(table).where(table.c.appraisal_id == running.id))
    return ()


def ask_changes(taking: Taking, case: Case) -> Case:
    """Open a new round of required changes, numbered from one."""
    latest = max((change.round for change in case.changes), default=0) + 1
    asked = tuple(
        RequiredChange(
            proposals.insert_row(
                taking.db,
                tables.Change,
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


def close_running(taking: Taking) -> Case:
    running = taking.case.appraisal
    if running is None:
        return taking.case
    close_silent(taking, running.id)
    update_appraisal(taking, running.id, closed_at=taking.now)
    closed = replace(running, **_silent(running, taking.now), closed_at=taking.now)
    return with_appraisal(taking.case, closed)


def close_silent(taking: Taking, appraisal_id: int) -> None:
    """Note of everybody who was asked and has not answered that there is no answer by the end.

    A late answer stays possible, and is marked late.
    """
    asked, reviews = tables.Consultation.__table__, tables.Review.__table__
    for table, still_open in (
        (asked, (asked.c.answered_at.is_(None),)),
        (reviews, review_open()),
    ):
        taking.db.execute(
            update(table)
            .where(table.c.appraisal_id == appraisal_id, table.c.silent_at.is_(None), *still_open)
            .values(silent_at=taking.now)
        )


def _silent(running: Appraisal, now: datetime) -> dict[str, Any]:
    """Return the consultations and reviews of an appraisal as ``close_silent`` leaves them."""
    return {
        "consultations": tuple(
            entry if entry.answered_at or entry.silent_at else replace(entry, silent_at=now)
            for entry in running.consultations
        ),
        "reviews": tuple(
            replace(entry, silent_at=now) if entry.is_open and not entry.silent_at else entry
            for entry in running.reviews
        ),
    }


def update_appraisal(taking: Taking, id: int, **values: Any) -> None:
    table = tables.Appraisal.__table__
    taking.db.execute(update(table).where(table.c.id == id).values(**values))


def with_appraisal(case: Case, changed: Appraisal) -> Case:
    return replace(
        case, appraisals=tuple(changed if entry.id == changed.id else entry for entry in case.appraisals)
    )


def named(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__slots__}
