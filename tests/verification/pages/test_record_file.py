"""Verifying on a page: anybody drops the file of a record, and learns what holds and what does not."""

import hashlib
import json
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select, text, update

from appraisal.canonical import canonical
from appraisal.database import tables
from appraisal.printing.rendering import render
from appraisal.records.services import issuers, records
from appraisal.web.context import Site
from tests.keys import make_keyring
from tests.tampering import unguarded
from tests.web import building
from tests.web.building import Cast


def _rows(site: Site) -> dict[str, int]:
    with site.database.read() as db:
        return {
            table.name: db.execute(select(func.count()).select_from(table)).scalar_one()
            for table in tables.METADATA.sorted_tables
        }


def _value(site: Site) -> dict[str, Any]:
    table = tables.records
    with site.database.read() as db:
        found: dict[str, Any] = json.loads(
            db.execute(select(table.c.value).order_by(table.c.id)).scalars().first() or "{}"
        )
    return found


def _issued(site: Site, cast: Cast) -> tuple[str, bytes]:
    """Issue a record and draw it; return its digest and the PDF."""
    building.approved_proposal(site, cast)
    value = _value(site)
    pdf, digest = render(value, "en"), hashlib.sha256(canonical(value)).hexdigest()
    table = tables.records
    with site.database.begin() as db:
        id = db.execute(select(table.c.id).where(table.c.digest == digest)).scalar_one()
        records.keep_rendering(db, site.files, id, "en", pdf, site.now())
    return digest, pdf


def _drop(client: FlaskClient, data: bytes, language: str = "en") -> tuple[int, str]:
    answer = client.post(
        "/verify",
        data={"file": (BytesIO(data), "record.pdf")},
        content_type="multipart/form-data",
        headers={"Accept-Language": language},
    )
    return answer.status_code, answer.text


@pytest.mark.thorough
def test_anybody_verifies_a_file_that_was_issued_here(site: Site, cast: Cast, client: FlaskClient) -> None:
    digest, pdf = _issued(site, cast)
    before = _rows(site)
    status, page = _drop(client, pdf)
    assert status == 200
    assert "Nothing fails" in page
    assert "record.pdf" in page
    assert digest in page
    assert "This installation issued this record, and this very file of it." in page
    assert "can vouch for its pages" not in page
    assert "that its pages are those which were drawn only the register says" in page
    assert _rows(site) == before
    # Another file with the same record in it, and a record that nobody issued.
    status, page = _drop(client, pdf + b"\n")
    assert "but not this file of it: its pages may say otherwise." in page
    assert "Something is wrong with this file" in page
    status, page = _drop(client, pdf, "fr")
    assert "Registre de cette installation" in page


@pytest.mark.thorough
def test_a_superseded_record_is_no_longer_in_force(site: Site, cast: Cast, client: FlaskClient) -> None:
    number = building.appraised_proposal(site, cast)
    value = _value(site)
    pdf, digest = render(value, "en"), hashlib.sha256(canonical(value)).hexdigest()
    table = tables.records
    with site.database.begin() as db:
        id = db.execute(select(table.c.id)).scalar_one()
        records.keep_rendering(db, site.files, id, "en", pdf, site.now())
    in_force = "The record is in force: it was neither superseded nor annulled nor corrected."
    assert in_force in client.get(f"/verify?sha256={digest}").text
    page = _drop(client, pdf)[1]
    assert page.index("Nothing fails") < page.index(in_force) < page.index("What was looked at")

    building.take(site, cast["reader"], number, "recall", note="A mistake")
    building.take(site, cast["reader"], number, "finalise")
    with site.database.read() as db:
        newest = db.execute(select(table.c.digest).order_by(table.c.id.desc())).scalars().first()
    ended = f"No longer in force: superseded by record {newest} of"
    asked = client.get(f"/verify?sha256={digest}").text
    assert ended in asked
    assert "holds" not in asked
    status, page = _drop(client, pdf)
    assert status == 200
    assert "Nothing fails" not in page
    assert page.index("This record is no longer in force") < page.index(ended) < page.index("What was looked")
    assert f"Ya no está en vigor: sustituida por el acta {newest} del" in _drop(client, pdf, "es")[1]


@pytest.mark.thorough
def test_a_record_that_was_not_issued_here_is_told(site: Site, cast: Cast, client: FlaskClient) -> None:
    building.approved_proposal(site, cast)
    forged = render({**_value(site), "source": "Elsewhere"}, "en")
    status, page = _drop(client, forged)
    assert status == 200
    assert "This installation has issued no record with this digest." in page
    assert "Something is wrong with this file" in page


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "Choose a file that has something in it"),
        (b"Not a PDF at all", "This is not a PDF."),
        (b"PK\x03\x04", "A bundle is examined with “appraisal verify”."),
        (b"%PDF-1.7\n1 0 obj", "The file is cut off: its end is missing."),
    ],
)
def test_what_is_no_record_is_told(client: FlaskClient, data: bytes, said: str) -> None:
    status, page = _drop(client, data)
    assert status == 422
    assert said in page


@pytest.mark.thorough
def test_one_address_has_so_many_files_examined_a_minute(client: FlaskClient) -> None:
    statuses = [_drop(client, b"Not a PDF")[0] for _ in range(31)]
    assert statuses == [422] * 30 + [429]


@pytest.mark.parametrize("given", ["6adf", "G" * 64, "a" * 63, "a" * 65, "<script>"])
def test_a_digest_that_is_not_whole_is_told(client: FlaskClient, given: str) -> None:
    page = client.get("/verify", query_string={"sha256": given}).text
    assert "This is not a whole digest" in page
    assert "<script>" not in page


def test_everybody_is_led_there(client: FlaskClient) -> None:
    assert 'href="/verify"' in client.get("/sign-in").text
    assert "Verify a record" in client.get("/verify").text


@pytest.mark.thorough
def test_a_file_that_was_signed_here_is_known_by_its_certificate(
    site: Site, cast: Cast, client: FlaskClient, tmp_path: Path
) -> None:
    ring = make_keyring(tmp_path / "keys")
    with site.database.begin() as db:
        issuers.use_key(db, ring.signer(), site.now())
    digest, pdf = _issued(site, cast)
    signed = ring.signer().sign_pdf(pdf, site.now())
    table = tables.renderings
    with site.database.begin() as db:
        db.execute(update(table).values(sha256=hashlib.sha256(signed).hexdigest()))
    status, page = _drop(client, signed)
    assert (status, digest in page) == (200, True)
    assert "Signed by TEST ONLY - Example, Example with a key of this installation" in page
    assert "The audit trail of the proposal holds, and the record was made after its event" in page
    assert "Nothing fails" in page
    # The signature cut off, and one by another key.
    _, page = _drop(client, pdf)
    assert "The record says that its file is signed, but the signature is missing: it was cut off." in page
    other = make_keyring(tmp_path / "other").signer().sign_pdf(pdf, site.now())
    _, page = _drop(client, other)
    assert "with a key of this installation" not in page
    assert "so it may be anybody&#39;s" in page


@pytest.mark.thorough
def test_a_trail_that_was_bent_is_told(site: Site, cast: Cast, client: FlaskClient) -> None:
    digest, pdf = _issued(site, cast)
    with unguarded(site.database) as db:
        db.execute(text("UPDATE events SET note = 'x' WHERE sequence = 2"))
    _, page = _drop(client, pdf)
    assert "The audit trail of the proposal does not hold" in page
    asked = client.get(f"/verify?sha256={digest}").text
    assert "The audit trail of this record does not hold" in asked
    assert "Whether the record is still in force cannot be said: its audit trail proves nothing." in asked
    assert "holds" not in asked


@pytest.mark.thorough
def test_the_code_on_a_record_leads_to_whether_it_was_issued_here(
    site: Site, cast: Cast, client: FlaskClient
) -> None:
    digest, _ = _issued(site, cast)
    assert "A record with this digest was issued here" in client.get(f"/verify?sha256={digest}").text
    assert "No record with this digest was issued here" in client.get(f"/verify?sha256={'0' * 64}").text
    # Copied from the page, in capitals or with blanks about it.
    assert "was issued here" in client.get("/verify", query_string={"sha256": f" {digest.upper()} "}).text
