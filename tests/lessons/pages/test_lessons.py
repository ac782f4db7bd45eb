"""The list of lessons, and the import by coordinators."""

from io import BytesIO

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from appraisal.accounts.services import accounts
from appraisal.lessons.services import lessons
from appraisal.lessons.store import lessons as stored
from appraisal.web.context import Site
from tests.web.building import Cast
from tests.web.sites import SignIn

HEADING = "code,text,place,countries,theme,outcome,source\n"
LIST = HEADING + (
    "i-eval 1,Plan ahead.,Ghana,GH,Design,,https://example.org/1\n"
    "i-eval 2,Ask <first>.,South Asia,BD;IN,Social dialogue,,Report 5\n"
)


def send(client: FlaskClient, text: str | bytes, name: str = "lessons.csv") -> TestResponse:
    data = text.encode() if isinstance(text, str) else text
    return client.post("/lessons/import", data={"file": (BytesIO(data), name)})


def codes(site: Site) -> list[str]:
    with site.database.read() as db:
        return [lesson.code for lesson in stored.list_lessons(db)[0]]


@pytest.mark.parametrize("who", ["designer", "reader", "chief", "auditor", "desk"])
def test_everybody_who_works_with_proposals_reads_the_lessons(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn, who: str
) -> None:
    with site.database.begin() as db:
        lessons.import_lessons(db, cast["desk"], site.now(), LIST.encode(), "lessons.csv")
    sign_in(client, who)
    page = client.get("/lessons")
    assert page.status_code == 200
    for words in ("Plan ahead.", "Ask &lt;first&gt;.", "Bangladesh, India", 'href="https://example.org/1"'):
        assert words in page.text
    assert 'href="Report 5"' not in page.text
    assert ("/lessons/import" in page.text) == (who == "desk")
    assert 'href="/lessons"' in client.get("/").text
    assert client.get("/lessons/import").status_code == (200 if who == "desk" else 403)


def test_administrators_alone_have_no_business_here(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    sign_in(client, "admin")
    assert client.get("/lessons").status_code == 403
    assert client.get("/lessons/import").status_code == 403


@pytest.mark.thorough
def test_the_list_is_searched(site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn) -> None:
    with site.database.begin() as db:
        lessons.import_lessons(db, cast["desk"], site.now(), LIST.encode(), "lessons.csv")
    sign_in(client, "designer")
    for query, found in (
        ({"words": "ahead"}, {"i-eval 1"}),
        ({"country": "India"}, {"i-eval 2"}),
        ({"country": "gh"}, {"i-eval 1"}),
        ({"theme": "Social dialogue"}, {"i-eval 2"}),
        ({"words": "nothing at all"}, set()),
    ):
        page = client.get("/lessons", query_string=query)
        assert {code for code in ("i-eval 1", "i-eval 2") if code in page.text} == found
    assert "No lesson fits this." in page.text


def test_a_long_list_has_pages(site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn) -> None:
    rows = "".join(f"L{place:03d},Lesson.,,,Design,,Report\n" for place in range(60))
    with site.database.begin() as db:
        lessons.import_lessons(db, cast["desk"], site.now(), (HEADING + rows).encode(), "lessons.csv")
    sign_in(client, "designer")
    first = client.get("/lessons?theme=Design")
    assert "L059" in first.text
    assert "L009" not in first.text
    assert "/lessons?theme=Design&amp;after=" in first.text
    assert client.get(f"/lessons?after={10**30}").status_code == 200


def test_a_coordinator_imports_a_list(site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn) -> None:
    sign_in(client, "desk")
    answer = send(client, "\ufeff" + LIST)
    assert (answer.status_code, answer.location) == (303, "/lessons")
    assert "2 lessons are imported." in client.get("/lessons").text
    assert codes(site) == ["i-eval 2", "i-eval 1"]
    send(client, LIST + "i-eval 3,Train.,,,,,Report\n")
    assert "1 lesson is imported. Here already: 2." in client.get("/lessons").text


def test_every_bad_line_is_listed_and_nothing_is_imported(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    sign_in(client, "desk")
    send(client, LIST)
    page = send(
        client,
        HEADING
        + "i-eval 3,Good.,,,,,Report\ni-eval 1,Other.,Ghana,GH,Design,,https://example.org/1\nx,,,XX,,,\n",
    )
    assert page.status_code == 422
    for words in (
        "There is a problem",
        "Line 3: i-eval 1 stands here already with something else in: text",
        "Line 4: “text” is empty",
        "Line 4: “source” is empty",
        "Line 4: not a country code of ISO 3166: XX",
        "Nothing was imported.",
    ):
        assert words in page.text
    assert codes(site) == ["i-eval 2", "i-eval 1"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "Choose a file that has something in it"),
        (b"%PDF-1.4 \xff\xfe", "Line 1: the file is not UTF-8"),
        (b"PK\x03\x04\0\0", "Line 1: the first line is not text, so this is no list of lessons"),
        ((HEADING + "a,\u00e9,,,,,b\n").encode("latin-1"), "Line 2: the file is not UTF-8"),
        ((HEADING + 'a,"open,,,,,b\n').encode(), "Line 2: not CSV: unexpected end of data"),
        ((HEADING + "a,b,,,,,c\n" * 5001).encode(), "Line 1: more than 5000 lessons in one file"),
        (b"a,b\n1,2\n", "Line 1: the first line lacks the columns: code, text"),
    ],
)
def test_what_is_no_list_is_refused(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn, text: bytes, words: str
) -> None:
    sign_in(client, "desk")
    page = send(client, text)
    assert page.status_code == 422
    assert words in page.text
    assert codes(site) == []


def test_what_looks_like_a_formula_is_kept_and_shown_as_text(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    sign_in(client, "desk")
    assert send(client, HEADING + '=1+1,"=HYPERLINK(""http://x"")",,,,,@sum\n').status_code == 303
    assert codes(site) == ["=1+1"]
    assert "=HYPERLINK(&#34;http://x&#34;)" in client.get("/lessons").text


def test_only_coordinators_import(site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn) -> None:
    sign_in(client, "chief")
    assert send(client, LIST).status_code == 403
    assert codes(site) == []


def test_a_country_that_is_the_place_is_named_once_in_the_readers_language(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    rows = "L1,Here.,North Macedonia,MK,,,Report\nL2,There.,South Asia,BD;IN,,,Report\n"
    with site.database.begin() as db:
        lessons.import_lessons(db, cast["desk"], site.now(), (HEADING + rows).encode(), "list.csv")
        accounts.choose(db, cast["desk"], language="fr", delivery="at_once")
    sign_in(client, "desk")
    page = client.get("/lessons").text
    assert "L1 · Macédoine du Nord<" in page
    assert "L2 · South Asia · Bangladesh, Inde<" in page
