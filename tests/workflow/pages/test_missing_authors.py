"""A proposal without authors: a task of coordinators, and the page on which another is named."""

import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from appraisal.appraisals.services import reviews
from appraisal.web.context import Site
from tests.web import building
from tests.web.building import Cast
from tests.web.sites import SignIn


def _address(number: str) -> str:
    return f"/proposals/{number}/missing-author"


def _form(page: str, **given: Any) -> dict[str, Any]:
    """Return what a browser sends from the page: its hidden fields, and what is typed."""
    hidden = re.findall(r'<input type="hidden" name="(seen|request_key)" value="([^"]*)"', page)
    return {**dict(hidden), **given}


@pytest.fixture
def left(site: Site, cast: Cast) -> tuple[str, str]:
    """Return the numbers of a draft and of a proposal sent back, whose only author has left."""
    draft = building.draft_proposal(site, cast, title="A secret draft")
    back = building.submitted_proposal(site, cast, title="Sent back")
    building.take(site, cast["desk"], back, "return_incomplete", missing="A letter.")
    building.change_account(site, cast, "designer", active=False)
    return draft, back


def test_it_is_among_the_work_of_coordinators(
    left: tuple[str, str], client: FlaskClient, sign_in: SignIn
) -> None:
    draft, back = left
    sign_in(client, "desk")
    page = client.get("/").text
    assert "To give another author" in page
    for number in left:
        assert f'href="{_address(number)}"' in page
    # A draft is nobody's to read but its authors'.
    assert (draft in page, "A secret draft" in page) == (True, False)
    assert "Sent back" in page
    for key in ("designer2", "reader", "chief", "auditor", "admin"):
        sign_in(client, key)
        assert _address(back) not in client.get("/").text
        assert client.get(_address(back)).status_code == 403


def test_another_author_is_named_and_goes_on(
    left: tuple[str, str], site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    _, back = left
    sign_in(client, "desk")
    page = client.get(_address(back)).text
    for words in ("Sent back", "Authors so far: Ana Ruiz.", "Bilal Osman (ENTERPRISES)"):
        assert words in page
    empty = client.post(_address(back), data=_form(page, person="", reason="She has left."))
    assert empty.status_code == 422
    for words in ("Choose one of the designers", "She has left."):
        assert words in empty.text
    reader = client.post(_address(back), data=_form(page, person=str(cast["reader"].id), reason="Left."))
    assert reader.status_code == 422
    assert building.load(site, back).related("author") == {cast["designer"].id}

    given = _form(page, person=str(cast["designer2"].id), reason="She has left.")
    answer = client.post(_address(back), data=given)
    assert (answer.status_code, answer.location) == (303, "/")
    assert f"Bilal Osman is now an author of {back}." in client.get("/").text
    assert _address(back) not in client.get("/").text
    # Sent twice, it is done once.
    assert client.post(_address(back), data=given).status_code == 303
    assert building.load(site, back).related("author") == {cast[key].id for key in ("designer", "designer2")}
    assert "An author of this proposal can still act on it." in client.get(_address(back)).text
    sign_in(client, "designer2")
    assert "Sent back" in client.get("/").text


def test_of_a_draft_the_page_says_the_number_alone(
    left: tuple[str, str], cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    draft, _ = left
    sign_in(client, "desk")
    page = client.get(_address(draft)).text
    assert draft in page
    for words in ("A secret draft", "Ana Ruiz"):
        assert words not in page
    given = _form(page, person=str(cast["designer2"].id), reason="Asked of her unit.")
    assert client.post(_address(draft), data=given).status_code == 303
    # Named by a coordinator, who reads it no more than before.
    assert client.get(f"/proposals/{draft}").status_code == 404
    sign_in(client, "designer2")
    assert "A secret draft" in client.get("/").text


def test_a_stale_page_names_nobody(
    left: tuple[str, str], site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    _, back = left
    sign_in(client, "desk")
    page = client.get(_address(back)).text
    building.take(site, cast["desk"], back, "hold", note="Wait.", until=site.now().date().replace(month=5))
    given = _form(page, person=str(cast["designer2"].id), reason="She has left.")
    assert client.post(_address(back), data=given).status_code == 409
    assert "The proposal is on hold until" in client.get(_address(back)).text
    assert building.load(site, back).related("author") == {cast["designer"].id}


@pytest.mark.thorough
def test_a_condition_whose_owner_has_left_is_handed_over(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.owned_condition(site, cast, "Bilal Osman")
    final = building.load(site, number).finalised
    assert final is not None
    address = f"/proposals/{number}/conditions/{final.conditions[0].id}/owner"
    sign_in(client, "desk")
    assert address not in client.get("/").text
    building.change_account(site, cast, "designer2", active=False)
    page = client.get("/").text
    assert "Conditions of approval whose owner has left" in page
    assert f'href="{address}"' in page
    page = client.get(address).text
    # The open accounts, without the owner so far.
    assert [name in page for name in (">Hugo Marchand<", ">Bilal Osman</option>")] == [True, False]
    for owner in ("", "0", "x", "²", "9" * 30, "9" * 5000, str(cast["designer2"].id)):
        assert client.post(address, data=_form(page, owner=owner, reason="Left.")).status_code == 422
    given = _form(page, owner=str(cast["actemp"].id), reason="Left.")
    for _ in range(2):
        assert client.post(address, data=given).status_code == 303
    shown = client.get(f"/proposals/{number}").text
    assert "Farid Haddad" in shown
    assert f'href="{address}"' in shown
    history = client.get(f"/proposals/{number}/history").text
    assert "Chiara Weber gave condition 1 to Farid Haddad instead of Bilal Osman: Left." in history
    assert address not in client.get("/").text
    sign_in(client, "actemp")
    assert "You own this condition" in client.get("/").text
    for key in ("chief", "designer", "auditor"):
        sign_in(client, key)
        assert client.get(address).status_code == 403


@pytest.mark.thorough
def test_signatures_reviews_and_leads_that_were_left_stand_under_headings_of_their_own(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    signed = building.approved_proposal(site, cast, title="To be annulled")
    building.take(site, cast["chief"], signed, "propose_annulment", note="A mistake.")
    led = building.assigned_proposal(site, cast, title="Led by nobody")
    with site.database.begin() as db:
        given = (cast["eval"], ["ALI"], site.now().date().replace(day=10))
        reviews.ask(db, site.library, cast["desk"], site.now(), led, *given)
    building.change_account(site, cast, "eval", active=False)
    building.change_account(site, cast, "reader", roles=["auditor"])
    building.change_account(site, cast, "actemp", active=False)
    building.change_account(site, cast, "chief", active=False)
    sign_in(client, "chief2")
    page = client.get("/").text
    assert "To give the second signature, or to decline it" in page
    assert f"{signed} · an annulment waits for its second signature" in page
    # Monday 1 February 2010, and five working days.
    assert "Due on 8 February 2010" in page
    sign_in(client, "desk")
    page = client.get("/").text
    for words in (
        "To reassign: the lead appraiser has left, or is no appraiser any more",
        "To write down what a unit says: nobody in it can answer any more",
        "ACT/EMP is asked for comments",
        "To ask somebody else: the reviewer has left, or is no appraiser any more",
        f"{led} · A review was asked of Elena Petrova",
    ):
        assert words in page
    assert "To be annulled" not in page
    sign_in(client, "reader")
    assert (
        "Only people with the role of appraiser may do this."
        in client.get(f"/proposals/{led}/steps/finalise").text
    )
