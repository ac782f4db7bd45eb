"""Guards are the conditions that transitions name under ``when``, one function each.

A guard returns None, or the refusal that says why not. Those on a running appraisal are in
``completeness``. The registry at the end is what the reader of definitions checks names against.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from appraisal.appraisals.rules import permissions, reviews
from appraisal.appraisals.rules.completeness import (
    bureaux_heard,
    checklists_complete,
    conditions_complete,
    evaluability_complete,
    recommendation_goes_to_decision,
    recommendation_is_revision,
    reviews_heard,
)
from appraisal.clock import geneva_date
from appraisal.deadlines.rules import working_days
from appraisal.definitions.names import Names, Requires
from appraisal.proposals.facts import Case, Condition
from appraisal.proposals.rules import form, routes, track_and_money
from appraisal.proposals.rules.acting_for import scopes_of
from appraisal.proposals.rules.attempt import INPUTS, Attempt
from appraisal.proposals.rules.rounds import awaits_manager, count, is_further_allowed
from appraisal.vocabulary import bounds
from appraisal.vocabulary.refusals import Refusal, refuse

Guard = Callable[[Attempt], Refusal | None]


def not_on_hold(attempt: Attempt) -> Refusal | None:
    """Refuse while the proposal is on hold."""
    hold = attempt.case.hold
    return refuse("on_hold", until=hold.until) if hold else None


def held(attempt: Attempt) -> Refusal | None:
    """Refuse unless the proposal is on hold."""
    return None if attempt.case.hold else refuse("not_held")


def hold_expired(attempt: Attempt) -> Refusal | None:
    """Refuse before the last day of the hold has ended in Geneva."""
    hold = attempt.case.hold
    if hold and geneva_date(attempt.now) <= hold.until:
        return refuse("hold_not_expired", until=hold.until)
    return None


def impartial(attempt: Attempt) -> Refusal | None:
    """Refuse whoever declared a conflict of interest over the proposal, or still owes a review of it.

    Somebody who must not see the appraisal yet cannot act on it either. A conflict binds everybody
    who counts as one with the actor, and nobody acts for the lead who reviews the appraisal.
    """
    scopes = scopes_of(attempt.transition)
    return permissions.partiality(attempt.case, attempt.actor, scopes, attempt.now)


def no_block_finalised(attempt: Attempt) -> Refusal | None:
    """Refuse whoever finalised a block of an appraisal: EVAL's reviewer never decides (section 2).

    Nor does anybody who counts as one with that reviewer.
    """
    case, blocks = attempt.case, reviews.blocks(attempt.book.criteria)
    finalisers = {
        review.person
        for appraisal in case.appraisals
        for review in appraisal.reviews
        if review.signed_at and set(review.checklists) & set(blocks)
    }
    if attempt.actor.id in finalisers:
        return refuse("block_finaliser")
    scopes = scopes_of(attempt.transition)
    others = finalisers & permissions.partners(case, attempt.actor, scopes, attempt.now)
    return refuse("block_finaliser_other", name=case.name(min(others))) if others else None


def not_umbrella(attempt: Attempt) -> Refusal | None:
    """Refuse a container, which is never approved itself (domain rules, section 3.1).

    What is submitted is the form as it stands; what else a step is about is what was submitted last.
    """
    version = attempt.case.version if attempt.transition.act != "submit" else None
    content = version.content if version else attempt.case.content
    return refuse("umbrella") if form.value(content, "identification.kind") == "umbrella" else None


def form_complete(attempt: Attempt) -> Refusal | None:
    """Refuse while a field that a submission needs is empty, or names no umbrella programme that is here."""
    if missing := track_and_money.fields_missing(attempt.case.content):
        return refuse("fields_missing", fields=missing)
    return None if attempt.case.umbrella_known else refuse("umbrella_unknown")


def rates_known(attempt: Attempt) -> Refusal | None:
    """Refuse while a contribution has no US$ equivalent, or all of them have one beyond sense."""
    given = track_and_money.contributions(attempt.case.content, attempt.book.rates, geneva_date(attempt.now))
    unknown = sorted({entry.currency for entry in given if entry.usd is None})
    if unknown:
        return refuse("rate_missing", currencies=unknown)
    return bounds.usd_beyond(track_and_money.total_usd(given))


def documents_complete(attempt: Attempt) -> Refusal | None:
    """Refuse while a document of the track is neither attached nor held in the form."""
    case = attempt.case
    given = track_and_money.contributions(case.content, attempt.book.rates, geneva_date(attempt.now))
    usd = track_and_money.total_usd(given) + case.siblings_usd
    track = track_and_money.derive(attempt.book.workflow, case.content, usd, case.tightened)
    missing = track_and_money.documents_missing(attempt.book.workflow, track, case.content, case.documents)
    labels = {kind.value: kind.label for kind in form.DOCUMENT_KINDS}
    return refuse("documents_missing", documents=[labels[kind] for kind in missing]) if missing else None


def changes_answered(attempt: Attempt) -> Refusal | None:
    """Refuse while a required change is neither done, saying where, nor declined, saying why."""
    unanswered = [
        str(change.number)
        for change in attempt.case.changes
        if change.answer is None or not change.answer_text.strip()
    ]
    return refuse("changes_unanswered", numbers=unanswered) if unanswered else None


def rounds_permitted(attempt: Attempt) -> Refusal | None:
    """Refuse a resubmission after the last round that the workflow gives, unless a manager allowed it.

    What went back without being appraised is no further round, and no manager could allow it from there.
    """
    workflow, case = attempt.book.workflow, attempt.case
    limit = workflow.limits.rounds
    if count(case) < limit or is_further_allowed(case):
        return None
    is_allowed_elsewhere = not awaits_manager(workflow, case) and any(
        entry.act == "continue_rounds" for entry in workflow.transitions
    )
    return None if is_allowed_elsewhere else refuse("rounds_spent", rounds=limit)


def rounds_spent(attempt: Attempt) -> Refusal | None:
    """Refuse a further round while there are rounds left, or where one is allowed already."""
    limit = attempt.book.workflow.limits.rounds
    if count(attempt.case) < limit:
        return refuse("rounds_remain", rounds=limit)
    return refuse("further_round_allowed") if is_further_allowed(attempt.case) else None


def decision_due_or_rounds_spent(attempt: Attempt) -> Refusal | None:
    """Refuse a rejection outside a decision before the rounds are spent."""
    state = attempt.book.workflow.states[attempt.case.state]
    limit = attempt.book.workflow.limits.rounds
    if state.holder == "manager" or count(attempt.case) >= limit:
        return None
    return refuse("rounds_remain", rounds=limit)


def appraisal_of_this_version(attempt: Attempt) -> Refusal | None:
    """Refuse a decision without an unsuperseded appraisal of this version, finalised strictly earlier."""
    appraisal = attempt.case.finalised
    if appraisal is None or appraisal.finalised_at is None:
        return refuse("appraisal_missing")
    return None if appraisal.finalised_at < attempt.now else refuse("appraisal_not_earlier")


def recommendation_favourable(attempt: Attempt) -> Refusal | None:
    """Refuse an approval that goes against the appraisal."""
    appraisal = attempt.case.finalised
    if appraisal is None:
        return None
    entry = attempt.book.set.recommendation(appraisal.final)
    if entry.means in ("favourable", "conditional"):
        return None
    return refuse("recommendation_unfavourable", recommendation=entry.title)


def evaluability_present(attempt: Attempt) -> Refusal | None:
    """Refuse above EVAL's threshold without the evaluability review (tool for projects over US$5 million)."""
    case = attempt.case
    if case.version is None or not attempt.book.needs_evaluability(case.version.threshold_usd):
        return None
    appraisal = case.finalised
    return None if appraisal is not None and appraisal.covers_evaluability else refuse("evaluability_missing")


def nothing_waived(attempt: Attempt) -> Refusal | None:
    """Refuse an ordinary approval once a condition was waived."""
    return refuse("condition_waived") if any(entry.waived_at for entry in _conditions(attempt.case)) else None


def approval_closed(attempt: Attempt) -> Refusal | None:
    """Refuse an override where the ordinary approval is open."""
    reasons = (recommendation_favourable, evaluability_present, nothing_waived)
    return None if any(guard(attempt) for guard in reasons) else refuse("approval_open")


def no_signature_waiting(attempt: Attempt) -> Refusal | None:
    """Refuse while a first signature waits for the second."""
    return refuse("signature_waiting") if attempt.case.signature else None


def override_waiting(attempt: Attempt) -> Refusal | None:
    """Refuse a countersignature without a first signature on the same appraisal."""
    signature, appraisal = attempt.case.signature, attempt.case.finalised
    bound = (
        signature is not None
        and signature.kind == "propose_override"
        and appraisal is not None
        and signature.appraisal_id == appraisal.id
    )
    return None if bound else refuse("override_not_waiting")


def annulment_waiting(attempt: Attempt) -> Refusal | None:
    """Refuse the second signature of an annulment without the first."""
    signature = attempt.case.signature
    return None if signature and signature.kind == "propose_annulment" else refuse("annulment_not_waiting")


def no_annulment_waiting(attempt: Attempt) -> Refusal | None:
    """Refuse to go on with an approval while its annulment waits for the second signature."""
    return refuse("annulment_pending") if annulment_waiting(attempt) is None else None


def first_signature_waiting(attempt: Attempt) -> Refusal | None:
    """Refuse to end a first signature where none is waiting."""
    return None if attempt.case.signature else refuse("signature_not_waiting")


def annulment_expired(attempt: Attempt) -> Refusal | None:
    """Refuse to end an annulment before the days for its second signature are over."""
    days, signature = attempt.book.workflow.limits.annulment_days, attempt.case.signature
    if days is None or signature is None:
        return None
    last = working_days.signature_due(attempt.case, signature.at, days)
    return None if geneva_date(attempt.now) > last else refuse("annulment_not_expired", until=last)


def registered(attempt: Attempt) -> Refusal | None:
    """Refuse to correct what is no registration: an approval that was given is annulled."""
    return None if attempt.case.registration else refuse("not_registered")


def registered_by_actor_today(attempt: Attempt) -> Refusal | None:
    """Refuse to correct a registration alone to anybody else than who made it, and later than on its day."""
    registration = attempt.case.registration
    if registration is None:
        return None
    is_same_day = geneva_date(registration.at) == geneva_date(attempt.now)
    return None if registration.by == attempt.actor.id and is_same_day else refuse("correction_not_own")


def nothing_rests_on_it(attempt: Attempt) -> Refusal | None:
    """Refuse to take back alone what somebody has built on since."""
    case = attempt.case
    has_gone_on = case.arrival is not None and case.steps[-1].sequence > case.arrival.sequence
    return refuse("registration_relied_on") if has_gone_on or case.rests else None


def correction_waiting(attempt: Attempt) -> Refusal | None:
    """Refuse to confirm a correction that nobody has proposed."""
    signature = attempt.case.signature
    return None if signature and signature.kind == "propose_correction" else refuse("correction_not_waiting")


def revision_recommended(attempt: Attempt) -> Refusal | None:
    """Refuse to ask for a decision unless the version's last recommendation was to revise."""
    appraisal = attempt.case.finalised
    if appraisal is not None and attempt.book.set.recommendation(appraisal.final).means == "revise":
        return None
    return refuse("not_recommended_revision")


def not_escalated_before(attempt: Attempt) -> Refusal | None:
    """Refuse a second request for a decision on the same version."""
    version = attempt.case.version
    asked = any(
        entry.kind == "escalate" and version is not None and entry.version_id == version.id
        for entry in attempt.case.decisions
    )
    return refuse("escalated_before") if asked else None


def silent_too_long(attempt: Attempt) -> Refusal | None:
    """Refuse to end a proposal before its days of silence are over, or while a manager is awaited."""
    days = attempt.book.workflow.states[attempt.case.state].lapses_after
    if days is None:
        return None
    if awaits_manager(attempt.book.workflow, attempt.case):
        return refuse("manager_awaited")
    on = working_days.lapses_on(attempt.case, days)
    return None if geneva_date(attempt.now) >= on else refuse("not_silent_long_enough", on=on)


def reopenings_left(attempt: Attempt) -> Refusal | None:
    """Refuse to reopen more often than the workflow allows."""
    limit = attempt.book.workflow.limits.reopenings
    times = sum(step.act == "reopen" for step in attempt.case.steps)
    return refuse("reopenings_spent", times=limit) if times >= limit else None


def approved_inside(attempt: Attempt) -> Refusal | None:
    """Refuse what only proposals approved here may do."""
    route = routes.route(attempt.case, attempt.book)
    return None if route is not None and route.kind != "outside" else refuse("approved_outside")


def _conditions(case: Case) -> Sequence[Condition]:
    return case.finalised.conditions if case.finalised else ()


def _gate_closed(attempt: Attempt, gates: Sequence[str]) -> Refusal | None:
    waiting = [
        str(entry.number) for entry in _conditions(attempt.case) if entry.is_open and entry.gate in gates
    ]
    return refuse("conditions_open", numbers=waiting) if waiting else None


def before_donor_closed(attempt: Attempt) -> Refusal | None:
    """Refuse while a condition to be met before the donor is open."""
    return _gate_closed(attempt, ("before_donor",))


def before_start_closed(attempt: Attempt) -> Refusal | None:
    """Refuse while any condition is open."""
    return _gate_closed(attempt, ("before_donor", "before_start"))


GUARDS: Final[Mapping[str, Guard]] = {
    guard.__name__: guard
    for guard in (
        not_on_hold,
        held,
        hold_expired,
        not_umbrella,
        form_complete,
        rates_known,
        documents_complete,
        changes_answered,
        rounds_permitted,
        rounds_spent,
        decision_due_or_rounds_spent,
        checklists_complete,
        evaluability_complete,
        bureaux_heard,
        reviews_heard,
        impartial,
        no_block_finalised,
        recommendation_goes_to_decision,
        recommendation_is_revision,
        conditions_complete,
        appraisal_of_this_version,
        recommendation_favourable,
        evaluability_present,
        nothing_waived,
        approval_closed,
        no_signature_waiting,
        override_waiting,
        annulment_waiting,
        no_annulment_waiting,
        first_signature_waiting,
        annulment_expired,
        registered,
        registered_by_actor_today,
        nothing_rests_on_it,
        correction_waiting,
        revision_recommended,
        not_escalated_before,
        silent_too_long,
        reopenings_left,
        approved_inside,
        before_donor_closed,
        before_start_closed,
    )
}
_REQUIRES: Final[Mapping[str, Requires]] = {
    "appraisal_of_this_version": "appraised",
    "override_waiting": "first_signature",
    "annulment_waiting": "first_signature",
    "first_signature_waiting": "first_signature",
    "correction_waiting": "first_signature",
}


def names() -> Names:
    """Return what definitions may name: guards, inputs, form fields and kinds of document."""
    return Names(
        guards={name: _REQUIRES.get(name, "") for name in GUARDS},
        inputs=INPUTS,
        fields=form.paths(),
        documents=frozenset(kind.value for kind in form.DOCUMENT_KINDS),
    )
