"""Walks through all services: whatever people and time do, in whatever order, everything holds.

Each walk comes of one number. ``APPRAISAL_WALKS`` is how many are made, ``APPRAISAL_WALKS_FROM`` the first of
them; a failure names the number and prints the shortest walk that was found, as who did what to which.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pytest

from appraisal.database.files import Files
from appraisal.definitions.library import Library
from tests import casts
from tests.casts import Stage
from tests.databases import PostgresCopies, SqliteCopies
from tests.walks import moves, walking
from tests.walks.walking import Opened, Tally

FIRST: Final = int(os.environ.get("APPRAISAL_WALKS_FROM", "0"))
MANY: Final = int(os.environ.get("APPRAISAL_WALKS", "6"))
# The database makes a difference to few things, and a walk on PostgreSQL takes longer.
FEWER: Final = max(1, MANY // 3)


def _opened(copies: SqliteCopies | PostgresCopies, library: Library, files: Files) -> Opened:
    @contextmanager
    def opened() -> Iterator[Stage]:
        with copies.copied(moves.create_people) as database:
            yield casts.opened_stage(database, library, files)

    return opened


@pytest.mark.thorough
def test_whatever_is_done_everything_holds(
    copies: SqliteCopies | PostgresCopies, library: Library, files: Files
) -> None:
    seeds = (
        range(FIRST, FIRST + MANY)
        if isinstance(copies, SqliteCopies)
        else range(FIRST + MANY, FIRST + MANY + FEWER)
    )
    tally = Tally()
    walking.find(_opened(copies, library, files), iter(seeds), tally)
    assert tally.walks == len(seeds)
    # The walks go where something could go wrong.
    assert sum(tally.done.values()) > sum(tally.made.values()) / 2, tally
