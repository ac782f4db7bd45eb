"""The page of agreement: figures by item, their order, their sheet, and who sees them."""

import csv
import io
import re

import pytest
from flask.testing import FlaskClient
from lxml import html
from sqlalchemy import update

from appraisal.accounts.services import accounts
from appraisal.database import tables
from appraisal.web.context import Site
from tests.casts import counted
from tests.tampering import unwatched
from tests.web import building, panels
from tests.web.building import Cast
from tests.web.sites import SignIn

PAGE, SHEET = "/agreement", "/agreement.csv"


def rows_of(page: str) -> dict[str, list[list[str]]]:
    """Return the cells of each table by its caption."""
    return {
        table.xpath("./caption")[0].text_content(): [
            [" ".join(cell.text_content().split()) for cell in row.xpath(".//*[@class='app-table__value']")]
            for row in table.xpath("./tbody/tr")
        ]
        for table in html.document_fromstring(page).xpath("//table")
    }


@pytest.fixture
def reviewed(site: Site, cast: Cast) -> None:
    """Two proposals with two reviewers each, who disagree on TRI-4 and agree on all else."""
    for high in ("3", "1"):
        number = building.assigned_proposal(site, cast)
        values = {(1, "TRI-4"): "3", (2, "TRI-4"): "1", (1, "TRI-1"): high, (2, "TRI-1"): high}
        panels.reviewed_by(site, cast, number, 2, rate=panels.rating(values))


@pytest.mark.parametrize(
    ("key", "status"),
    [("desk", 200), ("auditor", 200), ("reader", 403), ("chief", 403), ("designer", 403), ("admin", 403)],
)
def test_coordinators_and_auditors_see_it(
    client: FlaskClient, sign_in: SignIn, reviewed: None, key: str, status: int
) -> None:
    sign_in(client, key)
    for address in (PAGE, PAGE + "?sort=lowest", SHEET):
        assert client.get(address).status_code == status
    assert ('href="/agreement"' in client.get("/").text) == (status == 200)


def test_items_stand_by_set_and_checklist_with_what_is_behind_them(
    client: FlaskClient, sign_in: SignIn, reviewed: None
) -> None:
    sign_in(client, "auditor")
    page = client.get(PAGE).text
    assert "appraisal.v1" in page
    tables = rows_of(page)
    assert list(tables)[:2] == ["Alignment", "Tripartism"]
    found = {row[0].split()[0]: row[1:] for rows in tables.values() for row in rows}
    assert found["TRI-1"] == ["1.000", "2", "2"]
    assert found["TRI-4"] == ["-0.500", "2", "2"]
    assert found["TRI-2"] == ["not computable: all ratings are the same", "2", "2"]
    assert found["ALI-1"] == ["not computable: nothing was rated by two people", "0", "0"]
    assert "Computing Krippendorff" in page
    assert "Illustrative" not in page


def test_the_lowest_agreement_comes_first_when_asked_for(
    client: FlaskClient, sign_in: SignIn, reviewed: None
) -> None:
    sign_in(client, "desk")
    tables = rows_of(client.get(PAGE + "?sort=lowest").text)
    (rows,) = tables.values()
    assert [row[0].split()[0] for row in rows[:3]] == ["TRI-4", "TRI-1", "ALI-1"]


def test_figures_are_written_as_the_language_does(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn, reviewed: None
) -> None:
    with site.database.begin() as db:
        accounts.set_language(db, cast["desk"].id, "fr")
    sign_in(client, "desk")
    page = client.get(PAGE).text
    assert "-0,500" in page
    assert "1,000" in page


def test_the_sheet_holds_numbers_and_no_formula(client: FlaskClient, sign_in: SignIn, reviewed: None) -> None:
    sign_in(client, "desk")
    answer = client.get(SHEET)
    assert answer.mimetype == "text/csv"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="agreement.csv"'
    header, *rows = csv.reader(io.StringIO(answer.text.removeprefix("\ufeff")))
    assert header[2:] == ["Item", "Question", "Alpha", "Appraisals", "Pairs", "Remark"]
    found = {row[2]: row for row in rows}
    assert found["TRI-4"][:3] == ["appraisal.v1", "Tripartism", "TRI-4"]
    assert found["TRI-4"][4:] == ["-0.500", "2", "2", ""]
    assert found["TRI-2"][4:] == ["", "2", "2", "not computable: all ratings are the same"]
    numbers = re.compile(r"-?[0-9.]+")
    for row in rows:
        assert not any(cell[:1] in "=+-@\t\r" and not numbers.fullmatch(cell) for cell in row if cell)


def test_before_any_review_there_is_nothing(client: FlaskClient, sign_in: SignIn) -> None:
    sign_in(client, "desk")
    assert "No review that you may read is signed yet." in client.get(PAGE).text
    assert len(client.get(SHEET).text.splitlines()) == 1


def test_illustrative_reviews_are_marked(
    site: Site, client: FlaskClient, sign_in: SignIn, reviewed: None
) -> None:
    table = tables.proposals
    with unwatched(site.database) as db:
        db.execute(update(table).values(illustrative=True))
    sign_in(client, "auditor")
    assert "Reviews of illustrative proposals are among these." in client.get(PAGE).text


@pytest.mark.thorough
def test_the_number_of_statements_does_not_grow(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    sign_in(client, "desk")
    sent = []
    for count in (3, 30):
        number = building.assigned_proposal(site, cast)
        panels.reviewed_by(site, cast, number, count)
        client.get(PAGE)
        with counted() as statements:
            client.get(PAGE)
        sent.append(len(statements))
    assert sent[0] == sent[1]
