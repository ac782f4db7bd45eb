"""Accounts: made by administrators, opened by a link used once, closed for good measure, and logged."""

from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select

from appraisal.accounts.services import accounts, sessions
from appraisal.accounts.services.accounts import Account, BadPerson, Purpose
from appraisal.database import tables
from appraisal.errors import NotFound
from appraisal.people.facts import SYSTEM_ACTOR, Person
from appraisal.settings import SessionLimits
from appraisal.trail.rules.events import broken
from appraisal.trail.store import site
from appraisal.vocabulary.refusals import NotAllowed
from tests import casts
from tests.casts import Stage

HASHING = accounts.hasher(quick=True)
PASSWORD = "correct horse battery"


def _create(stage: Stage, who: str = "admin", **changes: Any) -> Person:
    given: dict[str, Any] = {"email": "New@Example.org ", "name": " New ", "roles": ["designer"]} | changes
    with stage.database.begin() as db:
        return accounts.create_person(db, stage.people[who], stage.now, **given)


def _link(stage: Stage, person: Person, purpose: Purpose = "invitation", who: str = "system") -> str:
    actor = SYSTEM_ACTOR if who == "system" else stage.people[who]
    with stage.database.begin() as db:
        return accounts.issue_link(db, actor, stage.now, person.id, purpose)


def _use(stage: Stage, token: str, password: str = PASSWORD, purpose: Purpose = "invitation") -> Person:
    with stage.database.begin() as db:
        return accounts.set_password_by_link(db, HASHING, stage.now, token, purpose, password)


def _sign_in(stage: Stage, email: str, password: str = PASSWORD) -> str | None:
    return accounts.sign_in(stage.database, HASHING, stage.now, email, password)


def _codes(act: Any) -> tuple[str, ...]:
    with pytest.raises(BadPerson) as caught:
        act()
    return caught.value.codes


def test_an_invitation_opens_an_account_once(stage: Stage) -> None:
    person = _create(stage)
    assert (person.email, person.name) == ("new@example.org", "New")
    assert person.roles == {"designer"}
    assert _sign_in(stage, "new@example.org", "") is None
    token = _link(stage, person)
    assert _use(stage, token) == person
    assert _codes(lambda: _use(stage, token)) == ("link",)
    opened = _sign_in(stage, " NEW@example.org")
    assert opened is not None
    with stage.database.read() as db:
        visit = sessions.find_visit(db, SessionLimits(), stage.now, opened)
        assert accounts.find_person(db, person.id) == Account(person, has_password=True)
    assert visit is not None
    assert (visit.person, visit.password_set_at) == (person, stage.now)
    assert _sign_in(stage, "new@example.org", "wrong horse battery") is None
    assert _sign_in(stage, "nobody@example.org") is None
    table = tables.accesses
    with stage.database.read() as db:
        log = db.execute(select(table.c.action, table.c.person_id).order_by(table.c.id)).all()
    assert log == [
        ("sign_in_failed", person.id),
        ("sign_in", person.id),
        ("sign_in_failed", person.id),
        ("sign_in_failed", None),
    ]


@pytest.mark.parametrize(
    ("purpose", "lasts"), [("invitation", timedelta(days=7)), ("reset", timedelta(hours=2))]
)
def test_a_link_expires(stage: Stage, purpose: Purpose, lasts: timedelta) -> None:
    token = _link(stage, stage.people["ana"], purpose)
    stage.now += lasts
    assert _codes(lambda: _use(stage, token, purpose=purpose)) == ("link",)
    stage.now -= timedelta(seconds=1)
    _use(stage, token, purpose=purpose)


def test_links_are_for_one_purpose_and_the_newest_counts(stage: Stage) -> None:
    old, new = _link(stage, stage.people["ana"]), _link(stage, stage.people["ana"])
    assert _codes(lambda: _use(stage, new, purpose="reset")) == ("link",)
    assert _codes(lambda: _use(stage, old)) == ("link",)
    assert _codes(lambda: _use(stage, "no such token")) == ("link",)
    _use(stage, new)


def test_a_new_password_ends_every_other_link(stage: Stage) -> None:
    invitation = _link(stage, stage.people["ana"])
    _use(stage, _link(stage, stage.people["ana"], "reset"), purpose="reset")
    assert _codes(lambda: _use(stage, invitation, "a password of a thief")) == ("link",)
    assert _sign_in(stage, "ana@example.org") is not None


def test_only_a_digest_of_a_link_is_kept(stage: Stage) -> None:
    token = _link(stage, stage.people["ana"])
    assert token not in repr(casts.contents(stage))


@pytest.mark.parametrize(("password", "code"), [("x" * 11, "password_short"), ("x" * 201, "password_long")])
def test_a_password_has_a_length(stage: Stage, password: str, code: str) -> None:
    token = _link(stage, stage.people["ana"])
    assert _codes(lambda: _use(stage, token, password)) == (code,)
    _use(stage, token)


def test_everything_wrong_with_an_account_is_said(stage: Stage) -> None:
    before = casts.contents(stage)
    wrong: dict[str, Any] = {"email": "nobody", "name": " ", "roles": ["king"], "language": "de"}
    assert _codes(lambda: _create(stage, **wrong)) == ("email", "name", "roles", "language")
    assert _codes(lambda: _create(stage, email="ANA@example.org", roles=[])) == ("email_taken", "roles")
    assert casts.contents(stage) == before


@pytest.mark.parametrize("who", ["ana", "desk", "chief", "auditor"])
def test_only_administrators_keep_accounts(lite: Stage, who: str) -> None:
    person = lite.people["ben"]
    for act in (
        lambda: _create(lite, who),
        lambda: _link(lite, person, who=who),
        lambda: _change(lite, "ben", who),
    ):
        assert casts.refusal(lite, act) == ("role_missing",)


def _change(stage: Stage, key: str, who: str = "admin", **changes: Any) -> Person:
    person = stage.people[key]
    given: dict[str, Any] = {
        "name": person.name,
        "roles": sorted(person.roles),
        "unit": person.unit,
        "duty_station": person.duty_station,
        "language": person.language,
        "active": True,
        "library": stage.library,
    } | changes
    with stage.database.begin() as db:
        return accounts.change_person(db, stage.people[who], stage.now, person.id, **given)


def test_a_closed_account_opens_nothing(stage: Stage) -> None:
    _use(stage, _link(stage, stage.people["ana"]))
    later = _link(stage, stage.people["ana"], "reset")
    changed = _change(stage, "ana", active=False)
    assert not changed.active
    assert _sign_in(stage, "ana@example.org") is None
    assert _codes(lambda: _use(stage, later, purpose="reset")) == ("link",)
    _change(stage, "ana", active=True)
    assert _sign_in(stage, "ana@example.org") is not None


OWN: tuple[tuple[dict[str, Any], str], ...] = (
    ({"active": False}, "own_administration"),
    ({"roles": ["auditor"]}, "own_roles"),
    ({"roles": ["administrator", "designer"]}, "own_roles"),
)


def test_nobody_closes_their_own_door_or_changes_their_own_roles(stage: Stage) -> None:
    for changes, code in OWN:
        assert casts.refusal(stage, partial(_change, stage, "admin", **changes)) == (code,)
    closed = replace(stage.people["admin"], active=False)
    with pytest.raises(NotAllowed), stage.database.begin() as db:
        accounts.issue_link(db, closed, stage.now, closed.id, "reset")


def test_every_change_stands_in_the_chain_of_the_site(stage: Stage) -> None:
    ana, admin = stage.people["ana"].id, stage.people["admin"].id
    with stage.database.begin() as db:
        accounts.change_person(
            db,
            stage.people["admin"],
            stage.now,
            ana,
            name="Ana R.",
            roles=["designer", "auditor"],
            unit="NORMES",
            duty_station="Dakar",
            language="fr",
            active=False,
            library=stage.library,
            by_mail=True,
        )
    with stage.database.read() as db:
        chain = site.chain(db)
    assert broken(chain) is None
    assert [(event.facts["by"], event.facts["action"], event.facts["facts"]) for event in chain[-4:]] == [
        (
            admin,
            "change_roles",
            {"person": ana, "before": ["designer"], "after": ["designer", "auditor"], "asked_by": admin},
        ),
        (admin, "close_account", {"person": ana}),
        (admin, "change_unit", {"person": ana, "before": "SKILLS", "after": "NORMES"}),
        (admin, "change_person", {"person": ana, "changed": ["name", "duty_station", "language"]}),
    ]
    # What is saved as it was is no event.
    _change(stage, "ben")
    with stage.database.read() as db:
        assert site.chain(db) == chain


def test_people_are_found_and_listed(stage: Stage) -> None:
    with stage.database.begin() as db:
        accounts.set_language(db, stage.people["ana"].id, "fr")
        accounts.set_language(db, stage.people["ana"].id, "xx")
        found = accounts.find_by_email(db, "ANA@example.org")
        assert found is not None
        assert found.person.language == "fr"
        assert [account.person.name for account in accounts.list_people(db)] == sorted(
            person.name for person in stage.people.values()
        )
        for unknown in (0, -1, 10**30):
            with pytest.raises(NotFound):
                accounts.find_person(db, unknown)
