"""What one administrator can reach alone, whatever is sent to whichever form in whichever order.

A walker takes every page that an administrator may send a form to, follows every link that a page shows, and
sets a password with it. No account that was there is ever entered so, nor one that rates, decides or
administers; and nobody is manager or administrator who was not.
"""

import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from appraisal.accounts.services import accounts
from appraisal.app.application import create_app
from appraisal.database import tables
from appraisal.vocabulary.roles import ROLES
from appraisal.web.context import Site
from tests.mailboxes import Mailboxes
from tests.web.building import Cast, sign_in_as
from tests.web.sites import Compiled

PEOPLE: Final = tables.people
NEW: Final = "a password of the walker"
LINK: Final = re.compile(r"(/(?:invitation|password-reset)/[\w-]{20,})")
STEPS: Final = 80
# What ends the walker's own session, or needs the password that the walker has anyway.
APART: Final = frozenset(
    {"sessions.sign_in", "sessions.sign_out", "sessions.sign_out_everywhere", "accounts.end_session"}
)
GIVEN: Final = frozenset({"manager", "administrator"})
# What a walker never enters alone.
GUARDED: Final = frozenset({"appraiser", "manager", "administrator"})


class Walk:
    """An administrator on a walk; ``entered`` are the people whose password the walker has set."""

    def __init__(self, app: Flask, site: Site, cast: Cast, seed: int) -> None:
        self.app, self.site, self.cast = app, site, cast
        self.client: FlaskClient = app.test_client()
        self.draw = random.Random(seed)  # noqa: S311 - a walk that can be repeated
        self.entered: set[int] = set()
        self.statuses: set[tuple[str, int]] = set()
        self.rules = [rule for rule in app.url_map.iter_rules() if self._is_walked(rule)]
        sign_in_as(self.client, site, cast["admin"])

    def _is_walked(self, rule: Any) -> bool:
        own = rule.arguments <= {"id"} and rule.endpoint not in APART
        return own and "POST" in (rule.methods or ())

    def rows(self) -> Mapping[int, Any]:
        """Return everybody by id."""
        with self.site.database.read() as db:
            return {row.id: row for row in db.execute(select(PEOPLE))}

    def form(self) -> dict[str, Any]:
        """Make a form that holds a field for everything that a page may ask, and often the right thing."""
        number = self.draw.randrange(10**6)
        return {
            "email": self.draw.choice(
                [f"made{number}@example.org", "chief@example.org", "admin@example.org"]
            ),
            "name": self.draw.choice(["Made Up", "Grace Lindqvist"]),
            "roles": self.draw.choice([["designer"], self.draw.sample(ROLES, self.draw.randint(0, 3))]),
            "unit": self.draw.choice(["", "PARDEV"]),
            "duty_station": "Geneva",
            "language": "en",
            "delivery": "at_once",
            "password": NEW,
            "again": NEW,
            **({"standing": self.draw.choice(["open", "closed"])} if self.draw.random() < 0.4 else {}),
            "answer": self.draw.choice(["confirm", "decline", "withdraw"]),
            "note": "Because.",
            "substitute": str(self.draw.choice(list(self.cast.values())).id),
            "scope": "decisions",
            "first": "2010-02-01",
            "last": "2010-02-20",
        }

    def go(self) -> None:
        """Send one form somewhere, and follow every link that the answer, or the page after it, shows."""
        # Most of all where accounts are kept, but nowhere else never.
        near = [rule for rule in self.rules if rule.rule.startswith("/people")]
        rule = self.draw.choice(near if self.draw.random() < 0.8 else self.rules)
        ids = [*self.rows(), 1, 2, 3]
        with self.app.test_request_context():
            adapter = self.app.url_map.bind("localhost")
            given = {"id": self.draw.choice(ids)} if "id" in rule.arguments else {}
            address = adapter.build(rule.endpoint, given)
        answer = self.client.post(address, data=self.form())
        self.statuses.add((rule.endpoint, answer.status_code))
        pages = [answer.text]
        if answer.status_code == 303:
            pages.append(self.client.get(answer.headers["Location"]).text)
        for link in {found for page in pages for found in LINK.findall(page)}:
            self.follow(link)

    def follow(self, link: str) -> None:
        """Set a password with a link, and note whose it was."""
        before = {id: row.password for id, row in self.rows().items()}
        self.app.test_client().post(link, data={"password": NEW, "again": NEW})
        self.entered |= {id for id, row in self.rows().items() if row.password != before.get(id)}


def _holders(rows: Mapping[int, Any], roles: frozenset[str]) -> set[tuple[int, str]]:
    return {(id, role) for id, row in rows.items() for role in roles & set(row.roles.split())}


def _walked(app: Flask, site: Site, cast: Cast, seed: int) -> Iterator[Walk]:
    """Take a walk, and look after each step whether it led too far."""
    walk = Walk(app, site, cast, seed)
    first = walk.rows()
    for _ in range(STEPS):
        walk.go()
        rows = walk.rows()
        assert not walk.entered & set(first)
        assert not {id for id, _ in _holders(rows, GUARDED)} & walk.entered
        assert _holders(rows, GIVEN) <= _holders(first, GIVEN)
        assert {id: row.email for id, row in rows.items() if id in first} == {
            id: row.email for id, row in first.items()
        }
    yield walk


@pytest.mark.thorough
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_one_administrator_enters_no_account_that_counts_and_makes_none(
    app: Flask, site: Site, cast: Cast, seed: int
) -> None:
    (walk,) = _walked(app, site, cast, seed)
    # It was a walk: accounts were made, entered and changed.
    assert ("people.new", 303) in walk.statuses
    assert ("people.edit", 303) in walk.statuses
    assert ("confirmations.answer", 403) in walk.statuses
    assert walk.entered
    with site.database.read() as db:
        account = accounts.find_person(db, min(walk.entered))
    assert account.has_password


@pytest.mark.thorough
@pytest.mark.parametrize("seed", [4])
def test_with_mail_one_administrator_enters_no_account_at_all(
    site: Site, cast: Cast, compiled: Compiled, seed: int
) -> None:
    sending = replace(site, settings=replace(site.settings, mail=Mailboxes(port=25).server()))
    app = create_app(sending)
    compiled.share(app)
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    (walk,) = _walked(app, sending, cast, seed)
    assert ("people.link", 303) in walk.statuses
    assert not walk.entered
