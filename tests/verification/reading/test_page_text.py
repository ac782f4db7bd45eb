"""Text of pages: records are read as pypdf reads them; whatever is drawn in another way is left to it."""

import io
from typing import Any

import pytest
from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject, NameObject

from appraisal.language.texts import LANGUAGES, Language
from appraisal.verification.reading.page_text import Glyphs
from tests.printing.readers import pages_of, reader
from tests.printing.samples import Print, Sample

# A ligature, letters of two units in UTF-16, marks upon letters, and words that run from right to left.
ODD = "ﬁ 𝒜𝓫 é Ελλάδα Україна भारत العربية 日本"


def read(pages: Any) -> list[str | None]:
    glyphs = Glyphs()
    found = [glyphs.read(page) for page in pages]
    return [None if text is None else "".join(text.split()) for text in found]


@pytest.mark.thorough
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_record_is_read_by_its_glyphs_as_pypdf_reads_it(
    sample: Sample, printed: Print, language: Language
) -> None:
    pdf = printed(sample.record(), language)
    assert read(reader(pdf).pages) == pages_of(pdf)


@pytest.mark.thorough
def test_names_in_any_script_are_read_as_pypdf_reads_them_or_left_to_it(
    sample: Sample, printed: Print
) -> None:
    value = sample.record()
    value["proposal"]["title"] = ODD
    pdf = printed(value, "en")
    pairs = list(zip(read(reader(pdf).pages), pages_of(pdf), strict=True))
    assert [text for text, other in pairs if text not in (None, other)] == []
    assert any(text is not None for text, _ in pairs)


@pytest.mark.thorough
@pytest.mark.parametrize(
    "more",
    [
        b"BT /%s 9 Tf (plain) Tj ET",
        b"BT /%s 9 Tf [(plain)] TJ ET",
        b"BT /%s 9 Tf <0024> Tj ET",
        b"BT /%s 9 Tf <0024> ' ET",
        b'BT /%s 9 Tf 1 1 <0024> " ET',
        b"BT /%s 9 Tf 1 0 0 1 0 0 Tm [<0024>] TJ ET",
        b"BT /%s 9 Tf [<fffe>] TJ ET",
        b"BT /%s 9 Tf [<002>] TJ ET",
        b"/%s Do",
        b"BI /W 1 /H 1 ID x EI /%s gs",
    ],
)
def test_a_page_with_anything_drawn_in_another_way_is_left_to_pypdf(
    sample: Sample, printed: Print, more: bytes
) -> None:
    page: Any = reader(printed(sample.record(), "en")).pages[0]
    assert read([with_more(page, b"")]) == read([page]) != [None]
    font = next(iter(page["/Resources"]["/Font"])).removeprefix("/").encode()
    assert read([with_more(page, more % font)]) == [None]


def with_more(page: Any, more: bytes) -> Any:
    """Return a page that goes on with more."""
    copy = PdfWriter()
    copied: Any = copy.add_page(page)
    stream = DecodedStreamObject()
    stream.set_data(page.get_contents().get_data() + b"\n" + more)
    copied[NameObject("/Contents")] = copy._add_object(stream)
    out = io.BytesIO()
    copy.write(out)
    return reader(out.getvalue()).pages[0]


@pytest.mark.thorough
def test_a_font_that_says_in_another_way_what_its_glyphs_mean_is_left_to_pypdf(
    sample: Sample, printed: Print
) -> None:
    for key, value in (("/Encoding", NameObject("/Identity-V")), ("/ToUnicode", ranges())):
        page: Any = reader(printed(sample.record(), "en")).pages[0]
        for font in page["/Resources"]["/Font"].values():
            font.get_object()[NameObject(key)] = value
        assert read([page]) == [None]


def ranges() -> DecodedStreamObject:
    stream = DecodedStreamObject()
    stream.set_data(b"1 beginbfrange\n<0000> <ffff> <0000>\nendbfrange\n")
    return stream
