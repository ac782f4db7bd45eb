"""The language of a text is detected here, where it is plain to see.

Nothing says in which language people write, and a screen reader that is told the wrong one reads nonsense.
So a text counts as of a language only by words that hold sentences of that one together, and of no other.
"""

import re
from collections.abc import Mapping
from functools import lru_cache

from appraisal.language.texts import LANGUAGES, Language

# Words that none of the other two languages writes alike.
_WORDS: Mapping[Language, frozenset[str]] = {
    "en": frozenset(
        [
            "the",
            "of",
            "and",
            "to",
            "is",
            "are",
            "was",
            "were",
            "be",
            "been",
            "for",
            "with",
            "that",
            "this",
            "these",
            "which",
            "by",
            "from",
            "has",
            "have",
            "had",
            "will",
            "would",
            "should",
            "at",
            "it",
            "its",
            "their",
            "not",
            "who",
            "where",
            "what",
            "when",
            "into",
            "than",
        ]
    ),
    "fr": frozenset(
        [
            "le",
            "les",
            "des",
            "du",
            "et",
            "est",
            "une",
            "dans",
            "pour",
            "avec",
            "qui",
            "pas",
            "aux",
            "sont",
            "cette",
            "ces",
            "ont",
            "été",
            "être",
            "où",
            "leur",
            "leurs",
            "au",
            "par",
            "ne",
            "il",
            "elle",
            "ils",
            "elles",
            "nous",
            "vous",
            "ce",
            "mais",
            "ou",
            "dont",
        ]
    ),
    "es": frozenset(
        [
            "el",
            "los",
            "las",
            "del",
            "una",
            "para",
            "por",
            "con",
            "al",
            "su",
            "sus",
            "este",
            "esta",
            "estos",
            "estas",
            "lo",
            "más",
            "como",
            "han",
            "ha",
            "pero",
            "donde",
            "fue",
            "ser",
            "sido",
            "está",
            "están",
            "muy",
        ]
    ),
}
# Fewer words may stand in a title of another language; half as many of another make it doubtful.
_FEWEST = 3
_LETTERS = 4_000
_WORD = re.compile(r"[^\W\d_]+")


@lru_cache(maxsize=1024)
def tongue_of(text: str) -> Language | None:
    """Return the language of a text, by its first letters; None where it is not plain."""
    found = [word.casefold() for word in _WORD.findall(text[:_LETTERS])]
    counts = sorted(((sum(word in _WORDS[code] for word in found), code) for code in LANGUAGES), reverse=True)
    (most, language), (next_most, _) = counts[0], counts[1]
    return language if most >= _FEWEST and most >= 2 * next_most else None
