"""Standing situations: a copy is what a walk brings about, and takes nothing back that a test did."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from appraisal.database.files import Files
from appraisal.definitions.library import Library
from tests import casts, standing
from tests.casts import Stage
from tests.databases import SqliteCopies


@pytest.fixture
def told() -> list[str]:
    """What was built and not copied."""
    return []


@pytest.fixture
def build(told: list[str]) -> Callable[[Stage], str]:
    """A builder of its own, which nobody has called before."""

    @standing.standing
    def build(stage: Stage) -> str:
        told.append("built")
        return casts.submitted(stage, title="Standing")

    return build


def _staged(
    copies: SqliteCopies, library: Library, folder: Path, build: Callable[[Stage], str], before: str = ""
) -> tuple[dict[str, list[tuple[Any, ...]]], datetime, str, bool]:
    """Build on a fresh stage; return all rows, the time, the number, and if there are files."""
    with copies.copied(casts.create_people) as database:
        stage = casts.opened_stage(database, library, Files(folder))
        if before:
            casts.draft(stage, title="Another")
        if before == "gone":
            next(path for path in folder.rglob("*") if path.is_file()).unlink()
        if before == "told":
            casts.substitute(stage, "lead", "eval")
        number = build(stage)
        is_there = any(path.is_file() for path in folder.rglob("*"))
        return casts.contents(stage), stage.now, number, is_there


def test_the_third_time_a_situation_is_copied_as_it_was(
    sqlite_copies: SqliteCopies,
    library: Library,
    tmp_path: Path,
    build: Callable[[Stage], str],
    told: list[str],
) -> None:
    first, second, third = (
        _staged(sqlite_copies, library, tmp_path / str(place), build) for place in range(3)
    )

    assert first == second == third
    assert told == ["built", "built"]


def test_what_was_not_asked_for_the_longest_goes(
    sqlite_copies: SqliteCopies,
    library: Library,
    tmp_path: Path,
    build: Callable[[Stage], str],
    told: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shelf = standing._Shelf()
    monkeypatch.setattr(standing, "_SHELF", shelf)
    # What the builder is made of: a draft, what is submitted, and itself.
    monkeypatch.setattr(standing, "_MOST", 3)
    for place in range(3):
        _staged(sqlite_copies, library, tmp_path / str(place), build)
    assert (told, len(shelf.kept)) == (["built"] * 2, 3)
    for place in range(2):
        _staged(
            sqlite_copies, library, tmp_path / f"other-{place}", lambda stage: casts.draft(stage, title="")
        )
    assert len(shelf.kept) == 3
    assert shelf.holder is not None
    assert len(list(Path(shelf.holder.name).iterdir())) == 3

    for place in range(3):
        _staged(sqlite_copies, library, tmp_path / f"again-{place}", build)

    # It was asked for after its parts were.
    assert told == ["built"] * 2
    shelf.holder.cleanup()


def test_what_something_else_wrote_before_stays(
    sqlite_copies: SqliteCopies,
    library: Library,
    tmp_path: Path,
    build: Callable[[Stage], str],
    told: list[str],
) -> None:
    for place in range(3):
        rows = _staged(sqlite_copies, library, tmp_path / str(place), build, "told")[0]
        assert len(rows["substitutions"]) == 1

    assert told == ["built"] * 3


def test_a_file_that_is_gone_does_not_come_back(
    sqlite_copies: SqliteCopies, library: Library, tmp_path: Path, build: Callable[[Stage], str]
) -> None:
    for place in range(4):
        _staged(sqlite_copies, library, tmp_path / str(place), casts.draft)
        assert not _staged(sqlite_copies, library, tmp_path / f"gone-{place}", _session, "gone")[3]


@standing.standing
def _session(stage: Stage) -> str:
    return "nothing"


def test_what_is_sent_is_seen_each_time(
    sqlite_copies: SqliteCopies, library: Library, tmp_path: Path, build: Callable[[Stage], str]
) -> None:
    sent: list[list[str]] = []
    for place in range(3):
        _staged(sqlite_copies, library, tmp_path / str(place), build)
        with casts.counted() as statements:
            _staged(sqlite_copies, library, tmp_path / f"seen-{place}", build)
        sent.append(statements)

    assert all("INSERT INTO proposals" in " ".join(statements) for statements in sent)
    assert len({len(statements) for statements in sent}) == 1
