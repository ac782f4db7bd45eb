"""A signed record verified: reading, signature, every rule again; and what reading alone costs."""

import tempfile
import time
from pathlib import Path

from pypdf import PdfReader

from appraisal.printing.rendering import render
from appraisal.verification.reading.record_pdf import read
from appraisal.verification.services.record_file import verify
from tests.bench.ratios import report
from tests.bench.records import value_of_a_record
from tests.bench.steps import library
from tests.keys import NOW, make_keyring

ROUNDS = 7


def bench() -> None:
    definitions = library()
    value = value_of_a_record() | {"issuer": {"address": "", "signed": True}}
    with tempfile.TemporaryDirectory(prefix="appraisal-bench-") as folder:
        ring = make_keyring(Path(folder))
        data = ring.signer().sign_pdf(render(value, "en"), NOW)
        file = Path(folder) / "record.pdf"
        file.write_bytes(data)
        ratios, spent = [], []
        # The first loads what examines signatures.
        verify(data, read(data, ring.grounds()), definitions, None)
        for _ in range(ROUNDS):
            begun = time.process_time()
            for page in PdfReader(file).pages:
                page.extract_text()
            middle = time.process_time()
            found = verify(data, read(data, ring.grounds()), definitions, None)
            spent.append(time.process_time() - middle)
            ratios.append(spent[-1] / (middle - begun))
        assert found.holds
    report(
        "a signed record verified, in time of reading its pages alone",
        ratios,
        "under 1 CPU s",
        f"{max(spent):.2f} CPU s at most",
    )
