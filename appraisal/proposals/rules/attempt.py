"""An attempt is what a person wants to do with a proposal, and all that a rule needs to judge it."""

from dataclasses import dataclass, field
from datetime import date, datetime

from appraisal.definitions.workflows import Transition
from appraisal.people.facts import Person
from appraisal.proposals.facts import Case
from appraisal.proposals.rules.rulebook import Rulebook
from appraisal.vocabulary.refusals import Refusal


@dataclass(frozen=True, slots=True)
class ChangeAsked:
    """A change that a revision request asks for, tied to an item; an empty item means the whole."""

    text: str
    item: str = ""


@dataclass(frozen=True, slots=True)
class ApprovalGiven:
    """An approval given outside: ``approved_at`` None means undated.

    ``fund`` is from which it is paid, where whoever tells of it knows; it counts where the form names none.
    """

    document: str
    source: str
    approved_at: datetime | None = None
    fund: str = ""


@dataclass(frozen=True, slots=True)
class Agreement:
    """What a donor answered: the date and the reference."""

    on: date
    reference: str


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a person gives along with a step; which of it is needed, the transition says."""

    note: str = ""
    lead: Person | None = None
    missing: str = ""
    changes: tuple[ChangeAsked, ...] = ()
    until: date | None = None
    agreement: Agreement | None = None
    approval: ApprovalGiven | None = None
    track: str = ""
    # The numbers of the conditions that closing an appraisal withdraws, as whoever closes it was shown.
    withdrawn: frozenset[int] = frozenset()
    # What closing the appraisal would say, as whoever closes it was shown (``completeness.closing_seal``).
    closing: str = ""
    # In whose place a manager decides; None is the own.
    behalf: int | None = None

    @property
    def remark(self) -> str:
        """Return all that is said along with the step, for the trail and whoever reads it."""
        agreed = f"{self.agreement.on.isoformat()}, {self.agreement.reference}" if self.agreement else ""
        return "\n".join(text for text in (self.missing.strip(), agreed, self.note.strip()) if text)


# The inputs that a transition may ask for under ``needs``; the note has a word of its own.
INPUTS = frozenset({"lead", "missing", "changes", "until", "agreement", "approval"})


@dataclass(slots=True)
class Attempt:
    """One step being judged. The machine moves ``state`` of this object, never a row.

    ``refusals`` collects every reason against it.
    """

    state: str
    case: Case
    book: Rulebook
    actor: Person
    now: datetime
    inputs: Inputs
    transition: Transition
    refusals: list[Refusal] = field(default_factory=list)
