"""The two suites: ``make test`` runs what is quick, ``make check`` all that is marked *thorough*.

Thorough are the exhaustive tests, those that take long, and on PostgreSQL all but what speaks to the database
itself: stores, the engine with its migrations and triggers, and races. Of a test that is marked
``sampled(count)`` so many sets of parameters, spread over all of them, are quick, and the others thorough.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

# Folders whose tests run on both databases in both suites.
_ON_BOTH: Final = frozenset({"store", "database"})


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as thorough what runs on PostgreSQL, but for what speaks to it, and what is beyond a sample."""
    sampled: dict[str, list[pytest.Item]] = {}
    for item in items:
        if _is_on_postgresql(item) and not _is_on_both(item):
            item.add_marker("thorough")
        elif item.get_closest_marker("sampled"):
            sampled.setdefault(item.nodeid.partition("[")[0], []).append(item)
    for found in sampled.values():
        for item in _beyond(found, int(_marker(found[0], "sampled").args[0])):
            item.add_marker("thorough")


def _beyond(items: Sequence[pytest.Item], count: int) -> list[pytest.Item]:
    """Return all but so many of some tests, the first of them and others spread over all."""
    chosen = {place * len(items) // count for place in range(min(count, len(items)))}
    return [item for place, item in enumerate(items) if place not in chosen]


def _marker(item: pytest.Item, name: str) -> pytest.Mark:
    found = item.get_closest_marker(name)
    assert found is not None
    return found


def _is_on_both(item: pytest.Item) -> bool:
    return bool(item.get_closest_marker("on_both")) or not _ON_BOTH.isdisjoint(Path(item.location[0]).parts)


def _is_on_postgresql(item: pytest.Item) -> bool:
    callspec = getattr(item, "callspec", None)
    return callspec is not None and "postgresql" in callspec.params.values()
