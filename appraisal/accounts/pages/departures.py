"""A change of an account first shows here what its owner leaves to others, to be confirmed."""

from collections.abc import Iterable
from dataclasses import dataclass

from flask import request

from appraisal.clock import geneva_date
from appraisal.language.texts import N_
from appraisal.proposals.rules.duties import HANDED_OVER_BY, TITLES, Duty
from appraisal.web import formats
from appraisal.web.context import say

# What the page shows of each duty goes back with the confirmation, so that no other one is confirmed.
SHOWN = "duty"
CONFIRM = "confirm"


@dataclass(frozen=True, slots=True)
class Row:
    """One duty in words: administrators read no proposal, so it names the number alone."""

    key: str
    number: str
    what: str
    since: str
    taken_on: str


def rows(duties: Iterable[Duty]) -> list[Row]:
    """Return duties as a page shows them."""
    return [
        Row(
            duty.key,
            duty.number,
            say(TITLES[duty.kind]),
            _when(duty),
            say(_TAKEN_ON[HANDED_OVER_BY[duty.kind]]),
        )
        for duty in duties
    ]


_TAKEN_ON = {
    "coordinator": N_("It falls to the coordinators"),
    "manager": N_("It falls to the managers"),
}


def _when(duty: Duty) -> str:
    if duty.due_on is not None:
        return say(N_("Due on %(day)s"), day=formats.day(duty.due_on))
    return say(N_("since %(day)s"), day=formats.day(geneva_date(duty.since)))


def confirmed() -> list[str]:
    """Return the keys of the duties that were shown and confirmed with the form."""
    return request.form.getlist(SHOWN) if CONFIRM in request.form else []
