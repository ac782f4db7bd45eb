"""Records: the list, the page of one, its files, who reads them, and the access log."""

import hashlib

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event, select

from appraisal.accounts.services import accounts
from appraisal.app.worker import work
from appraisal.database import tables
from appraisal.database.rows import insert_row
from appraisal.records.services import records
from appraisal.records.store import records as stored
from appraisal.web.context import Site
from tests.casts import PDF, Clock
from tests.web import building
from tests.web.building import Cast
from tests.web.sites import SignIn


def _records(site: Site, cast: Cast) -> list[stored.RecordListed]:
    """List all records, oldest first."""
    with site.database.read() as db:
        return stored.list_records(db, cast["desk"])[0][::-1]


def _rendered(site: Site, record: int, language: str = "en", pdf: bytes = PDF) -> None:
    with site.database.begin() as db:
        records.keep_rendering(db, site.files, record, language, pdf, site.now())


def _log(site: Site) -> list[tuple[str, str, str]]:
    table = tables.accesses
    with site.database.read() as db:
        rows = db.execute(select(table.c.action, table.c.subject, table.c.detail).order_by(table.c.id))
        return [(row.action, row.subject, row.detail) for row in rows]


def test_the_list_shows_what_one_may_read(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.approved_proposal(site, cast)
    other = building.appraised_proposal(site, cast, by="designer2")
    _rendered(site, _records(site, cast)[0].id, "fr")
    sign_in(client, "designer")
    page = client.get("/records")
    assert number in page.text
    assert other not in page.text
    for words in ("Appraisal record", "Decision sheet", "Français"):
        assert words in page.text
    assert page.text.count("/records/") == 3
    sign_in(client, "admin")
    assert client.get("/records").status_code == 403


def test_records_are_listed_fifty_a_page(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.appraised_proposal(site, cast)
    first = _records(site, cast)[0]
    table = tables.records
    with site.database.begin() as db:
        row = db.execute(select(table).where(table.c.id == first.id)).one()._mapping
        for index in range(50):
            digest = hashlib.sha256(str(index).encode()).hexdigest()
            insert_row(db, tables.records, **{**row, "id": first.id + 1 + index, "digest": digest})
    sign_in(client, "desk")
    page = client.get("/records")
    assert first.digest not in page.text
    assert "Next page" in page.text
    last = client.get(f"/records?after={first.id + 1}")
    assert first.digest in last.text
    assert number in last.text
    assert "Newest" in last.text
    assert client.get("/records?after=nonsense").status_code == 200


def test_the_page_of_a_record_says_what_it_is(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    building.approved_proposal(site, cast, ratings={"TRI-3": "1"})
    appraisal, decision = _records(site, cast)
    sign_in(client, "designer")
    page = client.get(f"/records/{appraisal.digest}")
    for words in ("Appraisal record", "David Okoro", "Ready with conditions", appraisal.digest):
        assert words in page.text
    page = client.get(f"/records/{decision.digest}")
    for words in ("Decision sheet", "Approved", "Grace Lindqvist", appraisal.digest, decision.digest):
        assert words in page.text


def test_a_recalled_appraisal_leaves_its_record_superseded(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.appraised_proposal(site, cast)
    sign_in(client, "desk")
    first = _records(site, cast)[0].digest
    assert "The record is in force" in client.get(f"/records/{first}").text
    building.take(site, cast["reader"], number, "recall", note="A mistake")
    assert "No longer in force: the appraisal was recalled on" in client.get(f"/records/{first}").text
    building.take(site, cast["reader"], number, "finalise")
    second = _records(site, cast)[-1].digest
    page = client.get(f"/records/{first}").text
    assert f"No longer in force: superseded by record {second} of" in page
    assert f'href="/records/{second}"' in page
    assert "The record is in force" in client.get(f"/records/{second}").text
    # On every list where it is.
    for path in ("/records", f"/proposals/{number}", f"/proposals/{number}/appraisal"):
        assert client.get(path).text.count("Superseded") == 1, path


def test_the_page_of_an_annulment_leads_to_the_sheet_that_it_annuls(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.approved_proposal(site, cast)
    building.take(site, cast["chief"], number, "propose_annulment", note="Wrong fund.")
    building.take(site, cast["chief2"], number, "annul", note="So it is.")
    sign_in(client, "desk")
    *_, sheet, annulment = _records(site, cast)
    page = client.get(f"/records/{annulment.digest}").text
    assert "Annuls the decision sheet" in page
    assert f'href="/records/{sheet.digest}"' in page
    assert "the approval was annulled on" in client.get(f"/records/{sheet.digest}").text


def test_a_pdf_is_asked_for_prepared_and_read(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn, clock: Clock
) -> None:
    number = building.appraised_proposal(site, cast)
    found = _records(site, cast)[0]
    url = f"/records/{found.digest}"
    sign_in(client, "chief")
    assert client.get(f"{url}/fr.pdf").status_code == 404
    assert client.post(f"{url}/render", data={"language": "fr"}).status_code == 303
    assert client.post(f"{url}/render", data={"language": "fr"}).status_code == 303
    with site.database.begin() as db:
        accounts.set_language(db, cast["chief"].id, "fr")
    page = client.get(url)
    assert page.headers["Refresh"] == "5"
    clock.advance(minutes=5)
    assert "Refresh" not in client.get(url).headers
    assert work(site.database, site.files, lambda value, language: PDF + language.encode(), clock) == 2
    page = client.get(url)
    assert "Refresh" not in page.headers
    assert f"{url}/fr.pdf" in page.text
    pdf = client.get(f"{url}/fr.pdf")
    assert pdf.data == PDF + b"fr"
    assert pdf.mimetype == "application/pdf"
    assert pdf.headers["Content-Disposition"] == f"inline; filename={number}-appraisal-1-fr.pdf"
    assert ("download", number, f"{number}-appraisal-1-fr.pdf {found.digest}") in _log(site)
    assert client.get(f"{url}/de.pdf").status_code == 404


def test_a_pdf_that_failed_can_be_asked_for_again(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    building.appraised_proposal(site, cast)
    found = _records(site, cast)[0]
    table = tables.jobs
    with site.database.begin() as db:
        db.execute(table.update().values(dead_at=site.now()))
    sign_in(client, "chief")
    page = client.get(f"/records/{found.digest}")
    assert "It could not be prepared." in page.text
    client.post(f"/records/{found.digest}/render", data={"language": "en"})
    assert "Is being prepared" in client.get(f"/records/{found.digest}").text


def test_the_value_is_the_very_bytes_of_the_digest(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.approved_proposal(site, cast)
    building.approved_proposal(site, cast)
    found = _records(site, cast)[1]
    sign_in(client, "auditor")
    answer = client.get(f"/records/{found.digest}.json")
    assert hashlib.sha256(answer.data).hexdigest() == found.digest
    assert answer.mimetype == "application/json"
    assert answer.headers["Content-Disposition"] == f"attachment; filename={number}-decision-1.json"
    assert ("download", number, f"{number}-decision-1.json {found.digest}") in _log(site)


@pytest.mark.parametrize("key", ["designer2", "eval", "admin"])
def test_a_record_that_is_not_ones_to_read_does_not_exist(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn, key: str
) -> None:
    building.appraised_proposal(site, cast)
    found = _records(site, cast)[0]
    _rendered(site, found.id)
    sign_in(client, key)
    for path in ("", ".json", "/en.pdf"):
        page = client.get(f"/records/{found.digest}{path}")
        assert page.status_code == 404
        assert "TC-2010" not in page.text
    assert client.post(f"/records/{found.digest}/render").status_code == 404
    assert not any(action == "download" for action, _, _ in _log(site))


def test_an_unknown_digest_is_not_found(client: FlaskClient, sign_in: SignIn) -> None:
    sign_in(client, "desk")
    for path in ("0" * 64, f"{'0' * 64}.json", f"{'0' * 64}/en.pdf", "nonsense"):
        assert client.get(f"/records/{path}").status_code == 404


@pytest.mark.thorough
def test_lists_and_pages_take_as_many_statements_for_much_as_for_little(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    statements: list[str] = []
    for engine in (site.database.engine, site.database._reading):
        event.listen(engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    counts: dict[str, list[int]] = {}
    sign_in(client, "desk")
    for ratings in ({}, {"TRI-3": "1", "GEN-2": "1"}):
        number = building.rated_proposal(site, cast, ratings=ratings)
        pages = {"overview": "appraisal", "checklist": "appraisal/TRI", "step": "steps/hold"}
        for name, path in pages.items():
            statements.clear()
            assert client.get(f"/proposals/{number}/{path}").status_code == 200
            counts.setdefault(name, []).append(len(statements))
        building.take(site, cast["reader"], number, "finalise")
        building.take(site, cast["chief"], number, "approve")
        statements.clear()
        assert client.get("/records").status_code == 200
        counts.setdefault("records", []).append(len(statements))
    assert all(len(set(found)) == 1 for found in counts.values()), counts
