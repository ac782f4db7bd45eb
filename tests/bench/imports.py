"""Imports: time and peak memory of the command that imports a list of 200,000 rows, as CSV and as XLSX."""

import csv
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import escape

from appraisal import clock
from appraisal.accounts.services import accounts
from appraisal.database import schema
from appraisal.database.engine import Database
from appraisal.people.facts import SYSTEM_ACTOR
from tests.lists.files import write_xlsx

ROWS: Final = 200_000
MOST_MB: Final = 200
HEADING: Final = ("symbol", "title", "countries", "fund", "amount", "currency", "opened_on", "donor")
# The day that Excel counts days from.
DAY_0: Final = date(1899, 12, 30)
_MAIN: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_SHARED: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings"
_RELATIONS: Final = "xl/_rels/workbook.xml.rels"

Made = tuple[str, str, str, str, float, str, date, str]


def rows(count: int) -> Iterator[Made]:
    """Make rows of a finance list up, no two alike."""
    for place in range(count):
        yield (
            f"RAS/{place % 100:02d}/{place:06d}M/JPN",
            f"Made-up project number {place} on decent work for some people in some place",
            "KH",
            "XBTC",
            1000 + place / 4,
            "USD",
            date(2010, 1, 1) + timedelta(place % 600),
            f"Donor {place % 300}",
        )


def write_csv(path: Path, count: int) -> None:
    """Write a list as CSV."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(HEADING)
        writer.writerows(rows(count))


def write_large_xlsx(path: Path, count: int) -> None:
    """Write a list as Excel does: every text once in a table of strings, days as numbers with a format."""
    # A small one with a cell of a day brings everything else that an XLSX has.
    write_xlsx(path, [[date(2010, 1, 1)]])
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    style = parts["xl/worksheets/sheet1.xml"].partition(b' s="')[2].partition(b'"')[0].decode()
    strings: dict[str, int] = {}

    def cell(value: Any) -> str:
        if isinstance(value, str):
            return f'<c t="s"><v>{strings.setdefault(value, len(strings))}</v></c>'
        if isinstance(value, date):
            return f'<c s="{style}"><v>{(value - DAY_0).days}</v></c>'
        return f"<c><v>{value}</v></c>"

    added = f'<Relationship Type="{_SHARED}" Target="sharedStrings.xml" Id="rId99"/></Relationships>'
    parts[_RELATIONS] = parts[_RELATIONS].replace(b"</Relationships>", added.encode())
    del parts["xl/worksheets/sheet1.xml"]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
        with archive.open("xl/worksheets/sheet1.xml", "w") as sheet:
            sheet.write(f'<worksheet xmlns="{_MAIN}"><sheetData>'.encode())
            for line, row in enumerate((HEADING, *rows(count)), 1):
                cells = "".join(cell(value) for value in row)
                sheet.write(f'<row r="{line}" spans="1:8" ht="15" customHeight="1">{cells}</row>'.encode())
            sheet.write(b"</sheetData></worksheet>")
        with archive.open("xl/sharedStrings.xml", "w") as table:
            table.write(f'<sst xmlns="{_MAIN}">'.encode())
            for text in strings:
                table.write(f"<si><t>{escape(text)}</t></si>".encode())
            table.write(b"</sst>")


# What a process that was begun by a large one is said to have used at most counts that one's memory as well;
# the high-water mark of its own begins anew.
_RUN: Final = """
import sys
from pathlib import Path
from appraisal.cli import main
main.main(sys.argv[1:], standalone_mode=False)
status = Path("/proc/self/status").read_text()
print(status.partition("VmHWM:")[2].split()[0])
"""


def import_in_a_process(data: Path, file: Path) -> tuple[float, float]:
    """Import a list with the command; return seconds, and the most memory of the process in MB. On Linux."""
    began = time.perf_counter()
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", _RUN, "import", "projects", str(file)],
        env={**os.environ, "APPRAISAL_DATA": str(data)},
        capture_output=True,
        text=True,
        check=True,
    )
    return time.perf_counter() - began, int(done.stdout.split()[-1]) / 1024


def bench(count: int = ROWS) -> None:
    """Print time and peak memory of both kinds of file."""
    with tempfile.TemporaryDirectory() as folder:
        for kind, write in (("CSV", write_csv), ("XLSX", write_large_xlsx)):
            data = Path(folder) / kind
            database = Database(f"sqlite:///{data / 'appraisal.sqlite3'}")
            schema.upgrade(database)
            with database.begin() as db:
                accounts.create_person(
                    db,
                    SYSTEM_ACTOR,
                    clock.now(),
                    email="desk@example.org",
                    name="Desk",
                    roles=["coordinator"],
                )
            database.close()
            file = data / f"list.{kind.lower()}"
            write(file, count)
            seconds, megabytes = import_in_a_process(data, file)
            verdict = "within" if megabytes < MOST_MB else "ABOVE"
            print(
                f"import of {count:,} rows of {kind:<5} {seconds:6.1f} s, {megabytes:4.0f} MB at most"
                f"  ({verdict} {MOST_MB} MB)"
            )


if __name__ == "__main__":
    bench()
