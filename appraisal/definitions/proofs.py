"""Proofs show that a workflow as a whole cannot be used against its rules.

Of its form: every state can be reached, every state leads on to a final one, no transition is dead.
Of separation of duties: too few people can never bring a proposal to an approval, on any path and
though each of them held every role, since author and lead of a proposal are kept for ever. The
search takes every step that ``by``, ``excludes``, ``names``, ``marks`` and the guards'
requirements do not forbid, so whatever the product allows is among what it takes. Who stands in for
somebody counts as one person with them; why the proof holds then as well, ``people.rules.substitutes`` says.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from appraisal.definitions.documents import Path_
from appraisal.definitions.names import Names
from appraisal.definitions.workflows import ENDING_SIGNATURES, INTERNAL, PREVIOUS, Act, Transition, Workflow
from appraisal.vocabulary.roles import Relation

Finding = tuple[Path_, str]

# An approval takes an author, a lead and a manager; an override a second manager too.
FEWEST: Mapping[Act, int] = {"approve": 3, "countersign": 4}
ENOUGH = 4
# Which first signature each second one needs, and what ends the wait for it by itself.
FIRST: Mapping[Act, Act] = {
    "countersign": "propose_override",
    "annul": "propose_annulment",
    "lapse_signature": "propose_annulment",
    "confirm_correction": "propose_correction",
}
_COUNTED = {1: "one person", 2: "two people", 3: "three people", 4: "four people"}


def prove(workflow: Workflow, names: Names) -> list[Finding]:
    """Return what does not hold of a workflow, each with its path in the file; nothing when all does.

    Only for a workflow whose own complaints are none: every name in it must exist.
    """
    reachable = _closure(workflow, {workflow.initial}, forward=True)
    return [*_form(workflow, reachable), *_duties(workflow, names, reachable)]


def fewest_people(workflow: Workflow, names: Names) -> Mapping[str, int]:
    """Return how many people an approval takes at least, for each transition that approves in the product."""
    walks = [_walks(workflow, names, people) for people in range(1, ENOUGH + 1)]
    approving = [transition.name for transition in workflow.transitions if transition.act in FEWEST]
    return {
        name: next(people for people, found in enumerate(walks, 1) if name in {taken for taken, _ in found})
        for name in approving
    }


def _closure(workflow: Workflow, start: set[str], *, forward: bool) -> set[str]:
    """Return all states that can be reached from some, or, backwards, from which some can be reached."""
    edges = {
        (state, destination) if forward else (destination, state)
        for transition in workflow.transitions
        for state in transition.from_
        for destination in workflow.targets(transition, state)
    }
    found, waiting = set(start), list(start)
    while waiting:
        here = waiting.pop()
        onward = {destination for state, destination in edges if state == here} - found
        found |= onward
        waiting += onward
    return found


def _form(workflow: Workflow, reachable: set[str]) -> Iterator[Finding]:
    terminal = {key for key, state in workflow.states.items() if state.terminal}
    finishing = _closure(workflow, terminal, forward=False)
    for key in workflow.states:
        if key not in reachable:
            yield ("states", key), f"the state ‘{key}’ can never be reached from ‘{workflow.initial}’"
        elif key not in finishing:
            moves = any(transition.to != INTERNAL for transition in workflow.leaving(key))
            why = "no final state can be reached from it" if moves else "nothing leads out of it"
            yield ("states", key), f"the state ‘{key}’ is a dead end: {why}, and it is not terminal"
    for index, transition in enumerate(workflow.transitions):
        for state in transition.from_:
            if state in terminal and transition.act != "register_approval":
                message = f"‘{transition.name}’ leaves from ‘{state}’, which is terminal"
                yield ("transitions", index, "from"), message
            if transition.to == PREVIOUS and state in reachable and not workflow.origins(state):
                message = f"‘{transition.name}’ goes back from ‘{state}’, but no transition leads there"
                yield ("transitions", index, "to"), message


def _duties(workflow: Workflow, names: Names, reachable: set[str]) -> Iterator[Finding]:
    walks = [_walks(workflow, names, people) for people in range(1, ENOUGH + 1)]
    for index, transition in enumerate(workflow.transitions):
        path, needed = ("transitions", index), FEWEST.get(transition.act, 1)
        too_short = _first(walks[: needed - 1], transition.name, (True, False))
        unappraised = _first(walks, transition.name, (False,)) if needed > 1 else None
        if too_short is not None:
            people, words = too_short
            message = f"{_COUNTED[people]} can bring a proposal to ‘{transition.name}’, which takes {needed}"
            yield path, f"{message}: {words}"
        elif unappraised is not None:
            message = f"‘{transition.name}’ can be taken without a finished appraisal of the present version"
            yield path, f"{message}: {unappraised[1]}"
        elif reachable & set(transition.from_) and _first(walks, transition.name, (True, False)) is None:
            yield path, f"‘{transition.name}’ can never be taken: what it asks for never comes together"


def _first(
    walks: Sequence[Mapping[tuple[str, bool], str]], name: str, appraised: Sequence[bool]
) -> tuple[int, str] | None:
    for people, found in enumerate(walks, 1):
        for flag in appraised:
            if (name, flag) in found:
                return people, found[name, flag]
    return None


class _Person(NamedTuple):
    """What binds one person to the proposal; author and former leads stay so for ever."""

    author: bool = False
    led: bool = False
    leads: bool = False
    signed: bool = False

    def stands_as(self, relation: Relation) -> bool:
        # Nobody is made a reviewer by a step, so that excluding reviewers shuts nobody out here.
        flags = {"author": self.author, "lead": self.led, "signatory": self.signed, "reviewer": False}
        return flags[relation]


class _Situation(NamedTuple):
    """Where a proposal stands, who did what, and whether its present version is appraised."""

    state: str
    people: tuple[_Person, ...]
    before: str = ""
    # What came before a registration, until that is corrected.
    beneath: str = ""
    appraised: bool = False
    # The act of the first signature that waits for a second.
    waiting: str = ""

    @property
    def key(self) -> "_Situation":
        """Return the same situation with its people in order: who is who makes no difference."""
        return self._replace(people=tuple(sorted(self.people)))


def _walks(workflow: Workflow, names: Names, people: int) -> Mapping[tuple[str, bool], str]:
    """Return the shortest way, in words, to every step that so many people can take at all.

    Keys are the name of a transition, and whether the present version was appraised when it was taken.
    """
    start = _Situation(workflow.initial, (_Person(author=True), *[_Person()] * (people - 1)))
    walks: dict[tuple[str, bool], str] = {}
    seen, queue = {start.key}, deque([(start, "person 1 writes the draft")])
    while queue:
        situation, walk = queue.popleft()
        for transition, words, after in _steps(workflow, names, situation):
            walks.setdefault((transition.name, situation.appraised), f"{walk}; {words}")
            if after.key not in seen:
                seen.add(after.key)
                queue.append((after, f"{walk}; {words}"))
    return walks


def _steps(
    workflow: Workflow, names: Names, situation: _Situation
) -> Iterator[tuple[Transition, str, _Situation]]:
    for transition in workflow.leaving(situation.state):
        required = {names.guards.get(guard, "") for guard in transition.when}
        if "appraised" in required and not situation.appraised:
            continue
        # A second signature needs its own first one; to end one, any will do.
        first = FIRST.get(transition.act, situation.waiting)
        if "first_signature" in required and (not first or situation.waiting != first):
            continue
        for actor in _actors(transition, situation):
            for lead in _leads(transition, situation):
                yield transition, _words(transition, actor, lead), _after(transition, situation, actor, lead)


def _unlike(people: Sequence[_Person]) -> Iterator[tuple[int, _Person]]:
    """Yield one person of every kind; people who stand alike are interchangeable."""
    for index, person in enumerate(people):
        if person not in people[:index]:
            yield index, person


def _actors(transition: Transition, situation: _Situation) -> Iterator[int | None]:
    if transition.is_automatic:
        yield None
        return
    for index, person in _unlike(situation.people):
        # Each of these people holds every role.
        bonds = {"author": person.author, "lead": person.leads, "signatory": person.signed}
        may = any(bonds.get(actor, True) for actor in transition.by)
        if may and not any(person.stands_as(relation) for relation in transition.excludes):
            yield index


def _leads(transition: Transition, situation: _Situation) -> Iterator[int | None]:
    naming = transition.names.get("lead")
    if naming is None:
        yield None
        return
    for index, person in _unlike(situation.people):
        unchanged = transition.act == "reassign" and person.leads
        if not unchanged and not any(person.stands_as(relation) for relation in naming.excludes):
            yield index


def _words(transition: Transition, actor: int | None, lead: int | None) -> str:
    who = "time" if actor is None else f"person {actor + 1}"
    named = "" if lead is None else f" (lead: person {lead + 1})"
    return f"{who}: {transition.name}{named}"


def _after(transition: Transition, situation: _Situation, actor: int | None, lead: int | None) -> _Situation:
    people, waiting = situation.people, situation.waiting
    moves = transition.to != INTERNAL
    if transition.act in ("submit", "return_incomplete"):
        people = tuple(person._replace(leads=False) for person in people)
    if moves:
        # A first signature is void as soon as the proposal moves.
        people, waiting = _unsigned(people), ""
    if lead is not None:
        people = tuple(
            person._replace(led=person.led or index == lead, leads=index == lead)
            for index, person in enumerate(people)
        )
    if transition.act in ENDING_SIGNATURES:
        people, waiting = _unsigned(people), ""
    if transition.act in FIRST.values():
        waiting = transition.act
    if transition.marks == "signatory" and actor is not None:
        people = tuple(person._replace(signed=index == actor) for index, person in enumerate(people))
    state = situation.before if transition.to == PREVIOUS else transition.to
    before, beneath = situation.before, situation.beneath
    if transition.act in ("correct_registration", "confirm_correction"):
        before, beneath = beneath, ""
    elif moves:
        before, beneath = situation.state, before if transition.act == "register_approval" else ""
    return _Situation(
        state=state if moves else situation.state,
        people=people,
        before=before,
        beneath=beneath,
        appraised=_is_appraised(transition, situation),
        waiting=waiting,
    )


def _unsigned(people: tuple[_Person, ...]) -> tuple[_Person, ...]:
    if not any(person.signed for person in people):
        return people
    return tuple(person._replace(signed=False) for person in people)


def _is_appraised(transition: Transition, situation: _Situation) -> bool:
    match transition.act:
        case "finalise" | "request_revision":
            return True
        case "submit" | "recall" | "return_incomplete":
            return False
        case _:
            return situation.appraised
