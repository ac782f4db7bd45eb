"""The page of a step: what it shows, what it refuses, and that it acts once."""

import re
from datetime import date

import pytest
from flask.testing import FlaskClient

from appraisal.web.context import Site
from tests.appraisals.pages import reviewing
from tests.web import building
from tests.web.building import Cast
from tests.web.sites import SignIn

KEY = "0123456789abcdef0123456789abcdef"


def _url(number: str, name: str) -> str:
    return f"/proposals/{number}/steps/{name}"


def _state(site: Site, number: str) -> str:
    return building.load(site, number).state


def test_assign_shows_the_completeness_check_and_names_no_author(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.submitted_proposal(site, cast)
    sign_in(client, "desk")
    page = client.get(_url(number, "assign"))
    assert page.status_code == 200
    for words in (
        "Documents missing for the track",
        "No private partner contributes",
        "David Okoro (PARDEV)",
    ):
        assert words in page.text
    assert "Ana Ruiz" not in page.text


def test_assign_opens_the_appraisal(site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn) -> None:
    number = building.submitted_proposal(site, cast)
    sign_in(client, "desk")
    given = {"lead": str(cast["reader"].id), "track": "reinforced", "note": "Please."}
    answer = client.post(_url(number, "assign"), data=given)
    assert answer.status_code == 303
    case = building.load(site, number)
    assert case.appraisal is not None
    assert (case.state, case.appraisal.lead, case.track) == (
        "under_appraisal",
        cast["reader"].id,
        "reinforced",
    )
    assert "The state of the proposal is now" in client.get(answer.location).text


def test_assign_without_a_lead_keeps_what_was_typed(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.submitted_proposal(site, cast)
    sign_in(client, "desk")
    page = client.post(_url(number, "assign"), data={"lead": "", "note": "Urgent, please"})
    assert page.status_code == 422
    assert 'href="#lead"' in page.text
    assert "Urgent, please" in page.text
    assert _state(site, number) == "submitted"


def test_somebody_who_may_not_lead_is_refused_at_the_field(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.submitted_proposal(site, cast)
    sign_in(client, "desk")
    page = client.post(_url(number, "assign"), data={"lead": str(cast["chief"].id)})
    assert page.status_code == 422
    assert "Name a lead appraiser." in page.text


def test_assigning_warns_when_no_manager_is_left(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.submitted_proposal(site, cast)
    for key, roles in (("chief", ("auditor",)), ("chief2", ("manager", "appraiser"))):
        building.change_account(site, cast, key, roles=roles, unit="PARDEV")
    sign_in(client, "desk")
    assert (
        "No manager would be left to decide if the lead were: Hugo Marchand."
        in client.get(_url(number, "assign")).text
    )
    answer = client.post(_url(number, "assign"), data={"lead": str(cast["chief2"].id)})
    assert "No manager is left who could decide" in client.get(answer.location).text


def test_a_step_that_is_not_open_says_every_reason(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.appraised_proposal(site, cast)
    sign_in(client, "reader")
    page = client.get(_url(number, "approve"))
    assert page.status_code == 200
    for reason in ("Only people with the role of manager", "You have led the appraisal"):
        assert reason in page.text
    assert "<textarea" not in page.text
    refused = client.post(_url(number, "approve"), data={"note": "Let me"})
    assert refused.status_code == 403
    for words in ("Only people with the role of manager", "You have led the appraisal", "Let me"):
        assert words in refused.text


@pytest.mark.parametrize(
    ("key", "reasons", "told"),
    [
        ("reader", 3, ("To be revised", "Still asked", "ACT/EMP", "Elena Petrova")),
        ("designer", 2, ()),
        ("chief", 1, ()),
        ("desk", 1, ()),
    ],
)
def test_why_an_appraisal_cannot_be_finalised_is_told_to_its_lead_alone(
    site: Site,
    cast: Cast,
    client: FlaskClient,
    sign_in: SignIn,
    key: str,
    reasons: int,
    told: tuple[str, ...],
) -> None:
    number = building.assigned_proposal(site, cast)
    building.rate_all(site, cast["reader"], number, {"ALI-1": "1"})
    reviewing.ask(site, cast, number, cast["eval"], "GEN")
    sign_in(client, key)
    answers = [client.get(_url(number, "finalise")), client.post(_url(number, "finalise"))]
    assert [answer.status_code for answer in answers] == [200, 403]
    for answer in answers:
        named = ("To be revised", "Still asked", "ACT/EMP", "Elena Petrova")
        assert tuple(words for words in named if words in answer.text) == told
        assert ("Only the lead appraiser may do this." in answer.text) == (key != "reader")
    refused = answers[-1].text
    listed = refused[refused.index("govuk-list--bullet") :].partition("</ul>")[0]
    assert listed.count("<li>") == reasons


def test_a_step_from_another_state_is_refused(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.submitted_proposal(site, cast)
    sign_in(client, "chief")
    assert "This step is not open in the state" in client.get(_url(number, "approve")).text
    assert client.post(_url(number, "approve")).status_code == 403


@pytest.mark.parametrize(
    ("key", "name"), [("desk", "no_such_step"), ("designer2", "assign"), ("admin", "assign")]
)
def test_what_is_not_there_or_not_ones_to_see_is_not_found(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn, key: str, name: str
) -> None:
    number = building.submitted_proposal(site, cast)
    sign_in(client, key)
    assert client.get(_url(number, name)).status_code == 404
    assert client.post(_url(number, name)).status_code == 404


def test_nobody_signed_in_is_sent_to_sign_in(site: Site, cast: Cast, client: FlaskClient) -> None:
    number = building.submitted_proposal(site, cast)
    assert "/sign-in" in client.get(_url(number, "assign")).location
    assert client.post(_url(number, "assign")).status_code == 302


def test_a_form_sent_twice_acts_once(site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn) -> None:
    number = building.appraised_proposal(site, cast)
    sign_in(client, "chief")
    seen = building.load(site, number).row_version
    given = {"request_key": KEY, "seen": str(seen)}
    assert client.post(_url(number, "approve"), data=given).status_code == 303
    assert client.post(_url(number, "approve"), data=given).status_code == 303
    assert [entry.kind for entry in building.load(site, number).decisions] == ["approve"]


def test_a_step_on_a_page_that_is_out_of_date_is_a_conflict(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.appraised_proposal(site, cast)
    seen = building.load(site, number).row_version
    building.take(site, cast["desk"], number, "hold", until=date(2010, 3, 1), note="Wait")
    building.take(site, cast["desk"], number, "release")
    sign_in(client, "chief")
    given = {"note": "My reasons", "seen": str(seen), "request_key": KEY}
    page = client.post(_url(number, "reject"), data=given)
    assert page.status_code == 409
    assert "My reasons" in page.text
    assert _state(site, number) == "awaiting_decision"


def test_required_changes_on_a_page_that_is_out_of_date_are_not_lost(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.appraised_proposal(site, cast)
    seen = building.load(site, number).row_version
    building.take(site, cast["reader"], number, "recall", note="A slip")
    building.take(site, cast["reader"], number, "finalise")
    sign_in(client, "chief")
    given = {"changes-0-text": "Typed for long", "changes-0-item": "TRI-1", "seen": str(seen)}
    page = client.post(_url(number, "return"), data=given)
    assert page.status_code == 409
    assert "Typed for long" in page.text
    assert building.load(site, number).decisions == ()


@pytest.mark.parametrize("until", ["2010-01-31", "2010-02-01"])
def test_a_hold_does_not_end_in_the_past(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn, until: str
) -> None:
    number = building.submitted_proposal(site, cast)
    sign_in(client, "desk")
    page = client.post(_url(number, "hold"), data={"until": until, "note": "Elections"})
    assert page.status_code == 422
    assert page.text.count("The last day of the hold must lie in the future.") == 2
    assert "Elections" in page.text
    assert building.load(site, number).hold is None


def test_finalising_prints_the_recommendation_and_the_conditions(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.rated_proposal(site, cast, ratings={"TRI-3": "1"})
    sign_in(client, "reader")
    page = client.get(_url(number, "finalise"))
    for words in ("Ready with conditions", "Make TRI-3 good.", "Tripartism: Partly met"):
        assert words in page.text
    assert client.post(_url(number, "finalise")).status_code == 303
    assert _state(site, number) == "awaiting_decision"


def test_closing_says_what_was_read_before(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.rated_proposal(site, cast, ratings={"TRI-1": "1"})
    sign_in(client, "reader")
    url = _url(number, "request_revision")

    def shown() -> str:
        page = client.get(url).text
        assert "Tripartism: Not met" in page
        found = re.search(r'name="closing" value="([0-9a-f]{64})"', page)
        assert found is not None
        return found[1]

    given = {
        "changes-0-item": "TRI-1",
        "changes-0-text": "Consult all three",
        # The condition that a revision does not keep.
        "withdrawn": "1",
        "closing": shown(),
    }
    # In another window, or by a substitute; no event of the proposal tells of it.
    building.rate_all(site, cast["reader"], number, {"TRI-1": "1", "CAP-1": "1"})
    answer = client.post(url, data=given)
    assert answer.status_code == 409
    assert "Consult all three" in answer.text
    assert given["closing"] not in answer.text
    assert _state(site, number) == "under_appraisal"
    # What is drawn again with a fault is still about what was read.
    assert f'value="{given["closing"]}"' in client.post(url, data={**given, "changes-0-text": ""}).text
    assert client.post(url, data={**given, "closing": shown()}).status_code == 303
    assert _state(site, number) == "revision_requested"


def test_deciding_names_the_version_and_the_record_it_relies_on(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.appraised_proposal(site, cast)
    case = building.load(site, number)
    assert case.version is not None
    assert case.finalised is not None
    sign_in(client, "chief")
    page = client.get(_url(number, "approve"))
    for words in (case.version.digest, case.finalised.record, f"/records/{case.finalised.record}"):
        assert words in page.text


def test_countersigning_shows_who_signed_first(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.not_recommended_proposal(site, cast)
    building.take(site, cast["chief"], number, "propose_override", note="The donor cannot wait.")
    sign_in(client, "chief2")
    page = client.get(_url(number, "countersign"))
    assert "Grace Lindqvist" in page.text
    assert "The donor cannot wait." in page.text
    sign_in(client, "chief")
    assert "You gave the first signature" in client.get(_url(number, "countersign")).text


def test_a_step_that_ends_an_override_says_so_before(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.not_recommended_proposal(site, cast)
    ends = "This ends the override that waits for its second signature; Grace Lindqvist signed first"
    steps = {"chief2": ("reject", "return"), "designer": ("withdraw",), "desk": ("register_approval",)}
    pages = [(who, step) for who, names in steps.items() for step in names]
    for who, step in pages:
        sign_in(client, who)
        assert ends not in client.get(_url(number, step)).text
    building.take(site, cast["chief"], number, "propose_override", note="The donor cannot wait.")
    for who, step in pages:
        sign_in(client, who)
        assert ends in client.get(_url(number, step)).text, step
    sign_in(client, "chief2")
    for step in ("countersign", "decline_signature"):
        assert ends not in client.get(_url(number, step)).text


def test_an_annulment_says_what_it_stops_and_until_when(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.approved_proposal(site, cast)
    sign_in(client, "chief")
    page = client.get(_url(number, "propose_annulment")).text
    # Monday 1 February 2010, and five working days.
    for words in (
        "The proposal is not sent to the donor, nor its funding or start recorded",
        "Until 8 February 2010; then the annulment lapses",
    ):
        assert words in page
    given = {"seen": str(building.load(site, number).row_version), "note": "A mistake."}
    answer = client.post(_url(number, "propose_annulment"), data=given)
    told = client.get(answer.location).text
    assert "A second signature is needed; until then the state of the proposal is still “Approved”." in told
    assert "Withdraw the first signature" in client.get(f"/proposals/{number}").text
    sign_in(client, "desk")
    assert (
        "The annulment of this approval waits for its second signature."
        in client.get(_url(number, "send_to_donor")).text
    )
    sign_in(client, "chief2")
    page = client.get(_url(number, "decline_signature")).text
    for words in ("Grace Lindqvist", "A mistake.", "Until 8 February 2010; then the annulment lapses"):
        assert words in page
    seen = building.load(site, number).row_version
    given = {"seen": str(seen), "note": "It was none."}
    assert client.post(_url(number, "decline_signature"), data=given).status_code == 303
    assert building.load(site, number).signature is None
    # Nobody is offered to end what is not there.
    assert "decline_signature" not in client.get(f"/proposals/{number}").text


@pytest.mark.thorough
def test_every_step_of_the_workflow_has_a_page(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.overridden_proposal(site, cast)
    sign_in(client, "auditor")
    for transition in site.library.newest_workflow().transitions:
        page = client.get(_url(number, transition.name))
        assert page.status_code == 200, transition.name
        assert transition.label.en in page.text


def test_submitting_shows_what_will_be_frozen(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.draft_proposal(site, cast)
    sign_in(client, "designer")
    page = client.get(_url(number, "submit"))
    assert "Version 1 is frozen as it stands" in page.text
    assert client.post(_url(number, "submit")).status_code == 303
    assert _state(site, number) == "submitted"
