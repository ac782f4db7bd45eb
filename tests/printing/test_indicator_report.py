"""Reports on an indicator: two pages whatever they hold, to both standards, and the same bytes each time."""

import hashlib
import io
import json
import re
from typing import Any

import page
import pikepdf
import pytest

from appraisal import canonical
from appraisal.definitions.library import Library
from appraisal.indicators.rules.appraised_share import report
from appraisal.indicators.services import appraised_share
from appraisal.language.texts import LANGUAGES, Language
from appraisal.language.words import Words
from appraisal.paths import folder
from appraisal.printing import indicator_report
from appraisal.printing.rendering import render
from appraisal.schemas import departures
from tests.printing.readers import embedded, pages_of, solid
from tests.printing.test_standards import FRENCH, ODD, elements

Value = dict[str, Any]
WIDE = "WWWWWWWWWW " * 30


def value_of(library: Library, **given: Any) -> Value:
    """Return the value of a published report of a biennium without any approval, some of it replaced."""
    indicator = appraised_share.definition(library, "2.1")
    found = appraised_share.report_value(library, "2.1", report(indicator, "2010-11", []))
    about = {"published_at": "2012-03-05T10:00:00.000000Z", "supersedes": "", "changes": []}
    listed = {"unvalued": [], "finance_list": {"missing": 0, "symbols": [], "unapproved": [], "changed": []}}
    value: Value = canonical.plain(found | about | listed | given)
    assert departures(value, "indicator") == []
    return value


def proposal(number: int, route: str, **given: Any) -> Value:
    return {
        "number": f"TC-2010-{number:04}",
        "title": "Skills for decent work",
        "approved_at": "2010-03-31T22:30:00.000000Z",
        "funds": ["XBTC"],
        "usd": "900000.00",
        "route": route,
        "reason": "registered" if route == "outside" else "",
        "region": "africa",
        "unit": "SKILLS",
        "track": "standard",
        "donors": ["Norway"],
        "illustrative": False,
    } | given


def line(value: str, part: int, whole: int) -> Value:
    shown = f"{100 * part / whole:.1f}"
    usd = [f"{part}00000", f"{whole}00000"]
    return {"value": value, "numerator": part, "denominator": whole, "percent": shown, "usd": usd}


def opened(number: int) -> Value:
    return {
        "symbol": f"RAF/10/0{number}/FRA",
        "title": WIDE,
        "number": f"TC-2010-{number:04}",
        "state": "rejected",
        "state_title": {"en": "Rejected", "fr": "Rejetée", "es": "Rechazada"},
    }


def changed(number: int) -> Value:
    differing = [{"name": "amount", "was": "1", "is": "2"}, {"name": "listed", "was": "yes", "is": "no"}]
    return {
        "symbol": f"RAF/10/1{number}/FRA",
        "title": WIDE,
        "number": f"TC-2010-{number:04}",
        "how": "outside",
        "differences": differing,
    }


def full(library: Library) -> Value:
    """Return a report of many proposals, long names and odd characters, and everything that can be said."""
    texts = ["कि x\u0301 e\u0301", WIDE, "x" * 290, ODD, FRENCH, "ب" * 200]
    groups = {
        "mechanism": [proposal(place, "mechanism") for place in range(40)],
        "outside": [proposal(100 + place, "outside", title=text) for place, text in enumerate(texts)],
        "override": [proposal(200, "override", title=WIDE)],
        "undated": [proposal(300 + place, "outside", approved_at=None) for place in range(3)],
        "other_funds": [],
    }
    lines = [line(text[:290], 1, 2) for text in texts] + [line(f"U{place}", 1, 1) for place in range(30)]
    usd = {"name": "usd", "was": "900000.00", "is": "450000.00"}
    title = {"name": "title", "was": WIDE, "is": ODD}
    revalued = {"number": "TC-2010-0000", "was": "mechanism", "is": "mechanism", "values": [title, usd]}
    changes: list[Value] = [{"number": f"TC-2010-{n:04}", "was": "undated", "is": None} for n in range(1, 9)]
    changes.insert(0, revalued)
    return value_of(
        library,
        workflows=[{"key": f"standard.v{n}", "digest": str(n) * 64} for n in range(1, 6)],
        numerator=40,
        denominator=46,
        percent="87.0",
        exact="2000/23",
        milestone_met=True,
        complete=False,
        finance_list={
            "missing": 12,
            "symbols": [f"RAS/10/{n}/JPN" for n in range(12)],
            "unapproved": [opened(n) for n in range(5)],
            "changed": [changed(n) for n in range(5)],
        },
        unvalued=[f"TC-2010-{place:04}" for place in range(5)],
        illustrative=True,
        with_overrides=[41, 46],
        usd=["36000000.00", "41400000.00"],
        breakdowns=dict.fromkeys(("region", "unit", "donor", "track"), lines),
        proposals=groups,
        supersedes="a" * 64,
        changes=changes,
    )


def test_the_share_by_dollars_is_that_of_the_cents(library: Library) -> None:
    found = indicator_report.sheet(value_of(library, usd=["0.40", "0.80"]), Words("en"))
    assert found["readings"][-1] == ("Weighted by US$", "0", "1", "50.0%")


def failures(pdf: bytes) -> list[str]:
    return [
        str(failure)
        for profile in ("3a", "ua1")
        for failure in page.validate_pdf_bytes(pdf, profile=profile).failures
    ]


@pytest.mark.thorough
@pytest.mark.parametrize("language", LANGUAGES)
def test_there_are_two_pages_to_both_standards_whatever_they_hold(
    library: Library, language: Language
) -> None:
    for value in (full(library), value_of(library)):
        pdf = render(value, language)
        assert len(pages_of(pdf)) == 2
        assert failures(pdf) == []


@pytest.mark.thorough
def test_the_pages_say_what_the_report_says(library: Library) -> None:
    value = full(library)
    first, second = pages_of(render(value, "en"))
    digest = canonical.digest(value)
    for said in (
        "Report on indicator 2.1",
        "87.0%",
        "40 of 46 approved through the mechanism",
        "Milestone met",
        "Milestone of the biennium: 75%",
        "2014–15: 100%",
        "2008–09: not entered",
        "3 approvals have no date and are counted in no biennium.",
        "5 projects of the finance list were opened without an approval here.",
        "Invented decisions are among what is counted",
        "With overrides counted 41 46 89.1%",
        "RBSA only 0 0 no data",
        "Weighted by US$, incomplete without TC-2010-0000 +4 36,000,000 41,400,000 87.0%",
        "Published on 5 March 2012",
        digest,
        value["definition"]["digest"],
        "that it was computed by (3 others)",
        f"{'5' * 64} standard.v5",
        "a" * 64,
    ):
        assert solid(said) in first, said
    for said in (
        "By region",
        "1 of 2 (50.0%)",
        "32 others",
        "RAF/10/00/FRA (TC-2010-0000, Rejected); RAF/10/01/FRA (TC-2010-0001, Rejected); and 3 more",
        "32 of 34 (94.1%)",
        "TC-2010-0100",
        "1 Apr 2010",
        "registered afterwards",
        "By override",
        "TC-2010-0003 undated not counted",
        "and 5 more",
    ):
        assert solid(said) in second, said


def test_no_template_sets_a_colon_itself() -> None:
    """French sets one with a space before it, so that it belongs to the sentence that is translated."""
    found = [
        f"{file.name}:{number}"
        for file in sorted(folder("templates").rglob("*.html"))
        for number, text in enumerate(file.read_text().splitlines(), 1)
        if re.search(r"_\([^}]*\) \}\}\s*:", text)
    ]
    assert found == []


@pytest.mark.thorough
def test_an_empty_report_says_that_it_is(library: Library) -> None:
    first, second = pages_of(render(value_of(library), "fr"))
    assert solid("pas de données") in first
    assert "Illustratif" not in first + second
    assert solid("C'est le premier rapport de cet exercice biennal.") in second
    assert solid("Aucune.") in second


@pytest.mark.thorough
def test_the_report_is_attached_and_named_in_the_metadata(library: Library) -> None:
    value = full(library)
    pdf = render(value, "es")
    attached = embedded(pdf)
    assert list(attached) == ["report.json"]
    assert json.loads(attached["report.json"]) == value
    digest = hashlib.sha256(attached["report.json"]).hexdigest()
    assert digest == canonical.digest(value)
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        metadata = opened.Root.Metadata.read_bytes().decode()
        assert str(opened.Root.Lang) == "es"
    for said in (f"sha256>{digest}<", "indicator>2.1<", "biennium>2010-11<"):
        assert said in metadata
    assert "appraisal:number" not in metadata


@pytest.mark.thorough
def test_a_picture_tells_all_its_figures_to_those_who_do_not_see_it(library: Library) -> None:
    with pikepdf.open(io.BytesIO(render(full(library), "en"))) as opened:
        figures = [str(entry.Alt) for entry in elements(opened) if entry.S == "/Figure"]
    assert len(figures) == 5
    assert figures[0].endswith("87.0%. 2010–11: 75%; 2012–13: 90%; 2014–15: 100%")
    assert figures[1].startswith("By region: ")
    assert figures[1].endswith("1 of 2 (50.0%); 32 others 32 of 34 (94.1%)")


@pytest.mark.thorough
def test_the_same_report_gives_the_same_bytes(library: Library) -> None:
    value = full(library)
    assert render(value, "en") == render(json.loads(canonical.canonical(value)), "en")
