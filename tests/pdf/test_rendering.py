import hashlib
import io
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from appraisal import canonical
from appraisal.domain.facts import Decision, Step
from appraisal.i18n import LANGUAGES, Language
from appraisal.pdf import archives
from appraisal.pdf.rendering import page_of, render
from tests.pdf.samples import LOW, TITLE, Print, Sample, Value, at

FONTS = {
    "Noto-Sans",
    "Noto-Sans-Italic",
    "Noto-Sans-Semi-Bold",
    "Noto-Sans-Bold",
    "Overpass-Semi-Bold",
    "Overpass-Ultra-Bold",
}


def reader(pdf: bytes) -> PdfReader:
    return PdfReader(io.BytesIO(pdf))


def pages_of(pdf: bytes) -> list[str]:
    """Return the text layer of each page without blanks, which depend on where lines break."""
    return ["".join(page.extract_text().split()) for page in reader(pdf).pages]


def solid(text: str) -> str:
    return "".join(text.split())


def embedded(pdf: bytes) -> dict[str, bytes]:
    return {name: versions[0] for name, versions in reader(pdf).attachments.items()}


def test_same_bytes_again_and_in_another_process(sample: Sample, printed: Print, tmp_path: Path) -> None:
    value = sample.approval()
    pdf = printed(value, "en")
    assert render(value, "en") == pdf

    file = tmp_path / "value.json"
    file.write_bytes(canonical.canonical(value))
    code = (
        "import hashlib, pathlib, sys; from appraisal.pdf.rendering import parse, render;"
        "print(hashlib.sha256(render(parse(pathlib.Path(sys.argv[1]).read_bytes()), 'en')).hexdigest())"
    )
    elsewhere = {**os.environ, "PYTHONHASHSEED": "1", "TZ": "Asia/Tokyo", "LC_ALL": "C"}
    said = subprocess.run(  # noqa: S603 - this very interpreter
        [sys.executable, "-c", code, str(file)], env=elsewhere, cwd=tmp_path, capture_output=True, check=True
    )
    assert said.stdout.decode().strip() == hashlib.sha256(pdf).hexdigest()


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
    assert all("Illustrative" in page for page in pages)
    assert all(canonical.digest(value) in page for page in pages)
    for digest in value["definitions"]["digests"].values():
        assert digest in text
    assert root(pdf)["/Lang"] == language


def test_the_canonical_value_is_the_one_attachment(sample: Sample, printed: Print) -> None:
    value = sample.record()
    pdf = printed(value, "en")
    assert embedded(pdf) == {"record.json": canonical.canonical(value)}
    [file] = root(pdf)["/AF"]
    assert file.get_object()["/AFRelationship"] == "/Data"
    assert file.get_object()["/EF"]["/F"].get_object()["/Params"]["/ModDate"] == "D:20100217090000Z"


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


def test_a_revision_prints_both_recommendations_the_reason_and_the_changes(
    sample: Sample, printed: Print
) -> None:
    text = "".join(pages_of(printed(sample.revision(), "en")))
    assert "Computed:Readywithconditions" in text
    assert "Final:Toberevised" in text
    assert solid("Both weak points weigh heavily here.") in text
    assert solid("Give the committee its powers.") in text


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
    pages = pages_of(printed(value, "es"))
    text = "".join(pages)
    for part in ("outside the mechanism", "Minute 114", "Registry", "undated", "registered afterwards"):
        assert solid(part) in text
    assert "Illustrative" not in text


HOSTILE = [
    "<img src=http://{host}/img><script>document.write(1)</script>",
    "<link rel=attachment href=file:///etc/passwd><a rel=attachment href=file:///etc/hosts>x</a>",
    "</td></tr></table><style>@import url(http://{host}/css); body {{ display: none }}</style>",
    "<svg><image href=http://{host}/svg></svg><object data=http://{host}/object></object>",
    "<a href='javascript:alert(1)'>link</a> {{{{ 7 * 7 }}}} {{% include '/etc/passwd' %}}",
    "🎉👍🏽 مرحبا بالعالم \u202egnp.exe \x00\x07\x1b[31m \ufffe 日本語",
    "word" * 2500,
    "prose of the ordinary kind, " * 1800,
    " " * 50_000 + "end",
    "line\n" * 10_000,
]


@contextmanager
def counting_server() -> Iterator[tuple[str, list[str]]]:
    hits: list[str] = []

    class Counting(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            hits.append(self.path)
            self.send_response(404)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - named so above
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Counting)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}", hits
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def poisoned(value: Value, texts: list[str]) -> Value:
    """Put hostile texts wherever people write."""
    found: Value = json.loads(json.dumps(value))
    proposal, appraisal = found["proposal"], found["appraisal"]
    proposal |= {"title": texts[0] * 3, "summary": texts[2], "unit": texts[6][:300], "outcome": texts[4]}
    proposal["authors"] = [texts[1]]
    proposal["contributions"][0]["donor"] = texts[3]
    proposal["documents"][0]["filename"] = texts[5]
    items = [item for criterion in appraisal["criteria"][:2] for item in criterion["items"]]
    for item, text in zip(items, texts, strict=False):
        item["comment"] = text
    appraisal["criteria"] = appraisal["criteria"][:2]
    appraisal["conditions"][0] |= {"text": texts[2], "owner": texts[6][:300]}
    appraisal["consultations"][0]["text"] = texts[5]
    appraisal["lead"]["name"] = texts[5]
    found["source"] = "javascript:alert(1)"
    return found


def test_hostile_texts_are_printed_as_texts_in_bounded_time(sample: Sample) -> None:
    with counting_server() as (host, hits):
        value = poisoned(sample.record(), [text.format(host=host) for text in HOSTILE])
        before = time.process_time()
        pdf = render(value, "en")
        assert time.process_time() - before < 20
        assert hits == []
    assert embedded(pdf) == {"record.json": canonical.canonical(value)}
    assert not any("/Annots" in page for page in reader(pdf).pages)
    pages = pages_of(pdf)
    text = "".join(pages)
    assert solid("<link rel=attachment href=file:///etc/passwd>") in text
    assert "{{7*7}}" in text
    assert "[U+1F44D]" in text
    assert "\u202e" not in text
    assert all("Illustrative" in page for page in pages)


@pytest.mark.parametrize(
    "address", ["http://{host}/x.png", "file:///etc/passwd", "data:image/gif;base64,R0lGODlhAQABAAAAACw="]
)
def test_pages_that_ask_for_anything_are_refused(address: str) -> None:
    from weasyprint import HTML

    with counting_server() as (host, hits):
        html = f"<html lang=en><img alt=x src='{address.format(host=host)}'>"
        with pytest.raises(archives.NotArchivable, match="fetches nothing"), archives.watched():
            HTML(string=html, url_fetcher=archives.refusing_fetcher()).render()
        assert hits == []


def test_a_value_that_is_no_record_is_refused() -> None:
    with pytest.raises(KeyError):
        render({}, "en")


def test_pages_hold_no_address_to_fetch(sample: Sample) -> None:
    page = page_of(sample.record(), "en")
    assert " src=" not in page
    assert " href=" not in page


def bookmarks(entries: Any) -> Iterator[str]:
    for entry in entries:
        if isinstance(entry, list):
            yield from bookmarks(entry)
        else:
            yield str(entry.title)


def root(pdf: bytes) -> Any:
    return reader(pdf).trailer["/Root"]


def structure(element: Any) -> Iterator[Any]:
    element = element.get_object()
    if not isinstance(element, dict):
        return
    if "/S" in element:
        yield element
    kids = element.get("/K", [])
    for kid in kids if isinstance(kids, list) else [kids]:
        yield from structure(kid)
