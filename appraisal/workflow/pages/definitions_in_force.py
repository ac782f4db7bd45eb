"""People read here the definitions in force: states, steps, tracks, checklists and rules."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from flask import Blueprint

from appraisal.appraisals.rules import in_words
from appraisal.definitions.checklists import Checklist
from appraisal.definitions.library import Criterion
from appraisal.definitions.sets import ChecklistSet
from appraisal.definitions.workflows import INTERNAL, PREVIOUS, State, Track, Transition, Workflow
from appraisal.language.texts import N_
from appraisal.language.words import Words
from appraisal.proposals.rules import form, track_and_money
from appraisal.web.context import language, page, say, signed_in, site
from appraisal.web.formats import any_of, localise, money

bp = Blueprint("workflow", __name__, url_prefix="/workflow")

# What each guard asks for, as the end of a sentence that begins with "only if".
GUARDS: Final[Mapping[str, str]] = {
    "not_on_hold": N_("the proposal is not on hold"),
    "held": N_("the proposal is on hold"),
    "hold_expired": N_("the last day of the hold is over"),
    "not_umbrella": N_("it is no umbrella programme, whose country projects are submitted instead"),
    "form_complete": N_(
        "every field that a submission needs is filled in, and the umbrella programme is one here"
    ),
    "rates_known": N_("there is a US$ rate for every currency"),
    "documents_complete": N_("every document of the track is there"),
    "changes_answered": N_("every required change is answered: done and where, or not done and why"),
    "rounds_permitted": N_("there are rounds left, or a manager allowed a further one"),
    "rounds_spent": N_("the rounds are spent"),
    "decision_due_or_rounds_spent": N_("a decision is due, or the rounds are spent"),
    "checklists_complete": N_(
        "every item of the checklists is rated, confirmed and commented on where needed"
    ),
    "evaluability_complete": N_("the evaluability review is complete where it is required"),
    "bureaux_heard": N_("both bureaux were asked, and each has answered or let its date pass"),
    "reviews_heard": N_("everybody asked to review has signed or declined, or let the date pass"),
    "impartial": N_("whoever acts has declared no conflict of interest"),
    "no_block_finalised": N_("whoever decides has finalised no part of the appraisal"),
    "recommendation_goes_to_decision": N_("the recommendation does not ask for a revision"),
    "recommendation_is_revision": N_("the recommendation asks for a revision"),
    "conditions_complete": N_("each condition has an owner, a due date and a gate"),
    "appraisal_of_this_version": N_("a valid appraisal of this very version was finished before"),
    "recommendation_favourable": N_("the appraisal recommends approval, with or without conditions"),
    "evaluability_present": N_("the evaluability review is there where it is required"),
    "nothing_waived": N_("no condition was waived"),
    "approval_closed": N_("the ordinary approval is closed"),
    "no_signature_waiting": N_("no first signature is waiting"),
    "override_waiting": N_("the first signature of an override is waiting"),
    "annulment_waiting": N_("the first signature of an annulment is waiting"),
    "no_annulment_waiting": N_("no annulment waits for its second signature"),
    "first_signature_waiting": N_("a first signature is waiting"),
    "annulment_expired": N_("the days for the second signature are over"),
    "registered": N_("the approval was given outside and registered here"),
    "registered_by_actor_today": N_("whoever acts registered it on the same day, in Geneva"),
    "nothing_rests_on_it": N_("no step, published report or match by a person rests on it"),
    "correction_waiting": N_("a correction is proposed"),
    "revision_recommended": N_("the appraisal of the present version asked for a revision"),
    "not_escalated_before": N_("no decision on this version was asked for before"),
    "silent_too_long": N_("nothing was heard for the days that the state allows"),
    "reopenings_left": N_("it was not reopened too often before"),
    "approved_inside": N_("the proposal was approved here, not outside"),
    "before_donor_closed": N_("every condition to be met before the donor is closed"),
    "before_start_closed": N_("every condition is closed"),
}
INPUTS: Final[Mapping[str, str]] = {
    "lead": N_("the lead appraiser"),
    "missing": N_("a list of what is missing"),
    "changes": N_("a list of required changes"),
    "until": N_("the last day of the hold"),
    "agreement": N_("the date and reference of the donor's answer"),
    "approval": N_("the document, source and date of the approval"),
}
ACTORS: Final[Mapping[str, str]] = {
    "author": N_("an author"),
    "lead": N_("the lead appraiser"),
    "signatory": N_("whoever gave the first signature"),
    "coordinator": N_("a coordinator"),
    "manager": N_("a manager"),
    "administrator": N_("an administrator"),
    "system": N_("happens by itself"),
}
EXCLUDED: Final[Mapping[str, str]] = {
    "author": N_("its authors"),
    "lead": N_("whoever led an appraisal of it"),
    "reviewer": N_("whoever reviewed it"),
    "signatory": N_("whoever gave the first signature"),
}
HOLDERS: Final[Mapping[str, str]] = {
    "author": N_("The authors"),
    "coordinator": N_("A coordinator"),
    "lead": N_("The lead appraiser"),
    "manager": N_("A manager"),
    "nobody": N_("Nobody"),
}
EFFECTS: Final[Mapping[str, str]] = {
    "appraisal_record": N_("An appraisal record is kept."),
    "decision_sheet": N_("A decision sheet is kept."),
}
AUDIENCES: Final[Mapping[str, str]] = {
    "authors": N_("the authors"),
    "lead": N_("the lead appraiser"),
    "reviewers": N_("the reviewers"),
    "signatories": N_("whoever gave the first signature"),
    "coordinators": N_("the coordinators"),
    "managers": N_("the managers"),
}


@dataclass(frozen=True, slots=True)
class Step:
    """One transition in words."""

    name: str
    label: str
    origins: tuple[str, ...]
    to: str
    by: str
    excludes: tuple[str, ...]
    when: tuple[str, ...]
    gives: tuple[str, ...]
    then: tuple[str, ...]


@bp.get("")
@signed_in
def show() -> str:
    """Show the workflow in force, and the checklists it is appraised against."""
    library = site().library
    workflow, chosen = library.newest_workflow(), library.newest_set()
    return page(
        "workflow/definitions_in_force.html",
        workflow=workflow,
        chosen=chosen,
        digests=library.digests,
        path=main_path(workflow),
        branches=_branches(workflow),
        holders=HOLDERS,
        steps=[_step(workflow, entry) for entry in workflow.transitions],
        tracks=[(track, _conditions(track), _documents(track)) for track in workflow.tracks.values()],
        criteria=[(entry, _applies(entry)) for entry in library.criteria(chosen.key)],
        rules=_rules(chosen),
    )


def main_path(workflow: Workflow) -> tuple[tuple[str, State], ...]:
    """Return the states of the straight way: the first, and those with a milestone or a review."""
    return tuple(
        (key, state)
        for key, state in workflow.states.items()
        if state.outcome != "negative" and (key == workflow.initial or state.milestone or state.reviews)
    )


def _branches(workflow: Workflow) -> list[tuple[State, list[str], list[str]]]:
    """Return the states beside the straight way, each with where one comes from and where one goes on to."""
    straight = {key for key, _ in main_path(workflow)}
    found = []
    for key, state in workflow.states.items():
        if key in straight:
            continue
        onward = dict.fromkeys(
            target
            for transition in workflow.leaving(key)
            for target in workflow.targets(transition, key)
            if target != key
        )
        arriving = dict.fromkeys(
            source
            for transition in workflow.transitions
            for source in transition.from_
            if key in (transition.to, transition.if_created)
        )
        found.append((state, _titles(workflow, arriving), _titles(workflow, onward)))
    return found


def _titles(workflow: Workflow, keys: Iterable[str]) -> list[str]:
    return [localise(workflow.states[key].title) for key in keys]


def _step(workflow: Workflow, transition: Transition) -> Step:
    gives = [say(INPUTS[need]) for need in transition.needs]
    if transition.note == "required":
        gives.append(say(N_("a reason")))
    return Step(
        name=transition.name,
        label=localise(transition.label),
        origins=tuple(_titles(workflow, transition.from_)),
        to=_destination(workflow, transition),
        by=any_of([say(ACTORS[actor]) for actor in transition.by]),
        excludes=tuple(say(EXCLUDED[relation]) for relation in transition.excludes),
        when=tuple(say(GUARDS[guard]) for guard in transition.when),
        gives=tuple(gives),
        then=_effects(transition),
    )


def _effects(transition: Transition) -> tuple[str, ...]:
    found = [say(EFFECTS[record]) for record in transition.records]
    if transition.told:
        told = ", ".join(say(AUDIENCES[audience]) for audience in transition.told)
        found.append(say(N_("Told by mail: %(people)s."), people=told))
    return tuple(found)


def _destination(workflow: Workflow, transition: Transition) -> str:
    if transition.to == INTERNAL:
        return say(N_("stays where it is"))
    if transition.to != PREVIOUS:
        return localise(workflow.states[transition.to].title)
    if transition.if_created is None:
        return say(N_("the state before"))
    created = localise(workflow.states[transition.if_created].title)
    return say(N_("the state before; “%(state)s” where the step had created the proposal"), state=created)


def _conditions(track: Track) -> list[str]:
    """Say what brings a proposal on a track."""
    return [
        say(sentence, **{name: money(amount) for name, amount in facts.items()})
        for sentence, facts in track_and_money.conditions(track.when)
    ]


def _documents(track: Track) -> list[str]:
    labels = {choice.value: choice.label for choice in form.DOCUMENT_KINDS}
    return [say(labels[kind]) for kind in track.documents]


def _applies(criterion: Criterion) -> str:
    applies = criterion.member.applies
    return say(N_("above US$%(amount)s"), amount=money(applies.above_usd)) if applies else say(N_("always"))


def _rules(chosen: ChecklistSet) -> Mapping[str, Sequence[str]]:
    """Say the rules of a set as its records do."""
    value = {
        "rule": {
            "verdict": chosen.verdict_rule.model_dump(mode="json"),
            "recommendation": chosen.recommendation_rule.model_dump(mode="json"),
            "rated_share": str(chosen.rated_share),
        },
        "scale": [{"value": entry.value, "title": entry.title.model_dump()} for entry in chosen.scale],
        "verdict_titles": {entry.code: entry.title.model_dump() for entry in chosen.verdicts},
        "recommendation_titles": {entry.code: entry.title.model_dump() for entry in chosen.recommendations},
    }
    return in_words.sentences(value, Words(language()))


@bp.get("/checklists/<key>")
@signed_in
def checklist(key: str) -> str:
    """Show a checklist with its items, guidance and sources."""
    library = site().library
    found = library.checklist(key)
    return page(
        "workflow/checklist.html",
        checklist=found,
        digest=library.digests[key],
        scale=library.newest_set().scale,
        evidence=_evidence(found),
    )


def _evidence(found: Checklist) -> dict[str, list[str]]:
    """Return for each item the labels of the fields and documents that answer it."""
    labels = {path: entry.label for path, _, entry in form.walk()}
    labels |= {f"documents.{kind.value}": kind.label for kind in form.DOCUMENT_KINDS}
    return {item.id: [say(labels[path]) for path in item.evidence if path in labels] for item in found.items}
