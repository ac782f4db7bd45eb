"""Texts that people wrote are made fit for print here.

Everything that a template prints passes through :func:`printed`, so no text can carry markup, control the
direction of what stands beside it, leave its column, or ask for a character that no font of ours has.
The record's JSON keeps the text as it was written.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape

from appraisal.language.detection import tongue_of
from appraisal.language.texts import N_, Language, say
from appraisal.paths import folder

# A text goes on for this many characters and lines on paper; what is longer is cut, and says so. Fields of
# the form hold 5,000 characters, so only a flood of unprintable ones comes near.
PRINTED_CHARACTERS = 20_000
# The same for what is a line of the form (300 characters there): it stands in boxes whose layout would take
# minutes over long texts.
LINE_CHARACTERS = 600
PRINTED_LINES = 400
# Words are given places to break after as many letters: without them one long word takes minutes.
UNBROKEN_LETTERS = 60
# In a run of characters without a glyph, as many are spelt out; the rest is counted.
SPELT_OUT = 24

_INVISIBLE = re.compile(
    "["
    "\x00-\x09\x0b-\x1f\x7f-\x9f"  # controls but the line feed
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # what turns the direction of reading
    "\ufe00-\ufe0f\U000e0100-\U000e01ef"  # choices between glyphs of one character
    "\ufdd0-\ufdef"  # noncharacters, with those below
    + "".join(f"{chr(plane << 16 | 0xFFFE)}{chr(plane << 16 | 0xFFFF)}" for plane in range(17))
    + "\ud800-\udfff]"
)
_BLANKS = re.compile(r"[^\S\n]{2,}")
_LINE_ENDS = re.compile(r"[^\S\n]?\n[^\S\n]?")
_EMPTY_LINES = re.compile(r"\n{3,}")
_WORDS = re.compile(rf"\S{{{UNBROKEN_LETTERS + 1},}}")
_BREAK = Markup("<wbr>")
_LINE = Markup("<br>")


def bare(text: str) -> str:
    """Return a text on one line without what cannot be seen: for metadata, bookmarks and attributes."""
    return " ".join(_visible(text).split())


def drawn(text: str, ems: float) -> str:
    """Return as much of a text as goes on so many ems, each letter with its own glyph: for pictures.

    Where several letters make one glyph, or stand in another order than they are read, the text layer may
    not be read back: a mark that no letter is written with is spelt out, as what no font has is everywhere.
    """
    letters = _covered(unicodedata.normalize("NFC", bare(text)))
    single = (
        f"[U+{ord(letter):04X}]" if unicodedata.category(letter).startswith("M") else letter
        for letter in letters
    )
    return cut_to("".join(single), ems)


def printed(text: str, language: Language, limit: int = PRINTED_CHARACTERS) -> Markup:
    """Return a text as escaped HTML, line breaks kept, with places to break inside long words.

    A character that no bundled font has is spelt out, as in ``[U+1F44D]``. Beyond ``limit`` characters or
    ``PRINTED_LINES`` the text ends with a sentence that says where the rest stands.
    """
    whole = _covered(_without_blank_runs(_visible(text)))
    lines = whole[:limit].split("\n")
    pieces = [_breakable(line) for line in lines[:PRINTED_LINES]]
    if len(whole) > limit or len(lines) > PRINTED_LINES:
        pieces.append(
            escape(say(language, N_("[cut here: the whole text is in the attached file record.json]")))
        )
    tongue = tongue_of(whole)
    if tongue is None or tongue == language:
        return _LINE.join(pieces)
    return Markup('<span lang="{}">{}</span>').format(tongue, _LINE.join(pieces))


def line(text: str, language: Language) -> Markup:
    """Return a text of one line as escaped HTML, cut after ``LINE_CHARACTERS``."""
    return printed(bare(text), language, LINE_CHARACTERS)


def finalise(value: Any, language: Language) -> Any:
    """Prepare what a template prints: texts by :func:`printed`, nothing for None, markup as it is."""
    if value is None:
        return ""
    if isinstance(value, str) and not isinstance(value, Markup):
        return printed(value, language)
    return value


def cut_to(text: str, ems: float) -> str:
    """Return as much of a text as goes on one line of so many ems in the regular font, with … if it is cut.

    The style sheet cannot do it: what ``text-overflow`` hides stays in the text layer, as the meaning of one
    ellipsis.
    """
    left = ems
    for place, letter in enumerate(text):
        left -= width(letter)
        if left < 0:
            return text[: max(0, place - 2)].rstrip() + "…"
    return text


def width(text: str) -> float:
    """Measure a text in ems of the regular font."""
    widths = _widths()
    return sum(widths.get(ord(letter), 1.0) for letter in text)


@cache
def covered_characters() -> frozenset[int]:
    """Return the code points for which one of the bundled fonts has a glyph."""
    from fontTools.ttLib import TTFont  # type: ignore[import-untyped]

    found: set[int] = set()
    for file in sorted(_fonts().glob("*.ttf")):
        with TTFont(file, lazy=True) as font:
            found.update(font.getBestCmap())
    return frozenset(found)


@cache
def _widths() -> dict[int, float]:
    from fontTools.ttLib import TTFont

    with TTFont(_fonts() / "NotoSans_400Regular.ttf", lazy=True) as font:
        metrics, em = font["hmtx"].metrics, font["head"].unitsPerEm
        return {code: metrics[glyph][0] / em for code, glyph in font.getBestCmap().items()}


def _fonts() -> Path:
    return folder("static") / "fonts" / "print"


def _visible(text: str) -> str:
    return _INVISIBLE.sub("", text.replace("\t", " ").replace("\r\n", "\n").replace("\r", "\n"))


def _without_blank_runs(text: str) -> str:
    # In this order each pattern looks at a blank once; in one pattern 50,000 blanks would take minutes.
    return _EMPTY_LINES.sub("\n\n", _LINE_ENDS.sub("\n", _BLANKS.sub(" ", text))).strip()


def _covered(text: str) -> str:
    known = covered_characters()
    if all(ord(letter) in known or letter == "\n" for letter in set(text)):
        return text
    found: list[str] = []
    run = 0
    for letter in text:
        if ord(letter) in known or letter == "\n":
            _count(found, run)
            run = 0
            found.append(letter)
        else:
            run += 1
            if run <= SPELT_OUT:
                found.append(f"[U+{ord(letter):04X}]")
    _count(found, run)
    return "".join(found)


def _count(found: list[str], run: int) -> None:
    if run > SPELT_OUT:
        found.append(f"[+{run - SPELT_OUT}]")


def _breakable(line: str) -> Markup:
    pieces: list[Markup] = []
    end = 0
    for word in _WORDS.finditer(line):
        pieces += [escape(line[end : word.start()]), _BREAK.join(escape(part) for part in _parts(word[0]))]
        end = word.end()
    return Markup("").join([*pieces, escape(line[end:])])


def _parts(word: str) -> Iterator[str]:
    start = 0
    while start < len(word):
        end = start + UNBROKEN_LETTERS
        # An accent stays with its letter, unless there is no end of them.
        while end < min(len(word), start + 2 * UNBROKEN_LETTERS) and unicodedata.combining(word[end]):
            end += 1
        yield word[start:end]
        start = end
