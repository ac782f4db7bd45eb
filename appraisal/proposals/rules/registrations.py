"""Approvals given outside are told apart here, so that none is registered twice.

Two entries that bear the same symbol may be two phases of one project or one approval entered twice, which
would count twice: that is refused, or asked, before anything is written.
"""

import unicodedata
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from appraisal.clock import geneva_date
from appraisal.proposals.facts import Content
from appraisal.proposals.rules import form, track_and_money
from appraisal.vocabulary.project_symbols import normalised, with_plain_signs


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
            track_and_money.decimal(row.get("amount")),
        )
        for row in form.rows(content, "identification.contributions")
    ]
    return Entry(
        number,
        str(form.value(content, "identification.title")),
        normalised(str(form.value(content, "identification.symbol"))),
        frozenset(folded(donor) for donor, *_ in given if donor.strip() not in ("", form.UNNAMED)),
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
