"""Confirmations: what an administrator asks for about an account, and who answers; links by mail."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any, Final

import pytest
from sqlalchemy import Row, select, update

from appraisal.accounts.rules import accounts
from appraisal.accounts.services import accounts as accounts_accounts
from appraisal.accounts.services import confirmations
from appraisal.accounts.services.accounts import BadPerson
from appraisal.accounts.services.confirmations import Confirmed
from appraisal.accounts.store import requests, sessions
from appraisal.app import worker
from appraisal.database import tables
from appraisal.database.outbox import MAILS, waiting
from appraisal.notices.services.messages import Refused
from appraisal.notices.services.smtp import Courier
from appraisal.people.facts import SYSTEM_ACTOR, Person
from appraisal.trail.store import site
from tests import casts
from tests.carriers import blank
from tests.casts import Stage
from tests.mailboxes import Mailboxes

HASHING = accounts_accounts.hasher(quick=True)
PASSWORD: Final = "correct horse battery"
PEOPLE = tables.people
TOKENS = tables.tokens
REQUESTS = tables.account_requests
NOTICES = tables.notices


def _second_admin(stage: Stage) -> None:
    """Add another administrator to the cast."""
    with stage.database.begin() as db:
        made = accounts_accounts.create_person(
            db, SYSTEM_ACTOR, stage.now, email="admin2@example.org", name="Admin2", roles=["administrator"]
        )
    stage.people = {**stage.people, "admin2": made}


def _change(stage: Stage, key: str, who: str = "admin", **changes: Any) -> Person:
    person = _person(stage, key)
    given: dict[str, Any] = {
        "name": person.name,
        "roles": sorted(person.roles),
        "unit": person.unit,
        "duty_station": person.duty_station,
        "language": person.language,
        "active": person.active,
        "library": stage.library,
    } | changes
    actor = SYSTEM_ACTOR if who == "system" else stage.people[who]
    with stage.database.begin() as db:
        return accounts_accounts.change_person(db, actor, stage.now, person.id, **given)


def _person(stage: Stage, key: str) -> Person:
    with stage.database.read() as db:
        return accounts_accounts.find_person(db, stage.people[key].id).person


def _ask_link(stage: Stage, key: str, who: str = "admin") -> int:
    with stage.database.begin() as db:
        return accounts_accounts.ask_link(db, stage.people[who], stage.now, stage.people[key].id)


def _confirm(stage: Stage, who: str, id: int = 1) -> Confirmed:
    actor = SYSTEM_ACTOR if who == "system" else stage.people[who]
    with stage.database.begin() as db:
        return confirmations.confirm(db, actor, stage.now, id)


def _decline(stage: Stage, who: str, id: int = 1) -> object:
    with stage.database.begin() as db:
        return confirmations.decline(db, stage.people[who], stage.now, id)


def _withdraw(stage: Stage, who: str, id: int = 1) -> object:
    with stage.database.begin() as db:
        return confirmations.withdraw(db, stage.people[who], stage.now, id)


def _refused(stage: Stage, act: Callable[[], object]) -> tuple[str, ...]:
    return casts.refusal(stage, act)


def _requests(stage: Stage) -> list[Row[Any]]:
    with stage.database.read() as db:
        return list(db.execute(select(REQUESTS).order_by(REQUESTS.c.id)))


def _said(stage: Stage, count: int) -> list[tuple[int, str, Any]]:
    with stage.database.read() as db:
        chain = site.chain(db)[-count:]
    return [(event.facts["by"], event.facts["action"], event.facts["facts"]) for event in chain]


def _told(stage: Stage) -> set[tuple[str, str]]:
    names = {person.id: key for key, person in stage.people.items()}
    with stage.database.read() as db:
        return {(names[row.person_id], row.what) for row in db.execute(select(NOTICES))}


# Roles ---------------------------------------------------------------------------------------------------


def test_a_role_is_given_once_a_second_person_confirms_it(stage: Stage) -> None:
    ana, admin, chief = (stage.people[key].id for key in ("ana", "admin", "chief"))
    assert _change(stage, "ana", roles=["designer", "manager"], unit="PARDEV").roles == {"designer"}
    assert _person(stage, "ana").unit == "PARDEV"
    (row,) = _requests(stage)
    assert (row.kind, row.person_id, row.adds, row.asked_by) == ("roles", ana, "manager", admin)
    assert row.expires_at == stage.now + timedelta(days=10)
    assert _confirm(stage, "chief").token == ""
    assert _person(stage, "ana").roles == {"designer", "manager"}
    (row,) = _requests(stage)
    assert (row.outcome, row.closed_by, row.closed_at) == ("confirmed", chief, stage.now)
    assert _said(stage, 3)[1:] == [
        (admin, "ask_roles", {"person": ana, "request": 1, "adds": ["manager"]}),
        (
            chief,
            "change_roles",
            {
                "person": ana,
                "before": ["designer"],
                "after": ["designer", "manager"],
                "asked_by": admin,
                "confirmed_by": chief,
                "request": 1,
            },
        ),
    ]
    told = _told(stage)
    assert {("ana", "unit_changed"), ("ana", "roles_asked"), ("ana", "roles_changed")} <= told
    assert ("admin", "request_confirmed") in told
    assert {key for key, what in told if what == "confirmation_asked"} == {"chief", "deputy", "third", "all"}


@pytest.mark.parametrize(
    ("who", "codes"),
    [
        ("admin", ("request_own",)),
        ("desk", ("role_missing",)),
        ("lead", ("role_missing",)),
        ("auditor", ("role_missing",)),
        ("ana", ("request_for_you", "role_missing")),
    ],
)
def test_only_another_administrator_or_a_manager_answers(
    lite: Stage, who: str, codes: tuple[str, ...]
) -> None:
    _change(lite, "ana", roles=["designer", "manager"])
    assert _refused(lite, partial(_confirm, lite, who)) == codes
    assert _refused(lite, partial(_decline, lite, who)) == codes


def test_a_manager_does_not_confirm_a_role_for_themselves(lite: Stage) -> None:
    _change(lite, "chief", roles=["manager", "auditor"])
    assert _refused(lite, partial(_confirm, lite, "chief")) == ("request_for_you",)
    _confirm(lite, "deputy")
    assert _person(lite, "chief").roles == {"manager", "auditor"}


def test_who_has_lost_the_role_since_answers_nothing(lite: Stage) -> None:
    _change(lite, "ana", roles=["designer", "manager"])
    # The page was drawn while the account was open.
    _change(lite, "chief", active=False)
    assert _refused(lite, partial(_confirm, lite, "chief")) == ("role_missing",)
    _change(lite, "deputy", roles=["auditor"])
    _second_admin(lite)
    _change(lite, "admin", "admin2", active=False)
    # Nor does a request of somebody who is no administrator any more count.
    assert _refused(lite, partial(_confirm, lite, "third")) == ("request_closed",)


@pytest.mark.parametrize(
    "changes",
    [{"name": "Other"}, {"unit": "PARDEV"}, {"roles": ["designer", "auditor"]}, {"active": False}],
)
def test_a_request_dies_when_the_account_changes(lite: Stage, changes: dict[str, Any]) -> None:
    _change(lite, "ana", roles=["designer", "manager"])
    _change(lite, "ana", "system", **changes)
    assert _refused(lite, partial(_confirm, lite, "chief")) == ("request_closed",)
    with lite.database.read() as db:
        assert requests.list_open(db, lite.now) == []
    assert "manager" not in _person(lite, "ana").roles


def test_a_request_runs_out_after_ten_days(lite: Stage) -> None:
    _change(lite, "ana", roles=["designer", "manager"])
    lite.wait(days=10)
    assert _refused(lite, partial(_confirm, lite, "chief")) == ("request_closed",)
    # And may be made again.
    _change(lite, "ana", roles=["designer", "manager"])
    _confirm(lite, "chief", 2)
    assert _person(lite, "ana").roles == {"designer", "manager"}


def test_a_request_is_declined_or_taken_back_once(lite: Stage) -> None:
    _change(lite, "ana", roles=["designer", "manager"])
    assert _refused(lite, partial(_change, lite, "ana", roles=["designer", "manager"])) == (
        "request_waiting",
    )
    assert _refused(lite, partial(_withdraw, lite, "chief")) == ("request_not_yours",)
    _decline(lite, "chief")
    for act in (_confirm, _decline):
        assert _refused(lite, partial(act, lite, "deputy")) == ("request_closed",)
    assert _refused(lite, partial(_withdraw, lite, "admin")) == ("request_closed",)
    assert ("admin", "request_declined") in _told(lite)
    _change(lite, "ana", roles=["designer", "manager"])
    _withdraw(lite, "admin", 2)
    assert _refused(lite, partial(_confirm, lite, "chief", 2)) == ("request_closed",)
    assert [row.outcome for row in _requests(lite)] == ["declined", "withdrawn"]
    assert [action for _, action, _ in _said(lite, 4)] == [
        "ask_roles",
        "decline_request",
        "ask_roles",
        "withdraw_request",
    ]
    assert _person(lite, "ana").roles == {"designer"}


@pytest.mark.parametrize("other", ["manager", "appraiser"])
def test_who_keeps_accounts_neither_rates_nor_decides(lite: Stage, other: str) -> None:
    both = ["administrator", other]
    before = casts.contents(lite)
    for act in (
        partial(_change, lite, "ana", roles=both),
        partial(_create, lite, SYSTEM_ACTOR, roles=both),
        partial(_create, lite, lite.people["admin"], roles=both),
    ):
        with pytest.raises(BadPerson) as caught:
            act()
        assert caught.value.codes == ("roles_apart",)
    assert casts.contents(lite) == before


def _create(stage: Stage, actor: Person, **given: Any) -> Person:
    with stage.database.begin() as db:
        return accounts_accounts.create_person(
            db, actor, stage.now, **({"email": "new@example.org", "name": "New", "roles": []} | given)
        )


@pytest.mark.parametrize(
    ("by_mail", "given", "waits"),
    [
        (True, ["coordinator", "appraiser", "auditor"], "manager"),
        (False, [], "coordinator appraiser manager auditor"),
    ],
)
def test_a_new_account_waits_for_its_roles(lite: Stage, by_mail: bool, given: list[str], waits: str) -> None:
    roles = ["designer", "coordinator", "appraiser", "manager", "auditor"]
    made = _create(lite, lite.people["admin"], roles=roles, by_mail=by_mail)
    assert made.roles == {"designer", *given}
    (row,) = _requests(lite)
    assert row.adds == waits
    _confirm(lite, "deputy")
    with lite.database.read() as db:
        assert accounts_accounts.find_person(db, made.id).person.roles == set(roles)


# Links ---------------------------------------------------------------------------------------------------


def test_a_link_is_made_for_who_confirms_it(stage: Stage) -> None:
    chief, admin, deputy = (stage.people[key].id for key in ("chief", "admin", "deputy"))
    _set_password(stage, "chief")
    issue = partial(_issue, stage, "chief", "reset")
    assert _refused(stage, issue) == ("second_person",)
    _ask_link(stage, "chief")
    assert _refused(stage, partial(_confirm, stage, "admin")) == ("request_own",)
    assert _refused(stage, partial(_confirm, stage, "chief")) == ("request_for_you",)
    confirmed = _confirm(stage, "deputy")
    assert confirmed.purpose == "reset"
    with stage.database.begin() as db:
        accounts_accounts.set_password_by_link(
            db, HASHING, stage.now, confirmed.token, "reset", "another password"
        )
    facts = {"person": chief, "link": 1, "purpose": "reset"}
    people_involved = {"asked_by": admin, "confirmed_by": deputy}
    assert _said(stage, 2) == [
        (deputy, "issue_link", {**facts, "how": "confirmed", **people_involved}),
        (chief, "change_password", {**facts, "how": "link", "sent": "confirmed", **people_involved}),
    ]
    with stage.database.read() as db:
        (spent,) = accounts_accounts.links_spent(db, chief, stage.now + timedelta(days=29))
        assert accounts_accounts.links_spent(db, chief, stage.now + timedelta(days=30)) == []
        assert accounts_accounts.links_spent(db, admin, stage.now) == []
    assert (spent.at, spent.asked_by, spent.confirmed_by) == (stage.now, "Admin", "Deputy")
    assert {("chief", "link_asked"), ("chief", "password_set")} <= _told(stage)
    assert confirmed.token not in repr(casts.contents(stage))


def _issue(stage: Stage, key: str, purpose: Any, who: str = "admin") -> str:
    with stage.database.begin() as db:
        return accounts_accounts.issue_link(db, stage.people[who], stage.now, stage.people[key].id, purpose)


def _set_password(stage: Stage, key: str) -> None:
    with stage.database.begin() as db:
        accounts_accounts.set_password(db, HASHING, stage.now, stage.people[key].id, PASSWORD)


@pytest.mark.parametrize("key", ["desk", "lead", "chief", "auditor", "admin", "all"])
def test_no_way_round_leads_to_a_link(lite: Stage, key: str) -> None:
    # Neither an invitation of an account that was never used, nor one after closing and opening it.
    asker = "admin"
    if key == "admin":
        _second_admin(lite)
        asker = "admin2"
    for purpose in ("invitation", "reset"):
        assert _refused(lite, partial(_issue, lite, key, purpose, asker)) == ("second_person",)
    _set_password(lite, key)
    _change(lite, key, asker, active=False)
    for purpose in ("invitation", "reset"):
        assert _refused(lite, partial(_issue, lite, key, purpose, asker)) == ("inactive",)
    assert _refused(lite, partial(_ask_link, lite, key, asker)) == ("inactive",)
    _change(lite, key, asker, active=True)
    for purpose in ("invitation", "reset"):
        assert _refused(lite, partial(_issue, lite, key, purpose, asker)) == ("second_person",)


def test_a_request_for_a_link_dies_with_the_password_that_it_was_to_replace(lite: Stage) -> None:
    _set_password(lite, "chief")
    _ask_link(lite, "chief")
    _set_password(lite, "chief")
    assert _refused(lite, partial(_confirm, lite, "deputy")) == ("request_closed",)


@pytest.mark.parametrize("is_used", [False, True])
def test_whoever_saw_a_link_alone_is_out_once_the_account_may_decide(stage: Stage, is_used: bool) -> None:
    # The administrator keeps the invitation of somebody who is a manager indeed.
    made = _create(stage, stage.people["admin"], roles=["designer", "manager"])
    stage.people = {**stage.people, "new": made}
    shown = _issue(stage, "new", "invitation")
    if is_used:
        _use(stage, shown)
        assert _sign_in(stage, "new@example.org")
        assert len(_open_sessions(stage, made.id)) == 1
    confirmed = _confirm(stage, "chief")
    with stage.database.read() as db:
        account = accounts_accounts.find_person(db, made.id)
    assert account.person.roles == {"designer", "manager"}
    assert not account.has_password
    assert _open_sessions(stage, made.id) == []
    assert not _sign_in(stage, "new@example.org")
    with pytest.raises(BadPerson):
        _use(stage, shown)
    assert _refused(stage, partial(_issue, stage, "new", "invitation")) == ("second_person",)
    assert [action for _, action, _ in _said(stage, 3)] == ["change_roles", "end_password", "issue_link"]
    _use(stage, confirmed.token)
    assert _sign_in(stage, "new@example.org")
    # A further role ends nothing: this password was set by a link that a second person handed over.
    _change(stage, "new", roles=["designer", "manager", "auditor"])
    assert _confirm(stage, "deputy", 2).token == ""
    assert _sign_in(stage, "new@example.org")


def test_an_account_that_was_opened_once_is_never_new_again(lite: Stage) -> None:
    # Somebody works as a designer; a role is confirmed, which ends the password, and taken away at once.
    made = _create(lite, lite.people["admin"], roles=["designer"])
    lite.people = {**lite.people, "new": made}
    _use(lite, _issue(lite, "new", "invitation"))
    _change(lite, "new", roles=["designer", "manager"])
    confirmed = _confirm(lite, "chief")
    _change(lite, "new", roles=["designer"])
    assert _refused(lite, partial(_issue, lite, "new", "invitation")) == ("second_person",)
    _use(lite, confirmed.token)
    with lite.database.read() as db:
        (spent,) = accounts_accounts.links_spent(db, made.id, lite.now)
    assert (spent.how, spent.asked_by, spent.confirmed_by) == ("confirmed", "Admin", "Chief")


def test_the_first_administrator_keeps_the_password_of_the_link_that_opened_the_site(lite: Stage) -> None:
    with lite.database.begin() as db:
        token = accounts_accounts.issue_link(
            db, SYSTEM_ACTOR, lite.now, lite.people["admin"].id, "invitation"
        )
    _use(lite, token)
    _second_admin(lite)
    _change(lite, "admin", "admin2", roles=["administrator", "auditor"])
    assert _confirm(lite, "chief").token == ""
    assert _sign_in(lite, "admin@example.org")


def _use(stage: Stage, token: str) -> None:
    with stage.database.begin() as db:
        accounts_accounts.set_password_by_link(db, HASHING, stage.now, token, "invitation", PASSWORD)


def _sign_in(stage: Stage, email: str) -> bool:
    return accounts_accounts.sign_in(stage.database, HASHING, stage.now, email, PASSWORD) is not None


def _open_sessions(stage: Stage, person: int) -> list[int]:
    with stage.database.read() as db:
        found = sessions.list_sessions(db, person, stage.now - timedelta(days=1))
    return [entry.id for entry in found]


# By mail -------------------------------------------------------------------------------------------------


@pytest.fixture
def boxes() -> Iterator[Mailboxes]:
    """A mail server that takes everything."""
    with Mailboxes().opened() as found:
        yield found


def _post(stage: Stage, key: str) -> None:
    with stage.database.begin() as db:
        accounts_accounts.post_link(db, stage.people["admin"], stage.now, stage.people[key].id)


def _deliver(stage: Stage, boxes: Mailboxes) -> None:
    worker.work(stage.database, stage.files, blank, lambda: stage.now, courier=Courier(boxes.server()))


def _tokens_in(boxes: Mailboxes) -> list[str]:
    found = []
    for entry in boxes.received:
        for line in entry.body("plain").splitlines():
            if "/password-reset/" in line or "/invitation/" in line:
                found.append(line.rpartition("/")[2])
    return found


def test_a_posted_link_is_made_when_it_is_sent_and_lies_nowhere(stage: Stage, boxes: Mailboxes) -> None:
    _set_password(stage, "chief")
    with stage.database.begin() as db:
        accounts_accounts.choose(db, stage.people["chief"], language="es", delivery="daily")
    _post(stage, "chief")
    stage.wait(hours=20)
    _deliver(stage, boxes)
    # At once, whoever takes mail daily, and only to its owner.
    assert [entry.to for entry in boxes.received] == ["chief@example.org"]
    assert str(boxes.received[0].message["Subject"]) == "Elija una contraseña nueva"
    (token,) = _tokens_in(boxes)
    assert token not in repr(casts.contents(stage))
    # It lasts two hours from when it was sent, however long it waited.
    stage.wait(hours=1, minutes=59)
    with stage.database.begin() as db:
        accounts_accounts.set_password_by_link(db, HASHING, stage.now, token, "reset", "another password")
    assert [facts["sent"] for _, action, facts in _said(stage, 1) if action == "change_password"] == ["mail"]


def test_a_message_that_is_sent_again_has_a_link_that_works_as_the_first_does(
    lite: Stage, boxes: Mailboxes
) -> None:
    _set_password(lite, "chief")
    _post(lite, "chief")
    _deliver(lite, boxes)
    with lite.database.begin() as db:
        db.execute(update(tables.jobs).values(done_at=None, lease_until=None))
    _deliver(lite, boxes)
    first, second = _tokens_in(boxes)
    assert first != second
    assert boxes.received[0].id == boxes.received[1].id
    with lite.database.begin() as db:
        accounts_accounts.set_password_by_link(db, HASHING, lite.now, first, "reset", "another password")
    with pytest.raises(BadPerson), lite.database.begin() as db:
        accounts_accounts.set_password_by_link(db, HASHING, lite.now, second, "reset", "a third password")


@pytest.mark.parametrize("ended", ["late", "newer", "used", "closed"])
def test_a_link_that_has_ended_is_not_sent(lite: Stage, boxes: Mailboxes, ended: str) -> None:
    _set_password(lite, "chief")
    _post(lite, "chief")
    if ended == "late":
        lite.wait(days=1)
    elif ended == "newer":
        _post(lite, "chief")
    elif ended == "used":
        with lite.database.begin() as db:
            token = accounts_accounts.issue_link(db, SYSTEM_ACTOR, lite.now, lite.people["chief"].id, "reset")
            accounts_accounts.set_password_by_link(db, HASHING, lite.now, token, "reset", "another password")
    else:
        _change(lite, "chief", active=False)
    _deliver(lite, boxes)
    assert len(_tokens_in(boxes)) == (1 if ended == "newer" else 0)
    assert waiting(lite.database, MAILS) == 0


def test_what_a_server_says_of_a_message_does_not_keep_its_link(lite: Stage, boxes: Mailboxes) -> None:
    _set_password(lite, "chief")
    _post(lite, "chief")

    class Repeating(Courier):
        """A courier whose server repeats what it refuses, as filters of mail do."""

        def send(self, written: Any) -> None:
            super().send(written)
            (token,) = _tokens_in(boxes)
            raise Refused(f"554 blocked: https://appraisal.office.example/password-reset/{token}")

    worker.work(lite.database, lite.files, blank, lambda: lite.now, courier=Repeating(boxes.server()))
    (token,) = _tokens_in(boxes)
    with lite.database.read() as db:
        (error,) = db.execute(select(tables.jobs.c.error)).scalars()
    assert error == "554 blocked: https://appraisal.office.example/password-reset/…"
    assert token not in repr(casts.contents(lite))


def test_the_owner_is_told_that_the_account_was_closed(lite: Stage, boxes: Mailboxes) -> None:
    _change(lite, "ana", unit="PARDEV")
    _change(lite, "ana", active=False)
    _deliver(lite, boxes)
    # Of the unit nothing more is said to an account that is closed.
    assert [str(entry.message["Subject"]) for entry in boxes.received] == ["Your account was closed"]
    assert boxes.received[0].to == "ana@example.org"


# The command line ----------------------------------------------------------------------------------------


def test_an_emergency_is_told_to_owner_and_administrators_and_stands_in_the_chain(stage: Stage) -> None:
    _second_admin(stage)
    chief = stage.people["chief"].id
    with stage.database.begin() as db:
        accounts_accounts.issue_link(db, SYSTEM_ACTOR, stage.now, chief, "reset", emergency=True)
    facts = {"person": chief, "link": 1, "purpose": "reset", "how": "emergency", "asked_by": 0}
    assert _said(stage, 1) == [(0, "issue_link", {**facts, "emergency": True})]
    assert _told(stage) == {
        ("chief", "emergency"),
        ("admin", "emergency_elsewhere"),
        ("admin2", "emergency_elsewhere"),
    }
    with stage.database.read() as db:
        ((event, name),) = [(entry.event, entry.name) for entry in site.emergencies(db, 5)]
        assert (event.facts["facts"]["person"], name) == (chief, "Chief")
        assert [entry.event for entry in site.events_of_person(db, chief, 1)] == [event]


def test_the_command_line_confirms_where_nobody_else_can(lite: Stage) -> None:
    for key in ("chief", "deputy", "third", "all"):
        _change(lite, key, active=False)
    _change(lite, "ana", roles=["designer", "manager"])
    _confirm(lite, "system")
    assert _person(lite, "ana").roles == {"designer", "manager"}
    assert [(by, action) for by, action, _ in _said(lite, 1)] == [(0, "change_roles")]
    with lite.database.read() as db:
        assert site.emergencies(db, 5) == []
    # Now there is a manager who could.
    _change(lite, "ben", roles=["designer", "manager"])
    _confirm(lite, "system", 2)
    with lite.database.read() as db:
        assert [entry.name for entry in site.emergencies(db, 5)] == ["Ben"]
    assert {("ben", "emergency"), ("admin", "emergency_elsewhere")} <= _told(lite)


def test_a_closed_administrator_asks_for_nothing(lite: Stage) -> None:
    lite.people = {**lite.people, "gone": replace(lite.people["admin"], active=False)}
    for act in (
        partial(_ask_link, lite, "ana", "gone"),
        partial(_change, lite, "ana", "gone", roles=["designer", "manager"]),
    ):
        assert _refused(lite, act) == ("role_missing",)


# Where two meet -------------------------------------------------------------------------------------------


def test_of_two_administrators_who_close_each_other_one_stays(stage: Stage) -> None:
    _second_admin(stage)
    first = stage.people["admin"]
    _change(stage, "admin", "admin2", active=False)
    # As loaded before the other closed it.
    assert _refused(stage, partial(_change, stage, "admin2", active=False)) == ("role_missing",)
    assert _refused(stage, lambda: _create(stage, first, roles=["designer"])) == ("role_missing",)


def test_closing_an_account_asks_for_nothing_and_ends_what_led_into_it(stage: Stage) -> None:
    made = _create(stage, stage.people["admin"], roles=["designer"])
    stage.people = {**stage.people, "new": made}
    shown = _issue(stage, "new", "invitation")
    _change(stage, "new", roles=["designer", "manager"], active=False)
    assert _waiting(stage) == []
    _change(stage, "new", active=True)
    with pytest.raises(BadPerson):
        _use(stage, shown)
    # A request that the closing made void does not come to life again.
    _change(stage, "new", roles=["designer", "auditor"])
    assert len(_waiting(stage)) == 1
    _change(stage, "new", active=False)
    _change(stage, "new", active=True)
    assert _waiting(stage) == []


def test_an_account_without_a_role_is_closed(stage: Stage) -> None:
    made = _create(stage, stage.people["admin"], roles=["manager"])
    stage.people = {**stage.people, "new": made}
    assert made.roles == frozenset()
    assert not _change(stage, "new", active=False).active


def test_whoever_opens_an_account_again_gives_its_roles_again(stage: Stage) -> None:
    _change(stage, "third", active=False)
    after = _change(stage, "third", active=True)
    assert (after.active, after.roles) == (True, frozenset())
    (request,) = _waiting(stage)
    assert (request.person.id, request.adds) == (after.id, ("manager",))
    _confirm(stage, "chief")
    assert _person(stage, "third").roles == {"manager"}


def _waiting(stage: Stage) -> list[accounts.AccountRequest]:
    with stage.database.read() as db:
        return requests.list_open(db, stage.now)
