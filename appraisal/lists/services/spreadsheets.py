"""CSV and XLSX files are read line by line here, in bounded memory.

What a file is, its bytes say, never its name.
"""

import csv
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import TextIOWrapper
from itertools import chain, islice
from pathlib import Path
from typing import IO, Final

from appraisal.language.texts import N_
from appraisal.lists.rules.lines import Broken, Cell, Formula, is_empty
from appraisal.lists.services.xlsx import Line, Unreadable, opened_sheet

MOST_ROWS: Final = 500_000
# The heading is looked for in so many lines that have anything in them.
_HEADING_WITHIN: Final = 20
_SAMPLE: Final = 64 * 1024
_DELIMITERS: Final = ",;\t"
_ZIP: Final = b"PK\x03\x04"
_OLE: Final = bytes.fromhex("d0cf11e0a1b11ae1")
_ENCRYPTED: Final = "EncryptedPackage".encode("utf-16-le")


@dataclass(slots=True)
class Spreadsheet:
    """An open file: its heading, and the lines after it that have anything in them, each with its number.

    ``sheet`` is empty for CSV, where every line has to have as many cells as the heading, ``width``;
    it is None for XLSX. ``merged`` fills as the lines are gone through: the ranges of cells
    that are merged. ``done`` tells how far that is, of ``total``, in bytes.
    """

    heading: tuple[str, ...]
    heading_line: int
    lines: Iterator[Line]
    sheet: str
    width: int | None
    total: int
    done: Callable[[], int]
    merged: list[str] = field(default_factory=list)

    def merged_below(self) -> list[str]:
        """Return the merged ranges that reach below the heading, as far as they are known by now."""
        return [cells for cells in self.merged if _last_line(cells) > self.heading_line]


def _last_line(cells: str) -> int:
    figures = "".join(letter for letter in cells.rpartition(":")[2] if letter.isdigit())
    return int(figures or 0)


@contextmanager
def opened(path: Path) -> Iterator[Spreadsheet]:
    """Open a CSV in UTF-8 or an XLSX; raises ``Unreadable``, at once or as the lines are gone through."""
    with path.open("rb") as file:
        begin = file.read(8)
        if begin == _OLE:
            raise Unreadable(1, _about_ole(path))
        file.seek(0)
        if not begin.startswith(_ZIP):
            with TextIOWrapper(file, encoding="utf-8-sig", newline="") as text:
                yield _open_csv(text, file, path)
            return
        with opened_sheet(file) as sheet:
            heading, line, _, rest = _headed(_counted(sheet.lines))
            yield Spreadsheet(heading, line, rest, sheet.name, None, sheet.total, sheet.done, sheet.merged)


def _about_ole(path: Path) -> str:
    with path.open("rb") as file:
        before = b""
        while part := file.read(1024 * 1024):
            if _ENCRYPTED in before + part:
                return N_("the file is protected by a password: save it without one")
            before = part[-len(_ENCRYPTED) :]
    return N_("the file is of an old kind of Excel or of another program: save it as XLSX or CSV")


def _headed(lines: Iterator[Line]) -> tuple[tuple[str, ...], int, int, Iterator[Line]]:
    """Find the heading: the first line with more than one filled cell, or the first of all.

    Returns its names, its line, how many cells it has, and the lines after it.

    Titles, which stand alone in their lines, are passed over.
    """
    first = list(islice(lines, _HEADING_WITHIN))
    if not first:
        raise Unreadable(1, N_("there is nothing in this file"))
    place = next(
        (place for place, (_, cells) in enumerate(first) if sum(not is_empty(cell) for cell in cells) > 1), 0
    )
    line, cells = first[place]
    heading = [" ".join(_named(cell).split()) for cell in cells]
    while heading and not heading[-1]:
        heading.pop()
    if not all(name.isprintable() for name in heading):
        raise Unreadable(line, N_("the first line is not text, so this is no list"))
    return tuple(heading), line, len(cells), chain(first[place + 1 :], lines)


def _named(cell: Cell) -> str:
    if isinstance(cell, Formula | Broken):
        return cell.text
    return "" if cell is None else str(cell)


def _counted(lines: Iterable[Line]) -> Iterator[Line]:
    """Pass on the lines that have anything in them, up to the most that one file may have."""
    count = 0
    for line, cells in lines:
        if all(is_empty(cell) for cell in cells):
            continue
        count += 1
        if count > MOST_ROWS + _HEADING_WITHIN:
            raise Unreadable(line, N_("more than %(limit)s rows in one file"), limit=MOST_ROWS)
        yield line, cells


def _open_csv(text: IO[str], file: IO[bytes], path: Path) -> Spreadsheet:
    sample = file.read(_SAMPLE)
    file.seek(0)
    delimiter = _delimiter(sample.decode("utf-8-sig", errors="replace"))
    lines = _counted(_csv_lines(text, path, delimiter))
    heading, line, width, rest = _headed(lines)
    return Spreadsheet(heading, line, rest, "", width, path.stat().st_size, file.tell)


def _delimiter(sample: str) -> str:
    """Return what stands most often in the first line that has any of the signs between cells."""
    for line in sample.splitlines():
        unquoted = "".join(line.split('"')[::2])
        counts = {sign: unquoted.count(sign) for sign in _DELIMITERS}
        if any(counts.values()):
            return max(counts, key=lambda sign: counts[sign])
    return ","


def _csv_lines(text: IO[str], path: Path, delimiter: str) -> Iterator[Line]:
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    begun = 1
    try:
        for row in reader:
            yield begun, row
            begun = reader.line_num + 1
    except csv.Error as error:
        raise Unreadable(begun, N_("not CSV: %(reason)s"), reason=error) from None
    except UnicodeDecodeError:
        raise Unreadable(_not_utf8(path), N_("the file is not UTF-8")) from None


def _not_utf8(path: Path) -> int:
    """Return the first line that is not UTF-8; bytes are decoded in blocks, which know no lines."""
    with path.open("rb") as file:
        for line, text in enumerate(file, 1):
            try:
                text.decode("utf-8")
            except UnicodeDecodeError:
                return line
    return 1
