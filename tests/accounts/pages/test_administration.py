"""The pages of accounts: administrators alone, every fault at its field, links shown once or sent."""

import ast
import inspect
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from appraisal.accounts.pages import events
from appraisal.accounts.services import accounts, confirmations
from appraisal.accounts.services.accounts import Account
from appraisal.app import worker
from appraisal.app.application import create_app
from appraisal.canonical import canonical
from appraisal.database import tables
from appraisal.notices.services.smtp import Courier
from appraisal.people.facts import SYSTEM_ACTOR
from appraisal.trail.store import site as chain
from appraisal.web.context import Site
from tests.carriers import blank
from tests.casts import counted
from tests.mailboxes import ADDRESS, Mailboxes
from tests.tampering import by_hand
from tests.web import building
from tests.web.building import Cast
from tests.web.reading import faults
from tests.web.sites import Compiled, SignIn

TOKENS = tables.tokens

NEWCOMER = {
    "email": "Karim@Example.org",
    "name": "Karim Sow",
    "roles": ["designer"],
    "unit": "NORMES",
    "duty_station": "Dakar",
    "language": "fr",
}


@pytest.fixture
def admin(client: FlaskClient, sign_in: SignIn) -> FlaskClient:
    """Return a browser with the administrator signed in."""
    sign_in(client, "admin")
    return client


def account(site: Site, email: str) -> Account:
    with site.database.read() as db:
        found = accounts.find_by_email(db, email)
    assert found is not None
    return found


def form_of(person: Any, **changes: Any) -> dict[str, Any]:
    given = {"name": person.name, "roles": sorted(person.roles), "unit": person.unit}
    return {**given, "duty_station": person.duty_station, "language": person.language, **changes}


@pytest.mark.parametrize("path", ["/people", "/people/new", "/people/1"])
@pytest.mark.parametrize("key", ["designer", "desk", "reader", "chief", "auditor"])
def test_accounts_are_for_administrators(client: FlaskClient, sign_in: SignIn, path: str, key: str) -> None:
    sign_in(client, key)
    assert client.get(path).status_code == 403
    assert client.post("/people/1/link").status_code == 403
    assert client.post("/people/new", data=NEWCOMER).status_code == 403


def test_the_list_shows_everybody_in_a_fixed_number_of_statements(admin: FlaskClient, cast: Cast) -> None:
    with counted() as sent:
        page = admin.get("/people").text
    for person in cast.values():
        assert person.name in page
        assert person.email in page
    assert len(sent) < 8


def test_roles_of_older_accounts_that_do_not_go_together_are_shown_and_taken_apart(
    admin: FlaskClient, site: Site, cast: Cast
) -> None:
    assert "To be separated" not in admin.get("/people").text
    table = tables.people
    with by_hand(site.database, site.now()) as db:
        db.execute(update(table).where(table.c.id == cast["chief2"].id).values(roles="manager administrator"))
    assert admin.get("/people").text.count("To be separated") == 2
    path, both = f"/people/{cast['chief2'].id}", ["manager", "administrator"]
    refused = admin.post(path, data=form_of(cast["chief2"], roles=both, unit="OTHER"))
    assert refused.status_code == 422
    assert admin.post(path, data=form_of(cast["chief2"], roles=["manager"])).status_code == 303
    assert account(site, "chief2@example.org").person == cast["chief2"]


def test_a_new_account_comes_with_an_invitation_that_is_shown_once(
    admin: FlaskClient, site: Site, app: Flask
) -> None:
    answer = admin.post("/people/new", data=NEWCOMER)
    assert answer.status_code == 303
    made = account(site, "karim@example.org")
    assert made.person.roles == {"designer"}
    assert (made.person.unit, made.person.duty_station, made.person.language) == ("NORMES", "Dakar", "fr")
    assert not made.has_password
    page = admin.get(answer.headers["Location"]).text
    link = re.search(r"http://localhost(/invitation/[\w-]+)", page)
    assert link is not None
    assert "/invitation/" not in admin.get(answer.headers["Location"]).text
    assert app.test_client().get(link[1]).status_code == 200


@pytest.mark.parametrize(
    ("changes", "messages"),
    [
        ({"email": "no address"}, ["Write an e-mail address, like name@example.org."]),
        ({"email": "DESK@example.org"}, ["There is an account with this address already."]),
        (
            {"name": " ", "roles": []},
            ["Write a name of at most 200 characters.", "Choose at least one role."],
        ),
        ({"roles": ["emperor"]}, ["Choose at least one role."]),
        ({"roles": ["manager", "administrator"]}, ["An administrator is neither appraiser nor manager."]),
        ({"roles": ["appraiser", "administrator"]}, ["An administrator is neither appraiser nor manager."]),
        ({"language": "de"}, ["Choose a language."]),
    ],
)
def test_faults_stand_at_their_fields_and_nothing_typed_is_lost(
    admin: FlaskClient, changes: dict[str, Any], messages: list[str]
) -> None:
    given = {**NEWCOMER, "unit": "A <unit>", **changes}
    answer = admin.post("/people/new", data=given)
    assert answer.status_code == 422
    for message in messages:
        assert answer.text.count(message) == 2  # in the summary and at the field
    assert 'value="A &lt;unit&gt;"' in answer.text
    assert f'value="{given["email"]}"' in answer.text


def test_an_account_is_changed(admin: FlaskClient, site: Site, cast: Cast) -> None:
    person = cast["reader"]
    given = form_of(person, name="David O.", roles=["designer"], unit="PROGRAM", language="es")
    assert admin.post(f"/people/{person.id}", data=given).status_code == 303
    after = account(site, person.email).person
    assert (after.name, sorted(after.roles), after.unit) == ("David O.", ["designer"], "PROGRAM")
    assert after.language == "es"
    assert after.active


def test_what_was_changed_meanwhile_is_not_undone_from_a_page_that_was_open_before(
    admin: FlaskClient, site: Site, cast: Cast
) -> None:
    person = cast["reader"]
    address = f"/people/{person.id}"

    def shown() -> str:
        found = re.search(r'name="seen" value="(\d+)"', admin.get(address).text)
        assert found is not None
        return found[1]

    before = shown()
    given = form_of(person, name="David O.", seen=before)
    # Somebody else takes a role away and changes the unit.
    other = form_of(person, roles=["designer"], unit="PROGRAM", seen=before)
    assert admin.post(address, data=other).status_code == 303
    answer = admin.post(address, data=given)
    assert answer.status_code == 409
    assert "David O." in answer.text
    after = account(site, person.email).person
    assert (after.name, sorted(after.roles), after.unit) == (person.name, ["designer"], "PROGRAM")
    # A form with a fault is drawn again for the account as it was read.
    answer = admin.post(address, data={**given, "name": " "})
    assert answer.status_code == 422
    assert f'name="seen" value="{before}"' in answer.text
    # The same form sent twice is done once.
    assert admin.post(address, data=other).status_code == 303
    assert admin.post(address, data=form_of(after, name="David O.", seen=shown())).status_code == 303
    assert account(site, person.email).person.name == "David O."


def test_a_change_with_a_fault_loses_nothing(admin: FlaskClient, site: Site, cast: Cast) -> None:
    person = cast["reader"]
    answer = admin.post(f"/people/{person.id}", data=form_of(person, name="", unit="PROGRAM"))
    assert answer.status_code == 422
    assert 'value="PROGRAM"' in answer.text
    assert account(site, person.email).person.name == person.name


def test_closing_an_account_ends_its_sessions_and_opening_gives_it_back(
    admin: FlaskClient, app: Flask, site: Site, cast: Cast, sign_in: SignIn
) -> None:
    person, other = cast["reader"], app.test_client()
    sign_in(other, "reader")
    assert other.get("/workflow").status_code == 200
    admin.post(f"/people/{person.id}", data=form_of(person, standing="closed"))
    assert not account(site, person.email).person.active
    assert other.get("/workflow").status_code == 302
    assert "Closed" in admin.get("/people").text
    admin.post(f"/people/{person.id}", data=form_of(person, standing="open"))
    assert account(site, person.email).person.active


def test_an_administrator_neither_closes_their_own_account_nor_changes_their_roles(
    admin: FlaskClient, site: Site, cast: Cast
) -> None:
    person = cast["admin"]
    for changes, sentence in (
        ({"standing": "closed"}, "You cannot close your own account."),
        ({"roles": ["designer"]}, "Nobody changes their own roles"),
        ({"roles": ["administrator", "auditor"]}, "Nobody changes their own roles"),
    ):
        answer = admin.post(f"/people/{person.id}", data=form_of(person, **changes))
        assert answer.status_code == 403
        assert sentence in answer.text
    after = account(site, person.email).person
    assert after == person


def test_who_leads_an_appraisal_is_said_before_closing(admin: FlaskClient, site: Site, cast: Cast) -> None:
    number = building.assigned_proposal(site, cast, title="Nobody's business")
    page = admin.get(f"/people/{cast['reader'].id}").text
    # The number tells it from others; what it is about is not for administrators.
    assert f"{number}: Lead of the appraisal under way (Due on 15 February 2010)." in page
    assert "Nobody&#39;s business" not in page
    assert f'href="/people/{cast["reader"].id}/appraisals"' in page
    assert "still has to do" not in admin.get(f"/people/{cast['eval'].id}").text


LEAVING: tuple[dict[str, Any], ...] = ({"standing": "closed"}, {"roles": ["auditor"]})


@pytest.mark.parametrize("changes", LEAVING)
def test_what_is_left_is_confirmed_before_an_account_is_changed(
    admin: FlaskClient, site: Site, cast: Cast, changes: dict[str, Any]
) -> None:
    number = building.draft_proposal(site, cast, title="Nobody's business")
    person, before = cast["designer"], site_events(site)
    address, given = f"/people/{person.id}", form_of(person, unit="PROGRAM", **changes)
    answer = admin.post(address, data=given)
    assert answer.status_code == 422
    assert (
        f"{number}: The only author who can still write in it or withdraw it (since 1 February 2010)."
        in answer.text
    )
    assert "It falls to the coordinators." in answer.text
    assert "Nobody&#39;s business" not in answer.text
    # What was typed is there still, and nothing is written.
    assert 'value="PROGRAM"' in answer.text
    assert (account(site, person.email).person, site_events(site)) == (person, before)

    # Shown, but not confirmed; confirmed, but not as it was shown: a second draft came up meanwhile.
    keys = re.findall(r'name="duty" value="([^"]+)"', answer.text)
    assert len(keys) == 1
    assert admin.post(address, data={**given, "duty": keys}).status_code == 422
    other = building.draft_proposal(site, cast)
    again = admin.post(address, data={**given, "duty": keys, "confirm": "1"})
    assert again.status_code == 422
    assert other in again.text
    assert account(site, person.email).person == person

    keys = re.findall(r'name="duty" value="([^"]+)"', again.text)
    assert admin.post(address, data={**given, "duty": keys, "confirm": "1"}).status_code == 303
    after = account(site, person.email).person
    assert after.active == ("standing" not in changes)
    (left,) = {
        canonical(said["facts"]["duties"])
        for said in site_events(site)[len(before) :]
        if "duties" in said["facts"]
    }
    assert json.loads(left) == [{"kind": "author", "number": entry} for entry in sorted((number, other))]


def site_events(site: Site) -> list[Any]:
    with site.database.read() as db:
        return [event.facts for event in chain.chain(db)]


def test_a_change_that_leaves_nothing_asks_for_nothing(admin: FlaskClient, site: Site, cast: Cast) -> None:
    building.draft_proposal(site, cast)
    for changes in ({"name": "Ana R."}, {"roles": ["designer", "auditor"]}, {"unit": "PROGRAM"}):
        answer = admin.post(f"/people/{cast['designer'].id}", data=form_of(cast["designer"], **changes))
        assert answer.status_code == 303
    assert "duties" not in site_events(site)[-1]["facts"]


def test_an_address_cannot_be_changed(admin: FlaskClient, site: Site, cast: Cast) -> None:
    # Nobody changes an address first and asks for a link then: there is no way to, by any field.
    person = cast["chief"]
    given = form_of(
        person, email="mine@example.org", address="mine@example.org", new_email="mine@example.org"
    )
    assert admin.post(f"/people/{person.id}", data=given).status_code == 303
    assert account(site, person.email).person == person
    assert 'name="email"' not in admin.get(f"/people/{person.id}").text


# Where no mail is sent -----------------------------------------------------------------------------------


def shown_link(page: str) -> str | None:
    found = re.search(r"http://localhost(/(?:invitation|password-reset)/[\w-]+)", page)
    return found[1] if found else None


@pytest.mark.parametrize("key", ["chief", "reader", "desk", "auditor", "designer", "admin"])
def test_no_administrator_sees_a_link_to_an_account_that_is_in_use(
    admin: FlaskClient, site: Site, cast: Cast, key: str
) -> None:
    answer = admin.post(f"/people/{cast[key].id}/link")
    page = admin.get(answer.headers["Location"]).text
    assert shown_link(page) is None
    assert "The link waits for a second person, who confirms it and hands it over." in page
    again = admin.get(admin.post(f"/people/{cast[key].id}/link").headers["Location"]).text
    assert "This is asked for already, and waits for a second person." in again
    # Who asked does not answer either, but may take it back.
    waiting = admin.get("/people/requests").text
    assert f"A link for a new password of {cast[key].name}" in waiting
    assert 'value="confirm"' not in waiting
    assert 'value="withdraw"' in waiting
    refused = admin.post("/people/requests/1", data={"answer": "confirm"})
    assert refused.status_code == 403
    assert shown_link(refused.text) is None
    assert links(site) == []


def links(site: Site) -> list[Any]:
    with site.database.read() as db:
        return list(db.execute(select(TOKENS)))


def test_who_confirms_a_link_sees_it_once_and_its_use_is_told_at_every_sign_in(
    admin: FlaskClient, app: Flask, site: Site, cast: Cast, sign_in: SignIn
) -> None:
    admin.post(f"/people/{cast['reader'].id}/link")
    manager = app.test_client()
    sign_in(manager, "chief")
    assert "A link for a new password of David Okoro" in manager.get("/").text
    answer = manager.post("/people/requests/1", data={"answer": "confirm"})
    page = manager.get(answer.headers["Location"]).text
    link = shown_link(page)
    assert link is not None
    assert shown_link(manager.get("/people/requests").text) is None
    assert shown_link(admin.get(f"/people/{cast['reader'].id}").text) is None
    assert "A link for a new password" not in manager.get("/").text
    new = {"password": "four words on paper", "again": "four words on paper"}
    assert app.test_client().post(link, data=new).status_code == 303
    for _ in range(2):
        owner = app.test_client()
        owner.post("/sign-in", data={"email": "reader@example.org", "password": "four words on paper"})
        told = owner.get("/").text
        assert "Asked for by: Jonas Meyer. Confirmed by: Grace Lindqvist." in told
        assert "If you know nothing of this" in told
    site.now.advance(days=31)  # type: ignore[attr-defined]
    owner = app.test_client()
    owner.post("/sign-in", data={"email": "reader@example.org", "password": "four words on paper"})
    assert "Asked for by" not in owner.get("/").text


def test_a_role_waits_until_a_second_person_confirms_it(
    admin: FlaskClient, app: Flask, site: Site, cast: Cast, sign_in: SignIn
) -> None:
    person = cast["designer"]
    answer = admin.post(f"/people/{person.id}", data=form_of(person, roles=["designer", "manager"]))
    assert answer.status_code == 303
    page = admin.get(answer.headers["Location"]).text
    assert "Waits for a second person: Manager." in page
    assert "Give Ana Ruiz the roles: Manager" in page
    assert account(site, person.email).person == person
    manager = app.test_client()
    sign_in(manager, "chief")
    assert manager.post("/people/requests/1", data={"answer": "perhaps"}).status_code == 400
    assert manager.post("/people/requests/1", data={"answer": "confirm"}).status_code == 303
    assert account(site, person.email).person.roles == {"designer", "manager"}
    late = manager.post("/people/requests/1", data={"answer": "confirm"})
    assert late.status_code == 403
    assert "This is answered, has run out, or the account has changed" in late.text
    told = admin.get(f"/people/{person.id}/events").text
    assert "The roles were changed. Before: Project designer. Now: Project designer, Manager." in told
    assert "Grace Lindqvist" in told


def test_a_new_account_that_decides_is_opened_by_who_confirms_it(
    admin: FlaskClient, app: Flask, site: Site, sign_in: SignIn
) -> None:
    answer = admin.post("/people/new", data={**NEWCOMER, "roles": ["manager"]})
    made = account(site, "karim@example.org").person
    assert made.roles == frozenset()
    page = admin.get(answer.headers["Location"]).text
    assert shown_link(page) is None
    assert "Waits for a second person: Manager." in page
    # A link before that opens an account without any role, and ends with the confirmation.
    early = shown_link(admin.get(admin.post(f"/people/{made.id}/link").headers["Location"]).text)
    assert early is not None
    new = {"password": "four words on paper", "again": "four words on paper"}
    assert app.test_client().post(early, data=new).status_code == 303
    newcomer = app.test_client()
    newcomer.post("/sign-in", data={"email": "karim@example.org", "password": "four words on paper"})
    assert newcomer.get("/").status_code == 200
    for path in ("/people", "/people/requests", "/people/events", "/people/1/events"):
        assert newcomer.get(path).status_code == 403
    manager = app.test_client()
    sign_in(manager, "chief")
    answer = manager.post("/people/requests/1", data={"answer": "confirm"})
    link = shown_link(manager.get(answer.headers["Location"]).text)
    assert link is not None
    assert newcomer.get("/").status_code == 302
    assert app.test_client().post(link, data=new).status_code == 303


@pytest.mark.parametrize("key", ["designer", "desk", "reader", "auditor"])
def test_requests_are_for_those_who_may_confirm(client: FlaskClient, sign_in: SignIn, key: str) -> None:
    sign_in(client, key)
    assert client.get("/people/requests").status_code == 403
    assert client.post("/people/requests/1", data={"answer": "confirm"}).status_code == 403


@pytest.mark.parametrize(
    ("key", "all_of_them"),
    [("designer", 403), ("desk", 403), ("reader", 403), ("chief", 403), ("auditor", 200), ("admin", 200)],
)
def test_what_happened_is_for_administrators_auditors_and_the_owner(
    client: FlaskClient, sign_in: SignIn, cast: Cast, key: str, all_of_them: int
) -> None:
    sign_in(client, key)
    assert client.get("/people/events").status_code == all_of_them
    assert client.get(f"/people/{cast['eval'].id}/events").status_code == all_of_them
    own = client.get(f"/people/{cast[key].id}/events")
    assert own.status_code == 200
    assert "The account was created." in own.text
    assert client.get("/people/999/events").status_code == (404 if all_of_them == 200 else 403)


def test_events_of_earlier_versions_are_still_read(admin: FlaskClient, site: Site, cast: Cast) -> None:
    reader, by = cast["reader"].id, cast["admin"].id
    older = {"person": reader, "before": ["appraiser"], "roles": ["auditor", "appraiser"], "active": True}
    with site.database.begin() as db:
        chain.append(db, site.now(), by, "change_person", older)
        chain.append(db, site.now(), by, "change_person", {**older, "roles": ["appraiser"]})
        chain.append(db, site.now(), by, "of_tomorrow", {"person": reader})
    page = admin.get(f"/people/{reader}/events").text
    assert "The roles were changed. Before: Appraiser. Now: Appraiser, Auditor." in page
    assert page.count("The roles were changed.") == 1
    assert "Name, duty station or language was changed." in page
    assert "Something else was noted." in page


@pytest.mark.thorough
@pytest.mark.parametrize("language", ["en", "fr", "es"])
def test_pages_about_accounts_are_well_made_in_every_language(
    admin: FlaskClient, app: Flask, site: Site, cast: Cast, sign_in: SignIn, language: str
) -> None:
    manager, auditor = app.test_client(), app.test_client()
    sign_in(manager, "chief")
    sign_in(auditor, "auditor")
    for client in (admin, manager, auditor):
        client.post("/language", data={"language": language})
    person = cast["designer"].id
    with site.database.begin() as db:
        accounts.issue_link(db, SYSTEM_ACTOR, site.now(), person, "reset", emergency=True)
    admin.post(f"/people/{person}", data=form_of(cast["designer"], roles=["designer", "manager"]))
    admin.post(f"/people/{person}/link")
    pages = [manager.get("/").text, manager.get("/people/requests").text]
    pages.append(manager.post("/people/requests/1", data={"answer": "confirm"}, follow_redirects=True).text)
    pages.append(manager.post("/people/requests/9", data={"answer": "confirm"}).text)
    pages += [auditor.get(path).text for path in ("/", "/people/events", f"/people/{person}/events")]
    pages += [admin.get(path).text for path in ("/people", "/people/new", f"/people/{person}", "/account")]
    assert [faults(page) for page in pages] == [[]] * len(pages)


# Where mail is sent --------------------------------------------------------------------------------------


@pytest.fixture
def boxes() -> Iterator[Mailboxes]:
    """A mail server that takes everything."""
    with Mailboxes().opened() as found:
        yield found


@pytest.fixture
def sending(site: Site, boxes: Mailboxes, compiled: Compiled) -> Flask:
    """The application of a site that sends mail."""
    app = create_app(replace(site, settings=replace(site.settings, mail=boxes.server())))
    compiled.share(app)
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    return app


def deliver(site: Site, boxes: Mailboxes) -> None:
    worker.work(site.database, site.files, blank, site.now, courier=Courier(boxes.server()))


def test_everything_that_happens_to_an_account_has_a_sentence() -> None:
    found = set()
    for module in (accounts, confirmations):
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "site.append":
                action = node.args[3]
                choices = (action.body, action.orelse) if isinstance(action, ast.IfExp) else (action,)
                found |= {entry.value for entry in choices if isinstance(entry, ast.Constant)}
    assert len(found) > 10
    titled = {name.split()[0] for name in events.EVENTS}
    assert found - titled == set()


def test_a_link_is_shown_once_and_lost_to_no_other_page(admin: FlaskClient, cast: Cast) -> None:
    made = {"email": "new@example.org", "name": "New", "roles": "designer", "language": "en"}
    address = admin.post("/people/new", data=made).headers["Location"]
    # Neither a question for the headers alone, nor the page of somebody else, takes it away.
    assert admin.head(address).status_code == 200
    assert shown_link(admin.get(f"/people/{cast['chief'].id}").text) is None
    assert shown_link(admin.get(address).text) is not None
    assert shown_link(admin.get(address).text) is None


def test_a_link_goes_to_its_owner_and_is_shown_to_nobody(
    sending: Flask, site: Site, cast: Cast, sign_in: SignIn, boxes: Mailboxes
) -> None:
    admin = sending.test_client()
    sign_in(admin, "admin")
    answer = admin.post(f"/people/{cast['chief'].id}/link")
    page = admin.get(answer.headers["Location"]).text
    assert "The link is sent to c…@example.org." in page
    assert shown_link(page) is None
    assert "/password-reset/" not in page
    deliver(site, boxes)
    (mail,) = boxes.received
    assert mail.to == "chief@example.org"
    assert str(mail.message["Subject"]) == "Choose a new password"
    found = re.search(rf"{ADDRESS}(/password-reset/[\w-]+)", mail.body("plain"))
    assert found is not None
    # Read it wherever it lies, before it is used and after.
    token = found[1].rpartition("/")[2]
    assert token not in everything(site)
    new = {"password": "four words on paper", "again": "four words on paper"}
    assert sending.test_client().post(found[1], data=new).status_code == 303
    assert sending.test_client().post(found[1], data=new).status_code == 404
    deliver(site, boxes)
    assert [str(entry.message["Subject"]) for entry in boxes.received[1:]] == [
        "Your password was set by a link"
    ]
    assert "If you know nothing of this" in boxes.received[1].body("plain")
    assert token not in everything(site)


def everything(site: Site) -> str:
    """Return every row of every table."""
    with site.database.read() as db:
        return repr([list(db.execute(table.select())) for table in tables.METADATA.sorted_tables])


def test_an_invitation_goes_by_mail_and_only_decisive_roles_wait(
    sending: Flask, site: Site, sign_in: SignIn, boxes: Mailboxes
) -> None:
    admin = sending.test_client()
    sign_in(admin, "admin")
    answer = admin.post("/people/new", data={**NEWCOMER, "roles": ["appraiser", "manager"]})
    page = admin.get(answer.headers["Location"]).text
    assert "The link is sent to k…@example.org." in page
    assert "Waits for a second person: Manager." in page
    assert account(site, "karim@example.org").person.roles == {"appraiser"}
    deliver(site, boxes)
    (mail,) = [
        entry
        for entry in boxes.received
        if entry.to == "karim@example.org" and "invitation" in entry.body("plain")
    ]
    assert str(mail.message["Subject"]) == "Choisir votre mot de passe"


def test_the_start_page_tells_auditors_of_emergencies(
    client: FlaskClient, sign_in: SignIn, site: Site, cast: Cast
) -> None:
    sign_in(client, "auditor")
    words = "Accounts touched in the emergency way, on the command line"
    with counted() as before:
        assert words not in client.get("/").text
    with site.database.begin() as db:
        accounts.issue_link(db, SYSTEM_ACTOR, site.now(), cast["chief"].id, "reset", emergency=True)
    with counted() as after:
        page = client.get("/").text
    assert words in page
    assert "Grace Lindqvist" in page
    assert len(after) == len(before)
    assert "Emergency" in client.get(f"/people/{cast['chief'].id}/events").text


def test_waiting_requests_cost_one_statement_of_those_who_answer(
    client: FlaskClient, sign_in: SignIn
) -> None:
    sent = {}
    for key in ("designer", "desk", "chief", "auditor"):
        sign_in(client, key)
        client.get("/")
        with counted() as found:
            client.get("/")
        sent[key] = sum("account_requests" in text or "site_events" in text for text in found)
    assert sent == {"designer": 0, "desk": 0, "chief": 1, "auditor": 1}


def test_an_unknown_account_is_not_found(admin: FlaskClient) -> None:
    assert admin.get("/people/999").status_code == 404
    assert admin.post("/people/999/link").status_code == 404
    assert admin.get(f"/people/{10**30}").status_code == 404
