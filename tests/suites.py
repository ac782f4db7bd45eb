"""The two suites: ``make test`` runs what is quick, ``make check`` all that is marked *thorough*.

Thorough are the exhaustive tests, those that take long, and on PostgreSQL all but what speaks to the database
itself: stores, the engine with its migrations and triggers, and races.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import pytest

# Folders whose tests run on both databases in both suites.
_ON_BOTH: Final = frozenset({"store", "database"})


def sampled(values: Iterable[Any], count: int) -> list[Any]:
    """Return the parameters of an exhaustive test, of which all but the first few are thorough."""
    return [
        value if place < count else pytest.param(*_listed(value), marks=pytest.mark.thorough)
        for place, value in enumerate(values)
    ]


def _listed(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what runs on PostgreSQL as thorough, but for stores, the engine and races."""
    for item in items:
        if not _is_on_postgresql(item) or item.get_closest_marker("on_both"):
            continue
        if _ON_BOTH.isdisjoint(Path(item.location[0]).parts):
            item.add_marker("thorough")


def _is_on_postgresql(item: pytest.Item) -> bool:
    callspec = getattr(item, "callspec", None)
    return callspec is not None and "postgresql" in callspec.params.values()
