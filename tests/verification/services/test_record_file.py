"""Files of records: nothing that was done to a record's file goes unnoticed."""

import io
import json
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfWriter
from pypdf.generic import NameObject, StreamObject

from appraisal.canonical import canonical
from appraisal.definitions.library import Library
from appraisal.language.texts import Language
from appraisal.printing.rendering import render
from appraisal.printing.worker import RenderingFailed
from appraisal.proposals.facts import Decision, Step
from appraisal.verification.reading.record_pdf import Unreadable, read
from appraisal.verification.services.record_file import CHECKS, Render, Verification, verify
from tests.keys import GROUNDS, NOW, Keyring, make_keyring
from tests.printing.samples import Value, at, sample_of

CHANGES = 300


@pytest.fixture(scope="module")
def value(library: Library) -> Value:
    sample = sample_of(library)
    return sample.sheet(
        Decision(1, "approve", at(22), 4, 1, 1, "Approved.", approved_at=at(22)),
        steps=(
            *sample.case.steps,
            Step(5, "approve", "approve", "awaiting_decision", "approved", at(22), 4),
        ),
    )


@pytest.fixture(scope="module")
def record(value: Value) -> bytes:
    return canonical(value)


@pytest.fixture(scope="module")
def pdf(value: Value) -> bytes:
    return render(value, "fr")


@pytest.fixture(scope="module")
def again(record: bytes, pdf: bytes) -> Render:
    """Draw the record again, once for all; a record that was altered is not drawn."""

    def draw(given: bytes, language: Language) -> bytes:
        if (given, language) != (record, "fr"):
            raise RenderingFailed("refused", "not the record of this test")
        return pdf

    return draw


def failing(found: Verification) -> set[str]:
    return {entry.check for entry in found.findings if entry.outcome == "fails"}


def sentence(found: Verification, check: str) -> str:
    return " ".join(entry.say("en") for entry in found.findings if entry.check == check)


def altered(data: bytes, places: range, seed: int, count: int) -> Iterator[bytes]:
    """Yield copies with one byte changed, at random places."""
    dice = random.Random(seed)  # noqa: S311 - the same places in each run
    for _ in range(count):
        place = dice.choice(places)
        changed = bytearray(data)
        changed[place] ^= dice.randrange(1, 256)
        yield bytes(changed)


def _embedded(pdf: bytes) -> range:
    """Return where the embedded record lies in the file, packed."""
    writer = PdfWriter(clone_from=io.BytesIO(pdf))
    packed = _file(writer)._data
    begin = pdf.index(packed)
    assert pdf.count(packed) == 1
    return range(begin, begin + len(packed))


def _file(writer: PdfWriter) -> Any:
    return writer.root_object["/AF"][0].get_object()["/EF"]["/F"].get_object()  # type: ignore[index]


def _saved(writer: PdfWriter) -> bytes:
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def _drawn_over(writer: PdfWriter) -> None:
    contents = writer.pages[0].get_contents()
    assert contents is not None
    stream = StreamObject()
    stream.set_data(contents.get_data() + b"\n1 0 0 rg 0 0 100 100 re f\n")
    writer.pages[0][NameObject("/Contents")] = writer._add_object(stream)


def test_a_record_as_it_was_drawn_holds(pdf: bytes, record: bytes, library: Library, again: Render) -> None:
    found = verify(pdf, read(pdf, GROUNDS), library, again)
    assert [entry.say("en") for entry in found.findings if entry.outcome != "holds"] == [
        "Whether the record is still in force only the register can say.",
        "The file is not signed, and its record says that it would not be.",
    ]
    # The register and the trail are those of a database, and here there is none; nobody signed.
    looked_at = [check for check in CHECKS if check not in ("register", "trail", "signer", "time_stamp")]
    assert list(dict.fromkeys(entry.check for entry in found.findings)) == looked_at
    assert found.number == "TC-2010-0001"
    assert len(found.digest) == 64


def test_without_a_drawing_it_says_that_only_one_vouches_for_the_pages(pdf: bytes, library: Library) -> None:
    found = verify(pdf, read(pdf, GROUNDS), library, None)
    assert found.holds
    assert found.unchecked == ("validity", "signature", "pages")
    assert sentence(found, "pages") == (
        "The file is not signed, so only drawing the record again (--render) can vouch for its pages."
    )


@pytest.mark.thorough
def test_no_byte_can_be_changed_unnoticed_when_it_is_drawn_again(
    pdf: bytes, library: Library, again: Render
) -> None:
    for data in altered(pdf, range(len(pdf)), 1, CHANGES):
        try:
            found = verify(data, read(data, GROUNDS, pages=0), library, again)
        except Unreadable:
            continue
        assert "pages" in failing(found)


@pytest.mark.thorough
def test_no_byte_of_the_embedded_file_can_be_changed_unnoticed(pdf: bytes, record: bytes) -> None:
    for data in altered(pdf, _embedded(pdf), 2, CHANGES // 3):
        try:
            kept = read(data, GROUNDS, pages=0).record
        except Unreadable as error:
            kept, reason = record, error.reason
        else:
            reason = "record_damaged"
        # Some bits say how hard the packer tried; nothing else may be spared.
        assert (kept, reason) == (record, "record_damaged")


@pytest.mark.thorough
def test_no_byte_of_the_record_can_be_changed_unnoticed(pdf: bytes, record: bytes, library: Library) -> None:
    """The packed file is made to fit, so that nothing but the record's own bytes gives it away."""
    reading = read(pdf, GROUNDS)
    for changed in altered(record, range(len(record)), 3, CHANGES):
        found = verify(pdf, replace(reading, record=changed), library, None)
        assert "printed" in failing(found)


def test_a_swapped_record_is_noticed(pdf: bytes, value: Value, library: Library) -> None:
    other = {**value, "illustrative": False}
    writer = PdfWriter(clone_from=io.BytesIO(pdf))
    stream = StreamObject()
    stream.set_data(canonical(other))
    spec = writer.root_object["/AF"][0].get_object()  # type: ignore[index]
    reference = writer._add_object(stream)
    spec["/EF"][NameObject("/F")] = reference
    data = _saved(writer)
    reading = read(data, GROUNDS)
    found = verify(data, reading, library, None)
    assert failing(found) == {"printed"}
    every = ", ".join(str(number) for number in range(1, reading.pages + 1))
    assert sentence(found, "printed") == f"These pages do not carry the digest of the record: {every}."


@pytest.mark.thorough
def test_pages_from_another_record_are_noticed(pdf: bytes, value: Value, library: Library) -> None:
    other = render({**value, "illustrative": False}, "fr")
    writer = PdfWriter(clone_from=io.BytesIO(pdf))
    strange = PdfWriter(clone_from=io.BytesIO(other)).pages[1]
    contents = strange.get_contents()
    assert contents is not None
    stream = StreamObject()
    stream.set_data(contents.get_data())
    writer.pages[1][NameObject("/Contents")] = writer._add_object(stream)
    data = _saved(writer)
    found = verify(data, read(data, GROUNDS), library, None)
    assert sentence(found, "printed") == "These pages do not carry the digest of the record: 2."


def test_a_page_that_was_altered_and_saved_by_another_tool_needs_the_drawing(
    pdf: bytes, library: Library, again: Render
) -> None:
    writer = PdfWriter(clone_from=io.BytesIO(pdf))
    _drawn_over(writer)
    data = _saved(writer)
    without = verify(data, read(data, GROUNDS), library, None)
    assert (failing(without), without.unchecked) == (set(), ("validity", "signature", "pages"))
    found = verify(data, read(data, GROUNDS), library, again)
    assert failing(found) == {"pages"}
    assert "this one was altered, or made by another version" in sentence(found, "pages")


@pytest.mark.thorough
def test_an_appended_update_is_noticed(pdf: bytes, library: Library) -> None:
    writer = PdfWriter(io.BytesIO(pdf), incremental=True)
    writer.add_metadata({"/Keywords": "later"})
    data = _saved(writer)
    found = verify(data, read(data, GROUNDS), library, None)
    assert failing(found) == {"file"}
    assert sentence(found, "file") == "Something was appended to the file after its first end (ends: 2)."


def test_another_attached_file_is_noticed(pdf: bytes, library: Library) -> None:
    writer = PdfWriter(clone_from=io.BytesIO(pdf))
    writer.add_attachment("macro.js", b"alert(1)")
    data = _saved(writer)
    assert failing(verify(data, read(data, GROUNDS), library, None)) == {"file"}


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    return make_keyring(tmp_path_factory.mktemp("keys"), since=2009, until=2011)


@pytest.fixture(scope="module")
def plain(value: Value) -> bytes:
    """A file that its record says to be signed, before it is."""
    return render(value | {"issuer": {"address": "", "signed": True}}, "fr")


def _swapped(writer: PdfWriter) -> None:
    stream = StreamObject()
    stream.set_data(_file(writer).get_data().replace(b'"illustrative":true', b'"illustrative":false'))
    spec = writer.root_object["/AF"][0].get_object()  # type: ignore[index]
    spec["/EF"][NameObject("/F")] = writer._add_object(stream)


@pytest.mark.thorough
@pytest.mark.parametrize("change", [_drawn_over, _swapped])
def test_a_signed_file_that_was_changed_and_saved_anew_is_named(
    plain: bytes, ring: Keyring, library: Library, change: Callable[[PdfWriter], None]
) -> None:
    signed = ring.signer().sign_pdf(plain, NOW)
    assert failing(verify(signed, read(signed, ring.grounds()), library, None)) == set()
    writer = PdfWriter(clone_from=io.BytesIO(signed))
    change(writer)
    data = _saved(writer)
    found = verify(data, read(data, ring.grounds()), library, None)
    assert failing(found) == {"signature", "pages"} | ({"printed"} if change is _swapped else set())
    assert "The file was altered after it was signed." in sentence(found, "signature")
    assert "signer" in found.unchecked
    assert "but the signature does not hold" in sentence(found, "signer")


@pytest.mark.thorough
def test_an_update_after_the_signature_is_named(plain: bytes, ring: Keyring, library: Library) -> None:
    signed = ring.signer().sign_pdf(plain, NOW)
    writer = PdfWriter(io.BytesIO(signed), incremental=True)
    _drawn_over(writer)
    data = _saved(writer)
    assert data.startswith(signed)
    found = verify(data, read(data, ring.grounds()), library, None)
    assert failing(found) == {"file", "signature", "pages"}
    assert sentence(found, "file") == "Something was appended to the file after its first end (ends: 3)."
    assert "after it was signed" in sentence(found, "signature")


def test_a_signature_that_was_cut_off_is_missed(plain: bytes, ring: Keyring, library: Library) -> None:
    found = verify(plain, read(plain, ring.grounds()), library, None)
    assert failing(found) == {"signature"}
    assert sentence(found, "signature") == (
        "The record says that its file is signed, but the signature is missing: it was cut off."
    )


@pytest.mark.parametrize(
    ("year", "said"),
    [
        (2012, "The certificate of TEST ONLY - Example, Example had expired on 2011-01-01 when it was used"),
        (2008, "was used on 2008-06-01, before it became valid on 2009-01-01."),
        (2010, "No authority that is trusted here issued the certificate of TEST ONLY - Example, Example."),
    ],
)
def test_a_certificate_that_does_not_count_is_named(
    plain: bytes, ring: Keyring, library: Library, tmp_path: Path, year: int, said: str
) -> None:
    at = datetime(year, 6, 1, tzinfo=UTC)
    signer = ring.signer()
    # Whoever signs by other means does not ask whether the certificate is valid.
    signer.not_before, signer.not_after = at, at
    data = signer.sign_pdf(plain, at)
    grounds = ring.grounds(at) if year != 2010 else make_keyring(tmp_path).grounds(at)
    found = verify(data, read(data, grounds), library, None)
    assert failing(found) == {"signer"}
    assert said in sentence(found, "signer")


def test_a_record_of_ten_thousand_results_and_a_word_without_end_is_verified_in_bounded_time(
    pdf: bytes, value: Value, library: Library
) -> None:
    reading = read(pdf, GROUNDS)
    large = json.loads(canonical(value))
    large["proposal"]["content"]["results"]["rows"] = [
        {"level": "output", "statement": f"Result {number}", "target": "9"} for number in range(10_000)
    ]
    large["proposal"]["title"] = large["proposal"]["content"]["identification"]["title"] = "x" * 20_000
    begun = time.process_time()
    found = verify(pdf, replace(reading, record=canonical(large)), library, None)
    assert time.process_time() - begun < 5
    # Nothing but the pages, which are of another record.
    assert failing(found) == {"printed"}


def test_a_language_that_is_none_and_a_record_that_cannot_be_drawn_vouch_for_nothing(
    pdf: bytes, library: Library, again: Render
) -> None:
    reading = read(pdf, GROUNDS)
    assert failing(verify(pdf, replace(reading, language="de"), library, again)) == {"pages"}
    assert failing(verify(pdf, replace(reading, language="en"), library, again)) == {"pages"}
    assert "pages" in failing(verify(pdf, replace(reading, record=b"{}"), library, again))
