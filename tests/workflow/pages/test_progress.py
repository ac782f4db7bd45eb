"""The way of a proposal on its page: milestones that were reached, and none that was given back."""

import re

from flask.testing import FlaskClient

from appraisal.proposals.rules.attempt import ApprovalGiven
from appraisal.web.context import Site
from tests.web import building
from tests.web.building import Cast
from tests.web.sites import SignIn


def way(client: FlaskClient, number: str) -> dict[str, str]:
    """Return the stages of the page with what is said of each."""
    page = " ".join(client.get(f"/proposals/{number}").text.split())
    found = re.findall(r'app-stages__title">([^<]+) <span class="govuk-visually-hidden">\(([^)]+)\)', page)
    return dict(found)


def test_what_came_of_an_annulled_approval_is_no_milestone(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.funded_proposal(site, cast)
    sign_in(client, "desk")
    assert way(client, number)["Funded"] == "done"
    building.take(site, cast["chief"], number, "propose_annulment", note="A mistake.")
    building.take(site, cast["chief2"], number, "annul")
    gone = {"Submitted": "done", "Appraised": "done", "Approval annulled": "now"}
    assert way(client, number) == gone
    given = ApprovalGiven("Minute 9", "Registry", site.now())
    building.take(site, cast["desk"], number, "register_approval", approval=given)
    shown = way(client, number)
    assert (shown["Approved"], shown["With the donor"], shown["Funded"]) == ("done", "now", "still to come")
    building.take(site, cast["desk"], number, "correct_registration", note="A slip.")
    assert way(client, number) == gone


def test_it_is_the_managers_who_are_waited_for_while_an_annulment_waits(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    """Their work lists say so, and the coordinators' do not."""
    number = building.funded_proposal(site, cast)
    sign_in(client, "desk")

    def awaited() -> str:
        page = " ".join(client.get(f"/proposals/{number}").text.split())
        found = re.search("Waits for.{0,200}?(the [a-z]+), since", page)
        return found[1].strip() if found else ""

    assert awaited() == "the coordinators"
    building.take(site, cast["chief"], number, "propose_annulment", note="A mistake.")
    assert awaited() == "the managers"
