"""Proofs show that a workflow as a whole cannot be used against its rules.

Of its form: every state can be reached, every state leads on to a final one, no transition is dead.
Of separation of duties: too few people can never bring a proposal to an approval, on any path and
though each of them held every role, since author and lead of a proposal are kept for ever. The
search takes every step that ``by``, ``excludes``, ``names``, ``marks`` and the guards'
requirements do not forbid, so whatever the product allows is among what it takes. Who stands in for
somebody counts as one person with them; why the proof holds then as well, ``people.rules.substitutes`` says.
"""

from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from itertools import product
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


class _Step(NamedTuple):
    """One step of a walk: after which other step, who took it, and whom it named as lead."""

    before: "_Step | None"
    transition: Transition
    actor: int | None
    lead: int | None

    def __str__(self) -> str:
        walk = [_words(self)]
        step = self.before
        while step is not None:
            walk.append(_words(step))
            step = step.before
        return "; ".join(["person 1 writes the draft", *reversed(walk)])


Walks = Mapping[tuple[str, bool], _Step]


def prove(workflow: Workflow, names: Names) -> list[Finding]:
    """Return what does not hold of a workflow, each with its path in the file; nothing when all does.

    Only for a workflow whose own complaints are none: every name in it must exist.
    """
    reachable = _closure(workflow, {workflow.initial}, forward=True)
    return [*_form(workflow, reachable), *_duties(workflow, names, reachable)]


def fewest_people(workflow: Workflow, names: Names) -> Mapping[str, int]:
    """Return how many people an approval takes at least, for each transition that approves in the product."""
    walks = _walks(workflow, names)
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
    walks = _walks(workflow, names)
    for index, transition in enumerate(workflow.transitions):
        path, needed = ("transitions", index), FEWEST.get(transition.act, 1)
        too_short = _first(walks[: needed - 1], transition.name, (True, False))
        unappraised = _first(walks, transition.name, (False,)) if needed > 1 else None
        if too_short is not None:
            people, walk = too_short
            message = f"{_COUNTED[people]} can bring a proposal to ‘{transition.name}’, which takes {needed}"
            yield path, f"{message}: {walk}"
        elif unappraised is not None:
            message = f"‘{transition.name}’ can be taken without a finished appraisal of the present version"
            yield path, f"{message}: {unappraised[1]}"
        elif reachable & set(transition.from_) and _first(walks, transition.name, (True, False)) is None:
            yield path, f"‘{transition.name}’ can never be taken: what it asks for never comes together"


def _first(walks: Sequence[Walks], name: str, appraised: Sequence[bool]) -> tuple[int, _Step] | None:
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

    def stands_as(self, relations: Collection[Relation]) -> bool:
        """Tell whether the person has one of these relations to the proposal."""
        # Nobody is made a reviewer by a step, so that excluding reviewers shuts nobody out here.
        flags = {"author": self.author, "lead": self.led, "signatory": self.signed, "reviewer": False}
        return any(flags[relation] for relation in relations)

    def may_act(self, actors: Collection[str]) -> bool:
        """Tell whether the person may take a step by these actors; everybody here holds every role."""
        bonds = {"author": self.author, "lead": self.leads, "signatory": self.signed}
        return any(bonds.get(actor, True) for actor in actors)


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
    def key(self) -> tuple[object, ...]:
        """Return what tells situations apart: the people in order, since who is who makes no difference."""
        return (*self[2:], self.state, *sorted(self.people))


class _Move(NamedTuple):
    """A transition, what its guards require, and as whom it can be taken and one can become lead by it."""

    transition: Transition
    required: frozenset[str]
    actors: frozenset[_Person]
    leads: frozenset[_Person]


_EVERY_PERSON = tuple(_Person(*flags) for flags in product((False, True), repeat=4))


def _walks(workflow: Workflow, names: Names) -> list[Walks]:
    """Return what one person, two people and so on can do at all."""
    moves = {
        state: [_move(transition, names) for transition in workflow.leaving(state)]
        for state in workflow.states
    }
    return [_walks_of(workflow.initial, moves, people) for people in range(1, ENOUGH + 1)]


def _walks_of(initial: str, moves: Mapping[str, Sequence[_Move]], people: int) -> Walks:
    """Return the last step of the shortest way to every step that so many people can take at all.

    Keys are the name of a transition, and whether the present version was appraised when it was taken.
    """
    start = _Situation(initial, (_Person(author=True), *[_Person()] * (people - 1)))
    walks: dict[tuple[str, bool], _Step] = {}
    seen = {start.key}
    queue: deque[tuple[_Situation, _Step | None]] = deque([(start, None)])
    while queue:
        situation, walk = queue.popleft()
        for move in moves.get(situation.state, ()):
            if not _is_met(move, situation):
                continue
            transition = move.transition
            for actor in [None] if transition.is_automatic else _unlike(situation.people, move.actors):
                for lead in _unlike(situation.people, move.leads) if "lead" in transition.names else [None]:
                    step = _Step(walk, transition, actor, lead)
                    walks.setdefault((transition.name, situation.appraised), step)
                    after = _after(transition, situation, actor, lead)
                    if (key := after.key) not in seen:
                        seen.add(key)
                        queue.append((after, step))
    return walks


def _move(transition: Transition, names: Names) -> _Move:
    naming = transition.names.get("lead")
    excluded = naming.excludes if naming else ()
    return _Move(
        transition,
        frozenset(names.guards.get(guard, "") for guard in transition.when),
        frozenset(
            person
            for person in _EVERY_PERSON
            if person.may_act(transition.by) and not person.stands_as(transition.excludes)
        ),
        frozenset(
            person
            for person in _EVERY_PERSON
            if not (transition.act == "reassign" and person.leads) and not person.stands_as(excluded)
        ),
    )


def _is_met(move: _Move, situation: _Situation) -> bool:
    """Say whether a situation has what the guards of a transition require."""
    if "appraised" in move.required and not situation.appraised:
        return False
    # A second signature needs its own first one; to end one, any will do.
    first = FIRST.get(move.transition.act, situation.waiting)
    return "first_signature" not in move.required or bool(first and situation.waiting == first)


def _unlike(people: Sequence[_Person], those: Set[_Person]) -> Iterator[int]:
    """Yield one person of every kind that is among some; people who stand alike are interchangeable."""
    for index, person in enumerate(people):
        if person in those and person not in people[:index]:
            yield index


def _words(step: _Step) -> str:
    who = "time" if step.actor is None else f"person {step.actor + 1}"
    named = "" if step.lead is None else f" (lead: person {step.lead + 1})"
    return f"{who}: {step.transition.name}{named}"


def _after(transition: Transition, situation: _Situation, actor: int | None, lead: int | None) -> _Situation:
    people, waiting = situation.people, situation.waiting
    moves = transition.to != INTERNAL
    if transition.act in ("submit", "return_incomplete"):
        people = tuple(_Person(person.author, person.led, False, person.signed) for person in people)
    if moves:
        # A first signature is void as soon as the proposal moves.
        people, waiting = _unsigned(people), ""
    if lead is not None:
        people = tuple(
            _Person(person.author, person.led or index == lead, index == lead, person.signed)
            for index, person in enumerate(people)
        )
    if transition.act in ENDING_SIGNATURES:
        people, waiting = _unsigned(people), ""
    if transition.act in FIRST.values():
        waiting = transition.act
    if transition.marks == "signatory" and actor is not None:
        people = tuple(_Person(*person[:3], signed=index == actor) for index, person in enumerate(people))
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
    return tuple(_Person(*person[:3]) for person in people)


def _is_appraised(transition: Transition, situation: _Situation) -> bool:
    match transition.act:
        case "finalise" | "request_revision":
            return True
        case "submit" | "recall" | "return_incomplete":
            return False
        case _:
            return situation.appraised
