"""Steps of a record are checked here: that they can have been taken, by whom, and by which route."""

from collections.abc import Iterator, Mapping
from itertools import chain, pairwise
from operator import itemgetter
from typing import Any

from appraisal.canonical import plain
from appraisal.definitions.workflows import ENDING_SIGNATURES, INTERNAL, PREVIOUS, Transition, Workflow
from appraisal.language.texts import N_
from appraisal.proposals.rules.routes import REASONS, TITLES
from appraisal.verification.rules.recomputed_verdicts import NOT_KNOWN, Known
from appraisal.vocabulary.findings import Finding, Said, holds, judged, unchecked
from appraisal.vocabulary.roles import Relation

Value = Mapping[str, Any]

NO_ROUTE = N_("No route yet: the record is of an appraisal, not of a decision.")
_RELATIONS: Mapping[Relation, str] = {
    "author": N_("an author"),
    "lead": N_("the lead appraiser"),
    "reviewer": N_("a reviewer"),
    "signatory": N_("the first signatory"),
}
# Whom a guard bars by what they did in a review, from then on, each with who that is.
_GUARDED: Mapping[str, str] = {
    "no_block_finalised": N_("whoever finalised a part of the appraisal"),
    "impartial": N_("somebody with a declared conflict of interest"),
}
# The decisions that the acts of steps make, each by the name of its act.
_DECIDING = ("approve", "countersign", "return", "reject", "register_approval", "annul")


def findings(value: Value, known: Known, covers: bool | None) -> list[Finding]:
    """Examine steps, route and separation of duties; ``covers`` tells of the evaluability review."""
    found = judged(
        "steps",
        _step_problems(value, known.workflow),
        N_("Each step follows on the one before as the workflow allows (steps: %(count)s).")
        if known.workflow
        else N_("Each step follows on the one before (steps: %(count)s)."),
        count=len(value["steps"]),
    )
    if known.workflow is None:
        found.append(unchecked("steps", NOT_KNOWN, keys=known.differing))
    found += _route(value, known, covers)
    found += _separation(value, known)
    return found


def _step_problems(value: Value, workflow: Workflow | None) -> Iterator[Said]:
    steps = value["steps"]
    for before, after in pairwise(steps):
        if before["to"] != after["from"]:
            yield (
                N_("%(after)s does not begin where %(before)s ended."),
                {"before": before["name"], "after": after["name"]},
            )
    if workflow is None:
        return
    titles = {name: plain(state.title.model_dump()) for name, state in workflow.states.items()}
    if steps and steps[0]["from"] != titles[workflow.initial]:
        yield N_("The first step, %(name)s, does not begin at the beginning."), {"name": steps[0]["name"]}
    for step in steps:
        transition = _transition(workflow, step)
        if transition is None:
            yield N_("The workflow knows no step %(name)s."), {"name": step["name"]}
        elif not _fits(transition, step, titles):
            yield (
                N_("The workflow allows “%(name)s” neither from there nor to there."),
                {"name": transition.label},
            )
    yield from _closing_steps(value, workflow)


def _closing_steps(value: Value, workflow: Workflow) -> Iterator[Said]:
    """Yield a closing or a decision of which no step is of that kind."""
    acts = [
        (step["at"], transition.act) for step in value["steps"] if (transition := _transition(workflow, step))
    ]
    if "appraisal" in value:
        at = value["appraisal"]["finalised_at"]
        if not {(at, "finalise"), (at, "request_revision")} & set(acts):
            yield N_("No step closed the appraisal at %(moment)s."), {"moment": at}
    if "decision" in value and value["decision"]["kind"] in _DECIDING:
        decision = value["decision"]
        if (decision["at"], decision["kind"]) not in acts:
            yield N_("No step is the decision of %(moment)s."), {"moment": decision["at"]}
        for step in value["steps"]:
            same = step["at"] == decision["at"] and _act(workflow, step) == decision["kind"]
            if same and (step["by"], step.get("for")) != (decision["by"], decision.get("for")):
                yield (
                    N_("Step and decision name different people: %(names)s."),
                    {"names": [step["by"]["name"], decision["by"]["name"]]},
                )


def _act(workflow: Workflow | None, step: Value) -> str:
    """Return what a step does; its name, where the workflow or the step is not known."""
    transition = None if workflow is None else _transition(workflow, step)
    return str(step["name"]) if transition is None else transition.act


def _transition(workflow: Workflow, step: Value) -> Transition | None:
    return next((entry for entry in workflow.transitions if entry.name == step["name"]), None)


def _fits(transition: Transition, step: Value, titles: Mapping[str, Value]) -> bool:
    begins = any(titles[name] == step["from"] for name in transition.from_ if name in titles)
    if transition.to == INTERNAL:
        ends = step["to"] == step["from"]
    elif transition.to == PREVIOUS:
        ends = step["to"] in titles.values()
    else:
        ends = step["to"] == titles[transition.to]
    return begins and ends and step["label"] == plain(transition.label.model_dump())


def _route(value: Value, known: Known, covers: bool | None) -> list[Finding]:
    decision = value.get("decision")
    if decision is None:
        return [unchecked("route", NO_ROUTE)]
    said = (decision["route"], decision["route_reason"])
    right = _derived(value, known, covers)
    if right is None:
        return [unchecked("route", NOT_KNOWN, keys=known.differing)]
    problems: list[Said] = []
    if said != right:
        facts = {"right": _named(right), "said": _named(said)}
        problems.append((N_("The facts give the route “%(right)s”, but the record says “%(said)s”."), facts))
    if bool(value["appraisal_record"]) != ("appraisal" in value):
        problems.append(
            (N_("An appraisal record is quoted without its content, or the other way round."), {})
        )
    elif "appraisal" in value and value["appraisal"]["record"] != value["appraisal_record"]:
        problems.append((N_("Two different appraisal records are quoted."), {}))
    if (decision["kind"] in ("countersign", "annul")) != bool(decision["first_signature"]):
        problems.append((N_("The first signature is missing, or stands where none belongs."), {}))
    annulled = decision.get("annuls", ())
    if annulled and decision["kind"] != "annul":
        problems.append((N_("The sheet names sheets that it annuls, but is no annulment."), {}))
    if others := [entry["number"] for entry in annulled if entry["number"] != value["number"]]:
        problems.append((N_("It annuls a sheet of another proposal: %(numbers)s."), {"numbers": others}))
    contradicts = _contradicts(value, known)
    if contradicts is not None and contradicts != decision["contradicts"]:
        problems.append((N_("Whether the decision contradicts the appraisal is not said as it is."), {}))
    return judged("route", problems, N_("The route follows from the facts: %(route)s."), route=_named(right))


def _named(route: tuple[str, str]) -> tuple[str, ...]:
    kind, reason = route
    return tuple(filter(None, (TITLES.get(kind, kind), REASONS.get(reason, reason)))) or ("–",)


def _derived(value: Value, known: Known, covers: bool | None) -> tuple[str, str] | None:
    """Derive the route as ``proposals.rules.routes`` does; None where definitions are not known."""
    decision, appraisal = value["decision"], value.get("appraisal")
    if decision["kind"] not in ("approve", "countersign", "register_approval"):
        return "", ""
    if decision["kind"] == "register_approval":
        return "outside", "registered"
    if appraisal is None or _is_of_other_version(value, appraisal, known.workflow):
        return "outside", "other_version"
    if decision["approved_at"] is None or appraisal["finalised_at"] >= decision["approved_at"]:
        return "outside", "appraisal_after_approval"
    if decision["kind"] == "countersign":
        return "override", ""
    if known.set is None or covers is None:
        return None
    if not covers:
        return "outside", "evaluability_missing"
    waived = any(entry["waived"] for entry in appraisal["conditions"])
    favourable = _means(known, appraisal["final"]) in ("favourable", "conditional")
    return ("mechanism", "") if favourable and not waived else ("outside", "")


def _is_of_other_version(value: Value, appraisal: Value, workflow: Workflow | None) -> bool:
    """Tell whether a version was submitted, or the appraisal recalled, after what it is of."""
    submitted = value["proposal"]["submitted_at"]
    recalled = any(
        _act(workflow, step) == "recall" and step["at"] >= appraisal["finalised_at"]
        for step in value["steps"]
    )
    return recalled or (submitted is not None and appraisal["opened_at"] < submitted)


def _means(known: Known, code: str) -> str:
    entries = known.set.recommendations if known.set else ()
    return next((entry.means for entry in entries if entry.code == code), "")


def _contradicts(value: Value, known: Known) -> bool | None:
    kind, appraisal = value["decision"]["kind"], value.get("appraisal")
    if kind not in ("countersign", "return", "reject") or appraisal is None or known.set is None:
        return None
    favourable = _means(known, appraisal["final"]) in ("favourable", "conditional")
    return favourable != bool(kind == "countersign")


# Somebody's id, or the name where a record does not say it.
Who = int | str


def _separation(value: Value, known: Known) -> list[Finding]:
    """Examine who did what. Records that were made before people had ids in them know names alone.

    Two people may share a name, so one that stands on both sides disproves nothing then.
    """
    if known.workflow is None:
        return [unchecked("separation", NOT_KNOWN, keys=known.differing)]
    overlaps = _overlaps(value, known.workflow)
    if _has_ids(value):
        problems = chain(_id_problems(value), overlaps)
        return judged(
            "separation", problems, N_("As far as the record shows, nobody decided on what was their own.")
        )
    if names := sorted({facts["name"] for _, facts in overlaps}):
        sentence = N_(
            "The record does not tell people of one name apart, so it cannot say whether one person or two "
            "acted here: %(names)s."
        )
        return [unchecked("separation", sentence, names=names)]
    return [holds("separation", N_("As far as names show, nobody decided on what was their own."))]


def _has_ids(value: Value) -> bool:
    return "author_ids" in value["proposal"] or any("id" in person for person in _people(value))


def _id_problems(value: Value) -> Iterator[Said]:
    """Yield where a record gives ids to some people only, or one id to people of several names."""
    proposal = value["proposal"]
    ids = proposal.get("author_ids", ())
    people = list(_people(value))
    unknown = {person["name"] for person in people if "id" not in person}
    if len(ids) != len(proposal["authors"]):
        unknown |= set(proposal["authors"])
    if unknown:
        yield (
            N_("The record gives some people a number and others none: %(names)s."),
            {"names": sorted(unknown)},
        )
    names: dict[int, set[str]] = {}
    for id, name in (
        *zip(ids, proposal["authors"], strict=False),
        *((person["id"], person["name"]) for person in people if "id" in person),
    ):
        names.setdefault(id, set()).add(name)
    for several in names.values():
        if len(several) > 1:
            yield N_("One person bears several names in the record: %(names)s."), {"names": sorted(several)}


def _people(value: Any) -> Iterator[Value]:
    """Yield everybody whom a record describes, each time; what the form says describes nobody."""
    if isinstance(value, Mapping):
        if {"name", "unit", "roles"} <= set(value):
            yield value
        for key, entry in value.items():
            if key != "content":
                yield from _people(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from _people(entry)


def _overlaps(value: Value, workflow: Workflow) -> Iterator[Said]:
    """Yield each step that somebody took whom the workflow excludes from it."""
    steps = [(step, _transition(workflow, step)) for step in value["steps"]]
    related, reviewed = _related(value), _reviewed(value)
    signatories: Mapping[Who, str] = {}
    for step, transition in steps:
        if transition is None:
            continue
        acting = _acting(step)
        bound = {**related, "signatory": dict.fromkeys(signatories, "")}
        ways = [(bound.get(relation, {}), _RELATIONS[relation]) for relation in transition.excludes]
        ways += [(reviewed[guard], who) for guard, who in _GUARDED.items() if guard in transition.when]
        for since, relation in ways:
            barred = [name for who, name in acting.items() if since.get(who, step["at"]) < step["at"]]
            for name in sorted(barred):
                yield (
                    N_("%(name)s took the step %(step)s, and is %(relation)s as well."),
                    {"name": name, "step": step["name"], "relation": relation},
                )
        # A first signature binds while it waits: until the proposal moves, or the signature ends.
        if transition.marks == "signatory":
            signatories = acting
        elif transition.to != INTERNAL or transition.act in ENDING_SIGNATURES:
            signatories = {}
    yield from _lifted(value, related)
    decision = value.get("decision")
    if decision is not None and decision["first_signature"]:
        first, second = _acting(decision["first_signature"]), _acting(decision)
        for name in sorted(second[who] for who in first.keys() & second.keys()):
            yield N_("%(name)s gave both signatures."), {"name": name}


# Who never lifts a condition, by how: what one asks for, one does not give up or call met oneself.
_LIFTING: Mapping[str, tuple[Relation, ...]] = {"cleared": ("author",), "waiver": ("author", "lead")}


def _lifted(value: Value, related: Mapping[Relation, Mapping[Who, str]]) -> Iterator[Said]:
    """Yield each condition that somebody cleared or waived who may not."""
    for condition in value.get("appraisal", {}).get("conditions", ()):
        for key, relations in _LIFTING.items():
            done = condition.get(key)
            if done is None:
                continue
            who = _who(done["by"])
            for relation in relations:
                if related.get(relation, {}).get(who, done["at"]) < done["at"]:
                    yield (
                        N_("%(name)s lifted condition %(number)s, and is %(relation)s as well."),
                        {
                            "name": done["by"]["name"],
                            "number": condition["number"],
                            "relation": _RELATIONS[relation],
                        },
                    )


def _related(value: Value) -> Mapping[Relation, Mapping[Who, str]]:
    """Return who the record shows for ever in a relation to the proposal, each with since when."""
    proposal = value["proposal"]
    found: dict[Relation, Mapping[Who, str]] = {
        "author": dict.fromkeys(proposal.get("author_ids", proposal["authors"]), ""),
    }
    if "appraisal" in value:
        appraisal = value["appraisal"]
        leads = [appraisal["lead"], *appraisal.get("rated_for_lead", ())]
        found["lead"] = {_who(entry): appraisal["opened_at"] for entry in leads}
    return found


def _reviewed(value: Value) -> Mapping[str, Mapping[Who, str]]:
    """Return by guard who is barred by a review that the record shows, each with since when."""
    appraisal = value.get("appraisal", {})
    reviews = appraisal.get("reviews", ())
    blocks = {entry["code"] for entry in appraisal.get("criteria", ()) if "finalised_by" in entry}
    finalised = [
        (entry["signed_at"], entry["person"])
        for entry in reviews
        if entry["signed_at"] and blocks & set(entry["checklists"])
    ]
    conflicted = [
        (entry["declared_at"], entry["person"])
        for entry in reviews
        if entry["declaration"] == "declared" and entry["declared_at"]
    ]
    # The first of several of one person, which comes last here, stays.
    return {
        guard: {_who(person): at for at, person in sorted(found, key=itemgetter(0), reverse=True)}
        for guard, found in (("no_block_finalised", finalised), ("impartial", conflicted))
    }


def _acting(signed: Value) -> Mapping[Who, str]:
    """Return by whom something was done, and for whom, each with the name."""
    both = [signed["by"], *([signed["for"]] if signed.get("for") else ())]
    return {_who(person): person["name"] for person in both}


def _who(person: Value) -> Who:
    id: Who = person.get("id", person["name"])
    return id
