"""Reviews on paper: a row for each reviewer, whom the lead differs from and why, who finalised a block."""

import json
import re
from dataclasses import replace

import pytest

from appraisal import canonical
from appraisal.language.texts import Language
from appraisal.printing.parts import differing, facts
from appraisal.printing.rendering import page_of
from appraisal.printing.words import RecordWords
from tests.printing.readers import pages_of, solid
from tests.printing.samples import Print, Sample, Value

# Each record is drawn: seconds of the processor.
pytestmark = pytest.mark.thorough


def test_every_outcome_of_a_review_is_printed(sample: Sample, printed: Print) -> None:
    text = "".join(pages_of(printed(sample.reviewed(), "en")))
    rows = text[text.index(solid("Independent reviews")) :]
    for row in (
        "Reviewer 11 NORMES · TRI, ILS 2 Feb 2010 12 Feb 2010 Nothing to declare 3 Feb 2010 10 Feb 2010 Sound",
        "Reviewer 13 SKILLS · TRI 2 Feb 2010 12 Feb 2010 Nothing to declare 3 Feb 2010 15 Feb 2010 Late Sorry.",
        "Reviewer 15 PROGRAM · TRI 2 Feb 2010 12 Feb 2010 – No comment by the date",
        "Reviewer 16 ACTRAV · TRI 2 Feb 2010 12 Feb 2010 Nothing to declare 3 Feb 2010 Declined",
        "Reviewer 17 ACT/EMP · TRI 2 Feb 2010 12 Feb 2010 Conflict of interest 3 Feb 2010 –",
        "Reviewer 18 SECTOR · TRI 2 Feb 2010 24 Feb 2010 Nothing to declare 3 Feb 2010 No longer awaited:",
        "the appraisal was closed on 17 February 2010",
        "Reviewer 19 SECTOR · TRI 2 Feb 2010 12 Feb 2010 Nothing to declare 3 Feb 2010 Withdrawn on 5 February 2010",
    ):
        assert solid(row) in rows


def test_what_each_reviewer_signed_stands_under_the_rating_of_the_lead(
    sample: Sample, printed: Print
) -> None:
    text = "".join(pages_of(printed(sample.reviewed(), "en")))
    tripartism = text[text.index(solid("TRI Tripartism Verdict:")) : text.index(solid("ILS-1"))]
    for row in (
        "TRI-1 Reviewer 11 (NORMES) signed on 10 Feb 2010 3 High All three sides, twice. Minutes, p. 3",
        "TRI-1 Reviewer 12 (GENDER) signed on 11 Feb 2010 1 Unsatisfactory No workers at all.",
        "TRI-1 Reviewer 13 (SKILLS) signed on 15 Feb 2010 Late 1 Unsatisfactory No workers at all.",
        "TRI-2 Reviewer 11 (NORMES) signed on 10 Feb 2010 Not rated Nobody can say yet.",
    ):
        assert solid(row) in tripartism
    for person in (15, 16, 17, 18, 19):
        assert f"Reviewer{person}" not in tripartism
    # What its unit finalised stands there already.
    assert "Reviewer14(EVAL)" not in text


def test_reviewers_who_say_nothing_with_a_rating_share_a_line(sample: Sample, printed: Print) -> None:
    value = sample.reviewed(3)
    for review in value["appraisal"]["reviews"][-3:]:
        review["ratings"][0] |= {"comment": "", "evidence": ""}
    text = "".join(pages_of(printed(value, "en")))
    row = "TRI-1 Reviewer 100 (NORMES) signed on 10 Feb 2010 Reviewer 101 (NORMES) signed on 10 Feb 2010 "
    assert solid(row + "Reviewer 102 (NORMES) signed on 10 Feb 2010 3 High") in text


def test_records_that_say_no_evidence_of_a_reviewer_are_drawn_too(sample: Sample, printed: Print) -> None:
    value = sample.reviewed()
    for review in value["appraisal"]["reviews"]:
        del review["withdrawn_at"]
        for entry in review["ratings"]:
            del entry["evidence"]
    text = "".join(pages_of(printed(value, "en")))
    assert solid("TRI-1 Reviewer 11 (NORMES) signed on 10 Feb 2010 3 High All three sides, twice. –") in text


def test_whom_the_lead_differs_from_is_printed_with_the_reason(sample: Sample, printed: Print) -> None:
    text = "".join(pages_of(printed(sample.reviewed(), "en")))
    assert text.count(solid("Differs from:")) == 1
    assert (
        solid("Differs from: Reviewer 11 (3), Reviewer 12 (1) – The minutes of the third meeting came later.")
        in text
    )
    assert solid("Final ratings given by Reviewer 14 for EVAL, signed on 9 February 2010.") in text


def test_many_who_differ_are_counted_after_the_first(sample: Sample) -> None:
    found = differing(sample.reviewed(20)["appraisal"], RecordWords("en"))
    assert list(found) == ["TRI-1"]
    assert found["TRI-1"].startswith("Reviewer 11 (3), Reviewer 12 (1), Reviewer 100 (3)")
    assert found["TRI-1"].endswith("and 17 more")


def test_people_of_one_name_are_as_many_as_they_are(sample: Sample) -> None:
    value = sample.reviewed(1)
    value["appraisal"]["reviews"][-1]["person"]["name"] = "Reviewer 11"
    value["proposal"] |= {"authors": ["Ana Silva", "Ana Silva"], "author_ids": [1, 2]}
    found = differing(value["appraisal"], RecordWords("en"))
    assert found["TRI-1"] == "Reviewer 11 (3), Reviewer 12 (1), Reviewer 11 (3)"
    assert dict(facts(value, RecordWords("en")))["Authors"] == ["Ana Silva", "Ana Silva"]


def test_thirty_reviewers_run_over_pages_under_their_headings(sample: Sample, printed: Print) -> None:
    pages = pages_of(printed(sample.reviewed(30), "en"))
    places = [place for place, page in enumerate(pages) if "ReviewerAskedonDueDeclaredSignedon" in page]
    assert len(places) >= 2
    assert places == list(range(places[0], places[-1] + 1))
    assert all(solid(f"Reviewer {number}") in "".join(pages) for number in range(100, 130))


def _earlier(value: Value) -> Value:
    """Return a record as it was written before there were reviews."""
    found: Value = json.loads(json.dumps(value))
    del found["appraisal"]["reviews"]
    for entry in found["appraisal"]["consultations"]:
        del entry["silent_at"], entry["released_at"]
    for criterion in found["appraisal"]["criteria"]:
        criterion.pop("finalised_by", None)
    return found


def _without_digest(value: Value, language: Language) -> str:
    page = page_of(value, language).replace("<wbr>", "").replace(canonical.digest(value), "")
    # The code draws the digest.
    return re.sub(r'<path d="[^"]*"', "<path", page)


def test_records_from_before_there_were_reviews_are_drawn_as_they_were(sample: Sample) -> None:
    bare = replace(sample, appraisal=replace(sample.appraisal, reviews=()))
    for value in (bare.record(), bare.approval(), bare.revision()):
        page = _without_digest(value, "en")
        assert _without_digest(_earlier(value), "en") == page
        assert "Independent reviews" not in page
