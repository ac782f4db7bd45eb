"""Other indicators are computed here from the lists and the proposals as of a moment."""

from datetime import date
from decimal import Decimal

from sqlalchemy import Connection

from appraisal.clock import geneva_date
from appraisal.database.as_of import Past
from appraisal.definitions.library import Library
from appraisal.errors import NotFound
from appraisal.indicators.rules import other_indicators, pipeline
from appraisal.indicators.rules.other_indicators import SOURCES, Facts, Figure, Funded
from appraisal.indicators.store import other_indicators as indicators_other_indicators
from appraisal.lists.store import lists
from appraisal.proposals.rules import form


def figure(
    db: Connection, library: Library, code: str, biennium: str, past: Past | None = None, key: str = ""
) -> Figure:
    """Compute an indicator for a biennium from what is written down, or was at some point.

    By the newest definitions, or those of a key. Raises ``NotFound`` for a code that is unknown or
    computed elsewhere, ``ValueError`` for what is no biennium.
    """
    indicator = library.indicators(key).indicator(code)
    if indicator.measure not in SOURCES:
        raise NotFound("indicator", code)
    return other_indicators.figure(indicator, biennium, facts_of(db, library, indicator.measure, past))


def facts_of(db: Connection, library: Library, measure: str, past: Past | None = None) -> Facts:
    """Read what a measure is computed from, as it stood at a moment."""
    rows = [row.value for row in lists.state(db, SOURCES[measure], past)]
    return Facts(rows, funded(db, library, past) if measure == "gaps_adequately_filled" else ())


def funded(db: Connection, library: Library, past: Past | None = None) -> list[Funded]:
    """Return the proposals that were funded by a moment and name a gap; the day is the agreement's."""
    states = {
        (workflow.key, name)
        for workflow in library.workflows()
        for name in pipeline.marks(workflow)["funded"].states
    }
    found = []
    for entry in indicators_other_indicators.reached(db, states, past):
        gap = str(form.value(entry.content, "alignment.resource_gap"))
        amount = str(form.value(entry.content, "alignment.resource_gap_amount"))
        on = entry.facts.get("agreed_on")
        if gap:
            found.append(
                Funded(
                    entry.number,
                    gap,
                    _given(amount, entry.usd),
                    date.fromisoformat(on) if on else geneva_date(entry.at),
                    entry.illustrative,
                    entry.workflow,
                )
            )
    return found


def _given(written: str, usd: Decimal | None) -> Decimal | None:
    """Return what a proposal gives to a gap: what was written, as far as there is money for it."""
    if not written:
        return None
    return Decimal(written) if usd is None else min(Decimal(written), usd)
