"""The administrators' page of the mail: what waits, what was given up and why, and trying it again."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask.testing import FlaskClient
from werkzeug.routing import RequestRedirect

from appraisal.accounts.services import accounts
from appraisal.app import worker
from appraisal.app.application import create_app
from appraisal.notices.rules import KINDS, page
from appraisal.notices.services import notices
from appraisal.notices.services.smtp import Courier
from appraisal.web.context import Site
from tests.carriers import blank
from tests.casts import counted
from tests.mailboxes import Mailboxes
from tests.web import building
from tests.web.building import Cast
from tests.web.sites import SignIn

DAYS = {"first": "2010-02-01", "last": "2010-02-05"}


@pytest.fixture
def boxes() -> Iterator[Mailboxes]:
    """A mail server that refuses everybody."""
    with Mailboxes(says={"DATA": "554 5.7.1 Not <b>here</b>"}).opened() as found:
        yield found


def _tell(site: Site, cast: Cast, *keys: str, times: int = 1) -> None:
    with site.database.begin() as db:
        for _ in range(times):
            notices.tell(db, [cast[key].id for key in keys], "substitute_named", site.now(), facts=DAYS)


def _work(site: Site, boxes: Mailboxes) -> int:
    return worker.work(site.database, site.files, blank, site.now, courier=Courier(boxes.server()))


def test_the_mail_is_for_administrators(client: FlaskClient, sign_in: SignIn) -> None:
    for key in ("designer", "desk", "reader", "chief", "auditor"):
        sign_in(client, key)
        assert client.get("/settings/mail").status_code == 403
        assert client.post("/settings/mail/retry").status_code == 403
        assert 'href="/settings/mail"' not in client.get("/").text
    sign_in(client, "admin")
    assert 'href="/settings/mail"' in client.get("/").text
    found = client.get("/settings/mail").text
    assert found.count('aria-current="true"') + found.count('aria-current="page"') == 1


def test_where_nothing_was_given_up_there_is_nothing_to_try_again(
    client: FlaskClient, sign_in: SignIn
) -> None:
    sign_in(client, "admin")
    found = client.get("/settings/mail").text
    assert "No mail server is set up (APPRAISAL_MAIL)." in found
    assert found.count("No message was given up.") == 1
    assert 'action="/settings/mail/retry"' not in found


def test_what_waits_and_gathers_is_counted(
    client: FlaskClient, sign_in: SignIn, site: Site, cast: Cast
) -> None:
    with site.database.begin() as db:
        accounts.choose(db, cast["chief"], language="en", delivery="daily")
    _tell(site, cast, "desk", "chief", times=3)
    sign_in(client, "admin")
    found = " ".join(client.get("/settings/mail").text.split())
    for words, count in (
        ("Messages that wait", 3),
        ("gather for the daily message", 3),
        ("Messages given up", 0),
    ):
        assert f'<span class="app-prose">{count}</span>' in found.split(words)[1][:200]
    assert "1 February 2010, 10:00" in found.split("The oldest since")[1][:200]


def test_what_was_given_up_is_shown_and_tried_again(
    client: FlaskClient, sign_in: SignIn, site: Site, cast: Cast, boxes: Mailboxes
) -> None:
    _tell(site, cast, "desk", "chief")
    assert _work(site, boxes) == 0
    sign_in(client, "admin")
    found = client.get("/settings/mail").text
    assert "desk@example.org" in found
    assert found.count("554 5.7.1 Not &lt;b&gt;here&lt;/b&gt;") == 2
    boxes.says.clear()
    answer = client.post("/settings/mail/retry", follow_redirects=True)
    assert "2 messages will be tried again." in answer.text
    assert "No message was given up." in answer.text
    assert _work(site, boxes) == 2
    # A second press of the button finds nothing.
    assert (
        "0 messages will be tried again." in client.post("/settings/mail/retry", follow_redirects=True).text
    )


@pytest.mark.thorough
def test_the_page_names_the_server_and_never_its_password(
    sign_in: SignIn, site: Site, cast: Cast, boxes: Mailboxes
) -> None:
    server = boxes.server(user="appraisal", password="open sesame")
    client = create_app(replace(site, settings=replace(site.settings, mail=server))).test_client()
    sign_in(client, "admin")
    found = client.get("/settings/mail").text
    assert f"127.0.0.1:{boxes.port}" in found
    assert server.sender in found
    assert "sesame" not in found
    assert "No mail server is set up" not in found


def test_the_page_takes_the_same_statements_whatever_was_given_up(
    client: FlaskClient, sign_in: SignIn, site: Site, cast: Cast, boxes: Mailboxes
) -> None:
    sign_in(client, "admin")

    def sent() -> int:
        with counted() as statements:
            client.get("/settings/mail")
        return len(statements)

    _tell(site, cast, "desk", times=3)
    _work(site, boxes)
    few = sent()
    _tell(site, cast, "desk", "chief", times=30)
    _work(site, boxes)
    assert sent() == few
    found = client.get("/settings/mail").text
    assert "And 13 earlier messages." in found


def test_administrators_read_no_proposal_there(
    client: FlaskClient, sign_in: SignIn, site: Site, cast: Cast, boxes: Mailboxes
) -> None:
    number = building.submitted_proposal(site, cast)
    _work(site, boxes)
    sign_in(client, "admin")
    assert number not in client.get("/settings/mail").text


def test_every_page_that_a_message_leads_to_exists(site: Site) -> None:
    adapter = create_app(site).url_map.bind("appraisal.example.org")
    facts = {"consultation": 7, "condition": 3, "token": "abc", **DAYS}
    pages = {
        *("proposals.show", "appraisals.consultation", "reviews.show", "work.show"),
        *("accounts.edit", "account_events.index", "confirmations.index"),
        *("sessions.invitation", "sessions.reset", "settings.drawings", "substitutions.show"),
    }
    found = set()
    for what in KINDS:
        for given in (facts, {}):
            try:
                endpoint, _ = adapter.match(page("TC-2010-0001", what, given))
            except RequestRedirect:  # pragma: no cover
                pytest.fail(f"{what} leads to a page that has moved")
            found.add(endpoint)
    assert found == pages
    assert adapter.match("/account")[0] == "accounts.edit"
