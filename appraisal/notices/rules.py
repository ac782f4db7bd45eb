"""Notices are what people are told by mail: in which words, with which page, and who is told of a step.

A message leaves the house, so it says the number of the proposal, what happened or is asked, the
date, and where to read on; never a title, a donor, a rating, a comment or a note.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from appraisal.clock import parse_stamp
from appraisal.definitions.workflows import Audience
from appraisal.language.texts import N_, Language, places, say, write_day
from appraisal.people.facts import Person
from appraisal.proposals.facts import Case
from appraisal.proposals.rules import access, duties
from appraisal.vocabulary.roles import Relation, Role

# What a notice of a step carries: the label of the transition and the title of the state that it led to.
STEP = "step"
STATE = "state"


@dataclass(frozen=True, slots=True)
class Kind:
    """What a notice says and the page it leads to; the proposal's own where a fact for it is missing.

    ``more`` is said beside. What is urgent goes out at once, however its reader takes mail; ``to_closed``
    is what the owner of a closed account is told all the same.
    """

    sentence: str
    page: str = "/proposals/%(number)s"
    more: str = ""
    is_urgent: bool = False
    to_closed: bool = False

    @property
    def needs(self) -> frozenset[str]:
        """Return the facts that its sentence cannot do without; ``number`` is the proposal's."""
        return places(self.sentence)


_STEP_TAKEN = Kind(N_("%(number)s: %(step)s"))
_NOT_YOU: Final = N_("If you know nothing of this, tell an administrator and your manager at once.")
_ONCE: Final = N_("The link works once and for a limited time. Give it to nobody.")


def _of_account(
    sentence: str, *, page: str = "/account", more: str = _NOT_YOU, to_closed: bool = False
) -> Kind:
    """Make a notice about its reader's own account. It names nobody, for a message leaves the house."""
    return Kind(sentence, page, more, is_urgent=True, to_closed=to_closed)


# Everything that people are told beside the steps of a workflow, which are told by their names.
KINDS: Final[Mapping[str, Kind]] = {
    "review_asked": Kind(N_("%(number)s: a review is asked of you"), "/proposals/%(number)s/review"),
    "review_due_soon": Kind(N_("%(number)s: a review is due soon"), "/proposals/%(number)s/review"),
    "review_overdue": Kind(N_("%(number)s: a review is overdue"), "/proposals/%(number)s/review"),
    "review_signed": Kind(N_("%(number)s: a review was signed")),
    "review_declined": Kind(N_("%(number)s: a review was declined")),
    "review_moved": Kind(N_("%(number)s: your review has another date"), "/proposals/%(number)s/review"),
    "review_withdrawn": Kind(N_("%(number)s: your review is not needed any more"), "/"),
    "consultation_asked": Kind(
        N_("%(number)s: your unit is asked for comments"),
        "/proposals/%(number)s/consultations/%(consultation)s",
    ),
    "consultation_overdue": Kind(
        N_("%(number)s: the comments of your unit are overdue"),
        "/proposals/%(number)s/consultations/%(consultation)s",
    ),
    "further_round_asked": Kind(
        N_("%(number)s: its rounds are spent; whether there is a further one is for a manager to say")
    ),
    "due_soon": Kind(N_("%(number)s: due soon")),
    "overdue": Kind(N_("%(number)s: overdue")),
    "condition_overdue": Kind(N_("%(number)s: condition %(condition)s is overdue")),
    "condition_reported": Kind(N_("%(number)s: a report on condition %(condition)s is there")),
    "condition_owned": Kind(N_("%(number)s: condition %(condition)s is yours to meet from now on"), "/"),
    "author_named": Kind(N_("%(number)s: you are one of its authors from now on")),
    "threshold_crossed": Kind(
        N_("%(number)s: with its sister projects, it needs the evaluability review from now on")
    ),
    "threshold_crossed_late": Kind(
        N_("%(number)s was decided without the evaluability review that its sister projects now call for")
    ),
    "duties_left": Kind(
        N_(
            "Somebody has left; things that you or a colleague hand over, now or when their turn comes: %(count)s"
        ),
        "/",
    ),
    "substitute_lost": Kind(
        N_("Nobody stands in for you any more from %(first)s to %(last)s: name somebody else"),
        "/account/substitutes",
    ),
    "substitute_named": Kind(N_("You stand in for somebody from %(first)s to %(last)s"), "/"),
    # The token is no fact that is kept: it is made when the message is sent.
    "invitation_link": _of_account(N_("Choose your password"), page="/invitation/%(token)s", more=_ONCE),
    "reset_link": _of_account(N_("Choose a new password"), page="/password-reset/%(token)s"),
    "password_set": _of_account(N_("Your password was set by a link")),
    "password_changed": _of_account(N_("Your password was changed")),
    "roles_changed": _of_account(N_("Your roles were changed")),
    "roles_asked": _of_account(N_("Other roles were asked for, for your account")),
    "link_asked": _of_account(N_("A link to your account was asked for")),
    "unit_changed": _of_account(N_("Your unit was changed")),
    "account_closed": _of_account(N_("Your account was closed"), to_closed=True),
    "account_opened": _of_account(N_("Your account was opened again")),
    "emergency": _of_account(N_("Your account was touched in the emergency way, on the command line")),
    "emergency_elsewhere": Kind(
        N_("An account was touched in the emergency way, on the command line"),
        "/people/events",
        is_urgent=True,
    ),
    "key_expires": Kind(
        N_("The key with which records are signed expires on %(last)s"),
        "/settings/drawings",
        N_("Have a new one certified, and put it in force before that day."),
        is_urgent=True,
    ),
    "key_expired": Kind(
        N_("The key with which records are signed expired on %(last)s: nothing is signed any more"),
        "/settings/drawings",
        is_urgent=True,
    ),
    "confirmation_asked": Kind(
        N_("Something about an account waits for your confirmation"), "/people/requests", is_urgent=True
    ),
    "request_confirmed": Kind(N_("What you asked for about an account was confirmed"), "/people/requests"),
    "request_declined": Kind(N_("What you asked for about an account was declined"), "/people/requests"),
}

_RELATED: Final[Mapping[Audience, Relation]] = {"authors": "author", "signatories": "signatory"}
# Roles that are told, but for those whom a relation keeps from acting (domain rules, section 2).
_ROLES: Final[Mapping[Audience, tuple[Role, tuple[Relation, ...]]]] = {
    "coordinators": ("coordinator", ("author",)),
    "managers": ("manager", ("author", "lead")),
}


def kind_of(what: str, facts: Mapping[str, Any]) -> Kind | None:
    """Return what a notice says; None for one that this version of the product does not know."""
    return _STEP_TAKEN if STEP in facts else KINDS.get(what)


def headline(language: Language, number: str, what: str, facts: Mapping[str, Any]) -> str:
    """Say in one line what a notice is about; it is the subject of a message that carries it alone."""
    kind = kind_of(what, facts)
    if kind is None or not kind.needs <= {"number", *facts}:
        return number
    return say(language, kind.sentence, **_shown(language, number, facts))


def details(language: Language, what: str, facts: Mapping[str, Any]) -> list[str]:
    """Say what stands beside the headline: where the proposal stands after a step, when something is due."""
    kind = kind_of(what, facts)
    found = [say(language, kind.more)] if kind is not None and kind.more else []
    if STATE in facts:
        sentence = N_("This step was taken. The proposal now stands at “%(state)s”.")
        found.append(say(language, sentence, state=facts[STATE][language]))
    if facts.get("due_on"):
        found.append(say(language, N_("Due on %(day)s"), day=_day(language, facts["due_on"])))
    return found


def page(number: str, what: str, facts: Mapping[str, Any]) -> str:
    """Return the path of the page that a notice leads to."""
    kind = kind_of(what, facts) or _STEP_TAKEN
    known = {**facts, "number": number}
    path = kind.page if places(kind.page) <= known.keys() else _STEP_TAKEN.page
    return path % known if number or "number" not in places(path) else "/"


def _shown(language: Language, number: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    shown = {name: _day(language, value) for name, value in facts.items() if name in ("first", "last")}
    if STEP in facts:
        shown[STEP] = facts[STEP][language]
    return {**facts, **shown, "number": number}


def _day(language: Language, day: str) -> str:
    # Of a moment, its day in Geneva: a notice that cannot be put into words would never be delivered.
    return write_day(language, parse_stamp(day) if "T" in day else date.fromisoformat(day[:10]))


def reached(case: Case, audiences: tuple[Audience, ...]) -> tuple[Audience, ...]:
    """Return the audiences of a step, with the coordinators where its authors or its lead have left."""
    gone = ("authors" in audiences and duties.has_no_author(case)) or (
        "lead" in audiences and duties.has_no_lead(case)
    )
    return tuple(dict.fromkeys((*audiences, "coordinators"))) if gone else audiences


def roles(audiences: tuple[Audience, ...]) -> tuple[Role, ...]:
    """Return the roles that are among some audiences."""
    return tuple(_ROLES[audience][0] for audience in audiences if audience in _ROLES)


def related(case: Case, audiences: tuple[Audience, ...]) -> frozenset[int]:
    """Return who is among some audiences by a relation to the proposal.

    Lead and reviewers are those of the last appraisal; reviewers who declined or were released are not told.
    """
    found: set[int] = set()
    last = case.appraisals[-1] if case.appraisals else None
    for audience in audiences:
        if audience in _RELATED:
            found |= case.related(_RELATED[audience])
        elif audience == "lead" and last is not None:
            found.add(last.lead)
        elif audience == "reviewers" and last is not None:
            found |= {entry.person for entry in last.reviews if entry.is_open or entry.signed_at}
    return frozenset(found)


def is_told(case: Case, audiences: tuple[Audience, ...], person: Person) -> bool:
    """Tell whether a person is among some audiences: by relation or role, and reading the proposal anyway."""
    by_role = any(
        person.has(role) and not any(person.id in case.related(relation) for relation in barred)
        for role, barred in (_ROLES[audience] for audience in audiences if audience in _ROLES)
    )
    return (by_role or person.id in related(case, audiences)) and access.level(case, person) == "full"
