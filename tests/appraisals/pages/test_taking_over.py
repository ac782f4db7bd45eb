"""Taking over on the pages: what a substitute of a reviewer finds, answers, and leaves to be read."""

from datetime import timedelta

from flask.testing import FlaskClient

from appraisal.accounts.services import substitutes
from appraisal.appraisals.services import reviews
from appraisal.clock import geneva_date
from appraisal.web.context import Site
from tests.web import building, panels
from tests.web.building import Cast
from tests.web.sites import SignIn


def _asked(site: Site, cast: Cast) -> tuple[str, str]:
    """Ask a reviewer who is away; return the number and the reviewer's address."""
    number = building.assigned_proposal(site, cast, title="While away")
    away, instead = panels.hire(site, 2)
    panels.ask(site, cast, number, away, ["GEN"])
    today = geneva_date(site.now())
    with site.database.begin() as db:
        substitutes.name_substitute(
            db,
            away,
            site.now(),
            person=away.id,
            substitute=instead.id,
            scope="appraisals",
            first=today,
            last=today + timedelta(days=7),
        )
    return number, f"/proposals/{number}/review"


def test_a_review_of_somebody_replaced_waits_in_my_work(site: Site, cast: Cast, client: FlaskClient) -> None:
    number, url = _asked(site, cast)
    building.sign_in_as(client, site, panels.hire(site, 2)[1])
    page = client.get("/").text
    assert "A review for Reviewer 1" in page
    assert f'href="{url}"' in page
    # Of the proposal itself nothing is shown before the declaration.
    assert client.get(f"/proposals/{number}").headers["Location"].endswith(url)


def test_taking_over_asks_first_and_says_for_whom(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number, url = _asked(site, cast)
    away, instead = panels.hire(site, 2)
    building.sign_in_as(client, site, instead)
    page = client.get(url).text
    assert "You stand in for Reviewer 1, who is asked to review this proposal by" in page
    assert client.post(url, data={"answer": "nothing"}).status_code == 303
    page = client.get(url).text
    assert "In place of" in page
    assert "Reviewer 1" in page
    building.sign_in_as(client, site, away)
    assert "Reviewer 2, who stood in for you, took it over." in client.get(url).text
    assert "While away" not in client.get("/").text
    sign_in(client, "desk")
    assert "Reviewer 2, for Reviewer 1" in client.get(f"/proposals/{number}/reviews").text


def test_what_a_unit_says_nobody_else_says(site: Site, cast: Cast, client: FlaskClient) -> None:
    number = building.assigned_proposal(site, cast)
    instead = panels.hire(site, 1)[0]
    today = geneva_date(site.now())
    with site.database.begin() as db:
        reviews.declare(db, site.library, cast["actemp"], site.now(), number, conflict=None)
        substitutes.name_substitute(
            db,
            cast["actemp"],
            site.now(),
            person=cast["actemp"].id,
            substitute=instead.id,
            scope="appraisals",
            first=today,
            last=today,
        )
    building.sign_in_as(client, site, instead)
    page = client.get(f"/proposals/{number}/review").text
    assert "Review for Farid Haddad" in page
    assert "ACT/EMP answers through somebody of its own." in page
    assert 'name="answer"' not in page
