"""The page of a correction: what it takes back, what comes back with it, and what does not."""

import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from appraisal.proposals.rules.attempt import ApprovalGiven
from appraisal.web.context import Site
from tests.web import building
from tests.web.building import Cast
from tests.web.sites import SignIn


def _register(site: Site, cast: Cast, number: str) -> None:
    given = ApprovalGiven("Minute <b>12</b>", "Registry", site.now())
    building.take(site, cast["desk"], number, "register_approval", approval=given)


def _page(client: FlaskClient, number: str, step: str) -> str:
    return " ".join(client.get(f"/proposals/{number}/steps/{step}").text.split())


def _send(client: FlaskClient, number: str, step: str, **given: Any) -> int:
    seen = re.findall(r'name="seen" value="(\d+)"', _page(client, number, step))
    data = {"seen": seen[0] if seen else "", "note": "A slip.", **given}
    return client.post(f"/proposals/{number}/steps/{step}", data=data).status_code


def test_what_comes_back_and_what_does_not_is_said_before(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.rated_proposal(site, cast)
    until = site.now().replace(month=6).date()
    building.take(site, cast["desk"], number, "hold", until=until, note="Elections.")
    _register(site, cast, number)
    sign_in(client, "desk")
    page = _page(client, number, "correct_registration")
    for said in (
        "Minute &lt;b&gt;12&lt;/b&gt;",
        "Its decision sheet is kept, and marked as corrected",
        "The state “Under appraisal”",
        "The appraisal that was running, with all its ratings and reviews",
        "The time limit of that state starts anew",
        "The hold that was in force: put the proposal on hold again",
    ):
        assert said in page, said
    assert "The first signature that was waiting" not in page
    assert _send(client, number, "correct_registration", note="") == 422
    assert _send(client, number, "correct_registration") == 303
    case = building.load(site, number)
    assert (case.state, case.appraisal is not None) == ("under_appraisal", True)
    # On the way of the proposal nothing is left of the decision.
    shown = client.get(f"/proposals/{number}").text
    assert "The registration was corrected: it never was an approval" in shown
    assert "Outside the mechanism" not in shown


def test_a_first_signature_that_the_registration_ended_is_named_and_no_earlier_one(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.not_recommended_proposal(site, cast)
    building.take(site, cast["chief"], number, "propose_override", note="The donor cannot wait.")
    building.take(site, cast["chief"], number, "withdraw_signature", note="It can.")
    other = building.not_recommended_proposal(site, cast, title="Another")
    building.take(site, cast["chief"], other, "propose_override", note="The donor cannot wait.")
    sign_in(client, "desk")
    ended = "The first signature that was waiting: it has to be given again"
    for registered, is_said in ((number, False), (other, True)):
        _register(site, cast, registered)
        assert (ended in _page(client, registered, "correct_registration")) == is_said


def test_the_second_person_reads_who_proposed_it_and_why(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.outside_approval(site, cast)
    sign_in(client, "desk")
    assert _send(client, number, "propose_correction", note="It was of another office.") == 303
    assert "You gave the first signature" in _page(client, number, "confirm_correction")
    sign_in(client, "chief")
    page = _page(client, number, "confirm_correction")
    assert "It was of another office." in page
    assert "it is void, counts nowhere, and keeps its number" in page
    assert _send(client, number, "confirm_correction") == 303
    assert building.load(site, number).state == "void"
    for key in ("desk", "chief", "auditor"):
        sign_in(client, key)
        assert client.get(f"/proposals/{number}").status_code == 200


@pytest.mark.parametrize("key", ["designer", "reader", "auditor", "admin"])
def test_nobody_else_corrects(site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn, key: str) -> None:
    number = building.outside_approval(site, cast)
    sign_in(client, key)
    for step in ("correct_registration", "propose_correction", "confirm_correction"):
        assert _send(client, number, step) in (403, 404)
    assert building.load(site, number).state == "approved"


def test_whoever_corrects_a_draft_is_led_where_they_may_read(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.draft_proposal(site, cast)
    _register(site, cast, number)
    sign_in(client, "desk")
    (seen,) = re.findall(r'name="seen" value="(\d+)"', _page(client, number, "correct_registration"))
    answer = client.post(
        f"/proposals/{number}/steps/correct_registration", data={"seen": seen, "note": "A slip."}
    )
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert "is now “Draft”" in client.get("/").text


def test_the_page_of_a_confirmation_ends_nothing_that_it_completes(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.outside_approval(site, cast)
    sign_in(client, "desk")
    assert _send(client, number, "propose_correction") == 303
    sign_in(client, "chief")
    assert "that waits for its second signature" not in _page(client, number, "confirm_correction")
    assert "Whoever gave the first signature" in _page(client, number, "withdraw_signature")
    work = client.get("/").text
    assert "the correction of a registration waits for its second signature" in work
    assert "No proposal waits for your decision" not in work
