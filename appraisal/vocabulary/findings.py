"""Findings are the results of an examination, each a code with a sentence in each language."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from appraisal.language.texts import Language, Text, say

Outcome = Literal["holds", "fails", "unchecked", "ended"]
OUTCOMES: tuple[Outcome, ...] = ("holds", "fails", "unchecked", "ended")
# A sentence with the facts that fill its places.
Said = tuple[str, Mapping[str, Any]]
# Of what is wrong in many places, so many are named.
NAMED = 8


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: which check, how it came out, and a marked sentence with its facts."""

    check: str
    outcome: Outcome
    sentence: str
    facts: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def say(self, language: Language) -> str:
        """Return the finding as a sentence."""
        return say(
            language, self.sentence, **{key: _shown(fact, language) for key, fact in self.facts.items()}
        )


def holds(check: str, sentence: str, **facts: Any) -> Finding:
    """Build the finding that something is as it should be."""
    return Finding(check, "holds", sentence, facts)


def fails(check: str, sentence: str, **facts: Any) -> Finding:
    """Build the finding that something is not as it should be."""
    return Finding(check, "fails", sentence, facts)


def unchecked(check: str, sentence: str, **facts: Any) -> Finding:
    """Build the finding that something could not be looked at, with the reason."""
    return Finding(check, "unchecked", sentence, facts)


def ended(check: str, sentence: str, **facts: Any) -> Finding:
    """Build the finding that something is genuine, but counts no more."""
    return Finding(check, "ended", sentence, facts)


def judged(check: str, problems: Iterable[Said], sentence: str, **facts: Any) -> list[Finding]:
    """Return a finding for each problem, the first of many; where there is none, that the check holds."""
    found = [Finding(check, "fails", said, given) for said, given in problems]
    return found[:NAMED] or [holds(check, sentence, **facts)]


def does_anything_fail(found: Iterable[Finding]) -> bool:
    """Tell whether any finding says that something is not as it should be."""
    return any(entry.outcome == "fails" for entry in found)


def _shown(fact: Any, language: Language) -> str:
    if isinstance(fact, str):
        # Some facts are words of ours, such as who somebody is to a proposal.
        return say(language, fact)
    if isinstance(fact, Text):
        return fact[language]
    if not isinstance(fact, Sequence):
        return str(fact)
    named = ", ".join(_shown(entry, language) for entry in fact[:NAMED])
    return f"{named}, … (+{len(fact) - NAMED})" if len(fact) > NAMED else named
