"""Walks on rules alone: thousands of histories of one proposal, with no database."""

import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Final

import pytest

from appraisal.definitions.library import Library
from appraisal.indicators.rules import appraised_share
from appraisal.proposals.rules.approval import LISTENED, Told
from appraisal.proposals.rules.rulebook import Rulebook
from appraisal.verification.rules import record_file
from tests import builders
from tests.walks import checks, plain, rules
from tests.walks.rules import History

FIRST: Final = int(os.environ.get("APPRAISAL_WALKS_FROM", "0"))
MANY: Final = 10 * int(os.environ.get("APPRAISAL_WALKS", "6"))
LENGTH: Final = 70


def wrong(library: Library, book: Rulebook, seed: int, done: Counter[str] | None = None) -> str:
    """Make a walk, and return what is wrong with what was done; an empty string for nothing."""
    seen, last = 0, None
    for history in rules.walk(book, seed, LENGTH):
        found = [
            *checks.check_facts(history.book, history.case),
            *checks.check_conditions(history.case, history.ledger.bodies),
            *_figures(history),
        ]
        for value in history.ledger.records[seen:]:
            found += [
                f"a record does not verify: {entry.say('en')}"
                for entry in record_file.verify(value.encode(), library)
                if entry.outcome == "fails"
            ]
        seen, last = len(history.ledger.records), history
        if found:
            return "\n".join(["", f"seed {seed}", *found, "", *history.said])
    if last is not None and done is not None:
        done.update(body["action"] for body in last.ledger.bodies)
    return ""


def _figures(history: History) -> Iterator[str]:
    """Compare what the rules derive from facts, and what they hear in events, with the plain figures."""
    if not history.case.pinned:
        return
    (known,) = plain.known(rules.trail(history))
    derived = rules.derived(history)
    told = [
        Told(
            rules.NUMBER,
            body["action"],
            body["columns"].get("act", ""),
            history.case.state,
            body["facts"],
            plain.moment(body["at"]),
            history.book.workflow.key,
        )
        for body in history.ledger.bodies
        if body["columns"].get("act", "") in LISTENED
    ]
    heard = appraised_share.replayed(told)
    if heard != (None if history.case.voided_at else replace(derived, title=heard.title if heard else "")):
        yield f"by its events it is {heard}, by its facts {derived}"
    approval = known.approval
    wanted = (
        (approval.route, approval.reason, approval.at, approval.funds, _cents(approval.usd))
        if approval
        else (None, "", None, frozenset(), _cents(Decimal(0)))
    )
    found = (derived.route, derived.reason, derived.approved_at, derived.funds, _cents(derived.usd))
    if (*found, derived.decided) != (*wanted, known.decided):
        yield f"it comes to {(*wanted, known.decided)}, and the rules say {(*found, derived.decided)}"


def _cents(usd: Decimal) -> Decimal:
    return usd.quantize(Decimal("0.01"))


@pytest.mark.thorough
def test_the_rules_hold_in_any_history(library: Library) -> None:
    book, done = builders.book_of(library), Counter[str]()
    for seed in range(FIRST, FIRST + MANY):
        found = wrong(library, book, seed, done)
        assert not found, found
    # The histories go where something could go wrong.
    for name in ("approve", "propose_override", "request_revision", "annul", "register_approval"):
        assert done[name], json.dumps(done)
