"""Substitutes on the pages: naming and ending, work and steps for somebody, and who is printed."""

from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from appraisal.accounts.services import substitutes
from appraisal.clock import geneva_date
from appraisal.people.facts import Scope
from appraisal.people.rules.substitutes import Substitution
from appraisal.people.store.substitutes import list_substitutions
from appraisal.web.context import Site
from appraisal.workflow.services.authors import add_author
from tests.appraisals.pages import reviewing
from tests.casts import Clock, counted
from tests.web import building
from tests.web.building import Cast
from tests.web.sites import SignIn

PATH = "/account/substitutes"


def name(
    site: Site,
    cast: Cast,
    person: str,
    substitute: str,
    scope: Scope = "appraisals",
    first: int = 0,
    last: int = 10,
) -> Substitution:
    """Name a substitute through the service; days are counted from today."""
    today = geneva_date(site.now())
    with site.database.begin() as db:
        return substitutes.name_substitute(
            db,
            cast[person],
            site.now(),
            person=cast[person].id,
            substitute=cast[substitute].id,
            scope=scope,
            first=today + timedelta(days=first),
            last=today + timedelta(days=last),
        )


def kept(site: Site, cast: Cast, person: str) -> list[Substitution]:
    with site.database.read() as db:
        return list_substitutions(db, cast[person].id)


def given(cast: Cast, who: str = "eval", **changes: Any) -> dict[str, Any]:
    return {
        "substitute": str(cast[who].id),
        "scope": "appraisals",
        "first": "2010-02-08",
        "last": "2010-02-19",
        **changes,
    }


def text_of(page: Any) -> str:
    return " ".join(unescape(page.text).split())


# Naming.


def test_somebody_names_a_substitute_and_calls_it_off(
    client: FlaskClient, sign_in: SignIn, site: Site, cast: Cast
) -> None:
    sign_in(client, "reader")
    assert "Nobody is named to stand in, now or later." in client.get(PATH).text
    assert 'href="/account/substitutes"' in client.get("/").text
    answer = client.post(PATH, data=given(cast))
    assert (answer.status_code, answer.location) == (303, PATH)
    page = text_of(client.get(PATH))
    assert "Elena Petrova stands in from 8 February 2010 to 19 February 2010." in page
    assert "To come" in page
    (entry,) = kept(site, cast, "reader")
    assert (entry.substitute, entry.scope) == (cast["eval"].id, "appraisals")
    answer = client.post(f"{PATH}/{entry.id}/end")
    assert (answer.status_code, answer.location) == (303, PATH)
    page = text_of(client.get(PATH))
    assert "Elena Petrova does not stand in any more." in page
    assert "Past substitutions" in page
    assert "Ended early" in page


def test_whoever_stands_in_sees_it_too_and_cannot_end_it(
    client: FlaskClient, sign_in: SignIn, site: Site, cast: Cast
) -> None:
    entry = name(site, cast, "reader", "eval")
    sign_in(client, "eval")
    page = text_of(client.get(PATH))
    assert "For whom you stand in" in page
    assert "In force" in page
    assert f"{PATH}/{entry.id}/end" not in page
    assert client.post(f"{PATH}/{entry.id}/end").status_code == 404
    assert "You stand in for David Okoro until 11 February 2010: appraisals led." in text_of(client.get("/"))


def test_an_administrator_names_for_somebody(
    client: FlaskClient, sign_in: SignIn, site: Site, cast: Cast
) -> None:
    sign_in(client, "admin")
    here = f"/people/{cast['chief'].id}/substitutes"
    assert f'href="{here}"' in client.get(f"/people/{cast['chief'].id}").text
    assert "Nobody is named to stand in, now or later." in client.get(here).text
    answer = client.post(here, data=given(cast, "chief2", scope="decisions"))
    assert (answer.status_code, answer.location) == (303, here)
    assert "Who stands in for Grace Lindqvist" in client.get(here).text
    (entry,) = kept(site, cast, "chief")
    assert (entry.substitute_name, entry.named_by) == ("Hugo Marchand", "Jonas Meyer")
    assert client.post(f"{PATH}/{entry.id}/end").location == here
    assert client.get("/people/999/substitutes").status_code == 404


@pytest.mark.parametrize("key", ["designer", "desk", "auditor", "admin"])
def test_the_page_is_for_those_who_have_something_to_hand_over(
    client: FlaskClient, sign_in: SignIn, cast: Cast, key: str
) -> None:
    sign_in(client, key)
    assert client.get(PATH).status_code == 403
    assert PATH not in client.get("/").text


@pytest.mark.parametrize("key", ["desk", "reader", "chief"])
def test_other_peoples_pages_are_for_administrators(
    client: FlaskClient, sign_in: SignIn, site: Site, cast: Cast, key: str
) -> None:
    sign_in(client, key)
    here = f"/people/{cast['eval'].id}/substitutes"
    assert client.get(here).status_code == 403
    assert client.post(here, data=given(cast, "actemp")).status_code == 403
    assert kept(site, cast, "eval") == []


@pytest.mark.parametrize(
    ("changes", "messages"),
    [
        (
            {"substitute": "", "scope": "", "first": "", "last": "soon"},
            [
                "Choose who stands in.",
                "Choose what for.",
                "Give the first day.",
                "Write a date as year-month-day, like 2010-06-30",
            ],
        ),
        ({"last": "2010-02-01"}, ["The last day lies before the first."]),
        ({"first": "2010-01-04", "last": "2010-01-08"}, ["The last day is over already."]),
        ({"first": "2013-02-04", "last": "2013-02-08"}, ["nothing here lies after"]),
        ({"last": "2011-03-01"}, ["A substitution lasts a year at the most."]),
        ({"substitute": "999"}, ["Choose one of the values offered"]),
        ({"scope": "everything"}, ["Choose one of the values offered"]),
        ({"scope": "decisions"}, ["David Okoro does not hold the role of manager"]),
    ],
)
def test_every_fault_stands_at_its_field(
    client: FlaskClient,
    sign_in: SignIn,
    site: Site,
    cast: Cast,
    changes: dict[str, str],
    messages: list[str],
) -> None:
    sign_in(client, "reader")
    answer = client.post(PATH, data=given(cast, **changes))
    assert answer.status_code == 422
    for message in messages:
        assert text_of(answer).count(message) >= 2  # in the summary and at the field
    for typed in ("first", "last"):
        assert f'value="{changes.get(typed, given(cast)[typed])}"' in answer.text
    assert kept(site, cast, "reader") == []


def test_a_circle_is_told_in_clear_words(
    client: FlaskClient, sign_in: SignIn, site: Site, cast: Cast
) -> None:
    name(site, cast, "eval", "reader", last=20)
    sign_in(client, "reader")
    answer = client.post(PATH, data=given(cast))
    assert answer.status_code == 422
    assert (
        "Who stands in: This would go in a circle: on some of these days David Okoro stands in for "
        "Elena Petrova, directly or through others."
    ) in text_of(answer)
    assert len(kept(site, cast, "reader")) == 1


def test_the_page_takes_the_same_statements_for_many(
    client: FlaskClient, sign_in: SignIn, site: Site, cast: Cast, clock: Clock
) -> None:
    sign_in(client, "reader")

    def statements() -> int:
        with counted() as sent:
            assert client.get(PATH).status_code == 200
        return len(sent)

    for _ in range(3):
        name(site, cast, "reader", "eval", last=1)
        clock.advance(days=2)
    few = statements()
    for _ in range(27):
        name(site, cast, "reader", "eval", last=1)
        clock.advance(days=2)
    assert statements() == few


# Acting.


def test_the_work_of_the_lead_stands_under_a_heading_of_its_own(
    client: FlaskClient, sign_in: SignIn, site: Site, cast: Cast, clock: Clock
) -> None:
    number = building.assigned_proposal(site, cast, title="Labour inspection")
    name(site, cast, "reader", "eval", last=2)
    sign_in(client, "eval")
    page = client.get("/").text
    assert "To appraise, for David Okoro" in page
    assert f'href="/proposals/{number}"' in page
    clock.advance(days=3)
    assert "To appraise" not in client.get("/").text


@pytest.mark.thorough
def test_a_substitute_rates_and_closes_on_the_leads_pages(
    client: FlaskClient, sign_in: SignIn, site: Site, cast: Cast, clock: Clock, app: Flask
) -> None:
    number = building.rated_proposal(site, cast)
    name(site, cast, "reader", "eval", last=2)
    sign_in(client, "eval")
    overview = text_of(client.get(f"/proposals/{number}/appraisal"))
    assert "You stand in for David Okoro." in overview
    assert f"/proposals/{number}/steps/finalise" in overview
    page = client.get(f"/proposals/{number}/appraisal/ALI")
    assert page.status_code == 200
    step = text_of(client.get(f"/proposals/{number}/steps/finalise"))
    assert "In the place of" in step
    assert "In whose place" not in step
    assert client.post(f"/proposals/{number}/steps/finalise").status_code == 303
    case = building.load(site, number)
    assert (case.steps[-1].by, case.steps[-1].behalf) == (cast["eval"].id, cast["reader"].id)
    history = text_of(client.get(f"/proposals/{number}/history"))
    assert "Elena Petrova, for David Okoro" in history
    record = client.get(f"/records/{case.appraisals[-1].record}").text
    assert "Elena Petrova, for David Okoro" in record
    # Neither decides afterwards: the step is closed and says why.
    clock.advance(days=5)
    assert client.get(f"/proposals/{number}").status_code == 200


@pytest.mark.thorough
def test_a_manager_says_in_whose_place(client: FlaskClient, sign_in: SignIn, site: Site, cast: Cast) -> None:
    number, other = building.appraised_proposal(site, cast), building.appraised_proposal(site, cast)
    sign_in(client, "chief2")
    here = f"/proposals/{number}/steps/approve"
    assert "In whose place" not in client.get(here).text
    name(site, cast, "chief", "chief2", "decisions")
    page = client.get(here).text
    assert "In whose place do you do this?" in page
    assert "In your own name" in page
    assert "For Grace Lindqvist" in page
    assert page.count("checked") == 1
    assert client.post(here, data={"behalf": str(cast["chief"].id)}).status_code == 303
    assert client.post(f"/proposals/{other}/steps/approve", data={"behalf": ""}).status_code == 303
    first, second = (building.load(site, entry).decisions[-1] for entry in (number, other))
    assert (first.by, first.behalf) == (cast["chief2"].id, cast["chief"].id)
    assert (second.by, second.behalf) == (cast["chief2"].id, None)
    shown = text_of(client.get(f"/proposals/{number}"))
    assert "Hugo Marchand, for Grace Lindqvist" in shown
    assert "for Grace Lindqvist" not in text_of(client.get(f"/proposals/{other}"))


@pytest.mark.parametrize("behalf", ["999", "reader", "no id"])
def test_a_place_that_is_not_offered_is_refused(
    client: FlaskClient, sign_in: SignIn, site: Site, cast: Cast, behalf: str
) -> None:
    number = building.appraised_proposal(site, cast)
    name(site, cast, "chief", "chief2", "decisions")
    sign_in(client, "chief2")
    sent = str(cast[behalf].id) if behalf in cast else behalf
    answer = client.post(f"/proposals/{number}/steps/approve", data={"behalf": sent})
    assert answer.status_code == 422
    assert "Choose one of the values offered" in answer.text
    assert building.load(site, number).state == "awaiting_decision"


@pytest.mark.thorough
def test_the_second_signature_shows_for_whom_the_first_was_given(
    client: FlaskClient, sign_in: SignIn, site: Site, cast: Cast
) -> None:
    number = building.not_recommended_proposal(site, cast)
    name(site, cast, "chief", "chief2", "decisions")
    sign_in(client, "chief2")
    given = {"note": "Urgent.", "behalf": str(cast["chief"].id)}
    assert client.post(f"/proposals/{number}/steps/propose_override", data=given).status_code == 303
    shown = text_of(client.get(f"/proposals/{number}"))
    assert "You gave the first signature, so somebody else has to give the second." in shown
    sign_in(client, "chief")
    shown = text_of(client.get(f"/proposals/{number}"))
    assert "You gave the first signature, so somebody else has to give the second." in shown
    assert "Hugo Marchand, for Grace Lindqvist" in shown


def test_an_author_appraises_for_nobody(client: FlaskClient, sign_in: SignIn, site: Site, cast: Cast) -> None:
    number = building.draft_proposal(site, cast)
    writer = reviewing.hire(site, "writer", "Wanda Writer", "SKILLS", "designer")
    with site.database.begin() as db:
        add_author(db, site.library, cast["designer"], site.now(), number, writer.id)
    building.take(site, cast["designer"], number, "submit")
    building.take(site, cast["desk"], number, "assign", lead=cast["reader"])
    name(site, {**cast, "writer": writer}, "reader", "writer")
    building.sign_in_as(client, site, writer)
    own = "You are an author of this proposal, so somebody else has to do this."
    replaced = "Wanda Writer, who is an author of this proposal, stands in for you at present"
    sent = {"ALI-1-value": "2", "ALI-1-comment": "Typed for long", "note": "Typed for long"}
    assert "To appraise, for David Okoro" not in client.get("/").text
    for who, words in (("writer", own), ("reader", replaced)):
        building.sign_in_as(client, site, {**cast, "writer": writer}[who])
        for rest in ("/appraisal/ALI", "/steps/finalise"):
            answer = client.post(f"/proposals/{number}{rest}", data=sent)
            assert answer.status_code == 403, rest
            assert words in answer.text, rest
            assert "Typed for long" in answer.text, rest
    case = building.load(site, number)
    assert case.appraisals[0].ratings == {}
    assert case.state == "under_appraisal"


def test_nobody_is_made_lead_whose_substitute_is_an_author(
    client: FlaskClient, sign_in: SignIn, site: Site, cast: Cast
) -> None:
    number = building.draft_proposal(site, cast)
    writer = reviewing.hire(site, "writer", "Wanda Writer", "SKILLS", "designer")
    with site.database.begin() as db:
        add_author(db, site.library, cast["designer"], site.now(), number, writer.id)
    building.take(site, cast["designer"], number, "submit")
    name(site, {**cast, "writer": writer}, "reader", "writer")
    sign_in(client, "desk")
    for lead, words in (
        (cast["reader"], "David Okoro counts as one with Wanda Writer, an author of this proposal"),
        (writer, "Wanda Writer is an author of this proposal and may not appraise it."),
    ):
        given = {"lead": str(lead.id), "note": "Typed for long"}
        answer = client.post(f"/proposals/{number}/steps/assign", data=given)
        assert answer.status_code == 422
        assert text_of(answer).count(words) == 2  # in the summary and at the field
    assert building.load(site, number).state == "submitted"
