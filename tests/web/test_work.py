"""My work: what waits for whom, what is overdue, and what the page says where nothing waits."""

from datetime import UTC, datetime

import pytest
from flask.testing import FlaskClient

from appraisal.services import people
from appraisal.web.context import Site
from tests.web import building
from tests.web.building import Cast, Clock
from tests.web.conftest import SignIn


def _work(client: FlaskClient, sign_in: SignIn, key: str) -> str:
    sign_in(client, key)
    answer = client.get("/")
    assert answer.status_code == 200
    return answer.text


@pytest.mark.parametrize(
    ("key", "words", "link"),
    [
        ("designer", "You are writing nothing at present.", "/proposals/new"),
        ("desk", "No proposal waits for a completeness check", "/proposals"),
        ("reader", "No appraisal is yours at present", "/workflow"),
        ("chief", "No proposal waits for your decision.", "/proposals"),
        ("auditor", "Nothing waits for auditors.", "/records"),
        ("admin", "You look after people and holidays", "/people"),
    ],
)
def test_an_empty_page_says_what_to_do_next(
    client: FlaskClient, sign_in: SignIn, key: str, words: str, link: str
) -> None:
    page = _work(client, sign_in, key)
    assert words in page
    assert f'href="{link}"' in page


def test_a_proposal_waits_for_whoever_holds_it(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    building.draft_proposal(site, cast, title="A draft")
    building.submitted_proposal(site, cast, title="To assign")
    building.assigned_proposal(site, cast, title="To rate")
    building.appraised_proposal(site, cast, title="To decide on")
    building.approved_proposal(site, cast, title="To be sent")
    building.revision_proposal(site, cast, title="To revise")
    expected = {
        "designer": {"A draft", "To revise"},
        "desk": {"To assign", "To be sent"},
        "reader": {"To rate"},
        "eval": set(),
        "chief": {"To decide on"},
        "auditor": set(),
        "admin": set(),
    }
    titles = {title for found in expected.values() for title in found}
    for key, waiting in expected.items():
        page = _work(client, sign_in, key)
        assert {title for title in titles if title in page} == waiting, key


def test_what_was_approved_outside_waits_for_nobody(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    building.outside_approval(site, cast, title="Approved elsewhere")
    assert "Approved elsewhere" not in _work(client, sign_in, "desk")


def test_a_unit_is_shown_what_it_is_asked_for(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.assigned_proposal(site, cast, title="Asked about")
    page = _work(client, sign_in, "actemp")
    assert "To review" in page
    assert "ACT/EMP is asked for comments" in page
    assert f"/proposals/{number}/review" in page
    assert "Asked about" not in _work(client, sign_in, "eval")


def test_days_are_counted_and_lateness_is_said_in_words(
    site: Site, cast: Cast, clock: Clock, client: FlaskClient, sign_in: SignIn
) -> None:
    building.submitted_proposal(site, cast)
    page = _work(client, sign_in, "desk")
    assert "Due on 3 February 2010" in page
    assert "0 of 2 working days used" in page
    clock.set(datetime(2010, 2, 3, 12, tzinfo=UTC))
    assert "Due today" in client.get("/").text
    clock.set(datetime(2010, 2, 8, 12, tzinfo=UTC))
    page = client.get("/").text
    # Thursday, Friday and Monday.
    assert "Overdue by 3 working days" in page
    assert "5 of 2 working days used" in page


def test_what_is_due_first_stands_first(
    site: Site, cast: Cast, clock: Clock, client: FlaskClient, sign_in: SignIn
) -> None:
    building.appraised_proposal(site, cast, title="Standard, due later")
    building.appraised_proposal(site, cast, title="Fast, due sooner", budget="100000")
    page = _work(client, sign_in, "chief")
    assert page.index("Fast, due sooner") < page.index("Standard, due later")


def test_the_clock_stands_on_hold(site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn) -> None:
    number = building.submitted_proposal(site, cast)
    until = datetime(2010, 3, 15, tzinfo=UTC).date()
    building.take(site, cast["desk"], number, "hold", until=until, note="Waiting for the donor.")
    page = _work(client, sign_in, "desk")
    assert "On hold" in page
    assert "working days used" not in page


def test_who_is_not_signed_in_signs_in_first(client: FlaskClient) -> None:
    answer = client.get("/")
    assert answer.status_code == 302
    assert answer.location.startswith("/sign-in")


def test_overdue_conditions_wait_for_coordinators(
    site: Site, cast: Cast, clock: Clock, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.approved_proposal(site, cast, ratings={"TRI-4": "1"})
    assert f"Condition 1 of {number}" not in _work(client, sign_in, "desk")
    clock.set(datetime(2010, 6, 1, 12, tzinfo=UTC))
    assert f"Condition 1 of {number}" in client.get("/").text
    assert f"Condition 1 of {number}" not in _work(client, sign_in, "chief")


def test_an_appraisal_whose_lead_has_left_waits_for_coordinators(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    building.assigned_proposal(site, cast, title="Left behind")
    assert "Left behind" not in _work(client, sign_in, "desk")
    reader = cast["reader"]
    with site.database.begin() as db:
        people.change_person(
            db,
            cast["admin"],
            site.now(),
            reader.id,
            name=reader.name,
            roles=list(reader.roles),
            unit=reader.unit,
            duty_station=reader.duty_station,
            language=reader.language,
            active=False,
        )
    page = client.get("/").text
    assert page.index("To reassign: the lead appraiser&#39;s account is closed") < page.index("Left behind")
