"""The text of a page is read here where every word is shown in the one way in which records are drawn.

WeasyPrint shows text as glyphs of two bytes, in arrays, each after its font (ISO 32000-1, 9.4.3), and says
with ``bfchar`` alone what they mean (9.10.3). Such a page is read in a tenth of the time that pypdf needs.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

# What could hold text of another form: strings in parentheses, objects drawn from elsewhere, inline images.
_OTHER: Final = re.compile(rb"\(|\b(?:Do|BI)\b")
_SHOWN: Final = re.compile(rb"\bT[jJ]\b|['\"]")
_TEXT: Final = re.compile(rb"/([A-Za-z]+) [\d.]+ Tf\s*\[([<>0-9A-Fa-f\s.+-]*)\]\s*TJ\b")
_GLYPHS: Final = re.compile(rb"<([0-9A-Fa-f]*)>")
_MEANING: Final = re.compile(rb"<([0-9A-Fa-f]{4})>\s*<((?:[0-9A-Fa-f]{4})+)>")

Font = Mapping[bytes, str]


class Glyphs:
    """Reads pages of one file, whose fonts most pages share."""

    def __init__(self) -> None:
        self._fonts: dict[int, Font | None] = {}

    def read(self, page: Any) -> str | None:
        """Return the text of a page of pypdf in the order in which it is drawn.

        None where anything of it may be shown in another way, or a glyph has no meaning.
        """
        content = page.get_contents()
        data: bytes = content.get_data() if content is not None else b""
        shown = _TEXT.findall(data)
        if _OTHER.search(data) or len(shown) != len(_SHOWN.findall(data)):
            return None
        resources = page["/Resources"]["/Font"] if shown else {}
        fonts = {name: self._font(resources, name.decode()) for name, _ in shown}
        pieces: list[str] = []
        for name, array in shown:
            font = fonts[name]
            if font is None:
                return None
            for run in _GLYPHS.findall(array):
                meanings = [font.get(run[at : at + 4].lower()) for at in range(0, len(run), 4)]
                if None in meanings:
                    return None
                pieces.extend(filter(None, meanings))
        return "".join(pieces)

    def _font(self, resources: Any, name: str) -> Font | None:
        found = resources.raw_get(f"/{name}")
        number = getattr(found, "idnum", None)
        if number is None:
            return _meanings(found)
        if number not in self._fonts:
            self._fonts[number] = _meanings(found.get_object())
        return self._fonts[number]


def _meanings(font: Any) -> Font | None:
    """Return what each glyph of a font means; None where the font says it in another way."""
    if font.get("/Encoding") != "/Identity-H" or "/ToUnicode" not in font:
        return None
    said: bytes = font["/ToUnicode"].get_data()
    if b"bfrange" in said:
        return None
    return {
        glyph.lower(): bytes.fromhex(meaning.decode()).decode("utf-16-be")
        for block in said.split(b"beginbfchar")[1:]
        for glyph, meaning in _MEANING.findall(block.partition(b"endbfchar")[0])
    }
