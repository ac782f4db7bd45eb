"""Lists are read and checked line by line here, and imported whole or not at all.

A file is checked outside any transaction, however long that takes; what was read waits in a temporary
file. Writing it is one transaction and one event in the site's chain.
"""

import hashlib
import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import IO, Any, Final

from sqlalchemy import Connection

from appraisal.canonical import canonical
from appraisal.errors import Fault, FaultyInput
from appraisal.language.texts import N_, Language, say, translate
from appraisal.lists.rules import kinds_of_list
from appraisal.lists.rules import lines as entries
from appraisal.lists.rules.kinds_of_list import Dataset
from appraisal.lists.rules.lines import Broken, Cell, Formula
from appraisal.lists.services import matching
from appraisal.lists.services.spreadsheets import Spreadsheet, opened
from appraisal.lists.services.xlsx import Unreadable
from appraisal.lists.store import lists as stored
from appraisal.lists.store import matching as matched
from appraisal.lists.store.lists import Written
from appraisal.people.facts import SYSTEM_ACTOR, Person
from appraisal.trail.store import site
from appraisal.vocabulary import project_symbols
from appraisal.vocabulary.refusals import NotAllowed, refuse

ACTION: Final = "import_dataset"
# So many things that are wrong are told one by one; of the others, how many of each kind there are.
MOST_TOLD: Final = 10_000
SAMPLES: Final = 5
# Facts that are labels of columns.
_LABELS: Final = ("label", "other_label")
_BATCH: Final = 1000
_EVERY: Final = 500
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, order=True)
class Wrong:
    """Something wrong in a line of a list, as a sentence of the catalogue with its facts.

    ``column`` is what the file calls the column; empty where it is about the whole line.
    """

    line: int
    column: str
    sentence: str
    facts: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def said(self, language: Language) -> str:
        """Say what is wrong; labels of columns, which are sentences themselves, are said as well."""
        facts = {
            name: translate(language, value) if name in _LABELS else value
            for name, value in self.facts.items()
        }
        return say(language, self.sentence, **facts)


@dataclass(frozen=True, slots=True)
class Further:
    """How many more lines have the same thing wrong in the same column."""

    column: str
    sentence: str
    count: int


class BadList(FaultyInput):
    """A list cannot be imported; carries everything wrong in it, by line."""

    def __init__(self, name: str, wrong: Sequence[Wrong], further: Sequence[Further] = ()) -> None:
        self.wrong = tuple(sorted(wrong))
        self.further = tuple(further)
        super().__init__(
            [
                Fault(name, entry.line, f"“{entry.column}”: {said}" if entry.column else said)
                for entry in self.wrong
                for said in [entry.said("en")]
            ]
        )


@dataclass(frozen=True, slots=True)
class Preview:
    """What a file looks like: its heading and first lines as text, and how it is proposed to be read."""

    heading: tuple[str, ...]
    heading_line: int
    sheet: str
    lines: tuple[tuple[int, tuple[str, ...]], ...]
    mapping: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Source:
    """A file that a list is read from: where it lies, what it is called, and what it is known by."""

    path: Path
    name: str
    sha256: str
    size: int


@dataclass(slots=True)
class Checked:
    """A list in which nothing is wrong, ready to be written; only open inside :func:`checked`.

    ``as_text`` counts cells that a spreadsheet would take for formulas and that are kept as text.
    """

    dataset: Dataset
    source: Source
    mapping: Mapping[str, int]
    heading: tuple[str, ...]
    lines: Mapping[str, int]
    kept: IO[str]
    as_text: int

    def entries(self) -> Iterator[Written]:
        """Yield the rows as they were read, in the order of the file."""
        self.kept.seek(0)
        for text in self.kept:
            yield Written(*json.loads(text))

    @property
    def absent(self) -> frozenset[str]:
        """Return the columns that the file does not have."""
        return frozenset(column.key for column in self.dataset.columns if column.key not in self.mapping)

    def beside(self, before: str, value: str) -> str:
        """Return what a row says from now on: what the file does not speak of stays as it is kept."""
        if not before or not self.absent:
            return value
        kept = {name: said for name, said in json.loads(before).items() if name in self.absent}
        return canonical({**kept, **json.loads(value)}).decode() if kept else value


@dataclass(frozen=True, slots=True)
class Changes:
    """What an import brings: rows of the file, and how many are new, changed, or no more; by key."""

    rows: int
    added: int
    changed: int
    removed: int

    @property
    def any(self) -> bool:
        """Tell whether anything is written at all."""
        return bool(self.added or self.changed or self.removed)


def source_of(path: Path, name: str) -> Source:
    """Return a file by its place, with its SHA-256."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Source(path, name, digest, path.stat().st_size)


def preview(db: Connection, dataset: Dataset, source: Source) -> Preview:
    """Read the beginning of a file, and propose its mapping: as last time for such a heading, or by names.

    Raises ``BadList`` for what is no list at all.
    """
    try:
        with opened(source.path) as book:
            lines = tuple((line, _texts(cells)) for line, cells in islice(book.lines, SAMPLES))
    except Unreadable as error:
        raise BadList(source.name, [Wrong(error.line, "", error.sentence, error.facts)]) from None
    mapping = remembered(db, dataset, book.heading) or kinds_of_list.proposed(dataset, book.heading)
    return Preview(book.heading, book.heading_line, book.sheet, lines, mapping)


def _texts(cells: Sequence[Cell]) -> tuple[str, ...]:
    return tuple(_text(cell) for cell in cells)


def _text(cell: Cell) -> str:
    if isinstance(cell, Formula | Broken):
        return cell.text
    if isinstance(cell, datetime):
        return cell.date().isoformat()
    return "" if cell is None else str(cell)


def remembered(db: Connection, dataset: Dataset, heading: Sequence[str]) -> dict[str, int]:
    """Return the mapping of the newest import of a file with the same heading; empty where there is none."""
    for made in stored.list_imports(db, dataset.key):
        if made.mapping["heading"] == list(heading):
            places: Mapping[str, int] = made.mapping["places"]
            return dict(places)
    return {}


def mapped(dataset: Dataset, heading: Sequence[str], chosen: Mapping[str, str]) -> dict[str, int]:
    """Return a mapping by the names of columns, the rest as proposed; an empty name leaves a column out.

    Raises ``LookupError`` with a sentence for a column or a name that is not there, or is there twice.
    """
    found = kinds_of_list.proposed(dataset, heading)
    for key, name in chosen.items():
        if key not in {column.key for column in dataset.columns}:
            known = ", ".join(column.key for column in dataset.columns)
            raise LookupError(f"{dataset.key} has no column {key}; it has: {known}")
        found.pop(key, None)
        places = [
            place
            for place, title in enumerate(heading)
            if kinds_of_list.folded(title) == kinds_of_list.folded(name)
        ]
        if len(places) > 1:
            raise LookupError(f"the file has {len(places)} columns “{name}”")
        if name and not places:
            raise LookupError(f"the file has no column “{name}”; it has: {', '.join(heading)}")
        if name:
            found[key] = places[0]
    return found


@contextmanager
def checked(
    dataset: Dataset,
    source: Source,
    mapping: Mapping[str, int] | Callable[[Sequence[str]], Mapping[str, int]],
    today: date,
    progress: Progress = lambda done, total: None,
) -> Iterator[Checked]:
    """Check every line of a file, and hold what was read until the block ends.

    ``mapping`` may be made from the heading; ``progress`` is told how much of how much was read.
    Raises ``BadList`` with everything that is wrong.
    """
    with tempfile.TemporaryFile("w+", encoding="utf-8", newline="\n") as kept:
        checking = _Checking(dataset, today, kept)
        try:
            with opened(source.path) as book:
                places = mapping(book.heading) if callable(mapping) else mapping
                checking.begin(book, places)
                if not checking.wrong:
                    checking.go_through(book, places, progress)
        except Unreadable as error:
            checking.tell(error.line, "", error.sentence, error.facts)
        if checking.wrong:
            raise BadList(source.name, checking.wrong, checking.further())
        yield Checked(dataset, source, dict(places), book.heading, checking.lines, kept, checking.as_text)


@dataclass(slots=True)
class _Checking:
    """A file while it is gone through."""

    dataset: Dataset
    today: date
    kept: IO[str]
    wrong: list[Wrong] = field(default_factory=list)
    untold: Counter[tuple[str, str]] = field(default_factory=Counter)
    # The line in which each key stands first.
    lines: dict[str, int] = field(default_factory=dict)
    as_text: int = 0

    def tell(self, line: int, column: str, sentence: str, facts: Mapping[str, Any]) -> None:
        """Note something that is wrong."""
        if len(self.wrong) < MOST_TOLD:
            self.wrong.append(Wrong(line, column, sentence, facts))
        else:
            self.untold[column, sentence] += 1

    def further(self) -> list[Further]:
        """Return what is wrong beyond what is told line by line."""
        return [Further(*what, count) for what, count in sorted(self.untold.items())]

    def begin(self, book: Spreadsheet, places: Mapping[str, int]) -> None:
        """Look at the heading."""
        for fault in kinds_of_list.mapping_faults(self.dataset, book.heading, places):
            self.tell(book.heading_line, "", fault.sentence, fault.facts)
        for fault in kinds_of_list.unclear(self.dataset, book.heading, places):
            self.tell(book.heading_line, "", fault.sentence, fault.facts)

    def go_through(self, book: Spreadsheet, places: Mapping[str, int], progress: Progress) -> None:
        """Look at every line."""
        count = 0
        for line, cells in book.lines:
            count += 1
            if count % _EVERY == 0:
                progress(min(book.done(), book.total), book.total)
            self._look_at(line, cells, book, places)
        for cells_merged in book.merged_below():
            sentence = N_("the cells %(cells)s are merged: write what they say into each of them")
            self.tell(_first_line(cells_merged), "", sentence, {"cells": cells_merged})
        if not count:
            self.tell(book.heading_line, "", N_("there is no row under the heading"), {})
        progress(book.total, book.total)

    def _look_at(
        self, line: int, cells: Sequence[Cell], book: Spreadsheet, places: Mapping[str, int]
    ) -> None:
        if book.width is not None and len(cells) != book.width:
            sentence = N_("%(found)s cells instead of %(wanted)s")
            self.tell(line, "", sentence, {"found": len(cells), "wanted": book.width})
            return
        given = {key: cells[place] for key, place in places.items() if place < len(cells)}
        if all(entries.is_empty(cell) for cell in given.values()):
            # Notes beside the list are none of its rows.
            return
        row, complaints = entries.read(self.dataset, given, self.today)
        for entry in complaints:
            place = places.get(entry.path)
            name = book.heading[place] if place is not None else entry.path
            self.tell(line, name, entry.sentence, entry.facts)
        if all(name in row for name in self.dataset.identity):
            key = entries.key_of(self.dataset, row)
            first = self.lines.setdefault(key, line)
            if first != line:
                named = " · ".join(row[name] for name in self.dataset.identity)
                sentence = N_("“%(row)s” stands in line %(line)s already")
                self.tell(line, "", sentence, {"row": named, "line": first})
            elif not complaints:
                self._keep(key, line, row, given)

    def _keep(self, key: str, line: int, row: entries.Row, given: Mapping[str, Cell]) -> None:
        self.as_text += sum(
            entries.looks_like_formula(row.get(name)) and entries.looks_like_formula(cell)
            for name, cell in given.items()
            if self.dataset.column(name).kind in ("line", "prose", "code")
        )
        self.kept.write(json.dumps([key, line, canonical(row).decode()], ensure_ascii=False) + "\n")


def _first_line(cells: str) -> int:
    return int("".join(letter for letter in cells.partition(":")[0] if letter.isdigit()) or 0)


def compare(db: Connection, found: Checked, *, whole: bool) -> Changes:
    """Count what an import would bring, and write nothing."""
    marks, gone = _compared(db, found, whole=whole)
    return _changes(marks, gone)


# What is to be done with a row of the file.
_SAME, _NEW, _CHANGED = range(3)


def _compared(db: Connection, found: Checked, *, whole: bool) -> tuple[bytearray, list[str]]:
    """Compare the rows of a file with those in force: a mark for each, and the keys that are no more."""
    marks = bytearray()
    rows = found.entries()
    while part := list(islice(rows, _BATCH)):
        held = stored.values_of(db, found.dataset.key, [entry.key for entry in part])
        for entry in part:
            before = held.get(entry.key, "")
            value = found.beside(before, entry.value)
            marks.append(_NEW if not before else _SAME if before == value else _CHANGED)
    gone = [
        key
        for key in stored.keys_in_force(db, found.dataset.key)
        # A row that was kept by another spelling of its name is the one that the file brings.
        if key not in found.lines and (whole or project_symbols.with_plain_signs(key) in found.lines)
    ]
    return marks, gone


def _completed(db: Connection, found: Checked, marks: bytearray) -> Iterator[Written]:
    """Yield the rows that are to be written, each with what is kept of it beside the columns of the file."""
    writing = (entry for mark, entry in zip(marks, found.entries(), strict=True) if mark != _SAME)
    while part := list(islice(writing, _BATCH)):
        held = stored.values_of(db, found.dataset.key, [entry.key for entry in part]) if found.absent else {}
        for entry in part:
            yield Written(entry.key, entry.line, found.beside(held.get(entry.key, ""), entry.value))


def _changes(marks: bytearray, gone: Sequence[str]) -> Changes:
    return Changes(len(marks), marks.count(_NEW), marks.count(_CHANGED), len(gone))


def import_rows(db: Connection, actor: Person, now: datetime, found: Checked, *, whole: bool) -> Changes:
    """Write what a checked list brings: new rows, changed ones and, of a whole list, those no more.

    A coordinator's act, and an event of the site with the digest of every entry written. Where nothing
    changes, nothing is written. Raises ``NotAllowed``.
    """
    if actor.id != SYSTEM_ACTOR.id and not (actor.has("coordinator") and actor.active):
        raise NotAllowed([refuse("role_missing", role="coordinator")])
    site.lock(db)
    marks, gone = _compared(db, found, whole=whole)
    changes = _changes(marks, gone)
    if not changes.any:
        return changes
    made = stored.insert_import(
        db,
        dataset=found.dataset.key,
        filename=found.source.name,
        sha256=found.source.sha256,
        size=found.source.size,
        mapping=canonical({"heading": found.heading, "places": found.mapping}).decode(),
        whole=whole,
        at=now,
        by=actor.id,
        rows=changes.rows,
        added=changes.added,
        changed=changes.changed,
        removed=changes.removed,
    )
    sealing = hashlib.sha256()
    writing = _completed(db, found, marks)
    for entries_written in (writing, (Written(key, 0, "") for key in gone)):
        while part := list(islice(entries_written, _BATCH)):
            stored.insert_entries(db, made, found.dataset.key, now, part)
            for entry in part:
                sealing.update(sealed(entry.key, entry.line, entry.value))
    facts = {
        "import": made,
        "dataset": found.dataset.key,
        "file": found.source.name,
        "sha256": found.source.sha256,
        "whole": whole,
        "rows": changes.rows,
        "added": changes.added,
        "changed": changes.changed,
        "removed": changes.removed,
        "digest": sealing.hexdigest(),
    }
    site.append(db, now, actor.id, ACTION, facts)
    if found.dataset.key == matched.DATASET:
        matching.match_symbols(db, now)
    return changes


def sealed(key: str, line: int, value: str) -> bytes:
    """Return what the digest of an import is over, of one entry."""
    return canonical([key, line, value]) + b"\n"
