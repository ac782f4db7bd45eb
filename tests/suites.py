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


def sampled(values: Iterable[Any], count: int, *, rows: bool = False) -> list[Any]:
    """Return the parameters of an exhaustive test, of which all but the first few are thorough.

    ``rows`` says that each is a row of several parameters.
    """
    given = [value if rows else (value,) for value in values]
    return [
        pytest.param(*row, marks=pytest.mark.thorough if place >= count else ())
        for place, row in enumerate(given)
    ]


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
