"""Standards: PDF/A-3a and PDF/UA-1 at once, whatever the record holds, and what no validator looks at."""

import hashlib
import io
import json
from collections.abc import Iterator
from typing import Any

import page
import pikepdf
import pytest
import segno

from appraisal import canonical
from appraisal.language.detection import tongue_of
from appraisal.language.texts import LANGUAGES, Language, say
from appraisal.printing.archival import NAMESPACE
from appraisal.printing.qr_code import QUIET, code, code_of
from tests.keys import NOW, Keyring
from tests.printing.readers import pages_of, solid
from tests.printing.samples import Print, Sample, Value

FRENCH = "Les syndicats et les employeurs ont été consultés deux fois sur ce projet, mais pas pour le budget."
SPANISH = (
    "Los sindicatos y los empleadores fueron consultados dos veces, pero no para el presupuesto del proyecto."
)
ODD = "Ԥ ﬃ e\u0301 \u00ad \u200b \t 👍 日本 مرحبا ไทย שלום ℵ ∑ \u202eabc \x00 \ufffe"
SIGNED = (
    "This file is signed electronically. If your reader shows no signature, or one that is not valid, "
    "do not rely on it."
)

# Each record is drawn and validated: seconds of the processor.
pytestmark = pytest.mark.thorough

ADDRESS = "https://appraisal.example.org"


def issued(value: Value, *, signed: bool = True) -> Value:
    return value | {"issuer": {"address": ADDRESS, "signed": signed}}


def mixed(sample: Sample) -> Value:
    """Return the longest record there is, whose comments are in three languages, some with odd characters."""
    value: Value = json.loads(json.dumps(sample.reviewed(6)))
    items = [item for criterion in value["appraisal"]["criteria"] for item in criterion["items"]]
    for number, text in enumerate((FRENCH, SPANISH, ODD, FRENCH + ODD, "x" * 700)):
        items[number]["comment"] = text
    value["proposal"]["title"] = f"{ODD} {value['proposal']['title']}"
    return issued(value)


def failures(pdf: bytes, profile: str) -> list[str]:
    return [str(failure) for failure in page.validate_pdf_bytes(pdf, profile=profile).failures]


@pytest.mark.parametrize("language", LANGUAGES)
def test_long_short_and_odd_records_keep_to_both_standards_signed_or_not(
    sample: Sample, printed: Print, ring: Keyring, language: Language
) -> None:
    signer = ring.signer(long_term=True)
    for value in (mixed(sample), sample.approval(), sample.revision()):
        pdf = printed(value, language)
        for data in (pdf, signer.sign_pdf(pdf, NOW)):
            for profile in ("3a", "ua1"):
                assert failures(data, profile) == [], (value["kind"], profile, len(data) - len(pdf))


def elements(pdf: pikepdf.Pdf) -> Iterator[Any]:
    """Yield every element of the structure, from the root down."""
    waiting: list[Any] = [pdf.Root.StructTreeRoot]
    while waiting:
        element = waiting.pop()
        if not isinstance(element, pikepdf.Dictionary):
            continue
        if "/S" in element:
            yield element
        kids: Any = element.get("/K", [])
        waiting.extend(reversed(list(kids)) if isinstance(kids, pikepdf.Array) else [kids])


def test_what_is_of_another_language_is_marked(sample: Sample, printed: Print) -> None:
    pdf = pikepdf.open(io.BytesIO(printed(mixed(sample), "en")))
    assert str(pdf.Root.Lang) == "en"
    marked = [element for element in elements(pdf) if "/Lang" in element]
    assert {str(element.Lang) for element in marked} == {"fr", "es"}
    assert all(element.S == "/Span" for element in marked)
    # In French what was written in French is not of another language, but what is English is.
    french = pikepdf.open(io.BytesIO(printed(mixed(sample), "fr")))
    assert {str(element.Lang) for element in elements(french) if "/Lang" in element} >= {"es"}
    assert "fr" not in {str(element.Lang) for element in elements(french) if "/Lang" in element}


@pytest.mark.parametrize(
    ("text", "tongue"),
    [
        (FRENCH, "fr"),
        (SPANISH, "es"),
        ("Both sides were consulted twice, and that is in the minutes.", "en"),
        ("Cooperación Sur-Sur", None),
        ("Both sides, twice.", None),
        ("the les los of des del and du una", None),
        ("", None),
        ("日本語 2010", None),
    ],
)
def test_a_language_is_told_only_where_it_is_plain(text: str, tongue: str | None) -> None:
    assert tongue_of(text) == tongue


def test_every_figure_has_a_text_and_every_header_cell_a_scope(sample: Sample, printed: Print) -> None:
    value = mixed(sample)
    pdf = pikepdf.open(io.BytesIO(printed(value, "en")))
    found = list(elements(pdf))
    figures = [element for element in found if element.S == "/Figure"]
    assert figures
    assert all(str(element.get("/Alt", "")).strip() for element in figures)
    code_text = code_of(value, canonical.digest(value)).text
    assert [str(element.Alt) for element in figures].count(f"QR code: {code_text}") == 1
    headers = [element for element in found if element.S == "/TH"]
    assert headers
    assert all(element.A.Scope == "/Column" for element in headers)


def test_running_lines_are_artifacts(sample: Sample, printed: Print) -> None:
    pdf = pikepdf.open(io.BytesIO(printed(mixed(sample), "en")))
    for number, drawn in enumerate(pdf.pages):
        marks = [
            str(entry.operands[1].Subtype)
            for entry in pikepdf.parse_content_stream(drawn)
            if str(entry.operator) == "BDC"
            and str(entry.operands[0]) == "/Artifact"
            and "/Subtype" in entry.operands[1]
        ]
        assert set(marks) == ({"/Footer"} if number == 0 else {"/Header", "/Footer"})


def test_metadata_and_attachment_name_the_record(sample: Sample, printed: Print) -> None:
    value = mixed(sample)
    pdf = pikepdf.open(io.BytesIO(printed(value, "es")))
    with pdf.open_metadata() as described:
        found = {
            key: described[f"{{{NAMESPACE}}}{key}"]
            for key in ("number", "kind", "schema", "sha256", "signed")
        }
    assert found == {
        "number": "TC-2010-0001",
        "kind": "appraisal",
        "schema": "appraisal-record/1",
        "sha256": canonical.digest(value),
        "signed": "true",
    }
    [spec] = pdf.Root.AF
    assert (str(spec.AFRelationship), str(spec.UF)) == ("/Data", "record.json")
    assert spec.EF.F.Subtype == "/application/json"
    data = spec.EF.F.read_bytes()
    assert hashlib.sha256(data).hexdigest() == found["sha256"]


def test_the_code_says_where_the_record_is_verified(sample: Sample) -> None:
    value = sample.record()
    digest = canonical.digest(value)
    assert code_of(issued(value), digest).text == f"{ADDRESS}/verify?sha256={digest}"
    assert code_of(value, digest).text == f"TC-2010-0001 sha256:{digest}"
    assert code_of({"number": "TC-2010-0001"}, digest).text == f"TC-2010-0001 sha256:{digest}"


def test_a_code_is_drawn_module_by_module() -> None:
    made = code("TC-2010-0001")
    dark = set()
    for run in made.path.split("z")[:-1]:
        place, length = run[1:].split("h")[0], int(run.split("h")[1].split("v")[0])
        x, y = map(int, place.split())
        dark |= {(x + step - QUIET, y - QUIET) for step in range(length)}
    rows = segno.make("TC-2010-0001", error="m", micro=False, boost_error=False).matrix
    assert dark == {(x, y) for y, row in enumerate(rows) for x, module in enumerate(row) if module}
    assert made.width == len(rows) + 2 * QUIET


@pytest.mark.parametrize(
    ("issuer", "sentence"),
    [
        (None, "This file is not signed."),
        ({"address": "", "signed": False}, "This file is not signed."),
        (
            {"address": "", "signed": True},
            SIGNED,
        ),
    ],
)
def test_the_last_page_says_whether_the_file_is_signed(
    sample: Sample, printed: Print, issuer: dict[str, Any] | None, sentence: str
) -> None:
    value = {key: held for key, held in sample.approval().items() if key != "issuer"}
    if issuer is not None:
        value["issuer"] = issuer
    assert solid(say("en", sentence)) in pages_of(printed(value, "en"))[-1]
