"""Errors that pass from floor to floor each say enough for a person to act on them."""

from collections.abc import Iterable
from dataclasses import dataclass


class AppraisalError(Exception):
    """Base of every error that the product raises on purpose."""


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing wrong in a file that people write: where, and what to do about it."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


class FaultyInput(AppraisalError):
    """A file cannot be used; carries *all* its faults, in order of file and line."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(sorted(faults))
        super().__init__("\n".join(str(fault) for fault in self.faults))


class NotFound(AppraisalError):
    """A thing was named that does not exist, or that this person may not know of."""

    def __init__(self, kind: str, name: str) -> None:
        self.kind = kind
        self.name = name
        super().__init__(f"{kind} {name} does not exist")


class StepConflict(AppraisalError):
    """Somebody else was first: the version that the person saw is no longer the present one.

    ``seen`` and ``present`` are row versions of the proposal or review.
    """

    def __init__(self, seen: int | None, present: int | None) -> None:
        self.seen = seen
        self.present = present
        super().__init__(f"changed since it was read (seen {seen}, now {present})")
