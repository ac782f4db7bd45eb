"""Isolated readers: what is wrong with a file is named, in bounded time and memory."""

import io
import os
import re
import signal
import zlib
from contextlib import suppress
from pathlib import Path

import pytest
from pypdf import PdfWriter

from appraisal import canonical
from appraisal.verification.reading import record_pdf
from appraisal.verification.reading.isolated import Opener, open_pdf
from appraisal.verification.reading.record_pdf import Reading, Unreadable, read
from tests.keys import GROUNDS
from tests.printing.samples import Print, Sample


@pytest.fixture(scope="module")
def pdf(sample: Sample, printed: Print) -> bytes:
    return printed(sample.record(), "es")


def reason(data: bytes) -> str:
    with pytest.raises(Unreadable) as error:
        read(data, GROUNDS)
    return error.value.reason


def resaved(pdf: bytes, **attached: bytes) -> bytes:
    """Write a file again by another tool, with more attached, one file for each name."""
    writer = PdfWriter(clone_from=io.BytesIO(pdf))
    for name, data in attached.items():
        writer.add_attachment(name.replace("_", "."), data)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def made(body: bytes, catalog: bytes = b"", page: bytes = b"") -> bytes:
    """Write a PDF of one page by hand; ``body`` holds the objects from 4 on, none of them twice."""
    head = b"%PDF-1.7\n"
    objects = b"1 0 obj\n<</Type/Catalog/Pages 2 0 R" + catalog + b">>\nendobj\n"
    objects += b"2 0 obj\n<</Type/Pages/Count 1/Kids[3 0 R]>>\nendobj\n"
    objects += b"3 0 obj\n<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]" + page + b">>\nendobj\n" + body
    found = list(re.finditer(rb"(?m)^(\d+) 0 obj$", head + objects))
    lines = b"".join(b"%010d 00000 n \n" % match.start() for match in found)
    count = len(found) + 1
    table = b"xref\n0 %d\n0000000000 65535 f \n" % count + lines
    trailer = b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (count, len(head + objects))
    return head + objects + table + trailer


def attaching(stream: bytes, extra: bytes = b"/Filter/FlateDecode") -> bytes:
    """Write a PDF that carries a stream as record.json."""
    body = b"4 0 obj\n<</Type/Filespec/F(record.json)/UF(record.json)/EF<</F 5 0 R>>>>\nendobj\n"
    body += b"5 0 obj\n<</Length %d%s>>\nstream\n" % (len(stream), extra) + stream + b"\nendstream\nendobj\n"
    return made(body, b"/AF[4 0 R]/Names<</EmbeddedFiles<</Names[(record.json) 4 0 R]>>>>")


RECORD_BODY = (
    b"4 0 obj\n<</Type/Filespec/F(record.json)/EF<</F 5 0 R>>>>\nendobj\n"
    b"5 0 obj\n<</Length 2>>\nstream\n{}\nendstream\nendobj\n"
)


@pytest.mark.thorough
def test_a_reading_holds_what_the_file_carries(sample: Sample, pdf: bytes) -> None:
    found = open_pdf(pdf, GROUNDS)
    assert found == read(pdf, GROUNDS)
    assert found.record == canonical.canonical(sample.record())
    assert (found.language, found.others, found.ends, found.is_appended) == ("es", (), 1, False)
    assert all("TC-2010-0001" in title for title in found.titles)
    assert len(found.texts) == found.pages
    assert all(canonical.digest(sample.record()) in text for text in found.texts)


@pytest.mark.thorough
def test_a_file_made_by_hand_is_read(pdf: bytes) -> None:
    found = read(attaching(zlib.compress(b"{}")), GROUNDS)
    assert found == Reading(b"{}", "", ("", ""), 1, ("",), (), 1, False)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "not_pdf"),
        (b"PK\x03\x04 a ZIP", "not_pdf"),
        (b" %PDF-1.7 shifted", "not_pdf"),
        (b"%PDF-1.7\n", "truncated"),
        (b"%PDF-1.7\nstartxref\n0\n%%EOF\n", "broken"),
        (b"%PDF-1.7\nstartxref\n99999999999999999999\n%%EOF\n", "broken"),
        (made(b""), "no_record"),
        (attaching(zlib.compress(b"{}")[:-2]), "record_damaged"),
        (attaching(b"{}"), "record_damaged"),
        (attaching(b"7B7D>", b"/Filter/ASCIIHexDecode"), "record_damaged"),
        (attaching(zlib.compress(b" " * (record_pdf.LARGEST_RECORD + 1))), "record_too_large"),
    ],
)
def test_what_is_wrong_is_named(data: bytes, expected: str) -> None:
    assert reason(data) == expected


def test_a_file_that_is_cut_off_is_named_wherever_it_was_cut(pdf: bytes) -> None:
    assert {reason(pdf[:length]) for length in range(8, len(pdf) - 6, len(pdf) // 40)} == {"truncated"}


def test_a_second_record_is_refused_whatever_hides_it(pdf: bytes) -> None:
    assert reason(resaved(pdf, record_json=b"{}")) == "two_records"
    hidden = b"6 0 obj\n<</Type/Filespec/F(other.json)/UF(Record.JSON)/EF<</F 7 0 R>>>>\nendobj\n"
    hidden += b"7 0 obj\n<</Length 2>>\nstream\n{}\nendstream\nendobj\n"
    first = b"4 0 obj\n<</Type/Filespec/F(record.json)/EF<</F 5 0 R/UF 7 0 R>>>>\nendobj\n"
    first += b"5 0 obj\n<</Length 2>>\nstream\n{}\nendstream\nendobj\n"
    assert reason(made(first + hidden, b"/AF[4 0 R]")) == "two_records"
    plain = first.replace(b"/UF 7 0 R", b"")
    tree = b"/AF[4 0 R]/Names<</EmbeddedFiles<</Names[(x) 6 0 R]>>>>"
    assert reason(made(plain + hidden, tree)) == "two_records"


def test_other_files_beside_the_record_are_listed(pdf: bytes) -> None:
    assert read(resaved(pdf, notes_txt=b"Hello."), GROUNDS).others == ("notes.txt",)


@pytest.mark.thorough
def test_what_is_appended_is_seen(pdf: bytes) -> None:
    writer = PdfWriter(io.BytesIO(pdf), incremental=True)
    writer.add_metadata({"/Title": "Another"})
    out = io.BytesIO()
    writer.write(out)
    assert out.getvalue().startswith(pdf)
    found = read(out.getvalue(), GROUNDS)
    assert (found.is_appended, found.ends, found.titles[0]) == (True, 2, "Another")
    assert read(pdf + b"trailing", GROUNDS).is_appended
    assert not read(pdf + b"\r\n", GROUNDS).is_appended


def test_a_tree_of_names_without_end_is_given_up() -> None:
    body = b"4 0 obj\n<</Kids[4 0 R 4 0 R]>>\nendobj\n"
    assert reason(made(body, b"/Names<</EmbeddedFiles 4 0 R>>")) == "out_of_bounds"


def test_a_larger_file_is_not_opened() -> None:
    with Opener() as opener, pytest.raises(Unreadable) as error:
        opener.open(b"%PDF-1.7\n" + bytes(record_pdf.LARGEST_FILE), GROUNDS)
    assert (error.value.reason, opener.pid) == ("too_large", None)


@pytest.mark.thorough
def test_a_page_that_is_a_bomb_is_given_up() -> None:
    packed = zlib.compress(b"q 1 0 0 1 0 0 cm Q " * 20_000_000, 9)
    body = RECORD_BODY
    body += b"6 0 obj\n<</Length %d/Filter/FlateDecode>>\nstream\n" % len(packed) + packed
    bomb = made(body + b"\nendstream\nendobj\n", b"/AF[4 0 R]", b"/Contents 6 0 R")
    # The record is read; what the page says is not.
    assert open_pdf(bomb, GROUNDS, seconds=60).texts == ("",)


@pytest.mark.thorough
@pytest.mark.parametrize("filters", [1, 2])
def test_metadata_that_are_a_bomb_are_given_up(filters: int) -> None:
    packed = b" " * 300_000_000
    for _ in range(filters):
        packed = zlib.compress(packed, 1)
    named = b"[" + b"/FlateDecode" * filters + b"]"
    body = b"6 0 obj\n<</Length %d/Filter%s>>\nstream\n" % (len(packed), named) + packed
    bomb = made(RECORD_BODY + body + b"\nendstream\nendobj\n", b"/AF[4 0 R]/Metadata 6 0 R")
    with pytest.raises(Unreadable) as error:
        open_pdf(bomb, GROUNDS, seconds=60)
    assert error.value.reason in ("broken", "out_of_bounds")


@pytest.mark.skipif(os.name != "posix", reason="the system limits no memory")
def test_a_process_that_runs_out_of_memory_or_time_is_named(pdf: bytes) -> None:
    for bounds in ({"memory": 32 * 2**20}, {"seconds": 0}):
        with pytest.raises(Unreadable) as error:
            open_pdf(pdf, GROUNDS, **bounds)
        assert error.value.reason == "out_of_bounds"


@pytest.mark.thorough
@pytest.mark.skipif(os.name != "posix", reason="the system cannot fork")
def test_one_file_after_the_other_is_read_apart_from_the_one_before(pdf: bytes) -> None:
    with Opener() as opener:
        found = opener.open(pdf, GROUNDS)
        waiting = opener.pid
        for data, expected in (
            (b"PK", "not_pdf"),
            (attaching(b"{}"), "record_damaged"),
            (made(b""), "no_record"),
        ):
            with pytest.raises(Unreadable) as error:
                opener.open(data, GROUNDS)
            assert error.value.reason == expected
        assert opener.open(pdf, GROUNDS) == found
        assert (opener.pid, waiting is None) == (waiting, False)


@pytest.mark.thorough
@pytest.mark.skipif(os.name != "posix", reason="the system limits no memory")
def test_a_file_that_takes_too_much_is_given_up_and_the_next_is_read(pdf: bytes) -> None:
    packed = zlib.compress(b" " * 300_000_000, 1)
    stream = b"6 0 obj\n<</Length %d/Filter[/FlateDecode]>>\nstream\n" % len(packed) + packed
    bomb = made(RECORD_BODY + stream + b"\nendstream\nendobj\n", b"/AF[4 0 R]/Metadata 6 0 R")
    with Opener(memory=192 * 2**20) as opener:
        opener.open(pdf, GROUNDS)
        waiting = opener.pid
        with pytest.raises(Unreadable) as error:
            opener.open(bomb, GROUNDS)
        assert error.value.reason in ("broken", "out_of_bounds")
        assert opener.open(pdf, GROUNDS).language == "es"
        assert opener.pid == waiting


@pytest.mark.thorough
def test_an_opener_whose_process_is_gone_starts_another(pdf: bytes) -> None:
    with Opener() as opener:
        opener.open(pdf, GROUNDS)
        gone = opener.pid
        assert gone is not None
        os.kill(gone, signal.SIGKILL)
        with suppress(Unreadable):
            # Whether it is seen at once to be gone, or only when it does not answer.
            opener.open(pdf, GROUNDS)
        assert opener.open(pdf, GROUNDS).language == "es"
        assert opener.pid not in (None, gone)


@pytest.mark.thorough
def test_an_opener_leaves_nothing_behind(pdf: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("APPRAISAL_SECRET", "not for the child")
    with Opener() as opener:
        opener.open(pdf, GROUNDS)
        environment = Path(f"/proc/{opener.pid}/environ")
        if environment.exists():
            assert b"not for the child" not in environment.read_bytes()
        assert list(tmp_path.iterdir())
    assert list(tmp_path.iterdir()) == []
