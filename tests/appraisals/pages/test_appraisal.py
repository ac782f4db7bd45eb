"""The pages of an appraisal: who sees ratings, and who may not rate."""

import pytest
from flask.testing import FlaskClient

from appraisal.appraisals.services.lead import RatingPut, rate
from appraisal.proposals.facts import Appraisal
from appraisal.web.context import Site
from tests.web import building
from tests.web.building import Cast
from tests.web.sites import SignIn


def _running(site: Site, number: str) -> Appraisal:
    running = building.load(site, number).appraisal
    assert running is not None
    return running


def _url(number: str, rest: str = "") -> str:
    return f"/proposals/{number}/appraisal{rest}"


@pytest.mark.parametrize(
    ("key", "overview", "checklist"),
    [
        ("reader", 200, 200),
        ("desk", 200, 200),
        ("auditor", 200, 200),
        ("chief", 200, 403),
        ("designer", 200, 403),
        # Who has signed a review sees what the others say.
        ("actemp", 200, 200),
        ("designer2", 404, 404),
        ("admin", 404, 404),
    ],
)
def test_who_sees_running_ratings(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn, key: str, overview: int, checklist: int
) -> None:
    number = building.rated_proposal(site, cast, ratings={"TRI-3": "1"})
    sign_in(client, key)
    page = client.get(_url(number))
    assert page.status_code == overview
    assert client.get(_url(number, "/TRI")).status_code == checklist
    assert client.get(_url(number, "/recommendation")).status_code == checklist
    if overview == 200:
        assert ("Partly met" in page.text) == (checklist == 200)
        assert ("The ratings can be read once" in page.text) == (checklist == 403)


def test_everybody_concerned_reads_ratings_once_finalised(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.appraised_proposal(site, cast, ratings={"TRI-3": "1"})
    for key in ("designer", "chief", "reader"):
        sign_in(client, key)
        page = client.get(_url(number, "/TRI"))
        assert "Not convincing yet." in page.text
        assert 'type="radio"' not in page.text
        assert "Partly met" in client.get(_url(number, "/recommendation")).text


def test_an_overview_shows_progress_units_and_what_is_open(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.assigned_proposal(site, cast, budget="6000000")
    with site.database.begin() as db:
        rate(db, site.library, cast["reader"], site.now(), number, {"TRI-3": RatingPut("1")})
    sign_in(client, "reader")
    page = client.get(_url(number))
    for words in (
        "1 of 8",
        "EVAL",
        "Request a revision",
        "Not possible now:",
        "TRI-3 is rated 1 and needs a comment.",
        f"{_url(number, '/TRI')}#TRI-3",
        "None can be computed yet",
        f"{_url(number, '/EVA')}",
    ):
        assert words in page.text


def test_there_is_no_appraisal_before_one_is_assigned(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.submitted_proposal(site, cast)
    sign_in(client, "desk")
    assert client.get(_url(number)).status_code == 404


@pytest.mark.parametrize("key", ["desk", "chief", "designer", "auditor"])
def test_nobody_but_the_lead_rates(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn, key: str
) -> None:
    number = building.assigned_proposal(site, cast)
    sign_in(client, key)
    for page in ("/TRI", "/recommendation", "/confirm"):
        assert client.post(_url(number, page), data={"TRI-1-value": "2"}).status_code == 403
    assert not _running(site, number).ratings


def test_what_is_typed_is_escaped(site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn) -> None:
    number = building.assigned_proposal(site, cast, title="<script>alert(1)</script>")
    sign_in(client, "reader")
    client.post(_url(number, "/TRI"), data={"TRI-1-comment": "</textarea><b>bold</b>"})
    for rest in ("", "/TRI", "/recommendation"):
        page = client.get(_url(number, rest))
        assert "<script>alert" not in page.text
        assert "<b>bold" not in page.text
