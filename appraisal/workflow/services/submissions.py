"""A submission freezes a version here, or is sent back as one that cannot be appraised."""

from dataclasses import replace
from typing import Any

from appraisal.canonical import canonical, digest
from appraisal.clock import geneva_date
from appraisal.database import tables
from appraisal.database.rows import insert_row
from appraisal.proposals.facts import Case, Version
from appraisal.proposals.rules import track_and_money
from appraisal.proposals.rules.summary import summary
from appraisal.proposals.services.taking import Outcome, Taking
from appraisal.workflow.services.closing import close_running, named
from appraisal.workflow.services.steps import pin, pinning


def submit(taking: Taking) -> Outcome:
    """Freeze a version: fields, documents, US$ at today's rates, track. The first pins the definitions."""
    case, book, now = taking.case, taking.book, taking.now
    given = track_and_money.contributions(case.content, book.rates, geneva_date(now))
    usd = track_and_money.total_usd(given)
    # The threshold of an umbrella programme is reached by its country projects together.
    threshold = usd + case.siblings_usd
    track = track_and_money.derive(book.workflow, case.content, threshold, case.tightened)
    number = len(case.versions) + 1
    value = {
        "proposal": case.number,
        "number": number,
        "content": case.content,
        "documents": [named(document) for document in case.documents],
        "contributions": [named(entry) for entry in given],
        "usd": usd,
        "threshold_usd": threshold,
        "track": track,
        "workflow": book.workflow.key,
        "set": book.set.key,
        "definitions": dict(book.digests),
    }
    sealed = digest(value)
    id = insert_row(
        taking.db,
        tables.versions,
        proposal_id=case.id,
        number=number,
        value=canonical(value).decode(),
        digest=sealed,
        at=now,
        by=taking.actor.id,
    )
    version = Version(
        id, number, case.content, case.documents, given, usd, threshold, track, sealed, now, taking.actor.id
    )
    pinned, pins = pin(taking, case)
    after = replace(pinned, versions=(*case.versions, version), track=track)
    columns = {
        **pins,
        "track": track,
        "raised_usd": None,
        **summary(case.content, given, usd),
    }
    said = {
        "version": number,
        "digest": sealed,
        "track": track,
        "usd": usd,
        "kind": columns["kind"],
        "answers": _answers(case),
        **pinning(case, after),
    }
    return Outcome(after, columns, said)


def _answers(case: Case) -> list[dict[str, Any]]:
    """Return the answers to required changes that come in with this version."""
    last = case.version
    return [
        {"round": change.round, "number": change.number, "answer": change.answer, "text": change.answer_text}
        for change in case.changes
        if change.answered_at is not None and (last is None or change.answered_at > last.at)
    ]


def return_incomplete(taking: Taking) -> Outcome:
    """Send back what cannot be appraised; a running appraisal is closed as it is and kept."""
    closed = close_running(taking)
    return replace(closed, facts={**closed.facts, "missing": taking.inputs.missing})
