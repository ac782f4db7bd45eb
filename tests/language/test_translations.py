import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.pofile import read_po

from appraisal.language.texts import LANGUAGES, Plural, catalogue, places
from appraisal.paths import folder

ROOT = folder("templates").parent
KEYWORDS = {**DEFAULT_KEYWORDS, "translate_plural": (2, 3)}
JINJA = {"silent": "false", "newstyle_gettext": "true", "trimmed": "true"}
TRANSLATED = [language for language in LANGUAGES if language != "en"]


@cache
def sentences() -> frozenset[tuple[str, ...]]:
    """Every sentence of the code and of the templates, counting ones with both forms."""
    return frozenset(_extracted())


def _extracted() -> Iterator[tuple[str, ...]]:
    for place, method, options in (
        (ROOT / "appraisal", [("**.py", "python")], {}),
        (ROOT / "templates", [("**.html", "jinja2")], {"**.html": JINJA}),
    ):
        for _, _, message, _, _ in extract_from_dir(place, method, options, KEYWORDS):
            yield message if isinstance(message, tuple) else (message,)


def test_there_are_sentences_to_translate() -> None:
    assert ("My work",) in sentences()


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_sentence_is_translated(language: str) -> None:
    known = catalogue(language)

    missing = sorted(message[0] for message in sentences() if message[0] and message[0] not in known)

    assert missing == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_no_translation_is_left_over(language: str) -> None:
    known = catalogue(language)

    assert sorted(set(known) - {message[0] for message in sentences()}) == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_translations_keep_the_places_of_their_sentence(language: str) -> None:
    wrong = []
    for message, translation in catalogue(language).items():
        forms = tuple(translation) if isinstance(translation, Plural) else (translation,)
        wrong += [message for form in forms if not places(form) <= places(message)]
        wrong += [message for form in forms[-1:] if places(form) != places(message)]

    assert wrong == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_catalogues_hold_nothing_fuzzy(language: str) -> None:
    with Path(ROOT, "appraisal", "language", "translations", f"{language}.po").open("rb") as file:
        found = read_po(file, locale=language)

    assert [message.id for message in found if message.id and message.fuzzy] == []
    assert list(found.obsolete) == []


def test_no_french_sign_stands_alone_on_a_line() -> None:
    """French sets a space before these signs and within quotation marks; a line must not break there."""
    texts = [
        form
        for found in catalogue("fr").values()
        for form in (tuple(found) if isinstance(found, Plural) else (found,))
    ]

    assert [text for text in texts if re.search(r" [?!;:»]|« ", text)] == []
