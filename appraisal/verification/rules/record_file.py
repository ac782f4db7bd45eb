"""A record's own bytes prove or disprove what is checked here, without a database.

Everything that a record says twice is compared, and everything that follows from something else in it is
computed again, by the same rules and with the definitions that the product ships if they are those that the
record names. What a record says once, such as a comment or a rating that changes no verdict, only its digest
vouches for.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from appraisal.canonical import canonical, plain
from appraisal.definitions.library import Library
from appraisal.definitions.workflows import Workflow
from appraisal.language.texts import N_
from appraisal.proposals.rules import track_and_money
from appraisal.proposals.rules.form import value as answer
from appraisal.proposals.rules.track_and_money import decimal
from appraisal.records.rules import value as records_value
from appraisal.schemas import departures
from appraisal.verification.rules import order_of_moments, recomputed_verdicts, steps_taken
from appraisal.vocabulary.findings import Finding, Said, fails, holds, judged, unchecked

Value = Mapping[str, Any]

_COPIED = ("title", "symbol", "kind", "region", "unit", "start", "end", "summary")


def digest_of(record: bytes) -> str:
    """Return the SHA-256 of a record's bytes as they are."""
    return hashlib.sha256(record).hexdigest()


def read(record: bytes) -> Value | None:
    """Return the value of a record's bytes, or None where they are not a JSON object."""
    try:
        value = json.loads(record)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def verify(record: bytes, library: Library) -> list[Finding]:
    """Examine a record's bytes; every check is among the findings, whatever comes of it."""
    value = read(record)
    if value is None:
        return [fails("form", N_("The embedded record is not JSON."))]
    found = [_form(record, value)]
    departing = departures(value)
    if departing:
        sentence = N_("The record does not keep to its published schema: %(places)s.")
        found.append(fails("schema", sentence, places=departing))
        rest = N_("Not looked at, since the record does not keep to its schema.")
        return found + [unchecked(check, rest) for check in CHECKS[2:]]
    found.append(
        holds("schema", N_("The record keeps to the published schema %(name)s."), name=value["schema"])
    )
    book = recomputed_verdicts.known_definitions(value, library)
    found += recomputed_verdicts.definitions_findings(value, library, book)
    found += judged(
        "proposal",
        _proposal_problems(value, book.workflow),
        N_("Title, dates and money agree with the form as submitted."),
    )
    found += recomputed_verdicts.findings(value, book)
    found += judged(
        "times", order_of_moments.problems(value), N_("All moments stand in an order that is possible.")
    )
    found += steps_taken.findings(value, book, recomputed_verdicts.covers_evaluability(value, book))
    return found


# What no record can say of which these are told: it is no news of one.
INHERENT: frozenset[str] = frozenset({steps_taken.NO_ROUTE, recomputed_verdicts.NO_APPRAISAL})
# Every check, in the order in which findings list them.
CHECKS: tuple[str, ...] = (
    "form",
    "schema",
    "definitions",
    "proposal",
    "wording",
    "completeness",
    "verdicts",
    "recommendation",
    "conditions",
    "times",
    "steps",
    "route",
    "separation",
)


def _form(record: bytes, value: Value) -> Finding:
    try:
        same = canonical(value) == record
    # Numbers that JSON may hold but no fact has, lone surrogates, and nesting without end.
    except (TypeError, ValueError, RecursionError):
        same = False
    if same:
        return holds(
            "form",
            N_("The record is canonical JSON (RFC 8785); its SHA-256 is %(digest)s."),
            digest=digest_of(record),
        )
    return fails("form", N_("The record is not in its canonical form (RFC 8785), so it was not made here."))


def _proposal_problems(value: Value, workflow: Workflow | None) -> Iterator[Said]:
    """Yield what the head says of the proposal and the submitted form says otherwise."""
    proposal = value["proposal"]
    content, given = proposal["content"], proposal["contributions"]
    differing = [key for key in _COPIED if proposal[key] != answer(content, f"identification.{key}")]
    if proposal["countries"] != (answer(content, "identification.countries") or []):
        differing.append("countries")
    if proposal["outcome"] != answer(content, "alignment.outcome"):
        differing.append("outcome")
    if differing:
        yield N_("The head and the submitted form differ: %(fields)s."), {"fields": differing}
    if proposal["version"] and decimal(proposal["usd"]) != _total(given):
        yield (
            N_("The contributions add up to US$ %(sum)s, but the record says %(said)s."),
            {"sum": _total(given), "said": proposal["usd"]},
        )
    if proposal["version"] and None not in (proposal["usd"], proposal["threshold_usd"]):
        yield from _threshold_problems(proposal, workflow)


def _threshold_problems(proposal: Value, workflow: Workflow | None) -> Iterator[Said]:
    """Yield where the amount that decides, or the track, is not the one that follows.

    A coordinator may have chosen a stricter track than the one that follows, never a lighter one.
    """
    usd, decisive = Decimal(proposal["usd"]), Decimal(proposal["threshold_usd"])
    if decisive < usd or (decisive > usd and not answer(proposal["content"], "identification.parent")):
        yield (
            N_("The amount that decides is US$ %(said)s, but the contributions give US$ %(sum)s."),
            {"said": proposal["threshold_usd"], "sum": proposal["usd"]},
        )
    if workflow is None:
        return
    if "tracks" in proposal and proposal["tracks"] != plain(records_value.tracks_of(workflow)):
        yield N_("The conditions of the tracks are not worded as defined."), {}
    keys = list(workflow.tracks)
    least = track_and_money.derive(workflow, proposal["content"], decisive)
    if proposal["track"] not in keys or keys.index(proposal["track"]) < keys.index(least):
        yield (
            N_("The record says the track “%(said)s”; the facts give “%(right)s” at least."),
            {
                "said": workflow.tracks[proposal["track"]].title
                if proposal["track"] in keys
                else proposal["track"],
                "right": workflow.tracks[least].title,
            },
        )


def _total(given: Sequence[Value]) -> Any:
    return sum((decimal(entry["usd"]) or 0 for entry in given if entry["usd"] is not None), 0)
