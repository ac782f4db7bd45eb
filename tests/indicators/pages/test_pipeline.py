"""The page from submission to funding: who reads it, what it says, and where it leads."""

import pytest
from flask.testing import FlaskClient

from appraisal.web.context import Site
from tests.casts import counted
from tests.indicators.pages.test_appraised_share import words
from tests.web import building
from tests.web.building import Cast
from tests.web.sites import SignIn

PAGE = "/indicators/2.1/pipeline"
YEARS = f"{PAGE}?biennium=2010-11"


@pytest.fixture
def several(site: Site, cast: Cast) -> None:
    building.submitted_proposal(site, cast)
    building.revision_proposal(site, cast)
    building.not_recommended_proposal(site, cast)
    building.funded_proposal(site, cast)
    building.outside_approval(site, cast)


def test_coordinators_managers_and_auditors_read_it(client: FlaskClient, sign_in: SignIn) -> None:
    assert client.get(PAGE).status_code == 302
    for key in ("designer", "desk", "reader", "chief", "auditor", "admin"):
        sign_in(client, key)
        is_reader = key in ("desk", "chief", "auditor")
        assert client.get(PAGE).status_code == (200 if is_reader else 403)
        assert ("/indicators/2.1/pipeline" in client.get("/indicators/2.1").text) is is_reader


@pytest.mark.thorough
def test_figures_stand_beside_their_pictures(client: FlaskClient, sign_in: SignIn, several: None) -> None:
    sign_in(client, "auditor")
    page = words(client, YEARS)
    for line in (
        "Submitted Proposals 4 Share of those submitted 100.0%",
        "Appraised Proposals 3 Share of those submitted 75.0%",
        "Approved Proposals 1 Share of those submitted 25.0%",
        "Funded Proposals 1 Share of those submitted 25.0%",
        "2010–11 Recommend approval 1 Finalised 3 Share 33.3%",
    ):
        assert line in page
    text = client.get(YEARS).text
    assert "3 of 4 (75.0%)</text>" in text
    assert "<title>Proposals of 2010–11 that reached each stage</title>" in text
    assert "TRI-1</a> " in text
    assert 'href="/workflow/checklists/tripartism.v1#TRI-1"' in text
    assert "2 of 3 (66.7%)</text>" in text
    assert "Illustrative" not in page


@pytest.mark.thorough
def test_an_empty_biennium_says_so(client: FlaskClient, sign_in: SignIn, several: None) -> None:
    sign_in(client, "desk")
    page = words(client, f"{PAGE}?biennium=2012-13")
    assert "No proposal was first submitted in this biennium." in page
    assert "No first appraisal was finalised in this biennium." in page
    assert "rated an item with the lowest value" in page
    assert client.get(f"{PAGE}?biennium=2011-12").status_code == 404


def test_the_number_of_statements_does_not_grow(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    sign_in(client, "chief")
    counts = []
    for _ in range(2):
        building.revision_proposal(site, cast)
        with counted() as sent:
            client.get(YEARS)
        counts.append(len(sent))
    assert counts[0] == counts[1]


@pytest.mark.thorough
@pytest.mark.parametrize("language", ["fr", "es"])
def test_the_page_is_drawn_in_every_language(
    client: FlaskClient, sign_in: SignIn, several: None, language: str
) -> None:
    sign_in(client, "auditor")
    client.post("/language", data={"language": language})
    assert client.get(YEARS).status_code == 200
