"""A case is everything that is known of one proposal, as frozen values that rules are functions of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, Literal

from appraisal.people.facts import SYSTEM_ACTOR, Person
from appraisal.trail.rules import approvals
from appraisal.vocabulary.roles import Relation

Content = Mapping[str, Mapping[str, Any]]
Gate = Literal["before_donor", "before_start"]
Origin = Literal["native", "registered", "imported"]


@dataclass(frozen=True, slots=True)
class Contribution:
    """One donor's part, with the US$ equivalent frozen at submission; ``usd`` is None without a rate."""

    donor: str
    private: bool
    fund: str
    modality: str
    amount: Decimal
    currency: str
    usd: Decimal | None
    rate: Decimal | None = None
    rate_on: date | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """An attached file, known by the SHA-256 of its bytes."""

    id: int
    kind: str
    filename: str
    sha256: str
    size: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Version:
    """What was submitted, frozen: fields, documents and the US$ at that day's rates."""

    id: int
    number: int
    content: Content
    documents: tuple[Document, ...]
    contributions: tuple[Contribution, ...]
    usd: Decimal
    threshold_usd: Decimal
    track: str
    digest: str
    at: datetime
    by: int

    @property
    def title(self) -> str:
        """Return the title as it was submitted; an empty string where there is none."""
        return str(self.content.get("identification", {}).get("title", ""))


@dataclass(frozen=True, slots=True)
class RatingGiven:
    """One item's rating; *proposed* ones were carried over and still wait to be confirmed.

    What is proposed is no rating: nothing is computed from it, counted or recorded (``counts``).
    ``reason`` is why the lead's differs from a reviewer's; ``by`` is who gave the lead's.
    """

    item: str
    value: str
    comment: str = ""
    evidence: str = ""
    proposed: bool = False
    reason: str = ""
    by: int | None = None

    @property
    def counts(self) -> bool:
        """Tell whether something may rest on it: a value was given, and nobody has still to confirm it."""
        return self.value != "" and not self.proposed


@dataclass(frozen=True, slots=True)
class Condition:
    """An obligation of an approval, born of an item or written by hand.

    It keeps its id, and a number that no other of the proposal ever has, through all that becomes of it;
    ``position`` is its place on the page. ``follows`` is the number of the condition of an earlier version
    whose place it takes once its appraisal is closed; ``superseded_by`` that of the one that took its own.
    ``row_version`` grows with every change but that of its place.
    """

    id: int
    number: int
    item: str
    text: str
    owner: str = ""
    due_on: date | None = None
    gate: Gate | None = None
    by_hand: bool = False
    cleared_at: datetime | None = None
    cleared_by: int | None = None
    evidence: str = ""
    waived_at: datetime | None = None
    waived_by: int | None = None
    owner_id: int | None = None
    reported_at: datetime | None = None
    reported_by: int | None = None
    report: str = ""
    position: int = 0
    written_at: datetime | None = None
    written_by: int | None = None
    follows: int | None = None
    withdrawn_at: datetime | None = None
    withdrawn_by: int | None = None
    superseded_by: int | None = None
    row_version: int = 1

    @property
    def stands(self) -> bool:
        """Tell whether it still belongs to its appraisal: neither withdrawn nor superseded."""
        return self.withdrawn_at is None and self.superseded_by is None

    @property
    def is_open(self) -> bool:
        """Tell whether it is still to be met."""
        return self.stands and self.cleared_at is None and self.waived_at is None


@dataclass(frozen=True, slots=True)
class RequiredChange:
    """One numbered change that a revision request asks for, and the author's answer."""

    id: int
    number: int
    round: int
    item: str
    text: str
    answer: Literal["done", "not_done"] | None = None
    answer_text: str = ""
    answered_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Consultation:
    """A unit asked for its comments; silence never blocks, lateness is kept.

    ``silent_at`` is when it was noted that there is no comment by the date; ``released_at`` when the
    appraisal was closed before the date, so that no comment is awaited any more.
    """

    id: int
    unit: str
    asked_at: datetime
    due_on: date
    answered_at: datetime | None = None
    answered_by: int | None = None
    text: str = ""
    late: bool = False
    silent_at: datetime | None = None
    released_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Tell whether it is still to be answered; what is silent or no longer awaited may be."""
        return self.answered_at is None


Declaration = Literal["", "nothing", "declared"]


@dataclass(frozen=True, slots=True)
class Review:
    """One person's independent review of some checklists within an appraisal.

    ``declaration`` is empty while it was never asked, and keeps *nothing to declare* apart from a
    conflict *declared*. ``reason`` says why it was declined or what the conflict is; ``behalf`` is
    whom the reviewer stands in for. ``silent_at`` and ``released_at`` are those of a consultation.
    """

    id: int
    person: int
    unit: str
    checklists: tuple[str, ...]
    asked_at: datetime
    due_on: date
    declaration: Declaration = ""
    declared_at: datetime | None = None
    declined_at: datetime | None = None
    reason: str = ""
    signed_at: datetime | None = None
    comment: str = ""
    late: bool = False
    silent_at: datetime | None = None
    released_at: datetime | None = None
    withdrawn_at: datetime | None = None
    behalf: int | None = None
    row_version: int = 1
    ratings: Mapping[str, RatingGiven] = field(default_factory=dict)

    @property
    def is_open(self) -> bool:
        """Tell whether it is still to be signed; one that is late, silent or no longer awaited may be."""
        return self.declaration != "declared" and not (
            self.signed_at or self.declined_at or self.withdrawn_at
        )


@dataclass(frozen=True, slots=True)
class Appraisal:
    """One appraisal of one version; ``computed`` and ``final`` are set when it is finalised.

    ``chosen`` and ``reason`` are what the lead has put down so far. A closed appraisal that was
    never finalised stays as it was left. ``conditions`` are those that stand, ``former_conditions`` those
    that were withdrawn or superseded while they belonged to it.
    """

    id: int
    number: int
    version_id: int
    lead: int
    opened_at: datetime
    ratings: Mapping[str, RatingGiven] = field(default_factory=dict)
    conditions: tuple[Condition, ...] = ()
    consultations: tuple[Consultation, ...] = ()
    reviews: tuple[Review, ...] = ()
    chosen: str = ""
    reason: str = ""
    finalised_at: datetime | None = None
    computed: str = ""
    final: str = ""
    verdicts: Mapping[str, str] = field(default_factory=dict)
    covers_evaluability: bool = False
    closed_at: datetime | None = None
    superseded_at: datetime | None = None
    record: str = ""
    row_version: int = 1
    former_conditions: tuple[Condition, ...] = ()

    @property
    def is_running(self) -> bool:
        """Tell whether it is still being worked on."""
        return self.ended_at is None

    @property
    def ended_at(self) -> datetime | None:
        """Return when it was finalised, or closed as it was left; None while it is being worked on."""
        return self.finalised_at or self.closed_at

    def counts(self, review: Review) -> bool:
        """Tell whether the lead has to answer a review: signed by its date, and while the appraisal ran."""
        if review.signed_at is None or review.late:
            return False
        ended_at = self.ended_at
        return ended_at is None or review.signed_at <= ended_at


DecisionKind = Literal[
    "approve",
    "propose_override",
    "countersign",
    "return",
    "reject",
    "escalate",
    "continue_rounds",
    "register_approval",
    "correct_registration",
    "propose_correction",
    "confirm_correction",
    "propose_annulment",
    "annul",
]
# First signatures: each waits for a second.
FIRST_SIGNATURES: Final[tuple[DecisionKind, ...]] = (
    "propose_override",
    "propose_annulment",
    "propose_correction",
)


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision or signature. ``approved_at`` is set by those that approve; None there means undated.

    ``contributions`` are those of an approval without a version, frozen at the rates of its day.
    """

    id: int
    kind: DecisionKind
    at: datetime
    by: int
    version_id: int | None = None
    appraisal_id: int | None = None
    note: str = ""
    approved_at: datetime | None = None
    document: str = ""
    source: str = ""
    voided_at: datetime | None = None
    contradicts: bool = False
    behalf: int | None = None
    contributions: tuple[Contribution, ...] | None = None

    @property
    def act(self) -> str:
        """Return by which act of a step it was taken."""
        return self.kind


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the audit trail that moved the proposal or was taken within a state.

    ``lead`` is who was named lead by it. One that left a state with a clock keeps the ``track``
    of that time, the working days used, and their limit.
    """

    sequence: int
    name: str
    act: str
    from_state: str
    to_state: str
    at: datetime
    by: int
    note: str = ""
    behalf: int | None = None
    track: str = ""
    days_used: int | None = None
    days_limit: int | None = None
    lead: int | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """A stretch in which the clock stands; ``until`` is its last day, ``released_at`` its real end."""

    since: datetime
    until: date
    reason: str
    by: int
    released_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One proposal with all that the rules read.

    ``pins`` holds the digests of the definitions that it goes by, by their keys; ``people`` names everyone
    who appears in it.
    """

    id: int
    number: str
    workflow: str
    set: str
    pinned: bool
    state: str
    state_since: datetime
    origin: Origin
    created_at: datetime
    content: Content
    row_version: int
    sequence: int
    head: str
    pins: Mapping[str, str] = field(default_factory=dict)
    track: str = ""
    tightened: str = ""
    previous_state: str = ""
    edited_at: datetime | None = None
    illustrative: bool = False
    source: str = ""
    parent: str = ""
    predecessor: str = ""
    siblings_usd: Decimal = Decimal(0)
    # The siblings whose US$ nobody knows, which that sum does not contain whole.
    siblings_unvalued: tuple[str, ...] = ()
    # Whether the umbrella programme that the form names is one here; so also where it names none.
    umbrella_known: bool = True
    documents: tuple[Document, ...] = ()
    versions: tuple[Version, ...] = ()
    appraisals: tuple[Appraisal, ...] = ()
    changes: tuple[RequiredChange, ...] = ()
    decisions: tuple[Decision, ...] = ()
    # When the registration that it came from was corrected; it counts nowhere since.
    voided_at: datetime | None = None
    # What was built on the registration that stands: a published report, a match by a person.
    rests: frozenset[str] = frozenset()
    holds: tuple[Hold, ...] = ()
    steps: tuple[Step, ...] = ()
    relations: Mapping[Relation, frozenset[int]] = field(default_factory=dict)
    people: Mapping[int, Person] = field(default_factory=dict)
    holidays: Mapping[str, frozenset[date]] = field(default_factory=dict)

    def related(self, relation: Relation) -> frozenset[int]:
        """Return everyone who ever stood in a relation to the proposal."""
        return self.relations.get(relation, frozenset())

    @property
    def draft_title(self) -> str:
        """Return the title as its authors are writing it; an empty string where there is none."""
        return str(self.content.get("identification", {}).get("title", ""))

    @property
    def version(self) -> Version | None:
        """Return the latest submitted version."""
        return self.versions[-1] if self.versions else None

    @property
    def hold(self) -> Hold | None:
        """Return the hold in force."""
        return next((hold for hold in reversed(self.holds) if hold.released_at is None), None)

    @property
    def appraisal(self) -> Appraisal | None:
        """Return the appraisal that is being worked on."""
        return next((entry for entry in reversed(self.appraisals) if entry.is_running), None)

    @property
    def finalised(self) -> Appraisal | None:
        """Return the unsuperseded finalised appraisal of the latest version."""
        if self.version is None:
            return None
        return next(
            (
                entry
                for entry in reversed(self.appraisals)
                if entry.version_id == self.version.id and entry.finalised_at and not entry.superseded_at
            ),
            None,
        )

    @property
    def arrival(self) -> Step | None:
        """Return the step by which the proposal came into its present state."""
        return next((step for step in reversed(self.steps) if step.from_state != step.to_state), None)

    @property
    def signature(self) -> Decision | None:
        """Return the first signature that waits for a second one."""
        return next(
            (
                entry
                for entry in reversed(self.decisions)
                if entry.kind in FIRST_SIGNATURES and entry.voided_at is None
            ),
            None,
        )

    @property
    def approval(self) -> Decision | None:
        """Return the decision that approved the proposal; an annulled approval is none."""
        return approvals.approval(self.decisions)

    @property
    def relied_on(self) -> Appraisal | None:
        """Return the appraisal that the approval in force relies on, with its conditions; None for none.

        An approval given outside relies on none.
        """
        approval = self.approval
        if approval is None or approval.appraisal_id is None:
            return None
        return next((entry for entry in self.appraisals if entry.id == approval.appraisal_id), None)

    @property
    def registration(self) -> Decision | None:
        """Return the registration by which the proposal is approved; None where it was approved here."""
        approval = self.approval
        return approval if approval is not None and approval.kind == approvals.REGISTERING else None

    @property
    def is_created_by_registration(self) -> bool:
        """Tell whether there was nothing here before the registration by which it is approved."""
        moves = [step for step in self.steps if step.from_state != step.to_state]
        return self.origin != "native" and len(moves) == 1 and self.registration is not None

    def name(self, person: int | None) -> str:
        """Return a person's name, or an empty string for nobody."""
        if person is None:
            return ""
        return SYSTEM_ACTOR.name if person == SYSTEM_ACTOR.id else self.people[person].name
