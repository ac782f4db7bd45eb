"""What a step asks for: rows of changes, days, an agreement, an approval."""

import pytest
from flask.testing import FlaskClient

from appraisal.proposals.facts import Case
from appraisal.web.context import Site
from tests.casts import Clock
from tests.web import building
from tests.web.building import Cast
from tests.web.sites import SignIn


def _url(number: str, name: str) -> str:
    return f"/proposals/{number}/steps/{name}"


def _state(site: Site, number: str) -> str:
    return building.load(site, number).state


def test_required_changes_are_suggested_added_and_removed(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.rated_proposal(site, cast, ratings={"TRI-1": "1", "GEN-2": "1"})
    sign_in(client, "reader")
    page = client.get(_url(number, "request_revision"))
    assert page.text.count("Not convincing yet.") == 2
    rows = {
        "changes-0-item": "TRI-1",
        "changes-0-text": "Consult the workers",
        "changes-1-item": "",
        "changes-1-text": "",
    }
    more = client.post(_url(number, "request_revision"), data={**rows, "add": "changes"})
    assert more.status_code == 200
    assert 'name="changes-2-text"' in more.text
    less = client.post(_url(number, "request_revision"), data={**rows, "remove": "changes-0"})
    assert less.status_code == 200
    assert "Consult the workers" not in less.text
    empty = client.post(_url(number, "request_revision"), data=rows)
    assert empty.status_code == 422
    assert 'href="#changes-1-text"' in empty.text
    assert "Consult the workers" in empty.text
    assert _state(site, number) == "under_appraisal"


@pytest.mark.thorough
def test_every_item_of_the_checklists_may_ask_for_a_change(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    criteria = site.library.criteria(site.library.newest_set().key)
    items = [item.id for criterion in criteria for item in criterion.checklist.items]
    number = building.assigned_proposal(site, cast, budget="6000000")
    building.answer_bureaux(site, cast, number)
    building.rate_all(site, cast["reader"], number, value="1")
    sign_in(client, "reader")
    page = client.get(_url(number, "request_revision"))
    assert page.status_code == 200
    assert page.text.count("Not convincing yet.") == len(items) > 60
    rows = {f"changes-{place}-item": item for place, item in enumerate(items)}
    rows |= {f"changes-{place}-text": f"Mend {item}" for place, item in enumerate(items)}
    rows |= {f"changes-{len(items)}-item": "", f"changes-{len(items)}-text": "Shorten it"}
    more = client.post(_url(number, "request_revision"), data={**rows, "add": "changes"})
    assert f'name="changes-{len(items) + 1}-text"' in more.text
    assert client.post(_url(number, "request_revision"), data=rows).status_code == 303
    asked = [(change.item, change.text) for change in building.load(site, number).changes]
    assert asked == [*((item, f"Mend {item}") for item in items), ("", "Shorten it")]


def test_a_revision_is_requested_with_numbered_changes(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.rated_proposal(site, cast, ratings={"TRI-1": "1"})
    sign_in(client, "reader")
    rows = {
        "changes-0-item": "TRI-1",
        "changes-0-text": "Consult the workers",
        "changes-4-item": "",
        "changes-4-text": "Shorten it",
    }
    # The condition that was written for the low rating does not bind under a revision: the page asks.
    page = client.get(_url(number, "request_revision")).text
    assert "1. (TRI-1) Make TRI-1 good." in page
    for unconfirmed in ({}, {"withdrawn": "2"}):
        refused = client.post(_url(number, "request_revision"), data={**rows, **unconfirmed})
        assert refused.status_code == 422
        assert 'href="#withdrawn"' in refused.text
        assert "Consult the workers" in refused.text
    confirmed = client.post(_url(number, "request_revision"), data={**rows, "withdrawn": "1"})
    assert confirmed.status_code == 303
    [gone] = building.load(site, number).appraisals[0].former_conditions
    assert (gone.number, gone.withdrawn_by) == (1, cast["reader"].id)
    asked = [(change.number, change.item, change.text) for change in building.load(site, number).changes]
    assert asked == [(1, "TRI-1", "Consult the workers"), (2, "", "Shorten it")]


def test_a_hold_takes_a_day_in_the_future(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.submitted_proposal(site, cast)
    sign_in(client, "desk")
    for until, words in (
        ("soon", "Write a date as year-month-day"),
        ("2009-12-31", "must lie in the future"),
        ("2016-12-31", "A hold lasts 5 years at the most."),
        ("9999-12-31", "a date lies between 1950 and 2099"),
        ("", "Give the last day of the hold."),
    ):
        page = client.post(_url(number, "hold"), data={"until": until, "note": "Waiting for the donor"})
        assert page.status_code == 422
        assert words in page.text
        assert "Waiting for the donor" in page.text
    assert client.post(_url(number, "hold"), data={"until": "2010-03-01", "note": "Wait"}).status_code == 303
    assert building.load(site, number).hold is not None


def test_what_is_missing_is_listed(site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn) -> None:
    number = building.submitted_proposal(site, cast)
    sign_in(client, "desk")
    assert client.post(_url(number, "return_incomplete"), data={"missing": " "}).status_code == 422
    assert client.post(_url(number, "return_incomplete"), data={"missing": "The budget"}).status_code == 303
    assert _state(site, number) == "incomplete"


def test_an_agreement_has_a_date_and_a_reference(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.approved_proposal(site, cast)
    building.take(site, cast["desk"], number, "send_to_donor")
    sign_in(client, "desk")
    page = client.post(_url(number, "fund"), data={"on": "2010-02-01"})
    assert page.status_code == 422
    assert 'href="#reference"' in page.text
    for far, words in (("0201-02-01", "between 1950 and 2099"), ("2010-02-02", "cannot lie in the future")):
        page = client.post(_url(number, "fund"), data={"on": far, "reference": "Agreement 7"})
        assert page.status_code == 422
        assert words in page.text
        assert 'href="#on"' in page.text
    given = {"on": "2010-02-01", "reference": "Agreement 7"}
    assert client.post(_url(number, "fund"), data=given).status_code == 303
    assert _state(site, number) == "funded"


def _registered(site: Site, number: str) -> Case:
    case = building.load(site, number)
    assert case.approval is not None
    return case


def test_an_outside_approval_of_today_lies_before_now(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn, clock: Clock
) -> None:
    number = building.submitted_proposal(site, cast)
    sign_in(client, "desk")
    given = {"document": "Minute 12", "source": "Registry", "approved_on": "0201-02-01"}
    page = client.post(_url(number, "register_approval"), data=given)
    assert page.status_code == 422
    assert "Check the year: a date lies between 1950 and 2099" in page.text
    given = {"document": "Minute 12", "source": "Registry", "approved_on": "2010-02-01"}
    assert client.post(_url(number, "register_approval"), data=given).status_code == 303
    approval = _registered(site, number).approval
    assert approval is not None
    assert approval.approved_at == clock()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "Give the date, or say that it is not known."),
        ({"approved_on": "2010-01-05", "undated": "y"}, "Give the date, or say that it is not known."),
        ({"approved_on": "2010-02-02"}, "An approval cannot lie in the future."),
        ({"approved_on": "5 January"}, "Write a date as year-month-day"),
        ({"document": "", "undated": "y"}, "Name the document."),
    ],
)
def test_an_outside_approval_needs_a_date_or_the_word_that_there_is_none(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn, given: dict[str, str], words: str
) -> None:
    number = building.submitted_proposal(site, cast)
    sign_in(client, "desk")
    page = client.post(
        _url(number, "register_approval"), data={"document": "Minute 12", "source": "Registry", **given}
    )
    assert page.status_code == 422
    assert words in page.text
    assert _state(site, number) == "submitted"


def test_an_undated_approval_is_registered(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.submitted_proposal(site, cast)
    sign_in(client, "desk")
    given = {"document": "Minute 12", "source": "Registry", "undated": "y"}
    assert client.post(_url(number, "register_approval"), data=given).status_code == 303
    approval = _registered(site, number).approval
    assert approval is not None
    assert approval.approved_at is None
