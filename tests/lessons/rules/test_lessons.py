"""What may stand in a lesson."""

import pytest

from appraisal.lessons.rules.lessons import CODE_LIMIT, SOURCE_LIMIT, Lesson, read
from appraisal.vocabulary.limits import LINE_LIMIT, PROSE_LIMIT

CELLS = {
    "code": "i-eval 194791",
    "text": "Unions carry the voice of informal workers.",
    "place": "South Asia",
    "countries": "bd;IN np",
    "theme": "Informal economy",
    "outcome": "",
    "source": "https://webapps.ilo.org/ievaldiscovery/lessons/194791",
}


def test_cells_become_a_lesson() -> None:
    lesson, complaints = read({**CELLS, "text": "  One.\r\nTwo. "})
    assert complaints == []
    assert (lesson.countries, lesson.text) == ("BD IN NP", "One.\nTwo.")
    assert lesson.reference == "i-eval 194791, https://webapps.ilo.org/ievaldiscovery/lessons/194791"
    assert lesson.address == lesson.source


@pytest.mark.parametrize("text", ["=1+1", "+41 22", "-2", "@here", "\tcmd"])
def test_what_looks_like_a_formula_is_text(text: str) -> None:
    lesson, complaints = read({**CELLS, "text": text, "theme": text})
    assert complaints == []
    assert (lesson.text, lesson.theme) == (text.strip(), text.strip())


@pytest.mark.parametrize(
    ("column", "cell", "sentence"),
    [
        ("code", " ", "“%(column)s” is empty"),
        ("text", "", "“%(column)s” is empty"),
        ("source", "", "“%(column)s” is empty"),
        ("code", "x" * (CODE_LIMIT + 1), "“%(column)s” has more than %(limit)s characters"),
        ("source", "x" * (SOURCE_LIMIT + 1), "“%(column)s” has more than %(limit)s characters"),
        (
            "text",
            "x" * (PROSE_LIMIT + 1),
            "“%(column)s” has more than %(limit)s characters",
        ),
        ("theme", "One\nTwo", "“%(column)s” has more than one line"),
        ("place", "a\0b", "there is a null character in it"),
        ("countries", "BD XX", "not a country code of ISO 3166: %(codes)s"),
        ("countries", "Bangladesh", "not a country code of ISO 3166: %(codes)s"),
        ("countries", "global BD", "write either countries or “global”"),
    ],
)
def test_what_cannot_be_kept_is_said(column: str, cell: str, sentence: str) -> None:
    _, complaints = read({**CELLS, column: cell})
    assert [entry.sentence for entry in complaints] == [sentence]
    assert complaints[0].sentence % dict(complaints[0].facts)


@pytest.mark.parametrize(
    "source",
    [
        "javascript:alert(1)",
        "JavaScript://x",
        "ftp://example.org/x",
        "data:text/html,x",
        "https://",
        "http:// example.org",
        "https://[half",
    ],
)
def test_an_address_is_http_or_none(source: str) -> None:
    lesson, complaints = read({**CELLS, "source": source})
    assert [entry.path for entry in complaints] == ["source"]
    assert lesson.address == ""


@pytest.mark.parametrize("source", ["GB.306/TC/1, para. 34", "Final evaluation: RAS/13/51M/JPN"])
def test_a_document_is_a_source_and_no_address(source: str) -> None:
    lesson, complaints = read({**CELLS, "source": source})
    assert (complaints, lesson.address) == ([], "")


def test_whatever_is_kept_can_be_cited() -> None:
    longest = Lesson("x" * CODE_LIMIT, "x", "", "", "", "", "y" * SOURCE_LIMIT)
    assert len(longest.reference) == LINE_LIMIT
