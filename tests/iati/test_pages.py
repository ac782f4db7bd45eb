"""IATI in the pages: the download of activities, and beginning proposals from a file of them."""

import re
import zlib
from base64 import b64encode
from io import BytesIO

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from appraisal.database import tables
from appraisal.iati import pages
from appraisal.proposals.rules.attempt import ApprovalGiven
from appraisal.scenarios.complete_proposal import neutral_content
from appraisal.web.context import Site
from appraisal.workflow.services import outside_approvals
from tests.iati.activities import budget, element, wrapped
from tests.iati.schemas import validated
from tests.web import building
from tests.web.building import Cast
from tests.web.sites import SignIn

PROPOSALS = tables.proposals
FINLAND = '<participating-org role="1"><narrative>Finland</narrative></participating-org>'


def outside(site: Site, cast: Cast, *, illustrative: bool = False, **given: str) -> str:
    given.setdefault("title", "Illustrative" if illustrative else f"Approved elsewhere, {given}")
    approval = ApprovalGiven("Minute 12", "Registry", site.now())
    with site.database.begin() as db:
        return outside_approvals.register_outside(
            db,
            site.library,
            cast["desk"],
            site.now(),
            neutral_content(given),
            approval,
            illustrative=illustrative,
        ).number


def downloads(site: Site) -> list[tuple[str, str]]:
    table = tables.accesses
    with site.database.read() as db:
        rows = db.execute(select(table.c.subject, table.c.detail).where(table.c.action == "download"))
        return [(row.subject, row.detail) for row in rows]


def titles(site: Site) -> list[tuple[str, str]]:
    with site.database.read() as db:
        return [tuple(row) for row in db.execute(select(PROPOSALS.c.title, PROPOSALS.c.source))]


@pytest.mark.parametrize("who", ["desk", "chief", "auditor"])
def test_those_who_read_every_proposal_download_them(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn, who: str
) -> None:
    number = building.submitted_proposal(site, cast, title="Decent <work>")
    sign_in(client, who)
    for page in ("/proposals", "/indicators/2.1"):
        assert 'href="/iati' in client.get(page).text
    assert "Download 1 activity of 2010–11 (XML)" in client.get("/iati").text
    answer = client.get("/iati/activities.xml?biennium=2010-11")
    assert (answer.status_code, answer.mimetype) == (200, "application/xml")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="activities-2010-11.xml"'
    assert answer.headers["Cache-Control"] == "no-store"
    root = validated(answer.data)
    assert root.findtext("iati-activity/iati-identifier") == f"XM-DAC-41302-{number}"
    assert root.findtext("iati-activity/title/narrative") == "Decent <work>"
    assert downloads(site) == [("iati", "2010-11")]
    assert validated(client.get("/iati/activities.xml").data) is not None


@pytest.mark.parametrize("who", ["designer", "reader", "admin"])
def test_nobody_else_does(site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn, who: str) -> None:
    building.submitted_proposal(site, cast)
    sign_in(client, who)
    assert client.get("/iati").status_code == 403
    assert client.get("/iati/activities.xml").status_code == 403
    assert downloads(site) == []


def test_where_there_is_nothing_the_page_says_so(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    sign_in(client, "desk")
    answer = client.get("/iati/activities.xml?biennium=2008-09")
    assert (answer.status_code, answer.location) == (302, "/iati?biennium=2008-09")
    page = client.get("/iati?biennium=2008-09")
    assert "There is no activity to give out." in page.text
    assert "There is no activity to give out in this biennium." in page.text
    assert client.get("/iati?biennium=soon").status_code == 404
    assert client.get("/iati/activities.xml?biennium=2011-12").status_code == 404
    assert downloads(site) == []


def test_what_is_left_out_is_named_with_its_reasons(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = outside(site, cast, start="", title="")
    endless = outside(site, cast, end="")
    outside(site, cast, illustrative=True)
    sign_in(client, "auditor")
    page = client.get("/iati").text
    assert f'href="/proposals/{number}"' in page
    assert "there is no title; there is no planned start" in page
    assert f'href="/proposals/{endless}"' in page
    assert "without a budget, since there is no planned end" in page
    assert "1 proposal is demonstration data and is left out" in page
    plain = validated(client.get("/iati/activities.xml").data)
    marked = validated(client.get("/iati/activities.xml?illustrative=1").data)
    assert (len(plain), len(marked)) == (1, 2)


def send(client: FlaskClient, file: bytes) -> TestResponse:
    return client.post("/iati/import", data={"file": (BytesIO(file), "in.xml"), "save": "1"})


def hidden(page: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page))


def test_a_file_is_looked_at_before_anything_is_made_of_it(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    sign_in(client, "designer")
    assert 'href="/iati/import"' in client.get("/proposals").text
    file = wrapped(
        element(
            FINLAND,
            budget("1250000.50"),
            '<other-identifier type="A1" ref="RAS/13/51M/JPN"/>',
            '<recipient-country code="ZM"/>',
            "<transaction/>",
            identifier="A-1",
            title="Decent &lt;work&gt;",
        ),
        "\n",
        element(identifier="A-2", title="Other"),
        "<oddity/>",
    )
    page = send(client, file)
    assert page.status_code == 200
    for words in (
        "2 drafts, of which you are the author. Nothing is made yet.",
        "Decent &lt;work&gt;",
        "RAS/13/51M/JPN",
        "Zambia",
        "1 July 2010",
        "Finland: USD 1,250,000.50",
        "transaction (line 1): the form has no place for it",
        "filled in as “XBTC”, which the activity does not say",
        "oddity (line 2): not an activity",
        "All that the activity says is taken over.",
    ):
        assert words in page.text, words
    assert titles(site) == []
    sent = hidden(page.text)
    done = client.post("/iati/import", data=sent)
    assert (done.status_code, done.location) == (303, "/proposals?state=draft")
    assert "2 proposals are begun." in client.get(done.location).text
    assert titles(site) == [("Decent <work>", "IATI A-1"), ("Other", "IATI A-2")]
    assert client.post("/iati/import", data=sent).status_code == 303
    assert len(titles(site)) == 2
    again = client.post("/iati/import", data={**sent, "request_key": "a" * 32})
    assert again.status_code == 422
    assert "Line 1: A-1, iati-identifier: this activity is here already" in again.text


def test_every_fault_is_listed_and_nothing_is_begun(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    sign_in(client, "designer")
    file = wrapped(
        element(identifier="A-1"),
        "\n",
        element(FINLAND, budget("1,000"), identifier="A-2", start=""),
        "\n",
        element(identifier="A-3", title="x" * 301),
    )
    page = send(client, file)
    assert page.status_code == 422
    for words in (
        "There is a problem",
        "Line 2: A-2, budget/value: “1,000” is no amount",
        "Line 2: A-2, activity-date: the activity has neither a planned nor an actual start date",
        "Line 3: A-3, identification.title: At most 300 characters; this has 301",
        "Nothing was begun.",
    ):
        assert words in page.text, words
    assert titles(site) == []


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (b"", "Choose a file that has something in it"),
        (b"<!DOCTYPE a>" + wrapped(element()), "Line 1: DOCTYPE: the file declares a document type"),
        (b"%PDF-1.4", "Line 1: the file is no XML, or not whole"),
        (wrapped(version="1.05"), "the file is of version “1.05” of the standard, not of 2.03"),
    ],
)
def test_what_is_no_file_of_activities_is_refused(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn, file: bytes, words: str
) -> None:
    sign_in(client, "designer")
    page = send(client, file)
    assert page.status_code == 422
    assert words in page.text


def packed(data: bytes) -> str:
    return b64encode(zlib.compress(data)).decode()


@pytest.mark.parametrize(
    ("carried", "words"),
    [
        ("", "Choose a file"),
        ("x", "Choose a file"),
        ("\u00e9", "Choose a file"),
        (b64encode(b"no zlib").decode(), "Choose a file"),
        (packed(wrapped(element()))[:-8], "Choose a file"),
        (packed(b" " * (21 * 1024 * 1024)), "Choose a file"),
        (packed(wrapped(element(start=""))), "neither a planned nor an actual start date"),
    ],
)
def test_what_a_form_carries_is_not_trusted(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn, carried: str, words: str
) -> None:
    sign_in(client, "designer")
    page = client.post("/iati/import", data={"carried": carried, "name": "../../x"})
    assert page.status_code == 422
    assert words in page.text
    assert titles(site) == []


def test_a_file_that_a_page_cannot_carry_is_told(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "MOST_CARRIED", 100)
    sign_in(client, "designer")
    page = send(client, wrapped(element()))
    assert page.status_code == 422
    assert "The file is too large to be carried to the next page" in page.text


@pytest.mark.parametrize("who", ["desk", "reader", "chief", "auditor", "admin"])
def test_only_designers_begin_proposals_from_a_file(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn, who: str
) -> None:
    sign_in(client, who)
    assert client.get("/iati/import").status_code == 403
    assert send(client, wrapped(element())).status_code == 403
    assert titles(site) == []
