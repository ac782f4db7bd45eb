"""XLSX files are read line by line in bounded memory, and refused where they contradict themselves.

The parts of ISO/IEC 29500 that hold values are read here; number formats and days are openpyxl's. Its own
reader takes four times as long, goes through a sheet twice, and tells of no merged cells.
"""

import math
import zipfile
import zlib
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import IO, Any, Final
from xml.etree import ElementTree as ET
from xml.parsers import expat

from appraisal.language.texts import N_
from appraisal.lists.rules.lines import Broken, Cell, Formula

Line = tuple[int, Sequence[Cell]]
MOST_COLUMNS: Final = 500
# What the parts of an XLSX may come to when they are unzipped: a sheet of 200,000 rows is about 100 MB.
_MOST_UNZIPPED: Final = 600 * 1024 * 1024
_MOST_STRINGS: Final = 100 * 1024 * 1024
_MOST_SMALL: Final = 20 * 1024 * 1024
_MOST_PARTS: Final = 5_000
_RELATION: Final = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_RELATION_STRICT: Final = "{http://purl.oclc.org/ooxml/officeDocument/relationships}id"


class Unreadable(Exception):
    """A file is no list that can be read: a line, and a sentence of the catalogue with its facts."""

    def __init__(self, line: int, sentence: str, **facts: Any) -> None:
        self.line = line
        self.sentence = sentence
        self.facts = facts
        super().__init__(sentence % facts if facts else sentence)


@dataclass(frozen=True, slots=True)
class _Book:
    """What the cells of a sheet refer to."""

    strings: "_Strings"
    dates: Sequence[bool]
    day: Callable[[float], object]


@dataclass(slots=True)
class Sheet:
    """The first sheet of an XLSX that is not hidden, and its lines, also those that are hidden or empty.

    ``merged`` fills as the lines are gone through: the ranges of cells that are merged. ``done`` tells
    how far that is, of ``total``, in bytes.
    """

    name: str
    lines: Iterator[Line]
    merged: list[str]
    total: int
    done: Callable[[], int]


@contextmanager
def opened_sheet(file: IO[bytes]) -> Iterator[Sheet]:
    """Open the sheet of an XLSX; raises ``Unreadable``, at once or as the lines are gone through."""
    from openpyxl.utils.datetime import MAC_EPOCH, WINDOWS_EPOCH, from_excel

    with ExitStack() as stack:
        with _damages():
            archive = stack.enter_context(zipfile.ZipFile(file))
            _check_sizes(archive)
            name, part, is_of_1904 = _first_sheet(archive)
            parts = _parts_beside(archive)
            strings = _strings(archive, parts["sharedStrings"]) if "sharedStrings" in parts else _Strings()
            dates = _date_styles(archive, parts["styles"]) if "styles" in parts else ()
            source = stack.enter_context(_part(archive, part))
            total = archive.getinfo(part).file_size
        day = partial(from_excel, epoch=MAC_EPOCH if is_of_1904 else WINDOWS_EPOCH)
        merged: list[str] = []
        lines = _sheet_lines(source, _Book(strings, dates, day), merged)
        yield Sheet(name, lines, merged, total, source.tell)


@contextmanager
def _damages() -> Iterator[None]:
    """Say of whatever is wrong inside an archive that the file is damaged."""
    try:
        yield
    except (
        zipfile.BadZipFile,
        zlib.error,
        ET.ParseError,
        expat.ExpatError,
        EOFError,
        KeyError,
        ValueError,
        IndexError,
        # Of zipfile: a method of compression, and a password.
        NotImplementedError,
        RuntimeError,
    ):
        raise Unreadable(1, N_("the file is damaged, or no XLSX")) from None


def _check_sizes(archive: zipfile.ZipFile) -> None:
    """Refuse what would fill the memory; nothing that is read grows beyond the size that is written of it."""
    parts = archive.infolist()
    if "xl/workbook.xml" not in archive.NameToInfo:
        raise Unreadable(1, N_("the file is no XLSX: save it as XLSX or CSV"))
    large = len(parts) > _MOST_PARTS or sum(part.file_size for part in parts) > _MOST_UNZIPPED
    for part in parts:
        if not part.filename.startswith("xl/worksheets/"):
            most = _MOST_STRINGS if "sharedStrings" in part.filename else _MOST_SMALL
            # Pictures and the like are never unzipped.
            large = large or (part.filename.endswith((".xml", ".rels")) and part.file_size > most)
    if large:
        raise Unreadable(1, N_("the file is too large once it is unzipped"))


@contextmanager
def _part(archive: zipfile.ZipFile, name: str) -> Iterator[IO[bytes]]:
    """Open a part, and refuse one with a document type, which an XLSX never has: it may grow or call out."""
    with archive.open(name) as source:
        _refuse_doctype(source)
    with archive.open(name) as source:
        yield source


class _Begun(Exception):
    """The first element of a part begins: from here on nothing declares anything."""


def _refuse_doctype(source: IO[bytes]) -> None:
    parser = expat.ParserCreate()

    def declared(*_: object) -> None:
        raise Unreadable(1, N_("the file declares a document type, which no XLSX does"))

    def begun(*_: object) -> None:
        raise _Begun

    parser.StartDoctypeDeclHandler = declared
    parser.StartElementHandler = begun
    try:
        while piece := source.read(4096):
            parser.Parse(piece)
    except _Begun:
        return


def _tree(archive: zipfile.ZipFile, name: str) -> ET.Element:
    with _part(archive, name) as source:
        # A document type is refused before.
        return ET.parse(source).getroot()  # noqa: S314


def _local(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def _first_sheet(archive: zipfile.ZipFile) -> tuple[str, str, bool]:
    """Return name and part of the first sheet that is not hidden, and True where days count from 1904."""
    book = _tree(archive, "xl/workbook.xml")
    is_of_1904 = False
    for element in book.iter():
        if _local(element) == "workbookPr" and element.get("date1904") in ("1", "true"):
            is_of_1904 = True
        if _local(element) == "sheet" and element.get("state", "visible") == "visible":
            id = element.get(_RELATION) or element.get(_RELATION_STRICT)
            for relation in _tree(archive, "xl/_rels/workbook.xml.rels"):
                if relation.get("Id") == id:
                    return element.get("name", ""), _resolved(relation.get("Target", "")), is_of_1904
    raise Unreadable(1, N_("the file has no sheet that is not hidden"))


def _parts_beside(archive: zipfile.ZipFile) -> dict[str, str]:
    """Return the parts that the book refers to by the end of their kind, like ``styles``."""
    return {
        relation.get("Type", "").rpartition("/")[2]: _resolved(relation.get("Target", ""))
        for relation in _tree(archive, "xl/_rels/workbook.xml.rels")
    }


def _resolved(target: str) -> str:
    return target[1:] if target.startswith("/") else f"xl/{target}"


class _Strings:
    """Texts in one piece of memory: the table of a long list has hundreds of thousands of them."""

    def __init__(self) -> None:
        self._texts = bytearray()
        self._ends = array("Q", [0])

    def append(self, text: str) -> None:
        """Take another text."""
        self._texts += text.encode("utf-8", "surrogatepass")
        self._ends.append(len(self._texts))

    def __getitem__(self, place: int) -> str:
        if place < 0:
            raise IndexError(place)
        return self._texts[self._ends[place] : self._ends[place + 1]].decode("utf-8", "surrogatepass")


class _StringReader:
    """Takes the events of a table of strings: the pieces of each, but not how they are pronounced."""

    def __init__(self, found: _Strings) -> None:
        self._found = found
        self._pieces: list[str] = []
        self._inside = self._aside = False

    def start(self, name: str, _: object) -> None:
        """Note where text begins, and where a pronunciation does."""
        kind = name.rpartition("}")[2]
        if kind == "t":
            self._inside = not self._aside
        elif kind == "rPh":
            self._aside = True

    def text(self, text: str) -> None:
        """Take a piece of text."""
        if self._inside:
            self._pieces.append(text)

    def end(self, name: str) -> None:
        """Note where text ends, and keep a string that is whole."""
        kind = name.rpartition("}")[2]
        if kind == "t":
            self._inside = False
        elif kind == "rPh":
            self._aside = False
        elif kind == "si":
            self._found.append(_unescaped("".join(self._pieces)))
            self._pieces = []


def _strings(archive: zipfile.ZipFile, name: str) -> _Strings:
    found = _Strings()
    reader = _StringReader(found)
    parser = expat.ParserCreate(namespace_separator="}")
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.CharacterDataHandler = reader.text
    parser.EndElementHandler = reader.end
    with _part(archive, name) as source:
        parser.ParseFile(source)
    return found


def _said(element: ET.Element) -> str:
    """Return the text of a string: its pieces, but not how they are pronounced."""
    pieces = []
    for child in element:
        kind = _local(child)
        if kind == "t":
            pieces.append(child.text or "")
        elif kind == "r":
            pieces += [part.text or "" for part in child if _local(part) == "t"]
    return _unescaped("".join(pieces))


def _unescaped(text: str) -> str:
    if "_x" not in text:
        return text
    from openpyxl.utils.escape import unescape

    return unescape(text)


def _date_styles(archive: zipfile.ZipFile, name: str) -> list[bool]:
    """Tell of each style, by its place, whether numbers in it are days."""
    from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format

    root = _tree(archive, name)
    formats: dict[int, str] = dict(BUILTIN_FORMATS)
    found: list[bool] = []
    for part in root:
        if _local(part) == "numFmts":
            formats |= {int(entry.get("numFmtId", "0")): entry.get("formatCode", "") for entry in part}
        elif _local(part) == "cellXfs":
            found = [is_date_format(formats.get(int(entry.get("numFmtId", "0")), "")) for entry in part]
    return found


def _sheet_lines(source: IO[bytes], book: _Book, merged: list[str]) -> Iterator[Line]:
    columns: dict[str, int] = {}
    data: ET.Element | None = None
    line = 0
    with _damages():
        for event, element in ET.iterparse(source, ("start", "end")):  # noqa: S314
            if event == "start":
                if data is None and element.tag.endswith("}sheetData"):
                    data = element
            elif element.tag.endswith("}row"):
                line = int(element.get("r") or line + 1)
                cells = _cells(element, book, columns)
                element.clear()
                if data is not None:
                    # Rows that were read would otherwise stay in it, each of them empty.
                    data.clear()
                yield line, cells
            elif element.tag.endswith("}mergeCell"):
                merged.append(element.get("ref", ""))


def _cells(row: ET.Element, book: _Book, columns: dict[str, int]) -> list[Cell]:
    found: list[Cell] = []
    for element in row:
        reference = element.get("r")
        place = len(found)
        if reference is not None:
            letters = reference.rstrip("0123456789")
            place = columns[letters] if letters in columns else columns.setdefault(letters, _place(letters))
        if place >= MOST_COLUMNS:
            break
        if place > len(found):
            found.extend([None] * (place - len(found)))
        found.append(_cell(element, book))
    return found


def _place(letters: str) -> int:
    place = 0
    for letter in letters:
        place = place * 26 + ord(letter) - ord("A") + 1
    return place - 1


def _cell(element: ET.Element, book: _Book) -> Cell:
    kind = element.get("t", "n")
    value: str | None = None
    for child in element:
        tag = child.tag
        if tag.endswith("}f"):
            return Formula(f"={child.text or ''}")
        if tag.endswith("}v"):
            value = child.text
        elif tag.endswith("}is"):
            return _said(child)
    if value is None:
        return None
    if kind == "s":
        return book.strings[int(value)]
    if kind == "n":
        return _number(value, int(element.get("s") or 0), book)
    if kind == "b":
        return value.strip() == "1"
    if kind == "e":
        return Broken(value)
    if kind == "d":
        return _iso_day(value)
    return value


def _number(text: str, style: int, book: _Book) -> Cell:
    try:
        number = float(text) if any(sign in text for sign in ".eE") else int(text)
        if not math.isfinite(number):
            return Broken(text)
        if style < len(book.dates) and book.dates[style]:
            day = book.day(number)
            return day if isinstance(day, date) else Broken(text)
    except (ValueError, OverflowError):
        return Broken(text)
    return number


def _iso_day(text: str) -> Cell:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return Broken(text)
