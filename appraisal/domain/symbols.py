"""Symbols: what finance calls a project, in whatever spelling, made comparable.

Real ones look like ``RAS/13/51M/JPN`` and ``RER/09/05/FIN``.
"""

import re
from typing import Final

_SPACES: Final = re.compile(r"\s+")
_SLASHES: Final = re.compile("[\\\\\u2044\u2215\u29f8\uff0f]")
_DASHES: Final = re.compile("[\u2010-\u2015\u2212\ufe58\ufe63\uff0d]")


def normalised(symbol: str) -> str:
    """Return a symbol in capitals, without spaces, with one kind of slash and one of dash."""
    return _DASHES.sub("-", _SLASHES.sub("/", _SPACES.sub("", symbol))).upper()
