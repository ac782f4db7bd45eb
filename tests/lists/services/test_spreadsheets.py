"""Files are read line by line, and what is no list is refused with a sentence."""

import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from appraisal.lists.rules.lines import Broken, Cell, Formula
from appraisal.lists.services import spreadsheets, xlsx
from appraisal.lists.services.spreadsheets import opened
from appraisal.lists.services.xlsx import Unreadable
from tests.lists.files import rewritten, write_xlsx

SHEET = "xl/worksheets/sheet1.xml"
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def read(path: Path) -> tuple[tuple[str, ...], int, list[tuple[int, list[Cell]]]]:
    with opened(path) as book:
        return book.heading, book.heading_line, [(line, list(cells)) for line, cells in book.lines]


def refused(path: Path) -> tuple[int, str]:
    with pytest.raises(Unreadable) as caught:
        read(path)
    return caught.value.line, str(caught.value)


@pytest.mark.parametrize("sign", [",", ";", "\t"])
def test_a_csv_in_any_of_its_dialects(tmp_path: Path, sign: str) -> None:
    path = tmp_path / "list.txt"
    path.write_text(
        "\ufeffList of the year\r\n\r\n"
        f'A b{sign}"c, d; e"{sign}\r\n1{sign}"two\r\nlines"{sign}\r\n\r\n{sign}{sign}\r\n3{sign}4{sign}5\r\n',
        encoding="utf-8",
        newline="",
    )
    assert read(path) == (("A b", "c, d; e"), 3, [(4, ["1", "two\r\nlines", ""]), (8, ["3", "4", "5"])])


def test_an_xlsx_with_what_a_spreadsheet_keeps(tmp_path: Path) -> None:
    day = datetime(2010, 3, 31)  # noqa: DTZ001
    path = write_xlsx(
        tmp_path / "list.csv",
        [
            ["Title of the list"],
            [],
            ["a", " b\nc ", "d", None],
            ["text", 5, 0.5, True],
            [],
            [day, "=B4*2", "_x0041_", None, "beside"],
        ],
    )
    heading, line, rows = read(path)
    assert (heading, line) == (("a", "b c", "d"), 3)
    assert rows == [(4, ["text", 5, 0.5, True]), (6, [day, Formula("=B4*2"), "A", None, "beside"])]


def test_strings_errors_days_and_places_as_other_programs_write_them(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "list.xlsx", [["a", "b"]])
    rows = (
        '<row><c t="inlineStr"><is><r><t>o</t></r><r><t>ne</t></r><rPh><t>x</t></rPh></is></c><c t="str"><v>b</v></c></row>'
        '<row r="7" hidden="1" ht="20"><c r="C7" t="e"><v>#N/A</v></c><c r="D7" t="d"><v>2010-03-31</v></c></row>'
        '<row r="9"><c r="A9" t="b"><v>0</v></c><c r="B9"><f t="shared" si="0"/><v>4</v></c><c r="C9"><v>NaN</v></c>'
        '<c r="XFD9"><v>1</v></c></row>'
    )
    rewritten(path, {SHEET: f'<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData></worksheet>'.encode()})
    assert read(path) == (
        ("one", "b"),
        1,
        [
            (7, [None, None, Broken("#N/A"), datetime(2010, 3, 31)]),  # noqa: DTZ001
            (9, [False, Formula("="), Broken("NaN")]),
        ],
    )


RELATIONS = "xl/_rels/workbook.xml.rels"
SHARED = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings"


def with_shared_strings(path: Path, strings: bytes, rows: str = "") -> Path:
    """Give an XLSX a table of strings, as Excel writes one."""
    with zipfile.ZipFile(path) as archive:
        relations = archive.read(RELATIONS)
    added = f'<Relationship Type="{SHARED}" Target="sharedStrings.xml" Id="rId9"/></Relationships>'
    sheet = f'<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData></worksheet>'
    parts = {
        RELATIONS: relations.replace(b"</Relationships>", added.encode()),
        "xl/sharedStrings.xml": strings,
        SHEET: sheet.encode(),
    }
    return rewritten(path, parts)


def test_strings_are_found_in_their_table(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "list.xlsx", [["a", "b"]])
    strings = "<si><t>a</t></si><si><r><t>b</t></r><r><t>c</t></r></si><si><t>=1+1</t></si>"
    cells = '<c r="A{0}" t="s"><v>{1}</v></c><c r="B{0}" t="s"><v>{2}</v></c>'
    rows = "".join(f'<row r="{line}">{cells.format(line, line - 1, 2)}</row>' for line in (1, 2))
    with_shared_strings(path, f'<sst xmlns="{MAIN}">{strings}</sst>'.encode(), rows)
    assert read(path) == (("a", "=1+1"), 1, [(2, ["bc", "=1+1"])])
    with_shared_strings(path, f'<sst xmlns="{MAIN}"><si><t>a</t></si></sst>'.encode(), rows)
    assert refused(path) == (1, "the file is damaged, or no XLSX")


def test_merged_cells_below_the_heading_are_told(tmp_path: Path) -> None:
    rows: list[list[Any]] = [["Title", None], ["a", "b"], [1, 2], [1, 2]]
    path = write_xlsx(tmp_path / "list.xlsx", rows, merge="A1:B1")
    with opened(path) as book:
        assert len(list(book.lines)) == 2
        assert (book.merged, book.merged_below()) == (["A1:B1"], [])
    path = write_xlsx(tmp_path / "list.xlsx", rows, merge="B3:B4")
    with opened(path) as book:
        assert len(list(book.lines)) == 2
        assert book.merged_below() == ["B3:B4"]


def test_the_first_sheet_that_is_not_hidden_is_read(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "list.xlsx", [["a", "b"], [1, 2]])
    with zipfile.ZipFile(path) as archive:
        book = archive.read("xl/workbook.xml")
    rewritten(path, {"xl/workbook.xml": book.replace(b'state="visible"', b'state="hidden"')})
    assert refused(path) == (1, "the file has no sheet that is not hidden")


DOCTYPE = '<?xml version="1.0"?><!-- x --><!DOCTYPE w [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>'


@pytest.mark.parametrize(
    ("data", "line", "sentence"),
    [
        (b"", 1, "there is nothing in this file"),
        (b"\n,,\n", 1, "there is nothing in this file"),
        (b"a,b\n1,\xe9\n", 2, "the file is not UTF-8"),
        ("a,b\n1,2\n".encode("utf-16"), 1, "the file is not UTF-8"),
        (b'a,b\n1,2\n"3,4\n', 3, "not CSV: unexpected end of data"),
        (b"\x1b[2J,\0\n", 1, "the first line is not text, so this is no list"),
        (b"%PDF-1.4\n%\xe2\xe3\n", 2, "the file is not UTF-8"),
        (
            bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 2000 + "EncryptedPackage".encode("utf-16-le"),
            1,
            "the file is protected by a password: save it without one",
        ),
        (
            bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 2000,
            1,
            "the file is of an old kind of Excel or of another program: save it as XLSX or CSV",
        ),
        (b"PK\x03\x04" + b"\0" * 100, 1, "the file is damaged, or no XLSX"),
    ],
)
def test_what_is_no_list_is_refused(tmp_path: Path, data: bytes, line: int, sentence: str) -> None:
    path = tmp_path / "list.xlsx"
    path.write_bytes(data)
    assert refused(path) == (line, sentence)


def _zipped(path: Path, parts: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return path


def test_other_archives_are_refused(tmp_path: Path) -> None:
    path = _zipped(tmp_path / "list.xlsx", {"mimetype": b"application/vnd.oasis.opendocument.spreadsheet"})
    assert refused(path) == (1, "the file is no XLSX: save it as XLSX or CSV")


@pytest.mark.thorough
@pytest.mark.parametrize("part", ["xl/sharedStrings.xml", "xl/styles.xml", "xl/worksheets/sheet1.xml"])
def test_a_part_that_grows_beyond_measure_is_refused_before_it_is_unzipped(
    tmp_path: Path, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A sheet may be larger than anything else; the file of the test need not.
    monkeypatch.setattr(xlsx, "_MOST_UNZIPPED", 100 * 1024 * 1024)
    path = write_xlsx(tmp_path / "list.xlsx", [["a", "b"], ["c", "d"]])
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive, archive.open(f"{part}x.xml", "w") as to:
        for _ in range(101):
            to.write(b" " * 1024 * 1024)
    assert path.stat().st_size < 1024 * 1024
    assert refused(path) == (1, "the file is too large once it is unzipped")


@pytest.mark.parametrize("part", ["xl/workbook.xml", "xl/styles.xml", SHEET, "xl/sharedStrings.xml"])
def test_a_part_that_declares_entities_is_refused(tmp_path: Path, part: str) -> None:
    path = write_xlsx(tmp_path / "list.xlsx", [["a", "b"], ["c", "d"]])
    with_shared_strings(path, f'<sst xmlns="{MAIN}"/>'.encode())
    body = f'<w xmlns="{MAIN}"><sheetData/></w>'
    rewritten(path, {part: (DOCTYPE + body).encode()})
    assert refused(path) == (1, "the file declares a document type, which no XLSX does")
    external = '<!DOCTYPE w SYSTEM "http://127.0.0.1:9/x.dtd">'
    rewritten(path, {part: (external + body).encode("utf-16")})
    assert refused(path) == (1, "the file declares a document type, which no XLSX does")


def test_a_sheet_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "list.xlsx", [["a", "b"], *([n, n] for n in range(100))])
    with zipfile.ZipFile(path) as archive:
        whole = archive.read(SHEET)
    rewritten(path, {SHEET: whole[: len(whole) // 2]})
    assert refused(path) == (1, "the file is damaged, or no XLSX")


def test_more_rows_than_a_list_has_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spreadsheets, "MOST_ROWS", 10)
    path = tmp_path / "list.csv"
    path.write_text("a,b\n" + "1,2\n" * 40)
    assert refused(path)[1] == "more than 10 rows in one file"
