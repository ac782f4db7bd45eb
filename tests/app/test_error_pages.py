"""Error pages: each says plainly what happened, and gives back what was typed."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from appraisal.database import tables
from appraisal.web.context import Site
from tests.app.pages import walks
from tests.web import building
from tests.web.building import Cast
from tests.web.sites import SignIn


@pytest.mark.parametrize("signs_in", [True, False])
def test_a_page_that_does_not_exist(client: FlaskClient, sign_in: SignIn, signs_in: bool) -> None:
    if signs_in:
        sign_in(client, "desk")
    answer = client.get("/nothing/<here>")
    assert answer.status_code == 404
    assert "This page does not exist" in answer.text
    assert "&lt;here&gt;" in answer.text


def test_unknown_and_hidden_proposals_read_the_same(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.draft_proposal(site, cast)
    sign_in(client, "desk")
    hidden, unknown = client.get(f"/proposals/{number}"), client.get("/proposals/TC-2010-9999")
    assert hidden.status_code == unknown.status_code == 404
    shown = walks.without_tokens(hidden.text).replace(number, "")
    assert shown == walks.without_tokens(unknown.text).replace("TC-2010-9999", "")


def test_a_refusal_gives_every_reason_and_is_noted(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.submitted_proposal(site, cast)
    before = building.load(site, number)
    sign_in(client, "desk")
    page = client.post(f"/proposals/{number}/form/gender", data={"analysis": "Mine"})
    assert page.status_code == 403
    assert "Only an author of the proposal may do this." in page.text
    assert "Mine" in page.text
    assert building.load(site, number) == before
    with site.database.read() as db:
        table = tables.accesses
        noted = db.execute(select(table.c.action, table.c.subject, table.c.detail)).all()
    assert noted == [("refused", number, "not_author")]


def test_only_what_was_sent_is_noted_when_it_is_refused(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.submitted_proposal(site, cast)
    sign_in(client, "desk")
    before = building.load(site, number)
    assert client.get(f"/proposals/{number}/form/gender").status_code == 403
    assert client.get("/people/new").status_code == 403
    assert client.post("/people/new", data={"name": "Me"}).status_code == 403
    assert (
        client.post(f"/proposals/{number}/steps/approve", data={"seen": str(before.row_version)}).status_code
        == 403
    )
    with site.database.read() as db:
        table, events = tables.accesses, tables.events
        noted = db.execute(select(table.c.person_id, table.c.action, table.c.subject)).all()
        details = db.execute(select(table.c.detail).order_by(table.c.id)).scalars().all()
        assert db.execute(select(func.count()).select_from(events)).scalar_one() == before.sequence
    desk = cast["desk"].id
    assert noted == [(desk, "refused", "/people/new"), (desk, "refused", number)]
    assert details[0] == "role_missing"
    assert "wrong_state" in details[1]
    assert building.load(site, number) == before


def test_a_conflict_says_what_happened_and_where_to_go_on(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.revision_proposal(site, cast)
    sign_in(client, "designer")
    sent = {
        "seen": "1",
        "title": "Mine",
        "contributions-0-donor": "Norway",
        "contributions-0-private": "no",
        "contributions-0-fund": "XBTC",
        "contributions-0-modality": "direct",
        "contributions-0-amount": "1000",
        "contributions-0-currency": "USD",
        "unknown": "kept as well",
        "csrf_token": "secret",
        "request_key": "0" * 32,
    }
    page = client.post(f"/proposals/{number}/form/identification", data=sent)
    assert page.status_code == 409
    said = "David Okoro finalised the appraisal and asked for changes, in number: 1"
    for words in (said, "Contributions, 1: Donor", "Norway", "kept as well"):
        assert words in page.text
    assert f'href="/proposals/{number}/form/identification"' in page.text
    assert ">secret<" not in page.text


def test_a_form_without_its_token_gives_back_what_was_typed(
    app: Flask, site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.draft_proposal(site, cast)
    app.config["WTF_CSRF_ENABLED"] = True
    sign_in(client, "designer")
    page = client.post(f"/proposals/{number}/form/gender", data={"analysis": "A long text"})
    assert page.status_code == 400
    assert "The page was open too long" in page.text
    assert "A long text" in page.text
    assert f'href="/proposals/{number}/form/gender"' in page.text


def test_a_request_of_the_wrong_kind_and_a_page_for_other_roles(client: FlaskClient, sign_in: SignIn) -> None:
    sign_in(client, "admin")
    wrong = client.post("/proposals")
    assert wrong.status_code == 405
    assert "The request could not be understood" in wrong.text
    other = client.get("/proposals")
    assert other.status_code == 403
    assert "This page is for other roles" in other.text


def test_a_fault_of_ours_says_so_and_shows_nothing_of_it(
    app: Flask, client: FlaskClient, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*given: object) -> None:
        raise RuntimeError("the inside of it")

    app.config["PROPAGATE_EXCEPTIONS"] = False
    monkeypatch.setattr("appraisal.workflow.store.work_of", fail)
    sign_in(client, "desk")
    page = client.get("/")
    assert page.status_code == 500
    assert "Something went wrong on our side" in page.text
    assert "the inside of it" not in page.text


def test_a_conflict_on_a_section_shows_what_stands_there_now(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.draft_proposal(site, cast)
    sign_in(client, "designer")
    address = f"/proposals/{number}/form/gender"
    seen = client.get(address).text.split('name="seen" value="')[1].split('"')[0]
    assert client.post(address, data={"seen": seen, "analysis": "First words"}).status_code == 303
    page = client.post(address, data={"seen": seen, "analysis": "Second words"})
    assert page.status_code == 409
    present, typed = page.text.index("What stands there now"), page.text.index("Second words")
    assert present < page.text.index("First words") < typed
