"""The page of the finance list: what is missing, what it may be, and one click for what never came here."""

import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from appraisal.database import tables
from appraisal.lists.services import matching
from appraisal.proposals.store import lists
from appraisal.web.context import Site
from tests.indicators.pages.test_other_indicators import import_text
from tests.web import building
from tests.web.building import Cast
from tests.web.sites import SignIn

PAGE = "/indicators/2.1/finance-list"
LIST = (
    "symbol,title,countries,fund,amount,currency,opened_on,donor\n"
    "ZAM/10/01/NOR,Skills for Lusaka,ZM,RBSA,1000,USD,2010-01-20,Norway\n"
    "ZAM/10/02/NOR,<b>Nobody says</b>,ZM,,1000,USD,2010-01-20,Norway\n"
)


def _imported(site: Site, cast: Cast, folder: Path) -> str:
    number = building.approved_proposal(site, cast, title="Skills Lusaka")
    import_text(site, cast, "projects", LIST, folder)
    return number


@pytest.mark.thorough
def test_a_coordinator_confirms_registers_and_undoes(
    client: FlaskClient, sign_in: SignIn, site: Site, cast: Cast, tmp_path: Path
) -> None:
    number = _imported(site, cast, tmp_path)
    sign_in(client, "desk")
    assert "2 projects in the finance list without a proposal here" in client.get("/indicators/2.1").text
    page = client.get(PAGE + "?biennium=2010-11").text
    assert f'name="number" value="{number}"' in page
    assert "&lt;b&gt;Nobody says&lt;/b&gt;" in page
    given = {"project": "zam/10/01/nor", "biennium": "2010-11"}
    answer = client.post(PAGE + "/confirm", data={**given, "number": number.lower()})
    assert (answer.status_code, answer.location) == (303, PAGE + "?biennium=2010-11")
    page = client.get(PAGE).text
    assert "Projects without a proposal here (1)" in re.sub(r"\s+", " ", page)
    assert "confirmed by" in page
    # Said again it is done; of another proposal it is not.
    assert client.post(PAGE + "/confirm", data={**given, "number": number}).status_code == 303
    other = building.submitted_proposal(site, cast, title="Another")
    assert client.post(PAGE + "/confirm", data={**given, "number": other}).status_code == 403
    for _ in range(2):
        assert client.post(PAGE + "/undo", data=given).location == PAGE + "?biennium=2010-11"
    assert client.post(PAGE + "/register", data=given).status_code == 303
    assert "3 of" not in client.get("/indicators/2.1").text
    assert "1 of 2" in client.get("/indicators/2.1").text


def _count(site: Site) -> tuple[int, int, int]:
    """Return how many proposals, events and matches there are."""
    with site.database.read() as db:
        found = [
            db.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (tables.proposals, tables.events, tables.matches)
        ]
    return found[0], found[1], found[2]


def test_looking_at_what_a_registration_would_do_writes_nothing(
    client: FlaskClient, sign_in: SignIn, site: Site, cast: Cast, tmp_path: Path
) -> None:
    _imported(site, cast, tmp_path)
    sign_in(client, "desk")
    before = _count(site)
    address = PAGE + "/register?project=zam/10/01/nor&biennium=2010-11"
    assert "register?project=zam" in client.get(PAGE).text
    page = client.get(address).text
    for shown in (
        "Skills for Lusaka",
        "ZAM/10/01/NOR",
        "Norway: USD 1,000 (US$ 1,000), RBSA",
        "20 January 2010",
    ):
        assert shown in page, shown
    table = re.sub(r"<[^>]+>|\s+", " ", page[page.index("<table") : page.index("</table>")])
    assert re.findall(r"(?<![-–\d])\d+(?:\.\d%)?(?![-–\d])", table) == ["1", "1", "100.0%", "1", "2", "50.0%"]
    assert "Until midnight in Geneva you can take it back yourself" in page
    # What the list does not tell enough of cannot be registered from it.
    answer = client.get(PAGE + "/register?project=zam/10/02/nor")
    assert answer.status_code == 403
    assert "The finance list does not say from which fund the project is paid." in answer.text
    assert client.get(PAGE + "/register?project=x").status_code == 404
    assert _count(site) == before


def test_an_amount_that_the_list_does_not_tell_is_nowhere_a_nought(
    client: FlaskClient, sign_in: SignIn, site: Site, cast: Cast, tmp_path: Path
) -> None:
    import_text(site, cast, "projects", "symbol,fund,opened_on\nX/1,XBTC,2010-01-20\n", tmp_path)
    sign_in(client, "desk")
    page = client.get(PAGE + "/register?project=x/1").text
    assert "–: an amount that nobody told, XBTC" in page
    assert client.post(PAGE + "/register", data={"project": "x/1"}).status_code == 303
    page = client.get("/proposals/TC-2010-0001").text
    assert page.count(">unknown<") == 2
    assert "0 USD" not in page


def test_two_clicks_register_once_and_two_on_undo_undo_once(
    client: FlaskClient, sign_in: SignIn, site: Site, cast: Cast, tmp_path: Path
) -> None:
    _imported(site, cast, tmp_path)
    sign_in(client, "desk")
    given = {"project": "zam/10/01/nor", "request_key": "0123456789abcdef0123456789abcdef"}
    for _ in range(2):
        assert client.post(PAGE + "/register", data=given).status_code == 303
    # Another tab of the same page, or somebody else: it is a proposal already.
    assert client.post(PAGE + "/register", data={"project": "zam/10/01/nor"}).status_code == 403
    assert (
        "The project is taken for a proposal already."
        in client.get(PAGE + "/register?project=zam/10/01/nor").text
    )
    correction = "/proposals/TC-2010-0002/steps/correct_registration"
    undone = [client.post(PAGE + "/undo", data={"project": "zam/10/01/nor"}) for _ in range(2)]
    # Its approval still counts, so undoing leads to where that is taken back.
    assert [(answer.status_code, answer.location) for answer in undone] == [(303, correction)] * 2
    assert "is still registered, and counts" in client.get(correction).text
    before = _count(site)
    # Registering it once more would count it twice.
    answer = client.post(PAGE + "/register", data={"project": "zam/10/01/nor", "checked": "1"})
    assert (answer.status_code, "TC-2010-0002" in answer.text) == (422, True)
    assert "It is here already" in client.get(PAGE + "/register?project=zam/10/01/nor").text
    assert _count(site) == before
    page = client.get(correction).text
    assert "it is void, counts nowhere, and keeps its number" in page
    seen = re.findall(r'name="seen" value="(\d+)"', page)[0]
    client.post(correction, data={"note": "A slip.", "seen": seen})
    assert "1 of 1" in client.get("/indicators/2.1").text
    digest = re.findall(r"/records/([0-9a-f]{64})", client.get("/proposals/TC-2010-0002").text)[0]
    assert "the approval had been registered by mistake" in client.get(f"/records/{digest}").text
    # The way is free again.
    assert client.post(PAGE + "/register", data={"project": "zam/10/01/nor"}).status_code == 303
    assert "1 of 2" in client.get("/indicators/2.1").text


@pytest.mark.thorough
def test_a_number_is_typed_by_hand(
    client: FlaskClient, sign_in: SignIn, site: Site, cast: Cast, tmp_path: Path
) -> None:
    _imported(site, cast, tmp_path)
    number = building.approved_proposal(
        site, cast, title="By another name", budget={"amount": "1112", "currency": "USD"}
    )
    draft = building.draft_proposal(site, cast, title="Only a draft")
    sign_in(client, "desk")
    before = _count(site)
    for wrong in (draft, "TC-2010-0099", "", "<b>"):
        answer = client.post(PAGE + "/confirm", data={"project": "zam/10/01/nor", "number": wrong})
        assert answer.status_code == 303
        assert "that could be this project" in client.get(PAGE).text
    assert _count(site) == before
    client.post(PAGE + "/confirm", data={"project": "zam/10/01/nor", "number": f" {number.lower()} "})
    page = client.get(PAGE).text
    assert "The project is proposal" in page
    assert "opened with US$ 1,000, approved with US$ 1,112" in page
    answer = client.post(PAGE + "/confirm", data={"project": "zam/10/02/nor", "number": number})
    assert (answer.status_code, "is the project ZAM/10/01/NOR already" in answer.text) == (403, True)


def test_others_who_read_all_only_look(
    client: FlaskClient, sign_in: SignIn, site: Site, cast: Cast, tmp_path: Path
) -> None:
    number = _imported(site, cast, tmp_path)
    sign_in(client, "auditor")
    page = client.get(PAGE).text
    assert number in page
    assert "<form" not in page[page.index("<main") : page.index("</main>")]
    for act in ("confirm", "register", "look", "undo"):
        answer = client.post(f"{PAGE}/{act}", data={"project": "zam/10/01/nor", "number": number})
        assert answer.status_code == 403
    sign_in(client, "designer")
    assert client.get(PAGE).status_code == 403
    assert "finance list" not in client.get("/indicators/2.1").text


def test_what_is_no_project_is_not_found(
    client: FlaskClient, sign_in: SignIn, site: Site, cast: Cast
) -> None:
    sign_in(client, "desk")
    assert "No finance list was imported yet." in client.get(PAGE).text
    assert client.get(PAGE + "?biennium=2011-12").status_code == 404
    for act in ("confirm", "register", "look", "undo"):
        assert client.post(f"{PAGE}/{act}", data={"project": "x"}).status_code == 404


@pytest.mark.thorough
def test_projects_opened_without_an_approval_are_named_on_both_pages(
    client: FlaskClient, sign_in: SignIn, site: Site, cast: Cast, tmp_path: Path
) -> None:
    number = building.rejected_proposal(site, cast, symbol="ZAM/10/07/NOR")
    text = LIST + "ZAM/10/07/NOR,<i>Bypass</i>,ZM,XBTC,1000,USD,2010-01-20,Norway\n"
    import_text(site, cast, "projects", text, tmp_path)
    sign_in(client, "desk")
    sentence = "1 project of the finance list was opened without an approval here."
    shown = client.get("/indicators/2.1?biennium=2010-11").text
    assert sentence in shown
    assert "Incomplete" in shown
    assert "Incomplete" in client.get("/indicators/?biennium=2010-11").text
    for address in (PAGE, PAGE + "?biennium=2010-11", PAGE + "?opened=7"):
        page = client.get(address).text
        assert "Projects opened without an approval here (1)" in page
        assert ("opened without an approval here: Rejected" in page) == ("opened=7" not in address)
        assert "&lt;i&gt;Bypass&lt;/i&gt;" in page
        assert number in page
    assert "Projects opened without an approval here (0)" in client.get(PAGE + "?biennium=2012-13").text
    # Whoever reads no reports is told that the figure is not whole, and no name.
    sign_in(client, "designer")
    told = client.get("/indicators/2.1?biennium=2010-11").text
    assert sentence in told
    assert "/finance-list" not in told


def test_a_link_is_looked_at_again_on_the_page_of_the_list(
    client: FlaskClient, sign_in: SignIn, site: Site, cast: Cast, tmp_path: Path
) -> None:
    number = _imported(site, cast, tmp_path)
    sign_in(client, "desk")
    given = {"project": "zam/10/01/nor", "biennium": "2010-11"}
    client.post(PAGE + "/confirm", data={**given, "number": number})
    address = PAGE + "?biennium=2010-11"
    assert "Links to look at again (0)" in client.get(address).text
    import_text(site, cast, "projects", LIST.replace("RBSA,1000", "RBSA,1200"), tmp_path)
    sentence = "The facts under 1 link of the finance list changed, and nobody has looked again."
    shown = client.get("/indicators/2.1?biennium=2010-11").text
    assert sentence in shown
    assert "/finance-list?biennium=2010-11#changed" in shown
    assert "Incomplete" in client.get("/indicators/?biennium=2010-11").text
    for listed in (PAGE, address):
        page = client.get(listed).text
        assert "Links to look at again (1)" in page
        assert "the amount was 1,000 and is 1,200" in page
    found = re.search(r'name="seal" value="([0-9a-f]{64})"', page)
    assert found is not None
    seal = found[1]
    import_text(site, cast, "projects", LIST.replace("RBSA,1000", "RBSA,1300"), tmp_path)
    # What was seen is not what stands: nothing is written.
    answer = client.post(PAGE + "/look", data={**given, "seal": seal}, follow_redirects=True)
    assert "Something else changed meanwhile: look at it once more." in answer.text
    assert "Links to look at again (1)" in answer.text
    found = re.search(r'name="seal" value="([0-9a-f]{64})"', answer.text)
    assert found is not None
    answer = client.post(PAGE + "/look", data={**given, "seal": found[1]}, follow_redirects=True)
    assert "The link stands, as it was looked at now." in answer.text
    assert "Links to look at again (0)" in answer.text
    assert sentence not in client.get("/indicators/2.1?biennium=2010-11").text


def test_a_second_project_of_one_approval_is_given_with_its_reason(
    client: FlaskClient, sign_in: SignIn, site: Site, cast: Cast, tmp_path: Path
) -> None:
    number = _imported(site, cast, tmp_path)
    sign_in(client, "desk")
    given = {"number": number, "project": "zam/10/01/nor"}
    assert client.post(PAGE + "/confirm", data=given).status_code == 303
    given["project"] = "zam/10/02/nor"
    answer = client.post(PAGE + "/confirm", data=given)
    assert (answer.status_code, "say why it has another one" in answer.text) == (403, True)
    given["reason"] = "<b>Two offices</b>"
    assert client.post(PAGE + "/confirm", data=given).status_code == 303
    assert "&lt;b&gt;Two offices&lt;/b&gt;" in client.get(PAGE).text


def test_every_link_can_be_undone_however_many_there_are(
    client: FlaskClient, sign_in: SignIn, site: Site, cast: Cast, tmp_path: Path
) -> None:
    number = building.approved_proposal(site, cast)
    rows = [f"ZAM/10/{place:02}/NOR,One of many,ZM,XBTC,1,USD,2010-01-20,Norway" for place in range(30)]
    import_text(site, cast, "projects", LIST.partition("\n")[0] + "\n" + "\n".join(rows) + "\n", tmp_path)
    with site.database.begin() as db:
        proposal = lists.entered_id(db, number, cast["desk"])
        for row in rows:
            key = row.partition(",")[0].casefold()
            matching.write(db, cast["desk"], site.now(), key, key.upper(), "confirmed", proposal, number, {})
    sign_in(client, "desk")
    first = client.get(PAGE).text.partition('id="linked"')[2]
    assert "ZAM/10/24/NOR" in first
    assert "ZAM/10/25/NOR" not in first
    (following,) = re.findall(r'href="([^"]*linked=[^"]*)"', first)
    second = client.get(following.replace("&amp;", "&")).text.partition('id="linked"')[2]
    assert "ZAM/10/24/NOR" not in second
    assert "ZAM/10/29/NOR" in second
    assert f'href="{PAGE}#linked"' in second
