import copy
import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from appraisal import canonical
from appraisal.definitions.library import Library
from appraisal.language.texts import LANGUAGES, Language, say
from appraisal.printing import parts
from appraisal.printing.rendering import page_of, render
from appraisal.printing.words import RecordWords
from appraisal.proposals.facts import Decision, Step
from tests.printing.readers import bookmarks, embedded, pages_of, reader, root, solid, structure
from tests.printing.samples import LOW, TITLE, Print, Sample, Value, at

FONTS = {
    "Noto-Sans",
    "Noto-Sans-Italic",
    "Noto-Sans-Semi-Bold",
    "Noto-Sans-Bold",
    "Overpass-Semi-Bold",
    "Overpass-Ultra-Bold",
}


def test_the_tile_of_a_review_that_is_not_required_bears_the_code_of_its_checklist(library: Library) -> None:
    value = {"criteria": [], "evaluability_required": False}
    [tile] = parts.tiles(value, RecordWords("en"))
    codes = [entry.checklist.code for entry in library.criteria("appraisal.v1") if entry.member.applies]
    assert ([tile["code"]], tile["verdict"]) == (codes, "Not required")


@pytest.mark.thorough
def test_same_bytes_again_and_in_another_process(sample: Sample, printed: Print, tmp_path: Path) -> None:
    value = sample.approval()
    pdf = printed(value, "en")
    assert render(value, "en") == pdf

    file = tmp_path / "value.json"
    file.write_bytes(canonical.canonical(value))
    code = (
        "import hashlib, pathlib, sys; from appraisal.printing.rendering import parse, render;"
        "print(hashlib.sha256(render(parse(pathlib.Path(sys.argv[1]).read_bytes()), 'en')).hexdigest())"
    )
    elsewhere = {**os.environ, "PYTHONHASHSEED": "1", "TZ": "Asia/Tokyo", "LC_ALL": "C"}
    said = subprocess.run(  # noqa: S603 - this very interpreter
        [sys.executable, "-c", code, str(file)], env=elsewhere, cwd=tmp_path, capture_output=True, check=True
    )
    assert said.stdout.decode().strip() == hashlib.sha256(pdf).hexdigest()


@pytest.mark.sampled(1)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_record_holds_what_was_true(sample: Sample, printed: Print, language: Language) -> None:
    value = sample.record()
    pdf = printed(value, language)
    pages = pages_of(pdf)
    text = "".join(pages)

    appraisal = value["appraisal"]
    assert solid(TITLE) in pages[0]
    for criterion in appraisal["criteria"]:
        assert solid(criterion["title"][language]) in text
        for item in criterion["items"]:
            assert item["id"] in text
            assert solid(item["ask"][language].split()[0]) in text
    for condition in appraisal["conditions"]:
        assert solid(condition["text"]) in text
        assert condition["item"] in LOW
    assert solid(appraisal["recommendation_titles"]["READY_WITH_CONDITIONS"][language]) in pages[0]
    assert all(solid(say(language, "Illustrative")) in page for page in pages)
    assert all(canonical.digest(value) in page for page in pages)
    for digest in value["definitions"]["digests"].values():
        assert digest in text
    assert root(pdf)["/Lang"] == language


@pytest.mark.thorough
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_item_names_its_source(sample: Sample, printed: Print, language: Language) -> None:
    value = sample.record()
    text = "".join(pages_of(printed(value, language)))
    for criterion in value["appraisal"]["criteria"]:
        for item in criterion["items"]:
            source = solid(RecordWords(language).source(item["source"]))
            assert source in text, item["id"]
    assert (solid("Own design choice") in text) == (language == "en")


@pytest.mark.thorough
def test_what_the_amount_decided_is_printed_with_the_rates(sample: Sample, printed: Print) -> None:
    text = "".join(pages_of(printed(sample.record(), "en")))
    for sentence in (
        "Amount that decides: US$9,400,000, at the rates above, those of the day of submission.",
        "Track: Reinforced (above US$5,000,000).",
        "Evaluability review: required, since it applies above US$5,000,000; EVAL has the last word on it.",
    ):
        assert solid(sentence) in text

    value = sample.record()
    value["proposal"] |= {"usd": "400000", "threshold_usd": "450000", "track": "standard"}
    value["appraisal"]["criteria"].pop()
    value["appraisal"]["evaluability_required"] = False
    text = "".join(pages_of(printed(value, "en")))
    for sentence in (
        "Amount that decides: US$450,000 together with the other proposals of its umbrella programme,",
        "US$400,000 by itself, at the rates above",
        "Track: Standard (every other proposal).",
        "Evaluability review: not required, since it applies only above US$5,000,000.",
    ):
        assert solid(sentence) in text


@pytest.mark.thorough
def test_a_track_that_was_made_stricter_is_said_to_be(sample: Sample, printed: Print) -> None:
    value = sample.record()
    value["proposal"] |= {"usd": "400000", "threshold_usd": "400000"}
    text = "".join(pages_of(printed(value, "en")))
    assert solid("Track: Reinforced, chosen by a coordinator; the facts alone give Standard") in text


@pytest.mark.thorough
def test_records_that_name_no_amounts_are_drawn_without(sample: Sample, printed: Print) -> None:
    value = sample.record()
    del value["proposal"]["tracks"], value["appraisal"]["thresholds"]
    text = "".join(pages_of(printed(value, "en")))
    assert "Amountthatdecides" in text
    assert "(above" not in text


def test_the_canonical_value_is_the_one_attachment(sample: Sample, printed: Print) -> None:
    value = sample.record()
    pdf = printed(value, "en")
    assert embedded(pdf) == {"record.json": canonical.canonical(value)}
    [file] = root(pdf)["/AF"]
    assert file.get_object()["/AFRelationship"] == "/Data"
    assert file.get_object()["/EF"]["/F"].get_object()["/Params"]["/ModDate"] == "D:20100217090000Z"


@pytest.mark.thorough
def test_metadata_comes_from_the_record(sample: Sample, printed: Print) -> None:
    pdf = printed(sample.record(), "en")
    found = reader(pdf)
    assert found.metadata is not None
    assert found.metadata.title == f"TC-2010-0001 – Appraisal record – {TITLE}"
    assert found.metadata.author == "Carlos Núñez"
    assert str(found.metadata["/CreationDate"]) == "D:20100217090000Z"
    assert str(found.metadata["/ModDate"]) == "D:20100217090000Z"
    described = root(pdf)["/Metadata"].get_data().decode()
    assert 'pdfaid:part="3"' in described
    assert 'pdfaid:conformance="A"' in described
    assert "<pdfuaid:part>1</pdfuaid:part>" in described
    outline = list(bookmarks(found.outline))
    assert outline[0] == TITLE
    assert "TRI – Tripartism" in outline


@pytest.mark.thorough
def test_tags_name_header_cells_and_leave_out_running_lines(sample: Sample, printed: Print) -> None:
    pdf = printed(sample.approval(), "en")
    elements = list(structure(root(pdf)["/StructTreeRoot"]))
    headers = [element for element in elements if element["/S"] == "/TH"]
    assert headers
    assert all(element["/A"]["/Scope"] == "/Column" for element in headers)
    for number, page in enumerate(reader(pdf).pages):
        drawn = page.get_contents()
        assert drawn is not None
        kinds = {b"/Header": number > 0, b"/Footer": True}
        for kind, expected in kinds.items():
            assert (b"/Subtype %s" % kind in drawn.get_data()) == expected


@pytest.mark.thorough
def test_only_bundled_fonts_are_embedded(sample: Sample, printed: Print) -> None:
    found = {}
    for page in reader(printed(sample.record(), "fr")).pages:
        for font in page["/Resources"]["/Font"].values():  # type: ignore[index]
            whole = font.get_object()
            within = whole["/DescendantFonts"][0].get_object()["/FontDescriptor"]
            found[whole["/BaseFont"].split("+")[1]] = "/FontFile2" in within
    assert set(found) <= FONTS
    assert len(found) >= 4
    assert all(found.values())


@pytest.mark.thorough
def test_a_revision_prints_both_recommendations_the_reason_and_the_changes(
    sample: Sample, printed: Print
) -> None:
    value = sample.revision()
    del value["appraisal"]["criteria"][1:]
    text = "".join(pages_of(printed(value, "en")))
    assert "Computed:Readywithconditions" in text
    assert "Final:Toberevised" in text
    assert solid("Both weak points weigh heavily here.") in text
    assert solid("Give the committee its powers.") in text


@pytest.mark.thorough
def test_a_condition_prints_by_whom_it_was_written_and_on_what_evidence_it_ended(
    sample: Sample, printed: Print
) -> None:
    value = sample.record()
    del value["appraisal"]["criteria"][1:]
    met, waived = value["appraisal"]["conditions"]

    def done(text: str) -> Value:
        return {"by": met["written"]["by"], "at": value["issued_at"], "text": text}

    met |= {"supersedes": 7, "reported": done("See minute 4."), "cleared": done("The letter came.")}
    met["cleared_at"] = value["issued_at"]
    waived |= {"waived": True, "waiver": done("Nobody asks for it.")}
    text = "".join(pages_of(printed(value, "en")))
    name = met["written"]["by"]["name"]
    for sentence in (
        f"Written by {name} on 16 February 2010",
        "Takes the place of condition 7 of an earlier version",
        f"Reported as met by {name} on 17 February 2010: See minute 4.",
        f"Met: {name} on 17 February 2010, on this evidence: The letter came.",
        f"Waived by {name} on 17 February 2010: Nobody asks for it.",
    ):
        assert solid(sentence) in text
    old = copy.deepcopy(value)
    for entry in old["appraisal"]["conditions"]:
        for key in ("supersedes", "written", "reported", "cleared", "waiver"):
            del entry[key]
    text = "".join(pages_of(printed(old, "en")))
    assert solid("Met on 17 February 2010") in text
    assert solid("Waived") in text


@pytest.mark.thorough
def test_an_override_prints_both_signatures_and_the_contradiction(sample: Sample, printed: Print) -> None:
    value = sample.sheet(
        Decision(1, "propose_override", at(20), 4, 1, 1, "A year lost would cost more."),
        Decision(2, "countersign", at(22), 5, 1, 1, "Agreed.", approved_at=at(22), contradicts=True),
        appraisal=replace(
            sample.appraisal, computed="REVISE", final="NOT_RECOMMENDED", reason="Third round."
        ),
    )
    assert value["decision"]["route"] == "override"
    text = "".join(pages_of(printed(value, "en")))
    for part in (
        "Approval overriding the appraisal",
        "override of the appraisal, with two signatures",
        "This decision contradicts the recommendation of the appraisal.",
        "The appraisal recommended: Not recommended.",
        "First signature Dagmar Łoś",
        "A year lost would cost more.",
        "Second signature Erik Olsen",
        "e" * 64,
    ):
        assert solid(part) in text


@pytest.mark.thorough
def test_an_annulment_names_the_sheet_that_it_annuls(sample: Sample, printed: Print) -> None:
    value = sample.annulment()
    text = "".join(pages_of(printed(value, "en")))
    assert solid(f"Annuls Approval · {value['number']} · 22 February 2010 SHA-256 {'a' * 64}") in text
    assert solid("Annule") in "".join(pages_of(printed(value, "fr")))


@pytest.mark.thorough
def test_an_outside_approval_says_where_it_comes_from_and_that_it_is_undated(
    sample: Sample, printed: Print
) -> None:
    value = sample.sheet(
        Decision(1, "register_approval", at(22), 2, document="Minute 114", source="Registry"),
        versions=(),
        appraisals=(),
        origin="registered",
        illustrative=False,
        steps=(Step(2, "register_approval", "register_approval", "draft", "approved", at(22), 2),),
    )
    pages = pages_of(printed(value, "en"))
    text = "".join(pages)
    for part in ("outside the mechanism", "Minute 114", "Registry", "undated", "registered afterwards"):
        assert solid(part) in text
    assert "Illustrative" not in text


def test_a_value_that_is_no_record_is_refused() -> None:
    with pytest.raises(KeyError):
        render({}, "en")


def test_pages_hold_no_address_to_fetch(sample: Sample) -> None:
    page = page_of(sample.record(), "en")
    assert " src=" not in page
    assert " href=" not in page
