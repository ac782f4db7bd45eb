"""Rules tell here which approval of a proposal stands, and what came of it, for whoever asks.

A trail is anything that happened to one proposal, in order, by its acts: steps of a case, events of the
audit trail, or decisions. An annulment ends an approval for good; the correction of a registration takes
back that there ever was one, with all that came of it.
"""

from collections.abc import Iterable
from typing import Final, Protocol, TypeVar

from appraisal.definitions.workflows import Act

# What approves on an appraisal, what writes down an approval given elsewhere, and what ends either.
APPROVING_INSIDE: Final[tuple[Act, ...]] = ("approve", "countersign")
REGISTERING: Final[Act] = "register_approval"
APPROVING: Final[tuple[Act, ...]] = (*APPROVING_INSIDE, REGISTERING)
ANNULLING: Final[Act] = "annul"
CORRECTING: Final[tuple[Act, ...]] = ("correct_registration", "confirm_correction")
ENDING: Final[tuple[Act, ...]] = (ANNULLING, *CORRECTING)
# The last of these that happened tells whether an approval stands: nothing approves what is approved.
SETTLING: Final[tuple[Act, ...]] = (*APPROVING, *ENDING)
# What decides on an appraisal.
DECIDING: Final[tuple[Act, ...]] = (*APPROVING_INSIDE, "reject")


class Happening(Protocol):
    """Something that happened to a proposal."""

    @property
    def act(self) -> str:
        """Return what was done; empty where it was no step."""


H = TypeVar("H", bound=Happening)


def uncorrected(trail: Iterable[H]) -> list[H]:
    """Return a trail without the registrations that were corrected, and all that came of them."""
    found: list[H] = []
    registered: int | None = None
    for entry in trail:
        if entry.act in CORRECTING and registered is not None:
            del found[registered:]
            registered = None
            continue
        if entry.act == REGISTERING:
            registered = len(found)
        found.append(entry)
    return found


def standing(trail: Iterable[H]) -> list[H]:
    """Return the approval that stands, and after it what came of it; nothing where none stands."""
    found: list[H] = []
    for entry in uncorrected(trail):
        if entry.act in APPROVING:
            found = [entry]
        elif entry.act == ANNULLING:
            found = []
        elif found:
            found.append(entry)
    return found


def approval(trail: Iterable[H]) -> H | None:
    """Return the approval that stands; None where none does."""
    return next(iter(standing(trail)), None)


def decision(trail: Iterable[H]) -> tuple[H | None, bool]:
    """Return the last decision on an appraisal, and whether the proposal is approved by it."""
    kept = uncorrected(trail)
    last = next((entry for entry in reversed(kept) if entry.act in DECIDING), None)
    return last, last is not None and approval(kept) is last
