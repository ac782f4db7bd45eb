"""Moments of a record are checked here to stand in an order in which things can have happened."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import pairwise
from typing import Any

from appraisal.appraisals.rules import responses
from appraisal.clock import parse_stamp
from appraisal.language.texts import N_
from appraisal.vocabulary.findings import Said

Value = Mapping[str, Any]
# What came first, its moment, what came after, its moment.
Pair = tuple[str, str | None, str, str | None]

_SUBMITTED, _OPENED, _CLOSED = N_("the submission"), N_("the opening of the appraisal"), N_("its closing")
_ISSUED, _DECIDED, _SIGNED = N_("the issue of the record"), N_("the decision"), N_("the first signature")
_APPROVED, _ANNULLED = N_("the approval"), N_("the issue of the sheet that is annulled")


def problems(value: Value) -> Iterator[Said]:
    """Yield every two moments of a record of which the later is said to come first."""
    for moment in _moments(value):
        if _read(moment) is None:
            yield N_("%(moment)s is not a moment."), {"moment": moment}
            return
    for before, first, after, second in _pairs(value):
        # Stamps are of one form, so their texts sort as their moments do.
        if first is not None and second is not None and first > second:
            yield (
                N_("%(before)s (%(first)s) comes after %(after)s (%(second)s)."),
                {"before": before, "first": first, "after": after, "second": second},
            )
    if "appraisal" in value:
        yield from responses.problems(value["appraisal"])
    yield from _closing(value)


def _pairs(value: Value) -> Iterator[Pair]:
    issued = value["issued_at"]
    steps = value["steps"]
    yield _SUBMITTED, value["proposal"]["submitted_at"], _ISSUED, issued
    for before, after in pairwise(steps):
        yield before["name"], before["at"], after["name"], after["at"]
    if steps:
        yield steps[-1]["name"], steps[-1]["at"], _ISSUED, issued
    if "appraisal" in value:
        yield from _appraisal_pairs(value, value["appraisal"])
    if "decision" in value:
        decision = value["decision"]
        yield _DECIDED, decision["at"], _ISSUED, issued
        if decision["first_signature"]:
            yield _SIGNED, decision["first_signature"]["at"], _DECIDED, decision["at"]
        if decision["kind"] == "register_approval":
            yield _APPROVED, decision["approved_at"], _DECIDED, decision["at"]
        yield from _condition_pairs(value, decision["conditions"])
        for entry in decision.get("annuls", ()):
            yield _ANNULLED, entry["issued_at"], _DECIDED, decision["at"]


def _appraisal_pairs(value: Value, appraisal: Value) -> Iterator[Pair]:
    issued, opened, closed = value["issued_at"], appraisal["opened_at"], appraisal["finalised_at"]
    submitted = value["proposal"]["submitted_at"]
    # A decision may be about a later version than the appraisal; the route tells.
    if value["kind"] == "decision" and submitted is not None and submitted > opened:
        submitted = None
    yield _SUBMITTED, submitted, _OPENED, opened
    yield _OPENED, opened, _CLOSED, closed
    yield _CLOSED, closed, _ISSUED, issued
    if "decision" in value:
        decision = value["decision"]
        yield _CLOSED, closed, _DECIDED, decision["at"]
        if decision["first_signature"] and decision["kind"] == "countersign":
            yield _CLOSED, closed, _SIGNED, decision["first_signature"]["at"]
    for asked in (*appraisal["consultations"], *appraisal.get("reviews", ())):
        named = asked["unit"] if "unit" in asked else asked["person"]["name"]
        # One that was asked under an earlier appraisal of the version may stand under the next.
        if "unit" in asked or "decision" not in value:
            yield named, asked["asked_at"], _CLOSED, closed
        # Whoever speaks for a unit that let its date pass takes up the review only then.
        yield named, asked["asked_at"], _ISSUED, issued
        yield _SUBMITTED, submitted, named, asked["asked_at"]
        for key in ("answered_at", "declared_at", "signed_at", "silent_at", "released_at", "withdrawn_at"):
            yield named, asked["asked_at"], f"{named}, {key}", asked.get(key)
            yield f"{named}, {key}", asked.get(key), _ISSUED, issued
        yield f"{named}, declared_at", asked.get("declared_at"), f"{named}, signed_at", asked.get("signed_at")
        yield f"{named}, silent_at", asked.get("silent_at"), _CLOSED, closed
    for criterion in appraisal["criteria"]:
        yield criterion["code"], criterion.get("finalised_by", {}).get("signed_at"), _CLOSED, closed
    yield from _condition_pairs(value, appraisal["conditions"])
    for entry in appraisal["conditions"]:
        yield f"{entry['number']}., written", (entry.get("written") or {}).get("at"), _CLOSED, closed


def _condition_pairs(value: Value, conditions: Iterable[Value]) -> Iterator[Pair]:
    """Yield that each condition was written before anything became of it; older records say less.

    One that was drafted on a version that was sent back is older than the version of the record.
    """
    issued = value["issued_at"]
    for entry in conditions:
        named = f"{entry['number']}."
        yield named, entry["cleared_at"], _ISSUED, issued
        written = (entry.get("written") or {}).get("at")
        for first in value["steps"][:1]:
            yield first["name"], first["at"], f"{named}, written", written
        yield f"{named}, written", written, _ISSUED, issued
        for key in ("reported", "cleared", "waiver"):
            at = (entry.get(key) or {}).get("at")
            yield f"{named}, written", written, f"{named}, {key}", at
            yield f"{named}, {key}", at, _ISSUED, issued


def _closing(value: Value) -> Iterator[Said]:
    """Yield what is said to have happened in a step and at another moment than the step."""
    at = {entry["at"] for entry in value["steps"]}
    if "appraisal" in value and value["appraisal"]["finalised_at"] not in at:
        yield (
            N_("No step was taken when the appraisal is said to have been closed (%(moment)s)."),
            {"moment": value["appraisal"]["finalised_at"]},
        )
    decision = value.get("decision")
    if decision is None:
        return
    if decision["at"] not in at:
        yield (
            N_("No step was taken when the decision is said to have been signed (%(moment)s)."),
            {"moment": decision["at"]},
        )
    signed_here = decision["kind"] in ("approve", "countersign")
    if signed_here and decision["approved_at"] != decision["at"]:
        yield (
            N_("The approval (%(approved)s) is not of the moment of its signature (%(at)s)."),
            {"approved": decision["approved_at"], "at": decision["at"]},
        )
    if not signed_here and decision["kind"] != "register_approval" and decision["approved_at"]:
        yield N_("A decision that does not approve carries a moment of approval."), {}
    if decision["undated"] != (decision["kind"] == "register_approval" and decision["approved_at"] is None):
        yield N_("Whether the approval is dated is not said as it is."), {}


def _moments(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, entry in value.items():
            if isinstance(entry, str) and (key == "at" or key.endswith("_at")):
                yield entry
            elif key != "content":
                yield from _moments(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from _moments(entry)


def _read(moment: str) -> datetime | None:
    try:
        return parse_stamp(moment)
    except ValueError:
        return None
