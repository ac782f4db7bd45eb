"""Which roles go together in one person, and which an administrator does not give alone."""

from datetime import timedelta
from itertools import chain, combinations

import pytest

from appraisal.accounts.rules.accounts import (
    AccountRequest,
    confirmation_refusals,
    do_roles_clash,
    may_confirm,
    roles_to_confirm,
)
from appraisal.people.facts import SYSTEM_ACTOR, Person
from appraisal.vocabulary.roles import ROLES, Role
from tests.builders import NOW

EVERY = [frozenset(found) for found in chain(*(combinations(ROLES, size) for size in range(len(ROLES) + 1)))]
ASKER = Person(1, "Ada", frozenset({"administrator"}))
OWNER = Person(2, "Ben", frozenset({"manager"}))
REQUEST = AccountRequest(
    7, "roles", OWNER, True, ("auditor",), ASKER, NOW, NOW + timedelta(days=10), is_void=False
)


def test_who_keeps_accounts_neither_rates_nor_decides() -> None:
    clashing = {roles for roles in EVERY if do_roles_clash(roles)}
    assert clashing == {
        roles for roles in EVERY if "administrator" in roles and ("manager" in roles or "appraiser" in roles)
    }
    assert not do_roles_clash({"administrator", "designer", "coordinator", "auditor"})


def test_an_administrator_gives_no_decisive_role_alone_and_without_mail_none_but_designer() -> None:
    for roles in EVERY:
        assert roles_to_confirm(roles, by_mail=True) == roles & {"manager", "administrator"}
        assert roles_to_confirm(roles, by_mail=False) == roles - {"designer"}


@pytest.mark.parametrize("role", ROLES)
def test_another_administrator_or_a_manager_confirms(role: Role) -> None:
    other = Person(3, "Cem", frozenset({role}))
    assert may_confirm(other, REQUEST) == (role in ("administrator", "manager"))
    closed = Person(3, "Cem", frozenset({role}), active=False)
    assert [refusal.code for refusal in confirmation_refusals(closed, REQUEST)] == ["role_missing"]


def test_neither_who_asked_nor_whom_it_is_about_confirms() -> None:
    assert [refusal.code for refusal in confirmation_refusals(ASKER, REQUEST)] == ["request_own"]
    assert [refusal.code for refusal in confirmation_refusals(OWNER, REQUEST)] == ["request_for_you"]
    assert confirmation_refusals(SYSTEM_ACTOR, REQUEST) == []
