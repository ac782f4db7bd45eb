"""Ends of sessions: on the server, for every browser that holds the cookie, on both databases."""

import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.routing import AnyConverter, IntegerConverter

from appraisal.accounts.pages.sign_in import TOKEN
from appraisal.accounts.services import accounts
from appraisal.database import tables
from appraisal.definitions.library import Library
from appraisal.people.facts import SYSTEM_ACTOR, Person
from appraisal.settings import SessionLimits
from appraisal.trail.store import site as site_chain
from appraisal.web.context import Site
from tests import casts
from tests.app.pages.walks import without_tokens
from tests.casts import Clock, counted
from tests.databases import PostgresCopies, SqliteCopies
from tests.web import building
from tests.web.building import PASSWORD, Cast

NEW: Final = "four words on paper"
OPEN, SHUT = 200, 302
SESSIONS: Final = tables.sessions
FIREFOX: Final = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


@pytest.fixture
def site(
    tmp_path: Path, copies: SqliteCopies | PostgresCopies, library: Library, clock: Clock
) -> Iterator[Site]:
    """Return a site with the cast and the usual limits of sessions, once on SQLite and once on PostgreSQL."""
    with copies.copied(building.create_cast) as database:
        yield building.open_site(tmp_path, library, clock, database, SessionLimits())


@pytest.fixture
def cast(site: Site) -> Cast:
    """Return the people of the site by key."""
    with site.database.read() as db:
        return {account.person.email.split("@")[0]: account.person for account in accounts.list_people(db)}


def credentials(key: str, password: str = PASSWORD) -> dict[str, str]:
    return {"email": f"{key}@example.org", "password": password}


def browser(app: Flask, key: str = "desk", agent: str = FIREFOX) -> FlaskClient:
    """Return a browser in which somebody has signed in with the form."""
    client = app.test_client()
    client.environ_base["HTTP_USER_AGENT"] = agent
    assert client.post("/sign-in", data=credentials(key)).status_code == 303
    return client


def copied(app: Flask, client: FlaskClient) -> FlaskClient:
    """Return another browser with the same cookie."""
    cookie = client.get_cookie("session")
    assert cookie is not None
    other = app.test_client()
    other.set_cookie("session", cookie.value)
    return other


def statuses(*clients: FlaskClient) -> list[int]:
    """Return how each browser is answered that asks for a page of somebody signed in."""
    return [client.get("/workflow").status_code for client in clients]


def rows(site: Site) -> list[Any]:
    with site.database.read() as db:
        return list(db.execute(select(SESSIONS).order_by(SESSIONS.c.id)).all())


def test_signing_out_ends_the_session_in_every_browser_with_its_cookie(app: Flask) -> None:
    mine = browser(app)
    other, elsewhere = copied(app, mine), browser(app)
    assert statuses(mine, other, elsewhere) == [OPEN] * 3
    assert mine.post("/sign-out").headers["Location"] == "/sign-in"
    answer = other.get("/workflow?x=1")
    assert (answer.status_code, answer.headers["Location"]) == (SHUT, "/sign-in?next=/workflow?x%3D1")
    assert other.post("/account", data={"language": "fr", "delivery": "daily"}).status_code == SHUT
    assert "Your session has ended. Sign in to go on." in other.get(answer.headers["Location"]).text
    assert "Your session has ended" not in mine.get("/sign-in").text
    assert statuses(mine, other, elsewhere) == [SHUT, SHUT, OPEN]
    back = other.post(answer.headers["Location"], data=credentials("desk"))
    assert back.headers["Location"] == "/workflow?x=1"
    assert statuses(mine, other, elsewhere) == [SHUT, OPEN, OPEN]


def test_signing_out_everywhere_ends_all_sessions_of_one_person(app: Flask) -> None:
    first, second, chief = browser(app), browser(app), browser(app, "chief")
    answer = first.post("/sign-out/everywhere", follow_redirects=True)
    assert "You are signed out everywhere." in answer.text
    assert statuses(first, second, chief) == [SHUT, SHUT, OPEN]
    assert second.post("/sign-out/everywhere").headers["Location"] == "/sign-in"
    assert statuses(chief) == [OPEN]


def ends_listed(page: str) -> list[str]:
    return re.findall(r'action="(/account/sessions/\d+/end)"', page)


def test_people_see_where_they_are_signed_in_and_end_what_is_not_theirs(
    app: Flask, site: Site, clock: Clock
) -> None:
    first = browser(app, agent="Mozilla/5.0 (Windows NT 10.0) Chrome/126.0.0.0 Safari/537.36 <b>")
    clock.advance(minutes=30)
    other, chief = browser(app), browser(app, "chief")
    page = first.get("/account").text
    assert page.count("This session") == 1
    assert "Before this session" not in page
    for said in ("Chrome, Windows", "Firefox, Linux", "1 February 2010, 10:00", "1 February 2010, 10:30"):
        assert said in page
    assert "Before this session you signed in on 1 February 2010, 10:00." in other.get("/account").text
    [address] = ends_listed(page)
    answer = first.post(address, follow_redirects=True)
    assert "The session is ended." in answer.text
    assert ends_listed(answer.text) == []
    assert statuses(first, other, chief) == [OPEN, SHUT, OPEN]
    # Once more, from another tab: nothing is left to end, and nothing is said.
    assert "The session is ended." not in first.post(address, follow_redirects=True).text


def test_nobody_ends_the_session_of_somebody_else(app: Flask, site: Site) -> None:
    desk, admin = browser(app), browser(app, "admin")
    before = rows(site)
    for id in (before[0].id, 0, 9999):
        answer = admin.post(f"/account/sessions/{id}/end")
        assert (answer.status_code, answer.headers["Location"]) == (303, "/account")
    assert admin.post(f"/account/sessions/{10**30}/end").status_code == 404
    assert rows(site) == before
    assert statuses(desk, admin) == [OPEN, OPEN]
    assert app.test_client().post(f"/account/sessions/{before[0].id}/end").status_code == SHUT
    assert rows(site) == before


def test_ending_the_present_session_from_the_list_is_signing_out(app: Flask, site: Site) -> None:
    mine = browser(app)
    [row] = rows(site)
    assert mine.post(f"/account/sessions/{row.id}/end").headers["Location"] == "/sign-in"
    assert "You are signed out." in mine.get("/sign-in").text
    assert statuses(mine) == [SHUT]


@pytest.mark.parametrize("minutes", [119, 60, 3])
def test_a_session_in_use_ends_twelve_hours_after_signing_in(app: Flask, clock: Clock, minutes: int) -> None:
    mine = browser(app)
    begun = clock()
    while clock() + timedelta(minutes=minutes) < begun + timedelta(hours=12):
        clock.advance(minutes=minutes)
        if minutes >= 60 or clock().minute % 30 == 0:
            assert statuses(mine) == [OPEN], clock()
    clock.set(begun + timedelta(hours=12, seconds=-1))
    assert statuses(mine) == [OPEN]
    clock.advance(seconds=1)
    assert statuses(mine) == [SHUT]


def test_a_session_ends_two_hours_after_its_last_use(app: Flask, clock: Clock) -> None:
    mine, other = browser(app), browser(app)
    clock.advance(hours=1)
    assert statuses(mine) == [OPEN]
    clock.advance(hours=1, seconds=-1)
    assert statuses(other) == [OPEN]
    clock.advance(hours=1)
    assert statuses(mine, other) == [OPEN, OPEN]
    clock.advance(hours=2)
    assert statuses(mine, other) == [SHUT, SHUT]


def test_a_clock_that_was_wrong_leaves_no_session_that_lasts_longer(app: Flask, clock: Clock) -> None:
    clock.advance(days=1)
    mine = browser(app)
    assert statuses(mine) == [OPEN]
    clock.advance(days=-1)
    assert statuses(mine) == [SHUT]


def test_the_cookie_lasts_as_long_as_a_session_and_no_page_renews_it(
    app: Flask, site: Site, clock: Clock
) -> None:
    client = app.test_client()
    cookie = client.post("/sign-in", data=credentials("desk")).headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "Expires=" in cookie
    assert app.permanent_session_lifetime == site.settings.sessions.lifetime == timedelta(hours=12)
    # The first page with a form puts its token beside it.
    client.get("/workflow")
    clock.advance(minutes=30)
    assert "Set-Cookie" not in client.get("/workflow").headers
    with client.session_transaction() as session:
        assert set(session) == {TOKEN, "csrf_token", "_permanent"}


def updates(sent: Sequence[str]) -> int:
    return len([statement for statement in sent if statement.startswith("UPDATE sessions")])


@pytest.mark.thorough
def test_the_last_use_is_written_once_in_five_minutes(app: Flask, site: Site, clock: Clock) -> None:
    mine = browser(app)
    written = []
    with counted() as sent:
        for _ in range(12):
            for _ in range(3):
                assert statuses(mine) == [OPEN]
            clock.advance(minutes=1)
            written.append(updates(sent))
    assert written == [0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2]
    [row] = rows(site)
    assert row.last_used_at == casts.START + timedelta(minutes=10)


def test_a_page_asks_who_is_there_in_one_statement(app: Flask, clock: Clock) -> None:
    mine = browser(app)
    mine.get("/workflow")
    with counted() as sent:
        mine.get("/workflow")
        mine.get("/static/app.css")
    assert len([statement for statement in sent if "sessions" in statement or "people" in statement]) == 1
    with counted() as sent:
        mine.get("/account")
    assert len([statement for statement in sent if "sessions" in statement]) == 2
    with counted() as sent:
        app.test_client().get("/sign-in")
    assert sent == []


def test_no_page_waits_for_others_who_write(app: Flask, site: Site, clock: Clock) -> None:
    mine = browser(app)
    clock.advance(hours=1)
    with site.database.begin(), counted() as sent:
        assert statuses(mine) == [OPEN]
    # On PostgreSQL writers of other rows are in nobody's way.
    assert updates(sent) == (0 if site.database.is_sqlite else 1)
    assert statuses(mine) == [OPEN]
    [row] = rows(site)
    assert row.last_used_at == clock()


def account_form(person: Person, **changes: Any) -> dict[str, Any]:
    given = {"name": person.name, "roles": sorted(person.roles), "unit": person.unit}
    return {**given, "duty_station": person.duty_station, "language": person.language, **changes}


def test_closing_an_account_ends_its_sessions_and_opening_it_revives_none(app: Flask, cast: Cast) -> None:
    desk, admin = browser(app), browser(app, "admin")
    path, form = f"/people/{cast['desk'].id}", account_form(cast["desk"])
    assert admin.post(path, data={**form, "standing": "closed"}).status_code == 303
    assert statuses(desk, admin) == [SHUT, OPEN]
    assert admin.post(path, data={**form, "standing": "open"}).status_code == 303
    assert statuses(desk, admin) == [SHUT, OPEN]


def test_a_password_set_with_a_link_ends_all_sessions(app: Flask, site: Site, cast: Cast) -> None:
    desk, other, chief = browser(app), browser(app), browser(app, "chief")
    with site.database.begin() as db:
        token = accounts.issue_link(db, SYSTEM_ACTOR, site.now(), cast["desk"].id, "reset")
    answer = app.test_client().post(f"/password-reset/{token}", data={"password": NEW, "again": NEW})
    assert answer.status_code == 303
    assert statuses(desk, other, chief) == [SHUT, SHUT, OPEN]


def change(client: FlaskClient, old: str = PASSWORD, new: str = NEW, again: str = NEW) -> Any:
    return client.post("/account/password", data={"old": old, "password": new, "again": again})


def test_people_change_their_password_and_stay_signed_in_where_they_are(
    app: Flask, site: Site, clock: Clock
) -> None:
    mine = browser(app)
    thief, other, chief = copied(app, mine), browser(app), browser(app, "chief")
    assert "1 February 2010, 10:00" in mine.get("/account").text
    clock.advance(minutes=75)
    assert "Change your password" in mine.get("/account/password").text
    answer = change(mine)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/account")
    page = mine.get("/account").text
    assert "Your password is changed. Your other sessions have ended." in page
    assert "1 February 2010, 11:15" in page
    assert statuses(mine, thief, other, chief) == [OPEN, SHUT, SHUT, OPEN]
    fresh = app.test_client()
    assert fresh.post("/sign-in", data=credentials("desk")).status_code == 422
    assert fresh.post("/sign-in", data=credentials("desk", NEW)).status_code == 303
    with site.database.read() as db:
        assert site_chain.chain(db)[-1].facts["action"] == "change_password"


@pytest.mark.parametrize(
    ("old", "new", "again", "message"),
    [
        ("wrong", NEW, NEW, "This is not your present password."),
        ("", NEW, NEW, "This is not your present password."),
        (PASSWORD, "short", "short", "Choose a password of at least 12 characters."),
        (PASSWORD, "x" * 201, "x" * 201, "Choose a password of at most 200 characters."),
        (PASSWORD, NEW, NEW + "!", "The two passwords differ."),
    ],
)
def test_a_password_that_will_not_do_is_told_at_its_field(
    app: Flask, site: Site, old: str, new: str, again: str, message: str
) -> None:
    mine, other = browser(app), browser(app)
    before = rows(site)
    answer = change(mine, old, new, again)
    assert answer.status_code == 422
    assert answer.text.count(message) == 2
    assert not any(given and given in answer.text for given in (new, again))
    assert rows(site) == before
    assert statuses(mine, other) == [OPEN, OPEN]
    assert app.test_client().post("/sign-in", data=credentials("desk")).status_code == 303


def test_wrong_old_passwords_are_limited_by_person_whatever_the_address(app: Flask) -> None:
    mine, chief = browser(app), browser(app, "chief")
    for place in range(10):
        mine.environ_base["REMOTE_ADDR"] = f"192.0.2.{place}"
        assert change(mine, "wrong").status_code == 422
    answer = change(mine)
    assert answer.status_code == 429
    assert "Too many attempts" in answer.text
    assert change(chief).status_code == 303
    assert app.test_client().post("/sign-in", data=credentials("desk")).status_code == 303


def test_passwords_are_changed_by_those_who_are_signed_in(app: Flask) -> None:
    stranger = app.test_client()
    assert stranger.get("/account/password").headers["Location"] == "/sign-in?next=/account/password"
    assert change(stranger).status_code == SHUT
    assert app.test_client().post("/sign-in", data=credentials("desk")).status_code == 303


def kept(client: FlaskClient) -> dict[str, Any]:
    with client.session_transaction() as session:
        return dict(session)


def test_signing_in_begins_with_a_new_token_and_nothing_of_who_was_there_before(app: Flask) -> None:
    app.config["WTF_CSRF_ENABLED"] = True
    client = app.test_client()

    def enter(key: str) -> dict[str, Any]:
        client.post("/sign-out", data={"csrf_token": form_token()})
        given = {**credentials(key), "csrf_token": form_token()}
        assert client.post("/sign-in", data=given).status_code == 303
        form_token("/account")
        return kept(client)

    def form_token(path: str = "/sign-in") -> str:
        found = re.search(r'name="csrf_token" value="([^"]+)"', client.get(path, follow_redirects=True).text)
        assert found is not None
        return found[1]

    # Planted by somebody else who had the browser before.
    with client.session_transaction() as session:
        session[TOKEN], session["link"], session["csrf_token"] = "planted", [1, "/x"], "planted"
    found = [enter(key) for key in ("desk", "desk", "chief")]
    assert all(set(entry) == {TOKEN, "csrf_token", "_permanent"} for entry in found)
    for name in (TOKEN, "csrf_token"):
        assert len({entry[name] for entry in found} | {"planted"}) == 4


def test_no_token_of_another_session_or_making_opens_a_page(app: Flask, site: Site, cast: Cast) -> None:
    mine = browser(app)
    [row] = rows(site)
    assert kept(mine)[TOKEN] not in repr(row)
    forged = app.test_client()
    # What earlier releases kept, what the database keeps, and what is no token.
    for token in (
        f"{cast['desk'].id}.0",
        f"{cast['desk'].id}.1",
        row.digest,
        "",
        "\N{SNOWMAN}",
    ):
        with forged.session_transaction() as session:
            session[TOKEN] = token
        assert statuses(forged) == [SHUT], token


def test_the_language_and_what_was_said_outlast_signing_out(app: Flask) -> None:
    mine = browser(app)
    mine.post("/language", data={"language": "es", "next": "/account"})
    assert 'lang="es"' in mine.get("/account").text
    page = mine.post("/sign-out/everywhere", follow_redirects=True).text
    assert '<html lang="es"' in page
    assert "Ha cerrado todas sus sesiones." in page
    assert kept(mine).get(TOKEN) is None
    # A session that ended elsewhere leaves the browser its language too.
    other = browser(app)
    copied(app, other).post("/sign-out/everywhere")
    assert other.post("/sign-out").status_code == 303
    assert statuses(other) == [SHUT]


def _filling(converter: Any) -> Any:
    if isinstance(converter, AnyConverter):
        return min(converter.items)
    return 1 if isinstance(converter, IntegerConverter) else "x"


def everywhere(app: Flask, method: str) -> Iterator[str]:
    """Yield an address of every route that takes a method."""
    with app.test_request_context():
        adapter = app.url_map.bind("localhost")
        for rule in app.url_map.iter_rules():
            if method in (rule.methods or ()) and rule.endpoint != "static":
                given = {name: _filling(converter) for name, converter in rule._converters.items()}
                yield adapter.build(rule.endpoint, given, method=method)


def contents(site: Site) -> dict[str, list[Any]]:
    """Return every row of every table but the access log."""
    with site.database.read() as db:
        return {
            table.name: sorted((tuple(row) for row in db.execute(table.select())), key=repr)
            for table in tables.METADATA.sorted_tables
            if table.name != "accesses"
        }


@pytest.mark.thorough
@pytest.mark.parametrize("key", ["admin", "desk"])
def test_whoever_holds_an_ended_session_is_a_stranger_on_every_page(app: Flask, site: Site, key: str) -> None:
    mine = browser(app, key)
    mine.get("/account")
    dead, stranger = copied(app, mine), app.test_client()
    assert mine.post("/sign-out/everywhere").status_code == 303
    before = contents(site)
    for method in ("GET", "POST"):
        found = list(everywhere(app, method))
        assert len(found) > 40
        for address in found:
            answers = [client.open(address, method=method) for client in (dead, stranger)]
            said = {(answer.status_code, answer.headers.get("Location")) for answer in answers}
            assert len(said) == 1, (method, address, said)
            page = without_tokens(answers[0].text).replace("Your session has ended. Sign in to go on.", "")
            assert re.sub(r"<p[^>]*></p>\s*", "", page) == without_tokens(answers[1].text), (method, address)
    assert contents(site) == before
