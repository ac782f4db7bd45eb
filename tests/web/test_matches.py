"""The page of the finance list: what is missing, what it may be, and one click for what never came here."""

import re
from pathlib import Path

from flask.testing import FlaskClient

from appraisal.web.context import Site
from tests.web import building
from tests.web.building import Cast
from tests.web.conftest import SignIn
from tests.web.test_frameworks import import_text

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
    assert client.post(PAGE + "/confirm", data={**given, "number": number}).status_code == 403
    assert client.post(PAGE + "/undo", data=given).status_code == 303
    assert client.post(PAGE + "/register", data=given).status_code == 303
    assert "3 of" not in client.get("/indicators/2.1").text
    assert "1 of 2" in client.get("/indicators/2.1").text


def test_others_who_read_all_only_look(
    client: FlaskClient, sign_in: SignIn, site: Site, cast: Cast, tmp_path: Path
) -> None:
    number = _imported(site, cast, tmp_path)
    sign_in(client, "auditor")
    page = client.get(PAGE).text
    assert number in page
    assert "<form" not in page[page.index("<main") : page.index("</main>")]
    for act in ("confirm", "register", "undo"):
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
    for act in ("confirm", "register", "undo"):
        assert client.post(f"{PAGE}/{act}", data={"project": "x"}).status_code == 404
