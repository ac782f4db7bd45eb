"""Acts: what each step does to the facts of a proposal, beside moving it.

One function for each act that a workflow may name. They write the rows that are theirs and
return the case as it is afterwards; the row of the proposal, the event and the outbox are
written for all of them by ``steps.settle``.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, update

from appraisal.canonical import canonical, digest
from appraisal.clock import geneva_date
from appraisal.definitions.library import Library
from appraisal.definitions.workflows import Act
from appraisal.domain import calendars, forms, rulebooks, tracks, verdicts
from appraisal.domain.facts import (
    Appraisal,
    Case,
    Consultation,
    Decision,
    DecisionKind,
    Hold,
    Person,
    RatingGiven,
    RequiredChange,
    Version,
)
from appraisal.domain.steps import Inputs
from appraisal.services import steps
from appraisal.services.steps import Outcome, Taking
from appraisal.storage import proposals, tables


def take_step(
    db: Connection,
    library: Library,
    actor: Person,
    now: datetime,
    number: str,
    name: str,
    inputs: Inputs | None = None,
    *,
    seen: int | None = None,
    request: str | None = None,
) -> Case:
    """Take one step of the workflow and return the case after it; see ``steps.take``."""
    return steps.take(ACTS, db, library, actor, now, number, name, inputs, seen=seen, request=request)


def submit(taking: Taking) -> Outcome:
    """Freeze a version: fields, documents, US$ at today's rates, track; pin the definitions the first time."""
    case, book, now = taking.case, taking.book, taking.now
    given = tracks.contributions(case.content, book.rates, geneva_date(now))
    usd = tracks.total_usd(given)
    # The threshold of an umbrella programme is reached by its country projects together.
    threshold = usd + case.siblings_usd
    track = tracks.derive(book.workflow, case.content, threshold, case.tightened)
    number = len(case.versions) + 1
    value = {
        "proposal": case.number,
        "number": number,
        "content": case.content,
        "documents": [_named(document) for document in case.documents],
        "contributions": [_named(entry) for entry in given],
        "usd": usd,
        "threshold_usd": threshold,
        "track": track,
        "workflow": book.workflow.key,
        "set": book.set.key,
        "definitions": dict(book.digests),
    }
    sealed = digest(value)
    id = proposals.insert_row(
        taking.db,
        tables.Version,
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
    after = replace(
        case,
        versions=(*case.versions, version),
        track=track,
        workflow=book.workflow.key,
        set=book.set.key,
        pinned=True,
    )
    columns = {
        "workflow": book.workflow.key,
        "definition_set": book.set.key,
        "track": track,
        **summary(case.content, given, usd),
    }
    return Outcome(after, columns, {"version": number, "digest": sealed, "track": track, "usd": usd})


def summary(content: forms.Content, given: tuple[Any, ...], usd: Any) -> dict[str, Any]:
    """Return the columns by which lists show a proposal."""

    def get(key: str) -> Any:
        return forms.value(content, f"identification.{key}")

    return {
        "title": get("title"),
        "countries": " ".join(get("countries") or []),
        "donors": "; ".join(dict.fromkeys(entry.donor for entry in given if entry.donor)),
        "funds": " ".join(sorted(tracks.funds(given))),
        "unit": get("unit"),
        "kind": get("kind") or "new",
        "parent": get("parent"),
        "predecessor": get("predecessor"),
        "usd": usd,
    }


def _named(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__slots__}


def return_incomplete(taking: Taking) -> Outcome:
    """Send back what cannot be appraised; a running appraisal is closed as it is and kept."""
    return Outcome(_close_running(taking), facts={"missing": taking.inputs.missing})


def _close_running(taking: Taking) -> Case:
    running = taking.case.appraisal
    if running is None:
        return taking.case
    _update_appraisal(taking, running.id, closed_at=taking.now)
    return _with_appraisal(taking.case, replace(running, closed_at=taking.now))


def _update_appraisal(taking: Taking, id: int, **values: Any) -> None:
    table = tables.Appraisal.__table__
    taking.db.execute(update(table).where(table.c.id == id).values(**values))


def _with_appraisal(case: Case, changed: Appraisal) -> Case:
    return replace(
        case, appraisals=tuple(changed if entry.id == changed.id else entry for entry in case.appraisals)
    )


def assign(taking: Taking) -> Outcome:
    """Name the lead, open the appraisal of this version, carry earlier ratings over, ask the units."""
    lead, version = taking.inputs.lead, taking.case.version
    assert lead is not None
    assert version is not None
    case = _tightened(taking)
    number = len(case.appraisals) + 1
    id = proposals.insert_row(
        taking.db,
        tables.Appraisal,
        proposal_id=case.id,
        version_id=version.id,
        number=number,
        lead_id=lead.id,
        opened_at=taking.now,
    )
    appraisal = Appraisal(
        id,
        number,
        version.id,
        lead.id,
        taking.now,
        ratings=_carry_over(taking, id, lead),
        consultations=_ask_units(taking, id) if taking.inputs.consult else (),
    )
    after = steps.add_relation(
        taking.db, replace(case, appraisals=(*case.appraisals, appraisal)), lead, "lead", taking.now
    )
    facts = {
        "lead": lead.id,
        "appraisal": number,
        "track": case.track,
        "asked": [entry.unit for entry in appraisal.consultations],
    }
    return Outcome(after, {"track": case.track, "tightened": case.tightened}, facts)


def _tightened(taking: Taking) -> Case:
    track = taking.inputs.track
    return replace(taking.case, track=track, tightened=track) if track else taking.case


def _carry_over(taking: Taking, appraisal: int, lead: Person) -> Mapping[str, RatingGiven]:
    """Propose the ratings of the last record, for the criteria that apply to this version."""
    last = next(
        (entry for entry in reversed(taking.case.appraisals) if entry.finalised_at and not entry.superseded_at),
        None,
    )
    if last is None or taking.case.version is None:
        return {}
    criteria = taking.book.criteria_for(taking.case.version.threshold_usd)
    items = [item.id for criterion in criteria for item in criterion.checklist.items if item.id in last.ratings]
    carried = {item: replace(last.ratings[item], proposed=True) for item in items}
    for given in carried.values():
        _insert_rating(taking, appraisal, given, lead)
    return carried


def _insert_rating(taking: Taking, appraisal: int, given: RatingGiven, by: Person) -> None:
    proposals.insert_row(
        taking.db,
        tables.Rating,
        appraisal_id=appraisal,
        item=given.item,
        value=given.value,
        comment=given.comment,
        evidence=given.evidence,
        proposed=given.proposed,
        by=by.id,
        at=taking.now,
    )


def _ask_units(taking: Taking, appraisal: int) -> tuple[Consultation, ...]:
    """Open one consultation for each unit that the applicable checklists name, due by the track."""
    case, version = taking.case, taking.case.version
    assert version is not None
    days = taking.book.workflow.tracks[case.track].consultation_days
    due = calendars.add_working_days(geneva_date(taking.now), days, case.holidays.get("Geneva", frozenset()))
    units = dict.fromkeys(
        unit
        for criterion in taking.book.criteria_for(version.threshold_usd)
        for unit in criterion.checklist.consult
    )
    return tuple(
        Consultation(
            proposals.insert_row(
                taking.db,
                tables.Consultation,
                proposal_id=case.id,
                appraisal_id=appraisal,
                unit=unit,
                asked_at=taking.now,
                due_on=due,
            ),
            unit,
            taking.now,
            due,
        )
        for unit in units
    )


def reassign(taking: Taking) -> Outcome:
    """Hand the running appraisal to another lead, who has to confirm every rating."""
    lead, running = taking.inputs.lead, taking.case.appraisal
    assert lead is not None
    assert running is not None
    _update_appraisal(taking, running.id, lead_id=lead.id)
    table = tables.Rating.__table__
    taking.db.execute(update(table).where(table.c.appraisal_id == running.id).values(proposed=True))
    ratings = {item: replace(given, proposed=True) for item, given in running.ratings.items()}
    after = _with_appraisal(taking.case, replace(running, lead=lead.id, ratings=ratings))
    after = steps.add_relation(taking.db, after, lead, "lead", taking.now)
    return Outcome(after, {"holder_id": lead.id}, {"lead": lead.id, "before": running.lead})


def finalise(taking: Taking) -> Outcome:
    """Lock the appraisal: verdicts, computed and final recommendation. Its record follows."""
    return _finalise(taking, {})


def request_revision(taking: Taking) -> Outcome:
    """Lock the appraisal and ask for a numbered list of changes."""
    outcome = _finalise(taking, {"changes": [_named(change) for change in taking.inputs.changes]})
    return replace(outcome, case=_ask_changes(taking, outcome.case))


def _finalise(taking: Taking, facts: Mapping[str, Any]) -> Outcome:
    case, running, version = taking.case, taking.case.appraisal, taking.case.version
    assert running is not None
    assert version is not None
    assessment = rulebooks.assess_appraisal(taking.book, case, running)
    verdicts_given = {code: verdict for code, verdict in assessment.verdicts.items() if verdict is not None}
    computed = assessment.recommendation or _without_pending(taking, running)
    finalised = replace(
        running,
        finalised_at=taking.now,
        computed=computed,
        final=running.chosen or computed,
        verdicts=verdicts_given,
        covers_evaluability=taking.book.needs_evaluability(version.threshold_usd)
        and all(verdict is not None for verdict in assessment.verdicts.values()),
    )
    _update_appraisal(
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
    return Outcome(_with_appraisal(case, finalised), facts=said)


def _without_pending(taking: Taking, running: Appraisal) -> str:
    """Compute a recommendation while the evaluability review is pending, which a revision may precede."""
    assessment = verdicts.assess(
        taking.book.set, taking.book.criteria_for(None), running.ratings, tracks.checklist_facts(taking.case.content)
    )
    return assessment.recommendation or ""


def _ask_changes(taking: Taking, case: Case) -> Case:
    """Open a new round of required changes, numbered from one."""
    round = max((change.round for change in case.changes), default=0) + 1
    asked = tuple(
        RequiredChange(
            proposals.insert_row(
                taking.db,
                tables.Change,
                proposal_id=case.id,
                round=round,
                number=number,
                item=change.item,
                text=change.text,
            ),
            number,
            round,
            change.item,
            change.text,
        )
        for number, change in enumerate(taking.inputs.changes, 1)
    )
    return replace(case, changes=(*case.changes, *asked))


def recall(taking: Taking) -> Outcome:
    """Open a finalised appraisal again as a new one with the same ratings; the record stays, superseded."""
    case, finalised = taking.case, taking.case.finalised
    assert finalised is not None
    _update_appraisal(taking, finalised.id, superseded_at=taking.now)
    number = len(case.appraisals) + 1
    id = proposals.insert_row(
        taking.db,
        tables.Appraisal,
        proposal_id=case.id,
        version_id=finalised.version_id,
        number=number,
        lead_id=finalised.lead,
        opened_at=taking.now,
        chosen=finalised.chosen,
        reason=finalised.reason,
    )
    lead = case.people[finalised.lead]
    for given in finalised.ratings.values():
        _insert_rating(taking, id, given, lead)
    conditions = tuple(
        replace(
            entry,
            id=proposals.insert_row(
                taking.db,
                tables.Condition,
                appraisal_id=id,
                **{name: value for name, value in _named(entry).items() if name != "id"},
            ),
        )
        for entry in finalised.conditions
    )
    consultations = tuple(
        replace(
            entry,
            id=proposals.insert_row(
                taking.db,
                tables.Consultation,
                proposal_id=case.id,
                appraisal_id=id,
                **{name: value for name, value in _named(entry).items() if name != "id"},
            ),
        )
        for entry in finalised.consultations
    )
    superseded = _with_appraisal(case, replace(finalised, superseded_at=taking.now))
    opened = replace(
        finalised,
        id=id,
        number=number,
        opened_at=taking.now,
        finalised_at=None,
        computed="",
        final="",
        verdicts={},
        covers_evaluability=False,
        record="",
        conditions=conditions,
        consultations=consultations,
        row_version=1,
    )
    return Outcome(
        replace(superseded, appraisals=(*superseded.appraisals, opened)),
        facts={"superseded": finalised.number, "record": finalised.record, "appraisal": number},
    )


def _decide(taking: Taking, kind: DecisionKind, case: Case | None = None, **values: Any) -> Outcome:
    """Write a decision on the present version and its unsuperseded appraisal."""
    before = case or taking.case
    appraisal, version = taking.case.finalised, taking.case.version
    fields: dict[str, Any] = {
        "version_id": version.id if version else None,
        "appraisal_id": appraisal.id if appraisal else None,
        "note": taking.inputs.note,
        **values,
    }
    id = proposals.insert_row(
        taking.db,
        tables.Decision,
        proposal_id=before.id,
        kind=kind,
        at=taking.now,
        by=taking.actor.id,
        **fields,
    )
    decision = Decision(id=id, kind=kind, at=taking.now, by=taking.actor.id, **fields)
    after = replace(
        before,
        decisions=(*before.decisions, decision),
        people={**before.people, taking.actor.id: taking.actor},
    )
    said = {
        "decision": kind,
        "version": version.digest if version else "",
        "appraisal_record": appraisal.record if appraisal else "",
    }
    return Outcome(after, facts=said, decision=decision)


def approve(taking: Taking) -> Outcome:
    """Approve on the appraisal; the moment of approval is this signature."""
    return _decide(taking, "approve", approved_at=taking.now)


def propose_override(taking: Taking) -> Outcome:
    """Give the first signature of an override, bound to the appraisal's record."""
    return _decide(taking, "propose_override")


def countersign(taking: Taking) -> Outcome:
    """Give the second signature of an override, which approves."""
    return _decide(taking, "countersign", approved_at=taking.now, contradicts=_contradicts(taking, True))


def return_for_revision(taking: Taking) -> Outcome:
    """Send the proposal back with a numbered list of changes."""
    outcome = _decide(taking, "return", contradicts=_contradicts(taking, False))
    facts = {**outcome.facts, "changes": [_named(change) for change in taking.inputs.changes]}
    return replace(outcome, case=_ask_changes(taking, outcome.case), facts=facts)


def reject(taking: Taking) -> Outcome:
    """Turn the proposal down; a rejection against the recommendation is printed as such."""
    return _decide(taking, "reject", contradicts=_contradicts(taking, False))


def _contradicts(taking: Taking, positive: bool) -> bool:
    appraisal = taking.case.finalised
    if appraisal is None:
        return False
    means = taking.book.set.recommendation(appraisal.final).means
    return (means in ("favourable", "conditional")) != positive


def continue_rounds(taking: Taking) -> Outcome:
    """Allow a further round."""
    return _decide(taking, "continue_rounds")


def escalate(taking: Taking) -> Outcome:
    """Ask for a decision on the version as it was appraised; unsubmitted edits are set aside."""
    return _decide(taking, "escalate")


def register_approval(taking: Taking) -> Outcome:
    """Write down an approval that was given outside; a running appraisal is closed as it is."""
    approval = taking.inputs.approval
    assert approval is not None
    return _decide(
        taking,
        "register_approval",
        _close_running(taking),
        approved_at=approval.approved_at,
        document=approval.document,
        source=approval.source,
        appraisal_id=None,
    )


def propose_annulment(taking: Taking) -> Outcome:
    """Give the first signature of an annulment."""
    return _decide(taking, "propose_annulment")


def annul(taking: Taking) -> Outcome:
    """Annul the approval with the second signature."""
    outcome = _decide(taking, "annul")
    approval = taking.case.approval
    assert approval is not None
    table = tables.Decision.__table__
    taking.db.execute(update(table).where(table.c.id == approval.id).values(voided_at=taking.now))
    decisions = tuple(
        replace(entry, voided_at=taking.now) if entry.id == approval.id else entry for entry in outcome.case.decisions
    )
    return replace(outcome, case=replace(outcome.case, decisions=decisions))


def hold(taking: Taking) -> Outcome:
    """Stop the clock until a day."""
    until = taking.inputs.until
    assert until is not None
    entry = Hold(taking.now, until, taking.inputs.note, taking.actor.id)
    proposals.insert_row(taking.db, tables.Hold, proposal_id=taking.case.id, **_named(entry))
    return Outcome(replace(taking.case, holds=(*taking.case.holds, entry)), facts={"until": until})


def release(taking: Taking) -> Outcome:
    """Let the clock run again."""
    table = tables.Hold.__table__
    taking.db.execute(
        update(table)
        .where(table.c.proposal_id == taking.case.id, table.c.released_at.is_(None))
        .values(released_at=taking.now)
    )
    holds = tuple(
        entry if entry.released_at else replace(entry, released_at=taking.now) for entry in taking.case.holds
    )
    return Outcome(replace(taking.case, holds=holds))


def record_agreement(taking: Taking) -> Outcome:
    """Note what the donor answered."""
    agreement = taking.inputs.agreement
    assert agreement is not None
    return Outcome(taking.case, facts={"agreed_on": agreement.on, "reference": agreement.reference})


def only_move(taking: Taking) -> Outcome:
    """Change nothing but the state; a running appraisal is closed as it is."""
    return Outcome(_close_running(taking) if taking.to != taking.case.state else taking.case)


ACTS: Final[Mapping[Act, Callable[[Taking], Outcome]]] = {
    "submit": submit,
    "return_incomplete": return_incomplete,
    "assign": assign,
    "reassign": reassign,
    "finalise": finalise,
    "request_revision": request_revision,
    "recall": recall,
    "approve": approve,
    "propose_override": propose_override,
    "countersign": countersign,
    "return": return_for_revision,
    "reject": reject,
    "continue_rounds": continue_rounds,
    "escalate": escalate,
    "withdraw": only_move,
    "lapse": only_move,
    "reopen": only_move,
    "register_approval": register_approval,
    "propose_annulment": propose_annulment,
    "annul": annul,
    "send_to_donor": only_move,
    "fund": record_agreement,
    "decline_funding": record_agreement,
    "start": only_move,
    "hold": hold,
    "release": release,
}

