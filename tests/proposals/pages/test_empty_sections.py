"""Sections saved with nothing in them: every page of the proposal opens all the same, for everybody."""

import io
import json
import zipfile
from collections.abc import Iterable, Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule

from appraisal.language.texts import LANGUAGES
from appraisal.printing.rendering import page_of
from appraisal.proposals.rules import form as proposals_form
from appraisal.proposals.rules.attempt import ApprovalGiven
from appraisal.proposals.services import drafts
from appraisal.records.store import records as stored
from appraisal.verification.rules.bundle_manifest import Asked
from appraisal.verification.services import bundles
from appraisal.web.context import Site
from tests.app.pages import walks
from tests.app.pages.worlds import World
from tests.web import building
from tests.web.building import Cast
from tests.web.sites import SignIn

SECTIONS = [section.key for section in proposals_form.SECTIONS]
# Whoever a walk needs as somebody else.
_OTHERS = {"signs": "reader", "rated": "eval", "conflicted": "eval"}


def emptied(site: Site, cast: Cast, sections: Iterable[str]) -> str:
    """Write a complete draft, and save some of its sections with nothing in them."""
    number = building.draft_proposal(site, cast)
    for section in sections:
        with site.database.begin() as db:
            drafts.save_section(db, site.library, cast["designer"], site.now(), number, section, {})
    return number


def pages(app: Flask, site: Site, cast: Cast, number: str) -> Iterator[tuple[Rule, str]]:
    """Yield every address of the site, of proposals those of one."""
    people = {**cast, **{key: cast[other] for key, other in _OTHERS.items()}}
    world = World(site, people, told=True, numbers={"one": number})
    for rule, address in walks.addresses(app, [world], "GET"):
        if rule.endpoint not in walks.APART and walks.NOBODYS not in address:
            yield rule, address


def broken(client: FlaskClient, addresses: Iterable[str]) -> list[str]:
    """Open addresses, and return those that answer with an error of the server's own."""
    found = []
    for address in addresses:
        try:
            answer = client.get(address)
        # While it is tested, the application lets every error through.
        except Exception as error:
            found.append(f"{address}: {error!r}")
        else:
            found += [address] if answer.status_code >= 500 else []
    return found


@pytest.mark.sampled(4)
@pytest.mark.parametrize("section", SECTIONS)
def test_a_draft_with_an_empty_section_opens_on_every_page_of_its_author(
    app: Flask, site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn, section: str
) -> None:
    number = emptied(site, cast, [section])
    assert section not in building.load(site, number).content
    sign_in(client, "designer")
    # One page of each kind, and of the form that of the section.
    once = {
        rule.endpoint: address
        for rule, address in pages(app, site, cast, number)
        if "number" in rule.arguments
    }
    form = f"/proposals/{number}/form/{section}"
    assert client.get(form).status_code == 200
    assert broken(client, once.values()) == []


@pytest.mark.thorough
def test_a_proposal_of_which_nothing_is_left_opens_for_everybody_to_its_end(
    app: Flask, site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = emptied(site, cast, SECTIONS)
    assert building.load(site, number).content == {}
    addresses = [address for rule, address in pages(app, site, cast, number) if "number" in rule.arguments]
    sign_in(client, "designer")
    for page in ("", "/form", "/form/identification", "/authors", "/documents", "/history", "/self-check"):
        answer = client.get(f"/proposals/{number}{page}")
        assert (answer.status_code, "Untitled" in answer.text) == (200, True), page
    assert broken(client, addresses) == []

    building.take(site, cast["designer"], number, "withdraw", note="No longer needed.")
    assert broken(client, addresses) == []
    approval = ApprovalGiven("Minute 12", "Registry", site.now(), "XBTC")
    building.take(site, cast["desk"], number, "register_approval", approval=approval)
    with site.database.read() as db:
        [listed] = stored.list_records(db, cast["desk"])[0]
        record = stored.find_record(db, listed.digest)
    assert record is not None
    for language in LANGUAGES:
        assert number in page_of(json.loads(record.value), language)
    for who in ("desk", "chief", "auditor", "designer", "designer2", "reader", "admin"):
        everywhere = [
            question
            for rule, address in pages(app, site, cast, number)
            for question in walks.questions(rule, address)
        ]
        sign_in(client, who)
        assert broken(client, everywhere if who == "desk" else addresses) == [], who
    out = io.BytesIO()
    with site.database.read() as db:
        order = bundles.order(db, Asked((number,)), site.now(), None)
        bundles.write(db, site.files, site.library, order, out, site.now(), "fr")
    with zipfile.ZipFile(out) as bundle:
        [page] = [name for name in bundle.namelist() if name.endswith(".html") and number in name]
        assert number in bundle.read(page).decode()
