"""Duties are what somebody still has to do, and who takes it on when they cannot any more.

Whoever leaves (account closed, role taken away, unit changed) leaves duties (domain rules, section 2).
Each is named before, becomes a task of those who can hand it over, and stays one until they have.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal

from appraisal.language.texts import N_
from appraisal.people.facts import Person
from appraisal.proposals.facts import Case
from appraisal.vocabulary.refusals import NotAllowed, refuse
from appraisal.vocabulary.roles import Role

Kind = Literal["author", "lead", "review", "unit", "condition", "signature", "correction"]

TITLES: Final[Mapping[Kind, str]] = {
    "author": N_("The only author who can still write in it or withdraw it"),
    "lead": N_("Lead of the appraisal under way"),
    "review": N_("A review that is still to be signed"),
    "unit": N_("The comments of a unit in which nobody else can give them"),
    "condition": N_("An open condition of the approval"),
    "signature": N_("A first signature that waits for the second"),
    "correction": N_("The correction of a registration that waits for its second signature"),
}
# What somebody must hold to do it; a condition asks for an open account alone.
ROLE_FOR: Final[Mapping[Kind, Role | None]] = {
    "author": "designer",
    "lead": "appraiser",
    "review": "appraiser",
    "unit": "appraiser",
    "condition": None,
    "signature": "manager",
    "correction": "coordinator",
}
# Who hands it over, or ends it, once its holder cannot do it.
HANDED_OVER_BY: Final[Mapping[Kind, Role]] = {
    "author": "coordinator",
    "lead": "coordinator",
    "review": "coordinator",
    "unit": "coordinator",
    "condition": "coordinator",
    "signature": "manager",
    "correction": "coordinator",
}


@dataclass(frozen=True, slots=True)
class Duty:
    """One thing that a person still has to do on a proposal.

    ``subject`` is the id of the review, consultation, condition or signature, or of the proposal
    itself; ``unit`` that for which comments are given.
    """

    kind: Kind
    number: str
    proposal: int
    subject: int
    since: datetime
    due_on: date | None = None
    unit: str = ""

    @property
    def key(self) -> str:
        """Return what names the duty in a confirmation."""
        return f"{self.kind}:{self.number}:{self.subject}"

    def may_be_done_by(self, person: Person) -> bool:
        """Tell whether somebody with this account could still do it."""
        if self.kind == "unit" and person.unit != self.unit:
            return False
        return is_able(person, self.kind)


class DutiesLeft(NotAllowed):
    """A change of an account leaves duties to nobody that were not all confirmed; carries every one."""

    def __init__(self, duties: Iterable[Duty]) -> None:
        self.duties = tuple(duties)
        numbers = list(dict.fromkeys(duty.number for duty in self.duties))
        super().__init__([refuse("duties_left", numbers=numbers)])


def is_able(person: Person, kind: Kind) -> bool:
    """Tell whether somebody can do duties of a kind: an open account, and the role for it."""
    role = ROLE_FOR[kind]
    return person.active and (role is None or person.has(role))


def left_by(duties: Iterable[Duty], before: Person, after: Person) -> tuple[Duty, ...]:
    """Return the duties that a person could do before an account was changed, and cannot after."""
    return tuple(duty for duty in duties if duty.may_be_done_by(before) and not duty.may_be_done_by(after))


def has_no_author(case: Case) -> bool:
    """Tell whether none of the authors of a proposal can act on it any more; one that has none never had."""
    authors = case.related("author")
    return bool(authors) and not any(is_able(case.people[id], "author") for id in authors)


def has_no_lead(case: Case) -> bool:
    """Tell whether an appraisal is under way whose lead cannot go on with it."""
    running = case.appraisal
    return running is not None and not is_able(case.people[running.lead], "lead")
