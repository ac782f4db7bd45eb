"""Names stand here that definitions may use for what is implemented above them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import ValidationInfo

# What the proof of separation of duties must know of a guard: that it lets a step through only
# with a finished appraisal of the present version, or only with a first signature waiting.
Requires = Literal["", "appraised", "first_signature"]
Group = Literal["guards", "inputs", "fields", "documents"]


@dataclass(frozen=True, slots=True)
class Names:
    """Guards with what they require, inputs that a step may ask for, and fields of the form."""

    guards: Mapping[str, Requires] = field(default_factory=dict)
    inputs: frozenset[str] = frozenset()
    fields: frozenset[str] = frozenset()
    documents: frozenset[str] = frozenset()


def known(info: ValidationInfo, group: Group, name: str, complaint: str) -> str:
    """Return a name that is implemented; raise ``ValueError`` for one that is not.

    Without names to check against, every name is accepted.
    """
    if isinstance(info.context, Names) and name not in getattr(info.context, group):
        raise ValueError(f"‘{name}’ {complaint}")
    return name
