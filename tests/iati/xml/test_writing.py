"""Writing: what stands in the file, that it is valid, and that it is never held as a whole."""

import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from lxml import etree

from appraisal.definitions.library import Library
from appraisal.iati.rules.activities import Activity
from appraisal.iati.xml import writing
from appraisal.scenarios.complete_proposal import neutral_content
from tests.iati.activities import AT, ILO, activity, neutral, read, written
from tests.iati.schemas import validated

XML = "{http://www.w3.org/XML/1998/namespace}lang"


def only(root: etree._Element) -> etree._Element:
    found = root.findall("iati-activity")
    assert len(found) == 1
    return found[0]


def values(root: etree._Element, path: str, *names: str) -> list[tuple[Any, ...]]:
    return [tuple(part.get(name) for name in names) for part in only(root).findall(path)]


def test_an_activity_says_what_the_form_says(library: Library) -> None:
    content = neutral_content(
        {
            "title": "Skills for work",
            "symbol": "ZAM/13/01/FIN",
            "countries": ["ZM", "TZ", "KE"],
            "donor": "Finland",
            "target_groups": "Young people",
        }
    )
    root = validated(written([activity(library, content)]))
    assert (root.get("version"), root.get("generated-datetime")) == ("2.03", "2010-03-01T09:00:00.000000Z")
    made = only(root)
    assert made.get(XML) == "en"
    assert made.get("default-currency") == "USD"
    assert made.get("hierarchy") == "1"
    assert made.get("last-updated-datetime") == "2010-03-01T09:00:00.000000Z"
    assert made.get("humanitarian") is None
    assert made.findtext("iati-identifier") == "XM-DAC-41302-TC-2010-0007"
    assert values(root, "reporting-org", "ref", "type") == [("XM-DAC-41302", "40")]
    assert made.findtext("reporting-org/narrative") == "International Labour Organization"
    assert made.findtext("title/narrative") == "Skills for work"
    assert [(part.get("type"), part.findtext("narrative")) for part in made.findall("description")] == [
        ("1", "Illustrative entry."),
        ("2", "Illustrative entry."),
        ("3", "Young people"),
    ]
    assert [
        (part.get("role"), part.get("ref"), part.findtext("narrative"))
        for part in made.findall("participating-org")
    ] == [
        ("1", None, "Finland"),
        *((role, "XM-DAC-41302", "International Labour Organization") for role in ("2", "3", "4")),
    ]
    assert values(root, "other-identifier", "type", "ref") == [("A1", "ZAM/13/01/FIN")]
    assert values(root, "activity-status", "code") == [("1",)]
    assert values(root, "activity-date", "type", "iso-date") == [("1", "2010-07-01"), ("3", "2012-06-30")]
    assert values(root, "activity-scope", "code") == [("3",)]
    assert values(root, "recipient-country", "code", "percentage") == [
        ("ZM", "33.34"),
        ("TZ", "33.33"),
        ("KE", "33.33"),
    ]
    assert values(root, "sector", "vocabulary", "code", "percentage") == [
        ("99", "Illustrative outcome", "100")
    ]
    assert values(root, "policy-marker", "vocabulary", "code", "significance") == [("1", "1", "1")]
    for name, code in (
        ("collaboration-type", "4"),
        ("default-flow-type", "10"),
        ("default-finance-type", "110"),
        ("default-aid-type", "C01"),
        ("default-tied-status", "5"),
    ):
        assert values(root, name, "code") == [(code,)]
    assert [
        (
            part.get("type"),
            part.get("status"),
            part.find("period-start").get("iso-date"),  # type: ignore[union-attr]
            part.find("period-end").get("iso-date"),  # type: ignore[union-attr]
            part.findtext("value"),
        )
        for part in made.findall("budget")
    ] == [
        ("1", "1", "2010-07-01", "2010-12-31", "226538.99"),
        ("1", "1", "2011-01-01", "2011-12-31", "449384.40"),
        ("1", "1", "2012-01-01", "2012-06-30", "224076.61"),
    ]
    assert values(root, "budget/value", "currency", "value-date") == [("USD", "2010-03-01")] * 3
    for absent in ("tag", "document-link", "conditions", "contact-info", "transaction", "humanitarian-scope"):
        assert made.find(absent) is None


def test_after_the_agreement_budgets_are_committed_and_the_start_is_real(library: Library) -> None:
    made = activity(library, neutral_content({}), state="started", started_on=date(2010, 7, 15))
    root = validated(written([made]))
    assert values(root, "activity-status", "code") == [("2",)]
    assert {status for (status,) in values(root, "budget", "status")} == {"2"}
    assert values(root, "activity-date", "type", "iso-date")[1] == ("2", "2010-07-15")


def test_where_no_country_is_named_there_is_a_region_or_the_world(library: Library) -> None:
    region = validated(written([neutral(library, countries=["global"], region="americas")]))
    assert values(region, "recipient-region", "vocabulary", "code", "percentage") == [
        ("99", "americas", "100")
    ]
    world = validated(written([neutral(library, countries=["global"], region="interregional")]))
    assert values(world, "recipient-region", "vocabulary", "code", "percentage") == [("1", "998", "100")]
    assert values(world, "activity-scope", "code") == [("1",)]


def test_relatives_are_named_by_their_identifiers(library: Library) -> None:
    child = activity(library, neutral_content({"kind": "child"}), parent="TC-2010-0001")
    umbrella = activity(
        library, neutral_content({"kind": "umbrella"}), children=("TC-2010-0007", "TC-2010-0008")
    )
    again = activity(library, neutral_content({}), predecessor="TC-2009-0002")
    assert values(validated(written([child])), "related-activity", "type", "ref") == [
        ("1", "XM-DAC-41302-TC-2010-0001")
    ]
    assert values(validated(written([umbrella])), "related-activity", "type", "ref") == [
        ("2", "XM-DAC-41302-TC-2010-0007"),
        ("2", "XM-DAC-41302-TC-2010-0008"),
    ]
    assert values(validated(written([again])), "other-identifier", "type", "ref") == [
        ("A3", "XM-DAC-41302-TC-2009-0002")
    ]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("A & B <c> “d” ]]> é 漢字 \U0001f600", "A & B <c> “d” ]]> é 漢字 \U0001f600"),
        ("a\x0bb\x1fc\ufffed\x7f", "a b c d\x7f"),
        ("a\rb\tc\nd", "a\rb\tc\nd"),
        ("&lt;script&gt;<!-- x -->", "&lt;script&gt;<!-- x -->"),
    ],
)
def test_odd_characters_are_kept_and_those_that_xml_cannot_hold_become_spaces(
    library: Library, text: str, kept: str
) -> None:
    content = neutral_content({"title": text, "summary": text, "symbol": text, "donor": text})
    content["alignment"]["outcome"] = text
    root = validated(written([activity(library, content)]))
    assert only(root).findtext("title/narrative") == kept
    assert only(root).findtext("description/narrative") == kept
    assert values(root, "other-identifier", "ref") == [(kept,)]
    assert values(root, "sector", "code") == [(kept,)]


def test_demonstration_data_is_marked_twice(library: Library) -> None:
    made = activity(library, neutral_content({"title": "Decent work"}), illustrative=True)
    root = validated(written([made]))
    assert only(root).get("{urn:appraisal:activity:1}illustrative") == "yes"
    assert "ILLUSTRATIVE" in str(only(root).findtext("title/narrative"))
    (back,) = read(written([made]))
    assert (back.illustrative, back.content["identification"]["title"]) == (True, "Decent work")


@pytest.mark.thorough
def test_what_is_written_is_not_held(library: Library) -> None:
    made = neutral(library, summary="x" * 4000)

    def many() -> Iterator[Activity]:
        for place in range(600):
            yield replace(made, identifier=f"XM-DAC-41302-TC-2010-{place}")

    tracemalloc.start()
    try:
        size = largest = 0
        for piece in writing.pieces(many(), ILO, AT):
            size, largest = size + len(piece), max(largest, len(piece))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size > 3_000_000
    assert largest < 200_000
    assert peak < 1_000_000
