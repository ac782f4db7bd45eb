"""Texts carry three languages themselves, or have their translation looked up in the catalogue.

English is the source language of the catalogue; French and Spanish stand in
``translations/*.po`` and are read once per process, straight from the text files, so that
nothing has to be compiled.
"""

from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from babel.dates import format_date
from babel.messages.pofile import read_po
from pydantic import BaseModel, ConfigDict, StringConstraints

from appraisal.clock import geneva_date

Language = Literal["en", "fr", "es"]
LANGUAGES: tuple[Language, ...] = ("en", "fr", "es")
# Days and figures are written as in British English, the Office's own.
LOCALES: Mapping[Language, str] = {"en": "en_GB", "fr": "fr", "es": "es"}

Sentence = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


class Text(BaseModel):
    """One sentence in the three languages; none may be missing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    en: Sentence
    fr: Sentence
    es: Sentence

    def __getitem__(self, language: str) -> str:
        match language:
            case "fr":
                return self.fr
            case "es":
                return self.es
            case _:
                return self.en


def language_or(value: str | None, default: Language = "en") -> Language:
    """Return ``value`` when it is a language of the product, else ``default``."""
    for language in LANGUAGES:
        if language == value:
            return language
    return default


def write_day(language: Language, day: date) -> str:
    """Write a day in words: 4 February 2010; of a moment its day in Geneva.

    In French the first of a month is an ordinal.
    """
    if isinstance(day, datetime):
        day = geneva_date(day)
    pattern = "d'er' MMMM y" if language == "fr" and day.day == 1 else "long"
    return format_date(day, pattern, locale=LOCALES[language])


def N_(message: str) -> str:
    """Mark a sentence for the catalogue; it is translated where it is shown."""
    return message


class Plural(NamedTuple):
    """The two forms of a catalogue entry that counts something."""

    one: str
    many: str


@cache
def catalogue(language: Language) -> Mapping[str, str | Plural]:
    """Return the translated sentences of a language, by their English text; empty for English."""
    if language == "en":
        return {}
    entries: dict[str, str | Plural] = {}
    with (Path(__file__).parent / "translations" / f"{language}.po").open("rb") as file:
        for message in read_po(file, locale=language):
            if not message.id or message.fuzzy:
                continue
            written = message.string
            if isinstance(message.id, tuple | list):
                if isinstance(written, tuple | list) and all(written):
                    entries[message.id[0]] = Plural(written[0], written[-1])
            elif written:
                entries[message.id] = str(written)
    return entries


def translate(language: Language, message: str) -> str:
    """Return a sentence in a language; the English one where the catalogue lacks it."""
    found = catalogue(language).get(message, message)
    return found.one if isinstance(found, Plural) else found


def translate_plural(language: Language, one: str, many: str, count: int) -> str:
    """Return the form of a counting sentence that fits ``count``."""
    found = catalogue(language).get(one)
    # French counts nought as singular, English and Spanish do not.
    singular = count < 2 if language == "fr" else count == 1
    if isinstance(found, Plural):
        return found.one if singular else found.many
    return one if count == 1 else many


def say(language: Language, message: str, **facts: Any) -> str:
    """Translate a sentence with ``%(name)s`` places and fill them in; a place may hold a Text."""
    values = {name: value[language] if isinstance(value, Text) else value for name, value in facts.items()}
    translated = translate(language, message)
    return translated % values if values else translated


def places(message: str) -> frozenset[str]:
    """Return the names of the places of a sentence, which every translation must keep."""
    found: list[str] = []

    class Collect(dict[str, str]):
        def __getitem__(self, name: str) -> str:
            found.append(name)
            return ""

    try:
        _ = message % Collect()
    except (TypeError, ValueError):
        return frozenset()
    return frozenset(found)
