"""The files of a report: who gets them, what they hold, and that every download is noted."""

import csv
import hashlib
import json
from io import BytesIO, StringIO

import openpyxl
import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from appraisal.app import worker
from appraisal.database import tables
from appraisal.database.outbox import RENDERING, waiting
from appraisal.schemas import departures, schema_text
from appraisal.web.context import Site
from tests.casts import PDF
from tests.web import building
from tests.web.building import Cast
from tests.web.sites import SignIn

REPORT = "/indicators/2.1/report"
ENDINGS = ("json", "csv", "xlsx")


@pytest.fixture
def approved(site: Site, cast: Cast) -> str:
    return building.approved_proposal(site, cast, title="=Skills in Lusaka")


def downloads_of(site: Site) -> list[tuple[str, str]]:
    table = tables.accesses
    with site.database.read() as db:
        rows = db.execute(select(table.c.subject, table.c.detail).where(table.c.action == "download"))
        return [(row.subject, row.detail) for row in rows]


@pytest.mark.parametrize("ending", ENDINGS)
def test_coordinators_managers_and_auditors_get_the_files(
    client: FlaskClient, sign_in: SignIn, site: Site, approved: str, ending: str
) -> None:
    address = f"{REPORT}.{ending}"
    assert client.get(address).status_code == 302
    for key in ("designer", "reader", "admin"):
        sign_in(client, key)
        assert client.get(address).status_code == 403
    assert downloads_of(site) == []
    for key in ("desk", "chief", "auditor"):
        sign_in(client, key)
        assert client.get(address).status_code == 200
    assert downloads_of(site) == [("report", f"indicator-2.1-2010-11.{ending} 2010-11")] * 3


def test_the_json_keeps_to_the_schema_that_anybody_may_read(
    client: FlaskClient, sign_in: SignIn, approved: str
) -> None:
    answer = client.get("/indicators/report.schema.json")
    assert (answer.mimetype, answer.text) == ("application/schema+json", schema_text("indicator"))
    sign_in(client, "auditor")
    answer = client.get(f"{REPORT}.json?biennium=2010-11")
    assert answer.mimetype == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    value = json.loads(answer.data)
    assert departures(value, "indicator") == []
    assert [entry["number"] for entry in value["proposals"]["mechanism"]] == [approved]


def test_a_day_and_a_scope_are_chosen(client: FlaskClient, sign_in: SignIn, approved: str) -> None:
    sign_in(client, "auditor")
    answer = client.get(f"{REPORT}.json?biennium=2010-11&as_of=2010-01-31&scope=RBSA")
    name = 'attachment; filename="indicator-2.1-2010-11-RBSA-2010-01-31.json"'
    assert answer.headers["Content-Disposition"] == name
    value = json.loads(answer.data)
    assert (value["as_of"], value["scope"]) == ("2010-01-31T22:59:59.999999Z", ["RBSA"])
    assert value["denominator"] == 0
    moment = client.get(f"{REPORT}.json?biennium=2010-11&as_of=2010-03-01T00:00+01:00")
    assert json.loads(moment.data)["denominator"] == 1


@pytest.mark.parametrize(
    "query",
    ["biennium=2011-12", "as_of=soon", "as_of=2010-02-01T09:00", "scope=mine", "scope=XBTC&biennium=x"],
)
def test_what_cannot_be_asked_for_is_not_found(client: FlaskClient, sign_in: SignIn, query: str) -> None:
    sign_in(client, "auditor")
    assert client.get(f"{REPORT}.csv?{query}").status_code == 404
    assert client.get(f"{REPORT}.pdf").status_code == 404


def test_a_published_report_is_handed_out_in_every_form(
    client: FlaskClient, sign_in: SignIn, site: Site, cast: Cast, approved: str
) -> None:
    sign_in(client, "desk")
    client.post("/indicators/2.1/publish", data={"biennium": "2010-11"})
    building.approved_proposal(site, cast, title="Came later")
    with site.database.read() as db:
        digest = db.execute(select(tables.indicator_reports.c.digest)).scalar_one()
    place = f"/indicators/2.1/reports/{digest}"
    body = client.get(f"{place}.json").data
    assert hashlib.sha256(body).hexdigest() == digest
    rows = list(csv.reader(StringIO(client.get(f"{place}.csv").data.decode("utf-8-sig"))))
    assert [row[1:3] for row in rows[1:]] == [[approved, "'=Skills in Lusaka"]]
    answer = client.get(f"{place}.xlsx")
    assert answer.headers["Cache-Control"] == "no-store"
    book = openpyxl.load_workbook(BytesIO(answer.data))
    assert [row[2].value for row in book["Proposals"]] == ["Title", "=Skills in Lusaka"]
    assert [row[2].data_type for row in book["Proposals"]] == ["s", "s"]
    assert [subject for subject, _ in downloads_of(site)] == ["report"] * 3
    for ending in ("csv", "xlsx"):
        assert client.get(f"/indicators/2.1/reports/{'0' * 64}.{ending}").status_code == 404


def test_the_page_leads_to_the_files_for_those_who_get_them(
    client: FlaskClient, sign_in: SignIn, approved: str
) -> None:
    for key, found in (("auditor", True), ("designer", False)):
        sign_in(client, key)
        text = client.get("/indicators/2.1?biennium=2010-11").text
        for ending in ENDINGS:
            assert (f'href="{REPORT}.{ending}?biennium=2010-11"' in text) is found


def test_the_other_indicators_are_handed_out_alike(client: FlaskClient, sign_in: SignIn) -> None:
    assert client.get("/indicators/figure.schema.json").text == schema_text("figure")
    sign_in(client, "auditor")
    answer = client.get("/indicators/3.2/report.json?biennium=2010-11")
    assert (answer.mimetype, departures(answer.json, "figure")) == ("application/json", [])
    assert client.get("/indicators/3.2/report.csv?biennium=2010-11").text.lstrip("\ufeff") == "group\r\n"
    for path in ("9.9/report.json", "3.2/report.json?biennium=2011-12", "3.2/report.json?as_of=soon"):
        assert client.get(f"/indicators/{path}").status_code == 404
    sign_in(client, "designer")
    assert client.get("/indicators/3.2/report.json?biennium=2010-11").status_code == 403


def test_the_pdfs_of_a_published_report(
    client: FlaskClient, sign_in: SignIn, site: Site, approved: str
) -> None:
    sign_in(client, "desk")
    page = "/indicators/2.1?biennium=2010-11"
    client.post("/indicators/2.1/publish", data={"biennium": "2010-11"})
    with site.database.read() as db:
        digest = db.execute(select(tables.indicator_reports.c.digest)).scalar_one()
    place = f"/indicators/2.1/reports/{digest}"
    assert client.get(f"{place}/en.pdf").status_code == 404
    assert "PDFs are being prepared" in client.get(page).text
    assert client.post(f"{place}/render").status_code == 303
    assert client.post(f"/indicators/2.1/reports/{'0' * 64}/render").status_code == 404
    assert waiting(site.database, RENDERING) >= 3
    worker.work(site.database, site.files, lambda value, language: PDF + value[:9], site.now)
    answer = client.get(f"{place}/fr.pdf")
    assert (answer.mimetype, answer.data) == ("application/pdf", PDF + b'{"approve')
    assert downloads_of(site) == [("report", f"indicator-2.1-{digest[:12]}-fr.pdf {digest}")]
    text = client.get(page).text
    assert "PDFs are being prepared" not in text
    for language in ("en", "fr", "es"):
        assert f'href="{place}/{language}.pdf"' in text
    sign_in(client, "chief")
    assert client.get(f"{place}/en.pdf").status_code == 200
    assert client.post(f"{place}/render").status_code == 403
    sign_in(client, "reader")
    assert client.get(f"{place}/en.pdf").status_code == 403
