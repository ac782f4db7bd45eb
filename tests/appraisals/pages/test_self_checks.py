"""The self-check: authors rate their draft, and later compare; nobody else ever finds anything of it."""

import re
import shutil
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from appraisal.app.application import create_app
from appraisal.appraisals.services import self_checks
from appraisal.appraisals.services.self_checks import SelfPut
from appraisal.database import tables
from appraisal.definitions.library import Library
from appraisal.proposals.facts import Case
from appraisal.proposals.rules.attempt import ChangeAsked
from appraisal.proposals.services import drafts
from appraisal.web.context import Site
from tests.app.pages import walks
from tests.app.pages.test_proposals import counting
from tests.casts import Clock
from tests.web import building
from tests.web.building import Cast
from tests.web.sites import Compiled, ReadingClient, SignIn

NOTE = "A doubt that we keep to ourselves"


def url(number: str, rest: str = "") -> str:
    return f"/proposals/{number}/self-check{rest}"


def put(site: Site, cast: Cast, number: str, **values: str) -> None:
    """Save the authors' own ratings of the checklist on tripartism."""
    puts = {name.replace("_", "-"): SelfPut(value, NOTE) for name, value in values.items()}
    with site.database.begin() as db:
        self_checks.save(db, site.library, cast["designer"], site.now(), number, "TRI", puts)


def kept(site: Site) -> dict[str, tuple[str, str]]:
    table = tables.self_ratings
    with site.database.read() as db:
        return {
            row.item: (row.value, row.note) for row in db.execute(select(table).order_by(table.c.version))
        }


def test_an_author_rates_the_draft(site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn) -> None:
    number = building.draft_proposal(site, cast)
    sign_in(client, "designer")
    page = client.get(url(number, "/TRI"))
    for words in (
        "Self-check 2 of 7: Tripartism",
        "Only the authors of this proposal see this.",
        "Usual weakness:",
        "Gating item: a 1 here makes the whole criterion “Not met”.",
        "What the draft says",
        "1 December 2009",
        "consultation.pdf",
        f'href="/proposals/{number}/form/constituents"',
        f'href="/proposals/{number}/documents"',
    ):
        assert words in page.text

    given = {"TRI-1-value": "2", "TRI-1-note": " Ask\r\nagain. ", "TRI-2-value": "X", "next": "1"}
    answer = client.post(url(number, "/TRI"), data=given)

    assert (answer.status_code, answer.location) == (303, url(number, "/ILS"))
    assert kept(site) == {"TRI-1": ("2", "Ask\nagain."), "TRI-2": ("X", "")}
    page = client.get(url(number, "/TRI"))
    assert "Saved, for the authors alone." in page.text
    assert "TRI-2 is a gating item and cannot be rated X." in page.text
    assert "2 of 8 items complete" in page.text
    assert client.post(url(number, "/RBM"), data={"next": "1"}).location == url(number)


def test_the_strip_shows_what_the_verdicts_would_be(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.draft_proposal(site, cast)
    sign_in(client, "designer")
    assert "Your own estimate; nobody else sees it" in client.get(url(number)).text
    for criterion in site.library.criteria(site.library.newest_set().key)[:7]:
        items = criterion.checklist.items
        given = {f"{item.id}-value": "1" if item.id == "CAP-6" else "2" for item in items}
        assert client.post(url(number, f"/{criterion.checklist.code}"), data=given).status_code == 303

    page = client.get(url(number))

    assert len(re.findall(r"app-verdicts__tile--good", page.text)) == 6
    assert len(re.findall(r"app-verdicts__tile--warn", page.text)) == 1
    assert "Ready with conditions" in page.text
    assert "8 of 8" in page.text


def test_the_evaluability_review_is_there_above_its_threshold(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    small = building.draft_proposal(site, cast, budget="5000000")
    large = building.draft_proposal(site, cast, budget="5000000.01")
    sign_in(client, "designer")
    assert client.get(url(small, "/EVA")).status_code == 404
    assert client.get(url(large, "/EVA")).status_code == 200
    assert client.get(url(large, "/XYZ")).status_code == 404


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"TRI-1-value": "7"}, "Choose one of the values offered"),
        ({"TRI-1-note": "x" * 5001}, "At most 5000 characters"),
    ],
)
def test_what_cannot_be_kept_is_said_with_nothing_lost(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn, given: dict[str, str], words: str
) -> None:
    number = building.draft_proposal(site, cast)
    sign_in(client, "designer")
    page = client.post(url(number, "/TRI"), data={**given, "TRI-2-note": "Keep me"})
    assert page.status_code == 422
    assert words in page.text
    assert "Keep me" in page.text
    assert kept(site) == {}


def test_another_authors_save_shows_beside_what_was_typed(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.draft_proposal(site, cast)
    sign_in(client, "designer")
    drawn = re.findall(r'name="drawn" value="([^"]*)"', client.get(url(number, "/TRI")).text)[0]
    put(site, cast, number, TRI_1="3")
    typed = {"TRI-1-value": "1", "TRI-1-note": "From this window"}

    page = client.post(url(number, "/TRI"), data={**typed, "drawn": drawn})

    assert page.status_code == 409
    for words in ("Saved meanwhile:", NOTE, "From this window", "Another author has saved this checklist"):
        assert words in page.text
    assert kept(site) == {"TRI-1": ("3", NOTE)}
    fresh = re.findall(r'name="drawn" value="([^"]*)"', page.text)[0]
    assert client.post(url(number, "/TRI"), data={**typed, "drawn": fresh}).status_code == 303
    assert kept(site) == {"TRI-1": ("1", "From this window")}


def test_while_it_is_appraised_authors_read_what_they_wrote(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.draft_proposal(site, cast)
    put(site, cast, number, TRI_1="2")
    building.take(site, cast["designer"], number, "submit")
    sign_in(client, "designer")
    page = client.get(url(number, "/TRI"))
    assert NOTE in page.text
    assert "cannot be edited in the state" in page.text
    assert "<textarea" not in page.text
    # The form is closed: its sections are named and lead nowhere.
    assert "Constituents" in page.text
    assert f"/proposals/{number}/form/constituents" not in page.text
    assert client.post(url(number, "/TRI"), data={"TRI-1-value": "3"}).status_code == 403
    assert "Compare your ratings" not in client.get(url(number)).text
    assert client.get(url(number, "/comparison/1")).status_code == 404


def test_whoever_rated_nothing_in_time_is_told_so(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.submitted_proposal(site, cast)
    sign_in(client, "designer")
    page = client.get(url(number)).text
    assert "You did not rate this version yourselves." in page
    assert "No verdict yet" not in page


def test_after_the_appraisal_authors_see_where_it_differs(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.draft_proposal(site, cast)
    put(site, cast, number, TRI_2="2", TRI_4="3", TRI_5="1")
    building.take(site, cast["designer"], number, "submit")
    building.take(site, cast["desk"], number, "assign", lead=cast["reader"])
    building.answer_bureaux(site, cast, number)
    building.rate_all(site, cast["reader"], number, {"TRI-4": "1", "RBM-3": "1"})
    building.write_conditions(site, cast["reader"], number, ["TRI-4", "RBM-3"])
    sign_in(client, "designer")
    assert client.get(url(number, "/comparison/1")).status_code == 404
    building.take(site, cast["reader"], number, "finalise")

    assert "Compare your ratings of version 1 with its appraisal" in client.get(url(number)).text
    page = client.get(url(number, "/comparison/1"))

    differing, others = page.text.split('id="others"')
    assert re.findall(r"app-nowrap\">(\S+)<", differing) == ["TRI-4", "TRI-5"]
    assert re.findall(r"app-nowrap\">(\S+)<", others)[0] == "TRI-2"
    for words in ("You rated it higher", "You rated it lower", "Not convincing yet.", NOTE):
        assert words in differing
    assert client.get(url(number, "/comparison/2")).status_code == 404


def test_a_version_that_nobody_rated_is_compared_with_nothing(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.appraised_proposal(site, cast)
    sign_in(client, "designer")
    assert "You did not rate this version yourselves." in client.get(url(number, "/comparison/1")).text


def test_pages_lead_authors_here(site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn) -> None:
    number = building.submitted_proposal(site, cast)
    sign_in(client, "designer")
    assert f'href="{url(number)}"' in client.get(f"/proposals/{number}").text
    assert f'href="{url(number)}"' in client.get(f"/proposals/{number}/form").text


def test_the_pages_take_the_same_statements_however_much_is_rated(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.draft_proposal(site, cast)
    sign_in(client, "designer")

    def statements() -> list[int]:
        found = []
        for rest in ("", "/TRI"):
            with counting(site) as sent:
                assert client.get(url(number, rest)).status_code == 200
            found.append(len(sent))
        return found

    put(site, cast, number, TRI_1="2", TRI_2="2", TRI_3="2")
    few = statements()
    for criterion in site.library.criteria(site.library.newest_set().key)[:5]:
        given = {f"{item.id}-value": "2" for item in criterion.checklist.items}
        client.post(url(number, f"/{criterion.checklist.code}"), data=given)
    client.get(url(number))
    assert len(kept(site)) > 30
    assert statements() == few


# Whoever else reads the proposal while it is appraised, and somebody who does not.
READERS = ("reader", "desk", "chief", "auditor", "designer2")
OTHERS = ("designer2", "desk", "reader", "actemp", "eval", "chief", "auditor", "admin")


@pytest.mark.parametrize("who", OTHERS)
def test_nobody_else_finds_such_a_page(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn, who: str
) -> None:
    number = building.draft_proposal(site, cast)
    put(site, cast, number, TRI_1="2")
    building.take(site, cast["designer"], number, "submit")
    building.take(site, cast["desk"], number, "assign", lead=cast["reader"])
    building.answer_bureaux(site, cast, number)
    building.rate_all(site, cast["reader"], number)
    building.take(site, cast["reader"], number, "finalise")
    sign_in(client, who)
    for rest in ("", "/TRI", "/comparison/1"):
        page = client.get(url(number, rest))
        missing = client.get(url("TC-1999-0001", rest))
        assert (page.status_code, missing.status_code) == (404, 404)
        shown = walks.without_tokens(page.text).replace(number, "TC-1999-0001")
        assert shown == walks.without_tokens(missing.text)
    assert client.post(url(number, "/TRI"), data={"TRI-1-value": "3"}).status_code == 404
    assert kept(site) == {"TRI-1": ("2", NOTE)}


def _live(
    site: Site, cast: Cast, compiled: Compiled, *, rates_itself: bool
) -> tuple[str, list[dict[tuple[str, str], str]]]:
    """Bring a proposal through two rounds to its approval; return what others could read on the way."""
    app = create_app(site)
    compiled.share(app)
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    app.test_client_class = ReadingClient
    number = building.draft_proposal(site, cast)
    if rates_itself:
        put(site, cast, number, TRI_1="3", TRI_4="1")
    building.take(site, cast["designer"], number, "submit")
    building.take(site, cast["desk"], number, "assign", lead=cast["reader"])
    building.answer_bureaux(site, cast, number)
    building.rate_all(site, cast["reader"], number, {"TRI-1": "1"})
    change = ChangeAsked("Consult the workers' organizations.", "TRI-1")
    building.take(site, cast["reader"], number, "request_revision", changes=(change,))
    if rates_itself:
        put(site, cast, number, TRI_1="2", TRI_5="X")
    asked = building.load(site, number).changes[0].id
    with site.database.begin() as db:
        drafts.answer_change(
            db, site.library, cast["designer"], site.now(), number, asked, "done", "In section 3."
        )
    building.take(site, cast["designer"], number, "submit")
    building.take(site, cast["desk"], number, "assign", lead=cast["reader"])
    running = _read_by_others(app, site, cast, number)
    building.answer_bureaux(site, cast, number)
    building.rate_all(site, cast["reader"], number)
    building.take(site, cast["reader"], number, "finalise")
    building.take(site, cast["chief"], number, "approve")
    return number, [running, _read_by_others(app, site, cast, number)]


def _read_by_others(app: Flask, site: Site, cast: Cast, number: str) -> dict[tuple[str, str], str]:
    """Return every page that there is, as everybody but the author gets it."""
    addresses = _addresses(app, site, building.load(site, number))
    found = {}
    for who in READERS:
        client = app.test_client()
        building.sign_in_as(client, site, cast[who])
        for address in addresses:
            answer = client.get(address)
            # Tokens of forms are drawn anew for every page.
            text = re.sub(r'name="(request_key|csrf_token)" value="[^"]*"', "", answer.text)
            found[who, address] = f"{answer.status_code} {text}"
    return found


def _addresses(app: Flask, site: Site, case: Case) -> list[str]:
    """Return an address of every page, each named part filled in with something that is there."""
    appraisal = case.appraisals[-1]
    parts: dict[str, Any] = defaultdict(lambda: 1)
    parts |= {
        "number": case.number,
        "section": "constituents",
        "code": "TRI",
        "key": "tripartism.v1",
        "name": "withdraw",
        "digest": _records(site)[0][0],
        "language": "en",
        "ending": "csv",
        "document": case.documents[0].id,
        "consultation": appraisal.consultations[0].id,
    }
    urls = app.url_map.bind("localhost")
    return [
        urls.build(rule.endpoint, {name: parts[name] for name in rule.arguments})
        for rule in app.url_map.iter_rules()
        if rule.methods and "GET" in rule.methods and rule.endpoint != "static"
    ]


@contextmanager
def _another_site(folder: Path, template: tuple[Path, Cast], library: Library) -> Iterator[Site]:
    folder.mkdir()
    shutil.copyfile(template[0], folder / "appraisal.sqlite3")
    opened = building.open_site(folder, library, Clock())
    yield opened
    opened.database.close()


@pytest.mark.thorough
def test_everything_that_others_read_is_the_same_with_and_without_it(
    tmp_path: Path, template: tuple[Path, Cast], library: Library, compiled: Compiled
) -> None:
    cast = template[1]
    with (
        _another_site(tmp_path / "with", template, library) as one,
        _another_site(tmp_path / "without", template, library) as other,
    ):
        number, read_with = _live(one, cast, compiled, rates_itself=True)
        _, read_without = _live(other, cast, compiled, rates_itself=False)

        assert len(kept(one)) == 3
        assert kept(other) == {}
        assert building.load(one, number) == building.load(other, number)
        assert _records(one) == _records(other)
        assert len(_records(one)) == 3
        for page_with, page_without in zip(read_with, read_without, strict=True):
            assert page_with == page_without
            record = page_with["auditor", f"/records/{_records(one)[0][0]}.json"]
            assert record == f"200 {_records(one)[0][1]}"
            assert sum(text.startswith("200") for text in page_with.values()) > 15 * len(READERS)
            assert all(NOTE not in text for text in page_with.values())
            private = {key: text[:3] for key, text in page_with.items() if "/self-check" in key[1]}
            assert len(private) == 3 * len(READERS)
            assert set(private.values()) == {"404"}


def _records(site: Site) -> list[tuple[str, str]]:
    """Return digest and value of every record."""
    table = tables.records
    with site.database.read() as db:
        return [(row.digest, row.value) for row in db.execute(select(table).order_by(table.c.id))]
