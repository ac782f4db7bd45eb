import time
from html import unescape

import pytest
from markupsafe import Markup

from appraisal.printing import printable


@pytest.mark.parametrize(
    ("written", "printed"),
    [
        ("plain words", "plain words"),
        ("  many   blanks\there ", "many blanks here"),
        ("one\r\ntwo \n three\n\n\n\nfour", "one<br>two<br>three<br><br>four"),
        ("a\x00b\x1bc\x9fd", "abcd"),
        ("left \u202eright\u202c \u2066x\u2069 \u200fy", "left right x y"),
        ("non\ufffe\ufdd0\U0001ffff-characters", "non-characters"),
        ("<img src=http://x> & 'q' \"", "&lt;img src=http://x&gt; &amp; &#39;q&#39; &#34;"),
        ("thumb 👍️ up", "thumb [U+1F44D] up"),
        ("Łoś Ж é ∑", "Łoś Ж é ∑"),
    ],
)
def test_makes_a_text_fit_for_print(written: str, printed: str) -> None:
    assert printable.printed(written, "en") == printed


def test_gives_long_words_places_to_break_and_keeps_every_letter() -> None:
    word = "abc<" * 100
    found = printable.printed(word, "en")
    parts = found.split("<wbr>")
    assert max(len(unescape(part)) for part in parts) <= printable.UNBROKEN_LETTERS
    assert "".join(unescape(part) for part in parts) == word


def test_keeps_an_accent_with_its_letter() -> None:
    word = "x" * 59 + "e\u0301" + "y" * 60
    assert "<wbr>\u0301" not in printable.printed(word, "en")


def test_counts_what_it_does_not_spell_out() -> None:
    found = printable.printed("語" * 1000, "en").replace("<wbr>", "")
    assert found == "[U+8A9E]" * printable.SPELT_OUT + f"[+{1000 - printable.SPELT_OUT}]"


@pytest.mark.parametrize("flood", ["x" * 60_000, "a\n" * 30_000, "👍a" * 30_000])
def test_says_where_the_rest_of_a_flood_stands(flood: str) -> None:
    found = printable.printed(flood, "en")
    assert found.endswith("[cut here: the whole text is in the attached file record.json]")
    assert len(found) < 3 * printable.PRINTED_CHARACTERS


@pytest.mark.parametrize(
    "flood", [" " * 50_000, " \n" * 50_000, "\u0301" * 50_000, "👍" * 50_000, "a " * 25_000]
)
def test_needs_little_time_for_a_flood(flood: str) -> None:
    before = time.process_time()
    printable.printed(flood, "en")
    assert time.process_time() - before < 1


def test_cuts_lines_sooner() -> None:
    found = printable.line("word\n" * 1000, "en")
    assert len(found) < 2 * printable.LINE_CHARACTERS
    assert "<br>" not in found.removesuffix("record.json]")[:500]


def test_prints_nothing_for_none_and_leaves_markup_alone() -> None:
    assert printable.finalise(None, "en") == ""
    assert printable.finalise(Markup("<b>"), "en") == "<b>"
    assert printable.finalise(3, "en") == 3


def test_bare_texts_stand_on_one_line() -> None:
    assert printable.bare("two\nlines\x07 and\u202e more") == "two lines and more"


def test_cuts_to_a_width() -> None:
    assert printable.cut_to("short", 20) == "short"
    cut = printable.cut_to("A title that goes on and on and on", 10)
    assert cut.endswith("…")
    assert printable.width(cut) <= 10


@pytest.mark.parametrize(
    ("text", "ems", "found"),
    [
        ("Skills", 20, "Skills"),
        ("e\u0301te\u0301", 20, "été"),
        ("x\u0301 कि", 20, "x[U+0301] क[U+093F]"),
        ("日\n本", 20, "[U+65E5] [U+672C]"),
        ("Skills for decent work", 5, "Skills for…"),
    ],
)
def test_a_picture_has_a_glyph_for_each_letter(text: str, ems: float, found: str) -> None:
    assert printable.drawn(text, ems) == found
