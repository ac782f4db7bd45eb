"""Tables are written as CSV here in which a spreadsheet takes no text for a formula."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO
from typing import Final

# What spreadsheets take for the beginning of a formula, or strip before they look for one.
_DANGEROUS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
# Spreadsheets read a file as UTF-8 where this mark stands before it, and guess otherwise.
MARK: Final = "\ufeff"


def inert(value: object) -> object:
    """Return a value as it may stand in a sheet: a text that looks like a formula gets an apostrophe."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_DANGEROUS) else value


def csv_lines(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Yield a table as CSV (RFC 4180) line by line, after the mark of UTF-8; numbers stay numbers."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    text.write(MARK)
    writer.writerow(columns)
    yield text.getvalue()
    for cells in rows:
        text.seek(0)
        text.truncate()
        writer.writerow([inert(cell) for cell in cells])
        yield text.getvalue()
