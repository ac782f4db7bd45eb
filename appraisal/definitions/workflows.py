"""Workflows have states that declare their meaning, and transitions that read as sentences."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, ValidationInfo

from appraisal.definitions.documents import Amount, Count, Definition, Flag, Key, Part, Path_, Words, listed
from appraisal.definitions.names import known
from appraisal.language.texts import Text
from appraisal.vocabulary.roles import Relation, Role

# The actor of what time demands; nobody can sign in as it.
SYSTEM = "system"
# Whom a step is for: who stands in a relation to the proposal, who holds a role, or nobody but time.
Actor = Literal["author", "lead", "signatory", "coordinator", "manager", "administrator", "system"]

Holder = Literal["author", "coordinator", "lead", "manager", "nobody"]
HOLDERS: tuple[Holder, ...] = get_args(Holder)
Outcome = Literal["none", "positive", "negative"]

# What a step does to the facts of a proposal, beside moving it. The services implement one
# function for each; a transition without an act only moves.
Act = Literal[
    "submit",
    "return_incomplete",
    "assign",
    "reassign",
    "finalise",
    "request_revision",
    "recall",
    "approve",
    "propose_override",
    "countersign",
    "return",
    "reject",
    "continue_rounds",
    "escalate",
    "withdraw",
    "lapse",
    "reopen",
    "register_approval",
    "correct_registration",
    "propose_correction",
    "confirm_correction",
    "propose_annulment",
    "annul",
    "withdraw_signature",
    "decline_signature",
    "lapse_signature",
    "send_to_donor",
    "fund",
    "decline_funding",
    "start",
    "hold",
    "release",
]
ACTS: tuple[Act, ...] = get_args(Act)
# The acts that finalise an appraisal: with a recommendation to decide on, or by asking for a revision.
FINALISING: tuple[Act, ...] = ("finalise", "request_revision")
# The acts by which a first signature ends without a second one, and without a move.
ENDING_SIGNATURES: tuple[Act, ...] = ("withdraw_signature", "decline_signature", "lapse_signature")
Record = Literal["appraisal_record", "decision_sheet"]
# Who can be told of a step by mail: those in a relation to the proposal, and all who hold a role.
Audience = Literal["authors", "lead", "reviewers", "signatories", "coordinators", "managers"]
AUDIENCES: tuple[Audience, ...] = get_args(Audience)
# What a person has to give along with some acts, since there would be nothing to write down without it.
NEEDED_BY_ACT: Mapping[Act, str] = {
    "assign": "lead",
    "reassign": "lead",
    "return_incomplete": "missing",
    "request_revision": "changes",
    "return": "changes",
    "register_approval": "approval",
    "fund": "agreement",
    "hold": "until",
}

# Destinations that are not states: the proposal stays where it is, or goes back where it came from.
INTERNAL = "internal"
PREVIOUS = "previous"


def _guard(name: str, info: ValidationInfo) -> str:
    return known(info, "guards", name, "is not a guard of the product")


def _input(name: str, info: ValidationInfo) -> str:
    return known(info, "inputs", name, "is not an input that a step can ask for")


def _document(name: str, info: ValidationInfo) -> str:
    return known(info, "documents", name, "is not a kind of document")


Guard = Annotated[str, AfterValidator(_guard)]
Input = Annotated[str, AfterValidator(_input)]
DocumentKind = Annotated[str, AfterValidator(_document)]


class State(Part):
    """One state and what it means; no code reads its name.

    ``holder`` is who has to act; ``clock`` gives the limit in working days for each track;
    ``lapses_after`` counts calendar days of silence; ``remind_after`` working days.
    """

    title: Text
    meaning: Text
    holder: Holder
    open: Flag = False
    editable_by: Literal["author"] | None = None
    clock: dict[str, Count] = {}
    remind_after: Count | None = None
    lapses_after: Count | None = None
    reviews: Literal["open"] | None = None
    milestone: Literal["submitted", "appraised", "decided", "with_donor", "funded", "started"] | None = None
    outcome: Outcome = "none"
    terminal: Flag = False


class Naming(Part):
    """Who may be named into a relation by a step, and whom that excludes."""

    role: Role
    excludes: tuple[Relation, ...] = ()


class Notify(Part):
    """The effect that people are told of a step by mail."""

    notify: Annotated[tuple[Audience, ...], Field(min_length=1)]


def _kind_of_effect(given: Any) -> str:
    # Words that no definition uses as a key: the reader looks for a fault's line by the keys on its way.
    return "effect" if isinstance(given, str) else "notice"


Effect = Annotated[
    Annotated[Record, Tag("effect")] | Annotated[Notify, Tag("notice")], Discriminator(_kind_of_effect)
]


class Transition(Part):
    """One sentence of the workflow: from, to, by whom, when, then.

    ``by`` names one actor or several, any of whom may take the step. ``if_created`` is where one that goes
    back leads instead when the step that is taken back had created the proposal.
    """

    name: Key
    label: Text
    from_: Annotated[Words, Field(alias="from")]
    to: Key
    if_created: Key | None = None
    by: Annotated[tuple[Actor, ...], BeforeValidator(listed), Field(min_length=1)]
    excludes: tuple[Relation, ...] = ()
    act: Act
    when: tuple[Guard, ...] = ()
    needs: tuple[Input, ...] = ()
    note: Literal["required", "optional", "none"] = "optional"
    names: dict[Literal["lead"], Naming] = {}
    marks: Literal["signatory"] | None = None
    then: tuple[Effect, ...] = ()

    @property
    def is_automatic(self) -> bool:
        """Tell whether nobody takes the step: it happens when its time has come."""
        return SYSTEM in self.by

    @property
    def records(self) -> tuple[Record, ...]:
        """Return the records that the step makes."""
        return tuple(effect for effect in self.then if not isinstance(effect, Notify))

    @property
    def told(self) -> tuple[Audience, ...]:
        """Return who is told of the step."""
        named = (name for effect in self.then if isinstance(effect, Notify) for name in effect.notify)
        return tuple(dict.fromkeys(named))


class TrackCondition(Part):
    """What brings a proposal on a track; all that is said must hold."""

    above_usd: Amount | None = None
    up_to_usd: Amount | None = None
    one_country: Flag = False
    no_private_funder: Flag = False


class Track(Part):
    """A pace of the workflow and the documents it needs; tracks stand from lightest to strictest."""

    title: Text
    when: TrackCondition | None = None
    documents: tuple[DocumentKind, ...] = ()
    consultation_days: Count


class Limits(Part):
    """How often a thing may be done before it takes somebody else's word.

    ``annulment_days`` is how many working days the first signature of an annulment waits for the second.
    """

    rounds: Count
    reopenings: Count
    annulment_days: Count | None = None


class Workflow(Definition):
    """A whole workflow; keys of ``states`` and ``tracks`` are what proposals store."""

    kind: Literal["workflow"]
    initial: Key
    limits: Limits
    tracks: Annotated[dict[Key, Track], Field(min_length=1)]
    states: Annotated[dict[Key, State], Field(min_length=1)]
    transitions: Annotated[tuple[Transition, ...], Field(min_length=1)]

    def complaints(self) -> Iterator[tuple[Path_, str]]:
        """Yield names that stand nowhere, clocks with holes, and transitions that stand twice."""
        if self.initial not in self.states:
            yield ("initial",), f"the initial state ‘{self.initial}’ is not a state"
        if sum(track.when is None for track in self.tracks.values()) != 1:
            yield ("tracks",), "exactly one track must stand without ‘when’, for all other proposals"
        for key, state in self.states.items():
            for track in state.clock:
                if track not in self.tracks:
                    yield ("states", key, "clock", track), f"‘{track}’ is not a track"
            for track in self.tracks:
                if state.clock and track not in state.clock:
                    yield ("states", key, "clock"), f"the clock of ‘{key}’ does not name the track ‘{track}’"
        seen: set[str] = set()
        for index, transition in enumerate(self.transitions):
            if transition.name in seen:
                yield ("transitions", index, "name"), f"the transition ‘{transition.name}’ stands twice"
            seen.add(transition.name)
            for part, message in self._transition_complaints(transition):
                yield ("transitions", index, part), message

    def _transition_complaints(self, transition: Transition) -> Iterator[tuple[str, str]]:
        name = transition.name
        for place, state in enumerate(transition.from_):
            if state not in self.states:
                yield "from", f"‘{name}’ leaves from ‘{state}’, which is not a state"
            elif state in transition.from_[:place]:
                yield "from", f"‘{name}’ names ‘{state}’ twice under ‘from’"
        if transition.to not in self.states and transition.to not in (INTERNAL, PREVIOUS):
            yield "to", f"‘{name}’ leads to ‘{transition.to}’, which is not a state"
        if transition.if_created is not None:
            if transition.if_created not in self.states:
                yield "if_created", f"‘{name}’ leads to ‘{transition.if_created}’, which is not a state"
            if transition.to != PREVIOUS:
                yield "if_created", f"‘{name}’ does not go back, so ‘if_created’ says nothing"
        if len(set(transition.by)) < len(transition.by):
            yield "by", f"‘{name}’ names the same actor twice under ‘by’"
        if transition.is_automatic and len(transition.by) > 1:
            yield "by", f"‘{name}’ happens by itself, so ‘{SYSTEM}’ stands alone under ‘by’"
        if transition.act == "lapse_signature" and self.limits.annulment_days is None:
            yield "act", f"‘{name}’ lapses by days that ‘annulment_days’ under ‘limits’ must give"
        need = NEEDED_BY_ACT.get(transition.act)
        if need is not None and need not in transition.needs:
            yield "act", f"‘{name}’ must ask for ‘{need}’ under ‘needs’, since its act is ‘{transition.act}’"
        if need == "lead" and "lead" not in transition.names:
            yield "act", f"‘{name}’ must say under ‘names’ who may become lead"

    def transition(self, name: str) -> Transition:
        """Return a transition by its name; ``KeyError`` where there is none."""
        for transition in self.transitions:
            if transition.name == name:
                return transition
        raise KeyError(name)

    def origins(self, state: str) -> tuple[str, ...]:
        """Return the states that transitions lead into a state from: where ``previous`` may lead back to."""
        found = (source for entry in self.transitions if entry.to == state for source in entry.from_)
        return tuple(dict.fromkeys(found))

    def targets(self, transition: Transition, state: str) -> tuple[str, ...]:
        """Return every state that a transition may lead to from one, itself where it moves nothing."""
        if transition.to == INTERNAL:
            return (state,)
        if transition.to != PREVIOUS:
            return (transition.to,)
        created = () if transition.if_created is None else (transition.if_created,)
        return (*self.origins(state), *created)

    def leaving(self, state: str) -> tuple[Transition, ...]:
        """Return the transitions that leave from a state, in the order of the file."""
        return tuple(transition for transition in self.transitions if state in transition.from_)
