"""Symbols are how the finance system names a project, like RAS/13/51M/JPN or RER/09/05/FIN."""

import re
import unicodedata
from typing import Final

# Spaces of every width, and what a copy out of a document carries along unseen.
_UNSEEN: Final = re.compile("[\\s\\u00ad\\u200b-\\u200f\\u2060\\ufeff]+")
# What a word processor makes of a hyphen and of a slash while somebody types.
_SIGNS: Final = str.maketrans(
    {**dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"), **dict.fromkeys("\u2044\u2215", "/")}
)


def normalised(symbol: str) -> str:
    """Return the one spelling by which two symbols are compared; empty where nothing is written.

    Capitals, without any space, in plain forms of wide letters (NFKC), with one kind of hyphen and of
    slash: ``ras / 13/51m /jpn`` and ``RAS/13/51M/JPN`` are one project. What is shown is the symbol as it
    was written.
    """
    return _UNSEEN.sub("", with_plain_signs(unicodedata.normalize("NFKC", symbol))).upper()


def with_plain_signs(text: str) -> str:
    """Return a text with every dash and slash as the one on a keyboard, for comparing."""
    return text.translate(_SIGNS)
