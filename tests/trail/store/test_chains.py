"""Chains of events: whatever is altered in one is seen."""

from dataclasses import replace
from hashlib import sha256
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appraisal.database.files import Files
from appraisal.definitions.library import Library
from appraisal.proposals.store import lists
from appraisal.trail.rules import events
from appraisal.trail.rules.events import Event
from tests import casts
from tests.databases import SqliteCopies

PATIENT: Final = settings(
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.function_scoped_fixture,
        HealthCheck.data_too_large,
    ],
)


@pytest.fixture(scope="module")
def approved_chain(
    library: Library, sqlite_copies: SqliteCopies, tmp_path_factory: pytest.TempPathFactory
) -> tuple[list[Event], str]:
    """The chain of an approved proposal, and its head."""
    with sqlite_copies.copied(casts.create_people) as database:
        stage = casts.opened_stage(database, library, Files(tmp_path_factory.mktemp("files")))
        case = casts.load(stage, casts.approved(stage))
        with database.read() as db:
            return lists.chain_of(db, case.id), case.head


@settings(PATIENT, max_examples=150)
@given(data=st.data())
def test_whatever_is_altered_in_a_chain_is_seen(approved_chain: tuple[list[Event], str], data: Any) -> None:
    chain, head = approved_chain
    index = data.draw(st.integers(0, len(chain) - 1))
    entry = chain[index]
    how = data.draw(st.sampled_from(["body", "digest", "drop", "twice", "swap", "resealed"]))
    changed = list(chain)
    if how in ("body", "resealed"):
        place = data.draw(st.integers(0, len(entry.body) - 1))
        letter = data.draw(st.characters(codec="ascii").filter(lambda letter: letter != entry.body[place]))
        body = entry.body[:place] + letter + entry.body[place + 1 :]
        # Whoever can write the database can make a digest too; then the next event does not follow.
        sealed = sha256(body.encode()).hexdigest() if how == "resealed" else entry.digest
        changed[index] = Event(entry.sequence, body, sealed)
    elif how == "digest":
        changed[index] = replace(entry, digest="0" * 64)
    elif how == "drop":
        del changed[index]
    elif how == "twice":
        changed.insert(index, entry)
    else:
        other = data.draw(st.integers(0, len(chain) - 1).filter(lambda place: place != index))
        changed[index], changed[other] = changed[other], changed[index]
    assert events.broken(changed, head) is not None
