"""Offers are the steps that a page shows, with the reasons why some are closed."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Offer:
    """A step from here, with the reasons that this person is told why not to take it now."""

    name: str
    label: str
    reasons: tuple[str, ...]
