"""The page of times: who reads it, what it says of which year, and the file that goes with it."""

import csv
from datetime import UTC, datetime
from io import StringIO

import pytest
from flask.testing import FlaskClient

from appraisal.web.context import Site
from tests.casts import Clock, counted
from tests.indicators.pages.test_appraised_share import words
from tests.web import building
from tests.web.building import Cast
from tests.web.sites import SignIn

PAGE = "/times"


@pytest.mark.parametrize("path", [PAGE, "/times.csv"])
def test_coordinators_managers_and_auditors_read_it(client: FlaskClient, sign_in: SignIn, path: str) -> None:
    assert client.get(path).status_code == 302
    for key in ("designer", "desk", "reader", "chief", "auditor", "admin"):
        sign_in(client, key)
        is_reader = key in ("desk", "chief", "auditor")
        assert client.get(path).status_code == (200 if is_reader else 403)
        assert ('href="/times"' in client.get("/").text) is is_reader


def test_a_page_without_figures_says_so(client: FlaskClient, sign_in: SignIn) -> None:
    sign_in(client, "auditor")
    assert "No step with a limit ended in this time yet." in words(client, PAGE)


@pytest.fixture
def three(site: Site, cast: Cast, clock: Clock) -> None:
    """Assign three proposals after one, three and four working days; the last in another year."""
    numbers = [building.submitted_proposal(site, cast, unit="SKILLS") for _ in range(2)]
    numbers.append(building.submitted_proposal(site, cast, budget="100000", unit="=MIGRANT"))
    for number, day in zip(
        numbers,
        (
            datetime(2010, 2, 2, 9, tzinfo=UTC),
            datetime(2010, 2, 4, 9, tzinfo=UTC),
            datetime(2011, 2, 7, 9, tzinfo=UTC),
        ),
        strict=True,
    ):
        clock.set(day)
        building.take(site, cast["desk"], number, "assign", lead=cast["reader"])


def test_figures_stand_by_step_track_and_unit(client: FlaskClient, sign_in: SignIn, three: None) -> None:
    sign_in(client, "chief")
    page = words(client, PAGE)
    # Working days from 1 February 2010 to 7 February 2011: 265.
    assert "Submitted Stays 3 Median 3 90th percentile 265 Limit 2 Within the limit 33.3%" in page
    assert (
        "Submitted Track Standard Stays 2 Median 1 90th percentile 3 Limit 2 Within the limit 50.0%" in page
    )
    assert "Submitted Unit =MIGRANT Stays 1 Median 265" in page
    assert "nearest-rank" in page
    drawn = client.get(PAGE).text
    assert "Submitted, Standard: median 1, 90th percentile 3, limit 2" in drawn


def test_a_year_is_chosen(client: FlaskClient, sign_in: SignIn, three: None) -> None:
    sign_in(client, "desk")
    page = words(client, f"{PAGE}?year=2010")
    assert "Submitted Stays 2 Median 1 90th percentile 3" in page
    assert "265" not in page
    assert "Submitted Stays 1 Median 265" in words(client, f"{PAGE}?year=2011")
    assert "No step with a limit ended" in words(client, f"{PAGE}?year=2015")
    for odd in ("", "x", "99999", "0001", "20 0", "９９９９"):
        assert "Submitted Stays 3" in words(client, f"{PAGE}?year={odd}")


def test_the_file_runs_nothing(client: FlaskClient, sign_in: SignIn, three: None) -> None:
    sign_in(client, "desk")
    answer = client.get("/times.csv?year=2011")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="times-2011.csv"'
    assert answer.mimetype == "text/csv"
    rows = list(csv.reader(StringIO(answer.data.decode("utf-8-sig"))))
    assert rows == [
        ["step", "track", "unit", "count", "median", "ninetieth", "limits", "within_limit"],
        ["Submitted", "Fast", "'=MIGRANT", "1", "265", "265", "2", "0"],
    ]


@pytest.mark.thorough
def test_the_number_of_statements_does_not_grow(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    sign_in(client, "auditor")
    counts = []
    for more in (3, 27):
        for place in range(more):
            number = building.submitted_proposal(site, cast, unit=f"U{place}")
            building.take(site, cast["desk"], number, "assign", lead=cast["reader"])
        with counted() as sent:
            assert client.get(PAGE).status_code == 200
        counts.append(len(sent))
    assert counts[0] == counts[1]


@pytest.mark.parametrize("language", ["fr", "es"])
def test_the_page_is_drawn_in_every_language(
    client: FlaskClient, sign_in: SignIn, three: None, language: str
) -> None:
    sign_in(client, "auditor")
    client.post("/language", data={"language": language})
    assert client.get(PAGE).status_code == 200
