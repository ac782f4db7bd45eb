"""Registrations: approvals given outside that were written down here, told apart, and corrected.

Two entries that bear the same symbol may be two phases of one project or one approval entered twice, which
would count twice: that is refused, or asked, before anything is written.

A registration by mistake never was an approval, so nothing is annulled: the state before it comes back. What
a step cancels for good, a hold and a first signature, does not.
"""

import unicodedata
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Literal

from appraisal.clock import geneva_date
from appraisal.domain import approvals, forms, responses, tracks
from appraisal.domain.facts import Appraisal, Case, Content, Decision
from appraisal.domain.responses import Asked
from appraisal.domain.symbols import normalised, with_plain_signs


@dataclass(frozen=True, slots=True)
class Entry:
    """What tells one approval from another: ``is_approved`` as it stands, ``is_outside`` given elsewhere."""

    number: str
    title: str
    symbol: str
    donors: frozenset[str]
    amounts: frozenset[tuple[str, Decimal]]
    approved_at: datetime | None = None
    is_approved: bool = True
    is_outside: bool = False


def entry_of(
    number: str,
    content: Content,
    approved_at: datetime | None = None,
    *,
    is_approved: bool = True,
    is_outside: bool = False,
) -> Entry:
    """Return what tells an approval from others; donors not named and amounts of nought tell nothing."""
    given = [
        (
            str(row.get("donor", "")),
            str(row.get("currency", "USD")).upper(),
            tracks.decimal(row.get("amount")),
        )
        for row in forms.rows(content, "identification.contributions")
    ]
    return Entry(
        number,
        str(forms.value(content, "identification.title")),
        normalised(str(forms.value(content, "identification.symbol"))),
        frozenset(folded(donor) for donor, *_ in given if donor.strip() not in ("", forms.UNNAMED)),
        frozenset((currency, amount) for _, currency, amount in given if amount),
        approved_at,
        is_approved,
        is_outside,
    )


def likeness(one: Entry, other: Entry) -> Literal["", "alike", "same"]:
    """Tell whether two entries are one approval, or may be, or are not.

    They bear the same symbol, or the same title where one has no symbol; *same* where the donor, the amount
    or the day is the same too. The number of a proposal here is no symbol of another project.
    """
    if not _share_a_name(one, other):
        return ""
    if not (one.is_approved and other.is_approved):
        return "alike"
    is_same_day = (
        one.approved_at is not None
        and other.approved_at is not None
        and geneva_date(one.approved_at) == geneva_date(other.approved_at)
    )
    return "same" if is_same_day or one.donors & other.donors or one.amounts & other.amounts else "alike"


def _share_a_name(one: Entry, other: Entry) -> bool:
    if one.symbol and one.symbol in (other.symbol, other.number):
        return True
    if other.symbol and other.symbol == one.number:
        return True
    return not (one.symbol and other.symbol) and folded(one.title) == folded(other.title)


def folded(text: str) -> str:
    """Return a title or a donor as they are compared: case, spaces, dashes and forms of letters apart."""
    return with_plain_signs(" ".join(unicodedata.normalize("NFKC", text).split()).casefold())


def closed_by(case: Case, registration: Decision) -> Appraisal | None:
    """Return the appraisal that was running until the registration closed it."""
    return next((entry for entry in case.appraisals if entry.closed_at == registration.at), None)


def running_again(case: Case, closed: Appraisal, registration: Decision, now: datetime) -> Appraisal:
    """Return an appraisal as it runs again: nobody is silent by what closed it, and all are awaited."""

    def again(asked: Asked) -> Asked:
        is_silent = asked.silent_at is not None and asked.silent_at != registration.at
        return responses.awaited_again(case, asked if is_silent else replace(asked, silent_at=None), now)

    return replace(
        closed,
        closed_at=None,
        consultations=tuple(again(entry) for entry in closed.consultations),
        reviews=tuple(again(entry) for entry in closed.reviews),
    )


def previous_before(case: Case) -> str:
    """Return which state counted as the one before, when the registration in force was made.

    A registration that was corrected before it never counted.
    """
    moves = [step for step in approvals.uncorrected(case.steps) if step.from_state != step.to_state]
    before = moves[: len(moves) - len(approvals.standing(moves))]
    return before[-1].from_state if before else ""


def hold_ended(case: Case, registration: Decision) -> bool:
    """Tell whether the registration ended a hold."""
    return any(entry.released_at == registration.at for entry in case.holds)


def signature_ended(case: Case, registration: Decision) -> Decision | None:
    """Return the first signature that was waiting until the registration voided it."""
    return next(
        (
            entry
            for entry in case.decisions
            if entry.kind in ("propose_override", "propose_annulment") and entry.voided_at == registration.at
        ),
        None,
    )
