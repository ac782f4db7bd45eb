"""Pages of imported lists: read by coordinators, managers and auditors, imported by coordinators."""

import hashlib
import re
from io import BytesIO

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from appraisal.errors import NotFound
from appraisal.lists.store import lists as stored
from appraisal.web.context import Site
from tests.web.building import Cast
from tests.web.reading import faults
from tests.web.sites import SignIn

LIST = "Code;Year;Given;Spent\nRAS/09/01/FIN;2010;1000;=1+1\nRAF/09/02/FIN;2010;50;10\n"
GOOD = LIST.replace("=1+1", "80,50")
CHOSEN = {"column-symbol": "0", "column-period": "1", "column-allocation": "2", "column-expenditure": "3"}


def send(client: FlaskClient, text: str | bytes, name: str = "list.csv") -> TestResponse:
    data = text.encode() if isinstance(text, str) else text
    return client.post("/datasets/deliveries/import", data={"file": (BytesIO(data), name)})


def choose(client: FlaskClient, place: str, **given: str) -> TestResponse:
    return client.post(place.partition("?")[0], data={"name": "list.csv", **CHOSEN, **given})


def held(site: Site) -> list[str]:
    with site.database.read() as db:
        return [row.value["symbol"] for row in stored.state(db, "deliveries")]


@pytest.mark.parametrize(
    ("who", "reads", "imports"),
    [
        ("designer", 403, 403),
        ("reader", 403, 403),
        ("chief", 200, 403),
        ("auditor", 200, 403),
        ("desk", 200, 200),
        ("admin", 403, 403),
    ],
)
def test_lists_are_read_by_some_and_imported_by_coordinators(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn, who: str, reads: int, imports: int
) -> None:
    sign_in(client, who)
    assert [client.get(path).status_code for path in ("/datasets", "/datasets/gaps")] == [reads, reads]
    assert client.get("/datasets/gaps/import").status_code == imports
    assert (send(client, GOOD).status_code == 303) == (imports == 200)
    assert ("/datasets/gaps/import" in client.get("/datasets/gaps").text) == (imports == 200)


def test_a_list_is_mapped_checked_and_imported(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    sign_in(client, "desk")
    place = send(client, GOOD, r"C:\lists\2010 <a>.csv").location
    page = client.get(place)
    assert faults(page.text) == []
    for words in ("2010 &lt;a&gt;.csv", "Heading in line 1.", "RAS/09/01/FIN", "80,50"):
        assert words in page.text
    # The year is found by its name, the others are to be chosen.
    chosen = re.findall(r'<option value="(\d*)" selected', page.text)
    assert chosen.count("1") == 1
    assert held(site) == []

    page = choose(client, place, check="1")
    assert (page.status_code, faults(page.text)) == (200, [])
    assert "2 rows: 2 new, 0 changed, 0 no more." in page.text
    assert held(site) == []

    answer = choose(client, place, **{"import": "1"})
    assert (answer.status_code, answer.location) == (303, "/datasets/deliveries")
    page = client.get("/datasets/deliveries")
    assert faults(page.text) == []
    for words in (
        "2 rows: 2 new, 0 changed, 0 no more.",
        "RAF/09/02/FIN",
        "80.50",
        "list.csv",
        "Chiara Weber",
    ):
        assert words in page.text
    assert held(site) == ["RAF/09/02/FIN", "RAS/09/01/FIN"]
    # The same heading is mapped as it was.
    again = client.get(send(client, GOOD).location).text
    assert sorted(re.findall(r'<option value="(\d+)" selected', again)) == ["0", "1", "2", "3"]
    assert (
        "Every row of the list stands here already: nothing changes." in choose(client, place, check="1").text
    )


def test_everything_wrong_is_listed_and_nothing_is_imported(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    sign_in(client, "desk")
    place = send(client, LIST).location
    page = choose(client, place, **{"import": "1"})
    assert (page.status_code, faults(page.text)) == (422, [])
    assert "Line 2: Spent: “=1+1” is a formula: write the value in its place" in page.text
    page = choose(client, place, **{"import": "1", "column-period": "", "column-fund": "3"})
    assert "No column of the file is chosen for “Year”" in page.text
    assert "is chosen twice, for “Expenditure (US$)” and “Fund”" in page.text
    page = choose(client, place, **{"import": "1", "column-period": "77"})
    assert "No column of the file is chosen for “Year”" in page.text
    assert held(site) == []


def test_what_does_not_fit_a_page_is_counted(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    sign_in(client, "desk")
    rows = "".join(f"RAS/{place};2010;x;1\n" for place in range(250))
    page = choose(client, send(client, "Code;Year;Given;Spent\n" + rows).location, check="1")
    assert page.text.count("is not an amount in figures") == 201
    assert "50 more like this: Given: “…” is not an amount in figures" in page.text


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "Choose a file that has something in it"),
        (b"\xff\xfea\0", "Line 1: the file is not UTF-8"),
        (b"PK\x03\x04", "Line 1: the file is damaged, or no XLSX"),
    ],
)
def test_what_is_no_list_is_refused_at_once(
    cast: Cast, client: FlaskClient, sign_in: SignIn, data: bytes, words: str
) -> None:
    sign_in(client, "desk")
    page = send(client, data)
    assert page.status_code == 422
    assert words in page.text


def test_a_whole_list_ends_rows_and_the_file_of_an_import_is_handed_out(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    sign_in(client, "desk")
    choose(client, send(client, GOOD).location, **{"import": "1"})
    one = GOOD.splitlines(keepends=True)
    place = send(client, "".join(one[:2])).location
    assert "1 row: 0 new, 0 changed, 1 no more." in choose(client, place, whole="y", check="1").text
    choose(client, place, whole="y", **{"import": "1"})
    assert held(site) == ["RAS/09/01/FIN"]
    sign_in(client, "auditor")
    answer = client.get("/datasets/deliveries/imports/1/file")
    assert (answer.data, answer.headers["Content-Disposition"]) == (
        GOOD.encode(),
        "attachment; filename=list.csv",
    )
    assert client.get("/datasets/gaps/imports/1/file").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/datasets/attic",
        "/datasets/attic/import",
        "/datasets/gaps/import/abc",
        f"/datasets/gaps/import/{'0' * 64}",
        "/datasets/gaps/imports/7/file",
        f"/datasets/gaps/imports/{10**20}/file",
    ],
)
def test_what_is_not_there_is_not_found(cast: Cast, client: FlaskClient, sign_in: SignIn, path: str) -> None:
    sign_in(client, "desk")
    assert client.get(path).status_code == 404


def test_a_list_comes_into_the_store_when_it_is_imported(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    sign_in(client, "desk")
    place = send(client, GOOD).location
    sha256 = hashlib.sha256(GOOD.encode()).hexdigest()
    with pytest.raises(NotFound):
        site.files.read(sha256)
    choose(client, place, **{"import": "1"})
    assert site.files.read(sha256) == GOOD.encode()


def test_what_is_in_the_store_for_another_reason_is_no_list(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    sign_in(client, "desk")
    assert client.get(f"/datasets/deliveries/import/{site.files.keep(GOOD.encode())}").status_code == 404


def test_a_long_list_has_pages(site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn) -> None:
    sign_in(client, "desk")
    rows = "".join(f"RAS/{place:03d};2010;1;1\n" for place in range(60))
    choose(client, send(client, "Code;Year;Given;Spent\n" + rows).location, **{"import": "1"})
    page = client.get("/datasets/deliveries").text
    assert ("RAS/049" in page, "RAS/050" in page) == (True, False)
    onward = re.search(r'href="(/datasets/deliveries\?after=[^"]*)"', page)
    assert onward is not None
    page = client.get(onward.group(1)).text
    assert ("RAS/049" in page, "RAS/050" in page, "RAS/059" in page) == (False, True, True)
