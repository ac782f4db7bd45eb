import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from appraisal import canonical
from appraisal.printing import archival
from appraisal.printing.rendering import render
from tests.printing.readers import embedded, pages_of, reader, solid
from tests.printing.samples import Sample, Value

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


@pytest.mark.thorough
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
        with pytest.raises(archival.NotArchivable, match="fetches nothing"), archival.watched():
            HTML(string=html, url_fetcher=archival.refusing_fetcher()).render()
        assert hits == []


@pytest.mark.thorough
def test_ten_thousand_rows_and_a_word_of_twenty_thousand_letters_are_drawn_whole(sample: Sample) -> None:
    value: Value = json.loads(json.dumps(sample.record()))
    rows = [{"level": "output", "statement": f"Result {number}", "target": "9"} for number in range(10_000)]
    value["proposal"]["content"]["results"]["rows"] = rows
    value["appraisal"]["criteria"] = value["appraisal"]["criteria"][:1]
    word = "".join(chr(97 + number % 26) for number in range(20_000))
    value["appraisal"]["criteria"][0]["items"][0]["comment"] = word
    before = time.process_time()
    pdf = render(value, "en")
    assert time.process_time() - before < 20
    # Rows of the form are in the embedded record; the word is on the pages too, in lines of its column.
    assert json.loads(embedded(pdf)["record.json"])["proposal"]["content"]["results"]["rows"] == rows
    text = "".join(pages_of(pdf))
    assert text.count(word[:26]) >= 20_000 // 26 // 2
