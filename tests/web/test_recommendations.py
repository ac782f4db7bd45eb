"""The recommendation: following or lowering it, and writing conditions."""

from datetime import date

from flask.testing import FlaskClient

from appraisal.domain.facts import Appraisal
from appraisal.web.context import Site
from tests.web import building
from tests.web.building import Cast, Clock
from tests.web.conftest import SignIn


def _running(site: Site, number: str) -> Appraisal:
    running = building.load(site, number).appraisal
    assert running is not None
    return running


def _url(number: str, rest: str = "") -> str:
    return f"/proposals/{number}/appraisal{rest}"


def test_a_recommendation_is_not_offered_before_it_is_computed(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.assigned_proposal(site, cast)
    sign_in(client, "reader")
    page = client.get(_url(number, "/recommendation"))
    assert "No recommendation can be computed before every item is rated." in page.text
    assert "<textarea" not in page.text


def test_low_ratings_ask_for_conditions(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn, clock: Clock
) -> None:
    number = building.rated_proposal(site, cast)
    building.rate_all(site, cast["reader"], number, {"TRI-3": "1"})
    sign_in(client, "reader")
    page = client.get(_url(number, "/recommendation"))
    assert "As computed: Ready with conditions" in page.text
    assert "Not recommended" not in page.text
    assert "Each condition needs an owner, a due date and a gate" in page.text
    row = {
        "low-0-item": "TRI-3",
        "low-0-text": "Name a role for each",
        "low-0-owner": "Ana Ruiz",
        "low-0-due_on": "2010-04-01",
        "low-0-gate": "before_start",
    }
    own = {"own-0-item": "", "own-0-text": "Report on it", "own-0-owner": "", "own-0-due_on": ""}
    empty = {"own-1-item": "", "own-1-text": "", "own-1-owner": "", "own-1-due_on": "", "own-1-gate": ""}
    answer = client.post(_url(number, "/recommendation"), data={"chosen": "", **row, **own, **empty})
    assert answer.status_code == 303
    kept = [
        (entry.item, entry.text, entry.owner, entry.due_on, entry.gate, entry.by_hand)
        for entry in _running(site, number).conditions
    ]
    assert kept == [
        ("TRI-3", "Name a role for each", "Ana Ruiz", date(2010, 4, 1), "before_start", False),
        ("", "Report on it", "", None, None, True),
    ]
    drawn = client.get(_url(number, "/recommendation")).text
    assert "Name a role for each" in drawn
    assert "Report on it" in drawn


def test_lowering_keeps_choice_and_reason(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.rated_proposal(site, cast)
    sign_in(client, "reader")
    given = {"chosen": "REVISE", "reason": "The budget does not hold"}
    assert client.post(_url(number, "/recommendation"), data=given).status_code == 303
    running = _running(site, number)
    assert (running.chosen, running.reason) == ("REVISE", "The budget does not hold")
    assert "The budget does not hold" in client.get(_url(number, "/recommendation")).text


def test_not_recommended_opens_only_where_a_revision_is_computed(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.rated_proposal(site, cast, ratings={"TRI-1": "1"})
    sign_in(client, "reader")
    page = client.get(_url(number, "/recommendation"))
    assert 'value="NOT_RECOMMENDED"' in page.text
    assert 'value="READY"' not in page.text
    assert "Further conditions" not in page.text
    refused = client.post(_url(number, "/recommendation"), data={"chosen": "READY", "reason": "I like it"})
    assert refused.status_code == 422
    assert "I like it" in refused.text


def test_conditions_are_added_removed_and_judged(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.rated_proposal(site, cast)
    sign_in(client, "reader")
    row = {"own-0-item": "TRI-3", "own-0-text": "Keep me", "own-0-due_on": "soon"}
    more = client.post(_url(number, "/recommendation"), data={**row, "add": "own"})
    assert more.status_code == 200
    assert 'name="own-1-text"' in more.text
    assert 'value="soon"' in more.text
    less = client.post(_url(number, "/recommendation"), data={**row, "remove": "own-0"})
    assert "Keep me" not in less.text
    wrong = client.post(_url(number, "/recommendation"), data=row)
    assert wrong.status_code == 422
    assert 'href="#own-0-due_on"' in wrong.text
    assert not _running(site, number).conditions


def test_a_condition_cannot_be_due_in_the_past_or_years_ahead(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.rated_proposal(site, cast, ratings={"TRI-3": "1"})
    sign_in(client, "reader")
    row = {
        "low-0-item": "TRI-3",
        "low-0-text": "Name a role for each",
        "low-0-owner": "Ana Ruiz",
        "low-0-due_on": "2010-01-31",
        "low-0-gate": "before_start",
    }
    page = client.post(_url(number, "/recommendation"), data=row)
    assert page.status_code == 422
    assert page.text.count("A due date cannot lie in the past: choose today or a later day") == 2
    assert 'href="#low-0-due_on"' in page.text
    assert "Name a role for each" in page.text
    assert [entry.due_on for entry in _running(site, number).conditions] == [date(2010, 3, 3)]
    late = client.post(_url(number, "/recommendation"), data={**row, "low-0-due_on": "2013-02-02"})
    assert late.status_code == 422
    assert "A due date lies 3 years ahead at the most: choose 1 February 2013 or an earlier day." in late.text
    assert [entry.due_on for entry in _running(site, number).conditions] == [date(2010, 3, 3)]
    today = client.post(_url(number, "/recommendation"), data={**row, "low-0-due_on": "2010-02-01"})
    assert today.status_code == 303


def test_a_date_that_passes_before_the_appraisal_is_closed_is_told(
    site: Site, cast: Cast, clock: Clock, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.rated_proposal(site, cast, ratings={"TRI-3": "1"})
    clock.advance(days=40)
    sign_in(client, "reader")
    page = client.get(_url(number, "/recommendation")).text
    assert "The due date of a condition lies in the past: TRI-3." in page
    assert client.post(f"/proposals/{number}/steps/finalise", data={"note": ""}).status_code in (403, 422)
    assert building.load(site, number).state == "under_appraisal"


def test_a_recommendation_out_of_date_keeps_what_was_typed(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.rated_proposal(site, cast)
    sign_in(client, "reader")
    given = {"chosen": "REVISE", "reason": "Typed for long", "seen": "1"}
    page = client.post(_url(number, "/recommendation"), data=given)
    assert page.status_code == 409
    assert "Typed for long" in page.text
    assert "saving again keeps it" in page.text
