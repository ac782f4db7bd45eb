"""Rates of exchange are entered and corrected here; one far from its neighbours is looked at twice."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from sqlalchemy import Connection, insert

from appraisal.clock import geneva_date
from appraisal.database import tables
from appraisal.people.facts import Person
from appraisal.proposals.rules import exchange_rates
from appraisal.proposals.rules.track_and_money import Rate
from appraisal.proposals.store.case import load_rates
from appraisal.trail.store import site
from appraisal.vocabulary.refusals import NotAllowed, refuse

RATES = tables.rates


ENTER_RATE: Final = "enter_rate"


CORRECT_RATE: Final = "correct_rate"


class RateDoubtful(NotAllowed):
    """A rate has to be confirmed: ``doubt`` says beside which others it has to be looked at."""

    def __init__(self, doubt: exchange_rates.Doubt) -> None:
        self.doubt = doubt
        super().__init__([refuse("rate_doubtful")])


@dataclass(frozen=True, slots=True)
class RateGiven:
    """A rate to be entered; ``reason`` is why it corrects the one of the same day."""

    currency: str
    day: date
    per_usd: Decimal
    source: str = ""
    reason: str = ""

    @property
    def rate(self) -> Rate:
        """Return the rate as rules read it."""
        return Rate(self.currency, self.day, self.per_usd, self.source.strip())


def examine_rate(db: Connection, now: datetime, given: RateGiven) -> exchange_rates.Doubt | None:
    """Return what has to be confirmed before a rate is entered, None for nothing.

    Raises ``NotAllowed`` for a rate that cannot be, and for a correction without a reason.
    """
    if refusal := exchange_rates.refusal(given.rate, geneva_date(now)):
        raise NotAllowed([refusal])
    found = exchange_rates.doubt(load_rates(db), given.rate)
    if found is not None and found.former not in (None, given.rate) and not given.reason.strip():
        raise NotAllowed([refuse("rate_reason", per_usd=found.former.per_usd)])
    return found


def enter_rate(
    db: Connection, actor: Person, now: datetime, given: RateGiven, confirmed: str | None = None
) -> bool:
    """Enter how many units of a currency one US$ buys from a day on; a coordinator's act.

    Where the day has a rate already this corrects it: the former one is kept, and whatever was frozen
    with it stays. ``confirmed`` is the key of the doubt that somebody has looked at. Returns False, and
    writes nothing, where the very same rate is in force already. Raises ``NotAllowed``, of which
    ``RateDoubtful`` where there is another doubt than the one confirmed.
    """
    if actor.id != 0 and not (actor.has("coordinator") and actor.active):
        raise NotAllowed([refuse("role_missing", role="coordinator")])
    site.lock(db)
    doubt = examine_rate(db, now, given)
    if doubt is not None and doubt.former == given.rate:
        return False
    if doubt is not None and doubt.key != confirmed:
        raise RateDoubtful(doubt)
    former = doubt.former if doubt else None
    row = db.execute(
        insert(RATES)
        .values(
            currency=given.currency,
            day=given.day,
            per_usd=given.per_usd,
            source=given.source.strip(),
            reason=given.reason.strip() if former else "",
            entered_by=actor.id,
            entered_at=now,
        )
        .returning(RATES.c.id)
    ).scalar_one()
    facts = {
        "rate": row,
        "currency": given.currency,
        "day": given.day,
        "per_usd": given.per_usd,
        "source": given.source.strip(),
    }
    if former is None:
        site.append(db, now, actor.id, ENTER_RATE, facts)
    else:
        changed = {"former": former.per_usd, "reason": given.reason.strip()}
        site.append(db, now, actor.id, CORRECT_RATE, facts | changed)
    return True
