"""Sums tell what a proposal adds to the figures that are kept of all."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final, NamedTuple

from appraisal.proposals.rules.approval import Approval, biennium_at

ALL, STATE, DECISION = "all", "state", "decision"


class Cell(NamedTuple):
    """What proposals are counted under: one line of one breakdown, or a state.

    ``biennium`` is empty for undated approvals and for states; ``funds`` are sorted, with a space between.
    ``workflow`` is that of a state, which means nothing without it.
    """

    dimension: str
    value: str
    biennium: str
    funds: str
    route: str
    illustrative: bool
    workflow: str = ""


class Sum(NamedTuple):
    """How many proposals a cell counts, and their US$."""

    proposals: int
    usd: Decimal


Tally = Mapping[Cell, Sum]


_NOTHING: Final = Sum(0, Decimal(0))


def tally(entry: Approval) -> dict[Cell, Sum]:
    """Return the cells that a proposal counts in, with what it adds to each. An umbrella counts in none."""
    if entry.umbrella:
        return {}
    one = Sum(1, Decimal(0))
    found = {Cell(STATE, entry.state, "", "", "", entry.illustrative, entry.workflow): one}
    if entry.decided:
        decided_in = biennium_at(entry.decided_at)
        found[Cell(DECISION, entry.decided, decided_in, "", "", entry.illustrative)] = one
    if entry.route is None:
        return found
    lines = [(ALL, "", entry.usd)]
    lines += [(name, getattr(entry, name), entry.usd) for name in ("region", "unit", "track")]
    lines += [("donor", donor, usd) for donor, usd in entry.donors or (("", entry.usd),)]
    funds = " ".join(sorted(entry.funds))
    for dimension, value, usd in lines:
        cell = Cell(dimension, value, entry.biennium, funds, entry.route, entry.illustrative)
        found[cell] = Sum(1, usd)
    return found


def added(tallies: Iterable[Tally]) -> dict[Cell, Sum]:
    """Add up what several proposals count."""
    found: dict[Cell, Sum] = {}
    for entry in tallies:
        for cell, (count, usd) in entry.items():
            before = found.get(cell, _NOTHING)
            found[cell] = Sum(before.proposals + count, before.usd + usd)
    return found


def moved(before: Tally, after: Tally) -> dict[Cell, Sum]:
    """Return what has to be added to each cell for a proposal that counted in some and now does in others."""
    if before == after:
        return {}
    found = added([after, {cell: Sum(-count, -usd) for cell, (count, usd) in before.items()}])
    return {cell: entry for cell, entry in found.items() if entry != _NOTHING}
