"""The state machine tells which steps are open to whom, and takes one.

Built over ``transitions`` as an unbound evaluator: one immutable machine for each definition,
no model is ever added, no string is ever resolved as a callback, and the machine moves a plain
``Attempt``, never a row. This module is the only one that imports the library.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Any, Final

from transitions import EventData, Machine

from appraisal.appraisals.rules import completeness, permissions
from appraisal.clock import geneva_date
from appraisal.definitions.workflows import FINALISING, INTERNAL, PREVIOUS, Act, Actor, Transition, Workflow
from appraisal.people.facts import Person
from appraisal.people.rules import substitutes
from appraisal.proposals.facts import Case
from appraisal.proposals.rules import access, disclosure
from appraisal.proposals.rules import track_and_money as tracks
from appraisal.proposals.rules.acting_for import identities, lead_of, places, scopes_of
from appraisal.proposals.rules.attempt import Attempt, Inputs
from appraisal.proposals.rules.rulebook import PINNING, Rulebook
from appraisal.vocabulary import bounds
from appraisal.vocabulary.refusals import NotAllowed, Refusal, refuse
from appraisal.vocabulary.roles import RELATIONS, ROLES, Relation, Role
from appraisal.workflow.rules.guards import GUARDS

# Long enough for any donor; a slip of the pen in the year is refused.
LONGEST_HOLD = timedelta(days=5 * 365)


@dataclass(frozen=True, slots=True)
class Possibility:
    """One step from the present state, with the reasons that this person is told why not to take it now.

    ``is_theirs`` tells whether the step is for such people at all, whatever else stands against it.
    """

    transition: Transition
    refusals: tuple[Refusal, ...]
    is_theirs: bool = True

    @property
    def is_open(self) -> bool:
        """Tell whether the step may be taken."""
        return not self.refusals


@cache
def machine(workflow: Workflow) -> Machine:
    """Return the machine of a workflow, built once for each definition."""
    entries: list[dict[str, Any]] = []
    for transition in workflow.transitions:
        common = {"trigger": transition.name, "source": list(transition.from_)}
        if transition.to == PREVIOUS:
            entries += [
                {
                    **common,
                    "source": source,
                    "dest": origin,
                    "conditions": [partial(_came_from, transition, origin), _unopposed],
                }
                for source in transition.from_
                for origin in workflow.targets(transition, source)
            ]
        else:
            dest = None if transition.to == INTERNAL else transition.to
            entries.append({**common, "dest": dest, "conditions": [_unopposed]})
    return Machine(
        model=None,
        states=list(workflow.states),
        transitions=entries,
        initial=workflow.initial,
        auto_transitions=False,
        send_event=True,
        queued=False,
        ignore_invalid_triggers=False,
    )


def _judged(event: EventData) -> Attempt:
    assert isinstance(event.model, Attempt)
    return event.model


def _came_from(transition: Transition, origin: str, event: EventData) -> bool:
    return destination(_judged(event).case, transition) == origin


def destination(case: Case, transition: Transition) -> str:
    """Return the state that a transition leads to from where a proposal is."""
    if transition.to == INTERNAL:
        return case.state
    if transition.to != PREVIOUS:
        return transition.to
    if transition.if_created is not None and case.is_created_by_registration:
        return transition.if_created
    return case.previous_state


def _unopposed(event: EventData) -> bool:
    attempt = _judged(event)
    attempt.refusals = _edited(attempt) or [*who(attempt), *guards(attempt), *inputs(attempt)]
    return not attempt.refusals


def _edited(attempt: Attempt) -> list[Refusal]:
    """Return which definitions are not what the proposal pinned, or what was released before it pins them."""
    goes_by_them = attempt.case.pinned or attempt.transition.act in PINNING
    return list(attempt.book.refusals) if goes_by_them else []


# Acts that rest on nothing that lead or reviewers have said.
_APART: Final[frozenset[Act]] = frozenset(
    {
        "hold",
        "release",
        "return_incomplete",
        "register_approval",
        "correct_registration",
        "propose_correction",
        "confirm_correction",
        "reopen",
        "fund",
        "decline_funding",
    }
)


def _is_apart(attempt: Attempt) -> bool:
    """Tell whether a step is open to whoever owes a review; who has to declare first takes none."""
    return attempt.transition.act in _APART and not access.must_declare(attempt.case, attempt.actor)


def who(attempt: Attempt) -> list[Refusal]:
    """Return the reasons that lie in the person: role, relation, and what the step excludes."""
    actor, case, transition = attempt.actor, attempt.case, attempt.transition
    found: list[Refusal] = []
    if transition.is_automatic:
        return [] if actor.id == 0 else [refuse("not_system")]
    if not actor.active:
        found.append(refuse("inactive"))
    if access.is_blind(case, actor) and not _is_apart(attempt):
        found.append(refuse("review_owed"))
    found += _not_among(attempt)
    scopes = scopes_of(transition)
    for relation in transition.excludes:
        bound = _bound(case, relation)
        found += permissions.exclusions(case, actor, relation, bound, scopes, attempt.now)
    return found


def _not_among(attempt: Attempt) -> list[Refusal]:
    """Return why a person is none of those whom the step is for; nothing for one who is.

    Whoever stands in the relation but has lost the role for it is told that, not that it is another's.
    """
    actors = attempt.transition.by
    if any(_is(attempt, actor) for actor in actors):
        return []
    bound = [relation for relation in RELATIONS if relation in actors]
    lost = {
        relation: _role_of(attempt.case, relation)
        for relation in bound
        if attempt.actor.id in _standing(attempt.case, relation)
    }
    roles = tuple(role for role in ROLES if role in actors or role in lost.values())
    found = [refuse(f"not_{relation}") for relation in bound if relation not in lost]
    return [*found, refuse("role_missing", role=roles)] if roles else found


# The role that somebody in a relation has to hold to act in it.
_ROLE_OF: Final[Mapping[Relation, Role]] = {
    "author": "designer",
    "lead": "appraiser",
    "reviewer": "appraiser",
    "signatory": "manager",
}


def _role_of(case: Case, relation: Relation) -> Role:
    """Return the role that somebody in a relation has to hold: coordinators propose corrections."""
    signature = case.signature
    is_correction = relation == "signatory" and signature and signature.kind == "propose_correction"
    return "coordinator" if is_correction else _ROLE_OF[relation]


def _standing(case: Case, relation: Relation) -> frozenset[int]:
    """Return who stands in a relation at present; somebody who led once is not the lead."""
    if relation == "lead":
        lead = lead_of(case)
        return frozenset() if lead is None else frozenset({lead})
    return _bound(case, relation)


def _is(attempt: Attempt, named: Actor) -> bool:
    """Tell whether a person is what a step names; relations ask for the role that goes with them as well.

    Whoever stands in for the lead is as good as the lead.
    """
    actor, case = attempt.actor, attempt.case
    match named:
        case "author":
            return actor.id in case.related("author") and actor.has("designer")
        case "lead":
            leads = {actor.id} | substitutes.stands_in_for(actor, "appraisals", attempt.now)
            return lead_of(case) in leads and actor.has("appraiser")
        case "signatory":
            return actor.id in _bound(case, "signatory") and actor.has(_role_of(case, "signatory"))
        case "system":
            return False
        case _:
            return actor.has(named)


def _bound(case: Case, relation: Relation) -> frozenset[int]:
    """Return who stands in a relation; a first signature binds those who gave it only while it waits."""
    if relation != "signatory":
        return case.related(relation)
    signature = case.signature
    return frozenset(id for id in (signature.by, signature.behalf) if id) if signature else frozenset()


def guards(attempt: Attempt) -> list[Refusal]:
    """Return the reasons that lie in the proposal, in the order of the definition."""
    return [refusal for name in attempt.transition.when if (refusal := GUARDS[name](attempt)) is not None]


def inputs(attempt: Attempt) -> list[Refusal]:
    """Return the reasons that lie in what was given along with the step."""
    given, transition = attempt.inputs, attempt.transition
    found: list[Refusal] = []
    if transition.note == "required" and not given.note.strip():
        found.append(refuse("note_missing"))
    for need in transition.needs:
        if not getattr(given, need):
            found.append(refuse(f"{need}_missing"))
        elif need in _CHECKS:
            found += _CHECKS[need](attempt)
    if transition.act in FINALISING:
        dropped = completeness.not_kept(attempt.book, attempt.case)
        if given.withdrawn != {entry.number for entry in dropped}:
            numbers = [str(entry.number) for entry in dropped] or ["–"]
            found.append(refuse("conditions_not_kept", numbers=numbers))
    if given.track and not _is_tighter(attempt):
        found.append(refuse("track_not_tighter"))
    if given.behalf is not None and given.behalf not in places(
        attempt.case, attempt.actor, transition, attempt.now
    ):
        found.append(refuse("behalf_not_in_force"))
    return found


def _is_tighter(attempt: Attempt) -> bool:
    """Tell whether the track given is the present one or a stricter one."""
    tracks = list(attempt.book.workflow.tracks)
    given, present = attempt.inputs.track, attempt.case.track
    return given in tracks and (present not in tracks or tracks.index(given) >= tracks.index(present))


def _check_lead(attempt: Attempt) -> list[Refusal]:
    lead, naming = attempt.inputs.lead, attempt.transition.names.get("lead")
    if lead is None or naming is None:
        return []
    found = []
    if not lead.has(naming.role) or not lead.active:
        found.append(refuse("lead_not_appraiser", name=lead.name))
    barred = frozenset[int]().union(*(attempt.case.related(relation) for relation in naming.excludes))
    if lead.id in barred:
        found.append(refuse("lead_is_author", name=lead.name))
    elif other := barred & identities(attempt.case, lead, "appraisals", attempt.now):
        found.append(refuse("lead_counts_as_author", name=lead.name, other=attempt.case.name(min(other))))
    if lead.id in access.conflicted(attempt.case):
        found.append(refuse("lead_conflicted", name=lead.name))
    running = attempt.case.appraisal
    if running is not None and running.lead == lead.id:
        found.append(refuse("lead_unchanged", name=lead.name))
    return found


def _check_changes(attempt: Attempt) -> list[Refusal]:
    known = {item.id for criterion in attempt.book.criteria for item in criterion.checklist.items}
    unknown = next(
        (change.item for change in attempt.inputs.changes if change.item and change.item not in known), None
    )
    if unknown is not None:
        return [refuse("change_item_unknown", item=unknown)]
    written = all(change.text.strip() for change in attempt.inputs.changes)
    return [] if written else [refuse("changes_missing")]


def _check_until(attempt: Attempt) -> list[Refusal]:
    until, today = attempt.inputs.until, geneva_date(attempt.now)
    if until is None:
        return []
    if until > today + LONGEST_HOLD:
        return [refuse("until_too_far", years=LONGEST_HOLD.days // 365)]
    return [refuse("until_past")] if until <= today else []


def _check_missing(attempt: Attempt) -> list[Refusal]:
    return [] if attempt.inputs.missing.strip() else [refuse("missing_missing")]


def _check_agreement(attempt: Attempt) -> list[Refusal]:
    agreement = attempt.inputs.agreement
    if agreement is None:
        return []
    found = [] if agreement.reference.strip() else [refuse("agreement_missing")]
    if early := bounds.early(agreement.on):
        found.append(early)
    late = agreement.on > geneva_date(attempt.now)
    return [*found, refuse("agreement_in_future")] if late else found


def _check_approval(attempt: Attempt) -> list[Refusal]:
    approval = attempt.inputs.approval
    if approval is None:
        return []
    found = []
    if not approval.document.strip() or not approval.source.strip():
        found.append(refuse("approval_missing"))
    if approval.approved_at is not None and approval.approved_at > attempt.now:
        found.append(refuse("approval_in_future"))
    elif approval.approved_at is not None and (early := bounds.early(geneva_date(approval.approved_at))):
        found.append(early)
    if attempt.case.version is None:
        given = tracks.registered(attempt.case, attempt.book.rates, approval.approved_at, approval.fund)
        found += filter(None, [bounds.usd_beyond(tracks.total_usd(given))])
    return [*found, *_check_fund(attempt.case, approval.fund)]


def _check_fund(case: Case, fund: str) -> list[Refusal]:
    """Refuse an approval that nobody knows the fund of, and one that is not of what the form names."""
    named = tracks.funds_approved(case)
    if not named and not fund:
        return [refuse("approval_fund_missing")]
    other = fund and named and fund not in named
    return [refuse("approval_fund_other", fund=fund, named=sorted(named))] if other else []


_CHECKS: Mapping[str, Callable[[Attempt], list[Refusal]]] = {
    "lead": _check_lead,
    "changes": _check_changes,
    "until": _check_until,
    "missing": _check_missing,
    "agreement": _check_agreement,
    "approval": _check_approval,
}


def _attempt(
    book: Rulebook, case: Case, actor: Person, now: datetime, transition: Transition, given: Inputs
) -> Attempt:
    return Attempt(case.state, case, book, actor, now, given, transition)


def allowed(book: Rulebook, case: Case, actor: Person, now: datetime) -> tuple[Possibility, ...]:
    """Return every step that leaves from here, each with the reasons against it that this person is told.

    What a step asks for (a note, a name) is not judged: it is given when the step is taken.
    """
    possibilities = []
    for transition in book.workflow.leaving(case.state):
        attempt = _attempt(book, case, actor, now, transition, Inputs())
        found = _edited(attempt) or [*who(attempt), *guards(attempt)]
        refusals = disclosure.refusals_for(case, actor, found)
        possibilities.append(Possibility(transition, tuple(refusals), not _not_among(attempt)))
    return tuple(possibilities)


def fire(
    book: Rulebook, case: Case, actor: Person, now: datetime, name: str, given: Inputs
) -> tuple[Transition, str]:
    """Take a step: return the transition and the state it leads to.

    Raises ``NotAllowed`` with every reason that the actor is told. Where the step does not leave from the
    present state that is the one reason given, since no other can be judged.
    """
    try:
        transition = book.workflow.transition(name)
    except KeyError:
        raise NotAllowed([refuse("unknown_step", step=name)]) from None
    if case.state not in transition.from_:
        raise NotAllowed([refuse("wrong_state", state=book.workflow.states[case.state].title)])
    attempt = _attempt(book, case, actor, now, transition, given)
    if not machine(book.workflow).events[name].trigger(attempt):
        raise disclosure.not_allowed(
            case,
            actor,
            attempt.refusals or [refuse("wrong_state", state=book.workflow.states[case.state].title)],
        )
    return transition, attempt.state


def probe(book: Rulebook, case: Case, actor: Person, now: datetime, name: str) -> Possibility | None:
    """Judge one step by name as :func:`allowed` does; None where it does not leave from here."""
    return next((entry for entry in allowed(book, case, actor, now) if entry.transition.name == name), None)
