"""Symbols: how the finance system names a project, like RAS/13/51M/JPN or RER/09/05/FIN."""

import re
import unicodedata
from typing import Final

# Spaces of every width, and what a copy out of a document carries along unseen.
_UNSEEN: Final = re.compile("[\\s\\u00ad\\u200b-\\u200f\\u2060\\ufeff]+")


def normalised(symbol: str) -> str:
    """Return the one spelling by which two symbols are compared; empty where nothing is written.

    Capitals, without any space, in plain forms of wide letters (NFKC): ``ras / 13/51m /jpn`` and
    ``RAS/13/51M/JPN`` are one project. What is shown is the symbol as it was written.
    """
    return _UNSEEN.sub("", unicodedata.normalize("NFKC", symbol)).upper()
