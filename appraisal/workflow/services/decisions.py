"""Managers sign decisions here, and approvals given elsewhere are registered."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import update

from appraisal.canonical import canonical
from appraisal.database import tables
from appraisal.database.rows import insert_row
from appraisal.proposals.facts import Case, Contribution, Decision, DecisionKind
from appraisal.proposals.rules import registrations, track_and_money
from appraisal.proposals.rules.attempt import ApprovalGiven
from appraisal.proposals.rules.registrations import Entry
from appraisal.proposals.rules.summary import summary
from appraisal.proposals.services.taking import Outcome, Taking
from appraisal.proposals.store.registrations import find_named
from appraisal.vocabulary.refusals import NotAllowed, refuse
from appraisal.workflow.services.closing import ask_changes, close_running, named
from appraisal.workflow.services.steps import pin, pinning, signature_facts, void_signature


def decide(taking: Taking, kind: DecisionKind, case: Case | None = None, **values: Any) -> Outcome:
    """Write a decision on the present version and its unsuperseded appraisal."""
    before = case or taking.case
    frozen: tuple[Contribution, ...] | None = values.pop("contributions", None)
    appraisal, version = taking.case.finalised, taking.case.version
    fields: dict[str, Any] = {
        "version_id": version.id if version else None,
        "appraisal_id": appraisal.id if appraisal else None,
        "note": taking.inputs.note,
        **values,
    }
    id = insert_row(
        taking.db,
        tables.decisions,
        proposal_id=before.id,
        kind=kind,
        at=taking.now,
        by=taking.actor.id,
        for_id=taking.for_id,
        contributions="" if frozen is None else canonical(_named_all(frozen)).decode(),
        **fields,
    )
    decision = Decision(
        id, kind, taking.now, taking.actor.id, behalf=taking.for_id, contributions=frozen, **fields
    )
    after = replace(
        before,
        decisions=(*before.decisions, decision),
        people={**before.people, **{person.id: person for person in taking.people}},
    )
    said = {
        "decision": kind,
        "version": version.digest if version else "",
        "appraisal_record": appraisal.record if appraisal and fields["appraisal_id"] == appraisal.id else "",
    }
    return Outcome(after, facts=said, decision=decision)


def approve(taking: Taking) -> Outcome:
    """Approve on the appraisal; the moment of approval is this signature."""
    _check_registered(taking)
    return decide(taking, "approve", approved_at=taking.now)


def propose_override(taking: Taking) -> Outcome:
    """Give the first signature of an override, bound to the appraisal's record."""
    _check_registered(taking)
    return decide(taking, "propose_override")


def countersign(taking: Taking) -> Outcome:
    """Give the second signature of an override, which approves."""
    _check_registered(taking)
    return decide(taking, "countersign", approved_at=taking.now, contradicts=_contradicts(taking, True))


def return_for_revision(taking: Taking) -> Outcome:
    """Send the proposal back with a numbered list of changes."""
    outcome = decide(taking, "return", contradicts=_contradicts(taking, False))
    facts = {**outcome.facts, "changes": [named(change) for change in taking.inputs.changes]}
    return replace(outcome, case=ask_changes(taking, outcome.case), facts=facts)


def reject(taking: Taking) -> Outcome:
    """Turn the proposal down; a rejection against the recommendation is printed as such."""
    return decide(taking, "reject", contradicts=_contradicts(taking, False))


def _contradicts(taking: Taking, positive: bool) -> bool:
    appraisal = taking.case.finalised
    if appraisal is None:
        return False
    means = taking.book.set.recommendation(appraisal.final).means
    return (means in ("favourable", "conditional")) != positive


def continue_rounds(taking: Taking) -> Outcome:
    """Allow a further round."""
    return decide(taking, "continue_rounds")


def escalate(taking: Taking) -> Outcome:
    """Ask for a decision on the version as it was appraised; unsubmitted edits are set aside."""
    return decide(taking, "escalate")


def register_approval(taking: Taking) -> Outcome:
    """Write down an approval that was given outside; a running appraisal is closed as it is.

    A draft has no version to approve: the definitions in force are pinned with the registration, and what
    the form says of the money is frozen at the rates of the approval's day.
    """
    approval = taking.inputs.approval
    assert approval is not None
    _check_symbol(taking, approval)
    closed = close_running(taking)
    case, columns = pin(taking, closed.case)
    pinned = pinning(taking.case, case)
    frozen = None
    if case.version is None:
        frozen = track_and_money.registered(case, taking.book.rates, approval.approved_at, approval.fund)
        columns |= summary(case.content, frozen, track_and_money.total_usd(frozen))
    outcome = decide(
        taking,
        "register_approval",
        case,
        approved_at=approval.approved_at,
        document=approval.document,
        source=approval.source,
        appraisal_id=None,
        contributions=frozen,
    )
    registered = {} if frozen is None else {"contributions": _named_all(frozen)}
    facts = {**closed.facts, **outcome.facts, **pinned, **registered}
    return replace(outcome, columns=columns, facts=facts)


def _check_symbol(taking: Taking, approval: ApprovalGiven) -> None:
    """Refuse an approval that another proposal of the same symbol holds already; it would count twice."""
    same = [other.number for other in _same(taking, _entry(taking, approval.approved_at))]
    if same:
        raise NotAllowed([refuse("approval_same", number=number) for number in same])


def _check_registered(taking: Taking) -> None:
    """Refuse to approve what was registered as approved elsewhere; it would count twice.

    The earlier phase of a project, which its authors name, is another one.
    """
    same = [
        other.number
        for other in _same(taking, _entry(taking, taking.now))
        if other.is_outside and other.number != taking.case.predecessor
    ]
    if same:
        raise NotAllowed([refuse("registered_elsewhere", number=number) for number in same])


def _entry(taking: Taking, approved_at: datetime | None) -> Entry:
    case = taking.case
    return registrations.entry_of(
        case.number, case.version.content if case.version else case.content, approved_at
    )


def _same(taking: Taking, mine: Entry) -> list[Entry]:
    """Return what is the same as an entry with a symbol; a title alone is that of many a phase."""
    return [
        other
        for other in (find_named(taking.db, mine) if mine.symbol else ())
        if other.number != mine.number and registrations.likeness(mine, other) == "same"
    ]


def _named_all(given: tuple[Contribution, ...]) -> list[dict[str, Any]]:
    return [named(entry) for entry in given]


def propose_correction(taking: Taking) -> Outcome:
    """Propose to take back a registration, which a second person confirms."""
    return decide(taking, "propose_correction", appraisal_id=_relied_on(taking))


def propose_annulment(taking: Taking) -> Outcome:
    """Give the first signature of an annulment."""
    return decide(taking, "propose_annulment", appraisal_id=_relied_on(taking))


def end_signature(taking: Taking) -> Outcome:
    """End a first signature without the second: withdrawn, declined, or its days are over."""
    signature = taking.case.signature
    assert signature is not None
    return Outcome(void_signature(taking, taking.case), facts=signature_facts(signature))


def annul(taking: Taking) -> Outcome:
    """Annul the approval with the second signature."""
    return void_approval(taking, decide(taking, "annul", appraisal_id=_relied_on(taking)))


def _relied_on(taking: Taking) -> int | None:
    """Return the appraisal that the approval in force relies on; one given outside relies on none."""
    approval = taking.case.approval
    return approval.appraisal_id if approval is not None else None


def void_approval(taking: Taking, outcome: Outcome) -> Outcome:
    """Note that the approval in force does not stand any more."""
    approval = taking.case.approval
    assert approval is not None
    table = tables.decisions
    taking.db.execute(update(table).where(table.c.id == approval.id).values(voided_at=taking.now))
    decisions = tuple(
        replace(entry, voided_at=taking.now) if entry.id == approval.id else entry
        for entry in outcome.case.decisions
    )
    return replace(outcome, case=replace(outcome.case, decisions=decisions))
