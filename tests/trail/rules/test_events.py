"""The chain of events: whatever is altered, taken out, added or cut off is seen."""

import hashlib
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from appraisal.trail.rules.events import GENESIS, Event, broken, event
from tests.builders import NOW


def chain(length: int = 4) -> list[Event]:
    """Return a chain of events that holds."""
    events: list[Event] = []
    for sequence in range(1, length + 1):
        events.append(
            event(
                proposal="TC-2012-0001",
                sequence=sequence,
                previous=events[-1].digest if events else GENESIS,
                at=NOW + timedelta(minutes=sequence),
                by=1,
                action="edit",
                facts={"usd": "900000.00", "note": "Ça va — ¿sí?"},
            )
        )
    return events


def resealed(entry: Event, **changes: object) -> Event:
    """Return the event with other facts and a digest that fits them."""
    body = json.dumps({**entry.facts, **changes}, ensure_ascii=False)
    return Event(entry.sequence, body, hashlib.sha256(body.encode()).hexdigest())


def test_a_chain_that_holds() -> None:
    events = chain()
    assert broken(events, events[-1].digest) is None
    assert broken([], GENESIS) is None


def test_the_body_is_canonical() -> None:
    (first,) = chain(1)
    assert first.body.startswith(
        '{"action":"edit","at":"2012-03-01T09:01:00.000000Z","by":1,"facts":{"note":"Ça'
    )
    assert first.facts["previous"] == GENESIS
    assert hashlib.sha256(first.body.encode()).hexdigest() == first.digest


def test_the_same_facts_give_the_same_digest() -> None:
    assert chain() == chain()


@pytest.mark.parametrize("index", range(4))
def test_an_altered_event_is_seen(index: int) -> None:
    events = chain()
    events[index] = replace(events[index], body=events[index].body.replace("900000.00", "90000.00"))
    assert broken(events, events[-1].digest) == f"event {index + 1} was altered"


@pytest.mark.parametrize("index", range(3))
def test_an_event_altered_together_with_its_digest_breaks_the_next(index: int) -> None:
    events = chain()
    head = events[-1].digest
    events[index] = resealed(events[index], by=2)
    assert broken(events, head) == f"event {index + 2} does not follow the one before"


def test_the_last_event_altered_together_with_its_digest_is_seen_by_the_head() -> None:
    events = chain()
    head = events[-1].digest
    events[-1] = resealed(events[-1], by=2)
    assert broken(events) is None
    assert broken(events, head) == "the chain ends before its head (after event 4)"


@pytest.mark.parametrize("index", range(3))
def test_a_missing_event_is_seen(index: int) -> None:
    events = chain()
    head = events[-1].digest
    del events[index]
    assert broken(events, head) == f"event {index + 1} is missing"


def test_a_tail_that_was_cut_off_is_seen() -> None:
    events = chain()
    assert broken(events[:-1]) is None
    assert broken(events[:-1], events[-1].digest) == "the chain ends before its head (after event 3)"


def test_events_in_another_order_are_seen() -> None:
    first, second, *rest = chain()
    assert broken([second, first, *rest]) == "event 1 is missing"


def test_an_event_of_another_place_is_seen() -> None:
    events = chain()
    events[1] = resealed(events[1], sequence=3)
    assert broken(events) == "event 2 does not follow the one before"
