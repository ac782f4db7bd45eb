"""Reading: hostile and broken files are refused by name, in bounded time and memory."""

import tracemalloc
from collections.abc import Iterator
from io import BytesIO, RawIOBase
from time import process_time
from typing import IO, cast

import pytest

from appraisal.iati.rules.drafts import Node
from appraisal.iati.xml import reading
from appraisal.iati.xml.reading import Unreadable
from tests.iati.activities import element, wrapped

LAUGHS = "".join(
    f'<!ENTITY lol{place} "{f"&lol{place - 1};" * 10}">' if place else '<!ENTITY lol0 "lol">'
    for place in range(10)
)
DECLARED = "the file declares a document type or entities, which no file of activities needs"
NOT_WHOLE = "the file is no XML, or not whole: "


def nodes(file: bytes) -> list[Node]:
    return list(reading.nodes(BytesIO(file)))


def refused(file: bytes) -> tuple[int, str]:
    with pytest.raises(Unreadable) as caught:
        nodes(file)
    wrong = caught.value.wrong
    return wrong.line, wrong.sentence % dict(wrong.facts)


@pytest.mark.parametrize(
    "file",
    [
        f"<!DOCTYPE iati-activities [{LAUGHS}]>".encode() + wrapped(element(title="&lol9;")),
        f"<!DOCTYPE iati-activities [{LAUGHS}]>".encode() + wrapped(inside='x="&lol9;"'),
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + wrapped(element(title="&x;")),
        b'<!DOCTYPE a [<!ENTITY % x SYSTEM "http://localhost:9/x.dtd"> %x;]>' + wrapped(element()),
        b'<!DOCTYPE iati-activities SYSTEM "http://localhost:9/x.dtd">' + wrapped(element()),
        b'<!DOCTYPE a [<!ATTLIST iati-activity hierarchy CDATA "2">]>' + wrapped(element()),
        b"<!DOCTYPE iati-activities>" + wrapped(element()),
        ("<!DOCTYPE a [" + LAUGHS + "]>" + wrapped(element()).decode()).encode("utf-16"),
    ],
)
def test_any_document_type_is_refused_before_it_counts(file: bytes) -> None:
    begun = process_time()
    assert refused(file) == (1, DECLARED)
    assert process_time() - begun < 1


def test_a_document_type_is_named_with_its_line() -> None:
    assert refused(b"<?xml version='1.0'?>\n<!-- x -->\n<!DOCTYPE a>\n" + wrapped()) == (3, DECLARED)


@pytest.mark.parametrize(
    ("file", "line", "reason"),
    [
        (b"", 1, "no element found"),
        (b"   ", 1, "no element found"),
        (b"code,text\n1,2\n", 1, "syntax error"),
        (b"PK\x03\x04\0\0\0", 1, "not well-formed (invalid token)"),
        (b"\xff\xfe\x00\xd8", 1, "partial character"),
        (b"<?xml version='1.0' encoding='klingon'?>" + wrapped(), 1, "unknown encoding"),
        (wrapped(element(), "\n", element())[:-40], 2, "AttValue: ' expected"),
        (wrapped(element(title="a & b")), 1, "xmlParseEntityRef: no name"),
        (wrapped(element(title="&nbsp;")), 1, "Entity 'nbsp' not defined"),
        (
            wrapped("\n", element(title="\xe9")).decode().encode("latin-1"),
            2,
            "Invalid bytes in character encoding",
        ),
        (wrapped(element()) + b"<x/>", 1, "Extra content at the end of the document"),
        (wrapped("<a>" * 300), 1, "Excessive depth in document"),
    ],
)
def test_what_is_no_xml_or_not_whole_is_told_with_its_line(file: bytes, line: int, reason: str) -> None:
    # libxml2 words some of it otherwise from version to version.
    found, said = refused(file)
    assert (found, said[: len(NOT_WHOLE) + 12]) == (line, (NOT_WHOLE + reason)[: len(NOT_WHOLE) + 12])


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (wrapped(version="1.05"), "the file is of version “1.05” of the standard, not of 2.03"),
        (wrapped(version=""), "the file is of version “” of the standard, not of 2.03"),
        (b"<iati-activities/>", "the file is of version “” of the standard, not of 2.03"),
        (
            b'<iati-organisations version="2.03"/>',
            "the file begins with “iati-organisations”, not with “iati-activities”",
        ),
        (
            b'<iati-activities xmlns="urn:x" version="2.03"/>',
            "the file begins with “{urn:x}iati-activities”, not with “iati-activities”",
        ),
        (
            b"<" + b"x" * 5000 + b"/>",
            f"the file begins with “{'x' * 39}…”, not with “iati-activities”",
        ),
    ],
)
def test_another_root_or_version_is_refused(file: bytes, said: str) -> None:
    assert refused(file) == (1, said)


def test_comments_instructions_and_sections_are_read_as_xml_says() -> None:
    (node,) = nodes(
        b"<?xml version='1.0'?><!-- a -->"
        + wrapped("<?x y?>", element(title="a<!-- b -->c<?d e?><![CDATA[&<]]>"), "<!-- f -->")
    )
    assert [part.text for part in node.parts[1].parts] == ["ac&<"]


class Endless(RawIOBase):
    """A file that repeats a piece between a beginning and an end, without ever being there as a whole."""

    def __init__(self, begin: bytes, piece: bytes, times: int, end: bytes = b"") -> None:
        self.parts = (begin, piece, times, end)
        self.source: Iterator[bytes] = iter(())
        self.left = b""

    def seek(self, offset: int, whence: int = 0) -> int:
        assert (offset, whence) == (0, 0)
        begin, piece, times, end = self.parts
        self.source = iter([begin, *[piece] * times, end])
        self.left = b""
        return 0

    def read(self, size: int = -1) -> bytes:
        while len(self.left) < size:
            more = next(self.source, None)
            if more is None:
                break
            self.left += more
        found, self.left = self.left[:size], self.left[size:]
        return found


BEGIN, END = wrapped("\n").split(b"\n")


def peak_of(file: Endless) -> tuple[int, int, str]:
    """Read a file; return the peak of memory that Python asked for, how much came out, and why it ended."""
    tracemalloc.start()
    try:
        count, said = 0, ""
        try:
            for _ in reading.nodes(cast(IO[bytes], file)):
                count += 1
        except Unreadable as error:
            said = error.wrong.sentence % dict(error.wrong.facts)
        return tracemalloc.get_traced_memory()[1], count, said
    finally:
        tracemalloc.stop()


def test_many_activities_are_not_held() -> None:
    peak, count, said = peak_of(Endless(BEGIN, element().encode() * 10, 200, END))
    assert (count, said) == (2_000, "")
    assert peak < 3_000_000


@pytest.mark.thorough
def test_a_file_beyond_the_bound_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_BYTES", 1024 * 1024)
    peak, count, said = peak_of(Endless(BEGIN, element().encode() * 10, 100_000, END))
    assert said == "the file has more than 1 MB"
    assert 0 < count < 10_000
    assert peak < 3_000_000


def test_an_activity_without_end_is_given_up() -> None:
    begun = BEGIN + b"<iati-activity>"
    peak, count, said = peak_of(Endless(begun, b"<transaction/>" * 1000, 100_000))
    assert (count, said) == (0, "one activity has more than 50000 elements")
    assert peak < 30_000_000


def test_nothing_but_a_comment_is_given_up() -> None:
    peak, count, said = peak_of(Endless(b"<!--", b"x" * 65536, 100_000))
    assert (count, said) == (0, "the file is no XML, or not whole: unclosed token")
    assert peak < 10_000_000


def test_one_enormous_text_is_given_up() -> None:
    begun = BEGIN + b"<iati-activity><title><narrative>"
    peak, count, said = peak_of(Endless(begun, b"x" * 65536, 3000))
    assert count == 0
    assert said.startswith("the file is no XML, or not whole: ")
    assert peak < 30_000_000
