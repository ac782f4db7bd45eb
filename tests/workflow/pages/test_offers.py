"""Offers: every form that a page offers to somebody, sent as it is drawn, is one that is taken from them."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import lxml.html
import pytest
from flask.testing import FlaskClient
from sqlalchemy.engine import make_url

from appraisal.accounts.services import substitutes
from appraisal.proposals.rules.attempt import ChangeAsked
from appraisal.proposals.services import drafts
from appraisal.web.context import Site
from tests.web import building
from tests.web.building import Cast
from tests.web.sites import SignIn

# Sent apart: they end the session, or change nothing of what a page is about.
APART: Final = ("/sign-out", "/language", "/sign-in")


def returned_after_a_revision(site: Site, cast: Cast) -> str:
    """A return after the answers to a revision came in, which stay."""
    number = building.revision_proposal(site, cast)
    _answer(site, cast, number)
    building.take(site, cast["designer"], number, "submit")
    building.take(site, cast["desk"], number, "return_incomplete", missing="A paper.")
    return number


def spent(site: Site, cast: Cast) -> str:
    """The rounds are spent."""
    number = building.revision_proposal(site, cast)
    for _ in range(2):
        _answer(site, cast, number)
        building.take(site, cast["designer"], number, "submit")
        building.take(site, cast["desk"], number, "assign", lead=cast["reader"])
        building.answer_bureaux(site, cast, number)
        building.rate_all(site, cast["reader"], number, {"TRI-1": "1"})
        asked = ChangeAsked("Consult the workers' organizations.", "TRI-1")
        building.take(site, cast["reader"], number, "request_revision", changes=(asked,))
    return number


def overriding(site: Site, cast: Cast) -> str:
    """A first signature waits for the second."""
    number = building.not_recommended_proposal(site, cast)
    building.take(site, cast["chief"], number, "propose_override", note="The donor cannot wait.")
    return number


def held(site: Site, cast: Cast) -> str:
    """An appraisal is on hold."""
    number = building.rated_proposal(site, cast)
    until = site.now().date().replace(month=6)
    building.take(site, cast["desk"], number, "hold", until=until, note="Elections.")
    return number


def owned(site: Site, cast: Cast) -> str:
    """An approval rests on a condition that somebody owns."""
    return building.owned_condition(site, cast, str(cast["designer"].id))


# Who is offered something there.
SITUATIONS: Final[dict[str, tuple[Callable[[Site, Cast], str], tuple[str, ...]]]] = {
    "under appraisal": (building.rated_proposal, ("reader",)),
    "on hold": (held, ("desk", "reader")),
    "revision": (building.revision_proposal, ("designer",)),
    "returned": (returned_after_a_revision, ("designer",)),
    "spent": (spent, ("designer", "chief")),
    "overriding": (overriding, ("chief", "chief2")),
    "conditional": (owned, ("designer", "desk")),
}


def _answer(site: Site, cast: Cast, number: str) -> None:
    for change in building.load(site, number).changes:
        if change.answer is None:
            with site.database.begin() as db:
                drafts.answer_change(
                    db, site.library, cast["designer"], site.now(), number, change.id, "done", "Section 3."
                )
    site.now.advance(minutes=1)  # type: ignore[attr-defined]


@pytest.mark.thorough
@pytest.mark.parametrize("situation", SITUATIONS)
def test_what_a_page_offers_is_taken(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn, situation: str
) -> None:
    with site.database.begin() as db:
        today = site.now().date()
        substitutes.name_substitute(
            db,
            cast["admin"],
            site.now(),
            person=cast["chief"].id,
            substitute=cast["chief2"].id,
            scope="decisions",
            first=today,
            last=today.replace(month=12),
        )
    build, people = SITUATIONS[situation]
    number = build(site, cast)
    site.now.advance(minutes=5)  # type: ignore[attr-defined]
    refused, sent = [], 0
    for key in people:
        sign_in(client, key)
        for address, form in _forms(client, number):
            with _put_back(site):
                answer = client.post(form[0], data=form[1])
            sent += 1
            if answer.status_code not in (200, 303, 422):
                refused.append((key, address, form[0], answer.status_code))
    assert refused == []
    assert sent


def _forms(client: FlaskClient, number: str) -> list[tuple[str, tuple[str, dict[str, Any]]]]:
    """Return the forms of all pages about a proposal that somebody is led to, once each."""
    waiting, seen = ["/", f"/proposals/{number}"], set[str]()
    found: dict[str, tuple[str, tuple[str, dict[str, Any]]]] = {}
    while waiting:
        address = waiting.pop(0)
        if address in seen:
            continue
        seen.add(address)
        answer = client.get(address)
        if answer.status_code != 200 or answer.mimetype != "text/html":
            continue
        page = lxml.html.fromstring(answer.text)
        for link in page.xpath("//main//a/@href"):
            path = urlsplit(link).path
            is_section = f"/proposals/{number}/form/" in path
            if path.startswith(f"/proposals/{number}/") and "?" not in link and not is_section:
                waiting.append(path)
        for form in page.xpath("//form[translate(@method, 'POST', 'post')='post']"):
            action = urlsplit(form.get("action") or address).path
            if action not in APART:
                key = f"{action} {sorted(name for name, _ in form.form_values())}"
                found.setdefault(key, (address, (action, _filled(form))))
    return list(found.values())


def _filled(form: Any) -> dict[str, Any]:
    """Return what a form holds as it is drawn, with more text, and a choice wherever none is made."""
    given: dict[str, Any] = {}
    for name, value in form.form_values():
        given.setdefault(name, []).append(value)
    for name in {field.get("name") for field in form.xpath(".//input[@type='text']")} - {None}:
        if given.get(name) in (None, [""]):
            given[name] = ["Because."]
    for name in {field.get("name") for field in form.xpath(".//textarea")} - {None}:
        given[name] = [f"{given.get(name, [''])[0]} More."]
    for name in {field.get("name") for field in form.xpath(".//input[@type='radio']")} - {None}:
        if name not in given:
            given[name] = [form.xpath(".//input[@type='radio'][@name=$name]/@value", name=name)[0]]
    return given


def _put_back(site: Site) -> Any:
    """Leave the database as it was, whatever is done meanwhile."""
    file = Path(make_url(site.database.url).database or "")

    class _Kept:
        def __enter__(self) -> None:
            self.copy = sqlite3.connect(":memory:")
            with closing(sqlite3.connect(file)) as here:
                here.backup(self.copy)

        def __exit__(self, *raised: object) -> None:
            with closing(sqlite3.connect(file)) as here, closing(self.copy):
                self.copy.backup(here)

    return _Kept()
