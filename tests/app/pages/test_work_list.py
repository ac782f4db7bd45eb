"""My work: what waits for whom, what is overdue, and what the page says where nothing waits."""

import re
from datetime import UTC, date, datetime

import pytest
from flask.testing import FlaskClient

from appraisal.deadlines import services as deadlines_services
from appraisal.web.context import Site
from tests.casts import Clock, counted
from tests.web import building
from tests.web.building import Cast
from tests.web.sites import SignIn


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


@pytest.mark.thorough
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
    assert "Asked of you" in page
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


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))


def test_what_is_late_due_today_and_this_week_is_counted(
    site: Site, cast: Cast, clock: Clock, client: FlaskClient, sign_in: SignIn
) -> None:
    # Due on Wednesday 3, Thursday 4, Friday 5, and Monday 8 February.
    for day in (1, 2, 3, 4):
        clock.set(datetime(2010, 2, day, 9, tzinfo=UTC))
        building.submitted_proposal(site, cast)
    held = building.submitted_proposal(site, cast)
    building.take(site, cast["desk"], held, "hold", until=date(2010, 2, 7), note="Waiting.")
    page = _plain(_work(client, sign_in, "desk"))
    group = "To check for completeness and assign"
    assert f"Late 1 {group} : 1 Due today 1 {group} : 1 Due this week 1 {group} : 1" in page
    assert 'href="#group-coordinator"' in client.get("/").text
    # On Saturday all that was due this week is late, though no working day has passed since Friday.
    clock.set(datetime(2010, 2, 6, 9, tzinfo=UTC))
    page = _plain(client.get("/").text)
    assert f"Late 3 {group} : 3 Due today 0 Due this week 0" in page
    assert "Overdue Due on 5 February 2010" in page


def test_nothing_is_counted_where_nothing_waits(client: FlaskClient, sign_in: SignIn) -> None:
    assert "Due this week" not in _work(client, sign_in, "desk")


def test_what_is_asked_of_somebody_stands_in_one_order(
    site: Site, cast: Cast, clock: Clock, client: FlaskClient, sign_in: SignIn
) -> None:
    building.owned_condition(site, cast, "Farid Haddad", title="Approved here")
    clock.set(datetime(2010, 2, 22, 9, tzinfo=UTC))
    building.assigned_proposal(site, cast, title="Asked first")
    clock.set(datetime(2010, 3, 1, 9, tzinfo=UTC))
    building.assigned_proposal(site, cast, title="Asked later")
    page = _plain(_work(client, sign_in, "actemp"))
    # Comments by 1 March, a condition by 3 March, comments by 8 March.
    places = [page.index(words) for words in ("Asked first", "You own this condition", "Asked later")]
    assert places == sorted(places)
    assert "Late 0 Due today 1 Asked of you : 1 Due this week 1 Asked of you : 1" in page
    assert "Make TRI-3 good. · Before it is sent to the donor" in page
    # Its unit was asked about that proposal, so that its title is this reader's to see.
    assert "Approved here" in page


def test_a_hold_moves_the_day_for_comments(
    site: Site, cast: Cast, clock: Clock, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.assigned_proposal(site, cast)
    building.take(site, cast["desk"], number, "hold", until=date(2010, 2, 4), note="Waiting.")
    assert "On hold" in _work(client, sign_in, "actemp")
    clock.set(datetime(2010, 2, 3, 9, tzinfo=UTC))
    building.take(site, cast["desk"], number, "release")
    # Tuesday was held: one working day more than 8 February.
    assert "Due on 9 February 2010" in client.get("/").text
    assert "9 February 2010" in client.get(f"/proposals/{number}/review").text
    sign_in(client, "desk")
    assert "9 February 2010" in client.get(f"/proposals/{number}").text


def test_days_left_are_counted_by_the_calendar_of_the_holder(
    site: Site, cast: Cast, clock: Clock, client: FlaskClient, sign_in: SignIn
) -> None:
    with site.database.begin() as db:
        for day in (3, 4):
            deadlines_services.enter_holiday(
                db, cast["admin"], site.now(), "Lusaka", date(2010, 2, day), "Day off"
            )
    number = building.submitted_proposal(site, cast, duty_station="Lusaka")
    building.take(site, cast["desk"], number, "return_incomplete", missing="A letter.")
    clock.set(datetime(2010, 2, 2, 9, tzinfo=UTC))
    page = _work(client, sign_in, "designer")
    assert "Due on 17 February 2010" in page
    assert "1 of 10 working days used" in page


def test_a_condition_reported_as_met_waits_for_coordinators(
    site: Site, cast: Cast, clock: Clock, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.owned_condition(site, cast, "Ines Castro", title="Approved here")
    assert f"Condition 1 of {number}" in _work(client, sign_in, "auditor")
    assert f"Condition 1 of {number}" not in _work(client, sign_in, "desk")
    condition = building.load(site, number).appraisals[0].conditions[0].id
    url = f"/proposals/{number}/conditions/{condition}"
    sign_in(client, "auditor")
    assert client.post(f"{url}/report", data={"text": "See minute 4"}).status_code == 303
    page = _work(client, sign_in, "desk")
    assert "Conditions to close: reported as met" in page
    assert f'href="{url}/clear"' in page
    # Once its date has passed it stays where it can be closed.
    clock.set(datetime(2010, 6, 1, 12, tzinfo=UTC))
    page = client.get("/").text
    assert "Conditions of approval that are overdue" not in page
    client.post(f"{url}/clear", data={"text": "Seen"})
    assert f"Condition 1 of {number}" not in client.get("/").text


@pytest.mark.thorough
def test_the_page_takes_as_many_statements_for_much_as_for_little(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    counts: dict[str, list[int]] = {key: [] for key in ("designer", "desk", "reader", "actemp")}
    for more in (3, 27):
        for _ in range(more):
            number = building.submitted_proposal(site, cast)
            building.take(site, cast["desk"], number, "return_incomplete", missing="A letter.")
            building.assigned_proposal(site, cast)
            building.submitted_proposal(site, cast)
        building.owned_condition(site, cast, "Farid Haddad")
        for key, found in counts.items():
            sign_in(client, key)
            with counted() as sent:
                assert client.get("/").status_code == 200
            found.append(len(sent))
    assert all(before == after for before, after in counts.values()), counts


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
    building.change_account(site, cast, "reader", active=False)
    page = client.get("/").text
    assert page.index("To reassign: the lead appraiser has left") < page.index("Left behind")
