"""The list, the page of a proposal, its versions and history, and new proposals: who sees what."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection, event, insert, select, update

from appraisal.database import tables
from appraisal.scenarios.complete_proposal import neutral_content
from appraisal.web.context import Site
from tests.casts import Clock
from tests.tampering import unguarded, unwatched
from tests.web import building
from tests.web.building import Cast
from tests.web.sites import SignIn

PROPOSALS = tables.proposals
KEY = "0123456789abcdef0123456789abcdef"


@contextmanager
def counting(site: Site) -> Iterator[list[str]]:
    """Collect the statements that a site's database is sent."""
    sent: list[str] = []

    def note(connection: Connection, cursor: object, statement: str, *rest: object) -> None:
        sent.append(statement)

    engines = (site.database._reading, site.database._writing)
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    yield sent
    for engine in engines:
        event.remove(engine, "before_cursor_execute", note)


def copies(site: Site, number: str, count: int) -> None:
    """Add rows like that of a proposal, numbered on."""
    with unwatched(site.database) as db:
        row = db.execute(select(PROPOSALS).where(PROPOSALS.c.number == number)).mappings().one()
        values = {name: value for name, value in row.items() if name != "id"}
        db.execute(
            insert(PROPOSALS), [{**values, "number": f"TC-2009-{place:04d}"} for place in range(count)]
        )


@pytest.mark.parametrize("key", ["desk", "designer2", "reader"])
def test_the_list_takes_as_many_statements_for_many_rows_as_for_few(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn, key: str
) -> None:
    number = building.assigned_proposal(site, cast)
    copies(site, number, 2)
    sign_in(client, key)
    with counting(site) as few:
        assert client.get("/proposals").status_code == 200
    with unwatched(site.database) as db:
        db.execute(PROPOSALS.delete().where(PROPOSALS.c.number.like("TC-2009-%")))
    copies(site, number, 299)
    with counting(site) as many:
        assert client.get("/proposals").status_code == 200
    assert len(few) == len(many) <= 5


def test_fifty_stand_on_a_page_and_the_next_page_goes_on(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    copies(site, building.submitted_proposal(site, cast), 120)
    sign_in(client, "desk")
    found: list[str] = []
    address: str | None = "/proposals?words=illustrative"
    pages = 0
    while address:
        page = client.get(address).text
        found += re.findall(r"TC-\d{4}-\d{4}</?span|>(TC-\d{4}-\d{4})", page)
        pages += 1
        onward = re.search(r'rel="next"[^>]*|href="([^"]*after=\d+[^"]*)"', page)
        links = re.findall(r'href="(/proposals\?[^"]*after=\d+[^"]*)"', page)
        address = links[0].replace("&amp;", "&") if onward and links else None
    assert pages == 3
    assert len(found) == len(set(found)) == 121


@pytest.mark.thorough
def test_filters_narrow_the_list(site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn) -> None:
    building.submitted_proposal(site, cast, title="Skills in Zambia", countries=["ZM"])
    building.approved_proposal(site, cast, title="Ports in Togo", countries=["TG"])
    sign_in(client, "desk")
    for query, shown in [
        ("state=submitted", "Skills in Zambia"),
        ("country=zm", "Skills in Zambia"),
        ("country=Togo", "Ports in Togo"),
        ("words=ports", "Ports in Togo"),
        ("route=mechanism", "Ports in Togo"),
    ]:
        page = client.get(f"/proposals?{query}").text
        other = {"Skills in Zambia", "Ports in Togo"} - {shown}
        assert shown in page, query
        assert other.pop() not in page, query
    assert "No proposal fits this." in client.get("/proposals?words=nothing+like+it").text


def test_what_nobody_knows_is_no_amount(site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn) -> None:
    row = neutral_content({})["identification"]["contributions"][0]
    given = [{**row, "amount": "123456"}, {**row, "amount": "9", "currency": "EUR"}]
    number = building.outside_approval(site, cast, contributions=given)
    sign_in(client, "auditor")
    assert "123,456" not in client.get("/proposals").text
    page = client.get(f"/proposals/{number}").text
    assert "What they are together in US$ is not known in full." in page
    assert "Together US$" not in page


def test_a_filter_that_makes_no_sense_is_no_error(client: FlaskClient, sign_in: SignIn) -> None:
    sign_in(client, "desk")
    assert client.get("/proposals?state=x&country=%25&words=_%25\\&route=up&after=-1").status_code == 200
    assert client.get("/proposals?after=99999999999999999999999").status_code == 200


def test_other_designers_see_enough_to_find_an_overlap_and_no_more(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.approved_proposal(site, cast, title="Ports", donor="Norway", budget="777777")
    building.draft_proposal(site, cast, title="A secret draft")
    sign_in(client, "designer2")
    listed, page = client.get("/proposals").text, client.get(f"/proposals/{number}").text
    for text in (listed, page):
        for words in ("Ports", "Norway", "Zambia", number, "Approved"):
            assert words in text
        for words in ("777,777", "Illustrative unit", "A secret draft", "Through the mechanism</span>"):
            assert words not in text
    assert f'href="/proposals/{number}"' not in listed
    assert client.get(f"/proposals/{number}/history").status_code == 404
    assert client.get(f"/proposals/{number}/versions/1").status_code == 404


def test_administrators_read_no_proposal(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.submitted_proposal(site, cast)
    sign_in(client, "admin")
    assert client.get("/proposals").status_code == 403
    for rest in ("", "/history", "/versions/1", "/form", "/documents"):
        assert client.get(f"/proposals/{number}{rest}").status_code == 404


def test_a_draft_is_its_authors_alone(site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn) -> None:
    number = building.draft_proposal(site, cast, title="Mine")
    for key in ("designer2", "desk", "reader", "chief", "auditor", "admin"):
        sign_in(client, key)
        assert client.get(f"/proposals/{number}").status_code == 404, key
        assert "Mine" not in client.get("/").text
    sign_in(client, "designer")
    assert client.get(f"/proposals/{number}").status_code == 200


def test_everybody_but_the_authors_reads_the_version_not_the_draft_after_it(
    site: Site, cast: Cast, clock: Clock, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.revision_proposal(site, cast, title="Before")
    sign_in(client, "designer")
    saved = client.post(f"/proposals/{number}/form/identification", data={"title": "After", "theme": "New"})
    assert saved.status_code == 303
    assert "After" in client.get(f"/proposals/{number}").text
    sign_in(client, "desk")
    page = client.get(f"/proposals/{number}").text
    assert "Before" in page
    assert "After" not in page


def test_the_page_says_where_the_proposal_stands_and_what_may_be_done(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.appraised_proposal(site, cast, ratings={"GEN-2": "1"})
    sign_in(client, "chief")
    page = client.get(f"/proposals/{number}").text
    assert f'href="/proposals/{number}/steps/approve"' in page
    assert f'href="/proposals/{number}/steps/propose_override"' not in page
    assert "The proposal can be approved without an override." in page
    assert "Only an author of the proposal may do this." in page
    assert "Ready with conditions" in page
    assert "Make GEN-2 good." in page
    assert "0 of 5 working days used" in page
    assert 'aria-current="step"' in page


def test_release_is_offered_while_a_proposal_is_held(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.submitted_proposal(site, cast)
    sign_in(client, "desk")
    release = f"/proposals/{number}/steps/release"
    page = client.get(f"/proposals/{number}").text
    assert release not in page
    assert "The proposal is not on hold." not in page
    sign_in(client, "designer")
    assert "Release from hold" not in client.get(f"/proposals/{number}").text
    sign_in(client, "desk")
    until = (site.now() + timedelta(days=7)).date()
    building.take(site, cast["desk"], number, "hold", until=until, note="Waiting.")
    assert release in client.get(f"/proposals/{number}").text


def test_the_page_names_what_an_approval_approved(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.approved_proposal(site, cast)
    version = building.load(site, number).version
    assert version is not None
    sign_in(client, "auditor")
    page = client.get(f"/proposals/{number}").text
    assert version.digest in page
    assert "Through the mechanism" in page
    assert "Grace Lindqvist" in page
    frozen = client.get(f"/proposals/{number}/versions/1").text
    assert version.digest in frozen
    assert "This is the version that was approved." in frozen
    assert client.get(f"/proposals/{number}/versions/2").status_code == 404


@pytest.mark.parametrize(
    ("build", "stage"),
    [
        (building.submitted_proposal, "Appraised"),
        (building.assigned_proposal, "Appraised"),
        (building.revision_proposal, "Submitted"),
        (building.appraised_proposal, "Decided"),
        (building.approved_proposal, "With the donor"),
        (building.funded_proposal, "Started"),
    ],
)
def test_the_stage_is_read_from_milestones(
    site: Site,
    cast: Cast,
    client: FlaskClient,
    sign_in: SignIn,
    build: Callable[[Site, Cast], str],
    stage: str,
) -> None:
    number = build(site, cast)
    sign_in(client, "desk")
    page = client.get(f"/proposals/{number}").text
    current = re.search(r'aria-current="step">\s*<span class="app-stages__title">([^\n<]+)', page)
    assert current is not None
    assert current.group(1).strip() == stage


def test_an_end_is_the_last_stage(site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn) -> None:
    number = building.submitted_proposal(site, cast)
    building.take(site, cast["designer"], number, "withdraw", note="Not needed any more.")
    sign_in(client, "desk")
    page = client.get(f"/proposals/{number}").text
    assert "With the donor" not in page
    assert "Nothing more: the proposal has come to its end." in page or "Register an outside approval" in page


def test_the_page_takes_as_many_statements_whatever_hangs_on_it(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    sign_in(client, "desk")
    counts = []
    for number in (building.submitted_proposal(site, cast), building.funded_proposal(site, cast)):
        with counting(site) as sent:
            assert client.get(f"/proposals/{number}").status_code == 200
        counts.append(len(sent))
    assert counts[0] == counts[1]


def test_history_verifies_its_chain_and_says_when_it_does_not(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.approved_proposal(site, cast)
    sign_in(client, "auditor")
    page = client.get(f"/proposals/{number}/history").text
    assert "The chain of digests holds" in page
    assert "David Okoro finalised the appraisal. Recommendation: Ready for approval" in page
    assert "Chiara Weber wrote down what ACTRAV answered." in page
    table = tables.events
    with unguarded(site.database) as db:
        db.execute(update(table).where(table.c.sequence == 2).values(body="{}"))
    page = client.get(f"/proposals/{number}/history").text
    assert "The chain of digests does not hold" in page
    assert "event 2 was altered" in page


def test_a_designer_begins_a_proposal_once(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    sign_in(client, "designer")
    given = {"title": "Ports", "kind": "new", "countries": "Togo, bj", "region": "africa", "request_key": KEY}
    first, second = (client.post("/proposals/new", data=given) for _ in range(2))
    assert first.status_code == second.status_code == 303
    assert first.location == second.location == "/proposals/TC-2010-0001/form"
    case = building.load(site, "TC-2010-0001")
    assert case.content["identification"]["countries"] == ["TG", "BJ"]
    assert case.related("author") == {cast["designer"].id}
    assert "Ports" in client.get("/").text


def test_a_new_proposal_needs_a_title_and_keeps_what_was_typed(client: FlaskClient, sign_in: SignIn) -> None:
    sign_in(client, "designer")
    answer = client.post("/proposals/new", data={"title": " ", "countries": "Atlantis", "unit": "SKILLS"})
    assert answer.status_code == 422
    assert 'href="#title"' in answer.text
    assert 'href="#countries"' in answer.text
    assert 'value="Atlantis"' in answer.text
    assert "<title>Error:" in answer.text


def test_only_designers_begin_proposals(client: FlaskClient, sign_in: SignIn) -> None:
    sign_in(client, "desk")
    assert client.get("/proposals/new").status_code == 403
    assert client.post("/proposals/new", data={"title": "Ports"}).status_code == 403


def test_text_from_people_is_escaped(site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn) -> None:
    title = "<script>alert(1)</script>"
    number = building.approved_proposal(site, cast, title=title, donor=title, summary=title)
    sign_in(client, "desk")
    for address in ("/", "/proposals", f"/proposals/{number}", f"/proposals/{number}/versions/1"):
        page = client.get(address).text
        assert title not in page
        assert "&lt;script&gt;" in page
