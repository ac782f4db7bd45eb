"""The results framework as the founding document sets it out, and the pages of its indicators."""

import hashlib
import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from appraisal.accounts.services import accounts
from appraisal.lists.rules.kinds_of_list import BY_KEY
from appraisal.lists.services import imports
from appraisal.web.context import Site
from tests.web.building import Cast
from tests.web.reading import faults
from tests.web.sites import SignIn

CODES = ("1.1", "1.2", "2.2", "3.1", "3.2", "3.3")
DELIVERIES = "symbol,period,allocation,expenditure\n"
UNDAFS = "country,cycle,reflects,assessed_on,government,employers,workers\n"


def import_text(site: Site, cast: Cast, dataset: str, text: str, folder: Path) -> None:
    path = folder / "list.csv"
    path.write_text(text)
    known, source = BY_KEY[dataset], imports.source_of(path, "list.csv")
    with (
        imports.checked(
            known, source, lambda heading: imports.mapped(known, heading, {}), site.now().date()
        ) as found,
        site.database.begin() as db,
    ):
        imports.import_rows(db, cast["desk"], site.now(), found, whole=False)


def cells(page: str) -> list[list[str]]:
    """Return what the cells of every row of every table say."""
    rows = re.findall(r'<tr class="govuk-table__row" role="row">(.*?)</tr>', page, re.DOTALL)
    return [
        [
            " ".join(re.sub(r"<[^>]*>", " ", value).split())
            for value in re.findall(r'<span class="app-table__value">(.*?)</span>\s*</t', row, re.DOTALL)
        ]
        for row in rows
    ]


def test_the_tables_of_the_founding_document_are_reproduced(
    cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    sign_in(client, "designer")
    page = client.get("/indicators/?biennium=2010-11")
    assert (page.status_code, faults(page.text)) == (200, [])
    rows = [row for row in cells(page.text) if row]
    assert [row[0][:3] for row in rows] == ["1.1", "1.2", "2.1", "2.2", "3.1", "3.2", "3.3"]
    # GB.306/TC/1, the tables after paragraphs 30, 34 and 37: target, then the three milestones.
    assert [[re.sub(r" .*", "", cell) for cell in row[2:6]] for row in rows] == [
        ["90%", "70%", "80%", "90%"],
        ["80%", "60%", "70%", "80%"],
        ["100%", "75%", "90%", "100%"],
        ["90%", "75%", "85%", "90%"],
        ["50%", "20%", "40%", "50%"],
        ["80%", "30%", "60%", "80%"],
        ["40%", "20%", "30%", "40%"],
    ]
    assert all("increase" in cell for row in rows[4:] for cell in row[2:6])
    assert all("not entered" in row[1] for row in rows)
    assert "By the end of 2011" in rows[3][3]
    assert all("GB.306/TC/1, outcome" in row[0] and "para." in row[0] for row in rows)
    # Nothing was imported: no figure is invented.
    assert [row[6].split(" ")[0] for row in rows] == ["no", "no", "no", "no", "0", "0", "0"]
    assert "Milestone not met" not in page.text


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("language", ["en", "fr", "es"])
def test_an_indicator_says_what_it_counts_and_that_its_baseline_is_not_entered(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn, code: str, language: str
) -> None:
    with site.database.begin() as db:
        accounts.choose(db, cast["desk"], language=language, delivery="at_once")
    sign_in(client, "desk")
    page = client.get(f"/indicators/{code}")
    assert (page.status_code, faults(page.text)) == (200, [])
    indicator = site.library.indicators().indicator(code)
    said = page.text.replace("&#39;", "'")
    for words in (indicator.title[language], indicator.definition[language][:60], indicator.source[language]):
        assert words in said
    assert all(candidate[language] in page.text for candidate in indicator.baseline.candidates)
    if language == "en":
        assert "not entered" in page.text


def test_the_rows_behind_a_figure_are_paged(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn, tmp_path: Path
) -> None:
    rows = "".join(f"RAS/{place:03d},2010,1000,750\n" for place in range(60))
    import_text(site, cast, "deliveries", DELIVERIES + rows, tmp_path)
    sign_in(client, "auditor")
    page = client.get("/indicators/2.2?biennium=2010-11").text
    for words in (
        "75.0%",
        "45,000 of 60,000",
        "Milestone met",
        "Projects in the two years of the biennium (60)",
    ):
        assert words in page
    assert ("RAS/049" in page, "RAS/050" in page) == (True, False)
    onward = re.search(r'href="(/indicators/2\.2/rows/counted[^"]*)"', page)
    assert onward is not None
    page = client.get(onward.group(1).replace("&amp;", "&")).text
    assert faults(page) == []
    assert ("RAS/049" in page, "RAS/050" in page, "RAS/059" in page) == (False, True, True)


@pytest.mark.parametrize("who", ["designer", "reader", "admin"])
def test_others_see_figures_and_no_rows(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn, tmp_path: Path, who: str
) -> None:
    import_text(site, cast, "deliveries", DELIVERIES + "RAS/09/01/FIN,2010,1000,750\n", tmp_path)
    sign_in(client, who)
    page = client.get("/indicators/2.2?biennium=2010-11")
    assert "75.0%" in page.text
    assert "Projects in the two years of the biennium (1)" in page.text
    assert "RAS/09/01/FIN" not in page.text
    assert "/datasets" not in page.text
    assert client.get("/indicators/2.2/rows/counted?biennium=2010-11").status_code == 403


def test_a_growth_without_a_baseline_is_a_count(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn, tmp_path: Path
) -> None:
    text = UNDAFS + "KH,2010-2014,yes,2010-01-31,yes,yes,yes\nLA,2010-2014,yes,2010-01-31,yes,yes,\n"
    import_text(site, cast, "undafs", text, tmp_path)
    sign_in(client, "chief")
    page = client.get("/indicators/3.3?biennium=2010-11").text
    for words in (
        "No baseline",
        "Incomplete",
        "20% increase",
        "Without an answer, counted nowhere (1)",
        "Laos",
    ):
        assert words in page
    assert "Milestone met" not in page
    assert "Incomplete" in client.get("/indicators/?biennium=2010-11").text


@pytest.mark.parametrize(
    "path",
    [
        "/indicators/9.9",
        "/indicators/2.2?biennium=soon",
        "/indicators/?biennium=2011-12",
        "/indicators/2.2/rows/attic",
        "/indicators/2.1/rows/counted",
    ],
)
def test_what_is_not_there_is_not_found(cast: Cast, client: FlaskClient, sign_in: SignIn, path: str) -> None:
    sign_in(client, "desk")
    assert client.get(path).status_code == 404


def test_a_coordinator_publishes_and_sees_what_changed_since(
    client: FlaskClient, sign_in: SignIn, site: Site, cast: Cast, tmp_path: Path
) -> None:
    heading = "symbol,period,allocation,expenditure\n"
    import_text(site, cast, "deliveries", heading + "RAS/09/01/FIN,2010,100,80\n", tmp_path)
    sign_in(client, "desk")
    place = "/indicators/2.2"
    answer = client.post(place + "/publish", data={"biennium": "2010-11"})
    assert (answer.status_code, answer.location) == (303, place + "?biennium=2010-11#published")
    page = client.get(place + "?biennium=2010-11").text
    assert "The same today" in page
    found = re.search(r'href="(/indicators/2.2/reports/([0-9a-f]{64})\.json)"', page)
    assert found is not None
    assert hashlib.sha256(client.get(found[1]).data).hexdigest() == found[2]
    assert client.get(found[1].replace("2.2", "2.1")).status_code == 404
    import_text(site, cast, "deliveries", heading + "RAS/09/09/FIN,2010,100,0\n", tmp_path)
    assert "Differs today" in client.get(place + "?biennium=2010-11").text
    assert client.post("/indicators/9.9/publish", data={"biennium": "2010-11"}).status_code == 404
    sign_in(client, "auditor")
    assert client.post(place + "/publish", data={"biennium": "2010-11"}).status_code == 403
